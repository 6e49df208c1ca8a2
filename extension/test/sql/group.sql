-- Triples trained together: as when each is trained alone, and what fails alone.
\getenv abs_srcdir PG_ABS_SRCDIR
SET client_min_messages = error;
CREATE ROLE regress_group_owner LOGIN;
CREATE ROLE regress_group_stranger;
CREATE SCHEMA groups AUTHORIZATION regress_group_owner;
GRANT USAGE ON SCHEMA groups TO PUBLIC;
SET SESSION AUTHORIZATION regress_group_owner;
SET search_path = groups, cerebro;
\i :abs_srcdir/../lib/trips.sql
SELECT cerebro.create_task('trips', source => 'SELECT * FROM trips', label => 'delay > 15', exclude => '{delay}') > 0 AS made;
SET cerebro.reuse = off; -- each is to be trained, together and alone
CREATE FUNCTION bits(model integer) RETURNS text LANGUAGE sql VOLATILE AS
	$$ SELECT md5(string_agg(p.content::text, ',' ORDER BY p.ordinal)) || (SELECT md5(string_agg(
		format('%s %s %s %s', epoch, train_loss, valid_log_loss, state), ',' ORDER BY epoch)) FROM cerebro.epoch e WHERE e.model = bits.model)
	FROM cerebro.model_part p WHERE p.model = bits.model $$;
-- other layers, encoders, batches, optimizers, numbers of epochs, columns
CREATE TABLE asked (n serial, mst cerebro.mst, together integer, alone integer);
INSERT INTO asked (mst) VALUES ('FE carrier, hour AS mlp(8) PT epochs = 3, batch = 64'), ('FE carrier, hour AS mlp(16, 8) PT epochs = 5, batch = 128'),
	('FE carrier, hour : standardize AS residual(1, 8) PT sgd(lr = 0.01), epochs = 2'), ('FE carrier : embed(3), hour AS mlp(8) PT epochs = 2, dropout = 0.3'),
	('FE distance, taxi AS mlp(4) PT epochs = 2'), ('FE carrier, hour AS dcn(8) PT epochs = 4, patience = 1'), ('FE distance, taxi AS tabm(8, members = 4) PT epochs = 2, mixup = 0.3'),
	('FE carrier, late = (hour > 20) AS mlp(4) PT epochs = 2'), ('FE carrier, hour AS mlp(8) PT epochs = 3, batch = 64, seed = 2');
UPDATE asked a SET together = t.models[a.n] FROM (SELECT cerebro.train('trips', (SELECT array_agg(mst ORDER BY n) FROM asked)) AS models) t;
UPDATE asked SET alone = cerebro.train('trips', mst);
SELECT n, together <> alone AS are_two, bits(together) = bits(alone) AS same_bits FROM asked ORDER BY n;
SELECT bool_and(m.mst = a.mst) AS in_order, bool_and(m.data_version = (SELECT max(id) FROM cerebro.data_version WHERE task = m.task)) AS same_rows
FROM asked a JOIN cerebro.model m ON m.id = a.together;
-- any number of threads, the first layer on one, the last model on all of them
CREATE TEMP TABLE threads (n integer, models integer[]);
SET cerebro.threads = 1;
INSERT INTO threads SELECT 1, cerebro.train('trips', (SELECT array_agg(mst ORDER BY n) FROM asked));
SET cerebro.threads = 3;
INSERT INTO threads SELECT 3, cerebro.train('trips', (SELECT array_agg(mst ORDER BY n) FROM asked));
SET cerebro.threads = 16;
INSERT INTO threads SELECT 16, cerebro.train('trips', (SELECT array_agg(mst ORDER BY n) FROM asked));
SELECT t.n, bool_and(bits(t.models[a.n]) = bits(a.alone)) AS same_bits FROM threads t, asked a GROUP BY t.n ORDER BY t.n;
RESET cerebro.threads;
-- each is an attempt, with what it cost
SELECT j.status, count(*), bool_and(j.cpu_seconds > 0) AS cpu, bool_and(j.n_rows > 0) AS rows FROM cerebro.job j JOIN asked a ON j.model = a.together GROUP BY j.status;
SELECT count(*) FROM cerebro.progress;
SELECT count(DISTINCT actual_read_seconds) AS reads FROM cerebro.model_plan p JOIN asked a ON p.model = a.together AND a.n IN (1, 2, 3, 4, 6, 9);

