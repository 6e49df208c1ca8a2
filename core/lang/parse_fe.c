/*
 * lang/parse_fe.c
 *	  Items of FE.
 *
 *	 item      = '*' | 'EXCEPT' '(' column {',' column} ')' | join | aggregate
 *				 | source [':' encoders]
 *				 | '{' item {',' item} '}' [':' encoders] [condition]
 *				 | '?' item [condition]
 *	 encoders  = operand {'+' operand} | '{' encoders {',' encoders} '}'
 *	 condition = 'IF' path ['=' operand]
 *	 source    = column | name '=' '(' sql ')'
 *	 column    = [alias '.'] name
 *	 join      = 'JOIN' ['LAST'] table [alias] [link]
 *	 aggregate = 'AGGREGATE' table [alias] [link]
 *				 '(' name '=' sql {',' name '=' sql} ')'
 *				 ['WHERE' '(' sql ')'] ['WINDOW' strings] ['UNCUT']
 *	 strings   = string | '{' string {',' string} '}'
 *	 table     = [schema '.'] name
 *	 link      = ('VIA' | 'USING') '(' column {',' column} ')'
 *				 | 'ON' '(' sql ')'
 *
 * Spaces only have braces, '?' and conditions.  Braces around columns that share
 * encoders, around several encoders at once and around windows are short for
 * braces around whole items, and are read as such.
 *
 * SQL stands only inside parentheses: sql.c finds where it ends, PostgreSQL
 * reads it later.
 */
#include "lang/parse_private.h"

#include "base/text.h"
#include "lang/suggest.h"

#define ITEM         "a column name, \"*\", EXCEPT, JOIN or AGGREGATE"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---------------------------------------------------------------- names */

/* [qualifier '.'] name into the node; after the dot nothing is reserved. */
static cer_status
parse_names(cer_parser *p, cer_ast *node)
{
	node->name = p->token.name;
	CER_TRY(cer_parser_advance(p));
	if (p->token.kind != '.')
		return CER_OK;
	CER_TRY(cer_parser_advance(p));
	if (p->token.kind != CER_TOKEN_NAME && p->token.kind != CER_TOKEN_QUOTED)
		return cer_parser_fail(p, "a name after the dot");
	node->qualifier = node->name;
	node->name = p->token.name;
	return cer_parser_advance(p);
}

cer_status
cer_parse_column(cer_parser *p, cer_ast **column)
{
	if (!cer_parser_is_name(p))
		return cer_parser_fail(p, "a column name");
	CER_TRY(cer_parser_make(p, CER_AST_COLUMN, column));
	return parse_names(p, *column);
}

/* '(' column {',' column} ')', the keyword in hand */
static cer_status
parse_columns(cer_parser *p, cer_ast_kind kind, const char *expected,
              cer_ast **list)
{
	CER_TRY(cer_parser_make(p, kind, list));
	CER_TRY(cer_parser_advance(p));
	CER_TRY(cer_parser_open(p, expected));
	CER_TRY(cer_parse_list(p, cer_parse_column, *list));
	return cer_parser_close(p);
}

/* ---------------------------------------------------------------- SQL */

/* The token before the SQL is in hand, nothing behind it is read yet. */
static cer_status
parse_bare_sql(cer_parser *p, cer_ast **sql)
{
	cer_text text;

	CER_TRY(cer_parser_make(p, CER_AST_SQL, sql));
	CER_TRY(cer_lexer_read_sql(&p->lexer, &text));
	CER_TRY(cer_sql_print(p->arena, text, &(*sql)->name, p->err));
	return cer_parser_advance(p);
}

cer_status
cer_parse_sql(cer_parser *p, cer_ast **sql)
{
	if (p->token.kind != '(')
	{
		cer_parser_fail(p, "\"(\" and an SQL expression");
		cer_parser_hint_sql(p);
		return CER_SYNTAX;
	}
	CER_TRY(parse_bare_sql(p, sql));
	return cer_parser_expect(p, ')', "\")\" after the SQL expression");
}

/* keyword '(' sql ')', the keyword in hand */
static cer_status
parse_sql_clause(cer_parser *p, cer_ast_kind kind, cer_ast **clause)
{
	cer_ast *sql;

	CER_TRY(cer_parser_make(p, kind, clause));
	CER_TRY(cer_parser_advance(p));
	CER_TRY(cer_parse_sql(p, &sql));
	cer_ast_append(*clause, sql);
	return CER_OK;
}

/* --------------------------------------------------------------- encoders */

