/*
 * test_row_store.c
 *	  Rows by code: what is missing is listed once, and what was put is there.
 */
#include "nn/row_store.h"

#include "cmocka_all.h"
#include "random.h"

#define STRIDE   3
#define CAPACITY 40
#define N_CODES  300

static void
put_all(cer_row_store *store, const uint32_t *missing, size_t n)
{
	for (size_t i = 0; i < n; i++)
	{
		float *row = cer_row_store_put(store, missing[i]);

		for (size_t k = 0; k < STRIDE; k++)
			row[k] = (float) (missing[i] * STRIDE + k);
	}
}

static void
assert_there(const cer_row_store *store, const uint32_t *codes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < STRIDE; k++)
			assert_true(cer_row_store_get(store, codes[i])[k] ==
			            (float) (codes[i] * STRIDE + k));
}

static void
test_row_store__has_what_was_put(void **state)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	cer_row_store *store = cer_row_store_make(arena, STRIDE, CAPACITY);
	size_t n_missing = 0;
	size_t n_asked = 0;
	test_random random;

	(void) state;
	random_init(&random);
	for (int batch = 0; batch < 500; batch++)
	{
		uint32_t codes[CAPACITY];
		uint32_t missing[CAPACITY];
		size_t n = 1 + random_below(&random, CAPACITY);
		size_t most = 1 + random_below(&random, N_CODES);
		size_t n_new;

		for (size_t i = 0; i < n; i++)
			codes[i] = (uint32_t) random_below(&random, most);
		n_new = cer_row_store_begin(store, n, codes, missing);
		put_all(store, missing, n_new);
		assert_there(store, codes, n);
		assert_int_equal(cer_row_store_begin(store, 1, codes, missing), 0);
		n_asked += n;
		n_missing += n_new;
	}
	assert_in_range(n_missing, 1, n_asked - 1);
	cer_arena_free(arena);
}

/* An error came between asking and putting. */
static void
test_row_store__forgets_what_was_not_put(void **state)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	cer_row_store *store = cer_row_store_make(arena, STRIDE, CAPACITY);
	uint32_t codes[] = {7, 9, 7};
	uint32_t missing[3];

	(void) state;
	assert_int_equal(cer_row_store_begin(store, 3, codes, missing), 2);
	put_all(store, missing, 1);
	assert_int_equal(cer_row_store_begin(store, 3, codes, missing), 2);
	put_all(store, missing, 2);
	assert_int_equal(cer_row_store_begin(store, 3, codes, missing), 0);
	assert_there(store, codes, 3);
	cer_arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_row_store__has_what_was_put),
		cmocka_unit_test(test_row_store__forgets_what_was_not_put),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
