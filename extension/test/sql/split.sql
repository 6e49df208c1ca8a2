-- Parts of the data: by hash of the key, by group, by time, by a column.
CREATE SCHEMA split_test;
SET search_path = split_test, cerebro;
SET TimeZone = 'UTC';
SET client_min_messages = warning;

CREATE TABLE visit (id int PRIMARY KEY, customer int, city text, seen_at timestamptz, part text, churned boolean);
INSERT INTO visit
SELECT i, i % 200, 'city ' || i % 7, '2024-01-01 00:00+00'::timestamptz + i * interval '1 hour',
	CASE WHEN i <= 600 THEN 'train' WHEN i <= 800 THEN 'valid' ELSE 'test' END, i % 3 = 0
FROM generate_series(1, 1000) i;

-- random: every row has its part, whatever else changes
SELECT create_task('random', 'SELECT * FROM visit', 'churned') > 0 AS made;
SELECT part('random', v), count(*) FROM visit v GROUP BY 1 ORDER BY 1;
CREATE TABLE before AS SELECT id, part('random', v) FROM visit v;
UPDATE visit SET city = 'moved', churned = NOT churned WHERE id % 10 = 0;
DELETE FROM visit WHERE id % 10 = 5;
SELECT count(*) AS changed FROM visit v JOIN before b USING (id) WHERE part('random', v) <> b.part;
-- and the counts of the archive are those of cerebro.part
DROP TABLE before;
SELECT create_task('again', 'SELECT * FROM visit', 'churned') > 0 AS made;
SELECT class_rows[1][1] + class_rows[1][2] AS train, class_rows[2][1] + class_rows[2][2] AS valid,
	class_rows[3][1] + class_rows[3][2] AS test
FROM data_version WHERE task = (SELECT id FROM tasks WHERE name = 'again');
SELECT part('again', v), count(*) FROM visit v GROUP BY 1 ORDER BY 1;
-- two tasks over one key share their test rows, and the type of the key does not matter
SELECT create_task('wide', 'SELECT id::bigint, city, churned FROM visit', 'churned', key => '{id}') > 0 AS made;
SELECT count(*) AS different FROM visit v WHERE part('wide', v) <> part('again', v);
SELECT part('again', v) = part('again', w) AS same_part_as_bigint, count(*)
FROM visit v JOIN (SELECT id::bigint FROM visit) w USING (id) GROUP BY 1;
-- shares
SELECT create_task('half', 'SELECT * FROM visit', 'churned', split => 'random(0.5, 0.25, 0.25)') > 0 AS made;
SELECT part('half', v), count(*) FROM visit v GROUP BY 1 ORDER BY 1;
SELECT create_task('x', 'SELECT * FROM visit', 'churned', split => 'random(0.5, 0.5)');
SELECT create_task('x', 'SELECT * FROM visit', 'churned', split => 'random(0.7, 0.2, 0.2)');
SELECT create_task('x', 'SELECT * FROM visit', 'churned', split => 'random(1, 0, 0)');
SELECT create_task('x', 'SELECT * FROM visit', 'churned', split => 'rnadom(0.7, 0.15, 0.15)');
SELECT create_task('x', 'SELECT * FROM visit', 'churned', split => 'random') > 0 AS made;
SELECT create_task('x', 'SELECT * FROM visit', 'churned', split => '');
SELECT drop_task('x');
-- no key, no part
SELECT part('random', v) FROM (SELECT NULL::int AS id) v;
SELECT part('random', v) FROM (SELECT 1 AS customer) v;
SELECT part('random', v) FROM (SELECT '{}'::jsonb AS id) v;
SELECT part('random', NULL::visit);
SELECT part('randon', v) FROM visit v LIMIT 1;

-- group: a customer is in one part
SELECT create_task('group', 'SELECT * FROM visit', 'churned', split => 'group(customer)') > 0 AS made;
SELECT max(n) AS parts_of_a_customer FROM (SELECT count(DISTINCT part('group', v)) AS n FROM visit v GROUP BY customer) c;
SELECT part('group', v), count(*), count(DISTINCT customer) FROM visit v GROUP BY 1 ORDER BY 1;
SELECT create_task('x', 'SELECT * FROM visit', 'churned', split => 'group(1)');
SELECT create_task('x', 'SELECT * FROM visit', 'churned', split => 'group(customr)');
SELECT create_task('x', 'SELECT * FROM visit', 'churned', split => 'group(random())');

