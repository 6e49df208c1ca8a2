#!/bin/sh
# `cerebro sql` is psql: its flags, its files, its exit status.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/cli/lib.sh

"$CEREBRO" start -q
ends 0 '-c' "$CEREBRO" sql -qAt -c 'SELECT 1'
is "$OUT" 1 'its result'
ends 1 'an error in -c' "$CEREBRO" sql -c 'SELECT 1/0'
like "$OUT" 'division by zero' 'told by psql'
mkdir -m 700 "$WORK/private"
echo 'SELECT 6 * 7;' >"$WORK/private/good.sql"
echo 'SELECT 1/0; SELECT 770077;' >"$WORK/private/bad.sql"
chmod 600 "$WORK/private"/*.sql
ends 0 '-f in a closed folder' "$CEREBRO" sql -qAt -f "$WORK/private/good.sql"
is "$OUT" 42 'its result'
ends 3 'a script stops at its first error' "$CEREBRO" sql -qAt -f "$WORK/private/bad.sql"
case $OUT in *770077*) not_ok 'nothing runs after it' "$OUT" ;; *) ok 'nothing runs after it' ;; esac
ends 0 'unless told otherwise' "$CEREBRO" sql -qAt -v ON_ERROR_STOP=0 -f "$WORK/private/bad.sql"
ends 1 'a missing file' "$CEREBRO" sql -f "$WORK/none.sql"
is "$(printf 'SELECT 9' | "$CEREBRO" sql -qAt)" 9 'standard input'
ends 1 'an unknown option of psql' "$CEREBRO" sql --no-such-option
ends 2 'a server that is not there' "$CEREBRO" sql --connect "host=$WORK/none" -c 'SELECT 1'
is "$("$CEREBRO" --home "$CEREBRO_HOME" sql -qAt -c 'SELECT 10')" 10 'a global option before the verb'
is "$("$CEREBRO" sql --home="$CEREBRO_HOME" -qAt -c 'SELECT 11')" 11 'and after it'
sql 'CREATE DATABASE other'
sql 'CREATE ROLE joe LOGIN'
is "$("$CEREBRO" sql -qAt -d other -c 'SELECT current_database()')" other '-d: another database of the same server'
is "$("$CEREBRO" sql -qAt -c 'SELECT current_database()' other)" other 'as an argument too'
is "$("$CEREBRO" sql -qAt -U joe -c 'SELECT current_user || current_database()')" joecerebro '-U: another role'
is "$(PGHOST=/nowhere PGPORT=1 PGDATABASE=x PGUSER=y "$CEREBRO" sql -qAt -c 'SELECT 13')" 13 'what the environment says of other servers does not count'
is "$("$CEREBRO" sql -qAt --csv -c "SELECT 'a,b', 2")" '"a,b",2' 'any flag of psql'
(cd "$WORK/private" && "$CEREBRO" sql -q -c '\copy (SELECT 12) TO out.csv')
is "$(cat "$WORK/private/out.csv")" 12 '\copy writes as the caller'
finish
