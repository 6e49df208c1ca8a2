/*
 * input_coder.h
 *	  One SQL value -> the value of a model's input, many times.
 *
 * Columns have few values that come again and again: an input of categories
 * remembers the codes of short ones by their bytes, in a small table where a
 * newcomer takes the place of who is there.
 */
#ifndef CEREBRO_INPUT_CODER_H
#define CEREBRO_INPUT_CODER_H

#include "cerebro_pg.h"

#include <math.h>

typedef struct InputCoder InputCoder;
typedef struct CategoryEntry CategoryEntry;

struct InputCoder
{
	const cer_model *model;
	size_t input;
	bool is_code; /* a category */
	ValueShortcut shortcut;
	ValueCoder *coder;
	CategoryEntry *entries;
};

/* In the current memory context; an error where the type has become another
 * kind than the input's. */
extern void input_coder_init(InputCoder *coder, const cer_model *model,
                             size_t input, Oid type);
extern uint32 input_coder_find_code(InputCoder *coder, Datum value);

static inline cer_value
input_coder_get(InputCoder *coder, Datum value, bool is_null)
{
	if (coder->is_code)
		return (cer_value){
			.code = is_null ? 0 : input_coder_find_code(coder, value)};
	if (is_null)
		return (cer_value){.number = NAN};
	if (coder->shortcut == SHORTCUT_INT4)
		return (cer_value){.number = DatumGetInt32(value)};
	if (coder->shortcut == SHORTCUT_FLOAT8)
		return (cer_value){.number = DatumGetFloat8(value)};
	return (cer_value){.number = value_coder_get_number(coder->coder, value)};
}

#endif
