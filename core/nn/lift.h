/*
 * nn/lift.h
 *	  What op_lift.c does to a tile's numbers of one feature: bins (ple) and
 *	  waves (periodic, pbld).  Loops over plain arrays, whose bits do not depend
 *	  on the width of vectors.
 */
#ifndef CER_NN_LIFT_H
#define CER_NN_LIFT_H

#include "data/encoded.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define CER_WIDE __attribute__((target_clones("avx2", "default")))
#else
#define CER_WIDE
#endif

/* What is learnt of one number's bins. */
typedef struct cer_bins
{
	const cer_lift *lift;
	const float *w; /* (n_inner, n_out) */
	float *beyond;  /* (n_inner, n_out): see below */
} cer_bins;

/* Forward: beyond[t] becomes the sum of all rows of w before t. */
extern void cer_bins_begin(const cer_bins *bins);
/* y (n_out) = PLE(x) w */
extern void cer_bins_forward(const cer_bins *bins, float x, float *y);
/* Backward: grad (n_inner, n_out) gets what x gives at its own bin, beyond[t]
 * what rows beyond t give; beyond is zeroed before. */
extern void
cer_bins_backward(const cer_bins *bins, float x, const float *dy, float *grad);
/* Adds what rows beyond each bin gave. */
extern void cer_bins_end(const cer_bins *bins, float *grad);

/* Waves of one number; what is learnt of them. */
typedef struct cer_waves
{
	size_t n;       /* frequencies */
	size_t n_inner; /* waves that are used: the first n or, with sines, 2 n */
	size_t n_out;
	const float *frequencies;
	const float *phases; /* NULL: none */
	const float *w;      /* (n_inner, n_out) */
	const float *bias;
	float *turned; /* (n_out, n_inner): w turned, see cer_waves_begin */
} cer_waves;

typedef struct cer_wave_grads
{
	float *frequencies;
	float *phases; /* NULL: none */
	float *bias;
	float *turned; /* (n_out, n_inner): of w, turned */
	float *angles; /* n, scratch */
} cer_wave_grads;

extern void cer_waves_begin(const cer_waves *waves);
/* values (2 n): cosines, then sines, of all waves at x; y (n_out) */
extern void
cer_waves_forward(const cer_waves *waves, float x, float *values, float *y);
extern void
cer_waves_backward(const cer_waves *waves, float x, const float *values,
                   const float *dy, const cer_wave_grads *grads);

#endif
