-- The language as types: text and binary forms, equality, order, hash, casts,
-- changes as operators.

SET search_path = public, cerebro;

-- one text for one meaning
SELECT 'as MLP( 64,64 )  pt Lr=1e-2'::mst;
SELECT mst 'AS mlp(64 x 2) PT lr = 0.01' = 'AS mlp(64, 64) PT lr = 0.010' AS equal,
       mst 'AS mlp(64)' <> 'AS mlp(32)' AS unequal;
SELECT ''::mst AS all_by_default;
SELECT 'fe JOIN planes as Mlp'::mst_pattern, 'SET pt.lr=1e-2,drop fe dest'::mst_change,
       'as { mlp(64) , mlp(16..32) }'::mst_space;
SELECT ''::mst_change = (mst '' - mst '') AS nothing_changes;

-- errors have a place, and say what was expected
\set VERBOSITY terse
SELECT 'AS mlp(64) PT epoch = 3'::mst;
\set VERBOSITY default
SELECT E'FE *\nAS mlp(0)'::mst;
SELECT 'AS mlp(64'::mst;
SELECT 'AS mlp(64)'::mst_change;
SELECT 'PT lr = 0.1 lr'::mst_pattern;
SELECT 'SET PT.lr = '::mst_change;
SELECT 'AS mlp(64..)'::mst_space;
SELECT 'AS mlp(64) @9'::mst;
SELECT repeat('(', 100)::mst;

-- what could not be read again, from a dump for one, is no value
SELECT length(('FE x = (' || repeat('.5+', 20000) || '1)')::mst::text);
SELECT length((mst 'FE x' + ('ADD FE y = (' || repeat('a', 65515) || ')')::mst_change)::text);
SELECT applies(('ADD FE y = (' || repeat('a', 65515) || ')')::mst_change, mst 'FE x') AS too_long,
       applies('ADD FE y', ('FE ' || string_agg('c' || i, ', '))::mst) AS too_many FROM generate_series(1, 4096) i;
SELECT ('FE ' || string_agg('c' || i, ', '))::mst + 'ADD FE y' FROM generate_series(1, 4096) i;
SELECT m::jsonb::mst = m AS as_json, length(m::jsonb::text) > 65536 AS longer
FROM (SELECT ('FE ' || string_agg('c' || i || ': onehot', ', '))::mst FROM generate_series(1, 4000) i) v (m);

-- order and hash are those of the text's bytes, in indexes and joins
CREATE TABLE type_all (id integer PRIMARY KEY, mst mst, change mst_change, pattern mst_pattern);
INSERT INTO type_all
	SELECT i, format('AS mlp(%s) PT epochs = %s', 1 + i % 40, 1 + i % 3)::mst,
	       format('SET PT.lr = %s', i)::mst_change, format('FE x%s AS mlp', i % 30)::mst_pattern
	FROM generate_series(1, 6) i;
INSERT INTO type_all (id) VALUES (7);
SELECT mst, change, pattern FROM type_all ORDER BY mst, change, pattern;
SELECT bool_and((a.mst < b.mst) = (a.mst::text COLLATE "C" < b.mst::text)
            AND (a.mst >= b.mst) = (a.mst::text COLLATE "C" >= b.mst::text)
            AND (a.mst = b.mst) = (mst_hash(a.mst) = mst_hash(b.mst))
            AND (a.mst <= b.mst) = (mst_cmp(a.mst, b.mst) <= 0)
            AND (a.change > b.change) = (a.change::text COLLATE "C" > b.change::text)
            AND (a.pattern <> b.pattern) = (a.pattern::text <> b.pattern::text)) AS as_text
FROM type_all a, type_all b;
CREATE UNIQUE INDEX type_btree ON type_all (mst, change);
CREATE INDEX type_hash ON type_all USING hash (pattern);
INSERT INTO type_all SELECT 8, mst, change FROM type_all WHERE id = 1;
SET enable_seqscan = off;
EXPLAIN (costs off) SELECT id FROM type_all WHERE mst = 'AS mlp(2) PT epochs = 2.0';
SELECT id FROM type_all WHERE mst = 'AS mlp(2) PT epochs = 2.0';
SELECT id FROM type_all WHERE pattern = 'fe X3 AS  MLP';
SET enable_nestloop = off;
SET enable_mergejoin = off;
SELECT count(*) FROM type_all a JOIN type_all b USING (mst);
RESET enable_nestloop;
RESET enable_mergejoin;
RESET enable_seqscan;
SELECT count(DISTINCT mst) FROM type_all;

