-- Deployments: functions over rows that answer with a model.
\getenv abs_srcdir PG_ABS_SRCDIR
SET client_min_messages = warning;
CREATE ROLE regress_deploy_owner;
CREATE ROLE regress_deploy_user;
CREATE ROLE regress_deploy_thief;
CREATE SCHEMA deploy AUTHORIZATION regress_deploy_owner;
CREATE SCHEMA deploy_thief AUTHORIZATION regress_deploy_thief;
GRANT USAGE ON SCHEMA deploy TO regress_deploy_user, regress_deploy_thief;
SET SESSION AUTHORIZATION regress_deploy_owner;
SET search_path = deploy;
\i :abs_srcdir/../lib/trips.sql
\i :abs_srcdir/../lib/plan.sql
GRANT SELECT ON trips TO regress_deploy_user, regress_deploy_thief;
CREATE VIEW trips_view AS SELECT id, carrier, hour, distance, taxi, delay FROM trips;
SELECT cerebro.create_task('trips', source => 'SELECT * FROM trips', label => 'delay > 15') > 0 AS made;
SELECT cerebro.create_task('views', source => 'SELECT * FROM trips_view', label => 'delay > 15', key => '{id}') > 0 AS made;
SELECT cerebro.create_task('bands', source => 'SELECT * FROM trips',
	label => 'CASE WHEN delay > 15 THEN ''late'' WHEN delay > 5 THEN ''fair'' ELSE ''early'' END') > 0 AS made;
SELECT cerebro.create_task('joined', source => 'SELECT a.*, b.taxi AS other_taxi FROM trips a JOIN trips b ON b.id = a.id + 1',
	label => 'delay > 15', key => '{id}') > 0 AS made;
SELECT cerebro.train('trips', 'AS mlp(8) PT epochs = 2') AS one \gset
SELECT cerebro.train('trips', 'AS mlp(8) PT epochs = 2, seed = 2') AS two \gset
SELECT cerebro.train('views', 'AS mlp(8) PT epochs = 2') AS views \gset
SELECT cerebro.train('bands', 'AS mlp(8) PT epochs = 2') AS bands \gset
SELECT cerebro.train('joined', 'AS mlp(8) PT epochs = 2') AS joined \gset

-- functions of the caller, whom nobody else may execute
SELECT cerebro.deploy(:one, 'late');
SELECT p.oid::regprocedure, proowner::regrole, provolatile, proparallel, prosecdef, lanname, prorettype::regtype,
       has_function_privilege('regress_deploy_user', p.oid, 'EXECUTE') AS others
FROM pg_proc p JOIN pg_language l ON l.oid = prolang
WHERE pronamespace = 'deploy'::regnamespace ORDER BY 1;
SELECT obj_description('late(trips)'::regprocedure), obj_description('late_proba(trips)'::regprocedure);
SELECT d.function, d.relation, d.model = :one AS is_one, d.task, d.owner, d.kernel_class = m.kernel_class AS of_this_machine FROM cerebro.deployments d JOIN cerebro.models m ON m.id = d.model ORDER BY d.id;
SELECT max(id) AS deployment FROM cerebro.deployments \gset

-- they answer as predict does, in any position of a query
SELECT count(*), bool_and(late(t) = cerebro.predict(:one, t)) AS same,
       bool_and(late_proba(t) = cerebro.predict_proba(:one, t)) AS same_proba FROM trips t;
SELECT (SELECT count(*) FROM trips t WHERE late(t) > 0.5) = (SELECT count(*) FILTER (WHERE p > 0.5) FROM (SELECT late(t) AS p FROM trips t) s) AS same;
SELECT bool_and(p >= q) AS ordered FROM (SELECT late(t) AS p, lead(late(t)) OVER (ORDER BY late(t) DESC) AS q FROM trips t) s;
SELECT count(*) > 1 AS grouped FROM (SELECT round(late(t)::numeric, 1) FROM trips t GROUP BY 1 HAVING avg(late(t)) >= 0) s;
SELECT (t.late) BETWEEN 0 AND 1 AS attribute_notation FROM trips t WHERE id = 1;
SELECT late(t) IS NULL AS null_row FROM (VALUES (0)) v(id) LEFT JOIN trips t USING (id);

