/*
 * store/ensemble.c
 *	  Which models to put together, by their kept scores of validation rows.
 *
 * Greedy selection with replacement (Caruana and others 2004): the best model,
 * then again and again the one with which the mean of the chosen has the lowest
 * log-loss; of all means so made the best one is taken.  What is chosen n times
 * weighs n.  Of few rows that fits them better than others, so it is done over for
 * samples of them (bagging, Breiman 1996), and all choices count.
 *
 * Temperature: the one with the lowest log-loss, by a golden section search
 * over its logarithm; it is taken only where temperatures found on one half of
 * the rows lower the loss of the other half, by more than their standard error.
 */
#include "base/arena.h"
#include "base/error.h"
#include "base/random.h"
#include "base/size.h"
#include "base/text.h"

#include <math.h>
#include <string.h>

#define SCORE_STEPS 65535.0
#define LEAST       0.5 /* of a step: what was rounded to 0 */
#define FLOOR       1e-7
#define ALIKE       1e-12 /* losses */
#define FEW_ROWS    10000
#define N_SAMPLES   16

/* ----------------------------------------------------------- selection */

typedef struct selection
{
	const cer_ensemble_source *from;
	size_t size;    /* most choices */
	uint8_t *often; /* (n_rows): how often each is in the sample */
	double *sum;    /* (n_rows): of the chosen ones' scores of the label */
	uint32_t *counts;
	uint32_t *best; /* counts of the best mean */
	size_t n_chosen;
} selection;

static double
get_score(const cer_ensemble_source *from, size_t model, size_t row)
{
	uint16_t score =
		from->scores[model][row * from->n_classes + from->labels[row]];

	return (score == 0 ? LEAST : (double) score) / SCORE_STEPS;
}

/* The sample's summed loss with the model chosen once more. */
static double
try_model(const selection *s, size_t model)
{
	double n = (double) (s->n_chosen + 1);
	double loss = 0.0;

	for (size_t row = 0; row < s->from->n_rows; row++)
		if (s->often[row] > 0)
			loss -= s->often[row] *
			        log((s->sum[row] + get_score(s->from, model, row)) / n);
	return loss;
}

static void
choose(selection *s, size_t model)
{
	for (size_t row = 0; row < s->from->n_rows; row++)
		s->sum[row] += get_score(s->from, model, row);
	s->counts[model]++;
	s->n_chosen++;
}

static double
get_alike(const selection *s)
{
	return ALIKE * (double) s->from->n_rows;
}

/* Of models that are as good the first. */
static size_t
find_next(const selection *s, double *loss)
{
	size_t best = 0;

	*loss = INFINITY;
	for (size_t i = 0; i < s->from->n_models; i++)
	{
		double tried = try_model(s, i);

		if (tried < *loss - get_alike(s))
		{
			*loss = tried;
			best = i;
		}
	}
	return best;
}

/* What is chosen by the sample is added to the counts. */
static void
choose_for_sample(selection *s, uint32_t *counts)
{
	size_t count_bytes = s->from->n_models * sizeof(uint32_t);
	double best = INFINITY;

	memset(s->sum, 0, s->from->n_rows * sizeof(double));
	memset(s->counts, 0, count_bytes);
	s->n_chosen = 0;
	while (s->n_chosen < s->size)
	{
		double with;

		choose(s, find_next(s, &with));
		if (with >= best - get_alike(s))
			continue;
		best = with;
		memcpy(s->best, s->counts, count_bytes);
	}
	for (size_t i = 0; i < s->from->n_models; i++)
		counts[i] += s->best[i];
}

/* A Poisson number of mean 1, by its distribution function. */
static uint8_t
draw_often(uint32_t bits)
{
	double u = cer_random_to_uniform(bits);
	double p = exp(-1.0);
	uint8_t n = 0;

	while (u >= p && n < 10)
	{
		u -= p;
		p /= ++n;
	}
	return n;
}

/* Drawn with replacement; the first sample is all rows. */
static void
draw_rows(selection *s, const cer_random *random, uint32_t sample)
{
	memset(s->often, 1, s->from->n_rows);
	for (size_t row = 0; sample > 0 && row < s->from->n_rows; row++)
	{
		cer_random_place place = {{(uint32_t) row, sample, 0, 0}};
		uint32_t bits[4];

		cer_random_get(random, &place, bits);
		s->often[row] = draw_often(bits[0]);
	}
}

/* Of the counted ones' mean. */
static double
measure(selection *s, const uint32_t *counts)
{
	const cer_ensemble_source *from = s->from;
	double n = 0.0;
	double loss = 0.0;

	memset(s->sum, 0, from->n_rows * sizeof(double));
	for (size_t i = 0; i < from->n_models; i++)
	{
		n += counts[i];
		for (size_t row = 0; counts[i] > 0 && row < from->n_rows; row++)
			s->sum[row] += counts[i] * get_score(from, i, row);
	}
	for (size_t row = 0; row < from->n_rows; row++)
		loss -= log(s->sum[row] / n);
	return loss / (double) from->n_rows;
}

