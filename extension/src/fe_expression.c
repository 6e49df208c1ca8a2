/*
 * fe_expression.c
 *	  SQL inside FE: parsed alone, analysed as part of the query, checked.
 *
 * FE is code that other people's sessions will run, and that must give the
 * same value in training and in scoring.  So it calls what PostgreSQL itself
 * brings and declares IMMUTABLE, beside some functions of dates, times and
 * texts that depend only on settings which are stored with the task.
 */
#include "fe_private.h"

#include "access/transam.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"

#include <ctype.h>

/* ------------------------------------------------------------------ text */

static void
report_text(void *arg)
{
	const FeText *text = arg;
	const FePlace *place = &text->place;
	int position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery(text->text);
	}
	else if (getinternalerrposition() == 0)
	{
		internalerrposition(
			host_find_position(place->text, place->line, place->column));
		internalerrquery(place->text);
	}
	if (geterrcode() == ERRCODE_UNDEFINED_TABLE && position > 0)
		errhint("Here the task's own rows are called source, rows of other "
		        "tables as FE calls them.");
	errcontext("%s of FE at line %d, column %d", text->what, place->line,
	           place->column);
}

void
fe_text_enter(FeText *text, FePlace place, const char *what, cer_text sql)
{
	text->place = place;
	text->what = what;
	text->text = fe_text(sql);
	text->context.previous = error_context_stack;
	text->context.callback = report_text;
	text->context.arg = text;
	error_context_stack = &text->context;
}

void
fe_text_leave(FeText *text)
{
	error_context_stack = text->context.previous;
}

/* ---------------------------------------------------------------- parsing */

/* An unqualified name is the source's, whatever tables are joined. */
static bool
qualify(Node *node, void *context)
{
	const Fe *fe = context;
	ColumnRef *ref = (ColumnRef *) node;

	if (node == NULL)
		return false;
	if (!IsA(node, ColumnRef))
		return raw_expression_tree_walker(node, qualify, context);
	if (list_length(ref->fields) == 1 && IsA(linitial(ref->fields), String) &&
	    fe_table_find_column(linitial(fe->tables),
	                         strVal(linitial(ref->fields))) >= 0)
		ref->fields = lcons(makeString(FE_SOURCE), ref->fields);
	return false;
}

/* What the task adds to its source is not an author's to name. */
static bool
names_service(Node *node, void *context)
{
	const FeText *text = context;
	ListCell *cell;

	if (node == NULL)
		return false;
	if (!IsA(node, ColumnRef))
		return raw_expression_tree_walker(node, names_service, context);
	foreach (cell, ((ColumnRef *) node)->fields)
		if (IsA(lfirst(cell), String) && strVal(lfirst(cell))[0] == ' ')
			ereport(ERROR,
			        (errcode(ERRCODE_INVALID_NAME),
			         errmsg("the %s reads \"%s\"", text->what,
			                strVal(lfirst(cell))),
			         errdetail("Names that begin with a blank are CEREBRO's "
			                   "own here."),
			         errhint("Rename the column in the task's source.")));
	return false;
}

static bool
refuse_subqueries(Node *node, void *context)
{
	const FeText *text = context;

	if (node == NULL)
		return false;
	if (IsA(node, SubLink))
		ereport(ERROR,
		        (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		         errmsg("the %s may not contain a subquery", text->what),
		         errhint("JOIN and AGGREGATE read other rows, or make it a "
		                 "column of the task's source."),
		         errposition(pg_mbstrlen_with_len(
								 text->text, ((SubLink *) node)->location) +
		                     1)));
	return raw_expression_tree_walker(node, refuse_subqueries, context);
}

Node *
fe_text_parse(const Fe *fe, FeText *text, bool is_of_source)
{
	int level = task_enter_deparse(); /* FE means the same to every session */
	Node *node = source_parse_expression(text->what, text->text);

	settings_leave(level);
	(void) refuse_subqueries(node, text); /* before its tables are looked for */
	(void) names_service(node, text);
	if (!allow_user_functions)
		node = source_retype_literals(node);
	if (is_of_source)
		(void) qualify(node, unconstify(Fe *, fe));
	return node;
}

/* ---------------------------------------------------------------- aliases */

typedef struct AliasSearch
{
	const Fe *fe;
	const FeTable *table;
	bool is_missing;
} AliasSearch;

static bool
is_join_alias(const Fe *fe, const char *alias)
{
	for (size_t i = 0; i < fe->n_items; i++)
	{
		const cer_fe_item *item = &fe->items[i];

		if (item->kind == CER_FE_JOIN &&
		    strcmp(fe_text(item->alias), alias) == 0)
			return true;
	}
	return false;
}

static bool
search_aliases(Node *node, void *context)
{
	AliasSearch *search = context;
	ColumnRef *ref = (ColumnRef *) node;
	const char *alias;

	if (node == NULL)
		return false;
	if (!IsA(node, ColumnRef))
		return raw_expression_tree_walker(node, search_aliases, context);
	if (list_length(ref->fields) < 2)
		return false;
	alias = strVal(linitial(ref->fields));
	search->is_missing |= strcmp(alias, search->table->alias) != 0 &&
	                      fe_find_table(search->fe, alias) == NULL &&
	                      is_join_alias(search->fe, alias);
	return false;
}

