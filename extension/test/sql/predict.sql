-- predict: any row that has the model's columns, for who may use the model.
\getenv abs_srcdir PG_ABS_SRCDIR
SET client_min_messages = warning;
CREATE ROLE regress_predict_owner;
CREATE ROLE regress_predict_other;
CREATE SCHEMA predict AUTHORIZATION regress_predict_owner;
GRANT USAGE ON SCHEMA predict TO regress_predict_other;
SET SESSION AUTHORIZATION regress_predict_owner;
SET search_path = predict;
\i :abs_srcdir/../lib/trips.sql
\i :abs_srcdir/../lib/plan.sql
SELECT cerebro.create_task('trips', source => 'SELECT * FROM trips', label => 'delay > 15') > 0 AS made;
SELECT cerebro.train('trips', 'AS mlp(8) PT epochs = 2') AS model \gset
SELECT cerebro.create_task('bands', source => 'SELECT * FROM trips',
	label => 'CASE WHEN delay > 15 THEN ''late'' WHEN delay > 5 THEN ''fair'' ELSE ''early'' END') > 0 AS made;
SELECT cerebro.train('bands', 'AS mlp(8) PT epochs = 2') AS bands \gset

-- every row gets a probability
SELECT count(*), bool_and(p BETWEEN 0 AND 1) AS are_probabilities, count(DISTINCT p) > 50 AS differ
FROM (SELECT cerebro.predict(:model, t) AS p FROM trips t) s;

-- answers agree with each other
SELECT bool_and(abs((proba ->> 'true')::real - p) < 1e-6) AS same,
       bool_and(abs((proba ->> 'false')::real + p - 1) < 1e-6) AS sums_to_one,
       bool_and(class = CASE WHEN p > 0.5 THEN 'true' ELSE 'false' END) AS same_class
FROM (SELECT cerebro.predict(:model, t) AS p, cerebro.predict_proba(:model, t) AS proba,
             cerebro.predict_class(:model, t) AS class FROM trips t) s;
SELECT array_agg(k ORDER BY k) AS classes
FROM jsonb_object_keys((SELECT cerebro.predict_proba(:bands, t) FROM trips t WHERE id = 1)) k;
SELECT bool_and(class = (SELECT k FROM jsonb_each_text(proba) e(k, v) ORDER BY v::real DESC LIMIT 1)) AS same_class
FROM (SELECT cerebro.predict_class(:bands, t) AS class, cerebro.predict_proba(:bands, t) AS proba FROM trips t) s;

-- a row of a subquery, of other columns in another order, of another table
SELECT bool_and(cerebro.predict(:model, s) = cerebro.predict(:model, t)) AS same
FROM trips t, LATERAL (SELECT t.taxi, t.distance, 'x'::text AS more, t.hour, t.carrier, t.id, t.delay) s;
CREATE TABLE other_trips AS SELECT distance, carrier, taxi, hour FROM trips WHERE id <= 100;
SELECT bool_and(cerebro.predict(:model, o) = cerebro.predict(:model, t)) AS same
FROM other_trips o JOIN trips t USING (distance, carrier, hour) WHERE o.taxi IS NOT DISTINCT FROM t.taxi;

-- the columns that a model does not read need not be there
SELECT cerebro.predict(:model, s) IS NOT NULL AS ok
FROM (SELECT 'AA'::text AS carrier, 8::smallint AS hour, 900 AS distance, 12.5::double precision AS taxi) s;
SELECT cerebro.predict(:model, s) FROM (SELECT 'AA'::text AS carrier, 8::smallint AS hour) s;
SELECT cerebro.predict(:model, ROW(1, 2));

-- missing and unseen values have their own meaning; what was seen less than
-- three times counts as unseen
SELECT cerebro.predict(:model, a) = cerebro.predict(:model, b) AS unseen_are_one,
       cerebro.predict(:model, a) <> cerebro.predict(:model, c) AS missing_is_another,
       cerebro.predict(:model, d) BETWEEN 0 AND 1 AS infinity_is_clipped,
       cerebro.predict(:model, e) = cerebro.predict(:model, f) AS nan_is_missing
