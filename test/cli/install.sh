#!/bin/sh
# `make install` puts everything into the folder of DESTDIR, and `make
# uninstall` takes all of it away; the installed program works.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/cli/lib.sh
D=$WORK/destination

# names DIR: of the files in it
names() {
	find "$1" -type f -exec basename {} \; | sort | tr '\n' ' '
}

unset MAKEFLAGS MAKELEVEL MFLAGS
ends 0 'make install' make install DESTDIR="$D" prefix=/usr
is "$(names "$D")" 'cerebro cerebro--0.1.0.sql cerebro.control cerebro.so cerebro_engine ' 'five files'
holds 'the program' "$D/usr/bin/cerebro" --version
ends 0 'make uninstall' make uninstall DESTDIR="$D" prefix=/usr
is "$(names "$D")" '' 'leaves none'
finish
