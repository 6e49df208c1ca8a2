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
/* In a register: a load that two operations need is done once. */
#define VEC_KEEP(a) __asm__("" : "+v"(a))

typedef uint32_t vec_bits __attribute__((vector_size(32)));

/* Both halves of the 64-bit products a * factor: of even lanes, of odd ones,
 * put together again. */
static inline void
multiply_wide(vec_bits a, uint32_t factor, vec_bits *high, vec_bits *low)
{
	__m256i by = _mm256_set1_epi32((int) factor);
	__m256i even = _mm256_mul_epu32((__m256i) a, by);
	__m256i odd = _mm256_mul_epu32(_mm256_srli_epi64((__m256i) a, 32), by);

	*high =
		(vec_bits) _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xaa);
	*low =
		(vec_bits) _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xaa);
}

/* Bits of those of 8 floats that are not zero. */
static inline uint64_t
mark_used(const float *x)
{
	__m256 is_used =
		_mm256_cmp_ps(_mm256_loadu_ps(x), _mm256_setzero_ps(), _CMP_NEQ_UQ);

	return (uint64_t) _mm256_movemask_ps(is_used);
}
#define MARK_LANES 8

#include "nn/kernels.inc"
#endif
