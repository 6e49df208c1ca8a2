-- The label has a value more: a class that is taken when it is asked for. Models
-- that are there keep the classes that they know; what is made of them begins with them.
\getenv abs_srcdir PG_ABS_SRCDIR
SET client_min_messages = warning;
SELECT last_value AS last_model FROM cerebro.model_id_seq \gset
ALTER SEQUENCE cerebro.model_id_seq RESTART 920001; -- a NOTICE names a model
CREATE ROLE regress_classes_owner;
CREATE ROLE regress_classes_stranger;
CREATE SCHEMA classes AUTHORIZATION regress_classes_owner;
GRANT USAGE, CREATE ON SCHEMA classes TO PUBLIC;
SET SESSION AUTHORIZATION regress_classes_owner;
SET search_path = classes;
\i :abs_srcdir/../lib/trips.sql
CREATE TABLE parcel AS SELECT id, carrier, (ARRAY['north', 'east', 'south', 'west', 'sea'])[1 + hour / 5] AS route, distance,
	CASE WHEN delay > 15 THEN 'returned' ELSE 'kept' END AS fate FROM trips;
ALTER TABLE parcel ADD PRIMARY KEY (id);
CREATE FUNCTION made(triple text) RETURNS integer LANGUAGE sql AS $$ SELECT cerebro.train('parcel', ('FE carrier, route ' || triple || ', batch = 256')::cerebro.mst) $$;
SELECT cerebro.create_task('parcel', source => 'SELECT * FROM parcel', label => 'fate', positive => 'returned') > 0 AS made;
CREATE TABLE parent AS SELECT triple, made(triple) AS id FROM unnest(ARRAY['AS mlp(8) PT epochs = 3', 'AS output PT epochs = 2', 'AS wide PT epochs = 2',
	'AS wide_deep(8) PT epochs = 2', 'AS deepfm(8, width = 4) PT epochs = 2', 'AS residual(1, width = 8, hidden = 8) PT epochs = 2', 'AS dcn(8, crosses = 1, layers = 1) PT epochs = 2', 'AS snn(8, 8) PT epochs = 2', 'AS realmlp(8, 8) PT epochs = 2',
	'AS ft_transformer(1, width = 8, heads = 2, hidden = 8) PT epochs = 2', 'AS tabm(8, members = 4) PT epochs = 2', 'AS ensemble(3, mlp(8)) PT epochs = 2', 'AS mlp(8) PT muon, focal = 1, epochs = 2', 'AS modern_nca(width = 8) PT epochs = 2']) triple;
SELECT id AS base FROM parent WHERE triple LIKE 'AS mlp(8) PT epochs%' \gset
SELECT cerebro.deploy(:base, 'fate') AS deployed;
CREATE TABLE old AS SELECT p.id, m.id AS model, cerebro.predict_proba(m.id, p) AS proba FROM parcel p, parent m;
CREATE TABLE answer AS SELECT id, fate(p) AS score, fate_proba(p) AS proba FROM parcel p;

-- rows of a value that was not there: an error that says what to do, nothing is taken silently
INSERT INTO parcel SELECT 4000 + i, (ARRAY['AA', 'B6', 'DL', 'UA'])[1 + i % 4], (ARRAY['north', 'sea'])[1 + i % 2], i, CASE WHEN i % 7 = 0 THEN 'burnt' ELSE 'lost' END FROM generate_series(1, 700) i;
SELECT refused(format('SELECT cerebro.train_change(%s, ''SET PT.epochs = 4'')', :base));
SELECT refused('SELECT cerebro.refresh(''parcel'')');
SELECT classes FROM cerebro.tasks WHERE name = 'parcel';
-- one by name: the other one is an error still
SELECT refused('SELECT cerebro.add_classes(''parcel'', ''{lost}'')');
SELECT refused('SELECT cerebro.add_classes(''parcel'', ''{lsot}'')');
SELECT refused('SELECT cerebro.add_classes(''parcel'', ''{kept}'')');
SELECT refused('SELECT cerebro.add_classes(NULL)');
UPDATE parcel SET fate = NULL WHERE fate = 'burnt';
SET client_min_messages = notice;
SELECT cerebro.add_classes('parcel', '{lost}');
SELECT cerebro.add_classes('parcel');
RESET client_min_messages;
SET client_min_messages = warning;
SELECT classes FROM cerebro.tasks WHERE name = 'parcel';
SELECT class_rows, n_rows FROM cerebro.data_version WHERE task = (SELECT id FROM cerebro.task WHERE name = 'parcel') ORDER BY id;
SELECT note FROM cerebro.profile('parcel') WHERE used_as = 'label';

