-- Columns of arrays as series of elements: convolutions, recurrent layers,
-- attention; rows of a child table as arrays by their parent.
\getenv abs_srcdir PG_ABS_SRCDIR
SET client_min_messages = warning;
CREATE ROLE regress_sequence_owner;
CREATE SCHEMA sequence AUTHORIZATION regress_sequence_owner;
SET SESSION AUTHORIZATION regress_sequence_owner;
SET search_path = sequence;
\i :abs_srcdir/../lib/trips.sql

-- late where readings rise: the order of the elements tells, not their values
CREATE TABLE runs (id integer PRIMARY KEY, hour smallint, readings real[], is_rising boolean, tags text[], grid integer[]);
INSERT INTO runs
	SELECT id, id % 24, array_agg((value)::real ORDER BY CASE WHEN is_rising THEN value ELSE -value END), is_rising,
		ARRAY['a', 'b'], array_agg(k)
	FROM (SELECT id, k, id * 7919 % 13 > 5 AS is_rising, (id * 31 * k) % 101 / 10.0 + k / 1000.0 AS value
		FROM generate_series(1, 3000) id, generate_series(1, 3 + id % 6) k) v
	GROUP BY id, is_rising;
UPDATE runs SET readings = NULL WHERE id % 50 = 0;
UPDATE runs SET readings[2] = NULL WHERE id % 70 = 1;
ANALYZE runs;
SELECT cerebro.create_task('runs', source => 'SELECT * FROM runs', label => 'is_rising') > 0 AS made;

CREATE TABLE triples (name text PRIMARY KEY, triple text, model integer);
INSERT INTO triples (name, triple) VALUES
	('conv', 'FE hour, readings : sequence(8) AS conv(8, 8) PT lr = 0.02'),
	('gru', 'FE readings : sequence(8) AS recurrent(12, token = 6) PT lr = 0.02'),
	('lstm', 'FE readings : sequence(8) AS series(6) > lstm(12) > pool(last) PT lr = 0.02'),
	('conv2d', 'FE readings : sequence(8) AS series(6) > conv2d(8, 3, rows = 2) > relu > flatten PT lr = 0.02'),
	('transformer', 'FE readings : sequence(8) AS transformer(1, 8, heads = 2, hidden = 16) PT lr = 0.01'),
	('mlp', 'FE readings : sequence(8) AS mlp(16) PT lr = 0.02'),
	('expression', 'FE doubled = (ARRAY[readings[1] * 2, readings[2], readings[3]]) : sequence(3) AS mlp(8) PT lr = 0.02');
UPDATE triples SET model = cerebro.train('runs', triple || ', epochs = 8, batch = 128, patience = 0, dropout = 0, seed = 3');
SELECT name, valid_auc > 0.97 AS ranks FROM triples JOIN cerebro.model m ON m.id = model ORDER BY name;
SELECT name FROM cerebro.model_part WHERE model = (SELECT model FROM triples WHERE name = 'gru') AND kind = 'encoder' ORDER BY ordinal;

-- as batches or row by row, whatever is missing
CREATE TABLE scores AS SELECT name, id, cerebro.predict(model, r) AS p FROM triples, runs r WHERE id <= 200;
SELECT name, count(DISTINCT p) > 20 AS differ,
	bool_and(p = (SELECT cerebro.predict(model, r) FROM runs r WHERE r.id = s.id)) AS alike
FROM scores s JOIN triples USING (name) GROUP BY name ORDER BY name;
-- elements beyond the eighth are not seen, nor arrays of several dimensions
SELECT name,
	cerebro.predict(model, ROW(1, 1, '{1,2,3,4,5,6,7,8}'::real[], true, NULL, NULL)::runs)
	= cerebro.predict(model, ROW(1, 1, '{1,2,3,4,5,6,7,8,-9}'::real[], true, NULL, NULL)::runs) AS is_cut,
	cerebro.predict(model, ROW(1, 1, '{}'::real[], true, NULL, NULL)::runs)
	= cerebro.predict(model, ROW(1, 1, NULL, true, NULL, NULL)::runs) AS is_empty,
	cerebro.predict(model, ROW(1, 1, '{{1,2},{3,4}}'::real[], true, NULL, NULL)::runs)
	= cerebro.predict(model, ROW(1, 1, NULL, true, NULL, NULL)::runs) AS has_one_dimension
