#!/bin/sh
# Cancel at random moments: idle within a second, nothing left behind.
. "$TEST_LIB/tap.sh"
. "$TEST_LIB/train.sh"
TRIES=${TRIES:-100}

server_start
train_set_up

# One session that is cancelled again and again.
mkfifo "$TEST_TMP/in"
PGAPPNAME=trainer psql -X -A -t <"$TEST_TMP/in" >"$TEST_TMP/out" 2>&1 &
exec 3>"$TEST_TMP/in"

slowest=0
in_time=0
cancelled=0
for try in $(seq "$TRIES"); do
	echo "SELECT cerebro.train('good', '$LONG');" >&3
	poll_until "SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'trainer' AND state = 'active'"
	sleep "0.$(od -An -N2 -tu2 /dev/urandom | awk '{ printf "%03d", $1 % 600 }')"
	start=$(psql_value "SELECT clock_timestamp() FROM (SELECT pg_cancel_backend(pid) AS is_sent
		FROM pg_stat_activity WHERE application_name = 'trainer' OFFSET 0) cancel WHERE is_sent")
	poll_until "SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'trainer' AND state = 'idle'"
	seconds=$(psql_value "SELECT extract(epoch FROM state_change - '$start')
		FROM pg_stat_activity WHERE application_name = 'trainer'")
	under "$seconds" 1 && in_time=$((in_time + 1))
	under "$slowest" "$seconds" && slowest=$seconds
done
echo '\q' >&3
exec 3>&-
poll_until "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'trainer' AND state = 'active'
	UNION ALL SELECT true LIMIT 1"
wait
cancelled=$(grep -c 'canceling statement due to user request' "$TEST_TMP/out")
echo "# slowest of $TRIES: $slowest s"
is "$in_time" "$TRIES" 'each is idle within a second'
is "$cancelled" "$TRIES" 'each ends with the message of a cancel'
nothing_left 'after cancels'
poll_until "SELECT count(*) = $TRIES FROM cerebro.job WHERE status = 'cancelled'"
ok $? 'each attempt left a row'
is "$(psql_value 'SELECT count(*) FROM cerebro.model')" 0 'and no model'

# the role that trains may cancel by job number, others may not
psql_value "CREATE ROLE other" >/dev/null
train_begin
ok $? 'a training runs'
job=$(psql_value 'SELECT job FROM cerebro.progress')
like "$(psql_value "SET ROLE other; SELECT cerebro.cancel($job)")" 'permission denied' 'another role may not cancel it'
is "$(psql_value "SET ROLE other; SELECT count(*) FROM cerebro.progress")" 0 'nor see it'
is "$(psql_value "SELECT cerebro.cancel($job)")" t 'its own may'
wait "$SESSION"
like "$(cat "$TEST_TMP/trainer.log")" 'epoch 2/1000000  loss [0-9.]+  valid [0-9.]+  AUC [0-9.]+  [0-9.]+ s left' 'epochs are told as they come'
nothing_left 'after cerebro.cancel'

# statement_timeout is a cancel, too
like "$(psql_value "SET statement_timeout = '300ms'; SET client_min_messages = error; SELECT cerebro.train('good', '$LONG')")" \
	'canceling statement due to statement timeout' 'a timeout ends a training'
nothing_left 'after a timeout'
done_testing
