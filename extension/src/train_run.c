/*
 * train_run.c
 *	  From rows to what the engine made of them.
 *
 *	 task's query -> chunks -> ROWS frames -> engine -> EPOCH, PART frames
 */
#include "cerebro_pg.h"

#include <math.h>

#include "miscadmin.h"
#include "parser/parse_relation.h"
#include "utils/timestamp.h"

#include "fe.h"
#include "train.h"

#define MAX_PARTS 100000

static void handle_message(void *self, const cer_message *message);

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
	training->attempt = attempt;
	PG_TRY();
	{
		training->task = task_find_by_id(attempt->record.task, true);
		parse(training, triple);
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

/* ------------------------------------------------------------------- rows */

static void
set_phase(Training *training, AttemptPhase phase)
{
	if (training->attempt->record.phase == phase)
		return;
	training->attempt->record.phase = phase;
	attempt_update(training->attempt, true);
}

static void
send_chunk(void *self, const cer_chunk *chunk, const ReadPlan *plan,
           cer_storage *storages)
{
	Training *training = self;
	AttemptRecord *record = &training->attempt->record;
	cer_message message = {.type = CER_FRAME_ROWS};

	cer_content_add(training->content, chunk);
	message.rows.position = training->n_sent;
	message.rows.chunk = *chunk;
	message.rows.n_columns = plan->n_inputs;
	message.rows.storages = storages;
	engine_send(training->engine, &message);
	training->n_sent += chunk->n_rows;
	record->n_done = training->n_sent;
	attempt_update(training->attempt, false);
}

/* The sink's view of a training: which columns travel, and how. */
typedef struct Sender
{
	Training *training;
	const ReadPlan *plan;
	cer_storage *storages;
} Sender;

static void
sink_chunk(void *self, const cer_chunk *chunk)
{
	Sender *sender = self;

	send_chunk(sender->training, chunk, sender->plan, sender->storages);
}

/* In frames of a bounded size. */
static void
sink_values(void *self, size_t input, uint32 first, const cer_text *values,
            size_t n_values)
{
	Sender *sender = self;
	size_t done = 0;
	cer_error err = {0};

	host_check(cer_content_add_values(sender->training->content, input, values,
	                                  n_values, &err),
	           &err);
	while (done < n_values)
	{
		cer_message message = {.type = CER_FRAME_VALUES};
		size_t size = 0;
		size_t n = 0;

		while (done + n < n_values && (n == 0 || size < CER_WIRE_PIECE))
			size += values[done + n++].size + sizeof(uint32);
		message.values.input = input;
		message.values.first = first + done;
		message.values.n_values = n;
		message.values.values = values + done;
		engine_send(sender->training->engine, &message);
		done += n;
	}
}

static void
send_hello(Training *training)
{
	cer_message message = {.type = CER_FRAME_HELLO};

	message.hello.executor = host_text("native");
	message.hello.n_threads = train_threads;
	message.hello.memory_limit = (uint64) train_memory_limit << 20;
	engine_send(training->engine, &message);
}

static void
send_group(Training *training, const Features *features, const ReadPlan *plan)
{
	cer_group_triple triple = {.job = training->attempt->record.job,
	                           .text = host_text(training->text),
	                           .keep_every = train_get_keep_every()};
	cer_message message = {.type = CER_FRAME_GROUP};

	message.group.n_triples = 1;
	message.group.triples = &triple;
	message.group.n_columns = features->n_columns;
	message.group.columns = features->columns;
	message.group.n_inputs = plan->n_inputs;
	message.group.inputs = plan->inputs;
	message.group.n_classes = training->task->n_classes;
	engine_send(training->engine, &message);
}

static void
check_others_see(const Task *task, Query *query)
{
	if (!isQueryUsingTempRelation(query))
		return;
	ereport(ERROR,
	        (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
	         errmsg("task \"%s\" cannot be trained for in the background",
	                task->name),
	         errdetail("It reads a temporary table, which no other session "
	                   "sees."),
	         errhint("Train with wait => true.")));
}

void
train_check_queued(const Task *task, const char *triple)
{
	MemoryContext context = AllocSetContextCreate(
		CurrentMemoryContext, "cerebro triple", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	const cer_mst *mst = structure_parse(triple);
	int level = settings_enter(task);
	const Features *features = fe_make(task, mst, false);

	check_others_see(task, task_analyze(features->task));
	settings_leave(level);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

static void
send_rows(Training *training, const Features *features, const ReadPlan *plan)
{
	Sender sender = {.training = training, .plan = plan};
	RowSink sink = {
		.self = &sender, .chunk = sink_chunk, .values = sink_values};
	cer_host host = host_make();
	cer_error err = {0};

	sender.storages = palloc(sizeof(cer_storage) * (plan->n_inputs + 1));
	for (int i = 0; i < plan->n_inputs; i++)
		sender.storages[i] = plan->inputs[i].storage;
	host_check(cer_content_new(&host, plan->inputs, plan->n_inputs,
	                           &training->content, &err),
	           &err);
	task_read(features->task, plan, &sink, &training->stats);
	training_note_contents(training, plan);
}

static void
send_end(Training *training)
{
	cer_message end = {.type = CER_FRAME_END};

	end.end.n_rows = training->n_sent;
	engine_send(training->engine, &end);
}

static void
note_stats(Training *training)
{
	AttemptRecord *record = &training->attempt->record;

	record->n_rows = training->stats.n_rows;
	record->read_seconds = training->stats.seconds;
	record->n_done = 0;
	set_phase(training, PHASE_ORDER);
}

/* From the first row on. */
static void
read_rows(Training *training, const Features *features, const ReadPlan *plan)
{
	training->engine = engine_start(handle_message, training);
	send_hello(training);
	send_group(training, features, plan);
	set_phase(training, PHASE_READ);
	send_rows(training, features, plan);
	training->query = features->query;
	note_stats(training);
	training->data_version =
		task_get_data_version(training->task, &training->stats);
	if (!training_find_read(training, plan))
		send_end(training);
}

/* Which columns FE reads, as the library chooses them once more. */
static const cer_plan *
plan_features(const Training *training, const Features *features)
{
	const cer_plan *plan;
	cer_error err = {0};

	host_check(cer_plan_make(host_make_arena(training->context), training->mst,
	                         features->columns, features->n_columns, &plan,
	                         &err),
	           &err);
	return plan;
}

bool
training_read(Training *training)
{
	MemoryContext caller = MemoryContextSwitchTo(training->context);
	int level = settings_enter(training->task);
	const Features *features = fe_make(training->task, training->mst, true);
	Query *query = task_analyze(features->task);
	ReadPlan *plan =
		read_plan_make(features->task, query, features->inputs,
	                   features->n_inputs, 1u << CER_TRAIN | 1u << CER_VALID);

	training->plan = plan_features(training, features);
	plan->is_own = features->query == NULL;
	if (plan->is_own)
		training_find_unread(training, query, plan);
	if (training->found == 0)
		read_rows(training, features, plan);
	settings_leave(level);
	MemoryContextSwitchTo(caller);
	return training->found == 0;
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
	if (status->phase == CER_PHASE_TRAIN)
	{
		record->epoch = status->train.epoch;
		record->loss = status->train.train_loss;
		if (training->began_at == 0)
			training->began_at = GetCurrentTimestamp();
	}
	set_phase(training, phases[status->phase]);
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
	char *auc =
		isnan(epoch->valid.auc) ? "" : psprintf("  AUC %.4f", epoch->valid.auc);

	ereport(NOTICE, (errmsg("epoch %u/%d  loss %.4f  valid %.4f%s  %.1f s left",
	                        epoch->epoch, n_epochs, epoch->train_loss,
	                        epoch->valid.log_loss, auc, left)));
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

static void
handle_triple_done(Training *training, const cer_triple_done *done)
{
	AttemptRecord *record = &training->attempt->record;

	training->done = *done;
	training->kernel_class =
		pnstrdup(done->kernel_class.data, done->kernel_class.size);
	record->cpu_seconds = done->cpu_seconds;
	note_peak(training, done->peak_bytes);
}

static bool
are_whole(const TrainedPart *parts, uint32 n_parts)
{
	for (uint32 i = 0; i < n_parts; i++)
		if (parts[i].data == NULL || parts[i].n_received != parts[i].size)
			return false;
	return true;
}

static void
handle_done(Training *training)
{
	bool is_whole = training->kernel_class != NULL && training->epochs != NIL &&
	                training->n_parts > 0 &&
	                are_whole(training->parts, training->n_parts);
	ListCell *cell;

	foreach (cell, training->states)
	{
		const TrainedState *state = lfirst(cell);

		is_whole = is_whole && are_whole(state->parts, state->n_parts);
	}
	if (!is_whole || training->best.epoch == 0)
		fail_protocol("less than a model");
	training->is_done = true;
}

static void
handle_message(void *self, const cer_message *message)
{
	Training *training = self;
	MemoryContext caller = MemoryContextSwitchTo(training->context);

	switch (message->type)
	{
		case CER_FRAME_READY:
			break;
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
		case CER_FRAME_STATE:
			training_handle_state(training, &message->state);
			break;
		case CER_FRAME_TRIPLE_DONE:
			handle_triple_done(training, &message->triple_done);
			break;
		case CER_FRAME_DONE:
			handle_done(training);
			break;
		default:
			fail_protocol("what only the server may say");
	}
	MemoryContextSwitchTo(caller);
}

void
training_run(Training *training)
{
	while (!training->is_done)
		engine_wait(training->engine);
	engine_stop(training->engine);
	training->engine = NULL;
}
