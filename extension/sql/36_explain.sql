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
	actual_bytes         bigint,
	start                text,
	actual_start         text
);
COMMENT ON TABLE cerebro.model_plan IS 'what a training was expected to do and to cost, and what came';
COMMENT ON COLUMN cerebro.model_plan.model IS 'the model; NULL: of a plan that nothing was trained by yet';
COMMENT ON COLUMN cerebro.model_plan.n_rows IS 'training and validation rows; NULL: not known beforehand';
COMMENT ON COLUMN cerebro.model_plan.n_columns IS 'columns that the training reads or has coded';
COMMENT ON COLUMN cerebro.model_plan.n_kept IS 'of those, columns that were there coded';
COMMENT ON COLUMN cerebro.model_plan.columns IS 'all of them, by name';
COMMENT ON COLUMN cerebro.model_plan.kept IS 'columns that were there coded: not read';
COMMENT ON COLUMN cerebro.model_plan.n_epochs IS 'epochs at most, those found included';
COMMENT ON COLUMN cerebro.model_plan.n_found IS 'epochs whose state was there; NULL: that shows once rows are read';
COMMENT ON COLUMN cerebro.model_plan.costs_of IS 'the model with the nearest triple, whose costs are expected; NULL: there was none';
COMMENT ON COLUMN cerebro.model_plan.read_seconds IS 'expected: seconds that reading rows takes';
COMMENT ON COLUMN cerebro.model_plan.train_seconds IS 'expected: seconds that its epochs take; NULL: no training of the task tells';
COMMENT ON COLUMN cerebro.model_plan.bytes IS 'expected: of the model and the states that are kept; NULL: no training of the task tells';
COMMENT ON COLUMN cerebro.model_plan.actual_read_seconds IS 'that reading rows took; NULL, as of the others that tell what came: it was not trained';
COMMENT ON COLUMN cerebro.model_plan.actual_epochs IS 'epochs that it has, those found included';
COMMENT ON COLUMN cerebro.model_plan.actual_found IS 'epochs whose state was there';
COMMENT ON COLUMN cerebro.model_plan.actual_train_seconds IS 'that the epochs took which were not found, without validation';
COMMENT ON COLUMN cerebro.model_plan.actual_seconds IS 'of the engine: ordering and encoding rows, epochs, packing';
COMMENT ON COLUMN cerebro.model_plan.actual_bytes IS 'of the model and the states that were kept, before what they share with others is kept once';
COMMENT ON COLUMN cerebro.model_plan.start IS 'of a change: what its training was expected to begin with; NULL: it is no change of a model';
COMMENT ON COLUMN cerebro.model_plan.actual_start IS 'what it began with, as the engine fitted it';
ALTER TABLE cerebro.model_plan ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON cerebro.model_plan FOR SELECT
	USING (EXISTS (SELECT FROM cerebro.model m WHERE m.id OPERATOR(pg_catalog.=) model
		AND (cerebro.is_mine(m.owner) OR EXISTS (SELECT FROM cerebro.model_grant g
			WHERE g.model OPERATOR(pg_catalog.=) m.id AND g.privilege OPERATOR(pg_catalog.<>) 'use'
			AND cerebro.is_mine(g.role)))));
COMMENT ON POLICY visible ON cerebro.model_plan IS 'seen with its model by those who may read that';
GRANT SELECT ON cerebro.model_plan TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('cerebro.model_plan', '');

CREATE FUNCTION cerebro.plan_train(task text, mst cerebro.mst) RETURNS cerebro.model_plan
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'cerebro_plan_train';
COMMENT ON FUNCTION cerebro.plan_train(text, cerebro.mst) IS
	'what train would do and cost, without doing it; its model is one that is there already';

