/*
 * test_model.c
 *	  A model from its parts: scores what training scored, and parts that do not
 *	  belong together are refused.
 */
#include "cerebro.h"

#include "cmocka_all.h"
#include "data/dataset.h"
#include "failing_host.h"
#include "store/parts.h"
#include "trained.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MST                                                                    \
	"FE *, hour : onehot, city : embed(3), small : standardize AS mlp(16, 8) " \
	"PT epochs = 3, batch = 64"

static trained_model trained;

static int
set_up(void **state)
{
	test_random random;

	(void) state;
	random_init(&random);
	trained_init(&trained, &random, MST);
	return 0;
}

static int
tear_down(void **state)
{
	(void) state;
	trained_release(&trained);
	return 0;
}

static cer_arena *
make_model(const cer_part *parts, size_t n_parts, const cer_model **model)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	cer_error err = {0};
	cer_status status = cer_model_make(arena, parts, n_parts, model, &err);

	if (status != CER_OK)
		print_error("%s\n", err.message);
	assert_int_equal(status, CER_OK);
	return arena;
}

/* Values of a row as a server has them. */
static void
get_values(const cer_model *model, size_t row, cer_value *values)
{
	const test_rows *rows = trained.rows;

	for (size_t i = 0; i < ROWS_N_STAR; i++)
	{
		test_value from = rows->values[row * rows->n_inputs + i];
		cer_value *to = &values[cer_model_get_value(model, i)];
		cer_text text = from.text;

		assert_int_equal(cer_model_get_input(model, i)->storage,
		                 rows->inputs[i].storage);
		if (text.data == NULL)
			text.size = SIZE_MAX;
		if (rows->inputs[i].storage == CER_CODE32)
			cer_model_encode_text(model, i, text, to, 1);
		else
			to->number = from.number;
	}
}

static float *
score(const cer_model *model, const cer_value *values, size_t n_rows)
{
	size_t scratch_size = cer_model_get_scratch_size(model, n_rows);
	void *scratch = aligned_alloc(64, (scratch_size + 63) / 64 * 64);
	float *proba = calloc(n_rows * 2, sizeof(*proba));

	memset(scratch, 0x5A, scratch_size);
	cer_model_score(model, n_rows, values, proba, scratch);
	free(scratch);
	return proba;
}

/* The same values, by input. */
static float *
score_columns(const cer_model *model, const cer_value *values, size_t n_rows)
{
	size_t scratch_size = cer_model_get_scratch_size(model, n_rows);
	void *scratch = aligned_alloc(64, (scratch_size + 63) / 64 * 64);
	float *proba = calloc(n_rows * 2, sizeof(*proba));
	size_t stride = n_rows + 3;
	cer_value *columns = calloc(stride * ROWS_N_STAR, sizeof(*columns));

	for (size_t row = 0; row < n_rows; row++)
		for (size_t i = 0; i < ROWS_N_STAR; i++)
			columns[i * stride + row] = values[row * ROWS_N_STAR + i];
	memset(scratch, 0x5A, scratch_size);
	cer_model_score_columns(model, n_rows, columns, stride, proba, scratch);
	free(columns);
	free(scratch);
	return proba;
}

static const cer_part *
find_valid_scores(void)
{
	const cer_part *part = &trained.parts[trained.n_parts - 1];

	assert_int_equal(part->kind, CER_PART_VALID_SCORES);
	assert_int_equal(part->size, part->dims[0] * part->dims[1] * 2);
	return part;
}

static size_t
find_row(uint64_t key)
{
	size_t row = 0;

	while (trained.rows->row_keys[row] != key)
		row++;
	return row;
}

/* Validation rows in the order of their scores. */
static cer_value *
get_valid_values(const cer_model *model, size_t n_valid)
{
	const cer_data_view *view = cer_dataset_get_view(trained.dataset);
	size_t n_values = cer_model_count_values(model);
	cer_value *values = calloc(n_valid * n_values, sizeof(*values));

	assert_int_equal(n_valid,
	                 cer_dataset_count_rows(trained.dataset, CER_VALID));
	for (size_t i = 0; i < n_valid; i++)
		get_values(model,
		           find_row(view->row_keys[view->part_start[CER_VALID] + i]),
		           values + i * n_values);
	return values;
}

