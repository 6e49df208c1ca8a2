/*
 * nn/op_dense_first.h
 *	  Products of a dense layer some outputs of which only the first vector of a
 *	  row needs, as queries of the attention that ends a transformer: those of
 *	  other vectors are left out, and are 0.
 *
 * What is left out would be multiplied by a gradient that is 0, so all that
 * comes of the others has the bits that it has with them.
 */
#ifndef CER_NN_OP_DENSE_FIRST_H
#define CER_NN_OP_DENSE_FIRST_H

#include "nn/operator.h"

typedef struct cer_first_outputs
{
	size_t n; /* of so many outputs, the first; 0: of none */
	/* y = x W of these outputs, then of the rest */
	cer_gemm forward_first;
	cer_gemm forward_rest;
	/* dx = dy W^T likewise */
	cer_gemm backward_first;
	cer_gemm backward_rest;
} cer_first_outputs;

extern cer_status
cer_first_outputs_prepare(cer_graph *graph, const cer_graph_node *node,
                          cer_first_outputs *first, cer_error *err);
/* w is (n_in, n_out), w_t its transpose. */
extern void
cer_first_outputs_forward(const cer_tile *tile, const cer_graph_node *node,
                          const cer_first_outputs *first, const float *w);
extern void
cer_first_outputs_backward(const cer_tile *tile, const cer_graph_node *node,
                           const cer_first_outputs *first, const float *w_t);
/* Blocks of W: `run` for those of the first outputs, of which
 * cer_first_outputs_run_product makes the gradient, all->run for the rest. */
extern cer_status
cer_first_outputs_add_products(cer_graph *graph, const cer_product_blocks *all,
                               void (*run)(const cer_graph *graph,
                                           const cer_graph_node *node,
                                           const cer_block *block),
                               cer_error *err);
extern void
cer_first_outputs_run_product(const cer_graph *graph,
                              const cer_graph_node *node,
                              const cer_block *block, size_t offset);

#endif