CREATE FUNCTION cerebro.plan_change(model integer, change cerebro.mst_change, warm boolean DEFAULT true) RETURNS cerebro.model_plan
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'cerebro_plan_change';
COMMENT ON FUNCTION cerebro.plan_change(integer, cerebro.mst_change, boolean) IS
	'what train_change would do and cost, without doing it; its model is one that is there already';

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
		SELECT 3, '        Start: ' OPERATOR(pg_catalog.||) p.start
			OPERATOR(pg_catalog.||) COALESCE('  (actual ' OPERATOR(pg_catalog.||) p.actual_start OPERATOR(pg_catalog.||) ')', '')
		WHERE p.start IS NOT NULL AND NOT COALESCE(p.actual_found, p.n_found, 0) OPERATOR(pg_catalog.>) 0
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
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
	WITH plan AS MATERIALIZED (SELECT cerebro.plan_train(explain_train.task, explain_train.mst) AS p)
	SELECT l.line FROM plan, LATERAL (
		SELECT pg_catalog.format('Found: model %s is what this training would make  (seconds=0 bytes=0)', (plan.p).model) AS line
		WHERE (plan.p).model IS NOT NULL
		UNION ALL
		SELECT t FROM cerebro.print_plan(plan.p, pg_catalog.format('Train for %s', explain_train.task)) t
		WHERE (plan.p).model IS NULL
		UNION ALL
		SELECT t FROM cerebro.model_plan k, cerebro.print_plan(k, pg_catalog.format('Train for %s', explain_train.task)) t
		WHERE k.model OPERATOR(pg_catalog.=) (plan.p).model) l;
END;
COMMENT ON FUNCTION cerebro.explain_train(text, cerebro.mst) IS
	'what train would do: which columns are read and which are there, where training begins, seconds and bytes; where the model is there already, what that took; trains nothing';

CREATE FUNCTION cerebro.explain_train(model integer, change cerebro.mst_change, warm boolean DEFAULT true) RETURNS SETOF text
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
	WITH plan AS MATERIALIZED (
		SELECT cerebro.plan_change(explain_train.model, explain_train.change, explain_train.warm) AS p),
	given AS (SELECT t.name FROM cerebro.model m JOIN cerebro.task t ON t.id OPERATOR(pg_catalog.=) m.task
		WHERE m.id OPERATOR(pg_catalog.=) explain_train.model)
	SELECT l.line FROM plan, LATERAL (
		SELECT pg_catalog.format('Found: model %s is what this training would make  (seconds=0 bytes=0)', (plan.p).model) AS line
		WHERE (plan.p).model IS NOT NULL
		UNION ALL
		SELECT t FROM given g, cerebro.print_plan(plan.p, pg_catalog.format('Change model %s of %s', explain_train.model, g.name)) t
		WHERE (plan.p).model IS NULL
		UNION ALL
		SELECT t FROM given g, cerebro.model_plan k, cerebro.print_plan(k, pg_catalog.format('Change model %s of %s', explain_train.model, g.name)) t
		WHERE k.model OPERATOR(pg_catalog.=) (plan.p).model) l;
END;
COMMENT ON FUNCTION cerebro.explain_train(integer, cerebro.mst_change, boolean) IS
	'what train_change would do: what it begins with, which columns are read, seconds and bytes; where the model is there already, what that took; trains nothing';

CREATE FUNCTION cerebro.search_trials(space cerebro.mst_space, algorithm text, trials integer, seed bigint) RETURNS text[]
	LANGUAGE c STABLE PARALLEL SAFE COST 10000
	AS 'MODULE_PATHNAME', 'cerebro_search_trials';
COMMENT ON FUNCTION cerebro.search_trials(cerebro.mst_space, text, integer, bigint) IS 'triples that cerebro.search would train, in their order; trials NULL: as many as it would';

-- What halving trains: fewer trials for more epochs; as search.c does.
CREATE FUNCTION cerebro.search_rungs(n_trials integer, n_epochs integer, algorithm text)
	RETURNS TABLE (rung integer, trials integer, epochs integer)
	LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
BEGIN ATOMIC
	WITH RECURSIVE left_over (rung, trials) AS (
		SELECT 1, search_rungs.n_trials
		UNION ALL
		SELECT l.rung OPERATOR(pg_catalog.+) 1, (l.trials OPERATOR(pg_catalog.+) 2) OPERATOR(pg_catalog./) 3
		FROM left_over l WHERE l.trials OPERATOR(pg_catalog.>) 1 AND search_rungs.algorithm OPERATOR(pg_catalog.=) 'halving')
	SELECT l.rung, l.trials, GREATEST(1, pg_catalog.floor(search_rungs.n_epochs::numeric OPERATOR(pg_catalog./)
		pg_catalog.power(3::numeric, (pg_catalog.max(l.rung) OVER () OPERATOR(pg_catalog.-) l.rung)::numeric))::integer)
	FROM left_over l ORDER BY l.rung;
