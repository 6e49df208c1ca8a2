-- create_task: what works, and what is refused with a word on what to do.
CREATE SCHEMA task_test;
SET search_path = task_test, cerebro;
SET client_min_messages = warning;

CREATE TABLE visit (
	id int PRIMARY KEY, customer int, city text, amount numeric(10, 2),
	note jsonb, churned boolean, grade text, stars int, seen_at timestamptz);
INSERT INTO visit
SELECT i, i % 97, 'city ' || i % 7, i * 1.5, '{}', i % 3 = 0,
	CASE i % 2 WHEN 0 THEN 'good' ELSE 'bad' END, i % 5,
	'2024-01-01 00:00+00'::timestamptz + i * interval '1 hour'
FROM generate_series(1, 2000) i;

-- the key is the primary key, the positive class is true
RESET client_min_messages;
SELECT create_task('churn', 'SELECT * FROM visit', 'churned') > 0 AS made;
SELECT name, label, classes, key, exclude, split, split_cuts, metric, relation, rows
FROM tasks WHERE name = 'churn';
SELECT n_rows, class_rows, octet_length(valid_labels) = 2 * (class_rows[2][1] + class_rows[2][2]) AS labels_fit
FROM data_version;
SELECT query FROM task WHERE name = 'churn';
SET client_min_messages = warning;

-- names that are taken, missing or too long
SELECT create_task('churn', 'SELECT * FROM visit', 'churned');
SELECT create_task('', 'SELECT * FROM visit', 'churned');
SELECT create_task(NULL, 'SELECT * FROM visit', 'churned');
SELECT create_task(repeat('n', 64), 'SELECT * FROM visit', 'churned');
SELECT create_task('x', NULL, 'churned');
SELECT create_task('x', 'SELECT * FROM visit', '');

-- names that would hurt if they were pasted into SQL
SELECT create_task('"; DROP TABLE visit; --', 'SELECT * FROM visit', 'churned') > 0 AS made;
SELECT create_task(repeat('ü', 31), 'SELECT * FROM visit', 'churned') > 0 AS made;
CREATE TABLE "we""ird; DROP" ("a ""b" int PRIMARY KEY, "SELECT" text, "Ünïcode ☃" boolean);
INSERT INTO "we""ird; DROP" SELECT i, i % 3, i % 2 = 0 FROM generate_series(1, 1000) i;
SELECT create_task('weird', 'SELECT * FROM "we""ird; DROP"', '"Ünïcode ☃"') > 0 AS made;
SELECT name, key, relation FROM tasks WHERE name IN ('weird', '"; DROP TABLE visit; --', repeat('ü', 31)) ORDER BY id;
SELECT count(*) FROM visit;

-- the source is one SELECT that only reads
SELECT create_task('x', 'SELECT * FROM visit; SELECT 1', 'churned');
SELECT create_task('x', ' ', 'churned');
SELECT create_task('x', 'DELETE FROM visit', 'churned');
SELECT create_task('x', 'SELECT * INTO copy FROM visit', 'churned');
SELECT create_task('x', 'SELECT * FROM visit FOR UPDATE', 'churned');
SELECT create_task('x', 'SELECT * FROM (SELECT * FROM visit FOR SHARE) v', 'churned');
SELECT create_task('x', 'WITH gone AS (DELETE FROM visit RETURNING *) SELECT * FROM gone', 'churned');
SELECT create_task('x', 'SELECT FROM visit', 'churned');
SELECT create_task('x', 'SELECT id, id FROM visit', 'churned');
SELECT create_task('x', 'SELECT * FROM visit WHERE id = $1', 'churned');
SELECT create_task('x', 'SELECT * FROM vist', 'churned');
SELECT create_task('x', 'SELECT * FRM visit', 'churned');

-- rows must not change between two readings
SELECT create_task('x', 'SELECT *, random() AS r FROM visit', 'churned');
SELECT create_task('x', 'SELECT * FROM visit TABLESAMPLE bernoulli (10)', 'churned');
SELECT create_task('x', 'SELECT * FROM visit', 'random() > 0.5');
CREATE VIEW dice AS SELECT *, random() AS r FROM visit;
SELECT create_task('x', 'SELECT * FROM dice', 'churned', key => '{id}');

