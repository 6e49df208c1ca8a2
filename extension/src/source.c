/*
 * source.c
 *	  A task's source and expressions: from texts of its author to one analysed
 *	  query, whose own text is then kept.
 *
 *	 SELECT source.<column 1>, ..., (label), <key 1>, ..., (split), (as_of),
 *			(label_known)
 *	 FROM (source) source
 *
 * Texts are never pasted together: each is parsed alone, must be one SELECT or
 * one expression, and becomes a node of the query.
 */
#include "cerebro_pg.h"

#include <ctype.h>

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/analyze.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "parser/parser.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"

#define SOURCE_NAME "source"

/* A text of the task's author, for errors that arise in it. */
typedef struct AuthorText
{
	const char *what;
	const char *text;
	ErrorContextCallback context;
} AuthorText;

/* Nothing but the name of a table. */
static bool
is_name(const char *text)
{
	if (!isalpha((unsigned char) *text) && *text != '_' && *text != '"')
		return false;
	while (isalnum((unsigned char) *text) || *text == '_' || *text == '.' ||
	       *text == '"')
		text++;
	return *text == '\0';
}

/* A position in an error is one in the author's text, not in the statement. */
static void
report_text(void *arg)
{
	const AuthorText *author = arg;
	int position = geterrposition();

	if (strcmp(author->what, SOURCE_NAME) == 0 && is_name(author->text))
		errhint("Write it as a query: SELECT * FROM %s.", author->text);

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery(author->text);
	}
	errcontext("%s of the task", author->what);
}

static void
enter_text(AuthorText *author, const char *what, const char *text)
{
	author->what = what;
	author->text = text;
	author->context.previous = error_context_stack;
	author->context.callback = report_text;
	author->context.arg = author;
	error_context_stack = &author->context;
}

static void
leave_text(AuthorText *author)
{
	error_context_stack = author->context.previous;
}

static void
fail_source(const char *detail)
{
	ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
	                errmsg("the source must be one SELECT that only reads"),
	                errdetail("%s", detail)));
}

static bool
has_row_marks(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		Query *query = (Query *) node;

		if (query->rowMarks != NIL || query->hasModifyingCTE)
			return true;
		return query_tree_walker(query, has_row_marks, context, 0);
	}
	return expression_tree_walker(node, has_row_marks, context);
}

static bool
has_table_sample(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, TableSampleClause))
		return true;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, has_table_sample, context,
		                         QTW_EXAMINE_RTES_BEFORE);
	if (IsA(node, RangeTblEntry))
		return ((RangeTblEntry *) node)->tablesample != NULL;
	return expression_tree_walker(node, has_table_sample, context);
}

static Query *
analyze_select(const char *text)
{
	List *raw = raw_parser(text, RAW_PARSE_DEFAULT);
	RawStmt *statement;
	Query *query;

	if (list_length(raw) != 1)
		fail_source(raw == NIL ? "It is empty." : "It has several statements.");
	statement = linitial_node(RawStmt, raw);
	if (!IsA(statement->stmt, SelectStmt))
		fail_source("It is another kind of statement.");
	query = parse_analyze_fixedparams(statement, text, NULL, 0, NULL);
	if (query->commandType != CMD_SELECT)
		fail_source("It has an INTO clause.");
	if (has_row_marks((Node *) query, NULL))
		fail_source("It locks or changes rows.");
	return query;
}

static void
check_column_names(const Query *source)
{
	ListCell *cell;
	List *names = NIL;

	foreach (cell, source->targetList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, cell);

		if (entry->resjunk)
			continue;
		if (list_member(names, makeString(entry->resname)))
			ereport(ERROR,
			        (errcode(ERRCODE_DUPLICATE_COLUMN),
			         errmsg("column name \"%s\" appears twice in the source",
			                entry->resname),
			         errhint("List the columns and rename one of them with "
			                 "AS.")));
		names = lappend(names, makeString(entry->resname));
	}
	if (names == NIL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("the source has no columns")));
}

static void
warn_of_limit(const Query *source)
{
	if ((source->limitCount != NULL || source->limitOffset != NULL) &&
	    source->sortClause == NIL)
		ereport(WARNING, (errmsg("the source has a LIMIT without an ORDER BY"),
		                  errdetail("Each reading may find other rows."),
		                  errhint("Order by the key.")));
}

