/*
 * job_epoch.c
 *	  Epochs of a training that are committed before there is a model, so that
 *	  whatever happens the training can go on from the last of them.
 *
 *	 worker		 STATE ──> short transaction: job_epoch, state_part
 *	 resume		 the job is queued once more; its story finds those epochs
 *	 model there the epochs are the model's; what only the job kept goes
 *
 * A job keeps one state, the last: the one before goes in the transaction that
 * commits it.
 */
#include "cerebro_pg.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"

#include "job.h"
#include "job_sql.h"
#include "train.h"

static int commit_seconds = 5;

void
job_epoch_init(void)
{
	DefineCustomIntVariable(
		"cerebro.commit_seconds",
		"Seconds after which a training in the background commits its state.",
		"0 commits every epoch, -1 none before the model is there. "
		"cerebro.resume goes on from the last one.",
		&commit_seconds, 5, -1, INT_MAX / 1000, PGC_USERSET, GUC_UNIT_S, NULL,
		NULL, NULL);
}

/* Which states the engine is to send beside those that the archive keeps. */
void
job_epoch_ask(const Training *training, cer_group_triple *triple)
{
	if (!training->attempt->record.is_background || commit_seconds < 0)
		return;
	if (commit_seconds == 0)
		triple->keep_every = 1;
	else
		triple->keep_seconds = (uint32) commit_seconds;
}

/* --------------------------------------------------------------- writing */

/* Until the end of the transaction; false where job or task is gone. */
static bool
lock_job(int64 job)
{
	SqlArgs args = {0};

	sql_add_int8(&args, job);
	return sql_run("SELECT FROM cerebro.job"
	               " WHERE id OPERATOR(pg_catalog.=) $1 FOR KEY SHARE",
	               &args) > 0;
}

static void
write_epoch(Training *training, const cer_epoch *epoch)
{
	SqlArgs args = {0};

	sql_add_int8(&args, training->attempt->record.job);
	train_add_epoch(&args, training, epoch);
	(void) sql_run("INSERT INTO cerebro.job_epoch (job, epoch, train_loss,"
	               " valid_log_loss, valid_auc, valid_accuracy, seconds,"
	               " rows_per_second, state)"
	               " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
	               " ON CONFLICT (job, epoch) DO UPDATE SET"
	               " train_loss = EXCLUDED.train_loss,"
	               " valid_log_loss = EXCLUDED.valid_log_loss,"
	               " valid_auc = EXCLUDED.valid_auc,"
	               " valid_accuracy = EXCLUDED.valid_accuracy,"
	               " seconds = EXCLUDED.seconds,"
	               " rows_per_second = EXCLUDED.rows_per_second,"
	               " state = EXCLUDED.state, has_made = job_epoch.has_made"
	               " AND job_epoch.state OPERATOR(pg_catalog.=)"
	               " EXCLUDED.state",
	               &args);
}

/* States that the job alone has kept; their bytes go. */
static void
drop_states(const char *which, SqlArgs *args)
{
	uint64 n = sql_run(which, args);
	Datum *states = palloc(sizeof(Datum) * Max(1, n));
	bool is_null;

	for (uint64 i = 0; i < n; i++)
		states[i] = PointerGetDatum(DatumGetByteaPCopy(SPI_getbinval(
			SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &is_null)));
	for (uint64 i = 0; i < n; i++)
		state_drop(states[i]);
}

/* No other job has it, nor is it where another model ended. */
#define NOBODY_ELSE                                                \
	" AND NOT EXISTS (SELECT FROM cerebro.epoch o"                 \
	" JOIN cerebro.model m ON m.id OPERATOR(pg_catalog.=) o.model" \
	" WHERE o.state OPERATOR(pg_catalog.=) e.state"                \
	" AND o.epoch OPERATOR(pg_catalog.=) m.n_epochs)"              \
	" AND NOT EXISTS (SELECT FROM cerebro.job_epoch o"             \
	" WHERE o.state OPERATOR(pg_catalog.=) e.state"                \
	" AND o.job OPERATOR(pg_catalog.<>) e.job)"

static void
drop_before(int64 job, uint32 epoch)
{
	SqlArgs args = {0};

	sql_add_int8(&args, job);
	sql_add_int4(&args, epoch);
	drop_states("SELECT e.state FROM cerebro.job_epoch e"
	            " WHERE e.job OPERATOR(pg_catalog.=) $1 AND e.has_made"
	            " AND e.epoch OPERATOR(pg_catalog.<) $2" NOBODY_ELSE,
	            &args);
	(void) sql_run("UPDATE cerebro.job_epoch SET has_made = false"
	               " WHERE job OPERATOR(pg_catalog.=) $1 AND has_made"
	               " AND epoch OPERATOR(pg_catalog.<) $2",
	               &args);
}

