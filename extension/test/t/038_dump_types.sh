#!/bin/sh
# pg_dump and restore of what people build on the types: columns, defaults,
# constraints, indexes, views, functions; structures of their own and models
# that name them.
set -eu
# shellcheck source=extension/test/lib/tap.sh
. "$TEST_LIB/tap.sh"
server_start

psql -X -q -v ON_ERROR_STOP=1 >/dev/null <<'SQL'
SET client_min_messages = warning;
CREATE EXTENSION cerebro;
CREATE ROLE analyst LOGIN;
CREATE SCHEMA work AUTHORIZATION analyst;
SET SESSION AUTHORIZATION analyst;
SET search_path = work, cerebro;
CREATE TABLE idea (id integer PRIMARY KEY,
	m cerebro.mst NOT NULL DEFAULT 'AS residual(2, 64)',
	c cerebro.mst_change, s cerebro.mst_space, p cerebro.mst_pattern,
	many cerebro.mst[],
	next cerebro.mst GENERATED ALWAYS AS (m OPERATOR(cerebro.+) 'SET PT.seed = 7'::cerebro.mst_change) STORED,
	CHECK (m OPERATOR(cerebro.<@) 'FE *, ?x AS {mlp(1..4096 xx 1..4), residual(1..9, 1..4096), mine(1..64)}'::cerebro.mst_space OR id > 5));
INSERT INTO idea (id, m, c, s, p, many) VALUES
	(1, 'AS mlp(64, 32)', 'ADD FE planes, SET PT.lr = 0.001 -> 0.01', 'AS mlp(64..512 step 64 x 1..4)', 'AS mlp', '{"AS mlp(8)",FE a}'),
	(2, 'FE *, x', 'SET PT.lr = 0.1', 'PT lr = 1e-4..1e-2 log, {adam, sgd}', 'FE x PT sgd', '{}'),
	(3, DEFAULT, NULL, NULL, NULL, NULL),
	(6, $$FE "Odd ""name""", y = (x || 'it''s') AS concat(wide, dense(3) > relu) PT sgd, batch = 3$$, '', '', '', NULL);
INSERT INTO idea (id, m) SELECT i, format('AS mlp(%s)', i)::cerebro.mst FROM generate_series(10, 400) i;
CREATE INDEX ON idea (m);
CREATE INDEX ON idea USING hash (m);
CREATE INDEX idea_gin ON idea USING gin (m);
CREATE INDEX idea_gist ON idea USING gist (m);
CREATE INDEX idea_part ON idea (id) WHERE m OPERATOR(cerebro.@>) 'AS residual'::cerebro.mst_pattern;
CREATE VIEW near AS SELECT id, m OPERATOR(cerebro.<->) 'AS mlp(64)'::cerebro.mst_pattern AS d FROM idea WHERE m OPERATOR(cerebro.@>) 'AS mlp'::cerebro.mst_pattern;
CREATE FUNCTION wider(m cerebro.mst) RETURNS cerebro.mst LANGUAGE sql IMMUTABLE
	RETURN m OPERATOR(cerebro.+) 'SET AS.mlp.units[1] = 512'::cerebro.mst_change;
CREATE MATERIALIZED VIEW drawn AS SELECT * FROM cerebro.sample('AS mlp(64..512 x 1..3)'::cerebro.mst_space, 20, 3);
SELECT cerebro.define_structure('tower', '(width integer = 32 from 1 to 512) = dense(width) > relu');
SELECT cerebro.define_structure('mine', '(width integer = 16 from 1 to 512) = tower(width) > skip(tower(width))');
CREATE TABLE trips AS SELECT i AS id, i % 24 AS hour, i % 24 > 12 AS late FROM generate_series(1, 2000) i;
ALTER TABLE trips ADD PRIMARY KEY (id);
SELECT cerebro.create_task('late', source => 'SELECT * FROM trips', label => 'late');
SELECT cerebro.train('late', 'AS mine(8) PT epochs = 2');
INSERT INTO idea (id, m) SELECT 9, mst FROM cerebro.models;
-- a structure's meaning may change: models keep the one that they were trained with
SELECT cerebro.define_structure('tower', '(width integer = 32 from 1 to 512) = dense(width) > gelu');
SQL

