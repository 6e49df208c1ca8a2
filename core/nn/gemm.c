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

void
cer_gemm_run_plain(const cer_gemm *gemm, const float *a, const float *b,
                   float *c)
{
	const cer_gemm_shape *s = &gemm->shape;
	size_t a_row = s->is_a_transposed ? 1 : s->a_stride;
	size_t a_inner = s->is_a_transposed ? s->a_stride : 1;

	for (size_t row = 0; row < s->n_rows; row++, c += s->c_stride)
	{
		if (!s->accumulate)
			memset(c, 0, s->n_columns * sizeof(float));
		for (size_t i = 0; i < s->n_inner; i++)
		{
			float factor = a[row * a_row + i * a_inner];
			const float *from = b + i * s->b_stride;

			for (size_t j = 0; j < s->n_columns; j++)
				c[j] += factor * from[j];
		}
	}
}
