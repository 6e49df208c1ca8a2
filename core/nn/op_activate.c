/*
 * nn/op_activate.c
 *	  Bias, activation and dropout in one pass over a tile, in place.
 *
 * Forward keeps the slope dy/dz where the output does not tell it (relu's
 * does), so that backward is one product.  The bias is shared by the vectors
 * of a row, or is each member's own.
 *
 * Alpha dropout (Klambauer and others 2017) puts selu's lower limit where
 * others put 0, then moves and scales so that mean and variance stay.
 */
#include "base/error.h"
#include "nn/operator.h"

#include <math.h>
#include <string.h>

#define ALPHA_LIMIT -1.7580993408473766 /* of selu, as x goes to -infinity */

typedef struct activate_state
{
	size_t n;          /* floats that the bias goes along with */
	size_t repeats;    /* of them in a row */
	const float *zero; /* where there is no bias */
	const float *gain; /* in scoring, or NULL */
	cer_sums bias;
	float *slope; /* (batch_rows, m, n), or NULL */
	cer_random random;
} activate_state;

/* What dropout makes of the batch in work. */
typedef struct activate_drop
{
	float scale; /* of what dropout leaves */
	uint32_t threshold;

	/* alpha dropout: what stays is scaled and moved, what goes is this */
	float move;
	float dropped;
} activate_drop;

/* Whether members have a bias each. */
static size_t
get_bias_vectors(const cer_node *node)
{
	return node->has_bias && node->count > 0 ? node->count : 1;
}

static cer_status
activate_shape(cer_net_builder *builder, cer_node *node, cer_error *err)
{
	cer_tensor_spec bias = {
		.name = node->name,
		.suffix = "bias",
		.n_rows = node->count,
		.n_columns = node->n_out,
		.initial = CER_INITIAL_ZERO,
	};

	node->keeps_output = node->activation == CER_RELU;
	if (!node->has_bias)
		return CER_OK;
	if (node->initial == CER_INITIAL_NTK)
		bias.rate = CER_SMALL_RATE;
	if (node->initial == CER_INITIAL_NTK && !node->starts_zero)
	{
		bias.initial = CER_INITIAL_NORMAL;
		bias.scale = 1.0;
	}
	return cer_net_add_tensor(builder, node, &bias, err);
}

static double
activate_cost(const cer_net *net, const cer_node *node)
{
	(void) net;
	return 2.0 * (double) (node->n_out * node->m);
}

/* ------------------------------------------------------------ dropout */

/* At a scale of 1 all stays. */
static activate_drop
get_drop(const cer_tile *tile, const cer_node *node)
{
	const cer_batch *batch = &tile->graph->batch;
	double share = node->dropout * (1.0 - batch->faded);
	double kept = 1.0 - share;
	double scale = 1.0 / kept;
	activate_drop drop = {.threshold = (uint32_t) (share * 65536.0 + 0.5)};

	if (!batch->is_training || drop.threshold == 0)
		return (activate_drop){.scale = 1.0f};
	if (node->is_alpha)
	{
		scale = 1.0 / sqrt(kept + ALPHA_LIMIT * ALPHA_LIMIT * kept * share);
		drop.move = (float) (-scale * ALPHA_LIMIT * share);
		drop.dropped = (float) (scale * ALPHA_LIMIT) + drop.move;
	}
	drop.scale = (float) scale;
	return drop;
}

/* ------------------------------------------------------------ forward */

/* A row that drop() left at 0 or 1 says what stays. */
static void
drop_alpha(const cer_tile *tile, const activate_drop *drop,
           const cer_dropout *dropout, float *y, float *slope, size_t n)
{
	float *keep = tile->scratch;
	cer_dropout mask = *dropout;

	mask.scale = 1.0f;
	for (size_t i = 0; i < n; i++)
		keep[i] = 1.0f;
	tile->graph->kernels->drop(n, &mask, keep, NULL);
	for (size_t i = 0; i < n; i++)
	{
		y[i] = keep[i] * (drop->scale * y[i] + drop->move) +
		       (1.0f - keep[i]) * drop->dropped;
		slope[i] *= keep[i] * drop->scale;
	}
}

static void
drop_row(const cer_tile *tile, const cer_graph_node *node,
         const activate_drop *drop, size_t at, float *slope)
{
	const activate_state *state = node->state;
	const cer_graph *graph = tile->graph;
	size_t n = state->n * state->repeats;
	float *y = cer_get_data(&node->out, at);
	cer_dropout dropout = {.random = state->random,
	                       .row_key = graph->row_keys[at],
	                       .epoch = graph->batch.epoch,
	                       .threshold = drop->threshold,
	                       .scale = drop->scale};

	if (node->node->is_alpha)
		drop_alpha(tile, drop, &dropout, y, slope, n);
	else
		graph->kernels->drop(n, &dropout, y, slope);
}

