/*
 * index_gin.c
 *	  An inverted index of triples: which of them say what a pattern or a space
 *	  names?  The library hashes facts to keys; what has all keys of the query
 *	  is looked at once more.
 */
#include "type.h"

#include "access/gin.h"
#include "access/stratnum.h"

enum
{
	STRATEGY_PATTERN = 1, /* mst @> mst_pattern */
	STRATEGY_SPACE = 2    /* mst <@ mst_space */
};

PG_FUNCTION_INFO_V1(cerebro_mst_gin_extract_value);
PG_FUNCTION_INFO_V1(cerebro_mst_gin_extract_query);
PG_FUNCTION_INFO_V1(cerebro_mst_gin_consistent);
PG_FUNCTION_INFO_V1(cerebro_mst_gin_triconsistent);

static Datum *
make_datums(const uint64_t *keys, size_t n_keys, int32 *n)
{
	Datum *datums = palloc(sizeof(Datum) * (n_keys + 1));

	for (size_t i = 0; i < n_keys; i++)
		datums[i] = Int64GetDatum((int64) keys[i]);
	*n = (int32) n_keys;
	return datums;
}

Datum
cerebro_mst_gin_extract_value(PG_FUNCTION_ARGS)
{
	cer_arena *arena = type_enter(fcinfo)->arena;
	int32 *n = (int32 *) PG_GETARG_POINTER(1);
	const cer_mst *mst = type_get(fcinfo, 0, &type_mst);
	const uint64_t *keys;
	size_t n_keys;
	cer_error err;

	host_check(cer_mst_make_keys(arena, mst, &keys, &n_keys, &err), &err);
	PG_RETURN_POINTER(make_datums(keys, n_keys, n));
}

Datum
cerebro_mst_gin_extract_query(PG_FUNCTION_ARGS)
{
	cer_arena *arena = type_enter(fcinfo)->arena;
	int32 *n = (int32 *) PG_GETARG_POINTER(1);
	StrategyNumber strategy = PG_GETARG_UINT16(2);
	int32 *mode = (int32 *) PG_GETARG_POINTER(6);
	const uint64_t *keys;
	size_t n_keys;
	cer_status status;
	cer_error err;

	if (strategy == STRATEGY_PATTERN)
		status = cer_pattern_make_keys(
			arena, type_get(fcinfo, 0, &type_pattern), &keys, &n_keys, &err);
	else
		status = cer_space_make_keys(arena, type_get(fcinfo, 0, &type_space),
		                             &keys, &n_keys, &err);
	host_check(status, &err);
	if (n_keys == 0)
		*mode = GIN_SEARCH_MODE_ALL;
	PG_RETURN_POINTER(make_datums(keys, n_keys, n));
}

Datum
cerebro_mst_gin_consistent(PG_FUNCTION_ARGS)
{
	const bool *is_there = (const bool *) PG_GETARG_POINTER(0);
	int32 n = PG_GETARG_INT32(3);
	bool *recheck = (bool *) PG_GETARG_POINTER(5);

	*recheck = true;
	for (int32 i = 0; i < n; i++)
		if (!is_there[i])
			PG_RETURN_BOOL(false);
	PG_RETURN_BOOL(true);
}

Datum
cerebro_mst_gin_triconsistent(PG_FUNCTION_ARGS)
{
	const GinTernaryValue *is_there =
		(const GinTernaryValue *) PG_GETARG_POINTER(0);
	int32 n = PG_GETARG_INT32(3);

	for (int32 i = 0; i < n; i++)
		if (is_there[i] == GIN_FALSE)
			PG_RETURN_GIN_TERNARY_VALUE(GIN_FALSE);
	PG_RETURN_GIN_TERNARY_VALUE(GIN_MAYBE);
}
