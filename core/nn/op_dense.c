/*
 * nn/op_dense.c
 *	  A dense layer's product, y = x W; the bias belongs to activate.
 *
 * The transpose of W, which the gradient of x needs, is remade with each step.
 *
 * A layer with very few outputs, as the last one of most networks, has kernels
 * of its own, and each tile makes its part of the gradient of W while x is in
 * cache; a block adds the parts in order.
 */
#include "base/error.h"
#include "nn/operator.h"

#include <string.h>

typedef struct dense_state
{
	size_t offset;    /* of W (n_in, n_out) */
	float *weights_t; /* (n_out, n_in) */
	cer_gemm forward;
	cer_gemm backward;
	float *parts; /* narrow: (tiles, n_out, n_in) */
} dense_state;

static cer_status
dense_shape(cer_net_builder *builder, cer_node *node, cer_error *err)
{
	cer_tensor_spec weight = {
		.name = node->name,
		.suffix = "weight",
		.n_rows = node->n_in,
		.n_columns = node->n_out,
		.initial = CER_INITIAL_UNIFORM,
		.scale = cer_initial_bound(node->n_in),
	};

	return cer_net_add_tensor(builder, node, &weight, err);
}

static double
dense_cost(const cer_net *net, const cer_node *node)
{
	(void) net;
	return 2.0 * (double) node->n_in * (double) node->n_out;
}

static void
dense_refresh(const cer_graph *graph, const cer_graph_node *node)
{
	const dense_state *state = node->state;

	graph->kernels->transpose(node->in.n, node->out.n,
	                          graph->weights + state->offset, node->out.n,
	                          state->weights_t, node->in.n);
}

/* ------------------------------------------------------------ narrow */

static void
narrow_forward(const cer_tile *tile, const cer_graph_node *node)
{
	const dense_state *state = node->state;
	cer_narrow narrow = {
		.n_rows = tile->graph->tile_rows,
		.n_in = node->in.n,
		.n_out = node->out.n,
		.x = node->in.data + tile->first * node->in.n,
		.x_stride = node->in.n,
		.w_t = state->weights_t,
		.y = node->out.data + tile->first * node->out.n,
	};

	tile->graph->kernels->narrow(&narrow);
}

static void
narrow_backward(const cer_tile *tile, const cer_graph_node *node)
{
	const dense_state *state = node->state;
	size_t n_in = node->in.n;
	size_t n_out = node->out.n;
	cer_narrow_grads grads = {
		.n_rows = tile->graph->tile_rows,
		.n_in = n_in,
		.n_out = n_out,
		.x = node->in.data + tile->first * n_in,
		.dy = node->out.grad + tile->first * n_out,
		.w_t = state->weights_t,
		.dx = node->in.grad + tile->first * n_in,
		.dw_t = state->parts + tile->index * n_in * n_out,
	};

	tile->graph->kernels->narrow_grads(&grads);
}

/* Adds the tiles' parts onto the first one, which then is the gradient. */
static void
narrow_update(const cer_graph *graph, const cer_graph_node *node,
              const cer_block *block)
{
	const dense_state *state = node->state;
	size_t n_in = node->in.n;
	size_t n_out = node->out.n;
	size_t n = n_in * n_out;
	size_t n_tiles =
		(graph->batch.n_rows + graph->tile_rows - 1) / graph->tile_rows;

	(void) block;
	for (size_t tile = 1; tile < n_tiles; tile++)
		graph->kernels->backward_linear(n, state->parts + tile * n,
		                                state->parts);
	graph->kernels->transpose(n_out, n_in, state->parts, n_in,
	                          graph->grads + state->offset, n_out);
	cer_graph_step(graph, state->offset, n);
	dense_refresh(graph, node);
}

static cer_status
narrow_prepare(cer_graph *graph, const cer_graph_node *node, dense_state *state,
               cer_error *err)
{
	size_t n_tiles = graph->batch_rows / graph->tile_rows;
	size_t n = n_tiles * node->in.n * node->out.n;
	cer_block *block = cer_graph_add_block(graph, err);

	if (block == NULL)
		return CER_NO_MEMORY;
	state->parts = cer_graph_allocate_floats(graph, n);
	if (state->parts == NULL)
		return cer_fail_memory(err, n * sizeof(float));
	block->run = narrow_update;
	block->node = node;
	block->cost = (double) n;
	return CER_OK;
}

