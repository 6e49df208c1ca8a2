/*
 * data/encode_rate.c
 *	  Values to how often the label's classes are among their rows: rate
 *	  (target encoding: Micci-Barreca 2001; out of fold).
 *
 * Of a value with n rows, s of them of a class whose share of all rows is p,
 * the rate is (s + a p) / (n + a), drawn towards p as by `a` rows.  What is
 * encoded is how far its log-odds are from those of p: 0 tells nothing.
 *
 *	 two classes	that of the second, by quantile and ple (encode_grid.c)
 *	 more			one number for each, drawn in like robust
 *
 * A training row must not see its own label: its rate is made from the other
 * folds' rows, and which fold a row is in says its key.  All other rows see the
 * rates of all training rows.  Missing values have a rate, too, and so have
 * rare ones together, which unseen values share.
 */
#include "data/encoder.h"

#include "base/size.h"
#include "base/sort.h"
#include "base/text.h"

#include <math.h>
#include <string.h>

#define N_FOLDS      5
#define ROWS_PER_BIN 1000
#define MIN_BINS     2
#define SQUASH       3.0
#define MAX_LOG_ODDS 50.0

static const double strengths[] = {2, 8, 32, 128};
#define N_STRENGTHS (sizeof(strengths) / sizeof(strengths[0]))

struct cer_rates
{
	const cer_vocabulary *vocabulary;
	size_t n_codes;
	size_t n;            /* numbers of a code */
	const float *all;    /* (n_codes, n) */
	const float *folded; /* (N_FOLDS, n_codes, n); NULL: read from bytes */
};

/* Training rows by fold, code and class. */
typedef struct rate_counts
{
	size_t n_codes;
	size_t n_classes;
	uint32_t *rows;  /* (N_FOLDS, n_codes, n_classes) */
	uint32_t *all;   /* (n_codes, n_classes) */
	double *shares;  /* by class, of all rows */
	double *rates;   /* by class: room */
	double strength; /* rows that draw towards the shares */
} rate_counts;

static size_t
get_fold(uint64_t row_key)
{
	return (size_t) (row_key % N_FOLDS);
}

static uint32_t
find_code(const cer_rates *rates, cer_text value)
{
	if (value.size == SIZE_MAX)
		return CER_CODE_NULL;
	return cer_vocabulary_find(rates->vocabulary, value);
}

void
cer_rate_find(const cer_encoder *encoder, cer_text value, uint32_t *codes)
{
	*codes = find_code(encoder->rates, value);
}

uint32_t
cer_rate_find_number(const cer_encoder *encoder, double x)
{
	char bytes[CER_NUMBER_VALUE_SIZE];

	if (x != x)
		return CER_CODE_NULL;
	cer_number_key_write(cer_number_make_key(x), bytes);
	return find_code(encoder->rates, (cer_text){bytes, sizeof(bytes)});
}

/* ---- fitting: counts ---- */

static cer_status
allocate_counts(cer_fit_input *fit, rate_counts *counts, cer_error *err)
{
	size_t n = cer_size_multiply(counts->n_codes, counts->n_classes);
	size_t size = cer_size_multiply(n, (N_FOLDS + 1) * sizeof(uint32_t));

	counts->all = cer_arena_allocate(fit->work, size);
	counts->shares =
		cer_arena_allocate(fit->work, 2 * counts->n_classes * sizeof(double));
	if (counts->all == NULL || counts->shares == NULL)
		return cer_fail_memory(err, size);
	memset(counts->all, 0, size);
	counts->rows = counts->all + n;
	counts->rates = counts->shares + counts->n_classes;
	return CER_OK;
}

/* Of a category by its code in the dictionary. */
static cer_status
map_codes(cer_fit_input *fit, uint32_t **map, cer_error *err)
{
	const cer_dictionary *dictionary = &fit->column->dictionary;
	size_t size = (dictionary->n_values + 1) * sizeof(**map);

	*map = NULL;
	if (!fit->encoder->type->is_of_codes)
		return CER_OK;
	*map = cer_arena_allocate(fit->work, size);
	if (*map == NULL)
		return cer_fail_memory(err, size);
	(*map)[0] = CER_CODE_NULL;
	for (size_t code = 1; code <= dictionary->n_values; code++)
		(*map)[code] = find_code(fit->encoder->rates, dictionary->values[code]);
	return CER_OK;
}

