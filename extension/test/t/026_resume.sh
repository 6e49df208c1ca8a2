#!/bin/sh
# Engine, worker and server killed at random moments: no committed epoch is
# lost, no half model appears, and what is resumed ends with the bits of a
# training that nothing disturbed.
#	KILLS engines and workers and, beside them, SERVER_KILLS servers are
#	killed (bench/kills is the long run); SEED replays the moments
. "$TEST_LIB/tap.sh"
. "$TEST_LIB/train.sh"

KILLS=${KILLS:-10}
SERVER_KILLS=${SERVER_KILLS:-2}
SEED=${SEED:-$$}
echo "# SEED=$SEED"
SHORT='AS mlp(16, 8) PT epochs = 80, patience = 0, batch = 64' # what is killed
TRIPLE='AS mlp(96, 48) PT epochs = 30, patience = 0, batch = 256'

server_start 'cerebro.commit_seconds = 0' 'restart_after_crash = on'
train_set_up
psql_value "CREATE FUNCTION is_same(a integer, b integer) RETURNS boolean LANGUAGE sql AS \$\$
	SELECT (SELECT array_agg((name, kind, dims, content)::text ORDER BY ordinal) FROM cerebro.model_part WHERE model = a AND kind <> 'header')
		 = (SELECT array_agg((name, kind, dims, content)::text ORDER BY ordinal) FROM cerebro.model_part WHERE model = b AND kind <> 'header')
	   AND (SELECT array_agg((epoch, train_loss, valid_log_loss, valid_auc, valid_accuracy, state)::text ORDER BY epoch) FROM cerebro.epoch WHERE model = a)
		 = (SELECT array_agg((epoch, train_loss, valid_log_loss, valid_auc, valid_accuracy, state)::text ORDER BY epoch) FROM cerebro.epoch WHERE model = b) \$\$" >/dev/null
psql_value "SET client_min_messages = error; SELECT cerebro.create_task('few', source => 'SELECT * FROM point WHERE id <= 3000', label => 'good')" >/dev/null
STRAIGHT=$(psql_value "SET client_min_messages = error; SELECT cerebro.train('few', '$SHORT')")

random_below() { # N: below N, from SEED
	SEED=$(((SEED * 1103515245 + 12345) % 2147483648))
	R=$((SEED / 65536 % $1))
}

# queue_job TASK TRIPLE; reuse is off: nothing but the job's own epochs is found
queue_job() {
	JOB=$(psql_value "SET client_min_messages = error; SET cerebro.reuse = off;
		SELECT cerebro.train('$1', '$2', wait => false);
		SELECT currval('cerebro.job_id_seq')" | tail -n 1)
}

# settled JOB: it is done, or is to be resumed; whoever looks at progress first
# has the row of a process that is gone written
settled() {
	poll_until "SELECT NOT EXISTS (SELECT FROM cerebro.progress) AND ended_at IS NOT NULL FROM cerebro.job WHERE id = $1" 200
}

# choose_victim: $KIND, nothing when there were enough
choose_victim() {
	random_below 10
	KIND=engine
	[ "$R" -lt 6 ] || KIND=worker
	[ "$R" -lt 9 ] || KIND=server
	[ "$killed" -lt "$KILLS" ] || KIND=server
	[ "$KIND" != server ] || [ "$killed_servers" -lt "$SERVER_KILLS" ] || KIND=worker
	[ "$KIND" = server ] || [ "$killed" -lt "$KILLS" ] || KIND=
}

# strike WORKER: false where nothing was there to be killed
strike() {
	case $1 in '' | *[!0-9]*) return 1 ;; esac
	case $KIND in
	'') return 1 ;;
	server)
		server_stop immediate
		server_restart
		killed_servers=$((killed_servers + 1))
		return
		;;
	worker) kill -9 "$1" ;;
	engine)
		victim=$(engines_of "$1")
		[ -n "$victim" ] || return 1
		kill -9 "$victim"
		;;
	esac
	killed=$((killed + 1))
}

