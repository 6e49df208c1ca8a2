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

/* ----------------------------------------------------------- packing */

List *
scan_plan_pack(const ScanPlan *plan)
{
	List *calls = NIL;
	ListCell *cell;

	foreach (cell, plan->calls)
	{
		ScanCallPlan *call = lfirst(cell);

		calls = lappend(calls, list_make3(call->call, makeInteger(call->record),
		                                  call->columns));
	}
	return list_make5(calls, plan->passed, makeInteger(plan->is_on_scan),
	                  plan->count, plan->offset);
}

void
scan_plan_unpack(const List *list, ScanPlan *plan)
{
	ListCell *cell;

	plan->calls = NIL;
	foreach (cell, linitial_node(List, list))
	{
		List *packed = lfirst_node(List, cell);
		ScanCallPlan *call = palloc(sizeof(ScanCallPlan));

		call->call = linitial_node(FuncExpr, packed);
		call->record = intVal(lsecond(packed));
		call->columns = (List *) lthird(packed);
		plan->calls = lappend(plan->calls, call);
	}
	plan->passed = (List *) lsecond(list);
	plan->is_on_scan = intVal(lthird(list)) != 0;
	plan->count = lfourth(list);
	plan->offset = list_nth(list, 4);
}

/* ------------------------------------------------- columns of a child */

/*
 * What a child yields: for each attribute of its output, the expression in
 * terms of the split node.
 */
typedef struct Columns
{
	List *list;
	bool is_physical; /* rows of a table as they lie: with system columns */
} Columns;

static bool
is_same_column(const Node *a, const Node *b)
{
	if (IsA(a, Var) && IsA(b, Var))
		return ((const Var *) a)->varno == ((const Var *) b)->varno &&
		       ((const Var *) a)->varattno == ((const Var *) b)->varattno;
	return equal(a, b);
}

/* Attribute from 1, or a system column's number; 0: none. */
static int
find_column(const Columns *columns, const Node *node)
{
	int attribute = 0;
	ListCell *cell;

	foreach (cell, columns->list)
	{
		attribute++;
		if (is_same_column(lfirst(cell), node))
			return attribute;
	}
	if (columns->is_physical && IsA(node, Var) &&
	    ((const Var *) node)->varattno < 0)
		return ((const Var *) node)->varattno;
	return 0;
}

static void
add_column(Columns *columns, Node *node)
{
	if (find_column(columns, node) == 0)
		columns->list = lappend(columns->list, node);
}

/* ------------------------------------------------------- a call's row */

/* A whole row of the scanned table, maybe as one of its parent; or NULL. */
static Var *
get_whole_row(const Node *row)
{
	while (IsA(row, ConvertRowtypeExpr))
		row = (Node *) ((ConvertRowtypeExpr *) row)->arg;
	if (IsA(row, Var) && ((Var *) row)->varattno == InvalidAttrNumber &&
	    !IS_SPECIAL_VARNO(((Var *) row)->varno))
		return (Var *) row;
	return NULL;
}

static Node *
get_row(const FuncExpr *call)
{
	return lsecond(call->args);
}

/* For each attribute of the parent's row type, the child's, or 0. */
static List *
map_converted(const Var *row, Oid parent_type)
{
	TupleDesc from = lookup_rowtype_tupdesc(row->vartype, -1);
	TupleDesc to = lookup_rowtype_tupdesc(parent_type, -1);
	AttrMap *map = compat_build_attrmap_by_name(from, to);
	List *attributes = NIL;

	for (int i = 0; i < map->maplen; i++)
		attributes = lappend_int(attributes, map->attnums[i]);
	free_attrmap(map);
	ReleaseTupleDesc(from);
	ReleaseTupleDesc(to);
	return attributes;
}

static List *
map_whole_row(const Columns *columns, const Node *node)
{
	Var *row = get_whole_row(node);
	List *attributes = map_converted(row, exprType(node));
	ListCell *cell;

	foreach (cell, attributes)
	{
		Var column = *row;

		column.varattno = (AttrNumber) lfirst_int(cell);
		if (column.varattno != 0)
			lfirst_int(cell) = find_column(columns, (Node *) &column);
	}
	return attributes;
}

static List *
map_fields(const Columns *columns, const RowExpr *row)
{
	List *attributes = NIL;
	ListCell *cell;

	foreach (cell, row->args)
		attributes =
			lappend_int(attributes, find_column(columns, lfirst(cell)));
	return attributes;
}

/* How a stage whose child has the columns gets at the call's row. */
static ScanCallPlan *
plan_call(const Columns *columns, bool has_rows, FuncExpr *call)
{
	ScanCallPlan *made = palloc0(sizeof(ScanCallPlan));
	Node *row = get_row(call);

	made->call = call;
	if (IsA(row, RowExpr))
		made->columns = map_fields(columns, (RowExpr *) row);
	else if (has_rows && get_whole_row(row) != NULL)
		made->columns = map_whole_row(columns, row);
	else
		made->record = find_column(columns, row);
	return made;
}

