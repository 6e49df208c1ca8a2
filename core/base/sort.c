/*
 * base/sort.c
 *	  Radix sorts by bytes, lowest first, and a merge sort from runs of one up.
 *
 * A byte that all keys share costs no pass: small integers and floats with few
 * digits sort in two or three.
 */
#include "base/sort.h"

#include <stdbool.h>
#include <string.h>

#define N_DIGITS 8
#define RADIX    256

static size_t
digit_of(uint64_t key, size_t digit)
{
	return (size_t) (key >> (8 * digit)) & (RADIX - 1);
}

/* Counts become starts; false when all n keys have the same digit. */
static bool
make_starts(size_t *counts, size_t n)
{
	size_t start = 0;

	for (size_t i = 0; i < RADIX; i++)
	{
		size_t count = counts[i];

		if (count == n)
			return false;
		counts[i] = start;
		start += count;
	}
	return true;
}

void
cer_sort_items(cer_sort_item *items, cer_sort_item *scratch, size_t n)
{
	size_t counts[N_DIGITS][RADIX] = {0};
	cer_sort_item *from = items;
	cer_sort_item *to = scratch;

	for (size_t i = 0; i < n; i++)
		for (size_t d = 0; d < N_DIGITS; d++)
			counts[d][digit_of(items[i].key, d)]++;
	for (size_t d = 0; d < N_DIGITS; d++)
	{
		cer_sort_item *swap = from;

		if (!make_starts(counts[d], n))
			continue;
		for (size_t i = 0; i < n; i++)
			to[counts[d][digit_of(from[i].key, d)]++] = from[i];
		from = to;
		to = swap;
	}
	if (from != items)
		memcpy(items, from, n * sizeof(*items));
}

void
cer_sort_keys(uint64_t *keys, uint64_t *scratch, size_t n)
{
	size_t counts[N_DIGITS][RADIX] = {0};
	uint64_t *from = keys;
	uint64_t *to = scratch;

	for (size_t i = 0; i < n; i++)
		for (size_t d = 0; d < N_DIGITS; d++)
			counts[d][digit_of(keys[i], d)]++;
	for (size_t d = 0; d < N_DIGITS; d++)
	{
		uint64_t *swap = from;

		if (!make_starts(counts[d], n))
			continue;
		for (size_t i = 0; i < n; i++)
			to[counts[d][digit_of(from[i], d)]++] = from[i];
		from = to;
		to = swap;
	}
	if (from != keys)
		memcpy(keys, from, n * sizeof(*keys));
}

/* Two sorted neighbours, [0, middle) and [middle, n), into one. */
static void
merge(const uint32_t *from, uint32_t *to, size_t middle, size_t n,
      cer_sort_compare compare, const void *self)
{
	size_t left = 0;
	size_t right = middle;

	for (size_t i = 0; i < n; i++)
	{
		bool take_left =
			left < middle &&
			(right >= n || compare(self, from[left], from[right]) <= 0);

		to[i] = take_left ? from[left++] : from[right++];
	}
}

void
cer_sort_indexes(uint32_t *indexes, uint32_t *scratch, size_t n,
                 cer_sort_compare compare, const void *self)
{
	uint32_t *from = indexes;
	uint32_t *to = scratch;

	for (size_t run = 1; run < n; run *= 2)
	{
		uint32_t *swap = from;

		for (size_t start = 0; start < n; start += 2 * run)
		{
			size_t left = n - start;
			size_t size = left < 2 * run ? left : 2 * run;

			merge(from + start, to + start, run < size ? run : size, size,
			      compare, self);
		}
		from = to;
		to = swap;
	}
	if (from != indexes)
		memcpy(indexes, from, n * sizeof(*indexes));
}
