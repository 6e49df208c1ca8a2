/*
 * test_encode.c
 *	  Encoders: what values become, the same for columns and single rows,
 *	  however the rows came, and after a trip through bytes.
 */
#include "data/encode.h"

#include "cmocka_all.h"
#include "data/dataset.h"
#include "failing_host.h"
#include "rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(s)   ((cer_text){s, sizeof(s) - 1})
#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static const arrival in_order = {0};

/* A dataset, its encoders, its training and validation rows. */
typedef struct fixture
{
	cer_arena *arena;
	cer_dataset *dataset;
	const cer_encoders *encoders;
	cer_encoded train;
	cer_encoded valid;
} fixture;

static cer_status
encode(fixture *f, const test_rows *rows, const cer_host *host, const char *fe,
       cer_error *err)
{
	cer_column columns[ROWS_N_INPUTS];
	const cer_mst *mst;
	const cer_plan *plan;
	cer_status status;

	rows_get_columns(rows, columns);
	status = cer_mst_parse(f->arena, (cer_text){fe, strlen(fe)}, &mst, err);
	if (status == CER_OK)
		status =
			cer_plan_make(f->arena, mst, columns, rows->n_inputs, &plan, err);
	if (status == CER_OK)
		status = cer_encoders_fit(f->arena, host, plan, f->dataset,
		                          &f->encoders, err);
	if (status == CER_OK)
		status = cer_encoders_apply(f->arena, host, f->encoders, f->dataset,
		                            CER_VALID, false, &f->valid, err);
	if (status == CER_OK)
		status = cer_encoders_apply(f->arena, host, f->encoders, f->dataset,
		                            CER_TRAIN, true, &f->train, err);
	return status;
}

static cer_status
fixture_init(fixture *f, const test_rows *rows, const cer_host *host,
             const arrival *how, const char *fe, cer_error *err)
{
	cer_status status = CER_NO_MEMORY;

	memset(f, 0, sizeof(*f));
	f->arena = cer_arena_new(host);
	if (f->arena != NULL)
		status = rows_load(rows, host, how, &f->dataset, err);
	if (status == CER_OK)
		status = encode(f, rows, host, fe, err);
	return status;
}

static void
fixture_release(fixture *f)
{
	cer_dataset_free(f->dataset);
	cer_arena_free(f->arena);
}

/* ---- one column, by hand ---- */

#define MAX_ROWS 32

typedef struct column_rows
{
	test_rows rows;
	cer_input input;
	uint64_t keys[MAX_ROWS];
	uint8_t parts[MAX_ROWS];
	uint16_t labels[MAX_ROWS];
	test_value values[MAX_ROWS];
} column_rows;

static void
column_init(column_rows *c, cer_storage storage)
{
	memset(c, 0, sizeof(*c));
	c->input = (cer_input){TEXT("x"), storage};
	c->rows = (test_rows){0,       1,        2,         &c->input,
	                      c->keys, c->parts, c->labels, c->values};
}

static void
column_add(column_rows *c, cer_part_of_rows part, test_value value)
{
	size_t row = c->rows.n_rows++;

	assert_true(row < MAX_ROWS);
	c->keys[row] = row;
	c->parts[row] = (uint8_t) part;
	c->labels[row] = row % 2;
	c->values[row] = value;
}

static void
column_add_number(column_rows *c, cer_part_of_rows part, double number)
{
	column_add(c, part, (test_value){.number = number});
}

static void
column_add_texts(column_rows *c, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		column_add(c, CER_TRAIN,
		           (test_value){.text = {text, text ? strlen(text) : 0}});
}

static void
encode_column(fixture *f, const column_rows *c, const char *fe)
{
	cer_error err = {0};
	cer_status status =
		fixture_init(f, &c->rows, &cer_host_plain, &in_order, fe, &err);

	if (status != CER_OK)
		print_error("%s\n", err.message);
	assert_int_equal(status, CER_OK);
}

/* ---- numbers ---- */

static float
clip_smoothly(double z)
{
	return (float) (z / sqrt(1 + (z / 3) * (z / 3)));
}

