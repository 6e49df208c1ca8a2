/*
 * lang/resolve_fe.c
 *	  FE: items in canonical order (the star, EXCEPT, columns as they stand),
 *	  each column at most once.
 */
#include "lang/resolver.h"

#include "base/text.h"
#include "lang/bind.h"

#include <string.h>

static const cer_ast *
find_column(const cer_ast *parent, const cer_ast *end, cer_text name)
{
	for (const cer_ast *child = parent->first; child != end;
	     child = child->next)
		if (child->kind == CER_AST_COLUMN && cer_text_equals(child->name, name))
			return child;
	return NULL;
}

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

/* The star, EXCEPT, then columns as they stand. */
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

/* No column is named twice within parent, before end. */
static cer_status
check_name(cer_resolver *r, const cer_ast *parent, const cer_ast *column)
{
	if (find_column(parent, column, column->name) != NULL)
		return cer_fail_at(r->err, CER_BAD_VALUE, column->place,
		                   "column \"%.*s\" is given twice",
		                   CER_SHOW(column->name));
	return CER_OK;
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
	{
		CER_TRY(check_name(r, except, child));
		names[n++] = child->name;
	}
	item->n_names = n;
	item->names = names;
	return CER_OK;
}

static cer_status
resolve_item(cer_resolver *r, const cer_ast *fe, cer_ast *ast,
             cer_fe_item *item)
{
	const cer_ast *second = fe->first->next;

	memset(item, 0, sizeof(*item));
	item->line = ast->place.line;
	item->column = ast->place.column;
	item->kind = ast->kind == CER_AST_STAR     ? CER_FE_STAR
	             : ast->kind == CER_AST_EXCEPT ? CER_FE_EXCEPT
	                                           : CER_FE_COLUMN;
	if (ast->kind == CER_AST_EXCEPT)
		return resolve_names(r, ast, item);
	if (ast->kind != CER_AST_COLUMN)
		return CER_OK;
	CER_TRY(check_name(r, fe, ast));
	if (second != NULL && second->kind == CER_AST_EXCEPT &&
	    find_column(second, NULL, ast->name) != NULL)
		return cer_fail_at(r->err, CER_BAD_VALUE, ast->place,
		                   "column \"%.*s\" is both named and left out",
		                   CER_SHOW(ast->name));
	item->n_names = 1;
	item->names = &ast->name;
	return resolve_encoder(r, ast->first, &item->encoder);
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
		CER_TRY(resolve_item(r, fe, child, &items[n++]));
	r->mst->n_items = n;
	r->mst->items = items;
	return CER_OK;
}
