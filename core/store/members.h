/*
 * store/members.h
 *	  A model that is several: the mean of what its members say.
 *
 * Its parts are those of the members, "1/header", "1/output.weight", ...,
 * "2/header", ..., so that bytes are shared with the models that the members
 * were, and a header of its own, "members".
 */
#ifndef CER_STORE_MEMBERS_H
#define CER_STORE_MEMBERS_H

#include "cerebro.h"

#define CER_MEMBERS_NAME "members"

typedef struct cer_members cer_members;

/* NULL: the parts are of one network. */
extern const cer_part *
cer_members_find_header(const cer_part *parts, size_t n_parts);
extern cer_status cer_members_make(cer_arena *arena, const cer_model_copy *copy,
                                   const cer_members **members, cer_error *err);
/* That of the member of that number, from 0: of_member takes its parts, of
 * copy->n_parts at most, under its own names. */
extern cer_model_copy cer_members_get_copy(const cer_model_copy *copy,
                                           size_t member, cer_part *of_member);
/* Those that have no data. */
extern size_t cer_parts_count_left_out(const cer_part *parts, size_t n_parts);
/* Its name becomes that of the ensemble's part. */
extern cer_status
cer_members_name_left_out(cer_arena *arena, size_t member, cer_left_out *tensor,
                          cer_error *err);

extern size_t cer_members_count_inputs(const cer_members *members);
extern const cer_input *
cer_members_get_input(const cer_members *members, size_t input);
extern cer_text cer_members_get_alias(const cer_members *members, size_t input);
/* Of the first: the others are like it. */
extern const cer_model *cer_members_get_first(const cer_members *members);
extern size_t cer_members_count(const cer_members *members);
extern const cer_model *
cer_members_get_model(const cer_members *members, size_t member);
extern double cer_members_get_weight(const cer_members *members, size_t member);
extern double cer_members_get_temperature(const cer_members *members);
/* Which input of the ensemble an input of a member is. */
extern size_t
cer_members_find_input(const cer_members *members, size_t member, size_t input);
/* A member's values of a row of values of the ensemble. */
extern void cer_members_pick(const cer_members *members, size_t member,
                             const cer_value *values, cer_value *picked);
/* As those of a model: a category has values for each member that reads it. */
extern size_t cer_members_count_values(const cer_members *members);
extern size_t cer_members_get_value(const cer_members *members, size_t input,
                                    size_t *n_values);
extern void
cer_members_encode_text(const cer_members *members, size_t input, cer_text text,
                        cer_value *values, size_t stride);
extern size_t
cer_members_get_scratch_size(const cer_members *members, size_t n_rows);
/* Values row by row, or side by side. */
typedef struct cer_member_rows
{
	size_t n_rows;
	const cer_value *values;
	bool is_by_column;
	size_t stride; /* side by side: from value to value */
} cer_member_rows;

extern void
cer_members_score(const cer_members *members, const cer_member_rows *rows,
                  float *proba, void *scratch);

/* As those of a model, of all members one after the other. */
extern cer_status
cer_members_list_left_out(cer_arena *arena, const cer_members *members,
                          const cer_left_out **list, size_t *n, cer_error *err);
extern size_t
cer_members_find_missing(const cer_members *members, size_t left_out,
                         const cer_score_rows *rows, uint32_t *missing,
                         void *scratch);
extern cer_status
cer_members_put_row(const cer_members *members, size_t left_out, uint32_t code,
                    const float *row, void *scratch, cer_error *err);

#endif
