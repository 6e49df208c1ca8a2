/*
 * lang/parse.c
 *	  The parser's dealings with tokens, and the sections of a triple.
 */
#include "lang/parse_private.h"

#include "base/text.h"
#include "lang/suggest.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const sections[] = {"FE", "AS", "PT"};
static const char *const item_words[] = {"EXCEPT", "JOIN", "AGGREGATE"};
static const char *const clause_words[] = {"LAST",  "VIA",    "USING", "ON",
                                           "WHERE", "WINDOW", "UNCUT", "IF"};

cer_status
cer_parser_init(cer_parser *p, cer_arena *arena, cer_text text, cer_error *err)
{
	*p = (cer_parser){.arena = arena, .err = err};
	CER_TRY(cer_lexer_init(&p->lexer, arena, text, err));
	return cer_parser_advance(p);
}

cer_status
cer_parser_advance(cer_parser *p)
{
	p->before = p->token.kind;
	return cer_lexer_read(&p->lexer, &p->token);
}

cer_status
cer_parser_make(cer_parser *p, cer_ast_kind kind, cer_ast **node)
{
	*node = cer_ast_make(p->arena, kind, p->token.place);
	return *node ? CER_OK : cer_fail_memory(p->err, sizeof(**node));
}

bool
cer_parser_is_word(const cer_parser *p, const char *word)
{
	size_t size = strlen(word);

	if (p->token.kind != CER_TOKEN_NAME || p->token.name.size != size)
		return false;
	for (size_t i = 0; i < size; i++)
		if (p->token.name.data[i] != (word[i] | 0x20))
			return false;
	return true;
}

cer_status
cer_parser_skip_word(cer_parser *p, const char *word, bool *is_there)
{
	*is_there = cer_parser_is_word(p, word);
	return *is_there ? cer_parser_advance(p) : CER_OK;
}

static bool
is_one_of(const cer_parser *p, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (cer_parser_is_word(p, words[i]))
			return true;
	return false;
}

bool
cer_parser_is_reserved(const cer_parser *p)
{
	return p->depth == 0 && is_one_of(p, sections, COUNT(sections));
}

bool
cer_parser_is_item_word(const cer_parser *p)
{
	return is_one_of(p, item_words, COUNT(item_words));
}

bool
cer_parser_is_clause_word(const cer_parser *p)
{
	return is_one_of(p, clause_words, COUNT(clause_words));
}

bool
cer_parser_is_name(const cer_parser *p)
{
	return p->token.kind == CER_TOKEN_QUOTED ||
	       (p->token.kind == CER_TOKEN_NAME && !cer_parser_is_reserved(p));
}

/* The section whose keyword the word in hand was perhaps meant to be. */
static void
suggest_section(cer_parser *p)
{
	cer_suggestion suggestion;

	cer_suggestion_init(&suggestion, p->token.source);
	for (size_t i = 0; i < COUNT(sections); i++)
		cer_suggestion_offer(&suggestion, cer_text_of(sections[i]));
	cer_suggestion_hint(&suggestion, p->err);
}

static bool
is_mark_of_spaces(const cer_parser *p)
{
	return p->token.kind == '{' || p->token.kind == '?' ||
	       p->token.kind == CER_TOKEN_DOTS || cer_parser_is_word(p, "XX");
}

cer_status
cer_parser_fail(cer_parser *p, const char *expected)
{
	cer_token_fail(&p->token, expected, p->err);
	if (cer_parser_is_reserved(p) && p->before == ',')
		cer_error_set_hint(p->err, "No comma stands before FE, AS or PT.");
	else if (cer_parser_is_reserved(p) || cer_parser_is_item_word(p))
	{
		if (strstr(expected, "name") != NULL)
			cer_error_set_hint(p->err,
			                   "This is a word of the language; a column of "
			                   "that name is written with quotes: \"%.*s\".",
			                   CER_SHOW(p->token.name));
	}
	else if (!p->is_space && is_mark_of_spaces(p))
		cer_error_set_hint(p->err, "This stands for many values: in a space of "
		                           "triples, not in one triple.");
	else if (p->token.kind == CER_TOKEN_NAME)
		suggest_section(p);
	return CER_SYNTAX;
}

