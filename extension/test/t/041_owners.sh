#!/bin/sh
# Whose rows are when roles go: DROP ROLE, DROP OWNED, a dump into a cluster
# where the numbers are other roles', or where roles are not.
set -eu
# shellcheck source=extension/test/lib/tap.sh
. "$TEST_LIB/tap.sh"
server_start

run() {
	psql -X -q -v ON_ERROR_STOP=1 "$@" >/dev/null
}
as() { # ROLE SQL
	psql_value "SET client_min_messages = warning; SET search_path = work, cerebro; SET ROLE $1; $2"
}
run <<'SQL'
CREATE EXTENSION cerebro;
CREATE ROLE gone1 LOGIN;
CREATE ROLE gone2 LOGIN;
CREATE ROLE "Stays on" LOGIN;
CREATE ROLE "missing, there" LOGIN;
CREATE SCHEMA work;
GRANT ALL ON SCHEMA work TO PUBLIC;
SET search_path = work;
CREATE TABLE trips AS SELECT i AS id, i % 24 AS hour, i % 24 > 12 AS late FROM generate_series(1, 1000) i;
ALTER TABLE trips ADD PRIMARY KEY (id);
CREATE TABLE weather AS SELECT i AS hour, i * 3 AS temp, now() AS at FROM generate_series(0, 23) i;
CREATE TABLE old AS SELECT now() AS at;
GRANT SELECT ON ALL TABLES IN SCHEMA work TO PUBLIC;
SQL
for role in gone1 gone2 '"Stays on"' '"missing, there"'; do
	run <<SQL
SET client_min_messages = warning;
SET search_path = work, cerebro;
SET ROLE $role;
SELECT create_task('late', 'SELECT * FROM trips', 'late');
SELECT define_structure('tower', 'mlp(' || CASE '$role' WHEN 'gone2' THEN 4 ELSE 8 END || ')');
SELECT add_relationship('trips', '{hour}', 'weather', '{hour}');
SELECT set_time('weather', 'at');
SELECT set_time('old', 'at');
SELECT train('late', 'AS tower PT epochs = 1, seed = ' || length('$role'));
SELECT grant_model(max(id), 'gone1', 'read') FROM models WHERE owner = '$role'::regrole;
SELECT grant_model(max(id), 'gone2', 'use') FROM models WHERE owner = '$role'::regrole;
SELECT grant_model(max(id), '"missing, there"', 'read') FROM models WHERE owner = '$role'::regrole;
SQL
done

# --------------------------------------------------------------- a role goes
run -c 'DROP OWNED BY gone1, gone2' -c 'DROP ROLE gone1, gone2' -c 'DROP TABLE work.old' 2>/dev/null
is "$(psql_value 'SELECT string_agg(owner::text, $$ $$ ORDER BY id) FROM cerebro.task')" '- - "Stays on" "missing, there"' \
	'tables do not name a role that is gone'
is "$(psql_value 'SELECT string_agg(owner::text, $$ $$ ORDER BY id) FROM cerebro.tasks')" 'postgres postgres "Stays on" "missing, there"' \
	'its rows are the owner'"'"'s of the extension'
is "$(as '"Stays on"' 'SELECT count(*) FROM task')" 1 'nobody else sees them'
is "$(as '"Stays on"' 'SELECT count(*) FROM model')" 1 'nor their models'
like "$(as postgres "SELECT profile('late')")" 'rename_task\(id, \.\.\.\)' 'two tasks of one name: how to go on is told'
like "$(as postgres "SELECT reassign('postgres', '\"Stays on\"')")" 'tasks 1 and 2 are both named "late"' 'one owner cannot have both'
like "$(as '"Stays on"' "SELECT rename_task(1, 'mine')")" 'task 1 does not exist' 'only for its owner there is a task to rename'
like "$(as '"Stays on"' "SELECT rename_task('late', '')")" 'a task needs a name' 'a name is asked for'
like "$(as '"Stays on"' "SELECT rename_task('late', 'late')")" 'exists already' 'one that is taken is not given'

