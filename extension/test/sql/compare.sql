-- Models beside each other, as a tree, and out of a search.
\getenv abs_srcdir PG_ABS_SRCDIR
SET client_min_messages = warning;
CREATE ROLE regress_compare_owner;
CREATE ROLE regress_compare_stranger;
CREATE SCHEMA compare AUTHORIZATION regress_compare_owner;
GRANT USAGE ON SCHEMA compare TO PUBLIC;
SET SESSION AUTHORIZATION regress_compare_owner;
SET search_path = compare;
\i :abs_srcdir/../lib/trips.sql
SELECT cerebro.create_task('trips', source => 'SELECT * FROM trips', label => 'delay > 15', exclude => '{delay}') > 0 AS made;
SELECT cerebro.train('trips', 'FE taxi AS mlp(4) PT batch = 256, epochs = 3, patience = 0') AS bad \gset
SELECT cerebro.train('trips', 'FE carrier, hour AS mlp(16) PT batch = 256, epochs = 9, patience = 0') AS good \gset
SELECT cerebro.train_change(:good, 'SET AS = mlp(32)') AS wide \gset
SELECT cerebro.train_change(:wide, 'ADD FE distance') AS more \gset
SELECT cerebro.train_change(:good, 'SET PT.dropout = 0.4') AS dropped \gset

-- the first is what the others are compared with
SELECT model = :bad AS is_first, change, array_length(curve, 1) AS epochs, log_loss_difference IS NULL AS alone FROM cerebro.compare(:bad, :good) LIMIT 1;
SELECT change, log_loss_high < 0 AS is_better, log_loss_low < log_loss_difference AND log_loss_difference < log_loss_high AS is_inside,
	auc_low > 0 AS auc_is_better, accuracy_low > 0 AS accuracy_is, disagreements > 0 AND disagreement < 1 AS some,
	abs(log_loss_difference - (SELECT mean_difference FROM cerebro.compare_loss(:good, :bad))) < 1e-9 AS is_the_mean
FROM cerebro.compare(:bad, :good) OFFSET 1;
-- the interval is that of the normal approximation, nearly
SELECT abs((log_loss_high - log_loss_low) / (2 * 1.96 * l.standard_error) - 1) < 0.15 AS is_near
FROM cerebro.compare_pair(:bad, :good, 2000) p, cerebro.compare_loss(:good, :bad) l;
SELECT p = q AS is_repeated FROM cerebro.compare_pair(:bad, :good) p, cerebro.compare_pair(:bad, :good) q;
SELECT count(*), count(change) FROM cerebro.compare(VARIADIC ARRAY[:good, :wide, :more, :dropped]);
SELECT refused(format('SELECT cerebro.compare_pair(%s, %s, 0)', :good, :bad));
SELECT refused('SELECT * FROM cerebro.compare(1000000)');
SELECT refused('SELECT * FROM cerebro.compare(' || a || ')') FROM unnest(ARRAY['VARIADIC ''{}''', 'VARIADIC NULL', 'NULL::integer']) a;

-- rows on which they disagree, by key; all of them are as many as compare says
SELECT count(*) = (SELECT disagreements FROM cerebro.compare_pair(:bad, :good)) AS are_all, count(DISTINCT key) = count(*) AS are_different,
	bool_and(decision_a <> decision_b) AS differ,
	bool_and((SELECT (delay > 15)::text FROM trips t WHERE t.id = (r.key->>'id')::int) = r.label) AS have_their_labels,
	bool_and(probability_a BETWEEN 0 AND 1 AND probability_b BETWEEN 0 AND 1) AS are_shares,
	bool_and((decision_a = label) = (probability_a >= 0.5)) AS are_of_the_label
FROM cerebro.compare_rows(:bad, :good, 1000000) r;
-- and the models say so when they are asked
SELECT count(*) AS rows, bool_and(abs(cerebro.predict(:bad, t) - CASE WHEN label = 'true' THEN probability_a ELSE 1 - probability_a END) < 1e-4) AS a_is_so,
	bool_and(abs(cerebro.predict(:good, t) - CASE WHEN label = 'true' THEN probability_b ELSE 1 - probability_b END) < 1e-4) AS b_is_so
FROM cerebro.compare_rows(:bad, :good, 7) r JOIN trips t ON t.id = (r.key->>'id')::int;
SELECT count(*), bool_and(gap <= before) AS is_ordered FROM (SELECT gap, lag(gap, 1, 1::float8) OVER () AS before
	FROM (SELECT abs(probability_a - probability_b) AS gap FROM cerebro.compare_rows(:bad, :good, 5)) g) s;
SELECT count(*) FROM cerebro.compare_rows(:good, :good);
SELECT refused(format('SELECT cerebro.compare_rows(%s, %s, 0)', :good, :bad));
-- other rows than then
BEGIN;
UPDATE trips SET delay = delay + 40 WHERE id < 50;
SELECT refused(format('SELECT cerebro.compare_rows(%s, %s)', :good, :bad));
ROLLBACK;