cer_status
cer_parser_expect(cer_parser *p, int kind, const char *expected)
{
	if (p->token.kind != kind)
		return cer_parser_fail(p, expected);
	return cer_parser_advance(p);
}

/* Braces count as parentheses do. */
static cer_status
open_bracket(cer_parser *p, int bracket, const char *expected)
{
	if (p->token.kind == bracket && p->depth == CER_LEX_MAX_DEPTH)
		return cer_fail_at(p->err, CER_TOO_BIG, p->token.place,
		                   "more than %d nested parentheses",
		                   CER_LEX_MAX_DEPTH);
	CER_TRY(cer_parser_expect(p, bracket, expected));
	p->depth++;
	return CER_OK;
}

cer_status
cer_parser_open(cer_parser *p, const char *expected)
{
	return open_bracket(p, '(', expected);
}

cer_status
cer_parser_close(cer_parser *p)
{
	if (p->token.kind != ')')
		return cer_parser_fail(p, "\",\" or \")\"");
	p->depth--;
	return cer_parser_advance(p);
}

cer_status
cer_parse_list(cer_parser *p, cer_parse_fn rule, cer_ast *parent)
{
	for (size_t n = 0;; n++)
	{
		cer_ast *node;

		if (n == CER_LEX_MAX_LIST)
			return cer_fail_at(p->err, CER_TOO_BIG, p->token.place,
			                   "more than %d items in a list",
			                   CER_LEX_MAX_LIST);
		CER_TRY(rule(p, &node));
		cer_ast_append(parent, node);
		if (p->token.kind != ',')
			return CER_OK;
		CER_TRY(cer_parser_advance(p));
	}
}

/* ------------------------------------------------------- many values */

cer_status
cer_parse_choice(cer_parser *p, cer_parse_fn rule, cer_ast **choice)
{
	CER_TRY(cer_parser_make(p, CER_AST_CHOICE, choice));
	CER_TRY(open_bracket(p, '{', "\"{\""));
	CER_TRY(cer_parse_list(p, rule, *choice));
	if (p->token.kind != '}')
		return cer_parser_fail(p, "\",\" or \"}\"");
	p->depth--;
	return cer_parser_advance(p);
}

cer_status
cer_parse_optional(cer_parser *p, cer_parse_fn rule, cer_ast **optional)
{
	cer_ast *item;

	CER_TRY(cer_parser_make(p, CER_AST_OPTIONAL, optional));
	CER_TRY(cer_parser_advance(p));
	if (p->token.kind == '?')
		return cer_parser_fail(p, "what is optional");
	CER_TRY(rule(p, &item));
	cer_ast_append(*optional, item);
	return CER_OK;
}

/* One value: a condition does not hang on another. */
static cer_status
parse_wanted(cer_parser *p, cer_ast **wanted)
{
	if (p->token.kind == CER_TOKEN_NUMBER || p->token.kind == '-')
		return cer_parse_number(p, wanted);
	if (p->token.kind != CER_TOKEN_NAME)
		return cer_parser_fail(p, "a value");
	return cer_parse_operand(p, "a value", wanted);
}

cer_status
cer_parse_condition(cer_parser *p, cer_ast **value)
{
	cer_ast *condition;
	cer_ast *path;
	cer_ast *wanted;

	if (!cer_parser_is_word(p, "IF"))
		return CER_OK;
	condition = cer_ast_make(p->arena, CER_AST_CONDITION, (*value)->place);
	if (condition == NULL)
		return cer_fail_memory(p->err, sizeof(*condition));
	CER_TRY(cer_parser_advance(p));
	CER_TRY(cer_parse_path(p, &path));
	cer_ast_append(condition, *value);
	cer_ast_append(condition, path);
	if (p->token.kind == '=')
	{
		CER_TRY(cer_parser_advance(p));
		CER_TRY(parse_wanted(p, &wanted));
		cer_ast_append(condition, wanted);
	}
	*value = condition;
	return CER_OK;
}

/* ------------------------------------------------------- paths */

static cer_status
parse_index(cer_parser *p, cer_ast *path)
{
	cer_ast *step;

	CER_TRY(cer_parser_make(p, CER_AST_PATH_STEP, &step));
	CER_TRY(cer_parser_advance(p));
	if (p->token.kind != CER_TOKEN_NUMBER || p->token.number < 1)
		return cer_parser_fail(p, "an index from 1");
	step->number = p->token.number;
	CER_TRY(cer_parser_advance(p));
	CER_TRY(cer_parser_expect(p, ']', "\"]\""));
	cer_ast_append(path, step);
	return CER_OK;
}

