/*
 * test_copy.c
 *	  Copies of weights in fewer bytes: how near they come, and bytes that are
 *	  none.
 */
#include "cerebro.h"

#include "cmocka_all.h"
#include "random.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define N ((size_t) 1000)

static float weights[N];
static float got[N];
static char bytes[N * sizeof(float)];

static void
draw_weights(double size)
{
	test_random random;

	random_init(&random);
	for (size_t i = 0; i < N; i++)
		weights[i] = (float) (size * pow(10.0, 4 * random_unit(&random) - 4) *
		                      (random_below(&random, 2) ? 1 : -1));
}

static void
copy(cer_weight_layout layout, size_t n)
{
	cer_text text = {bytes, cer_copy_get_size(layout, n)};

	cer_copy_make(layout, weights, n, bytes);
	assert_int_equal(cer_copy_read(layout, text, n, got, NULL), CER_OK);
}

static void
test_copy__fp32_is_the_same(void **state)
{
	(void) state;
	draw_weights(1);
	copy(CER_LAYOUT_FP32, N);
	assert_memory_equal(got, weights, sizeof(weights));
}

/* Half a unit of the eighth binary digit, and again nothing is lost. */
static void
test_copy__bf16_is_within_a_part_in_256(void **state)
{
	(void) state;
	draw_weights(1);
	copy(CER_LAYOUT_BF16, N);
	assert_int_equal(cer_copy_get_size(CER_LAYOUT_BF16, N), 2 * N);
	for (size_t i = 0; i < N; i++)
		assert_true(fabsf(got[i] - weights[i]) <= fabsf(weights[i]) / 256);
	memcpy(weights, got, sizeof(weights));
	copy(CER_LAYOUT_BF16, N);
	assert_memory_equal(got, weights, sizeof(weights));
}

static void
test_copy__bf16_rounds_ties_to_even_and_stays_finite(void **state)
{
	static const float from[] = {1.00390625f, 1.01171875f, -0.0f,
	                             FLT_MAX,     -FLT_MAX,    1e-45f};
	static const float to[] = {1.0f,           1.015625f,       -0.0f,
	                           3.38953139e38f, -3.38953139e38f, 0.0f};

	(void) state;
	memcpy(weights, from, sizeof(from));
	copy(CER_LAYOUT_BF16, 6);
	assert_memory_equal(got, to, sizeof(to));
}

/* Half a step of each block's scale. */
static void
test_copy__int8_is_within_half_a_step(void **state)
{
	(void) state;
	draw_weights(3);
	copy(CER_LAYOUT_INT8, N);
	assert_int_equal(cer_copy_get_size(CER_LAYOUT_INT8, N), N + 16 * 4);
	for (size_t first = 0; first < N; first += 64)
	{
		size_t end = first + 64 < N ? first + 64 : N;
		float most = 0;

		for (size_t i = first; i < end; i++)
			most = fmaxf(most, fabsf(weights[i]));
		for (size_t i = first; i < end; i++)
			assert_true(fabsf(got[i] - weights[i]) <= most / 127 * 0.5001f);
	}
}

static void
test_copy__int8_of_zeros_and_nothing(void **state)
{
	(void) state;
	memset(weights, 0, sizeof(weights));
	copy(CER_LAYOUT_INT8, 65);
	for (size_t i = 0; i < 65; i++)
		assert_true(got[i] == 0.0f);
	weights[0] = 1e-45f; /* its scale is 0 */
	copy(CER_LAYOUT_INT8, 1);
	assert_true(got[0] == 0.0f);
	copy(CER_LAYOUT_INT8, 0);
}

static void
test_copy__refuses_other_sizes(void **state)
{
	cer_error err;

	(void) state;
	assert_int_equal(
		cer_copy_read(CER_LAYOUT_INT8, (cer_text){bytes, 64}, 64, got, &err),
		CER_BAD_FORMAT);
	assert_string_equal(err.message,
	                    "a copy of 64 weights as int8 has 64 bytes");
}

static void
test_copy__is_of_matrices_that_are_weights(void **state)
{
	cer_part part = {.name = {"w", 1}, .kind = CER_PART_TENSOR, .n_dims = 2};

	(void) state;
	assert_true(cer_part_has_copy(&part));
	part.n_dims = 1;
	assert_false(cer_part_has_copy(&part));
	part = (cer_part){.name = {"2/neighbours.rows", 17},
	                  .kind = CER_PART_TENSOR,
	                  .n_dims = 2};
	assert_false(cer_part_has_copy(&part));
	part = (cer_part){.kind = CER_PART_MEANS, .n_dims = 2};
	assert_false(cer_part_has_copy(&part));
}

static void
test_weight_layout__names(void **state)
{
	cer_weight_layout layout;

	(void) state;
	for (int i = 0; i < CER_N_WEIGHT_LAYOUTS; i++)
	{
		const char *name = cer_weight_layout_name((cer_weight_layout) i);

		assert_true(
			cer_weight_layout_find((cer_text){name, strlen(name)}, &layout));
		assert_int_equal(layout, i);
	}
	assert_false(cer_weight_layout_find((cer_text){"fp16", 4}, &layout));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copy__fp32_is_the_same),
		cmocka_unit_test(test_copy__bf16_is_within_a_part_in_256),
		cmocka_unit_test(test_copy__bf16_rounds_ties_to_even_and_stays_finite),
		cmocka_unit_test(test_copy__int8_is_within_half_a_step),
		cmocka_unit_test(test_copy__int8_of_zeros_and_nothing),
		cmocka_unit_test(test_copy__refuses_other_sizes),
		cmocka_unit_test(test_copy__is_of_matrices_that_are_weights),
		cmocka_unit_test(test_weight_layout__names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
