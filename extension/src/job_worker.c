/*
 * job_worker.c
 *	  A background worker that runs queued jobs of one role.
 *
 * It is connected as the role that had logged in, so that this role sees it in
 * pg_stat_activity and may cancel it; whatever the task's query runs is run as
 * the role that asked, which it cannot leave.  Rows are read in one transaction
 * and the model archived in another: none is open while the network trains.
 */
#include "cerebro_pg.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "job.h"
#include "job_worker.h"
#include "train.h"

WorkerPlace
worker_connect(void)
{
	WorkerPlace place;

	memcpy(&place, MyBgworkerEntry->bgw_extra, sizeof(place));
	pqsignal(SIGTERM, die);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(place.database, place.login, 0);
	return place;
}

/* ---------------------------------------------------------- transactions */

typedef struct Scope
{
	Oid user;
	int security;
} Scope;

/* As the job's owner, without a way back for the SQL that runs. */
static void
begin_as(Oid owner, Scope *scope)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	XactReadOnly = false; /* as a default it is meant for sessions */
	PushActiveSnapshot(GetTransactionSnapshot());
	GetUserIdAndSecContext(&scope->user, &scope->security);
	SetUserIdAndSecContext(owner, scope->security |
	                                  SECURITY_LOCAL_USERID_CHANGE |
	                                  SECURITY_RESTRICTED_OPERATION);
}

static void
commit_as(const Scope *scope)
{
	SetUserIdAndSecContext(scope->user, scope->security);
	PopActiveSnapshot();
	CommitTransactionCommand();
}

/* The settings of the session that queued the job, as its login had them. */
static void
apply_settings(const Job *job)
{
	StartTransactionCommand();
	ResetAllOptions();
	for (int i = 0; i < job->n_settings; i++)
	{
		char *name = pstrdup(job->settings[i]);
		char *value = strchr(name, '=');

		if (value == NULL)
			continue;
		*value++ = '\0';
		(void) set_config_option(name, value,
		                         superuser() ? PGC_SUSET : PGC_USERSET,
		                         PGC_S_SESSION, GUC_ACTION_SET, true, 0, false);
	}
	CommitTransactionCommand();
}

/* ---------------------------------------------------------------- one job */

/* The file is there before the row says "running": no moment without either. */
static Job *
claim(Oid login, MemoryContext context, Attempt **attempt)
{
	AttemptRecord record = {0};
	Job *job;

	job_begin();
	job = job_claim(login, context);
	if (job != NULL)
	{
		record.job = job->id;
		record.task = job->task;
		record.model = job->model;
		record.parent = job->parent;
		record.is_warm = job->is_warm;
		record.owner = job->owner;
		record.login = job->login;
		record.is_background = true;
		record.queued_at = job->queued_at;
		record.started_at = GetCurrentTimestamp();
		*attempt = attempt_begin(&record, job->triple);
	}
	job_commit();
	return job;
}

static void
wait_for_engine(Attempt *attempt)
{
	if (engine_limit_try())
		return;
	attempt->record.phase = PHASE_WAIT;
	attempt_update(attempt, true);
	engine_limit_wait();
	attempt->record.phase = PHASE_START;
}

static void
train(const Job *job, Attempt *attempt)
{
	Training *training;
	Scope scope;

	apply_settings(job);
	wait_for_engine(attempt);
	begin_as(job->owner, &scope);
	training = training_new(attempt, attempt->triple);
	PG_TRY();
	{
		(void) training_read(training); /* never finds: its model is due */
		commit_as(&scope);
		while (!training->is_done)
		{
			training_wait(training);
			job_epoch_commit(training);
		}
		training_run(training);
		begin_as(job->owner, &scope);
		training_archive(training);
		commit_as(&scope);
	}
	PG_FINALLY();
	{
		training_free(training);
	}
	PG_END_TRY();
}

/* Row and file of an attempt that failed; its transaction is aborted. */
static void
record_failure(Attempt *attempt)
{
	AbortOutOfAnyTransaction();
	job_begin();
	attempt_record(attempt);
	job_commit();
}

static void
run(const Job *job, Attempt *attempt)
{
	MemoryContext caller = CurrentMemoryContext;

	pgstat_report_activity(
		STATE_RUNNING,
		psprintf("cerebro job " INT64_FORMAT ": %s", job->id, job->triple));
	PG_TRY();
	{
		train(job, attempt);
	}
	PG_CATCH();
	{
		engine_limit_release();
		MemoryContextSwitchTo(caller);
		EmitErrorReport();
		attempt_end_by_error(attempt);
		FlushErrorState();
		record_failure(attempt);
	}
	PG_END_TRY();
	pgstat_report_activity(STATE_IDLE, NULL);
}

/* ------------------------------------------------------------ the process */

void
cerebro_job_worker_main(Datum arg)
{
	WorkerPlace place = worker_connect();
	MemoryContext context = AllocSetContextCreate(
		TopMemoryContext, "cerebro job", ALLOCSET_DEFAULT_SIZES);
	Attempt *attempt;
	Job *job;

	while ((job = claim(place.login, context, &attempt)) != NULL)
	{
		MemoryContextSwitchTo(context);
		run(job, attempt);
		MemoryContextReset(context);
	}
	job_keep();
	proc_exit(0);
}
