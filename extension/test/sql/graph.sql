-- Networks of triples and models as rows and pictures.

SET search_path = public, cerebro;
SET client_min_messages = warning;
CREATE TABLE trips AS SELECT i AS id, i % 24 AS hour, (ARRAY['AA', 'B6', NULL])[1 + i % 3] AS carrier, 'to ' || i % 40 AS "dest<&",
	'p' || i % 7 AS tail, i % 24 > 12 AS late FROM generate_series(1, 3000) i;
ALTER TABLE trips ADD PRIMARY KEY (id);
CREATE TABLE planes AS SELECT 'p' || i AS tail, 1990 + i AS year FROM generate_series(0, 5) i;
ALTER TABLE planes ADD PRIMARY KEY (tail);
SELECT create_task('late', source => 'SELECT * FROM trips', label => 'late') > 0 AS made;

-- without a task, widths are those of f features and c classes
SELECT node, inputs, operator, path, detail, shape, parameters, formula FROM graph('AS residual(1, 8)');
SELECT node, inputs, operator, path, shape FROM graph(mst 'AS mlp(8)');
-- over a task
SELECT node, inputs, operator, path, detail, shape, parameters, formula, tensors
	FROM graph('FE hour, carrier, "dest<&" AS mlp(8)', 'late');
SELECT node, operator, path, shape FROM graph('FE hour, JOIN planes USING (tail), planes.year AS by_table(mlp(4), concat) > mlp(4)', 'late');
-- a model has the weights that were told before
DO $$
DECLARE
	triple mst;
	made integer;
	told bigint;
BEGIN
	FOREACH triple IN ARRAY ARRAY['AS mlp(8)', 'FE *, hour : embed(3) AS wide_deep(8)', 'AS tabm(8)', 'FE *, carrier : onehot AS dcn(8)', 'AS gandalf(2)']::mst[] LOOP
		made := train('late', triple + 'SET PT.epochs = 1');
		SELECT sum(parameters) INTO told FROM graph(triple, 'late');
		ASSERT told = (SELECT n_weights FROM models m WHERE m.id = made), triple;
		ASSERT told = (SELECT sum(parameters) FROM graph(made)), triple;
		-- each tensor is some node's, once
		ASSERT (SELECT array_agg(t ORDER BY t) FROM graph(made) g, unnest(g.tensors) t)
			= (SELECT array_agg(p.name ORDER BY p.name) FROM model_part p WHERE p.model = made AND p.kind = 'tensor'), triple;
	END LOOP;
END
$$;
SELECT graph_svg('AS mlp(8)') LIKE '<svg xmlns=%</svg>_' AS alone, graph_svg('FE * AS mlp(8)', 'late') LIKE '%late: FE%dest&lt;&amp;%' AS over,
	graph_svg(max(id)) LIKE '<svg%' AS of_model FROM models;
SELECT count(*) FROM graph(NULL::mst);

-- what cannot be drawn says why
SELECT * FROM graph('AS mlp(8', 'late');
SELECT * FROM graph('AS my_own');
SELECT * FROM graph('AS mlp(8)', 'never');
SELECT * FROM graph('FE nothing', 'late');
SELECT * FROM graph('AS dense(3) > glu');
SELECT * FROM graph('AS dense(3) > features > dense(2)');
SELECT * FROM graph('AS dense(3) > concat(wide, tokens(4) > fm)');
SELECT count(*) > 3 AS made FROM graph('AS dense(3) > concat(features, dense(2))');
SELECT * FROM graph(12345678);
SELECT define_structure('my_own', '(n integer = 8 from 1 to 100) = dense(n) > relu');
SELECT operator, path, shape FROM graph('AS my_own(4)');

-- others see what they may read
CREATE ROLE graph_reader;
GRANT SELECT ON trips TO graph_reader;
SELECT grant_model(max(id), 'graph_reader') FROM models;
SET ROLE graph_reader;
DO $$ BEGIN PERFORM graph(max(id)) FROM models; EXCEPTION WHEN insufficient_privilege THEN RAISE INFO 'may only be used'; END $$;
SELECT count(*) FROM graph('AS mlp(8)');
SELECT * FROM graph('AS mlp(8)', 'late');
RESET ROLE;
SELECT drop_structure('my_own');
SELECT drop_task('late');
DROP TABLE trips, planes;
DROP ROLE graph_reader;
