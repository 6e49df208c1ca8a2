#!/bin/sh
# Extracts are not logged: after a crash they are empty, and are made again; no
# dump has them.
. "$TEST_LIB/tap.sh"
. "$TEST_LIB/train.sh"

server_start
train_set_up

count_kept() {
	psql_value "SELECT count(*) FROM cerebro.extracts"
}

train() {
	psql_value "SET client_min_messages = error; SET cerebro.reuse = off; SELECT cerebro.train('good', 'PT epochs = 2')"
}

weights() { # MODEL
	psql_value "SELECT md5(string_agg(name || content::text, ',' ORDER BY ordinal)) FROM cerebro.model_part WHERE model = $1 AND kind = 'tensor'"
}

first=$(train)
kept=$(count_kept)
is "$kept" 5 'keys and the columns are kept'
pg_dump -a >"$TEST_TMP/dump.sql" 2>/dev/null
is "$(grep -c 'COPY cerebro.extract' "$TEST_TMP/dump.sql")" 0 'a dump has none of it'
is "$(grep -c 'COPY cerebro.model ' "$TEST_TMP/dump.sql")" 1 'but the models'

second=$(train)
is "$(weights "$second")" "$(weights "$first")" 'weights from what is kept are those of a read'

server_stop immediate
server_restart
is "$(count_kept)" 0 'after a crash nothing is kept'
is "$(psql_value 'SELECT count(*) FROM cerebro.extract_chunk')" 0 'nor its bytes'
third=$(train)
is "$(count_kept)" "$kept" 'and it is made again'
is "$(weights "$third")" "$(weights "$first")" 'with the same weights'
done_testing
