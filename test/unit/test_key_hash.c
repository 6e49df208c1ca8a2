/*
 * test_key_hash.c
 *	  The keyed hash of a row's key: stored tasks depend on its values.
 */
#include "cerebro.h"

#include "cmocka_all.h"

#include <math.h>
#include <string.h>

static uint64_t
hash_ints(uint64_t key, const int64_t *values, size_t n)
{
	cer_key_hash hash;

	cer_key_hash_start(&hash, key);
	for (size_t i = 0; i < n; i++)
		cer_key_hash_add_int(&hash, values[i]);
	return cer_key_hash_finish(&hash);
}

static uint64_t
hash_double(double value)
{
	cer_key_hash hash;

	cer_key_hash_start(&hash, 1);
	cer_key_hash_add_double(&hash, value);
	return cer_key_hash_finish(&hash);
}

static uint64_t
hash_texts(const char *first, const char *second)
{
	cer_key_hash hash;

	cer_key_hash_start(&hash, 1);
	cer_key_hash_add_bytes(&hash, first, strlen(first));
	if (second != NULL)
		cer_key_hash_add_bytes(&hash, second, strlen(second));
	return cer_key_hash_finish(&hash);
}

static uint64_t
hash_null(void)
{
	cer_key_hash hash;

	cer_key_hash_start(&hash, 1);
	cer_key_hash_add_null(&hash);
	return cer_key_hash_finish(&hash);
}

/* If these change, every row of every stored task changes its part. */
static void
test_key_hash__is_what_it_was(void **state)
{
	(void) state;
	assert_int_equal(hash_ints(42, (const int64_t[]){7}, 1),
	                 UINT64_C(0x99d6dca6b96a0846));
	assert_int_equal(hash_ints(42, (const int64_t[]){-7, 9}, 2),
	                 UINT64_C(0x41b247f3ac63c620));
	assert_int_equal(hash_double(1.5), UINT64_C(0x65e4c0c59fa1bfc0));
	assert_int_equal(hash_texts("UA", "N123"), UINT64_C(0x17ecefc20200236f));
	assert_int_equal(hash_null(), UINT64_C(0x15dbf145c0a95350));
}

static void
test_key_hash__tells_values_apart(void **state)
{
	int64_t one = 1;

	(void) state;
	assert_int_not_equal(hash_ints(1, &one, 1), hash_ints(2, &one, 1));
	assert_int_not_equal(hash_ints(1, &one, 1), hash_double(1));
	assert_int_not_equal(hash_ints(1, &one, 1), hash_texts("1", NULL));
	assert_int_not_equal(hash_texts("ab", "c"), hash_texts("a", "bc"));
	assert_int_not_equal(hash_texts("ab", NULL), hash_texts("ab", ""));
	assert_int_not_equal(hash_texts("", NULL), hash_null());
	assert_int_not_equal(hash_double(0), hash_null());
}

static void
test_key_hash__equal_in_sql_is_equal(void **state)
{
	(void) state;
	assert_int_equal(hash_double(0.0), hash_double(-0.0));
	assert_int_equal(hash_double(NAN), hash_double(-NAN));
	assert_int_not_equal(hash_double(NAN), hash_double(INFINITY));
}

/* Parts are cut by threshold: the hash must fill its range evenly. */
static void
test_key_hash__is_even(void **state)
{
	size_t counts[16] = {0};

	(void) state;
	for (int64_t i = 0; i < 160000; i++)
		counts[hash_ints(5, &i, 1) >> 60]++;
	for (size_t i = 0; i < 16; i++)
		assert_in_range(counts[i], 9600, 10400);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key_hash__is_what_it_was),
		cmocka_unit_test(test_key_hash__tells_values_apart),
		cmocka_unit_test(test_key_hash__equal_in_sql_is_equal),
		cmocka_unit_test(test_key_hash__is_even),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
