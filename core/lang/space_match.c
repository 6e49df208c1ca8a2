/*
 * lang/space_match.c
 *	  Is a triple in a space?
 *
 * Both are canonical trees; the space's stands for many.  A list of layers or
 * widths is matched as by a finite automaton, position by position, so that
 * nothing is tried twice; items of FE are matched as two sides of a graph.
 */
#include "lang/space_private.h"

#include "base/text.h"
#include "lang/lex.h"
#include "lang/mst.h"

#include <string.h>

#define MAX_ITEMS CER_LEX_MAX_LIST

typedef struct matcher
{
	const cer_ast *triple;
	const cer_ast *space;
} matcher;

static bool match_value(const matcher *m, const cer_ast *space,
                        const cer_arg *arg, const cer_ast *value);

bool
cer_condition_holds(const cer_ast *condition, const cer_ast *triple)
{
	const cer_ast *path = condition->first->next;
	const cer_ast *value;
	cer_ast room;

	if (path == condition->last)
		return cer_path_is_there(triple, path);
	value = cer_path_read(triple, path, &room);
	return value != NULL && cer_pattern_contains_value(condition->last, value);
}

/* --------------------------------------------------------------- lists */

/* Places between elements, from 0 to n. */
typedef struct places
{
	uint64_t bits[MAX_ITEMS / 64 + 1];
} places;

/* The elements of a triple's list; a single layer where a chain is meant. */
typedef struct target
{
	const cer_ast *list; /* NULL: only */
	const cer_ast *only;
	size_t n;
	bool is_chain; /* chains within it are no elements but parts of it */
} target;

static bool
has_place(const places *set, size_t i)
{
	return (set->bits[i / 64] >> (i % 64) & 1) != 0;
}

static void
add_place(places *set, size_t i)
{
	set->bits[i / 64] |= (uint64_t) 1 << (i % 64);
}

static void
target_init(target *t, const cer_ast *list, bool is_chain)
{
	cer_list at;

	*t = (target){.list = list, .is_chain = is_chain};
	cer_list_init(&at, list);
	while (t->n < MAX_ITEMS && cer_list_next(&at) != NULL)
		t->n++;
}

/* A chain's layers, or the one layer that a chain has become. */
static void
target_init_chain(target *t, const cer_ast *value)
{
	if (value->kind == CER_AST_CHAIN)
		target_init(t, value, true);
	else
		*t = (target){.only = value, .n = 1, .is_chain = true};
}

/* Before the i-th element of a target. */
typedef struct spot
{
	const target *of;
	size_t i;
	cer_list at;
} spot;

static void
spot_init(spot *s, const target *t)
{
	*s = (spot){.of = t};
	if (t->list != NULL)
		cer_list_init(&s->at, t->list);
}

/* The element that follows, or NULL; moves over it. */
static const cer_ast *
spot_next(spot *s)
{
	if (s->i++ >= s->of->n)
		return NULL;
	return s->of->list != NULL ? cer_list_next(&s->at) : s->of->only;
}

static void find_ends(const matcher *m, const cer_ast *space,
                      const cer_arg *arg, const spot *from, places *ends);

/* Where one child of a list can end that begins at the places in *at. */
static void
follow_child(const matcher *m, const cer_ast *child, const cer_arg *arg,
             const target *t, places *at)
{
	places next = {{0}};
	spot from;

	spot_init(&from, t);
	for (size_t i = 0; i <= t->n; i++)
	{
		if (has_place(at, i))
			find_ends(m, child, arg, &from, &next);
		spot_next(&from);
	}
	*at = next;
}

static void
follow_list(const matcher *m, const cer_ast *list, const cer_word *word,
            const target *t, places *at)
{
	size_t position = 0;

	for (const cer_ast *child = list->first; child; child = child->next)
	{
		const cer_arg *arg = NULL;

		if (cer_child_is_named(child))
			continue;
		if (word != NULL)
			arg = cer_child_get_arg(word, child, position++);
		follow_child(m, child, arg, t, at);
	}
}

