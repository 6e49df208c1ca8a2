/*
 * random.c
 *	  Random numbers for tests: SplitMix64 (Steele, Lea, Flood 2014).
 */
#include "random.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void
random_init(test_random *random)
{
	const char *seed = getenv("SEED");
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	random->state =
		seed ? strtoull(seed, NULL, 10)
			 : (uint64_t) now.tv_sec * 1000000000 + (uint64_t) now.tv_nsec;
	printf("# SEED=%" PRIu64 "\n", random->state);
}

uint64_t
random_bits(test_random *random)
{
	uint64_t z = random->state += 0x9E3779B97F4A7C15;

	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
	return z ^ (z >> 31);
}

size_t
random_below(test_random *random, size_t n)
{
	return (size_t) (random_bits(random) % n);
}

double
random_unit(test_random *random)
{
	return (double) (random_bits(random) >> 11) * 0x1p-53;
}
