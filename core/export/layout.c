/*
 * export/layout.c
 *	  Where the boxes of a drawing stand.
 *
 * As Sugiyama, Tagawa and Toda (1981): a box stands one rank below the lowest
 * of what it takes; a line that passes ranks has a bend in each; the order in a
 * rank follows the middle of neighbours, down and up, some times; then each
 * node moves towards its neighbours as far as order and widths allow.
 */
#include "export/layout.h"

#include <string.h>

#define MAX_NODES   20000
#define N_ORDERINGS 8
#define N_MOVES     24
#define GAP         26.0 /* between nodes of a rank */
#define BEND_HALF   5.0
/* Boxes stay, lines give way. */
#define BOX_WEIGHT  60.0
#define BEND_WEIGHT 1.0

typedef struct segment
{
	size_t from;
	size_t to; /* a rank below */
} segment;

typedef struct work
{
	cer_layout *layout;
	size_t *ranks;  /* nodes by rank and place */
	size_t *starts; /* of each rank in ranks; one more */
	segment *lines; /* by rank of from */
	size_t *line_starts;
	double *keys;    /* by node */
	double *weights; /* by node */
} work;

/* ------------------------------------------------------------ ranks */

static void
choose_ranks(cer_layout *layout)
{
	layout->n_ranks = layout->n_boxes > 0;
	for (size_t i = 0; i < layout->n_boxes; i++)
		layout->nodes[i].rank = 0;
	for (size_t box = 0; box < layout->n_boxes; box++)
	{
		cer_layout_node *node = &layout->nodes[box];

		for (size_t i = 0; i < layout->n_links; i++)
			if (layout->links[i].to == box &&
			    layout->nodes[layout->links[i].from].rank >= node->rank)
				node->rank = layout->nodes[layout->links[i].from].rank + 1;
		if (node->rank >= layout->n_ranks)
			layout->n_ranks = node->rank + 1;
	}
}

static cer_status
add_bends(cer_arena *arena, cer_layout *layout, cer_error *err)
{
	size_t n = layout->n_boxes;
	cer_layout_node *nodes;

	for (size_t i = 0; i < layout->n_links; i++)
	{
		cer_layout_link *link = &layout->links[i];

		link->first_bend = n;
		link->n_bends =
			layout->nodes[link->to].rank - layout->nodes[link->from].rank - 1;
		n += link->n_bends;
	}
	if (n > MAX_NODES)
		return cer_fail(err, CER_TOO_BIG,
		                "a graph of %zu boxes and bends is too large to draw",
		                n);
	nodes = cer_arena_allocate(arena, n * sizeof(*nodes));
	if (nodes == NULL)
		return cer_fail_memory(err, n * sizeof(*nodes));
	memcpy(nodes, layout->nodes, layout->n_boxes * sizeof(*nodes));
	for (size_t i = 0; i < layout->n_links; i++)
		for (size_t j = 0; j < layout->links[i].n_bends; j++)
			nodes[layout->links[i].first_bend + j] = (cer_layout_node){
				.half = BEND_HALF,
				.rank = nodes[layout->links[i].from].rank + 1 + j};
	layout->nodes = nodes;
	layout->n_nodes = n;
	return CER_OK;
}

/* ------------------------------------------------------------ lists */

/* Nodes by rank, in the order in which they came. */
static void
list_ranks(work *w)
{
	const cer_layout *layout = w->layout;

	memset(w->starts, 0, (layout->n_ranks + 1) * sizeof(size_t));
	for (size_t i = 0; i < layout->n_nodes; i++)
		w->starts[layout->nodes[i].rank + 1]++;
	for (size_t i = 0; i < layout->n_ranks; i++)
		w->starts[i + 1] += w->starts[i];
	for (size_t i = layout->n_nodes; i > 0; i--)
	{
		size_t rank = layout->nodes[i - 1].rank;

		w->ranks[--w->starts[rank + 1]] = i - 1;
	}
	/* each start went back by its rank's size: to that of the rank itself */
	for (size_t i = 0; i < layout->n_ranks; i++)
		w->starts[i] = w->starts[i + 1];
	w->starts[layout->n_ranks] = layout->n_nodes;
}

