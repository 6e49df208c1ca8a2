/*
 * nn/zeros.h
 *	  Products of rows behind a relu: about half of what goes in is zero and is
 *	  left out.
 *
 * Rows with few zeros are better off with the product of all places; both make
 * the same bits, so nobody can tell which it was.  (A weight that is not finite
 * may differ.)
 */
#ifndef CER_NN_ZEROS_H
#define CER_NN_ZEROS_H

#include "nn/kernels.h"

/* Narrower products spend on finding zeros what they save. */
#define CER_ZEROS_MIN_WIDTH 64
/* With a larger share of places that are not zero all are multiplied. */
#define CER_ZEROS_MOST_PERCENT 65

/* Blocks of CER_SPARSE_PLACES of a row of n_in. */
extern size_t cer_zeros_count_blocks(size_t n_in);
/* used (blocks, n_rows): which places of x are not zero; returns how many. */
extern size_t cer_zeros_find(const cer_kernels *kernels, const cer_dense *dense,
                             uint64_t *used);
/* Whether leaving out the others saves time. */
extern bool cer_zeros_are_worth(size_t n_used, size_t n_places);
/* The product of the places that are used; `accumulate` and scratch are not
 * looked at. */
extern void cer_zeros_multiply(const cer_kernels *kernels,
                               const cer_dense *dense, const uint64_t *used);

#endif
