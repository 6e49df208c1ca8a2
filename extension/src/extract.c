/*
 * extract.c
 *	  Reading a task's columns from what is kept, and keeping what was read.
 *
 *	 all there:		chunks -> sink
 *	 some lacking:	one read of those -> memory; chunks and memory -> sink
 *	 none there:	one read -> sink, and memory
 *
 * Rows go out in the order of (part, key), a block at a time: of each column one
 * chunk is in memory.
 */
#include "extract.h"

#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"

typedef enum PlanExtract
{
	PLAN_OFF,
	PLAN_ON,
	PLAN_FORCE
} PlanExtract;

static const struct config_enum_entry plan_options[] = {
	{"off", PLAN_OFF, false},
	{"on", PLAN_ON, false},
	{"force", PLAN_FORCE, false},
	{NULL, 0, false},
};

static int plan_extract = PLAN_ON;
static int extract_memory = 1024;

/* Few enough that a block of all columns stays in the cache. */
#define BLOCK_ROWS 2048

StaticAssertDecl(EXTRACT_CHUNK_ROWS % BLOCK_ROWS == 0,
                 "blocks end with chunks");

void
extract_init(void)
{
	DefineCustomEnumVariable(
		"cerebro.plan_extract",
		"Whether trainings read columns from what is kept of them, and keep "
		"what they read.",
		"on lets what saves least go when there is no room, force keeps all "
		"that is read.",
		&plan_extract, PLAN_ON, plan_options, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"cerebro.extract_memory",
		"Bytes of this database that columns which are kept may take.", NULL,
		&extract_memory, 1024, 1, INT_MAX, PGC_USERSET, GUC_UNIT_MB, NULL, NULL,
		NULL);
}

bool
extract_is_on(void)
{
	return plan_extract != PLAN_OFF;
}

static Size
get_limit(void)
{
	return (Size) extract_memory << 20;
}

/* One column, or the rows, wherever its bytes are. */
typedef struct Source
{
	bool is_there;    /* in the tables */
	bool is_gathered; /* in memory */
	ExtractEntry entry;
	cer_packed packed; /* rows: those in memory */
	Size n_rows;
	uint32 n_values; /* of codes */
	const cer_text *values;

	/* reading */
	ArchiveScan *scan;
	MemoryContext context; /* of the chunk */
	const char *chunk;
	Size n_left; /* rows of it */
	void *block; /* BLOCK_ROWS values */
} Source;

struct Extract
{
	const Task *task;
	const ReadPlan *plan;
	ExtractIds ids;
	bool has_rows; /* in the tables */
	Snapshot snapshot;
	Source rows;
	Source *columns;
	int n_found;
	RowGather *gather;
	const RowSink *sink; /* that is gathered for */
	bool is_whole;       /* all that was lacking is in memory */
	cer_arena *arena;    /* of packed columns */
};

/* ------------------------------------------------------------------ opening */

static void
find_columns(Extract *extract)
{
	for (int i = 0; i < extract->plan->n_inputs; i++)
	{
		Source *column = &extract->columns[i];

		column->is_there =
			extract->ids.is_known[i] &&
			extract_find(&extract->ids.columns[i], &column->entry) &&
			column->entry.n_rows == extract->rows.entry.n_rows;
		extract->n_found += column->is_there;
	}
}

/* As running the query would: what is kept is not for those who could not. */
static void
check_rights(const Task *task, const Query *query)
{
	source_check_code(task, query);
	query_check(copyObject(unconstify(Query *, query)), task->query);
}

Extract *
extract_open(const Task *task, const Query *query, const ReadPlan *plan)
{
	Extract *extract = palloc0(sizeof(Extract));

	check_rights(task, query);
	extract->task = task;
	extract->plan = plan;
	if (!extract_identify(task, query, plan, &extract->ids))
		return NULL;
	extract->columns = palloc0((plan->n_inputs + 1) * sizeof(Source));
	extract->arena = host_make_arena(CurrentMemoryContext);
	/* of now: this very transaction may have kept it */
	extract->snapshot = RegisterSnapshot(GetTransactionSnapshot());
	PushActiveSnapshot(extract->snapshot);
	extract->has_rows = extract_find(&extract->ids.rows, &extract->rows.entry);
	extract->rows.is_there = extract->has_rows;
	if (extract->has_rows)
		find_columns(extract);
	PopActiveSnapshot();
	return extract;
}

