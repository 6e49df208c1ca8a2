-- Explanations in the scan node: the bits of rows explained alone, whichever way the joined tables are read, which is once.
\getenv abs_srcdir PG_ABS_SRCDIR
SET client_min_messages = error;
CREATE SCHEMA scan_why;
SET search_path = scan_why;
\i :abs_srcdir/../lib/trips.sql
DELETE FROM trips WHERE id > 300;
CREATE TABLE base (name text PRIMARY KEY, height integer, country text);
CREATE TABLE carriers (carrier text PRIMARY KEY, rank integer, base text);
CREATE TABLE legs (trip integer, speed real);
INSERT INTO base SELECT 'base ' || i, 100 * i, 'country ' || i % 2 FROM generate_series(0, 2) i;
INSERT INTO carriers SELECT v, 3 * n, 'base ' || n % 4 FROM unnest('{AA,B6,DL,UA}'::text[]) WITH ORDINALITY u(v, n);
INSERT INTO legs SELECT id, (id * k) % 13 FROM trips, generate_series(1, 1 + id % 4) k WHERE id % 9 > 0;
CREATE INDEX ON legs (trip);
ANALYZE;
SELECT cerebro.create_task('why', source => 'SELECT * FROM trips', label => 'delay > 15') > 0 AS made;
SELECT cerebro.create_task('why_bands', source => 'SELECT * FROM trips', label => 'CASE WHEN delay > 15 THEN ''late'' WHEN delay > 5 THEN ''fair'' ELSE ''early'' END') > 0 AS made;
CREATE FUNCTION learn(mst text, name text, task text DEFAULT 'why') RETURNS boolean LANGUAGE sql AS $$
	SELECT cerebro.deploy(cerebro.train(task, mst || ' PT lr = 0.02, epochs = 2'), 'scan_why.' || name) IS NOT NULL
$$;
SELECT learn('AS mlp(16, 8)', 'plain');
SELECT learn('AS mlp(8)', 'bands', 'why_bands');
SELECT learn('FE hour, taxi, JOIN carriers USING (carrier), carriers.rank, carriers.is_matched, JOIN base ON (base.name = carriers.base), base.height, base.country AS mlp(16, 8)', 'snow');
SELECT learn('FE hour, distance, short = (distance < 900), JOIN carriers USING (carrier), carriers.rank, carriers.base, AGGREGATE legs ON (legs.trip = source.id) (n = count(*), s = sum(speed)) AS mlp(16)', 'mixed');
SELECT learn('FE hour, taxi, JOIN carriers USING (carrier), carriers.rank, carriers.base AS by_table(mlp(8), sum)', 'towers');
SELECT learn('FE hour, JOIN carriers USING (carrier), carriers.rank AS residual(1, 16)', 'residual');
SELECT learn('FE hour, JOIN carriers USING (carrier), carriers.base, AGGREGATE legs ON (legs.trip = source.id) (speed = array_agg(speed)), legs.speed : sequence(4) AS concat(features, pool_rows(legs, mlp(8), mean)) > mlp(8)', 'arrays');
SELECT cerebro.deploy(cerebro.ensemble(ARRAY(SELECT model FROM cerebro.deployments WHERE function::text ~ '^(snow|towers)\(')), 'scan_why.several') IS NOT NULL AS deployed;

-- the node is seen, in a session's first statement, too; it reads joined tables once for all that is asked about a row
\i :abs_srcdir/../lib/plan.sql
\c -
SET search_path = scan_why;
SET client_min_messages = error;
SELECT plan_of('SELECT snow_why(t) FROM trips t');
SELECT plan_of('SELECT snow(t), snow_why(t) FROM trips t');
SET cerebro.plan_join = pass;
SELECT plan_of('SELECT snow(t), snow_why(t) FROM trips t');
SELECT plan_of('SELECT snow_why(t) FROM trips t WHERE snow(t) > 0.5');
SELECT plan_of('SELECT towers_why(t) FROM trips t');
RESET cerebro.plan_join;
-- behind a condition: explained are rows that it lets pass
SELECT plan_of('SELECT snow_why(t) FROM trips t WHERE snow(t) > 0.5 AND hour > 3');
-- a condition on the explanation, and one on another model
SELECT plan_of('SELECT id FROM trips t WHERE (snow_why(t) ->> ''sum'')::float8 > 0');
SELECT plan_of('SELECT snow_why(t) FROM trips t WHERE plain(t) > 0.5');
SELECT plan_of('SELECT id, jsonb_array_elements(snow_why(t) -> ''tables'') FROM trips t');
SET cerebro.batch_scoring = off;
SELECT plan_of('SELECT snow_why(t) FROM trips t');
RESET cerebro.batch_scoring;

CREATE FUNCTION compare(calls text, condition text DEFAULT 'true') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	way text;
	n bigint;
	result text := '';
