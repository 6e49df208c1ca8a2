/*
 * nn/infer_tower.c
 *	  Towers of a net in scoring.
 *
 *	 partial of a table's row: outputs that others take, products of heads
 */
#include "nn/infer_tower.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"

#include <string.h>

/* ------------------------------------------------------------ which nodes */

typedef struct tower_maker
{
	const cer_graph *graph;
	const cer_net *net;
	cer_towers *made;
	const cer_view *views;
	size_t *n_uses; /* by node */
} tower_maker;

static bool
is_same_view(const cer_view *a, const cer_view *b)
{
	return cer_text_equals(a->alias, b->alias) &&
	       a->n_numbers == b->n_numbers && a->n_tables == b->n_tables &&
	       a->n_lifts == b->n_lifts;
}

/* All features have the alias of the task's own, and more of them. */
static size_t
find_view(const tower_maker *maker, const cer_view *view)
{
	size_t n = maker->made->n_towers;

	for (size_t i = 0; view != NULL && i < n; i++)
		if (is_same_view(view, &maker->views[i]))
			return i;
	return n;
}

/* The one table of what the node takes; n_towers: there are several. */
static size_t
find_table(const tower_maker *maker, const cer_node *node)
{
	size_t n = maker->made->n_towers;
	size_t table;

	if (node->n_inputs == 0)
		return find_view(maker, node->view);
	table = maker->made->by_node[node->inputs[0].node];
	for (size_t i = 1; i < node->n_inputs; i++)
		if (maker->made->by_node[node->inputs[i].node] != table)
			return n;
	if (node->view != NULL && find_view(maker, node->view) != table)
		return n;
	return table;
}

/* A node of several tables that takes features keeps them from being left out.
 */
static void
need_features(const tower_maker *maker, const cer_view *view)
{
	const cer_towers *made = maker->made;

	for (size_t i = 0; i < made->n_towers; i++)
		if (view == NULL || view->alias.size == 0 ||
		    cer_text_equals(view->alias, made->towers[i].alias))
			made->towers[i].is_kept = false;
}

static void
assign_nodes(const tower_maker *maker)
{
	cer_towers *made = maker->made;

	for (size_t i = 0; i < maker->net->n_nodes; i++)
	{
		const cer_node *node = &maker->net->nodes[i];
		size_t table = find_table(maker, node);

		made->by_node[i] = table;
		made->places[i] = CER_NO_PLACE;
		for (size_t j = 0; j < node->n_inputs; j++)
			maker->n_uses[node->inputs[j].node]++;
		if (table < made->n_towers)
			made->towers[table].cost += node->op->cost(maker->net, node);
		else if (node->n_inputs == 0 || node->view != NULL)
			need_features(maker, node->view);
	}
}

static bool
is_in_tower(const cer_towers *towers, size_t node)
{
	return towers->by_node[node] < towers->n_towers;
}

/* ------------------------------------------------------------ heads */

static size_t
find_only_user(const tower_maker *maker, size_t node)
{
	for (size_t i = node + 1; i < maker->net->n_nodes; i++)
		for (size_t j = 0; j < maker->net->nodes[i].n_inputs; j++)
			if (maker->net->nodes[i].inputs[j].node == node)
				return i;
	return maker->net->n_nodes;
}

/* Single vectors side by side, that nobody takes but one dense layer; its
 * node, or 0. */
static size_t
find_dense(const tower_maker *maker, size_t concat)
{
	const cer_node *node = &maker->net->nodes[concat];
	const cer_node *dense;
	size_t user;
	bool has_tower = false;

	if (node->op != &cer_op_concat || is_in_tower(maker->made, concat) ||
	    node->m != 1 || maker->n_uses[concat] != 1)
		return 0;
	for (size_t i = 0; i < node->n_inputs; i++)
	{
		if (node->inputs[i].m != 1)
			return 0;
		has_tower |= is_in_tower(maker->made, node->inputs[i].node);
	}
	user = find_only_user(maker, concat);
	dense = &maker->net->nodes[user];
	if (!has_tower || dense->op != &cer_op_dense || dense->m != 1 ||
	    dense->n_in != node->n_out || dense->n_out <= CER_NARROW_OUTPUTS)
		return 0;
	return user;
}

