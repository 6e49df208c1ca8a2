/*
 * fetch.c
 *	  Rows of the extension's own tables, read as PostgreSQL reads its
 *	  catalogs: through an index, under the active snapshot, without a query.
 *
 * Scoring looks up its deployment once per statement, and a query would cost
 * more than the score.  Row policies do not apply here: callers check rights.
 */
#include "cerebro_pg.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

struct ArchiveScan
{
	Relation table;
	Relation index;
	SysScanDesc scan;
	HeapTuple tuple;
};

Oid
archive_get_relid(const char *table)
{
	Oid schema = get_namespace_oid("cerebro", false);
	Oid relid = get_relname_relid(table, schema);

	if (!OidIsValid(relid))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
		                errmsg("table \"cerebro.%s\" does not exist", table),
		                errhint("Run CREATE EXTENSION cerebro.")));
	return relid;
}

/* Rows in order of the primary key, whose first columns equal the keys. */
static ArchiveScan *
begin_scan(const char *table, const RegProcedure *equal, const Datum *keys,
           int n_keys)
{
	ArchiveScan *scan = palloc0(sizeof(ArchiveScan));
	ScanKeyData scankeys[2];

	Assert(n_keys <= lengthof(scankeys));
	scan->table = table_open(archive_get_relid(table), AccessShareLock);
	scan->index = index_open(compat_primary_key(scan->table), AccessShareLock);
	for (int i = 0; i < n_keys; i++)
		ScanKeyInit(&scankeys[i], scan->index->rd_index->indkey.values[i],
		            BTEqualStrategyNumber, equal[i], keys[i]);
	scan->scan = systable_beginscan_ordered(
		scan->table, scan->index, GetActiveSnapshot(), n_keys, scankeys);
	return scan;
}

ArchiveScan *
archive_scan_by_id(const char *table, int32 id)
{
	return begin_scan(table, (RegProcedure[]){F_INT4EQ},
	                  (Datum[]){Int32GetDatum(id)}, 1);
}

ArchiveScan *
archive_scan_by_bytes(const char *table, Datum id)
{
	return begin_scan(table, (RegProcedure[]){F_BYTEAEQ}, (Datum[]){id}, 1);
}

ArchiveScan *
archive_scan_by_piece(const char *table, Datum id, int32 number)
{
	return begin_scan(table, (RegProcedure[]){F_BYTEAEQ, F_INT4EQ},
	                  (Datum[]){id, Int32GetDatum(number)}, 2);
}

bool
archive_scan_next(ArchiveScan *scan)
{
	scan->tuple = systable_getnext_ordered(scan->scan, ForwardScanDirection);
	return HeapTupleIsValid(scan->tuple);
}

/* A value of the current row: borrowed until the next one. */
Datum
archive_scan_get(ArchiveScan *scan, const char *column, bool *is_null)
{
	TupleDesc desc = RelationGetDescr(scan->table);
	bool null;
	Datum value;

	for (int i = 0; i < desc->natts; i++)
	{
		if (strcmp(NameStr(TupleDescAttr(desc, i)->attname), column) != 0)
			continue;
		value = heap_getattr(scan->tuple, i + 1, desc, &null);
		if (is_null)
			*is_null = null;
		else if (null)
			elog(ERROR, "column \"%s\" of table \"cerebro.%s\" is null", column,
			     RelationGetRelationName(scan->table));
		return value;
	}
	elog(ERROR, "table \"cerebro.%s\" has no column \"%s\"",
	     RelationGetRelationName(scan->table), column);
}

void
archive_scan_end(ArchiveScan *scan)
{
	systable_endscan_ordered(scan->scan);
	index_close(scan->index, AccessShareLock);
	table_close(scan->table, AccessShareLock);
	pfree(scan);
}
