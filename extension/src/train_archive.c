/*
 * train_archive.c
 *	  A trained network becomes rows: model, epochs, parts, contents, job.
 */
#include "cerebro_pg.h"

#include "access/xact.h"

#include "job.h"
#include "job_sql.h"
#include "train.h"

void
train_add_epoch(SqlArgs *args, const Training *training, const cer_epoch *epoch)
{
	cer_id state = story_get_state(training->story, epoch->epoch);

	sql_add_int4(args, epoch->epoch);
	sql_add_double(args, epoch->train_loss);
	sql_add_double(args, epoch->valid.log_loss);
	sql_add_double(args, epoch->valid.auc);
	sql_add_double(args, epoch->valid.accuracy);
	sql_add_double(args, epoch->seconds);
	sql_add_double(args, epoch->rows_per_second);
	sql_add_bytes(args, state.bytes, CER_ID_SIZE);
}

static void
write_epoch(Training *training, const cer_epoch *epoch)
{
	SqlArgs args = {0};

	sql_add_int4(&args, training->attempt->record.model);
	train_add_epoch(&args, training, epoch);
	sql_run("INSERT INTO cerebro.epoch (model, epoch, train_loss,"
	        " valid_log_loss, valid_auc, valid_accuracy, seconds,"
	        " rows_per_second, state)"
	        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
	        &args);
}

void
train_fail_dropped(const Training *training)
{
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
	                errmsg("task \"%s\" was dropped while it was trained for",
	                       training->task->name)));
}

/* The task may be gone since the rows were read: no row, then. */
static void
write_model(Training *training)
{
	const AttemptRecord *record = &training->attempt->record;
	SqlArgs args = {0};

	sql_add_int4(&args, record->model);
	sql_add_int4(&args, record->task);
	sql_add_int4(&args, training->data_version);
	sql_add_int8(&args, record->job);
	sql_add_text(&args, training->attempt->triple);
	sql_add_role(&args, record->owner);
	sql_add_int8(&args, training->done.n_weights);
	sql_add_int4(&args, training->done.n_epochs);
	sql_add_int4(&args, training->best.epoch);
	sql_add_double(&args, training->best.valid.log_loss);
	sql_add_double(&args, training->best.valid.auc);
	sql_add_double(&args, training->best.valid.accuracy);
	sql_add_double(&args, training->done.seconds);
	sql_add_text(&args, "native");
	sql_add_text(&args, training->kernel_class);
	sql_add_text(&args, CER_VERSION);
	sql_add_text(&args, training->query);
	sql_add_bytes(&args, story_get(training->story)->training.id.bytes,
	              CER_ID_SIZE);
	if (sql_run("INSERT INTO cerebro.model (id, task, data_version, job,"
	            " mst, owner, n_weights, n_epochs, best_epoch,"
	            " valid_log_loss, valid_auc, valid_accuracy, seconds,"
	            " executor, kernel_class, version, query, training)"
	            " SELECT $1, t.id, v.id, $4, $5, $6, $7, $8, $9, $10, $11,"
	            " $12, $13, $14, $15, $16, $17, $18 FROM cerebro.task t"
	            " JOIN cerebro.data_version v"
	            " ON v.task OPERATOR(pg_catalog.=) t.id"
	            " WHERE t.id OPERATOR(pg_catalog.=) $2"
	            " AND v.id OPERATOR(pg_catalog.=) $3",
	            &args) == 0)
		train_fail_dropped(training);
}

static const cer_mst *
stop(const Training *training, const cer_mst *mst, const char **text)
{
	cer_arena *arena = host_make_arena(training->context);
	const cer_mst *stopped;
	cer_text printed;
	cer_error err = {0};

	host_check(
		cer_mst_stop(arena, mst, training->done.n_epochs, &stopped, &err),
		&err);
	host_check(cer_mst_print(arena, stopped, &printed, &err), &err);
	*text = printed.data;
	return stopped;
}

/*
 * What the time cut off is, bit by bit, what the triple makes that says so: it
 * is archived as that, and whoever trains that one finds it.
 */
static void
become_shorter(Training *training)
{
	cer_arena *arena = host_make_arena(training->context);
	const cer_mst *asked;
	const char *text;
	cer_error err = {0};

	host_check(cer_mst_parse(arena, host_text(training->attempt->triple),
	                         &asked, &err),
	           &err);
	(void) stop(training, asked, &text);
	attempt_set_triple(training->attempt, text);
	training->attempt->record.n_epochs = (int32) training->done.n_epochs;
	training->mst = stop(training, training->mst, &training->text);
	story_stop(training->story, training->mst);
}

/* Why it did not go through all epochs that were asked for. */
static const char *
tell_end(const cer_triple_done *done)
{
	if (done->is_cut)
		return "the time was over before its last epoch";
	return done->is_stopped ? "no better epoch within patience" : "";
}

void
training_archive(Training *training)
{
	const cer_triple_done *done = &training->done;
	Attempt *attempt = training->attempt;
	PartTable table = content_model_parts(attempt->record.model);
	ArchiveScope scope;
	ListCell *cell;

	if (done->is_cut)
		become_shorter(training);
	attempt->record.phase = PHASE_ARCHIVE;
	attempt_update(attempt, true);
	archive_enter(&scope);
	write_model(training);
	training_write_parent(training);
	structure_pin(attempt->record.model, training->structures);
	foreach (cell, training->epochs)
		write_epoch(training, lfirst(cell));
	for (uint32 i = 0; i < training->n_parts; i++)
		content_write_part(&table, (int32) i, &training->parts[i]);
	training_write_story(training);
	training_write_plan(training);
	job_epoch_hand_over(training);
	archive_leave(&scope);
	training_write_effect(training);
	attempt->subxact = GetCurrentSubTransactionId();
	attempt_end(attempt,
	            done->is_stopped || done->is_cut ? JOB_STOPPED : JOB_DONE,
	            tell_end(done));
	attempt_record(attempt);
}

void
training_record_found(Training *training)
{
	Attempt *attempt = training->attempt;

	attempt->record.model = training->found;
	attempt->subxact = GetCurrentSubTransactionId();
	attempt_end(attempt, JOB_DONE, "found in the archive");
	attempt_record(attempt);
	ereport(NOTICE,
	        (errmsg("model %d is what this training would make: nothing is "
	                "trained",
	                training->found),
	         errhint("SET cerebro.reuse = off trains it once more.")));
}
