/*
 * read_node.c
 *	  The node below a Gather that codes rows where they are read.
 *
 *	 Gather -> rows			becomes	   Gather -> blocks -> rows
 *
 * So what crosses from a worker is one value for some hundred rows, and workers
 * share the work of coding.  Rows come to the reader in no order either way.
 */
#include "read_block.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/extensible.h"
#include "nodes/makefuncs.h"
#include "utils/memutils.h"

#include "scan.h"

#include <math.h>

typedef struct RowNode
{
	CustomScanState css;
	RowCoder *coder;
	bool has_ended;
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

bool
row_node_insert(PlannedStmt *stmt, const RowLayout *layout)
{
	Plan *top = stmt->planTree;
	Plan *child = outerPlan(top);
	CustomScan *node;

	if (!IsA(top, Gather) || !is_plain((Gather *) top))
		return false;
	node = makeNode(CustomScan);
	node->scan.plan.plan_node_id = scan_find_last_id(stmt) + 1;
	node->scan.plan.startup_cost = child->startup_cost;
	node->scan.plan.total_cost = child->total_cost;
	node->scan.plan.plan_rows = ceil(child->plan_rows / BLOCK_ROWS);
	node->scan.plan.plan_width = child->plan_width * BLOCK_ROWS;
	node->scan.plan.parallel_safe = true;
	node->scan.plan.extParam = bms_copy(child->extParam);
	node->scan.plan.allParam = bms_copy(child->allParam);
	node->scan.plan.lefttree = child;
	node->scan.plan.targetlist = make_target(make_column(INDEX_VAR));
	node->custom_scan_tlist =
		make_target((Expr *) makeNullConst(BYTEAOID, -1, InvalidOid));
	node->custom_private = pack_layout(layout);
	node->methods = &row_methods;
	outerPlan(top) = (Plan *) node;
	top->targetlist = make_target(make_column(OUTER_VAR));
	return true;
}

/* ------------------------------------------------------------------ rows */

static void
begin(CustomScanState *css, EState *estate, int eflags)
{
	RowNode *node = (RowNode *) css;
	const CustomScan *plan = (const CustomScan *) css->ss.ps.plan;
	RowLayout layout = unpack_layout(plan->custom_private);

	outerPlanState(css) = ExecInitNode(outerPlan(plan), estate, eflags);
	node->coder =
		row_coder_make(&layout, ExecGetResultType(outerPlanState(css)));
	node->has_ended = false;
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
		if (node->has_ended)
			return;
		slot_getallattrs(row);
		is_full = row_coder_add(node->coder, row);
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
	ExecEndNode(outerPlanState(css));
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
