/*
 * source_view.c
 *	  Columns of views whose values depend on session settings.
 *
 * A task's own expressions run under the task's settings wherever a row comes
 * from.  Those of a view run in the session that reads the view: rows of it
 * come to a deployed function ready made.
 */
#include "cerebro_pg.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/lsyscache.h"

typedef struct Search
{
	Oid view; /* that is looked at; in the end the one that has the column */
	const char *column;
} Search;

static bool find_in_view(Oid view, Search *search);

/* Up to PostgreSQL 15 a view's query lists the view itself, as OLD and NEW. */
static bool
find_in_query(Node *node, void *context)
{
	RangeTblEntry *entry = (RangeTblEntry *) node;
	Search *search = context;

	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, find_in_query, context,
		                         QTW_EXAMINE_RTES_BEFORE);
	if (!IsA(node, RangeTblEntry))
		return expression_tree_walker(node, find_in_query, context);
	return entry->rtekind == RTE_RELATION && entry->relid != search->view &&
	       get_rel_relkind(entry->relid) == RELKIND_VIEW &&
	       find_in_view(entry->relid, search);
}

static bool
find_in_view(Oid view, Search *search)
{
	Oid outer = search->view;
	Relation relation = table_open(view, AccessShareLock);
	Query *query = copyObject(get_view_query(relation));
	ListCell *cell;

	table_close(relation, NoLock);
	search->view = view;
	foreach (cell, query->targetList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, cell);

		if (entry->resjunk || !contain_mutable_functions((Node *) entry->expr))
			continue;
		search->column = entry->resname;
		return true;
	}
	if (find_in_query((Node *) query, search))
		return true;
	search->view = outer;
	return false;
}

void
source_warn_of_view(Oid relation)
{
	Search found = {0};

	if (get_rel_relkind(relation) != RELKIND_VIEW ||
	    !find_in_view(relation, &found))
		return;
	ereport(
		WARNING,
		(errmsg("column \"%s\" of view \"%s\" depends on settings of the "
	            "session, or on the time, in which the view is read",
	            found.column, get_rel_name(found.view)),
	     errdetail("Training computes it with the settings stored with the "
	               "task; in a row that is scored it was computed with those "
	               "of the reader."),
	     errhint("Say in the view what it depends on, for example with AT TIME "
	             "ZONE, or compute it in the task's source instead.")));
}
