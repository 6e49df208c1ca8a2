-- Models whose joins are their own: each way of reading the joined tables gives the bits of a row scored alone.
CREATE SCHEMA scan_join;
SET search_path = scan_join;
SET client_min_messages = error;
CREATE ROLE regress_join_owner;
CREATE ROLE regress_join_user;
GRANT USAGE ON SCHEMA scan_join TO regress_join_user;
GRANT ALL ON SCHEMA scan_join TO regress_join_owner;
SET SESSION AUTHORIZATION regress_join_owner;

-- keys of one and two columns, of text short and long, numeric; NULL, without a match
CREATE TABLE country (code text PRIMARY KEY, area float8);
CREATE TABLE port (id integer PRIMARY KEY, city varchar(40), height integer, country text);
CREATE TABLE plane (tail text PRIMARY KEY, seats integer, maker text);
CREATE TABLE sky (port integer, at timestamp, temp float8, wind float8, PRIMARY KEY (port, at));
CREATE TABLE rate (class numeric PRIMARY KEY, price float8);
CREATE TABLE bag (trip integer, weight float8);
CREATE TABLE trip (id integer PRIMARY KEY, origin integer, dest integer, tail text, at timestamp, class numeric, miles integer, delay integer NOT NULL);
CREATE INDEX ON bag (trip);
INSERT INTO country VALUES ('us', 9), ('de', 3);
INSERT INTO port SELECT i, 'city ' || i % 7, 10 * i, CASE i % 3 WHEN 0 THEN 'us' WHEN 1 THEN 'de' END FROM generate_series(1, 30) i;
INSERT INTO plane SELECT CASE WHEN i % 4 = 0 THEN repeat('N' || i, 12) ELSE 'N' || i END, 100 + i, 'maker ' || i % 5 FROM generate_series(1, 60) i;
INSERT INTO sky SELECT p, '2024-01-01'::timestamp + h * interval '1 hour', p - h % 24, h % 17 FROM generate_series(1, 30) p, generate_series(0, 99) h;
INSERT INTO rate SELECT i / 2.0, i * i FROM generate_series(1, 6) i;
INSERT INTO bag SELECT 1 + i % 900, i % 23 FROM generate_series(1, 3000) i;
INSERT INTO trip
SELECT i, 1 + i % 33, CASE WHEN i % 11 > 0 THEN 1 + i * 7 % 30 END, CASE WHEN i % 40 % 4 = 0 THEN repeat('N' || i % 40, 12) ELSE 'N' || i % 70 END,
	'2024-01-01'::timestamp + i % 120 * interval '1 hour', (i % 8) / 2.0, i * 37 % 500, (hashint4(i) & 15) + i * 37 % 500 / 20 + i % 5
FROM generate_series(1, 700) i;
ANALYZE;
SELECT cerebro.create_task('join', source => 'SELECT * FROM trip WHERE delay >= 0', label => 'delay > 22') > 0 AS made;
CREATE FUNCTION learn(fe text, name text, structure text DEFAULT 'mlp(16, 8)') RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	model integer := cerebro.train('join', format('FE %s AS %s PT lr = 0.01, epochs = 2', fe, structure));
BEGIN
	RETURN cerebro.deploy(model, 'scan_join.' || name) IS NOT NULL;