/* ------------------------------------------------- what stages need */

typedef struct Need
{
	const List *computed; /* calls whose answers are there */
	const List *coming;   /* calls that are computed later */
	bool has_rows;        /* whole rows of the table are its columns */
	Columns *columns;     /* out */
} Need;

static bool need(Node *node, Need *needed);

/* All columns of a row: which of them a model reads is known when it runs. */
static void
need_whole_row(Need *needed, const Var *row)
{
	TupleDesc desc = lookup_rowtype_tupdesc(row->vartype, -1);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (!attribute->attisdropped)
			add_column(needed->columns,
			           (Node *) makeVar(
						   row->varno, attribute->attnum, attribute->atttypid,
						   attribute->atttypmod, attribute->attcollation, 0));
	}
	ReleaseTupleDesc(desc);
}

static void
need_row(Need *needed, Node *row)
{
	ListCell *cell;

	if (IsA(row, RowExpr))
		foreach (cell, ((RowExpr *) row)->args)
			add_column(needed->columns, lfirst(cell));
	else if (needed->has_rows && get_whole_row(row) != NULL)
		need_whole_row(needed, get_whole_row(row));
	else
		add_column(needed->columns, row);
}

static bool
need(Node *node, Need *needed)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var) || list_member(needed->computed, node))
		add_column(needed->columns, node);
	else if (list_member(needed->coming, node))
		need_row(needed, get_row((FuncExpr *) node));
	else if (IsA(node, Aggref) || IsA(node, WindowFunc))
		add_column(needed->columns, node);
	else
		return expression_tree_walker(node, need, needed);
	return false;
}

/* ------------------------------------------------------ replacing */

typedef struct Replacement
{
	const Columns *columns;
	int varno;
} Replacement;

static Node *
replace_columns(Node *node, Replacement *with)
{
	int attribute;

	if (node == NULL)
		return NULL;
	attribute = find_column(with->columns, node);
	if (attribute > 0)
		return (Node *) makeVar(with->varno, (AttrNumber) attribute,
		                        exprType(node), exprTypmod(node),
		                        exprCollation(node), 0);
	if (IsA(node, Var))
		elog(ERROR, "column %d of relation %d is not in a scan's output",
		     ((Var *) node)->varattno, (int) ((Var *) node)->varno);
	return expression_tree_mutator(node, replace_columns, with);
}

static List *
replace_all(List *list, const Columns *columns, int varno)
{
	Replacement with = {columns, varno};

	return (List *) replace_columns((Node *) list, &with);
}

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
	calls = find_new_calls(split, (Node *) plan->targetlist);
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
		if (get_whole_row(get_row(lfirst(cell))) != NULL)
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

		add_column(&split->columns,
		           (Node *) makeVar((int) rti, attribute->attnum,
		                            attribute->atttypid, attribute->atttypmod,
		                            attribute->attcollation, 0));
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

/* Whether the fields of the calls' rows are columns as they come. */
static bool
has_mere_rows(const Split *split)
{
	ListCell *cell;
	ListCell *field;

	foreach (cell, split->calls)
	{
		Node *row = get_row(lfirst(cell));

		if (!IsA(row, RowExpr))
			continue;
		foreach (field, ((RowExpr *) row)->args)
			if (!IsA(lfirst(field), Var))
				return false;
	}
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

	(void) need((Node *) split->targets, needed);
	foreach (cell, split->stages)
	{
		Stage *stage = lfirst(cell);

		(void) need((Node *) stage->calls, needed);
		(void) need((Node *) stage->quals, needed);
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
	return replace_columns(node, &with);
}

static Node *
describe_call(const Split *split, FuncExpr *call)
{
	FuncExpr *copy = copyObject(call);
	Node *row = get_row(copy);

	if (!(split->has_rows && get_whole_row(row) != NULL))
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
	(void) need((Node *) stage->quals, &needed);
	(void) need((Node *) split->targets, &needed);
	for (int k = i + 1; k < list_length(split->stages); k++)
	{
		const Stage *later = list_nth(split->stages, k);

		(void) need((Node *) later->calls, &needed);
		(void) need((Node *) later->quals, &needed);
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
		plan->passed = lappend_int(plan->passed,
		                           find_column(&split->columns, lfirst(cell)));
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
			lappend(plan.calls,
		            plan_call(&split->columns, split->has_rows, lfirst(cell)));
		described = lappend(described, describe_call(split, lfirst(cell)));
	}
	fill_costs(node, split->plan, child);
	node->scan.plan.plan_node_id = ++split->rewriter->last_id;
	node->scan.plan.targetlist = replace_all(
		is_last ? split->targets : make_targets(slot.list), &slot, INDEX_VAR);
	node->scan.plan.qual = replace_all(stage->quals, &slot, INDEX_VAR);
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
