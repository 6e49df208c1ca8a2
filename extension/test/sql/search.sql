-- Search over triples: patterns, distances, and indexes for both.

SET search_path = public, cerebro;

SELECT mst 'AS mlp(64, 32) PT adam(lr = 0.01)' @> 'AS mlp' AS has_mlp,
       mst 'AS mlp(64, 32) PT adam(lr = 0.01)' @> 'AS mlp(64)' AS one_layer,
       mst 'AS mlp(64, 32) PT adam(lr = 0.01)' @> 'PT adam' AS adam,
       mst 'AS mlp(64, 32) PT adam(lr = 0.01)' @> 'PT epochs = 20' AS by_default,
       mst_pattern 'FE x' <@ 'FE x, y' AS has_x,
       mst 'FE *' @> '' AS anything;
SELECT mst 'AS mlp(64)' <-> 'AS mlp(64)' AS same, mst 'AS mlp(64)' <-> mst 'AS mlp(128)' AS wider,
       mst 'AS mlp(64)' <-> mst 'FE x AS mlp(64) PT sgd' AS other;
SELECT mst 'FE x AS mlp(64) PT sgd' <-> mst_pattern 'AS mlp(64)' AS has,
       mst_pattern 'AS mlp(256)' <-> mst 'FE x AS mlp(64) PT sgd' AS near;
SELECT mst 'AS mlp(64)' <-> NULL::mst IS NULL AS strict;

-- the indexes answer as brute force does
CREATE TABLE search_all (id integer PRIMARY KEY, mst mst);
INSERT INTO search_all
	SELECT i, format('FE %s AS %s PT %s, %s',
	                 CASE i % 7 WHEN 0 THEN '*' ELSE format('a%s, b%s%s', i % 5, i % 3, CASE WHEN i % 11 < 4 THEN ' : onehot' END) END,
	                 CASE i % 4 WHEN 0 THEN format('mlp(%s x %s)', 8 * (1 + i % 9), 1 + i % 3)
	                            WHEN 1 THEN format('mlp(%s, %s)', 2 ^ (4 + i % 6), 2 ^ (3 + i % 5))
	                            WHEN 2 THEN format('mlp(%s)', 4 + i % 61) ELSE 'mlp(256, 128)' END,
	                 CASE i % 3 WHEN 0 THEN 'adam' WHEN 1 THEN format('adamw(lr = %s)', 0.0001 * (1 + i % 17)) ELSE 'sgd(lr = 0.05)' END,
	                 CASE i % 2 WHEN 0 THEN format('batch = %s', 2 ^ (5 + i % 8)) ELSE format('dropout = %s', 0.1 * (i % 6)) END)::mst
	FROM generate_series(1, 3000) i;
INSERT INTO search_all
	SELECT i, format('FE a%s, b%s%s AS %s PT %s, lr = %s', i % 5, i % 3, CASE i % 4 WHEN 0 THEN ' : onehot' WHEN 1 THEN ' : embed(8)' END,
	                 CASE WHEN i % 7 < 5 THEN format('residual(%s, %s)', 1 + i % 6, 64 + 16 * (i % 13)) ELSE 'concat(residual, mlp(64))' END,
	                 CASE i % 3 WHEN 0 THEN 'adamw' ELSE 'sgd' END, 0.0001 * (1 + i % 97))::mst
	FROM generate_series(10001, 12000) i;
INSERT INTO search_all VALUES (0, NULL);
CREATE TABLE search_pattern (id serial, pattern mst_pattern);
INSERT INTO search_pattern (pattern) VALUES (''), ('AS mlp'), ('FE a1, b2 : onehot'), ('AS mlp(64)'), ('AS mlp(8 x 2) PT sgd'),
	('PT adamw, batch = 64'), ('PT adamw(lr = 0.0003)'), ('FE * AS mlp(256, 128)'), ('AS mlp(12) PT batch = 1024'), ('FE nothing'), ('PT dropout = 0.3'),
	('FE a1, b2 : onehot AS residual(3, 100) PT lr = 0.003'), ('FE b0 : embed AS residual(width = 192) PT adamw'), ('FE a1 AS residual(3, 128) PT sgd'),
	('AS residual(hidden = 128) PT sgd(lr = 0.002)');
