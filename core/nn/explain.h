/*
 * nn/explain.h
 *	  Integrated gradients of a network for scoring.
 */
#ifndef CER_NN_EXPLAIN_H
#define CER_NN_EXPLAIN_H

#include "nn/infer.h"

/* What is to be explained, encoded. */
typedef struct cer_explain_rows
{
	size_t n_inputs;
	/* the baseline, the row, then for each input the baseline with that
	 * input's values of the row */
	const cer_encoded *encoded;
	size_t class_index;
	double temperature;
} cer_explain_rows;

/* Whether the network is of a kind that can be explained. */
extern cer_status
cer_infer_check_explain(const cer_infer *infer, cer_error *err);
/* All of the explanation. */
extern cer_status
cer_infer_explain(cer_arena *arena, const cer_infer *infer,
                  const cer_explain_rows *rows, cer_explanation *explanation,
                  cer_error *err);

#endif
