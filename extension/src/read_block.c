/*
 * read_block.c
 *	  Coding of rows into blocks, and what a reader takes from a block.
 */
#include "read_block.h"

#include "access/parallel.h"
#include "lib/stringinfo.h"
#include "utils/datum.h"

#include <math.h>

/* New values of a block; more of them end it. */
#define MAX_VALUE_BYTES ((size_t) 1 << 20)

typedef struct CodedColumn
{
	cer_storage storage;
	size_t size; /* of a value */
	ValueShortcut shortcut;
	ValueCoder *coder;
	void *data;             /* of the block */
	Dictionary *dictionary; /* CER_CODE32 */
	uint32 n_taken;         /* values that earlier blocks told */
	size_t *n_bytes;        /* of the coder's block */
	cer_text last;          /* memo */
	uint32 last_code;
	bool is_joined; /* a dimension's */
} CodedColumn;

#define CELL_SIZE sizeof(uint64) /* any storage fits */

struct RowDimension
{
	int n_columns;
	int *columns; /* of the coder */
	int *places;
	char *cells; /* n_columns a row: what stands in the columns' arrays */
	bool *is_coded;
	uint32 n_rows;           /* allocated */
	uint32 rows[BLOCK_ROWS]; /* of the block */

	/* of the row that is added next */
	uint32 row;
	const Datum *values;
	const bool *nulls;
};

struct RowCoder
{
	RowLayout layout;
	TupleDesc type;
	ValueCoder **key;
	int n_columns;
	CodedColumn *columns;
	List *dimensions;
	int64 n_coded; /* labelled rows so far */
	uint64 last_key;

	/* the block */
	RowBlockHeader header;
	uint64 keys[BLOCK_ROWS];
	size_t n_bytes;        /* of values, as many as there may be new ones */
	StringInfoData datums; /* labels and splits */
	StringInfoData bytes;  /* of the block that was taken */
	MemoryContext own_context;
	MemoryContext context; /* what coding a row leaves; reset with the block */
};

int
row_layout_get_first_input(const RowLayout *layout)
{
	return 1 + layout->n_key + (layout->has_split ? 1 : 0);
}

/* ---------------------------------------------------------------- values */

static inline cer_text
get_text(const CodedColumn *column, Datum value)
{
	const char *packed = DatumGetPointer(value);

	if (column->shortcut == SHORTCUT_TEXT && VARATT_IS_1B(packed) &&
	    !VARATT_IS_1B_E(packed))
		return (cer_text){VARDATA_1B(packed),
		                  VARSIZE_1B(packed) - VARHDRSZ_SHORT};
	return value_coder_get_text(column->coder, value);
}

static inline uint32
get_code(CodedColumn *column, Datum value)
{
	cer_text text = get_text(column, value);

	if (column->last_code != 0 && text.size == column->last.size &&
	    bytes_equal(text.data, column->last.data, text.size))
		return column->last_code;
	*column->n_bytes += text.size;
	column->last_code =
		dictionary_add(column->dictionary, text.data, text.size);
	column->last =
		*dictionary_get_values(column->dictionary, column->last_code);
	return column->last_code;
}

static inline double
get_number(const CodedColumn *column, Datum value)
{
	if (column->shortcut == SHORTCUT_INT4)
		return DatumGetInt32(value);
	if (column->shortcut == SHORTCUT_FLOAT8)
		return DatumGetFloat8(value);
	return value_coder_get_number(column->coder, value);
}

/* to is the place in an array that starts there. */
static inline void
store_value(CodedColumn *column, void *to, Datum value, bool is_null)
{
	switch (column->storage)
	{
		case CER_FLOAT32:
			*(float *) to =
				is_null ? (float) NAN : (float) get_number(column, value);
			break;
		case CER_FLOAT64:
			*(double *) to = is_null ? NAN : get_number(column, value);
			break;
		case CER_CODE32:
			*(uint32 *) to = is_null ? 0 : get_code(column, value);
			break;
	}
}

/* ------------------------------------------------------------- dimensions */

static void
reserve_cells(RowCoder *coder, RowDimension *dimension, uint32 row)
{
	uint32 n = Max(256, dimension->n_rows);
	Size size;

	while (n <= row)
		n *= 2;
	size = (Size) n * dimension->n_columns * CELL_SIZE;
	if (dimension->cells == NULL)
	{
		dimension->cells = MemoryContextAllocHuge(coder->own_context, size);
		dimension->is_coded = MemoryContextAllocHuge(coder->own_context, n);
	}
	else
	{
		dimension->cells = repalloc_huge(dimension->cells, size);
		dimension->is_coded = repalloc_huge(dimension->is_coded, n);
	}
	memset(dimension->is_coded + dimension->n_rows, 0, n - dimension->n_rows);
	dimension->n_rows = n;
}

static void
code_cells(RowCoder *coder, RowDimension *dimension)
{
	Size first = (Size) dimension->row * dimension->n_columns;

	for (int i = 0; i < dimension->n_columns; i++)
	{
		int place = dimension->places[i];

		store_value(&coder->columns[dimension->columns[i]],
		            dimension->cells + (first + i) * CELL_SIZE,
		            dimension->values[place], dimension->nulls[place]);
	}
	dimension->is_coded[dimension->row] = true;
}