BEGIN
	SET LOCAL cerebro.batch_scoring = off;
	EXECUTE format('CREATE TEMP TABLE alone AS SELECT id, %s FROM scan_why.trips t WHERE %s', calls, condition);
	SET LOCAL cerebro.batch_scoring = on;
	FOREACH way IN ARRAY '{auto,pass,probe,batch}'::text[] LOOP
		PERFORM set_config('cerebro.plan_join', way, true);
		EXECUTE format('CREATE TEMP TABLE batched AS SELECT id, %s FROM scan_why.trips t WHERE %s', calls, condition);
		SELECT count(*) INTO n FROM ((TABLE alone EXCEPT ALL TABLE batched) UNION ALL (TABLE batched EXCEPT ALL TABLE alone)) x;
		result := result || format('%s %s ', way, n);
		DROP TABLE batched;
	END LOOP;
	PERFORM set_config('cerebro.plan_join', 'auto', true);
	SELECT result || CASE WHEN count(DISTINCT a::text) > 20 THEN CASE count(*) WHEN 300 THEN 'of all' ELSE 'of some' END END INTO result FROM alone a;
	DROP TABLE alone;
	RETURN result;
END
$$;
SELECT compare('plain_why(t) AS a');
SELECT compare('bands_why(t) AS a, bands_proba(t) AS b');
SELECT compare('snow_why(t) AS a, snow(t) AS b, snow_proba(t) AS c');
SELECT compare('mixed_why(t) AS a, mixed(t) AS b, snow_why(t) AS c');
SELECT compare('towers_why(t) AS a, towers(t) AS b');
SELECT compare('residual_why(t) AS a');
SELECT compare('arrays_why(t) AS a, arrays(t) AS b');
SELECT compare('several_why(t) AS a, several(t) AS b');
-- with conditions on scores, on explanations, on both
SELECT compare('snow_why(t) AS a', 'snow(t) > 0.4 AND hour > 3 AND taxi > 6');
SELECT compare('mixed_why(t) AS a', 'snow(t) > 0.4 AND mixed(t) < 0.7');
SELECT compare('id AS a', '(mixed_why(t) ->> ''sum'')::float8 > 0 AND mixed(t) < 0.7');
SELECT compare('snow(t) AS a', '(snow_why(t) ->> ''sum'')::float8 > 0');
-- models that are named by number; sums that the settings fold or combine, with work_mem for nothing
SELECT model AS snow FROM cerebro.deployments WHERE function::text LIKE 'snow(%' \gset
SELECT compare(format('cerebro.why(%1$s, t) AS a, snow(t) AS b, snow_why(t) AS c, cerebro.predict(%1$s, t) AS d', :snow::text));
SET cerebro.plan_partials = folded;
SELECT compare('snow_why(t) AS a, snow(t) AS b');
RESET cerebro.plan_partials;
SET work_mem = '64kB';
SET hash_mem_multiplier = 1;
SELECT compare('snow_why(t) AS a, snow(t) AS b');
RESET work_mem;
RESET hash_mem_multiplier;

-- complete, by row and by batch
SELECT count(*), bool_and(abs((why ->> 'residual')::float8) <= 0.001) AS small,
	bool_and(abs((why ->> 'baseline_log_odds')::float8 + (why ->> 'sum')::float8 + (why ->> 'residual')::float8 - (why ->> 'log_odds')::float8) < 1e-9) AS complete,
	bool_and((why ->> 'prediction')::real = p) AS predicts, bool_and(jsonb_array_length(why -> 'tables') = 3) AS three
FROM (SELECT snow_why(t) AS why, snow(t) AS p FROM trips t OFFSET 0) s;

-- as rows, by table: behind the node
SELECT bool_and(sum = total) AS equal FROM (
	SELECT id, round(sum(adds)::numeric, 6) AS sum, round(min((why ->> 'sum')::float8)::numeric, 6) AS total
	FROM (SELECT id, snow_why(t) AS why FROM trips t OFFSET 0) s, jsonb_to_recordset(why -> 'tables') AS w("table" text, adds float8) GROUP BY id) x;

-- rows that are none; few rows; scans again; cursors; a limit; workers
SELECT count(snow_why(t)) AS explained, count(*) FROM generate_series(1, 20) i LEFT JOIN trips t ON t.id = i AND i % 2 = 0;
SELECT count(*) FROM (SELECT snow_why(t) FROM trips t LIMIT 3) s;
SELECT count(DISTINCT w) > 200 AS differ, count(*) FROM generate_series(1, 3) i, LATERAL (SELECT snow_why(t) AS w FROM trips t WHERE id % 3 = i - 1 AND snow(t) > 0 OFFSET i) s;
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT id, snow_why(t) = cerebro.why(:snow, t) AS same FROM trips t WHERE snow(t) > 0 ORDER BY id;
MOVE 60 IN c;
FETCH c;
FETCH PRIOR FROM c;
ROLLBACK;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SET cerebro.plan_join = pass;
SELECT plan_of('SELECT max(snow_why(t) ->> ''sum'') FROM trips t');
CREATE TABLE parallel AS SELECT id, snow_why(t) AS why FROM trips t;
RESET max_parallel_workers_per_gather;
RESET cerebro.plan_join;
SELECT count(*) AS differ FROM parallel JOIN trips t USING (id) WHERE why <> snow_why(t);

DROP SCHEMA scan_why CASCADE;
SELECT name, cerebro.drop_task(name) FROM cerebro.tasks WHERE name LIKE 'why%' ORDER BY id;
