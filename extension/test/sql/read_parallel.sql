-- Rows that parallel workers read and code are the rows that one process reads.
CREATE SCHEMA read_parallel_test;
SET search_path = read_parallel_test, cerebro;
SET client_min_messages = warning;
SET cerebro.reuse = off;
SET cerebro.plan_extract = off;

-- labels and parts of every way to pass values; most texts once; NULLs; a column twice, as key and as feature
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE wide AS
SELECT i AS id, (ARRAY['no', 'yes', 'a longer label, which takes more than a few bytes'])[1 + i % 3] AS said,
	i % 3 = 0 AS l, ((i * 7919) % 1000)::int2 AS small, CASE WHEN i % 11 > 0 THEN i::float8 / 7 END AS number,
	'value ' || i % 5000 AS many, CASE WHEN i % 7 > 0 THEN (ARRAY['sad', 'ok', 'happy'])[1 + i % 3]::mood END AS mood,
	(i % 97)::numeric / 10 AS exact, CASE i % 5 WHEN 0 THEN 'valid' WHEN 1 THEN 'test' ELSE 'train' END AS part,
	repeat('x', CASE WHEN i % 4000 = 0 THEN 30000 ELSE i % 3 END) AS long
FROM generate_series(1, 20000) i;
ALTER TABLE wide ADD PRIMARY KEY (id);
ANALYZE wide;
SELECT create_task('bools', 'SELECT * FROM wide', 'l') > 0 AS made;
SELECT create_task('texts', 'SELECT * FROM wide', 'said', split => 'column(part)') > 0 AS made;
SELECT create_task('moods', 'SELECT * FROM wide', 'mood', split => 'group(many)') > 0 AS made; -- some without

-- as it is said, with which settings
CREATE FUNCTION learnt(task text, workers int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	model int;
	told text;
BEGIN
	PERFORM set_config('max_parallel_workers_per_gather', workers::text, true);
	PERFORM set_config('parallel_leader_participation', (workers % 2 = 1)::text, true);
	PERFORM set_config('parallel_setup_cost', '0', true), set_config('min_parallel_table_scan_size', '0', true);
	model := cerebro.train(task, 'FE small, number, many, part, exact, long, id AS mlp(8) PT epochs = 2, seed = 1');
	SELECT concat_ws(' ', m.valid_log_loss, m.valid_auc, m.valid_accuracy, d.class_rows, d.row_hash) INTO told
	FROM cerebro.model m, cerebro.data_version d WHERE m.id = model AND d.id = m.data_version;
	RETURN told;
END $$;
SELECT task, learnt(task, 0) = learnt(task, 2) AS alike, learnt(task, 0) = learnt(task, 1) AS alike_beside
FROM unnest('{bools,texts,moods}'::text[]) task;

-- what a row lacks is told as by one process
ALTER TABLE wide DROP CONSTRAINT wide_pkey;
ALTER TABLE wide ALTER id DROP NOT NULL;
UPDATE wide SET id = NULL WHERE id = 19999;
SELECT learnt('bools', 2);
UPDATE wide SET id = 19999, said = 'never' WHERE id IS NULL;
SELECT learnt('texts', 2);
UPDATE wide SET said = 'no', part = NULL WHERE id = 19999;
SELECT learnt('texts', 2);

SET client_min_messages = error;
SELECT drop_task('bools'), drop_task('texts'), drop_task('moods');
DROP SCHEMA read_parallel_test CASCADE;
