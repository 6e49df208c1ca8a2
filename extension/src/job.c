/*
 * job.c
 *	  Rows of cerebro.job: queueing, claiming, recording.
 *
 *	 queued --claim--> running --> done | stopped | failed | cancelled
 *
 * A queued job belongs to the role that asked (owner) and is run by a worker
 * connected as the role that had logged in (login).
 */
#include "cerebro_pg.h"

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "job.h"
#include "job_sql.h"

/*
 * The number is on disk before it is used: after a crash the attempt's file
 * becomes a row under it, and the sequence must not give it out again.
 */
static int64
draw(const char *sequence)
{
	ArchiveScope scope;
	SqlArgs args = {0};
	bool is_null;
	int64 id;

	archive_enter(&scope);
	sql_add_text(&args, sequence);
	sql_run("SELECT pg_catalog.nextval($1::pg_catalog.regclass)", &args);
	id = DatumGetInt64(sql_get(1, &is_null));
	archive_leave(&scope);
	XLogFlush(XactLastRecEnd);
	return id;
}

int64
job_new_id(void)
{
	return draw("cerebro.job_id_seq");
}

int32
job_new_model_id(void)
{
	return (int32) draw("cerebro.model_id_seq");
}

/* -------------------------------------------------------------- queueing */

/* The last job that this transaction queued; 0: none. */
static int64 queued_job = 0;

static void
at_transaction_end(XactEvent event, void *arg)
{
	int64 job = queued_job;

	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT &&
	    event != XACT_EVENT_PREPARE)
		return;
	queued_job = 0;
	if (job == 0 || event != XACT_EVENT_COMMIT)
		return;
	if (!job_start_worker(MyDatabaseId, GetSessionUserId()))
		ereport(WARNING,
		        (errmsg("job " INT64_FORMAT
		                " waits: no background worker slot is free",
		                job),
		         errhint("It starts when another training ends, at the next "
		                 "cerebro.train() or at a look at cerebro.progress; "
		                 "max_worker_processes sets how many there are.")));
}

void
job_queue(const Job *job)
{
	ArchiveScope scope;
	SqlArgs args = {0};
	Datum settings = texts_to_array(job->settings, job->n_settings);

	archive_enter(&scope);
	sql_add_int8(&args, job->id);
	sql_add_int4(&args, job->task);
	sql_add_text(&args, job->triple);
	sql_add_role(&args, job->owner);
	sql_add_role(&args, job->login);
	sql_add(&args, TEXTARRAYOID, settings, false);
	sql_add_int4(&args, job->model);
	sql_add_int4(&args, job->parent);
	sql_add_bool(&args, job->is_warm);
	sql_run(
		"INSERT INTO cerebro.job (id, task, mst, owner, login,"
		" is_background, settings, status, model, parent, is_warm, queued_at)"
		" VALUES ($1, $2, $3, $4, $5, true, $6, 'queued', $7,"
		" NULLIF($8, 0), $9, pg_catalog.clock_timestamp())",
		&args);
	archive_leave(&scope);
	queued_job = job->id;
}

void
job_requeue(const Job *job)
{
	ArchiveScope scope;
	SqlArgs args = {0};
	Datum settings = texts_to_array(job->settings, job->n_settings);

	archive_enter(&scope);
	sql_add_int8(&args, job->id);
	sql_add_role(&args, job->login);
	sql_add_int4(&args, job->model);
	sql_add(&args, TEXTARRAYOID, settings, false);
	sql_run("UPDATE cerebro.job SET status = 'queued', login = $2, model = $3,"
	        " settings = CASE WHEN is_background THEN settings ELSE $4 END,"
	        " is_background = true, reason = NULL, pid = NULL,"
	        " started_at = NULL, ended_at = NULL"
	        " WHERE id OPERATOR(pg_catalog.=) $1",
	        &args);
	archive_leave(&scope);
	queued_job = job->id;
}

/* -------------------------------------------------------------- claiming */

static bool
has_room(void)
{
	SqlArgs args = {0};

	sql_add_int4(&args, job_max_workers);
	return sql_run("SELECT FROM cerebro.job WHERE is_background"
	               " AND status OPERATOR(pg_catalog.=) 'running'"
	               " HAVING pg_catalog.count(*) OPERATOR(pg_catalog.<) $1",
	               &args) > 0;
}

static char *
get_text(int column)
{
	bool is_null;
	Datum value = sql_get(column, &is_null);

	return is_null ? NULL : TextDatumGetCString(value);
}