static uint32_t
get_code(const cer_encoder *encoder, const cer_data_column *column,
         const uint32_t *map, size_t row)
{
	if (map != NULL)
		return map[column->codes[row]];
	return cer_rate_find_number(encoder, cer_data_get_number(column, row));
}

static void
count_rows(const cer_fit_input *fit, const uint32_t *map,
           const rate_counts *counts)
{
	const cer_data_view *view = fit->view;
	size_t n = counts->n_codes * counts->n_classes;

	for (size_t row = 0; row < fit->n_rows; row++)
	{
		uint32_t code = get_code(fit->encoder, fit->column, map, row);
		size_t at = code * counts->n_classes + view->labels[row];

		counts->all[at]++;
		counts->rows[get_fold(view->row_keys[row]) * n + at]++;
	}
	/* no share is 0, so that no rate is */
	for (size_t class = 0; class < counts->n_classes; class ++)
		counts->shares[class] = 1;
	for (size_t i = 0; i < n; i++)
		counts->shares[i % counts->n_classes] += counts->all[i];
	for (size_t class = 0; class < counts->n_classes; class ++)
		counts->shares[class] /=
			(double) fit->n_rows + (double) counts->n_classes;
}

/* ---- fitting: rates ---- */

/* Of a code by class, from all rows but those of `without`; NULL: from all. */
static void
make_rates(const rate_counts *counts, size_t code, const uint32_t *without)
{
	size_t first = code * counts->n_classes;
	double n = counts->strength;

	for (size_t class = 0; class < counts->n_classes; class ++)
	{
		double rows = counts->all[first + class];

		rows -= without != NULL ? without[first + class] : 0;
		n += rows;
		counts->rates[class] = rows + counts->strength * counts->shares[class];
	}
	for (size_t class = 0; class < counts->n_classes; class ++)
		counts->rates[class] /= n;
}

/* Of the training rows, each by the rates of the other folds. */
static double
find_loss(const rate_counts *counts)
{
	size_t n = counts->n_codes * counts->n_classes;
	double loss = 0;

	for (size_t i = 0; i < N_FOLDS * counts->n_codes; i++)
	{
		const uint32_t *fold = counts->rows + i / counts->n_codes * n;
		size_t code = i % counts->n_codes;

		make_rates(counts, code, fold);
		for (size_t class = 0; class < counts->n_classes; class ++)
			loss -= fold[code * counts->n_classes + class] *
			        log(counts->rates[class]);
	}
	return loss;
}

static void
choose_strength(rate_counts *counts)
{
	double best = INFINITY;
	double chosen = strengths[0];

	for (size_t i = 0; i < N_STRENGTHS; i++)
	{
		double loss;

		counts->strength = strengths[i];
		loss = find_loss(counts);
		chosen = loss < best ? strengths[i] : chosen;
		best = loss < best ? loss : best;
	}
	counts->strength = chosen;
}

static double
get_log_odds(double rate, double share)
{
	double odds = log(rate / (1 - rate)) - log(share / (1 - share));

	odds = odds < MAX_LOG_ODDS ? odds : MAX_LOG_ODDS;
	return odds > -MAX_LOG_ODDS ? odds : -MAX_LOG_ODDS;
}

/* Of all codes, (n_codes, n). */
static void
write_rates(const rate_counts *counts, const uint32_t *without, size_t n,
            float *to)
{
	size_t first = counts->n_classes - n; /* of two classes the second */

	for (size_t code = 0; code < counts->n_codes; code++)
	{
		make_rates(counts, code, without);
		for (size_t i = 0; i < n; i++)
			*to++ = (float) get_log_odds(counts->rates[first + i],
			                             counts->shares[first + i]);
	}
}

