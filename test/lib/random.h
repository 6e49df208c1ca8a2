/*
 * random.h
 *	  Random numbers for tests: SEED=... in the environment replays a run.
 */
#ifndef CER_TEST_RANDOM_H
#define CER_TEST_RANDOM_H

#include <stddef.h>
#include <stdint.h>

typedef struct test_random
{
	uint64_t state;
} test_random;

/* From SEED, else from the clock; prints it as a TAP comment. */
extern void random_init(test_random *random);
extern uint64_t random_bits(test_random *random);
extern size_t random_below(test_random *random, size_t n); /* n > 0 */
extern double random_unit(test_random *random);            /* [0, 1) */

#endif