/* Training rows 0..8: median 4, quartiles 2 and 6. */
static void
test_encode__robust_scales_by_quartiles(void **state)
{
	static const double valid[] = {4, 6, 0, 1e9, INFINITY, -INFINITY, NAN};
	column_rows c;
	fixture f;

	(void) state;
	column_init(&c, CER_FLOAT64);
	for (int i = 0; i < 9; i++)
		column_add_number(&c, CER_TRAIN, (7 * i) % 9);
	for (size_t i = 0; i < LENGTH(valid); i++)
		column_add_number(&c, CER_VALID, valid[i]);
	encode_column(&f, &c, "FE x");
	assert_int_equal(cer_encoders_get_shape(f.encoders)->n_numbers, 1);
	assert_true(f.valid.numbers[0] == 0);
	assert_true(f.valid.numbers[1] == clip_smoothly(0.5));
	assert_true(f.valid.numbers[2] == clip_smoothly(-1));
	for (int i = 3; i < 5; i++)
		assert_true(f.valid.numbers[i] > 2.999 && f.valid.numbers[i] <= 3);
	assert_true(f.valid.numbers[5] < -2.999 && f.valid.numbers[5] >= -3);
	assert_true(f.valid.numbers[6] == 0);
	fixture_release(&f);
}

/* Quartiles agree: 2 / (max - min) stands in. */
static void
test_encode__robust_without_quartiles_uses_the_range(void **state)
{
	column_rows c;
	fixture f;

	(void) state;
	column_init(&c, CER_FLOAT64);
	for (int i = 0; i < 9; i++)
		column_add_number(&c, CER_TRAIN, i == 4 ? 10 : 0);
	encode_column(&f, &c, "FE x");
	assert_true(f.train.numbers[4] == clip_smoothly(2));
	assert_true(f.train.numbers[3] == 0);
	fixture_release(&f);
}

static void
test_encode__constant_and_empty_columns_are_zero(void **state)
{
	static const char *const fes[] = {"FE x : robust", "FE x : standardize"};

	(void) state;
	for (size_t k = 0; k < 4; k++)
	{
		bool is_empty = k >= 2;
		column_rows c;
		fixture f;

		column_init(&c, CER_FLOAT64);
		for (int i = 0; i < 10; i++)
			column_add_number(&c, CER_TRAIN, is_empty ? NAN : 0.1);
		column_add_number(&c, CER_VALID, INFINITY);
		column_add_number(&c, CER_VALID, 7);
		encode_column(&f, &c, fes[k % 2]);
		assert_int_equal(cer_encoders_get_shape(f.encoders)->n_numbers,
		                 is_empty ? 2 : 1);
		for (int i = 0; i < 10; i++)
			assert_true(f.train.numbers[is_empty ? 2 * i : i] == 0);
		assert_true(f.valid.numbers[0] == 0);
		assert_true(f.valid.numbers[1] == 0);
		fixture_release(&f);
	}
}

static void
test_encode__missing_numbers_have_a_number_of_their_own(void **state)
{
	column_rows c;
	fixture f;
	const cer_input_shape *shape;

	(void) state;
	column_init(&c, CER_FLOAT32);
	for (int i = 0; i < 4; i++)
		column_add_number(&c, CER_TRAIN, i == 2 ? NAN : i);
	encode_column(&f, &c, "FE x");
	shape = cer_encoders_get_shape(f.encoders);
	assert_int_equal(shape->n_numbers, 2);
	assert_int_equal(shape->number_names[1].size, strlen("x is missing"));
	assert_memory_equal(shape->number_names[1].data, "x is missing", 12);
	for (int i = 0; i < 4; i++)
		assert_true(f.train.numbers[2 * i + 1] == (i == 2 ? 1 : 0));
	assert_true(f.train.numbers[4] == 0);
	fixture_release(&f);
}

static void
test_encode__standardize_has_mean_0_and_deviation_1(void **state)
{
	column_rows c;
	fixture f;

	(void) state;
	column_init(&c, CER_FLOAT64);
	for (int i = 0; i < 4; i++)
		column_add_number(&c, CER_TRAIN, i < 2 ? 3 : 7);
	column_add_number(&c, CER_VALID, 9);
	column_add_number(&c, CER_VALID, 1e300);
	column_add_number(&c, CER_VALID, -INFINITY);
	encode_column(&f, &c, "FE x : standardize");
	assert_true(f.train.numbers[0] == -1);
	assert_true(f.train.numbers[3] == 1);
	assert_true(f.valid.numbers[0] == 2);
	assert_true(f.valid.numbers[1] == 10);
	assert_true(f.valid.numbers[2] == -10);
	fixture_release(&f);
}

