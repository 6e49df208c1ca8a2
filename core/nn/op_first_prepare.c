/*
 * nn/op_first_prepare.c
 *	  Buffers, products and blocks of weights that the first layer needs to be
 *	  trained; which way each table goes.
 */
#include "base/error.h"
#include "nn/dimension_private.h"
#include "nn/infer_first.h"
#include "nn/op_first_private.h"

#include <string.h>

#define DIRECT_COLUMNS 64   /* of a block of direct tables */
#define GATHERED_CODES 2048 /* of a block of a gathered embedding */

static cer_status
add_code_blocks(cer_graph *graph, const cer_graph_node *node,
                const first_table *table, size_t index, cer_error *err)
{
	for (size_t code = 0; code < table->n_codes; code += GATHERED_CODES)
	{
		cer_block *block = cer_graph_add_block(graph, err);

		if (block == NULL)
			return CER_NO_MEMORY;
		block->run = cer_first_update_gathered_codes;
		block->node = node;
		block->index = index;
		block->begin = code;
		block->end = code + GATHERED_CODES < table->n_codes
		                 ? code + GATHERED_CODES
		                 : table->n_codes;
		block->cost =
			40.0 * (double) ((block->end - block->begin) * table->width);
	}
	return CER_OK;
}

static cer_status
prepare_gathered(cer_graph *graph, const cer_graph_node *node,
                 first_table *table, size_t index, cer_error *err)
{
	const first_state *state = node->state;
	size_t n = node->out.n;
	size_t width = table->width;
	size_t n_floats = graph->batch_rows * width;
	cer_gemm_shape forward = {.n_rows = graph->tile_rows,
	                          .n_columns = n,
	                          .n_inner = width,
	                          .a_stride = width,
	                          .b_stride = n,
	                          .c_stride = n};
	cer_gemm_shape backward = {.n_rows = graph->tile_rows,
	                           .n_columns = width,
	                           .n_inner = n,
	                           .a_stride = n,
	                           .b_stride = width,
	                           .c_stride = width};
	cer_product_blocks products = {.run = cer_first_update_gathered_rows,
	                               .node = node,
	                               .index = index,
	                               .n_in = width,
	                               .n_out = n,
	                               .m = 1};

	/* the first to write z does not add; with nothing summed, every table
	 * before this one was gathered */
	forward.accumulate = state->n_summed > 0 ||
	                     graph->net->shape->n_numbers > 0 || index > 0 ||
	                     state->view != NULL;
	table->x.n = width;
	table->x.m = 1;
	table->x.data = cer_graph_allocate_floats(graph, n_floats);
	table->x.grad = cer_graph_allocate_floats(graph, n_floats);
	if (table->x.data == NULL || table->x.grad == NULL)
		return cer_fail_memory(err, n_floats * sizeof(float));
	CER_TRY(graph->make_gemm(graph->kernels, &forward, &table->forward, err));
	CER_TRY(graph->make_gemm(graph->kernels, &backward, &table->backward, err));
	CER_TRY(cer_graph_add_products(graph, &products, err));
	return add_code_blocks(graph, node, table, index, err);
}

static cer_status
prepare_table(cer_graph *graph, const cer_graph_node *node, first_table *table,
              size_t index, cer_error *err)
{
	size_t n_floats = node->out.n * table->width;

	table->codes =
		cer_arena_allocate(graph->arena, graph->batch_rows * sizeof(uint32_t));
	table->rows_t = cer_graph_allocate_floats(graph, n_floats);
	if (table->codes == NULL || table->rows_t == NULL)
		return cer_fail_memory(err, graph->batch_rows * sizeof(uint32_t));
	switch (table->kind)
	{
		case TABLE_FOLDED:
			return cer_first_prepare_fold(graph, node, table, index, err);
		case TABLE_GATHERED:
			return prepare_gathered(graph, node, table, index, err);
		case TABLE_DIRECT:
			break;
	}
	table->p = graph->weights + table->rows_offset;
	return CER_OK;
}

