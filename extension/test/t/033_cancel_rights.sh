#!/bin/sh
# Who may cancel whose training: as with pg_cancel_backend.
set -eu
# shellcheck source=extension/test/lib/tap.sh
. "$TEST_LIB/tap.sh"
server_start 'max_worker_processes = 0' # what is queued stays so

psql -X -q -v ON_ERROR_STOP=1 >/dev/null <<'SQL'
SET client_min_messages = error;
CREATE EXTENSION cerebro;
CREATE ROLE analyst LOGIN;
CREATE ROLE guest;
CREATE ROLE operator IN ROLE pg_signal_backend;
CREATE TABLE trips AS SELECT i AS id, i % 24 AS hour, i % 24 > 12 AS late FROM generate_series(1, 1000) i;
GRANT SELECT ON trips TO analyst;
SELECT cerebro.create_task('late', source => 'SELECT * FROM trips', label => 'late', key => '{id}');
SELECT cerebro.train('late', wait => false);
SET SESSION AUTHORIZATION analyst;
SELECT cerebro.create_task('late', source => 'SELECT * FROM trips', label => 'late', key => '{id}');
SELECT cerebro.train('late', wait => false);
SQL
admins=$(psql_value "SELECT id FROM cerebro.job WHERE owner = 'postgres'::regrole")
analysts=$(psql_value "SELECT id FROM cerebro.job WHERE owner = 'analyst'::regrole")

denied='permission denied to cancel job'
like "$(psql_value "SET ROLE guest; SELECT cerebro.cancel($analysts)")" "$denied" \
	'not a stranger'
like "$(psql_value "SET ROLE operator; SELECT cerebro.cancel($admins)")" "$denied" \
	"not pg_signal_backend a superuser's"
is "$(psql_value "SET ROLE operator; SELECT cerebro.cancel($analysts)")" t \
	"pg_signal_backend another role's"
is "$(psql_value "SELECT cerebro.cancel($admins)")" t 'the superuser its own'
is "$(psql_value 'SELECT count(*) FROM cerebro.job WHERE status = '"'cancelled'")" 2 \
	'both are on record'

done_testing
