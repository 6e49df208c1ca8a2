/*
 * store/planes.c
 *	  Floats as planes of bytes, which pack better than floats do.
 *
 * Sign and exponent of weights take few values, low bits of a mantissa any: a
 * general packer sees it when like bytes lie together.  Each float is rotated
 * left by a bit, so that its exponent fills a byte, and its bytes go to four
 * planes, the exponents first:
 *
 *	 exponents | high mantissas | ... | low mantissas and signs
 *
 * Of a change against earlier floats the XOR is split: what stayed is zero.
 */
#include "cerebro.h"

#include <string.h>

#define N_PLANES 4

void
cer_planes_split(size_t n, const float *values, const float *base,
                 uint8_t *planes)
{
	for (size_t i = 0; i < n; i++)
	{
		uint32_t bits;
		uint32_t before = 0;

		memcpy(&bits, values + i, sizeof(bits));
		if (base != NULL)
			memcpy(&before, base + i, sizeof(before));
		bits ^= before;
		bits = bits << 1 | bits >> 31;
		for (size_t plane = 0; plane < N_PLANES; plane++)
			planes[plane * n + i] =
				(uint8_t) (bits >> (8 * (N_PLANES - 1 - plane)));
	}
}

void
cer_planes_join(size_t n, const uint8_t *planes, const float *base,
                float *values)
{
	for (size_t i = 0; i < n; i++)
	{
		uint32_t bits = 0;
		uint32_t before = 0;

		for (size_t plane = 0; plane < N_PLANES; plane++)
			bits = bits << 8 | planes[plane * n + i];
		bits = bits >> 1 | bits << 31;
		if (base != NULL)
			memcpy(&before, base + i, sizeof(before));
		bits ^= before;
		memcpy(values + i, &bits, sizeof(bits));
	}
}
