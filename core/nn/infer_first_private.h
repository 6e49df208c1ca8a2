/*
 * nn/infer_first_private.h
 *	  The first layer in scoring, for the files that make and run it.
 */
#ifndef CER_NN_INFER_FIRST_PRIVATE_H
#define CER_NN_INFER_FIRST_PRIVATE_H

#include "nn/infer_first.h"
#include "nn/ramps.h"
#include "nn/row_store.h"

typedef struct infer_table
{
	size_t n_codes;
	size_t width;         /* gathered: of the embedding; else 0 */
	const float *rows;    /* P (n_codes, padded units), or E (n_codes, width) */
	const float *weights; /* gathered: packed slice of the first layer */
	/* in place of rows: those that were asked for */
	cer_row_store *store;
	size_t n_in;               /* floats of a row that is put there */
	const float *fold_weights; /* folds it; NULL: it is as it is */
} infer_table;

/* Numbers side by side. */
typedef struct infer_run
{
	size_t first;
	size_t n;
	const float *weights; /* packed; or */
	const cer_bf16_weights *rounded;
} infer_run;

/* The features of one table of FE. */
typedef struct infer_group
{
	cer_text alias;
	size_t parent;   /* whose table it is joined through; none: n_groups */
	size_t n_summed; /* places of tables that are not gathered */
	const uint32_t *summed;
	size_t n_gathered;
	const uint32_t *gathered;
	size_t n_runs;
	const infer_run *runs;
	const cer_ramps *ramps; /* where rows store ramps: then of the one run */
} infer_group;

struct cer_infer_first
{
	const cer_kernels *kernels;
	const cer_bf16 *bf16; /* NULL: products of floats */
	size_t n_out;         /* padded */
	size_t n_numbers;     /* that a row stores */
	size_t n_tables;
	size_t n_codes; /* of a row */
	const infer_table *tables;
	size_t n_groups;
	const infer_group *groups;
	size_t own;            /* of the task's own features; none: n_groups */
	size_t n_inner;        /* groups that are parents, */
	const uint32_t *inner; /* children before their parents */
	size_t widest;         /* gathered embedding */
	size_t most_inputs;    /* of a product */
	size_t most_pairs;     /* of inputs that are rounded */
};

#endif