-- models that were there answer as before, by whatever way
SELECT count(*) FROM old o JOIN parcel p USING (id) WHERE cerebro.predict_proba(o.model, p) <> o.proba;
SELECT count(*) FROM answer a JOIN parcel p USING (id) WHERE fate(p) <> a.score OR fate_proba(p) <> a.proba;
SELECT cerebro.predict(:base, p) = (fate_proba(p) ->> 'returned')::real AS is_same, cerebro.predict_class(:base, p) IN ('kept', 'returned') AS is_known
	FROM parcel p WHERE id = 4001;
SELECT DISTINCT classes FROM cerebro.models WHERE task = 'parcel';

-- what is made of them begins with what they answer: at a rate at which nothing moves, row by row, the old classes are beside each other as they were;
-- the new class has about its share of the training rows (a mean of members changes a little by it, norm(batch) by what the rows that came are like)
CREATE FUNCTION gap(model integer, edit text DEFAULT '') RETURNS TABLE (start text, most double precision, share double precision) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
	made CONSTANT integer := cerebro.train_change(model, concat_ws(', ', nullif(edit, ''), 'SET PT.lr = 1e-37, SET PT.epochs = 1')::cerebro.mst_change);
BEGIN
	RETURN QUERY SELECT m.start, s.* FROM cerebro.model m, (
		SELECT max(abs((n ->> 'returned')::float8 / (1 - (n ->> 'lost')::float8) - (o ->> 'returned')::float8)), avg((n ->> 'lost')::float8)
		FROM (SELECT cerebro.predict_proba(made, p) AS n, cerebro.predict_proba(model, p) AS o FROM parcel p) r) s WHERE m.id = made;
END
$$;
SELECT triple, g.start, CASE WHEN g.most < 1e-6 THEN 'same' WHEN g.most < 0.1 THEN 'near' ELSE g.most::text END AS old_classes, g.share BETWEEN 0.11 AND 0.15 AS is_likely FROM parent, gap(id) g ORDER BY triple COLLATE "C";
SELECT edit, g.start, g.most < 1e-6 AS is_same, g.share BETWEEN 0.11 AND 0.15 AS is_likely
	FROM unnest(ARRAY['SET AS = mlp(16)', 'SET AS = mlp(8, 8)', 'SET PT.label_smoothing = 0.1', 'SET PT.optimizer = sgd']) edit, gap(:base, edit) g;

-- the same triple on the rows as they are now: another training, whose plan names the start
SELECT regexp_replace(line, '\d+(\.\d+)? (ms|s|kB|bytes|MB|rows)|\d{6,}', 'N', 'g') AS line FROM cerebro.explain_train(:base, 'SET PT.epochs = 6') line WHERE line LIKE '%Start%';
SELECT cerebro.train_change(:base, 'SET PT.epochs = 6') AS wider \gset
SELECT start, classes, m.start_log_loss > 2 AS knows_nothing, m.valid_log_loss < 1 AS learns FROM cerebro.model m JOIN cerebro.models USING (id) WHERE id = :wider;
SELECT count(DISTINCT training) FROM cerebro.model WHERE id IN (:base, :wider);
SELECT avg((cerebro.predict_proba(:wider, p) ->> 'lost')::float8) BETWEEN 0.11 AND 0.15 AS predicts_it FROM parcel p;
SELECT round(sum(value::numeric), 5) FROM parcel p, jsonb_each_text(cerebro.predict_proba(:wider, p)) WHERE p.id = 4001;
-- the same bits again, and it goes on from its own states
SET cerebro.reuse = off;
SELECT cerebro.train_change(:base, 'SET PT.epochs = 6') AS again \gset
RESET cerebro.reuse;
SELECT count(*) FROM cerebro.epoch a JOIN cerebro.epoch b USING (epoch, state, train_loss, valid_log_loss) WHERE a.model = :wider AND b.model = :again;
SELECT cerebro.train_change(:wider, 'SET PT.epochs = 8') AS longer \gset
SELECT cerebro.train_change(:base, 'SET PT.epochs = 4', false) AS cold \gset
SELECT start FROM cerebro.model WHERE id IN (:longer, :cold) ORDER BY id;

