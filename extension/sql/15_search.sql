-- Search over triples: containment, distance, and what indexes do for them.

CREATE FUNCTION cerebro.mst_matches_support(internal) RETURNS internal
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'cerebro_mst_matches_support';
COMMENT ON FUNCTION cerebro.mst_matches_support(internal) IS 'tells the planner that the index of near triples answers @>, too';

CREATE FUNCTION cerebro.mst_matches(mst cerebro.mst, pattern cerebro.mst_pattern) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE COST 200
	SUPPORT cerebro.mst_matches_support
	AS 'MODULE_PATHNAME', 'cerebro_mst_matches';
COMMENT ON FUNCTION cerebro.mst_matches(cerebro.mst, cerebro.mst_pattern) IS 'implementation of @> operator';
CREATE FUNCTION cerebro.mst_pattern_matched(pattern cerebro.mst_pattern, mst cerebro.mst) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE COST 200
	SUPPORT cerebro.mst_matches_support
	AS 'MODULE_PATHNAME', 'cerebro_mst_pattern_matched';
COMMENT ON FUNCTION cerebro.mst_pattern_matched(cerebro.mst_pattern, cerebro.mst) IS 'implementation of <@ operator';
CREATE OPERATOR cerebro.@> (
	LEFTARG = cerebro.mst, RIGHTARG = cerebro.mst_pattern, FUNCTION = cerebro.mst_matches,
	COMMUTATOR = OPERATOR(cerebro.<@),
	RESTRICT = pg_catalog.matchingsel, JOIN = pg_catalog.matchingjoinsel);
CREATE OPERATOR cerebro.<@ (
	LEFTARG = cerebro.mst_pattern, RIGHTARG = cerebro.mst, FUNCTION = cerebro.mst_pattern_matched,
	COMMUTATOR = OPERATOR(cerebro.@>),
	RESTRICT = pg_catalog.matchingsel, JOIN = pg_catalog.matchingjoinsel);
COMMENT ON OPERATOR cerebro.@> (cerebro.mst, cerebro.mst_pattern) IS 'the triple has what the pattern names';
COMMENT ON OPERATOR cerebro.<@ (cerebro.mst_pattern, cerebro.mst) IS 'the triple has what the pattern names';

-- What @> becomes where the index of near triples answers it.
CREATE FUNCTION cerebro.mst_matches_near(mst cerebro.mst, pattern cerebro.mst_pattern) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE COST 200
	AS 'MODULE_PATHNAME', 'cerebro_mst_matches';
COMMENT ON FUNCTION cerebro.mst_matches_near(cerebro.mst, cerebro.mst_pattern) IS 'implementation of @>> operator';
CREATE OPERATOR cerebro.@>> (
	LEFTARG = cerebro.mst, RIGHTARG = cerebro.mst_pattern, FUNCTION = cerebro.mst_matches_near,
	RESTRICT = pg_catalog.matchingsel, JOIN = pg_catalog.matchingjoinsel);
COMMENT ON OPERATOR cerebro.@>> (cerebro.mst, cerebro.mst_pattern) IS 'as @>, asked of the index of near triples';

CREATE FUNCTION cerebro.mst_distance(a cerebro.mst, b cerebro.mst) RETURNS double precision
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 400
	AS 'MODULE_PATHNAME', 'cerebro_mst_distance';
COMMENT ON FUNCTION cerebro.mst_distance(cerebro.mst, cerebro.mst) IS 'implementation of <-> operator';
CREATE FUNCTION cerebro.mst_pattern_distance(mst cerebro.mst, pattern cerebro.mst_pattern) RETURNS double precision
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 400
	AS 'MODULE_PATHNAME', 'cerebro_mst_pattern_distance';
COMMENT ON FUNCTION cerebro.mst_pattern_distance(cerebro.mst, cerebro.mst_pattern) IS 'implementation of <-> operator';
CREATE FUNCTION cerebro.mst_pattern_distance(pattern cerebro.mst_pattern, mst cerebro.mst) RETURNS double precision
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 400
	AS 'MODULE_PATHNAME', 'cerebro_mst_pattern_distance_to';
COMMENT ON FUNCTION cerebro.mst_pattern_distance(cerebro.mst_pattern, cerebro.mst) IS 'implementation of <-> operator';
CREATE OPERATOR cerebro.<-> (
	LEFTARG = cerebro.mst, RIGHTARG = cerebro.mst, FUNCTION = cerebro.mst_distance,
	COMMUTATOR = OPERATOR(cerebro.<->));
CREATE OPERATOR cerebro.<-> (
	LEFTARG = cerebro.mst, RIGHTARG = cerebro.mst_pattern, FUNCTION = cerebro.mst_pattern_distance,
	COMMUTATOR = OPERATOR(cerebro.<->));
CREATE OPERATOR cerebro.<-> (
	LEFTARG = cerebro.mst_pattern, RIGHTARG = cerebro.mst, FUNCTION = cerebro.mst_pattern_distance,
	COMMUTATOR = OPERATOR(cerebro.<->));
