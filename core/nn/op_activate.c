/*
 * nn/op_activate.c
 *	  Bias, activation and dropout in one pass over a tile, in place.
 *
 * Forward keeps the slope dy/dz where the output does not tell it (relu's
 * does), so that backward is one product.  Each tile sums its gradients for
 * the bias; a block adds the tiles' sums in order.
 */
#include "base/error.h"
#include "nn/operator.h"

#include <string.h>

typedef struct activate_state
{
	size_t bias_offset;
	float *slope; /* (batch_rows, n), or NULL */
	float *sums;  /* (tiles, n) */
	cer_random random;
	float scale; /* of what dropout leaves */
	uint32_t threshold;
} activate_state;

static cer_status
activate_shape(cer_net_builder *builder, cer_node *node, cer_error *err)
{
	cer_tensor_spec bias = {
		.name = node->name,
		.suffix = "bias",
		.n_columns = node->n_out,
		.initial = CER_INITIAL_ZERO,
	};

	return cer_net_add_tensor(builder, node, &bias, err);
}

static double
activate_cost(const cer_net *net, const cer_node *node)
{
	(void) net;
	return 2.0 * (double) node->n_out;
}

static void
activate_forward(const cer_tile *tile, const cer_graph_node *node)
{
	const cer_graph *graph = tile->graph;
	const activate_state *state = node->state;
	const cer_batch *batch = &graph->batch;
	size_t n = node->out.n;
	bool drops = batch->is_training && state->threshold > 0;
	cer_dropout dropout = {.random = state->random,
	                       .epoch = batch->epoch,
	                       .threshold = state->threshold,
	                       .scale = state->scale};

	for (size_t at = tile->first; at < tile->first + graph->tile_rows; at++)
	{
		float *z = node->out.data + at * n;
		float *slope = batch->is_training && state->slope != NULL
		                   ? state->slope + at * n
		                   : NULL;

		graph->kernels->activate[node->node->activation](
			n, graph->weights + state->bias_offset, z, slope);
		if (!drops || at >= tile->first + tile->n_rows)
			continue;
		dropout.row_key = graph->row_keys[at];
		graph->kernels->drop(n, &dropout, z, slope);
	}
}

static void
activate_backward(const cer_tile *tile, const cer_graph_node *node)
{
	const cer_graph *graph = tile->graph;
	const cer_kernels *kernels = graph->kernels;
	const activate_state *state = node->state;
	size_t n = node->out.n;
	float *sum = state->sums + tile->index * n;

	memset(sum, 0, n * sizeof(float));
	for (size_t at = tile->first; at < tile->first + graph->tile_rows; at++)
	{
		float *dy = node->out.grad + at * n;

		if (state->slope != NULL)
			kernels->backward_slope(n, state->slope + at * n, dy, sum);
		else if (node->node->activation == CER_RELU)
			kernels->backward_relu(n, node->out.data + at * n, state->scale, dy,
			                       sum);
		else
			kernels->backward_linear(n, dy, sum);
	}
}

static void
activate_update(const cer_graph *graph, const cer_graph_node *node,
                const cer_block *block)
{
	const activate_state *state = node->state;
	size_t n = node->out.n;
	size_t n_tiles =
		(graph->batch.n_rows + graph->tile_rows - 1) / graph->tile_rows;
	float *grad = graph->grads + state->bias_offset;

	(void) block;
	memset(grad, 0, n * sizeof(float));
	for (size_t tile = 0; tile < n_tiles; tile++)
		graph->kernels->backward_linear(n, state->sums + tile * n, grad);
	cer_graph_step(graph, state->bias_offset, n);
}

static bool
needs_slope(const cer_node *node)
{
	if (node->activation == CER_RELU)
		return false;
	return node->activation != CER_IDENTITY || node->dropout > 0.0;
}

static cer_status
activate_prepare(cer_graph *graph, cer_graph_node *node, cer_error *err)
{
	activate_state *state = cer_arena_allocate(graph->arena, sizeof(*state));
	size_t n = node->out.n;
	size_t n_tiles = graph->batch_rows / graph->tile_rows;
	cer_block *block = cer_graph_add_block(graph, err);

	if (block == NULL)
		return CER_NO_MEMORY;
	if (state == NULL)
		return cer_fail_memory(err, sizeof(*state));
	memset(state, 0, sizeof(*state));
	node->state = state;
	state->bias_offset = cer_node_get_tensor(graph, node, 0)->offset;
	state->scale = (float) (1.0 / (1.0 - node->node->dropout));
	state->threshold = (uint32_t) (node->node->dropout * 65536.0 + 0.5);
	cer_random_init(&state->random, graph->seed, node->node->name);
	state->sums = cer_graph_allocate_floats(graph, n_tiles * n);
	if (needs_slope(node->node))
		state->slope = cer_graph_allocate_floats(graph, graph->batch_rows * n);
	if (state->sums == NULL ||
	    (state->slope == NULL && needs_slope(node->node)))
		return cer_fail_memory(err, graph->batch_rows * n * sizeof(float));
	block->run = activate_update;
	block->node = node;
	block->cost = (double) (n_tiles * n);
	return CER_OK;
}

const cer_operator cer_op_activate = {
	.name = "activate",
	.shape = activate_shape,
	.cost = activate_cost,
	.prepare = activate_prepare,
	.forward = activate_forward,
	.backward = activate_backward,
};
