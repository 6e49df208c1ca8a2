/*
 * lang/resolve_open.c
 *	  Patterns and spaces: from text to a canonical tree, and back.
 *
 * A pattern has the sections that its text has, with nothing added: what is
 * left out is free.  A space is a triple in which what is left out is as the
 * language version has it, and what is written may be many.
 */
#include "lang/parse_private.h"

#include "base/text.h"
#include "lang/mst.h"
#include "lang/pattern.h"
#include "lang/resolver.h"
#include "lang/space.h"
#include "lang/suggest.h"

#include <stdio.h>
#include <string.h>

static cer_status
parse_open(cer_arena *arena, cer_text text, cer_form form, cer_ast **ast,
           cer_error *err)
{
	if (form == CER_FORM_SPACE)
		return cer_ast_parse_space(arena, text, ast, err);
	return cer_ast_parse(arena, text, ast, err);
}

static cer_status
resolve_section(cer_resolver *r, cer_ast *section)
{
	switch (section->kind)
	{
		case CER_AST_FE:
			return cer_resolve_open_fe(r, section);
		case CER_AST_AS:
			return cer_resolve_as(r, section);
		default:
			return cer_resolve_open_pt(r, section);
	}
}

/* ------------------------------------------------------------ conditions */

/* A setting, or the optimizer or its name or an argument of one. */
static bool
is_of_training(cer_text name)
{
	const cer_word *settings =
		cer_schema_find(CER_WORD_SECTION, cer_text_of("PT"));

	if (cer_text_is(name, "optimizer") ||
	    cer_word_find_arg(settings, name) != NULL ||
	    cer_schema_find(CER_WORD_OPTIMIZER, name) != NULL)
		return true;
	for (size_t i = 0; i < cer_schema_count(); i++)
		if (cer_schema_get(i)->kind == CER_WORD_OPTIMIZER &&
		    cer_word_find_arg(cer_schema_get(i), name) != NULL)
			return true;
	return false;
}

static cer_status
fail_step(cer_resolver *r, const cer_ast *step)
{
	const cer_word *settings =
		cer_schema_find(CER_WORD_SECTION, cer_text_of("PT"));

	cer_arg_fail_unknown(step, settings, r->err);
	if (cer_suggest_is_slip(step->name, cer_text_of("optimizer")))
		cer_error_set_hint(r->err, "Perhaps you meant \"optimizer\".");
	return CER_UNKNOWN_NAME;
}

/* A layer or structure somewhere in AS. */
static bool
has_layer(const cer_ast *ast, const cer_ast *step, cer_suggestion *suggestion)
{
	if (ast->kind == CER_AST_CALL)
	{
		cer_suggestion_offer(suggestion, ast->name);
		if (cer_text_equals(ast->name, step->name))
			return true;
	}
	for (const cer_ast *child = ast->first; child; child = child->next)
		if (has_layer(child, step, suggestion))
			return true;
	return false;
}

/* A column or table somewhere in FE; with a star there may be any column. */
static bool
has_name(const cer_ast *ast, const cer_ast *step, cer_suggestion *suggestion)
{
	bool is_table = ast->kind == CER_AST_JOIN || ast->kind == CER_AST_AGGREGATE;
	cer_text name =
		ast->qualifier.size > 0 && !is_table ? ast->qualifier : ast->name;

	if (ast->kind == CER_AST_STAR)
		return true;
	if (is_table && ast->first != NULL && ast->first->kind == CER_AST_ALIAS)
		name = ast->first->name;
	if (is_table || ast->kind == CER_AST_COLUMN || ast->kind == CER_AST_DERIVED)
	{
		cer_suggestion_offer(suggestion, name);
		return cer_text_equals(name, step->name);
	}
	for (const cer_ast *child = ast->first; child; child = child->next)
		if (has_name(child, step, suggestion))
			return true;
	return false;
}

/* What is left out is the star, and a structure by default. */
static bool
is_somewhere(const cer_ast *triple, cer_ast_kind kind, const cer_ast *step,
             cer_suggestion *suggestion)
{
	const cer_ast *section = cer_ast_find_section(triple, kind);

	if (section == NULL)
		return kind == CER_AST_FE ||
		       cer_text_is(step->name, CER_DEFAULT_STRUCTURE);
	return kind == CER_AST_FE ? has_name(section, step, suggestion)
	                          : has_layer(section, step, suggestion);
}

