/*
 * type_describe.c
 *	  Triples for people and for programs: every default spelt out, JSON, how
 *	  a structure is made.
 */
#include "type.h"

#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "structure.h"

PG_FUNCTION_INFO_V1(cerebro_describe);
PG_FUNCTION_INFO_V1(cerebro_mst_to_jsonb);
PG_FUNCTION_INFO_V1(cerebro_mst_from_jsonb);
PG_FUNCTION_INFO_V1(cerebro_mst_change_to_jsonb);
PG_FUNCTION_INFO_V1(cerebro_mst_change_from_jsonb);
PG_FUNCTION_INFO_V1(cerebro_mst_space_to_jsonb);
PG_FUNCTION_INFO_V1(cerebro_mst_space_from_jsonb);
PG_FUNCTION_INFO_V1(cerebro_mst_pattern_to_jsonb);
PG_FUNCTION_INFO_V1(cerebro_mst_pattern_from_jsonb);
PG_FUNCTION_INFO_V1(cerebro_structure);

Datum
cerebro_describe(PG_FUNCTION_ARGS)
{
	cer_arena *arena = type_enter(fcinfo)->arena;
	const cer_mst *mst = type_get(fcinfo, 0, &type_mst);
	cer_text text;
	cer_error err;

	host_check(cer_mst_describe(arena, mst, &text, &err), &err);
	return type_make(text);
}

/* ------------------------------------------------------------------- JSON */

static Datum
make_jsonb(cer_text json)
{
	return DirectFunctionCall1(jsonb_in,
	                           CStringGetDatum(pnstrdup(json.data, json.size)));
}

static cer_text
get_json(FunctionCallInfo fcinfo)
{
	Jsonb *json = PG_GETARG_JSONB_P(0);

	return host_text(JsonbToCString(NULL, &json->root, VARSIZE(json)));
}

Datum
cerebro_mst_to_jsonb(PG_FUNCTION_ARGS)
{
	cer_arena *arena = type_enter(fcinfo)->arena;
	const cer_mst *mst = type_get(fcinfo, 0, &type_mst);
	cer_text json;
	cer_error err;

	host_check(cer_mst_to_json(arena, mst, &json, &err), &err);
	return make_jsonb(json);
}

Datum
cerebro_mst_from_jsonb(PG_FUNCTION_ARGS)
{
	cer_arena *arena = type_enter(fcinfo)->arena;
	const cer_mst *mst;
	cer_error err;

	host_check(cer_mst_from_json(arena, get_json(fcinfo), &mst, &err), &err);
	return type_print(arena, &type_mst, mst);
}

Datum
cerebro_mst_change_to_jsonb(PG_FUNCTION_ARGS)
{
	cer_arena *arena = type_enter(fcinfo)->arena;
	const cer_change *change = type_get(fcinfo, 0, &type_change);
	cer_text json;
	cer_error err;

	host_check(cer_change_to_json(arena, change, &json, &err), &err);
	return make_jsonb(json);
}

Datum
cerebro_mst_change_from_jsonb(PG_FUNCTION_ARGS)
{
	cer_arena *arena = type_enter(fcinfo)->arena;
	const cer_change *change;
	cer_error err;

	host_check(cer_change_from_json(arena, get_json(fcinfo), &change, &err),
	           &err);
	return type_print(arena, &type_change, change);
}

Datum
cerebro_mst_space_to_jsonb(PG_FUNCTION_ARGS)
{
	cer_arena *arena = type_enter(fcinfo)->arena;
	const cer_space *space = type_get(fcinfo, 0, &type_space);
	cer_text json;
	cer_error err;

	host_check(cer_space_to_json(arena, space, &json, &err), &err);
	return make_jsonb(json);
}

Datum
cerebro_mst_space_from_jsonb(PG_FUNCTION_ARGS)
{
	cer_arena *arena = type_enter(fcinfo)->arena;
	const cer_space *space;
	cer_error err;

	host_check(cer_space_from_json(arena, get_json(fcinfo), &space, &err),
	           &err);
	return type_print(arena, &type_space, space);
}

Datum
cerebro_mst_pattern_to_jsonb(PG_FUNCTION_ARGS)
{
	cer_arena *arena = type_enter(fcinfo)->arena;
	const cer_pattern *pattern = type_get(fcinfo, 0, &type_pattern);
	cer_text json;
	cer_error err;

	host_check(cer_pattern_to_json(arena, pattern, &json, &err), &err);
	return make_jsonb(json);
}

Datum
cerebro_mst_pattern_from_jsonb(PG_FUNCTION_ARGS)
{
	cer_arena *arena = type_enter(fcinfo)->arena;
	const cer_pattern *pattern;
	cer_error err;

	host_check(cer_pattern_from_json(arena, get_json(fcinfo), &pattern, &err),
	           &err);
	return type_print(arena, &type_pattern, pattern);
}

/* ------------------------------------------------------------------ words */

static cer_text
get_text(Datum datum)
{
	text *value = DatumGetTextPP(datum);

	return (cer_text){VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)};
}

Datum
cerebro_structure(PG_FUNCTION_ARGS)
{
	cer_arena *arena = type_enter(fcinfo)->arena;
	cer_text name = get_text(PG_GETARG_DATUM(0));
	cer_text definition;
	cer_error err;
	cer_status status = cer_structure_describe(arena, name, &definition, &err);

	if (status == CER_UNKNOWN_NAME &&
	    structure_find(pnstrdup(name.data, name.size), &definition))
		status = CER_OK;
	structure_check(status, &err, NULL);
	return type_make(definition);
}
