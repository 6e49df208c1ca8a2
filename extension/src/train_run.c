/*
 * train_run.c
 *	  What the engine makes of the rows: EPOCH, STATE, PART frames -> memory.
 */
#include "cerebro_pg.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "scores.h"
#include "train.h"

#define MAX_PARTS 100000

/* The triple with what its structures are made of, as the engine, which knows
 * no names of people's own, is to read it. */
static void
parse(Training *training, const char *triple)
{
	cer_arena *arena = host_make_arena(training->context);
	const cer_mst *mst;
	cer_text text;
	cer_error err;

	host_check(cer_mst_parse(arena, host_text(triple), &mst, &err), &err);
	training->mst = structure_bind(mst, &training->structures);
	host_check(cer_mst_print(arena, training->mst, &text, &err), &err);
	training->text = text.data;
}

Training *
training_new(Attempt *attempt, const char *triple)
{
	MemoryContext context = AllocSetContextCreate(
		TopMemoryContext, "cerebro training", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	Training *training = palloc0(sizeof(Training));

	training->context = context;
	training->group = palloc0(sizeof(TrainGroup));
	training->group->n = 1;
	training->group->members = palloc(sizeof(Training *));
	training->group->members[0] = training;
	training->attempt = attempt;
	PG_TRY();
	{
		training->task = task_find_by_id(attempt->record.task, true);
		parse(training, triple);
		training_find_parent(training);
	}
	PG_CATCH();
	{
		training_free(training);
		PG_RE_THROW();
	}
	PG_END_TRY();
	attempt->record.n_epochs = (int32) cer_mst_get_epochs(training->mst);
	attempt_copy_text(attempt->record.task_name, training->task->name,
	                  sizeof(attempt->record.task_name));
	MemoryContextSwitchTo(caller);
	return training;
}

void
training_free(Training *training)
{
	if (training->engine != NULL)
		engine_stop(training->engine);
	MemoryContextDelete(training->context);
}

/* --------------------------------------------------------------- messages */

static const AttemptPhase phases[] = {[CER_PHASE_ORDER] = PHASE_ORDER,
                                      [CER_PHASE_ENCODE] = PHASE_ENCODE,
                                      [CER_PHASE_TRAIN] = PHASE_TRAIN,
                                      [CER_PHASE_PACK] = PHASE_PACK};

/* As the system tells it, where it does, else as the engine does. */
static void
note_peak(Training *training, uint64 told)
{
	AttemptRecord *record = &training->attempt->record;
	int64 peak =
		(int64) engine_process_read_peak(engine_get_pid(training->engine));

	if (peak == 0 && record->peak_bytes == 0)
		peak = (int64) told;
	record->peak_bytes = Max(record->peak_bytes, peak);
}

static void
handle_status(Training *training, const cer_group_status *status)
{
	AttemptRecord *record = &training->attempt->record;

	record->n_done = status->train.n_done;
	record->n_total = status->train.n_rows;
	record->rows_per_second = status->rows_per_second;
	record->cpu_seconds = status->cpu_seconds;
	note_peak(training, status->peak_bytes);
	if (status->planned_bytes > 0)
		record->planned_bytes = (int64) status->planned_bytes;
	if (status->phase == CER_PHASE_TRAIN)
	{
		record->epoch = status->train.epoch;
		record->loss = status->train.train_loss;
		if (training->began_at == 0)
			training->began_at = GetCurrentTimestamp();
	}
	training_set_phase(training, phases[status->phase]);
	attempt_update(training->attempt, false);
}

double
train_get_metric(const Task *task, const cer_metrics *metrics)
{
	if (strcmp(task->metric, "auc") == 0)
		return metrics->auc;
	if (strcmp(task->metric, "accuracy") == 0)
		return metrics->accuracy;
	return metrics->log_loss;
}

static void
tell_epoch(Training *training, const cer_epoch *epoch)
{
	int n_epochs = training->attempt->record.n_epochs;
	double seconds = TimestampDifferenceMilliseconds(training->began_at,
	                                                 GetCurrentTimestamp()) /
	                 1000.0;
	double left = seconds / (epoch->epoch - training->n_found) *
	              (n_epochs - (int) epoch->epoch);

	ereport(NOTICE, (errmsg("epoch %u/%d  loss %.4f  %s  %.1f s left",
	                        epoch->epoch, n_epochs, epoch->train_loss,
	                        scores_print_metrics(&epoch->valid), left)));
}

static void
handle_epoch(Training *training, const cer_epoch *epoch)
{
	AttemptRecord *record = &training->attempt->record;
	cer_epoch *kept = palloc(sizeof(cer_epoch));

	*kept = *epoch;
	training->epochs = lappend(training->epochs, kept);
	if (epoch->is_best)
		training->best = *epoch;
	record->epoch = epoch->epoch;
	record->n_epochs_done = epoch->epoch;
	record->loss = epoch->train_loss;
	record->metric = train_get_metric(training->task, &training->best.valid);
	record->rows_per_second = epoch->rows_per_second;
	record->train_seconds += epoch->seconds;
	attempt_update(training->attempt, false);
	if (!training->group->is_together)
		tell_epoch(training, epoch);
}

/* The engine is another process: what it says is checked. */
static void
fail_protocol(const char *what)
{
	ereport(ERROR, (errcode(ERRCODE_PROTOCOL_VIOLATION),
	                errmsg("the engine process sent %s", what)));
}

static void
begin_part(TrainedPart *part, const cer_group_part *piece)
{
	if (!AllocHugeSizeIsValid(piece->total))
		fail_protocol("a part that is too large");
	part->name = pnstrdup(piece->part.name.data, piece->part.name.size);
	part->kind = piece->part.kind;
	part->n_dims = piece->part.n_dims;
	memcpy(part->dims, piece->part.dims, sizeof(part->dims));
	part->size = piece->total;
	part->data = palloc_extended(piece->total + 1, MCXT_ALLOC_HUGE);
}

void
train_take_piece(TrainedPart **parts, uint32 *n_parts,
                 const cer_group_part *piece)
{
	TrainedPart *part;

	if (*parts == NULL)
	{
		if (piece->n_parts > MAX_PARTS)
			fail_protocol("too many parts");
		*n_parts = piece->n_parts;
		*parts = palloc0(sizeof(TrainedPart) * piece->n_parts);
	}
	if (piece->ordinal >= *n_parts)
		fail_protocol("a part outside its model");
	part = &(*parts)[piece->ordinal];
	if (part->data == NULL)
		begin_part(part, piece);
	if (piece->offset != part->n_received || piece->total != part->size)
		fail_protocol("pieces out of order");
	memcpy(part->data + piece->offset, piece->part.data, piece->part.size);
	part->n_received += piece->part.size;
}

bool
train_is_whole(const TrainedPart *parts, uint32 n_parts)
{
	for (uint32 i = 0; i < n_parts; i++)
		if (parts[i].data == NULL || parts[i].n_received != parts[i].size)
			return false;
	return true;
}

static void
check_whole(const Training *training)
{
	bool is_whole = training->epochs != NIL && training->n_parts > 0 &&
	                train_is_whole(training->parts, training->n_parts);
	ListCell *cell;

	foreach (cell, training->states)
	{
		const TrainedState *state = lfirst(cell);

		is_whole = is_whole && train_is_whole(state->parts, state->n_parts);
	}
	if (!is_whole || training->best.epoch == 0)
		fail_protocol("less than a model");
}

static void
handle_triple_done(Training *training, const cer_triple_done *done)
{
	AttemptRecord *record = &training->attempt->record;

	check_whole(training);
	training->done = *done;
	training->kernel_class =
		pnstrdup(done->kernel_class.data, done->kernel_class.size);
	record->cpu_seconds = done->cpu_seconds;
	note_peak(training, done->peak_bytes);
	training->is_done = true;
}

/* Alone it fails as any statement does. */
static void
handle_failure(Training *training, const cer_error *error)
{
	if (!training->group->is_together)
		host_check_text(error->status, error, training->text);
	training->failure = palloc(sizeof(cer_error));
	*training->failure = *error;
}

static Training *
find_member(const TrainGroup *group, uint32 triple)
{
	if (triple >= (uint32) group->n)
		fail_protocol("something of a triple that it does not have");
	return group->members[triple];
}

/* The member that a message concerns; NULL: all of them. */
static Training *
find_addressee(const TrainGroup *group, const cer_message *message)
{
	switch (message->type)
	{
		case CER_FRAME_STATUS:
			return find_member(group, message->status.triple);
		case CER_FRAME_EPOCH:
			return find_member(group, message->epoch.triple);
		case CER_FRAME_PART:
			return find_member(group, message->part.triple);
		case CER_FRAME_BEGUN:
			return find_member(group, message->begun.triple);
		case CER_FRAME_STATE:
			return find_member(group, message->state.piece.triple);
		case CER_FRAME_TRIPLE_DONE:
			return find_member(group, message->triple_done.triple);
		case CER_FRAME_TRIPLE_FAILED:
			return find_member(group, message->error.triple);
		default:
			return NULL;
	}
}

static void
handle_of_member(Training *training, const cer_message *message)
{
	switch (message->type)
	{
		case CER_FRAME_STATUS:
			handle_status(training, &message->status);
			break;
		case CER_FRAME_EPOCH:
			handle_epoch(training, &message->epoch.epoch);
			break;
		case CER_FRAME_PART:
			train_take_piece(&training->parts, &training->n_parts,
			                 &message->part);
			break;
		case CER_FRAME_BEGUN:
			training_handle_begun(training, &message->begun.start);
			break;
		case CER_FRAME_STATE:
			training_handle_state(training, &message->state);
			break;
		case CER_FRAME_TRIPLE_DONE:
			handle_triple_done(training, &message->triple_done);
			break;
		default:
			handle_failure(training, &message->error.error);
			break;
	}
}

void
train_handle_message(void *self, const cer_message *message)
{
	TrainGroup *group = self;
	Training *training = find_addressee(group, message);
	MemoryContext caller;

	if (training != NULL)
	{
		caller = MemoryContextSwitchTo(training->context);
		handle_of_member(training, message);
		MemoryContextSwitchTo(caller);
	}
	else if (message->type == CER_FRAME_DONE)
		group->is_over = true;
	else if (message->type != CER_FRAME_READY)
		fail_protocol("what only the server may say");
}

void
training_wait(Training *training)
{
	engine_wait(training->engine);
}

void
training_run(Training *training)
{
	while (!training->is_done)
	{
		if (training->group->is_over)
			fail_protocol("no model");
		engine_wait(training->engine);
	}
	engine_hang_up(training->engine); /* gives its memory back meanwhile */
}
