/*
 * nn/view.h
 *	  The part of an encoded row that a node takes: all of it, or the features
 *	  of one table of FE.
 */
#ifndef CER_NN_VIEW_H
#define CER_NN_VIEW_H

#include "data/encoded.h"

typedef struct cer_view
{
	cer_text alias; /* of the table; empty: the task's own, or all of them */
	size_t n_numbers;
	const uint32_t *numbers;      /* places in a row's numbers, rising */
	const cer_text *number_names; /* of these */
	size_t n_tables;
	const uint32_t *tables; /* places in a row's codes, rising */
} cer_view;

extern cer_status
cer_view_make_all(cer_arena *arena, const cer_input_shape *shape,
                  const cer_view **view, cer_error *err);
/* Of each table that has features, the task's own first. */
extern cer_status
cer_view_make_tables(cer_arena *arena, const cer_input_shape *shape,
                     const cer_view **views, size_t *n_views, cer_error *err);

#endif