-- what came of what
SELECT tree, start, log_loss IS NOT NULL AS has_loss, effect IS NOT NULL AS has_effect FROM cerebro.history_tree('trips');
SELECT change, effect IS NOT NULL AS has_effect FROM cerebro.history('trips') ORDER BY step DESC LIMIT 1;
-- each change keeps its effect, that of compare_loss, also when what it was made of is gone
SELECT bool_and(effect = d.mean_difference AND effect_error = d.standard_error) AS are_kept, count(*) FROM cerebro.model m, cerebro.compare_loss(m.id, m.parent) d
WHERE m.id IN (:wide, :more, :dropped);
CREATE TEMP TABLE kept AS SELECT model, change, effect, effect_error FROM cerebro.history_tree('trips') WHERE model IN (:wide, :more, :dropped);
BEGIN;
SELECT count(cerebro.drop_model(id)) FROM unnest(ARRAY[:good, :wide]) id;
SELECT count(*), bool_and(k = (SELECT t FROM (SELECT model, change, effect, effect_error FROM cerebro.history_tree('trips')) t WHERE t.model = k.model)) AS in_the_tree,
	bool_and(k = (SELECT h FROM (SELECT model, change, effect, effect_error FROM cerebro.history('trips')) h WHERE h.model = k.model)) AS in_history
FROM kept k WHERE model <> :wide;
ROLLBACK;
DROP TABLE kept;

-- a search: points of a space, drawn ones, the better third for longer
SELECT mst FROM cerebro.search('trips', 'FE carrier AS mlp({2, 4}) PT epochs = 2, batch = {128, 256}', 'grid') ORDER BY mst::text;
SELECT count(*), bool_and(rank = 1 OR log_loss >= before) AS is_ordered FROM (SELECT *, lag(log_loss) OVER (ORDER BY rank) AS before
	FROM cerebro.search('trips', 'FE carrier AS mlp(2..64) PT epochs = 2, lr = 1e-4..1e-1 log', trials => 5, seed => 7)) s;
SELECT count(*) AS again FROM cerebro.job;
SELECT count(*) AS found FROM cerebro.search('trips', 'FE carrier AS mlp(2..64) PT epochs = 2, lr = 1e-4..1e-1 log', trials => 5, seed => 7);
SELECT count(*), count(DISTINCT epochs), max(epochs) FROM cerebro.search('trips', 'FE carrier, hour AS mlp(2..64) PT epochs = 9, patience = 0, lr = 1e-4..1e-1 log', 'halving', 9, seed => 3);
-- nine for one epoch, three for three, one for nine: the longer ones go on
SELECT m.n_epochs, count(*), count(*) FILTER (WHERE EXISTS (SELECT FROM cerebro.epoch a JOIN cerebro.epoch b ON b.state = a.state AND b.model < a.model WHERE a.model = m.id AND a.epoch = 1)) AS went_on
FROM cerebro.model m WHERE m.mst::text LIKE 'FE carrier, hour AS mlp(%' AND m.mst::text LIKE '%patience = 0%' AND m.mst::text LIKE '%lr = %' GROUP BY 1 ORDER BY 1;
-- what is drawn twice is one trial
SELECT count(*) FROM cerebro.search('trips', 'FE carrier AS mlp({2, 4}) PT epochs = 2, batch = {128, 256}', 'random', trials => 4);
SELECT count(*) FROM cerebro.search('trips', 'FE carrier AS mlp({2, 4}) PT epochs = 2, batch = {128, 256}', 'random', trials => 9);
-- a triple that fails, what there is not
SET client_min_messages = error;
SELECT count(*) FROM cerebro.search('trips', 'FE {carrier, elsewhere} AS mlp(5) PT epochs = 1', 'grid');
SET client_min_messages = warning;
SELECT refused('SELECT cerebro.search(''trips'', ''FE *'', ''magic'')');
SELECT refused('SELECT cerebro.search(''trips'', ''AS mlp(2..64) PT lr = 1e-4..1e-1'', ''grid'')');
SELECT a, refused(format('SELECT cerebro.search(''trips'', ''FE *'', %s)', a)) FROM unnest(ARRAY['trials => -1', 'trials => 0', 'trials => 10001', 'budget => ''0 s''', 'budget => ''-1 min''', 'budget => ''10000000 years''',
	'algorithm => NULL', 'seed => NULL']) a;
SELECT refused('SELECT cerebro.search(NULL, ''FE *'')');
SELECT refused('SELECT cerebro.search(''trips'', NULL)');
-- NULL is to leave out
SELECT count(*) FROM cerebro.search('trips', 'FE carrier AS mlp({2, 4}) PT epochs = 2, batch = {128, 256}', 'grid', trials => NULL, budget => NULL);
SELECT refused('SELECT cerebro.search(''elsewhere'', ''FE *'')');

-- others see nothing of it
GRANT EXECUTE ON FUNCTION refused(text) TO regress_compare_stranger;
SET SESSION AUTHORIZATION regress_compare_stranger;
SELECT compare.refused(format('SELECT * FROM cerebro.compare(%s, %s)', :good, :bad));
SELECT compare.refused(format('SELECT * FROM cerebro.compare_pair(%s, %s)', :good, :bad));
SELECT count(*) FROM cerebro.history_tree(NULL, 'regress_compare_owner');
RESET SESSION AUTHORIZATION;
SET client_min_messages = error;
SELECT cerebro.drop_task(name) IS NOT NULL AS dropped FROM cerebro.task WHERE owner = 'regress_compare_owner'::regrole;
DROP SCHEMA compare CASCADE;
DROP ROLE regress_compare_owner, regress_compare_stranger;
