#!/bin/sh
# Import: types, NULL, keys, references, faults, nothing left behind.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/cli/lib.sh
"$CEREBRO" start -q
F=$WORK/files
mkdir "$F"

# types TABLE: name:type of its columns
types() {
	sql "SELECT string_agg(attname || ':' || format_type(atttypid, atttypmod), ' ' ORDER BY attnum)
		FROM pg_attribute WHERE attrelid = '$1'::regclass AND attnum > 0"
}

exists() {
	sql "SELECT to_regclass('$1') IS NOT NULL"
}

# ------------------------------------------------------------------- types
cat >"$F/all_types.csv" <<'CSV'
i,big,huge,d,exact,b,day,moment,moment_tz,clock,u,code,note,nothing
1,9223372036854775807,99999999999999999999,1.5,0.12345678901234567891,true,2013-01-31,2013-01-31 10:00,2013-01-01T10:00:00Z,10:00,123e4567-e89b-12d3-a456-426614174000,007,"say ""hi"", or
not",
NA,5,1,1e3,2,no,,2013-01-31T11:12:13.5,2013-06-01 10:00:00+02,23:59:59,,008,NA,
-3,NULL,,NaN,N/A,NA,2012-02-29,NA,NA,,NA,9,,
CSV
ends 0 'a file of all types' "$CEREBRO" import "$F/all_types.csv"
is "$(types all_types)" 'i:integer big:bigint huge:numeric d:double precision exact:numeric b:boolean day:date moment:timestamp without time zone moment_tz:timestamp with time zone clock:time without time zone u:uuid code:text note:text nothing:text' 'each column has its type'
is "$(sql "SELECT count(*) FROM all_types WHERE i IS NULL OR big IS NULL")" 2 'NA and NULL are missing'
is "$(sql "SELECT count(*) FROM all_types WHERE nothing IS NULL AND (note IS NULL OR note LIKE 'say%')")" 3 'in text too once proved'
is "$(sql "SELECT note FROM all_types WHERE i = 1")" 'say "hi", or
not' 'quotes and line ends'
is "$(sql "SELECT string_agg(code, ',' ORDER BY code) FROM all_types")" '007,008,9' 'leading zeros stay'

{ echo n; seq 300; echo abc; } >"$F/stray.csv"
ends 0 'one word among numbers' "$CEREBRO" import "$F/stray.csv"
like "$OUT" 'n is text because of abc in line 302, otherwise integer' 'is told'
ends 0 'it may mean missing' "$CEREBRO" import --replace --null abc "$F/stray.csv"
is "$(types stray)" 'n:integer' 'then they are numbers'

# -------------------------------------------------------------------- NULL
printf 'country,n\nNA,1\nDE,NA\n"NA",3\n,4\n' >"$F/countries.csv"
"$CEREBRO" import -q "$F/countries.csv"
is "$(sql "SELECT count(*) FROM countries WHERE country = 'NA'")" 2 'NA among two-letter codes is a code'
printf 'a,b\nx,-\n-,1\n""," "\n' >"$F/given.csv"
"$CEREBRO" import -q --null - "$F/given.csv"
is "$(sql "SELECT string_agg(coalesce('<' || a || '>', 'null') || coalesce('<' || b || '>', 'null'), ' ' ORDER BY ctid) FROM given")" '<x>null null<1> <>< >' '--null means missing everywhere, "" is empty text'
printf 'a,b\nNULL,1\nnone,2\n' >"$F/kept.csv"
"$CEREBRO" import -q "$F/kept.csv"
is "$(sql "SELECT count(a) FROM kept")" 2 'what nothing proves stays text'

