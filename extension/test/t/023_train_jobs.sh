#!/bin/sh
# Queued trainings: order, limits, roles that change, tasks that go.
. "$TEST_LIB/tap.sh"
. "$TEST_LIB/train.sh"

# one slot is the logical replication launcher's
server_start 'max_worker_processes = 2' 'max_logical_replication_workers = 1'
train_set_up
psql_value "CREATE ROLE amy LOGIN; CREATE ROLE bob LOGIN; CREATE ROLE team; GRANT team TO amy, bob;
	GRANT SELECT ON point TO team" >/dev/null
for role in amy team; do
	psql_value "SET ROLE $role; SET client_min_messages = error;
		SELECT cerebro.create_task('$role good', source => 'SELECT * FROM point', label => 'good')" >/dev/null
done

# train_workers N: new sessions and workers see it when it returns
train_workers() {
	as_postgres sh -c "echo 'cerebro.train_workers = $1' >>'$TEST_TMP/data/postgresql.conf'"
	psql_value 'SELECT pg_reload_conf()' >/dev/null
	poll_until "SELECT current_setting('cerebro.train_workers') = '$1'"
}

job_is() { # JOB STATUS
	poll_until "SELECT status = '$2' FROM cerebro.job WHERE id = $1"
}

# queue LOGIN ROLE TASK [TRIPLE]: $JOB, and what was said in queue.log
queue() {
	PGUSER=$1 psql -X -q -A -t -c "SET ROLE $2" -c "SELECT cerebro.train('$3', '${4:-PT epochs = 2}', wait => false)" \
		>"$TEST_TMP/queue.log" 2>&1
	JOB=$(sed -n 's/.*queued as job \([0-9]*\);.*/\1/p' "$TEST_TMP/queue.log")
}

# who runs what
queue amy team 'team good'
like "$(cat "$TEST_TMP/queue.log")" 'NOTICE:  queued as job [0-9]+; it will make model [0-9]+' 'a queued job is told'
job_is "$JOB" 'done'
ok $? 'and is done'
is "$(psql_value "SELECT owner || ' ' || login FROM cerebro.job WHERE id = $JOB")" 'team amy' 'as the role that asked, by the one that had logged in'
queue amy amy 'amy good' "$LONG"
poll_until "SELECT count(*) = 1 FROM cerebro.progress WHERE epoch >= 1"
is "$(psql_value "SELECT usename || ' ' || backend_type FROM pg_stat_activity WHERE pid = (SELECT pid FROM cerebro.progress)")" \
	'amy cerebro training' 'the worker is connected as the login role'
is "$(psql_value "SELECT count(*) FROM pg_stat_activity WHERE pid = (SELECT pid FROM cerebro.progress) AND xact_start IS NOT NULL")" \
	0 'no transaction is open while it trains'
LONG_JOB=$JOB
is "$(psql_value "SELECT count(*) FROM pg_stat_activity WHERE pid = (SELECT pid FROM cerebro.progress) AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL)")" \
	0 'nor a snapshot'
psql_value "CREATE TABLE held AS SELECT generate_series(1, 1000) AS i; DELETE FROM held WHERE i > 10" >/dev/null
like "$(psql_value 'VACUUM (VERBOSE) held')" 'tuples: 990 removed, 10 remain, 0 are dead but not yet removable' 'so vacuum takes what was deleted since'
is "$(psql_value "SELECT count(*) FROM cerebro.progress WHERE job = $LONG_JOB AND state = 'running'")" 1 'while the job goes on'

# the only slot is taken
queue bob team 'team good'
like "$(cat "$TEST_TMP/queue.log")" "WARNING:  job $JOB waits: no background worker slot is free" 'without a free slot it waits and says so'
is "$(psql_value "SELECT state FROM cerebro.progress WHERE job = $JOB")" queued 'and is seen waiting'
queue amy amy 'amy good'
AMYS=$JOB
is "$(PGUSER=amy psql_value "SELECT pg_cancel_backend(pid) FROM cerebro.progress WHERE job = $LONG_JOB")" t 'its owner may cancel the worker'
job_is "$LONG_JOB" cancelled
ok $? 'which is recorded'
job_is "$AMYS" 'done'
ok $? 'the worker goes on with the next job of its role'
poll_until "SELECT count(*) = 0 FROM cerebro.progress"
ok $? 'a look at progress starts what waits for other roles'
is "$(psql_value "SELECT count(*) FROM cerebro.job WHERE status <> 'done' AND id <> $LONG_JOB")" 0 'all are done'