static cer_status
parse_encoder(cer_parser *p, cer_ast **encoder)
{
	if (!p->is_space || p->token.kind != '{')
		return cer_parse_operand(p, "an encoder", encoder);
	CER_TRY(cer_parse_choice(p, cer_parse_encoders, encoder));
	return cer_parse_condition(p, encoder);
}

/* Somewhere below, a choice has several encoders at once. */
static bool
has_plus(const cer_ast *encoders)
{
	for (const cer_ast *child = encoders->first; child; child = child->next)
		if (child->kind == CER_AST_PLUS || has_plus(child))
			return true;
	return false;
}

static cer_status
fail_plus(cer_parser *p, const cer_ast *encoders)
{
	cer_fail_at(p->err, CER_SYNTAX, encoders->place,
	            "a choice of several encoders at once stands alone");
	cer_error_set_hint(p->err, "Write out what is chosen from: {a + b, a}.");
	return CER_SYNTAX;
}

/* operand {'+' operand} */
cer_status
cer_parse_encoders(cer_parser *p, cer_ast **encoders)
{
	cer_ast *plus;

	CER_TRY(parse_encoder(p, encoders));
	if ((*encoders)->kind != CER_AST_CHOICE && has_plus(*encoders))
		return fail_plus(p, *encoders);
	if (p->token.kind != '+')
		return CER_OK;
	plus = cer_ast_make(p->arena, CER_AST_PLUS, (*encoders)->place);
	if (plus == NULL)
		return cer_fail_memory(p->err, sizeof(*plus));
	cer_ast_append(plus, *encoders);
	while (p->token.kind == '+')
	{
		CER_TRY(cer_parser_advance(p));
		CER_TRY(parse_encoder(p, encoders));
		cer_ast_append(plus, *encoders);
	}
	if (has_plus(plus))
		return fail_plus(p, plus);
	*encoders = plus;
	return CER_OK;
}

/* ---------------------------------------------------------------- braces */

static cer_status
copy(cer_parser *p, const cer_ast *like, cer_ast **made)
{
	*made = cer_ast_copy(p->arena, like);
	return *made ? CER_OK : cer_fail_memory(p->err, sizeof(**made));
}

/* A copy of the feature with each of what is chosen from. */
static cer_status
spread_encoders(cer_parser *p, const cer_ast *choice, cer_ast **feature)
{
	cer_ast *items = cer_ast_make(p->arena, CER_AST_CHOICE, (*feature)->place);
	cer_ast *item;
	cer_ast *encoders;

	if (items == NULL)
		return cer_fail_memory(p->err, sizeof(*items));
	for (const cer_ast *one = choice->first; one; one = one->next)
	{
		CER_TRY(copy(p, *feature, &item));
		CER_TRY(copy(p, one, &encoders));
		if (one->kind == CER_AST_CHOICE && has_plus(one))
			CER_TRY(spread_encoders(p, one, &item));
		else
			cer_ast_append(item, encoders);
		cer_ast_append(items, item);
	}
	*feature = items;
	return CER_OK;
}

static cer_status
append_encoders(cer_parser *p, cer_ast *encoders, cer_ast **feature)
{
	if (encoders->kind == CER_AST_CHOICE && has_plus(encoders))
		return spread_encoders(p, encoders, feature);
	cer_ast_append(*feature, encoders);
	return CER_OK;
}

static cer_status
encode_item(cer_parser *p, const cer_ast *encoders, cer_ast **item);

static cer_status
encode_items(cer_parser *p, const cer_ast *encoders, cer_ast *many)
{
	cer_ast *next = many->first;

	cer_ast_remove_children(many);
	while (next != NULL)
	{
		cer_ast *item = next;

		next = item->next;
		CER_TRY(encode_item(p, encoders, &item));
		cer_ast_append(many, item);
	}
	return CER_OK;
}

/* Encoders behind braces are those of each column within. */
static cer_status
encode_item(cer_parser *p, const cer_ast *encoders, cer_ast **item)
{
	bool is_many =
		(*item)->kind == CER_AST_CHOICE || (*item)->kind == CER_AST_OPTIONAL;
	bool is_bare = (*item)->kind == CER_AST_COLUMN && (*item)->first == NULL;
	bool is_sql =
		(*item)->kind == CER_AST_DERIVED && (*item)->first == (*item)->last;
	cer_ast *made;

	if (is_many)
		return encode_items(p, encoders, *item);
	if (!is_bare && !is_sql)
		return cer_fail_at(p->err, CER_SYNTAX, (*item)->place,
		                   "encoders behind braces are for columns without "
		                   "encoders of their own");
	CER_TRY(copy(p, encoders, &made));
	return append_encoders(p, made, item);
}

