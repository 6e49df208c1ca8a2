/*
 * nn/op_learnt.c
 *	  An activation that each unit learns how much of to use:
 *	  y = x + a (f(x) - x), a at first 1 (Holzmueller and others 2024).
 */
#include "base/error.h"
#include "nn/operator.h"

#include <string.h>

typedef struct learnt_state
{
	size_t n;       /* factors: units, or those of every member */
	size_t repeats; /* vectors of a row, in n floats, that share them */
	cer_sums factors;
	const float *zero;
	float *bend;  /* f(x) - x, in training */
	float *slope; /* f'(x) */
} learnt_state;

static cer_status
learnt_shape(cer_net_builder *builder, cer_node *node, cer_error *err)
{
	cer_tensor_spec factors = {
		.name = node->name,
		.suffix = "share",
		.n_rows = node->count,
		.n_columns = node->n_out,
		.initial = CER_INITIAL_CONSTANT,
		.scale = 1.0,
		.rate = CER_SMALL_RATE,
	};

	return cer_net_add_tensor(builder, node, &factors, err);
}

static double
learnt_cost(const cer_net *net, const cer_node *node)
{
	(void) net;
	return 6.0 * (double) (node->n_out * node->m);
}

static void
learnt_forward(const cer_tile *tile, const cer_graph_node *node)
{
	const learnt_state *state = node->state;
	const cer_kernels *kernels = tile->graph->kernels;
	const float *factors = tile->graph->weights + state->factors.offset;
	bool goes_back = cer_graph_goes_back(tile->graph);
	size_t n = state->n;

	for (size_t i = tile->first * state->repeats;
	     i < (tile->first + tile->n_all) * state->repeats; i++)
	{
		const float *x = node->in.data + i * n;
		float *y = node->out.data + i * n;
		float *bend = goes_back ? state->bend + i * n : tile->scratch;
		float *slope = goes_back ? state->slope + i * n : NULL;

		memcpy(bend, x, n * sizeof(float));
		kernels->activate[node->node->activation](n, state->zero, bend, slope);
		kernels->learnt(n, factors, x, &(cer_bend){y, bend});
	}
}

static void
learnt_backward(const cer_tile *tile, const cer_graph_node *node)
{
	const learnt_state *state = node->state;
	const float *factors = tile->graph->weights + state->factors.offset;
	float *sums = cer_sums_begin(&state->factors, tile);
	size_t n = state->n;

	for (size_t i = tile->first * state->repeats;
	     i < (tile->first + tile->n_all) * state->repeats; i++)
	{
		cer_learnt_back back = {
			.n = n,
			.share = factors,
			.bend = state->bend + i * n,
			.slope = state->slope + i * n,
			.dy = node->out.grad + i * n,
			.dx = node->in.grad + i * n,
			.sum = sums,
		};

		tile->graph->kernels->learnt_back(&back);
	}
}

static cer_status
learnt_prepare(cer_graph *graph, cer_graph_node *node, cer_error *err)
{
	learnt_state *state = cer_graph_make_state(graph, node, sizeof(*state));
	size_t members = node->node->count > 0 ? node->node->count : 1;
	size_t n_floats = graph->batch_rows * cer_get_width(&node->out);

	if (state == NULL)
		return cer_fail_memory(err, sizeof(*state));
	state->n = members * node->out.n;
	state->repeats = node->out.m / members;
	state->factors =
		(cer_sums){cer_node_get_tensor(graph, node, 0)->offset, state->n, NULL};
	cer_graph_need_scratch(graph, state->n);
	state->zero = cer_graph_allocate_floats(graph, state->n);
	if (state->zero == NULL)
		return cer_fail_memory(err, state->n * sizeof(float));
	if (graph->is_scoring)
		return CER_OK;
	state->bend = cer_graph_allocate_floats(graph, n_floats);
	state->slope = cer_graph_allocate_floats(graph, n_floats);
	if (state->bend == NULL || state->slope == NULL)
		return cer_fail_memory(err, n_floats * sizeof(float));
	return cer_graph_add_sums(graph, node, &state->factors, err);
}

const cer_operator cer_op_learnt = {
	.name = "learnt",
	.shape = learnt_shape,
	.cost = learnt_cost,
	.prepare = learnt_prepare,
	.forward = learnt_forward,
	.backward = learnt_backward,
};
