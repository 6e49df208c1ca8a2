/*
 * lang/ast.c
 *	  Making trees.
 */
#include "lang/ast.h"

#include "base/text.h"

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

cer_ast *
cer_ast_copy_node(cer_arena *arena, const cer_ast *ast)
{
	cer_ast *copy = cer_ast_make(arena, ast->kind, ast->place);

	if (copy == NULL)
		return NULL;
	copy->name = ast->name;
	copy->qualifier = ast->qualifier;
	copy->number = ast->number;
	copy->flag = ast->flag;
	return copy;
}

cer_ast *
cer_ast_copy(cer_arena *arena, const cer_ast *ast)
{
	cer_ast *copy = cer_ast_copy_node(arena, ast);

	if (copy == NULL)
		return NULL;
	for (const cer_ast *child = ast->first; child; child = child->next)
	{
		cer_ast *made = cer_ast_copy(arena, child);

		if (made == NULL)
			return NULL;
		cer_ast_append(copy, made);
	}
	return copy;
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

static cer_text
get_key(const cer_ast *ast)
{
	bool is_table = ast->kind == CER_AST_JOIN || ast->kind == CER_AST_AGGREGATE;

	if (is_table && ast->first && ast->first->kind == CER_AST_ALIAS)
		return ast->first->name;
	return ast->name;
}

int
cer_ast_compare(const cer_ast *a, const cer_ast *b)
{
	bool is_table = a->kind == CER_AST_JOIN || a->kind == CER_AST_AGGREGATE;
	int order = 0;

	if (!is_table && (a->qualifier.size > 0 || b->qualifier.size > 0))
		order = cer_text_compare(a->qualifier, b->qualifier);
	return order != 0 ? order : cer_text_compare(get_key(a), get_key(b));
}

/* Joins two sorted lists; what is equal keeps a's before b's. */
static cer_ast *
merge(cer_ast *a, cer_ast *b)
{
	cer_ast *first = NULL;
	cer_ast **next = &first;

	while (a != NULL && b != NULL)
	{
		cer_ast **least = cer_ast_compare(a, b) <= 0 ? &a : &b;

		*next = *least;
		next = &(*least)->next;
		*least = *next;
	}
	*next = a != NULL ? a : b;
	return first;
}

/* The first n nodes of *list, sorted; leaves the rest in *list. */
static cer_ast *
take_sorted(cer_ast **list, size_t n)
{
	cer_ast *a;
	cer_ast *b;

	if (n == 0)
		return NULL;
	if (n == 1)
	{
		a = *list;
		*list = a->next;
		a->next = NULL;
		return a;
	}
	a = take_sorted(list, n / 2);
	b = take_sorted(list, n - n / 2);
	return merge(a, b);
}

void
cer_ast_sort_children(cer_ast *parent)
{
	cer_ast *list = parent->first;

	parent->first = take_sorted(&list, cer_ast_count(parent));
	for (cer_ast *child = parent->first; child; child = child->next)
		parent->last = child;
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

const cer_ast *
cer_ast_skip_named(const cer_ast *child)
{
	while (child != NULL && child->kind == CER_AST_NAMED)
		child = child->next;
	return child;
}