-- the same triple twice is one training; a literal beside both functions is a triple
SELECT m[1] = m[3] AS one, m[1] <> m[2] AS other FROM cerebro.train('trips', ARRAY['FE hour AS mlp(2) PT epochs = 1', 'FE hour AS mlp(3) PT epochs = 1', 'fe hour as MLP(2) pt epochs=1']) m;
SELECT cerebro.train('trips', 'FE hour AS mlp(2) PT epochs = 1') > 0 AS one;
SELECT cerebro.train('trips', '{}'::cerebro.mst[]) AS none;
SELECT refused('SELECT cerebro.train(''trips'', ARRAY[''FE hour'', NULL]::cerebro.mst[])');
SELECT refused('SELECT cerebro.train(''trips'', ARRAY[''AS auto(5)'']::cerebro.mst[])');
SELECT refused('SELECT cerebro.train(''elsewhere'', ARRAY[''FE hour'']::cerebro.mst[])');

-- what fails: a column that is not there, a loss that is no number, weights for other classes; the others are there
SELECT array_position(m, NULL) AS first_missing, m[2] > 0 AND m[5] > 0 AS others, cardinality(m) AS n, m[3] IS NULL AND m[4] IS NULL AS missing
FROM cerebro.train('trips', ARRAY['FE nowhere AS mlp(2) PT epochs = 1', 'FE hour AS mlp(4) PT epochs = 1, seed = 5', 'FE hour AS mlp(64, 64, 64, 64) PT sgd(lr = 10), batch = 16, epochs = 3, activation = identity',
	'FE hour AS mlp(2) PT epochs = 1, class_weights = weights(1, 2, 3)', 'FE hour AS mlp(5) PT epochs = 1, seed = 5']) m;
SELECT status, regexp_replace(reason, 'step \d+', 'step N') AS reason, n_epochs FROM cerebro.job WHERE status = 'failed' ORDER BY id;
-- alone, each of them fails the statement
SELECT regexp_replace(refused('SELECT cerebro.train(''trips'', ''FE hour AS mlp(64, 64, 64, 64) PT sgd(lr = 10), batch = 16, epochs = 3, activation = identity'')'), 'step \d+.*', 'step N');

-- what the archive has is found by each, what it has the beginning of goes on
SET cerebro.reuse = on;
SELECT max(id) AS newest FROM cerebro.model \gset
SELECT bool_and(m.models[a.n] <= :newest AND bits(m.models[a.n]) = bits(a.alone)) AS are_found FROM asked a,
	(SELECT cerebro.train('trips', (SELECT array_agg(mst ORDER BY n) FROM asked)) AS models) m;
SELECT cerebro.train('trips', ARRAY['FE carrier, hour AS mlp(8) PT epochs = 3, batch = 64', 'FE carrier, hour AS mlp(8) PT epochs = 6, batch = 64, patience = 0',
	'FE carrier, hour AS mlp(9) PT epochs = 2']) AS models \gset
SELECT p.actual_found, p.actual_epochs FROM cerebro.model_plan p WHERE p.model = ANY (:'models'::integer[]) ORDER BY p.model;
SET cerebro.reuse = off;
SELECT bits(cerebro.train('trips', 'FE carrier, hour AS mlp(8) PT epochs = 6, batch = 64, patience = 0')) = bits((:'models'::integer[])[2]) AS same_bits;

