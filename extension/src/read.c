/*
 * read.c
 *	  The task's query -> chunks of coded rows.
 *
 * The query is cut to what is read:
 *
 *	 label | key 1 .. key k | split, if any | input 1 .. input n
 *
 * Rows come straight from the executor's slots.  A row without a label is
 * counted and left out; one of a part that nobody asked for is only counted.
 */
#include "cerebro_pg.h"
#include "fe.h"
#include "read_guard.h"

#include "executor/tuptable.h"
#include "nodes/nodeFuncs.h"
#include "portability/instr_time.h"

#include <math.h>

/* Few enough that the columns of a chunk stay in the cache. */
#define CHUNK_ROWS 512

StaticAssertDecl(CHUNK_ROWS <= CER_CHUNK_ROWS, "chunk is too large");

typedef struct ReadColumn
{
	cer_storage storage;
	ValueShortcut shortcut;
	ValueCoder *coder;
	void *data;             /* of the chunk */
	Dictionary *dictionary; /* CER_CODE32 */
	uint32 n_sent;          /* values that the sink has */
	cer_text last;          /* memo */
	uint32 last_code;
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
	ValueCoder **key;
	Oid *key_types;
	SplitRule *split;
	int split_target; /* -1: none */
	int first_input;

	/* the chunk */
	bool is_coding; /* a row that the query gave */
	size_t n_seen;  /* rows since the last one, of all parts */
	size_t n_rows;
	uint64 *row_keys;
	uint8 *row_parts;
	uint16 *labels;
	int n_columns;
	ReadColumn *columns;
	const void **arrays;

	MemoryContext context;
	MemoryContext chunk_context; /* reset after each chunk */
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
	reader->n_seen = 0;
	MemoryContextReset(reader->chunk_context);
}

static inline cer_text
get_text(const ReadColumn *column, Datum value)
{
	const char *packed = DatumGetPointer(value);

	if (column->shortcut == SHORTCUT_TEXT && VARATT_IS_1B(packed) &&
	    !VARATT_IS_1B_E(packed))
		return (cer_text){VARDATA_1B(packed),
		                  VARSIZE_1B(packed) - VARHDRSZ_SHORT};
	return value_coder_get_text(column->coder, value);
}

static inline uint32
get_code(ReadColumn *column, Datum value)
{
	cer_text text = get_text(column, value);

	if (column->last_code != 0 && text.size == column->last.size &&
	    bytes_equal(text.data, column->last.data, text.size))
		return column->last_code;
	column->last_code =
		dictionary_add(column->dictionary, text.data, text.size);
	column->last =
		*dictionary_get_values(column->dictionary, column->last_code);
	return column->last_code;
}

static inline double
get_number(const ReadColumn *column, Datum value)
{
	if (column->shortcut == SHORTCUT_INT4)
		return DatumGetInt32(value);
	if (column->shortcut == SHORTCUT_FLOAT8)
		return DatumGetFloat8(value);
	return value_coder_get_number(column->coder, value);
}

static inline void
store_value(ReadColumn *column, size_t row, Datum value, bool is_null)
{
	switch (column->storage)
	{
		case CER_FLOAT32:
			((float *) column->data)[row] =
				is_null ? (float) NAN : (float) get_number(column, value);
			break;
		case CER_FLOAT64:
			((double *) column->data)[row] =
				is_null ? NAN : get_number(column, value);
			break;
		case CER_CODE32:
			((uint32 *) column->data)[row] =
				is_null ? 0 : get_code(column, value);
			break;
	}
}

/* While a task has no key yet, a row's is its place in the order of arrival. */
static uint64
get_row_key(Reader *reader, const TupleTableSlot *slot)
{
	const Task *task = reader->task;
	cer_key_hash hash;

	cer_key_hash_start(&hash, (uint64) task->hash_key);
	if (task->n_key == 0)
		cer_key_hash_add_int(&hash, reader->stats->n_rows);
	for (int i = 0; i < task->n_key; i++)
	{
		if (slot->tts_isnull[1 + i])
			ereport(ERROR,
			        (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			         errmsg("key column \"%s\" of task \"%s\" is NULL in a "
			                "labelled row",
			                task->key[i], task->name),
			         errhint("Leave such rows out of the source, or choose "
			                 "another key.")));
		value_coder_add_key(reader->key[i], slot->tts_values[1 + i], false,
		                    &hash);
	}
	return cer_key_hash_finish(&hash);
}