static cer_status
settle_rates(cer_arena *arena, const rate_counts *counts, cer_rates *rates,
             cer_error *err)
{
	size_t n = counts->n_codes * counts->n_classes;
	size_t size = cer_size_multiply(counts->n_codes, rates->n * sizeof(float));
	float *all = cer_arena_allocate(arena, size);
	float *folded = cer_arena_allocate(arena, cer_size_multiply(size, N_FOLDS));

	if (all == NULL || folded == NULL)
		return cer_fail_memory(err, size);
	write_rates(counts, NULL, rates->n, all);
	for (size_t fold = 0; fold < N_FOLDS; fold++)
		write_rates(counts, counts->rows + fold * n, rates->n,
		            folded + fold * counts->n_codes * rates->n);
	rates->all = all;
	rates->folded = folded;
	return CER_OK;
}

static const float *
get_rates(const cer_rates *rates, uint32_t code, const uint64_t *row_key)
{
	if (row_key == NULL)
		return rates->all + code * rates->n;
	return rates->folded +
	       (get_fold(*row_key) * rates->n_codes + code) * rates->n;
}

/* The grid of what training rows see. */
static cer_status
settle_grid(cer_arena *arena, cer_fit_input *fit, const uint32_t *map,
            cer_error *err)
{
	cer_encoder *encoder = fit->encoder;
	size_t n_bins = fit->n_rows / ROWS_PER_BIN;

	for (size_t row = 0; row < fit->n_rows; row++)
	{
		uint32_t code = get_code(encoder, fit->column, map, row);
		const float *x =
			get_rates(encoder->rates, code, &fit->view->row_keys[row]);

		fit->keys[row] = cer_number_make_key((double) *x);
	}
	fit->n_keys = fit->n_rows;
	cer_sort_keys(fit->keys, fit->scratch, fit->n_keys);
	n_bins = n_bins < MIN_BINS ? MIN_BINS : n_bins;
	if (encoder->spec.width == 0)
		encoder->spec.width = n_bins < CER_PLE_BINS ? n_bins : CER_PLE_BINS;
	return cer_grid_settle(arena, fit, err);
}

static size_t
count_rates(size_t n_classes)
{
	return n_classes == 2 ? 1 : n_classes;
}

static cer_status
settle(cer_arena *arena, cer_fit_input *fit, cer_error *err)
{
	cer_encoder *encoder = fit->encoder;
	rate_counts counts = {.n_classes = fit->view->n_classes};
	cer_rates *rates = cer_arena_allocate(arena, sizeof(*rates));
	uint32_t *map;

	if (rates == NULL)
		return cer_fail_memory(err, sizeof(*rates));
	*rates =
		(cer_rates){.vocabulary = encoder->vocabulary,
	                .n_codes = encoder->vocabulary->n_values + CER_CODE_FIRST,
	                .n = count_rates(counts.n_classes)};
	encoder->rates = rates;
	encoder->vocabulary = NULL; /* no table has a row for each */
	encoder->width = 0;
	counts.n_codes = rates->n_codes;
	CER_TRY(allocate_counts(fit, &counts, err));
	CER_TRY(map_codes(fit, &map, err));
	count_rows(fit, map, &counts);
	choose_strength(&counts);
	CER_TRY(settle_rates(arena, &counts, rates, err));
	encoder->n_scaled = rates->n;
	return rates->n == 1 ? settle_grid(arena, fit, map, err) : CER_OK;
}

cer_status
cer_rate_settle(cer_arena *arena, cer_fit_input *fit, cer_error *err)
{
	CER_TRY(cer_category_settle(arena, fit, err));
	return settle(arena, fit, err);
}

cer_status
cer_rate_number_settle(cer_arena *arena, cer_fit_input *fit, cer_error *err)
{
	CER_TRY(cer_number_value_settle(arena, fit, err));
	return settle(arena, fit, err);
}

/* ---- encoding ---- */

bool
cer_rate_has_folds(const cer_encoder *encoder)
{
	return encoder->rates->folded != NULL;
}

static void
encode_rates(const cer_encoder *encoder, const float *rates, float *to)
{
	if (encoder->rates->n == 1)
	{
		cer_grid_encode_one(encoder, (double) rates[0], to);
		return;
	}
	for (size_t i = 0; i < encoder->rates->n; i++)
	{
		double z = (double) rates[i] / SQUASH;

		to[i] = (float) ((double) rates[i] / sqrt(1 + z * z));
	}
}

