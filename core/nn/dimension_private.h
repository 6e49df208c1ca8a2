/*
 * nn/dimension_private.h
 *	  Dimensions in a graph: the rows that differ in the batch at hand, and the
 *	  parts of first layers that work on them.
 */
#ifndef CER_NN_DIMENSION_PRIVATE_H
#define CER_NN_DIMENSION_PRIVATE_H

#include "nn/graph.h"

/* Where a row of a dimension stands among those of the batch. */
typedef struct cer_dimension_slot
{
	uint32_t stamp; /* of the latest batch that has it */
	uint32_t at;
} cer_dimension_slot;

typedef struct cer_batch_dimension
{
	const cer_dimension_plan *plan;
	uint32_t stamp;
	cer_dimension_slot *slots; /* by row of the dimension */

	/* of the batch */
	size_t n_distinct;
	uint32_t *distinct; /* rows of the dimension */
	uint32_t *ends;     /* of members, by distinct row */
	uint32_t *members;  /* rows of the batch, by distinct row, in order */
	size_t n_rows;      /* that are computed: the distinct ones or all */
	uint32_t *rows;
	uint32_t *of; /* by row of the batch: which of these is its */
} cer_batch_dimension;

/* The part of a first layer that takes one dimension. */
typedef struct cer_first_part
{
	cer_graph_node own; /* rows of the dimension; state: op_first_private.h */
	cer_graph graph;    /* the same, whose batch are these rows */
	const cer_graph_node *node; /* the layer */
	cer_batch_dimension *dimension;
	cer_encoded rows; /* the dimension's, as its view has them */
	const float **p;  /* where the layer looks for what this one adds */
	float *all;       /* the same for all rows of a pass; NULL: no room */
} cer_first_part;

extern cer_status
cer_dimensions_prepare(cer_graph *graph, const cer_graph_config *config,
                       cer_error *err);
extern void cer_dimensions_begin_batch(cer_graph *graph);

extern void cer_parts_run_forward(cer_graph *graph);
extern void cer_parts_run_backward(cer_graph *graph);

#endif
