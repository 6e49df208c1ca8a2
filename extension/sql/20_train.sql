-- Training: in the calling session or queued, and how far it is.

CREATE FUNCTION cerebro.train(task text, mst cerebro.mst DEFAULT '', wait boolean DEFAULT true)
	RETURNS integer
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'cerebro_train';
COMMENT ON FUNCTION cerebro.train(text, cerebro.mst, boolean) IS
	'trains a network for a task and returns the model''s id; with wait => false a background worker does so once the transaction has committed, and the model appears under that id';

CREATE FUNCTION cerebro.train(task text, mst cerebro.mst[], wait boolean DEFAULT true)
	RETURNS integer[]
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'cerebro_train_array';
COMMENT ON FUNCTION cerebro.train(text, cerebro.mst[], boolean) IS
	'trains several networks for a task together and returns the models'' ids in the order of the triples, NULL for one that failed: rows are read and encoded once, and each network trains on a thread of its own; the bits are those of one trained alone';

CREATE FUNCTION cerebro.train_change(model integer, change cerebro.mst_change, warm boolean DEFAULT true, wait boolean DEFAULT true)
	RETURNS integer
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'cerebro_train_change';
COMMENT ON FUNCTION cerebro.train_change(integer, cerebro.mst_change, boolean, boolean) IS
	'trains a change of a model and returns the new one''s id; it goes on from a kept state where only epochs are more, else begins with the model''s weights, made to predict the same where there is a way; warm => false begins from scratch';

CREATE FUNCTION cerebro.progress_rows(
	OUT state text, OUT job bigint, OUT task text, OUT mst text, OUT phase text,
	OUT epoch integer, OUT epochs integer, OUT rows_done bigint,
	OUT rows_per_second double precision, OUT loss double precision,
	OUT metric double precision, OUT seconds_left double precision, OUT planned_bytes bigint,
	OUT who oid, OUT pid integer, OUT started_at timestamptz)
	RETURNS SETOF record
	LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT
	AS 'MODULE_PATHNAME', 'cerebro_progress_rows';
COMMENT ON FUNCTION cerebro.progress_rows() IS
	'what trains in this database now, as the processes that train tell it; cerebro.progress shows more';

CREATE VIEW cerebro.progress WITH (security_invoker = true) AS
SELECT r.job, r.task, r.mst, r.state, r.phase, r.epoch, r.epochs,
	pg_catalog.round(r.rows_per_second) AS rows_per_second,
	pg_catalog.round(r.loss::numeric, 5)::double precision AS loss,
	pg_catalog.round(r.metric::numeric, 5)::double precision AS metric,
	pg_catalog.round(r.seconds_left::numeric, 1)::double precision AS seconds_left,
	r.planned_bytes,
	who::regrole AS who, r.pid, r.started_at
FROM cerebro.progress_rows() r
UNION ALL
SELECT j.id, t.name, j.mst::text, 'queued', 'queue', NULL, NULL,
	NULL, NULL, NULL, NULL, NULL,
	cerebro.owner_of(j.owner), NULL, NULL
FROM cerebro.job j
JOIN cerebro.task t ON t.id OPERATOR(pg_catalog.=) j.task
WHERE j.status OPERATOR(pg_catalog.=) 'queued';
COMMENT ON VIEW cerebro.progress IS 'trainings that run, wait or were interrupted; yours, or all for members of pg_read_all_stats';
GRANT SELECT ON cerebro.progress TO PUBLIC;

CREATE VIEW cerebro.jobs WITH (security_invoker = true) AS
	SELECT j.id AS job,
		   t.name AS task,
		   j.mst,
		   j.parent,
		   s.status,
		   s.reason,
		   CASE WHEN s.status OPERATOR(pg_catalog.<>) ALL (ARRAY['failed', 'cancelled']) THEN j.model END AS model,
		   COALESCE(j.n_epochs, 0) AS epochs,
		   (SELECT pg_catalog.max(e.epoch) FROM cerebro.job_epoch e
			WHERE e.job OPERATOR(pg_catalog.=) j.id) AS committed_epochs,
		   j.is_background,
		   j.read_seconds,
		   j.train_seconds,
		   j.planned_bytes,
		   j.peak_bytes,
		   cerebro.owner_of(j.owner) AS who,
		   j.queued_at,
		   j.started_at,
		   j.ended_at
	FROM cerebro.job j
	JOIN cerebro.task t ON t.id OPERATOR(pg_catalog.=) j.task
	LEFT JOIN cerebro.progress_rows() r ON r.job OPERATOR(pg_catalog.=) j.id
		AND j.status OPERATOR(pg_catalog.=) 'running' AND r.pid IS NULL,
	LATERAL (SELECT CASE WHEN r.job IS NULL THEN j.status ELSE 'failed' END AS status,
		CASE WHEN r.job IS NULL THEN j.reason ELSE r.state END AS reason) s;
COMMENT ON VIEW cerebro.jobs IS 'your trainings: queued, running, done, stopped early, failed or cancelled';
COMMENT ON COLUMN cerebro.jobs.job IS 'its number, for cancel and resume';
COMMENT ON COLUMN cerebro.jobs.task IS 'the task that it trains for';
COMMENT ON COLUMN cerebro.jobs.mst IS 'what is trained';
COMMENT ON COLUMN cerebro.jobs.parent IS 'the model that it is a change of';
COMMENT ON COLUMN cerebro.jobs.status IS 'queued, running, done, stopped (early), failed or cancelled';
COMMENT ON COLUMN cerebro.jobs.reason IS 'why it ended so';
COMMENT ON COLUMN cerebro.jobs.model IS 'the model that it made, or will make; NULL where it failed or was cancelled';
COMMENT ON COLUMN cerebro.jobs.epochs IS 'epochs that it went through until it ended';
COMMENT ON COLUMN cerebro.jobs.is_background IS 'in the background, or in the session that asked';
COMMENT ON COLUMN cerebro.jobs.read_seconds IS 'reading its rows took';
COMMENT ON COLUMN cerebro.jobs.train_seconds IS 'its epochs took, without validation';
COMMENT ON COLUMN cerebro.jobs.planned_bytes IS 'what that memory would be, planned before its first epoch';
COMMENT ON COLUMN cerebro.jobs.peak_bytes IS 'memory that its engine held at most';
COMMENT ON COLUMN cerebro.jobs.who IS 'the role that asked';
COMMENT ON COLUMN cerebro.jobs.queued_at IS 'when it was asked for';
COMMENT ON COLUMN cerebro.jobs.started_at IS 'when it began';
COMMENT ON COLUMN cerebro.jobs.ended_at IS 'when it ended';
COMMENT ON COLUMN cerebro.jobs.committed_epochs IS 'from which cerebro.resume would go on; NULL: from the start';
GRANT SELECT ON cerebro.jobs TO PUBLIC;

CREATE FUNCTION cerebro.resume(job bigint) RETURNS integer
	LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT
	AS 'MODULE_PATHNAME', 'cerebro_resume';
COMMENT ON FUNCTION cerebro.resume(bigint) IS
	'a job that failed, was cancelled or interrupted goes on in the background from the last epoch that it committed, with the bits of a training that nothing disturbed; returns the model''s id';

CREATE FUNCTION cerebro.cancel(job bigint) RETURNS boolean
	LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT
	AS 'MODULE_PATHNAME', 'cerebro_cancel';
COMMENT ON FUNCTION cerebro.cancel(bigint) IS
	'stops a running training or takes a queued one back; false when there is none under that number';
