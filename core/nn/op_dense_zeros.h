/*
 * nn/op_dense_zeros.h
 *	  Products of a dense layer between two relus (or units gated by relu): about
 *	  half of what goes in, and of the gradient that comes back, is zero and is
 *	  left out.
 *
 * A tile with few zeros goes to the product of all places; both make the same
 * bits, so nobody can tell which it was.  (A weight that is not finite may
 * differ: the training ends then.)
 */
#ifndef CER_NN_OP_DENSE_ZEROS_H
#define CER_NN_OP_DENSE_ZEROS_H

#include "nn/operator.h"

/* y (n_rows, n_out) = x (n_rows, n_in) w */
typedef struct cer_zeros_product
{
	size_t n_rows; /* vectors of a tile */
	size_t n_in;
	size_t n_out;
	float *packed;  /* w by chunks, see cer_dense_pack */
	cer_gemm whole; /* all places of a chunk */
	cer_gemm rest;  /* of the last one, if it has fewer columns */
	cer_kernels const *kernels;
} cer_zeros_product;

/* Where a matrix of all vectors of a batch, such as x or dy, is not zero. */
typedef struct cer_zeros_marks
{
	size_t n;         /* columns of the matrix; 0: nobody marks */
	uint64_t *used;   /* by group of CER_SPARSE_PLACES of a tile's vectors, by
	                   * column: which vectors */
	uint32_t *n_used; /* by tile: how many places */
} cer_zeros_marks;

/* The gradient of w leaves out zeros of that which has more of them. */
typedef struct cer_zeros_grads
{
	cer_zeros_marks x;
	cer_zeros_marks dy;
} cer_zeros_grads;

/* Whether relu makes what the node takes, and takes what it makes, if only
 * what keeps zeros lies between. */
extern bool cer_zeros_go_in(const cer_graph *graph, const cer_graph_node *node);
extern bool
cer_zeros_come_back(const cer_graph *graph, const cer_graph_node *node);
/* Whether a tile has vectors for a group, as gradients want. */
extern bool
cer_zeros_has_groups(const cer_graph *graph, const cer_graph_node *node);

extern cer_status
cer_zeros_prepare(cer_graph *graph, cer_zeros_product *product, cer_error *err);
/* Of x (tile's vectors, n_in); marks, unless NULL, keep its zeros. */
extern void
cer_zeros_run(const cer_tile *tile, const cer_zeros_product *product,
              const cer_zeros_marks *marks, const float *x, float *y);

/* Of a matrix of a node's vectors that has n columns. */
extern cer_status
cer_zeros_prepare_marks(cer_graph *graph, const cer_graph_node *node, size_t n,
                        cer_zeros_marks *marks, cer_error *err);
/* Blocks of w as of cer_graph_add_products, each for cer_zeros_make_grad. */
extern cer_status
cer_zeros_add_products(cer_graph *graph, cer_product_blocks *all,
                       cer_error *err);
extern void
cer_zeros_make_grad(const cer_graph *graph, const cer_graph_node *node,
                    const cer_block *block, const cer_zeros_grads *grads,
                    float *to);

#endif
