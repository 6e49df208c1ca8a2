/*
 * test_quantile.c
 *	  Selection against sorting; keys of numbers against the numbers.
 */
#include "data/quantile.h"

#include "cmocka_all.h"
#include "data/vocabulary.h"
#include "random.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_N 400

static int
compare_doubles(const void *a, const void *b)
{
	double x = *(const double *) a;
	double y = *(const double *) b;

	return (x > y) - (x < y);
}

static double
expect_quantile(const double *sorted, size_t n, double share)
{
	double place = share * (double) (n - 1);
	size_t rank = (size_t) floor(place);
	size_t next = rank + 1 < n ? rank + 1 : rank;

	return sorted[rank] +
	       (sorted[next] - sorted[rank]) * (place - (double) rank);
}

/* Few values, nearly equal ones, or ones of all sizes. */
static double
make_number(test_random *random, size_t kind)
{
	double unit = random_unit(random) - 0.5;

	switch (kind % 3)
	{
		case 0:
			return (double) random_below(random, 4) - 2;
		case 1:
			return 1 + unit * 1e-12;
		default:
			return ldexp(unit, (int) random_below(random, 600) - 300);
	}
}

static void
check_numbers(test_random *random, size_t n)
{
	double numbers[MAX_N];
	uint64_t keys[MAX_N], scratch[MAX_N];
	cer_quantiles q;

	for (size_t i = 0; i < n; i++)
	{
		numbers[i] = make_number(random, n);
		keys[i] = cer_number_make_key(numbers[i]);
	}
	cer_quantiles_find(keys, scratch, n, &q);
	qsort(numbers, n, sizeof(*numbers), compare_doubles);
	assert_true(q.min == numbers[0]);
	assert_true(q.max == numbers[n - 1]);
	assert_true(q.lower == expect_quantile(numbers, n, 0.25));
	assert_true(q.median == expect_quantile(numbers, n, 0.5));
	assert_true(q.upper == expect_quantile(numbers, n, 0.75));
}

static void
test_quantiles_find__as_sorting(void **state)
{
	test_random random;

	(void) state;
	random_init(&random);
	for (size_t n = 1; n < MAX_N; n++)
		check_numbers(&random, n);
}

static void
test_number_key__keeps_order_and_number(void **state)
{
	static const double sorted[] = {-INFINITY, -DBL_MAX, -1.5,   -1,
	                                -5e-324,   0,        5e-324, 1,
	                                DBL_MAX,   INFINITY};

	(void) state;
	for (size_t i = 0; i < sizeof(sorted) / sizeof(sorted[0]); i++)
	{
		uint64_t key = cer_number_make_key(sorted[i]);

		assert_true(cer_number_of_key(key) == sorted[i]);
		if (i > 0)
			assert_true(cer_number_make_key(sorted[i - 1]) < key);
	}
	assert_int_equal(cer_number_make_key(-0.0), cer_number_make_key(0.0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quantiles_find__as_sorting),
		cmocka_unit_test(test_number_key__keeps_order_and_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
