/*
 * scan_tree.c
 *	  Where in a plan's tree nodes go.
 *
 * Nodes that project are split (scan_plan.c).  Those that evaluate calls for
 * each row of their child without handing it on, as aggregates do, have them
 * evaluated by the child.
 */
#include "scan.h"
#include "scan_plan.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"

static Plan *rewrite(Rewriter *rewriter, Plan *plan);

/* ------------------------------------------------ kinds of plan nodes */

/* Whether the node's target list and conditions may move above it. */
static bool
is_splittable(const Plan *plan)
{
	switch (nodeTag(plan))
	{
		case T_SeqScan:
		case T_SampleScan:
		case T_IndexScan:
		case T_IndexOnlyScan:
		case T_BitmapHeapScan:
		case T_TidScan:
		case T_TidRangeScan:
		case T_SubqueryScan:
		case T_FunctionScan:
		case T_TableFuncScan:
		case T_ValuesScan:
		case T_CteScan:
		case T_NamedTuplestoreScan:
		case T_WorkTableScan:
		case T_NestLoop:
		case T_MergeJoin:
		case T_HashJoin:
		case T_Gather:
		case T_GatherMerge:
			return true;
		case T_ForeignScan:
			return ((const ForeignScan *) plan)->operation == CMD_SELECT;
		case T_Result: /* without a child it is one row: nothing to gather */
			return outerPlan(plan) != NULL;
		default:
			return false;
	}
}

/* ----------------------------------------- calls that a child computes */

/* Calls that the node evaluates for each row of its child. */
static bool
collect_aggregated(Node *node, List **calls)
{
	if (node == NULL)
		return false;
	if (IsA(node, Aggref))
	{
		*calls = scan_collect_calls(node, *calls);
		return false;
	}
	return expression_tree_walker(node, collect_aggregated, calls);
}

static List *
find_inner_calls(Plan *plan)
{
	List *calls = NIL;

	switch (nodeTag(plan))
	{
		case T_Agg:
			(void) collect_aggregated((Node *) plan->targetlist, &calls);
			(void) collect_aggregated((Node *) plan->qual, &calls);
			return calls;
		case T_WindowAgg:
		case T_ProjectSet:
			return scan_collect_calls((Node *) plan->targetlist, NIL);
		default:
			return NIL;
	}
}

/* Whether it makes rows of its child's, of which calls may be asked above it:
 * grouped columns, or those that depend on them. */
static bool
is_grouping(Plan *plan)
{
	return IsA(plan, Group) ||
	       (IsA(plan, Agg) && find_inner_calls(plan) == NIL);
}

/* References to the child's output become what stands there. */
static Node *
look_through(Node *node, List *targets)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Var) && ((Var *) node)->varno == OUTER_VAR)
	{
		TargetEntry *entry =
			list_nth_node(TargetEntry, targets, ((Var *) node)->varattno - 1);

		return copyObject((Node *) entry->expr);
	}
	return expression_tree_mutator(node, look_through, targets);
}

/* Whether what the child yields may be evaluated by a call once more: volatile
 * it would be another value there, and subqueries may be volatile within. */
static bool
can_look_through(const Plan *child)
{
	Node *targets = (Node *) child->targetlist;

	return is_splittable(child) && !contain_volatile_functions(targets) &&
	       !contain_subplans(targets);
}

typedef struct Moved
{
	List *calls;
	int n_before; /* the child's columns before the calls' */
} Moved;

static Node *
refer_to_child(Node *node, Moved *moved)
{
	ListCell *cell;
	int attribute;

	if (node == NULL)
		return NULL;
	attribute = moved->n_before;
	foreach (cell, moved->calls)
	{
		attribute++;
		if (equal(lfirst(cell), node))
			return (Node *) makeVar(OUTER_VAR, (AttrNumber) attribute,
			                        exprType(node), exprTypmod(node),
			                        exprCollation(node), 0);
	}
	return expression_tree_mutator(node, refer_to_child, moved);
}

/* What stands beside aggregates is about the group: columns that a grouping set
 * leaves out are NULL there, and there is one where the child has no rows. */
