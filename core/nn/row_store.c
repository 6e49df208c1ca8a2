/*
 * nn/row_store.c
 *	  Some rows of a tensor, by code.
 *
 *	 buckets (a power of two) -> places + 1 -> codes, rows
 */
#include "nn/row_store.h"
#include "base/arena.h"
#include "base/size.h"

#include <assert.h>
#include <string.h>

struct cer_row_store
{
	size_t stride;
	size_t capacity;  /* rows */
	size_t n_rows;    /* that have a place */
	size_t n_pending; /* of them: not put yet */
	uint32_t *codes;
	float *rows;
	size_t mask; /* of buckets */
	uint32_t *buckets;
};

static void
clear(cer_row_store *store)
{
	store->n_rows = 0;
	store->n_pending = 0;
	memset(store->buckets, 0, (store->mask + 1) * sizeof(*store->buckets));
}

cer_row_store *
cer_row_store_make(cer_arena *arena, size_t stride, size_t n_rows)
{
	cer_row_store *made = cer_arena_allocate(arena, sizeof(*made));
	size_t n_buckets = 2;

	while (n_buckets < 2 * n_rows)
		n_buckets *= 2;
	if (made == NULL)
		return NULL;
	made->stride = stride;
	made->capacity = n_rows;
	made->mask = n_buckets - 1;
	made->codes = cer_arena_allocate(arena, n_rows * sizeof(*made->codes));
	made->rows =
		cer_arena_allocate_floats(arena, cer_size_multiply(n_rows, stride));
	made->buckets =
		cer_arena_allocate(arena, n_buckets * sizeof(*made->buckets));
	if (made->codes == NULL || made->rows == NULL || made->buckets == NULL)
		return NULL;
	clear(made);
	return made;
}

cer_row_store *
cer_row_store_make_within(cer_arena *arena, size_t stride, size_t n_codes,
                          size_t size)
{
	size_t n = size / (stride * sizeof(float));

	if (n > n_codes)
		n = n_codes;
	if (n < CER_FETCH_ROWS)
		n = CER_FETCH_ROWS;
	return cer_row_store_make(arena, stride, n);
}

/* The code's bucket, or the empty one where it would be. */
static size_t
find_bucket(const cer_row_store *store, uint32_t code)
{
	size_t at = (code * UINT64_C(0x9E3779B97F4A7C15) >> 32) & store->mask;

	while (store->buckets[at] != 0 &&
	       store->codes[store->buckets[at] - 1] != code)
		at = (at + 1) & store->mask;
	return at;
}

static bool
add(cer_row_store *store, uint32_t code)
{
	size_t at = find_bucket(store, code);

	if (store->buckets[at] != 0)
		return false;
	store->codes[store->n_rows++] = code;
	store->buckets[at] = (uint32_t) store->n_rows;
	store->n_pending++;
	return true;
}

static size_t
count_new(const cer_row_store *store, size_t n, const uint32_t *codes)
{
	size_t n_new = 0;

	for (size_t i = 0; i < n; i++)
		n_new += store->buckets[find_bucket(store, codes[i])] == 0;
	return n_new;
}

size_t
cer_row_store_begin(cer_row_store *store, size_t n, const uint32_t *codes,
                    uint32_t *missing)
{
	size_t n_missing = 0;

	if (store->n_pending > 0 ||
	    count_new(store, n, codes) > store->capacity - store->n_rows)
		clear(store);
	for (size_t i = 0; i < n; i++)
		if (add(store, codes[i]))
			missing[n_missing++] = codes[i];
	return n_missing;
}

float *
cer_row_store_put(cer_row_store *store, uint32_t code)
{
	size_t place = store->buckets[find_bucket(store, code)];

	assert(place > 0 && store->n_pending > 0);
	store->n_pending--;
	return store->rows + (place - 1) * store->stride;
}

const float *
cer_row_store_get(const cer_row_store *store, uint32_t code)
{
	size_t place = store->buckets[find_bucket(store, code)];

	assert(place > 0);
	return store->rows + (place - 1) * store->stride;
}
