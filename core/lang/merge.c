/*
 * lang/merge.c
 *	  What two made of one triple, together.
 *
 * Part by part: where one left it as it was the other's counts; where both did
 * the same it is that; all else is a conflict.  Calls of one name are merged
 * argument by argument, lists of one length element by element, others as texts
 * are: what both left alone holds them together (diff3).
 */
#include "lang/change.h"

#include "base/text.h"
#include "lang/mst.h"

#include <string.h>

#define MAX_MERGED 256 /* elements of lists that differ in length */

enum
{
	BASE,
	LEFT,
	RIGHT
};

typedef struct merger
{
	cer_arena *arena;
	cer_draft drafts[3]; /* base, left, right */
	cer_draft merged;
	cer_error *err;
} merger;

/* --------------------------------------------------------------- conflicts */

static cer_text
show(const merger *m, const cer_ast *ast)
{
	cer_text text = {"nothing", 7};
	cer_ast *folded;

	if (ast == NULL || cer_value_fold(m->arena, ast, &folded, NULL) != CER_OK)
		return text;
	if (folded->kind == CER_AST_AS) /* of a draft: the layers of its chain */
		folded->kind = CER_AST_CHAIN;
	cer_ast_print(m->arena, folded, &text, NULL);
	return text;
}

/* of: base, left, right; NULL: not there. */
static cer_status
fail_conflict(const merger *m, const cer_ast *path, const cer_ast *const of[3])
{
	cer_text where = show(m, path);
	cer_text base = show(m, of[BASE]);
	cer_text left = show(m, of[LEFT]);
	cer_text right = show(m, of[RIGHT]);

	cer_fail(m->err, CER_BAD_VALUE,
	         "conflict at %.*s: %.*s became %.*s and %.*s", CER_SHOW(where),
	         CER_SHOW(base), CER_SHOW(left), CER_SHOW(right));
	return CER_BAD_VALUE;
}

static cer_status
fail_at_node(const merger *m, const cer_ast *node, const cer_ast *const of[3])
{
	cer_ast *path = NULL;

	CER_TRY(cer_path_make(m->arena, &m->drafts[BASE], node, &path, m->err));
	return fail_conflict(m, path, of);
}

/* --------------------------------------------------------------- parts */

static bool
is_equal(const cer_ast *a, const cer_ast *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return cer_ast_equals(a, b);
}

/* Whose part it is where one is enough: NULL there too; false: both changed. */
static bool
decide(const cer_ast *const of[3], const cer_ast **result)
{
	if (is_equal(of[LEFT], of[RIGHT]) || is_equal(of[BASE], of[RIGHT]))
		*result = of[LEFT];
	else if (is_equal(of[BASE], of[LEFT]))
		*result = of[RIGHT];
	else
		return false;
	return true;
}

static cer_status
append_copy(merger *m, cer_ast *parent, const cer_ast *node)
{
	cer_ast *copy;

	if (node == NULL)
		return CER_OK;
	copy = cer_ast_copy(m->arena, node);
	if (copy == NULL)
		return cer_fail_memory(m->err, sizeof(*copy));
	cer_ast_append(parent, copy);
	return CER_OK;
}

/* --------------------------------------------------------------- names */

/* The argument that a call, or PT, has of a name. */
static const cer_arg *
find_arg(const cer_ast *call, cer_text name)
{
	const cer_word *word;

	if (call->kind == CER_AST_PT)
		word = cer_schema_find(CER_WORD_SECTION, cer_text_of("PT"));
	else
		word = cer_schema_find(CER_WORD_OPTIMIZER, call->name);
	if (word == NULL && call->kind == CER_AST_CALL)
		word = cer_call_get_word(call);
	return word ? cer_word_find_arg(word, name) : NULL;
}

/* As fail_conflict, of arguments with a name: defaults are shown. */
static cer_status
fail_argument(const merger *m, const cer_ast *const calls[3],
              const cer_ast *path)
{
	cer_text name = path->last->name;
	const cer_arg *arg = find_arg(calls[BASE], name);
	const cer_ast *of[3];
	cer_ast room;

	if (arg == NULL || !cer_arg_make_default(arg, &room))
		room = (cer_ast){.kind = CER_AST_CALL,
		                 .name = cer_text_of(CER_DEFAULT_WORD)};
	for (size_t i = 0; i < 3; i++)
	{
		const cer_ast *named = cer_ast_find_named(calls[i], name);

		of[i] = named ? named->first : &room;
	}
	return fail_conflict(m, path, of);
}

