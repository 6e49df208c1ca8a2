/*
 * train/order.h
 *	  The order of rows in an epoch.
 */
#ifndef CER_TRAIN_ORDER_H
#define CER_TRAIN_ORDER_H

#include "nn/kernels.h"

typedef struct cer_order
{
	const cer_host *host;
	const cer_kernels *kernels;
	cer_random random;
	cer_random of_windows;
	size_t n_rows;
	size_t window; /* rows that are shuffled together; 0: all */
	const uint64_t *row_keys;
	uint32_t *rows;    /* the order made last */
	uint32_t *windows; /* in the order made last */
	uint64_t *numbers; /* of windows */
	uint64_t *keys;
	uint64_t *scratch;
	uint32_t epoch; /* whose order it is; 0: of none */
} cer_order;

/* host, kernels and row_keys must live as long. */
extern cer_status cer_order_init(cer_arena *arena, cer_order *order,
                                 uint64_t seed, cer_error *err);

/*
 * Sorts the rows by a random number of (seed, epoch, row key): rows that come
 * or go leave the others in their order.
 *
 * With windows, so many rows that follow each other are sorted so, and windows
 * by a random number of (seed, epoch, window): rows follow each other in the
 * order of their hashed keys, so that a window is a random sample of them.
 */
extern void cer_order_shuffle(cer_order *order, uint32_t epoch);
/* The same as a task of its own, beside others; then a shuffle for the epoch
 * has nothing left to do. */
extern void cer_order_shuffle_ahead(cer_order *order, uint32_t epoch);

#endif
