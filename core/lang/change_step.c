/*
 * lang/change_step.c
 *	  One step of a change, done to a draft.
 *
 * What a step says was there must be there, in this or another spelling of the
 * same: embed(8) is embed, as 8 is its default.  Other spellings are told by
 * the triple being equal with them.  A value that a triple leaves to its
 * structure is another than the same number said: else a step's inverse would
 * not give the triple that was.
 */
#include "lang/change.h"

#include "base/text.h"
#include "lang/mst.h"

static cer_text
show(const cer_draft *draft, const cer_ast *ast)
{
	cer_text text = {"", 0};
	cer_ast *folded;

	if (cer_value_fold(draft->arena, ast, &folded, NULL) == CER_OK)
		cer_ast_print(draft->arena, folded, &text, NULL);
	return text;
}

/* --------------------------------------------------------------- spelling */

static cer_status
copy_draft(const cer_draft *draft, cer_draft *copy, cer_error *err)
{
	*copy = *draft;
	CER_TRY(cer_value_unfold(draft->arena, draft->fe, &copy->fe, err));
	CER_TRY(cer_value_unfold(draft->arena, draft->as, &copy->as, err));
	return cer_value_unfold(draft->arena, draft->pt, &copy->pt, err);
}

static cer_ast_kind
get_section_kind(const cer_ast *path)
{
	if (cer_text_is(path->first->name, "as"))
		return CER_AST_AS;
	return cer_text_is(path->first->name, "pt") ? CER_AST_PT : CER_AST_FE;
}

/* What one of them says the other leaves to a default, of the same value. */
static bool
means_same(const cer_draft *a, const cer_draft *b)
{
	const cer_mst *x;
	const cer_mst *y;
	cer_text of_x;
	cer_text of_y;

	return cer_draft_resolve(a, &x, NULL) == CER_OK &&
	       cer_draft_resolve(b, &y, NULL) == CER_OK &&
	       cer_mst_describe(a->arena, x, &of_x, NULL) == CER_OK &&
	       cer_mst_describe(a->arena, y, &of_y, NULL) == CER_OK &&
	       cer_text_equals(of_x, of_y);
}

/* The draft, with value at the path. */
static bool
make_twin(const cer_draft *draft, const cer_ast *path, const cer_ast *value,
          cer_draft *twin)
{
	cer_spot spot;
	cer_ast *unfolded;

	return copy_draft(draft, twin, NULL) == CER_OK &&
	       cer_spot_find(twin, path, &spot, NULL) == CER_OK &&
	       cer_value_unfold(draft->arena, value, &unfolded, NULL) == CER_OK &&
	       cer_spot_write(twin, &spot, unfolded, NULL) == CER_OK &&
	       cer_draft_normalize(twin, get_section_kind(path), NULL) == CER_OK;
}

static const cer_ast *
get_section(const cer_draft *draft, cer_ast_kind kind)
{
	if (kind == CER_AST_FE)
		return draft->fe;
	return kind == CER_AST_AS ? draft->as : draft->pt;
}

/* Setting the path to value changes nothing. */
static bool
is_spelling_of_value(const cer_draft *draft, const cer_ast *path,
                     const cer_ast *value)
{
	cer_ast_kind section = get_section_kind(path);
	cer_draft copy;
	cer_draft twin;

	return copy_draft(draft, &copy, NULL) == CER_OK &&
	       cer_draft_normalize(&copy, section, NULL) == CER_OK &&
	       make_twin(draft, path, value, &twin) &&
	       cer_ast_equals(get_section(&copy, section),
	                      get_section(&twin, section));
}

static bool
is_spelling_of_item(const cer_draft *draft, const cer_ast *item)
{
	cer_draft twin;
	cer_ast *unfolded;

	if (copy_draft(draft, &twin, NULL) != CER_OK ||
	    cer_value_unfold(draft->arena, item, &unfolded, NULL) != CER_OK)
		return false;
	cer_ast_replace(twin.fe, cer_item_find_rival(twin.fe, item), unfolded);
	return cer_draft_normalize(&twin, CER_AST_FE, NULL) == CER_OK &&
	       cer_ast_equals(draft->fe, twin.fe);
}

