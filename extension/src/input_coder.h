/*
 * input_coder.h
 *	  One SQL value -> the values of a model's input, many times.
 *
 * Columns have few values that come again and again: an input of categories
 * remembers the codes of short ones by their bytes, in small tables where a
 * newcomer takes the place of who is there: up to 15 bytes as they lie in rows,
 * up to 32 bytes in any form.
 */
#ifndef CEREBRO_INPUT_CODER_H
#define CEREBRO_INPUT_CODER_H

#include "cerebro_pg.h"

#include <math.h>

typedef struct InputCoder InputCoder;
typedef struct CategoryEntry CategoryEntry;

/* How a value is read, by what a reader may do itself. */
typedef enum InputKind
{
	INPUT_INT4,
	INPUT_FLOAT8,
	INPUT_NUMBER, /* by the coder */
	INPUT_TEXT,
	INPUT_CATEGORY, /* by the coder */
	INPUT_SEVERAL   /* a category of several codes */
} InputKind;

/* A value of up to 15 bytes with its header, as words; and its code. */
typedef struct ShortEntry
{
	uint64 words[2];
	uint32 code;
} ShortEntry;

struct InputCoder
{
	InputKind kind;
	ShortEntry *shorts;
	CategoryEntry *entries;
	const cer_model *model;
	size_t input;
	size_t value;    /* the first of its values in a row */
	size_t n_values; /* of a category: codes */
	uint32 null_code;
	uint32 *codes; /* of the entries: (entries + 1, n_values); the last are
					  * NULL's */
	ValueCoder *coder;
};

/* In the current memory context; an error where the type has become another
 * kind than the input's. */
extern void input_coder_init(InputCoder *coder, const cer_model *model,
                             size_t input, Oid type);
extern uint32 input_coder_find_code(InputCoder *coder, Datum value);
extern void input_coder_put_codes(InputCoder *coder, Datum value, bool is_null,
                                  cer_value *values, size_t stride);

/* A column of many rows, its values side by side. */
typedef struct ValueColumn
{
	const Datum *values;
	const bool *nulls;
	/* NULL, or room for words of short texts (input_coder_load): those of the
	 * values that point to their own place here */
	uint64 (*texts)[2];
} ValueColumn;

static inline bool
value_column_has_words(const ValueColumn *column, int row)
{
	return column->texts != NULL &&
	       DatumGetPointer(column->values[row]) == (char *) column->texts[row];
}

/* Of n rows, whose i-th values are at values + i and those of its other codes
 * stride apart. */
extern void input_coder_put_column(InputCoder *coder, const ValueColumn *column,
                                   int n, cer_value *values, size_t stride);

#define INPUT_SHORT_BITS 10

/*
 * A text in its short form, as in rows of tables: 16 bytes from its header on
 * can be read where they lie in one page of memory.
 */
static inline bool
input_coder_is_short(const char *text)
{
	return VARATT_IS_1B(text) && !VARATT_IS_1B_E(text) &&
	       VARSIZE_1B(text) <= 16 && ((uintptr_t) text & 4095) <= 4096 - 16;
}

/* The header tells the size: what follows the value is masked out. */
static inline void
input_coder_load(const char *text, uint64 words[2])
{
	static const uint64 ones = PG_UINT64_MAX;
	uint32 size = VARSIZE_1B(text);

	memcpy(words, text, 16);
	if (size <= 8)
	{
		words[0] &= ones >> (64 - 8 * size);
		words[1] = 0;
	}
	else
		words[1] &= ones >> (128 - 8 * size);
}

/* words are those of the value. */
static inline uint32
input_coder_find_words(InputCoder *coder, const uint64 words[2], Datum value)
{
	ShortEntry *entry = &coder->shorts[((words[0] ^ words[1] * 31) *
	                                    UINT64CONST(0x9E3779B97F4A7C15)) >>
	                                   (64 - INPUT_SHORT_BITS)];

	if (entry->words[0] != words[0] || entry->words[1] != words[1])
	{
		entry->code = input_coder_find_code(coder, value);
		entry->words[0] = words[0];
		entry->words[1] = words[1];
	}
	return entry->code;
}

static inline uint32
input_coder_find_text(InputCoder *coder, Datum value)
{
	const char *text = DatumGetPointer(value);
	uint64 words[2];

	if (!input_coder_is_short(text))
		return input_coder_find_code(coder, value);
	input_coder_load(text, words);
	return input_coder_find_words(coder, words, value);
}

/* Writes the input's values of a row whose i-th is at values + i * stride. */
static inline void
input_coder_put(InputCoder *coder, Datum value, bool is_null, cer_value *values,
                size_t stride)
{
	values += coder->value * stride;
	switch (coder->kind)
	{
		case INPUT_INT4:
			values->number = is_null ? NAN : DatumGetInt32(value);
			break;
		case INPUT_FLOAT8:
			values->number = is_null ? NAN : DatumGetFloat8(value);
			break;
		case INPUT_NUMBER:
			values->number =
				is_null ? NAN : value_coder_get_number(coder->coder, value);
			break;
		case INPUT_TEXT:
			values->code = is_null ? coder->null_code
			                       : input_coder_find_text(coder, value);
			break;
		case INPUT_CATEGORY:
			values->code = is_null ? coder->null_code
			                       : input_coder_find_code(coder, value);
			break;
		case INPUT_SEVERAL:
			input_coder_put_codes(coder, value, is_null, values, stride);
			break;
	}
}

#endif
