/*
 * lang/space_choose.c
 *	  One triple of a space.
 *
 * The space's tree is copied, and wherever it stands for many something is
 * chosen.  A condition speaks of the triple that is being made: at first none
 * holds; then the triple decides which do, and it is made again, with the same
 * choices, until it stays as it is.  So that choices are the same, those of a
 * part that is left out are made, too.
 */
#include "lang/space_private.h"

#include "base/text.h"
#include "lang/mst.h"
#include "lang/path.h"
#include "lang/resolve.h"

#include <math.h>
#include <string.h>

#define MAX_ROUNDS 8 /* conditions on conditions, one after the other */

typedef struct maker
{
	cer_arena *arena;
	cer_chooser *chooser;
	const cer_mst *guess; /* NULL: no condition holds yet */
	bool has_conditions;
	bool is_empty; /* nothing is left of a section */
	cer_error *err;
} maker;

static const cer_arg count_arg = {.type = CER_ARG_INTEGER};

static cer_status
put(maker *m, const cer_ast *node, const cer_arg *arg, cer_ast *parent);

/* --------------------------------------------------------------- deciding */

static double
get_uniform(const cer_chooser *c)
{
	cer_random_place place = {
		{(uint32_t) c->draw, (uint32_t) (c->draw >> 32), c->n_made, 0}};
	uint32_t bits[4];

	cer_random_get(&c->random, &place, bits);
	return ((double) (bits[0] >> 5) * 0x1p26 + (double) (bits[1] >> 6)) *
	       0x1p-53;
}

/* Which of so many. */
static cer_status
decide(maker *m, double base, double *digit)
{
	cer_chooser *c = m->chooser;

	if (c->is_random)
		*digit = fmin(floor(get_uniform(c) * base), base - 1);
	else
	{
		if (c->n_made == c->n_digits)
			return cer_fail(m->err, CER_TOO_BIG,
			                "space leaves more than %u choices", c->n_digits);
		c->bases[c->n_made] = base;
		*digit = c->digits[c->n_made];
	}
	c->n_made++;
	return CER_OK;
}

static cer_status
decide_number(maker *m, const cer_ast *ast, const cer_arg *arg, double *number)
{
	cer_range range;
	double digit;

	cer_range_init(&range, ast, arg);
	if (!m->chooser->is_random)
	{
		CER_TRY(decide(m, cer_range_count(&range), &digit));
		*number = cer_range_get(&range, digit);
		return CER_OK;
	}
	*number = cer_range_draw(&range, get_uniform(m->chooser));
	m->chooser->n_made++;
	return CER_OK;
}

/* --------------------------------------------------------------- copying */

static cer_status
make(maker *m, const cer_ast *like, cer_ast **node)
{
	*node = cer_ast_make(m->arena, like->kind, like->place);
	if (*node == NULL)
		return cer_fail_memory(m->err, sizeof(**node));
	(*node)->name = like->name;
	(*node)->qualifier = like->qualifier;
	(*node)->number = like->number;
	(*node)->flag = like->flag;
	return CER_OK;
}

static cer_status
put_choice(maker *m, const cer_ast *node, const cer_arg *arg, cer_ast *parent)
{
	const cer_ast *child = node->first;
	double digit;

	CER_TRY(decide(m, (double) cer_ast_count(node), &digit));
	while (digit-- >= 1)
		child = child->next;
	return put(m, child, arg, parent);
}

static cer_status
put_optional(maker *m, const cer_ast *node, const cer_arg *arg, cer_ast *parent)
{
	cer_ast aside = {.kind = parent->kind};
	double digit;

	CER_TRY(decide(m, 2, &digit));
	if (digit == 0 && !m->chooser->is_random)
		return CER_OK;
	return put(m, node->first, arg, digit == 0 ? &aside : parent);
}

static cer_status
put_condition(maker *m, const cer_ast *node, const cer_arg *arg,
              cer_ast *parent)
{
	cer_ast aside = {.kind = parent->kind};
	bool holds = m->guess != NULL && cer_condition_holds(node, m->guess->ast);

	m->has_conditions = true;
	return put(m, node->first, arg, holds ? parent : &aside);
}

