/*
 * data/encoded.h
 *	  Rows as a network takes them.
 *
 * Every input becomes numbers (columns of one dense matrix) or a code into a
 * table.  A table of width 0 holds rows of the first layer itself (one-hot
 * without the matrix); of width d, embedding vectors that the first layer
 * multiplies.  Codes of a table: 0 NULL, 1 unseen or rare, then the values.
 *
 *	 numbers (n_rows, n_numbers) float, codes (n_rows, n_tables) uint32_t
 */
#ifndef CER_DATA_ENCODED_H
#define CER_DATA_ENCODED_H

#include "cerebro.h"

#define CER_CODE_NULL   0u
#define CER_CODE_UNSEEN 1u
#define CER_CODE_FIRST  2u

typedef struct cer_table_shape
{
	cer_text name; /* of the input: weights are named after it */
	size_t n_codes;
	size_t width; /* 0: rows of the first layer; else embedding width */
	bool is_more; /* another code of the table before: its rows are added */
} cer_table_shape;

/* What a network is built for. */
typedef struct cer_input_shape
{
	size_t n_numbers;
	const cer_text *number_names; /* "distance", "distance is missing", ... */
	size_t n_tables;
	const cer_table_shape *tables;
	size_t n_classes;
	size_t n_rows; /* of training; a model's: those that it keeps */

	/* of the JOINs and AGGREGATEs of FE: names of their features begin with
	 * alias and dot */
	size_t n_aliases;
	const cer_text *aliases;
} cer_input_shape;

/* Rows of one part, ordered by row key.  Labels and keys are the dataset's:
 * it must live as long. */
typedef struct cer_encoded
{
	size_t n_rows;
	const float *numbers;
	const uint32_t *codes;
	const uint16_t *labels;
	const uint64_t *row_keys;
} cer_encoded;

#endif
