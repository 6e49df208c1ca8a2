/*
 * data/encode_table.c
 *	  Values to rows of a table: onehot and embed, of categories and numbers.
 *
 * Both are a code; a one-hot table has rows as wide as the first layer, an
 * embedding table vectors that the first layer multiplies.  Values of fewer
 * than CER_RARE_ROWS training rows share the code of unseen ones, so that it
 * is trained too.
 *
 * A code that no training row has would be a row of chance: where no value is
 * rare an unseen one counts as the most frequent value, and where none is
 * missing a missing one counts as unseen.
 */
#include "data/encoder.h"

#include "base/sort.h"
#include "base/text.h"

#include <math.h>

/* Values that stay, and how often each kind of value stands in the rows. */
typedef struct value_list
{
	cer_text *values;
	size_t n_values;
	size_t n_missing; /* rows */
	size_t n_rare;    /* rows */
	size_t n_most;    /* rows of the most frequent value */
	uint32_t most_code;
} value_list;

static void add_value(value_list *list, cer_text value, size_t n_rows);
static cer_status make_vocabulary(cer_arena *arena, cer_encoder *encoder,
                                  const value_list *list, cer_error *err);

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
	value_list list = {.values = cer_arena_allocate(fit->work, size)};

	if (list.values == NULL)
		return cer_fail_memory(err, size);
	list.n_missing = fit->counts[0];
	for (size_t code = 1; code <= dictionary->n_values; code++)
		add_value(&list, dictionary->values[code], fit->counts[code]);
	return make_vocabulary(arena, fit->encoder, &list, err);
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

static size_t
find_run_end(const uint64_t *keys, size_t n, size_t first)
{
	size_t end = first + 1;

	while (end < n && keys[end] == keys[first])
		end++;
	return end;
}

/* Only runs that are long enough ask for room. */
static size_t
count_frequent(const uint64_t *keys, size_t n)
{
	size_t n_frequent = 0;

	for (size_t first = 0, end; first < n; first = end)
	{
		end = find_run_end(keys, n, first);
		n_frequent += end - first >= CER_RARE_ROWS;
	}
	return n_frequent;
}

cer_status
cer_number_value_settle(cer_arena *arena, cer_fit_input *fit, cer_error *err)
{
	size_t n_frequent = count_frequent(fit->keys, fit->n_keys);
	size_t size = n_frequent * sizeof(cer_text);
	value_list list = {.values = cer_arena_allocate(fit->work, size)};
	char *bytes =
		cer_arena_allocate(fit->work, n_frequent * CER_NUMBER_VALUE_SIZE);

	if (list.values == NULL || bytes == NULL)
		return cer_fail_memory(err, size);
	list.n_missing = fit->n_rows - fit->n_keys;
	for (size_t first = 0, end; first < fit->n_keys; first = end)
	{
		char *value = bytes + list.n_values * CER_NUMBER_VALUE_SIZE;

		end = find_run_end(fit->keys, fit->n_keys, first);
		if (end - first >= CER_RARE_ROWS)
			cer_number_key_write(fit->keys[first], value);
		add_value(&list, (cer_text){value, CER_NUMBER_VALUE_SIZE}, end - first);
	}
	CER_TRY(make_vocabulary(arena, fit->encoder, &list, err));
	return cer_number_codes_make(arena, fit->encoder->vocabulary,
	                             &fit->encoder->number_codes, err);
}

/* ---- vocabularies ---- */

static void
add_value(value_list *list, cer_text value, size_t n_rows)
{
	if (n_rows < CER_RARE_ROWS)
	{
		list->n_rare += n_rows;
		return;
	}
	if (n_rows > list->n_most)
	{
		list->n_most = n_rows;
		list->most_code = CER_CODE_FIRST + (uint32_t) list->n_values;
	}
	list->values[list->n_values++] = value;
}

static size_t
choose_width(cer_encoder_spec spec, size_t n_values)
{
	if (spec.kind == CER_ENCODER_ONEHOT ||
	    (spec.kind == CER_ENCODER_AUTO && n_values <= CER_ONEHOT_VALUES))
		return 0;
	return spec.width > 0 ? spec.width : CER_EMBED_WIDTH;
}

/* Codes of values that have none: as the file's head says. */
static void
choose_codes(cer_encoder *encoder, const value_list *list)
{
	encoder->unseen_code = list->n_rare > 0     ? CER_CODE_UNSEEN
	                       : list->n_values > 0 ? list->most_code
	                                            : CER_CODE_NULL;
	encoder->null_code =
		list->n_missing > 0 ? CER_CODE_NULL : encoder->unseen_code;
}

