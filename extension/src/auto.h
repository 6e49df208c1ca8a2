/*
 * auto.h
 *	  AS auto: which triples are trained.
 */
#ifndef CEREBRO_AUTO_H
#define CEREBRO_AUTO_H

#include "train.h"

/* The triple itself, or what AS auto without a budget comes to. */
extern const char *auto_resolve(const Task *task, const char *triple);

/* As long as the budget lasts; returns the best model, or their ensemble. */
extern int32 auto_train(const TrainRequest *request);
/* The triple, with items for pairs of columns that tell more together; itself,
 * where there are none: auto_cross.c. */
extern const cer_mst *auto_add_crosses(const Task *task, cer_arena *arena,
                                       const cer_mst *mst, size_t n_rows);
/* Whether the triple's AS is auto. */
extern bool auto_is(const char *triple);

#endif
