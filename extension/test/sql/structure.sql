-- Every structure that can be trained: it learns, scores alike alone and among
-- others, and goes on from an epoch with the bits of one training.
\getenv abs_srcdir PG_ABS_SRCDIR
SET client_min_messages = warning;
CREATE ROLE regress_structure_owner;
CREATE SCHEMA structure AUTHORIZATION regress_structure_owner;
SET SESSION AUTHORIZATION regress_structure_owner;
SET search_path = structure;
\i :abs_srcdir/../lib/trips.sql
SELECT cerebro.create_task('trips', source => 'SELECT * FROM trips', label => 'delay > 15') > 0 AS made;

CREATE TABLE structures (name text PRIMARY KEY, triple text, model integer);
INSERT INTO structures (name, triple) VALUES
	('snn', 'AS snn(16 x 2) PT lr = 0.01'),
	('residual', 'AS residual(width = 16, hidden = 24) PT lr = 0.01'),
	('wide_deep', 'AS wide_deep(16, 8) PT lr = 0.01'),
	('deepfm', 'AS deepfm(16, 8, width = 4) PT lr = 0.01'),
	('dcn', 'AS dcn(width = 16, crosses = 2, rank = 4) PT lr = 0.01'),
	('autoint', 'AS autoint(width = 8, blocks = 1) PT lr = 0.01'),
	('tabm', 'AS tabm(16 x 2, members = 4) PT lr = 0.01'),
	('tabm_mini', 'AS tabm_mini(16, members = 3) PT lr = 0.01'),
	('ft_transformer', 'AS ft_transformer(width = 8, blocks = 1, heads = 2, hidden = 8) PT lr = 0.01'),
	('realmlp', 'AS realmlp(16 x 2) PT lr = 0.05'),
	('gandalf', 'AS gandalf(stages = 2) PT lr = 0.02'),
	('conv', 'AS conv(8, kernel = 3, token = 6) PT lr = 0.01'),
	('recurrent', 'AS recurrent(8, token = 6) PT lr = 0.01'),
	('modern_nca', 'AS modern_nca(width = 16, blocks = 1, hidden = 16) PT lr = 0.01'),
	('modern_nca of 500', 'AS modern_nca(width = 8, candidates = 500) PT lr = 0.01'),
	('ensemble', 'AS ensemble(2, ft_transformer(width = 8, blocks = 1, heads = 2, hidden = 8)) PT lr = 0.01'),
	('ensemble of tabm', 'AS ensemble(2, tabm(16 x 2, members = 3)) PT lr = 0.01'),
	('ensemble of tabm_mini', 'AS ensemble(2, tabm_mini(16, members = 3)) PT lr = 0.01'),
	('ensemble of modern_nca', 'AS ensemble(3, modern_nca(width = 8, blocks = 1, hidden = 16, candidates = 500)) PT lr = 0.01'),
	('lstm', 'AS tokens(6) > position > lstm(8) > pool(last) PT lr = 0.02'),
	('own', 'AS dense(16) > norm(layer) > gelu > ensemble(2, dense(8) > tanh) PT lr = 0.01');
UPDATE structures SET model = cerebro.train('trips', triple || ', epochs = 6, batch = 128, patience = 0, dropout = 0.05, seed = 3');
SELECT name, valid_auc > 0.93 AS ranks, valid_log_loss < 0.45 AS learnt
FROM structures JOIN cerebro.model m ON m.id = model ORDER BY name;

-- a row's score does not depend on the rows beside it, nor on how it is asked
CREATE TABLE scores AS
	SELECT name, id, cerebro.predict(model, t) AS p FROM structures, trips t WHERE id <= 200;
SELECT name, count(DISTINCT p) > 20 AS differ, bool_and(p BETWEEN 0 AND 1) AS are_probabilities,
	bool_and(p = (SELECT cerebro.predict(model, t) FROM trips t WHERE t.id = s.id)) AS alike
FROM scores s JOIN structures USING (name) GROUP BY name ORDER BY name;