/* --------------------------------------------------------------- FE */

static cer_ast *
find_column(const cer_ast *list, const cer_ast *column)
{
	for (cer_ast *child = list->first; child; child = child->next)
		if (cer_ast_compare(child, column) == 0)
			return child;
	return NULL;
}

/* EXCEPTs add up. */
static cer_status
add_excepted(cer_draft *draft, cer_ast *except, cer_ast *more, cer_error *err)
{
	for (const cer_ast *out = more->first; out; out = out->next)
		if (find_column(except, out) != NULL)
		{
			cer_text name = show(draft, out);

			return cer_fail(err, CER_BAD_VALUE, "%.*s is left out already",
			                CER_SHOW(name));
		}
	cer_ast_move_children(except, more);
	return CER_OK;
}

static cer_status
drop_excepted(cer_draft *draft, cer_ast *except, const cer_ast *less,
              cer_error *err)
{
	for (const cer_ast *in = less->first; in; in = in->next)
	{
		cer_ast *found = find_column(except, in);

		if (found == NULL)
		{
			cer_text name = show(draft, in);

			return cer_fail(err, CER_BAD_VALUE, "%.*s is not left out",
			                CER_SHOW(name));
		}
		cer_ast_remove(except, found);
	}
	if (except->first == NULL)
		cer_ast_remove(draft->fe, except);
	return CER_OK;
}

static cer_status
add_item(cer_draft *draft, const cer_ast *step, cer_error *err)
{
	cer_ast *rival = cer_item_find_rival(draft->fe, step->first);
	cer_ast *item;
	cer_text there;

	CER_TRY(cer_value_unfold(draft->arena, step->first, &item, err));
	if (rival == NULL)
	{
		cer_ast_append(draft->fe, item);
		return CER_OK;
	}
	if (item->kind == CER_AST_EXCEPT)
		return add_excepted(draft, rival, item, err);
	there = show(draft, rival);
	return cer_fail(err, CER_BAD_VALUE, "FE has %.*s", CER_SHOW(there));
}

static cer_status
fail_other_item(const cer_draft *draft, const cer_ast *rival, cer_error *err)
{
	cer_text there = show(draft, rival);

	cer_fail(err, CER_BAD_VALUE, "FE has %.*s", CER_SHOW(there));
	cer_error_set_hint(err, "DROP FE.name drops an item whatever it says.");
	return CER_BAD_VALUE;
}

static cer_status
drop_item(cer_draft *draft, const cer_ast *step, cer_error *err)
{
	const cer_ast *item = step->first;
	cer_ast *rival;
	cer_spot spot;

	if (item->kind == CER_AST_PATH)
	{
		CER_TRY(cer_spot_find(draft, item, &spot, err));
		cer_ast_remove(draft->fe, spot.node);
		return CER_OK;
	}
	rival = cer_item_find_rival(draft->fe, item);
	if (rival == NULL)
	{
		cer_text name = show(draft, item);

		return cer_fail(err, CER_BAD_VALUE, "FE has no %.*s", CER_SHOW(name));
	}
	if (item->kind == CER_AST_EXCEPT)
		return drop_excepted(draft, rival, item, err);
	if (!cer_ast_equals(rival, item) && !is_spelling_of_item(draft, item))
		return fail_other_item(draft, rival, err);
	cer_ast_remove(draft->fe, rival);
	return CER_OK;
}

/* --------------------------------------------------------------- SET */

static cer_status
fail_other_value(const cer_draft *draft, const cer_ast *step,
                 const cer_ast *there, cer_error *err)
{
	cer_text path = show(draft, step->first);
	cer_text value = show(draft, there);
	cer_draft twin;

	cer_fail(err, CER_BAD_VALUE, "%.*s is %.*s", CER_SHOW(path),
	         CER_SHOW(value));
	if (make_twin(draft, step->first, step->first->next, &twin) &&
	    means_same(draft, &twin))
		cer_error_set_hint(err,
		                   "Both mean the same here, yet one is said and the "
		                   "other left out: write %.*s -> and the new value.",
		                   CER_SHOW(value));
	return CER_BAD_VALUE;
}

