/*
 * test_rate.c
 *	  Rates of classes by value: what rows see of others, and nothing of their
 *	  own label.
 */
#include "encoded.h"

#include "cmocka_all.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(s)  ((cer_text){s, sizeof(s) - 1})
#define MAX_ROWS 6000

static const arrival in_order = {0};

typedef struct rate_rows
{
	test_rows rows;
	cer_input input;
	uint64_t keys[MAX_ROWS];
	uint8_t parts[MAX_ROWS];
	uint16_t labels[MAX_ROWS];
	test_value values[MAX_ROWS];
} rate_rows;

static rate_rows *
rate_rows_new(cer_storage storage, size_t n_classes)
{
	rate_rows *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->input = (cer_input){TEXT("x"), storage};
	r->rows = (test_rows){0,        1,         n_classes, &r->input, r->keys,
	                      r->parts, r->labels, r->values, NULL};
	return r;
}

#define KEY_FACTOR  UINT64_C(0x9E3779B97F4A7C15)
#define KEY_INVERSE UINT64_C(0xF1DE83E19937733D)

/* Encoded rows are in the order of their keys: which of the rows it was. */
static size_t
get_row(const cer_encoded *encoded, size_t row)
{
	return (size_t) (encoded->row_keys[row] * KEY_INVERSE);
}

/* Keys lie apart, as hashes do. */
static void
add_row(rate_rows *r, cer_part_of_rows part, test_value value, unsigned label)
{
	size_t row = r->rows.n_rows++;

	assert_true(row < MAX_ROWS);
	r->keys[row] = row * KEY_FACTOR;
	r->parts[row] = (uint8_t) part;
	r->labels[row] = (uint16_t) label;
	r->values[row] = value;
}

static void
add_rows(rate_rows *r, const char *text, size_t n, size_t n_of_first)
{
	for (size_t i = 0; i < n; i++)
		add_row(r, CER_TRAIN,
		        (test_value){.text = {text, text ? strlen(text) : 0}},
		        i >= n_of_first);
}

static void
encode(encoded_rows *f, const rate_rows *r, const char *fe)
{
	cer_error err = {0};
	cer_status status =
		encoded_init(f, &r->rows, &cer_host_plain, &in_order, fe, &err);

	if (status != CER_OK)
		print_error("%s\n", err.message);
	assert_int_equal(status, CER_OK);
}

static size_t
count_stored(const encoded_rows *f)
{
	return cer_shape_count_stored(cer_encoders_get_shape(f->encoders));
}

/* The first number of a text, as a scorer has it. */
static float
score(const encoded_rows *f, const cer_encoders *encoders, cer_text text)
{
	float numbers[16];
	cer_value value;

	assert_true(count_stored(f) <= 16);
	cer_encoders_encode_text(encoders, 0, text, &value, 1);
	cer_encoders_apply_values(encoders, 1, &value, 1, numbers, NULL);
	return numbers[0];
}

static void
add_shops(rate_rows *r)
{
	add_rows(r, "bad", 100, 80);
	add_rows(r, "good", 100, 20);
	add_rows(r, "rare", 2, 0);
	add_rows(r, "usual", 100, 50);
	add_rows(r, NULL, 100, 95);
}

static void
test_rate__orders_values_by_their_classes(void **state)
{
	rate_rows *r = rate_rows_new(CER_CODE32, 2);
	const cer_input_shape *shape;
	encoded_rows f;

	(void) state;
	add_shops(r);
	encode(&f, r, "FE x : rate");
	shape = cer_encoders_get_shape(f.encoders);
	assert_int_equal(shape->n_tables, 0);
	assert_int_equal(shape->n_numbers, 3); /* the deviate and two bins */
	assert_true(score(&f, f.encoders, (cer_text){NULL, SIZE_MAX}) <
	            score(&f, f.encoders, TEXT("bad")));
	assert_true(score(&f, f.encoders, TEXT("bad")) <
	            score(&f, f.encoders, TEXT("usual")));
	assert_true(score(&f, f.encoders, TEXT("usual")) <
	            score(&f, f.encoders, TEXT("good")));
	assert_true(score(&f, f.encoders, TEXT("never seen")) ==
	            score(&f, f.encoders, TEXT("rare")));
	encoded_release(&f);
	free(r);
}

/*
 * Labels are thrown for values of three rows: what rows of other parts see
 * agrees with the label of these very rows, what the rows see themselves does
 * not.
 */
