/*
 * scan_hook.c
 *	  When plans get their nodes: when they are finished.
 *
 * A session's first statement that scores loads this library while it is
 * planned, too late for the planner's hook; its plan, and others that were
 * being made then, get their nodes when they are started, in a copy.
 */
#include "scan.h"

#include "executor/executor.h"
#include "optimizer/planner.h"
#include "utils/guc.h"

static planner_hook_type next_planner;
static ExecutorStart_hook_type next_start;
static bool is_enabled; /* setting */

static PlannedStmt *
plan(Query *query, const char *text, int cursor_options, ParamListInfo params)
{
	bool is_marked = is_enabled && scan_mark_conditions(query);
	PlannedStmt *stmt =
		next_planner != NULL
			? next_planner(query, text, cursor_options, params)
			: standard_planner(query, text, cursor_options, params);

	if (is_marked)
		scan_restore(stmt);
	if (is_enabled && scan_may_have_calls(stmt))
	{
		scan_rewrite(stmt);
		scan_mark(stmt);
		if ((cursor_options & CURSOR_OPT_SCROLL) != 0)
			scan_keep_scrolling(stmt);
	}
	return stmt;
}

static void
rewrite_copy(QueryDesc *desc)
{
	MemoryContext caller = MemoryContextSwitchTo(GetMemoryChunkContext(desc));

	desc->plannedstmt = copyObject(desc->plannedstmt);
	scan_rewrite(desc->plannedstmt);
	scan_mark(desc->plannedstmt);
	MemoryContextSwitchTo(caller);
}

static void
make_serial(QueryDesc *desc)
{
	MemoryContext caller = MemoryContextSwitchTo(GetMemoryChunkContext(desc));

	desc->plannedstmt = copyObject(desc->plannedstmt);
	scan_make_serial(desc->plannedstmt);
	MemoryContextSwitchTo(caller);
}

static void
start(QueryDesc *desc, int eflags)
{
	if (scan_must_be_serial(desc->plannedstmt))
		make_serial(desc);
	if (is_enabled && (eflags & EXEC_FLAG_BACKWARD) == 0 &&
	    scan_may_have_calls(desc->plannedstmt) &&
	    !scan_is_marked(desc->plannedstmt))
		rewrite_copy(desc);
	if (next_start != NULL)
		next_start(desc, eflags);
	else
		standard_ExecutorStart(desc, eflags);
}

void
scan_init(void)
{
	DefineCustomBoolVariable(
		"cerebro.batch_scoring",
		"Lets plans compute calls of a model in batches of rows.", NULL,
		&is_enabled, true, PGC_USERSET, 0, NULL, NULL, NULL);
	RegisterCustomScanMethods(&scan_methods);
	next_planner = planner_hook;
	planner_hook = plan;
	next_start = ExecutorStart_hook;
	ExecutorStart_hook = start;
}
