/*
 * nn/graph_rows.h
 *	  Rows of tensors that are left out, for a graph that scores: kept by the
 *	  nodes that read them.
 */
#ifndef CER_NN_GRAPH_ROWS_H
#define CER_NN_GRAPH_ROWS_H

#include "nn/infer_first.h"
#include "nn/operator.h"

/* Room for rows, of graph->cache_size bytes; before nodes are prepared. */
extern cer_status cer_graph_make_stores(cer_graph *graph);
/* Codes of rows of the tensor that these rows need and that are not there, once
 * each; n_rows is at most CER_FETCH_ROWS. */
extern size_t
cer_graph_find_missing(const cer_graph *graph, size_t tensor,
                       const cer_encoded *rows, uint32_t *missing);
extern void cer_graph_put_row(const cer_graph *graph, size_t tensor,
                              const cer_row *row, void *scratch);

#endif
