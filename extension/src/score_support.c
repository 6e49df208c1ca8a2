/*
 * score_support.c
 *	  What the planner asks about calls of a model.
 */
#include "scan.h"

#include "nodes/supportnodes.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(cerebro_score_support);

/*
 * Measured in calls of a cheap operator (25 ns, cpu_operator_cost): a row of
 * 25 columns takes 1 us besides the network, 70,000 weights take 2.2 us.
 */
#define OPERATORS_PER_WEIGHT 0.00125
#define OPERATORS_PER_ROW    40
/* Why: about so many runs of the network, forward or back, and the rest. */
#define WHY_RUNS         300
#define OPERATORS_OF_WHY 1500

/* Of cerebro.score_row and its like by a deployment, of cerebro.predict's by
 * itself. */
static bool
find_model(const ScanFunction *called, int32 id, Model *model)
{
	if (called == NULL)
		return false;
	return called->is_deployment ? deployment_find_model(id, model)
	                             : model_find(id, model);
}

static double
count_operators(ScoreAnswer answer, const Model *model)
{
	double n = OPERATORS_PER_WEIGHT * (double) model->n_weights;

	if (answer == ANSWER_WHY)
		return OPERATORS_OF_WHY + WHY_RUNS * n;
	return OPERATORS_PER_ROW + n;
}

static bool
estimate_cost(SupportRequestCost *request)
{
	Node *first = request->node && IsA(request->node, FuncExpr)
	                  ? linitial(((FuncExpr *) request->node)->args)
	                  : NULL;
	const ScanFunction *called = scan_find_function(request->funcid);
	Model model;

	if (first == NULL || !IsA(first, Const) || ((Const *) first)->constisnull ||
	    !ActiveSnapshotSet())
		return false;
	if (!find_model(called, DatumGetInt32(((Const *) first)->constvalue),
	                &model))
		return false;
	request->startup = 0;
	request->per_tuple =
		cpu_operator_cost * count_operators(called->answer, &model);
	return true;
}

/*
 * Asked while the first statement of a session that scores is planned, so that
 * the library is loaded by then.
 */
Datum
cerebro_score_support(PG_FUNCTION_ARGS)
{
	Node *request = (Node *) PG_GETARG_POINTER(0);

	if (IsA(request, SupportRequestCost) &&
	    estimate_cost((SupportRequestCost *) request))
		PG_RETURN_POINTER(request);
	PG_RETURN_POINTER(NULL);
}
