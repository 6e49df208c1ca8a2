/*
 * job_sql.h
 *	  Parameters of a statement over the archive, added one by one.
 */
#ifndef CEREBRO_JOB_SQL_H
#define CEREBRO_JOB_SQL_H

#include "cerebro_pg.h"

#include "datatype/timestamp.h"

#define MAX_SQL_ARGS 24

typedef struct SqlArgs
{
	int n;
	Oid types[MAX_SQL_ARGS];
	Datum values[MAX_SQL_ARGS];
	char nulls[MAX_SQL_ARGS];
} SqlArgs;

extern void sql_add(SqlArgs *args, Oid type, Datum value, bool is_null);
extern void sql_add_int4(SqlArgs *args, int32 value);
extern void sql_add_int8(SqlArgs *args, int64 value);
extern void sql_add_bool(SqlArgs *args, bool value);
extern void sql_add_text(SqlArgs *args, const char *value); /* NULL is NULL */
extern void sql_add_double(SqlArgs *args, double value);    /* NaN is NULL */
extern void sql_add_time(SqlArgs *args, TimestampTz value); /* 0 is NULL */
extern void sql_add_role(SqlArgs *args, Oid role);
extern void sql_add_bytes(SqlArgs *args, const void *data, Size size);

/* Between archive_enter and archive_leave; returns how many rows. */
extern uint64 sql_run(const char *sql, SqlArgs *args);
/* Of the first row of the last statement, from 1. */
extern Datum sql_get(int column, bool *is_null);

#endif
