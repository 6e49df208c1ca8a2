/*
 * nn/dimension.h
 *	  Tables of FE whose rows a batch has several times.
 *
 * In a batch of B rows a joined table has few rows that differ: what they add
 * to the first layer is computed once for each and added by row, and gradients
 * are summed by row before they meet the table's features.
 *
 *	 forward	P of the rows that differ, z of a row = own features + its P's
 *	 backward	dP = sum of dz of the rows that have it, in their order
 *
 * Which tables go this way follows from the encoded rows, the batch and the
 * network alone, so a triple over the same rows always has the same bits: it
 * does not matter how the rows were read.  What differs is told by what is
 * encoded, so two rows of a table that look the same to the network are one.
 */
#ifndef CER_NN_DIMENSION_H
#define CER_NN_DIMENSION_H

#include "nn/net.h"

typedef struct cer_dimension_plan
{
	const cer_view *view; /* its features */
	size_t n_expected;    /* rows that differ in a batch, about */
	size_t n_most;        /* in a part of the rows */
	size_t n_pass;        /* in that which is validated */
} cer_dimension_plan;

typedef struct cer_dimension_list
{
	const cer_dimension_plan *plans;
	size_t n;
} cer_dimension_list;

/* The tables that are worth it, for batches of training rows. */
extern cer_status cer_dimensions_plan(cer_arena *arena, const cer_net *net,
                                      const cer_encoded *train, size_t batch,
                                      cer_dimension_plan **plans,
                                      size_t *n_plans, cer_error *err);
/* Adds to the rows what each table gives them, and what they have beyond. */
extern cer_status
cer_dimensions_find(cer_arena *arena, const cer_host *host, const cer_net *net,
                    const cer_dimension_plan *plans, size_t n_plans,
                    cer_encoded *rows, cer_error *err);

/* Floats side by side in an encoded row. */
typedef struct cer_span
{
	uint32_t first;
	uint32_t n;
} cer_span;

typedef struct cer_spans
{
	size_t n;
	const cer_span *all;
} cer_spans;

/* Where rows store the numbers of a view, ramps among them. */
extern cer_status
cer_spans_make(cer_arena *arena, const cer_input_shape *shape,
               const cer_view *view, cer_spans *spans, cer_error *err);
/* Floats of them all. */
extern size_t cer_spans_count(const cer_spans *spans);
/* Where a float stands if spans are side by side; it is in one of them. */
extern uint32_t cer_spans_find(const cer_spans *spans, uint32_t stored);

/* All features but those of the tables. */
extern cer_status
cer_dimensions_view_rest(cer_arena *arena, const cer_input_shape *shape,
                         const cer_dimension_list *list, const cer_view **view,
                         cer_error *err);
/* Copies the numbers of a view, in the order of its spans; of the n rows that
 * are listed, or the first n. */
extern cer_status
cer_view_copy_numbers(cer_arena *arena, const cer_input_shape *shape,
                      const cer_view *view, const cer_encoded *rows,
                      const uint32_t *list, size_t n, const float **numbers,
                      size_t *n_numbers, cer_error *err);
/* Copies those of all features but the tables'. */
extern cer_status
cer_dimensions_keep_rest(cer_arena *arena, const cer_input_shape *shape,
                         const cer_dimension_list *list, cer_encoded *rows,
                         cer_error *err);

#endif
