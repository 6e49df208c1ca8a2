/*
 * test_standard.c
 *	  Kernels of lines and of batch normalisation, of each class, by plain
 *	  formulas; widths that fill no vector among them.
 */
#include "nn/kernels.h"

#include "cmocka_all.h"

#include <math.h>

#define ROWS  5
#define MAX_N 37

static const char *const classes[] = {"plain", "avx2", "avx512"};

static void
check_classes(void (*check)(const cer_kernels *kernels, size_t n))
{
	for (size_t i = 0; i < 3; i++)
		for (size_t n = 1; cer_kernels_find(classes[i]) != NULL && n <= MAX_N;
		     n += 4)
			check(cer_kernels_find(classes[i]), n);
}

static float
get_number(size_t i, size_t seed)
{
	return (float) ((i * 37 + seed * 11) % 29) / 8 - 1.5f;
}

static void
fill(size_t n, size_t seed, float *x)
{
	for (size_t i = 0; i < n; i++)
		x[i] = get_number(i, seed);
}

/* A line, then the activation: as that of a bias alone; in place or not. */
static void
check_lines(const cer_kernels *kernels, size_t n)
{
	float x[ROWS * MAX_N], y[ROWS * MAX_N], expected[ROWS * MAX_N];
	float gain[MAX_N], bias[MAX_N], zero[MAX_N] = {0};
	cer_lines lines = {ROWS, n, gain, bias, x, y};
	cer_lines in_place = {ROWS, n, gain, bias, x, x};

	fill(n, 1, gain);
	fill(n, 2, bias);
	for (size_t a = 0; a < CER_N_ACTIVATIONS; a++)
	{
		fill(ROWS * n, 3, x);
		for (size_t i = 0; i < ROWS * n; i++)
			expected[i] = x[i] * gain[i % n] + bias[i % n];
		kernels->activate_rows[a](ROWS, n, zero, expected, NULL);
		kernels->activate_lines[a](&lines);
		kernels->activate_lines[a](&in_place);
		assert_memory_equal(x, y, ROWS * n * sizeof(float));
		for (size_t i = 0; i < ROWS * n; i++)
			assert_true(fabsf(y[i] - expected[i]) <= 2e-6f);
	}
}

static void
test_standard__lines(void **state)
{
	(void) state;
	check_classes(check_lines);
}

/* What is added in the same pass has the bits of a pass of its own. */
static void
check_back(const cer_kernels *kernels, size_t n)
{
	float x[ROWS * MAX_N], dy[ROWS * MAX_N], more[ROWS * MAX_N];
	float alone[ROWS * MAX_N], together[ROWS * MAX_N];
	float factors[3][MAX_N];
	cer_standard_back back = {.n_rows = ROWS,
	                          .n = n,
	                          .x = x,
	                          .dy = dy,
	                          .by_dy = factors[0],
	                          .by_x = factors[1],
	                          .shift = factors[2],
	                          .dx = alone};

	fill(ROWS * n, 1, x);
	fill(ROWS * n, 2, dy);
	fill(ROWS * n, 3, more);
	for (size_t i = 0; i < 3; i++)
		fill(n, 4 + i, factors[i]);
	kernels->standard_back(&back);
	for (size_t i = 0; i < ROWS * n; i++)
		assert_true(fabsf(alone[i] - (dy[i] * factors[0][i % n] +
		                              x[i] * factors[1][i % n] +
		                              factors[2][i % n])) <= 2e-6f);
	kernels->backward_linear(ROWS * n, more, alone);
	back.more = more;
	back.dx = together;
	kernels->standard_back(&back);
	assert_memory_equal(together, alone, ROWS * n * sizeof(float));
}

static void
test_standard__back(void **state)
{
	(void) state;
	check_classes(check_back);
}

/* Three parts, the last one short, beside all of their rows. */
static void
check_join(const cer_kernels *kernels, size_t n)
{
	float x[2 * ROWS + 2][MAX_N];
	float means[3 * MAX_N] = {0}, squares[3 * MAX_N] = {0};
	double mean[MAX_N], sum[MAX_N], wide[MAX_N] = {0};
	cer_joined joined = {n, 3, ROWS, 2, means, squares, mean, sum};

	for (size_t part = 0; part < 3; part++)
	{
		size_t rows = part < 2 ? ROWS : 2;

		for (size_t r = 0; r < rows; r++)
			fill(n, 7 * part + r, x[part * ROWS + r]);
		for (size_t i = 0; i < n; i++)
		{
			float *to = &means[part * n + i];

			for (size_t r = 0; r < rows; r++)
				*to += x[part * ROWS + r][i] / (float) rows;
			for (size_t r = 0; r < rows; r++)
				squares[part * n + i] += (x[part * ROWS + r][i] - *to) *
				                         (x[part * ROWS + r][i] - *to);
		}
	}
	kernels->join_moments(&joined);
	for (size_t r = 0; r < 2 * ROWS + 2; r++)
		kernels->add_wide(n, x[r], wide);
	for (size_t i = 0; i < n; i++)
	{
		double all = wide[i] / (2 * ROWS + 2);
		double expected = 0;

		for (size_t r = 0; r < 2 * ROWS + 2; r++)
			expected += (x[r][i] - all) * (x[r][i] - all);
		assert_true(fabs(mean[i] - all) <= 1e-6);
		assert_true(fabs(sum[i] - expected) <= 1e-5 * (1 + expected));
	}
}

static void
test_standard__join(void **state)
{
	(void) state;
	check_classes(check_join);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_standard__lines),
		cmocka_unit_test(test_standard__back),
		cmocka_unit_test(test_standard__join),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
