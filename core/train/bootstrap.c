/*
 * train/bootstrap.c
 *	  How sure the difference of two models is: paired bootstrap over rows.
 *
 * Each resample takes a row as often as a Poisson variable of mean 1 says, for
 * both models alike (Chamandy and others, 2012): like drawing rows with
 * replacement, without a list of draws.  An interval is that of the middle 95 %
 * of the resamples.  Areas under curves go through rows in the order of their
 * scores, of which there are 65,536, so that sorting is counting.
 */
#include "base/arena.h"
#include "base/error.h"
#include "base/random.h"
#include "base/size.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define N_SCORES     65536
#define MAX_RESAMPLE 100000
#define MIDDLE       0.95

/* One model's rows. */
typedef struct side
{
	double *losses;  /* by row */
	bool *are_right; /* by row */
	uint32_t *order; /* of rows by score; NULL: no area */
	const uint16_t *scores;
} side;

typedef struct bootstrap
{
	const cer_comparison_input *in;
	side sides[2];
	uint8_t *weights; /* of the resample in work */
	double *draws[3]; /* by metric: differences of the resamples */
} bootstrap;

static double
get_loss(uint16_t score)
{
	return -log(score == 0 ? 0.5 / 65535.0 : (double) score / 65535.0);
}

static size_t
get_decision(const uint16_t *scores, size_t n_classes)
{
	size_t best = 0;

	for (size_t i = 1; i < n_classes; i++)
		if (scores[i] > scores[best])
			best = i;
	return best;
}

/* Rows by the score of class 1, equal ones as they come. */
static cer_status
sort_rows(cer_arena *arena, const cer_comparison_input *in, side *s,
          cer_error *err)
{
	size_t size = (N_SCORES + 1) * sizeof(uint32_t);
	uint32_t *starts = cer_arena_allocate(arena, size);

	s->order = cer_arena_allocate(arena, in->n_rows * sizeof(uint32_t) + 1);
	if (starts == NULL || s->order == NULL)
		return cer_fail_memory(err, size);
	memset(starts, 0, size);
	for (size_t i = 0; i < in->n_rows; i++)
		starts[s->scores[2 * i + 1] + 1]++;
	for (size_t i = 0; i < N_SCORES; i++)
		starts[i + 1] += starts[i];
	for (size_t i = 0; i < in->n_rows; i++)
		s->order[starts[s->scores[2 * i + 1]]++] = (uint32_t) i;
	return CER_OK;
}

static cer_status
make_side(cer_arena *arena, const cer_comparison_input *in,
          const uint16_t *scores, side *s, cer_error *err)
{
	*s = (side){
		.losses = cer_arena_allocate(arena, in->n_rows * sizeof(double) + 1),
		.are_right = cer_arena_allocate(arena, in->n_rows + 1),
		.scores = scores,
	};
	if (s->losses == NULL || s->are_right == NULL)
		return cer_fail_memory(err, in->n_rows * sizeof(double));
	for (size_t i = 0; i < in->n_rows; i++)
	{
		const uint16_t *row = scores + i * in->n_classes;

		s->losses[i] = get_loss(row[in->labels[i]]);
		s->are_right[i] = get_decision(row, in->n_classes) == in->labels[i];
	}
	return in->n_classes == 2 ? sort_rows(arena, in, s, err) : CER_OK;
}

/* ------------------------------------------------------------ resamples */

/* Chances of 0, 1, 2, ... of a Poisson variable of mean 1, added up. */
static uint8_t
draw_count(uint32_t bits)
{
	static const double bounds[] = {0.36787944117, 0.73575888234, 0.91969860293,
	                                0.98101184312, 0.99634015317, 0.99940581518,
	                                0.99991675885, 0.99998975080};
	double u = ((double) bits + 0.5) / 4294967296.0;
	uint8_t n = 0;

	while (n < sizeof(bounds) / sizeof(bounds[0]) && u > bounds[n])
		n++;
	return n;
}

static void
draw_weights(bootstrap *b, uint32_t resample)
{
	cer_random random;

	cer_random_init(&random, b->in->seed, (cer_text){"bootstrap", 9});
	for (size_t i = 0; i < b->in->n_rows; i += 4)
	{
		cer_random_place place = {{(uint32_t) (i / 4), resample, 0, 0}};
		uint32_t bits[4];

		cer_random_get_fast(&random, &place, bits);
		for (size_t j = 0; j < 4 && i + j < b->in->n_rows; j++)
			b->weights[i + j] = draw_count(bits[j]);
	}
}

/* Pairs of a positive and a negative row in which the positive one has the
 * larger score; equal ones count half.  NAN where one side has no rows. */
static double
get_area(const bootstrap *b, const side *s)
{
	double n_negative = 0.0;
	double n_positive = 0.0;
	double n_pairs = 0.0;

	for (size_t i = 0; i < b->in->n_rows;)
	{
		uint16_t score = s->scores[2 * s->order[i] + 1];
		double negative = 0.0;
		double positive = 0.0;

		for (; i < b->in->n_rows && s->scores[2 * s->order[i] + 1] == score;
		     i++)
		{
			double weight = (double) b->weights[s->order[i]];

			if (b->in->labels[s->order[i]] == 1)
				positive += weight;
			else
				negative += weight;
		}
		n_pairs += positive * (n_negative + 0.5 * negative);
		n_negative += negative;
		n_positive += positive;
	}
	if (n_negative == 0.0 || n_positive == 0.0)
		return NAN;
	return n_pairs / (n_negative * n_positive);
}