static cer_status
put_range(maker *m, const cer_ast *node, const cer_arg *arg, cer_ast *parent)
{
	cer_ast *number = cer_ast_make(m->arena, CER_AST_NUMBER, node->place);

	if (number == NULL)
		return cer_fail_memory(m->err, sizeof(*number));
	CER_TRY(decide_number(m, node, arg, &number->number));
	cer_ast_append(parent, number);
	return CER_OK;
}

/* So many of one width: it is chosen once. */
static cer_status
put_times(maker *m, const cer_ast *node, const cer_arg *arg, cer_ast *parent)
{
	cer_ast count = {.kind = CER_AST_TIMES};
	cer_ast *times;

	CER_TRY(make(m, node, &times));
	CER_TRY(put(m, node->first, arg, times));
	CER_TRY(put(m, node->last, &count_arg, &count));
	if (times->first == NULL || count.first == NULL)
		return CER_OK;
	cer_ast_append(times, count.first);
	cer_ast_append(parent, times);
	return CER_OK;
}

static cer_status
put_free_times(maker *m, const cer_ast *node, const cer_arg *arg,
               cer_ast *parent)
{
	cer_ast count = {.kind = CER_AST_FREE_TIMES};

	if (parent->kind == CER_AST_NAMED) /* of a structure that is not known */
		return cer_fail_at(m->err, CER_BAD_VALUE, node->place,
		                   "%.*s is one value, not several by xx",
		                   (int) parent->name.size, parent->name.data);
	CER_TRY(put(m, node->last, &count_arg, &count));
	if (count.first == NULL)
		return CER_OK;
	if (count.first->number > CER_MAX_LAYERS)
		return cer_fail(m->err, CER_TOO_BIG, "more than %d layers",
		                CER_MAX_LAYERS);
	for (double n = count.first->number; n >= 1; n--)
		CER_TRY(put(m, node->first, arg, parent));
	return CER_OK;
}

/* --------------------------------------------------------------- children */

static const cer_ast *
get_inner(const cer_ast *child)
{
	while (child->kind == CER_AST_OPTIONAL ||
	       child->kind == CER_AST_CONDITION || child->kind == CER_AST_CHOICE)
		child = child->first;
	return child;
}

bool
cer_child_is_named(const cer_ast *child)
{
	return get_inner(child)->kind == CER_AST_NAMED;
}

bool
cer_call_has_position(const cer_ast *call, const cer_word *word, cer_text name)
{
	size_t position = 0;

	for (const cer_ast *child = call->first; child; child = child->next)
	{
		const cer_arg *arg;

		if (cer_child_is_named(child))
			continue;
		arg = cer_child_get_arg(word, child, position++);
		if (arg != NULL && cer_text_is(name, arg->name))
			return true;
	}
	return false;
}

/* A setting of PT, or of some optimizer. */
static const cer_arg *
find_setting(cer_text name)
{
	for (size_t i = 0; i < cer_schema_count(); i++)
	{
		const cer_word *word = cer_schema_get(i);
		const cer_arg *arg = NULL;

		if (word->kind == CER_WORD_SECTION || word->kind == CER_WORD_OPTIMIZER)
			arg = cer_word_find_arg(word, name);
		if (arg != NULL)
			return arg;
	}
	return NULL;
}

const cer_arg *
cer_child_get_arg(const cer_word *word, const cer_ast *child, size_t position)
{
	const cer_ast *inner = get_inner(child);

	if (inner->kind == CER_AST_NAMED)
		return word ? cer_word_find_arg(word, inner->name)
		            : find_setting(inner->name);
	for (size_t i = 0; word && i < word->n_args; i++)
		if (i == position || cer_arg_is_list(&word->args[i]))
			return &word->args[i];
	return NULL;
}

/* What is in the copy after what it was made from has been copied: a name
 * without a value, a chain or encoders of nothing are nothing, and one of them
 * stands alone. */
