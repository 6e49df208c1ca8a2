#!/bin/sh
# Where postgres is PID 1 of a container, every orphan is its child: an engine
# that it reaps must not look like a crashed session, which would restart all.
. "$TEST_LIB/tap.sh"
. "$TEST_LIB/train.sh"

server_start
train_set_up
as_postgres pg_ctl -D "$TEST_TMP/data" -w stop >/dev/null

# Its pid file says 1, which is somebody else's number out here: no pg_ctl.
server_stop() {
	[ -z "${POSTMASTER:-}" ] || kill -QUIT "$POSTMASTER" 2>/dev/null
	wait "$UNSHARE" 2>/dev/null
}

# A postmaster that is PID 1 of its own name space.  Mounts keep their
# propagation: in a chroot / is no mount whose it could change.
unshare --pid --fork --mount-proc --propagation unchanged setpriv --reuid postgres --regid postgres --init-groups \
	postgres -D "$TEST_TMP/data" >"$TEST_TMP/data/server.log" 2>&1 &
UNSHARE=$!
POSTMASTER=
while [ -z "$POSTMASTER" ] && kill -0 "$UNSHARE"; do
	POSTMASTER=$(pgrep -P "$UNSHARE")
done
poll_until 'SELECT true' || {
	sed 's/^/# /' "$TEST_TMP/data/server.log"
	exit 1
}
ok 0 'a server that is PID 1 answers'
is "$(head -1 "$TEST_TMP/data/postmaster.pid")" 1 'it is PID 1'
STARTED=$(psql_value 'SELECT pg_postmaster_start_time()')

# a session that stays, to see whether the server restarts all sessions
mkfifo "$TEST_TMP/in"
psql -X -A -t <"$TEST_TMP/in" >"$TEST_TMP/witness" 2>&1 &
WITNESS=$!
exec 3>"$TEST_TMP/in"
echo 'SELECT 1;' >&3

host_pid() { # PID of a session in the name space -> PID here
	for pid in $(pgrep -P "$POSTMASTER"); do
		[ "$(awk '$1 == "NSpid:" { print $3 }' "/proc/$pid/status" 2>/dev/null)" = "$1" ] && echo "$pid"
	done
}

begin() {
	PGAPPNAME=trainer psql -X -A -t -c "SELECT cerebro.train('good', '$LONG')" >"$TEST_TMP/trainer.log" 2>&1 &
	SESSION=$!
	poll_until "SELECT count(*) = 1 FROM cerebro.progress WHERE epoch >= 2"
	BACKEND=$(host_pid "$(psql_value "SELECT pid FROM pg_stat_activity WHERE application_name = 'trainer'")")
	ENGINE=$(engines_of "$BACKEND")
}

# an engine that is killed is its session's affair
begin
kill -9 "$ENGINE"
wait "$SESSION"
like "$(cat "$TEST_TMP/trainer.log")" 'engine process was terminated by signal 9' 'a killed engine ends its training'
echo 'SELECT 2;' >&3
poll_until 'SELECT true'
is "$(psql_value 'SELECT pg_postmaster_start_time()')" "$STARTED" 'the server goes on'

# a session that leaves at once orphans its engine, which PID 1 reaps
begin
psql_value "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'trainer'" >/dev/null
wait "$SESSION"
poll_until "SELECT count(*) = 2 FROM cerebro.job"
ok $? 'a terminated session leaves a row'

# stopped, its session cannot reap: the orphan must still leave with status 0
begin
kill -STOP "$BACKEND"
kill -TERM "$ENGINE"
sleep 0.2
kill -CONT "$BACKEND"
wait "$SESSION"
like "$(cat "$TEST_TMP/trainer.log")" 'engine process ended early with status 0' 'an engine that is told to leave does so with status 0'

echo 'SELECT 3;' >&3
exec 3>&-
wait "$WITNESS"
is "$(tr '\n' ' ' <"$TEST_TMP/witness")" '1 2 3 ' 'a bystander is never disconnected'
like "$(grep -c 'terminating any other active server processes' "$TEST_TMP/data/server.log")" '^0$' 'the server never restarted its sessions'

# an orphan: its session is killed, which restarts the others, as PostgreSQL
# does; the engine itself must leave no second trace
begin
kill -9 "$BACKEND"
wait "$SESSION"
poll_until 'SELECT true'
sleep 0.5
poll_until 'SELECT true'
is "$(grep -c 'terminating any other active server processes' "$TEST_TMP/data/server.log")" 1 'a killed session restarts all, its orphaned engine does not'
# shellcheck disable=SC2046
is "$(engines_of "$POSTMASTER" $(pgrep -P "$POSTMASTER"))" '' 'and is gone'
done_testing
