/*
 * data/cross_private.h
 *	  What the searches for columns that tell more together share.
 */
#ifndef CER_DATA_CROSS_PRIVATE_H
#define CER_DATA_CROSS_PRIVATE_H

#include "data/profile_private.h"

/* The values of a column, or of several, as dense codes. */
typedef struct cross_column
{
	size_t input;
	double width; /* of bins; 0: exact values */
	bool is_fine; /* many values, which may get a rate of their own */
	size_t n_codes;
	uint32_t *codes;
} cross_column;

typedef struct crosser
{
	const cer_host *host;
	const cer_data_view *view;
	cer_profile_label label;
	cer_arena *arena;   /* lives as long as the crosser */
	cer_arena *scratch; /* cleared for each column, and for each pair */
	cer_error *err;
} crosser;

/* A cell of each row: code 0 where something is missing. */
typedef struct cross_codes
{
	size_t n_codes;
	const uint32_t *codes;
} cross_codes;

/* What is foretold of each row, once for each fold by the rows of the others. */
typedef struct cross_foretold
{
	double *values; /* (n_rows, folds, n_classes) */
} cross_foretold;

/* In log-likelihood of a row, of rows that had no part in it. */
typedef struct cross_gain
{
	double mean;
	double deviation; /* of the mean */
} cross_gain;

/* How many numbers it holds. */
extern size_t cer_foretold_count(const cer_profile_label *label);
extern cer_status cer_foretold_init(crosser *c, cross_foretold *foretold);
/* What it gains to know the cells; scratch is used until it is cleared. */
extern cer_status
cer_foretold_measure(crosser *c, const cross_foretold *foretold,
                     const cross_codes *codes, cross_gain *gain);
/* From now on the cells are known. */
extern cer_status cer_foretold_keep(crosser *c, cross_foretold *foretold,
                                    const cross_codes *codes);

extern cer_status cer_crosser_init(crosser *c, const cer_host *host,
                                   const cer_dataset *dataset, cer_error *err);
extern void cer_crosser_release(crosser *c);

#endif
