/*
 * nn/op_members.c
 *	  A dense layer of which every member of an ensemble has its own,
 *	  y_k = x_k W_k; where one vector goes in, each member takes it.
 *
 * A member's vectors lie members apart from row to row, which products take as
 * it is.
 */
#include "base/error.h"
#include "nn/operator.h"

#include <string.h>

typedef struct members_state
{
	size_t count;
	size_t offset;    /* of W (count, n_in, n_out) */
	float *weights_t; /* (count, n_out, n_in) */
	float *packed;    /* scoring: by member */
	size_t packed_size;
	cer_gemm forward;
	cer_gemm backward;
	cer_gemm backward_add; /* one vector goes in: the members after the first */
} members_state;

static cer_status
members_shape(cer_net_builder *builder, cer_node *node, cer_error *err)
{
	cer_tensor_spec weight = {
		.name = node->name,
		.suffix = "weight",
		.n_rows = node->count * node->n_in,
		.n_columns = node->n_out,
		.n_hidden = node->count,
	};

	cer_initial_choose(node->initial, node->n_in, &weight);
	if (node->starts_zero)
		weight.initial = CER_INITIAL_ZERO;
	return cer_net_add_tensor(builder, node, &weight, err);
}

static double
members_cost(const cer_net *net, const cer_node *node)
{
	(void) net;
	return 2.0 * (double) node->n_in * (double) (node->n_out * node->m);
}

/* Floats from the first member's vector to this one's. */
static size_t
get_input_place(const cer_graph_node *node, size_t member)
{
	return node->in.m > 1 ? member * node->in.n : 0;
}

static size_t
get_size(const cer_graph_node *node)
{
	return node->in.n * node->out.n;
}

static void
refresh_member(const cer_graph *graph, const cer_graph_node *node,
               size_t member)
{
	const members_state *state = node->state;
	size_t at = member * get_size(node);

	graph->kernels->transpose(node->in.n, node->out.n,
	                          graph->weights + state->offset + at, node->out.n,
	                          state->weights_t + at, node->in.n);
}

static void
members_refresh(const cer_graph *graph, const cer_graph_node *node)
{
	const members_state *state = node->state;

	for (size_t i = 0; i < state->count; i++)
		refresh_member(graph, node, i);
}

static void
members_forward(const cer_tile *tile, const cer_graph_node *node)
{
	const members_state *state = node->state;
	const float *weights = tile->graph->weights + state->offset;

	for (size_t i = 0; i < state->count; i++)
		cer_gemm_run(&state->forward,
		             cer_get_data(&node->in, tile->first) +
		                 get_input_place(node, i),
		             weights + i * get_size(node),
		             cer_get_data(&node->out, tile->first) + i * node->out.n);
}

static void
members_backward(const cer_tile *tile, const cer_graph_node *node)
{
	const members_state *state = node->state;

	for (size_t i = 0; i < state->count; i++)
		cer_gemm_run(
			node->in.m == 1 && i > 0 ? &state->backward_add : &state->backward,
			cer_get_grad(&node->out, tile->first) + i * node->out.n,
			state->weights_t + i * get_size(node),
			cer_get_grad(&node->in, tile->first) + get_input_place(node, i));
}

static void
members_update(const cer_graph *graph, const cer_graph_node *node,
               const cer_block *block)
{
	const members_state *state = node->state;
	size_t member = block->index;
	cer_activations x = {.n = cer_get_width(&node->in),
	                     .m = 1,
	                     .data = node->in.data + get_input_place(node, member)};
	cer_activations dz = {.n = cer_get_width(&node->out),
	                      .m = 1,
	                      .grad = node->out.grad + member * node->out.n};
	size_t at = member * get_size(node);

	cer_graph_run_product(graph, block, state->offset + at, &x, &dz);
	graph->kernels->transpose(block->end - block->begin, block->n_columns,
	                          graph->weights + state->offset + at +
	                              block->begin * node->out.n + block->column,
	                          node->out.n,
	                          state->weights_t + at +
	                              block->column * node->in.n + block->begin,
	                          node->in.n);
}

