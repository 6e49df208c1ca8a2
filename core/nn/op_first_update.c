/*
 * nn/op_first_update.c
 *	  Gradients and steps of the first layer's weights, over all rows of a
 *	  batch in order.
 */
#include "nn/op_first_private.h"

#include <string.h>

void
cer_first_refresh_table(const cer_graph *graph, const cer_graph_node *node,
                        const first_table *table)
{
	const float *rows = graph->weights + table->rows_offset;

	if (table->kind == TABLE_DIRECT)
		return;
	graph->kernels->transpose(table->width, node->out.n, rows, node->out.n,
	                          table->rows_t, table->width);
	if (table->kind == TABLE_FOLDED)
		cer_gemm_run(&table->fold, graph->weights + table->embed_offset, rows,
		             table->folded);
}

void
cer_first_update_numbers(const cer_graph *graph, const cer_graph_node *node,
                         const cer_block *block)
{
	const first_state *state = node->state;

	cer_graph_run_product(graph, block, state->numbers_offset, &state->numbers,
	                      &node->out);
}

static void
scatter_direct(const cer_graph *graph, const cer_graph_node *node,
               const cer_block *block, const first_table *table)
{
	size_t n = node->out.n;
	float *sums = graph->grads + table->rows_offset + block->column;
	cer_scatter scatter = {
		.n_rows = graph->batch.n_rows,
		.n = block->n_columns,
		.codes = table->codes,
		.dz = node->out.grad + block->column,
		.dz_stride = n,
		.sums = sums,
		.sums_stride = n,
	};

	for (size_t code = 0; code < table->n_codes; code++)
		memset(sums + code * n, 0, block->n_columns * sizeof(float));
	graph->kernels->scatter(&scatter);
	for (size_t code = 0; code < table->n_codes; code++)
		cer_graph_step(graph, table->rows_offset + code * n + block->column,
		               block->n_columns);
}

/* A slice of columns of all direct tables: the slice of dz stays in cache. */
void
cer_first_update_direct(const cer_graph *graph, const cer_graph_node *node,
                        const cer_block *block)
{
	const first_state *state = node->state;

	for (size_t i = 0; i < state->n_tables; i++)
		if (state->tables[i].kind == TABLE_DIRECT)
			scatter_direct(graph, node, block, &state->tables[i]);
}

void
cer_first_update_gathered_rows(const cer_graph *graph,
                               const cer_graph_node *node,
                               const cer_block *block)
{
	const first_state *state = node->state;
	const first_table *table = &state->tables[block->index];
	size_t at = table->rows_offset + block->begin * node->out.n + block->column;

	cer_graph_run_product(graph, block, table->rows_offset, &table->x,
	                      &node->out);
	graph->kernels->transpose(block->end - block->begin, block->n_columns,
	                          graph->weights + at, node->out.n,
	                          table->rows_t + block->column * table->width +
	                              block->begin,
	                          table->width);
}

/* Codes begin .. end of a gathered embedding, those that do not occur, too:
 * their moments decay and move them. */
void
cer_first_update_gathered_codes(const cer_graph *graph,
                                const cer_graph_node *node,
                                const cer_block *block)
{
	const first_state *state = node->state;
	const first_table *table = &state->tables[block->index];
	size_t width = table->width;
	size_t n_codes = block->end - block->begin;
	size_t offset = table->embed_offset + block->begin * width;
	float *grad = graph->grads + offset;

	memset(grad, 0, n_codes * width * sizeof(float));
	for (size_t row = 0; row < graph->batch.n_rows; row++)
	{
		size_t code = (size_t) table->codes[row] - block->begin;

		if (code < n_codes)
			for (size_t i = 0; i < width; i++)
				grad[code * width + i] += table->x.grad[row * width + i];
	}
	cer_graph_step(graph, offset, n_codes * width);
}
