#!/bin/sh
# Engine, session or server killed: the error says so, the engine leaves, and
# the attempt leaves its row.
. "$TEST_LIB/tap.sh"
. "$TEST_LIB/train.sh"

server_start
train_set_up

last_job() {
	poll_until "SELECT count(*) = $1 FROM cerebro.job WHERE ended_at IS NOT NULL" || return
	psql_value "SELECT status || ': ' || reason FROM cerebro.job ORDER BY id DESC LIMIT 1"
}

gone() { # PID
	for _ in $(seq 100); do
		[ -d "/proc/$1" ] || return 0
		sleep 0.02
	done
	return 1
}

# the engine
train_begin
kill -9 "$ENGINE"
wait "$SESSION"
like "$(cat "$TEST_TMP/trainer.log")" 'ERROR:  engine process was terminated by signal 9: Killed' 'a killed engine is named'
like "$(cat "$TEST_TMP/trainer.log")" 'HINT:  .*short of memory' 'and what may have done it'
is "$(last_job 1)" 'failed: engine process was terminated by signal 9: Killed' 'the attempt left its row'
nothing_left 'after a killed engine'

train_begin
kill -SEGV "$ENGINE"
wait "$SESSION"
like "$(cat "$TEST_TMP/trainer.log")" 'terminated by signal 11: Segmentation fault' 'a crashed engine is named'
last_job 2 >/dev/null
nothing_left 'after a crashed engine'

# an engine that stands still does not hold the session
train_begin
kill -STOP "$ENGINE"
start=$(now)
psql_value "SELECT pg_cancel_backend($BACKEND)" >/dev/null
wait "$SESSION"
under "$(elapsed "$start")" 1
ok $? 'a session leaves an engine that stands still within a second'
gone "$ENGINE"
ok $? 'which is killed'
last_job 3 >/dev/null
nothing_left 'after a stopped engine'

# the session, terminated
train_begin
psql_value "SELECT pg_terminate_backend($BACKEND)" >/dev/null
wait "$SESSION"
like "$(cat "$TEST_TMP/trainer.log")" 'terminating connection due to administrator command' 'a session is terminated'
gone "$ENGINE"
ok $? 'its engine leaves'
is "$(last_job 4)" 'cancelled: its session was terminated' 'the attempt left its row'
nothing_left 'after a terminated session'

# the client, gone: found when the next NOTICE cannot be sent, or at the end
train_begin
kill -9 "$SESSION"
psql_value "SELECT pg_terminate_backend($BACKEND)" >/dev/null
gone "$ENGINE"
ok $? 'an engine whose client is gone leaves with its session'
last_job 5 >/dev/null

# the session, killed: the server restarts all sessions, as it does
train_begin
kill -9 "$BACKEND"
wait "$SESSION"
gone "$ENGINE"
ok $? 'the engine leaves with a killed session'
poll_until "SELECT true"
first=$(psql_value "SELECT state FROM cerebro.progress")
like "$first" '^interrupted at epoch [0-9]+ of 1000000: ' 'the next look says at which epoch it was interrupted'
like "$(last_job 6)" '^failed: interrupted at epoch [0-9]+ of 1000000' 'and the attempt left its row'
nothing_left 'after a restart'
like "$(cat "$TEST_TMP/data/server.log")" 'terminated by signal 9' 'the server had noticed'

# the whole server, at once
train_begin
server_stop immediate
gone "$ENGINE"
ok $? 'the engine leaves with the server'
server_restart
like "$(psql_value "SELECT state FROM cerebro.progress")" '^interrupted at epoch' 'after a crash the next look tells'
like "$(last_job 7)" '^failed: interrupted at epoch' 'and the attempt left its row'

# a background worker, killed
psql_value "SELECT cerebro.train('good', '$LONG', wait => false)" >/dev/null
poll_until "SELECT count(*) = 1 FROM cerebro.progress WHERE epoch >= 2"
WORKER=$(psql_value "SELECT pid FROM cerebro.progress")
ENGINE=$(engines_of "$WORKER")
kill -9 "$WORKER"
gone "$ENGINE"
ok $? 'the engine leaves with a killed worker'
poll_until "SELECT true"
like "$(psql_value "SELECT state FROM cerebro.progress")" '^interrupted at epoch' 'the next look tells of it'
like "$(last_job 8)" '^failed: interrupted at epoch' 'and its row says so'
nothing_left 'after a killed worker'
is "$(psql_value 'SELECT count(*) FROM cerebro.model')" 0 'no model came of all this'
worked=$(psql_value "SET client_min_messages = error; SELECT cerebro.train('good', 'PT epochs = 2') > 0")
is "$worked" t 'and training still works'
done_testing
