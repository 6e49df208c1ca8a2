/*
 * relationship.c
 *	  References between tables that hold for most rows, though not for all: no
 *	  foreign key can be declared for them, yet rows may be joined along them.
 *
 * The counts come from a query that runs as the caller; only the row that
 * keeps them is written as the extension's owner.
 */
#include "cerebro_pg.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

PG_FUNCTION_INFO_V1(cerebro_add_relationship);
PG_FUNCTION_INFO_V1(cerebro_drop_relationship);

typedef struct Side
{
	Oid relation;
	char *name; /* qualified, quoted */
	char **columns;
	int n_columns;
	Oid *types;
} Side;

typedef struct MatchCount
{
	int64 n_rows;
	int64 n_matched;
} MatchCount;

static void
init_side(Side *side, Oid relation, Datum columns)
{
	char *name = get_rel_name(relation);

	if (name == NULL)
		ereport(ERROR,
		        (errcode(ERRCODE_UNDEFINED_TABLE),
		         errmsg("relation with OID %u does not exist", relation)));
	side->relation = relation;
	side->name = quote_qualified_identifier(
		get_namespace_name_or_temp(get_rel_namespace(relation)), name);
	side->columns = texts_from_array(columns, &side->n_columns);
	side->types = palloc((side->n_columns + 1) * sizeof(Oid));
	for (int i = 0; i < side->n_columns; i++)
	{
		AttrNumber attribute = get_attnum(relation, side->columns[i]);

		if (attribute <= 0)
			ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
			                errmsg("column \"%s\" of %s does not exist",
			                       side->columns[i], side->name)));
		side->types[i] = get_atttype(relation, attribute);
	}
}

static void
check_sides(const Side *child, const Side *parent)
{
	if (child->n_columns == 0 || child->n_columns != parent->n_columns)
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("%d columns of %s cannot refer to %d of %s",
		                child->n_columns, child->name, parent->n_columns,
		                parent->name),
		         errhint("List the columns of both in the same order.")));
}

/* The operator as text that means it under any search path. */
static char *
print_equality(Oid left, Oid right)
{
	TypeCacheEntry *type = lookup_type_cache(left, TYPECACHE_EQ_OPR);
	HeapTuple tuple;
	Form_pg_operator form;
	char *text;

	if (left != right || !OidIsValid(type->eq_opr))
		return "OPERATOR(pg_catalog.=)";
	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(type->eq_opr));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator %u", type->eq_opr);
	form = (Form_pg_operator) GETSTRUCT(tuple);
	text = psprintf("OPERATOR(%s.%s)",
	                quote_identifier(get_namespace_name(form->oprnamespace)),
	                NameStr(form->oprname));
	ReleaseSysCache(tuple);
	return text;
}

/* "c.a, c.b" or, with a suffix, "c.a IS NOT NULL AND c.b IS NOT NULL" */
static void
append_columns(StringInfo sql, const Side *side, const char *alias,
               const char *suffix, const char *separator)
{
	for (int i = 0; i < side->n_columns; i++)
		appendStringInfo(sql, "%s%s.%s%s", i > 0 ? separator : "", alias,
		                 quote_identifier(side->columns[i]), suffix);
}

static void
append_match(StringInfo sql, const Side *child, const Side *parent)
{
	for (int i = 0; i < child->n_columns; i++)
		appendStringInfo(sql, "%sc.%s %s p.%s", i > 0 ? " AND " : "",
		                 quote_identifier(child->columns[i]),
		                 print_equality(child->types[i], parent->types[i]),
		                 quote_identifier(parent->columns[i]));
}

