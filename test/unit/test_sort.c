/*
 * test_sort.c
 *	  Sorts against qsort, with many equal keys, in every size around a power
 *	  of two.
 */
#include "base/sort.h"

#include "cmocka_all.h"
#include "random.h"

#include <stdlib.h>
#include <string.h>

#define MAX_N 300

static int
compare_keys(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *) a;
	uint64_t y = *(const uint64_t *) b;

	return (x > y) - (x < y);
}

/* Few keys, keys in which all bytes differ, or mostly the lowest ones. */
static uint64_t
make_key(test_random *random, size_t n)
{
	uint64_t bits = random_bits(random);

	switch (n % 3)
	{
		case 0:
			return bits;
		case 1:
			return random_below(random, 5) << 17;
		default:
			return bits % 7 == 0 ? bits : bits & 0x1FFFFF;
	}
}

static void
test_sort_keys__as_qsort(void **state)
{
	test_random random;
	uint64_t keys[MAX_N], expected[MAX_N], scratch[MAX_N];

	(void) state;
	random_init(&random);
	for (size_t n = 0; n < MAX_N; n++)
	{
		for (size_t i = 0; i < n; i++)
			keys[i] = expected[i] = make_key(&random, n);
		qsort(expected, n, sizeof(*expected), compare_keys);
		cer_sort_keys(keys, scratch, n);
		assert_memory_equal(keys, expected, n * sizeof(*keys));
	}
}

static void
test_sort_items__is_stable(void **state)
{
	test_random random;
	cer_sort_item items[MAX_N], scratch[MAX_N];

	(void) state;
	random_init(&random);
	for (size_t n = 0; n < MAX_N; n++)
	{
		for (size_t i = 0; i < n; i++)
			items[i] = (cer_sort_item){make_key(&random, n), (uint32_t) i};
		cer_sort_items(items, scratch, n);
		for (size_t i = 1; i < n; i++)
			assert_true(items[i - 1].key < items[i].key ||
			            (items[i - 1].key == items[i].key &&
			             items[i - 1].index < items[i].index));
	}
}

/* So many values of so many keys: few, as many as are counted, one more. */
static const size_t n_values_of[] = {1, 2, 700, 2047, 2048, 2049, 5000};

#define MANY 40000

static void
test_sort_many__of_few_values(void **state)
{
	test_random random;
	uint64_t *keys = malloc(3 * MANY * sizeof(*keys));
	cer_sort_item *items = malloc(2 * MANY * sizeof(*items));
	uint64_t values[5000];

	(void) state;
	random_init(&random);
	for (size_t i = 0; i < 5000; i++)
		values[i] = i % 3 == 0 ? i : random_bits(&random);
	for (size_t t = 0; t < sizeof(n_values_of) / sizeof(n_values_of[0]); t++)
	{
		for (size_t i = 0; i < MANY; i++)
		{
			size_t value =
				i < n_values_of[t] ? i : random_below(&random, n_values_of[t]);

			keys[i] = keys[i + MANY] = values[value];
			items[i] = (cer_sort_item){keys[i], (uint32_t) i};
		}
		qsort(keys + MANY, MANY, sizeof(*keys), compare_keys);
		cer_sort_keys(keys, keys + 2 * MANY, MANY);
		assert_memory_equal(keys, keys + MANY, MANY * sizeof(*keys));
		cer_sort_items(items, items + MANY, MANY);
		for (size_t i = 0; i < MANY; i++)
			assert_true(items[i].key == keys[i] &&
			            (i == 0 || items[i - 1].key != items[i].key ||
			             items[i - 1].index < items[i].index));
	}
	free(keys);
	free(items);
}

static int
compare_by_value(const void *values, uint32_t a, uint32_t b)
{
	return ((const int *) values)[a] - ((const int *) values)[b];
}

static void
test_sort_indexes__is_stable(void **state)
{
	test_random random;
	int values[MAX_N];
	uint32_t indexes[MAX_N], scratch[MAX_N];

	(void) state;
	random_init(&random);
	for (size_t n = 0; n < MAX_N; n++)
	{
		for (size_t i = 0; i < n; i++)
		{
			values[i] = (int) random_below(&random, n % 7 ? 1000 : 3);
			indexes[i] = (uint32_t) i;
		}
		cer_sort_indexes(indexes, scratch, n, compare_by_value, values);
		for (size_t i = 1; i < n; i++)
		{
			int a = values[indexes[i - 1]];
			int b = values[indexes[i]];

			assert_true(a < b || (a == b && indexes[i - 1] < indexes[i]));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sort_keys__as_qsort),
		cmocka_unit_test(test_sort_items__is_stable),
		cmocka_unit_test(test_sort_many__of_few_values),
		cmocka_unit_test(test_sort_indexes__is_stable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
