/*
 * nn/ramps.h
 *	  The first layer of numbers that are ramps (data/encoded.h), without them.
 *
 * A ramp of n numbers at place b with share s adds W[0] + ... + W[b - 1] +
 * s W[b] to the layer: with P, the sums of the rows of W before each of them,
 * that is P[b] + s (P[b + 1] - P[b]), two rows whatever n is.  The gradient of
 * W[i] is the sum of dz over rows beyond place i and of s dz over those there.
 */
#ifndef CER_NN_RAMPS_H
#define CER_NN_RAMPS_H

#include "nn/view.h"
#include "nn/kernels.h"

typedef struct cer_ramps
{
	size_t n_stored;              /* floats of a row */
	size_t n_plain;               /* numbers that are no ramp's */
	const uint32_t *plain;        /* which */
	const uint32_t *plain_stored; /* where rows store them */
	size_t n_ramps;
	const cer_ramp *ramps;
	const uint32_t *stored; /* where rows store them */
	size_t n;               /* floats of a row of P */
	float **p;              /* by ramp, (ramp's n + 2, n), the last row twice */
} cer_ramps;

/* Of a view, which has all numbers of a ramp or none.  NULL: no memory. */
extern const cer_ramps *
cer_ramps_make(cer_arena *arena, const cer_input_shape *shape,
               const cer_view *view, size_t n);
/* P of one ramp; w (all numbers, n_units), n_units at most n. */
extern void cer_ramps_fill(const cer_ramps *ramps, size_t i, const float *w,
                           size_t n_units);
/* The plain numbers of rows (n_rows, n_stored) to (n_rows, n_plain). */
extern void cer_ramps_pick(const cer_ramps *ramps, size_t n_rows,
                           const float *rows, float *to);
/* z (n_rows, n) gets what the ramps of the rows add. */
extern void cer_ramps_add(const cer_ramps *ramps, const cer_kernels *kernels,
                          size_t n_rows, const float *rows, float *z);

#endif
