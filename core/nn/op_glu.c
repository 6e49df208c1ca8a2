/*
 * nn/op_glu.c
 *	  A gated pair: y = a f(b) of a vector (a, b) (Dauphin and others 2017,
 *	  Shazeer 2020).  Forward keeps f(b) and f'(b), but of relu, which are made
 *	  again sooner than read.
 */
#include "base/error.h"
#include "nn/operator.h"

#include <string.h>

typedef struct glu_state
{
	const float *zero; /* (n): no bias */
	float *gate;       /* (batch_rows, m, n): f(b), in training; not of relu */
	float *slope;      /* f'(b) */
} glu_state;

static cer_status
glu_shape(cer_net_builder *builder, cer_node *node, cer_error *err)
{
	(void) builder;
	(void) node;
	(void) err;
	return CER_OK;
}

static double
glu_cost(const cer_net *net, const cer_node *node)
{
	(void) net;
	return 4.0 * (double) (node->n_out * node->m);
}

static bool
is_relu(const cer_graph_node *node)
{
	return node->node->activation == CER_RELU;
}

static void
gate_back(const cer_tile *tile, const cer_graph_node *node)
{
	cer_gate_grads gate = {.n_rows = tile->n_all * node->out.m,
	                       .n = node->out.n,
	                       .x = cer_get_data(&node->in, tile->first),
	                       .dy = cer_get_grad(&node->out, tile->first),
	                       .dx = cer_get_grad(&node->in, tile->first)};

	tile->graph->kernels->gate_relu_grads(&gate);
}

static void
glu_forward(const cer_tile *tile, const cer_graph_node *node)
{
	const glu_state *state = node->state;
	const cer_kernels *kernels = tile->graph->kernels;
	bool goes_back = cer_graph_goes_back(tile->graph);
	size_t n = node->out.n;

	if (is_relu(node))
	{
		kernels->gate_relu(tile->n_all * node->out.m, n,
		                   cer_get_data(&node->in, tile->first),
		                   cer_get_data(&node->out, tile->first));
		return;
	}
	for (size_t i = tile->first * node->out.m;
	     i < (tile->first + tile->n_all) * node->out.m; i++)
	{
		const float *x = node->in.data + i * 2 * n;
		float *gate = goes_back ? state->gate + i * n : tile->scratch;

		memcpy(gate, x + n, n * sizeof(float));
		kernels->activate[node->node->activation](
			n, state->zero, gate, goes_back ? state->slope + i * n : NULL);
		kernels->multiply(n, x, gate, node->out.data + i * n);
	}
}

static void
glu_backward(const cer_tile *tile, const cer_graph_node *node)
{
	const glu_state *state = node->state;
	const cer_kernels *kernels = tile->graph->kernels;
	size_t n = node->out.n;

	if (is_relu(node))
	{
		gate_back(tile, node);
		return;
	}
	for (size_t i = tile->first * node->out.m;
	     i < (tile->first + tile->n_all) * node->out.m; i++)
	{
		const float *dy = node->out.grad + i * n;
		float *dx = node->in.grad + i * 2 * n;

		kernels->multiply(n, dy, state->gate + i * n, dx);
		kernels->multiply(n, dy, node->in.data + i * 2 * n, tile->scratch);
		kernels->multiply(n, tile->scratch, state->slope + i * n, dx + n);
	}
}

static cer_status
glu_prepare(cer_graph *graph, cer_graph_node *node, cer_error *err)
{
	glu_state *state = cer_graph_make_state(graph, node, sizeof(*state));
	size_t n = node->out.n;
	size_t n_floats = graph->batch_rows * cer_get_width(&node->out);

	if (state == NULL)
		return cer_fail_memory(err, sizeof(*state));
	if (is_relu(node))
		return CER_OK;
	cer_graph_need_scratch(graph, n);
	state->zero = cer_graph_allocate_floats(graph, n);
	if (!graph->is_scoring)
	{
		state->gate = cer_graph_allocate_floats(graph, n_floats);
		state->slope = cer_graph_allocate_floats(graph, n_floats);
	}
	if (state->zero == NULL ||
	    (!graph->is_scoring && (state->gate == NULL || state->slope == NULL)))
		return cer_fail_memory(err, n_floats * sizeof(float));
	return CER_OK;
}

const cer_operator cer_op_glu = {
	.name = "glu",
	.shape = glu_shape,
	.cost = glu_cost,
	.prepare = glu_prepare,
	.forward = glu_forward,
	.backward = glu_backward,
};