static cer_status
check_old(const cer_draft *draft, const cer_ast *step, const cer_spot *spot,
          cer_error *err)
{
	const cer_ast *old = step->first->next;
	const cer_ast *there;
	cer_ast *unfolded;
	cer_ast room;

	if (old == step->last)
		return CER_OK;
	there = cer_spot_read(spot, &room);
	CER_TRY(cer_value_unfold(draft->arena, old, &unfolded, err));
	if (cer_ast_equals(there, unfolded) ||
	    is_spelling_of_value(draft, step->first, old))
		return CER_OK;
	return fail_other_value(draft, step, there, err);
}

static cer_status
set_value(cer_draft *draft, const cer_ast *step, cer_error *err)
{
	cer_spot spot;
	cer_ast *value;

	CER_TRY(cer_spot_find(draft, step->first, &spot, err));
	CER_TRY(check_old(draft, step, &spot, err));
	CER_TRY(cer_value_unfold(draft->arena, step->last, &value, err));
	return cer_spot_write(draft, &spot, value, err);
}

/* --------------------------------------------------------------- layers */

static cer_status
find_element(cer_draft *draft, const cer_ast *path, cer_spot *spot,
             cer_error *err)
{
	cer_text name;

	CER_TRY(cer_spot_find(draft, path, spot, err));
	if (spot->kind == CER_SPOT_ELEMENT)
		return CER_OK;
	name = show(draft, path);
	return cer_fail(err, CER_BAD_VALUE, "%.*s does not stand in a list",
	                CER_SHOW(name));
}

static cer_status
insert_layer(cer_draft *draft, const cer_ast *step, cer_error *err)
{
	cer_spot spot;
	cer_ast *layer;

	if (step->first->kind == CER_AST_CHAIN)
		return cer_fail(err, CER_BAD_VALUE, "one layer a step is inserted");
	CER_TRY(find_element(draft, step->last, &spot, err));
	CER_TRY(cer_value_unfold(draft->arena, step->first, &layer, err));
	if (step->flag)
		cer_ast_insert_before(spot.parent, spot.node, layer);
	else
		cer_ast_insert_after(spot.parent, spot.node, layer);
	return CER_OK;
}

/* The list's children are what the path may lead to, with one of them away. */
typedef struct search
{
	cer_draft *draft;
	const cer_ast *step;   /* DELETE */
	const cer_ast *wanted; /* the layer that it names */
	cer_ast *list;         /* of what was found, and away */
	cer_ast *previous;
	cer_ast *found; /* NULL: not yet */
} search;

/* With child away, the path leads to its neighbour. */
static bool
is_beside(const search *s, const cer_ast *list, const cer_ast *previous,
          const cer_ast *next)
{
	cer_spot spot;

	if (cer_spot_find(s->draft, s->step->last, &spot, NULL) != CER_OK ||
	    spot.kind != CER_SPOT_ELEMENT || spot.parent != list)
		return false;
	return s->step->flag ? spot.node == cer_ast_skip_named(next)
	                     : spot.node == previous;
}

/* Takes away what the step means, or leaves all as it is. */
static void
look_below(search *s, cer_ast *list)
{
	const cer_ast *wanted = s->wanted;
	cer_ast *previous = NULL;
	cer_ast *next;

	for (cer_ast *child = list->first; child && !s->found; child = next)
	{
		next = child->next;
		if (child->kind == wanted->kind &&
		    cer_text_equals(child->name, wanted->name))
		{
			cer_ast_remove(list, child);
			if (is_beside(s, list, previous, next))
			{
				s->list = list;
				s->previous = previous;
				s->found = child;
				return;
			}
			cer_ast_insert_after(list, previous, child);
		}
		look_below(s, child);
		previous = child;
	}
}

static bool
is_spelling_of_layer(const cer_draft *draft, const cer_ast *there,
                     const cer_ast *given)
{
	cer_ast *path;

	return cer_path_make(draft->arena, draft, there, &path, NULL) == CER_OK &&
	       is_spelling_of_value(draft, path, given);
}

