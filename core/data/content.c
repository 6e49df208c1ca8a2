/*
 * data/content.c
 *	  Hashes that say what a column holds, and for which rows.
 *
 * A hash is the sum, over rows, of a mixed word for (row key, part, value):
 * rows may come in any order, in any chunks, and categories under any codes.
 * Two sums with different mixing make 128 bits.  They tell apart what differs
 * by chance or by change; they are no defence against somebody who looks for
 * two tables of one hash (who could only fool users of rows that he chose).
 *
 *	 rows:		sum of mix(row key, part, label)
 *	 column:	sum of mix(row key, part, value)
 */
#include "cerebro.h"

#include "base/error.h"
#include "data/dataset.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* Arbitrary odd numbers; ids depend on them. */
#define SPREAD_KEY   UINT64_C(0x9E3779B97F4A7C15)
#define SPREAD_VALUE UINT64_C(0xD6E8FEB86659FD93)
#define MIX_1        UINT64_C(0xBF58476D1CE4E5B9)
#define MIX_2        UINT64_C(0x94D049BB133111EB)
#define NULL_VALUE   UINT64_C(0x27D4EB2F165667C5)
#define NAN_BITS     UINT64_C(0x7FF8000000000000)

#define BLOCK ((size_t) 512) /* rows whose places are computed at once */

/* Value hashes of a category by code; [0] is NULL. */
typedef struct code_hashes
{
	uint64_t *hashes;
	size_t n;
	size_t capacity;
} code_hashes;

struct cer_content
{
	cer_host host;
	cer_arena *arena;
	size_t n_inputs;
	cer_storage *storages;
	code_hashes *codes;
	cer_content_hash rows;
	cer_content_hash *columns;
};

static inline uint64_t
mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * MIX_1;
	x = (x ^ (x >> 27)) * MIX_2;
	return x ^ (x >> 31);
}

/* What of a sum is a row's: different for every (place, value). */
static inline void
add(cer_content_hash *hash, uint64_t place, uint64_t value)
{
	uint64_t x = mix(place + value * SPREAD_VALUE);

	hash->low += x;
	hash->high += (x ^ place) * MIX_2 ^ (x >> 32);
}

cer_status
cer_content_new(const cer_host *host, const cer_input *inputs, size_t n_inputs,
                cer_content **content, cer_error *err)
{
	cer_arena *arena = cer_arena_new(host);
	size_t size = n_inputs * sizeof(cer_content_hash);
	cer_content *made =
		arena != NULL ? cer_arena_allocate(arena, sizeof(*made)) : NULL;

	if (made == NULL)
	{
		cer_arena_free(arena);
		return cer_fail_memory(err, sizeof(*made));
	}
	memset(made, 0, sizeof(*made));
	made->host = *host;
	made->arena = arena;
	made->n_inputs = n_inputs;
	made->storages =
		cer_arena_allocate(arena, n_inputs * sizeof(*made->storages));
	made->codes = cer_arena_allocate(arena, n_inputs * sizeof(*made->codes));
	made->columns = cer_arena_allocate(arena, size);
	if (made->storages == NULL || made->codes == NULL || made->columns == NULL)
	{
		cer_arena_free(arena);
		return cer_fail_memory(err, size);
	}
	memset(made->columns, 0, size);
	memset(made->codes, 0, n_inputs * sizeof(*made->codes));
	for (size_t i = 0; i < n_inputs; i++)
		made->storages[i] = inputs[i].storage;
	*content = made;
	return CER_OK;
}

void
cer_content_free(cer_content *content)
{
	if (content == NULL)
		return;
	for (size_t i = 0; i < content->n_inputs; i++)
		if (content->codes[i].hashes != NULL)
			content->host.release(content->host.self, content->codes[i].hashes,
			                      content->codes[i].capacity *
			                          sizeof(uint64_t));
	cer_arena_free(content->arena);
}