-- the planner sees through them
SELECT plan_of('SELECT late(t) FROM trips t WHERE id = 1', 'VERBOSE, COSTS OFF');

-- copies of the weights in fewer bytes, and what they lose
SELECT cerebro.deploy(:one, 'late_half', 'bf16'), cerebro.deploy(:one, 'late_byte', layout => 'int8'), cerebro.deploy(:bands, 'band_byte', 'int8');
SELECT function, layout, bytes < full_bytes * 0.8 AS fewer, full_loss > 0 AS has_loss, abs(loss - full_loss) < 0.01 AS near, differ < 0.02 AS decides
FROM cerebro.deployments ORDER BY id;
SELECT bool_and(abs(late_half(t) - late(t)) < 0.02) AS near_half, bool_and(abs(late_byte(t) - late(t)) < 0.04) AS near_byte,
	bool_or(late_half(t) <> late(t)) AS differs_half, bool_or(late_byte(t) <> late_half(t)) AS differs_byte, bool_and(late(t) = cerebro.predict(:one, t)) AS full_is_full,
	bool_and(late_byte(t) = (late_byte_proba(t) ->> 'true')::real) AS proba FROM trips t;
SELECT bool_and(one = many) AS same FROM (SELECT id, late_byte(t) AS many FROM trips t) s, LATERAL (SELECT late_byte(t) AS one FROM trips t WHERE t.id = s.id) o WHERE id % 100 = 0;
-- a copy as bf16 multiplies in bf16: rows alone and together, in one process and in several
SELECT cerebro.train('trips', 'AS mlp(200, 96, 40) PT epochs = 2') AS wide, cerebro.train('trips', 'AS mlp(48) > skip(mlp(48)) PT epochs = 2') AS skips \gset
SELECT cerebro.deploy(:wide, 'wide'), cerebro.deploy(:wide, 'wide_half', 'bf16'), cerebro.deploy(:skips, 'skips_half', 'bf16');
SELECT function, layout, loss <> full_loss AS loses, abs(loss - full_loss) < 0.01 AS near FROM cerebro.deployments WHERE function::text ~ '(wide|skips)_half' ORDER BY id;
CREATE TEMP TABLE half AS SELECT id, wide_half(t) AS half, skips_half(t) AS skips FROM trips t;
SELECT bool_and(abs(half - wide(t)) < 0.02) AS near, bool_or(half <> wide(t)) AS differs FROM trips t JOIN half USING (id);
SET cerebro.batch_scoring = off;
SELECT count(*) FILTER (WHERE half <> wide_half(t)) AS wide_differ, count(*) FILTER (WHERE skips <> skips_half(t)) AS skips_differ FROM trips t JOIN half USING (id);
SET cerebro.batch_scoring = on;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
CREATE TEMP TABLE in_parallel AS SELECT id, wide_half(t) AS half FROM trips t;
SELECT count(*) AS differ FROM half JOIN in_parallel p USING (id) WHERE half.half <> p.half;
RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size;
SELECT cerebro.undeploy('wide'), cerebro.undeploy('wide_half'), cerebro.undeploy('skips_half');
SELECT count(*) AS deployed_again FROM (SELECT cerebro.deploy(:one, 'late_two', 'int8')) d;
SELECT count(*) AS copies, count(DISTINCT model) AS models FROM cerebro.model_copy;
SELECT cerebro.deploy(:two, 'late_two', 'bf16');
SELECT function, model = :one AS is_one, layout FROM cerebro.deployments WHERE function::text LIKE '%two%';
SELECT cerebro.rollback_deployment('late_two') = :one AS is_one;
SELECT function, model = :one AS is_one, layout FROM cerebro.deployments WHERE function::text LIKE '%two%';
SELECT layout, how FROM cerebro.deployment_history WHERE function::text LIKE '%two%' ORDER BY since;
SELECT cerebro.deploy(:one, 'late_two', 'fp16');
SELECT cerebro.deploy(:one, 'late_two', NULL);
SELECT cerebro.undeploy('late_half'), cerebro.undeploy('band_byte'), cerebro.undeploy('late_two');
SELECT layout, count(*) FROM cerebro.model_copy GROUP BY 1;
SELECT cerebro.undeploy('late_byte');
SELECT count(*) FROM cerebro.model_copy;
SELECT count(*) FROM cerebro.copy_part;

