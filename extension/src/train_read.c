/*
 * train_read.c
 *	  Rows of a task -> ROWS frames to the engine.
 *
 *	 task's query -> chunks ------------> engine
 *						 \-> extract --/	(extract.h)
 *
 * What is kept of the columns is not read again.  Whatever its way, the engine
 * gets the same rows, and orders them by itself.
 */
#include "cerebro_pg.h"

#include "miscadmin.h"
#include "parser/parse_relation.h"
#include "storage/fd.h"
#include "utils/guc.h"

#include "extract.h"
#include "fe.h"
#include "train.h"

void
training_set_phase(Training *training, AttemptPhase phase)
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

	if (training->content != NULL)
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

	if (sender->training->content != NULL)
		host_check(cer_content_add_values(sender->training->content, input,
		                                  values, n_values, &err),
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

/* It orders them while the server looks what it knows of them. */
static void
sink_end(void *self)
{
	Sender *sender = self;
	cer_message message = {.type = CER_FRAME_ORDER};

	engine_send(sender->training->engine, &message);
}

/* Where the server's own temporary files are; temp_file_limit holds for each. */
static void
ask_for_disk(cer_hello *hello)
{
	char folder[MAXPGPATH];
	uint64 limit = (uint64) train_disk_limit << 20;

	TempTablespacePath(folder, InvalidOid);
	if (MakePGDirectory(folder) < 0 && errno != EEXIST)
		ereport(ERROR,
		        (errcode_for_file_access(),
		         errmsg("could not create directory \"%s\": %m", folder)));
	if (temp_file_limit >= 0)
		limit = Min(limit, (uint64) temp_file_limit << 10);
	hello->disk = host_text(psprintf("%s/%s", DataDir, folder));
	hello->disk_limit = limit;
}

static void
send_hello(const TrainGroup *group)
{
	cer_message message = {.type = CER_FRAME_HELLO};

	message.hello.executor = host_text("native");
	message.hello.n_threads = train_threads;
	message.hello.memory_limit = (uint64) train_memory_limit << 20;
	message.hello.disk = host_text("");
	for (int i = 0; i < group->n && message.hello.disk_limit == 0; i++)
		if (cer_mst_get_shuffle(group->members[i]->mst) > 0)
			ask_for_disk(&message.hello);
	engine_send(group->members[0]->engine, &message);
}

static void
send_group(const TrainGroup *group)
{
	const Training *leader = group->members[0];
	const Features *features = leader->features;
	cer_group_triple *triples = palloc0(group->n * sizeof(cer_group_triple));
	cer_message message = {.type = CER_FRAME_GROUP};

	for (int i = 0; i < group->n; i++)
	{
		triples[i].job = group->members[i]->attempt->record.job;
		triples[i].text = host_text(group->members[i]->text);
		triples[i].keep_every = train_get_keep_every();
		job_epoch_ask(group->members[i], &triples[i]);
	}
	message.group.n_triples = group->n;
	message.group.triples = triples;
	message.group.n_columns = features->n_columns;
	message.group.columns = features->columns;
	message.group.n_inputs = leader->read->n_inputs;
	message.group.inputs = leader->read->inputs;
	message.group.n_classes = leader->task->n_classes;
	message.group.repeats_rows = !train_plans_dimensions();
	engine_send(leader->engine, &message);
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

static RowSink
make_sender(Sender *sender, Training *training, const ReadPlan *plan)
{
	*sender = (Sender){.training = training, .plan = plan};
	sender->storages = palloc(sizeof(cer_storage) * (plan->n_inputs + 1));
	for (int i = 0; i < plan->n_inputs; i++)
		sender->storages[i] = plan->inputs[i].storage;
	return (RowSink){.self = sender,
	                 .chunk = sink_chunk,
	                 .values = sink_values,
	                 .end = sink_end};
}

static void
start_contents(Training *training, const ReadPlan *plan)
{
	cer_host host = host_make();
	cer_error err = {0};

	host_check(cer_content_new(&host, plan->inputs, plan->n_inputs,
	                           &training->content, &err),
	           &err);
}

/* ------------------------------------------------------------------ all of it */

/* All columns of the plan in one read; kept in memory, too, if they may be. */
static void
send_rows(Training *training, const Features *features, const ReadPlan *plan)
{
	Sender sender;
	RowSink sink = make_sender(&sender, training, plan);
	RowSink gather;
	cer_content_hash *contents =
		palloc(sizeof(cer_content_hash) * (plan->n_inputs + 1));

	start_contents(training, plan);
	if (training->extract != NULL)
		gather = extract_gather(training->extract, &sink);
	task_read(features->task, plan, training->extract != NULL ? &gather : &sink,
	          &training->stats);
	contents[0] = cer_content_get_rows(training->content);
	for (int i = 0; i < plan->n_inputs; i++)
		contents[i + 1] = cer_content_get_column(training->content, i);
	training_note_contents(training, plan, contents);
}

/* -------------------------------------------------------------- what is kept */

/* The plan's columns that are not kept. */
static ReadPlan *
make_rest(const Extract *extract, const ReadPlan *plan)
{
	ReadPlan *rest = palloc(sizeof(ReadPlan));
	int n = 0;

	*rest = *plan;
	rest->columns = palloc((plan->n_inputs + 1) * sizeof(int));
	rest->inputs = palloc((plan->n_inputs + 1) * sizeof(cer_input));
	for (int i = 0; i < plan->n_inputs; i++)
		if (!extract_has(extract, i))
		{
			rest->columns[n] = plan->columns[i];
			rest->inputs[n++] = plan->inputs[i];
		}
	rest->n_inputs = n;
	return rest;
}

/* Between a read of some columns and what gathers them. */
typedef struct Hasher
{
	cer_content *content;
	RowSink gather;
} Hasher;

static void
hash_chunk(void *self, const cer_chunk *chunk)
{
	Hasher *hasher = self;

	cer_content_add(hasher->content, chunk);
	hasher->gather.chunk(hasher->gather.self, chunk);
}

static void
hash_values(void *self, size_t input, uint32 first, const cer_text *values,
            size_t n_values)
{
	Hasher *hasher = self;
	cer_error err = {0};

	host_check(
		cer_content_add_values(hasher->content, input, values, n_values, &err),
		&err);
	hasher->gather.values(hasher->gather.self, input, first, values, n_values);
}

/* What all columns hold: as it is kept, and as the rest was read. */
static cer_content_hash *
join_contents(const Extract *extract, const ReadPlan *plan,
              const cer_content *rest)
{
	cer_content_hash *contents =
		palloc(sizeof(cer_content_hash) * (plan->n_inputs + 1));
	size_t n = 0;

	contents[0] = extract_get_content(extract, -1);
	for (int i = 0; i < plan->n_inputs; i++)
		contents[i + 1] = extract_has(extract, i)
		                      ? extract_get_content(extract, i)
		                      : cer_content_get_column(rest, n++);
	return contents;
}

/* One read of what is lacking.  False: it cannot be kept, or does not fit. */
static bool
read_rest(Training *training, const Features *features, const ReadPlan *plan)
{
	ReadPlan *rest = make_rest(training->extract, plan);
	Hasher hasher;
	RowSink sink = {&hasher, hash_chunk, hash_values};

	start_contents(training, rest);
	hasher.content = training->content;
	hasher.gather = extract_gather(training->extract, NULL);
	task_read(features->task, rest, &sink, &training->stats);
	if (!extract_take(training->extract))
		return false;
	training_note_contents(
		training, plan,
		join_contents(training->extract, plan, training->content));
	training->content = NULL; /* known: it need not be hashed again */
	return true;
}

/* Rows that are kept, of a data version that is known. */
static void
send_kept(Training *training, const ReadPlan *plan)
{
	Sender sender;
	RowSink sink = make_sender(&sender, training, plan);
	instr_time start;
	instr_time end;

	INSTR_TIME_SET_CURRENT(start);
	extract_send(training->extract, &sink);
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, start);
	training->stats.seconds += INSTR_TIME_GET_DOUBLE(end);
}

static void
find_version(Training *training)
{
	training->data_version = task_get_kept_version(
		training->task, extract_get_data_version(training->extract),
		&training->stats);
}

static bool
is_all_kept(const Training *training, const ReadPlan *plan)
{
	return training->extract != NULL &&
	       extract_count_found(training->extract) == plan->n_inputs;
}

/* True: the rows are on their way from what is kept. */
static bool
send_from_extract(Training *training, const Features *features,
                  const ReadPlan *plan)
{
	Extract *extract = training->extract;

	if (extract == NULL || extract_count_found(extract) == 0)
		return false;
	if (!is_all_kept(training, plan) && !read_rest(training, features, plan))
	{
		extract_close(extract);
		training->extract = NULL;
		return false;
	}
	if (training->data_version == 0)
		find_version(training);
	send_kept(training, plan);
	return true;
}

/* ------------------------------------------------------------------- reading */

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
	training_set_phase(training, PHASE_ORDER);
}

