/*
 * read_node.c
 *	  The node below a Gather that codes rows where they are read.
 *
 *	 Gather -> rows			becomes	   Gather -> blocks -> rows
 *
 * So what crosses from a worker is one value for some hundred rows, and workers
 * share the work of coding.  Rows come to the reader in no order either way.
 *
 * The node does joins of small tables itself (read_star.h): what is read of such
 * a table is coded once a row of it, however often that is joined, and no row of
 * all columns is put together.  So it stands on top of a plan without a Gather,
 * too, if there are such joins.
 */
#include "read_block.h"
#include "read_join.h"
#include "read_star.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/extensible.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/memutils.h"

#include "scan.h"

#include <math.h>

/* A target of the query that is a column of the star, or an expression. */
typedef struct RowTarget
{
	int target;
	int column;
	ExprState *expr;
} RowTarget;

/* A column of the star and where its values are. */
typedef struct RowColumn
{
	int column;
	int from; /* of the base's rows, or of what the join has of a row */
} RowColumn;

/* A join and what is taken of the rows that it finds. */
typedef struct JoinUse
{
	RowJoin *join;
	RowColumn *columns; /* that something else than inputs reads */
	int n_columns;
	RowDimension *dimension; /* inputs; NULL: none */
} JoinUse;

typedef struct RowNode
{
	CustomScanState css;
	const Star *star;
	int first_input;
	RowCoder *coder;
	bool has_ended;

	RowColumn *base;
	int n_base;
	JoinUse *joins;
	int n_joins;
	TupleTableSlot *columns;
	RowTarget *plain;
	int n_plain;
	RowTarget *exprs;
	int n_exprs;
	TupleTableSlot *targets; /* but for inputs of joins */
} RowNode;

/* ------------------------------------------------------------------ plan */

/* Of hash_key, which no value node holds as a number. */
static Node *
make_long(uint64 value)
{
	return (Node *) makeConst(INT8OID, -1, InvalidOid, sizeof(int64),
	                          Int64GetDatum((int64) value), false,
	                          FLOAT8PASSBYVAL);
}

static List *
pack_layout(const RowLayout *layout)
{
	return list_make3(make_long(layout->hash_key), makeInteger(layout->n_key),
	                  makeInteger(layout->has_split ? 1 : 0));
}

static RowLayout
unpack_layout(List *packed)
{
	return (RowLayout){.hash_key = (uint64) DatumGetInt64(
						   linitial_node(Const, packed)->constvalue),
	                   .n_key = intVal(lsecond(packed)),
	                   .has_split = intVal(lthird(packed)) != 0};
}

/* Where equal columns stand in the child, the planner points to the first. */
static bool
is_child_column(const TargetEntry *entry, const List *child)
{
	const Var *var = (const Var *) entry->expr;
	const TargetEntry *own = list_nth(child, entry->resno - 1);
	const TargetEntry *other;

	if (!IsA(var, Var) || var->varno != OUTER_VAR || entry->resjunk)
		return false;
	other = list_nth(child, var->varattno - 1);
	return equal(own->expr, other->expr);
}

/* A Gather that hands on what its child has, and nothing else. */
static bool
is_plain(const Gather *gather)
{
	const List *targets = gather->plan.targetlist;
	const List *child = outerPlan(gather)->targetlist;
	ListCell *cell;

	if (gather->plan.qual != NIL || list_length(targets) != list_length(child))
		return false;
	foreach (cell, targets)
		if (!is_child_column(lfirst(cell), child))
			return false;
	return true;
}

static List *
make_target(Expr *expr)
{
	return list_make1(makeTargetEntry(expr, 1, pstrdup("block"), false));
}

static Expr *
make_column(int varno)
{
	return (Expr *) makeVar(varno, 1, BYTEAOID, -1, InvalidOid, 0);
}

static const CustomScanMethods row_methods;

static CustomScan *
make_node_of(PlannedStmt *stmt, const RowLayout *layout, Plan *child,
             const Star *star)
{
	CustomScan *node = makeNode(CustomScan);

	node->scan.plan.plan_node_id = scan_find_last_id(stmt) + 1;
	node->scan.plan.startup_cost = child->startup_cost;
	node->scan.plan.total_cost = child->total_cost;
	node->scan.plan.plan_rows = ceil(child->plan_rows / BLOCK_ROWS);
	node->scan.plan.plan_width = child->plan_width * BLOCK_ROWS;
	node->scan.plan.parallel_safe = child->parallel_safe;
	node->scan.plan.extParam = bms_copy(child->extParam);
	node->scan.plan.allParam = bms_copy(child->allParam);
	node->scan.plan.lefttree = star->base;
	node->scan.plan.targetlist = make_target(make_column(INDEX_VAR));
	node->custom_plans = star->inner;
	node->custom_scan_tlist =
		make_target((Expr *) makeNullConst(BYTEAOID, -1, InvalidOid));
	node->custom_private = list_make2(pack_layout(layout), star_pack(star));
	node->methods = &row_methods;
	return node;
}

/*
 * Below the Gather, if there is one that hands on what it gets; else on top, if
 * there are joins that are worth it.
 */
