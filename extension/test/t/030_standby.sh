#!/bin/sh
# A hot standby scores as its primary does, and sees a switch of deployment.
set -eu
# shellcheck source=extension/test/lib/tap.sh
. "$TEST_LIB/tap.sh"
server_start "max_wal_senders = 4" "hot_standby = on"
standby=$TEST_TMP/standby

psql -X -q -v ON_ERROR_STOP=1 >/dev/null <<'SQL'
SET client_min_messages = warning;
CREATE EXTENSION cerebro;
CREATE TABLE trips AS SELECT i AS id, i % 24 AS hour, (ARRAY['AA', 'B6', NULL])[1 + i % 3] AS carrier, i % 24 > 12 AS late
	FROM generate_series(1, 2000) i;
ALTER TABLE trips ADD PRIMARY KEY (id);
CREATE TABLE carriers AS SELECT * FROM (VALUES ('AA', 1), ('B6', 5)) v (carrier, rank);
ALTER TABLE carriers ADD PRIMARY KEY (carrier);
SELECT cerebro.create_task('late', source => 'SELECT * FROM trips', label => 'late');
SELECT cerebro.train('late', 'AS mlp(8) PT epochs = 2, seed = 1');
SELECT cerebro.train('late', 'FE hour, JOIN carriers USING (carrier), carriers.rank AS mlp(8) PT epochs = 2, seed = 3') AS joins \gset
SELECT cerebro.train('late', 'AS mlp(8) PT epochs = 2, seed = 2');
SELECT cerebro.deploy((SELECT min(id) FROM cerebro.models), 'public.late');
CREATE ROLE reader LOGIN;
GRANT SELECT ON trips TO reader;
SELECT cerebro.deploy(:joins, 'public.asks'), cerebro.deploy(:joins, 'public.lent', rights => 'owner');
GRANT EXECUTE ON FUNCTION asks(trips), lent(trips) TO reader;
SQL

as_postgres pg_basebackup -D "$standby" -h "$TEST_TMP" -R -c fast
as_postgres sh -c "echo 'port = 5433' >>'$standby/postgresql.conf'"
as_postgres pg_ctl -D "$standby" -l "$standby/server.log" -w start >/dev/null
trap 'as_postgres pg_ctl -D "$standby" -m immediate stop >/dev/null 2>&1 || true; tap_clean' EXIT

on_standby() {
	PGPORT=5433 psql_value "$1"
}
catch_up() {
	poll_until "SELECT bool_and(replay_lsn >= pg_current_wal_lsn()) FROM pg_stat_replication"
}
scores="SELECT md5(string_agg(late(t)::text || late_proba(t)::text, ',' ORDER BY id)) FROM trips t"

catch_up
is "$(on_standby 'SELECT pg_is_in_recovery()')" t 'the standby is one'
is "$(on_standby "$scores")" "$(psql_value "$scores")" 'scores are the same on the standby'
is "$(on_standby 'SELECT bool_and(cerebro.predict((SELECT min(id) FROM cerebro.models), t) = late(t)) FROM trips t')" t 'and so are predictions'
is "$(on_standby "SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; $scores")" \
	"$(psql_value "$scores")" 'in parallel workers too'

is "$(on_standby "SET client_min_messages = warning; SELECT count(*) FROM cerebro.profile('late')")" 5 'the profile that was kept is shown there'

lent="SELECT md5(string_agg(lent(t)::text, ',' ORDER BY id)) FROM trips t"
is "$(PGUSER=reader on_standby "$lent")" "$(psql_value "$lent")" 'rights that are lent count there, too'
like "$(PGUSER=reader on_standby 'SELECT sum(asks(t)) FROM trips t')" 'permission denied for table carriers' 'and none that are not'

before=$(on_standby "$scores")
psql_value "SELECT cerebro.deploy((SELECT max(id) FROM cerebro.models), 'public.late')" >/dev/null
catch_up
after=$(on_standby "$scores")
ok "$([ "$before" != "$after" ]; echo $?)" 'a switch reaches the standby'
is "$after" "$(psql_value "$scores")" 'and scores are the same again'

# one session of the standby, before and after a switch
mkfifo "$TEST_TMP/in"
PGPORT=5433 psql -X -q -A -t <"$TEST_TMP/in" >"$TEST_TMP/out" 2>&1 &
exec 3>"$TEST_TMP/in"
echo "PREPARE s AS $scores; EXECUTE s;" >&3
poll_file() { # LINES
	n=0
	while [ "$(wc -l <"$TEST_TMP/out")" -lt "$1" ] && [ $n -lt 300 ]; do sleep 0.1; n=$((n + 1)); done
}
poll_file 1
psql_value "SELECT cerebro.deploy((SELECT min(id) FROM cerebro.models), 'public.late')" >/dev/null
catch_up
echo 'EXECUTE s;' >&3
exec 3>&-
wait
is "$(sed -n 1p "$TEST_TMP/out")" "$after" 'a session keeps to its model'
is "$(sed -n 2p "$TEST_TMP/out")" "$before" 'until the switch is replayed'

like "$(on_standby "SELECT cerebro.deploy(1, 'public.late')")" 'cannot execute cerebro.deploy\(\) (in a read-only transaction|during recovery)' \
	'nothing is deployed on a standby'
like "$(on_standby 'SELECT cerebro.evaluate(1)')" 'cannot execute cerebro.evaluate\(\)' 'nor evaluated'
like "$(PGUSER=reader on_standby 'SELECT late(t) FROM trips t LIMIT 1')" 'permission denied for function late' \
	'rights hold on the standby'
psql_value 'GRANT EXECUTE ON FUNCTION late(trips) TO reader' >/dev/null
catch_up
is "$(PGUSER=reader on_standby 'SELECT count(late(t)) FROM trips t')" 2000 'and so do grants'
done_testing
