/*
 * lang/change_parse.c
 *	  Text to a change.
 *
 *	 change = [step {',' step}] ['@' version]
 *	 step   = 'ADD' 'FE' item
 *			  | 'DROP' ('FE' item | path)
 *			  | 'SET' path '=' [value '->'] value
 *			  | 'INSERT' 'AS' value ('AFTER' | 'BEFORE') path
 *			  | 'DELETE' ('AS' value ('AFTER' | 'BEFORE') path | path)
 *	 path   = ('FE' | 'AS' | 'PT') {'.' name | '[' number ']'}
 */
#include "lang/change.h"
#include "lang/parse_private.h"

#include "base/text.h"

#define STEP "ADD, DROP, SET, INSERT or DELETE"

/* A section's keyword that an item or a layer follows, not a path. */
static bool
is_section_alone(const cer_parser *p, const char *section)
{
	char next = p->lexer.at < p->lexer.end ? *p->lexer.at : ' ';

	return cer_parser_is_word(p, section) && next != '.' && next != '[';
}

static cer_status
skip_section(cer_parser *p, const char *section, const char *expected)
{
	bool is_there;

	if (!cer_parser_is_word(p, section))
		return cer_parser_fail(p, expected);
	return cer_parser_skip_word(p, section, &is_there);
}

static cer_status
parse_item_of(cer_parser *p, cer_ast *step)
{
	cer_ast *item;

	CER_TRY(skip_section(p, "FE", "FE and an item"));
	CER_TRY(cer_parse_item(p, &item));
	cer_ast_append(step, item);
	return CER_OK;
}

static cer_status
parse_path_of(cer_parser *p, cer_ast *step)
{
	cer_ast *path;

	CER_TRY(cer_parse_path(p, &path));
	cer_ast_append(step, path);
	return CER_OK;
}

static cer_status
parse_drop(cer_parser *p, cer_ast *step)
{
	if (is_section_alone(p, "FE"))
		return parse_item_of(p, step);
	if (!cer_parser_is_word(p, "FE"))
		return cer_parser_fail(p, "FE and an item, or its path, as in FE.a");
	return parse_path_of(p, step);
}

/* Encoders stand side by side; everything else is a value. */
static cer_status
parse_value_of(cer_parser *p, cer_ast *step, bool is_encoder)
{
	cer_ast *value;

	if (is_encoder)
		CER_TRY(cer_parse_encoders(p, &value));
	else
		CER_TRY(cer_parse_value(p, "a value", &value));
	cer_ast_append(step, value);
	return CER_OK;
}

static cer_status
parse_set(cer_parser *p, cer_ast *step)
{
	bool is_encoder = cer_parser_is_word(p, "FE");

	CER_TRY(parse_path_of(p, step));
	CER_TRY(cer_parser_expect(p, '=', "\"=\" and a value"));
	CER_TRY(parse_value_of(p, step, is_encoder));
	if (p->token.kind != CER_TOKEN_ARROW)
		return CER_OK;
	CER_TRY(cer_parser_advance(p));
	return parse_value_of(p, step, is_encoder);
}

/* AS layer AFTER | BEFORE path */
static cer_status
parse_layer_of(cer_parser *p, cer_ast *step)
{
	bool is_after;

	CER_TRY(skip_section(p, "AS", "AS and a layer"));
	CER_TRY(parse_value_of(p, step, false));
	CER_TRY(cer_parser_skip_word(p, "BEFORE", &step->flag));
	if (!step->flag)
	{
		CER_TRY(cer_parser_skip_word(p, "AFTER", &is_after));
		if (!is_after)
			return cer_parser_fail(p, "AFTER or BEFORE and a path");
	}
	return parse_path_of(p, step);
}

static cer_status
parse_delete(cer_parser *p, cer_ast *step)
{
	if (is_section_alone(p, "AS"))
		return parse_layer_of(p, step);
	return parse_path_of(p, step);
}

static const struct
{
	const char *word;
	cer_ast_kind kind;
	cer_status (*parse)(cer_parser *p, cer_ast *step);
} verbs[] = {
	{"ADD", CER_AST_ADD, parse_item_of},
	{"DROP", CER_AST_DROP, parse_drop},
	{"SET", CER_AST_SET, parse_set},
	{"INSERT", CER_AST_INSERT, parse_layer_of},
	{"DELETE", CER_AST_DELETE, parse_delete},
};

static cer_status
parse_step(cer_parser *p, cer_ast **step)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (cer_parser_is_word(p, verbs[i].word))
		{
			CER_TRY(cer_parser_make(p, verbs[i].kind, step));
			CER_TRY(cer_parser_advance(p));
			return verbs[i].parse(p, *step);
		}
	cer_parser_fail(p, STEP);
	cer_parser_hint_step(p);
	return CER_SYNTAX;
}

/* SET path = value: another one may follow. */
static bool
is_open_set(const cer_ast *step)
{
	return step != NULL && step->kind == CER_AST_SET &&
	       step->first->next == step->last;
}

static cer_status
parse_steps(cer_parser *p, cer_ast *ast)
{
	if (p->token.kind != CER_TOKEN_END && p->token.kind != '@')
		CER_TRY(cer_parse_list(p, parse_step, ast));
	CER_TRY(cer_parse_version(p));
	if (p->token.kind != CER_TOKEN_END)
		return cer_parser_fail(p, is_open_set(ast->last)
		                              ? "\"->\", \",\" or the end"
		                              : "\",\" or the end");
	return CER_OK;
}

cer_status
cer_change_parse(cer_arena *arena, cer_text text, const cer_change **change,
                 cer_error *err)
{
	cer_change *made;
	cer_parser p;
	cer_ast *ast;

	CER_TRY(cer_parser_init(&p, arena, text, err));
	CER_TRY(cer_parser_make(&p, CER_AST_CHANGE, &ast));
	CER_TRY(parse_steps(&p, ast));
	made = cer_arena_allocate(arena, sizeof(*made));
	if (made == NULL)
		return cer_fail_memory(err, sizeof(*made));
	made->ast = ast;
	*change = made;
	return CER_OK;
}
