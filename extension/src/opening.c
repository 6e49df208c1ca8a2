/*
 * opening.c
 *	  Openings of test rows, recorded whatever becomes of the transaction.
 *
 * The row is written by the transaction that opens.  Where that, or a
 * subtransaction of it, is rolled back, what was seen was seen all the same: it
 * goes to a file, and a background worker makes rows of what it finds in files.
 * Where no worker can start, the next opening or training starts one.
 */
#include "opening.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "job.h"
#include "opening_file.h"

typedef struct PendingOpening
{
	Opening opening;
	SubTransactionId subxact;
} PendingOpening;

/* Of this transaction, in its memory. */
static List *pending = NIL;

PGDLLEXPORT void cerebro_opening_main(Datum arg);

static bool start_worker(void);

/* ---------------------------------------------------------------- writing */

/* Task and data version may be of a transaction that is gone. */
static void
insert_row(const Opening *opening)
{
	const cer_metrics *metrics = &opening->metrics;
	Oid types[] = {INT4OID,   INT4OID,   INT4OID,   REGROLEOID,    INT8OID,
	               FLOAT8OID, FLOAT8OID, FLOAT8OID, TIMESTAMPTZOID};
	Datum values[] = {Int32GetDatum(opening->task),
	                  Int32GetDatum(opening->model),
	                  Int32GetDatum(opening->data_version),
	                  ObjectIdGetDatum(opening->owner),
	                  Int64GetDatum((int64) metrics->n_rows),
	                  Float8GetDatum(metrics->log_loss),
	                  Float8GetDatum(metrics->auc),
	                  Float8GetDatum(metrics->accuracy),
	                  TimestampTzGetDatum(opening->opened_at)};
	char nulls[] = "         ";

	if (isnan(metrics->auc))
		nulls[6] = 'n';
	if (SPI_execute_with_args(
			"INSERT INTO cerebro.evaluation (task, model, data_version, owner, "
			"n_rows, log_loss, auc, accuracy, opened_at) "
			"SELECT t.id, $2, (SELECT v.id FROM cerebro.data_version v "
			"WHERE v.id OPERATOR(pg_catalog.=) $3), $4, $5, $6, $7, $8, $9 "
			"FROM cerebro.task t WHERE t.id OPERATOR(pg_catalog.=) $1 "
			"AND NOT EXISTS (SELECT FROM cerebro.evaluation e "
			"WHERE e.task OPERATOR(pg_catalog.=) $1 "
			"AND e.model OPERATOR(pg_catalog.=) $2 "
			"AND e.opened_at OPERATOR(pg_catalog.=) $9)",
			9, types, values, nulls, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "an opening of test rows could not be recorded");
}

static int64
count_rows(int32 task)
{
	Oid types[] = {INT4OID};
	Datum values[] = {Int32GetDatum(task)};
	bool is_null;

	if (SPI_execute_with_args("SELECT pg_catalog.count(*) "
	                          "FROM cerebro.evaluation "
	                          "WHERE task OPERATOR(pg_catalog.=) $1",
	                          1, types, values, NULL, false,
	                          0) != SPI_OK_SELECT)
		elog(ERROR, "openings of test rows could not be counted");
	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0],
	                                   SPI_tuptable->tupdesc, 1, &is_null));
}

static void
remember(const Opening *opening)
{
	MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);
	PendingOpening *added = palloc(sizeof(PendingOpening));

	added->opening = *opening;
	added->subxact = GetCurrentSubTransactionId();
	pending = lappend(pending, added);
	MemoryContextSwitchTo(caller);
}

int64
opening_record(const Opening *opening)
{
	ArchiveScope scope;
	int64 n_openings;

	remember(opening);
	if (opening_file_list() != NIL)
		(void) start_worker();
	archive_enter(&scope);
	insert_row(opening);
	n_openings = count_rows(opening->task);
	archive_leave(&scope);
	return n_openings;
}

