#!/bin/sh
# The engine is contained: descriptors, environment, signals, system calls.
. "$TEST_LIB/tap.sh"
. "$TEST_LIB/train.sh"

server_start
train_set_up
train_begin
ok $? 'a training runs'

status() {
	awk -v name="$1:" '$1 == name { print $2 }' "/proc/$ENGINE/status"
}

# what each descriptor is, sockets without their number
descriptors() {
	for fd in /proc/"$ENGINE"/fd/*; do
		echo "$(basename "$fd") $(readlink "$fd" | sed 's/:.*//')"
	done | tr '\n' ','
}

is "$(find "/proc/$BACKEND/fd" -type l | awk 'END { print (NR > 10) }')" 1 'its session has many descriptors open'
is "$(descriptors)" '0 /dev/null,1 /dev/null,2 /dev/null,3 socket,' 'the engine has its socket and nothing else'
is "$(tr '\0' ' ' <"/proc/$ENGINE/environ")" 'LANG=C ' 'an environment of its own'
is "$(status Seccomp)" 2 'a system call filter'
is "$(status NoNewPrivs)" 1 'no new privileges'
is "$(status SigBlk)" 0000000000000000 'no signal blocked'
is "$(cat "/proc/$ENGINE/oom_score_adj")" 1000 'first to go when memory is short'
is "$(awk '/Max core file size/ { print $5, $6 }' "/proc/$ENGINE/limits")" '0 0' 'no core dumps'
is "$(ps -o sid= -p "$ENGINE" | tr -d ' ')" "$ENGINE" 'a session of its own: signals to the backend group miss it'
is "$(for task in /proc/"$ENGINE"/task/*; do awk '$1 == "Seccomp:" { print $2 }' "$task/status"; done | sort -u)" 2 'the filter holds for every thread'
psql_value "SELECT pg_cancel_backend($BACKEND)" >/dev/null
wait "$SESSION"

program=$(psql_value "SELECT setting FROM pg_config WHERE name = 'PKGLIBDIR'")/cerebro_engine
[ -x "$program" ] || program=$SANDBOX/stage$program
"$program" >"$TEST_TMP/byhand" 2>&1
is "$?" 2 'by hand it does not start'
like "$(cat "$TEST_TMP/byhand")" 'not meant to be started by hand' 'and says why'
like "$("$program" --version)" '^cerebro_engine [0-9.]+$' 'but tells its version'

# its own limit
like "$(psql_value "SET cerebro.engine_memory = '20MB'; SELECT cerebro.train('good', 'AS mlp(8192, 8192)')")" \
	'training needs more than cerebro.engine_memory \(20 MB\)' 'over its limit it stops with an error'
nothing_left 'at the end'
done_testing
