/*
 * store/copy.c
 *	  Copies of weights in fewer bytes, for scoring.
 *
 *	 bf16	the upper half of each float, rounded to the nearest, ties to even
 *	 int8	blocks of 64 weights in order: a float for each block, its scale,
 *			then a byte for each weight, -127 .. 127 times its block's scale
 *
 * Matrices are copied so; vectors (biases, gains, statistics) and what a model
 * keeps of rows stay as they are.  A copy is read back into floats, with which
 * everything is computed as with the weights themselves.
 */
#include "cerebro.h"

#include "base/error.h"
#include "base/size.h"
#include "base/text.h"

#include <math.h>
#include <string.h>

#define BLOCK ((size_t) 64)

static const char *const names[CER_N_WEIGHT_LAYOUTS] = {
	[CER_LAYOUT_FP32] = "fp32",
	[CER_LAYOUT_BF16] = "bf16",
	[CER_LAYOUT_INT8] = "int8",
};

const char *
cer_weight_layout_name(cer_weight_layout layout)
{
	return names[layout];
}

bool
cer_weight_layout_find(cer_text name, cer_weight_layout *layout)
{
	for (int i = 0; i < CER_N_WEIGHT_LAYOUTS; i++)
		if (cer_text_equals(name, cer_text_of(names[i])))
		{
			*layout = (cer_weight_layout) i;
			return true;
		}
	return false;
}

/* What layers that answer by rows keep of them: "neighbours.rows", ... */
static bool
is_of_rows(cer_text name)
{
	static const char word[] = "neighbours.";
	size_t size = sizeof(word) - 1;

	for (size_t i = 0; i + size <= name.size; i++)
		if (memcmp(name.data + i, word, size) == 0)
			return true;
	return false;
}

bool
cer_part_has_copy(const cer_part *part)
{
	return part->kind == CER_PART_TENSOR && part->n_dims >= 2 &&
	       !is_of_rows(part->name);
}

static size_t
count_blocks(size_t n)
{
	return (n + BLOCK - 1) / BLOCK;
}

size_t
cer_copy_get_size(cer_weight_layout layout, size_t n)
{
	if (layout == CER_LAYOUT_BF16)
		return n * sizeof(uint16_t);
	if (layout == CER_LAYOUT_INT8)
		return count_blocks(n) * sizeof(float) + n;
	return n * sizeof(float);
}

/* ---- bf16 ---- */

#define GREATEST_BF16 0x7F7Fu

static uint16_t
round_to_bf16(float x)
{
	uint32_t bits;
	uint32_t sign;
	uint32_t upper;

	memcpy(&bits, &x, sizeof(bits));
	sign = bits & 0x80000000u;
	bits &= 0x7FFFFFFFu;
	upper = (bits + 0x7FFFu + (bits >> 16 & 1)) >> 16;
	if (upper > GREATEST_BF16)
		upper = GREATEST_BF16; /* weights are finite, and stay so */
	return (uint16_t) (sign >> 16 | upper);
}

static float
widen_bf16(uint16_t half)
{
	uint32_t bits = (uint32_t) half << 16;
	float x;

	memcpy(&x, &bits, sizeof(x));
	return x;
}

/* ---- int8 ---- */

static float
find_scale(const float *from, size_t n)
{
	float most = 0.0f;

	for (size_t i = 0; i < n; i++)
		most = fabsf(from[i]) > most ? fabsf(from[i]) : most;
	return most / 127.0f;
}

static void
write_block(const float *from, size_t n, float scale, int8_t *to)
{
	for (size_t i = 0; i < n; i++)
	{
		float whole = scale > 0.0f ? rintf(from[i] / scale) : 0.0f;

		to[i] = (int8_t) (whole > 127.0f    ? 127.0f
		                  : whole < -127.0f ? -127.0f
		                                    : whole);
	}
}

static void
make_int8(const float *from, size_t n, char *to)
{
	int8_t *bytes = (int8_t *) to + count_blocks(n) * sizeof(float);

	for (size_t first = 0; first < n; first += BLOCK)
	{
		size_t left = n - first < BLOCK ? n - first : BLOCK;
		float scale = find_scale(from + first, left);

		memcpy(to + first / BLOCK * sizeof(float), &scale, sizeof(scale));
		write_block(from + first, left, scale, bytes + first);
	}
}

static void
read_int8(const char *from, size_t n, float *to)
{
	const int8_t *bytes =
		(const int8_t *) from + count_blocks(n) * sizeof(float);

	for (size_t i = 0; i < n; i++)
	{
		float scale;

		memcpy(&scale, from + i / BLOCK * sizeof(float), sizeof(scale));
		to[i] = scale * (float) bytes[i];
	}
}

/* ---- both ---- */

void
cer_copy_make(cer_weight_layout layout, const float *from, size_t n, void *to)
{
	if (layout == CER_LAYOUT_INT8)
		make_int8(from, n, to);
	else if (layout == CER_LAYOUT_BF16)
		for (size_t i = 0; i < n; i++)
		{
			uint16_t half = round_to_bf16(from[i]);

			memcpy((char *) to + i * sizeof(half), &half, sizeof(half));
		}
	else if (n > 0)
		memcpy(to, from, n * sizeof(float));
}

cer_status
cer_copy_read(cer_weight_layout layout, cer_text bytes, size_t n, float *to,
              cer_error *err)
{
	if (n > SIZE_MAX / 8 || bytes.size != cer_copy_get_size(layout, n))
		return cer_fail(err, CER_BAD_FORMAT,
		                "a copy of %zu weights as %s has %zu bytes", n,
		                cer_weight_layout_name(layout), bytes.size);
	if (layout == CER_LAYOUT_INT8)
		read_int8(bytes.data, n, to);
	else if (layout == CER_LAYOUT_BF16)
		for (size_t i = 0; i < n; i++)
		{
			uint16_t half;

			memcpy(&half, bytes.data + i * sizeof(half), sizeof(half));
			to[i] = widen_bf16(half);
		}
	else if (n > 0)
		memcpy(to, bytes.data, bytes.size);
	return CER_OK;
}
