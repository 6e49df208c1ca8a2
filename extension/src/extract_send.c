/*
 * extract_send.c
 *	  Rows of an extract, read from its chunks and from memory.
 *
 * They go out in the order of (part, key), a block at a time: of each column one
 * chunk is in memory.
 */
#include "extract_private.h"

#include "miscadmin.h"
#include "utils/snapmgr.h"

/* Few enough that a block of all columns stays in the cache. */
#define BLOCK_ROWS 2048

StaticAssertDecl(EXTRACT_CHUNK_ROWS % BLOCK_ROWS == 0,
                 "blocks end with chunks");

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
start_source(Extract *extract, Source *source, cer_storage storage)
{
	source->block = palloc(BLOCK_ROWS * cer_storage_get_size(storage));
	if (source->is_gathered)
	{
		source->chunk = source->packed.rows;
		source->n_left = source->n_rows;
		return;
	}
	source->n_rows = (Size) extract_count_stored(&source->entry);
	source->packed = (cer_packed){.storage = source->entry.storage,
	                              .width = source->entry.width};
	start_scan(extract, source);
	if (source->entry.n_table > 0)
		read_table(source);
}

/* Values of all rows of the dimension: they are few. */
static void
read_all(Source *column, cer_storage storage)
{
	cer_error err = {0};

	if (column->n_rows != column->dimension->n_rows ||
	    column->n_rows > EXTRACT_CHUNK_ROWS)
		fail_damaged(column, "a column of another dimension");
	if (column->n_left == 0)
		next_chunk(column, 0, column->packed.width);
	column->all = palloc(column->n_rows * cer_storage_get_size(storage));
	host_check(cer_packed_read(&column->packed, column->chunk, column->n_rows,
	                           column->all, &err),
	           &err);
}

static void
start_column(Extract *extract, int input)
{
	Source *column = &extract->columns[input];
	cer_storage storage = extract->plan->inputs[input].storage;

	start_source(extract, column, storage);
	if (column->dimension != NULL)
		read_all(column, storage);
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

/* Codes of the block, once for all columns of the dimension. */
static const uint32 *
read_codes(Dimension *dimension, Size done, Size n)
{
	Source *codes = &dimension->codes;
	const uint32 *block = codes->block;
	uint32 max = 0;

	if (dimension->n_read > 0 && dimension->n_done == done)
		return block;
	read_block(codes, done, n);
	for (Size i = 0; i < n; i++)
		max = Max(max, block[i]);
	if (max >= dimension->n_rows)
		fail_damaged(codes, "a code outside of its dimension");
	dimension->n_done = done;
	dimension->n_read = n;
	return block;
}

static void
look_up_block(Source *column, Size element, Size done, Size n)
{
	const uint32 *codes = read_codes(column->dimension, done, n);

	if (element == sizeof(uint64))
		for (Size i = 0; i < n; i++)
			((uint64 *) column->block)[i] =
				((const uint64 *) column->all)[codes[i]];
	else
		for (Size i = 0; i < n; i++)
			((uint32 *) column->block)[i] =
				((const uint32 *) column->all)[codes[i]];
}

static void
read_values(Extract *extract, int input, Size done, Size n)
{
	Source *column = &extract->columns[input];

	if (column->dimension == NULL)
		read_block(column, done, n);
	else
		look_up_block(
			column, cer_storage_get_size(extract->plan->inputs[input].storage),
			done, n);
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
			read_values(extract, i, done, n);
		sink->chunk(sink->self, &chunk);
		CHECK_FOR_INTERRUPTS();
	}
}

void
extract_send(Extract *extract, const RowSink *sink)
{
	Rows rows = get_rows(extract);
	ListCell *cell;

	check_keys(extract, &rows);
	foreach (cell, extract->dimensions)
		start_source(extract, &((Dimension *) lfirst(cell))->codes, CER_CODE32);
	for (int i = 0; i < extract->plan->n_inputs; i++)
	{
		Source *column = &extract->columns[i];

		start_column(extract, i);
		if (column->n_values > 0)
			sink->values(sink->self, i, 1, column->values, column->n_values);
	}
	send_blocks(extract, &rows, sink);
}
