/*
 * lang/resolve_item.c
 *	  One item of FE: its encoders checked, all of it made ready for the plan.
 */
#include "lang/resolver.h"

#include "base/text.h"
#include "lang/bind.h"

#include <string.h>

/* ---------------------------------------------------------------- encoders */

static cer_status
resolve_encoder(cer_resolver *r, cer_ast *call, cer_encoder_spec *encoder);

/* Of a space: each of the encoders. */
static cer_status
resolve_many(cer_resolver *r, cer_ast *many, cer_encoder_spec *encoder)
{
	size_t n = many->kind == CER_AST_CONDITION ? 1 : cer_ast_count(many);

	for (cer_ast *call = many->first; n > 0; call = call->next, n--)
		CER_TRY(resolve_encoder(r, call, encoder));
	return CER_OK;
}

static cer_status
resolve_encoder(cer_resolver *r, cer_ast *call, cer_encoder_spec *encoder)
{
	const cer_word *word = NULL;
	cer_binding binding;

	if (r->form == CER_FORM_SPACE && cer_ast_is_many(call) &&
	    call->kind != CER_AST_RANGE)
		return resolve_many(r, call, encoder);
	if (call->kind != CER_AST_CALL)
		return cer_fail_at(r->err, CER_BAD_VALUE, call->place,
		                   "a number is no encoder");
	CER_TRY(cer_call_find_word(call, CER_WORD_ENCODER, &word, r->err));
	CER_TRY(cer_call_bind(call, word, r->form, &binding, r->err));
	*encoder = (cer_encoder_spec){.kind = (cer_encoder_kind) word->code};
	cer_binding_store(&binding, encoder);
	return cer_binding_rewrite(r->arena, &binding, call, r->err);
}

/* Side by side they stand in the order of their names, each at most once. */
static cer_status
order_encoders(cer_resolver *r, cer_ast *plus)
{
	cer_ast_sort_children(plus);
	for (const cer_ast *call = plus->first; call->next; call = call->next)
		if (call->kind == CER_AST_CALL &&
		    cer_text_equals(call->name, call->next->name))
			return cer_fail_at(r->err, CER_BAD_VALUE, call->next->place,
			                   "encoder \"%.*s\" is given twice",
			                   CER_SHOW(call->next->name));
	return CER_OK;
}

static cer_status
resolve_encoders(cer_resolver *r, cer_ast *ast, cer_fe_item *item)
{
	bool is_list;
	cer_encoder_spec *encoders;
	size_t n;

	if (ast == NULL)
		return CER_OK;
	is_list = ast->kind == CER_AST_PLUS;
	n = is_list ? cer_ast_count(ast) : 1;
	if (is_list)
		CER_TRY(order_encoders(r, ast));
	encoders = cer_arena_allocate(r->arena, n * sizeof(*encoders));
	if (encoders == NULL)
		return cer_fail_memory(r->err, n * sizeof(*encoders));
	item->n_encoders = n;
	item->encoders = encoders;
	if (!is_list)
		return resolve_encoder(r, ast, encoders);
	for (cer_ast *call = ast->first; call; call = call->next)
		CER_TRY(resolve_encoder(r, call, encoders++));
	return CER_OK;
}

/* ---------------------------------------------------------------- columns */

/* The names of columns from first on, as far as they have its qualifier;
 * *rest: the first that has not. */
static cer_status
list_names(cer_resolver *r, const cer_ast *first, const cer_ast **rest,
           size_t *n_names, const cer_text **list)
{
	const cer_ast *end = first;
	size_t n = 0;
	cer_text *names;

	for (; end && cer_text_equals(end->qualifier, first->qualifier);
	     end = end->next)
		n++;
	names = cer_arena_allocate(r->arena, n * sizeof(*names));
	if (names == NULL)
		return cer_fail_memory(r->err, n * sizeof(*names));
	*n_names = n;
	*list = names;
	for (const cer_ast *column = first; column != end; column = column->next)
		*names++ = column->name;
	*rest = end;
	return CER_OK;
}

static void
place_item(const cer_ast *ast, cer_fe_kind kind, cer_fe_item *item)
{
	item->kind = kind;
	item->line = ast->place.line;
	item->column = ast->place.column;
}

static cer_status
resolve_except(cer_resolver *r, const cer_ast *except, cer_fe_item **item)
{
	const cer_ast *rest = except->first;

	for (; rest != NULL; (*item)++)
	{
		place_item(except, CER_FE_EXCEPT, *item);
		(*item)->qualifier = rest->qualifier;
		CER_TRY(list_names(r, rest, &rest, &(*item)->n_names, &(*item)->names));
	}
	return CER_OK;
}

