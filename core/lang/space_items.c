/*
 * lang/space_items.c
 *	  Items of FE: does a triple's set of them come of a space's?
 *
 * Items of the space are one side of a graph, those of the triple the other;
 * an edge is where the one can be the other.  All of the triple's must come
 * from somewhere, and all that is not optional must be there: two matchings,
 * one of each side, are enough, as then there is one of both (Mendelsohn and
 * Dulmage 1958).  Matchings grow by augmenting paths.
 */
#include "lang/space_private.h"

#include "base/text.h"

#define MAX_ITEMS 256 /* more than a person writes; others are in no space */

typedef struct graph
{
	const cer_ast *triple;
	size_t n[2]; /* of the space, of the triple */
	const cer_ast *items[2][MAX_ITEMS];
	uint16_t partner[2][MAX_ITEMS]; /* from 1; 0: none */
	bool is_seen[MAX_ITEMS];
} graph;

static bool
match_column(const cer_ast *space, const cer_ast *item, const cer_ast *triple)
{
	const cer_ast *want = space->first;
	const cer_ast *there = item->first;

	if (!cer_text_equals(space->name, item->name) ||
	    !cer_text_equals(space->qualifier, item->qualifier))
		return false;
	if (space->kind == CER_AST_DERIVED)
	{
		if (!cer_ast_equals(want, there))
			return false;
		want = want->next;
		there = there->next;
	}
	if (want == NULL || there == NULL)
		return want == there ||
		       (there == NULL && want->kind == CER_AST_OPTIONAL);
	return cer_space_match_encoder(want, there, triple);
}

static bool
match_item(const cer_ast *space, const cer_ast *item, const cer_ast *triple)
{
	switch (space->kind)
	{
		case CER_AST_CHOICE:
			for (const cer_ast *one = space->first; one; one = one->next)
				if (match_item(one, item, triple))
					return true;
			return false;
		case CER_AST_OPTIONAL:
			return match_item(space->first, item, triple);
		case CER_AST_CONDITION:
			return cer_condition_holds(space, triple) &&
			       match_item(space->first, item, triple);
		case CER_AST_COLUMN:
		case CER_AST_DERIVED:
			return space->kind == item->kind &&
			       match_column(space, item, triple);
		default:
			return cer_ast_equals(space, item);
	}
}

/* It cannot be left out. */
static bool
is_needed(const cer_ast *space, const cer_ast *triple)
{
	switch (space->kind)
	{
		case CER_AST_OPTIONAL:
			return false;
		case CER_AST_CONDITION:
			return cer_condition_holds(space, triple) &&
			       is_needed(space->first, triple);
		case CER_AST_CHOICE:
			for (const cer_ast *one = space->first; one; one = one->next)
				if (!is_needed(one, triple))
					return false;
			return true;
		default:
			return true;
	}
}

static bool
has_edge(const graph *g, size_t side, size_t i, size_t j)
{
	return side == 0 ? match_item(g->items[0][i], g->items[1][j], g->triple)
	                 : match_item(g->items[0][j], g->items[1][i], g->triple);
}

/* Finds a partner on the other side, taking over another's if that finds one
 * elsewhere. */
static bool
find_partner(graph *g, size_t side, size_t i)
{
	for (size_t j = 0; j < g->n[1 - side]; j++)
	{
		if (g->is_seen[j] || !has_edge(g, side, i, j))
			continue;
		g->is_seen[j] = true;
		if (g->partner[1 - side][j] == 0 ||
		    find_partner(g, side, g->partner[1 - side][j] - 1u))
		{
			g->partner[1 - side][j] = (uint16_t) (i + 1);
			return true;
		}
	}
	return false;
}

static bool
match_side(graph *g, size_t side)
{
	for (size_t j = 0; j < g->n[1 - side]; j++)
		g->partner[1 - side][j] = 0;
	for (size_t i = 0; i < g->n[side]; i++)
	{
		if (side == 0 && !is_needed(g->items[0][i], g->triple))
			continue;
		for (size_t j = 0; j < g->n[1 - side]; j++)
			g->is_seen[j] = false;
		if (!find_partner(g, side, i))
			return false;
	}
	return true;
}

static bool
list_items(const cer_ast *fe, const cer_ast *items[MAX_ITEMS], size_t *n)
{
	*n = 0;
	for (const cer_ast *item = fe->first; item; item = item->next)
	{
		if (*n == MAX_ITEMS)
			return false;
		items[(*n)++] = item;
	}
	return true;
}

/* Equal lists need no graph, whatever their size. */
bool
cer_space_match_items(const cer_ast *fe, const cer_ast *triple)
{
	const cer_ast *there = cer_ast_find_section(triple, CER_AST_FE);
	graph g = {.triple = triple};

	if (cer_ast_equals(fe, there))
		return true;
	return list_items(fe, g.items[0], &g.n[0]) &&
	       list_items(there, g.items[1], &g.n[1]) && match_side(&g, 0) &&
	       match_side(&g, 1);
}