static void
measure(const bootstrap *b, double differences[3])
{
	double n = 0.0;
	double loss = 0.0;
	double right = 0.0;

	for (size_t i = 0; i < b->in->n_rows; i++)
	{
		double weight = (double) b->weights[i];

		n += weight;
		loss += weight * (b->sides[1].losses[i] - b->sides[0].losses[i]);
		right += weight *
		         (double) (b->sides[1].are_right[i] - b->sides[0].are_right[i]);
	}
	differences[0] = loss / n;
	differences[1] = b->in->n_classes == 2
	                     ? get_area(b, &b->sides[1]) - get_area(b, &b->sides[0])
	                     : NAN;
	differences[2] = right / n;
}

static int
compare_numbers(const void *a, const void *b)
{
	double x = *(const double *) a;
	double y = *(const double *) b;

	return (x > y) - (x < y);
}

static void
make_interval(double value, double *draws, size_t n, cer_interval *interval)
{
	size_t n_known = 0;
	double tail = (1.0 - MIDDLE) / 2.0;

	for (size_t i = 0; i < n; i++)
		if (!isnan(draws[i]))
			draws[n_known++] = draws[i];
	*interval = (cer_interval){value, NAN, NAN};
	if (n_known == 0 || isnan(value))
		return;
	qsort(draws, n_known, sizeof(*draws), compare_numbers);
	interval->low = draws[(size_t) (tail * (double) (n_known - 1) + 0.5)];
	interval->high =
		draws[(size_t) ((1.0 - tail) * (double) (n_known - 1) + 0.5)];
}

/* ------------------------------------------------------------ all of it */

static cer_status
check_input(const cer_host *host, const cer_comparison_input *in,
            cer_error *err)
{
	(void) host;
	if (in->n_rows == 0 || in->n_rows > UINT32_MAX || in->n_classes < 2)
		return cer_fail(err, CER_BAD_DATA, "there is nothing to compare");
	if (in->n_resamples == 0 || in->n_resamples > MAX_RESAMPLE)
		return cer_fail(err, CER_BAD_VALUE,
		                "%zu resamples, where 1 to %d are allowed",
		                in->n_resamples, MAX_RESAMPLE);
	for (size_t i = 0; i < in->n_rows; i++)
		if (in->labels[i] >= in->n_classes)
			return cer_fail(err, CER_BAD_DATA,
			                "a label of class %u among %zu classes",
			                in->labels[i], in->n_classes);
	return CER_OK;
}

static size_t
count_disagreements(const cer_comparison_input *in)
{
	size_t n = 0;

	for (size_t i = 0; i < in->n_rows; i++)
		n += get_decision(in->scores[0] + i * in->n_classes, in->n_classes) !=
		     get_decision(in->scores[1] + i * in->n_classes, in->n_classes);
	return n;
}

static cer_status
run(cer_arena *arena, const cer_host *host, const cer_comparison_input *in,
    cer_comparison *comparison, cer_error *err)
{
	bootstrap b = {.in = in};
	size_t size = in->n_resamples * sizeof(double);
	double differences[3];

	for (size_t i = 0; i < 2; i++)
		CER_TRY(make_side(arena, in, in->scores[i], &b.sides[i], err));
	b.weights = cer_arena_allocate(arena, in->n_rows + 1);
	for (size_t i = 0; i < 3; i++)
		b.draws[i] = cer_arena_allocate(arena, size);
	if (b.weights == NULL || b.draws[0] == NULL || b.draws[1] == NULL ||
	    b.draws[2] == NULL)
		return cer_fail_memory(err, 3 * size);
	for (size_t i = 0; i < in->n_resamples; i++)
	{
		if (host->is_canceled(host->self))
			return cer_fail(err, CER_CANCELED, "the comparison was canceled");
		draw_weights(&b, (uint32_t) i);
		measure(&b, differences);
		for (size_t j = 0; j < 3; j++)
			b.draws[j][i] = differences[j];
	}
	memset(b.weights, 1, in->n_rows);
	measure(&b, differences);
	make_interval(differences[0], b.draws[0], in->n_resamples,
	              &comparison->log_loss);
	make_interval(differences[1], b.draws[1], in->n_resamples,
	              &comparison->auc);
	make_interval(differences[2], b.draws[2], in->n_resamples,
	              &comparison->accuracy);
	comparison->n_disagree = count_disagreements(in);
	return CER_OK;
}

cer_status
cer_compare(const cer_host *host, const cer_comparison_input *in,
            cer_comparison *comparison, cer_error *err)
{
	cer_arena *arena;
	cer_status status;

	CER_TRY(check_input(host, in, err));
	arena = cer_arena_new(host);
	if (arena == NULL)
		return cer_fail_memory(err, sizeof(bootstrap));
	status = run(arena, host, in, comparison, err);
	cer_arena_free(arena);
	return status;
}
