/*
 * data/encoded.h
 *	  Rows as a network takes them.
 *
 * Every input becomes numbers (columns of one dense matrix) or a code into a
 * table.  A table of width 0 holds rows of the first layer itself (one-hot
 * without the matrix); of width d, embedding vectors that the first layer
 * multiplies.  Codes of a table: 0 NULL, 1 unseen or rare, then the values.
 *
 *	 numbers (n_rows, stored) float, codes (n_rows, n_codes) uint32_t:
 *	 one for each table, then those of bags
 *
 * Numbers that rise one after the other, as those of ple do, are a ramp: 1 up
 * to some place, there a share, then 0.  A row stores that place and the share.
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
} cer_table_shape;

/* Numbers begin .. begin + n of a row: 1 before the place that is stored at
 * `stored`, the share that follows it there, 0 after it. */
typedef struct cer_ramp
{
	uint32_t begin;
	uint32_t n;
	uint32_t stored;
} cer_ramp;

/* Where a row stores a number. */
typedef struct cer_number_place
{
	uint32_t stored;
	uint32_t step; /* of a ramp; CER_NO_STEP: the number itself is stored */
} cer_number_place;

#define CER_NO_STEP     UINT32_MAX
#define CER_RAMP_FLOATS 2 /* that a row stores of a ramp */

/* What an encoder leaves to the network to learn: see nn/op_lift.c. */
typedef enum cer_lift_kind
{
	CER_LIFT_BAG,
	CER_LIFT_PERIODIC,
	CER_LIFT_PBLD,
	CER_LIFT_PLE
} cer_lift_kind;

typedef struct cer_lift
{
	cer_lift_kind kind;
	cer_text name;      /* weights are named after it */
	size_t n_out;       /* learnt numbers */
	size_t number;      /* which of a row's numbers it takes */
	size_t n_inner;     /* frequencies, or bins */
	double deviation;   /* of frequencies at first */
	const float *edges; /* of bins: n_inner + 1, rising */
	size_t code;        /* bag: the first of its codes in a row */
	size_t n_codes;
	size_t n_rows;
	bool is_padded; /* codes from n_rows on stand for nothing */
	bool is_mean;   /* else the sum of what its codes stand for */
} cer_lift;

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

	/* where rows have ramps */
	const cer_number_place *places; /* NULL: numbers are stored one by one */
	size_t n_stored;                /* floats of a row, if there are places */
	size_t n_ramps;
	const cer_ramp *ramps;

	size_t n_bag_codes; /* of a row, behind those of the tables */
	size_t n_lifts;
	const cer_lift *lifts;

	const uint32_t *number_inputs; /* rising: which input each is made of; NULL:
	                                * each of one of its own */
} cer_input_shape;

/* Floats that a row stores. */
static inline size_t
cer_shape_count_stored(const cer_input_shape *shape)
{
	return shape->places != NULL ? shape->n_stored : shape->n_numbers;
}

/* A number of a row. */
static inline float
cer_shape_get_number(const cer_input_shape *shape, const float *row,
                     size_t number)
{
	cer_number_place place;

	if (shape->places == NULL)
		return row[number];
	place = shape->places[number];
	if (place.step == CER_NO_STEP)
		return row[place.stored];
	if ((float) place.step < row[place.stored])
		return 1.0f;
	return (float) place.step == row[place.stored] ? row[place.stored + 1]
	                                               : 0.0f;
}

/* Whether it is the first number of its input. */
static inline bool
cer_shape_begins_input(const cer_input_shape *shape, size_t number)
{
	return number == 0 || shape->number_inputs == NULL ||
	       shape->number_inputs[number] != shape->number_inputs[number - 1];
}

/* Codes of an encoded row. */
static inline size_t
cer_shape_count_codes(const cer_input_shape *shape)
{
	return shape->n_tables + shape->n_bag_codes;
}

/* What one table of FE gives to rows: the same again and again. */
typedef struct cer_dimension
{
	size_t n_rows;         /* that differ */
	const uint32_t *of;    /* by row: which of these it has */
	size_t n_numbers;      /* floats of one of these, */
	const float *numbers;  /* (n_rows, n_numbers), in the order of its spans, */
	const uint32_t *codes; /* and (n_rows, tables of its view) */
} cer_dimension;

/* Rows of one part, ordered by row key.  Labels and keys are the dataset's:
 * it must live as long. */
typedef struct cer_encoded
{
	size_t n_rows;
	const float *numbers;
	const uint32_t *codes;
	const uint16_t *labels;
	const uint64_t *row_keys;
	size_t n_dimensions; /* see nn/dimension.h */
	const cer_dimension *dimensions;
	size_t n_rest;     /* floats that a row has beyond those, */
	const float *rest; /* and they: see nn/dimension_rest.c */
	size_t stride;     /* floats, or codes, from row to row, where a row has its
	                    * codes behind its numbers; 0: two matrices */
} cer_encoded;

/* From a row's numbers to the next one's. */
static inline size_t
cer_encoded_step_numbers(const cer_encoded *rows, const cer_input_shape *shape)
{
	return rows->stride > 0 ? rows->stride : cer_shape_count_stored(shape);
}

static inline size_t
cer_encoded_step_codes(const cer_encoded *rows, const cer_input_shape *shape)
{
	return rows->stride > 0 ? rows->stride : cer_shape_count_codes(shape);
}

static inline const float *
cer_encoded_get_numbers(const cer_encoded *rows, const cer_input_shape *shape,
                        size_t row)
{
	return rows->numbers + row * cer_encoded_step_numbers(rows, shape);
}

static inline const uint32_t *
cer_encoded_get_codes(const cer_encoded *rows, const cer_input_shape *shape,
                      size_t row)
{
	return rows->codes + row * cer_encoded_step_codes(rows, shape);
}

#endif
