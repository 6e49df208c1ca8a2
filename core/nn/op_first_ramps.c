/*
 * nn/op_first_ramps.c
 *	  The first layer in training where rows store ramps, where it takes a part of
 *	  the row, or where numbers are rare (op_first_rare.c): gradients of ramps, and the weights of the other numbers
 *	  apart, so that they are one matrix.
 */
#include "base/error.h"
#include "nn/dimension.h"
#include "nn/op_first_private.h"

#include <string.h>

/* Rows of a batch in order of a ramp's place. */
typedef struct first_order
{
	uint32_t *rows;
	uint32_t *ends; /* by place, (steps + 1) */
} first_order;

struct first_ramps
{
	const cer_ramps *ramps;
	float *
		stored; /* (batch_rows, n_stored); of a view its ramps alone, or NULL */
	const uint32_t *plains; /* of a view: where rows have its plain numbers, */
	const uint32_t *froms;  /* and its ramps */
	float *plain;           /* weights of the plain numbers, (n_plain, units) */
	float *plain_grad;
	first_order *orders; /* by ramp */
};

/* ------------------------------------------------------------ weights */

static void
refresh_plain(const cer_graph *graph, const cer_graph_node *node, size_t i,
              size_t column, size_t n_columns)
{
	const first_state *state = node->state;
	const first_ramps *own = state->ramps;
	size_t n = node->out.n;

	memcpy(own->plain + i * n + column,
	       graph->weights + state->numbers_offset + own->ramps->plain[i] * n +
	           column,
	       n_columns * sizeof(float));
}

static void
refresh_ramp(const cer_graph *graph, const cer_graph_node *node, size_t i)
{
	const first_state *state = node->state;

	cer_ramps_fill(state->ramps->ramps, i,
	               graph->weights + state->numbers_offset, node->out.n);
}

void
cer_first_refresh_ramps(const cer_graph *graph, const cer_graph_node *node)
{
	const first_state *state = node->state;

	for (size_t i = 0; i < state->numbers.n; i++)
		refresh_plain(graph, node, i, 0, node->out.n);
	for (size_t i = 0; i < state->ramps->ramps->n_ramps; i++)
		refresh_ramp(graph, node, i);
}

const float *
cer_first_get_plain(const first_state *state)
{
	return state->ramps->plain;
}

/* ------------------------------------------------------------ tiles */

/* What a view has of one row: its plain numbers side by side, its ramps where
 * they stand. */
static void
load_view_row(const first_ramps *own, const float *row, float *plain,
              float *stored)
{
	size_t n_plain = own->ramps->n_plain;
	const uint32_t *plains = own->plains;

	for (size_t i = 0; i < n_plain; i++)
		plain[i] = row[plains[i]];
	for (size_t i = 0; i < own->ramps->n_ramps; i++)
		memcpy(stored + own->ramps->stored[i], row + own->froms[i],
		       CER_RAMP_FLOATS * sizeof(float));
}

static void
load_view(const cer_tile *tile, const first_state *state)
{
	const cer_batch *batch = &tile->graph->batch;
	const first_ramps *own = state->ramps;
	size_t n_stored = own->ramps->n_stored;
	size_t n = state->numbers.n;
	size_t end = tile->first + tile->n_rows;
	size_t n_more = tile->graph->tile_rows - tile->n_rows;
	const float *rows = batch->rows->rest;
	size_t stride = batch->rows->n_rest;

	for (size_t at = tile->first; at < end; at++)
	{
		if (at + CER_ROWS_AHEAD < end)
			cer_first_prefetch(
				rows + cer_batch_get_row(batch, at + CER_ROWS_AHEAD) * stride,
				stride);
		load_view_row(own, rows + cer_batch_get_row(batch, at) * stride,
		              state->numbers.data + at * n,
		              own->stored != NULL ? own->stored + at * n_stored : NULL);
	}
	memset(state->numbers.data + end * n, 0, n_more * n * sizeof(float));
	if (own->stored != NULL)
		memset(own->stored + end * n_stored, 0,
		       n_more * n_stored * sizeof(float));
}

/* Rows as they lie in memory. */
static cer_divide
find_rows(const cer_tile *tile)
{
	const cer_batch *batch = &tile->graph->batch;
	size_t first = batch->first + tile->first;
	size_t stride =
		cer_encoded_step_numbers(batch->rows, tile->graph->net->shape);

	if (batch->order != NULL)
		return (cer_divide){.from = batch->rows->numbers,
		                    .stride = stride,
		                    .rows = batch->order + first};
	return (cer_divide){.from = batch->rows->numbers + first * stride,
	                    .stride = stride};
}

