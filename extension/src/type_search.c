/*
 * type_search.c
 *	  Is a triple one of those that a pattern or a space means, and how far is
 *	  it from another?
 *
 * The operators @> and <@ are LEAKPROOF: a value was parsed when it came in, so
 * parsing it again succeeds but for want of memory, and an answer is all that
 * leaves the function.
 */
#include "type.h"

PG_FUNCTION_INFO_V1(cerebro_mst_matches);
PG_FUNCTION_INFO_V1(cerebro_mst_pattern_matched);
PG_FUNCTION_INFO_V1(cerebro_mst_distance);
PG_FUNCTION_INFO_V1(cerebro_mst_pattern_distance);
PG_FUNCTION_INFO_V1(cerebro_mst_pattern_distance_to);

static bool
matches(FunctionCallInfo fcinfo, int mst, int pattern)
{
	type_enter(fcinfo);
	return cer_pattern_contains(type_get(fcinfo, pattern, &type_pattern),
	                            type_get(fcinfo, mst, &type_mst));
}

/* mst @> pattern */
Datum
cerebro_mst_matches(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(matches(fcinfo, 0, 1));
}

/* pattern <@ mst */
Datum
cerebro_mst_pattern_matched(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(matches(fcinfo, 1, 0));
}

/* mst <-> mst */
Datum
cerebro_mst_distance(PG_FUNCTION_ARGS)
{
	cer_arena *arena = type_enter(fcinfo)->arena;
	const cer_mst *a = type_get(fcinfo, 0, &type_mst);
	const cer_mst *b = type_get(fcinfo, 1, &type_mst);
	double distance;
	cer_error err;

	host_check(cer_mst_distance(arena, a, b, &distance, &err), &err);
	PG_RETURN_FLOAT8(distance);
}

static double
measure_from_pattern(FunctionCallInfo fcinfo, int mst, int pattern)
{
	cer_arena *arena = type_enter(fcinfo)->arena;
	double distance;
	cer_error err;

	host_check(
		cer_pattern_distance(arena, type_get(fcinfo, pattern, &type_pattern),
	                         type_get(fcinfo, mst, &type_mst), &distance, &err),
		&err);
	return distance;
}

/* mst <-> pattern */
Datum
cerebro_mst_pattern_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(measure_from_pattern(fcinfo, 0, 1));
}

/* pattern <-> mst */
Datum
cerebro_mst_pattern_distance_to(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(measure_from_pattern(fcinfo, 1, 0));
}
