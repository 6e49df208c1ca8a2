-- What a training would cost, and what it did.

CREATE TABLE cerebro.model_plan (
	model                integer PRIMARY KEY REFERENCES cerebro.model ON DELETE CASCADE,
	n_rows               bigint,
	n_columns            integer NOT NULL,
	n_kept               integer NOT NULL,
	columns              text[] NOT NULL,
	kept                 text[] NOT NULL,
	n_epochs             integer NOT NULL,
	n_found              integer,
	costs_of             integer,
	read_seconds         double precision,
	train_seconds        double precision,
	bytes                bigint,
	actual_read_seconds  double precision,
	actual_epochs        integer,
	actual_found         integer,
	actual_train_seconds double precision,
	actual_seconds       double precision,
	actual_bytes         bigint
);
COMMENT ON TABLE cerebro.model_plan IS 'what a training was expected to do and to cost, and what came';
COMMENT ON COLUMN cerebro.model_plan.n_rows IS 'training and validation rows; NULL: not known beforehand';
COMMENT ON COLUMN cerebro.model_plan.kept IS 'columns that were there coded: not read';
COMMENT ON COLUMN cerebro.model_plan.n_found IS 'epochs whose state was there; NULL: that shows once rows are read';
COMMENT ON COLUMN cerebro.model_plan.costs_of IS 'the model with the nearest triple, whose costs are expected; NULL: there was none';
COMMENT ON COLUMN cerebro.model_plan.actual_seconds IS 'of the engine: ordering and encoding rows, epochs, packing';
COMMENT ON COLUMN cerebro.model_plan.actual_bytes IS 'of the model and the states that were kept, before what they share with others is kept once';
ALTER TABLE cerebro.model_plan ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON cerebro.model_plan FOR SELECT
	USING (EXISTS (SELECT FROM cerebro.model m WHERE m.id OPERATOR(pg_catalog.=) model
		AND (cerebro.is_mine(m.owner) OR EXISTS (SELECT FROM cerebro.model_grant g
			WHERE g.model OPERATOR(pg_catalog.=) m.id AND g.privilege OPERATOR(pg_catalog.<>) 'use'
			AND cerebro.is_mine(g.role)))));
GRANT SELECT ON cerebro.model_plan TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('cerebro.model_plan', '');

CREATE FUNCTION cerebro.plan_train(task text, mst cerebro.mst) RETURNS cerebro.model_plan
	LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT
	AS 'MODULE_PATHNAME', 'cerebro_plan_train';
COMMENT ON FUNCTION cerebro.plan_train(text, cerebro.mst) IS
	'what train would do and cost, without doing it; its model is one that is there already';

CREATE FUNCTION cerebro.print_bytes(bytes bigint) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN COALESCE(pg_catalog.pg_size_pretty(bytes), '?');
COMMENT ON FUNCTION cerebro.print_bytes(bigint) IS 'bytes as people read them';

CREATE FUNCTION cerebro.print_seconds(seconds double precision) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN COALESCE(pg_catalog.round(seconds::numeric, 3)::text, '?');
COMMENT ON FUNCTION cerebro.print_seconds(double precision) IS 'seconds as people read them';