static void
test_rate__training_rows_do_not_see_their_label(void **state)
{
	rate_rows *r = rate_rows_new(CER_FLOAT64, 2);
	test_random random = {17};
	double own[2] = {0};
	double others[2] = {0};
	size_t n[2] = {0};
	encoded_rows f;

	(void) state;
	for (size_t i = 0; i < 3000; i++)
		add_row(r, CER_TRAIN, (test_value){.number = (double) (i / 3)},
		        (unsigned) random_below(&random, 2));
	encode(&f, r, "FE x : rate");
	assert_int_equal(f.train.n_rows, 3000);
	for (size_t row = 0; row < f.train.n_rows; row++)
	{
		size_t i = get_row(&f.train, row);
		cer_value value = {.number = (double) (i / 3)};
		unsigned label = f.train.labels[row];
		float numbers[16];

		cer_encoders_apply_values(f.encoders, 1, &value, 1, numbers, NULL);
		others[label] += (double) numbers[0];
		own[label] += (double) f.train.numbers[row * count_stored(&f)];
		n[label]++;
	}
	assert_true(others[1] / n[1] - others[0] / n[0] > 0.5);
	assert_true(fabs(own[1] / n[1] - own[0] / n[0]) < 0.15);
	encoded_release(&f);
	free(r);
}

static void
test_rate__has_a_number_for_each_of_many_classes(void **state)
{
	rate_rows *r = rate_rows_new(CER_FLOAT64, 4);
	encoded_rows f;

	(void) state;
	for (size_t i = 0; i < 400; i++)
		add_row(r, CER_TRAIN, (test_value){.number = (double) (i % 4)},
		        i % 20 < 2 ? 0 : (unsigned) (i % 4));
	for (size_t i = 0; i < 5; i++)
		add_row(r, CER_VALID, (test_value){.number = i == 4 ? NAN : (double) i},
		        0);
	encode(&f, r, "FE x : rate");
	assert_int_equal(count_stored(&f), 4);
	assert_int_equal(f.valid.n_rows, 5);
	for (size_t row = 0; row < 5; row++)
		for (size_t class = 0; class < 4; class ++)
		{
			size_t value = get_row(&f.valid, row) - 400;
			float number = f.valid.numbers[row * 4 + class];

			if (value == 4)
				assert_true(fabsf(number) < 1e-6f);
			else
				assert_true((number > 0) == (value == class));
		}
	encoded_release(&f);
	free(r);
}

/* Cut, one byte more, each byte otherwise: never more than is there is read. */
static void
test_rate__comes_back_from_bytes(void **state)
{
	rate_rows *r = rate_rows_new(CER_CODE32, 2);
	const cer_encoders *got;
	encoded_rows f;
	cer_text bytes;
	char *copy;

	(void) state;
	add_shops(r);
	encode(&f, r, "FE x : rate");
	assert_int_equal(cer_encoders_pack(f.arena, f.encoders, 0, &bytes, NULL),
	                 CER_OK);
	copy = calloc(1, bytes.size + 1);
	for (size_t size = 0; size <= bytes.size + 1; size++)
	{
		cer_text cut = {copy, size};

		memcpy(copy, bytes.data, bytes.size);
		assert_int_equal(cer_encoders_unpack(f.arena, &cut, 1, 2, &got, NULL),
		                 size == bytes.size ? CER_OK : CER_BAD_FORMAT);
	}
	for (size_t i = 0; i < 256 * bytes.size; i++)
	{
		cer_text changed = {copy, bytes.size};

		memcpy(copy, bytes.data, bytes.size);
		copy[i / 256] = (char) i;
		cer_encoders_unpack(f.arena, &changed, 1, 2, &got, NULL);
	}
	assert_int_equal(cer_encoders_unpack(f.arena, &bytes, 1, 2, &got, NULL),
	                 CER_OK);
	assert_true(score(&f, got, TEXT("bad")) ==
	            score(&f, f.encoders, TEXT("bad")));
	free(copy);
	encoded_release(&f);
	free(r);
}

/* Which rows are in which rate is forgotten with the training. */
static void
test_rate__from_bytes_is_not_for_training_rows(void **state)
{
	rate_rows *r = rate_rows_new(CER_CODE32, 2);
	const cer_encoders *got;
	encoded_rows f;
	cer_encoded encoded;
	cer_dataset *dataset;
	cer_text bytes;
	cer_error err;

	(void) state;
	add_shops(r);
	encode(&f, r, "FE x : rate");
	assert_int_equal(cer_encoders_pack(f.arena, f.encoders, 0, &bytes, NULL),
	                 CER_OK);
	assert_int_equal(cer_encoders_unpack(f.arena, &bytes, 1, 2, &got, NULL),
	                 CER_OK);
	assert_int_equal(
		rows_load(&r->rows, &cer_host_plain, &in_order, &dataset, &err),
		CER_OK);
	assert_int_equal(cer_encoders_apply(f.arena, &cer_host_plain, got, dataset,
	                                    CER_TRAIN, true, &encoded, &err),
	                 CER_BAD_CALL);
	cer_dataset_free(dataset);
	encoded_release(&f);
	free(r);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rate__orders_values_by_their_classes),
		cmocka_unit_test(test_rate__training_rows_do_not_see_their_label),
		cmocka_unit_test(test_rate__has_a_number_for_each_of_many_classes),
		cmocka_unit_test(test_rate__comes_back_from_bytes),
		cmocka_unit_test(test_rate__from_bytes_is_not_for_training_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
