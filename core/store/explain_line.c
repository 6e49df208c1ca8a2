/*
 * store/explain_line.c
 *	  The integral of the gradient along the line from the baseline to a row.
 *
 * The derivative along the whole line should come to what F gains between two
 * points: where it does not, steps become shorter.
 */
#include "base/arena.h"
#include "base/error.h"
#include "store/explain_private.h"

#include <math.h>

#define FIRST_STEPS 32
#define NOISE       1e-6 /* of log-odds near 0: they come from float32 */

/* A piece of the line: the derivative at its middle stands for all of it. */
typedef struct interval
{
	double begin;
	double end;
	double from; /* log-odds at begin */
	double middle;
	double to;
	double error; /* of the derivative's integral, beyond what is rounding */
} interval;

/* Log-odds at the pieces' middles; gradients there are those of the run. */
static void
run_middles(const cer_explainer *e, interval *const *pieces, size_t n)
{
	double at[CER_EXPLAIN_MOST_POINTS] = {0};
	double log_odds[CER_EXPLAIN_MOST_POINTS];

	for (size_t i = 0; i < n; i++)
		at[i] = (pieces[i]->begin + pieces[i]->end) / 2;
	cer_explainer_run_points(e, n, at, log_odds);
	for (size_t i = 0; i < n; i++)
		pieces[i]->middle = log_odds[i];
	cer_explainer_go_back(e, n);
}

static double
get_slope(const cer_explainer *e, size_t point)
{
	double slope = 0.0;

	for (size_t k = 0; k < e->n_nets; k++)
		slope += cer_explain_net_get_slope(e->nets[k].net, point);
	return slope;
}

static void
measure(const cer_explainer *e, interval *const *pieces, size_t n)
{
	run_middles(e, pieces, n);
	for (size_t i = 0; i < n; i++)
	{
		interval *piece = pieces[i];

		double gain = piece->to - piece->from;
		double noise = NOISE * (1.0 + fabs(piece->from) + fabs(piece->to));

		piece->error =
			fabs(gain - (piece->end - piece->begin) * get_slope(e, i));
		piece->error = piece->error > noise ? piece->error - noise : 0.0;
	}
}

/* Calls run for all pieces, as many as a run takes at a time. */
static cer_status
visit(const cer_explainer *e, interval *pieces, size_t n,
      void (*run)(const cer_explainer *, interval *const *, size_t))
{
	interval *some[CER_EXPLAIN_MOST_POINTS];

	for (size_t done = 0; done < n;)
	{
		size_t n_some = cer_at_most(n - done, e->n_points);

		if (e->host->is_canceled(e->host->self))
			return CER_CANCELED;
		for (size_t i = 0; i < n_some; i++)
			some[i] = &pieces[done++];
		run(e, some, n_some);
	}
	return CER_OK;
}

static size_t
find_worst(const interval *pieces, size_t n)
{
	size_t worst = 0;

	for (size_t i = 1; i < n; i++)
		if (pieces[i].error > pieces[worst].error)
			worst = i;
	return worst;
}

static double
add_errors(const interval *pieces, size_t n)
{
	double sum = 0.0;

	for (size_t i = 0; i < n; i++)
		sum += pieces[i].error;
	return sum;
}

/* Halves the pieces with the largest errors. */
static size_t
divide_worst(const cer_explainer *e, interval *pieces, size_t n)
{
	interval *halves[CER_EXPLAIN_MOST_POINTS];
	size_t n_halves = 0;

	while (n_halves + 2 <= e->n_points && n < CER_EXPLAIN_MAX_STEPS)
	{
		interval *piece = &pieces[find_worst(pieces, n)];
		interval *other = &pieces[n];

		if (piece->error <= 0.0)
			break;
		n++;
		*other = *piece;
		other->begin = piece->end = (piece->begin + piece->end) / 2;
		other->from = piece->to = piece->middle;
		piece->error = other->error = 0.0; /* not again before measured */
		halves[n_halves++] = piece;
		halves[n_halves++] = other;
	}
	measure(e, halves, n_halves);
	return n;
}

static void
begin_pieces(const cer_explainer *e, interval *pieces)
{
	double log_odds[FIRST_STEPS + 1];
	double at[FIRST_STEPS + 1];

	for (size_t i = 0; i <= FIRST_STEPS; i++)
		at[i] = (double) i / FIRST_STEPS;
	for (size_t i = 0; i <= FIRST_STEPS; i += e->n_points)
		cer_explainer_run_points(e,
		                         cer_at_most(FIRST_STEPS + 1 - i, e->n_points),
		                         at + i, log_odds + i);
	for (size_t i = 0; i < FIRST_STEPS; i++)
		pieces[i] = (interval){.begin = at[i],
		                       .end = at[i + 1],
		                       .from = log_odds[i],
		                       .to = log_odds[i + 1]};
}

/* Pieces of the line, shorter where the derivative jumps. */
static cer_status
find_pieces(const cer_explainer *e, interval *pieces, size_t *n_pieces)
{
	size_t n = FIRST_STEPS;

	begin_pieces(e, pieces);
	CER_TRY(visit(e, pieces, n, measure));
	while (n < CER_EXPLAIN_MAX_STEPS &&
	       add_errors(pieces, n) > CER_EXPLAIN_RESIDUAL / 2)
	{
		if (e->host->is_canceled(e->host->self))
			return CER_CANCELED;
		n = divide_worst(e, pieces, n);
	}
	*n_pieces = n;
	return CER_OK;
}

static void
add_gradients(const cer_explainer *e, interval *const *pieces, size_t n)
{
	run_middles(e, pieces, n);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < e->n_nets; k++)
			cer_explain_net_add(e->nets[k].net, i,
			                    pieces[i]->end - pieces[i]->begin);
}

cer_status
cer_explainer_follow_line(cer_arena *arena, const cer_explainer *e,
                          size_t *n_steps)
{
	interval *pieces =
		cer_arena_allocate(arena, CER_EXPLAIN_MAX_STEPS * sizeof(*pieces));

	if (pieces == NULL)
		return CER_NO_MEMORY;
	CER_TRY(find_pieces(e, pieces, n_steps));
	return visit(e, pieces, *n_steps, add_gradients);
}
