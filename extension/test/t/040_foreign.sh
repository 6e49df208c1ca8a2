#!/bin/sh
# Rows of foreign tables are scored as those of tables are: over postgres_fdw
# and file_fdw, as partitions, and as tables that a model joins.
set -eu
# shellcheck source=extension/test/lib/tap.sh
. "$TEST_LIB/tap.sh"
server_start
if [ "$(psql_value "SELECT count(*) FROM pg_available_extensions WHERE name IN ('postgres_fdw', 'file_fdw')")" != 2 ]; then
	echo '1..0 # SKIP the server has no postgres_fdw and file_fdw'
	exit 0
fi

psql -X -q -v ON_ERROR_STOP=1 >/dev/null <<SQL
SET client_min_messages = warning;
CREATE EXTENSION cerebro;
CREATE EXTENSION postgres_fdw;
CREATE EXTENSION file_fdw;
CREATE TABLE plane (tail integer PRIMARY KEY, seats integer, maker text);
INSERT INTO plane SELECT i, 100 + i * 7 % 90, 'maker ' || i % 4 FROM generate_series(1, 50) i;
CREATE TABLE trips AS SELECT i AS id, i % 24 AS hour, (ARRAY['AA', 'B6', NULL])[1 + i % 3] AS carrier, 1 + i % 60 AS tail, i % 24 > 12 AS late, NULL::real AS score
	FROM generate_series(1, 3000) i;
ALTER TABLE trips ADD PRIMARY KEY (id);
CREATE SERVER back FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$TEST_TMP', dbname 'postgres', async_capable 'true');
CREATE USER MAPPING FOR CURRENT_USER SERVER back OPTIONS (user 'postgres');
CREATE SCHEMA far;
IMPORT FOREIGN SCHEMA public LIMIT TO (trips, plane) FROM SERVER back INTO far;
COPY trips TO '$TEST_TMP/trips.csv' (FORMAT csv);
COPY plane TO '$TEST_TMP/plane.csv' (FORMAT csv);
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE SCHEMA filed;
CREATE FOREIGN TABLE filed.trips (id integer, hour integer, carrier text, tail integer, late boolean, score real)
	SERVER files OPTIONS (filename '$TEST_TMP/trips.csv', format 'csv');
CREATE FOREIGN TABLE filed.plane (tail integer, seats integer, maker text) SERVER files OPTIONS (filename '$TEST_TMP/plane.csv', format 'csv');
CREATE TABLE parted (LIKE trips) PARTITION BY RANGE (id);
CREATE TABLE parted_low PARTITION OF parted FOR VALUES FROM (1) TO (1000);
CREATE FOREIGN TABLE parted_high PARTITION OF parted FOR VALUES FROM (1000) TO (9999) SERVER back OPTIONS (schema_name 'public', table_name 'trips_high');
CREATE VIEW trips_high AS SELECT * FROM trips WHERE id >= 1000;
INSERT INTO parted_low SELECT * FROM trips WHERE id < 1000;
ANALYZE;
SELECT cerebro.create_task('late', source => 'SELECT id, hour, carrier, tail, late FROM trips', label => 'late', key => '{id}');
SELECT cerebro.train('late', 'FE hour, carrier AS mlp(8) PT epochs = 3, seed = 1');
SELECT cerebro.create_task('filed', source => 'SELECT id, hour, carrier, tail, late FROM filed.trips', label => 'late', key => '{id}');
SELECT cerebro.train('filed', 'FE hour, carrier AS mlp(8) PT epochs = 3, seed = 1');
SELECT cerebro.train('late', 'FE hour, JOIN far.plane p ON (p.tail = source.tail), p.seats, p.maker AS mlp(8) PT epochs = 3, seed = 1');
SELECT cerebro.train('late', 'FE hour, JOIN filed.plane p ON (p.tail = source.tail), p.seats, p.maker AS mlp(8) PT epochs = 3, seed = 1');
SELECT cerebro.train('late', 'FE hour, JOIN plane p ON (p.tail = source.tail), p.seats, p.maker AS mlp(8) PT epochs = 3, seed = 1');
SET cerebro.batch_scoring = off;
CREATE TABLE truth AS SELECT id, cerebro.predict(1, t) AS p, cerebro.predict(5, t) AS j FROM trips t;
SQL

