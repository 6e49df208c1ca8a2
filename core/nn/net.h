/*
 * nn/net.h
 *	  A network: its operators in order, and where their weights stand in the
 *	  one flat array of weights (gradients stand in another, alike).
 */
#ifndef CER_NN_NET_H
#define CER_NN_NET_H

#include "data/encoded.h"
#include "lang/mst.h"

typedef struct cer_net_tensor
{
	cer_text name; /* from kind, width, ordinal or input: "dense[1].weight",
					  * "embed(dest)", "first(carrier)"; ends with NUL */
	uint32_t n_dims;
	uint64_t dims[CER_MAX_DIMS];
	size_t offset; /* floats from the start of the flat array */
	size_t size;   /* floats */
} cer_net_tensor;

typedef struct cer_net cer_net;

extern cer_status cer_net_make(cer_arena *arena, const cer_input_shape *shape,
                               const cer_layer *layers, size_t n_layers,
                               const cer_net **net, cer_error *err);
extern size_t cer_net_count_weights(const cer_net *net); /* floats */
extern size_t cer_net_count_tensors(const cer_net *net);
extern const cer_net_tensor *
cer_net_get_tensor(const cer_net *net, size_t tensor);

#endif