static void
test_encode__huge_numbers_stay_finite(void **state)
{
	static const char *const fes[] = {"FE x : robust", "FE x : standardize"};

	(void) state;
	for (size_t k = 0; k < 2; k++)
	{
		static const double numbers[] = {-1.7e308, 1.7e308, INFINITY, -INFINITY,
		                                 1e-320,   5e-324,  1,        -1};
		column_rows c;
		fixture f;

		column_init(&c, CER_FLOAT64);
		for (size_t i = 0; i < LENGTH(numbers); i++)
			column_add_number(&c, CER_TRAIN, numbers[i]);
		encode_column(&f, &c, fes[k]);
		for (size_t i = 0; i < LENGTH(numbers); i++)
			assert_true(fabsf(f.train.numbers[i]) <= 10);
		fixture_release(&f);
	}
}

/* ---- categories ---- */

static cer_table_shape
get_table(const fixture *f)
{
	assert_int_equal(cer_encoders_get_shape(f->encoders)->n_tables, 1);
	assert_int_equal(cer_encoders_get_shape(f->encoders)->n_numbers, 0);
	return cer_encoders_get_shape(f->encoders)->tables[0];
}

static void
test_encode__categories_in_byte_order_rare_ones_together(void **state)
{
	static const uint32_t expected[] = {3, 3, 3, 2, 2, 2, 1, 1, 1, 0};
	column_rows c;
	fixture f;

	(void) state;
	column_init(&c, CER_CODE32);
	column_add_texts(&c, "b", 3);
	column_add_texts(&c, "a", 3);
	column_add_texts(&c, "rare", 2);
	column_add_texts(&c, "rarer", 1);
	column_add_texts(&c, NULL, 1);
	encode_column(&f, &c, "FE x");
	assert_int_equal(get_table(&f).n_codes, 4);
	assert_int_equal(get_table(&f).width, 0);
	assert_memory_equal(f.train.codes, expected, sizeof(expected));
	assert_int_equal(cer_encoders_find_code(f.encoders, 0, TEXT("b")), 3);
	assert_int_equal(cer_encoders_find_code(f.encoders, 0, TEXT("rare")), 1);
	assert_int_equal(cer_encoders_find_code(f.encoders, 0, TEXT("")), 1);
	assert_int_equal(
		cer_encoders_find_code(f.encoders, 0, (cer_text){NULL, SIZE_MAX}), 0);
	fixture_release(&f);
}

/* A code that no training row has is never used. */
static void
test_encode__untrained_codes_have_a_stand_in(void **state)
{
	static const struct
	{
		size_t n_a, n_b, n_rare, n_null;
		uint32_t null_code, unseen_code;
	} cases[] = {
		{3, 4, 1, 1, 0, 1}, {3, 4, 0, 1, 0, 3}, {5, 4, 0, 0, 2, 2},
		{3, 3, 2, 0, 1, 1}, {0, 0, 0, 4, 0, 0}, {0, 0, 2, 0, 1, 1},
	};

	(void) state;
	for (size_t i = 0; i < LENGTH(cases); i++)
	{
		cer_value null_value = {.code = CER_CODE_NULL};
		cer_value unseen = {.code = CER_CODE_UNSEEN};
		cer_value foreign = {.code = 1000};
		uint32_t code;
		column_rows c;
		fixture f;

		column_init(&c, CER_CODE32);
		column_add_texts(&c, "a", cases[i].n_a);
		column_add_texts(&c, "b", cases[i].n_b);
		column_add_texts(&c, "rare", cases[i].n_rare);
		column_add_texts(&c, NULL, cases[i].n_null);
		encode_column(&f, &c, "FE x");
		cer_encoders_apply_row(f.encoders, &null_value, NULL, &code);
		assert_int_equal(code, cases[i].null_code);
		cer_encoders_apply_row(f.encoders, &unseen, NULL, &code);
		assert_int_equal(code, cases[i].unseen_code);
		cer_encoders_apply_row(f.encoders, &foreign, NULL, &code);
		assert_int_equal(code, cases[i].unseen_code);
		fixture_release(&f);
	}
}

static void
test_encode__many_values_are_embedded(void **state)
{
	static const struct
	{
		const char *fe;
		size_t n_values, width;
	} cases[] = {
		{"FE x", 8, 0},          {"FE x", 9, 8},
		{"FE x : embed", 2, 8},  {"FE x : embed(3)", 2, 3},
		{"FE x : onehot", 9, 0},
	};
	static const char *const names[] = {"a", "b", "c", "d", "e",
	                                    "f", "g", "h", "i"};

	(void) state;
	for (size_t i = 0; i < LENGTH(cases); i++)
	{
		column_rows c;
		fixture f;

		column_init(&c, CER_CODE32);
		for (size_t v = 0; v < cases[i].n_values; v++)
			column_add_texts(&c, names[v], 3);
		encode_column(&f, &c, cases[i].fe);
		assert_int_equal(get_table(&f).n_codes, cases[i].n_values + 2);
		assert_int_equal(get_table(&f).width, cases[i].width);
		fixture_release(&f);
	}
}

