/*
 * read.c
 *	  The task's query -> chunks of coded rows.
 *
 * The query is cut to what is read:
 *
 *	 label | key 1 .. key k | split, if any | input 1 .. input n
 *
 * Rows are coded in blocks: see read_block.h.  A row without a label is counted
 * and left out; one of a part that nobody asked for is only counted.
 */
#include "cerebro_pg.h"
#include "fe.h"
#include "read_block.h"
#include "read_guard.h"

#include "executor/tuptable.h"
#include "nodes/nodeFuncs.h"
#include "portability/instr_time.h"

/* Few enough that the columns of a chunk stay in the cache. */
#define CHUNK_ROWS 512

StaticAssertDecl(CHUNK_ROWS <= CER_CHUNK_ROWS, "chunk is too large");

/* Codes of a process's dictionary -> those of the reader. */
typedef struct SourceColumn
{
	cer_text *values; /* by code - 1 */
	uint32 *codes;    /* the reader's; 0: no row that is read has it */
	uint32 n_values;
	Size max_values; /* allocated */
} SourceColumn;

typedef struct ReadColumn
{
	cer_storage storage;
	void *data;             /* of the chunk */
	Dictionary *dictionary; /* CER_CODE32 */
	uint32 n_sent;          /* values that the sink has */
	SourceColumn *sources;  /* by process: its number + 1 */
	int n_sources;          /* allocated */
} ReadColumn;

typedef struct Reader
{
	const Task *task;
	const ReadPlan *plan;
	const RowSink *sink;
	ReadStats *stats;
	unsigned parts;
	uint64 sample; /* rows whose mixed key is at most this */

	/* what the task adds to the source */
	LabelCoder *label;
	Oid *key_types;
	SplitRule *split;
	RowLayout layout;
	bool gives_blocks; /* the query; else rows, which are coded here: */
	RowCoder *coder;   /* NULL: no row has come yet */

	/* the block that is read */
	uint64 keys[BLOCK_ROWS];
	int stored[BLOCK_ROWS]; /* rows of the block that go on */
	int n_stored;
	char *values; /* of a column */

	/* the chunk */
	bool fails_coding; /* the error that is told came while a row was coded */
	size_t n_rows;
	uint64 *row_keys;
	uint8 *row_parts;
	uint16 *labels;
	int n_columns;
	ReadColumn *columns;
	const void **arrays;

	MemoryContext context;       /* all of it */
	MemoryContext block_context; /* reset after each block */
	int64 max_valid;             /* allocated in stats */
} Reader;

static const size_t storage_size[] = {
	[CER_FLOAT32] = sizeof(float),
	[CER_FLOAT64] = sizeof(double),
	[CER_CODE32] = sizeof(uint32),
};

static Oid
get_target_type(const Query *query, int target)
{
	return exprType(
		(Node *) list_nth_node(TargetEntry, query->targetList, target)->expr);
}

ReadPlan *
read_plan_make(const Task *task, const Query *query, const size_t *columns,
               size_t n_columns, unsigned parts)
{
	ReadPlan *plan = palloc0(sizeof(ReadPlan));

	plan->n_inputs = (int) n_columns;
	plan->columns = palloc(Max(1, n_columns) * sizeof(int));
	plan->inputs = palloc(Max(1, n_columns) * sizeof(cer_input));
	plan->parts = parts;
	for (int i = 0; i < plan->n_inputs; i++)
	{
		TargetEntry *entry =
			list_nth_node(TargetEntry, query->targetList, (int) columns[i]);
		ValueCoder *coder = value_coder_make(exprType((Node *) entry->expr));

		plan->columns[i] = (int) columns[i];
		plan->inputs[i].name = host_text(pstrdup(entry->resname));
		plan->inputs[i].storage = value_coder_get_storage(coder);
		pfree(coder);
	}
	return plan;
}

