# shellcheck shell=sh
# Sourced by the scripts here: steps that say what they do and how long it
# took, keep the noise in a log file, and show its tail when they fail.

LOG_DIR=${LOG_DIR:-build/log}

die() {
	printf '%s\n' "$@" >&2
	exit 1
}

# step LABEL COMMAND...: quiet; LABEL's first word names the log file.  What
# the command writes to the file $STEP_NOTE is shown beside the time.
step() {
	_label=$1
	shift
	mkdir -p "$LOG_DIR"
	_log=$LOG_DIR/${_label%% *}.log
	STEP_NOTE=$LOG_DIR/${_label%% *}.note
	export STEP_NOTE
	: >"$STEP_NOTE"
	_start=$(date +%s)
	[ ! -t 1 ] || printf '  %-34s ...' "$_label"
	_status=0
	"$@" >"$_log" 2>&1 </dev/null || _status=$?
	[ ! -t 1 ] || printf '\r'
	_note=$(head -n 1 "$STEP_NOTE")
	[ "$_status" = 0 ] || _note="${_note:+$_note, }FAILED"
	printf '  %-34s %4d s   %s\n' "$_label" $(($(date +%s) - _start)) "$_note"
	[ "$_status" = 0 ] || {
		echo "  ---- the end of $_log:"
		tail -n "${STEP_TAIL:-40}" "$_log" | sed 's/^/  | /'
	}
	return "$_status"
}

# note TEXT: what step shows beside the time
note() {
	[ -z "${STEP_NOTE:-}" ] || printf '%s\n' "$*" >"$STEP_NOTE"
}

# tap NAME COMMAND...: runs a command that prints TAP and adds to $passed and
# $failed; a crash, a time-out or a leak, which has no line, is one failure.
# What failed is printed whole.
tap() {
	_name=$1
	shift
	_out=$(mktemp)
	_status=0
	"$@" >"$_out" 2>&1 || _status=$?
	_ok=$(grep -c '^ok ' "$_out" || true)
	_bad=$(grep -c '^not ok ' "$_out" || true)
	if [ "$_status" != 0 ] && [ "$_bad" = 0 ]; then _bad=1; fi
	echo "$_name: $_ok passed, $_bad failed"
	if [ "$_bad" != 0 ]; then
		echo "(exit status $_status)"
		cat "$_out"
	fi
	rm -f "$_out"
	passed=$((passed + _ok))
	failed=$((failed + _bad))
}

# result SUITE PASSED FAILED [SKIPPED]: for the sum at the end of a check
result() {
	mkdir -p build/results
	printf '%s %s %s\n' "$2" "$3" "${4:-0}" >"build/results/$1"
	_text="$2 passed"
	[ "$3" = 0 ] || _text="$_text, $3 failed"
	[ "${4:-0}" = 0 ] || _text="$_text, $4 skipped"
	note "$_text"
	[ "$3" = 0 ]
}

# result_sum: "passed failed skipped" over all suites
result_sum() {
	cat build/results/* 2>/dev/null |
		awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }'
}

# as_root COMMAND...: directly, or through sudo that asks nothing
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo -n "$@"
	fi
}
