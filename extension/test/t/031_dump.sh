#!/bin/sh
# pg_dump and restore: tasks, models, deployments and grants come back, and
# predict the same.
set -eu
# shellcheck source=extension/test/lib/tap.sh
. "$TEST_LIB/tap.sh"
server_start

psql -X -q -v ON_ERROR_STOP=1 >/dev/null <<'SQL'
SET client_min_messages = warning;
CREATE EXTENSION cerebro;
CREATE ROLE analyst LOGIN;
CREATE ROLE reader LOGIN;
CREATE SCHEMA work AUTHORIZATION analyst;
GRANT USAGE ON SCHEMA work TO reader;
SET SESSION AUTHORIZATION analyst;
SET search_path = work;
CREATE TABLE trips AS SELECT i AS id, i % 24 AS hour, (ARRAY['AA', 'B6', NULL])[1 + i % 3] AS carrier, i % 24 > 12 AS late
	FROM generate_series(1, 2000) i;
ALTER TABLE trips ADD PRIMARY KEY (id);
CREATE VIEW long_trips AS SELECT * FROM trips WHERE id > 100;
GRANT SELECT ON trips TO reader;
SELECT cerebro.create_task('late', source => 'SELECT * FROM trips', label => 'late');
SELECT cerebro.create_task('hours', source => 'SELECT * FROM long_trips', label => 'hour / 8', key => '{id}');
SET cerebro.keep_states = 1;
SELECT cerebro.train('late', 'AS mlp(8) PT epochs = 2');
SELECT cerebro.train('late', 'AS mlp(32) PT epochs = 4');
SELECT cerebro.archive_pack(0.0002);
RESET cerebro.keep_states;
SELECT cerebro.train('hours', 'FE carrier AS mlp(8) PT epochs = 2');
SELECT cerebro.deploy((SELECT min(id) FROM cerebro.models WHERE task = 'late'), 'work.late');
SELECT cerebro.deploy((SELECT id FROM cerebro.models WHERE task = 'hours'), 'work.third');
SELECT cerebro.deploy((SELECT max(id) FROM cerebro.models WHERE task = 'late'), 'work.late_short', 'bf16');
SELECT cerebro.deploy((SELECT max(id) FROM cerebro.models WHERE task = 'late'), 'work.late_byte', 'int8', 'owner');
GRANT EXECUTE ON FUNCTION late(trips) TO reader;
SELECT cerebro.grant_model((SELECT id FROM cerebro.models WHERE task = 'hours'), 'reader', 'read');
CREATE VIEW scored AS SELECT id, late(t) AS p FROM trips t;
SELECT cerebro.evaluate((SELECT min(id) FROM cerebro.models WHERE task = 'late'));
-- names of the day of deployment need not last
ALTER FUNCTION third(long_trips) RENAME TO third_of_day;
SQL

all="SELECT md5(string_agg(s::text, E'\n' ORDER BY s::text)) FROM (
	SELECT id::text || work.late(t) || work.late_proba(t)::text AS s FROM work.trips t
	UNION ALL SELECT id::text || work.third_of_day(t) FROM work.long_trips t
	UNION ALL SELECT id::text || work.late_short(t) || work.late_short_proba(t)::text FROM work.trips t
	UNION ALL SELECT id::text || work.late_byte(t) || work.late_byte_proba(t)::text FROM work.trips t
	UNION ALL SELECT c::text FROM cerebro.model_copy c
	UNION ALL SELECT model || layout || ordinal || md5(bytes) FROM cerebro.copy_part
	UNION ALL SELECT id::text || p FROM work.scored
	UNION ALL SELECT model::text || mst::text || log_loss || openings FROM cerebro.leaderboard('late')
	UNION ALL SELECT d::text FROM cerebro.deployments d
	UNION ALL SELECT m.id::text || l::text FROM cerebro.models m, cerebro.lineage(m.id) l
	UNION ALL SELECT h::text FROM cerebro.history(who => 'analyst') h
	UNION ALL SELECT p::text FROM cerebro.state_part p
	UNION ALL SELECT c.id::text || c.packing || md5(c.bytes) FROM cerebro.content c
	UNION ALL SELECT m::text FROM cerebro.models m) x"