END;
COMMENT ON FUNCTION cerebro.search_rungs(integer, integer, text) IS 'how many trials a search trains to how many epochs, step by step';

CREATE FUNCTION cerebro.plan_train(task text, mst cerebro.mst[])
	RETURNS TABLE (trial bigint, mst cerebro.mst, plan cerebro.model_plan)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
	SELECT u.n, u.triple, cerebro.plan_train(plan_train.task, u.triple)
	-- no array is an error like no triple
	FROM ROWS FROM (pg_catalog.unnest(COALESCE(plan_train.mst, ARRAY[NULL]::cerebro.mst[]))) WITH ORDINALITY u (triple, n)
	ORDER BY u.n;
END;
COMMENT ON FUNCTION cerebro.plan_train(text, cerebro.mst[]) IS
	'what train of several triples would do and cost for each, without training them; its model is one that is there already';

CREATE FUNCTION cerebro.plan_search(task text, space cerebro.mst_space, algorithm text DEFAULT 'random', trials integer DEFAULT NULL, seed bigint DEFAULT 0)
	RETURNS TABLE (trial bigint, mst cerebro.mst, plan cerebro.model_plan)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
	SELECT p.trial, p.mst, p.plan FROM cerebro.plan_train(plan_search.task,
		cerebro.search_trials(plan_search.space, plan_search.algorithm, plan_search.trials, plan_search.seed)::cerebro.mst[]) p
	ORDER BY p.trial;
END;
COMMENT ON FUNCTION cerebro.plan_search(text, cerebro.mst_space, text, integer, bigint) IS
	'what each trial of a search would do and cost, without training it; its model is one that is there already';

CREATE FUNCTION cerebro.count_threads() RETURNS integer
	LANGUAGE c STABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'cerebro_count_threads';
COMMENT ON FUNCTION cerebro.count_threads() IS 'threads that a training has: cerebro.threads, or one for each core';

