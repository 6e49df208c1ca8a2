/*
 * scorer_sums.c
 *	  Which partials of dimensions are added up before rows come: planned by cost.
 *
 *	 fact -> inner -> outer		the outer's partial is added to the inner's, once
 *								for each of the inner's rows
 *	 fact -> a, b				one sum for rows of a and b that come together
 *
 * Sums are parts of what a row's first layer is added up of, as cerebro/model.h
 * tells, so that no bit depends on the plan.
 */
#include "scorer_private.h"

#include "utils/guc.h"

typedef enum PartialPlan
{
	PARTIALS_AUTO,
	PARTIALS_OF_TABLES,
	PARTIALS_FOLDED,
	PARTIALS_COMBINED
} PartialPlan;

static const struct config_enum_entry plans[] = {
	{"auto", PARTIALS_AUTO, false},
	{"tables", PARTIALS_OF_TABLES, false},
	{"folded", PARTIALS_FOLDED, false},
	{"combined", PARTIALS_COMBINED, false},
	{NULL, 0, false},
};

static int partial_plan = PARTIALS_AUTO;

#define FOLD_ROWS         2 /* that are scored, for each that is folded */
#define COMBINED_ROWS     8 /* for each sum of a combination */
#define COMBINED_SIZE     (256 * 1024) /* bytes of sums that stay in a cache */
#define MAX_COMBINED_ROWS (1 << 20)

void
scorer_sums_init(void)
{
	DefineCustomEnumVariable(
		"cerebro.plan_partials",
		"How what tables add to a model's first layer is added up before rows "
		"come.",
		"auto: by cost; tables: not at all; folded: of tables that are joined "
		"through others, for each row of those; combined: of the first tables, "
		"for rows of theirs that come together, too.",
		&partial_plan, PARTIALS_AUTO, plans, PGC_USERSET, 0, NULL, NULL, NULL);
}

/* ----------------------------------------------------------------- folding */

/* The dimension whose partials the group has; -1: there is none. */
static int
find_dimension(const cer_model *model, const FeSplit *split, size_t group)
{
	for (int i = 0; i < fe_split_count_dimensions(split); i++)
		if (scorer_find_group(model, split, i) == (int) group)
			return i;
	return -1;
}

/* Whether all that is joined through the group's table, and there is some, can
 * be folded into the dimension; those that are, are whole. */
static bool
can_fold(const cer_model *model, const FeSplit *split, int dimension,
         const ScorerSums *sums)
{
	int group = scorer_find_group(model, split, dimension);
	int n = 0;

	for (size_t i = 0; group >= 0 && i < cer_model_count_groups(model); i++)
	{
		int outer;

		if (cer_model_get_parent(model, i) != (size_t) group)
			continue;
		outer = find_dimension(model, split, i);
		if (outer < 0 || fe_split_get_through(split, outer) != dimension ||
		    !sums->are_whole[outer])
			return false;
		n++;
	}
	return n > 0;
}

static bool
has_outer(const cer_model *model, int group)
{
	for (size_t i = 0; i < cer_model_count_groups(model); i++)
		if (cer_model_get_parent(model, i) == (size_t) group)
			return true;
	return false;
}

static bool
is_worth_folding(const FeSplit *split, int dimension, double n_rows)
{
	if (partial_plan != PARTIALS_AUTO)
		return partial_plan != PARTIALS_OF_TABLES;
	return n_rows > FOLD_ROWS * fe_split_get_rows(split, dimension);
}

static void
plan_folding(const Scorer *scorer, const FeSplit *split, double n_rows,
             ScorerSums *sums)
{
	const cer_model *model = scorer->model;

	for (int i = fe_split_count_dimensions(split) - 1; i >= 0; i--)
	{
		int group = scorer_find_group(model, split, i);

		sums->are_folded[i] = can_fold(model, split, i, sums) &&
		                      is_worth_folding(split, i, n_rows);
		sums->are_whole[i] =
			group >= 0 && (sums->are_folded[i] || !has_outer(model, group));
	}
}

/* --------------------------------------------------------------- combining */

/* The first dimensions of those that are joined to the task's own rows, as many
 * as have few combinations. */
static void
plan_combination(const Scorer *scorer, const FeSplit *split, double n_rows,
                 ScorerSums *sums)
{
	const cer_model *model = scorer->model;
	size_t n_groups = cer_model_count_groups(model);
	double size = cer_model_get_partial_width(model) * sizeof(float);
	double n = 1;

	for (size_t i = 0; i < n_groups; i++)
	{
		int dimension = find_dimension(model, split, i);

		if (cer_model_get_parent(model, i) < n_groups ||
		    cer_model_get_group_alias(model, i).size == 0)
			continue;
		if (dimension < 0 || !sums->are_whole[dimension])
			break;
		n *= fe_split_get_rows(split, dimension) + 1;
		if (n > MAX_COMBINED_ROWS ||
		    (partial_plan == PARTIALS_AUTO &&
		     (n * COMBINED_ROWS > n_rows || n * size > COMBINED_SIZE)))
			break;
		sums->combined[sums->n_combined++] = dimension;
		sums->n_combinations = n;
	}
	if (sums->n_combined < 2)
		sums->n_combined = 0;
}

void
scorer_plan_sums(const Scorer *scorer, const FeSplit *split,
                 const ScorerWish *wish, ScorerSums *sums)
{
	int n = fe_split_count_dimensions(split);

	memset(sums, 0, sizeof(*sums));
	sums->are_folded = palloc0((n + 1) * sizeof(bool));
	sums->are_whole = palloc0((n + 1) * sizeof(bool));
	sums->combined = palloc0((n + 1) * sizeof(int));
	/* sums of several rows tell no row's values */
	if (cer_model_has_towers(scorer->model) || wish->keeps_values)
		return;
	plan_folding(scorer, split, wish->n_rows, sums);
	if (partial_plan == PARTIALS_AUTO || partial_plan == PARTIALS_COMBINED)
		plan_combination(scorer, split, wish->n_rows, sums);
}

/* ----------------------------------------------------------------- explain */

/* Ends what is told of a dimension; "" where there is nothing to tell. */
const char *
scorer_describe_sum(const Scorer *scorer, const FeSplit *split, int dimension,
                    const ScorerSums *sums)
{
	int through = fe_split_get_through(split, dimension);

	if (through == FE_OF_SOURCE)
		return "";
	if (sums->are_folded[through] &&
	    scorer_find_group(scorer->model, split, dimension) >= 0)
		return psprintf(", folded into each of %s",
		                fe_split_get_alias(split, through));
	return psprintf(", found through %s", fe_split_get_alias(split, through));
}

List *
scorer_describe_combination(const FeSplit *split, const ScorerSums *sums)
{
	StringInfoData text;

	if (sums->n_combined == 0)
		return NIL;
	initStringInfo(&text);
	for (int i = 0; i < sums->n_combined; i++)
		appendStringInfo(&text, "%s%s", i > 0 ? " x " : "",
		                 fe_split_get_alias(split, sums->combined[i]));
	appendStringInfo(&text, ": one sum for each of %.0f combinations",
	                 sums->n_combinations);
	return list_make1(text.data);
}
