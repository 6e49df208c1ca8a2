-- Extracts: columns that are kept coded, and for whom.
\getenv abs_srcdir PG_ABS_SRCDIR
SET client_min_messages = warning;
CREATE ROLE regress_extract_owner;
CREATE ROLE regress_extract_other;
CREATE ROLE regress_extract_stranger;
ALTER ROLE regress_extract_other NOINHERIT;
ALTER ROLE regress_extract_stranger NOINHERIT;
GRANT regress_extract_owner TO regress_extract_other, regress_extract_stranger;
CREATE SCHEMA extract AUTHORIZATION regress_extract_owner;
GRANT USAGE ON SCHEMA extract TO PUBLIC;
SET SESSION AUTHORIZATION regress_extract_owner;
SET search_path = extract;
\i :abs_srcdir/../lib/trips.sql
SELECT cerebro.create_task('trips', source => 'SELECT * FROM trips', label => 'delay > 15') > 0 AS made;

CREATE FUNCTION is_same(a integer, b integer) RETURNS boolean LANGUAGE sql AS $$
	SELECT a <> b
	   AND (SELECT array_agg((name, kind, dims, content)::text ORDER BY ordinal) FROM cerebro.model_part WHERE model = a AND kind <> 'header')
		 = (SELECT array_agg((name, kind, dims, content)::text ORDER BY ordinal) FROM cerebro.model_part WHERE model = b AND kind <> 'header')
	   AND (SELECT array_agg((epoch, train_loss, valid_log_loss, valid_auc, valid_accuracy, state)::text ORDER BY epoch) FROM cerebro.epoch WHERE model = a)
		 = (SELECT array_agg((epoch, train_loss, valid_log_loss, valid_auc, valid_accuracy, state)::text ORDER BY epoch) FROM cerebro.epoch WHERE model = b);
$$;
-- rows of a table that this session has read so far
CREATE FUNCTION n_read(relation regclass) RETURNS bigint LANGUAGE sql AS 'SELECT pg_stat_get_xact_tuples_returned(relation)';
SET cerebro.reuse = off;

-- one reads, the next does not: another structure, another encoder, other settings
SELECT cerebro.train('trips', 'FE hour, distance, taxi, carrier AS mlp(8) PT epochs = 2') AS first \gset
SELECT column_name, n_rows = sum(r[1]) OVER () / count(*) OVER () + sum(r[2]) OVER () / count(*) OVER () AS all_but_test, width, n_values, n_used
FROM cerebro.extracts, LATERAL (SELECT ARRAY[class_rows[1][1] + class_rows[1][2], class_rows[2][1] + class_rows[2][2]] AS r FROM cerebro.data_version) v
ORDER BY column_name NULLS FIRST;
BEGIN;
SELECT n_read('trips') AS before \gset
SELECT cerebro.train('trips', 'FE hour, distance : standardize, taxi : quantile(4), carrier AS mlp(4) PT epochs = 1, batch = 64') > 0 AS trained;
SELECT n_read('trips') - :before AS n_read;
COMMIT;
SELECT sum(n_used) AS n_used, count(*) FROM cerebro.extracts;

-- some lack: they are read, the others are not; a column is one wherever FE names it
BEGIN;
SELECT n_read('trips') AS before \gset
SELECT cerebro.train('trips', 'FE hour, carrier, evening = (hour > 17), even = (hour % 2 = 0) AS mlp(4) PT epochs = 1') > 0 AS trained;
SELECT n_read('trips') > :before AS has_read;
COMMIT;
BEGIN;
SELECT n_read('trips') AS before \gset
SELECT cerebro.train('trips', 'FE carrier, late = (hour > 17), hour, distance AS mlp(4) PT epochs = 1') AS late \gset
SELECT n_read('trips') - :before AS n_read;
COMMIT;
SELECT column_name, n_used FROM cerebro.extracts ORDER BY column_name NULLS FIRST;

