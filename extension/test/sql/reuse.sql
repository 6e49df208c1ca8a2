-- What is in the archive is found, not trained: models, states, data versions.
\getenv abs_srcdir PG_ABS_SRCDIR
SET client_min_messages = warning;
SELECT last_value AS last_model FROM cerebro.model_id_seq \gset
ALTER SEQUENCE cerebro.model_id_seq RESTART 900001; -- a NOTICE names a model
CREATE ROLE regress_reuse_owner;
CREATE ROLE regress_reuse_other;
CREATE ROLE regress_reuse_stranger;
CREATE SCHEMA reuse AUTHORIZATION regress_reuse_owner;
GRANT USAGE ON SCHEMA reuse TO PUBLIC;
SET SESSION AUTHORIZATION regress_reuse_owner;
SET search_path = reuse;
\i :abs_srcdir/../lib/trips.sql
SELECT cerebro.create_task('trips', source => 'SELECT * FROM trips', label => 'delay > 15') > 0 AS made;

-- tensors, metrics and scores of two models, bit by bit
CREATE FUNCTION is_same(a integer, b integer) RETURNS boolean LANGUAGE sql AS $$
	SELECT (SELECT array_agg((name, kind, dims, content)::text ORDER BY ordinal) FROM cerebro.model_part WHERE model = a AND kind <> 'header')
		 = (SELECT array_agg((name, kind, dims, content)::text ORDER BY ordinal) FROM cerebro.model_part WHERE model = b AND kind <> 'header')
	   AND (SELECT array_agg((epoch, train_loss, valid_log_loss, valid_auc, valid_accuracy, state)::text ORDER BY epoch) FROM cerebro.epoch WHERE model = a)
		 = (SELECT array_agg((epoch, train_loss, valid_log_loss, valid_auc, valid_accuracy, state)::text ORDER BY epoch) FROM cerebro.epoch WHERE model = b)
	   AND (SELECT (n_epochs, best_epoch, valid_log_loss, training)::text FROM cerebro.model WHERE id = a)
		 = (SELECT (n_epochs, best_epoch, valid_log_loss, training)::text FROM cerebro.model WHERE id = b);
$$;

-- the same triple again trains nothing and says so, however it is written
SELECT cerebro.train('trips', 'AS mlp(8) PT epochs = 5, patience = 0') AS five \gset
SET client_min_messages = notice;
SELECT cerebro.train('trips', 'AS mlp(8) PT patience=0, epochs=5') = :five AS is_found;
SELECT count(*), count(*) FILTER (WHERE reason = 'found in the archive' AND model = :five) AS found FROM cerebro.job;

-- more epochs go on from there, with the bits of a training from the start
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT cerebro.train('trips', 'AS mlp(8) PT epochs = 9, patience = 0') AS nine \gset
SET cerebro.reuse = off;
SELECT cerebro.train('trips', 'AS mlp(8) PT epochs = 9, patience = 0') AS straight \gset
RESET cerebro.reuse;
SELECT :nine <> :straight AS are_two, is_same(:nine, :straight);
SELECT count(*) = 5 AS shares_five FROM cerebro.epoch a JOIN cerebro.epoch b USING (state) WHERE a.model = :five AND b.model = :nine;
SELECT j.n_epochs, j.train_seconds < m.seconds + 1 AS ok FROM cerebro.job j JOIN cerebro.model m ON m.job = j.id WHERE m.id = :nine;

-- fewer epochs than are kept: from the start, unless states in between are kept
SELECT cerebro.train('trips', 'AS mlp(8) PT epochs = 3, patience = 0') AS three \gset
SELECT n_epochs FROM cerebro.model WHERE id = :three;
SET cerebro.keep_states = 2;
SELECT cerebro.train('trips', 'AS mlp(12) PT epochs = 7, patience = 0') AS seven \gset
SELECT array_agg(epoch ORDER BY epoch) AS kept FROM cerebro.epoch e
WHERE model = :seven AND EXISTS (SELECT FROM cerebro.state_part p WHERE p.state = e.state);
SET client_min_messages = notice;
SELECT cerebro.train('trips', 'AS mlp(12) PT epochs = 6, patience = 0') AS six \gset
-- a training that is complete in the archive, under another triple
SELECT cerebro.train('trips', 'FE carrier, hour, distance, taxi AS mlp(12) PT epochs = 6, patience = 0') AS again \gset
SET client_min_messages = warning;
SELECT :six <> :again AS are_two, is_same(:six, :again);
-- none kept
SET cerebro.keep_states = -1;
SELECT cerebro.train('trips', 'AS mlp(4) PT epochs = 2') AS none \gset
SELECT count(*) FROM cerebro.epoch e JOIN cerebro.state_part p USING (state) WHERE e.model = :none;
RESET cerebro.keep_states;

