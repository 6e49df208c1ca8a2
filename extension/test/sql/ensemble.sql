-- Models put together after training, and AS auto.

SET search_path = public, cerebro;
SET client_min_messages = warning;
CREATE TABLE ens_trips (id integer PRIMARY KEY, x double precision, y double precision, town text, late boolean);
INSERT INTO ens_trips
	SELECT i, i % 97 / 97.0, i % 89 / 89.0, 'town ' || i % 7, (i % 97 / 97.0 + i % 89 / 89.0 + i % 7 / 14.0 + (i * 7919 % 1000) / 2000.0) > 1.5
	FROM generate_series(1, 3000) i;
CREATE ROLE regress_ens_owner;
CREATE ROLE regress_ens_other;
GRANT SELECT ON ens_trips TO regress_ens_owner, regress_ens_other;
GRANT CREATE ON SCHEMA public TO regress_ens_owner;
SET ROLE regress_ens_owner;
SELECT cerebro.create_task('ens', source => 'SELECT * FROM ens_trips', label => 'late', key => '{id}') > 0 AS made;
SELECT cerebro.train('ens', 'AS mlp(16) PT epochs = 4') AS a \gset
SELECT cerebro.train('ens', 'FE x, y, town : onehot AS mlp(8, 8) PT epochs = 4, seed = 5') AS b \gset
SELECT cerebro.train('ens', 'FE town, y AS residual(1, 8) PT epochs = 3') AS c \gset

-- a model of its own
SELECT cerebro.ensemble(ARRAY[:a, :b, :c]) AS e \gset
SELECT mst, request, n_epochs, n_weights = (SELECT sum(n_weights) FROM cerebro.model m JOIN cerebro.ensemble_member p ON p.member = m.id WHERE p.model = :e) AS weights,
	valid_log_loss <= (SELECT min(valid_log_loss) + 1e-4 FROM cerebro.model WHERE id IN (:a, :b, :c)) AS as_good
FROM cerebro.model WHERE id = :e;
SELECT count(*) > 0 AS some, round(sum(weight)::numeric, 6) AS together, min(weight) > 0 AS counts FROM cerebro.ensemble_member WHERE model = :e;
SELECT name, kind FROM cerebro.model_part WHERE model = :e AND ordinal < 2 ORDER BY ordinal;
SELECT bool_and(EXISTS (SELECT FROM cerebro.model_part m WHERE m.model IN (:a, :b, :c) AND m.content = p.content)) AS shared
FROM cerebro.model_part p WHERE p.model = :e AND ordinal >= 2;
-- what it says is the mean of its members, at one temperature for all rows
-- which the model tells
SELECT max(logit / of_mean) - min(logit / of_mean) < 0.01 AS mean,
	abs(avg(logit / of_mean) - 1 / (SELECT temperature FROM cerebro.models WHERE id = :e)) < 0.005 AS told
FROM (SELECT ln(p / (1 - p)) AS logit, ln(mean / (1 - mean)) AS of_mean
	FROM (SELECT cerebro.predict(:e, t)::float8 AS p, (SELECT sum(weight * cerebro.predict(member, t)) FROM cerebro.ensemble_member WHERE model = :e) AS mean
		FROM ens_trips t) q) l
WHERE abs(of_mean) > 0.3;
SELECT cerebro.deploy(:e, 'ens_late');
SELECT count(*), bool_and(s = p) AS same_bits
FROM (SELECT ens_late(t) AS s, cerebro.predict(:e, t) AS p FROM ens_trips t) q;
SELECT n_rows > 0 AS evaluated FROM cerebro.evaluate(:e);
SELECT count(*) > 3 AS told FROM cerebro.lineage(:e);
SELECT abs(mean_difference) < 1 AS compared FROM cerebro.compare_loss(:e, :a);
SELECT rank <= 4 AS ranked FROM cerebro.leaderboard('ens') WHERE model = :e;

-- members may go, their bytes stay
SELECT sum(ens_late(t)) AS before FROM ens_trips t \gset
SELECT cerebro.drop_model(:b), cerebro.drop_model(:c);
\c -
SET search_path = public, cerebro;
SET client_min_messages = warning;
SET ROLE regress_ens_owner;
SELECT sum(ens_late(t))::text = :'before' AS same FROM ens_trips t;
SELECT count(*) > 0 AS still_told FROM cerebro.ensemble_member WHERE model = :e;