static size_t
max(size_t a, size_t b)
{
	return a > b ? a : b;
}

static cer_status
make_parts(const tower_maker *maker, cer_tower_head *head)
{
	const cer_node *concat = &maker->net->nodes[head->concat];
	const cer_node *dense = &maker->net->nodes[head->dense];
	const float *weights =
		maker->graph->weights + maker->net->tensors[dense->first_tensor].offset;
	cer_towers *made = maker->made;

	head->n_parts = concat->n_inputs;
	head->parts = cer_arena_allocate(maker->graph->arena,
	                                 head->n_parts * sizeof(*head->parts));
	if (head->parts == NULL)
		return CER_NO_MEMORY;
	for (size_t i = 0; i < head->n_parts; i++)
	{
		const cer_edge *edge = &concat->inputs[i];

		head->parts[i] = (cer_tower_part){
			.node = edge->node,
			.n = edge->n,
			.place = CER_NO_PLACE,
			.weights = cer_dense_make_packed(maker->graph->arena, edge->n,
		                                     dense->n_out, weights)};
		if (head->parts[i].weights == NULL)
			return CER_NO_MEMORY;
		weights += edge->n * dense->n_out;
		made->most_inputs = max(made->most_inputs, edge->n);
	}
	made->widest = max(made->widest, head->n_out);
	made->most_parts = max(made->most_parts, head->n_parts);
	return CER_OK;
}

static cer_status
make_heads(const tower_maker *maker)
{
	cer_towers *made = maker->made;
	size_t n_nodes = maker->net->n_nodes;

	made->heads = cer_arena_allocate(maker->graph->arena,
	                                 (n_nodes + 1) * sizeof(*made->heads));
	if (made->heads == NULL)
		return CER_NO_MEMORY;
	for (size_t i = 0; i < n_nodes; i++)
		made->heads_by_node[i] = CER_NO_PLACE;
	for (size_t i = 0; i < n_nodes; i++)
	{
		size_t dense = find_dense(maker, i);
		cer_tower_head *head = &made->heads[made->n_heads];

		if (dense == 0)
			continue;
		*head = (cer_tower_head){
			.concat = i,
			.dense = dense,
			.n_out = cer_dense_pad(maker->net->nodes[dense].n_out)};
		if (make_parts(maker, head) != CER_OK)
			return CER_NO_MEMORY;
		made->heads_by_node[i] = made->heads_by_node[dense] = made->n_heads++;
	}
	return CER_OK;
}

/* ------------------------------------------------------------ partials */

/* Whether a node outside of the tower takes the output as it is. */
static bool
is_taken(const tower_maker *maker, size_t node)
{
	const cer_towers *made = maker->made;

	for (size_t i = node + 1; i < maker->net->n_nodes; i++)
	{
		const cer_node *user = &maker->net->nodes[i];

		if (made->by_node[i] == made->by_node[node] ||
		    made->heads_by_node[i] != CER_NO_PLACE)
			continue;
		for (size_t j = 0; j < user->n_inputs; j++)
			if (user->inputs[j].node == node)
				return true;
	}
	return node + 1 == maker->net->n_nodes;
}

static size_t
add_place(size_t *width, size_t n)
{
	size_t place = *width;

	*width += (n + 15) / 16 * 16;
	return place;
}

