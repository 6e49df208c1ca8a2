/*
 * nn/graph.h
 *	  A network in training: buffers planned, kernels looked up, work split.
 *
 * A batch takes two calls of the host's run_tasks: tiles of rows forward and
 * backward, then blocks of weights.  All memory is the arena's: its size after
 * cer_graph_make is the peak.
 */
#ifndef CER_NN_GRAPH_H
#define CER_NN_GRAPH_H

#include "nn/dimension.h"
#include "nn/operator.h"

typedef struct cer_graph_config
{
	const cer_host *host;
	const cer_kernels *kernels;
	cer_gemm_make_fn make_gemm;
	size_t batch; /* rows at most */
	uint64_t seed;
	cer_loss loss;       /* of training */
	size_t n_dimensions; /* see dimension.h */
	const cer_dimension_plan *dimensions;
	bool repeats_rows;    /* dimensions are computed for each row: same bits */
	const cer_bf16 *bf16; /* NULL: products of floats */
	double mixup;         /* alpha, see mix.h; 0: none */
	size_t n_rare;        /* numbers that are mostly zero, see op_first.h */
	const uint32_t *rare;
} cer_graph_config;

extern cer_status cer_graph_make(cer_arena *arena, const cer_net *net,
                                 const cer_graph_config *config,
                                 cer_graph **graph, cer_error *err);

/* The flat arrays.  After a change of weights from outside: refresh. */
extern float *cer_graph_get_weights(cer_graph *graph);
extern const float *cer_graph_get_grads(const cer_graph *graph);
/* Of the latest batch: the first node that made a number which is not finite;
 * NULL: none did. */
extern const struct cer_node *cer_graph_find_not_finite(const cer_graph *graph);
extern void cer_graph_refresh(cer_graph *graph);

/* Who moves the weights; without one, gradients are made and nothing moves. */
extern void cer_graph_set_stepper(cer_graph *graph, cer_stepper stepper);

/* Forward and backward; returns the sum of the rows' losses. */
extern double cer_graph_run(cer_graph *graph, const cer_batch *batch);
/* Gradients of weights and steps, of the batch just run. */
extern void cer_graph_update(cer_graph *graph);

/* Makes statistics anew that are what nodes make of training rows; fails where
 * the host cancels. */
extern cer_status
cer_graph_keep(cer_graph *graph, const cer_encoded *rows, cer_error *err);

/* From here to the end weights stand still: of what the rows' dimensions add to
 * first layers each row is computed once, as far as there is room. */
extern void cer_graph_begin_pass(cer_graph *graph, const cer_encoded *rows);
extern void cer_graph_end_pass(cer_graph *graph);
/* proba (n_rows, n_classes) of rows first .. first + n_rows. */
extern void cer_graph_predict(cer_graph *graph, const cer_encoded *rows,
                              size_t first, size_t n_rows, float *proba);

#endif
