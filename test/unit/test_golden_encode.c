/*
 * test_golden_encode.c
 *	  What encoders make of a column beside what scikit-learn, rtdl, pandas and
 *	  others made of it.
 *
 * test/reference/encoders.py wrote the files in test/golden: a line for FE, one
 * of counts, then a row a line: its value, its label, numbers, codes.
 * Tolerance: 1e-5, codes alike.
 */
#include "encoded.h"

#include "base/text.h"
#include "cmocka_all.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ROWS 200
#define MAX_MADE 16
#define MAX_TEXT 64

typedef struct golden_column
{
	char fe[MAX_TEXT];
	char kind[MAX_TEXT];
	size_t n_train;
	size_t n_numbers;
	size_t n_codes;
	cer_input input;
	cer_time_unit unit;
	test_rows rows;
	uint64_t keys[MAX_ROWS];
	uint8_t parts[MAX_ROWS];
	uint16_t labels[MAX_ROWS];
	test_value values[MAX_ROWS];
	char texts[MAX_ROWS][MAX_TEXT];
	double made[MAX_ROWS][MAX_MADE];
} golden_column;

/* "-" is missing. */
static void
read_value(golden_column *c, size_t row, FILE *file)
{
	test_value *value = &c->values[row];
	bool is_missing;

	assert_int_equal(fscanf(file, "%63s", c->texts[row]), 1);
	is_missing = strcmp(c->texts[row], "-") == 0;
	if (c->input.storage != CER_CODE32)
		value->number = is_missing ? NAN : strtod(c->texts[row], NULL);
	else if (!is_missing)
		value->text = cer_text_of(c->texts[row]);
}

static void
read_row(golden_column *c, size_t row, FILE *file)
{
	unsigned label;

	read_value(c, row, file);
	assert_int_equal(fscanf(file, "%u", &label), 1);
	for (size_t i = 0; i < c->n_numbers + c->n_codes; i++)
		assert_int_equal(fscanf(file, "%lf", &c->made[row][i]), 1);
	c->keys[row] = row;
	c->labels[row] = (uint16_t) label;
	c->parts[row] = row < c->n_train ? CER_TRAIN : CER_VALID;
}

static void
read_column(const char *name, golden_column *c)
{
	char path[128];
	size_t n_rows;
	size_t n_classes;
	FILE *file;

	memset(c, 0, sizeof(*c));
	snprintf(path, sizeof(path), "test/golden/encode_%s.txt", name);
	file = fopen(path, "r");
	if (file == NULL)
		fail_msg("cannot open %s", path);
	assert_non_null(fgets(c->fe, sizeof(c->fe), file));
	c->fe[strcspn(c->fe, "\n")] = '\0';
	assert_int_equal(fscanf(file, "%63s %zu %zu %zu %zu %zu", c->kind, &n_rows,
	                        &c->n_train, &n_classes, &c->n_numbers,
	                        &c->n_codes),
	                 6);
	assert_true(n_rows <= MAX_ROWS && c->n_numbers + c->n_codes <= MAX_MADE);
	c->input = (cer_input){
		{"x", 1}, strcmp(c->kind, "text") == 0 ? CER_CODE32 : CER_FLOAT64};
	c->unit =
		strcmp(c->kind, "timestamp") == 0 ? CER_UNIT_TIMESTAMP : CER_UNIT_NONE;
	for (size_t row = 0; row < n_rows; row++)
		read_row(c, row, file);
	fclose(file);
	c->rows = (test_rows){n_rows,   1,         n_classes, &c->input, c->keys,
	                      c->parts, c->labels, c->values, &c->unit};
}

static void
check_row(const golden_column *c, const cer_encoders *encoders,
          const cer_encoded *encoded, size_t row, const double *made)
{
	const cer_input_shape *shape = cer_encoders_get_shape(encoders);
	const float *numbers = cer_encoded_get_numbers(encoded, shape, row);
	const uint32_t *codes = cer_encoded_get_codes(encoded, shape, row);

	for (size_t i = 0; i < c->n_numbers; i++)
	{
		double number = cer_shape_get_number(shape, numbers, i);

		if (!(fabs(number - made[i]) <= 1e-5))
			fail_msg("%s: number %zu of row %zu: %g, the other has %g", c->fe,
			         i, row, number, made[i]);
	}
	for (size_t i = 0; i < c->n_codes; i++)
		if (codes[i] != (uint32_t) made[c->n_numbers + i])
			fail_msg("%s: code %zu of row %zu: %u, the other has %g", c->fe, i,
			         row, codes[i], made[c->n_numbers + i]);
}

static void
test_golden__encoders(void **state)
{
	static const char *const names[] = {
		"robust", "robust_missing", "log",    "standardize", "quantile",
		"ple",    "bins",           "onehot", "embed",       "hash",
		"rate",   "cycles",         "parts",
	};
	static const arrival in_order = {0};
	static golden_column c;

	(void) state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		const cer_input_shape *shape;
		cer_error err = {0};
		encoded_rows f;

		read_column(names[i], &c);
		if (encoded_init(&f, &c.rows, &cer_host_plain, &in_order, c.fe, &err) !=
		    CER_OK)
			fail_msg("%s: %s", c.fe, err.message);
		shape = cer_encoders_get_shape(f.encoders);
		assert_int_equal(shape->n_numbers, c.n_numbers);
		assert_int_equal(cer_shape_count_codes(shape), c.n_codes);
		for (size_t row = 0; row < c.n_train; row++)
			check_row(&c, f.encoders, &f.train, row, c.made[row]);
		for (size_t row = c.n_train; row < c.rows.n_rows; row++)
			check_row(&c, f.encoders, &f.valid, row - c.n_train, c.made[row]);
		encoded_release(&f);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden__encoders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
