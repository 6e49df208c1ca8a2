-- Structures of people's own: what a name after AS stands for.

CREATE TABLE cerebro.structure (
	owner      cerebro.owner NOT NULL,
	name       text NOT NULL,
	definition text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
CREATE UNIQUE INDEX structure_owner_name ON cerebro.structure (owner, name) WHERE owner OPERATOR(pg_catalog.<>) 0::oid;
COMMENT ON INDEX cerebro.structure_owner_name IS 'a name is one structure of its owner; of roles that are gone any';
COMMENT ON TABLE cerebro.structure IS 'structures of people''s own: names that triples may use after AS';
COMMENT ON COLUMN cerebro.structure.owner IS 'whose it is';
COMMENT ON COLUMN cerebro.structure.name IS 'what stands after AS';
COMMENT ON COLUMN cerebro.structure.definition IS 'parameters and layers in canonical form, as docs/language.md has it';
COMMENT ON COLUMN cerebro.structure.created_at IS 'when it was defined or last changed';

CREATE TABLE cerebro.model_structure (
	model      integer NOT NULL REFERENCES cerebro.model ON DELETE CASCADE,
	name       text NOT NULL,
	definition text NOT NULL,
	PRIMARY KEY (model, name)
);
COMMENT ON TABLE cerebro.model_structure IS 'what the structures that a model''s triple names stood for when it was trained';
COMMENT ON COLUMN cerebro.model_structure.model IS 'the model';
COMMENT ON COLUMN cerebro.model_structure.name IS 'the structure''s name in its triple';
COMMENT ON COLUMN cerebro.model_structure.definition IS 'parameters and layers in canonical form, as they were then';

ALTER TABLE cerebro.structure ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON cerebro.structure FOR SELECT USING (cerebro.is_mine(owner));
COMMENT ON POLICY visible ON cerebro.structure IS 'seen by members of its owner''s role';
GRANT SELECT ON cerebro.structure TO PUBLIC;
ALTER TABLE cerebro.model_structure ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON cerebro.model_structure FOR SELECT
	USING (EXISTS (SELECT FROM cerebro.model m WHERE m.id OPERATOR(pg_catalog.=) model));
COMMENT ON POLICY visible ON cerebro.model_structure IS 'seen with its model';
GRANT SELECT ON cerebro.model_structure TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('cerebro.structure', '');
SELECT pg_catalog.pg_extension_config_dump('cerebro.model_structure', '');

CREATE FUNCTION cerebro.define_structure(name text, definition text) RETURNS text
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE COST 1000
	AS 'MODULE_PATHNAME', 'cerebro_define_structure';
COMMENT ON FUNCTION cerebro.define_structure(text, text) IS
	'gives layers a name for AS, with parameters, defaults and ranges, or gives the name another meaning; models keep the one that they were trained with; returns the definition in canonical form';

CREATE FUNCTION cerebro.drop_structure(name text) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE COST 1000
	AS 'MODULE_PATHNAME', 'cerebro_drop_structure';
COMMENT ON FUNCTION cerebro.drop_structure(text) IS 'forgets a structure of one''s own; models that were trained with it stay';

CREATE FUNCTION cerebro.builtin_structures() RETURNS TABLE (name text, definition text)
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1000 ROWS 16
	AS 'MODULE_PATHNAME', 'cerebro_builtin_structures';
COMMENT ON FUNCTION cerebro.builtin_structures() IS 'the structures of the language and how they are made';

CREATE VIEW cerebro.structures WITH (security_invoker = true) AS
	SELECT b.name, b.definition, NULL::regrole AS owner, NULL::timestamptz AS created_at
	FROM cerebro.builtin_structures() b
	UNION ALL
	SELECT s.name, s.definition, cerebro.owner_of(s.owner), s.created_at
	FROM cerebro.structure s;
COMMENT ON VIEW cerebro.structures IS 'what can stand after AS: structures of the language (no owner) and of the roles of which one is a member';
GRANT SELECT ON cerebro.structures TO PUBLIC;

CREATE FUNCTION cerebro.expand(mst cerebro.mst) RETURNS cerebro.mst
	LANGUAGE c STABLE STRICT PARALLEL UNSAFE COST 1000
	AS 'MODULE_PATHNAME', 'cerebro_expand';
COMMENT ON FUNCTION cerebro.expand(cerebro.mst) IS 'the triple with structures of one''s own replaced by what they are made of now';
