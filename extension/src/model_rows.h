/*
 * model_rows.h
 *	  Rows of tensors that are too large for a session's memory.
 */
#ifndef CEREBRO_MODEL_ROWS_H
#define CEREBRO_MODEL_ROWS_H

#include "cerebro_pg.h"

typedef struct ModelRows ModelRows;

/* In the current memory context; NULL: all of the model is in memory. */
extern ModelRows *model_rows_make(int32 id, const cer_model *model);
/* The same of what its explainer holds. */
extern ModelRows *
model_rows_make_explained(int32 id, const cer_explainer *explainer);
/* What the rows need, and is not there of others, is read.  scratch as for
 * scoring them, at most CER_FETCH_ROWS. */
extern void
model_rows_fetch(ModelRows *from, const cer_fetch *fetch, void *scratch);

/* The same for rows that are to be explained, at most CER_EXPLAIN_ROWS. */
extern void
model_rows_fetch_explained(ModelRows *from, const cer_score_rows *rows);

#endif
