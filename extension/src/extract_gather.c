/*
 * extract_gather.c
 *	  Rows in memory, as they come from a read, and then in the order of
 *	  (part, key) in which extracts keep them.
 */
#include "extract.h"

#include "miscadmin.h"

typedef struct Place
{
	uint64 key;
	uint32 row; /* as it came */
	uint8 part;
} Place;

#define ST_SORT         sort_places
#define ST_ELEMENT_TYPE Place
#define ST_COMPARE(a, b)                                       \
	((a)->part != (b)->part ? ((a)->part < (b)->part ? -1 : 1) \
	 : (a)->key < (b)->key  ? -1                               \
	                        : (a)->key > (b)->key)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

typedef struct GatherColumn
{
	bool is_wanted;
	cer_storage storage;
	char *data;
	cer_text *values; /* of codes 1, 2, ... */
	uint32 n_values;
	uint32 max_values;
} GatherColumn;

struct RowGather
{
	MemoryContext context;
	Size max_bytes;
	Size n_bytes; /* of a row */
	bool is_too_large;
	Size n_rows;
	Size max_rows;
	uint64 *keys;
	uint8 *parts;
	uint16 *labels;
	int n_columns;
	GatherColumn *columns;

	/* finished */
	uint32 *index; /* row in order -> row as it came */
	Size n_train;
};

#define FIRST_ROWS 8192

RowGather *
gather_make(const cer_input *inputs, const bool *is_wanted, int n_inputs,
            Size max_bytes)
{
	RowGather *gather = palloc0(sizeof(RowGather));

	gather->context = AllocSetContextCreate(
		CurrentMemoryContext, "cerebro extract", ALLOCSET_DEFAULT_SIZES);
	gather->max_bytes = max_bytes;
	gather->n_columns = n_inputs;
	gather->columns = palloc0((n_inputs + 1) * sizeof(GatherColumn));
	gather->n_bytes = sizeof(uint64) + sizeof(uint8) + sizeof(uint16);
	for (int i = 0; i < n_inputs; i++)
	{
		gather->columns[i].is_wanted = is_wanted[i];
		gather->columns[i].storage = inputs[i].storage;
		if (is_wanted[i])
			gather->n_bytes += cer_storage_get_size(inputs[i].storage);
	}
	return gather;
}

/* ---------------------------------------------------------------- as it comes */

/* An extract that is too large for its limit is none. */
static void
let_go(RowGather *gather)
{
	gather->is_too_large = true;
	MemoryContextReset(gather->context);
}

static void
resize(RowGather *gather, void *array, Size element)
{
	char **at = array;
	Size size = gather->max_rows * element;

	if (*at == NULL)
		*at = MemoryContextAllocHuge(gather->context, size);
	else
		*at = repalloc_huge(*at, size);
}

static bool
reserve(RowGather *gather, Size n_rows)
{
	Size needed = gather->n_rows + n_rows;

	if (gather->is_too_large)
		return false;
	if (needed <= gather->max_rows)
		return true;
	if (needed * gather->n_bytes > gather->max_bytes || needed >= PG_INT32_MAX)
	{
		let_go(gather);
		return false;
	}
	gather->max_rows = Max(FIRST_ROWS, 2 * gather->max_rows);
	resize(gather, &gather->keys, sizeof(uint64));
	resize(gather, &gather->parts, sizeof(uint8));
	resize(gather, &gather->labels, sizeof(uint16));
	for (int i = 0; i < gather->n_columns; i++)
		if (gather->columns[i].is_wanted)
			resize(gather, &gather->columns[i].data,
			       cer_storage_get_size(gather->columns[i].storage));
	return true;
}

void
gather_add(RowGather *gather, const cer_chunk *chunk)
{
	Size at = gather->n_rows;

	if (!reserve(gather, chunk->n_rows))
		return;
	memcpy(gather->keys + at, chunk->row_keys, chunk->n_rows * sizeof(uint64));
	memcpy(gather->parts + at, chunk->parts, chunk->n_rows * sizeof(uint8));
	memcpy(gather->labels + at, chunk->labels, chunk->n_rows * sizeof(uint16));
	for (int i = 0; i < gather->n_columns; i++)
	{
		GatherColumn *column = &gather->columns[i];
		Size element = cer_storage_get_size(column->storage);

		if (column->is_wanted)
			memcpy(column->data + at * element, chunk->columns[i],
			       chunk->n_rows * element);
	}
	gather->n_rows += chunk->n_rows;
}