-- patience is not in force in an epoch, and ends where it would have ended
SELECT cerebro.train('trips', 'AS mlp(8) PT epochs = 40, patience = 0, sgd(lr = 3)') AS long \gset
SET cerebro.reuse = off;
SELECT cerebro.train('trips', 'AS mlp(8) PT epochs = 40, patience = 2, sgd(lr = 3)') AS patient \gset
RESET cerebro.reuse;
SELECT n_epochs < 40 AS stops FROM cerebro.model WHERE id = :patient;
SELECT cerebro.drop_model(:patient);
SELECT cerebro.train('trips', 'AS mlp(8) PT epochs = 40, patience = 2, sgd(lr = 3)') AS patient \gset
SELECT n_epochs < 40 AS stops FROM cerebro.model WHERE id = :patient;

-- the best epoch by another metric
SELECT cerebro.train('trips', 'AS mlp(8) PT epochs = 30, patience = 0, sgd(lr = 3), metric = auc') AS long \gset
SELECT cerebro.train('trips', 'AS mlp(8) PT epochs = 33, patience = 0, sgd(lr = 3), metric = auc') AS longer \gset
SET cerebro.reuse = off;
SELECT cerebro.train('trips', 'AS mlp(8) PT epochs = 33, patience = 0, sgd(lr = 3), metric = auc') AS straight \gset
RESET cerebro.reuse;
SELECT is_same(:straight, :longer), n_epochs FROM cerebro.model WHERE id = :longer;

-- rows: what is written starts a new data version, and nothing of it is found
SELECT count(*) FROM cerebro.data_version;
SELECT cerebro.refresh('trips') = max(id) AS is_newest FROM cerebro.data_version;
BEGIN;
UPDATE trips SET hour = hour + 1 WHERE id = 1;
SELECT count(*) FROM cerebro.data_version;
ROLLBACK;
SELECT cerebro.refresh('trips') = max(id) AS is_newest FROM cerebro.data_version;
VACUUM (FULL, FREEZE) trips;
SET client_min_messages = notice;
SELECT cerebro.train('trips', 'AS mlp(8) PT epochs = 5, patience = 0') = :five AS is_found;
UPDATE trips SET hour = hour + 1 WHERE id = 1;
SELECT cerebro.refresh('trips') > 0 AS ok;
SELECT cerebro.refresh('trips') > 0 AS quietly;
SET client_min_messages = warning;
SELECT count(*) FROM cerebro.data_version;
SELECT cerebro.train('trips', 'AS mlp(8) PT epochs = 5, patience = 0') AS changed \gset
SELECT :changed <> :five AS is_another, a.training <> b.training AS is_made_of_others
FROM cerebro.model a, cerebro.model b WHERE a.id = :five AND b.id = :changed;
SELECT what, change FROM cerebro.diff(:five, :changed) WHERE what IN ('log_loss', 'decisions');
-- what was not read may have changed, what was read has not: a new version that shares all
UPDATE trips SET hour = hour WHERE id = 1;
SELECT cerebro.train('trips', 'AS mlp(8) PT epochs = 5, patience = 0') AS shared \gset
SELECT :shared <> :changed AS is_another, is_same(:changed, :shared);
SELECT count(*) FROM cerebro.data_version;
-- a column that nobody reads changes its meaning in the catalog only
ALTER TABLE trips ADD extra integer DEFAULT 3;
SELECT cerebro.refresh('trips') = max(id) FROM cerebro.data_version;
SELECT count(*) FROM cerebro.data_version;
-- tables that FE joins are read, too
CREATE TABLE carriers (carrier text PRIMARY KEY, age integer);
INSERT INTO carriers VALUES ('AA', 90), ('B6', 20), ('DL', 95), ('UA', 94);
SELECT cerebro.train('trips', 'FE *, JOIN carriers USING (carrier) AS mlp(8) PT epochs = 2') AS joined \gset
SELECT count(*) FROM cerebro.data_version;
SELECT cerebro.train('trips', 'FE *, JOIN carriers USING (carrier) AS mlp(8) PT epochs = 2') = :joined AS is_found;
UPDATE carriers SET age = 25 WHERE carrier = 'B6';
SELECT cerebro.train('trips', 'FE *, JOIN carriers USING (carrier) AS mlp(8) PT epochs = 2') = :joined AS is_found;
SELECT count(*) FROM cerebro.data_version;
-- expressions of one name
SELECT cerebro.train('trips', 'FE x = (hour + 1) AS mlp(8) PT epochs = 2') <> cerebro.train('trips', 'FE x = (hour / 2) AS mlp(8) PT epochs = 2') AS differ;
SELECT count(*) FROM cerebro.data_version;

