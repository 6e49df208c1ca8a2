/*
 * test_encode.c
 *	  Encoders: what values become, and bytes that are none.
 */
#include "encoded.h"

#include "cmocka_all.h"

#include <math.h>
#include <string.h>

#define TEXT(s)   ((cer_text){s, sizeof(s) - 1})
#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static const arrival in_order = {0};

/* ---- one column, by hand ---- */

#define MAX_ROWS 512

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
	c->rows = (test_rows){0,        1,         2,         &c->input, c->keys,
	                      c->parts, c->labels, c->values, NULL};
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
encode_column(encoded_rows *f, const column_rows *c, const char *fe)
{
	cer_error err = {0};
	cer_status status =
		encoded_init(f, &c->rows, &cer_host_plain, &in_order, fe, &err);

	if (status != CER_OK)
		print_error("%s\n", err.message);
	assert_int_equal(status, CER_OK);
}

/* The code of a text, as a scorer finds and encodes it. */
static uint32_t
find_code(const encoded_rows *f, cer_text text)
{
	cer_value value;
	uint32_t code;

	assert_int_equal(cer_encoders_count_values(f->encoders), 1);
	cer_encoders_encode_text(f->encoders, 0, text, &value, 1);
	cer_encoders_apply_values(f->encoders, 1, &value, 1, NULL, &code);
	assert_int_equal(code, value.code);
	return code;
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
	encoded_rows f;

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
	encoded_release(&f);
}

/* Quartiles agree: 2 / (max - min) stands in. */
static void
test_encode__robust_without_quartiles_uses_the_range(void **state)
{
	column_rows c;
	encoded_rows f;

	(void) state;
	column_init(&c, CER_FLOAT64);
	for (int i = 0; i < 9; i++)
		column_add_number(&c, CER_TRAIN, i == 4 ? 10 : 0);
	encode_column(&f, &c, "FE x");
	assert_true(f.train.numbers[4] == clip_smoothly(2));
	assert_true(f.train.numbers[3] == 0);
	encoded_release(&f);
}

static void
test_encode__constant_and_empty_columns_are_zero(void **state)
{
	static const char *const fes[] = {"FE x : robust", "FE x : standardize",
	                                  "FE x : quantile"};

	(void) state;
	for (size_t k = 0; k < 6; k++)
	{
		bool is_empty = k >= 3;
		column_rows c;
		encoded_rows f;

		column_init(&c, CER_FLOAT64);
		for (int i = 0; i < 10; i++)
			column_add_number(&c, CER_TRAIN, is_empty ? NAN : 0.1);
		column_add_number(&c, CER_VALID, INFINITY);
		column_add_number(&c, CER_VALID, 7);
		encode_column(&f, &c, fes[k % 3]);
		assert_int_equal(cer_encoders_get_shape(f.encoders)->n_numbers,
		                 is_empty ? 2 : 1);
		for (int i = 0; i < 10; i++)
			assert_true(f.train.numbers[is_empty ? 2 * i : i] == 0);
		assert_true(f.valid.numbers[0] == 0);
		assert_true(f.valid.numbers[1] == 0);
		encoded_release(&f);
	}
}

static void
test_encode__missing_numbers_have_a_number_of_their_own(void **state)
{
	column_rows c;
	encoded_rows f;
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
	encoded_release(&f);
}

