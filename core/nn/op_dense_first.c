/*
 * nn/op_dense_first.c
 *	  Products some outputs of which only first vectors need; see the header.
 *
 *	 y (rows, m, n_out):	 first   rest		dx = dy W^T, in order of outputs:
 *		vector 0				x       x			of the first ones into vector 0,
 *		vectors 1 .. m			0       x			then those of the rest added
 */
#include "nn/op_dense_first.h"
#include "base/error.h"

#include <string.h>

cer_status
cer_first_outputs_prepare(cer_graph *graph, const cer_graph_node *node,
                          cer_first_outputs *first, cer_error *err)
{
	size_t m = node->in.m;
	size_t n_in = node->in.n;
	size_t n_out = node->out.n;
	size_t n = node->node->n_first;
	cer_gemm_shape forward = {.n_rows = graph->tile_rows,
	                          .n_columns = n,
	                          .n_inner = n_in,
	                          .a_stride = m * n_in,
	                          .b_stride = n_out,
	                          .c_stride = m * n_out};
	cer_gemm_shape backward = {.n_rows = graph->tile_rows,
	                           .n_columns = n_in,
	                           .n_inner = n,
	                           .a_stride = m * n_out,
	                           .b_stride = n_in,
	                           .c_stride = m * n_in};

	first->n = n;
	CER_TRY(
		graph->make_gemm(graph->kernels, &forward, &first->forward_first, err));
	CER_TRY(graph->make_gemm(graph->kernels, &backward, &first->backward_first,
	                         err));
	forward.n_rows = backward.n_rows = graph->tile_rows * m;
	forward.n_columns = backward.n_inner = n_out - n;
	forward.a_stride = backward.c_stride = n_in;
	forward.c_stride = backward.a_stride = n_out;
	backward.accumulate = true;
	CER_TRY(
		graph->make_gemm(graph->kernels, &forward, &first->forward_rest, err));
	return graph->make_gemm(graph->kernels, &backward, &first->backward_rest,
	                        err);
}

/* Of all vectors of a tile's rows but the first, n of `stride` floats. */
static void
clear_others(const cer_tile *tile, size_t m, size_t n, size_t stride, float *x)
{
	for (size_t row = 0; row < tile->n_all; row++)
		for (size_t i = 1; i < m; i++)
			memset(x + (row * m + i) * stride, 0, n * sizeof(float));
}

void
cer_first_outputs_forward(const cer_tile *tile, const cer_graph_node *node,
                          const cer_first_outputs *first, const float *w)
{
	const float *x = cer_get_data(&node->in, tile->first);
	float *y = cer_get_data(&node->out, tile->first);

	clear_others(tile, node->out.m, first->n, node->out.n, y);
	cer_gemm_run(&first->forward_first, x, w, y);
	cer_gemm_run(&first->forward_rest, x, w + first->n, y + first->n);
}

void
cer_first_outputs_backward(const cer_tile *tile, const cer_graph_node *node,
                           const cer_first_outputs *first, const float *w_t)
{
	const float *dy = cer_get_grad(&node->out, tile->first);
	float *dx = cer_get_grad(&node->in, tile->first);

	clear_others(tile, node->in.m, node->in.n, node->in.n, dx);
	cer_gemm_run(&first->backward_first, dy, w_t, dx);
	cer_gemm_run(&first->backward_rest, dy + first->n,
	             w_t + first->n * node->in.n, dx);
}

cer_status
cer_first_outputs_add_products(cer_graph *graph, const cer_product_blocks *all,
                               void (*run)(const cer_graph *graph,
                                           const cer_graph_node *node,
                                           const cer_block *block),
                               cer_error *err)
{
	cer_product_blocks first = *all;
	cer_product_blocks rest = *all;

	first.run = run;
	first.m = 1;
	first.n_out = all->node->node->n_first;
	first.x_stride = all->m * all->n_in;
	first.dz_stride = all->m * all->n_out;
	first.w_stride = all->n_out;
	rest.column = first.n_out;
	CER_TRY(cer_graph_add_products(graph, &first, err));
	return cer_graph_add_products(graph, &rest, err);
}

void
cer_first_outputs_run_product(const cer_graph *graph,
                              const cer_graph_node *node,
                              const cer_block *block, size_t offset)
{
	cer_activations x = {
		.n = cer_get_width(&node->in), .m = 1, .data = node->in.data};
	cer_activations dy = {
		.n = cer_get_width(&node->out), .m = 1, .grad = node->out.grad};

	cer_graph_run_product(graph, block, offset, &x, &dy);
}
