-- Joins that a query writes out, looked up by the node itself: the rows, and the bits, of PostgreSQL's joins and of rows scored alone.
CREATE SCHEMA scan_written;
SET search_path = scan_written;
SET client_min_messages = error;
CREATE TABLE country (code text PRIMARY KEY, area float8);
CREATE TABLE port (id integer PRIMARY KEY, city varchar(40), height integer, country text);
CREATE TABLE plane (tail text PRIMARY KEY, seats integer, maker text);
CREATE TABLE sky (port integer, at timestamp, temp float8, wind float8, PRIMARY KEY (port, at));
CREATE TABLE rate (class numeric PRIMARY KEY, price float8);
CREATE TABLE label (tail text COLLATE "C", name text);
CREATE TABLE trip (id integer PRIMARY KEY, origin integer, dest integer, tail text, at timestamp, class numeric, miles integer, delay integer NOT NULL);
INSERT INTO country VALUES ('us', 9), ('de', 3);
INSERT INTO port SELECT i, 'city ' || i % 7, 10 * i, CASE i % 3 WHEN 0 THEN 'us' WHEN 1 THEN 'de' END FROM generate_series(1, 30) i;
INSERT INTO plane SELECT CASE WHEN i % 4 = 0 THEN repeat('N' || i, 12) ELSE 'N' || i END, 100 + i, 'maker ' || i % 5 FROM generate_series(1, 60) i;
INSERT INTO sky SELECT p, '2024-01-01'::timestamp + h * interval '1 hour', p - h % 24, h % 17 FROM generate_series(1, 30) p, generate_series(0, 99) h;
INSERT INTO rate SELECT i / 2.0, i * i FROM generate_series(1, 6) i;
INSERT INTO label SELECT tail, tail || x FROM plane, generate_series(1, 2) x;
INSERT INTO trip
SELECT i, 1 + i % 33, CASE WHEN i % 11 > 0 THEN 1 + i * 7 % 30 END, CASE WHEN i % 40 % 4 = 0 THEN repeat('N' || i % 40, 12) ELSE 'N' || i % 70 END,
	'2024-01-01'::timestamp + i % 120 * interval '1 hour', (i % 8) / 2.0, i * 37 % 500, (hashint4(i) & 15) + i * 37 % 500 / 20 + i % 5
FROM generate_series(1, 700) i;
ANALYZE;
CREATE VIEW wide AS SELECT t.id, t.miles, t.delay, o.city, o.height, c.area, p.seats, p.maker, s.temp, s.wind
FROM trip t LEFT JOIN port o ON o.id = t.origin LEFT JOIN country c ON c.code = o.country LEFT JOIN plane p USING (tail)
	LEFT JOIN sky s ON s.port = t.dest AND s.at = t.at;
SELECT cerebro.create_task('wide', source => 'SELECT * FROM wide', label => 'delay > 22', key => '{id}') > 0 AS made;
SELECT cerebro.train('wide', 'AS mlp(16, 8) PT lr = 0.01, epochs = 3') AS model \gset
SELECT cerebro.deploy(:model, 'late');

CREATE FUNCTION joins_of(query text, options text DEFAULT 'COSTS OFF') RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE format('EXPLAIN (%s) %s', options, query) LOOP
		IF line ~ 'Joins' THEN RETURN NEXT trim(line); END IF;
	END LOOP;
