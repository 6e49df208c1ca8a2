-- Ensembles: models put together after they were trained.

CREATE FUNCTION cerebro.ensemble(models integer[], size integer DEFAULT 25) RETURNS integer
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'cerebro_ensemble';
COMMENT ON FUNCTION cerebro.ensemble(integer[], integer) IS
	'puts models of one data version together into a model of its own, whose probabilities are a weighted mean of theirs; chosen greedily on validation rows (Caruana and others 2004), in so many choices of each of 16 samples of few rows, or of all rows, at most';
