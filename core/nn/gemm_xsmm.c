/*
 * nn/gemm_xsmm.c
 *	  Matrix products by libxsmm's generated kernels.
 *
 * libxsmm counts columns first: its (m, n, k) product of A and B is ours of B
 * and A, transposed.  Only training comes here: what merely scores does not
 * link libxsmm.
 */
#include "base/error.h"
#include "nn/gemm.h"

#include <libxsmm.h>
#include <string.h>

void
cer_gemm_start_xsmm(void)
{
	libxsmm_init();
}

static void
set_target(const cer_kernels *kernels)
{
	libxsmm_init();
	if (strcmp(kernels->name, "avx2") == 0 &&
	    libxsmm_get_target_archid() > LIBXSMM_X86_AVX2)
		libxsmm_set_target_archid(LIBXSMM_X86_AVX2);
}

cer_status
cer_gemm_make_xsmm(const cer_kernels *kernels, const cer_gemm_shape *shape,
                   cer_gemm *gemm, cer_error *err)
{
	libxsmm_blasint lda = (libxsmm_blasint) shape->b_stride;
	libxsmm_blasint ldb = (libxsmm_blasint) shape->a_stride;
	libxsmm_blasint ldc = (libxsmm_blasint) shape->c_stride;
	float alpha = 1.0f;
	float beta = shape->accumulate ? 1.0f : 0.0f;
	int flags = shape->is_a_transposed ? LIBXSMM_GEMM_FLAG_TRANS_B : 0;
	int prefetch = LIBXSMM_GEMM_PREFETCH_NONE;

	if (strcmp(kernels->name, "plain") == 0)
		return cer_gemm_make_plain(kernels, shape, gemm, err);
	set_target(kernels);
	gemm->shape = *shape;
	gemm->kernel = (cer_gemm_kernel) libxsmm_smmdispatch(
		(libxsmm_blasint) shape->n_columns, (libxsmm_blasint) shape->n_rows,
		(libxsmm_blasint) shape->n_inner, &lda, &ldb, &ldc, &alpha, &beta,
		&flags, &prefetch);
	if (gemm->kernel == NULL)
		return cer_fail(err, CER_INTERNAL,
		                "no matrix kernel for %zu x %zu x %zu", shape->n_rows,
		                shape->n_columns, shape->n_inner);
	return CER_OK;
}
