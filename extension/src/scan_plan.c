/*
 * scan_plan.c
 *	  A finished plan -> one whose calls of models are computed by nodes.
 *
 * A node that projects and has calls is split into stages:
 *
 *	 Seq Scan on t							Custom Scan (last calls)
 *	   Output: id, a(t), b(t)		->		  Output: id, a(t), b(t)
 *	   Filter: cheap AND a(t) > c			  -> Custom Scan (calls of the filter)
 *												   Filter: a(t) > c
 *												   -> Seq Scan on t
 *														Filter: cheap
 *
 * Conditions stay in the order that the planner gave them, so that none is
 * evaluated on a row that one before it, perhaps a row policy, keeps out.  All
 * expressions are first looked at as the split node has them; each stage then
 * finds in its child's output what it needs of them.
 */
#include "scan.h"
#include "scan_plan.h"

#include "access/table.h"
#include "access/tupconvert.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "utils/rel.h"
#include "utils/typcache.h"

/* --------------------------------------------------------------- stages */

typedef struct Stage
{
	List *calls; /* computed here */
	List *quals; /* checked then */
} Stage;

typedef struct Split
{
	Rewriter *rewriter;
	Plan *plan;      /* the node that is split */
	List *targets;   /* its target list, as it was */
	List *stages;    /* of Stage */
	List *calls;     /* of all stages */
	List *first;     /* conditions that stay in the node */
	bool has_rows;   /* see Need */
	Columns columns; /* of the child in work */
	bool is_on_scan;
} Split;

static void
add_stage(Split *split, List *calls, List *quals)
{
	Stage *stage = palloc0(sizeof(Stage));

	stage->calls = calls;
	stage->quals = quals;
	split->calls = list_concat_copy(split->calls, calls);
	split->stages = lappend(split->stages, stage);
}

/* The calls of node that no stage computes yet. */
static List *
find_new_calls(const Split *split, Node *node)
{
	return list_difference(scan_collect_calls(node, NIL), split->calls);
}

static void
add_conditions(Split *split, List *quals)
{
	ListCell *cell;

	foreach (cell, quals)
	{
		Node *qual = lfirst(cell);
		List *calls = find_new_calls(split, qual);

		if (calls != NIL)
			add_stage(split, calls, list_make1(qual));
		else if (split->stages == NIL)
			split->first = lappend(split->first, qual);
		else
		{
			Stage *stage = llast(split->stages);

			stage->quals = lappend(stage->quals, qual);
		}
	}
}

static bool
asks_about(const FuncExpr *why, const FuncExpr *call)
{
	ScoreCall a = scan_get_call(why);
	ScoreCall b = scan_get_call(call);

	return a.answer == ANSWER_WHY && a.id == b.id &&
	       a.is_deployment == b.is_deployment &&
	       equal(scan_get_row(why), scan_get_row(call));
}

/*
 * Of calls, those left that the last stage does not take.  It takes those that
 * ask why of what its conditions are about: it has the rows' values, and
 * explains rows when it hands them on, so behind its conditions.
 */
static List *
move_whys(Split *split, List *calls)
{
	Stage *stage = split->stages != NIL ? llast(split->stages) : NULL;
	List *left = NIL;
	List *taken = NIL;
	ListCell *cell;

	foreach (cell, calls)
	{
		ListCell *other;
		bool is_taken = false;

		foreach (other, stage != NULL ? stage->calls : NIL)
			is_taken |= asks_about(lfirst(cell), lfirst(other));
		if (is_taken)
			taken = lappend(taken, lfirst(cell));
		else
			left = lappend(left, lfirst(cell));
	}
	if (taken != NIL)
		stage->calls = list_concat_copy(stage->calls, taken);
	split->calls = list_concat_copy(split->calls, taken);
	return left;
}

static bool
find_current_of(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return IsA(node, CurrentOfExpr) ||
	       expression_tree_walker(node, find_current_of, context);
}

/* An inner join's conditions are conditions on its rows, too. */
static List *
get_join_conditions(Plan *plan)
{
	if ((IsA(plan, NestLoop) || IsA(plan, HashJoin)) &&
	    ((Join *) plan)->jointype == JOIN_INNER)
		return ((Join *) plan)->joinqual;
	return NIL;
}

static bool
find_stages(Split *split)
{
	Plan *plan = split->plan;
	List *calls;

	if (find_current_of((Node *) plan->qual, NULL))
		return false;
	add_conditions(split, get_join_conditions(plan));
	if (split->stages != NIL)
	{
		((Join *) plan)->joinqual = split->first;
		((Join *) plan)->inner_unique = false;
		split->first = NIL;
	}
	else
		split->first = NIL;
	add_conditions(split, plan->qual);
	calls = move_whys(split, find_new_calls(split, (Node *) plan->targetlist));
	if (calls != NIL)
		add_stage(split, calls, NIL);
	return split->stages != NIL;
}

