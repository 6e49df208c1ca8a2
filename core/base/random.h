/*
 * base/random.h
 *	  Random numbers that depend on a seed, a name and a place, never on how
 *	  many were drawn before: Philox 4x32-10 (Salmon et al., 2011), counter
 *	  based, so that work may run in any order and resume anywhere.
 */
#ifndef CER_BASE_RANDOM_H
#define CER_BASE_RANDOM_H

#include "cerebro.h"

typedef struct cer_random
{
	uint32_t key[2];
} cer_random;

/* Where in a stream: any 128 bits. */
typedef struct cer_random_place
{
	uint32_t counter[4];
} cer_random_place;

extern void cer_random_init(cer_random *random, uint64_t seed, cer_text name);

/* Four words of 32 random bits. */
extern void cer_random_get(const cer_random *random,
                           const cer_random_place *place, uint32_t bits[4]);

/* The same with 7 rounds instead of 10: still without known weakness, and
 * cheaper where numbers are drawn by the million. */
extern void
cer_random_get_fast(const cer_random *random, const cer_random_place *place,
                    uint32_t bits[4]);

/* Of [0, 1), with 24 bits. */
extern float cer_random_to_uniform(uint32_t bits);

/* Standard normal, of two words (Box and Muller, 1958). */
extern float cer_random_to_normal(uint32_t bits1, uint32_t bits2);

#endif