-- bits are those of a read
SET cerebro.plan_extract = off;
BEGIN;
SELECT n_read('trips') AS before \gset
SELECT is_same(:first, cerebro.train('trips', 'FE hour, distance, taxi, carrier AS mlp(8) PT epochs = 2'));
SELECT n_read('trips') > :before AS has_read;
COMMIT;
SELECT is_same(:late, cerebro.train('trips', 'FE carrier, late = (hour > 17), hour, distance AS mlp(4) PT epochs = 1'));
SET cerebro.plan_extract = force;
SELECT is_same(:first, cerebro.train('trips', 'FE hour, distance, taxi, carrier AS mlp(8) PT epochs = 2'));
RESET cerebro.plan_extract;
SET cerebro.plan_extract = sometimes;

-- numbers of all kinds, and what has more values than a table holds
CREATE TABLE kinds AS
	SELECT i AS id, (i / 7.0)::float8 AS doubles, (i / 2.0)::float8 AS halves, sin(i)::real AS floats,
		i AS integers, (i % 300)::smallint AS some, 'v' || i % 300 AS texts, 'w' || i AS many,
		CASE WHEN i % 3 > 0 THEN i % 2 = 0 END AS flag, i % 11 < 4 AS good
	FROM generate_series(1, 3000) i;
ALTER TABLE kinds ADD PRIMARY KEY (id);
SELECT cerebro.create_task('kinds', source => 'SELECT * FROM kinds', label => 'good') > 0 AS made;
SELECT cerebro.train('kinds', 'AS mlp(4) PT epochs = 2') AS kinds \gset
SELECT is_same(:kinds, cerebro.train('kinds', 'AS mlp(4) PT epochs = 2'));
SELECT column_name, width, n_values FROM cerebro.extracts WHERE task = 'kinds' ORDER BY column_name NULLS FIRST;

-- tables that FE joins, in whatever order; JOINs are not looked at twice
CREATE TABLE carriers (carrier text PRIMARY KEY, age integer, size integer);
INSERT INTO carriers VALUES ('AA', 90, 1), ('B6', 20, 2), ('DL', 95, 3), ('UA', 94, NULL);
CREATE TABLE hours (hour integer PRIMARY KEY, name text);
INSERT INTO hours SELECT i, 'h' || i / 6 FROM generate_series(0, 23) i;
SELECT cerebro.train('trips', 'FE hour, distance, carriers.age, JOIN carriers USING (carrier) AS mlp(8) PT epochs = 2') AS joined \gset
BEGIN;
SELECT n_read('trips') AS before, n_read('carriers') AS before_carriers \gset
SELECT is_same(:joined, cerebro.train('trips', 'FE hour, distance, carriers.age, JOIN carriers USING (carrier) AS mlp(8) PT epochs = 2'));
SELECT n_read('trips') - :before AS n_trips, n_read('carriers') - :before_carriers AS n_carriers;
COMMIT;
SELECT cerebro.train('trips', 'FE hour, distance, hours.name, carriers.age, JOIN hours USING (hour), JOIN carriers USING (carrier) AS mlp(8) PT epochs = 2') > 0 AS trained;
SELECT column_name, count(*) FROM cerebro.extracts WHERE task = 'trips' AND column_name IN ('carriers.age', 'hours.name', 'hour') GROUP BY 1 ORDER BY 1;
BEGIN;
SELECT cerebro.train('trips', 'FE distance, hours.name, x = (carriers.age * 2), JOIN hours USING (hour), JOIN carriers USING (carrier) AS mlp(8) PT epochs = 1') > 0 AS trained;
SELECT cerebro.train('trips', 'FE x = (carriers.age * 2), JOIN carriers USING (carrier) AS mlp(8) PT epochs = 1') > 0 AS trained;
COMMIT;
SELECT count(*) FROM cerebro.extracts WHERE task = 'trips' AND column_name = 'x';