-- cheap conditions go first
SELECT plan_of('SELECT id FROM trips t WHERE late(t) > 0.5 AND distance > 100', 'VERBOSE, COSTS OFF');

-- and loads the library while it plans a session's first statement
\c
SET search_path = deploy;
SELECT current_setting('cerebro.model_memory', true) IS NOT NULL AS loaded;
SELECT plan_of('SELECT late(t) FROM trips t');
SELECT current_setting('cerebro.model_memory', true) IS NOT NULL AS loaded;
SET client_min_messages = warning;
SET SESSION AUTHORIZATION regress_deploy_owner;

-- a switch keeps functions and grants, and is seen at once
GRANT EXECUTE ON FUNCTION late(trips) TO regress_deploy_user;
PREPARE score AS SELECT late(t) FROM trips t WHERE id = 7;
CREATE TEMP TABLE before AS EXECUTE score;
SELECT 'late(trips)'::regprocedure::oid AS function \gset
BEGIN;
SELECT cerebro.deploy(:two, 'late')::oid = :function AS same_function;
CREATE TEMP TABLE after ON COMMIT DROP AS EXECUTE score;
SELECT b.late <> a.late AS switched, a.late = cerebro.predict(:two, t) AS as_two FROM before b, after a, trips t WHERE id = 7;
ROLLBACK;
CREATE TEMP TABLE again AS EXECUTE score;
SELECT b.late = a.late AS switched_back FROM before b, again a;
SELECT cerebro.deploy(:two, 'deploy.late');
SELECT has_function_privilege('regress_deploy_user', 'late(trips)', 'EXECUTE') AS still_granted;
SELECT count(*), bool_and(late(t) = cerebro.predict(:two, t)) AS as_two FROM trips t;

-- one expression that lives on while the model is switched under it
CREATE FUNCTION switch() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	t trips;
	answers real[];
	models int[] := (SELECT array_agg(id ORDER BY id) FROM cerebro.models WHERE task = 'trips');
BEGIN
	SELECT * INTO t FROM trips WHERE id = 7;
	FOR i IN 1..4 LOOP
		PERFORM cerebro.deploy(models[1 + i % 2], 'late');
		answers[i] := late(t);
	END LOOP;
	RETURN answers[1] = answers[3] AND answers[2] = answers[4] AND answers[1] <> answers[2];
END
$$;
SELECT switch();

-- another role: by grant only, whichever way it calls
SET SESSION AUTHORIZATION regress_deploy_user;
SELECT count(*), bool_and(late(t) BETWEEN 0 AND 1) AS ok FROM trips t;
SELECT cerebro.score_row(:deployment, t) IS NOT NULL AS ok FROM trips t WHERE id = 1;
SELECT late_proba(t) FROM trips t WHERE id = 1;
SELECT cerebro.score_row_proba(:deployment, t) FROM trips t WHERE id = 1;
SELECT refused(format('SELECT cerebro.score_row_class(%s, t) FROM trips t WHERE id = 1', :deployment));
SELECT refused(format('SELECT cerebro.predict(%s, t) FROM trips t WHERE id = 1', :one));
SET SESSION AUTHORIZATION regress_deploy_thief;
SELECT late(t) FROM trips t WHERE id = 1;
SELECT cerebro.score_row(:deployment, t) FROM trips t WHERE id = 1;
SELECT cerebro.score_row(2000000000, t) FROM trips t WHERE id = 1;

