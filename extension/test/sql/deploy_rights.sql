-- deploy(..., rights => 'owner'): other tables are read with the rights of the function's owner.
SET client_min_messages = error;
CREATE ROLE regress_lend_keeper;
CREATE ROLE regress_lend_owner;
CREATE ROLE regress_lend_other NOINHERIT;
CREATE ROLE regress_lend_user;
CREATE ROLE regress_lend_member NOINHERIT;
GRANT regress_lend_owner TO regress_lend_other, regress_lend_member;
CREATE SCHEMA lend;
GRANT USAGE ON SCHEMA lend TO PUBLIC;
GRANT CREATE ON SCHEMA lend TO regress_lend_keeper, regress_lend_owner, regress_lend_other, regress_lend_member;
SET search_path = lend;
SET extra_float_digits = 3;
SET SESSION AUTHORIZATION regress_lend_keeper;
CREATE TABLE maker (id integer PRIMARY KEY, staff integer);
CREATE TABLE plane (tail text PRIMARY KEY, seats integer, code text, maker integer REFERENCES maker);
CREATE TABLE leg (trip integer, minutes integer);
INSERT INTO maker SELECT i, i * 71 % 50 FROM generate_series(1, 9) i;
INSERT INTO plane SELECT 'N' || i, 100 + i, (i % 50)::text, 1 + i % 9 FROM generate_series(1, 300) i;
INSERT INTO leg SELECT i % 600, i % 13 FROM generate_series(1, 1500) i;
CREATE INDEX ON leg (trip);
GRANT SELECT ON plane, maker, leg TO regress_lend_owner;
ANALYZE maker, plane, leg;
SET SESSION AUTHORIZATION regress_lend_owner;
CREATE TABLE trip (id integer PRIMARY KEY, tail text, miles integer, delay integer NOT NULL);
INSERT INTO trip SELECT i, 'N' || i * 7 % 320, i * 37 % 500, (hashint4(i) & 15) + i * 37 % 100 / 4 FROM generate_series(1, 600) i;
ANALYZE trip;
SELECT cerebro.create_task('lend', source => 'SELECT * FROM trip', label => 'delay > 18') > 0 AS made;
SELECT cerebro.train('lend', 'FE miles, JOIN plane USING (tail), plane.seats AS mlp(16, 8) PT lr = 0.01, epochs = 2, seed = 3') AS plain \gset
SELECT cerebro.train('lend', 'FE miles, JOIN plane USING (tail), plane.seats, code = (plane.code::integer), JOIN maker ON (maker.id = plane.maker), maker.staff,'
	' AGGREGATE leg ON (leg.trip = source.id) (n = count(*), longest = max(minutes)) AS mlp(16, 8) PT lr = 0.01, epochs = 2, seed = 4') AS wide \gset
SELECT cerebro.train('lend', 'FE miles AS mlp(8) PT epochs = 1, seed = 5') AS alone \gset
SELECT cerebro.deploy(:plain, 'lend.asks'), cerebro.deploy(:plain, 'lend.lent', rights => 'owner'), cerebro.deploy(:wide, 'lend.wide', rights => 'owner'),
	cerebro.deploy(:wide, 'lend.wide_asks', rights => 'invoker');
SELECT function, rights FROM cerebro.deployments ORDER BY id;
SELECT cerebro.deploy(:plain, 'lend.none', rights => 'nobody');
SELECT cerebro.deploy(:plain, NULL, rights => 'owner') IS NULL AS strict;
GRANT SELECT ON trip TO regress_lend_user, regress_lend_member;
GRANT EXECUTE ON FUNCTION asks(trip), asks_why(trip), lent(trip), lent_proba(trip), lent_why(trip), wide(trip), wide_asks(trip) TO regress_lend_user;
SELECT md5(string_agg(asks(t)::text, ' ' ORDER BY id)) AS asks, md5(string_agg(wide_asks(t)::text, ' ' ORDER BY id)) AS wide,
	md5(string_agg(asks_proba(t)::text, ' ' ORDER BY id)) AS proba, count(DISTINCT asks(t)) > 200 AS differ FROM trip t \gset
SELECT md5(string_agg(asks_why(t)::text, ' ' ORDER BY id)) AS why FROM trip t WHERE id < 20 \gset
SELECT :'differ' AS differ;
SELECT md5(string_agg(lent(t)::text, ' ' ORDER BY id)) = :'asks' AS owner_too FROM trip t;