END
$$;
-- dimensions alone; with expressions and whether there is a row; with what needs the query beside them; a net that is no chain
SELECT learn('miles, JOIN port o ON (o.id = origin), o.city, o.height, JOIN port d ON (dest = d.id), d.height, JOIN plane USING (tail), plane.seats, plane.maker, JOIN sky ON (sky.port = origin AND sky.at = source.at), sky.temp, sky.wind', 'plain');
SELECT learn('miles, origin, JOIN plane USING (tail), plane.maker, plane.is_matched, big = (plane.seats > 130), ratio = (plane.seats / (1 + miles)), JOIN sky ON (sky.port = dest AND sky.at = source.at), sky.is_matched, sky.wind, warm = (coalesce(sky.temp, 5))', 'made');
SELECT learn('miles, JOIN port o ON (o.id = origin), o.height, JOIN country ON (country.code = o.country), country.area, JOIN rate USING (class), rate.price, JOIN plane USING (tail), plane.seats, AGGREGATE bag ON (bag.trip = source.id) (n = count(*), w = sum(weight))', 'mixed');
SELECT learn('miles, JOIN plane USING (tail), plane.seats, plane.maker, JOIN sky ON (sky.port = origin AND sky.at = source.at), sky.temp', 'residual', 'residual(1, 16)');
-- towers: of a dimension kept for each of its rows, of what the query gives and of the task's own computed
SELECT learn('miles, JOIN port o ON (o.id = origin), o.city, o.height, JOIN plane USING (tail), plane.seats, plane.maker, plane.is_matched, JOIN sky ON (sky.port = origin AND sky.at = source.at), sky.temp', 'towers', 'concat(of_table(source, mlp(8)), of_table(o, mlp(24, 12)), of_table(plane, mlp(24, 12)), of_table(sky, mlp(16))) > mlp(20)');
SELECT learn('miles, JOIN plane USING (tail), plane.seats, plane.maker, JOIN rate USING (class), rate.price, AGGREGATE bag ON (bag.trip = source.id) (n = count(*), w = sum(weight))', 'summed', 'by_table(tokens(6) > skip(attention(2)) > flatten > mlp(8), sum)');

CREATE FUNCTION joins_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		IF line ~ 'Joins|Batch Size' THEN RETURN NEXT trim(line); END IF;
	END LOOP;
END
$$;
SELECT joins_of('SELECT plain(t), made(t) FROM trip t');
SELECT joins_of('SELECT mixed(t) FROM trip t');
SELECT joins_of('SELECT towers(t) FROM trip t');
SELECT joins_of('SELECT summed(t) FROM trip t');
SELECT joins_of('SELECT plain(t) FROM trip t LIMIT 2');
SET cerebro.plan_join = probe;
SELECT joins_of('SELECT plain(t) FROM trip t');
SET cerebro.plan_join = batch;
SELECT joins_of('SELECT plain(t) FROM trip t');
SET cerebro.plan_join = pass;
SELECT joins_of('SELECT plain(t) FROM trip t LIMIT 2');
SET cerebro.plan_join = nothing;
RESET cerebro.plan_join;

-- how many rows differ from those scored alone, by each way
CREATE FUNCTION differing(models text[] DEFAULT '{plain,made,mixed,residual,towers}') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	calls text := (SELECT string_agg(m || '(t) AS ' || m, ', ') FROM unnest(models) m);
	way text;
	n bigint;
	result text := '';
BEGIN
	SET LOCAL cerebro.batch_scoring = off;
	EXECUTE format('CREATE TEMP TABLE alone AS SELECT id, %s FROM scan_join.trip t', calls);
	SET LOCAL cerebro.batch_scoring = on;
	FOREACH way IN ARRAY '{auto,pass,probe,batch}'::text[] LOOP
		PERFORM set_config('cerebro.plan_join', way, true);
		EXECUTE format('CREATE TEMP TABLE batched AS SELECT id, %s FROM scan_join.trip t', calls);
		SELECT count(*) INTO n FROM ((TABLE alone EXCEPT ALL TABLE batched) UNION ALL (TABLE batched EXCEPT ALL TABLE alone)) x;
		result := result || format('%s %s ', way, n);
		DROP TABLE batched;
	END LOOP;
	DROP TABLE alone;
	RETURN result;
END
$$;
SELECT differing();
SELECT differing('{summed}');
SELECT count(DISTINCT plain(t)) > 200 AS many FROM trip t;

-- aggregates by one grouped pass: sums of floats in one order, rows without any, NULL and wide keys, keys of a joined table, conditions on own rows
CREATE TABLE stop (tail text, at timestamp, minutes float8, kind text, trip bigint);
INSERT INTO stop SELECT CASE WHEN i % 50 > 0 THEN CASE WHEN i % 4 = 0 THEN repeat('N' || i % 40, 12) ELSE 'N' || i % 70 END END,
	'2024-01-01'::timestamp + i % 120 * interval '1 hour', (hashint4(i) % 1000) / 7.0, 'kind ' || i % 3, i % 500 FROM generate_series(1, 20000) i;