static void
append_copy(cer_ast *parent, cer_ast *copy)
{
	bool is_row = copy->kind == CER_AST_CHAIN || copy->kind == CER_AST_PLUS;
	bool is_empty =
		copy->first == NULL && (is_row || copy->kind == CER_AST_NAMED);

	if (is_empty)
		return;
	if (is_row && (copy->first == copy->last || parent->kind == CER_AST_CHAIN))
		cer_ast_move_children(parent, copy);
	else
		cer_ast_append(parent, copy);
}

static cer_status
put_copy(maker *m, const cer_ast *node, const cer_arg *arg, cer_ast *parent)
{
	bool is_call = node->kind == CER_AST_CALL;
	const cer_word *word = is_call ? cer_call_get_word(node) : NULL;
	size_t position = 0;
	cer_ast *copy;

	CER_TRY(make(m, node, &copy));
	for (const cer_ast *child = node->first; child; child = child->next)
	{
		const cer_arg *of_child = arg;

		if (is_call || node->kind == CER_AST_PT)
			of_child = cer_child_get_arg(word, child, position++);
		else if (node->kind == CER_AST_NAMED && arg == NULL)
			of_child = find_setting(node->name);
		CER_TRY(put(m, child, of_child, copy));
	}
	append_copy(parent, copy);
	return CER_OK;
}

static cer_status
put(maker *m, const cer_ast *node, const cer_arg *arg, cer_ast *parent)
{
	switch (node->kind)
	{
		case CER_AST_CHOICE:
			return put_choice(m, node, arg, parent);
		case CER_AST_OPTIONAL:
			return put_optional(m, node, arg, parent);
		case CER_AST_CONDITION:
			return put_condition(m, node, arg, parent);
		case CER_AST_RANGE:
			return put_range(m, node, arg, parent);
		case CER_AST_TIMES:
			return put_times(m, node, arg, parent);
		case CER_AST_FREE_TIMES:
			return put_free_times(m, node, arg, parent);
		default:
			return put_copy(m, node, arg, parent);
	}
}

/* --------------------------------------------------------------- triples */

/* Nothing is left of a section that has something: no triple says that. */
static bool
is_emptied(const cer_ast *space, const cer_ast *triple, cer_ast_kind section)
{
	const cer_ast *before = cer_ast_find_section(space, section);
	const cer_ast *after = cer_ast_find_section(triple, section);

	return before != NULL && before->first != NULL && after != NULL &&
	       after->first == NULL;
}

/* Not a triple: a column twice, or an argument that the optimizer lacks. */
static bool
is_rejected(cer_status status)
{
	return status == CER_BAD_VALUE || status == CER_UNKNOWN_NAME ||
	       status == CER_SYNTAX || status == CER_TOO_BIG;
}

static cer_status
make_once(maker *m, const cer_space *space, const cer_mst **mst)
{
	cer_ast holder = {.kind = CER_AST_TRIPLE};
	cer_status status;

	*mst = NULL;
	m->chooser->n_made = 0;
	CER_TRY(put(m, space->ast, NULL, &holder));
	m->is_empty = is_emptied(space->ast, holder.first, CER_AST_FE) ||
	              is_emptied(space->ast, holder.first, CER_AST_AS);
	status = cer_mst_resolve(m->arena, holder.first, mst, m->err);
	return is_rejected(status) ? CER_OK : status;
}

cer_status
cer_space_choose(cer_arena *arena, const cer_space *space, cer_chooser *chooser,
                 const cer_mst **mst, cer_error *err)
{
	maker m = {.arena = arena, .chooser = chooser, .err = err};
	const cer_mst *made;

	*mst = NULL;
	CER_TRY(make_once(&m, space, &made));
	if (!m.has_conditions)
		*mst = made;
	for (size_t i = 0; i < MAX_ROUNDS && made != NULL && *mst == NULL; i++)
	{
		m.guess = made;
		CER_TRY(make_once(&m, space, &made));
		if (made != NULL && cer_ast_equals(made->ast, m.guess->ast))
			*mst = made;
	}
	if (m.is_empty) /* as a guess it did */
		*mst = NULL;
	return CER_OK;
}
