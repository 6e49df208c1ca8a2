/*
 * lang/parse.c
 *	  Recursive descent from tokens to a tree; one function per rule.
 *
 *	 triple    = ['FE' item {',' item}] ['AS' value]
 *				 ['PT' argument {',' argument}] ['@' version]
 *	 item      = '*' | 'EXCEPT' '(' column {',' column} ')'
 *				 | column [':' value]
 *	 argument  = [name '='] value
 *	 value     = operand ['x' operand]
 *	 operand   = ['-'] number | name ['(' [argument {',' argument}] ')']
 *
 * The parser looks one token ahead.  FE, AS and PT are reserved outside
 * parentheses.  Which words and values make sense is the resolver's affair.
 */
#include "lang/ast.h"

#include "base/text.h"
#include "lang/lex.h"
#include "lang/suggest.h"

#include <string.h>

#define MAX_DEPTH 32   /* of nested calls: bounds the stack */
#define MAX_ITEMS 4096 /* of one list */

typedef struct parser
{
	cer_lexer lexer;
	cer_arena *arena;
	cer_error *err;
	cer_token token; /* not yet used */
	int depth;       /* of parentheses */
	bool has_version;
} parser;

static cer_status parse_value(parser *p, const char *expected, cer_ast **value);

static const char *const sections[] = {"FE", "AS", "PT"};
static const char *const item_words[] = {"EXCEPT", "JOIN", "AGGREGATE"};

static cer_status
advance(parser *p)
{
	return cer_lexer_read(&p->lexer, &p->token);
}

static cer_status
make_node(parser *p, cer_ast_kind kind, cer_ast **node)
{
	*node = cer_ast_make(p->arena, kind, p->token.place);
	return *node ? CER_OK : cer_fail_memory(p->err, sizeof(**node));
}

static bool
is_word(const parser *p, const char *word)
{
	size_t size = strlen(word);

	if (p->token.kind != CER_TOKEN_NAME || p->token.name.size != size)
		return false;
	for (size_t i = 0; i < size; i++)
		if (p->token.name.data[i] != (word[i] | 0x20))
			return false;
	return true;
}

static bool
is_reserved(const parser *p)
{
	if (p->depth > 0)
		return false;
	for (size_t i = 0; i < 3; i++)
		if (is_word(p, sections[i]))
			return true;
	return false;
}

/* Words that begin an item are no bare column names, those to come included:
 * a text keeps its meaning when the language grows. */
static bool
is_item_word(const parser *p)
{
	for (size_t i = 0; i < sizeof(item_words) / sizeof(item_words[0]); i++)
		if (is_word(p, item_words[i]))
			return true;
	return false;
}

static bool
is_name(const parser *p)
{
	return p->token.kind == CER_TOKEN_QUOTED ||
	       (p->token.kind == CER_TOKEN_NAME && !is_reserved(p));
}

/* The section whose keyword the word in hand was perhaps meant to be. */
static void
suggest_section(parser *p)
{
	cer_suggestion suggestion;

	cer_suggestion_init(&suggestion, p->token.source);
	for (size_t i = 0; i < 3; i++)
		cer_suggestion_offer(&suggestion, cer_text_of(sections[i]));
	cer_suggestion_hint(&suggestion, p->err);
}

/* Fails at the token in hand; expected completes "Expected ...". */
static cer_status
fail_unexpected(parser *p, const char *expected)
{
	cer_token_fail(&p->token, expected, p->err);
	if (is_reserved(p) || is_item_word(p))
		cer_error_set_hint(p->err,
		                   "This is a word of the language; a column of that "
		                   "name is written with quotes: \"%.*s\".",
		                   CER_SHOW(p->token.name));
	else if (p->token.kind == CER_TOKEN_NAME)
		suggest_section(p);
	return CER_SYNTAX;
}

static cer_status
expect(parser *p, int kind, const char *expected)
{
	if (p->token.kind != kind)
		return fail_unexpected(p, expected);
	return advance(p);
}

static cer_status
open_parenthesis(parser *p, const char *expected)
{
	if (p->token.kind == '(' && p->depth == MAX_DEPTH)
		return cer_fail_at(p->err, CER_TOO_BIG, p->token.place,
		                   "more than %d nested parentheses", MAX_DEPTH);
	CER_TRY(expect(p, '(', expected));
	p->depth++;
	return CER_OK;
}

