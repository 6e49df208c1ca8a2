/*
 * nn/op_dense_source.h
 *	  A dense layer right over what is linear in the encoded row, a first layer
 *	  without activation or tokens: no product has as many rows as the batch.
 *
 *	 forward	(s A + b) W			= s (A W) + b W
 *	 gradient	(s A + b)^T dy		= A^T (s^T dy) + b^T (sum of dy)
 *				s^T (dy W^T)		= (s^T dy) W^T
 *
 * s is the encoded row: numbers and codes.  A W and s^T dy are what the
 * source's operator makes, as if W's outputs were its own.
 */
#ifndef CER_NN_OP_DENSE_SOURCE_H
#define CER_NN_OP_DENSE_SOURCE_H

#include "nn/operator.h"

typedef struct cer_dense_source cer_dense_source;

/* Whether the node is such a layer, and has more rows in a batch than A; its
 * input gets no gradient then.  With mixup none is: what it takes is a mix. */
extern bool
cer_dense_has_source(const cer_graph *graph, const cer_graph_node *node);
/* W is (n_in, n_out) at offset, weights_t its transpose. */
extern cer_status
cer_dense_source_prepare(cer_graph *graph, const cer_graph_node *node,
                         const float *weights_t, cer_dense_source **source,
                         cer_error *err);
/* A W, of the weights as they are now. */
extern void
cer_dense_source_begin(const cer_graph *graph, const cer_graph_node *node,
                       cer_dense_source *source);
extern void
cer_dense_source_forward(const cer_tile *tile, const cer_graph_node *node,
                         const cer_dense_source *source);
extern void
cer_dense_source_backward(const cer_tile *tile, const cer_graph_node *node,
                          const cer_dense_source *source);
/* The gradient of W, and what the source's weights have of theirs from here. */
extern void
cer_dense_source_end(const cer_graph *graph, const cer_graph_node *node,
                     cer_dense_source *source);

#endif
