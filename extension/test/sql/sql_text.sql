-- The canonical text spells SQL once: PostgreSQL must see the same expression
-- in it as in what was written.
SET client_min_messages = warning;
CREATE SCHEMA spelt;
SET search_path = spelt, cerebro, public;
CREATE TABLE t (a int, b float8, c text, d timestamp, e int[], "F g" numeric, u int);

-- The SQL of a triple, as the triple has it.
CREATE FUNCTION canonical(text) RETURNS text LANGUAGE sql AS $$
	SELECT substr(fe, 9, length(fe) - 9)
	FROM (SELECT substring(('FE x = (' || $1 || E'\n)')::mst::text
	                       from '^(.*) AS mlp.256, 128. @1$') AS fe) AS f
$$;

-- What PostgreSQL makes of it: its own spelling, or what it says.
CREATE FUNCTION deparse(text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'CREATE OR REPLACE TEMPORARY VIEW seen AS SELECT ' || chr(10) || $1 ||
		chr(10) || ' AS x FROM t';
	RETURN pg_get_viewdef('pg_temp.seen'::regclass);
EXCEPTION WHEN OTHERS THEN
	RETURN 'ERROR: ' || lower(sqlerrm);
END
$$;
CREATE FUNCTION look(text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	said text;
BEGIN
	said := deparse($1);
	EXECUTE 'DROP VIEW IF EXISTS pg_temp.seen';
	RETURN said;
END
$$;

-- one spelling: the types' equality, hash and order follow
SELECT 'FE x = (b+1)'::mst = 'FE x = ( B /* the */ + 1 )'::mst AS equal,
       mst_hash('FE x = (b+1)') = mst_hash('FE x = (b  + 1)') AS hash;
SELECT 'FE *, JOIN w ON(w.k=t.K), AGGREGATE v(n=SUM(x)) WHERE(Y !=''A'')'::mst;
SELECT 'FE x = ("B" + 1)'::mst = 'FE x = (b + 1)'::mst AS equal;

-- expressions as people write them
CREATE TABLE written (sql text);
INSERT INTO written SELECT btrim(s, E' \n\t') FROM regexp_split_to_table($list$
A+1 ~ a - -1 ~ - - a ~ -a * - b ~ a<-1 ~ a>=-b ~ a !=1 ~ a<>+1 ~ @ a ~ @-a ~ |/ b ~ a::float8^-2 ~ a%2=0
~ (A) ~ ( ( a+b ) )*2 ~ NOT(a>1)AND(b<2)OR c IS NULL ~ a BETWEEN-1 AND+1 ~ a IN(1,2,-3) ~ a NOT IN ( 4 )
~ CASE WHEN a>1 THEN-1 ELSE(a)END ~ case A when 1 then 'x' end ~ Coalesce ( A , - 1 ) ~ NULLIF(a,0)
~ UPPER ( C )||'a''b' ~ c LIKE'%x' ~ c like 'a!_' escape '!' ~ c ~~* 'A%' ~ c SIMILAR TO 'x' ~ c || $$it's$$
~ c || $Tag$ $$ ' $Tag$ ~ E'a\'b' ~ e'\x41\102\u0043' ~ E'plain' ~ u&'\0041b' ~ U&'!0041' UESCAPE '!' ~ b'01' ~ X'1F' ~ n'x'
~ c = 'a'
'b' ~ E'\1'
'2' ~ 'a' -- ' )
'b' ~ a -- ) '
+ 1 ~ a/* /* ' */ ) */+1 ~ a/**/+/**/1 ~ a*/*x*/-1 ~ "F g"/2 ~ t."F g" ~ T . A ~ t.a::NUMERIC ( 10 , 2 ) ~ cast(A as Int8)
~ .5 ~ 1. ~ 1.5E+3 ~ 1e-5 ~ 5.+a ~ a+.5e1 ~ e [ 1 ] ~ E[1:2] ~ e[ : 2 ] ~ e [1 : ] ~ (e)[a] ~ ARRAY [ 1,2 ] ~ array[[1],[-2]] ~ a=ANY(E) ~ a = any ( ARRAY[1] )
~ DATE'2020-01-01' ~ timestamp '2020-01-01 00:00' ~ d-INTERVAL'1 day' ~ interval '1' day ~ EXTRACT ( Hour FROM D ) ~ date_part('dow',d) ~ d::date-date '2020-01-01'
~ d AT TIME ZONE 'UTC' ~ substring(c FROM 1 FOR 2) ~ Position('a'in c) ~ Trim ( both 'x' from c ) ~ overlay(c placing 'x' from 1)
~ a IS DISTINCT FROM b ~ a IS NOT NULL ~ (a,b)=(1,2) ~ ROW(a,b)<row(1,2) ~ a operator(pg_catalog.+)1 ~ 1 OPERATOR ( pg_catalog . - ) a
~ GREATEST(a,-b,u) ~ u&1 ~ u & a ~ u|-1 ~ #~ ~ a#-1 ~ a<<-1 ~ ~ c COLLATE "C" <'b' ~ c collate pg_catalog."C" ~ width_bucket(b,0,1,10) ~ sum(a)Filter(WHERE b>1)Over(PARTITION BY c ORDER BY d DESC)
~ Count ( * ) ~ count(DISTINCT a)~ string_agg(c,','ORDER BY a) ~ percentile_cont(.5)WITHIN GROUP(ORDER BY b) ~ EXISTS(SELECT 1 FROM t AS t2 WHERE t2.a=t.a) ~ (Select Max(A)From T)
~ a in (select a from t) ~ c::varchar(3) ~ c::"text" ~ 1::text ~ '1'::INT+1 ~ -1::int ~ (-1)::int ~ - a ^ 2 ~ a- - -1 ~ 'A'<'b' ~ true AND not False ~ NULL::int ~ left(c,1) ~ "left"(c,1)
~ xmlelement(name Foo, c) ~ current_date ~ localtimestamp(0) ~ a between symmetric 2 and 1 ~ (t).a ~ (t.*) is null ~ make_interval(days=>a) ~ c IS NORMALIZED ~ normalize(c,NFC) ~ jsonb_build_object('A',a)->>'A' ~ '{"a":1}'::jsonb#>>'{a}' ~ '{"a":1}'::jsonb?'a' ~ '{"a":1}'::jsonb @>'{}' ~ int4range(1,a)&&int4range(-1,2) ~ a^ -1 ~ a*-1+-b/-2
~ Äb ~ a b ~ a 1 ~ 1a ~ 0x1F ~ a..b ~ a.5 ~ $1 ~ a = = 1 ~ a := 1 ~ a + ~ a:: ~ :a ~ 'a' 'b' ~ @
$list$, E'[ \n]~[ \n]|(?<=[)])~ ') AS s WHERE btrim(s, E' \n\t') <> '';

