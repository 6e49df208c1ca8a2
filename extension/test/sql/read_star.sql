-- Joins that the node which codes rows does itself find what PostgreSQL's joins find.
CREATE SCHEMA read_star_test;
SET search_path = read_star_test, cerebro;
SET client_min_messages = warning;
SET cerebro.reuse = off;
SET cerebro.plan_extract = off;
SET jit = off;
SET log_temp_files = -1;

-- keys of all sorts: texts short and long, two types, two columns, by operator, of a joined row, an expression
CREATE TABLE region (name text PRIMARY KEY, wealth float8, climate text, half text NOT NULL);
INSERT INTO region SELECT 'region with a long name, number ' || i, i * 1.5, CASE WHEN i % 3 > 0 THEN 'climate ' || i % 3 END,
	'half ' || i % 2
FROM generate_series(1, 12) i;
CREATE TABLE shop (id int PRIMARY KEY, region text, size int2, opened date, owner varchar(20), kind bool);
INSERT INTO shop SELECT i, CASE WHEN i % 7 > 0 THEN 'region with a long name, number ' || i % 14 END, i % 50,
	CASE WHEN i % 5 > 0 THEN date '2001-01-01' + i END, 'o' || i % 400, i % 2 = 0
FROM generate_series(1, 700) i;
CREATE TABLE weather (place varchar(9), day date, sun float8, wind numeric, PRIMARY KEY (place, day));
INSERT INTO weather SELECT 'p' || i % 5, date '2020-01-01' + i / 5, CASE WHEN i % 9 > 0 THEN i % 24 END, i / 3.0
FROM generate_series(0, 1500) i;
CREATE TABLE price (code numeric PRIMARY KEY, cost float4);
INSERT INTO price SELECT i / 4.0, i FROM generate_series(1, 40) i;
CREATE TABLE brand (name char(12) PRIMARY KEY, fame int8);
INSERT INTO brand SELECT 'Brand ' || i, i * 10 FROM generate_series(1, 20) i;
CREATE TABLE sale AS SELECT i AS id, CASE WHEN i % 13 > 0 THEN (i * 7919 % 800)::int8 END AS shop, 'p' || i % 6 AS place,
	timestamp '2020-01-01' + i * interval '37 minutes' AS at, CASE WHEN i % 6 > 0 THEN (i % 50) / 4.0 END AS code,
	('Brand ' || i % 25)::char(15) AS brand, i % 17 AS amount, i % 3 = 0 AS returned
FROM generate_series(1, 20000) i;
ALTER TABLE sale ADD PRIMARY KEY (id);
ANALYZE;
CREATE VIEW outer_joins AS
SELECT s.id, s.amount, s.amount + coalesce(h.size, 0) AS both_sizes, s.returned, h.region, h.size, h.opened, h.owner, h.kind,
	r.wealth, r.climate, r.half, w.sun, w.wind, p.cost, b.fame, h.size AS size_again
FROM sale s LEFT JOIN shop h ON h.id = s.shop LEFT JOIN region r ON r.name = h.region
LEFT JOIN weather w ON w.place = s.place AND w.day = s.at::date
LEFT JOIN price p ON p.code = s.code LEFT JOIN brand b ON b.name = s.brand;
CREATE VIEW inner_joins AS
SELECT s.id, s.amount, h.id AS shop, h.kind, h.size, h.owner, r.half, r.wealth, w.sun
FROM sale s JOIN shop h ON h.id = s.shop JOIN region r ON r.name = h.region
LEFT JOIN weather w ON w.place = s.place AND w.day = s.at::date;
SELECT create_task('sales', 'SELECT * FROM outer_joins', 'returned', key => '{id}') > 0 AS made;
SELECT create_task('kinds', 'SELECT * FROM inner_joins', 'kind', key => '{id,shop}', split => 'group(owner)') > 0 AS made;

-- as it is said, with which settings; without hash joins no join is the node's
CREATE FUNCTION join_with(workers int, hash bool) RETURNS void LANGUAGE sql
BEGIN ATOMIC
	SELECT set_config('max_parallel_workers_per_gather', workers::text, true),
		set_config('parallel_leader_participation', (workers % 2 = 1)::text, true),
		set_config('parallel_setup_cost', '0', true), set_config('min_parallel_table_scan_size', '0', true),
		set_config('enable_hashjoin', hash::text, true), set_config('enable_mergejoin', (NOT hash)::text, true),
		set_config('enable_nestloop', (NOT hash)::text, true), set_config('enable_parallel_hash', 'off', true);
END;
CREATE FUNCTION learnt(task text, workers int, hash bool) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	model int;
	told text;
BEGIN
	PERFORM join_with(workers, hash);
	model := cerebro.train(task, 'FE * AS mlp(8) PT epochs = 2, seed = 1');
	SELECT concat_ws(' ', m.valid_log_loss, m.valid_auc, m.valid_accuracy, d.class_rows, d.row_hash) INTO told
	FROM cerebro.model m, cerebro.data_version d WHERE m.id = model AND d.id = m.data_version;
	RETURN told;
END $$;
-- the test part is read of the newest model's task
CREATE FUNCTION tested(task text, workers int, hash bool) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
	PERFORM join_with(workers, hash);
	RETURN cerebro.evaluate((SELECT max(m.id) FROM cerebro.models m WHERE m.task = tested.task)) IS NOT NULL;
END $$;
SELECT task, learnt(task, 0, true) = learnt(task, 0, false) AS alike, learnt(task, 1, true) = learnt(task, 0, false) AS alike_beside,
	learnt(task, 2, true) = learnt(task, 0, false) AS alike_in_workers
FROM unnest('{sales,kinds}'::text[]) task;

-- how many joins are the node's, alone and below a Gather; a table that is too large for a hash table is PostgreSQL's
SELECT create_task('regions', 'SELECT s.id, s.returned, r.wealth FROM read_star_test.sale s LEFT JOIN read_star_test.region r ON r.name = s.place', 'returned',
	key => '{id}') > 0 AS made;
SELECT learnt('regions', 0, true) IS NOT NULL AS learnt;
SET client_min_messages = debug1;
SELECT tested('sales', 0, true);
SELECT tested('kinds', 1, true);
SELECT tested('kinds', 1, false);
SELECT tested('regions', 1, true);
INSERT INTO region SELECT 'never ' || i, 0, repeat('x', 1000), 'half 0' FROM generate_series(1, 1000) i;
ANALYZE region;
SET work_mem = '256kB';
SELECT tested('regions', 1, true);
RESET work_mem;

-- an error of an expression is said as ever
SET client_min_messages = error;
SELECT create_task('split', 'SELECT s.id, s.returned, h.size, 100 / (h.size - 49) AS part FROM read_star_test.sale s LEFT JOIN read_star_test.shop h ON h.id = s.shop AND h.size = 49',
	'returned', key => '{id}') > 0 AS made;
SELECT learnt('split', 0, true);
SELECT drop_task('sales'), drop_task('kinds'), drop_task('regions'), drop_task('split');
DROP SCHEMA read_star_test CASCADE;