/* Elements 3, 7, 3, 7 of two places: mean 5, deviation 2. */
static void
test_encode__elements_of_arrays_have_one_scale(void **state)
{
	static const cer_input inputs[] = {{TEXT("x"), CER_FLOAT64},
	                                   {TEXT("x[1]"), CER_FLOAT64},
	                                   {TEXT("x[2]"), CER_FLOAT64},
	                                   {TEXT("x[]"), CER_FLOAT64}};
	static const double elements[][3] = {
		{3, 7, 2}, {3, NAN, 2}, {7, NAN, 1}, {NAN, NAN, NAN}, {9, 1e300, 3}};
	static const float expected[][3] = {
		{-1, 1, 1}, {-1, 0, 1}, {1, 0, 0.5f}, {0, 0, 0}, {2, 10, 1}};
	uint64_t keys[] = {0, 1, 2, 3, 4};
	uint8_t parts[] = {CER_TRAIN, CER_TRAIN, CER_TRAIN, CER_TRAIN, CER_VALID};
	uint16_t labels[] = {0, 1, 0, 1, 0};
	test_value values[5 * 4] = {0};
	test_rows rows = {5, 4, 2, inputs, keys, parts, labels, values};
	encoded_rows f;

	(void) state;
	for (size_t row = 0; row < 5; row++)
		for (size_t i = 0; i < 3; i++)
			values[row * 4 + 1 + i].number = elements[row][i];
	assert_int_equal(encoded_init(&f, &rows, &cer_host_plain, &in_order,
	                              "FE x : sequence(2)", NULL),
	                 CER_OK);
	assert_int_equal(cer_encoders_get_shape(f.encoders)->n_numbers, 3);
	assert_memory_equal(f.train.numbers, expected, 4 * sizeof(expected[0]));
	assert_memory_equal(f.valid.numbers, expected[4], sizeof(expected[4]));
	encoded_release(&f);
}

static void
test_encode__standardize_has_mean_0_and_deviation_1(void **state)
{
	column_rows c;
	encoded_rows f;

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
	encoded_release(&f);
}

static void
test_encode__huge_numbers_stay_finite(void **state)
{
	static const char *const fes[] = {"FE x : robust", "FE x : standardize",
	                                  "FE x : quantile", "FE x : ple(1)"};

	(void) state;
	for (size_t k = 0; k < LENGTH(fes); k++)
	{
		static const double numbers[] = {-1.7e308, 1.7e308, INFINITY, -INFINITY,
		                                 1e-320,   5e-324,  1,        -1};
		column_rows c;
		encoded_rows f;

		column_init(&c, CER_FLOAT64);
		for (size_t i = 0; i < LENGTH(numbers); i++)
			column_add_number(&c, CER_TRAIN, numbers[i]);
		encode_column(&f, &c, fes[k]);
		for (size_t i = 0; i < LENGTH(numbers); i++)
			assert_true(fabsf(f.train.numbers[i]) <= 10);
		encoded_release(&f);
	}
}

/* Training rows 0..9: points at 0, 3, 6, 9 and the deviates of their ranks. */
static void
test_encode__ple_tells_how_far_x_has_come(void **state)
{
	static const struct
	{
		double x;
		float bins[3];
	} cases[] = {
		{-1, {0, 0, 0}},        {0, {0, 0, 0}},      {1.5, {0.5, 0, 0}},
		{3, {1, 0, 0}},         {7.5, {1, 1, 0.5f}}, {9, {1, 1, 1}},
		{INFINITY, {1, 1, 1}},  {1e300, {1, 1, 1}},  {NAN, {0, 0, 0}},
		{-INFINITY, {0, 0, 0}},
	};
	column_rows c;
	encoded_rows f;

	(void) state;
	column_init(&c, CER_FLOAT64);
	for (int i = 0; i < 10; i++)
		column_add_number(&c, CER_TRAIN, (7 * i) % 10);
	for (size_t i = 0; i < LENGTH(cases); i++)
		column_add_number(&c, CER_VALID, cases[i].x);
	encode_column(&f, &c, "FE x : ple(3)");
	assert_int_equal(cer_encoders_get_shape(f.encoders)->n_numbers, 4);
	assert_int_equal(cer_encoders_get_shape(f.encoders)->n_stored, 3);
	for (size_t i = 0; i < LENGTH(cases); i++)
	{
		const cer_input_shape *shape = cer_encoders_get_shape(f.encoders);
		const float *row = f.valid.numbers + 3 * i;

		for (size_t t = 0; t < 3; t++)
			assert_float_equal(cer_shape_get_number(shape, row, 1 + t),
			                   cases[i].bins[t], 1e-6);
	}
	assert_float_equal(f.valid.numbers[3], -1.644854, 1e-6); /* 1 of 20 */
	encoded_release(&f);
}