bool
fe_has_aliases(const Fe *fe, const FeTable *table, cer_text sql)
{
	AliasSearch search = {.fe = fe, .table = table};
	FeText text;

	fe_text_enter(&text, fe_at(fe, table->item), "condition", sql);
	(void) search_aliases(fe_text_parse(fe, &text, false), &search);
	fe_text_leave(&text);
	return !search.is_missing;
}

/* ------------------------------------------------------------------- code */

/*
 * STABLE functions whose value depends on nothing but their arguments and the
 * settings that are stored with a task; in byte order of their names.
 */
static const Oid stable_functions[] = {
	F_AGE_TIMESTAMPTZ_TIMESTAMPTZ,
	F_ARRAY_TO_STRING_ANYARRAY_TEXT,
	F_ARRAY_TO_STRING_ANYARRAY_TEXT_TEXT,
	F_CONCAT,
	F_CONCAT_WS,
	F_DATE_EQ_TIMESTAMPTZ,
	F_DATE_GE_TIMESTAMPTZ,
	F_DATE_GT_TIMESTAMPTZ,
	F_DATE_IN,
	F_DATE_LE_TIMESTAMPTZ,
	F_DATE_LT_TIMESTAMPTZ,
	F_DATE_NE_TIMESTAMPTZ,
	F_DATE_OUT,
	F_DATE_PART_TEXT_TIMESTAMPTZ,
	F_DATE_TIMESTAMPTZ,
	F_DATE_TRUNC_TEXT_TIMESTAMPTZ,
	F_DATE_TRUNC_TEXT_TIMESTAMPTZ_TEXT,
	F_EXTRACT_TEXT_TIMESTAMPTZ,
	F_FORMAT_TEXT,
	F_FORMAT_TEXT_ANY,
	F_INTERVAL_IN,
	F_INTERVAL_OUT,
	F_INTERVAL_PL_TIMESTAMPTZ,
	F_TIMESTAMPTZ_DATE,
	F_TIMESTAMPTZ_DATE_TIME,
	F_TIMESTAMPTZ_EQ_DATE,
	F_TIMESTAMPTZ_EQ_TIMESTAMP,
	F_TIMESTAMPTZ_GE_DATE,
	F_TIMESTAMPTZ_GE_TIMESTAMP,
	F_TIMESTAMPTZ_GT_DATE,
	F_TIMESTAMPTZ_GT_TIMESTAMP,
	F_TIMESTAMPTZ_IN,
	F_TIMESTAMPTZ_LE_DATE,
	F_TIMESTAMPTZ_LE_TIMESTAMP,
	F_TIMESTAMPTZ_LT_DATE,
	F_TIMESTAMPTZ_LT_TIMESTAMP,
	F_TIMESTAMPTZ_MI_INTERVAL,
	F_TIMESTAMPTZ_NE_DATE,
	F_TIMESTAMPTZ_NE_TIMESTAMP,
	F_TIMESTAMPTZ_OUT,
	F_TIMESTAMPTZ_PL_INTERVAL,
	F_TIMESTAMPTZ_TIMESTAMP,
	F_TIMESTAMP_EQ_TIMESTAMPTZ,
	F_TIMESTAMP_GE_TIMESTAMPTZ,
	F_TIMESTAMP_GT_TIMESTAMPTZ,
	F_TIMESTAMP_IN,
	F_TIMESTAMP_LE_TIMESTAMPTZ,
	F_TIMESTAMP_LT_TIMESTAMPTZ,
	F_TIMESTAMP_NE_TIMESTAMPTZ,
	F_TIMESTAMP_OUT,
	F_TIMESTAMP_TIMESTAMPTZ,
	F_TIMETZ_IN,
	F_TIMETZ_TIMESTAMPTZ,
	F_TIME_IN,
	F_TIME_TIMESTAMPTZ,
	F_TO_CHAR_TIMESTAMPTZ_TEXT,
	F_TO_CHAR_TIMESTAMP_TEXT,
	F_TO_CHAR_INTERVAL_TEXT,
	F_TO_CHAR_NUMERIC_TEXT,
	F_TO_CHAR_INT4_TEXT,
	F_TO_CHAR_INT8_TEXT,
	F_TO_CHAR_FLOAT4_TEXT,
	F_TO_CHAR_FLOAT8_TEXT,
	F_TO_DATE,
	F_TO_TIMESTAMP_TEXT_TEXT,
	F_TO_NUMBER,
};

static bool
is_listed(Oid function)
{
	for (int i = 0; i < lengthof(stable_functions); i++)
		if (function == stable_functions[i])
			return true;
	return false;
}