-- text becomes a value where one is wanted; a value becomes text when asked
SELECT 'AS mlp(64)'::text::mst, ('AS mlp(64)'::mst)::text || '!' AS text;
SELECT mst LIKE '%mlp%' FROM type_all WHERE id = 1;
SELECT mst::text LIKE '%mlp%' AS is_mlp FROM type_all WHERE id = 1;
SELECT applies('SET PT.lr = 0.1'::text, 'AS mlp(64)'::text);

-- binary form
CREATE TABLE type_copy (LIKE type_all);
\getenv abs_builddir PG_ABS_BUILDDIR
\set file :abs_builddir '/results/type.copy'
COPY type_all TO :'file' (FORMAT binary);
COPY type_copy FROM :'file' (FORMAT binary);
SELECT count(*) FILTER (WHERE a IS NOT DISTINCT FROM b) AS same, count(*) FROM type_all a JOIN type_copy b USING (id);
CREATE TABLE type_bytes (v bytea);
INSERT INTO type_bytes VALUES ('\x02'::bytea || convert_to('AS mlp(64)', 'UTF8'));
COPY type_bytes TO :'file' (FORMAT binary);
CREATE TABLE type_in (v mst);
COPY type_in FROM :'file' (FORMAT binary);
UPDATE type_bytes SET v = '\x01'::bytea || convert_to('AS mlp(64', 'UTF8');
COPY type_bytes TO :'file' (FORMAT binary);
COPY type_in FROM :'file' (FORMAT binary);
UPDATE type_bytes SET v = '\x01'::bytea || convert_to('as MLP(64) pt  lr=0.5', 'UTF8');
COPY type_bytes TO :'file' (FORMAT binary);
COPY type_in FROM :'file' (FORMAT binary);
SELECT v, mst_send(v) FROM type_in;

-- changes
SELECT mst 'AS mlp(64) PT lr = 0.1' + 'SET PT.lr = 0.2, ADD FE dest : onehot' AS changed;
SELECT mst 'FE a, b AS mlp(64, 32)' - 'FE a AS mlp(64, 64) PT lr = 0.1' AS change;
SELECT a + (b - a) = b AS there, b + inverse(b - a) = a AS and_back,
       a + ((b - a) + (a - b)) = a AS composed
FROM (VALUES (mst 'FE a, b AS mlp(64, 32)', mst 'FE b : onehot AS mlp(64 x 3) PT sgd(lr = 0.5)')) v (a, b);
SELECT inverse('SET PT.lr = 0.2');
SELECT inverse(close('SET PT.lr = 0.2', 'PT lr = 0.1'));
SELECT close('SET PT.lr = 0.2, SET PT.lr = 0.3', 'PT lr = 0.1');
SELECT applies('SET PT.lr = 0.2 -> 0.3', 'PT lr = 0.2'), applies('SET PT.lr = 0.2 -> 0.3', 'PT lr = 0.1'),
       applies('DROP FE x', 'FE x, y'), applies('DROP FE x', 'FE y');
SELECT mst 'FE y' + 'DROP FE x';
SELECT mst 'PT lr = 0.1' + 'SET PT.lr = 0.2 -> 0.3';
SELECT mst 'PT lr = 0.1' + NULL IS NULL AS strict;

SELECT commutes('SET PT.lr = 0.1', 'DROP FE x'), commutes('SET PT.lr = 0.1', 'SET PT.lr = 0.2');
SELECT merge('FE a, b AS mlp(64)', 'FE a AS mlp(64)', 'FE a, b AS mlp(32) PT sgd');
SELECT merge('AS mlp(64)', 'AS mlp(16)', 'AS mlp(32)');