FROM (SELECT 'never'::text AS carrier, 8::smallint AS hour, 900 AS distance, 12.5::float8 AS taxi) a,
     (SELECT 'nor this'::text AS carrier, 8::smallint AS hour, 900 AS distance, 12.5::float8 AS taxi) b,
     (SELECT NULL::text AS carrier, 8::smallint AS hour, 900 AS distance, 12.5::float8 AS taxi) c,
     (SELECT 'AA'::text AS carrier, 8::smallint AS hour, 900 AS distance, 'infinity'::float8 AS taxi) d,
     (SELECT 'AA'::text AS carrier, 8::smallint AS hour, 900 AS distance, 'nan'::float8 AS taxi) e,
     (SELECT 'AA'::text AS carrier, 8::smallint AS hour, 900 AS distance, NULL::float8 AS taxi) f;
SELECT cerebro.predict(:model, s) = cerebro.predict(:model, r) AS is_cast
FROM (SELECT 5 AS carrier, 8::smallint AS hour, 900 AS distance, 12.5::float8 AS taxi) s,
     (SELECT '5' AS carrier, 8::smallint AS hour, 900 AS distance, 12.5::float8 AS taxi) r;
SELECT cerebro.predict(:model, s) FROM (SELECT 'AA' AS carrier, 8::smallint AS hour, 900 AS distance, '{1}'::float8[] AS taxi) s;

-- a column that older rows have by its default only
ALTER TABLE trips ADD COLUMN zone text DEFAULT 'east';
UPDATE trips SET zone = 'west' WHERE id % 5 = 0;
SELECT cerebro.create_task('zones', source => 'SELECT * FROM trips', label => 'delay > 15') > 0 AS made;
SELECT cerebro.train('zones', 'FE zone, hour AS mlp(8) PT epochs = 2') AS zones \gset
SELECT bool_and(cerebro.predict(:zones, t) = cerebro.predict(:zones, s)) AS same,
       count(DISTINCT cerebro.predict(:zones, t)) FILTER (WHERE t.hour = 8) AS of_two_zones
FROM trips t, LATERAL (SELECT t.hour, t.zone) s;

-- expressions of the source, under the settings of the task
SET TimeZone = 'America/New_York';
CREATE TABLE timed AS SELECT id, carrier, '2013-01-01 00:00-05'::timestamptz + id * interval '37 minutes' AS at, delay FROM trips;
SELECT cerebro.create_task('timed', source => 'SELECT id, carrier || ''x'' AS carrier, extract(hour FROM at) AS hour, delay FROM timed',
	label => 'delay > 15', key => '{id}') > 0 AS made;
SELECT cerebro.train('timed', 'AS mlp(8) PT epochs = 2') AS timed \gset
CREATE TABLE home AS SELECT id, cerebro.predict(:timed, t) AS p FROM timed t;
SET TimeZone = 'Asia/Tokyo';
SELECT count(*), bool_and(cerebro.predict(:timed, t) = p) AS same FROM timed t JOIN home USING (id);
SELECT bool_and(cerebro.predict(:timed, s) = p) AS same
FROM home, LATERAL (SELECT t.carrier || 'x' AS carrier, extract(hour FROM at AT TIME ZONE 'America/New_York') AS hour
                    FROM timed t WHERE t.id = home.id) s;
SELECT current_setting('TimeZone') AS unchanged;

-- NULL in, NULL out
SELECT cerebro.predict(:model, NULL::trips) IS NULL AS no_row, cerebro.predict(NULL, t) IS NULL AS no_model
FROM trips t WHERE id = 1;

-- rows of several shapes and models in one expression
SELECT count(DISTINCT p), bool_and(p = q) AS same
FROM (SELECT cerebro.predict(m, t) AS p, first_value(cerebro.predict(m, t)) OVER (PARTITION BY m) AS q
      FROM (VALUES (:model), (:model)) v(m), trips t WHERE id = 7) s;

