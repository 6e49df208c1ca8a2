/*
 * lang/change_between.c
 *	  What turns one triple into another, in few and readable steps.
 *
 * A draft of the first triple becomes the second, from left to right; each step
 * is written down as it is done, so that its paths are those of its time.
 * Lists are aligned at the least cost; the structure is told as a whole where
 * that is shorter.
 */
#include "lang/change.h"

#include "base/size.h"
#include "base/text.h"
#include "lang/mst.h"

#include <string.h>

#define MAX_ALIGNED 256 /* longer lists, but for equal ends, are told whole */

typedef struct differ
{
	cer_draft draft;  /* of the first triple, on the way */
	cer_draft target; /* of the second */
	cer_ast *steps;   /* CHANGE */
	bool is_too_far;  /* no single steps lead there: tell it whole */
	cer_error *err;
} differ;

/* --------------------------------------------------------------- steps */

static cer_status
append_step(differ *d, cer_ast_kind kind, cer_ast **step)
{
	*step = cer_ast_make(d->draft.arena, kind, (cer_place){0, 0});
	if (*step == NULL)
		return cer_fail_memory(d->err, sizeof(**step));
	cer_ast_append(d->steps, *step);
	return CER_OK;
}

static cer_status
append_value(differ *d, cer_ast *step, const cer_ast *value)
{
	cer_ast *copy;

	CER_TRY(cer_value_fold(d->draft.arena, value, &copy, d->err));
	cer_ast_append(step, copy);
	return CER_OK;
}

/* SET path = old -> new */
static cer_status
append_set(differ *d, cer_ast *path, const cer_ast *old, const cer_ast *new)
{
	cer_ast *step;

	CER_TRY(append_step(d, CER_AST_SET, &step));
	cer_ast_append(step, path);
	CER_TRY(append_value(d, step, old));
	return append_value(d, step, new);
}

static void
make_default_word(cer_ast *room)
{
	*room =
		(cer_ast){.kind = CER_AST_CALL, .name = cer_text_of(CER_DEFAULT_WORD)};
}

static const cer_ast *
read_named(const cer_ast *call, const cer_arg *arg, cer_text name,
           cer_ast *room)
{
	const cer_ast *named = cer_ast_find_named(call, name);

	if (named != NULL)
		return named->first;
	if (arg == NULL || !cer_arg_make_default(arg, room))
		make_default_word(room);
	return room;
}

/* --------------------------------------------------------------- FE */

static cer_status
append_item(differ *d, cer_ast_kind kind, const cer_ast *item)
{
	cer_ast *step;

	CER_TRY(append_step(d, kind, &step));
	return append_value(d, step, item);
}

