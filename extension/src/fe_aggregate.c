/*
 * fe_aggregate.c
 *	  AGGREGATE: values of the rows that refer to a row of the source.
 *
 *	 LEFT JOIN LATERAL (
 *		 SELECT sum(o.amount) AS total, ...
 *		 FROM orders o WHERE o.customer = source.id AND o.at < source." as_of"
 *	 ) o ON true
 *
 * What reads the label, or a column that the task excludes, reads the task's
 * own rows instead of the table, and of those only whose label was known by
 * the time of the prediction; never the row itself.  Sums of floating-point
 * numbers depend on the order of rows: it is that of their values.
 */
#include "fe_private.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parser.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

/* --------------------------------------------------------------- windows */

static Interval *
parse_window(const Fe *fe, const FeTable *table)
{
	FeText text;
	Interval *interval;

	fe_text_enter(&text, fe_at(fe, table->item), "window", table->item->window);
	interval = DatumGetIntervalP(
		DirectFunctionCall3(interval_in, CStringGetDatum(text.text),
	                        ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	fe_text_leave(&text);
	return interval;
}

static void
check_window(const Fe *fe, const FeTable *table)
{
	const Interval *window;

	if (table->item->window.size == 0)
		return;
	window = parse_window(fe, table);
	if (window->time < 0 || window->day < 0 || window->month < 0 ||
	    (window->time == 0 && window->day == 0 && window->month == 0))
		fe_fail(fe_at(fe, table->item), ERRCODE_INVALID_PARAMETER_VALUE,
		        psprintf("WINDOW '%s' of \"%s\" is no time above zero",
		                 fe_text(table->item->window), table->alias),
		        NULL, NULL);
	if (fe->task->as_of == NULL)
		fe_fail(fe_at(fe, table->item),
		        ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
		        psprintf("WINDOW of \"%s\", but the task has no as_of",
		                 table->alias),
		        "The last rows are those before the time of the prediction.",
		        "Create the task with as_of => 'expression'.");
	if (table->time < 0 && !table->is_of_label)
		fe_fail(fe_at(fe, table->item),
		        ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
		        psprintf("WINDOW of \"%s\", which has no time column",
		                 table->alias),
		        NULL,
		        psprintf("Declare it: SELECT cerebro.set_time(%s, 'column').",
		                 quote_literal_cstr(get_rel_name(table->relation))));
}

/* Rows no older than the window; with UNCUT those to come count as well. */
static List *
make_window(const FeTable *table)
{
	TypeCast *cast = makeNode(TypeCast);
	A_Const *constant = makeNode(A_Const);
	Node *time;

	if (table->item->window.size == 0)
		return NIL;
	constant->val.sval.type = T_String;
	constant->val.sval.sval = fe_text(table->item->window);
	constant->location = -1;
	cast->arg = (Node *) constant;
	cast->typeName = SystemTypeName("interval");
	cast->location = -1;
	time = table->time >= 0
	           ? fe_column(table->alias, table->columns[table->time].name)
	           : fe_column(table->alias, FE_AS_OF);
	return list_make1(fe_operator(
		">=", time,
		fe_operator("-", fe_column(FE_SOURCE, FE_AS_OF), (Node *) cast)));
}

/* ------------------------------------------------------------------- rows */

static List *
make_where(const Fe *fe, const FeTable *table)
{
	FeText text;
	Node *node;

	if (table->item->sql.size == 0)
		return NIL;
	fe_text_enter(&text, fe_at(fe, table->item), "condition of WHERE",
	              table->item->sql);
	node = fe_text_parse(fe, &text, false);
	fe_text_leave(&text);
	return list_make1(node);
}

/* Known by then, and not the row itself. */
static List *
make_known(const Fe *fe, const FeTable *table)
{
	List *equals = NIL;

	for (int i = 0; i < fe->task->n_key; i++)
	{
		TargetEntry *key =
			list_nth_node(TargetEntry, fe->base->targetList,
		                  task_get_targets(fe->task).first_key + i);
		Oid type = exprType((Node *) key->expr);

		equals = lappend(
			equals, fe_equality(fe_column(table->alias, fe_key_name(i)), type,
		                        fe_column(FE_SOURCE, fe_key_name(i)), type));
	}
	return list_make2(fe_operator("<=", fe_column(table->alias, FE_KNOWN),
	                              fe_column(FE_SOURCE, FE_AS_OF)),
	                  makeBoolExpr(NOT_EXPR, list_make1(fe_and(equals)), -1));
}

static List *
make_conditions(const Fe *fe, const FeTable *table)
{
	List *conditions = fe_equal_conditions(table);

	if (table->item->link == CER_LINK_ON)
		conditions = lappend(conditions, fe_parse_on(fe, table));
	conditions = list_concat(conditions, table->is_of_label
	                                         ? make_known(fe, table)
	                                         : fe_cut_conditions(fe, table));
	conditions = list_concat(conditions, make_window(table));
	return list_concat(conditions, make_where(fe, table));
}

static Node *
make_rows(const Fe *fe, const FeTable *table)
{
	return table->is_of_label
	           ? fe_task_rows(fe, table->alias)
	           : (Node *) fe_relation(table->relation, table->alias);
}

/* The source has other columns than its relation. */
static List *
make_row_targets(const Fe *fe, const FeTable *table)
{
	const FeTable *source = linitial(fe->tables);
	List *targets = NIL;

	if (!table->is_of_label)
		return fe_column_targets(table);
	for (int i = 0; i < source->n_columns; i++)
		targets = lappend(
			targets, fe_target(fe_column(table->alias, source->columns[i].name),
		                       source->columns[i].name));
	return targets;
}

static SelectStmt *
make_ordered(const Fe *fe, const FeTable *table)
{
	SelectStmt *select =
		fe_select(make_row_targets(fe, table), make_rows(fe, table),
	              fe_and(make_conditions(fe, table)));
	FeTable source = *(FeTable *) linitial(fe->tables);

	source.alias = table->alias;
	source.time = -1;
	select->sortClause =
		fe_sort(table->is_of_label ? &source : table, SORTBY_ASC);
	return fe_select(NIL, fe_lateral(select, table->alias), NULL);
}

static List *
make_values(const Fe *fe, const FeTable *table)
{
	List *targets = NIL;

	for (size_t i = 0; i < table->item->n_values; i++)
	{
		const cer_fe_value *value = &table->item->values[i];
		char *name = fe_text(value->name);
		FeText text;

		fe_text_enter(&text, fe_at(fe, table->item),
		              psprintf("aggregate \"%s.%s\"", table->alias, name),
		              value->sql);
		targets =
			lappend(targets, fe_target(fe_text_parse(fe, &text, false), name));
		fe_text_leave(&text);
	}
	return targets;
}

Node *
fe_aggregate(const Fe *fe, const FeTable *table)
{
	SelectStmt *select = table->is_ordered
	                         ? make_ordered(fe, table)
	                         : fe_select(NIL, make_rows(fe, table),
	                                     fe_and(make_conditions(fe, table)));

	select->targetList = make_values(fe, table);
	return fe_lateral(select, table->alias);
}

/* ----------------------------------------------------------------- checks */

/* The aggregates' own query, inside that of the whole. */
static Query *
analyze(const Fe *fe, const FeTable *table, const char *text)
{
	SelectStmt *select =
		fe_select(list_make1(fe_target(fe_true(), "found")),
	              fe_left_join(fe_from(fe, list_length(fe->tables)),
	                           fe_aggregate(fe, table), fe_true()),
	              NULL);

	return fe_analyze((Node *) select, text);
}

/* The last but one of the range table; the join itself is the last. */
static int
get_index(const Query *query)
{
	return list_length(query->rtable) - 1;
}

static Query *
get_subquery(const Query *query)
{
	return rt_fetch(get_index(query), query->rtable)->subquery;
}

static void
check_aggregate(const FeText *text, const Query *rows, Node *node)
{
	if (rows->hasWindowFuncs || rows->hasTargetSRFs)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		                errmsg("the %s may not contain %s", text->what,
		                       rows->hasWindowFuncs ? "a window function"
		                                            : "a set of rows")));
	if (!rows->hasAggs || !contain_aggs_of_level(node, 0))
		ereport(ERROR, (errcode(ERRCODE_GROUPING_ERROR),
		                errmsg("the %s is no aggregate", text->what),
		                errhint("Say how many rows become one value: count(*), "
		                        "sum(x), avg(x), max(x), ...")));
	fe_check_code(text, node);
}