/* So many are one of the numbers that it can be, or, where some may be left
 * out, no more than one. */
static bool
match_count(const matcher *m, const cer_ast *counts, size_t n, bool may_omit)
{
	static const cer_arg arg = {.type = CER_ARG_INTEGER};
	size_t most = may_omit ? CER_MAX_LAYERS : n;

	for (size_t d = n; d <= most; d++)
	{
		cer_ast count = {.kind = CER_AST_NUMBER, .number = (double) d};

		if (match_value(m, counts, &arg, &count))
			return true;
	}
	return false;
}

/* d elements, each of the width; all of one where they must be. */
static void
find_ends_of_times(const matcher *m, const cer_ast *space, const cer_arg *arg,
                   spot from, places *ends)
{
	bool is_free = space->kind == CER_AST_FREE_TIMES;
	bool may_omit = !cer_space_is_needed(space->first, m->triple);
	const cer_ast *first = NULL;

	if (!cer_space_is_needed(space, m->triple))
		add_place(ends, from.i);
	for (size_t n = 1; n <= CER_MAX_LAYERS; n++)
	{
		const cer_ast *element = spot_next(&from);

		if (first == NULL)
			first = element;
		if (element == NULL || !match_value(m, space->first, arg, element) ||
		    (!is_free && !cer_ast_equals(first, element)))
			return;
		if (match_count(m, space->last, n, is_free && may_omit))
			add_place(ends, from.i);
	}
}

static void
find_ends_of_chain(const matcher *m, const cer_ast *chain, const spot *from,
                   places *ends)
{
	places at = {{0}};

	add_place(&at, from->i);
	follow_list(m, chain, NULL, from->of, &at);
	for (size_t k = 0; k < MAX_ITEMS / 64 + 1; k++)
		ends->bits[k] |= at.bits[k];
}

static void
find_end_of_one(const matcher *m, const cer_ast *space, const cer_arg *arg,
                spot from, places *ends)
{
	const cer_ast *element = spot_next(&from);

	if (element != NULL && match_value(m, space, arg, element))
		add_place(ends, from.i);
}

static void
find_ends(const matcher *m, const cer_ast *space, const cer_arg *arg,
          const spot *from, places *ends)
{
	switch (space->kind)
	{
		case CER_AST_CHOICE:
			for (const cer_ast *one = space->first; one; one = one->next)
				find_ends(m, one, arg, from, ends);
			return;
		case CER_AST_OPTIONAL:
			add_place(ends, from->i);
			find_ends(m, space->first, arg, from, ends);
			return;
		case CER_AST_CONDITION:
			if (cer_condition_holds(space, m->triple))
				find_ends(m, space->first, arg, from, ends);
			else
				add_place(ends, from->i);
			return;
		case CER_AST_TIMES:
		case CER_AST_FREE_TIMES:
			find_ends_of_times(m, space, arg, *from, ends);
			return;
		case CER_AST_CHAIN:
			if (from->of->is_chain)
				find_ends_of_chain(m, space, from, ends);
			else
				find_end_of_one(m, space, arg, *from, ends);
			return;
		default:
			find_end_of_one(m, space, arg, *from, ends);
			return;
	}
}

static bool
match_list(const matcher *m, const cer_ast *list, const cer_word *word,
           const target *t)
{
	places at = {{0}};

	add_place(&at, 0);
	follow_list(m, list, word, t, &at);
	return has_place(&at, t->n);
}

/* --------------------------------------------------------------- names */

/* Who is asked for values by name: a call of AS or FE, or PT. */
typedef struct named
{
	const cer_ast *call; /* NULL: the training's */
	const cer_training *training;
	const cer_word *word; /* NULL: of PT, or not known */
} named;

static bool match_entry(const matcher *m, const cer_ast *entry, const named *n);

/* The name is written in the triple: a default is not. */
static bool
is_written(const named *n, cer_text name)
{
	const cer_training *t = n->training;

	if (n->call != NULL)
		return cer_ast_find_named(n->call, name) != NULL;
	return (t->pt != NULL && cer_ast_find_named(t->pt, name) != NULL) ||
	       (t->call != NULL && cer_ast_find_named(t->call, name) != NULL);
}