# ----------------------------------------------------------------- dialects
printf '\357\273\277a;b\r\n1,5;"x;y"\r\n' >"$F/semi.csv"
"$CEREBRO" import -q "$F/semi.csv"
is "$(sql 'SELECT a || b FROM semi')" '1,5x;y' 'semicolons, CRLF, byte order mark'
printf 'a\tb\n1\tx\n' >"$F/tabs.tsv"
"$CEREBRO" import -q "$F/tabs.tsv"
is "$(sql 'SELECT a || b FROM tabs')" 1x 'tabs'
printf 'a~b\n1~2,3\n' >"$F/tilde.csv"
"$CEREBRO" import -q -d '~' "$F/tilde.csv"
is "$(sql 'SELECT a || b FROM tilde')" 12,3 '--delimiter'
printf '1,x\n2,y\n' >"$F/headless.csv"
"$CEREBRO" import -q --no-header "$F/headless.csv"
is "$(sql 'SELECT sum(column_1) || max(column_2) FROM headless')" 3y '--no-header'
printf 'Dep Time,dep_time,2nd,,ctid,Größe\n1,2,3,4,5,6\n' >"$F/Odd Names (1).csv"
"$CEREBRO" import -q "$F/Odd Names (1).csv"
is "$(types odd_names_1)" 'dep_time:integer dep_time_2:integer _2nd:integer column_4:integer ctid_:integer größe:integer' 'names become SQL names'
printf 'a\n\n1\n\n' >"$F/one.csv"
"$CEREBRO" import -q "$F/one.csv"
is "$(sql 'SELECT count(*) || count(a)::text FROM one')" 31 'an empty line is a row of a table of one column'
printf 'a,b\n\n1,2\n\n' >"$F/two.csv"
"$CEREBRO" import -q "$F/two.csv"
is "$(sql 'SELECT count(*) FROM two')" 1 'and none of a wider one'
printf 'a,b\n' >"$F/none.csv"
ends 0 'a file of no rows' "$CEREBRO" import "$F/none.csv"
is "$(printf 'a,b\n1,2\n' | "$CEREBRO" import -q --table piped - && sql 'SELECT a + b FROM piped')" 3 'standard input'

