-- cerebro.train: what it leaves, what it refuses, whose it is.
SET client_min_messages = warning;
SET cerebro.reuse = off; -- every training is to run here
CREATE FUNCTION wait_until(condition text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	is_true boolean;
BEGIN
	FOR i IN 1..600 LOOP
		EXECUTE 'SELECT ' || condition INTO is_true;
		IF is_true THEN
			RETURN true;
		END IF;
		PERFORM pg_sleep(0.05);
	END LOOP;
	RETURN false;
END
$$;
CREATE TABLE train_point AS
	SELECT i AS id, sin(i) AS x, cos(i * 1.3)::float4 AS y, (i % 7)::text AS kind, 'v' || i % 40 AS many,
		CASE WHEN i % 11 <> 0 THEN i % 5 END AS few,
		sin(i) + (i % 7 - 3) * 0.3 > 0 AS good
	FROM generate_series(1, 3000) i;
ALTER TABLE train_point ADD PRIMARY KEY (id);
SELECT cerebro.create_task('train good', source => 'SELECT * FROM train_point', label => 'good') > 0 AS made;

-- what a training leaves
SELECT cerebro.train('train good', 'as MLP(16,8) pt batch=64, epochs=3') AS model \gset
SELECT t.name, m.mst, m.n_epochs, m.valid_log_loss < 0.69 AS learnt, m.valid_auc > 0.6 AS ranks,
	m.seconds > 0 AS took_time, m.executor, m.owner = current_user::regrole AS mine
FROM cerebro.model m JOIN cerebro.task t ON t.id = m.task WHERE m.id = :model;
SELECT kind, count(*), bool_and(sha256(bytes) = content) AS hashed
FROM cerebro.model_part JOIN cerebro.content c ON c.id = content AND chunk = 0
WHERE model = :model GROUP BY kind ORDER BY kind;
SELECT epoch, train_loss > 0 AS has_loss, valid_auc BETWEEN 0 AND 1 AS has_auc, rows_per_second > 0 AS has_speed
FROM cerebro.epoch WHERE model = :model ORDER BY epoch;
SELECT status, reason, is_background, n_rows, n_epochs, cpu_seconds > 0 AS cpu, peak_bytes > 1000000 AS peak,
	started_at <= ended_at AS in_order
FROM cerebro.job WHERE model = :model;
SELECT count(*) FROM cerebro.progress;

-- the same triple gives the same bits, whatever the number of threads
SET cerebro.threads = 1;
SELECT cerebro.train('train good', 'AS mlp(16, 8) PT batch = 64, epochs = 3') AS again \gset
RESET cerebro.threads;
SELECT count(*) AS parts, count(*) FILTER (WHERE a.content = b.content) AS same
FROM cerebro.model_part a JOIN cerebro.model_part b USING (ordinal) WHERE a.model = :model AND b.model = :again;

-- nor does the order in which workers bring the rows matter
SET parallel_setup_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT cerebro.train('train good', 'AS mlp(16, 8) PT batch = 64, epochs = 3') AS workers \gset
RESET parallel_setup_cost;
RESET min_parallel_table_scan_size;
SELECT count(*) AS parts, count(*) FILTER (WHERE a.content = b.content) AS same
FROM cerebro.model_part a JOIN cerebro.model_part b USING (ordinal) WHERE a.model = :model AND b.model = :workers;

-- the engine's memory is its own, not what the session held when it started it
SELECT length(repeat('x', 150000000)) AS held;
SELECT cerebro.train('train good', 'AS mlp(4) PT epochs = 1') AS light \gset
SELECT peak_bytes BETWEEN 1000000 AND 100000000 AS own FROM cerebro.job WHERE model = :light;
-- and is announced before it trains, within a tenth
CREATE TABLE large AS SELECT structure, cerebro.train('train good', format('AS %s PT epochs = 1, batch = 512', structure)::cerebro.mst) AS model
	FROM unnest('{mlp(1024 x 2),"residual(width = 512, hidden = 1024)","tabm(256 x 2, members = 16)",ft_transformer(1),modern_nca(width = 512),"ensemble(4, mlp(512 x 2))"}'::text[]) structure;
SELECT structure, CASE WHEN peak_bytes / planned_bytes::float8 BETWEEN 0.9 AND 1.1 THEN 'as planned' ELSE concat(planned_bytes, ' planned, ', peak_bytes) END AS memory
FROM large JOIN cerebro.jobs USING (model) ORDER BY structure;
INSERT INTO large SELECT 'group', unnest(cerebro.train('train good', '{"AS mlp(1024 x 2) PT epochs = 1, batch = 512, seed = 2","AS mlp(900, 700) PT epochs = 1, batch = 512"}'::cerebro.mst[]));
SELECT CASE WHEN max(peak_bytes) / max(planned_bytes)::float8 BETWEEN 0.9 AND 1.1 THEN 'as planned' ELSE concat(max(planned_bytes), ' planned, ', max(peak_bytes)) END AS group_memory
FROM large JOIN cerebro.jobs USING (model) WHERE structure = 'group';
DROP TABLE large;

-- early stopping
SELECT cerebro.train('train good', 'AS mlp(8) PT sgd(lr = 3), batch = 1024, epochs = 50, patience = 1') AS stopped \gset
SELECT status, reason, n_epochs < 50 AS early FROM cerebro.job WHERE model = :stopped;
SELECT best_epoch < n_epochs AS best_kept FROM cerebro.model WHERE id = :stopped;

-- what it refuses
\set VERBOSITY terse
SELECT cerebro.train('no such task');
-- NULL would pass for a training that is done
SELECT cerebro.train(NULL);
SELECT cerebro.train('train good', NULL::cerebro.mst);
SELECT cerebro.train('train good', NULL::cerebro.mst[]);
SELECT cerebro.train('train good', 'AS mlp(8)', wait => NULL);
SELECT cerebro.train_change(NULL, 'SET PT.epochs = 2');
SELECT cerebro.train_change(:model, NULL);
SELECT cerebro.train_change(:model, 'SET PT.epochs = 2', warm => NULL);
\set VERBOSITY default
SELECT cerebro.train('train good', 'AS mlp(16, ) PT epochs = 3');
SELECT cerebro.train('train good', 'FE x, yy');
SELECT cerebro.train('train good', 'FE good');
SELECT cerebro.train('train good', 'PT epochs = 0');
SET cerebro.engine_memory = '16MB';
\set VERBOSITY terse
SELECT cerebro.train('train good', 'AS mlp(4096, 4096)');
\set VERBOSITY default
RESET cerebro.engine_memory;
DO $$
BEGIN
	SET cerebro.engine_memory = '1MB';
EXCEPTION WHEN invalid_parameter_value THEN
	RAISE WARNING 'refused';  -- 18 words it otherwise
END
$$;
SET cerebro.threads = -1;
BEGIN READ ONLY;
SELECT cerebro.train('train good');
ROLLBACK;

-- every failed attempt leaves a row, by a worker of its own
CREATE TEMPORARY VIEW train_job AS
	SELECT j.* FROM cerebro.job j JOIN cerebro.task t ON t.id = j.task WHERE t.name LIKE 'train %';
SELECT wait_until($$count(*) = 3 FROM train_job WHERE status = 'failed'$$);
SELECT mst, status, reason, n_epochs FROM train_job WHERE status = 'failed' ORDER BY id;

-- a model belongs to the transaction that trained it
BEGIN;
SELECT cerebro.train('train good', 'AS mlp(4) PT epochs = 1') AS undone \gset
SELECT count(*) FROM cerebro.model WHERE id = :undone;
ROLLBACK;
SELECT count(*) FROM cerebro.model WHERE id = :undone;
SELECT count(*) FROM cerebro.epoch WHERE model = :undone;
SELECT wait_until($$count(*) = 1 FROM cerebro.job WHERE model = $$ || :undone);
SELECT status, reason FROM cerebro.job WHERE model = :undone;

BEGIN;
SELECT cerebro.train('train good', 'AS mlp(5) PT epochs = 1') AS kept \gset
SAVEPOINT s;
SELECT cerebro.train('train good', 'AS mlp(6) PT epochs = 1') AS undone \gset
ROLLBACK TO s;
COMMIT;
SELECT id = :kept AS kept FROM cerebro.model WHERE id IN (:kept, :undone);
SELECT wait_until($$count(*) = 1 FROM cerebro.job WHERE model = $$ || :undone);
SELECT model = :kept AS kept, status FROM cerebro.job WHERE model IN (:kept, :undone) ORDER BY id;

-- in a function that catches the failure
DO $$
BEGIN
	PERFORM cerebro.train('train good', 'FE x, nothing');
EXCEPTION WHEN undefined_object OR undefined_column THEN
	RAISE WARNING 'caught: %', sqlerrm;
END
$$;
SELECT wait_until($$count(*) = 1 FROM train_job WHERE mst::text LIKE '%nothing%'$$);

-- a temporary table is read by its own session, in its own transaction
BEGIN;
CREATE TEMPORARY TABLE train_temp AS SELECT * FROM train_point WHERE id <= 1000;
ALTER TABLE train_temp ADD PRIMARY KEY (id);
SELECT cerebro.create_task('train temp', source => 'SELECT * FROM train_temp', label => 'good') > 0 AS made;
SELECT cerebro.train('train temp', 'AS mlp(8) PT epochs = 2') > 0 AS trained;
COMMIT;
-- which a background worker does not see
SELECT cerebro.train('train temp', 'AS mlp(8) PT epochs = 2', wait => false);

-- another role: its own tasks, its own rows, its own models
CREATE ROLE regress_train_a LOGIN;
CREATE ROLE regress_train_b LOGIN;
SET ROLE regress_train_a;
SELECT cerebro.train('train good');
RESET ROLE;
CREATE TABLE train_a (LIKE train_point INCLUDING ALL);
INSERT INTO train_a SELECT * FROM train_point;
GRANT SELECT ON train_a TO regress_train_a;
SET ROLE regress_train_a;
SELECT cerebro.create_task('train a', source => 'SELECT * FROM train_a', label => 'good') > 0 AS made;
SELECT cerebro.train('train a', 'AS mlp(8) PT epochs = 2') AS model_a \gset
SELECT m.owner, j.owner, j.login = session_user::regrole AS login
FROM cerebro.model m JOIN cerebro.job j ON j.model = m.id WHERE m.id = :model_a;
SELECT count(*) AS seen FROM cerebro.model;
INSERT INTO cerebro.job (task, mst, owner, login, is_background, settings, status, queued_at)
	SELECT id, '', owner, owner, true, '{}', 'queued', now() FROM cerebro.task;
RESET ROLE;
SET ROLE regress_train_b;
SELECT count(*) AS seen FROM cerebro.model;
SELECT cerebro.train('train a');
RESET ROLE;
REVOKE SELECT ON train_a FROM regress_train_a;
SET ROLE regress_train_a;
SELECT cerebro.train('train a', 'AS mlp(8) PT epochs = 2');
RESET ROLE;
GRANT SELECT ON train_a TO regress_train_a;

-- queued: runs once the transaction has committed
SET ROLE regress_train_a;
BEGIN;
SELECT cerebro.train('train a', 'AS mlp(8) PT epochs = 2, seed = 1', wait => false) AS later \gset
SELECT status, is_background FROM cerebro.job WHERE model = :later;
COMMIT;
SELECT wait_until($$status <> 'queued' AND status <> 'running' FROM cerebro.job WHERE model = $$ || :later);
SELECT j.status, j.reason, j.owner, m.owner, m.n_epochs, j.pid <> pg_backend_pid() AS elsewhere
FROM cerebro.job j JOIN cerebro.model m ON m.id = j.model WHERE m.id = :later;
-- in the foreground it would have been the same model
SELECT cerebro.train('train a', 'AS mlp(8) PT epochs = 2, seed = 1') AS now \gset
SELECT count(*) AS parts, count(*) FILTER (WHERE a.content = b.content) AS same
FROM cerebro.model_part a JOIN cerebro.model_part b USING (ordinal) WHERE a.model = :now AND b.model = :later;
-- what cannot work is not queued; errors point into the canonical text
SELECT cerebro.train('train a', 'FE  x, zzz', wait => false);
SELECT cerebro.train('train a', E'FE y,\n  zzz, x', wait => false);
-- a queued failure: rights are those of the time at which it runs
BEGIN;
SELECT cerebro.train('train a', 'FE x', wait => false) AS failing \gset
RESET ROLE;
REVOKE SELECT ON train_a FROM regress_train_a;
COMMIT;
SET ROLE regress_train_a;
SELECT wait_until($$status <> 'queued' AND status <> 'running' FROM cerebro.job WHERE model = $$ || :failing);
SELECT status, reason FROM cerebro.job WHERE model = :failing;
RESET ROLE;
GRANT SELECT ON train_a TO regress_train_a;
SET ROLE regress_train_a;
BEGIN;
SELECT cerebro.train('train a', 'AS mlp(8)', wait => false) AS never \gset
ROLLBACK;
SELECT count(*) FROM cerebro.job WHERE model = :never;
RESET ROLE;

-- the session's settings go with a queued job
SET cerebro.engine_memory = '16MB';
SELECT cerebro.train('train good', 'AS mlp(4096, 4096)', wait => false) AS big \gset
RESET cerebro.engine_memory;
SELECT 'cerebro.engine_memory=16' = ANY (settings) AS kept FROM cerebro.job WHERE model = :big;
SELECT wait_until($$status <> 'queued' AND status <> 'running' FROM cerebro.job WHERE model = $$ || :big);
SELECT status, reason FROM cerebro.job WHERE model = :big;

SELECT count(*) FROM cerebro.progress;
-- what the task excludes is no feature, named or not
SELECT cerebro.create_task('train without', source => 'SELECT * FROM train_point', label => 'good', exclude => '{x}') > 0 AS made;
SELECT cerebro.train('train without', 'FE *, x');
SELECT cerebro.drop_task('train without');
DROP TABLE train_a;
DROP FUNCTION wait_until(text);