static cer_status
check_step(cer_resolver *r, const cer_ast *triple, const cer_ast *section)
{
	bool is_fe = cer_text_is(section->name, "fe");
	const cer_ast *step = section->next;
	cer_suggestion suggestion;

	if (step == NULL || step->name.size == 0)
		return CER_OK;
	if (cer_text_is(section->name, "pt"))
		return is_of_training(step->name) ? CER_OK : fail_step(r, step);
	cer_suggestion_init(&suggestion, step->name);
	if (is_somewhere(triple, is_fe ? CER_AST_FE : CER_AST_AS, step,
	                 &suggestion))
		return CER_OK;
	cer_fail_at(r->err, CER_UNKNOWN_NAME, step->place,
	            "there is no \"%.*s\" in %s of this space",
	            CER_SHOW(step->name), is_fe ? "FE" : "AS");
	cer_suggestion_hint(&suggestion, r->err);
	return CER_UNKNOWN_NAME;
}

/* A path that leads nowhere never holds, and nothing would tell. */
static cer_status
check_conditions(cer_resolver *r, const cer_ast *triple, const cer_ast *ast)
{
	if (ast->kind == CER_AST_CONDITION)
		CER_TRY(check_step(r, triple, ast->first->next->first));
	for (const cer_ast *child = ast->first; child; child = child->next)
		CER_TRY(check_conditions(r, triple, child));
	return CER_OK;
}

/* -------------------------------------------------------------- sections */

static cer_status
resolve_pattern(cer_resolver *r, cer_ast *triple)
{
	for (cer_ast *section = triple->first; section; section = section->next)
		CER_TRY(resolve_section(r, section));
	return CER_OK;
}

/* FE and AS always stand, PT where something of it is not default, or where
 * defaults are wanted. */
static cer_status
resolve_space(cer_resolver *r, cer_ast *triple)
{
	static const cer_ast_kind kinds[] = {CER_AST_FE, CER_AST_AS, CER_AST_PT};
	cer_ast *sections[3] = {NULL};
	cer_ast *star;

	CER_TRY(check_conditions(r, triple, triple));
	for (cer_ast *section = triple->first; section; section = section->next)
		sections[section->kind - CER_AST_FE] = section;
	cer_ast_remove_children(triple);
	for (size_t i = 0; i < 3; i++)
	{
		if (sections[i] == NULL)
			CER_TRY(cer_resolver_make_node(r, kinds[i], triple->place,
			                               &sections[i]));
		if (i == 0 && sections[i]->first == NULL)
		{
			CER_TRY(
				cer_resolver_make_node(r, CER_AST_STAR, triple->place, &star));
			cer_ast_append(sections[i], star);
		}
		CER_TRY(resolve_section(r, sections[i]));
		if (sections[i]->first != NULL)
			cer_ast_append(triple, sections[i]);
	}
	return CER_OK;
}

cer_status
cer_mst_describe(cer_arena *arena, const cer_mst *mst, cer_text *text,
                 cer_error *err)
{
	cer_mst known = *mst;
	cer_resolver r = {
		.arena = arena, .err = err, .form = CER_FORM_COMPLETE, .mst = &known};
	cer_ast *copy = cer_ast_copy(arena, mst->ast);

	if (copy == NULL)
		return cer_fail_memory(err, sizeof(*copy));
	CER_TRY(resolve_space(&r, copy));
	return cer_ast_print_version(arena, copy, text, err);
}

static cer_status
read_open(cer_arena *arena, cer_text text, cer_form form, cer_ast **ast,
          cer_error *err)
{
	cer_resolver r = {.arena = arena, .err = err, .form = form};

	CER_TRY(parse_open(arena, text, form, ast, err));
	return form == CER_FORM_SPACE ? resolve_space(&r, *ast)
	                              : resolve_pattern(&r, *ast);
}

cer_status
cer_pattern_parse(cer_arena *arena, cer_text text, const cer_pattern **pattern,
                  cer_error *err)
{
	struct cer_pattern *made = cer_arena_allocate(arena, sizeof(*made));
	cer_ast *ast;

	if (made == NULL)
		return cer_fail_memory(err, sizeof(*made));
	CER_TRY(read_open(arena, text, CER_FORM_PATTERN, &ast, err));
	made->ast = ast;
	*pattern = made;
	return CER_OK;
}

cer_status
cer_pattern_print(cer_arena *arena, const cer_pattern *pattern, cer_text *text,
                  cer_error *err)
{
	return cer_ast_print_value_version(arena, pattern->ast, text, err);
}

cer_status
cer_space_parse(cer_arena *arena, cer_text text, const cer_space **space,
                cer_error *err)
{
	struct cer_space *made = cer_arena_allocate(arena, sizeof(*made));
	cer_ast *ast;

	if (made == NULL)
		return cer_fail_memory(err, sizeof(*made));
	CER_TRY(read_open(arena, text, CER_FORM_SPACE, &ast, err));
	made->ast = ast;
	*space = made;
	return CER_OK;
}

cer_status
cer_space_print(cer_arena *arena, const cer_space *space, cer_text *text,
                cer_error *err)
{
	return cer_ast_print_value_version(arena, space->ast, text, err);
}
