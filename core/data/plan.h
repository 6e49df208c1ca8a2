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
	cer_encoder_spec encoder;
} cer_plan_input;

struct cer_plan
{
	size_t n_inputs;
	const cer_plan_input *inputs;
};

#endif
