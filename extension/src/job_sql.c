/*
 * job_sql.c
 *	  Parameters of a statement over the archive, added one by one.
 *
 * A training makes hundreds of statements of a few kinds, whose plans a session
 * keeps: to parse and plan one takes longer than to run it.
 */
#include "cerebro_pg.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "job_sql.h"

#define MAX_PLANS 256 /* that a session keeps */

typedef struct KeptPlan
{
	uint64 hash; /* of text and types */
	char *sql;
	int n;
	Oid types[MAX_SQL_ARGS];
	SPIPlanPtr plan;
} KeptPlan;

static HTAB *plans = NULL;

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

/* ------------------------------------------------------------ plans */

static void
make_plans(void)
{
	HASHCTL control = {.keysize = sizeof(uint64),
	                   .entrysize = sizeof(KeptPlan),
	                   .hcxt = TopMemoryContext};

	plans = hash_create("cerebro statements", MAX_PLANS, &control,
	                    HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static uint64
hash_statement(const char *sql, const SqlArgs *args)
{
	uint64 types = hash_bytes_extended((const unsigned char *) args->types,
	                                   args->n * sizeof(Oid), args->n);

	return hash_bytes_extended((const unsigned char *) sql, (int) strlen(sql),
	                           types);
}

static bool
is_of(const KeptPlan *kept, const char *sql, const SqlArgs *args)
{
	return strcmp(kept->sql, sql) == 0 && kept->n == args->n &&
	       memcmp(kept->types, args->types, args->n * sizeof(Oid)) == 0;
}

static SPIPlanPtr
keep_plan(uint64 hash, const char *sql, SqlArgs *args)
{
	SPIPlanPtr plan = SPI_prepare(sql, args->n, args->types);
	char *text;
	KeptPlan *kept;

	if (plan == NULL || SPI_keepplan(plan) != 0)
		elog(ERROR, "\"%s\" failed: %s", sql,
		     SPI_result_code_string(SPI_result));
	text = MemoryContextStrdup(TopMemoryContext, sql);
	kept = hash_search(plans, &hash, HASH_ENTER, NULL);
	kept->sql = text;
	kept->n = args->n;
	memcpy(kept->types, args->types, args->n * sizeof(Oid));
	kept->plan = plan;
	return plan;
}

/* NULL: there are too many. */
static SPIPlanPtr
find_plan(const char *sql, SqlArgs *args)
{
	uint64 hash = hash_statement(sql, args);
	const KeptPlan *kept;

	if (plans == NULL)
		make_plans();
	kept = hash_search(plans, &hash, HASH_FIND, NULL);
	if (kept != NULL)
		return is_of(kept, sql, args) ? kept->plan : NULL;
	if (hash_get_num_entries(plans) == MAX_PLANS)
		return NULL;
	return keep_plan(hash, sql, args);
}

uint64
sql_run(const char *sql, SqlArgs *args)
{
	SPIPlanPtr plan = find_plan(sql, args);
	int rc = plan != NULL
	             ? SPI_execute_plan(plan, args->values, args->nulls, false, 0)
	             : SPI_execute_with_args(sql, args->n, args->types,
	                                     args->values, args->nulls, false, 0);

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