static size_t
get_node(const cer_layout_link *link, size_t step)
{
	if (step == 0)
		return link->from;
	return step <= link->n_bends ? link->first_bend + step - 1 : link->to;
}

static void
list_lines(work *w)
{
	const cer_layout *layout = w->layout;

	memset(w->line_starts, 0, (layout->n_ranks + 2) * sizeof(size_t));
	for (size_t i = 0; i < layout->n_links; i++)
		for (size_t j = 0; j <= layout->links[i].n_bends; j++)
			w->line_starts[layout->nodes[layout->links[i].from].rank + j + 2]++;
	for (size_t i = 0; i <= layout->n_ranks; i++)
		w->line_starts[i + 1] += w->line_starts[i];
	for (size_t i = 0; i < layout->n_links; i++)
		for (size_t j = 0; j <= layout->links[i].n_bends; j++)
		{
			size_t from = get_node(&layout->links[i], j);

			w->lines[w->line_starts[layout->nodes[from].rank + 1]++] =
				(segment){from, get_node(&layout->links[i], j + 1)};
		}
}

static cer_status
make_work(cer_arena *arena, cer_layout *layout, work *w, cer_error *err)
{
	size_t n = layout->n_nodes + layout->n_links + layout->n_ranks + 3;

	w->layout = layout;
	w->ranks = cer_arena_allocate(arena, n * sizeof(size_t));
	w->starts = cer_arena_allocate(arena, n * sizeof(size_t));
	w->lines = cer_arena_allocate(arena, n * sizeof(segment));
	w->line_starts = cer_arena_allocate(arena, n * sizeof(size_t));
	w->keys = cer_arena_allocate(arena, n * sizeof(double));
	w->weights = cer_arena_allocate(arena, n * sizeof(double));
	if (w->ranks == NULL || w->starts == NULL || w->lines == NULL ||
	    w->line_starts == NULL || w->keys == NULL || w->weights == NULL)
		return cer_fail_memory(err, n * sizeof(segment));
	list_ranks(w);
	list_lines(w);
	for (size_t i = 0; i < layout->n_nodes; i++)
		layout->nodes[w->ranks[i]].at =
			i - w->starts[layout->nodes[w->ranks[i]].rank];
	return CER_OK;
}

/* ------------------------------------------------------------ neighbours */

static double
get_value(const cer_layout_node *node, bool is_order)
{
	return is_order ? (double) node->at : node->x;
}

/* Mean of a rank's neighbours, above it or below, to keys. */
static void
average_neighbours(work *w, size_t rank, bool is_above, bool is_order)
{
	const cer_layout *layout = w->layout;
	size_t lines = is_above ? rank - 1 : rank;

	for (size_t i = w->starts[rank]; i < w->starts[rank + 1]; i++)
	{
		w->keys[w->ranks[i]] = 0.0;
		w->weights[w->ranks[i]] = 0.0;
	}
	for (size_t i = w->line_starts[lines]; i < w->line_starts[lines + 1]; i++)
	{
		size_t node = is_above ? w->lines[i].to : w->lines[i].from;
		size_t other = is_above ? w->lines[i].from : w->lines[i].to;

		/* a line keeps straight, a box goes below what it takes alone */
		double weight = other < layout->n_boxes ? BOX_WEIGHT : BEND_WEIGHT;

		w->keys[node] += weight * get_value(&layout->nodes[other], is_order);
		w->weights[node] += weight;
	}
	for (size_t i = w->starts[rank]; i < w->starts[rank + 1]; i++)
	{
		size_t node = w->ranks[i];

		w->keys[node] = w->weights[node] > 0.0
		                    ? w->keys[node] / w->weights[node]
		                    : get_value(&layout->nodes[node], is_order);
	}
}

static void
order_rank(work *w, size_t rank)
{
	size_t *nodes = w->ranks + w->starts[rank];
	size_t n = w->starts[rank + 1] - w->starts[rank];

	for (size_t i = 1; i < n; i++)
	{
		size_t node = nodes[i];
		size_t to = i;

		for (; to > 0 && w->keys[nodes[to - 1]] > w->keys[node]; to--)
			nodes[to] = nodes[to - 1];
		nodes[to] = node;
	}
	for (size_t i = 0; i < n; i++)
		w->layout->nodes[nodes[i]].at = i;
}