-- Triples that train together; algorithm: halving trains fewer of them on.
CREATE FUNCTION cerebro.print_trials(task text, mst cerebro.mst[], title text, algorithm text) RETURNS SETOF text
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
	WITH trial AS MATERIALIZED (
		SELECT p.trial, p.mst, (p.plan).*, k AS was
		FROM cerebro.plan_train(print_trials.task, print_trials.mst) p
		LEFT JOIN cerebro.model_plan k ON k.model OPERATOR(pg_catalog.=) (p.plan).model),
	-- of those that are trained: the same query and columns share an engine, 64 at most; as train_group.c does
	reading AS MATERIALIZED (
		SELECT t.trial, t.mst, t.columns, cerebro.feature_query(print_trials.task, t.mst::pg_catalog.text) AS query
		FROM trial t WHERE t.model IS NULL),
	shared AS (
		SELECT r.trial, CASE WHEN COALESCE(pg_catalog.current_setting('cerebro.plan_group', true)::boolean, true)
				THEN pg_catalog.min(r.trial) OVER same ELSE r.trial END AS first,
			(pg_catalog.row_number() OVER (same ORDER BY r.trial) OPERATOR(pg_catalog.-) 1) OPERATOR(pg_catalog./) 64 AS part
		FROM (SELECT pg_catalog.min(o.trial) AS trial, o.columns, o.query FROM reading o GROUP BY o.mst, o.columns, o.query) r
		WINDOW same AS (PARTITION BY r.query, r.columns)),
	member AS (
		SELECT r.trial, pg_catalog.dense_rank() OVER (ORDER BY s.first, s.part) AS engine
		FROM reading r JOIN reading o ON o.mst OPERATOR(cerebro.=) r.mst
		JOIN shared s ON s.trial OPERATOR(pg_catalog.=) o.trial),
	part AS (
		SELECT r.rung, r.trials, r.epochs,
			(r.epochs OPERATOR(pg_catalog.-) COALESCE(pg_catalog.lag(r.epochs) OVER (ORDER BY r.rung), 0))::double precision
				OPERATOR(pg_catalog./) n.epochs::double precision AS of_epochs,
			r.trials::double precision OPERATOR(pg_catalog./) GREATEST(n.trials, 1)::double precision AS of_trials
		FROM (SELECT pg_catalog.count(*)::integer AS trials, COALESCE(pg_catalog.max(t.n_epochs), 1) AS epochs FROM trial t) n,
			cerebro.search_rungs(n.trials, n.epochs, print_trials.algorithm) r),
	-- side by side, a thread each: as long as all of them by thread, and as the longest
	engine AS (
		SELECT pg_catalog.sum(t.train_seconds) OPERATOR(pg_catalog./) cerebro.count_threads()::double precision AS by_thread,
			pg_catalog.max(t.train_seconds) AS longest
		FROM shared s JOIN member m ON m.trial OPERATOR(pg_catalog.=) s.trial
		JOIN trial t ON t.trial OPERATOR(pg_catalog.=) s.trial
		GROUP BY m.engine),
	-- clocks' time of those found, which trained side by side, too
	lasted AS (
		SELECT pg_catalog.range_agg(pg_catalog.tstzrange(LEAST(j.started_at, j.ended_at), GREATEST(j.started_at, j.ended_at))) AS ranges
		FROM trial t JOIN cerebro.model m ON m.id OPERATOR(pg_catalog.=) t.model
		JOIN cerebro.job j ON j.id OPERATOR(pg_catalog.=) m.job),
	-- columns that several trials lack are read once: the first keeps them
	lacking AS (
		SELECT DISTINCT c FROM trial t, pg_catalog.unnest(t.columns) c
		WHERE t.model IS NULL AND c OPERATOR(pg_catalog.<>) ALL (t.kept)),
	sum AS (
		SELECT pg_catalog.count(*) AS n, pg_catalog.count(t.model) AS found, pg_catalog.max(t.n_rows) AS n_rows,
			(SELECT pg_catalog.sum(r.of_epochs OPERATOR(pg_catalog.*)
				GREATEST(e.longest, e.by_thread OPERATOR(pg_catalog.*) r.of_trials)) FROM part r, engine e) AS train,
			pg_catalog.max(t.read_seconds) FILTER (WHERE t.model IS NULL) AS read,
			(pg_catalog.sum(t.bytes) FILTER (WHERE t.model IS NULL))::bigint AS bytes,
			COALESCE((SELECT pg_catalog.sum(pg_catalog.date_part('epoch', pg_catalog.upper(r) OPERATOR(pg_catalog.-) pg_catalog.lower(r)))
				FROM lasted d, pg_catalog.unnest(d.ranges) r),
				pg_catalog.sum((t.was).actual_read_seconds OPERATOR(pg_catalog.+) (t.was).actual_seconds)) AS spent,
			pg_catalog.sum((t.was).actual_bytes)::bigint AS spent_bytes FROM trial t),
	line AS (
		SELECT 1 AS n, 0::bigint AS trial, pg_catalog.format('%s: %s trials, %s found%s  (seconds=%s bytes=%s)',
			print_trials.title, s.n, s.found,
			(SELECT pg_catalog.format(', %s %s', pg_catalog.max(m.engine),
					CASE WHEN pg_catalog.max(m.engine) OPERATOR(pg_catalog.>) 1 THEN 'groups' ELSE 'group' END)
				FROM member m HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 0),
			cerebro.print_seconds(CASE WHEN s.found OPERATOR(pg_catalog.=) s.n THEN 0 ELSE s.read OPERATOR(pg_catalog.+) s.train END),
			cerebro.print_bytes(CASE WHEN s.found OPERATOR(pg_catalog.=) s.n THEN 0 ELSE s.bytes END))
			OPERATOR(pg_catalog.||) CASE WHEN s.found OPERATOR(pg_catalog.=) 0 THEN '' ELSE
				pg_catalog.format('  (actual seconds=%s bytes=%s of those found)', cerebro.print_seconds(s.spent), cerebro.print_bytes(s.spent_bytes)) END AS text
		FROM sum s
		UNION ALL
		SELECT 2, r.rung, pg_catalog.format('  ->  Train %s of them to epoch %s', r.trials, r.epochs)
		FROM part r WHERE print_trials.algorithm OPERATOR(pg_catalog.=) 'halving'
		UNION ALL
		SELECT 3, 0, pg_catalog.format('  ->  Read once, %s rows, from tables: %s', COALESCE(pg_catalog.max(s.n_rows)::text, '?'),
			pg_catalog.string_agg(l.c, ', ' ORDER BY l.c))
		FROM lacking l, sum s HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 0
		UNION ALL
		SELECT 4, t.trial, pg_catalog.format('  ->  Trial %s: %s', t.trial, t.mst)
			OPERATOR(pg_catalog.||) CASE WHEN t.model IS NULL THEN pg_catalog.format('  (seconds=%s bytes=%s)%s',
					cerebro.print_seconds(t.train_seconds), cerebro.print_bytes(t.bytes),
					CASE WHEN t.n_found OPERATOR(pg_catalog.>) 0 THEN pg_catalog.format('  from the state after epoch %s', t.n_found) ELSE '' END)
					OPERATOR(pg_catalog.||) (SELECT pg_catalog.format('  group %s', m.engine) FROM member m WHERE m.trial OPERATOR(pg_catalog.=) t.trial)
				ELSE pg_catalog.format('  found: model %s', t.model)
					OPERATOR(pg_catalog.||) COALESCE(pg_catalog.format('  (seconds=%s)  (actual seconds=%s bytes=%s)',
						cerebro.print_seconds((t.was).read_seconds OPERATOR(pg_catalog.+) (t.was).train_seconds),
						cerebro.print_seconds((t.was).actual_read_seconds OPERATOR(pg_catalog.+) (t.was).actual_seconds),
						cerebro.print_bytes((t.was).actual_bytes)), '') END
		FROM trial t)
	SELECT l.text FROM line l ORDER BY l.n, l.trial;