void
extract_close(Extract *extract)
{
	for (int i = 0; i < extract->plan->n_inputs; i++)
		if (extract->columns[i].scan != NULL)
			archive_scan_end(extract->columns[i].scan);
	if (extract->rows.scan != NULL)
		archive_scan_end(extract->rows.scan);
	UnregisterSnapshot(extract->snapshot);
	extract->snapshot = NULL;
}

int32
extract_get_data_version(const Extract *extract)
{
	return extract->has_rows ? extract->rows.entry.data_version : 0;
}

int64
extract_count_rows(const Extract *extract)
{
	return extract->has_rows ? extract->rows.entry.n_rows : -1;
}

int
extract_count_found(const Extract *extract)
{
	return extract->n_found;
}

bool
extract_has(const Extract *extract, int input)
{
	return extract->columns[input].is_there;
}

cer_content_hash
extract_get_content(const Extract *extract, int input)
{
	return input < 0 ? extract->rows.entry.content
	                 : extract->columns[input].entry.content;
}

/* ---------------------------------------------------------------- gathering */

static void
gather_chunk(void *self, const cer_chunk *chunk)
{
	Extract *extract = self;

	gather_add(extract->gather, chunk);
	if (extract->sink != NULL)
		extract->sink->chunk(extract->sink->self, chunk);
}

static void
gather_values(void *self, size_t input, uint32 first, const cer_text *values,
              size_t n_values)
{
	Extract *extract = self;

	gather_add_values(extract->gather, input, values, n_values);
	if (extract->sink != NULL)
		extract->sink->values(extract->sink->self, input, first, values,
		                      n_values);
}

/* Inputs are those of the plan that is read, which has the lacking ones only
 * where there is no sink. */
RowSink
extract_gather(Extract *extract, const RowSink *sink)
{
	int n = extract->plan->n_inputs;
	cer_input *inputs = palloc((n + 1) * sizeof(cer_input));
	bool *is_wanted = palloc((n + 1) * sizeof(bool));
	int n_inputs = 0;

	for (int i = 0; i < n; i++)
	{
		if (sink == NULL && extract->columns[i].is_there)
			continue;
		inputs[n_inputs] = extract->plan->inputs[i];
		is_wanted[n_inputs++] = sink == NULL || extract->ids.is_known[i];
	}
	extract->sink = sink;
	extract->gather = gather_make(inputs, is_wanted, n_inputs, get_limit());
	return (RowSink){extract, gather_chunk, gather_values};
}

/* Position of an input among those that were gathered. */
static int
get_gathered(const Extract *extract, int input)
{
	int at = 0;

	if (extract->sink != NULL)
		return input;
	for (int i = 0; i < input; i++)
		at += !extract->columns[i].is_there;
	return at;
}

static void
take_column(Extract *extract, int input)
{
	Source *column = &extract->columns[input];
	int at = get_gathered(extract, input);

	gather_pack(extract->gather, extract->arena, at, &column->packed);
	column->values = gather_get_values(extract->gather, at, &column->n_values);
	column->n_rows = gather_count_rows(extract->gather);
	column->is_gathered = true;
}

bool
extract_take(Extract *extract)
{
	RowGather *gather = extract->gather;

	extract->is_whole = gather_finish(gather);
	if (extract->has_rows &&
	    extract->rows.entry.n_rows != (int64) gather_count_rows(gather))
		extract->is_whole = false;
	if (!extract->is_whole)
		return false;
	for (int i = 0; i < extract->plan->n_inputs; i++)
		if (!extract->columns[i].is_there &&
		    (extract->sink == NULL || extract->ids.is_known[i]))
			take_column(extract, i);
	return true;
}

/* ------------------------------------------------------------------ sending */

static void
fail_damaged(const Source *source, const char *what)
{
	ereport(ERROR,
	        (errcode(ERRCODE_DATA_CORRUPTED),
	         errmsg("an extract of data version %d has %s",
	                source->entry.data_version, what),
	         errhint("SET cerebro.plan_extract = off reads the tables.")));
}

