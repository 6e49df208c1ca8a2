/*
 * store/ensemble.c
 *	  Which models to put together, by their kept scores of validation rows.
 *
 * Greedy selection with replacement (Caruana and others 2004): the best model,
 * then again and again the one with which the mean of the chosen has the lowest
 * log-loss; of all means so made the best one is taken.  What is chosen n times
 * weighs n.
 *
 * Temperature: the one with the lowest log-loss, by a golden section search
 * over its logarithm; it is taken only where temperatures found on one half of
 * the rows lower the loss of the other half, by more than their standard error.
 */
#include "base/arena.h"
#include "base/error.h"
#include "base/size.h"

#include <math.h>
#include <string.h>

#define SCORE_STEPS 65535.0
#define LEAST       0.5 /* of a step: what was rounded to 0 */
#define FLOOR       1e-7
#define ALIKE       1e-12 /* losses */

/* ----------------------------------------------------------- selection */

typedef struct selection
{
	const cer_ensemble_source *from;
	double *sum; /* (n_rows): of the chosen ones' scores of the label */
	uint32_t *counts;
	size_t n_chosen;
} selection;

static double
get_score(const cer_ensemble_source *from, size_t model, size_t row)
{
	uint16_t score =
		from->scores[model][row * from->n_classes + from->labels[row]];

	return (score == 0 ? LEAST : (double) score) / SCORE_STEPS;
}

/* The log-loss with the model chosen once more. */
static double
try_model(const selection *s, size_t model)
{
	double n = (double) (s->n_chosen + 1);
	double loss = 0.0;

	for (size_t row = 0; row < s->from->n_rows; row++)
		loss -= log((s->sum[row] + get_score(s->from, model, row)) / n);
	return loss / (double) s->from->n_rows;
}

static void
choose(selection *s, size_t model)
{
	for (size_t row = 0; row < s->from->n_rows; row++)
		s->sum[row] += get_score(s->from, model, row);
	s->counts[model]++;
	s->n_chosen++;
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

		if (tried < *loss - ALIKE)
		{
			*loss = tried;
			best = i;
		}
	}
	return best;
}

cer_status
cer_ensemble_choose(cer_arena *arena, const cer_ensemble_source *from,
                    size_t size, uint32_t *counts, double *loss, cer_error *err)
{
	size_t n_bytes = cer_size_multiply(from->n_rows, sizeof(double));
	size_t count_bytes = from->n_models * sizeof(uint32_t);
	selection s = {.from = from};
	double best = INFINITY;

	if (from->n_models == 0 || from->n_rows == 0 || size == 0)
		return cer_fail(err, CER_BAD_CALL, "there is nothing to choose from");
	s.sum = cer_arena_allocate(arena, n_bytes);
	s.counts = cer_arena_allocate(arena, count_bytes);
	if (s.sum == NULL || s.counts == NULL)
		return cer_fail_memory(err, n_bytes + count_bytes);
	memset(s.sum, 0, n_bytes);
	memset(s.counts, 0, count_bytes);
	while (s.n_chosen < size)
	{
		double with;

		choose(&s, find_next(&s, &with));
		if (with >= best - ALIKE)
			continue;
		best = with;
		memcpy(counts, s.counts, count_bytes);
	}
	*loss = best;
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