INSERT INTO bag SELECT 1 + hashint4(i) % 900, (hashint4(-i) % 1000) / 3.0 FROM generate_series(1, 20000) i;
ANALYZE stop, bag;
SELECT learn('miles, AGGREGATE bag ON (bag.trip = source.id) (n = count(*), w = sum(weight), d = stddev(weight))', 'sums');
SELECT learn('miles, JOIN plane USING (tail), plane.seats, AGGREGATE bag ON (source.id = bag.trip) (n = count(*)) WHERE (weight > 3), '
	|| 'AGGREGATE stop VIA (tail) (m = avg(minutes), k = max(kind), c = count(*) + 1, l = array_length(array_agg(minutes), 1)) WHERE (kind <> ''kind 2''), '
	|| 'AGGREGATE stop t ON (t.tail = plane.tail AND t.at = source.at) (m = sum(minutes)), AGGREGATE stop u ON (u.trip = source.id) (m = min(minutes))', 'groups');
SELECT learn('miles, AGGREGATE bag ON (bag.trip < source.id) (n = count(*))', 'ranged');
SET cerebro.plan_join = pass;
SELECT joins_of('SELECT sums(t) FROM trip t');
SELECT joins_of('SELECT groups(t) FROM trip t');
SELECT joins_of('SELECT ranged(t) FROM trip t');
SET cerebro.plan_join = batch;
SELECT joins_of('SELECT groups(t) FROM trip t');
RESET cerebro.plan_join;
SELECT joins_of('SELECT groups(t) FROM trip t');
SELECT differing('{sums,groups,ranged}');
-- what ON says holds
SELECT count(DISTINCT sums(t)) > 200 AS many, count(DISTINCT groups(t)) > 200 AS too FROM trip t;
-- a training reads the same values whichever way
SET cerebro.plan_join = pass;
SET cerebro.reuse = off;
SET cerebro.plan_extract = off;
SELECT learn('miles, JOIN plane USING (tail), AGGREGATE bag ON (bag.trip = source.id) (n = count(*), w = sum(weight)), '
	|| 'AGGREGATE stop t ON (t.tail = plane.tail AND t.at = source.at) (m = sum(minutes), c = count(*))', 'by_groups');
SET cerebro.plan_join = batch;
SELECT learn('miles, JOIN plane USING (tail), AGGREGATE bag ON (bag.trip = source.id) (n = count(*), w = sum(weight)), '
	|| 'AGGREGATE stop t ON (t.tail = plane.tail AND t.at = source.at) (m = sum(minutes), c = count(*))', 'by_rows');
RESET cerebro.plan_join;
RESET cerebro.reuse;
RESET cerebro.plan_extract;
SELECT count(*) FILTER (WHERE by_groups(t) <> by_rows(t)) AS differ, count(DISTINCT by_rows(t)) > 200 AS many FROM trip t;

-- memory: partials that do not fit are computed; what then does not fit is left to the query
SET work_mem = '128kB';
SELECT differing();
SET work_mem = '64kB';
SET hash_mem_multiplier = 1;
SELECT differing();
RESET work_mem;
RESET hash_mem_multiplier;

-- own uncommitted changes, a rolled-back savepoint, VACUUM FULL
CREATE TABLE before AS SELECT id, plain(t) AS p FROM trip t;
BEGIN;
UPDATE plane SET seats = seats + 300;
DELETE FROM port WHERE id = 3;
SELECT differing();
SELECT count(*) > 200 AS changed FROM trip t JOIN before USING (id) WHERE p <> plain(t);
SAVEPOINT s;
UPDATE sky SET temp = -temp;
INSERT INTO port VALUES (31, 'city 1', 5, 'us'), (32, 'new', 5, 'us');
SELECT differing();
ROLLBACK TO s;
SELECT differing();
ROLLBACK;
SELECT count(*) AS changed FROM trip t JOIN before USING (id) WHERE p <> plain(t);
RESET SESSION AUTHORIZATION;
VACUUM FULL scan_join.plane, scan_join.sky;
SET SESSION AUTHORIZATION regress_join_owner;
SELECT count(*) AS changed FROM trip t JOIN before USING (id) WHERE p <> plain(t);
ALTER TABLE plane ADD COLUMN more text DEFAULT 'x';
SELECT differing();

