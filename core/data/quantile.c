/*
 * data/quantile.c
 *	  Quartiles by selection: digit by digit from the highest, keep the keys
 *	  that share the digit of the one that is sought.
 */
#include "data/quantile.h"

#include "data/vocabulary.h"

#include <string.h>

#define DIGIT_BITS 11
#define N_DIGITS   (1 << DIGIT_BITS)
#define TOP_SHIFT  (64 - DIGIT_BITS)

static size_t
digit_of(uint64_t key, int shift)
{
	return (size_t) (key >> shift) & (N_DIGITS - 1);
}

/* Moves keys with the digit to `to` (which may be `from`); how many. */
static size_t
keep_digit(const uint64_t *from, size_t n, int shift, size_t digit,
           uint64_t *to)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
	{
		uint64_t key = from[i];

		to[kept] = key;
		kept += digit_of(key, shift) == digit;
	}
	return kept;
}

/* The digit of the key at *rank, which becomes the rank within the digit. */
static size_t
find_digit(const uint64_t *keys, size_t n, int shift, size_t *rank)
{
	uint32_t counts[N_DIGITS] = {0};
	size_t digit = 0;

	for (size_t i = 0; i < n; i++)
		counts[digit_of(keys[i], shift)]++;
	while (*rank >= counts[digit])
		*rank -= counts[digit++];
	return digit;
}

/* The key that would stand at rank, from 0, in sorted order. */
static uint64_t
select_key(const uint64_t *keys, uint64_t *scratch, size_t n, size_t rank)
{
	const uint64_t *from = keys;
	int shift = TOP_SHIFT;

	for (;;)
	{
		size_t digit = find_digit(from, n, shift, &rank);

		n = keep_digit(from, n, shift, digit, scratch);
		from = scratch;
		if (n == 1 || shift == 0)
			return scratch[rank];
		shift = shift > DIGIT_BITS ? shift - DIGIT_BITS : 0;
	}
}

/* The key after `key` of rank `rank` in sorted order: often the same. */
static uint64_t
find_next(const uint64_t *keys, size_t n, uint64_t key, size_t rank)
{
	uint64_t next = UINT64_MAX;
	size_t n_up_to = 0;

	for (size_t i = 0; i < n; i++)
	{
		n_up_to += keys[i] <= key;
		if (keys[i] > key && keys[i] < next)
			next = keys[i];
	}
	return n_up_to > rank + 1 ? key : next;
}

static double
find_quantile(const uint64_t *keys, uint64_t *scratch, size_t n, double share)
{
	double place = share * (double) (n - 1);
	size_t rank = (size_t) place;
	double fraction = place - (double) rank;
	uint64_t key = select_key(keys, scratch, n, rank);
	double value = cer_number_of_key(key);

	if (fraction == 0)
		return value;
	return value + (cer_number_of_key(find_next(keys, n, key, rank)) - value) *
	                   fraction;
}

void
cer_quantiles_find(const uint64_t *keys, uint64_t *scratch, size_t n,
                   cer_quantiles *quantiles)
{
	uint64_t min = UINT64_MAX;
	uint64_t max = 0;

	for (size_t i = 0; i < n; i++)
	{
		min = keys[i] < min ? keys[i] : min;
		max = keys[i] > max ? keys[i] : max;
	}
	quantiles->min = cer_number_of_key(min);
	quantiles->max = cer_number_of_key(max);
	quantiles->lower = find_quantile(keys, scratch, n, 0.25);
	quantiles->median = find_quantile(keys, scratch, n, 0.5);
	quantiles->upper = find_quantile(keys, scratch, n, 0.75);
}
