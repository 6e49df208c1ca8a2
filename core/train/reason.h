/*
 * train/reason.h
 *	  Why a run came to a number that is not finite, by what can be seen of it.
 */
#ifndef CER_TRAIN_REASON_H
#define CER_TRAIN_REASON_H

#include "train/run.h"

/* Detail and hint of an error that has its message. */
extern void cer_reason_explain(const cer_run *run, cer_error *err);

#endif