-- each by itself where a setting says so: rows are read for each of them, bits are the same
CREATE FUNCTION n_read() RETURNS bigint LANGUAGE sql VOLATILE AS $$ SELECT pg_stat_get_xact_tuples_returned('groups.trips'::regclass) $$;
SET cerebro.plan_extract = off;
BEGIN;
SELECT n_read() AS at_first \gset
SELECT cerebro.train('trips', ARRAY['FE carrier, hour AS mlp(5) PT epochs = 2', 'FE carrier, hour AS mlp(6) PT epochs = 2']) AS models \gset
SELECT n_read() AS by_together \gset
SET LOCAL cerebro.plan_group = off;
SELECT cerebro.train('trips', ARRAY['FE carrier, hour AS mlp(5) PT epochs = 2', 'FE carrier, hour AS mlp(6) PT epochs = 2']) AS apart \gset
SELECT n_read() - :by_together - (:by_together - :at_first) AS more_read;
SELECT split_part(e, ':', 1) AS title FROM cerebro.explain_train('trips', ARRAY['FE carrier, hour AS mlp(7)']::cerebro.mst[]) e LIMIT 1;
SELECT n, (:'models'::integer[])[n] <> (:'apart'::integer[])[n] AS are_two, bits((:'models'::integer[])[n]) = bits((:'apart'::integer[])[n]) AS same_bits FROM generate_series(1, 2) n;
COMMIT;
RESET cerebro.plan_extract;

-- memory for one at a time is enough, with the same bits; what needs more than all of it fails alone
SET cerebro.engine_memory = '16MB';
CREATE TEMP TABLE large AS SELECT cerebro.train('trips', ARRAY['FE carrier, hour AS mlp(640, 640) PT epochs = 1', 'FE carrier, hour AS mlp(640, 648) PT epochs = 1',
	'FE carrier, hour AS mlp(4096, 4096) PT epochs = 1', 'FE carrier, hour AS mlp(4) PT epochs = 1']) AS models;
RESET cerebro.engine_memory;
SELECT models[1] > 0 AS first, models[2] > 0 AS second, models[3] AS too_large, models[4] > 0 AS small FROM large;
SELECT bits(models[1]) = bits(cerebro.train('trips', 'FE carrier, hour AS mlp(640, 640) PT epochs = 1')) AS same_bits FROM large;
SELECT reason FROM cerebro.job WHERE status = 'failed' ORDER BY id DESC LIMIT 1;

-- all of them or none
BEGIN;
SELECT cardinality(cerebro.train('trips', ARRAY['FE taxi AS mlp(2) PT epochs = 1', 'FE taxi AS mlp(3) PT epochs = 1'])) AS n;
ROLLBACK;
SELECT count(*) AS models FROM cerebro.model WHERE mst @> 'FE taxi AS mlp(3)';
SET cerebro.reuse = on;

-- in the background: a job each
CREATE FUNCTION wait_until(condition text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	is_true boolean := false;
BEGIN
	FOR i IN 1..600 LOOP
		EXECUTE 'SELECT ' || condition INTO is_true;
		EXIT WHEN is_true;
		PERFORM pg_sleep(0.05);
	END LOOP;
	RETURN is_true;
END
$$;
SELECT cerebro.train('trips', ARRAY['FE taxi, hour AS mlp(2) PT epochs = 1', 'FE taxi, hour AS mlp(3) PT epochs = 1'], wait => false) AS queued \gset
SELECT wait_until(format('(SELECT count(*) = 2 FROM cerebro.model WHERE id = ANY (%L::integer[]))', :'queued')) AS came;
-- a change, too, with its effect
SELECT cerebro.train_change((:'queued'::integer[])[1], 'SET AS = mlp(5)', wait => false) AS changed \gset
SELECT wait_until(format('(SELECT count(*) = 1 FROM cerebro.model WHERE id = %s)', :'changed')) AS came;
SELECT m.start, m.effect = d.mean_difference AS has_effect FROM cerebro.model m, cerebro.compare_loss(m.id, m.parent) d WHERE m.id = :changed;

GRANT EXECUTE ON FUNCTION refused(text) TO regress_group_stranger;
-- a stranger has no task of this name
SET SESSION AUTHORIZATION regress_group_stranger;
SELECT groups.refused('SELECT cerebro.train(''trips'', ARRAY[''FE hour'']::cerebro.mst[])');

RESET SESSION AUTHORIZATION;
SELECT cerebro.drop_task(name) IS NOT NULL AS dropped FROM cerebro.task WHERE owner OPERATOR(pg_catalog.=) 'regress_group_owner'::regrole;
DROP TABLE threads, large;
DROP SCHEMA groups CASCADE;
DROP ROLE regress_group_owner, regress_group_stranger;
