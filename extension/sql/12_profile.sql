-- What the columns of a task look like.

CREATE FUNCTION cerebro.profile(task text, refresh boolean DEFAULT false)
	RETURNS TABLE (column_name text, type text, used_as text, n_distinct bigint, missing real, association real, note text)
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE COST 1000000 ROWS 30
	AS 'MODULE_PATHNAME', 'cerebro_profile';
COMMENT ON FUNCTION cerebro.profile(text, boolean) IS
	'per column its type, use, cardinality, missing share, association with the label and what to know; kept with the data version';