SELECT count(*) > 140 AS many,
       count(*) FILTER (WHERE canonical(sql) <> sql) > 100 AS respelt
FROM written;
SELECT sql, canonical(sql), look(sql), look(canonical(sql))
FROM written
WHERE canonical(canonical(sql)) <> canonical(sql)
   OR regexp_replace(look(sql), 'at or near.*', '') <>
      regexp_replace(look(canonical(sql)), 'at or near.*', '');
SELECT count(*) > 120 AS valid FROM written WHERE look(sql) NOT LIKE 'ERROR%';

-- and expressions by chance, each with blanks and comments by chance
CREATE FUNCTION draw(VARIADIC text[]) RETURNS text LANGUAGE sql VOLATILE AS
	'SELECT $1[1 + floor(random() * array_length($1, 1))::int]';
CREATE FUNCTION gap() RETURNS text LANGUAGE sql VOLATILE AS
	$$ SELECT draw('', '', '', ' ', '  ', E'\n', '/* ) */', E' -- '' \n') $$;
CREATE FUNCTION make(depth int) RETURNS text LANGUAGE plpgsql VOLATILE AS $make$
DECLARE
	kind int := floor(random() * CASE WHEN depth > 0 THEN 9 ELSE 2 END);
BEGIN
	RETURN gap() || CASE kind
		WHEN 0 THEN draw('a', 'B', 'u', 't.A', 'T . b', '"F g"', 'e [ 1 ]', 'E[a]')
		WHEN 1 THEN draw('1', '.5', '2.', '1E2', '''1''', 'e''1''', '$$1$$', '$x$2$x$', '''1''::INT', 'NULL')
		WHEN 2 THEN draw('-', '+', '@', '- -', ' - @', '|/') || gap() || make(depth - 1)
		WHEN 3 THEN '(' || make(depth - 1) || gap() || ')' || draw('', '::float8', ' :: NUMERIC( 9,2 )')
		WHEN 4 THEN draw('abs', 'Coalesce', 'GREATEST ', '"abs"', 'pg_catalog . sqrt') || '(' || make(depth - 1) || ')'
		WHEN 5 THEN 'CASE WHEN' || draw(' ', '(a>1)and ', E'\n') || make(depth - 1) || draw('>', '<', '=', '!=', '<>') ||
			make(depth - 1) || ' Then' || draw(' ', '-') || make(depth - 1) || ' END'
		ELSE make(depth - 1) || gap() || draw('+', '-', '*', '/', '^', '%', '<', '>=', '!=') || make(depth - 1)
	END || gap();
END
$make$;
SELECT setseed(0.25) IS NOT NULL AS seeded;
CREATE TABLE drawn AS SELECT make(4) AS sql FROM generate_series(1, 300);
-- Signs that make a comment take a bracket with them: neither reads that.
CREATE FUNCTION try_canonical(text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN canonical($1);
EXCEPTION WHEN syntax_error THEN
	RETURN ')';
END
$$;
CREATE TABLE seen AS
SELECT sql, text, look(sql) AS was, look(text) AS now
FROM (SELECT sql, try_canonical(sql) AS text FROM drawn) AS d;
SELECT sql, text, was, now FROM seen
WHERE regexp_replace(was, 'at or near.*', '') <> regexp_replace(now, 'at or near.*', '') OR try_canonical(text) <> text
LIMIT 3;
SELECT count(*) FILTER (WHERE was NOT LIKE 'ERROR%') > 60 AS valid,
       count(DISTINCT now) > 60 AS different
FROM seen;
DROP SCHEMA spelt CASCADE;