static cer_status
reserve(cer_content *content, code_hashes *codes, size_t n, cer_error *err)
{
	const cer_host *host = &content->host;
	size_t capacity = codes->capacity > 0 ? codes->capacity : 64;
	uint64_t *hashes;

	while (capacity < n)
		capacity *= 2;
	if (capacity == codes->capacity)
		return CER_OK;
	hashes = host->allocate(host->self, capacity * sizeof(*hashes));
	if (hashes == NULL)
		return cer_fail_memory(err, capacity * sizeof(*hashes));
	hashes[0] = NULL_VALUE;
	if (codes->hashes != NULL)
	{
		memcpy(hashes, codes->hashes, codes->n * sizeof(*hashes));
		host->release(host->self, codes->hashes,
		              codes->capacity * sizeof(*hashes));
	}
	codes->n = codes->n > 0 ? codes->n : 1;
	codes->hashes = hashes;
	codes->capacity = capacity;
	return CER_OK;
}

cer_status
cer_content_add_values(cer_content *content, size_t input,
                       const cer_text *values, size_t n_values, cer_error *err)
{
	code_hashes *codes = &content->codes[input];

	if (n_values > CER_MAX_VALUES)
		return cer_fail(err, CER_TOO_BIG, "too many values");
	CER_TRY(
		reserve(content, codes, (codes->n > 0 ? codes->n : 1) + n_values, err));
	for (size_t i = 0; i < n_values; i++)
		codes->hashes[codes->n++] =
			XXH3_64bits_withSeed(values[i].data, values[i].size, SPREAD_VALUE);
	return CER_OK;
}

/* ------------------------------------------------------------------ rows */

/* Equal to a network is equal here: any NaN is NULL. */
static inline uint64_t
get_bits(double number)
{
	uint64_t bits;

	memcpy(&bits, &number, sizeof(bits));
	return number == number ? bits : NAN_BITS;
}

static void
add_floats(cer_content_hash *hash, const uint64_t *places, const float *values,
           size_t n)
{
	for (size_t i = 0; i < n; i++)
		add(hash, places[i], get_bits((double) values[i]));
}

static void
add_doubles(cer_content_hash *hash, const uint64_t *places,
            const double *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		add(hash, places[i], get_bits(values[i]));
}

/* A code without a value is NULL, of which there need be no table. */
static void
add_codes(cer_content_hash *hash, const code_hashes *codes,
          const uint64_t *places, const uint32_t *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		add(hash, places[i],
		    values[i] > 0 && values[i] < codes->n ? codes->hashes[values[i]]
		                                          : NULL_VALUE);
}

static void
add_column(cer_content *content, size_t input, const uint64_t *places,
           const void *values, size_t first, size_t n)
{
	cer_content_hash *hash = &content->columns[input];

	switch (content->storages[input])
	{
		case CER_FLOAT32:
			add_floats(hash, places, (const float *) values + first, n);
			break;
		case CER_FLOAT64:
			add_doubles(hash, places, (const double *) values + first, n);
			break;
		case CER_CODE32:
			add_codes(hash, &content->codes[input], places,
			          (const uint32_t *) values + first, n);
			break;
	}
}

void
cer_content_add(cer_content *content, const cer_chunk *chunk)
{
	uint64_t places[BLOCK];

	for (size_t first = 0; first < chunk->n_rows; first += BLOCK)
	{
		size_t left = chunk->n_rows - first;
		size_t n = left < BLOCK ? left : BLOCK;

		for (size_t i = 0; i < n; i++)
		{
			places[i] =
				mix(chunk->row_keys[first + i] +
			        (1 + (uint64_t) chunk->parts[first + i]) * SPREAD_KEY);
			add(&content->rows, places[i], chunk->labels[first + i]);
		}
		for (size_t input = 0; input < content->n_inputs; input++)
			add_column(content, input, places, chunk->columns[input], first, n);
	}
	content->rows.n_rows += chunk->n_rows;
}

cer_content_hash
cer_content_get_rows(const cer_content *content)
{
	return content->rows;
}

cer_content_hash
cer_content_get_column(const cer_content *content, size_t input)
{
	cer_content_hash hash = content->columns[input];

	hash.n_rows = content->rows.n_rows;
	return hash;
}
