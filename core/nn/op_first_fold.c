/*
 * nn/op_first_fold.c
 *	  Gradients and steps of an embedding that is folded, P = E W.
 *
 *	 dP of a code	sum of dz of the batch's rows that have it
 *	 dE = dP W^T	W += ...
 *	 dW = E^T dP
 *
 * A batch has but some of the codes, where these are of unequal frequency a
 * half of them: products are of those alone, side by side in rising order.  The
 * others would add zeros.
 */
#include "base/error.h"
#include "nn/op_first_private.h"

#include <string.h>

/* Codes of a product: so many, then fewer at once; the last ones are zeros. */
#define FOLD_CODES 32
#define REST_CODES 8

typedef struct fold_step
{
	size_t n; /* codes */
	cer_gemm embed_grad;
	cer_gemm rows_grad;
} fold_step;

typedef struct first_fold
{
	uint32_t *used;   /* codes of the batch */
	uint32_t *places; /* by code: among those */
	uint32_t *of;     /* by row of the batch: place of its code */
	float *dp;        /* by place: (units) */
	float *embedding; /* (width), of codes that are used */
	float *grad;      /* and its gradient */
	fold_step whole;
	fold_step rest;
} first_fold;

/* ------------------------------------------------------------ planning */

static size_t
pad_codes(size_t n)
{
	return (n + REST_CODES - 1) / REST_CODES * REST_CODES;
}

static cer_status
make_step(cer_graph *graph, const cer_graph_node *node,
          const first_table *table, fold_step *step, cer_error *err)
{
	size_t n = node->out.n;
	size_t width = table->width;
	cer_gemm_shape embed_grad = {.n_rows = step->n,
	                             .n_columns = width,
	                             .n_inner = n,
	                             .a_stride = n,
	                             .b_stride = width,
	                             .c_stride = width};
	cer_gemm_shape rows_grad = {.n_rows = width,
	                            .n_columns = n,
	                            .n_inner = step->n,
	                            .a_stride = width,
	                            .b_stride = n,
	                            .c_stride = n,
	                            .is_a_transposed = true,
	                            .accumulate = true};

	CER_TRY(
		graph->make_gemm(graph->kernels, &embed_grad, &step->embed_grad, err));
	return graph->make_gemm(graph->kernels, &rows_grad, &step->rows_grad, err);
}

static cer_status
allocate_fold(cer_graph *graph, size_t n, const first_table *table,
              first_fold **fold, cer_error *err)
{
	size_t n_codes = pad_codes(table->n_codes);
	size_t n_words = 2 * n_codes + graph->batch_rows;
	first_fold *made = cer_arena_allocate(graph->arena, sizeof(*made));
	uint32_t *words =
		cer_arena_allocate(graph->arena, n_words * sizeof(uint32_t));

	if (made == NULL || words == NULL)
		return cer_fail_memory(err, n_words * sizeof(uint32_t));
	*made = (first_fold){
		.used = words,
		.places = words + n_codes,
		.of = words + 2 * n_codes,
		.dp = cer_graph_allocate_floats(graph, n_codes * n),
		.embedding = cer_graph_allocate_floats(graph, n_codes * table->width),
		.grad = cer_graph_allocate_floats(graph, n_codes * table->width),
		.whole.n = FOLD_CODES,
		.rest.n = REST_CODES,
	};
	*fold = made;
	return made->dp != NULL && made->embedding != NULL && made->grad != NULL
	           ? CER_OK
	           : cer_fail_memory(err, n_codes * n * sizeof(float));
}

static void update_fold(const cer_graph *graph, const cer_graph_node *node,
                        const cer_block *block);

cer_status
cer_first_prepare_fold(cer_graph *graph, const cer_graph_node *node,
                       first_table *table, size_t index, cer_error *err)
{
	size_t n = node->out.n;
	cer_gemm_shape fold = {.n_rows = table->n_codes,
	                       .n_columns = n,
	                       .n_inner = table->width,
	                       .a_stride = table->width,
	                       .b_stride = n,
	                       .c_stride = n};
	cer_block *block;

	table->folded = cer_graph_allocate_floats(graph, table->n_codes * n);
	if (table->folded == NULL)
		return cer_fail_memory(err, table->n_codes * n * sizeof(float));
	table->p = table->folded;
	CER_TRY(graph->make_gemm(graph->kernels, &fold, &table->fold, err));
	CER_TRY(allocate_fold(graph, n, table, &table->grads, err));
	CER_TRY(make_step(graph, node, table, &table->grads->whole, err));
	CER_TRY(make_step(graph, node, table, &table->grads->rest, err));
	block = cer_graph_add_block(graph, err);
	if (block == NULL)
		return CER_NO_MEMORY;
	block->run = update_fold;
	block->node = node;
	block->index = index;
	block->cost = (double) n * (6.0 * (double) (table->n_codes * table->width) +
	                            4.0 * (double) graph->batch_rows);
	return CER_OK;
}