static void
test_encode__quantile_gives_normal_deviates(void **state)
{
	column_rows c;
	encoded_rows f;

	(void) state;
	column_init(&c, CER_FLOAT64);
	for (int i = 0; i < 9; i++)
		column_add_number(&c, CER_TRAIN, exp(i));
	column_add_number(&c, CER_VALID, (exp(3) + exp(4)) / 2);
	column_add_number(&c, CER_VALID, -7);
	encode_column(&f, &c, "FE x : quantile");
	assert_float_equal(f.train.numbers[4], 0, 1e-6);
	assert_float_equal(f.train.numbers[8], 1.593219, 1e-5); /* 17 of 18 */
	for (int i = 0; i < 4; i++)
		assert_float_equal(f.train.numbers[i], -f.train.numbers[8 - i], 1e-6);
	assert_float_equal(f.valid.numbers[0], f.train.numbers[3] / 2, 1e-6);
	assert_true(f.valid.numbers[1] == f.train.numbers[0]);
	encoded_release(&f);
}

/* Bits of a block of rows are those of its rows one by one: points, what lies
 * between, at and beyond the ends, nothing. */
static void
check_block(const char *fe, bool is_missing)
{
	column_rows c;
	encoded_rows f;
	cer_value values[100];
	float block[4 * LENGTH(values)];
	uint32_t codes[LENGTH(values)];
	size_t n;

	column_init(&c, CER_FLOAT64);
	for (int i = 0; i < 400; i++)
		column_add_number(&c, CER_TRAIN, (7 * i) % 200 - 50);
	column_add_number(&c, CER_TRAIN, is_missing ? NAN : 0);
	encode_column(&f, &c, fe);
	n = cer_encoders_get_shape(f.encoders)->n_stored;
	assert_true(n <= 4);
	for (size_t i = 0; i < LENGTH(values); i++)
		values[i].number = (double) i * 2.125 - 55;
	values[3].number = NAN;
	values[40].number = -0.0;
	values[70].number = INFINITY;
	values[71].number = -INFINITY;
	cer_encoders_apply_values(f.encoders, LENGTH(values), values,
	                          LENGTH(values), block, codes);
	for (size_t i = 0; i < LENGTH(values); i++)
	{
		float one[4];
		uint32_t code;

		cer_encoders_apply_values(f.encoders, 1, &values[i], 1, one, &code);
		assert_memory_equal(one, block + i * n, n * sizeof(*one));
		assert_true(n > 0 || code == codes[i]);
	}
	/* training's own path */
	for (size_t i = 0; i < 401 && n > 0; i++)
	{
		cer_value value = {.number = c.values[i].number};
		float one[4];

		cer_encoders_apply_values(f.encoders, 1, &value, 1, one, codes);
		assert_memory_equal(one, f.train.numbers + i * n, n * sizeof(*one));
	}
	encoded_release(&f);
}

static void
test_encode__a_block_has_the_bits_of_its_rows(void **state)
{
	static const char *const fe[] = {"FE x : ple(1)",   "FE x : ple(3)",
	                                 "FE x : ple(20)",  "FE x : ple(100)",
	                                 "FE x : quantile", "FE x : embed(4)"};

	(void) state;
	for (size_t i = 0; i < LENGTH(fe); i++)
	{
		check_block(fe[i], false);
		check_block(fe[i], true);
	}
}

/* A value that most rows share takes one point, the others share the rest. */
static void
test_encode__a_frequent_value_is_one_point(void **state)
{
	column_rows c;
	encoded_rows f;

	(void) state;
	column_init(&c, CER_FLOAT64);
	for (int i = 0; i < 20; i++)
		column_add_number(&c, CER_TRAIN, i < 16 ? 0 : i);
	encode_column(&f, &c, "FE x : ple(4)");
	assert_int_equal(cer_encoders_get_shape(f.encoders)->n_numbers, 5);
	assert_true(f.train.numbers[3 * 17 + 1] == 2);
	assert_true(f.train.numbers[3 * 17 + 2] == 0);
	encoded_release(&f);
}

