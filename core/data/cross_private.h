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

extern cer_status cer_crosser_init(crosser *c, const cer_host *host,
                                   const cer_dataset *dataset, cer_error *err);
extern void cer_crosser_release(crosser *c);

#endif