static cer_status
allocate(cer_arena *arena, selection *s, cer_error *err)
{
	size_t n_rows = s->from->n_rows;
	size_t sum_bytes = cer_size_multiply(n_rows, sizeof(double));
	size_t count_bytes = s->from->n_models * sizeof(uint32_t);

	s->often = cer_arena_allocate(arena, n_rows);
	s->sum = cer_arena_allocate(arena, sum_bytes);
	s->counts = cer_arena_allocate(arena, count_bytes);
	s->best = cer_arena_allocate(arena, count_bytes);
	if (s->often == NULL || s->sum == NULL || s->counts == NULL ||
	    s->best == NULL)
		return cer_fail_memory(err, sum_bytes + n_rows + 2 * count_bytes);
	return CER_OK;
}

cer_status
cer_ensemble_choose(cer_arena *arena, const cer_ensemble_source *from,
                    size_t size, uint32_t *counts, double *loss, cer_error *err)
{
	uint32_t n_samples = from->n_rows > FEW_ROWS ? 1 : N_SAMPLES;
	selection s = {.from = from, .size = size};
	cer_random random;

	if (from->n_models == 0 || from->n_rows == 0 || size == 0)
		return cer_fail(err, CER_BAD_CALL, "there is nothing to choose from");
	CER_TRY(allocate(arena, &s, err));
	cer_random_init(&random, 0, cer_text_of("ensemble"));
	memset(counts, 0, from->n_models * sizeof(uint32_t));
	for (uint32_t sample = 0; sample < n_samples; sample++)
	{
		draw_rows(&s, &random, sample);
		choose_for_sample(&s, counts);
	}
	*loss = measure(&s, counts);
	return CER_OK;
}

/* --------------------------------------------------------- temperature */

typedef struct rows
{
	size_t n_rows;
	size_t n_classes;
	const float *proba;
	const uint16_t *labels;
	size_t first; /* every second row from this one on; */
	size_t step;  /* or all */
} rows;

/* -log of the label's share of p^power. */
static double
get_loss(const rows *of, size_t row, double power)
{
	const float *p = of->proba + row * of->n_classes;
	double sum = 0.0;

	for (size_t i = 0; i < of->n_classes; i++)
		sum += pow(fmax((double) p[i], FLOOR), power);
	return log(sum) - power * log(fmax((double) p[of->labels[row]], FLOOR));
}

static double
get_mean_loss(const rows *of, double log_temperature)
{
	double power = exp(-log_temperature);
	double sum = 0.0;

	for (size_t row = of->first; row < of->n_rows; row += of->step)
		sum += get_loss(of, row, power);
	return sum;
}

#define MOST_LOG   2.0 /* temperatures from 1 / 7.4 to 7.4 */
#define GOLDEN     0.6180339887498949
#define N_SECTIONS 30

/* The loss is convex in 1 / T: one minimum. */
static double
find_log_temperature(const rows *of)
{
	double from = -MOST_LOG;
	double to = MOST_LOG;
	double a = to - GOLDEN * (to - from);
	double b = from + GOLDEN * (to - from);
	double of_a = get_mean_loss(of, a);
	double of_b = get_mean_loss(of, b);

	for (int i = 0; i < N_SECTIONS; i++)
		if (of_a < of_b)
		{
			to = b;
			b = a;
			of_b = of_a;
			a = to - GOLDEN * (to - from);
			of_a = get_mean_loss(of, a);
		}
		else
		{
			from = a;
			a = b;
			of_a = of_b;
			b = from + GOLDEN * (to - from);
			of_b = get_mean_loss(of, b);
		}
	return 0.5 * (from + to);
}

/* By how much the temperature of each half lowers the other's loss, in standard
 * errors of the mean. */
static double
measure_gain(const rows *all)
{
	double mean = 0.0;
	double squares = 0.0;
	double n = 0.0;

	for (size_t half = 0; half < 2; half++)
	{
		rows other = *all;
		double power;

		other.first = 1 - half;
		other.step = 2;
		power = exp(-find_log_temperature(&other));
		for (size_t row = half; row < all->n_rows; row += 2)
		{
			double gain = get_loss(all, row, 1.0) - get_loss(all, row, power);
			double delta = gain - mean;

			n++;
			mean += delta / n;
			squares += delta * (gain - mean);
		}
	}
	return squares > 0.0 ? mean / sqrt(squares / n / n) : 0.0;
}

double
cer_temperature_find(size_t n_rows, size_t n_classes, const float *proba,
                     const uint16_t *labels)
{
	rows all = {n_rows, n_classes, proba, labels, 0, 1};

	if (n_rows < 100 || measure_gain(&all) <= 1.0)
		return 1.0;
	return exp(find_log_temperature(&all));
}
