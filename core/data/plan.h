/*
 * data/plan.h
 *	  What a triple's FE reads: one input per column, with its encoder.
 */
#ifndef CER_DATA_PLAN_H
#define CER_DATA_PLAN_H

#include "lang/mst.h"

typedef struct cer_plan_input
{
	size_t column; /* index into the source's columns */
	cer_text name;
	cer_column_type type;
	cer_time_unit unit;
	size_t n_encoders; /* 0: what suits the rows */
	const cer_encoder_spec *encoders;
} cer_plan_input;

/* Of the rules by which encoders are chosen: part of ids. */
#define CER_ENCODERS_CHOICE 2

struct cer_plan
{
	size_t n_inputs;
	const cer_plan_input *inputs;
};

#endif
