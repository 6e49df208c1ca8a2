-- Training: in the calling session or queued, and how far it is.

CREATE FUNCTION cerebro.train(task text, mst cerebro.mst DEFAULT '', wait boolean DEFAULT true)
	RETURNS integer
	LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT
	AS 'MODULE_PATHNAME', 'cerebro_train';
COMMENT ON FUNCTION cerebro.train(text, cerebro.mst, boolean) IS
	'trains a network for a task and returns the model''s id; with wait => false a background worker does so once the transaction has committed, and the model appears under that id';

CREATE FUNCTION cerebro.train_change(model integer, change cerebro.mst_change, warm boolean DEFAULT true, wait boolean DEFAULT true)
	RETURNS integer
	LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT
	AS 'MODULE_PATHNAME', 'cerebro_train_change';
COMMENT ON FUNCTION cerebro.train_change(integer, cerebro.mst_change, boolean, boolean) IS
	'trains a change of a model and returns the new one''s id; it goes on from a kept state where only epochs are more, else begins with the model''s weights, made to predict the same where there is a way; warm => false begins from scratch';

CREATE FUNCTION cerebro.progress_rows(
	OUT state text, OUT job bigint, OUT task text, OUT mst text, OUT phase text,
	OUT epoch integer, OUT epochs integer, OUT rows_done bigint,
	OUT rows_per_second double precision, OUT loss double precision,
	OUT metric double precision, OUT seconds_left double precision,
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
	who::regrole AS who, r.pid, r.started_at
FROM cerebro.progress_rows() r
UNION ALL
SELECT j.id, t.name, j.mst::text, 'queued', 'queue', NULL, NULL,
	NULL, NULL, NULL, NULL,
	j.owner, NULL, NULL
FROM cerebro.job j
JOIN cerebro.task t ON t.id OPERATOR(pg_catalog.=) j.task
WHERE j.status OPERATOR(pg_catalog.=) 'queued';
COMMENT ON VIEW cerebro.progress IS 'trainings that run, wait or were interrupted; yours, or all for members of pg_read_all_stats';
GRANT SELECT ON cerebro.progress TO PUBLIC;

CREATE FUNCTION cerebro.cancel(job bigint) RETURNS boolean
	LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT
	AS 'MODULE_PATHNAME', 'cerebro_cancel';
COMMENT ON FUNCTION cerebro.cancel(bigint) IS
	'stops a running training or takes a queued one back; false when there is none under that number';
