/*
 * nn/infer.h
 *	  The network for scoring: embeddings folded into the first layer, batch
 *	  normalisation into what is beside it (fold.h), no dropout, weights packed
 *	  for few rows at a time.
 */
#ifndef CER_NN_INFER_H
#define CER_NN_INFER_H

#include "nn/infer_first.h"
#include "nn/net.h"

typedef struct cer_infer cer_infer;

typedef struct cer_infer_spec
{
	const cer_net *net;
	const float *weights;
	/* whether dense layers, but for narrow ones, multiply numbers rounded to
	 * bf16; what categories add is summed as floats */
	bool has_bf16_products;
	size_t cache_size; /* bytes for rows of tensors that are left out */
	size_t n_links;
	const cer_table_link *links; /* tables that are joined through others */
} cer_infer_spec;

/* Copies what it needs of weights. */
extern cer_status cer_infer_make(cer_arena *arena, const cer_infer_spec *spec,
                                 const cer_infer **infer, cer_error *err);
extern size_t cer_infer_get_scratch_size(const cer_infer *infer, size_t n_rows);

/* numbers (n_rows, n_numbers), codes (n_rows, n_tables) -> proba (n_rows,
 * n_classes).  A row's bits do not depend on the rows beside it. */
extern void
cer_infer_run(const cer_infer *infer, size_t n_rows, const float *numbers,
              const uint32_t *codes, float *proba, void *scratch);
/* The same bits, with sums of the first layer that are there already. */
extern void
cer_infer_run_partials(const cer_infer *infer, const cer_encoded *rows,
                       const cer_partials *partials, float *proba,
                       void *scratch);
/* Of a chain that others may share; 0: it is none. */
extern size_t cer_infer_count_layers(const cer_infer *infer);
/* Of n first layers that are the same those that one chain can compute for the
 * other. */
extern size_t cer_infer_count_shared(const cer_infer *infer,
                                     const cer_infer *other, size_t n);

/* A chain whose first layers are another's, above 0. */
typedef struct cer_infer_branch
{
	const cer_infer *infer;
	size_t n_shared;
	float *proba;
} cer_infer_branch;

typedef struct cer_infer_tree
{
	const cer_infer *infer; /* a chain, if there are branches */
	float *proba;
	size_t n_branches;
	const cer_infer_branch *branches;
} cer_infer_tree;

extern size_t
cer_infer_get_tree_scratch_size(const cer_infer_tree *tree, size_t n_rows);
/* As cer_infer_run_partials of each, with the same bits. */
extern void
cer_infer_run_tree(const cer_infer_tree *tree, const cer_encoded *rows,
                   const cer_partials *partials, void *scratch);
/*
 * Partials: what depends on the features of one table of FE alone, a group; of
 * the first layer, or a whole tower.  0 groups where there are none; of some
 * groups nothing can be kept.
 */
extern size_t cer_infer_count_groups(const cer_infer *infer);
extern cer_text cer_infer_get_alias(const cer_infer *infer, size_t group);
extern bool cer_infer_can_keep(const cer_infer *infer, size_t group);
/* Whether what is kept is a tower. */
extern bool cer_infer_has_towers(const cer_infer *infer);
/* The group whose sum this one's is a part of; of none: the number of groups. */
extern size_t cer_infer_get_parent(const cer_infer *infer, size_t group);
/* Floating point operations of a row that a partial spares. */
extern double cer_infer_get_group_cost(const cer_infer *infer, size_t group);
extern size_t cer_infer_get_partial_width(const cer_infer *infer);
/* Partials (n_rows, width). */
extern void
cer_infer_run_group(const cer_infer *infer, size_t group,
                    const cer_encoded *rows, float *partials, void *scratch);
/* As of cer_infer_first. */
extern size_t
cer_infer_find_missing(const cer_infer *infer, const cer_left_out *tensor,
                       const cer_encoded *rows, uint32_t *missing);
extern void
cer_infer_put_row(const cer_infer *infer, const cer_left_out *tensor,
                  const cer_row *row, void *scratch);
/* NULL: not a chain. */
extern const cer_infer_first *cer_infer_get_first(const cer_infer *infer);
extern const char *cer_infer_get_kernel_class(const cer_infer *infer);

#endif