static Datum
make_key(const cer_id *id)
{
	bytea *key = palloc(VARHDRSZ + CER_ID_SIZE);

	SET_VARSIZE(key, VARHDRSZ + CER_ID_SIZE);
	memcpy(VARDATA(key), id->bytes, CER_ID_SIZE);
	return PointerGetDatum(key);
}

/* The next chunk of a column that is kept; its bytes stay until the next. */
static bytea *
fetch_chunk(Source *source)
{
	MemoryContext caller;
	Datum bytes;
	bytea *chunk;

	if (!archive_scan_next(source->scan))
		fail_damaged(source, "too few rows");
	MemoryContextReset(source->context);
	caller = MemoryContextSwitchTo(source->context);
	bytes = archive_scan_get(source->scan, "bytes", NULL);
	chunk = DatumGetByteaP(bytes);
	if ((Pointer) chunk == DatumGetPointer(bytes))
		chunk = DatumGetByteaPCopy(bytes);
	MemoryContextSwitchTo(caller);
	return chunk;
}

static Size
get_chunk_rows(const Source *source, Size done)
{
	return Min(source->n_rows - done, EXTRACT_CHUNK_ROWS);
}

static void
next_chunk(Source *source, Size done, Size width)
{
	bytea *chunk = fetch_chunk(source);

	source->n_left = get_chunk_rows(source, done);
	if (VARSIZE(chunk) - VARHDRSZ != source->n_left * width)
		fail_damaged(source, "a chunk of another size");
	source->chunk = VARDATA(chunk);
}

/* Values of codes: a size, then so many bytes, one after the other. */
static void
split_values(Source *source, const char *at, Size size)
{
	cer_text *values = palloc_extended(
		Max(1, source->entry.n_table) * sizeof(cer_text), MCXT_ALLOC_HUGE);

	for (int64 i = 0; i < source->entry.n_table; i++)
	{
		uint32 n;

		if (size < sizeof(n))
			fail_damaged(source, "too few values");
		memcpy(&n, at, sizeof(n));
		if (size - sizeof(n) < n)
			fail_damaged(source, "too few values");
		values[i] = (cer_text){at + sizeof(n), n};
		at += sizeof(n) + n;
		size -= sizeof(n) + n;
	}
	source->values = values;
	source->n_values = (uint32) source->entry.n_table;
}

static void
read_table(Source *source)
{
	MemoryContext caller = source->context;
	bytea *chunk;
	Size size;

	source->context = CurrentMemoryContext; /* it stays */
	source->context = AllocSetContextCreate(
		CurrentMemoryContext, "cerebro values", ALLOCSET_START_SMALL_SIZES);
	chunk = fetch_chunk(source);
	source->context = caller;
	size = VARSIZE(chunk) - VARHDRSZ;
	if (source->entry.storage == CER_CODE32)
	{
		split_values(source, VARDATA(chunk), size);
		return;
	}
	if (size !=
	    source->entry.n_table * cer_storage_get_size(source->entry.storage))
		fail_damaged(source, "a table of another size");
	source->packed.n_table = (size_t) source->entry.n_table;
	source->packed.table =
		memcpy(MemoryContextAllocHuge(CurrentMemoryContext, size),
	           VARDATA(chunk), size);
}

static void
start_scan(Extract *extract, Source *source)
{
	PushActiveSnapshot(extract->snapshot);
	source->scan =
		archive_scan_by_bytes("extract_chunk", make_key(&source->entry.id));
	PopActiveSnapshot();
	source->context = AllocSetContextCreate(
		CurrentMemoryContext, "cerebro chunk", ALLOCSET_START_SMALL_SIZES);
}

static void
start_column(Extract *extract, int input)
{
	Source *column = &extract->columns[input];

	column->block =
		palloc(BLOCK_ROWS *
	           cer_storage_get_size(extract->plan->inputs[input].storage));
	if (column->is_gathered)
	{
		column->chunk = column->packed.rows;
		column->n_left = column->n_rows;
		return;
	}
	column->n_rows = (Size) column->entry.n_rows;
	column->packed = (cer_packed){.storage = column->entry.storage,
	                              .width = column->entry.width};
	start_scan(extract, column);
	if (column->entry.n_table > 0)
		read_table(column);
}