-- a function of the same body gives no right
SELECT format('CREATE FUNCTION deploy_thief.late(deploy.trips) RETURNS real LANGUAGE sql STABLE AS %L',
	format('SELECT cerebro.score_row(%s, $1)', :deployment)) AS forgery \gset
:forgery;
SELECT deploy_thief.late(t) FROM trips t WHERE id = 1;
SELECT count(*) FROM cerebro.deployments;
SET SESSION AUTHORIZATION regress_deploy_owner;
SELECT count(*) FROM cerebro.deployments;

-- a right that ends, ends at once
SET SESSION AUTHORIZATION regress_deploy_user;
PREPARE granted AS SELECT late(t) IS NOT NULL AS ok FROM trips t WHERE id = 1;
EXECUTE granted;
SET SESSION AUTHORIZATION regress_deploy_owner;
REVOKE EXECUTE ON FUNCTION late(trips) FROM regress_deploy_user;
SET SESSION AUTHORIZATION regress_deploy_user;
EXECUTE granted;

-- only who owns the function and may use the model switches it
SELECT refused(format('SELECT cerebro.deploy(%s, %L)', :one, 'deploy.late'));
RESET SESSION AUTHORIZATION;
GRANT regress_deploy_owner TO regress_deploy_thief;
CREATE FUNCTION deploy.taken(deploy.trips) RETURNS real LANGUAGE sql RETURN 0.0;
SET SESSION AUTHORIZATION regress_deploy_thief;
SELECT cerebro.deploy(:one, 'deploy_thief.mine');
SET SESSION AUTHORIZATION regress_deploy_owner;
SELECT refused(format('SELECT cerebro.deploy(%s, %L)', :two, 'deploy_thief.mine'));

-- and when its owner loses the right to the model it answers no more
RESET SESSION AUTHORIZATION;
REVOKE regress_deploy_owner FROM regress_deploy_thief;
SET SESSION AUTHORIZATION regress_deploy_thief;
SELECT refused('SELECT deploy_thief.mine(t) FROM trips t WHERE id = 1');
SET SESSION AUTHORIZATION regress_deploy_owner;

-- what cannot be deployed
SELECT refused(format('SELECT cerebro.deploy(%s, %L)', :joined, 'joined'));
SELECT cerebro.deploy(:one, 'taken');
SELECT cerebro.deploy(:one, 'no_such_schema.late');
SELECT cerebro.deploy(:one, '');
SELECT cerebro.deploy(:one, 'late..two');
SELECT cerebro.undeploy('"late');
SELECT cerebro.deploy(:one, repeat('x', 60));
SELECT cerebro.deploy(2000000000, 'late');
SELECT refused(format('SELECT cerebro.deploy(%s, %L)', :one, 'pg_catalog.late'));
SET search_path = pg_catalog;
SELECT cerebro.deploy(:one, 'late');
SET search_path = deploy;
SELECT cerebro.deploy(:bands, 'late');
BEGIN READ ONLY;
SELECT cerebro.deploy(:one, 'late');
ROLLBACK;
BEGIN READ ONLY;
SELECT late(t) IS NOT NULL AS ok FROM trips t WHERE id = 1;
COMMIT;

-- several classes
SELECT cerebro.deploy(:bands, 'band');
SELECT bool_and(band(t) = cerebro.predict_class(:bands, t)) AS same,
       bool_and(band_proba(t) = cerebro.predict_proba(:bands, t)) AS same_proba,
       count(DISTINCT band(t)) > 1 AS differ
