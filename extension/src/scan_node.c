/*
 * scan_node.c
 *	  The node at work: gathers rows of its child, has them scored, hands them
 *	  on.
 *
 * Batches grow, so that a few rows are had soon and many cheaply.  A node never
 * asks its child again that has ended.  Rights and models are looked up when
 * there is a row, as a function would; that they stay as they are is checked
 * for each batch.
 */
#include "scan_batch.h"
#include "scan_joins.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "portability/instr_time.h"
#include "utils/memutils.h"

#define FIRST_ROWS 16 /* of the first batch */
#define GROWTH     4  /* of one batch to the next */

typedef struct ScanNode
{
	CustomScanState css;
	ScanPlan plan;
	ScanBatch *batch;
	ScanJoins *joins;   /* the child's, done here; or NULL */
	bool explains_late; /* rows that conditions let pass */
	int next;           /* row of the batch */
	int size;           /* rows of the next batch */
	bool has_ended;

	bool has_bound; /* below are of this scan */
	ExprState *count;
	ExprState *offset;
	int64 bound; /* rows that will be asked for; -1: unknown */
} ScanNode;

/* ---------------------------------------------------------------- begin */

static void
restart(ScanNode *node)
{
	scan_batch_clear(node->batch);
	node->next = 0;
	node->size = FIRST_ROWS;
	node->has_ended = false;
	node->has_bound = false;
	node->bound = -1;
}

/* Of a limit the constants count, whatever the parameters will be. */
static double
expect_rows(const ScanNode *node)
{
	const CustomScan *plan = (const CustomScan *) node->css.ss.ps.plan;
	const Const *count = (const Const *) node->plan.count;
	const Const *offset = (const Const *) node->plan.offset;
	double n = outerPlan(plan)->plan_rows;
	double bound;

	if (count == NULL || !IsA(count, Const) || count->constisnull)
		return n;
	bound = (double) DatumGetInt64(count->constvalue);
	if (offset != NULL && IsA(offset, Const) && !offset->constisnull)
		bound += (double) DatumGetInt64(offset->constvalue);
	return Min(n, bound);
}

static bool
is_why(const ScanCallPlan *plan)
{
	return scan_get_call(plan->call).answer == ANSWER_WHY;
}

static bool
has_whys(const ScanNode *node)
{
	ListCell *cell;

	foreach (cell, node->plan.calls)
		if (is_why(lfirst(cell)))
			return true;
	return false;
}

static bool
find_why(Node *expression, const ScanPlan *plan)
{
	const Var *column = (const Var *) expression;
	int call;

	if (expression == NULL)
		return false;
	if (!IsA(expression, Var))
		return expression_tree_walker(expression, find_why, (void *) plan);
	call = column->varattno - list_length(plan->passed) - 1;
	return column->varno == INDEX_VAR && call >= 0 &&
	       is_why(list_nth(plan->calls, call));
}

static void
begin(CustomScanState *css, EState *estate, int eflags)
{
	ScanNode *node = (ScanNode *) css;
	CustomScan *plan = (CustomScan *) css->ss.ps.plan;
	PlanState *child;

	eflags &= ~(EXEC_FLAG_BACKWARD | EXEC_FLAG_MARK);
	child = ExecInitNode(outerPlan(plan), estate, eflags);
	outerPlanState(css) = child;
	node->joins = scan_joins_make(child);
	scan_plan_unpack(plan->custom_private, &node->plan);
	node->count = ExecInitExpr((Expr *) node->plan.count, &css->ss.ps);
	node->offset = ExecInitExpr((Expr *) node->plan.offset, &css->ss.ps);
	/* a cursor finds here on which row it stands */
	if (node->plan.is_on_scan)
		css->ss.ss_currentRelation = ((ScanState *) child)->ss_currentRelation;
	node->batch = scan_batch_make(
		&node->plan, css->ss.ss_ScanTupleSlot->tts_tupleDescriptor);
	scan_batch_expect(node->batch, expect_rows(node));
	node->explains_late = has_whys(node) && plan->scan.plan.qual != NIL &&
	                      !find_why((Node *) plan->scan.plan.qual, &node->plan);
	restart(node);
}

/* ---------------------------------------------------------------- limit */

/* What a limit evaluates, as it does; -1 where it keeps all. */
static int64
evaluate_count(ScanNode *node, ExprState *state)
{
	ExprContext *context = node->css.ss.ps.ps_ExprContext;
	bool is_null;
	int64 count;

	if (state == NULL)
		return -1;
	count = DatumGetInt64(ExecEvalExprSwitchContext(state, context, &is_null));
	return is_null || count < 0 ? -1 : count;
}

static void
find_bound(ScanNode *node)
{
	int64 count;
	int64 offset;

	node->has_bound = true;
	if (node->count == NULL)
		return;
	count = evaluate_count(node, node->count);
	offset = Max(evaluate_count(node, node->offset), 0);
	if (count >= 0 && count <= PG_INT32_MAX && offset <= PG_INT32_MAX)
		node->bound = count + offset;
	ExecSetTupleBound(node->bound, outerPlanState(node));
}