void
cer_rate_encode(const cer_encoder *encoder, const cer_encode_block *block)
{
	float *to = block->numbers + encoder->number;

	for (size_t i = 0; i < block->n_rows; i++, to += block->n_numbers)
	{
		uint32_t code =
			get_code(encoder, block->column, block->code_map, block->first + i);

		encode_rates(encoder,
		             get_rates(encoder->rates, code,
		                       block->training_keys != NULL
		                           ? &block->training_keys[i]
		                           : NULL),
		             to);
	}
}

void
cer_rate_encode_values(const cer_encoder *encoder, const cer_value_block *block)
{
	float *to = block->numbers + encoder->number;

	for (size_t i = 0; i < block->n_rows; i++, to += block->n_numbers)
	{
		const cer_value *value = &block->values[i];
		uint32_t code = encoder->type->is_of_codes
		                    ? value->code
		                    : cer_rate_find_number(encoder, value->number);

		encode_rates(encoder, get_rates(encoder->rates, code, NULL), to);
	}
}

/* ---- bytes ---- */

static void
write_float(cer_byte_writer *to, float x)
{
	uint32_t word;

	memcpy(&word, &x, sizeof(word));
	cer_write_number(to, word, sizeof(word));
}

static float
read_float(cer_byte_reader *from)
{
	uint32_t word = (uint32_t) cer_read_number(from, sizeof(word));
	float x;

	memcpy(&x, &word, sizeof(x));
	return x;
}

void
cer_rate_write(cer_byte_writer *to, const cer_encoder *encoder)
{
	const cer_rates *rates = encoder->rates;
	const cer_vocabulary *vocabulary = rates->vocabulary;

	cer_write_number(to, rates->n, sizeof(uint32_t));
	cer_write_number(to, vocabulary->n_values, sizeof(uint32_t));
	for (size_t i = 0; i < vocabulary->n_values; i++)
		cer_write_text(to, vocabulary->values[i]);
	for (size_t i = 0; i < rates->n_codes * rates->n; i++)
		write_float(to, rates->all[i]);
	if (rates->n == 1)
		cer_grid_write(to, encoder);
}

static cer_status
read_rates(cer_arena *arena, cer_byte_reader *from, const cer_encoder *encoder,
           cer_rates *rates, cer_error *err)
{
	size_t n = rates->n_codes * rates->n;
	float *all;

	if (n > from->left / sizeof(float))
		return cer_encoder_fail(encoder, err);
	all = cer_arena_allocate(arena, n * sizeof(*all));
	if (all == NULL)
		return cer_fail_memory(err, n * sizeof(*all));
	for (size_t i = 0; i < n; i++)
	{
		all[i] = read_float(from);
		if (!(fabs((double) all[i]) <= MAX_LOG_ODDS))
			return cer_encoder_fail(encoder, err);
	}
	rates->all = all;
	return CER_OK;
}

cer_status
cer_rate_read(cer_arena *arena, cer_byte_reader *from, cer_encoder *encoder,
              cer_error *err)
{
	size_t n = (size_t) cer_read_number(from, sizeof(uint32_t));
	cer_rates *rates = cer_arena_allocate(arena, sizeof(*rates));

	if (rates == NULL)
		return cer_fail_memory(err, sizeof(*rates));
	if (n == 0 || n == 2 || n > CER_MAX_CLASSES)
		return cer_encoder_fail(encoder, err);
	*rates = (cer_rates){.n = n};
	CER_TRY(cer_values_read(arena, from, encoder, &rates->vocabulary, err));
	rates->n_codes = rates->vocabulary->n_values + CER_CODE_FIRST;
	encoder->rates = rates;
	encoder->n_scaled = n;
	CER_TRY(read_rates(arena, from, encoder, rates, err));
	if (n > 1)
		return CER_OK;
	CER_TRY(cer_grid_read(arena, from, encoder, err));
	return encoder->has_missing ? cer_encoder_fail(encoder, err) : CER_OK;
}
