-- Deployments: SQL functions over a relation's rows that answer with a model.

CREATE FUNCTION cerebro.score_row(deployment integer, example record) RETURNS real
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 200
	SUPPORT cerebro.score_support
	AS 'MODULE_PATHNAME', 'cerebro_score_row';
COMMENT ON FUNCTION cerebro.score_row(integer, record) IS 'body of deployed functions: probability of the positive class';

CREATE FUNCTION cerebro.score_row_class(deployment integer, example record) RETURNS text
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 200
	SUPPORT cerebro.score_support
	AS 'MODULE_PATHNAME', 'cerebro_score_row_class';
COMMENT ON FUNCTION cerebro.score_row_class(integer, record) IS 'body of deployed functions: most likely class';

CREATE FUNCTION cerebro.score_row_proba(deployment integer, example record) RETURNS jsonb
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 250
	SUPPORT cerebro.score_support
	AS 'MODULE_PATHNAME', 'cerebro_score_row_proba';
COMMENT ON FUNCTION cerebro.score_row_proba(integer, record) IS 'body of deployed functions: probability of each class';

CREATE FUNCTION cerebro.why_row(deployment integer, example record) RETURNS jsonb
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 50000
	SUPPORT cerebro.score_support
	AS 'MODULE_PATHNAME', 'cerebro_why_row';
COMMENT ON FUNCTION cerebro.why_row(integer, record) IS 'body of deployed functions: what each feature adds to the prediction';

CREATE FUNCTION cerebro.score_compare_support(internal) RETURNS internal
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'cerebro_score_compare_support';
COMMENT ON FUNCTION cerebro.score_compare_support(internal) IS 'tells the planner how many rows have such scores';

CREATE FUNCTION cerebro.score_compare(operator oid, "left" "any", "right" "any") RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1
	SUPPORT cerebro.score_compare_support
	AS 'MODULE_PATHNAME', 'cerebro_score_compare';
COMMENT ON FUNCTION cerebro.score_compare(oid, "any", "any") IS 'stands for a comparison of a score with a constant while a query is planned';

-- A deployment lives as long as one of its functions does, whatever that is
-- called by now.
CREATE VIEW cerebro.deployments WITH (security_invoker = true) AS
	SELECT d.id,
		   p.oid::pg_catalog.regprocedure AS function,
		   d.relation,
		   d.model,
		   t.name AS task,
		   cerebro.owner_of(d.owner) AS owner,
		   d.created_at,
		   d.layout,
		   y.bytes,
		   y.full_bytes,
		   y.full_loss,
		   y.loss,
		   y.differ,
		   d.rights,
		   d.kernel_class
	FROM cerebro.deployment d
	JOIN cerebro.model m ON m.id OPERATOR(pg_catalog.=) d.model
	LEFT JOIN cerebro.model_copy y ON y.model OPERATOR(pg_catalog.=) d.model AND y.layout OPERATOR(pg_catalog.=) d.layout
	LEFT JOIN cerebro.task t ON t.id OPERATOR(pg_catalog.=) m.task
	JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) d.relation::pg_catalog.oid
	JOIN pg_catalog.pg_proc p
		ON p.prosrc OPERATOR(pg_catalog.=) ANY (ARRAY[
			pg_catalog.format('SELECT cerebro.score_row(%s, $1)', d.id),
			pg_catalog.format('SELECT cerebro.score_row_class(%s, $1)', d.id)])
		AND p.pronargs OPERATOR(pg_catalog.=) 1::smallint
		AND p.proargtypes[0] OPERATOR(pg_catalog.=) c.reltype
		AND cerebro.is_owner(m.owner, p.proowner);
COMMENT ON VIEW cerebro.deployments IS 'functions that answer with a model, and which one';
GRANT SELECT ON cerebro.deployments TO PUBLIC;

CREATE FUNCTION cerebro.deploy(model integer, name text, layout text DEFAULT 'fp32', rights text DEFAULT NULL) RETURNS regprocedure
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'cerebro_deploy';
COMMENT ON FUNCTION cerebro.deploy(integer, text, text, text) IS 'makes name(row), name_proba(row) and name_why(row) answer with a model, or with another one from now on; only their owner may EXECUTE them until it grants it; layout: fp32, or bf16 or int8 for a copy in fewer bytes, whose loss on the validation rows is measured; rights: with those of who calls (invoker), or of the function''s owner (owner), the model reads other tables; NULL: as before, at first invoker';

CREATE FUNCTION cerebro.undeploy(name text) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'cerebro_undeploy';
COMMENT ON FUNCTION cerebro.undeploy(text) IS 'drops the functions of a deployment; the model stays';

-- What a rollback would bring back: the model before, as long as it exists.
CREATE VIEW cerebro.deployment_history WITH (security_invoker = true) AS
	SELECT d.function,
		   e.model,
		   CASE WHEN e.back_to IS NULL THEN 'deployed' ELSE 'rolled back' END AS how,
		   cerebro.owner_of(e.owner) AS owner,
		   e.happened_at AS since,
		   pg_catalog.lead(e.happened_at) OVER w AS until,
		   m.id IS NOT NULL AS exists,
		   e.layout,
		   e.rights
	FROM cerebro.deployment_event e
	JOIN cerebro.deployments d ON d.id OPERATOR(pg_catalog.=) e.deployment
	LEFT JOIN cerebro.model m ON m.id OPERATOR(pg_catalog.=) e.model
	WINDOW w AS (PARTITION BY d.function, e.deployment ORDER BY e.ordinal);
COMMENT ON VIEW cerebro.deployment_history IS 'which models answered under deployed functions, and from when to when';
GRANT SELECT ON cerebro.deployment_history TO PUBLIC;

CREATE FUNCTION cerebro.rollback_deployment(name text) RETURNS integer
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'cerebro_rollback_deployment';
COMMENT ON FUNCTION cerebro.rollback_deployment(text) IS 'lets a deployed function answer with the model before, which it returns; again: with the one before that';