/* A copy of the aggregate with each of the windows. */
static cer_status
spread_windows(cer_parser *p, cer_ast *window, cer_ast **aggregate)
{
	cer_ast *items =
		cer_ast_make(p->arena, CER_AST_CHOICE, (*aggregate)->place);
	cer_ast choice = *window->first;

	if (items == NULL)
		return cer_fail_memory(p->err, sizeof(*items));
	for (const cer_ast *one = choice.first; one; one = one->next)
	{
		cer_ast *string;
		cer_ast *item;

		CER_TRY(copy(p, one, &string));
		cer_ast_remove_children(window);
		cer_ast_append(window, string);
		CER_TRY(copy(p, *aggregate, &item));
		cer_ast_append(items, item);
	}
	*aggregate = items;
	return CER_OK;
}

/* ---------------------------------------------------------------- columns */

static cer_status
parse_source(cer_parser *p, cer_ast **source)
{
	cer_ast *sql;

	CER_TRY(cer_parse_column(p, source));
	if (p->token.kind != '=' || (*source)->qualifier.size > 0)
		return CER_OK;
	(*source)->kind = CER_AST_DERIVED;
	CER_TRY(cer_parser_advance(p));
	CER_TRY(cer_parse_sql(p, &sql));
	cer_ast_append(*source, sql);
	return CER_OK;
}

/* No column stands before a name or "(": a word of items, with a slip? */
static cer_status
check_slip(cer_parser *p, const cer_ast *source)
{
	static const char *const words[] = {"EXCEPT", "JOIN", "AGGREGATE"};
	cer_suggestion suggestion;

	if (source->kind != CER_AST_COLUMN || source->qualifier.size > 0 ||
	    cer_parser_is_clause_word(p) ||
	    (!cer_parser_is_name(p) && p->token.kind != '('))
		return CER_OK;
	cer_suggestion_init(&suggestion, source->name);
	for (size_t i = 0; i < COUNT(words); i++)
		cer_suggestion_offer(&suggestion, cer_text_of(words[i]));
	if (suggestion.best.data == NULL)
		return CER_OK;
	cer_fail_at(p->err, CER_SYNTAX, source->place, "unexpected \"%.*s\"",
	            CER_SHOW(source->name));
	cer_error_set_detail(p->err, "Expected %s.", ITEM);
	cer_suggestion_hint(&suggestion, p->err);
	return CER_SYNTAX;
}

static cer_status
parse_feature(cer_parser *p, cer_ast **feature)
{
	cer_ast *encoders;

	if (!cer_parser_is_name(p) || cer_parser_is_item_word(p))
		return cer_parser_fail(p, ITEM);
	CER_TRY(parse_source(p, feature));
	CER_TRY(check_slip(p, *feature));
	if (p->token.kind != ':')
		return CER_OK;
	CER_TRY(cer_parser_advance(p));
	CER_TRY(cer_parse_encoders(p, &encoders));
	return append_encoders(p, encoders, feature);
}

/* ---------------------------------------------------------------- tables */

static cer_status
parse_table(cer_parser *p, cer_ast *item)
{
	cer_ast *alias;

	if (!cer_parser_is_name(p) || cer_parser_is_clause_word(p))
		return cer_parser_fail(p, "the name of a table");
	CER_TRY(parse_names(p, item));
	if (!cer_parser_is_name(p) || cer_parser_is_clause_word(p))
		return CER_OK;
	CER_TRY(cer_parser_make(p, CER_AST_ALIAS, &alias));
	alias->name = p->token.name;
	cer_ast_append(item, alias);
	return cer_parser_advance(p);
}

static cer_status
parse_link(cer_parser *p, cer_ast *item)
{
	cer_ast *link;

	if (cer_parser_is_word(p, "VIA"))
		CER_TRY(parse_columns(p, CER_AST_VIA,
		                      "\"(\" and the columns that refer", &link));
	else if (cer_parser_is_word(p, "USING"))
		CER_TRY(parse_columns(p, CER_AST_USING,
		                      "\"(\" and the columns of both tables", &link));
	else if (cer_parser_is_word(p, "ON"))
		CER_TRY(parse_sql_clause(p, CER_AST_ON, &link));
	else
		return CER_OK;
	cer_ast_append(item, link);
	return CER_OK;
}