-- nor on processes
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
CREATE FUNCTION processes(query text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN ANALYZE ' || query LOOP
		IF line ~ 'Workers Launched' THEN RETURN substring(line FROM '\d+'); END IF;
	END LOOP;
	RETURN 0;
END
$$;
SELECT name, processes(format('SELECT id, cerebro.predict(%s, t) FROM trips t', model)) > 0 AS are_several
FROM structures WHERE name LIKE 'ensemble of%' ORDER BY name;
DO $$
BEGIN
	EXECUTE (SELECT 'CREATE TEMP TABLE together AS ' || string_agg(
		format('SELECT %L AS name, id, cerebro.predict(%s, t) AS p FROM trips t', name, model), ' UNION ALL ') FROM structures);
END
$$;
SELECT name, bool_and(p = (SELECT cerebro.predict(model, t) FROM trips t WHERE t.id = s.id)) AS alike
FROM together s JOIN structures USING (name) WHERE id % 20 = 0 GROUP BY name ORDER BY name;
DROP TABLE together;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

-- candidates are training rows, a tensor of the model
SELECT s.name AS structure, part.name, dims FROM structures s JOIN cerebro.model_part part USING (model)
WHERE part.name ~ 'neighbours[.]' ORDER BY s.name, part.name;

-- who may only use a deployment is answered by them, and sees none
RESET SESSION AUTHORIZATION;
CREATE ROLE regress_structure_user;
SET SESSION AUTHORIZATION regress_structure_owner;
GRANT USAGE ON SCHEMA structure TO regress_structure_user;
GRANT SELECT ON trips TO regress_structure_user;
SELECT cerebro.deploy(model, 'near') IS NOT NULL AS deployed FROM structures WHERE name = 'ensemble of modern_nca';
REVOKE EXECUTE ON FUNCTION near(trips) FROM PUBLIC;
SELECT near(t) AS p FROM trips t WHERE id = 7 \gset
SET SESSION AUTHORIZATION regress_structure_user;
SELECT refused('SELECT near(t) FROM trips t WHERE id = 7');
SET SESSION AUTHORIZATION regress_structure_owner;
GRANT EXECUTE ON FUNCTION near(trips) TO regress_structure_user;
SET SESSION AUTHORIZATION regress_structure_user;
SELECT near(t) = :'p'::real AS alike, (SELECT count(*) FROM cerebro.model_part) AS parts FROM trips t WHERE id = 7;
SET SESSION AUTHORIZATION regress_structure_owner;
SELECT cerebro.undeploy('near');

-- running statistics are part of a state
SELECT cerebro.train('trips', 'AS residual(width = 16, hidden = 24) PT lr = 0.01, epochs = 8, batch = 128, patience = 0, dropout = 0.05, seed = 3') AS more \gset
SET cerebro.reuse = off;
SELECT cerebro.train('trips', 'AS residual(width = 16, hidden = 24) PT lr = 0.01, epochs = 8, batch = 128, patience = 0, dropout = 0.05, seed = 3') AS straight \gset
RESET cerebro.reuse;
SELECT :more <> :straight AS are_two,
	(SELECT array_agg((name, content)::text ORDER BY ordinal) FROM cerebro.model_part WHERE model = :more AND kind = 'tensor')
	= (SELECT array_agg((name, content)::text ORDER BY ordinal) FROM cerebro.model_part WHERE model = :straight AND kind = 'tensor') AS same_bits;

-- what cannot be trained says which layer, and where
SELECT refused($$SELECT cerebro.train('trips', 'AS neighbours > dense(8)')$$);
SELECT refused($$SELECT cerebro.train('trips', 'AS pool_rows(trips, mlp(8))')$$);
SELECT refused($$SELECT cerebro.train('trips', 'AS dense(8) > sum(dense(9), dense(7))')$$);
SELECT refused($$SELECT cerebro.train('trips', 'AS dense(8) > attention(2)')$$);

RESET SESSION AUTHORIZATION;
SET client_min_messages = error;
SELECT name, cerebro.drop_task(name) FROM cerebro.tasks WHERE owner = 'regress_structure_owner'::regrole ORDER BY id;
DROP SCHEMA structure CASCADE;
DROP ROLE regress_structure_owner;
DROP ROLE regress_structure_user;
