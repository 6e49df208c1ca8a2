-- A column list of XMLTABLE whose types run code; the other expected output is
-- that of a server without libxml.
\set VERBOSITY terse
CREATE SCHEMA hostile_xml;
GRANT USAGE, CREATE ON SCHEMA hostile_xml TO PUBLIC;
SET search_path = hostile_xml, cerebro;
SET client_min_messages = warning;
CREATE ROLE regress_attacker;
SET ROLE regress_attacker;
CREATE DOMAIN hostile_xml.checked AS int CHECK (value > 0);
CREATE TABLE bait AS SELECT i AS id, i % 7 + 1 AS x, i % 3 = 0 AS y FROM generate_series(1, 1000) i;
SELECT create_task('xml', 'SELECT id, y, t.c::int FROM bait, xmltable(''/a'' PASSING xmlelement(NAME a, x) COLUMNS c checked PATH ''.'') t', 'y', key => '{id}') > 0 AS made;
RESET ROLE;
SELECT train('xml');
SELECT drop_task(name) FROM tasks WHERE name = 'xml';
DROP SCHEMA hostile_xml CASCADE;
DROP ROLE regress_attacker;
