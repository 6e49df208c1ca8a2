-- Tables joined through others: found through these, added to them once for each of their rows, and sums for rows that come together; each with the bits of rows scored alone.
CREATE SCHEMA scan_snow;
SET search_path = scan_snow;
SET client_min_messages = error;
CREATE TABLE zone (id integer PRIMARY KEY, hours float8, tax float8);
CREATE TABLE country (code text PRIMARY KEY, area float8, zone integer);
CREATE TABLE port (id integer PRIMARY KEY, city varchar(40), height integer, country varchar(20), runway integer);
CREATE TABLE runway (id integer PRIMARY KEY, length float8);
CREATE TABLE plane (tail text PRIMARY KEY, seats integer, maker integer);
CREATE TABLE maker (id integer, name text, size float8);
CREATE TABLE carrier (code text PRIMARY KEY, name text, fleet integer);
CREATE TABLE sky (port integer, at timestamp, temp float8, PRIMARY KEY (port, at));
CREATE TABLE trip (id integer PRIMARY KEY, carrier text, origin integer, tail text, at timestamp, miles integer, delay integer NOT NULL);
INSERT INTO zone SELECT i, i - 2, i * 0.7 FROM generate_series(1, 4) i;
INSERT INTO country SELECT 'country ' || i, i * 3.3, CASE WHEN i % 5 > 0 THEN i % 6 END FROM generate_series(1, 9) i;
INSERT INTO runway SELECT i, 1000 + 77.7 * i FROM generate_series(1, 5) i;
INSERT INTO port SELECT i, 'city ' || i % 7, 10 * i, CASE WHEN i % 4 > 0 THEN 'country ' || i % 11 END, i % 7 FROM generate_series(1, 30) i;
INSERT INTO maker SELECT i, 'maker ' || i % 3, i * 1.7 FROM generate_series(1, 8) i;
INSERT INTO plane SELECT 'N' || i, 100 + i, i % 10 FROM generate_series(1, 60) i;
INSERT INTO carrier SELECT chr(64 + i), 'line ' || i % 3, i * 11 FROM generate_series(1, 5) i;
INSERT INTO sky SELECT p, '2024-01-01'::timestamp + h * interval '1 hour', p - h % 24 FROM generate_series(1, 30) p, generate_series(0, 99) h;
INSERT INTO trip
SELECT i, chr(64 + i % 7), 1 + i % 33, 'N' || i % 70, '2024-01-01'::timestamp + i % 120 * interval '1 hour', i * 37 % 500, (hashint4(i) & 15) + i * 37 % 500 / 20 + i % 5
FROM generate_series(1, 900) i;
ANALYZE;
SELECT cerebro.create_task('snow', source => 'SELECT * FROM trip', label => 'delay > 22') > 0 AS made;
CREATE FUNCTION learn(fe text, name text, structure text DEFAULT 'mlp(24, 8)') RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	model integer := cerebro.train('snow', format('FE %s AS %s PT lr = 0.01, epochs = 2', fe, structure));
BEGIN
	RETURN cerebro.deploy(model, 'scan_snow.' || name) IS NOT NULL;
END
$$;
-- two snowflakes, one three tables deep with two behind one; after a small table, so that there are combinations
SELECT learn('miles, JOIN carrier ON (carrier.code = source.carrier), carrier.name, carrier.fleet, JOIN port o ON (o.id = origin), o.city, o.height, JOIN country ON (country.code = o.country), country.area, '
	|| 'JOIN runway ON (runway.id = o.runway), runway.length, JOIN zone ON (zone.id = country.zone), zone.hours, zone.tax, JOIN plane USING (tail), plane.seats, JOIN maker ON (maker.id = plane.maker), maker.name, maker.size', 'whole');
-- an inner table without features of its own; whether there is a row; what is computed of an outer table's; what cannot be folded
SELECT learn('miles, JOIN port o ON (o.id = origin), JOIN country ON (country.code = o.country), country.area, country.is_matched, JOIN zone ON (zone.id = country.zone), zone.hours, '
	|| 'JOIN plane USING (tail), plane.seats, JOIN maker ON (maker.id = plane.maker), maker.is_matched, maker.size, big = (maker.size > 5), JOIN sky ON (sky.port = o.id AND sky.at = source.at), sky.temp', 'mixed');
-- structures that keep towers, or nothing
SELECT learn('miles, JOIN port o ON (o.id = origin), o.height, JOIN country ON (country.code = o.country), country.area', 'towers', 'by_table(mlp(12), concat) > mlp(8)');
SELECT learn('miles, JOIN port o ON (o.id = origin), o.height, JOIN country ON (country.code = o.country), country.area', 'residual', 'residual(1, 16)');

CREATE FUNCTION joins_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		IF line ~ 'Joins' THEN RETURN QUERY SELECT regexp_split_to_table(trim(line), ', (?=[a-z]+( x [a-z]+)*:|one query)'); END IF;
	END LOOP;
END
$$;
SET cerebro.plan_join = pass;
SET cerebro.plan_partials = tables;
SELECT joins_of('SELECT whole(t) FROM trip t');
SET cerebro.plan_partials = folded;
SELECT joins_of('SELECT whole(t) FROM trip t');
SELECT joins_of('SELECT mixed(t) FROM trip t');
SELECT joins_of('SELECT towers(t) FROM trip t');
SET cerebro.plan_partials = combined;
SELECT joins_of('SELECT whole(t) FROM trip t');
SET cerebro.plan_partials = nothing;
RESET cerebro.plan_partials;
SELECT joins_of('SELECT whole(t) FROM trip t');
SELECT joins_of('SELECT whole(t) FROM trip t WHERE id < 5');
RESET cerebro.plan_join;

