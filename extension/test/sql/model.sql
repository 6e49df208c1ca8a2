-- Models as rows: seen by those who may use them, dropped whole.
\getenv abs_srcdir PG_ABS_SRCDIR
SET cerebro.reuse = off; -- twins are wanted
SET client_min_messages = warning;
SELECT count(*) AS orphans FROM cerebro.content c WHERE NOT EXISTS (SELECT FROM cerebro.model_part p WHERE p.content = c.id)
	AND NOT EXISTS (SELECT FROM cerebro.state_part p WHERE p.content = c.id) \gset
CREATE ROLE regress_model_owner;
CREATE ROLE regress_model_other;
CREATE SCHEMA model AUTHORIZATION regress_model_owner;
GRANT USAGE ON SCHEMA model TO regress_model_other;
SET SESSION AUTHORIZATION regress_model_owner;
SET search_path = model;
\i :abs_srcdir/../lib/trips.sql
SELECT cerebro.create_task('trips', source => 'SELECT * FROM trips', label => 'delay > 15') > 0 AS made;
SELECT cerebro.train('trips', 'AS mlp(8) PT epochs = 2') AS one \gset
SELECT cerebro.train('trips', 'AS mlp(8) PT epochs = 2') AS twin \gset
SELECT cerebro.train('trips', 'AS mlp(12) PT epochs = 2') AS other \gset

SELECT task, n_weights > 0 AS has_weights, n_epochs, best_epoch BETWEEN 1 AND 2 AS has_best,
       valid_log_loss BETWEEN 0 AND 2 AS has_loss, valid_auc BETWEEN 0 AND 1 AS has_auc, openings, owner
FROM cerebro.models ORDER BY id;

-- twins share their bytes
SELECT count(*) > 3 AS has_parts, count(*) = count(*) FILTER (WHERE a.content = b.content) AS shares_all
FROM cerebro.model_part a JOIN cerebro.model_part b USING (ordinal) WHERE a.model = :one AND b.model = :twin;

-- others neither see nor drop them
SET SESSION AUTHORIZATION regress_model_other;
SELECT count(*) FROM cerebro.models;
SELECT count(*) FROM cerebro.model_part;
SELECT count(*) FROM cerebro.content;
SELECT model.refused(format('SELECT cerebro.drop_model(%s)', :one));
DELETE FROM cerebro.model;
SET SESSION AUTHORIZATION regress_model_owner;

-- what others share stays, what nobody has goes
SELECT cerebro.drop_model(:one);
SELECT cerebro.predict(:twin, t) IS NOT NULL AS ok FROM trips t WHERE id = 1;
SELECT refused(format('SELECT cerebro.predict(%s, t) FROM trips t WHERE id = 1', :one));
SELECT cerebro.drop_model(:twin);
BEGIN;
SELECT cerebro.drop_model(:other);
ROLLBACK;
SELECT cerebro.predict(:other, t) IS NOT NULL AS ok FROM trips t WHERE id = 1;
RESET SESSION AUTHORIZATION;
SELECT count(*) - :orphans AS new_orphans FROM cerebro.content c WHERE NOT EXISTS (SELECT FROM cerebro.model_part p WHERE p.content = c.id)
	AND NOT EXISTS (SELECT FROM cerebro.state_part p WHERE p.content = c.id);
SET SESSION AUTHORIZATION regress_model_owner;
SELECT refused(format('SELECT cerebro.drop_model(%s)', :one));
SELECT cerebro.drop_model(NULL) IS NULL AS nothing;
BEGIN READ ONLY;
SELECT cerebro.drop_model(:other);
ROLLBACK;

-- damaged bytes are told, not used
RESET SESSION AUTHORIZATION;
UPDATE cerebro.content SET bytes = '\x00' WHERE id = (SELECT content FROM cerebro.model_part WHERE model = :other AND kind = 'header');
\c
SET search_path = model;
SELECT refused(format('SELECT cerebro.predict(%s, t) FROM trips t WHERE id = 1', :other));
DELETE FROM cerebro.model_part WHERE model = :other AND kind = 'header';
SELECT refused(format('SELECT cerebro.predict(%s, t) FROM trips t WHERE id = 1', :other));

SET client_min_messages = error;
SELECT name, cerebro.drop_task(name) FROM cerebro.tasks WHERE owner = 'regress_model_owner'::regrole ORDER BY id;
DELETE FROM cerebro.content c WHERE NOT EXISTS (SELECT FROM cerebro.model_part p WHERE p.content = c.id)
	AND NOT EXISTS (SELECT FROM cerebro.state_part p WHERE p.content = c.id);
DROP SCHEMA model CASCADE;
DROP ROLE regress_model_owner, regress_model_other;
