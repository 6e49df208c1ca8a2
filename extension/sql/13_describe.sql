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

CREATE FUNCTION cerebro.help(word text DEFAULT '') RETURNS text
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 500
	AS 'MODULE_PATHNAME', 'cerebro_help';
COMMENT ON FUNCTION cerebro.help(text) IS 'what a word of the language means, with its arguments and an example; without one: all words';

CREATE FUNCTION cerebro.structure(name text) RETURNS text
	LANGUAGE c STABLE STRICT PARALLEL UNSAFE COST 500
	AS 'MODULE_PATHNAME', 'cerebro_structure';
COMMENT ON FUNCTION cerebro.structure(text) IS 'how a structure is made of layers: one of the language, or of one''s own';
