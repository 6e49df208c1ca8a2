/*
 * nn/op_mask.c
 *	  A learnt choice of units, y = p x (Joseph, Raj 2022: GANDALF).  With
 *	  distances u = v - max v from the largest of the weights v,
 *
 *	 p = softmax(u + ln w), w = max(u + max(t, 0), 0) + 1e-8
 *
 * so that p is almost 0 where u is below -t, a learnt threshold.
 */
#include "base/error.h"
#include "nn/operator.h"

#include <math.h>
#include <string.h>

#define LEAST_WEIGHT 1e-8f

typedef struct mask_state
{
	size_t n;
	size_t offset; /* of v (n) */
	size_t threshold_offset;
	float *shares; /* p */
	float *sums;   /* (tiles, n): of dy x, the gradient of p */
} mask_state;

static cer_status
mask_shape(cer_net_builder *builder, cer_node *node, cer_error *err)
{
	/* as many as a Beta distribution of random shape would spread */
	cer_tensor_spec weights = {
		.name = node->name,
		.suffix = "mask",
		.n_columns = node->n_out,
		.initial = CER_INITIAL_UNIFORM,
		.scale = 0.5,
	};
	/* 30 % of a uniform distribution lie further than 0.7 of its width below
	 * the largest */
	cer_tensor_spec threshold = {
		.name = node->name,
		.suffix = "threshold",
		.n_columns = 1,
		.initial = CER_INITIAL_CONSTANT,
		.scale = 0.7,
	};

	CER_TRY(cer_net_add_tensor(builder, node, &weights, err));
	return cer_net_add_tensor(builder, node, &threshold, err);
}

static double
mask_cost(const cer_net *net, const cer_node *node)
{
	(void) net;
	return (double) (node->n_out * node->m);
}

static float
find_largest(size_t n, const float *v)
{
	float top = v[0];

	for (size_t i = 1; i < n; i++)
		top = v[i] > top ? v[i] : top;
	return top;
}

static void
mask_refresh(const cer_graph *graph, const cer_graph_node *node)
{
	const mask_state *state = node->state;
	const float *v = graph->weights + state->offset;
	float threshold = graph->weights[state->threshold_offset];
	float top = find_largest(state->n, v);
	double sum = 0.0;

	threshold = threshold > 0.0f ? threshold : 0.0f;
	for (size_t i = 0; i < state->n; i++)
	{
		float u = v[i] - top;
		float w = u + threshold > 0.0f ? u + threshold : 0.0f;

		state->shares[i] = (w + LEAST_WEIGHT) * expf(u);
		sum += (double) state->shares[i];
	}
	for (size_t i = 0; i < state->n; i++)
		state->shares[i] = (float) ((double) state->shares[i] / sum);
}

static void
mask_forward(const cer_tile *tile, const cer_graph_node *node)
{
	const mask_state *state = node->state;
	size_t n = state->n;

	for (size_t i = tile->first * node->out.m;
	     i < (tile->first + tile->n_all) * node->out.m; i++)
		tile->graph->kernels->multiply(n, node->in.data + i * n, state->shares,
		                               node->out.data + i * n);
}

static void
mask_backward(const cer_tile *tile, const cer_graph_node *node)
{
	const mask_state *state = node->state;
	const cer_kernels *kernels = tile->graph->kernels;
	size_t n = state->n;
	float *sums = state->sums + tile->index * n;

	memset(sums, 0, n * sizeof(float));
	for (size_t i = tile->first * node->out.m;
	     i < (tile->first + tile->n_all) * node->out.m; i++)
	{
		const float *dy = node->out.grad + i * n;

		kernels->multiply(n, dy, state->shares, node->in.grad + i * n);
		kernels->multiply_add(n, dy, node->in.data + i * n, sums);
	}
}

/* From gradients of p, in grad, to those of v and t; returns that of t. */
static float
find_grads(const cer_graph *graph, const mask_state *state, float *grad)
{
	const float *v = graph->weights + state->offset;
	float threshold = graph->weights[state->threshold_offset];
	float top = find_largest(state->n, v);
	float lifted = threshold > 0.0f ? threshold : 0.0f;
	size_t largest = 0;
	double mean = 0.0;
	double of_top = 0.0;
	double of_threshold = 0.0;

	for (size_t i = 0; i < state->n; i++)
		mean += (double) state->shares[i] * (double) grad[i];
	for (size_t i = 0; i < state->n; i++)
	{
		double dz = (double) state->shares[i] * ((double) grad[i] - mean);
		float w = v[i] - top + lifted;
		double by_weight =
			w > 0.0f ? dz / ((double) w + (double) LEAST_WEIGHT) : 0.0;

		grad[i] = (float) (dz + by_weight);
		of_top += dz + by_weight;
		of_threshold += by_weight;
		if (v[i] == top)
			largest = i;
	}
	grad[largest] -= (float) of_top;
	return threshold > 0.0f ? (float) of_threshold : 0.0f;
}

static void
mask_update(const cer_graph *graph, const cer_graph_node *node,
            const cer_block *block)
{
	const mask_state *state = node->state;
	float *grad = graph->grads + state->offset;

	(void) block;
	memset(grad, 0, state->n * sizeof(float));
	for (size_t tile = 0; tile < cer_graph_count_tiles(graph); tile++)
		graph->kernels->backward_linear(state->n, state->sums + tile * state->n,
		                                grad);
	graph->grads[state->threshold_offset] = find_grads(graph, state, grad);
	cer_graph_step(graph, state->offset, state->n);
	cer_graph_step(graph, state->threshold_offset, 1);
	mask_refresh(graph, node);
}

static cer_status
mask_prepare(cer_graph *graph, cer_graph_node *node, cer_error *err)
{
	mask_state *state = cer_graph_make_state(graph, node, sizeof(*state));
	size_t n_tiles = graph->batch_rows / graph->tile_rows;
	size_t n = node->out.n;
	cer_block *block;

	if (state == NULL)
		return cer_fail_memory(err, sizeof(*state));
	state->n = n;
	state->offset = cer_node_get_tensor(graph, node, 0)->offset;
	state->threshold_offset = cer_node_get_tensor(graph, node, 1)->offset;
	state->shares = cer_graph_allocate_floats(graph, n);
	if (state->shares == NULL)
		return cer_fail_memory(err, n * sizeof(float));
	mask_refresh(graph, node);
	if (graph->is_scoring)
		return CER_OK;
	state->sums = cer_graph_allocate_floats(graph, n_tiles * n);
	block = cer_graph_add_block(graph, err);
	if (block == NULL || state->sums == NULL)
		return cer_fail_memory(err, n_tiles * n * sizeof(float));
	block->run = mask_update;
	block->node = node;
	block->cost = (double) (n_tiles * n);
	return CER_OK;
}

const cer_operator cer_op_mask = {
	.name = "mask",
	.shape = mask_shape,
	.cost = mask_cost,
	.prepare = mask_prepare,
	.refresh = mask_refresh,
	.forward = mask_forward,
	.backward = mask_backward,
};
