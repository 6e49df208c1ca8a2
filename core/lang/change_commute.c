/*
 * lang/change_commute.c
 *	  Do two changes touch different things?
 *
 * Told from their texts alone, so that the answer is no where two paths may
 * lead to one spot.  A step that puts layers in, takes them out or renames one
 * touches the list that they stand in, as it moves the indexes of others.
 */
#include "lang/change.h"

#include "base/text.h"

/* --------------------------------------------------------------- FE */

static bool
is_table(const cer_ast *item)
{
	return item->kind == CER_AST_JOIN || item->kind == CER_AST_AGGREGATE;
}

static cer_text
get_alias(const cer_ast *table)
{
	return table->first && table->first->kind == CER_AST_ALIAS
	           ? table->first->name
	           : table->name;
}

/* FE.a, FE.t.a as a column. */
static cer_ast
read_path(const cer_ast *path)
{
	const cer_ast *first = path->first->next;
	cer_ast key = {.kind = CER_AST_COLUMN};

	if (first == NULL)
		return key;
	key.name = first->next ? first->next->name : first->name;
	if (first->next != NULL)
		key.qualifier = first->name;
	return key;
}

/* The item touches that table. */
static bool
touches_table(const cer_ast *item, cer_text alias)
{
	cer_ast key;

	if (is_table(item))
		return cer_text_equals(get_alias(item), alias);
	if (item->kind != CER_AST_PATH)
		return false;
	key = read_path(item);
	return key.qualifier.size == 0 && cer_text_equals(key.name, alias);
}

static bool
touches_column(const cer_ast *item, const cer_ast *column)
{
	cer_ast key;

	switch (item->kind)
	{
		case CER_AST_COLUMN:
		case CER_AST_DERIVED:
			return cer_ast_compare(item, column) == 0;
		case CER_AST_EXCEPT:
			for (const cer_ast *out = item->first; out; out = out->next)
				if (cer_ast_compare(out, column) == 0)
					return true;
			return false;
		case CER_AST_PATH:
			key = read_path(item);
			return cer_ast_compare(&key, column) == 0;
		default:
			return false;
	}
}

/* Some name of the item stands for that table, or is the other's own. */
static bool
is_about(const cer_ast *item, const cer_ast *other)
{
	cer_ast key;

	switch (item->kind)
	{
		case CER_AST_COLUMN:
		case CER_AST_DERIVED:
			if (touches_column(other, item))
				return true;
			break;
		case CER_AST_PATH:
			key = read_path(item);
			return touches_column(other, &key) ||
			       touches_table(other, key.qualifier.size > 0 ? key.qualifier
			                                                   : key.name);
		case CER_AST_JOIN:
		case CER_AST_AGGREGATE:
			if (touches_table(other, get_alias(item)))
				return true;
			break;
		case CER_AST_STAR:
			return other->kind == CER_AST_STAR || other->kind == CER_AST_EXCEPT;
		default:
			break;
	}
	if (item->kind == CER_AST_COLUMN && item->qualifier.size > 0 &&
	    touches_table(other, item->qualifier))
		return true;
	for (const cer_ast *child = item->first; child; child = child->next)
		if (is_about(child, other))
			return true;
	return false;
}

/* --------------------------------------------------------------- paths */

/* The step of a path and what follows its index. */
static const cer_ast *
read_step(const cer_ast *step, cer_text *name, double *index)
{
	const cer_ast *next = step->next;

	*name = step->name;
	*index = step->number;
	if (step->name.size == 0)
		return next;
	*index = 1;
	if (next == NULL || next->name.size > 0)
		return next;
	*index = next->number;
	return next->next;
}

/* The first that follows last step of what the path touches: NULL all of it. */
static bool
is_beyond(const cer_ast *step, const cer_ast *end)
{
	return step == NULL || step == end;
}

