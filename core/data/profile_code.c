/*
 * data/profile_code.c
 *	  A column's values as dense codes, in the order of the values.
 */
#include "data/profile_private.h"

#include "base/error.h"
#include "base/sort.h"
#include "data/vocabulary.h"

#include <math.h>

/* Dictionary values that no row has get no code. */
static cer_status
code_category(cer_arena *arena, const cer_data_column *column, size_t n_rows,
              uint32_t *codes, size_t *n_values, cer_error *err)
{
	size_t n_known = column->dictionary.n_values;
	uint32_t *new_code;
	uint32_t n = 0;

	CER_TRY(cer_profile_allocate(arena, n_known + 1, sizeof(*new_code),
	                             &new_code, err));
	for (size_t row = 0; row < n_rows; row++)
		new_code[column->codes[row]] = 1;
	new_code[0] = 0;
	for (size_t i = 1; i <= n_known; i++)
		new_code[i] = new_code[i] ? ++n : 0;
	for (size_t row = 0; row < n_rows; row++)
		codes[row] = new_code[column->codes[row]];
	*n_values = n;
	return CER_OK;
}

static cer_status
code_number(cer_arena *arena, const cer_data_column *column, size_t n_rows,
            uint32_t *codes, size_t *n_values, cer_error *err)
{
	cer_sort_item *items;
	cer_sort_item *scratch;
	size_t n = 0;
	uint32_t code = 0;

	CER_TRY(cer_profile_allocate(arena, n_rows, sizeof(*items), &items, err));
	CER_TRY(
		cer_profile_allocate(arena, n_rows, sizeof(*scratch), &scratch, err));
	for (size_t row = 0; row < n_rows; row++)
	{
		/* -0 is 0 */
		double number = cer_data_get_number(column, row) + 0.0;

		if (!isnan(number))
			items[n++] =
				(cer_sort_item){cer_number_make_key(number), (uint32_t) row};
	}
	cer_sort_items(items, scratch, n);
	for (size_t i = 0; i < n; i++)
	{
		if (i == 0 || items[i].key != items[i - 1].key)
			code++;
		codes[items[i].index] = code;
	}
	*n_values = code;
	return CER_OK;
}

static cer_status
count_codes(cer_arena *arena, const uint32_t *codes, size_t n_rows,
            size_t n_values, const uint32_t **result, cer_error *err)
{
	uint32_t *counts;

	CER_TRY(cer_profile_allocate(arena, n_values + 1, sizeof(*counts), &counts,
	                             err));
	for (size_t row = 0; row < n_rows; row++)
		counts[codes[row]]++;
	*result = counts;
	return CER_OK;
}

cer_status
cer_profile_code_column(cer_arena *arena, const cer_data_view *view,
                        size_t input, cer_profile_codes *result, cer_error *err)
{
	const cer_data_column *column = &view->columns[input];
	bool is_category = column->input.storage == CER_CODE32;
	cer_profile_codes made = {.n_rows = view->n_rows};
	uint32_t *codes;

	CER_TRY(
		cer_profile_allocate(arena, view->n_rows, sizeof(*codes), &codes, err));
	CER_TRY((is_category ? code_category : code_number)(
		arena, column, view->n_rows, codes, &made.n_values, err));
	made.codes = codes;
	CER_TRY(count_codes(arena, codes, view->n_rows, made.n_values, &made.counts,
	                    err));
	*result = made;
	return CER_OK;
}

/* Enough rows a bin to tell its classes, and not more bins than that. */
#define ROWS_PER_BIN 100
#define MIN_BINS     2
#define MAX_BINS     256

static size_t
choose_bins(size_t n_train)
{
	size_t n = n_train / ROWS_PER_BIN;

	return n < MIN_BINS ? MIN_BINS : n > MAX_BINS ? MAX_BINS : n;
}

cer_status
cer_profile_bin(cer_arena *arena, const cer_profile_codes *codes,
                size_t n_train, cer_profile_codes *bins, cer_error *err)
{
	size_t n_bins = choose_bins(n_train);
	size_t n_known = codes->n_rows - codes->counts[0];
	size_t n_before = 0; /* rows with a smaller value */
	cer_profile_codes made = {.n_rows = codes->n_rows};
	uint32_t *bin_of;
	uint32_t *binned;

	CER_TRY(cer_profile_allocate(arena, codes->n_values + 1, sizeof(*bin_of),
	                             &bin_of, err));
	CER_TRY(cer_profile_allocate(arena, codes->n_rows, sizeof(*binned), &binned,
	                             err));
	for (size_t code = 1; code <= codes->n_values; code++)
	{
		size_t bin = n_before * n_bins / n_known;

		if (codes->n_values <= n_bins)
			bin = code - 1;
		bin_of[code] = (uint32_t) bin + 1;
		n_before += codes->counts[code];
		made.n_values = bin + 1;
	}
	for (size_t row = 0; row < codes->n_rows; row++)
		binned[row] = bin_of[codes->codes[row]];
	made.codes = binned;
	CER_TRY(count_codes(arena, binned, made.n_rows, made.n_values, &made.counts,
	                    err));
	*bins = made;
	return CER_OK;
}

/* ---------------------------------------------------------------- sample */

#define MAX_SAMPLE_ROWS  ((size_t) 1 << 16)
#define MAX_SAMPLE_CODES ((size_t) 1 << 24) /* of all inputs together */

cer_status
cer_profile_sample_make(cer_arena *arena, const cer_data_view *view,
                        cer_profile_sample *sample, cer_error *err)
{
	size_t n = view->n_inputs;
	cer_profile_sample made = {.arena = arena, .n_inputs = n};
	size_t limit = MAX_SAMPLE_CODES / (n + 1);

	if (limit > MAX_SAMPLE_ROWS)
		limit = MAX_SAMPLE_ROWS;
	made.n_rows = view->n_rows < limit ? view->n_rows : limit;
	CER_TRY(
		cer_profile_allocate(arena, n, sizeof(*made.codes), &made.codes, err));
	CER_TRY(cer_profile_allocate(arena, n, sizeof(*made.n_values),
	                             &made.n_values, err));
	*sample = made;
	return CER_OK;
}

/* Rows stand in order of their keys' hash: every k-th is a fair sample. */
cer_status
cer_profile_sample_add(cer_arena *scratch, cer_profile_sample *sample,
                       size_t input, const cer_profile_codes *codes,
                       cer_error *err)
{
	uint32_t *chosen;
	uint32_t *new_code;
	uint32_t n = 0;

	CER_TRY(cer_profile_allocate(sample->arena, sample->n_rows, sizeof(*chosen),
	                             &chosen, err));
	CER_TRY(cer_profile_allocate(scratch, codes->n_values + 1,
	                             sizeof(*new_code), &new_code, err));
	for (size_t i = 0; i < sample->n_rows; i++)
	{
		uint32_t code = codes->codes[i * codes->n_rows / sample->n_rows];

		if (code != 0 && new_code[code] == 0)
			new_code[code] = ++n;
		chosen[i] = new_code[code];
	}
	sample->codes[input] = chosen;
	sample->n_values[input] = n;
	return CER_OK;
}
