/*
 * nn/infer.h
 *	  The network for scoring: embeddings folded into the first layer, no
 *	  dropout, weights packed for few rows at a time.
 */
#ifndef CER_NN_INFER_H
#define CER_NN_INFER_H

#include "nn/infer_first.h"
#include "nn/net.h"

typedef struct cer_infer cer_infer;

/* Copies what it needs of weights. */
extern cer_status
cer_infer_make(cer_arena *arena, const cer_net *net, const float *weights,
               const cer_infer **infer, cer_error *err);
extern size_t cer_infer_get_scratch_size(const cer_infer *infer, size_t n_rows);

/* numbers (n_rows, n_numbers), codes (n_rows, n_tables) -> proba (n_rows,
 * n_classes).  A row's bits do not depend on the rows beside it. */
extern void
cer_infer_run(const cer_infer *infer, size_t n_rows, const float *numbers,
              const uint32_t *codes, float *proba, void *scratch);
/* The same bits, with sums of the first layer that are there already. */
extern void
cer_infer_run_partials(const cer_infer *infer, const cer_encoded *rows,
                       const cer_partials *partials, float *proba,
                       void *scratch);
/* The first layer, where its sums over tables of FE can be kept; or NULL. */
extern const cer_infer_first *cer_infer_get_first(const cer_infer *infer);
extern const char *cer_infer_get_kernel_class(const cer_infer *infer);

#endif
