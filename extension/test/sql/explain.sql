-- What a training would cost, and what it did; figures are masked.
\getenv abs_srcdir PG_ABS_SRCDIR
SET client_min_messages = warning;
CREATE ROLE regress_explain_owner;
CREATE ROLE regress_explain_stranger;
CREATE SCHEMA explain AUTHORIZATION regress_explain_owner;
GRANT USAGE ON SCHEMA explain TO PUBLIC;
SET SESSION AUTHORIZATION regress_explain_owner;
SET search_path = explain;
\i :abs_srcdir/../lib/trips.sql
CREATE TABLE carriers (carrier text PRIMARY KEY, age integer);
INSERT INTO carriers VALUES ('AA', 90), ('B6', 20), ('DL', 95), ('UA', 94);
SELECT cerebro.create_task('explained', source => 'SELECT * FROM trips', label => 'delay > 15') > 0 AS made;
CREATE FUNCTION mask(line text) RETURNS text LANGUAGE sql AS $$
	SELECT regexp_replace(regexp_replace(line, '(bytes=\d+ [kM]?B(ytes)?\M|bytes=\d+ bytes|seconds=[0-9.]+)', '#', 'g'), 'model \d+', 'model N', 'g')
$$;

-- before anything was trained
SELECT mask(e) FROM cerebro.explain_train('explained', 'AS mlp(8) PT epochs = 3, patience = 0') e;
SELECT mask(e) FROM cerebro.explain_train('explained', 'FE {hour, carrier} AS mlp({4, 6}) PT epochs = 3') e;
SELECT count(*) FROM cerebro.models WHERE task = 'explained';
SELECT cerebro.train('explained', 'AS mlp(8) PT epochs = 3, patience = 0') AS three \gset
SELECT mask(e) FROM cerebro.explain_model(:three) e;
-- the same is there; more epochs go on; another column is read
SELECT mask(e) FROM cerebro.explain_train('explained', 'AS mlp(8) PT epochs = 3, patience = 0') e;
SELECT mask(e) FROM cerebro.explain_train('explained', 'AS mlp(8) PT epochs = 5, patience = 0') e;
SELECT mask(e) FROM cerebro.explain_train(:three, 'SET PT.epochs = 5') e;
SELECT mask(e) FROM cerebro.explain_train('explained', 'FE *, JOIN carriers USING (carrier) AS mlp(8) PT epochs = 5, patience = 0') e;
SELECT cerebro.train('explained', 'FE *, JOIN carriers USING (carrier) AS mlp(8) PT epochs = 5, patience = 0') AS joined \gset
SELECT mask(e) FROM cerebro.explain_model(:joined) e;
SELECT n_kept, n_columns, kept, costs_of = :three AS is_as_of_three, actual_epochs, actual_bytes > 0 AS has_bytes FROM cerebro.model_plan WHERE model = :joined;
-- a change: what it begins with, before and after
SELECT mask(e) FROM cerebro.explain_train(:three, 'SET AS = mlp(16)') e;
SELECT mask(e) FROM cerebro.explain_train(:three, 'SET AS = mlp(16)', warm => false) e;
SELECT cerebro.train_change(:three, 'SET AS = mlp(16)') AS wider \gset
SELECT mask(e) FROM cerebro.explain_model(:wider) e;
SELECT mask(e) FROM cerebro.explain_train(:three, 'SET AS = mlp(16)') e;
SELECT cerebro.train_change(:three, 'SET PT.epochs = 4') AS longer \gset
SELECT mask(e) FROM cerebro.explain_model(:longer) e;
SELECT * FROM cerebro.explain_train(-1, 'SET AS = mlp(16)');
SELECT * FROM cerebro.explain_train('explained', NULL);
SELECT * FROM cerebro.explain_train(NULL, 'FE hour');
SELECT * FROM cerebro.explain_train(:three, NULL::cerebro.mst_change);
SELECT * FROM cerebro.explain_train(:three, 'SET PT.epochs = 4', warm => NULL);
-- a space: trials, what is read once, and what came
SELECT mask(e) FROM cerebro.explain_train('explained', 'FE hour AS mlp({4, 6}) PT epochs = {1, 2}'::cerebro.mst_space) e;
SELECT mask(e) FROM cerebro.explain_search('explained', 'FE hour, carrier AS mlp({4, 6}) PT epochs = {1, 2}', 'grid') e;
SELECT count(*) FROM cerebro.search('explained', 'FE hour, carrier AS mlp({4, 6}) PT epochs = {1, 2}', 'grid', 3);
SELECT mask(e) FROM cerebro.explain_search('explained', 'FE hour, carrier AS mlp({4, 6}) PT epochs = {1, 2}', 'grid') e;
SELECT mask(e) FROM cerebro.explain_search('explained', 'FE hour AS mlp({4, 6, 8}, {3, 5}) PT epochs = 9, lr = {0.01, 0.02}', 'halving', 10) e WHERE e !~ 'Trial';
SELECT mst OPERATOR(cerebro.=) ANY (cerebro.search_trials('AS mlp({4, 6, 8})', 'random', 2, 7)::cerebro.mst[]) AS is_drawn
FROM cerebro.plan_search('explained', 'AS mlp({4, 6, 8})', 'random', 2, 7);
SELECT * FROM cerebro.explain_search('explained', 'AS mlp({4, 6})', 'luck');
SELECT * FROM cerebro.explain_search('explained', 'AS mlp({4, 6})', 'grid', -1);
SELECT * FROM cerebro.explain_search('explained', 'AS mlp({4, 6})', 'grid', 0);
SELECT * FROM cerebro.explain_search('explained', NULL);
SELECT * FROM cerebro.plan_search('explained', 'AS mlp({4, 6})', seed => NULL);
-- triples that train together
SELECT mask(e) FROM cerebro.explain_train('explained', ARRAY['FE hour, taxi AS mlp(4) PT epochs = 1', 'FE hour, carrier AS mlp(4) PT epochs = 1']::cerebro.mst[]) e;
SELECT count(*) FROM unnest(cerebro.train('explained', ARRAY['FE hour, taxi AS mlp(4) PT epochs = 1', 'FE hour, carrier AS mlp(4) PT epochs = 1']::cerebro.mst[]));
SELECT mask(e) FROM cerebro.explain_train('explained', ARRAY['FE hour, taxi AS mlp(4) PT epochs = 1', 'FE hour, carrier AS mlp(4) PT epochs = 1']::cerebro.mst[]) e;
SELECT mask(e) FROM cerebro.explain_train('explained', ARRAY['FE hour AS mlp(4)', NULL]::cerebro.mst[]) e;
SELECT mask(e) FROM cerebro.explain_train('explained', NULL::cerebro.mst[]) e;
SELECT mask(e) FROM cerebro.explain_train(NULL, ARRAY['FE hour AS mlp(4)']::cerebro.mst[]) e;
-- an engine for those that read the same, whatever encodes it; each its own where they are not to share
SELECT mask(e) FROM cerebro.explain_train('explained', ARRAY['FE hour : robust AS mlp(5)', 'FE carrier AS mlp(5)', 'FE hour : standardize AS mlp(5)']::cerebro.mst[]) e;
SET cerebro.plan_group = off;
SELECT mask(e) FROM cerebro.explain_train('explained', ARRAY['FE hour : robust AS mlp(5)', 'FE carrier AS mlp(5)', 'FE hour : standardize AS mlp(5)']::cerebro.mst[]) e;
RESET cerebro.plan_group;
SELECT mask(e) FROM cerebro.explain_train('explained', '{}'::cerebro.mst[]) e;
-- side by side, a thread each: the time of the longest, or of all of them by thread
CREATE FUNCTION is_by_thread(n integer) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	triples CONSTANT cerebro.mst[] := ARRAY['FE hour, taxi AS mlp(4) PT epochs = 900', 'FE hour, taxi AS mlp(5) PT epochs = 400', 'FE hour, taxi AS mlp(6) PT epochs = 400'];
BEGIN
	PERFORM set_config('cerebro.threads', n::text, true);
	RETURN (SELECT abs(substring(e FROM 'seconds=([0-9.]+)')::float8 - expected) < 0.002
		FROM (SELECT max((plan).read_seconds) + greatest(max((plan).train_seconds), sum((plan).train_seconds) / n) AS expected
			FROM cerebro.plan_train('explained', triples)) p, cerebro.explain_train('explained', triples) e LIMIT 1);