# ------------------------------------------- a cluster with roles of its own
pg_dump -f "$TEST_TMP/dump.sql" 2>"$TEST_TMP/dump.err"
is "$(cat "$TEST_TMP/dump.err")" '' 'the dump has nothing to complain about'
server_stop
rm -rf "$TEST_TMP/data"
server_start
for i in 1 2 3 4 5 6; do run -c "CREATE ROLE squatter$i LOGIN"; done
run -c 'CREATE ROLE "Stays on" LOGIN' -c 'CREATE DATABASE copy'
PGDATABASE=copy
export PGDATABASE
psql -X -q -v ON_ERROR_STOP=1 -f "$TEST_TMP/dump.sql" >/dev/null 2>"$TEST_TMP/restore.err" || true
like "$(cat "$TEST_TMP/restore.err")" 'WARNING:  role "missing, there" does not exist' 'a role that this cluster lacks is told'
is "$(psql_value 'SELECT string_agg(owner::text, $$ $$ ORDER BY id) FROM cerebro.task')" '- - "Stays on" -' 'rows keep their owner, or have none'
is "$(psql_value 'SELECT string_agg(owner::text, $$ $$ ORDER BY id) FROM cerebro.models')" 'postgres postgres "Stays on" postgres' \
	'none: the owner'"'"'s of the extension'
for i in 1 2 3 4 5 6; do
	as "squatter$i" 'SELECT count(*) FROM (SELECT FROM task UNION ALL SELECT FROM model UNION ALL SELECT FROM job
		UNION ALL SELECT FROM model_grant UNION ALL SELECT FROM structure UNION ALL SELECT FROM time_column) q'
done >"$TEST_TMP/squatters"
is "$(sort -u "$TEST_TMP/squatters")" 0 'who has the number now has nothing'
is "$(psql_value 'SELECT count(*) FROM cerebro.model_grant')" 0 'grants to nobody are left out'
is "$(psql_value 'SELECT count(*) FROM cerebro.time_column')" 4 'what was said of a table that is gone, too'
is "$(as '"Stays on"' "SELECT train('late', 'AS tower PT epochs = 1, seed = 10')")" "$(as '"Stays on"' 'SELECT id FROM models')" \
	'a model is found by its owner'

# --------------------------------------------------------- who has them then
is "$(as postgres "SELECT rename_task(1, 'late of 1'); SELECT rename_task(4, 'late of 4')")" '' 'tasks get names of their own'
like "$(as postgres "SELECT reassign('postgres', 'squatter1')")" 'two structures "tower"' 'so do structures'
is "$(as postgres "SELECT drop_structure('tower'); SELECT drop_structure('tower')")" '' 'nobody'"'"'s can be dropped'
like "$(as squatter1 "SELECT reassign('postgres', 'squatter1')")" 'permission denied to reassign rows of role "postgres"' 'not by anybody'
like "$(as postgres "SELECT reassign('postgres', 'squatter1')")" '^[1-9][0-9]*$' 'the extension'"'"'s owner gives them away'
is "$(psql_value 'SELECT string_agg(DISTINCT owner::text, $$ $$) FROM (SELECT owner FROM cerebro.task UNION ALL SELECT owner FROM cerebro.model
	UNION ALL SELECT owner FROM cerebro.job UNION ALL SELECT owner FROM cerebro.artefact UNION ALL SELECT owner FROM cerebro.relationship
	UNION ALL SELECT owner FROM cerebro.time_column UNION ALL SELECT owner FROM cerebro.structure) q')" '"Stays on" squatter1' 'all of them'
is "$(psql_value 'SELECT count(*) FROM cerebro.time_column')" 2 'what was said twice is said once'
is "$(as squatter1 "SELECT count(*) FROM profile('late of 1')")" 4 'they are the heir'"'"'s'
run -c 'ALTER ROLE squatter1 RENAME TO heir'
is "$(as heir 'SELECT string_agg(owner::text, $$ $$) FROM task')" 'heir heir heir' 'a role that gets another name keeps them'

# ------------------------------------ the extension's owner is no superuser
run -c 'CREATE ROLE keeper LOGIN' -c "UPDATE pg_extension SET extowner = 'keeper'::regrole WHERE extname = 'cerebro'" -c 'GRANT heir TO keeper'
run -c "DO \$\$ DECLARE t regclass; BEGIN FOR t IN SELECT oid FROM pg_class WHERE relnamespace = 'cerebro'::regnamespace AND relkind IN ('r', 'S')
	LOOP EXECUTE format('ALTER TABLE %s OWNER TO keeper', t); END LOOP; END \$\$"
run -c 'ALTER SCHEMA cerebro OWNER TO keeper' -c 'REVOKE heir FROM keeper' -c 'DROP OWNED BY heir' -c 'DROP ROLE heir' 2>/dev/null
is "$(as keeper 'SELECT string_agg(owner::text, $$ $$) FROM tasks WHERE owner = $$keeper$$::regrole')" 'keeper keeper keeper' \
	'an owner who is no superuser has the rows, too'
is "$(as keeper "SELECT rename_task('late of 4', 'late of mine')")" '' 'and may do with them what owners do'
done_testing
