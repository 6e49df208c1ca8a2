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
	SUMMARY_NUMBERS = 8,
	NAME_FIRST = 0,
	DETAIL_FIRST = NAME_FIRST + NAME_BUCKETS,
	WORD_FIRST = DETAIL_FIRST + DETAIL_BUCKETS,
	HAT_FIRST = WORD_FIRST + WORD_BUCKETS, /* then the one for zero */
	N_NODES = HAT_FIRST + N_HATS + 1,
	OPTIMIZER_FIRST,
	ACTIVATION_FIRST = OPTIMIZER_FIRST + OPTIMIZER_BUCKETS,
	NUMBER_FIRST = ACTIVATION_FIRST + ACTIVATION_BUCKETS,
	SPAN_FIRST = NUMBER_FIRST + SUMMARY_NUMBERS
};

_Static_assert(SPAN_FIRST + 2 * SPANS == CER_SUMMARY_DIMS, "all are used");

/* Weights are counted in parts of 1, so that sums are exact. */
#define PARTS 8

#endif
