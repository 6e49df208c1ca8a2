/*
 * nn/op_combine.c
 *	  Operators without weights that put several inputs together, or take a
 *	  part of one.
 *
 *	 sum		y = a + b + ...
 *	 concat		vectors side by side
 *	 slice		floats begin .. begin + n_out of each vector
 *	 product	y = a b
 *	 cross		y = x0 t + x, of (x0, t, x)
 *	 blend		y = (1 - z) h + z c, of (z, h, c)
 *	 factor		y = factor x, in place
 */
#include "base/error.h"
#include "nn/operator.h"

#include <string.h>

cer_status
cer_op_no_tensors(cer_net_builder *builder, cer_node *node, cer_error *err)
{
	(void) builder;
	(void) node;
	(void) err;
	return CER_OK;
}

cer_status
cer_op_prepare_nothing(cer_graph *graph, cer_graph_node *node, cer_error *err)
{
	(void) graph;
	(void) node;
	(void) err;
	return CER_OK;
}

static double
combine_cost(const cer_net *net, const cer_node *node)
{
	(void) net;
	return (double) (node->n_inputs * node->n_out * node->m);
}

/* Floats of a tile's rows. */
static size_t
count_floats(const cer_tile *tile, const cer_graph_node *node)
{
	return tile->n_all * cer_get_width(&node->out);
}

static float *
data_of(const cer_tile *tile, const cer_activations *a)
{
	return cer_get_data(a, tile->first);
}

static float *
grad_of(const cer_tile *tile, const cer_activations *a)
{
	return cer_get_grad(a, tile->first);
}

/* ------------------------------------------------------------ sum */

static void
sum_forward(const cer_tile *tile, const cer_graph_node *node)
{
	size_t n = count_floats(tile, node);
	float *y = data_of(tile, &node->out);

	if (node->node->n_inputs == 1)
	{
		memcpy(y, data_of(tile, &node->ins[0]), n * sizeof(float));
		return;
	}
	tile->graph->kernels->add(n, data_of(tile, &node->ins[0]),
	                          data_of(tile, &node->ins[1]), y);
	for (size_t i = 2; i < node->node->n_inputs; i++)
		tile->graph->kernels->backward_linear(n, data_of(tile, &node->ins[i]),
		                                      y);
}

static void
sum_backward(const cer_tile *tile, const cer_graph_node *node)
{
	for (size_t i = 0; i < node->node->n_inputs; i++)
		cer_graph_pass_grad(tile, node, i);
}

const cer_operator cer_op_sum = {
	.name = "sum",
	.shape = cer_op_no_tensors,
	.cost = combine_cost,
	.prepare = cer_op_prepare_nothing,
	.forward = sum_forward,
	.backward = sum_backward,
	.n_passed = SIZE_MAX,
};

/* ------------------------------------------------------------ concat */

typedef struct piece
{
	size_t n; /* floats */
	size_t from_stride;
	size_t to_stride;
} piece;

static void
copy_pieces(size_t n_vectors, piece p, const float *from, float *to)
{
	for (size_t i = 0; i < n_vectors; i++)
		memcpy(to + i * p.to_stride, from + i * p.from_stride,
		       p.n * sizeof(float));
}

static void
concat_forward(const cer_tile *tile, const cer_graph_node *node)
{
	float *y = data_of(tile, &node->out);

	for (size_t i = 0; i < node->node->n_inputs; i++)
	{
		size_t n = node->ins[i].n;

		copy_pieces(tile->n_all * node->out.m, (piece){n, n, node->out.n},
		            data_of(tile, &node->ins[i]), y);
		y += n;
	}
}

static void
concat_backward(const cer_tile *tile, const cer_graph_node *node)
{
	const float *dy = grad_of(tile, &node->out);

	for (size_t i = 0; i < node->node->n_inputs; i++)
	{
		size_t n = node->ins[i].n;

		copy_pieces(tile->n_all * node->out.m, (piece){n, node->out.n, n}, dy,
		            grad_of(tile, &node->ins[i]));
		dy += n;
	}
}

const cer_operator cer_op_concat = {
	.name = "concat",
	.shape = cer_op_no_tensors,
	.cost = combine_cost,
	.prepare = cer_op_prepare_nothing,
	.forward = concat_forward,
	.backward = concat_backward,
};

/* ------------------------------------------------------------ slice */

static void
slice_forward(const cer_tile *tile, const cer_graph_node *node)
{
	copy_pieces(tile->n_all * node->out.m,
	            (piece){node->out.n, node->in.n, node->out.n},
	            data_of(tile, &node->in) + node->node->begin,
	            data_of(tile, &node->out));
}

static void
slice_backward(const cer_tile *tile, const cer_graph_node *node)
{
	float *dx = grad_of(tile, &node->in);

	memset(dx, 0, tile->n_all * cer_get_width(&node->in) * sizeof(float));
	copy_pieces(tile->n_all * node->out.m,
	            (piece){node->out.n, node->out.n, node->in.n},
	            grad_of(tile, &node->out), dx + node->node->begin);
}

