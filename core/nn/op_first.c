/*
 * nn/op_first.c
 *	  The first layer: numbers and codes to its units, never a one-hot matrix.
 *
 *	 z = sum over tables of rows of P + numbers W
 *
 * By table, P is one of
 *	 direct		the weights themselves (width 0)
 *	 folded		E W, the embedding times its slice of the layer, remade after
 *				each step; its gradient dP gives dE = dP W^T and dW = E^T dP
 *	 gathered	none: with more codes than rows in a batch it is cheaper to
 *				multiply the embeddings of the rows that are there
 *
 * The sum goes table by table, then number by number, those of training that are
 * mostly zero behind the others, then gathered tables.
 */
#include "nn/op_first.h"
#include "base/error.h"
#include "nn/dimension_private.h"
#include "nn/infer_first.h"
#include "nn/op_first_private.h"

#include <string.h>

/* ------------------------------------------------------------ shape */

const cer_net_tensor *
cer_first_get_numbers(const cer_net *net, const cer_node *node)
{
	return net->shape->n_numbers > 0 ? &net->tensors[node->first_tensor] : NULL;
}

/* Of the table's embedding; 0: it has none here. */
static size_t
get_width(const cer_net *net, const cer_node *node, size_t table)
{
	return node->is_wide ? 0 : net->shape->tables[table].width;
}

const cer_net_tensor *
cer_first_get_rows(const cer_net *net, const cer_node *node, size_t table)
{
	size_t i = node->first_tensor + (net->shape->n_numbers > 0);

	for (size_t t = 0; t < table; t++)
		i += get_width(net, node, t) > 0 ? 2 : 1;
	return &net->tensors[i];
}

const cer_net_tensor *
cer_first_get_embedding(const cer_net *net, const cer_node *node, size_t table)
{
	if (get_width(net, node, table) == 0)
		return NULL;
	return cer_first_get_rows(net, node, table) + 1;
}

/* How many inputs of the layer are not zero. */
static size_t
count_active(const cer_input_shape *shape)
{
	size_t n = shape->n_numbers;

	for (size_t i = 0; i < shape->n_tables; i++)
		n += shape->tables[i].width > 0 ? shape->tables[i].width : 1;
	return n;
}

static cer_status
shape_table(cer_net_builder *builder, cer_node *node, size_t index,
            cer_error *err)
{
	const cer_table_shape *table = &builder->net->shape->tables[index];
	size_t width = node->is_wide ? 0 : table->width;
	cer_tensor_spec rows = {
		.name = table->name,
		.suffix = node->is_wide ? "wide(" : "first(",
		.n_rows = width > 0 ? width : table->n_codes,
		.n_columns = node->n_out,
		.table = width > 0 ? 0 : index + 1,
	};
	cer_tensor_spec embedding = {
		.name = table->name,
		.suffix = "embed(",
		.n_rows = table->n_codes,
		.n_columns = table->width,
		.initial = CER_INITIAL_NORMAL,
		.scale = CER_EMBEDDING_DEVIATION,
		.table = index + 1,
	};

	cer_initial_choose(node->initial, count_active(builder->net->shape), &rows);
	if (node->is_wide || node->starts_zero)
		rows.initial = CER_INITIAL_ZERO;
	CER_TRY(cer_net_add_tensor(builder, node, &rows, err));
	if (width == 0)
		return CER_OK;
	return cer_net_add_tensor(builder, node, &embedding, err);
}

static cer_status
first_shape(cer_net_builder *builder, cer_node *node, cer_error *err)
{
	const cer_input_shape *shape = builder->net->shape;
	cer_tensor_spec numbers = {
		.name = node->name,
		.suffix = "numbers",
		.n_rows = shape->n_numbers,
		.n_columns = node->n_out,
		.row_names = shape->number_names,
	};

	cer_initial_choose(node->initial, count_active(shape), &numbers);
	if (node->is_wide || node->starts_zero)
		numbers.initial = CER_INITIAL_ZERO;
	if (shape->n_numbers > 0)
		CER_TRY(cer_net_add_tensor(builder, node, &numbers, err));
	for (size_t i = 0; i < shape->n_tables; i++)
		CER_TRY(shape_table(builder, node, i, err));
	return CER_OK;
}

static double
first_cost(const cer_net *net, const cer_node *node)
{
	const cer_input_shape *shape = net->shape;
	double per_unit =
		2.0 * (double) cer_shape_count_stored(shape) + (double) shape->n_tables;

	return per_unit * (double) node->n_out;
}

/* ------------------------------------------------------------ forward */

/* What a tile has beyond the batch is computed, too: as zeros, code 0. */
static void
load_padding(const first_state *state, size_t first, size_t last)
{
	for (size_t i = 0; i < state->n_tables; i++)
		memset(state->tables[i].codes + first, 0,
		       (last - first) * sizeof(uint32_t));
}

void
cer_first_load_stored(const cer_tile *tile, size_t n, float *to)
{
	const cer_batch *batch = &tile->graph->batch;
	size_t first = batch->first + tile->first;
	size_t stride =
		cer_encoded_step_numbers(batch->rows, tile->graph->net->shape);
	cer_gather gather = {.n_rows = tile->n_rows,
	                     .n = n,
	                     .from = batch->rows->numbers,
	                     .stride = stride,
	                     .to = to};

	memset(to + tile->n_rows * n, 0,
	       (tile->graph->tile_rows - tile->n_rows) * n * sizeof(float));
	if (batch->order == NULL)
	{
		for (size_t i = 0; i < tile->n_rows; i++)
			memcpy(to + i * n, batch->rows->numbers + (first + i) * stride,
			       n * sizeof(float));
		return;
	}
	gather.rows = batch->order + first;
	tile->graph->kernels->gather(&gather);
}