FROM trips t;
SELECT pg_get_function_result('band(trips)'::regprocedure) AS result;

-- odd names are quoted
SELECT cerebro.deploy(:one, 'deploy."Late; DROP TABLE trips"');
SELECT "Late; DROP TABLE trips"(t) IS NOT NULL AS ok FROM trips t WHERE id = 1;
SELECT cerebro.undeploy('"Late; DROP TABLE trips"');

-- a view, rows of a view, a view over the function
SELECT cerebro.deploy(:views, 'late');
SELECT cerebro.deploy(:views, 'late_view');
SELECT count(*), bool_and(late(v) = cerebro.predict(:views, v)) AS same, bool_and(late(v) = late_view(v)) AS same_model FROM trips_view v;
CREATE VIEW scored AS SELECT v.id, late_view(v) AS p FROM trips_view v;
SELECT count(*), bool_and(s.p = late(v)) AS same FROM scored s JOIN trips_view v USING (id);
SELECT cerebro.undeploy('late');
SELECT cerebro.undeploy('late_view');
DROP VIEW scored;
SELECT cerebro.undeploy('late_view');
SELECT cerebro.undeploy('late_view');

-- renamed, moved, given away: a function is known by what it does
RESET SESSION AUTHORIZATION;
CREATE SCHEMA deploy_b AUTHORIZATION regress_deploy_owner;
SET SESSION AUTHORIZATION regress_deploy_owner;
ALTER FUNCTION band(trips) RENAME TO ribbon;
ALTER FUNCTION ribbon(trips) SET SCHEMA deploy_b;
SELECT bool_and(deploy_b.ribbon(t) = cerebro.predict_class(:bands, t)) AS same FROM trips t;
SELECT function FROM cerebro.deployments WHERE model = :bands;
SELECT refused(format('SELECT cerebro.drop_model(%s)', :bands));
SELECT cerebro.undeploy('deploy_b.ribbon');
SELECT count(*) FROM cerebro.deployments WHERE model = :bands;
SELECT cerebro.drop_model(:bands);

-- names of hostile schemas in front of the path change nothing
CREATE FUNCTION deploy_b.score_row(integer, trips) RETURNS real LANGUAGE sql AS 'SELECT -1::real';
CREATE FUNCTION deploy_b.hostile(integer, integer) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'called'; END$$;
CREATE OPERATOR deploy_b.= (LEFTARG = integer, RIGHTARG = integer, FUNCTION = deploy_b.hostile);
SET search_path = deploy_b, pg_catalog, deploy;
SELECT deploy.late(t) BETWEEN 0 AND 1 AS ok FROM trips t LIMIT 1;
SELECT cerebro.deploy(:one, 'deploy.safe');
SELECT deploy.safe(t) IS NOT NULL AS ok FROM trips t LIMIT 1;
SELECT count(*) > 0 AS seen FROM cerebro.deployments;
SELECT cerebro.undeploy('deploy.safe');
SET search_path = deploy;

-- columns come and go; the ones that the model reads must stay
ALTER TABLE trips ADD COLUMN note text DEFAULT 'x';  -- stored nowhere
ALTER TABLE trips ADD COLUMN gone integer;
ALTER TABLE trips DROP COLUMN gone;
SELECT count(*), bool_and(late(t) = cerebro.predict(:one, s)) AS same
FROM trips t, LATERAL (SELECT t.carrier, t.hour, t.distance, t.taxi, t.id, t.delay) s;

-- row-level security: only rows that are seen are scored
ALTER TABLE trips ENABLE ROW LEVEL SECURITY;
CREATE POLICY low ON trips FOR SELECT TO regress_deploy_user USING (id <= 10);
GRANT EXECUTE ON FUNCTION late(trips) TO regress_deploy_user;
SET SESSION AUTHORIZATION regress_deploy_user;
SELECT count(late(t)) FROM trips t;
SET SESSION AUTHORIZATION regress_deploy_owner;
ALTER TABLE trips DISABLE ROW LEVEL SECURITY;

