-- Joined tables whose rows a batch has several times: the same bits however
-- rows are read and computed.
SET client_min_messages = warning;
CREATE ROLE regress_dimensions;
CREATE SCHEMA dimensions AUTHORIZATION regress_dimensions;
SET SESSION AUTHORIZATION regress_dimensions;
SET search_path = dimensions;
SET cerebro.reuse = off;

CREATE TABLE shop (id integer PRIMARY KEY, town text);
DO $$
BEGIN
	EXECUTE 'ALTER TABLE shop ' || (SELECT string_agg(format('ADD COLUMN s%s float8', i), ', ') FROM generate_series(1, 40) i);
END $$;
INSERT INTO shop SELECT i, 'town ' || i % 12 FROM generate_series(1, 40) i;
DO $$
BEGIN
	EXECUTE 'UPDATE shop SET ' || (SELECT string_agg(format('s%s = sin(id * %s)', i, i), ', ') FROM generate_series(1, 40) i);
END $$;
CREATE TABLE sale (id integer PRIMARY KEY, shop integer REFERENCES shop, price float8, kind text, is_returned boolean);
INSERT INTO sale SELECT i, 1 + (i * 7919) % 40, 1 + (i * 31) % 97, 'kind ' || i % 5, sin(i % 40) + cos(i) > 0.4 FROM generate_series(1, 4000) i;
ANALYZE shop, sale;
SELECT cerebro.create_task('sale', source => 'SELECT * FROM sale', label => 'is_returned') > 0 AS made;

CREATE FUNCTION bits(model integer) RETURNS text LANGUAGE sql AS $$
	SELECT md5(string_agg((p.name, p.kind, p.dims, p.content)::text, ',' ORDER BY p.ordinal)) FROM cerebro.model_part p
	WHERE p.model = bits.model AND p.kind <> 'header';
$$;
CREATE FUNCTION trained(triple text) RETURNS text LANGUAGE sql AS $$
	SELECT bits(cerebro.train('sale', triple::cerebro.mst));
$$;
\set fe 'FE *, EXCEPT (shop), JOIN shop AS mlp(48, 16) PT batch = 512, epochs = 3'
SELECT trained(:'fe') AS bits \gset

-- read from what is kept, on one thread, one with others, and row by row
SELECT trained(:'fe') = :'bits' AS from_extract;
SET cerebro.plan_extract = off;
SELECT trained(:'fe') = :'bits' AS from_tables;
RESET cerebro.plan_extract;
SET cerebro.threads = 1;
SELECT trained(:'fe') = :'bits' AS on_one_thread;
RESET cerebro.threads;
SELECT bits((cerebro.train('sale', ARRAY[:'fe', :'fe' || ', lr = 0.01']::cerebro.mst[]))[1]) = :'bits' AS with_another;
SET cerebro.plan_dimensions = off;
SELECT trained(:'fe') = :'bits' AS row_by_row;
RESET cerebro.plan_dimensions;

-- goes on from a kept state in the other way
SET cerebro.reuse = on;
SELECT cerebro.train('sale', :'fe') > 0 AS trained;
SET cerebro.plan_dimensions = off;
SELECT cerebro.train('sale', (:'fe')::cerebro.mst OPERATOR(cerebro.+) 'SET PT.epochs = 5'::cerebro.mst_change) AS more \gset
SELECT actual_found FROM cerebro.model_plan WHERE model = :more;
SET cerebro.reuse = off;
RESET cerebro.plan_dimensions;
SELECT bits(:more) = bits(cerebro.train('sale', (:'fe')::cerebro.mst OPERATOR(cerebro.+) 'SET PT.epochs = 5'::cerebro.mst_change)) AS same;

-- and it learns what shops tell
SELECT m.valid_log_loss < 0.65 AS has_learnt FROM cerebro.model m WHERE m.id = :more;
SELECT cerebro.drop_task('sale');
RESET SESSION AUTHORIZATION;
DROP SCHEMA dimensions CASCADE;
DROP ROLE regress_dimensions;
