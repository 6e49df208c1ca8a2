-- The language as types: a triple, a change of one, a pattern of triples, a
-- set of them.  A value is its canonical text: equal, ordered and hashed as
-- bytes are, whatever the collation.

DO $$
DECLARE
	t text;
	article text;
	operator record;
BEGIN
	FOR t, article IN
		VALUES ('mst', 'a triple (FE, AS, PT)'),
			   ('mst_change', 'what turns one triple into another'),
			   ('mst_space', 'a set of triples: choices, ranges, optional parts'),
			   ('mst_pattern', 'a triple in which what is left out is free')
	LOOP
		EXECUTE pg_catalog.format('CREATE TYPE cerebro.%I', t);
		EXECUTE pg_catalog.format('CREATE FUNCTION cerebro.%I(cstring) RETURNS cerebro.%I
			LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 200
			AS ''MODULE_PATHNAME'', %L', t || '_in', t, 'cerebro_' || t || '_in');
		EXECUTE pg_catalog.format('CREATE FUNCTION cerebro.%I(cerebro.%I) RETURNS cstring
			LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS ''textout''', t || '_out', t);
		EXECUTE pg_catalog.format('CREATE FUNCTION cerebro.%I(internal) RETURNS cerebro.%I
			LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 200
			AS ''MODULE_PATHNAME'', %L', t || '_recv', t, 'cerebro_' || t || '_recv');
		EXECUTE pg_catalog.format('CREATE FUNCTION cerebro.%I(cerebro.%I) RETURNS bytea
			LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
			AS ''MODULE_PATHNAME'', ''cerebro_mst_send''', t || '_send', t);
		EXECUTE pg_catalog.format('CREATE TYPE cerebro.%I (
			INPUT = cerebro.%I, OUTPUT = cerebro.%I,
			RECEIVE = cerebro.%I, SEND = cerebro.%I,
			INTERNALLENGTH = VARIABLE, STORAGE = extended, CATEGORY = %L)',
			t, t || '_in', t || '_out', t || '_recv', t || '_send',
			-- among strings, so that a literal beside a function of mst and
			-- one of mst[] is read as a triple
			CASE t WHEN 'mst' THEN 'S' ELSE 'U' END);
		EXECUTE pg_catalog.format('COMMENT ON TYPE cerebro.%I IS %L', t, article);
		EXECUTE pg_catalog.format('COMMENT ON FUNCTION cerebro.%I(cstring) IS ''text form''', t || '_in');
		EXECUTE pg_catalog.format('COMMENT ON FUNCTION cerebro.%I(cerebro.%I) IS ''canonical text''', t || '_out', t);
		EXECUTE pg_catalog.format('COMMENT ON FUNCTION cerebro.%I(internal) IS ''binary form''', t || '_recv');
		EXECUTE pg_catalog.format('COMMENT ON FUNCTION cerebro.%I(cerebro.%I) IS ''binary form''', t || '_send', t);

		-- Bytes compare without a collation and without a message about them.
		FOR operator IN
			SELECT * FROM (VALUES
				('eq', '=', 'byteaeq', '=', '<>', 'pg_catalog.eqsel', 'pg_catalog.eqjoinsel', 'equal: one canonical text'),
				('ne', '<>', 'byteane', '<>', '=', 'pg_catalog.neqsel', 'pg_catalog.neqjoinsel', 'not equal'),
				('lt', '<', 'bytealt', '>', '>=', 'pg_catalog.scalarltsel', 'pg_catalog.scalarltjoinsel', 'before, by the bytes of the text'),
				('le', '<=', 'byteale', '>=', '>', 'pg_catalog.scalarlesel', 'pg_catalog.scalarlejoinsel', 'before or equal, by the bytes of the text'),
				('ge', '>=', 'byteage', '<=', '<', 'pg_catalog.scalargesel', 'pg_catalog.scalargejoinsel', 'after or equal, by the bytes of the text'),
				('gt', '>', 'byteagt', '<', '<=', 'pg_catalog.scalargtsel', 'pg_catalog.scalargtjoinsel', 'after, by the bytes of the text'))
			v (suffix, symbol, code, commutator, negator, selectivity, joins, meaning)
		LOOP
			EXECUTE pg_catalog.format('CREATE FUNCTION cerebro.%1$I(a cerebro.%2$I, b cerebro.%2$I) RETURNS boolean
				LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS %3$L',
				t || '_' || operator.suffix, t, operator.code);
			EXECUTE pg_catalog.format('CREATE OPERATOR cerebro.%s (
				LEFTARG = cerebro.%I, RIGHTARG = cerebro.%2$I, FUNCTION = cerebro.%I,
				COMMUTATOR = OPERATOR(cerebro.%s), NEGATOR = OPERATOR(cerebro.%s),
				RESTRICT = %s, JOIN = %s %s)',
				operator.symbol, t, t || '_' || operator.suffix,
				operator.commutator, operator.negator, operator.selectivity,
				operator.joins,
				CASE WHEN operator.suffix OPERATOR(pg_catalog.=) 'eq' THEN ', HASHES, MERGES' ELSE '' END);
			EXECUTE pg_catalog.format('COMMENT ON FUNCTION cerebro.%1$I(cerebro.%2$I, cerebro.%2$I) IS %3$L',
				t || '_' || operator.suffix, t, 'implementation of ' || operator.symbol || ' operator');
			EXECUTE pg_catalog.format('COMMENT ON OPERATOR cerebro.%s (cerebro.%I, cerebro.%2$I) IS %L',
				operator.symbol, t, operator.meaning);
		END LOOP;
		EXECUTE pg_catalog.format('CREATE FUNCTION cerebro.%1$I(a cerebro.%2$I, b cerebro.%2$I) RETURNS integer
			LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS ''byteacmp''', t || '_cmp', t);
		EXECUTE pg_catalog.format('CREATE FUNCTION cerebro.%I(internal) RETURNS void
			LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS ''bytea_sortsupport''', t || '_sortsupport');
		EXECUTE pg_catalog.format('CREATE FUNCTION cerebro.%I(value cerebro.%I) RETURNS integer
			LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS ''hashvarlena''', t || '_hash', t);
		EXECUTE pg_catalog.format('CREATE FUNCTION cerebro.%I(value cerebro.%I, seed bigint) RETURNS bigint
			LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE AS ''hashvarlenaextended''', t || '_hash_extended', t);
		EXECUTE pg_catalog.format('CREATE OPERATOR CLASS cerebro.%I DEFAULT FOR TYPE cerebro.%I USING btree AS
			OPERATOR 1 cerebro.<, OPERATOR 2 cerebro.<=, OPERATOR 3 cerebro.=, OPERATOR 4 cerebro.>=, OPERATOR 5 cerebro.>,
			FUNCTION 1 cerebro.%I(cerebro.%2$I, cerebro.%2$I), FUNCTION 2 cerebro.%4$I(internal)',
			t || '_ops', t, t || '_cmp', t || '_sortsupport');
		EXECUTE pg_catalog.format('CREATE OPERATOR CLASS cerebro.%I DEFAULT FOR TYPE cerebro.%I USING hash AS
			OPERATOR 1 cerebro.=,
			FUNCTION 1 cerebro.%I(cerebro.%2$I), FUNCTION 2 cerebro.%4$I(cerebro.%2$I, bigint)',
			t || '_ops', t, t || '_hash', t || '_hash_extended');
		EXECUTE pg_catalog.format('COMMENT ON FUNCTION cerebro.%1$I(cerebro.%2$I, cerebro.%2$I) IS ''order, by the bytes of the text''', t || '_cmp', t);
		EXECUTE pg_catalog.format('COMMENT ON FUNCTION cerebro.%I(internal) IS ''fast sorting''', t || '_sortsupport');
		EXECUTE pg_catalog.format('COMMENT ON FUNCTION cerebro.%I(cerebro.%I) IS ''hash''', t || '_hash', t);
		EXECUTE pg_catalog.format('COMMENT ON FUNCTION cerebro.%I(cerebro.%I, bigint) IS ''hash with a seed''', t || '_hash_extended', t);
		EXECUTE pg_catalog.format('COMMENT ON OPERATOR CLASS cerebro.%I USING btree IS ''order, by the bytes of the text''', t || '_ops');
		EXECUTE pg_catalog.format('COMMENT ON OPERATOR CLASS cerebro.%I USING hash IS ''equality''', t || '_ops');
		EXECUTE pg_catalog.format('COMMENT ON OPERATOR FAMILY cerebro.%I USING btree IS ''order, by the bytes of the text''', t || '_ops');
		EXECUTE pg_catalog.format('COMMENT ON OPERATOR FAMILY cerebro.%I USING hash IS ''equality''', t || '_ops');

		-- Text becomes a value where one is wanted.  The other way is not
		-- implicit: operators of text would be taken where those of cerebro are
		-- not in the search path, and mean another thing.
		EXECUTE pg_catalog.format('CREATE CAST (cerebro.%I AS text) WITHOUT FUNCTION AS ASSIGNMENT', t);
		EXECUTE pg_catalog.format('CREATE CAST (text AS cerebro.%I) WITH INOUT AS IMPLICIT', t);
		EXECUTE pg_catalog.format('COMMENT ON CAST (cerebro.%I AS text) IS ''its canonical text''', t);
		EXECUTE pg_catalog.format('COMMENT ON CAST (text AS cerebro.%I) IS ''as the text form is read''', t);
	END LOOP;
END
$$;