static void
flush_values(Reader *reader, int input)
{
	ReadColumn *column = &reader->columns[input];
	uint32 n_values;

	if (column->storage != CER_CODE32)
		return;
	n_values = dictionary_count(column->dictionary);
	if (n_values == column->n_sent)
		return;
	reader->sink->values(
		reader->sink->self, input, column->n_sent + 1,
		dictionary_get_values(column->dictionary, column->n_sent + 1),
		n_values - column->n_sent);
	column->n_sent = n_values;
}

static void
flush_chunk(Reader *reader)
{
	cer_chunk chunk = {
		.n_rows = reader->n_rows,
		.row_keys = reader->row_keys,
		.parts = reader->row_parts,
		.labels = reader->labels,
		.columns = reader->arrays,
	};

	if (reader->n_rows > 0)
	{
		for (int i = 0; i < reader->n_columns; i++)
			flush_values(reader, i);
		reader->sink->chunk(reader->sink->self, &chunk);
	}
	reader->n_rows = 0;
}

static void
keep_valid_row(Reader *reader, uint64 row_key, uint16 label)
{
	ReadStats *stats = reader->stats;

	if (stats->n_valid == reader->max_valid)
	{
		reader->max_valid *= 2;
		stats->valid_keys = repalloc_huge(stats->valid_keys,
		                                  reader->max_valid * sizeof(uint64));
		stats->valid_labels = repalloc_huge(stats->valid_labels,
		                                    reader->max_valid * sizeof(uint16));
	}
	stats->valid_keys[stats->n_valid] = row_key;
	stats->valid_labels[stats->n_valid] = label;
	stats->n_valid++;
}

static void
count_row(Reader *reader, uint64 row_key, cer_part_of_rows part, uint16 label)
{
	ReadStats *stats = reader->stats;
	cer_key_hash hash;

	stats->n_rows++;
	stats->class_rows[part * reader->task->n_classes + label]++;
	cer_key_hash_start(&hash, row_key);
	cer_key_hash_add_int(&hash, label);
	stats->row_hash += cer_key_hash_finish(&hash);
	if (part == CER_VALID)
		keep_valid_row(reader, row_key, label);
}

/* Mixed once more, as the key itself decides on a row's part. */
static bool
is_in_sample(const Reader *reader, uint64 row_key)
{
	cer_key_hash hash;

	if (reader->sample == PG_UINT64_MAX)
		return true;
	cer_key_hash_start(&hash, ~row_key);
	return cer_key_hash_finish(&hash) <= reader->sample;
}

/* What the task says of a row: counted, and whether it goes on. */
static void
take_row(Reader *reader, RowBlock *block, int row)
{
	uint64 row_key = reader->keys[row];
	bool is_null;
	uint16 label = label_coder_get_class(reader->label,
	                                     row_block_read_datum(block, &is_null));
	Datum split = 0;
	cer_part_of_rows part;
	size_t at = reader->n_rows + reader->n_stored;

	is_null = true;
	if (reader->layout.has_split)
		split = row_block_read_datum(block, &is_null);
	part = split_rule_get_part(reader->split, row_key, split, is_null);
	count_row(reader, row_key, part, label);
	if (!(reader->parts & (1u << part)) || !is_in_sample(reader, row_key))
		return;
	reader->row_keys[at] = row_key;
	reader->row_parts[at] = (uint8) part;
	reader->labels[at] = label;
	reader->stored[reader->n_stored++] = row;
}

/* -------------------------------------------------------------- columns */

static SourceColumn *
find_source(Reader *reader, ReadColumn *column, int source)
{
	if (source >= column->n_sources)
	{
		int n = source + 4;
		SourceColumn *sources =
			MemoryContextAllocZero(reader->context, n * sizeof(SourceColumn));

		for (int i = 0; i < column->n_sources; i++)
			sources[i] = column->sources[i];
		column->sources = sources;
		column->n_sources = n;
	}
	return &column->sources[source];
}

static void *
grow(MemoryContext context, void *array, Size size)
{
	return array == NULL ? MemoryContextAllocHuge(context, size)
	                     : repalloc_huge(array, size);
}

