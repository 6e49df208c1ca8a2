-- The archive: how models came to be, who may use them, how states are kept.
\getenv abs_srcdir PG_ABS_SRCDIR
SET client_min_messages = warning;
CREATE ROLE regress_archive_owner;
CREATE ROLE regress_archive_other;
CREATE ROLE regress_archive_heir;
CREATE SCHEMA archive AUTHORIZATION regress_archive_owner;
GRANT USAGE ON SCHEMA archive TO PUBLIC;
SET SESSION AUTHORIZATION regress_archive_owner;
SET search_path = archive;
\i :abs_srcdir/../lib/trips.sql
SELECT cerebro.create_task('trips', source => 'SELECT * FROM trips', label => 'delay > 15') > 0 AS made;
SELECT cerebro.train('trips', 'FE carrier, hour AS mlp(8) PT epochs = 3, patience = 0') AS a \gset
SELECT cerebro.train('trips', 'FE carrier, hour AS mlp(8) PT epochs = 5, patience = 0') AS b \gset
SELECT cerebro.train('trips', 'FE carrier, hour, taxi AS mlp(8) PT epochs = 5, patience = 0') AS c \gset

-- lineage: a graph without a loose end
SELECT step, operation, name, seconds >= 0 AS has_seconds, bytes > 0 AS has_bytes, is_kept, models, who, cardinality(inputs) AS inputs
FROM cerebro.lineage(:b);
SELECT count(*) AS loose_ends FROM cerebro.lineage(:c) l, unnest(l.inputs) i WHERE NOT EXISTS (SELECT FROM cerebro.lineage(:c) o WHERE o.id = i);
-- an id is SHA-256 of operation, parameters and inputs, each behind its size, lowest byte first
CREATE FUNCTION sized(bytes bytea) RETURNS bytea LANGUAGE sql AS $$
	SELECT substr(b, 4, 1) || substr(b, 3, 1) || substr(b, 2, 1) || substr(b, 1, 1) || bytes FROM int4send(length(bytes)) b
$$;
SELECT bool_and(id = sha256(sized(convert_to(operation, 'UTF8')) || sized(convert_to(parameters, 'UTF8'))
	|| substr(sized(''::bytea || decode(repeat('00', cardinality(inputs)), 'hex')), 1, 4)
	|| coalesce((SELECT string_agg(sized(i), ''::bytea ORDER BY n) FROM unnest(inputs) WITH ORDINALITY u (i, n)), ''))) AS ids_say_what_they_are
FROM cerebro.lineage(:c);
SELECT refused('SELECT cerebro.lineage(0)');

-- what tells models apart
SELECT what, CASE WHEN what IN ('mst', 'first difference', 'epochs') THEN a_is END AS a_is,
	CASE WHEN what IN ('mst', 'first difference', 'epochs') THEN b_is END AS b_is,
	CASE WHEN what IN ('mst', 'epochs', 'weights') THEN change ELSE (change IS NOT NULL)::text END AS change
FROM cerebro.diff(:a, :b);
SELECT what, a_is, b_is, change FROM cerebro.diff(:b, :c) WHERE what IN ('mst', 'first difference');
SELECT what, a_is = b_is AS is_same, change FROM cerebro.diff(:a, :a) WHERE what IN ('mst', 'first difference', 'decisions');
SELECT cerebro.models_differ(:a, :c) BETWEEN 0 AND 1 AS is_share, cerebro.models_differ(:a, :a) AS none;

-- what one person tried, in order
SELECT step, task, model = ANY (ARRAY[:a, :b, :c]) AS is_known, mst, change, status, effect IS NOT NULL AS has_effect FROM cerebro.history();
SELECT count(*) FROM cerebro.history(who => 'regress_archive_other');

-- one layer alone
SELECT p.name, p.dims, cardinality(cerebro.tensor(:b, p.name)) FROM cerebro.model_part p WHERE p.model = :b AND p.kind = 'tensor' ORDER BY ordinal;
SELECT refused(format('SELECT cerebro.tensor(%s, %L)', :b, 'nothing'));

-- grants: use, read, own
SET SESSION AUTHORIZATION regress_archive_other;
SET client_min_messages = warning;
SELECT count(*) FROM cerebro.models;
SELECT refused(format('SELECT cerebro.predict(%s, (1, ''AA'', 3::smallint, 100, 1.0::float8, 1)::archive.trips)', :a)) AS predict,
	refused(format('SELECT cerebro.lineage(%s)', :a)) AS lineage;
