# shellcheck shell=sh
# Sourced after tap.sh: a table to train on, trainings that last, and what they
# must not leave behind.

LONG="PT epochs = 1000000, patience = 0"

train_set_up() {
	psql -X -q -v ON_ERROR_STOP=1 >/dev/null 2>&1 <<-'SQL'
		CREATE EXTENSION cerebro;
		CREATE TABLE point AS
			SELECT i AS id, sin(i) AS x, cos(i * 1.3) AS y, (i % 7)::text AS kind, 'v' || i % 300 AS many,
				sin(i) + (i % 7 - 3) * 0.3 > 0 AS good
			FROM generate_series(1, 20000) i;
		ALTER TABLE point ADD PRIMARY KEY (id);
		SELECT cerebro.create_task('good', source => 'SELECT * FROM point', label => 'good');
	SQL
}

# train_begin [TRIPLE]: in a session of its own; $SESSION is psql, $BACKEND
# and $ENGINE its processes once it trains
train_begin() {
	PGAPPNAME=trainer psql -X -A -t -c "SELECT cerebro.train('good', '${1:-$LONG}')" \
		>"$TEST_TMP/trainer.log" 2>&1 &
	SESSION=$!
	poll_until "SELECT count(*) = 1 FROM cerebro.progress WHERE epoch >= 2" || return 1
	BACKEND=$(psql_value "SELECT pid FROM pg_stat_activity WHERE application_name = 'trainer'")
	ENGINE=$(engines_of "$BACKEND")
	[ -n "$ENGINE" ] || {
		echo "# no engine below process $BACKEND"
		exit 1
	}
}

engines_of() { # PARENT...: zombies, too
	for parent; do
		ps -o pid=,comm= --ppid "$parent" | awk '$2 == "cerebro_engine" { print $1 }'
	done
}

# seconds with milliseconds
now() {
	date +%s.%3N
}

elapsed() {
	echo "$(now) $1" | awk '{ printf "%.3f", $1 - $2 }'
}

under() { # SECONDS LIMIT
	echo "$1 $2" | awk '{ exit !($1 < $2) }'
}

# nothing_left NAME: no process, no zombie, no file
nothing_left() {
	server=$(head -1 "$TEST_TMP/data/postmaster.pid")
	# shellcheck disable=SC2046
	is "$(engines_of "$server" $(pgrep -P "$server"))" '' "$1: no engine, no zombie"
	poll_until "SELECT count(*) = 0 FROM pg_ls_dir('pg_stat_tmp') f WHERE f LIKE 'cerebro%'"
	ok $? "$1: no progress file"
}
