/*
 * lang/summary.h
 *	  Where the dimensions of a summary lie: see distance_summary.c.
 */
#ifndef CER_LANG_SUMMARY_H
#define CER_LANG_SUMMARY_H

#include "cerebro.h"

#define UNITS 1024.0

enum
{
	NAME_BUCKETS = 16,
	DETAIL_BUCKETS = 8,
	WORD_BUCKETS = 8,
	N_HATS = 7,
	OPTIMIZER_BUCKETS = 3,
	ACTIVATION_BUCKETS = 4,
	SPANS = 4, /* the least and the most of settings of AS */
	SUMMARY_NUMBERS = 9,
	NAME_FIRST = 0,
	DETAIL_FIRST = NAME_FIRST + NAME_BUCKETS,
	WORD_FIRST = DETAIL_FIRST + DETAIL_BUCKETS,
	HAT_FIRST = WORD_FIRST + WORD_BUCKETS, /* then the one for zero */
	N_NODES = HAT_FIRST + N_HATS + 1,
	OPTIMIZER_FIRST,
	ACTIVATION_FIRST = OPTIMIZER_FIRST + OPTIMIZER_BUCKETS,
	NUMBER_FIRST = ACTIVATION_FIRST + ACTIVATION_BUCKETS,
	SPAN_FIRST = NUMBER_FIRST + SUMMARY_NUMBERS,
	LIST_LEAST = SPAN_FIRST + 2 * SPANS, /* of numbers of lists */
	LIST_MOST,
	N_WIDTHS,    /* of the shortest list */
	SHAPE_FIRST, /* not in units: see distance_shape.c */
	N_DIMS = SHAPE_FIRST + CER_SUMMARY_SHAPE
};

_Static_assert(N_DIMS == CER_SUMMARY_DIMS, "all are used");

/* Weights are counted in parts of 1, so that sums are exact. */
#define PARTS 8

#endif
