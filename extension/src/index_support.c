/*
 * index_support.c
 *	  Which index answers `mst @> pattern`: mostly the inverted one.  In a query
 *	  that is ordered by distance the tree of near triples takes the condition,
 *	  too, as `mst @>> pattern`, so that it does not walk past triples that do
 *	  not match; alone it would be slower than the inverted index, and the
 *	  planner, which does not know how boxes overlap, would not see that.
 */
#include "cerebro_pg.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(cerebro_mst_matches_support);

#define STRATEGY_PATTERN 2 /* of cerebro.mst_gist_ops, see index_gist.c */

/* Is the first thing that the query is ordered by one that the index gives? */
static bool
is_ordered_by(PlannerInfo *root, Oid family)
{
	PathKey *first;
	ListCell *cell;

	if (root == NULL || root->query_pathkeys == NIL)
		return false;
	first = linitial_node(PathKey, root->query_pathkeys);
	foreach (cell, first->pk_eclass->ec_members)
	{
		Expr *expr = lfirst_node(EquivalenceMember, cell)->em_expr;

		if (IsA(expr, OpExpr) && OidIsValid(get_op_opfamily_sortfamily(
									 castNode(OpExpr, expr)->opno, family)))
			return true;
	}
	return false;
}

static List *
get_arguments(Node *node)
{
	if (IsA(node, OpExpr))
		return castNode(OpExpr, node)->args;
	return IsA(node, FuncExpr) ? castNode(FuncExpr, node)->args : NIL;
}

static List *
make_condition(const SupportRequestIndexCondition *request)
{
	List *args = get_arguments(request->node);
	Node *mst;
	Node *pattern;
	Oid operator;

	if (list_length(args) != 2 ||
	    !is_ordered_by(request->root, request->opfamily))
		return NIL;
	mst = list_nth(args, request->indexarg);
	pattern = list_nth(args, 1 - request->indexarg);
	operator= get_opfamily_member(request->opfamily, exprType(mst),
	                              exprType(pattern), STRATEGY_PATTERN);
	if (!OidIsValid(operator) ||
	    !is_pseudo_constant_for_index(request->root, pattern, request->index))
		return NIL;
	return list_make1(make_opclause(operator, BOOLOID, false, (Expr *) mst,
	                                (Expr *) pattern, InvalidOid, InvalidOid));
}

Datum
cerebro_mst_matches_support(PG_FUNCTION_ARGS)
{
	Node *request = (Node *) PG_GETARG_POINTER(0);
	SupportRequestIndexCondition *index;

	if (!IsA(request, SupportRequestIndexCondition))
		PG_RETURN_POINTER(NULL);
	index = (SupportRequestIndexCondition *) request;
	index->lossy = false; /* it says the same */
	PG_RETURN_POINTER(make_condition(index));
}
