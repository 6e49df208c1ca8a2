-- What is kept of a dimension's rows between statements: each statement has the bits of rows scored alone.
CREATE SCHEMA scan_kept;
SET search_path = scan_kept;
SET client_min_messages = error;
SET extra_float_digits = 3;
CREATE ROLE regress_kept_user;
CREATE TYPE kind AS ENUM ('jet', 'turbo', 'glider');
CREATE TABLE plane (tail text PRIMARY KEY, seats integer, kind kind, built date);
CREATE TABLE port (id integer PRIMARY KEY, height float8, city text);
CREATE TABLE trip (id integer PRIMARY KEY, port integer, tail text, miles integer, delay integer NOT NULL);
INSERT INTO plane SELECT 'N' || i, 100 + i, (enum_range(NULL::kind))[1 + i % 3], '2001-01-01'::date + 40 * i FROM generate_series(1, 500) i;
INSERT INTO port SELECT i, i * 37 % 100, 'city ' || i % 9 FROM generate_series(1, 60) i;
INSERT INTO trip SELECT i, 1 + i % 63, 'N' || i * 7 % 520, i * 37 % 500, (hashint4(i) & 15) + i % 3 * 8 + i * 37 % 100 / 4 FROM generate_series(1, 600) i;
ANALYZE;
SELECT cerebro.create_task('kept', source => 'SELECT * FROM trip', label => 'delay > 22') > 0 AS made;
SELECT cerebro.train('kept', 'FE miles, JOIN plane USING (tail), plane.seats, plane.kind, plane.built, JOIN port ON (port.id = source.port), port.height, port.city AS mlp(16, 8) PT lr = 0.01, epochs = 2, seed = 3') AS model \gset
SELECT cerebro.deploy(:model, 'scan_kept.late') IS NOT NULL AS deployed;
SET cerebro.plan_join = pass;

-- rows that differ from those scored alone, by a statement whose rows were kept by the one before it
CREATE FUNCTION differing() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	alone text;
	kept text;
BEGIN
	FOR i IN 1 .. 2 LOOP
		EXECUTE 'SELECT string_agg(late(t)::text, '' '' ORDER BY id) FROM scan_kept.trip t' INTO kept;
	END LOOP;
	SET LOCAL cerebro.batch_scoring = off;
	EXECUTE 'SELECT string_agg(late(t)::text, '' '' ORDER BY id) FROM scan_kept.trip t' INTO alone;
	SET LOCAL cerebro.batch_scoring = on;
	PERFORM set_config('test.answer', coalesce(md5(kept), 'none'), false);
	RETURN CASE WHEN alone = kept THEN 'same as alone' ELSE 'DIFFERENT' END
		|| CASE WHEN md5(kept) = current_setting('test.before', true) THEN ', as before' ELSE '' END;
END
$$;
SELECT differing();
SELECT set_config('test.before', current_setting('test.answer'), false) IS NOT NULL AS noted;
SELECT differing();

-- rows that change, come, go and come back elsewhere
UPDATE plane SET seats = seats + 5000 WHERE seats % 3 = 0;
SELECT differing();
UPDATE plane SET seats = seats - 5000 WHERE seats > 5000;
SELECT differing();
DELETE FROM port WHERE id % 10 = 3;
SELECT differing();
INSERT INTO port SELECT i, i * 37 % 100, 'city ' || i % 9 FROM generate_series(1, 60) i WHERE i % 10 = 3;
SELECT differing();
VACUUM plane, port;
UPDATE plane SET seats = seats + 1;
UPDATE plane SET seats = seats - 1;
SELECT differing();

-- within a transaction, and after a savepoint is left
BEGIN;
UPDATE plane SET seats = -seats WHERE tail < 'N3';
SELECT differing();
SAVEPOINT s;
UPDATE plane SET seats = 7;
INSERT INTO plane VALUES ('N509', 100, 'jet', '2020-01-01');
SELECT differing();
ROLLBACK TO s;
SELECT differing();
ROLLBACK;
SELECT differing();

-- the same rows in another file, in another order
VACUUM FULL plane;
SELECT differing();
CLUSTER port USING port_pkey;
SELECT differing();
TRUNCATE port;
SELECT differing();
INSERT INTO port SELECT i, i * 37 % 100, 'city ' || i % 9 FROM generate_series(1, 60) i;
SELECT differing();

-- rows that mean something else though nobody wrote them
ALTER TYPE kind RENAME VALUE 'jet' TO 'rocket';
SELECT differing();
ALTER TYPE kind RENAME VALUE 'rocket' TO 'jet';
SELECT differing();
ALTER TABLE port DROP COLUMN height;
ALTER TABLE port ADD COLUMN height float8 DEFAULT 12;
SELECT differing();
ALTER TABLE port DROP COLUMN height;
ALTER TABLE port ADD COLUMN height float8 DEFAULT 55;
SELECT differing();
UPDATE port SET height = id * 37 % 100;
SELECT differing();

-- settings that the task pins differ in the session
SET DateStyle = 'German';
SET TimeZone = 'Asia/Tokyo';
SELECT differing();
RESET DateStyle;
RESET TimeZone;