static void
reserve_values(Reader *reader, SourceColumn *source, Size n)
{
	Size max = Max(64, 2 * n);

	if (n <= source->max_values)
		return;
	source->values =
		grow(reader->context, source->values, max * sizeof(cer_text));
	source->codes = grow(reader->context, source->codes, max * sizeof(uint32));
	source->max_values = max;
}

/* Its process's new values, which may be those of rows that are not read. */
static void
add_values(Reader *reader, SourceColumn *source, RowBlock *block, uint32 n)
{
	reserve_values(reader, source, (Size) source->n_values + n);
	for (uint32 i = 0; i < n; i++)
	{
		cer_text text = row_block_read_text(block);
		char *copy = MemoryContextAllocHuge(reader->context, Max(1, text.size));

		memcpy(copy, text.data, text.size);
		source->values[source->n_values] = (cer_text){copy, text.size};
		source->codes[source->n_values++] = 0;
	}
}

static inline uint32
get_code(ReadColumn *column, SourceColumn *source, uint32 code)
{
	uint32 *known;

	if (code == 0)
		return 0;
	known = &source->codes[code - 1];
	if (*known == 0)
		*known =
			dictionary_add(column->dictionary, source->values[code - 1].data,
		                   source->values[code - 1].size);
	return *known;
}

static void
take_codes(Reader *reader, ReadColumn *column, SourceColumn *source)
{
	const uint32 *from = (const uint32 *) reader->values;
	uint32 *to = (uint32 *) column->data + reader->n_rows;

	for (int i = 0; i < reader->n_stored; i++)
		to[i] = get_code(column, source, from[reader->stored[i]]);
}

static void
take_numbers(Reader *reader, ReadColumn *column)
{
	if (column->storage == CER_FLOAT32)
	{
		const float *from = (const float *) reader->values;
		float *to = (float *) column->data + reader->n_rows;

		for (int i = 0; i < reader->n_stored; i++)
			to[i] = from[reader->stored[i]];
	}
	else
	{
		const double *from = (const double *) reader->values;
		double *to = (double *) column->data + reader->n_rows;

		for (int i = 0; i < reader->n_stored; i++)
			to[i] = from[reader->stored[i]];
	}
}

static void
take_column(Reader *reader, RowBlock *block, ReadColumn *column)
{
	SourceColumn *source =
		find_source(reader, column, block->header.source + 1);
	uint32 n_values;

	row_block_read(block, &n_values, sizeof(n_values));
	if (n_values > 0)
		add_values(reader, source, block, n_values);
	row_block_read(block, reader->values,
	               block->header.n_rows * storage_size[column->storage]);
	if (column->storage == CER_CODE32)
		take_codes(reader, column, source);
	else
		take_numbers(reader, column);
}

/* ---------------------------------------------------------------- blocks */

static void
fail_null_key(const Task *task, int column)
{
	ereport(ERROR,
	        (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
	         errmsg("key column \"%s\" of task \"%s\" is NULL in a labelled "
	                "row",
	                task->key[column], task->name),
	         errhint("Leave such rows out of the source, or choose another "
	                 "key.")));
}

static void
take_block(Reader *reader, const bytea *bytes)
{
	MemoryContext caller = MemoryContextSwitchTo(reader->block_context);
	RowBlock block;

	row_block_open(&block, bytes);
	if (reader->n_rows + block.header.n_rows > CHUNK_ROWS)
		flush_chunk(reader);
	reader->stats->n_unlabeled += block.header.n_unlabeled;
	reader->n_stored = 0;
	row_block_read(&block, reader->keys, block.header.n_rows * sizeof(uint64));
	for (uint32 i = 0; i < block.header.n_rows; i++)
		take_row(reader, &block, (int) i);
	for (int i = 0; i < reader->n_columns; i++)
		take_column(reader, &block, &reader->columns[i]);
	reader->n_rows += reader->n_stored;
	if (block.header.null_key >= 0)
		fail_null_key(reader->task, block.header.null_key);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(reader->block_context);
}

/* What was coded here and not taken yet. */
static void
take_rest(Reader *reader)
{
	bytea *block = reader->coder == NULL ? NULL : row_coder_take(reader->coder);

	if (block != NULL)
		take_block(reader, block);
}