static int
get_size(ScanNode *node)
{
	if (!node->has_bound)
		find_bound(node);
	if (node->bound >= 0)
		return (int) Max(Min(node->bound, scan_batch_get_limit(node->batch)),
		                 1);
	return node->size;
}

/* ---------------------------------------------------------------- rows */

/*
 * The instrumentation of a node has fields that serve other kinds of nodes;
 * those of parallel workers are added up by PostgreSQL, so here they count
 * seconds in the network and batches.
 */
static void
start_clock(const ScanNode *node, instr_time *start)
{
	INSTR_TIME_SET_ZERO(*start);
	if (node->css.ss.ps.instrument != NULL)
		INSTR_TIME_SET_CURRENT(*start);
}

static void
stop_clock(ScanNode *node, const instr_time *start, int n_batches)
{
	Instrumentation *instrument = node->css.ss.ps.instrument;
	instr_time end;

	if (instrument == NULL)
		return;
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, *start);
	instrument->ntuples2 += INSTR_TIME_GET_DOUBLE(end);
	instrument->nfiltered2 += n_batches;
}

static void
score(ScanNode *node)
{
	instr_time start;

	start_clock(node, &start);
	scan_batch_score(node->batch);
	stop_clock(node, &start, 1);
}

static void
explain_row(ScanNode *node, int row)
{
	instr_time start;

	start_clock(node, &start);
	scan_batch_explain(node->batch, row);
	stop_clock(node, &start, 0);
}

/* -------------------------------------------------------------- conditions */

static void
store_row(ScanNode *node, int row)
{
	ExprContext *context = node->css.ss.ps.ps_ExprContext;
	TupleTableSlot *slot = node->css.ss.ss_ScanTupleSlot;
	MemoryContext caller;

	/* of each row, where there is anything to free */
	if (!context->ecxt_per_tuple_memory->isReset)
		ResetExprContext(context);
	caller = MemoryContextSwitchTo(context->ecxt_per_tuple_memory);
	scan_batch_get(node->batch, row, slot);
	MemoryContextSwitchTo(caller);
	context->ecxt_scantuple = slot;
}

static bool
check_row(ScanNode *node)
{
	if (ExecQual(node->css.ss.ps.qual, node->css.ss.ps.ps_ExprContext))
		return true;
	InstrCountFiltered1(&node->css, 1);
	return false;
}

/* Rows that are kept out need no explanation. */
static void
check_rows(ScanNode *node)
{
	for (int row = 0; row < scan_batch_count(node->batch); row++)
	{
		CHECK_FOR_INTERRUPTS();
		store_row(node, row);
		if (!check_row(node))
			scan_batch_leave_out(node->batch, row);
	}
}

/* ---------------------------------------------------------------- batches */

static bool
fill(ScanNode *node)
{
	PlanState *child = outerPlanState(node);
	int size = get_size(node);

	scan_batch_clear(node->batch);
	node->next = 0;
	while (!node->has_ended && scan_batch_has_room(node->batch, size))
	{
		TupleTableSlot *row = node->joins != NULL ? scan_joins_next(node->joins)
		                                          : ExecProcNode(child);

		if (TupIsNull(row))
		{
			node->has_ended = true;
			break;
		}
		if (scan_batch_count(node->batch) == 0)
			scan_batch_start(node->batch, size,
			                 node->css.ss.ps.state->es_query_dsa);
		scan_batch_add(node->batch, row,
		               node->plan.is_on_scan
		                   ? ((ScanState *) child)->ss_ScanTupleSlot
		                   : NULL);
	}
	if (node->bound >= 0)
		node->bound = Max(node->bound - scan_batch_count(node->batch), 1);
	node->size = Min(node->size * GROWTH, scan_batch_get_limit(node->batch));
	scan_batch_look_up(node->batch);
	score(node);
	if (node->explains_late)
		check_rows(node);
	return scan_batch_count(node->batch) > 0;
}

static TupleTableSlot *
fetch(ScanNode *node)
{
	TupleTableSlot *slot = node->css.ss.ss_ScanTupleSlot;

	for (;;)
	{
		if (node->next == scan_batch_count(node->batch) &&
		    (node->has_ended || !fill(node)))
		{
			ExecClearTuple(slot);
			return NULL;
		}
		if (!node->explains_late ||
		    !scan_batch_is_left_out(node->batch, node->next))
			break;
		node->next++;
	}
	if (scan_batch_must_explain(node->batch, node->next))
		explain_row(node, node->next);
	store_row(node, node->next++);
	return slot;
}