static cer_status
prepare_gemms(cer_graph *graph, const cer_graph_node *node,
              members_state *state, cer_error *err)
{
	cer_gemm_shape forward = {.n_rows = graph->tile_rows,
	                          .n_columns = node->out.n,
	                          .n_inner = node->in.n,
	                          .a_stride = cer_get_width(&node->in),
	                          .b_stride = node->out.n,
	                          .c_stride = cer_get_width(&node->out)};
	cer_gemm_shape backward = {.n_rows = graph->tile_rows,
	                           .n_columns = node->in.n,
	                           .n_inner = node->out.n,
	                           .a_stride = cer_get_width(&node->out),
	                           .b_stride = node->in.n,
	                           .c_stride = cer_get_width(&node->in)};

	CER_TRY(graph->make_gemm(graph->kernels, &forward, &state->forward, err));
	CER_TRY(graph->make_gemm(graph->kernels, &backward, &state->backward, err));
	backward.accumulate = true;
	return graph->make_gemm(graph->kernels, &backward, &state->backward_add,
	                        err);
}

static cer_status
prepare_training(cer_graph *graph, const cer_graph_node *node,
                 members_state *state, cer_error *err)
{
	size_t n = state->count * get_size(node);
	cer_product_blocks products = {
		.run = members_update,
		.node = node,
		.n_in = node->in.n,
		.n_out = node->out.n,
		.m = 1,
		.x_stride = cer_get_width(&node->in),
		.dz_stride = cer_get_width(&node->out),
	};

	state->weights_t = cer_graph_allocate_floats(graph, n);
	if (state->weights_t == NULL)
		return cer_fail_memory(err, n * sizeof(float));
	CER_TRY(prepare_gemms(graph, node, state, err));
	for (products.index = 0; products.index < state->count; products.index++)
		CER_TRY(cer_graph_add_products(graph, &products, err));
	return CER_OK;
}

/* ------------------------------------------------------------ scoring */

static cer_status
prepare_scoring(cer_graph *graph, const cer_graph_node *node,
                members_state *state, cer_error *err)
{
	state->packed_size = cer_dense_packed_size(node->in.n, node->out.n);
	state->packed =
		cer_graph_allocate_floats(graph, state->count * state->packed_size);
	if (state->packed == NULL)
		return cer_fail_memory(err, state->count * state->packed_size *
		                                sizeof(float));
	for (size_t i = 0; i < state->count; i++)
		cer_dense_pack(node->in.n, node->out.n,
		               graph->weights + state->offset + i * get_size(node),
		               state->packed + i * state->packed_size);
	cer_graph_need_scratch(
		graph, node->in.n + 32 + graph->tile_rows * cer_dense_pad(node->out.n));
	return CER_OK;
}

static void
members_score(const cer_tile *tile, const cer_graph_node *node)
{
	const members_state *state = node->state;
	size_t padded = cer_dense_pad(node->out.n);
	float *room = tile->scratch + (node->in.n + 31) / 16 * 16;
	cer_dense dense = {.n_rows = tile->n_all,
	                   .n_in = node->in.n,
	                   .n_out = padded,
	                   .x_stride = cer_get_width(&node->in),
	                   .y = room,
	                   .y_stride = padded,
	                   .scratch = (uint32_t *) tile->scratch};

	for (size_t i = 0; i < state->count; i++)
	{
		dense.x =
			cer_get_data(&node->in, tile->first) + get_input_place(node, i);
		dense.w = state->packed + i * state->packed_size;
		tile->graph->kernels->dense(&dense);
		for (size_t row = 0; row < tile->n_all; row++)
			memcpy(cer_get_data(&node->out, tile->first + row) +
			           i * node->out.n,
			       room + row * padded, node->out.n * sizeof(float));
	}
}

static cer_status
members_prepare(cer_graph *graph, cer_graph_node *node, cer_error *err)
{
	members_state *state = cer_graph_make_state(graph, node, sizeof(*state));

	if (state == NULL)
		return cer_fail_memory(err, sizeof(*state));
	state->count = node->node->count;
	state->offset = cer_node_get_tensor(graph, node, 0)->offset;
	if (graph->is_scoring)
		return prepare_scoring(graph, node, state, err);
	return prepare_training(graph, node, state, err);
}

const cer_operator cer_op_members = {
	.name = "members",
	.shape = members_shape,
	.cost = members_cost,
	.prepare = members_prepare,
	.refresh = members_refresh,
	.forward = members_forward,
	.backward = members_backward,
	.score = members_score,
};
