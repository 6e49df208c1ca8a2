/*
 * test_encode_rows.c
 *	  Encoded rows are the same for columns and single rows, however the rows
 *	  came, on any number of threads, and after a trip through bytes.
 */
#include "encoded.h"

#include "cmocka_all.h"
#include "failing_host.h"

#include <string.h>

static const arrival in_order = {0};

static const char *const all_kinds =
	"FE *, hour : onehot, city : embed(5), small : standardize, "
	"wide : quantile, same : ple(3), tags : bag";

/* Several for one column; wide holds timestamps, small times, same dates. */
static const char *const more_kinds =
	"FE *, hour : bins(5) + hash(7, 3) + cycles(24) + periodic(4, 2), "
	"wide : parts + cycles + log + ple(3, d = 2) + robust, "
	"small : cycles + parts + pbld(3), same : parts + cycles + quantile, "
	"color : onehot + hash(4, 2) + ngram(2, 3, 11, 4), city : ngram + embed, "
	"tags : bag(3, sum, 2)";

static const cer_time_unit units[ROWS_N_INPUTS] = {
	CER_UNIT_TIMESTAMP, CER_UNIT_NONE, CER_UNIT_TIME, CER_UNIT_DATE};

static const struct
{
	const char *fe;
	const cer_time_unit *units;
	bool sees_others; /* training rows are encoded by the others' labels */
} kinds[] = {
	{all_kinds, NULL, false},
	{more_kinds, units, false},
	{"FE *, tags : bag(2, most = 1)", units, false},
	{"FE *, hour : rate + bins(5), city : embed + rate(3), wide : rate, tags : bag",
     units, true}};

#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void
assert_encoded_equal(const cer_encoded *a, const cer_encoded *b,
                     const cer_input_shape *shape)
{
	size_t n = a->n_rows;

	assert_int_equal(n, b->n_rows);
	for (size_t row = 0; row < n; row++)
	{
		assert_memory_equal(cer_encoded_get_numbers(a, shape, row),
		                    cer_encoded_get_numbers(b, shape, row),
		                    cer_shape_count_stored(shape) * sizeof(float));
		assert_memory_equal(cer_encoded_get_codes(a, shape, row),
		                    cer_encoded_get_codes(b, shape, row),
		                    cer_shape_count_codes(shape) * sizeof(uint32_t));
	}
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
check_arrivals(test_random *random, size_t n_rows, bool has_ties, size_t kind)
{
	test_rows *rows = rows_make(random, n_rows, has_ties);
	const char *fe = kinds[kind].fe;
	const arrival any = {random, true, true};
	cer_host threads = cer_host_plain;
	const cer_input_shape *shape;
	encoded_rows expected;

	rows->units = kinds[kind].units;
	threads.run_tasks = run_backwards;
	assert_int_equal(
		encoded_init(&expected, rows, &cer_host_plain, &in_order, fe, NULL),
		CER_OK);
	shape = cer_encoders_get_shape(expected.encoders);
	for (size_t n_threads = 1; n_threads < 9; n_threads += 2)
	{
		encoded_rows got;

		threads.n_threads = n_threads;
		assert_int_equal(encoded_init(&got, rows, &threads, &any, fe, NULL),
		                 CER_OK);
		assert_encoded_equal(&expected.train, &got.train, shape);
		assert_encoded_equal(&expected.valid, &got.valid, shape);
		encoded_release(&got);
	}
	encoded_release(&expected);
	rows_free(rows);
}

static void
test_encode__does_not_tell_how_rows_came(void **state)
{
	test_random random;

	(void) state;
	random_init(&random);
	for (size_t kind = 0; kind < N_KINDS; kind++)
	{
		check_arrivals(&random, 2, false, kind);
		check_arrivals(&random, 3000, false, kind);
		check_arrivals(&random, 3000, true, kind);
	}
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

		size_t n_values;
		cer_value *to = values + cer_encoders_get_value(encoders, i, &n_values);

		if (rows->inputs[i].storage != CER_CODE32)
		{
			to->number = from.number;
			continue;
		}
		if (text.data == NULL)
			text.size = SIZE_MAX;
		cer_encoders_encode_text(encoders, i, text, to, 1);
	}
}

#define MAX_MADE 256 /* of a row, by any of these encoders */

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
	float numbers[MAX_MADE];
	uint32_t codes[MAX_MADE];
	size_t n_checked = 0;

	for (size_t row = 0; row < rows->n_rows; row++)
	{
		size_t at = find_key(encoded, rows->row_keys[row]);
		cer_value values[MAX_MADE];

		if (at == SIZE_MAX)
			continue;
		n_checked++;
		get_row(encoders, rows, row, values);
		cer_encoders_apply_values(encoders, 1, values, 1, numbers, codes);
		assert_memory_equal(numbers,
		                    cer_encoded_get_numbers(encoded, shape, at),
		                    cer_shape_count_stored(shape) * sizeof(float));
		assert_memory_equal(codes, cer_encoded_get_codes(encoded, shape, at),
		                    cer_shape_count_codes(shape) * sizeof(uint32_t));
	}
	assert_int_equal(n_checked, encoded->n_rows);
}

