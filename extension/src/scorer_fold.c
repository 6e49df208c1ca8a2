/*
 * scorer_fold.c
 *	  Partials of dimensions added up, as planned (scorer_sums.c), while a
 *	  statement is scored.
 *
 * What stays between statements are partials alone: sums are made of the rows
 * that the statement has just read.
 */
#include "scorer_dimension.h"

#include "utils/memutils.h"

const float *
scorer_get_partial(const Dimension *dimension, uint32 row)
{
	Size width = dimension->lookup->width;

	if (dimension->sums != NULL)
		return dimension->sums + row * width;
	if (dimension->kept != NULL)
		return scorer_kept_get_partials(dimension->kept) +
		       dimension->in_kept[row] * width;
	return dimension->partials + row * width;
}

/* ----------------------------------------------------------------- folding */

/* A dimension that is folded into another one. */
typedef struct Outer
{
	Dimension *dimension;
	const uint32 *links; /* its rows, by row of the other one */
} Outer;

/* In the order of their groups; returns how many, or 0: one cannot be. */
static int
list_outer(const Dimension *inner, Outer *outer)
{
	ScorerLookup *lookup = inner->lookup;
	const cer_model *model = lookup->scorer->model;
	int n = 0;

	for (size_t group = 0; group < cer_model_count_groups(model); group++)
	{
		if (cer_model_get_parent(model, group) != (size_t) inner->group)
			continue;
		for (int i = inner->index + 1; i < lookup->n_dimensions; i++)
			if (lookup->dimensions[i].group == (int) group)
				outer[n].dimension = &lookup->dimensions[i];
		if (outer[n].dimension == NULL ||
		    (lookup->plan.are_folded[outer[n].dimension->index] &&
		     outer[n].dimension->sums == NULL))
			return 0;
		outer[n].links =
			fe_run_get_links(lookup->run, outer[n].dimension->index);
		if (outer[n++].links == NULL)
			return 0;
	}
	return n;
}

static void
add_up(Dimension *inner, const Outer *outer, int n)
{
	ScorerLookup *lookup = inner->lookup;
	Size width = lookup->width;
	const float **terms = palloc((n + 1) * sizeof(float *));
	float *sums = MemoryContextAllocHuge(lookup->kept,
	                                     inner->n_rows * width * sizeof(float));

	for (uint32 row = 0; row < inner->n_rows; row++)
	{
		terms[0] = scorer_get_partial(inner, row);
		for (int i = 0; i < n; i++)
			terms[i + 1] =
				scorer_get_partial(outer[i].dimension, outer[i].links[row]);
		cer_model_sum_partials(lookup->scorer->model, n + 1, terms,
		                       sums + row * width);
	}
	inner->sums = sums;
	pfree(terms);
}

void
scorer_fold(Dimension *inner)
{
	ScorerLookup *lookup = inner->lookup;
	Outer *outer;
	int n;

	if (!lookup->plan.are_folded[inner->index] ||
	    inner->n_rows * lookup->width * sizeof(float) > lookup->max_size)
		return;
	outer = palloc0((lookup->n_groups + 1) * sizeof(Outer));
	n = list_outer(inner, outer);
	if (n > 0)
		add_up(inner, outer, n);
	for (int i = 0; i < n; i++)
		outer[i].dimension->is_elsewhere = true;
	pfree(outer);
}

/* --------------------------------------------------------------- combining */

/* Whether all are as they were planned; counts rows that can come together. */
static bool
can_combine(const ScorerLookup *lookup, Size *n_rows)
{
	const ScorerSums *plan = &lookup->plan;
	Size row_size = lookup->width * sizeof(float) + sizeof(bool);

	*n_rows = 1;
	for (int i = 0; i < plan->n_combined; i++)
	{
		const Dimension *dimension = &lookup->dimensions[plan->combined[i]];

		if (dimension->group < 0 ||
		    (plan->are_folded[dimension->index] && dimension->sums == NULL) ||
		    dimension->n_rows > lookup->max_size / row_size / *n_rows)
			return false;
		*n_rows *= dimension->n_rows;
	}
	return plan->n_combined > 0 && *n_rows <= PG_UINT32_MAX;
}

void
scorer_combine(ScorerLookup *lookup)
{
	const ScorerSums *plan = &lookup->plan;
	Combination *made = &lookup->combination;
	Size stride = 1;

	made->n = 0;
	if (!can_combine(lookup, &made->n_rows))
		return;
	made->n = plan->n_combined;
	made->dimensions =
		MemoryContextAlloc(lookup->kept, made->n * sizeof(Dimension *));
	for (int i = 0; i < made->n; i++)
	{
		made->dimensions[i] = &lookup->dimensions[plan->combined[i]];
		made->dimensions[i]->stride = stride;
		stride *= made->dimensions[i]->n_rows;
	}
	made->sums = MemoryContextAllocHuge(
		lookup->kept, made->n_rows * lookup->width * sizeof(float));
	made->are_made = MemoryContextAllocExtended(
		lookup->kept, made->n_rows, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

void
scorer_reserve_combination(ScorerLookup *lookup, int n_rows)
{
	lookup->combination.codes = palloc0((Size) n_rows * sizeof(uint32));
}

static const float *
make_sum(ScorerLookup *lookup, uint32 code)
{
	Combination *combination = &lookup->combination;
	const float **terms = palloc(combination->n * sizeof(float *));
	float *sum = combination->sums + code * lookup->width;

	for (int i = 0; i < combination->n; i++)
	{
		const Dimension *dimension = combination->dimensions[i];

		terms[i] = scorer_get_partial(dimension, code / dimension->stride %
		                                             dimension->n_rows);
	}
	cer_model_sum_partials(lookup->scorer->model, combination->n, terms, sum);
	combination->are_made[code] = true;
	pfree(terms);
	return sum;
}

static void
take_sums(ScorerLookup *lookup)
{
	Combination *combination = &lookup->combination;
	const float **rows = lookup->rows[combination->dimensions[0]->group];

	for (int row = 0; row < lookup->n_rows; row++)
	{
		uint32 code = combination->codes[row];

		rows[row] = combination->are_made[code]
		                ? combination->sums + (Size) code * lookup->width
		                : make_sum(lookup, code);
	}
}

/* Whether it is the one whose rows are found last. */
static bool
is_last(const ScorerLookup *lookup, const Dimension *dimension)
{
	for (int i = dimension->index + 1; i < lookup->n_dimensions; i++)
		if (lookup->dimensions[i].stride > 0)
			return false;
	return true;
}

static bool
is_first(const ScorerLookup *lookup, const Dimension *dimension)
{
	for (int i = 0; i < dimension->index; i++)
		if (lookup->dimensions[i].stride > 0)
			return false;
	return true;
}

void
scorer_take_combined(ScorerLookup *lookup, Dimension *dimension)
{
	uint32 *codes = lookup->combination.codes;
	uint32 stride = (uint32) dimension->stride;

	if (is_first(lookup, dimension))
		memset(codes, 0, lookup->n_rows * sizeof(uint32));
	for (int row = 0; row < lookup->n_rows; row++)
		codes[row] += lookup->found[row] * stride;
	if (is_last(lookup, dimension))
		take_sums(lookup);
}
