-- why: what each feature, and each table, adds to a prediction.
\getenv abs_srcdir PG_ABS_SRCDIR
SET client_min_messages = warning;
CREATE ROLE regress_why_owner;
CREATE ROLE regress_why_other;
CREATE SCHEMA why AUTHORIZATION regress_why_owner;
GRANT USAGE ON SCHEMA why TO regress_why_other;
SET SESSION AUTHORIZATION regress_why_owner;
SET search_path = why;
\i :abs_srcdir/../lib/trips.sql
CREATE TABLE carriers (carrier text PRIMARY KEY, rank integer, base text);
INSERT INTO carriers SELECT v, 3 * n, 'base ' || n % 2 FROM unnest('{AA,B6,DL,UA,ZZ}'::text[]) WITH ORDINALITY u(v, n);
ALTER TABLE trips ADD FOREIGN KEY (carrier) REFERENCES carriers;
ANALYZE trips, carriers;
SELECT cerebro.create_task('trips', source => 'SELECT * FROM trips', label => 'delay > 15') > 0 AS made;
SELECT cerebro.create_task('bands', source => 'SELECT * FROM trips',
	label => 'CASE WHEN delay > 15 THEN ''late'' WHEN delay > 5 THEN ''fair'' ELSE ''early'' END') > 0 AS made;
SELECT cerebro.train('trips', 'AS mlp(16, 8) PT epochs = 6, lr = 0.02, batch = 128') AS model \gset
SELECT cerebro.train('trips', 'FE hour, taxi, JOIN carriers, carriers.rank, carriers.base AS mlp(16) PT epochs = 6, lr = 0.02, batch = 128') AS joined \gset
SELECT cerebro.train('bands', 'AS mlp(8) PT epochs = 2') AS bands \gset
SELECT cerebro.train('trips', 'AS mlp(8) PT epochs = 2, seed = 2') AS second \gset
SELECT cerebro.ensemble(ARRAY[:model, :second]) AS ensemble \gset

-- what checks an explanation: contributions make up the difference
CREATE FUNCTION total(why jsonb, list text) RETURNS float8 LANGUAGE sql AS
	'SELECT sum((s ->> ''adds'')::float8) FROM jsonb_array_elements(why -> list) s';
CREATE FUNCTION is_complete(why jsonb) RETURNS boolean LANGUAGE sql AS $$
	SELECT abs((why ->> 'residual')::float8) <= 0.001
	   AND abs(total(why, 'features') - (why ->> 'sum')::float8) < 1e-9
	   AND abs(total(why, 'tables') - (why ->> 'sum')::float8) < 1e-9
	   AND abs((why ->> 'baseline_log_odds')::float8 + (why ->> 'sum')::float8 + (why ->> 'residual')::float8 - (why ->> 'log_odds')::float8) < 1e-9
	   AND abs(1 / (1 + exp(-(why ->> 'log_odds')::float8)) - (why ->> 'prediction')::float8) < 1e-5
	   AND abs(1 / (1 + exp(-(why ->> 'baseline_log_odds')::float8)) - (why ->> 'baseline_prediction')::float8) < 1e-9
$$;
CREATE FUNCTION is_sorted(list jsonb) RETURNS boolean LANGUAGE sql AS $$
	SELECT bool_and(adds <= before) IS NOT FALSE FROM (SELECT abs((s ->> 'adds')::float8) AS adds,
		lag(abs((s ->> 'adds')::float8)) OVER (ORDER BY n) AS before FROM jsonb_array_elements(list) WITH ORDINALITY u(s, n)) l
$$;

SELECT cerebro.deploy(:model, 'late');
SELECT obj_description('late_why(trips)'::regprocedure), proacl IS NOT NULL AND NOT has_function_privilege('regress_why_other', oid, 'EXECUTE') AS is_mine
FROM pg_proc WHERE oid = 'late_why(trips)'::regprocedure;
CREATE TABLE whys AS SELECT id, late(t) AS p, late_why(t) AS why, cerebro.why(:model, t) AS same FROM trips t WHERE id <= 200;
SELECT count(*), bool_and(is_complete(why)) AS complete, bool_and(is_sorted(why -> 'features')) AS sorted, bool_and(why = same) AS same,
       bool_and((why ->> 'prediction')::real = p) AS predicts, bool_and(why ->> 'class' = 'true') AS of_positive,
       count(DISTINCT why ->> 'baseline_log_odds') AS baselines, max((why ->> 'steps')::int) < 2048 AS quick