END
$$;
-- how many rows differ from those scored alone, and of how many; joins done here, and left to PostgreSQL's
CREATE FUNCTION differing(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	way text;
	n bigint;
	result text := '';
BEGIN
	SET LOCAL cerebro.batch_scoring = off;
	EXECUTE 'CREATE TEMP TABLE alone AS ' || query;
	SET LOCAL cerebro.batch_scoring = on;
	FOREACH way IN ARRAY '{auto,pass,batch}'::text[] LOOP
		PERFORM set_config('cerebro.plan_join', way, true);
		EXECUTE 'CREATE TEMP TABLE batched AS ' || query;
		SELECT count(*) INTO n FROM ((TABLE alone EXCEPT ALL TABLE batched) UNION ALL (TABLE batched EXCEPT ALL TABLE alone)) x;
		result := result || format('%s %s ', way, n);
		DROP TABLE batched;
	END LOOP;
	SELECT count(*) INTO n FROM alone;
	DROP TABLE alone;
	RETURN result || 'of ' || n;
END
$$;

SET enable_nestloop = off;
SET enable_mergejoin = off;
SELECT joins_of('SELECT late(w) FROM wide w');
SELECT differing('SELECT late(w) FROM wide w');
SELECT differing('SELECT id, city, maker, late(w), wind FROM wide w');
SELECT differing('SELECT maker, count(*), sum(late(w)::numeric) FROM wide w GROUP BY maker');
SELECT differing('SELECT id, late(w) FROM wide w WHERE late(w) > 0.4');
SELECT count(DISTINCT late(w)) > 200 AS many FROM wide w;
SET cerebro.plan_join = probe;
SELECT joins_of('SELECT late(w) FROM wide w');
SET cerebro.plan_join = batch;
SELECT joins_of('SELECT late(w) FROM wide w');
RESET cerebro.plan_join;

-- inner joins drop what has no match; one that filters its table
CREATE VIEW inside AS SELECT t.id, t.miles, t.delay, o.city, o.height, s.wind AS area, p.seats, p.maker, s.temp, s.wind
FROM trip t JOIN port o ON o.id = t.origin JOIN plane p USING (tail) LEFT JOIN sky s ON s.port = t.dest AND s.at = t.at AND s.wind > 8;
SELECT joins_of(format('SELECT cerebro.predict(%s, i) FROM inside i', :model));
SELECT differing(format('SELECT id, maker, cerebro.predict(%s, i) FROM inside i', :model));
SELECT differing(format('SELECT id, cerebro.predict(%s, i) FROM inside i WHERE seats < 140 AND city <> ''city 3''', :model));
-- oids above 2^31, computed and as they lie in rows; blanks at the end of a char(n)
CREATE TABLE kind (id oid PRIMARY KEY, code char(5) UNIQUE, name text);
INSERT INTO kind SELECT 3000000000 + i, CASE WHEN i < 3 THEN left('ab', i) ELSE 'ab' || i END, 'city ' || i % 7 FROM generate_series(1, 9) i;
ANALYZE kind;
SELECT joins_of(format('SELECT cerebro.predict(%s, x) FROM (SELECT t.id, miles, t.delay, k.name AS city, 1 AS height, 1::float8 AS area, 1 AS seats, NULL::text AS maker, 0::float8 AS temp, 0::float8 AS wind '
	'FROM (SELECT *, (3000000000 + dest)::oid AS kind FROM trip OFFSET 0) t LEFT JOIN kind k ON k.id = t.kind) x', :model));
SELECT differing(format('SELECT id, city, cerebro.predict(%s, x) FROM (SELECT t.id, miles, t.delay, k.name AS city, 1 AS height, 1::float8 AS area, 1 AS seats, NULL::text AS maker, 0::float8 AS temp, 0::float8 AS wind '
	'FROM (SELECT *, (3000000000 + dest)::oid AS kind FROM trip OFFSET 0) t LEFT JOIN kind k ON k.id = t.kind) x', :model));
SELECT differing(format('SELECT id, city, cerebro.predict(%s, x) FROM (SELECT t.id, miles, t.delay, k.name AS city, 1 AS height, 1::float8 AS area, 1 AS seats, NULL::text AS maker, 0::float8 AS temp, 0::float8 AS wind '
	'FROM (SELECT *, left(''abcd'', dest)::char(3) AS kind FROM trip OFFSET 0) t LEFT JOIN kind k ON k.code = t.kind) x', :model));
-- keys that are equal when their bytes are not, several rows for a key, conditions on both sides, full joins: left to PostgreSQL
SELECT joins_of(format('SELECT cerebro.predict(%s, x) FROM (SELECT t.id, miles, t.delay, NULL::text AS city, 1 AS height, r.price AS area, 1 AS seats, NULL::text AS maker, 0::float8 AS temp, 0::float8 AS wind '
	'FROM trip t LEFT JOIN rate r USING (class)) x', :model));
SELECT joins_of(format('SELECT cerebro.predict(%s, x) FROM (SELECT t.id, miles, t.delay, l.name AS city, t.origin AS height, 0::float8 AS area, t.dest AS seats, t.tail AS maker, 0::float8 AS temp, 0::float8 AS wind '
	'FROM trip t LEFT JOIN label l ON l.tail = t.tail COLLATE "C") x', :model));
SELECT differing(format('SELECT cerebro.predict(%s, x) FROM (SELECT t.id, miles, t.delay, l.name AS city, t.origin AS height, 0::float8 AS area, t.dest AS seats, t.tail AS maker, 0::float8 AS temp, 0::float8 AS wind '
	'FROM trip t LEFT JOIN label l ON l.tail = t.tail COLLATE "C") x', :model));
SELECT differing(format('SELECT cerebro.predict(%s, x) FROM (SELECT t.id, miles, t.delay, p.maker AS city, t.origin AS height, 0::float8 AS area, p.seats, t.tail AS maker, 0::float8 AS temp, 0::float8 AS wind '
	'FROM trip t LEFT JOIN plane p ON p.tail = t.tail AND p.seats > t.miles) x', :model));
SELECT differing(format('SELECT cerebro.predict(%s, x) FROM (SELECT t.id, miles, t.delay, p.maker AS city, t.origin AS height, 0::float8 AS area, p.seats, t.tail AS maker, 0::float8 AS temp, 0::float8 AS wind '
	'FROM trip t FULL JOIN plane p ON p.tail = t.tail) x', :model));
-- constants beside columns
SELECT joins_of(format('SELECT cerebro.predict(%s, x) FROM (SELECT t.id, miles, t.delay, ''city 1'' AS city, 7 AS height, NULL::float8 AS area, p.seats, p.maker, 0::float8 AS temp, 3::float8 AS wind '
	'FROM trip t JOIN plane p USING (tail)) x', :model));
SELECT differing(format('SELECT id, cerebro.predict(%s, x) FROM (SELECT t.id, miles, t.delay, ''city 1'' AS city, 7 AS height, NULL::float8 AS area, p.seats, p.maker, 0::float8 AS temp, 3::float8 AS wind '
	'FROM trip t JOIN plane p USING (tail)) x', :model));
-- started again, with another parameter; a limit; a cursor
SELECT joins_of('SELECT g, x.* FROM generate_series(1, 9) g, LATERAL (SELECT sum(late(w)::numeric) FROM wide w WHERE miles % 9 = g) x');
SELECT differing('SELECT g, x.* FROM generate_series(1, 9) g, LATERAL (SELECT sum(late(w)::numeric) FROM wide w WHERE miles % 9 = g) x');
SELECT differing('SELECT g, (SELECT sum(late(w)::numeric) FROM wide w WHERE miles % 9 <> g AND city IS NOT NULL) FROM generate_series(1, 9) g');
SELECT differing('SELECT count(*) FROM (SELECT late(w) FROM wide w LIMIT 5) x');
SELECT differing('SELECT count(*) FROM (SELECT late(w) FROM wide w WHERE false) x');
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT id, late(w) IS NOT NULL AS scored FROM wide w WHERE id < 4 ORDER BY id;
FETCH 2 FROM c;
FETCH PRIOR FROM c;
CLOSE c;
ROLLBACK;
-- tables that do not fit are left to PostgreSQL's joins, whether that is foreseen or found
SET work_mem = '64kB';
SET hash_mem_multiplier = 1;
SELECT joins_of('SELECT late(w) FROM wide w');
SELECT differing('SELECT late(w) FROM wide w');
CREATE VIEW guessed AS SELECT t.id, t.miles, t.delay, o.city, o.height, s.temp AS area, o.id AS seats, o.country AS maker, s.temp, s.wind
FROM trip t LEFT JOIN port o ON o.id = t.origin LEFT JOIN (SELECT * FROM sky WHERE wind + 0 >= 0 AND temp + 0 > -99) s ON s.port = t.dest AND s.at = t.at;
SELECT joins_of(format('SELECT cerebro.predict(%s, g) FROM guessed g', :model));
SELECT joins_of(format('SELECT cerebro.predict(%s, g) FROM guessed g', :model), 'ANALYZE, COSTS OFF');
SELECT differing(format('SELECT id, cerebro.predict(%s, g) FROM guessed g', :model));
SELECT differing(format('SELECT n, (SELECT sum(cerebro.predict(%s, g)::numeric) FROM guessed g WHERE miles %% 9 <> n) FROM generate_series(1, 5) n', :model));
RESET work_mem;
RESET hash_mem_multiplier;
-- parallel workers
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET enable_parallel_hash = off;
SELECT joins_of('SELECT late(w) FROM wide w') ~ 'looked up here' AS here; -- which, PostgreSQL 18 plans otherwise
SELECT differing('SELECT id, late(w) FROM wide w');
RESET enable_parallel_hash;
SELECT differing('SELECT id, late(w) FROM wide w');
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
-- the rights and row policies of the tables hold
CREATE ROLE regress_written_user;
GRANT USAGE ON SCHEMA scan_written TO regress_written_user;
GRANT SELECT ON ALL TABLES IN SCHEMA scan_written TO regress_written_user;
SELECT cerebro.grant_model(:model, 'regress_written_user');
ALTER TABLE plane ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON plane TO regress_written_user USING (seats < 120);
SET ROLE regress_written_user;
SELECT joins_of(format('SELECT cerebro.predict(%s, x) FROM (SELECT t.id, t.miles, t.delay, NULL::text AS city, NULL::integer AS height, NULL::float8 AS area, p.seats, p.maker, NULL::float8 AS temp, NULL::float8 AS wind FROM trip t LEFT JOIN plane p USING (tail)) x', :model));
SELECT count(p), count(p) FILTER (WHERE p) > 0 AS some FROM (SELECT seats < 120 AS p, cerebro.predict(:model, x) FROM (SELECT t.id, t.miles, t.delay, NULL::text AS city, NULL::integer AS height, NULL::float8 AS area, p.seats, p.maker, NULL::float8 AS temp, NULL::float8 AS wind FROM trip t LEFT JOIN plane p USING (tail)) x) y;
SELECT count(p.seats) FROM trip t LEFT JOIN plane p USING (tail);
RESET ROLE;
REVOKE SELECT ON plane FROM regress_written_user;
SET ROLE regress_written_user;
SELECT cerebro.predict(:model, x) FROM (SELECT t.id, t.miles, t.delay, NULL::text AS city, NULL::integer AS height, NULL::float8 AS area, p.seats, p.maker, NULL::float8 AS temp, NULL::float8 AS wind FROM trip t LEFT JOIN plane p USING (tail)) x;
RESET ROLE;
SET client_min_messages = error;
DROP SCHEMA scan_written CASCADE;
SELECT cerebro.drop_task('wide');
DROP ROLE regress_written_user;