static cer_status
close_parenthesis(parser *p)
{
	if (p->token.kind != ')')
		return fail_unexpected(p, "\",\" or \")\"");
	p->depth--;
	return advance(p);
}

typedef cer_status (*parse_fn)(parser *p, cer_ast **node);

/* rule {',' rule}, appended to parent */
static cer_status
parse_list(parser *p, parse_fn rule, cer_ast *parent)
{
	for (size_t n = 0;; n++)
	{
		cer_ast *node;

		if (n == MAX_ITEMS)
			return cer_fail_at(p->err, CER_TOO_BIG, p->token.place,
			                   "more than %d items in a list", MAX_ITEMS);
		CER_TRY(rule(p, &node));
		cer_ast_append(parent, node);
		if (p->token.kind != ',')
			return CER_OK;
		CER_TRY(advance(p));
	}
}

/* ---------------------------------------------------------------- values */

static cer_status
parse_number(parser *p, cer_ast **number)
{
	bool is_negative = p->token.kind == '-';

	CER_TRY(make_node(p, CER_AST_NUMBER, number));
	if (is_negative)
		CER_TRY(advance(p));
	if (p->token.kind != CER_TOKEN_NUMBER)
		return fail_unexpected(p, "a number");
	(*number)->number = is_negative ? -p->token.number : p->token.number;
	return advance(p);
}

static cer_status
parse_argument(parser *p, cer_ast **argument)
{
	const char *expected =
		p->depth > 0 ? "an argument" : "an optimizer or a setting";
	cer_ast *value;

	CER_TRY(parse_value(p, expected, &value));
	*argument = value;
	if (p->token.kind != '=')
		return CER_OK;
	if (value->kind != CER_AST_CALL || value->first != NULL)
		return fail_unexpected(p, "\",\", as only a word stands before \"=\"");
	CER_TRY(advance(p));
	value->kind = CER_AST_NAMED;
	CER_TRY(parse_value(p, "a value", &value));
	cer_ast_append(*argument, value);
	return CER_OK;
}

static cer_status
parse_call(parser *p, cer_ast **call)
{
	CER_TRY(make_node(p, CER_AST_CALL, call));
	(*call)->name = p->token.name;
	CER_TRY(advance(p));
	if (p->token.kind != '(')
		return CER_OK;
	CER_TRY(open_parenthesis(p, "\"(\""));
	if (p->token.kind != ')')
		CER_TRY(parse_list(p, parse_argument, *call));
	return close_parenthesis(p);
}

static cer_status
parse_operand(parser *p, const char *expected, cer_ast **operand)
{
	if (p->token.kind == CER_TOKEN_NUMBER || p->token.kind == '-')
		return parse_number(p, operand);
	if (p->token.kind == CER_TOKEN_NAME && !is_reserved(p))
		return parse_call(p, operand);
	return fail_unexpected(p, expected);
}

static cer_status
parse_value(parser *p, const char *expected, cer_ast **value)
{
	cer_ast *first;
	cer_ast *second;

	CER_TRY(parse_operand(p, expected, &first));
	*value = first;
	if (!is_word(p, "x"))
		return CER_OK;
	CER_TRY(advance(p));
	CER_TRY(parse_operand(p, "a number of layers", &second));
	*value = cer_ast_make(p->arena, CER_AST_TIMES, first->place);
	if (*value == NULL)
		return cer_fail_memory(p->err, sizeof(**value));
	cer_ast_append(*value, first);
	cer_ast_append(*value, second);
	return CER_OK;
}

/* ---------------------------------------------------------------- FE */

static cer_status
parse_name(parser *p, cer_ast **column)
{
	if (!is_name(p))
		return fail_unexpected(p, "a column name");
	CER_TRY(make_node(p, CER_AST_COLUMN, column));
	(*column)->name = p->token.name;
	return advance(p);
}

static cer_status
parse_except(parser *p, cer_ast **except)
{
	CER_TRY(make_node(p, CER_AST_EXCEPT, except));
	CER_TRY(advance(p));
	CER_TRY(open_parenthesis(p, "\"(\" and the columns to leave out"));
	CER_TRY(parse_list(p, parse_name, *except));
	return close_parenthesis(p);
}