static void
code_row(Reader *reader, const TupleTableSlot *slot)
{
	if (reader->coder == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(reader->context);

		reader->coder =
			row_coder_make(&reader->layout, slot->tts_tupleDescriptor);
		MemoryContextSwitchTo(caller);
	}
	if (row_coder_add(reader->coder, slot))
		take_rest(reader);
}

static void
note_coding(void *arg)
{
	Reader *reader = arg;

	reader->fails_coding = true;
}

/* What goes wrong from here on is of coding; but not what a parallel worker fails
 * at, whose error may arrive then: it has the context of the query. */
static void
begin_coding(Reader *reader, ErrorContextCallback *frame)
{
	*frame = (ErrorContextCallback){.previous = error_context_stack,
	                                .callback = note_coding,
	                                .arg = reader};
	error_context_stack = frame;
}

static void
end_coding(const ErrorContextCallback *frame)
{
	error_context_stack = frame->previous;
}

static void
read_row(void *self, TupleTableSlot *slot)
{
	Reader *reader = self;
	ErrorContextCallback frame;

	begin_coding(reader, &frame);
	if (reader->gives_blocks)
		take_block(reader, DatumGetByteaPP(slot->tts_values[0]));
	else
		code_row(reader, slot);
	end_coding(&frame);
}

/* The same, where each key is watched. */
static void
watch_row(void *self, TupleTableSlot *slot)
{
	Reader *reader = self;

	read_row(self, slot);
	if (!slot->tts_isnull[0])
		reader->plan->watch(reader->plan->watcher,
		                    row_coder_get_key(reader->coder), reader->key_types,
		                    slot->tts_values + 1);
}

static void
init_column(Reader *reader, int at, cer_storage storage)
{
	ReadColumn *column = &reader->columns[at];

	column->storage = storage;
	column->data = palloc(CHUNK_ROWS * storage_size[storage]);
	if (storage == CER_CODE32)
		column->dictionary = dictionary_make();
	reader->arrays[at] = column->data;
}

static void
init_stats(Reader *reader)
{
	ReadStats *stats = reader->stats;

	memset(stats, 0, sizeof(*stats));
	stats->class_rows =
		palloc0(CER_N_PARTS * reader->task->n_classes * sizeof(int64));
	reader->max_valid = 1024;
	stats->valid_keys = palloc(reader->max_valid * sizeof(uint64));
	stats->valid_labels = palloc(reader->max_valid * sizeof(uint16));
}

static Reader *
make_reader(const Task *task, const Query *query, const ReadPlan *plan)
{
	TaskTargets targets = task_get_targets(task);
	Reader *reader = palloc0(sizeof(Reader));

	reader->task = task;
	reader->plan = plan;
	reader->parts = plan->parts;
	reader->sample = plan->share > 0 && plan->share < 1
	                     ? (uint64) (plan->share * (double) PG_UINT64_MAX)
	                     : PG_UINT64_MAX;
	reader->n_columns = plan->n_inputs;
	reader->label =
		label_coder_make(get_target_type(query, targets.label), task);
	reader->key_types = palloc(task->n_key * sizeof(Oid));
	for (int i = 0; i < task->n_key; i++)
		reader->key_types[i] = get_target_type(query, targets.first_key + i);
	reader->split = split_rule_make(
		task,
		targets.split < 0 ? InvalidOid : get_target_type(query, targets.split));
	reader->columns = palloc0((plan->n_inputs + 1) * sizeof(ReadColumn));
	reader->arrays = palloc0((plan->n_inputs + 1) * sizeof(void *));
	for (int i = 0; i < plan->n_inputs; i++)
		init_column(reader, i, plan->inputs[i].storage);
	reader->layout = (RowLayout){.hash_key = (uint64) task->hash_key,
	                             .n_key = task->n_key,
	                             .has_split = targets.split >= 0};
	reader->values = palloc(BLOCK_ROWS * sizeof(double));
	reader->row_keys = palloc(CHUNK_ROWS * sizeof(uint64));
	reader->row_parts = palloc(CHUNK_ROWS * sizeof(uint8));
	reader->labels = palloc(CHUNK_ROWS * sizeof(uint16));
	reader->context = CurrentMemoryContext;
	reader->block_context = AllocSetContextCreate(
		CurrentMemoryContext, "cerebro block", ALLOCSET_DEFAULT_SIZES);
	return reader;
}

