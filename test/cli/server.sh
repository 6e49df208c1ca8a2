#!/bin/sh
# The private server: made, started, stopped, shared, killed, found again.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/cli/lib.sh

# is_json TEXT: read by the server itself
is_json() {
	[ "$("$CEREBRO" sql -qAt -v "j=$1" <<'SQL'
SELECT (:'j')::json IS NOT NULL
SQL
)" = t ]
}

pid_of() {
	head -n 1 "$CEREBRO_HOME/data/postmaster.pid"
}

# the server is another user's process when we are root
send() {
	kill "-$1" "$2"
}

ends 0 'status of nothing' "$CEREBRO" status
like "$OUT" 'not made yet' 'says that nothing is made'
is "$("$CEREBRO" status --json | cut -c1-17)" '{"running": false' 'also as JSON'
ends 0 'stop of nothing' "$CEREBRO" stop
holds 'looking made nothing' test ! -e "$CEREBRO_HOME"

for i in 1 2 3 4 5 6 7 8 9 10; do
	sql 'SELECT pg_postmaster_start_time()' >"$WORK/start.$i" 2>"$WORK/err.$i" &
done
wait
is "$(cat "$WORK"/start.* | sort -u | wc -l)" 1 'ten first uses at once make one server'
is "$(cat "$WORK"/start.* | wc -l) $(grep -l error "$WORK"/err.*)" '10 ' 'and each of them is answered'

is "$(sql 'SHOW search_path')" '"$user", public, cerebro' 'search_path'
is "$(sql 'SHOW server_encoding')" UTF8 'encoding'
is "$(sql 'SHOW listen_addresses')" '' 'no TCP'
is "$(sql "SELECT count(*) FROM pg_extension WHERE extname = 'cerebro'")" 1 'the extension is there'
is "$(stat -c %a "$CEREBRO_HOME/run")" 700 'the folder of the socket is closed'
is "$(sql "SELECT current_setting('cluster_name') || current_user")" postgres 'the role'

json=$("$CEREBRO" status --json)
holds 'status --json is JSON' is_json "$json"
is "$(sql "SELECT ('$json'::json ->> 'pid')::int")" "$(pid_of)" 'it names the process'
conninfo=$(sql "SELECT '$json'::json ->> 'conninfo'")
is "$(psql -XAt "$conninfo" -c 'SELECT 1')" 1 'its conninfo connects'
is "$("$CEREBRO" sql --connect "$conninfo" -qAt -c 'SELECT 2')" 2 '--connect takes it'

