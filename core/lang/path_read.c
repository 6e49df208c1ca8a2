/*
 * lang/path_read.c
 *	  The value that a path leads to in a triple, which is not changed.
 *	  path_find.c says what paths mean.
 */
#include "lang/path.h"

#include "base/text.h"
#include "lang/pattern.h"

#include <math.h>

/* Layers of a name below a list, chains looked through. */
static const cer_ast *
find_layer(const cer_ast *list, cer_text name, size_t *ordinal)
{
	for (const cer_ast *child = list->first; child; child = child->next)
	{
		const cer_ast *found = NULL;

		if (child->kind == CER_AST_CHAIN)
			found = find_layer(child, name, ordinal);
		else if (child->kind == CER_AST_CALL &&
		         cer_text_equals(child->name, name) && --*ordinal == 0)
			found = child;
		if (found != NULL)
			return found;
	}
	return NULL;
}

static const cer_ast *
get_element(const cer_ast *list, double index)
{
	const cer_ast *item;
	cer_list at;

	/* AS lists the layers of its chain */
	if (list->kind == CER_AST_AS && list->first->kind == CER_AST_CHAIN)
		list = list->first;
	cer_list_init(&at, list);
	do
		item = cer_list_next(&at);
	while (item != NULL && --index >= 1);
	return item;
}

/* A name and the index that counts it; moves *step on. */
static const cer_ast *
read_name(const cer_ast *node, const cer_ast **step, cer_ast *room)
{
	cer_text name = (*step)->name;
	const cer_ast *next = (*step)->next;
	bool has_index = next != NULL && next->name.size == 0;
	size_t ordinal = has_index ? (size_t) fmin(next->number, 1e6) : 1;
	const cer_ast *layer = find_layer(node, name, &ordinal);
	const cer_word *word;
	const cer_arg *arg;

	*step = has_index ? next->next : next;
	if (layer != NULL)
		return layer;
	if (node->kind != CER_AST_CALL)
		return NULL;
	word = cer_call_get_word(node);
	arg = word ? cer_word_find_arg(word, name) : NULL;
	if (arg != NULL && cer_arg_is_list(arg))
		return has_index ? get_element(node, next->number) : NULL;
	return cer_call_find_argument(node, name, room);
}

static const cer_ast *
read_structure(const cer_ast *as, const cer_ast *step, cer_ast *room)
{
	const cer_ast *node = as;

	if (step == NULL)
		return as->first;
	while (node != NULL && step != NULL)
	{
		if (step->name.size > 0)
		{
			node = read_name(node, &step, room);
			continue;
		}
		node = get_element(node, step->number);
		step = step->next;
	}
	return node;
}

static const cer_ast *
read_training(const cer_ast *triple, const cer_ast *step, cer_ast *room)
{
	cer_training training;

	cer_training_init(&training, triple);
	if (step == NULL)
		return NULL;
	if (step->next == NULL && cer_text_is(step->name, "optimizer"))
		return cer_pt_get_optimizer(training.pt, room);
	if (step->next != NULL)
		step = step->next;
	return cer_training_find(&training, step->name, room);
}

static const cer_ast *
find_feature(const cer_ast *fe, const cer_ast *step)
{
	cer_ast key = {.kind = CER_AST_COLUMN};

	if (step == NULL)
		return NULL;
	if (step->next != NULL)
		key.qualifier = step->name;
	key.name = step->next ? step->next->name : step->name;
	for (const cer_ast *item = fe->first; item; item = item->next)
		if ((item->kind == CER_AST_COLUMN || item->kind == CER_AST_DERIVED) &&
		    cer_ast_compare(item, &key) == 0)
			return item;
	return NULL;
}

/* The encoder of a column, if it has one. */
static const cer_ast *
read_feature(const cer_ast *fe, const cer_ast *step)
{
	const cer_ast *item = find_feature(fe, step);

	if (item == NULL)
		return NULL;
	return item->kind == CER_AST_DERIVED ? item->first->next : item->first;
}

static cer_text
get_alias(const cer_ast *table)
{
	return table->first && table->first->kind == CER_AST_ALIAS
	           ? table->first->name
	           : table->name;
}

/* A column, or what a table is called. */
static bool
has_item(const cer_ast *fe, const cer_ast *step)
{
	if (step == NULL || find_feature(fe, step) != NULL)
		return true;
	for (const cer_ast *item = fe->first; item; item = item->next)
		if ((item->kind == CER_AST_JOIN || item->kind == CER_AST_AGGREGATE) &&
		    step->next == NULL && cer_text_equals(get_alias(item), step->name))
			return true;
	return false;
}

const cer_ast *
cer_path_read(const cer_ast *triple, const cer_ast *path, cer_ast *room)
{
	const cer_ast *first = path->first;

	if (cer_text_is(first->name, "as"))
		return read_structure(cer_ast_find_section(triple, CER_AST_AS),
		                      first->next, room);
	if (cer_text_is(first->name, "pt"))
		return read_training(triple, first->next, room);
	return read_feature(cer_ast_find_section(triple, CER_AST_FE), first->next);
}

bool
cer_path_is_there(const cer_ast *triple, const cer_ast *path)
{
	const cer_ast *first = path->first;
	cer_ast room;

	if (cer_text_is(first->name, "fe"))
		return has_item(cer_ast_find_section(triple, CER_AST_FE), first->next);
	return cer_path_read(triple, path, &room) != NULL;
}
