/*
 * base/random.c
 *	  Random numbers that depend on a seed, a name and a place.
 */
#include "base/random.h"

#define XXH_INLINE_ALL
#include <Random123/philox.h>
#include <math.h>
#include <xxhash.h>

void
cer_random_init(cer_random *random, uint64_t seed, cer_text name)
{
	uint64_t key = XXH3_64bits_withSeed(name.data, name.size, seed);

	random->key[0] = (uint32_t) key;
	random->key[1] = (uint32_t) (key >> 32);
}

static void
get_bits(const cer_random *random, const cer_random_place *place,
         unsigned n_rounds, uint32_t bits[4])
{
	philox4x32_ctr_t counter;
	philox4x32_key_t key = {{random->key[0], random->key[1]}};

	for (size_t i = 0; i < 4; i++)
		counter.v[i] = place->counter[i];
	counter = philox4x32_R(n_rounds, counter, key);
	for (size_t i = 0; i < 4; i++)
		bits[i] = counter.v[i];
}

void
cer_random_get(const cer_random *random, const cer_random_place *place,
               uint32_t bits[4])
{
	get_bits(random, place, 10, bits);
}

void
cer_random_get_fast(const cer_random *random, const cer_random_place *place,
                    uint32_t bits[4])
{
	get_bits(random, place, 7, bits);
}

float
cer_random_to_uniform(uint32_t bits)
{
	return (float) (bits >> 8) * 0x1p-24f;
}

float
cer_random_to_normal(uint32_t bits1, uint32_t bits2)
{
	/* the half keeps the logarithm's argument above 0 */
	double u = ((double) bits1 + 0.5) * 0x1p-32;
	double angle = 2.0 * 3.14159265358979323846 * (double) bits2 * 0x1p-32;

	return (float) (sqrt(-2.0 * log(u)) * cos(angle));
}
