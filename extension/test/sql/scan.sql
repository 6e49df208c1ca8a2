-- The scan node: calls of models computed in batches, with the bits of the
-- functions, wherever a call stands.
\getenv abs_srcdir PG_ABS_SRCDIR
SET client_min_messages = warning;
CREATE ROLE regress_scan_owner;
CREATE ROLE regress_scan_user;
CREATE SCHEMA scan AUTHORIZATION regress_scan_owner;
GRANT USAGE ON SCHEMA scan TO regress_scan_user;
SET SESSION AUTHORIZATION regress_scan_owner;
SET search_path = scan;
\i :abs_srcdir/../lib/trips.sql
\i :abs_srcdir/../lib/plan.sql
CREATE TABLE carriers (code text PRIMARY KEY, name text);
INSERT INTO carriers SELECT carrier, 'The ' || carrier FROM trips WHERE carrier IS NOT NULL AND carrier <> 'ZZ' GROUP BY 1;
CREATE VIEW joined AS SELECT t.id, t.hour, t.distance, t.taxi, c.name, t.delay FROM trips t LEFT JOIN carriers c ON c.code = t.carrier;
ANALYZE carriers;
SELECT cerebro.create_task('trips', source => 'SELECT * FROM trips', label => 'delay > 15') > 0 AS made;
SELECT cerebro.create_task('coded', source => 'SELECT id, carrier, 1000 / (distance - 99) AS inverse, hour::text AS hour, delay FROM trips',
	label => 'delay > 15', key => '{id}') > 0 AS made;
SELECT cerebro.create_task('views', source => 'SELECT * FROM joined', label => 'delay > 15', key => '{id}') > 0 AS made;
SELECT cerebro.create_task('bands', source => 'SELECT * FROM trips',
	label => 'CASE WHEN delay > 15 THEN ''late'' WHEN delay > 5 THEN ''fair'' ELSE ''early'' END') > 0 AS made;
SELECT cerebro.train('trips', 'AS mlp(16, 8) PT lr = 0.02, epochs = 30, patience = 30') AS one \gset
SELECT cerebro.train('trips', 'AS mlp(8) PT lr = 0.02, epochs = 30, patience = 30, seed = 2') AS two \gset
SELECT cerebro.train('coded', 'AS mlp(8) PT lr = 0.02, epochs = 30, patience = 30') AS coded \gset
SELECT cerebro.train('views', 'AS mlp(8) PT lr = 0.02, epochs = 30, patience = 30') AS views \gset
SELECT cerebro.train('bands', 'AS mlp(8) PT lr = 0.02, epochs = 30, patience = 30') AS bands \gset
SELECT cerebro.deploy(:one, 'late');
SELECT cerebro.deploy(:two, 'tardy');
SELECT cerebro.deploy(:coded, 'coded');
SELECT cerebro.deploy(:views, 'late_joined');
SELECT cerebro.deploy(:bands, 'band');

-- what the functions say, row by row
SET cerebro.batch_scoring = off;
SELECT plan_of('SELECT id, late(t) FROM trips t');
CREATE TABLE truth AS SELECT id, late(t) AS a, tardy(t) AS b, coded(t) AS c, band(t) AS d, late_proba(t) AS e,
	cerebro.predict(:one, t) AS f, cerebro.predict_class(:bands, t) AS g FROM trips t;
SELECT count(*) FILTER (WHERE a > 0.5) BETWEEN 500 AND 3500 AS a_splits, count(*) FILTER (WHERE b > 0.5) BETWEEN 500 AND 3500 AS b_splits,
	count(*) FILTER (WHERE a > 0.5 AND b > 0.5) > 0 AS common, count(DISTINCT d) FROM truth;
CREATE TABLE joined_truth AS SELECT id, late_joined(j) AS a FROM joined j;
RESET cerebro.batch_scoring;

