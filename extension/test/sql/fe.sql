-- FE against the catalog: JOIN, AGGREGATE, expressions.
CREATE SCHEMA fe_test;
SET search_path = fe_test, cerebro;
SET client_min_messages = error;
CREATE ROLE regress_fe;
GRANT USAGE ON SCHEMA fe_test TO regress_fe;

CREATE TABLE country (code text PRIMARY KEY, name text, gdp float8);
CREATE TABLE airport (id int PRIMARY KEY, city text, alt int, country text REFERENCES country);
CREATE TABLE plane (tail text, seats int, maker text);
CREATE TABLE weather (airport int NOT NULL REFERENCES airport, at timestamptz NOT NULL, temp float8, PRIMARY KEY (airport, at));
CREATE TABLE flight (
	id int PRIMARY KEY,
	origin int NOT NULL REFERENCES airport,
	dest int NOT NULL REFERENCES airport,
	tail text,
	at timestamptz NOT NULL,
	distance int,
	city text,
	delay int
);
INSERT INTO country VALUES ('us', 'States', 10), ('de', 'Germany', 5);
INSERT INTO airport SELECT i, 'city ' || i, 10 * i, CASE WHEN i % 3 = 0 THEN 'us' WHEN i % 3 = 1 THEN 'de' END FROM generate_series(1, 6) i;
INSERT INTO plane SELECT 'N' || i, 100 + i, 'maker ' || i % 2 FROM generate_series(1, 8) i;
INSERT INTO flight
SELECT i, 1 + i % 6, 1 + i % 5, 'N' || i % 10, '2024-01-01 00:00+00'::timestamptz + i * interval '1 hour', 100 + i % 7 * 10, 'x',
	hashint4(i) & 31
FROM generate_series(1, 600) i;
INSERT INTO weather SELECT a, '2024-01-01 00:00+00'::timestamptz + h * interval '6 hours', a + h FROM generate_series(1, 6) a, generate_series(0, 80) h;
SELECT add_relationship('flight', '{tail}', 'plane', '{tail}');

SET TimeZone = 'UTC';
SELECT create_task('late', source => 'SELECT * FROM flight WHERE delay IS NOT NULL', label => 'delay > 15', exclude => '{}',
	as_of => 'at', label_known => 'at + interval ''2 hours''') > 0 AS made;

-- what is read, as the names and values of one row
CREATE FUNCTION names(fe text, task text DEFAULT 'late') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT string_agg(k, '', '') FROM (SELECT json_object_keys(to_json(q)) AS k FROM (%s LIMIT 1) q) n WHERE k NOT LIKE '' %%''', feature_query(task, fe)) INTO result;
	RETURN result;
END $$;
CREATE FUNCTION show(id int, fe text, task text DEFAULT 'late') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT string_agg(k || ''='' || coalesce(v, ''NULL''), '', '') FROM (SELECT * FROM (%s) q WHERE q." key 1" = %s) q, json_each_text(to_json(q)) e(k, v) WHERE k NOT LIKE '' %%''',
		feature_query(task, fe), id) INTO result;
	RETURN result;
END $$;