/* Each analysed alone first, for errors that name it. */
static void
check_value(const Fe *fe, const FeTable *table, size_t value)
{
	cer_fe_item item = *table->item;
	FeTable alone = *table;
	Query *rows;
	FeText text;

	item.n_values = 1;
	item.values = &table->item->values[value];
	item.sql.size = 0;
	item.window.size = 0;
	alone.item = &item;
	fe_text_enter(&text, fe_at(fe, table->item),
	              psprintf("aggregate \"%s.%s\"", table->alias,
	                       fe_text(item.values->name)),
	              item.values->sql);
	rows = get_subquery(analyze(fe, &alone, text.text));
	check_aggregate(
		&text, rows,
		(Node *) linitial_node(TargetEntry, rows->targetList)->expr);
	fe_text_leave(&text);
}

/* What of the conditions an author wrote: ON and WHERE, each alone. */
static void
check_condition(const Fe *fe, const FeTable *table, const char *what,
                cer_text sql)
{
	cer_fe_item item = *table->item;
	FeTable alone = *table;
	FeText text;
	Query *rows;

	if (sql.size == 0)
		return;
	item.window.size = 0;
	alone.item = &item;
	fe_text_enter(&text, fe_at(fe, table->item), what, sql);
	rows = get_subquery(analyze(fe, &alone, text.text));
	fe_check_code(&text, rows->jointree->quals);
	fe_text_leave(&text);
}

