/*
 * archive.c
 *	  Reading and writing the extension's tables as the extension's owner.
 *
 * Rows of the archive are seen under row policies and written by nobody but
 * the functions of this extension.  The owner of cerebro.task is the role that
 * installed the extension: the tables are members of it, so nobody else can
 * have made them.
 */
#include "cerebro_pg.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

Oid
archive_get_owner(void)
{
	Oid schema = get_namespace_oid("cerebro", false);
	Oid table = get_relname_relid("task", schema);
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
	Oid owner;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
		                errmsg("table \"cerebro.task\" does not exist"),
		                errhint("Install the extension again: DROP EXTENSION "
		                        "cerebro; CREATE EXTENSION cerebro.")));
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

void
archive_enter(ArchiveScope *scope)
{
	Oid owner = archive_get_owner();

	GetUserIdAndSecContext(&scope->user, &scope->security);
	scope->level = NewGUCNestLevel();
	SetUserIdAndSecContext(owner, scope->security |
	                                  SECURITY_LOCAL_USERID_CHANGE |
	                                  SECURITY_RESTRICTED_OPERATION);
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET,
	                         PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

void
archive_leave(ArchiveScope *scope)
{
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
	AtEOXact_GUC(false, scope->level);
	SetUserIdAndSecContext(scope->user, scope->security);
}
