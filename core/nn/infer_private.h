/*
 * nn/infer_private.h
 *	  What a net for scoring holds: infer_make.c makes it, infer.c runs it.
 */
#ifndef CER_NN_INFER_PRIVATE_H
#define CER_NN_INFER_PRIVATE_H

#include "nn/bf16_weights.h"
#include "nn/infer.h"
#include "nn/infer_graph.h"

/* A matrix product and what follows it; of the first layer what follows. */
typedef struct infer_layer
{
	size_t n_in;
	size_t n_out;                    /* padded, unless narrow */
	const float *weights;            /* packed */
	const float *weights_t;          /* narrow: (n_out, n_in), else NULL */
	const cer_bf16_weights *rounded; /* in place of packed ones, or NULL */
	const float *gain;               /* n_out, or NULL: see nn/fold.h */
	const float *bias;               /* n_out */
	cer_activation activation;
	bool makes_pairs;  /* its relu's, rounded for the next layer's product */
	bool leaves_zeros; /* of what a relu made, where they are many */
} infer_layer;

struct cer_infer
{
	const cer_kernels *kernels;
	const cer_bf16 *bf16; /* NULL: products of floats */
	size_t n_numbers;
	size_t n_classes;
	size_t n_codes;               /* of a row */
	const cer_infer_graph *graph; /* or NULL: a chain, as follows */
	const cer_infer_first *first;
	bool is_folded;
	size_t n_layers;
	const infer_layer *layers;
	size_t widest; /* floats of a row that a buffer must hold */
	size_t most_inputs;
	size_t most_pairs;  /* of inputs that are rounded */
	size_t most_blocks; /* of inputs whose zeros are left out */
};

#endif