/* ------------------------------------------------------------- the child */

static bool
is_table_scan(const Plan *plan)
{
	switch (nodeTag(plan))
	{
		case T_SeqScan:
		case T_SampleScan:
		case T_IndexScan:
		case T_BitmapHeapScan:
		case T_TidScan:
		case T_TidRangeScan:
			return true;
		default:
			return false;
	}
}

static bool
has_whole_row(const Split *split)
{
	ListCell *cell;

	foreach (cell, split->calls)
		if (scan_get_whole_row(scan_get_row(lfirst(cell))) != NULL)
			return true;
	return false;
}

/* The table's columns, where a row as it lies can be handed on: no projection
 * is needed then. */
static void
add_physical_columns(Split *split)
{
	Index rti = ((Scan *) split->plan)->scanrelid;
	RangeTblEntry *entry = rt_fetch(rti, split->rewriter->stmt->rtable);
	Relation relation = table_open(entry->relid, NoLock);
	TupleDesc desc = RelationGetDescr(relation);
	bool is_clean = true;

	for (int i = 0; i < desc->natts; i++)
		is_clean &= !TupleDescAttr(desc, i)->attisdropped &&
		            !TupleDescAttr(desc, i)->atthasmissing;
	for (int i = 0; is_clean && i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		scan_add_column(
			&split->columns,
			(Node *) makeVar((int) rti, attribute->attnum, attribute->atttypid,
		                     attribute->atttypmod, attribute->attcollation, 0));
	}
	split->columns.is_physical = is_clean;
	table_close(relation, NoLock);
}

static List *
make_targets(const List *columns)
{
	List *targets = NIL;
	ListCell *cell;

	foreach (cell, columns)
		targets = lappend(targets, makeTargetEntry(lfirst(cell),
		                                           list_length(targets) + 1,
		                                           NULL, false));
	return targets;
}

static bool
is_mere_row(Node *row)
{
	ListCell *cell;

	if (!IsA(row, RowExpr))
		return IsA(row, Var);
	foreach (cell, ((RowExpr *) row)->args)
		if (!IsA(lfirst(cell), Var))
			return false;
	return true;
}

/* Whether the calls' rows, or their fields, are columns as they come. */
static bool
has_mere_rows(const Split *split)
{
	ListCell *cell;

	foreach (cell, split->calls)
		if (!is_mere_row(scan_get_row(lfirst(cell))))
			return false;
	return true;
}

static bool
is_mere_projection(const Split *split)
{
	const Plan *plan = split->plan;

	return IsA(plan, Result) && outerPlan(plan) != NULL &&
	       ((Result *) plan)->resconstantqual == NULL &&
	       plan->initPlan == NIL && has_mere_rows(split);
}

/* The split node's child serves as the stages' where it only projects. */
static Plan *
take_child(Split *split)
{
	Plan *child = outerPlan(split->plan);
	ListCell *cell;

	foreach (cell, child->targetlist)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, cell);
		Node *node = (Node *) entry->expr;

		split->columns.list =
			lappend(split->columns.list,
		            makeVar(OUTER_VAR, entry->resno, exprType(node),
		                    exprTypmod(node), exprCollation(node), 0));
	}
	return child;
}

static void
find_columns(Split *split, Need *needed)
{
	ListCell *cell;

	(void) scan_need((Node *) split->targets, needed);
	foreach (cell, split->stages)
	{
		Stage *stage = lfirst(cell);

		(void) scan_need((Node *) stage->calls, needed);
		(void) scan_need((Node *) stage->quals, needed);
	}
}

/* The node yields what the stages need. */
static Plan *
strip_node(Split *split)
{
	Plan *plan = split->plan;
	Need needed = {.coming = split->calls, .columns = &split->columns};
	int n_physical = 0;
	Plan *made;

	split->is_on_scan = is_table_scan(plan);
	if (split->is_on_scan && has_whole_row(split))
	{
		split->has_rows = true;
		add_physical_columns(split);
		n_physical = list_length(split->columns.list);
	}
	needed.has_rows = split->has_rows;
	find_columns(split, &needed);
	if (list_length(split->columns.list) != n_physical)
	{
		split->columns.is_physical = false; /* system columns count, too */
		find_columns(split, &needed);
	}
	plan->qual = split->first;
	plan->targetlist = make_targets(split->columns.list);
	if (IsA(plan, ForeignScan))
		plan->async_capable = false;
	/* a row may be made of the answers of other calls */
	made = scan_split(split->rewriter, plan);
	split->is_on_scan &= made == plan;
	return made;
}

