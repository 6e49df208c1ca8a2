# shellcheck shell=sh
# Sourced by the SQL and TAP runners, after lib.sh.  PostgreSQL refuses to run
# as root: as root, servers and tests run as user postgres, and what they need
# is copied to a folder below /tmp that this user can reach wherever the clone
# lies.

PG_CONFIG=${PG_CONFIG:-/usr/lib/postgresql/15/bin/pg_config}
PG_BIN=$("$PG_CONFIG" --bindir)
# pg_regress and its kin; those of one version can test another
RUNNERS=${RUNNERS:-$(dirname "$("$PG_CONFIG" --pgxs)")/../test}
STAGE=${STAGE:-build/stage}

# sandbox_make: $SANDBOX with stage/ (the installation tree), test/ and
# server.conf; gone when the script ends.
sandbox_make() {
	SANDBOX=$(mktemp -d /tmp/cerebro-check.XXXXXX)
	trap 'sandbox_remove' EXIT
	trap 'exit 130' INT TERM
	mkdir "$SANDBOX/out"
	cp -R "$STAGE" "$SANDBOX/stage"
	cp -R extension/test "$SANDBOX/test"
	sandbox_write_conf >"$SANDBOX/server.conf"
	if [ "$(id -u)" = 0 ]; then
		getent passwd postgres >/dev/null ||
			die 'There is no user "postgres", as whom servers run under root. Install postgresql-15.'
		chown -R postgres "$SANDBOX"
	fi
	chmod 755 "$SANDBOX"
}

sandbox_remove() {
	[ -n "${KEEP_SANDBOX:-}" ] && echo "kept: $SANDBOX" && return
	rm -rf "$SANDBOX"
}

# Debian's server finds extensions below extension_destdir; other builds find
# what is installed in them.
sandbox_write_conf() {
	"$PG_BIN/postgres" --describe-config | grep -q '^extension_destdir' && {
		echo "extension_destdir = '$SANDBOX/stage'"
		echo "dynamic_library_path = '$SANDBOX/stage$("$PG_CONFIG" --pkglibdir):\$libdir'"
	}
	cat <<-'CONF'
		listen_addresses = ''
		fsync = off
		max_worker_processes = 16
		log_line_prefix = '%m [%p] %q%a '
	CONF
}

# sandbox_run COMMAND...: as a user whom PostgreSQL accepts, in the sandbox
sandbox_run() {
	if [ "$(id -u)" = 0 ]; then
		(cd "$SANDBOX" && exec runuser -u postgres -- env HOME="$SANDBOX" "$@")
	else
		(cd "$SANDBOX" && exec "$@")
	fi
}

# sandbox_keep SUITE: what the tests wrote, for a look at build/SUITE
sandbox_keep() {
	rm -rf "build/$1"
	mkdir -p build
	cp -R "$SANDBOX/out" "build/$1"
}
