/*
 * nn/fold.h
 *	  The net that scores, derived from the one that was trained.
 *
 * Where statistics stand still, batch normalisation is a line for each unit,
 * y = gain x + bias.  It goes into the products beside it, or else into the pass
 * of the activation; so does what multiplies by a constant.
 */
#ifndef CER_NN_FOLD_H
#define CER_NN_FOLD_H

#include "nn/net.h"

/* The given ones, where there is nothing to fold. */
typedef struct cer_folded
{
	const cer_net *net; /* its tensors have the places that they had */
	const float *weights;
} cer_folded;

/* The net is made in the arena, the weights in the other one. */
extern cer_status
cer_net_fold(cer_arena *arena, cer_arena *of_weights, const cer_net *net,
             const float *weights, cer_folded *folded);

#endif