FROM whys;
SELECT DISTINCT s ->> 'feature' AS feature, s ->> 'table' AS "table" FROM whys, jsonb_array_elements(why -> 'features') s ORDER BY 1;
-- delay is made of carrier and hour, and the explanations tell
SELECT s ->> 'feature' AS feature FROM whys, jsonb_array_elements(why -> 'features') s
GROUP BY 1 ORDER BY avg(abs((s ->> 'adds')::float8)) DESC LIMIT 2;

-- missing values are explained, a missing row is not
SELECT is_complete(cerebro.why(:model, s)) AS complete FROM (SELECT NULL::text AS carrier, NULL::smallint AS hour, 900 AS distance, NULL::float8 AS taxi) s;
SELECT late_why(NULL) IS NULL AS is_null;
-- an unseen value adds nothing: the unseen carrier is the baseline's
SELECT (s ->> 'adds')::float8 = 0 AS is_nothing
FROM (SELECT 'never'::text AS carrier, 8::smallint AS hour, 900 AS distance, 12.5::float8 AS taxi) r, jsonb_array_elements(cerebro.why(:model, r) -> 'features') s
WHERE s ->> 'feature' = 'carrier';

-- features of a JOIN are of its table
CREATE TABLE joined AS SELECT id, cerebro.why(:joined, t) AS why, cerebro.predict(:joined, t) AS p FROM trips t WHERE id <= 100;
SELECT bool_and(is_complete(why)) AS complete, bool_and(is_sorted(why -> 'tables')) AS sorted, bool_and((why ->> 'prediction')::real = p) AS predicts,
       bool_and(jsonb_array_length(why -> 'tables') = 2) AS two FROM joined;
SELECT DISTINCT s ->> 'table' AS "table", s ->> 'feature' AS feature FROM joined, jsonb_array_elements(why -> 'features') s ORDER BY 1, 2;
SELECT bool_and(abs((t ->> 'adds')::float8 - (SELECT sum((s ->> 'adds')::float8) FROM jsonb_array_elements(why -> 'features') s
	WHERE s ->> 'table' = t ->> 'table')) < 1e-9) AS rolled_up FROM joined, jsonb_array_elements(why -> 'tables') t;

-- of several classes: the most likely one
SELECT bool_and(is_complete(why)) AS complete, bool_and(why ->> 'class' = class) AS most_likely
FROM (SELECT cerebro.why(:bands, t) AS why, cerebro.predict_class(:bands, t) AS class FROM trips t WHERE id <= 100) s;

-- networks of any layers, over arrays and towers of tables, and ensembles of models
CREATE TABLE legs (trip integer REFERENCES trips, speed real);
INSERT INTO legs SELECT id, (id * k) % 13 FROM trips, generate_series(1, 1 + id % 4) k WHERE id % 9 > 0;
ANALYZE legs;
CREATE TABLE structures (name text, mst text);
INSERT INTO structures VALUES
	('residual', 'AS dense(16) > skip(norm(batch) > dense(16) > relu > dense(16)) > relu'),
	('tokens', 'AS tokens(6) > skip(attention(2)) > flatten > mlp(8)'),
	('tabm', 'AS tabm(16, members = 3)'),
	('waves', 'FE *, taxi : periodic, distance : pbld AS mlp(8)'),
	('towers', 'FE hour, taxi, JOIN carriers, carriers.rank, carriers.base AS by_table(mlp(8), sum)'),
	('pool', 'FE hour, carrier, AGGREGATE legs (speed = array_agg(speed)), legs.speed : sequence(4) AS concat(features, pool_rows(legs, mlp(8), mean)) > mlp(8)');
CREATE TABLE explained AS SELECT name, cerebro.train('trips', mst || ' PT epochs = 2, lr = 0.02') AS model FROM structures;
INSERT INTO explained VALUES ('ensemble', :ensemble),
	('mixed', cerebro.ensemble(ARRAY[:model, (SELECT model FROM explained WHERE name = 'tabm')]));
