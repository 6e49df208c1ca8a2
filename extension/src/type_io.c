/*
 * type_io.c
 *	  Text and binary forms.  Whatever comes in is parsed and stored as its
 *	  canonical text; binary is a byte of version, then that text.
 */
#include "type.h"

#include "libpq/pqformat.h"
#include "utils/builtins.h"

#define BINARY_VERSION 1

PG_FUNCTION_INFO_V1(cerebro_mst_in);
PG_FUNCTION_INFO_V1(cerebro_mst_recv);
PG_FUNCTION_INFO_V1(cerebro_mst_change_in);
PG_FUNCTION_INFO_V1(cerebro_mst_change_recv);
PG_FUNCTION_INFO_V1(cerebro_mst_space_in);
PG_FUNCTION_INFO_V1(cerebro_mst_space_recv);
PG_FUNCTION_INFO_V1(cerebro_mst_pattern_in);
PG_FUNCTION_INFO_V1(cerebro_mst_pattern_recv);
PG_FUNCTION_INFO_V1(cerebro_mst_send);

/* NULL where the error was kept in the call's context. */
static Datum
take_text(FunctionCallInfo fcinfo, const TypeKind *kind, cer_text text)
{
	cer_arena *arena = type_enter(fcinfo)->arena;
	const void *value;
	cer_text canonical;
	cer_error err;
	cer_status status;

	status = kind->parse(arena, text, &value, &err);
	if (status == CER_OK)
		status = kind->print(arena, value, &canonical, &err);
	if (status != CER_OK)
	{
		host_save(fcinfo->context, status, &err);
		PG_RETURN_NULL();
	}
	return type_make(canonical);
}

static Datum
take_string(FunctionCallInfo fcinfo, const TypeKind *kind)
{
	return take_text(fcinfo, kind, host_text(PG_GETARG_CSTRING(0)));
}

static Datum
take_message(FunctionCallInfo fcinfo, const TypeKind *kind)
{
	StringInfo message = (StringInfo) PG_GETARG_POINTER(0);
	int version = pq_getmsgbyte(message);
	char *text;
	int size;

	if (version != BINARY_VERSION)
		ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
		                errmsg("unknown version %d of binary format of type %s",
		                       version, kind->name)));
	text = pq_getmsgtext(message, message->len - message->cursor, &size);
	return take_text(fcinfo, kind, (cer_text){text, size});
}

Datum
cerebro_mst_in(PG_FUNCTION_ARGS)
{
	return take_string(fcinfo, &type_mst);
}

Datum
cerebro_mst_recv(PG_FUNCTION_ARGS)
{
	return take_message(fcinfo, &type_mst);
}

Datum
cerebro_mst_change_in(PG_FUNCTION_ARGS)
{
	return take_string(fcinfo, &type_change);
}

Datum
cerebro_mst_change_recv(PG_FUNCTION_ARGS)
{
	return take_message(fcinfo, &type_change);
}

Datum
cerebro_mst_space_in(PG_FUNCTION_ARGS)
{
	return take_string(fcinfo, &type_space);
}

Datum
cerebro_mst_space_recv(PG_FUNCTION_ARGS)
{
	return take_message(fcinfo, &type_space);
}

Datum
cerebro_mst_pattern_in(PG_FUNCTION_ARGS)
{
	return take_string(fcinfo, &type_pattern);
}

Datum
cerebro_mst_pattern_recv(PG_FUNCTION_ARGS)
{
	return take_message(fcinfo, &type_pattern);
}

/* Of all four types. */
Datum
cerebro_mst_send(PG_FUNCTION_ARGS)
{
	text *value = PG_GETARG_TEXT_PP(0);
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendbyte(&message, BINARY_VERSION);
	pq_sendtext(&message, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}