/* --------------------------------------------------------------- rollback */

/* Nothing is lost where this fails. */
static bool
start_worker(void)
{
	BackgroundWorker worker;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags =
		BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker.bgw_library_name, "cerebro", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "cerebro_opening_main", BGW_MAXLEN);
	strlcpy(worker.bgw_name, "cerebro record of test rows", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "cerebro record of test rows", BGW_MAXLEN);
	worker.bgw_main_arg = ObjectIdGetDatum(MyDatabaseId);
	return RegisterDynamicBackgroundWorker(&worker, NULL);
}

static void
record_file(const char *path)
{
	Opening *openings;
	int n = opening_file_read(path, &openings);

	for (int i = 0; i < n; i++)
		if (openings[i].extension == get_extension_oid("cerebro", false))
			insert_row(&openings[i]);
}

/*
 * Rows of all files, which go once these are committed; a row that is there
 * already is not written again.  The lock lets one process do so at a time, and
 * openings go on meanwhile.
 */
void
opening_keep(void)
{
	MemoryContext caller = CurrentMemoryContext;
	ArchiveScope scope;
	List *paths;
	ListCell *cell;

	if (opening_file_list() == NIL)
		return;
	job_begin();
	archive_enter(&scope);
	if (SPI_execute("LOCK TABLE cerebro.evaluation"
	                " IN SHARE UPDATE EXCLUSIVE MODE",
	                false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "openings of test rows could not be locked");
	MemoryContextSwitchTo(caller);
	paths = opening_file_list();
	foreach (cell, paths)
		record_file(lfirst(cell));
	archive_leave(&scope);
	job_commit();
	foreach (cell, paths)
		(void) unlink(lfirst(cell));
}

void
cerebro_opening_main(Datum arg)
{
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(arg), InvalidOid,
	                                          0);
	opening_keep();
}

/* Those of the subtransaction and of what lies within it. */
static void
save(SubTransactionId subxact)
{
	OpeningFile file;
	bool is_saved = opening_file_start(&file);
	ListCell *cell;

	foreach (cell, pending)
	{
		PendingOpening *opening = lfirst(cell);

		if (opening->subxact < subxact)
			continue;
		is_saved &= opening_file_add(&file, &opening->opening);
		pending = foreach_delete_current(pending, cell);
	}
	is_saved &= opening_file_close(&file);
	if (!is_saved)
		ereport(WARNING,
		        (errcode_for_file_access(),
		         errmsg("an opening of test rows could not be recorded after "
		                "the rollback: file \"%s\": %m",
		                file.path)));
	else if (!start_worker())
		ereport(WARNING,
		        (errmsg("an opening of test rows is recorded later: no "
		                "worker slot is free"),
		         errhint("Raise max_worker_processes.")));
}

static bool
has_pending(SubTransactionId subxact)
{
	ListCell *cell;

	foreach (cell, pending)
		if (((PendingOpening *) lfirst(cell))->subxact >= subxact)
			return true;
	return false;
}

/* What was opened since the subtransaction began lies within it. */
static void
end_subxact(SubXactEvent event, SubTransactionId subxact,
            SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB && has_pending(subxact))
		save(subxact);
}

static void
end_xact(XactEvent event, void *arg)
{
	/* nobody would be there to hear of its rollback */
	if (event == XACT_EVENT_PRE_PREPARE && pending != NIL)
		ereport(ERROR,
		        (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		         errmsg("cannot PREPARE a transaction that has opened test "
		                "rows")));
	if (event == XACT_EVENT_ABORT && pending != NIL)
		save(InvalidSubTransactionId);
	if (event == XACT_EVENT_ABORT || event == XACT_EVENT_COMMIT ||
	    event == XACT_EVENT_PREPARE)
		pending = NIL; /* goes with the transaction's memory */
}

void
opening_init(void)
{
	RegisterXactCallback(end_xact, NULL);
	RegisterSubXactCallback(end_subxact, NULL);
}
