/*
 * nn/bf16.h
 *	  Matrix products of numbers rounded to bf16, the upper half of a float,
 *	  summed as floats: twice as many a second where the processor has them.
 *
 * Numbers lie in pairs of places that are summed, the even place in the lower
 * half of a word.  A sum takes the odd place of a pair, then the even one, each
 * time rounded to a float; a product of two bf16 is exact.  So does the
 * processor's instruction, and the bits of all classes are the same.
 *
 * Numbers are rounded to the nearest, ties to even; denormal ones are zero.
 */
#ifndef CER_NN_BF16_H
#define CER_NN_BF16_H

#include "nn/kernels.h"

/* Columns of a matrix of pairs lie in chunks of CER_DENSE_CHUNK, one after the
 * other, each with all of its pairs; the last one is filled up to whole lanes
 * with zeros. */
typedef struct cer_bf16_pack
{
	size_t n_rows; /* those of a pair, and so on; the last may be alone */
	size_t n_columns;
	const float *from;
	size_t stride; /* floats from row to row */
	uint32_t *to;  /* (n_pairs, n_columns) by chunks */
	size_t first;  /* pair of `to`, that the first two rows become */
	size_t n_pairs;
} cer_bf16_pack;

/*
 * y (n_rows, n_columns) = [y +] x w, of one chunk of w.  With a bias what
 * follows is done before sums leave the registers: relu(y + bias), and where it
 * goes to the next product rounded goes to `pairs` in place of y; then n_columns
 * are whole lanes.
 */
typedef struct cer_bf16_product
{
	size_t n_rows;
	size_t n_pairs;
	size_t n_columns; /* at most CER_DENSE_CHUNK */
	bool accumulate;
	const uint32_t *x; /* (n_rows, n_pairs) */
	size_t x_row;      /* words from row to row */
	size_t x_pair;     /* from pair to pair */
	const uint32_t *w; /* (n_pairs, cer_dense_pad(n_columns)) */
	float *y;
	size_t y_stride;
	const float *bias;    /* (n_columns), or NULL */
	uint32_t *pairs;      /* of a row's columns, or NULL */
	size_t pairs_row;     /* words from row to row */
	const uint32_t *used; /* pairs of x that are not zero, or NULL: all */
} cer_bf16_product;

typedef struct cer_bf16
{
	const char *name; /* the kernel class of what is trained with it */

	/* to (n_rows, pairs of a row) gets x (n_rows, n), an odd last place with a
	 * zero */
	void (*round)(size_t n_rows, size_t n, const float *x, size_t stride,
	              uint32_t *to);
	/* to (n_rows, n / 2) gets relu(x + bias) of x (n_rows, n), n whole lanes */
	void (*round_relu)(size_t n_rows, size_t n, const float *bias,
	                   const float *x, uint32_t *to);
	void (*pack)(const cer_bf16_pack *pack);
	void (*multiply)(const cer_bf16_product *product);
	/* For products of x with several chunks: used (cer_bf16_count_used words)
	 * gets the pairs that are not zero in all of a few rows.
	 * False: there are too few zeros, or the class has no use for them.  No
	 * bit depends on it, if weights are finite. */
	bool (*find_used)(const cer_bf16_product *product, uint32_t *used);
} cer_bf16;

extern const cer_bf16 cer_bf16_plain; /* the definition */

/* Beside the kernels of a class; an error where the processor lacks them. */
extern cer_status cer_bf16_choose(const cer_kernels *kernels,
                                  const cer_bf16 **bf16, cer_error *err);

/* For scoring: where the processor lacks them the plain ones, of the same bits.
 */
extern const cer_bf16 *cer_bf16_find(const cer_kernels *kernels);

static inline size_t
cer_bf16_count_pairs(size_t n)
{
	return (n + 1) / 2;
}

/* Rows that leave the same pairs out: of fewer more are zero, of more weights
 * are read more seldom. */
#define CER_BF16_ROWS ((size_t) 4)

/* Of such rows: how many pairs, which, and a vector that is written behind. */
static inline size_t
cer_bf16_get_used_stride(size_t n_pairs)
{
	return 1 + n_pairs + CER_DENSE_LANES;
}

static inline size_t
cer_bf16_count_used(size_t n_rows, size_t n_pairs)
{
	return n_rows / CER_BF16_ROWS * cer_bf16_get_used_stride(n_pairs);
}

#endif
