/*
 * extract_dimension.c
 *	  Columns of a joined table, kept once for each row of it.
 *
 *	 fact rows:	 0 1 2 3 4 ...			codes:	 2 0 2 1 0 ...	once a join
 *	 planes.year, planes.seats, ... :			 0 1 2			a value each
 *
 * A row of the dimension is what columns of one join have together: rows that
 * differ in nothing that is read are one.  Columns that come with a later read
 * have codes of their own.
 */
#include "extract_private.h"

#include "miscadmin.h"

#include "content.h"

/* One chunk of each column has them all. */
#define MAX_ROWS EXTRACT_CHUNK_ROWS
/* Rows of the fact table for each of the dimension, at least. */
#define MIN_SHARE 4
#define N_SLOTS   ((Size) 1 << 19) /* a power of two, at most a quarter full */
#define SPREAD    UINT64CONST(0x9E3779B97F4A7C15)

/* ---------------------------------------------------------------- finding */

Dimension *
dimension_find(Extract *extract, const cer_id *id)
{
	Dimension *dimension;
	ListCell *cell;

	foreach (cell, extract->dimensions)
	{
		dimension = lfirst(cell);
		if (memcmp(&dimension->codes.entry.id, id, sizeof(*id)) == 0)
			return dimension;
	}
	dimension = palloc0(sizeof(Dimension));
	if (!extract_find(id, &dimension->codes.entry))
		return NULL;
	dimension->codes.is_there = true;
	dimension->n_rows = (Size) dimension->codes.entry.n_dimension;
	extract->dimensions = lappend(extract->dimensions, dimension);
	return dimension;
}

/* --------------------------------------------------------------- numbering */

/* Rows by number, of the columns so far. */
typedef struct Numbering
{
	const RowGather *gather;
	Size n_rows;
	uint32 *codes; /* by row in order */
	Size n;
	Size max;
	uint32 *first; /* by code: row as it came */

	/* pairs of a code so far and a value -> code */
	uint64 *bits;
	uint32 *before;
	uint32 *slots; /* code + 1; 0: free */
} Numbering;

static inline uint64
get_bits(const void *data, Size element, uint32 row)
{
	return element == sizeof(uint64) ? ((const uint64 *) data)[row]
	                                 : ((const uint32 *) data)[row];
}

static inline uint32 *
find_slot(const Numbering *numbering, uint32 before, uint64 bits)
{
	uint64 mixed = (bits ^ ((uint64) before << 40 | before)) * SPREAD;
	Size at = (Size) ((mixed ^ mixed >> 29) * SPREAD >> 40) & (N_SLOTS - 1);

	while (numbering->slots[at] != 0 &&
	       (numbering->bits[numbering->slots[at] - 1] != bits ||
	        numbering->before[numbering->slots[at] - 1] != before))
		at = (at + 1) & (N_SLOTS - 1);
	return &numbering->slots[at];
}

/* False: there are too many. */
static bool
number_column(Numbering *numbering, const void *data, Size element)
{
	const uint32 *index = gather_get_index(numbering->gather);

	memset(numbering->slots, 0, N_SLOTS * sizeof(uint32));
	numbering->n = 0;
	for (Size i = 0; i < numbering->n_rows; i++)
	{
		uint64 bits = get_bits(data, element, index[i]);
		uint32 *slot = find_slot(numbering, numbering->codes[i], bits);

		if (*slot == 0)
		{
			if (numbering->n == numbering->max)
				return false;
			numbering->bits[numbering->n] = bits;
			numbering->before[numbering->n] = numbering->codes[i];
			numbering->first[numbering->n] = index[i];
			*slot = (uint32) ++numbering->n;
		}
		numbering->codes[i] = *slot - 1;
	}
	CHECK_FOR_INTERRUPTS();
	return true;
}

