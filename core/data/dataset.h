/*
 * data/dataset.h
 *	  Rows gathered from chunks: what encoders and the profile read.
 *
 * While gathering, rows stand in groups as they came.  A finished dataset
 * holds one array per column, ordered by (part, row key, content), and each
 * dictionary in byte order, so nothing tells how the rows arrived:
 *
 *	 row:		0 ........ | ......... | ........ n_rows
 *	 part:		  train	   |   valid   |   test
 *				part_start[0]  [1]		   [2]		[3]
 */
#ifndef CER_DATA_DATASET_H
#define CER_DATA_DATASET_H

#include "cerebro.h"

/* Limits on what comes from outside; row numbers and codes are 32 bits. */
#define CER_MAX_ROWS    ((size_t) 1 << 31)
#define CER_MAX_INPUTS  ((size_t) 1 << 14)
#define CER_MAX_CLASSES ((size_t) 1 << 15)
#define CER_MAX_VALUES  ((size_t) 1 << 30)

/* Values of a category by code, from 1; [0] stands for NULL and is empty. */
typedef struct cer_dictionary
{
	size_t n_values;
	const cer_text *values; /* finished: distinct, in byte order */
} cer_dictionary;

/* One input of a finished dataset. */
typedef struct cer_data_column
{
	cer_input input;
	cer_dictionary dictionary; /* CER_CODE32 only */
	/* n_rows elements, one of these by input.storage; NULL once released */
	const float *floats;   /* CER_FLOAT32: NaN is NULL */
	const double *doubles; /* CER_FLOAT64: NaN is NULL */
	const uint32_t *codes; /* CER_CODE32: at most n_values; 0 is NULL */
} cer_data_column;

/* What may be read of a finished dataset; part_start as drawn above. */
typedef struct cer_data_view
{
	size_t n_rows;
	size_t n_classes;
	size_t n_inputs;
	const cer_data_column *columns;
	const uint64_t *row_keys;
	const uint16_t *labels;
	const uint8_t *parts;
	size_t part_start[CER_N_PARTS + 1];
} cer_data_view;

/* NULL before cer_dataset_finish. */
extern const cer_data_view *cer_dataset_get_view(const cer_dataset *dataset);

/* Values of a number column as double, whatever its storage. */
static inline double
cer_data_get_number(const cer_data_column *column, size_t row)
{
	return column->floats != NULL ? (double) column->floats[row]
	                              : column->doubles[row];
}

/* NULL: there is none of that name. */
extern const cer_data_column *
cer_data_find(const cer_data_view *view, cer_text name);

/* False once released. */
extern bool cer_data_has_values(const cer_data_column *column);

/* A reader is done: after the last one the values of all columns go; keys,
 * labels and parts stay. */
extern void cer_dataset_release_columns(cer_dataset *dataset);

/* CER_BAD_DATA unless training rows of two classes are there. */
extern cer_status cer_dataset_check(const cer_dataset *dataset, cer_error *err);

#endif
