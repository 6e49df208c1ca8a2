/*
 * data/quantile.c
 *	  Quartiles by selection: the range of keys is cut into buckets, and a
 *	  bucket with a key that is sought into buckets again.
 *
 * The first round goes through the keys once for all three, and keeps their
 * buckets, some thousandths of the keys each; further rounds are for one: two
 * rounds do for most columns, six for any.
 */
#include "data/quantile.h"

#include "data/vocabulary.h"

#include <stdbool.h>
#include <string.h>

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

static void
count_keys(const candidates *from, int shift, uint32_t *counts)
{
	memset(counts, 0, N_BUCKETS * sizeof(*counts));
	for (size_t i = 0; i < from->n; i++)
		counts[(from->keys[i] - from->min) >> shift]++;
}

/* The bucket of a rank, which becomes that within the bucket. */
static uint64_t
find_bucket(const uint32_t *counts, size_t *rank)
{
	uint64_t bucket = 0;

	while (*rank >= counts[bucket])
		*rank -= counts[bucket++];
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
	uint32_t counts[N_BUCKETS];

	while (from->min < from->max)
	{
		int shift = find_shift(from->max - from->min);

		count_keys(from, shift, counts);
		keep_bucket(from, shift, find_bucket(counts, &from->rank), scratch);
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

static void
find_range(candidates *c)
{
	c->min = UINT64_MAX;
	c->max = 0;
	for (size_t i = 0; i < c->n; i++)
	{
		c->min = c->keys[i] < c->min ? c->keys[i] : c->min;
		c->max = c->keys[i] > c->max ? c->keys[i] : c->max;
	}
}

/* ---- the first round ---- */

#define N_SHARES 3

static const double shares[N_SHARES] = {0.25, 0.5, 0.75};

/* Buckets with sought keys; these lie in scratch one bucket after the other. */
typedef struct cut
{
	size_t n;                 /* buckets */
	candidates of[N_SHARES];  /* by bucket; the rank is by share: */
	size_t at[N_SHARES];      /* by share: which bucket */
	size_t ranks[N_SHARES];   /* by share: within it */
	uint8_t slots[N_BUCKETS]; /* 1 + which one; 0: no key is sought there */
	uint64_t *rest;           /* of scratch */
} cut;

static void
find_cut(cut *c, const candidates *all, int shift, uint64_t *scratch)
{
	uint32_t counts[N_BUCKETS];

	count_keys(all, shift, counts);
	for (size_t i = 0; i < N_SHARES; i++)
	{
		uint64_t bucket;

		c->ranks[i] = (size_t) (shares[i] * (double) (all->n - 1));
		bucket = find_bucket(counts, &c->ranks[i]);
		if (c->slots[bucket] == 0)
		{
			c->of[c->n].keys = scratch;
			c->of[c->n].n = counts[bucket];
			scratch += counts[bucket];
			c->slots[bucket] = (uint8_t) ++c->n;
		}
		c->at[i] = c->slots[bucket] - 1u;
	}
	c->rest = scratch;
}

static void
keep_found(cut *c, const candidates *all, int shift, uint64_t *scratch)
{
	uint64_t dropped;
	uint64_t *ends[N_SHARES + 1] = {&dropped};

	for (size_t i = 0; i < c->n; i++)
		ends[i + 1] = scratch + (c->of[i].keys - scratch);
	for (size_t i = 0; i < all->n; i++)
	{
		uint64_t key = all->keys[i];
		size_t slot = c->slots[(key - all->min) >> shift];

		*ends[slot] = key;
		ends[slot] += slot > 0;
	}
	for (size_t i = 0; i < c->n; i++)
		find_range(&c->of[i]);
}

/* ---- all ---- */

/* What lies between two keys when share falls there. */
static double
interpolate(const candidates *all, const candidates *left, uint64_t key,
            double share)
{
	double place = share * (double) (all->n - 1);
	double fraction = place - (double) (size_t) place;
	double value = cer_number_of_key(key);

	if (fraction == 0 || left->rank + 1 < left->n)
		return value;
	key = find_next(all->keys, all->n, key);
	return value + (cer_number_of_key(key) - value) * fraction;
}

static bool
is_sought_later(const cut *c, size_t share)
{
	for (size_t i = share + 1; i < N_SHARES; i++)
		if (c->at[i] == c->at[share])
			return true;
	return false;
}

/* False: another share needs the bucket's keys, and there is no room beside. */
static bool
find_share(const cut *c, const candidates *all, uint64_t *scratch, size_t i,
           double *value)
{
	candidates left = c->of[c->at[i]];
	uint64_t *room = scratch + (left.keys - scratch);
	uint64_t key;

	left.rank = c->ranks[i];
	if (is_sought_later(c, i) && left.min < left.max)
	{
		room = c->rest;
		if (left.n > all->n - (size_t) (c->rest - scratch))
			return false;
	}
	key = select_key(&left, room);
	*value = interpolate(all, &left, key, shares[i]);
	return true;
}

static double
find_alone(const candidates *all, uint64_t *scratch, double share)
{
	candidates left = *all;
	uint64_t key;

	left.rank = (size_t) (share * (double) (all->n - 1));
	key = select_key(&left, scratch);
	return interpolate(all, &left, key, share);
}

void
cer_quantiles_find(const uint64_t *keys, uint64_t *scratch, size_t n,
                   cer_quantiles *quantiles)
{
	candidates all = {.keys = keys, .n = n};
	cut c = {0};
	double values[N_SHARES];
	bool is_found[N_SHARES];
	int shift;

	find_range(&all);
	shift = find_shift(all.max - all.min);
	find_cut(&c, &all, shift, scratch);
	keep_found(&c, &all, shift, scratch);
	for (size_t i = 0; i < N_SHARES; i++)
		is_found[i] = find_share(&c, &all, scratch, i, &values[i]);
	for (size_t i = 0; i < N_SHARES; i++)
		if (!is_found[i])
			values[i] = find_alone(&all, scratch, shares[i]);
	*quantiles = (cer_quantiles){.min = cer_number_of_key(all.min),
	                             .lower = values[0],
	                             .median = values[1],
	                             .upper = values[2],
	                             .max = cer_number_of_key(all.max)};
}
