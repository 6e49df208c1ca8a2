-- Reading rows, all of them and one by one: types, settings, changed tables.
CREATE SCHEMA read_test;
SET search_path = read_test, cerebro;
SET TimeZone = 'UTC';
SET client_min_messages = warning;

-- every type: numbers and categories, missing and odd values
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN percent AS numeric CHECK (value BETWEEN 0 AND 100);
CREATE DOMAIN nick AS varchar(20);
CREATE TABLE kinds (
	id bigint PRIMARY KEY, l boolean,
	i2 smallint, i4 int, i8 bigint, f4 real, f8 float8, num numeric, pct percent, cash money,
	d date, t time, tz timetz, ts timestamp, tstz timestamptz, iv interval,
	b boolean, txt text, vc varchar(9), bc char(9), nm name, ch "char", en mood, un uuid, ip inet, net cidr, mac macaddr, nk nick,
	js json, arr int[], byt bytea, pt point, rng int4range, vec tsvector);
INSERT INTO kinds
SELECT i, i % 2 = 0, i % 5, i % 5, i % 5, i % 5, i % 5, i % 5, i % 5, (i % 5)::numeric::money,
	'2024-01-01'::date + i % 5, '00:00'::time + (i % 5) * interval '1 min', '00:00+01'::timetz + (i % 5) * interval '1 min',
	'2024-01-01'::timestamp + (i % 5) * interval '1 min', '2024-01-01 00:00+00'::timestamptz + (i % 5) * interval '1 min', (i % 5) * interval '1 min',
	i % 3 = 0, 't' || i % 5, 't' || i % 5, 't' || i % 5, 't' || i % 5, (ARRAY['a', 'b', 'c', 'd', 'e'])[1 + i % 5]::"char",
	(ARRAY['sad', 'ok', 'happy'])[1 + i % 3]::mood, lpad((i % 5)::text, 32, '0')::uuid, ('10.0.0.' || i % 5)::inet, ('10.0.' || i % 5 || '.0/24')::cidr,
	('08:00:2b:01:02:0' || i % 5)::macaddr, 't' || i % 5, '{}', '{1}', '\x00', '(1,2)', '[1,2)', 'a'
FROM generate_series(1, 1000) i;
-- one row of nothing, one of extremes
INSERT INTO kinds (id, l) VALUES (-1, true);
INSERT INTO kinds VALUES (9223372036854775807, false,
	-32768, -2147483648, -9223372036854775808, 'NaN', '-Infinity', 'NaN', 100, '-92233720368547758.08',
	'infinity', '24:00', '00:00+15', '-infinity', 'infinity', '-178000000 years',
	NULL, '', '', '', '', '', 'sad', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '::1', '::/0', 'ff:ff:ff:ff:ff:ff', '',
	'[]', '{}', '', '(NaN,1)', 'empty', '');
SELECT create_task('kinds', 'SELECT * FROM kinds', 'l') > 0 AS made;
SELECT column_name, type, used_as, n_distinct, (missing * 1002)::int AS missing
FROM profile('kinds') WHERE used_as <> 'label';

