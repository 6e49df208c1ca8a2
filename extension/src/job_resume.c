/*
 * job_resume.c
 *	  cerebro.resume(): a job that did not end goes on in the background, from
 *	  the last epoch that it committed.
 *
 * It is the same job and will make the same model, under the id that it was
 * given first.  A process that is gone without a word has left its file: that is
 * put away here, so that nobody takes it for a word about the new attempt.
 */
#include "cerebro_pg.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "job.h"
#include "job_sql.h"
#include "train.h"

PG_FUNCTION_INFO_V1(cerebro_resume);

static Oid
get_role(int column)
{
	bool is_null;

	return DatumGetObjectId(sql_get(column, &is_null));
}

/* The job's row, locked; status is palloc'ed in the caller's context. */
typedef struct StoppedJob
{
	int64 id;
	char *status;
	Oid owner;
	int32 task;
	int32 model;
	char *triple;
} StoppedJob;

static bool
read_job(StoppedJob *job)
{
	MemoryContext caller = CurrentMemoryContext;
	ArchiveScope scope;
	SqlArgs args = {0};
	bool is_there;
	bool is_null;

	archive_enter(&scope);
	sql_add_int8(&args, job->id);
	is_there = sql_run("SELECT status, owner::pg_catalog.oid, task,"
	                   " COALESCE(model, 0), mst::pg_catalog.text"
	                   " FROM cerebro.job"
	                   " WHERE id OPERATOR(pg_catalog.=) $1 FOR UPDATE",
	                   &args) > 0;
	if (is_there)
	{
		job->status = MemoryContextStrdup(
			caller, TextDatumGetCString(sql_get(1, &is_null)));
		job->owner = get_role(2);
		job->task = DatumGetInt32(sql_get(3, &is_null));
		job->model = DatumGetInt32(sql_get(4, &is_null));
		job->triple = MemoryContextStrdup(
			caller, TextDatumGetCString(sql_get(5, &is_null)));
	}
	archive_leave(&scope);
	return is_there;
}

/* An attempt that ended, or was interrupted, and has no row of that yet. */
static void
settle(int64 id)
{
	AttemptFile file;

	if (!attempt_find(id, &file) || !attempt_is_over(&file) || file.is_alive)
		return;
	job_record(&file.record, file.triple);
	attempt_forget(file.record.database, id);
}

static void
check_may_resume(const StoppedJob *job)
{
	if (has_privs_of_role(GetUserId(), job->owner))
		return;
	ereport(ERROR,
	        (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
	         errmsg("permission denied to resume job " INT64_FORMAT, job->id),
	         errhint("Only members of the role that asked for it may.")));
}

static void
check_is_stopped(const StoppedJob *job)
{
	AttemptFile file;
	bool is_lost =
		strcmp(job->status, "running") == 0 && !attempt_find(job->id, &file);

	if (is_lost || strcmp(job->status, "failed") == 0 ||
	    strcmp(job->status, "cancelled") == 0)
		return;
	ereport(ERROR,
	        (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
	         errmsg("job " INT64_FORMAT " is %s", job->id, job->status),
	         errhint("Only a job that failed, was cancelled or interrupted "
	                 "can go on.")));
}

Datum
cerebro_resume(PG_FUNCTION_ARGS)
{
	StoppedJob job = {.id = PG_GETARG_INT64(0)};

	train_check_may_write("cerebro.resume()");
	settle(job.id);
	if (!read_job(&job) || !has_privs_of_role(GetUserId(), job.owner))
	{
		if (job.status != NULL)
			check_may_resume(&job);
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
		                errmsg("job " INT64_FORMAT " does not exist", job.id),
		                errhint("The view cerebro.jobs lists them.")));
	}
	check_is_stopped(&job);
	train_check_queued(task_find_by_id(job.task, true), job.triple);
	if (job.model == 0)
		job.model = job_new_model_id();
	train_requeue(job.id, job.model);
	PG_RETURN_INT32(job.model);
}
