/*
 * scan_condition.c
 *	  How many rows late(f) > 0.8 lets pass.
 *
 * PostgreSQL asks no function about a comparison of its result and takes a
 * third.  So conditions of a query that compare a deployed score with a
 * constant are calls of cerebro.score_compare while it is planned, whose
 * support function knows how the scores of validation rows are spread; the
 * finished plan has the comparisons again.
 */
#include "scan.h"

#include "deployment.h"

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(cerebro_score_compare);
PG_FUNCTION_INFO_V1(cerebro_score_compare_support);

/* ---------------------------------------------------------- comparisons */

/* The score among a comparison's two sides, past casts. */
static const FuncExpr *
strip_casts(const Node *node)
{
	while (IsA(node, FuncExpr) &&
	       ((const FuncExpr *) node)->funcid < FirstNormalObjectId &&
	       list_length(((const FuncExpr *) node)->args) == 1)
		node = linitial(((const FuncExpr *) node)->args);
	return IsA(node, FuncExpr) ? (const FuncExpr *) node : NULL;
}

/* The deployment whose probability the node is, or 0. */
static int32
find_deployment(const Node *node)
{
	const FuncExpr *call = strip_casts(node);
	ScoreAnswer answer = ANSWER_PROBA;
	const ScanFunction *function;
	int32 deployment;

	if (call == NULL || call->funcid < FirstNormalObjectId)
		return 0;
	function = scan_find_function(call->funcid);
	if (function != NULL)
		return function->is_deployment &&
		               function->answer == ANSWER_PROBABILITY &&
		               scan_is_call((const Node *) call)
		           ? scan_get_call(call).id
		           : 0;
	if (list_length(call->args) != 1 ||
	    !type_is_rowtype(exprType(linitial(call->args))))
		return 0;
	deployment = deployment_find_of_function(call->funcid, &answer);
	return answer == ANSWER_PROBABILITY ? deployment : 0;
}

static bool
is_order_operator(Oid comparator)
{
	char *name;

	if (comparator >= FirstNormalObjectId)
		return false;
	name = get_opname(comparator);
	return name != NULL && (strcmp(name, "<") == 0 || strcmp(name, "<=") == 0 ||
	                        strcmp(name, ">") == 0 || strcmp(name, ">=") == 0);
}

static bool
is_constant(Node *node)
{
	Node *value = eval_const_expressions(NULL, copyObject(node));

	return IsA(value, Const) && !((Const *) value)->constisnull;
}

static bool
compares_score(const OpExpr *node)
{
	Node *left, *right;

	if (list_length(node->args) != 2)
		return false;
	left = linitial(node->args);
	right = lsecond(node->args);
	if (!is_order_operator(node->opno))
		return false;
	return (find_deployment(left) != 0 && is_constant(right)) ||
	       (find_deployment(right) != 0 && is_constant(left));
}

/* ------------------------------------------------- before the planner */

typedef struct Marking
{
	Oid function; /* cerebro.score_compare */
	int n_marked;
} Marking;

static bool mark_query(Node *node, Marking *marking);

static Node *
mark(Node *node, Marking *marking)
{
	OpExpr *comparison = (OpExpr *) node;

	if (node == NULL)
		return NULL;
	if (IsA(node, List))
	{
		ListCell *cell;

		foreach (cell, (List *) node)
			lfirst(cell) = mark(lfirst(cell), marking);
		return node;
	}
	if (IsA(node, BoolExpr))
	{
		(void) mark((Node *) ((BoolExpr *) node)->args, marking);
		return node;
	}
	if (!IsA(node, OpExpr) || !compares_score(comparison))
		return node;
	marking->n_marked++;
	return (Node *) makeFuncExpr(
		marking->function, BOOLOID,
		lcons(makeConst(OIDOID, -1, InvalidOid, sizeof(Oid),
	                    ObjectIdGetDatum(comparison->opno), false, true),
	          comparison->args),
		InvalidOid, comparison->inputcollid, COERCE_EXPLICIT_CALL);
}

/* Conditions of joins and of WHERE, at any depth of the query. */
static bool
mark_query(Node *node, Marking *marking)
{
	if (node == NULL)
		return false;
	check_stack_depth();
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, mark_query, marking, 0);
	if (IsA(node, FromExpr))
		((FromExpr *) node)->quals = mark(((FromExpr *) node)->quals, marking);
	if (IsA(node, JoinExpr))
		((JoinExpr *) node)->quals = mark(((JoinExpr *) node)->quals, marking);
	return expression_tree_walker(node, mark_query, marking);
}

bool
scan_mark_conditions(Query *query)
{
	Marking marking = {.function = scan_get_compare_function()};

	if (query->commandType == CMD_UTILITY || !OidIsValid(marking.function))
		return false;
	(void) mark_query((Node *) query, &marking);
	return marking.n_marked > 0;
}

