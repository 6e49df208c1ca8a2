/*
 * test_profile.c
 *	  The profile against what is known of generated columns.
 */
#include "cmocka_all.h"
#include "failing_host.h"
#include "table.h"

#include <math.h>
#include <string.h>

/* -------------------------------------------------------------- counting */

static void
test_profile__counts_values(void **state)
{
	table *t = table_new(1000);
	double *numbers = add_numbers(t, "numbers");
	uint32_t *categories = add_categories(t, "categories", 10);
	double *constant = add_numbers(t, "constant");
	double *unique = add_numbers(t, "unique");
	double *missing = add_numbers(t, "missing");
	outcome o;

	(void) state;
	for (size_t row = 0; row < 1000; row++)
	{
		numbers[row] = row % 4 == 0 ? NAN : row % 2 == 1 ? 0.0 : -0.0;
		categories[row] = (uint32_t) (row % 5 * 2);
		constant[row] = 7;
		unique[row] = (double) row / 3;
		missing[row] = NAN;
	}
	o = profile_table(t);
	assert_int_equal(o.columns[0].n_distinct, 1);
	assert_true(o.columns[0].missing == 0.25);
	assert_false(o.columns[0].is_constant);
	assert_int_equal(o.columns[1].n_distinct, 4);
	assert_true(o.columns[1].missing == 0.2);
	assert_true(o.columns[2].is_constant);
	assert_string_equal(o.columns[2].note, "always the same value");
	assert_true(o.columns[3].is_unique);
	assert_string_equal(o.columns[3].note, "identifies a row");
	assert_true(o.columns[4].is_constant);
	assert_string_equal(o.columns[4].note, "always missing");
	cer_arena_free(o.arena);
}

/* ----------------------------------------------------------- association */

static void
test_profile__chance_is_no_association(void **state)
{
	table *t = table_new(10000);
	double *noise = add_numbers(t, "noise");
	uint32_t *few = add_categories(t, "few", 5);
	uint32_t *many = add_categories(t, "many", 3000);
	uint32_t *nearly_unique = add_categories(t, "nearly_unique", 20000);
	double *unique = add_numbers(t, "unique");
	outcome o;

	(void) state;
	for (size_t row = 0; row < 10000; row++)
	{
		noise[row] = random_unit(&t->random);
		few[row] = (uint32_t) random_below(&t->random, 6);
		many[row] = (uint32_t) random_below(&t->random, 3001);
		nearly_unique[row] = (uint32_t) random_below(&t->random, 20001);
		unique[row] = (double) row;
	}
	o = profile_table(t);
	for (size_t i = 0; i < 5; i++)
	{
		assert_true(o.columns[i].association < 0.01);
		assert_false(o.columns[i].is_leak_suspect);
	}
	cer_arena_free(o.arena);
}

static double
entropy(double p)
{
	return -p * log(p) - (1 - p) * log(1 - p);
}

/* The label told by a channel that errs in a tenth of the rows. */
static void
test_profile__association_is_that_of_a_channel(void **state)
{
	table *t = table_new(40000);
	uint32_t *category = add_categories(t, "category", 2);
	uint32_t *spread = add_categories(t, "spread", 2000);
	double *number = add_numbers(t, "number");
	double expected = 1 - entropy(0.1) / log(2);
	/* over many values the correction for chance takes from H too */
	const double tolerance[] = {0.02, 0.06, 0.02};
	outcome o;

	(void) state;
	for (size_t row = 0; row < 40000; row++)
	{
		bool bit = t->labels[row] ^ (random_unit(&t->random) < 0.1);

		category[row] = 1 + bit;
		spread[row] = 1 + bit + 2 * (uint32_t) random_below(&t->random, 1000);
		number[row] = bit + random_unit(&t->random);
	}
	o = profile_table(t);
	for (size_t i = 0; i < 3; i++)
		assert_true(fabs(o.columns[i].association - expected) < tolerance[i]);
	cer_arena_free(o.arena);
}

