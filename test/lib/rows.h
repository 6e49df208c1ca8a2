/*
 * rows.h
 *	  Rows for tests, and the many ways in which they can arrive.
 */
#ifndef CER_TEST_ROWS_H
#define CER_TEST_ROWS_H

#include "cerebro.h"
#include "random.h"

/* One value by its input's storage; texts: NULL data is NULL. */
typedef struct test_value
{
	double number;
	cer_text text;
} test_value;

typedef struct test_rows
{
	size_t n_rows;
	size_t n_inputs;
	size_t n_classes;
	const cer_input *inputs;
	const uint64_t *row_keys;
	const uint8_t *parts;
	const uint16_t *labels;
	const test_value *values;   /* (n_rows, n_inputs) */
	const cer_time_unit *units; /* by input; NULL: none is a time */
} test_rows;

/* How rows come: NULL random means in their order, in large chunks. */
typedef struct arrival
{
	test_random *random;
	bool is_shuffled;  /* rows in any order */
	bool is_in_pieces; /* chunks of any size, values one by one */
} arrival;

#define ROWS_N_INPUTS 7
#define ROWS_N_STAR   6 /* of FE *: the first ones */

/*
 * Random rows: float8 with NULL, NaN and infinities, float8 of few values,
 * float4, a constant, a category of few values, one of many, arrays, which are
 * not in FE *.  Every key is
 * another if has_ties is false.  Free with rows_free.
 */
extern test_rows *rows_make(test_random *random, size_t n_rows, bool has_ties);
extern void rows_free(test_rows *rows);

/* Columns as a task would give them, n_inputs of them; all are in FE *. */
extern void rows_get_columns(const test_rows *rows, cer_column *columns);

/* A finished dataset; returns the first failure. */
extern cer_status
rows_load(const test_rows *rows, const cer_host *host, const arrival *how,
          cer_dataset **dataset, cer_error *err);

#endif