/* ---- categories ---- */

static cer_table_shape
get_table(const encoded_rows *f)
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
	encoded_rows f;

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
	assert_int_equal(find_code(&f, TEXT("b")), 3);
	assert_int_equal(find_code(&f, TEXT("rare")), 1);
	assert_int_equal(find_code(&f, TEXT("")), 1);
	assert_int_equal(find_code(&f, (cer_text){NULL, SIZE_MAX}), 0);
	encoded_release(&f);
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
		column_rows c;
		encoded_rows f;

		column_init(&c, CER_CODE32);
		column_add_texts(&c, "a", cases[i].n_a);
		column_add_texts(&c, "b", cases[i].n_b);
		column_add_texts(&c, "rare", cases[i].n_rare);
		column_add_texts(&c, NULL, cases[i].n_null);
		encode_column(&f, &c, "FE x");
		assert_int_equal(find_code(&f, (cer_text){NULL, SIZE_MAX}),
		                 cases[i].null_code);
		assert_int_equal(find_code(&f, TEXT("other")), cases[i].unseen_code);
		encoded_release(&f);
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
		encoded_rows f;

		column_init(&c, CER_CODE32);
		for (size_t v = 0; v < cases[i].n_values; v++)
			column_add_texts(&c, names[v], 3);
		encode_column(&f, &c, cases[i].fe);
		assert_int_equal(get_table(&f).n_codes, cases[i].n_values + 2);
		assert_int_equal(get_table(&f).width, cases[i].width);
		encoded_release(&f);
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
	encoded_rows f;

	(void) state;
	column_init(&c, CER_FLOAT64);
	for (size_t i = 0; i < LENGTH(train); i++)
		column_add_number(&c, CER_TRAIN, train[i]);
	for (size_t i = 0; i < LENGTH(valid); i++)
		column_add_number(&c, CER_VALID, valid[i]);
	encode_column(&f, &c, "FE x : onehot");
	assert_int_equal(get_table(&f).n_codes, 5);
	assert_memory_equal(f.valid.codes, expected, sizeof(expected));
	encoded_release(&f);
}

/* ---- failures ---- */

/* Cut anywhere, longer by a byte, or with any byte changed: never a crash. */
static void
test_encoders_unpack__refuses_damaged_bytes(void **state)
{
	cer_text bytes;
	column_rows c;
	encoded_rows f;
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
	copy[0] = 3;
	assert_int_equal(cer_encoders_unpack(f.arena, &(cer_text){copy, 10}, 1, 2,
	                                     &f.encoders, NULL),
	                 CER_BAD_VERSION);
	encoded_release(&f);
}

static void
test_encode__needs_rows_and_columns(void **state)
{
	column_rows c;
	encoded_rows f;
	cer_encoded encoded;
	cer_error err;

	(void) state;
	column_init(&c, CER_FLOAT64);
	column_add_number(&c, CER_VALID, 1);
	assert_int_equal(
		encoded_init(&f, &c.rows, &cer_host_plain, &in_order, "FE x", &err),
		CER_BAD_DATA);
	assert_string_equal(err.message, "there are no training rows");
	encoded_release(&f);
	column_init(&c, CER_FLOAT64);
	column_add_number(&c, CER_TRAIN, 1);
	column_add_number(&c, CER_TRAIN, 2);
	encode_column(&f, &c, "FE x");
	assert_int_equal(f.valid.n_rows, 0);
	assert_int_equal(cer_encoders_apply(f.arena, &cer_host_plain, f.encoders,
	                                    f.dataset, CER_TRAIN, false, &encoded,
	                                    &err),
	                 CER_BAD_CALL);
	encoded_release(&f);
}

/* ---- arrays ---- */

