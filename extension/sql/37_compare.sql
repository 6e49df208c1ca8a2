-- Models beside each other; spaces of triples, trained.

CREATE FUNCTION cerebro.compare_pair(a integer, b integer, resamples integer DEFAULT 1000, seed bigint DEFAULT 0,
	OUT log_loss double precision, OUT log_loss_low double precision, OUT log_loss_high double precision,
	OUT auc double precision, OUT auc_low double precision, OUT auc_high double precision,
	OUT accuracy double precision, OUT accuracy_low double precision, OUT accuracy_high double precision,
	OUT disagreements bigint, OUT disagreement double precision)
	RETURNS record
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000000
	AS 'MODULE_PATHNAME', 'cerebro_compare_pair';
COMMENT ON FUNCTION cerebro.compare_pair(integer, integer, integer, bigint) IS
	'metrics of b minus those of a on the validation rows, with 95 % intervals of a paired bootstrap, and on how many rows they decide differently';

CREATE FUNCTION cerebro.find_disputes(a integer, b integer, at_most integer)
	RETURNS TABLE (key text[], label text, decision_a text, decision_b text, probability_a double precision, probability_b double precision)
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE COST 1000000 ROWS 100
	AS 'MODULE_PATHNAME', 'cerebro_compare_rows';
COMMENT ON FUNCTION cerebro.find_disputes(integer, integer, integer) IS 'what cerebro.compare_rows shows, keys as texts in the order of the task''s key';

CREATE FUNCTION cerebro.compare_rows(a integer, b integer, at_most integer DEFAULT 100)
	RETURNS TABLE (key jsonb, label text, decision_a text, decision_b text, probability_a double precision, probability_b double precision)
	LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
BEGIN ATOMIC
	SELECT pg_catalog.jsonb_object(t.key, d.key), d.label, d.decision_a, d.decision_b, d.probability_a, d.probability_b
	FROM ROWS FROM (cerebro.find_disputes(compare_rows.a, compare_rows.b, compare_rows.at_most)) WITH ORDINALITY d
		(key, label, decision_a, decision_b, probability_a, probability_b, n),
		cerebro.model m JOIN cerebro.task t ON t.id OPERATOR(pg_catalog.=) m.task
	WHERE m.id OPERATOR(pg_catalog.=) compare_rows.a ORDER BY d.n;
END;
COMMENT ON FUNCTION cerebro.compare_rows(integer, integer, integer) IS
	'validation rows that two models decide differently, by key: the label, what each takes the row for and the probability that it gives the label; those widest apart first';

CREATE FUNCTION cerebro.compare(VARIADIC models integer[])
	RETURNS TABLE (model integer, mst cerebro.mst, change cerebro.mst_change, curve double precision[],
		log_loss double precision, log_loss_difference double precision, log_loss_low double precision, log_loss_high double precision,
		auc double precision, auc_difference double precision, auc_low double precision, auc_high double precision,
		accuracy double precision, accuracy_difference double precision, accuracy_low double precision, accuracy_high double precision,
		disagreements bigint, disagreement double precision, epochs integer, weights bigint, seconds double precision)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	WITH given AS (
		SELECT u.id, u.n, m.mst, m.data_version, m.valid_log_loss, m.valid_auc, m.valid_accuracy,
			m.n_epochs, m.n_weights, m.seconds
		FROM ROWS FROM (pg_catalog.unnest(cerebro.check_models(compare.models))) WITH ORDINALITY u (id, n)
		LEFT JOIN cerebro.model m ON m.id OPERATOR(pg_catalog.=) u.id),
	first AS (SELECT g.* FROM given g WHERE g.n OPERATOR(pg_catalog.=) 1)
	SELECT g.id, g.mst, CASE WHEN g.n OPERATOR(pg_catalog.>) 1 THEN g.mst OPERATOR(cerebro.-) f.mst END,
		(SELECT pg_catalog.array_agg(e.valid_log_loss ORDER BY e.epoch) FROM cerebro.epoch e WHERE e.model OPERATOR(pg_catalog.=) g.id),
		g.valid_log_loss, p.log_loss, p.log_loss_low, p.log_loss_high,
		g.valid_auc, p.auc, p.auc_low, p.auc_high,
		g.valid_accuracy, p.accuracy, p.accuracy_low, p.accuracy_high,
		p.disagreements, p.disagreement, g.n_epochs, g.n_weights, g.seconds
	FROM given g CROSS JOIN first f
	LEFT JOIN LATERAL cerebro.compare_pair(
		CASE WHEN g.n OPERATOR(pg_catalog.>) 1 AND f.data_version OPERATOR(pg_catalog.=) g.data_version THEN f.id END, g.id) p ON true
	ORDER BY g.n;
END;
COMMENT ON FUNCTION cerebro.compare(integer[]) IS
	'models beside the first of them: the change of its triple, validation loss by epoch, differences of metrics with 95 % intervals of a paired bootstrap, rows on which they decide differently; NULL where the validation rows are others';