static void
start_numbering(Numbering *numbering, const RowGather *gather)
{
	Size n = gather_count_rows(gather);

	*numbering = (Numbering){
		.gather = gather, .n_rows = n, .max = Min(MAX_ROWS, n / MIN_SHARE)};
	numbering->codes = palloc_extended(Max(1, n) * sizeof(uint32),
	                                   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	numbering->first = palloc(MAX_ROWS * sizeof(uint32));
	numbering->bits = palloc(MAX_ROWS * sizeof(uint64));
	numbering->before = palloc(MAX_ROWS * sizeof(uint32));
	numbering->slots = palloc(N_SLOTS * sizeof(uint32));
}

/* ----------------------------------------------------------------- putting */

/* Columns of one join that were gathered. */
static int
list_inputs(const Extract *extract, int join, int *inputs)
{
	int n = 0;

	for (int i = 0; i < extract->plan->n_inputs; i++)
		if (extract->ids.is_known[i] && extract->ids.joins[i] == join &&
		    !extract->columns[i].is_there)
			inputs[n++] = i;
	return n;
}

static bool
number_rows(Extract *extract, const int *inputs, int n, Numbering *numbering)
{
	start_numbering(numbering, extract->gather);
	for (int i = 0; i < n; i++)
	{
		cer_storage storage = extract->plan->inputs[inputs[i]].storage;
		int at = extract_get_gathered(extract, inputs[i]);

		if (!number_column(numbering, gather_get_data(extract->gather, at),
		                   cer_storage_get_size(storage)))
			return false;
	}
	return true;
}

/* What is kept of a row: its code, instead of a value of each column. */
static bool
is_worth_it(Size n_rows, int n_inputs)
{
	int width = n_rows <= 256 ? 1 : n_rows <= 65536 ? 2 : 4;

	return n_inputs > width;
}

/* By the columns that it has. */
static cer_id
make_id(const Extract *extract, const int *inputs, int n)
{
	StringInfoData text;
	cer_id id;

	initStringInfo(&text);
	appendStringInfoString(&text, "dimension ");
	for (int i = 0; i < n; i++)
		appendBinaryStringInfo(
			&text, (const char *) extract->ids.columns[inputs[i]].bytes,
			CER_ID_SIZE);
	if (!content_hash(text.data, text.len, id.bytes))
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
		                errmsg("could not compute a SHA-256 hash")));
	return id;
}

/* "planes.*", after the first column. */
static const char *
make_name(const Extract *extract, int input)
{
	cer_text name = extract->plan->inputs[input].name;
	const char *dot = memchr(name.data, '.', name.size);

	return dot == NULL ? "*"
	                   : psprintf("%.*s.*", (int) (dot - name.data), name.data);
}

static void
add_dimension(Extract *extract, const int *inputs, int n,
              const Numbering *numbering)
{
	Dimension *dimension = palloc0(sizeof(Dimension));
	Source *codes = &dimension->codes;
	cer_error err = {0};

	dimension->n_rows = numbering->n;
	dimension->first = numbering->first;
	dimension->name = make_name(extract, inputs[0]);
	codes->entry.id = make_id(extract, inputs, n);
	codes->n_rows = numbering->n_rows;
	codes->is_gathered = true;
	host_check(cer_packed_make(extract->arena, CER_CODE32, numbering->codes,
	                           NULL, numbering->n_rows, &codes->packed, &err),
	           &err);
	extract->dimensions = lappend(extract->dimensions, dimension);
	for (int i = 0; i < n; i++)
		extract->columns[inputs[i]].dimension = dimension;
}

static void
make_dimension(Extract *extract, int join)
{
	int *inputs = palloc(extract->plan->n_inputs * sizeof(int));
	int n = list_inputs(extract, join, inputs);
	Numbering numbering;

	if (n < 2)
		return;
	if (number_rows(extract, inputs, n, &numbering) &&
	    is_worth_it(numbering.n, n))
		add_dimension(extract, inputs, n, &numbering);
	pfree(numbering.codes);
	pfree(numbering.bits);
	pfree(numbering.before);
	pfree(numbering.slots);
}

void
dimension_make_all(Extract *extract)
{
	Bitmapset *joins = NULL;
	int join = -1;

	for (int i = 0; i < extract->plan->n_inputs; i++)
		if (extract->ids.joins[i] > 0)
			joins = bms_add_member(joins, extract->ids.joins[i]);
	while ((join = bms_next_member(joins, join)) >= 0)
		make_dimension(extract, join);
}
