/*
 * fe_time.c
 *	  cerebro.set_time(): the column of a table that tells when a row came to be
 *	  known.  Declared, never guessed.
 */
#include "cerebro_pg.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(cerebro_set_time);

static void
check_right(Oid relation)
{
	if (get_rel_name(relation) == NULL)
		ereport(ERROR,
		        (errcode(ERRCODE_UNDEFINED_TABLE),
		         errmsg("relation with OID %u does not exist", relation)));
	if (pg_class_aclcheck(relation, GetUserId(), ACL_SELECT) != ACLCHECK_OK &&
	    pg_attribute_aclcheck_all(relation, GetUserId(), ACL_SELECT,
	                              ACLMASK_ANY) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, get_rel_name(relation));
}

static void
check_column(Oid relation, const char *column)
{
	AttrNumber attribute = get_attnum(relation, column);
	Oid type;

	if (attribute <= 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
		                errmsg("column \"%s\" of \"%s\" does not exist", column,
		                       get_rel_name(relation))));
	type = getBaseType(get_atttype(relation, attribute));
	if (type != DATEOID && type != TIMESTAMPOID && type != TIMESTAMPTZOID)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
		                errmsg("column \"%s\" of \"%s\" is of type %s", column,
		                       get_rel_name(relation), format_type_be(type)),
		                errdetail("It tells when a row came to be known: a "
		                          "date or a timestamp.")));
}

Datum
cerebro_set_time(PG_FUNCTION_ARGS)
{
	Oid relation;
	char *column;
	Datum values[3];
	Oid types[] = {OIDOID, OIDOID, TEXTOID};
	ArchiveScope scope;

	PreventCommandIfReadOnly("cerebro.set_time()");
	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
		                errmsg("a time column needs a table")));
	relation = PG_GETARG_OID(0);
	check_right(relation);
	values[0] = ObjectIdGetDatum(relation);
	values[1] = ObjectIdGetDatum(GetUserId());
	column = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));
	if (column != NULL)
	{
		check_column(relation, column);
		values[2] = CStringGetTextDatum(column);
	}
	archive_enter(&scope);
	if (column == NULL)
		SPI_execute_with_args("DELETE FROM cerebro.time_column "
		                      "WHERE relation::oid = $1 AND owner::oid = $2",
		                      2, types, values, NULL, false, 0);
	else
		SPI_execute_with_args(
			"INSERT INTO cerebro.time_column (relation, owner, column_name) "
			"VALUES ($1, $2, $3) ON CONFLICT (owner, relation) "
			"WHERE owner <> 0::oid "
			"DO UPDATE SET column_name = $3, created_at = now()",
			3, types, values, NULL, false, 0);
	archive_leave(&scope);
	PG_RETURN_VOID();
}
