/*
 * store/state.h
 *	  A training between two epochs as named parts: what it takes to go on
 *	  with the bits of a training that never stopped.
 *
 * The first part tells the epoch, those that follow are tensors by name:
 * weights, then the optimizer's moments, then the best epoch's weights unless
 * it is the last one.
 *
 *	 "state":	version (1), epoch (4), best epoch (4), best loss (8), steps (8),
 *				steps before (8), of a training that the moments came from
 */
#ifndef CER_STORE_STATE_H
#define CER_STORE_STATE_H

#include "train/run.h"

#define CER_STATE_NAME "state"

/* Tensors' data stay the run's until its next epoch. */
extern cer_status
cer_state_pack(cer_arena *arena, const cer_run *run, const cer_part **parts,
               size_t *n_parts, cer_error *err);
/* Parts come from outside and are checked; the run has done no epoch yet. */
extern cer_status cer_state_unpack(cer_run *run, const cer_part *parts,
                                   size_t n_parts, cer_error *err);
/* m, v and steps among parts that may be a model's as well; none: NULL. */
extern cer_status
cer_state_read_moments(cer_arena *arena, const cer_part *parts, size_t n_parts,
                       const cer_net *net, cer_run_state *state,
                       cer_error *err);

#endif