-- a cursor stays with what it saw; others see what is now
SET cerebro.plan_join = pass;
BEGIN;
DECLARE old CURSOR FOR SELECT id, plain(t) AS p FROM trip t ORDER BY id;
DECLARE slow CURSOR FOR SELECT id, plain(t) AS p FROM trip t;
MOVE 20 IN slow;
UPDATE plane SET seats = seats + 300;
SELECT count(*) > 200 AS changed FROM trip t JOIN before USING (id) WHERE p <> plain(t);
MOVE 400 IN old;
FETCH old \gset old_
SELECT p = :'old_p'::real AS same FROM before WHERE id = :old_id;
MOVE 400 IN slow;
FETCH slow \gset slow_
SELECT p = :'slow_p'::real AS same FROM before WHERE id = :slow_id;
SELECT count(*) > 200 AS changed FROM trip t JOIN before USING (id) WHERE p <> plain(t);
ROLLBACK;
SET cerebro.plan_join = batch;
BEGIN;
DECLARE slow CURSOR FOR SELECT id, plain(t) AS p FROM trip t;
MOVE 20 IN slow;
UPDATE plane SET seats = seats + 300;
SELECT count(*) > 200 AS changed FROM trip t JOIN before USING (id) WHERE p <> plain(t);
MOVE 400 IN slow;
FETCH slow \gset slow_
SELECT p = :'slow_p'::real AS same FROM before WHERE id = :slow_id;
ROLLBACK;
-- a cursor goes on behind a savepoint in which it began to read
BEGIN;
SET LOCAL client_min_messages = warning;
DECLARE behind CURSOR FOR SELECT id, plain(t) AS p FROM trip t;
SAVEPOINT s;
MOVE 30 IN behind;
ROLLBACK TO s;
MOVE 400 IN behind;
FETCH behind \gset behind_
SELECT p = :'behind_p'::real AS same FROM before WHERE id = :behind_id;
COMMIT;
RESET cerebro.plan_join;

-- rescans, joins of users, parallel workers
SET cerebro.plan_join = pass;
SELECT count(*) AS wrong FROM generate_series(1, 3) g, LATERAL (SELECT plain(t) AS p, id FROM trip t WHERE id % 3 = g % 3 OFFSET 0) x JOIN before USING (id) WHERE x.p <> before.p;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT count(*) AS wrong FROM (SELECT id, plain(t) AS p FROM trip t) x JOIN before USING (id) WHERE x.p <> before.p;
-- what a model reads of a temporary table no worker can
CREATE TEMP TABLE fare AS SELECT 100 + i AS seats, i * 7.0::float8 AS price FROM generate_series(1, 60) i;
CREATE UNIQUE INDEX ON fare (seats);
SELECT learn('miles, JOIN plane USING (tail), JOIN fare ON (fare.seats = plane.seats), fare.price', 'temporary');
CREATE FUNCTION workers_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
		IF line ~ 'Workers' THEN RETURN NEXT trim(line); END IF;
	END LOOP;
END
$$;
SELECT count(plain(t)) AS plain, count(temporary(t)) AS temporary FROM trip t;
SELECT workers_of('SELECT count(plain(t)) FROM trip t');
SELECT workers_of('SELECT count(temporary(t)) FROM trip t');
SET cerebro.batch_scoring = off;
SELECT count(DISTINCT temporary(t)) > 200 AS many FROM trip t;
SELECT workers_of('SELECT count(*) FROM trip t WHERE temporary(t) >= 0');
SELECT workers_of('SELECT temporary(t) FROM trip t ORDER BY miles');
PREPARE scored AS SELECT count(temporary(t)) FROM trip t;
EXECUTE scored;
RESET cerebro.batch_scoring;
EXECUTE scored;
DEALLOCATE scored;
SELECT cerebro.undeploy('scan_join.temporary');
DROP TABLE fare;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET cerebro.plan_join;

-- scanned again and again for a row or two: looked up one by one no longer, once many came
CREATE FUNCTION ways_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF) ' || query LOOP
		IF line ~ 'Joins' THEN RETURN NEXT regexp_replace(trim(line), ', \d+ kept', '', 'g'); END IF;
	END LOOP;
