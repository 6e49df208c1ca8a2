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

done_testing
