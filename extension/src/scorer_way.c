/*
 * scorer_way.c
 *	  How a model's tables are read: chosen by cost, and told in EXPLAIN.
 */
#include "scorer_kept.h"

#include "miscadmin.h"
#include "optimizer/optimizer.h"

#define OPERATIONS 500 /* of a network, that cost as much as an operator */

/* ----------------------------------------------------------------- choosing */

int
scorer_find_group(const cer_model *model, const FeSplit *split, int dimension)
{
	const int *targets;
	int n_targets = fe_split_get_targets(split, dimension, &targets);
	size_t group;
	int n = 0;

	if (n_targets == 0 || cer_model_count_groups(model) == 0)
		return -1;
	group = cer_model_get_group(model, targets[0]);
	if (!cer_model_can_keep(model, group))
		return -1;
	for (int i = 0; i < n_targets; i++)
		if (cer_model_get_group(model, targets[i]) != group)
			return -1;
	for (size_t i = 0; i < cer_model_count_inputs(model); i++)
		n += cer_model_get_group(model, i) == group;
	return n == n_targets ? (int) group : -1;
}

double
scorer_get_group_cost(const cer_model *model, int group)
{
	return cer_model_get_group_cost(model, group) * cpu_operator_cost /
	       OPERATIONS;
}

/* Arithmetic that is done for each of a dimension's rows, or for each row. */
static void
add_arithmetic(const cer_model *model, const FeSplit *split, double n_rows,
               FeCosts *costs)
{
	for (int i = 0; i < fe_split_count_dimensions(split); i++)
	{
		int group = scorer_find_group(model, split, i);
		double cost;

		if (group < 0)
			continue;
		cost = scorer_get_group_cost(model, group);
		costs->ways[FE_PASS] += fe_split_get_rows(split, i) * cost;
		costs->ways[FE_PROBE] += n_rows * cost;
		costs->ways[FE_BATCH] += n_rows * cost;
	}
}

static FeWay
choose_by_cost(const Scorer *scorer, FeLookup *lookup, double n_rows,
               bool *is_grouped)
{
	FeWay best = FE_PASS;
	FeCosts costs;

	if (!fe_lookup_estimate(lookup, n_rows, &costs))
		return FE_PROBE;
	add_arithmetic(scorer->model, fe_lookup_get_split(lookup), n_rows, &costs);
	for (FeWay way = FE_PROBE; way <= FE_BATCH; way++)
		if (costs.ways[way] < costs.ways[best])
			best = way;
	*is_grouped = costs.are_grouped[best];
	return best;
}

FeWay
scorer_choose_way(const Scorer *scorer, double n_rows, bool *is_grouped)
{
	FeLookup *lookup = row_evaluator_get_lookup(scorer->evaluator);
	FeJoinPlan plan = fe_get_join_plan();

	*is_grouped = plan == FE_JOIN_PASS;
	if (plan == FE_JOIN_PROBE)
		return FE_PROBE;
	if (plan == FE_JOIN_BATCH)
		return FE_BATCH;
	if (plan == FE_JOIN_PASS)
		return fe_split_count_dimensions(fe_lookup_get_split(lookup)) > 0
		           ? FE_PASS
		           : FE_BATCH;
	return choose_by_cost(scorer, lookup, n_rows, is_grouped);
}

/* ------------------------------------------------------------------ explain */

static char *
describe_dimension(const Scorer *scorer, const FeSplit *split, int dimension,
                   const ScorerSums *sums)
{
	bool has_tower = cer_model_has_towers(scorer->model) &&
	                 scorer_find_group(scorer->model, split, dimension) >= 0;
	uint32 n_kept = scorer_kept_count(scorer, split, dimension);

	return psprintf("%s: one pass over %.0f rows%s%s%s",
	                fe_split_get_alias(split, dimension),
	                fe_split_get_rows(split, dimension),
	                n_kept > 0 ? psprintf(", %u kept", n_kept) : "",
	                scorer_describe_sum(scorer, split, dimension, sums),
	                has_tower ? ", its tower kept for each" : "");
}

static List *
describe_dimensions(const Scorer *scorer, const FeSplit *split,
                    const ScorerWish *wish)
{
	List *texts = NIL;
	ScorerSums sums;

	scorer_plan_sums(scorer, split, wish, &sums);
	for (int i = 0; i < fe_split_count_dimensions(split); i++)
		texts = lappend(texts, describe_dimension(scorer, split, i, &sums));
	return list_concat(texts, scorer_describe_combination(split, &sums));
}

static char *
describe_query(FeLookup *lookup, FeWay way, bool is_grouped)
{
	if (way == FE_PROBE)
		return "index probes by row";
	return is_grouped && fe_lookup_has_groups(lookup)
	           ? "one query for each batch of rows, over one grouped pass"
	           : "one query for each batch of rows";
}

static List *
describe_rights(const Scorer *scorer)
{
	return OidIsValid(scorer->reader)
	           ? list_make1(psprintf("read with the rights of %s",
	                                 GetUserNameFromId(scorer->reader, false)))
	           : NIL;
}

List *
scorer_lookup_describe(Scorer *scorer, const ScorerLookup *begun,
                       const ScorerWish *wish, int *limit)
{
	FeLookup *lookup = row_evaluator_get_lookup(scorer->evaluator);
	bool is_grouped;
	FeWay way = begun != NULL
	                ? scorer_lookup_get_way(begun, &is_grouped)
	                : scorer_choose_way(scorer, wish->n_rows, &is_grouped);
	const FeSplit *split = fe_lookup_get_split(lookup);
	List *texts = describe_rights(scorer);
	bool has_rest = way != FE_PASS;

	if (way == FE_PASS)
		texts = list_concat(texts, describe_dimensions(scorer, split, wish));
	for (size_t i = 0; i < scorer->n_inputs; i++)
		has_rest |=
			fe_split_get_input(split, (int) i)->dimension == FE_INPUT_OF_QUERY;
	if (!has_rest)
		return texts;
	*limit = Max(*limit, SCORER_QUERY_ROWS);
	return lappend(texts, describe_query(lookup, way, is_grouped));
}
