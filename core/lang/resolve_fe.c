/*
 * lang/resolve_fe.c
 *	  FE: items in canonical order, each thing at most once.  A plan reads
 *	  columns in the source's order, so that the order in which they were
 *	  written means nothing.
 */
#include "lang/resolver.h"

#include "base/text.h"
#include "lang/suggest.h"

#include <string.h>

/* FE's items sorted by what they are, each list in canonical order. */
typedef struct items
{
	cer_ast stars;
	cer_ast excepts;
	cer_ast excepted; /* COLUMNs: of all the excepts */
	cer_ast joins;
	cer_ast aggregates;
	cer_ast columns; /* COLUMNs and DERIVEDs */
	cer_ast many;    /* of spaces: what stands for many, as it is written */
} items;

static cer_ast *
get_list(items *sorted, cer_ast_kind kind)
{
	switch (kind)
	{
		case CER_AST_STAR:
			return &sorted->stars;
		case CER_AST_EXCEPT:
			return &sorted->excepts;
		case CER_AST_JOIN:
			return &sorted->joins;
		case CER_AST_AGGREGATE:
			return &sorted->aggregates;
		case CER_AST_CHOICE:
		case CER_AST_OPTIONAL:
		case CER_AST_CONDITION:
			return &sorted->many;
		default:
			return &sorted->columns;
	}
}

/* ---------------------------------------------------------------- checks */

static cer_status
fail_column(cer_resolver *r, const cer_ast *column, const char *what)
{
	cer_text qualifier = column->qualifier;

	if (qualifier.size == 0)
		return cer_fail_at(r->err, CER_BAD_VALUE, column->place,
		                   "column \"%.*s\" is %s", CER_SHOW(column->name),
		                   what);
	return cer_fail_at(r->err, CER_BAD_VALUE, column->place,
	                   "column \"%.*s.%.*s\" is %s", CER_SHOW(qualifier),
	                   CER_SHOW(column->name), what);
}

/* Columns in order: none twice. */
static cer_status
check_columns(cer_resolver *r, const cer_ast *columns)
{
	for (const cer_ast *column = columns->first; column && column->next;
	     column = column->next)
		if (cer_ast_compare(column, column->next) == 0)
			return fail_column(r, column->next, "given twice");
	return CER_OK;
}

/* The first of b that is in a too, both in order. */
static const cer_ast *
find_common(const cer_ast *a, const cer_ast *b)
{
	const cer_ast *left = a->first;
	const cer_ast *right = b->first;

	while (left != NULL && right != NULL)
	{
		int order = cer_ast_compare(left, right);

		if (order == 0)
			return right;
		if (order < 0)
			left = left->next;
		else
			right = right->next;
	}
	return NULL;
}

static cer_text
get_alias(const cer_ast *table)
{
	return table->first && table->first->kind == CER_AST_ALIAS
	           ? table->first->name
	           : table->name;
}

static cer_status
check_aliases(cer_resolver *r, const items *sorted)
{
	const cer_ast *twice = find_common(&sorted->joins, &sorted->aggregates);
	const cer_ast *lists[] = {&sorted->joins, &sorted->aggregates};

	for (size_t i = 0; i < 2; i++)
		for (const cer_ast *table = lists[i]->first; table && table->next;
		     table = table->next)
			if (cer_ast_compare(table, table->next) == 0)
				twice = table->next;
	if (twice == NULL)
		return CER_OK;
	cer_fail_at(r->err, CER_BAD_VALUE, twice->place,
	            "table \"%.*s\" is given twice", CER_SHOW(get_alias(twice)));
	cer_error_set_hint(r->err, "Give one of them another name: JOIN %.*s a.",
	                   CER_SHOW(twice->name));
	return CER_BAD_VALUE;
}

static bool
has_alias(const cer_ast *tables, cer_text alias)
{
	for (const cer_ast *table = tables->first; table; table = table->next)
		if (cer_text_equals(get_alias(table), alias))
			return true;
	return false;
}

static cer_status
fail_alias(cer_resolver *r, const items *sorted, const cer_ast *column)
{
	const cer_ast *lists[] = {&sorted->joins, &sorted->aggregates};
	cer_suggestion suggestion;

	cer_fail_at(r->err, CER_UNKNOWN_NAME, column->place,
	            "no table \"%.*s\" in FE", CER_SHOW(column->qualifier));
	cer_error_set_hint(r->err, "Add JOIN %.*s, or an AGGREGATE of it.",
	                   CER_SHOW(column->qualifier));
	cer_suggestion_init(&suggestion, column->qualifier);
	for (size_t i = 0; i < 2; i++)
		for (const cer_ast *table = lists[i]->first; table; table = table->next)
			cer_suggestion_offer(&suggestion, get_alias(table));
	cer_suggestion_hint(&suggestion, r->err);
	return CER_UNKNOWN_NAME;
}

static cer_status
check_qualifiers(cer_resolver *r, const items *sorted, const cer_ast *columns)
{
	for (const cer_ast *column = columns->first; column; column = column->next)
		if (column->qualifier.size > 0 &&
		    !has_alias(&sorted->joins, column->qualifier) &&
		    !has_alias(&sorted->aggregates, column->qualifier))
			return fail_alias(r, sorted, column);
	return CER_OK;
}

