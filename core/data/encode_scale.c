/*
 * data/encode_scale.c
 *	  Numbers to numbers: robust, log and standardize.
 *
 *	 robust:	   z = (x - median) / (q75 - q25), then z / sqrt(1 + (z/3)^2)
 *	 log:		   x = sign(x) ln(1 + |x|), then robust
 *	 standardize:  z = (x - mean) / sd, at most 10 either way
 *
 * Robust is RS+SC of RealMLP (Holzmuller, Grinsztajn, Steinwart 2024): where
 * the quartiles agree, the range stands in, 2 / (max - min).  A column without
 * spread becomes 0.  Missing becomes 0, the middle; where training rows miss
 * values a number of its own tells so.  Infinite values end at the bounds.
 */
#include "data/encoder.h"

#include "base/text.h"
#include "data/quantile.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define MAX_ROBUST_Z      1e6
#define MAX_STANDARDIZE_Z 10.0

/*
 * Numbers are taken in pieces of one size, for which the compiler makes wide
 * loops; a single value goes through the same operations.  Those are division
 * and root, whose results are exact to the last bit at any width.
 */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif

/* The limit, either way, where it is not a number. */
static inline double
clamp(double x, double limit)
{
	double size = fabs(x);

	return copysign(size < limit ? size : limit, x);
}

/* ---- fitting ---- */

WIDE static void
make_keys(const double *x, uint64_t *keys)
{
	for (size_t i = 0; i < CER_PIECE_ROWS; i++)
		keys[i] = cer_number_make_key(clamp(x[i], CER_HUGE_NUMBER));
}

WIDE static size_t
count_missing(const double *x)
{
	size_t n = 0;

	for (size_t i = 0; i < CER_PIECE_ROWS; i++)
		n += x[i] != x[i];
	return n;
}

void
cer_fit_list_keys(cer_fit_input *fit)
{
	size_t n = 0;

	for (size_t first = 0; first < fit->n_rows; first += CER_PIECE_ROWS)
	{
		double x[CER_PIECE_ROWS] = {0};
		uint64_t keys[CER_PIECE_ROWS];
		size_t n_piece =
			cer_data_get_piece(fit->column, first, fit->n_rows - first, x);

		make_keys(x, keys);
		if (count_missing(x) == 0)
			memcpy(fit->keys + n, keys, n_piece * sizeof(*keys));
		else
			for (size_t i = 0, at = n; i < n_piece; i++)
			{
				fit->keys[at] = keys[i];
				at += x[i] == x[i];
			}
		n += n_piece - count_missing(x);
	}
	fit->n_keys = n;
	fit->encoder->has_missing = n < fit->n_rows;
}

/* 0 where dividing makes no finite number of it. */
static double
invert(double numerator, double spread)
{
	double scale = numerator / spread;

	return spread > 0 && scale <= DBL_MAX ? scale : 0;
}

static inline double
take_log(double x)
{
	return copysign(log1p(fabs(x)), x);
}

static void
measure_quartiles(cer_fit_input *fit)
{
	cer_quantiles q;

	if (fit->n_keys == 0)
		return;
	cer_quantiles_find(fit->keys, fit->scratch, fit->n_keys, &q);
	fit->encoder->center = q.median;
	fit->encoder->scale = invert(1, q.upper - q.lower);
	if (fit->encoder->scale == 0)
		fit->encoder->scale = invert(2, q.max - q.min);
}

void
cer_robust_measure(cer_fit_input *fit)
{
	cer_fit_list_keys(fit);
	measure_quartiles(fit);
}

void
cer_log_measure(cer_fit_input *fit)
{
	cer_fit_list_keys(fit);
	for (size_t i = 0; i < fit->n_keys; i++)
		fit->keys[i] =
			cer_number_make_key(take_log(cer_number_of_key(fit->keys[i])));
	measure_quartiles(fit);
}

void
cer_standardize_measure(cer_fit_input *fit)
{
	double n;
	double sum = 0;
	double squares = 0;
	uint64_t least = UINT64_MAX;
	uint64_t most = 0;

	cer_fit_list_keys(fit);
	if (fit->n_keys == 0)
		return;
	n = (double) fit->n_keys;
	for (size_t i = 0; i < fit->n_keys; i++)
	{
		least = fit->keys[i] < least ? fit->keys[i] : least;
		most = fit->keys[i] > most ? fit->keys[i] : most;
		sum += cer_number_of_key(fit->keys[i]);
	}
	fit->encoder->center = sum / n;
	for (size_t i = 0; i < fit->n_keys; i++)
	{
		double d = cer_number_of_key(fit->keys[i]) - fit->encoder->center;

		squares += d * d;
	}
	/* rounding gives equal values a spread that is not there */
	if (least < most)
		fit->encoder->scale = invert(1, sqrt(squares / n));
}

/* ---- encoding ---- */

typedef void (*encode_piece_fn)(const cer_encoder *encoder, const double *x,
                                float *z);

static inline double
scale_number(const cer_encoder *encoder, double x, double limit)
{
	double z = clamp(x, CER_HUGE_NUMBER) - encoder->center;

	/* one zero: whether x was -0 must not show */
	return clamp(z * encoder->scale, limit) + 0.0;
}

static inline float
encode_robust(const cer_encoder *encoder, double x)
{
	double z = scale_number(encoder, x, MAX_ROBUST_Z);
	double third = z * (1.0 / 3);

	z = z / sqrt(1 + third * third);
	return (float) (x == x ? z : 0);
}