/* Rare, so that its NULLs tell as much as its values. */
static void
test_profile__suspects_leaks(void **state)
{
	table *t = table_new(20000);
	double *delay = add_numbers(t, "delay");
	double *refund = add_numbers(t, "refund");
	double *age = add_numbers(t, "age");
	outcome o;

	(void) state;
	for (size_t row = 0; row < 20000; row++)
	{
		delay[row] = random_unit(&t->random) * 100 - 50;
		t->labels[row] = delay[row] > 15;
		refund[row] = t->labels[row] ? random_unit(&t->random) : NAN;
		age[row] = t->labels[row] + 3 * random_unit(&t->random);
	}
	o = profile_table(t);
	assert_true(o.columns[0].is_leak_suspect);
	assert_non_null(strstr(o.columns[0].note, "nearly tells the label"));
	assert_true(o.columns[1].is_leak_suspect);
	assert_non_null(strstr(o.columns[1].note, "whether it is missing"));
	assert_non_null(strstr(o.columns[1].note, "; mostly missing"));
	assert_false(o.columns[2].is_leak_suspect);
	assert_true(o.columns[2].association > 0.1);
	cer_arena_free(o.arena);
}

static void
test_profile__reads_training_labels_only(void **state)
{
	double associations[2];

	(void) state;
	for (int run = 0; run < 2; run++)
	{
		table *t = table_new(5000);
		uint32_t *column = add_categories(t, "column", 3);
		outcome o;

		for (size_t row = 0; row < 5000; row++)
		{
			column[row] = 1 + t->labels[row] + (row % 3 == 0);
			if (run == 1 && t->parts[row] != CER_TRAIN)
				t->labels[row] ^= 1;
		}
		o = profile_table(t);
		associations[run] = o.columns[0].association;
		cer_arena_free(o.arena);
	}
	assert_true(associations[0] == associations[1]);
}

static void
test_profile__takes_one_class(void **state)
{
	table *t = table_new(100);
	uint32_t *column = add_categories(t, "column", 3);
	outcome o;

	(void) state;
	for (size_t row = 0; row < 100; row++)
	{
		column[row] = (uint32_t) (row % 4);
		t->labels[row] = 1;
	}
	o = profile_table(t);
	assert_true(o.columns[0].association == 0);
	cer_arena_free(o.arena);
}

static void
test_profile__takes_no_rows(void **state)
{
	table *t = table_new(0);
	outcome o;

	(void) state;
	add_categories(t, "category", 0);
	add_numbers(t, "number");
	o = profile_table(t);
	assert_int_equal(o.columns[1].n_distinct, 0);
	assert_int_equal(o.key.n_inputs, 0);
	cer_arena_free(o.arena);
}

/* ---------------------------------------------------------- dependencies */

/* An aircraft with its model and seats, some rows without; noise beside. */
static void
test_profile__finds_dependencies(void **state)
{
	table *t = table_new(20000);
	uint32_t *tail = add_categories(t, "tail", 300);
	uint32_t *model = add_categories(t, "model", 20);
	double *seats = add_numbers(t, "seats");
	double *wrong = add_numbers(t, "wrong");
	double *rare = add_numbers(t, "rare");
	double *noise = add_numbers(t, "noise");
	double *unique = add_numbers(t, "unique");
	outcome o;

	(void) state;
	for (size_t row = 0; row < 20000; row++)
	{
		tail[row] = (uint32_t) random_below(&t->random, 301);
		model[row] = tail[row] == 0 ? (uint32_t) random_below(&t->random, 21)
		                            : tail[row] % 20 + 1;
		seats[row] = tail[row] % 50 == 3 ? NAN : tail[row] % 7 * 30;
		wrong[row] = random_unit(&t->random) < 0.01 ? 99 : tail[row] % 10;
		rare[row] = random_unit(&t->random) < 0.03;
		noise[row] = (double) random_below(&t->random, 100);
		unique[row] = (double) row;
	}
	o = profile_table(t);
	assert_int_equal(o.columns[0].determined_by, -1);
	assert_int_equal(o.columns[1].determined_by, 0);
	assert_true(o.columns[1].determined_share == 1);
	assert_string_equal(o.columns[1].note, "determined by tail");
	assert_int_equal(o.columns[2].determined_by, 0);
	assert_true(o.columns[2].determined_share == 1);
	assert_int_equal(o.columns[3].determined_by, 0);
	assert_true(fabs(o.columns[3].determined_share - 0.99) < 0.01);
	assert_non_null(strstr(o.columns[3].note, "determined by tail in 9"));
	assert_int_equal(o.columns[4].determined_by, -1);
	assert_int_equal(o.columns[5].determined_by, -1);
	assert_int_equal(o.columns[6].determined_by, -1);
	cer_arena_free(o.arena);
}

