/*
 * nn/op_dense.c
 *	  A dense layer's product, y = x W; the bias belongs to activate.
 *
 * The transpose of W, which the gradient of x needs, is remade with each step.
 */
#include "base/error.h"
#include "nn/operator.h"

typedef struct dense_state
{
	size_t offset;    /* of W (n_in, n_out) */
	float *weights_t; /* (n_out, n_in) */
	cer_gemm forward;
	cer_gemm backward;
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

static void
dense_forward(const cer_tile *tile, const cer_graph_node *node)
{
	const dense_state *state = node->state;

	cer_gemm_run(&state->forward, node->in.data + tile->first * node->in.n,
	             tile->graph->weights + state->offset,
	             node->out.data + tile->first * node->out.n);
}

static void
dense_backward(const cer_tile *tile, const cer_graph_node *node)
{
	const dense_state *state = node->state;

	cer_gemm_run(&state->backward, node->out.grad + tile->first * node->out.n,
	             state->weights_t, node->in.grad + tile->first * node->in.n);
}

static void
dense_update(const cer_graph *graph, const cer_graph_node *node,
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
dense_prepare(cer_graph *graph, cer_graph_node *node, cer_error *err)
{
	dense_state *state = cer_arena_allocate(graph->arena, sizeof(*state));
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
		.run = dense_update, .node = node, .n_in = n_in, .n_out = n_out};

	if (state == NULL)
		return cer_fail_memory(err, sizeof(*state));
	node->state = state;
	state->offset = cer_node_get_tensor(graph, node, 0)->offset;
	state->weights_t = cer_graph_allocate_floats(graph, n_in * n_out);
	if (state->weights_t == NULL)
		return cer_fail_memory(err, n_in * n_out * sizeof(float));
	CER_TRY(graph->make_gemm(graph->kernels, &forward, &state->forward, err));
	CER_TRY(graph->make_gemm(graph->kernels, &backward, &state->backward, err));
	return cer_graph_add_products(graph, &products, err);
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
