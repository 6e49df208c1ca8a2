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

typedef uint32_t vec_bits __attribute__((vector_size(64)));

/* Both halves of the 64-bit products a * factor: of even lanes, of odd ones,
 * put together again. */
static inline void
multiply_wide(vec_bits a, uint32_t factor, vec_bits *high, vec_bits *low)
{
	__m512i by = _mm512_set1_epi32((int) factor);
	__m512i even = _mm512_mul_epu32((__m512i) a, by);
	__m512i odd = _mm512_mul_epu32(_mm512_srli_epi64((__m512i) a, 32), by);

	*high = (vec_bits) _mm512_mask_blend_epi32(
		0xaaaa, _mm512_srli_epi64(even, 32), odd);
	*low = (vec_bits) _mm512_mask_blend_epi32(0xaaaa, even,
	                                          _mm512_slli_epi64(odd, 32));
}

#include "nn/kernels.inc"
#endif