static void
read_block(Source *column, Size done, Size n)
{
	cer_error err = {0};

	if (column->n_left == 0)
		next_chunk(column, done, column->packed.width);
	host_check(
		cer_packed_read(&column->packed, column->chunk, n, column->block, &err),
		&err);
	column->chunk += n * column->packed.width;
	column->n_left -= n;
}

/* Keys, labels and parts of all rows. */
typedef struct Rows
{
	Size n;
	Size n_train;
	const uint64 *keys;
	const uint16 *labels;
} Rows;

/* The chunks of one kind come in one piece: 10 bytes a row. */
static void *
read_chunks(Source *source, Size width)
{
	char *all = MemoryContextAllocHuge(CurrentMemoryContext,
	                                   Max(1, source->n_rows) * width);

	for (Size done = 0; done < source->n_rows; done += source->n_left)
	{
		next_chunk(source, done, width);
		memcpy(all + done * width, source->chunk, source->n_left * width);
	}
	return all;
}

static Rows
get_rows(Extract *extract)
{
	Source *source = &extract->rows;
	Rows rows;

	if (!extract->has_rows)
		return (Rows){gather_count_rows(extract->gather),
		              gather_count_train(extract->gather),
		              gather_get_keys(extract->gather),
		              gather_get_labels(extract->gather)};
	source->n_rows = (Size) source->entry.n_rows;
	rows = (Rows){.n = source->n_rows, .n_train = (Size) source->entry.n_train};
	start_scan(extract, source);
	rows.keys = read_chunks(source, sizeof(uint64));
	rows.labels = read_chunks(source, sizeof(uint16));
	return rows;
}

/* The rows that were gathered have to be those that are kept. */
static void
check_keys(const Extract *extract, const Rows *rows)
{
	if (extract->gather != NULL && extract->has_rows &&
	    memcmp(rows->keys, gather_get_keys(extract->gather),
	           rows->n * sizeof(uint64)) != 0)
		fail_damaged(&extract->rows, "other rows than its tables");
}

static void
send_blocks(Extract *extract, const Rows *rows, const RowSink *sink)
{
	int n_inputs = extract->plan->n_inputs;
	const void **columns = palloc((n_inputs + 1) * sizeof(void *));
	uint8 parts[BLOCK_ROWS];

	for (int i = 0; i < n_inputs; i++)
		columns[i] = extract->columns[i].block;
	for (Size done = 0; done < rows->n; done += BLOCK_ROWS)
	{
		Size n = Min(rows->n - done, BLOCK_ROWS);
		cer_chunk chunk = {n, rows->keys + done, parts, rows->labels + done,
		                   columns};

		for (Size i = 0; i < n; i++)
			parts[i] = done + i < rows->n_train ? CER_TRAIN : CER_VALID;
		for (int i = 0; i < n_inputs; i++)
			read_block(&extract->columns[i], done, n);
		sink->chunk(sink->self, &chunk);
		CHECK_FOR_INTERRUPTS();
	}
}

void
extract_send(Extract *extract, const RowSink *sink)
{
	Rows rows = get_rows(extract);

	check_keys(extract, &rows);
	for (int i = 0; i < extract->plan->n_inputs; i++)
	{
		Source *column = &extract->columns[i];

		start_column(extract, i);
		if (column->n_values > 0)
			sink->values(sink->self, i, 1, column->values, column->n_values);
	}
	send_blocks(extract, &rows, sink);
}

/* ------------------------------------------------------------------ keeping */

static void
describe_table(Source *column, ExtractBytes *bytes)
{
	const cer_packed *packed = &column->packed;
	StringInfoData text;

	if (packed->storage != CER_CODE32)
	{
		bytes->table = packed->table;
		bytes->table_size =
			packed->n_table * cer_storage_get_size(packed->storage);
		return;
	}
	initStringInfo(&text);
	for (uint32 i = 0; i < column->n_values; i++)
	{
		uint32 size = (uint32) column->values[i].size;

		appendBinaryStringInfo(&text, (const char *) &size, sizeof(size));
		appendBinaryStringInfo(&text, column->values[i].data, size);
	}
	bytes->table = text.data;
	bytes->table_size = text.len;
}

