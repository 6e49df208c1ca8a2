/*
 * nn/op_dense.c
 *	  A dense layer's product, y = x W, of every vector of a row; the bias
 *	  belongs to activate.
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
	float *parts;  /* narrow: (tiles, n_out, n_in) */
	float *packed; /* scoring, not narrow */
} dense_state;

static cer_status
dense_shape(cer_net_builder *builder, cer_node *node, cer_error *err)
{
	cer_tensor_spec weight = {
		.name = node->name,
		.suffix = "weight",
		.n_rows = node->n_in,
		.n_columns = node->n_out,
	};

	cer_initial_choose(node->initial, node->n_in, &weight);
	if (node->starts_zero)
		weight.initial = CER_INITIAL_ZERO;
	return cer_net_add_tensor(builder, node, &weight, err);
}

static double
dense_cost(const cer_net *net, const cer_node *node)
{
	(void) net;
	return 2.0 * (double) node->n_in * (double) (node->n_out * node->m);
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
		.n_rows = tile->n_all * node->in.m,
		.n_in = node->in.n,
		.n_out = node->out.n,
		.x = cer_get_data(&node->in, tile->first),
		.x_stride = node->in.n,
		.w_t = state->weights_t,
		.y = cer_get_data(&node->out, tile->first),
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
		.n_rows = tile->n_all * node->in.m,
		.n_in = n_in,
		.n_out = n_out,
		.x = cer_get_data(&node->in, tile->first),
		.dy = cer_get_grad(&node->out, tile->first),
		.w_t = state->weights_t,
		.dx = cer_get_grad(&node->in, tile->first),
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
	size_t n_tiles = cer_graph_count_tiles(graph);

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

	cer_gemm_run(&state->forward, cer_get_data(&node->in, tile->first),
	             tile->graph->weights + state->offset,
	             cer_get_data(&node->out, tile->first));
}

static void
wide_backward(const cer_tile *tile, const cer_graph_node *node)
{
	const dense_state *state = node->state;

	cer_gemm_run(&state->backward, cer_get_grad(&node->out, tile->first),
	             state->weights_t, cer_get_grad(&node->in, tile->first));
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
	cer_gemm_shape forward = {.n_rows = graph->tile_rows * node->in.m,
	                          .n_columns = n_out,
	                          .n_inner = n_in,
	                          .a_stride = n_in,
	                          .b_stride = n_out,
	                          .c_stride = n_out};
	cer_gemm_shape backward = {.n_rows = graph->tile_rows * node->in.m,
	                           .n_columns = n_in,
	                           .n_inner = n_out,
	                           .a_stride = n_out,
	                           .b_stride = n_in,
	                           .c_stride = n_in};
	cer_product_blocks products = {.run = wide_update,
	                               .node = node,
	                               .n_in = n_in,
	                               .n_out = n_out,
	                               .m = node->in.m};

	CER_TRY(graph->make_gemm(graph->kernels, &forward, &state->forward, err));
	CER_TRY(graph->make_gemm(graph->kernels, &backward, &state->backward, err));
	return cer_graph_add_products(graph, &products, err);
}

/* ------------------------------------------------------------ scoring */

static cer_status
prepare_scoring(cer_graph *graph, const cer_graph_node *node,
                dense_state *state, cer_error *err)
{
	size_t n_in = node->in.n;
	size_t n_out = node->out.n;
	size_t size = cer_dense_packed_size(n_in, n_out);

	state->packed = cer_graph_allocate_floats(graph, size);
	if (state->packed == NULL)
		return cer_fail_memory(err, size * sizeof(float));
	cer_dense_pack(n_in, n_out, graph->weights + state->offset, state->packed);
	cer_graph_need_scratch(
		graph,
		n_in + 16 + graph->tile_rows * node->in.m * cer_dense_pad(n_out));
	return CER_OK;
}

/* Whole vectors of lanes are written, where needed into scratch. */
static void
dense_score(const cer_tile *tile, const cer_graph_node *node)
{
	const dense_state *state = node->state;
	size_t n_out = node->out.n;
	size_t padded = cer_dense_pad(n_out);
	float *y = cer_get_data(&node->out, tile->first);
	float *room = tile->scratch + (node->in.n + 15) / 16 * 16;
	cer_dense dense = {.n_rows = tile->n_all * node->in.m,
	                   .n_in = node->in.n,
	                   .n_out = padded,
	                   .x = cer_get_data(&node->in, tile->first),
	                   .x_stride = node->in.n,
	                   .w = state->packed,
	                   .y = padded == n_out ? y : room,
	                   .y_stride = padded,
	                   .scratch = (uint32_t *) tile->scratch};

	if (state->packed == NULL)
	{
		narrow_forward(tile, node);
		return;
	}
	tile->graph->kernels->dense(&dense);
	for (size_t i = 0; padded != n_out && i < dense.n_rows; i++)
		memcpy(y + i * n_out, room + i * padded, n_out * sizeof(float));
}

/* ------------------------------------------------------------ both */

static cer_status
dense_prepare(cer_graph *graph, cer_graph_node *node, cer_error *err)
{
	dense_state *state = cer_graph_make_state(graph, node, sizeof(*state));
	size_t n = node->in.n * node->out.n;
	bool is_narrow = node->out.n <= CER_NARROW_OUTPUTS;

	if (state == NULL)
		return cer_fail_memory(err, sizeof(*state));
	state->offset = cer_node_get_tensor(graph, node, 0)->offset;
	if (graph->is_scoring && !is_narrow)
		return prepare_scoring(graph, node, state, err);
	state->weights_t = cer_graph_allocate_floats(graph, n);
	if (state->weights_t == NULL)
		return cer_fail_memory(err, n * sizeof(float));
	if (graph->is_scoring)
	{
		dense_refresh(graph, node);
		return CER_OK;
	}
	if (is_narrow)
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
	.score = dense_score,
};
