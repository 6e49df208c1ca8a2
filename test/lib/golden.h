/*
 * golden.h
 *	  Files of test/golden: a net's head, then named arrays, which PyTorch
 *	  computed.
 */
#ifndef CER_TEST_GOLDEN_H
#define CER_TEST_GOLDEN_H

#include "data/encoded.h"

#include <stdio.h>

#define GOLDEN_MAX_ARRAYS 128
#define GOLDEN_MAX_TABLES 8

typedef struct golden_array
{
	char what[32];
	char name[64];
	size_t n;
	float *values;
} golden_array;

typedef struct golden
{
	cer_input_shape shape;
	cer_text number_names[16];
	cer_table_shape tables[GOLDEN_MAX_TABLES];
	char table_names[GOLDEN_MAX_TABLES][8];
	size_t n_rows;
	size_t n_arrays;
	golden_array arrays[GOLDEN_MAX_ARRAYS];
	uint32_t *codes;
	uint16_t *labels;
	uint64_t *row_keys;
} golden;

/* Reads what stands before the arrays; golden_read_tables is a part of it. */
typedef void (*golden_read_head)(golden *g, FILE *file);

/* test/golden/<file>_<name>.txt, into size bytes that begin with a golden. */
extern void *golden_read(size_t size, const char *file, const char *name,
                         golden_read_head read_head);
extern void golden_free(golden *g);

/* The lines of tables; names the inputs. */
extern void golden_read_tables(golden *g, FILE *file);

/* Fails the test where there is none. */
extern const golden_array *
golden_find(const golden *g, const char *what, const char *name);

#endif