/* More rows than the sample: what looks exact there is looked at whole. */
static void
test_profile__checks_dependencies_on_all_rows(void **state)
{
	table *t = table_new(80000);
	uint32_t *tail = add_categories(t, "tail", 300);
	double *exact = add_numbers(t, "exact");
	double *nearly = add_numbers(t, "nearly");
	outcome o;

	(void) state;
	for (size_t row = 0; row < 80000; row++)
	{
		tail[row] = 1 + (uint32_t) random_below(&t->random, 300);
		exact[row] = tail[row] % 7;
		nearly[row] = row == 4711 ? 99 : tail[row] % 10;
	}
	o = profile_table(t);
	assert_int_equal(o.columns[1].determined_by, 0);
	assert_true(o.columns[1].determined_share == 1);
	assert_int_equal(o.columns[2].determined_by, 0);
	assert_true(o.columns[2].determined_share < 1);
	assert_true(o.columns[2].determined_share > 0.9999);
	cer_arena_free(o.arena);
}

/* -------------------------------------------------------------- failures */

static cer_status
profile_with(const cer_host *host, void *arg)
{
	cer_arena *arena = cer_arena_new(host);
	cer_dataset *dataset = NULL;
	const cer_profile_column *columns;
	cer_profile_key key;
	cer_status status = CER_NO_MEMORY;

	if (arena == NULL)
		return status;
	status = make_dataset(host, arg, &dataset);
	if (status == CER_OK)
	{
		status = cer_profile_make(arena, host, dataset, &columns, NULL);
		if (status == CER_OK)
			status = cer_profile_find_key(host, dataset, columns, &key, NULL);
		cer_dataset_free(dataset);
	}
	cer_arena_free(arena);
	return status;
}

static void
test_profile__survives_failing_memory(void **state)
{
	table *t = table_new(3000);
	uint32_t *category = add_categories(t, "category", 30);
	double *number = add_numbers(t, "number");

	(void) state;
	for (size_t row = 0; row < 3000; row++)
	{
		category[row] = (uint32_t) random_below(&t->random, 31);
		number[row] = category[row] % 4 == 1 ? NAN : category[row] / 2;
	}
	assert_true(failing_host_run(profile_with, t) > 20);
	table_free(t);
}

static bool
always(void *self)
{
	(void) self;
	return true;
}

static void
test_profile__can_be_canceled(void **state)
{
	table *t = table_new(10);
	cer_host host = cer_host_plain;
	cer_arena *arena = cer_arena_new(&host);
	const cer_profile_column *columns;
	cer_dataset *dataset;
	cer_error err;

	(void) state;
	add_numbers(t, "number");
	assert_int_equal(make_dataset(&host, t, &dataset), CER_OK);
	host.is_canceled = always;
	assert_int_equal(cer_profile_make(arena, &host, dataset, &columns, &err),
	                 CER_CANCELED);
	cer_dataset_free(dataset);
	cer_arena_free(arena);
	table_free(t);
}

static void
test_profile__wants_a_finished_dataset(void **state)
{
	const cer_input input = {{"a", 1}, CER_FLOAT64};
	const cer_profile_column *columns = NULL;
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	cer_profile_key key;
	cer_dataset *dataset;

	(void) state;
	assert_int_equal(
		cer_dataset_new(&cer_host_plain, &input, 1, 2, &dataset, NULL), CER_OK);
	assert_int_equal(
		cer_profile_make(arena, &cer_host_plain, dataset, &columns, NULL),
		CER_BAD_CALL);
	assert_int_equal(
		cer_profile_find_key(&cer_host_plain, dataset, columns, &key, NULL),
		CER_BAD_CALL);
	cer_dataset_free(dataset);
	cer_arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_profile__counts_values),
		cmocka_unit_test(test_profile__chance_is_no_association),
		cmocka_unit_test(test_profile__association_is_that_of_a_channel),
		cmocka_unit_test(test_profile__suspects_leaks),
		cmocka_unit_test(test_profile__reads_training_labels_only),
		cmocka_unit_test(test_profile__takes_one_class),
		cmocka_unit_test(test_profile__takes_no_rows),
		cmocka_unit_test(test_profile__finds_dependencies),
		cmocka_unit_test(test_profile__checks_dependencies_on_all_rows),
		cmocka_unit_test(test_profile__survives_failing_memory),
		cmocka_unit_test(test_profile__can_be_canceled),
		cmocka_unit_test(test_profile__wants_a_finished_dataset),
	};

	return cmocka_run_group_tests_name("profile", tests, NULL, NULL);
}
