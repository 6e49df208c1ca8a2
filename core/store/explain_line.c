/*
 * store/explain_line.c
 *	  The integral of the gradient along the lines from the baseline to rows.
 *
 * The derivative along the whole line should come to what F gains between two
 * points: where it does not, steps become shorter.  The first steps are those of
 * all lines together; a line that needs shorter ones is then followed alone.
 * Which pieces there are is known at the end: gradients are kept by place until
 * then, or made again where there are more than places.
 */
#include "base/arena.h"
#include "base/error.h"
#include "store/explain_private.h"

#include <math.h>
#include <string.h>

#define FIRST_STEPS 32
#define N_ENDS      (FIRST_STEPS + 1)
/* Of pieces that are there from the beginning; those of one line follow. */
#define FIRST_PLACES ((CER_EXPLAIN_ROWS - 1) * FIRST_STEPS)
#define NOISE        1e-6 /* of log-odds near 0: they come from float32 */

/* A piece of a line: the derivative at its middle stands for all of it. */
typedef struct interval
{
	size_t line;
	size_t place; /* of its gradient, if there is such a place */
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
	cer_explain_point points[CER_EXPLAIN_MOST_POINTS] = {0};
	double log_odds[CER_EXPLAIN_MOST_POINTS];

	for (size_t i = 0; i < n; i++)
		points[i] = (cer_explain_point){
			pieces[i]->line, (pieces[i]->begin + pieces[i]->end) / 2};
	cer_explainer_run_points(e, n, points, log_odds);
	for (size_t i = 0; i < n; i++)
		pieces[i]->middle = log_odds[i];
	cer_explainer_go_back(e, n, points);
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

static void
measure_and_keep(const cer_explainer *e, interval *const *pieces, size_t n)
{
	measure(e, pieces, n);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < e->n_nets && pieces[i]->place < e->n_places; k++)
			cer_explain_net_keep(e->nets[k].net, i, pieces[i]->place);
}

static void
run_and_add(const cer_explainer *e, interval *const *pieces, size_t n)
{
	run_middles(e, pieces, n);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < e->n_nets; k++)
			cer_explain_net_add(e->nets[k].net, i,
			                    pieces[i]->end - pieces[i]->begin);
}

static void
add_kept(const cer_explainer *e, const interval *pieces, size_t n)
{
	for (size_t k = 0; k < e->n_nets; k++)
		for (size_t i = 0; i < n; i++)
			cer_explain_net_add_kept(e->nets[k].net, pieces[i].line,
			                         pieces[i].place,
			                         pieces[i].end - pieces[i].begin);
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

/* The gradients of a line's pieces, to its sum. */
static cer_status
add_line(const cer_explainer *e, interval *pieces, size_t n)
{
	bool are_kept = true;

	for (size_t i = 0; i < n; i++)
		are_kept &= pieces[i].place < e->n_places;
	if (!are_kept)
		return visit(e, pieces, n, run_and_add);
	add_kept(e, pieces, n);
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
		*other = *piece;
		other->place = FIRST_PLACES + n++;
		other->begin = piece->end = (piece->begin + piece->end) / 2;
		other->from = piece->to = piece->middle;
		piece->error = other->error = 0.0; /* not again before measured */
		halves[n_halves++] = piece;
		halves[n_halves++] = other;
	}
	measure_and_keep(e, halves, n_halves);
	return n;
}

/* F between the first pieces, for each line. */
static cer_status
run_ends(const cer_explainer *e, size_t n_lines, double *log_odds)
{
	cer_explain_point points[CER_EXPLAIN_MOST_POINTS];
	size_t n;

	for (size_t done = 0; done < n_lines * N_ENDS; done += n)
	{
		n = cer_at_most(n_lines * N_ENDS - done, e->n_points);
		if (e->host->is_canceled(e->host->self))
			return CER_CANCELED;
		for (size_t i = 0; i < n; i++)
			points[i] = (cer_explain_point){(done + i) / N_ENDS,
			                                (double) ((done + i) % N_ENDS) /
			                                    FIRST_STEPS};
		cer_explainer_run_points(e, n, points, log_odds + done);
	}
	return CER_OK;
}

static void
begin_pieces(size_t line, const double *log_odds, interval *pieces)
{
	for (size_t i = 0; i < FIRST_STEPS; i++)
		pieces[i] = (interval){.line = line,
		                       .place = line * FIRST_STEPS + i,
		                       .begin = (double) i / FIRST_STEPS,
		                       .end = (double) (i + 1) / FIRST_STEPS,
		                       .from = log_odds[i],
		                       .to = log_odds[i + 1]};
}

static bool
is_rough(const interval *pieces, size_t n)
{
	return n < CER_EXPLAIN_MAX_STEPS &&
	       add_errors(pieces, n) > CER_EXPLAIN_RESIDUAL / 2;
}

/* A line whose derivative jumps: shorter pieces where it does. */
static cer_status
follow_rough(cer_arena *arena, const cer_explainer *e, const interval *first,
             size_t *n_steps)
{
	interval *pieces =
		cer_arena_allocate(arena, CER_EXPLAIN_MAX_STEPS * sizeof(*pieces));
	size_t n = FIRST_STEPS;

	if (pieces == NULL)
		return CER_NO_MEMORY;
	memcpy(pieces, first, n * sizeof(*pieces));
	while (is_rough(pieces, n))
	{
		if (e->host->is_canceled(e->host->self))
			return CER_CANCELED;
		n = divide_worst(e, pieces, n);
	}
	*n_steps = n;
	return add_line(e, pieces, n);
}

cer_status
cer_explainer_follow_lines(cer_arena *arena, const cer_explainer *e,
                           size_t n_lines, cer_explanation *made)
{
	double *log_odds =
		cer_arena_allocate(arena, n_lines * N_ENDS * sizeof(*log_odds));
	interval *pieces =
		cer_arena_allocate(arena, n_lines * FIRST_STEPS * sizeof(*pieces));

	if (log_odds == NULL || pieces == NULL)
		return CER_NO_MEMORY;
	CER_TRY(run_ends(e, n_lines, log_odds));
	for (size_t line = 0; line < n_lines; line++)
	{
		const double *odds = log_odds + line * N_ENDS;

		begin_pieces(line, odds, pieces + line * FIRST_STEPS);
		made[line].baseline = odds[0];
		made[line].log_odds = odds[FIRST_STEPS];
		made[line].n_steps = FIRST_STEPS;
	}
	CER_TRY(visit(e, pieces, n_lines * FIRST_STEPS, measure_and_keep));
	for (size_t line = 0; line < n_lines; line++)
	{
		interval *first = pieces + line * FIRST_STEPS;

		if (is_rough(first, FIRST_STEPS))
			CER_TRY(follow_rough(arena, e, first, &made[line].n_steps));
		else
			CER_TRY(add_line(e, first, FIRST_STEPS));
	}
	return CER_OK;
}