-- bits do not depend on the plan: parallel workers, sorted input
CREATE TABLE serial_scores AS SELECT id, cerebro.predict(:model, t) AS p FROM trips t;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT plan_of(format('CREATE TABLE parallel_scores AS SELECT id, cerebro.predict(%s, t) AS p FROM trips t', :model));
CREATE TABLE parallel_scores AS SELECT id, cerebro.predict(:model, t) AS p FROM trips t;
SELECT count(*), bool_and(s.p = p.p) AS same FROM serial_scores s JOIN parallel_scores p USING (id);
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

-- PL/pgSQL, a read-only transaction
DO $$
DECLARE
	t trips;
	r record;
	p real;
BEGIN
	SELECT * INTO t FROM trips WHERE id = 1;
	SELECT * INTO r FROM trips WHERE id = 1;
	FOR i IN 1..3 LOOP
		p := cerebro.predict((SELECT max(id) FROM cerebro.models WHERE task = 'trips'), t);
		IF p <> cerebro.predict((SELECT max(id) FROM cerebro.models WHERE task = 'trips'), r) THEN
			RAISE EXCEPTION 'row variable and record differ';
		END IF;
	END LOOP;
END
$$;
BEGIN READ ONLY;
SELECT cerebro.predict(:model, t) IS NOT NULL AS ok FROM trips t WHERE id = 1;
COMMIT;

-- a model is not bigger than the setting allows
\c
SET client_min_messages = warning;
SET search_path = predict;
SET SESSION AUTHORIZATION regress_predict_owner;
SELECT cerebro.train('trips', 'AS mlp(512, 64) PT epochs = 1') AS big \gset
SET cerebro.model_memory = '64kB';
SELECT regexp_replace(refused(format('SELECT cerebro.predict(%s, t) FROM trips t WHERE id = 1', :big)), '\d+ kB', 'N kB');
SELECT cerebro.predict(:model, t) IS NOT NULL AS still_fits FROM trips t WHERE id = 1;
SELECT cerebro.predict_class(:bands, t) IS NOT NULL AS replaces_it FROM trips t WHERE id = 1;
SELECT cerebro.predict(:model, t) IS NOT NULL AS comes_again, cerebro.predict_class(:bands, t) IS NOT NULL AS both FROM trips t WHERE id = 1;
RESET cerebro.model_memory;

-- errors
SELECT cerebro.predict(2000000000, t) FROM trips t WHERE id = 1;
SELECT refused(format('SELECT cerebro.predict(%s, t) FROM trips t WHERE id = 1', :bands));

-- others may not use the model, members of its owner's role may, until
-- membership ends, in one session
RESET SESSION AUTHORIZATION;
GRANT SELECT ON ALL TABLES IN SCHEMA predict TO regress_predict_other;
SET SESSION AUTHORIZATION regress_predict_other;
SELECT predict.refused(format('SELECT cerebro.predict(%s, t) FROM predict.trips t WHERE id = 1', :model));
SELECT predict.refused(format('SELECT cerebro.predict_class(%s, t) FROM predict.trips t WHERE id = 1', :model));
SELECT predict.refused(format('SELECT cerebro.predict_proba(%s, t) FROM predict.trips t WHERE id = 1', :model));
RESET SESSION AUTHORIZATION;
GRANT regress_predict_owner TO regress_predict_other;
SET SESSION AUTHORIZATION regress_predict_other;
PREPARE one AS SELECT cerebro.predict(:model, t) IS NOT NULL AS ok FROM trips t WHERE id = 1;
EXECUTE one;
RESET SESSION AUTHORIZATION;
REVOKE regress_predict_owner FROM regress_predict_other;
SET SESSION AUTHORIZATION regress_predict_other;
\set VERBOSITY sqlstate
EXECUTE one;
\set VERBOSITY default

RESET SESSION AUTHORIZATION;
SET client_min_messages = error;
SELECT name, cerebro.drop_task(name) FROM cerebro.tasks WHERE owner = 'regress_predict_owner'::regrole ORDER BY id;
DROP SCHEMA predict CASCADE;
DROP ROLE regress_predict_owner, regress_predict_other;
