/*
 * nn/gemm.c
 *	  Matrix products as plain loops: the definition.
 */
#include "nn/gemm.h"

#include <string.h>

cer_status
cer_gemm_make_plain(const cer_kernels *kernels, const cer_gemm_shape *shape,
                    cer_gemm *gemm, cer_error *err)
{
	(void) kernels;
	(void) err;
	gemm->kernel = NULL;
	gemm->shape = *shape;
	return CER_OK;
}

/* A tile whose sums stay in registers: each is still made in the same order. */
#define TILE_ROWS  4
#define TILE_QUADS 2
#define TILE       (4 * TILE_QUADS)

typedef float quad
	__attribute__((vector_size(4 * sizeof(float)), aligned(4), may_alias));

/* Floats from element to element of a, along a row of c and along the sum. */
typedef struct strides
{
	size_t row;
	size_t inner;
} strides;

static inline void
multiply_tile(const cer_gemm_shape *s, strides along, const float *a,
              const float *b, float *c)
{
	quad sum[TILE_ROWS][TILE_QUADS];

	for (size_t row = 0; row < TILE_ROWS; row++)
		for (size_t j = 0; j < TILE_QUADS; j++)
			sum[row][j] = s->accumulate
			                  ? *(const quad *) (c + row * s->c_stride + 4 * j)
			                  : (quad){0};
	for (size_t i = 0; i < s->n_inner; i++, b += s->b_stride)
		for (size_t row = 0; row < TILE_ROWS; row++)
			for (size_t j = 0; j < TILE_QUADS; j++)
				sum[row][j] += a[row * along.row + i * along.inner] *
				               *(const quad *) (b + 4 * j);
	for (size_t row = 0; row < TILE_ROWS; row++)
		for (size_t j = 0; j < TILE_QUADS; j++)
			*(quad *) (c + row * s->c_stride + 4 * j) = sum[row][j];
}

static void
multiply_row(const cer_gemm_shape *s, strides along, const float *a,
             const float *b, float *c, size_t first)
{
	for (size_t column = first; column < s->n_columns; column++)
	{
		float sum = s->accumulate ? c[column] : 0.0f;

		for (size_t i = 0; i < s->n_inner; i++)
			sum += a[i * along.inner] * b[i * s->b_stride + column];
		c[column] = sum;
	}
}

void
cer_gemm_run_plain(const cer_gemm *gemm, const float *a, const float *b,
                   float *c)
{
	const cer_gemm_shape *s = &gemm->shape;
	strides along = {.row = s->is_a_transposed ? 1 : s->a_stride,
	                 .inner = s->is_a_transposed ? s->a_stride : 1};
	size_t n_tiled = s->n_rows / TILE_ROWS * TILE_ROWS;

	for (size_t row = 0; row < s->n_rows; row++)
	{
		const float *from = a + row * along.row;
		float *to = c + row * s->c_stride;
		size_t column = 0;

		if (row < n_tiled && row % TILE_ROWS == 0)
			for (; column + TILE <= s->n_columns; column += TILE)
				multiply_tile(s, along, from, b + column, to + column);
		if (row < n_tiled)
			column = s->n_columns / TILE * TILE;
		multiply_row(s, along, from, b, to, column);
	}
}
