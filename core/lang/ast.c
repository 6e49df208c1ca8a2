/*
 * lang/ast.c
 *	  Making trees.
 */
#include "lang/ast.h"

#include <string.h>

cer_ast *
cer_ast_make(cer_arena *arena, cer_ast_kind kind, cer_place place)
{
	cer_ast *ast = cer_arena_allocate(arena, sizeof(*ast));

	if (ast == NULL)
		return NULL;
	memset(ast, 0, sizeof(*ast));
	ast->kind = kind;
	ast->place = place;
	return ast;
}

void
cer_ast_append(cer_ast *parent, cer_ast *child)
{
	child->next = NULL;
	if (parent->last == NULL)
		parent->first = child;
	else
		parent->last->next = child;
	parent->last = child;
}

void
cer_ast_move_children(cer_ast *parent, cer_ast *from)
{
	if (from->first == NULL)
		return;
	if (parent->last == NULL)
		parent->first = from->first;
	else
		parent->last->next = from->first;
	parent->last = from->last;
	cer_ast_remove_children(from);
}

void
cer_ast_remove_children(cer_ast *parent)
{
	parent->first = NULL;
	parent->last = NULL;
}

size_t
cer_ast_count(const cer_ast *parent)
{
	size_t n = 0;

	for (const cer_ast *child = parent->first; child; child = child->next)
		n++;
	return n;
}