/* ------------------------------------------------------------ wide */

static void
wide_forward(const cer_tile *tile, const cer_graph_node *node)
{
	const dense_state *state = node->state;

	cer_gemm_run(&state->forward, node->in.data + tile->first * node->in.n,
	             tile->graph->weights + state->offset,
	             node->out.data + tile->first * node->out.n);
}

static void
wide_backward(const cer_tile *tile, const cer_graph_node *node)
{
	const dense_state *state = node->state;

	cer_gemm_run(&state->backward, node->out.grad + tile->first * node->out.n,
	             state->weights_t, node->in.grad + tile->first * node->in.n);
}

static void
wide_update(const cer_graph *graph, const cer_graph_node *node,
            const cer_block *block)
{
	const dense_state *state = node->state;
	size_t n_in = node->in.n;
	size_t n_out = node->out.n;

	cer_graph_run_product(graph, block, state->offset, &node->in, &node->out);
	graph->kernels->transpose(
		block->end - block->begin, block->n_columns,
		graph->weights + state->offset + block->begin * n_out + block->column,
		n_out, state->weights_t + block->column * n_in + block->begin, n_in);
}

static cer_status
wide_prepare(cer_graph *graph, const cer_graph_node *node, dense_state *state,
             cer_error *err)
{
	size_t n_in = node->in.n;
	size_t n_out = node->out.n;
	cer_gemm_shape forward = {.n_rows = graph->tile_rows,
	                          .n_columns = n_out,
	                          .n_inner = n_in,
	                          .a_stride = n_in,
	                          .b_stride = n_out,
	                          .c_stride = n_out};
	cer_gemm_shape backward = {.n_rows = graph->tile_rows,
	                           .n_columns = n_in,
	                           .n_inner = n_out,
	                           .a_stride = n_out,
	                           .b_stride = n_in,
	                           .c_stride = n_in};
	cer_product_blocks products = {
		.run = wide_update, .node = node, .n_in = n_in, .n_out = n_out};

	CER_TRY(graph->make_gemm(graph->kernels, &forward, &state->forward, err));
	CER_TRY(graph->make_gemm(graph->kernels, &backward, &state->backward, err));
	return cer_graph_add_products(graph, &products, err);
}

/* ------------------------------------------------------------ both */

static cer_status
dense_prepare(cer_graph *graph, cer_graph_node *node, cer_error *err)
{
	dense_state *state = cer_arena_allocate(graph->arena, sizeof(*state));
	size_t n = node->in.n * node->out.n;

	if (state == NULL)
		return cer_fail_memory(err, sizeof(*state));
	memset(state, 0, sizeof(*state));
	node->state = state;
	state->offset = cer_node_get_tensor(graph, node, 0)->offset;
	state->weights_t = cer_graph_allocate_floats(graph, n);
	if (state->weights_t == NULL)
		return cer_fail_memory(err, n * sizeof(float));
	if (node->out.n <= CER_NARROW_OUTPUTS)
		return narrow_prepare(graph, node, state, err);
	return wide_prepare(graph, node, state, err);
}

static void
dense_forward(const cer_tile *tile, const cer_graph_node *node)
{
	if (node->out.n <= CER_NARROW_OUTPUTS)
		narrow_forward(tile, node);
	else
		wide_forward(tile, node);
}

static void
dense_backward(const cer_tile *tile, const cer_graph_node *node)
{
	if (node->out.n <= CER_NARROW_OUTPUTS)
		narrow_backward(tile, node);
	else
		wide_backward(tile, node);
}

const cer_operator cer_op_dense = {
	.name = "dense",
	.shape = dense_shape,
	.cost = dense_cost,
	.prepare = dense_prepare,
	.refresh = dense_refresh,
	.forward = dense_forward,
	.backward = dense_backward,
};
