-- A model out of another one: what stands is kept, and predicts the same.
\getenv abs_srcdir PG_ABS_SRCDIR
SET client_min_messages = warning;
SELECT last_value AS last_model FROM cerebro.model_id_seq \gset
ALTER SEQUENCE cerebro.model_id_seq RESTART 910001; -- a NOTICE names a model
CREATE ROLE regress_change_owner;
CREATE ROLE regress_change_stranger;
CREATE SCHEMA change AUTHORIZATION regress_change_owner;
GRANT USAGE ON SCHEMA change TO PUBLIC;
SET SESSION AUTHORIZATION regress_change_owner;
SET search_path = change;
\i :abs_srcdir/../lib/trips.sql
SELECT cerebro.create_task('trips', source => 'SELECT * FROM trips', label => 'delay > 15', exclude => '{delay}') > 0 AS made;
SELECT cerebro.train('trips', 'FE carrier, hour, taxi AS mlp(8) PT batch = 256, epochs = 4, patience = 0') AS base \gset

-- what the engine says, without losses
CREATE FUNCTION told(model integer, edit text, warm boolean DEFAULT true)
	RETURNS TABLE (id integer, start text, is_same boolean, n_epochs integer, change text) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
	made CONSTANT integer := cerebro.train_change(model, edit::cerebro.mst_change, warm);
BEGIN
	RETURN QUERY SELECT m.id, m.start, abs(m.start_log_loss - p.valid_log_loss) < 1e-6, m.n_epochs, m.change::text
		FROM cerebro.model m JOIN cerebro.model p ON p.id = m.parent WHERE m.id = made AND m.parent = model;
END
$$;

SELECT start, is_same, change FROM told(:base, 'SET PT.dropout = 0.3, SET PT.epochs = 1');
-- each kind of change: predictions before the first epoch are the parent's where it says so
SELECT start, is_same, change FROM told(:base, 'SET AS = mlp(16)');
SELECT start, is_same, change FROM told(:base, 'SET AS = mlp(8, 8)');
SELECT start, is_same, change FROM told(:base, 'SET AS = mlp(12, 12, 8)');
SELECT start, is_same, change FROM told(:base, 'ADD FE distance');
SELECT start, is_same, change FROM told(:base, 'ADD FE distance, SET AS = mlp(10, 8)');
SELECT start, is_same, change FROM told(:base, 'SET PT.lr = 0.01');
SELECT start, is_same, change FROM told(:base, 'SET PT.optimizer = sgd');
SELECT start, is_same, change FROM told(:base, 'DROP FE taxi');
SELECT start, is_same, change FROM told(:base, 'SET PT.activation = gelu');
SELECT start, is_same, change FROM told(:base, 'SET AS = mlp(4)');
SELECT start, is_same, change FROM told(:base, 'SET AS = mlp(8, 4)');
SELECT start, is_same, change FROM told(:base, 'SET PT.dropout = 0.4', false);

-- predictions themselves, row by row: a rate at which nothing moves leaves what it began with
CREATE FUNCTION gap(model integer, edit text) RETURNS TABLE (start text, most double precision) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
	made CONSTANT integer := cerebro.train_change(model, (edit || ', SET PT.lr = 1e-37, SET PT.epochs = 1')::cerebro.mst_change);
BEGIN
	RETURN QUERY SELECT m.start, (SELECT max(abs(cerebro.predict(made, t) - cerebro.predict(model, t)))::float8 FROM trips t)
		FROM cerebro.model m WHERE m.id = made;
END
$$;
CREATE TABLE carriers (carrier text PRIMARY KEY, age integer, town text);
INSERT INTO carriers VALUES ('AA', 90, 'Dallas'), ('B6', 20, 'New York'), ('DL', 95, 'Atlanta'), ('UA', 94, 'Chicago');
CREATE TABLE hours (hour smallint PRIMARY KEY, light float8);
INSERT INTO hours SELECT i, abs(i - 12) FROM generate_series(0, 23) i;
CREATE TABLE stops (trip integer, minutes integer);
INSERT INTO stops SELECT i % 4000, i % 31 FROM generate_series(1, 9000) i;
SELECT edit, g.start, g.most < 1e-6 AS is_same FROM unnest(ARRAY['SET AS = mlp(24)', 'SET AS = mlp(8, 8, 8)', 'SET AS = mlp(16, 12)',
	'ADD FE distance', 'ADD FE evening = (hour > 17)', 'ADD FE JOIN carriers USING (carrier), ADD FE carriers.town', 'ADD FE JOIN hours USING (hour), ADD FE hours.light',
	'ADD FE AGGREGATE stops ON (stops.trip = source.id) (minutes = sum(minutes))', 'SET FE.carrier = embed(7)', 'SET PT.batch = 64', 'SET PT.optimizer = sgd', 'SET PT.dropout = 0.5']) edit, gap(:base, edit) g;
