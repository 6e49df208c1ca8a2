/*
 * nn/infer_graph.h
 *	  Scoring of any net, node by node.
 */
#ifndef CER_NN_INFER_GRAPH_H
#define CER_NN_INFER_GRAPH_H

#include "nn/bf16.h"
#include "nn/infer_tower.h"
#include "nn/net.h"

typedef struct cer_infer_graph cer_infer_graph;

typedef struct cer_infer_graph_spec
{
	const cer_net *net;
	const float *weights;
	const cer_kernels *kernels;
	const cer_bf16 *bf16; /* for products of dense nodes; NULL: floats */
	size_t cache_size;    /* bytes for rows of tensors that are left out */
} cer_infer_graph_spec;

/* Copies the weights; the net must live as long.  NULL: no memory. */
extern const cer_infer_graph *
cer_infer_graph_make(cer_arena *arena, const cer_infer_graph_spec *spec);
extern size_t
cer_infer_graph_get_scratch_size(const cer_infer_graph *infer, size_t n_rows);
/* partials: of towers, by group; or NULL. */
extern void
cer_infer_graph_run(const cer_infer_graph *infer, const cer_encoded *rows,
                    const cer_partials *partials, float *proba, void *scratch);
/* Of a tensor that is left out; as of cer_infer_first. */
extern size_t
cer_infer_graph_find_missing(const cer_infer_graph *infer, size_t tensor,
                             const cer_encoded *rows, uint32_t *missing);
extern void cer_infer_graph_put_row(const cer_infer_graph *infer, size_t tensor,
                                    const cer_row *row, void *scratch);
/* Towers, of which partials can be made; n_towers may be 0. */
extern const cer_towers *
cer_infer_graph_get_towers(const cer_infer_graph *infer);
/* Partials (n_rows, width) of a tower. */
extern void cer_infer_graph_run_tower(const cer_infer_graph *infer,
                                      size_t tower, const cer_encoded *rows,
                                      float *partials, void *scratch);

#endif
