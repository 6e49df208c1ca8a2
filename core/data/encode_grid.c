/*
 * data/encode_grid.c
 *	  Numbers by their place among the training rows: quantile and ple.
 *
 * Both keep a grid of values between which about as many training rows lie.
 *
 *	 quantile(n)  z = the normal deviate of x's rank, linear between n points
 *	 ple(n)		  the same deviate, then n numbers; the t-th is how far x has
 *				  come through the t-th of n bins, from 0 at its lower edge to 1
 *				  at its upper one (piecewise linear encoding: Gorishniy,
 *				  Rubachev, Babenko 2022); the deviate keeps small data sets
 *				  from learning each bin apart
 *
 * Beyond the grid stands its end.  Missing becomes 0s; where training rows miss
 * values a number of its own tells so.
 */
#include "data/encoder.h"

#include "base/sort.h"
#include "base/text.h"

#include <math.h>
#include <string.h>

/* ---- fitting ---- */

static inline bool
has_bins(const cer_encoder *encoder)
{
	return encoder->spec.kind == CER_ENCODER_PLE ||
	       encoder->spec.kind == CER_ENCODER_RATE;
}

/* Of ple with learnt numbers the network knows the bins. */
static inline bool
makes_bins(const cer_encoder *encoder)
{
	return has_bins(encoder) && encoder->n_learnt == 0;
}

void
cer_grid_measure(cer_fit_input *fit)
{
	cer_fit_list_keys(fit);
	cer_sort_keys(fit->keys, fit->scratch, fit->n_keys);
}

/* x below which a share p of a normal distribution lies, by bisection: only a
 * few thousand are ever made, and erfc is as exact as the library's. */
static double
invert_normal(double p)
{
	double low = -CER_MAX_DEVIATE;
	double high = CER_MAX_DEVIATE;

	for (int i = 0; i < 60; i++)
	{
		double middle = (low + high) / 2;

		if (erfc(-middle * M_SQRT1_2) / 2 < p)
			low = middle;
		else
			high = middle;
	}
	return (low + high) / 2;
}

/* How many points the grid may have. */
static size_t
count_points(const cer_fit_input *fit)
{
	size_t width = fit->encoder->spec.width;
	size_t most = fit->n_keys / CER_ROWS_PER_QUANTILE;

	if (has_bins(fit->encoder))
		return width + 1;
	if (width > 0)
		return width + 1;
	most = most < CER_MIN_QUANTILES ? CER_MIN_QUANTILES : most;
	return most < CER_MAX_QUANTILES ? most : CER_MAX_QUANTILES;
}

/* Rows first .. last - 1 of the sorted ones hold the value of a point. */
static void
add_point(const cer_fit_input *fit, size_t first, size_t last, double *points,
          double *deviates)
{
	size_t n = fit->encoder->n_points++;
	double rank = ((double) first + (double) last) / 2;

	points[n] = cer_number_of_key(fit->keys[first]);
	deviates[n] = invert_normal(rank / (double) fit->n_keys);
}

static size_t
find_end_of_value(const cer_fit_input *fit, size_t first)
{
	size_t last = first + 1;

	while (last < fit->n_keys && fit->keys[last] == fit->keys[first])
		last++;
	return last;
}

/*
 * The least value is a point, and the first value at which as many rows have
 * gone by as each of the points still to come would get of the rows still to
 * come: a value that many rows share takes one point, and its rows no others.
 * The last point is the greatest value.
 */
static void
fill_grid(const cer_fit_input *fit, size_t n_points, double *points,
          double *deviates)
{
	size_t last = find_end_of_value(fit, 0);
	size_t begin = last; /* of the rows since the last point */

	add_point(fit, 0, last, points, deviates);
	while (last < fit->n_keys)
	{
		size_t first = last;
		size_t n_left = n_points - fit->encoder->n_points;

		last = find_end_of_value(fit, first);
		if (last < fit->n_keys && (last - begin) * n_left < fit->n_keys - begin)
			continue;
		if (last < fit->n_keys && n_left == 1)
			continue;
		add_point(fit, first, last, points, deviates);
		begin = last;
	}
}