-- partitions
CREATE TABLE parted (LIKE trips) PARTITION BY RANGE (id);
CREATE TABLE parted_low PARTITION OF parted FOR VALUES FROM (0) TO (2000);
CREATE TABLE parted_high (note text, delay integer NOT NULL, taxi float8, distance integer NOT NULL, hour smallint, carrier text, id integer NOT NULL);
ALTER TABLE parted ATTACH PARTITION parted_high FOR VALUES FROM (2000) TO (9999);
INSERT INTO parted SELECT * FROM trips;
SELECT cerebro.create_task('parted', source => 'SELECT * FROM parted', label => 'delay > 15', key => '{id}', exclude => '{note}') > 0 AS made;
SELECT cerebro.train('parted', 'AS mlp(8) PT epochs = 2') AS parted \gset
SELECT cerebro.deploy(:parted, 'late_parted');
SELECT count(*), bool_and(late_parted(p) = cerebro.predict(:parted, t)) AS same FROM parted p JOIN trips t USING (id);
SELECT count(*) > 0 AS of_a_partition, bool_and(late_parted(p) = cerebro.predict(:parted, t)) AS same FROM parted_high p JOIN trips t USING (id);

-- functions of the task's author run for nobody else unasked
CREATE FUNCTION feature(integer) RETURNS integer LANGUAGE plpgsql STABLE AS $$BEGIN RETURN $1 / 100; END$$;
SELECT cerebro.create_task('coded', source => 'SELECT id, hour, feature(distance) AS hundreds, delay FROM trips', label => 'delay > 15', key => '{id}') > 0 AS made;
SELECT cerebro.train('coded', 'AS mlp(8) PT epochs = 2') AS coded \gset
SELECT cerebro.deploy(:coded, 'late_coded');
GRANT EXECUTE ON FUNCTION late_coded(trips) TO regress_deploy_user;
SELECT count(late_coded(t)) AS of_the_owner FROM trips t;
SET SESSION AUTHORIZATION regress_deploy_user;
SELECT late_coded(t) FROM trips t LIMIT 1;
SET cerebro.allow_user_functions = on;
SELECT count(late_coded(t)) AS allowed FROM trips t;
RESET cerebro.allow_user_functions;
SELECT late_coded(t) FROM trips t LIMIT 1;
RESET SESSION AUTHORIZATION;
SELECT deploy.late_coded(t) FROM trips t LIMIT 1;
SET SESSION AUTHORIZATION regress_deploy_owner;

-- a column that is of another kind now
CREATE TABLE kinds AS SELECT id, hour, distance, delay FROM trips;
SELECT cerebro.create_task('kinds', source => 'SELECT * FROM kinds', label => 'delay > 15', key => '{id}') > 0 AS made;
SELECT cerebro.train('kinds', 'FE hour, distance AS mlp(8) PT epochs = 2') AS kinds \gset
SELECT cerebro.deploy(:kinds, 'late_kind');
ALTER TABLE kinds ALTER hour TYPE bigint;
SELECT bool_and(late_kind(k) = cerebro.predict(:kinds, s)) AS a_wider_number_is_the_same
FROM kinds k, LATERAL (SELECT k.hour::smallint AS hour, k.distance) s;
ALTER TABLE kinds ALTER hour TYPE text;
SELECT late_kind(k) FROM kinds k LIMIT 1;
SELECT refused(format('SELECT cerebro.evaluate(%s)', :kinds));
ALTER TABLE kinds RENAME hour TO hours;
SELECT late_kind(k) FROM kinds k LIMIT 1;
DROP TABLE kinds CASCADE;