static cer_status
parse_step(cer_parser *p, cer_ast *path)
{
	cer_ast *step;

	if (p->token.kind != CER_TOKEN_NAME && p->token.kind != CER_TOKEN_QUOTED)
		return cer_parser_fail(p, "a name");
	CER_TRY(cer_parser_make(p, CER_AST_PATH_STEP, &step));
	step->name = p->token.name;
	cer_ast_append(path, step);
	return cer_parser_advance(p);
}

cer_status
cer_parse_path(cer_parser *p, cer_ast **path)
{
	if (!is_one_of(p, sections, COUNT(sections)))
		return cer_parser_fail(p, "a path, as in PT.lr");
	CER_TRY(cer_parser_make(p, CER_AST_PATH, path));
	CER_TRY(parse_step(p, *path));
	for (;;)
	{
		if (p->token.kind == '[')
			CER_TRY(parse_index(p, *path));
		else if (p->token.kind == '.')
		{
			CER_TRY(cer_parser_advance(p));
			CER_TRY(parse_step(p, *path));
		}
		else
			return CER_OK;
	}
}

/* ------------------------------------------------------- triple */

static cer_status
parse_structure(cer_parser *p, cer_ast *as)
{
	cer_ast *structure;

	CER_TRY(cer_parse_value(p, "a structure", &structure));
	cer_ast_append(as, structure);
	return CER_OK;
}

/* Appends the section to the triple if the token in hand begins it. */
static cer_status
parse_section(cer_parser *p, cer_ast_kind kind, cer_ast *triple)
{
	cer_ast *section;

	if (!cer_parser_is_word(p, sections[kind - CER_AST_FE]))
		return CER_OK;
	CER_TRY(cer_parser_make(p, kind, &section));
	CER_TRY(cer_parser_advance(p));
	cer_ast_append(triple, section);
	switch (kind)
	{
		case CER_AST_FE:
			return cer_parse_list(p, cer_parse_item, section);
		case CER_AST_AS:
			return parse_structure(p, section);
		default:
			return cer_parse_list(p, cer_parse_argument, section);
	}
}

cer_status
cer_parse_version(cer_parser *p)
{
	if (p->token.kind != '@')
		return CER_OK;
	CER_TRY(cer_parser_advance(p));
	if (p->token.kind != CER_TOKEN_NUMBER)
		return cer_parser_fail(p, "the number of a language version");
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
	return cer_parser_advance(p);
}

static cer_status
fail_rest(cer_parser *p, const cer_ast *triple)
{
	cer_parser_fail(p, cer_parser_describe_rest(p, triple));
	cer_parser_hint_rest(p, triple);
	return CER_SYNTAX;
}

cer_status
cer_parse_triple(cer_parser *p, cer_ast **triple)
{
	CER_TRY(cer_parser_make(p, CER_AST_TRIPLE, triple));
	CER_TRY(parse_section(p, CER_AST_FE, *triple));
	CER_TRY(parse_section(p, CER_AST_AS, *triple));
	CER_TRY(parse_section(p, CER_AST_PT, *triple));
	CER_TRY(cer_parse_version(p));
	if (p->token.kind != CER_TOKEN_END)
		return fail_rest(p, *triple);
	return CER_OK;
}

cer_status
cer_ast_parse(cer_arena *arena, cer_text text, cer_ast **ast, cer_error *err)
{
	cer_parser p;
	cer_ast *triple;

	CER_TRY(cer_parser_init(&p, arena, text, err));
	CER_TRY(cer_parse_triple(&p, &triple));
	*ast = triple;
	return CER_OK;
}

cer_status
cer_ast_parse_space(cer_arena *arena, cer_text text, cer_ast **ast,
                    cer_error *err)
{
	cer_parser p;
	cer_ast *triple;

	CER_TRY(cer_parser_init(&p, arena, text, err));
	p.is_space = true;
	CER_TRY(cer_parse_triple(&p, &triple));
	*ast = triple;
	return CER_OK;
}
