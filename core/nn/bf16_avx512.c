/*
 * nn/bf16_avx512.c
 *	  Products of bf16 numbers for x86 processors with AVX-512 BF16: the bits of
 *	  bf16.c.
 */
#if defined(__x86_64__)
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")
#pragma GCC target("prefer-vector-width=512")
#include "nn/bf16.h"

#include <immintrin.h>

#define LANES     CER_DENSE_LANES
#define TILE_ROWS 6  /* multiplied together */
#define MIN_PAIRS 32 /* of which it is worth finding those that are zero */
#define FEW_ZEROS 64 /* one of so many places is not worth a list */
#define INLINE    static inline __attribute__((always_inline))

extern const cer_bf16 cer_bf16_avx512;

INLINE __mmask16
mask_of(size_t n)
{
	return n >= LANES ? (__mmask16) 0xffff : (__mmask16) ((1u << n) - 1);
}

/* Of the first n of 16 floats; the others become zero. */
INLINE __m512i
round_lanes(const float *x, size_t n)
{
	__m256bh rounded = _mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(mask_of(n), x));

	return _mm512_cvtepu16_epi32((__m256i) rounded);
}

static void
round_rows(size_t n_rows, size_t n, const float *x, size_t stride, uint32_t *to)
{
	for (size_t row = 0; row < n_rows; row++, x += stride)
	{
		for (size_t i = 0; i < n; i += LANES)
		{
			size_t left = n - i < LANES ? n - i : LANES;
			__m256bh rounded =
				_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(mask_of(left), x + i));

			_mm256_mask_storeu_epi32(to + i / 2,
			                         (__mmask8) mask_of((left + 1) / 2),
			                         (__m256i) rounded);
		}
		to += cer_bf16_count_pairs(n);
	}
}

/* As relu of the kernels: what is not a number stays. */
INLINE __m512
relu(__m512 x, const float *bias)
{
	return _mm512_max_ps(_mm512_setzero_ps(),
	                     _mm512_add_ps(x, _mm512_loadu_ps(bias)));
}

INLINE void
store_pairs(__m512 x, uint32_t *to)
{
	_mm256_storeu_si256((__m256i *) (void *) to,
	                    (__m256i) _mm512_cvtneps_pbh(x));
}

static void
round_relu(size_t n_rows, size_t n, const float *bias, const float *x,
           uint32_t *to)
{
	for (size_t row = 0; row < n_rows; row++, x += n, to += n / 2)
		for (size_t i = 0; i < n; i += LANES)
			store_pairs(relu(_mm512_loadu_ps(x + i), bias + i), to + i / 2);
}

INLINE __m512i
pair_lanes(const cer_bf16_pack *p, size_t row, size_t column, size_t n)
{
	const float *x = p->from + row * p->stride + column;
	__m512i even = round_lanes(x, n);

	if (row + 1 == p->n_rows)
		return even;
	return _mm512_or_si512(
		even, _mm512_slli_epi32(round_lanes(x + p->stride, n), 16));
}

static void
pack_rows(const cer_bf16_pack *p)
{
	for (size_t chunk = 0; chunk < p->n_columns; chunk += CER_DENSE_CHUNK)
	{
		size_t end = p->n_columns - chunk < CER_DENSE_CHUNK
		                 ? p->n_columns
		                 : chunk + CER_DENSE_CHUNK;
		size_t width = cer_dense_pad(end - chunk);
		uint32_t *to = p->to + chunk * p->n_pairs + p->first * width;

		for (size_t row = 0; row < p->n_rows; row += 2, to += width)
			for (size_t column = chunk; column < end; column += LANES)
				_mm512_storeu_si512(to + column - chunk,
				                    pair_lanes(p, row, column, end - column));
	}
}

/* One vector of a row's sums. */
INLINE void
store_sum(const cer_bf16_product *p, size_t row, size_t column, __mmask16 mask,
          __m512 sum)
{
	if (p->bias != NULL)
		sum = relu(sum, p->bias + column);
	if (p->pairs != NULL)
		store_pairs(sum, p->pairs + row * p->pairs_row + column / 2);
	else
		_mm512_mask_storeu_ps(p->y + row * p->y_stride + column, mask, sum);
}

/* sum (n_rows, n_vecs) += one pair of each row times its weights. */
INLINE void
add_pair(const uint32_t *x, size_t x_row, const uint32_t *w, size_t n_rows,
         size_t n_vecs, __m512 sum[TILE_ROWS][4])
{
	__m512bh factor[4];

#pragma GCC unroll 4
	for (size_t v = 0; v < n_vecs; v++)
		factor[v] = (__m512bh) _mm512_loadu_si512(w + v * LANES);
#pragma GCC unroll 6
	for (size_t r = 0; r < n_rows; r++)
	{
		__m512bh input = (__m512bh) _mm512_set1_epi32((int) x[r * x_row]);

#pragma GCC unroll 4
		for (size_t v = 0; v < n_vecs; v++)
			sum[r][v] = _mm512_dpbf16_ps(sum[r][v], input, factor[v]);
	}
}

