/*
 * ensemble.h
 *	  Models put together.
 */
#ifndef CEREBRO_ENSEMBLE_H
#define CEREBRO_ENSEMBLE_H

#include "cerebro_pg.h"

#include "utils/array.h"

/* Of models that the current role may read, in so many choices at most; request
 * is what was asked for, NULL: AS auto.  Returns the ensemble's id; with a
 * request the one model's, where one is as good as all. */
extern int32
ensemble_make(ArrayType *models, int n_choices, const char *request);

/* An error for what has members and no network of its own. */
extern void ensemble_check_none(const Model *model);

#endif