/* Values of numbers stand in the order of the numbers. */
static void
test_encode__numbers_can_be_categories(void **state)
{
	static const double train[] = {-1.5, 10, 9,    -1.5, 9,  10,
	                               10,   9,  -1.5, 77,   NAN};
	static const double valid[] = {-1.5, 9, 10, 77, 78, NAN, -0.0};
	static const uint32_t expected[] = {2, 3, 4, 1, 1, 0, 1};
	column_rows c;
	fixture f;

	(void) state;
	column_init(&c, CER_FLOAT64);
	for (size_t i = 0; i < LENGTH(train); i++)
		column_add_number(&c, CER_TRAIN, train[i]);
	for (size_t i = 0; i < LENGTH(valid); i++)
		column_add_number(&c, CER_VALID, valid[i]);
	encode_column(&f, &c, "FE x : onehot");
	assert_int_equal(get_table(&f).n_codes, 5);
	assert_memory_equal(f.valid.codes, expected, sizeof(expected));
	fixture_release(&f);
}

/* ---- properties over random rows ---- */

static const char *const all_kinds =
	"FE *, hour : onehot, city : embed(5), small : standardize";

static void
assert_encoded_equal(const cer_encoded *a, const cer_encoded *b,
                     const cer_input_shape *shape)
{
	size_t n = a->n_rows;

	assert_int_equal(n, b->n_rows);
	assert_memory_equal(a->numbers, b->numbers, n * shape->n_numbers * 4);
	assert_memory_equal(a->codes, b->codes, n * shape->n_tables * 4);
	assert_memory_equal(a->labels, b->labels, n * 2);
	assert_memory_equal(a->row_keys, b->row_keys, n * 8);
}

/* Runs tasks from the last to the first: as good as at the same time. */
static void
run_backwards(void *self, cer_task_fn fn, void *arg, size_t n_tasks)
{
	(void) self;
	while (n_tasks > 0)
		fn(arg, --n_tasks);
}

static void
check_arrivals(test_random *random, size_t n_rows, bool has_ties)
{
	test_rows *rows = rows_make(random, n_rows, has_ties);
	const arrival any = {random, true, true};
	cer_host threads = cer_host_plain;
	const cer_input_shape *shape;
	fixture expected;

	threads.run_tasks = run_backwards;
	assert_int_equal(fixture_init(&expected, rows, &cer_host_plain, &in_order,
	                              all_kinds, NULL),
	                 CER_OK);
	shape = cer_encoders_get_shape(expected.encoders);
	for (size_t n_threads = 1; n_threads < 9; n_threads += 2)
	{
		fixture got;

		threads.n_threads = n_threads;
		assert_int_equal(
			fixture_init(&got, rows, &threads, &any, all_kinds, NULL), CER_OK);
		assert_encoded_equal(&expected.train, &got.train, shape);
		assert_encoded_equal(&expected.valid, &got.valid, shape);
		fixture_release(&got);
	}
	fixture_release(&expected);
	rows_free(rows);
}

static void
test_encode__does_not_tell_how_rows_came(void **state)
{
	test_random random;

	(void) state;
	random_init(&random);
	check_arrivals(&random, 2, false);
	check_arrivals(&random, 3000, false);
	check_arrivals(&random, 3000, true);
}

/* Values as a scorer has them: numbers, codes found by their text. */
static void
get_row(const cer_encoders *encoders, const test_rows *rows, size_t row,
        cer_value *values)
{
	for (size_t i = 0; i < rows->n_inputs; i++)
	{
		test_value from = rows->values[row * rows->n_inputs + i];
		cer_text text = from.text;

		if (rows->inputs[i].storage != CER_CODE32)
		{
			values[i].number = from.number;
			continue;
		}
		if (text.data == NULL)
			text.size = SIZE_MAX;
		values[i].code = cer_encoders_find_code(encoders, i, text);
	}
}

static size_t
find_key(const cer_encoded *encoded, uint64_t key)
{
	for (size_t row = 0; row < encoded->n_rows; row++)
		if (encoded->row_keys[row] == key)
			return row;
	return SIZE_MAX;
}