/* n_rows rows by n_vecs vectors of columns, sums in registers. */
INLINE void
multiply_tile(const cer_bf16_product *p, size_t n_rows, size_t n_vecs,
              size_t row, const uint32_t *used)
{
	const uint32_t *x = p->x + row * p->x_row;
	const uint32_t *w = p->w;
	float *y = p->y + row * p->y_stride;
	const __mmask16 last = mask_of(p->n_columns - (n_vecs - 1) * LANES);
	__m512 sum[TILE_ROWS][4];

#pragma GCC unroll 6
	for (size_t r = 0; r < n_rows; r++)
#pragma GCC unroll 4
		for (size_t v = 0; v < n_vecs; v++)
			sum[r][v] = p->accumulate
			                ? _mm512_maskz_loadu_ps(
								  v + 1 < n_vecs ? (__mmask16) 0xffff : last,
								  y + r * p->y_stride + v * LANES)
			                : _mm512_setzero_ps();
	if (used != NULL)
		for (size_t i = 1; i <= used[0]; i++)
			add_pair(x + used[i] * p->x_pair, p->x_row,
			         w + used[i] * n_vecs * LANES, n_rows, n_vecs, sum);
	else
		for (size_t i = 0; i < p->n_pairs;
		     i++, x += p->x_pair, w += n_vecs * LANES)
			add_pair(x, p->x_row, w, n_rows, n_vecs, sum);
#pragma GCC unroll 6
	for (size_t r = 0; r < n_rows; r++)
#pragma GCC unroll 4
		for (size_t v = 0; v < n_vecs; v++)
			store_sum(p, row + r, v * LANES,
			          v + 1 < n_vecs ? (__mmask16) 0xffff : last, sum[r][v]);
}

INLINE void
multiply_rows(const cer_bf16_product *p, size_t n_vecs)
{
	const size_t stride = cer_bf16_get_used_stride(p->n_pairs);
	size_t row = 0;

	for (; p->used == NULL && row + TILE_ROWS <= p->n_rows; row += TILE_ROWS)
		multiply_tile(p, TILE_ROWS, n_vecs, row, NULL);
	for (; p->used != NULL && row + CER_BF16_ROWS <= p->n_rows;
	     row += CER_BF16_ROWS)
		multiply_tile(p, CER_BF16_ROWS, n_vecs, row,
		              p->used + row / CER_BF16_ROWS * stride);
	if (row + 4 <= p->n_rows)
	{
		multiply_tile(p, 4, n_vecs, row, NULL);
		row += 4;
	}
	if (row + 2 <= p->n_rows)
	{
		multiply_tile(p, 2, n_vecs, row, NULL);
		row += 2;
	}
	if (row < p->n_rows)
		multiply_tile(p, 1, n_vecs, row, NULL);
}

static void
multiply(const cer_bf16_product *p)
{
	switch ((p->n_columns + LANES - 1) / LANES)
	{
		case 4:
			multiply_rows(p, 4);
			break;
		case 3:
			multiply_rows(p, 3);
			break;
		case 2:
			multiply_rows(p, 2);
			break;
		default:
			multiply_rows(p, 1);
			break;
	}
}

/* Which of 16 pairs are not zero in all of a few rows. */
INLINE __mmask16
find_pairs(const cer_bf16_product *p, size_t row, size_t pair)
{
	const uint32_t *x = p->x + row * p->x_row + pair;
	const __mmask16 mask = mask_of(p->n_pairs - pair);
	__m512i any = _mm512_setzero_si512();

#pragma GCC unroll 4
	for (size_t r = 0; r < CER_BF16_ROWS; r++)
		any = _mm512_or_si512(any,
		                      _mm512_maskz_loadu_epi32(mask, x + r * p->x_row));
	return _mm512_test_epi32_mask(any, any);
}

/* Returns how many there are. */
INLINE uint32_t
list_pairs(const cer_bf16_product *p, size_t row, uint32_t *used)
{
	__m512i pairs =
		_mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
	uint32_t n = 0;

	for (size_t pair = 0; pair < p->n_pairs; pair += LANES)
	{
		__mmask16 some = find_pairs(p, row, pair);

		_mm512_storeu_si512(used + 1 + n,
		                    _mm512_maskz_compress_epi32(some, pairs));
		n += (uint32_t) __builtin_popcount(some);
		pairs = _mm512_add_epi32(pairs, _mm512_set1_epi32(LANES));
	}
	used[0] = n;
	return n;
}

static bool
find_used(const cer_bf16_product *p, uint32_t *used)
{
	size_t n_used = 0;
	size_t n_all = 0;

	if (p->x_pair != 1 || p->n_pairs < MIN_PAIRS)
		return false;
	for (size_t row = 0; row + CER_BF16_ROWS <= p->n_rows; row += CER_BF16_ROWS)
	{
		n_used += list_pairs(p, row, used);
		n_all += p->n_pairs;
		used += cer_bf16_get_used_stride(p->n_pairs);
	}
	return n_used * FEW_ZEROS < n_all * (FEW_ZEROS - 1);
}

const cer_bf16 cer_bf16_avx512 = {
	.name = "avx512_bf16",
	.round = round_rows,
	.round_relu = round_relu,
	.pack = pack_rows,
	.multiply = multiply,
	.find_used = find_used,
};
#endif
