/*
 * nn/op_norm_batch.h
 *	  Batch normalisation where statistics stand still.
 */
#ifndef CER_NN_OP_NORM_BATCH_H
#define CER_NN_OP_NORM_BATCH_H

#include <stddef.h>

/* y = x factor + shift of n units; factor may be gain, and shift bias. */
typedef struct cer_standard_line
{
	size_t n;
	const float *mean;
	const float *variance;
	const float *gain;
	const float *bias;
	float *factor;
	float *shift;
} cer_standard_line;

extern void cer_standard_find_line(const cer_standard_line *line);

#endif