const cer_operator cer_op_slice = {
	.name = "slice",
	.shape = cer_op_no_tensors,
	.cost = combine_cost,
	.prepare = cer_op_prepare_nothing,
	.forward = slice_forward,
	.backward = slice_backward,
};

/* ------------------------------------------------------------ product */

static void
product_forward(const cer_tile *tile, const cer_graph_node *node)
{
	tile->graph->kernels->multiply(
		count_floats(tile, node), data_of(tile, &node->ins[0]),
		data_of(tile, &node->ins[1]), data_of(tile, &node->out));
}

static void
product_backward(const cer_tile *tile, const cer_graph_node *node)
{
	const float *dy = grad_of(tile, &node->out);

	for (size_t i = 0; i < 2; i++)
		tile->graph->kernels->multiply(count_floats(tile, node),
		                               data_of(tile, &node->ins[1 - i]), dy,
		                               grad_of(tile, &node->ins[i]));
}

const cer_operator cer_op_product = {
	.name = "product",
	.shape = cer_op_no_tensors,
	.cost = combine_cost,
	.prepare = cer_op_prepare_nothing,
	.forward = product_forward,
	.backward = product_backward,
};

/* ------------------------------------------------------------ cross */

static void
cross_forward(const cer_tile *tile, const cer_graph_node *node)
{
	cer_cross_layer cross = {.n = count_floats(tile, node),
	                         .x0 = data_of(tile, &node->ins[0]),
	                         .t = data_of(tile, &node->ins[1]),
	                         .x = data_of(tile, &node->ins[2]),
	                         .y = data_of(tile, &node->out)};

	tile->graph->kernels->cross(&cross);
}

static void
cross_backward(const cer_tile *tile, const cer_graph_node *node)
{
	cer_cross_layer_grads cross = {.n = count_floats(tile, node),
	                               .x0 = data_of(tile, &node->ins[0]),
	                               .t = data_of(tile, &node->ins[1]),
	                               .dy = grad_of(tile, &node->out),
	                               .dx0 = grad_of(tile, &node->ins[0]),
	                               .dt = grad_of(tile, &node->ins[1])};

	tile->graph->kernels->cross_grads(&cross);
	cer_graph_pass_grad(tile, node, 2);
}

const cer_operator cer_op_cross = {
	.name = "cross",
	.shape = cer_op_no_tensors,
	.cost = combine_cost,
	.prepare = cer_op_prepare_nothing,
	.forward = cross_forward,
	.backward = cross_backward,
	.n_passed = 1,
};

/* ------------------------------------------------------------ blend */

static void
blend_forward(const cer_tile *tile, const cer_graph_node *node)
{
	size_t n = count_floats(tile, node);
	const float *z = data_of(tile, &node->ins[0]);
	const float *h = data_of(tile, &node->ins[1]);
	const float *c = data_of(tile, &node->ins[2]);
	float *y = data_of(tile, &node->out);

	for (size_t i = 0; i < n; i++)
		y[i] = h[i] + z[i] * (c[i] - h[i]);
}

static void
blend_backward(const cer_tile *tile, const cer_graph_node *node)
{
	size_t n = count_floats(tile, node);
	const float *z = data_of(tile, &node->ins[0]);
	const float *h = data_of(tile, &node->ins[1]);
	const float *c = data_of(tile, &node->ins[2]);
	const float *dy = grad_of(tile, &node->out);
	float *dz = grad_of(tile, &node->ins[0]);
	float *dh = grad_of(tile, &node->ins[1]);
	float *dc = grad_of(tile, &node->ins[2]);

	for (size_t i = 0; i < n; i++)
	{
		dz[i] = dy[i] * (c[i] - h[i]);
		dh[i] = dy[i] * (1.0f - z[i]);
		dc[i] = dy[i] * z[i];
	}
}

const cer_operator cer_op_blend = {
	.name = "blend",
	.shape = cer_op_no_tensors,
	.cost = combine_cost,
	.prepare = cer_op_prepare_nothing,
	.forward = blend_forward,
	.backward = blend_backward,
};

/* ------------------------------------------------------------ factor */

static void
multiply_by(const cer_tile *tile, const cer_graph_node *node, float *x)
{
	tile->graph->kernels->multiply_all(count_floats(tile, node),
	                                   (float) node->node->factor, x, x);
}

static void
factor_forward(const cer_tile *tile, const cer_graph_node *node)
{
	multiply_by(tile, node, data_of(tile, &node->out));
}

static void
factor_backward(const cer_tile *tile, const cer_graph_node *node)
{
	multiply_by(tile, node, grad_of(tile, &node->out));
}

const cer_operator cer_op_factor = {
	.name = "factor",
	.shape = cer_op_no_tensors,
	.cost = combine_cost,
	.prepare = cer_op_prepare_nothing,
	.forward = factor_forward,
	.backward = factor_backward,
};