static void
assert_rows_equal_columns(const cer_encoders *encoders, const test_rows *rows,
                          const cer_encoded *encoded)
{
	const cer_input_shape *shape = cer_encoders_get_shape(encoders);
	float numbers[2 * ROWS_N_INPUTS];
	uint32_t codes[ROWS_N_INPUTS];
	size_t n_checked = 0;

	for (size_t row = 0; row < rows->n_rows; row++)
	{
		size_t at = find_key(encoded, rows->row_keys[row]);
		cer_value values[ROWS_N_INPUTS];

		if (at == SIZE_MAX)
			continue;
		n_checked++;
		get_row(encoders, rows, row, values);
		cer_encoders_apply_row(encoders, values, numbers, codes);
		assert_memory_equal(numbers, encoded->numbers + at * shape->n_numbers,
		                    shape->n_numbers * sizeof(float));
		assert_memory_equal(codes, encoded->codes + at * shape->n_tables,
		                    shape->n_tables * sizeof(uint32_t));
	}
	assert_int_equal(n_checked, encoded->n_rows);
}

static void
test_encode__row_by_row_is_as_by_column(void **state)
{
	test_random random;
	test_rows *rows;
	fixture f;

	(void) state;
	random_init(&random);
	rows = rows_make(&random, 2000, false);
	assert_int_equal(
		fixture_init(&f, rows, &cer_host_plain, &in_order, all_kinds, NULL),
		CER_OK);
	assert_rows_equal_columns(f.encoders, rows, &f.train);
	assert_rows_equal_columns(f.encoders, rows, &f.valid);
	fixture_release(&f);
	rows_free(rows);
}

/* ---- bytes ---- */

static const cer_encoders *
pack_and_unpack(cer_arena *arena, const cer_encoders *encoders, cer_text *bytes)
{
	size_t n = cer_encoders_count_inputs(encoders);
	const cer_encoders *got = NULL;

	for (size_t i = 0; i < n; i++)
		assert_int_equal(cer_encoders_pack(arena, encoders, i, &bytes[i], NULL),
		                 CER_OK);
	assert_int_equal(cer_encoders_unpack(arena, bytes, n, 2, &got, NULL),
	                 CER_OK);
	return got;
}

static void
test_encoders_unpack__gives_what_was_packed(void **state)
{
	test_random random;
	test_rows *rows;
	const cer_encoders *got;
	cer_text bytes[ROWS_N_INPUTS], again[ROWS_N_INPUTS];
	fixture f;

	(void) state;
	random_init(&random);
	rows = rows_make(&random, 1000, false);
	assert_int_equal(
		fixture_init(&f, rows, &cer_host_plain, &in_order, all_kinds, NULL),
		CER_OK);
	got = pack_and_unpack(f.arena, f.encoders, bytes);
	assert_rows_equal_columns(got, rows, &f.train);
	pack_and_unpack(f.arena, got, again);
	for (size_t i = 0; i < ROWS_N_INPUTS; i++)
	{
		assert_int_equal(bytes[i].size, again[i].size);
		assert_memory_equal(bytes[i].data, again[i].data, bytes[i].size);
	}
	fixture_release(&f);
	rows_free(rows);
}

/* Cut anywhere, longer by a byte, or with any byte changed: never a crash. */
static void
test_encoders_unpack__refuses_damaged_bytes(void **state)
{
	cer_text bytes;
	column_rows c;
	fixture f;
	char copy[200];

	(void) state;
	column_init(&c, CER_CODE32);
	column_add_texts(&c, "a", 3);
	column_add_texts(&c, "bb", 3);
	encode_column(&f, &c, "FE x");
	assert_int_equal(cer_encoders_pack(f.arena, f.encoders, 0, &bytes, NULL),
	                 CER_OK);
	assert_true(bytes.size < sizeof(copy));
	memset(copy, 0, sizeof(copy));
	for (size_t size = 0; size <= bytes.size + 1; size++)
	{
		cer_text cut = {copy, size};
		const cer_encoders *got;

		memcpy(copy, bytes.data, bytes.size);
		assert_int_equal(cer_encoders_unpack(f.arena, &cut, 1, 2, &got, NULL),
		                 size == bytes.size ? CER_OK : CER_BAD_FORMAT);
	}
	for (size_t i = 0; i < 256 * bytes.size; i++)
	{
		cer_text changed = {copy, bytes.size};
		const cer_encoders *got;

		memcpy(copy, bytes.data, bytes.size);
		copy[i / 256] = (char) i;
		cer_encoders_unpack(f.arena, &changed, 1, 2, &got, NULL);
	}
	copy[0] = 2;
	assert_int_equal(cer_encoders_unpack(f.arena, &(cer_text){copy, 10}, 1, 2,
	                                     &f.encoders, NULL),
	                 CER_BAD_VERSION);
	fixture_release(&f);
}

