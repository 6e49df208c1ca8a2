/*
 * nn/source.c
 *	  What operators that take the encoded row have in common.
 */
#include "nn/source.h"

#include "base/error.h"
#include "nn/row_store.h"

#include <string.h>

#define BLOCK_CODES 2048

cer_status
cer_source_prepare(cer_graph *graph, const cer_view *view, cer_source *source,
                   cer_error *err)
{
	size_t size = graph->batch_rows * sizeof(uint32_t);

	source->view = view;
	source->numbers =
		cer_graph_allocate_floats(graph, graph->batch_rows * view->n_numbers);
	source->codes = cer_arena_allocate(
		graph->arena, (view->n_tables + 1) * sizeof(*source->codes));
	if (source->numbers == NULL || source->codes == NULL)
		return cer_fail_memory(err, size * view->n_numbers);
	for (size_t i = 0; i < view->n_tables; i++)
	{
		source->codes[i] = cer_arena_allocate(graph->arena, size);
		if (source->codes[i] == NULL)
			return cer_fail_memory(err, size);
		memset(source->codes[i], 0, size);
	}
	return CER_OK;
}

bool
cer_source_get(const cer_tile *tile, size_t at, cer_source_row *row)
{
	const cer_input_shape *shape = tile->graph->net->shape;
	const cer_batch *batch = &tile->graph->batch;
	size_t from;

	if (at >= tile->first + tile->n_rows)
		return false;
	from = cer_batch_get_row(batch, at);
	row->numbers = cer_encoded_get_numbers(batch->rows, shape, from);
	row->codes = cer_encoded_get_codes(batch->rows, shape, from);
	return true;
}

float
cer_source_get_number(const cer_tile *tile, const cer_source_row *row,
                      size_t number)
{
	return cer_shape_get_number(tile->graph->net->shape, row->numbers, number);
}

uint32_t
cer_source_get_code(const cer_tile *tile, const cer_source_row *row,
                    size_t table)
{
	uint32_t code = row->codes[table];

	return code < tile->graph->net->shape->tables[table].n_codes
	           ? code
	           : CER_CODE_UNSEEN;
}

const float *
cer_source_get_weights(const cer_graph *graph, const cer_net_tensor *tensor,
                       size_t code)
{
	if (tensor->offset == CER_TENSOR_LEFT_OUT)
		return cer_row_store_get(graph->stores[tensor - graph->net->tensors],
		                         (uint32_t) code);
	return graph->weights + tensor->offset + code * (size_t) tensor->dims[1];
}

void
cer_source_keep(const cer_source *source, const cer_tile *tile)
{
	const cer_view *view = source->view;
	size_t n_rows = tile->graph->batch_rows;
	cer_source_row row;

	for (size_t at = tile->first; at < tile->first + tile->n_all; at++)
	{
		bool is_row = cer_source_get(tile, at, &row);

		for (size_t i = 0; i < view->n_numbers; i++)
			source->numbers[i * n_rows + at] =
				is_row ? cer_source_get_number(tile, &row, view->numbers[i])
					   : 0.0f;
		for (size_t i = 0; i < view->n_tables; i++)
			source->codes[i][at] = is_row ? row.codes[view->tables[i]] : 0;
	}
}

/* ------------------------------------------------------------ blocks */

/* Codes begin .. end, those that do not occur, too. */
static void
update_rows(const cer_graph *graph, const cer_graph_node *node,
            const cer_block *block)
{
	const cer_source_rows *rows = block->rows;
	const uint32_t *codes = rows->source->codes[rows->table];
	size_t n_codes = block->end - block->begin;
	size_t offset = rows->offset + block->begin * rows->n;
	float *grad = graph->grads + offset;

	memset(grad, 0, n_codes * rows->n * sizeof(float));
	for (size_t row = 0; row < graph->batch.n_rows; row++)
	{
		size_t code = (size_t) codes[row] - block->begin;

		if (code < n_codes)
			graph->kernels->backward_linear(
				rows->n, cer_get_grad(&node->out, row) + rows->column,
				grad + code * rows->n);
	}
	cer_graph_step(graph, offset, n_codes * rows->n);
}

cer_status
cer_source_add_rows(cer_graph *graph, const cer_graph_node *node,
                    const cer_source_rows *rows, cer_error *err)
{
	size_t table = rows->source->view->tables[rows->table];
	size_t n_codes = graph->net->shape->tables[table].n_codes;

	for (size_t code = 0; code < n_codes; code += BLOCK_CODES)
	{
		cer_block *block = cer_graph_add_block(graph, err);

		if (block == NULL)
			return CER_NO_MEMORY;
		block->run = update_rows;
		block->node = node;
		block->rows = rows;
		block->begin = code;
		block->end =
			code + BLOCK_CODES < n_codes ? code + BLOCK_CODES : n_codes;
		block->cost =
			4.0 * (double) ((graph->batch_rows + block->end - code) * rows->n);
	}
	return CER_OK;
}
