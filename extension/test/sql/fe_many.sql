-- Tables of many rows: a JOIN that finds several names them, whatever memory the
-- search took; what a missing index costs is told.

SET search_path = public, cerebro;
SET client_min_messages = warning;
CREATE TABLE visit AS
	SELECT i AS id, repeat(md5((i % 9000)::text), 2) AS city, (i % 9000) / 7.0 AS price, i % 3 = 0 AS late FROM generate_series(1, 20000) i;
ALTER TABLE visit ADD PRIMARY KEY (id);
-- the one that is there twice comes late, after a long search
CREATE TABLE town AS
	SELECT repeat(md5(i::text), 2) AS city, i / 7.0 AS price, repeat('note ', 200) || i AS note, i % 5 AS size FROM generate_series(0, 8999) i;
INSERT INTO town SELECT city, price, note, 7 FROM town WHERE price = 8999 / 7.0;
ANALYZE visit, town;
SELECT create_task('late', source => 'SELECT * FROM visit', label => 'late') > 0 AS made;
SET work_mem = '64kB'; -- sorts and hashes of many blocks
SELECT train('late', 'FE JOIN town USING (city, price), town.size AS mlp(4) PT epochs = 1');
SET enable_hashagg = off;
SELECT train('late', 'FE JOIN town USING (city, price), town.size AS mlp(4) PT epochs = 1');
SET enable_sort = off;
RESET enable_hashagg;
SET work_mem = '64MB';
SELECT train('late', 'FE JOIN town USING (city, price), town.size AS mlp(4) PT epochs = 1');
-- without it all is well, in the same session
DELETE FROM town WHERE size = 7;
SELECT train('late', 'FE JOIN town USING (city, price), town.size AS mlp(4) PT epochs = 1') > 0 AS trained;
-- what fails in an expression is told with its feature
SELECT train('late', 'FE hundred = (100 / (id - 77)), id AS mlp(4) PT epochs = 1');
SELECT count(*) FROM graph('FE hundred = (100 / (id - 77)), id AS mlp(4)', 'late');
SELECT drop_task('late');

-- rows of a table without an index: told where each row of the source looks for its own, not where one pass groups them
ALTER TABLE visit ADD COLUMN at timestamp NOT NULL DEFAULT '2024-01-02';
CREATE TABLE note AS SELECT i AS id, i AS visit_id, timestamp '2024-01-01' AS written FROM generate_series(1, 1000) i;
ANALYZE note;
SELECT create_task('late', source => 'SELECT * FROM visit WHERE id <= 2000', label => 'late', key => '{id}', as_of => 'at') > 0 AS made;
SELECT add_relationship('note', '{visit_id}', 'visit', '{id}') IS NOT NULL AS added;
SET client_min_messages = notice;
SELECT count(*) > 0 AS planned FROM explain_train('late', 'FE AGGREGATE note (n = count(*)) AS mlp(4) PT epochs = 1');
SELECT set_time('note', 'written');
SELECT count(*) > 0 AS planned FROM explain_train('late', 'FE AGGREGATE note (n = count(*)) AS mlp(4) PT epochs = 1');
SELECT drop_task('late');
DROP TABLE visit, town, note;
