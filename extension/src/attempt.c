/*
 * attempt.c
 *	  This process's attempts to train, and what becomes of them when their
 *	  transactions end.
 *
 *	 ends as		  transaction commits		transaction aborts
 *	 done, stopped	  row is there: forget		cancelled: rolled back; keeper
 *	 failed, ...	  keeper writes the row		keeper writes the row
 *
 * The keeper is a background worker (job_keeper.c) that turns files of attempts
 * that are over into rows of cerebro.job.
 */
#include "cerebro_pg.h"

#include <math.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/backend_status.h"
#include "utils/timestamp.h"

#include "attempt_file.h"
#include "job.h"

#define WRITE_INTERVAL_MS 100

static void at_exit(int code, Datum arg);

static dlist_head attempts = DLIST_STATIC_INIT(attempts);

static const char *const status_names[] = {"queued",  "running", "done",
                                           "stopped", "failed",  "cancelled"};
static const char *const phase_names[N_PHASES] = {
	"start", "wait", "read", "order", "encode", "train", "pack", "archive"};

const char *
job_status_name(JobStatus status)
{
	return status_names[status];
}

const char *
attempt_phase_name(AttemptPhase phase)
{
	return phase_names[phase];
}

/* --------------------------------------------------------------- writing */

static void
write_now(Attempt *attempt)
{
	attempt->record.updated_at = GetCurrentTimestamp();
	attempt_record_stamp(&attempt->record);
	attempt_file_write(&attempt->record, attempt->triple);
}

void
attempt_update(Attempt *attempt, bool at_once)
{
	if (at_once ||
	    TimestampDifferenceExceeds(attempt->record.updated_at,
	                               GetCurrentTimestamp(), WRITE_INTERVAL_MS))
		write_now(attempt);
}

/* Not in _PG_init: a postmaster that preloads the library makes no attempt. */
static void
register_exit(void)
{
	static bool is_registered = false;

	if (!is_registered)
		before_shmem_exit(at_exit, (Datum) 0);
	is_registered = true;
}

Attempt *
attempt_begin(const AttemptRecord *record, const char *triple)
{
	Attempt *attempt =
		MemoryContextAllocZero(TopMemoryContext, sizeof(*attempt));

	register_exit();
	attempt->record = *record;
	attempt->triple = MemoryContextStrdup(TopMemoryContext, triple);
	attempt->record.database = MyDatabaseId;
	attempt->record.pid = MyProcPid;
	attempt->record.process_started_at = MyBEEntry->st_proc_start_timestamp;
	attempt->record.status = JOB_RUNNING;
	attempt->record.metric = NAN;
	attempt->record.triple_size = strlen(triple);
	attempt->subxact = GetCurrentSubTransactionId();
	dlist_push_tail(&attempts, &attempt->node);
	write_now(attempt);
	return attempt;
}

void
attempt_set_triple(Attempt *attempt, const char *triple)
{
	char *copy = MemoryContextStrdup(TopMemoryContext, triple);

	pfree(attempt->triple);
	attempt->triple = copy;
	attempt->record.triple_size = strlen(copy);
}

static bool
is_ended(const Attempt *attempt)
{
	return attempt->record.status != JOB_RUNNING;
}

void
attempt_copy_text(char *to, const char *from, Size size)
{
	strlcpy(to, from, pg_mbcliplen(from, strlen(from), (int) size - 1) + 1);
}

void
attempt_end(Attempt *attempt, JobStatus status, const char *reason)
{
	attempt->record.status = status;
	attempt->record.ended_at = GetCurrentTimestamp();
	attempt_copy_text(attempt->record.reason, reason, REASON_SIZE);
	write_now(attempt);
}

void
attempt_end_by_error(Attempt *attempt)
{
	MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);
	ErrorData *error = CopyErrorData();
	bool is_cancel = error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
	                 error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN;

	attempt_end(attempt, is_cancel ? JOB_CANCELLED : JOB_FAILED,
	            error->message);
	FreeErrorData(error);
	MemoryContextSwitchTo(caller);
}

void
attempt_record(Attempt *attempt)
{
	job_record(&attempt->record, attempt->triple);
	attempt->is_recorded = true;
}

/* The file goes, too: the job's row is committed. */
static void
forget(Attempt *attempt)
{
	attempt_forget(attempt->record.database, attempt->record.job);
	dlist_delete(&attempt->node);
	pfree(attempt->triple);
	pfree(attempt);
}

/* The file stays for the keeper. */
static void
hand_over(Attempt *attempt)
{
	dlist_delete(&attempt->node);
	pfree(attempt->triple);
	pfree(attempt);
}

/* ---------------------------------------------------------- transactions */

static void
roll_back(Attempt *attempt)
{
	if (attempt->record.status == JOB_DONE ||
	    attempt->record.status == JOB_STOPPED)
		attempt_end(attempt, JOB_CANCELLED,
		            "rolled back with the transaction that trained it");
	attempt->is_recorded = false;
}

static void
at_transaction_end(XactEvent event, void *arg)
{
	bool is_commit = event == XACT_EVENT_COMMIT || event == XACT_EVENT_PREPARE;
	bool is_needed = false;
	dlist_mutable_iter it;

	if (!is_commit && event != XACT_EVENT_ABORT)
		return;
	dlist_foreach_modify(it, &attempts)
	{
		Attempt *attempt = dlist_container(Attempt, node, it.cur);

		if (!is_commit)
			roll_back(attempt);
		if (attempt->is_recorded)
			forget(attempt);
		else if (is_ended(attempt) && !attempt->record.is_background)
		{
			hand_over(attempt);
			is_needed = true;
		}
	}
	if (is_needed)
		job_start_keeper(MyDatabaseId);
}

static void
at_subtransaction_end(SubXactEvent event, SubTransactionId mine,
                      SubTransactionId parent, void *arg)
{
	dlist_iter it;

	dlist_foreach(it, &attempts)
	{
		Attempt *attempt = dlist_container(Attempt, node, it.cur);

		if (attempt->subxact != mine)
			continue;
		if (event == SUBXACT_EVENT_COMMIT_SUB)
			attempt->subxact = parent;
		else if (event == SUBXACT_EVENT_ABORT_SUB)
			roll_back(attempt);
	}
}

/* A FATAL error passes no handler: what is in work ends here. */
static void
at_exit(int code, Datum arg)
{
	dlist_iter it;

	dlist_foreach(it, &attempts)
	{
		Attempt *attempt = dlist_container(Attempt, node, it.cur);

		if (!is_ended(attempt))
			attempt_end(attempt, JOB_CANCELLED, "its session was terminated");
		attempt->record.is_background = false; /* its worker is gone, too */
	}
	if (!dlist_is_empty(&attempts))
		job_start_keeper(MyDatabaseId);
}

void
attempt_init(void)
{
	RegisterXactCallback(at_transaction_end, NULL);
	RegisterSubXactCallback(at_subtransaction_end, NULL);
}
