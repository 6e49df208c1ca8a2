/*
 * lang/pattern.c
 *	  Triples in which what is left out is free.
 *
 * FE: each item is there; encoders, ways to join and values of aggregates as
 * far as they are named.  AS: the structure is there, alone or within another;
 * layers with ">" between them follow each other directly.  A list of arguments
 * is given as a whole or not at all; arguments with names are free where they
 * are left out.  PT: each setting has that value, by default too.
 */
#include "lang/pattern.h"

#include "base/text.h"
#include "lang/mst.h"

/* --------------------------------------------------------------- lists */

static void
set_item(cer_list *list, const cer_ast *child)
{
	list->at = cer_ast_skip_named(child);
	list->n_left = list->at ? cer_ast_count_copies(list->at) : 0;
}

void
cer_list_init(cer_list *list, const cer_ast *parent)
{
	set_item(list, parent->first);
}

const cer_ast *
cer_list_next(cer_list *list)
{
	const cer_ast *item;

	if (list->at == NULL)
		return NULL;
	item = cer_ast_get_copied(list->at);
	if (--list->n_left == 0)
		set_item(list, list->at->next);
	return item;
}

/* --------------------------------------------------------------- values */

static const cer_ast *
get_positional(const cer_ast *call, size_t i)
{
	cer_list list;
	const cer_ast *item;

	cer_list_init(&list, call);
	do
		item = cer_list_next(&list);
	while (item != NULL && i-- > 0);
	return item;
}

const cer_ast *
cer_call_find_argument(const cer_ast *call, cer_text name, cer_ast *room)
{
	const cer_ast *named = cer_ast_find_named(call, name);
	const cer_word *word;
	const cer_arg *arg;
	const cer_ast *value;

	if (named != NULL)
		return named->first;
	word = cer_call_get_word(call);
	arg = word ? cer_word_find_arg(word, name) : NULL;
	if (arg == NULL)
		return NULL;
	value = cer_arg_is_positional(word, arg)
	            ? get_positional(call, (size_t) (arg - word->args))
	            : NULL;
	if (value != NULL)
		return value;
	return cer_arg_make_default(arg, room) ? room : NULL;
}

static bool
contains_named(const cer_ast *pattern, const cer_ast *call)
{
	for (const cer_ast *child = pattern->first; child; child = child->next)
	{
		const cer_ast *value;
		cer_ast room;

		if (child->kind != CER_AST_NAMED)
			continue;
		value = cer_call_find_argument(call, child->name, &room);
		if (value == NULL || !cer_pattern_contains_value(child->first, value))
			return false;
	}
	return true;
}

/* What a call leaves out at the end of its list, by default. */
static const cer_ast *
find_default(const cer_ast *call, size_t i, cer_ast *room)
{
	const cer_word *word = cer_call_get_word(call);
	bool is_known = word != NULL && i < word->n_args &&
	                cer_arg_is_positional(word, &word->args[i]);

	return is_known && cer_arg_make_default(&word->args[i], room) ? room : NULL;
}

static bool
contains_list(const cer_ast *pattern, const cer_ast *call)
{
	cer_list wanted;
	cer_list there;
	size_t i = 0;
	cer_ast room;

	cer_list_init(&wanted, pattern);
	cer_list_init(&there, call);
	if (wanted.at == NULL)
		return true;
	for (;; i++)
	{
		const cer_ast *want = cer_list_next(&wanted);
		const cer_ast *value = cer_list_next(&there);

		if (want == NULL)
			return value == NULL;
		if (value == NULL)
			value = find_default(call, i, &room);
		if (value == NULL || !cer_pattern_contains_value(want, value))
			return false;
	}
}

static bool
contains_children(const cer_ast *pattern, const cer_ast *value)
{
	const cer_ast *want = pattern->first;
	const cer_ast *child = value->first;

	for (; want != NULL && child != NULL;
	     want = want->next, child = child->next)
		if (!cer_pattern_contains_value(want, child))
			return false;
	return want == child;
}

bool
cer_pattern_contains_value(const cer_ast *pattern, const cer_ast *value)
{
	if (pattern->kind != value->kind || pattern->number != value->number ||
	    !cer_text_equals(pattern->name, value->name))
		return false;
	if (pattern->kind != CER_AST_CALL)
		return contains_children(pattern, value);
	return contains_named(pattern, value) && contains_list(pattern, value);
}

/* --------------------------------------------------------------- AS */

