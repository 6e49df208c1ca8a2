/*
 * nn/op_position.c
 *	  A learnt vector for each place in a row's tokens, added to them: without
 *	  it attention and pooling do not see the order.
 */
#include "base/error.h"
#include "nn/operator.h"

#include <string.h>

typedef struct position_state
{
	cer_sums places;
} position_state;

static cer_status
position_shape(cer_net_builder *builder, cer_node *node, cer_error *err)
{
	cer_tensor_spec places = {
		.name = node->name,
		.suffix = "places",
		.n_rows = node->n_tokens,
		.n_columns = node->n_out,
		.initial = CER_INITIAL_NORMAL,
		.scale = CER_EMBEDDING_DEVIATION,
	};

	return cer_net_add_tensor(builder, node, &places, err);
}

static double
position_cost(const cer_net *net, const cer_node *node)
{
	(void) net;
	return (double) (node->n_out * node->m);
}

static void
position_forward(const cer_tile *tile, const cer_graph_node *node)
{
	const position_state *state = node->state;
	const float *places = tile->graph->weights + state->places.offset;
	size_t n = state->places.n;
	size_t n_floats = tile->n_all * cer_get_width(&node->out);
	float *y = cer_get_data(&node->out, tile->first);

	memcpy(y, cer_get_data(&node->in, tile->first), n_floats * sizeof(float));
	for (size_t at = 0; at < n_floats; at += n)
		tile->graph->kernels->backward_linear(n, places, y + at);
}

static void
position_backward(const cer_tile *tile, const cer_graph_node *node)
{
	const position_state *state = node->state;
	size_t n = state->places.n;
	size_t n_floats = tile->n_all * cer_get_width(&node->out);
	const float *dy = cer_get_grad(&node->out, tile->first);
	float *sums = cer_sums_begin(&state->places, tile);

	memcpy(cer_get_grad(&node->in, tile->first), dy, n_floats * sizeof(float));
	for (size_t at = 0; at < n_floats; at += n)
		tile->graph->kernels->backward_linear(n, dy + at, sums);
}

static cer_status
position_prepare(cer_graph *graph, cer_graph_node *node, cer_error *err)
{
	position_state *state = cer_graph_make_state(graph, node, sizeof(*state));

	if (state == NULL)
		return cer_fail_memory(err, sizeof(*state));
	state->places = (cer_sums){cer_node_get_tensor(graph, node, 0)->offset,
	                           node->node->n_tokens * node->out.n, NULL};
	if (graph->is_scoring)
		return CER_OK;
	return cer_graph_add_sums(graph, node, &state->places, err);
}

const cer_operator cer_op_position = {
	.name = "position",
	.shape = position_shape,
	.cost = position_cost,
	.prepare = position_prepare,
	.forward = position_forward,
	.backward = position_backward,
};
