/*
 * train/schedule.h
 *	  How the learning rate goes through a training.
 */
#ifndef CER_TRAIN_SCHEDULE_H
#define CER_TRAIN_SCHEDULE_H

#include "lang/mst.h"

/* The share of the learning rate in step 0, 1, ... of n_total (not 0). */
extern double cer_schedule_get_share(const cer_settings *settings,
                                     uint64_t step, uint64_t n_total);
/* The share of dropout and of weight decay that is gone in that step. */
extern double cer_schedule_get_faded(const cer_settings *settings,
                                     uint64_t step, uint64_t n_total);

#endif