static cer_part_of_rows
get_part(Reader *reader, const TupleTableSlot *slot, uint64 row_key)
{
	int at = reader->split_target;

	if (at < 0)
		return split_rule_get_part(reader->split, row_key, (Datum) 0, true);
	return split_rule_get_part(reader->split, row_key, slot->tts_values[at],
	                           slot->tts_isnull[at]);
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

static void
store_row(Reader *reader, const TupleTableSlot *slot)
{
	Datum *values = slot->tts_values + reader->first_input;
	bool *nulls = slot->tts_isnull + reader->first_input;

	for (int i = 0; i < reader->n_columns; i++)
		store_value(&reader->columns[i], reader->n_rows, values[i], nulls[i]);
	reader->n_rows++;
}

static void
read_row(void *self, TupleTableSlot *slot)
{
	Reader *reader = self;
	MemoryContext caller;
	uint64 row_key;
	cer_part_of_rows part;
	uint16 label;

	if (slot->tts_isnull[0])
	{
		reader->stats->n_unlabeled++;
		return;
	}
	reader->is_coding = true;
	caller = MemoryContextSwitchTo(reader->chunk_context);
	label = label_coder_get_class(reader->label, slot->tts_values[0]);
	row_key = get_row_key(reader, slot);
	part = get_part(reader, slot, row_key);
	count_row(reader, row_key, part, label);
	if (reader->plan->watch != NULL)
		reader->plan->watch(reader->plan->watcher, row_key, reader->key_types,
		                    slot->tts_values + 1);
	if (reader->parts & (1u << part) && is_in_sample(reader, row_key))
	{
		reader->row_keys[reader->n_rows] = row_key;
		reader->row_parts[reader->n_rows] = (uint8) part;
		reader->labels[reader->n_rows] = label;
		store_row(reader, slot);
	}
	MemoryContextSwitchTo(caller);
	if (++reader->n_seen == CHUNK_ROWS)
		flush_chunk(reader);
	reader->is_coding = false;
}

static void
init_column(Reader *reader, int at, cer_storage storage, Oid type)
{
	ReadColumn *column = &reader->columns[at];

	column->storage = storage;
	column->coder = value_coder_make(type);
	column->shortcut = value_coder_get_shortcut(column->coder);
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
	reader->key = palloc(task->n_key * sizeof(ValueCoder *));
	reader->key_types = palloc(task->n_key * sizeof(Oid));
	for (int i = 0; i < task->n_key; i++)
	{
		reader->key_types[i] = get_target_type(query, targets.first_key + i);
		reader->key[i] = value_coder_make(reader->key_types[i]);
	}
	reader->split = split_rule_make(
		task,
		targets.split < 0 ? InvalidOid : get_target_type(query, targets.split));
	reader->columns = palloc0((plan->n_inputs + 1) * sizeof(ReadColumn));
	reader->arrays = palloc0((plan->n_inputs + 1) * sizeof(void *));
	for (int i = 0; i < plan->n_inputs; i++)
		init_column(reader, i, plan->inputs[i].storage,
		            get_target_type(query, plan->columns[i]));
	reader->row_keys = palloc(CHUNK_ROWS * sizeof(uint64));
	reader->row_parts = palloc(CHUNK_ROWS * sizeof(uint8));
	reader->labels = palloc(CHUNK_ROWS * sizeof(uint16));
	reader->chunk_context = AllocSetContextCreate(
		CurrentMemoryContext, "cerebro chunk", ALLOCSET_DEFAULT_SIZES);
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
	reader->split_target = targets.split < 0 ? -1 : n;
	if (targets.split >= 0)
		kept[n++] = targets.split;
	reader->first_input = n;
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

static void
run_query(void *self)
{
	const Reading *reading = self;
	const Task *task = reading->reader->task;

	if (task->n_key > 0)
		query_run_parallel(reading->query, task->query, read_row,
		                   reading->reader);
	else /* order is the key */
		query_run(reading->query, task->query, read_row, reading->reader);
}

static void
read_rows(Reader *reader, Query *query)
{
	Reading reading = {reader, choose_query(reader, query, reader->plan)};
	ReadGuard guard = {.task = reader->task,
	                   .plan = reader->plan,
	                   .query = reading.query,
	                   .first_input = reader->first_input,
	                   .is_coding = &reader->is_coding};

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
