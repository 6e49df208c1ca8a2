-- Search over triples: containment, distance, and what indexes do for them.

CREATE FUNCTION cerebro.mst_matches(mst cerebro.mst, pattern cerebro.mst_pattern) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE COST 200
	AS 'MODULE_PATHNAME', 'cerebro_mst_matches';
COMMENT ON FUNCTION cerebro.mst_matches(cerebro.mst, cerebro.mst_pattern) IS 'implementation of @> operator';
CREATE FUNCTION cerebro.mst_pattern_matched(pattern cerebro.mst_pattern, mst cerebro.mst) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE COST 200
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