/* Cuts the query to what is read and notes where it stands then. */
static void
keep_targets(Reader *reader, Query *query, const ReadPlan *plan)
{
	TaskTargets targets = task_get_targets(reader->task);
	int *kept =
		palloc((list_length(query->targetList) + plan->n_inputs) * sizeof(int));
	int n = 0;

	kept[n++] = targets.label;
	for (int i = 0; i < reader->task->n_key; i++)
		kept[n++] = targets.first_key + i;
	if (targets.split >= 0)
		kept[n++] = targets.split;
	for (int i = 0; i < plan->n_inputs; i++)
		kept[n++] = plan->columns[i];
	query_keep_targets(query, kept, n);
}

/* The query cut to what is read, in the way that costs less. */
static Query *
choose_query(Reader *reader, Query *query, const ReadPlan *plan)
{
	Query *grouped = fe_group_query(reader->task, query);

	keep_targets(reader, query, plan);
	if (grouped != NULL)
		keep_targets(reader, grouped, plan);
	return fe_choose_query(reader->task, query, grouped);
}

typedef struct Reading
{
	Reader *reader;
	Query *query;
} Reading;

/* Workers code their rows, unless each is looked at here. */
static void
change_plan(PlannedStmt *stmt, void *self)
{
	Reader *reader = self;

	if (reader->plan->watch == NULL)
		reader->gives_blocks = row_node_insert(stmt, &reader->layout);
}

static void
run_query(void *self)
{
	const Reading *reading = self;
	Reader *reader = reading->reader;
	const char *text = reader->task->query;
	RowFunction row = reader->plan->watch == NULL ? read_row : watch_row;
	ErrorContextCallback frame;

	if (reader->task->n_key > 0)
		query_run_parallel(reading->query, text, change_plan, row, reader);
	else /* order is the key */
		query_run(reading->query, text, row, reader);
	begin_coding(reader, &frame);
	take_rest(reader);
	end_coding(&frame);
}

static void
read_rows(Reader *reader, Query *query)
{
	Reading reading = {reader, choose_query(reader, query, reader->plan)};
	ReadGuard guard = {.task = reader->task,
	                   .plan = reader->plan,
	                   .query = reading.query,
	                   .first_input =
	                       row_layout_get_first_input(&reader->layout),
	                   .fails_coding = &reader->fails_coding};

	read_guard_run(&guard, run_query, &reading);
	flush_chunk(reader);
	if (reader->sink != NULL && reader->sink->end != NULL)
		reader->sink->end(reader->sink->self);
}

void
task_read(const Task *task, const ReadPlan *plan, const RowSink *sink,
          ReadStats *stats)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context =
		AllocSetContextCreate(caller, "cerebro reader", ALLOCSET_DEFAULT_SIZES);
	int level = settings_enter(task);
	instr_time start;
	instr_time end;
	Query *query;
	Query *whole;
	Reader *reader;

	INSTR_TIME_SET_CURRENT(start);
	MemoryContextSwitchTo(context);
	query = task_analyze(task);
	source_check_code(task, query);
	whole = plan->tables != NULL ? NULL : copyObject(query);
	reader = make_reader(task, query, plan);
	reader->sink = sink;
	reader->stats = stats;
	MemoryContextSwitchTo(caller);
	init_stats(reader);
	MemoryContextSwitchTo(context);
	read_rows(reader, query);
	MemoryContextSwitchTo(caller);
	stats->tables =
		whole == NULL ? plan->tables : task_get_tables(whole, plan->is_own);
	MemoryContextDelete(context);
	settings_leave(level);
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, start);
	stats->seconds = INSTR_TIME_GET_DOUBLE(end);
}