/* The chain's layers, one after the other, from some layer of the value on. */
static bool
contains_run(const cer_ast *chain, const cer_ast *value)
{
	for (const cer_ast *start = value->first; start; start = start->next)
	{
		const cer_ast *want = chain->first;
		const cer_ast *layer = start;

		for (; want != NULL && layer != NULL;
		     want = want->next, layer = layer->next)
			if (!cer_pattern_contains_value(want, layer))
				break;
		if (want == NULL)
			return true;
	}
	return false;
}

bool
cer_pattern_contains_structure(const cer_ast *pattern, const cer_ast *structure)
{
	if (pattern->kind == CER_AST_CHAIN && structure->kind == CER_AST_CHAIN &&
	    contains_run(pattern, structure))
		return true;
	if (cer_pattern_contains_value(pattern, structure))
		return true;
	for (const cer_ast *child = structure->first; child; child = child->next)
		if (cer_pattern_contains_structure(pattern, child))
			return true;
	return false;
}

/* --------------------------------------------------------------- FE */

/* Each child is among the other's. */
static bool
has_children_of(const cer_ast *item, const cer_ast *wanted)
{
	for (const cer_ast *want = wanted->first; want; want = want->next)
	{
		const cer_ast *child = item->first;

		while (child != NULL && !cer_ast_equals(want, child))
			child = child->next;
		if (child == NULL)
			return false;
	}
	return true;
}

/* Encoders stand last, SQL before. */
static bool
contains_column(const cer_ast *pattern, const cer_ast *column)
{
	const cer_ast *want = pattern->first;
	const cer_ast *child = column->first;

	for (; want != NULL; want = want->next, child = child->next)
		if (child == NULL || !cer_pattern_contains_value(want, child))
			return false;
	return true;
}

static bool
contains_item(const cer_ast *pattern, const cer_ast *item)
{
	if (pattern->kind != item->kind ||
	    !cer_text_equals(pattern->name, item->name))
		return false;
	switch (pattern->kind)
	{
		case CER_AST_COLUMN:
		case CER_AST_DERIVED:
			return cer_text_equals(pattern->qualifier, item->qualifier) &&
			       contains_column(pattern, item);
		default:
			return (pattern->qualifier.size == 0 ||
			        cer_text_equals(pattern->qualifier, item->qualifier)) &&
			       (item->flag || !pattern->flag) &&
			       has_children_of(item, pattern);
	}
}

bool
cer_pattern_contains_item(const cer_ast *pattern, const cer_ast *fe)
{
	for (const cer_ast *item = fe->first; item; item = item->next)
		if (contains_item(pattern, item))
			return true;
	return false;
}

static bool
contains_items(const cer_ast *pattern, const cer_ast *fe)
{
	for (const cer_ast *item = pattern->first; item; item = item->next)
		if (!cer_pattern_contains_item(item, fe))
			return false;
	return true;
}

/* --------------------------------------------------------------- PT */

static bool
contains_settings(const cer_ast *pattern, const cer_training *training)
{
	for (const cer_ast *child = pattern->first; child; child = child->next)
	{
		const cer_ast *value;
		cer_ast room;

		if (child->kind == CER_AST_CALL)
		{
			if (training->word == NULL ||
			    !cer_text_is(child->name, training->word->name) ||
			    !contains_settings(child, training))
				return false;
			continue;
		}
		value = cer_training_find_value(training, child->name, &room);
		if (value == NULL || !cer_pattern_contains_value(child->first, value))
			return false;
	}
	return true;
}

/* --------------------------------------------------------------- all */

bool
cer_pattern_contains(const cer_pattern *pattern, const cer_mst *mst)
{
	const cer_ast *fe = cer_ast_find_section(pattern->ast, CER_AST_FE);
	const cer_ast *as = cer_ast_find_section(pattern->ast, CER_AST_AS);
	const cer_ast *pt = cer_ast_find_section(pattern->ast, CER_AST_PT);
	cer_training training;

	if (fe != NULL &&
	    !contains_items(fe, cer_ast_find_section(mst->ast, CER_AST_FE)))
		return false;
	if (as != NULL &&
	    !cer_pattern_contains_structure(
			as->first, cer_ast_find_section(mst->ast, CER_AST_AS)->first))
		return false;
	if (pt == NULL)
		return true;
	cer_training_init(&training, mst->ast);
	return contains_settings(pt, &training);
}

bool
cer_pattern_names_features(const cer_pattern *pattern)
{
	const cer_ast *fe = cer_ast_find_section(pattern->ast, CER_AST_FE);

	for (const cer_ast *item = fe ? fe->first : NULL; item; item = item->next)
		if (item->kind != CER_AST_STAR)
			return true;
	return false;
}
