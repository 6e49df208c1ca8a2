/*
 * scores.h
 *	  Probabilities of validation rows, as they are kept with a model.
 */
#ifndef CEREBRO_SCORES_H
#define CEREBRO_SCORES_H

#include "cerebro_pg.h"

typedef struct KeptScores
{
	const uint16 *scores; /* (n_rows, n_classes) */
	size_t n_rows;
	size_t n_classes;
} KeptScores;

/* Log-loss of one model minus another's, by row. */
typedef struct ScoresDifference
{
	double mean;
	double standard_error;
} ScoresDifference;

extern KeptScores scores_read(const Model *model);
/* Of two models that the current role may read, or an error. */
extern ScoresDifference scores_compare(int32 a, int32 b);
/* The class that a row is taken for. */
extern size_t scores_get_decision(const KeptScores *scores, size_t row);
/* Of the validation rows of the model's data version. */
extern const uint16 *scores_read_labels(const Model *model, size_t n_rows);
/* Raises unless both are of one data version. */
extern void scores_check_comparable(const Model *a, const Model *b);
/* Raises unless both are of the same rows, and the labels fit. */
extern void scores_check_shapes(const Model *model, const KeptScores *a,
                                const KeptScores *b, const uint16 *labels);

/* Of validation rows, for a message: "valid 0.3857  AUC 0.8911". */
extern char *scores_print_metrics(const cer_metrics *metrics);

#endif
