-- References that hold for most rows, though not for all.
CREATE SCHEMA relationship_test;
SET search_path = relationship_test, cerebro;
GRANT USAGE ON SCHEMA relationship_test TO PUBLIC;

CREATE TABLE plane (tailnum text, "made in" int, PRIMARY KEY (tailnum));
CREATE TABLE flight (id int PRIMARY KEY, tail varchar(10), origin text, hour timestamptz);
CREATE TABLE weather (origin text, hour timestamptz, temp int);
INSERT INTO plane SELECT 'N' || i, 2000 + i % 3 FROM generate_series(1, 80) i;
INSERT INTO flight SELECT i, CASE WHEN i % 10 > 0 THEN 'N' || i % 100 END, 'JFK', '2024-01-01 00:00+00'::timestamptz + i * interval '1 hour' FROM generate_series(1, 1000) i;
INSERT INTO weather SELECT origin, hour, 1 FROM flight WHERE id > 10;
INSERT INTO weather VALUES (NULL, NULL, 1), (NULL, NULL, 2);

SELECT add_relationship('flight', '{tail}', 'plane', '{tailnum}');
SELECT add_relationship('flight', '{origin,hour}', 'weather', '{origin,hour}');
SELECT child, child_columns, parent, parent_columns, rows, matched, match_percent FROM relationships ORDER BY id;
-- again: the row is counted anew
DELETE FROM plane WHERE tailnum > 'N5';
SELECT add_relationship('flight', '{tail}', 'plane', '{tailnum}');
SELECT child, rows, matched, match_percent FROM relationships ORDER BY id;

-- what cannot be
SELECT add_relationship('flight', '{origin}', 'weather', '{origin}');
SELECT add_relationship('flight', '{tail}', 'plane', '{tail}');
SELECT add_relationship('flight', '{tail,id}', 'plane', '{tailnum}');
SELECT add_relationship('flight', '{}', 'plane', '{}');
SELECT add_relationship('flight', '{id}', 'plane', '{tailnum}');
SELECT add_relationship('flight', '{NULL}', 'plane', '{tailnum}');
SELECT add_relationship('flights', '{tail}', 'plane', '{tailnum}');
SELECT add_relationship(0, '{tail}', 'plane', '{tailnum}');

-- names, operators and empty tables
CREATE TABLE "Odd; ""name" ("the ""key" int);
INSERT INTO "Odd; ""name" VALUES (2000), (2001);
SELECT add_relationship('plane', '{made in}', '"Odd; ""name"', ARRAY['the "key']);
SET search_path = cerebro;
CREATE FUNCTION relationship_test.never(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN false;
CREATE OPERATOR relationship_test.= (LEFTARG = text, RIGHTARG = text, FUNCTION = relationship_test.never);
SET search_path = relationship_test, pg_catalog, cerebro;
SELECT add_relationship('flight', '{tail}', 'plane', '{tailnum}') > 0 AS matched;
SET search_path = relationship_test, cerebro;
TRUNCATE flight;
SELECT add_relationship('flight', '{tail}', 'plane', '{tailnum}') IS NULL AS nothing_to_match;

-- rights: as the caller, and only its own
CREATE ROLE regress_reader;
SET ROLE regress_reader;
SELECT count(*) FROM relationships;
SELECT add_relationship('flight', '{tail}', 'plane', '{tailnum}');
RESET ROLE;
GRANT SELECT ON flight, plane TO regress_reader;
SET ROLE regress_reader;
SELECT add_relationship('flight', '{tail}', 'plane', '{tailnum}');
SELECT rows, matched FROM relationships;
RESET ROLE;
SELECT drop_relationship(0);
-- another role's is not there for one
CREATE FUNCTION drop_other(id int) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM cerebro.drop_relationship(id);
	RETURN 'dropped';
EXCEPTION WHEN undefined_object THEN
	RETURN 'refused';
END $$;
SELECT max(id) AS other FROM relationships WHERE owner <> 'regress_reader'::regrole \gset
SET ROLE regress_reader;
SELECT drop_other(:other);
RESET ROLE;
SELECT drop_relationship(id) FROM relationships WHERE parent = 'weather'::regclass;
-- what is dropped is no longer listed
DROP TABLE plane;
SELECT count(*) FROM relationships;
DELETE FROM relationship;
DROP SCHEMA relationship_test CASCADE;
DROP ROLE regress_reader;
