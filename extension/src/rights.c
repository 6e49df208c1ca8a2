/*
 * rights.c
 *	  Whose rows of the archive are: grants on models, reassign.
 *
 * Rows of a role that is gone are the extension's owner's, who may reassign
 * them by the role's number or as their own.
 */
#include "cerebro_pg.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/inval.h"
#include "utils/syscache.h"

#include "job_sql.h"

PG_FUNCTION_INFO_V1(cerebro_grant_model);
PG_FUNCTION_INFO_V1(cerebro_revoke_model);
PG_FUNCTION_INFO_V1(cerebro_reassign);
PG_FUNCTION_INFO_V1(cerebro_check_model);
PG_FUNCTION_INFO_V1(cerebro_check_models);

static void
check_role(Oid role)
{
	if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(role)))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
		                errmsg("role with OID %u does not exist", role)));
}

/* Sessions that score with the model look at rights again. */
static void
tell_sessions(void)
{
	CacheInvalidateRelcacheByRelid(archive_get_relid("model_grant"));
}

Datum
cerebro_grant_model(PG_FUNCTION_ARGS)
{
	Oid role = PG_GETARG_OID(1);
	char *privilege = asc_tolower(text_to_cstring(PG_GETARG_TEXT_PP(2)),
	                              VARSIZE_ANY_EXHDR(PG_GETARG_TEXT_PP(2)));
	Oid grantor = GetUserId();
	ArchiveScope scope;
	SqlArgs args = {0};
	Model model;

	PreventCommandIfReadOnly("cerebro.grant_model()");
	(void) model_find_right(privilege);
	check_role(role);
	model_open(PG_GETARG_INT32(0), &model);
	archive_enter(&scope);
	sql_add_int4(&args, model.id);
	sql_add_role(&args, role);
	sql_add_text(&args, privilege);
	sql_add_role(&args, grantor);
	sql_run("INSERT INTO cerebro.model_grant (model, role, privilege, grantor)"
	        " VALUES ($1, $2, $3, $4) ON CONFLICT (model, role) DO UPDATE"
	        " SET privilege = EXCLUDED.privilege, grantor = EXCLUDED.grantor",
	        &args);
	archive_leave(&scope);
	tell_sessions();
	PG_RETURN_VOID();
}

Datum
cerebro_revoke_model(PG_FUNCTION_ARGS)
{
	ArchiveScope scope;
	SqlArgs args = {0};
	Model model;
	uint64 n;

	PreventCommandIfReadOnly("cerebro.revoke_model()");
	model_open(PG_GETARG_INT32(0), &model);
	archive_enter(&scope);
	sql_add_int4(&args, model.id);
	sql_add_role(&args, PG_GETARG_OID(1));
	n = sql_run("DELETE FROM cerebro.model_grant"
	            " WHERE model OPERATOR(pg_catalog.=) $1"
	            " AND role OPERATOR(pg_catalog.=) $2",
	            &args);
	archive_leave(&scope);
	tell_sessions();
	PG_RETURN_BOOL(n > 0);
}

/* --------------------------------------------------------------- reassign */

/* Of a row r: it is role $1's, who may be the extension's owner. */
#define IS_OLD(r)                                       \
	"(" r ".owner OPERATOR(pg_catalog.=) $1"            \
	" OR cerebro.owner_of(" r ".owner)::pg_catalog.oid" \
	" OPERATOR(pg_catalog.=) $1)"
#define IS_NEW(r) "(" r ".owner OPERATOR(pg_catalog.=) $2)"

static const char *const owner_tables[] = {
	"task",         "job",         "model",    "evaluation", "deployment",
	"relationship", "time_column", "artefact", "structure"};

/* What says the same twice: one of them is enough. */
static const struct
{
	const char *table;
	const char *key; /* columns of %1$s */
} repeated[] = {
	{"relationship", "%1$s.child, %1$s.child_columns, %1$s.parent, "
                     "%1$s.parent_columns"},
	{"time_column", "%1$s.relation"},
	{"structure", "%1$s.name, %1$s.definition"},
};

static uint64
run_for_roles(const char *sql, Oid from, Oid to)
{
	SqlArgs args = {0};

	sql_add_role(&args, from);
	sql_add_role(&args, to);
	return sql_run(sql, &args);
}

/* Two tasks of one name cannot have one owner; structures alike. */
static void
check_tasks(Oid from, Oid to)
{
	bool is_null;
	int32 one;
	int32 other;

	if (run_for_roles("SELECT a.name, a.id, b.id FROM cerebro.task a"
	                  " JOIN cerebro.task b"
	                  " ON b.name OPERATOR(pg_catalog.=) a.name"
	                  " AND b.id OPERATOR(pg_catalog.<>) a.id"
	                  " WHERE " IS_OLD("a") " AND (" IS_OLD("b") " OR " IS_NEW(
						  "b") ") ORDER BY a.name, a.id, b.id LIMIT 1",
	                  from, to) == 0)
		return;
	one = DatumGetInt32(sql_get(2, &is_null));
	other = DatumGetInt32(sql_get(3, &is_null));
	ereport(ERROR,
	        (errcode(ERRCODE_DUPLICATE_OBJECT),
	         errmsg("tasks %d and %d are both named \"%s\"", Min(one, other),
	                Max(one, other), TextDatumGetCString(sql_get(1, &is_null))),
	         errdetail("One role cannot own both."),
	         errhint("Give one of them another name with "
	                 "cerebro.rename_task(%d, ...).",
	                 one)));
}