void
gather_add_values(RowGather *gather, size_t input, const cer_text *values,
                  size_t n_values)
{
	GatherColumn *column = &gather->columns[input];
	MemoryContext caller;

	if (gather->is_too_large || !column->is_wanted)
		return;
	caller = MemoryContextSwitchTo(gather->context);
	if (column->n_values + n_values > column->max_values)
	{
		column->max_values = Max(64, 2 * (column->n_values + n_values));
		column->values =
			column->values == NULL
				? palloc_extended(column->max_values * sizeof(cer_text),
		                          MCXT_ALLOC_HUGE)
				: repalloc_huge(column->values,
		                        column->max_values * sizeof(cer_text));
	}
	for (size_t i = 0; i < n_values; i++)
	{
		char *data = palloc_extended(Max(1, values[i].size), MCXT_ALLOC_HUGE);

		memcpy(data, values[i].data, values[i].size);
		column->values[column->n_values++] = (cer_text){data, values[i].size};
	}
	MemoryContextSwitchTo(caller);
}

/* -------------------------------------------------------------------- in order */

static Place *
list_places(const RowGather *gather)
{
	Place *places = MemoryContextAllocHuge(
		gather->context, Max(1, gather->n_rows) * sizeof(Place));

	for (Size row = 0; row < gather->n_rows; row++)
		places[row] =
			(Place){gather->keys[row], (uint32) row, gather->parts[row]};
	sort_places(places, gather->n_rows);
	return places;
}

/* Two rows of one key cannot be told apart in another read. */
static bool
has_ties(const Place *places, Size n)
{
	for (Size i = 1; i < n; i++)
		if (places[i].key == places[i - 1].key &&
		    places[i].part == places[i - 1].part)
			return true;
	return false;
}

static void
take_order(RowGather *gather, const Place *places)
{
	Size n = Max(1, gather->n_rows);
	uint64 *keys = MemoryContextAllocHuge(gather->context, n * sizeof(uint64));
	uint16 *labels =
		MemoryContextAllocHuge(gather->context, n * sizeof(uint16));

	gather->index = MemoryContextAllocHuge(gather->context, n * sizeof(uint32));
	for (Size i = 0; i < gather->n_rows; i++)
	{
		gather->index[i] = places[i].row;
		keys[i] = places[i].key;
		labels[i] = gather->labels[places[i].row];
		gather->n_train += places[i].part == CER_TRAIN;
	}
	pfree(gather->keys);
	pfree(gather->labels);
	gather->keys = keys;
	gather->labels = labels;
}

bool
gather_finish(RowGather *gather)
{
	Place *places;

	if (gather->is_too_large || gather->n_rows == 0)
		return false;
	places = list_places(gather);
	if (has_ties(places, gather->n_rows))
		return false;
	take_order(gather, places);
	pfree(places);
	return true;
}

Size
gather_count_rows(const RowGather *gather)
{
	return gather->n_rows;
}

Size
gather_count_train(const RowGather *gather)
{
	return gather->n_train;
}

const uint64 *
gather_get_keys(const RowGather *gather)
{
	return gather->keys;
}

const uint16 *
gather_get_labels(const RowGather *gather)
{
	return gather->labels;
}

const void *
gather_get_data(const RowGather *gather, int input)
{
	return gather->columns[input].data;
}

const uint32 *
gather_get_index(const RowGather *gather)
{
	return gather->index;
}

void
gather_pack(RowGather *gather, cer_arena *arena, int input, cer_packed *packed)
{
	gather_pack_rows(gather, arena, input, gather->index, gather->n_rows,
	                 packed);
}

void
gather_pack_rows(RowGather *gather, cer_arena *arena, int input,
                 const uint32 *rows, Size n_rows, cer_packed *packed)
{
	GatherColumn *column = &gather->columns[input];
	cer_error err = {0};

	host_check(cer_packed_make(arena, column->storage, column->data, rows,
	                           n_rows, packed, &err),
	           &err);
	pfree(column->data);
	column->data = NULL;
	CHECK_FOR_INTERRUPTS();
}

const cer_text *
gather_get_values(const RowGather *gather, int input, uint32 *n_values)
{
	*n_values = gather->columns[input].n_values;
	return gather->columns[input].values;
}