static void
load_codes(const cer_tile *tile, const first_state *state)
{
	const cer_batch *batch = &tile->graph->batch;
	const uint32_t *all = batch->rows->codes;
	size_t stride =
		batch->rows->stride > 0 ? batch->rows->stride : state->n_codes;
	size_t end = tile->first + tile->n_rows;

	for (size_t at = tile->first; at < end; at++)
	{
		const uint32_t *codes = all + cer_batch_get_row(batch, at) * stride;

		if (at + CER_ROWS_AHEAD < end)
			__builtin_prefetch(
				all + cer_batch_get_row(batch, at + CER_ROWS_AHEAD) * stride);
		for (size_t i = 0; i < state->n_tables; i++)
			state->tables[i].codes[at] = codes[state->tables[i].place];
	}
}

static void
load_tile(const cer_tile *tile, const first_state *state)
{
	if (state->ramps != NULL)
		cer_first_load_ramps(tile, state);
	else
		cer_first_load_stored(tile, state->numbers.n,
		                      state->numbers.data +
		                          tile->first * state->numbers.n);
	load_codes(tile, state);
	load_padding(state, tile->first + tile->n_rows,
	             tile->first + tile->graph->tile_rows);
}

static void
sum_tables(const cer_tile *tile, const cer_graph_node *node)
{
	const first_state *state = node->state;
	cer_lookup lookup = {.n_rows = tile->graph->tile_rows,
	                     .n = node->out.n,
	                     .n_tables = state->n_summed,
	                     .tables = state->summed,
	                     .codes = state->summed_codes,
	                     .first = tile->first,
	                     .z = node->out.data + tile->first * node->out.n};

	tile->graph->kernels->lookup(&lookup);
}

static void
gather_embedding(const cer_tile *tile, const first_table *table)
{
	const float *embedding = tile->graph->weights + table->embed_offset;
	size_t width = table->width;

	for (size_t at = tile->first; at < tile->first + tile->graph->tile_rows;
	     at++)
		memcpy(table->x.data + at * width, embedding + table->codes[at] * width,
		       width * sizeof(float));
}

void
cer_first_load_again(const cer_tile *tile, const first_state *state)
{
	load_tile(tile, state);
	for (size_t i = 0; i < state->n_tables; i++)
		if (state->tables[i].kind == TABLE_GATHERED)
			gather_embedding(tile, &state->tables[i]);
}

static void
first_forward(const cer_tile *tile, const cer_graph_node *node)
{
	const cer_graph *graph = tile->graph;
	const first_state *state = node->state;
	float *z = node->out.data + tile->first * node->out.n;

	load_tile(tile, state);
	if (state->n_summed > 0)
		sum_tables(tile, node);
	else if (state->numbers.n == 0)
		memset(z, 0, graph->tile_rows * node->out.n * sizeof(float));
	if (state->numbers.n > 0)
		cer_gemm_run(&state->forward,
		             state->numbers.data + tile->first * state->numbers.n,
		             state->ramps != NULL
		                 ? cer_first_get_plain(state)
		                 : graph->weights + state->numbers_offset,
		             z);
	if (state->ramps != NULL)
		cer_first_add_ramps(tile, node);
	for (size_t i = 0; i < state->n_tables; i++)
	{
		const first_table *table = &state->tables[i];

		if (table->kind != TABLE_GATHERED)
			continue;
		gather_embedding(tile, table);
		cer_gemm_run(&table->forward,
		             table->x.data + tile->first * table->width,
		             graph->weights + table->rows_offset, z);
	}
}

/* ------------------------------------------------------------ backward */

static void
first_backward(const cer_tile *tile, const cer_graph_node *node)
{
	const first_state *state = node->state;
	const float *dz = node->out.grad + tile->first * node->out.n;

	for (size_t i = 0; i < state->n_tables; i++)
	{
		const first_table *table = &state->tables[i];

		if (table->kind == TABLE_GATHERED)
			cer_gemm_run(&table->backward, dz, table->rows_t,
			             table->x.grad + tile->first * table->width);
	}
}

static void
first_refresh(const cer_graph *graph, const cer_graph_node *node)
{
	const first_state *state = node->state;

	if (state->ramps != NULL)
		cer_first_refresh_ramps(graph, node);
	for (size_t i = 0; i < state->n_tables; i++)
		cer_first_refresh_table(graph, node, &state->tables[i]);
	for (size_t i = 0; i < state->n_parts; i++)
		first_refresh(graph, &state->parts[i]->own);
}

/* ------------------------------------------------------------ scoring */

const cer_infer_first *
cer_first_get_scoring(const cer_graph_node *node)
{
	const first_state *state = node->state;

	return state->scoring;
}

static void
first_score(const cer_tile *tile, const cer_graph_node *node)
{
	const first_state *state = node->state;
	size_t n = node->out.n;
	size_t width = cer_infer_first_get_width(state->scoring);
	float *rest = tile->scratch + tile->n_rows * width;

	if (width == n)
	{
		cer_infer_first_run(state->scoring, tile->n_rows,
		                    tile->graph->batch.rows, NULL, node->out.data,
		                    rest);
		return;
	}
	cer_infer_first_run(state->scoring, tile->n_rows, tile->graph->batch.rows,
	                    NULL, tile->scratch, rest);
	for (size_t row = 0; row < tile->n_rows; row++)
		memcpy(node->out.data + row * n, tile->scratch + row * width,
		       n * sizeof(float));
}

const cer_operator cer_op_first = {
	.name = "first",
	.shape = first_shape,
	.cost = first_cost,
	.prepare = cer_first_prepare,
	.refresh = first_refresh,
	.forward = first_forward,
	.backward = first_backward,
	.score = first_score,
};