/* The same argument of all three calls; path is the call's. */
static cer_status
merge_argument(merger *m, const cer_ast *const calls[3], cer_text name,
               const cer_ast *path, cer_ast *merged)
{
	const cer_ast *of[3];
	const cer_ast *result;
	cer_ast *longer;

	if (cer_ast_find_named(merged, name) != NULL)
		return CER_OK;
	for (size_t i = 0; i < 3; i++)
		of[i] = cer_ast_find_named(calls[i], name);
	if (decide(of, &result))
		return append_copy(m, merged, result);
	CER_TRY(cer_path_extend(m->arena, path, name, &longer, m->err));
	return fail_argument(m, calls, longer);
}

static cer_status
merge_arguments(merger *m, const cer_ast *const calls[3], const cer_ast *path,
                cer_ast *merged)
{
	for (size_t i = 0; i < 3; i++)
		for (const cer_ast *named = calls[i]->first; named; named = named->next)
			if (named->kind == CER_AST_NAMED)
				CER_TRY(merge_argument(m, calls, named->name, path, merged));
	return CER_OK;
}

/* --------------------------------------------------------------- lists */

typedef struct elements
{
	size_t n;
	const cer_ast **at;
	size_t *partner; /* of the base's elements in the other, n: none */
} elements;

static cer_status
merge_node(merger *m, const cer_ast *const of[3], cer_ast *parent);

static cer_status
list_elements(merger *m, const cer_ast *list, elements *e)
{
	size_t n = cer_ast_count(list);

	e->n = 0;
	e->at = cer_arena_allocate(m->arena, n * sizeof(*e->at));
	if (e->at == NULL)
		return cer_fail_memory(m->err, n * sizeof(*e->at));
	for (const cer_ast *child = list->first; child; child = child->next)
		if (child->kind != CER_AST_NAMED)
			e->at[e->n++] = child;
	return CER_OK;
}

/* Along a longest common subsequence; common[i][j] is its length from there. */
static void
read_partners(const elements *base, elements *other, const uint16_t *common)
{
	size_t width = other->n + 1;
	size_t i = 0;
	size_t j = 0;

	for (size_t k = 0; k <= base->n; k++)
		other->partner[k] = other->n;
	while (i < base->n && j < other->n)
	{
		const uint16_t *at = &common[i * width + j];

		if (cer_ast_equals(base->at[i], other->at[j]))
			other->partner[i++] = j++;
		else if (at[width] >= at[1])
			i++;
		else
			j++;
	}
}

/* Which elements of the base another kept. */
static cer_status
find_partners(merger *m, const elements *base, elements *other)
{
	size_t width = other->n + 1;
	size_t size = (base->n + 1) * width * sizeof(uint16_t);
	uint16_t *common = cer_arena_allocate(m->arena, size);

	other->partner =
		cer_arena_allocate(m->arena, (base->n + 1) * sizeof(size_t));
	if (common == NULL || other->partner == NULL)
		return cer_fail_memory(m->err, size);
	memset(common, 0, size);
	for (size_t i = base->n; i-- > 0;)
		for (size_t k = other->n; k-- > 0;)
		{
			uint16_t *at = &common[i * width + k];

			*at = at[width] > at[1] ? at[width] : at[1];
			if (cer_ast_equals(base->at[i], other->at[k]))
				*at = (uint16_t) (at[width + 1] + 1);
		}
	read_partners(base, other, common);
	return CER_OK;
}

/* Elements from..to of one of the three. */
typedef struct span
{
	const elements *of;
	size_t from;
	size_t to;
} span;

static bool
is_equal_span(const span *a, const span *b)
{
	if (a->to - a->from != b->to - b->from)
		return false;
	for (size_t i = 0; i < a->to - a->from; i++)
		if (!cer_ast_equals(a->of->at[a->from + i], b->of->at[b->from + i]))
			return false;
	return true;
}

static cer_status
append_span(merger *m, cer_ast *parent, const span *s)
{
	for (size_t i = s->from; i < s->to; i++)
		CER_TRY(append_copy(m, parent, s->of->at[i]));
	return CER_OK;
}

static cer_status
merge_pairs(merger *m, const span spans[3], cer_ast *parent)
{
	for (size_t i = 0; i < spans[BASE].to - spans[BASE].from; i++)
	{
		const cer_ast *of[3];

		for (size_t k = 0; k < 3; k++)
			of[k] = spans[k].of->at[spans[k].from + i];
		CER_TRY(merge_node(m, of, parent));
	}
	return CER_OK;
}

/* Between what both left alone. */
static cer_status
merge_spans(merger *m, const cer_ast *const lists[3], const span spans[3],
            cer_ast *parent)
{
	size_t n = spans[BASE].to - spans[BASE].from;

	if (is_equal_span(&spans[LEFT], &spans[RIGHT]) ||
	    is_equal_span(&spans[BASE], &spans[RIGHT]))
		return append_span(m, parent, &spans[LEFT]);
	if (is_equal_span(&spans[BASE], &spans[LEFT]))
		return append_span(m, parent, &spans[RIGHT]);
	if (spans[LEFT].to - spans[LEFT].from == n &&
	    spans[RIGHT].to - spans[RIGHT].from == n)
		return merge_pairs(m, spans, parent);
	return fail_at_node(m, lists[BASE], lists);
}

