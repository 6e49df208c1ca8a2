/*
 * nn/op_attend.c
 *	  Self-attention of a row's tokens (Vaswani and others 2017): queries, keys
 *	  and values (tokens, 3, heads, n) to (tokens, heads, n).
 *
 * A second input may say how many of a row's tokens are there: the others are
 * seen by none, and become 0.
 *
 * Where only the first token's vector is needed of what is made, only it asks:
 * the output's other tokens are never written, and get no gradient.
 *
 * Backward computes the softmax anew: it is large, and cheap beside the
 * products that made its input.
 */
#include "base/error.h"
#include "nn/operator.h"

#include <math.h>
#include <string.h>

typedef struct attend_state
{
	cer_attend attend; /* shape and scale */
	size_t n_weights;  /* floats of the softmax of one member's tokens */
	size_t n_members;
	cer_random random;
	double dropout;
} attend_state;

static cer_status
attend_shape(cer_net_builder *builder, cer_node *node, cer_error *err)
{
	(void) builder;
	(void) node;
	(void) err;
	return CER_OK;
}

static double
attend_cost(const cer_net *net, const cer_node *node)
{
	(void) net;
	return 4.0 * (double) (node->n_out * node->n_tokens) *
	       (double) (node->n_first > 0 ? 1 : node->m);
}

/* Places in a tile's scratch: weights, what dropout leaves of them, what
 * kernels need. */
static float *
get_keep(const cer_tile *tile, const attend_state *state)
{
	return tile->scratch + state->n_weights;
}

/* As many tokens as are there; false: none. */
static bool
weigh(const cer_tile *tile, const cer_graph_node *node, size_t row,
      size_t member, cer_attend *attend)
{
	const attend_state *state = node->state;
	size_t at = member * state->attend.n_tokens;

	*attend = state->attend;
	attend->n_tokens = cer_count_there(node, row, state->attend.n_tokens);
	attend->padded = cer_dense_pad(attend->n_tokens);
	if (attend->n_tokens == 0)
		return false;
	attend->qkv = cer_get_data(&node->in, row) + at * node->in.n;
	attend->y = cer_get_data(&node->out, row) + at * node->out.n;
	attend->weights = tile->scratch;
	attend->scratch = tile->scratch + 2 * state->n_weights;
	tile->graph->kernels->attend_weigh(attend);
	return true;
}

/* False: nothing is dropped. */
static bool
find_dropout(const cer_tile *tile, const attend_state *state, size_t row,
             size_t member, cer_dropout *dropout)
{
	const cer_batch *batch = &tile->graph->batch;
	double share = state->dropout * (1.0 - batch->faded);
	uint32_t threshold = (uint32_t) (share * 65536.0 + 0.5);

	if (threshold == 0 || !batch->is_training ||
	    row >= tile->first + tile->n_rows)
		return false;
	*dropout = (cer_dropout){.random = state->random,
	                         .epoch = batch->epoch,
	                         .row_key = tile->graph->row_keys[row] + member,
	                         .threshold = threshold,
	                         .scale = (float) (1.0 / (1.0 - share))};
	return true;
}

static void
attend_forward(const cer_tile *tile, const cer_graph_node *node)
{
	const attend_state *state = node->state;
	const cer_kernels *kernels = tile->graph->kernels;
	cer_attend attend;
	cer_dropout dropout;

	if (node->node->n_inputs > 1)
		memset(cer_get_data(&node->out, tile->first), 0,
		       tile->n_all * cer_get_width(&node->out) * sizeof(float));
	for (size_t row = tile->first; row < tile->first + tile->n_all; row++)
		for (size_t i = 0; i < state->n_members; i++)
		{
			if (!weigh(tile, node, row, i, &attend))
				continue;
			if (find_dropout(tile, state, row, i, &dropout))
				kernels->drop(state->n_weights, &dropout, attend.weights, NULL);
			kernels->attend_sum(&attend);
		}
}

static void
attend_backward(const cer_tile *tile, const cer_graph_node *node)
{
	const attend_state *state = node->state;
	const cer_kernels *kernels = tile->graph->kernels;
	size_t n_tokens = state->attend.n_tokens;
	cer_attend_grads grads;
	cer_dropout dropout;

	if (node->node->n_inputs > 1)
		memset(cer_get_grad(&node->in, tile->first), 0,
		       tile->n_all * cer_get_width(&node->in) * sizeof(float));
	for (size_t row = tile->first; row < tile->first + tile->n_all; row++)
		for (size_t i = 0; i < state->n_members; i++)
		{
			size_t at = i * n_tokens;

			if (!weigh(tile, node, row, i, &grads.of))
				continue;
			grads.keep = NULL;
			if (find_dropout(tile, state, row, i, &dropout))
			{
				grads.keep = get_keep(tile, state);
				kernels->draw_keep(state->n_weights, &dropout,
				                   get_keep(tile, state));
			}
			grads.dy = cer_get_grad(&node->out, row) + at * node->out.n;
			grads.dqkv = cer_get_grad(&node->in, row) + at * node->in.n;
			kernels->attend_grads(&grads);
		}
}

static cer_status
attend_prepare(cer_graph *graph, cer_graph_node *node, cer_error *err)
{
	attend_state *state = cer_graph_make_state(graph, node, sizeof(*state));
	cer_attend *attend;

	if (state == NULL)
		return cer_fail_memory(err, sizeof(*state));
	attend = &state->attend;
	attend->n_tokens = node->node->n_tokens;
	attend->padded = cer_dense_pad(attend->n_tokens);
	attend->n_heads = node->node->count;
	attend->is_first = node->node->n_first > 0;
	attend->n = node->out.n / attend->n_heads;
	attend->scale = (float) (1.0 / sqrt((double) attend->n));
	state->n_members = node->out.m / attend->n_tokens;
	state->n_weights = attend->n_heads * attend->padded *
	                   (attend->is_first ? 1 : attend->n_tokens);
	state->dropout = node->node->dropout;
	cer_random_init(&state->random, graph->seed, node->node->name);
	cer_graph_need_scratch(
		graph,
		2 * state->n_weights +
			CER_ATTEND_SCRATCH(attend->n, attend->n_tokens, attend->padded));
	return CER_OK;
}

const cer_operator cer_op_attend = {
	.name = "attend",
	.shape = attend_shape,
	.cost = attend_cost,
	.prepare = attend_prepare,
	.forward = attend_forward,
	.backward = attend_backward,
};
