/*
 * distinct.c
 *	  Open addressing with linear probing; at most half of the slots are used.
 */
#include "distinct.h"
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SLOTS 64

void
hash_set_release(hash_set *set)
{
	free(set->slots);
	memset(set, 0, sizeof *set);
}

static uint64_t *
find_slot(const hash_set *set, uint64_t hash)
{
	/* the low bits choose samples, so the high ones choose slots */
	size_t at = (size_t) (hash >> 20) & (set->n_slots - 1);

	while (set->slots[at] != 0 && set->slots[at] != hash)
		at = (at + 1) & (set->n_slots - 1);
	return &set->slots[at];
}

static void
resize(hash_set *set, size_t n_slots)
{
	hash_set larger = {.n_slots = n_slots, .n_items = set->n_items};

	larger.slots = memory_new(larger.n_slots * sizeof *larger.slots);
	for (size_t i = 0; i < set->n_slots; i++)
		if (set->slots[i] != 0)
			*find_slot(&larger, set->slots[i]) = set->slots[i];
	free(set->slots);
	*set = larger;
}

void
hash_set_reserve(hash_set *set, size_t n_items)
{
	size_t n_slots = FIRST_SLOTS;

	while (n_slots < 2 * n_items)
		n_slots *= 2;
	if (n_slots > set->n_slots)
		resize(set, n_slots);
}

bool
hash_set_add(hash_set *set, uint64_t hash)
{
	uint64_t *slot;

	hash += hash == 0;
	if (2 * (set->n_items + 1) > set->n_slots)
		hash_set_reserve(set, set->n_items + 1);
	slot = find_slot(set, hash);
	if (*slot == hash)
		return false;
	*slot = hash;
	set->n_items++;
	return true;
}

bool
hash_set_has(const hash_set *set, uint64_t hash)
{
	hash += hash == 0;
	return set->n_slots > 0 && *find_slot(set, hash) == hash;
}

static bool
is_sampled(const distinct_sample *sample, uint64_t hash)
{
	return (hash & ((1ULL << sample->level) - 1)) == 0;
}

static void
thin_out(distinct_sample *sample)
{
	hash_set old = sample->set;

	sample->level++;
	memset(&sample->set, 0, sizeof sample->set);
	for (size_t i = 0; i < old.n_slots; i++)
		if (old.slots[i] != 0 && is_sampled(sample, old.slots[i]))
			hash_set_add(&sample->set, old.slots[i]);
	hash_set_release(&old);
}

void
distinct_add(distinct_sample *sample, uint64_t hash)
{
	hash += hash == 0;
	if (!is_sampled(sample, hash))
		return;
	hash_set_add(&sample->set, hash);
	while (sample->set.n_items > DISTINCT_SAMPLE)
		thin_out(sample);
}

uint64_t
distinct_estimate(const distinct_sample *sample)
{
	return (uint64_t) sample->set.n_items << sample->level;
}

double
distinct_measure_overlap(const distinct_sample *sample, const hash_set *set)
{
	size_t n_found = 0;

	if (sample->set.n_items == 0)
		return 0;
	for (size_t i = 0; i < sample->set.n_slots; i++)
		n_found += sample->set.slots[i] != 0 &&
		           hash_set_has(set, sample->set.slots[i]);
	return (double) n_found / (double) sample->set.n_items;
}
