/*
 * nn/lift.c
 *	  Bins and waves of one number.
 *
 * Of bins a row has all up to its own: they are summed beforehand, once for a
 * tile, in the order in which a row alone would sum them.  Backward likewise:
 * a row is counted where it is, and gives to all bins before when the tile is
 * done.
 */
#include "nn/lift.h"

#include <math.h>
#include <string.h>

/* ------------------------------------------------------------ bins */

/* Bins that x is in or beyond. */
CER_WIDE static size_t
count_bins(size_t n, const float *restrict edges, float x)
{
	uint32_t count = 0;

	for (size_t t = 0; t < n; t++)
		count += x > edges[t];
	return count;
}

/* How far x is through bin t: 0 to 1. */
static inline float
get_share(const cer_lift *lift, size_t t, float x)
{
	float low = lift->edges[t];
	float share = (x - low) / (lift->edges[t + 1] - low);

	share = share > 0 ? share : 0;
	return share < 1 ? share : 1;
}

CER_WIDE static void
add(size_t n, const float *restrict x, float *restrict y)
{
	for (size_t i = 0; i < n; i++)
		y[i] += x[i];
}

CER_WIDE static void
add_share(size_t n, float share, const float *restrict x, float *restrict y)
{
	for (size_t i = 0; i < n; i++)
		y[i] += share * x[i];
}

CER_WIDE static void
put_share(size_t n, float share, const float *restrict x,
          const float *restrict before, float *restrict y)
{
	for (size_t i = 0; i < n; i++)
		y[i] = before[i] + share * x[i];
}

void
cer_bins_begin(const cer_bins *bins)
{
	size_t n = bins->lift->n_out;

	memset(bins->beyond, 0, n * sizeof(float));
	for (size_t t = 1; t < bins->lift->n_inner; t++)
	{
		memcpy(bins->beyond + t * n, bins->beyond + (t - 1) * n,
		       n * sizeof(float));
		add(n, bins->w + (t - 1) * n, bins->beyond + t * n);
	}
}

void
cer_bins_forward(const cer_bins *bins, float x, float *y)
{
	size_t n = bins->lift->n_out;
	size_t count = count_bins(bins->lift->n_inner, bins->lift->edges, x);
	size_t at = (count - 1) * n;

	if (count == 0)
		memset(y, 0, n * sizeof(float));
	else
		put_share(n, get_share(bins->lift, count - 1, x), bins->w + at,
		          bins->beyond + at, y);
}

void
cer_bins_backward(const cer_bins *bins, float x, const float *dy, float *grad)
{
	size_t n = bins->lift->n_out;
	size_t count = count_bins(bins->lift->n_inner, bins->lift->edges, x);

	if (count == 0)
		return;
	add_share(n, get_share(bins->lift, count - 1, x), dy,
	          grad + (count - 1) * n);
	if (count > 1)
		add(n, dy, bins->beyond + (count - 2) * n);
}

void
cer_bins_end(const cer_bins *bins, float *grad)
{
	size_t n = bins->lift->n_out;

	for (size_t t = bins->lift->n_inner; t-- > 0;)
	{
		add(n, bins->beyond + t * n, grad + t * n);
		if (t > 0)
			add(n, bins->beyond + t * n, bins->beyond + (t - 1) * n);
	}
}

/* ------------------------------------------------------------ waves */

/* Added and taken away it rounds what is much smaller. */
#ifndef ROUNDING /* test/lib/double.h has another */
#define ROUNDING 12582912.0f
#endif

/* sin(2 pi t), within 1e-6; t is below 2^21. */
static inline float
get_wave(float t)
{
	float whole = (t + ROUNDING) - ROUNDING;
	float part = t - whole; /* -1/2 .. 1/2 */
	float folded = fabsf(part) > 0.25f ? copysignf(0.5f, part) - part : part;
	float x = folded * (float) (2 * M_PI);
	float s = x * x;

	return x * (1.0f + s * (-1.0f / 6 +
	                        s * (1.0f / 120 +
	                             s * (-1.0f / 5040 +
	                                  s * (1.0f / 362880 - s / 39916800)))));
}

/* Cosines, then sines, of n waves at x. */
CER_WIDE static void
fill_waves(const cer_waves *waves, float x, float *restrict cosines,
           float *restrict sines)
{
	const float *restrict frequencies = waves->frequencies;
	const float *restrict phases = waves->phases;

	for (size_t i = 0; i < waves->n; i++)
	{
		float turns = frequencies[i] * x;

		if (phases != NULL)
			turns += phases[i] * (float) (0.5 / M_PI);
		cosines[i] = get_wave(turns + 0.25f);
		sines[i] = get_wave(turns);
	}
}

void
cer_waves_begin(const cer_waves *waves)
{
	for (size_t i = 0; i < waves->n_inner; i++)
		for (size_t j = 0; j < waves->n_out; j++)
			waves->turned[j * waves->n_inner + i] =
				waves->w[i * waves->n_out + j];
}

#define LANES 8

/* Always the same sums, by place modulo LANES. */
CER_WIDE static float
multiply_sum(size_t n, const float *restrict a, const float *restrict b)
{
	float sums[LANES] = {0};
	size_t i = 0;

	for (; i + LANES <= n; i += LANES)
		for (size_t j = 0; j < LANES; j++)
			sums[j] += a[i + j] * b[i + j];
	for (size_t j = 0; i + j < n; j++)
		sums[j] += a[i + j] * b[i + j];
	return ((sums[0] + sums[4]) + (sums[1] + sums[5])) +
	       ((sums[2] + sums[6]) + (sums[3] + sums[7]));
}

void
cer_waves_forward(const cer_waves *waves, float x, float *values, float *y)
{
	fill_waves(waves, x, values, values + waves->n);
	for (size_t j = 0; j < waves->n_out; j++)
		y[j] =
			waves->bias[j] + multiply_sum(waves->n_inner, values,
		                                  waves->turned + j * waves->n_inner);
}

/* What the gradient of the cosines, and of the sines, says of the angles. */
CER_WIDE static void
turn_angles(const cer_waves *waves, const float *restrict values, float dy,
            const float *restrict w, float *restrict angles)
{
	size_t n = waves->n;

	for (size_t i = 0; i < n; i++)
		angles[i] -= values[n + i] * dy * w[i];
	if (waves->n_inner == n)
		return;
	for (size_t i = 0; i < n; i++)
		angles[i] += values[i] * dy * w[n + i];
}

void
cer_waves_backward(const cer_waves *waves, float x, const float *values,
                   const float *dy, const cer_wave_grads *grads)
{
	size_t n_inner = waves->n_inner;

	add(waves->n_out, dy, grads->bias);
	memset(grads->angles, 0, waves->n * sizeof(float));
	for (size_t j = 0; j < waves->n_out; j++)
	{
		add_share(n_inner, dy[j], values, grads->turned + j * n_inner);
		turn_angles(waves, values, dy[j], waves->turned + j * n_inner,
		            grads->angles);
	}
	if (grads->phases != NULL)
		add(waves->n, grads->angles, grads->phases);
	add_share(waves->n, x * (float) (2 * M_PI), grads->angles,
	          grads->frequencies);
}
