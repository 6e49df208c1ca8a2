# shellcheck shell=sh
# Sourced by the tests of the program: TAP, and a home that goes by itself.

CEREBRO=${CEREBRO:-$(pwd)/build/cerebro}
WORK=$(mktemp -d /tmp/cerebro-cli.XXXXXX)
chmod 755 "$WORK" # as root the server runs as another user
CEREBRO_HOME=$WORK/home
export CEREBRO_HOME
unset NO_COLOR XDG_DATA_HOME
n_tests=0

cleanup() {
	"$CEREBRO" stop --force -q >/dev/null 2>&1
	rm -rf "$WORK"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

ok() {
	n_tests=$((n_tests + 1))
	printf 'ok %s - %s\n' "$n_tests" "$1"
}

not_ok() {
	n_tests=$((n_tests + 1))
	printf 'not ok %s - %s\n' "$n_tests" "$1"
	shift
	[ $# = 0 ] || printf '%s\n' "$@" | sed 's/^/# /'
}

# holds NAME COMMAND...: it succeeds
holds() {
	_name=$1
	shift
	if "$@" >/dev/null 2>&1; then ok "$_name"; else not_ok "$_name" "$*"; fi
}

# is GOT EXPECTED NAME
is() {
	if [ "$1" = "$2" ]; then ok "$3"; else not_ok "$3" "got:      $1" "expected: $2"; fi
}

# like TEXT PATTERN NAME: an extended regular expression in some line
like() {
	if printf '%s\n' "$1" | grep -Eq -- "$2"; then ok "$3"; else not_ok "$3" "got:     $1" "pattern: $2"; fi
}

# ends CODE NAME COMMAND...: exit status; the output is in $OUT
ends() {
	_code=$1
	_name=$2
	shift 2
	_got=0
	OUT=$("$@" 2>&1 </dev/null) || _got=$?
	if [ "$_got" = "$_code" ]; then ok "$_name"; else not_ok "$_name" "status:   $_got" "expected: $_code" "output: $OUT"; fi
}

sql() {
	"$CEREBRO" sql -qAt -c "$1"
}

finish() {
	echo "1..$n_tests"
}