static void
name_item(const cer_ast *ast, cer_fe_kind kind, cer_fe_item *item)
{
	place_item(ast, kind, item);
	item->qualifier = ast->qualifier;
	item->n_names = 1;
	item->names = &ast->name;
}

/* ---------------------------------------------------------------- tables */

/* Columns that link a table are of one other table. */
static cer_status
resolve_link(cer_resolver *r, const cer_ast *link, cer_fe_item *item)
{
	const cer_ast *rest;

	if (link->kind == CER_AST_ON)
	{
		item->link = CER_LINK_ON;
		item->link_sql = link->first->name;
		return CER_OK;
	}
	item->link = link->kind == CER_AST_VIA ? CER_LINK_VIA : CER_LINK_USING;
	item->link_qualifier = link->first->qualifier;
	CER_TRY(list_names(r, link->first, &rest, &item->n_link_columns,
	                   &item->link_columns));
	if (rest == NULL)
		return CER_OK;
	return cer_fail_at(r->err, CER_BAD_VALUE, rest->place,
	                   "column \"%.*s\" is of another table than \"%.*s\"",
	                   CER_SHOW(rest->name), CER_SHOW(link->first->name));
}

static cer_status
fail_value_twice(cer_resolver *r, const cer_ast *value)
{
	return cer_fail_at(r->err, CER_BAD_VALUE, value->place,
	                   "aggregate \"%.*s\" is given twice",
	                   CER_SHOW(value->name));
}

/* Sorts the values among the children of an aggregate, and lists them. */
static cer_status
resolve_values(cer_resolver *r, cer_ast *aggregate, cer_fe_item *item)
{
	cer_ast parts[3] = {{0}}; /* what is before the values, they, the rest */
	cer_fe_value *values;
	size_t part = 0;
	cer_ast *next;

	for (cer_ast *child = aggregate->first; child; child = next)
	{
		next = child->next;
		part = child->kind == CER_AST_DERIVED ? 1 : part == 0 ? 0 : 2;
		cer_ast_append(&parts[part], child);
	}
	cer_ast_sort_children(&parts[1]);
	item->n_values = cer_ast_count(&parts[1]);
	values = cer_arena_allocate(r->arena, item->n_values * sizeof(*values));
	if (values == NULL)
		return cer_fail_memory(r->err, item->n_values * sizeof(*values));
	item->values = values;
	for (const cer_ast *value = parts[1].first; value; value = value->next)
	{
		if (value->next && cer_text_equals(value->name, value->next->name))
			return fail_value_twice(r, value->next);
		*values++ = (cer_fe_value){value->name, value->first->name};
	}
	cer_ast_remove_children(aggregate);
	for (part = 0; part < 3; part++)
		cer_ast_move_children(aggregate, &parts[part]);
	return CER_OK;
}

static cer_status
resolve_clause(cer_resolver *r, const cer_ast *clause, cer_fe_item *item)
{
	switch (clause->kind)
	{
		case CER_AST_ALIAS:
			item->alias = clause->name;
			return CER_OK;
		case CER_AST_WHERE:
			item->sql = clause->first->name;
			return CER_OK;
		case CER_AST_WINDOW:
			item->window = clause->first->name;
			return CER_OK;
		case CER_AST_DERIVED:
			return CER_OK;
		default:
			return resolve_link(r, clause, item);
	}
}

static cer_status
resolve_table(cer_resolver *r, cer_ast *table, cer_fe_item *item)
{
	bool is_join = table->kind == CER_AST_JOIN;

	name_item(table, is_join ? CER_FE_JOIN : CER_FE_AGGREGATE, item);
	item->alias = table->name;
	item->is_last = is_join && table->flag;
	item->is_uncut = !is_join && table->flag;
	for (cer_ast *child = table->first; child; child = child->next)
		CER_TRY(resolve_clause(r, child, item));
	return is_join ? CER_OK : resolve_values(r, table, item);
}

cer_status
cer_resolve_item(cer_resolver *r, cer_ast *ast, cer_fe_item **next)
{
	cer_fe_item *item = *next;

	switch (ast->kind)
	{
		case CER_AST_EXCEPT:
			return resolve_except(r, ast, next);
		case CER_AST_STAR:
			place_item(ast, CER_FE_STAR, item);
			break;
		case CER_AST_JOIN:
		case CER_AST_AGGREGATE:
			CER_TRY(resolve_table(r, ast, item));
			break;
		case CER_AST_DERIVED:
			name_item(ast, CER_FE_DERIVED, item);
			item->sql = ast->first->name;
			CER_TRY(resolve_encoders(r, ast->first->next, item));
			break;
		default:
			name_item(ast, CER_FE_COLUMN, item);
			CER_TRY(resolve_encoders(r, ast->first, item));
			break;
	}
	(*next)++;
	return CER_OK;
}