-- how much of a query differs from the truth
CREATE FUNCTION differs(query text, truth text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	EXECUTE format('WITH x AS MATERIALIZED (%s), y AS MATERIALIZED (%s) SELECT count(*) FROM ((TABLE x EXCEPT ALL TABLE y) UNION ALL (TABLE y EXCEPT ALL TABLE x)) z',
		query, truth) INTO n;
	RETURN n;
END
$$;

-- batched = row by row, all answers, several models in one node
SELECT plan_of('SELECT id, late(t), tardy(t), coded(t), band(t), late_proba(t) FROM trips t', 'VERBOSE, COSTS OFF');
SELECT differs(format('SELECT id, late(t), tardy(t), coded(t), band(t), late_proba(t), cerebro.predict(%s, t), cerebro.predict_class(%s, t) FROM trips t',
	:one, :bands), 'TABLE truth');
SELECT differs('SELECT * FROM trips t', 'SELECT (t).* FROM (SELECT t, late(t) FROM trips t) s');

-- a call that stands twice is computed once, and one model's answers about one row; about another row again
SELECT plan_of(format('SELECT late(t), late_proba(t), cerebro.predict(%1$s, t), cerebro.predict_class(%1$s, t) FROM trips t', :one));
SELECT plan_of('SELECT late(s), late(t), late_proba(t), late_proba(s) FROM trips s JOIN trips t USING (hour)');
SELECT differs('SELECT t.id, late(t), late_proba(s) FROM trips t JOIN trips s ON (s.id = t.id + 1)',
	'SELECT t.id, t.a, s.e FROM truth t JOIN truth s ON (s.id = t.id + 1)');
SELECT plan_of('SELECT late(t), late(t) + 1 FROM trips t WHERE late(t) > 0.5 ORDER BY late(t)', 'VERBOSE, COSTS OFF');

-- volatile rows: each call evaluates its own, so the functions answer it; stable ones go into the node beside them
SELECT setseed(0.5);
CREATE FUNCTION maybe_volatile(x float8) RETURNS float8 LANGUAGE plpgsql AS 'BEGIN RETURN x; END';
SELECT plan_of('SELECT late(ROW(id, carrier, hour, distance, random() * 40, delay)::trips), late(ROW(id, carrier, hour, distance, random() * 40, delay)::trips),
	late(ROW(id, carrier, hour, distance, abs(taxi), delay)::trips), late_proba(ROW(id, carrier, hour, distance, abs(taxi), delay)::trips) FROM trips', 'VERBOSE, COSTS OFF');
SELECT plan_of('SELECT sum(late(ROW(id, carrier, hour, distance, maybe_volatile(taxi), delay)::trips)) FROM trips WHERE late(trips) > 0.5');
SELECT count(*), count(*) FILTER (WHERE a = b) < 2000 AS calls_differ, count(*) FILTER (WHERE a = (c ->> 'true')::real) < 2000 AS answers_differ, count(*) FILTER (WHERE d = e) AS stable_alike
FROM (SELECT late(ROW(id, carrier, hour, distance, random() * 40, delay)::trips) AS a, late(ROW(id, carrier, hour, distance, random() * 40, delay)::trips) AS b,
	late_proba(ROW(id, carrier, hour, distance, random() * 40, delay)::trips) AS c, late(ROW(id, carrier, hour, distance, abs(taxi), delay)::trips) AS d,
	late(ROW(id, carrier, hour, distance, @ taxi, delay)::trips) AS e FROM trips OFFSET 0) s;
-- a volatile value that was made below is one for whoever reads it; the node has it from there
SELECT plan_of('SELECT array_agg(v), array_agg(late(ROW(id, carrier, hour, distance, v, delay)::trips)) FROM (SELECT *, random() * 40 AS v FROM trips) t');
SELECT plan_of('SELECT array_agg(v), array_agg(late(ROW(id, carrier, hour, distance, v, delay)::trips)) FROM (SELECT *, (SELECT random() * 40 + t.id * 0) AS v FROM trips t) t');
SELECT count(*), count(*) FILTER (WHERE p = late(ROW(u.id, carrier, hour, distance, v, delay)::trips)) AS alike
FROM (SELECT array_agg(id) AS ids, array_agg(v) AS vs, array_agg(late(ROW(id, carrier, hour, distance, v, delay)::trips)) AS ps FROM (SELECT *, random() * 40 AS v FROM trips) t) a,
	unnest(ids, vs, ps) u (id, v, p) JOIN trips t USING (id);
SELECT count(*), count(*) FILTER (WHERE p = late(ROW(u.id, carrier, hour, distance, v, delay)::trips)) AS alike
FROM (SELECT array_agg(id) AS ids, array_agg(v) AS vs, array_agg(late(ROW(id, carrier, hour, distance, v, delay)::trips)) AS ps
		FROM (SELECT *, (SELECT random() * 40 + t.id * 0) AS v FROM trips t) t) a,
	unnest(ids, vs, ps) u (id, v, p) JOIN trips t USING (id);

-- conditions keep their order: other models see only rows that pass
SELECT plan_of('SELECT id, tardy(t) FROM trips t WHERE late(t) > 0.5 AND hour < 9', 'VERBOSE, COSTS OFF');
SELECT differs('SELECT id, tardy(t) FROM trips t WHERE late(t) > 0.5 AND hour < 9',
	'SELECT id, b FROM truth JOIN trips USING (id) WHERE a > 0.5 AND hour < 9');
SELECT differs('SELECT id FROM trips t WHERE late(t) > 0.4 AND tardy(t) > 0.4 AND id + hour > 5',
	'SELECT id FROM truth JOIN trips USING (id) WHERE a > 0.4 AND b > 0.4 AND id + hour > 5');

-- calls under conditions are left to the functions
SELECT plan_of('SELECT CASE WHEN hour > 3 THEN late(t) END FROM trips t');
SELECT plan_of('SELECT id FROM trips t WHERE hour > 30 OR late(t) > 0.5');
SELECT plan_of('SELECT CASE WHEN late(t) > 0.5 THEN 1 ELSE late(t) END FROM trips t');
SELECT differs('SELECT id, CASE WHEN hour > 3 THEN late(t) END, coalesce(NULL, late(t)) FROM trips t',
	'SELECT id, CASE WHEN hour > 3 THEN a END, a FROM truth JOIN trips USING (id)');
-- a divisor of zero in a model's expression is seen only where its row is asked for
INSERT INTO trips VALUES (5000, 'AA', 3, 99, 1, 1);
SELECT count(coded(t)) FROM trips t WHERE distance > 99;
SELECT count(*) FILTER (WHERE coded(t) > 0) FROM (SELECT * FROM trips OFFSET 0) t WHERE distance > 99;
SELECT count(CASE WHEN distance > 99 THEN coded(t) END) FROM trips t;
SELECT sum(coded(t)) FILTER (WHERE distance > 99) IS NOT NULL AS ok FROM trips t;
SELECT count(coded(t)) FROM trips t;
SELECT count(coded(t)) FROM trips t WHERE late(t) >= 0 AND distance > 99;
DELETE FROM trips WHERE id = 5000;

-- aggregates, groups, windows, sets
SELECT plan_of('SELECT sum(late(t)) FROM trips t', 'VERBOSE, COSTS OFF');
SELECT plan_of('SELECT hour, avg(late(t)) FROM trips t GROUP BY hour HAVING max(tardy(t)) > 0', 'VERBOSE, COSTS OFF');
SELECT differs('SELECT hour, sum(late(t)::numeric), count(*) FILTER (WHERE tardy(t) > 0.5), max(late(t)) FILTER (WHERE hour > 3) FROM trips t GROUP BY hour HAVING max(tardy(t)) > 0.1',
	'SELECT hour, sum(a::numeric), count(*) FILTER (WHERE b > 0.5), max(a) FILTER (WHERE hour > 3) FROM truth JOIN trips USING (id) GROUP BY hour HAVING max(b) > 0.1');
SELECT differs('SELECT count(DISTINCT late(t)), string_agg(band(t), '','' ORDER BY late(t), id) FROM trips t',
	'SELECT count(DISTINCT a), string_agg(d, '','' ORDER BY a, id) FROM truth');
SELECT differs('SELECT hour, sum(late(t)::numeric) FROM trips t GROUP BY GROUPING SETS ((), (hour))',
	'SELECT hour, sum(a::numeric) FROM truth JOIN trips USING (id) GROUP BY GROUPING SETS ((), (hour))');
-- several grouping sets, sorted and hashed
SELECT plan_of('SELECT hour, carrier, sum(late(t)::numeric), grouping(hour) FROM trips t GROUP BY GROUPING SETS ((hour), (carrier), ())', 'VERBOSE, COSTS OFF');
SELECT differs('SELECT hour, carrier, sum(late(t)::numeric), grouping(hour), max(tardy(t)) FILTER (WHERE late(t) > 0.3) FROM trips t GROUP BY GROUPING SETS ((hour), (carrier), ())',
	'SELECT hour, carrier, sum(a::numeric), grouping(hour), max(b) FILTER (WHERE a > 0.3) FROM truth JOIN trips USING (id) GROUP BY GROUPING SETS ((hour), (carrier), ())');
SET enable_hashagg = off;
SELECT differs('SELECT hour, distance % 5, sum(late(t)::numeric), count(DISTINCT tardy(t)) FROM trips t GROUP BY CUBE (1, 2) HAVING max(tardy(t)) > 0.2',
	'SELECT hour, distance % 5, sum(a::numeric), count(DISTINCT b) FROM truth JOIN trips USING (id) GROUP BY CUBE (1, 2) HAVING max(b) > 0.2');
RESET enable_hashagg;
-- of what is grouped: once for each group, behind the conditions on groups
CREATE TABLE keyed (LIKE trips);
ALTER TABLE keyed ADD PRIMARY KEY (id);
INSERT INTO keyed SELECT * FROM trips;
ANALYZE keyed;
SELECT plan_of('SELECT k.id, late(ROW(k.id, k.carrier, k.hour, k.distance, k.taxi, k.delay)::trips), count(*) FROM keyed k JOIN carriers c ON k.carrier >= c.code GROUP BY k.id HAVING tardy(ROW(k.id, k.carrier, k.hour, k.distance, k.taxi, k.delay)::trips) > 0.3 AND count(*) > 2', 'VERBOSE, COSTS OFF');
SELECT differs('SELECT k.id, late(ROW(k.id, k.carrier, k.hour, k.distance, k.taxi, k.delay)::trips), count(*), sum(late(ROW(k.id, k.carrier, k.hour, k.distance, k.taxi, k.delay)::trips)::numeric) FROM keyed k JOIN carriers c ON k.carrier >= c.code GROUP BY k.id HAVING tardy(ROW(k.id, k.carrier, k.hour, k.distance, k.taxi, k.delay)::trips) > 0.3 AND count(*) > 2',
	'SELECT k.id, a, count(*), sum(a::numeric) FROM keyed k JOIN truth USING (id) JOIN carriers c ON k.carrier >= c.code GROUP BY k.id, a, b HAVING b > 0.3 AND count(*) > 2');
-- the same call within an aggregate and beside it: there of the group, whose columns are NULL where a set leaves them out, and of no rows, too
SELECT differs('SELECT hour, carrier, sum(late(ROW(1, NULL, hour, 500, 5, NULL)::trips)::numeric), late(ROW(1, NULL, hour, 500, 5, NULL)::trips) FROM trips GROUP BY GROUPING SETS ((hour), (carrier), ())',
	'SELECT hour, carrier, s, late(ROW(1, NULL, hour, 500, 5, NULL)::trips) FROM (SELECT hour, carrier, sum(x::numeric) AS s FROM (SELECT hour, carrier, late(ROW(1, NULL, hour, 500, 5, NULL)::trips) AS x FROM trips OFFSET 0) t GROUP BY GROUPING SETS ((hour), (carrier), ()) OFFSET 0) g');
SELECT differs('SELECT hour, count(*), max(late(ROW(1, NULL, hour, 500, 5, NULL)::trips)) FROM trips GROUP BY ROLLUP (hour) HAVING late(ROW(1, NULL, hour, 500, 5, NULL)::trips) > 0.3',
	'SELECT hour, n, m FROM (SELECT hour, count(*) AS n, max(x) AS m FROM (SELECT hour, late(ROW(1, NULL, hour, 500, 5, NULL)::trips) AS x FROM trips OFFSET 0) t GROUP BY ROLLUP (hour) OFFSET 0) g WHERE late(ROW(1, NULL, hour, 500, 5, NULL)::trips) > 0.3');
SELECT count(late(ROW(1, NULL, 5, 500, 5, NULL)::trips)), late(ROW(1, NULL, 5, 500, 5, NULL)::trips) IS NOT NULL AS is_scored FROM trips WHERE id < 0;
SELECT plan_of('SELECT hour, late(ROW(1, NULL, hour, 500, 5, NULL)::trips) FROM trips GROUP BY hour ORDER BY hour');
SELECT differs('SELECT hour, max(distance), late(ROW(1, NULL, hour, max(distance), 5, NULL)::trips), grouping(hour) FROM trips GROUP BY ROLLUP (hour)',
	'SELECT hour, m, late(ROW(1, NULL, hour, m, 5, NULL)::trips), g FROM (SELECT hour, max(distance) AS m, grouping(hour) AS g FROM trips GROUP BY ROLLUP (hour) OFFSET 0) s');
DROP TABLE keyed;
SELECT differs('SELECT id, late(t), rank() OVER (PARTITION BY hour ORDER BY late(t)), sum(tardy(t)::numeric) OVER (ORDER BY id) FROM trips t',
	'SELECT id, a, rank() OVER (PARTITION BY hour ORDER BY a), sum(b::numeric) OVER (ORDER BY id) FROM truth JOIN trips USING (id)');
SELECT differs('SELECT id, late(t), generate_series(1, (late(t) * 10)::int) FROM trips t', 'SELECT id, a, generate_series(1, (a * 10)::int) FROM truth');
SELECT differs('SELECT late(t) FROM trips t GROUP BY id', 'SELECT a FROM truth');
SELECT differs('SELECT late(t) FROM trips t UNION SELECT tardy(t) FROM trips t', 'SELECT a FROM truth UNION SELECT b FROM truth');
SELECT differs('SELECT DISTINCT band(t) FROM trips t', 'SELECT DISTINCT d FROM truth');

-- joins: rows that come from below, conditions of the join, rows that are NULL
SELECT plan_of('SELECT late(t), c.name FROM trips t JOIN carriers c ON c.code = t.carrier', 'VERBOSE, COSTS OFF');
SELECT differs('SELECT t.id, late(t), c.name FROM trips t JOIN carriers c ON c.code = t.carrier',
	'SELECT t.id, a, c.name FROM truth JOIN trips t USING (id) JOIN carriers c ON c.code = t.carrier');
SELECT differs('SELECT v, late(t) FROM generate_series(3990, 4010) v LEFT JOIN trips t ON t.id = v',
	'SELECT v, a FROM generate_series(3990, 4010) v LEFT JOIN truth t ON t.id = v');
SELECT plan_of('SELECT s.id, t.id FROM trips s JOIN trips t ON late(s) + tardy(t) > 1 AND s.id < t.id WHERE s.id < 50 AND t.id < 50');
SELECT differs('SELECT s.id, t.id FROM trips s JOIN trips t ON late(s) + tardy(t) > 1 AND s.id < t.id WHERE s.id < 50 AND t.id < 50',
	'SELECT s.id, t.id FROM truth s JOIN truth t ON s.a + t.b > 1 AND s.id < t.id WHERE s.id < 50 AND t.id < 50');
SELECT differs('SELECT s.id, t.id FROM trips s LEFT JOIN trips t ON t.id = s.id + 1 AND late(t) > 0.5 WHERE coalesce(late(t), 0) < 0.9',
	'SELECT s.id, t.id FROM truth s LEFT JOIN truth t ON t.id = s.id + 1 AND t.a > 0.5 WHERE coalesce(t.a, 0) < 0.9');
SELECT differs('SELECT id FROM trips s WHERE EXISTS (SELECT FROM trips t WHERE t.id = s.id AND late(t) > 0.5) AND id NOT IN (SELECT id FROM trips t WHERE tardy(t) > 0.5)',
	'SELECT id FROM truth WHERE a > 0.5 AND b <= 0.5');
-- merge joins go back in their inner side
SET enable_hashjoin = off;
SET enable_nestloop = off;
SET enable_material = off;
SET enable_sort = off;
CREATE INDEX trips_hour ON trips (hour);
SELECT plan_of('SELECT s.id, t.p FROM trips s JOIN (SELECT hour, late(t) AS p FROM trips t OFFSET 0) t ON t.hour = s.hour WHERE s.id < 9');
SELECT differs('SELECT s.id, t.p FROM trips s JOIN (SELECT hour, late(t) AS p FROM trips t WHERE late(t) > 0.3) t ON t.hour = s.hour WHERE s.id < 99',
	'SELECT s.id, t.a FROM trips s JOIN (SELECT hour, a FROM truth JOIN trips USING (id) WHERE a > 0.3) t ON t.hour = s.hour WHERE s.id < 99');
RESET enable_hashjoin;
RESET enable_nestloop;
RESET enable_material;
RESET enable_sort;
-- a view's joins, its columns come as they are
SELECT plan_of('SELECT sum(late_joined(j)) FROM joined j', 'VERBOSE, COSTS OFF');
SELECT differs('SELECT id, late_joined(j) FROM joined j', 'TABLE joined_truth');
SELECT differs(format('SELECT id, cerebro.predict(%s, j) FROM (SELECT * FROM joined OFFSET 0) j', :views), 'TABLE joined_truth');
SELECT differs(format('SELECT id, cerebro.predict(%s, s) FROM (SELECT id, carrier, hour, distance, taxi FROM trips) s', :one), 'SELECT id, a FROM truth');
SELECT differs(format('SELECT t.id, cerebro.predict(%s, s) FROM trips t, LATERAL (SELECT t.carrier, t.hour, t.distance, t.taxi, t.id OFFSET 0) s', :one), 'SELECT id, a FROM truth');
-- an answer is the input of another model
CREATE TABLE stacked AS SELECT t.*, late(t) AS score FROM trips t;
SELECT cerebro.create_task('stacked', source => 'SELECT * FROM stacked', label => 'delay > 15', key => '{id}') > 0 AS made;
SELECT cerebro.train('stacked', 'AS mlp(8) PT lr = 0.02, epochs = 30, patience = 30') AS stacked \gset
SELECT differs(format('SELECT id, cerebro.predict(%1$s, s) FROM (SELECT id, carrier, hour, distance, taxi, late(t) AS score FROM trips t) s', :stacked),
	format('SELECT id, cerebro.predict(%1$s, s) FROM (SELECT id, carrier, hour, distance, taxi, a AS score FROM trips JOIN truth USING (id) OFFSET 0) s', :stacked));
SELECT plan_of(format('SELECT cerebro.predict(%1$s, s) FROM (SELECT id, carrier, hour, distance, taxi, late(t) AS score FROM trips t) s', :stacked), 'VERBOSE, COSTS OFF');

-- the planner knows how scores are spread, whichever way they are compared
CREATE FUNCTION rows_of(condition text, n_rows integer DEFAULT 4000) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	plan json;
	n bigint;
	estimated float8;
BEGIN
	EXECUTE format('EXPLAIN (FORMAT json) SELECT FROM trips t WHERE %s', condition) INTO plan;
	EXECUTE format('SELECT count(*) FROM trips t WHERE %s', condition) INTO n;
	estimated := plan->0->'Plan'->>'Plan Rows';
	RETURN CASE WHEN abs(estimated - n) < 0.1 * n_rows THEN 'near' ELSE format('%s instead of %s', estimated, n) END;
END
$$;
SELECT c, rows_of(c) FROM unnest(ARRAY['late(t) > 0.9', 'late(t) >= 0.5', 'late(t) < 0.1', 'late(t) <= 0.9::real', '0.9 < late(t)', '0.1 > late(t)',
	'NOT late(t) > 0.9', 'late(t) > 0.2 + 0.7', 'late(t) > 2', 'late(t) > 0.9 AND hour < 100']) c;
SELECT rows_of('EXISTS (SELECT FROM carriers c WHERE late(t) > 0.9)') AS in_a_subquery;
SELECT plan_of('SELECT FROM carriers WHERE late(ROW(1, ''AA'', 3, 100, 5, 7)::trips) > 0.9');
SELECT plan_of('SELECT id FROM (SELECT id, late(t) AS p FROM trips t) s WHERE p > 0.9 AND id > 5');
SELECT plan_of('SELECT 1 FROM trips s LEFT JOIN trips t ON t.id = s.id AND late(t) > 0.9 WHERE NOT 0.1 < late(s)');
SELECT cerebro.score_compare('>(float8,float8)'::regoperator, 2.0::float8, 1.0::float8) AS greater;
SELECT cerebro.score_compare('>(numeric,numeric)'::regoperator, 2::bigint, 1::bigint);
SELECT cerebro.score_compare('+(integer,integer)'::regoperator, 2, 1);

-- few rows are read for few
SELECT plan_of('SELECT late(t) FROM trips t LIMIT 10', 'ANALYZE, BUFFERS OFF, COSTS OFF, TIMING OFF, SUMMARY OFF');
SELECT plan_of('SELECT late(t) FROM trips t ORDER BY distance, id LIMIT 10', 'ANALYZE, BUFFERS OFF, COSTS OFF, TIMING OFF, SUMMARY OFF');
SELECT differs('SELECT id, late(t) FROM trips t ORDER BY distance, id LIMIT 10 OFFSET 5',
	'SELECT id, a FROM truth JOIN trips USING (id) ORDER BY distance, id LIMIT 10 OFFSET 5');
SELECT differs('SELECT v, s.* FROM generate_series(1, 5) v, LATERAL (SELECT id, late(t) FROM trips t WHERE hour = v ORDER BY id LIMIT v) s',
	'SELECT v, s.* FROM generate_series(1, 5) v, LATERAL (SELECT id, a FROM truth JOIN trips USING (id) WHERE hour = v ORDER BY id LIMIT v) s');
SELECT count(*) FROM (SELECT late(t) FROM trips t LIMIT 0) s;
SELECT count(*) FROM (SELECT late(t) FROM trips t LIMIT NULL) s;

-- read again and again
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_material = off;
SET enable_memoize = off;
SELECT differs('SELECT v, s.id, s.p FROM generate_series(1, 24) v, LATERAL (SELECT id, late(t) AS p FROM trips t WHERE hour = v AND tardy(t) > 0.5) s',
	'SELECT hour, id, a FROM truth JOIN trips USING (id) WHERE b > 0.5 AND hour > 0');
SELECT differs('SELECT id, (SELECT max(late(t)) FROM trips t WHERE t.hour = s.hour) FROM trips s WHERE id < 30',
	'SELECT id, (SELECT max(a) FROM truth JOIN trips t USING (id) WHERE t.hour = s.hour) FROM trips s WHERE id < 30');
RESET enable_hashjoin;
RESET enable_mergejoin;
RESET enable_material;
RESET enable_memoize;
WITH RECURSIVE r AS (
	SELECT id, late(t) AS p FROM trips t WHERE id = 1
	UNION ALL
	SELECT t.id, late(t) FROM r JOIN trips t ON t.id = r.id + 1 WHERE r.id < 40)
SELECT count(*), bool_and(p = a) AS same FROM r JOIN truth USING (id);
WITH c AS MATERIALIZED (SELECT id, late(t) AS p FROM trips t) SELECT bool_and(p = a) AS same, count(*) FROM c JOIN truth USING (id);

-- parallel workers
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT plan_of('SELECT sum(late(t)) FROM trips t');
SELECT plan_of('SELECT id FROM trips t WHERE late(t) > 2', 'ANALYZE, BUFFERS OFF, COSTS OFF, SUMMARY OFF, TIMING OFF') LIKE '%Rows Removed%' AS removed;
SELECT differs('SELECT id, late(t), coded(t), band(t), late_proba(t) FROM trips t', 'SELECT id, a, c, d, e FROM truth');
SELECT differs('SELECT hour, sum(late(t)::numeric) FROM trips t WHERE tardy(t) > 0.4 GROUP BY hour',
	'SELECT hour, sum(a::numeric) FROM truth JOIN trips USING (id) WHERE b > 0.4 GROUP BY hour');
SELECT differs('SELECT id, late_joined(j) FROM joined j', 'TABLE joined_truth');
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

-- cursors: forward, backward, where they stand
BEGIN;
DECLARE plain CURSOR FOR SELECT id, late(t) = (SELECT a FROM truth WHERE id = t.id) AS same FROM trips t;
FETCH 3 FROM plain;
FETCH BACKWARD 1 FROM plain;
ROLLBACK;
SELECT plan_of('DECLARE scrolled SCROLL CURSOR FOR SELECT id, late(t) FROM trips t', 'VERBOSE, COSTS OFF');
BEGIN;
DECLARE scrolled SCROLL CURSOR FOR SELECT id, late(t) = (SELECT a FROM truth WHERE id = t.id) AS same FROM trips t ORDER BY id;
FETCH 2 FROM scrolled;
FETCH ABSOLUTE 3000 FROM scrolled;
FETCH BACKWARD 2 FROM scrolled;
FETCH LAST FROM scrolled;
FETCH FIRST FROM scrolled;
ROLLBACK;
BEGIN;
DECLARE held CURSOR WITH HOLD FOR SELECT id, late(t) FROM trips t ORDER BY id;
COMMIT;
FETCH 1 FROM held \gset
SELECT :late::real = a AS same FROM truth WHERE id = :id;
CLOSE held;
BEGIN;
DECLARE here CURSOR FOR SELECT id, late(t) FROM trips t WHERE late(t) > 0.5 AND tardy(t) > 0;
MOVE 2 IN here;
FETCH here \gset here_
UPDATE trips SET hour = 100 WHERE CURRENT OF here RETURNING id = :here_id AS this_one, hour;
FETCH here \gset here_
DELETE FROM trips WHERE CURRENT OF here RETURNING id = :here_id AS this_one;
ROLLBACK;

-- prepared, generic or not; PL/pgSQL
PREPARE one_of(integer) AS SELECT late(t) = (SELECT a FROM truth WHERE id = $1) AS same FROM trips t WHERE id = $1;
EXECUTE one_of(1);
SET plan_cache_mode = force_generic_plan;
EXECUTE one_of(2);
RESET plan_cache_mode;
PREPARE by_model(integer) AS SELECT count(cerebro.predict($1, t)) FROM trips t;
EXECUTE by_model(:one);
DO $$
DECLARE
	r record;
	t trips;
	n integer := 0;
	c CURSOR FOR SELECT s.id, late(s) AS p FROM trips s;
BEGIN
	FOR r IN SELECT s.id, late(s) AS p, truth.a FROM trips s JOIN truth USING (id) LOOP
		n := n + (r.p = r.a)::integer;
	END LOOP;
	FOR r IN c LOOP
		n := n + (r.p = (SELECT a FROM truth WHERE id = r.id))::integer;
		EXIT WHEN r.id = 50;
	END LOOP;
	SELECT * INTO t FROM trips WHERE id = 7;
	n := n + (late(t) = (SELECT a FROM truth WHERE id = 7))::integer;
	IF n <> 4051 THEN
		RAISE EXCEPTION '% rows are the same', n;
	END IF;
END
$$;

-- writes
CREATE TABLE copies (LIKE trips);
ALTER TABLE copies ADD COLUMN score real;
INSERT INTO copies SELECT t.*, late(t) FROM trips t;
SELECT count(*) FROM copies JOIN truth USING (id) WHERE score = a;
UPDATE copies c SET score = tardy(t) FROM trips t WHERE t.id = c.id;
SELECT count(*) FROM copies JOIN truth USING (id) WHERE score = b;
SELECT plan_of('UPDATE stacked s SET score = cerebro.predict(' || :two || ', s)', 'VERBOSE, COSTS OFF');
UPDATE stacked s SET score = cerebro.predict(:two, s) WHERE cerebro.predict(:one, s) > 0.5;
SELECT bool_and(score = CASE WHEN a > 0.5 THEN b ELSE a END) AS same FROM stacked JOIN truth USING (id);
MERGE INTO copies c USING (SELECT id, late(t) AS p FROM trips t) s ON s.id = c.id AND s.p > 0.5
WHEN MATCHED AND c.id < 100 THEN DELETE WHEN MATCHED THEN UPDATE SET score = s.p WHEN NOT MATCHED THEN INSERT (id, distance, delay, score) VALUES (-s.id, 0, 0, s.p);
SELECT bool_and(c.score = CASE WHEN a > 0.5 THEN a ELSE b END) AS same FROM copies c JOIN truth USING (id);
SELECT count(*), bool_and(c.score = t.a) AS same FROM copies c JOIN truth t ON c.id = -t.id;
WITH gone AS (DELETE FROM stacked s WHERE cerebro.predict(:one, s) > 0.5 RETURNING id, cerebro.predict(:one, s) AS p)
SELECT count(*) = (SELECT count(*) FROM truth WHERE a > 0.5) AS all, bool_and(p = a) AS same FROM gone JOIN truth USING (id);

-- partitions: rows of a child as rows of its parent
CREATE TABLE parted (LIKE trips) PARTITION BY RANGE (id);
CREATE TABLE parted_low PARTITION OF parted FOR VALUES FROM (0) TO (2000);
CREATE TABLE parted_high (note text, delay integer NOT NULL, taxi float8, distance integer NOT NULL, hour smallint, carrier text, id integer NOT NULL, gone text);
ALTER TABLE parted_high DROP COLUMN gone;
ALTER TABLE parted ADD COLUMN note text;
ALTER TABLE parted ATTACH PARTITION parted_high FOR VALUES FROM (2000) TO (9999);
INSERT INTO parted SELECT * FROM trips;
SELECT plan_of(format('SELECT cerebro.predict(%s, p) FROM parted p', :one), 'VERBOSE, COSTS OFF');
SELECT differs(format('SELECT id, cerebro.predict(%s, p) FROM parted p', :one), 'SELECT id, a FROM truth');
SELECT differs(format('SELECT hour, max(cerebro.predict(%s, p)) FROM parted p GROUP BY hour', :one),
	'SELECT hour, max(a) FROM truth JOIN trips USING (id) GROUP BY hour');
UPDATE parted p SET taxi = cerebro.predict(:one, p);
SELECT bool_and(taxi = a::float8) AS same FROM parted JOIN truth USING (id);

-- columns dropped and added
ALTER TABLE trips ADD COLUMN more text DEFAULT 'more';
ALTER TABLE trips ADD COLUMN gone text;
ALTER TABLE trips DROP COLUMN gone;
SELECT differs('SELECT id, late(t), coded(t) FROM trips t WHERE tardy(t) >= 0', 'SELECT id, a, c FROM truth');
SELECT differs('SELECT more, ctid, tableoid, late(t) FROM trips t', 'SELECT ''more'', t.ctid, t.tableoid, a FROM truth JOIN trips t USING (id)');

-- values that are large, and that the node hands on
CREATE TABLE large AS SELECT id, carrier, hour, distance, taxi, repeat(md5(id::text), 100) AS text, ARRAY[id, id] AS list FROM trips;
SELECT differs(format('SELECT id, text, list, cerebro.predict(%s, l) FROM large l', :one),
	'SELECT id, repeat(md5(id::text), 100), ARRAY[id, id], a FROM truth');

SELECT plan_of(format('SELECT ctid, xmin, tableoid, cerebro.predict(%s, l) FROM large l', :one), 'VERBOSE, COSTS OFF');
SELECT differs(format('SELECT id, ctid, xmin, cmin, tableoid, cerebro.predict(%s, l) FROM large l', :one),
	'SELECT id, l.ctid, l.xmin, l.cmin, l.tableoid, a FROM large l JOIN truth USING (id)');

-- columns of every width and alignment, before those of the model, NULL and not; rows that are older than a column
CREATE TABLE widths (yes boolean, id integer, one "char", two smallint, code uuid, label name, eight float8, carrier text, part macaddr, hour smallint, at timestamptz,
	distance integer, long text, little numeric, span interval, taxi double precision, address inet, gone oid);
INSERT INTO widths SELECT i % 2 = 0, i, CASE WHEN i % 3 > 0 THEN chr(65 + i % 26) END::"char", i % 100, CASE WHEN i % 4 > 0 THEN md5(i::text)::uuid END, 'name ' || i, i / 7.0,
	t.carrier, CASE WHEN i % 5 > 0 THEN ('08:00:2b:00:00:' || i % 90 + 10)::macaddr END, t.hour, CASE WHEN i % 7 > 0 THEN '2024-01-01'::timestamptz + i * interval '1 min' END, t.distance,
	repeat('x', i % 300), CASE WHEN i % 2 > 0 THEN i / 3.0 END, i * interval '1 hour', t.taxi, CASE WHEN i % 3 > 0 THEN '10.0.0.1'::inet + i END, i
	FROM trips t, LATERAL (SELECT t.id) n (i);
ALTER TABLE widths DROP COLUMN gone;
ALTER TABLE widths ADD COLUMN late_one integer DEFAULT 5, ADD COLUMN late_two text;
UPDATE widths SET late_two = 'now' WHERE id % 10 = 0;
SELECT differs(format('SELECT id, cerebro.predict(%s, w) FROM widths w', :one), 'SELECT id, a FROM truth');
SELECT differs(format('SELECT w.*, cerebro.predict(%s, w) FROM widths w', :one), 'SELECT w.*, a FROM widths w JOIN truth USING (id)');

-- row policies and barriers: a model sees, as a function would, only what passes them
RESET SESSION AUTHORIZATION;
SET search_path = scan;
CREATE FUNCTION scan.tell(integer) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$BEGIN RAISE WARNING 'row %', $1; RETURN true; END$$;
SET client_min_messages = warning;
GRANT SELECT ON ALL TABLES IN SCHEMA scan TO regress_scan_user;
GRANT EXECUTE ON FUNCTION scan.late(trips), scan.coded(trips) TO regress_scan_user;
ALTER TABLE trips ENABLE ROW LEVEL SECURITY;
CREATE POLICY low ON trips FOR SELECT TO regress_scan_user USING (id <= 2);
SET SESSION AUTHORIZATION regress_scan_user;
SELECT plan_of('SELECT id FROM trips t WHERE late(t) > -1 AND tell(id)');
SELECT id FROM trips t WHERE late(t) > -1 AND tell(id);
RESET SESSION AUTHORIZATION;
DROP POLICY low ON trips;
CREATE POLICY scored ON trips FOR SELECT TO regress_scan_user USING (scan.late(trips) > 0.5);
GRANT SELECT ON truth TO regress_scan_user;
SET SESSION AUTHORIZATION regress_scan_user;
SELECT plan_of('SELECT id FROM trips t WHERE tell(id) AND id < 20');
SET cerebro.allow_user_functions = on;
SELECT id FROM trips t WHERE tell(id) AND id < 20;
RESET cerebro.allow_user_functions;
SELECT array_agg(id ORDER BY id) AS really FROM truth WHERE a > 0.5 AND id < 20;
RESET SESSION AUTHORIZATION;
ALTER TABLE trips DISABLE ROW LEVEL SECURITY;
CREATE VIEW barrier WITH (security_barrier) AS SELECT * FROM trips WHERE id <= 2;
GRANT SELECT ON barrier TO regress_scan_user;
SELECT id FROM barrier b WHERE cerebro.predict(:one, b) > 0 AND tell(id);
-- rights hold in the node
SET SESSION AUTHORIZATION regress_scan_user;
SELECT tardy(t) FROM trips t WHERE id < 0;
SELECT tardy(t) FROM trips t;
SELECT coded(t) BETWEEN 0 AND 1 AS scored FROM trips t LIMIT 1;

-- errors in the middle leave the session well
SET SESSION AUTHORIZATION regress_scan_owner;
SELECT count(late(t) / (id - 3000)) FROM trips t;
SELECT count(late(t)) FROM trips t;
BEGIN;
SAVEPOINT s;
SELECT late(t) / (id - 3000) FROM trips t WHERE id = 3000;
ROLLBACK TO s;
SELECT count(late(t)) FROM trips t;
COMMIT;

-- a view's computed column, read in a group and in an aggregate above a sort
CREATE VIEW halved AS SELECT id, hour / 2 AS hour, distance, taxi, carrier, delay FROM trips;
SET enable_hashagg = off;
SELECT count(*) > 0 AS some, bool_and(batched = single) AS alike FROM (
	SELECT width_bucket(cerebro.predict(:one, h), 0, 1, 2), avg(cerebro.predict(:one, h)) AS batched,
		avg(cerebro.predict((SELECT :one), h)) AS single
	FROM halved h WHERE id < 500 GROUP BY 1) g;
RESET enable_hashagg;

-- a row that a subquery gives, scored in an aggregate above a sort
SELECT count(*), bool_and(inner_row = outer_row) AS alike FROM (
	SELECT cerebro.predict(:one, (SELECT t FROM trips t WHERE t.id = s.id)) AS inner_row, cerebro.predict((SELECT :one), s) AS outer_row
	FROM trips s WHERE id < 300) p;
SELECT array_agg(cerebro.predict(:one, (SELECT t FROM trips t WHERE t.id = s.id))) =
		(SELECT array_agg(cerebro.predict((SELECT :one), t) ORDER BY distance, id) FROM trips t WHERE id < 300) AS alike
	FROM (SELECT id FROM trips WHERE id < 300 ORDER BY distance, id) s;
SELECT array_agg(cerebro.predict(:one, (SELECT t FROM trips t WHERE t.id = s.id)) ORDER BY distance, id) =
		(SELECT array_agg(cerebro.predict((SELECT :one), t) ORDER BY distance, id) FROM trips t WHERE id < 300) AS alike
	FROM trips s WHERE id < 300;

RESET SESSION AUTHORIZATION;
SET client_min_messages = error;
DROP SCHEMA scan CASCADE;
SELECT name, cerebro.drop_task(name) FROM cerebro.tasks WHERE owner = 'regress_scan_owner'::regrole ORDER BY id;
DROP ROLE regress_scan_owner, regress_scan_user;