static void
check_parent(const Side *parent)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ROW(");
	append_columns(&sql, parent, "p", "", ", ");
	appendStringInfo(&sql, ")::text FROM %s p WHERE ", parent->name);
	append_columns(&sql, parent, "p", " IS NOT NULL", " AND ");
	appendStringInfoString(&sql, " GROUP BY ");
	append_columns(&sql, parent, "p", "", ", ");
	appendStringInfoString(&sql, " HAVING count(*) > 1 LIMIT 1");
	if (SPI_execute(sql.data, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read the parent");
	if (SPI_processed > 0)
		ereport(
			ERROR,
			(errcode(ERRCODE_UNIQUE_VIOLATION),
		     errmsg("the columns do not identify a row of %s", parent->name),
		     errdetail(
				 "%s is there more than once.",
				 SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1)),
		     errhint("The parent is the table of which a row of the other "
		             "has at most one.")));
}

/* The parent's columns are unique, so a child row is joined at most once. */
static MatchCount
count_matches(const Side *child, const Side *parent)
{
	StringInfoData sql;
	HeapTuple row;
	TupleDesc desc;
	bool is_null;

	initStringInfo(&sql);
	appendStringInfo(&sql,
	                 "SELECT count(*), count(p.%s) FROM %s c LEFT JOIN %s p "
	                 "ON (",
	                 quote_identifier(parent->columns[0]), child->name,
	                 parent->name);
	append_match(&sql, child, parent);
	appendStringInfoString(&sql, ") WHERE ");
	append_columns(&sql, child, "c", " IS NOT NULL", " AND ");
	if (SPI_execute(sql.data, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read the child");
	row = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	return (MatchCount){
		.n_rows = DatumGetInt64(SPI_getbinval(row, desc, 1, &is_null)),
		.n_matched = DatumGetInt64(SPI_getbinval(row, desc, 2, &is_null)),
	};
}

static MatchCount
measure(const Side *child, const Side *parent)
{
	int level = NewGUCNestLevel();
	MatchCount count;

	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET,
	                         PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	check_parent(parent);
	count = count_matches(child, parent);
	SPI_finish();
	AtEOXact_GUC(false, level);
	return count;
}

static void
store(const Side *child, const Side *parent, MatchCount count)
{
	Datum values[] = {
		ObjectIdGetDatum(child->relation),
		texts_to_array(child->columns, child->n_columns),
		ObjectIdGetDatum(parent->relation),
		texts_to_array(parent->columns, parent->n_columns),
		ObjectIdGetDatum(GetUserId()),
		Int64GetDatum(count.n_rows),
		Int64GetDatum(count.n_matched),
	};
	Oid types[] = {OIDOID, TEXTARRAYOID, OIDOID, TEXTARRAYOID,
	               OIDOID, INT8OID,      INT8OID};
	ArchiveScope scope;

	archive_enter(&scope);
	SPI_execute_with_args(
		"INSERT INTO cerebro.relationship AS r (child, child_columns, parent, "
		"parent_columns, owner, n_rows, n_matched) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7) "
		"ON CONFLICT (owner, child, child_columns, parent, parent_columns) "
		"WHERE owner <> 0::oid DO UPDATE SET n_rows = $6, n_matched = $7, created_at = now()",
		lengthof(values), types, values, NULL, false, 0);
	archive_leave(&scope);
}

Datum
cerebro_add_relationship(PG_FUNCTION_ARGS)
{
	Side child;
	Side parent;
	MatchCount count;

	PreventCommandIfReadOnly("cerebro.add_relationship()");
	init_side(&child, PG_GETARG_OID(0), PG_GETARG_DATUM(1));
	init_side(&parent, PG_GETARG_OID(2), PG_GETARG_DATUM(3));
	check_sides(&child, &parent);
	count = measure(&child, &parent);
	store(&child, &parent, count);
	if (count.n_rows == 0)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8((double) count.n_matched / (double) count.n_rows);
}

Datum
cerebro_drop_relationship(PG_FUNCTION_ARGS)
{
	Datum values[] = {Int32GetDatum(PG_GETARG_INT32(0)),
	                  ObjectIdGetDatum(GetUserId())};
	ArchiveScope scope;

	archive_enter(&scope);
	SPI_execute_with_args("DELETE FROM cerebro.relationship WHERE id = $1 "
	                      "AND cerebro.is_owner(owner, $2)",
	                      2, (Oid[]){INT4OID, OIDOID}, values, NULL, false, 0);
	if (SPI_processed == 0)
		ereport(ERROR,
		        (errcode(ERRCODE_UNDEFINED_OBJECT),
		         errmsg("relationship %d does not exist", PG_GETARG_INT32(0)),
		         errhint("cerebro.relationships lists them.")));
	archive_leave(&scope);
	PG_RETURN_VOID();
}