/* Hidden columns of the source's row, which lies around the aggregates'. */
typedef struct OuterSearch
{
	const Fe *fe;
	int level;
	int column; /* from 1; -1: all of it */
} OuterSearch;

static bool
search_outer(Node *node, void *context)
{
	OuterSearch *search = context;
	const Var *var = (const Var *) node;
	bool found;

	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		search->level++;
		found = query_tree_walker((Query *) node, search_outer, context, 0);
		search->level--;
		return found;
	}
	if (!IsA(node, Var))
		return expression_tree_walker(node, search_outer, context);
	if (var->varlevelsup != search->level || var->varno != 1 ||
	    var->varattno > search->fe->task->n_columns)
		return false;
	search->column = var->varattno > 0 ? var->varattno : -1;
	return var->varattno <= 0 ||
	       search->fe->uses[var->varattno - 1] == USE_LABEL ||
	       search->fe->uses[var->varattno - 1] == USE_EXCLUDED;
}

static void
check_outer(const Fe *fe, const FeTable *table, Query *rows)
{
	OuterSearch search = {.fe = fe};
	const FeTable *source = linitial(fe->tables);

	if (search_outer((Node *) rows, &search))
		fe_fail(fe_at(fe, table->item), ERRCODE_INVALID_PARAMETER_VALUE,
		        psprintf("AGGREGATE of \"%s\" reads %s of the row that is "
		                 "predicted",
		                 table->alias,
		                 search.column > 0
		                     ? psprintf("\"%s\"",
		                                source->columns[search.column - 1].name)
		                     : "the whole"),
		        "The label is computed from it, or the task excludes it.",
		        NULL);
}

/* ------------------------------------------------------------------ label */

/* Whether it reads, of whatever rows, what the task hides. */
static bool
reads_hidden(const Fe *fe, const FeTable *table)
{
	cer_fe_item item = *table->item;
	FeTable alone = *table;
	Query *query;
	Query *others;
	Var *all;

	item.window.size = 0;
	alone.item = &item;
	query = analyze(fe, &alone, "");
	others = copyObject(query);
	all = makeVar(get_index(query), 0, RECORDOID, -1, InvalidOid, 0);
	((RangeTblEntry *) linitial(others->rtable))->rtekind = RTE_RESULT;
	return fe_hides(fe, table, fe_collect(others, (Node *) all, true)) !=
	       FE_NOTHING_READ;
}

