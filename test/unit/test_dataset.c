/*
 * test_dataset.c
 *	  A finished dataset does not tell how its rows came, and refuses rows that
 *	  cannot be.
 */
#include "data/dataset.h"

#include "cmocka_all.h"
#include "failing_host.h"
#include "rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(s) ((cer_text){s, sizeof(s) - 1})

static const arrival in_order = {0};

/* ---- order ---- */

static void
assert_columns_equal(const cer_data_column *a, const cer_data_column *b,
                     size_t n_rows)
{
	assert_int_equal(a->dictionary.n_values, b->dictionary.n_values);
	for (size_t code = 1; code <= a->dictionary.n_values; code++)
	{
		cer_text x = a->dictionary.values[code];
		cer_text y = b->dictionary.values[code];

		assert_int_equal(x.size, y.size);
		assert_memory_equal(x.data, y.data, x.size);
	}
	if (a->floats != NULL)
		assert_memory_equal(a->floats, b->floats, n_rows * sizeof(float));
	if (a->doubles != NULL)
		assert_memory_equal(a->doubles, b->doubles, n_rows * sizeof(double));
	if (a->codes != NULL)
		assert_memory_equal(a->codes, b->codes, n_rows * sizeof(uint32_t));
}

static void
assert_views_equal(const cer_data_view *a, const cer_data_view *b)
{
	assert_int_equal(a->n_rows, b->n_rows);
	assert_memory_equal(a->part_start, b->part_start, sizeof(a->part_start));
	assert_memory_equal(a->row_keys, b->row_keys, a->n_rows * 8);
	assert_memory_equal(a->parts, b->parts, a->n_rows);
	assert_memory_equal(a->labels, b->labels, a->n_rows * 2);
	for (size_t i = 0; i < a->n_inputs; i++)
		assert_columns_equal(&a->columns[i], &b->columns[i], a->n_rows);
}

static void
check_arrivals(test_random *random, size_t n_rows, bool has_ties)
{
	test_rows *rows = rows_make(random, n_rows, has_ties);
	const arrival any = {random, true, true};
	cer_dataset *expected = NULL;
	cer_error err;

	assert_int_equal(
		rows_load(rows, &cer_host_plain, &in_order, &expected, &err), CER_OK);
	for (int i = 0; i < 4; i++)
	{
		cer_dataset *got = NULL;

		assert_int_equal(rows_load(rows, &cer_host_plain, &any, &got, &err),
		                 CER_OK);
		assert_views_equal(cer_dataset_get_view(expected),
		                   cer_dataset_get_view(got));
		cer_dataset_free(got);
	}
	cer_dataset_free(expected);
	rows_free(rows);
}

static void
test_dataset_finish__does_not_tell_how_rows_came(void **state)
{
	test_random random;

	(void) state;
	random_init(&random);
	for (size_t n_rows = 0; n_rows < 6; n_rows++)
		check_arrivals(&random, n_rows, false);
	check_arrivals(&random, 4000, false);
	check_arrivals(&random, 4000, true);
}

static void
test_dataset_finish__orders_by_part_and_key(void **state)
{
	test_random random;
	test_rows *rows;
	cer_dataset *dataset = NULL;
	const cer_data_view *view;
	cer_error err;

	(void) state;
	random_init(&random);
	rows = rows_make(&random, 20000, false);
	assert_int_equal(
		rows_load(rows, &cer_host_plain, &in_order, &dataset, &err), CER_OK);
	view = cer_dataset_get_view(dataset);
	assert_int_equal(view->n_rows, 20000);
	for (size_t row = 0; row + 1 < view->n_rows; row++)
		assert_true(view->parts[row] < view->parts[row + 1] ||
		            (view->parts[row] == view->parts[row + 1] &&
		             view->row_keys[row] < view->row_keys[row + 1]));
	for (int part = 0; part < CER_N_PARTS; part++)
	{
		size_t start = view->part_start[part];
		size_t n = cer_dataset_count_rows(dataset, (cer_part_of_rows) part);

		assert_int_equal(n, view->part_start[part + 1] - start);
		assert_int_equal(view->parts[start], part);
	}
	cer_dataset_free(dataset);
	rows_free(rows);
}

/* ---- a dataset of one category, by hand ---- */

