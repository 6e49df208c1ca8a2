/*
 * store/explain_private.h
 *	  How predictions are explained, for the files that do so.
 */
#ifndef CER_STORE_EXPLAIN_PRIVATE_H
#define CER_STORE_EXPLAIN_PRIVATE_H

#include "base/size.h"
#include "nn/explain.h"
#include "store/model_private.h"

#define CER_EXPLAIN_MOST_POINTS 16   /* of a run */
#define CER_EXPLAIN_PLACES      1536 /* of gradients that are kept */

typedef struct cer_explained_net
{
	cer_explain_net *net;
	const cer_model *model;
	size_t member; /* of the ensemble */
	double log_weight;
	size_t n_vectors;

	/* of a row of nothing in particular */
	float *baseline_numbers;
	uint32_t *baseline_codes;

	/* at the points of a run */
	const float *logits;
	double *log_vectors; /* by point: (vectors, n_classes) of softmax */
	double *log_shares;  /* by point: (n_classes) s */
	double *log_proba;   /* by point: (n_classes) p */
} cer_explained_net;

/* A tensor that is left out, and whose it is. */
typedef struct cer_explained_tensor
{
	cer_left_out tensor;
	const cer_explained_net *net;
} cer_explained_tensor;

struct cer_explainer
{
	const cer_model *model;
	size_t n_classes;
	double temperature; /* of what all networks say together */
	size_t n_points;    /* of a run, at most */
	size_t n_places;    /* of kept gradients */
	size_t n_nets;
	cer_explained_net *nets;
	size_t n_left_out;
	cer_explained_tensor *left_out;
	double *log_mean; /* by point: (n_classes) P */
	double *grads;    /* room for two vectors of classes */

	/* of the rows in work */
	const cer_host *host;
	size_t classes[CER_EXPLAIN_ROWS];
};

/* F at points of lines, at most as many as a run takes. */
extern void
cer_explainer_run_points(const cer_explainer *e, size_t n_points,
                         const cer_explain_point *points, double *log_odds);

/* After it: the gradients of F at these points, back to the inputs. */
extern void cer_explainer_go_back(const cer_explainer *e, size_t n_points,
                                  const cer_explain_point *points);

/*
 * Adds up the gradients along the lines, in the networks; of each explanation
 * makes both log-odds and the steps.  Errors: no memory, canceled.
 */
extern cer_status
cer_explainer_follow_lines(cer_arena *arena, const cer_explainer *e,
                           size_t n_lines, cer_explanation *made);

#endif
