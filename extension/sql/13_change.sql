-- Changes of triples: applied, told from two triples, composed, turned round.

CREATE FUNCTION cerebro.mst_add(mst cerebro.mst, change cerebro.mst_change) RETURNS cerebro.mst
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 500
	AS 'MODULE_PATHNAME', 'cerebro_mst_add';
COMMENT ON FUNCTION cerebro.mst_add(cerebro.mst, cerebro.mst_change) IS 'implementation of + operator';
CREATE OPERATOR cerebro.+ (LEFTARG = cerebro.mst, RIGHTARG = cerebro.mst_change, FUNCTION = cerebro.mst_add);
COMMENT ON OPERATOR cerebro.+ (cerebro.mst, cerebro.mst_change) IS 'the triple after the change';

CREATE FUNCTION cerebro.mst_subtract(target cerebro.mst, origin cerebro.mst) RETURNS cerebro.mst_change
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1000
	AS 'MODULE_PATHNAME', 'cerebro_mst_subtract';
COMMENT ON FUNCTION cerebro.mst_subtract(cerebro.mst, cerebro.mst) IS 'implementation of - operator';
CREATE OPERATOR cerebro.- (LEFTARG = cerebro.mst, RIGHTARG = cerebro.mst, FUNCTION = cerebro.mst_subtract);
COMMENT ON OPERATOR cerebro.- (cerebro.mst, cerebro.mst) IS 'the change that turns the second triple into the first';

CREATE FUNCTION cerebro.mst_change_add(first cerebro.mst_change, second cerebro.mst_change) RETURNS cerebro.mst_change
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 500
	AS 'MODULE_PATHNAME', 'cerebro_mst_change_add';
COMMENT ON FUNCTION cerebro.mst_change_add(cerebro.mst_change, cerebro.mst_change) IS 'implementation of + operator';
CREATE OPERATOR cerebro.+ (LEFTARG = cerebro.mst_change, RIGHTARG = cerebro.mst_change, FUNCTION = cerebro.mst_change_add);
COMMENT ON OPERATOR cerebro.+ (cerebro.mst_change, cerebro.mst_change) IS 'the first change, then the second, as one';

CREATE FUNCTION cerebro.inverse(change cerebro.mst_change) RETURNS cerebro.mst_change
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 500
	AS 'MODULE_PATHNAME', 'cerebro_inverse';
COMMENT ON FUNCTION cerebro.inverse(cerebro.mst_change) IS 'the change that takes a closed change back';

CREATE FUNCTION cerebro.close(change cerebro.mst_change, mst cerebro.mst) RETURNS cerebro.mst_change
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 500
	AS 'MODULE_PATHNAME', 'cerebro_close';
COMMENT ON FUNCTION cerebro.close(cerebro.mst_change, cerebro.mst) IS 'the change with the values that it finds in a triple, so that it has an inverse';

CREATE FUNCTION cerebro.applies(change cerebro.mst_change, mst cerebro.mst) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 500
	AS 'MODULE_PATHNAME', 'cerebro_applies';
COMMENT ON FUNCTION cerebro.applies(cerebro.mst_change, cerebro.mst) IS 'whether mst + change is a triple';

CREATE FUNCTION cerebro.commutes(a cerebro.mst_change, b cerebro.mst_change) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 500
	AS 'MODULE_PATHNAME', 'cerebro_commutes';
COMMENT ON FUNCTION cerebro.commutes(cerebro.mst_change, cerebro.mst_change) IS 'whether two changes touch different things, so that their order makes no difference';

CREATE FUNCTION cerebro.merge(base cerebro.mst, a cerebro.mst, b cerebro.mst) RETURNS cerebro.mst
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 2000
	AS 'MODULE_PATHNAME', 'cerebro_merge';
COMMENT ON FUNCTION cerebro.merge(cerebro.mst, cerebro.mst, cerebro.mst) IS 'base with what a and what b changed; an error names what both changed differently';