/* Moves all three on to the next element that both left alone, or the end. */
static void
find_spans(const elements of[3], span spans[3])
{
	size_t i = spans[BASE].to;

	for (size_t k = 0; k < 3; k++)
	{
		spans[k].of = &of[k];
		spans[k].from = spans[k].to;
	}
	while (i < of[BASE].n && (of[LEFT].partner[i] == of[LEFT].n ||
	                          of[RIGHT].partner[i] == of[RIGHT].n))
		i++;
	spans[BASE].to = i;
	spans[LEFT].to = of[LEFT].partner[i];
	spans[RIGHT].to = of[RIGHT].partner[i];
}

static cer_status
merge_lists(merger *m, const cer_ast *const lists[3], cer_ast *parent)
{
	elements of[3];
	span spans[3] = {{0}};

	for (size_t i = 0; i < 3; i++)
		CER_TRY(list_elements(m, lists[i], &of[i]));
	if (of[LEFT].n == of[BASE].n && of[RIGHT].n == of[BASE].n)
	{
		for (size_t i = 0; i < 3; i++)
			spans[i] = (span){&of[i], 0, of[i].n};
		return merge_pairs(m, spans, parent);
	}
	for (size_t i = 0; i < 3; i++)
		if (of[i].n > MAX_MERGED)
			return fail_at_node(m, lists[BASE], lists);
	CER_TRY(find_partners(m, &of[BASE], &of[LEFT]));
	CER_TRY(find_partners(m, &of[BASE], &of[RIGHT]));
	for (;;)
	{
		find_spans(of, spans);
		CER_TRY(merge_spans(m, lists, spans, parent));
		if (spans[BASE].to == of[BASE].n)
			return CER_OK;
		CER_TRY(append_copy(m, parent, of[BASE].at[spans[BASE].to]));
		for (size_t k = 0; k < 3; k++)
			spans[k].to++;
	}
}

/* --------------------------------------------------------------- nodes */

static bool
are_alike(const cer_ast *const of[3])
{
	for (size_t i = 0; i < 3; i++)
		if (of[i]->kind != of[BASE]->kind ||
		    (of[i]->kind != CER_AST_CALL && of[i]->kind != CER_AST_CHAIN) ||
		    !cer_text_equals(of[i]->name, of[BASE]->name))
			return false;
	return true;
}

static cer_status
merge_calls(merger *m, const cer_ast *const of[3], cer_ast *parent)
{
	cer_ast *merged = cer_ast_make(m->arena, of[BASE]->kind, of[BASE]->place);
	cer_ast *path;

	if (merged == NULL)
		return cer_fail_memory(m->err, sizeof(*merged));
	merged->name = of[BASE]->name;
	CER_TRY(merge_lists(m, of, merged));
	CER_TRY(cer_path_make(m->arena, &m->drafts[BASE], of[BASE], &path, m->err));
	CER_TRY(merge_arguments(m, of, path, merged));
	cer_ast_append(parent, merged);
	return CER_OK;
}

static cer_status
merge_node(merger *m, const cer_ast *const of[3], cer_ast *parent)
{
	const cer_ast *result;

	if (decide(of, &result))
		return append_copy(m, parent, result);
	if (are_alike(of))
		return merge_calls(m, of, parent);
	return fail_at_node(m, of[BASE], of);
}

/* --------------------------------------------------------------- FE */

static const cer_ast *
find_excepted(const cer_ast *fe, const cer_ast *column)
{
	for (const cer_ast *item = fe->first; item; item = item->next)
	{
		if (item->kind != CER_AST_EXCEPT)
			continue;
		for (const cer_ast *out = item->first; out; out = out->next)
			if (cer_ast_compare(out, column) == 0)
				return out;
	}
	return NULL;
}

/* A column is left out or not: of three, two agree. */
static cer_status
merge_excepted(merger *m, const cer_ast *except, cer_ast *merged)
{
	for (const cer_ast *out = except->first; out; out = out->next)
	{
		const cer_ast *of[3];
		const cer_ast *result;

		for (size_t i = 0; i < 3; i++)
			of[i] = find_excepted(m->drafts[i].fe, out);
		if (decide(of, &result) && result != NULL)
		{
			const cer_ast *there = merged->first;

			while (there != NULL && cer_ast_compare(there, result) != 0)
				there = there->next;
			if (there == NULL)
				CER_TRY(append_copy(m, merged, result));
		}
	}
	return CER_OK;
}