/* ------------------------------------------------------------ steps */

/* Codes that the batch has, and the rows' places among them. */
static size_t
find_used(const cer_graph *graph, const first_table *table)
{
	const first_fold *fold = table->grads;
	size_t n_used = 0;

	memset(fold->places, 0, table->n_codes * sizeof(uint32_t));
	for (size_t row = 0; row < graph->batch.n_rows; row++)
		fold->places[table->codes[row]] = 1;
	for (uint32_t code = 0; code < table->n_codes; code++)
		if (fold->places[code] > 0)
		{
			fold->used[n_used] = code;
			fold->places[code] = (uint32_t) n_used++;
		}
	for (size_t row = 0; row < graph->batch.n_rows; row++)
		fold->of[row] = fold->places[table->codes[row]];
	return n_used;
}

static void
sum_gradients(const cer_graph *graph, const cer_graph_node *node,
              const first_fold *fold, size_t n_codes)
{
	size_t n = node->out.n;
	cer_scatter scatter = {
		.n_rows = graph->batch.n_rows,
		.n = n,
		.codes = fold->of,
		.dz = node->out.grad,
		.dz_stride = n,
		.sums = fold->dp,
		.sums_stride = n,
	};

	memset(fold->dp, 0, n_codes * n * sizeof(float));
	graph->kernels->scatter(&scatter);
}

/* Rows of the embedding side by side, then zeros. */
static void
pick_embedding(const cer_graph *graph, const first_table *table, size_t n_used)
{
	const first_fold *fold = table->grads;
	const float *from = graph->weights + table->embed_offset;
	size_t width = table->width;

	for (size_t i = 0; i < n_used; i++)
		memcpy(fold->embedding + i * width, from + fold->used[i] * width,
		       width * sizeof(float));
	memset(fold->embedding + n_used * width, 0,
	       (pad_codes(n_used) - n_used) * width * sizeof(float));
}

static void
put_gradients(const cer_graph *graph, const first_table *table, size_t n_used)
{
	const first_fold *fold = table->grads;
	float *to = graph->grads + table->embed_offset;
	size_t width = table->width;

	memset(to, 0, table->n_codes * width * sizeof(float));
	for (size_t i = 0; i < n_used; i++)
		memcpy(to + fold->used[i] * width, fold->grad + i * width,
		       width * sizeof(float));
}

static void
multiply(const cer_graph *graph, const cer_graph_node *node,
         const first_table *table, size_t n_codes)
{
	const first_fold *fold = table->grads;
	float *rows = graph->grads + table->rows_offset;
	size_t n = node->out.n;
	const fold_step *step;

	memset(rows, 0, table->width * n * sizeof(float));
	for (size_t at = 0; at < n_codes; at += step->n)
	{
		const float *dp = fold->dp + at * n;

		step = at + FOLD_CODES <= n_codes ? &fold->whole : &fold->rest;
		cer_gemm_run(&step->embed_grad, dp, table->rows_t,
		             fold->grad + at * table->width);
		cer_gemm_run(&step->rows_grad, fold->embedding + at * table->width, dp,
		             rows);
	}
}

static void
update_fold(const cer_graph *graph, const cer_graph_node *node,
            const cer_block *block)
{
	const first_state *state = node->state;
	const first_table *table = &state->tables[block->index];
	size_t n_used = find_used(graph, table);

	sum_gradients(graph, node, table->grads, pad_codes(n_used));
	pick_embedding(graph, table, n_used);
	multiply(graph, node, table, pad_codes(n_used));
	put_gradients(graph, table, n_used);
	cer_graph_step(graph, table->embed_offset, table->n_codes * table->width);
	cer_graph_step(graph, table->rows_offset, table->width * node->out.n);
	cer_first_refresh_table(graph, node, table);
}
