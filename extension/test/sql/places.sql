-- Where a call of a model may stand: each place of SQL says what the functions say row by row.
\getenv abs_srcdir PG_ABS_SRCDIR
SET client_min_messages = warning;
CREATE ROLE regress_places_owner;
CREATE SCHEMA places AUTHORIZATION regress_places_owner;
SET SESSION AUTHORIZATION regress_places_owner;
SET search_path = places;
\i :abs_srcdir/../lib/trips.sql
SELECT cerebro.create_task('trips', source => 'SELECT * FROM trips', label => 'delay > 15') > 0 AS made;
SELECT cerebro.train('trips', 'AS mlp(16, 8) PT lr = 0.02, epochs = 10') AS one \gset
SELECT cerebro.train('trips', 'AS mlp(8) PT lr = 0.02, epochs = 10, seed = 2') AS two \gset
SELECT cerebro.deploy(:one, 'late');
SELECT cerebro.deploy(:two, 'tardy');
SET cerebro.batch_scoring = off;
CREATE TABLE truth AS SELECT t.*, late(t) AS a, tardy(t) AS b FROM trips t;
RESET cerebro.batch_scoring;
ALTER TABLE truth ADD PRIMARY KEY (id);
CREATE FUNCTION differs(query text, truth text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	EXECUTE format('WITH x AS MATERIALIZED (%s), y AS MATERIALIZED (%s) SELECT count(*) FROM ((TABLE x EXCEPT ALL TABLE y) UNION ALL (TABLE y EXCEPT ALL TABLE x)) z',
		query, truth) INTO n;
	RETURN n;
END
$$;

-- what reads: the query as it is, and with the truth's columns in place of calls
CREATE TABLE queries (ordinal integer GENERATED ALWAYS AS IDENTITY, place text, query text);
INSERT INTO queries (place, query) VALUES
	('select list', 'SELECT id, late(t), tardy(t) FROM @ t'),
	('WHERE', 'SELECT id FROM @ t WHERE late(t) > 0.5 AND tardy(t) < 0.7'),
	('OR', 'SELECT id FROM @ t WHERE late(t) > 0.8 OR tardy(t) < 0.2 OR hour = 3'),
	('ORDER BY and LIMIT', 'SELECT id FROM @ t ORDER BY late(t) DESC, id LIMIT 20'),
	('ORDER BY, OFFSET', 'SELECT id FROM @ t ORDER BY tardy(t), id OFFSET 3980'),
	('WITH TIES', 'SELECT id FROM @ t ORDER BY round(late(t)::numeric, 2) FETCH FIRST 5 ROWS WITH TIES'),
	('DISTINCT', 'SELECT DISTINCT round(late(t)::numeric, 1) FROM @ t'),
	('DISTINCT ON', 'SELECT DISTINCT ON (hour) hour, id, late(t) FROM @ t ORDER BY hour, late(t), id'),
	('GROUP BY', 'SELECT width_bucket(late(t), 0, 1, 10), count(*) FROM @ t GROUP BY 1'),
	('HAVING', 'SELECT hour FROM @ t GROUP BY hour HAVING max(late(t)) > 0.9 AND min(tardy(t)) < 0.2'),
	('GROUPING SETS', 'SELECT hour, late(t) > 0.5, count(*) FROM @ t GROUP BY GROUPING SETS ((hour), (late(t) > 0.5), ())'),
	('ROLLUP', 'SELECT carrier, hour, max(late(t)) FROM @ t GROUP BY ROLLUP (carrier, hour)'),
	('aggregates', 'SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY late(t)), count(DISTINCT tardy(t)), string_agg(id::text, '','' ORDER BY late(t), id) FROM @ t'),
	('FILTER', 'SELECT count(*) FILTER (WHERE late(t) > tardy(t)), max(late(t)) FILTER (WHERE hour > 5) FROM @ t'),
	('window', 'SELECT id, rank() OVER (PARTITION BY hour ORDER BY late(t), id), lag(late(t)) OVER (ORDER BY id), max(tardy(t)) OVER (ORDER BY late(t), id ROWS 5 PRECEDING) FROM @ t'),
	('JOIN ON', 'SELECT t.id, u.id FROM @ t JOIN @ u ON late(t) < tardy(u) AND u.id = t.id + 1'),
	('LEFT JOIN', 'SELECT t.id, u.id, late(u) FROM @ t LEFT JOIN @ u ON u.id = t.id - 3000 AND late(t) > 0.5'),
	('FULL JOIN', 'SELECT t.id, u.id, late(t), tardy(u) FROM @ t FULL JOIN @ u ON u.id = t.id + 3900'),
	('hash of scores', 'SELECT t.id, u.id FROM @ t JOIN @ u ON late(t) = late(u) AND t.id <> u.id'),
	('EXISTS', 'SELECT id FROM @ t WHERE EXISTS (SELECT FROM @ u WHERE u.id = t.id + 1 AND late(u) > late(t))'),
	('NOT IN', 'SELECT id FROM @ t WHERE id NOT IN (SELECT id FROM @ u WHERE late(u) > 0.5)'),
	('scalar subquery', 'SELECT id, (SELECT late(u) FROM @ u WHERE u.id = t.id % 7 + 1) FROM @ t'),
	('ARRAY subquery', 'SELECT hour, ARRAY(SELECT late(u) FROM @ u WHERE u.hour = h.hour ORDER BY u.id) FROM (SELECT DISTINCT hour FROM @ WHERE hour IS NOT NULL) h'),
	('LATERAL', 'SELECT h, s.id, s.p FROM generate_series(0, 23) h, LATERAL (SELECT id, late(t) AS p FROM @ t WHERE hour = h ORDER BY late(t), id LIMIT 3) s'),
	('CTE', 'WITH scored AS (SELECT id, late(t) AS p FROM @ t) SELECT x.id FROM scored x JOIN scored y ON y.id = x.id + 1 AND y.p > x.p'),
	('recursive CTE', 'WITH RECURSIVE walk AS (SELECT 1 AS id, 0::real AS p UNION ALL SELECT t.id, late(t) FROM walk w JOIN @ t ON t.id = w.id + 1 WHERE w.id < 50) SELECT * FROM walk'),
	('UNION', 'SELECT id, late(t) FROM @ t WHERE hour < 5 UNION ALL SELECT id, tardy(t) FROM @ t WHERE hour > 5'),
	('EXCEPT', 'SELECT round(late(t)::numeric, 2) FROM @ t EXCEPT SELECT round(tardy(t)::numeric, 2) FROM @ t'),
	('CASE', 'SELECT id, CASE WHEN hour < 5 THEN late(t) WHEN hour > 20 THEN tardy(t) END FROM @ t'),
	('COALESCE', 'SELECT id, coalesce(NULLIF(late(t) > 0.5, true), tardy(t) > 0.5) FROM @ t'),
	('row and array', 'SELECT id, ROW(late(t), tardy(t))::text, ARRAY[late(t), tardy(t)], greatest(late(t), tardy(t)) FROM @ t'),
	('set-returning', 'SELECT id, generate_series(1, (late(t) * 3)::integer) FROM @ t WHERE id < 100'),
	('TABLESAMPLE', 'SELECT id, late(t) FROM @ t TABLESAMPLE SYSTEM (100)'),
	('self-reference twice', 'SELECT t.id, late(t) + late(t), late(t) * tardy(t) FROM @ t WHERE late(t) > 0.3');
CREATE FUNCTION compare(query text) RETURNS bigint LANGUAGE sql AS $$
	SELECT differs(replace(query, '@', 'trips'), regexp_replace(regexp_replace(replace(query, '@', 'truth'), 'late\((\w)\)', '\1.a', 'g'), 'tardy\((\w)\)', '\1.b', 'g'))
$$;
SELECT place, compare(query) AS differs FROM queries ORDER BY ordinal;
-- in parallel, and with the node forced to start anew
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT place, compare(query) AS differs FROM queries WHERE compare(query) <> 0 ORDER BY ordinal;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
SET enable_hashjoin = off;
SET enable_nestloop = off;
SET enable_hashagg = off;
SELECT place, compare(query) AS differs FROM queries WHERE compare(query) <> 0 ORDER BY ordinal;
SET enable_nestloop = on;
SET enable_mergejoin = off;
SET enable_sort = off;
SELECT place FROM queries WHERE place IN ('JOIN ON', 'EXISTS', 'LATERAL', 'recursive CTE') AND compare(query) <> 0;
RESET ALL;
SET search_path = places;
SET client_min_messages = warning;
SELECT bool_and(same) AS same FROM (SELECT late(t) = (SELECT a FROM truth WHERE id = t.id) AS same FROM trips t WHERE id < 100 FOR UPDATE) s;

-- what is kept: tables, materialized views, COPY, rules, views
CREATE TABLE kept AS SELECT id, late(t) AS a FROM trips t;
CREATE MATERIALIZED VIEW seen AS SELECT id, late(t) AS a FROM trips t WHERE tardy(t) > 0.5;
SELECT differs('TABLE kept', 'SELECT id, a FROM truth') AS kept, differs('TABLE seen', 'SELECT id, a FROM truth WHERE b > 0.5') AS seen;
SELECT cerebro.deploy(:two, 'late');
REFRESH MATERIALIZED VIEW seen;
SELECT differs('TABLE seen', 'SELECT id, b FROM truth WHERE b > 0.5') AS refreshed;
SELECT cerebro.deploy(:one, 'late');
COPY (SELECT id, late(t) > 0.5 FROM trips t WHERE id <= 3 ORDER BY id) TO STDOUT;
SELECT string_agg(concat_ws(E'\t', id, CASE WHEN a > 0.5 THEN 't' ELSE 'f' END), ' ' ORDER BY id) AS as_copied FROM truth WHERE id <= 3;
CREATE VIEW lines AS SELECT t.*, late(t) AS score FROM trips t;
SELECT differs('SELECT id, score FROM lines WHERE score > 0.5', 'SELECT id, a FROM truth WHERE a > 0.5') AS of_view;
UPDATE lines SET taxi = 1 WHERE score > 0.5 AND id < 50;
SELECT bool_and((t.taxi = 1) IS TRUE) FILTER (WHERE a > 0.5) AS changed, bool_and(t.taxi IS NOT DISTINCT FROM u.taxi) FILTER (WHERE a <= 0.5) AS others
FROM trips t JOIN truth u USING (id) WHERE id < 50;
UPDATE trips t SET taxi = u.taxi FROM truth u WHERE u.id = t.id AND t.id < 50;

-- what writes
CREATE TABLE copies (id integer PRIMARY KEY, score real, note text);
INSERT INTO copies SELECT id, late(t) FROM trips t ON CONFLICT DO NOTHING;
INSERT INTO copies SELECT id, 0 FROM trips ON CONFLICT (id) DO UPDATE SET score = (SELECT tardy(t) FROM trips t WHERE t.id = excluded.id) WHERE copies.id % 2 = 0;
SELECT bool_and(score = CASE id % 2 WHEN 0 THEN b ELSE a END) AS same FROM copies JOIN truth USING (id);
UPDATE copies c SET (score, note) = (SELECT late(t), round(tardy(t)::numeric, 3)::text FROM trips t WHERE t.id = c.id);
SELECT bool_and(score = a AND note = round(b::numeric, 3)::text) AS same FROM copies JOIN truth USING (id);
WITH moved AS (UPDATE trips t SET hour = hour WHERE late(t) > 0.5 RETURNING id, late(t) AS p)
SELECT count(*) = (SELECT count(*) FROM truth WHERE a > 0.5) AS all, bool_and(p = a) AS same FROM moved JOIN truth USING (id);
DELETE FROM copies c USING trips t WHERE t.id = c.id AND late(t) > 0.5;
SELECT count(*) = (SELECT count(*) FROM truth WHERE a <= 0.5) AS left FROM copies;
CREATE RULE noted AS ON UPDATE TO copies DO ALSO INSERT INTO kept SELECT -t.id, tardy(t) FROM trips t WHERE t.id = NEW.id;
UPDATE copies SET note = 'x' WHERE id < 200;
SELECT bool_and(k.a = b) AS same, count(*) > 0 AS some FROM kept k JOIN truth ON truth.id = -k.id;
DROP RULE noted ON copies;
-- triggers: of rows, of statements with their rows, with a condition
CREATE TABLE heard (id integer, p real, how text);
CREATE FUNCTION hear() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_LEVEL = 'ROW' THEN
		INSERT INTO places.heard VALUES (NEW.id, places.late(NEW), 'row');
	ELSE
		INSERT INTO places.heard SELECT id, places.late(n::places.trips), 'statement' FROM (SELECT * FROM fresh) n;
	END IF;
	RETURN NULL;
END
$$;
CREATE TRIGGER of_rows AFTER UPDATE ON trips FOR EACH ROW WHEN (late(NEW) > 0.5) EXECUTE FUNCTION hear();
CREATE TRIGGER of_statements AFTER UPDATE ON trips REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION hear();
UPDATE trips SET hour = hour WHERE id <= 300;
SELECT how, bool_and(p = a) AS same, count(*) = (SELECT count(*) FROM truth WHERE id <= 300 AND (a > 0.5 OR how = 'statement')) AS all FROM heard JOIN truth USING (id) GROUP BY how ORDER BY how;
DROP TRIGGER of_rows ON trips;
DROP TRIGGER of_statements ON trips;
-- constraints that a row is checked with, policies that it is
ALTER TABLE trips ADD CONSTRAINT plausible CHECK (late(trips) BETWEEN 0 AND 1);
INSERT INTO trips VALUES (9001, 'AA', 3, 500, 4, 0);
ALTER TABLE trips DROP CONSTRAINT plausible;
DELETE FROM trips WHERE id = 9001;

-- what has to be immutable refuses: another model may be deployed at any time
SELECT refused('ALTER TABLE trips ADD COLUMN p real GENERATED ALWAYS AS (late(trips)) STORED');
SELECT refused('CREATE TABLE g (a integer, p real GENERATED ALWAYS AS (cerebro.predict(1, ROW(1))) STORED)');
SELECT refused('CREATE INDEX ON trips (late(trips))');
SELECT refused('CREATE INDEX ON trips (id) WHERE late(trips) > 0.5');
SELECT refused('CREATE TABLE p (LIKE trips) PARTITION BY RANGE (cerebro.score_row(1, p))');

-- a cursor that goes both ways over a merge join, held beyond its transaction
SET enable_hashjoin = off;
SET enable_nestloop = off;
BEGIN;
DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT t.id, late(t) = u.a AS same FROM trips t JOIN truth u ON u.hour = t.hour AND u.id = t.id WHERE t.id < 500 ORDER BY t.hour, t.id;
FETCH 2 FROM c;
FETCH LAST FROM c;
FETCH BACKWARD 2 FROM c;
COMMIT;
FETCH FIRST FROM c;
FETCH ABSOLUTE 7 FROM c;
CLOSE c;
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT t.id, late(t) = u.a AS same FROM trips t JOIN truth u ON u.hour = t.hour AND u.id = t.id WHERE late(t) > 0.5 ORDER BY t.hour, t.id;
MOVE 100 IN c;
FETCH BACKWARD 1 FROM c;
FETCH FORWARD 1 FROM c;
ROLLBACK;
RESET enable_hashjoin;
RESET enable_nestloop;

-- within one plan that is used again and again, as a deployment is switched
PREPARE of_hour(integer) AS SELECT count(*) FILTER (WHERE late(t) = u.a) AS as_one, count(*) FILTER (WHERE late(t) = u.b) AS as_two FROM trips t JOIN truth u USING (id) WHERE t.hour = $1;
EXECUTE of_hour(3);
SELECT cerebro.deploy(:two, 'late');
EXECUTE of_hour(3);
SET plan_cache_mode = force_generic_plan;
EXECUTE of_hour(4);
SELECT cerebro.deploy(:one, 'late');
EXECUTE of_hour(4);
RESET plan_cache_mode;

RESET SESSION AUTHORIZATION;
SET client_min_messages = error;
DROP SCHEMA places CASCADE;
SELECT name, cerebro.drop_task(name) FROM cerebro.tasks WHERE owner = 'regress_places_owner'::regrole ORDER BY id;
DROP ROLE regress_places_owner;