/* --------------------------------------------------------------- nodes */

/* How a column of the slot is told of in EXPLAIN. */
static Node *
describe_column(const Split *split, Node *node)
{
	Replacement with = {&split->columns, OUTER_VAR};

	if (split->columns.is_physical)
		return node;
	return scan_replace_columns(node, &with);
}

static Node *
describe_call(const Split *split, FuncExpr *call)
{
	FuncExpr *copy = copyObject(call);
	Node *row = scan_get_row(copy);

	if (!(split->has_rows && scan_get_whole_row(row) != NULL))
		lsecond(copy->args) = describe_column(split, row);
	return (Node *) copy;
}

/* What later stages, or the split node's own parent, need of this one. */
static Columns
find_passed(const Split *split, int i)
{
	Columns passed = {NIL, false};
	const Stage *stage = list_nth(split->stages, i);
	List *computed = NIL;
	Need needed = {.has_rows = split->has_rows, .columns = &passed};
	ListCell *cell;

	for (int k = 0; k <= i; k++)
		computed = list_concat_copy(
			computed, ((Stage *) list_nth(split->stages, k))->calls);
	needed.computed = computed;
	needed.coming = list_difference(split->calls, computed);
	(void) scan_need((Node *) stage->quals, &needed);
	(void) scan_need((Node *) split->targets, &needed);
	for (int k = i + 1; k < list_length(split->stages); k++)
	{
		const Stage *later = list_nth(split->stages, k);

		(void) scan_need((Node *) later->calls, &needed);
		(void) scan_need((Node *) later->quals, &needed);
	}
	foreach (cell, stage->calls) /* they come last */
		passed.list = list_delete(passed.list, lfirst(cell));
	return passed;
}

static void
fill_costs(CustomScan *node, const Plan *plan, Plan *child)
{
	Plan *made = &node->scan.plan;

	made->startup_cost = child->startup_cost;
	made->total_cost = Max(plan->total_cost, child->total_cost);
	made->plan_rows = plan->plan_rows;
	made->plan_width = plan->plan_width;
	made->parallel_safe = plan->parallel_safe;
	made->extParam = bms_copy(plan->extParam);
	made->allParam = bms_copy(plan->allParam);
	made->lefttree = child;
}

static List *
pass_columns(const Split *split, const Columns *passed, ScanPlan *plan)
{
	List *slot = NIL;
	ListCell *cell;

	foreach (cell, passed->list)
	{
		plan->passed = lappend_int(
			plan->passed, scan_find_column(&split->columns, lfirst(cell)));
		slot = lappend(slot, describe_column(split, lfirst(cell)));
	}
	return slot;
}

static Plan *
make_node(Split *split, int i, Plan *child)
{
	CustomScan *node = makeNode(CustomScan);
	const Stage *stage = list_nth(split->stages, i);
	bool is_last = i == list_length(split->stages) - 1;
	Columns passed = find_passed(split, i);
	Columns slot = {list_concat_copy(passed.list, stage->calls), false};
	ScanPlan plan = {.is_on_scan = split->is_on_scan};
	List *described = pass_columns(split, &passed, &plan);
	ListCell *cell;

	foreach (cell, stage->calls)
	{
		plan.calls =
			lappend(plan.calls, scan_plan_call(&split->columns, split->has_rows,
		                                       lfirst(cell)));
		described = lappend(described, describe_call(split, lfirst(cell)));
	}
	fill_costs(node, split->plan, child);
	node->scan.plan.plan_node_id = ++split->rewriter->last_id;
	/* its processes share what they read of joined tables */
	node->scan.plan.parallel_aware = split->rewriter->is_parallel;
	node->scan.plan.targetlist = scan_replace_all(
		is_last ? split->targets : make_targets(slot.list), &slot, INDEX_VAR);
	node->scan.plan.qual = scan_replace_all(stage->quals, &slot, INDEX_VAR);
	node->flags = CUSTOMPATH_SUPPORT_PROJECTION;
	node->custom_private = scan_plan_pack(&plan);
	node->custom_scan_tlist = make_targets(described);
	node->methods = &scan_methods;
	split->columns = slot;
	return (Plan *) node;
}

Plan *
scan_split(Rewriter *rewriter, Plan *plan)
{
	Split split = {.rewriter = rewriter, .plan = plan};
	Plan *made;

	split.targets = plan->targetlist;
	if (!find_stages(&split))
		return plan;
	made = is_mere_projection(&split) ? take_child(&split) : strip_node(&split);
	for (int i = 0; i < list_length(split.stages); i++)
		made = make_node(&split, i, made);
	return made;
}
