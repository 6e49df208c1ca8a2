#!/bin/sh
# Triples that train together: progress of each, cancel and crash of all.
. "$TEST_LIB/tap.sh"
. "$TEST_LIB/train.sh"

server_start
train_set_up

# group_begin: three triples on two threads; the third waits
group_begin() {
	PGAPPNAME=trainer psql -X -A -t -c "SET cerebro.threads = 2" -c "SELECT cerebro.train('good',
		ARRAY['AS mlp(8) $LONG', 'AS mlp(16) $LONG', 'AS mlp(32) $LONG']::cerebro.mst[])" >"$TEST_TMP/trainer.log" 2>&1 &
	SESSION=$!
	poll_until "SELECT count(*) = 2 FROM cerebro.progress WHERE epoch >= 2" || return 1
	BACKEND=$(psql_value "SELECT pid FROM pg_stat_activity WHERE application_name = 'trainer'")
	ENGINE=$(engines_of "$BACKEND")
}

group_begin
ok $? 'two networks train at the same time'
is "$(psql_value "SELECT count(*), count(DISTINCT mst), count(DISTINCT pid) FROM cerebro.progress")" '3|3|1' 'each has its row of progress'
is "$(echo "$ENGINE" | wc -w)" 1 'in one engine'
is "$(psql_value "SELECT cerebro.cancel(min(job)) FROM cerebro.progress")" t 'one of them is cancelled'
wait "$SESSION"
like "$(cat "$TEST_TMP/trainer.log")" 'canceling statement due to user request' 'that ends the statement'
nothing_left 'after a cancel'
poll_until "SELECT count(*) = 3 FROM cerebro.job WHERE status = 'cancelled'"
ok $? 'all of them are recorded as cancelled'

group_begin
ok $? 'another group trains'
kill -9 "$ENGINE"
wait "$SESSION"
like "$(cat "$TEST_TMP/trainer.log")" 'ERROR: .*engine' 'its engine is killed: the statement fails'
nothing_left 'after a crash'
poll_until "SELECT count(*) = 3 FROM cerebro.job WHERE status = 'failed'"
ok $? 'all of them are recorded as failed'
is "$(psql_value 'SELECT count(*) FROM cerebro.model')" 0 'and no model is there'

# a search whose time is over: what has begun ends, what has not is left out
is "$(psql_value "SET client_min_messages = error; SET cerebro.threads = 2; SELECT count(*) BETWEEN 2 AND 5 FROM cerebro.search('good',
	'AS mlp({8, 9, 10, 11, 12, 13}) PT epochs = 600, patience = 0', 'grid', budget => '2 s')")" t 'the time of a search ends in a group'
is "$(psql_value "SELECT count(*) > 0 FROM cerebro.job WHERE reason = 'the time was over before it began'")" t 'and the others say so'
nothing_left 'after a search'
done_testing