ends 1 'stop while a session is connected' sh -c "
	'$CEREBRO' sql -c 'SELECT pg_sleep(30)' >/dev/null 2>&1 &
	client=\$!
	while [ \"\$('$CEREBRO' sql -qAt -c \"SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'\")\" != 1 ]; do sleep 0.05; done
	'$CEREBRO' stop; code=\$?
	kill \$client; exit \$code"
like "$OUT" 'sessions? (is|are) connected' 'it says why'
ends 0 'stop --force' "$CEREBRO" stop --force
ends 0 'status when stopped' "$CEREBRO" status
like "$OUT" 'stopped' 'says so'

start=$(date +%s%N)
"$CEREBRO" start -q
ms=$((($(date +%s%N) - start) / 1000000))
holds 'starts in less than 2 s' test "$ms" -lt 2000
ends 0 'start of a running one' "$CEREBRO" start

sql 'CREATE TABLE kept AS SELECT 1 AS a'
send KILL "$(pid_of)"
is "$(sql 'SELECT a FROM kept')" 1 'kill -9: the next command brings all back'
session=$(sql 'SELECT pg_backend_pid()')
is "$([ -n "$session" ] && echo yes)" yes 'and sessions work'

# a busy session outlives the killed main process for a while
"$CEREBRO" sql -c 'DO $$BEGIN LOOP PERFORM 1; END LOOP; END$$' >/dev/null 2>&1 &
client=$!
while [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'DO %' AND state = 'active'")" != 1 ]; do sleep 0.05; done
send KILL "$(pid_of)"
is "$(sql 'SELECT a FROM kept')" 1 'kill -9 under a busy session too'
wait "$client" 2>/dev/null

"$CEREBRO" stop -q
cp -p "$CEREBRO_HOME/data/PG_VERSION" "$WORK/PG_VERSION"
# a process that has nothing to do with us lives under the stale number
if [ "$(id -u)" = 0 ]; then
	setpriv --reuid postgres --regid postgres --init-groups sleep 100 &
else
	sleep 100 &
fi
stranger=$!
printf '%s\n%s\n1\n5432\n%s\n\n' "$stranger" "$CEREBRO_HOME/data" "$CEREBRO_HOME/run" >"$CEREBRO_HOME/data/postmaster.pid"
[ "$(id -u)" != 0 ] || chown postgres "$CEREBRO_HOME/data/postmaster.pid"
is "$("$CEREBRO" status --json | cut -c1-17)" '{"running": false' 'a stale pid file is seen through'
is "$(sql 'SELECT a FROM kept')" 1 'and does not keep the server from starting'
holds 'the stranger lives' kill -0 "$stranger"
kill "$stranger"

"$CEREBRO" stop -q
printf '9.6\n' >"$CEREBRO_HOME/data/PG_VERSION"
ends 1 'data of another version' "$CEREBRO" start
like "$OUT" 'made by PostgreSQL 9\.6' 'it names the version'
cat "$WORK/PG_VERSION" >"$CEREBRO_HOME/data/PG_VERSION"

# a new build is picked up, the old copy goes
mkdir "$WORK/tree" && cp -R build/stage "$WORK/tree/" && cp build/cerebro "$WORK/tree/"
old=$(ls "$CEREBRO_HOME/runtime")
echo '# a new build' >>"$(find "$WORK/tree/stage" -name cerebro.control)"
"$WORK/tree/cerebro" start -q
new=$(ls "$CEREBRO_HOME/runtime")
holds 'another build has its own copy' test "$old" != "$new"
is "$(printf '%s\n' "$new" | wc -l)" 1 'the old copy is gone'
like "$(sql 'SHOW dynamic_library_path' 2>/dev/null)" "$old" 'a running server is replaced when nobody is connected'

# a long home gets a short socket
long=$WORK/$(printf 'x%.0s' $(seq 1 90))
ends 0 'a home too long for a socket' "$CEREBRO" sql --home "$long" -c 'SELECT 1'
socket=$("$CEREBRO" status --home "$long" --json | sed 's/.*"socket": "\([^"]*\)".*/\1/')
like "$socket" '^/tmp/cerebro-' 'its socket lies in a short folder'
is "$(stat -c %a "$(dirname "$socket")")" 700 'that is closed'
"$CEREBRO" stop --home "$long" --force -q
rm -rf "$(dirname "$socket")"

if [ "$(id -u)" = 0 ]; then
	closed=$WORK/closed
	mkdir -m 700 "$closed"
	cp -R build/stage build/cerebro "$closed/"
	is "$("$closed/cerebro" sql -qAt -c 'SELECT 3')" 3 'a clone that only root may enter works'
	ends 1 'a home that only root may enter' "$CEREBRO" start --home "$closed/home"
	like "$OUT" 'cannot reach' 'it says so'
	is "$(stat -c %U "$CEREBRO_HOME")" postgres 'as root, the home belongs to postgres'
	is "$(stat -c %U "/proc/$(pid_of)")" postgres 'and the server runs as postgres'
	mkdir -m 755 "$WORK/open" && chown nobody "$WORK/open"
	cp -R build/stage build/cerebro "$WORK/open/"
	is "$(setpriv --reuid nobody --regid nogroup --clear-groups env CEREBRO_HOME="$WORK/open/home" "$WORK/open/cerebro" sql -qAt -c 'SELECT 4')" 4 'an ordinary user has one too'
	ends 1 'the home of another user' setpriv --reuid nobody --regid nogroup --clear-groups "$CEREBRO" start
	like "$OUT" 'belongs to another user' 'it says so'
	is "$("$CEREBRO" sql --home "$WORK/open/home" -qAt -c 'SELECT 5')" 5 'root shares it, as its owner'
	is "$(stat -c %U "$WORK/open/home/data")" nobody 'without taking it over'
	setpriv --reuid nobody --regid nogroup --clear-groups "$WORK/open/cerebro" stop --home "$WORK/open/home" --force -q
fi
finish
