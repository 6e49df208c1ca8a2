/*
 * data/encode_bins.c
 *	  Numbers to the bin that they fall in: a row of the first layer per bin.
 *
 * A bin begins at a point of the grid (encode_grid.c) and ends before the next
 * one, so that about as many training rows lie in each; the first and the last
 * one go on for ever.  The greatest value begins a bin of its own only where
 * enough rows share it.
 */
#include "data/encoder.h"

#include "base/text.h"

/* ---- fitting ---- */

/* Of the sorted keys. */
static size_t
count_greatest(const cer_fit_input *fit)
{
	size_t n = 1;

	while (n < fit->n_keys &&
	       fit->keys[fit->n_keys - 1 - n] == fit->keys[fit->n_keys - 1])
		n++;
	return n;
}

/* One that is missing, where no training row misses it, is in the middle. */
static uint32_t
choose_null_code(const cer_encoder *encoder, bool has_missing)
{
	if (has_missing || encoder->n_points == 0)
		return CER_CODE_NULL;
	return CER_CODE_FIRST + (uint32_t) (encoder->n_points / 2);
}

cer_status
cer_bins_settle(cer_arena *arena, cer_fit_input *fit, cer_error *err)
{
	cer_encoder *encoder = fit->encoder;
	bool has_missing = encoder->has_missing;

	if (encoder->spec.width == 0)
		encoder->spec.width = CER_N_BINS;
	CER_TRY(cer_grid_settle(arena, fit, err));
	encoder->n_scaled = 0;
	encoder->has_missing = false;
	if (encoder->n_points > 1 &&
	    2 * count_greatest(fit) * encoder->n_points < fit->n_keys)
		encoder->n_points--;
	encoder->null_code = choose_null_code(encoder, has_missing);
	return CER_OK;
}

/* ---- encoding ---- */

static uint32_t
find_bin(const cer_encoder *encoder, double x)
{
	if (x != x || encoder->n_points == 0)
		return encoder->null_code;
	return CER_CODE_FIRST + (uint32_t) cer_grid_find(encoder, x);
}

void
cer_bins_encode(const cer_encoder *encoder, const cer_encode_block *block)
{
	uint32_t *to = block->codes + encoder->table;

	for (size_t i = 0; i < block->n_rows; i++)
		to[i * block->n_tables] = find_bin(
			encoder, cer_data_get_number(block->column, block->first + i));
}

void
cer_bins_encode_values(const cer_encoder *encoder, const cer_value_block *block)
{
	uint32_t *to = block->codes + encoder->table;

	for (size_t i = 0; i < block->n_rows; i++)
		to[i * block->n_tables] = find_bin(encoder, block->values[i].number);
}

void
cer_bins_describe(const cer_encoder *encoder, size_t i, cer_table_shape *table,
                  const char **suffix)
{
	(void) i;
	(void) suffix;
	table->width = 0;
	table->n_codes = CER_CODE_FIRST + encoder->n_points;
}

/* ---- bytes ---- */

void
cer_bins_write(cer_byte_writer *to, const cer_encoder *encoder)
{
	cer_write_number(to, encoder->null_code, sizeof(uint32_t));
	cer_grid_write(to, encoder);
}

cer_status
cer_bins_read(cer_arena *arena, cer_byte_reader *from, cer_encoder *encoder,
              cer_error *err)
{
	encoder->null_code = (uint32_t) cer_read_number(from, sizeof(uint32_t));
	CER_TRY(cer_grid_read(arena, from, encoder, err));
	if (encoder->has_missing ||
	    encoder->null_code >= CER_CODE_FIRST + encoder->n_points)
		return cer_encoder_fail(encoder, err);
	encoder->n_scaled = 0;
	return CER_OK;
}