COMMENT ON OPERATOR cerebro.<-> (cerebro.mst, cerebro.mst) IS 'how far two triples are apart: a metric';
COMMENT ON OPERATOR cerebro.<-> (cerebro.mst, cerebro.mst_pattern) IS 'how far a triple is from having what the pattern names; 0: it has';
COMMENT ON OPERATOR cerebro.<-> (cerebro.mst_pattern, cerebro.mst) IS 'how far a triple is from having what the pattern names; 0: it has';

-- An inverted index for what triples have, a tree for what is near.

CREATE FUNCTION cerebro.mst_gin_extract_value(mst cerebro.mst, internal, internal) RETURNS internal
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'cerebro_mst_gin_extract_value';
COMMENT ON FUNCTION cerebro.mst_gin_extract_value(cerebro.mst, internal, internal) IS 'GIN support: what a triple says, hashed';
CREATE FUNCTION cerebro.mst_gin_extract_query(query internal, internal, smallint, internal, internal, internal, internal) RETURNS internal
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'cerebro_mst_gin_extract_query';
COMMENT ON FUNCTION cerebro.mst_gin_extract_query(internal, internal, smallint, internal, internal, internal, internal) IS 'GIN support: what a pattern or space asks for, hashed';
CREATE FUNCTION cerebro.mst_gin_consistent(internal, smallint, query internal, integer, internal, internal, internal, internal) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'cerebro_mst_gin_consistent';
COMMENT ON FUNCTION cerebro.mst_gin_consistent(internal, smallint, internal, integer, internal, internal, internal, internal) IS 'GIN support';
CREATE FUNCTION cerebro.mst_gin_triconsistent(internal, smallint, query internal, integer, internal, internal, internal) RETURNS "char"
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'cerebro_mst_gin_triconsistent';
COMMENT ON FUNCTION cerebro.mst_gin_triconsistent(internal, smallint, internal, integer, internal, internal, internal) IS 'GIN support';

CREATE OPERATOR CLASS cerebro.mst_gin_ops DEFAULT FOR TYPE cerebro.mst USING gin AS
	OPERATOR 1 cerebro.@> (cerebro.mst, cerebro.mst_pattern),
	OPERATOR 2 cerebro.<@ (cerebro.mst, cerebro.mst_space),
	FUNCTION 1 pg_catalog.btint8cmp(bigint, bigint),
	FUNCTION 2 cerebro.mst_gin_extract_value(cerebro.mst, internal, internal),
	FUNCTION 3 cerebro.mst_gin_extract_query(internal, internal, smallint, internal, internal, internal, internal),
	FUNCTION 4 cerebro.mst_gin_consistent(internal, smallint, internal, integer, internal, internal, internal, internal),
	FUNCTION 6 cerebro.mst_gin_triconsistent(internal, smallint, internal, integer, internal, internal, internal),
	STORAGE bigint;
COMMENT ON OPERATOR CLASS cerebro.mst_gin_ops USING gin IS 'which triples have what a pattern or a space names';
COMMENT ON OPERATOR FAMILY cerebro.mst_gin_ops USING gin IS 'which triples have what a pattern or a space names';

CREATE FUNCTION cerebro.mst_gist_consistent(internal, query internal, smallint, oid, internal) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'cerebro_mst_gist_consistent';
COMMENT ON FUNCTION cerebro.mst_gist_consistent(internal, internal, smallint, oid, internal) IS 'GiST support: may what is sought be in a box?';
CREATE FUNCTION cerebro.mst_gist_union(internal, internal) RETURNS bytea
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'cerebro_mst_gist_union';
COMMENT ON FUNCTION cerebro.mst_gist_union(internal, internal) IS 'GiST support: the smallest box around others';
CREATE FUNCTION cerebro.mst_gist_compress(internal) RETURNS internal
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'cerebro_mst_gist_compress';
COMMENT ON FUNCTION cerebro.mst_gist_compress(internal) IS 'GiST support: a triple as a point of few dimensions';
CREATE FUNCTION cerebro.mst_gist_penalty(internal, internal, internal) RETURNS internal
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'cerebro_mst_gist_penalty';
COMMENT ON FUNCTION cerebro.mst_gist_penalty(internal, internal, internal) IS 'GiST support: by how much a box would grow';
CREATE FUNCTION cerebro.mst_gist_picksplit(internal, internal) RETURNS internal
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'cerebro_mst_gist_picksplit';
COMMENT ON FUNCTION cerebro.mst_gist_picksplit(internal, internal) IS 'GiST support: a full page in two';
CREATE FUNCTION cerebro.mst_gist_same(bytea, bytea, internal) RETURNS internal
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'cerebro_mst_gist_same';
COMMENT ON FUNCTION cerebro.mst_gist_same(bytea, bytea, internal) IS 'GiST support: are two boxes equal?';
CREATE FUNCTION cerebro.mst_gist_distance(internal, query internal, smallint, oid, internal) RETURNS double precision
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'cerebro_mst_gist_distance';
COMMENT ON FUNCTION cerebro.mst_gist_distance(internal, internal, smallint, oid, internal) IS 'GiST support: at least how far a box is';