END
$$;
SELECT n, is_by_thread(n) FROM unnest(ARRAY[1, 2, 8]) n;
SET cerebro.threads = 4;
SELECT clock_timestamp() AS began \gset
SELECT count(*) FROM cerebro.search('explained', 'FE hour AS mlp({31, 32, 33, 34}) PT epochs = 40, patience = 0', 'grid');
SELECT extract(epoch FROM clock_timestamp() - :'began') AS took \gset
RESET cerebro.threads;
SELECT substring(e FROM 'actual seconds=([0-9.]+)')::float8 BETWEEN 0.001 AND :took AS is_the_clocks
FROM cerebro.explain_search('explained', 'FE hour AS mlp({31, 32, 33, 34}) PT epochs = 40, patience = 0', 'grid') e LIMIT 1;
SELECT mask(e) FROM cerebro.explain_train('explained', ARRAY['FE nowhere']::cerebro.mst[]) e;
-- each decision by a setting of its own
SET cerebro.plan_model = off;
SELECT mask(e) FROM cerebro.explain_train('explained', 'AS mlp(8) PT epochs = 3, patience = 0') e;
SELECT cerebro.train('explained', 'AS mlp(8) PT epochs = 3, patience = 0') <> :three AS is_another;
SET cerebro.plan_state = off;
SELECT mask(e) FROM cerebro.explain_train('explained', 'AS mlp(8) PT epochs = 5, patience = 0') e;
SET cerebro.plan_extract = off;
SELECT mask(e) FROM cerebro.explain_train('explained', 'AS mlp(8) PT epochs = 5, patience = 0') e;
RESET cerebro.plan_model;
RESET cerebro.plan_state;
RESET cerebro.plan_extract;
SET cerebro.plan_warm = off;
SELECT mask(e) FROM cerebro.explain_train(:three, 'SET AS = mlp(24)') e;
SELECT cerebro.train_change(:three, 'SET AS = mlp(24)') AS cold \gset
SELECT start, change FROM cerebro.model WHERE id = :cold;
RESET cerebro.plan_warm;
SELECT mask(e) FROM cerebro.explain_train(:three, 'SET AS = mlp(24)') e;
SELECT cerebro.train_change(:three, 'SET AS = mlp(24)') AS warm \gset
SELECT start FROM cerebro.model WHERE id = :warm;
-- nothing is written, so a transaction that only reads may ask
BEGIN READ ONLY;
SELECT count(*) > 3 AS has_lines FROM cerebro.explain_train('explained', 'FE hour AS mlp(4)') e;
ROLLBACK;
SELECT * FROM cerebro.explain_train('explained', 'FE nowhere');
SELECT * FROM cerebro.explain_train('nothing', 'FE *');
SELECT * FROM cerebro.explain_model(-1);
-- plans are for those who may read the model, tasks for those who see them
SET SESSION AUTHORIZATION regress_explain_stranger;
SELECT count(*) FROM cerebro.model_plan WHERE model = :joined;
SELECT * FROM cerebro.explain_train('explained', 'FE *');

RESET SESSION AUTHORIZATION;
SET client_min_messages = error;
SELECT cerebro.drop_task(name) IS NOT NULL AS dropped FROM cerebro.task WHERE owner = 'regress_explain_owner'::regrole;
DROP SCHEMA explain CASCADE;
DROP ROLE regress_explain_owner, regress_explain_stranger;