/* The columns of one EXCEPT that another has not. */
static cer_status
append_excepted(differ *d, cer_ast_kind kind, const cer_ast *of,
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
append_encoder(differ *d, const cer_ast *a, const cer_ast *b)
{
	const cer_ast *old = cer_item_get_encoder(a);
	const cer_ast *new = cer_item_get_encoder(b);
	cer_text first = a->qualifier.size > 0 ? a->qualifier : a->name;
	cer_text second = {NULL, 0};
	cer_ast room;
	cer_ast *path;

	if (a->qualifier.size > 0)
		second = a->name;
	make_default_word(&room);
	CER_TRY(
		cer_path_of_names(d->draft.arena, "fe", first, second, &path, d->err));
	return append_set(d, path, old ? old : &room, new ? new : &room);
}

static cer_status
drop_items(differ *d)
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
add_items(differ *d)
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
set_encoders(differ *d)
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

/* --------------------------------------------------------------- names */

static cer_status
set_named(differ *d, const cer_ast *a, const cer_ast *b, const cer_arg *arg,
          cer_ast *path)
{
	cer_text name = path->last->name;
	cer_ast rooms[2];
	const cer_ast *old = read_named(a, arg, name, &rooms[0]);
	const cer_ast *new = read_named(b, arg, name, &rooms[1]);

	return cer_ast_equals(old, new) ? CER_OK : append_set(d, path, old, new);
}

/* Each name once: those of a, then those that only b has. */
static cer_status
set_all_named(differ *d, const cer_ast *a, const cer_ast *b,
              const cer_word *word, const cer_ast *path)
{
	const cer_ast *calls[] = {a, b};

	for (size_t i = 0; i < 2; i++)
		for (const cer_ast *named = calls[i]->first; named; named = named->next)
		{
			cer_ast *longer;

			if (named->kind != CER_AST_NAMED ||
			    (i == 1 && cer_ast_find_named(a, named->name) != NULL))
				continue;
			CER_TRY(cer_path_extend(d->draft.arena, path, named->name, &longer,
			                        d->err));
			CER_TRY(set_named(
				d, a, b, word ? cer_word_find_arg(word, named->name) : NULL,
				longer));
		}
	return CER_OK;
}

/* --------------------------------------------------------------- PT */

static const cer_ast *
get_optimizer(const cer_ast *pt, cer_ast *room)
{
	for (const cer_ast *child = pt->first; child; child = child->next)
		if (child->kind == CER_AST_CALL)
			return child;
	*room = (cer_ast){.kind = CER_AST_CALL,
	                  .name = cer_text_of(CER_DEFAULT_OPTIMIZER)};
	return room;
}

static cer_status
compare_training(differ *d)
{
	const cer_word *settings =
		cer_schema_find(CER_WORD_SECTION, cer_text_of("PT"));
	cer_text none = {NULL, 0};
	cer_ast rooms[2];
	const cer_ast *a = get_optimizer(d->draft.pt, &rooms[0]);
	const cer_ast *b = get_optimizer(d->target.pt, &rooms[1]);
	cer_ast *path;

	if (!cer_text_equals(a->name, b->name))
	{
		CER_TRY(cer_path_of_names(d->draft.arena, "pt",
		                          cer_text_of("optimizer"), none, &path,
		                          d->err));
		CER_TRY(append_set(d, path, a, b));
	}
	CER_TRY(cer_path_of_names(d->draft.arena, "pt", none, none, &path, d->err));
	if (cer_text_equals(a->name, b->name))
		CER_TRY(set_all_named(
			d, a, b, cer_schema_find(CER_WORD_OPTIMIZER, a->name), path));
	return set_all_named(d, d->draft.pt, d->target.pt, settings, path);
}

/* --------------------------------------------------------------- AS */

static cer_status compare_lists(differ *d, cer_ast *a, const cer_ast *b);

static size_t
count_unnamed(const cer_ast *list)
{
	size_t n = 0;

	for (const cer_ast *child = list->first; child; child = child->next)
		n += child->kind != CER_AST_NAMED;
	return n;
}

static const cer_ast *
skip_named(const cer_ast *child)
{
	while (child != NULL && child->kind == CER_AST_NAMED)
		child = child->next;
	return child;
}

static bool
is_same_call(const cer_ast *a, const cer_ast *b)
{
	return a->kind == CER_AST_CALL && b->kind == CER_AST_CALL &&
	       cer_text_equals(a->name, b->name);
}

/* a, in the draft's list, becomes b as a whole; the path is one for both. */
static cer_status
set_element(differ *d, cer_ast *list, cer_ast *a, const cer_ast *b)
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
	CER_TRY(append_set(d, path, a, b));
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
compare_named(differ *d, const cer_ast *a, const cer_ast *b)
{
	cer_ast *path;

	if (!has_named(a) && !has_named(b))
		return CER_OK;
	CER_TRY(cer_path_make(d->draft.arena, &d->draft, a, &path, d->err));
	return set_all_named(d, a, b, cer_call_get_word(a), path);
}

/* Two elements that stand for each other. */
static cer_status
compare_elements(differ *d, cer_ast *list, cer_ast *a, const cer_ast *b)
{
	size_t n_a = count_unnamed(a);
	size_t n_b = count_unnamed(b);
	bool is_chain = a->kind == CER_AST_CHAIN && b->kind == CER_AST_CHAIN;

	if (cer_ast_equals(a, b))
		return CER_OK;
	if (is_chain || (is_same_call(a, b) && (n_a == 0) == (n_b == 0)))
	{
		CER_TRY(compare_named(d, a, b));
		return n_a > 0 ? compare_lists(d, a, b) : CER_OK;
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

	for (const cer_ast *child = skip_named(list->first);
	     elements != NULL && child != NULL; child = skip_named(child->next))
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
align(differ *d, const cer_ast *a, const cer_ast *b, alignment *al)
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
append_anchored(differ *d, cer_ast_kind kind, const cer_ast *layer,
                const cer_ast *previous, const cer_ast *next)
{
	const cer_ast *anchor = previous ? previous : next;
	cer_ast *step;
	cer_ast *path;

	CER_TRY(cer_path_make(d->draft.arena, &d->draft, anchor, &path, d->err));
	CER_TRY(append_step(d, kind, &step));
	step->flag = previous == NULL;
	CER_TRY(append_value(d, step, layer));
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
delete_element(differ *d, cer_ast *list, cer_ast *a)
{
	const cer_ast *previous = find_unnamed_before(list, a);
	const cer_ast *next = skip_named(a->next);

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
insert_element(differ *d, cer_ast *list, cer_ast *next, const cer_ast *b)
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
follow(differ *d, cer_ast *list, const alignment *al)
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

static cer_status
compare_lists(differ *d, cer_ast *a, const cer_ast *b)
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

/* --------------------------------------------------------------- structure */

static cer_status
measure_text(const differ *d, const cer_ast *ast, size_t *size)
{
	cer_text text;

	CER_TRY(cer_ast_print(d->draft.arena, ast, &text, d->err));
	*size = text.size;
	return CER_OK;
}

static cer_status
append_structure(differ *d, const cer_ast *from)
{
	cer_spot old = {.kind = CER_SPOT_STRUCTURE, .parent = (cer_ast *) from};
	cer_spot new = {.kind = CER_SPOT_STRUCTURE, .parent = d->target.as};
	cer_text none = {NULL, 0};
	cer_ast rooms[2];
	cer_ast *path;

	CER_TRY(cer_path_of_names(d->draft.arena, "as", none, none, &path, d->err));
	return append_set(d, path, cer_spot_read(&old, &rooms[0]),
	                  cer_spot_read(&new, &rooms[1]));
}

/* Single steps where they are few, or shorter than the whole. */
static cer_status
compare_structures(differ *d)
{
	cer_ast *all = d->steps;
	cer_ast *single = cer_ast_make(d->draft.arena, CER_AST_CHANGE, all->place);
	cer_ast *whole = cer_ast_make(d->draft.arena, CER_AST_CHANGE, all->place);
	cer_ast *from;
	size_t n_single;
	size_t n_whole;

	if (single == NULL || whole == NULL)
		return cer_fail_memory(d->err, sizeof(*single));
	if (cer_ast_equals(d->draft.as, d->target.as))
		return CER_OK;
	CER_TRY(cer_value_unfold(d->draft.arena, d->draft.as, &from, d->err));
	d->steps = single;
	CER_TRY(compare_lists(d, d->draft.as, d->target.as));
	d->steps = whole;
	CER_TRY(append_structure(d, from));
	CER_TRY(measure_text(d, single, &n_single));
	CER_TRY(measure_text(d, whole, &n_whole));
	d->steps = all;
	cer_ast_move_children(all, d->is_too_far || (n_single > n_whole &&
	                                             single->first != single->last)
	                               ? whole
	                               : single);
	return CER_OK;
}

cer_status
cer_change_between(cer_arena *arena, const cer_mst *from, const cer_mst *to,
                   const cer_change **change, cer_error *err)
{
	cer_change *made = cer_arena_allocate(arena, sizeof(*made));
	differ d = {.err = err};

	d.steps = cer_ast_make(arena, CER_AST_CHANGE, (cer_place){1, 1});
	if (made == NULL || d.steps == NULL)
		return cer_fail_memory(err, sizeof(*made));
	CER_TRY(cer_draft_make(arena, from, &d.draft, err));
	CER_TRY(cer_draft_make(arena, to, &d.target, err));
	CER_TRY(drop_items(&d));
	CER_TRY(set_encoders(&d));
	CER_TRY(add_items(&d));
	CER_TRY(compare_structures(&d));
	CER_TRY(compare_training(&d));
	made->ast = d.steps;
	*change = made;
	return CER_OK;
}
