/*
 * data/encode.h
 *	  Encoders: fitted on training rows, applied to columns and single rows.
 */
#ifndef CER_DATA_ENCODE_H
#define CER_DATA_ENCODE_H

#include "data/encoded.h"
#include "data/plan.h"

/* The fitted encoders of a plan, in an arena. */
typedef struct cer_encoders cer_encoders;

/* Statistics and vocabularies come from the training rows only. */
extern cer_status
cer_encoders_fit(cer_arena *arena, const cer_host *host, const cer_plan *plan,
                 const cer_dataset *dataset, const cer_encoders **encoders,
                 cer_error *err);
extern const cer_input_shape *
cer_encoders_get_shape(const cer_encoders *encoders);

/*
 * Encodes one part; labels and row keys are lent from the dataset.  is_last:
 * this reader needs the dataset's raw columns no more.
 */
extern cer_status
cer_encoders_apply(cer_arena *arena, const cer_host *host,
                   const cer_encoders *encoders, cer_dataset *dataset,
                   cer_part_of_rows part, bool is_last, cer_encoded *encoded,
                   cer_error *err);

/* Values side by side, value i of all rows from values + i * stride on, to
 * numbers (n_rows, n_numbers) and codes (n_rows, n_tables). */
extern void
cer_encoders_apply_values(const cer_encoders *encoders, size_t n_rows,
                          const cer_value *values, size_t stride,
                          float *numbers, uint32_t *codes);

typedef struct cer_value_rows
{
	size_t n_rows;
	const cer_value *values;
	size_t stride;
	const bool *is_read; /* by input: others are left out; NULL: all */
} cer_value_rows;

extern void cer_encoders_apply_rows(const cer_encoders *encoders,
                                    const cer_value_rows *rows, float *numbers,
                                    uint32_t *codes);
/*
 * An encoded row of nothing in particular: 0 for each number, the middle of
 * bins, the code of unseen values, for times that of missing ones.
 */
extern void cer_encoders_write_baseline(const cer_encoders *encoders,
                                        float *numbers, uint32_t *codes);
/* As cer_model_encode_text. */
extern void
cer_encoders_encode_text(const cer_encoders *encoders, size_t input,
                         cer_text text, cer_value *values, size_t stride);
extern size_t cer_encoders_count_values(const cer_encoders *encoders);
/* The first value of an input, and how many it has. */
extern size_t cer_encoders_get_value(const cer_encoders *encoders, size_t input,
                                     size_t *n_values);
extern size_t cer_encoders_count_inputs(const cer_encoders *encoders);
extern const cer_input *
cer_encoders_get_input(const cer_encoders *encoders, size_t input);

/* Bytes of one input's encoder, versioned, and back. */
extern cer_status
cer_encoders_pack(cer_arena *arena, const cer_encoders *encoders, size_t input,
                  cer_text *bytes, cer_error *err);
extern cer_status
cer_encoders_unpack(cer_arena *arena, const cer_text *bytes, size_t n_inputs,
                    size_t n_classes, const cer_encoders **encoders,
                    cer_error *err);

#endif