CREATE FUNCTION cerebro.history_tree(task text DEFAULT NULL, who regrole DEFAULT (pg_catalog.quote_ident(CURRENT_USER))::regrole)
	RETURNS TABLE (tree text, model integer, parent integer, change cerebro.mst_change, start text,
		log_loss double precision, effect double precision, effect_error double precision,
		epochs integer, seconds double precision, created_at timestamptz)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	WITH RECURSIVE mine AS (
		SELECT m.* FROM cerebro.model m
		WHERE cerebro.owner_of(m.owner)::pg_catalog.oid OPERATOR(pg_catalog.=) history_tree.who::pg_catalog.oid
		AND (history_tree.task IS NULL
			 OR m.task OPERATOR(pg_catalog.=) (SELECT f.id FROM cerebro.find_task(history_tree.task) f))),
	node AS (
		SELECT r.id, 0 AS depth, ARRAY[r.id] AS path FROM mine r
		WHERE r.parent IS NULL OR NOT EXISTS (SELECT FROM mine p WHERE p.id OPERATOR(pg_catalog.=) r.parent)
		UNION ALL
		SELECT c.id, n.depth OPERATOR(pg_catalog.+) 1, n.path OPERATOR(pg_catalog.||) c.id
		FROM node n JOIN mine c ON c.parent OPERATOR(pg_catalog.=) n.id)
	SELECT CASE WHEN n.depth OPERATOR(pg_catalog.=) 0 THEN m.mst::text
			ELSE pg_catalog.repeat('   ', n.depth OPERATOR(pg_catalog.-) 1) OPERATOR(pg_catalog.||) '+- ' OPERATOR(pg_catalog.||) m.change::text END,
		m.id, m.parent, m.change, m.start,
		pg_catalog.round(m.valid_log_loss::numeric, 5)::double precision, COALESCE(m.effect, d.mean_difference), COALESCE(m.effect_error, d.standard_error),
		m.n_epochs, m.seconds, m.created_at
	FROM node n JOIN mine m ON m.id OPERATOR(pg_catalog.=) n.id
	LEFT JOIN mine p ON p.id OPERATOR(pg_catalog.=) m.parent
	LEFT JOIN LATERAL cerebro.compare_loss(
		CASE WHEN m.effect IS NULL AND p.data_version OPERATOR(pg_catalog.=) m.data_version THEN m.id END, p.id) d ON true
	ORDER BY n.path;
END;
COMMENT ON FUNCTION cerebro.history_tree(text, regrole) IS
	'what train_change made of what: each model below the one that it is a change of, with its effect, the mean paired difference in log-loss, and that one''s standard error';

CREATE FUNCTION cerebro.search_models(task text, space cerebro.mst_space, algorithm text, trials integer, budget interval, seed bigint)
	RETURNS integer[]
	LANGUAGE c VOLATILE PARALLEL UNSAFE COST 1000000
	AS 'MODULE_PATHNAME', 'cerebro_search_models';
COMMENT ON FUNCTION cerebro.search_models(text, cerebro.mst_space, text, integer, interval, bigint) IS 'what cerebro.search trains, as ids of models';

-- Volatile: it sees what the statement that calls it has trained.
CREATE FUNCTION cerebro.trained(model integer)
	RETURNS TABLE (model integer, mst cerebro.mst, log_loss double precision, auc double precision,
		accuracy double precision, epochs integer, seconds double precision)
	LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE ROWS 1
BEGIN ATOMIC
	SELECT m.id, m.mst, m.valid_log_loss, m.valid_auc, m.valid_accuracy, m.n_epochs, m.seconds
	FROM cerebro.model m WHERE m.id OPERATOR(pg_catalog.=) trained.model;
END;
COMMENT ON FUNCTION cerebro.trained(integer) IS 'a model''s metrics on validation rows, also within the statement that trained it';

CREATE FUNCTION cerebro.search(task text, space cerebro.mst_space, algorithm text DEFAULT 'random', trials integer DEFAULT NULL,
	budget interval DEFAULT NULL, seed bigint DEFAULT 0)
	RETURNS TABLE (rank bigint, model integer, mst cerebro.mst, log_loss double precision, auc double precision,
		accuracy double precision, epochs integer, seconds double precision)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
	SELECT pg_catalog.row_number() OVER w, r.model, r.mst, r.log_loss, r.auc, r.accuracy, r.epochs, r.seconds
	FROM cerebro.find_task(search.task) t,
		ROWS FROM (pg_catalog.unnest(cerebro.search_models(search.task, search.space, search.algorithm, search.trials,
			search.budget, search.seed))) u (id),
		LATERAL cerebro.trained(u.id) r
	WINDOW w AS (ORDER BY CASE t.metric WHEN 'auc' THEN OPERATOR(pg_catalog.-) r.auc
		WHEN 'accuracy' THEN OPERATOR(pg_catalog.-) r.accuracy ELSE r.log_loss END, r.log_loss, r.model)
	ORDER BY 1;
END;
COMMENT ON FUNCTION cerebro.search(text, cerebro.mst_space, text, integer, interval, bigint) IS
	'trains triples of a space and returns the models, the best first: grid takes its points, random draws trials of them by seed (20 unless said), halving trains those for few epochs and goes on with the better third; no trial begins when the budget is over';
