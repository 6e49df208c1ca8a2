-- What models have in common is computed once, with the bits of each alone.
CREATE SCHEMA scan_shared;
SET search_path = scan_shared;
SET client_min_messages = error;
SET extra_float_digits = 3;
CREATE TABLE maker (name text PRIMARY KEY, size integer);
CREATE TABLE plane (tail text PRIMARY KEY, seats integer, maker text, built date);
CREATE TABLE port (id integer PRIMARY KEY, height float8, city text);
CREATE TABLE trip (id integer PRIMARY KEY, port integer, tail text, miles integer, kind text, delay integer NOT NULL);
INSERT INTO maker SELECT 'maker ' || i, i * i FROM generate_series(0, 5) i;
INSERT INTO plane SELECT 'N' || i, 100 + i, 'maker ' || i % 7, '2001-01-01'::date + 40 * i FROM generate_series(1, 300) i;
INSERT INTO port SELECT i, i * 37 % 100, 'city ' || i % 9 FROM generate_series(1, 60) i;
INSERT INTO trip SELECT i, 1 + i % 63, CASE WHEN i % 50 > 0 THEN 'N' || i * 7 % 320 END, i * 37 % 500, 'kind ' || i % 4,
	(hashint4(i) & 15) + i % 3 * 8 + i * 37 % 100 / 4 FROM generate_series(1, 800) i;
ANALYZE;
SELECT cerebro.create_task('in_common', source => 'SELECT * FROM trip', label => 'delay > 22') > 0 AS made;