SELECT refused(format('SELECT cerebro.grant_model(%s, ''regress_archive_other'')', :a));
SET SESSION AUTHORIZATION regress_archive_owner;
SELECT refused(format('SELECT cerebro.grant_model(%s, ''regress_archive_other'', ''love'')', :a));
SELECT cerebro.grant_model(:a, 'regress_archive_other');
SET SESSION AUTHORIZATION regress_archive_other;
SELECT count(*) AS models, (SELECT count(*) FROM cerebro.model_part) AS parts, (SELECT count(*) FROM cerebro.content) AS contents FROM cerebro.model;
SELECT cerebro.predict(:a, (1, 'AA', 3::smallint, 100, 1.0::float8, 1)::archive.trips) BETWEEN 0 AND 1 AS predicts;
SELECT refused(format('SELECT cerebro.lineage(%s)', :a)) AS lineage, refused(format('SELECT cerebro.tensor(%s, ''output.bias'')', :a)) AS tensor,
	refused(format('SELECT cerebro.drop_model(%s)', :a)) AS drop;
SET SESSION AUTHORIZATION regress_archive_owner;
SELECT cerebro.grant_model(:a, 'regress_archive_other', 'READ');
SET SESSION AUTHORIZATION regress_archive_other;
SELECT count(*) > 5 AS has_lineage FROM cerebro.lineage(:a);
SELECT cardinality(cerebro.tensor(:a, 'output.bias'));
SELECT count(*) > 0 AS sees_bytes FROM cerebro.content;
SELECT refused(format('SELECT cerebro.drop_model(%s)', :a)) AS drop;
SET SESSION AUTHORIZATION regress_archive_owner;
SELECT cerebro.grant_model(:a, 'regress_archive_other', 'own');
SET SESSION AUTHORIZATION regress_archive_other;
SELECT cerebro.grant_model(:a, 'regress_archive_heir', 'use');
SET SESSION AUTHORIZATION regress_archive_owner;
SELECT cerebro.revoke_model(:a, 'regress_archive_other'), cerebro.revoke_model(:a, 'regress_archive_other') AS again;
SET SESSION AUTHORIZATION regress_archive_other;
SELECT refused(format('SELECT cerebro.predict(%s, (1, ''AA'', 3::smallint, 100, 1.0::float8, 1)::archive.trips)', :a)) AS predict;
SELECT count(*) FROM cerebro.models;
SELECT refused('SELECT cerebro.reassign(''regress_archive_owner'', ''regress_archive_other'')') AS reassign;

-- states: fewer bytes, the same bits
SET SESSION AUTHORIZATION regress_archive_owner;
SET cerebro.keep_states = 1;
SELECT cerebro.train('trips', 'AS mlp(64) PT epochs = 8, patience = 0') AS eight \gset
SELECT refused('SELECT cerebro.archive_plan(-1)');
SELECT keep, count(*) FROM cerebro.archive_plan(0) WHERE model = :eight GROUP BY 1 ORDER BY 1;
SELECT bool_and(keep = 'id') AS all_again, max(seconds) < 1000 AS in_time FROM cerebro.archive_plan(1000) WHERE model = :eight;
SELECT sum(bytes) <= sum(now_bytes) * 1.02 AS is_less FROM cerebro.archive_plan(0.0002);
CREATE FUNCTION kept() RETURNS text LANGUAGE sql AS $$
	SELECT md5(string_agg((s.state, s.ordinal, s.name, s.dims, s.content)::text, ',' ORDER BY state, ordinal)) FROM cerebro.state_part s