-- sets
SELECT mst 'AS mlp(64) PT lr = 0.01' <@ 'AS {mlp(16..64), mlp(8, 8)} PT lr = 1e-4..1e-1 log' AS is_in,
       mst_space 'AS {mlp(16..64), mlp(8, 8)}' @> 'AS mlp(65)' AS too_wide;
SELECT cardinality(mst_space 'AS mlp({16, 32} x 1..3) PT {adam, sgd}'), cardinality(mst_space 'PT lr = 0.1..0.2');
SELECT * FROM points('AS mlp({16, 32} x 1..2) PT {adam, sgd}') p ORDER BY p;
SELECT p, p <@ 'FE dest : ?embed(4) + ?{onehot, hash(16)}' AS is_in FROM points('FE dest : ?embed(4) + ?{onehot, hash(16)}') p;
SELECT points('PT lr = 0.1..0.2');
SELECT points('AS mlp({16, 32} x 1..2)', 3);
SELECT points('AS mlp({16, 32} x 1..2)', -1);
SELECT count(*), count(DISTINCT p) > 50 AS many, bool_and(p <@ 'AS mlp(16..512 x 1..3) PT lr = 1e-4..1e-2 log') AS inside,
       array_agg(p ORDER BY p) = (SELECT array_agg(q ORDER BY q) FROM sample('AS mlp(16..512 x 1..3) PT lr = 1e-4..1e-2 log', 100, 7) q) AS same_again
FROM sample('AS mlp(16..512 x 1..3) PT lr = 1e-4..1e-2 log', 100, 7) p;
SELECT sample('AS mlp(16..512)', -1);
SELECT count(*) FROM sample('AS mlp(16..512)', 0);

-- spelt out, JSON, words
SELECT describe('AS mlp(64)') LIKE 'FE * AS mlp(64) PT adamw(lr = 0.001, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, decay = 1e-5), batch = auto, epochs = 20, %, dropout = 0.1, % @1' AS all_said;
SELECT describe(describe('AS mlp(64) PT sgd')::mst) = describe('AS mlp(64) PT sgd') AS reads_back;
SELECT jsonb_pretty(mst 'FE *, dest : embed(4) AS mlp(64) PT sgd(lr = 0.5)'::jsonb);
SELECT m::jsonb::mst = m AS same FROM unnest('{"FE a, b : onehot AS mlp(64 x 2)", "PT adam(lr = 0.1), gelu"}'::mst[]) m;
SELECT '{"as": {"mlp": {"unit": [64]}}}'::jsonb::mst;
SELECT '[1, 2]'::jsonb::mst;
SELECT mst 'AS mlp(64)' ->> 'as';
SELECT help('embed');
SELECT help('embd');
-- functions and views of the extension, by their comments
SELECT help('train_change');
SELECT help('structures');
SELECT help('mst_space');
SELECT help('encoder');
SELECT help('structure');
SELECT help('@>');
SELECT help('<->');
SELECT help('+');
SELECT help('train_chang');
-- arguments of the functions that people call
SELECT help('as_of');
SELECT help('seed');
SELECT help('{}') = help('{') AS both_brackets;
SELECT p.proname, a.name
FROM pg_proc p, unnest(p.proargnames[:p.pronargs]) a (name)
WHERE p.pronamespace = 'cerebro'::regnamespace
	AND p.proname IN ('create_task', 'train', 'train_change', 'search', 'profile', 'evaluate', 'predict', 'deploy', 'leaderboard',
		'history', 'ensemble', 'compare_rows', 'compare_pair', 'add_relationship', 'grant_model', 'reassign', 'define_structure',
		'archive_pack', 'cancel', 'resume', 'rename_task', 'points', 'sample')
	AND a.name NOT IN ('a', 'b', 'n') AND NOT help(a.name) ~ format('\(argument of [^)]*\m%s\M', p.proname);
