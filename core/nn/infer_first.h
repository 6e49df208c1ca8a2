/*
 * nn/infer_first.h
 *	  The first layer in scoring: embeddings folded into it, numbers multiplied
 *	  with packed weights.
 */
#ifndef CER_NN_INFER_FIRST_H
#define CER_NN_INFER_FIRST_H

#include "nn/bf16_weights.h"
#include "nn/net.h"

typedef struct cer_infer_first cer_infer_first;

/* By group, then by row: width floats; or cer_partials_elsewhere. */
typedef struct cer_partials
{
	const float *const *const *groups;
	size_t first; /* of the rows */
} cer_partials;

typedef struct cer_infer_first_spec
{
	const cer_net *net;
	const cer_node *node;
	const float *weights;
	const cer_kernels *kernels;
	const cer_bf16 *bf16; /* for products of numbers; NULL: floats */
	size_t cache_size;    /* bytes for rows of tensors that are left out */
	size_t n_links;
	const cer_table_link *links; /* tables that are joined through others */
} cer_infer_first_spec;

/* Copies what it needs of weights.  NULL: no memory. */
extern const cer_infer_first *
cer_infer_first_make(cer_arena *arena, const cer_infer_first_spec *spec);

/* Floats of a row of what it makes: units padded for packed weights. */
extern size_t cer_infer_first_get_width(const cer_infer_first *first);
extern size_t
cer_infer_first_get_scratch_size(const cer_infer_first *first, size_t n_rows);

/*
 * z (n_rows, width) of numbers (n_rows, n_numbers), codes (n_rows, n_tables);
 * without bias.  The features of each table of FE are summed first: a group;
 * then the groups, each with those of the tables joined through it; the task's
 * own last.  partials, or NULL: for each group NULL, or for each row what
 * cer_infer_first_run_group made of it, whose features are not looked at.
 */
extern void
cer_infer_first_run(const cer_infer_first *first, size_t n_rows,
                    const cer_encoded *rows, const cer_partials *partials,
                    float *z, void *scratch);
/* Whether the last of it is one product of bf16 numbers, */
extern bool cer_infer_first_can_finish(const cer_infer_first *first);
/* which then does the relu that follows, too: the same bits as z, then
 * round_relu, where no partials are kept. */
typedef struct cer_first_pairs
{
	const float *bias; /* (width) */
	float *z;          /* (n_rows, width), overwritten */
	uint32_t *pairs;   /* (n_rows, width / 2) */
} cer_first_pairs;
extern void
cer_infer_first_run_pairs(const cer_infer_first *first, const cer_encoded *rows,
                          const cer_first_pairs *to, void *scratch);
extern size_t cer_infer_first_count_groups(const cer_infer_first *first);
/* Empty: of the task's own features. */
extern cer_text
cer_infer_first_get_alias(const cer_infer_first *first, size_t group);
/* Whose sum its own is a part of; of none: the number of groups. */
extern size_t
cer_infer_first_get_parent(const cer_infer_first *first, size_t group);
/* Of n partials or sums, in their order. */
extern void cer_infer_first_sum(const cer_infer_first *first, size_t n,
                                const float *const *partials, float *sum);
/* Floating point operations of a row. */
extern double
cer_infer_first_get_cost(const cer_infer_first *first, size_t group);
extern void
cer_infer_first_run_group(const cer_infer_first *first, size_t group,
                          size_t n_rows, const cer_encoded *rows, float *z,
                          void *scratch);

/* Of a tensor that is left out. */
typedef struct cer_row
{
	uint32_t code;
	const float *weights;
} cer_row;

/*
 * Of a table whose tensor is left out: codes of at most CER_FETCH_ROWS rows
 * that are to be put before these are scored; how many.
 */
extern size_t
cer_infer_first_find_missing(const cer_infer_first *first, size_t table,
                             const cer_encoded *rows, uint32_t *missing);
/* scratch as for scoring. */
extern void cer_infer_first_put_row(const cer_infer_first *first, size_t table,
                                    const cer_row *row, void *scratch);

#endif
