/*
 * test_trunk.c
 *	  What models have in common is computed once, with the bits of each alone.
 */
#include "cerebro.h"

#include "cmocka_all.h"
#include "trained.h"

#include <stdlib.h>
#include <string.h>

#define FE     "FE *, hour : onehot, city : embed(3), small : standardize "
#define PT     " PT epochs = 3, batch = 64"
#define N_ROWS 133
#define STRIDE (N_ROWS + 5)

static trained_model chain;   /* of three layers */
static trained_model network; /* of the same rows, no chain */

static int
set_up(void **state)
{
	test_random random;
	test_random again;

	(void) state;
	random_init(&random);
	again = random;
	trained_init(&chain, &random, FE "AS mlp(16, 8)" PT);
	trained_init(&network, &again, FE "AS residual(1, 12)" PT);
	return 0;
}

static int
tear_down(void **state)
{
	(void) state;
	trained_release(&chain);
	trained_release(&network);
	return 0;
}

/* ---- parts with ids ---- */

typedef struct parts
{
	size_t n;
	cer_part *parts;
	uint8_t (*ids)[CER_ID_SIZE];
	float *changed;
} parts;

/* As different as tests need. */
static void
make_id(const cer_part *part, uint8_t *id)
{
	for (size_t k = 0; k < CER_ID_SIZE; k++)
	{
		uint64_t hash = 1469598103934665603u + k;

		for (size_t i = 0; i < part->size; i++)
			hash = (hash ^ ((const uint8_t *) part->data)[i]) * 1099511628211u;
		id[k] = (uint8_t) (hash >> 32);
	}
}

static parts
copy_parts(const trained_model *trained)
{
	parts made = {.n = trained->n_parts,
	              .parts = calloc(trained->n_parts, sizeof(cer_part)),
	              .ids = calloc(trained->n_parts, CER_ID_SIZE)};

	for (size_t i = 0; i < made.n; i++)
	{
		made.parts[i] = trained->parts[i];
		make_id(&made.parts[i], made.ids[i]);
		made.parts[i].id = made.ids[i];
	}
	return made;
}

static void
change_tensor(parts *of, size_t i)
{
	cer_part *part = &of->parts[i];
	size_t n = part->size / sizeof(float);

	of->changed = malloc(part->size);
	memcpy(of->changed, part->data, part->size);
	for (size_t k = 0; k < n; k++)
		of->changed[k] = of->changed[k] * 1.5f + 0.01f;
	part->data = of->changed;
	make_id(part, of->ids[i]);
}

static size_t
find_tensor(const parts *of, bool is_last)
{
	size_t found = of->n;

	for (size_t i = 0; i < of->n; i++)
		if (of->parts[i].kind == CER_PART_TENSOR && (is_last || found == of->n))
			found = i;
	return found;
}

static void
free_parts(parts *of)
{
	free(of->parts);
	free(of->ids);
	free(of->changed);
}

static const cer_model *
make_model(cer_arena *arena, const parts *of, cer_weight_layout layout)
{
	cer_model_copy copy = {
		.layout = layout, .parts = of->parts, .n_parts = of->n};
	const cer_model *model;

	assert_int_equal(cer_model_make_copy(arena, &copy, &model, NULL), CER_OK);
	return model;
}

/* ---- scores ---- */

static void
fill_values(const cer_model *model, cer_value *values)
{
	const test_rows *rows = chain.rows;

	for (size_t row = 0; row < N_ROWS; row++)
		for (size_t i = 0; i < ROWS_N_STAR; i++)
		{
			test_value from = rows->values[row * rows->n_inputs + i];
			cer_text text = from.text;

			if (text.data == NULL)
				text.size = SIZE_MAX;
			if (rows->inputs[i].storage == CER_CODE32)
				cer_model_encode_text(model, i, text, &values[i * STRIDE + row],
				                      1);
			else
				values[i * STRIDE + row].number = from.number;
		}
}

static void *
make_scratch(size_t size)
{
	void *scratch = aligned_alloc(64, (size + 127) / 64 * 64);

	memset(scratch, 0x5A, (size + 127) / 64 * 64);
	return scratch;
}

/* The bytes behind what was asked for are as they were. */
static void
check_scratch(const char *scratch, size_t size)
{
	for (size_t i = size; i < (size + 127) / 64 * 64; i++)
		assert_int_equal(scratch[i], 0x5A);
}

static void
assert_scores(const cer_model *model, const cer_score_rows *rows,
              const float *got)
{
	size_t size = cer_model_get_scratch_size(model, rows->n_rows);
	void *scratch = make_scratch(size);
	float expected[2 * N_ROWS];

	cer_model_score_partials(model, rows, expected, scratch);
	assert_memory_equal(got, expected, rows->n_rows * 2 * sizeof(float));
	check_scratch(scratch, size);
	free(scratch);
}

