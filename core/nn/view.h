/*
 * nn/view.h
 *	  The part of an encoded row that a node takes: all of it, or the features
 *	  of one table of FE.
 */
#ifndef CER_NN_VIEW_H
#define CER_NN_VIEW_H

#include "data/encoded.h"

/* A column of arrays, whose elements are numbers side by side: "x[1]", "x[2]"
 * ..., then "x[]", the share of them that a row has. */
typedef struct cer_array
{
	size_t first;      /* place of the first element in a row's numbers */
	size_t n_elements; /* at most */
	size_t length;     /* place of the share */
} cer_array;

typedef struct cer_view
{
	cer_text alias; /* of the table; empty: the task's own, or all of them */
	size_t n_numbers;
	const uint32_t *numbers;      /* places in a row's numbers, rising */
	const cer_text *number_names; /* of these */
	size_t n_inputs;              /* that the numbers are made of */
	const uint32_t *inputs;       /* which of these, by number */
	size_t n_tables;
	const uint32_t *tables; /* places in a row's codes, rising */
	size_t n_lifts;
	const uint32_t *lifts; /* places in the shape's list */
	size_t n_arrays;
	const cer_array *arrays;
} cer_view;

extern cer_status
cer_view_make_all(cer_arena *arena, const cer_input_shape *shape,
                  const cer_view **view, cer_error *err);
/* Of each table that has features, the task's own first. */
extern cer_status
cer_view_make_tables(cer_arena *arena, const cer_input_shape *shape,
                     const cer_view **views, size_t *n_views, cer_error *err);

/* The alias to which a feature of that name belongs; empty: the task's own. */
extern cer_text
cer_view_find_alias(const cer_input_shape *shape, cer_text name);

#endif
