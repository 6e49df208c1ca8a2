-- The leaderboard, and comparing models row by row.
\getenv abs_srcdir PG_ABS_SRCDIR
SET cerebro.reuse = off; -- twins are wanted
SET client_min_messages = warning;
CREATE ROLE regress_board_owner;
CREATE ROLE regress_board_other;
CREATE SCHEMA board AUTHORIZATION regress_board_owner;
SET SESSION AUTHORIZATION regress_board_owner;
SET search_path = board;
\i :abs_srcdir/../lib/trips.sql
SELECT cerebro.create_task('trips', source => 'SELECT * FROM trips', label => 'delay > 15') > 0 AS made;
SELECT * FROM cerebro.leaderboard('trips');
SELECT cerebro.train('trips', 'AS mlp(16) PT epochs = 12, seed = 1') AS good \gset
SELECT cerebro.train('trips', 'AS mlp(16) PT epochs = 12, seed = 1') AS same \gset
SELECT cerebro.train('trips', 'FE distance AS mlp(4) PT epochs = 1') AS bad \gset

-- the best first; what is within noise of it is marked
SELECT rank, model = :bad AS is_bad, is_within_noise, openings, test_log_loss, who
FROM cerebro.leaderboard('trips') ORDER BY rank;
SELECT bool_and(l.log_loss = m.valid_log_loss AND l.auc = m.valid_auc AND l.accuracy = m.valid_accuracy AND l.weights = m.n_weights
                AND l.mst::text = m.mst::text AND l.epochs = m.n_epochs AND l.seconds = m.seconds) AS as_in_models
FROM cerebro.leaderboard('trips') l JOIN cerebro.models m ON m.id = l.model;

-- the comparison is that of the losses of validation rows
SELECT mean_difference, standard_error FROM cerebro.compare_loss(:good, :good);
SELECT mean_difference < 0 AS better, standard_error > 0 AS has_error FROM cerebro.compare_loss(:good, :bad);
SELECT a.mean_difference = -b.mean_difference AS antisymmetric, a.standard_error = b.standard_error AS same_error
FROM cerebro.compare_loss(:good, :bad) a, cerebro.compare_loss(:bad, :good) b;
WITH losses AS (
	SELECT -ln(CASE WHEN delay > 15 THEN cerebro.predict(:good, t) ELSE 1 - cerebro.predict(:good, t) END::float8)
		   + ln(CASE WHEN delay > 15 THEN cerebro.predict(:bad, t) ELSE 1 - cerebro.predict(:bad, t) END::float8) AS d
	FROM trips t WHERE cerebro.part('trips', t) = 'valid')
SELECT abs(mean_difference - avg(d)) < 1e-3 AS same_mean,
       abs(standard_error / (stddev(d) / sqrt(count(*))) - 1) < 1e-2 AS same_error
FROM losses, cerebro.compare_loss(:good, :bad) GROUP BY mean_difference, standard_error;

-- stored scores are those that predict gives
WITH valid AS (
	SELECT cerebro.predict(:good, t) AS p, delay > 15 AS late FROM trips t WHERE cerebro.part('trips', t) = 'valid')
SELECT abs(m.valid_log_loss - avg(-ln(greatest(CASE WHEN late THEN p ELSE 1 - p END::float8, 1e-7)))) < 1e-5 AS same_loss,
       abs(m.valid_accuracy - avg(((p > 0.5) = late)::int)) < 1e-9 AS same_accuracy
FROM valid, cerebro.model m WHERE m.id = :good GROUP BY m.valid_log_loss, m.valid_accuracy;

-- people read five decimals
SELECT bool_and(l.log_loss = round(m.valid_log_loss::numeric, 5) AND l.auc = round(m.valid_auc::numeric, 5)
                AND l.accuracy = round(m.valid_accuracy::numeric, 5) AND length(l.log_loss::text) <= 7) AS rounded
FROM cerebro.leaderboard('trips') l JOIN cerebro.model m ON m.id = l.model;

WITH bytes AS (
	SELECT string_agg(c.bytes, NULL ORDER BY c.chunk) AS b
	FROM cerebro.model_part p JOIN cerebro.content c ON c.id = p.content
	WHERE p.model = :good AND p.kind = 'valid_scores'),
stored AS (
	SELECT row_number() OVER (ORDER BY score) AS n, score / 65535.0 AS p
	FROM bytes, LATERAL (SELECT get_byte(b, 4 * i + 2) + 256 * get_byte(b, 4 * i + 3) AS score
						 FROM generate_series(0, length(b) / 4 - 1) i) s),
predicted AS (
	SELECT row_number() OVER (ORDER BY p) AS n, p
	FROM (SELECT cerebro.predict(:good, t) AS p FROM trips t WHERE cerebro.part('trips', t) = 'valid') s)
SELECT count(*) > 400 AS has_rows, max(abs(s.p - p.p)) < 0.5 / 65535 + 1e-6 AS same_scores
FROM stored s FULL JOIN predicted p USING (n);

-- sorted by the task's metric
SELECT cerebro.create_task('by_auc', source => 'SELECT * FROM trips', label => 'delay > 15', metric => 'auc') > 0 AS made;
SELECT cerebro.train('by_auc', 'AS mlp(8) PT epochs = 3') > 0 AS trained;
SELECT cerebro.train('by_auc', 'FE distance AS mlp(8) PT epochs = 3') > 0 AS trained;
SELECT bool_and(auc <= former) AS sorted FROM (SELECT auc, lag(auc) OVER (ORDER BY rank) AS former FROM cerebro.leaderboard('by_auc')) s;
SELECT cerebro.create_task('by_accuracy', source => 'SELECT * FROM trips', label => 'delay > 15', metric => 'accuracy') > 0 AS made;
SELECT cerebro.train('by_accuracy', 'AS mlp(8) PT epochs = 3') > 0 AS trained;
SELECT cerebro.train('by_accuracy', 'FE distance AS mlp(8) PT epochs = 3') > 0 AS trained;
SELECT bool_and(accuracy <= former) AS sorted FROM (SELECT accuracy, lag(accuracy) OVER (ORDER BY rank) AS former FROM cerebro.leaderboard('by_accuracy')) s;

-- models of other rows stand behind and are not compared
INSERT INTO trips SELECT id + 10000, carrier, hour, distance, taxi, delay FROM trips WHERE id <= 500;
SELECT cerebro.train('trips', 'FE distance AS mlp(4) PT epochs = 1') AS newer \gset
SELECT rank, model = :newer AS is_newer, is_within_noise FROM cerebro.leaderboard('trips') ORDER BY rank;

-- errors
SELECT * FROM cerebro.leaderboard('nothing');
SELECT refused(format('SELECT cerebro.compare_loss(%s, 2000000000)', :good));
SELECT refused(format('SELECT cerebro.compare_loss(%s, %s)', :good, :newer));

-- others see nothing of it
RESET SESSION AUTHORIZATION;
GRANT USAGE ON SCHEMA board TO regress_board_other;
SET SESSION AUTHORIZATION regress_board_other;
SELECT count(*) FROM cerebro.models;
SELECT * FROM cerebro.leaderboard('trips');
SELECT board.refused(format('SELECT cerebro.compare_loss(%s, %s)', :good, :bad));

RESET SESSION AUTHORIZATION;
SET client_min_messages = error;
SELECT name, cerebro.drop_task(name) FROM cerebro.tasks WHERE owner = 'regress_board_owner'::regrole ORDER BY id;
DROP SCHEMA board CASCADE;
DROP ROLE regress_board_owner, regress_board_other;