$$;
SELECT kept() AS before, sum(length(bytes)) AS bytes_before FROM cerebro.content \gset
SELECT cerebro.archive_pack(0.0002) IS NOT NULL AS packed;
SELECT kept() = :'before' AS keeps_all, bool_or(packing = 'change') AS has_changes FROM cerebro.content;
SELECT sum(length(bytes)) < :bytes_before AS is_less FROM cerebro.content;
-- goes on from a state that is kept as a change
SELECT cerebro.train('trips', 'AS mlp(64) PT epochs = 9, patience = 0') AS packed \gset
SET cerebro.reuse = off;
SELECT cerebro.train('trips', 'AS mlp(64) PT epochs = 9, patience = 0') AS straight \gset
RESET cerebro.reuse;
SELECT count(*) = count(*) FILTER (WHERE p.content = s.content) AS is_same FROM cerebro.model_part p JOIN cerebro.model_part s USING (ordinal)
WHERE p.model = :packed AND s.model = :straight AND p.kind <> 'header';
-- a state that a model has in common stands whole once the model does
SELECT cerebro.train('trips', 'AS mlp(64) PT epochs = 6, patience = 0') AS six \gset
SELECT bool_and(packing = 'whole') AS stands_whole FROM cerebro.model_part p JOIN cerebro.content c ON c.id = p.content WHERE p.model = :six;
SELECT cerebro.predict(:six, t) IS NOT NULL AS predicts FROM trips t WHERE id = 1;
-- by id alone, and computed again
SELECT cerebro.archive_pack(1000) > 0 AS saved;
SELECT count(*) FROM cerebro.state_part s JOIN cerebro.epoch e USING (state);
SELECT cerebro.train('trips', 'AS mlp(64) PT epochs = 10, patience = 0') AS ten \gset
SELECT count(*) = 8 AS has_the_same_states FROM cerebro.epoch a JOIN cerebro.epoch b USING (state) WHERE a.model = :ten AND b.model = :eight;
SELECT cerebro.drop_model(:eight), cerebro.drop_model(:packed), cerebro.drop_model(:straight), cerebro.drop_model(:six);

-- drop of the source table: models stay, with their story
SELECT count(*) AS steps FROM cerebro.lineage(:ten) \gset
DROP TABLE trips;
SELECT count(*) = :steps AS has_its_story FROM cerebro.lineage(:ten);
SELECT count(*) > 0 AS has_history FROM cerebro.history();
SELECT what FROM cerebro.diff(:ten, :c);

-- reassign, also what a role left that is gone
RESET SESSION AUTHORIZATION;
SET client_min_messages = warning;
SELECT cerebro.reassign('regress_archive_owner', 'regress_archive_heir') > 0 AS moved, cerebro.reassign('regress_archive_heir', 'regress_archive_heir');
SET SESSION AUTHORIZATION regress_archive_heir;
SELECT count(*) > 0 AS sees_models FROM cerebro.models;
SELECT count(*) > 0 AS has_lineage FROM cerebro.lineage(:ten);
RESET SESSION AUTHORIZATION;
SELECT 'regress_archive_heir'::regrole::oid AS heir \gset
DROP ROLE regress_archive_heir;
SET SESSION AUTHORIZATION regress_archive_other;
SELECT count(*) FROM cerebro.models;
RESET SESSION AUTHORIZATION;
SELECT count(*) > 0 AS of_the_extensions_owner FROM cerebro.models WHERE owner = (SELECT extowner FROM pg_extension WHERE extname = 'cerebro');
SELECT (SELECT count(*) FROM cerebro.models WHERE owner = :heir::oid::regrole) AS models, (SELECT count(*) FROM cerebro.tasks WHERE owner = :heir::oid::regrole) AS tasks,
	(SELECT count(*) FROM cerebro.lineage(:ten) WHERE who = :heir::oid::regrole) AS artefacts,
	(SELECT count(*) > 0 FROM cerebro.history(who => (SELECT extowner::regrole FROM pg_extension WHERE extname = 'cerebro'))) AS has_history;
SELECT cerebro.reassign(:heir::oid::regrole, 'regress_archive_other') > 0 AS moved;
SET SESSION AUTHORIZATION regress_archive_other;
SELECT count(*) > 0 AS sees_models FROM cerebro.models;
SELECT cerebro.drop_task('trips');
RESET SESSION AUTHORIZATION;
SELECT (SELECT count(*) FROM cerebro.state_part s WHERE NOT EXISTS (SELECT FROM cerebro.epoch e WHERE e.state = s.state)) AS states,
	(SELECT count(*) FROM cerebro.artefact a WHERE NOT EXISTS (SELECT FROM cerebro.model_artefact m WHERE m.artefact = a.id)) AS artefacts,
	(SELECT count(*) FROM cerebro.content c WHERE NOT EXISTS (SELECT FROM cerebro.model_part p WHERE p.content = c.id)
		AND NOT EXISTS (SELECT FROM cerebro.state_part p WHERE p.content = c.id)) AS contents;
DROP SCHEMA archive CASCADE;
DROP ROLE regress_archive_owner, regress_archive_other;