-- models by name; head and again begin with the weights of base, which steps so small leave as they are
CREATE TABLE named (name text PRIMARY KEY, model integer);
CREATE FUNCTION learn(name text, fe text, structure text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	model integer := cerebro.train('in_common', format('FE %s AS %s PT adam(lr = 0.01), epochs = 2, seed = 3', fe, structure));
BEGIN
	INSERT INTO scan_shared.named VALUES (name, model);
	RETURN cerebro.deploy(model, 'scan_shared.' || name) IS NOT NULL;
END
$$;
CREATE FUNCTION change(name text, base text, change text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	model integer := cerebro.train_change((SELECT n.model FROM scan_shared.named n WHERE n.name = base), change || ', SET PT.lr = 1e-30, SET PT.epochs = 1');
BEGIN
	INSERT INTO scan_shared.named VALUES (name, model);
	RETURN cerebro.deploy(model, 'scan_shared.' || name) IS NOT NULL;
END
$$;
\set joined 'miles, JOIN plane USING (tail), plane.seats, plane.built, JOIN maker ON (maker.name = plane.maker), maker.size, JOIN port ON (port.id = source.port), port.height'
\set coded 'JOIN plane USING (tail), plane.seats, plane.built, JOIN maker ON (maker.name = plane.maker), maker.size, JOIN port ON (port.id = source.port), port.height, kind, port.city, plane.maker'
SELECT learn('base', :'joined', 'mlp(16, 8)');
SELECT change('head', 'base', 'SET AS = mlp(16, 8, 4)');
SELECT change('again', 'base', 'SET PT.batch = 64');
SELECT learn('wide', :'joined', 'mlp(40)');
SELECT learn('net', :'joined', 'residual(1, 16)');
SELECT learn('towers', :'joined', 'by_table(mlp(8)) > mlp(8)');
SELECT learn('coded', :'coded', 'mlp(16, 8)');
SELECT learn('coded_wide', :'coded', 'mlp(40)');
SELECT learn('coded_net', :'coded', 'residual(1, 16)');
SELECT learn('other', 'miles, kind, JOIN plane USING (tail), plane.seats', 'mlp(16, 8)');
SELECT learn('plain', 'miles, id', 'mlp(16, 8)');
SELECT learn('plain_net', 'miles, id', 'residual(1, 16)');
SELECT change('plain_head', 'plain', 'SET AS = mlp(16, 8, 4)');
SELECT cerebro.deploy(model, 'scan_shared.rounded', layout => 'bf16') IS NOT NULL AS rounded FROM named WHERE name = 'base';

-- EXPLAIN names models by their numbers
CREATE FUNCTION shared_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	one record;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		CONTINUE WHEN line !~ 'Shared';
		FOR one IN SELECT * FROM scan_shared.named LOOP
			line := regexp_replace(line, '\mmodel ' || one.model || '\M', one.name, 'g');
		END LOOP;
		RETURN NEXT trim(line);
	END LOOP;
END
$$;
SELECT shared_of('SELECT base(t), head(t), again(t), wide(t), net(t), towers(t), rounded(t), other(t) FROM trip t');
SELECT shared_of('SELECT net(t), wide(t), head(t), base(t) FROM trip t');
SELECT shared_of('SELECT coded(t), coded_wide(t), coded_net(t), base(t) FROM trip t');
SELECT shared_of('SELECT plain(t), plain_net(t), plain_head(t), base(t) FROM trip t');
-- other rows, other ways to ask for the same
SELECT shared_of('SELECT base(t), head(u) FROM trip t JOIN trip u ON t.id = u.id + 1');
SELECT shared_of('SELECT base(t), base_proba(t), head(t), head_proba(t) FROM trip t');

-- rows that differ from those scored one by one, each model alone
CREATE FUNCTION differing(models text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	calls text := (SELECT string_agg(m || '(t) AS ' || m, ', ') FROM unnest(models) m);
	way text;
	n bigint;
	result text := '';
BEGIN
	SET LOCAL cerebro.batch_scoring = off;
	EXECUTE format('CREATE TEMP TABLE alone AS SELECT id, %s FROM (SELECT CASE WHEN id %% 90 > 0 THEN trip END AS t, id FROM scan_shared.trip) x', calls);
	SET LOCAL cerebro.batch_scoring = on;
	FOREACH way IN ARRAY '{auto,pass,probe,batch}'::text[] LOOP
		PERFORM set_config('cerebro.plan_join', way, true);
		EXECUTE format('CREATE TEMP TABLE batched AS SELECT id, %s FROM (SELECT CASE WHEN id %% 90 > 0 THEN trip END AS t, id FROM scan_shared.trip) x', calls);
		SELECT count(*) INTO n FROM ((TABLE alone EXCEPT ALL TABLE batched) UNION ALL (TABLE batched EXCEPT ALL TABLE alone)) x;
		DROP TABLE batched;
		EXECUTE format('CREATE TEMP TABLE batched AS SELECT id, %s FROM scan_shared.trip t', calls);
		SELECT n + count(*) INTO n FROM (SELECT * FROM alone WHERE id % 90 > 0 EXCEPT ALL SELECT * FROM batched) x;
		result := result || format('%s %s ', way, n);
		DROP TABLE batched;
	END LOOP;
	DROP TABLE alone;
	RETURN result;
END
$$;
SELECT differing('{base,head,again,wide,net,towers,rounded,other}');
SELECT differing('{net,wide,head,base,again}');
SELECT differing('{coded,coded_wide,coded_net,base}');
SELECT differing('{coded_net,coded_wide,coded}');
SELECT differing('{towers,net,base,wide}');
SELECT differing('{plain,plain_net,plain_head,base}');
SELECT count(DISTINCT base(t)) > 200 AS many, count(*) FILTER (WHERE base(t) <> wide(t)) > 700 AS others FROM trip t;
SET cerebro.plan_partials = tables;
SELECT differing('{base,wide,head,net}');
SET cerebro.plan_partials = combined;
SELECT differing('{wide,base,head,net}');
RESET cerebro.plan_partials;
-- what is kept of one model's rows is another's no more when statements take turns
SELECT differing('{wide,base}');
SELECT differing('{base}');
SELECT differing('{base,wide}');
UPDATE plane SET seats = seats + 40 WHERE seats % 3 = 0;
SELECT differing('{wide,base}');
SELECT differing('{base,wide}');
-- little memory
SET work_mem = '64kB';
SET hash_mem_multiplier = 1;
SELECT differing('{base,wide,head,net}');
RESET work_mem;
RESET hash_mem_multiplier;
SET cerebro.model_memory = '64kB';
SELECT differing('{base,head}');
RESET cerebro.model_memory;
-- aggregates over several; a filter that is scored first has its own node
SELECT sum(base(t)) IS NOT NULL AND sum(head(t)) IS NOT NULL AND max(wide(t)) > 0 AS there FROM trip t;
SELECT count(*) FILTER (WHERE head(t) IS NULL) AS missing FROM trip t WHERE base(t) > 0.3;
-- a deployment means another model within a statement's life
PREPARE both_of AS SELECT sum(base(t)::float8) + 0 * sum(wide(t)::float8) FROM trip t;
CREATE TEMP TABLE seen AS SELECT sum(base(t)::float8) AS base, sum(wide(t)::float8) AS wide FROM trip t;
SELECT cerebro.deploy(n.model, 'scan_shared.wide') IS NOT NULL AS deployed FROM named n WHERE name = 'head';
SELECT sum(wide(t)) = sum(head(t)) AS switched, abs(sum(base(t)::float8) - (SELECT base FROM seen)) < 1e-9 AS same FROM trip t;
SELECT shared_of('SELECT base(t), wide(t) FROM trip t');

SELECT count(cerebro.undeploy('scan_shared.' || f)) AS undeployed FROM unnest('{base,head,again,wide,net,towers,coded,coded_wide,coded_net,other,plain,plain_net,plain_head,rounded}'::text[]) f;
SELECT cerebro.drop_task('in_common') IS NOT NULL AS dropped;
DROP SCHEMA scan_shared CASCADE;