static void
check_structures(Oid from, Oid to)
{
	bool is_null;

	if (run_for_roles("SELECT a.name FROM cerebro.structure a WHERE " IS_OLD(
						  "a") " OR " IS_NEW("a") " GROUP BY a.name"
	                                              " HAVING pg_catalog.count(*)"
	                                              " OPERATOR(pg_catalog.>) 1"
	                                              " ORDER BY a.name LIMIT 1",
	                  from, to) > 0)
		ereport(
			ERROR,
			(errcode(ERRCODE_DUPLICATE_OBJECT),
		     errmsg("there are two structures \"%s\" for one owner",
		            TextDatumGetCString(sql_get(1, &is_null))),
		     errhint(
				 "Drop one of them with cerebro.drop_structure; models keep the one that they were trained "
				 "with.")));
}

static void
drop_repeated(Oid from, Oid to)
{
	for (int i = 0; i < lengthof(repeated); i++)
	{
		const char *table = repeated[i].table;
		char *a = psprintf(repeated[i].key, "a");
		char *b = psprintf(repeated[i].key, "b");

		run_for_roles(
			psprintf("DELETE FROM cerebro.%1$s a USING cerebro.%1$s b"
		             " WHERE (%2$s) OPERATOR(pg_catalog.=) (%3$s)"
		             " AND " IS_OLD("a") " AND (" IS_NEW("b") " OR " IS_OLD(
						 "b") " AND b.ctid OPERATOR(pg_catalog.<) a.ctid)",
		             table, a, b),
			from, to);
	}
}

static uint64
reassign_rows(Oid from, Oid to)
{
	uint64 n = 0;

	check_tasks(from, to);
	drop_repeated(from, to);
	check_structures(from, to);
	for (int i = 0; i < lengthof(owner_tables); i++)
		n += run_for_roles(psprintf("UPDATE cerebro.%s r SET owner = $2"
		                            " WHERE " IS_OLD("r"),
		                            owner_tables[i]),
		                   from, to);
	run_for_roles("UPDATE cerebro.model_grant SET grantor = $2"
	              " WHERE grantor OPERATOR(pg_catalog.=) $1",
	              from, to);
	run_for_roles("DELETE FROM cerebro.model_grant"
	              " WHERE role OPERATOR(pg_catalog.=) $1"
	              " AND $2 OPERATOR(pg_catalog.<>) $1",
	              from, to);
	return n;
}

static uint64
reassign(Oid from, Oid to)
{
	ArchiveScope scope;
	uint64 n;

	if (from == to)
		return 0;
	archive_enter(&scope);
	n = reassign_rows(from, to);
	archive_leave(&scope);
	tell_sessions();
	return n;
}

static void
check_member(Oid role)
{
	if (owner_has(role, GetUserId()))
		return;
	ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
	                errmsg("permission denied to reassign rows of role \"%s\"",
	                       owner_get_name(role)),
	                errhint("Only a member of both roles may do so.")));
}

Datum
cerebro_reassign(PG_FUNCTION_ARGS)
{
	Oid from = PG_GETARG_OID(0);
	Oid to = PG_GETARG_OID(1);

	PreventCommandIfReadOnly("cerebro.reassign()");
	check_role(to);
	check_member(from);
	check_member(to);
	PG_RETURN_INT64((int64) reassign(from, to));
}

/* ------------------------------------------------------------------ models */

/* For functions in SQL: the id of a model that the caller may read. */
Datum
cerebro_check_model(PG_FUNCTION_ARGS)
{
	Model model;

	model_open_to(PG_GETARG_INT32(0), RIGHT_READ, &model);
	PG_RETURN_INT32(model.id);
}

/* The same of several, as an array; NULL and no models at all are errors. */
Datum
cerebro_check_models(PG_FUNCTION_ARGS)
{
	Datum *ids;
	bool *nulls;
	Model model;
	int n = 0;

	if (!PG_ARGISNULL(0))
		deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), INT4OID, sizeof(int32),
		                  true, TYPALIGN_INT, &ids, &nulls, &n);
	if (n == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("no models are given")));
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			                errmsg("a model must not be NULL"),
			                errdetail("It is number %d of %d.", i + 1, n)));
		model_open_to(DatumGetInt32(ids[i]), RIGHT_READ, &model);
	}
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}
