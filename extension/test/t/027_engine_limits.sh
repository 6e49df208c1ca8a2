#!/bin/sh
# How many engines work at once, and how urgently.
. "$TEST_LIB/tap.sh"
. "$TEST_LIB/train.sh"

server_start 'cerebro.max_engines = 1'
train_set_up

train_begin
like "$(psql_value "SELECT cerebro.train('good', 'PT epochs = 1')")" 'ERROR:  too many engines are at work already' 'a session is refused where all engines work'
psql_value "SET client_min_messages = error; SELECT cerebro.train('good', 'PT epochs = 2', wait => false)" >/dev/null
JOB=$(psql_value 'SELECT max(id) FROM cerebro.job')
poll_until "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'cerebro training'"
poll_until "SELECT phase = 'wait' FROM cerebro.progress WHERE job = $JOB"
ok $? 'a job in the background waits, and says so'
is "$(psql_value "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'cerebro training' AND xact_start IS NOT NULL")" 0 'without a transaction'
psql_value "SELECT pg_cancel_backend($BACKEND)" >/dev/null
wait "$SESSION"
poll_until "SELECT status = 'done' FROM cerebro.job WHERE id = $JOB"
ok $? 'and goes on when the engine has left'
is "$(psql_value "SET client_min_messages = error; SELECT cerebro.train('good', 'PT epochs = 1, seed = 2') > 0")" t 'sessions may again'

# a killed session gives its place back
train_begin
kill -9 "$ENGINE"
wait "$SESSION"
is "$(psql_value "SET client_min_messages = error; SELECT cerebro.train('good', 'PT epochs = 1, seed = 3') > 0")" t 'a killed engine gives its place back'

PGOPTIONS='-c cerebro.engine_nice=17' train_begin
# nobody comes forward who stands further back, as the whole suite may
own=$(awk '{print $19}' "/proc/$BACKEND/stat")
is "$(awk '{print $19}' "/proc/$ENGINE/stat")" $((own > 17 ? own : 17)) 'an engine stands back as told'
psql_value "SELECT pg_cancel_backend($BACKEND)" >/dev/null
wait "$SESSION"
nothing_left 'at the end'

# of the whole server, from a session that has done nothing else
set_engines() { # VALUE
	psql -X -q -A -t -v ON_ERROR_STOP=1 -c "LOAD 'cerebro'" -c "ALTER SYSTEM SET cerebro.max_engines = $1" -c 'SELECT pg_reload_conf()' 2>&1
}
is "$(set_engines 3)" t 'ALTER SYSTEM sets how many there may be'
poll_until "SELECT cerebro.count_threads() > 0 AND current_setting('cerebro.max_engines') = '3'"
ok $? 'and other sessions see it'
like "$(set_engines -1)" 'ERROR:  -1 is outside the valid range' 'a number that makes no sense is refused'
done_testing