cer_status
cer_grid_settle(cer_arena *arena, cer_fit_input *fit, cer_error *err)
{
	cer_encoder *encoder = fit->encoder;
	size_t n_points = count_points(fit);
	size_t size = 2 * n_points * sizeof(double);
	double *points = cer_arena_allocate(arena, size);

	if (points == NULL)
		return cer_fail_memory(err, size);
	encoder->points = points;
	encoder->deviates = points + n_points;
	encoder->n_points = 0;
	if (fit->n_keys > 0)
		fill_grid(fit, n_points, points, points + n_points);
	cer_grid_place(encoder);
	return CER_OK;
}

void
cer_grid_place(cer_encoder *encoder)
{
	size_t n_bins = encoder->n_points > 1 ? encoder->n_points - 1 : 1;

	encoder->n_steps = makes_bins(encoder) ? n_bins : 0;
	encoder->n_scaled = encoder->n_steps + 1;
}

/* ---- encoding ---- */

size_t
cer_grid_find(const cer_encoder *encoder, double x)
{
	const double *points = encoder->points;
	size_t low = 0;
	size_t n = encoder->n_points;

	while (n > 1)
	{
		size_t half = n / 2;

		low = points[low + half] <= x ? low + half : low;
		n -= half;
	}
	return low;
}

/* x between points `at` and `at + 1`, 0 to 1. */
static inline double
get_share(const cer_encoder *encoder, size_t at, double x)
{
	double low = encoder->points[at];

	/* one zero: whether x was -0 must not show */
	return (x - low) / (encoder->points[at + 1] - low) + 0.0;
}

static inline void
encode_quantile(const cer_encoder *encoder, size_t at, double x, float *to)
{
	const double *deviates = encoder->deviates;

	to[0] = (float) (deviates[at] + (deviates[at + 1] - deviates[at]) *
	                                    get_share(encoder, at, x));
}

/* A place on the ramp and the share there, see cer_ramp. */
static inline void
encode_ple(const cer_encoder *encoder, size_t at, double x, float *to)
{
	to[0] = (float) at;
	to[1] = (float) get_share(encoder, at, x);
}

/* Quantile, then ple where it has steps: one search serves both. */
static inline void
encode_inner(const cer_encoder *encoder, double x, float *to)
{
	size_t at = cer_grid_find(encoder, x);

	encode_quantile(encoder, at, x, to);
	if (encoder->n_steps > 0)
		encode_ple(encoder, at, x, to + 1);
}

/* At or beyond an end of the grid. */
static void
encode_outer(const cer_encoder *encoder, double x, float *to)
{
	size_t n = encoder->n_points;
	size_t end = x <= encoder->points[0] ? 0 : n - 1;

	to[0] = (float) encoder->deviates[end];
	if (encoder->n_steps == 0)
		return;
	to[1] = (float) end;
	to[2] = 0;
}

static size_t
count_floats(const cer_encoder *encoder)
{
	return 1 + (encoder->n_steps > 0 ? CER_RAMP_FLOATS : 0);
}

void
cer_grid_encode_one(const cer_encoder *encoder, double x, float *to)
{
	size_t n = encoder->n_points;

	if (x != x || n < 2)
		memset(to, 0, count_floats(encoder) * sizeof(*to));
	else if (x > encoder->points[0] && x < encoder->points[n - 1])
		encode_inner(encoder, x, to);
	else
		encode_outer(encoder, x, to);
	if (encoder->has_missing)
		to[count_floats(encoder)] = x == x ? 0 : 1;
}

/*
 * Numbers are taken in pieces of one size, for which the compiler makes wide
 * loops.  Each goes through the operations of cer_grid_encode_one, which are
 * exact to the last bit at any width.
 */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define WIDE __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define WIDE
#endif

#define WIDE_ROWS      ((size_t) 16) /* fewer are encoded one by one */
#define COUNTED_POINTS ((size_t) 48) /* more are searched */
#define COUNTED_ROWS   ((size_t) 32) /* at once, in registers */
#define MADE_FLOATS    4             /* deviate, place, share, is missing */

