-- The archive: how states are kept, how models came to be, who may use them.

CREATE FUNCTION cerebro.archive_plan(fetch_seconds double precision DEFAULT 10,
	OUT model integer, OUT epoch integer, OUT keep text, OUT bytes bigint,
	OUT now_bytes bigint, OUT seconds double precision)
	RETURNS SETOF record
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE COST 1000000
	AS 'MODULE_PATHNAME', 'cerebro_archive_plan';
COMMENT ON FUNCTION cerebro.archive_plan(double precision) IS
	'how to keep the states of your trainings in the fewest bytes such that a training that goes on from one waits no longer than that: whole, as a change against the state before, or by its id alone, to be computed again';

CREATE FUNCTION cerebro.archive_pack(fetch_seconds double precision DEFAULT 10) RETURNS bigint
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE COST 1000000
	AS 'MODULE_PATHNAME', 'cerebro_archive_pack';
COMMENT ON FUNCTION cerebro.archive_pack(double precision) IS
	'keeps the states of your trainings as archive_plan says; returns how many bytes that saves';

CREATE FUNCTION cerebro.tensor(model integer, name text) RETURNS real[]
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000
	AS 'MODULE_PATHNAME', 'cerebro_tensor';
COMMENT ON FUNCTION cerebro.tensor(integer, text) IS 'weights of one layer of a model, row by row, read without the rest; cerebro.model_part has names and dims';

-- How models came to be.

CREATE FUNCTION cerebro.check_model(model integer) RETURNS integer
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 100
	AS 'MODULE_PATHNAME', 'cerebro_check_model';
COMMENT ON FUNCTION cerebro.check_model(integer) IS 'the id of a model that one may read; an error for others';

CREATE FUNCTION cerebro.check_models(models integer[]) RETURNS integer[]
	LANGUAGE c STABLE PARALLEL SAFE COST 100
	AS 'MODULE_PATHNAME', 'cerebro_check_models';
COMMENT ON FUNCTION cerebro.check_models(integer[]) IS 'the ids of models that one may read; an error for others, for NULL and for none at all';

CREATE FUNCTION cerebro.lineage(model integer)
	RETURNS TABLE (step bigint, operation text, name text, parameters text, log_loss double precision,
		seconds double precision, bytes bigint, is_kept boolean, models bigint, who regrole,
		created_at timestamptz, id bytea, inputs bytea[])
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	WITH input AS (
		SELECT p.name, pg_catalog.row_number() OVER (ORDER BY p.ordinal) AS n
		FROM cerebro.model_part p
		WHERE p.model OPERATOR(pg_catalog.=) lineage.model AND p.kind OPERATOR(pg_catalog.=) 'encoder'),
	made AS (
		SELECT a.*, e.epoch, e.valid_log_loss,
			CASE a.operation WHEN 'rows' THEN 1 WHEN 'encoder' THEN 3 WHEN 'initial' THEN 4 WHEN 'start' THEN 5 WHEN 'epoch' THEN 6
				WHEN 'training' THEN 7 WHEN 'metrics' THEN 8 WHEN 'scores' THEN 9 ELSE 2 END AS stage
		FROM cerebro.check_model(lineage.model) c
		JOIN cerebro.model_artefact m ON m.model OPERATOR(pg_catalog.=) c
		JOIN cerebro.artefact a ON a.id OPERATOR(pg_catalog.=) m.artefact
		LEFT JOIN cerebro.epoch e ON e.model OPERATOR(pg_catalog.=) c AND e.state OPERATOR(pg_catalog.=) a.id),
	encoder AS (
		SELECT u.id, u.n FROM made i, LATERAL ROWS FROM (pg_catalog.unnest(i.inputs)) WITH ORDINALITY u (id, n)
		WHERE i.operation OPERATOR(pg_catalog.=) 'initial'),
	named AS (
		SELECT o.n, o.id, k.inputs[1] AS column_id
		FROM encoder o JOIN made k ON k.id OPERATOR(pg_catalog.=) o.id)
	SELECT pg_catalog.row_number() OVER (ORDER BY a.stage, a.epoch, f.n, a.id), a.operation,
		CASE WHEN a.epoch IS NOT NULL THEN a.epoch::text
			WHEN a.operation OPERATOR(pg_catalog.=) 'start' THEN (
				SELECT 'model ' OPERATOR(pg_catalog.||) pg_catalog.min(m.id)::text FROM cerebro.model m
				JOIN cerebro.epoch b ON b.model OPERATOR(pg_catalog.=) m.id
				AND b.epoch OPERATOR(pg_catalog.=) m.best_epoch
				WHERE b.state OPERATOR(pg_catalog.=) a.inputs[2])
			ELSE f.name END,
		a.parameters, a.valid_log_loss, a.seconds, a.bytes,
		CASE WHEN a.epoch IS NOT NULL THEN EXISTS (
			SELECT FROM cerebro.state_part s WHERE s.state OPERATOR(pg_catalog.=) a.id) END,
		(SELECT pg_catalog.count(*) FROM cerebro.model_artefact o WHERE o.artefact OPERATOR(pg_catalog.=) a.id),
		cerebro.owner_of(a.owner), a.created_at, a.id, a.inputs
	FROM made a
	LEFT JOIN LATERAL (
		SELECT pg_catalog.min(n.n) AS n, pg_catalog.string_agg(i.name, ', ' ORDER BY i.n) AS name
		FROM named n JOIN input i ON i.n OPERATOR(pg_catalog.=) n.n
		WHERE n.id OPERATOR(pg_catalog.=) a.id OR n.column_id OPERATOR(pg_catalog.=) a.id) f ON true
	ORDER BY 1;