-- JOIN
SELECT names('FE *');
SELECT names('FE *, JOIN plane');
SELECT names('FE *, JOIN airport');
SELECT names('FE *, JOIN airport VIA (tail)');
SELECT names('FE *, JOIN airport o VIA (origin), JOIN airport d VIA (dest), EXCEPT (d.city)');
SELECT show(8, 'FE id, JOIN plane, plane.seats, plane.maker, plane.is_matched');
SELECT show(9, 'FE id, JOIN plane, plane.seats, plane.maker, plane.is_matched');
-- chains: a joined table's own references
SELECT names('FE distance, JOIN airport o VIA (origin), JOIN country, country.gdp, country.is_matched');
SELECT names('FE *, JOIN airport o VIA (origin), JOIN airport d VIA (dest), JOIN country');
SELECT show(8, 'FE id, JOIN airport o VIA (origin), JOIN airport d VIA (dest), JOIN country a VIA (o.country), JOIN country b VIA (d.country), o.country, a.gdp, d.country, b.gdp');
SELECT names('FE *, JOIN country');
-- USING and ON
SELECT show(8, 'FE id, JOIN plane p USING (tail), p.seats');
SELECT show(8, 'FE id, JOIN weather w ON (w.airport = source.origin AND w.at = date_trunc(''day'', source.at)), w.temp, w.is_matched, w.at');
SELECT show(8, 'FE id, JOIN airport o VIA (origin), JOIN country c ON (c.code = o.country), c.name');
SELECT names('FE id, JOIN plane USING (seats)');
SELECT names('FE id, JOIN plane USING (distance)');
SELECT names('FE id, JOIN country c ON (c.code = o.country), JOIN airport o ON (o.country = c.code)');
SELECT names('FE id, JOIN plane ON (tail)');
SELECT names('FE id, JOIN plane ON (plane.tail = $1)');
SELECT names('FE id, JOIN plane ON (plane.tail = (SELECT tail FROM plane LIMIT 1))');
SELECT names('FE id, JOIN plane ON (plane.tail = tail');
SELECT names('FE id, JOIN plane ON (plane.tail = tail AND delay > 3)');
-- not many-to-one: a row with two matches is shown
SELECT names('FE id, JOIN weather ON (weather.airport = source.origin AND weather.at < source.at)');
INSERT INTO plane VALUES ('N8', 1, 'twin');
SELECT names('FE id, JOIN plane');
DELETE FROM plane WHERE maker = 'twin';
-- unknown things
SELECT names('FE *, JOIN planes');
SELECT names('FE *, JOIN fe_test.planes');
SELECT names('FE *, JOIN plane_pkey');
SELECT names('FE *, JOIN plane source');
SELECT names('FE *, JOIN plane, plane.seat');
SELECT names('FE *, JOIN plane, plan.seats');
SELECT names('FE *, EXCEPT (plane.seat), JOIN plane');
SELECT names('FE *, JOIN weather');
SELECT names('FE *, JOIN plane p23456789012345678901234567890123456789012345678901234567');
SELECT names('FE *, JOIN plane, plane.seats : robust, plane.maker : robust');
-- always matched: no indicator, by proof or by looking
SELECT names('FE id, JOIN airport VIA (origin), airport.is_matched');