/* A point and the next one. */
typedef struct grid_cell
{
	double low;
	double high;
	double low_deviate;
	double high_deviate;
} grid_cell;

typedef struct grid_piece
{
	double x[CER_PIECE_ROWS];
	int64_t at[CER_PIECE_ROWS]; /* as of cer_grid_find; of NaN 0 */
	grid_cell cells[CER_PIECE_ROWS];
	float made[CER_PIECE_ROWS * MADE_FLOATS];
} grid_piece;

/* A place is the last point that is not above x; NaN's is the first. */
WIDE static void
pass_points(const double *points, size_t n, grid_piece *piece)
{
	for (size_t first = 0; first < CER_PIECE_ROWS; first += COUNTED_ROWS)
	{
		const double *x = piece->x + first;
		int64_t at[COUNTED_ROWS] = {0};

		for (size_t p = 1; p < n; p++)
			for (size_t i = 0; i < COUNTED_ROWS; i++)
				at[i] = points[p] <= x[i] ? (int64_t) p : at[i];
		memcpy(piece->at + first, at, sizeof(at));
	}
}

static void
find_places(const cer_encoder *encoder, grid_piece *piece)
{
	if (encoder->n_points <= COUNTED_POINTS)
		pass_points(encoder->points, encoder->n_points, piece);
	else
		for (size_t i = 0; i < CER_PIECE_ROWS; i++)
			piece->at[i] = (int64_t) cer_grid_find(encoder, piece->x[i]);
}

/* The last point has no next one: the cell before it does. */
static void
fetch_cells(const cer_encoder *encoder, grid_piece *piece)
{
	const double *points = encoder->points;
	const double *deviates = encoder->deviates;
	int64_t last = (int64_t) encoder->n_points - 2;

	for (size_t i = 0; i < CER_PIECE_ROWS; i++)
	{
		int64_t at = piece->at[i] < last ? piece->at[i] : last;

		memcpy(&piece->cells[i].low, points + at, 2 * sizeof(*points));
		memcpy(&piece->cells[i].low_deviate, deviates + at,
		       2 * sizeof(*deviates));
	}
}

/* Numbers at or beyond an end of the grid become what encode_outer makes;
 * outer is from the first point to the last one. */
WIDE static void
make_numbers(grid_piece *piece, grid_cell outer)
{
	for (size_t i = 0; i < CER_PIECE_ROWS; i++)
	{
		double x = piece->x[i];
		grid_cell cell = piece->cells[i];
		double share = (x - cell.low) / (cell.high - cell.low) + 0.0;
		double deviate =
			cell.low_deviate + (cell.high_deviate - cell.low_deviate) * share;

		share = x > outer.low ? share : 0;
		share = x < outer.high ? share : 0;
		deviate = x > outer.low ? deviate : outer.low_deviate;
		deviate = x < outer.high ? deviate : outer.high_deviate;
		deviate = x == x ? deviate : 0;
		piece->made[i * MADE_FLOATS] = (float) deviate;
		piece->made[i * MADE_FLOATS + 1] = (float) (int32_t) piece->at[i];
		piece->made[i * MADE_FLOATS + 2] = (float) share;
		piece->made[i * MADE_FLOATS + 3] = x == x ? 0 : 1;
	}
}

static void
make_piece(const cer_encoder *encoder, grid_piece *piece)
{
	size_t end = encoder->n_points - 1;
	grid_cell outer = {encoder->points[0], encoder->points[end],
	                   encoder->deviates[0], encoder->deviates[end]};

	find_places(encoder, piece);
	fetch_cells(encoder, piece);
	make_numbers(piece, outer);
}

/* Without what the encoder does not make. */
static void
put_piece(const cer_encoder *encoder, const grid_piece *piece, size_t n,
          size_t stride, float *to)
{
	const float *from = piece->made;
	size_t n_floats = count_floats(encoder);

	if (n_floats == MADE_FLOATS - 1 && encoder->has_missing)
		for (size_t i = 0; i < n; i++, from += MADE_FLOATS, to += stride)
			memcpy(to, from, MADE_FLOATS * sizeof(*to));
	else if (n_floats == MADE_FLOATS - 1)
		for (size_t i = 0; i < n; i++, from += MADE_FLOATS, to += stride)
			memcpy(to, from, (MADE_FLOATS - 1) * sizeof(*to));
	else
		for (size_t i = 0; i < n; i++, from += MADE_FLOATS, to += stride)
		{
			to[0] = from[0];
			if (encoder->has_missing)
				to[1] = from[3];
		}
}