END;
COMMENT ON FUNCTION cerebro.lineage(integer) IS
	'how a model came to be: rows, columns, encoders, states after each epoch, metrics; each under the hash of how it was made, with how many of the models that you see share it';

CREATE FUNCTION cerebro.models_differ(a integer, b integer) RETURNS double precision
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10000
	AS 'MODULE_PATHNAME', 'cerebro_models_differ';
COMMENT ON FUNCTION cerebro.models_differ(integer, integer) IS 'share of the validation rows on which two models decide differently; NULL where those rows are others';

CREATE FUNCTION cerebro.diff(a integer, b integer)
	RETURNS TABLE (what text, a_is text, b_is text, change text)
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	WITH both_models AS (
		SELECT x AS a, y AS b, d.mean_difference, d.standard_error
		FROM cerebro.check_model(diff.a) ca
		JOIN cerebro.model x ON x.id OPERATOR(pg_catalog.=) ca
		CROSS JOIN cerebro.check_model(diff.b) cb
		JOIN cerebro.model y ON y.id OPERATOR(pg_catalog.=) cb
		LEFT JOIN LATERAL cerebro.compare_loss(
			CASE WHEN x.data_version OPERATOR(pg_catalog.=) y.data_version THEN y.id END, x.id) d ON true),
	line AS (
		SELECT 1 AS n, 'mst' AS what, (m.a).mst::text AS a_is, (m.b).mst::text AS b_is,
			((m.b).mst OPERATOR(cerebro.-) (m.a).mst)::text AS change FROM both_models m
		UNION ALL SELECT 2, 'data version', (m.a).data_version::text, (m.b).data_version::text, NULL FROM both_models m
		UNION ALL SELECT 3, 'first difference', x.operation, y.operation, NULL
		FROM both_models m
		LEFT JOIN LATERAL (SELECT l.operation OPERATOR(pg_catalog.||) COALESCE(' ' OPERATOR(pg_catalog.||) l.name, '') AS operation
			FROM cerebro.lineage(diff.a) l
			WHERE NOT EXISTS (SELECT FROM cerebro.model_artefact o
				WHERE o.model OPERATOR(pg_catalog.=) diff.b AND o.artefact OPERATOR(pg_catalog.=) l.id)
			ORDER BY l.step LIMIT 1) x ON true
		LEFT JOIN LATERAL (SELECT l.operation OPERATOR(pg_catalog.||) COALESCE(' ' OPERATOR(pg_catalog.||) l.name, '') AS operation
			FROM cerebro.lineage(diff.b) l
			WHERE NOT EXISTS (SELECT FROM cerebro.model_artefact o
				WHERE o.model OPERATOR(pg_catalog.=) diff.a AND o.artefact OPERATOR(pg_catalog.=) l.id)
			ORDER BY l.step LIMIT 1) y ON true
		UNION ALL SELECT 4, 'log_loss', pg_catalog.round((m.a).valid_log_loss::numeric, 5)::text,
			pg_catalog.round((m.b).valid_log_loss::numeric, 5)::text,
			pg_catalog.round(m.mean_difference::numeric, 5)::text OPERATOR(pg_catalog.||) ' +- ' OPERATOR(pg_catalog.||)
				pg_catalog.round((2.0 OPERATOR(pg_catalog.*) m.standard_error)::numeric, 5)::text FROM both_models m
		UNION ALL SELECT 5, 'auc', pg_catalog.round((m.a).valid_auc::numeric, 5)::text,
			pg_catalog.round((m.b).valid_auc::numeric, 5)::text,
			pg_catalog.round(((m.b).valid_auc OPERATOR(pg_catalog.-) (m.a).valid_auc)::numeric, 5)::text FROM both_models m
		UNION ALL SELECT 6, 'accuracy', pg_catalog.round((m.a).valid_accuracy::numeric, 5)::text,
			pg_catalog.round((m.b).valid_accuracy::numeric, 5)::text,
			pg_catalog.round(((m.b).valid_accuracy OPERATOR(pg_catalog.-) (m.a).valid_accuracy)::numeric, 5)::text FROM both_models m
		UNION ALL SELECT 7, 'decisions', NULL, NULL,
			pg_catalog.round((100.0 OPERATOR(pg_catalog.*) cerebro.models_differ(diff.a, diff.b))::numeric, 3)::text
				OPERATOR(pg_catalog.||) ' %' FROM both_models m
		UNION ALL SELECT 8, 'epochs', (m.a).n_epochs::text, (m.b).n_epochs::text,
			((m.b).n_epochs OPERATOR(pg_catalog.-) (m.a).n_epochs)::text FROM both_models m
		UNION ALL SELECT 9, 'weights', (m.a).n_weights::text, (m.b).n_weights::text,
			((m.b).n_weights OPERATOR(pg_catalog.-) (m.a).n_weights)::text FROM both_models m)
	SELECT l.what, l.a_is, l.b_is, l.change FROM line l ORDER BY l.n;