-- a layer of a structure that is one word
SELECT mst 'AS mlp(64, 64)' + 'INSERT AS dropout(0.1) AFTER AS.dense[1]'::mst_change;
SELECT mst 'AS dense(8) > skip(dense(8))' + 'SET AS.units[1] = 3'::mst_change;
SELECT mst 'AS relu > mlp(64, 64)' + 'SET AS.units[1] = 3'::mst_change;
SELECT 'FE a, AS mlp(8)'::mst;
SELECT length(help()) > 500 AS all_words;
SELECT structure('residual');
SELECT structure('residuals');

-- answers tell nothing but themselves, and may be computed anywhere
SELECT o.oid::regoperator, p.proleakproof AS leakproof FROM pg_operator o JOIN pg_proc p ON p.oid = o.oprcode
WHERE o.oprnamespace = 'cerebro'::regnamespace AND o.oprname IN ('=', '@>', '<@') AND NOT p.proleakproof ORDER BY 1;
SELECT o.oid::regoperator FROM pg_operator o JOIN pg_proc p ON p.oid = o.oprcode
WHERE o.oprnamespace = 'cerebro'::regnamespace AND (p.provolatile, p.proparallel) <> ('i', 's') ORDER BY 1;

DROP TABLE type_all, type_copy, type_bytes, type_in;

-- slips in paths and values; changes that contradict each other
SELECT mst 'AS mlp(64)' + mst_change 'SET PT.dropuot = 0.3';
SELECT mst 'AS mlp(64)' + mst_change 'SET AS.mlp.unit[1] = 3';
SELECT mst 'FE dest, x' + mst_change 'DROP FE.dset';
SELECT mst 'AS mlp(64)' + mst_change 'DELETE AS.mlp.units[1]';
SELECT mst 'AS mlp(64, 32)' + mst_change 'DELETE AS.mlp.units[1]';
SELECT mst_change 'SET PT.lr = 0.1 -> 0.2' + mst_change 'SET PT.lr = 0.3 -> 0.4';
SELECT mst_change 'SET PT.lr = 0.1 -> 0.2' + mst_change 'SET PT.lr = 0.2 -> 0.4';
SELECT cardinality('PT batch = {64, 128}, dropout = 0..0.5 step 0.1') AS of_a_space, cardinality(ARRAY[1, 2]) AS of_an_array;
SELECT help('cosine');

-- JSON both ways
SELECT (mst_change 'ADD FE planes, SET PT.lr = 0.001 -> 0.01, INSERT AS relu AFTER AS.dense[1]')::jsonb;
SELECT (mst_space 'FE *, ?JOIN planes AS mlp({64, 128} xx 1..3) PT {adam, sgd}, lr = 1e-4..1e-2 log')::jsonb;
SELECT (mst_pattern 'FE dest : onehot AS mlp(64) PT adamw, batch = 512')::jsonb;
SELECT bool_and((c::jsonb)::mst_change = c) AS changes FROM (VALUES (mst_change ''), ('DROP FE "a ""b, c"'), ('SET AS = mlp(64) -> residual(2, 64), DELETE AS.relu'),
	('ADD FE y = (x || ''"\''), SET PT.optimizer = adam -> sgd')) v (c);
SELECT bool_and((s::jsonb)::mst_space = s) AS spaces FROM (VALUES (mst_space ''), ('FE a : {onehot, embed(4..8)} AS {mlp(64), dense(8) > relu}'),
	('PT {adam, sgd}, momentum = {0, 0.9} IF PT.optimizer = sgd, dropout = 0..0.5 step 0.1')) v (s);
SELECT bool_and((p::jsonb)::mst_pattern = p) AS patterns FROM (VALUES (mst_pattern ''), ('FE a, JOIN t'), ('AS mlp'), ('AS mlp(8 x 3) > relu'), ('AS residual(width = 128)'),
	('PT sgd(momentum = 0.9)'), ('FE x : embed(9) PT dropout = 0.1, activation = gelu'), ('AS concat(wide, mine(3, b = 4))')) v (p);
SELECT '["ADD FE a", 3]'::jsonb::mst_change;
SELECT '{"fe": ["a"], "az": "mlp"}'::jsonb::mst_space;
SELECT '{"as": {"mlp": {"unit": [3]}}}'::jsonb::mst_pattern;