/* Nothing that the entry names is there. */
static bool
is_absent(const cer_ast *entry, const named *n)
{
	if (entry->kind == CER_AST_NAMED)
		return !is_written(n, entry->name);
	if (entry->kind == CER_AST_CALL)
		return n->training == NULL || n->training->call == NULL;
	for (const cer_ast *child = entry->first; child; child = child->next)
		if (child->kind != CER_AST_PATH && !is_absent(child, n))
			return false;
	return true;
}

/* Some NAMED of the name, but within calls. */
static bool
names(const cer_ast *entry, cer_text name)
{
	if (entry->kind == CER_AST_NAMED)
		return cer_text_equals(entry->name, name);
	if (entry->kind != CER_AST_CHOICE && entry->kind != CER_AST_OPTIONAL &&
	    entry->kind != CER_AST_CONDITION)
		return false;
	for (const cer_ast *child = entry->first; child; child = child->next)
		if (names(child, name))
			return true;
	return false;
}

static bool
child_names(const cer_ast *parent, cer_text name)
{
	for (const cer_ast *child = parent->first; child; child = child->next)
		if (names(child, name))
			return true;
	return false;
}

/* What of others is not the entry's own is not there. */
static bool
are_others_absent(const cer_ast *choice, const cer_ast *chosen, const named *n)
{
	for (const cer_ast *one = choice->first; one; one = one->next)
	{
		bool is_own = one->kind == chosen->kind &&
		              (one->kind == CER_AST_CALL ||
		               cer_text_equals(one->name, chosen->name));

		if (!is_own && !is_absent(one, n))
			return false;
	}
	return true;
}

static bool
match_choice_of_entries(const matcher *m, const cer_ast *choice, const named *n)
{
	for (const cer_ast *one = choice->first; one; one = one->next)
		if (match_entry(m, one, n) && are_others_absent(choice, one, n))
			return true;
	return false;
}

static bool
match_setting(const matcher *m, const cer_ast *entry, const named *n)
{
	const cer_ast *value;
	const cer_ast *space = entry->first;
	cer_ast room;

	if (n->call != NULL)
		value = cer_call_find_argument(n->call, entry->name, &room);
	else
		value = cer_training_find(n->training, entry->name, &room);
	/* name = ?value, name = value IF ..., name = {one, ?other} */
	if (!is_written(n, entry->name) && !cer_space_is_needed(space, m->triple))
		return true;
	return value != NULL &&
	       match_value(m, space, cer_child_get_arg(n->word, entry, 0), value);
}

/* The optimizer, with what is left to PT's own settings left out. */
static bool
match_optimizer(const matcher *m, const cer_ast *call, const named *n)
{
	const cer_training *t = n->training;
	const cer_ast *pt = cer_ast_find_section(m->space, CER_AST_PT);

	if (t == NULL || t->word == NULL || !cer_text_is(call->name, t->word->name))
		return false;
	for (const cer_ast *entry = call->first; entry; entry = entry->next)
		if (!match_entry(m, entry, n))
			return false;
	for (const cer_ast *arg = t->call ? t->call->first : NULL; arg;
	     arg = arg->next)
		if (!child_names(call, arg->name) && !child_names(pt, arg->name))
			return false;
	return true;
}

static bool
match_entry(const matcher *m, const cer_ast *entry, const named *n)
{
	switch (entry->kind)
	{
		case CER_AST_NAMED:
			return match_setting(m, entry, n);
		case CER_AST_OPTIONAL:
			return is_absent(entry->first, n) ||
			       match_entry(m, entry->first, n);
		case CER_AST_CONDITION:
			return cer_condition_holds(entry, m->triple)
			           ? match_entry(m, entry->first, n)
			           : is_absent(entry->first, n);
		case CER_AST_CHOICE:
			return match_choice_of_entries(m, entry, n);
		case CER_AST_CALL:
			return match_optimizer(m, entry, n);
		default:
			return false;
	}
}

