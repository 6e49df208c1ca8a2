-- What FE asks of other tables: when a row of theirs came to be known.

CREATE FUNCTION cerebro.set_time("table" regclass, "column" text) RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE COST 1000
	AS 'MODULE_PATHNAME', 'cerebro_set_time';
COMMENT ON FUNCTION cerebro.set_time(regclass, text) IS
	'declares which column tells when a row of the table came to be known: JOIN and AGGREGATE see no later rows than a prediction may; NULL takes it back';

CREATE VIEW cerebro.times WITH (security_invoker = true) AS
	SELECT t.relation AS "table", t.column_name AS "column", cerebro.owner_of(t.owner) AS owner, t.created_at
	FROM cerebro.time_column t
	WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) t.relation::pg_catalog.oid);
COMMENT ON VIEW cerebro.times IS 'which column of a table tells when a row came to be known';
GRANT SELECT ON cerebro.times TO PUBLIC;

CREATE FUNCTION cerebro.feature_query(task text, mst text DEFAULT '') RETURNS text
	LANGUAGE c STABLE STRICT PARALLEL UNSAFE COST 100000
	AS 'MODULE_PATHNAME', 'cerebro_feature_query';
COMMENT ON FUNCTION cerebro.feature_query(text, text) IS
	'the query that a triple''s FE reads: its inputs, then the task''s label, key, split and times';
