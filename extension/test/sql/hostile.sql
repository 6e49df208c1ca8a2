-- What a role of bad will can put where others run it, or stumble over it.
CREATE SCHEMA hostile;
GRANT USAGE, CREATE ON SCHEMA hostile TO PUBLIC;
SET search_path = hostile, cerebro;
SET client_min_messages = warning;
CREATE ROLE regress_attacker;
CREATE ROLE regress_victim;
CREATE ROLE regress_user;

SET ROLE regress_attacker;
CREATE FUNCTION hostile.run() RETURNS int LANGUAGE plpgsql AS
$$ BEGIN
	IF current_user <> 'regress_attacker' THEN RAISE WARNING 'runs as %', current_user; END IF;
	RETURN 1;
END $$;
CREATE DOMAIN hostile.checked AS int CHECK (hostile.run() = 1);
CREATE TYPE hostile.pair AS (c checked);
CREATE TYPE hostile.span AS RANGE (subtype = checked);
CREATE TYPE hostile.size AS ENUM ('0', '1', '2');
CREATE FUNCTION hostile.to_size(int) RETURNS hostile.size LANGUAGE sql AS $$ SELECT hostile.run()::text::hostile.size $$;
CREATE FUNCTION hostile.to_json(hostile.size) RETURNS json LANGUAGE sql AS $$ SELECT pg_catalog.to_json(hostile.run()) $$;
CREATE CAST (int AS hostile.size) WITH FUNCTION to_size(int) AS ASSIGNMENT;
CREATE CAST (hostile.size AS json) WITH FUNCTION to_json(hostile.size);
CREATE TABLE bait AS SELECT i AS id, i % 7 AS x, (i % 3)::text::size AS size, i % 3 = 0 AS y FROM generate_series(1, 1000) i;
GRANT SELECT ON bait TO PUBLIC;

-- literals of types whose making runs code, which analysing the query makes
SELECT create_task('pair', 'SELECT id, y, (''(1)''::pair).c::int FROM bait', 'y', key => '{id}') > 0 AS made;
SELECT create_task('array', 'SELECT id, y, (''{1}''::checked[])[1]::int AS c FROM bait', 'y', key => '{id}') > 0 AS made;
SELECT create_task('span', 'SELECT id, y, isempty(''[1,2)''::span) AS c FROM bait', 'y', key => '{id}') > 0 AS made;
-- a literal that means something else by the time it is used
CREATE TYPE fickle AS ENUM ('[1,2)');
SELECT create_task('fickle', 'SELECT id, y, ''[1,2)''::fickle::text AS c FROM bait', 'y', key => '{id}') > 0 AS made;
DROP TYPE fickle;
CREATE TYPE fickle AS RANGE (subtype = checked);
-- a type in the session's temporary schema
CREATE TYPE pg_temp.passing AS (c checked);
SELECT create_task('passing', 'SELECT id, y, (''(1)''::pg_temp.passing).c::int FROM bait', 'y', key => '{id}') > 0 AS made;
-- types in column lists
SELECT create_task('columns', 'SELECT id, y, j.c::int FROM bait, json_to_record(json_build_object(''c'', id)) j (c checked)', 'y', key => '{id}') > 0 AS made;
-- casts that no expression names
SELECT create_task('json', 'SELECT id, y, pg_catalog.to_json(size)::text AS c FROM bait', 'y', key => '{id}') > 0 AS made;
SELECT create_task('agg', 'SELECT min(id) AS id, y, json_agg(size ORDER BY id)::text AS c FROM bait b GROUP BY id % 300, y', 'y', key => '{id}') > 0 AS made;
SELECT create_task('cast', 'SELECT * FROM bait', 'y', key => '{id}') > 0 AS made;
-- a view that calls a volatile function of PostgreSQL by now
CREATE VIEW hidden AS SELECT id, y, x::bigint AS c FROM bait;
SELECT create_task('view', 'SELECT * FROM hidden', 'y', key => '{id}') > 0 AS made;
CREATE SEQUENCE counter;
CREATE OR REPLACE VIEW hidden AS SELECT id, y, nextval('counter') AS c FROM bait;
RESET ROLE;

SELECT part('pair', b) FROM bait b LIMIT 1;
SELECT part('array', b) FROM bait b LIMIT 1;
SELECT part('span', b) FROM bait b LIMIT 1;
SELECT part('fickle', b) FROM bait b LIMIT 1;
SELECT part('passing', b) FROM bait b LIMIT 1;
SELECT train('columns');
SELECT train('json');
SELECT train('agg');
SELECT train('view');
SELECT part('cast', r) FROM (SELECT 1 AS id) r;
SELECT part('cast', r) FROM (SELECT 1 AS id, 1 AS size) r;
SET ROLE regress_attacker;
SELECT train('cast', 'PT epochs = 1') AS model \gset
RESET ROLE;
SELECT predict(:model, r) FROM (SELECT 1 AS id, 1 AS x, 1 AS size) r;
SELECT predict(:model, b) IS NOT NULL AS scored FROM bait b WHERE id = 1;

