/*
 * rights.c
 *	  Whose rows of the archive are: grants on models, reassign.
 *
 * A role that is gone owns nothing that anybody but a superuser, as whom the
 * extension was installed, is a member of: its rows are theirs to reassign.
 */
#include "cerebro_pg.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/inval.h"
#include "utils/syscache.h"

#include "job_sql.h"

PG_FUNCTION_INFO_V1(cerebro_grant_model);
PG_FUNCTION_INFO_V1(cerebro_revoke_model);
PG_FUNCTION_INFO_V1(cerebro_reassign);
PG_FUNCTION_INFO_V1(cerebro_check_model);

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

static const char *const owner_tables[] = {
	"task",         "job",         "model",    "evaluation", "deployment",
	"relationship", "time_column", "artefact", "structure"};

static uint64
reassign_table(const char *table, Oid from, Oid to)
{
	SqlArgs args = {0};

	sql_add_role(&args, from);
	sql_add_role(&args, to);
	return sql_run(psprintf("UPDATE cerebro.%s SET owner = $2"
	                        " WHERE owner OPERATOR(pg_catalog.=) $1",
	                        table),
	               &args);
}

/* Two tasks of one name cannot have one owner; structures alike. */
static void
check_names(const char *table, Oid from, Oid to)
{
	SqlArgs args = {0};
	bool is_null;

	sql_add_role(&args, from);
	sql_add_role(&args, to);
	if (sql_run(psprintf("SELECT a.name FROM cerebro.%s a JOIN cerebro.%s b"
	                     " ON b.name OPERATOR(pg_catalog.=) a.name"
	                     " WHERE a.owner OPERATOR(pg_catalog.=) $1"
	                     " AND b.owner OPERATOR(pg_catalog.=) $2"
	                     " ORDER BY a.name",
	                     table, table),
	            &args) > 0)
		ereport(ERROR,
		        (errcode(ERRCODE_DUPLICATE_OBJECT),
		         errmsg("both roles own a %s \"%s\"", table,
		                TextDatumGetCString(sql_get(1, &is_null))),
		         errhint("Drop one of them, or reassign to another role.")));
}

static void
reassign_grants(Oid from, Oid to)
{
	SqlArgs args = {0};

	sql_add_role(&args, from);
	sql_add_role(&args, to);
	sql_run("UPDATE cerebro.model_grant SET grantor = $2"
	        " WHERE grantor OPERATOR(pg_catalog.=) $1",
	        &args);
	sql_run("DELETE FROM cerebro.model_grant"
	        " WHERE role OPERATOR(pg_catalog.=) $1"
	        " AND $2 OPERATOR(pg_catalog.<>) $1",
	        &args);
}

static void
check_member(Oid role)
{
	if (is_member_of_role(GetUserId(), role))
		return;
	ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
	                errmsg("permission denied to reassign rows of role \"%s\"",
	                       GetUserNameFromId(role, true)
	                           ? GetUserNameFromId(role, true)
	                           : psprintf("%u", role)),
	                errhint("Only a member of both roles may do so.")));
}

Datum
cerebro_reassign(PG_FUNCTION_ARGS)
{
	Oid from = PG_GETARG_OID(0);
	Oid to = PG_GETARG_OID(1);
	ArchiveScope scope;
	uint64 n = 0;

	PreventCommandIfReadOnly("cerebro.reassign()");
	check_role(to);
	check_member(from);
	check_member(to);
	if (from == to)
		PG_RETURN_INT64(0);
	archive_enter(&scope);
	check_names("task", from, to);
	check_names("structure", from, to);
	for (int i = 0; i < lengthof(owner_tables); i++)
		n += reassign_table(owner_tables[i], from, to);
	reassign_grants(from, to);
	archive_leave(&scope);
	tell_sessions();
	PG_RETURN_INT64((int64) n);
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
