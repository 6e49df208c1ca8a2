/*
 * train/muon.h
 *	  Steps of whole matrices, made orthogonal.
 */
#ifndef CER_TRAIN_MUON_H
#define CER_TRAIN_MUON_H

#include "nn/graph.h"

typedef struct cer_muon cer_muon;

/* Of all hidden matrices of the graph's net; momenta lie in the flat array m. */
extern cer_status cer_muon_make(cer_arena *arena, cer_graph *graph, float *m,
                                cer_muon **muon, cer_error *err);
extern void
cer_muon_begin(cer_muon *muon, float lr, float momentum, float decay);
/* Moves the matrices along their gradients. */
extern void cer_muon_step(cer_muon *muon);

#endif
