/*
 * query_loop.c
 *	  A query over a tuple store that is started once and run again and again, for
 *	  other rows each time: what it hashed of tables stays hashed.
 *
 * Its executor holds what executors hold (pins, references to relations) in the
 * name of the resource owner that was current when it was started.  It has to
 * be ended there, before that owner is released; once it is, or while an abort
 * is on the way to it, it must not.  A cursor's owner outlives the savepoint in
 * which rows were fetched, so that owners tell, and not transactions.
 */
#include "cerebro_pg.h"

#include "access/xact.h"
#include "executor/execdesc.h"
#include "lib/ilist.h"
#include "nodes/nodeFuncs.h"
#include "tcop/dest.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

struct QueryLoop
{
	dlist_node node; /* among the open ones */
	bool is_open;    /* its owner has not been released */
	ResourceOwner owner;
	MemoryContext context; /* of the executor; NULL: closed */
	QueryDesc *desc;
	bool has_run;
	DestReceiver dest;
	RowFunction row;
	void *self;
	MemoryContextCallback callback;
};

static dlist_head loops = DLIST_STATIC_INIT(loops);

/* ----------------------------------------------------------------- owners */

static void
forget(QueryLoop *loop)
{
	dlist_delete(&loop->node);
	loop->is_open = false;
}

/* The current owner is released. */
static void
release(ResourceReleasePhase phase, bool is_commit, bool is_top_level,
        void *arg)
{
	dlist_mutable_iter iter;

	if (phase != RESOURCE_RELEASE_BEFORE_LOCKS)
		return;
	dlist_foreach_modify(iter, &loops)
	{
		QueryLoop *loop = dlist_container(QueryLoop, node, iter.cur);

		if (loop->owner == CurrentResourceOwner)
			forget(loop);
	}
}

void
query_init(void)
{
	RegisterResourceReleaseCallback(release, NULL);
}

/* ------------------------------------------------------------------- rows */

static bool
receive_row(TupleTableSlot *slot, DestReceiver *dest)
{
	QueryLoop *loop = (QueryLoop *) ((char *) dest - offsetof(QueryLoop, dest));

	slot_getallattrs(slot);
	loop->row(loop->self, slot);
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

/* ------------------------------------------------------------------- loop */

/* With the caller's memory all goes.  In an abort the memory of portals goes
 * before what their owners hold, which nobody may end any more. */
static void
close_with_memory(void *arg)
{
	QueryLoop *loop = arg;

	if (loop->is_open && !IsTransactionState())
		forget(loop);
	query_loop_close(loop);
}

/* The executor's memory stands apart: what goes with it has to go in order. */
QueryLoop *
query_loop_open(const QueryPlan *plan, QueryEnvironment *environment,
                RowFunction row, void *self)
{
	QueryLoop *loop = palloc0(sizeof(QueryLoop));
	MemoryContext caller = CurrentMemoryContext;

	loop->dest = (DestReceiver){.receiveSlot = receive_row,
	                            .rStartup = start_rows,
	                            .rShutdown = end_rows,
	                            .rDestroy = end_rows,
	                            .mydest = DestNone};
	loop->row = row;
	loop->self = self;
	loop->owner = CurrentResourceOwner;
	loop->callback.func = close_with_memory;
	loop->callback.arg = loop;
	MemoryContextRegisterResetCallback(caller, &loop->callback);
	loop->context = AllocSetContextCreate(TopMemoryContext, "cerebro loop",
	                                      ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(loop->context);
	loop->desc = query_plan_describe(plan, environment, &loop->dest);
	ExecutorStart(loop->desc, EXEC_FLAG_REWIND);
	MemoryContextSwitchTo(caller);
	loop->is_open = true;
	dlist_push_head(&loops, &loop->node);
	return loop;
}

typedef struct Change
{
	int param; /* of no plan */
	bool is_found;
} Change;

/* What stands above a tuple store has to look at it anew. */
static bool
mark_changed(PlanState *node, void *context)
{
	Change *change = context;
	bool is_beside = change->is_found;

	change->is_found = IsA(node, NamedTuplestoreScanState);
	(void) planstate_tree_walker(node, mark_changed, change);
	if (change->is_found)
		node->chgParam = bms_add_member(node->chgParam, change->param);
	change->is_found |= is_beside;
	return false;
}

/*
 * Executors keep what depends on no parameter that has changed.  Here the rows
 * of the tuple store have changed, as if they were a parameter's.
 */
static void
rewind_executor(QueryLoop *loop)
{
	Change change = {.param =
	                     list_length(loop->desc->plannedstmt->paramExecTypes)};
	MemoryContext caller = MemoryContextSwitchTo(loop->context);

	(void) mark_changed(loop->desc->planstate, &change);
	MemoryContextSwitchTo(caller);
	ExecutorRewind(loop->desc);
}

void
query_loop_run(QueryLoop *loop)
{
	ResourceOwner owner = CurrentResourceOwner;

	Assert(loop->is_open);
	CurrentResourceOwner = loop->owner;
	if (loop->has_run)
		rewind_executor(loop);
	loop->has_run = true;
	compat_executor_run_again(loop->desc);
	CurrentResourceOwner = owner;
}

static void
end_executor(QueryLoop *loop)
{
	ResourceOwner owner = CurrentResourceOwner;

	forget(loop);
	CurrentResourceOwner = loop->owner;
	ExecutorFinish(loop->desc);
	ExecutorEnd(loop->desc);
	FreeQueryDesc(loop->desc);
	CurrentResourceOwner = owner;
}

void
query_loop_close(QueryLoop *loop)
{
	if (loop->is_open)
		end_executor(loop);
	if (loop->context != NULL)
		MemoryContextDelete(loop->context);
	loop->context = NULL;
}
