/*
 * extract.c
 *	  Reading a task's columns from what is kept, and keeping what was read.
 *
 *	 all there:		chunks -> sink
 *	 some lacking:	one read of those -> memory; chunks and memory -> sink
 *	 none there:	one read -> sink, and memory
 *
 * Rows go out in the order of (part, key): see extract_send.c.
 */
#include "extract_private.h"

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
		if (column->is_there && column->entry.has_dimension)
		{
			column->dimension =
				dimension_find(extract, &column->entry.dimension);
			column->is_there = column->dimension != NULL;
		}
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
	ListCell *cell;

	for (int i = 0; i < extract->plan->n_inputs; i++)
		if (extract->columns[i].scan != NULL)
			archive_scan_end(extract->columns[i].scan);
	if (extract->rows.scan != NULL)
		archive_scan_end(extract->rows.scan);
	foreach (cell, extract->dimensions)
	{
		Source *codes = &((Dimension *) lfirst(cell))->codes;

		if (codes->scan != NULL)
			archive_scan_end(codes->scan);
	}
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

int
extract_get_gathered(const Extract *extract, int input)
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
	int at = extract_get_gathered(extract, input);

	if (column->dimension != NULL)
		gather_pack_rows(extract->gather, extract->arena, at,
		                 column->dimension->first, column->dimension->n_rows,
		                 &column->packed);
	else
		gather_pack(extract->gather, extract->arena, at, &column->packed);
	column->values = gather_get_values(extract->gather, at, &column->n_values);
	column->n_rows = column->dimension != NULL
	                     ? column->dimension->n_rows
	                     : gather_count_rows(extract->gather);
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
	dimension_make_all(extract);
	for (int i = 0; i < extract->plan->n_inputs; i++)
		if (!extract->columns[i].is_there &&
		    (extract->sink == NULL || extract->ids.is_known[i]))
			take_column(extract, i);
	return true;
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
	if (column->dimension != NULL)
	{
		entry->has_dimension = true;
		entry->dimension = column->dimension->codes.entry.id;
		entry->n_dimension = (int64) column->dimension->n_rows;
	}
	entry->bytes = (int64) (extract_count_stored(entry) * entry->width +
	                        bytes->table_size);
}

static void
describe_codes(const Dimension *dimension, ExtractEntry *entry,
               ExtractBytes *bytes)
{
	const cer_packed *packed = &dimension->codes.packed;

	bytes->rows = packed->rows;
	entry->name = dimension->name;
	entry->storage = CER_CODE32;
	entry->width = packed->width;
	entry->has_dimension = true;
	entry->dimension = entry->id;
	entry->n_dimension = (int64) dimension->n_rows;
	entry->bytes = entry->n_rows * entry->width;
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
	ListCell *cell;
	int n = 0;

	if (!extract->has_rows)
	{
		entries[n] = make_entry(extract, &extract->ids.rows, data_version);
		describe_rows(extract, &entries[n], &bytes[n]);
		entries[n++].content = stats->contents[0];
	}
	foreach (cell, extract->dimensions)
	{
		const Dimension *dimension = lfirst(cell);

		if (!dimension->codes.is_gathered)
			continue;
		entries[n] =
			make_entry(extract, &dimension->codes.entry.id, data_version);
		describe_codes(dimension, &entries[n], &bytes[n]);
		n++;
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
	if (extract_make_room(entries, n, get_limit(),
	                      plan_extract == PLAN_FORCE) ||
	    plan_extract == PLAN_FORCE)
		for (int i = 0; i < n; i++)
			extract_write(&entries[i], &bytes[i]);
	archive_leave(&scope);
}

static void
note_uses(const Extract *extract)
{
	ArchiveScope scope;
	ListCell *cell;

	if (extract->n_found == 0)
		return;
	archive_enter(&scope);
	extract_note_use(&extract->ids.rows);
	for (int i = 0; i < extract->plan->n_inputs; i++)
		if (extract->columns[i].is_there)
			extract_note_use(&extract->ids.columns[i]);
	foreach (cell, extract->dimensions)
	{
		const Dimension *dimension = lfirst(cell);

		if (dimension->codes.is_there)
			extract_note_use(&dimension->codes.entry.id);
	}
	archive_leave(&scope);
}

void
extract_store(Extract *extract, int32 data_version, const ReadStats *stats)
{
	int max = 2 * extract->plan->n_inputs + 1; /* with codes of dimensions */
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