static bool
is_changing_function(Oid function, void *context)
{
	*(Oid *) context = function;
	return func_volatile(function) != PROVOLATILE_IMMUTABLE &&
	       !is_listed(function);
}

/* current_date and the like are no functions here. */
static bool
is_changing(Node *node, void *context)
{
	if (node == NULL)
		return false;
	*(Oid *) context = InvalidOid;
	if (IsA(node, SQLValueFunction) || IsA(node, NextValueExpr))
		return true;
	if (check_functions_in_node(node, is_changing_function, context))
		return true;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, is_changing, context, 0);
	return expression_tree_walker(node, is_changing, context);
}

/* || of a text and something else, which it makes a text by any cast. */
static bool
is_text_of_any(Oid function)
{
	return function == F_TEXTANYCAT || function == F_ANYTEXTCAT;
}

static void
check_own_code(const FeText *text, Node *node)
{
	const char *code = source_find_foreign_code(node);
	Oid function;

	if (code != NULL)
		ereport(
			ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
		     errmsg("the %s runs %s", text->what, code),
		     errdetail("FE is code that whoever uses the model will run: it "
		               "calls functions and operators of PostgreSQL alone."),
		     errhint("If you trust it, SET cerebro.allow_user_functions = "
		             "on, and write its name with its schema.")));
	if (is_changing(node, &function))
		ereport(
			ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		     errmsg("the %s calls %s", text->what,
		            OidIsValid(function)
		                ? psprintf("function %s", format_procedure(function))
		                : "what changes from moment to moment"),
		     errdetail("A feature has the same value whenever it is asked "
		               "for: it calls IMMUTABLE functions, and those of "
		               "dates, times and texts."),
		     is_text_of_any(function)
		         ? errhint("Cast the other side of || to text: x::text.")
		         : errhint("Make it a column of the task's source.")));
}

/* ---------------------------------------------------------------- moments */

/* Whether what is written there, a literal, says 'now' or the like. */
static bool
names_moment(const char *literal)
{
	static const char *const words[] = {"now", "today", "tomorrow",
	                                    "yesterday"};
	const char *at = strchr(literal, '\'');

	while (at != NULL && *++at != '\0' && *at != '\'')
		for (int i = 0; i < lengthof(words); i++)
		{
			size_t size = strlen(words[i]);

			if (pg_strncasecmp(at, words[i], size) == 0 &&
			    !isalpha((unsigned char) at[size]) &&
			    !isalpha((unsigned char) at[-1]))
				return true;
		}
	return false;
}

/* Of dates or times, be they in an array or the ends of a range. */
static bool
holds_times(Oid type)
{
	Oid inner = get_element_type(type);

	if (OidIsValid(inner))
		type = inner;
	inner = get_multirange_range(type);
	if (OidIsValid(inner))
		type = inner;
	inner = get_range_subtype(type);
	switch (OidIsValid(inner) ? inner : type)
	{
		case DATEOID:
		case TIMEOID:
		case TIMETZOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return true;
		default:
			return false;
	}
}

/* PostgreSQL has made the literal a time already, that of the reading. */
static bool
has_moment(Node *node, void *context)
{
	const FeText *text = context;
	const Const *value = (const Const *) node;

	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, has_moment, context, 0);
	if (!IsA(node, Const))
		return expression_tree_walker(node, has_moment, context);
	if (value->location < 0 || value->location >= (int) strlen(text->text))
		return false;
	return holds_times(value->consttype) &&
	       names_moment(text->text + value->location);
}

void
fe_check_code(const FeText *text, Node *node)
{
	if (has_moment(node, unconstify(FeText *, text)))
		ereport(ERROR,
		        (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		         errmsg("the %s asks for the time of day", text->what),
		         errdetail("What 'now' or 'today' is would differ at each "
		                   "reading."),
		         errhint("Write the date or time itself, or use a column of "
		                 "the task's source.")));
	if (contain_volatile_functions(node))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		                errmsg("the %s calls %s", text->what,
		                       source_describe_volatile(node)),
		                errdetail("Its value would differ at each reading.")));
	if (!allow_user_functions)
		check_own_code(text, node);
}

/* --------------------------------------------------------------- all of it */

static void
check_kind(const FeText *text, const Query *query)
{
	const char *has = query->hasAggs          ? "an aggregate"
	                  : query->hasWindowFuncs ? "a window function"
	                  : query->hasTargetSRFs  ? "a set of rows"
	                                          : NULL;

	if (has != NULL)
		ereport(ERROR,
		        (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		         errmsg("the %s may not contain %s", text->what, has),
		         errhint("JOIN and AGGREGATE read other rows, or make it "
		                 "a column of the task's source.")));
}

/* The query's one target. */
Node *
fe_text_check(const Fe *fe, const FeText *text, Query *query)
{
	Node *node = (Node *) linitial_node(TargetEntry, query->targetList)->expr;

	check_kind(text, query);
	fe_check_code(text, node);
	fe_check_hidden(fe, text, query, node);
	(void) eval_const_expressions(NULL, node); /* 1 / 0 fails here already */
	return node;
}
