#!/bin/sh
# Rows that are more than the engine's memory: shuffled in windows, they lie in a
# file, and the model has the bits of one whose rows all lay in memory.
. "$TEST_LIB/tap.sh"
. "$TEST_LIB/train.sh"

server_start 'cerebro.reuse = off'
psql -X -q -v ON_ERROR_STOP=1 >/dev/null 2>&1 <<'SQL'
CREATE EXTENSION cerebro;
CREATE ROLE ann LOGIN;
CREATE TABLE point AS
	SELECT i AS id, sin(i) AS a, cos(i * 1.3) AS b, sin(i * 0.7) AS c, cos(i * 0.3) AS d, sin(i * 2.1) AS e, cos(i * 3.7) AS f,
		'k' || i % 500 AS kind, sin(i) + cos(i * 1.3) / 2 > 0.2 AS good
	FROM generate_series(1, 400000) i;
ALTER TABLE point ADD PRIMARY KEY (id);
GRANT SELECT ON point TO ann;
SET ROLE ann;
SELECT cerebro.create_task('good', source => 'SELECT * FROM point', label => 'good');
SQL
PGUSER=ann
TRIPLE='AS mlp(8) PT epochs = 2, patience = 0, batch = 512, shuffle = 20000'
SMALL="SET client_min_messages = error; SET cerebro.engine_memory = '20MB'; SET cerebro.threads = 2"

# in_engine FIELD: a line of the engine's status, in kB
in_engine() {
	awk -v field="$1:" '$1 == field { print $2 }' "/proc/$(engines_of "$(psql_value 'SELECT pid FROM cerebro.progress')")/status"
}

temporary() {
	find "$TEST_TMP/data/base/pgsql_tmp" -type f 2>/dev/null | wc -l
}

like "$(psql_value "$SMALL; SELECT cerebro.train('good', 'PT epochs = 1')")" 'needs more than cerebro.engine_memory \(20 MB\)' 'rows that do not fit'
like "$(psql_value "$SMALL; SELECT cerebro.train('good', 'PT epochs = 1')")" 'HINT: .*PT shuffle = 100000' 'the error tells what helps'
is "$(psql_value "$SMALL; SELECT cerebro.train('good', '$TRIPLE') > 0")" t 'with windows they do'
SPILLED=$(psql_value 'SELECT max(id) FROM cerebro.model')
is "$(psql_value "SET client_min_messages = error; SET cerebro.threads = 1; SELECT cerebro.train('good', '$TRIPLE') > 0")" t 'in memory, one thread'
HELD=$(psql_value 'SELECT max(id) FROM cerebro.model')
is "$(psql_value "SELECT count(*) || ' ' || bool_and(a.content = b.content) FROM cerebro.model_part a JOIN cerebro.model_part b USING (ordinal)
	WHERE a.model = $SPILLED AND b.model = $HELD AND a.kind IN ('tensor', 'encoder', 'valid_scores')")" \
	"$(psql_value "SELECT count(*) || ' true' FROM cerebro.model_part WHERE model = $HELD AND kind IN ('tensor', 'encoder', 'valid_scores')")" 'the same bits'
is "$(psql_value "SELECT count(DISTINCT training) FROM cerebro.model WHERE id IN ($SPILLED, $HELD)")" 1 'under one id'
psql_value "SET client_min_messages = error; SELECT cerebro.train('good', replace('$TRIPLE', '20000', '0'))" >/dev/null
is "$(psql_value "SELECT count(DISTINCT training) FROM cerebro.model WHERE id >= $SPILLED")" 2 'another shuffle is another training'
is "$(temporary)" 0 'no file stays'

# while it trains: what is no file is within the limit, as far as rows go
psql -X -q -c "$SMALL; SELECT cerebro.train('good', replace('$TRIPLE', 'epochs = 2', 'epochs = 100000'))" >/dev/null 2>&1 &
SESSION=$!
poll_until 'SELECT count(*) = 1 FROM cerebro.progress WHERE epoch >= 2'
ANON=$(in_engine RssAnon)
FILE=$(in_engine RssFile)
echo "# $ANON kB in memory, $FILE kB of files"
ok $((ANON >= 40960)) 'its own memory is bounded'
ok $((FILE <= ANON)) 'the rows lie in a file'
is "$(temporary)" 0 'that has no name'
psql_value "SELECT pg_cancel_backend(pid) FROM cerebro.progress" >/dev/null
wait "$SESSION"

like "$(psql_value "$SMALL; SET cerebro.engine_disk = '1MB'; SELECT cerebro.train('good', '$TRIPLE')")" 'HINT: .*cerebro.engine_disk' 'a limit of its own'
PGUSER=postgres psql_value "ALTER ROLE ann SET temp_file_limit = '1MB'" >/dev/null
like "$(psql_value "$SMALL; SELECT cerebro.train('good', '$TRIPLE')")" 'needs more than cerebro.engine_memory \(20 MB\)' "and the server's holds, too"
done_testing