/* ---- failures ---- */

static cer_status
encode_and_release(const cer_host *host, void *arg)
{
	fixture f;
	cer_text bytes;
	cer_status status = fixture_init(&f, arg, host, &in_order, all_kinds, NULL);

	for (size_t i = 0; status == CER_OK && i < ROWS_N_INPUTS; i++)
		status = cer_encoders_pack(f.arena, f.encoders, i, &bytes, NULL);
	if (status == CER_OK)
		status = cer_encoders_unpack(f.arena, &bytes, 1, 2, &f.encoders, NULL);
	fixture_release(&f);
	return status;
}

static void
test_encode__survives_each_failed_allocation(void **state)
{
	test_random random;
	test_rows *rows;

	(void) state;
	random_init(&random);
	rows = rows_make(&random, 500, true);
	assert_true(failing_host_run(encode_and_release, rows) > 30);
	rows_free(rows);
}

static void
test_encode__needs_rows_and_columns(void **state)
{
	column_rows c;
	fixture f;
	cer_encoded encoded;
	cer_error err;

	(void) state;
	column_init(&c, CER_FLOAT64);
	column_add_number(&c, CER_VALID, 1);
	assert_int_equal(
		fixture_init(&f, &c.rows, &cer_host_plain, &in_order, "FE x", &err),
		CER_BAD_DATA);
	assert_string_equal(err.message, "there are no training rows");
	fixture_release(&f);
	column_init(&c, CER_FLOAT64);
	column_add_number(&c, CER_TRAIN, 1);
	column_add_number(&c, CER_TRAIN, 2);
	encode_column(&f, &c, "FE x");
	assert_int_equal(f.valid.n_rows, 0);
	assert_int_equal(cer_encoders_apply(f.arena, &cer_host_plain, f.encoders,
	                                    f.dataset, CER_TRAIN, false, &encoded,
	                                    &err),
	                 CER_BAD_CALL);
	fixture_release(&f);
}

static size_t n_polls_left;

static bool
is_canceled_later(void *self)
{
	(void) self;
	return n_polls_left-- == 0;
}

static void
test_encode__can_be_canceled(void **state)
{
	test_random random;
	test_rows *rows;
	cer_host host = cer_host_plain;
	cer_status status = CER_CANCELED;

	(void) state;
	random_init(&random);
	host.is_canceled = is_canceled_later;
	rows = rows_make(&random, 300, false);
	for (size_t n = 0; status != CER_OK; n++)
	{
		fixture f;

		assert_true(n < 100);
		n_polls_left = n;
		status = fixture_init(&f, rows, &host, &in_order, all_kinds, NULL);
		assert_true(status == CER_OK || status == CER_CANCELED);
		fixture_release(&f);
	}
	rows_free(rows);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encode__robust_scales_by_quartiles),
		cmocka_unit_test(test_encode__robust_without_quartiles_uses_the_range),
		cmocka_unit_test(test_encode__constant_and_empty_columns_are_zero),
		cmocka_unit_test(
			test_encode__missing_numbers_have_a_number_of_their_own),
		cmocka_unit_test(test_encode__standardize_has_mean_0_and_deviation_1),
		cmocka_unit_test(test_encode__huge_numbers_stay_finite),
		cmocka_unit_test(
			test_encode__categories_in_byte_order_rare_ones_together),
		cmocka_unit_test(test_encode__untrained_codes_have_a_stand_in),
		cmocka_unit_test(test_encode__many_values_are_embedded),
		cmocka_unit_test(test_encode__numbers_can_be_categories),
		cmocka_unit_test(test_encode__does_not_tell_how_rows_came),
		cmocka_unit_test(test_encode__row_by_row_is_as_by_column),
		cmocka_unit_test(test_encoders_unpack__gives_what_was_packed),
		cmocka_unit_test(test_encoders_unpack__refuses_damaged_bytes),
		cmocka_unit_test(test_encode__survives_each_failed_allocation),
		cmocka_unit_test(test_encode__needs_rows_and_columns),
		cmocka_unit_test(test_encode__can_be_canceled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
