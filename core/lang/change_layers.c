/*
 * lang/change_layers.c
 *	  Steps that turn one list of layers, or widths, into another: aligned at
 *	  the least cost, told from left to right.
 */
#include "lang/change_between.h"

#include "base/size.h"
#include "base/text.h"

#define MAX_ALIGNED 256 /* longer lists are told as a whole */

static size_t
count_unnamed(const cer_ast *list)
{
	size_t n = 0;

	for (const cer_ast *child = list->first; child; child = child->next)
		n += child->kind != CER_AST_NAMED;
	return n;
}

static bool
is_same_call(const cer_ast *a, const cer_ast *b)
{
	return a->kind == CER_AST_CALL && b->kind == CER_AST_CALL &&
	       cer_text_equals(a->name, b->name);
}

/* a, in the draft's list, becomes b as a whole; the path is one for both. */
static cer_status
set_element(cer_differ *d, cer_ast *list, cer_ast *a, const cer_ast *b)
{
	bool is_layer = list->kind == CER_AST_AS || list->kind == CER_AST_CHAIN;
	bool is_alone = list->kind == CER_AST_AS && list->first == list->last;
	cer_ast *path;
	cer_ast *copy;

	if ((is_layer && b->kind == CER_AST_CHAIN) || is_alone)
	{
		d->is_too_far = true;
		return CER_OK;
	}
	if (is_same_call(a, b))
		CER_TRY(cer_path_make(d->draft.arena, &d->draft, a, &path, d->err));
	else
		CER_TRY(
			cer_path_make_index(d->draft.arena, &d->draft, a, &path, d->err));
	CER_TRY(cer_differ_add_set(d, path, a, b));
	CER_TRY(cer_value_unfold(d->draft.arena, b, &copy, d->err));
	cer_ast_replace(list, a, copy);
	return CER_OK;
}

static bool
has_named(const cer_ast *call)
{
	return count_unnamed(call) < cer_ast_count(call);
}

/* Arguments with names, now that the path of the draft's call is known. */
static cer_status
compare_named(cer_differ *d, const cer_ast *a, const cer_ast *b)
{
	cer_ast *path;

	if (!has_named(a) && !has_named(b))
		return CER_OK;
	CER_TRY(cer_path_make(d->draft.arena, &d->draft, a, &path, d->err));
	return cer_differ_compare_named(d, a, b, cer_call_get_word(a), path);
}

/* Two elements that stand for each other. */
static cer_status
compare_elements(cer_differ *d, cer_ast *list, cer_ast *a, const cer_ast *b)
{
	size_t n_a = count_unnamed(a);
	size_t n_b = count_unnamed(b);
	bool is_chain = a->kind == CER_AST_CHAIN && b->kind == CER_AST_CHAIN;

	if (cer_ast_equals(a, b))
		return CER_OK;
	if (is_chain || (is_same_call(a, b) && (n_a == 0) == (n_b == 0)))
	{
		CER_TRY(compare_named(d, a, b));
		return n_a > 0 ? cer_differ_compare_lists(d, a, b) : CER_OK;
	}
	return set_element(d, list, a, b);
}

/* --------------------------------------------------------------- alignment */

typedef struct alignment
{
	size_t n_a;
	size_t n_b;
	const cer_ast **a; /* elements */
	const cer_ast **b;
	uint32_t *costs; /* (n_a + 1, n_b + 1): of what is left from there on */
} alignment;

/* Costs of steps, by how much there is to read. */
enum
{
	COST_SIMILAR = 2,
	COST_OTHER = 3,
	COST_ONE_SIDED = 2
};

static uint32_t
get_cost(const cer_ast *a, const cer_ast *b)
{
	if (cer_ast_equals(a, b))
		return 0;
	if (a->kind == b->kind && cer_text_equals(a->name, b->name))
		return COST_SIMILAR;
	return COST_OTHER;
}

static const cer_ast **
list_elements(cer_arena *arena, const cer_ast *list, size_t n)
{
	const cer_ast **elements = cer_arena_allocate(arena, n * sizeof(*elements));
	size_t i = 0;

	for (const cer_ast *child = cer_ast_skip_named(list->first);
	     elements != NULL && child != NULL;
	     child = cer_ast_skip_named(child->next))
		elements[i++] = child;
	return elements;
}

static uint32_t
least3(uint32_t x, uint32_t y, uint32_t z)
{
	uint32_t least = x < y ? x : y;

	return z < least ? z : least;
}

