/*
 * job_keeper.c
 *	  Background workers: registering them, and keeping the queue in order.
 *
 * The keeper is a worker that lives for a moment: it writes the rows of attempts
 * that are over though nobody wrote them (their transaction is gone, their
 * process was killed, the server went down), and starts workers for what is
 * queued.  A worker that has run out of jobs does the same before it leaves.
 */
#include "cerebro_pg.h"

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/snapmgr.h"

#include "job.h"
#include "job_sql.h"
#include "job_worker.h"
#include "opening.h"

/* ------------------------------------------------------------ registering */

static bool
start_worker(const char *function, const char *title, const WorkerPlace *place)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags =
		BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker.bgw_library_name, "cerebro", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, function, BGW_MAXLEN);
	strlcpy(worker.bgw_name, title, BGW_MAXLEN);
	strlcpy(worker.bgw_type, title, BGW_MAXLEN);
	StaticAssertStmt(sizeof(*place) <= BGW_EXTRALEN, "place fits");
	memcpy(worker.bgw_extra, place, sizeof(*place));
	return RegisterDynamicBackgroundWorker(&worker, &handle);
}

bool
job_start_keeper(Oid database)
{
	WorkerPlace place = {.database = database, .login = InvalidOid};

	return start_worker("cerebro_job_keeper_main", "cerebro keeper", &place);
}

bool
job_start_worker(Oid database, Oid login)
{
	WorkerPlace place = {.database = database, .login = login};

	return start_worker("cerebro_job_worker_main", "cerebro training", &place);
}

/* --------------------------------------------------------------- the past */

/* Rows for the files of attempts that are over; returns those files. */
static List *
record_files(List *files)
{
	List *recorded = NIL;
	ListCell *cell;

	foreach (cell, files)
	{
		AttemptFile *file = lfirst(cell);

		if (!attempt_is_over(file))
			continue;
		job_record(&file->record, file->triple);
		recorded = lappend(recorded, file);
	}
	return recorded;
}