static Node *
refer_in_aggregates(Node *node, Moved *moved)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Aggref))
		return refer_to_child(node, moved);
	return expression_tree_mutator(node, refer_in_aggregates, moved);
}

static List *
refer(const Plan *plan, List *expressions, Moved *moved)
{
	return (List *) (IsA(plan, Agg)
	                     ? refer_in_aggregates((Node *) expressions, moved)
	                     : refer_to_child((Node *) expressions, moved));
}

static Plan *
make_projection(Rewriter *rewriter, Plan *child)
{
	Result *result = makeNode(Result);
	Plan *plan = &result->plan;
	ListCell *cell;

	plan->plan_node_id = ++rewriter->last_id;
	plan->startup_cost = child->startup_cost;
	plan->total_cost = child->total_cost;
	plan->plan_rows = child->plan_rows;
	plan->plan_width = child->plan_width;
	plan->parallel_safe = child->parallel_safe;
	plan->extParam = bms_copy(child->extParam);
	plan->allParam = bms_copy(child->allParam);
	plan->lefttree = child;
	foreach (cell, child->targetlist)
	{
		TargetEntry *entry = flatCopyTargetEntry(lfirst(cell));
		Node *node = (Node *) entry->expr;

		entry->expr =
			(Expr *) makeVar(OUTER_VAR, entry->resno, exprType(node),
		                     exprTypmod(node), exprCollation(node), 0);
		plan->targetlist = lappend(plan->targetlist, entry);
	}
	return plan;
}

/* ------------------------------ columns of the child that nobody reads */

static bool
find_read(Node *node, Bitmapset **attributes)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var) && ((Var *) node)->varno == OUTER_VAR)
		*attributes = bms_add_member(*attributes, ((Var *) node)->varattno);
	return expression_tree_walker(node, find_read, attributes);
}

static Bitmapset *
add_attributes(Bitmapset *set, int n, const AttrNumber *attributes)
{
	for (int i = 0; i < n; i++)
		set = bms_add_member(set, attributes[i]);
	return set;
}

static Bitmapset *
find_read_columns(Plan *plan)
{
	Bitmapset *read = NULL;

	(void) find_read((Node *) plan->targetlist, &read);
	(void) find_read((Node *) plan->qual, &read);
	if (IsA(plan, Agg))
		read = add_attributes(read, ((Agg *) plan)->numCols,
		                      ((Agg *) plan)->grpColIdx);
	return read;
}

/* By attribute, from 1: the number of those up to it. */
static AttrNumber *
count_columns(const Bitmapset *read, int n)
{
	AttrNumber *numbers = palloc0((n + 1) * sizeof(AttrNumber));

	for (int i = 1; i <= n; i++)
		numbers[i] = (AttrNumber) (numbers[i - 1] + bms_is_member(i, read));
	return numbers;
}

static Node *
renumber(Node *node, const AttrNumber *numbers)
{
	Var *column;

	if (node == NULL)
		return NULL;
	if (!IsA(node, Var) || ((Var *) node)->varno != OUTER_VAR)
		return expression_tree_mutator(node, renumber,
		                               unconstify(AttrNumber *, numbers));
	column = copyObject((Var *) node);
	column->varattno = numbers[column->varattno];
	return (Node *) column;
}

static void
renumber_groups(Agg *agg, const AttrNumber *numbers)
{
	AttrNumber *groups = palloc((agg->numCols + 1) * sizeof(AttrNumber));

	for (int i = 0; i < agg->numCols; i++)
		groups[i] = numbers[agg->grpColIdx[i]];
	agg->grpColIdx = groups;
}

static List *
select_targets(const List *targets, const Bitmapset *read)
{
	List *selected = NIL;
	ListCell *cell;

	foreach (cell, targets)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, cell);

		if (!bms_is_member(entry->resno, read))
			continue;
		entry = flatCopyTargetEntry(entry);
		entry->resno = (AttrNumber) (list_length(selected) + 1);
		selected = lappend(selected, entry);
	}
	return selected;
}

/* What was there for calls only, is not handed up any more.  A window's input
 * stays as it is: it may be spooled with columns that others know; and that of
 * several grouping sets, which have sorts and groups of their own. */
