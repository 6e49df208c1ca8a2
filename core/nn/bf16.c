/*
 * nn/bf16.c
 *	  Products of bf16 numbers as plain loops, the definition, and the choice of
 *	  what the processor has.
 */
#include "nn/bf16.h"
#include "base/error.h"

#include <string.h>

#if defined(__x86_64__)
extern const cer_bf16 cer_bf16_avx512;
#endif

const cer_bf16 *
cer_bf16_find(const cer_kernels *kernels)
{
#if defined(__x86_64__)
	if (strcmp(kernels->name, "avx512") == 0 &&
	    __builtin_cpu_supports("avx512bf16"))
		return &cer_bf16_avx512;
#endif
	(void) kernels;
	return &cer_bf16_plain;
}

cer_status
cer_bf16_choose(const cer_kernels *kernels, const cer_bf16 **bf16,
                cer_error *err)
{
	const cer_bf16 *found = cer_bf16_find(kernels);

	if (found != &cer_bf16_plain)
	{
		*bf16 = found;
		return CER_OK;
	}
	cer_fail(err, CER_BAD_VALUE,
	         "products = bf16, but this processor has no instructions for it");
	cer_error_set_detail(err,
	                     "They are those of AVX-512 BF16; kernels here are of "
	                     "class \"%s\".",
	                     kernels->name);
	cer_error_set_hint(err, "Leave products out, or write products = fp32.");
	return CER_BAD_VALUE;
}

static inline uint32_t
round_one(float x)
{
	uint32_t bits;

	memcpy(&bits, &x, sizeof(bits));
	if ((bits & 0x7f800000) == 0)
		return bits >> 16 & 0x8000;
	if (x != x)
		return bits >> 16 | 0x40;
	return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

static inline float
get_float(uint32_t bits)
{
	float x;

	memcpy(&x, &bits, sizeof(x));
	return x;
}

static void
round_plain(size_t n_rows, size_t n, const float *x, size_t stride,
            uint32_t *to)
{
	for (size_t row = 0; row < n_rows; row++, x += stride)
		for (size_t i = 0; i < n; i += 2)
			*to++ = round_one(x[i]) | (i + 1 < n ? round_one(x[i + 1]) : 0)
			                              << 16;
}

/* As relu of the kernels: what is not a number stays. */
static inline float
relu(float x)
{
	return x < 0.0f ? 0.0f : x;
}

static void
round_relu_plain(size_t n_rows, size_t n, const float *bias, const float *x,
                 uint32_t *to)
{
	for (size_t row = 0; row < n_rows; row++, x += n)
		for (size_t i = 0; i < n; i += 2)
			*to++ = round_one(relu(x[i] + bias[i])) |
			        round_one(relu(x[i + 1] + bias[i + 1])) << 16;
}

static void
pack_chunk(const cer_bf16_pack *p, size_t column, size_t width)
{
	size_t padded = cer_dense_pad(width);
	uint32_t *to = p->to + column * p->n_pairs + p->first * padded;

	for (size_t row = 0; row < p->n_rows; row += 2)
	{
		const float *x = p->from + row * p->stride + column;

		for (size_t i = 0; i < width; i++)
			to[i] = round_one(x[i]) |
			        (row + 1 < p->n_rows ? round_one(x[p->stride + i]) : 0)
			            << 16;
		memset(to + width, 0, (padded - width) * sizeof(*to));
		to += padded;
	}
}

static void
pack_plain(const cer_bf16_pack *p)
{
	for (size_t column = 0; column < p->n_columns; column += CER_DENSE_CHUNK)
		pack_chunk(p, column,
		           p->n_columns - column < CER_DENSE_CHUNK
		               ? p->n_columns - column
		               : CER_DENSE_CHUNK);
}

/* sum (n_columns) += x w of one row. */
static void
add_row(const cer_bf16_product *p, const uint32_t *x, float *sum)
{
	const uint32_t *w = p->w;

	for (size_t i = 0; i < p->n_pairs; i++, w += cer_dense_pad(p->n_columns))
	{
		uint32_t pair = x[i * p->x_pair];
		float odd = get_float(pair & 0xffff0000);
		float even = get_float(pair << 16);

		for (size_t column = 0; column < p->n_columns; column++)
		{
			sum[column] += odd * get_float(w[column] & 0xffff0000);
			sum[column] += even * get_float(w[column] << 16);
		}
	}
}

static void
finish_row(const cer_bf16_product *p, size_t row, float *sum)
{
	if (p->pairs != NULL)
	{
		round_relu_plain(1, p->n_columns, p->bias, sum,
		                 p->pairs + row * p->pairs_row);
		return;
	}
	for (size_t i = 0; p->bias != NULL && i < p->n_columns; i++)
		sum[i] = relu(sum[i] + p->bias[i]);
	memcpy(p->y + row * p->y_stride, sum, p->n_columns * sizeof(float));
}

static void
multiply_plain(const cer_bf16_product *p)
{
	for (size_t row = 0; row < p->n_rows; row++)
	{
		float sum[CER_DENSE_CHUNK] = {0};

		if (p->accumulate)
			memcpy(sum, p->y + row * p->y_stride, p->n_columns * sizeof(float));
		add_row(p, p->x + row * p->x_row, sum);
		finish_row(p, row, sum);
	}
}

static bool
find_used_plain(const cer_bf16_product *p, uint32_t *used)
{
	(void) p;
	(void) used;
	return false;
}

const cer_bf16 cer_bf16_plain = {
	.name = "plain_bf16",
	.round = round_plain,
	.round_relu = round_relu_plain,
	.pack = pack_plain,
	.multiply = multiply_plain,
	.find_used = find_used_plain,
};