printf 'id,x,ID\n1,2,3\n' >"$F/alike.csv"
ends 0 'two columns of one name' "$CEREBRO" import "$F/alike.csv"
like "$OUT" 'column 3 is id_2, as id is taken' 'the second gets another, and that is told'
like "$OUT" 'Imported 1 row in' 'one row is no rows'
wide=x$(printf 'ü%.0s' $(seq 40)) # 81 bytes: 63 and 61 both end a character
printf '%s,%s,a%s\n1,2,3\n' "$wide" "$wide" "$wide" >"$F/cut.csv"
ends 0 'names longer than SQL allows' "$CEREBRO" import "$F/cut.csv"
is "$(sql "SELECT string_agg(length(attname) || ' ' || octet_length(attname), ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'cut'::regclass AND attnum > 0")" '32 63,33 63,32 62' 'are cut between characters'
sql 'DROP TABLE cut'
digits=$(printf '7%.0s' $(seq 70))
printf '%s,b\n1,2\n' "n$digits" >"$F/$digits.csv"
ends 0 'a name of digits' "$CEREBRO" import "$F/$digits.csv"
is "$(exists "_$(printf '%.62s' "$digits")")" t 'is cut, too'
printf 't\n2024-01-01\n' >"$F/letter.csv"
ends 0 'a column may be called t' "$CEREBRO" import "$F/letter.csv"
is "$(types letter)" 't:date' 'it is'

# -------------------------------------------------------------- compressed
{ echo n,word; seq 200000 | sed 's/.*/&,w&/'; } | gzip >"$F/squeezed.csv.gz"
ends 0 'what gzip compressed' "$CEREBRO" import "$F/squeezed.csv.gz"
is "$(sql 'SELECT count(*) || max(word) FROM squeezed WHERE n > 0')" 200000w99999 'is read whole'
"$CEREBRO" import -q --table squeezed_too - <"$F/squeezed.csv.gz"
is "$(sql '(TABLE squeezed EXCEPT TABLE squeezed_too) UNION ALL (TABLE squeezed_too EXCEPT TABLE squeezed)')" '' 'from standard input too'
head -c 100000 "$F/squeezed.csv.gz" >"$F/cut.csv.gz"
ends 1 'a compressed file that is cut off' "$CEREBRO" import "$F/cut.csv.gz"
like "$OUT" 'cut\.csv\.gz: the compressed file is damaged or cut off' 'is named'
{ head -c -8 "$F/squeezed.csv.gz"; head -c 8 /dev/zero; } >"$F/damaged.csv.gz"
ends 1 'one that is damaged' "$CEREBRO" import "$F/damaged.csv.gz"
like "$OUT" 'damaged\.csv\.gz: the compressed file is damaged or cut off' 'too'
is "$(exists cut)$(exists damaged)" ff 'no table is left'

# --------------------------------------------------------------------- bad
# bad NAME CONTENT PATTERN: refused with such a message, no table left
bad() {
	# shellcheck disable=SC2059 # the content has octal escapes
	printf "$2" >"$F/bad.csv"
	ends 1 "$1" "$CEREBRO" import "$F/airy.csv" "$F/bad.csv"
	like "$OUT" "$3" "$1: file, line, column"
	is "$(exists bad)$(exists airy)" ff "$1: no table is left"
}
printf 'id\n1\n' >"$F/airy.csv"
bad 'too few values' 'a,b,c\n1,2,3\n4,5\n' 'bad\.csv, line 3: 2 values for 3 columns'
like "$OUT" 'is: 5$' 'and the value'
like "$OUT" 'hint: Is the line cut off' 'and what to look for'
bad 'too few for one' 'a,b\n1\n' '1 value for 2 columns'
bad 'too many values' 'a,b\n1,2\n4,5,6\n' 'bad\.csv, line 3: 3 values for 2 columns'
bad 'a quote inside' 'a,b\n1,5"x\n' 'bad\.csv, line 2, column "b": a quote inside'
like "$OUT" 'is: 5' 'and the value'
bad 'an open quote' 'a,b\n1,2\n3,"x\n\n' 'bad\.csv, line 3, column "b": a quoted value that does not end'
bad 'text behind a quote' 'a,b\n"1"2,3\n' 'bad\.csv, line 2, column "a": text behind'
bad 'not UTF-8' 'a,b\n1,gr\374n\n' 'bad\.csv, line 2, column "b": bytes that are not UTF-8'
like "$OUT" 'gr\\xFCn' 'and the value'
like "$OUT" 'hint: .*iconv' 'and the remedy'
bad 'a NUL byte' 'a,b\n1,\000\n' 'bad\.csv, line 2, column "b": a NUL byte'
bad 'an empty file' '' 'bad\.csv: the file is empty'
bad 'no names' '1,2\n3,4\n' 'bad\.csv, line 1: these are values'
ends 1 'no such file' "$CEREBRO" import "$F/airy.csv" "$F/missing.csv"
like "$OUT" 'missing\.csv: could not open: No such file' 'it is named'
ends 1 'a folder' "$CEREBRO" import "$F"
ends 2 'a long name' "$CEREBRO" import --table "$digits" "$F/airy.csv"
like "$OUT" 'at most 63 bytes, not 70' 'is refused, not cut'
ends 2 'a name that is not UTF-8' "$CEREBRO" import --table "$(printf 'gr\374n')" "$F/airy.csv"
ends 2 'a schema without a name' "$CEREBRO" import --schema '' "$F/airy.csv"
like "$OUT" 'the name of a schema cannot be empty' 'is told so'
ends 2 'two files of one name' "$CEREBRO" import "$F/airy.csv" "$F/../files/airy.csv"

# ----------------------------------------------------------------- replacing
"$CEREBRO" import -q "$F/airy.csv"
ends 1 'a table that is there' "$CEREBRO" import "$F/airy.csv"
like "$OUT" '\-\-replace' 'the hint says how to replace it'
sql "CREATE VIEW looks AS SELECT * FROM airy"
ends 1 '--replace of what a view needs' "$CEREBRO" import --replace "$F/airy.csv"
sql "DROP VIEW looks"
ends 0 '--replace' "$CEREBRO" import --replace "$F/airy.csv"
ends 0 '--schema' "$CEREBRO" import --schema 'New Place' "$F/airy.csv"
is "$(sql 'SELECT count(*) FROM "New Place".airy')" 1 'it is made'

# ---------------------------------------------------------- keys, references
awk 'BEGIN { print "customer_id,name"; for (i = 1; i <= 50; i++) print i ",name " i % 20 }' >"$F/customers.csv"
awk 'BEGIN { print "id,customer_id,boss_id,month,state,amount"
	for (i = 1; i <= 500; i++) print i "," (i * 7) % 50 + 1 "," (i > 1 ? int(i / 2) : "") "," i % 12 + 1 "," (i % 2 ? "new" : "paid") "," i / 4 }' >"$F/orders.csv"
awk 'BEGIN { print "state,label"; print "new,New"; print "paid,Paid"; print "gone,Gone" }' >"$F/states.csv"
awk 'BEGIN { print "store,week,product,sold"
	for (s = 1; s <= 20; s++) for (w = 1; w <= 30; w++) print "S" s ",2024-01-" sprintf("%02d", w) ",P" (s * w) % 7 "," (s * w * 31) % 100 }' >"$F/sales.csv"
awk 'BEGIN { print "store,week,visitors"
	for (s = 1; s <= 22; s++) for (w = 1; w <= 29; w++) for (k = 0; k < 1; k++) print "S" s ",2024-01-" sprintf("%02d", w) "," (s * w * 17) % 90 }' >"$F/traffic.csv"