before=$(psql_value "$all")
psql_value 'CREATE DATABASE copy' >/dev/null
pg_dump -f "$TEST_TMP/dump.sql" 2>"$TEST_TMP/dump.err"
is "$(cat "$TEST_TMP/dump.err")" '' 'the dump has nothing to complain about'
is "$(PGDATABASE=copy psql -X -q -v ON_ERROR_STOP=1 -f "$TEST_TMP/dump.sql" 2>&1 >/dev/null)" '' 'nor has the restore'
PGDATABASE=copy
export PGDATABASE
is "$(psql_value 'SELECT string_agg(layout, $$ $$ ORDER BY layout) FROM cerebro.model_copy')" 'bf16 int8' 'copies of weights in fewer bytes are there'
is "$(psql_value "SELECT count(*) FROM cerebro.deployments WHERE rights = 'owner'")" 1 'and whose rights deployments lend'
is "$(psql_value "$all")" "$before" 'models, scores and deployments are the same'
is "$(PGUSER=analyst psql_value "$all")" "$before" 'to their owner too'
is "$(PGUSER=reader psql_value 'SELECT count(work.late(t)) FROM work.trips t')" 2000 'grants came along'
like "$(PGUSER=reader psql_value 'SELECT work.late_proba(t) FROM work.trips t LIMIT 1')" 'permission denied for function late_proba' \
	'and nothing more than those'
# the machine where it was deployed had another processor
psql_value "UPDATE cerebro.deployment SET kernel_class = 'abacus' WHERE name = 'late'" >/dev/null
warned=$(psql -X -q -t -A -c 'SELECT count(work.late(t) + work.late(t)) FROM work.trips t; SELECT sum(work.late(t)) > 0 FROM work.trips t' 2>&1)
is "$(printf '%s\n' "$warned" | grep -cE '^WARNING:  work.late was deployed on a processor with abacus; this one computes with (avx512|avx2|plain)$')" 1 \
	'a session is told once that a deployment is of another kernel class'
is "$(PGUSER=analyst psql_value 'SELECT count(work.late_short(t)) FROM work.trips t')" 2000 'and of no other'
is "$(PGUSER=analyst psql_value "SET client_min_messages = warning; SELECT cerebro.train('late', 'AS mlp(8) PT epochs = 2') = min(id) FROM cerebro.models WHERE task = 'late'")" \
	t 'what was trained before is found'
like "$(PGUSER=analyst psql_value "SELECT cerebro.train('late', 'AS mlp(32) PT epochs = 5')")" 'epochs 1 to [1-4] are in the archive' \
	'states kept as changes are gone on from'
is "$(PGUSER=reader psql_value 'SELECT count(*) FROM cerebro.models')" 1 'grants on models came along'
like "$(PGUSER=analyst psql_value "SET client_min_messages = warning; SELECT cerebro.train('late', 'AS mlp(8) PT epochs = 1')")" '^[0-9]+$' \
	'training goes on'
like "$(PGUSER=analyst psql_value "SET client_min_messages = warning; SELECT cerebro.deploy(max(id), 'work.late') FROM cerebro.models WHERE task = 'late'")" \
	'^work.late\(work.trips\)$' 'and so do deployments'
is "$(PGUSER=reader psql_value 'SELECT count(work.late(t)) FROM work.trips t')" 2000 'deployed again it is of this processor'
is "$(psql_value 'DROP EXTENSION cerebro CASCADE; SELECT count(*) FROM pg_proc WHERE pronamespace = $$work$$::regnamespace' | tail -n 1)" 0 \
	'deployed functions go with the extension'
done_testing
