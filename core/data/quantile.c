/*
 * data/quantile.c
 *	  Quartiles by selection: the range of keys is cut into buckets, and the
 *	  bucket with the key that is sought into buckets again.
 *
 * Each round keeps the keys of one bucket of some thousand: two rounds do for
 * most columns, six for any.
 */
#include "data/quantile.h"

#include "data/vocabulary.h"

#define BUCKET_BITS 11
#define N_BUCKETS   (1 << BUCKET_BITS)

/* Keys of which the sought one stands at rank, all from min to max. */
typedef struct candidates
{
	const uint64_t *keys;
	size_t n;
	uint64_t min;
	uint64_t max;
	size_t rank;
} candidates;

/* Bits to drop so that the range has at most N_BUCKETS values. */
static int
find_shift(uint64_t range)
{
	int n_bits = range > 0 ? 64 - __builtin_clzll(range) : 0;

	return n_bits > BUCKET_BITS ? n_bits - BUCKET_BITS : 0;
}

/* The bucket of the sought key; its rank becomes that within the bucket. */
static uint64_t
find_bucket(candidates *from, int shift)
{
	uint32_t counts[N_BUCKETS] = {0};
	uint64_t bucket = 0;

	for (size_t i = 0; i < from->n; i++)
		counts[(from->keys[i] - from->min) >> shift]++;
	while (from->rank >= counts[bucket])
		from->rank -= counts[bucket++];
	return bucket;
}

/* Keeps the keys of the bucket, in scratch. */
static void
keep_bucket(candidates *from, int shift, uint64_t bucket, uint64_t *scratch)
{
	size_t n = 0;

	for (size_t i = 0; i < from->n; i++)
	{
		uint64_t key = from->keys[i];

		scratch[n] = key;
		n += (key - from->min) >> shift == bucket;
	}
	from->keys = scratch;
	from->n = n;
	from->min += bucket << shift;
	if (from->max - from->min >= (UINT64_C(1) << shift))
		from->max = from->min + ((UINT64_C(1) << shift) - 1);
}

/* Narrows the candidates down to those equal to the sought key. */
static uint64_t
select_key(candidates *from, uint64_t *scratch)
{
	while (from->min < from->max)
	{
		int shift = find_shift(from->max - from->min);

		keep_bucket(from, shift, find_bucket(from, shift), scratch);
	}
	return from->min;
}

/* The least key above `key`. */
static uint64_t
find_next(const uint64_t *keys, size_t n, uint64_t key)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < n; i++)
		if (keys[i] > key && keys[i] < next)
			next = keys[i];
	return next;
}

static double
find_quantile(const candidates *all, uint64_t *scratch, double share)
{
	candidates left = *all;
	double place = share * (double) (all->n - 1);
	double fraction;
	double value;
	uint64_t key;

	left.rank = (size_t) place;
	fraction = place - (double) left.rank;
	key = select_key(&left, scratch);
	value = cer_number_of_key(key);
	if (fraction == 0 || left.rank + 1 < left.n)
		return value;
	key = find_next(all->keys, all->n, key);
	return value + (cer_number_of_key(key) - value) * fraction;
}

void
cer_quantiles_find(const uint64_t *keys, uint64_t *scratch, size_t n,
                   cer_quantiles *quantiles)
{
	candidates all = {.keys = keys, .n = n, .min = UINT64_MAX};

	for (size_t i = 0; i < n; i++)
	{
		all.min = keys[i] < all.min ? keys[i] : all.min;
		all.max = keys[i] > all.max ? keys[i] : all.max;
	}
	quantiles->min = cer_number_of_key(all.min);
	quantiles->max = cer_number_of_key(all.max);
	quantiles->lower = find_quantile(&all, scratch, 0.25);
	quantiles->median = find_quantile(&all, scratch, 0.5);
	quantiles->upper = find_quantile(&all, scratch, 0.75);
}