static void
assert_codes(const encoded_rows *f, cer_text text, uint32_t a, uint32_t b,
             uint32_t c)
{
	cer_value values[3];

	assert_int_equal(cer_encoders_count_values(f->encoders), 3);
	cer_encoders_encode_text(f->encoders, 0, text, values, 1);
	assert_int_equal(values[0].code, a);
	assert_int_equal(values[1].code, b);
	assert_int_equal(values[2].code, c);
}

/* "x y" is 2, a 3, b 4; 5 is nothing; c is rare. */
static void
test_encode__bag_has_a_code_for_each_element(void **state)
{
	column_rows c;
	encoded_rows f;

	(void) state;
	column_init(&c, CER_CODE32);
	c.input.name = TEXT("tags");
	column_add_texts(&c, "{b,a,\"x y\"}", 3);
	column_add_texts(&c, "{c,NULL}", 2);
	column_add_texts(&c, NULL, 1);
	encode_column(&f, &c, "FE tags : bag");
	assert_codes(&f, TEXT("{b,a,\"x y\"}"), 2, 3, 4);
	assert_codes(&f, TEXT("{a,a}"), 3, 3, 5);
	assert_codes(&f, TEXT("{a,c,d,b}"), 1, 1, 3);
	assert_codes(&f, TEXT("[0:1]={b,\"NULL\"}"), 1, 4, 5);
	assert_codes(&f, TEXT("{{b,b},{NULL,a}}"), 3, 4, 4);
	assert_codes(&f, TEXT("{}"), 5, 5, 5);
	assert_codes(&f, (cer_text){NULL, SIZE_MAX}, 0, 5, 5);
	encoded_release(&f);
}

/* What no training row has adds nothing: it has no row of the table. */
static void
test_encode__bag_leaves_out_what_it_has_not_seen(void **state)
{
	column_rows c;
	encoded_rows f;

	(void) state;
	column_init(&c, CER_CODE32);
	c.input.name = TEXT("tags");
	column_add_texts(&c, "{7,8}", 4);
	encode_column(&f, &c, "FE tags : bag(2, sum, 3)");
	assert_codes(&f, TEXT("{7,9,8}"), 2, 3, 4);
	assert_codes(&f, TEXT("{9,9,9,9,7,8,8,7}"), 2, 3, 3);
	assert_codes(&f, (cer_text){NULL, SIZE_MAX}, 4, 4, 4);
	assert_codes(&f, TEXT("{\"7"), 4, 4, 4);
	assert_codes(&f, TEXT("7,8"), 4, 4, 4);
	encoded_release(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encode__bag_has_a_code_for_each_element),
		cmocka_unit_test(test_encode__bag_leaves_out_what_it_has_not_seen),
		cmocka_unit_test(test_encode__robust_scales_by_quartiles),
		cmocka_unit_test(test_encode__robust_without_quartiles_uses_the_range),
		cmocka_unit_test(test_encode__constant_and_empty_columns_are_zero),
		cmocka_unit_test(
			test_encode__missing_numbers_have_a_number_of_their_own),
		cmocka_unit_test(test_encode__standardize_has_mean_0_and_deviation_1),
		cmocka_unit_test(test_encode__elements_of_arrays_have_one_scale),
		cmocka_unit_test(test_encode__ple_tells_how_far_x_has_come),
		cmocka_unit_test(test_encode__quantile_gives_normal_deviates),
		cmocka_unit_test(test_encode__a_block_has_the_bits_of_its_rows),
		cmocka_unit_test(test_encode__a_frequent_value_is_one_point),
		cmocka_unit_test(test_encode__huge_numbers_stay_finite),
		cmocka_unit_test(
			test_encode__categories_in_byte_order_rare_ones_together),
		cmocka_unit_test(test_encode__untrained_codes_have_a_stand_in),
		cmocka_unit_test(test_encode__many_values_are_embedded),
		cmocka_unit_test(test_encode__numbers_can_be_categories),
		cmocka_unit_test(test_encoders_unpack__refuses_damaged_bytes),
		cmocka_unit_test(test_encode__needs_rows_and_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