-- the label is one expression
SELECT create_task('x', 'SELECT * FROM visit', 'churned, id');
SELECT create_task('x', 'SELECT * FROM visit', 'churned AS c');
SELECT create_task('x', 'SELECT * FROM visit', 'churned FROM visit');
SELECT create_task('x', 'SELECT * FROM visit', 'churned; DROP TABLE visit');
SELECT create_task('x', 'SELECT * FROM visit', '*');
SELECT create_task('x', 'SELECT * FROM visit', 'count(*) > 1');
SELECT create_task('x', 'SELECT * FROM visit', 'rank() OVER () > 1');
SELECT create_task('x', 'SELECT * FROM visit', 'generate_series(1, 2) = 1');
SELECT create_task('x', 'SELECT * FROM visit', '(SELECT true)');
SELECT create_task('x', 'SELECT * FROM visit', 'churn');

-- of a kind that tells classes
SELECT create_task('x', 'SELECT * FROM visit', 'amount');
SELECT create_task('x', 'SELECT * FROM visit', 'note');
SELECT create_task('x', 'SELECT * FROM visit', 'seen_at');
SELECT create_task('x', 'SELECT * FROM visit', 'grade');
SELECT create_task('x', 'SELECT * FROM visit', 'grade', positive => 'great');
SELECT create_task('x', 'SELECT * FROM visit', 'stars', positive => '1');
SELECT create_task('x', 'SELECT * FROM visit', 'id');
SELECT create_task('x', 'SELECT * FROM visit', 'true');
SELECT create_task('x', 'SELECT * FROM visit', 'grade = ''great''');
SELECT create_task('x', 'SELECT * FROM visit', 'NULL::boolean');
SELECT create_task('x', 'SELECT * FROM visit WHERE false', 'churned');
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
SELECT create_task('bool', 'SELECT * FROM visit', 'churned', positive => 'false') > 0 AS made;
SELECT create_task('text', 'SELECT * FROM visit', 'grade', positive => 'good') > 0 AS made;
SELECT create_task('zero', 'SELECT * FROM visit', '(stars = 1)::int') > 0 AS made;
SELECT create_task('many', 'SELECT * FROM visit', '-stars') > 0 AS made;
SELECT create_task('enum', 'SELECT * FROM visit', 'CASE WHEN stars < 2 THEN ''sad'' WHEN stars < 4 THEN ''happy'' END::mood', positive => 'sad') > 0 AS made;
SELECT name, classes, rows FROM tasks WHERE name IN ('bool', 'text', 'zero', 'many', 'enum') ORDER BY id;

-- the key identifies a row
SELECT create_task('x', 'SELECT city, churned FROM visit', 'churned');
SELECT create_task('x', 'SELECT * FROM visit', 'churned', key => '{customer}');
SELECT create_task('x', 'SELECT * FROM visit', 'churned', key => '{idd}');
SELECT create_task('x', 'SELECT * FROM visit', 'churned', key => '{id,id}');
SELECT create_task('x', 'SELECT * FROM visit', 'churned', key => '{id,NULL}');
SELECT create_task('x', 'SELECT nullif(id, 7) AS id, churned FROM visit', 'churned', key => '{id}');
SELECT create_task('key', 'SELECT * FROM visit', 'churned', key => '{CUSTOMER,"city","seen_at"}') > 0 AS made;
SELECT key FROM tasks WHERE name = 'key';

-- exclude, metric
SELECT create_task('x', 'SELECT * FROM visit', 'churned', exclude => '{amuont}');
SELECT create_task('x', 'SELECT * FROM visit', 'churned', metric => 'loss');
SELECT create_task('none', 'SELECT * FROM visit', 'churned', key => NULL, exclude => NULL, as_of => NULL) > 0 AS made;
SELECT drop_task('none');
SELECT create_task('x', 'SELECT * FROM visit', 'churned', split => NULL);
SELECT create_task('out', 'SELECT * FROM visit', 'churned', exclude => '{Amount,note}', metric => 'auc',
	as_of => 'seen_at', label_known => 'seen_at + interval ''30 days''') > 0 AS made;
SELECT exclude, metric, as_of, label_known FROM task WHERE name = 'out';

SELECT create_task('x', 'SELECT * FROM visit', 'churned', as_of => 'stars');
SELECT create_task('x', 'SELECT * FROM visit', 'churned', label_known => 'seen_att');
SELECT create_task('x', 'SELECT * FROM visit', 'churned', as_of => 'seen_at', label_known => 'seen_at + random() * interval ''1 day''');

-- many classes, few rows of some: one warning a part
SELECT create_task('rare', 'SELECT * FROM visit WHERE id <= 1000', 'id / 4') > 0 AS made;

-- unlabelled rows are left out, and it is said
RESET client_min_messages;
SELECT create_task('some', 'SELECT * FROM visit', 'CASE WHEN stars < 3 THEN churned END') > 0 AS made;
SET client_min_messages = warning;