killed=0
killed_servers=0
lost=0
differ=0
half=0
models=0
went_on=0
EPOCHS="(SELECT coalesce(max(epoch), 0) FROM cerebro.job_epoch WHERE job = j.id)"
while [ "$killed" -lt "$KILLS" ] || [ "$killed_servers" -lt "$SERVER_KILLS" ]; do
	queue_job few "$SHORT"
	tries=0
	while :; do
		random_below 500
		sleep "$(printf '0.%03d' "$R")"
		choose_victim
		found=$(psql_value "SELECT $EPOCHS, (SELECT pid FROM cerebro.progress p WHERE p.job = j.id) FROM cerebro.job j WHERE j.id = $JOB")
		before=${found%|*}
		if [ "$tries" -lt 8 ] && strike "${found#*|}"; then
			tries=$((tries + 1))
		fi
		settled "$JOB" || break
		found=$(psql_value "SELECT $EPOCHS, (SELECT count(*) FROM cerebro.model m WHERE m.job = j.id), status FROM cerebro.job j WHERE j.id = $JOB")
		case $found in *'|done') break ;; esac
		after=${found%%|*}
		found=${found#*|}
		[ "$after" -ge "$before" ] || lost=$((lost + 1))
		[ "$after" = 0 ] || went_on=$((went_on + 1))
		half=$((half + ${found%|*}))
		psql_value "SET client_min_messages = error; SELECT cerebro.resume($JOB)" >/dev/null
	done
	models=$((models + 1))
	[ "$(psql_value "SELECT is_same($STRAIGHT, model) FROM cerebro.job WHERE id = $JOB")" = t ] || {
		differ=$((differ + 1))
		psql_value "SELECT id, status, reason, model FROM cerebro.job WHERE id = $JOB" | sed 's/^/# /'
	}
done
echo "# $killed kills of engines and workers, $killed_servers of the server; $went_on of them went on from a committed epoch; $models models" |
	tee "$TESTDIR/026_resume.kills"
is "$lost" 0 'no committed epoch is lost'
is "$half" 0 'no half model appears'
is "$differ" 0 'what was resumed has the bits of what nothing disturbed'
ok $((went_on == 0)) 'some went on from a committed epoch'
is "$(psql_value 'SELECT count(*) FROM cerebro.job_epoch')" 0 'what only the jobs kept is gone'
is "$(psql_value "SELECT count(DISTINCT s.state) FROM cerebro.state_part s")" 1 'with its bytes: all models end in one state'
is "$(psql_value "SELECT count(*) FROM cerebro.content c WHERE NOT EXISTS (SELECT FROM cerebro.model_part p WHERE p.content = c.id)
	AND NOT EXISTS (SELECT FROM cerebro.state_part p WHERE p.content = c.id)")" 0 'and nothing that nobody has'

# cancelled, then resumed by its owner alone
psql_value "CREATE ROLE mallory LOGIN" >/dev/null
psql_value "SET client_min_messages = error; SET cerebro.reuse = off;
	SELECT cerebro.train('good', '$TRIPLE, seed = 3', wait => false)" >/dev/null
JOB=$(psql_value 'SELECT max(id) FROM cerebro.job')
poll_until "SELECT count(*) >= 2 FROM cerebro.job_epoch WHERE job = $JOB"
like "$(psql_value "SELECT cerebro.resume($JOB)")" 'ERROR:  job [0-9]+ is running' 'a job that runs is not resumed'
psql_value "SELECT cerebro.cancel($JOB)" >/dev/null
settled "$JOB"
is "$(psql_value "SELECT status || ' ' || (committed_epochs >= 2) FROM cerebro.jobs WHERE job = $JOB")" 'cancelled true' 'the view shows what is committed'
like "$(PGUSER=mallory psql_value "SELECT cerebro.resume($JOB)")" 'ERROR:  permission denied to resume job' 'others may not resume it'
is "$(PGUSER=mallory psql_value "SELECT count(*) FROM cerebro.job_epoch")" 0 'nor see its epochs'
like "$(psql_value "SELECT cerebro.resume($JOB)")" 'NOTICE:  job [0-9]+ is queued again; it will make model [0-9]+' 'its owner may'
settled "$JOB"
is "$(psql_value "SELECT status FROM cerebro.jobs WHERE job = $JOB")" 'done' 'and it is done'
like "$(psql_value "SELECT cerebro.resume($JOB)")" 'ERROR:  job [0-9]+ is done' 'once'
like "$(psql_value "SELECT cerebro.resume(1000000)")" 'ERROR:  job 1000000 does not exist' 'a job that is not there'

# a foreground training that failed goes on in the background
train_begin 'AS mlp(96, 48) PT epochs = 60, patience = 0, batch = 256, seed = 4'
kill -9 "$ENGINE"
wait "$SESSION"
poll_until "SELECT count(*) = 1 FROM cerebro.jobs WHERE status = 'failed' AND NOT is_background"
JOB=$(psql_value "SELECT max(id) FROM cerebro.job")
psql_value "SELECT cerebro.resume($JOB)" >/dev/null
settled "$JOB"
is "$(psql_value "SELECT status || ' ' || is_background FROM cerebro.jobs WHERE job = $JOB")" 'done true' 'a training of a session goes on in the background'

# the process of a training is gone: the job is not said to run
psql_value "SET client_min_messages = error; SET cerebro.reuse = off;
	SELECT cerebro.train('good', '$TRIPLE, seed = 6', wait => false)" >/dev/null
JOB=$(psql_value 'SELECT max(id) FROM cerebro.job')
poll_until "SELECT count(*) >= 2 FROM cerebro.job_epoch WHERE job = $JOB"
server_stop immediate
server_restart
like "$(psql_value "SELECT status, reason FROM cerebro.jobs WHERE job = $JOB")" 'failed\|interrupted at epoch [0-9]+ of 30' \
	'a job whose process is gone has failed, whatever was looked at before'
settled "$JOB"

# resumed over other rows: it begins again, and what it kept of the old ones is not counted
FIRST=$(psql_value "SELECT max(epoch) FROM cerebro.job_epoch WHERE job = $JOB")
psql_value 'DELETE FROM point WHERE id = 20000' >/dev/null
psql_value "SET client_min_messages = error; SELECT cerebro.resume($JOB)" >/dev/null
poll_until "SELECT committed_epochs < $FIRST OR status = 'done' FROM cerebro.jobs WHERE job = $JOB"
ok $? 'epochs over rows that changed since are not among the committed ones'
settled "$JOB"
STRAIGHT=$(psql_value "SET client_min_messages = error; SET cerebro.reuse = off; SELECT cerebro.train('good', '$TRIPLE, seed = 6')")
is "$(psql_value "SELECT is_same($STRAIGHT, model) FROM cerebro.job WHERE id = $JOB")" t 'and the model is that of the rows as they are'

# dropped with the task: it ends, and nothing stays
psql_value "SET client_min_messages = error; SET cerebro.reuse = off;
	SELECT cerebro.train('good', '$LONG', wait => false)" >/dev/null
JOB=$(psql_value 'SELECT max(id) FROM cerebro.job')
poll_until "SELECT count(*) >= 2 FROM cerebro.job_epoch WHERE job = $JOB"
psql_value "SET client_min_messages = error; SELECT cerebro.drop_task('good'), cerebro.drop_task('few')" >/dev/null
poll_until "SELECT count(*) = 0 FROM cerebro.progress"
ok $? 'a training of a dropped task ends'
like "$(cat "$TEST_TMP/data/server.log")" 'ERROR:  task "good" was dropped while it was trained for' 'and the log says why'
is "$(psql_value 'SELECT (SELECT count(*) FROM cerebro.job_epoch) + (SELECT count(*) FROM cerebro.state_part) + (SELECT count(*) FROM cerebro.content)')" \
	0 'what a job of a dropped task has kept goes with it'
done_testing