static void
drop_columns(Plan *plan, Plan *child)
{
	Bitmapset *read = find_read_columns(plan);
	AttrNumber *numbers;

	if (IsA(plan, WindowAgg) ||
	    (IsA(plan, Agg) && ((Agg *) plan)->chain != NIL))
		return;
	numbers = count_columns(read, list_length(child->targetlist));
	child->targetlist = select_targets(child->targetlist, read);
	plan->targetlist = (List *) renumber((Node *) plan->targetlist, numbers);
	plan->qual = (List *) renumber((Node *) plan->qual, numbers);
	if (IsA(plan, Agg))
		renumber_groups((Agg *) plan, numbers);
}

static void
move_calls(Rewriter *rewriter, Plan *plan)
{
	Moved moved = {.calls = find_inner_calls(plan)};
	Plan *child = outerPlan(plan);
	List *targets;
	ListCell *cell;

	if (moved.calls == NIL || child == NULL)
		return;
	if (!can_look_through(child))
		child = outerPlan(plan) = make_projection(rewriter, child);
	targets = child->targetlist;
	child->targetlist = list_copy(targets);
	moved.n_before = list_length(targets);
	foreach (cell, moved.calls)
		child->targetlist = lappend(
			child->targetlist,
			makeTargetEntry((Expr *) look_through(lfirst(cell), targets),
		                    list_length(child->targetlist) + 1, NULL, false));
	plan->targetlist = refer(plan, plan->targetlist, &moved);
	plan->qual = refer(plan, plan->qual, &moved);
	drop_columns(plan, child);
}

/* ------------------------------------------------------- what is above */

static bool
is_node(const Plan *plan)
{
	return IsA(plan, CustomScan) &&
	       ((const CustomScan *) plan)->methods == &scan_methods;
}

static Plan *
make_material(Rewriter *rewriter, Plan *child)
{
	Material *material = makeNode(Material);

	material->plan = *make_projection(rewriter, child);
	material->plan.type = T_Material;
	return &material->plan;
}

/* A merge join goes back in its inner side; nodes of ours cannot. */
static bool
can_go_back(const Plan *plan)
{
	if (IsA(plan, Result) && outerPlan(plan) != NULL)
		return can_go_back(outerPlan(plan));
	return !is_node(plan);
}

static void
keep_going_back(Rewriter *rewriter, MergeJoin *join)
{
	if (!join->skip_mark_restore && !can_go_back(innerPlan(join)))
		innerPlan(join) = make_material(rewriter, innerPlan(join));
}

/* So that a sort below a limit still keeps only what is asked for. */
static void
tell_bound(Limit *limit)
{
	CustomScan *node = (CustomScan *) outerPlan(limit);
	ScanPlan plan;

	if (!is_node((Plan *) node) || node->scan.plan.qual != NIL ||
	    limit->limitOption != LIMIT_OPTION_COUNT)
		return;
	scan_plan_unpack(node->custom_private, &plan);
	plan.count = copyObject(limit->limitCount);
	plan.offset = copyObject(limit->limitOffset);
	node->custom_private = scan_plan_pack(&plan);
	node->scan.plan.extParam =
		bms_add_members(node->scan.plan.extParam, limit->plan.extParam);
	node->scan.plan.allParam =
		bms_add_members(node->scan.plan.allParam, limit->plan.allParam);
}

/* ------------------------------------------------------------- the tree */

static void
rewrite_list(Rewriter *rewriter, List *plans)
{
	ListCell *cell;

	foreach (cell, plans)
		lfirst(cell) = rewrite(rewriter, lfirst(cell));
}

static void
rewrite_children(Rewriter *rewriter, Plan *plan)
{
	outerPlan(plan) = rewrite(rewriter, outerPlan(plan));
	innerPlan(plan) = rewrite(rewriter, innerPlan(plan));
	switch (nodeTag(plan))
	{
		case T_Append:
			rewrite_list(rewriter, ((Append *) plan)->appendplans);
			break;
		case T_MergeAppend:
			rewrite_list(rewriter, ((MergeAppend *) plan)->mergeplans);
			break;
		case T_SubqueryScan:
			((SubqueryScan *) plan)->subplan =
				rewrite(rewriter, ((SubqueryScan *) plan)->subplan);
			break;
		case T_CustomScan:
			rewrite_list(rewriter, ((CustomScan *) plan)->custom_plans);
			break;
		default:
			break;
	}
}

