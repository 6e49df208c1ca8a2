-- Triples spelt out, as JSON, and what the words of the language mean.

CREATE FUNCTION cerebro.describe(mst cerebro.mst) RETURNS text
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 500
	AS 'MODULE_PATHNAME', 'cerebro_describe';
COMMENT ON FUNCTION cerebro.describe(cerebro.mst) IS 'a triple with every default written out';

CREATE FUNCTION cerebro.mst_to_jsonb(mst cerebro.mst) RETURNS jsonb
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 500
	AS 'MODULE_PATHNAME', 'cerebro_mst_to_jsonb';
COMMENT ON FUNCTION cerebro.mst_to_jsonb(cerebro.mst) IS 'a triple as JSON, every argument by its name';
CREATE FUNCTION cerebro.mst_from_jsonb(mst jsonb) RETURNS cerebro.mst
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 500
	AS 'MODULE_PATHNAME', 'cerebro_mst_from_jsonb';
COMMENT ON FUNCTION cerebro.mst_from_jsonb(jsonb) IS 'the triple that JSON says';
CREATE CAST (cerebro.mst AS jsonb) WITH FUNCTION cerebro.mst_to_jsonb(cerebro.mst);
CREATE CAST (jsonb AS cerebro.mst) WITH FUNCTION cerebro.mst_from_jsonb(jsonb);
COMMENT ON CAST (cerebro.mst AS jsonb) IS 'a triple as JSON, every argument by its name';
COMMENT ON CAST (jsonb AS cerebro.mst) IS 'the triple that JSON says';

DO $$
DECLARE
	t text;
	what text;
BEGIN
	FOR t, what IN
		VALUES ('mst_change', 'a change as JSON, a list of its steps'),
			   ('mst_space', 'a set of triples as JSON: items, structure and settings as text'),
			   ('mst_pattern', 'a pattern as JSON, like a triple, with what it names only')
	LOOP
		EXECUTE pg_catalog.format('CREATE FUNCTION cerebro.%I(value cerebro.%I) RETURNS jsonb
			LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 500
			AS ''MODULE_PATHNAME'', %L', t || '_to_jsonb', t, 'cerebro_' || t || '_to_jsonb');
		EXECUTE pg_catalog.format('CREATE FUNCTION cerebro.%I(value jsonb) RETURNS cerebro.%I
			LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 500
			AS ''MODULE_PATHNAME'', %L', t || '_from_jsonb', t, 'cerebro_' || t || '_from_jsonb');
		EXECUTE pg_catalog.format('COMMENT ON FUNCTION cerebro.%I(cerebro.%I) IS %L', t || '_to_jsonb', t, what);
		EXECUTE pg_catalog.format('COMMENT ON FUNCTION cerebro.%I(jsonb) IS ''what JSON says, read back''', t || '_from_jsonb');
		EXECUTE pg_catalog.format('CREATE CAST (cerebro.%I AS jsonb) WITH FUNCTION cerebro.%I(cerebro.%1$I)', t, t || '_to_jsonb');
		EXECUTE pg_catalog.format('CREATE CAST (jsonb AS cerebro.%I) WITH FUNCTION cerebro.%I(jsonb)', t, t || '_from_jsonb');
		EXECUTE pg_catalog.format('COMMENT ON CAST (cerebro.%I AS jsonb) IS %L', t, what);
		EXECUTE pg_catalog.format('COMMENT ON CAST (jsonb AS cerebro.%I) IS ''what JSON says, read back''', t);
	END LOOP;
END
$$;

CREATE FUNCTION cerebro.help(word text DEFAULT '') RETURNS text
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 500
	AS 'MODULE_PATHNAME', 'cerebro_help';
COMMENT ON FUNCTION cerebro.help(text) IS 'what a word of the language means, with its arguments and an example, or a function, one of its arguments, or a view of this schema; without one: all words';

CREATE FUNCTION cerebro.structure(name text) RETURNS text
	LANGUAGE c STABLE STRICT PARALLEL UNSAFE COST 500
	AS 'MODULE_PATHNAME', 'cerebro_structure';
COMMENT ON FUNCTION cerebro.structure(text) IS 'how a structure is made of layers: one of the language, or of one''s own';
