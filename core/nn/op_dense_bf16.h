/*
 * nn/op_dense_bf16.h
 *	  Products of a dense layer with numbers rounded to bf16: weights, what they
 *	  are multiplied with and gradients that come back are rounded, sums and all
 *	  that is kept are floats.
 */
#ifndef CER_NN_OP_DENSE_BF16_H
#define CER_NN_OP_DENSE_BF16_H

#include "nn/operator.h"

typedef struct cer_bf16_dense cer_bf16_dense;

/* Of rows begin .. end of W, columns column .. column + n_columns. */
typedef struct cer_dense_part
{
	size_t begin;
	size_t end;
	size_t column;
	size_t n_columns;
} cer_dense_part;

typedef void (*cer_block_fn)(const cer_graph *graph, const cer_graph_node *node,
                             const cer_block *block);

/* Blocks of W, too, each for cer_bf16_dense_make_grad. */
extern cer_status
cer_bf16_dense_prepare(cer_graph *graph, const cer_graph_node *node,
                       cer_block_fn run, cer_bf16_dense **dense,
                       cer_error *err);
/* After a change of W (n_in, n_out), of which a part is whole chunks. */
extern void
cer_bf16_dense_refresh(const cer_graph *graph, const cer_graph_node *node,
                       const cer_bf16_dense *dense, const float *weights,
                       const cer_dense_part *part);
/* y = x W; in training keeps x for the gradient. */
extern void
cer_bf16_dense_forward(const cer_tile *tile, const cer_bf16_dense *dense,
                       const float *x, float *y);
/* dx = dy W^T; keeps dy. */
extern void
cer_bf16_dense_backward(const cer_tile *tile, const cer_bf16_dense *dense,
                        const float *dy, float *dx);
/* A block of x^T dy into `to` (n_in, n_out). */
extern void
cer_bf16_dense_make_grad(const cer_graph *graph, const cer_bf16_dense *dense,
                         const cer_block *block, float *to);

#endif
