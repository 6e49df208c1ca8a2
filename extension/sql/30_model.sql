-- Models: seen, compared, opened on the test rows, used on single rows, dropped.

CREATE VIEW cerebro.models WITH (security_invoker = true) AS
	SELECT m.id,
		   t.name AS task,
		   m.mst,
		   pg_catalog.round(m.valid_log_loss::numeric, 5)::double precision AS valid_log_loss,
		   pg_catalog.round(m.valid_auc::numeric, 5)::double precision AS valid_auc,
		   pg_catalog.round(m.valid_accuracy::numeric, 5)::double precision AS valid_accuracy,
		   pg_catalog.round(e.log_loss::numeric, 5)::double precision AS test_log_loss,
		   pg_catalog.round(e.auc::numeric, 5)::double precision AS test_auc,
		   pg_catalog.round(e.accuracy::numeric, 5)::double precision AS test_accuracy,
		   e.openings,
		   m.n_weights,
		   m.n_epochs,
		   m.best_epoch,
		   pg_catalog.round(m.seconds::numeric, 2)::double precision AS seconds,
		   m.data_version,
		   m.executor,
		   m.kernel_class,
		   m.version,
		   cerebro.owner_of(m.owner) AS owner,
		   m.created_at,
		   m.temperature,
		   t.classes[1:pg_catalog.array_length(d.class_rows, 2)] AS classes
	FROM cerebro.model m
	LEFT JOIN cerebro.task t ON t.id OPERATOR(pg_catalog.=) m.task
	LEFT JOIN cerebro.data_version d ON d.id OPERATOR(pg_catalog.=) m.data_version
	LEFT JOIN LATERAL (
		SELECT pg_catalog.count(*) AS openings,
			   (pg_catalog.array_agg(v.log_loss ORDER BY v.id))[1] AS log_loss,
			   (pg_catalog.array_agg(v.auc ORDER BY v.id))[1] AS auc,
			   (pg_catalog.array_agg(v.accuracy ORDER BY v.id))[1] AS accuracy
		FROM cerebro.evaluation v
		WHERE v.model OPERATOR(pg_catalog.=) m.id) e ON true;
COMMENT ON VIEW cerebro.models IS 'the models that you may use, with their metrics on validation rows and, where somebody opened them, on the test rows, to five decimals';
GRANT SELECT ON cerebro.models TO PUBLIC;

CREATE VIEW cerebro.evaluations WITH (security_invoker = true) AS
	SELECT v.id,
		   t.name AS task,
		   pg_catalog.row_number() OVER (PARTITION BY v.task ORDER BY v.id) AS opening,
		   v.model,
		   v.n_rows,
		   pg_catalog.round(v.log_loss::numeric, 5)::double precision AS log_loss,
		   pg_catalog.round(v.auc::numeric, 5)::double precision AS auc,
		   pg_catalog.round(v.accuracy::numeric, 5)::double precision AS accuracy,
		   v.data_version,
		   cerebro.owner_of(v.owner) AS opened_by,
		   v.opened_at
	FROM cerebro.evaluation v
	JOIN cerebro.task t ON t.id OPERATOR(pg_catalog.=) v.task;
COMMENT ON VIEW cerebro.evaluations IS 'every opening of a task''s test rows, by whom and for which model';
GRANT SELECT ON cerebro.evaluations TO PUBLIC;

CREATE FUNCTION cerebro.evaluate(model integer,
	OUT n_rows bigint, OUT log_loss double precision, OUT auc double precision,
	OUT accuracy double precision, OUT openings bigint)
	RETURNS record
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE COST 1000000
	AS 'MODULE_PATHNAME', 'cerebro_evaluate';
COMMENT ON FUNCTION cerebro.evaluate(integer) IS 'metrics of a model on the task''s test rows; the opening is recorded, openings counts those of the task';

CREATE FUNCTION cerebro.compare_loss(a integer, b integer,
	OUT mean_difference double precision, OUT standard_error double precision)
	RETURNS record
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10000
	AS 'MODULE_PATHNAME', 'cerebro_compare_loss';
COMMENT ON FUNCTION cerebro.compare_loss(integer, integer) IS 'mean of log-loss of a minus log-loss of b over the validation rows that they share, with its standard error';

