/*
 * data/encode_array.c
 *	  Elements of arrays: minus the mean and over the deviation of all elements
 *	  of the array, whatever their place.
 *
 * The inputs of an array stand together, "x[1]" .. "x[n]" and "x[]".  The last
 * becomes the share of n elements that a row has; the others become 0 where
 * they are missing.  Values are drawn in to ten deviations.
 */
#include "data/encoder.h"

#include <math.h>
#include <string.h>

#define MOST_DEVIATIONS 10.0

static bool
is_length(const cer_encoder *encoder)
{
	cer_text name = encoder->input.name;

	return name.size > 2 && memcmp(name.data + name.size - 2, "[]", 2) == 0;
}

/* Of "x[": what all inputs of the array begin with. */
static cer_text
get_array(const cer_encoder *length)
{
	cer_text name = length->input.name;

	return (cer_text){name.data, name.size - 1};
}

/* ---- fitting ---- */

/* Adds f of the numbers that are there; returns how many they are. */
static size_t
add_up(const cer_fit_input *fit, double center, bool is_squared, double *sum)
{
	double x[CER_PIECE_ROWS];
	size_t n_there = 0;

	*sum = 0.0;
	for (size_t first = 0; first < fit->n_rows; first += CER_PIECE_ROWS)
	{
		size_t n =
			cer_data_get_piece(fit->column, first, fit->n_rows - first, x);

		for (size_t i = 0; i < n; i++)
		{
			double from = x[i] - center;

			if (!(fabs(x[i]) <= CER_HUGE_NUMBER))
				continue;
			*sum += is_squared ? from * from : from;
			n_there++;
		}
	}
	return n_there;
}

/* Of one element: mean, sum of squares from it and count, for finish. */
void
cer_array_measure(cer_fit_input *fit)
{
	cer_encoder *encoder = fit->encoder;

	encoder->has_missing = false;
	encoder->center = 0.0;
	encoder->scale = 0.0;
	if (is_length(encoder))
	{
		encoder->scale = 1.0 / (double) encoder->spec.width;
		return;
	}
	encoder->n_points = add_up(fit, 0.0, false, &encoder->center);
	if (encoder->n_points > 0)
		encoder->center /= (double) encoder->n_points;
	add_up(fit, encoder->center, true, &encoder->scale);
}

static bool
is_element(const cer_encoder *encoder, cer_text array)
{
	return encoder->input.name.size > array.size &&
	       memcmp(encoder->input.name.data, array.data, array.size) == 0;
}

/* One mean and deviation for n elements (Chan, Golub, LeVeque 1979). */
static void
join_elements(cer_encoder *elements, size_t n)
{
	double mean = 0.0;
	double squares = 0.0;
	size_t n_seen = 0;

	for (size_t i = 0; i < n; i++)
	{
		double count = (double) elements[i].n_points;
		double step = elements[i].center - mean;

		if (elements[i].n_points == 0)
			continue;
		n_seen += elements[i].n_points;
		squares += elements[i].scale + step * step * count *
		                                   ((double) n_seen - count) /
		                                   (double) n_seen;
		mean += step * count / (double) n_seen;
	}
	for (size_t i = 0; i < n; i++)
	{
		elements[i].center = mean;
		elements[i].scale =
			squares > 0.0 ? sqrt((double) n_seen / squares) : 0.0;
		elements[i].n_points = 0;
	}
}

void
cer_arrays_finish(cer_encoder *encoders, size_t n_encoders)
{
	for (size_t i = 0; i < n_encoders; i++)
	{
		size_t first = i;

		if (encoders[i].spec.kind != CER_ENCODER_SEQUENCE ||
		    !is_length(&encoders[i]))
			continue;
		while (first > 0 &&
		       is_element(&encoders[first - 1], get_array(&encoders[i])))
			first--;
		join_elements(encoders + first, i - first);
	}
}

/* ---- encoding ---- */

static inline float
encode(const cer_encoder *encoder, double x, double most)
{
	double z = (x - encoder->center) * encoder->scale;

	if (!(x == x) || encoder->scale == 0.0)
		return 0.0f;
	return (float) (z > most ? most : z < -most ? -most : z);
}

static double
get_most(const cer_encoder *encoder)
{
	return is_length(encoder) ? 1.0 : MOST_DEVIATIONS;
}

void
cer_array_encode(const cer_encoder *encoder, const cer_encode_block *block)
{
	float *to = block->numbers + encoder->number;
	double most = get_most(encoder);
	double x[CER_PIECE_ROWS];

	for (size_t first = 0; first < block->n_rows; first += CER_PIECE_ROWS)
	{
		size_t n = cer_data_get_piece(block->column, block->first + first,
		                              block->n_rows - first, x);

		for (size_t i = 0; i < n; i++)
			to[(first + i) * block->n_numbers] = encode(encoder, x[i], most);
	}
}

void
cer_array_encode_values(const cer_encoder *encoder,
                        const cer_value_block *block)
{
	float *to = block->numbers + encoder->number;
	double most = get_most(encoder);

	for (size_t i = 0; i < block->n_rows; i++)
		to[i * block->n_numbers] =
			encode(encoder, block->values[i].number, most);
}
