/*
 * data/profile_private.h
 *	  What the files of the profile share.
 *
 *	 profile.c              one column after the other, notes
 *	 profile_code.c         a column's values as dense codes
 *	 profile_association.c  how much a column tells about the label
 *	 profile_depend.c       columns that determine others
 *	 profile_key.c          columns that identify a row
 */
#ifndef CER_DATA_PROFILE_PRIVATE_H
#define CER_DATA_PROFILE_PRIVATE_H

#include "data/dataset.h"

/* n elements of zeros; result is a pointer to the pointer to set. */
extern cer_status cer_profile_allocate(cer_arena *arena, size_t n, size_t size,
                                       void *result, cer_error *err);

/* A column's values, numbered from 1 in their order; 0 is NULL. */
typedef struct cer_profile_codes
{
	size_t n_rows;
	size_t n_values;
	const uint32_t *codes;  /* n_rows */
	const uint32_t *counts; /* n_values + 1: rows that have each */
} cer_profile_codes;

/* In the arena; needs some 40 bytes a row there. */
extern cer_status
cer_profile_code_column(cer_arena *arena, const cer_data_view *view,
                        size_t input, cer_profile_codes *codes, cer_error *err);

/* The classes of the training rows; nothing of other rows' labels is read. */
typedef struct cer_profile_label
{
	size_t n_rows;
	size_t n_classes;
	const uint16_t *labels;
	double *shares;   /* n_classes */
	double entropy;   /* nats */
	uint32_t *counts; /* n_classes, all 0: scratch */
} cer_profile_label;

extern cer_status
cer_profile_label_make(cer_arena *arena, const cer_data_view *view,
                       cer_profile_label *label, cer_error *err);

/* 0..1, of codes as they are. */
extern cer_status
cer_profile_associate(cer_arena *arena, const cer_profile_label *label,
                      const cer_profile_codes *codes, double *association,
                      cer_error *err);

/* Joins neighbouring values of a number into bins of about equal size. */
extern cer_status
cer_profile_bin(cer_arena *arena, const cer_profile_codes *codes,
                size_t n_train, cer_profile_codes *bins, cer_error *err);

/* Some rows of every column, with codes that are dense among them. */
typedef struct cer_profile_sample
{
	cer_arena *arena;
	size_t n_rows;
	size_t n_inputs;
	uint32_t **codes; /* n_inputs arrays of n_rows */
	size_t *n_values; /* n_inputs */
} cer_profile_sample;

extern cer_status
cer_profile_sample_make(cer_arena *arena, const cer_data_view *view,
                        cer_profile_sample *sample, cer_error *err);

/* The sample's part of a column; scratch is only used during the call. */
extern cer_status
cer_profile_sample_add(cer_arena *scratch, cer_profile_sample *sample,
                       size_t input, const cer_profile_codes *codes,
                       cer_error *err);

/* Fills determined_by and determined_share of every column. */
extern cer_status
cer_profile_find_dependencies(const cer_host *host, const cer_data_view *view,
                              const cer_profile_sample *sample,
                              cer_profile_column *columns, cer_error *err);

#endif