static Datum
make_job_array(List *files)
{
	Datum *jobs = palloc(sizeof(Datum) * (list_length(files) + 1));
	int n = 0;
	ListCell *cell;

	foreach (cell, files)
		jobs[n++] = Int64GetDatum(((AttemptFile *) lfirst(cell))->record.job);
	return PointerGetDatum(construct_array(jobs, n, INT8OID, sizeof(int64),
	                                       FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* Ids of the jobs that run, an array in the context; 0 when there is none. */
static Datum
find_running(MemoryContext context)
{
	ArchiveScope scope;
	SqlArgs args = {0};
	Datum jobs;
	bool is_null;

	archive_enter(&scope);
	sql_run("SELECT pg_catalog.array_agg(id) FROM cerebro.job"
	        " WHERE status OPERATOR(pg_catalog.=) 'running'",
	        &args);
	jobs = sql_get(1, &is_null);
	if (!is_null)
	{
		MemoryContext caller = MemoryContextSwitchTo(context);

		jobs = datumCopy(jobs, false, -1);
		MemoryContextSwitchTo(caller);
	}
	archive_leave(&scope);
	return is_null ? (Datum) 0 : jobs;
}

/*
 * Running without a file: a restored dump, or a lost pg_stat_tmp.  The files
 * were listed after the rows: a job that began in between has no file there,
 * but is not among the rows either.
 */
static void
fail_lost(Datum running, List *files)
{
	ArchiveScope scope;
	SqlArgs args = {0};
	Datum jobs = make_job_array(files);

	if (running == 0)
		return;
	archive_enter(&scope);
	sql_add(&args, INT8ARRAYOID, jobs, false);
	sql_add(&args, INT8ARRAYOID, running, false);
	sql_run("UPDATE cerebro.job SET status = 'failed',"
	        " reason = 'interrupted: the server or its session went away',"
	        " ended_at = pg_catalog.clock_timestamp()"
	        " WHERE status OPERATOR(pg_catalog.=) 'running'"
	        " AND id OPERATOR(pg_catalog.<>) ALL ($1)"
	        " AND id OPERATOR(pg_catalog.=) ANY ($2)",
	        &args);
	archive_leave(&scope);
}

/* Of a row of cerebro.job: one of its roles is gone or may not log in. */
#define UNRUNNABLE                                      \
	"(NOT EXISTS (SELECT FROM pg_catalog.pg_roles r"    \
	" WHERE r.oid OPERATOR(pg_catalog.=) job.login"     \
	" AND r.rolcanlogin)"                               \
	" OR NOT EXISTS (SELECT FROM pg_catalog.pg_roles r" \
	" WHERE r.oid OPERATOR(pg_catalog.=) job.owner))"

/* Queued for a role that cannot log in any more: no worker could run it. */
static void
fail_unrunnable(void)
{
	ArchiveScope scope;
	SqlArgs args = {0};

	archive_enter(&scope);
	sql_run("UPDATE cerebro.job SET status = 'failed',"
	        " reason = CASE WHEN NOT EXISTS (SELECT FROM pg_catalog.pg_roles r"
	        " WHERE r.oid OPERATOR(pg_catalog.=) job.owner)"
	        " THEN 'its role was dropped'"
	        " ELSE pg_catalog.format('role %s may not log in', job.login) END,"
	        " ended_at = pg_catalog.clock_timestamp()"
	        " WHERE status OPERATOR(pg_catalog.=) 'queued' AND " UNRUNNABLE,
	        &args);
	archive_leave(&scope);
}

void
job_begin(void)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	/* rows that were written before a lock was had are to be seen */
	XactReadOnly = false;
	XactIsoLevel = XACT_READ_COMMITTED;
	PushActiveSnapshot(GetTransactionSnapshot());
}

void
job_commit(void)
{
	PopActiveSnapshot();
	CommitTransactionCommand();
}

static void
keep_past(MemoryContext context)
{
	MemoryContext caller = MemoryContextSwitchTo(context);
	List *files;
	List *recorded;
	Datum running;
	ListCell *cell;

	job_begin();
	MemoryContextSwitchTo(context);
	running = find_running(context);
	files = attempt_list();
	recorded = record_files(files);
	fail_lost(running, files);
	fail_unrunnable();
	job_commit();
	foreach (cell, recorded)
	{
		AttemptFile *file = lfirst(cell);

		attempt_forget(file->record.database, file->record.job);
	}
	MemoryContextSwitchTo(caller);
}

/* ------------------------------------------------------------- the future */

/* Logins of the jobs that may start now, one element per job. */
static List *
find_startable(MemoryContext context)
{
	ArchiveScope scope;
	SqlArgs args = {0};
	MemoryContext caller;
	List *logins = NIL;
	bool is_null;

	archive_enter(&scope);
	sql_add_int4(&args, job_max_workers);
	sql_run("SELECT login::pg_catalog.oid FROM cerebro.job"
	        " WHERE status OPERATOR(pg_catalog.=) 'queued'"
	        " AND NOT " UNRUNNABLE " ORDER BY id"
	        " LIMIT (SELECT GREATEST(0,"
	        " $1 OPERATOR(pg_catalog.-) pg_catalog.count(*))"
	        " FROM cerebro.job WHERE is_background"
	        " AND status OPERATOR(pg_catalog.=) 'running')",
	        &args);
	caller = MemoryContextSwitchTo(context);
	for (uint64 i = 0; i < SPI_processed; i++)
		logins = lappend_oid(logins, DatumGetObjectId(SPI_getbinval(
										 SPI_tuptable->vals[i],
										 SPI_tuptable->tupdesc, 1, &is_null)));
	MemoryContextSwitchTo(caller);
	archive_leave(&scope);
	return logins;
}

static void
start_workers(List *logins)
{
	ListCell *cell;

	foreach (cell, logins)
		if (!job_start_worker(MyDatabaseId, lfirst_oid(cell)))
			break; /* the next look tries again */
}

void
job_keep(void)
{
	MemoryContext context = AllocSetContextCreate(
		TopMemoryContext, "cerebro keeper", ALLOCSET_DEFAULT_SIZES);

	List *logins;

	keep_past(context);
	job_begin();
	logins = find_startable(context);
	job_commit();
	start_workers(logins);
	MemoryContextDelete(context);
}

/* Rows that only the keeper may bring up to date. */
static bool
has_stale_rows(List *files)
{
	ArchiveScope scope;
	SqlArgs args = {0};
	Datum jobs = make_job_array(files);
	bool is_stale;

	archive_enter(&scope);
	sql_add(&args, INT8ARRAYOID, jobs, false);
	is_stale =
		sql_run("SELECT FROM cerebro.job WHERE"
	            " (status OPERATOR(pg_catalog.=) 'running'"
	            " AND id OPERATOR(pg_catalog.<>) ALL ($1))"
	            " OR (status OPERATOR(pg_catalog.=) 'queued' AND " UNRUNNABLE
	            ") LIMIT 1",
	            &args) > 0;
	archive_leave(&scope);
	return is_stale;
}

static bool
has_ended_files(List *files)
{
	ListCell *cell;

	foreach (cell, files)
	{
		AttemptFile copy = *(AttemptFile *) lfirst(cell);

		if (attempt_is_over(&copy))
			return true;
	}
	return false;
}

/*
 * Workers are started from here and not by the keeper: where there is one slot,
 * the keeper would stand in it.
 */
void
job_look_after(List *files)
{
	if (has_ended_files(files) || has_stale_rows(files))
		job_start_keeper(MyDatabaseId);
	else
		start_workers(find_startable(CurrentMemoryContext));
}

/* ------------------------------------------------------------ the process */

void
cerebro_job_keeper_main(Datum arg)
{
	worker_connect();
	pgstat_report_activity(STATE_RUNNING, "keeping cerebro's jobs in order");
	job_keep();
	opening_keep();
	proc_exit(0);
}
