-- Partitions, tables that inherit, views: what is hidden of a table, and its time, hold for what has its rows.
CREATE SCHEMA fe_parts;
SET search_path = fe_parts, cerebro;
SET client_min_messages = error;
SET TimeZone = 'UTC';
CREATE ROLE regress_fe_parts;
GRANT USAGE, CREATE ON SCHEMA fe_parts TO regress_fe_parts;
SET ROLE regress_fe_parts;

CREATE TABLE trip (id int, half int, at timestamptz, km int, cost int, late bool, PRIMARY KEY (id, half)) PARTITION BY LIST (half);
CREATE TABLE trip0 PARTITION OF trip FOR VALUES IN (0);
CREATE TABLE trip1 PARTITION OF trip FOR VALUES IN (1);
INSERT INTO trip SELECT i, i % 2, '2024-01-01'::timestamptz + i * interval '1 hour', i % 90, i % 7, hashint4(i) & 1 = 0 FROM generate_series(1, 1000) i;
CREATE FUNCTION show(id int, fe text, task text DEFAULT 'late') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT string_agg(k || ''='' || coalesce(v, ''NULL''), '', '') FROM (SELECT * FROM (%s) q WHERE q." key 1" = %s) q, json_each_text(to_json(q)) e(k, v) WHERE k NOT LIKE '' %%''',
		feature_query(task, fe), id) INTO result;
	RETURN result;
END $$;
SELECT create_task('late', source => 'SELECT id, half, at, km, cost, late FROM trip', label => 'late', key => '{id}', exclude => '{cost}', as_of => 'at', label_known => 'at') > 0 AS made;

-- the label of a table is that of its partition, and of a partition that of its table
SELECT show(50, 'FE id, JOIN trip0 f USING (id), f.km');
SELECT show(50, 'FE id, JOIN trip0 f USING (id), f.late');
SELECT show(50, 'FE id, JOIN trip0 f USING (id), f.cost');
SELECT show(50, 'FE id, JOIN trip0 f USING (id), x = (f.late::int)');
SELECT show(50, 'FE id, AGGREGATE trip0 f ON (f.id = source.id) (y = max(late::int))');
SELECT show(50, 'FE id, JOIN trip0 f USING (id), *') NOT LIKE '%f.late%' AS is_not_in_star;
SELECT create_task('half', source => 'SELECT id, at, km, late FROM trip0', label => 'late', key => '{id}') > 0 AS made;
SELECT show(50, 'FE id, JOIN trip f USING (id), f.late', 'half');
SELECT show(50, 'FE id, AGGREGATE trip f ON (f.id = source.id) (y = max(late::int))', 'half');
-- other rows are others
SELECT show(50, 'FE id, JOIN trip1 f ON (f.id = source.id + 1), f.late', 'half');
-- inheritance
CREATE TABLE old (id int PRIMARY KEY, km int, late bool);
CREATE TABLE older () INHERITS (old);
CREATE TABLE oldest () INHERITS (older);
INSERT INTO oldest SELECT i, i % 90, hashint4(i) & 1 = 0 FROM generate_series(1, 1000) i;
SELECT create_task('old', source => 'SELECT * FROM old', label => 'late', key => '{id}') > 0 AS made;
SELECT show(50, 'FE id, JOIN oldest f USING (id), f.late', 'old');
-- a materialized view
CREATE MATERIALIZED VIEW copied AS SELECT id, km, late AS y, cost + 1 AS paid FROM trip;
SELECT show(50, 'FE id, JOIN copied f USING (id), f.km');
SELECT show(50, 'FE id, JOIN copied f USING (id), f.y');
SELECT show(50, 'FE id, JOIN copied f USING (id), x = (f.paid * 2)');
SELECT show(50, 'FE id, AGGREGATE copied f USING (id) (y = max(y::int))');

-- time: of a table for its partitions, of a partition for its table
CREATE TABLE note (trip int, at timestamptz, n int) PARTITION BY RANGE (at);
CREATE TABLE note0 PARTITION OF note FOR VALUES FROM ('2023-01-01') TO ('2024-01-20');
CREATE TABLE note1 PARTITION OF note FOR VALUES FROM ('2024-01-20') TO ('2025-01-01');
INSERT INTO note SELECT 50, '2024-01-01'::timestamptz + i * interval '1 hour', i FROM generate_series(1, 1000) i;
SELECT show(50, 'FE id, AGGREGATE note0 n ON (n.trip = source.id) (n = count(*), last = max(at))');
SELECT set_time('note', 'at');
SELECT show(50, 'FE id, at, AGGREGATE note n ON (n.trip = source.id) (n = count(*), last = max(at))');
SELECT show(50, 'FE id, at, AGGREGATE note0 n ON (n.trip = source.id) (n = count(*), last = max(at))');
SELECT show(50, 'FE id, at, AGGREGATE note1 n ON (n.trip = source.id) (n = count(*), last = max(at))');
SELECT show(50, 'FE id, at, JOIN LAST note0 n ON (n.trip = source.id), n.n');
SELECT set_time('note', NULL), set_time('note0', 'at');
SELECT show(50, 'FE id, at, AGGREGATE note n ON (n.trip = source.id) (n = count(*), last = max(at))');
ALTER TABLE note RENAME COLUMN at TO seen;
SELECT show(50, 'FE id, at, AGGREGATE note n ON (n.trip = source.id) (n = count(*), last = max(seen))');
ALTER TABLE note RENAME COLUMN seen TO at;
SELECT set_time('note0', NULL), set_time('note', 'at');

-- and for views that hand each row on with it; a copy may be old
CREATE VIEW plain AS SELECT n AS number, trip, at AS written FROM note;
CREATE VIEW outer_one AS SELECT number + 1 AS number, trip, written AS w FROM plain WHERE number > 3;
CREATE MATERIALIZED VIEW copy_of AS SELECT * FROM outer_one;
CREATE VIEW joined AS SELECT n.n, n.trip, n.at, t.km FROM note n JOIN old t ON t.id = n.trip;
SELECT show(50, 'FE id, at, AGGREGATE plain n ON (n.trip = source.id) (n = count(*), last = max(written))');
SELECT show(50, 'FE id, at, AGGREGATE outer_one n ON (n.trip = source.id) (n = count(*), last = max(w))');
SELECT show(50, 'FE id, at, AGGREGATE copy_of n ON (n.trip = source.id) (n = count(*), last = max(w))');
SELECT show(50, 'FE id, at, AGGREGATE joined n ON (n.trip = source.id) (n = count(*), last = max(n.at))');
SELECT show(50, 'FE id, at, AGGREGATE plain n ON (n.trip = source.id) (n = count(*)) WINDOW ''5 hours''');
SELECT show(50, 'FE id, at, AGGREGATE plain n ON (n.trip = source.id) (n = count(*)) UNCUT');
SELECT show(50, 'FE id, at, JOIN LAST plain n ON (n.trip = source.id), n.number, n.written');
-- of others it has to be said
CREATE VIEW no_time AS SELECT n, trip FROM note;
CREATE VIEW counted AS SELECT trip, at::date AS day, count(*) AS n FROM note GROUP BY trip, at::date;
CREATE VIEW next AS SELECT trip, at, lead(n) OVER (PARTITION BY trip ORDER BY at) AS n FROM note;
CREATE VIEW latest AS SELECT DISTINCT ON (trip) trip, at, n FROM note ORDER BY trip, at DESC;
CREATE VIEW below AS SELECT o.id AS trip, (SELECT max(n) FROM note WHERE note.trip = o.id) AS n FROM old o;
CREATE VIEW twice AS SELECT a.trip, a.at, b.n FROM plain p JOIN note a ON a.trip = p.trip JOIN note0 b ON b.trip = a.trip;
CREATE VIEW both_of AS SELECT trip, at FROM note UNION ALL SELECT trip, at FROM note0;
CREATE VIEW among AS WITH w AS (SELECT * FROM note) SELECT trip, at FROM w;
SELECT show(50, 'FE id, AGGREGATE no_time n ON (n.trip = source.id) (n = count(*))');
SELECT show(50, format('FE id, AGGREGATE %s n ON (n.trip = source.id) (n = count(*)) UNCUT', v)) IS NOT NULL AS uncut FROM unnest('{no_time,counted,next,latest,below,both_of,among}'::text[]) v;
\set VERBOSITY terse
SELECT show(50, 'FE id, JOIN counted n ON (n.trip = source.id AND n.day = date_trunc(''day'', source.at)), n.n');
SELECT show(50, 'FE id, AGGREGATE next n ON (n.trip = source.id) (n = count(*))');
SELECT show(50, 'FE id, AGGREGATE latest n ON (n.trip = source.id) (n = count(*))');
SELECT show(50, 'FE id, AGGREGATE below n ON (n.trip = source.id) (n = count(*))');
SELECT show(50, 'FE id, AGGREGATE twice n ON (n.trip = source.id) (n = count(*))');
SELECT show(50, 'FE id, AGGREGATE both_of n ON (n.trip = source.id) (n = count(*))');
SELECT show(50, 'FE id, AGGREGATE among n ON (n.trip = source.id) (n = count(*))');
\set VERBOSITY default
SELECT set_time('counted', 'day');
SELECT show(50, 'FE id, AGGREGATE counted n ON (n.trip = source.id) (n = sum(n), last = max(day))');
-- a task that asks for no time, or over the view itself
SELECT show(50, 'FE id, AGGREGATE no_time n ON (n.trip = source.id) (n = count(*))', 'half');
CREATE VIEW noted AS SELECT t.id, t.at, t.late, (SELECT count(*) FROM note n WHERE n.trip = t.id AND n.at < t.at) AS n FROM trip t;
SELECT create_task('noted', source => 'SELECT * FROM noted', label => 'late', key => '{id}', as_of => 'at', label_known => 'at') > 0 AS made;
SELECT show(50, 'FE id, n, AGGREGATE noted f ON (f.id < source.id) (y = count(late))', 'noted');
-- a child's own column is no time of its parent, which matters where time does
CREATE TABLE base (trip int, n int);
CREATE TABLE child (seen timestamptz) INHERITS (base);
SELECT set_time('child', 'seen');
SELECT show(50, 'FE id, AGGREGATE base b ON (b.trip = source.id) (n = count(*))', 'half');
SELECT show(50, 'FE id, AGGREGATE base b ON (b.trip = source.id) (n = count(*)) UNCUT');
SELECT show(50, 'FE id, AGGREGATE base b ON (b.trip = source.id) (n = count(*))');
-- views that read each other in a circle
CREATE VIEW one AS SELECT 1 AS id, 2 AS n;
CREATE VIEW other AS SELECT * FROM one;
CREATE OR REPLACE VIEW one AS SELECT * FROM other;
SELECT show(50, 'FE id, JOIN one o USING (id), o.n');
CREATE OR REPLACE VIEW one AS SELECT (SELECT max(id) FROM other) AS id, 2 AS n;
SELECT show(50, 'FE id, JOIN one o USING (id), o.n');

-- a moment is no feature's
SELECT show(50, 'FE id, x = (at = ANY (''{2024-01-01,now}''))');
SELECT show(50, 'FE id, x = (at <@ ''[2024-01-01,today)''::tstzrange)');
SELECT show(50, 'FE id, x = (at < ''now'')');
SELECT show(50, 'FE id, x = (at::date - date ''Today'')');
SELECT show(50, 'FE id, AGGREGATE note n ON (n.trip = source.id) (n = count(*) FILTER (WHERE at < ''yesterday''::timestamptz))');
SELECT show(50, 'FE id, AGGREGATE note n ON (n.trip = source.id AND n.at < ''now''::timestamptz) (n = count(*))');
SELECT show(50, 'FE id, x = (''now'' || id::text), y = (at < ''infinity''), z = (''today'' < id::text)') IS NOT NULL;
-- a text and what becomes one
SELECT show(50, 'FE id, x = (id || '' km'')');

RESET ROLE;
SELECT drop_task(name) FROM tasks WHERE owner = 'regress_fe_parts'::regrole;
DELETE FROM time_column;
DROP SCHEMA fe_parts CASCADE;
DROP OWNED BY regress_fe_parts;
DROP ROLE regress_fe_parts;