static void
place_tower(const tower_maker *maker, size_t tower)
{
	cer_towers *made = maker->made;
	size_t width = 0;

	for (size_t i = 0; i < maker->net->n_nodes; i++)
		if (made->by_node[i] == tower && is_taken(maker, i))
			made->places[i] = add_place(&width, maker->net->nodes[i].n_out *
			                                        maker->net->nodes[i].m);
	for (size_t i = 0; i < made->n_heads; i++)
		for (size_t j = 0; j < made->heads[i].n_parts; j++)
		{
			cer_tower_part *part = &made->heads[i].parts[j];

			if (made->by_node[part->node] == tower)
				part->place = add_place(&width, made->heads[i].n_out);
		}
	if (width == 0)
		made->towers[tower].is_kept = false;
	made->width = max(made->width, width);
}

/* ------------------------------------------------------------ making */

static cer_status
allocate(tower_maker *maker)
{
	cer_arena *arena = maker->graph->arena;
	cer_towers *made = maker->made;
	size_t size = maker->net->n_nodes * sizeof(size_t);

	made->towers =
		cer_arena_allocate(arena, made->n_towers * sizeof(cer_tower));
	made->by_node = cer_arena_allocate(arena, size);
	made->places = cer_arena_allocate(arena, size);
	made->heads_by_node = cer_arena_allocate(arena, size);
	maker->n_uses = cer_arena_allocate(arena, size);
	if (made->towers == NULL || made->by_node == NULL || made->places == NULL ||
	    made->heads_by_node == NULL || maker->n_uses == NULL)
		return CER_NO_MEMORY;
	memset(maker->n_uses, 0, size);
	for (size_t i = 0; i < made->n_towers; i++)
		made->towers[i] =
			(cer_tower){.alias = maker->views[i].alias, .is_kept = true};
	return CER_OK;
}

cer_status
cer_towers_make(const cer_graph *graph, cer_towers *towers)
{
	tower_maker maker = {.graph = graph, .net = graph->net, .made = towers};
	bool is_kept = false;

	memset(towers, 0, sizeof(*towers));
	CER_TRY(cer_view_make_tables(graph->arena, graph->net->shape, &maker.views,
	                             &towers->n_towers, NULL));
	CER_TRY(allocate(&maker));
	assign_nodes(&maker);
	CER_TRY(make_heads(&maker));
	for (size_t i = 0; i < towers->n_towers; i++)
	{
		place_tower(&maker, i);
		is_kept |= towers->towers[i].is_kept;
	}
	if (!is_kept)
		memset(towers, 0, sizeof(*towers));
	return CER_OK;
}

/* ------------------------------------------------------------ scoring */

static size_t
align(size_t n)
{
	return (n + 15) / 16 * 16;
}

/* Sums of each head, one product, the places of inputs that are not zero, the
 * rows to be summed. */
size_t
cer_towers_get_scratch_size(const cer_towers *towers, size_t n_rows)
{
	if (towers->n_heads == 0)
		return 0;
	return (towers->n_heads + towers->most_parts) * n_rows * towers->widest +
	       align(towers->most_inputs + 16) + 2 * align(towers->most_parts);
}

typedef struct tower_scratch
{
	float *sums;
	float *products; /* by part */
	uint32_t *used;
	const float **sources;
} tower_scratch;

static tower_scratch
divide_scratch(const cer_tower_run *run)
{
	const cer_towers *towers = run->towers;
	size_t n = run->n_rows * towers->widest;
	float *products = run->scratch + towers->n_heads * n;
	float *used = products + towers->most_parts * n;

	return (tower_scratch){
		run->scratch, products, (uint32_t *) used,
		(const float **) (used + align(towers->most_inputs + 16))};
}

static const float *const *
get_partials(const cer_tower_run *run, size_t tower)
{
	if (run->partials == NULL || tower == run->towers->n_towers ||
	    run->partials->groups[tower] == NULL)
		return NULL;
	return run->partials->groups[tower] + run->partials->first;
}

bool
cer_tower_has(const cer_tower_run *run, size_t node)
{
	return run->partials != NULL &&
	       get_partials(run, run->towers->by_node[node]) != NULL;
}