static cer_status
parse_column(parser *p, cer_ast **column)
{
	cer_ast *encoder;

	if (!is_name(p) || is_item_word(p))
		return fail_unexpected(p, "a column name, \"*\" or EXCEPT");
	CER_TRY(parse_name(p, column));
	if (p->token.kind != ':')
		return CER_OK;
	CER_TRY(advance(p));
	CER_TRY(parse_operand(p, "an encoder", &encoder));
	cer_ast_append(*column, encoder);
	return CER_OK;
}

static cer_status
parse_item(parser *p, cer_ast **item)
{
	if (p->token.kind == '*')
	{
		CER_TRY(make_node(p, CER_AST_STAR, item));
		return advance(p);
	}
	if (is_word(p, "EXCEPT"))
		return parse_except(p, item);
	return parse_column(p, item);
}

/* ---------------------------------------------------------------- triple */

static cer_status
parse_structure(parser *p, cer_ast *as)
{
	cer_ast *structure;

	CER_TRY(parse_value(p, "a structure", &structure));
	cer_ast_append(as, structure);
	return CER_OK;
}

/* Appends the section to the triple if the token in hand begins it. */
static cer_status
parse_section(parser *p, cer_ast_kind kind, cer_ast *triple)
{
	cer_ast *section;

	if (!is_word(p, sections[kind - CER_AST_FE]))
		return CER_OK;
	CER_TRY(make_node(p, kind, &section));
	CER_TRY(advance(p));
	cer_ast_append(triple, section);
	switch (kind)
	{
		case CER_AST_FE:
			return parse_list(p, parse_item, section);
		case CER_AST_AS:
			return parse_structure(p, section);
		default:
			return parse_list(p, parse_argument, section);
	}
}

static cer_status
parse_version(parser *p)
{
	if (p->token.kind != '@')
		return CER_OK;
	CER_TRY(advance(p));
	if (p->token.kind != CER_TOKEN_NUMBER)
		return fail_unexpected(p, "the number of a language version");
	if (p->token.number != CER_LANGUAGE_VERSION)
	{
		cer_fail_at(p->err, CER_BAD_VERSION, p->token.place,
		            "unknown language version %.*s", CER_SHOW(p->token.source));
		cer_error_set_hint(p->err,
		                   "This version of CEREBRO knows language version %d.",
		                   CER_LANGUAGE_VERSION);
		return CER_BAD_VERSION;
	}
	p->has_version = true;
	return advance(p);
}

/* What could still come after the last section. */
static const char *
describe_rest(const cer_ast *triple)
{
	if (triple->last == NULL)
		return "FE, AS, PT or the end";
	switch (triple->last->kind)
	{
		case CER_AST_FE:
			return "\",\", AS, PT or the end";
		case CER_AST_AS:
			return "PT or the end";
		default:
			return "\",\" or the end";
	}
}

static cer_status
fail_rest(parser *p, const cer_ast *triple)
{
	fail_unexpected(p, p->has_version ? "the end" : describe_rest(triple));
	if (is_reserved(p))
		cer_error_set_hint(p->err, "The parts of a triple stand in the order "
		                           "FE, AS, PT, each at most once.");
	return CER_SYNTAX;
}

static cer_status
parse_triple(parser *p, cer_ast **triple)
{
	CER_TRY(make_node(p, CER_AST_TRIPLE, triple));
	CER_TRY(parse_section(p, CER_AST_FE, *triple));
	CER_TRY(parse_section(p, CER_AST_AS, *triple));
	CER_TRY(parse_section(p, CER_AST_PT, *triple));
	CER_TRY(parse_version(p));
	if (p->token.kind != CER_TOKEN_END)
		return fail_rest(p, *triple);
	return CER_OK;
}

cer_status
cer_ast_parse(cer_arena *arena, cer_text text, cer_ast **ast, cer_error *err)
{
	parser p = {.arena = arena, .err = err};
	cer_ast *triple;

	CER_TRY(cer_lexer_init(&p.lexer, arena, text, err));
	CER_TRY(advance(&p));
	CER_TRY(parse_triple(&p, &triple));
	*ast = triple;
	return CER_OK;
}