static void
test_model_score__is_what_training_scored(void **state)
{
	const cer_part *part = find_valid_scores();
	const uint16_t *scores = part->data;
	size_t n_valid = part->dims[0];
	const cer_model *model;
	cer_arena *arena = make_model(trained.parts, trained.n_parts, &model);
	cer_value *values = get_valid_values(model, n_valid);
	float *proba = score(model, values, n_valid);

	(void) state;
	assert_int_equal(cer_model_count_inputs(model), ROWS_N_STAR);
	assert_int_equal(cer_model_count_classes(model), 2);
	assert_string_equal(cer_model_get_kernel_class(model),
	                    cer_trainer_get_kernel_class(trained.trainer));
	for (size_t i = 0; i < 2 * n_valid; i++)
		assert_true(fabs(proba[i] - scores[i] / 65535.0) < 2e-5);
	for (size_t i = 0; i < n_valid; i++)
		assert_true(fabs(proba[2 * i] + proba[2 * i + 1] - 1) < 1e-5);
	free(proba);
	free(values);
	cer_arena_free(arena);
}

static void
test_model_score__does_not_depend_on_other_rows(void **state)
{
	static const size_t sizes[] = {1, 2, 3, 7, 16, 33};
	size_t n_valid = find_valid_scores()->dims[0];
	const cer_model *model;
	cer_arena *arena = make_model(trained.parts, trained.n_parts, &model);
	cer_value *values = get_valid_values(model, n_valid);
	float *expected = score(model, values, n_valid);

	(void) state;
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
		for (size_t first = 0; first + sizes[s] <= n_valid; first += sizes[s])
		{
			float *got = score(model, values + first * ROWS_N_STAR, sizes[s]);

			assert_memory_equal(got, expected + 2 * first,
			                    sizes[s] * 2 * sizeof(float));
			free(got);
		}
	free(expected);
	free(values);
	cer_arena_free(arena);
}

static void
test_model_score_columns__has_the_bits_of_rows(void **state)
{
	static const size_t sizes[] = {1, 2, 63, 64, 65, 130};
	size_t n_valid = find_valid_scores()->dims[0];
	const cer_model *model;
	cer_arena *arena = make_model(trained.parts, trained.n_parts, &model);
	cer_value *values = get_valid_values(model, n_valid);
	float *expected = score(model, values, n_valid);

	(void) state;
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
	{
		size_t n = sizes[s] < n_valid ? sizes[s] : n_valid;
		float *got = score_columns(model, values, n);

		assert_memory_equal(got, expected, n * 2 * sizeof(float));
		free(got);
	}
	free(expected);
	free(values);
	cer_arena_free(arena);
}

/* ---- order and damage of parts ---- */

static cer_part *
copy_parts(void)
{
	cer_part *parts = calloc(trained.n_parts + 1, sizeof(*parts));

	memcpy(parts, trained.parts, trained.n_parts * sizeof(*parts));
	return parts;
}

static void
test_model_make__takes_parts_in_any_order(void **state)
{
	cer_part *parts = copy_parts();
	size_t n = trained.n_parts;
	const cer_model *model;
	cer_arena *arena;

	(void) state;
	for (size_t i = 0; i < n / 2; i++)
	{
		cer_part swap = parts[i];

		parts[i] = parts[n - 1 - i];
		parts[n - 1 - i] = swap;
	}
	arena = make_model(parts, n, &model);
	cer_arena_free(arena);
	/* without the scores, which no scoring needs */
	arena = make_model(parts + 1, n - 1, &model);
	cer_arena_free(arena);
	free(parts);
}

static void
assert_refused(const cer_part *parts, size_t n_parts, cer_status expected)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	const cer_model *model = NULL;
	cer_error err = {0};

	assert_int_equal(cer_model_make(arena, parts, n_parts, &model, &err),
	                 expected);
	assert_int_not_equal(err.message[0], '\0');
	assert_null(model);
	cer_arena_free(arena);
}

/* Means and scores, the last ones, are not needed for scoring. */
static void
test_model_make__refuses_missing_and_double_parts(void **state)
{
	size_t n = trained.n_parts;
	cer_part *parts = copy_parts();

	(void) state;
	for (size_t i = 0; i + 2 < n; i++)
	{
		parts[i] = parts[n - 1];
		assert_refused(parts, n, CER_BAD_FORMAT);
		parts[i] = trained.parts[i];
		parts[n] = parts[i];
		assert_refused(parts, n + 1, CER_BAD_FORMAT);
	}
	assert_refused(parts, 0, CER_BAD_FORMAT);
	free(parts);
}