/* Whether the job has kept a state of a training over other rows. */
static bool
is_stale(const Training *training)
{
	SqlArgs args = {0};
	bytea *state;
	cer_id id;
	bool is_null;

	sql_add_int8(&args, training->attempt->record.job);
	if (sql_run("SELECT e.epoch, e.state FROM cerebro.job_epoch e"
	            " WHERE e.job OPERATOR(pg_catalog.=) $1 AND e.has_made",
	            &args) == 0)
		return false;
	id = story_get_state(training->story,
	                     (uint32) DatumGetInt32(sql_get(1, &is_null)));
	state = DatumGetByteaPP(sql_get(2, &is_null));
	return memcmp(VARDATA_ANY(state), id.bytes, CER_ID_SIZE) != 0;
}

/* An attempt over other rows, before the data changed, kept other epochs. */
static void
drop_stale(const Training *training)
{
	SqlArgs args = {0};

	if (!is_stale(training))
		return;
	sql_add_int8(&args, training->attempt->record.job);
	drop_states("SELECT e.state FROM cerebro.job_epoch e"
	            " WHERE e.job OPERATOR(pg_catalog.=) $1"
	            " AND e.has_made" NOBODY_ELSE,
	            &args);
	(void) sql_run("DELETE FROM cerebro.job_epoch"
	               " WHERE job OPERATOR(pg_catalog.=) $1",
	               &args);
}

static void
mark_made(int64 job, uint32 epoch)
{
	SqlArgs args = {0};

	sql_add_int8(&args, job);
	sql_add_int4(&args, epoch);
	(void) sql_run("UPDATE cerebro.job_epoch SET has_made = true"
	               " WHERE job OPERATOR(pg_catalog.=) $1"
	               " AND epoch OPERATOR(pg_catalog.=) $2",
	               &args);
}

static void
write_until(Training *training, const TrainedState *state)
{
	int64 job = training->attempt->record.job;
	cer_id id = story_get_state(training->story, state->epoch);
	ArchiveScope scope;
	ListCell *cell;

	archive_enter(&scope);
	if (!lock_job(job))
		train_fail_dropped(training);
	if (training->n_committed == 0)
		drop_stale(training);
	foreach (cell, training->epochs)
	{
		const cer_epoch *epoch = lfirst(cell);

		if (epoch->epoch > training->n_committed &&
		    epoch->epoch <= state->epoch)
			write_epoch(training, epoch);
	}
	if (train_write_state(&id, state))
		mark_made(job, state->epoch);
	drop_before(job, state->epoch);
	archive_leave(&scope);
	training->n_committed = state->epoch;
}

/* ------------------------------------------------------------ committing */

static const TrainedState *
find_newest(const Training *training)
{
	for (int i = list_length(training->states) - 1; i >= 0; i--)
	{
		const TrainedState *state = list_nth(training->states, i);

		if (train_is_whole(state->parts, state->n_parts))
			return state->epoch > training->n_committed ? state : NULL;
	}
	return NULL;
}

/* Between messages, where no transaction is open. */
void
job_epoch_commit(Training *training)
{
	const TrainedState *state = find_newest(training);

	if (state == NULL || commit_seconds < 0 || training->is_done)
		return;
	job_begin();
	write_until(training, state);
	job_commit();
	training_forget_states(training, state->epoch);
}

/* -------------------------------------------------------------- forgetting */

/* In an archive scope, once the model has its states. */
void
job_epoch_hand_over(const Training *training)
{
	SqlArgs args = {0};

	sql_add_int8(&args, training->attempt->record.job);
	sql_add_int4(&args, (int32) train_get_last_kept(training));
	drop_states("SELECT e.state FROM cerebro.job_epoch e"
	            " WHERE e.job OPERATOR(pg_catalog.=) $1 AND e.has_made"
	            " AND e.epoch OPERATOR(pg_catalog.<>) $2" NOBODY_ELSE,
	            &args);
	args.n = 1;
	(void) sql_run("DELETE FROM cerebro.job_epoch"
	               " WHERE job OPERATOR(pg_catalog.=) $1",
	               &args);
}

/* In an archive scope: of all jobs of a task. */
void
job_epoch_drop_all(int32 task)
{
	SqlArgs args = {0};

	sql_add_int4(&args, task);
	drop_states(
		"SELECT e.state FROM cerebro.job_epoch e"
		" JOIN cerebro.job j ON j.id OPERATOR(pg_catalog.=) e.job"
		" WHERE j.task OPERATOR(pg_catalog.=) $1 AND e.has_made" NOBODY_ELSE,
		&args);
	(void) sql_run("DELETE FROM cerebro.job_epoch e USING cerebro.job j"
	               " WHERE j.id OPERATOR(pg_catalog.=) e.job"
	               " AND j.task OPERATOR(pg_catalog.=) $1",
	               &args);
}
