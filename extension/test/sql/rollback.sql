-- Deployments remember which models answered, and go back.
\getenv abs_srcdir PG_ABS_SRCDIR
SET client_min_messages = warning;
CREATE ROLE regress_rollback_owner;
CREATE ROLE regress_rollback_other;
CREATE SCHEMA rollback AUTHORIZATION regress_rollback_owner;
GRANT USAGE ON SCHEMA rollback TO regress_rollback_other;
SET SESSION AUTHORIZATION regress_rollback_owner;
SET search_path = rollback;
\i :abs_srcdir/../lib/trips.sql
SELECT cerebro.create_task('trips', source => 'SELECT * FROM trips', label => 'delay > 15') > 0 AS made;
SELECT cerebro.create_task('bands', source => 'SELECT * FROM trips',
	label => 'CASE WHEN delay > 15 THEN ''late'' WHEN delay > 5 THEN ''fair'' ELSE ''early'' END') > 0 AS made;
SELECT cerebro.train('trips', 'AS mlp(4) PT epochs = 1, seed = 1') AS a \gset
SELECT cerebro.train('trips', 'AS mlp(4) PT epochs = 1, seed = 2') AS b \gset
SELECT cerebro.train('trips', 'AS mlp(4) PT epochs = 1, seed = 3') AS c \gset
SELECT cerebro.train('bands', 'AS mlp(4) PT epochs = 1') AS bands \gset
CREATE TABLE names AS SELECT unnest(ARRAY[:a, :b, :c, :bands]) AS model, unnest(ARRAY['a', 'b', 'c', 'bands']) AS name;
CREATE FUNCTION answering() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN (SELECT string_agg(name, ',') FROM names, trips t WHERE t.id = 7 AND CASE WHEN name <> 'bands' THEN cerebro.predict(model, t) = late(t) END);
END
$$;

SELECT cerebro.deploy(:a, 'late');
SELECT refused('SELECT cerebro.rollback_deployment(''late'')');
SELECT cerebro.deploy(:b, 'late') IS NOT NULL AS ok;
SELECT answering();
SELECT cerebro.deploy(:c, 'late') IS NOT NULL AS ok;
SELECT answering();

-- a cursor answers by what its snapshot sees, whatever others found since
BEGIN;
DECLARE old CURSOR FOR SELECT late(t) = cerebro.predict((SELECT model FROM names WHERE name = 'c'), t) AS c FROM trips t WHERE id = 7;
SELECT cerebro.deploy(:a, 'late') IS NOT NULL AS ok;
SELECT answering();
FETCH old;
ROLLBACK;
SELECT answering();

-- back, further back, no further; forward again
SELECT cerebro.rollback_deployment('late') = :b AS b;
SELECT answering();
SELECT cerebro.rollback_deployment('rollback.late') = :a AS a;
SELECT answering();
SELECT refused('SELECT cerebro.rollback_deployment(''late'')');
SELECT cerebro.deploy(:c, 'late') IS NOT NULL AS ok;
SELECT cerebro.deploy(:c, 'late') IS NOT NULL AS ok;
SELECT cerebro.rollback_deployment('late') = :b AS b;
SELECT n.name, how, h.owner, until IS NULL AS now, exists
FROM cerebro.deployment_history h JOIN names n USING (model) WHERE function = 'late(trips)'::regprocedure ORDER BY since;
SELECT bool_and(until = next) AS without_gaps
FROM (SELECT until, lead(since) OVER (ORDER BY since) AS next FROM cerebro.deployment_history WHERE function = 'late(trips)'::regprocedure) s
WHERE next IS NOT NULL;

-- rolled back itself, a rollback leaves nothing
BEGIN;
SELECT cerebro.rollback_deployment('late') = :a AS a;
SELECT answering();
ROLLBACK;
SELECT answering();
SELECT count(*) FROM cerebro.deployment_history;

-- a dropped model is passed over
SELECT cerebro.drop_model(:a);
DELETE FROM names WHERE name = 'a';
SELECT refused('SELECT cerebro.rollback_deployment(''late'')');
SELECT model = :a AS a, exists FROM cerebro.deployment_history ORDER BY since LIMIT 1;

-- several classes: history, no quantiles
SELECT cerebro.deploy(:bands, 'band');
SELECT refused('SELECT cerebro.rollback_deployment(''band'')');
SELECT d.model = :bands AS bands, quantiles IS NULL AS none, array_length(quantiles, 1) AS n,
	quantiles[1] <= quantiles[51] AND quantiles[51] <= quantiles[101] AND quantiles[101] <= 1 AS ordered
FROM cerebro.deployment d ORDER BY id;

-- rights
SET SESSION AUTHORIZATION regress_rollback_other;
SELECT refused('SELECT cerebro.rollback_deployment(''late'')');
SELECT count(*) FROM cerebro.deployment_history;
SELECT count(*) FROM cerebro.deployment_event;
SET SESSION AUTHORIZATION regress_rollback_owner;
SELECT cerebro.rollback_deployment('nothing');
BEGIN READ ONLY;
SELECT cerebro.rollback_deployment('late');
ROLLBACK;
SELECT cerebro.undeploy('late');
SELECT count(*) FROM cerebro.deployment_history;

RESET SESSION AUTHORIZATION;
SET client_min_messages = error;
DROP SCHEMA rollback CASCADE;
SELECT name, cerebro.drop_task(name) FROM cerebro.tasks WHERE owner = 'regress_rollback_owner'::regrole ORDER BY id;
DROP ROLE regress_rollback_owner, regress_rollback_other;
