-- What fails on the data is told with the one feature, and the session goes on.
CREATE SCHEMA fe_fail_test;
SET search_path = fe_fail_test, cerebro;
SET client_min_messages = warning;
CREATE TABLE shop (id int PRIMARY KEY, size int, opened text);
CREATE TABLE sale (id int PRIMARY KEY, shop int NOT NULL REFERENCES shop, amount int, note text, late bool);
INSERT INTO shop SELECT i, i, '2024-01-' || i FROM generate_series(1, 20) i;
INSERT INTO sale SELECT i, 1 + i % 20, i % 50, CASE WHEN i = 700 THEN 'x' ELSE i::text END, hashint4(i) & 1 = 1 FROM generate_series(1, 1000) i;
ANALYZE shop, sale;
SELECT create_task('late', source => 'SELECT * FROM sale', label => 'late') > 0 AS made;

-- one among several, wherever it stands
SELECT train('late', 'FE a = (amount + 1), b = (amount * 2), c = (100 / (id - 777)), d = (amount - 1), amount AS mlp(4) PT epochs = 1');
SELECT train('late', 'FE c = (100 / (id - 777)), a = (amount + 1), b = (amount * 2), d = (amount - 1) AS mlp(4) PT epochs = 1');
SELECT train('late', 'FE a = (amount + 1), b = (amount * 2),
	d = (amount - 1), c = (100 / (id - 777)) AS mlp(4) PT epochs = 1');
SELECT train('late', 'FE c = (100 / (id - 777)) AS mlp(4) PT epochs = 1');
-- several that fail: the one with that message
SELECT train('late', 'FE a = (amount + 1), b = (1 / (amount - amount)), n = (note::int), m = ((note || ''y'')::date), s = (1.0::float8 / 0) AS mlp(4) PT epochs = 1');
SELECT train('late', 'FE a = (amount + 1), n = (note::int), m = ((''0'' || note)::float8 * 2) AS mlp(4) PT epochs = 1');
SELECT train('late', 'FE a = (amount + 1), big = ((2000000 * id)::int), small = ((id * 40)::int2) AS mlp(4) PT epochs = 1');
-- a domain, a function of one's own
CREATE DOMAIN few AS int CHECK (VALUE < 999);
CREATE FUNCTION own(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN IF i > 999 THEN RAISE 'too much: %', i; END IF; RETURN i; END $$;
SET cerebro.allow_user_functions = on;
SELECT train('late', 'FE a = (amount + 1), f = (id::fe_fail_test.few), amount AS mlp(4) PT epochs = 1');
SELECT train('late', 'FE a = (amount + 1), f = (fe_fail_test.own(id)), amount AS mlp(4) PT epochs = 1');
RESET cerebro.allow_user_functions;
-- many features, and names that have to be quoted
SELECT train('late', 'FE "the ""one""" = (100 / (id - 777)), ' || string_agg(format('x%s = (amount + %s)', i, i), ', ') || ' AS mlp(4) PT epochs = 1') FROM generate_series(1, 100) i;
-- AGGREGATE, one by one and in a grouped pass
SELECT create_task('big', source => 'SELECT s.*, size > 10 AS is_big FROM shop s', label => 'is_big', exclude => '{size}') > 0 AS made;
SELECT train('big', 'FE id, AGGREGATE sale VIA (shop) (n = count(*), worst = max(100 / (amount - 33)), best = min(amount)), twice = (id * 2) AS mlp(4) PT epochs = 1');
SELECT train('big', 'FE id, AGGREGATE sale s VIA (shop) (n = count(*), best = min(amount)), twice = (s.n * 2), per = (100 / (s.n - 50)) AS mlp(4) PT epochs = 1');
SELECT train('big', 'FE id, twice = (id * 2), AGGREGATE sale s VIA (shop) (n = count(*)) WHERE (note::int > 0) AS mlp(4) PT epochs = 1');
SELECT train('big', 'FE id, twice = (id * 2), AGGREGATE sale s ON (s.shop = source.id AND 1 / (s.amount + source.id - 31) < 2) (n = count(*)) AS mlp(4) PT epochs = 1');
-- a JOIN's condition, and an expression over a JOIN
SELECT train('late', 'FE amount, JOIN shop ON (shop.id = source.shop AND 1 / (source.amount - 33) < 2), a = (amount + 1) AS mlp(4) PT epochs = 1');
SELECT train('late', 'FE amount, JOIN shop VIA (shop), a = (amount + 1), day = (shop.opened::date), hour = ((shop.opened || '' 25:00'')::timestamp) AS mlp(4) PT epochs = 1');
CREATE TABLE price (shop int, at timestamptz, cents int);
INSERT INTO price SELECT 1 + i % 20, '2024-01-01'::timestamptz + i * interval '1 hour', i FROM generate_series(1, 100) i;
SELECT set_time('price', 'at');
SELECT create_task('then', source => 'SELECT *, ''2024-01-05''::timestamptz AS day FROM sale', label => 'late', as_of => 'day') > 0 AS made;
SELECT train('then', 'FE amount, a = (amount + 1), JOIN LAST price p ON (p.shop = source.shop AND 1 / (source.id - 777) < 2), p.cents AS mlp(4) PT epochs = 1');
-- a column of the source; no feature's fault
SELECT create_task('bad', source => 'SELECT id, amount, 100 / (id - 900) AS part, late FROM sale', label => 'late') > 0 AS made;
SELECT train('bad', 'FE *, a = (amount + 1) AS mlp(4) PT epochs = 1');
SELECT train('bad', 'FE amount, a = (amount + 1) AS mlp(4) PT epochs = 1') > 0 AS trained;
CREATE TABLE sale2 AS SELECT id, amount + 1 AS amount, 7 AS n FROM sale;
SELECT create_task('worse', source => 'SELECT * FROM sale2', label => '100 / amount > 4', key => '{id}', exclude => '{}') > 0 AS made;
UPDATE sale2 SET amount = 0 WHERE id = 500;
SELECT train('worse', 'FE n, a = (n + 1), b = (10 / n) AS mlp(4) PT epochs = 1');

-- the session is whole: alone, in a block, below a savepoint, in a function
BEGIN;
CREATE TEMP TABLE before AS SELECT 1 AS i;
SAVEPOINT here;
SELECT train('late', 'FE a = (amount + 1), c = (100 / (id - 777)) AS mlp(4) PT epochs = 1');
SELECT 1;
ROLLBACK TO here;
SELECT i FROM before;
SELECT train('late', 'FE a = (amount + 1), c = (100 / (id + 777)) AS mlp(4) PT epochs = 1') > 0 AS trained;
COMMIT;
SELECT count(*) FROM models WHERE task = 'late';
BEGIN;
SELECT train('late', 'FE a = (amount + 1), c = (100 / (id - 777)) AS mlp(4) PT epochs = 1');
SELECT 1;
COMMIT;
DO $$
DECLARE
	told text;
BEGIN
	PERFORM train('late', 'FE a = (amount + 1), c = (100 / (id - 777)) AS mlp(4) PT epochs = 1');
EXCEPTION WHEN division_by_zero THEN
	GET STACKED DIAGNOSTICS told = PG_EXCEPTION_CONTEXT;
	RAISE WARNING '% (%): %', SQLERRM, SQLSTATE, split_part(told, E'\n', 1);
END $$;
SELECT train('late', 'FE a = (amount + 1), c = (100 / (id + 777)) AS mlp(5) PT epochs = 1') > 0 AS trained;
-- by workers, or by the leader beside them
CREATE TABLE wide AS SELECT i AS id, i % 100 AS amount, hashint4(i) & 1 = 1 AS late FROM generate_series(1, 60000) i;
ALTER TABLE wide ADD PRIMARY KEY (id);
ANALYZE wide;
SELECT create_task('wide', source => 'SELECT * FROM wide', label => 'late') > 0 AS made;
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET max_parallel_workers_per_gather = 2;
DO $$
DECLARE
	told text;
	n_told int := 0;
BEGIN
	-- many times: a worker's error may come while the leader codes a row
	FOR i IN 50001..50020 LOOP
		BEGIN
			PERFORM train('wide', format('FE a = (amount + 1), c = (100 / (id - %s)), d = (amount + 7) AS mlp(4) PT epochs = 1', i)::mst);
		EXCEPTION WHEN division_by_zero THEN
			GET STACKED DIAGNOSTICS told = PG_EXCEPTION_CONTEXT;
			n_told := n_told + (told LIKE '%expression "c" of FE at line 1, column 22: 100 / (id - 500%')::int;
		END;
	END LOOP;
	RAISE WARNING '% of 20 tell the expression', n_told;
END $$;
RESET min_parallel_table_scan_size;
RESET parallel_setup_cost;
RESET max_parallel_workers_per_gather;
-- a cancel ends the search, too
CREATE FUNCTION slow(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM pg_sleep(0.6) WHERE i = 1; RETURN 1 / (1000 - i); END $$;
SET cerebro.allow_user_functions = on;
SET statement_timeout = '1s';
\set VERBOSITY terse
SELECT train('late', 'FE a = (amount + 1), f = (fe_fail_test.slow(id)) AS mlp(4) PT epochs = 1');
\set VERBOSITY default
RESET statement_timeout;
RESET cerebro.allow_user_functions;
-- a model's data may come to fail later
SELECT train('late', 'FE a = (amount + 1), d = (100 / (id + 5)) AS mlp(4) PT epochs = 1') AS model \gset
INSERT INTO sale VALUES (-5, 1, 1, '1', true);
SELECT * FROM evaluate(:model);

SELECT drop_task('late'), drop_task('big'), drop_task('bad'), drop_task('worse'), drop_task('then'), drop_task('wide');
DELETE FROM time_column;
DROP SCHEMA fe_fail_test CASCADE;