all="SELECT md5(string_agg(s::text, E'\n' ORDER BY s::text)) FROM (
	SELECT i::text AS s FROM work.idea i
	UNION ALL SELECT n::text FROM work.near n
	UNION ALL SELECT d::text FROM work.drawn d
	UNION ALL SELECT work.wider('AS mlp(1)'::cerebro.mst)::text
	UNION ALL SELECT s.name || s.definition || s.owner FROM cerebro.structures s
	UNION ALL SELECT s::text FROM cerebro.model_structure s
	UNION ALL SELECT g::text FROM cerebro.models m, cerebro.graph(m.id) g
	UNION ALL SELECT cerebro.expand('AS mine(4)'::cerebro.mst)::text
	UNION ALL SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'work.idea'::regclass
	UNION ALL SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'work.idea'::regclass
	UNION ALL SELECT m.id || ':' || cerebro.predict(m.id, t) FROM cerebro.models m, work.trips t WHERE t.id < 50) x"
# both indexes give what a scan does
searches="SET enable_seqscan = off; SET search_path = cerebro, public;
	SELECT string_agg(id::text, ',') FROM (SELECT id FROM work.idea WHERE m @> 'AS mlp(64)' UNION ALL
		(SELECT id FROM work.idea ORDER BY m <-> 'AS mlp(100)'::mst LIMIT 3)) q"
before=$(psql_value "$all" | tail -n 1)
found=$(psql_value "$searches" | tail -n 1)
is "$found" '64,100,101,99' 'before the dump, the indexes answer'
for format in plain custom; do
	psql_value "DROP DATABASE IF EXISTS copy" >/dev/null
	psql_value 'CREATE DATABASE copy' >/dev/null
	pg_dump -F "$format" -f "$TEST_TMP/dump.$format" 2>"$TEST_TMP/dump.err"
	is "$(cat "$TEST_TMP/dump.err")" '' "$format: the dump has nothing to complain about"
	if [ "$format" = plain ]; then
		complaints=$(PGDATABASE=copy psql -X -q -v ON_ERROR_STOP=1 -f "$TEST_TMP/dump.plain" 2>&1 >/dev/null) || true
	else
		complaints=$(pg_restore -d copy "$TEST_TMP/dump.custom" 2>&1) || true
	fi
	is "$complaints" '' "$format: nor has the restore"
	is "$(PGDATABASE=copy psql_value "$all" | tail -n 1)" "$before" "$format: values, indexes, structures and models are the same"
	is "$(PGDATABASE=copy psql_value "$searches" | tail -n 1)" "$found" "$format: the indexes answer"
	like "$(PGDATABASE=copy psql_value "INSERT INTO work.idea (id, m) VALUES (4, 'AS tabm')")" 'violates check constraint' "$format: the constraint holds"
	like "$(PGDATABASE=copy PGUSER=analyst psql_value "SELECT cerebro.expand('AS mine(4)'::cerebro.mst)")" 'gelu' "$format: structures mean what they meant"
done
# binary, as COPY and replication send values
psql_value "COPY work.idea (id, m, c, s, p, many) TO '$TEST_TMP/idea' (FORMAT binary)" >/dev/null
psql_value "CREATE TABLE again (LIKE work.idea); ALTER TABLE again DROP COLUMN next; COPY again FROM '$TEST_TMP/idea' (FORMAT binary)" >/dev/null
is "$(psql_value 'SET search_path = public, cerebro; SELECT count(*) FROM again a JOIN work.idea i USING (id)
	WHERE a::text = (i.id, i.m, i.c, i.s, i.p, i.many)::text')" "$(psql_value 'SELECT count(*) FROM work.idea')" 'binary copies are equal'
done_testing
