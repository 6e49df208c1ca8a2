/*
 * model_copy.h
 *	  Copies of models' weights in fewer bytes, for deployments.
 */
#ifndef CEREBRO_MODEL_COPY_H
#define CEREBRO_MODEL_COPY_H

#include "cerebro_pg.h"

/* What a copy loses, on validation rows. */
typedef struct CopyLoss
{
	int64 n_rows; /* 0: nothing is known */
	double full_loss;
	double loss;
	double differ; /* share of rows with another most likely class */
} CopyLoss;

extern cer_weight_layout copy_find_layout(const char *name);
/* Makes and measures the copy of model->layout, unless it is there. */
extern void copy_make(const Model *model, Task *task);
/* Drops copies that no deployment answers with any more. */
extern void copy_drop_unused(void);
/* As model_read_parts, matrices as the copy has them. */
extern List *
copy_read_parts(int32 model, unsigned kinds, cer_weight_layout layout);

/* Scores the task's validation rows by the model and by its copy. */
extern void evaluate_copy(const Task *task, const Model *model,
                          const cer_model *copy, CopyLoss *loss);

#endif
