/*
 * fe_origin.c
 *	  Which columns of tables and views a value of a query is made of.
 *
 * Two questions.  What does a column hand on unchanged (so that a foreign key
 * of the table is one of the query)?  And what does a value depend on at all
 * (so that nothing of the label gets into a feature)?  The first is answered
 * only where it is certain, the second with too much rather than too little.
 */
#include "fe_private.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/prs2lock.h"
#include "rewrite/rewriteHandler.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* Queries in queries in views: more than anybody reads. */
#define MAX_DEPTH 64

static FeOrigin *
make_origin(Oid relation, AttrNumber attribute, uint32 path)
{
	FeOrigin *origin = palloc(sizeof(FeOrigin));

	*origin =
		(FeOrigin){.relation = relation, .attribute = attribute, .path = path};
	return origin;
}

Query *
fe_open_view(Oid view)
{
	char kind = get_rel_relkind(view);
	Relation relation;
	Query *query;

	if (kind != RELKIND_VIEW && kind != RELKIND_MATVIEW)
		return NULL;
	relation = table_open(view, AccessShareLock);
	query = kind == RELKIND_VIEW
	            ? get_view_query(relation)
	            : linitial_node(Query, relation->rd_rules->rules[0]->actions);
	query = copyObject(query);
	table_close(relation, NoLock);
	return query;
}

static TargetEntry *
find_target(const Query *query, AttrNumber attribute)
{
	return attribute > 0 && attribute <= list_length(query->targetList)
	           ? list_nth_node(TargetEntry, query->targetList, attribute - 1)
	           : NULL;
}

/* Views may even read each other in a circle, which only reading them tells. */
static void
fail_of_depth(void)
{
	ereport(ERROR, (errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
	                errmsg("the views that FE reads are nested too deeply")));
}

/* ------------------------------------------------------ what is handed on */

static void
trace(const Query *query, const Node *node, uint32 path, List **found)
{
	const Var *var = (const Var *) node;
	const RangeTblEntry *entry;
	const Query *inner = NULL;
	TargetEntry *target;

	check_stack_depth();
	if (!IsA(node, Var) || var->varlevelsup > 0 || var->varattno <= 0)
		return;
	entry = rt_fetch(var->varno, query->rtable);
	path = path * 31 + var->varno;
	if (entry->rtekind == RTE_JOIN)
	{
		trace(query, list_nth(entry->joinaliasvars, var->varattno - 1), path,
		      found);
		return;
	}
	if (entry->rtekind == RTE_RELATION)
		*found =
			lappend(*found, make_origin(entry->relid, var->varattno, path));
	if (list_length(*found) > MAX_DEPTH)
		fail_of_depth();
	if (entry->rtekind == RTE_SUBQUERY)
		inner = entry->subquery;
	else if (entry->rtekind == RTE_RELATION &&
	         get_rel_relkind(entry->relid) == RELKIND_VIEW)
		inner = fe_open_view(entry->relid);
	if (inner == NULL || inner->setOperations != NULL)
		return;
	target = find_target(inner, var->varattno);
	if (target != NULL)
		trace(inner, (Node *) target->expr, path, found);
}

List *
fe_trace(const Query *query, const Node *node)
{
	List *found = NIL;

	trace(query, node, 0, &found);
	return found;
}

/* ----------------------------------------------------- what it depends on */

typedef struct Collector
{
	List *queries; /* around the node, the innermost first */
	List *found;
	bool with_conditions;
	int depth;
	int n_others; /* queries around that bring other rows in */
} Collector;

static bool collect(Node *node, void *context);

static void
collect_in(Collector *collector, List *queries, Node *node)
{
	List *outer = collector->queries;

	collector->queries = queries;
	(void) collect(node, collector);
	collector->queries = outer;
}

/* Whether a row of the result is made of several. */
static bool
gathers_rows(const Query *query)
{
	return query->hasAggs || query->hasWindowFuncs ||
	       query->groupClause != NIL || query->groupingSets != NIL;
}

/* One column of a query's result, or all (0). */
static void
collect_output(Collector *collector, List *around, Query *query,
               AttrNumber attribute)
{
	List *queries = lcons(query, list_copy(around));
	bool is_of_others = gathers_rows(query);
	ListCell *cell;

	collector->n_others += is_of_others;
	foreach (cell, query->targetList)
	{
		TargetEntry *target = lfirst_node(TargetEntry, cell);

		if (attribute == 0 || target->resno == attribute || target->resjunk)
			collect_in(collector, queries, (Node *) target->expr);
	}
	if (query->setOperations != NULL)
		foreach (cell, query->rtable)
		{
			RangeTblEntry *entry = lfirst_node(RangeTblEntry, cell);

			if (entry->rtekind == RTE_SUBQUERY)
				collect_output(collector, queries, entry->subquery, attribute);
		}
	if (collector->with_conditions)
	{
		collect_in(collector, queries, (Node *) query->jointree);
		collect_in(collector, queries, query->havingQual);
	}
	collector->n_others -= is_of_others;
}

