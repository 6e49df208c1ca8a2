-- tensors above cerebro.model_memory: their rows are fetched by their codes
CREATE SCHEMA model_rows;
SET search_path = model_rows;
CREATE ROLE regress_model_rows;
GRANT USAGE, CREATE ON SCHEMA model_rows TO regress_model_rows;
SET SESSION AUTHORIZATION regress_model_rows;
SET client_min_messages = warning;

CREATE FUNCTION refused(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	said text;
BEGIN
	EXECUTE command;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS said = MESSAGE_TEXT;
	RETURN regexp_replace(concat_ws(' | ', SQLSTATE, said), '\d+ kB|model \d+', 'N', 'g');
END
$$;
CREATE TABLE customers AS SELECT i AS id, 'customer ' || i AS name FROM generate_series(0, 2999) i;
ALTER TABLE customers ADD PRIMARY KEY (id);
CREATE TABLE orders AS
	SELECT i AS id, i % 3000 AS customer, 'customer ' || i % 3000 AS name, hashint4(i) % 100 AS amount,
		hashint4(i % 3000) % 7 > hashint4(i) % 5 AS late
	FROM generate_series(1, 24000) i;
ALTER TABLE orders ADD PRIMARY KEY (id);
ANALYZE customers;
ANALYZE orders;
SELECT cerebro.create_task('orders', source => 'SELECT * FROM orders', label => 'late') > 0 AS made;
-- folded into the first layer; put together by each row; of a table of its own; a row of the first layer for each
SELECT cerebro.train('orders', 'FE amount : robust, name : embed(96) AS mlp(16) PT epochs = 1') AS folded \gset
SELECT cerebro.train('orders', 'FE amount : robust, name : embed(200) AS mlp(1024) PT epochs = 1') AS gathered \gset
SELECT cerebro.train('orders', 'FE amount : robust, JOIN customers c ON (c.id = source.customer), c.name : embed(96) AS mlp(16) PT epochs = 1') AS joined \gset
SELECT cerebro.train('orders', 'FE amount : robust, name : onehot AS mlp(64) PT epochs = 1') AS direct \gset
SELECT cerebro.train('orders', 'FE amount : robust, name : embed(200) AS residual(1, 16) PT epochs = 1') AS residual \gset
SELECT cerebro.train('orders', 'FE amount : robust, name : embed(200) AS dcn(16, 1, 1) PT epochs = 1') AS dcn \gset
SELECT cerebro.train('orders', 'FE amount : robust, name : embed(200) AS deepfm(16, width = 200) PT epochs = 1') AS deepfm \gset
SELECT cerebro.train('orders', 'FE amount : robust, name AS ft_transformer(1, 192, heads = 2, hidden = 16) PT epochs = 1') AS tokens \gset
SELECT cerebro.ensemble(ARRAY[:folded, :gathered, :residual, :joined]) AS several \gset
SELECT name, dims, part.dims[1] * part.dims[2] * 4 / 1024 AS kb FROM cerebro.model_part part
	WHERE model = :folded AND kind = 'tensor' AND name ~ 'embed' ORDER BY 1;
-- for reasons, which need some memory for themselves: of a chain, of a graph, of more than two classes, of an ensemble
CREATE TABLE many AS SELECT i AS id, 'name ' || i % 8000 AS name, hashint4(i) % 100 AS amount, hashint4(i) % 100 + hashint4(i + 1) % 20 AS size,
	hashint4(i % 8000) % 7 > hashint4(i) % 5 AS late FROM generate_series(1, 16000) i;
SELECT cerebro.create_task('many', source => 'SELECT * FROM many', label => 'late', key => '{id}') > 0 AS made;
SELECT cerebro.create_task('kinds', source => 'SELECT * FROM many', key => '{id}',
	label => 'CASE WHEN amount < -30 THEN ''small'' WHEN amount < 30 THEN ''medium'' ELSE ''large'' END') > 0 AS made;
SELECT cerebro.train('many', 'FE amount : robust, name : embed(1024) AS mlp(16) PT epochs = 1, batch = 8192') AS chain \gset
SELECT cerebro.train('many', 'FE amount : robust, name : embed(1024) AS residual(1, 16) PT epochs = 1, batch = 8192') AS graph \gset
SELECT cerebro.train('kinds', 'FE size : robust, name : embed(1024) AS mlp(16) PT epochs = 2, batch = 1024, lr = 0.01') AS kinds \gset
SELECT cerebro.ensemble(ARRAY[:chain, :graph]) AS pair \gset
CREATE TABLE reasons AS
	SELECT id, cerebro.why(:chain, o) AS chain, cerebro.why(:graph, o) AS graph, cerebro.why(:kinds, o) AS kinds, cerebro.why(:pair, o) AS pair
	FROM many o WHERE id % 400 = 7;
SELECT count(DISTINCT chain), count(DISTINCT graph), count(DISTINCT kinds), count(DISTINCT pair), count(DISTINCT kinds ->> 'class') > 1 AS classes FROM reasons;
CREATE TABLE expected AS
	SELECT id, cerebro.predict(:folded, o) AS folded, cerebro.predict(:gathered, o) AS gathered,
		cerebro.predict(:joined, o) AS joined, cerebro.predict(:direct, o) AS direct FROM orders o;
SELECT count(DISTINCT folded) > 1000 AS folded, count(DISTINCT gathered) > 1000 AS gathered,
	count(DISTINCT joined) > 1000 AS joined, count(DISTINCT direct) > 1000 AS direct FROM expected;

-- the same bits, in any order, in batches and row by row
\c
SET search_path = model_rows;
SET SESSION AUTHORIZATION regress_model_rows;
SET client_min_messages = warning;
SET cerebro.model_memory = '1MB';
SELECT count(*) FILTER (WHERE cerebro.predict(:folded, o) IS DISTINCT FROM folded) AS differ, count(*) FROM orders o JOIN expected USING (id);
SELECT count(*) FILTER (WHERE cerebro.predict(:joined, o) IS DISTINCT FROM joined) AS differ, count(*) FROM orders o JOIN expected USING (id);
SET cerebro.model_memory = '640kB';
SELECT count(*) FILTER (WHERE cerebro.predict(:direct, o) IS DISTINCT FROM direct) AS differ, count(*) FROM orders o JOIN expected USING (id);
SET cerebro.model_memory = '2MB';
SELECT count(*) FILTER (WHERE p IS DISTINCT FROM gathered) AS differ, count(*)
	FROM (SELECT id, cerebro.predict(:gathered, o) AS p FROM orders o ORDER BY hashint4(id)) o JOIN expected USING (id);
SET cerebro.batch_scoring = off;
SELECT count(*) FILTER (WHERE cerebro.predict(:gathered, o) IS DISTINCT FROM gathered) AS differ, count(*) FROM orders o JOIN expected USING (id) WHERE id <= 500;
RESET cerebro.batch_scoring;
-- unseen values and none
CREATE TABLE others AS SELECT 1 AS id, 1 AS customer, name, 5 AS amount, true AS late FROM (VALUES ('nobody'), (NULL), ('customer 7')) v (name);
CREATE TABLE others_scored AS SELECT name, cerebro.predict(:gathered, o) AS p FROM others o;
SELECT cerebro.evaluate(:gathered) IS NOT NULL AS evaluated;

-- structures that are no chain, within the same 2 MB
CREATE TABLE graphs AS SELECT id, cerebro.predict(:residual, o) AS residual, cerebro.predict(:dcn, o) AS dcn, cerebro.predict(:deepfm, o) AS deepfm FROM orders o;
CREATE TABLE tokens AS SELECT id, cerebro.predict(:tokens, o) AS tokens FROM orders o WHERE id <= 6000;

-- an ensemble of some of them
CREATE TABLE ensembles AS SELECT id, cerebro.predict(:several, o) AS several FROM orders o;
SET cerebro.batch_scoring = off;
SELECT count(*) FILTER (WHERE cerebro.predict(:several, o) IS DISTINCT FROM several) AS differ, count(*) FROM orders o JOIN ensembles USING (id) WHERE id <= 300;
RESET cerebro.batch_scoring;
SELECT cerebro.evaluate(:several) IS NOT NULL AS evaluated;

-- reasons, some rows together and row by row
SET cerebro.model_memory = '26MB';
SELECT count(*), count(*) FILTER (WHERE cerebro.why(:chain, o) <> chain) AS chain FROM reasons r JOIN many o USING (id);
SELECT count(*), count(*) FILTER (WHERE cerebro.why(:graph, o) <> graph) AS graph FROM reasons r JOIN many o USING (id);
SELECT count(*), count(*) FILTER (WHERE cerebro.why(:kinds, o) <> kinds) AS kinds FROM reasons r JOIN many o USING (id);
SELECT count(*), count(*) FILTER (WHERE cerebro.why(:pair, o) <> pair) AS pair FROM reasons r JOIN many o USING (id);
SET cerebro.batch_scoring = off;
SELECT count(*), count(*) FILTER (WHERE cerebro.why(:chain, o) <> chain) AS chain FROM reasons r JOIN many o USING (id);
SELECT count(*), count(*) FILTER (WHERE cerebro.why(:kinds, o) <> kinds) AS kinds FROM reasons r JOIN many o USING (id);
RESET cerebro.batch_scoring;
-- what they need besides is not there below
SET cerebro.model_memory = '2MB';
SELECT refused(format('SELECT cerebro.why(%s, o) FROM orders o WHERE id = 1', :gathered));

-- with enough memory all of it is possible
\c
SET search_path = model_rows;
SET SESSION AUTHORIZATION regress_model_rows;
SELECT count(*) FILTER (WHERE cerebro.predict(:gathered, o) IS DISTINCT FROM p) AS differ, count(*) FROM others o JOIN others_scored s ON s.name IS NOT DISTINCT FROM o.name;
SELECT count(*) FILTER (WHERE cerebro.predict(:residual, o) IS DISTINCT FROM residual) AS residual, count(*) FILTER (WHERE cerebro.predict(:dcn, o) IS DISTINCT FROM dcn) AS dcn,
	count(*) FILTER (WHERE cerebro.predict(:deepfm, o) IS DISTINCT FROM deepfm) AS deepfm, count(*) FROM orders o JOIN graphs USING (id);
SELECT count(*) FILTER (WHERE cerebro.predict(:several, o) IS DISTINCT FROM several) AS several, count(*), count(DISTINCT several) > 1000 AS many FROM orders o JOIN ensembles USING (id);
SELECT count(*) FILTER (WHERE cerebro.predict(:tokens, o) IS DISTINCT FROM tokens) AS tokens, count(*), count(DISTINCT tokens) > 1000 AS many FROM orders o JOIN tokens USING (id);
RESET SESSION AUTHORIZATION;
SET client_min_messages = error;
SELECT cerebro.drop_task('orders');
SELECT cerebro.drop_task('kinds');
SELECT cerebro.drop_task('many');
DROP SCHEMA model_rows CASCADE;