static cer_status
parse_join(cer_parser *p, cer_ast **join)
{
	CER_TRY(cer_parser_make(p, CER_AST_JOIN, join));
	CER_TRY(cer_parser_advance(p));
	CER_TRY(cer_parser_skip_word(p, "LAST", &(*join)->flag));
	CER_TRY(parse_table(p, *join));
	return parse_link(p, *join);
}

/* name '=' sql */
static cer_status
parse_aggregate_value(cer_parser *p, cer_ast **value)
{
	cer_ast *sql;

	if (!cer_parser_is_name(p))
		return cer_parser_fail(p, "the name of a feature");
	CER_TRY(cer_parser_make(p, CER_AST_DERIVED, value));
	(*value)->name = p->token.name;
	CER_TRY(cer_parser_advance(p));
	if (p->token.kind != '=')
		return cer_parser_fail(p, "\"=\" and an aggregate");
	CER_TRY(parse_bare_sql(p, &sql));
	cer_ast_append(*value, sql);
	return CER_OK;
}

static cer_status
parse_interval(cer_parser *p, cer_ast **string)
{
	if (p->token.kind != CER_TOKEN_STRING)
		return cer_parser_fail(p, "an interval in quotes");
	CER_TRY(cer_parser_make(p, CER_AST_STRING, string));
	(*string)->name = p->token.name;
	return cer_parser_advance(p);
}

static cer_status
parse_window(cer_parser *p, cer_ast *aggregate)
{
	cer_ast *window;
	cer_ast *interval;

	CER_TRY(cer_parser_make(p, CER_AST_WINDOW, &window));
	CER_TRY(cer_parser_advance(p));
	if (p->is_space && p->token.kind == '{')
		CER_TRY(cer_parse_choice(p, parse_interval, &interval));
	else
		CER_TRY(parse_interval(p, &interval));
	cer_ast_append(window, interval);
	cer_ast_append(aggregate, window);
	return CER_OK;
}

static cer_status
parse_aggregate(cer_parser *p, cer_ast **aggregate)
{
	cer_ast *where;
	cer_ast *last;

	CER_TRY(cer_parser_make(p, CER_AST_AGGREGATE, aggregate));
	CER_TRY(cer_parser_advance(p));
	CER_TRY(parse_table(p, *aggregate));
	CER_TRY(parse_link(p, *aggregate));
	CER_TRY(cer_parser_open(p, "\"(\" and aggregates, as in (n = count(*))"));
	CER_TRY(cer_parse_list(p, parse_aggregate_value, *aggregate));
	CER_TRY(cer_parser_close(p));
	if (cer_parser_is_word(p, "WHERE"))
	{
		CER_TRY(parse_sql_clause(p, CER_AST_WHERE, &where));
		cer_ast_append(*aggregate, where);
	}
	if (cer_parser_is_word(p, "WINDOW"))
		CER_TRY(parse_window(p, *aggregate));
	CER_TRY(cer_parser_skip_word(p, "UNCUT", &(*aggregate)->flag));
	last = (*aggregate)->last;
	if (last->kind == CER_AST_WINDOW && last->first->kind == CER_AST_CHOICE)
		return spread_windows(p, last, aggregate);
	return CER_OK;
}

/* ---------------------------------------------------------------- items */

static cer_status
parse_many_items(cer_parser *p, cer_ast **item)
{
	cer_ast *encoders;

	if (p->token.kind == '{')
		CER_TRY(cer_parse_choice(p, cer_parse_item, item));
	else
		CER_TRY(cer_parse_optional(p, cer_parse_item, item));
	if (p->token.kind == ':' && (*item)->kind == CER_AST_CHOICE)
	{
		CER_TRY(cer_parser_advance(p));
		CER_TRY(cer_parse_encoders(p, &encoders));
		CER_TRY(encode_items(p, encoders, *item));
	}
	return cer_parse_condition(p, item);
}

cer_status
cer_parse_item(cer_parser *p, cer_ast **item)
{
	if (p->token.kind == '*')
	{
		CER_TRY(cer_parser_make(p, CER_AST_STAR, item));
		return cer_parser_advance(p);
	}
	if (p->is_space && (p->token.kind == '{' || p->token.kind == '?'))
		return parse_many_items(p, item);
	if (cer_parser_is_word(p, "EXCEPT"))
		return parse_columns(p, CER_AST_EXCEPT,
		                     "\"(\" and the columns to leave out", item);
	if (cer_parser_is_word(p, "JOIN"))
		return parse_join(p, item);
	if (cer_parser_is_word(p, "AGGREGATE"))
		return parse_aggregate(p, item);
	return parse_feature(p, item);
}
