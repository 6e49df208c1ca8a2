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
/* In a register: a load that two operations need is done once. */
#define VEC_KEEP(a) __asm__("" : "+v"(a))

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

/* Writes the places of those of 16 floats that are not zero, returns how many;
 * up to 15 more places are overwritten. */
static inline size_t
list_used(const float *x, uint32_t first, uint32_t *used)
{
	const __m512i lanes =
		_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
	__m512i places = _mm512_add_epi32(lanes, _mm512_set1_epi32((int) first));
	__mmask16 is_used = _mm512_cmp_ps_mask(_mm512_loadu_ps(x),
	                                       _mm512_setzero_ps(), _CMP_NEQ_UQ);

	/* storing what was compressed is faster than compressing to memory */
	_mm512_storeu_si512(used, _mm512_maskz_compress_epi32(is_used, places));
	return (size_t) __builtin_popcount(is_used);
}
#define LIST_LANES 16

/* Bits of those of 16 floats that are not zero. */
static inline uint64_t
mark_used(const float *x)
{
	return _mm512_cmp_ps_mask(_mm512_loadu_ps(x), _mm512_setzero_ps(),
	                          _CMP_NEQ_UQ);
}
#define MARK_LANES 16

/* Those of 16 floats, or of n, that are picked go to *to, which moves on, and
 * up to 16 more are overwritten; returns bits of those that are not zero. */
static inline uint64_t
pick_some(const float *x, size_t n, uint64_t picked, float **to)
{
	__mmask16 lanes = n < 16 ? (__mmask16) ((1u << n) - 1) : 0xffff;
	__mmask16 which = (__mmask16) picked;
	__m512 floats = _mm512_maskz_loadu_ps(lanes, x);

	_mm512_storeu_ps(*to, _mm512_maskz_compress_ps(which, floats));
	*to += __builtin_popcount(which);
	return _mm512_cmp_ps_mask(floats, _mm512_setzero_ps(), _CMP_NEQ_UQ);
}
#define PICK_LANES 16

#include "nn/kernels.inc"
#endif
