/*
 * train_state.c
 *	  States of training: what is found instead of trained, and what is kept.
 *
 *	 rows known -> story -> model there: done
 *						 -> states there: START frames, fewer epochs
 *						 -> nothing there: all of it
 */
#include "cerebro_pg.h"

#include "miscadmin.h"
#include "utils/guc.h"

#include "job_sql.h"
#include "train.h"

typedef enum PlanReuse
{
	PLAN_OFF,
	PLAN_ON
} PlanReuse;

static const struct config_enum_entry plan_options[] = {
	{"off", PLAN_OFF, false},
	{"on", PLAN_ON, false},
	{NULL, 0, false},
};

static bool reuse = true;
static int plan_model = PLAN_ON;
static int plan_state = PLAN_ON;
static bool plan_dimensions = true;
static bool plan_warm = true;
static bool plan_group = true;
static int keep_states = 0;

static void
define_ways(void)
{
	DefineCustomBoolVariable(
		"cerebro.plan_warm",
		"Whether a changed model begins with its parent's weights.",
		"off begins from scratch, as train_change(warm => false) does.",
		&plan_warm, true, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable(
		"cerebro.plan_group",
		"Whether triples that read the same train together in one engine.",
		"off trains one after the other; the bits are the same.", &plan_group,
		true, PGC_USERSET, 0, NULL, NULL, NULL);
}

void
train_state_init(void)
{
	define_ways();
	DefineCustomBoolVariable(
		"cerebro.reuse",
		"Whether training begins with what the archive has of it.",
		"States and models are found by what they were made of; with the same "
		"rows they have the same bits as if they were trained again.",
		&reuse, true, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable(
		"cerebro.plan_model",
		"Whether a model that is there is the result of the same training.",
		"As cerebro.reuse, of this decision alone.", &plan_model, PLAN_ON,
		plan_options, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable(
		"cerebro.plan_state",
		"Whether training goes on from a state that is kept.",
		"As cerebro.reuse, of this decision alone.", &plan_state, PLAN_ON,
		plan_options, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable(
		"cerebro.plan_dimensions",
		"Whether training computes what a joined table adds to the first layer "
		"once for rows of it that are the same.",
		"off computes it for each row of a batch; the bits are the same.",
		&plan_dimensions, true, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"cerebro.keep_states",
		"Epochs of a training whose state is kept: each n-th and the last.",
		"0 keeps the last one, so that more epochs can follow; -1 keeps none.",
		&keep_states, 0, -1, INT_MAX, PGC_USERSET, 0, NULL, NULL, NULL);
}

bool
train_plans_dimensions(void)
{
	return plan_dimensions;
}

bool
train_plans_warm(void)
{
	return plan_warm;
}

bool
train_plans_groups(void)
{
	return plan_group;
}

uint32
train_get_keep_every(void)
{
	if (keep_states < 0)
		return 0;
	return keep_states == 0 ? CER_KEEP_LAST : (uint32) keep_states;
}

/* ---------------------------------------------------------------- finding */

static void
tell_story(Training *training, const ReadPlan *plan,
           const cer_content_hash *contents)
{
	StorySource source = {
		.mst = training->mst,
		.plan = training->plan,
		.inputs = plan->inputs,
		.n_classes = training->task->n_classes,
		.rows = contents[0],
		.columns = contents + 1,
	};

	training->story = training_tell(training, &source);
}

/* True: nothing is left to do. */
static bool
find_model(Training *training, int32 data_version)
{
	if (!training->may_find || !reuse || plan_model == PLAN_OFF)
		return false;
	training->found = story_find_model(training->story, training->task->id,
	                                   data_version, training->attempt->triple);
	return training->found != 0;
}

/*
 * Before rows are read: where the tables tell that they are as a training has
 * seen them, what columns hold is known.  Who may not read them fails here.
 */
void
training_find_unread(Training *training, const Query *query, ReadPlan *plan)
{
	cer_content_hash *contents =
		palloc(sizeof(cer_content_hash) * (plan->n_inputs + 1));
	bool is_known = reuse && plan_model != PLAN_OFF && training->may_find;
	int32 version;

	if (!is_known)
		return;
	if (plan->tables == NULL)
	{
		source_check_code(training->task, query);
		query_check(copyObject(unconstify(Query *, query)),
		            training->task->query);
		plan->tables = task_get_tables(query, true);
	}
	version = task_find_data_version(training->task, plan->tables);
	is_known = version != 0 && task_get_content(version, "", &contents[0]);
	for (int i = 0; is_known && i < plan->n_inputs; i++)
		is_known = task_get_content(version, plan->inputs[i].name.data,
		                            &contents[i + 1]);
	if (!is_known)
		return;
	tell_story(training, plan, contents);
	(void) find_model(training, version);
}

/*
 * The columns' contents become part of what the reading is known by; but for
 * those that FE makes, which have the same name in triples that make others.
 */
void
training_note_contents(Training *training, const ReadPlan *plan,
                       cer_content_hash *contents)
{
	ReadStats *stats = &training->stats;

	stats->n_contents = plan->is_own ? plan->n_inputs + 1 : 1;
	stats->content_names = palloc(sizeof(char *) * (plan->n_inputs + 1));
	stats->contents = contents;
	stats->content_names[0] = "";
	for (int i = 0; i < plan->n_inputs; i++)
		stats->content_names[i + 1] =
			pnstrdup(plan->inputs[i].name.data, plan->inputs[i].name.size);
}

void
train_send_start(Training *training, uint32 epoch, List *parts)
{
	cer_message message = {.type = CER_FRAME_START};
	cer_group_part *piece = &message.state.piece;
	ListCell *cell;

	message.state.epoch = epoch;
	piece->triple = (uint32) training->triple;
	piece->n_parts = list_length(parts);
	foreach (cell, parts)
	{
		const cer_part *part = lfirst(cell);

		piece->ordinal = foreach_current_index(cell);
		piece->total = part->size;
		piece->offset = 0;
		do
		{
			piece->part = *part;
			piece->part.data = (const char *) part->data + piece->offset;
			piece->part.size = Min(part->size - piece->offset, CER_WIRE_PIECE);
			engine_send(training->engine, &message);
			piece->offset += piece->part.size;
		} while (piece->offset < part->size);
	}
}

static void
adopt_epochs(Training *training, List *epochs)
{
	const cer_epoch *last = llast(epochs);
	bool is_all = (int) last->epoch == training->attempt->record.n_epochs;
	ListCell *cell;

	training->epochs = epochs;
	training->n_found = last->epoch;
	training->attempt->record.n_epochs_done = (int32) last->epoch;
	foreach (cell, epochs)
		if (((cer_epoch *) lfirst(cell))->is_best)
			training->best = *(cer_epoch *) lfirst(cell);
	ereport(NOTICE,
	        (errmsg(last->epoch > 1 ? "epochs 1 to %u are in the archive"
	                                : "epoch %u is in the archive",
	                last->epoch),
	         errdetail(is_all ? "Nothing is trained."
	                          : "Training goes on from there, with the bits "
	                            "of a training from the start.")));
}

/* Once it is known what columns hold: the model, if it is there. */
bool
training_find_read_model(Training *training, const ReadPlan *plan)
{
	if (training->story == NULL)
		tell_story(training, plan, training->stats.contents);
	return find_model(training, training->data_version);
}

List *
training_find_epochs(const Training *training)
{
	bool is_any = reuse && plan_state != PLAN_OFF;
	int64 job = training->attempt->record.job;

	if (!is_any && job == 0)
		return NIL;
	/* its own are found even so: they are what it goes on from */
	return story_find_epochs(training->story, training->mst, is_any ? 0 : job);
}

/* Once rows are read: a model, or where to go on.  True: a model. */
bool
training_find_read(Training *training, const ReadPlan *plan)
{
	List *epochs;
	List *parts = NIL;

	if (training_find_read_model(training, plan))
		return true;
	epochs = training_find_epochs(training);
	if (epochs != NIL)
	{
		cer_id state =
			story_get_state(training->story, (uint32) list_length(epochs));

		parts = story_read_state(&state);
	}
	if (parts == NIL)
	{
		training_send_parent(training);
		return false;
	}
	train_send_start(training, (uint32) list_length(epochs), parts);
	adopt_epochs(training, epochs);
	return false;
}

/* ---------------------------------------------------------------- keeping */

static TrainedState *
get_state(Training *training, const cer_group_state *message)
{
	TrainedState *state =
		training->states == NIL ? NULL : llast(training->states);

	if (state == NULL || state->epoch != message->epoch)
	{
		state = palloc0(sizeof(TrainedState));
		state->epoch = message->epoch;
		training->states = lappend(training->states, state);
	}
	return state;
}

void
training_handle_state(Training *training, const cer_group_state *message)
{
	TrainedState *state = get_state(training, message);

	train_take_piece(&state->parts, &state->n_parts, &message->piece);
}

static bool
lock_state(const cer_id *id)
{
	SqlArgs args = {0};

	sql_add_bytes(&args, id->bytes, CER_ID_SIZE);
	return sql_run("SELECT FROM cerebro.state_part"
	               " WHERE state OPERATOR(pg_catalog.=) $1"
	               " AND ordinal OPERATOR(pg_catalog.=) 0 FOR KEY SHARE",
	               &args) > 0;
}

bool
train_write_state(const cer_id *id, const TrainedState *state)
{
	PartTable table = content_state_parts(id);
	bool is_new = false;

	while (!lock_state(id))
	{
		for (uint32 i = 0; i < state->n_parts; i++)
			content_write_part(&table, (int32) i, &state->parts[i]);
		is_new = true;
	}
	return is_new;
}

static int64
get_state_size(const TrainedState *state)
{
	int64 n_bytes = 0;

	for (uint32 i = 0; i < state->n_parts; i++)
		n_bytes += (int64) state->parts[i].size;
	return n_bytes;
}

/* Whether the archive keeps it; others were for the job alone. */
static bool
is_kept(const Training *training, uint32 epoch)
{
	uint32 every = train_get_keep_every();
	const cer_epoch *last = llast(training->epochs);

	return every > 0 && (epoch == last->epoch ||
	                     (every != CER_KEEP_LAST && epoch % every == 0));
}

uint32
train_get_last_kept(const Training *training)
{
	return train_get_keep_every() > 0
	           ? ((const cer_epoch *) llast(training->epochs))->epoch
	           : 0;
}

static void
free_state(TrainedState *state)
{
	for (uint32 i = 0; i < state->n_parts; i++)
	{
		pfree(state->parts[i].name);
		pfree(state->parts[i].data);
	}
	pfree(state->parts);
	pfree(state);
}

/* Until now the last epoch is that of the newest state: it stays. */
void
training_forget_states(Training *training, uint32 epoch)
{
	ListCell *cell;

	foreach (cell, training->states)
	{
		TrainedState *state = lfirst(cell);

		if (state->epoch >= epoch || is_kept(training, state->epoch))
			continue;
		training->states = foreach_delete_current(training->states, cell);
		free_state(state);
	}
}

static const TrainedState *
find_state(const Training *training, uint32 epoch)
{
	ListCell *cell;

	foreach (cell, training->states)
		if (((TrainedState *) lfirst(cell))->epoch == epoch)
			return lfirst(cell);
	return NULL;
}

/* In an archive scope, once the model's epochs are written: they keep what is
 * kept already. */
void
training_write_story(Training *training)
{
	const AttemptRecord *record = &training->attempt->record;
	Story *story = training->story;
	ListCell *cell;

	story_write_beginning(story, record->model, record->owner,
	                      training->stats.seconds);
	foreach (cell, training->epochs)
	{
		const cer_epoch *epoch = lfirst(cell);
		const TrainedState *state = find_state(training, epoch->epoch);
		cer_id id = story_get_state(story, epoch->epoch);
		ArtefactCost cost = {-1, epoch->seconds};

		if (state != NULL && is_kept(training, epoch->epoch))
		{
			(void) train_write_state(&id, state);
			cost.bytes = get_state_size(state);
		}
		else
			(void) lock_state(&id);
		story_write_epoch(story, record->model, record->owner, epoch->epoch,
		                  cost);
	}
	story_write_end(story, record->model, record->owner, training->best.epoch);
}
