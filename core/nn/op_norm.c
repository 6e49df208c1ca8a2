/*
 * nn/op_norm.c
 *	  Layer normalisation (Ba, Kiros, Hinton 2016) of each vector of a row.
 */
#include "base/error.h"
#include "nn/operator.h"

typedef struct norm_state
{
	size_t repeats; /* vectors of a row that share gains: tokens */
	cer_sums gain;
	cer_sums bias;
	float *kept; /* (batch_rows, m, 2): mean, 1 / deviation */
} norm_state;

static cer_status
norm_shape(cer_net_builder *builder, cer_node *node, cer_error *err)
{
	return cer_net_add_gain(builder, node, node->count, err);
}

static double
norm_cost(const cer_net *net, const cer_node *node)
{
	(void) net;
	return 8.0 * (double) (node->n_out * node->m);
}

/* Of vector i of all rows. */
static inline size_t
find_gain(const cer_graph_node *node, size_t i)
{
	const norm_state *state = node->state;

	return i % node->out.m / state->repeats * node->out.n;
}

static void
norm_forward(const cer_tile *tile, const cer_graph_node *node)
{
	const norm_state *state = node->state;
	const cer_graph *graph = tile->graph;
	size_t n = node->out.n;
	float kept[2];
	cer_normalize norm = {.n = n, .kept = kept};

	for (size_t i = tile->first * node->out.m;
	     i < (tile->first + tile->n_all) * node->out.m; i++)
	{
		size_t at = find_gain(node, i);

		norm.gain = graph->weights + state->gain.offset + at;
		norm.bias = graph->weights + state->bias.offset + at;
		norm.x = node->in.data + i * n;
		norm.y = node->out.data + i * n;
		if (state->kept != NULL)
			norm.kept = state->kept + 2 * i;
		graph->kernels->normalize(&norm);
	}
}

static void
norm_backward(const cer_tile *tile, const cer_graph_node *node)
{
	const norm_state *state = node->state;
	const cer_graph *graph = tile->graph;
	size_t n = node->out.n;
	float *dgain = cer_sums_begin(&state->gain, tile);
	float *dbias = cer_sums_begin(&state->bias, tile);
	cer_normalize_grads norm = {.n = n};

	for (size_t i = tile->first * node->out.m;
	     i < (tile->first + tile->n_all) * node->out.m; i++)
	{
		size_t at = find_gain(node, i);

		norm.gain = graph->weights + state->gain.offset + at;
		norm.dgain = dgain + at;
		norm.dbias = dbias + at;
		norm.x = node->in.data + i * n;
		norm.kept = state->kept + 2 * i;
		norm.dy = node->out.grad + i * n;
		norm.dx = node->in.grad + i * n;
		graph->kernels->normalize_grads(&norm);
	}
}

static cer_status
norm_prepare(cer_graph *graph, cer_graph_node *node, cer_error *err)
{
	norm_state *state = cer_graph_make_state(graph, node, sizeof(*state));
	size_t members = node->node->count > 0 ? node->node->count : 1;
	size_t n_kept = 2 * graph->batch_rows * node->out.m;

	if (state == NULL)
		return cer_fail_memory(err, sizeof(*state));
	state->repeats = node->out.m / members;
	state->gain = (cer_sums){cer_node_get_tensor(graph, node, 0)->offset,
	                         members * node->out.n, NULL};
	state->bias = (cer_sums){cer_node_get_tensor(graph, node, 1)->offset,
	                         members * node->out.n, NULL};
	if (graph->is_scoring)
		return CER_OK;
	state->kept = cer_graph_allocate_floats(graph, n_kept);
	if (state->kept == NULL)
		return cer_fail_memory(err, n_kept * sizeof(float));
	CER_TRY(cer_graph_add_sums(graph, node, &state->gain, err));
	return cer_graph_add_sums(graph, node, &state->bias, err);
}

const cer_operator cer_op_norm = {
	.name = "norm",
	.shape = norm_shape,
	.cost = norm_cost,
	.prepare = norm_prepare,
	.forward = norm_forward,
	.backward = norm_backward,
};