CREATE FUNCTION cerebro.mst_gist_sortsupport(internal) RETURNS void
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'cerebro_mst_gist_sortsupport';
COMMENT ON FUNCTION cerebro.mst_gist_sortsupport(internal) IS 'GiST support: the order in which an index is built at once';

CREATE OPERATOR CLASS cerebro.mst_gist_ops DEFAULT FOR TYPE cerebro.mst USING gist AS
	OPERATOR 1 cerebro.= (cerebro.mst, cerebro.mst),
	OPERATOR 2 cerebro.@>> (cerebro.mst, cerebro.mst_pattern),
	OPERATOR 15 cerebro.<-> (cerebro.mst, cerebro.mst) FOR ORDER BY pg_catalog.float_ops,
	OPERATOR 16 cerebro.<-> (cerebro.mst, cerebro.mst_pattern) FOR ORDER BY pg_catalog.float_ops,
	FUNCTION 1 cerebro.mst_gist_consistent(internal, internal, smallint, oid, internal),
	FUNCTION 2 cerebro.mst_gist_union(internal, internal),
	FUNCTION 3 cerebro.mst_gist_compress(internal),
	FUNCTION 5 cerebro.mst_gist_penalty(internal, internal, internal),
	FUNCTION 6 cerebro.mst_gist_picksplit(internal, internal),
	FUNCTION 7 cerebro.mst_gist_same(bytea, bytea, internal),
	FUNCTION 8 cerebro.mst_gist_distance(internal, internal, smallint, oid, internal),
	FUNCTION 11 cerebro.mst_gist_sortsupport(internal),
	STORAGE bytea;
COMMENT ON OPERATOR CLASS cerebro.mst_gist_ops USING gist IS 'the nearest triples first';
COMMENT ON OPERATOR FAMILY cerebro.mst_gist_ops USING gist IS 'the nearest triples first';

CREATE FUNCTION cerebro.mst_gist_built_penalty(internal, internal, internal) RETURNS internal
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'cerebro_mst_gist_built_penalty';
COMMENT ON FUNCTION cerebro.mst_gist_built_penalty(internal, internal, internal) IS 'GiST support: by how much a box would grow, without FE';
CREATE FUNCTION cerebro.mst_gist_built_picksplit(internal, internal) RETURNS internal
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'cerebro_mst_gist_built_picksplit';
COMMENT ON FUNCTION cerebro.mst_gist_built_picksplit(internal, internal) IS 'GiST support: a full page in two, by AS and PT';
CREATE FUNCTION cerebro.mst_gist_built_sortsupport(internal) RETURNS void
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'cerebro_mst_gist_built_sortsupport';
COMMENT ON FUNCTION cerebro.mst_gist_built_sortsupport(internal) IS 'GiST support: the order in which an index is built at once, by AS and PT';

CREATE OPERATOR CLASS cerebro.mst_gist_built_ops FOR TYPE cerebro.mst USING gist AS
	OPERATOR 1 cerebro.= (cerebro.mst, cerebro.mst),
	OPERATOR 2 cerebro.@>> (cerebro.mst, cerebro.mst_pattern),
	OPERATOR 15 cerebro.<-> (cerebro.mst, cerebro.mst) FOR ORDER BY pg_catalog.float_ops,
	OPERATOR 16 cerebro.<-> (cerebro.mst, cerebro.mst_pattern) FOR ORDER BY pg_catalog.float_ops,
	FUNCTION 1 cerebro.mst_gist_consistent(internal, internal, smallint, oid, internal),
	FUNCTION 2 cerebro.mst_gist_union(internal, internal),
	FUNCTION 3 cerebro.mst_gist_compress(internal),
	FUNCTION 5 cerebro.mst_gist_built_penalty(internal, internal, internal),
	FUNCTION 6 cerebro.mst_gist_built_picksplit(internal, internal),
	FUNCTION 7 cerebro.mst_gist_same(bytea, bytea, internal),
	FUNCTION 8 cerebro.mst_gist_distance(internal, internal, smallint, oid, internal),
	FUNCTION 11 cerebro.mst_gist_built_sortsupport(internal),
	STORAGE bytea;
COMMENT ON OPERATOR CLASS cerebro.mst_gist_built_ops USING gist IS 'the nearest triples first, to patterns that leave FE free; beside an index of mst_gist_ops';
COMMENT ON OPERATOR FAMILY cerebro.mst_gist_built_ops USING gist IS 'the nearest triples first, to patterns that leave FE free; beside an index of mst_gist_ops';

CREATE INDEX model_mst ON cerebro.model USING gin (mst cerebro.mst_gin_ops);
COMMENT ON INDEX cerebro.model_mst IS 'models whose triple has what a pattern names (@>)';
CREATE INDEX model_near ON cerebro.model USING gist (mst cerebro.mst_gist_ops);
COMMENT ON INDEX cerebro.model_near IS 'models by the distance of their triples (<->)';
CREATE INDEX model_near_built ON cerebro.model USING gist (mst cerebro.mst_gist_built_ops);
COMMENT ON INDEX cerebro.model_near_built IS 'the same by AS and PT, for patterns that leave FE free';