differing() { # WHAT FROM
	psql_value "SELECT count(*) FROM truth FULL JOIN (SELECT id, $1 AS q FROM $2) s USING (id) WHERE q IS DISTINCT FROM p"
}
plan_of() {
	psql -X -q -A -t -c "EXPLAIN (COSTS OFF) $1" | tr -s ' \n' ' '
}

for table in far.trips filed.trips parted; do
	is "$(differing 'cerebro.predict(1, t)' "$table t")" 0 "rows of $table score as those of the table"
	like "$(plan_of "SELECT cerebro.predict(1, t) FROM $table t")" 'CerebroScore.*Foreign Scan' "in batches"
	is "$(psql_value "SELECT sum(cerebro.predict(1, t)::numeric) = (SELECT sum(p::numeric) FROM truth) FROM $table t")" t 'in an aggregate'
	is "$(psql_value "SELECT count(*) = (SELECT count(*) FROM truth WHERE p > 0.5) FROM $table t WHERE cerebro.predict(1, t) > 0.5")" t 'in a condition'
	is "$(psql_value "SELECT count(*) FROM (SELECT id FROM $table t WHERE hour < 12 ORDER BY cerebro.predict(1, t), id LIMIT 7) x")" 7 'in an order with a limit'
done
is "$(psql_value "SELECT bool_and(t.p = u.p) FROM (SELECT id, cerebro.predict(1, t) AS p FROM far.trips t WHERE hour = 3) t JOIN truth u USING (id)")" t 'a condition that is sent'
like "$(plan_of 'SELECT cerebro.predict(1, f) FROM far.trips f JOIN far.plane p USING (tail)')" 'CerebroScore.*Foreign Scan' 'above a join that is sent'
is "$(psql_value "SELECT bool_and(x.p = u.p) FROM (SELECT f.id, cerebro.predict(1, f) AS p FROM far.trips f JOIN far.plane p USING (tail)) x JOIN truth u USING (id)")" t 'with the same scores'
is "$(psql_value "SELECT sum(cerebro.predict(1, t)::numeric) = sum(cerebro.predict(2, t)::numeric) FROM trips t")" t 'a task over a file learns the same'

psql -X -q -c 'UPDATE far.trips f SET score = cerebro.predict(1, f)'
is "$(psql_value 'SELECT count(*) FROM trips JOIN truth USING (id) WHERE score = p')" 3000 'a foreign table is updated with scores'
is "$(psql_value "WITH n AS (UPDATE far.trips f SET score = 2 WHERE cerebro.predict(1, f) > 0.5 RETURNING id) SELECT count(*) = (SELECT count(*) FROM truth WHERE p > 0.5) FROM n")" t 'and where scores say'

for way in auto pass probe batch; do
	for model in 3 4 5; do
		is "$(psql_value "SET cerebro.plan_join = $way; SELECT count(*) FROM truth JOIN (SELECT id, cerebro.predict($model, t) AS q FROM trips t) s USING (id) WHERE q IS DISTINCT FROM j")" \
			0 "model $model, whose joined table is foreign or not, by $way"
	done
done
is "$(psql_value "SELECT count(*) FROM truth JOIN (SELECT id, cerebro.predict(3, t) AS q FROM far.trips t) s USING (id) WHERE q IS DISTINCT FROM j")" 0 'both foreign'
psql -X -q -c 'UPDATE plane SET seats = seats + 400'
is "$(psql_value "SELECT count(*) FROM trips t WHERE cerebro.predict(3, t) IS DISTINCT FROM cerebro.predict(5, t)")" 0 'changes there are seen'
is "$(psql_value "SELECT count(*) > 100 FROM truth JOIN (SELECT id, cerebro.predict(3, t) AS q FROM trips t) s USING (id) WHERE q <> j")" t 'and change scores'
done_testing
