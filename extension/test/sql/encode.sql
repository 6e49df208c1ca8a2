-- encoders: every one in training and in scoring, and what rows choose
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_encode_owner;
CREATE SCHEMA encode AUTHORIZATION regress_encode_owner;
SET SESSION AUTHORIZATION regress_encode_owner;
SET search_path = encode, cerebro;

-- departures are late in the evening and on Fridays, and by code in a way that bins cannot tell; words of the note tell, too
CREATE TABLE trips (id integer PRIMARY KEY, departed timestamp, day date, at time, code integer, price float8, note text, maker text, late boolean);
INSERT INTO trips
	SELECT i, t, t::date, t::time, code, CASE WHEN i % 17 > 0 THEN exp((i * 37 % 101) / 20.0) - 3 END,
		CASE WHEN i % 13 > 0 THEN (ARRAY['Fog on field', 'clear sky', 'SNOW and fog', 'light rain', ''])[1 + i * 7 % 5] END, 'maker ' || i * 31 % 900,
		(extract(hour FROM t) > 17)::int + (extract(dow FROM t) = 5)::int + (hashint4(code) % 2 = 0)::int + (i * 7 % 5 IN (0, 2))::int + i % 3 / 2 > 2
	FROM (SELECT i, timestamp '2023-03-01' + i * interval '191 minutes' AS t, i * 7919 % 400 AS code FROM generate_series(1, 6000) i) s;
SELECT create_task('encode', source => 'SELECT * FROM encode.trips', label => 'late', key => '{id}') > 0 AS made;

-- what the rows choose is seen in the graph of the model
SELECT train('encode', 'PT epochs = 2, seed = 1') AS model \gset
SELECT operator, path, detail, shape FROM graph(:model) WHERE path LIKE 'FE.%' ORDER BY node;

-- every encoder: scores of rows alone, together and by evaluate come from the same values
CREATE FUNCTION try(fe text, structure text DEFAULT 'mlp(8)') RETURNS TABLE (n bigint, same boolean, n_scores bigint) LANGUAGE plpgsql AS $$
DECLARE
	model integer := cerebro.train('encode', format('%s AS %s PT epochs = 1, batch = 64', fe, structure));
BEGIN
	RETURN QUERY SELECT count(*), bool_and(one = many), count(DISTINCT many) FROM
		(SELECT t.id, cerebro.predict(model, t) AS many FROM encode.trips t) s
		JOIN LATERAL (SELECT cerebro.predict(model, (SELECT t FROM encode.trips t WHERE t.id = s.id)) AS one) o ON s.id % 60 = 0;
END $$;
SELECT fe, same, n_scores > 1 AS varied FROM unnest(ARRAY[
	'FE price : log', 'FE price : bins', 'FE price : bins(4) + robust', 'FE price : ple(8, d = 4)', 'FE price : periodic(8, 4)', 'FE price : pbld',
	'FE code : hash(64, 4)', 'FE code : embed + ple(5) + hash', 'FE maker : hash(128, 4)', 'FE maker : ngram', 'FE note : ngram(2, 4, 128, 8) + embed + hash(16, 2)',
	'FE code : rate', 'FE maker : rate(4) + embed', 'FE departed : parts', 'FE departed : cycles', 'FE day : parts + cycles', 'FE at : parts + cycles', 'FE code : cycles(7)',
	'FE *, price : robust + periodic(4, 2) + bins(20)']) fe, try(fe);

-- structures that take features as a vector, or twice
SELECT s, same, n_scores > 1 AS varied FROM unnest(ARRAY['dcn', 'wide_deep', 'tabm(members = 4)', 'realmlp', 'residual',
	'ft_transformer(1, 8, heads = 2, hidden = 8)', 'autoint(1, 8)', 'deepfm(8)', 'conv(8)', 'by_table(tokens(4) > pool(mean), concat)']) s,
	try('FE price : pbld + ple(4, d = 2), note : ngram, code', s);

-- what does not fit
SELECT train('encode', 'FE price : parts');
SELECT train('encode', 'FE price : cycles');
SELECT train('encode', 'FE maker : parts');
SELECT train('encode', 'FE note : cycles');
SELECT train('encode', 'FE note : cycles(7)');
SELECT train('encode', 'FE code : ngram');
SELECT train('encode', 'FE note : bins');
SELECT train('encode', 'FE note : periodic');
SELECT train('encode', 'FE price : hash(1)');
SELECT train('encode', 'FE price : bins + bins(3)');

