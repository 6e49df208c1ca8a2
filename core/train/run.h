/*
 * train/run.h
 *	  One network trained on encoded rows: epochs, validation, the best one.
 */
#ifndef CER_TRAIN_RUN_H
#define CER_TRAIN_RUN_H

#include "train/average.h"
#include "train/optimizer.h"
#include "train/order.h"

#include <stdatomic.h>

typedef struct cer_run_config
{
	const cer_host *host;
	const cer_kernels *kernels;
	cer_gemm_make_fn make_gemm;
	const cer_bf16 *bf16; /* NULL: products of floats */
	const cer_input_shape *shape;
	const cer_layer *structure;
	const cer_settings *settings;
	const cer_encoded *train;
	const cer_encoded *valid;
	bool repeats_rows; /* of dimensions: see nn/dimension.h; same bits */
} cer_run_config;

/* Read by another thread while an epoch runs: each field by itself. */
typedef struct cer_run_status
{
	_Atomic uint32_t epoch;
	_Atomic uint64_t n_done;
	_Atomic double train_loss;
} cer_run_status;

typedef struct cer_run
{
	cer_run_config config; /* its rows: those below */
	cer_encoded train;     /* with dimensions */
	cer_encoded valid;
	const cer_net *net;
	cer_graph *graph;
	cer_optimizer_state *optimizer;
	cer_average *average; /* or NULL */
	cer_order order;

	/* progress */
	cer_run_status status;
	uint32_t epoch; /* done */
	uint32_t best_epoch;
	double best_loss;
	double share;        /* of the rate: a plateau lowers it, */
	uint32_t last_lower; /* last after this epoch */
	double least_loss;   /* of the steps done here: a row's, in the mean of */
	double last_loss;    /* a batch */

	/* of the best epoch: the flat array, (n_valid, n_classes) */
	float *best_weights;
	float *best_proba;
	float *proba; /* of the last epoch */
} cer_run;

/* What config points to must live as long. */
extern cer_status cer_run_make(cer_arena *arena, const cer_run_config *config,
                               cer_run **run, cer_error *err);
extern cer_status cer_run_epoch(cer_run *run, cer_epoch *report,
                                bool *is_finished, cer_error *err);
extern bool cer_run_is_finished(const cer_run *run);
/* By which the best epoch is chosen: the smaller the better. */
extern double
cer_run_get_loss(const cer_settings *settings, const cer_metrics *valid);

/*
 * All that the epochs to come depend on, but for the rows and the settings:
 * flat arrays as the net says.  Whoever gets it borrows it until the next epoch.
 */
typedef struct cer_run_state
{
	uint32_t epoch; /* done; 0: none */
	uint32_t best_epoch;
	double best_loss;
	uint64_t n_steps;
	double share;
	uint32_t last_lower;
	uint64_t n_before; /* see cer_optimizer_state */
	const float *weights;
	const float *m;
	const float *v;       /* NULL for sgd */
	const float *best;    /* weights of the best epoch */
	const float *average; /* NULL: none is kept */
} cer_run_state;

extern void cer_run_get_state(const cer_run *run, cer_run_state *state);
/* Goes on from another run's state: before the first epoch.  Copies. */
extern cer_status
cer_run_set_state(cer_run *run, const cer_run_state *state, cer_error *err);
/* Begins with other weights, and moments (or NULL) of n_before steps: before
 * the first epoch.  valid: metrics as of now. */
extern cer_status cer_run_begin_with(cer_run *run, const cer_run_state *state,
                                     cer_metrics *valid, cer_error *err);

#endif