bool
row_node_insert(PlannedStmt *stmt, const RowLayout *layout)
{
	Plan *top = stmt->planTree;
	bool is_parallel = IsA(top, Gather) && is_plain((Gather *) top);
	Plan *child = is_parallel ? outerPlan(top) : top;
	Star *star = star_find(stmt, child);
	Plan *node;

	if (!is_parallel && star->joins == NIL)
		return false;
	node = (Plan *) make_node_of(stmt, layout, child, star);
	if (is_parallel)
	{
		outerPlan(top) = node;
		top->targetlist = make_target(make_column(OUTER_VAR));
	}
	else
		stmt->planTree = node;
	ereport(DEBUG1, (errmsg_internal("rows are coded by %s, joins: %d",
	                                 is_parallel ? "workers" : "the node",
	                                 list_length(star->joins))));
	return true;
}

/* ------------------------------------------------------------------ rows */

/* What others than inputs of the joins' own read of the star's columns. */
static bool
note_columns(Node *node, Bitmapset **read)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
		*read = bms_add_member(*read, ((Var *) node)->varattno - 1);
	return expression_tree_walker(node, note_columns, read);
}

/* Number of the join whose rows give an input, as they are; -1: none. */
static int
get_join(const RowNode *node, const TargetEntry *entry)
{
	if (!IsA(entry->expr, Var) || entry->resno <= node->first_input)
		return -1;
	return list_nth_int(node->star->places,
	                    ((const Var *) entry->expr)->varattno - 1);
}

static Bitmapset *
find_read(const RowNode *node)
{
	Bitmapset *read = NULL;
	ListCell *cell;

	foreach (cell, node->star->targets)
		if (get_join(node, lfirst(cell)) < 0)
			(void) note_columns(lfirst(cell), &read);
	foreach (cell, node->star->joins)
		(void) note_columns((Node *) ((StarJoin *) lfirst(cell))->keys, &read);
	return read;
}

static void
init_targets(RowNode *node)
{
	int n = list_length(node->star->targets);
	ListCell *cell;

	node->plain = palloc((n + 1) * sizeof(RowTarget));
	node->exprs = palloc((n + 1) * sizeof(RowTarget));
	foreach (cell, node->star->targets)
	{
		const TargetEntry *entry = lfirst(cell);
		RowTarget target = {.target = entry->resno - 1};

		if (get_join(node, entry) >= 0)
			continue;
		if (IsA(entry->expr, Var))
		{
			target.column = ((const Var *) entry->expr)->varattno - 1;
			node->plain[node->n_plain++] = target;
			continue;
		}
		target.expr = ExecInitExpr(entry->expr, &node->css.ss.ps);
		node->exprs[node->n_exprs++] = target;
	}
}

static void
init_base(RowNode *node, const Bitmapset *read)
{
	int n = list_length(node->star->columns);

	node->base = palloc((n + 1) * sizeof(RowColumn));
	for (int i = 0; i < n; i++)
		if (list_nth_int(node->star->places, i) < 0 && bms_is_member(i, read))
			node->base[node->n_base++] =
				(RowColumn){i, list_nth_int(node->star->attributes, i) - 1};
}

static int
find_place(const RowJoin *join, int column)
{
	int place = 0;

	while (join->columns[place] != column)
		place++;
	return place;
}

static RowDimension *
make_dimension(RowNode *node, int number)
{
	int n = list_length(node->star->targets);
	int *inputs = palloc((n + 1) * sizeof(int));
	int *places = palloc((n + 1) * sizeof(int));
	int n_inputs = 0;
	ListCell *cell;

	foreach (cell, node->star->targets)
	{
		const TargetEntry *entry = lfirst(cell);

		if (get_join(node, entry) != number)
			continue;
		inputs[n_inputs] = entry->resno - 1 - node->first_input;
		places[n_inputs++] =
			find_place(node->joins[number].join,
		               ((const Var *) entry->expr)->varattno - 1);
	}
	return n_inputs == 0
	           ? NULL
	           : row_coder_add_dimension(node->coder, inputs, places, n_inputs);
}

static void
init_join(RowNode *node, int number, const Bitmapset *read)
{
	JoinUse *use = &node->joins[number];

	use->join =
		row_join_make(node->star, number, list_nth(node->css.custom_ps, number),
	                  &node->css.ss.ps);
	use->columns = palloc((use->join->n_columns + 1) * sizeof(RowColumn));
	for (int i = 0; i < use->join->n_columns; i++)
		if (bms_is_member(use->join->columns[i], read))
			use->columns[use->n_columns++] =
				(RowColumn){use->join->columns[i], i};
	use->dimension = make_dimension(node, number);
}

static TupleTableSlot *
make_slot(const List *targets)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(
		ExecTypeFromTL(unconstify(List *, targets)), &TTSOpsVirtual);

	memset(slot->tts_isnull, true, list_length(targets));
	return ExecStoreVirtualTuple(slot);
}

