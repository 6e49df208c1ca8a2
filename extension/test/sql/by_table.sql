-- by_table: a tower for each table of FE, the task's own, those joined, those
-- aggregated.
\getenv abs_srcdir PG_ABS_SRCDIR
SET client_min_messages = warning;
CREATE ROLE regress_by_table_owner;
CREATE SCHEMA by_table AUTHORIZATION regress_by_table_owner;
SET SESSION AUTHORIZATION regress_by_table_owner;
SET search_path = by_table;
\i :abs_srcdir/../lib/trips.sql
CREATE TABLE carriers (carrier text PRIMARY KEY, rank integer, base text);
INSERT INTO carriers SELECT v, 3 * n, 'base ' || n % 2 FROM unnest('{AA,B6,DL,UA,ZZ}'::text[]) WITH ORDINALITY u(v, n);
ALTER TABLE trips ADD FOREIGN KEY (carrier) REFERENCES carriers;
CREATE TABLE stops (trip integer NOT NULL REFERENCES trips, minutes integer);
INSERT INTO stops SELECT id, id * k % 11 FROM trips, generate_series(1, 3) k WHERE id % 3 > 0;
CREATE INDEX ON stops (trip);
ANALYZE trips, carriers, stops;
SELECT cerebro.create_task('trips', source => 'SELECT * FROM trips', label => 'delay > 15') > 0 AS made;

CREATE TABLE triples (joining text PRIMARY KEY, triple text, model integer);
INSERT INTO triples (joining, triple)
	SELECT joining, format('FE hour, distance, taxi, JOIN carriers, carriers.rank, carriers.base, AGGREGATE stops (n = count(*), longest = max(minutes))'
		' AS by_table(mlp(16, 8), %s)', joining) FROM unnest('{concat,sum,gate}'::text[]) joining;
INSERT INTO triples VALUES ('tower of tokens', 'FE hour, taxi, JOIN carriers, carriers.rank AS by_table(tokens(6) > skip(attention(2)) > flatten) > mlp(8)');
UPDATE triples SET model = cerebro.train('trips', triple || ' PT lr = 0.02, epochs = 6, batch = 128, patience = 0, dropout = 0.05, seed = 3');
SELECT joining, valid_auc > 0.93 AS ranks, valid_log_loss < 0.45 AS learnt FROM triples JOIN cerebro.model m ON m.id = model ORDER BY joining;

-- each table has weights of its own; the towers of a sum end in logits
SELECT name FROM cerebro.model_part WHERE kind = 'tensor' AND model = (SELECT model FROM triples WHERE joining = 'sum') ORDER BY name;

-- a row's score does not depend on the rows beside it
CREATE TABLE scores AS SELECT joining, id, cerebro.predict(model, t) AS p FROM triples, trips t WHERE id <= 200;
SELECT joining, count(DISTINCT p) > 20 AS differ,
	bool_and(p = (SELECT cerebro.predict(model, t) FROM trips t WHERE t.id = s.id)) AS alike
FROM scores s JOIN triples USING (joining) GROUP BY joining ORDER BY joining;

-- a table that is joined to a trained model is a tower that nothing listens to at first: the scores are the parent's
CREATE TABLE joined (joining text PRIMARY KEY, parent integer, child integer);
INSERT INTO joined (joining, parent) SELECT joining, cerebro.train('trips', format('FE hour, distance, JOIN carriers, carriers.rank AS by_table(mlp(16, 8), %s) PT epochs = 2, batch = 128', joining)::cerebro.mst)
	FROM unnest('{concat,sum,gate}'::text[]) joining;
UPDATE joined SET child = cerebro.train_change(parent, 'ADD FE AGGREGATE stops (n = count(*), longest = max(minutes)), ADD FE stops.n, ADD FE stops.longest');
SELECT joining, c.start, abs(c.start_log_loss - p.valid_log_loss) < 1e-6 AS is_same, c.valid_log_loss < p.valid_log_loss AS learns
FROM joined JOIN cerebro.model c ON c.id = child JOIN cerebro.model p ON p.id = joined.parent ORDER BY joining;

SELECT refused($$SELECT cerebro.train('trips', 'AS dense(8) > by_table(mlp(8))')$$);
SELECT refused($$SELECT cerebro.train('trips', 'FE *, JOIN carriers AS by_table(mlp(8), sum) > attention(2)')$$);
SELECT refused($$SELECT cerebro.train('trips', 'FE *, JOIN carriers AS of_table(carrier, mlp(8))')$$);
SELECT refused($$SELECT cerebro.train('trips', 'FE *, JOIN carriers AS of_table(carriers, mlp(8))')$$);

RESET SESSION AUTHORIZATION;
SET client_min_messages = error;
SELECT name, cerebro.drop_task(name) FROM cerebro.tasks WHERE owner = 'regress_by_table_owner'::regrole ORDER BY id;
DROP SCHEMA by_table CASCADE;
DROP ROLE regress_by_table_owner;
