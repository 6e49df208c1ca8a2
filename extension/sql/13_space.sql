-- Sets of triples.

CREATE FUNCTION cerebro.mst_space_contains(space cerebro.mst_space, mst cerebro.mst) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE COST 300
	AS 'MODULE_PATHNAME', 'cerebro_mst_space_contains';
COMMENT ON FUNCTION cerebro.mst_space_contains(cerebro.mst_space, cerebro.mst) IS 'implementation of @> operator';
CREATE FUNCTION cerebro.mst_is_in_space(mst cerebro.mst, space cerebro.mst_space) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE COST 300
	AS 'MODULE_PATHNAME', 'cerebro_mst_is_in_space';
COMMENT ON FUNCTION cerebro.mst_is_in_space(cerebro.mst, cerebro.mst_space) IS 'implementation of <@ operator';
CREATE OPERATOR cerebro.@> (
	LEFTARG = cerebro.mst_space, RIGHTARG = cerebro.mst, FUNCTION = cerebro.mst_space_contains,
	COMMUTATOR = OPERATOR(cerebro.<@),
	RESTRICT = pg_catalog.matchingsel, JOIN = pg_catalog.matchingjoinsel);
CREATE OPERATOR cerebro.<@ (
	LEFTARG = cerebro.mst, RIGHTARG = cerebro.mst_space, FUNCTION = cerebro.mst_is_in_space,
	COMMUTATOR = OPERATOR(cerebro.@>),
	RESTRICT = pg_catalog.matchingsel, JOIN = pg_catalog.matchingjoinsel);
COMMENT ON OPERATOR cerebro.@> (cerebro.mst_space, cerebro.mst) IS 'the triple is one of the set';
COMMENT ON OPERATOR cerebro.<@ (cerebro.mst, cerebro.mst_space) IS 'the triple is one of the set';

CREATE FUNCTION cerebro.cardinality(space cerebro.mst_space) RETURNS double precision
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10000
	AS 'MODULE_PATHNAME', 'cerebro_cardinality';
COMMENT ON FUNCTION cerebro.cardinality(cerebro.mst_space) IS 'how many ways there are to choose; Infinity with a continuous range. Where two ways make one triple, cerebro.points has it once';
-- pg_catalog.cardinality(anyarray) would be as good for a literal alone.
CREATE FUNCTION cerebro.cardinality(space text) RETURNS double precision
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN cerebro.cardinality(cardinality.space::cerebro.mst_space);
COMMENT ON FUNCTION cerebro.cardinality(text) IS 'the same of a set that is given as text';

CREATE FUNCTION cerebro.points(space cerebro.mst_space, at_most integer DEFAULT 100000) RETURNS SETOF cerebro.mst
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 100000 ROWS 1000
	AS 'MODULE_PATHNAME', 'cerebro_points';
COMMENT ON FUNCTION cerebro.points(cerebro.mst_space, integer) IS 'every triple of a finite set, once; an error where there are more than at_most';

CREATE FUNCTION cerebro.sample(space cerebro.mst_space, n integer, seed bigint DEFAULT 0) RETURNS SETOF cerebro.mst
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10000 ROWS 100
	AS 'MODULE_PATHNAME', 'cerebro_sample';
COMMENT ON FUNCTION cerebro.sample(cerebro.mst_space, integer, bigint) IS 'n triples of the set, drawn at random; the same ones for the same seed';