/* -------------------------------------------------- behind the planner */

static Node *
restore(Node *node, void *context)
{
	FuncExpr *call = (FuncExpr *) node;
	OpExpr *comparison;

	if (node == NULL)
		return NULL;
	node = expression_tree_mutator(node, restore, context);
	if (!IsA(node, FuncExpr) || call->funcid != *(Oid *) context ||
	    !IsA(linitial(call->args), Const))
		return node;
	call = (FuncExpr *) node;
	comparison = (OpExpr *) make_opclause(
		DatumGetObjectId(linitial_node(Const, call->args)->constvalue), BOOLOID,
		false, lsecond(call->args), lthird(call->args), InvalidOid,
		call->inputcollid);
	set_opfuncid(comparison);
	return (Node *) comparison;
}

List *
scan_restore_conditions(List *quals)
{
	Oid function = scan_get_compare_function();

	return (List *) restore((Node *) quals, &function);
}

/* ------------------------------------------------------------ functions */

/* Of built-in code, and for exactly these arguments: whoever calls may err. */
static void
check_call(FunctionCallInfo fcinfo, Oid comparator)
{
	Oid left = InvalidOid;
	Oid right = InvalidOid;

	if (is_order_operator(comparator))
		op_input_types(comparator, &left, &right);
	if (OidIsValid(left) && get_fn_expr_argtype(fcinfo->flinfo, 1) == left &&
	    get_fn_expr_argtype(fcinfo->flinfo, 2) == right)
		return;
	ereport(ERROR,
	        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	         errmsg("operator %u does not compare these arguments", comparator),
	         errdetail("This function is for the planner."),
	         errhint("Compare with <, <=, > or >= instead.")));
}

typedef struct Comparison
{
	Oid comparator;
	FmgrInfo function;
} Comparison;

/* What is compared where no plan has the comparison again. */
Datum
cerebro_score_compare(PG_FUNCTION_ARGS)
{
	Comparison *comparison = fcinfo->flinfo->fn_extra;
	Oid comparator = PG_GETARG_OID(0);

	if (comparison == NULL || comparison->comparator != comparator)
	{
		check_call(fcinfo, comparator);
		comparison =
			MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(Comparison));
		fmgr_info_cxt(get_opcode(comparator), &comparison->function,
		              fcinfo->flinfo->fn_mcxt);
		comparison->comparator = comparator;
		fcinfo->flinfo->fn_extra = comparison;
	}
	return FunctionCall2Coll(&comparison->function, PG_GET_COLLATION(),
	                         PG_GETARG_DATUM(1), PG_GETARG_DATUM(2));
}

static double
get_number(const Const *value)
{
	switch (value->consttype)
	{
		case FLOAT8OID:
			return DatumGetFloat8(value->constvalue);
		case FLOAT4OID:
			return DatumGetFloat4(value->constvalue);
		default:
			return -1;
	}
}

/* Share of rows for which `score operator value` holds, or below 0. */
static double
find_share(int32 deployment, const char *comparator, const Node *value)
{
	double number, share;

	if (!IsA(value, Const) || ((const Const *) value)->constisnull)
		return -1;
	number = get_number((const Const *) value);
	share = number < 0 ? -1 : deploy_find_share(deployment, number);
	if (share < 0)
		return -1;
	share = *comparator == '<' ? share : 1 - share;
	/* never none, never all: rows are others than those of validation */
	return Max(Min(share, 0.999), 0.001);
}

static bool
estimate(SupportRequestSelectivity *request)
{
	const Const *comparator =
		list_length(request->args) == 3 ? linitial(request->args) : NULL;
	const Node *left, *right;
	char *name;
	double share;

	if (comparator == NULL || !IsA(comparator, Const) ||
	    comparator->constisnull || !ActiveSnapshotSet())
		return false;
	left = lsecond(request->args);
	right = lthird(request->args);
	name = get_opname(DatumGetObjectId(comparator->constvalue));
	if (name == NULL)
		return false;
	if (find_deployment(left) != 0)
		share = find_share(find_deployment(left), name, right);
	else /* c < score is score > c */
		share =
			find_share(find_deployment(right), *name == '<' ? ">" : "<", left);
	if (share < 0)
		return false;
	request->selectivity = share;
	return true;
}

Datum
cerebro_score_compare_support(PG_FUNCTION_ARGS)
{
	Node *request = (Node *) PG_GETARG_POINTER(0);

	if (IsA(request, SupportRequestSelectivity) &&
	    estimate((SupportRequestSelectivity *) request))
		PG_RETURN_POINTER(request);
	PG_RETURN_POINTER(NULL);
}
