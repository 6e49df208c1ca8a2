/*
 * store/parts.h
 *	  A trained network as named parts, in the order in which they are kept.
 */
#ifndef CER_STORE_PARTS_H
#define CER_STORE_PARTS_H

#include "train/trained.h"

#define CER_HEADER_NAME       "header"
#define CER_VALID_SCORES_NAME "valid_scores"
#define CER_MEANS_NAME        "means"

/* The parts are made in the arena; the data of tensors stay the trainer's. */
extern cer_status
cer_parts_make(cer_arena *arena, const cer_trained *trained,
               const cer_part **parts, size_t *n_parts, cer_error *err);

/*
 * The header part:
 *
 *	 version (1), library version, language version (4), triple, kernel class,
 *	 classes (4), temperature, inputs (4), for each: storage (1), name
 */
typedef struct cer_model_header
{
	cer_text library_version;
	uint32_t language_version;
	cer_text triple;
	cer_text kernel_class;
	size_t n_classes;
	double temperature; /* 1: none; not in version 1 */
	size_t n_inputs;
	const cer_input *inputs;
} cer_model_header;

extern cer_status
cer_model_header_pack(cer_arena *arena, const cer_model_header *header,
                      cer_text *bytes, cer_error *err);
/* Texts are lent from bytes, inputs live in the arena. */
extern cer_status
cer_model_header_unpack(cer_arena *arena, cer_text bytes,
                        cer_model_header *header, cer_error *err);

/* A model's network as its parts have it. */
typedef struct cer_stored
{
	cer_model_header header;
	const cer_mst *mst;
	const cer_encoders *encoders;
	const cer_net *net;
	const float *weights; /* flat, as net says */

	/* set before: whether tensors may be left out, whose parts have no data */
	bool may_lack_tensors;
} cer_stored;

/* Checks every name, size and count; encoders and net live in the arena, the
 * rest in work.  Parts of other kinds are left alone. */
extern cer_status
cer_stored_read(cer_arena *arena, cer_arena *work, const cer_part *parts,
                size_t n_parts, cer_stored *stored, cer_error *err);
/* That they are finite. */
extern cer_status cer_weights_check(cer_text tensor, size_t n,
                                    const float *weights, cer_error *err);

#endif
