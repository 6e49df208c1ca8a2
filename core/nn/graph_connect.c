/*
 * nn/graph_connect.c
 *	  Which memory the nodes of a graph read and write.
 *
 * A node that may work in place does so where nobody else needs its input: no
 * other node takes it, and the one that made it does not read it backward.
 * Elsewhere it works on a copy, in training only if it alters what it takes.
 *
 * What several nodes take has a gradient for each of them, so that a node
 * always overwrites gradients of inputs; the one that made it adds them, in
 * the order of the nodes.  Nodes that go by the weights of their source give it
 * none.  It only reads all but the first, so these may be
 * gradients of outputs that nodes pass on as they are.
 */
#include "base/error.h"
#include "nn/mix.h"
#include "nn/op_dense_source.h"

#include <string.h>

/* ------------------------------------------------------------ tiles */

#define TILE_VECTORS 256 /* of a tile's rows, where rows have many */

static size_t
find_most_vectors(const cer_net *net)
{
	size_t m = 1;

	for (size_t i = 0; i < net->n_nodes; i++)
		m = net->nodes[i].m > m ? net->nodes[i].m : m;
	return m;
}

size_t
cer_graph_choose_tile_rows(const cer_net *net, size_t batch)
{
	size_t n_rows = batch >= 512 ? CER_TILE_ROWS : batch >= 128 ? 32 : 16;
	size_t m = find_most_vectors(net);

	while (m > 1 && n_rows > 1 && n_rows * m > TILE_VECTORS)
		n_rows /= 2;
	return n_rows;
}

/* ------------------------------------------------------------ inputs */

static void
count_uses(cer_graph *graph)
{
	for (size_t i = 0; i < graph->net->n_nodes; i++)
	{
		const cer_node *node = graph->nodes[i].node;

		for (size_t j = 0; j < node->n_inputs; j++)
			graph->nodes[node->inputs[j].node].n_uses++;
	}
}

/* Gradient of a use of `from`, `passed` if it is another one's; NULL: of its
 * own.  The first use has that of the output. */
static cer_status
add_gradient(cer_graph *graph, cer_graph_node *from, size_t n_seen,
             float *passed, float **grad, cer_error *err)
{
	size_t n = graph->batch_rows * cer_get_width(&from->out);

	*grad = from->out.grad;
	if (n_seen == 0 || graph->is_scoring)
		return CER_OK;
	if (from->extras == NULL)
		from->extras =
			cer_arena_allocate(graph->arena, from->n_uses * sizeof(float *));
	*grad = passed != NULL ? passed : cer_graph_allocate_floats(graph, n);
	if (from->extras == NULL || *grad == NULL)
		return cer_fail_memory(err, n * sizeof(float));
	from->extras[from->n_extras++] = *grad;
	return CER_OK;
}

/* How often nodes before `last` and inputs before `input` take that node and
 * have a gradient for it. */
static size_t
count_earlier_uses(const cer_graph *graph, size_t last, size_t input,
                   size_t node)
{
	size_t n = 0;

	for (size_t i = 0; i <= last; i++)
	{
		const cer_node *other = graph->nodes[i].node;
		size_t n_inputs = i == last ? input : other->n_inputs;

		for (size_t j = 0; j < n_inputs; j++)
			n += other->inputs[j].node == node &&
			     graph->nodes[i].ins[j].grad != NULL;
	}
	return n;
}

static cer_status
connect_inputs(cer_graph *graph, size_t index, cer_error *err)
{
	cer_graph_node *node = &graph->nodes[index];
	size_t size = node->node->n_inputs * sizeof(cer_activations);

	node->ins = cer_arena_allocate(graph->arena, size);
	if (node->ins == NULL)
		return cer_fail_memory(err, size);
	for (size_t i = 0; i < node->node->n_inputs; i++)
	{
		const cer_edge *edge = &node->node->inputs[i];
		cer_graph_node *from = &graph->nodes[edge->node];

		node->ins[i] = (cer_activations){
			.n = edge->n,
			.m = edge->m,
			.data = from->mixed != NULL ? from->mixed : from->out.data};
	}
	return CER_OK;
}

static cer_status
connect_gradients(cer_graph *graph, size_t index, cer_error *err)
{
	cer_graph_node *node = &graph->nodes[index];
	size_t n = node->node->n_inputs;

	for (size_t i = 0; i < n && !cer_dense_has_source(graph, node); i++)
	{
		size_t from = node->node->inputs[i].node;
		bool is_passed = n - i <= node->node->op->n_passed;

		CER_TRY(add_gradient(graph, &graph->nodes[from],
		                     count_earlier_uses(graph, index, i, from),
		                     is_passed ? node->out.grad : NULL,
		                     &node->ins[i].grad, err));
	}
	if (n > 0)
		node->in = node->ins[0];
	return CER_OK;
}

/* ------------------------------------------------------------ outputs */

static bool
can_share(const cer_graph *graph, const cer_node *node)
{
	const cer_graph_node *from = &graph->nodes[node->inputs[0].node];

	if (from->is_mixed && node->op->keeps_grad)
		return false;
	return from->n_uses == 1 &&
	       (graph->is_scoring || !from->node->keeps_output);
}

