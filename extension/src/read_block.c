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
	ValueShortcut shortcut;
	ValueCoder *coder;
	void *data;             /* of the block */
	Dictionary *dictionary; /* CER_CODE32 */
	uint32 n_taken;         /* values that earlier blocks told */
	size_t *n_bytes;        /* of the coder's block */
	cer_text last;          /* memo */
	uint32 last_code;
} CodedColumn;

struct RowCoder
{
	RowLayout layout;
	TupleDesc type;
	ValueCoder **key;
	int n_columns;
	CodedColumn *columns;
	int64 n_coded; /* labelled rows so far */
	uint64 last_key;

	/* the block */
	RowBlockHeader header;
	uint64 keys[BLOCK_ROWS];
	size_t n_bytes;        /* of values, as many as there may be new ones */
	StringInfoData datums; /* labels and splits */
	StringInfoData bytes;  /* of the block that was taken */
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

static inline void
store_value(CodedColumn *column, size_t row, Datum value, bool is_null)
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
		for (int i = 0; i < coder->n_columns; i++)
			store_value(&coder->columns[i], row, slot->tts_values[first + i],
			            slot->tts_isnull[first + i]);
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

	if (n_rows == 0 && coder->header.n_unlabeled == 0 &&
	    coder->header.null_key < 0)
		return NULL;
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
		appendBinaryStringInfo(
			bytes, column->data,
			(int) (n_rows * cer_storage_get_size(column->storage)));
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
	column->shortcut = value_coder_get_shortcut(column->coder);
	column->data = palloc(BLOCK_ROWS * cer_storage_get_size(column->storage));
	if (column->storage == CER_CODE32)
		column->dictionary = dictionary_make();
}

RowCoder *
row_coder_make(const RowLayout *layout, TupleDesc type)
{
	RowCoder *coder = palloc0(sizeof(RowCoder));
	int first = row_layout_get_first_input(layout);

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
