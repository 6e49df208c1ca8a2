/*
 * test_distinct.c
 *	  Hash sets against a plain list; the sample's estimates within a bound.
 */
#include "distinct.h"

#include "cmocka_all.h"
#include "random.h"

static void
test_hash_set__holds_what_was_added(void **state)
{
	test_random random;
	hash_set set = {0};
	uint64_t added[3000];
	size_t n_added = 0;

	(void) state;
	random_init(&random);
	assert_false(hash_set_has(&set, 5));
	for (size_t i = 0; i < 3000; i++)
	{
		uint64_t hash = random_below(&random, 2000);
		bool is_new = true;

		if (i % 500 == 400) /* less than there is, and more */
			hash_set_reserve(&set, i % 1000);
		for (size_t k = 0; k < n_added; k++)
			/* 0 and 1 are one hash to a set */
			is_new &= added[k] != hash && added[k] + hash != 1;
		assert_int_equal(hash_set_add(&set, hash), is_new);
		if (is_new)
			added[n_added++] = hash;
		assert_true(hash_set_has(&set, hash));
	}
	assert_int_equal(set.n_items, n_added);
	assert_false(hash_set_has(&set, 2001));
	hash_set_release(&set);
}

static void
test_distinct_estimate__within_a_fifth(void **state)
{
	static const size_t counts[] = {0, 1, 10, 1024, 5000, 100000};
	test_random random;

	(void) state;
	random_init(&random);
	for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++)
	{
		distinct_sample sample = {0};
		double n = (double) counts[c];

		for (size_t i = 0; i < counts[c]; i++)
		{
			uint64_t hash = random_bits(&random);

			distinct_add(&sample, hash);
			distinct_add(&sample, hash);
		}
		if (counts[c] <= DISTINCT_SAMPLE)
			assert_int_equal(distinct_estimate(&sample), counts[c]);
		else
			assert_true((double) distinct_estimate(&sample) > 0.8 * n &&
			            (double) distinct_estimate(&sample) < 1.2 * n);
		hash_set_release(&sample.set);
	}
}

static void
test_distinct_measure_overlap__of_a_quarter(void **state)
{
	test_random random;
	distinct_sample sample = {0};
	hash_set set = {0};

	(void) state;
	random_init(&random);
	for (size_t i = 0; i < 40000; i++)
	{
		uint64_t hash = random_bits(&random);

		distinct_add(&sample, hash);
		if (i % 4 == 0)
			hash_set_add(&set, hash);
	}
	assert_true(distinct_measure_overlap(&sample, &set) > 0.19 &&
	            distinct_measure_overlap(&sample, &set) < 0.31);
	hash_set_release(&sample.set);
	hash_set_release(&set);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hash_set__holds_what_was_added),
		cmocka_unit_test(test_distinct_estimate__within_a_fifth),
		cmocka_unit_test(test_distinct_measure_overlap__of_a_quarter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