/* The first row of the last statement, in the context given. */
static Job *
read_job(MemoryContext context)
{
	MemoryContext caller = MemoryContextSwitchTo(context);
	Job *job = palloc0(sizeof(Job));
	bool is_null;

	job->id = DatumGetInt64(sql_get(1, &is_null));
	job->task = DatumGetInt32(sql_get(2, &is_null));
	job->triple = get_text(3);
	job->owner = DatumGetObjectId(sql_get(4, &is_null));
	job->login = DatumGetObjectId(sql_get(5, &is_null));
	job->settings = texts_from_array(sql_get(6, &is_null), &job->n_settings);
	job->model = DatumGetInt32(sql_get(7, &is_null));
	job->queued_at = DatumGetTimestampTz(sql_get(8, &is_null));
	job->parent = DatumGetInt32(sql_get(9, &is_null));
	job->is_warm = DatumGetBool(sql_get(10, &is_null));
	MemoryContextSwitchTo(caller);
	return job;
}

/*
 * The lock lets one worker at a time count and claim; it does not conflict with
 * transactions that have inserted rows.
 */
Job *
job_claim(Oid login, MemoryContext context)
{
	ArchiveScope scope;
	SqlArgs none = {0};
	SqlArgs args = {0};
	Job *job = NULL;

	archive_enter(&scope);
	sql_run("LOCK TABLE cerebro.job IN SHARE UPDATE EXCLUSIVE MODE", &none);
	sql_add_role(&args, login);
	sql_add_int4(&args, MyProcPid);
	if (has_room() &&
	    sql_run("UPDATE cerebro.job SET status = 'running', pid = $2,"
	            " started_at = pg_catalog.clock_timestamp()"
	            " WHERE id OPERATOR(pg_catalog.=) (SELECT id FROM cerebro.job"
	            " WHERE status OPERATOR(pg_catalog.=) 'queued'"
	            " AND login OPERATOR(pg_catalog.=) $1 ORDER BY id"
	            " FOR UPDATE SKIP LOCKED LIMIT 1)"
	            " RETURNING id, task, mst, owner, login, settings, model,"
	            " queued_at, COALESCE(parent, 0), is_warm",
	            &args) > 0)
		job = read_job(context);
	archive_leave(&scope);
	return job;
}

/* ------------------------------------------------------------- recording */

/* Nothing of a task that is gone, or that is being dropped. */
static const char record_sql[] =
	"INSERT INTO cerebro.job (id, task, mst, owner, login, is_background,"
	" settings, status, reason, model, pid, queued_at, started_at, ended_at,"
	" n_rows, n_epochs, read_seconds, train_seconds, cpu_seconds,"
	" planned_bytes, peak_bytes,"
	" parent, is_warm)"
	" SELECT $1, t.id, $3, $4, $5, $6, '{}', $7, $8, $9, $10, $11, $12, $13,"
	" $14, $15, $16, $17, $18, NULLIF($22, 0), $19,"
	" NULLIF($20, 0), $21"
	" FROM cerebro.task t WHERE t.id OPERATOR(pg_catalog.=) $2 FOR KEY SHARE"
	" ON CONFLICT (id) DO UPDATE SET status = EXCLUDED.status,"
	" reason = EXCLUDED.reason, pid = EXCLUDED.pid,"
	" started_at = EXCLUDED.started_at, ended_at = EXCLUDED.ended_at,"
	" n_rows = EXCLUDED.n_rows, n_epochs = EXCLUDED.n_epochs,"
	" read_seconds = EXCLUDED.read_seconds,"
	" train_seconds = EXCLUDED.train_seconds,"
	" cpu_seconds = EXCLUDED.cpu_seconds,"
	" planned_bytes = EXCLUDED.planned_bytes, peak_bytes = EXCLUDED.peak_bytes"
	" WHERE job.status OPERATOR(pg_catalog.=) 'queued'"
	" OR job.status OPERATOR(pg_catalog.=) 'running'";

void
job_record(const AttemptRecord *record, const char *triple)
{
	ArchiveScope scope;
	SqlArgs args = {0};

	archive_enter(&scope);
	sql_add_int8(&args, record->job);
	sql_add_int4(&args, record->task);
	sql_add_text(&args, triple);
	sql_add_role(&args, record->owner);
	sql_add_role(&args, record->login);
	sql_add_bool(&args, record->is_background);
	sql_add_text(&args, job_status_name(record->status));
	sql_add_text(&args, record->reason[0] ? record->reason : NULL);
	sql_add_int4(&args, record->model);
	sql_add_int4(&args, record->pid);
	sql_add_time(&args, record->queued_at);
	sql_add_time(&args, record->started_at);
	sql_add_time(&args, record->ended_at);
	sql_add_int8(&args, record->n_rows);
	sql_add_int4(&args, record->n_epochs_done);
	sql_add_double(&args, record->read_seconds);
	sql_add_double(&args, record->train_seconds);
	sql_add_double(&args, record->cpu_seconds);
	sql_add_int8(&args, record->peak_bytes);
	sql_add_int4(&args, record->parent);
	sql_add_bool(&args, record->is_warm);
	sql_add_int8(&args, record->planned_bytes);
	sql_run(record_sql, &args);
	archive_leave(&scope);
}

void
job_init(void)
{
	RegisterXactCallback(at_transaction_end, NULL);
}