END
$$;
SELECT ways_of('SELECT sum(p) FROM generate_series(1, 10) g, LATERAL (SELECT plain(t) AS p FROM trip t WHERE t.id = g OFFSET 0) x');
SELECT ways_of('SELECT sum(p) FROM generate_series(1, 2000) g, LATERAL (SELECT plain(t) AS p FROM trip t WHERE t.id = g % 700 OFFSET 0) x');
SELECT count(*) AS wrong FROM generate_series(1, 700) g, LATERAL (SELECT plain(t) AS p, id FROM trip t WHERE t.id = g OFFSET 0) x JOIN before USING (id) WHERE x.p <> before.p;

-- policies: what a user does not see is not joined
RESET SESSION AUTHORIZATION;
GRANT SELECT ON ALL TABLES IN SCHEMA scan_join TO regress_join_user;
ALTER TABLE plane ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON plane FOR SELECT TO regress_join_user USING (seats > 150);
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA scan_join TO regress_join_user;
GRANT TEMPORARY ON DATABASE regression TO regress_join_user;
SET SESSION AUTHORIZATION regress_join_user;
SELECT differing();
SELECT count(*) > 200 AS changed FROM trip t JOIN before USING (id) WHERE p <> plain(t);
-- by a function of the owner's: who scores rows of an owner's table runs what policies of the owner's other tables say
RESET SESSION AUTHORIZATION;
SET ROLE regress_join_owner;
CREATE FUNCTION is_large(seats integer) RETURNS boolean LANGUAGE plpgsql STABLE AS 'BEGIN RETURN seats > 150; END';
SELECT model AS plain_model FROM cerebro.deployments WHERE function = 'plain(trip)'::regprocedure \gset
SELECT cerebro.grant_model(:plain_model, 'regress_join_user', 'use');
DROP POLICY few ON plane;
CREATE POLICY few ON plane FOR SELECT TO regress_join_user USING (is_large(seats));
SET SESSION AUTHORIZATION regress_join_user;
SELECT differing();
SELECT count(*) > 200 AS changed FROM trip t JOIN before USING (id) WHERE p <> plain(t);
-- other rows are nobody's, and a table of somebody else asks somebody else's function
SELECT count(cerebro.predict(:plain_model, t)) FROM (SELECT * FROM trip) t;
RESET SESSION AUTHORIZATION;
CREATE ROLE regress_join_other;
GRANT ALL ON SCHEMA scan_join TO regress_join_other;
ALTER TABLE plane OWNER TO regress_join_other;
SET SESSION AUTHORIZATION regress_join_user;
SELECT count(plain(t)) FROM trip t;
RESET SESSION AUTHORIZATION;
ALTER TABLE plane OWNER TO regress_join_owner;
RESET SESSION AUTHORIZATION;
ALTER TABLE plane DISABLE ROW LEVEL SECURITY;
REVOKE SELECT ON plane FROM regress_join_user;
SET SESSION AUTHORIZATION regress_join_user;
SELECT count(plain(t)) FROM trip t;
RESET SESSION AUTHORIZATION;

-- a table has come to have several rows for one
SET SESSION AUTHORIZATION regress_join_owner;
ALTER TABLE plane DROP CONSTRAINT plane_pkey;
INSERT INTO plane VALUES ('none has it', 1, 'x'), ('none has it', 2, 'y');
SELECT differing();
INSERT INTO plane VALUES ('N1', 7, 'x');
SET cerebro.plan_join = pass;
SELECT count(plain(t)) FROM trip t;
SET cerebro.plan_join = batch;
SELECT count(plain(t)) FROM trip t;

RESET SESSION AUTHORIZATION;
SET client_min_messages = error;
DROP SCHEMA scan_join CASCADE;
DROP ROLE regress_join_other;
SELECT name, cerebro.drop_task(name) FROM cerebro.tasks WHERE owner = 'regress_join_owner'::regrole;
REVOKE ALL ON DATABASE regression FROM regress_join_user;
DROP ROLE regress_join_owner, regress_join_user;
