#!/bin/sh
# The scan node when statements break off, cursors stay open and models go: the
# server lives, sessions give the right answers, memory does not grow.
set -eu
# shellcheck source=extension/test/lib/tap.sh
. "$TEST_LIB/tap.sh"
server_start

psql -X -q -v ON_ERROR_STOP=1 >/dev/null <<'SQL'
SET client_min_messages = warning;
CREATE EXTENSION cerebro;
CREATE TABLE carrier (code text PRIMARY KEY, name text, size integer);
INSERT INTO carrier VALUES ('AA', 'American', 5), ('B6', 'JetBlue', 3);
CREATE TABLE trips (id integer PRIMARY KEY, hour integer, carrier text REFERENCES carrier, late boolean);
INSERT INTO trips SELECT i, i % 24, (ARRAY['AA', 'B6', NULL])[1 + i % 3], i % 24 > 12 FROM generate_series(1, 50000) i;
ANALYZE;
SELECT cerebro.create_task('late', source => 'SELECT * FROM trips', label => 'late');
SELECT cerebro.create_task('coded', source => 'SELECT id, hour + 1 AS hour, upper(carrier) AS carrier, late FROM trips', label => 'late', key => '{id}');
SELECT cerebro.train('late', 'FE hour, carrier AS mlp(64, 32) PT epochs = 1, seed = 1');
SELECT cerebro.train('late', 'FE hour, carrier AS mlp(64, 32) PT epochs = 1, seed = 2');
SELECT cerebro.train('coded', 'AS mlp(64, 32) PT epochs = 1');
SELECT cerebro.train('late', 'FE hour, JOIN carrier AS mlp(8) PT epochs = 1');
SELECT cerebro.deploy((SELECT min(id) FROM cerebro.models), 'public.late');
SELECT cerebro.deploy((SELECT max(id) FROM cerebro.models WHERE task = 'coded'), 'public.coded');
SELECT cerebro.deploy((SELECT max(id) FROM cerebro.models), 'public.joined');
SQL
sums="SELECT sum(late(t)::numeric), sum(coded(t)::numeric), sum(joined(t)::numeric) FROM trips t"
truth=$(psql_value "SET cerebro.batch_scoring = off; $sums")
is "$(psql_value "$sums")" "$truth" 'a session that is new'

# one session, cancelled again and again at times that differ
{
	i=0
	while [ $i -lt 60 ]; do
		i=$((i + 1))
		echo "SET statement_timeout = $((1 + i * 7 % 53)); $sums;"
	done
	echo "RESET statement_timeout; $sums;"
} | psql -X -q -A -t >"$TEST_TMP/cancelled" 2>&1
is "$(tail -1 "$TEST_TMP/cancelled")" "$truth" 'after sixty cancelled statements a session is well'
ok "$(grep -q 'canceling statement' "$TEST_TMP/cancelled"; echo $?)" 'that were cancelled'

# errors within subtransactions, cursors that stay open and are left
psql -X -q -A -t >"$TEST_TMP/cursors" 2>&1 <<SQL
BEGIN;
DECLARE a CURSOR FOR SELECT id, late(t), coded(t) FROM trips t ORDER BY id;
MOVE 3000 IN a;
SAVEPOINT s;
DECLARE b CURSOR FOR SELECT joined(t), coded(t) FROM trips t;
MOVE 2000 IN b;
SELECT 1 / (id - 20000) + late(t) + joined(t) FROM trips t OFFSET 30000;
ROLLBACK TO s;
MOVE 1000 IN a;
FETCH a;
COMMIT;
DO \$\$
BEGIN
	FOR i IN 1..30 LOOP
		BEGIN
			PERFORM 1 / (id - 1500) + coded(t) + joined(t) FROM trips t;
		EXCEPTION WHEN division_by_zero THEN
			NULL;
		END;
	END LOOP;
END
\$\$;
$sums;
SQL
is "$(tail -1 "$TEST_TMP/cursors")" "$truth" 'after errors in subtransactions'
is "$(grep '^4001|' "$TEST_TMP/cursors")" "$(psql_value "SET cerebro.batch_scoring = off; SELECT id, late(t), coded(t) FROM trips t WHERE id = 4001")" \
	'a cursor of before goes on'

# a model that is switched and dropped under an open cursor: it was there when the cursor's snapshot was taken
mkfifo "$TEST_TMP/in"
psql -X -q -A -t <"$TEST_TMP/in" >"$TEST_TMP/open" 2>&1 &
session=$!
exec 3>"$TEST_TMP/in"
echo "BEGIN; DECLARE c CURSOR FOR SELECT id, late(t) FROM trips t ORDER BY id; MOVE 10 IN c; SELECT 'moved';" >&3
n=0
while ! grep -q moved "$TEST_TMP/open" && [ $n -lt 300 ]; do sleep 0.1; n=$((n + 1)); done
expected=$(psql_value "SET cerebro.batch_scoring = off; SELECT id, late(t) FROM trips t WHERE id = 40001")
psql_value "SELECT cerebro.deploy((SELECT id FROM cerebro.models WHERE task = 'late' ORDER BY id OFFSET 1 LIMIT 1), 'public.late')" >/dev/null
psql_value 'SELECT cerebro.drop_model((SELECT min(id) FROM cerebro.models))' >/dev/null
psql_value 'VACUUM cerebro.model, cerebro.content, cerebro.model_part' >/dev/null
echo "MOVE 39990 IN c; FETCH c; COMMIT;" >&3
exec 3>&-
wait "$session"
is "$(tail -1 "$TEST_TMP/open")" "$expected" 'a cursor keeps to a model that was switched and dropped'

# memory: the first statements of a session plan and load, those after them must not add
is "$(psql -X -q -A -t 2>&1 <<'SQL'
CREATE PROCEDURE score(n integer) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1..n LOOP
		PERFORM late(t), coded(t), joined(t) FROM trips t WHERE id < 300;
		PERFORM max(late(t)) FROM trips t WHERE id < 3000;
	END LOOP;
END
$$;
CALL score(10);
SELECT sum(total_bytes) AS before FROM pg_backend_memory_contexts \gset
CALL score(200);
SELECT sum(total_bytes) < :before + 100000 FROM pg_backend_memory_contexts;
SQL
)" t 'four hundred statements leave no memory behind'
like "$(psql_value "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")" '^1$' 'all sessions end'
ok "$(grep -qE 'terminated by signal|PANIC|TRAP' "$TEST_TMP/data/server.log" && echo 1 || echo 0)" 'and the server never fell'
done_testing