CREATE TABLE answers AS SELECT name, t.id, cerebro.predict(model, t) AS p, cerebro.why(model, t) AS why FROM explained, trips t WHERE t.id <= 20;
SELECT name, count(*), bool_and(is_complete(why)) AS complete, bool_and(abs((why ->> 'prediction')::real - p) = 0) AS predicts,
       max(abs((why ->> 'sum')::float8)) > 0 AS adds, max(jsonb_array_length(why -> 'tables')) AS tables
FROM answers GROUP BY 1 ORDER BY 1;
SELECT DISTINCT name, s ->> 'feature' AS feature, s ->> 'table' AS "table" FROM answers, jsonb_array_elements(why -> 'features') s
WHERE name IN ('towers', 'pool', 'mixed') ORDER BY 1, 2;
-- elements that a row does not have add nothing, others do
SELECT s ->> 'feature' AS feature, bool_and((s ->> 'adds')::float8 = 0) AS never, bool_and((s ->> 'adds')::float8 = 0) FILTER (WHERE t.id % 4 < 3) AS not_there
FROM answers a, jsonb_array_elements(why -> 'features') s, trips t WHERE a.name = 'pool' AND t.id = a.id AND s ->> 'feature' LIKE 'legs%' GROUP BY 1 ORDER BY 1;

-- what cannot be explained says so
SELECT cerebro.why(:model, ROW(1));
SELECT cerebro.why(0, t) FROM trips t WHERE id = 1;
SELECT cerebro.why_row(0, t) FROM trips t WHERE id = 1;

-- the right is that to EXECUTE late_why, for its body too
SELECT id AS deployment FROM cerebro.deployments WHERE function = 'late(trips)'::regprocedure \gset
GRANT SELECT ON trips TO regress_why_other;
GRANT EXECUTE ON FUNCTION late(trips) TO regress_why_other;
SET SESSION AUTHORIZATION regress_why_other;
SELECT late(t) > 0 AS ok FROM trips t WHERE id = 1;
SELECT late_why(t) FROM trips t WHERE id = 1;
SELECT cerebro.why_row(:deployment, t) FROM trips t WHERE id = 1;
\set VERBOSITY sqlstate
SELECT cerebro.why(:model, t) FROM trips t WHERE id = 1;
\set VERBOSITY default
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_why_owner;
GRANT EXECUTE ON FUNCTION late_why(trips) TO regress_why_other;
SET SESSION AUTHORIZATION regress_why_other;
SELECT is_complete(late_why(t)) AND late_why(t) = cerebro.why_row(:deployment, t) AS ok FROM why.trips t WHERE id = 1;
\set VERBOSITY sqlstate
SELECT cerebro.why(:model, t) FROM trips t WHERE id = 1;
\set VERBOSITY default
SET SESSION AUTHORIZATION regress_why_owner;

-- another model under the name explains itself; names that are taken
SELECT cerebro.deploy(:joined, 'late');
SELECT bool_and(late_why(t) = why) AS switched FROM trips t JOIN joined USING (id);
-- a deployment from before there was late_why gets it when it is deployed again
DROP FUNCTION late_why(trips);
SELECT cerebro.deploy(:joined, 'late');
SELECT bool_and(late_why(t) = why) AS back FROM trips t JOIN joined USING (id);
DROP FUNCTION late_why(trips);
CREATE FUNCTION late_why(trips) RETURNS int LANGUAGE sql AS 'SELECT 1';
SET client_min_messages = notice;
SELECT cerebro.deploy(:joined, 'late');
SET client_min_messages = warning;
DROP FUNCTION late_why(trips);
SELECT cerebro.deploy(:joined, 'late');
SELECT cerebro.undeploy('late_why');
SELECT cerebro.undeploy('late');
SELECT to_regprocedure('late_why(trips)') IS NULL AS is_gone;
CREATE FUNCTION late_why(trips) RETURNS int LANGUAGE sql AS 'SELECT 1';
SELECT cerebro.deploy(:model, 'late');

RESET SESSION AUTHORIZATION;
SET client_min_messages = error;
SELECT name, cerebro.drop_task(name) FROM cerebro.tasks WHERE owner = 'regress_why_owner'::regrole ORDER BY id;
DROP SCHEMA why CASCADE;
DROP ROLE regress_why_owner;
DROP ROLE regress_why_other;