/* --------------------------------------------------------------- calls */

static bool
match_named(const matcher *m, const cer_ast *space, const cer_ast *call,
            const cer_word *word)
{
	named n = {.call = call, .word = word};

	for (const cer_ast *child = space->first; child; child = child->next)
		if (cer_child_is_named(child) && !match_entry(m, child, &n))
			return false;
	for (const cer_ast *child = call->first; child; child = child->next)
		if (child->kind == CER_AST_NAMED && !child_names(space, child->name) &&
		    !cer_call_has_position(space, word, child->name))
			return false;
	return true;
}

/* Each argument without a name by the name that it has: what is a default in
 * the triple is left out there, and what is written there is no default. */
static bool
match_positions(const matcher *m, const cer_ast *space, const cer_ast *call,
                const target *t)
{
	const cer_word *word = cer_call_get_word(space);
	size_t position = 0;

	if (word == NULL)
		return false;
	for (const cer_ast *child = space->first; child; child = child->next)
	{
		const cer_arg *arg;
		const cer_ast *value;
		cer_ast room;

		if (cer_child_is_named(child))
			continue;
		arg = cer_child_get_arg(word, child, position++);
		if (arg == NULL || cer_arg_is_list(arg))
			return false;
		value = cer_call_find_argument(call, cer_text_of(arg->name), &room);
		if (value == NULL || !match_value(m, child, arg, value))
			return false;
	}
	return t->n <= position;
}

/* Widths where none are written. */
static bool
has_default_widths(const cer_word *word, const target *t)
{
	const cer_arg *arg = NULL;
	spot at;

	for (size_t i = 0; word != NULL && i < word->n_args; i++)
		if (word->args[i].type == CER_ARG_WIDTHS)
			arg = &word->args[i];
	if (arg == NULL || arg->n_fallback_units != t->n)
		return false;
	spot_init(&at, t);
	for (size_t i = 0; i < t->n; i++)
		if (spot_next(&at)->number != (double) arg->fallback_units[i])
			return false;
	return true;
}

static bool
match_call(const matcher *m, const cer_ast *space, const cer_ast *call)
{
	const cer_word *word = cer_call_get_word(space);
	const target none = {0};
	target t;

	if (call->kind != CER_AST_CALL || !cer_text_equals(space->name, call->name))
		return false;
	if (!match_named(m, space, call, word))
		return false;
	target_init(&t, call, false);
	return match_list(m, space, word, &t) ||
	       match_positions(m, space, call, &t) ||
	       (has_default_widths(word, &t) && match_list(m, space, word, &none));
}

/* --------------------------------------------------------------- values */

static bool
match_children(const matcher *m, const cer_ast *space, const cer_ast *value)
{
	const cer_ast *child = value->first;

	if (space->kind != value->kind || space->number != value->number ||
	    space->flag != value->flag ||
	    !cer_text_equals(space->name, value->name))
		return false;
	for (const cer_ast *one = space->first; one; one = one->next)
	{
		if (child == NULL || !match_value(m, one, NULL, child))
			return false;
		child = child->next;
	}
	return child == NULL;
}

static bool
match_range(const cer_ast *space, const cer_arg *arg, const cer_ast *value)
{
	cer_range range;

	cer_range_init(&range, space, arg);
	return value->kind == CER_AST_NUMBER &&
	       cer_range_contains(&range, value->number);
}

static bool
match_value(const matcher *m, const cer_ast *space, const cer_arg *arg,
            const cer_ast *value)
{
	target t;

	switch (space->kind)
	{
		case CER_AST_CHOICE:
			for (const cer_ast *one = space->first; one; one = one->next)
				if (match_value(m, one, arg, value))
					return true;
			return false;
		case CER_AST_OPTIONAL:
			return match_value(m, space->first, arg, value);
		case CER_AST_CONDITION:
			return cer_condition_holds(space, m->triple) &&
			       match_value(m, space->first, arg, value);
		case CER_AST_RANGE:
			return match_range(space, arg, value);
		case CER_AST_CHAIN:
			target_init_chain(&t, value);
			return match_list(m, space, NULL, &t);
		case CER_AST_CALL:
			return match_call(m, space, value);
		default:
			return match_children(m, space, value);
	}
}