/* n numbers of the piece to rows of stride floats. */
static void
encode_piece(const cer_encoder *encoder, grid_piece *piece, size_t n,
             size_t stride, float *to)
{
	if (encoder->n_points >= 2 && n >= WIDE_ROWS)
	{
		make_piece(encoder, piece);
		put_piece(encoder, piece, n, stride, to);
		return;
	}
	for (size_t i = 0; i < n; i++)
		cer_grid_encode_one(encoder, piece->x[i], to + i * stride);
}

void
cer_grid_encode(const cer_encoder *encoder, const cer_encode_block *block)
{
	float *to = block->numbers + encoder->number;
	grid_piece piece;

	memset(piece.x, 0, sizeof(piece.x));
	for (size_t first = 0; first < block->n_rows; first += CER_PIECE_ROWS)
	{
		size_t n = cer_data_get_piece(block->column, block->first + first,
		                              block->n_rows - first, piece.x);

		encode_piece(encoder, &piece, n, block->n_numbers,
		             to + first * block->n_numbers);
	}
}

void
cer_grid_encode_values(const cer_encoder *encoder, const cer_value_block *block)
{
	float *to = block->numbers + encoder->number;
	grid_piece piece;

	memset(piece.x, 0, sizeof(piece.x));
	for (size_t first = 0; first < block->n_rows; first += CER_PIECE_ROWS)
	{
		size_t n = block->n_rows - first;

		n = n < CER_PIECE_ROWS ? n : CER_PIECE_ROWS;
		memcpy(piece.x, block->values + first, n * sizeof(piece.x[0]));
		encode_piece(encoder, &piece, n, block->n_numbers,
		             to + first * block->n_numbers);
	}
}

/* ---- bytes ---- */

void
cer_grid_write(cer_byte_writer *to, const cer_encoder *encoder)
{
	cer_write_number(to, encoder->has_missing, 1);
	cer_write_number(to, encoder->n_points, sizeof(uint32_t));
	for (size_t i = 0; i < encoder->n_points; i++)
	{
		cer_write_double(to, encoder->points[i]);
		cer_write_double(to, encoder->deviates[i]);
	}
}

static cer_status
read_points(cer_byte_reader *from, cer_encoder *encoder, double *points,
            cer_error *err)
{
	size_t n = encoder->n_points;

	for (size_t i = 0; i < n; i++)
	{
		points[i] = cer_read_double(from);
		points[n + i] = cer_read_double(from);
		if (!(fabs(points[i]) <= CER_HUGE_NUMBER) ||
		    !(fabs(points[n + i]) <= CER_MAX_DEVIATE) ||
		    (i > 0 && !(points[i] > points[i - 1])))
			return cer_encoder_fail(encoder, err);
	}
	return CER_OK;
}

cer_status
cer_grid_read(cer_arena *arena, cer_byte_reader *from, cer_encoder *encoder,
              cer_error *err)
{
	uint64_t has_missing = cer_read_number(from, 1);
	uint64_t n = cer_read_number(from, sizeof(uint32_t));
	double *points;

	if (has_missing > 1 || n > from->left / (2 * sizeof(double)))
		return cer_encoder_fail(encoder, err);
	encoder->has_missing = has_missing == 1;
	encoder->n_points = (size_t) n;
	points = cer_arena_allocate(arena, 2 * (size_t) n * sizeof(*points) + 1);
	if (points == NULL)
		return cer_fail_memory(err, 2 * (size_t) n * sizeof(*points));
	encoder->points = points;
	encoder->deviates = points + n;
	CER_TRY(read_points(from, encoder, points, err));
	cer_grid_place(encoder);
	return CER_OK;
}