/* ------------------------------------------------------------ places */

typedef struct block
{
	double sum; /* of weight times wish */
	double weight;
	size_t n;
} block;

static double
get_distance(const cer_layout *layout, size_t left, size_t right)
{
	return layout->nodes[left].half + GAP + layout->nodes[right].half;
}

/* As near to keys as order and widths allow: least squares, pooling neighbours
 * whose wishes collide. */
static void
place_rank(work *w, size_t rank, block *blocks)
{
	cer_layout *layout = w->layout;
	const size_t *nodes = w->ranks + w->starts[rank];
	size_t n = w->starts[rank + 1] - w->starts[rank];
	size_t n_blocks = 0;
	double offset = 0.0;

	for (size_t i = 0; i < n; i++)
	{
		double weight = nodes[i] < layout->n_boxes ? BOX_WEIGHT : BEND_WEIGHT;
		block *last = &blocks[n_blocks++];

		offset += i > 0 ? get_distance(layout, nodes[i - 1], nodes[i]) : 0.0;
		*last = (block){weight * (w->keys[nodes[i]] - offset), weight, 1};
		while (n_blocks > 1 &&
		       last[-1].sum * last->weight > last->sum * last[-1].weight)
		{
			last[-1].sum += last->sum;
			last[-1].weight += last->weight;
			last[-1].n += last->n;
			last--;
			n_blocks--;
		}
	}
	offset = 0.0;
	for (size_t i = 0, b = 0, in_block = 0; i < n; i++, in_block++)
	{
		if (in_block == blocks[b].n)
		{
			b++;
			in_block = 0;
		}
		offset += i > 0 ? get_distance(layout, nodes[i - 1], nodes[i]) : 0.0;
		layout->nodes[nodes[i]].x = blocks[b].sum / blocks[b].weight + offset;
	}
}

static void
order_all(work *w)
{
	size_t last = w->layout->n_ranks - 1;

	for (int i = 0; i < N_ORDERINGS; i++)
		for (size_t j = 1; j <= last; j++)
		{
			size_t rank = i % 2 == 0 ? j : last - j;

			average_neighbours(w, rank, i % 2 == 0, true);
			order_rank(w, rank);
		}
}

static cer_status
place_all(cer_arena *arena, work *w, cer_error *err)
{
	size_t last = w->layout->n_ranks - 1;
	size_t size = w->layout->n_nodes * sizeof(block);
	block *blocks = cer_arena_allocate(arena, size);

	if (blocks == NULL)
		return cer_fail_memory(err, size);
	memset(w->keys, 0, w->layout->n_nodes * sizeof(double));
	for (size_t rank = 0; rank <= last; rank++)
		place_rank(w, rank, blocks);
	for (int i = 0; i < N_MOVES; i++)
		for (size_t j = 1; j <= last; j++)
		{
			/* down at the end: what has one input stands below it */
			size_t rank = i % 2 == 1 ? j : last - j;

			average_neighbours(w, rank, i % 2 == 1, false);
			place_rank(w, rank, blocks);
		}
	return CER_OK;
}

static void
move_to_origin(cer_layout *layout)
{
	double least = 0.0;
	double most = 0.0;

	for (size_t i = 0; i < layout->n_nodes; i++)
	{
		const cer_layout_node *node = &layout->nodes[i];

		if (i == 0 || node->x - node->half < least)
			least = node->x - node->half;
		if (i == 0 || node->x + node->half > most)
			most = node->x + node->half;
	}
	for (size_t i = 0; i < layout->n_nodes; i++)
		layout->nodes[i].x -= least;
	layout->width = most - least;
}

cer_status
cer_layout_make(cer_arena *arena, cer_layout *layout, cer_error *err)
{
	work w;

	choose_ranks(layout);
	CER_TRY(add_bends(arena, layout, err));
	CER_TRY(make_work(arena, layout, &w, err));
	if (layout->n_nodes == 0)
		return CER_OK;
	order_all(&w);
	CER_TRY(place_all(arena, &w, err));
	move_to_origin(layout);
	return CER_OK;
}
