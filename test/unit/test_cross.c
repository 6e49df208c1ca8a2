/*
 * test_cross.c
 *	  Pairs of columns that tell more together, among those that do not.
 */
#include "cmocka_all.h"
#include "failing_host.h"
#include "table.h"

#define N_ROWS 40000

static cer_crosses
find_crosses(table *t, const bool *may_cross)
{
	cer_crosses crosses;
	cer_dataset *dataset;

	assert_int_equal(make_dataset(&cer_host_plain, t, &dataset), CER_OK);
	assert_int_equal(
		cer_crosses_find(&cer_host_plain, dataset, may_cross, &crosses, NULL),
		CER_OK);
	cer_dataset_free(dataset);
	table_free(t);
	return crosses;
}

static const bool all[MAX_COLUMNS] = {true, true, true, true, true, true};

/* Months and days that say nothing alone; what is left says something alone. */
static table *
make_table(bool is_crossed)
{
	table *t = table_new(N_ROWS);
	double *month = add_numbers(t, "month");
	uint32_t *noise = add_categories(t, "noise", 10);
	uint32_t *day = add_categories(t, "day", 10);
	uint32_t *hour = add_categories(t, "hour", 8);

	for (size_t row = 0; row < N_ROWS; row++)
	{
		uint32_t sum;

		month[row] = (double) random_below(&t->random, 10);
		day[row] = (uint32_t) random_below(&t->random, 10) + 1;
		hour[row] = (uint32_t) random_below(&t->random, 8) + 1;
		noise[row] = (uint32_t) random_below(&t->random, 11);
		sum = (uint32_t) month[row] + day[row];
		t->labels[row] = hour[row] > 4 ? random_unit(&t->random) < 0.7
		                               : random_unit(&t->random) < 0.3;
		if (is_crossed && random_unit(&t->random) < 0.5)
			t->labels[row] = sum % 2;
	}
	return t;
}

static void
test_crosses_find__finds_the_pair(void **state)
{
	cer_crosses crosses = find_crosses(make_table(true), all);

	(void) state;
	assert_int_equal(crosses.n, 1);
	assert_int_equal(crosses.found[0].inputs[0], 0);
	assert_int_equal(crosses.found[0].inputs[1], 2);
	assert_true(crosses.found[0].gain > 0.1);
}

static void
test_crosses_find__finds_none_in_a_sum(void **state)
{
	(void) state;
	assert_int_equal(find_crosses(make_table(false), all).n, 0);
}

static void
test_crosses_find__leaves_out_what_may_not(void **state)
{
	static const bool some[MAX_COLUMNS] = {true, true, false, true};

	(void) state;
	assert_int_equal(find_crosses(make_table(true), some).n, 0);
}

/* Ten rows of a cell tell too little to make a table of them. */
static void
test_crosses_find__wants_many_rows_of_a_cell(void **state)
{
	table *t = table_new(2000);
	uint32_t *a = add_categories(t, "a", 15);
	uint32_t *b = add_categories(t, "b", 15);

	(void) state;
	for (size_t row = 0; row < 2000; row++)
	{
		a[row] = (uint32_t) (row % 15) + 1;
		b[row] = (uint32_t) (row / 15 % 15) + 1;
		t->labels[row] = (a[row] + b[row]) % 2;
	}
	assert_int_equal(find_crosses(t, all).n, 0);
}

static cer_status
find_with(const cer_host *host, void *arg)
{
	cer_crosses crosses;
	cer_dataset *dataset;
	cer_error err;
	cer_status status = make_dataset(host, arg, &dataset);

	if (status != CER_OK)
		return status;
	status = cer_crosses_find(host, dataset, all, &crosses, &err);
	cer_dataset_free(dataset);
	return status;
}

static void
test_crosses_find__survives_failing_memory(void **state)
{
	table *t = make_table(true);

	(void) state;
	assert_true(failing_host_run(find_with, t) > 10);
	table_free(t);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crosses_find__finds_the_pair),
		cmocka_unit_test(test_crosses_find__finds_none_in_a_sum),
		cmocka_unit_test(test_crosses_find__leaves_out_what_may_not),
		cmocka_unit_test(test_crosses_find__wants_many_rows_of_a_cell),
		cmocka_unit_test(test_crosses_find__survives_failing_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