ends 0 'five tables' "$CEREBRO" import --json "$F/customers.csv" "$F/orders.csv" "$F/states.csv" "$F/sales.csv" "$F/traffic.csv"
json=$OUT
# references: child(columns)>parent kind matched/rows
references=$("$CEREBRO" sql -qAt -v "j=$json" <<'SQL'
SELECT string_agg(format('%s(%s)>%s %s %s/%s', r ->> 'child', (SELECT string_agg(c, ',' ORDER BY c) FROM json_array_elements_text(r -> 'child_columns') c),
	r ->> 'parent', r ->> 'kind', r ->> 'matched', r ->> 'rows'), e'\n' ORDER BY r ->> 'child', r ->> 'child_columns')
FROM json_array_elements(:'j'::json -> 'references') r
SQL
)
is "$references" 'orders(boss_id)>orders foreign key 499/499
orders(customer_id)>customers foreign key 500/500
orders(state)>states foreign key 500/500
sales(store,week)>traffic relationship 580/600' 'references, and no others'
is "$(sql "SELECT string_agg(conrelid::regclass || ':' || pg_get_constraintdef(oid), '; ' ORDER BY conrelid::regclass::text) FROM pg_constraint WHERE contype = 'p' AND connamespace = 'public'::regnamespace AND conrelid::regclass::text IN ('customers', 'orders', 'states', 'traffic')")" \
	'customers:PRIMARY KEY (customer_id); orders:PRIMARY KEY (id); states:PRIMARY KEY (state); traffic:PRIMARY KEY (week, store)' 'keys'
is "$(sql "SELECT child || ' ' || parent || ' ' || match_percent FROM cerebro.relationships WHERE child = 'sales'::regclass")" 'sales traffic 96.7' 'the partial one is recorded'
ends 0 '--no-keys' "$CEREBRO" import --replace --no-keys "$F/customers.csv" "$F/orders.csv" "$F/states.csv" "$F/sales.csv" "$F/traffic.csv"
is "$(sql "SELECT count(*) FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid IN ('orders'::regclass, 'customers'::regclass)")" 0 'declares nothing'
# later files refer to what is there
ends 0 'tables that others will refer to' "$CEREBRO" import --schema later "$F/customers.csv" "$F/states.csv"
ends 0 'a file that refers to them' "$CEREBRO" import --schema later "$F/orders.csv"
is "$(sql "SELECT string_agg(confrelid::regclass::text, ' ' ORDER BY confrelid::regclass::text) FROM pg_constraint WHERE contype = 'f' AND conrelid = 'later.orders'::regclass")" 'later.customers later.orders later.states' 'finds them'
printf 'state,n\nnew,1\npaid,2\nlost,3\n' >"$F/counts.csv"
"$CEREBRO" import -q --schema later "$F/counts.csv"
is "$(sql "SELECT parent || ' ' || match_percent FROM cerebro.relationships WHERE child = 'later.counts'::regclass")" 'later.states 66.7' 'partly too'
# chance: a few rows are unique in many ways
printf 'height,weight,sex\n1.8,80,m\n1.7,70,f\n1.6,60,f\n' >"$F/people.csv"
"$CEREBRO" import -q "$F/people.csv"
is "$(sql "SELECT count(*) FROM pg_constraint WHERE conrelid = 'people'::regclass")" 0 'measures are no key'

# what the first 16384 rows, on which keys are tried, do not show
# late_key NAME REPEATED...: a table whose last row repeats the first one's columns of these numbers
late_key() {
	awk -v repeated="$2" 'BEGIN { print "day,store_code,till_code,kind"; OFS = ","; n = split(repeated, r, " ")
		for (i = 0; i < 30000; i++) { $1 = sprintf("2024-%02d-%02d", i % 300 / 25 + 1, i % 25 + 1); $2 = "S" int(i / 300); $3 = "T" int(i / 300); $4 = "k"; print }
		a[1] = "2024-01-01"; a[2] = "S0"; a[3] = "T0"; a[4] = "k"
		$1 = "2024-12-28"; $2 = "S999"; $3 = "T999"; for (i = 1; i <= n; i++) $(r[i]) = a[r[i]]; print }' >"$F/$1.csv"
	"$CEREBRO" import -q "$F/$1.csv"
	sql "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = '$1'::regclass AND contype = 'p'"
}
is "$(late_key whole '')" 'PRIMARY KEY (day, store_code)' 'a key of two columns'
is "$(late_key second '1 2')" 'PRIMARY KEY (day, till_code)' 'refuted by the last row, the next one holds'
is "$(late_key neither '1 2 3')" '' 'both refuted: none'
is "$(sql "SELECT pg_stat_get_mod_since_analyze('whole'::regclass) > 30000")" t 'autovacuum still has to look closely'
is "$(sql "SELECT count(*) FROM pg_stats WHERE tablename = 'whole'")" 4 'the planner knows every column at once'

