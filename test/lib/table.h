/*
 * table.h
 *	  Tables under construction, and datasets and profiles of them.
 */
#ifndef CER_TEST_TABLE_H
#define CER_TEST_TABLE_H

#include "cerebro.h"
#include "random.h"

#define MAX_COLUMNS 32
#define MAX_ROWS    80000

/* NAN and code 0 are NULL. */
typedef struct table
{
	size_t n_rows;
	size_t n_columns;
	cer_input inputs[MAX_COLUMNS];
	size_t n_values[MAX_COLUMNS];
	void *columns[MAX_COLUMNS];
	uint16_t labels[MAX_ROWS];
	uint8_t parts[MAX_ROWS];
	uint64_t row_keys[MAX_ROWS];
	size_t n_classes;
	test_random random;
} table;

/* Rows with random keys and labels (two classes), seven of ten for training;
 * the same each time. */
extern table *table_new(size_t n_rows);
extern void table_free(table *t);

/* Columns to be filled, of zeros. */
extern double *add_numbers(table *t, const char *name);
/* Codes 1 to n_values; the dictionary is made up. */
extern uint32_t *add_categories(table *t, const char *name, size_t n_values);

extern cer_status
make_dataset(const cer_host *host, const table *t, cer_dataset **dataset);

typedef struct outcome
{
	cer_arena *arena;
	const cer_profile_column *columns;
	cer_profile_key key;
} outcome;

/* The profile of a table, which it frees; asserts (cmocka) success. */
extern outcome profile_table(table *t);

#endif