static cer_status
prepare_numbers(cer_graph *graph, const cer_graph_node *node,
                first_state *state, cer_error *err)
{
	size_t n = node->out.n;
	size_t n_floats = graph->batch_rows * state->numbers.n;
	cer_gemm_shape forward = {.n_rows = graph->tile_rows,
	                          .n_columns = n,
	                          .n_inner = state->numbers.n,
	                          .a_stride = state->numbers.n,
	                          .b_stride = n,
	                          .c_stride = n,
	                          .accumulate = state->n_summed > 0};
	cer_product_blocks products = {.run = cer_first_update_numbers,
	                               .node = node,
	                               .n_in = state->numbers.n,
	                               .n_out = n,
	                               .m = 1};

	state->numbers.data = cer_graph_allocate_floats(graph, n_floats);
	if (state->numbers.data == NULL)
		return cer_fail_memory(err, n_floats * sizeof(float));
	if (state->numbers.n == 0)
		return CER_OK;
	CER_TRY(graph->make_gemm(graph->kernels, &forward, &state->forward, err));
	return state->ramps == NULL ? cer_graph_add_products(graph, &products, err)
	                            : CER_OK;
}

static cer_status
prepare_direct(cer_graph *graph, const cer_graph_node *node,
               const first_state *state, cer_error *err)
{
	size_t n_direct = 0;

	for (size_t i = 0; i < state->n_tables; i++)
		n_direct += state->tables[i].kind == TABLE_DIRECT;
	for (size_t column = 0; n_direct > 0 && column < node->out.n;
	     column += DIRECT_COLUMNS)
	{
		cer_block *block = cer_graph_add_block(graph, err);
		size_t left = node->out.n - column;

		if (block == NULL)
			return CER_NO_MEMORY;
		block->run = cer_first_update_direct;
		block->node = node;
		block->column = column;
		block->n_columns = left < DIRECT_COLUMNS ? left : DIRECT_COLUMNS;
		block->cost =
			4.0 * (double) (n_direct * block->n_columns * graph->batch_rows);
	}
	return CER_OK;
}

static void
describe_tables(const cer_graph *graph, const cer_graph_node *node,
                first_state *state)
{
	for (size_t i = 0; i < state->n_tables; i++)
	{
		size_t place = state->view != NULL ? state->view->tables[i] : i;
		const cer_table_shape *shape = &graph->net->shape->tables[place];
		first_table *table = &state->tables[i];

		table->place = state->is_part ? i : place;
		table->n_codes = shape->n_codes;
		table->width = node->node->is_wide ? 0 : shape->width;
		table->rows_offset =
			cer_first_get_rows(graph->net, node->node, place)->offset;
		if (table->width == 0)
			table->kind = TABLE_DIRECT;
		else if (2 * shape->n_codes <= state->n_expected)
			table->kind = TABLE_FOLDED;
		else
			table->kind = TABLE_GATHERED;
		if (table->width > 0)
			table->embed_offset =
				cer_first_get_embedding(graph->net, node->node, place)->offset;
		state->n_summed += table->kind != TABLE_GATHERED;
	}
}

/* Once their memory is there. */
static cer_status
list_summed(cer_graph *graph, first_state *state, cer_error *err)
{
	size_t size = state->n_summed * sizeof(void *);
	size_t n = 0;

	state->summed = cer_arena_allocate(graph->arena, size);
	state->summed_codes = cer_arena_allocate(graph->arena, size);
	if (state->summed == NULL || state->summed_codes == NULL)
		return cer_fail_memory(err, 2 * size);
	for (size_t i = 0; i < state->n_tables; i++)
		if (state->tables[i].kind != TABLE_GATHERED)
		{
			state->summed[n] = state->tables[i].p;
			state->summed_codes[n++] = state->tables[i].codes;
		}
	for (size_t i = 0; i < state->n_parts; i++)
	{
		cer_first_part *part = state->parts[i];

		part->p = &state->summed[n];
		state->summed[n] = part->own.out.data;
		state->summed_codes[n++] = part->dimension->of;
	}
	return CER_OK;
}

