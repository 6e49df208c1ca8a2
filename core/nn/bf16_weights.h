/*
 * nn/bf16_weights.h
 *	  Weights of a layer rounded to bf16 once, and what is scored with them.
 */
#ifndef CER_NN_BF16_WEIGHTS_H
#define CER_NN_BF16_WEIGHTS_H

#include "nn/bf16.h"

typedef struct cer_bf16_weights
{
	const cer_bf16 *bf16;
	size_t n_in;
	size_t n_out;
	const uint32_t *packed;
} cer_bf16_weights;

/* Of w (n_in, n_out).  NULL: no memory. */
extern const cer_bf16_weights *
cer_bf16_weights_make(cer_arena *arena, const cer_bf16 *bf16, size_t n_in,
                      size_t n_out, const float *w);

/*
 * Rows of x (n_rows, n_in) and of y (n_rows, n_columns); to columns from n_out
 * on nothing is added.  What comes from a product before may be rounded already
 * (x_pairs), what follows may be done at once (bias, y_pairs: see bf16.h).
 */
typedef struct cer_bf16_rows
{
	size_t n_rows;
	bool accumulate;
	const float *x;
	size_t x_stride;         /* floats from row to row */
	const uint32_t *x_pairs; /* in place of x, or NULL */
	size_t x_pairs_row;      /* words from row to row */
	float *y;
	size_t y_stride;
	const float *bias; /* of a relu that follows, or NULL */
	uint32_t *y_pairs; /* (n_rows, n_columns / 2) in place of y, or NULL */
	size_t n_columns;  /* from n_out to cer_dense_pad(n_out) */
	/* for x, or for which of its pairs are zero: n_rows *
	 * cer_bf16_count_pairs(n_in) */
	uint32_t *scratch;
} cer_bf16_rows;

/* y = [y +] x w. */
extern void cer_bf16_weights_multiply(const cer_bf16_weights *weights,
                                      const cer_bf16_rows *rows);

#endif