-- values that no row had, and none
SELECT train('encode', 'FE departed : parts + cycles, note : ngram, maker : hash AS mlp(8) PT epochs = 1') AS model \gset
SELECT predict(:model, ROW (1, 'infinity', NULL, NULL, NULL, NULL, NULL, NULL, NULL)::trips) = predict(:model, ROW (1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::trips) AS infinite_is_missing,
	predict(:model, ROW (1, '1890-02-28', NULL, NULL, NULL, NULL, repeat('never seen ', 1000), 'maker of none', NULL)::trips) BETWEEN 0 AND 1 AS is_scored;

-- a date's zone is nobody's: scores do not follow the session's
CREATE TABLE moments (id integer PRIMARY KEY, at timestamptz, good boolean);
INSERT INTO moments SELECT i, timestamptz '2024-01-01 00:00+00' + i * interval '7 hours', extract(hour FROM timestamp '2024-01-01' + i * interval '7 hours') > 11 FROM generate_series(1, 500) i;
SELECT create_task('moment', source => 'SELECT * FROM encode.moments', label => 'good', key => '{id}') > 0 AS made;
SET timezone = 'UTC';
SELECT train('moment', 'FE at : parts AS mlp(8) PT epochs = 40, batch = 64') AS model \gset
SELECT auc > 0.8 AS learnt FROM evaluate(:model);
CREATE TEMPORARY TABLE before AS SELECT id, predict(:model, m) AS p FROM moments m;
SET timezone = 'Asia/Tokyo';
SELECT bool_and(predict(:model, m) = p) AS same FROM moments m JOIN before USING (id);
RESET timezone;

-- arrays of categories: an embedding bag; NULL, empty ones, elements that are unseen, in any order
CREATE TABLE posts (id integer PRIMARY KEY, tags text[], ids integer[], sizes float8[], x float8, good boolean);
INSERT INTO posts
	SELECT i, CASE WHEN i % 17 > 0 THEN ARRAY(SELECT (ARRAY['red', 'light blue', 'green', '"odd"', NULL, '', 'NULL', 'a,b', '{c}', E'back\\slash'])[1 + (i * 31 + j * 7 + i / 13 * j) % 10] FROM generate_series(1, i % 5) j) END,
		ARRAY(SELECT (i * 31 + j * 7) % 50 FROM generate_series(1, i % 4) j), ARRAY[i, 2], i % 7, false FROM generate_series(1, 4000) i;
UPDATE posts SET good = coalesce('red' = ANY (tags), false) OR 7 = ANY (ids);
SELECT create_task('posts', source => 'SELECT * FROM encode.posts', label => 'good', key => '{id}') > 0 AS made;
SELECT train('posts', 'FE tags : bag(4), ids : bag(4, sum) AS mlp(16) PT epochs = 15, lr = 0.01') AS bag \gset
SELECT valid_auc > 0.99 AS learnt FROM models WHERE id = :bag;
SELECT operator, path, detail, shape, parameters FROM graph(:bag) WHERE path LIKE 'FE.%' ORDER BY node;
SELECT count(*), bool_and(one = many) AS same FROM
	(SELECT p.id, predict(:bag, p) AS many FROM posts p) s
	JOIN LATERAL (SELECT predict(:bag, (SELECT p FROM posts p WHERE p.id = s.id)) AS one) o ON s.id % 50 = 0;
CREATE VIEW asked AS SELECT * FROM (VALUES (1, '{}'::text[], '{}'::integer[]), (2, '{zzz}', '{}'), (3, '{zzz,NULL}', '{1000}'), (4, '{green,green,red}', '{1,2}'),
	(5, '{red,green,green}', '{2,1}'), (6, '{{red,green},{green,NULL}}', '[5:6]={2,1}'), (7, NULL, '{}'), (8, NULL, NULL)) v (id, tags, ids);
SELECT a.tags, a.ids, b.tags, b.ids, p1 = p2 AS same
	FROM (SELECT *, predict(:bag, v) AS p1 FROM asked v) a, (SELECT *, predict(:bag, v) AS p2 FROM asked v) b WHERE b.id = a.id + 1 ORDER BY a.id;
CREATE FUNCTION try_posts(structure text) RETURNS TABLE (same boolean, n_scores bigint) LANGUAGE plpgsql AS $$
DECLARE
	model integer := cerebro.train('posts', format('FE tags : bag(4), ids : bag(most = 2), x AS %s PT epochs = 1', structure));
BEGIN
	RETURN QUERY SELECT bool_and(one = many), count(DISTINCT many) FROM (SELECT p.id, cerebro.predict(model, p) AS many FROM encode.posts p WHERE id < 300) s,
		LATERAL (SELECT cerebro.predict(model, (SELECT p FROM encode.posts p WHERE p.id = s.id)) AS one) o;
END $$;
SELECT structure, same, n_scores > 1 AS varied FROM unnest(ARRAY['dcn', 'tabm(members = 4)', 'realmlp', 'by_table(mlp(8), concat)']) structure, try_posts(structure);
SELECT train_change(:bag, 'SET AS.mlp.units[1] = 16 -> 24') > :bag AS changed;
SELECT train('posts', 'FE tags');
SELECT train('posts', 'FE tags : embed');
SELECT train('posts', 'FE x : bag');
SELECT train('posts', 'FE sizes : bag');
SELECT train('posts', 'FE tags : sequence(3)');
SELECT train('posts', 'FE tags : bag + embed');
SELECT train('posts', 'FE tags : bag(4, max)');
SELECT train('posts', 'FE tags : bag AS ft_transformer PT epochs = 1') > 0 AS made;
SELECT train('posts', 'FE letters = (string_to_array(x::text, NULL)) : bag(2), *  PT epochs = 1') > 0 AS made;
SELECT column_name, note FROM profile('posts') WHERE column_name IN ('tags', 'sizes') ORDER BY 1;

RESET SESSION AUTHORIZATION;
SET client_min_messages = error;
SELECT name, cerebro.drop_task(name) FROM cerebro.tasks WHERE owner = 'regress_encode_owner'::regrole ORDER BY id;
DROP SCHEMA encode CASCADE;
DROP ROLE regress_encode_owner;
