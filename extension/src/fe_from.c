/*
 * fe_from.c
 *	  FROM: the task's own query, then a LEFT JOIN for each table of FE.  No row
 *	  of the source goes missing, none is doubled, and none sees rows of a time
 *	  after its as_of.
 */
#include "fe_private.h"

#include "nodes/makefuncs.h"
#include "parser/parser.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

/* Names of the base query's targets: the source's, then the task's own. */
static List *
make_names(const Fe *fe)
{
	TaskTargets targets = task_get_targets(fe->task);
	const FeTable *source = linitial(fe->tables);
	List *names = NIL;

	for (int i = 0; i < fe->task->n_columns; i++)
		names = lappend(names, makeString(source->columns[i].name));
	names = lappend(names, makeString(FE_LABEL));
	for (int i = 0; i < fe->task->n_key; i++)
		names = lappend(names, makeString(fe_key_name(i)));
	if (targets.split >= 0)
		names = lappend(names, makeString(FE_SPLIT));
	if (targets.as_of >= 0)
		names = lappend(names, makeString(FE_AS_OF));
	if (targets.label_known >= 0)
		names = lappend(names, makeString(FE_KNOWN));
	return names;
}

char *
fe_key_name(int key)
{
	return psprintf(FE_KEY, key + 1);
}

/* The task's rows under an alias. */
Node *
fe_task_rows(const Fe *fe, const char *alias)
{
	int level = task_enter_deparse();
	RawStmt *statement =
		linitial_node(RawStmt, raw_parser(fe->task->query, RAW_PARSE_DEFAULT));

	source_check_literals(fe->task, statement);
	settings_leave(level);
	return fe_subselect(castNode(SelectStmt, statement->stmt), alias,
	                    make_names(fe));
}

/* ------------------------------------------------------------- conditions */

List *
fe_equal_conditions(const FeTable *table)
{
	List *conditions = NIL;

	for (int i = 0; i < table->n_equals; i++)
	{
		const FeEqual *equal = &table->equals[i];
		const FeColumn *left = &equal->left->columns[equal->left_column];
		const FeColumn *right = &table->columns[equal->column];

		conditions = lappend(
			conditions,
			fe_equality(fe_column(equal->left->alias, left->name), left->type,
		                fe_column(table->alias, right->name), right->type));
	}
	return conditions;
}

bool
fe_is_cut(const Fe *fe, const FeTable *table)
{
	return fe->task->as_of != NULL && table->time >= 0 &&
	       !table->item->is_uncut;
}

List *
fe_cut_conditions(const Fe *fe, const FeTable *table)
{
	if (!fe_is_cut(fe, table))
		return NIL;
	return list_make1(
		fe_operator(table->is_time_equal ? "<=" : "<",
	                fe_column(table->alias, table->columns[table->time].name),
	                fe_column(FE_SOURCE, FE_AS_OF)));
}

/* In an order that depends on values alone: by those that can be ordered. */
static SortBy *
make_sort(const FeTable *table, int column, SortByDir direction)
{
	SortBy *sort = makeNode(SortBy);

	sort->node = fe_column(table->alias, table->columns[column].name);
	sort->sortby_dir = direction;
	sort->sortby_nulls = SORTBY_NULLS_DEFAULT; /* as indexes have it */
	sort->location = -1;
	return sort;
}

List *
fe_sort(const FeTable *table, SortByDir direction)
{
	List *sorts = NIL;

	if (table->time >= 0)
		sorts = list_make1(make_sort(table, table->time, direction));
	for (int i = 0; i < table->n_columns; i++)
		if (i != table->time &&
		    OidIsValid(
				lookup_type_cache(table->columns[i].type, TYPECACHE_LT_OPR)
					->lt_opr))
			sorts = lappend(sorts, make_sort(table, i, direction));
	return sorts;
}

List *
fe_column_targets(const FeTable *table)
{
	List *targets = NIL;

	for (int i = 0; i < table->n_columns; i++)
		targets = lappend(
			targets, fe_target(fe_column(table->alias, table->columns[i].name),
		                       table->columns[i].name));
	return targets;
}

/* ------------------------------------------------------------------- joins */

Node *
fe_parse_on(const Fe *fe, const FeTable *table)
{
	FeText text;
	Node *node;

	fe_text_enter(&text, fe_at(fe, table->item), "condition",
	              table->item->link_sql);
	node = fe_text_parse(fe, &text, true);
	fe_text_leave(&text);
	return node;
}

List *
fe_join_conditions(const Fe *fe, const FeTable *table)
{
	List *conditions =
		list_concat(fe_equal_conditions(table), fe_cut_conditions(fe, table));

	if (table->item->link == CER_LINK_ON)
		conditions = lappend(conditions, fe_parse_on(fe, table));
	return conditions;
}

/* A row without a time is none of the newest. */
static Node *
make_has_time(const FeTable *table)
{
	return fe_is_null(fe_column(table->alias, table->columns[table->time].name),
	                  true);
}

/* The newest row that the conditions allow. */
static Node *
make_last(const Fe *fe, const FeTable *table)
{
	List *conditions =
		lappend(fe_join_conditions(fe, table), make_has_time(table));
	List *targets =
		lappend(fe_column_targets(table), fe_target(fe_true(), FE_IS_MATCHED));
	SelectStmt *select =
		fe_select(targets, (Node *) fe_relation(table->relation, table->alias),
	              fe_and(conditions));

	select->sortClause = fe_sort(table, SORTBY_DESC);
	select->limitCount = fe_integer(1);
	select->limitOption = LIMIT_OPTION_COUNT;
	return fe_lateral(select, table->alias);
}

/* Rows that say of themselves that they are there. */
static Node *
make_marked(const FeTable *table)
{
	List *targets =
		lappend(fe_column_targets(table), fe_target(fe_true(), FE_IS_MATCHED));

	return fe_subselect(
		fe_select(targets, (Node *) fe_relation(table->relation, table->alias),
	              NULL),
		table->alias, NIL);
}

/* Whether an equality tells by its column that there is a row. */
bool
fe_is_told_by_column(const FeTable *table)
{
	return !table->item->is_last && table->n_equals > 0;
}

Node *
fe_is_matched(const FeTable *table, bool is_matched)
{
	const char *name = fe_is_told_by_column(table)
	                       ? table->columns[table->equals[0].column].name
	                       : FE_IS_MATCHED;

	return fe_is_null(fe_column(table->alias, name), is_matched);
}

static Node *
join(const Fe *fe, Node *from, FeTable *table)
{
	if (table->item->kind == CER_FE_AGGREGATE)
		return fe_left_join(from, fe_aggregate(fe, table), fe_true());
	if (table->item->is_last)
		return fe_left_join(from, make_last(fe, table), fe_true());
	return fe_left_join(
		from,
		fe_is_told_by_column(table)
			? (Node *) fe_relation(table->relation, table->alias)
			: make_marked(table),
		fe_and(fe_join_conditions(fe, table)));
}

/* The first n tables, the source counted. */
Node *
fe_from(const Fe *fe, int n_tables)
{
	Node *from = fe_task_rows(fe, FE_SOURCE);

	for (int i = 1; i < n_tables; i++)
		from = join(fe, from, list_nth(fe->tables, i));
	return from;
}
