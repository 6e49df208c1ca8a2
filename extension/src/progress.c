/*
 * progress.c
 *	  What trains now: rows behind the view cerebro.progress; cerebro.cancel().
 *
 * A look at progress is also the moment to notice what was interrupted and what
 * waits for a worker: it starts the keeper then.
 */
#include "cerebro_pg.h"

#include <math.h>
#include <signal.h>

#include "access/xlog.h"
#include "catalog/pg_authid.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "job.h"
#include "job_sql.h"

#define N_COLUMNS 16

PG_FUNCTION_INFO_V1(cerebro_progress_rows);
PG_FUNCTION_INFO_V1(cerebro_cancel);

static bool
may_see(const AttemptRecord *record)
{
	return owner_has(record->owner, GetUserId()) ||
	       is_member_of_role(GetUserId(), record->login) ||
	       has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS);
}

/* By the speed so far; NaN where there is none yet. */
static double
guess_seconds_left(const AttemptRecord *record)
{
	double rows =
		(double) (record->n_epochs - record->epoch) * (double) record->n_total +
		(double) (record->n_total - record->n_done);

	if (record->phase != PHASE_TRAIN || record->rows_per_second <= 0 ||
	    record->n_total <= 0 || record->epoch <= 0)
		return NAN;
	return Max(rows, 0) / record->rows_per_second;
}

typedef struct RowBuilder
{
	int n;
	Datum values[N_COLUMNS];
	bool nulls[N_COLUMNS];
} RowBuilder;

static void
add(RowBuilder *row, Datum value, bool is_null)
{
	row->values[row->n] = value;
	row->nulls[row->n++] = is_null;
}

static void
add_text(RowBuilder *row, const char *text)
{
	add(row, CStringGetTextDatum(text), false);
}

static void
add_double(RowBuilder *row, double value)
{
	add(row, Float8GetDatum(value), isnan(value));
}

static void
add_row(ReturnSetInfo *result, AttemptFile *file)
{
	AttemptRecord *record = &file->record;
	bool is_training;
	RowBuilder row = {0};

	if (attempt_is_over(file))
		add_text(&row, record->reason);
	else
		add_text(&row, record->status == JOB_RUNNING ? "running"
		                                             : "waits for commit");
	is_training = record->phase >= PHASE_TRAIN;
	add(&row, Int64GetDatum(record->job), false);
	add_text(&row, record->task_name);
	add_text(&row, file->triple);
	add_text(&row, attempt_phase_name(record->phase));
	add(&row, Int32GetDatum(record->epoch), record->epoch == 0);
	add(&row, Int32GetDatum(record->n_epochs), record->n_epochs == 0);
	add(&row, Int64GetDatum(record->n_done), false);
	add_double(&row,
	           record->rows_per_second > 0 ? record->rows_per_second : NAN);
	add_double(&row, is_training ? record->loss : NAN);
	add_double(&row, record->metric);
	add_double(&row, guess_seconds_left(record));
	add(&row, Int64GetDatum(record->planned_bytes), record->planned_bytes == 0);
	add(&row, ObjectIdGetDatum(record->owner), false);
	add(&row, Int32GetDatum(record->pid), !file->is_alive);
	add(&row, TimestampTzGetDatum(record->started_at), false);
	tuplestore_putvalues(result->setResult, result->setDesc, row.values,
	                     row.nulls);
}

Datum
cerebro_progress_rows(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	List *files;
	ListCell *cell;

	InitMaterializedSRF(fcinfo, 0);
	files = attempt_list();
	if (!RecoveryInProgress())
		job_look_after(files);
	foreach (cell, files)
	{
		AttemptFile *file = lfirst(cell);

		if (may_see(&file->record))
			add_row(result, file);
	}
	return (Datum) 0;
}

/* ---------------------------------------------------------------- cancel */

/* As pg_cancel_backend: a superuser's session is for superusers alone. */
static void
check_may_cancel(int64 job, Oid owner, Oid login)
{
	if (has_privs_of_role(GetUserId(), owner) ||
	    has_privs_of_role(GetUserId(), login) ||
	    (has_privs_of_role(GetUserId(), ROLE_PG_SIGNAL_BACKEND) &&
	     !superuser_arg(login)))
		return;
	ereport(
		ERROR,
		(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
	     errmsg("permission denied to cancel job " INT64_FORMAT, job),
	     errhint("It belongs to role \"%s\".",
	             GetUserNameFromId(owner, true) ? GetUserNameFromId(owner, true)
	                                            : "that was dropped")));
}

/* Whether the process that trains was told to stop. */
static bool
cancel_running(int64 job)
{
	AttemptFile file;

	if (!attempt_find(job, &file) || attempt_is_over(&file))
		return false;
	check_may_cancel(job, file.record.owner, file.record.login);
	return kill(file.record.pid, SIGINT) == 0;
}

/* Its row is there, and says who asked for it. */
static bool
cancel_queued(int64 job)
{
	ArchiveScope scope;
	SqlArgs args = {0};
	Oid owner = InvalidOid;
	Oid login = InvalidOid;
	bool is_queued;
	bool is_null;

	archive_enter(&scope);
	sql_add_int8(&args, job);
	is_queued =
		sql_run("SELECT owner::pg_catalog.oid, login::pg_catalog.oid"
	            " FROM cerebro.job WHERE id OPERATOR(pg_catalog.=) $1"
	            " AND status OPERATOR(pg_catalog.=) 'queued' FOR UPDATE",
	            &args) > 0;
	if (is_queued)
	{
		owner = DatumGetObjectId(sql_get(1, &is_null));
		login = DatumGetObjectId(sql_get(2, &is_null));
		sql_run("UPDATE cerebro.job SET status = 'cancelled',"
		        " reason = 'cancelled before it started',"
		        " ended_at = pg_catalog.clock_timestamp()"
		        " WHERE id OPERATOR(pg_catalog.=) $1",
		        &args);
	}
	archive_leave(&scope);
	if (is_queued)
		check_may_cancel(job, owner, login); /* else all is undone */
	return is_queued;
}

Datum
cerebro_cancel(PG_FUNCTION_ARGS)
{
	int64 job = PG_GETARG_INT64(0);

	PreventCommandIfReadOnly("cerebro.cancel()");
	PG_RETURN_BOOL(cancel_running(job) || cancel_queued(job));
}

void
progress_init(void)
{
	attempt_init();
}
