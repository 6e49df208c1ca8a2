#!/bin/sh
# What is recorded of attempts and openings: whole characters, and nothing that
# a later ROLLBACK PREPARED would take back unseen.
set -eu
# shellcheck source=extension/test/lib/tap.sh
. "$TEST_LIB/tap.sh"
server_start 'max_prepared_transactions = 2'

psql -X -q -v ON_ERROR_STOP=1 >/dev/null <<'SQL'
SET client_min_messages = error;
CREATE EXTENSION cerebro;
CREATE TABLE trips AS SELECT i AS id, i % 24 AS hour, i % 24 > 12 AS late FROM generate_series(1, 1000) i;
CREATE FUNCTION fragile(i int) RETURNS int STABLE LANGUAGE plpgsql AS $$
BEGIN
	IF current_setting('test.words', true) > '' THEN
		RAISE '%', current_setting('test.words') || repeat('ä', 1000);
	END IF;
	RETURN i;
END $$;
SELECT cerebro.create_task('fragile', source => 'SELECT id, fragile(hour) AS hour, late FROM trips', label => 'late', key => '{id}');
SELECT cerebro.create_task('late', source => 'SELECT * FROM trips', label => 'late', key => '{id}');
SELECT cerebro.train('late', 'AS mlp(4) PT epochs = 1');
SQL

# one of the two would be cut in the middle of a letter
for words in a ab; do
	psql_value "SET test.words = '$words'; SELECT cerebro.train('fragile')" >/dev/null || true
	poll_until "SELECT EXISTS (SELECT FROM cerebro.job WHERE status = 'failed' AND starts_with(reason, '${words}ä'))"
	ok $? "a failure that begins with '$words' is recorded"
done
is "$(psql_value "SELECT count(*) FROM cerebro.job WHERE status = 'failed' AND convert_to(reason, 'UTF8') = convert_to(rtrim(reason, 'ä') || repeat('ä', length(reason) - length(rtrim(reason, 'ä'))), 'UTF8')")" \
	2 'a long reason is cut between letters'

model=$(psql_value 'SELECT max(id) FROM cerebro.models')
like "$(psql_value "BEGIN; SELECT n_rows FROM cerebro.evaluate($model); PREPARE TRANSACTION 'seen'")" \
	'cannot PREPARE a transaction that has opened test rows' 'an opening cannot be prepared'
poll_until "SELECT count(*) = 1 FROM cerebro.evaluations"
ok $? 'and is on record'

# more openings than there are slots for workers, and none free at all
psql_value "DO \$\$ BEGIN FOR i IN 1..30 LOOP PERFORM cerebro.evaluate($model); END LOOP; RAISE 'enough'; END \$\$" >/dev/null || true
poll_until "SELECT count(*) = 31 FROM cerebro.evaluations"
ok $? 'each of thirty openings that were rolled back at once is on record'
is "$(psql_value "SELECT count(DISTINCT opened_at) FROM cerebro.evaluations")" 31 'and once each'
# openings FOLDER: files that wait
waiting() {
	find "$TEST_TMP/data/pg_stat_tmp" -name 'cerebro_opening.*' | wc -l
}
poll_until "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'cerebro record of test rows'"
is "$(waiting)" 0 'no file is left'

psql_value "ALTER SYSTEM SET max_worker_processes = 0" >/dev/null
as_postgres pg_ctl -D "$TEST_TMP/data" -w restart >/dev/null
like "$(psql_value "BEGIN; SELECT n_rows FROM cerebro.evaluate($model); ROLLBACK")" \
	'an opening of test rows is recorded later: no worker slot is free' 'without a slot that is told'
is "$(waiting)" 1 'and the opening waits'
psql_value "ALTER SYSTEM RESET max_worker_processes" >/dev/null
as_postgres pg_ctl -D "$TEST_TMP/data" -w restart >/dev/null
psql_value "SELECT n_rows > 0 FROM cerebro.evaluate($model)" >/dev/null
poll_until "SELECT count(*) = 33 FROM cerebro.evaluations"
ok $? 'for the next one'

# a database whose transactions are read-only, unless they say otherwise
psql_value "ALTER DATABASE postgres SET default_transaction_read_only = on; ALTER DATABASE postgres SET default_transaction_isolation = 'repeatable read'" >/dev/null
psql_value "BEGIN READ WRITE; SELECT n_rows FROM cerebro.evaluate($model); ROLLBACK" >/dev/null
poll_until "SELECT count(*) = 34 FROM cerebro.evaluations"
ok $? 'an opening is on record where transactions are read-only by default'
psql_value "BEGIN READ WRITE; SET LOCAL test.words = 'written'; SELECT cerebro.train('fragile')" >/dev/null || true
poll_until "SELECT EXISTS (SELECT FROM cerebro.job WHERE status = 'failed' AND starts_with(reason, 'writtenä'))"
ok $? 'so is a failure'
psql_value "BEGIN READ WRITE; SELECT cerebro.train('late', 'AS mlp(4) PT epochs = 2', wait => false); COMMIT" >/dev/null
poll_until "SELECT EXISTS (SELECT FROM cerebro.job WHERE is_background AND status = 'done')"
ok $? 'a queued training is done there'
psql_value "BEGIN READ WRITE; ALTER DATABASE postgres SET test.words = 'queued'; COMMIT" >/dev/null
psql_value "BEGIN READ WRITE; SELECT cerebro.train('fragile', wait => false); COMMIT" >/dev/null
poll_until "SELECT EXISTS (SELECT FROM cerebro.job WHERE is_background AND status = 'failed' AND starts_with(reason, 'queuedä'))"
ok $? 'and one that fails is recorded'

# an opening that waits while the extension is made anew, whose tasks begin with 1 again
PGOPTIONS='-c default_transaction_read_only=off' psql_value "ALTER DATABASE postgres RESET ALL" >/dev/null
psql_value "ALTER SYSTEM SET max_worker_processes = 0" >/dev/null
as_postgres pg_ctl -D "$TEST_TMP/data" -w restart >/dev/null
psql_value "BEGIN; SELECT n_rows FROM cerebro.evaluate($model); ROLLBACK" >/dev/null
is "$(waiting)" 1 'an opening waits'
psql_value "ALTER SYSTEM RESET max_worker_processes" >/dev/null
psql_value "DROP EXTENSION cerebro CASCADE" >/dev/null
as_postgres pg_ctl -D "$TEST_TMP/data" -w restart >/dev/null
psql -X -q -v ON_ERROR_STOP=1 >/dev/null <<'SQL'
SET client_min_messages = error;
CREATE EXTENSION cerebro;
SELECT cerebro.create_task(name, source => 'SELECT * FROM trips', label => 'late', key => '{id}') FROM unnest('{one,two}'::text[]) name;
SQL
model=$(psql_value "SELECT cerebro.train('two', 'AS mlp(4) PT epochs = 1')" | tail -n 1)
psql_value "SELECT n_rows FROM cerebro.evaluate($model)" >/dev/null
poll_until "SELECT pg_catalog.count(*) = 0 FROM pg_ls_dir('pg_stat_tmp') f WHERE f LIKE 'cerebro_opening%'"
is "$(psql_value 'SELECT count(*) FROM cerebro.evaluations')" 1 'it is not taken for one of a task of the new extension'

done_testing