-- other users: policies, rights to columns only, none
GRANT USAGE ON SCHEMA scan_kept TO regress_kept_user;
GRANT SELECT ON trip, plane TO regress_kept_user;
GRANT SELECT (id, height, city) ON port TO regress_kept_user;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA scan_kept TO regress_kept_user;
GRANT regress_kept_user TO CURRENT_USER;
SET ROLE regress_kept_user;
SELECT differing();
RESET ROLE;
ALTER TABLE plane ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON plane FOR SELECT TO regress_kept_user USING (seats > 300);
SELECT differing();
SET ROLE regress_kept_user;
SELECT differing();
SET row_security = off;
SELECT count(late(t)) FROM trip t;
RESET row_security;
SELECT differing();
RESET ROLE;
SELECT differing();
REVOKE SELECT ON plane FROM regress_kept_user;
SET ROLE regress_kept_user;
SELECT count(late(t)) FROM trip t;
RESET ROLE;

-- a table that is found before the other by its name
CREATE TEMP TABLE port AS SELECT id, 1.0::float8 AS height, 'city 1' AS city FROM scan_kept.port;
SELECT differing();
DROP TABLE pg_temp.port;
SELECT differing();
-- others that inherit
CREATE TABLE port_more () INHERITS (port);
INSERT INTO port_more SELECT 61 + i, 'city ' || i, 5 FROM generate_series(0, 1) i;
SELECT differing();
DROP TABLE port_more;
SELECT differing();

-- little memory: what does not fit is not kept
SET cerebro.model_memory = '64kB';
SELECT differing();
RESET cerebro.model_memory;

-- a cursor that is open while others find more rows
BEGIN;
DECLARE slow CURSOR FOR SELECT late(t)::text AS p, late(t) = any(array(SELECT late(u) FROM trip u)) AS known FROM trip t;
MOVE 20 IN slow;
INSERT INTO plane SELECT 'M' || i, i, 'jet', '2001-01-01' FROM generate_series(1, 3000) i;
SELECT differing();
MOVE 500 IN slow;
FETCH slow \gset
SELECT :'known' AS known;
ROLLBACK;
-- an error in the middle
SELECT sum(late(t) / (CASE WHEN id = 500 THEN 0 ELSE 1 END)) FROM trip t;
SELECT differing();
-- what happens elsewhere leaves what is kept; what happens to what is read does not
CREATE FUNCTION kept() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) SELECT late(t) FROM scan_kept.trip t' LOOP
		IF line ~ 'one pass' THEN RETURN QUERY SELECT m[1] || CASE WHEN m[2] > '' THEN ' kept' ELSE ' not' END FROM regexp_matches(line, '(plane): one pass over [0-9]+ rows(, [0-9]+ kept)?') m; END IF;
	END LOOP;
END
$$;
CREATE FUNCTION kept_after(change text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM scan_kept.differing();
	EXECUTE change;
	RETURN change || ': ' || (SELECT string_agg(k, '; ') FROM scan_kept.kept() k);
END
$$;
CREATE TABLE elsewhere (id integer PRIMARY KEY, a text);
ALTER TABLE plane SET (autovacuum_enabled = off);
ALTER TABLE port SET (autovacuum_enabled = off);
ALTER TABLE trip SET (autovacuum_enabled = off);
CREATE TYPE other_kind AS ENUM ('a', 'b');
SELECT kept_after(change) FROM unnest(ARRAY[
	'ANALYZE elsewhere',
	'CREATE INDEX ON elsewhere (a)',
	'CREATE TEMP TABLE mine (id integer, kind scan_kept.kind)',
	'DROP TABLE mine',
	'CREATE TEMP TABLE port AS SELECT 1 AS id',
	'DROP TABLE pg_temp.port',
	'ALTER TABLE elsewhere ADD COLUMN kind scan_kept.kind',
	'GRANT SELECT ON elsewhere TO regress_kept_user',
	'CREATE SCHEMA later',
	'DROP SCHEMA later',
	'CREATE FUNCTION later() RETURNS integer LANGUAGE sql AS ''SELECT 1''',
	'DROP FUNCTION later()',
	'CREATE DOMAIN later AS integer CHECK (VALUE > 0)',
	'ALTER DOMAIN later DROP CONSTRAINT later_check',
	'DROP DOMAIN later',
	'DROP TABLE elsewhere']) change;
SELECT kept_after(change) FROM unnest(ARRAY[
	'CREATE INDEX later ON port (city)',
	'DROP INDEX later',
	'ALTER TABLE port ADD COLUMN later integer',
	'ALTER TABLE port DROP COLUMN later',
	'ALTER TYPE kind ADD VALUE ''later''',
	'ALTER TYPE kind RENAME VALUE ''later'' TO ''latest''',
	'GRANT SELECT (id) ON port TO regress_kept_user',
	'REVOKE SELECT (id) ON port FROM regress_kept_user',
	'CREATE POLICY later ON plane USING (true)',
	'DROP POLICY later ON plane',
	'CREATE ROLE regress_kept_later',
	'DROP ROLE regress_kept_later',
	'ALTER TABLE plane RENAME TO later; ALTER TABLE later RENAME TO plane',
	'ALTER SCHEMA scan_kept RENAME TO later; ALTER SCHEMA later RENAME TO scan_kept']) change;

SELECT cerebro.undeploy('scan_kept.late') IS NOT NULL AS undeployed;
SELECT cerebro.drop_task('kept') IS NOT NULL AS dropped;
DROP SCHEMA scan_kept CASCADE;
DROP OWNED BY regress_kept_user;
DROP ROLE regress_kept_user;
