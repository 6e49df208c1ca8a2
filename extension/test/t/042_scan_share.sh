#!/bin/sh
# Processes of a statement that share what they read of joined tables, ended at
# any moment: the statement ends, the server stays, and the next one is right.
set -eu
# shellcheck source=extension/test/lib/tap.sh
. "$TEST_LIB/tap.sh"
server_start

psql -X -q -v ON_ERROR_STOP=1 >/dev/null <<'SQL'
SET client_min_messages = warning;
CREATE EXTENSION cerebro;
CREATE TABLE plane AS SELECT i AS id, i % 300 AS seats, (i * 7919 % 10000)::float8 AS weight FROM generate_series(1, 30000) i;
CREATE TABLE port AS SELECT i AS id, i % 50 AS height, 'p' || i AS code FROM generate_series(1, 20000) i;
CREATE TABLE trips AS SELECT i AS id, 1 + i % 31000 AS plane, 'p' || i % 21000 AS port, i % 24 AS hour, i % 24 > 12 AS late FROM generate_series(1, 40000) i;
ALTER TABLE trips ADD PRIMARY KEY (id);
ALTER TABLE plane ADD PRIMARY KEY (id);
ALTER TABLE port ADD PRIMARY KEY (code);
VACUUM ANALYZE;
SELECT cerebro.create_task('late', source => 'SELECT * FROM trips', label => 'late');
SELECT cerebro.deploy(cerebro.train('late', 'FE hour, JOIN plane p ON (p.id = source.plane), p.seats, p.weight, JOIN port o ON (o.code = source.port), o.height
	AS mlp(64, 8) PT epochs = 1'), 'public.late');
CREATE TABLE truth AS SELECT sum(late(t)::numeric) AS sum FROM trips t;
ALTER SYSTEM SET cerebro.plan_join = pass;
ALTER SYSTEM SET parallel_setup_cost = 0;
ALTER SYSTEM SET parallel_tuple_cost = 0;
ALTER SYSTEM SET min_parallel_table_scan_size = 0;
ALTER SYSTEM SET max_parallel_workers_per_gather = 2;
SELECT pg_reload_conf();
SQL
like "$(psql_value 'EXPLAIN SELECT sum(late(t)::numeric) FROM trips t')" 'Parallel Custom Scan' 'a plan of several processes'
QUERY='SELECT sum(late(t)::numeric) = (TABLE truth) FROM trips t'
is "$(psql_value "$QUERY")" t 'with the right answer'

# one session each, so that all is read anew
n_ended=0
n_wrong=0
ms=2
while [ $ms -lt 200 ]; do
	for leads in on off; do
		out=$(psql -X -q -A -t -c "SET parallel_leader_participation = $leads" -c "SET statement_timeout = $ms" -c "$QUERY" 2>&1) || true
		case $out in
			t) ;;
			*'statement timeout'*) n_ended=$((n_ended + 1)) ;;
			*) n_wrong=$((n_wrong + 1)); printf '# %s\n' "$out" ;;
		esac
	done
	ms=$((ms + 1 + ms / 4))
done
is "$n_wrong" 0 'cancelled at any moment: an answer or a cancelled statement'
ok "$([ $n_ended -gt 3 ] && echo 0 || echo 1)" 'some were cancelled'

# workers that are told to go
psql -X -q -A -t >"$TEST_TMP/answers" 2>&1 <<SQL &
\set VERBOSITY terse
$(i=0; while [ $i -lt 60 ]; do i=$((i + 1)); echo "$QUERY;"; done)
SQL
pid=$!
n_told=0
# one that has just gone of itself is worth a warning to PostgreSQL
while kill -0 $pid 2>/dev/null; do
	n_told=$((n_told + $(PGOPTIONS='-c client_min_messages=error' psql_value "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE backend_type = 'parallel worker'")))
done
wait $pid || true
ok "$([ "$n_told" -gt 0 ] && echo 0 || echo 1)" "workers were told to go"
is "$(grep -v -c -e '^t$' -e 'terminating' "$TEST_TMP/answers" || true)" 0 'each statement answers, or tells that its worker went'
is "$(psql_value "$QUERY")" t 'the server goes on, with the right answer'
is "$(psql_value "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'")" 0 'nobody waits'
done_testing
