/*
 * lang/space_items.c
 *	  Items of FE, and a column's encoders: does what a triple has of them come
 *	  of what a space has?
 *
 * What stands in the space is one side of a graph, what stands in the triple
 * the other; an edge is where the one can be the other.  All of the triple's
 * must come from somewhere, and all that is not optional must be there.  The
 * matching grows by augmenting paths from the space's side, what is needed
 * first: who has a partner keeps one, so that in the end it is a largest
 * matching in which all that is needed takes part.
 *
 * Names are unique within a triple, so edges are found by name: there are no
 * more than the space has words.
 */
#include "lang/space_private.h"

#include "base/text.h"
#include "lang/lex.h"

#define MAX_ITEMS    CER_LEX_MAX_LIST
#define MAX_ENCODERS 64 /* more than there are kinds of */
#define NOWHERE      UINT16_MAX

/* An item of the triple. */
typedef struct node
{
	const cer_ast *item;
	const cer_ast *partner; /* the space's that it comes of */
	uint16_t from;          /* in a search: by whose partner it was reached */
	bool is_seen;
} node;

typedef struct graph graph;

struct graph
{
	const cer_ast *triple;
	size_t (*find)(const graph *g, const cer_ast *space); /* n: none is so */
	node *nodes;
	uint16_t *queue; /* of those reached */
	size_t n;
	size_t n_queued;
	uint16_t free; /* reached, and nobody's yet */
};

/* --------------------------------------------------------------- matching */

static void
reach_one(graph *g, const cer_ast *space, uint16_t from)
{
	size_t i = g->find(g, space);

	if (i == g->n || g->nodes[i].is_seen)
		return;
	g->nodes[i].is_seen = true;
	g->nodes[i].from = from;
	g->queue[g->n_queued++] = (uint16_t) i;
	if (g->nodes[i].partner == NULL)
		g->free = (uint16_t) i;
}

/* All that the space's item can be. */
static void
reach(graph *g, const cer_ast *space, uint16_t from)
{
	switch (space->kind)
	{
		case CER_AST_CHOICE:
			for (const cer_ast *one = space->first; one; one = one->next)
				reach(g, one, from);
			return;
		case CER_AST_OPTIONAL:
			reach(g, space->first, from);
			return;
		case CER_AST_CONDITION:
			if (cer_condition_holds(space, g->triple))
				reach(g, space->first, from);
			return;
		default:
			reach_one(g, space, from);
			return;
	}
}

/* Finds a partner for the space's item, taking over another's if that finds
 * one elsewhere. */
static bool
find_partner(graph *g, const cer_ast *space)
{
	uint16_t i;

	for (size_t k = 0; k < g->n; k++)
		g->nodes[k].is_seen = false;
	g->n_queued = 0;
	g->free = NOWHERE;
	reach(g, space, NOWHERE);
	for (size_t k = 0; k < g->n_queued && g->free == NOWHERE; k++)
		reach(g, g->nodes[g->queue[k]].partner, g->queue[k]);
	if (g->free == NOWHERE)
		return false;
	for (i = g->free; g->nodes[i].from != NOWHERE; i = g->nodes[i].from)
		g->nodes[i].partner = g->nodes[g->nodes[i].from].partner;
	g->nodes[i].partner = space;
	return true;
}

/* The space's items are the list's. */
static bool
match_all(graph *g, const cer_ast *list)
{
	size_t n = 0;

	for (const cer_ast *one = list; one; one = one->next)
	{
		if (!cer_space_is_needed(one, g->triple))
			continue;
		if (!find_partner(g, one))
			return false;
		n++;
	}
	for (const cer_ast *one = list; one && n < g->n; one = one->next)
		if (!cer_space_is_needed(one, g->triple) && find_partner(g, one))
			n++;
	return n == g->n;
}

static bool
list_items(graph *g, const cer_ast *list, size_t most)
{
	for (const cer_ast *item = list; item; item = item->next)
	{
		if (g->n == most)
			return false;
		g->nodes[g->n++] = (node){.item = item};
	}
	return true;
}

/* --------------------------------------------------------------- encoders */

static size_t
find_encoder(const graph *g, const cer_ast *space)
{
	for (size_t i = 0; i < g->n; i++)
		if (cer_space_match_encoder(space, g->nodes[i].item, g->triple))
			return i;
	return g->n;
}

/* NULL is none; several stand below a PLUS. */
static const cer_ast *
get_encoders(const cer_ast *encoders)
{
	bool are_many = encoders != NULL && encoders->kind == CER_AST_PLUS;

	return are_many ? encoders->first : encoders;
}

static bool
match_encoders(const cer_ast *space, const cer_ast *there,
               const cer_ast *triple)
{
	node nodes[MAX_ENCODERS];
	uint16_t queue[MAX_ENCODERS];
	graph g = {
		.triple = triple, .find = find_encoder, .nodes = nodes, .queue = queue};

	return list_items(&g, get_encoders(there), MAX_ENCODERS) &&
	       match_all(&g, get_encoders(space));
}

/* --------------------------------------------------------------- items */

static bool
match_column(const cer_ast *space, const cer_ast *item, const cer_ast *triple)
{
	const cer_ast *want = space->first;
	const cer_ast *there = item->first;

	if (space->kind == CER_AST_DERIVED)
	{
		if (!cer_ast_equals(want, there))
			return false;
		want = want->next;
		there = there->next;
	}
	return match_encoders(want, there, triple);
}

/* The order in which kinds of items stand. */
static int
get_rank(const cer_ast *item)
{
	switch (item->kind)
	{
		case CER_AST_STAR:
			return 0;
		case CER_AST_EXCEPT:
			return 1;
		case CER_AST_JOIN:
			return 2;
		case CER_AST_AGGREGATE:
			return 3;
		default:
			return 4;
	}
}

static int
compare(const cer_ast *a, const cer_ast *b)
{
	int order = get_rank(a) - get_rank(b);

	return order != 0 || get_rank(a) < 2 ? order : cer_ast_compare(a, b);
}

/* The item of the same name. */
static size_t
find_name(const graph *g, const cer_ast *space)
{
	size_t least = 0;
	size_t most = g->n;

	while (least < most)
	{
		size_t middle = least + (most - least) / 2;
		int order = compare(g->nodes[middle].item, space);

		if (order == 0)
			return middle;
		if (order < 0)
			least = middle + 1;
		else
			most = middle;
	}
	return g->n;
}

static size_t
find_item(const graph *g, const cer_ast *space)
{
	size_t i = find_name(g, space);
	const cer_ast *item = i < g->n ? g->nodes[i].item : NULL;
	bool is_one;

	if (item == NULL || item->kind != space->kind)
		return g->n;
	if (space->kind == CER_AST_COLUMN || space->kind == CER_AST_DERIVED)
		is_one = match_column(space, item, g->triple);
	else
		is_one = cer_ast_equals(space, item);
	return is_one ? i : g->n;
}

/* Equal lists need no graph. */
bool
cer_space_match_items(const cer_ast *fe, const cer_ast *triple)
{
	const cer_ast *there = cer_ast_find_section(triple, CER_AST_FE);
	node nodes[MAX_ITEMS];
	uint16_t queue[MAX_ITEMS];
	graph g = {
		.triple = triple, .find = find_item, .nodes = nodes, .queue = queue};

	if (cer_ast_equals(fe, there))
		return true;
	return list_items(&g, there->first, MAX_ITEMS) && match_all(&g, fe->first);
}
