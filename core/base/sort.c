/*
 * base/sort.c
 *	  Radix sorts by bytes, lowest first, and a merge sort from runs of one up.
 *
 * A byte that all keys share costs no pass: small integers and floats with few
 * digits sort in two or three.  Many keys of few values, as most columns have
 * them, are counted instead: only their values are sorted.
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

/* ---- many keys of few values ---- */

#define PLACE_BITS 12
#define N_PLACES   ((size_t) 1 << PLACE_BITS)
#define MOST_FEW   (N_PLACES / 2)
#define LEAST_MANY ((size_t) 4 * N_PLACES)

/* Values by hash, open addressing. */
typedef struct few_values
{
	uint64_t keys[N_PLACES];
	uint32_t n_of[N_PLACES]; /* how many keys; 0: a free place */
	uint64_t sorted[MOST_FEW];
	uint64_t scratch[MOST_FEW];
	size_t n;
} few_values;

static size_t
find_place(const few_values *few, uint64_t key)
{
	size_t place = (size_t) ((key * 0x9E3779B97F4A7C15u) >> (64 - PLACE_BITS));

	while (few->n_of[place] > 0 && few->keys[place] != key)
		place = (place + 1) % N_PLACES;
	return place;
}

/* False: there are more values than it takes. */
static bool
count_key(few_values *few, uint64_t key)
{
	size_t place = find_place(few, key);

	if (few->n_of[place]++ > 0)
		return true;
	if (few->n == MOST_FEW)
		return false;
	few->keys[place] = key;
	few->sorted[few->n++] = key;
	return true;
}

static void radix_sort_keys(uint64_t *keys, uint64_t *scratch, size_t n);

static bool
sort_few_keys(uint64_t *keys, size_t n)
{
	few_values few;
	uint64_t *to = keys;

	few.n = 0;
	memset(few.n_of, 0, sizeof(few.n_of));
	for (size_t i = 0; i < n; i++)
		if (!count_key(&few, keys[i]))
			return false;
	radix_sort_keys(few.sorted, few.scratch, few.n);
	for (size_t i = 0; i < few.n; i++)
	{
		uint64_t key = few.sorted[i];

		for (uint32_t left = few.n_of[find_place(&few, key)]; left > 0; left--)
			*to++ = key;
	}
	return true;
}

static bool
sort_few_items(cer_sort_item *items, cer_sort_item *scratch, size_t n)
{
	few_values few;
	uint32_t next[N_PLACES]; /* where the value's next item goes */
	uint32_t start = 0;

	few.n = 0;
	memset(few.n_of, 0, sizeof(few.n_of));
	for (size_t i = 0; i < n; i++)
		if (!count_key(&few, items[i].key))
			return false;
	radix_sort_keys(few.sorted, few.scratch, few.n);
	for (size_t i = 0; i < few.n; i++)
	{
		size_t place = find_place(&few, few.sorted[i]);

		next[place] = start;
		start += few.n_of[place];
	}
	for (size_t i = 0; i < n; i++)
		scratch[next[find_place(&few, items[i].key)]++] = items[i];
	memcpy(items, scratch, n * sizeof(*items));
	return true;
}

static bool
is_many(size_t n)
{
	return n >= LEAST_MANY && n <= UINT32_MAX;
}

/* ---- items ---- */

#define WIDE_BITS   11
#define WIDE_RADIX  (1 << WIDE_BITS)
#define N_WIDE      3 /* digits of a rough order */
#define MOST_SHIFTS 8 /* for an item, to finish a rough order */

static size_t
wide_digit_of(uint64_t key, int shift)
{
	return (size_t) (key >> shift) & (WIDE_RADIX - 1);
}

/* By the bits from shift on, where items agree on all above. */
static cer_sort_item *
sort_from(cer_sort_item *from, cer_sort_item *to, size_t n, int shift,
          size_t n_digits)
{
	size_t counts[WIDE_RADIX];

	for (size_t d = 0; d < n_digits; d++, shift += WIDE_BITS)
	{
		cer_sort_item *swap = from;
		size_t start = 0;

		memset(counts, 0, sizeof(counts));
		for (size_t i = 0; i < n; i++)
			counts[wide_digit_of(from[i].key, shift)]++;
		for (size_t i = 0; i < WIDE_RADIX; i++)
		{
			size_t count = counts[i];

			counts[i] = start;
			start += count;
		}
		for (size_t i = 0; i < n; i++)
			to[counts[wide_digit_of(from[i].key, shift)]++] = from[i];
		from = to;
		to = swap;
	}
	return from;
}

/* Puts in order what nearly is; false when it is too far from it. */
static bool
finish_order(cer_sort_item *items, size_t n)
{
	size_t n_left = MOST_SHIFTS * n;

	for (size_t i = 1; i < n; i++)
	{
		cer_sort_item item = items[i];
		size_t at = i;

		for (; at > 0 && items[at - 1].key > item.key; at--)
		{
			if (n_left-- == 0)
			{
				items[at] = item;
				return false;
			}
			items[at] = items[at - 1];
		}
		items[at] = item;
	}
	return true;
}

/*
 * Hashes differ in their highest bits already: three passes put them in order
 * but for a few neighbours.  Where that is not so, all bits are gone through.
 */
void
cer_sort_items(cer_sort_item *items, cer_sort_item *scratch, size_t n)
{
	uint64_t differ = 0;
	int n_bits;
	int shift;
	cer_sort_item *sorted;

	if (is_many(n) && sort_few_items(items, scratch, n))
		return;
	for (size_t i = 1; i < n; i++)
		differ |= items[i].key ^ items[0].key;
	if (differ == 0)
		return;
	n_bits = 64 - __builtin_clzll(differ);
	shift = n_bits > N_WIDE * WIDE_BITS ? n_bits - N_WIDE * WIDE_BITS : 0;
	sorted = sort_from(items, scratch, n, shift,
	                   (size_t) (n_bits - shift + WIDE_BITS - 1) / WIDE_BITS);
	if (shift > 0 && !finish_order(sorted, n))
		sorted = sort_from(sorted, sorted == items ? scratch : items, n, 0,
		                   (size_t) (n_bits + WIDE_BITS - 1) / WIDE_BITS);
	if (sorted != items)
		memcpy(items, sorted, n * sizeof(*items));
}

/* ---- keys ---- */

static void
radix_sort_keys(uint64_t *keys, uint64_t *scratch, size_t n)
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

void
cer_sort_keys(uint64_t *keys, uint64_t *scratch, size_t n)
{
	if (!is_many(n) || !sort_few_keys(keys, n))
		radix_sort_keys(keys, scratch, n);
}

/* ---- indexes ---- */

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