/* The star has what is not qualified; a JOIN has what is. */
static cer_status
check_star(cer_resolver *r, const items *sorted)
{
	const cer_ast *out = sorted->excepted.first;

	if (sorted->stars.first != sorted->stars.last)
		return cer_fail_at(r->err, CER_BAD_VALUE, sorted->stars.last->place,
		                   "\"*\" is given twice");
	if (sorted->excepts.first != sorted->excepts.last)
		return cer_fail_at(r->err, CER_BAD_VALUE, sorted->excepts.last->place,
		                   "EXCEPT is given twice");
	if (out == NULL || out->qualifier.size > 0 || sorted->stars.first != NULL ||
	    r->form == CER_FORM_PATTERN || sorted->many.first != NULL)
		return CER_OK;
	cer_fail_at(r->err, CER_BAD_VALUE, sorted->excepts.first->place,
	            "EXCEPT without \"*\"");
	cer_error_set_hint(r->err, "Write FE *, EXCEPT (...).");
	return CER_BAD_VALUE;
}

static cer_status
check_items(cer_resolver *r, const items *sorted)
{
	const cer_ast *both;

	CER_TRY(check_star(r, sorted));
	CER_TRY(check_aliases(r, sorted));
	CER_TRY(check_columns(r, &sorted->columns));
	CER_TRY(check_columns(r, &sorted->excepted));
	both = find_common(&sorted->excepted, &sorted->columns);
	if (both != NULL)
		return fail_column(r, both, "both named and left out");
	/* in a pattern tables are free, in a space they may be optional */
	if (r->form == CER_FORM_PATTERN || sorted->many.first != NULL)
		return CER_OK;
	CER_TRY(check_qualifiers(r, sorted, &sorted->excepted));
	return check_qualifiers(r, sorted, &sorted->columns);
}

/* ---------------------------------------------------------------- order */

/* An alias that is the table's name says nothing. */
static void
drop_alias(cer_ast *table)
{
	cer_ast *alias = table->first;

	if (alias == NULL || alias->kind != CER_AST_ALIAS ||
	    !cer_text_equals(alias->name, table->name))
		return;
	table->first = alias->next;
	if (table->last == alias)
		table->last = NULL;
}

static void
sort_items(cer_ast *fe, items *sorted)
{
	cer_ast *next;

	for (cer_ast *item = fe->first; item; item = next)
	{
		next = item->next;
		if (item->kind == CER_AST_JOIN || item->kind == CER_AST_AGGREGATE)
			drop_alias(item);
		cer_ast_append(get_list(sorted, item->kind), item);
	}
	if (sorted->excepts.first != NULL)
	{
		cer_ast_sort_children(sorted->excepts.first);
		sorted->excepted.first = sorted->excepts.first->first;
	}
	cer_ast_sort_children(&sorted->joins);
	cer_ast_sort_children(&sorted->aggregates);
	cer_ast_sort_children(&sorted->columns);
}

static cer_status
order_items(cer_resolver *r, cer_ast *fe)
{
	items sorted = {0};

	sort_items(fe, &sorted);
	CER_TRY(check_items(r, &sorted));
	cer_ast_remove_children(fe);
	cer_ast_move_children(fe, &sorted.stars);
	cer_ast_move_children(fe, &sorted.excepts);
	cer_ast_move_children(fe, &sorted.joins);
	cer_ast_move_children(fe, &sorted.aggregates);
	cer_ast_move_children(fe, &sorted.columns);
	cer_ast_move_children(fe, &sorted.many);
	return CER_OK;
}

/* The canonical form of an item, which is used for nothing else. */
static cer_status
resolve_open_item(cer_resolver *r, cer_ast *item)
{
	size_t size = 0;
	cer_fe_item *unused;

	if (cer_ast_is_many(item))
	{
		size = item->kind == CER_AST_CONDITION ? 1 : cer_ast_count(item);
		for (cer_ast *child = item->first; size > 0;
		     child = child->next, size--)
			CER_TRY(resolve_open_item(r, child));
		return CER_OK;
	}
	if (item->kind == CER_AST_EXCEPT)
		cer_ast_sort_children(item);
	if (item->kind == CER_AST_JOIN || item->kind == CER_AST_AGGREGATE)
		drop_alias(item);
	size = (item->kind == CER_AST_EXCEPT ? cer_ast_count(item) : 1) *
	       sizeof(*unused);
	unused = cer_arena_allocate(r->arena, size);
	if (unused == NULL)
		return cer_fail_memory(r->err, size);
	memset(unused, 0, size);
	return cer_resolve_item(r, item, &unused);
}

cer_status
cer_resolve_open_fe(cer_resolver *r, cer_ast *fe)
{
	CER_TRY(order_items(r, fe));
	for (cer_ast *item = fe->first; item; item = item->next)
		CER_TRY(resolve_open_item(r, item));
	return CER_OK;
}

/* An EXCEPT becomes an item for each qualifier. */
static size_t
count_items(const cer_ast *fe)
{
	size_t n = 0;

	for (const cer_ast *item = fe->first; item; item = item->next)
	{
		n++;
		if (item->kind != CER_AST_EXCEPT)
			continue;
		for (const cer_ast *out = item->first; out->next; out = out->next)
			n += !cer_text_equals(out->qualifier, out->next->qualifier);
	}
	return n;
}

cer_status
cer_resolve_fe(cer_resolver *r, cer_ast *fe)
{
	cer_ast *star;
	cer_fe_item *made;
	size_t size;
	size_t n;

	if (fe->first == NULL)
	{
		CER_TRY(cer_resolver_make_node(r, CER_AST_STAR, fe->place, &star));
		cer_ast_append(fe, star);
	}
	CER_TRY(order_items(r, fe));
	n = count_items(fe);
	size = n * sizeof(*made);
	made = cer_arena_allocate(r->arena, size);
	if (made == NULL)
		return cer_fail_memory(r->err, size);
	memset(made, 0, size);
	r->mst->n_items = n;
	r->mst->items = made;
	for (cer_ast *child = fe->first; child; child = child->next)
		CER_TRY(cer_resolve_item(r, child, &made));
	return CER_OK;
}
