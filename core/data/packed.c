/*
 * data/packed.c
 *	  A column in few bytes, without loss of a bit.
 *
 *	 codes:    1, 2 or 4 bytes, as the largest needs
 *	 numbers:  up to 65,536 different ones: a table of them, 1 or 2 bytes a row;
 *			   else 4 bytes where each is a float, else all 8
 *
 * Numbers differ here when their bits do: NaN is equal to itself.
 */
#include "cerebro.h"

#include "base/error.h"
#include "base/size.h"

#include <string.h>

#define MAX_TABLE ((size_t) 65536)
#define N_SLOTS   ((size_t) 131072) /* a power of two, at least half free */
#define SPREAD    UINT64_C(0x9E3779B97F4A7C15)

size_t
cer_storage_get_size(cer_storage storage)
{
	return storage == CER_FLOAT64 ? sizeof(double) : sizeof(float);
}

/* What of values is packed. */
typedef struct packing
{
	cer_arena *arena;
	const void *values;
	const uint32_t *index;
	size_t n_rows;
	size_t element;
} packing;

static inline size_t
get_place(const packing *p, size_t row)
{
	return p->index != NULL ? p->index[row] : row;
}

static inline uint64_t
get_bits(const packing *p, size_t row)
{
	size_t at = get_place(p, row);

	if (p->element == sizeof(uint64_t))
		return ((const uint64_t *) p->values)[at];
	return ((const uint32_t *) p->values)[at];
}

/* -------------------------------------------------------------- the table */

typedef struct bits_table
{
	uint64_t *bits;  /* by code */
	uint32_t *slots; /* code + 1, 0: free */
	size_t n;
} bits_table;

static inline uint32_t *
find_slot(const bits_table *table, uint64_t bits)
{
	size_t at = (size_t) ((bits * SPREAD) >> 47) & (N_SLOTS - 1);

	while (table->slots[at] != 0 && table->bits[table->slots[at] - 1] != bits)
		at = (at + 1) & (N_SLOTS - 1);
	return &table->slots[at];
}

/* False: too many are different.  Fills the code of each row. */
static bool
number_bits(const packing *p, bits_table *table, uint16_t *codes)
{
	uint64_t last = 0;
	uint16_t code = 0;

	for (size_t row = 0; row < p->n_rows; row++)
	{
		uint64_t bits = get_bits(p, row);
		uint32_t *slot;

		if (row > 0 && bits == last)
		{
			codes[row] = code;
			continue;
		}
		slot = find_slot(table, bits);
		if (*slot == 0)
		{
			if (table->n == MAX_TABLE)
				return false;
			table->bits[table->n] = bits;
			*slot = (uint32_t) ++table->n;
		}
		last = bits;
		code = (uint16_t) (*slot - 1);
		codes[row] = code;
	}
	return true;
}

/* ------------------------------------------------------------------ rows */

/* Rows that are fewer bytes than the values; NULL without memory. */
static void *
narrow_codes(cer_arena *arena, const uint16_t *codes, size_t n_rows)
{
	uint8_t *rows = cer_arena_allocate(arena, n_rows);

	for (size_t row = 0; rows != NULL && row < n_rows; row++)
		rows[row] = (uint8_t) codes[row];
	return rows;
}

static void *
make_table(const packing *p, const bits_table *table)
{
	void *made = cer_arena_allocate(p->arena, table->n * p->element);

	if (made == NULL || p->element == sizeof(uint64_t))
		return made == NULL ? NULL
		                    : memcpy(made, table->bits, table->n * p->element);
	for (size_t i = 0; i < table->n; i++)
		((uint32_t *) made)[i] = (uint32_t) table->bits[i];
	return made;
}

/* False: there are too many for a table, or no more than rows have. */
static cer_status
pack_by_table(const packing *p, cer_packed *packed, bool *is_done,
              cer_error *err)
{
	bits_table table = {0};
	uint16_t *codes;

	table.bits = cer_arena_allocate(p->arena, MAX_TABLE * sizeof(uint64_t));
	table.slots = cer_arena_allocate(p->arena, N_SLOTS * sizeof(uint32_t));
	codes = cer_arena_allocate(p->arena,
	                           cer_size_multiply(p->n_rows, sizeof(*codes)));
	if (table.bits == NULL || table.slots == NULL || codes == NULL)
		return cer_fail_memory(err, p->n_rows * sizeof(*codes));
	memset(table.slots, 0, N_SLOTS * sizeof(uint32_t));
	*is_done = number_bits(p, &table, codes) && table.n * 4 <= p->n_rows;
	if (!*is_done)
		return CER_OK;
	packed->n_table = table.n;
	packed->table = make_table(p, &table);
	packed->width = table.n <= 256 ? 1 : 2;
	packed->rows =
		packed->width == 2 ? codes : narrow_codes(p->arena, codes, p->n_rows);
	if (packed->table == NULL || packed->rows == NULL)
		return cer_fail_memory(err, p->n_rows);
	return CER_OK;
}

static bool
are_floats(const packing *p)
{
	for (size_t row = 0; row < p->n_rows; row++)
	{
		double value = ((const double *) p->values)[get_place(p, row)];
		double back = (double) (float) value;

		if (memcmp(&value, &back, sizeof(value)) != 0)
			return false;
	}
	return true;
}

