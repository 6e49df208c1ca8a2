/*
 * dictionary.c
 *	  Codes for byte strings, in order of arrival, from 1.
 *
 * Open addressing over (hash, code); the values stand in blocks of the
 * dictionary's memory context and never move, so that what get_values lends
 * stays valid until the next value is added.
 */
#include "cerebro_pg.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

typedef struct Slot
{
	uint32 hash;
	uint32 code; /* 0: free */
} Slot;

struct Dictionary
{
	MemoryContext context;
	Slot *slots;
	uint32 n_slots; /* a power of two, at least half of them free */
	cer_text *values;
	uint32 n_values;
	uint32 max_values; /* allocated */
	char *block;       /* where the next value goes */
	size_t block_left;
	size_t size; /* bytes of all values */
};

#define FIRST_SLOTS 64
#define BLOCK_SIZE  65536

Dictionary *
dictionary_make(void)
{
	Dictionary *dictionary = palloc0(sizeof(Dictionary));

	dictionary->context = CurrentMemoryContext;
	dictionary->n_slots = FIRST_SLOTS;
	dictionary->slots = palloc0(FIRST_SLOTS * sizeof(Slot));
	dictionary->max_values = FIRST_SLOTS / 2;
	dictionary->values = palloc(dictionary->max_values * sizeof(cer_text));
	return dictionary;
}

uint32
dictionary_count(const Dictionary *dictionary)
{
	return dictionary->n_values;
}

const cer_text *
dictionary_get_values(const Dictionary *dictionary, uint32 first)
{
	return dictionary->values + (first - 1);
}

static char *
allocate_bytes(Dictionary *dictionary, size_t size)
{
	char *bytes;

	if (size > BLOCK_SIZE / 8)
		return MemoryContextAllocHuge(dictionary->context, size);
	if (size > dictionary->block_left)
	{
		dictionary->block = MemoryContextAlloc(dictionary->context, BLOCK_SIZE);
		dictionary->block_left = BLOCK_SIZE;
	}
	bytes = dictionary->block;
	dictionary->block += size;
	dictionary->block_left -= size;
	return bytes;
}

static void
grow(Dictionary *dictionary)
{
	uint32 n_slots = dictionary->n_slots * 2;
	Slot *slots;

	if (dictionary->n_slots > PG_UINT32_MAX / 4)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
		                errmsg("too many different values in one column")));
	slots = MemoryContextAllocExtended(dictionary->context,
	                                   (Size) n_slots * sizeof(Slot),
	                                   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (uint32 i = 0; i < dictionary->n_slots; i++)
	{
		Slot old = dictionary->slots[i];
		uint32 at = old.hash & (n_slots - 1);

		if (old.code == 0)
			continue;
		while (slots[at].code != 0)
			at = (at + 1) & (n_slots - 1);
		slots[at] = old;
	}
	pfree(dictionary->slots);
	dictionary->slots = slots;
	dictionary->n_slots = n_slots;
	dictionary->max_values = n_slots / 2;
	dictionary->values = repalloc_huge(
		dictionary->values, (Size) dictionary->max_values * sizeof(cer_text));
}

/* The slot that holds the value, or the free one where it belongs. */
static inline Slot *
find_slot(const Dictionary *dictionary, const void *data, size_t size,
          uint32 hash)
{
	uint32 mask = dictionary->n_slots - 1;

	for (uint32 at = hash & mask;; at = (at + 1) & mask)
	{
		Slot *slot = &dictionary->slots[at];
		const cer_text *value;

		if (slot->code == 0)
			return slot;
		if (slot->hash != hash)
			continue;
		value = &dictionary->values[slot->code - 1];
		if (value->size == size && bytes_equal(value->data, data, size))
			return slot;
	}
}

uint32
dictionary_find(const Dictionary *dictionary, const void *data, size_t size)
{
	return find_slot(dictionary, data, size, (uint32) XXH3_64bits(data, size))
	    ->code;
}

uint32
dictionary_add(Dictionary *dictionary, const void *data, size_t size)
{
	uint32 hash = (uint32) XXH3_64bits(data, size);
	Slot *slot = find_slot(dictionary, data, size, hash);
	char *bytes;

	if (slot->code != 0)
		return slot->code;
	if (dictionary->n_values == dictionary->max_values)
	{
		grow(dictionary);
		slot = find_slot(dictionary, data, size, hash);
	}
	bytes = allocate_bytes(dictionary, size);
	memcpy(bytes, data, size);
	dictionary->values[dictionary->n_values] = (cer_text){bytes, size};
	slot->hash = hash;
	slot->code = ++dictionary->n_values;
	dictionary->size += size;
	return slot->code;
}

size_t
dictionary_get_size(const Dictionary *dictionary)
{
	return dictionary->size;
}
