/*
 * data/encode_table.c
 *	  Values to rows of a table: onehot and embed, of categories and numbers.
 *
 * Both are a code; a one-hot table has rows as wide as the first layer, an
 * embedding table vectors that the first layer multiplies.  Values of fewer
 * than CER_RARE_ROWS training rows share the code of unseen ones, so that it
 * is trained too.
 */
#include "data/encoder.h"

#include "base/sort.h"
#include "base/text.h"

#include <math.h>

static cer_status
make_vocabulary(cer_arena *arena, cer_encoder *encoder, const cer_text *values,
                size_t n_values, cer_error *err);

/* ---- fitting categories ---- */

void
cer_category_measure(cer_fit_input *fit)
{
	for (size_t row = 0; row < fit->n_rows; row++)
		fit->counts[fit->column->codes[row]]++;
}

/* The dictionary is in byte order, and so are those that stay. */
cer_status
cer_category_settle(cer_arena *arena, cer_fit_input *fit, cer_error *err)
{
	const cer_dictionary *dictionary = &fit->column->dictionary;
	size_t size = (dictionary->n_values + 1) * sizeof(cer_text);
	cer_text *kept = cer_arena_allocate(fit->work, size);
	size_t n = 0;

	if (kept == NULL)
		return cer_fail_memory(err, size);
	for (size_t code = 1; code <= dictionary->n_values; code++)
		if (fit->counts[code] >= CER_RARE_ROWS)
			kept[n++] = dictionary->values[code];
	return make_vocabulary(arena, fit->encoder, kept, n, err);
}

/* ---- fitting numbers ---- */

void
cer_number_value_measure(cer_fit_input *fit)
{
	size_t n = 0;

	for (size_t row = 0; row < fit->n_rows; row++)
	{
		double x = cer_data_get_number(fit->column, row);

		fit->keys[n] = cer_number_make_key(x);
		n += x == x;
	}
	fit->n_keys = n;
	cer_sort_keys(fit->keys, fit->scratch, n);
}

/* Moves keys that stand often enough to the front; how many. */
static size_t
keep_frequent(uint64_t *keys, size_t n)
{
	size_t kept = 0;

	for (size_t first = 0, end; first < n; first = end)
	{
		uint64_t key = keys[first];

		for (end = first + 1; end < n && keys[end] == key;)
			end++;
		if (end - first >= CER_RARE_ROWS)
			keys[kept++] = key;
	}
	return kept;
}

cer_status
cer_number_value_settle(cer_arena *arena, cer_fit_input *fit, cer_error *err)
{
	size_t n = keep_frequent(fit->keys, fit->n_keys);
	size_t size = (n + 1) * (sizeof(cer_text) + CER_NUMBER_VALUE_SIZE);
	cer_text *kept = cer_arena_allocate(fit->work, size);
	char *bytes = (char *) (kept + n + 1);

	if (kept == NULL)
		return cer_fail_memory(err, size);
	for (size_t i = 0; i < n; i++)
	{
		cer_number_key_write(fit->keys[i], bytes);
		kept[i] = (cer_text){bytes, CER_NUMBER_VALUE_SIZE};
		bytes += CER_NUMBER_VALUE_SIZE;
	}
	return make_vocabulary(arena, fit->encoder, kept, n, err);
}

static size_t
choose_width(cer_encoder_spec spec, size_t n_values)
{
	if (spec.kind == CER_ENCODER_ONEHOT ||
	    (spec.kind == CER_ENCODER_AUTO && n_values <= CER_ONEHOT_VALUES))
		return 0;
	return spec.width > 0 ? spec.width : CER_EMBED_WIDTH;
}

static cer_status
make_vocabulary(cer_arena *arena, cer_encoder *encoder, const cer_text *values,
                size_t n_values, cer_error *err)
{
	encoder->width = choose_width(encoder->spec, n_values);
	return cer_vocabulary_make(arena, values, n_values, &encoder->vocabulary,
	                           err);
}

