-- Tables that a model joins are read by one process of a statement, and shared by the others; with the bits of rows scored alone.
CREATE SCHEMA scan_parallel;
SET search_path = scan_parallel;
SET client_min_messages = error;
CREATE TABLE country (code text PRIMARY KEY, area float8);
CREATE TABLE port (id integer PRIMARY KEY, city text, height integer, country text);
CREATE TABLE plane (tail text PRIMARY KEY, seats integer);
CREATE TABLE maker (name text PRIMARY KEY, size float8);
CREATE TABLE trip (id integer PRIMARY KEY, origin integer, tail text, maker text, miles integer, delay integer NOT NULL);
INSERT INTO country SELECT 'C' || i, i * 3.3 FROM generate_series(1, 9) i;
INSERT INTO port SELECT i, 'city ' || i % 7, 10 * i, CASE WHEN i % 4 > 0 THEN 'C' || i % 11 END FROM generate_series(1, 30) i;
INSERT INTO plane SELECT 'N' || i, 100 + i FROM generate_series(1, 600) i;
INSERT INTO maker SELECT 'a maker with quite a long name ' || i, i * 1.7 FROM generate_series(1, 8) i;
INSERT INTO trip SELECT i, 1 + i % 33, 'N' || i % 700, 'a maker with quite a long name ' || i % 10, i * 37 % 500, (hashint4(i) & 15) + i * 37 % 500 / 20 + i % 5
FROM generate_series(1, 20000) i;
VACUUM ANALYZE country, port, plane, maker, trip;
SELECT cerebro.create_task('shared', source => 'SELECT * FROM trip', label => 'delay > 22') > 0 AS made;
CREATE FUNCTION learn(fe text, name text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	model integer := cerebro.train('shared', format('FE %s AS mlp(24, 8) PT lr = 0.01, epochs = 2', fe));
BEGIN
	RETURN cerebro.deploy(model, 'scan_parallel.' || name) IS NOT NULL;
END
$$;
-- a snowflake beside a table; keys that do not lie in their entries; features of the rows alone
SELECT learn('miles, JOIN port ON (port.id = origin), port.city, port.height, JOIN country ON (country.code = port.country), country.area, JOIN plane USING (tail), plane.seats', 'whole');
SELECT learn('miles, JOIN plane USING (tail), plane.seats, JOIN maker ON (maker.name = source.maker), maker.size', 'long');
SELECT learn('miles, origin', 'plain');
CREATE TABLE alone (id integer PRIMARY KEY, whole real, long real, plain real);
SET cerebro.batch_scoring = off;
INSERT INTO alone SELECT id, whole(t), long(t), plain(t) FROM trip t;
RESET cerebro.batch_scoring;

-- how many rows differ, by workers, with the leader and without
CREATE FUNCTION differing(workers integer, leads boolean, sums text DEFAULT 'auto', plan text DEFAULT 'pass') RETURNS bigint LANGUAGE plpgsql
SET parallel_setup_cost = 0 SET parallel_tuple_cost = 0 SET min_parallel_table_scan_size = 0 AS $$
DECLARE
	n bigint;
BEGIN
	PERFORM set_config('max_parallel_workers_per_gather', workers::text, true), set_config('parallel_leader_participation', leads::text, true),
		set_config('cerebro.plan_partials', sums, true), set_config('cerebro.plan_join', plan, true);
	CREATE TEMP TABLE scored AS SELECT id, whole(t), long(t), plain(t) FROM scan_parallel.trip t;
	SELECT count(*) INTO n FROM scored s JOIN scan_parallel.alone a USING (id)
	WHERE (s.whole, s.long, s.plain) IS DISTINCT FROM (a.whole, a.long, a.plain);
	n := n + 20000 - (SELECT count(*) FROM scored);
	DROP TABLE scored;
	RETURN n;
END
$$;
SELECT workers, leads, sums, differing(workers, leads, sums)
FROM generate_series(1, 3) workers, unnest('{on,off}'::boolean[]) leads, unnest('{auto,tables,folded,combined}'::text[]) sums
WHERE sums = 'auto' OR workers = 2 ORDER BY 1, 2, 3;
SELECT plan, differing(2, true, plan => plan) AS leader, differing(2, false, plan => plan) AS none FROM unnest('{auto,probe,batch}'::text[]) plan;
-- what takes more than may be is read by each as it can
SET work_mem = '64kB';
SET hash_mem_multiplier = 1;
SELECT differing(2, true), differing(2, false);
RESET work_mem;
RESET hash_mem_multiplier;

-- each table is read once, whoever scores
CREATE TABLE seen (relname name PRIMARY KEY, seq_scan bigint);
CREATE VIEW scans AS SELECT relname, n.seq_scan - seen.seq_scan AS scans FROM pg_stat_user_tables n JOIN seen USING (relname) WHERE schemaname = 'scan_parallel';
CREATE PROCEDURE look() LANGUAGE sql AS $$
	DELETE FROM scan_parallel.seen;
	INSERT INTO scan_parallel.seen SELECT relname, seq_scan FROM pg_stat_user_tables WHERE schemaname = 'scan_parallel' AND relname IN ('country', 'port', 'plane', 'maker');
$$;
SET cerebro.plan_join = pass;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SELECT pg_stat_force_next_flush();
CALL look();
SELECT sum(whole(t)) > 0 AS made FROM trip t;
SELECT pg_stat_force_next_flush();
SELECT * FROM scans ORDER BY 1;
SET parallel_leader_participation = off;
CALL look();
SELECT sum(whole(t)) > 0 AS made FROM trip t;
SELECT pg_stat_force_next_flush();
SELECT * FROM scans ORDER BY 1;
RESET parallel_leader_participation;

-- rescans, a limit that ends workers, both
SET enable_material = off;
SELECT g, n = 20000 AND s = (SELECT sum(whole::numeric) FROM alone) AS same
FROM generate_series(1, 3) g LEFT JOIN LATERAL (SELECT count(*) AS n, sum(whole(t)::numeric) AS s FROM trip t OFFSET 0) x ON true ORDER BY 1;
SELECT count(*), bool_and(x.p = a.whole) AS same
FROM generate_series(1, 3) g LEFT JOIN LATERAL (SELECT id, whole(t) AS p FROM trip t LIMIT 40) x ON true JOIN alone a USING (id);
RESET enable_material;
SELECT count(*), bool_and(x.p = a.whole) AS same FROM (SELECT id, whole(t) AS p FROM trip t LIMIT 100) x JOIN alone a USING (id);
-- what a statement changes, its workers see
BEGIN;
UPDATE plane SET seats = seats + 50 WHERE seats % 3 = 0;
SELECT differing(2, true) > 1000 AS differ;
ROLLBACK;
SELECT differing(2, true);
-- an error of whoever reads is the statement's
\set VERBOSITY terse
ALTER TABLE country DROP CONSTRAINT country_pkey;
INSERT INTO country VALUES ('C1', 7);
SELECT sum(whole(t)) FROM trip t;
SET parallel_leader_participation = off;
SELECT sum(whole(t)) FROM trip t;
RESET parallel_leader_participation;
DELETE FROM country WHERE area = 7;
SELECT differing(2, true), differing(2, false);
RESET ALL;
SET client_min_messages = error;
DROP SCHEMA scan_parallel CASCADE;
SELECT cerebro.drop_task('shared');