static Query *
analyze_source(const char *text)
{
	AuthorText author;
	Query *query;

	enter_text(&author, "source", text);
	query = analyze_select(text);
	check_column_names(query);
	warn_of_limit(query);
	leave_text(&author);
	return query;
}

static bool
is_star(const Node *node)
{
	return IsA(node, ColumnRef) &&
	       IsA(llast(((ColumnRef *) node)->fields), A_Star);
}

/* The one expression that stands in a text, and nothing beside it. */
Node *
source_parse_expression(const char *what, const char *text)
{
	List *raw = raw_parser(text, RAW_PARSE_PLPGSQL_EXPR);
	SelectStmt *select =
		castNode(SelectStmt, linitial_node(RawStmt, raw)->stmt);
	List *targets = select->targetList;
	SelectStmt *empty = makeNode(SelectStmt);
	ResTarget *target;

	select->targetList = NIL;
	if (list_length(targets) != 1 || !equal(select, empty) ||
	    is_star(linitial_node(ResTarget, targets)->val))
		ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR),
		                errmsg("the %s must be one expression", what)));
	target = linitial_node(ResTarget, targets);
	if (target->name != NULL)
		ereport(ERROR,
		        (errcode(ERRCODE_SYNTAX_ERROR),
		         errmsg("the %s must be one expression without a name", what)));
	return target->val;
}

static void
check_expression(const ParseState *state, const char *what)
{
	const char *has = state->p_hasAggs          ? "an aggregate"
	                  : state->p_hasWindowFuncs ? "a window function"
	                  : state->p_hasTargetSRFs  ? "a set of rows"
	                  : state->p_hasSubLinks    ? "a subquery"
	                                            : NULL;

	if (has != NULL)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		                errmsg("the %s may not contain %s", what, has),
		                errhint("Make it a column of the source.")));
}

static Node *
transform_expression(ParseState *state, const char *what, const char *text)
{
	AuthorText author;
	Node *node;

	enter_text(&author, what, text);
	state->p_sourcetext = text;
	node = source_parse_expression(what, text);
	node = transformExpr(state, node, EXPR_KIND_SELECT_TARGET);
	if (exprType(node) == UNKNOWNOID)
		node = coerce_type(state, node, UNKNOWNOID, TEXTOID, -1,
		                   COERCION_IMPLICIT, COERCE_IMPLICIT_CAST, -1);
	assign_expr_collations(state, node);
	check_expression(state, what);
	leave_text(&author);
	return node;
}

static void
add_target(Query *query, Node *node, const char *name)
{
	int number = list_length(query->targetList) + 1;

	query->targetList =
		lappend(query->targetList,
	            makeTargetEntry((Expr *) node, number, pstrdup(name), false));
}

static Node *
make_column(const Query *source, int column)
{
	TargetEntry *entry = list_nth_node(TargetEntry, source->targetList, column);
	Node *expr = (Node *) entry->expr;

	return (Node *) makeVar(1, column + 1, exprType(expr), exprTypmod(expr),
	                        exprCollation(expr), 0);
}

/* Junk columns of the source stand behind the others and are not counted. */
static char **
get_column_names(const Query *source, int *n_names)
{
	char **names = palloc(list_length(source->targetList) * sizeof(char *));
	ListCell *cell;

	*n_names = 0;
	foreach (cell, source->targetList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, cell);

		if (!entry->resjunk)
			names[(*n_names)++] = entry->resname;
	}
	return names;
}

/* Names as the source has them, in the place of names as written. */
static void
resolve_names(const Query *source, const char *what, char **names, int n_names)
{
	int n_columns;
	char **columns = get_column_names(source, &n_columns);

	for (int i = 0; i < n_names; i++)
	{
		int column = name_resolve(names[i], columns, n_columns);

		if (column < 0)
			name_fail(what, names[i], columns, n_columns);
		names[i] = columns[column];
		if (name_find(names[i], names, i) >= 0)
			ereport(ERROR,
			        (errcode(ERRCODE_DUPLICATE_COLUMN),
			         errmsg("%s \"%s\" is listed twice", what, names[i])));
	}
}

static void
add_key(Query *query, const Query *source, const Task *task)
{
	int n_columns;
	char **columns = get_column_names(source, &n_columns);

	for (int i = 0; i < task->n_key; i++)
		add_target(
			query,
			make_column(source, name_find(task->key[i], columns, n_columns)),
			psprintf("key %d", i + 1));
}

