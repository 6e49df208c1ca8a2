#!/bin/sh
# Options, help, exit codes, messages.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/cli/lib.sh

ends 0 'help' "$CEREBRO" --help
for verb in start stop status sql import demo; do
	like "$OUT" "^  $verb " "help lists $verb"
done
ends 0 'help of a verb' "$CEREBRO" import --help
like "$OUT" '--delimiter CHAR' 'it lists the options of the verb'
ends 0 'help of a verb, option first' "$CEREBRO" --help import
for verb in start stop status; do
	holds "$verb has no --connect" sh -c "! '$CEREBRO' $verb --help | grep -q -e '--connect'"
done
holds 'demo has no --json' sh -c "! '$CEREBRO' demo --help | grep -q -e '--json'"
ends 2 'it says so' "$CEREBRO" demo --json
ends 0 'help of sql' "$CEREBRO" sql --help
like "$OUT" '--connect CONNINFO' 'it lists what is not psql'"'"'s'
holds 'without a server' test ! -e "$CEREBRO_HOME"
ends 0 'version' "$CEREBRO" --version
like "$OUT" '^cerebro [0-9]+\.[0-9]+' 'the version is a number'

ends 2 'no command' "$CEREBRO"
ends 2 'an unknown command' "$CEREBRO" fly
like "$OUT" '^cerebro: error: unknown command "fly"$' 'it is named'
ends 2 'an unknown option' "$CEREBRO" status --colour
like "$OUT" '^cerebro: error: unknown option --colour$' 'it is named'
like "$OUT" '^cerebro: hint: ' 'with a hint'
ends 2 'an option without its value' "$CEREBRO" import --table
like "$OUT" 'option --table needs a value' 'it is named'
ends 2 'a value for a flag' "$CEREBRO" status --json=yes
like "$OUT" 'takes no value' 'it is named'
ends 2 'an argument too many' "$CEREBRO" start now
ends 2 'import without files' "$CEREBRO" import
ends 2 'one name for two files' "$CEREBRO" import --table t a.csv b.csv
ends 2 'a delimiter of two characters' "$CEREBRO" import --delimiter ab a.csv
ends 2 'stop of another server' "$CEREBRO" stop --connect host=/nowhere
ends 3 'no server there' "$CEREBRO" import --connect "host=$WORK/none" test/cli/lib.sh --table t
like "$OUT" '^cerebro: error: could not connect' 'told in our style'
is "$(printf '%s\n' "$OUT" | grep -c '^$')" 0 'without empty lines'
ends 1 'output that nobody takes' sh -c "'$CEREBRO' --help >/dev/full"

ends 0 'a colon in the home is refused before anything is made' sh -c "'$CEREBRO' start --home '$WORK/a:b'; test \$? = 2 && test ! -e '$WORK/a:b'"
ends 1 'a home that is a file' "$CEREBRO" start --home "$0"
mkdir "$WORK/full" && touch "$WORK/full/letter.txt"
ends 1 'a home that holds other files' "$CEREBRO" start --home "$WORK/full"
like "$OUT" 'holds other files' 'it says so'
ends 1 'no PostgreSQL' env CEREBRO_PG_BIN=/nowhere "$CEREBRO" start
like "$OUT" 'apt-get install postgresql-[0-9]+' 'it says what to install'
finish