static cer_status
prepare_scoring(cer_graph *graph, cer_graph_node *node, first_state *state,
                cer_error *err)
{
	size_t n_rows = graph->tile_rows;
	size_t size;

	state->scoring = cer_infer_first_make(
		graph->arena, &(cer_infer_first_spec){.net = graph->net,
	                                          .node = node->node,
	                                          .weights = graph->weights,
	                                          .kernels = graph->kernels,
	                                          .bf16 = graph->bf16,
	                                          .cache_size = graph->cache_size});
	if (state->scoring == NULL)
		return cer_fail_memory(err, node->node->n_out * sizeof(float));
	size = cer_infer_first_get_scratch_size(state->scoring, n_rows);
	cer_graph_need_scratch(graph,
	                       n_rows * cer_infer_first_get_width(state->scoring) +
	                           (size + sizeof(float) - 1) / sizeof(float));
	node->state = state;
	return CER_OK;
}

/* The features that the state's view has, or all. */
static cer_status
prepare_features(cer_graph *graph, cer_graph_node *node, first_state *state,
                 cer_error *err)
{
	const cer_input_shape *shape = graph->net->shape;
	const cer_view *view = state->view;
	size_t size;

	state->n_tables = view != NULL ? view->n_tables : shape->n_tables;
	state->n_codes =
		state->is_part ? state->n_tables : cer_shape_count_codes(shape);
	size = (state->n_tables + 1) * sizeof(first_table);
	state->tables = cer_arena_allocate(graph->arena, size);
	if (state->tables == NULL)
		return cer_fail_memory(err, size);
	memset(state->tables, 0, size);
	state->numbers.n = shape->n_numbers;
	state->numbers.m = 1;
	node->state = state;
	describe_tables(graph, node, state);
	state->n_summed += state->n_parts;
	if (shape->n_numbers > 0)
		state->numbers_offset =
			cer_first_get_numbers(graph->net, node->node)->offset;
	if (shape->n_ramps > 0 || view != NULL || graph->n_rare > 0)
		CER_TRY(cer_first_prepare_ramps(graph, node, state, err));
	CER_TRY(prepare_numbers(graph, node, state, err));
	for (size_t i = 0; i < state->n_tables; i++)
		CER_TRY(prepare_table(graph, node, &state->tables[i], i, err));
	CER_TRY(list_summed(graph, state, err));
	return prepare_direct(graph, node, state, err);
}

static cer_status
make_state(cer_graph *graph, first_state **state, cer_error *err)
{
	*state = cer_arena_allocate(graph->arena, sizeof(**state));
	if (*state == NULL)
		return cer_fail_memory(err, sizeof(**state));
	memset(*state, 0, sizeof(**state));
	(*state)->n_expected = graph->batch_rows;
	return CER_OK;
}

static cer_status
prepare_parts(cer_graph *graph, const cer_graph_node *node, first_state *state,
              cer_error *err)
{
	size_t size = graph->n_dimensions * sizeof(cer_first_part *);
	cer_dimension_list list = {graph->dimensions[0].plan, graph->n_dimensions};

	state->parts = cer_arena_allocate(graph->arena, size);
	if (state->parts == NULL)
		return cer_fail_memory(err, size);
	CER_TRY(cer_dimensions_view_rest(graph->arena, graph->net->shape, &list,
	                                 &state->view, err));
	for (size_t i = 0; i < graph->n_dimensions; i++)
	{
		const cer_dimension_plan *plan = graph->dimensions[i].plan;
		first_state *part;

		CER_TRY(make_state(graph, &part, err));
		part->view = plan->view;
		part->is_part = true;
		part->n_expected = plan->n_expected;
		CER_TRY(cer_first_make_part(graph, node, i, &state->parts[i], err));
		CER_TRY(prepare_features(graph, &state->parts[i]->own, part, err));
	}
	state->n_parts = graph->n_dimensions;
	return CER_OK;
}

cer_status
cer_first_prepare(cer_graph *graph, cer_graph_node *node, cer_error *err)
{
	first_state *state;

	CER_TRY(make_state(graph, &state, err));
	if (graph->is_scoring)
		return prepare_scoring(graph, node, state, err);
	if (graph->n_dimensions > 0)
		CER_TRY(prepare_parts(graph, node, state, err));
	return prepare_features(graph, node, state, err);
}