/* The one path leads below the other, as far as they count. */
static bool
do_paths_meet(const cer_ast *a, const cer_ast *end_a, const cer_ast *b,
              const cer_ast *end_b)
{
	a = a->first;
	b = b->first;
	while (!is_beyond(a, end_a) && !is_beyond(b, end_b))
	{
		cer_text names[2];
		double indexes[2];

		a = read_step(a, &names[0], &indexes[0]);
		b = read_step(b, &names[1], &indexes[1]);
		if ((names[0].size == 0) != (names[1].size == 0))
			return true; /* an index may lead to what has a name, too */
		if (!cer_text_equals(names[0], names[1]) || indexes[0] != indexes[1])
			return false;
	}
	return true;
}

/* Where the last name or index of the path begins. */
static const cer_ast *
find_last(const cer_ast *path)
{
	const cer_ast *last = path->first;

	for (const cer_ast *step = path->first; step;)
	{
		cer_text name;
		double index;

		last = step;
		step = read_step(step, &name, &index);
	}
	return last;
}

static bool
is_value(const cer_ast *ast)
{
	return ast->kind == CER_AST_NUMBER;
}

static bool
is_same_word(const cer_ast *a, const cer_ast *b)
{
	return a->kind == CER_AST_CALL && b->kind == CER_AST_CALL &&
	       cer_text_equals(a->name, b->name);
}

/* Up to where the step's path counts: its list for what moves layers. */
static const cer_ast *
find_end(const cer_ast *step, const cer_ast *path)
{
	const cer_ast *old;

	if (step->kind != CER_AST_SET)
		return find_last(path);
	old = path->next;
	if (old == step->last)
		return is_value(old) ? NULL : find_last(path);
	return (is_value(old) && is_value(step->last)) ||
	               is_same_word(old, step->last)
	           ? NULL
	           : find_last(path);
}

/* --------------------------------------------------------------- steps */

static const cer_ast *
get_path(const cer_ast *step)
{
	if (step->kind == CER_AST_SET)
		return step->first;
	return step->last;
}

/* Which section a step is about. */
static cer_ast_kind
get_section(const cer_ast *step)
{
	const cer_ast *path = get_path(step);

	if (step->kind == CER_AST_ADD || step->kind == CER_AST_DROP)
		return CER_AST_FE;
	if (cer_text_is(path->first->name, "fe"))
		return CER_AST_FE;
	return cer_text_is(path->first->name, "pt") ? CER_AST_PT : CER_AST_AS;
}

static bool
is_own_setting(cer_text name)
{
	const cer_word *settings =
		cer_schema_find(CER_WORD_SECTION, cer_text_of("PT"));

	return cer_word_find_arg(settings, name) != NULL;
}

/* Another optimizer brings other arguments. */
static bool
do_settings_meet(const cer_ast *a, const cer_ast *b)
{
	cer_text x = a->last->name;
	cer_text y = b->last->name;

	return cer_text_equals(x, y) ||
	       (cer_text_is(x, "optimizer") && !is_own_setting(y)) ||
	       (cer_text_is(y, "optimizer") && !is_own_setting(x));
}

static bool
do_steps_meet(const cer_ast *a, const cer_ast *b)
{
	const cer_ast *x = get_path(a);
	const cer_ast *y = get_path(b);

	if (get_section(a) != get_section(b))
		return false;
	switch (get_section(a))
	{
		case CER_AST_FE:
			return is_about(a->first, b->first) || is_about(b->first, a->first);
		case CER_AST_PT:
			return do_settings_meet(x, y);
		default:
			return do_paths_meet(x, find_end(a, x), y, find_end(b, y));
	}
}

bool
cer_change_commutes(const cer_change *a, const cer_change *b)
{
	for (const cer_ast *x = a->ast->first; x; x = x->next)
		for (const cer_ast *y = b->ast->first; y; y = y->next)
			if (do_steps_meet(x, y))
				return false;
	return true;
}