static void
test_model_make__refuses_parts_of_another_shape(void **state)
{
	static const float infinite[1 << 16] = {INFINITY};
	cer_part *parts = copy_parts();

	(void) state;
	for (size_t i = 0; i + 2 < trained.n_parts; i++)
	{
		cer_part *part = &parts[i];

		part->name.size--;
		assert_refused(parts, trained.n_parts, CER_BAD_FORMAT);
		part->name.size++;
		part->size--;
		assert_refused(parts, trained.n_parts, CER_BAD_FORMAT);
		part->size++;
		if (part->kind == CER_PART_TENSOR)
		{
			part->dims[0]++;
			assert_refused(parts, trained.n_parts, CER_BAD_FORMAT);
			part->dims[0]--;
			assert_true(part->size <= sizeof(infinite));
			part->data = infinite;
			assert_refused(parts, trained.n_parts, CER_BAD_FORMAT);
		}
		*part = trained.parts[i];
	}
	free(parts);
}

/* ---- the header ---- */

static cer_model_header
read_header(cer_arena *arena)
{
	cer_model_header header;
	cer_text bytes = {trained.parts[0].data, trained.parts[0].size};

	assert_int_equal(trained.parts[0].kind, CER_PART_HEADER);
	assert_int_equal(cer_model_header_unpack(arena, bytes, &header, NULL),
	                 CER_OK);
	return header;
}

static void
write_header(cer_arena *arena, const cer_model_header *header, cer_part *part)
{
	cer_text bytes;

	assert_int_equal(cer_model_header_pack(arena, header, &bytes, NULL),
	                 CER_OK);
	part->data = bytes.data;
	part->size = bytes.size;
}

static void
test_model_header__says_what_it_is(void **state)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	cer_model_header header = read_header(arena);

	(void) state;
	assert_int_equal(header.n_inputs, ROWS_N_STAR);
	assert_int_equal(header.n_classes, 2);
	assert_int_equal(header.library_version.size, strlen(CER_VERSION));
	assert_int_equal(header.language_version, CER_LANGUAGE_VERSION);
	assert_memory_equal(header.triple.data, "FE *, ", 6);
	cer_arena_free(arena);
}

static void
test_model_make__refuses_another_header(void **state)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	cer_part *parts = copy_parts();
	cer_model_header header = read_header(arena);
	cer_model_header changed = header;

	(void) state;
	changed.language_version++;
	write_header(arena, &changed, &parts[0]);
	assert_refused(parts, trained.n_parts, CER_BAD_VERSION);
	changed = header;
	changed.triple = (cer_text){"FE * AS mlp(7)", 14};
	write_header(arena, &changed, &parts[0]);
	assert_refused(parts, trained.n_parts, CER_BAD_FORMAT);
	changed.triple.size = 7;
	write_header(arena, &changed, &parts[0]);
	assert_refused(parts, trained.n_parts, CER_SYNTAX);
	changed = header;
	changed.n_classes++;
	write_header(arena, &changed, &parts[0]);
	assert_refused(parts, trained.n_parts, CER_BAD_FORMAT);
	changed = header;
	changed.n_inputs--;
	write_header(arena, &changed, &parts[0]);
	assert_refused(parts, trained.n_parts, CER_BAD_FORMAT);
	free(parts);
	cer_arena_free(arena);
}

static void
test_model_header__refuses_damaged_bytes(void **state)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	const cer_part *part = &trained.parts[0];
	char *copy = malloc(part->size);
	cer_model_header header;

	(void) state;
	for (size_t size = 0; size < part->size; size++)
		assert_int_equal(cer_model_header_unpack(arena,
		                                         (cer_text){part->data, size},
		                                         &header, NULL),
		                 CER_BAD_FORMAT);
	for (size_t i = 0; i < 256 * part->size; i++)
	{
		memcpy(copy, part->data, part->size);
		copy[i / 256] = (char) i;
		cer_model_header_unpack(arena, (cer_text){copy, part->size}, &header,
		                        NULL);
		if (i % 4096 == 0)
			cer_arena_clear(arena);
	}
	copy[0] = 9;
	assert_int_equal(cer_model_header_unpack(
						 arena, (cer_text){copy, part->size}, &header, NULL),
	                 CER_BAD_VERSION);
	free(copy);
	cer_arena_free(arena);
}