-- writes: INSERT, UPDATE, a trigger, a cursor
ALTER TABLE trips ADD COLUMN score real;
UPDATE trips t SET score = late(t);
SELECT bool_and(score = cerebro.predict(:one, t)) AS same FROM trips t;
CREATE FUNCTION set_score() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.score := deploy.late(NEW); RETURN NEW; END$$;
CREATE TRIGGER score BEFORE INSERT ON trips FOR EACH ROW EXECUTE FUNCTION set_score();
INSERT INTO trips (id, carrier, hour, distance, taxi, delay) VALUES (9001, 'AA', 8, 900, NULL, 3) RETURNING score BETWEEN 0 AND 1 AS ok;
-- OLD may be stored without columns that came later with a default
ALTER TABLE trips ADD COLUMN zone text DEFAULT 'east';
UPDATE trips SET zone = 'west' WHERE id % 5 = 0;
SELECT cerebro.create_task('zones', source => 'SELECT * FROM trips', label => 'delay > 15') > 0 AS made;
SELECT cerebro.train('zones', 'FE zone, hour AS mlp(8) PT epochs = 2') AS zones \gset
SELECT cerebro.deploy(:zones, 'late_zone');
CREATE FUNCTION check_old() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE WARNING 'OLD and NEW have one score: %', deploy.late_zone(OLD) = deploy.late_zone(NEW);
	RETURN NEW;
END
$$;
CREATE TRIGGER check_old BEFORE UPDATE ON trips FOR EACH ROW EXECUTE FUNCTION check_old();
UPDATE trips SET note = 'y' WHERE id = 1;
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT late(t) IS NOT NULL AS ok FROM trips t ORDER BY id;
FETCH 2 FROM c;
FETCH BACKWARD 1 FROM c;
COMMIT;
CREATE INDEX ON trips (late(trips));

-- a model that the same statement trained
SELECT cerebro.deploy(cerebro.train('trips', 'AS mlp(8) PT epochs = 2, seed = 3'), 'at_once');

-- policies whose functions are not PostgreSQL's own, and that score: they were asked before a row is scored
CREATE FUNCTION is_mine(id integer) RETURNS boolean LANGUAGE plpgsql STABLE AS 'BEGIN RETURN id <= 100; END';
CREATE POLICY mine ON trips FOR SELECT TO regress_deploy_user USING (is_mine(id) AND late(trips) >= 0);
ALTER TABLE trips ENABLE ROW LEVEL SECURITY;
GRANT EXECUTE ON FUNCTION late(trips) TO regress_deploy_user;
SET SESSION AUTHORIZATION regress_deploy_user;
SELECT count(late(t)) FROM trips t;
SET SESSION AUTHORIZATION regress_deploy_owner;
ALTER TABLE trips DISABLE ROW LEVEL SECURITY;

-- DROP TABLE ends the deployment, not the model
DROP TABLE parted;
\set VERBOSITY terse
DROP TABLE parted CASCADE;
\set VERBOSITY default
SELECT count(*) FROM cerebro.deployments WHERE model = :parted;
SELECT count(*) FROM cerebro.models WHERE id = :parted;
SELECT refused(format('SELECT cerebro.predict(%s, t) FROM trips t WHERE id = 1', :parted));
SELECT refused(format('SELECT cerebro.deploy(%s, %L)', :parted, 'late_parted'));
SELECT cerebro.drop_model(:parted);

-- nor is a task dropped whose model is deployed
SELECT refused('SELECT cerebro.drop_task(''trips'')');

RESET SESSION AUTHORIZATION;
SET client_min_messages = error;
DROP SCHEMA deploy, deploy_b, deploy_thief CASCADE;
SELECT name, cerebro.drop_task(name) FROM cerebro.tasks WHERE owner = 'regress_deploy_owner'::regrole ORDER BY id;
SELECT count(*) FROM cerebro.deployment;
DROP TABLE pg_temp.before, pg_temp.again;
DROP ROLE regress_deploy_owner, regress_deploy_user, regress_deploy_thief;
