/*
 * scan_serial.c
 *	  Which plans cannot have parallel workers: a model of theirs reads a
 *	  temporary table, which only the session itself can.
 *
 * Functions that score are safe in workers as such, and what a deployment reads
 * may change while a plan is kept.  So the plan is looked at when it is started:
 * where workers could not do their part, the leader does all of it.
 */
#include "fe.h"
#include "scan.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "nodes/nodeFuncs.h"
#include "parser/parser.h"
#include "utils/lsyscache.h"

/* ------------------------------------------------------- temporary tables */

static bool
has_temporary_tables(void)
{
	Oid tables;
	Oid toast;

	GetTempNamespaceState(&tables, &toast);
	return OidIsValid(tables);
}

static bool
names_temporary(Node *node, void *context)
{
	Oid relation;

	if (node == NULL)
		return false;
	if (!IsA(node, RangeVar))
		return raw_expression_tree_walker(node, names_temporary, context);
	relation = RangeVarGetRelid((RangeVar *) node, NoLock, true);
	return OidIsValid(relation) &&
	       get_rel_persistence(relation) == RELPERSISTENCE_TEMP;
}

/* By the names in the model's kept query. */
static bool
reads_temporary(const FuncExpr *node)
{
	ScoreCall call = scan_get_call(node);
	Model model;
	RawStmt *statement;
	bool is_temporary;
	int level;

	if (!scan_find_model(&call, &model) || model.query == NULL)
		return false;
	level = task_enter_deparse();
	statement =
		linitial_node(RawStmt, raw_parser(model.query, RAW_PARSE_DEFAULT));
	is_temporary = names_temporary(statement->stmt, NULL);
	settings_leave(level);
	return is_temporary;
}

/* ---------------------------------------------------------------- the plan */

static bool
find_in(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (scan_is_call(node) && reads_temporary((const FuncExpr *) node))
		return true;
	return expression_tree_walker(node, find_in, context);
}

static bool
is_in_node(const CustomScan *node)
{
	ScanPlan plan;
	ListCell *cell;

	if (node->methods != &scan_methods)
		return false;
	scan_plan_unpack(node->custom_private, &plan);
	foreach (cell, plan.calls)
		if (find_in((Node *) ((ScanCallPlan *) lfirst(cell))->call, NULL))
			return true;
	return false;
}

static bool
is_in_join(const Plan *plan)
{
	if (!IsA(plan, NestLoop) && !IsA(plan, HashJoin) && !IsA(plan, MergeJoin))
		return false;
	return find_in((Node *) ((const Join *) plan)->joinqual, NULL) ||
	       (IsA(plan, HashJoin) &&
	        find_in((Node *) ((const HashJoin *) plan)->hashclauses, NULL)) ||
	       (IsA(plan, MergeJoin) &&
	        find_in((Node *) ((const MergeJoin *) plan)->mergeclauses, NULL));
}

static void
find_temporary(Plan *plan, void *context)
{
	bool *is_found = context;

	if (*is_found)
		return;
	*is_found =
		find_in((Node *) plan->targetlist, NULL) ||
		find_in((Node *) plan->qual, NULL) || is_in_join(plan) ||
		(IsA(plan, CustomScan) && is_in_node((const CustomScan *) plan));
}

bool
scan_must_be_serial(PlannedStmt *stmt)
{
	bool is_found = false;

	if (!stmt->parallelModeNeeded || !has_temporary_tables() ||
	    !scan_may_have_calls(stmt))
		return false;
	scan_visit(stmt, find_temporary, &is_found);
	return is_found;
}

static void
take_workers(Plan *plan, void *context)
{
	if (IsA(plan, Gather))
		((Gather *) plan)->num_workers = 0;
	if (IsA(plan, GatherMerge))
		((GatherMerge *) plan)->num_workers = 0;
}

void
scan_make_serial(PlannedStmt *stmt)
{
	scan_visit(stmt, take_workers, NULL);
	stmt->parallelModeNeeded = false;
}
