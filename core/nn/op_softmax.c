/*
 * nn/op_softmax.c
 *	  Softmax and cross-entropy: logits to probabilities in place; in training
 *	  also the loss, and its gradient (p - label) / rows of the batch.
 */
#include "nn/operator.h"

#include <string.h>

static cer_status
softmax_shape(cer_net_builder *builder, cer_node *node, cer_error *err)
{
	(void) builder;
	(void) node;
	(void) err;
	return CER_OK;
}

static double
softmax_cost(const cer_net *net, const cer_node *node)
{
	(void) net;
	return 10.0 * (double) node->n_out;
}

static cer_status
softmax_prepare(cer_graph *graph, cer_graph_node *node, cer_error *err)
{
	(void) graph;
	(void) node;
	(void) err;
	return CER_OK;
}

static void
softmax_forward(const cer_tile *tile, const cer_graph_node *node)
{
	const cer_graph *graph = tile->graph;
	cer_softmax softmax = {
		.n_rows = tile->n_rows,
		.n_classes = node->out.n,
		.logits = node->out.data + tile->first * node->out.n,
	};

	if (!graph->batch.is_training)
		graph->kernels->softmax(&softmax);
}

static void
softmax_backward(const cer_tile *tile, const cer_graph_node *node)
{
	const cer_batch *batch = &tile->graph->batch;
	size_t n = node->out.n;
	size_t tile_rows = tile->graph->tile_rows;
	float *grad = node->out.grad + tile->first * n;
	cer_softmax softmax = {
		.n_rows = tile->n_rows,
		.n_classes = n,
		.logits = grad,
		.labels = tile->graph->labels + tile->first,
		.scale = (float) (1.0 / (double) batch->n_rows),
	};

	memcpy(grad, node->out.data + tile->first * n,
	       tile->n_rows * n * sizeof(float));
	memset(grad + tile->n_rows * n, 0,
	       (tile_rows - tile->n_rows) * n * sizeof(float));
	tile->graph->kernels->softmax(&softmax);
	*tile->loss = softmax.loss;
}

const cer_operator cer_op_softmax = {
	.name = "softmax",
	.shape = softmax_shape,
	.cost = softmax_cost,
	.prepare = softmax_prepare,
	.forward = softmax_forward,
	.backward = softmax_backward,
};
