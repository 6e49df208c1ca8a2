/*
 * type_algebra.c
 *	  Changes as operators: what turns one triple into another, and what
 *	  becomes of two changes.
 */
#include "type.h"

PG_FUNCTION_INFO_V1(cerebro_mst_add);
PG_FUNCTION_INFO_V1(cerebro_mst_subtract);
PG_FUNCTION_INFO_V1(cerebro_mst_change_add);
PG_FUNCTION_INFO_V1(cerebro_inverse);
PG_FUNCTION_INFO_V1(cerebro_applies);
PG_FUNCTION_INFO_V1(cerebro_close);
PG_FUNCTION_INFO_V1(cerebro_commutes);
PG_FUNCTION_INFO_V1(cerebro_merge);

/* mst + change */
Datum
cerebro_mst_add(PG_FUNCTION_ARGS)
{
	cer_arena *arena = type_enter(fcinfo)->arena;
	const cer_mst *mst = type_get(fcinfo, 0, &type_mst);
	const cer_change *change = type_get(fcinfo, 1, &type_change);
	const cer_mst *result;
	cer_error err;

	host_check(cer_change_apply(arena, mst, change, &result, NULL, &err), &err);
	return type_print(arena, &type_mst, result);
}

/* to - from */
Datum
cerebro_mst_subtract(PG_FUNCTION_ARGS)
{
	cer_arena *arena = type_enter(fcinfo)->arena;
	const cer_mst *to = type_get(fcinfo, 0, &type_mst);
	const cer_mst *from = type_get(fcinfo, 1, &type_mst);
	const cer_change *change;
	cer_error err;

	host_check(cer_change_between(arena, from, to, &change, &err), &err);
	return type_print(arena, &type_change, change);
}

/* first + second */
Datum
cerebro_mst_change_add(PG_FUNCTION_ARGS)
{
	cer_arena *arena = type_enter(fcinfo)->arena;
	const cer_change *first = type_get(fcinfo, 0, &type_change);
	const cer_change *second = type_get(fcinfo, 1, &type_change);
	const cer_change *both;
	cer_error err;

	host_check(cer_change_compose(arena, first, second, &both, &err), &err);
	return type_print(arena, &type_change, both);
}

Datum
cerebro_inverse(PG_FUNCTION_ARGS)
{
	cer_arena *arena = type_enter(fcinfo)->arena;
	const cer_change *change = type_get(fcinfo, 0, &type_change);
	const cer_change *inverse;
	cer_error err;

	if (!cer_change_is_closed(change))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("the change is open and has no inverse"),
		                errdetail("It does not say what was there before."),
		                errhint("Close it with cerebro.close(change, mst).")));
	host_check(cer_change_invert(arena, change, &inverse, &err), &err);
	return type_print(arena, &type_change, inverse);
}

/* Whether a failure tells of the change and the triple, not of the server. */
static bool
is_refusal(cer_status status)
{
	return status == CER_SYNTAX || status == CER_UNKNOWN_NAME ||
	       status == CER_BAD_VALUE || status == CER_TOO_BIG;
}

/* applies(change, mst): does mst + change have a value? */
Datum
cerebro_applies(PG_FUNCTION_ARGS)
{
	cer_arena *arena = type_enter(fcinfo)->arena;
	const cer_change *change = type_get(fcinfo, 0, &type_change);
	const cer_mst *mst = type_get(fcinfo, 1, &type_mst);
	const cer_mst *result;
	cer_text text;
	cer_error err;
	cer_status status;

	status = cer_change_apply(arena, mst, change, &result, NULL, &err);
	if (status == CER_OK)
		status = cer_mst_print(arena, result, &text, &err);
	if (!is_refusal(status))
		host_check(status, &err);
	PG_RETURN_BOOL(status == CER_OK);
}

/* close(change, mst): with the values that it finds there */
Datum
cerebro_close(PG_FUNCTION_ARGS)
{
	cer_arena *arena = type_enter(fcinfo)->arena;
	const cer_change *change = type_get(fcinfo, 0, &type_change);
	const cer_mst *mst = type_get(fcinfo, 1, &type_mst);
	const cer_change *closed;
	const cer_mst *result;
	cer_error err;

	host_check(cer_change_apply(arena, mst, change, &result, &closed, &err),
	           &err);
	return type_print(arena, &type_change, closed);
}

/* commutes(a, b): does it make no difference which comes first? */
Datum
cerebro_commutes(PG_FUNCTION_ARGS)
{
	type_enter(fcinfo);
	PG_RETURN_BOOL(cer_change_commutes(type_get(fcinfo, 0, &type_change),
	                                   type_get(fcinfo, 1, &type_change)));
}

/* merge(base, a, b) */
Datum
cerebro_merge(PG_FUNCTION_ARGS)
{
	cer_arena *arena = type_enter(fcinfo)->arena;
	const cer_mst *base = type_get(fcinfo, 0, &type_mst);
	const cer_mst *a = type_get(fcinfo, 1, &type_mst);
	const cer_mst *b = type_get(fcinfo, 2, &type_mst);
	const cer_mst *merged;
	cer_error err;

	host_check(cer_mst_merge(arena, base, a, b, &merged, &err), &err);
	return type_print(arena, &type_mst, merged);
}