static void
begin(CustomScanState *css, EState *estate, int eflags)
{
	RowNode *node = (RowNode *) css;
	const CustomScan *plan = (const CustomScan *) css->ss.ps.plan;
	RowLayout layout = unpack_layout(linitial(plan->custom_private));
	Bitmapset *read;
	ListCell *cell;

	outerPlanState(css) = ExecInitNode(outerPlan(plan), estate, eflags);
	foreach (cell, plan->custom_plans)
		css->custom_ps =
			lappend(css->custom_ps, ExecInitNode(lfirst(cell), estate, eflags));
	node->star = star_unpack(lsecond(plan->custom_private));
	node->first_input = row_layout_get_first_input(&layout);
	node->columns = make_slot(node->star->columns);
	node->targets = make_slot(node->star->targets);
	node->coder = row_coder_make(&layout, node->targets->tts_tupleDescriptor);
	read = find_read(node);
	init_targets(node);
	init_base(node, read);
	node->n_joins = list_length(node->star->joins);
	node->joins = palloc0((node->n_joins + 1) * sizeof(JoinUse));
	for (int i = 0; i < node->n_joins; i++)
		init_join(node, i, read);
}

/* ---------------------------------------------------------------- at work */

static void
take_base(RowNode *node, const TupleTableSlot *row)
{
	for (int i = 0; i < node->n_base; i++)
	{
		RowColumn column = node->base[i];

		node->columns->tts_values[column.column] = row->tts_values[column.from];
		node->columns->tts_isnull[column.column] = row->tts_isnull[column.from];
	}
}

static bool
take_join(RowNode *node, JoinUse *use, ExprContext *context)
{
	const Datum *values;
	const bool *nulls;

	if (!row_join_find(use->join, context))
		return false;
	values = row_join_get_values(use->join);
	nulls = row_join_get_nulls(use->join);
	for (int i = 0; i < use->n_columns; i++)
	{
		RowColumn column = use->columns[i];

		node->columns->tts_values[column.column] = values[column.from];
		node->columns->tts_isnull[column.column] = nulls[column.from];
	}
	if (use->dimension != NULL)
		row_dimension_choose(use->dimension, use->join->row, values, nulls);
	return true;
}

static void
make_targets(RowNode *node, ExprContext *context)
{
	Datum *values = node->targets->tts_values;
	bool *nulls = node->targets->tts_isnull;

	for (int i = 0; i < node->n_plain; i++)
	{
		RowTarget target = node->plain[i];

		values[target.target] = node->columns->tts_values[target.column];
		nulls[target.target] = node->columns->tts_isnull[target.column];
	}
	for (int i = 0; i < node->n_exprs; i++)
	{
		int at = node->exprs[i].target;

		values[at] =
			ExecEvalExprSwitchContext(node->exprs[i].expr, context, &nulls[at]);
	}
}

/* True: a block is full. */
static bool
add_row(RowNode *node, TupleTableSlot *row)
{
	ExprContext *context = node->css.ss.ps.ps_ExprContext;

	ResetExprContext(context);
	context->ecxt_scantuple = node->columns;
	slot_getallattrs(row);
	take_base(node, row);
	for (int i = 0; i < node->n_joins; i++)
		if (!take_join(node, &node->joins[i], context))
			return false;
	make_targets(node, context);
	return row_coder_add(node->coder, node->targets);
}

static void
fill(RowNode *node)
{
	PlanState *child = outerPlanState(node);
	bool is_full = false;

	while (!is_full && !node->has_ended)
	{
		TupleTableSlot *row = ExecProcNode(child);

		node->has_ended = TupIsNull(row);
		if (!node->has_ended)
			is_full = add_row(node, row);
	}
}

static TupleTableSlot *
execute(CustomScanState *css)
{
	RowNode *node = (RowNode *) css;
	TupleTableSlot *slot = ExecClearTuple(css->ss.ss_ScanTupleSlot);
	bytea *block;

	fill(node);
	block = row_coder_take(node->coder);
	if (block == NULL)
		return slot;
	slot->tts_values[0] = PointerGetDatum(block);
	slot->tts_isnull[0] = false;
	return ExecStoreVirtualTuple(slot);
}

static void
rescan(CustomScanState *css)
{
	elog(ERROR, "rows of a task are coded once only");
}

static void
end(CustomScanState *css)
{
	ListCell *cell;

	ExecEndNode(outerPlanState(css));
	foreach (cell, css->custom_ps)
		ExecEndNode(lfirst(cell));
}

/* --------------------------------------------------------------- methods */

static const CustomExecMethods exec_methods = {
	.CustomName = "CerebroRows",
	.BeginCustomScan = begin,
	.ExecCustomScan = execute,
	.EndCustomScan = end,
	.ReScanCustomScan = rescan,
};

static Node *
create(CustomScan *plan)
{
	RowNode *node = (RowNode *) newNode(sizeof(RowNode), T_CustomScanState);

	node->css.methods = &exec_methods;
	return (Node *) node;
}

static const CustomScanMethods row_methods = {
	.CustomName = "CerebroRows",
	.CreateCustomScanState = create,
};

void
row_node_init(void)
{
	RegisterCustomScanMethods(&row_methods);
}
