/*
 * lang/change_items.c
 *	  Steps that turn one FE into another: what goes, encoders, what comes.
 */
#include "lang/change_between.h"

#include "base/text.h"

static cer_status
append_item(cer_differ *d, cer_ast_kind kind, const cer_ast *item)
{
	cer_ast *step;

	CER_TRY(cer_differ_add_step(d, kind, &step));
	return cer_differ_add_value(d, step, item);
}

/* The columns of one EXCEPT that another has not. */
static cer_status
append_excepted(cer_differ *d, cer_ast_kind kind, const cer_ast *of,
                const cer_ast *but)
{
	cer_ast rest = {.kind = CER_AST_EXCEPT};

	for (const cer_ast *column = of->first; column; column = column->next)
	{
		const cer_ast *other = but ? but->first : NULL;
		cer_ast *copy;

		while (other != NULL && cer_ast_compare(column, other) != 0)
			other = other->next;
		if (other != NULL)
			continue;
		copy = cer_ast_copy(d->draft.arena, column);
		if (copy == NULL)
			return cer_fail_memory(d->err, sizeof(*copy));
		cer_ast_append(&rest, copy);
	}
	return rest.first ? append_item(d, kind, &rest) : CER_OK;
}

/* The same column, or the same SQL, with another encoder. */
static bool
differs_in_encoder(const cer_ast *a, const cer_ast *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == CER_AST_DERIVED)
		return cer_ast_equals(a->first, b->first);
	return a->kind == CER_AST_COLUMN;
}

/* FE.name leads to the item, not to a table of that name. */
static bool
has_path(const cer_ast *fe, const cer_ast *item)
{
	if (item->qualifier.size > 0)
		return true;
	for (const cer_ast *other = fe->first; other; other = other->next)
	{
		cer_ast key = {.kind = other->kind, .name = item->name};

		if ((other->kind == CER_AST_JOIN || other->kind == CER_AST_AGGREGATE) &&
		    cer_ast_compare(other, &key) == 0)
			return false;
	}
	return true;
}

static cer_status
append_encoder(cer_differ *d, const cer_ast *a, const cer_ast *b)
{
	const cer_ast *old = cer_item_get_encoder(a);
	const cer_ast *new = cer_item_get_encoder(b);
	cer_text first = a->qualifier.size > 0 ? a->qualifier : a->name;
	cer_text second = {NULL, 0};
	cer_ast room;
	cer_ast *path;

	if (a->qualifier.size > 0)
		second = a->name;
	cer_ast_make_default_word(&room);
	CER_TRY(
		cer_path_of_names(d->draft.arena, "fe", first, second, &path, d->err));
	return cer_differ_add_set(d, path, old ? old : &room, new ? new : &room);
}

static cer_status
drop_items(cer_differ *d)
{
	const cer_ast *a = d->draft.fe;
	const cer_ast *b = d->target.fe;

	for (const cer_ast *item = a->first; item; item = item->next)
	{
		const cer_ast *rival = cer_item_find_rival(b, item);

		if (rival != NULL && cer_ast_equals(item, rival))
			continue;
		if (item->kind == CER_AST_EXCEPT)
			CER_TRY(append_excepted(d, CER_AST_DROP, item, rival));
		else if (rival == NULL || !differs_in_encoder(item, rival) ||
		         !has_path(a, item))
			CER_TRY(append_item(d, CER_AST_DROP, item));
	}
	return CER_OK;
}

static cer_status
add_items(cer_differ *d)
{
	const cer_ast *a = d->draft.fe;
	const cer_ast *b = d->target.fe;

	for (const cer_ast *item = b->first; item; item = item->next)
	{
		const cer_ast *rival = cer_item_find_rival(a, item);

		if (rival != NULL && cer_ast_equals(item, rival))
			continue;
		if (item->kind == CER_AST_EXCEPT)
			CER_TRY(append_excepted(d, CER_AST_ADD, item, rival));
		else if (rival == NULL || !differs_in_encoder(rival, item) ||
		         !has_path(a, item))
			CER_TRY(append_item(d, CER_AST_ADD, item));
	}
	return CER_OK;
}

/* Before anything is added: a path says what it leads to in the first. */
static cer_status
set_encoders(cer_differ *d)
{
	const cer_ast *a = d->draft.fe;
	const cer_ast *b = d->target.fe;

	for (const cer_ast *item = a->first; item; item = item->next)
	{
		const cer_ast *rival = cer_item_find_rival(b, item);

		if (rival != NULL && !cer_ast_equals(item, rival) &&
		    differs_in_encoder(item, rival) && has_path(a, item))
			CER_TRY(append_encoder(d, item, rival));
	}
	return CER_OK;
}

cer_status
cer_differ_compare_features(cer_differ *d)
{
	CER_TRY(drop_items(d));
	CER_TRY(set_encoders(d));
	return add_items(d);
}