/* All follow the first one. */
static void
check_together(const cer_model *const *models, size_t n_models, size_t n_rows)
{
	cer_value values[ROWS_N_STAR * STRIDE];
	cer_score_rows rows = {
		.n_rows = n_rows, .values = values, .stride = STRIDE};
	cer_follower followers[4];
	float proba[5][2 * N_ROWS];
	cer_together together = {models[0], proba[0], n_models - 1, followers};
	size_t size;
	void *scratch;

	fill_values(models[0], values);
	for (size_t i = 1; i < n_models; i++)
		followers[i - 1] = (cer_follower){
			.model = models[i],
			.n_shared = cer_model_count_shared(models[i], models[0]),
			.proba = proba[i]};
	size = cer_together_get_scratch_size(&together, n_rows);
	scratch = make_scratch(size);
	cer_together_score(&together, &rows, scratch);
	check_scratch(scratch, size);
	for (size_t i = 0; i < n_models; i++)
		assert_scores(models[i], &rows, proba[i]);
	free(scratch);
}

/* ---- tests ---- */

/* The model with one tensor changed beside the model itself; by how many layers
 * they share, how often that was seen. */
static void
check_changes(cer_weight_layout layout, size_t seen[4])
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	parts whole = copy_parts(&chain);
	const cer_model *models[2] = {make_model(arena, &whole, layout)};

	for (size_t i = 0; i < whole.n; i++)
	{
		parts changed = copy_parts(&chain);
		size_t n_shared;

		if (whole.parts[i].kind == CER_PART_TENSOR)
		{
			change_tensor(&changed, i);
			models[1] = make_model(arena, &changed, layout);
			assert_true(cer_model_encodes_as(models[0], models[1]));
			n_shared = cer_model_count_shared(models[0], models[1]);
			assert_in_range(n_shared, 0, 2);
			seen[n_shared]++;
			check_together(models, 2, N_ROWS);
			check_together(models, 2, 1);
		}
		free_parts(&changed);
	}
	free_parts(&whole);
	cer_arena_free(arena);
}

static void
test_together__has_the_bits_of_each_alone(void **state)
{
	size_t seen[4] = {0};

	(void) state;
	check_changes(CER_LAYOUT_FP32, seen);
	assert_in_range(seen[0], 4, 20); /* numbers, codes, an embedding, bias */
	assert_int_equal(seen[1], 2);
	assert_int_equal(seen[2], 2);
	check_changes(CER_LAYOUT_BF16, seen);
}

/* One that shares all, one some, one none, one that is no chain. */
static void
test_together__takes_several(void **state)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	parts of[4];
	const cer_model *models[5];

	(void) state;
	for (size_t i = 0; i < 4; i++)
		of[i] = copy_parts(i < 3 ? &chain : &network);
	change_tensor(&of[1], find_tensor(&of[1], false));
	change_tensor(&of[2], find_tensor(&of[2], true));
	for (size_t i = 0; i < 4; i++)
		models[i] = make_model(arena, &of[i], CER_LAYOUT_FP32);
	models[4] = make_model(arena, &of[0], CER_LAYOUT_FP32);
	assert_int_equal(cer_model_count_layers(models[0]), 3);
	assert_int_equal(cer_model_count_shared(models[4], models[0]), 3);
	assert_int_equal(cer_model_count_shared(models[1], models[0]), 0);
	assert_int_equal(cer_model_count_shared(models[2], models[0]), 2);
	assert_int_equal(cer_model_count_layers(models[3]), 0);
	assert_true(cer_model_encodes_as(models[3], models[0]));
	for (size_t first = 0; first < 5; first++)
	{
		const cer_model *turned[5];

		for (size_t i = 0; i < 5; i++)
			turned[i] = models[(first + i) % 5];
		check_together(turned, 5, N_ROWS);
	}
	for (size_t i = 0; i < 4; i++)
		free_parts(&of[i]);
	cer_arena_free(arena);
}

static void
test_model_encodes_as__by_ids(void **state)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	parts whole = copy_parts(&chain);
	const cer_model *model = make_model(arena, &whole, CER_LAYOUT_FP32);
	const cer_model *rounded = make_model(arena, &whole, CER_LAYOUT_BF16);

	(void) state;
	assert_true(cer_model_encodes_as(model, rounded));
	assert_int_equal(cer_model_count_shared(model, rounded), 0);
	for (size_t i = 0; i < whole.n; i++)
	{
		parts other = copy_parts(&chain);
		const cer_model *changed;
		bool is_encoder = whole.parts[i].kind == CER_PART_ENCODER;
		bool is_known = !is_encoder && whole.parts[i].kind != CER_PART_TENSOR;

		other.parts[i].id = NULL;
		changed = make_model(arena, &other, CER_LAYOUT_FP32);
		assert_int_equal(cer_model_encodes_as(model, changed), is_known);
		assert_false(cer_model_encodes_as(changed, changed) && !is_known);
		other.parts[i].id = other.ids[i];
		other.ids[i][5] ^= 1;
		changed = make_model(arena, &other, CER_LAYOUT_FP32);
		assert_int_equal(cer_model_encodes_as(model, changed), !is_encoder);
		free_parts(&other);
	}
	free_parts(&whole);
	cer_arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_together__has_the_bits_of_each_alone),
		cmocka_unit_test(test_together__takes_several),
		cmocka_unit_test(test_model_encodes_as__by_ids),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