FROM triples WHERE name = 'gru';

SELECT refused($$SELECT cerebro.train('runs', 'FE readings AS mlp(8)')$$);
SELECT refused($$SELECT cerebro.train('runs', 'FE tags : sequence(2) AS mlp(8)')$$);
SELECT refused($$SELECT cerebro.train('runs', 'FE hour : sequence(2) AS mlp(8)')$$);
SELECT refused($$SELECT cerebro.train('runs', 'FE rings : sequence(2) AS mlp(8)')$$);
SELECT refused($$SELECT cerebro.train('runs', 'FE readings : sequence(8) AS series(4) > conv2d(4, 3, rows = 3) > pool(max)')$$);

-- what no layer would take is told
SELECT refused($$SELECT cerebro.train('runs', 'FE hour, readings : sequence(8) AS series(4) > gru(4) > pool(last)')$$);

-- a learnt aggregate of child rows
CREATE TABLE legs (run integer NOT NULL REFERENCES runs, at integer, speed real, height real);
INSERT INTO legs SELECT id, k, (id * 31 * k) % 101 / 10.0, CASE WHEN is_rising = (id * 31 * k % 101 > 50) THEN 1 ELSE 0 END
	FROM runs, generate_series(1, 1 + id % 5) k WHERE id % 9 > 0;
CREATE INDEX ON legs (run);
ANALYZE legs;
INSERT INTO triples
	SELECT 'rows ' || pool, format('FE AGGREGATE legs (speed = array_agg(speed ORDER BY at), height = array_agg(height ORDER BY at)),'
		' legs.speed : sequence(5), legs.height : sequence(5) AS pool_rows(legs, mlp(16, 16), %s) > mlp(8) PT lr = 0.02', pool)
	FROM unnest('{mean,max,attention}'::text[]) pool;
UPDATE triples SET model = cerebro.train('runs', triple || ', epochs = 8, batch = 128, patience = 0, dropout = 0, seed = 3') WHERE name LIKE 'rows%';
SELECT name, valid_auc > 0.9 AS ranks FROM triples JOIN cerebro.model m ON m.id = model WHERE name LIKE 'rows%' ORDER BY name;
CREATE TABLE row_scores AS SELECT name, id, cerebro.predict(model, r) AS p FROM triples, runs r WHERE id <= 200 AND name LIKE 'rows%';
SELECT name, count(DISTINCT p) > 20 AS differ,
	bool_and(p = (SELECT cerebro.predict(model, r) FROM runs r WHERE r.id = s.id)) AS alike
FROM row_scores s JOIN triples USING (name) GROUP BY name ORDER BY name;
SELECT name FROM cerebro.model_part WHERE model = (SELECT model FROM triples WHERE name = 'rows attention') AND kind = 'tensor' ORDER BY name;
SELECT node, inputs, operator, path, detail, shape, parameters FROM cerebro.graph((SELECT model FROM triples WHERE name = 'rows attention'));
SELECT node, inputs, operator, path, detail, shape, parameters FROM cerebro.graph((SELECT model FROM triples WHERE name = 'lstm')) WHERE operator <> 'sequence';
SELECT refused($$SELECT cerebro.train('runs', 'FE hour, AGGREGATE legs (speed = array_agg(speed ORDER BY at)), legs.speed : sequence(5) AS pool_rows(legs, mlp(8), mean)')$$);
SELECT refused($$SELECT cerebro.train('runs', 'FE hour, AGGREGATE legs (n = count(*)) AS pool_rows(legs, mlp(8), mean)')$$);

RESET SESSION AUTHORIZATION;
SET client_min_messages = error;
SELECT name, cerebro.drop_task(name) FROM cerebro.tasks WHERE owner = 'regress_sequence_owner'::regrole ORDER BY id;
DROP SCHEMA sequence CASCADE;
DROP ROLE regress_sequence_owner;
