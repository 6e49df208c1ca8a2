/*
 * nn/kernels_avx2.c
 *	  Kernels for x86 processors with AVX2 and fused multiply-add.
 */
#if defined(__x86_64__)
#pragma GCC target("avx2,fma,prefer-vector-width=256")
#include "nn/kernels.h"

#include <immintrin.h>

#define KERNELS      cer_kernels_avx2
#define KERNELS_NAME "avx2"
#define VEC_LANES    8
typedef float vec __attribute__((vector_size(32), aligned(4), may_alias));
#define VEC_FMA(a, b, c) \
	((vec) _mm256_fmadd_ps((__m256) (a), (__m256) (b), (__m256) (c)))
#define FMA(a, b, c) __builtin_fmaf((a), (b), (c))

#include "nn/kernels.inc"
#endif