void
cer_first_load_ramps(const cer_tile *tile, const first_state *state)
{
	const first_ramps *own = state->ramps;
	size_t n_stored = own->ramps->n_stored;
	cer_divide divide = {.stride = n_stored};
	float *stored;

	if (state->view != NULL)
	{
		load_view(tile, state);
		return;
	}
	if (own->ramps->n_ramps == 0)
	{
		divide = find_rows(tile);
		cer_first_divide(tile, state, &divide);
		return;
	}
	stored = own->stored + tile->first * n_stored;
	cer_first_load_stored(tile, n_stored, stored);
	divide.from = stored;
	if (state->rare != NULL)
		cer_first_divide(tile, state, &divide);
	else
		cer_ramps_pick(own->ramps, tile->graph->tile_rows, stored,
		               state->numbers.data + tile->first * state->numbers.n);
}

void
cer_first_add_ramps(const cer_tile *tile, const cer_graph_node *node)
{
	const first_state *state = node->state;
	const first_ramps *own = state->ramps;

	if (state->rare != NULL)
		cer_first_add_rare(tile, node);
	if (own->ramps->n_ramps == 0)
		return;
	cer_ramps_add(own->ramps, tile->graph->kernels, tile->graph->tile_rows,
	              own->stored + tile->first * own->ramps->n_stored,
	              node->out.data + tile->first * node->out.n);
}

/* ------------------------------------------------------------ blocks */

static void
update_plain(const cer_graph *graph, const cer_graph_node *node,
             const cer_block *block)
{
	const first_state *state = node->state;
	const first_ramps *own = state->ramps;
	size_t n = node->out.n;

	cer_graph_make_product(graph, block, own->plain_grad, &state->numbers,
	                       &node->out);
	for (size_t i = block->begin; i < block->end; i++)
	{
		size_t offset =
			state->numbers_offset + own->ramps->plain[i] * n + block->column;

		memcpy(graph->grads + offset, own->plain_grad + i * n + block->column,
		       block->n_columns * sizeof(float));
		cer_graph_step(graph, offset, block->n_columns);
		refresh_plain(graph, node, i, block->column, block->n_columns);
	}
}

/* Rows by place, those of one place in their order. */
static void
sort_rows(const cer_graph *graph, const first_ramps *own, size_t i)
{
	const cer_ramp *ramp = &own->ramps->ramps[i];
	size_t n_stored = own->ramps->n_stored;
	const float *places = own->stored + ramp->stored;
	uint32_t *ends = own->orders[i].ends;
	size_t n_rows = graph->batch.n_rows;
	uint32_t start = 0;

	memset(ends, 0, (ramp->n + 1) * sizeof(*ends));
	for (size_t row = 0; row < n_rows; row++)
		ends[(size_t) places[row * n_stored]]++;
	for (size_t step = 0; step <= ramp->n; step++)
	{
		uint32_t count = ends[step];

		ends[step] = start;
		start += count;
	}
	for (size_t row = 0; row < n_rows; row++)
		own->orders[i].rows[ends[(size_t) places[row * n_stored]]++] =
			(uint32_t) row;
}

static void
update_ramp(const cer_graph *graph, const cer_graph_node *node,
            const cer_block *block)
{
	const first_state *state = node->state;
	const first_ramps *own = state->ramps;
	const cer_ramp *ramp = &own->ramps->ramps[block->index];
	size_t n = node->out.n;
	size_t offset = state->numbers_offset + ramp->begin * n;
	cer_ramp_grads grads = {.n_steps = ramp->n,
	                        .n = n,
	                        .rows = own->orders[block->index].rows,
	                        .ends = own->orders[block->index].ends,
	                        .shares = own->stored + ramp->stored + 1,
	                        .stride = own->ramps->n_stored,
	                        .dz = node->out.grad,
	                        .grad = graph->grads + offset};

	sort_rows(graph, own, block->index);
	graph->kernels->ramp_grads(&grads);
	cer_graph_step(graph, offset, ramp->n * n);
	refresh_ramp(graph, node, block->index);
}

/* ------------------------------------------------------------ planning */