/* While the engine is at work already. */
static void
keep_columns(Training *training)
{
	Extract *extract = training->extract;

	if (extract_count_found(extract) == 0)
		(void) extract_take(extract);
	extract_store(extract, training->data_version, &training->stats);
}

/* What the leader has read is what they would have read. */
static void
share_rows(const Training *leader, Training *member)
{
	if (member == leader)
		return;
	member->stats = leader->stats;
	member->n_sent = leader->n_sent;
	member->data_version = leader->data_version;
}

static void
skip(const Training *training)
{
	cer_message message = {.type = CER_FRAME_SKIP};

	message.skip.triple = (uint32) training->triple;
	engine_send(training->engine, &message);
}

/* Rows are there: what each begins with.  False: all of them were found. */
static bool
find_read(TrainGroup *group)
{
	bool is_any = false;

	for (int i = 0; i < group->n; i++)
	{
		Training *member = group->members[i];
		MemoryContext caller = MemoryContextSwitchTo(member->context);

		share_rows(group->members[0], member);
		note_stats(member);
		if (training_find_read(member, member->read))
			skip(member);
		else
			is_any = true;
		MemoryContextSwitchTo(caller);
	}
	return is_any;
}

/* From the first row on. */
static void
read_rows(TrainGroup *group)
{
	Training *leader = group->members[0];

	leader->engine = engine_start(train_handle_message, group);
	for (int i = 1; i < group->n; i++)
		group->members[i]->engine = leader->engine;
	send_hello(group);
	send_group(group);
	training_set_phase(leader, PHASE_READ);
	if (!send_from_extract(leader, leader->features, leader->read))
	{
		send_rows(leader, leader->features, leader->read);
		leader->data_version =
			task_get_data_version(leader->task, &leader->stats);
	}
	group->is_over = !find_read(group);
	if (!group->is_over)
		send_end(leader);
	if (leader->extract != NULL)
		keep_columns(leader);
}

