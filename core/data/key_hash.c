/*
 * data/key_hash.c
 *	  Keyed hash of a row's key: places the row in a part of the split and in
 *	  the order of training.
 *
 * A chain of XXH3: the state after each value seeds the hash of the next, the
 * kind of value is mixed into the seed.  As every link covers the whole value,
 * ('ab', 'c') and ('a', 'bc') differ, and so do 1 and '1'.  Numbers are hashed
 * as eight bytes, lowest first, so that neither a column's width nor the
 * machine matters.
 */
#include "cerebro.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* Arbitrary odd numbers; stored tasks depend on them. */
#define TAG_INT    UINT64_C(0x9E3779B97F4A7C15)
#define TAG_DOUBLE UINT64_C(0xC2B2AE3D27D4EB4F)
#define TAG_BYTES  UINT64_C(0x165667B19E3779F9)
#define TAG_NULL   UINT64_C(0x27D4EB2F165667C5)
#define TAG_END    UINT64_C(0x85EBCA77C2B2AE63)

static void
add_word(cer_key_hash *hash, uint64_t tag, uint64_t word)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	hash->state = XXH3_64bits_withSeed(&word, sizeof(word), hash->state ^ tag);
}

void
cer_key_hash_start(cer_key_hash *hash, uint64_t key)
{
	hash->key = key;
	hash->state = key;
}

void
cer_key_hash_add_int(cer_key_hash *hash, int64_t value)
{
	add_word(hash, TAG_INT, (uint64_t) value);
}

/* Equal in SQL is equal here: one zero, one NaN. */
void
cer_key_hash_add_double(cer_key_hash *hash, double value)
{
	uint64_t word;

	if (value == 0)
		value = 0;
	memcpy(&word, &value, sizeof(word));
	if (value != value)
		word = UINT64_C(0x7FF8000000000000);
	add_word(hash, TAG_DOUBLE, word);
}

void
cer_key_hash_add_bytes(cer_key_hash *hash, const void *data, size_t size)
{
	hash->state = XXH3_64bits_withSeed(data, size, hash->state ^ TAG_BYTES);
}

void
cer_key_hash_add_null(cer_key_hash *hash)
{
	add_word(hash, TAG_NULL, 0);
}

/* Every link mixes well: the last one's value needs no more. */
uint64_t
cer_key_hash_finish(const cer_key_hash *hash)
{
	return hash->state;
}
