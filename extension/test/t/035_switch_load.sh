#!/bin/sh
# A thousand switches of a deployment while sessions score: no query fails, and
# each sees one model or the other, never a mixture.
set -eu
# shellcheck source=extension/test/lib/tap.sh
. "$TEST_LIB/tap.sh"
server_start

psql -X -q -v ON_ERROR_STOP=1 >/dev/null <<'SQL'
SET client_min_messages = warning;
CREATE EXTENSION cerebro;
CREATE TABLE trips AS SELECT i AS id, i % 24 AS hour, (ARRAY['AA', 'B6', NULL])[1 + i % 3] AS carrier, i % 24 > 12 AS late
	FROM generate_series(1, 2000) i;
ALTER TABLE trips ADD PRIMARY KEY (id);
SELECT cerebro.create_task('late', source => 'SELECT * FROM trips', label => 'late');
SELECT cerebro.train('late', 'FE hour, carrier AS mlp(8) PT epochs = 2, seed = 1');
SELECT cerebro.train('late', 'FE id, hour AS mlp(8) PT epochs = 2, seed = 2');
SELECT cerebro.deploy((SELECT min(id) FROM cerebro.models), 'public.late');
CREATE TABLE truth AS SELECT sum(cerebro.predict(m.id, t)::numeric) AS sum FROM cerebro.models m, trips t GROUP BY m.id;
SQL
is "$(psql_value 'SELECT count(DISTINCT sum) FROM truth')" 2 'two models that differ'

score() { # NUMBER: prints t for each answer that is one of the two
	psql -X -q -A -t >"$TEST_TMP/score.$1" 2>&1 <<-SQL
		PREPARE s AS SELECT EXISTS (SELECT FROM truth WHERE sum = (SELECT sum(late(t)::numeric) FROM trips t));
		SELECT $([ "$1" = 1 ] && echo "set_config('cerebro.batch_scoring', 'off', false) IS NULL;" || echo "false;")
		$(i=0; while [ $i -lt 300 ]; do i=$((i + 1)); [ $((i % 2)) = 0 ] && echo 'EXECUTE s;' ||
			echo 'SELECT EXISTS (SELECT FROM truth WHERE sum = (SELECT sum(late(t)::numeric) FROM trips t));'; done)
	SQL
}
pids=
for n in 1 2 3; do
	score $n &
	pids="$pids $!"
done
psql -X -q -A -t >"$TEST_TMP/switches" 2>&1 <<'SQL'
SELECT format('SELECT cerebro.deploy((SELECT %s(id) FROM cerebro.models), ''public.late'')', CASE i % 2 WHEN 0 THEN 'min' ELSE 'max' END)
FROM generate_series(1, 1000) i \gexec
SQL
for pid in $pids; do wait "$pid"; done
is "$(sort -u "$TEST_TMP/switches")" 'late(trips)' 'a thousand switches'
is "$(wc -l <"$TEST_TMP/switches")" 1000 'all of them'
for n in 1 2 3; do
	is "$(grep -c '^t$' "$TEST_TMP/score.$n")" 300 "session $n: 300 answers, each of one model"
done
is "$(psql_value "SELECT count(*) FROM cerebro.deployment_history")" 1001 'the history has them all'
done_testing