-- how many rows differ from those scored alone, by each plan; twice, as partials stay
CREATE FUNCTION differing(models text[] DEFAULT '{whole,mixed,towers,residual}') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	calls text := (SELECT string_agg(m || '(t) AS ' || m, ', ') FROM unnest(models) m);
	way text;
	sums text;
	n bigint;
	result text := '';
BEGIN
	SET LOCAL cerebro.batch_scoring = off;
	EXECUTE format('CREATE TEMP TABLE alone AS SELECT id, %s FROM scan_snow.trip t', calls);
	SET LOCAL cerebro.batch_scoring = on;
	FOREACH way IN ARRAY '{auto,pass,probe,batch}'::text[] LOOP
		PERFORM set_config('cerebro.plan_join', way, true);
		FOREACH sums IN ARRAY CASE way WHEN 'pass' THEN '{auto,tables,folded,combined,combined,folded,tables}' ELSE '{auto}' END::text[] LOOP
			PERFORM set_config('cerebro.plan_partials', sums, true);
			EXECUTE format('CREATE TEMP TABLE batched AS SELECT id, %s FROM scan_snow.trip t', calls);
			SELECT count(*) INTO n FROM ((TABLE alone EXCEPT ALL TABLE batched) UNION ALL (TABLE batched EXCEPT ALL TABLE alone)) x;
			result := result || format('%s %s %s; ', way, sums, n);
			DROP TABLE batched;
		END LOOP;
	END LOOP;
	DROP TABLE alone;
	RETURN rtrim(result, '; ');
END
$$;
SELECT differing();
SELECT count(DISTINCT whole(t)) > 200 AS many, count(DISTINCT mixed(t)) > 200 AS too FROM trip t;

-- what is seen of outer rows: own changes, a savepoint that is left, rows that come and go, other files
CREATE TABLE before AS SELECT id, whole(t) AS p FROM trip t;
CREATE FUNCTION changed() RETURNS TABLE (auto bigint, folded bigint, combined bigint) LANGUAGE plpgsql AS $$
DECLARE
	query text := 'SELECT count(*) FROM scan_snow.trip t JOIN scan_snow.before USING (id) WHERE p <> whole(t)';
BEGIN
	EXECUTE query INTO auto;
	SET LOCAL cerebro.plan_join = pass;
	SET LOCAL cerebro.plan_partials = folded;
	EXECUTE query INTO folded;
	SET LOCAL cerebro.plan_partials = combined;
	EXECUTE query INTO combined;
	SET LOCAL cerebro.plan_join = auto;
	SET LOCAL cerebro.plan_partials = auto;
	RETURN NEXT;
END
$$;
SELECT * FROM changed();
BEGIN;
UPDATE zone SET tax = tax + 3 WHERE id = 2;
SELECT * FROM changed();
SELECT differing();
SAVEPOINT s;
UPDATE maker SET size = -size;
DELETE FROM country WHERE code = 'country 3';
SELECT differing();
ROLLBACK TO s;
SELECT differing();
ROLLBACK;
SELECT * FROM changed();
VACUUM FULL country, zone, port;
SELECT * FROM changed();
UPDATE port SET country = 'country 1' WHERE country = 'country 2';
SELECT auto > 10 AND auto = folded AND auto = combined AS changed FROM changed();
SELECT differing();
UPDATE port SET country = 'country 2' WHERE id % 4 > 0 AND id % 11 = 2;
SELECT * FROM changed();
ALTER TABLE zone ADD COLUMN more text DEFAULT 'x';
SELECT differing();

-- a cursor stays with what it saw
SET cerebro.plan_join = pass;
SET cerebro.plan_partials = combined;
BEGIN;
DECLARE slow CURSOR FOR SELECT id, whole(t) AS p FROM trip t;
MOVE 20 IN slow;
UPDATE zone SET tax = tax + 300;
SELECT auto > 200 AS changed FROM changed();
MOVE 400 IN slow;
FETCH slow \gset slow_
SELECT p = :'slow_p'::real AS same FROM before WHERE id = :slow_id;
ROLLBACK;
RESET cerebro.plan_join;
RESET cerebro.plan_partials;

-- parallel workers, rescans
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT count(*) AS wrong FROM (SELECT id, whole(t) AS p FROM trip t) x JOIN before USING (id) WHERE x.p <> before.p;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
SET cerebro.plan_join = pass;
SELECT count(*) AS wrong FROM generate_series(1, 3) g, LATERAL (SELECT whole(t) AS p, id FROM trip t WHERE id % 3 = g % 3 OFFSET 0) x JOIN before USING (id) WHERE x.p <> before.p;
RESET cerebro.plan_join;

-- memory: sums that do not fit are not made
SET work_mem = '64kB';
SET hash_mem_multiplier = 1;
SELECT differing();
RESET work_mem;
RESET hash_mem_multiplier;

-- an outer table has come to have several rows for one: no matter until one is asked for
INSERT INTO maker VALUES (99, 'none has it', 1), (99, 'none has it', 2);
SELECT differing();
INSERT INTO maker VALUES (3, 'again', 1);
SELECT count(whole(t)) FROM trip t WHERE tail = 'N4';
SET cerebro.plan_join = pass;
SELECT count(whole(t)) FROM trip t WHERE tail = 'N4';
SELECT count(whole(t)) FROM trip t WHERE tail = 'N3';
SET cerebro.plan_join = batch;
SELECT count(whole(t)) FROM trip t WHERE tail = 'N3';
RESET cerebro.plan_join;

DROP SCHEMA scan_snow CASCADE;
SELECT cerebro.drop_task('snow');
