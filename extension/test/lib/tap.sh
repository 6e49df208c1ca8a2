# shellcheck shell=sh
# Sourced by t/*.sh: TAP lines, and servers of the test's own.
#
#	. "$TEST_LIB/tap.sh"
#	server_start "max_worker_processes = 4"
#	is "$(psql_value 'SELECT 1')" 1 'a server answers'
#	done_testing

TAP_N=0
TAP_FAILED=0
TEST_TMP=$(mktemp -d /tmp/cerebro-tap.XXXXXX)
chmod 755 "$TEST_TMP"
trap 'tap_clean' EXIT
trap 'exit 130' INT TERM

tap_clean() {
	server_stop immediate
	rm -rf "$TEST_TMP"
}

# ok STATUS NAME
ok() {
	TAP_N=$((TAP_N + 1))
	if [ "$1" = 0 ]; then
		echo "ok $TAP_N - $2"
	else
		TAP_FAILED=$((TAP_FAILED + 1))
		echo "not ok $TAP_N - $2"
	fi
}

# is GOT EXPECTED NAME
is() {
	if [ "$1" = "$2" ]; then
		ok 0 "$3"
	else
		ok 1 "$3"
		printf 'got:      %s\nexpected: %s\n' "$1" "$2" | sed 's/^/# /'
	fi
}

# like GOT EXTENDED-REGEX NAME
like() {
	if printf '%s\n' "$1" | grep -qE -- "$2"; then
		ok 0 "$3"
	else
		ok 1 "$3"
		printf '%s\nis not like: %s\n' "$1" "$2" | sed 's/^/# /'
	fi
}

done_testing() {
	echo "1..$TAP_N"
	[ "$TAP_FAILED" = 0 ]
	exit $?
}

# as_postgres COMMAND...: tests that run as root start servers with this
as_postgres() {
	if [ "$(id -u)" = 0 ]; then
		runuser -u postgres -- "$@"
	else
		"$@"
	fi
}

# server_start [CONF-LINE...]: a new server with the extension at hand;
# PGHOST and PGDATABASE lead to it.
server_start() {
	[ "$(id -u)" != 0 ] || chown postgres "$TEST_TMP"
	as_postgres initdb -D "$TEST_TMP/data" -A trust -U postgres -N \
		--no-locale -E UTF8 >"$TEST_TMP/initdb.log" || exit 1
	{
		cat "$TEMP_CONFIG"
		echo "unix_socket_directories = '$TEST_TMP'"
		for line; do echo "$line"; done
	} >>"$TEST_TMP/data/postgresql.conf"
	PGHOST=$TEST_TMP PGUSER=postgres PGDATABASE=postgres
	export PGHOST PGUSER PGDATABASE
	server_restart
}

server_restart() {
	server_stop
	as_postgres pg_ctl -D "$TEST_TMP/data" -l "$TEST_TMP/data/server.log" -w \
		start >"$TEST_TMP/pg_ctl.log" 2>&1 || {
		sed 's/^/# /' "$TEST_TMP/pg_ctl.log" "$TEST_TMP/data/server.log"
		exit 1
	}
}

# server_stop [MODE]
server_stop() {
	[ ! -e "$TEST_TMP/data/postmaster.pid" ] ||
		as_postgres pg_ctl -D "$TEST_TMP/data" -m "${1:-fast}" -w stop >/dev/null 2>&1
}

# psql_value SQL: one value or unadorned rows; errors too
psql_value() {
	psql -X -q -A -t -v ON_ERROR_STOP=1 -c "$1" 2>&1
}

# poll_until SQL [SECONDS]: until SQL gives t
poll_until() {
	_end=$(($(date +%s) + ${2:-30}))
	while [ "$(date +%s)" -lt "$_end" ]; do
		[ "$(psql_value "$1")" != t ] || return 0
		sleep 0.1
	done
	echo "# never true: $1"
	return 1
}
