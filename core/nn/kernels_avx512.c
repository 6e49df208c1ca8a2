/*
 * nn/kernels_avx512.c
 *	  Kernels for x86 processors with AVX-512 (F, BW, DQ, VL).
 */
#if defined(__x86_64__)
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")
#pragma GCC target("prefer-vector-width=512")
#include "nn/kernels.h"

#include <immintrin.h>

#define KERNELS      cer_kernels_avx512
#define KERNELS_NAME "avx512"
#define VEC_LANES    16
typedef float vec __attribute__((vector_size(64), aligned(4), may_alias));
#define VEC_FMA(a, b, c) \
	((vec) _mm512_fmadd_ps((__m512) (a), (__m512) (b), (__m512) (c)))
#define FMA(a, b, c) __builtin_fmaf((a), (b), (c))

#include "nn/kernels.inc"
#endif
