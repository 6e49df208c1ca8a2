-- Which conditions of a JOIN prove that it finds one row at most, and which only look as if.
CREATE SCHEMA fe_single_test;
SET search_path = fe_single_test, cerebro;
SET client_min_messages = warning;
CREATE TABLE shop (id int PRIMARY KEY, town text COLLATE "C" UNIQUE, part text, place int, size float8, UNIQUE (part, place));
INSERT INTO shop SELECT i, 'town ' || i, 'part ' || i % 3, i, i FROM generate_series(1, 30) i;
CREATE TABLE sale (id int PRIMARY KEY, shop bigint, town text, part text, returned bool NOT NULL);
INSERT INTO sale SELECT i, i % 30, 'town ' || i % 40, 'part ' || i % 4, i % 3 = 0 FROM generate_series(1, 2000) i;
SELECT create_task('single', 'SELECT * FROM fe_single_test.sale', 'returned') > 0 AS made;
CREATE FUNCTION joined(condition text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN train('single', format('FE shop, JOIN fe_single_test.shop b ON (%s), b.size AS mlp(2) PT epochs = 1', condition)) > 0;
EXCEPTION WHEN cardinality_violation THEN
	RETURN sqlerrm;
END $$;
SELECT condition, joined(condition) FROM unnest(ARRAY['b.id = source.shop', 'source.shop = b.id AND b.size > 3', 'b.town = source.town',
	'b.part = source.part AND b.place = source.shop', 'b.place = 5 AND b.part = source.part', 'b.id = source.shop OR b.id = 3',
	'NOT b.id = source.shop', 'b.id > source.shop', 'b.id = b.place', 'b.part = source.part', 'b.id + 0 = source.shop',
	'lower(b.part) = source.part']) condition;
-- rows of tables that inherit are joined, too, and no index holds them
CREATE TABLE branch () INHERITS (shop);
INSERT INTO branch SELECT * FROM shop;
SELECT joined('b.id = source.shop');
SET client_min_messages = error;
SELECT drop_task('single');
DROP SCHEMA fe_single_test CASCADE;
