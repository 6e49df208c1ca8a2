/*
 * job_sql.c
 *	  Parameters of a statement over the archive, added one by one.
 */
#include "cerebro_pg.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "job_sql.h"

void
sql_add(SqlArgs *args, Oid type, Datum value, bool is_null)
{
	Assert(args->n < MAX_SQL_ARGS);
	args->types[args->n] = type;
	args->values[args->n] = value;
	args->nulls[args->n] = is_null ? 'n' : ' ';
	args->n++;
}

void
sql_add_int4(SqlArgs *args, int32 value)
{
	sql_add(args, INT4OID, Int32GetDatum(value), false);
}

void
sql_add_int8(SqlArgs *args, int64 value)
{
	sql_add(args, INT8OID, Int64GetDatum(value), false);
}

void
sql_add_bool(SqlArgs *args, bool value)
{
	sql_add(args, BOOLOID, BoolGetDatum(value), false);
}

void
sql_add_text(SqlArgs *args, const char *value)
{
	sql_add(args, TEXTOID, value ? CStringGetTextDatum(value) : (Datum) 0,
	        value == NULL);
}

void
sql_add_double(SqlArgs *args, double value)
{
	sql_add(args, FLOAT8OID, Float8GetDatum(value), isnan(value));
}

void
sql_add_time(SqlArgs *args, TimestampTz value)
{
	sql_add(args, TIMESTAMPTZOID, TimestampTzGetDatum(value), value == 0);
}

void
sql_add_role(SqlArgs *args, Oid role)
{
	sql_add(args, REGROLEOID, ObjectIdGetDatum(role), false);
}

void
sql_add_bytes(SqlArgs *args, const void *data, Size size)
{
	bytea *bytes = palloc(VARHDRSZ + size);

	SET_VARSIZE(bytes, VARHDRSZ + size);
	memcpy(VARDATA(bytes), data, size);
	sql_add(args, BYTEAOID, PointerGetDatum(bytes), false);
}

uint64
sql_run(const char *sql, SqlArgs *args)
{
	int rc = SPI_execute_with_args(sql, args->n, args->types, args->values,
	                               args->nulls, false, 0);

	if (rc < 0)
		elog(ERROR, "\"%s\" failed: %s", sql, SPI_result_code_string(rc));
	return SPI_processed;
}

Datum
sql_get(int column, bool *is_null)
{
	return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column,
	                     is_null);
}