/* Only now: most of a table's rows may never be part of a row that is read. */
static void
store_dimensions(RowCoder *coder, uint32 row)
{
	ListCell *cell;

	foreach (cell, coder->dimensions)
	{
		RowDimension *dimension = lfirst(cell);

		if (dimension->row >= dimension->n_rows)
			reserve_cells(coder, dimension, dimension->row);
		if (!dimension->is_coded[dimension->row])
			code_cells(coder, dimension);
		dimension->rows[row] = dimension->row;
	}
}

/* ------------------------------------------------------------------ rows */

/* False: a column of the key is NULL. */
static bool
make_key(RowCoder *coder, const TupleTableSlot *slot, uint64 *key)
{
	cer_key_hash hash;

	cer_key_hash_start(&hash, coder->layout.hash_key);
	if (coder->layout.n_key == 0)
		cer_key_hash_add_int(&hash, coder->n_coded);
	for (int i = 0; i < coder->layout.n_key; i++)
	{
		if (slot->tts_isnull[1 + i])
		{
			coder->header.null_key = i;
			return false;
		}
		value_coder_add_key(coder->key[i], slot->tts_values[1 + i], false,
		                    &hash);
	}
	*key = cer_key_hash_finish(&hash);
	coder->last_key = *key;
	return true;
}

static void
store_datum(RowCoder *coder, const TupleTableSlot *slot, int target)
{
	Form_pg_attribute type = TupleDescAttr(coder->type, target);
	Datum value = slot->tts_values[target];
	bool is_null = slot->tts_isnull[target];
	char *at;

	enlargeStringInfo(
		&coder->datums,
		(int) datumEstimateSpace(value, is_null, type->attbyval, type->attlen));
	at = coder->datums.data + coder->datums.len;
	datumSerialize(value, is_null, type->attbyval, type->attlen, &at);
	coder->datums.len = (int) (at - coder->datums.data);
}

static void
store_inputs(RowCoder *coder, const TupleTableSlot *slot, uint32 row)
{
	int first = row_layout_get_first_input(&coder->layout);

	for (int i = 0; i < coder->n_columns; i++)
	{
		CodedColumn *column = &coder->columns[i];

		if (!column->is_joined)
			store_value(column, (char *) column->data + row * column->size,
			            slot->tts_values[first + i],
			            slot->tts_isnull[first + i]);
	}
}

bool
row_coder_add(RowCoder *coder, const TupleTableSlot *slot)
{
	int first = row_layout_get_first_input(&coder->layout);
	uint32 row = coder->header.n_rows;
	MemoryContext caller;

	if (slot->tts_isnull[0])
	{
		coder->header.n_unlabeled++;
		return false;
	}
	caller = MemoryContextSwitchTo(coder->context);
	if (make_key(coder, slot, &coder->keys[row]))
	{
		store_datum(coder, slot, 0);
		if (coder->layout.has_split)
			store_datum(coder, slot, first - 1);
		store_inputs(coder, slot, row);
		store_dimensions(coder, row);
		coder->header.n_rows++;
		coder->n_coded++;
	}
	MemoryContextSwitchTo(caller);
	return coder->header.n_rows == BLOCK_ROWS || coder->header.null_key >= 0 ||
	       coder->n_bytes + (size_t) coder->datums.len > MAX_VALUE_BYTES;
}

uint64
row_coder_get_key(const RowCoder *coder)
{
	return coder->last_key;
}

/* ------------------------------------------------------ rows of dimensions */

void
row_dimension_choose(RowDimension *dimension, uint32 row, const Datum *values,
                     const bool *nulls)
{
	dimension->row = row;
	dimension->values = values;
	dimension->nulls = nulls;
}

static void
fill_column(RowCoder *coder, const RowDimension *dimension, int at)
{
	CodedColumn *column = &coder->columns[dimension->columns[at]];
	const char *cells = dimension->cells + at * CELL_SIZE;
	Size size = dimension->n_columns * CELL_SIZE;

	for (uint32 i = 0; i < coder->header.n_rows; i++)
	{
		const char *cell = cells + dimension->rows[i] * size;

		if (column->size == sizeof(uint64))
			((uint64 *) column->data)[i] = *(const uint64 *) cell;
		else
			((uint32 *) column->data)[i] = *(const uint32 *) cell;
	}
}

static void
fill_columns(RowCoder *coder, const RowDimension *dimension)
{
	for (int i = 0; i < dimension->n_columns; i++)
		fill_column(coder, dimension, i);
}

RowDimension *
row_coder_add_dimension(RowCoder *coder, const int *columns, const int *places,
                        int n_columns)
{
	MemoryContext caller = MemoryContextSwitchTo(coder->own_context);
	RowDimension *dimension = palloc0(sizeof(RowDimension));

	dimension->n_columns = n_columns;
	dimension->columns = palloc(n_columns * sizeof(int));
	dimension->places = palloc(n_columns * sizeof(int));
	for (int i = 0; i < n_columns; i++)
	{
		dimension->columns[i] = columns[i];
		dimension->places[i] = places[i];
		coder->columns[columns[i]].is_joined = true;
	}
	coder->dimensions = lappend(coder->dimensions, dimension);
	MemoryContextSwitchTo(caller);
	return dimension;
}

