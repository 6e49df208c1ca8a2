#!/bin/sh
# ALTER EXTENSION UPDATE: a later version, made up here, changes a table that
# holds models, a view and an operator family, and adds a function.  What was
# updated and what is new are the same, and so is a restored dump.
set -eu
# shellcheck source=extension/test/lib/tap.sh
. "$TEST_LIB/tap.sh"

files=$SANDBOX/stage$("$PG_CONFIG" --sharedir)/extension
if ! grep -q extension_destdir "$TEMP_CONFIG"; then
	echo '1..0 # SKIP the server reads extensions from its own folder only'
	exit 0
fi
now=$(sed -n "s/^default_version = '\(.*\)'/\1/p" "$files/cerebro.control")
next=$now.1
cp "$files/cerebro.control" "$TEST_TMP/control"
trap 'cp "$TEST_TMP/control" "$files/cerebro.control"; rm -f "$files/cerebro--$now--$next.sql"; tap_clean' EXIT
server_start

cat >"$files/cerebro--$now--$next.sql" <<'SQL'
\echo Use "ALTER EXTENSION cerebro UPDATE" to load this file. \quit
ALTER TABLE cerebro.model ADD COLUMN note text NOT NULL DEFAULT 'none';
COMMENT ON COLUMN cerebro.model.note IS 'a word of its owner';
CREATE OR REPLACE VIEW cerebro.structures WITH (security_invoker = true) AS
	SELECT b.name, b.definition, NULL::regrole AS owner, NULL::timestamptz AS created_at, true AS is_builtin
	FROM cerebro.builtin_structures() b
	UNION ALL
	SELECT s.name, s.definition, cerebro.owner_of(s.owner), s.created_at, false
	FROM cerebro.structure s;
COMMENT ON COLUMN cerebro.structures.is_builtin IS 'whether the language has it';
CREATE FUNCTION cerebro.note(model integer) RETURNS text
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	RETURN (SELECT m.note FROM cerebro.model m WHERE m.id OPERATOR(pg_catalog.=) note.model);
COMMENT ON FUNCTION cerebro.note(integer) IS 'a word of the owner on a model';
CREATE FUNCTION cerebro.mst_is_no_pattern(mst cerebro.mst, pattern cerebro.mst_pattern) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cerebro_mst_matches';
COMMENT ON FUNCTION cerebro.mst_is_no_pattern(cerebro.mst, cerebro.mst_pattern) IS 'a function of the module';
SQL

psql -X -q -v ON_ERROR_STOP=1 >/dev/null <<'SQL'
SET client_min_messages = warning;
CREATE EXTENSION cerebro;
CREATE TABLE trips AS SELECT i AS id, i % 24 AS hour, i % 24 > 12 AS late FROM generate_series(1, 2000) i;
ALTER TABLE trips ADD PRIMARY KEY (id);
SELECT cerebro.create_task('late', source => 'SELECT * FROM trips', label => 'late');
SELECT cerebro.train('late', 'AS mlp(8) PT epochs = 2');
SELECT cerebro.deploy(1, 'late');
CREATE TABLE idea (m cerebro.mst);
INSERT INTO idea SELECT * FROM cerebro.sample('AS mlp(64..512 x 1..3)'::cerebro.mst_space, 50);
CREATE INDEX ON idea USING gist (m);
SQL
scores="SELECT md5(string_agg(late(t)::text, ',' ORDER BY id)) FROM trips t"
objects="SELECT md5(string_agg(o, E'\n' ORDER BY o)) FROM (SELECT pg_describe_object(classid, objid, 0)
	|| coalesce(obj_description(objid, classid::regclass::text), '') AS o
	FROM pg_depend WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
	UNION ALL SELECT attrelid::regclass || attname || format_type(atttypid, atttypmod) || coalesce(col_description(attrelid, attnum), '')
	FROM pg_attribute WHERE attnum > 0 AND attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'cerebro'::regnamespace AND relkind IN ('r', 'v'))) q"
before=$(psql_value "$scores")

like "$(psql_value 'SELECT target FROM pg_extension_update_paths($$cerebro$$) WHERE path IS NOT NULL')" "^$next\$" 'the server sees the way'
like "$(psql_value "ALTER EXTENSION cerebro UPDATE TO '9.9'")" 'no update path' 'and no other'
is "$(psql_value "ALTER EXTENSION cerebro UPDATE TO '$next'")" '' 'the update runs'
is "$(psql_value 'SELECT extversion FROM pg_extension WHERE extname = $$cerebro$$')" "$next" 'and is told'
is "$(psql_value "$scores")" "$before" 'models score as before'
is "$(psql_value 'SELECT cerebro.note(1)')" none 'the new column has its default'
is "$(psql_value 'SELECT bool_and(is_builtin) FROM cerebro.structures')" t 'the view has its column'
like "$(psql_value "SET client_min_messages = warning; SELECT cerebro.train('late', 'AS mlp(4) PT epochs = 1')")" '^[0-9]+$' 'training goes on'
is "$(psql_value 'SET enable_seqscan = off; SELECT count(*) FROM (SELECT FROM idea ORDER BY m OPERATOR(cerebro.<->) $$AS mlp(64)$$::cerebro.mst LIMIT 5) q')" 5 'indexes are as they were'

# a dump names no version: it is restored into the default one
sed -i "s/^default_version = .*/default_version = '$next'/" "$files/cerebro.control"
psql_value 'CREATE DATABASE copy' >/dev/null
pg_dump -f "$TEST_TMP/dump.sql" 2>"$TEST_TMP/dump.err"
is "$(cat "$TEST_TMP/dump.err")" '' 'the dump has nothing to complain about'
is "$(PGDATABASE=copy psql -X -q -v ON_ERROR_STOP=1 -f "$TEST_TMP/dump.sql" 2>&1 >/dev/null)" '' 'nor has the restore'
is "$(PGDATABASE=copy psql_value "$scores")" "$before" 'restored models score as before'
is "$(PGDATABASE=copy psql_value "$objects")" "$(psql_value "$objects")" 'what was updated and what is new are the same'
is "$(psql_value 'DROP EXTENSION cerebro CASCADE' 2>&1 | grep -c ERROR)" 0 'all of it can go'
done_testing
