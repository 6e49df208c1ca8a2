/*
 * nn/op_scale.c
 *	  A learnt factor for each unit, y = a x.
 *
 * In an ensemble every member has factors of its own (BatchEnsemble: Wen, Tran,
 * Ba 2020); where one vector goes in, members come out.
 */
#include "base/error.h"
#include "nn/operator.h"

#include <string.h>

typedef struct scale_state
{
	size_t repeats; /* vectors of a row that share factors: tokens */
	cer_sums factors;
} scale_state;

static cer_status
scale_shape(cer_net_builder *builder, cer_node *node, cer_error *err)
{
	cer_tensor_spec factors = {
		.name = node->name,
		.suffix = node->begin > 0 ? "scale_out" : "scale",
		.n_rows = node->count,
		.n_columns = node->n_out,
		.initial = node->is_first ? CER_INITIAL_SIGN : CER_INITIAL_CONSTANT,
		.scale = 1.0,
		.rate = node->factor,
	};

	return cer_net_add_tensor(builder, node, &factors, err);
}

static double
scale_cost(const cer_net *net, const cer_node *node)
{
	(void) net;
	return (double) (node->n_out * node->m);
}

/* The vector of the input that vector v of the output comes from. */
static inline size_t
find_input(const cer_graph_node *node, size_t row, size_t v)
{
	return row * node->in.m + v % node->in.m;
}

static void
scale_forward(const cer_tile *tile, const cer_graph_node *node)
{
	const scale_state *state = node->state;
	const float *factors = tile->graph->weights + state->factors.offset;
	size_t n = node->out.n;

	for (size_t row = tile->first; row < tile->first + tile->n_all; row++)
		for (size_t v = 0; v < node->out.m; v++)
			tile->graph->kernels->multiply(
				n, node->in.data + find_input(node, row, v) * n,
				factors + v / state->repeats * n,
				cer_get_data(&node->out, row) + v * n);
}

static void
scale_backward(const cer_tile *tile, const cer_graph_node *node)
{
	const scale_state *state = node->state;
	const cer_kernels *kernels = tile->graph->kernels;
	const float *factors = tile->graph->weights + state->factors.offset;
	float *sums = cer_sums_begin(&state->factors, tile);
	size_t n = node->out.n;

	memset(cer_get_grad(&node->in, tile->first), 0,
	       tile->n_all * cer_get_width(&node->in) * sizeof(float));
	for (size_t row = tile->first; row < tile->first + tile->n_all; row++)
		for (size_t v = 0; v < node->out.m; v++)
		{
			const float *dy = cer_get_grad(&node->out, row) + v * n;
			size_t from = find_input(node, row, v) * n;
			size_t at = v / state->repeats * n;

			kernels->multiply_add(n, dy, factors + at, node->in.grad + from);
			kernels->multiply_add(n, dy, node->in.data + from, sums + at);
		}
}

static cer_status
scale_prepare(cer_graph *graph, cer_graph_node *node, cer_error *err)
{
	scale_state *state = cer_graph_make_state(graph, node, sizeof(*state));
	size_t members = node->node->count > 0 ? node->node->count : 1;

	if (state == NULL)
		return cer_fail_memory(err, sizeof(*state));
	state->repeats = node->out.m / members;
	state->factors = (cer_sums){cer_node_get_tensor(graph, node, 0)->offset,
	                            members * node->out.n, NULL};
	if (graph->is_scoring)
		return CER_OK;
	return cer_graph_add_sums(graph, node, &state->factors, err);
}

const cer_operator cer_op_scale = {
	.name = "scale",
	.shape = scale_shape,
	.cost = scale_cost,
	.prepare = scale_prepare,
	.forward = scale_forward,
	.backward = scale_backward,
};
