/*
 * test_cross.c
 *	  Pairs of columns that tell more together, among those that do not.
 */
#include "cmocka_all.h"
#include "failing_host.h"
#include "table.h"

#include "data/cross_private.h"

#include <math.h>
#include <stdlib.h>

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
make_table(bool is_crossed, uint32_t n_values)
{
	table *t = table_new(N_ROWS);
	double *month = add_numbers(t, "month");
	uint32_t *noise = add_categories(t, "noise", n_values);
	uint32_t *day = add_categories(t, "day", n_values);
	uint32_t *hour = add_categories(t, "hour", 8);

	for (size_t row = 0; row < N_ROWS; row++)
	{
		uint32_t sum;

		month[row] = (double) random_below(&t->random, n_values);
		day[row] = (uint32_t) random_below(&t->random, n_values) + 1;
		hour[row] = (uint32_t) random_below(&t->random, 8) + 1;
		noise[row] = (uint32_t) random_below(&t->random, n_values + 1);
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
	cer_crosses crosses = find_crosses(make_table(true, 10), all);

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
	assert_int_equal(find_crosses(make_table(false, 10), all).n, 0);
}

static void
test_crosses_find__leaves_out_what_may_not(void **state)
{
	static const bool some[MAX_COLUMNS] = {true, true, false, true};

	(void) state;
	assert_int_equal(find_crosses(make_table(true, 10), some).n, 0);
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

/* ---- cells ---- */

static const bool none[MAX_COLUMNS] = {false};

static cer_cells
find_cells(table *t, const bool *may_cross, const bool *may_bin)
{
	cer_cells cells;
	cer_dataset *dataset;

	assert_int_equal(make_dataset(&cer_host_plain, t, &dataset), CER_OK);
	assert_int_equal(cer_cells_find(&cer_host_plain, dataset, may_cross,
	                                may_bin, &cells, NULL),
	                 CER_OK);
	cer_dataset_free(dataset);
	table_free(t);
	return cells;
}

static void
test_cells_find__finds_the_pair_and_nothing_else(void **state)
{
	cer_cells cells = find_cells(make_table(true, 18), all, none);

	(void) state;
	assert_int_equal(cells.n, 1);
	assert_int_equal(cells.found[0].n_inputs, 2);
	assert_int_equal(cells.found[0].inputs[0], 0);
	assert_int_equal(cells.found[0].inputs[1], 2);
	assert_true(cells.found[0].widths[0] == 0);
	assert_true(cells.found[0].gain > 0.1);
	assert_int_equal(find_cells(make_table(false, 18), all, none).n, 0);
	assert_int_equal(find_cells(make_table(true, 18), none, none).n, 0);
}

/* A class that no training row has, or none of those that were drawn. */
static void
test_cells_find__takes_classes_without_rows(void **state)
{
	table *with = make_table(true, 18);
	table *noise = make_table(false, 18);

	(void) state;
	with->n_classes = 4;
	noise->n_classes = 4;
	assert_int_equal(find_cells(with, all, none).n, 1);
	assert_int_equal(find_cells(noise, all, none).n, 0);
}

/* What is foretold of its one row by the other folds gets less by each column
 * that is known, but never nothing. */
static void
test_foretold_keep__leaves_something_of_a_class_of_one_row(void **state)
{
	table *t = make_table(false, 10);
	uint32_t *one = calloc(N_ROWS, sizeof(*one));
	cross_codes codes = {.n_codes = 1, .codes = one};
	cross_foretold foretold;
	cer_dataset *dataset;
	cross_gain gain;
	crosser c;

	(void) state;
	t->labels[0] = 2;
	t->n_classes = 3;
	assert_int_equal(t->parts[0], CER_TRAIN);
	assert_int_equal(make_dataset(&cer_host_plain, t, &dataset), CER_OK);
	assert_int_equal(cer_crosser_init(&c, &cer_host_plain, dataset, NULL),
	                 CER_OK);
	assert_int_equal(cer_foretold_init(&c, &foretold), CER_OK);
	for (int i = 0; i < 200; i++)
	{
		cer_arena_clear(c.scratch);
		assert_int_equal(cer_foretold_keep(&c, &foretold, &codes), CER_OK);
	}
	cer_arena_clear(c.scratch);
	assert_int_equal(cer_foretold_measure(&c, &foretold, &codes, &gain),
	                 CER_OK);
	assert_true(isfinite(gain.mean) && isfinite(gain.deviation));
	cer_crosser_release(&c);
	cer_dataset_free(dataset);
	table_free(t);
	free(one);
}

/* What is made of a missing value is missing, whatever the other one is. */
static void
test_cells_find__knows_no_other_value_of_a_missing_one(void **state)
{
	table *t = table_new(N_ROWS);
	uint32_t *a = add_categories(t, "a", 18);
	uint32_t *b = add_categories(t, "b", 18);
	cer_cells cells;

	(void) state;
	for (size_t row = 0; row < N_ROWS; row++)
	{
		bool lacks_a = random_below(&t->random, 2) == 0;
		bool lacks_b = random_below(&t->random, 2) == 0;

		a[row] = lacks_a ? 0 : (uint32_t) random_below(&t->random, 18) + 1;
		b[row] = lacks_b ? 0 : (uint32_t) random_below(&t->random, 18) + 1;
		t->labels[row] = lacks_a == lacks_b;
	}
	cells = find_cells(t, all, none);
	assert_int_equal(cells.n, 1);
	assert_true(cells.found[0].gain > 0.1 && cells.found[0].gain < 0.4);
}

/* Single days of a year differ, and so do the tens of a number in them. */
static table *
make_days(void)
{
	table *t = table_new(N_ROWS);
	uint32_t *month = add_categories(t, "month", 12);
	uint32_t *day = add_categories(t, "day", 28);
	double *minute = add_numbers(t, "minute");

	for (size_t row = 0; row < N_ROWS; row++)
	{
		uint32_t of_day;
		double rate;

		month[row] = (uint32_t) random_below(&t->random, 12) + 1;
		day[row] = (uint32_t) random_below(&t->random, 28) + 1;
		minute[row] = (double) random_below(&t->random, 800) / 10;
		of_day = month[row] * 7 + day[row] * 5 + day[row] * month[row];
		rate = of_day % 3 == 0 ? 0.7 : 0.4;
		if ((of_day + (uint32_t) (minute[row] / 20)) % 2 == 0)
			rate -= 0.3;
		t->labels[row] = random_unit(&t->random) < rate;
	}
	return t;
}

/* The first of three columns; NULL: there is none. */
static const cer_cell *
find_triple(const cer_cells *cells)
{
	for (size_t i = 0; i < cells->n; i++)
		if (cells->found[i].n_inputs == 3)
			return &cells->found[i];
	return NULL;
}

static void
test_cells_find__extends_a_pair_by_bins(void **state)
{
	static const bool exact[MAX_COLUMNS] = {true, true, false};
	static const bool bins[MAX_COLUMNS] = {false, false, true};
	cer_cells cells = find_cells(make_days(), exact, bins);
	const cer_cell *triple = find_triple(&cells);

	(void) state;
	assert_int_equal(cells.found[0].n_inputs, 2);
	assert_non_null(triple);
	assert_int_equal(triple->inputs[2], 2);
	assert_true(triple->widths[2] >= 2 && triple->widths[2] <= 10);
}

/* Bins of a number are told apart although one row is infinitely far out. */
static void
test_cells_find__takes_infinite_numbers(void **state)
{
	static const bool exact[MAX_COLUMNS] = {true, true, false};
	static const bool bins[MAX_COLUMNS] = {false, false, true};
	table *t = make_days();
	double *minute = t->columns[2];
	cer_cells cells;

	(void) state;
	minute[0] = -INFINITY;
	minute[1] = INFINITY;
	cells = find_cells(t, exact, bins);
	assert_non_null(find_triple(&cells));
}

/* People like more or less, and some of them one kind more than another. */
static table *
make_likes(void)
{
	table *t = table_new(N_ROWS);
	uint32_t *person = add_categories(t, "person", 300);
	uint32_t *kind = add_categories(t, "kind", 2);
	uint32_t *region = add_categories(t, "region", 5);

	for (size_t row = 0; row < N_ROWS; row++)
	{
		double rate;

		person[row] = (uint32_t) random_below(&t->random, 300) + 1;
		kind[row] = (uint32_t) random_below(&t->random, 2) + 1;
		region[row] = person[row] % 5 + 1;
		rate = 0.3 + 0.4 * (person[row] * 37 % 300) / 300;
		if (kind[row] == 1)
			rate += person[row] * 61 % 3 == 0 ? 0.2 : -0.1;
		t->labels[row] = random_unit(&t->random) < rate;
	}
	return t;
}

/* Rows of one person tell of each other, which must not hide what a kind of film
 * adds, nor pass for something that a person's region adds. */
static void
test_cells_find__tells_singles_before_pairs(void **state)
{
	cer_cells cells = find_cells(make_likes(), all, none);

	(void) state;
	assert_int_equal(cells.n, 2);
	assert_int_equal(cells.found[0].n_inputs, 1);
	assert_int_equal(cells.found[0].inputs[0], 0);
	assert_int_equal(cells.found[1].n_inputs, 2);
	assert_int_equal(cells.found[1].inputs[0], 0);
	assert_int_equal(cells.found[1].inputs[1], 1);
}

/* A number whose bins tell nothing, but each of its values does. */
static void
test_cells_find__finds_single_numbers(void **state)
{
	table *t = table_new(N_ROWS);
	double *number = add_numbers(t, "number");
	cer_cells cells;

	(void) state;
	for (size_t row = 0; row < N_ROWS; row++)
	{
		number[row] = (double) random_below(&t->random, 400);
		t->labels[row] = random_unit(&t->random) <
		                 ((size_t) number[row] * 7919 % 400 < 200 ? 0.2 : 0.8);
	}
	cells = find_cells(t, all, all);
	assert_int_equal(cells.n, 1);
	assert_int_equal(cells.found[0].n_inputs, 1);
	assert_true(cells.found[0].widths[0] == 0);
	assert_true(cells.found[0].gain > 0.2);
}

static cer_status
find_cells_with(const cer_host *host, void *arg)
{
	cer_cells cells;
	cer_dataset *dataset;
	cer_error err;
	cer_status status = make_dataset(host, arg, &dataset);

	if (status != CER_OK)
		return status;
	status = cer_cells_find(host, dataset, all, all, &cells, &err);
	cer_dataset_free(dataset);
	return status;
}

static void
test_cells_find__survives_failing_memory(void **state)
{
	table *t = make_table(true, 18);

	(void) state;
	assert_true(failing_host_run(find_cells_with, t) > 10);
	table_free(t);
}

/* ---- failures ---- */

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
	table *t = make_table(true, 18);

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
		cmocka_unit_test(test_cells_find__finds_the_pair_and_nothing_else),
		cmocka_unit_test(test_cells_find__takes_classes_without_rows),
		cmocka_unit_test(
			test_foretold_keep__leaves_something_of_a_class_of_one_row),
		cmocka_unit_test(
			test_cells_find__knows_no_other_value_of_a_missing_one),
		cmocka_unit_test(test_cells_find__extends_a_pair_by_bins),
		cmocka_unit_test(test_cells_find__takes_infinite_numbers),
		cmocka_unit_test(test_cells_find__tells_singles_before_pairs),
		cmocka_unit_test(test_cells_find__finds_single_numbers),
		cmocka_unit_test(test_cells_find__survives_failing_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