END;
COMMENT ON FUNCTION cerebro.diff(integer, integer) IS
	'what tells two models apart: the change from one triple to the other, data version, where their lineages part, metrics on validation rows with twice the standard error of the paired difference in log-loss, decisions';

CREATE FUNCTION cerebro.history(task text DEFAULT NULL, who regrole DEFAULT (pg_catalog.quote_ident(CURRENT_USER))::regrole)
	RETURNS TABLE (step bigint, task text, job bigint, model integer, mst cerebro.mst, change cerebro.mst_change, status text,
		log_loss double precision, effect double precision, effect_error double precision,
		seconds double precision, queued_at timestamptz)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	WITH attempt AS (
		SELECT j.*, m.id AS made, m.valid_log_loss, m.data_version, k.change AS kept, k.effect, k.effect_error,
			CASE WHEN p.id IS NULL THEN pg_catalog.lag(j.mst) OVER w ELSE p.mst END AS mst_before,
			CASE WHEN p.id IS NULL THEN pg_catalog.lag(m.id) OVER w ELSE p.id END AS made_before,
			CASE WHEN p.id IS NULL THEN pg_catalog.lag(m.data_version) OVER w ELSE p.data_version END AS version_before
		FROM cerebro.job j
		LEFT JOIN cerebro.model m ON m.id OPERATOR(pg_catalog.=) j.model
		LEFT JOIN cerebro.model p ON p.id OPERATOR(pg_catalog.=) j.parent
		-- the parent may be gone: its change and what that did are kept
		LEFT JOIN cerebro.model k ON k.id OPERATOR(pg_catalog.=) j.model AND k.parent OPERATOR(pg_catalog.=) j.parent
		WHERE cerebro.owner_of(j.owner)::pg_catalog.oid OPERATOR(pg_catalog.=) history.who::pg_catalog.oid
		AND (history.task IS NULL
			 OR j.task OPERATOR(pg_catalog.=) (SELECT f.id FROM cerebro.find_task(history.task) f))
		WINDOW w AS (PARTITION BY j.task ORDER BY j.queued_at, j.id))
	SELECT pg_catalog.row_number() OVER (ORDER BY a.queued_at, a.id), t.name, a.id, a.made, a.mst,
		CASE WHEN a.kept IS NOT NULL THEN a.kept WHEN a.mst_before IS NOT NULL
			THEN a.mst OPERATOR(cerebro.-) a.mst_before END,
		COALESCE(a.status OPERATOR(pg_catalog.||) ': ' OPERATOR(pg_catalog.||) a.reason, a.status),
		pg_catalog.round(a.valid_log_loss::numeric, 5)::double precision,
		COALESCE(a.effect, d.mean_difference), COALESCE(a.effect_error, d.standard_error),
		COALESCE(a.read_seconds, 0.0::double precision) OPERATOR(pg_catalog.+) COALESCE(a.train_seconds, 0.0::double precision),
		a.queued_at
	FROM attempt a
	JOIN cerebro.task t ON t.id OPERATOR(pg_catalog.=) a.task
	LEFT JOIN LATERAL cerebro.compare_loss(
		CASE WHEN a.effect IS NULL AND a.kept IS NULL AND a.version_before OPERATOR(pg_catalog.=) a.data_version THEN a.made END, a.made_before) d ON true
	ORDER BY 1;
END;
COMMENT ON FUNCTION cerebro.history(text, regrole) IS
	'what one role tried, for one task or for all, in order: each attempt with the change against its parent, or the one before on the same task, and its effect: the mean paired difference in log-loss with its standard error';

-- Who may use them.

CREATE FUNCTION cerebro.grant_model(model integer, role regrole, privilege text DEFAULT 'use') RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'cerebro_grant_model';
COMMENT ON FUNCTION cerebro.grant_model(integer, regrole, text) IS
	'lets a role use a model (predict), read it (weights, lineage, comparisons, too) or own it (all of it); replaces what it was granted before';

CREATE FUNCTION cerebro.revoke_model(model integer, role regrole) RETURNS boolean
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'cerebro_revoke_model';
COMMENT ON FUNCTION cerebro.revoke_model(integer, regrole) IS 'takes a grant on a model back; false when there was none';

CREATE FUNCTION cerebro.reassign(old_owner regrole, new_owner regrole) RETURNS bigint
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'cerebro_reassign';
COMMENT ON FUNCTION cerebro.reassign(regrole, regrole) IS
	'gives one role''s tasks, models and what else the archive has of it to another, for a member of both; returns how many rows. Rows of a role that is gone are the extension''s owner''s; one role''s go by its number; REASSIGN OWNED does not move rows';