-- a body can name anybody's deployment
SET ROLE regress_victim;
CREATE TABLE visit AS SELECT i AS id, i % 7 AS x, i % 3 = 0 AS y FROM generate_series(1, 1000) i;
GRANT SELECT ON visit TO PUBLIC;
SELECT create_task('visit', 'SELECT * FROM visit', 'y', key => '{id}') > 0 AS made;
SELECT train('visit', 'PT epochs = 1') AS model \gset
SELECT deploy(:model, 'hostile.late');
SELECT id AS deployment, set_config('hostile.deployment', id::text, false) FROM deployments WHERE model = :model \gset
GRANT EXECUTE ON FUNCTION late(visit) TO regress_user;
SET ROLE regress_attacker;
SELECT create_task('forged', 'SELECT * FROM visit', 'y', key => '{id}') > 0 AS made;
SELECT train('forged', 'PT epochs = 1') AS forged \gset
DO $$ BEGIN
	EXECUTE format('CREATE FUNCTION hostile.mine(visit) RETURNS float4 LANGUAGE sql STABLE AS %L',
		format('SELECT cerebro.score_row(%s, $1)', current_setting('hostile.deployment')));
END $$;
SELECT deploy(:forged, 'hostile.mine');
SELECT mine(v) FROM visit v LIMIT 1;
RESET ROLE;
SELECT model = :model AS is_still_the_victims FROM cerebro.deployment WHERE id = :deployment;
SET ROLE regress_user;
SELECT late(v) IS NOT NULL AS scored FROM visit v WHERE id = 1;
-- its owner may still change it, and drop it
SET ROLE regress_victim;
SELECT deploy(:model, 'hostile.late');

-- a relation whose name has gone to another one
ALTER TABLE visit RENAME TO visit_then;
CREATE TABLE visit (y boolean, x text, id int);
SELECT part('visit', v) FROM visit_then v LIMIT 1;
SELECT predict(:model, v) FROM visit_then v LIMIT 1;
SELECT late(v) FROM visit_then v LIMIT 1;
SELECT deploy(:model, 'hostile.later');
DROP TABLE visit;
CREATE TABLE visit (y boolean, x int, id int);
SELECT late(v) FROM visit_then v LIMIT 1;
DROP TABLE visit;
ALTER TABLE visit_then RENAME TO visit;
SELECT late(v) IS NOT NULL AS scored FROM visit v WHERE id = 1;
SELECT undeploy('hostile.late');

-- a table that changes while one expression lives
CREATE TABLE turning AS SELECT i::text AS id, i % 7 AS x, i % 3 = 0 AS y FROM generate_series(1, 1000) i;
SELECT create_task('turning', 'SELECT * FROM turning', 'y', key => '{id}') > 0 AS made;
SELECT set_config('hostile.model', train('turning', 'FE x AS mlp(4) PT epochs = 1')::text, false) > '' AS trained;
DO $$
DECLARE
	r turning;
	change text;
BEGIN
	FOREACH change IN ARRAY ARRAY['', 'ALTER id TYPE int USING id::int', 'ALTER id TYPE text',
		'DROP id, ADD COLUMN id int DEFAULT 5', 'ALTER x TYPE bigint', 'ALTER x TYPE text', 'DROP x']
	LOOP
		IF change <> '' THEN EXECUTE 'ALTER TABLE turning ' || change; END IF;
		SELECT * INTO r FROM turning LIMIT 1;
		BEGIN
			RAISE WARNING '%: %', change, part('turning', r);
			RAISE WARNING '%: %', change, predict(current_setting('hostile.model')::int, r) > 0;
		EXCEPTION WHEN OTHERS THEN
			RAISE WARNING '%: %', change, SQLERRM;
		END;
	END LOOP;
END $$;

CREATE TABLE turned AS SELECT i AS id, i::bigint % 7 AS x, i % 3 = 0 AS y FROM generate_series(1, 1000) i;
-- a source that trains: one engine process a session, not hundreds
CREATE FUNCTION again(i bigint) RETURNS bigint STABLE LANGUAGE plpgsql AS $$
BEGIN
	IF current_setting('hostile.again', true) = 'yes' THEN PERFORM cerebro.train('again'); END IF;
	RETURN i;
END $$;
SELECT create_task('again', 'SELECT id, again(x) AS x, y FROM turned', 'y', key => '{id}') > 0 AS made;
SET hostile.again = 'yes';
SELECT train('again');
RESET hostile.again;
SELECT train('again', 'AS mlp(4) PT epochs = 1') > 0 AS trained;
RESET ROLE;
SELECT drop_task(name) FROM (SELECT name FROM tasks WHERE owner::text IN ('regress_attacker', 'regress_victim')) t;
DROP TYPE pg_temp.passing;
DROP SCHEMA hostile CASCADE;
DROP ROLE regress_attacker, regress_victim, regress_user;
