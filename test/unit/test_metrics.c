/*
 * test_metrics.c
 *	  Metrics against their definitions, pair by pair.
 */
#include "cerebro.h"

#include "cmocka_all.h"
#include "failing_host.h"
#include "random.h"

#include <math.h>
#include <string.h>

#define MAX_ROWS 200

typedef struct sample
{
	size_t n_rows;
	size_t n_classes;
	float proba[MAX_ROWS * 4];
	uint16_t labels[MAX_ROWS];
} sample;

/* Few different scores, so that ties are many. */
static void
make_sample(test_random *random, size_t n_rows, size_t n_classes, sample *s)
{
	s->n_rows = n_rows;
	s->n_classes = n_classes;
	for (size_t row = 0; row < n_rows; row++)
	{
		float *p = s->proba + row * n_classes;
		float sum = 0;

		s->labels[row] = (uint16_t) random_below(random, n_classes);
		for (size_t c = 0; c < n_classes; c++)
			sum += p[c] = (float) (1 + random_below(random, 4));
		for (size_t c = 0; c < n_classes; c++)
			p[c] /= sum;
	}
}

/* Over all pairs; NaN without one. */
static double
expect_auc(const sample *s, size_t label)
{
	double in_order = 0;
	double pairs = 0;

	for (size_t i = 0; i < s->n_rows; i++)
		for (size_t j = 0; j < s->n_rows; j++)
		{
			float a = s->proba[i * s->n_classes + label];
			float b = s->proba[j * s->n_classes + label];

			if (s->labels[i] != label || s->labels[j] == label)
				continue;
			pairs++;
			in_order += a > b ? 1 : a == b ? 0.5 : 0;
		}
	return in_order / pairs;
}

static double
expect_mean_auc(const sample *s)
{
	double sum = 0;
	size_t n = 0;

	if (s->n_classes == 2)
		return expect_auc(s, 1);
	for (size_t label = 0; label < s->n_classes; label++)
	{
		double auc = expect_auc(s, label);

		if (!isnan(auc))
		{
			sum += auc;
			n++;
		}
	}
	return sum / (double) n;
}

static cer_status
compute(const sample *s, cer_metrics *metrics, cer_error *err)
{
	return cer_metrics_compute(&cer_host_plain, s->n_rows, s->n_classes,
	                           s->proba, s->labels, metrics, err);
}

static void
test_metrics__auc_counts_pairs(void **state)
{
	test_random random;
	sample s;

	(void) state;
	random_init(&random);
	for (size_t n_rows = 1; n_rows <= MAX_ROWS; n_rows += 7)
		for (size_t n_classes = 2; n_classes <= 4; n_classes++)
		{
			cer_metrics m;
			double expected;

			make_sample(&random, n_rows, n_classes, &s);
			assert_int_equal(compute(&s, &m, NULL), CER_OK);
			expected = expect_mean_auc(&s);
			assert_true(isnan(m.auc) == isnan(expected));
			if (!isnan(expected))
				assert_true(fabs(m.auc - expected) < 1e-12);
			assert_int_equal(m.n_rows, n_rows);
		}
}

static void
test_metrics__known_values(void **state)
{
	static const sample s = {
		4, 2, {0.75f, 0.25f, 0.5f, 0.5f, 0, 1, 1, 0}, {0, 1, 1, 1}};
	cer_metrics m;

	(void) state;
	assert_int_equal(compute(&s, &m, NULL), CER_OK);
	/* the last row's probability of 0 counts as 1e-7 */
	assert_true(fabs(m.log_loss -
	                 (-log(0.75) - log(0.5) - log(1) - log(1e-7)) / 4) < 1e-12);
	assert_true(fabs(m.auc - 2.0 / 3) < 1e-12);
	/* of equal probabilities the first class wins */
	assert_true(m.accuracy == 0.5);
}

static void
test_metrics__one_side_only_has_no_auc(void **state)
{
	static const sample s = {2, 2, {0.5f, 0.5f, 0, 1}, {1, 1}};
	cer_metrics m;

	(void) state;
	assert_int_equal(compute(&s, &m, NULL), CER_OK);
	assert_true(isnan(m.auc));
	assert_false(isnan(m.log_loss));
}

static void
test_metrics__refuses_what_is_no_probability(void **state)
{
	static const float bad[] = {NAN, INFINITY, -0.1f, 1.5f};
	sample s = {1, 2, {0.5f, 0.5f}, {1}};
	cer_metrics m = {.n_rows = 77};
	cer_error err;

	(void) state;
	for (size_t i = 0; i < 4; i++)
	{
		s.proba[0] = bad[i];
		assert_int_equal(compute(&s, &m, &err), CER_NOT_FINITE);
	}
	s.proba[0] = 0.5f;
	s.labels[0] = 2;
	assert_int_equal(compute(&s, &m, &err), CER_BAD_DATA);
	s.n_rows = 0;
	assert_int_equal(compute(&s, &m, &err), CER_BAD_DATA);
	assert_int_equal(m.n_rows, 77);
}

static cer_status
compute_with(const cer_host *host, void *arg)
{
	const sample *s = arg;
	cer_metrics m;

	return cer_metrics_compute(host, s->n_rows, s->n_classes, s->proba,
	                           s->labels, &m, NULL);
}

static void
test_metrics__survives_failed_allocations(void **state)
{
	sample s = {1, 2, {0.5f, 0.5f}, {1}};

	(void) state;
	assert_int_equal(failing_host_run(compute_with, &s), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_metrics__auc_counts_pairs),
		cmocka_unit_test(test_metrics__known_values),
		cmocka_unit_test(test_metrics__one_side_only_has_no_auc),
		cmocka_unit_test(test_metrics__refuses_what_is_no_probability),
		cmocka_unit_test(test_metrics__survives_failed_allocations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