/* The model may be there, and all that tells is kept. */
static void
find_kept(Training *training, const ReadPlan *plan)
{
	training_note_contents(training, plan,
	                       join_contents(training->extract, plan, NULL));
	training->stats.tables = plan->tables;
	if (training->is_explained)
		training->data_version = task_find_kept_version(
			training->task, extract_get_data_version(training->extract),
			&training->stats);
	else
		find_version(training);
	(void) training_find_read_model(training, plan);
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

static void
open_extract(Training *training)
{
	if (extract_is_on())
		training->extract = extract_open(training->features->task,
		                                 training->analysed, training->read);
}

/* Everything that is known before a row is read. */
static void
plan_read(Training *training)
{
	const Features *features = fe_make(training->task, training->mst, true);
	Query *query = task_analyze(features->task);
	ReadPlan *plan =
		read_plan_make(features->task, query, features->inputs,
	                   features->n_inputs, 1u << CER_TRAIN | 1u << CER_VALID);

	training->features = features;
	training->analysed = query;
	training->read = plan;
	training->plan = plan_features(training, features);
	training->query = features->query;
	plan->is_own = features->query == NULL;
	open_extract(training);
	if (training->extract != NULL)
		plan->tables = task_get_tables(query, plan->is_own);
	if (is_all_kept(training, plan))
		find_kept(training, plan);
	else if (plan->is_own)
		training_find_unread(training, query, plan);
	training_estimate(training, plan);
}

void
training_plan(Training *training)
{
	MemoryContext caller = MemoryContextSwitchTo(training->context);
	int level = settings_enter(training->task);

	plan_read(training);
	settings_leave(level);
	MemoryContextSwitchTo(caller);
}

void
training_end_plan(Training *training)
{
	if (training->extract != NULL)
		extract_close(training->extract);
	training->extract = NULL;
}

void
train_read_group(TrainGroup *group)
{
	Training *leader = group->members[0];
	MemoryContext caller = MemoryContextSwitchTo(leader->context);
	int level = settings_enter(leader->task);

	if (leader->extract == NULL)
		open_extract(leader);
	read_rows(group);
	training_end_plan(leader);
	settings_leave(level);
	MemoryContextSwitchTo(caller);
}

bool
training_read(Training *training)
{
	training_plan(training);
	if (training->found == 0 && !training->is_explained)
		train_read_group(training->group);
	training_end_plan(training);
	return training->found == 0;
}
