/*
 * type_space.c
 *	  Sets of triples: which are in, how many, all of them, some of them.
 */
#include "type.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(cerebro_mst_space_contains);
PG_FUNCTION_INFO_V1(cerebro_mst_is_in_space);
PG_FUNCTION_INFO_V1(cerebro_cardinality);
PG_FUNCTION_INFO_V1(cerebro_points);
PG_FUNCTION_INFO_V1(cerebro_sample);

/* space @> mst */
Datum
cerebro_mst_space_contains(PG_FUNCTION_ARGS)
{
	type_enter(fcinfo);
	PG_RETURN_BOOL(cer_space_contains(type_get(fcinfo, 0, &type_space),
	                                  type_get(fcinfo, 1, &type_mst)));
}

/* mst <@ space */
Datum
cerebro_mst_is_in_space(PG_FUNCTION_ARGS)
{
	type_enter(fcinfo);
	PG_RETURN_BOOL(cer_space_contains(type_get(fcinfo, 1, &type_space),
	                                  type_get(fcinfo, 0, &type_mst)));
}

Datum
cerebro_cardinality(PG_FUNCTION_ARGS)
{
	cer_arena *arena = type_enter(fcinfo)->arena;
	const cer_space *space = type_get(fcinfo, 0, &type_space);
	double n_points;
	cer_error err;

	host_check(cer_space_count_points(arena, space, &n_points, &err), &err);
	PG_RETURN_FLOAT8(n_points);
}

/* --------------------------------------------------------------- sets */

static const cer_space *
read_space(FunctionCallInfo fcinfo)
{
	TypeValue *value = palloc0(sizeof(TypeValue));

	return type_read(value, CurrentMemoryContext, &type_space,
	                 PG_GETARG_DATUM(0));
}

static void
put_triple(FunctionCallInfo fcinfo, cer_arena *arena, const cer_mst *mst)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Datum value = type_print(arena, &type_mst, mst);
	bool is_null = false;

	CHECK_FOR_INTERRUPTS();
	tuplestore_putvalues(result->setResult, result->setDesc, &value, &is_null);
	pfree(DatumGetPointer(value));
}

/* points(space, at_most) */
Datum
cerebro_points(PG_FUNCTION_ARGS)
{
	int32 limit = PG_GETARG_INT32(1);
	cer_arena *arena = host_make_arena(CurrentMemoryContext);
	cer_arena *of_text = host_make_arena(CurrentMemoryContext);
	const cer_mst *const *points;
	size_t n_points;
	cer_error err;

	if (limit < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("at_most must not be negative")));
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	host_check(cer_space_make_points(arena, read_space(fcinfo), (size_t) limit,
	                                 &points, &n_points, &err),
	           &err);
	for (size_t i = 0; i < n_points; i++)
	{
		cer_arena_clear(of_text);
		put_triple(fcinfo, of_text, points[i]);
	}
	PG_RETURN_NULL();
}

/* sample(space, n, seed) */
Datum
cerebro_sample(PG_FUNCTION_ARGS)
{
	int32 n = PG_GETARG_INT32(1);
	uint64 seed = (uint64) PG_GETARG_INT64(2);
	const cer_space *space = read_space(fcinfo);
	cer_arena *arena = host_make_arena(CurrentMemoryContext);

	if (n < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("n must not be negative")));
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	for (int32 draw = 0; draw < n; draw++)
	{
		const cer_mst *mst;
		cer_error err;

		cer_arena_clear(arena);
		host_check(
			cer_space_sample(arena, space, seed, (uint64) draw, &mst, &err),
			&err);
		put_triple(fcinfo, arena, mst);
	}
	PG_RETURN_NULL();
}