static Node *
transform_time(ParseState *state, const char *what, const char *text)
{
	Node *node = transform_expression(state, what, text);
	Oid type = getBaseType(exprType(node));

	if (type != DATEOID && type != TIMESTAMPOID && type != TIMESTAMPTZOID)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
		                errmsg("%s is of type %s", what, format_type_be(type)),
		                errdetail("It tells when something happened."),
		                errhint("Cast it to a timestamp.")));
	return node;
}

/* The subquery as the only item of FROM. */
static ParseState *
make_state(Query *source)
{
	ParseState *state = make_parsestate(NULL);
	ParseNamespaceItem *item = addRangeTableEntryForSubquery(
		state, source, makeAlias(SOURCE_NAME, NIL), false, true);

	addNSItemToQuery(state, item, true, true, true);
	return state;
}

static Query *
make_query(ParseState *state)
{
	Query *query = makeNode(Query);

	query->commandType = CMD_SELECT;
	query->canSetTag = true;
	query->rtable = state->p_rtable;
	query->jointree = makeFromExpr(state->p_joinlist, NULL);
	compat_set_permissions(query, state);
	return query;
}

static Query *
add_targets(Task *task, Query *source)
{
	ParseState *state = make_state(source);
	Query *query = make_query(state);
	char **names = get_column_names(source, &task->n_columns);

	for (int i = 0; i < task->n_columns; i++)
		add_target(query, make_column(source, i), names[i]);
	add_target(query, transform_expression(state, "label", task->label),
	           "label");
	add_key(query, source, task);
	if (task->split.sql.size > 0)
		add_target(query,
		           transform_expression(
					   state, "split",
					   pnstrdup(task->split.sql.data, task->split.sql.size)),
		           "split");
	if (task->as_of != NULL)
		add_target(query, transform_time(state, "as_of", task->as_of), "as_of");
	if (task->label_known != NULL)
		add_target(query,
		           transform_time(state, "label_known", task->label_known),
		           "label_known");
	return query;
}

static void
check_is_stable(const Query *query)
{
	if (contain_volatile_functions((Node *) query))
		ereport(ERROR,
		        (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		         errmsg("the task's query calls %s",
		                source_describe_volatile((Node *) query)),
		         errdetail("Its rows would differ at each reading."),
		         errhint("Store what the function returns in a table.")));
	if (has_table_sample((Node *) query, NULL))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		                errmsg("the task's query samples a table"),
		                errdetail("Its rows would differ at each reading."),
		                errhint("Store the sample in a table.")));
}

/*
 * The one relation whose rows are the source's rows, so that a row of it alone
 * determines every column of the source.
 */
Oid
source_find_relation(const Query *source)
{
	RangeTblEntry *entry;
	Node *from;

	if (source->cteList != NIL || source->groupClause != NIL ||
	    source->groupingSets != NIL || source->distinctClause != NIL ||
	    source->setOperations != NULL || source->hasAggs ||
	    source->hasWindowFuncs || source->hasTargetSRFs ||
	    source->havingQual != NULL || source->limitCount != NULL ||
	    source->limitOffset != NULL ||
	    list_length(source->jointree->fromlist) != 1)
		return InvalidOid;
	from = linitial(source->jointree->fromlist);
	if (!IsA(from, RangeTblRef) ||
	    checkExprHasSubLink((Node *) source->targetList))
		return InvalidOid;
	entry = rt_fetch(((RangeTblRef *) from)->rtindex, source->rtable);
	return entry->rtekind == RTE_RELATION ? entry->relid : InvalidOid;
}

/* What views hold is seen only when they are expanded. */
static void
check_expanded(const Query *query)
{
	List *expanded = pg_rewrite_query(copyObject(unconstify(Query *, query)));
	ListCell *cell;

	foreach (cell, expanded)
		check_is_stable(lfirst_node(Query, cell));
}

Query *
source_analyze(Task *task)
{
	Query *source = analyze_source(task->source);
	Query *query;
	int level;

	task->relation = source_find_relation(source);
	if (task->n_key == 0)
		task->key = source_find_key(source, task->relation, &task->n_key);
	resolve_names(source, "key column", task->key, task->n_key);
	resolve_names(source, "excluded column", task->exclude, task->n_exclude);
	query = add_targets(task, source);
	check_is_stable(query);
	check_expanded(query);
	source_warn_of_view(task->relation);
	level = task_enter_deparse();
	task->query = pg_get_querydef(copyObject(query), false);
	settings_leave(level);
	return task_analyze(task);
}
