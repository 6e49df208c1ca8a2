/*
 * query.c
 *	  Running an analysed query, row by row into a function: the executor's own
 *	  path, without a portal or a tuple store in between.
 */
#include "cerebro_pg.h"
#include "basis.h"

#include <unistd.h>

#include "executor/execdesc.h"
#include "nodes/makefuncs.h"
#include "optimizer/cost.h"
#include "storage/lmgr.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"

typedef struct RowReceiver
{
	DestReceiver dest;
	RowFunction row;
	void *self;
} RowReceiver;

static bool
receive_row(TupleTableSlot *slot, DestReceiver *dest)
{
	RowReceiver *receiver = (RowReceiver *) dest;

	slot_getallattrs(slot);
	receiver->row(receiver->self, slot);
	return true;
}

static void
start_rows(DestReceiver *dest, int operation, TupleDesc type)
{
}

static void
end_rows(DestReceiver *dest)
{
}

struct QueryPlan
{
	PlannedStmt *statement;
	const char *text;
};

/*
 * A second process costs less here than the planner thinks: rows go to code of
 * ours that keeps a core busy, beside which workers scan and join.  So a row
 * handed over is free, and one core is left to us.  Who wants no workers says
 * so with max_parallel_workers_per_gather = 0; small queries start none, as
 * they cost less than the start.
 */
static void
favor_workers(void)
{
	int n_others = Max(1, (int) sysconf(_SC_NPROCESSORS_ONLN) - 1);
	int n_workers = Min(max_parallel_workers_per_gather, n_others);

	(void) set_config_option("parallel_tuple_cost", "0", PGC_USERSET,
	                         PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("max_parallel_workers_per_gather",
	                         psprintf("%d", n_workers), PGC_USERSET,
	                         PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

static PlannedStmt *
plan_query(Query *query, const char *text, int options)
{
	List *rewritten = pg_rewrite_query(query);

	if (list_length(rewritten) != 1)
		elog(ERROR, "the query was rewritten to %d queries",
		     list_length(rewritten));
	return pg_plan_query(linitial_node(Query, rewritten), text, options, NULL);
}

/* Raises what running it would for lack of rights; runs nothing. */
void
query_check(Query *query, const char *text)
{
	QueryDesc *desc =
		CreateQueryDesc(plan_query(query, text, 0), text, GetActiveSnapshot(),
	                    InvalidSnapshot, None_Receiver, NULL, NULL, 0);

	ExecutorStart(desc, EXEC_FLAG_EXPLAIN_ONLY);
	ExecutorEnd(desc);
	FreeQueryDesc(desc);
}

static void
run_plan(const QueryPlan *plan, QueryEnvironment *environment, RowFunction row,
         void *self)
{
	RowReceiver receiver = {
		.dest = {.receiveSlot = receive_row,
	             .rStartup = start_rows,
	             .rShutdown = end_rows,
	             .rDestroy = end_rows,
	             .mydest = DestNone},
		.row = row,
		.self = self,
	};
	QueryDesc *desc;

	desc =
		CreateQueryDesc(plan->statement, plan->text, GetActiveSnapshot(),
	                    InvalidSnapshot, &receiver.dest, NULL, environment, 0);
	ExecutorStart(desc, 0);
	compat_executor_run(desc);
	ExecutorFinish(desc);
	ExecutorEnd(desc);
	FreeQueryDesc(desc);
}

void
query_run(Query *query, const char *text, RowFunction row, void *self)
{
	QueryPlan plan = {plan_query(query, text, CURSOR_OPT_PARALLEL_OK), text};

	run_plan(&plan, NULL, row, self);
}

void
query_run_parallel(Query *query, const char *text, PlanFunction change,
                   RowFunction row, void *self)
{
	int level = NewGUCNestLevel();
	QueryPlan plan = {.text = text};

	favor_workers();
	plan.statement = plan_query(query, text, CURSOR_OPT_PARALLEL_OK);
	AtEOXact_GUC(false, level);
	if (change != NULL)
		change(plan.statement, self);
	run_plan(&plan, NULL, row, self);
}

/* For many runs, in whatever process: without workers of its own. */
QueryPlan *
query_plan_make(const Query *query, const char *text)
{
	QueryPlan *plan = palloc(sizeof(QueryPlan));

	plan->statement =
		plan_query(copyObject(unconstify(Query *, query)), text, 0);
	plan->text = text;
	return plan;
}

void
query_plan_note(const QueryPlan *plan, Basis *basis)
{
	basis_add_plan(basis, plan->statement);
}

QueryCost
query_plan_get_cost(const QueryPlan *plan)
{
	const Plan *top = plan->statement->planTree;

	return (QueryCost){top->startup_cost, top->total_cost, top->plan_rows};
}

/* The locks of the transaction that made the plan may be gone. */
void
query_plan_lock(const QueryPlan *plan)
{
	ListCell *cell;

	foreach (cell, plan->statement->relationOids)
		LockRelationOid(lfirst_oid(cell), AccessShareLock);
}

QueryDesc *
query_plan_describe(const QueryPlan *plan, QueryEnvironment *environment,
                    DestReceiver *dest)
{
	return CreateQueryDesc(plan->statement, plan->text, GetActiveSnapshot(),
	                       InvalidSnapshot, dest, NULL, environment, 0);
}

void
query_plan_run(const QueryPlan *plan, QueryEnvironment *environment,
               RowFunction row, void *self)
{
	run_plan(plan, environment, row, self);
}

/* Only these targets, in this order: what is not read need not be computed. */
void
query_keep_targets(Query *query, const int *targets, int n_targets)
{
	List *kept = NIL;

	for (int i = 0; i < n_targets; i++)
	{
		TargetEntry *entry = copyObject(
			list_nth_node(TargetEntry, query->targetList, targets[i]));

		entry->resno = i + 1;
		kept = lappend(kept, entry);
	}
	query->targetList = kept;
}
