/*
 * train.c
 *	  cerebro.train(): SQL to trained model, in the calling session or queued.
 */
#include "cerebro_pg.h"

#include <sched.h>

#include "access/parallel.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "extract.h"
#include "auto.h"
#include "job.h"
#include "train.h"

int train_threads = 0;
int train_memory_limit = 4096;
int train_disk_limit = 65536;
int job_max_workers = 2;

PG_FUNCTION_INFO_V1(cerebro_train);
PG_FUNCTION_INFO_V1(cerebro_count_threads);

void
train_init(void)
{
	DefineCustomIntVariable(
		"cerebro.threads", "Threads that one training uses.",
		"0 means one per core that the server's processes may use.",
		&train_threads, 0, 0, 1024, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("cerebro.engine_memory",
	                        "Memory that one engine process may use.", NULL,
	                        &train_memory_limit, 4096, 16, INT_MAX, PGC_USERSET,
	                        GUC_UNIT_MB, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"cerebro.engine_disk",
		"Disk that the rows of one training may use beyond memory.",
		"Where PT shuffle says how many rows are shuffled together; "
		"temp_file_limit holds as well.",
		&train_disk_limit, 65536, 0, INT_MAX, PGC_USERSET, GUC_UNIT_MB, NULL,
		NULL, NULL);
	DefineCustomIntVariable(
		"cerebro.train_workers",
		"Background workers of a database that train at the same time.", NULL,
		&job_max_workers, 2, 0, 1024, PGC_SIGHUP, 0, NULL, NULL, NULL);
	train_state_init();
	job_epoch_init();
	engine_limit_init();
	extract_init();
}

int
train_count_threads(void)
{
	cpu_set_t cores;

	if (train_threads > 0)
		return train_threads;
	return sched_getaffinity(0, sizeof(cores), &cores) == 0 ? CPU_COUNT(&cores)
	                                                        : 1;
}

Datum
cerebro_count_threads(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(train_count_threads());
}

char *
train_canonical(const char *triple)
{
	cer_arena *arena = host_make_arena(CurrentMemoryContext);
	const cer_mst *mst;
	cer_text text;
	cer_error err;

	host_check(cer_mst_parse(arena, host_text(triple), &mst, &err), &err);
	host_check(cer_mst_print(arena, mst, &text, &err), &err);
	return pnstrdup(text.data, text.size);
}

/* ------------------------------------------------------------- foreground */

/* All steps, and the engine's end whatever happens. */
static void
run_attempt(Attempt *attempt, const char *triple)
{
	Training *training = training_new(attempt, triple);

	training->may_find = true;
	PG_TRY();
	{
		if (training_read(training))
		{
			training_run(training);
			training_archive(training);
		}
		else
			training_record_found(training);
	}
	PG_FINALLY();
	{
		training_free(training);
	}
	PG_END_TRY();
}

static int32
train_here(const TrainRequest *request)
{
	const Task *task = request->task;
	const char *triple = request->triple;
	AttemptRecord record = {.job = job_new_id(),
	                        .model = job_new_model_id(),
	                        .task = task->id,
	                        .parent = request->parent,
	                        .is_warm = request->is_warm,
	                        .owner = GetUserId(),
	                        .login = GetSessionUserId()};
	Attempt *attempt;
	int32 model;

	record.queued_at = record.started_at = GetCurrentTimestamp();
	attempt_copy_text(record.task_name, task->name, sizeof(record.task_name));
	attempt = attempt_begin(&record, train_canonical(triple));
	PG_TRY();
	{
		run_attempt(attempt, triple);
		model = attempt->record.model;
	}
	PG_CATCH();
	{
		attempt_end_by_error(attempt);
		PG_RE_THROW();
	}
	PG_END_TRY();
	return model;
}

/* ------------------------------------------------------------- background */

/* What the session has set, to be set in the worker; its own affairs stay. */
static const char settings_sql[] =
	"SELECT pg_catalog.concat(name, '=', setting) FROM pg_catalog.pg_settings"
	" WHERE source OPERATOR(pg_catalog.=) ANY (ARRAY['session', 'client'])"
	" AND context OPERATOR(pg_catalog.=) ANY"
	" (ARRAY['user', 'superuser', 'superuser-backend'])"
	" AND name OPERATOR(pg_catalog.<>) ALL (ARRAY['application_name',"
	" 'client_encoding', 'client_min_messages', 'role',"
	" 'session_authorization', 'statement_timeout', 'lock_timeout',"
	" 'idle_in_transaction_session_timeout', 'idle_session_timeout',"
	" 'transaction_isolation', 'transaction_read_only',"
	" 'transaction_deferrable', 'default_transaction_read_only', 'seed'])";

static void
capture_settings(Job *job, MemoryContext context)
{
	MemoryContext caller;
	bool is_null;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute(settings_sql, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the session's settings");
	caller = MemoryContextSwitchTo(context);
	job->settings = palloc(sizeof(char *) * (SPI_processed + 1));
	for (uint64 i = 0; i < SPI_processed; i++)
		job->settings[job->n_settings++] = TextDatumGetCString(SPI_getbinval(
			SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &is_null));
	MemoryContextSwitchTo(caller);
	SPI_finish();
}

static int32
queue(const TrainRequest *request)
{
	Job job = {.task = request->task->id,
	           .triple = train_canonical(request->triple),
	           .parent = request->parent,
	           .is_warm = request->is_warm,
	           .owner = GetUserId(),
	           .login = GetSessionUserId()};

	train_check_queued(request->task, request->triple);
	job.id = job_new_id();
	job.model = job_new_model_id();
	capture_settings(&job, CurrentMemoryContext);
	job_queue(&job);
	ereport(NOTICE,
	        (errmsg("queued as job " INT64_FORMAT
	                "; it will make model %d once this transaction commits",
	                job.id, job.model)));
	return job.model;
}

void
train_requeue(int64 id, int32 model)
{
	Job job = {.id = id, .model = model, .login = GetSessionUserId()};

	capture_settings(&job, CurrentMemoryContext);
	job_requeue(&job);
	ereport(NOTICE, (errmsg("job " INT64_FORMAT
	                        " is queued again; it will make model %d",
	                        id, model)));
}

/* ---------------------------------------------------------------- function */

void
train_check_may_write(const char *function)
{
	PreventCommandIfReadOnly(function);
	PreventCommandDuringRecovery(function);
	if (IsInParallelMode())
		ereport(ERROR, (errcode(ERRCODE_INVALID_TRANSACTION_STATE),
		                errmsg("cannot execute %s during a parallel operation",
		                       function)));
}

int32
train_request(const TrainRequest *request, bool wait)
{
	return wait ? train_here(request) : queue(request);
}

void
train_check_given(FunctionCallInfo fcinfo, const char *function,
                  const char *const *arguments, int n_without_default)
{
	for (int i = 0; i < PG_NARGS(); i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR,
			        (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			         errmsg("argument \"%s\" of %s is NULL", arguments[i],
			                function),
			         i < n_without_default
			             ? 0
			             : errhint("Leave it out to have its default.")));
}

Datum
cerebro_train(PG_FUNCTION_ARGS)
{
	static const char *const arguments[] = {"task", "mst", "wait"};
	TrainRequest request = {0};

	train_check_given(fcinfo, "cerebro.train()", arguments, 1);
	train_check_may_write("cerebro.train()");
	request.task = task_find(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	request.triple = text_to_cstring(PG_GETARG_TEXT_PP(1));
	if (!PG_GETARG_BOOL(2))
		request.triple = auto_resolve(request.task, request.triple);
	else if (auto_is(request.triple))
		PG_RETURN_INT32(auto_train(&request));
	PG_RETURN_INT32(train_request(&request, PG_GETARG_BOOL(2)));
}