static cer_dataset *
make_dataset(void)
{
	static const cer_input input = {TEXT("city"), CER_CODE32};
	cer_dataset *dataset = NULL;

	assert_int_equal(
		cer_dataset_new(&cer_host_plain, &input, 1, 2, &dataset, NULL), CER_OK);
	return dataset;
}

static cer_status
append_row(cer_dataset *dataset, uint8_t part, uint16_t label, uint32_t code,
           cer_error *err)
{
	static const uint64_t key = 1;
	const void *columns[] = {&code};
	cer_chunk chunk = {1, &key, &part, &label, columns};

	return cer_dataset_append(dataset, &chunk, err);
}

static void
test_dataset_finish__makes_equal_values_one(void **state)
{
	static const cer_text values[] = {TEXT("b"), TEXT("a"), TEXT("b"),
	                                  TEXT("ab")};
	cer_dataset *dataset = make_dataset();
	const cer_data_column *column;

	(void) state;
	for (uint32_t code = 0; code <= 4; code++)
		assert_int_equal(append_row(dataset, 0, 0, code, NULL), CER_OK);
	assert_int_equal(cer_dataset_add_values(dataset, 0, values, 4, NULL),
	                 CER_OK);
	assert_int_equal(cer_dataset_finish(dataset, NULL), CER_OK);
	column = &cer_dataset_get_view(dataset)->columns[0];
	assert_int_equal(column->dictionary.n_values, 3);
	assert_memory_equal(column->dictionary.values[2].data, "ab", 2);
	for (size_t row = 0; row < 5; row++)
		assert_int_equal(column->codes[row], ((int[]){0, 1, 2, 3, 3})[row]);
	cer_dataset_free(dataset);
}

static void
test_dataset__refuses_what_cannot_be(void **state)
{
	cer_dataset *dataset = make_dataset();
	static const cer_text value = TEXT("a");
	cer_error err;

	(void) state;
	assert_int_equal(append_row(dataset, 3, 0, 0, &err), CER_BAD_FORMAT);
	assert_string_equal(err.message, "row of unknown part 3");
	assert_int_equal(append_row(dataset, 0, 2, 0, &err), CER_BAD_FORMAT);
	assert_string_equal(err.message, "row of class 2, there are 2 classes");
	assert_int_equal(cer_dataset_add_values(dataset, 1, &value, 1, &err),
	                 CER_BAD_FORMAT);
	assert_int_equal(append_row(dataset, 0, 1, 1, &err), CER_OK);
	assert_int_equal(cer_dataset_finish(dataset, &err), CER_BAD_FORMAT);
	assert_string_equal(err.message,
	                    "code 1 of input \"city\", which has 0 values");
	assert_int_equal(cer_dataset_add_values(dataset, 0, &value, 1, &err),
	                 CER_OK);
	assert_int_equal(cer_dataset_finish(dataset, &err), CER_OK);
	assert_int_equal(append_row(dataset, 0, 0, 0, &err), CER_BAD_CALL);
	assert_int_equal(cer_dataset_add_values(dataset, 0, &value, 1, &err),
	                 CER_BAD_CALL);
	assert_int_equal(cer_dataset_finish(dataset, &err), CER_BAD_CALL);
	cer_dataset_free(dataset);
}

static void
test_dataset_append__refuses_large_chunks(void **state)
{
	cer_dataset *dataset = make_dataset();
	cer_chunk chunk = {.n_rows = CER_CHUNK_ROWS + 1};
	cer_error err;

	(void) state;
	assert_int_equal(cer_dataset_append(dataset, &chunk, &err), CER_TOO_BIG);
	cer_dataset_free(dataset);
}

static void
test_dataset_new__refuses_what_cannot_be(void **state)
{
	cer_input input = {TEXT("x"), CER_FLOAT64};
	cer_dataset *dataset = NULL;

	(void) state;
	assert_int_equal(
		cer_dataset_new(&cer_host_plain, &input, 0, 2, &dataset, NULL),
		CER_TOO_BIG);
	assert_int_equal(
		cer_dataset_new(&cer_host_plain, &input, 1, 1, &dataset, NULL),
		CER_TOO_BIG);
	assert_int_equal(
		cer_dataset_new(&cer_host_plain, &input, 1, 65536, &dataset, NULL),
		CER_TOO_BIG);
	input.storage = (cer_storage) 3;
	assert_int_equal(
		cer_dataset_new(&cer_host_plain, &input, 1, 2, &dataset, NULL),
		CER_BAD_FORMAT);
	assert_null(dataset);
}