static Plan *
rewrite(Rewriter *rewriter, Plan *plan)
{
	bool was_parallel = rewriter->is_parallel;

	if (plan == NULL)
		return NULL;
	check_stack_depth();
	move_calls(rewriter, plan);
	rewriter->is_parallel |= IsA(plan, Gather) || IsA(plan, GatherMerge);
	rewrite_children(rewriter, plan);
	rewriter->is_parallel = was_parallel;
	if (IsA(plan, MergeJoin))
		keep_going_back(rewriter, (MergeJoin *) plan);
	if (IsA(plan, Limit))
		tell_bound((Limit *) plan);
	return is_splittable(plan) || is_grouping(plan) ? scan_split(rewriter, plan)
	                                                : plan;
}

/* ----------------------------------------- what is done at each node */

static void
visit(Plan *plan, ScanVisitor visitor, void *context)
{
	List *more = NIL;
	ListCell *cell;

	if (plan == NULL)
		return;
	check_stack_depth();
	visitor(plan, context);
	visit(outerPlan(plan), visitor, context);
	visit(innerPlan(plan), visitor, context);
	if (IsA(plan, Append))
		more = ((Append *) plan)->appendplans;
	else if (IsA(plan, MergeAppend))
		more = ((MergeAppend *) plan)->mergeplans;
	else if (IsA(plan, CustomScan))
		more = ((CustomScan *) plan)->custom_plans;
	else if (IsA(plan, BitmapAnd))
		more = ((BitmapAnd *) plan)->bitmapplans;
	else if (IsA(plan, BitmapOr))
		more = ((BitmapOr *) plan)->bitmapplans;
	else if (IsA(plan, SubqueryScan))
		visit(((SubqueryScan *) plan)->subplan, visitor, context);
	foreach (cell, more)
		visit(lfirst(cell), visitor, context);
}

void
scan_visit(PlannedStmt *stmt, ScanVisitor visitor, void *context)
{
	ListCell *cell;

	visit(stmt->planTree, visitor, context);
	foreach (cell, stmt->subplans)
		visit(lfirst(cell), visitor, context);
}

static void
restore_conditions(Plan *plan, void *context)
{
	plan->qual = scan_restore_conditions(plan->qual);
	if (IsA(plan, NestLoop) || IsA(plan, HashJoin) || IsA(plan, MergeJoin))
		((Join *) plan)->joinqual =
			scan_restore_conditions(((Join *) plan)->joinqual);
	if (IsA(plan, Result)) /* of no row: checked once */
		((Result *) plan)->resconstantqual = (Node *) scan_restore_conditions(
			(List *) ((Result *) plan)->resconstantqual);
}

void
scan_restore(PlannedStmt *stmt)
{
	scan_visit(stmt, restore_conditions, NULL);
}

static void
note_id(Plan *plan, void *context)
{
	int *last_id = context;

	*last_id = Max(*last_id, plan->plan_node_id);
}

int
scan_find_last_id(PlannedStmt *stmt)
{
	int last_id = 0;

	scan_visit(stmt, note_id, &last_id);
	return last_id;
}

void
scan_rewrite(PlannedStmt *stmt)
{
	Rewriter rewriter = {.stmt = stmt, .last_id = scan_find_last_id(stmt)};

	stmt->planTree = rewrite(&rewriter, stmt->planTree);
	rewrite_list(&rewriter, stmt->subplans);
}

void
scan_keep_scrolling(PlannedStmt *stmt)
{
	Rewriter rewriter = {.stmt = stmt};

	if (ExecSupportsBackwardScan(stmt->planTree))
		return;
	rewriter.last_id = scan_find_last_id(stmt);
	stmt->planTree = make_material(&rewriter, stmt->planTree);
}
