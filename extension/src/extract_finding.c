/*
 * extract_finding.c
 *	  What FE found when it looked at the data: whether each JOIN finds one row
 *	  at most, and whether it always does.
 *
 * As long as the tables are as they were, neither has to be looked at again:
 * a look may join them all.
 */
#include "extract.h"

#include "access/xact.h"
#include "access/xlog.h"

#include "job_sql.h"

bool
extract_recall_finding(const Query *query, FindingMemory *memory)
{
	ArchiveScope scope;
	SqlArgs args = {0};
	bool is_null;
	bool is_known;

	memory->is_kept = false;
	if (!extract_is_on())
		return false;
	query_check(copyObject(unconstify(Query *, query)), "");
	if (!extract_identify_query(query, &memory->id))
		return false;
	archive_enter(&scope);
	sql_add_bytes(&args, memory->id.bytes, CER_ID_SIZE);
	is_known = sql_run("SELECT is_found FROM cerebro.extract_finding"
	                   " WHERE id OPERATOR(pg_catalog.=) $1",
	                   &args) > 0;
	if (is_known)
		memory->is_found = DatumGetBool(sql_get(1, &is_null));
	archive_leave(&scope);
	memory->is_kept = !is_known;
	return is_known;
}

void
extract_keep_finding(const Task *task, const FindingMemory *memory)
{
	ArchiveScope scope;
	SqlArgs args = {0};

	if (!memory->is_kept || XactReadOnly || RecoveryInProgress() ||
	    IsInParallelMode() || !extract_lock(&memory->id))
		return;
	archive_enter(&scope);
	sql_add_bytes(&args, memory->id.bytes, CER_ID_SIZE);
	sql_add_int4(&args, task->id);
	sql_add_bool(&args, memory->is_found);
	sql_run("INSERT INTO cerebro.extract_finding (id, task, is_found)"
	        " SELECT $1, t.id, $3 FROM cerebro.task t"
	        " WHERE t.id OPERATOR(pg_catalog.=) $2 ON CONFLICT DO NOTHING",
	        &args);
	archive_leave(&scope);
}