static void
store_row(const packing *p, uint32_t width, size_t row, void *rows)
{
	uint64_t bits = get_bits(p, row);

	switch (width)
	{
		case 1:
			((uint8_t *) rows)[row] = (uint8_t) bits;
			break;
		case 2:
			((uint16_t *) rows)[row] = (uint16_t) bits;
			break;
		case 4:
			((uint32_t *) rows)[row] = (uint32_t) bits;
			break;
		default:
			((uint64_t *) rows)[row] = bits;
	}
}

static cer_status
pack_plainly(const packing *p, cer_packed *packed, cer_error *err)
{
	size_t size = cer_size_multiply(p->n_rows, packed->width);
	void *rows = cer_arena_allocate(p->arena, size);

	if (rows == NULL)
		return cer_fail_memory(err, size);
	packed->rows = rows;
	if (packed->storage == CER_FLOAT64 && packed->width == sizeof(float))
		for (size_t row = 0; row < p->n_rows; row++)
			((float *) rows)[row] =
				(float) ((const double *) p->values)[get_place(p, row)];
	else
		for (size_t row = 0; row < p->n_rows; row++)
			store_row(p, packed->width, row, rows);
	return CER_OK;
}

static uint32_t
get_code_width(const packing *p)
{
	uint32_t max = 0;

	for (size_t row = 0; row < p->n_rows; row++)
		max |= ((const uint32_t *) p->values)[get_place(p, row)];
	return max < 256 ? 1 : max < 65536 ? 2 : 4;
}

cer_status
cer_packed_make(cer_arena *arena, cer_storage storage, const void *values,
                const uint32_t *index, size_t n_rows, cer_packed *packed,
                cer_error *err)
{
	packing p = {arena, values, index, n_rows, cer_storage_get_size(storage)};
	cer_packed made = {.storage = storage};
	bool is_done = false;

	if (storage == CER_CODE32)
		made.width = get_code_width(&p);
	else
		CER_TRY(pack_by_table(&p, &made, &is_done, err));
	if (!is_done)
	{
		if (storage == CER_FLOAT64 && are_floats(&p))
			made.width = sizeof(float);
		else if (storage != CER_CODE32)
			made.width = (uint32_t) p.element;
		CER_TRY(pack_plainly(&p, &made, err));
	}
	*packed = made;
	return CER_OK;
}

/* --------------------------------------------------------------- reading */

/* READ(name, row, value): rows are codes of a table of values. */
#define READ(name, row_type, value_type)                                   \
	static bool name(const cer_packed *packed, const void *rows, size_t n, \
	                 void *values)                                         \
	{                                                                      \
		const row_type *from = rows;                                       \
		const value_type *table = packed->table;                           \
		value_type *to = values;                                           \
		size_t max = 0;                                                    \
                                                                           \
		for (size_t i = 0; i < n; i++)                                     \
			max = from[i] > max ? from[i] : max;                           \
		if (n > 0 && max >= packed->n_table)                               \
			return false;                                                  \
		for (size_t i = 0; i < n; i++)                                     \
			to[i] = table[from[i]];                                        \
		return true;                                                       \
	}

READ(read_1_4, uint8_t, uint32_t)
READ(read_2_4, uint16_t, uint32_t)
READ(read_1_8, uint8_t, uint64_t)
READ(read_2_8, uint16_t, uint64_t)

static bool
read_table(const cer_packed *packed, const void *rows, size_t n, void *values)
{
	if (cer_storage_get_size(packed->storage) == sizeof(uint32_t))
		return packed->width == 1 ? read_1_4(packed, rows, n, values)
		                          : read_2_4(packed, rows, n, values);
	return packed->width == 1 ? read_1_8(packed, rows, n, values)
	                          : read_2_8(packed, rows, n, values);
}

static bool
read_plainly(const cer_packed *packed, const void *rows, size_t n, void *values)
{
	size_t element = cer_storage_get_size(packed->storage);

	if (packed->width == element)
		memcpy(values, rows, n * element);
	else if (packed->storage == CER_FLOAT64 && packed->width == 4)
		for (size_t i = 0; i < n; i++)
			((double *) values)[i] = (double) ((const float *) rows)[i];
	else if (packed->storage == CER_CODE32 && packed->width == 1)
		for (size_t i = 0; i < n; i++)
			((uint32_t *) values)[i] = ((const uint8_t *) rows)[i];
	else if (packed->storage == CER_CODE32 && packed->width == 2)
		for (size_t i = 0; i < n; i++)
			((uint32_t *) values)[i] = ((const uint16_t *) rows)[i];
	else
		return false;
	return true;
}

cer_status
cer_packed_read(const cer_packed *packed, const void *rows, size_t n,
                void *values, cer_error *err)
{
	bool is_table = packed->n_table > 0;
	bool is_read;

	if (is_table && packed->width != 1 && packed->width != 2)
		return cer_fail(err, CER_BAD_FORMAT, "a packed column of width %u",
		                packed->width);
	is_read = is_table ? read_table(packed, rows, n, values)
	                   : read_plainly(packed, rows, n, values);
	if (!is_read)
		return cer_fail(err, CER_BAD_FORMAT,
		                "a packed column has codes outside of its table");
	return CER_OK;
}