/* ----------------------------------------------------------------- blocks */

static void
append_values(StringInfo bytes, CodedColumn *column)
{
	uint32 n = column->dictionary == NULL
	               ? 0
	               : dictionary_count(column->dictionary) - column->n_taken;
	const cer_text *values;

	appendBinaryStringInfo(bytes, (const char *) &n, sizeof(n));
	if (n == 0)
		return;
	values = dictionary_get_values(column->dictionary, column->n_taken + 1);
	for (uint32 i = 0; i < n; i++)
	{
		uint32 size = (uint32) values[i].size;

		appendBinaryStringInfo(bytes, (const char *) &size, sizeof(size));
		appendBinaryStringInfo(bytes, values[i].data, (int) size);
	}
	column->n_taken += n;
}

bytea *
row_coder_take(RowCoder *coder)
{
	StringInfo bytes = &coder->bytes;
	uint32 n_rows = coder->header.n_rows;
	ListCell *cell;

	if (n_rows == 0 && coder->header.n_unlabeled == 0 &&
	    coder->header.null_key < 0)
		return NULL;
	foreach (cell, coder->dimensions)
		fill_columns(coder, lfirst(cell));
	resetStringInfo(bytes);
	appendStringInfoSpaces(bytes, VARHDRSZ);
	appendBinaryStringInfo(bytes, (const char *) &coder->header,
	                       sizeof(coder->header));
	appendBinaryStringInfo(bytes, (const char *) coder->keys,
	                       (int) (n_rows * sizeof(uint64)));
	appendBinaryStringInfo(bytes, coder->datums.data, coder->datums.len);
	for (int i = 0; i < coder->n_columns; i++)
	{
		CodedColumn *column = &coder->columns[i];

		append_values(bytes, column);
		appendBinaryStringInfo(bytes, column->data,
		                       (int) (n_rows * column->size));
	}
	SET_VARSIZE(bytes->data, bytes->len);
	resetStringInfo(&coder->datums);
	coder->header.n_rows = 0;
	coder->header.n_unlabeled = 0;
	coder->header.null_key = -1;
	coder->n_bytes = 0;
	MemoryContextReset(coder->context);
	return (bytea *) bytes->data;
}

/* ------------------------------------------------------------------- make */

static void
init_column(RowCoder *coder, CodedColumn *column, Oid type)
{
	column->n_bytes = &coder->n_bytes;
	column->coder = value_coder_make(type);
	column->storage = value_coder_get_storage(column->coder);
	column->size = cer_storage_get_size(column->storage);
	column->shortcut = value_coder_get_shortcut(column->coder);
	column->data = palloc(BLOCK_ROWS * column->size);
	if (column->storage == CER_CODE32)
		column->dictionary = dictionary_make();
}

RowCoder *
row_coder_make(const RowLayout *layout, TupleDesc type)
{
	RowCoder *coder = palloc0(sizeof(RowCoder));
	int first = row_layout_get_first_input(layout);

	coder->own_context = CurrentMemoryContext;
	coder->layout = *layout;
	coder->type = type;
	coder->header.source = ParallelWorkerNumber;
	coder->header.null_key = -1;
	coder->key = palloc((layout->n_key + 1) * sizeof(ValueCoder *));
	for (int i = 0; i < layout->n_key; i++)
		coder->key[i] = value_coder_make(TupleDescAttr(type, 1 + i)->atttypid);
	coder->n_columns = type->natts - first;
	coder->columns = palloc0((coder->n_columns + 1) * sizeof(CodedColumn));
	for (int i = 0; i < coder->n_columns; i++)
		init_column(coder, &coder->columns[i],
		            TupleDescAttr(type, first + i)->atttypid);
	initStringInfo(&coder->datums);
	initStringInfo(&coder->bytes);
	coder->context = AllocSetContextCreate(
		CurrentMemoryContext, "cerebro block", ALLOCSET_DEFAULT_SIZES);
	return coder;
}

/* --------------------------------------------------------------- reading */

void
row_block_open(RowBlock *block, const bytea *bytes)
{
	block->at = VARDATA_ANY(bytes);
	row_block_read(block, &block->header, sizeof(block->header));
}

void
row_block_read(RowBlock *block, void *to, size_t size)
{
	memcpy(to, block->at, size);
	block->at += size;
}

Datum
row_block_read_datum(RowBlock *block, bool *is_null)
{
	char *at = unconstify(char *, block->at);
	Datum value = datumRestore(&at, is_null);

	block->at = at;
	return value;
}

cer_text
row_block_read_text(RowBlock *block)
{
	uint32 size;
	cer_text text;

	row_block_read(block, &size, sizeof(size));
	text = (cer_text){block->at, size};
	block->at += size;
	return text;
}
