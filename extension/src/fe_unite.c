/*
 * fe_unite.c
 *	  One query of what several models of a task read: for an ensemble.
 *
 *	 SELECT source.x, planes.year AS "planes.year" FROM ... JOIN planes
 * and
 *	 SELECT source.x, weather.wind AS "weather.wind" FROM ... JOIN weather
 * are
 *	 SELECT source.x, planes.year AS "planes.year",
 *			weather.wind AS "weather.wind" FROM ... JOIN planes, JOIN weather
 *
 * Tables are the same where alias and definition are; aggregates and newest
 * rows of one table are found together, in one subquery.  It works on the text
 * that is kept with the models: what they read stays what it was.
 */
#include "fe_private.h"

#include "nodes/nodeFuncs.h"
#include "parser/parser.h"
#include "utils/ruleutils.h"

typedef struct Union
{
	SelectStmt *all;
	int n_service; /* targets at the end that the task adds */
	const char *conflict;
} Union;

static const char *
get_alias(const Node *node)
{
	const Alias *alias = IsA(node, RangeVar)
	                         ? castNode(RangeVar, node)->alias
	                         : castNode(RangeSubselect, node)->alias;

	return alias ? alias->aliasname : castNode(RangeVar, node)->relname;
}

/* The server leaves AS out where a column has its own name, or none fits. */
static const char *
get_name(const ResTarget *target)
{
	if (target->name != NULL)
		return target->name;
	if (!IsA(target->val, ColumnRef))
		return "?column?";
	return strVal(llast(castNode(ColumnRef, target->val)->fields));
}

/* ---------------------------------------------------------------- targets */

static const ResTarget *
find_target(List *targets, const char *name)
{
	ListCell *cell;

	foreach (cell, targets)
		if (strcmp(get_name(lfirst_node(ResTarget, cell)), name) == 0)
			return lfirst_node(ResTarget, cell);
	return NULL;
}

/* Where the target goes, or that it is there; false: another of its name is. */
static bool
add_target(List **targets, int at, ResTarget *target)
{
	const ResTarget *known = find_target(*targets, get_name(target));

	if (known == NULL)
		*targets = list_insert_nth(*targets, at, target);
	return known == NULL || equal(known->val, target->val);
}

static void
add_input(Union *u, ResTarget *input)
{
	int at = list_length(u->all->targetList) - u->n_service;

	if (!add_target(&u->all->targetList, at, input))
		u->conflict = get_name(input);
}

static void
unite_targets(Union *u, const SelectStmt *from)
{
	ListCell *cell;

	foreach (cell, from->targetList)
		add_input(u, lfirst_node(ResTarget, cell));
}

/* ----------------------------------------------------------------- tables */

/* The same rows; values that the second has alone are added to the first. */
static bool
unite_values(Node *into, Node *from)
{
	SelectStmt *a;
	SelectStmt *b;
	List *values;
	ListCell *cell;
	bool is_same;

	if (equal(into, from))
		return true;
	if (!IsA(into, RangeSubselect) || !IsA(from, RangeSubselect))
		return false;
	a = castNode(SelectStmt, castNode(RangeSubselect, into)->subquery);
	b = castNode(SelectStmt, castNode(RangeSubselect, from)->subquery);
	values = a->targetList;
	a->targetList = b->targetList;
	is_same = equal(into, from);
	foreach (cell, b->targetList)
		is_same = is_same && add_target(&values, list_length(values),
		                                lfirst_node(ResTarget, cell));
	a->targetList = values;
	return is_same;
}

static JoinExpr *
find_join(const SelectStmt *select, const char *alias)
{
	Node *node = linitial(select->fromClause);

	for (; IsA(node, JoinExpr); node = castNode(JoinExpr, node)->larg)
		if (strcmp(get_alias(castNode(JoinExpr, node)->rarg), alias) == 0)
			return castNode(JoinExpr, node);
	return NULL;
}

static void
add_join(Union *u, JoinExpr *join)
{
	const char *alias = get_alias(join->rarg);
	JoinExpr *known = find_join(u->all, alias);

	if (known == NULL)
	{
		join->larg = linitial(u->all->fromClause);
		u->all->fromClause = list_make1(join);
	}
	else if (!equal(known->quals, join->quals) ||
	         !unite_values(known->rarg, join->rarg))
		u->conflict = alias;
}

/* From the source on: a condition may name what stands before. */
static void
unite_tables(Union *u, const SelectStmt *from)
{
	Node *node = linitial(from->fromClause);
	List *joins = NIL;
	ListCell *cell;

	for (; IsA(node, JoinExpr); node = castNode(JoinExpr, node)->larg)
		joins = lcons(node, joins);
	foreach (cell, joins)
		add_join(u, lfirst_node(JoinExpr, cell));
}

/* ---------------------------------------------------------------- queries */

static bool
name_source(Node *node, void *none)
{
	ColumnRef *column = (ColumnRef *) node;

	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef) && list_length(column->fields) == 1)
		column->fields = lcons(makeString(FE_SOURCE), column->fields);
	return raw_expression_tree_walker(node, name_source, none);
}

/* Where the source stands alone the server leaves its name out. */
static SelectStmt *
parse(const char *query)
{
	List *raw = raw_parser(query, RAW_PARSE_DEFAULT);
	SelectStmt *select =
		castNode(SelectStmt, linitial_node(RawStmt, raw)->stmt);

	if (!IsA(linitial(select->fromClause), JoinExpr))
		(void) name_source((Node *) select->targetList, NULL);
	return select;
}

/* A model without a query of its own reads columns of the source. */
static void
add_columns(Union *u, const cer_model *model)
{
	for (size_t i = 0; i < cer_model_count_inputs(model); i++)
	{
		char *name = fe_text(cer_model_get_input(model, i)->name);

		add_input(u, fe_target(fe_column(FE_SOURCE, name), name));
	}
}

static void
add_model(Union *u, const Model *model)
{
	SelectStmt *own;

	if (model->query == NULL)
	{
		add_columns(u, model_borrow(CurrentMemoryContext, model->id));
		return;
	}
	own = parse(model->query);
	if (u->all == NULL)
		u->all = own;
	else
	{
		unite_tables(u, own);
		unite_targets(u, own);
	}
}

static char *
print(const Task *task, const Union *u)
{
	Query *query = fe_analyze((Node *) u->all, task->query);

	return pg_get_querydef(query, false);
}

char *
fe_unite(const Task *task, const Model *models, int n_models,
         FeConflict *conflict)
{
	Union u = {.n_service = task_get_targets(task).n - task->n_columns};
	int level = task_enter_deparse();
	char *query = NULL;

	for (int with_query = 1; with_query >= 0; with_query--)
		for (int i = 0; i < n_models && u.conflict == NULL; i++)
			if ((models[i].query != NULL) == with_query &&
			    (with_query || u.all != NULL))
			{
				add_model(&u, &models[i]);
				*conflict = (FeConflict){i, u.conflict};
			}
	if (u.all != NULL && u.conflict == NULL)
		query = print(task, &u);
	settings_leave(level);
	return query;
}
