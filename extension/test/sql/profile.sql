-- What the columns of a task look like.
CREATE SCHEMA profile_test;
SET search_path = profile_test, cerebro;
SET TimeZone = 'UTC';
SET client_min_messages = warning;

CREATE TABLE visit (
	id int PRIMARY KEY, customer int, city text, zip text, amount float8, later float8,
	note jsonb, tags text[], same int, churned boolean);
INSERT INTO visit
SELECT i, i % 50, 'city ' || i % 7, 'zip ' || i % 7,
	CASE WHEN i % 4 = 0 THEN NULL WHEN i % 40 = 1 THEN 'NaN'::float8 WHEN i % 40 = 2 THEN 'inf' ELSE i END,
	CASE WHEN i % 3 = 0 THEN 100 ELSE 1 END, '{}', '{a}', 7, i % 3 = 0
FROM generate_series(1, 2000) i;

SELECT create_task('churn', 'SELECT * FROM visit', 'churned') > 0 AS made;
SELECT column_name, type, used_as, n_distinct, round(missing::numeric, 1) AS missing, association > 0.5 AS tells
FROM profile('churn');
SELECT column_name, note FROM profile('churn') WHERE note IS NOT NULL;

-- it stays with the data version, until it is made anew or the rows change
SELECT count(*) FROM column_profile;
ALTER TABLE visit ALTER city TYPE varchar(10);
SELECT type FROM profile('churn') WHERE column_name = 'city';
SELECT type FROM profile('churn', refresh => true) WHERE column_name = 'city';
RESET client_min_messages;
DELETE FROM visit WHERE id > 1900;
SELECT count(*) FROM profile('churn');
SET client_min_messages = warning;
SELECT count(*), count(DISTINCT data_version) FROM column_profile;

-- rows of the test part are not looked at
SELECT create_task('sealed', 'SELECT *, CASE WHEN part = ''test'' THEN ''seen'' ELSE ''x'' || id % 2 END AS peek
	FROM (SELECT *, CASE WHEN id < 1000 THEN ''train'' WHEN id < 1500 THEN ''valid'' ELSE ''test'' END AS part FROM visit) v',
	'churned', key => '{id}', split => 'column(part)') > 0 AS made;
SELECT column_name, used_as, n_distinct FROM profile('sealed') WHERE column_name IN ('peek', 'part');

-- more than two classes; columns named or excluded
SELECT create_task('many', 'SELECT * FROM visit', 'id % 10', key => '{customer,id}', exclude => '{later}') > 0 AS made;
SELECT column_name, used_as FROM profile('many');
SELECT note FROM profile('many') WHERE used_as = 'label' AND column_name = 'id % 10';

-- a key is proposed
SELECT create_task('x', 'SELECT customer, city, later, churned FROM visit', 'churned');
SELECT create_task('x', 'SELECT i % 40 AS a, i / 40 AS b, i % 7 AS c, i % 3 = 0 AS l FROM generate_series(1, 1000) i', 'l');
SELECT create_task('x', 'SELECT i % 40 AS a, i / 40 AS b, i % 7 AS c, i % 3 = 0 AS l FROM generate_series(1, 1000) i', 'l', key => '{a,c}');

SELECT * FROM profile('none');
SELECT * FROM profile(NULL);

-- what it reads is gone: the profile stays
CREATE TABLE brief AS SELECT i AS id, i % 5 AS five, i % 3 = 0 AS l FROM generate_series(1, 1000) i;
SELECT create_task('brief', 'SELECT * FROM brief', 'l', key => '{id}') > 0 AS made;
CREATE TABLE told AS SELECT * FROM profile('brief');
ALTER TABLE brief DROP five;
RESET client_min_messages;
-- the detail names a data version, which is not the same each time
\set VERBOSITY terse
SELECT count(*) FROM (TABLE told EXCEPT SELECT * FROM profile('brief')) x;
SELECT count(*) FROM profile('brief', refresh => true);
DROP TABLE brief;
SELECT column_name, used_as FROM profile('brief');
\set VERBOSITY default
CREATE TABLE brief AS SELECT i AS id, i % 3 = 0 AS l FROM generate_series(1, 1000) i;
SELECT create_task('never', 'SELECT * FROM brief', 'l', key => '{id}') > 0 AS made;
DROP TABLE brief;
\set VERBOSITY terse
-- as it was when the task was made
SELECT * FROM profile('never');
\set VERBOSITY default
-- but columns that cannot be read
CREATE TABLE brief AS SELECT i AS id, i % 3 = 0 AS l FROM generate_series(1, 1000) i;
SELECT create_task('fails', 'SELECT id, l, 1 / (id - 7) AS x FROM brief', 'l', key => '{id}') > 0 AS made;
SELECT count(*) FROM profile('fails');
UPDATE brief SET id = 1001 WHERE id = 7;
SELECT count(*) FROM profile('fails');
SET client_min_messages = warning;

-- rows of the very time of the prediction, where a reference has the time
CREATE TABLE weather (place int, at timestamptz, wind int, PRIMARY KEY (place, at));
CREATE TABLE flight (id int PRIMARY KEY, place int, at timestamptz, l boolean, FOREIGN KEY (place, at) REFERENCES weather);
INSERT INTO weather SELECT i % 5, '2026-01-01'::timestamptz + i / 5 * interval '1 hour', i % 11 FROM generate_series(0, 999) i;
INSERT INTO flight SELECT i, i % 5, '2026-01-01'::timestamptz + i / 5 * interval '1 hour', i % 3 = 0 FROM generate_series(0, 999) i;
SELECT create_task('timed', 'SELECT * FROM flight', 'l', as_of => 'at') > 0 AS made;
SELECT create_task('timeless', 'SELECT * FROM flight', 'l') > 0 AS made;
SELECT count(*) FROM profile('timed');
SELECT set_time('weather', 'at');
SELECT count(*) FROM profile('timed');
SELECT count(*) FROM profile('timeless');
-- through a view, and where a column of the reference is not there
CREATE VIEW flown AS SELECT id, f.place, at, l FROM flight f;
SELECT create_task('seen', 'SELECT * FROM flown', 'l', key => '{id}', as_of => 'at') > 0 AS made;
SELECT create_task('apart', 'SELECT id, place + 0 AS place, at, l FROM flight', 'l', key => '{id}', as_of => 'at') > 0 AS made;
SELECT count(*) FROM profile('seen');
SELECT count(*) FROM profile('apart');
SELECT set_time('weather', NULL);
-- a read-only transaction tells what was kept
BEGIN READ ONLY;
SELECT count(*) FROM profile('apart');
SAVEPOINT s;
SELECT count(*) FROM profile('apart', refresh => true);
ROLLBACK TO s;
SELECT count(*) FROM profile('nowhere');
ROLLBACK;
SELECT drop_task(name) FROM tasks;
SELECT count(*) FROM column_profile;
DROP SCHEMA profile_test CASCADE;