-- on the same test rows: what a model does not know it gets wrong
SET client_min_messages = notice;
SELECT n_rows, accuracy < 0.95 AS is_lower, log_loss > 1 AS is_higher FROM cerebro.evaluate(:base);
RESET client_min_messages;
SET client_min_messages = warning;
SELECT n_rows, log_loss < 1 AS is_lower FROM cerebro.evaluate(:wider);
-- compared with what knows as many only
SELECT refused(format('SELECT * FROM cerebro.compare_rows(%s, %s)', :base, :wider)) AS compare;
SELECT refused(format('SELECT cerebro.ensemble(ARRAY[%s, %s])', :base, :wider)) AS ensemble;
SELECT array_length(cerebro.train('parcel', ARRAY['FE carrier, route AS mlp(8) PT epochs = 2', 'FE carrier, route AS mlp(12) PT epochs = 2']::cerebro.mst[]), 1) AS trained;
-- deployed: the function of one probability stays with models of two classes
SELECT refused(format('SELECT cerebro.deploy(%s, ''fate'')', :wider));
SELECT cerebro.deploy(:base, 'fate', 'bf16') AS deployed;
SELECT cerebro.deploy(:wider, 'fate_now') AS deployed;
SELECT count(*) = 4700 AS answers FROM parcel p WHERE fate_now(p) IN ('kept', 'returned', 'lost');
SELECT cerebro.deploy(:longer, 'fate_now') AS deployed;
SELECT cerebro.rollback_deployment('fate_now') = :wider AS is_back;
SELECT cerebro.undeploy('fate_now');

-- two more, of a label that is a number, in its order; classes without rows stay
INSERT INTO parcel SELECT 5000 + i, 'AA', 'sea', i, (ARRAY['torn', 'burnt'])[1 + i % 2] FROM generate_series(1, 200) i;
SELECT cerebro.add_classes('parcel');
SELECT cerebro.train_change(:wider, 'SET PT.lr = 0.01') AS wide \gset
SELECT start, classes FROM cerebro.model m JOIN cerebro.models USING (id) WHERE id = :wide;
SELECT cerebro.create_task('hour', source => 'SELECT * FROM trips WHERE hour BETWEEN 9 AND 10', label => 'hour', positive => '9') > 0 AS made;
SELECT cerebro.add_classes('hour');
SELECT classes FROM cerebro.tasks WHERE name = 'hour';
SELECT cerebro.create_task('late', source => 'SELECT * FROM trips', label => 'delay > 15', exclude => '{delay}') > 0 AS made;
SELECT cerebro.add_classes('late');

-- the loss before the first step, over validation rows that are all of old classes, is the parent's
CREATE TABLE sample AS SELECT id, carrier, hour, CASE WHEN id % 5 = 0 THEN 'valid' WHEN id % 5 = 1 THEN 'test' ELSE 'train' END AS part, 1 + hour / 8 AS kind FROM trips;
ALTER TABLE sample ADD PRIMARY KEY (id);
SELECT cerebro.create_task('sample', source => 'SELECT * FROM sample', label => 'kind', split => 'column(part)', exclude => '{hour}') > 0 AS made;
SELECT cerebro.train('sample', 'FE carrier AS mlp(8) PT epochs = 2') AS three \gset
INSERT INTO sample SELECT 4000 + i, 'AA', 1, 'train', CASE WHEN i < 100 THEN -7 ELSE 22 END FROM generate_series(1, 300) i;
SELECT cerebro.add_classes('sample');
SELECT cerebro.train_change(:three, 'SET AS = mlp(8, 8)') AS five \gset
SELECT m.start, abs(m.start_log_loss - p.valid_log_loss) < 1e-6 AS is_same, v.classes
	FROM cerebro.model m JOIN cerebro.model p ON p.id = m.parent JOIN cerebro.models v ON v.id = m.id WHERE m.id = :five;

-- refused: who may not see the task; who may not read its rows; a transaction that only reads
SET SESSION AUTHORIZATION regress_classes_stranger;
SELECT classes.refused('SELECT cerebro.add_classes(''parcel'')');
RESET SESSION AUTHORIZATION;
GRANT regress_classes_owner TO regress_classes_stranger WITH ADMIN OPTION;
ALTER TABLE classes.parcel OWNER TO CURRENT_USER;
SET SESSION AUTHORIZATION regress_classes_stranger;
SELECT classes.refused('SELECT cerebro.add_classes(''parcel'')');
RESET SESSION AUTHORIZATION;
ALTER TABLE classes.parcel OWNER TO regress_classes_owner;
SET SESSION AUTHORIZATION regress_classes_owner;
BEGIN READ ONLY;
SELECT cerebro.add_classes('parcel');
ROLLBACK;

RESET SESSION AUTHORIZATION;
SET client_min_messages = error;
SELECT cerebro.undeploy('classes.fate');
SELECT cerebro.drop_task(name) IS NOT NULL AS dropped FROM cerebro.task WHERE owner = 'regress_classes_owner'::regrole;
SELECT setval('cerebro.model_id_seq', :last_model) = :last_model AS restored;
DROP SCHEMA classes CASCADE;
DROP ROLE regress_classes_owner, regress_classes_stranger;