# -------------------------------------------------------- an ordinary role
sql 'CREATE ROLE joe LOGIN; CREATE SCHEMA joe AUTHORIZATION joe'
conninfo="host=$CEREBRO_HOME/run dbname=cerebro user=joe"
ends 0 'an ordinary role imports' "$CEREBRO" import --connect "$conninfo" "$F/states.csv" "$F/counts.csv"
is "$(sql "SELECT parent || ' ' || match_percent FROM cerebro.relationships WHERE owner = 'joe'::regrole")" 'joe.states 66.7' 'with keys and relationships'
ends 1 'but not where it may not' "$CEREBRO" import --connect "$conninfo" --schema public --table no "$F/states.csv"
like "$OUT" 'permission denied for schema public' 'it says why'

# ---------------------------------------------------- there and back again
seed=${SEED:-$(date +%s)}
echo "# SEED=$seed"
sql "SELECT setseed(($seed % 1000) / 1000.0);
CREATE TABLE origin AS SELECT i AS id,
	CASE WHEN random() < 0.8 THEN (random() * 1e6)::int END AS an_int,
	CASE WHEN random() < 0.8 THEN (random() * 9e18)::bigint END AS a_bigint,
	CASE WHEN random() < 0.8 THEN random() * 10 ^ (random() * 20 - 10) END AS a_double,
	CASE WHEN random() < 0.8 THEN random() < 0.5 END AS a_bool,
	CASE WHEN random() < 0.8 THEN date '2000-01-01' + (random() * 9999)::int END AS a_date,
	CASE WHEN random() < 0.8 THEN timestamp '2000-01-01' + random() * interval '20 years' END AS a_timestamp,
	CASE WHEN random() < 0.8 THEN timestamptz '2000-01-01' + random() * interval '20 years' END AS a_timestamptz,
	CASE WHEN random() < 0.8 THEN gen_random_uuid() END AS a_uuid,
	CASE WHEN random() < 0.8 THEN (SELECT string_agg(substr(e'ab\"\n\r\t\\\\,;''0 é€', 1 + (random() * 14)::int, 1), '') FROM generate_series(1, (random() * 8)::int + i * 0)) END AS a_text
FROM generate_series(1, 3000) i"
"$CEREBRO" sql -q -c "\\copy origin TO '$F/origin2.csv' (FORMAT csv, HEADER, FORCE_QUOTE (a_text))"
ends 0 'a random table' "$CEREBRO" import --table back "$F/origin2.csv"
is "$(types back)" "$(types origin)" 'comes back with its types'
is "$(sql 'SELECT count(*) FROM ((TABLE origin EXCEPT TABLE back) UNION ALL (TABLE back EXCEPT TABLE origin)) d')" 0 'and its content'
is "$(sql 'SELECT count(*) FROM back')" 3000 'all of it'

# -------------------------------------------------------------------- Ctrl-C
awk 'BEGIN { print "a,b"; for (i = 0; i < 3000000; i++) print i % 1000 "," i % 7 }' >"$F/large.csv"
# interrupt WHEN: after a wait, whatever the import does then
for wait in 0.05 0.3 0.6 0.8 0.85 0.9 0.95 1; do
	timeout --preserve-status -s INT "$wait" "$CEREBRO" import -q "$F/large.csv" >/dev/null 2>"$WORK/err"
	code=$?
	case $code in
	130) is "$(exists large)" f "Ctrl-C after $wait s leaves no table" ;;
	0) sql 'DROP TABLE large' && ok "done before Ctrl-C after $wait s" ;;
	*) not_ok "Ctrl-C after $wait s ends with 130" "$code" "$(cat "$WORK/err")" ;;
	esac
done
is "$(sql "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'cerebro'")" 0 'no session stays'
is "$(NO_COLOR=1 "$CEREBRO" import -q "$F/airy.csv" 2>&1 | tr -d '[:print:]\n' | wc -c)" 0 'NO_COLOR'
finish
