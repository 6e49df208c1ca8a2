/*
 * store/model_private.h
 *	  A model that can score, for the files that look into it.
 */
#ifndef CER_STORE_MODEL_PRIVATE_H
#define CER_STORE_MODEL_PRIVATE_H

#include "data/encode.h"
#include "nn/infer.h"
#include "store/members.h"
#include "store/parts.h"

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

	/* what others may have in common with it: trunk.c */
	cer_text encoding; /* empty: not known */
	size_t n_layers;   /* of a chain */
	const cer_text *layers;
};

/* Where encoded numbers and codes of rows are in scratch, and which inputs are
 * read. */
typedef struct cer_encoded_places
{
	float *numbers;
	uint32_t *codes;
	bool *is_read;
	char *rest;
} cer_encoded_places;

extern size_t cer_model_get_encoded_size(const cer_model *model, size_t n_rows);
extern cer_encoded_places
cer_model_divide_scratch(const cer_model *model, size_t n_rows, char *scratch);
extern cer_encoded
cer_model_encode_rows(const cer_model *model, const cer_score_rows *rows,
                      const cer_encoded_places *to);
/* A tensor that the net leaves out, of no group. */
extern cer_left_out cer_model_make_left_out(const cer_net *net, size_t tensor);
/* What others may have in common with the model. */
extern cer_status
cer_trunk_make(cer_arena *arena, const cer_model_copy *copy,
               const cer_stored *stored, cer_model *model, cer_error *err);

#endif
