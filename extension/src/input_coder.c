/*
 * input_coder.c
 *	  Codes of categories that were seen before.
 */
#include "input_coder.h"

#include "scorer.h"

#define ENTRY_BITS 8
#define N_ENTRIES  (1 << ENTRY_BITS)
#define MAX_SIZE   32 /* of values that are remembered */

/* Up to 32 bytes as words, that overlap where there are fewer. */
typedef struct ShortText
{
	uint64 words[4];
	uint32 size;
} ShortText;

struct CategoryEntry
{
	ShortText text;
};

static InputKind
choose_kind(const cer_input *about, ValueShortcut shortcut, size_t n_values)
{
	if (n_values > 1)
		return INPUT_SEVERAL;
	if (about->storage == CER_CODE32)
		return shortcut == SHORTCUT_TEXT ? INPUT_TEXT : INPUT_CATEGORY;
	if (shortcut == SHORTCUT_INT4)
		return INPUT_INT4;
	return shortcut == SHORTCUT_FLOAT8 ? INPUT_FLOAT8 : INPUT_NUMBER;
}

/* The codes of a text become those of an entry. */
static void
find_codes(InputCoder *coder, cer_text text, size_t entry)
{
	cer_value values[CER_MAX_INPUT_VALUES];
	uint32 *codes = coder->codes + entry * coder->n_values;

	cer_model_encode_text(coder->model, coder->input, text, values, 1);
	for (size_t i = 0; i < coder->n_values; i++)
		codes[i] = values[i].code;
}

void
input_coder_init(InputCoder *coder, const cer_model *model, size_t input,
                 Oid type)
{
	const cer_input *about = cer_model_get_input(model, input);

	coder->model = model;
	coder->input = input;
	coder->value = cer_model_get_value(model, input);
	coder->n_values = cer_model_count_values_of(model, input);
	coder->coder = value_coder_make(type);
	score_check_storage(about, value_coder_get_storage(coder->coder));
	coder->kind = choose_kind(about, value_coder_get_shortcut(coder->coder),
	                          coder->n_values);
	if (about->storage != CER_CODE32)
		return;
	coder->shorts = palloc0(sizeof(ShortEntry) << INPUT_SHORT_BITS);
	coder->entries = palloc0(N_ENTRIES * sizeof(CategoryEntry));
	for (int i = 0; i < N_ENTRIES; i++)
		coder->entries[i].text.size = PG_UINT32_MAX; /* nobody's */
	coder->codes = palloc((N_ENTRIES + 1) * coder->n_values * sizeof(uint32));
	find_codes(coder, (cer_text){NULL, SIZE_MAX}, N_ENTRIES);
	coder->null_code = coder->codes[N_ENTRIES * coder->n_values];
}

static inline uint64
load8(const char *bytes)
{
	uint64 word;

	memcpy(&word, bytes, 8);
	return word;
}

static inline uint64
load_few(const char *bytes, size_t size)
{
	uint64 word = 0;
	uint32 first;
	uint32 last;

	if (size >= 4)
	{
		memcpy(&first, bytes, 4);
		memcpy(&last, bytes + size - 4, 4);
		return first | (uint64) last << 32;
	}
	for (size_t i = 0; i < size; i++)
		word = word << 8 | (unsigned char) bytes[i];
	return word;
}

static inline ShortText
load_text(cer_text text)
{
	const char *end = text.data + text.size;
	ShortText made = {.size = (uint32) text.size};

	if (text.size > 16)
	{
		made.words[0] = load8(text.data);
		made.words[1] = load8(text.data + 8);
		made.words[2] = load8(end - 16);
		made.words[3] = load8(end - 8);
	}
	else if (text.size >= 8)
	{
		made.words[0] = load8(text.data);
		made.words[1] = load8(end - 8);
	}
	else
		made.words[0] = load_few(text.data, text.size);
	return made;
}

static inline CategoryEntry *
find_entry(const InputCoder *coder, const ShortText *text)
{
	uint64 hash = text->size;

	for (int i = 0; i < 4; i++)
		hash = (hash ^ text->words[i]) * UINT64CONST(0x9E3779B97F4A7C15);
	return &coder->entries[hash >> (64 - ENTRY_BITS)];
}

static inline bool
is_same(const ShortText *a, const ShortText *b)
{
	return a->size == b->size && a->words[0] == b->words[0] &&
	       a->words[1] == b->words[1] && a->words[2] == b->words[2] &&
	       a->words[3] == b->words[3];
}

static inline cer_text
get_text(InputCoder *coder, Datum value)
{
	struct varlena *bytes = (struct varlena *) DatumGetPointer(value);

	if (coder->kind != INPUT_TEXT || VARATT_IS_COMPRESSED(bytes) ||
	    VARATT_IS_EXTERNAL(bytes))
		return value_coder_get_text(coder->coder, value);
	return (cer_text){VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes)};
}

static inline void
copy_codes(const InputCoder *coder, size_t entry, cer_value *values,
           size_t stride)
{
	const uint32 *codes = coder->codes + entry * coder->n_values;

	for (size_t i = 0; i < coder->n_values; i++)
		values[i * stride].code = codes[i];
}

void
input_coder_put_codes(InputCoder *coder, Datum value, bool is_null,
                      cer_value *values, size_t stride)
{
	CategoryEntry *entry;
	ShortText key;
	cer_text text;

	if (is_null)
	{
		copy_codes(coder, N_ENTRIES, values, stride);
		return;
	}
	text = get_text(coder, value);
	if (text.size > MAX_SIZE)
	{
		cer_model_encode_text(coder->model, coder->input, text, values, stride);
		return;
	}
	key = load_text(text);
	entry = find_entry(coder, &key);
	if (!is_same(&entry->text, &key))
	{
		find_codes(coder, text, (size_t) (entry - coder->entries));
		entry->text = key;
	}
	copy_codes(coder, (size_t) (entry - coder->entries), values, stride);
}

uint32
input_coder_find_code(InputCoder *coder, Datum value)
{
	cer_value found;

	input_coder_put_codes(coder, value, false, &found, 1);
	return found.code;
}

static void
put_integers(const ValueColumn *column, int n, cer_value *values)
{
	for (int i = 0; i < n; i++)
		values[i].number =
			column->nulls[i] ? NAN : DatumGetInt32(column->values[i]);
}

static void
put_texts(InputCoder *coder, const ValueColumn *column, int n,
          cer_value *values)
{
	for (int i = 0; i < n; i++)
		if (column->nulls[i])
			values[i].code = coder->null_code;
		else if (value_column_has_words(column, i))
			values[i].code = input_coder_find_words(coder, column->texts[i],
			                                        column->values[i]);
		else
			values[i].code = input_coder_find_text(coder, column->values[i]);
}

void
input_coder_put_column(InputCoder *coder, const ValueColumn *column, int n,
                       cer_value *values, size_t stride)
{
	cer_value *first = values + coder->value * stride;

	if (coder->kind == INPUT_INT4)
		put_integers(column, n, first);
	else if (coder->kind == INPUT_TEXT)
		put_texts(coder, column, n, first);
	else
		for (int i = 0; i < n; i++)
			input_coder_put(coder, column->values[i], column->nulls[i],
			                values + i, stride);
}