static TupleTableSlot *
execute(CustomScanState *css)
{
	ScanNode *node = (ScanNode *) css;
	ProjectionInfo *projection = css->ss.ps.ps_ProjInfo;
	TupleTableSlot *slot;

	if (!ScanDirectionIsForward(css->ss.ps.state->es_direction))
		elog(ERROR, "a batch of scored rows cannot be read backward");
	while ((slot = fetch(node)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (!node->explains_late && !check_row(node))
			continue;
		return projection != NULL ? ExecProject(projection) : slot;
	}
	return projection != NULL ? ExecClearTuple(projection->pi_state.resultslot)
	                          : css->ss.ss_ScanTupleSlot;
}

static void
rescan(CustomScanState *css)
{
	restart((ScanNode *) css);
	ExecClearTuple(css->ss.ss_ScanTupleSlot);
	if (((ScanNode *) css)->joins != NULL)
		scan_joins_rescan(((ScanNode *) css)->joins);
	else if (outerPlanState(css)->chgParam == NULL)
		ExecReScan(outerPlanState(css));
}

static void
end(CustomScanState *css)
{
	scan_batch_end(((ScanNode *) css)->batch);
	ExecEndNode(outerPlanState(css));
}

/* -------------------------------------------------------------- explain */

/* A model is told once for each row that calls ask it about. */
static List *
list_models(const ScanNode *node, bool *has_joins)
{
	List *models = NIL;
	List *told = NIL; /* (model, call of the row) */
	ListCell *cell;

	foreach (cell, node->plan.calls)
	{
		ScanCallPlan *plan = lfirst(cell);
		ScoreCall call = scan_get_call(plan->call);
		int i = foreach_current_index(cell);
		List *id;
		Model model;

		if (!scan_find_model(&call, &model))
			continue;
		*has_joins |= model.query != NULL;
		id = list_make2_int(model.id, scan_batch_find_like(node->batch, i));
		if (list_member(told, id))
			continue;
		told = lappend(told, id);
		models = lappend(models, psprintf("%d", model.id));
	}
	return models;
}

/* How the tables are read that models join. */
static void
explain_joins(const ScanNode *node, bool has_joins, ExplainState *es)
{
	int limit = SCAN_BATCH_ROWS;
	List *joins = has_joins ? scan_batch_describe(node->batch, &limit) : NIL;

	if (node->joins != NULL)
		joins = list_concat(scan_joins_describe(node->joins, es), joins);
	ExplainPropertyInteger("Batch Size", NULL, limit, es);
	if (joins != NIL)
		ExplainPropertyList("Joins", joins, es);
}

/* What is computed once for several models. */
static void
explain_shared(const ScanNode *node, const List *models, ExplainState *es)
{
	List *shared =
		list_length(models) > 1 ? scan_batch_describe_shared(node->batch) : NIL;

	if (shared != NIL)
		ExplainPropertyList("Shared", shared, es);
}

static void
explain(CustomScanState *css, List *ancestors, ExplainState *es)
{
	ScanNode *node = (ScanNode *) css;
	Instrumentation *instrument = css->ss.ps.instrument;
	bool has_joins = false;
	List *models = list_models(node, &has_joins);

	ExplainPropertyList(list_length(models) == 1 ? "Model" : "Models", models,
	                    es);
	explain_shared(node, models, es);
	explain_joins(node, has_joins, es);
	if (has_whys(node))
		ExplainPropertyInteger("Explained At Once", NULL, CER_EXPLAIN_ROWS, es);
	if (!es->analyze || instrument == NULL)
		return;
	ExplainPropertyFloat("Batches", NULL, instrument->nfiltered2, 0, es);
	if (es->timing)
		ExplainPropertyFloat("Network Time", "ms",
		                     instrument->ntuples2 * 1000.0, 3, es);
}

/* ---------------------------------------------------- several processes */

static Size
estimate_shared(CustomScanState *css, ParallelContext *context)
{
	return scan_batch_get_shared_size(((ScanNode *) css)->batch);
}

static void
init_shared(CustomScanState *css, ParallelContext *context, void *shared)
{
	scan_batch_share(((ScanNode *) css)->batch, shared, true);
}

/* Workers of a rescan see the same snapshot: what was found stays. */
static void
keep_shared(CustomScanState *css, ParallelContext *context, void *shared)
{
}

static void
attach_shared(CustomScanState *css, shm_toc *toc, void *shared)
{
	scan_batch_share(((ScanNode *) css)->batch, shared, false);
}

static void
leave_shared(CustomScanState *css)
{
	scan_batch_unshare(((ScanNode *) css)->batch);
}

/* -------------------------------------------------------------- methods */

static const CustomExecMethods exec_methods = {
	.CustomName = "CerebroScore",
	.BeginCustomScan = begin,
	.ExecCustomScan = execute,
	.EndCustomScan = end,
	.ReScanCustomScan = rescan,
	.EstimateDSMCustomScan = estimate_shared,
	.InitializeDSMCustomScan = init_shared,
	.ReInitializeDSMCustomScan = keep_shared,
	.InitializeWorkerCustomScan = attach_shared,
	.ShutdownCustomScan = leave_shared,
	.ExplainCustomScan = explain,
};

static Node *
create(CustomScan *plan)
{
	ScanNode *node = (ScanNode *) newNode(sizeof(ScanNode), T_CustomScanState);

	node->css.methods = &exec_methods;
	return (Node *) node;
}

const CustomScanMethods scan_methods = {
	.CustomName = "CerebroScore",
	.CreateCustomScanState = create,
};