-- the key hashes alike whatever the width of the type, and numerics whatever their scale
CREATE FUNCTION same_parts(source text, other text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	result boolean;
BEGIN
	PERFORM cerebro.create_task('one', source, 'l', key => '{k}');
	PERFORM cerebro.create_task('two', other, 'l', key => '{k}');
	SELECT a.class_rows = b.class_rows AND a.row_hash = b.row_hash INTO result
	FROM cerebro.data_version a, cerebro.data_version b
	WHERE a.task = (SELECT id FROM cerebro.task WHERE name = 'one') AND b.task = (SELECT id FROM cerebro.task WHERE name = 'two');
	PERFORM cerebro.drop_task('one'), cerebro.drop_task('two');
	RETURN result;
END $$;
SELECT a, b, same_parts(format('SELECT %s AS k, i %% 3 = 0 AS l FROM generate_series(1, 1000) i', a),
	format('SELECT %s AS k, i %% 3 = 0 AS l FROM generate_series(1, 1000) i', b)) AS same
FROM (VALUES ('i', 'i::bigint'), ('i', 'i::smallint'), ('i', 'i::text'), ('i::numeric', 'i::numeric(9, 3)'), ('i::text', 'i::char(20)'),
	('i::text', 'i::varchar'), ('i::real', 'i::float8'), ('i * interval ''1 day''', 'i * interval ''24 hours''')) v (a, b);
-- rows in another order are the same rows
SELECT same_parts('SELECT i AS k, i % 3 = 0 AS l FROM generate_series(1, 1000) i', 'SELECT i AS k, i % 3 = 0 AS l FROM generate_series(1000, 1, -1) i');
-- another label is another version of the data
SELECT same_parts('SELECT i AS k, i % 3 = 0 AS l FROM generate_series(1, 1000) i', 'SELECT i AS k, i % 3 = 0 OR i = 1 AS l FROM generate_series(1, 1000) i');
-- odd keys
SELECT same_parts('SELECT k, k > 5 AS l FROM (SELECT CASE i WHEN 1 THEN ''NaN'' WHEN 2 THEN ''inf'' WHEN 3 THEN 0.0 ELSE i END::float8 AS k FROM generate_series(1, 1000) i) v',
	'SELECT k, k > 5 AS l FROM (SELECT CASE i WHEN 1 THEN ''NaN'' WHEN 2 THEN ''inf'' WHEN 3 THEN -0.0 ELSE i END::float8 AS k FROM generate_series(1, 1000) i) v');

-- many rows, many values: more than one chunk
SELECT create_task('wide', 'SELECT i AS id, ''value '' || i AS v, i % 2 = 0 AS l FROM generate_series(1, 50000) i', 'l', key => '{id}') > 0 AS made;
SELECT n_distinct = (SELECT class_rows[1][1] + class_rows[1][2] + class_rows[2][1] + class_rows[2][2]
	FROM data_version WHERE task = (SELECT id FROM tasks WHERE name = 'wide')) AS all_values
FROM profile('wide') WHERE column_name = 'v';

-- settings are the task's, whatever the session's are now
SET TimeZone = 'America/New_York';
SET DateStyle = 'SQL, DMY';
SET IntervalStyle = 'sql_standard';
CREATE TABLE event (id int PRIMARY KEY, at timestamptz, day text, l boolean);
INSERT INTO event SELECT i, '2024-01-01 00:00+00'::timestamptz + i * interval '1 hour', '02/01/2024', i % 2 = 0 FROM generate_series(1, 1000) i;
SELECT create_task('night', 'SELECT id, l, at, day, CASE WHEN extract(hour FROM at) < 12 THEN ''train'' WHEN day::date = ''2024-01-02'' AND extract(hour FROM at) < 18 THEN ''valid'' ELSE ''test'' END AS part FROM event',
	'l', split => 'column(part)') > 0 AS made;
SELECT part('night', e), min(extract(hour FROM at)), max(extract(hour FROM at)), count(*) FROM event e GROUP BY 1 ORDER BY 2;
SELECT settings FROM task WHERE name = 'night' \gset
SELECT :'settings'::text[] @> '{TimeZone=America/New_York,"DateStyle=SQL, DMY",IntervalStyle=sql_standard}' AS stored;
SET TimeZone = 'Asia/Tokyo';
SET DateStyle = 'ISO, MDY';
SET search_path = cerebro, pg_catalog;
SELECT part('night', e), min(extract(hour FROM at AT TIME ZONE 'America/New_York')), max(extract(hour FROM at AT TIME ZONE 'America/New_York')), count(*)
FROM read_test.event e GROUP BY 1 ORDER BY 2;
SELECT n_distinct FROM profile('night') WHERE column_name = 'part';
SHOW TimeZone;
-- also when they change between two rows of one transaction
CREATE FUNCTION read_test.part_at(e read_test.event, zone text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('TimeZone', zone, true);
	RETURN cerebro.part('night', e);
END $$;
SELECT count(DISTINCT read_test.part_at(e, zone)) FROM read_test.event e, unnest(ARRAY['UTC', 'America/New_York', 'Asia/Tokyo', 'Europe/Berlin']) zone WHERE id = 20;
RESET TimeZone;
RESET DateStyle;
RESET IntervalStyle;
SET search_path = read_test, cerebro;
SET TimeZone = 'UTC';

-- tables change under the task
CREATE TABLE shop (gone int, id int PRIMARY KEY, city text, n int, l boolean);
INSERT INTO shop SELECT i, i, 'city ' || i % 3, i % 4, i % 2 = 0 FROM generate_series(1, 1000) i;
SELECT create_task('shop', 'SELECT id, city, n + 1 AS n, l FROM shop', 'l', split => 'group(city || n)') > 0 AS made;
CREATE TEMP TABLE parts AS SELECT id, part('shop', s) FROM shop s;
ALTER TABLE shop DROP gone;
ALTER TABLE shop ADD extra text DEFAULT 'new';
SELECT count(*) FROM shop s JOIN parts p USING (id) WHERE p.part = part('shop', s);
ALTER TABLE shop ALTER n TYPE bigint;
SELECT count(*) FROM shop s JOIN parts p USING (id) WHERE p.part = part('shop', s);
ALTER TABLE shop RENAME city TO town;
SELECT count(*) FROM profile('shop', refresh => true);
ALTER TABLE shop RENAME town TO city;
ALTER TABLE shop RENAME TO store;
SELECT part('shop', s) FROM store s LIMIT 1;
SELECT * FROM profile('shop', refresh => true);
ALTER TABLE store RENAME TO shop;
SELECT count(*) FROM profile('shop');
-- rows of the source's own columns, by name and in any order
SELECT count(*) FROM (SELECT l, n + 1 AS n, city, id FROM shop) s JOIN parts p USING (id) WHERE p.part = part('shop', s);
-- new labels are told
SELECT create_task('grade', 'SELECT id, city, n::int AS n FROM shop', 'n') > 0 AS made;
UPDATE shop SET n = 9 WHERE id = 1;
SELECT * FROM profile('grade');
DROP TABLE shop;
SELECT * FROM profile('shop');
SELECT part('shop', s) FROM (SELECT 1 AS id, 'city 1' AS city, 1 AS n, true AS l) s;

-- partitioned tables, materialized views, temporary tables
CREATE TABLE log (id int, year int, l boolean, PRIMARY KEY (id, year)) PARTITION BY LIST (year);
CREATE TABLE log_1 PARTITION OF log FOR VALUES IN (1);
CREATE TABLE log_2 (l boolean, year int NOT NULL, id int NOT NULL);
ALTER TABLE log ATTACH PARTITION log_2 FOR VALUES IN (2);
INSERT INTO log SELECT i, 1 + i % 2, i % 3 = 0 FROM generate_series(1, 1000) i;
SELECT create_task('log', 'SELECT * FROM log', 'l') > 0 AS made;
SELECT key, rows, relation FROM tasks WHERE name = 'log';
SELECT count(*) FROM log_2 a JOIN log b USING (id) WHERE part('log', a) <> part('log', b);
CREATE MATERIALIZED VIEW logs AS SELECT * FROM log;
SELECT create_task('logs', 'SELECT * FROM logs', 'l', key => '{id}') > 0 AS made;
CREATE TEMP TABLE scratch AS SELECT * FROM log;
SELECT create_task('scratch', 'SELECT * FROM scratch', 'l', key => '{id}') > 0 AS made;
SELECT count(*) FROM profile('scratch');

-- a row's value is all that counts
SELECT create_task('ctid', 'SELECT id, l, ctid::text AS place FROM log_1', 'l', key => '{id}', split => 'group(place)') > 0 AS made;
SELECT part('ctid', v) FROM log_1 v LIMIT 1;
SELECT count(part('ctid', v)) FROM (SELECT id, ctid::text AS place FROM log_1) v;

-- in parallel
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT set_config(name, 'on', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
SELECT count(*), count(DISTINCT part('log', v)) FROM log v;
SELECT create_task('parallel', 'SELECT * FROM log', 'l') > 0 AS made;
SELECT a.row_hash = b.row_hash AS same FROM data_version a, data_version b
WHERE a.task = (SELECT id FROM tasks WHERE name = 'log') AND b.task = (SELECT id FROM tasks WHERE name = 'parallel');
SELECT set_config(name, 'off', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');

-- a long reading can be cancelled
SET statement_timeout = '100ms';
SELECT create_task('slow', 'SELECT i AS id, i % 2 = 0 AS l FROM generate_series(1, 1000000000::bigint) i', 'l', key => '{id}');
RESET statement_timeout;
SELECT count(*) FROM tasks WHERE name = 'slow';

-- nothing is written where nothing may be
BEGIN READ ONLY;
SELECT create_task('x', 'SELECT * FROM log', 'l');
ROLLBACK;
BEGIN READ ONLY;
SELECT count(*) FROM profile('log');
ROLLBACK;
BEGIN READ ONLY;
SELECT add_relationship('log', '{id}', 'log', '{id}');
ROLLBACK;

SELECT drop_task(name) FROM tasks;
DROP SCHEMA read_test CASCADE;