-- whoever may call it gets scores, the same bits whichever way they are computed; by invoker nobody does
SET SESSION AUTHORIZATION regress_lend_user;
SELECT count(seats) FROM plane;
SELECT sum(asks(t)) FROM trip t;
SELECT sum(wide_asks(t)) FROM trip t;
SELECT asks_why(t) FROM trip t WHERE id = 1;
CREATE FUNCTION pg_temp.same(plan text, batched text) RETURNS TABLE (lent text, wide text) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('cerebro.plan_join', plan, true), set_config('cerebro.batch_scoring', batched, true);
	RETURN QUERY EXECUTE 'SELECT md5(string_agg(l::text, '' '' ORDER BY id)), md5(string_agg(w::text, '' '' ORDER BY id))'
		' FROM (SELECT id, lend.lent(t) l, lend.wide(t) w FROM lend.trip t OFFSET 0) s';
END
$$;
SELECT plan, s.lent = :'asks' AS lent, s.wide = :'wide' AS wide, current_user
FROM unnest('{auto,pass,probe,batch}'::text[]) plan, pg_temp.same(plan, 'on') s;
SELECT s.lent = :'asks' AS lent, s.wide = :'wide' AS wide FROM pg_temp.same('auto', 'off') s;
CREATE FUNCTION pg_temp.explain(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		IF line !~ 'Model:' THEN
			RETURN NEXT regexp_replace(line, ', \d+ kept', '');
		END IF;
	END LOOP;
END
$$;
BEGIN;
SET LOCAL max_parallel_workers_per_gather = 2;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL parallel_leader_participation = off;
SELECT pg_temp.explain('SELECT id, lend.lent(t) FROM lend.trip t');
CREATE TEMP TABLE scored AS SELECT id, lent(t) AS lent, wide(t) AS wide FROM trip t;
SELECT md5(string_agg(lent::text, ' ' ORDER BY id)) = :'asks' AS lent, md5(string_agg(wide::text, ' ' ORDER BY id)) = :'wide' AS wide FROM scored;
COMMIT;
SELECT md5(string_agg(lent_proba(t)::text, ' ' ORDER BY id)) = :'proba' AS proba FROM trip t;
SELECT md5(string_agg(lent_why(t)::text, ' ' ORDER BY id)) = :'why' AS why FROM trip t WHERE id < 20;
SELECT bool_and(lent(t) = s.lent) AS by_row FROM trip t JOIN scored s USING (id) WHERE id IN (5, 77, 599);
BEGIN;
DECLARE c CURSOR FOR SELECT id, lent(t) = s.lent AS same, current_user FROM trip t JOIN scored s USING (id) ORDER BY id;
FETCH 2 FROM c;
SELECT count(*) FROM plane;
ROLLBACK;
PREPARE one (integer) AS SELECT lent(t) = s.lent AS same FROM trip t JOIN scored s USING (id) WHERE id = $1;
EXECUTE one (7);
EXECUTE one (8);
-- rows that the one deployment read are no rows of the other's
SELECT sum(lent(t)) > 0 AS lent FROM trip t;
SELECT sum(asks(t)) FROM trip t;
SELECT sum(lent(t)) > 0 AS lent, sum(asks(t)) FROM trip t;
SELECT sum(lent(t)) > 0 AS lent FROM trip t;
-- a temporary table of the caller's is not what the owner meant; an error leaves the caller who it was
CREATE TEMP TABLE plane (tail text PRIMARY KEY, seats integer);
SELECT md5(string_agg(lent(t)::text, ' ' ORDER BY id)) = :'asks' AS lent FROM trip t;
DROP TABLE pg_temp.plane;
-- what the query itself joins is read by who asks
SELECT count(*) FROM trip t JOIN plane p USING (tail) WHERE lent(t) > 0;
SELECT pg_temp.explain('SELECT id, lend.lent(t) FROM lend.trip t');

-- row policies and column grants are the owner's
SET SESSION AUTHORIZATION regress_lend_keeper;
GRANT SELECT (tail, seats) ON plane TO regress_lend_user;
ALTER TABLE plane ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON plane FOR SELECT TO regress_lend_user USING (seats > 300);
CREATE POLICY every ON plane FOR SELECT TO regress_lend_owner USING (true);
SET SESSION AUTHORIZATION regress_lend_user;
SELECT count(*) FROM trip t JOIN plane USING (tail) WHERE lent(t) > -1;
SELECT md5(string_agg(lent(t)::text, ' ' ORDER BY id)) = :'asks' AS lent, md5(string_agg(asks(t)::text, ' ' ORDER BY id)) = :'asks' AS asks FROM trip t;
SELECT md5(string_agg(asks(t)::text, ' ' ORDER BY id)) AS few FROM trip t \gset
SELECT md5(string_agg(lent(t)::text, ' ' ORDER BY id)) = :'asks' AS lent FROM trip t;
SELECT md5(string_agg(asks(t)::text, ' ' ORDER BY id)) = :'few' AS few FROM trip t;
SET row_security = off;
SELECT sum(asks(t)) FROM trip t;
RESET row_security;
SET SESSION AUTHORIZATION regress_lend_keeper;
DROP POLICY few ON plane;
DROP POLICY every ON plane;
CREATE POLICY few ON plane FOR SELECT TO regress_lend_owner USING (current_user = 'regress_lend_owner' AND seats > 300);
CREATE POLICY every ON plane FOR SELECT TO regress_lend_user USING (true);
SET SESSION AUTHORIZATION regress_lend_user;
SELECT md5(string_agg(lent(t)::text, ' ' ORDER BY id)) = :'few' AS lent, md5(string_agg(asks(t)::text, ' ' ORDER BY id)) = :'asks' AS asks FROM trip t;
SET SESSION AUTHORIZATION regress_lend_keeper;
ALTER TABLE plane DISABLE ROW LEVEL SECURITY;
REVOKE SELECT (tail, seats) ON plane FROM regress_lend_user;
REVOKE SELECT ON plane FROM regress_lend_owner;
GRANT SELECT (tail, seats) ON plane TO regress_lend_owner;
SET SESSION AUTHORIZATION regress_lend_user;
SELECT md5(string_agg(lent(t)::text, ' ' ORDER BY id)) = :'asks' AS lent FROM trip t;
SELECT sum(wide(t)) FROM trip t;

-- what the owner loses, the callers lose
SET SESSION AUTHORIZATION regress_lend_keeper;
REVOKE SELECT (tail, seats) ON plane FROM regress_lend_owner;
SET SESSION AUTHORIZATION regress_lend_user;
SELECT sum(lent(t)) FROM trip t;
DO $$
BEGIN
	PERFORM lend.lent(t) FROM lend.trip t WHERE id = 1;
EXCEPTION WHEN insufficient_privilege THEN
	RAISE EXCEPTION '% is %, %', sqlerrm, current_user, session_user;
END
$$;
SET SESSION AUTHORIZATION regress_lend_keeper;
GRANT SELECT ON plane TO regress_lend_owner;
SET SESSION AUTHORIZATION regress_lend_user;
SELECT md5(string_agg(lent(t)::text, ' ' ORDER BY id)) = :'asks' AS lent FROM trip t;
RESET SESSION AUTHORIZATION;
REVOKE EXECUTE ON FUNCTION lent(trip) FROM regress_lend_user;
SET SESSION AUTHORIZATION regress_lend_user;
SELECT sum(lent(t)) FROM trip t;
RESET SESSION AUTHORIZATION;
GRANT EXECUTE ON FUNCTION lent(trip) TO regress_lend_user;

-- another owner, other rights
ALTER FUNCTION lent(trip) OWNER TO regress_lend_other;
SET SESSION AUTHORIZATION regress_lend_user;
SELECT md5(string_agg(lent(t)::text, ' ' ORDER BY id)) = :'asks' AS lent FROM trip t;
RESET SESSION AUTHORIZATION;
ALTER FUNCTION lent(trip) OWNER TO regress_lend_owner;
SET SESSION AUTHORIZATION regress_lend_user;
SELECT md5(string_agg(lent(t)::text, ' ' ORDER BY id)) = :'asks' AS lent FROM trip t;

-- a function of the same body lends its own owner's rights to who may not call the deployment's
SET SESSION AUTHORIZATION regress_lend_member;
SELECT format('CREATE FUNCTION lend.twin(lend.trip) RETURNS real LANGUAGE sql STABLE AS %L', prosrc) AS twin FROM pg_proc WHERE oid = 'lent(trip)'::regprocedure \gset
:twin;
SELECT sum(twin(t)) FROM trip t;
GRANT EXECUTE ON FUNCTION twin(trip) TO regress_lend_user;
SET SESSION AUTHORIZATION regress_lend_user;
SELECT md5(string_agg(lent(t)::text, ' ' ORDER BY id)) = :'asks' AS lent FROM trip t;
RESET SESSION AUTHORIZATION;
ALTER FUNCTION lent(trip) RENAME TO renamed;
SET SESSION AUTHORIZATION regress_lend_user;
\set VERBOSITY sqlstate
SELECT sum(renamed(t)) FROM trip t;
\set VERBOSITY default
RESET SESSION AUTHORIZATION;
DROP FUNCTION twin(trip);
SET SESSION AUTHORIZATION regress_lend_user;
SELECT md5(string_agg(renamed(t)::text, ' ' ORDER BY id)) = :'asks' AS lent FROM trip t;
RESET SESSION AUTHORIZATION;
ALTER FUNCTION renamed(trip) RENAME TO lent;

-- errors tell nothing of rows that the caller may not see
SET SESSION AUTHORIZATION regress_lend_keeper;
UPDATE plane SET code = 'secret of ' || tail WHERE tail = 'N70';
SET SESSION AUTHORIZATION regress_lend_user;
SELECT sum(wide(t)) FROM trip t;
SET cerebro.plan_join = pass;
SELECT sum(wide(t)) FROM trip t;
RESET cerebro.plan_join;
SELECT wide(t) FROM trip t WHERE id = 10;
DO $$
BEGIN
	PERFORM sum(lend.wide(t)) FROM lend.trip t;
EXCEPTION WHEN OTHERS THEN
	RAISE EXCEPTION 'as %: %, %, after it % rows', current_user, sqlstate, sqlerrm, (SELECT count(lend.lent(t)) FROM lend.trip t);
END
$$;
SET SESSION AUTHORIZATION regress_lend_owner;
SELECT sum(wide(t)) FROM trip t;

-- nothing runs with lent rights but functions of PostgreSQL
CREATE FUNCTION lend.half(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1 / 2';
SET cerebro.allow_user_functions = on;
SELECT cerebro.train('lend', 'FE miles, JOIN plane USING (tail), h = (lend.half(plane.seats)) AS mlp(8) PT epochs = 1, seed = 6') AS calls \gset
SELECT cerebro.deploy(:calls, 'lend.calls', rights => 'owner');
SELECT cerebro.deploy(:calls, 'lend.calls');
SELECT cerebro.deploy(:calls, 'lend.calls', rights => 'owner');
SET SESSION AUTHORIZATION regress_lend_keeper;
ALTER TABLE plane ENABLE ROW LEVEL SECURITY;
DROP POLICY few ON plane;
CREATE POLICY half ON plane FOR SELECT TO regress_lend_owner USING (lend.half(seats) > 0);
SET SESSION AUTHORIZATION regress_lend_user;
SELECT sum(lent(t)) FROM trip t;
SET SESSION AUTHORIZATION regress_lend_keeper;
ALTER TABLE plane DISABLE ROW LEVEL SECURITY;
SET SESSION AUTHORIZATION regress_lend_owner;
RESET cerebro.allow_user_functions;

-- a redeployment keeps the rights unless it names others; so does a rollback
SELECT cerebro.deploy(:alone, 'lend.lent');
SELECT rights FROM cerebro.deployments WHERE function = 'lent(trip)'::regprocedure;
SET SESSION AUTHORIZATION regress_lend_user;
SELECT count(lent(t)) FROM trip t;
SET SESSION AUTHORIZATION regress_lend_owner;
SELECT cerebro.deploy(:plain, 'lend.lent', rights => 'invoker');
SET SESSION AUTHORIZATION regress_lend_user;
SELECT sum(lent(t)) FROM trip t;
SET SESSION AUTHORIZATION regress_lend_owner;
SELECT cerebro.deploy(:plain, 'lend.lent', rights => 'owner');
SELECT cerebro.rollback_deployment('lend.lent') = :alone AS back;
SELECT cerebro.rollback_deployment('lend.lent') = :plain AS back;
SELECT how, rights FROM cerebro.deployment_history WHERE function = 'lent(trip)'::regprocedure ORDER BY since;
SET SESSION AUTHORIZATION regress_lend_user;
SELECT md5(string_agg(lent(t)::text, ' ' ORDER BY id)) = :'asks' AS lent FROM trip t;
SET SESSION AUTHORIZATION regress_lend_member;
SELECT cerebro.deploy(:plain, 'lend.lent', rights => 'owner');

RESET SESSION AUTHORIZATION;
DROP SCHEMA lend CASCADE;
SELECT cerebro.drop_task('lend');
DROP OWNED BY regress_lend_keeper, regress_lend_owner, regress_lend_other, regress_lend_user, regress_lend_member;
DROP ROLE regress_lend_keeper, regress_lend_owner, regress_lend_other, regress_lend_user, regress_lend_member;
