/*
 * test_profile_key.c
 *	  Keys found in generated columns.
 */
#include "cmocka_all.h"
#include "table.h"

#include <math.h>

static void
test_profile_find_key__finds_one_column(void **state)
{
	table *t = table_new(1000);
	double *number = add_numbers(t, "number");
	uint32_t *category = add_categories(t, "category", 1000);
	outcome o;

	(void) state;
	for (size_t row = 0; row < 1000; row++)
	{
		number[row] = (double) (row % 999);
		category[row] = (uint32_t) (999 - row) + 1;
	}
	o = profile_table(t);
	assert_int_equal(o.key.n_inputs, 1);
	assert_int_equal(o.key.inputs[0], 1);
	cer_arena_free(o.arena);
}

static void
test_profile_find_key__finds_a_smallest_set(void **state)
{
	table *t = table_new(30000);
	double *noise = add_numbers(t, "noise");
	double *hour = add_numbers(t, "hour");
	uint32_t *origin = add_categories(t, "origin", 3);
	uint32_t *carrier = add_categories(t, "carrier", 100);
	double *with_null = add_numbers(t, "with_null");
	outcome o;

	(void) state;
	for (size_t row = 0; row < 30000; row++)
	{
		noise[row] = (double) random_below(&t->random, 50) / 7;
		origin[row] = (uint32_t) (row % 3) + 1;
		carrier[row] = (uint32_t) (row / 3 % 100) + 1;
		hour[row] = (double) (row / 300);
		with_null[row] = row == 77 ? NAN : (double) row;
	}
	o = profile_table(t);
	assert_int_equal(o.key.n_inputs, 3);
	assert_int_equal(o.key.inputs[0] + o.key.inputs[1] + o.key.inputs[2],
	                 1 + 2 + 3);
	cer_arena_free(o.arena);
}

/* Measurements identify rows by chance; and there are more columns than are
 * tried. */
static void
test_profile_find_key__prefers_the_tightest(void **state)
{
	table *t = table_new(20000);
	uint32_t *person = add_categories(t, "person", 200);
	double *day = add_numbers(t, "day");
	outcome o;

	(void) state;
	for (size_t row = 0; row < 20000; row++)
	{
		person[row] = (uint32_t) (row % 200) + 1;
		day[row] = (double) (row / 200);
	}
	for (int i = 0; i < 10; i++)
	{
		double *noise = add_numbers(t, "noise");
		double *measured = add_numbers(t, "measured");

		for (size_t row = 0; row < 20000; row++)
		{
			noise[row] = (double) random_below(&t->random, 60 + 3 * i);
			measured[row] = floor(15000 * random_unit(&t->random)) / 16;
		}
	}
	o = profile_table(t);
	assert_int_equal(o.key.n_inputs, 2);
	assert_int_equal(o.key.inputs[0], 0);
	assert_int_equal(o.key.inputs[1], 1);
	cer_arena_free(o.arena);
}

static void
test_profile_find_key__finds_none(void **state)
{
	table *t = table_new(2000);
	outcome o;

	(void) state;
	for (int i = 0; i < 6; i++)
	{
		double *column = add_numbers(t, "column");

		for (size_t row = 0; row < 2000; row++)
			column[row] = (double) random_below(&t->random, 3);
	}
	o = profile_table(t);
	assert_int_equal(o.key.n_inputs, 0);
	cer_arena_free(o.arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_profile_find_key__finds_one_column),
		cmocka_unit_test(test_profile_find_key__finds_a_smallest_set),
		cmocka_unit_test(test_profile_find_key__prefers_the_tightest),
		cmocka_unit_test(test_profile_find_key__finds_none),
	};

	return cmocka_run_group_tests_name("profile_key", tests, NULL, NULL);
}