CREATE TABLE search_truth AS
	SELECT p.id, p.pattern, count(*) FILTER (WHERE s.mst @> p.pattern) AS n,
	       sum(s.id) FILTER (WHERE s.mst @> p.pattern) AS ids
	FROM search_pattern p, search_all s GROUP BY 1, 2;
SELECT id, pattern, n FROM search_truth ORDER BY id;
CREATE FUNCTION nearest(near anyelement, n integer) RETURNS double precision[] LANGUAGE plpgsql AS $$
DECLARE
	distances double precision[];
BEGIN
	EXECUTE format('SELECT array_agg(d ORDER BY d) FROM (SELECT mst <-> %L::%s AS d FROM search_all WHERE mst IS NOT NULL
		ORDER BY mst <-> %1$L::%2$s LIMIT %s) q', near, pg_typeof(near), n) INTO distances;
	RETURN distances;
END
$$;
CREATE TABLE search_near AS
	SELECT id, pattern, nearest(pattern, 50) AS by_pattern FROM search_pattern;
CREATE TABLE search_near_mst AS
	SELECT id, mst, nearest(mst, 50) AS by_mst FROM search_all WHERE id % 300 = 1;

CREATE INDEX search_gin ON search_all USING gin (mst);
SET enable_seqscan = off;
EXPLAIN (costs off) SELECT id FROM search_all WHERE mst @> 'AS mlp(64)';
SELECT count(*) FILTER (WHERE (q.n, q.ids) IS NOT DISTINCT FROM (t.n, t.ids)) AS equal, count(*)
FROM search_truth t, LATERAL (SELECT count(*) AS n, sum(s.id) AS ids FROM search_all s WHERE s.mst @> t.pattern) q;
EXPLAIN (costs off) SELECT id FROM search_all WHERE mst <@ 'AS mlp(32..64) PT {adam, sgd}';
SELECT count(*) FROM search_all WHERE mst <@ 'FE * AS mlp(32..64 x 1..3) PT {adam, sgd(lr = 0.05)}, ?batch = 2..10000, ?dropout = 0..0.9';
SELECT count(*) FROM search_all WHERE mst <@ 'FE * AS mlp(32..64 x 1..3) PT {adam, sgd(lr = 0.05)}, ?batch = 2..10000, ?dropout = 0..0.9' IS TRUE;
DROP INDEX search_gin;

CREATE INDEX search_gist ON search_all USING gist (mst);
EXPLAIN (costs off) SELECT id FROM search_all ORDER BY mst <-> 'AS mlp(64)'::mst_pattern LIMIT 5;
SELECT count(*) FILTER (WHERE nearest(pattern, 50) = by_pattern) AS equal, count(*) FROM search_near;
SELECT count(*) FILTER (WHERE nearest(mst, 50) = by_mst) AS equal, count(*) FROM search_near_mst;
-- the condition goes with the order, whichever side it is written on
EXPLAIN (costs off) SELECT id FROM search_all WHERE mst @> 'AS mlp(64) PT sgd' ORDER BY mst <-> 'AS mlp(256)'::mst_pattern LIMIT 5;
EXPLAIN (costs off) SELECT id FROM search_all WHERE mst_pattern 'PT sgd' <@ mst ORDER BY mst <-> mst 'AS mlp(256)' LIMIT 5;
CREATE FUNCTION nearest_of(wanted mst_pattern, near mst_pattern) RETURNS double precision[] LANGUAGE sql AS $$
	SELECT array_agg(d ORDER BY d) FROM (SELECT mst <-> near AS d FROM search_all WHERE mst @> wanted ORDER BY mst <-> near LIMIT 20) q $$;
CREATE TABLE search_both AS
	SELECT a.pattern AS wanted, b.pattern AS near, nearest_of(a.pattern, b.pattern) AS by_index FROM search_pattern a, search_pattern b;
SET enable_indexscan = off;
SELECT count(*) FILTER (WHERE nearest_of(wanted, near) IS NOT DISTINCT FROM by_index) AS equal, count(*),
       count(*) FILTER (WHERE cardinality(by_index) BETWEEN 1 AND 19) AS few FROM search_both;
RESET enable_indexscan;
DROP TABLE search_both;
DROP FUNCTION nearest_of;
SELECT count(*) FROM search_all a WHERE id % 100 = 1
	AND (SELECT count(*) FROM search_all b WHERE b.mst = a.mst) = (SELECT count(*) FROM search_all b WHERE b.mst::text = a.mst::text);
