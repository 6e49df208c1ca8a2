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
-- an index by bytes does not tell apart what the source's collation takes for one, nor a temporal key what overlaps
DO $$
BEGIN
	CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
EXCEPTION WHEN feature_not_supported THEN -- a server without ICU
	CREATE COLLATION any_case FROM "C";
END $$;
SELECT collprovider = 'i' AS has_icu FROM pg_collation WHERE collname = 'any_case' AND collnamespace = 'fe_single_test'::regnamespace \gset
CREATE TABLE town (town text UNIQUE, kept text COLLATE any_case, plain text COLLATE any_case UNIQUE, size float8);
CREATE UNIQUE INDEX ON town (kept COLLATE "C");
INSERT INTO town SELECT 'town ' || i, 'town ' || i, 'town ' || i, i FROM generate_series(1, 30) i;
\if :has_icu
INSERT INTO town VALUES ('TOWN 1', 'TOWN 1');
\else
DROP INDEX town_kept_idx;
ALTER TABLE town DROP CONSTRAINT town_town_key;
INSERT INTO town VALUES ('town 1', 'town 1');
\endif
CREATE TABLE stay (part int4range, at int4range, size float8);
SELECT current_setting('server_version_num')::int >= 180000 AS has_temporal_keys \gset
\if :has_temporal_keys
ALTER TABLE stay ADD PRIMARY KEY (part, at WITHOUT OVERLAPS);
\endif
INSERT INTO stay SELECT int4range(1, 4), int4range(i, i + 1), i FROM generate_series(1, 30) i;
SELECT create_task('towns', 'SELECT id, town COLLATE fe_single_test.any_case AS town, town COLLATE fe_single_test.any_case AS kept,
	town COLLATE fe_single_test.any_case AS plain, int4range(id % 4, 5) AS days, returned FROM fe_single_test.sale', 'returned') > 0 AS made;
CREATE FUNCTION linked(link text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN train('towns', format('FE town, JOIN fe_single_test.%s, b.size AS mlp(2) PT epochs = 1', link)) > 0;
EXCEPTION WHEN cardinality_violation THEN
	RETURN sqlerrm;
END $$;
SELECT link, linked(link) FROM unnest(ARRAY['town b USING (town)', 'town b USING (kept)', 'town b USING (plain)', 'town b ON (b.town = source.town)',
	'town b ON (b.plain = source.town)', 'stay b ON (b.part && source.days AND b.at && source.days)']) link;
SET client_min_messages = error;
SELECT drop_task('single'), drop_task('towns');
DROP SCHEMA fe_single_test CASCADE;
