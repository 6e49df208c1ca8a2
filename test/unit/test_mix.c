/*
 * test_mix.c
 *	  Mixup: how shares are spread, what they depend on, who has a partner, and
 *	  that scoring knows none of it.  Gradients are checked in test_layers.c, and
 *	  beside PyTorch's in test_golden.c.
 */
#include "nn/mix.h"

#include "cmocka_all.h"
#include "net_case.h"

#include "base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define N_DRAWS 40000

static cer_mix
make_mix(double alpha, uint64_t seed)
{
	cer_mix mix = {.alpha = alpha};

	cer_random_init(&mix.random, seed, cer_text_of("mixup"));
	return mix;
}

static int
compare_floats(const void *a, const void *b)
{
	float x = *(const float *) a;
	float y = *(const float *) b;

	return (x > y) - (x < y);
}

static float *
draw_sorted(double alpha)
{
	cer_mix mix = make_mix(alpha, 3);
	float *shares = malloc(N_DRAWS * sizeof(float));

	for (size_t i = 0; i < N_DRAWS; i++)
		shares[i] = cer_mix_draw(&mix, 1 + (uint32_t) (i % 7), i / 7);
	qsort(shares, N_DRAWS, sizeof(float), compare_floats);
	return shares;
}

/* ------------------------------------------------------------ shares */

static double
get_arcsine(double x)
{
	return 2.0 / M_PI * asin(sqrt(x));
}

static double
get_uniform(double x)
{
	return x;
}

static double
get_parabola(double x)
{
	return x * x * (3.0 - 2.0 * x);
}

/* Kolmogorov and Smirnov: a larger distance comes once in a thousand. */
static void
test_mix__shares_are_of_beta(void **state)
{
	static const struct
	{
		double alpha;
		double (*get)(double x);
	} cases[] = {{0.5, get_arcsine}, {1, get_uniform}, {2, get_parabola}};

	(void) state;
	for (size_t c = 0; c < 3; c++)
	{
		float *shares = draw_sorted(cases[c].alpha);
		double most = 0;

		for (size_t i = 0; i < N_DRAWS; i++)
			most = fmax(most, fabs(cases[c].get((double) shares[i]) -
			                       ((double) i + 0.5) / N_DRAWS));
		assert_true(most < 1.95 / sqrt(N_DRAWS));
		free(shares);
	}
}

/* Mean 1/2, variance 1 / (4 (2 alpha + 1)); none outside, however small alpha. */
static void
test_mix__moments(void **state)
{
	static const double alphas[] = {1e-6, 0.01, 0.1, 0.2, 0.4, 8, 100};

	(void) state;
	for (size_t a = 0; a < sizeof(alphas) / sizeof(alphas[0]); a++)
	{
		float *shares = draw_sorted(alphas[a]);
		double variance = 0.25 / (2 * alphas[a] + 1);
		double mean = 0;
		double squares = 0;

		assert_true(shares[0] >= 0.0f && shares[N_DRAWS - 1] <= 1.0f);
		for (size_t i = 0; i < N_DRAWS; i++)
		{
			double d = (double) shares[i] - 0.5;

			mean += d / N_DRAWS;
			squares += d * d / N_DRAWS;
		}
		assert_true(fabs(mean) < 4 * sqrt(variance / N_DRAWS));
		assert_true(fabs(squares / variance - 1) < 0.04);
		free(shares);
	}
}

/* On seed, epoch and key, each. */
static void
test_mix__share_depends(void **state)
{
	cer_mix mix = make_mix(1, 3);
	cer_mix other = make_mix(1, 4);
	float share = cer_mix_draw(&mix, 2, UINT64_C(77) << 32 | 5);

	(void) state;
	assert_true(share == cer_mix_draw(&mix, 2, UINT64_C(77) << 32 | 5));
	assert_true(share != cer_mix_draw(&mix, 3, UINT64_C(77) << 32 | 5));
	assert_true(share != cer_mix_draw(&mix, 2, UINT64_C(78) << 32 | 5));
	assert_true(share != cer_mix_draw(&mix, 2, UINT64_C(77) << 32 | 6));
	assert_true(share != cer_mix_draw(&other, 2, UINT64_C(77) << 32 | 5));
}

/* ------------------------------------------------------------ rows */

#define N_ROWS 150

static void
init(net_case *c, double mixup)
{
	static const cer_table_shape tables[] = {{{"x", 1}, 5, 0},
	                                         {{"y", 1}, 7, 4}};
	net_case_spec spec = {.n_numbers = 4,
	                      .n_tables = 2,
	                      .tables = tables,
	                      .n_classes = 3,
	                      .text = "(chain (dense width=12)(activation "
	                              "function=tanh)(dropout dropout=0.2))",
	                      .n_rows = N_ROWS,
	                      .batch = N_ROWS,
	                      .kernels = cer_kernels_choose()->name,
	                      .mixup = mixup};

	net_case_init(c, &spec);
}

static double
run(const net_case *c, const uint32_t *order, size_t n)
{
	cer_batch batch = {.rows = &c->rows,
	                   .order = order,
	                   .n_rows = n,
	                   .epoch = 2,
	                   .is_training = true};

	return cer_graph_run(c->graph, &batch);
}

/* Partners swapped: the same pair, wherever it stands in its batch. */
static void
test_mix__pairs_have_no_place(void **state)
{
	net_case c;
	uint32_t here[] = {4, 9, 30, 31, 7, 8};
	uint32_t there[] = {31, 30, 8, 7, 9, 4};
	double loss;

	(void) state;
	init(&c, 0.4);
	loss = run(&c, here, 6);
	assert_true(fabs(run(&c, there, 6) - loss) < 1e-6 * loss);
	here[1] = 30;
	here[2] = 9;
	assert_true(fabs(run(&c, here, 6) - loss) > 1e-4 * loss);
	net_case_release(&c);
}

/* The last of an odd number is as without mixup. */
static void
test_mix__alone(void **state)
{
	net_case mixed;
	net_case plain;

	(void) state;
	init(&mixed, 0.4);
	init(&plain, 0);
	assert_true(fabs(run(&mixed, NULL, 1) - run(&plain, NULL, 1)) < 1e-6);
	assert_true(fabs(run(&mixed, NULL, 3) - run(&mixed, NULL, 2) -
	                 (run(&plain, NULL, 3) - run(&plain, NULL, 2))) < 1e-5);
	assert_true(fabs(run(&mixed, NULL, 2) - run(&plain, NULL, 2)) > 1e-3);
	net_case_release(&mixed);
	net_case_release(&plain);
}

/* What is predicted is of rows alone. */
static void
test_mix__not_in_scoring(void **state)
{
	float mixed_proba[N_ROWS * 3];
	float proba[N_ROWS * 3];
	net_case mixed;
	net_case plain;

	(void) state;
	init(&mixed, 0.4);
	init(&plain, 0);
	run(&mixed, NULL, N_ROWS);
	cer_graph_predict(mixed.graph, &mixed.rows, 0, N_ROWS, mixed_proba);
	cer_graph_predict(plain.graph, &plain.rows, 0, N_ROWS, proba);
	assert_memory_equal(mixed_proba, proba, sizeof(proba));
	net_case_release(&mixed);
	net_case_release(&plain);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mix__shares_are_of_beta),
		cmocka_unit_test(test_mix__moments),
		cmocka_unit_test(test_mix__share_depends),
		cmocka_unit_test(test_mix__pairs_have_no_place),
		cmocka_unit_test(test_mix__alone),
		cmocka_unit_test(test_mix__not_in_scoring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
