-- Structures of people's own: defined, used, replaced, dropped; models keep
-- what they were trained with.
\getenv abs_srcdir PG_ABS_SRCDIR
SET client_min_messages = warning;
CREATE ROLE regress_define_owner;
CREATE ROLE regress_define_other;
CREATE ROLE regress_define_member IN ROLE regress_define_owner;
CREATE SCHEMA define AUTHORIZATION regress_define_owner;
SET SESSION AUTHORIZATION regress_define_owner;
SET search_path = define;
\i :abs_srcdir/../lib/trips.sql
SELECT cerebro.create_task('defined trips', source => 'SELECT * FROM trips', label => 'delay > 15') > 0 AS made;
\set pt ' PT lr = 0.01, epochs = 2, batch = 256, patience = 0, seed = 3'

-- an unknown name says what can be done
SELECT cerebro.train('defined trips', 'AS tower(16)' || :'pt');
SELECT cerebro.train('defined trips', 'AS tower(16)' || :'pt', wait => false);
SELECT cerebro.expand('AS tower(16)');
SELECT cerebro.feature_query('defined trips', 'AS tower(16)');

-- definitions are checked and made canonical
SELECT cerebro.define_structure('tower', '(width integer=16 from 1 to 64, act activation = PT.activation) = dense( width )>activation( act )');
SELECT cerebro.define_structure('twins', 'concat(tower, tower(8)) > dense(8)');
SELECT name, definition, owner FROM cerebro.structures WHERE owner IS NOT NULL ORDER BY name;
SELECT count(*) > 10 AS has_builtin FROM cerebro.structures WHERE owner IS NULL;
SELECT definition FROM cerebro.structures WHERE name = 'residual';
SELECT cerebro.expand('AS twins > tower(4, act = tanh) PT activation = gelu');
SELECT cerebro.expand('AS mlp(64)');
SELECT cerebro.structure('twins');
SELECT cerebro.structure('snn');
SELECT cerebro.structure('twinz');

-- names and definitions that are refused
SELECT cerebro.define_structure('mlp', 'dense(8)');
SELECT cerebro.define_structure('relu', 'dense(8)');
SELECT cerebro.define_structure('mlq', 'dense(8)');
SELECT cerebro.define_structure('', 'dense(8)');
SELECT cerebro.define_structure('Tower', 'dense(8)');
SELECT cerebro.define_structure('x; DROP TABLE trips', 'dense(8)');
SELECT cerebro.define_structure('"quoted"', 'dense(8)');
SELECT cerebro.define_structure('fe', 'dense(8)');
SELECT cerebro.define_structure('block', '');
SELECT cerebro.define_structure('block', '(width integr = 4) = dense(width)');
SELECT cerebro.define_structure('block', '(width integer = 4 from 8 to 16) = dense(width)');
SELECT cerebro.define_structure('block', 'block(width integer = 4) = dense(width)');
SELECT cerebro.define_structure('block', 'dense(8) > twinz');
SELECT cerebro.define_structure('block', 'dense(8) > tower(100)');
SELECT cerebro.define_structure('block', 'dense(8) > block');
SELECT cerebro.define_structure('block', 'dense(8)' || repeat(' ', 70000));
SELECT cerebro.define_structure('wide_block', '(inner layer) = concat(inner, inner, inner, inner, inner, inner, inner, inner)');
SELECT cerebro.expand(('AS ' || repeat('wide_block(', 8) || 'dense(2)' || repeat(')', 8))::cerebro.mst);
SELECT cerebro.drop_structure('wide_block');
SELECT cerebro.train('defined trips', 'AS tower(65)' || :'pt');
SELECT cerebro.train('defined trips', 'AS twins > towr(8)' || :'pt');

-- training, predicting
SELECT cerebro.train('defined trips', 'AS twins' || :'pt') AS first \gset
SELECT mst FROM cerebro.model WHERE id = :first;
SELECT name, definition FROM cerebro.model_structure WHERE model = :first ORDER BY name;
SELECT count(*) FROM trips WHERE cerebro.predict(:first, trips) BETWEEN 0 AND 1;
CREATE TABLE before AS SELECT id, cerebro.predict(:first, trips) AS p FROM trips;
-- the same once more trains nothing; a replaced structure is another training
SELECT cerebro.train('defined trips', 'AS twins' || :'pt') = :first AS found;
SELECT cerebro.define_structure('tower', '(width integer = 16) = dense(width) > tanh');
SELECT cerebro.train('defined trips', 'AS twins' || :'pt') AS second \gset
SELECT :first = :second AS found, a.training = b.training AS same_training
FROM cerebro.model a, cerebro.model b WHERE a.id = :first AND b.id = :second;
SELECT name, definition FROM cerebro.model_structure WHERE model = :second ORDER BY name;

-- what others are made with stays as they need it
SELECT cerebro.drop_structure('tower');
SELECT cerebro.define_structure('tower', '(units integer) = dense(units)');
SELECT cerebro.drop_structure('twinz');
SELECT cerebro.drop_structure('twins');
SELECT cerebro.drop_structure('tower');
SELECT cerebro.drop_structure('tower');
SELECT cerebro.drop_structure('mlp');
-- models are unaffected
SELECT count(*) FROM trips JOIN before USING (id) WHERE cerebro.predict(:first, trips) <> p;
SELECT name, definition FROM cerebro.model_structure WHERE model = :first ORDER BY name;

-- structures are their owner's
SELECT cerebro.define_structure('tower', 'dense(4) > relu');
SET SESSION AUTHORIZATION regress_define_other;
SELECT count(*) FROM cerebro.structures WHERE owner IS NOT NULL;
SELECT cerebro.expand('AS tower');
SELECT cerebro.drop_structure('tower');
SELECT cerebro.define_structure('tower', 'dense(3) > tanh');
SELECT cerebro.expand('AS tower');
INSERT INTO cerebro.structure (owner, name, definition) VALUES ('regress_define_other', 'forged', 'nonsense');
SELECT count(*) FROM cerebro.model_structure;
SET SESSION AUTHORIZATION regress_define_member;
SELECT cerebro.expand('AS tower');
SELECT cerebro.define_structure('tower', 'dense(2) > gelu');
SELECT cerebro.expand('AS tower');
SELECT cerebro.drop_structure('tower');
RESET SESSION AUTHORIZATION;
SELECT owner, definition FROM cerebro.structure WHERE name = 'tower' ORDER BY owner::text;
-- to a superuser both are visible, and none is meant more
SELECT cerebro.expand('AS tower');
SELECT cerebro.reassign('regress_define_other', 'regress_define_owner');
SET SESSION AUTHORIZATION regress_define_owner;
SELECT cerebro.drop_model(:first);
SELECT count(*) FROM cerebro.model_structure WHERE model = :first;
RESET SESSION AUTHORIZATION;
SELECT cerebro.drop_structure('tower');
DELETE FROM cerebro.structure;
SET SESSION AUTHORIZATION regress_define_owner;
SELECT cerebro.drop_task('defined trips');
RESET SESSION AUTHORIZATION;
DROP SCHEMA define CASCADE;
DROP ROLE regress_define_member, regress_define_owner, regress_define_other;