# cerebro.train_workers
train_workers 0
queue amy amy 'amy good'
WAITING=$JOB
queue amy amy 'amy good'
is "$(psql_value "SELECT count(*) FROM cerebro.progress WHERE state = 'queued'")" 2 'none run when none may'
is "$(PGUSER=bob psql_value "SELECT count(*) FROM cerebro.progress WHERE who = 'amy'::regrole")" 0 "others do not see amy's"
like "$(PGUSER=bob psql_value "SELECT cerebro.cancel($WAITING)")" 'permission denied to cancel job' 'nor take it back'
is "$(PGUSER=amy psql_value "SELECT cerebro.cancel($WAITING)")" t 'amy may'
is "$(PGUSER=amy psql_value "SELECT cerebro.cancel($WAITING)")" f 'once'
is "$(psql_value "SELECT status || ': ' || reason FROM cerebro.job WHERE id = $WAITING")" 'cancelled: cancelled before it started' 'its row says so'
train_workers 2
poll_until "SELECT count(*) = 0 FROM cerebro.progress"
ok $? 'what waits starts when it may'
job_is "$JOB" 'done'
ok $? 'and is done'

# roles that may not log in any more
psql_value "ALTER ROLE bob NOLOGIN" >/dev/null
psql -X -q -A -t -c "SET SESSION AUTHORIZATION bob" -c "SET ROLE team" \
	-c "SELECT cerebro.train('team good', '', wait => false)" >/dev/null 2>&1
JOB=$(psql_value 'SELECT max(id) FROM cerebro.job')
poll_until "SELECT count(*) = 0 FROM cerebro.progress"
is "$(psql_value "SELECT status || ': ' || reason FROM cerebro.job WHERE id = $JOB")" 'failed: role bob may not log in' 'a login that was taken away'

psql -X -q -A -t -c "SET SESSION AUTHORIZATION amy" -c "SELECT cerebro.train('amy good', '$LONG', wait => false)" >/dev/null 2>&1
poll_until "SELECT count(*) = 1 FROM cerebro.progress WHERE epoch >= 1"
psql -X -q -A -t -c "SET SESSION AUTHORIZATION bob" \
	-c "SELECT cerebro.create_task('bob good', source => 'SELECT * FROM point', label => 'good')" \
	-c "SELECT cerebro.train('bob good', '', wait => false)" >/dev/null 2>&1
psql_value 'SELECT cerebro.cancel(job) FROM cerebro.progress WHERE epoch >= 1' >/dev/null
poll_until "SELECT count(*) = 0 FROM cerebro.progress"
is "$(psql_value "SELECT status || ': ' || reason FROM cerebro.job WHERE owner = 'bob'::regrole")" 'failed: role bob may not log in' 'or one that never had it'

# a task that goes while it is trained for
queue amy amy 'amy good' "PT epochs = 30, patience = 0"
poll_until "SELECT count(*) = 1 FROM cerebro.progress WHERE epoch >= 1"
psql_value "SELECT cerebro.drop_task('amy good')" >/dev/null
psql_value "SET ROLE amy; SELECT cerebro.drop_task('amy good')" >/dev/null
poll_until "SELECT count(*) = 0 FROM cerebro.progress"
ok $? 'a dropped task ends its training'
like "$(cat "$TEST_TMP/data/server.log")" 'task "amy good" was dropped while it was trained for' 'with a reason'
is "$(psql_value "SELECT count(*) FROM cerebro.model m WHERE NOT EXISTS (SELECT FROM cerebro.task t WHERE t.id = m.task)")" 0 'and leaves no model'

# queued when the server went down
train_workers 0
queue amy team 'team good'
train_workers 2
server_restart
poll_until "SELECT count(*) = 0 FROM cerebro.progress"
ok $? 'a queue outlives the server'
job_is "$JOB" 'done'
ok $? 'and its jobs are done'
nothing_left 'at the end'
done_testing
