/*
 * test_bootstrap.c
 *	  Differences of metrics are those of the metrics; intervals cover what
 *	  many samples of rows show.
 */
#include "cerebro.h"

#include "cmocka_all.h"
#include "random.h"

#include <math.h>
#include <stdlib.h>

#define N_ROWS 3000

typedef struct sample
{
	uint16_t labels[N_ROWS];
	uint16_t scores[2][2 * N_ROWS];
} sample;

static uint16_t
to_score(double p)
{
	return (uint16_t) (fmin(fmax(p, 0.0), 1.0) * 65535.0 + 0.5);
}

/* Of rows whose chance is p: model 0 knows it with noise, model 1 with less. */
static void
draw(test_random *random, sample *s)
{
	for (size_t i = 0; i < N_ROWS; i++)
	{
		double p = random_unit(random);
		double noise[2] = {0.3, 0.1};

		s->labels[i] = random_unit(random) < p;
		for (size_t k = 0; k < 2; k++)
		{
			double q = 0.05 + 0.9 * p + noise[k] * (random_unit(random) - 0.5);

			q = fmin(fmax(q, 0.02), 0.98);
			s->scores[k][2 * i + 1] = to_score(q);
			s->scores[k][2 * i] = to_score(1.0 - q);
		}
	}
}

static cer_comparison
compare(const sample *s, size_t n_resamples)
{
	cer_comparison_input in = {.n_rows = N_ROWS,
	                           .n_classes = 2,
	                           .labels = s->labels,
	                           .scores = {s->scores[0], s->scores[1]},
	                           .n_resamples = n_resamples,
	                           .seed = 1};
	cer_comparison comparison;

	assert_int_equal(cer_compare(&cer_host_plain, &in, &comparison, NULL),
	                 CER_OK);
	return comparison;
}

static double
get_area(const sample *s, size_t k)
{
	double n_pairs = 0.0;
	double sum = 0.0;

	for (size_t i = 0; i < N_ROWS; i++)
		for (size_t j = 0; j < N_ROWS; j++)
			if (s->labels[i] == 1 && s->labels[j] == 0)
			{
				uint16_t a = s->scores[k][2 * i + 1];
				uint16_t b = s->scores[k][2 * j + 1];

				n_pairs++;
				sum += a > b ? 1.0 : a == b ? 0.5 : 0.0;
			}
	return sum / n_pairs;
}

static void
test_compare__is_the_difference_of_metrics(void **state)
{
	sample *s = malloc(sizeof(*s));
	test_random random;
	cer_comparison c;
	double loss = 0.0;
	size_t n_differ = 0;

	(void) state;
	random_init(&random);
	draw(&random, s);
	c = compare(s, 10);
	for (size_t i = 0; i < N_ROWS; i++)
	{
		size_t at = 2 * i + s->labels[i];

		loss += log(s->scores[0][at]) - log(s->scores[1][at]);
		n_differ += (s->scores[0][2 * i + 1] > s->scores[0][2 * i]) !=
		            (s->scores[1][2 * i + 1] > s->scores[1][2 * i]);
	}
	assert_true(fabs(c.log_loss.value - loss / N_ROWS) < 1e-9);
	assert_true(fabs(c.auc.value - get_area(s, 1) + get_area(s, 0)) < 1e-9);
	assert_int_equal(c.n_disagree, n_differ);
	free(s);
}

/* The width of the interval is what the differences of fresh rows spread. */
static void
test_compare__intervals_are_as_wide_as_samples_spread(void **state)
{
	enum
	{
		N = 60
	};
	sample *s = malloc(sizeof(*s));
	test_random random;
	double width = 0.0;
	double sum = 0.0;
	double squares = 0.0;
	double deviation;

	(void) state;
	random_init(&random);
	for (size_t i = 0; i < N; i++)
	{
		cer_comparison c;

		draw(&random, s);
		c = compare(s, 200);
		width += (c.log_loss.high - c.log_loss.low) / N;
		sum += c.log_loss.value / N;
		squares += c.log_loss.value * c.log_loss.value / N;
		assert_true(c.log_loss.low <= c.log_loss.value);
		assert_true(c.log_loss.value <= c.log_loss.high);
		assert_true(c.auc.low < c.auc.high);
	}
	deviation = sqrt(squares - sum * sum);
	if (width < 2.0 * 1.96 * deviation * 0.65 ||
	    width > 2.0 * 1.96 * deviation * 1.5)
		fail_msg("intervals of %g where samples spread by %g", width,
		         deviation);
	free(s);
}

static void
test_compare__refuses_what_cannot_be_compared(void **state)
{
	static const uint16_t labels[] = {0, 2};
	static const uint16_t scores[4];
	cer_comparison_input in = {.n_rows = 2,
	                           .n_classes = 2,
	                           .labels = labels,
	                           .scores = {scores, scores},
	                           .n_resamples = 10};
	cer_comparison c;

	(void) state;
	assert_int_equal(cer_compare(&cer_host_plain, &in, &c, NULL), CER_BAD_DATA);
	in.n_rows = 1;
	in.n_resamples = 0;
	assert_int_equal(cer_compare(&cer_host_plain, &in, &c, NULL),
	                 CER_BAD_VALUE);
	in.n_rows = 0;
	assert_int_equal(cer_compare(&cer_host_plain, &in, &c, NULL), CER_BAD_DATA);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compare__is_the_difference_of_metrics),
		cmocka_unit_test(test_compare__intervals_are_as_wide_as_samples_spread),
		cmocka_unit_test(test_compare__refuses_what_cannot_be_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
