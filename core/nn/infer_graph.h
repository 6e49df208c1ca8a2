/*
 * nn/infer_graph.h
 *	  Scoring of any net, node by node.
 */
#ifndef CER_NN_INFER_GRAPH_H
#define CER_NN_INFER_GRAPH_H

#include "nn/kernels.h"
#include "nn/net.h"

typedef struct cer_infer_graph cer_infer_graph;

/* Copies the weights; the net must live as long.  NULL: no memory. */
extern const cer_infer_graph *
cer_infer_graph_make(cer_arena *arena, const cer_kernels *kernels,
                     const cer_net *net, const float *weights);
extern size_t
cer_infer_graph_get_scratch_size(const cer_infer_graph *infer, size_t n_rows);
extern void
cer_infer_graph_run(const cer_infer_graph *infer, const cer_encoded *rows,
                    float *proba, void *scratch);

#endif