/* More would not go into one string. */
static bool
has_short_values(const Source *column)
{
	Size size = 0;

	for (uint32 i = 0; i < column->n_values; i++)
		size += sizeof(uint32) + column->values[i].size;
	return size < MaxAllocSize / 4;
}

static ExtractEntry
make_entry(const Extract *extract, const cer_id *id, int32 data_version)
{
	return (ExtractEntry){.id = *id,
	                      .rows = extract->ids.rows,
	                      .query = extract->ids.query,
	                      .data_version = data_version,
	                      .name = "",
	                      .n_rows = gather_count_rows(extract->gather),
	                      .n_train = gather_count_train(extract->gather)};
}

static void
describe_column(Extract *extract, int input, ExtractEntry *entry,
                ExtractBytes *bytes)
{
	Source *column = &extract->columns[input];

	describe_table(column, bytes);
	bytes->rows = column->packed.rows;
	entry->name = pnstrdup(extract->plan->inputs[input].name.data,
	                       extract->plan->inputs[input].name.size);
	entry->storage = column->packed.storage;
	entry->width = column->packed.width;
	entry->n_table = column->packed.storage == CER_CODE32
	                     ? column->n_values
	                     : (int64) column->packed.n_table;
	entry->bytes = (int64) (entry->n_rows * entry->width + bytes->table_size);
}

static void
describe_rows(const Extract *extract, ExtractEntry *entry, ExtractBytes *bytes)
{
	bytes->rows = gather_get_keys(extract->gather);
	bytes->labels = gather_get_labels(extract->gather);
	entry->width = sizeof(uint64);
	entry->bytes = entry->n_rows * (sizeof(uint64) + sizeof(uint16));
}

/* All that is new, rows first.  Returns how many. */
static int
describe_new(Extract *extract, int32 data_version, const ReadStats *stats,
             ExtractEntry *entries, ExtractBytes *bytes)
{
	int n = 0;

	if (!extract->has_rows)
	{
		entries[n] = make_entry(extract, &extract->ids.rows, data_version);
		describe_rows(extract, &entries[n], &bytes[n]);
		entries[n++].content = stats->contents[0];
	}
	for (int i = 0; i < extract->plan->n_inputs; i++)
	{
		if (!extract->columns[i].is_gathered || !extract->ids.is_known[i] ||
		    !has_short_values(&extract->columns[i]))
			continue;
		entries[n] =
			make_entry(extract, &extract->ids.columns[i], data_version);
		describe_column(extract, i, &entries[n], &bytes[n]);
		entries[n++].content = stats->contents[i + 1];
	}
	for (int i = 0; i < n; i++)
		entries[i].seconds = stats->seconds / n;
	return n;
}

static void
write_all(const Extract *extract, const ExtractEntry *entries,
          const ExtractBytes *bytes, int n)
{
	const Task *task = extract->task;
	ArchiveScope scope;

	archive_enter(&scope);
	if (!extract->has_rows)
		extract_drop_old(task->id, &extract->ids.query, &extract->ids.rows);
	if (extract_make_room(entries, n, get_limit()) ||
	    plan_extract == PLAN_FORCE)
		for (int i = 0; i < n; i++)
			extract_write(&entries[i], &bytes[i]);
	archive_leave(&scope);
}

static void
note_uses(const Extract *extract)
{
	ArchiveScope scope;

	if (extract->n_found == 0)
		return;
	archive_enter(&scope);
	extract_note_use(&extract->ids.rows);
	for (int i = 0; i < extract->plan->n_inputs; i++)
		if (extract->columns[i].is_there)
			extract_note_use(&extract->ids.columns[i]);
	archive_leave(&scope);
}

void
extract_store(Extract *extract, int32 data_version, const ReadStats *stats)
{
	int max = extract->plan->n_inputs + 1;
	ExtractEntry *entries = palloc0(max * sizeof(ExtractEntry));
	ExtractBytes *bytes = palloc0(max * sizeof(ExtractBytes));
	int n;

	note_uses(extract);
	/* who stores the same now spares us that */
	if (!extract->is_whole || !extract_lock(&extract->ids.rows))
		return;
	n = describe_new(extract, data_version, stats, entries, bytes);
	if (n > 0)
		write_all(extract, entries, bytes, n);
}