END;
COMMENT ON FUNCTION cerebro.print_trials(text, cerebro.mst[], text, text) IS 'the plan of triples that train together, as EXPLAIN prints one';

CREATE FUNCTION cerebro.explain_search(task text, space cerebro.mst_space, algorithm text DEFAULT 'random', trials integer DEFAULT NULL, seed bigint DEFAULT 0)
	RETURNS SETOF text
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
	SELECT cerebro.print_trials(explain_search.task,
		cerebro.search_trials(explain_search.space, explain_search.algorithm, explain_search.trials, explain_search.seed)::cerebro.mst[],
		pg_catalog.format('Search for %s by %s', explain_search.task, explain_search.algorithm), explain_search.algorithm);
END;
COMMENT ON FUNCTION cerebro.explain_search(text, cerebro.mst_space, text, integer, bigint) IS
	'what search would do: its trials, those that are there, what is read once, seconds and bytes; after the search what came; trains nothing';

CREATE FUNCTION cerebro.explain_train(task text, mst cerebro.mst[]) RETURNS SETOF text
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
	SELECT cerebro.print_trials(explain_train.task, explain_train.mst,
		pg_catalog.format(CASE WHEN COALESCE(pg_catalog.current_setting('cerebro.plan_group', true)::boolean, true)
			THEN 'Train together for %s' ELSE 'Train one by one for %s' END, explain_train.task), 'grid');
END;
COMMENT ON FUNCTION cerebro.explain_train(text, cerebro.mst[]) IS
	'what train of several triples would do: those that are there, what is read once, seconds and bytes of each; trains nothing';

CREATE FUNCTION cerebro.explain_train(task text, space cerebro.mst_space) RETURNS SETOF text
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
	SELECT cerebro.explain_search(explain_train.task, explain_train.space);
END;
COMMENT ON FUNCTION cerebro.explain_train(text, cerebro.mst_space) IS 'the same of a space: what search would do at random';

-- Without it a quoted triple could be either.
CREATE FUNCTION cerebro.explain_train(task text, mst text) RETURNS SETOF text
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
	SELECT e FROM cerebro.explain_train(explain_train.task, explain_train.mst::cerebro.mst_space) e
	WHERE cerebro.cardinality(explain_train.mst::cerebro.mst_space) OPERATOR(pg_catalog.>) 1::double precision
	UNION ALL
	-- never a triple out of a space, not even while planning
	SELECT e FROM cerebro.explain_train(explain_train.task,
		(CASE WHEN cerebro.cardinality(explain_train.mst::cerebro.mst_space) OPERATOR(pg_catalog.>) 1::double precision
			THEN '' ELSE explain_train.mst END)::cerebro.mst) e
	WHERE (cerebro.cardinality(explain_train.mst::cerebro.mst_space) OPERATOR(pg_catalog.>) 1::double precision) IS NOT TRUE;
END;
COMMENT ON FUNCTION cerebro.explain_train(text, text) IS 'the same of a triple or a space that is given as text';

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