-- what it refuses
\set VERBOSITY default
SELECT cerebro.ensemble('{}');
SELECT cerebro.ensemble('{NULL}');
SELECT cerebro.ensemble('{2147483647}');
SELECT cerebro.ensemble(ARRAY[:a], 0);
SELECT cerebro.ensemble(NULL) IS NULL AS strict;
-- messages name models, whose numbers are not the same each time
CREATE FUNCTION pg_temp.refused(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	said text;
	detail text;
BEGIN
	EXECUTE command;
	RETURN 'not refused';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS said = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
	RETURN regexp_replace(concat_ws('; ', said, nullif(detail, '')), '\d+', 'N', 'g');
END
$$;
SELECT pg_temp.refused(format('SELECT cerebro.ensemble(ARRAY[%s, %s])', :a, :a));
SELECT pg_temp.refused(format('SELECT cerebro.ensemble(ARRAY[%s])', :e));
SELECT pg_temp.refused(format('SELECT cerebro.train_change(%s, %L)', :e, 'SET PT.epochs = 3'));
SELECT pg_temp.refused(format('SELECT cerebro.graph(%s)', :e));
SELECT regexp_replace(l, '[0-9]+', 'N', 'g') AS plan FROM cerebro.explain_model(:e) l;

-- members with JOINs, AGGREGATEs and expressions of their own: one query reads what all of them do
RESET ROLE;
CREATE TABLE ens_towns AS SELECT 'town ' || i AS town, i / 7.0 AS size, i % 3 AS region FROM generate_series(0, 6) i;
ALTER TABLE ens_towns ADD PRIMARY KEY (town);
CREATE TABLE ens_stops AS SELECT i AS id, i % 3000 + 1 AS trip, i % 11 AS minutes, i % 5 = 0 AS long FROM generate_series(1, 9000) i;
CREATE INDEX ON ens_stops (trip);
GRANT SELECT ON ens_towns, ens_stops TO regress_ens_owner, regress_ens_other;
SET ROLE regress_ens_owner;
SELECT train('ens', 'FE x, JOIN ens_towns t ON (t.town = source.town), t.size AS mlp(8) PT epochs = 3') AS f \gset
SELECT train('ens', 'FE y, z = (y * 2), AGGREGATE ens_stops s ON (s.trip = source.id) (n = count(*)) AS mlp(8) PT epochs = 3') AS g \gset
SELECT train('ens', 'FE x, AGGREGATE ens_stops s ON (s.trip = source.id) (total = sum(minutes)) AS mlp(8) PT epochs = 3') AS h \gset
SELECT train('ens', 'FE y AS mlp(8) PT epochs = 3') AS i \gset
CREATE TEMP TABLE pair AS SELECT a, b, ensemble(ARRAY[a, b]) AS model FROM (VALUES (:f, :g), (:g, :h), (:h, :i), (:i, :f)) v (a, b);
SELECT count(*) AS with_both FROM pair WHERE (SELECT count(*) FROM ensemble_member e WHERE e.model = pair.model) = 2;
SELECT count(*) AS models, bool_and(is_mean) AS are_means
FROM (SELECT model, max(logit / of_mean) - min(logit / of_mean) < 0.01 AS is_mean
	FROM (SELECT model, ln(p / (1 - p)) AS logit, ln(mean / (1 - mean)) AS of_mean
		FROM (SELECT model, predict(model, t)::float8 AS p, (SELECT sum(weight * predict(member, t)) FROM ensemble_member e WHERE e.model = pair.model) AS mean
			FROM pair, ens_trips t WHERE t.id % 50 = 0) q) l
	WHERE abs(of_mean) > 0.3 GROUP BY model) m;
SELECT model AS j FROM pair WHERE a = :f \gset
SELECT deploy(:j, 'ens_joined');
SELECT count(*), bool_and(s = p) AS same_bits FROM (SELECT ens_joined(t) AS s, predict(:j, t) AS p FROM ens_trips t WHERE id % 20 = 0) q;
SELECT n_rows > 0 AS evaluated FROM evaluate(:j);
SELECT undeploy('ens_joined');
-- one name for two things
SELECT train('ens', 'FE town, z = (x * 2) AS mlp(8) PT epochs = 3') AS k \gset
SELECT train('ens', 'FE y, JOIN ens_towns t ON (t.town = source.town AND t.region = 1), t.size AS mlp(8) PT epochs = 3') AS l \gset
SELECT train('ens', 'FE x, AGGREGATE ens_stops s ON (s.trip = source.id) (n = count(minutes)) AS mlp(8) PT epochs = 3, seed = 3') AS m \gset
SELECT pg_temp.refused(format('SELECT ensemble(ARRAY[%s, %s], 1000)', :g, :k));
SELECT pg_temp.refused(format('SELECT ensemble(ARRAY[%s, %s], 1000)', :f, :l));
SELECT pg_temp.refused(format('SELECT ensemble(ARRAY[%s, %s], 1000)', :g, :m));
RESET ROLE;
INSERT INTO ens_trips VALUES (0, 0, 0, 'town 1', false);
SET ROLE regress_ens_owner;
SELECT cerebro.train('ens', 'AS mlp(4) PT epochs = 1') AS newer \gset
SELECT pg_temp.refused(format('SELECT cerebro.ensemble(ARRAY[%s, %s])', :a, :newer));
SET ROLE regress_ens_other;
\set VERBOSITY sqlstate
SELECT cerebro.ensemble(ARRAY[:a]) IS NULL;
\set VERBOSITY default
SELECT count(*) AS seen FROM cerebro.ensemble_member;
BEGIN READ ONLY;
SELECT cerebro.ensemble('{1}');
ROLLBACK;

-- AS auto
SET ROLE regress_ens_owner;
SELECT cerebro.train('ens', 'FE x, town AS auto PT epochs = 2, seed = 3') AS auto \gset
SELECT mst, request FROM cerebro.model WHERE id = :auto;
-- how many models there are depends on the machine
SELECT cerebro.train('ens', 'FE x, y AS auto(2) PT epochs = 1') AS auto \gset
SELECT request, count(*) > 1 AS several, bool_or(mst @> 'AS wide') AS has_linear, bool_and(n_epochs <= 1) AS one_epoch FROM cerebro.model WHERE request @> 'FE x, y' GROUP BY request;
SELECT request, m.valid_log_loss <= (SELECT min(o.valid_log_loss) FROM cerebro.model o WHERE o.request = m.request) + 0.01 AS is_best FROM cerebro.model m WHERE id = :auto;
-- what the time cuts off is the model of a triple that ends there: bit by bit what that one makes
SELECT cerebro.train('ens', 'FE y, town AS auto(1) PT epochs = 100000') AS auto \gset
SELECT count(*) > 0 AS some, bool_and(mst @> format('PT epochs = 100000, stop = %s', n_epochs)::cerebro.mst_pattern) AS told,
	bool_and((SELECT count(*) FROM cerebro.epoch e WHERE e.model = m.id) = n_epochs) AS all_epochs,
	bool_and((SELECT status || ': ' || reason FROM cerebro.job j WHERE j.id = m.job) = 'stopped: the time was over before its last epoch') AS why
FROM cerebro.model m WHERE request = 'FE y, town AS auto(1) PT epochs = 100000' AND n_epochs > 0;
SELECT id AS cut, mst AS cut_mst FROM cerebro.model WHERE request = 'FE y, town AS auto(1) PT epochs = 100000' AND n_epochs > 0 ORDER BY n_epochs LIMIT 1 \gset
SELECT cerebro.train('ens', :'cut_mst') = :cut AS found;
SET cerebro.reuse = off;
SELECT cerebro.train('ens', :'cut_mst') AS again \gset
RESET cerebro.reuse;
SELECT a.training = b.training AS same_id, a.n_epochs = b.n_epochs AS same_epochs, a.best_epoch = b.best_epoch AS same_best, a.id <> b.id AS trained
FROM cerebro.model a, cerebro.model b WHERE a.id = :cut AND b.id = :again;
SELECT count(*) AS differing FROM cerebro.model_part a FULL JOIN cerebro.model_part b ON b.model = :again AND b.ordinal = a.ordinal
WHERE a.model = :cut AND (a.name, a.kind, a.content) IS DISTINCT FROM (b.name, b.kind, b.content);
SELECT count(*) AS differing FROM cerebro.epoch a FULL JOIN cerebro.epoch b ON b.model = :again AND b.epoch = a.epoch
WHERE a.model = :cut AND (a.train_loss, a.valid_log_loss, a.state) IS DISTINCT FROM (b.train_loss, b.valid_log_loss, b.state);
-- a budget that is over at once: a few epochs of some
SELECT cerebro.train('ens', 'FE y AS auto(0.001)') AS auto \gset
SELECT request FROM cerebro.model WHERE id = :auto;
SELECT n_epochs, mst FROM cerebro.model WHERE request = 'FE y AS auto(0.001)' AND id <> :auto ORDER BY id;
-- columns that tell more together: a table of their own
CREATE TABLE ens_days AS SELECT i AS id, i % 12 AS month, i / 12 % 12 AS day, (i * 7919) % 101 AS noise,
	((i % 12 + i / 12 % 12) % 2 = 0) <> (i % 10 = 0) AS late FROM generate_series(1, 24000) i;
SELECT cerebro.create_task('days', source => 'SELECT * FROM ens_days', label => 'late', key => '{id}') AS days \gset
SELECT cerebro.train('days', 'AS auto(0.001)') AS auto \gset
SELECT DISTINCT split_part(mst::text, ' AS ', 1) AS fe FROM cerebro.model WHERE request = 'AS auto(0.001)' AND n_epochs > 0;
SELECT cerebro.drop_task('days') IS NULL AS dropped;
-- bins of whole numbers below 0 are as wide as the others; no rates where labels of the others may not be seen, or will not be there
CREATE TABLE ens_bins AS SELECT i AS id, i % 24 AS month, hashint4(i) % 1000 AS temp, timestamp '2020-01-01' + i * interval '1 minute' AS at,
	((i % 24 + floor(hashint4(i) % 1000 / 200.0)::integer + 20) % 2 = 0) <> (hashint4(i * 3) % 8 = 0) AS late FROM generate_series(1, 24000) i;
SELECT cerebro.create_task('days', source => 'SELECT * FROM ens_bins', label => 'late', key => '{id}', exclude => '{at}') > 0 AS made;
SELECT cerebro.train('days', 'AS auto(0.001)') AS auto \gset
SELECT DISTINCT split_part(mst::text, ' AS ', 1) AS fe FROM cerebro.model WHERE request = 'AS auto(0.001)' AND n_epochs > 0;
SELECT cerebro.drop_task('days') IS NULL AS dropped;
SELECT cerebro.create_task('days', source => 'SELECT * FROM ens_bins', label => 'late', key => '{id}', exclude => '{at}', as_of => 'at', label_known => 'at') > 0 AS made;
SELECT cerebro.train('days', 'AS auto(0.001)') AS auto \gset
SELECT DISTINCT split_part(mst::text, ' AS ', 1) AS fe FROM cerebro.model WHERE request = 'AS auto(0.001)' AND n_epochs > 0;
SELECT cerebro.drop_task('days') IS NULL AS dropped;
SELECT cerebro.create_task('days', source => 'SELECT * FROM ens_bins', label => 'late', key => '{id}', exclude => '{at}', split => 'group(id / 8, 0.7, 0.15, 0.15)') > 0 AS made;
SELECT cerebro.train('days', 'AS auto(0.001)') AS auto \gset
SELECT DISTINCT split_part(mst::text, ' AS ', 1) AS fe FROM cerebro.model WHERE request = 'AS auto(0.001)' AND n_epochs > 0;
SELECT cerebro.drop_task('days') IS NULL AS dropped;
DROP TABLE ens_days, ens_bins;
-- nothing that can be trained
SET client_min_messages = error;
SELECT cerebro.train('ens', 'FE no_such_column AS auto(2)');
SET client_min_messages = warning;
SELECT cerebro.train('ens', 'AS auto(5)', wait => false) IS NULL;
SELECT cerebro.train('ens', 'AS auto > relu') IS NULL;
SELECT cerebro.train('ens', 'PT class_weights = weights(1, 2, 3), epochs = 1') IS NULL;
SELECT cerebro.train('ens', 'PT class_weights = balanced, focal = 1, nadam, average = 0.9, lr = pieces(0.01, 1, 0.001), epochs = 2, schedule = plateau') IS NOT NULL AS trained;
SELECT cerebro.train('ens', 'AS mlp(4) PT lr = 0.01, epochs = 7') AS constant \gset
SELECT cerebro.train('ens', 'AS mlp(4) PT lr = pieces(0.01, 5, 0.001), epochs = 7') AS pieces \gset
SELECT array_agg(a.epoch ORDER BY a.epoch) AS shared FROM cerebro.epoch a JOIN cerebro.epoch b USING (state) WHERE a.model = :constant AND b.model = :pieces;
SELECT cerebro.train('ens', 'AS mlp(4) PT epochs = 7, stop = 3, schedule = cosine') AS stopped \gset
SELECT cerebro.train('ens', 'AS mlp(4) PT epochs = 7, schedule = cosine') AS whole \gset
SELECT array_agg(a.epoch ORDER BY a.epoch) AS shared, max(m.n_epochs) AS n_epochs FROM cerebro.epoch a JOIN cerebro.epoch b USING (state) JOIN cerebro.model m ON m.id = a.model
WHERE a.model = :stopped AND b.model = :whole;

SELECT cerebro.undeploy('ens_late');
DROP FUNCTION pg_temp.refused(text);
SELECT cerebro.drop_task('ens') IS NULL AS dropped;
RESET ROLE;
DROP TABLE ens_trips, ens_towns, ens_stops;
REVOKE CREATE ON SCHEMA public FROM regress_ens_owner;
DROP ROLE regress_ens_owner, regress_ens_other;