static cer_status
align(cer_differ *d, const cer_ast *a, const cer_ast *b, alignment *al)
{
	cer_arena *arena = d->draft.arena;
	size_t width;
	size_t size;

	*al = (alignment){.n_a = count_unnamed(a), .n_b = count_unnamed(b)};
	width = al->n_b + 1;
	size = cer_size_multiply(al->n_a + 1, width * sizeof(*al->costs));
	al->a = list_elements(arena, a, al->n_a);
	al->b = list_elements(arena, b, al->n_b);
	al->costs = cer_arena_allocate(arena, size);
	if (al->a == NULL || al->b == NULL || al->costs == NULL)
		return cer_fail_memory(d->err, size);
	for (size_t i = al->n_a + 1; i-- > 0;)
		for (size_t j = width; j-- > 0;)
		{
			uint32_t *cost = &al->costs[i * width + j];

			if (i == al->n_a || j == al->n_b)
				*cost = (uint32_t) (al->n_a - i + al->n_b - j) * COST_ONE_SIDED;
			else
				*cost = least3(cost[width + 1] + get_cost(al->a[i], al->b[j]),
				               cost[width] + COST_ONE_SIDED,
				               cost[1] + COST_ONE_SIDED);
		}
	return CER_OK;
}

/* The element beside which another is put, or taken away. */
static cer_status
append_anchored(cer_differ *d, cer_ast_kind kind, const cer_ast *layer,
                const cer_ast *previous, const cer_ast *next)
{
	const cer_ast *anchor = previous ? previous : next;
	cer_ast *step;
	cer_ast *path;

	CER_TRY(cer_path_make(d->draft.arena, &d->draft, anchor, &path, d->err));
	CER_TRY(cer_differ_add_step(d, kind, &step));
	step->flag = previous == NULL;
	CER_TRY(cer_differ_add_value(d, step, layer));
	cer_ast_append(step, path);
	return CER_OK;
}

static cer_ast *
find_unnamed_before(const cer_ast *list, const cer_ast *at)
{
	cer_ast *found = NULL;

	for (cer_ast *child = list->first; child != at; child = child->next)
		if (child->kind != CER_AST_NAMED)
			found = child;
	return found;
}

/* The anchor's path is as of when the other is away, as for the inverse. */
static cer_status
delete_element(cer_differ *d, cer_ast *list, cer_ast *a)
{
	const cer_ast *previous = find_unnamed_before(list, a);
	const cer_ast *next = cer_ast_skip_named(a->next);

	if (previous == NULL && next == NULL)
	{
		d->is_too_far = true;
		return CER_OK;
	}
	cer_ast_remove(list, a);
	return append_anchored(d, CER_AST_DELETE, a, previous, next);
}

/* Before next, NULL: at the end. */
static cer_status
insert_element(cer_differ *d, cer_ast *list, cer_ast *next, const cer_ast *b)
{
	cer_ast *previous = find_unnamed_before(list, next);
	cer_ast *copy;

	if ((previous == NULL && next == NULL) || b->kind == CER_AST_CHAIN)
	{
		d->is_too_far = true;
		return CER_OK;
	}
	CER_TRY(append_anchored(d, CER_AST_INSERT, b, previous, next));
	CER_TRY(cer_value_unfold(d->draft.arena, b, &copy, d->err));
	if (previous != NULL)
		cer_ast_insert_after(list, previous, copy);
	else
		cer_ast_insert_before(list, next, copy);
	return CER_OK;
}

/* Does what the alignment says, in the draft's list. */
static cer_status
follow(cer_differ *d, cer_ast *list, const alignment *al)
{
	size_t width = al->n_b + 1;
	size_t i = 0;
	size_t j = 0;

	while ((i < al->n_a || j < al->n_b) && !d->is_too_far)
	{
		const uint32_t *cost = &al->costs[i * width + j];
		cer_ast *a = i < al->n_a ? (cer_ast *) al->a[i] : NULL;

		if (a != NULL && j < al->n_b &&
		    *cost == cost[width + 1] + get_cost(a, al->b[j]))
		{
			CER_TRY(compare_elements(d, list, a, al->b[j]));
			i++;
			j++;
		}
		else if (a != NULL && *cost == cost[width] + COST_ONE_SIDED)
		{
			CER_TRY(delete_element(d, list, a));
			i++;
		}
		else
			CER_TRY(insert_element(d, list, a, al->b[j++]));
	}
	return CER_OK;
}

cer_status
cer_differ_compare_lists(cer_differ *d, cer_ast *a, const cer_ast *b)
{
	size_t n_a = count_unnamed(a);
	size_t n_b = count_unnamed(b);
	alignment al;

	if (n_a > MAX_ALIGNED || n_b > MAX_ALIGNED)
	{
		d->is_too_far = true;
		return CER_OK;
	}
	CER_TRY(align(d, a, b, &al));
	return follow(d, a, &al);
}
