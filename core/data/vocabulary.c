/*
 * data/vocabulary.c
 *	  An open-addressing hash over the values of a table.
 *
 * A slot holds the hash beside the code, so that a miss or a foreign value in
 * the way costs no look at the text.
 */
#include "data/vocabulary.h"

#include "base/error.h"
#include "base/size.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static void fill_slots(cer_vocabulary_slot *slots, size_t mask,
                       const cer_text *values, size_t n_values);
static cer_status
copy_values(cer_arena *arena, const cer_text *values, size_t n_values,
            cer_text *copies, cer_error *err);

static size_t
count_slots(size_t n_values)
{
	size_t n = 8;

	while (n < 2 * n_values)
		n *= 2;
	return n;
}

cer_status
cer_vocabulary_make(cer_arena *arena, const cer_text *values, size_t n_values,
                    const cer_vocabulary **vocabulary, cer_error *err)
{
	size_t n_slots = count_slots(n_values);
	size_t size = cer_size_multiply(n_slots, sizeof(cer_vocabulary_slot));
	cer_vocabulary *made = cer_arena_allocate(arena, sizeof(*made));
	cer_vocabulary_slot *slots = cer_arena_allocate(arena, size);
	cer_text *copies =
		cer_arena_allocate(arena, cer_size_multiply(n_values, sizeof(*copies)));

	if (made == NULL || slots == NULL || copies == NULL)
		return cer_fail_memory(err, size);
	CER_TRY(copy_values(arena, values, n_values, copies, err));
	memset(slots, 0, size);
	fill_slots(slots, n_slots - 1, copies, n_values);
	*made = (cer_vocabulary){n_values, copies, n_slots - 1, slots};
	*vocabulary = made;
	return CER_OK;
}

static uint64_t
hash_value(cer_text value)
{
	return XXH3_64bits(value.data, value.size);
}

uint32_t
cer_vocabulary_find(const cer_vocabulary *vocabulary, cer_text value)
{
	uint64_t hash = hash_value(value);
	size_t at = (size_t) hash & vocabulary->mask;

	while (vocabulary->slots[at].code != 0)
	{
		cer_vocabulary_slot slot = vocabulary->slots[at];

		if (slot.hash == (uint32_t) (hash >> 32))
		{
			cer_text found = vocabulary->values[slot.code - CER_CODE_FIRST];

			if (found.size == value.size &&
			    (value.size == 0 ||
			     memcmp(found.data, value.data, value.size) == 0))
				return slot.code;
		}
		at = (at + 1) & vocabulary->mask;
	}
	return CER_CODE_UNSEEN;
}

static void
fill_slots(cer_vocabulary_slot *slots, size_t mask, const cer_text *values,
           size_t n_values)
{
	for (size_t i = 0; i < n_values; i++)
	{
		uint64_t hash = hash_value(values[i]);
		size_t at = (size_t) hash & mask;

		while (slots[at].code != 0)
			at = (at + 1) & mask;
		slots[at].hash = (uint32_t) (hash >> 32);
		slots[at].code = (uint32_t) i + CER_CODE_FIRST;
	}
}

/* All bytes in one piece: an arena's allocations are aligned generously. */
static cer_status
copy_values(cer_arena *arena, const cer_text *values, size_t n_values,
            cer_text *copies, cer_error *err)
{
	size_t size = 0;
	char *bytes;

	for (size_t i = 0; i < n_values; i++)
		size = cer_size_add(size, values[i].size);
	bytes = cer_arena_allocate(arena, size);
	if (bytes == NULL)
		return cer_fail_memory(err, size);
	for (size_t i = 0; i < n_values; i++)
	{
		if (values[i].size > 0)
			memcpy(bytes, values[i].data, values[i].size);
		copies[i] = (cer_text){bytes, values[i].size};
		bytes += values[i].size;
	}
	return CER_OK;
}

int
cer_value_compare(cer_text a, cer_text b)
{
	size_t size = a.size < b.size ? a.size : b.size;
	int order = size > 0 ? memcmp(a.data, b.data, size) : 0;

	if (order != 0)
		return order;
	return (a.size > b.size) - (a.size < b.size);
}

void
cer_number_key_write(uint64_t key, char *bytes)
{
	for (size_t i = 0; i < CER_NUMBER_VALUE_SIZE; i++)
		bytes[i] = (char) (unsigned char) (key >> (56 - 8 * i));
}

/* ---- codes of numbers ---- */

static uint64_t
read_number_key(const char *bytes)
{
	uint64_t key = 0;

	for (size_t i = 0; i < CER_NUMBER_VALUE_SIZE; i++)
		key = key << 8 | (unsigned char) bytes[i];
	return key;
}

cer_status
cer_number_codes_make(cer_arena *arena, const cer_vocabulary *vocabulary,
                      const cer_number_codes **codes, cer_error *err)
{
	size_t n_slots = count_slots(vocabulary->n_values);
	size_t size = cer_size_multiply(n_slots, sizeof(cer_number_slot));
	cer_number_codes *made = cer_arena_allocate(arena, sizeof(*made));
	cer_number_slot *slots = cer_arena_allocate(arena, size);

	if (made == NULL || slots == NULL)
		return cer_fail_memory(err, size);
	memset(slots, 0, size);
	*made =
		(cer_number_codes){64 - __builtin_ctzll(n_slots), n_slots - 1, slots};
	for (size_t i = 0; i < vocabulary->n_values; i++)
	{
		uint64_t key = read_number_key(vocabulary->values[i].data);
		size_t at = cer_number_codes_place(made, key);

		while (slots[at].code != 0)
			at = (at + 1) & made->mask;
		slots[at] = (cer_number_slot){key, CER_CODE_FIRST + (uint32_t) i};
	}
	*codes = made;
	return CER_OK;
}