-- expressions
SELECT show(8, 'FE id, km = (distance * 1.6)');
SELECT show(8, 'FE id, JOIN airport o VIA (origin), up = (o.alt - distance), where_to = (city || o.city)');
SELECT show(8, 'FE id, hour = (extract(hour FROM at)), day = (to_char(at, ''Dy'')), d = (at::date), big = (distance > 100)');
SELECT names('FE id, km = (distance *)');
SELECT names('FE id, km = (dist * 1.6)');
SELECT names('FE id, km = (sum(distance))');
SELECT names('FE id, km = (sum(distance) OVER ())');
SELECT names('FE id, km = (generate_series(1, distance))');
SELECT names('FE id, km = ((SELECT max(distance) FROM flight))');
SELECT names('FE id, km = (EXISTS (SELECT FROM flight))');
SELECT names('FE id, km = (distance, id)');
-- a text means the same whatever the session's settings are
SET standard_conforming_strings = off;
SELECT count(*) > 3 AS read FROM cerebro.graph(('FE id, km = (length(''a' || chr(92) || '''))')::cerebro.mst, 'late');
RESET standard_conforming_strings;
SELECT names('FE id, km = (ROW(distance, id))');
SELECT names('FE id, r = (random())');
SELECT names('FE id, r = (now() - at)');
SELECT names('FE id, r = (current_date)');
SELECT names('FE id, r = (age(at))');
SELECT names('FE id, r = (pg_read_file(''/etc/passwd''))');
SELECT names('FE id, r = (nextval(''x''))');
SELECT names('FE id, r = (current_user)');
SELECT names('FE id, r = (delay * 2)');
SELECT names('FE id, r = (delay)');
SELECT names('FE id, r = (source)');
SELECT names('FE id, r = (to_json(source.*)::text)');
SELECT names('FE id, r = (" label")');
SELECT names('FE id, r = (source." label"::text)');
SELECT names('FE id, distance = (distance * 2)');
SELECT names('FE id, r = (plane.seats)');
CREATE FUNCTION own(int) RETURNS int LANGUAGE sql IMMUTABLE RETURN $1 + 1;
SELECT names('FE id, r = (own(distance))');
SELECT names('FE id, r = (fe_test.own(distance))');
SET cerebro.allow_user_functions = on;
SELECT show(8, 'FE id, r = (fe_test.own(distance))');
SELECT names('FE id, r = (random())');
RESET cerebro.allow_user_functions;
CREATE DOMAIN small AS int CHECK (own(VALUE) < 1000);
SELECT names('FE id, r = (distance::fe_test.small)');
SELECT names('FE id, r = (''12''::fe_test.small)');

-- AGGREGATE
CREATE TABLE bag (flight int REFERENCES flight, kg float8, n int, packed timestamptz);
INSERT INTO bag SELECT 1 + i % 500, i % 9 + 0.1, i % 4, '2024-01-01 00:00+00'::timestamptz + i % 700 * interval '1 hour' FROM generate_series(1, 2000) i;
SELECT show(8, 'FE id, AGGREGATE bag VIA (flight) (n = count(*), kg = sum(kg), most = max(n), mid = percentile_cont(0.5) WITHIN GROUP (ORDER BY kg))');
SELECT show(8, 'FE id, AGGREGATE bag b VIA (flight) (n = count(*), heavy = count(*) FILTER (WHERE kg > 3)) WHERE (n > 0)');
SELECT show(510, 'FE id, AGGREGATE bag b VIA (flight) (n = count(*), kg = sum(kg))');
SELECT names('FE *, AGGREGATE bag b VIA (flight) (n = count(*)), b.n : onehot, EXCEPT (city)');
SELECT show(8, 'FE id, AGGREGATE bag b VIA (flight) (n = count(*)), per = (b.n / distance::float8)');
-- children that nothing refers with: by columns of one name
SELECT show(8, 'FE id, AGGREGATE plane VIA (tail) (seats = avg(seats))');
SELECT names('FE id, AGGREGATE plane VIA (seats) (seats = avg(seats))');
SELECT names('FE id, AGGREGATE bag VIA (kg) (n = count(*))');
SELECT names('FE id, AGGREGATE bag b VIA (flight) (n = n)');
SELECT names('FE id, AGGREGATE bag b VIA (flight) (n = count(*) OVER ())');
SELECT names('FE id, AGGREGATE bag b VIA (flight) (n = max((SELECT 1)))');
SELECT names('FE id, AGGREGATE bag b VIA (flight) (n = max(fe_test.own(n)))');
SELECT names('FE id, AGGREGATE bag b VIA (flight) (n = max(nn))');
SELECT names('FE id, AGGREGATE bag b VIA (flight) (n = max(n)) WHERE (kgs > 1)');
SELECT names('FE id, AGGREGATE bag b VIA (flight) (n = max(n)) WHERE (random() > 1)');
SELECT names('FE id, AGGREGATE bag b VIA (flight) (n = max(n)) WHERE (n IN (SELECT 1))');
SELECT names('FE id, AGGREGATE bag b VIA (flight) (n = max(n)) WINDOW ''1 day''');
SELECT names('FE id, AGGREGATE bag b VIA (flight) (n = max(n)) WHERE (delay > n)');

-- time: nothing of a row's future
SELECT set_time('bag', 'packed');
SELECT set_time('weather', 'at');
SELECT set_time('flight', 'at');
SELECT "table", "column" FROM times ORDER BY 1;
SELECT set_time('bag', 'kg');
SELECT set_time('bag', 'pack');
SELECT set_time('bags', 'pack');
SELECT show(8, 'FE id, at, AGGREGATE bag b VIA (flight) (n = count(*), last = max(packed))');
SELECT show(8, 'FE id, at, AGGREGATE bag b VIA (flight) (n = count(*), last = max(packed)) UNCUT');
SELECT show(300, 'FE id, at, AGGREGATE bag b VIA (flight) (n = count(*), first = min(packed)) WINDOW ''12 days''');
SELECT names('FE id, AGGREGATE bag b VIA (flight) (n = max(n)) WINDOW ''1 dya''');
SELECT names('FE id, AGGREGATE bag b VIA (flight) (n = max(n)) WINDOW ''-1 day''');
SELECT show(8, 'FE id, at, JOIN LAST weather w ON (w.airport = source.origin), w.at, w.temp, w.is_matched');
SELECT show(9, 'FE id, at, JOIN weather w ON (w.airport = source.origin AND w.at = date_trunc(''day'', source.at)), w.at, w.is_matched');
SET client_min_messages = notice;
-- by its time column: of that very time, too
SELECT show(12, 'FE id, at, JOIN weather w ON (w.airport = source.origin AND w.at = source.at), w.temp');
SELECT names('FE id, JOIN LAST plane USING (tail), plane.seats');
SET client_min_messages = error;

-- the label of others, where it was known, and never one's own
SELECT show(8, 'FE id, at, AGGREGATE flight f VIA (origin) (n = count(*), late = avg((delay > 15)::int), last = max(at))');
SELECT count(*) AS n, avg((delay > 15)::int) AS late, max(f.at) AS last FROM flight f WHERE f.origin = (SELECT origin FROM flight WHERE id = 8)
	AND f.at + interval '2 hours' <= (SELECT at FROM flight WHERE id = 8);
SELECT show(8, 'FE id, at, AGGREGATE flight f VIA (origin) (n = count(*), last = max(at))');
SELECT names('FE id, AGGREGATE flight f VIA (origin) (late = avg((delay > 15)::int)) UNCUT');
SELECT names('FE id, JOIN flight f USING (id), f.delay');
SELECT names('FE *, JOIN flight f USING (id)');
SELECT names('FE id, JOIN flight f USING (id), later = (f.delay + 1)');
SELECT names('FE id, JOIN flight f USING (delay)');
SELECT set_time('flight', NULL); -- views below hand it on to nobody
CREATE VIEW peek AS SELECT id, delay * 2 AS twice, distance FROM flight;
SELECT names('FE id, JOIN peek p USING (id), p.distance');
SELECT names('FE id, JOIN peek p USING (id), p.twice');
SELECT names('FE id, JOIN peek p USING (id), t = (p.twice)');
SELECT names('FE id, AGGREGATE peek p VIA (id) (t = max(twice))');
ALTER TABLE flight ADD twice int GENERATED ALWAYS AS (delay * 2) STORED;
SELECT names('FE id, JOIN flight f USING (id), f.twice');
SELECT names('FE id, AGGREGATE flight f VIA (origin) (t = max(twice)) UNCUT');
ALTER TABLE flight DROP twice;
CREATE VIEW latecomers AS SELECT id, distance FROM flight WHERE delay > 15;
SELECT names('FE id, JOIN latecomers p USING (id), p.distance');
SELECT names('FE id, JOIN latecomers p USING (id), p.is_matched');
SELECT names('FE id, AGGREGATE latecomers p VIA (id) (n = count(*))');
SELECT set_time('flight', 'at');
SELECT create_task('untimed', source => 'SELECT * FROM flight WHERE delay IS NOT NULL', label => 'delay > 15') > 0 AS made;
SELECT names('FE id, AGGREGATE flight f VIA (origin) (late = avg((delay > 15)::int))', 'untimed');
SELECT names('FE id, AGGREGATE bag b VIA (flight) (n = max(n)) WINDOW ''1 day''', 'untimed');

-- a label that is made of rows to come: those before are seen, if they have a time
CREATE TABLE buyer (id int PRIMARY KEY, joined date, origin int REFERENCES airport);
CREATE TABLE buy (buyer int REFERENCES buyer, at timestamptz, amount float8);
CREATE INDEX ON buy (buyer);
INSERT INTO buyer SELECT i, '2024-01-01'::date + i % 30, 1 + i % 6 FROM generate_series(1, 400) i;
INSERT INTO buy SELECT 1 + (hashint4(i) & 255), '2024-01-01'::date + i % 100, i % 7 FROM generate_series(1, 3000) i;
SELECT create_task('gone', source => 'SELECT b.*, (SELECT count(*) FROM fe_test.buy o WHERE o.buyer = b.id AND o.at >= ''2024-03-01'') AS later FROM buyer b',
	label => 'later < 4', key => '{id}', as_of => '''2024-03-01''::date', label_known => '''2024-05-01''::date') > 0 AS made;
SELECT names('FE id, AGGREGATE buy o VIA (buyer) (n = count(*), sum = sum(amount))', 'gone');
SELECT set_time('buy', 'at');
SELECT show(8, 'FE id, AGGREGATE buy o VIA (buyer) (n = count(*), last = max(at), sum = sum(amount))', 'gone');
SELECT count(*) AS n, max(at) AS last, sum(amount) FROM buy WHERE buyer = 8 AND at < '2024-03-01';
SELECT names('FE id, AGGREGATE buy o VIA (buyer) (n = count(*)) UNCUT', 'gone');
-- rows of a joined table's own
SELECT show(8, 'FE id, JOIN airport a, a.city, AGGREGATE weather w VIA (airport) (n = count(*), warm = max(temp)) WINDOW ''50 days''', 'gone');
SELECT count(*) AS n, max(temp) AS warm FROM weather WHERE airport = (SELECT origin FROM buyer WHERE id = 8) AND at >= '2024-03-01'::date - interval '50 days' AND at < '2024-03-01';
SELECT show(8, 'FE at, JOIN LAST weather w ON (w.airport = source.origin AND w.temp > 3), w.at, w.temp, w.is_matched');
SELECT drop_task('gone');

-- a model reads what its triple read
SELECT train('late', 'FE distance, JOIN plane, plane.seats, plane.is_matched, JOIN airport o VIA (origin), o.alt,
	JOIN LAST weather w ON (w.airport = source.origin), w.temp, AGGREGATE bag b VIA (flight) (n = count(*), kg = sum(kg)),
	per = (o.alt / distance::float8) AS mlp(4) PT epochs = 2') AS model \gset
SELECT mst FROM models WHERE id = :model;
-- whatever is declared later
SELECT add_relationship('flight', '{tail}', 'plane', '{tail}');
SELECT set_time('bag', NULL);
SELECT set_time('bag', 'packed');
CREATE TABLE scored AS SELECT id, predict(:model, f) AS p FROM flight f;
SELECT count(*), count(DISTINCT p) > 10 AS differ FROM scored;
-- rows of another shape, one by one, and as a model is evaluated
SELECT count(*) FROM scored s JOIN (SELECT id, predict(:model, r) AS p FROM (SELECT at, origin, tail, distance, id FROM flight) r) r USING (id) WHERE s.p <> r.p;
SELECT predict(:model, r) FROM (SELECT at, origin, tail FROM flight) r LIMIT 1;
SELECT abs(e.log_loss + avg(ln(CASE WHEN f.delay > 15 THEN s.p ELSE 1 - s.p END))) < 0.00002 AS equal
FROM evaluate(:model) e, scored s JOIN flight f USING (id) WHERE part('late', f) = 'test' GROUP BY e.log_loss;
-- a row that is not in the table, with neighbours that are
SELECT predict(:model, ROW(-1, 1, 2, 'N1', '2024-01-05 12:00+00', 100, 'x', NULL)::flight) > 0 AS scored;
-- new rows of a joined table count; a second match is an error
SELECT deploy(:model, 'late') AS deployed;
SELECT late(f) = p AS same FROM flight f JOIN scored USING (id) WHERE id = 7;
INSERT INTO plane VALUES ('N7', 1000, 'twin');
SELECT late(f) = p AS same FROM flight f JOIN scored USING (id) WHERE id = 7;
SELECT evaluate(:model);
DELETE FROM plane WHERE maker = 'twin';
BEGIN;
ALTER TABLE plane RENAME TO planes;
\set VERBOSITY terse
SELECT late(f) FROM flight f LIMIT 1;
\set VERBOSITY default
ROLLBACK;
SELECT count(*) FROM flight f JOIN scored USING (id) WHERE late(f) <> p;
-- in batches, of which the executor is kept: cursors, errors caught meanwhile, things that change meanwhile
BEGIN;
DECLARE c CURSOR FOR SELECT count(*) FILTER (WHERE p.p = late(f)) OVER (ORDER BY id) AS n, id FROM flight f JOIN scored p USING (id) ORDER BY id;
DECLARE d CURSOR FOR SELECT f.id, late(f) = p.p AS same FROM flight f JOIN scored p USING (id);
MOVE 100 FROM d;
SAVEPOINT s;
DECLARE e CURSOR FOR SELECT f.id, late(f) FROM flight f;
MOVE 100 FROM e;
SELECT 1 / 0;
ROLLBACK TO s;
MOVE 200 FROM d;
FETCH 2 FROM d;
SAVEPOINT s;
DECLARE e CURSOR FOR SELECT f.id, late(f) = p.p AS same FROM flight f JOIN scored p USING (id);
MOVE 100 FROM e;
RELEASE s;
MOVE 100 FROM e;
FETCH 1 FROM e;
MOVE ALL FROM d;
CLOSE e;
FETCH 1 FROM c;
COMMIT;
CREATE FUNCTION try(n int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	IF n % 50 = 0 THEN
		CREATE TABLE fe_test.made (i int);
		DROP TABLE fe_test.made;
	END IF;
	RETURN n / (n % 2);
EXCEPTION WHEN division_by_zero THEN
	RETURN 0;
END $$;
SELECT count(try(f.id)), count(*) FILTER (WHERE late(f) = p.p) AS same FROM flight f JOIN scored p USING (id);
SELECT count(*), count(*) FILTER (WHERE late(f) = p.p) AS same FROM (SELECT try(id), * FROM flight OFFSET 0) t JOIN flight f USING (id) JOIN scored p USING (id);
CREATE FUNCTION change(n int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	IF n % 50 = 0 THEN
		GRANT SELECT ON fe_test.flight, fe_test.airport TO regress_fe;
	END IF;
	RETURN n;
END $$;
SELECT count(change(f.id)), count(*) FILTER (WHERE late(f) = p.p) AS same FROM flight f JOIN scored p USING (id);
INSERT INTO plane VALUES ('N1', 1000, 'twin');
DO $$
BEGIN
	PERFORM late(f) FROM flight f;
EXCEPTION WHEN cardinality_violation THEN
	RAISE INFO '%', SQLERRM;
	PERFORM late(f) FROM flight f WHERE tail <> 'N1';
END $$;
DELETE FROM plane WHERE maker = 'twin';
-- sums of floats do not depend on where rows lie
SELECT feature_query('late', 'FE id, AGGREGATE bag b VIA (flight) (kg = sum(kg))') AS query \gset
CREATE TABLE sums AS SELECT * FROM (:query) q;
CREATE TABLE bag2 AS SELECT * FROM bag ORDER BY kg DESC, n;
TRUNCATE bag;
INSERT INTO bag SELECT * FROM bag2;
SELECT count(*) FROM sums JOIN (:query) q USING (" key 1") WHERE sums."b.kg" IS DISTINCT FROM q."b.kg";

-- rights: as who asks
GRANT SELECT ON flight, airport, weather TO regress_fe;
GRANT EXECUTE ON FUNCTION late(flight) TO regress_fe;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA fe_test TO regress_fe;
SET ROLE regress_fe;
SELECT create_task('mine', source => 'SELECT * FROM flight WHERE delay IS NOT NULL', label => 'delay > 15', as_of => 'at') > 0 AS made;
SELECT names('FE id, JOIN plane USING (tail), plane.seats', 'mine');
SELECT late(f) FROM flight f LIMIT 1;
-- ways and times of other roles are not seen
SELECT names('FE id, JOIN plane, plane.seats', 'mine');
SELECT count(*) FROM times;
SELECT show(8, 'FE id, JOIN airport VIA (origin), airport.alt', 'mine');
SELECT set_time('plane', 'tail');
RESET ROLE;
GRANT SELECT ON plane, bag TO regress_fe;
SET ROLE regress_fe;
SELECT late(f) = p AS same FROM flight f, (SELECT 7 AS id) s, LATERAL (SELECT late(f) AS p) p WHERE f.id = s.id;
-- row policies
RESET ROLE;
ALTER TABLE plane ENABLE ROW LEVEL SECURITY;
CREATE POLICY odd ON plane USING (seats % 2 = 1);
SELECT show(8, 'FE id, JOIN plane USING (tail), plane.seats, plane.is_matched');
SET ROLE regress_fe;
SELECT show(8, 'FE id, JOIN plane USING (tail), plane.seats, plane.is_matched', 'mine');
SELECT show(7, 'FE id, JOIN plane USING (tail), plane.seats, plane.is_matched', 'mine');
RESET ROLE;
ALTER TABLE plane DISABLE ROW LEVEL SECURITY;
-- code of others
SET cerebro.allow_user_functions = on;
SELECT train('late', 'FE distance, r = (fe_test.own(distance)) AS mlp(2) PT epochs = 1') AS own \gset
RESET cerebro.allow_user_functions;
SELECT predict(:own, f) > 0 AS scored FROM flight f LIMIT 1;
SELECT deploy(:own, 'own_code') AS deployed;
GRANT EXECUTE ON FUNCTION own_code(flight) TO regress_fe;
SET ROLE regress_fe;
SELECT own_code(f) FROM flight f LIMIT 1;
SET cerebro.allow_user_functions = on;
SELECT own_code(f) > 0 AS scored FROM flight f LIMIT 1;
RESET cerebro.allow_user_functions;
RESET ROLE;
-- a JOIN of which nothing is read; one that leads to another, or whose columns are only in expressions or AGGREGATEs, is of use
SET client_min_messages = notice;
SELECT FROM plan_train('late', 'FE distance, JOIN plane, JOIN airport "From" VIA (origin) AS mlp(2)');
SELECT FROM plan_train('late', 'FE *, JOIN plane AS mlp(2)');
SELECT FROM plan_train('late', 'FE distance, JOIN airport o VIA (origin), JOIN country VIA (o.country), country.gdp, JOIN plane, s = (plane.seats + 1) AS mlp(2)');
SELECT FROM plan_train('late', 'FE distance, JOIN airport o VIA (origin), AGGREGATE weather w ON (w.airport = o.id) (n = count(*)) AS mlp(2)');
SET client_min_messages = error;
-- a queued training says at once what is wrong
SELECT train('late', 'FE *, JOIN airport', wait => false);
SELECT train('late', 'FE *, JOIN plane, plane.seat', wait => false);

SELECT drop_task('mine');
SELECT undeploy('late'), undeploy('own_code');
SELECT drop_task('late'), drop_task('untimed');
DELETE FROM relationship WHERE child IN (SELECT oid FROM pg_class WHERE relnamespace = 'fe_test'::regnamespace);
DELETE FROM time_column;
DROP SCHEMA fe_test CASCADE;
DROP OWNED BY regress_fe;
DROP ROLE regress_fe;