static inline float
encode_standardized(const cer_encoder *encoder, double x)
{
	double z = scale_number(encoder, x, MAX_STANDARDIZE_Z);

	return (float) (x == x ? z : 0);
}

WIDE static void
encode_robust_piece(const cer_encoder *encoder, const double *x, float *z)
{
	for (size_t i = 0; i < CER_PIECE_ROWS; i++)
		z[i] = encode_robust(encoder, x[i]);
}

static inline float
encode_log(const cer_encoder *encoder, double x)
{
	return encode_robust(encoder, take_log(x));
}

/* The library's logarithm, as a single value has it. */
static void
encode_log_piece(const cer_encoder *encoder, const double *x, float *z)
{
	for (size_t i = 0; i < CER_PIECE_ROWS; i++)
		z[i] = encode_log(encoder, x[i]);
}

WIDE static void
encode_standardized_piece(const cer_encoder *encoder, const double *x, float *z)
{
	for (size_t i = 0; i < CER_PIECE_ROWS; i++)
		z[i] = encode_standardized(encoder, x[i]);
}

/* Of n rows, stride floats from each other. */
static inline void
put_numbers(const cer_encoder *encoder, size_t n, const double *x,
            const float *z, float *to, size_t stride)
{
	for (size_t i = 0; i < n; i++)
		to[i * stride] = z[i];
	for (size_t i = 0; encoder->has_missing && i < n; i++)
		to[i * stride + 1] = x[i] == x[i] ? 0 : 1;
}

static void
encode_block(const cer_encoder *encoder, const cer_encode_block *block,
             encode_piece_fn encode_piece)
{
	float *to = block->numbers + encoder->number;
	size_t stride = block->n_numbers;

	for (size_t first = 0; first < block->n_rows; first += CER_PIECE_ROWS)
	{
		double x[CER_PIECE_ROWS] = {0};
		float z[CER_PIECE_ROWS];
		size_t n = cer_data_get_piece(block->column, block->first + first,
		                              block->n_rows - first, x);

		encode_piece(encoder, x, z);
		put_numbers(encoder, n, x, z, to + first * stride, stride);
	}
}

void
cer_robust_encode(const cer_encoder *encoder, const cer_encode_block *block)
{
	encode_block(encoder, block, encode_robust_piece);
}

void
cer_log_encode(const cer_encoder *encoder, const cer_encode_block *block)
{
	encode_block(encoder, block, encode_log_piece);
}

void
cer_standardize_encode(const cer_encoder *encoder,
                       const cer_encode_block *block)
{
	encode_block(encoder, block, encode_standardized_piece);
}

static void
encode_values(const cer_encoder *encoder, const cer_value_block *block,
              encode_piece_fn encode_piece)
{
	float *to = block->numbers + encoder->number;
	size_t stride = block->n_numbers;
	double last[CER_PIECE_ROWS];
	float z[CER_PIECE_ROWS];
	size_t n;

	for (size_t first = 0; first < block->n_rows; first += n)
	{
		const double *x = &block->values[first].number;

		n = block->n_rows - first;
		if (n >= CER_PIECE_ROWS)
			n = CER_PIECE_ROWS;
		else
			x = memcpy(memset(last, 0, sizeof(last)), x, n * sizeof(*x));
		encode_piece(encoder, x, z);
		put_numbers(encoder, n, x, z, to + first * stride, stride);
	}
}

static void
encode_value(const cer_encoder *encoder, const cer_value_block *block, float z)
{
	put_numbers(encoder, 1, &block->values->number, &z,
	            block->numbers + encoder->number, block->n_numbers);
}

void
cer_robust_encode_values(const cer_encoder *encoder,
                         const cer_value_block *block)
{
	if (block->n_rows == 1)
		encode_value(encoder, block,
		             encode_robust(encoder, block->values->number));
	else
		encode_values(encoder, block, encode_robust_piece);
}

void
cer_log_encode_values(const cer_encoder *encoder, const cer_value_block *block)
{
	if (block->n_rows == 1)
		encode_value(encoder, block,
		             encode_log(encoder, block->values->number));
	else
		encode_values(encoder, block, encode_log_piece);
}

void
cer_standardize_encode_values(const cer_encoder *encoder,
                              const cer_value_block *block)
{
	if (block->n_rows == 1)
		encode_value(encoder, block,
		             encode_standardized(encoder, block->values->number));
	else
		encode_values(encoder, block, encode_standardized_piece);
}

/* ---- bytes ---- */

void
cer_scale_write(cer_byte_writer *to, const cer_encoder *encoder)
{
	cer_write_double(to, encoder->center);
	cer_write_double(to, encoder->scale);
	cer_write_number(to, encoder->has_missing, 1);
}

cer_status
cer_scale_read(cer_arena *arena, cer_byte_reader *from, cer_encoder *encoder,
               cer_error *err)
{
	uint64_t has_missing;

	(void) arena;
	encoder->center = cer_read_double(from);
	encoder->scale = cer_read_double(from);
	has_missing = cer_read_number(from, 1);
	if (!(fabs(encoder->center) <= CER_HUGE_NUMBER) ||
	    !(encoder->scale >= 0 && encoder->scale <= DBL_MAX) || has_missing > 1)
		return cer_fail(err, CER_BAD_FORMAT,
		                "the statistics of input \"%.*s\" are out of range",
		                CER_SHOW(encoder->input.name));
	encoder->has_missing = has_missing == 1;
	return CER_OK;
}
