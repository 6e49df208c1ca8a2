/*
 * nn/outline.h
 *	  What the files of outlines share: one for known inputs, one for open ones.
 */
#ifndef CER_NN_OUTLINE_H
#define CER_NN_OUTLINE_H

#include "data/encode.h"
#include "nn/net.h"

/* Nodes of a net that one layer became: they stand one after the other. */
typedef struct cer_outline_group
{
	size_t begin;
	size_t end;
} cer_outline_group;

/* Of mst over fitted encoders. */
extern cer_status
cer_outline_make_of_encoders(cer_arena *arena, const cer_mst *mst,
                             const cer_encoders *encoders,
                             const cer_outline **outline, cer_error *err);

extern cer_status cer_outline_find_groups(cer_arena *arena, const cer_net *net,
                                          cer_outline_group **groups,
                                          size_t *n_groups, cer_error *err);
/* The layers of a net, below inputs. */
typedef struct cer_outline_layers
{
	const cer_net *net;
	size_t n_inputs;              /* nodes of the outline before layers */
	const cer_encoders *encoders; /* of the inputs; NULL: there is one input */
	cer_outline_group *groups;
	size_t n_groups;
} cer_outline_layers;

/* Operation, path, detail, tensors and inputs. */
extern cer_status
cer_outline_describe(cer_arena *arena, const cer_outline_layers *layers,
                     size_t group, cer_outline_node *node, cer_error *err);
/* Weights that a gradient moves; tables of inputs are left out. */
extern uint64_t cer_outline_count(const cer_net *net, cer_outline_group group);
/* What a group makes of a row: so many vectors of so many numbers. */
extern void cer_outline_measure(const cer_net *net, cer_outline_group group,
                                uint64_t *m, uint64_t *n);

#endif
