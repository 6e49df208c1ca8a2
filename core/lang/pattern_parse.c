/*
 * lang/pattern_parse.c
 *	  Patterns from text and to text.
 */
#include "lang/pattern.h"

#include "base/text.h"

/* PT gelu is PT activation = gelu. */
static cer_status
name_activations(cer_arena *arena, cer_ast *pt, cer_error *err)
{
	for (cer_ast *child = pt->first; child; child = child->next)
	{
		cer_ast *word;

		if (child->kind != CER_AST_CALL ||
		    cer_schema_find(CER_WORD_ACTIVATION, child->name) == NULL)
			continue;
		word = cer_ast_copy(arena, child);
		if (word == NULL)
			return cer_fail_memory(err, sizeof(*word));
		child->kind = CER_AST_NAMED;
		child->name = cer_text_of("activation");
		cer_ast_remove_children(child);
		cer_ast_append(child, word);
	}
	return CER_OK;
}

cer_status
cer_pattern_parse(cer_arena *arena, cer_text text, const cer_pattern **pattern,
                  cer_error *err)
{
	cer_pattern *made;
	cer_ast *ast;
	cer_ast *pt;

	CER_TRY(cer_ast_parse(arena, text, &ast, err));
	pt = cer_ast_find_section(ast, CER_AST_PT);
	if (pt != NULL)
		CER_TRY(name_activations(arena, pt, err));
	made = cer_arena_allocate(arena, sizeof(*made));
	if (made == NULL)
		return cer_fail_memory(err, sizeof(*made));
	made->ast = ast;
	*pattern = made;
	return CER_OK;
}

cer_status
cer_pattern_print(cer_arena *arena, const cer_pattern *pattern, cer_text *text,
                  cer_error *err)
{
	return cer_ast_print(arena, pattern->ast, text, err);
}