/* ---- tensors whose rows come by their codes ---- */

/* By its name, that of a member's without the number. */
static const cer_part *
find_trained(cer_text name)
{
	if (name.size > 2 && name.data[1] == '/')
		name = (cer_text){name.data + 2, name.size - 2};
	for (size_t i = 0; i < trained.n_parts; i++)
		if (trained.parts[i].kind == CER_PART_TENSOR &&
		    trained.parts[i].name.size == name.size &&
		    memcmp(trained.parts[i].name.data, name.data, name.size) == 0)
			return &trained.parts[i];
	fail();
	return NULL;
}

/* Puts what the rows lack; returns how many rows of tensors that was. */
static size_t
put_missing(const cer_model *model, const cer_score_rows *rows, void *scratch)
{
	uint32_t missing[CER_FETCH_ROWS];
	cer_fetch fetch = {.rows = rows};
	size_t n_put = 0;

	for (size_t i = 0; i < cer_model_count_left_out(model); i++)
	{
		const cer_left_out *tensor = cer_model_get_left_out(model, i);
		const float *whole = find_trained(tensor->name)->data;
		size_t n = cer_model_find_missing(model, i, &fetch, missing, scratch);

		for (size_t k = 0; k < n; k++, n_put++)
		{
			assert_true(missing[k] < tensor->n_codes);
			assert_int_equal(
				cer_model_put_row(model, i, missing[k],
			                      whole + missing[k] * tensor->n_floats,
			                      scratch, NULL),
				CER_OK);
		}
	}
	return n_put;
}

/* Row by row, so that most are there of others. */
static void
assert_scores(const cer_model *model, const cer_value *values, size_t n_rows,
              const float *expected)
{
	size_t size = cer_model_get_scratch_size(model, 1);
	size_t n_values = cer_model_count_values(model);
	void *scratch = aligned_alloc(64, (size + 63) / 64 * 64);
	size_t n_put = 0;
	float proba[2];

	for (size_t row = 0; row < n_rows; row++)
	{
		cer_score_rows one = {
			.n_rows = 1, .values = values + row * n_values, .stride = 1};

		n_put += put_missing(model, &one, scratch);
		cer_model_score_partials(model, &one, proba, scratch);
		assert_memory_equal(proba, expected + 2 * row, sizeof(proba));
	}
	assert_in_range(n_put, 1, 200);
	free(scratch);
}

static void
test_model_put_row__has_the_bits_of_whole_tensors(void **state)
{
	size_t n_valid = find_valid_scores()->dims[0];
	const cer_model *model;
	cer_arena *arena = make_model(trained.parts, trained.n_parts, &model);
	cer_value *values = get_valid_values(model, n_valid);
	float *expected = score(model, values, n_valid);
	size_t n_left_out = 0;

	(void) state;
	for (size_t i = 0; i + 2 < trained.n_parts; i++)
	{
		cer_part *parts = copy_parts();
		cer_error err = {0};

		parts[i].data = NULL;
		if (parts[i].kind == CER_PART_TENSOR &&
		    cer_model_make(arena, parts, trained.n_parts, &model, &err) ==
		        CER_OK)
		{
			assert_int_equal(cer_model_count_left_out(model), 1);
			assert_scores(model, values, n_valid, expected);
			n_left_out++;
		}
		else if (parts[i].kind == CER_PART_TENSOR)
			assert_non_null(strstr(err.message, "is needed whole"));
		free(parts);
	}
	assert_int_equal(n_left_out, 3); /* rows of codes and an embedding */
	free(expected);
	free(values);
	cer_arena_free(arena);
}

/* Without the first member's tensor, and without both members'. */
static void
check_members(cer_part *parts, size_t n_parts, size_t first, size_t second,
              const float *expected, const cer_value *values, size_t n_valid)
{
	const void *data = parts[first].data;
	const cer_model *model;

	parts[first].data = NULL;
	for (size_t n = 1; n <= 2; n++)
	{
		cer_arena *arena = make_model(parts, n_parts, &model);

		assert_int_equal(cer_model_count_left_out(model), n);
		assert_scores(model, values, n_valid, expected);
		cer_arena_free(arena);
		parts[second].data = NULL;
	}
	parts[first].data = parts[second].data = data;
}