-- As EXPLAIN prints: what is done, then what it costs; the last step first.
CREATE FUNCTION cerebro.print_plan(p cerebro.model_plan, title text) RETURNS SETOF text
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	WITH rest AS (
		SELECT ARRAY(SELECT c FROM pg_catalog.unnest(p.columns) c
			WHERE c OPERATOR(pg_catalog.<>) ALL (p.kept)) AS columns),
	line AS (
		SELECT 1 AS n, pg_catalog.format('%s  (seconds=%s bytes=%s)', title,
			cerebro.print_seconds(p.read_seconds OPERATOR(pg_catalog.+) p.train_seconds),
			cerebro.print_bytes(p.bytes))
			OPERATOR(pg_catalog.||) CASE WHEN p.actual_seconds IS NULL THEN '' ELSE
				pg_catalog.format('  (actual seconds=%s bytes=%s)',
					cerebro.print_seconds(p.actual_read_seconds OPERATOR(pg_catalog.+) p.actual_seconds),
					cerebro.print_bytes(p.actual_bytes)) END AS text
		UNION ALL
		SELECT 2, pg_catalog.format('  ->  %s  (seconds=%s)',
			CASE WHEN p.n_found IS NULL THEN pg_catalog.format('Train %s epochs, but for those that are found once rows are read', p.n_epochs)
				WHEN p.n_found OPERATOR(pg_catalog.=) 0 THEN pg_catalog.format('Train %s epochs', p.n_epochs)
				WHEN p.n_found OPERATOR(pg_catalog.=) p.n_epochs THEN 'Train nothing'
				ELSE pg_catalog.format('Train epochs %s to %s', p.n_found OPERATOR(pg_catalog.+) 1, p.n_epochs) END,
			cerebro.print_seconds(p.train_seconds))
			OPERATOR(pg_catalog.||) CASE WHEN p.actual_seconds IS NULL THEN '' ELSE
				pg_catalog.format('  (actual seconds=%s epochs=%s)', cerebro.print_seconds(p.actual_train_seconds),
					p.actual_epochs OPERATOR(pg_catalog.-) p.actual_found) END
		UNION ALL
		SELECT 3, pg_catalog.format('        Start: state after epoch %s, found in the archive', COALESCE(p.actual_found, p.n_found))
		WHERE COALESCE(p.actual_found, p.n_found) OPERATOR(pg_catalog.>) 0
		UNION ALL
		SELECT 4, CASE WHEN p.costs_of IS NULL THEN '        Cost: not known, no model of this task was trained yet'
			ELSE pg_catalog.format('        Cost: as of model %s, whose triple is nearest', p.costs_of) END
		UNION ALL
		SELECT 5, pg_catalog.format('        ->  Read %s columns of %s rows  (seconds=%s)', p.n_columns, COALESCE(p.n_rows::text, '?'),
			cerebro.print_seconds(p.read_seconds))
			OPERATOR(pg_catalog.||) CASE WHEN p.actual_seconds IS NULL THEN '' ELSE
				pg_catalog.format('  (actual seconds=%s)', cerebro.print_seconds(p.actual_read_seconds)) END
		UNION ALL
		SELECT 6, pg_catalog.format('              Kept: %s', pg_catalog.array_to_string(p.kept, ', '))
		WHERE p.n_kept OPERATOR(pg_catalog.>) 0
		UNION ALL
		SELECT 7, pg_catalog.format('              From tables: %s', pg_catalog.array_to_string(r.columns, ', '))
		FROM rest r WHERE p.n_kept OPERATOR(pg_catalog.<) p.n_columns)
	SELECT l.text FROM line l ORDER BY l.n;
END;
COMMENT ON FUNCTION cerebro.print_plan(cerebro.model_plan, text) IS 'a plan as EXPLAIN prints one';

CREATE FUNCTION cerebro.explain_train(task text, mst cerebro.mst DEFAULT '') RETURNS SETOF text
	LANGUAGE sql VOLATILE PARALLEL UNSAFE STRICT
BEGIN ATOMIC
	WITH plan AS MATERIALIZED (SELECT cerebro.plan_train(explain_train.task, explain_train.mst) AS p)
	SELECT l.line FROM plan, LATERAL (
		SELECT pg_catalog.format('Found: model %s is what this training would make  (seconds=0 bytes=0)', (plan.p).model) AS line
		WHERE (plan.p).model IS NOT NULL
		UNION ALL
		SELECT t FROM cerebro.print_plan(plan.p, pg_catalog.format('Train for %s', explain_train.task)) t
		WHERE (plan.p).model IS NULL) l;
END;
COMMENT ON FUNCTION cerebro.explain_train(text, cerebro.mst) IS
	'what train would do: which columns are read and which are there, where training begins, seconds and bytes; trains nothing';

CREATE FUNCTION cerebro.explain_train(model integer, change cerebro.mst_change) RETURNS SETOF text
	LANGUAGE sql VOLATILE PARALLEL UNSAFE STRICT
BEGIN ATOMIC
	SELECT e FROM cerebro.check_model(explain_train.model) c
	JOIN cerebro.model m ON m.id OPERATOR(pg_catalog.=) c
	JOIN cerebro.task t ON t.id OPERATOR(pg_catalog.=) m.task,
	LATERAL cerebro.explain_train(t.name, m.mst OPERATOR(cerebro.+) explain_train.change) e;
END;
COMMENT ON FUNCTION cerebro.explain_train(integer, cerebro.mst_change) IS
	'the same for a model''s triple with a change';

CREATE FUNCTION cerebro.explain_model(model integer) RETURNS SETOF text
	LANGUAGE sql STABLE PARALLEL SAFE STRICT
BEGIN ATOMIC
	SELECT l FROM cerebro.check_model(explain_model.model) c
	JOIN cerebro.model_plan p ON p.model OPERATOR(pg_catalog.=) c
	JOIN cerebro.model m ON m.id OPERATOR(pg_catalog.=) c
	JOIN cerebro.task t ON t.id OPERATOR(pg_catalog.=) m.task,
	LATERAL cerebro.print_plan(p, pg_catalog.format('Train for %s', t.name)) l
	UNION ALL
	SELECT pg_catalog.format('Ensemble, members %s: each has a plan of its own', pg_catalog.string_agg(e.member::pg_catalog.text, ', ' ORDER BY e.member USING OPERATOR(pg_catalog.<)))
	FROM cerebro.ensemble_member e JOIN cerebro.check_model(explain_model.model) c ON e.model OPERATOR(pg_catalog.=) c
	HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 0;
END;
COMMENT ON FUNCTION cerebro.explain_model(integer) IS 'the plan by which a model was trained, with what came beside what was expected';