-- what is gone is in the bias: of a column of one value it is all of it
SELECT cerebro.train('trips', 'FE carrier, hour, flag = (hour < 100) AS mlp(8) PT epochs = 3') AS flagged \gset
SELECT start, most < 1e-6 AS is_same FROM gap(:flagged, 'DROP FE.flag');
SELECT start, most BETWEEN 1e-6 AND 0.5 AS is_near FROM gap(:flagged, 'DROP FE hour');
-- values that a category has since then begin as the unseen ones that they were
SELECT cerebro.train('trips', 'FE carrier AS mlp(8) PT epochs = 3') AS few \gset
BEGIN;
INSERT INTO trips SELECT 5000 + i, 'N' || i % 3, 1, 1, 1, i FROM generate_series(1, 90) i;
SELECT start, most < 1e-6 AS is_same FROM gap(:few, 'SET AS = mlp(9)');
SELECT count(DISTINCT cerebro.predict(:few, t)) AS unseen FROM trips t WHERE id > 5000;
ROLLBACK;
DROP TABLE carriers, hours, stops;

-- later epochs go on, with the bits of a training from the start; also where the parent was warm
SELECT id AS six FROM told(:base, 'SET PT.epochs = 6') \gset
SELECT start, n_epochs FROM cerebro.model WHERE id = :six;
SET cerebro.reuse = off;
SELECT cerebro.train('trips', 'FE carrier, hour, taxi AS mlp(8) PT batch = 256, epochs = 6, patience = 0') AS straight \gset
RESET cerebro.reuse;
SELECT count(*) = 6 AS is_same FROM cerebro.epoch a JOIN cerebro.epoch b USING (epoch, state, train_loss, valid_log_loss) WHERE a.model = :six AND b.model = :straight;
SELECT id AS wide FROM told(:base, 'SET AS = mlp(24)') \gset
SELECT id AS wide_six FROM told(:wide, 'SET PT.epochs = 6') \gset
SELECT start, parent = :wide AS has_parent FROM cerebro.model WHERE id = :wide_six;
SELECT count(*) FROM cerebro.epoch a JOIN cerebro.epoch b USING (epoch, state, train_loss) WHERE a.model = :wide AND b.model = :wide_six;
-- without reuse it begins as that one did, and comes to the same
SET cerebro.reuse = off;
SELECT id AS wide_again FROM told(:wide, 'SET PT.epochs = 6') \gset
SELECT start FROM cerebro.model WHERE id = :wide_again;
RESET cerebro.reuse;
SELECT count(*) = 6 AS is_same FROM cerebro.epoch a JOIN cerebro.epoch b USING (epoch, state, train_loss, valid_log_loss) WHERE a.model = :wide_six AND b.model = :wide_again;
-- as it does where the states are gone
SET cerebro.keep_states = -1;
SELECT id AS gone FROM told(:base, 'SET AS = mlp(20)') \gset
RESET cerebro.keep_states;
SELECT start, is_same, n_epochs FROM told(:gone, 'SET PT.epochs = 5');

-- the id tells where it began: the same change is found, another parent's is another
SELECT (told(:base, 'SET AS = mlp(24)')).id = :wide AS is_found;
SELECT count(DISTINCT training) FROM cerebro.model WHERE mst::text = (SELECT mst::text FROM cerebro.model WHERE id = :wide);
SELECT cerebro.train('trips', 'FE carrier, hour, taxi AS mlp(24) PT batch = 256, epochs = 4, patience = 0') AS cold \gset
SELECT count(DISTINCT training) FROM cerebro.model WHERE mst::text = (SELECT mst::text FROM cerebro.model WHERE id = :wide);
SELECT operation, name = 'model ' || :base AS is_base, parameters, array_length(inputs, 1) FROM cerebro.lineage(:wide) WHERE operation = 'start';
SELECT count(*) FROM cerebro.lineage(:cold) WHERE operation = 'start';
-- the same bits again
SET cerebro.reuse = off;
SELECT id AS again FROM told(:base, 'SET AS = mlp(24)') \gset
RESET cerebro.reuse;
SELECT count(*) FROM cerebro.epoch a JOIN cerebro.epoch b USING (epoch, state, train_loss, valid_log_loss) WHERE a.model = :wide AND b.model = :again;

-- refused: who may not read the parent, a change that does not fit, a model that is not there
SELECT refused(format('SELECT cerebro.train_change(%s, ''DROP FE distance'')', :base));
SELECT refused('SELECT cerebro.train_change(1000000, ''SET PT.epochs = 2'')');
GRANT SELECT ON trips TO regress_change_stranger;
GRANT EXECUTE ON FUNCTION refused(text) TO regress_change_stranger;
SET SESSION AUTHORIZATION regress_change_stranger;
SELECT change.refused(format('SELECT cerebro.train_change(%s, ''SET PT.epochs = 2'')', :base));

RESET SESSION AUTHORIZATION;
SET client_min_messages = error;
SELECT cerebro.drop_task(name) IS NOT NULL AS dropped FROM cerebro.task WHERE owner = 'regress_change_owner'::regrole;
SELECT setval('cerebro.model_id_seq', :last_model) = :last_model AS restored;
DROP SCHEMA change CASCADE;
DROP ROLE regress_change_owner, regress_change_stranger;