static cer_status
prepare_ramp(cer_graph *graph, const cer_graph_node *node,
             const first_ramps *own, size_t i, cer_error *err)
{
	size_t n_ends = own->ramps->ramps[i].n + 1;
	size_t size = (graph->batch_rows + n_ends) * sizeof(uint32_t);
	first_order *order = &own->orders[i];
	cer_block *block = cer_graph_add_block(graph, err);

	if (block == NULL)
		return CER_NO_MEMORY;
	order->rows = cer_arena_allocate(graph->arena, size);
	if (order->rows == NULL)
		return cer_fail_memory(err, size);
	order->ends = order->rows + graph->batch_rows;
	block->run = update_ramp;
	block->node = node;
	block->index = i;
	block->cost = 6.0 * (double) (node->out.n * graph->batch_rows);
	return CER_OK;
}

static cer_status
add_plain_blocks(cer_graph *graph, const cer_graph_node *node, size_t n_plain,
                 cer_error *err)
{
	cer_product_blocks products = {.run = update_plain,
	                               .node = node,
	                               .n_in = n_plain,
	                               .n_out = node->out.n,
	                               .m = 1};

	return n_plain > 0 ? cer_graph_add_products(graph, &products, err) : CER_OK;
}

/* Rows as they are stored; of a view, its ramps.  Without ramps, none. */
static cer_status
allocate_stored(cer_graph *graph, first_ramps *own, cer_error *err)
{
	size_t n = graph->batch_rows * own->ramps->n_stored;

	if (own->ramps->n_ramps == 0)
		return CER_OK;
	own->stored = cer_graph_allocate_floats(graph, n);
	return own->stored != NULL ? CER_OK
	                           : cer_fail_memory(err, n * sizeof(float));
}

/* Where rows have what a view takes of them: see dimension_rest.c. */
static cer_status
place_view(cer_graph *graph, const cer_view *view, first_ramps *own,
           cer_error *err)
{
	const cer_ramps *ramps = own->ramps;
	size_t size = (ramps->n_plain + ramps->n_ramps) * sizeof(uint32_t);
	uint32_t *places = cer_arena_allocate(graph->arena, size);
	cer_spans spans;

	if (places == NULL)
		return cer_fail_memory(err, size);
	CER_TRY(cer_spans_make(graph->arena, graph->net->shape, view, &spans, err));
	own->plains = places;
	for (size_t i = 0; i < ramps->n_plain; i++)
		*places++ = cer_spans_find(&spans, ramps->plain_stored[i]);
	own->froms = places;
	for (size_t i = 0; i < ramps->n_ramps; i++)
		*places++ = cer_spans_find(&spans, (uint32_t) ramps->stored[i]);
	return CER_OK;
}

cer_status
cer_first_prepare_ramps(cer_graph *graph, const cer_graph_node *node,
                        first_state *state, cer_error *err)
{
	const cer_input_shape *shape = graph->net->shape;
	size_t n = node->out.n;
	first_ramps *own = cer_arena_allocate(graph->arena, sizeof(*own));
	const cer_view *view = state->view;
	size_t size;

	if (own == NULL)
		return cer_fail_memory(err, sizeof(*own));
	memset(own, 0, sizeof(*own));
	if (view == NULL)
	{
		CER_TRY(cer_view_make_all(graph->arena, shape, &view, err));
		CER_TRY(cer_first_leave_rare(graph, view, &view, err));
	}
	own->ramps = cer_ramps_make(graph->arena, shape, view, n);
	if (own->ramps == NULL)
		return cer_fail_memory(err, shape->n_numbers * sizeof(float));
	size = own->ramps->n_ramps * sizeof(first_order);
	own->orders = cer_arena_allocate(graph->arena, size);
	if (own->orders == NULL)
		return cer_fail_memory(err, size);
	state->ramps = own;
	state->numbers.n = own->ramps->n_plain;
	CER_TRY(allocate_stored(graph, own, err));
	if (state->view != NULL)
		CER_TRY(place_view(graph, state->view, own, err));
	own->plain = cer_graph_allocate_floats(graph, state->numbers.n * n);
	own->plain_grad = cer_graph_allocate_floats(graph, state->numbers.n * n);
	if (own->plain == NULL || own->plain_grad == NULL)
		return cer_fail_memory(err, state->numbers.n * n * sizeof(float));
	for (size_t i = 0; i < own->ramps->n_ramps; i++)
		CER_TRY(prepare_ramp(graph, node, own, i, err));
	if (state->view == NULL && graph->n_rare > 0)
		CER_TRY(
			cer_first_prepare_rare(graph, node, own->ramps, &state->rare, err));
	return add_plain_blocks(graph, node, state->numbers.n, err);
}