static void
collect_cte(Collector *collector, List *around, const RangeTblEntry *entry,
            AttrNumber attribute)
{
	Query *holder = list_nth(around, entry->ctelevelsup);
	List *outer = list_copy_tail(around, entry->ctelevelsup);
	ListCell *cell;

	if (entry->self_reference)
		return; /* its other columns are met on the way */
	foreach (cell, holder->cteList)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, cell);

		if (strcmp(cte->ctename, entry->ctename) == 0)
			collect_output(collector, outer, castNode(Query, cte->ctequery),
			               cte->cterecursive ? 0 : attribute);
	}
}

static void
collect_relation(Collector *collector, Oid relation, AttrNumber attribute);

/* A column that its table computes is made of others of that table. */
static void
collect_generated(Collector *collector, Oid relation, AttrNumber attribute)
{
	Relation table;
	List *vars;
	ListCell *cell;

	if (attribute <= 0 || get_attgenerated(relation, attribute) == '\0')
		return;
	table = table_open(relation, AccessShareLock);
	vars = pull_var_clause(build_column_default(table, attribute), 0);
	table_close(table, NoLock);
	foreach (cell, vars)
		collect_relation(collector, relation, lfirst_node(Var, cell)->varattno);
}

static void
collect_relation(Collector *collector, Oid relation, AttrNumber attribute)
{
	FeOrigin *origin = make_origin(relation, attribute, 0);
	Query *view = fe_open_view(relation);

	origin->is_of_others = collector->n_others > 0;
	collector->found = lappend(collector->found, origin);
	if (view != NULL)
		collect_output(collector, NIL, view, attribute);
	else
		collect_generated(collector, relation, attribute);
}

/* One of the expressions, or all (0). */
static void
collect_one(Collector *collector, List *around, List *exprs,
            AttrNumber attribute)
{
	if (exprs != NIL)
		collect_in(collector, around,
		           attribute > 0 ? list_nth(exprs, attribute - 1)
		                         : (Node *) exprs);
}

static void
collect_attribute(Collector *collector, List *around, RangeTblEntry *entry,
                  AttrNumber attribute)
{
	switch (entry->rtekind)
	{
		case RTE_RELATION:
			collect_relation(collector, entry->relid, attribute);
			break;
		case RTE_SUBQUERY:
			collect_output(collector, around, entry->subquery, attribute);
			break;
		case RTE_CTE:
			collect_cte(collector, around, entry, attribute);
			break;
		case RTE_JOIN:
			collect_one(collector, around, entry->joinaliasvars, attribute);
			break;
		case RTE_FUNCTION:
			collect_in(collector, around, (Node *) entry->functions);
			break;
		case RTE_TABLEFUNC:
			collect_in(collector, around, (Node *) entry->tablefunc);
			break;
		case RTE_VALUES:
			collect_in(collector, around, (Node *) entry->values_lists);
			break;
		default:
			collect_one(collector, around, compat_group_exprs(entry),
			            attribute);
			break;
	}
}

static void
collect_var(Collector *collector, const Var *var)
{
	List *around = list_copy_tail(collector->queries, var->varlevelsup);
	Query *query = linitial(around);

	collect_attribute(collector, around, rt_fetch(var->varno, query->rtable),
	                  Max(var->varattno, 0));
}

static bool
collect(Node *node, void *context)
{
	Collector *collector = context;

	if (node == NULL)
		return false;
	if (++collector->depth > MAX_DEPTH * 16)
		fail_of_depth();
	if (IsA(node, Var))
		collect_var(collector, (Var *) node);
	else if (IsA(node, Query))
	{
		collector->queries = lcons(node, list_copy(collector->queries));
		collector->n_others++;
		(void) query_tree_walker((Query *) node, collect, collector,
		                         QTW_IGNORE_RT_SUBQUERIES |
		                             QTW_IGNORE_CTE_SUBQUERIES |
		                             QTW_IGNORE_JOINALIASES);
		collector->n_others--;
		collector->queries = list_delete_first(collector->queries);
	}
	else
		(void) expression_tree_walker(node, collect, collector);
	collector->depth--;
	return false;
}

List *
fe_collect(Query *query, Node *node, bool with_conditions)
{
	Collector collector = {.queries = list_make1(query),
	                       .with_conditions = with_conditions};

	(void) collect(node, &collector);
	return collector.found;
}