/* The layer as a draft has it. */
static cer_status
normalize_layer(const cer_draft *draft, const cer_ast *given, cer_ast **layer,
                cer_error *err)
{
	cer_draft alone = *draft;

	CER_TRY(cer_value_unfold(draft->arena, given, layer, err));
	if ((*layer)->kind != CER_AST_CALL)
		return CER_OK;
	alone.as = cer_ast_make(draft->arena, CER_AST_AS, given->place);
	if (alone.as == NULL)
		return cer_fail_memory(err, sizeof(*alone.as));
	cer_ast_append(alone.as, *layer);
	CER_TRY(cer_draft_normalize(&alone, CER_AST_AS, err));
	if (alone.as->first == alone.as->last)
		*layer = alone.as->first;
	return CER_OK;
}

/* The path is that of the neighbour when the layer is away: so it is what
 * INSERT needs to put it back. */
static cer_status
delete_beside(cer_draft *draft, const cer_ast *step, cer_error *err)
{
	search s = {.draft = draft, .step = step};
	cer_ast *layer;
	cer_text given;
	cer_text path;

	CER_TRY(normalize_layer(draft, step->first, &layer, err));
	s.wanted = layer;
	look_below(&s, draft->as);
	if (s.found != NULL)
	{
		if (cer_ast_equals(s.found, layer))
			return CER_OK;
		cer_ast_insert_after(s.list, s.previous, s.found);
		if (is_spelling_of_layer(draft, s.found, layer))
		{
			cer_ast_remove(s.list, s.found);
			return CER_OK;
		}
	}
	given = show(draft, layer);
	path = show(draft, step->last);
	return cer_fail(err, CER_BAD_VALUE, "there is no %.*s %s %.*s",
	                CER_SHOW(given), step->flag ? "before" : "after",
	                CER_SHOW(path));
}

static size_t
count_positional(const cer_ast *list)
{
	size_t n = 0;

	for (const cer_ast *child = list->first; child; child = child->next)
		n += child->kind != CER_AST_NAMED;
	return n;
}

/* Without its last width a structure would have the default ones. */
static cer_status
check_not_last(const cer_draft *draft, const cer_ast *path,
               const cer_spot *spot, cer_error *err)
{
	const cer_word *word = spot->parent->kind == CER_AST_CALL
	                           ? cer_call_get_word(spot->parent)
	                           : NULL;
	cer_text name;

	if (word == NULL || !cer_word_takes_widths(word) ||
	    count_positional(spot->parent) > 1)
		return CER_OK;
	name = show(draft, path);
	return cer_fail(err, CER_BAD_VALUE, "%.*s is the only width of %.*s",
	                CER_SHOW(name), CER_SHOW(spot->parent->name));
}

static cer_status
delete_layer(cer_draft *draft, const cer_ast *step, cer_error *err)
{
	cer_spot spot;

	if (step->first != step->last)
		return delete_beside(draft, step, err);
	CER_TRY(find_element(draft, step->first, &spot, err));
	CER_TRY(check_not_last(draft, step->first, &spot, err));
	cer_ast_remove(spot.parent, spot.node);
	return CER_OK;
}

static cer_status
do_step(cer_draft *draft, const cer_ast *step, cer_error *err)
{
	switch (step->kind)
	{
		case CER_AST_ADD:
			return add_item(draft, step, err);
		case CER_AST_DROP:
			return drop_item(draft, step, err);
		case CER_AST_SET:
			return set_value(draft, step, err);
		case CER_AST_INSERT:
			return insert_layer(draft, step, err);
		default:
			return delete_layer(draft, step, err);
	}
}

static cer_ast_kind
get_changed(const cer_ast *step)
{
	switch (step->kind)
	{
		case CER_AST_ADD:
		case CER_AST_DROP:
			return CER_AST_FE;
		case CER_AST_SET:
			return get_section_kind(step->first);
		default:
			return CER_AST_AS;
	}
}

cer_status
cer_step_apply(cer_draft *draft, const cer_ast *step, cer_error *err)
{
	CER_TRY(do_step(draft, step, err));
	return cer_draft_normalize(draft, get_changed(step), err);
}