-- what was written to is read again, and is another data version
SELECT count(*) AS versions FROM cerebro.data_version \gset
UPDATE carriers SET age = 21 WHERE carrier = 'B6';
SELECT cerebro.train('trips', 'FE hour, distance, carriers.age, JOIN carriers USING (carrier) AS mlp(8) PT epochs = 1') > 0 AS trained;
SELECT count(*), count(DISTINCT data_version) AS n_versions FROM cerebro.extracts WHERE task = 'trips' AND column_name = 'carriers.age';
UPDATE trips SET taxi = taxi + 1 WHERE id = 17;
SELECT cerebro.train('trips', 'FE hour, taxi AS mlp(8) PT epochs = 1') > 0 AS trained;
SELECT count(*) - :versions AS new_versions FROM cerebro.data_version;
SELECT column_name, n_used FROM cerebro.extracts WHERE task = 'trips' ORDER BY column_name NULLS FIRST;
SELECT data_version = (SELECT max(id) FROM cerebro.data_version) AS is_newest FROM cerebro.extracts WHERE task = 'trips' GROUP BY 1;
-- and what this transaction has written is not kept
BEGIN;
UPDATE trips SET taxi = taxi + 1 WHERE id = 18;
SELECT cerebro.train('trips', 'FE hour, taxi, distance AS mlp(8) PT epochs = 1') > 0 AS trained;
SELECT count(*) FROM cerebro.extracts WHERE task = 'trips';
ROLLBACK;