static cer_status
connect_output(cer_graph *graph, cer_graph_node *node, cer_error *err)
{
	size_t n = graph->batch_rows * node->node->n_out * node->node->m;

	node->out.n = node->node->n_out;
	node->out.m = node->node->m;
	if (node->node->is_in_place &&
	    (can_share(graph, node->node) ||
	     (node->node->op->leaves_data && graph->trains)))
	{
		node->out.data = node->in.data;
		node->out.grad = node->in.grad;
		return CER_OK;
	}
	node->is_copied = node->node->is_in_place;
	if (graph->is_scoring)
		return CER_OK;
	node->out.data = cer_graph_allocate_floats(graph, n);
	node->out.grad = cer_graph_allocate_floats(graph, n);
	if (node->out.data == NULL || node->out.grad == NULL)
		return cer_fail_memory(err, n * sizeof(float));
	if (graph->mix.shares != NULL && cer_node_is_source(node))
		return cer_mix_connect(graph, node, err);
	return CER_OK;
}

static cer_status
find_segments(cer_graph *graph, cer_error *err)
{
	size_t n = graph->net->n_nodes;
	size_t size = n * sizeof(size_t);

	graph->segment_ends = cer_arena_allocate(graph->arena, size);
	if (graph->segment_ends == NULL)
		return cer_fail_memory(err, size);
	for (size_t i = 0; i < n; i++)
		if (i + 1 == n || graph->net->nodes[i].op->join != NULL)
			graph->segment_ends[graph->n_segments++] = i + 1;
	return CER_OK;
}

cer_status
cer_graph_connect(cer_graph *graph, cer_error *err)
{
	const cer_net *net = graph->net;
	size_t size = net->n_nodes * sizeof(cer_graph_node);

	graph->nodes = cer_arena_allocate(graph->arena, size);
	if (graph->nodes == NULL)
		return cer_fail_memory(err, size);
	memset(graph->nodes, 0, size);
	for (size_t i = 0; i < net->n_nodes; i++)
		graph->nodes[i].node = &net->nodes[i];
	count_uses(graph);
	for (size_t i = 0; i < net->n_nodes; i++)
	{
		bool is_in_place = net->nodes[i].is_in_place;

		CER_TRY(connect_inputs(graph, i, err));
		if (!is_in_place)
			CER_TRY(connect_output(graph, &graph->nodes[i], err));
		CER_TRY(connect_gradients(graph, i, err));
		if (is_in_place)
			CER_TRY(connect_output(graph, &graph->nodes[i], err));
	}
	return find_segments(graph, err);
}

/* ------------------------------------------------------------ scoring */

typedef struct slot
{
	size_t size;      /* floats of a row */
	size_t last_user; /* node; free after it */
} slot;

static size_t
find_last_user(const cer_graph *graph, size_t index)
{
	size_t last = index;

	for (size_t i = index + 1; i < graph->net->n_nodes; i++)
	{
		const cer_graph_node *node = &graph->nodes[i];

		for (size_t j = 0; j < node->node->n_inputs; j++)
			if (node->node->inputs[j].node == index)
				last = i;
		/* what works in place keeps its input's memory in use */
		if (last == i && node->node->is_in_place && !node->is_copied)
			index = i;
	}
	return last;
}

static bool
owns_output(const cer_graph_node *node)
{
	return !node->node->is_in_place || node->is_copied;
}

static size_t
find_slot(const slot *slots, size_t n_slots, size_t index)
{
	size_t i = 0;

	while (i < n_slots && slots[i].last_user >= index)
		i++;
	return i;
}

/* Slots whose last user is done are used again.  First numbers of slots, then
 * their places. */
size_t
cer_graph_plan_slots(cer_graph *graph)
{
	size_t n_nodes = graph->net->n_nodes;
	slot *slots = cer_arena_allocate(graph->arena, n_nodes * sizeof(slot));
	size_t n_slots = 0;
	size_t place = 0;

	if (slots == NULL)
		return 0;
	for (size_t i = 0; i < n_nodes; i++)
	{
		cer_graph_node *node = &graph->nodes[i];
		size_t size = (cer_get_width(&node->out) + 15) / 16 * 16;

		if (!owns_output(node))
		{
			node->slot = graph->nodes[node->node->inputs[0].node].slot;
			continue;
		}
		node->slot = find_slot(slots, n_slots, i);
		if (node->slot == n_slots)
			slots[n_slots++] = (slot){0};
		if (slots[node->slot].size < size)
			slots[node->slot].size = size;
		slots[node->slot].last_user = find_last_user(graph, i);
	}
	for (size_t i = 0; i < n_slots; i++)
	{
		size_t size = slots[i].size;

		slots[i].size = place;
		place += size;
	}
	for (size_t i = 0; i < n_nodes; i++)
		graph->nodes[i].slot = slots[graph->nodes[i].slot].size;
	return place;
}