CREATE FUNCTION cerebro.find_task(name text, OUT id integer, OUT metric text)
	RETURNS record
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'cerebro_find_task';
COMMENT ON FUNCTION cerebro.find_task(text) IS 'the task that a name means to the current role: its own comes first';

-- Two standard errors: one comparison in twenty errs.  The metric of the task
-- orders; noise is always judged by log-loss, which every row has.
CREATE FUNCTION cerebro.leaderboard(task text)
	RETURNS TABLE (rank bigint, model integer, mst cerebro.mst,
		log_loss double precision, auc double precision, accuracy double precision,
		is_within_noise boolean, test_log_loss double precision, test_auc double precision,
		openings bigint, weights bigint, epochs integer, seconds double precision,
		data_version integer, who regrole, created_at timestamptz)
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	WITH ranked AS (
		SELECT pg_catalog.row_number() OVER w AS rank,
			   pg_catalog.first_value(m.id) OVER w AS first,
			   pg_catalog.first_value(m.data_version) OVER w AS newest,
			   m.*
		FROM cerebro.find_task(leaderboard.task) t
		JOIN cerebro.model o ON o.task OPERATOR(pg_catalog.=) t.id
		JOIN cerebro.models m ON m.id OPERATOR(pg_catalog.=) o.id
		WINDOW w AS (ORDER BY m.data_version DESC,
			CASE t.metric
				WHEN 'auc' THEN OPERATOR(pg_catalog.-) o.valid_auc
				WHEN 'accuracy' THEN OPERATOR(pg_catalog.-) o.valid_accuracy
				ELSE o.valid_log_loss
			END, o.valid_log_loss, m.id))
	SELECT r.rank, r.id, r.mst, r.valid_log_loss, r.valid_auc, r.valid_accuracy,
		   CASE WHEN r.data_version OPERATOR(pg_catalog.=) r.newest
				THEN (SELECT pg_catalog.abs(c.mean_difference)
							 OPERATOR(pg_catalog.<=) (2.0 OPERATOR(pg_catalog.*) c.standard_error)
					  FROM cerebro.compare_loss(r.id, r.first) c)
		   END,
		   r.test_log_loss, r.test_auc, r.openings, r.n_weights, r.n_epochs, r.seconds,
		   r.data_version, r.owner, r.created_at
	FROM ranked r
	ORDER BY r.rank;
END;
COMMENT ON FUNCTION cerebro.leaderboard(text) IS 'models of a task, the best of the newest data version first; is_within_noise marks those whose loss differs from the first''s by no more than two standard errors, NULL where the validation rows are others';

CREATE FUNCTION cerebro.score_support(internal) RETURNS internal
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'cerebro_score_support';
COMMENT ON FUNCTION cerebro.score_support(internal) IS 'tells the planner what scoring a row costs';

CREATE FUNCTION cerebro.predict(model integer, example record) RETURNS real
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 200
	SUPPORT cerebro.score_support
	AS 'MODULE_PATHNAME', 'cerebro_predict';
COMMENT ON FUNCTION cerebro.predict(integer, record) IS 'probability of the positive class for a row that has the model''s columns';

CREATE FUNCTION cerebro.predict_class(model integer, example record) RETURNS text
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 200
	SUPPORT cerebro.score_support
	AS 'MODULE_PATHNAME', 'cerebro_predict_class';
COMMENT ON FUNCTION cerebro.predict_class(integer, record) IS 'most likely class for a row that has the model''s columns';

CREATE FUNCTION cerebro.predict_proba(model integer, example record) RETURNS jsonb
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 250
	SUPPORT cerebro.score_support
	AS 'MODULE_PATHNAME', 'cerebro_predict_proba';
COMMENT ON FUNCTION cerebro.predict_proba(integer, record) IS 'probability of each class for a row that has the model''s columns';

CREATE FUNCTION cerebro.why(model integer, example record) RETURNS jsonb
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 50000
	SUPPORT cerebro.score_support
	AS 'MODULE_PATHNAME', 'cerebro_why';
COMMENT ON FUNCTION cerebro.why(integer, record) IS 'what each feature of a row, and each table, adds to the log-odds of its prediction, by integrated gradients from a baseline';

CREATE FUNCTION cerebro.drop_model(model integer) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'cerebro_drop_model';
COMMENT ON FUNCTION cerebro.drop_model(integer) IS 'drops a model and the bytes that no other model shares; its openings of the test rows stay on record';
