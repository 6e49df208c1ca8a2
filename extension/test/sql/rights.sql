-- Tasks between roles: who sees, who may read, whose code runs.
CREATE SCHEMA rights_test;
GRANT USAGE, CREATE ON SCHEMA rights_test TO PUBLIC;
SET search_path = rights_test, cerebro;
SET client_min_messages = warning;
CREATE ROLE regress_owner;
CREATE ROLE regress_member IN ROLE regress_owner;
CREATE ROLE regress_stranger;

CREATE TABLE visit (id int PRIMARY KEY, city text, churned boolean);
INSERT INTO visit SELECT i, 'city ' || i % 7, i % 3 = 0 FROM generate_series(1, 1000) i;

-- no right to read, no task
SET ROLE regress_owner;
SELECT create_task('churn', 'SELECT * FROM visit', 'churned');
RESET ROLE;
GRANT SELECT (id, churned) ON visit TO regress_owner;
SET ROLE regress_owner;
SELECT create_task('churn', 'SELECT * FROM visit', 'churned');
SELECT create_task('narrow', 'SELECT id, churned FROM visit', 'churned') > 0 AS made;
RESET ROLE;
GRANT SELECT ON visit TO regress_owner;
SET ROLE regress_owner;
SELECT create_task('churn', 'SELECT * FROM visit', 'churned') > 0 AS made;
SELECT name, owner FROM tasks ORDER BY id;

-- nobody writes to the archive but the extension's functions
INSERT INTO task SELECT * FROM task;
UPDATE task SET owner = 'regress_stranger';
DELETE FROM data_version;
TRUNCATE column_profile;
SELECT nextval('task_id_seq');

-- strangers do not see it
SET ROLE regress_stranger;
SELECT count(*) FROM tasks;
SELECT count(*) FROM data_version;
SELECT part('churn', v) FROM (SELECT 1 AS id) v;
SELECT drop_task('churn');
-- members of the owner do, and read with their own rights
SET ROLE regress_member;
SELECT name, owner FROM tasks ORDER BY id;
SELECT part('churn', v) IS NOT NULL AS has_part FROM (SELECT 1 AS id) v;
-- one's own task comes first
SELECT create_task('churn', 'SELECT id, churned FROM visit WHERE id < 900', 'churned') > 0 AS made;
SELECT count(*) FROM tasks WHERE name = 'churn';
SELECT drop_task('churn');
SELECT name, owner FROM tasks ORDER BY id;
-- of two others' none is meant
RESET ROLE;
CREATE ROLE regress_other;
GRANT SELECT ON visit TO regress_other;
GRANT regress_other TO regress_member;
SET ROLE regress_other;
SELECT create_task('churn', 'SELECT * FROM visit', 'churned') > 0 AS made;
SET ROLE regress_member;
SELECT part('churn', v) IS NOT NULL AS has_part FROM (SELECT 1 AS id) v;
SELECT rename_task((SELECT id FROM tasks WHERE owner = 'regress_other'::regrole), 'churn of others');
SELECT part('churn', v) IS NOT NULL AS has_part FROM (SELECT 1 AS id) v;
SELECT rename_task('churn of others', 'churn');
SELECT rename_task('churn of another', 'churn');
SET ROLE regress_other;
SELECT drop_task('churn');

-- somebody's expressions are their code
SET ROLE regress_owner;
CREATE TABLE rights_test.stolen (who name);
GRANT INSERT, SELECT ON rights_test.stolen TO PUBLIC;
CREATE FUNCTION rights_test.harmless(i int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN i; END $$;
SELECT create_task('trap', 'SELECT harmless(id) AS id, churned FROM visit', 'churned', key => '{id}') > 0 AS made;
SELECT part('trap', v) IS NOT NULL AS has_part FROM visit v WHERE id = 1;
CREATE OR REPLACE FUNCTION rights_test.harmless(i int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO rights_test.stolen VALUES (current_user); RETURN i; END $$;
RESET ROLE;
SELECT part('trap', v) IS NOT NULL AS has_part FROM visit v WHERE id = 1;
SELECT count(*) FROM stolen;
SET cerebro.allow_user_functions = on;
CREATE OR REPLACE FUNCTION rights_test.harmless(i int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN i; END $$;
SELECT part('trap', v) IS NOT NULL AS has_part FROM visit v WHERE id = 1;
RESET cerebro.allow_user_functions;
-- nor may functions of PostgreSQL that run SQL
SET ROLE regress_owner;
SELECT create_task('xml', 'SELECT id, churned, length(table_to_xml(''visit''::regclass, true, true, '''')::text) AS l FROM visit', 'churned', key => '{id}') > 0 AS made;
RESET ROLE;
SELECT part('xml', v) FROM visit v WHERE id = 1;
-- nor checks of domains, nor rows that may hold some
SET ROLE regress_owner;
CREATE DOMAIN rights_test.checked AS int CHECK (rights_test.harmless(value) > 0);
CREATE TYPE rights_test.holder AS (c rights_test.checked);
SELECT create_task('domain', 'SELECT id::checked AS id, churned FROM visit', 'churned', key => '{id}') > 0 AS made;
SELECT create_task('holder', 'SELECT id, churned, (json_populate_record(NULL::holder, json_build_object(''c'', id))).c::int AS c FROM visit', 'churned', key => '{id}') > 0 AS made;
SELECT create_task('array', 'SELECT id, churned, (''{1}''::text::checked[])[1]::int AS c FROM visit', 'churned', key => '{id}') > 0 AS made;
SELECT part('domain', v) IS NOT NULL AS has_part FROM visit v WHERE id = 1;
RESET ROLE;
SELECT part('domain', v) FROM visit v WHERE id = 1;
SELECT part('holder', v) FROM visit v WHERE id = 1;
SELECT part('array', v) FROM visit v WHERE id = 1;
-- nor what a view hides
SET ROLE regress_owner;
CREATE VIEW rights_test.hidden AS SELECT harmless(id) AS id, churned FROM visit;
SELECT create_task('view', 'SELECT * FROM hidden', 'churned', key => '{id}') > 0 AS made;
RESET ROLE;
SELECT part('view', v) FROM hidden v LIMIT 1;

-- row policies hold for whoever reads
ALTER TABLE visit ENABLE ROW LEVEL SECURITY;
CREATE POLICY low ON visit FOR SELECT TO regress_owner USING (id <= 600);
SET ROLE regress_owner;
SELECT create_task('some', 'SELECT * FROM visit', 'churned') > 0 AS made;
SELECT name, rows FROM tasks WHERE name = 'some';
RESET ROLE;

-- the archive is not written by what merely reads it
SET ROLE regress_owner;
BEGIN READ ONLY;
SELECT part('some', v) IS NOT NULL AS has_part FROM visit v WHERE id = 1;
ROLLBACK;
SELECT drop_task(name) FROM tasks;
RESET ROLE;
SELECT count(*) FROM tasks;
DROP SCHEMA rights_test CASCADE;
DROP ROLE regress_member;
DROP ROLE regress_owner, regress_other, regress_stranger;