void
cer_tower_take(const cer_tower_run *run, size_t node)
{
	const float *const *partials =
		get_partials(run, run->towers->by_node[node]);
	size_t place = run->towers->places[node];
	const cer_activations *out = &run->nodes[node].out;
	size_t n = cer_get_width(out);

	if (place == CER_NO_PLACE)
		return;
	for (size_t row = 0; row < run->n_rows; row++)
		memcpy(out->data + row * n, partials[row] + place, n * sizeof(float));
}

static void
multiply(const cer_tower_run *run, const cer_tower_head *head,
         const cer_tower_part *part, uint32_t *used, float *y)
{
	cer_dense dense = {.n_rows = run->n_rows,
	                   .n_in = part->n,
	                   .n_out = head->n_out,
	                   .x = run->nodes[part->node].out.data,
	                   .x_stride = part->n,
	                   .w = part->weights,
	                   .y = y,
	                   .y_stride = head->n_out,
	                   .scratch = used};

	run->kernels->dense(&dense);
}

/* Products that are not there, then the sum over parts of each row, in order.
 */
static void
sum_parts(const cer_tower_run *run, const cer_tower_head *head, float *sums)
{
	tower_scratch scratch = divide_scratch(run);
	size_t n = head->n_out;
	size_t step = run->n_rows * n;

	for (size_t i = 0; i < head->n_parts; i++)
		if (!cer_tower_has(run, head->parts[i].node))
			multiply(run, head, &head->parts[i], scratch.used,
			         scratch.products + i * step);
	for (size_t row = 0; row < run->n_rows; row++)
	{
		for (size_t i = 0; i < head->n_parts; i++)
		{
			const cer_tower_part *part = &head->parts[i];

			scratch.sources[i] =
				cer_tower_has(run, part->node)
					? get_partials(run, run->towers->by_node[part->node])[row] +
						  part->place
					: scratch.products + i * step + row * n;
		}
		run->kernels->add_rows(n, head->n_parts, scratch.sources,
		                       sums + row * n);
	}
}

bool
cer_tower_run_head(const cer_tower_run *run, size_t node)
{
	size_t index = run->towers->heads_by_node[node];
	const cer_tower_head *head;
	const cer_activations *out = &run->nodes[node].out;
	float *sums;

	if (index == CER_NO_PLACE)
		return false;
	head = &run->towers->heads[index];
	sums = run->scratch + index * run->n_rows * run->towers->widest;
	if (node == head->concat)
	{
		sum_parts(run, head, sums);
		return true;
	}
	for (size_t row = 0; row < run->n_rows; row++)
		memcpy(out->data + row * out->n, sums + row * head->n_out,
		       out->n * sizeof(float));
	return true;
}

/* ------------------------------------------------------------ storing */

static void
store_rows(const cer_tower_run *run, const float *from, size_t n, float *to)
{
	for (size_t row = 0; row < run->n_rows; row++)
		memcpy(to + row * run->towers->width, from + row * n,
		       n * sizeof(float));
}

static void
store_products(const cer_tower_run *run, size_t node, float *partials)
{
	tower_scratch scratch = divide_scratch(run);

	for (size_t i = 0; i < run->towers->n_heads; i++)
		for (size_t j = 0; j < run->towers->heads[i].n_parts; j++)
		{
			const cer_tower_head *head = &run->towers->heads[i];
			const cer_tower_part *part = &head->parts[j];

			if (part->node != node)
				continue;
			multiply(run, head, part, scratch.used, scratch.products);
			store_rows(run, scratch.products, head->n_out,
			           partials + part->place);
		}
}

void
cer_tower_store(const cer_tower_run *run, size_t node, float *partials)
{
	const cer_activations *out = &run->nodes[node].out;
	size_t place = run->towers->places[node];

	if (place != CER_NO_PLACE)
		store_rows(run, out->data, cer_get_width(out), partials + place);
	store_products(run, node, partials);
}