static const float *
get_bias(const cer_tile *tile, const cer_graph_node *node)
{
	const activate_state *state = node->state;

	return node->node->has_bias ? tile->graph->weights + state->bias.offset
	                            : state->zero;
}

static void
activate_score(const cer_tile *tile, const cer_graph_node *node)
{
	const activate_state *state = node->state;
	const cer_kernels *kernels = tile->graph->kernels;
	cer_lines lines = {.n_rows = tile->n_all * state->repeats,
	                   .n = state->n,
	                   .gain = state->gain,
	                   .bias = get_bias(tile, node),
	                   .x = cer_get_data(&node->in, tile->first),
	                   .y = cer_get_data(&node->out, tile->first)};

	if (state->gain != NULL)
		kernels->activate_lines[node->node->activation](&lines);
	else
		kernels->activate_rows[node->node->activation](
			lines.n_rows, lines.n, lines.bias, lines.y, NULL);
}

static void
activate_forward(const cer_tile *tile, const cer_graph_node *node)
{
	const cer_graph *graph = tile->graph;
	const activate_state *state = node->state;
	activate_drop drop = get_drop(tile, node->node);
	size_t n = state->n;
	const float *bias = get_bias(tile, node);
	float *slope = cer_graph_goes_back(graph) && state->slope != NULL
	                   ? state->slope + tile->first * n * state->repeats
	                   : NULL;

	graph->kernels->activate_rows[node->node->activation](
		tile->n_all * state->repeats, n, bias,
		cer_get_data(&node->out, tile->first), slope);
	for (size_t row = 0; drop.threshold > 0 && row < tile->n_rows; row++)
		drop_row(tile, node, &drop, tile->first + row,
		         slope != NULL ? slope + row * n * state->repeats : NULL);
}

/* ------------------------------------------------------------ backward */

static void
activate_backward(const cer_tile *tile, const cer_graph_node *node)
{
	const cer_kernels *kernels = tile->graph->kernels;
	const activate_state *state = node->state;
	size_t n = state->n;
	size_t at = tile->first * state->repeats * n;
	cer_backward backward = {.n_rows = tile->n_all * state->repeats,
	                         .n = n,
	                         .scale = get_drop(tile, node->node).scale,
	                         .dy = node->out.grad + at,
	                         .sum = cer_sums_begin(&state->bias, tile)};

	if (state->slope != NULL)
	{
		backward.of = state->slope + at;
		kernels->backward_slope(&backward);
	}
	else if (node->node->activation == CER_RELU)
	{
		backward.of = node->out.data + at;
		kernels->backward_relu(&backward);
	}
	else
		kernels->sum_rows(backward.n_rows, n, backward.dy, backward.sum);
}

/* ------------------------------------------------------------ planning */

static bool
needs_slope(const cer_node *node)
{
	if (node->is_alpha)
		return true;
	if (node->activation == CER_RELU)
		return false;
	return node->activation != CER_IDENTITY || node->dropout > 0.0;
}

/* Without a bias, what would be its gradient is summed all the same. */
static cer_status
prepare_training(cer_graph *graph, const cer_graph_node *node,
                 activate_state *state, cer_error *err)
{
	size_t n_floats = graph->batch_rows * state->n * state->repeats;

	cer_random_init(&state->random, graph->seed, node->node->name);
	if (node->node->is_alpha)
		cer_graph_need_scratch(graph, state->n * state->repeats);
	if (needs_slope(node->node))
	{
		state->slope = cer_graph_allocate_floats(graph, n_floats);
		if (state->slope == NULL)
			return cer_fail_memory(err, n_floats * sizeof(float));
	}
	if (node->node->has_bias)
		return cer_graph_add_sums(graph, node, &state->bias, err);
	return cer_sums_allocate(graph, &state->bias, err);
}

static cer_status
activate_prepare(cer_graph *graph, cer_graph_node *node, cer_error *err)
{
	activate_state *state = cer_graph_make_state(graph, node, sizeof(*state));
	size_t vectors = get_bias_vectors(node->node);

	if (state == NULL)
		return cer_fail_memory(err, sizeof(*state));
	state->n = vectors * node->out.n;
	state->repeats = node->out.m / vectors;
	state->bias.n = state->n;
	if (node->node->has_bias)
		state->bias.offset =
			cer_node_get_tensor(graph, node, node->node->has_gain)->offset;
	else
		state->zero = cer_graph_allocate_floats(graph, state->n);
	if (!node->node->has_bias && state->zero == NULL)
		return cer_fail_memory(err, state->n * sizeof(float));
	if (node->node->has_gain)
		state->gain =
			graph->weights + cer_node_get_tensor(graph, node, 0)->offset;
	if (graph->is_scoring)
		return CER_OK;
	return prepare_training(graph, node, state, err);
}

const cer_operator cer_op_activate = {
	.name = "activate",
	.shape = activate_shape,
	.cost = activate_cost,
	.prepare = activate_prepare,
	.forward = activate_forward,
	.backward = activate_backward,
	.score = activate_score,
};