-- which sources are over one relation
CREATE VIEW visits AS SELECT * FROM visit;
CREATE FUNCTION relation_of(source text) RETURNS regclass LANGUAGE plpgsql AS $$
DECLARE
	found regclass;
BEGIN
	PERFORM cerebro.create_task('of', source, 'churned', key => '{id}');
	SELECT t.relation INTO found FROM cerebro.task t WHERE t.name = 'of';
	PERFORM cerebro.drop_task('of');
	RETURN found;
END $$;
SELECT source, relation_of(source) FROM (VALUES
	('SELECT * FROM visit'),
	('SELECT * FROM visits v WHERE v.stars > 0'),
	('SELECT id, upper(city) AS town, churned FROM visit'),
	('SELECT * FROM visit ORDER BY id'),
	('SELECT * FROM visit LIMIT 1500'),
	('SELECT DISTINCT id, churned FROM visit'),
	('SELECT id, bool_or(churned) AS churned FROM visit GROUP BY id'),
	('SELECT *, row_number() OVER (ORDER BY id) AS n FROM visit'),
	('SELECT v.* FROM visit v JOIN visit w USING (id)'),
	('SELECT * FROM visit UNION ALL SELECT * FROM visit WHERE false'),
	('WITH w AS (SELECT * FROM visit) SELECT * FROM w'),
	('SELECT *, (SELECT 1) AS one FROM visit'),
	('SELECT i AS id, i % 2 = 0 AS churned FROM generate_series(1, 2000) i')) s (source);

-- other shapes of sources, and columns named like what the task adds
CREATE TABLE named (id int PRIMARY KEY, label int, "key 1" int, source text, split text, l boolean);
INSERT INTO named SELECT i, i % 5, i % 7, 's' || i % 3, 'x', i % 2 = 0 FROM generate_series(1, 1000) i;
SELECT create_task('named', 'SELECT * FROM named ORDER BY -id', 'source.l AND label > 1', key => '{id,label,"key 1"}', split => 'group(source)') > 0 AS made;
SELECT count(DISTINCT part('named', n)) FROM named n;
SELECT create_task('table', 'TABLE named', 'l') > 0 AS made;
SELECT create_task('recursive', 'WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 1000) SELECT i, i % 2 = 0 AS l FROM r', 'l', key => '{i}') > 0 AS made;
SELECT create_task('values', 'VALUES (1, true), (2, false), (3, true), (4, false), (5, true)', 'column2', key => '{column1}', split => 'random(0.1, 0.1, 0.8)');
SELECT name, relation, rows FROM tasks WHERE name IN ('named', 'table', 'recursive') ORDER BY id;
-- what a view computes is not computed under the task's settings when a row of it is scored
CREATE VIEW named_at AS SELECT id, l, to_timestamp(id * 3600) AS at FROM named;
CREATE VIEW named_hour AS SELECT id, l, at, extract(hour FROM at) AS hour FROM named_at;
CREATE VIEW named_over AS SELECT id, l, hour FROM named_hour WHERE at < now();
CREATE VIEW named_utc AS SELECT id, l, extract(hour FROM at AT TIME ZONE 'UTC') AS hour FROM named_at WHERE at < now();
SELECT create_task('hour', 'SELECT * FROM named_hour', 'l', key => '{id}') > 0 AS made;
SELECT create_task('over', 'SELECT * FROM named_over', 'l', key => '{id}') > 0 AS made;
SELECT create_task('own', 'SELECT id, l, extract(hour FROM at) AS hour FROM named_at', 'l', key => '{id}') > 0 AS made;
SELECT create_task('utc', 'SELECT * FROM named_utc', 'l', key => '{id}') > 0 AS made;

-- whatever goes wrong, the session's role and settings come back
BEGIN;
SAVEPOINT before;
SELECT create_task('x', 'SELECT * FROM nothing', 'l');
ROLLBACK TO before;
SELECT drop_task('nothing');
ROLLBACK TO before;
SELECT current_user = session_user AS same_role, current_setting('search_path');
ROLLBACK;

-- removed with all that hangs on it
SELECT drop_task('none');
SELECT drop_task('chrun');
SELECT drop_task('churn');
SELECT count(*) FROM tasks WHERE name = 'churn';
SELECT drop_task(name) FROM tasks;
SELECT count(*) FROM data_version;
DROP SCHEMA task_test CASCADE;

-- a name alone is no query
SELECT cerebro.create_task('by_name', 'pg_class', 'relkind');
SELECT cerebro.create_task('by_name', 'SELEC 1', 'relkind');