-- within a transaction that writes, what was read decides
BEGIN;
UPDATE trips SET hour = hour WHERE id = 2;
SELECT cerebro.train('trips', 'AS mlp(6) PT epochs = 2') AS one \gset
SELECT cerebro.train('trips', 'AS mlp(6) PT epochs = 2') = :one AS is_found;
UPDATE trips SET hour = hour + 1 WHERE id = 2;
SELECT cerebro.train('trips', 'AS mlp(6) PT epochs = 2') = :one AS is_found;
ROLLBACK;
-- two in one command
SELECT a.m = b.m AS is_found FROM (SELECT cerebro.train('trips', 'AS mlp(5) PT epochs = 2') AS m OFFSET 0) a,
	LATERAL (SELECT cerebro.train('trips', CASE WHEN a.m > 0 THEN 'AS mlp(5) PT epochs = 2' END) AS m OFFSET 0) b;

-- rights: whoever reads the same rows may use states, but not another's model
SELECT cerebro.train('trips', 'AS mlp(9) PT epochs = 3') AS mine \gset
GRANT SELECT ON trips TO regress_reuse_other;
SET SESSION AUTHORIZATION regress_reuse_other;
SELECT cerebro.create_task('theirs', source => 'SELECT id, carrier, hour, distance, taxi, delay FROM reuse.trips', label => 'delay > 15') > 0 AS made;
SET client_min_messages = notice;
SELECT cerebro.train('theirs', 'AS mlp(9) PT epochs = 3') AS theirs \gset
SET client_min_messages = warning;
SELECT count(*) = 1 AS sees_own FROM cerebro.models;
SELECT count(*) > 3 AS sees_parts FROM cerebro.epoch e JOIN cerebro.state_part p USING (state);
SELECT count(*) > 10 AS sees_artefacts FROM cerebro.artefact;
RESET SESSION AUTHORIZATION;
SELECT is_same(:mine, :theirs);
-- who may not read the rows gets nothing of what is found
GRANT regress_reuse_owner TO regress_reuse_stranger;
SET SESSION AUTHORIZATION regress_reuse_owner;
REVOKE SELECT ON trips FROM regress_reuse_other;
SET SESSION AUTHORIZATION regress_reuse_other;
SELECT cerebro.train('theirs', 'AS mlp(9) PT epochs = 3');
RESET SESSION AUTHORIZATION;

-- row security: rows are what a role sees, not what the table holds
SET SESSION AUTHORIZATION regress_reuse_owner;
GRANT SELECT ON trips TO regress_reuse_other;
ALTER TABLE trips ENABLE ROW LEVEL SECURITY;
CREATE POLICY half ON trips FOR SELECT TO regress_reuse_other USING (id % 3 > 0);
SELECT cerebro.train('trips', 'AS mlp(9) PT epochs = 3') AS mine \gset
SET SESSION AUTHORIZATION regress_reuse_other;
SELECT cerebro.train('theirs', 'AS mlp(9) PT epochs = 3') AS theirs \gset
SELECT cerebro.train('theirs', 'AS mlp(9) PT epochs = 3') = :theirs AS is_found_by_reading;
RESET SESSION AUTHORIZATION;
SELECT is_same(:mine, :theirs);

-- dropping: what others share stays, what nobody has goes
SET client_min_messages = error;
SELECT cerebro.drop_model(:five);
SELECT cerebro.predict(:nine, t) IS NOT NULL AS scores FROM reuse.trips t LIMIT 1;
SELECT count(DISTINCT a.id) > 10 AS has_its_story FROM cerebro.model_artefact m JOIN cerebro.artefact a ON a.id = m.artefact WHERE m.model = :nine;
SELECT cerebro.drop_task(name) IS NOT NULL AS dropped FROM cerebro.task WHERE owner IN ('regress_reuse_owner'::regrole, 'regress_reuse_other'::regrole);
SELECT count(*) AS states FROM cerebro.state_part s WHERE NOT EXISTS (SELECT FROM cerebro.epoch e WHERE e.state = s.state);
SELECT count(*) AS artefacts FROM cerebro.artefact a WHERE NOT EXISTS (SELECT FROM cerebro.model_artefact m WHERE m.artefact = a.id);
SELECT count(*) AS contents FROM cerebro.content c WHERE NOT EXISTS (SELECT FROM cerebro.model_part p WHERE p.content = c.id)
	AND NOT EXISTS (SELECT FROM cerebro.state_part p WHERE p.content = c.id);
SELECT setval('cerebro.model_id_seq', :last_model) = :last_model AS restored;
DROP SCHEMA reuse CASCADE;
DROP ROLE regress_reuse_owner, regress_reuse_other, regress_reuse_stranger;
