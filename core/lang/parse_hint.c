/*
 * lang/parse_hint.c
 *	  What could have come where a triple's text goes on as it cannot, and what
 *	  its writer perhaps meant.
 */
#include "lang/parse_private.h"

#include "base/text.h"
#include "lang/schema.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool
is_known(cer_word_kind kind, cer_text name)
{
	return cer_schema_find(kind, name) != NULL;
}

static bool
is_bare_column(const cer_ast *item)
{
	return item != NULL && item->kind == CER_AST_COLUMN && item->first == NULL;
}

static bool
is_table(const cer_ast *item)
{
	return item != NULL &&
	       (item->kind == CER_AST_JOIN || item->kind == CER_AST_AGGREGATE);
}

/* The word that was read last, if it is a call without arguments. */
static const cer_ast *
get_last_word(const cer_parser *p, const cer_ast *section)
{
	const cer_ast *last = section->last;

	while (last != NULL && last->kind == CER_AST_CHAIN)
		last = last->last;
	return last != NULL && last->kind == CER_AST_CALL &&
	               p->before == CER_TOKEN_NAME
	           ? last
	           : NULL;
}

static const char *
describe_rest_of_training(const cer_ast *word)
{
	if (word == NULL || is_known(CER_WORD_ACTIVATION, word->name))
		return "\",\" or the end";
	if (cer_schema_is_setting(word->name))
		return "\"=\" and a value";
	return "\"(\", \",\" or the end";
}

const char *
cer_parser_describe_rest(const cer_parser *p, const cer_ast *triple)
{
	const cer_ast *section = triple->last;

	if (p->has_version)
		return "the end";
	if (section == NULL)
		return "FE, AS, PT or the end";
	switch (section->kind)
	{
		case CER_AST_FE:
			return is_bare_column(section->last)
			           ? "\":\", \",\", AS, PT or the end"
			           : "\",\", AS, PT or the end";
		case CER_AST_AS:
			return get_last_word(p, section) ? "\"(\", \">\", PT or the end"
			                                 : "\">\", PT or the end";
		default:
			return describe_rest_of_training(get_last_word(p, section));
	}
}

/* ------------------------------------------------------------------ hints */

static bool
is_side(cer_text name)
{
	static const char *const sides[] = {"left", "right", "inner",  "outer",
	                                    "full", "cross", "natural"};

	for (size_t i = 0; i < COUNT(sides); i++)
		if (cer_text_is(name, sides[i]))
			return true;
	return false;
}

static void
hint_item(cer_parser *p, const cer_ast *last)
{
	if (cer_parser_is_word(p, "JOIN") && is_bare_column(last) &&
	    is_side(last->name))
		cer_error_set_hint(p->err, "Every JOIN keeps all rows, as a left one "
		                           "does: write JOIN alone.");
	else if (cer_parser_is_item_word(p))
		cer_error_set_hint(p->err, "A comma stands before %.*s.",
		                   CER_SHOW(p->token.source));
	else if (is_table(last) && cer_parser_is_clause_word(p))
		cer_error_set_hint(p->err,
		                   "This is a word of the language; an alias of that "
		                   "name is written with quotes: \"%.*s\".",
		                   CER_SHOW(p->token.name));
	else if (p->token.kind == '(' && is_bare_column(last) &&
	         is_known(CER_WORD_ENCODER, last->name))
		cer_error_set_hint(p->err, "Several encoders of a column are put "
		                           "together by \"+\": a : onehot + embed(4).");
}

/* A word that stands after AS or PT. */
static void
hint_section(cer_parser *p)
{
	cer_text name = p->token.name;

	if (is_known(CER_WORD_STRUCTURE, name) || is_known(CER_WORD_LAYER, name))
		cer_error_set_hint(p->err, "Structures and layers stand after AS.");
	else if (is_known(CER_WORD_OPTIMIZER, name) || cer_schema_is_setting(name))
		cer_error_set_hint(p->err, "Optimizers and settings stand after PT.");
}

void
cer_parser_hint_rest(cer_parser *p, const cer_ast *triple)
{
	const cer_ast *section = triple->last;

	if (cer_parser_is_reserved(p))
		cer_error_set_hint(p->err, "The parts of a triple stand in the order "
		                           "FE, AS, PT, each at most once.");
	else if (section == NULL && p->token.kind == CER_TOKEN_NAME)
		hint_section(p);
	else if (!p->has_version && section != NULL && section->kind == CER_AST_FE)
		hint_item(p, section->last);
}

void
cer_parser_hint_sql(cer_parser *p)
{
	if (p->token.kind == CER_TOKEN_NAME &&
	    is_known(CER_WORD_ENCODER, p->token.name))
		cer_error_set_hint(p->err, "An encoder stands after \":\".");
}

void
cer_parser_hint_step(cer_parser *p)
{
	if (cer_parser_is_reserved(p))
		cer_error_set_hint(p->err, "A change says what is done, as in SET "
		                           "PT.lr = 0.01.");
	else if (p->before == ',')
		cer_error_set_hint(p->err, "Each step begins with its verb: ADD FE a, "
		                           "ADD FE b.");
}
