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

/* Rows of x (n_rows, n_in) and of y (n_rows, n_columns); to columns from n_out
 * on nothing is added. */
typedef struct cer_bf16_rows
{
	size_t n_rows;
	bool accumulate;
	const float *x;
	size_t x_stride; /* floats from row to row */
	float *y;
	size_t y_stride;
	size_t n_columns;  /* from n_out to cer_dense_pad(n_out) */
	uint32_t *scratch; /* n_rows * cer_bf16_count_pairs(n_in) */
} cer_bf16_rows;

/* y = [y +] x w. */
extern void cer_bf16_weights_multiply(const cer_bf16_weights *weights,
                                      const cer_bf16_rows *rows);

#endif
