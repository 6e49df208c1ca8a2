# shellcheck shell=sh
# Sourced by ./demo and ./check: what both do first.
#   prepare GROUP...     packages of these groups, then the build
prepare() {
	tools/install-packages --ask "$@" || exit 1
	step 'packages' tools/install-packages "$@" || exit 1
	step 'build' make -j"$(nproc)" all || exit 1
}