-- what depends on the task's own settings is kept; functions of somebody's own are run each time
SELECT cerebro.train('trips', 'FE hour, date = (to_timestamp(hour * 86400)::date) AS mlp(8) PT epochs = 1') > 0 AS trained;
SELECT column_name FROM cerebro.extracts WHERE task = 'trips' AND column_name = 'date';
CREATE FUNCTION twice(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 2 * $1';
SELECT cerebro.create_task('own', source => 'SELECT id, distance, extract.twice(hour) AS twice FROM extract.trips', label => 'distance > 1000', exclude => '{distance}') > 0 AS made;
SELECT cerebro.train('own', 'FE twice AS mlp(2) PT epochs = 1') > 0 AS trained;
SELECT column_name FROM cerebro.extracts WHERE task = 'own' ORDER BY 1 NULLS FIRST;

-- for others: who may not read a column does not get it from what is kept
GRANT SELECT (id, carrier, hour, distance, taxi, delay) ON trips TO regress_extract_other;
GRANT SELECT (id, carrier, hour, distance, delay) ON trips TO regress_extract_stranger;
SET SESSION AUTHORIZATION regress_extract_other;
SET search_path = extract;
SET cerebro.reuse = off;
SELECT cerebro.train('trips', 'FE hour, taxi AS mlp(8) PT epochs = 1') > 0 AS trained;
SELECT column_name, n_used FROM cerebro.extracts WHERE task = 'trips' ORDER BY column_name NULLS FIRST;
SELECT bytes FROM cerebro.extract_chunk;
SELECT content FROM cerebro.extract;
INSERT INTO cerebro.extract_chunk VALUES ('', 1, '');
SET SESSION AUTHORIZATION regress_extract_stranger;
SET search_path = extract;
SELECT cerebro.train('trips', 'FE hour, taxi AS mlp(8) PT epochs = 1');

-- row security: what one role may see is kept for roles that see the same
SET SESSION AUTHORIZATION regress_extract_owner;
SET search_path = extract;
SET cerebro.reuse = off;
GRANT SELECT ON trips TO regress_extract_other, regress_extract_stranger;
ALTER TABLE trips ENABLE ROW LEVEL SECURITY;
CREATE POLICY near ON trips TO regress_extract_other USING (distance < 2000);
CREATE POLICY mine ON trips TO regress_extract_stranger USING (CASE current_user WHEN 'regress_extract_stranger' THEN distance >= 1000 ELSE distance < 1000 END);
SELECT cerebro.train('trips', 'FE hour, taxi AS mlp(8) PT epochs = 1') > 0 AS trained;
SELECT count(DISTINCT n_rows) AS n_kinds FROM cerebro.extracts WHERE task = 'trips';
SET SESSION AUTHORIZATION regress_extract_other;
SET search_path = extract;
SET cerebro.reuse = off;
SELECT cerebro.train('trips', 'FE hour, taxi AS mlp(8) PT epochs = 1') AS near \gset
SELECT valid_labels IS NOT NULL AS has_version, n_rows < 4000 AS is_less FROM cerebro.data_version WHERE id = (SELECT data_version FROM cerebro.model WHERE id = :near);
BEGIN;
SELECT n_read('trips') AS before \gset
SELECT is_same(:near, cerebro.train('trips', 'FE hour, taxi AS mlp(8) PT epochs = 1'));
SELECT n_read('trips') - :before AS n_read;
COMMIT;
SET SESSION AUTHORIZATION regress_extract_stranger;
SET search_path = extract;
SET cerebro.reuse = off;
SELECT cerebro.train('trips', 'FE hour, taxi AS mlp(8) PT epochs = 1') AS far \gset
SELECT v.n_rows <> (SELECT count(*) FROM trips WHERE distance < 2000) AS are_others FROM cerebro.model m JOIN cerebro.data_version v ON v.id = m.data_version WHERE m.id = :far;
RESET SESSION AUTHORIZATION;
SET search_path = extract;
SELECT count(DISTINCT rows) AS n_kinds FROM cerebro.extract e JOIN cerebro.data_version v ON v.id = e.data_version JOIN cerebro.task t ON t.id = v.task WHERE t.name = 'trips';
SET SESSION AUTHORIZATION regress_extract_owner;
SET search_path = extract;
SET cerebro.reuse = off;
ALTER TABLE trips DISABLE ROW LEVEL SECURITY;

-- room: what saves least goes, and what needs more than there is is not kept
CREATE TABLE wide AS SELECT i AS id, random() AS a, random() AS b, random() AS c, i % 3 = 0 AS good FROM generate_series(1, 40000) i;
ALTER TABLE wide ADD PRIMARY KEY (id);
SELECT cerebro.create_task('wide', source => 'SELECT * FROM wide', label => 'good') > 0 AS made;
SET cerebro.extract_memory = '1MB';
SELECT cerebro.train('wide', 'FE a AS mlp(2) PT epochs = 1') > 0 AS trained;
SELECT column_name FROM cerebro.extracts WHERE task = 'wide' ORDER BY 1 NULLS FIRST;
SELECT cerebro.train('wide', 'FE a AS mlp(3) PT epochs = 1') > 0 AS trained;
SELECT cerebro.train('wide', 'FE b, c AS mlp(2) PT epochs = 1') > 0 AS trained;
SELECT sum(bytes) <= 1 << 20 AS fits FROM cerebro.extracts;
SET cerebro.plan_extract = force;
SELECT cerebro.train('wide', 'FE a, b AS mlp(2) PT epochs = 1') > 0 AS trained;
SELECT count(*) > 0 AS some_stay, sum(bytes) <= 1 << 20 AS fits FROM cerebro.extracts WHERE task = 'wide';
RESET cerebro.plan_extract;
RESET cerebro.extract_memory;

-- what goes is what saves the fewest seconds for its bytes, however new; all of a column is 204,248 bytes, keys 255,310
CREATE TABLE worth AS SELECT i AS id, sin(i) AS a, sin(i + 0.1) AS b, sin(i + 0.2) AS c, sin(i + 0.3) AS d, i % 3 = 0 AS good FROM generate_series(1, 30000) i;
ALTER TABLE worth ADD PRIMARY KEY (id);
SELECT cerebro.create_task('worth', source => 'SELECT * FROM worth', label => 'good') > 0 AS made;
RESET SESSION AUTHORIZATION;
DELETE FROM cerebro.extract;
CREATE FUNCTION worth(seconds float8[]) RETURNS void LANGUAGE sql SECURITY DEFINER AS $$
	UPDATE cerebro.extract SET seconds = worth.seconds[ascii(column_name) - 96], n_used = CASE column_name WHEN 'b' THEN 2 ELSE 0 END WHERE column_name <> '' $$;
SET SESSION AUTHORIZATION regress_extract_owner;
SET search_path = extract;
SET cerebro.reuse = off;
SET cerebro.extract_memory = '1MB';
SELECT cerebro.train('worth', format('FE %s AS mlp(2) PT epochs = 1', f)::cerebro.mst) > 0 AS trained FROM unnest('{a,b,c}'::text[]) f;
SELECT string_agg(column_name, ' ' ORDER BY column_name), sum(bytes) FROM cerebro.extracts;
SELECT worth('{1e-6, 0.4e-6, 0.9e-6}');
SELECT cerebro.train('worth', 'FE d AS mlp(2) PT epochs = 1') > 0 AS trained;
SELECT string_agg(column_name, ' ' ORDER BY column_name) FROM cerebro.extracts;
-- nothing that saves more than what comes, and nothing in vain
SELECT worth('{1000, 1000, 1000, 1000}');
SELECT cerebro.train('worth', 'FE c AS mlp(2) PT epochs = 1') > 0 AS trained;
SELECT string_agg(column_name, ' ' ORDER BY column_name) FROM cerebro.extracts;
SELECT worth('{0, 1000, 1000, 1000}');
SELECT cerebro.train('worth', 'FE c, e = (a * 2) AS mlp(2) PT epochs = 1') > 0 AS trained;
SELECT string_agg(column_name, ' ' ORDER BY column_name) FROM cerebro.extracts;
-- no column without the keys of its rows
SELECT worth('{0, 0, 0, 0}');
SELECT cerebro.train('worth', 'FE c, e = (a * 2), f = (a * 3), g = (a * 4) AS mlp(2) PT epochs = 1') > 0 AS trained;
SELECT string_agg(column_name, ' ' ORDER BY column_name), bool_or(column_name IS NULL) AS has_keys FROM cerebro.extracts;
SELECT cerebro.train('worth', 'FE c, e = (a * 2), f = (a * 3) AS mlp(2) PT epochs = 1') > 0 AS trained;
SELECT string_agg(column_name, ' ' ORDER BY column_name), bool_or(column_name IS NULL) AS has_keys FROM cerebro.extracts;
RESET cerebro.extract_memory;
SELECT cerebro.drop_task('worth');

-- a joined table is kept once, apart: rows have codes of its rows; bits as when each row has its values
CREATE TABLE shop (shop text PRIMARY KEY, town text, size integer, rent float8, opened date);
INSERT INTO shop SELECT 's' || i, CASE WHEN i % 7 > 0 THEN 't' || i % 5 END, i % 11, sqrt(i), '2020-01-01'::date + i FROM generate_series(1, 60) i;
CREATE TABLE sale AS SELECT i AS id, 's' || i * 7919 % 66 AS shop, sin(i) AS x, sin(i) + (i * 7919 % 66 % 7) / 4.0 > 0.8 AS good FROM generate_series(1, 4000) i;
ALTER TABLE sale ADD PRIMARY KEY (id);
SELECT cerebro.create_task('sale', source => 'SELECT * FROM sale', label => 'good') > 0 AS made;
SELECT cerebro.train('sale', 'FE *, JOIN shop USING (shop) AS mlp(4) PT epochs = 2') AS wrote \gset
SELECT column_name, width, n_values, n_dimension FROM cerebro.extracts WHERE task = 'sale' ORDER BY column_name COLLATE "C" NULLS FIRST;
BEGIN;
SELECT n_read('sale') + n_read('shop') AS before \gset
SELECT cerebro.train('sale', 'FE *, JOIN shop USING (shop) AS mlp(4) PT epochs = 2') AS read \gset
SELECT n_read('sale') + n_read('shop') - :before AS n_read;
COMMIT;
SELECT is_same(:wrote, :read);
-- more of it with another read: in codes of their own, the others stay
SELECT cerebro.train('sale', 'FE *, JOIN shop USING (shop), rich = (shop.rent > 4), old = (shop.opened < ''2020-01-20''), large = (shop.size > 8) AS mlp(4) PT epochs = 2') AS more \gset
SELECT column_name, width, n_dimension FROM cerebro.extracts WHERE task = 'sale' AND (column_name LIKE '%*' OR column_name IN ('rich', 'old', 'large', 'shop.rent')) ORDER BY column_name COLLATE "C", n_dimension;
SELECT cerebro.train('sale', 'FE *, JOIN shop USING (shop), rich = (shop.rent > 4), old = (shop.opened < ''2020-01-20''), large = (shop.size > 8) AS mlp(4) PT epochs = 2') AS again \gset
SET cerebro.plan_extract = off;
SELECT is_same(:wrote, cerebro.train('sale', 'FE *, JOIN shop USING (shop) AS mlp(4) PT epochs = 2')),
	is_same(:more, :again), is_same(:more, cerebro.train('sale', 'FE *, JOIN shop USING (shop), rich = (shop.rent > 4), old = (shop.opened < ''2020-01-20''), large = (shop.size > 8) AS mlp(4) PT epochs = 2'));
RESET cerebro.plan_extract;
-- what both tables have a part in, or has many rows, is kept by row
SELECT cerebro.train('sale', 'FE a = (shop.rent * x), b = (shop.size + x), JOIN shop USING (shop) AS mlp(4) PT epochs = 1') > 0 AS trained;
SELECT column_name, n_dimension FROM cerebro.extracts WHERE task = 'sale' AND column_name IN ('a', 'b') ORDER BY 1;
RESET SESSION AUTHORIZATION;
SELECT count(*) AS without_codes FROM cerebro.extract e WHERE NOT EXISTS (SELECT FROM cerebro.extract d WHERE d.id = e.dimension) AND e.dimension IS NOT NULL;
-- codes that are gone are made again
DELETE FROM cerebro.extract e USING cerebro.data_version v JOIN cerebro.task t ON t.id = v.task WHERE v.id = e.data_version AND t.name = 'sale' AND e.id = e.dimension;
SET SESSION AUTHORIZATION regress_extract_owner;
SELECT is_same(:wrote, cerebro.train('sale', 'FE *, JOIN shop USING (shop) AS mlp(4) PT epochs = 2'));
SELECT cerebro.drop_task('sale');
SET search_path = extract;
SELECT count(*) FROM cerebro.extracts WHERE task = 'sale';

-- they go with their task
SELECT cerebro.drop_task('wide');
SELECT count(*) FROM cerebro.extracts WHERE task = 'wide';
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM cerebro.extract_chunk c WHERE NOT EXISTS (SELECT FROM cerebro.extract e WHERE e.id = c.extract);
SELECT relname, relpersistence FROM pg_class WHERE relnamespace = 'cerebro'::regnamespace AND relkind = 'r' AND relname LIKE 'extract%' ORDER BY 1;

-- bytes that are damaged are not trained on
SET SESSION AUTHORIZATION regress_extract_owner;
SET search_path = extract;
SET cerebro.reuse = off;
SET cerebro.plan_extract = force;
SELECT cerebro.train('kinds', 'AS mlp(4) PT epochs = 1') > 0 AS trained;
RESET SESSION AUTHORIZATION;
UPDATE cerebro.extract_chunk SET bytes = substr(bytes, 2) WHERE ordinal = 0;
SET SESSION AUTHORIZATION regress_extract_owner;
SELECT refused($$SELECT cerebro.train('kinds', 'AS mlp(4) PT epochs = 2')$$);
SET cerebro.plan_extract = off;
SELECT cerebro.train('kinds', 'AS mlp(4) PT epochs = 2') > 0 AS trained;
RESET SESSION AUTHORIZATION;

SET client_min_messages = error;
SELECT cerebro.drop_task(name) IS NOT NULL AS dropped FROM cerebro.task WHERE owner = 'regress_extract_owner'::regrole;
SELECT count(*) FROM cerebro.extract e JOIN cerebro.data_version v ON v.id = e.data_version JOIN cerebro.task t ON t.id = v.task WHERE t.owner = 'regress_extract_owner'::regrole;
DROP SCHEMA extract CASCADE;
DROP ROLE regress_extract_owner, regress_extract_other, regress_extract_stranger;
