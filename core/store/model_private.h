/*
 * store/model_private.h
 *	  A model that can score, for the files that look into it.
 */
#ifndef CER_STORE_MODEL_PRIVATE_H
#define CER_STORE_MODEL_PRIVATE_H

#include "data/encode.h"
#include "nn/infer.h"
#include "store/members.h"

struct cer_model
{
	const cer_members *members; /* or NULL: of one network, as follows */
	const cer_encoders *encoders;
	const cer_infer *infer;
	size_t n_numbers;
	size_t n_codes; /* of an encoded row */
	size_t n_inputs;
	size_t n_classes;
	const char *kernel_class;
	double temperature;
	const size_t *groups;    /* by input; of none: the number of groups */
	const cer_text *aliases; /* by input: of the table of FE, or empty */
	size_t n_left_out;
	const cer_left_out *left_out;
};

#endif
