/*
 * lang/resolve_fe.c
 *	  FE: items in canonical order: the star, EXCEPT, columns by name, each at
 *	  most once.  A plan reads columns in the source's order, so that the order
 *	  in which they were written means nothing.
 */
#include "lang/resolver.h"

#include "base/text.h"
#include "lang/bind.h"

#include <string.h>

static cer_status
check_items(cer_resolver *r, const cer_ast *stars, const cer_ast *excepts)
{
	if (stars->first != stars->last)
		return cer_fail_at(r->err, CER_BAD_VALUE, stars->last->place,
		                   "\"*\" is given twice");
	if (excepts->first != excepts->last)
		return cer_fail_at(r->err, CER_BAD_VALUE, excepts->last->place,
		                   "EXCEPT is given twice");
	if (excepts->first != NULL && stars->first == NULL)
	{
		cer_fail_at(r->err, CER_BAD_VALUE, excepts->first->place,
		            "EXCEPT without \"*\"");
		cer_error_set_hint(r->err, "Write FE *, EXCEPT (...).");
		return CER_BAD_VALUE;
	}
	return CER_OK;
}

/* Columns in order of their names: no name twice. */
static cer_status
check_names(cer_resolver *r, const cer_ast *columns)
{
	for (const cer_ast *column = columns->first; column && column->next;
	     column = column->next)
		if (cer_text_equals(column->name, column->next->name))
			return cer_fail_at(r->err, CER_BAD_VALUE, column->next->place,
			                   "column \"%.*s\" is given twice",
			                   CER_SHOW(column->name));
	return CER_OK;
}

/* Both in order of their names: none is in both. */
static cer_status
check_conflicts(cer_resolver *r, const cer_ast *excepted,
                const cer_ast *columns)
{
	const cer_ast *out = excepted->first;
	const cer_ast *in = columns->first;

	while (out != NULL && in != NULL)
	{
		int order = cer_text_compare(out->name, in->name);

		if (order == 0)
			return cer_fail_at(r->err, CER_BAD_VALUE, in->place,
			                   "column \"%.*s\" is both named and left out",
			                   CER_SHOW(in->name));
		if (order < 0)
			out = out->next;
		else
			in = in->next;
	}
	return CER_OK;
}

static cer_status
order_items(cer_resolver *r, cer_ast *fe)
{
	cer_ast stars = {0};
	cer_ast excepts = {0};
	cer_ast columns = {0};
	cer_ast *next;

	for (cer_ast *item = fe->first; item; item = next)
	{
		next = item->next;
		cer_ast_append(item->kind == CER_AST_STAR     ? &stars
		               : item->kind == CER_AST_EXCEPT ? &excepts
		                                              : &columns,
		               item);
	}
	CER_TRY(check_items(r, &stars, &excepts));
	cer_ast_sort_children(&columns);
	CER_TRY(check_names(r, &columns));
	if (excepts.first != NULL)
	{
		cer_ast_sort_children(excepts.first);
		CER_TRY(check_names(r, excepts.first));
		CER_TRY(check_conflicts(r, excepts.first, &columns));
	}
	cer_ast_remove_children(fe);
	cer_ast_move_children(fe, &stars);
	cer_ast_move_children(fe, &excepts);
	cer_ast_move_children(fe, &columns);
	return CER_OK;
}

static cer_status
resolve_encoder(cer_resolver *r, cer_ast *call, cer_encoder_spec *encoder)
{
	const cer_word *word = NULL;
	cer_binding binding;

	*encoder = (cer_encoder_spec){CER_ENCODER_AUTO, 0};
	if (call == NULL)
		return CER_OK;
	if (call->kind != CER_AST_CALL)
		return cer_fail_at(r->err, CER_BAD_VALUE, call->place,
		                   "a number is no encoder");
	CER_TRY(cer_call_find_word(call, CER_WORD_ENCODER, &word, r->err));
	CER_TRY(cer_call_bind(call, word, &binding, r->err));
	encoder->kind = (cer_encoder_kind) word->code;
	cer_binding_store(&binding, encoder);
	return cer_binding_rewrite(r->arena, &binding, call, r->err);
}

static cer_status
resolve_names(cer_resolver *r, const cer_ast *except, cer_fe_item *item)
{
	size_t size = cer_ast_count(except) * sizeof(cer_text);
	cer_text *names;
	size_t n = 0;

	names = cer_arena_allocate(r->arena, size);
	if (names == NULL)
		return cer_fail_memory(r->err, size);
	for (cer_ast *child = except->first; child; child = child->next)
		names[n++] = child->name;
	item->n_names = n;
	item->names = names;
	return CER_OK;
}

static cer_status
resolve_item(cer_resolver *r, cer_ast *ast, cer_fe_item *item)
{
	memset(item, 0, sizeof(*item));
	item->line = ast->place.line;
	item->column = ast->place.column;
	switch (ast->kind)
	{
		case CER_AST_STAR:
			item->kind = CER_FE_STAR;
			return CER_OK;
		case CER_AST_EXCEPT:
			item->kind = CER_FE_EXCEPT;
			return resolve_names(r, ast, item);
		default:
			item->kind = CER_FE_COLUMN;
			item->n_names = 1;
			item->names = &ast->name;
			return resolve_encoder(r, ast->first, &item->encoder);
	}
}

cer_status
cer_resolve_fe(cer_resolver *r, cer_ast *fe)
{
	cer_ast *star;
	cer_fe_item *items;
	size_t size;
	size_t n = 0;

	if (fe->first == NULL)
	{
		CER_TRY(cer_resolver_make_node(r, CER_AST_STAR, fe->place, &star));
		cer_ast_append(fe, star);
	}
	CER_TRY(order_items(r, fe));
	size = cer_ast_count(fe) * sizeof(*items);
	items = cer_arena_allocate(r->arena, size);
	if (items == NULL)
		return cer_fail_memory(r->err, size);
	for (cer_ast *child = fe->first; child; child = child->next)
		CER_TRY(resolve_item(r, child, &items[n++]));
	r->mst->n_items = n;
	r->mst->items = items;
	return CER_OK;
}
