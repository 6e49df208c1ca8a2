/*
 * nn/op_first_private.h
 *	  The first layer as its own files see it: op_first.c runs tiles,
 *	  op_first_prepare.c plans buffers and blocks, op_first_update.c makes
 *	  gradients and steps of its weights, op_first_fold.c those of folded tables.
 */
#ifndef CER_NN_OP_FIRST_PRIVATE_H
#define CER_NN_OP_FIRST_PRIVATE_H

#include "nn/op_first.h"
#include "nn/operator.h"
#include "nn/ramps.h"

typedef enum table_kind
{
	TABLE_DIRECT,
	TABLE_FOLDED,
	TABLE_GATHERED
} table_kind;

typedef struct first_table
{
	table_kind kind;
	size_t place; /* in a row's codes */
	size_t n_codes;
	size_t width;
	size_t rows_offset; /* of its slice of the layer */
	size_t embed_offset;
	uint32_t *codes; /* of the batch's rows */
	const float *p;  /* direct and folded: (n_codes, units) */

	/* folded */
	float *folded;
	float *rows_t; /* (units, width) */
	cer_gemm fold;
	struct first_fold *grads; /* see op_first_fold.c */

	/* gathered; rows_t, too */
	cer_activations x; /* (batch_rows, width) */
	cer_gemm forward;
	cer_gemm backward;
} first_table;

typedef struct first_ramps first_ramps; /* see op_first_ramps.c */
struct first_rare;                      /* see op_first_rare.c */

typedef struct first_state
{
	const cer_view *view; /* NULL: all features, and no parts */
	bool is_part;         /* its batch are rows of a dimension */
	size_t n_expected;    /* rows of a batch, about */
	size_t n_parts;       /* by dimension; of the layer itself only */
	struct cer_first_part **parts;
	cer_activations numbers; /* (batch_rows, n_numbers), ramps not among them */
	first_ramps *ramps; /* NULL: rows store none, there is no view, no rare */
	struct first_rare *rare; /* NULL: all numbers are multiplied */
	size_t numbers_offset;
	cer_gemm forward;
	size_t n_codes; /* of a row */
	size_t n_tables;
	first_table *tables;
	size_t n_summed; /* direct and folded tables, then parts: */
	const float **summed;
	const uint32_t **summed_codes;
	const struct cer_infer_first *scoring;
} first_state;

extern cer_status
cer_first_prepare(cer_graph *graph, cer_graph_node *node, cer_error *err);

/* Buffers, products and the block of a folded table. */
extern cer_status
cer_first_prepare_fold(cer_graph *graph, const cer_graph_node *node,
                       first_table *table, size_t index, cer_error *err);

/* What follows from the weights of a folded or gathered table. */
extern void
cer_first_refresh_table(const cer_graph *graph, const cer_graph_node *node,
                        const first_table *table);

/* What forward keeps of the rows for backward, of the rows as they are now. */
extern void
cer_first_load_again(const cer_tile *tile, const first_state *state);

/* Of a layer: see op_first_part.c. */
extern cer_status
cer_first_make_part(cer_graph *graph, const cer_graph_node *node,
                    size_t dimension, struct cer_first_part **made,
                    cer_error *err);

/* Plans what ramps need, and how many numbers there are without them. */
extern cer_status
cer_first_prepare_ramps(cer_graph *graph, const cer_graph_node *node,
                        first_state *state, cer_error *err);
extern void
cer_first_refresh_ramps(const cer_graph *graph, const cer_graph_node *node);
/* Rows as they are stored, n floats each, zeros beyond the batch. */
extern void cer_first_load_stored(const cer_tile *tile, size_t n, float *to);
#define CACHE_LINE 64

static inline void
cer_first_prefetch(const float *numbers, size_t n)
{
	const char *bytes = (const char *) numbers;

	for (size_t i = 0; i < n * sizeof(float); i += CACHE_LINE)
		__builtin_prefetch(bytes + i);
	__builtin_prefetch(bytes + n * sizeof(float) - 1);
}

extern void
cer_first_load_ramps(const cer_tile *tile, const first_state *state);
extern void
cer_first_add_ramps(const cer_tile *tile, const cer_graph_node *node);
/* Weights of the other numbers, one matrix. */
extern const float *cer_first_get_plain(const first_state *state);

/* A view without the graph's numbers that are rare. */
extern cer_status
cer_first_leave_rare(const cer_graph *graph, const cer_view *view,
                     const cer_view **less, cer_error *err);
/* plain: the numbers that are multiplied. */
extern cer_status
cer_first_prepare_rare(cer_graph *graph, const cer_graph_node *node,
                       const cer_ramps *plain, struct first_rare **rare,
                       cer_error *err);
/* Of a tile's rows, from, stride and rows of which are given: what is multiplied
 * to its place, what is rare and not zero to a list. */
extern void cer_first_divide(const cer_tile *tile, const first_state *state,
                             const cer_divide *rows);
extern void
cer_first_add_rare(const cer_tile *tile, const cer_graph_node *node);

/* Blocks of weights; index is the table, where it concerns one. */
extern void
cer_first_update_numbers(const cer_graph *graph, const cer_graph_node *node,
                         const cer_block *block);
extern void
cer_first_update_direct(const cer_graph *graph, const cer_graph_node *node,
                        const cer_block *block);
extern void cer_first_update_gathered_rows(const cer_graph *graph,
                                           const cer_graph_node *node,
                                           const cer_block *block);
extern void cer_first_update_gathered_codes(const cer_graph *graph,
                                            const cer_graph_node *node,
                                            const cer_block *block);

#endif