static bool
is_left_out_alone(size_t i)
{
	cer_part *parts = copy_parts();
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	const cer_model *model;
	cer_status status;

	parts[i].data = NULL;
	status = cer_model_make(arena, parts, trained.n_parts, &model, NULL);
	cer_arena_free(arena);
	free(parts);
	return status == CER_OK;
}

static void
test_model_put_row__of_members_has_the_bits_of_whole_tensors(void **state)
{
	static const double weights[] = {0.25, 0.75};
	size_t n_valid = find_valid_scores()->dims[0];
	size_t n_alone = trained.n_parts - 1; /* without scores */
	size_t n_left_out = 0;
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	size_t n_parts;
	cer_part *parts = trained_double(arena, &trained, weights, &n_parts);
	const cer_model *model;
	cer_arena *of_model = make_model(parts, n_parts, &model);
	cer_value *values = get_valid_values(model, n_valid);
	float *expected = score(model, values, n_valid);

	(void) state;
	for (size_t i = 0; i < n_alone; i++)
		if (parts[i].kind == CER_PART_TENSOR && is_left_out_alone(i))
		{
			check_members(parts, n_parts, i, n_alone + i, expected, values,
			              n_valid);
			n_left_out++;
		}
	assert_int_equal(n_left_out, 3);
	free(expected);
	free(values);
	cer_arena_free(of_model);
	cer_arena_free(arena);
}

static void
test_model_put_row__refuses_infinite_weights(void **state)
{
	static const float infinite[1 << 12] = {INFINITY};
	cer_part *parts = copy_parts();
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	const cer_model *model = NULL;
	cer_error err = {0};

	(void) state;
	for (size_t i = 0; model == NULL; i++)
	{
		const void *data = parts[i].data;

		assert_true(i < trained.n_parts);
		if (parts[i].kind == CER_PART_TENSOR && parts[i].n_dims == 2)
			parts[i].data = NULL;
		if (parts[i].data != NULL ||
		    cer_model_make(arena, parts, trained.n_parts, &model, NULL) !=
		        CER_OK)
			parts[i].data = data;
	}
	assert_int_equal(cer_model_put_row(model, 0, 0, infinite, NULL, &err),
	                 CER_BAD_FORMAT);
	assert_non_null(strstr(err.message, "not finite"));
	free(parts);
	cer_arena_free(arena);
}

/* ---- memory ---- */

static cer_status
make_and_free(cer_arena *arena, void *arg)
{
	const cer_model *model;

	(void) arg;
	return cer_model_make(arena, trained.parts, trained.n_parts, &model, NULL);
}

static void
test_model_make__survives_each_failed_allocation(void **state)
{
	(void) state;
	assert_true(failing_host_run_arena(make_and_free, NULL) > 2);
}

static cer_status
pack_and_free(cer_arena *arena, void *arg)
{
	const cer_part *parts;
	size_t n_parts;

	(void) arg;
	return cer_trainer_make_parts(arena, trained.trainer, &parts, &n_parts,
	                              NULL);
}

static void
test_parts_make__survives_each_failed_allocation(void **state)
{
	(void) state;
	assert_true(failing_host_run_arena(pack_and_free, NULL) > 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model_score__is_what_training_scored),
		cmocka_unit_test(test_model_score__does_not_depend_on_other_rows),
		cmocka_unit_test(test_model_score_columns__has_the_bits_of_rows),
		cmocka_unit_test(test_model_make__takes_parts_in_any_order),
		cmocka_unit_test(test_model_make__refuses_missing_and_double_parts),
		cmocka_unit_test(test_model_make__refuses_parts_of_another_shape),
		cmocka_unit_test(test_model_put_row__has_the_bits_of_whole_tensors),
		cmocka_unit_test(
			test_model_put_row__of_members_has_the_bits_of_whole_tensors),
		cmocka_unit_test(test_model_put_row__refuses_infinite_weights),
		cmocka_unit_test(test_model_header__says_what_it_is),
		cmocka_unit_test(test_model_make__refuses_another_header),
		cmocka_unit_test(test_model_header__refuses_damaged_bytes),
		cmocka_unit_test(test_model_make__survives_each_failed_allocation),
		cmocka_unit_test(test_parts_make__survives_each_failed_allocation),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
