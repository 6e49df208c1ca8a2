/*
 * nn/infer_private.h
 *	  The network for scoring, for the files that run it.
 */
#ifndef CER_NN_INFER_PRIVATE_H
#define CER_NN_INFER_PRIVATE_H

#include "nn/infer.h"
#include "nn/infer_graph.h"

/* A matrix product and what follows it; of the first layer what follows. */
typedef struct cer_infer_layer
{
	size_t n_in;
	size_t n_out;           /* padded, unless narrow */
	const float *weights;   /* packed */
	const float *weights_t; /* narrow: (n_out, n_in), else NULL */
	const float *bias;      /* n_out */
	cer_activation activation;
} cer_infer_layer;

struct cer_infer
{
	const cer_kernels *kernels;
	size_t n_numbers;
	size_t n_classes;
	size_t n_codes;               /* of a row */
	const cer_infer_graph *graph; /* or NULL: a chain, as follows */
	const cer_node *odd_node;     /* why it is no chain, or NULL */
	const cer_infer_first *first;
	size_t n_layers;
	const cer_infer_layer *layers;
	size_t widest; /* floats of a row that a buffer must hold */
	size_t most_inputs;
};

/* Rows of a layer's input, stride floats from each other, and of its output. */
typedef struct cer_infer_rows
{
	size_t n_rows;
	const float *from;
	size_t stride;
	float *to;
} cer_infer_rows;

/* The product alone, without bias; scratch has a place for each input. */
extern void
cer_infer_multiply(const cer_infer *infer, const cer_infer_layer *layer,
                   const cer_infer_rows *rows, uint32_t *scratch);

#endif
