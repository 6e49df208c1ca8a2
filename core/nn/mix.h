/*
 * nn/mix.h
 *	  Mixup (Zhang and others 2018): in training a row is a mix of two rows, and
 *	  its loss the mix of the losses by either label.
 *
 * Rows are mixed where nodes have made of them what layers take: numbers as
 * encoders and lifts leave them, embeddings, tokens, or the first layer's sums.
 * These are linear in codes and numbers, so that it is the encoded rows that
 * are mixed (the first of the places of Verma and others 2019).  Arrays are
 * mixed element by element, the shorter one filled up with zeros (Guo and
 * others 2019).
 *
 * Rows 0 and 1 of a batch are partners, 2 and 3, and so on; the last of an odd
 * number has none and stays as it is.  A row keeps a share of itself, drawn for
 * it from Beta(alpha, alpha), and has the rest of its partner.  As the order of
 * rows is drawn by their keys, and so is the share, neither depends on where a
 * row is stored; and as a tile has an even number of rows, partners are of the
 * same one.
 */
#ifndef CER_NN_MIX_H
#define CER_NN_MIX_H

#include "nn/operator.h"

/* The share, in [0, 1], that a row keeps of itself in an epoch. */
extern float cer_mix_draw(const cer_mix *mix, uint32_t epoch, uint64_t row_key);

/* Memory for the shares of a batch; alpha is above 0. */
extern cer_status
cer_mix_prepare(cer_graph *graph, double alpha, cer_error *err);
/* Of a node that has made something of rows, elsewhere where that is still
 * needed as it was. */
extern cer_status
cer_mix_connect(cer_graph *graph, cer_graph_node *node, cer_error *err);

/* Shares of a tile's rows, whose keys are loaded. */
extern void cer_mix_begin(const cer_tile *tile);
/* What the node made, and its gradient. */
extern void cer_mix_forward(const cer_tile *tile, const cer_graph_node *node);
extern void cer_mix_backward(const cer_tile *tile, const cer_graph_node *node);

#endif
