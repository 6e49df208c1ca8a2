/*
 * lang/space_range.c
 *	  Ranges of numbers.
 *
 * What is computed is rounded to few digits, so that 0.1..0.5 step 0.1 holds
 * 0.3 and not its neighbour.
 */
#include "lang/space_private.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#define GRID_DIGITS 12
#define DRAW_DIGITS 6
#define SLACK       1e-9 /* of a step: what rounding may take from the last */

static bool
is_whole_arg(const cer_arg *arg, const cer_range *range)
{
	if (arg != NULL)
		return arg->type == CER_ARG_INTEGER || arg->type == CER_ARG_WIDTHS;
	return range->least == floor(range->least) &&
	       range->most == floor(range->most);
}

/* The arguments of a user's own structure are not known here, nor checked: a
 * range of theirs may be the wrong way round, or have no logarithm. */
static void
put_right(cer_range *range)
{
	if (range->least > range->most)
	{
		double most = range->least;

		range->least = range->most;
		range->most = most;
	}
	if (range->least <= 0)
		range->is_log = false;
	if (range->step <= 0 || (range->is_log && range->step <= 1))
		range->step = 0;
	if (!range->is_log &&
	    (range->most - range->least) * DBL_EPSILON > range->step)
		range->step = 0; /* finer than numbers are */
}

void
cer_range_init(cer_range *range, const cer_ast *ast, const cer_arg *arg)
{
	const cer_ast *step = ast->first->next->next;

	range->least = ast->first->number;
	range->most = ast->first->next->number;
	range->step = step ? step->first->number : 0;
	range->is_log = ast->flag;
	put_right(range);
	range->is_whole = is_whole_arg(arg, range);
	if (range->is_whole)
	{
		range->least = ceil(range->least);
		range->most = floor(range->most);
		if (!range->is_log && range->step < 1)
			range->step = 0; /* every one of them */
	}
}

double
cer_range_count(const cer_range *range)
{
	double steps;

	if (range->least > range->most)
		return 0;
	if (range->least == range->most)
		return 1;
	if (range->step == 0)
		return range->is_whole ? range->most - range->least + 1 : INFINITY;
	if (range->is_log)
		steps = log(range->most / range->least) / log(range->step);
	else
		steps = (range->most - range->least) / range->step;
	return steps < 0 || !isfinite(steps) ? 1 : floor(steps + SLACK) + 1;
}

/* To so many decimal digits, correctly where a power of ten is exact. */
static double
round_digits(double number, int n_digits)
{
	int places;
	double scale;

	if (number == 0 || !isfinite(number))
		return number;
	places = n_digits - 1 - (int) floor(log10(fabs(number)));
	if (places < -22 || places > 22)
		return number;
	scale = pow(10, abs(places));
	return places >= 0 ? nearbyint(number * scale) / scale
	                   : nearbyint(number / scale) * scale;
}

static double
clamp(const cer_range *range, double number)
{
	return fmin(fmax(number, range->least), range->most);
}

double
cer_range_get(const cer_range *range, double i)
{
	double number;

	if (range->step == 0)
		number = range->least + i;
	else if (range->is_log)
		number = range->least * pow(range->step, i);
	else
		number = range->least + i * range->step;
	number = round_digits(number, GRID_DIGITS);
	return clamp(range, range->is_whole ? nearbyint(number) : number);
}

double
cer_range_draw(const cer_range *range, double uniform)
{
	double n = cer_range_count(range);
	double first = range->least;
	double last = range->most + (range->is_whole ? 1 : 0);
	double number;

	if (range->step > 0 || n <= 1 || (range->is_whole && !range->is_log))
		return cer_range_get(range, fmin(floor(uniform * n), n - 1));
	if (range->is_log)
		number = first * pow(last / first, uniform);
	else
		number = first + uniform * (last - first);
	number =
		range->is_whole ? floor(number) : round_digits(number, DRAW_DIGITS);
	return clamp(range, number);
}

/* Numbers ascend, and two may be rounded to one: the first that is not below. */
static double
find_place(const cer_range *range, double number)
{
	double least = 0;
	double most = cer_range_count(range) - 1;

	for (int k = 0; k < DBL_MANT_DIG && least < most; k++)
	{
		double middle = least + floor((most - least) / 2);

		if (cer_range_get(range, middle) < number)
			least = middle + 1;
		else
			most = middle;
	}
	return least;
}

bool
cer_range_contains(const cer_range *range, double number)
{
	if (!(number >= range->least && number <= range->most) ||
	    (range->is_whole && number != floor(number)))
		return false;
	if (range->step == 0 || range->least == range->most)
		return true;
	return number == cer_range_get(range, find_place(range, number));
}
