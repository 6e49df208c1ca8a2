/*
 * distinct.h
 *	  Sets of 64-bit hashes: whole ones, that prove uniqueness and membership,
 *	  and a sample that estimates how many different values a column has.
 *
 * The sample keeps the hashes that end in `level` zero bits, so the samples of
 * two columns keep the same values: the share of one's sample found in the
 * other's set estimates how many of its values are there.
 */
#ifndef CLI_DISTINCT_H
#define CLI_DISTINCT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct hash_set
{
	uint64_t *slots; /* 0: free; the hash 0 is kept as 1 */
	size_t n_slots;  /* a power of two */
	size_t n_items;
} hash_set;

extern void hash_set_release(hash_set *set);
/* Room for n_items in all. */
extern void hash_set_reserve(hash_set *set, size_t n_items);
/* false: it was there already. */
extern bool hash_set_add(hash_set *set, uint64_t hash);
extern bool hash_set_has(const hash_set *set, uint64_t hash);

#define DISTINCT_SAMPLE 1024

typedef struct distinct_sample
{
	hash_set set;
	unsigned level;
} distinct_sample;

extern void distinct_add(distinct_sample *sample, uint64_t hash);
extern uint64_t distinct_estimate(const distinct_sample *sample);
/* Share of the sample's values that are in the set. */
extern double
distinct_measure_overlap(const distinct_sample *sample, const hash_set *set);

#endif
