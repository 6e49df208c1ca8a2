/*
 * scan_call.c
 *	  Which expressions are calls of a model that a node can compute.
 */
#include "basis.h"
#include "scan.h"

#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

static const ScanFunction functions[] = {
	{"score_row", true, ANSWER_PROBABILITY},
	{"score_row_class", true, ANSWER_CLASS},
	{"score_row_proba", true, ANSWER_PROBA},
	{"why_row", true, ANSWER_WHY},
	{"predict", false, ANSWER_PROBABILITY},
	{"predict_class", false, ANSWER_CLASS},
	{"predict_proba", false, ANSWER_PROBA},
	{"why", false, ANSWER_WHY},
};

#define N_FUNCTIONS ((int) lengthof(functions))
#define MARK        N_FUNCTIONS /* cerebro.score_support */
#define COMPARE     (N_FUNCTIONS + 1)

/* Where they are in this database, and the hashes that plans have of them. */
static Oid oids[N_FUNCTIONS + 2];
static uint32 hashes[N_FUNCTIONS + 2];
static uint64 oids_generation;

/* By the catalog alone: whoever may not use the schema plans, too. */
static Oid
find_oid(const char *name, const Oid *types, int n_types)
{
	Oid schema = get_namespace_oid("cerebro", true);
	oidvector *vector = buildoidvector(types, n_types);

	if (!OidIsValid(schema))
		return InvalidOid;
	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
	                       CStringGetDatum(name), PointerGetDatum(vector),
	                       ObjectIdGetDatum(schema));
}

static void
find_oids(void)
{
	static const Oid score_types[] = {INT4OID, RECORDOID};
	static const Oid support_types[] = {INTERNALOID};
	static const Oid compare_types[] = {OIDOID, ANYOID, ANYOID};
	uint64 now = basis_get_time();

	if (oids_generation == now)
		return;
	for (int i = 0; i < N_FUNCTIONS; i++)
		oids[i] = find_oid(functions[i].name, score_types, 2);
	oids[MARK] = find_oid("score_support", support_types, 1);
	oids[COMPARE] = find_oid("score_compare", compare_types, 3);
	for (int i = 0; i <= COMPARE; i++)
		hashes[i] = GetSysCacheHashValue1(PROCOID, ObjectIdGetDatum(oids[i]));
	oids_generation = now;
}

const ScanFunction *
scan_find_function(Oid function)
{
	find_oids();
	if (!OidIsValid(function))
		return NULL;
	for (int i = 0; i < N_FUNCTIONS; i++)
		if (oids[i] == function)
			return &functions[i];
	return NULL;
}

Oid
scan_get_compare_function(void)
{
	find_oids();
	return oids[COMPARE];
}

/* ----------------------------------------------------------------- a call */

static bool
is_composite(Oid type)
{
	return get_typtype(type) == TYPTYPE_COMPOSITE;
}

bool
scan_is_call(const Node *node)
{
	const FuncExpr *call = (const FuncExpr *) node;
	const Node *row;
	const Const *id;

	if (node == NULL || !IsA(node, FuncExpr) ||
	    scan_find_function(call->funcid) == NULL)
		return false;
	id = linitial(call->args);
	row = lsecond(call->args);
	if (!IsA(id, Const) || id->constisnull)
		return false;
	return IsA(row, RowExpr) || is_composite(exprType(row));
}

ScoreCall
scan_get_call(const FuncExpr *call)
{
	const ScanFunction *function = scan_find_function(call->funcid);
	const Const *id = linitial_node(Const, call->args);

	if (function == NULL)
		elog(ERROR, "function %u scores no rows any more", call->funcid);
	return (ScoreCall){function->is_deployment, function->answer,
	                   DatumGetInt32(id->constvalue)};
}

bool
scan_find_model(const ScoreCall *call, Model *model)
{
	return call->is_deployment ? deployment_find_model(call->id, model)
	                           : model_find(call->id, model);
}

/* ------------------------------------------------------ calls in a tree */

static bool collect(Node *node, List **calls);

static bool
collect_case(const CaseExpr *node, List **calls)
{
	const CaseWhen *first = linitial_node(CaseWhen, node->args);

	return collect((Node *) node->arg, calls) ||
	       collect((Node *) first->expr, calls);
}

static bool
collect_aggref(const Aggref *node, List **calls)
{
	/* with a filter, only some rows get to the arguments */
	if (node->aggfilter != NULL)
		return collect((Node *) node->aggfilter, calls);
	return collect((Node *) node->args, calls);
}

static bool
collect_window(const WindowFunc *node, List **calls)
{
	if (node->aggfilter != NULL)
		return collect((Node *) node->aggfilter, calls);
	return collect((Node *) node->args, calls);
}

/* Nodes know expressions by their form: two volatile ones that look the same
 * are two, so each call evaluates its own. */
static bool
can_be_computed(const Node *node)
{
	return scan_is_call(node) && !contain_volatile_functions(
									 lsecond(((const FuncExpr *) node)->args));
}

/* Goes where evaluation always goes. */
static bool
collect(Node *node, List **calls)
{
	if (node == NULL)
		return false;
	if (can_be_computed(node))
	{
		*calls = list_append_unique(*calls, node);
		return false;
	}
	switch (nodeTag(node))
	{
		case T_CaseExpr:
			return collect_case((CaseExpr *) node, calls);
		case T_BoolExpr:
			return collect(linitial(((BoolExpr *) node)->args), calls);
		case T_CoalesceExpr:
			return collect(linitial(((CoalesceExpr *) node)->args), calls);
		case T_Aggref:
			return collect_aggref((Aggref *) node, calls);
		case T_WindowFunc:
			return collect_window((WindowFunc *) node, calls);
		case T_SubPlan:
		case T_AlternativeSubPlan:
		case T_SubscriptingRef:
		case T_RowCompareExpr:
		case T_ArrayCoerceExpr:
			return false;
		default:
			return expression_tree_walker(node, collect, calls);
	}
}

List *
scan_collect_calls(Node *node, List *calls)
{
	(void) collect(node, &calls);
	return calls;
}

/* ------------------------------------------------------ whole statements */

static bool
depends_on(const PlannedStmt *stmt, int first, int last)
{
	ListCell *cell;

	if (stmt->invalItems == NIL)
		return false;
	find_oids();
	foreach (cell, stmt->invalItems)
	{
		const PlanInvalItem *item = lfirst(cell);

		if (item->cacheId != PROCOID)
			continue;
		for (int i = first; i <= last; i++)
			if (OidIsValid(oids[i]) && hashes[i] == item->hashValue)
				return true;
	}
	return false;
}

bool
scan_may_have_calls(const PlannedStmt *stmt)
{
	return depends_on(stmt, 0, N_FUNCTIONS - 1);
}

bool
scan_is_marked(const PlannedStmt *stmt)
{
	return depends_on(stmt, MARK, MARK);
}

/*
 * A statement that has been rewritten depends on our support function as well:
 * that is written where copies of the plan keep it.
 */
void
scan_mark(PlannedStmt *stmt)
{
	PlanInvalItem *item = makeNode(PlanInvalItem);

	find_oids();
	item->cacheId = PROCOID;
	item->hashValue = hashes[MARK];
	stmt->invalItems = lappend(stmt->invalItems, item);
}
