-- References that hold for most rows, though not for all.

CREATE FUNCTION cerebro.add_relationship(child regclass, child_columns text[], parent regclass, parent_columns text[])
	RETURNS double precision
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE COST 100000
	AS 'MODULE_PATHNAME', 'cerebro_add_relationship';
COMMENT ON FUNCTION cerebro.add_relationship(regclass, text[], regclass, text[]) IS
	'records that rows of one table refer to rows of another; returns the share that find theirs';

CREATE FUNCTION cerebro.drop_relationship(id integer) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE COST 1000
	AS 'MODULE_PATHNAME', 'cerebro_drop_relationship';
COMMENT ON FUNCTION cerebro.drop_relationship(integer) IS 'forgets a relationship';

CREATE VIEW cerebro.relationships WITH (security_invoker = true) AS
	SELECT r.child, r.child_columns, r.parent, r.parent_columns,
		r.n_rows AS rows, r.n_matched AS matched,
		CASE WHEN r.n_rows OPERATOR(pg_catalog.>) 0
			THEN pg_catalog.round(100.0 OPERATOR(pg_catalog.*) r.n_matched OPERATOR(pg_catalog./) r.n_rows, 1)
		END AS match_percent,
		cerebro.owner_of(r.owner) AS owner, r.id
	FROM cerebro.relationship r
	WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) r.child::pg_catalog.oid)
		AND EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) r.parent::pg_catalog.oid);
COMMENT ON VIEW cerebro.relationships IS 'references between tables, and how many rows find theirs';
GRANT SELECT ON cerebro.relationships TO PUBLIC;