/* --------------------------------------------------------------- sections */

static bool
match_structure(const matcher *m, const cer_ast *space, const cer_ast *as)
{
	static const cer_arg layer = {.type = CER_ARG_LAYER};
	target t;

	target_init_chain(&t, as->first);
	if (match_list(m, space, NULL, &t))
		return true;
	return match_value(m, space->first, &layer, as->first);
}

static bool
has_optimizer(const cer_ast *entry)
{
	if (entry->kind == CER_AST_CALL)
		return true;
	if (!cer_ast_is_open(entry))
		return false;
	for (const cer_ast *child = entry->first; child; child = child->next)
		if (has_optimizer(child))
			return true;
	return false;
}

/* PT's own settings that are written are all named by the space. */
static bool
covers_settings(const cer_ast *space, const cer_training *t)
{
	for (const cer_ast *child = t->pt ? t->pt->first : NULL; child;
	     child = child->next)
		if (child->kind == CER_AST_NAMED &&
		    (space == NULL || !child_names(space, child->name)))
			return false;
	return true;
}

/* Where the space has no optimizer it is the default one, with arguments that
 * stand among the settings. */
static bool
match_default_optimizer(const cer_ast *space, const cer_training *t)
{
	if (t->word == NULL ||
	    !cer_text_is(cer_text_of(t->word->name), CER_DEFAULT_OPTIMIZER))
		return false;
	for (const cer_ast *arg = t->call ? t->call->first : NULL; arg;
	     arg = arg->next)
		if (space == NULL || !child_names(space, arg->name))
			return false;
	return true;
}

static bool
match_training(const matcher *m, const cer_ast *space, const cer_ast *triple)
{
	bool has_own = false;
	cer_training training;
	named n = {.training = &training};

	cer_training_init(&training, triple);
	if (!covers_settings(space, &training))
		return false;
	for (const cer_ast *entry = space ? space->first : NULL; entry;
	     entry = entry->next)
	{
		if (!match_entry(m, entry, &n))
			return false;
		has_own |= has_optimizer(entry);
	}
	return has_own || match_default_optimizer(space, &training);
}

bool
cer_space_is_needed(const cer_ast *space, const cer_ast *triple)
{
	switch (space->kind)
	{
		case CER_AST_OPTIONAL:
			return false;
		case CER_AST_CONDITION:
			return cer_condition_holds(space, triple) &&
			       cer_space_is_needed(space->first, triple);
		case CER_AST_CHOICE:
			for (const cer_ast *one = space->first; one; one = one->next)
				if (!cer_space_is_needed(one, triple))
					return false;
			return true;
		case CER_AST_TIMES:
		case CER_AST_FREE_TIMES:
			return cer_space_is_needed(space->first, triple) &&
			       cer_space_is_needed(space->last, triple);
		default:
			return true;
	}
}

bool
cer_space_contains(const cer_space *space, const cer_mst *mst)
{
	const cer_ast *of_space = space->ast;
	const cer_ast *triple = mst->ast;
	matcher m = {.triple = triple, .space = of_space};

	return match_structure(&m, cer_ast_find_section(of_space, CER_AST_AS),
	                       cer_ast_find_section(triple, CER_AST_AS)) &&
	       match_training(&m, cer_ast_find_section(of_space, CER_AST_PT),
	                      triple) &&
	       cer_space_match_items(cer_ast_find_section(of_space, CER_AST_FE),
	                             triple);
}

bool
cer_space_match_encoder(const cer_ast *space, const cer_ast *encoder,
                        const cer_ast *triple)
{
	matcher m = {.triple = triple};

	return match_value(&m, space, NULL, encoder);
}
