-- evaluate: the test rows are opened, and that is on record.
\getenv abs_srcdir PG_ABS_SRCDIR
SET client_min_messages = warning;
CREATE ROLE regress_evaluate_owner;
CREATE ROLE regress_evaluate_member IN ROLE regress_evaluate_owner;
CREATE ROLE regress_evaluate_other;
CREATE SCHEMA evaluate AUTHORIZATION regress_evaluate_owner;
GRANT USAGE ON SCHEMA evaluate TO regress_evaluate_other;
SET SESSION AUTHORIZATION regress_evaluate_owner;
SET search_path = evaluate;
\i :abs_srcdir/../lib/trips.sql
SELECT cerebro.create_task('trips', source => 'SELECT * FROM trips', label => 'delay > 15') > 0 AS made;
SELECT cerebro.train('trips', 'AS mlp(8) PT epochs = 2') AS one \gset
SELECT cerebro.train('trips', 'AS mlp(8) PT epochs = 2, seed = 2') AS two \gset
RESET client_min_messages;

-- nothing was opened by training
SELECT count(*) FROM cerebro.evaluations;
SELECT openings, test_log_loss, test_auc, test_accuracy FROM cerebro.models WHERE id = :one;

-- metrics are those of the test rows, by SQL of another kind
CREATE TABLE seen AS SELECT * FROM cerebro.evaluate(:one);
SELECT n_rows BETWEEN 400 AND 800 AS about_15_percent, openings FROM seen;
CREATE TABLE test AS
	SELECT delay > 15 AS late, cerebro.predict(:one, t)::float8 AS p
	FROM trips t WHERE cerebro.part('trips', t) = 'test';
SELECT n_rows = (SELECT count(*) FROM test) AS same_rows,
       abs(log_loss - (SELECT avg(-ln(greatest(CASE WHEN late THEN p ELSE 1 - p END, 1e-7))) FROM test)) < 1e-6 AS same_loss,
       abs(accuracy - (SELECT avg(((p > 0.5) = late)::int) FROM test)) < 1e-9 AS same_accuracy,
       abs(auc - (SELECT avg(CASE WHEN a.p > b.p THEN 1.0 WHEN a.p = b.p THEN 0.5 ELSE 0 END)
                  FROM test a, test b WHERE a.late AND NOT b.late)) < 1e-9 AS same_auc
FROM cerebro.evaluation WHERE model = :one;
SELECT s.log_loss = round(e.log_loss::numeric, 5) AND s.auc = round(e.auc::numeric, 5)
       AND s.accuracy = round(e.accuracy::numeric, 5) AS rounded
FROM seen s, cerebro.evaluation e WHERE e.model = :one;
SELECT openings, test_log_loss = (SELECT log_loss FROM seen) AS same FROM cerebro.models WHERE id = :one;

-- the second opening for a task is told, whichever model it is for
SELECT openings FROM cerebro.evaluate(:two);
SELECT openings FROM cerebro.evaluate(:one);
SELECT task, opening, model = :one AS is_one, opened_by FROM cerebro.evaluations ORDER BY id;
SELECT openings, test_log_loss = (SELECT log_loss FROM seen) AS as_at_first FROM cerebro.models WHERE id = :one;

-- what was seen in a transaction that is rolled back was seen all the same
CREATE FUNCTION wait_for(openings bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1..600 LOOP
		EXIT WHEN (SELECT count(*) FROM cerebro.evaluations WHERE task = 'trips') >= openings;
		PERFORM pg_sleep(0.05);
	END LOOP;
	RETURN (SELECT count(*) FROM cerebro.evaluations WHERE task = 'trips');
END
$$;
SET client_min_messages = warning;
BEGIN;
SELECT openings FROM cerebro.evaluate(:one);
ROLLBACK;
SELECT wait_for(4);
BEGIN;
SAVEPOINT s;
SELECT openings FROM cerebro.evaluate(:one);
SAVEPOINT u;
SELECT openings FROM cerebro.evaluate(:two);
RELEASE u;
ROLLBACK TO s;
COMMIT;
SELECT wait_for(6);
SELECT model = :one AS is_one, opened_by, log_loss = (SELECT log_loss FROM seen) AS same_loss, data_version IS NOT NULL AS has_version
FROM cerebro.evaluations WHERE opening > 3 ORDER BY model, opening;
RESET client_min_messages;

-- members see it and may open, others do neither
SET SESSION AUTHORIZATION regress_evaluate_member;
SELECT openings FROM cerebro.evaluate(:two);
SELECT count(*) FROM cerebro.evaluations;
SET SESSION AUTHORIZATION regress_evaluate_other;
SELECT evaluate.refused(format('SELECT cerebro.evaluate(%s)', :one));
SELECT count(*) FROM cerebro.evaluations;
SET SESSION AUTHORIZATION regress_evaluate_owner;

-- openings stay when the model is dropped
SELECT cerebro.drop_model(:two);
SELECT model = :two AS was_two, opened_by, count(*) FROM cerebro.evaluations GROUP BY 1, 2 ORDER BY 1, 2;

-- new categories and rows since training
INSERT INTO trips SELECT id + 10000, 'new' || id % 3, hour, distance, taxi, delay FROM trips WHERE id <= 500;
SET client_min_messages = warning;
SELECT n_rows > (SELECT n_rows FROM seen) AS more_rows FROM cerebro.evaluate(:one);

-- several classes, and a task without test rows
SELECT cerebro.create_task('bands', source => 'SELECT * FROM trips',
	label => 'CASE WHEN delay > 15 THEN ''late'' WHEN delay > 5 THEN ''fair'' ELSE ''early'' END') > 0 AS made;
SELECT cerebro.train('bands', 'AS mlp(8) PT epochs = 2') AS bands \gset
SELECT n_rows > 0 AS has_rows, log_loss > 0 AS has_loss, auc BETWEEN 0 AND 1 AS has_auc, openings FROM cerebro.evaluate(:bands);
SELECT cerebro.create_task('untested', source => 'SELECT * FROM trips', label => 'delay > 15', split => 'random(0.8, 0.2, 0)') > 0 AS made;
SELECT cerebro.train('untested', 'AS mlp(8) PT epochs = 1') AS untested \gset
SELECT * FROM cerebro.evaluate(:untested);
BEGIN READ ONLY;
SELECT * FROM cerebro.evaluate(:one);
ROLLBACK;
SELECT * FROM cerebro.evaluate(2000000000);

-- a column that a model read is gone, or of another kind
CREATE VIEW w AS SELECT * FROM trips;
SELECT cerebro.create_task('viewed', source => 'SELECT * FROM w', label => 'delay > 15', key => '{id}') > 0 AS made;
SELECT cerebro.train('viewed', 'AS mlp(8) PT epochs = 1') AS viewed \gset
DROP VIEW w;
SELECT refused(format('SELECT cerebro.evaluate(%s)', :viewed));

RESET SESSION AUTHORIZATION;
SET client_min_messages = error;
SELECT name, cerebro.drop_task(name) FROM cerebro.tasks WHERE owner = 'regress_evaluate_owner'::regrole ORDER BY id;
DROP SCHEMA evaluate CASCADE;
DROP ROLE regress_evaluate_owner, regress_evaluate_member, regress_evaluate_other;
