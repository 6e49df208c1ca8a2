/*
 * nn/kernels_plain.c
 *	  Kernels for any processor: the definition.
 */
#include "nn/kernels.h"

#define KERNELS      cer_kernels_plain
#define KERNELS_NAME "plain"
#define VEC_LANES    4
typedef float vec
	__attribute__((vector_size(4 * sizeof(float)), aligned(4), may_alias));
#define VEC_FMA(a, b, c) ((a) * (b) + (c))
#define FMA(a, b, c)     ((a) * (b) + (c))
#define VEC_KEEP(a)      ((void) 0)

typedef uint32_t vec_bits __attribute__((vector_size(16)));

/* Both halves of the 64-bit products a * factor. */
static inline void
multiply_wide(vec_bits a, uint32_t factor, vec_bits *high, vec_bits *low)
{
	for (int i = 0; i < VEC_LANES; i++)
	{
		uint64_t product = (uint64_t) a[i] * factor;

		(*high)[i] = (uint32_t) (product >> 32);
		(*low)[i] = (uint32_t) product;
	}
}

#include "nn/kernels.inc"