static cer_status
merge_item(merger *m, const cer_ast *item)
{
	cer_text first = item->qualifier.size > 0 ? item->qualifier : item->name;
	cer_text second = {NULL, 0};
	const cer_ast *of[3];
	const cer_ast *result;
	cer_ast *path;

	if (cer_item_find_rival(m->merged.fe, item) != NULL)
		return CER_OK;
	for (size_t i = 0; i < 3; i++)
		of[i] = cer_item_find_rival(m->drafts[i].fe, item);
	if (decide(of, &result))
		return append_copy(m, m->merged.fe, result);
	if (item->qualifier.size > 0)
		second = item->name;
	CER_TRY(cer_path_of_names(m->arena, "fe", first, second, &path, m->err));
	return fail_conflict(m, path, of);
}

static cer_status
merge_features(merger *m)
{
	cer_ast *except = cer_ast_make(m->arena, CER_AST_EXCEPT, (cer_place){0, 0});

	if (except == NULL)
		return cer_fail_memory(m->err, sizeof(*except));
	for (size_t i = 0; i < 3; i++)
		for (const cer_ast *item = m->drafts[i].fe->first; item;
		     item = item->next)
			if (item->kind == CER_AST_EXCEPT)
				CER_TRY(merge_excepted(m, item, except));
			else
				CER_TRY(merge_item(m, item));
	if (except->first != NULL)
		cer_ast_append(m->merged.fe, except);
	return CER_OK;
}

/* --------------------------------------------------------------- PT */

static cer_status
merge_optimizer(merger *m, const cer_ast *const of[3], const cer_ast *path)
{
	cer_text none = {NULL, 0};
	const cer_ast *result;
	cer_ast *merged;
	cer_ast *longer;

	if (decide(of, &result))
		return append_copy(m, m->merged.pt, result);
	if (!are_alike(of))
	{
		CER_TRY(cer_path_of_names(m->arena, "pt", cer_text_of("optimizer"),
		                          none, &longer, m->err));
		return fail_conflict(m, longer, of);
	}
	merged = cer_ast_make(m->arena, CER_AST_CALL, of[BASE]->place);
	if (merged == NULL)
		return cer_fail_memory(m->err, sizeof(*merged));
	merged->name = of[BASE]->name;
	CER_TRY(merge_arguments(m, of, path, merged));
	cer_ast_append(m->merged.pt, merged);
	return CER_OK;
}

static cer_status
merge_training(merger *m)
{
	cer_text none = {NULL, 0};
	cer_ast rooms[3];
	const cer_ast *optimizers[3];
	const cer_ast *sections[3];
	cer_ast *path;

	for (size_t i = 0; i < 3; i++)
	{
		sections[i] = m->drafts[i].pt;
		optimizers[i] = cer_pt_get_optimizer(sections[i], &rooms[i]);
	}
	CER_TRY(cer_path_of_names(m->arena, "pt", none, none, &path, m->err));
	CER_TRY(merge_optimizer(m, optimizers, path));
	return merge_arguments(m, sections, path, m->merged.pt);
}

/* --------------------------------------------------------------- all */

static cer_status
merge_structures(merger *m)
{
	const cer_ast *of[3];
	const cer_ast *result;

	for (size_t i = 0; i < 3; i++)
		of[i] = m->drafts[i].as;
	if (!decide(of, &result))
		return merge_lists(m, of, m->merged.as);
	for (const cer_ast *layer = result->first; layer; layer = layer->next)
		CER_TRY(append_copy(m, m->merged.as, layer));
	return CER_OK;
}

static cer_status
make_sections(merger *m)
{
	cer_place place = {0, 0};

	m->merged = (cer_draft){.arena = m->arena,
	                        .fe = cer_ast_make(m->arena, CER_AST_FE, place),
	                        .as = cer_ast_make(m->arena, CER_AST_AS, place),
	                        .pt = cer_ast_make(m->arena, CER_AST_PT, place)};
	if (m->merged.fe == NULL || m->merged.as == NULL || m->merged.pt == NULL)
		return cer_fail_memory(m->err, sizeof(cer_ast));
	return CER_OK;
}

cer_status
cer_mst_merge(cer_arena *arena, const cer_mst *base, const cer_mst *a,
              const cer_mst *b, const cer_mst **merged, cer_error *err)
{
	merger m = {.arena = arena, .err = err};
	const cer_mst *of[3] = {base, a, b};

	for (size_t i = 0; i < 3; i++)
		CER_TRY(cer_draft_make(arena, of[i], &m.drafts[i], err));
	CER_TRY(make_sections(&m));
	CER_TRY(merge_features(&m));
	CER_TRY(merge_structures(&m));
	CER_TRY(merge_training(&m));
	return cer_draft_resolve(&m.merged, merged, err);
}