-- time: the test part is the last
SELECT create_task('time', 'SELECT * FROM visit', 'churned', split => 'time(seen_at, 0.6, 0.2, 0.2)') > 0 AS made;
SELECT split_cuts FROM tasks WHERE name = 'time';
SELECT part('time', v), count(*), min(seen_at), max(seen_at) FROM visit v GROUP BY 1 ORDER BY 3;
SELECT create_task('cuts', 'SELECT * FROM visit', 'churned', split => 'time(seen_at::date, ''2024-01-20'', ''2024-02-01'')') > 0 AS made;
SELECT split_cuts FROM tasks WHERE name = 'cuts';
SELECT part('cuts', v), count(*), min(seen_at), max(seen_at) FROM visit v GROUP BY 1 ORDER BY 3;
SELECT create_task('x', 'SELECT * FROM visit', 'churned', split => 'time(seen_at, ''2024-01-20'', ''now'')') > 0 AS made;
SELECT split_cuts[2] <> 'now' AS is_fixed FROM tasks WHERE name = 'x';
SELECT drop_task('x');
SELECT create_task('number', 'SELECT * FROM visit', 'churned', split => 'time(id / 7.0)') > 0 AS made;
SELECT part('number', v), count(*), min(id), max(id) FROM visit v GROUP BY 1 ORDER BY 3;
SELECT create_task('x', 'SELECT * FROM visit', 'churned', split => 'time(city)');
SELECT create_task('x', 'SELECT * FROM visit', 'churned', split => 'time(seen_at, ''2024-02-01'', ''2024-01-20'')');
SELECT create_task('x', 'SELECT * FROM visit', 'churned', split => 'time(seen_at, ''tomorow'', ''2024-01-20'')');
SELECT create_task('x', 'SELECT * FROM visit', 'churned', split => 'time(seen_at, ''1999-01-01'', ''2030-01-20'')');
SELECT create_task('x', 'SELECT * FROM visit', 'churned', split => 'time(seen_at, ''2024-01-20'', ''2030-01-20'')') > 0 AS made_with_warning;
SELECT drop_task('x');
SELECT create_task('x', 'SELECT * FROM visit', 'churned', split => 'time(nullif(seen_at, ''2024-01-01 01:00+00''))');

-- column: the rows say it
SELECT create_task('column', 'SELECT * FROM visit', 'churned', split => 'column(part)') > 0 AS made;
SELECT part('column', v) = v.part AS same, count(*) FROM visit v GROUP BY 1;
SELECT create_task('x', 'SELECT * FROM visit', 'churned', split => 'column(city)');
SELECT create_task('x', 'SELECT * FROM visit', 'churned', split => 'column(id)');
SELECT create_task('x', 'SELECT * FROM visit', 'churned', split => 'column(nullif(part, ''test''))');
SELECT create_task('x', 'SELECT * FROM visit WHERE part <> ''valid''', 'churned', split => 'column(part)');
-- a row that says nothing has no part
SELECT part('column', v) IS NULL AS has_none FROM (SELECT 1 AS id, NULL::text AS part) v;
SELECT part('time', v) IS NULL AS has_none FROM (SELECT 1 AS id, NULL::timestamptz AS seen_at) v;
SELECT part('group', v) IS NULL AS has_none FROM (SELECT 1 AS id, NULL::int AS customer) v;
-- a class that cannot be learnt
SELECT create_task('x', 'SELECT * FROM visit', 'churned AND part = ''test''', split => 'column(part)');
SELECT create_task('x', 'SELECT * FROM visit', 'churned AND part = ''train''', split => 'column(part)') > 0 AS made_with_warning;
-- times and keys that are read by reference, in more memory than one block
SELECT create_task('numerics', 'SELECT i AS id, i / 7.0 AS at, i % 3 AS x FROM generate_series(1, 30000) i', 'x = 0', key => '{id}', split => 'time(at)') > 0 AS made;
SELECT split_cuts FROM tasks WHERE name = 'numerics';
-- parts that are not alike, of two classes and of many
SELECT create_task('drift', 'SELECT * FROM visit', 'id % 97 > 70 - id / 20', split => 'time(seen_at)') > 0 AS made_with_warning;
SELECT create_task('drifts', 'SELECT id, part FROM visit', 'CASE WHEN part = ''valid'' THEN id % 11 % 5 ELSE id % 5 END', split => 'column(part)') > 0 AS made_with_warning;

SELECT drop_task(name) FROM tasks;
DROP SCHEMA split_test CASCADE;
