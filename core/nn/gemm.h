/*
 * nn/gemm.h
 *	  Matrix products of a fixed shape, looked up once and kept.
 */
#ifndef CER_NN_GEMM_H
#define CER_NN_GEMM_H

#include "nn/kernels.h"

/* c (n_rows, n_columns) = [c +] a (n_rows, n_inner) b (n_inner, n_columns) */
typedef struct cer_gemm_shape
{
	size_t n_rows;
	size_t n_columns;
	size_t n_inner;
	size_t a_stride; /* floats from row to row */
	size_t b_stride;
	size_t c_stride;
	bool is_a_transposed; /* a is stored (n_inner, n_rows) */
	bool accumulate;
} cer_gemm_shape;

typedef void (*cer_gemm_kernel)(const float *b, const float *a, float *c);

typedef struct cer_gemm
{
	cer_gemm_kernel kernel; /* NULL: plain loops */
	cer_gemm_shape shape;
} cer_gemm;

typedef cer_status (*cer_gemm_make_fn)(const cer_kernels *kernels,
                                       const cer_gemm_shape *shape,
                                       cer_gemm *gemm, cer_error *err);

/* Plain loops, each element summed in order of the inner index. */
extern cer_status
cer_gemm_make_plain(const cer_kernels *kernels, const cer_gemm_shape *shape,
                    cer_gemm *gemm, cer_error *err);
extern void cer_gemm_run_plain(const cer_gemm *gemm, const float *a,
                               const float *b, float *c);

/*
 * Kernels that libxsmm generates for the class of `kernels`; plain loops for
 * the plain class.  A process stays with the class that it asked for first:
 * libxsmm keeps what it generated.
 *
 * For a process that gives up system calls: call cer_gemm_start_xsmm before
 * (libxsmm looks at its environment and at the processor); later it needs
 * mmap, munmap and mprotect only, with executable pages.
 */
extern cer_status
cer_gemm_make_xsmm(const cer_kernels *kernels, const cer_gemm_shape *shape,
                   cer_gemm *gemm, cer_error *err);
extern void cer_gemm_start_xsmm(void);

static inline void
cer_gemm_run(const cer_gemm *gemm, const float *a, const float *b, float *c)
{
	if (gemm->kernel != NULL)
		gemm->kernel(b, a, c);
	else
		cer_gemm_run_plain(gemm, a, b, c);
}

#endif