-- an index in which what is built alike lies together: for patterns that leave FE free
CREATE INDEX search_built ON search_all USING gist (mst mst_gist_built_ops);
EXPLAIN (costs off) SELECT id FROM search_all ORDER BY mst <-> 'AS mlp(64)'::mst_pattern LIMIT 5;
EXPLAIN (costs off) SELECT id FROM search_all ORDER BY 'FE * PT sgd'::mst_pattern <-> mst LIMIT 5;
EXPLAIN (costs off) SELECT id FROM search_all ORDER BY mst <-> 'FE a1 AS mlp(64)'::mst_pattern LIMIT 5;
EXPLAIN (costs off) SELECT id FROM search_all ORDER BY mst <-> mst 'AS mlp(64)' LIMIT 5;
BEGIN;
DROP INDEX search_gist;
EXPLAIN (costs off) SELECT id FROM search_all ORDER BY mst <-> mst 'AS mlp(64)' LIMIT 5;
SELECT count(*) FILTER (WHERE nearest(pattern, 50) = by_pattern) AS equal, count(*) FROM search_near;
SELECT count(*) FILTER (WHERE nearest(mst, 50) = by_mst) AS equal, count(*) FROM search_near_mst;
ROLLBACK;
-- as rows come one by one, change and go
INSERT INTO search_all SELECT id + 3000, mst + 'SET PT.epochs = 7' FROM search_all WHERE id % 5 = 1;
DELETE FROM search_all WHERE id % 5 = 2;
VACUUM search_all;
DROP TABLE search_near, search_near_mst;
SET enable_indexscan = off;
SET enable_seqscan = on;
CREATE TABLE search_near_mst AS
	SELECT id, mst, nearest(mst, 50) AS by_mst FROM search_all WHERE id % 600 = 1;
RESET enable_indexscan;
SET enable_seqscan = off;
SELECT count(*) FILTER (WHERE nearest(mst, 50) = by_mst) AS equal, count(*) FROM search_near_mst;
DROP INDEX search_gist;
SELECT count(*) FILTER (WHERE nearest(mst, 50) = by_mst) AS equal, count(*) FROM search_near_mst;
RESET enable_seqscan;
DROP TABLE search_all, search_pattern, search_truth, search_near_mst;
DROP FUNCTION nearest;

-- an ordinary role under the row policies: plans use the indexes
CREATE FUNCTION plan_has(query text, what text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN ' || query LOOP
		IF line LIKE '%' || what || '%' THEN
			RETURN true;
		END IF;
	END LOOP;
	RETURN false;
END
$$;
CREATE ROLE regress_search;
SET ROLE regress_search;
SET enable_seqscan = off;
SELECT plan_has($$SELECT id FROM cerebro.models WHERE mst @> 'AS residual PT adamw'$$, 'Bitmap Index Scan on model_mst') AS containment,
       plan_has($$SELECT id FROM cerebro.models WHERE mst <@ 'AS mlp(16..64)'$$, 'Bitmap Index Scan on model_mst') AS sets,
       plan_has($$SELECT id FROM cerebro.models ORDER BY mst <-> 'AS mlp(256)' LIMIT 10$$, 'Index Scan using model_near') AS nearest,
       plan_has($$SELECT id FROM cerebro.models WHERE mst @> 'AS residual' AND valid_auc > 0.7 ORDER BY mst <-> 'AS mlp(256)' LIMIT 10$$, 'Index Cond: (mst @>> ') AS both,
       plan_has($$SELECT id FROM cerebro.models ORDER BY mst <-> 'AS mlp(256)'::cerebro.mst_pattern LIMIT 10$$, 'Index Scan using model_near_built') AS nearest_built,
       plan_has($$SELECT id FROM cerebro.models ORDER BY mst <-> 'FE a AS mlp(256)'::cerebro.mst_pattern LIMIT 10$$, 'Index Scan using model_near on') AS nearest_seen,
       plan_has($$SELECT id FROM cerebro.models WHERE mst::text LIKE '%mlp%'$$, 'model_mst') AS other;
SELECT id FROM cerebro.models WHERE mst @> 'AS residual PT adamw' AND valid_auc > 0.7
ORDER BY mst <-> 'AS mlp(256,256)'::cerebro.mst_pattern LIMIT 0;
RESET enable_seqscan;
RESET ROLE;
DROP ROLE regress_search;
DROP FUNCTION plan_has;