/* ---- encoding ---- */

void
cer_category_encode(const cer_encoder *encoder, const cer_encode_block *block)
{
	const uint32_t *from = block->column->codes + block->first;
	uint32_t *to = block->codes + encoder->table;

	for (size_t i = 0; i < block->n_rows; i++)
		to[i * block->n_tables] = block->code_map[from[i]];
}

/* The value is a code of the encoder's own vocabulary. */
void
cer_category_encode_value(const cer_encoder *encoder, cer_value value,
                          float *numbers, uint32_t *codes)
{
	size_t n_codes = encoder->vocabulary->n_values + CER_CODE_FIRST;

	(void) numbers;
	codes[encoder->table] = value.code < n_codes ? value.code : CER_CODE_UNSEEN;
}

static uint32_t
find_number(const cer_encoder *encoder, double x)
{
	char bytes[CER_NUMBER_VALUE_SIZE];

	if (x != x)
		return CER_CODE_NULL;
	cer_number_key_write(cer_number_make_key(x), bytes);
	return cer_vocabulary_find(encoder->vocabulary,
	                           (cer_text){bytes, sizeof(bytes)});
}

void
cer_number_value_encode(const cer_encoder *encoder,
                        const cer_encode_block *block)
{
	uint32_t *to = block->codes + encoder->table;

	for (size_t i = 0; i < block->n_rows; i++)
		to[i * block->n_tables] = find_number(
			encoder, cer_data_get_number(block->column, block->first + i));
}

void
cer_number_value_encode_value(const cer_encoder *encoder, cer_value value,
                              float *numbers, uint32_t *codes)
{
	(void) numbers;
	codes[encoder->table] = find_number(encoder, value.number);
}

/* ---- bytes ---- */

void
cer_table_write(cer_byte_writer *to, const cer_encoder *encoder)
{
	const cer_vocabulary *vocabulary = encoder->vocabulary;

	cer_write_number(to, encoder->width, sizeof(uint32_t));
	cer_write_number(to, vocabulary->n_values, sizeof(uint32_t));
	for (size_t i = 0; i < vocabulary->n_values; i++)
		cer_write_text(to, vocabulary->values[i]);
}

static cer_status
fail_values(const cer_encoder *encoder, cer_error *err)
{
	return cer_fail(err, CER_BAD_FORMAT,
	                "the values of input \"%.*s\" are damaged",
	                CER_SHOW(encoder->input.name));
}

/* Distinct, in byte order, and of the right size if they are numbers. */
static bool
read_values(cer_byte_reader *from, const cer_encoder *encoder, cer_text *values,
            size_t n_values)
{
	for (size_t i = 0; i < n_values; i++)
	{
		values[i] = cer_read_text(from);
		if (from->is_bad ||
		    (i > 0 && cer_value_compare(values[i - 1], values[i]) >= 0) ||
		    (!encoder->type->is_of_codes &&
		     values[i].size != CER_NUMBER_VALUE_SIZE))
			return false;
	}
	return true;
}

cer_status
cer_table_read(cer_arena *arena, cer_byte_reader *from, cer_encoder *encoder,
               cer_error *err)
{
	size_t width = (size_t) cer_read_number(from, sizeof(uint32_t));
	size_t n_values = (size_t) cer_read_number(from, sizeof(uint32_t));
	cer_text *values;

	/* each value takes its size's bytes at least */
	if (width > CER_MAX_EMBED_WIDTH || n_values > from->left / sizeof(uint32_t))
		return fail_values(encoder, err);
	values = cer_arena_allocate(arena, n_values * sizeof(*values));
	if (values == NULL)
		return cer_fail_memory(err, n_values * sizeof(*values));
	if (!read_values(from, encoder, values, n_values))
		return fail_values(encoder, err);
	encoder->width = width;
	return cer_vocabulary_make(arena, values, n_values, &encoder->vocabulary,
	                           err);
}