static void
test_encode__row_by_row_is_as_by_column(void **state)
{
	test_random random;

	(void) state;
	random_init(&random);
	for (size_t kind = 0; kind < N_KINDS; kind++)
	{
		test_rows *rows = rows_make(&random, 7000, false);
		encoded_rows f;

		rows->units = kinds[kind].units;
		assert_int_equal(encoded_init(&f, rows, &cer_host_plain, &in_order,
		                              kinds[kind].fe, NULL),
		                 CER_OK);
		if (!kinds[kind].sees_others)
			assert_rows_equal_columns(f.encoders, rows, &f.train);
		assert_rows_equal_columns(f.encoders, rows, &f.valid);
		encoded_release(&f);
		rows_free(rows);
	}
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
check_bytes(test_random *random, size_t kind)
{
	test_rows *rows = rows_make(random, 1000, false);
	const cer_encoders *got;
	cer_text bytes[ROWS_N_INPUTS], again[ROWS_N_INPUTS];
	encoded_rows f;

	rows->units = kinds[kind].units;
	assert_int_equal(encoded_init(&f, rows, &cer_host_plain, &in_order,
	                              kinds[kind].fe, NULL),
	                 CER_OK);
	got = pack_and_unpack(f.arena, f.encoders, bytes);
	assert_rows_equal_columns(got, rows,
	                          kinds[kind].sees_others ? &f.valid : &f.train);
	pack_and_unpack(f.arena, got, again);
	for (size_t i = 0; i < ROWS_N_INPUTS; i++)
	{
		assert_int_equal(bytes[i].size, again[i].size);
		assert_memory_equal(bytes[i].data, again[i].data, bytes[i].size);
	}
	encoded_release(&f);
	rows_free(rows);
}

/* Bytes that are changed are refused, or are those of other encoders. */
static void
check_damage(test_random *random, size_t kind)
{
	test_rows *rows = rows_make(random, 300, false);
	cer_text bytes[ROWS_N_INPUTS];
	encoded_rows f;

	rows->units = kinds[kind].units;
	assert_int_equal(encoded_init(&f, rows, &cer_host_plain, &in_order,
	                              kinds[kind].fe, NULL),
	                 CER_OK);
	pack_and_unpack(f.arena, f.encoders, bytes);
	for (size_t i = 0; i < ROWS_N_INPUTS; i++)
		for (size_t at = 0; at < 256 && at < bytes[i].size; at++)
		{
			char *byte = (char *) (uintptr_t) bytes[i].data + at;
			char before = *byte;
			const cer_encoders *got;
			cer_text again;

			*byte = (char) random_bits(random);
			if (cer_encoders_unpack(f.arena, &bytes[i], 1, 2, &got, NULL) ==
			    CER_OK)
			{
				assert_int_equal(
					cer_encoders_pack(f.arena, got, 0, &again, NULL), CER_OK);
				assert_int_equal(again.size, bytes[i].size);
				assert_memory_equal(again.data, bytes[i].data, again.size);
			}
			*byte = before;
		}
	encoded_release(&f);
	rows_free(rows);
}

static void
test_encoders_unpack__gives_what_was_packed(void **state)
{
	test_random random;

	(void) state;
	random_init(&random);
	for (size_t kind = 0; kind < N_KINDS; kind++)
	{
		check_bytes(&random, kind);
		check_damage(&random, kind);
	}
}

/* ---- failures ---- */

static cer_status
encode_and_release(const cer_host *host, void *arg)
{
	test_rows *rows = arg;
	const char *fe = rows->units != NULL ? more_kinds : all_kinds;
	encoded_rows f;
	cer_text bytes;
	cer_status status = encoded_init(&f, rows, host, &in_order, fe, NULL);

	for (size_t i = 0; status == CER_OK && i < ROWS_N_INPUTS; i++)
		status = cer_encoders_pack(f.arena, f.encoders, i, &bytes, NULL);
	if (status == CER_OK)
		status = cer_encoders_unpack(f.arena, &bytes, 1, 2, &f.encoders, NULL);
	encoded_release(&f);
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
	rows->units = units;
	assert_true(failing_host_run(encode_and_release, rows) > 30);
	rows_free(rows);
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
		encoded_rows f;

		assert_true(n < 100);
		n_polls_left = n;
		status = encoded_init(&f, rows, &host, &in_order, all_kinds, NULL);
		assert_true(status == CER_OK || status == CER_CANCELED);
		encoded_release(&f);
	}
	rows_free(rows);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encode__does_not_tell_how_rows_came),
		cmocka_unit_test(test_encode__row_by_row_is_as_by_column),
		cmocka_unit_test(test_encoders_unpack__gives_what_was_packed),
		cmocka_unit_test(test_encode__survives_each_failed_allocation),
		cmocka_unit_test(test_encode__can_be_canceled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