static void
fail_of_others(const Fe *fe, const FeTable *table)
{
	char *hint = NULL;

	if (OidIsValid(fe->task->relation))
		hint = psprintf("Such columns can be aggregated over the task's own "
		                "relation, %s.",
		                get_rel_name(fe->task->relation));
	else if (table->time < 0)
		hint = psprintf("Where the label is made of other rows, declare when "
		                "they came to be known: SELECT cerebro.set_time(%s, "
		                "'column').",
		                quote_literal_cstr(get_rel_name(table->relation)));
	fe_fail(
		fe_at(fe, table->item), ERRCODE_FEATURE_NOT_SUPPORTED,
		psprintf("AGGREGATE of \"%s\" reads what the label is computed from, "
	             "or what the task excludes",
	             table->alias),
		"When its rows came to be known is not told.", hint);
}

static void
check_columns(const Fe *fe, const FeTable *table)
{
	const FeTable *source = linitial(fe->tables);

	for (int i = 0; i < table->n_equals; i++)
	{
		const char *name = table->columns[table->equals[i].column].name;

		if (fe_table_find_column(source, name) < 0)
			fe_fail(fe_at(fe, table->item), ERRCODE_UNDEFINED_COLUMN,
			        psprintf("the source has no column \"%s\"", name),
			        "What reads the label reads the rows of the task's source.",
			        NULL);
	}
}

/* Of the task's own rows it is told when their labels were known. */
static void
check_label(const Fe *fe, const FeTable *table)
{
	if (table->relation != fe->task->relation)
		fail_of_others(fe, table);
	if (fe->task->as_of == NULL || fe->task->label_known == NULL)
		fe_fail(fe_at(fe, table->item),
		        ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
		        psprintf("AGGREGATE of \"%s\" reads what the label is computed "
		                 "from, or what the task excludes",
		                 table->alias),
		        "It may see only rows whose label was known by the time of the "
		        "prediction.",
		        "Create the task with as_of => 'expression' and label_known => "
		        "'expression'.");
	if (table->item->is_uncut)
		fe_fail(
			fe_at(fe, table->item), ERRCODE_FEATURE_NOT_SUPPORTED,
			psprintf("UNCUT AGGREGATE of \"%s\" reads the label", table->alias),
			"It would see labels that were not known yet.", NULL);
	check_columns(fe, table);
}

/* ------------------------------------------------------------------ order */

static bool
is_exact(Oid type)
{
	switch (getBaseType(type))
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case INTERVALOID:
			return true;
		default:
			return false;
	}
}

/* Of pg_catalog, or a user's under the same name: then it is checked before. */
static bool
is_any_order(Oid aggregate)
{
	static const char *const names[] = {
		"bit_and", "bit_or", "bit_xor", "bool_and", "bool_or",
		"count",   "every",  "max",     "min",
	};
	char *name = get_func_name(aggregate);

	for (int i = 0; i < lengthof(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static bool
depends_on_order(Node *node, void *context)
{
	Aggref *aggregate = (Aggref *) node;
	ListCell *cell;

	if (node == NULL)
		return false;
	if (!IsA(node, Aggref))
		return expression_tree_walker(node, depends_on_order, context);
	if (is_any_order(aggregate->aggfnoid))
		return false;
	if (!is_exact(aggregate->aggtype))
		return true;
	foreach (cell, aggregate->aggargtypes)
		if (!is_exact(lfirst_oid(cell)))
			return true;
	return false;
}

/* Its conditions see more of the source's row than keys: no grouped pass. */
static bool
is_looked_for_by_row(const Fe *fe, const FeTable *table)
{
	return fe_is_cut(fe, table) || table->is_of_label ||
	       table->item->window.size > 0 || table->item->link_sql.size > 0;
}

void
fe_add_aggregate(Fe *fe, FeTable *table)
{
	Query *query;

	(void) fe_link(fe, table, true);
	fe_check_equals(fe, table);
	for (size_t i = 0; i < table->item->n_values; i++)
		check_value(fe, table, i);
	check_condition(fe, table, "condition", table->item->link_sql);
	check_condition(fe, table, "condition of WHERE", table->item->sql);
	if (reads_hidden(fe, table))
	{
		check_label(fe, table);
		table->is_of_label = true;
	}
	check_window(fe, table);
	query = analyze(fe, table, "");
	check_outer(fe, table, get_subquery(query));
	table->is_ordered =
		depends_on_order((Node *) get_subquery(query)->targetList, NULL);
	if (is_looked_for_by_row(fe, table))
		fe_tell_of_index(fe, table);
	fe->tables = lappend(fe->tables, table);
}