static cer_status
make_vocabulary(cer_arena *arena, cer_encoder *encoder, const value_list *list,
                cer_error *err)
{
	encoder->width = choose_width(encoder->spec, list->n_values);
	choose_codes(encoder, list);
	return cer_vocabulary_make(arena, list->values, list->n_values,
	                           &encoder->vocabulary, err);
}

/* ---- encoding ---- */

/* The code in the table of one that may be none of its values. */
static uint32_t
resolve_code(const cer_encoder *encoder, uint32_t code)
{
	if (code == CER_CODE_NULL)
		return encoder->null_code;
	if (code == CER_CODE_UNSEEN ||
	    code - CER_CODE_FIRST >= encoder->vocabulary->n_values)
		return encoder->unseen_code;
	return code;
}

void
cer_category_find(const cer_encoder *encoder, cer_text value, uint32_t *codes)
{
	if (value.size == SIZE_MAX)
		*codes = encoder->null_code;
	else
		*codes = resolve_code(encoder,
		                      cer_vocabulary_find(encoder->vocabulary, value));
}

uint32_t
cer_number_value_find(const cer_encoder *encoder, double x)
{
	if (x != x)
		return encoder->null_code;
	return resolve_code(encoder, cer_number_codes_find(encoder->number_codes,
	                                                   cer_number_make_key(x)));
}

void
cer_number_value_encode(const cer_encoder *encoder,
                        const cer_encode_block *block)
{
	uint32_t *to = block->codes + encoder->table;

	for (size_t i = 0; i < block->n_rows; i++)
		to[i * block->n_tables] = encoder->type->find_number(
			encoder, cer_data_get_number(block->column, block->first + i));
}

void
cer_number_value_encode_values(const cer_encoder *encoder,
                               const cer_value_block *block)
{
	uint32_t *to = block->codes + encoder->table;

	for (size_t i = 0; i < block->n_rows; i++)
		to[i * block->n_tables] =
			encoder->type->find_number(encoder, block->values[i].number);
}

/* ---- bytes ---- */

void
cer_table_write(cer_byte_writer *to, const cer_encoder *encoder)
{
	const cer_vocabulary *vocabulary = encoder->vocabulary;

	cer_write_number(to, encoder->width, sizeof(uint32_t));
	cer_write_number(to, encoder->null_code, sizeof(uint32_t));
	cer_write_number(to, encoder->unseen_code, sizeof(uint32_t));
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
cer_values_read(cer_arena *arena, cer_byte_reader *from,
                const cer_encoder *encoder, const cer_vocabulary **vocabulary,
                cer_error *err)
{
	size_t n_values = (size_t) cer_read_number(from, sizeof(uint32_t));
	cer_text *values;

	/* each value takes its size's bytes at least */
	if (n_values > from->left / sizeof(uint32_t))
		return fail_values(encoder, err);
	values = cer_arena_allocate(arena, n_values * sizeof(*values));
	if (values == NULL)
		return cer_fail_memory(err, n_values * sizeof(*values));
	if (!read_values(from, encoder, values, n_values))
		return fail_values(encoder, err);
	return cer_vocabulary_make(arena, values, n_values, vocabulary, err);
}

cer_status
cer_table_read(cer_arena *arena, cer_byte_reader *from, cer_encoder *encoder,
               cer_error *err)
{
	size_t width = (size_t) cer_read_number(from, sizeof(uint32_t));
	uint32_t null_code = (uint32_t) cer_read_number(from, sizeof(uint32_t));
	uint32_t unseen_code = (uint32_t) cer_read_number(from, sizeof(uint32_t));
	bool has_nothing = encoder->type->lift != NULL; /* a code more: a bag */
	size_t n_codes;

	CER_TRY(cer_values_read(arena, from, encoder, &encoder->vocabulary, err));
	n_codes = encoder->vocabulary->n_values + CER_CODE_FIRST + has_nothing;
	if (width > CER_MAX_EMBED_WIDTH || null_code >= n_codes ||
	    unseen_code >= n_codes)
		return fail_values(encoder, err);
	encoder->width = width;
	encoder->null_code = null_code;
	encoder->unseen_code = unseen_code;
	if (encoder->type->is_of_codes)
		return CER_OK;
	return cer_number_codes_make(arena, encoder->vocabulary,
	                             &encoder->number_codes, err);
}