static void
test_dataset_check__wants_two_classes(void **state)
{
	cer_error err;

	(void) state;
	for (int i = 0; i < 3; i++)
	{
		static const char *const messages[] = {
			"there are no training rows",
			"all 2 training rows have the same label", ""};
		cer_dataset *dataset = make_dataset();

		assert_int_equal(append_row(dataset, i > 0 ? 0 : 1, 0, 0, &err), 0);
		assert_int_equal(append_row(dataset, i > 0 ? 0 : 1, i > 1, 0, &err), 0);
		assert_int_equal(append_row(dataset, 1, 1, 0, &err), CER_OK);
		assert_int_equal(cer_dataset_check(dataset, &err), CER_BAD_CALL);
		assert_int_equal(cer_dataset_finish(dataset, &err), CER_OK);
		memset(&err, 0, sizeof(err));
		assert_int_equal(cer_dataset_check(dataset, &err),
		                 i < 2 ? CER_BAD_DATA : CER_OK);
		assert_string_equal(err.message, messages[i]);
		cer_dataset_free(dataset);
	}
}

/* ---- memory ---- */

static cer_status
load_and_free(const cer_host *host, void *arg)
{
	cer_dataset *dataset = NULL;
	cer_status status = rows_load(arg, host, &in_order, &dataset, NULL);

	if (status == CER_OK)
		cer_dataset_free(dataset);
	return status;
}

static void
test_dataset__survives_each_failed_allocation(void **state)
{
	test_random random;
	test_rows *rows;

	(void) state;
	random_init(&random);
	rows = rows_make(&random, 3000, true);
	assert_true(failing_host_run(load_and_free, rows) > 30);
	rows_free(rows);
}

static void
test_dataset_get_size__counts_every_byte(void **state)
{
	test_random random;
	test_rows *rows;
	failing_host host;
	cer_dataset *dataset = NULL;
	size_t size;

	(void) state;
	random_init(&random);
	failing_host_init(&host, SIZE_MAX);
	rows = rows_make(&random, 9000, true);
	assert_int_equal(rows_load(rows, &host.host, &in_order, &dataset, NULL),
	                 CER_OK);
	size = cer_dataset_get_size(dataset);
	assert_in_range(host.live_bytes, size, size + 100);
	cer_dataset_set_readers(dataset, 2);
	cer_dataset_release_columns(dataset);
	assert_int_equal(cer_dataset_get_size(dataset), size);
	cer_dataset_release_columns(dataset);
	assert_in_range(cer_dataset_get_size(dataset), 9000 * 11, size / 2);
	assert_false(
		cer_data_has_values(&cer_dataset_get_view(dataset)->columns[0]));
	cer_dataset_free(dataset);
	assert_int_equal(host.live_bytes, 0);
	rows_free(rows);
}

static bool
always_canceled(void *self)
{
	(void) self;
	return true;
}

static void
test_dataset_finish__can_be_canceled(void **state)
{
	test_random random;
	test_rows *rows;
	cer_host host = cer_host_plain;
	cer_dataset *dataset = NULL;

	(void) state;
	random_init(&random);
	host.is_canceled = always_canceled;
	rows = rows_make(&random, 10, false);
	assert_int_equal(rows_load(rows, &host, &in_order, &dataset, NULL),
	                 CER_CANCELED);
	rows_free(rows);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dataset_finish__does_not_tell_how_rows_came),
		cmocka_unit_test(test_dataset_finish__orders_by_part_and_key),
		cmocka_unit_test(test_dataset_finish__makes_equal_values_one),
		cmocka_unit_test(test_dataset__refuses_what_cannot_be),
		cmocka_unit_test(test_dataset_append__refuses_large_chunks),
		cmocka_unit_test(test_dataset_new__refuses_what_cannot_be),
		cmocka_unit_test(test_dataset_check__wants_two_classes),
		cmocka_unit_test(test_dataset__survives_each_failed_allocation),
		cmocka_unit_test(test_dataset_get_size__counts_every_byte),
		cmocka_unit_test(test_dataset_finish__can_be_canceled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
