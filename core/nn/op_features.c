/*
 * nn/op_features.c
 *	  The encoded row as one vector, for layers that need it whole: numbers,
 *	  then each table: its embedding, or a place for each code of which one is
 *	  1 (dense layers that come first never need this, see op_first.c).
 */
#include "base/error.h"
#include "nn/source.h"

#include <string.h>

typedef struct features_state
{
	cer_source source;
	cer_source_rows *rows; /* of embeddings */
} features_state;

/* Floats of a table in the vector. */
static size_t
get_table_width(const cer_table_shape *table)
{
	return table->width > 0 ? table->width : table->n_codes;
}

static const cer_table_shape *
get_table(const cer_net *net, const cer_node *node, size_t i)
{
	return &net->shape->tables[node->view->tables[i]];
}

size_t
cer_features_count(const cer_input_shape *shape, const cer_view *view)
{
	size_t n = view->n_numbers;

	for (size_t i = 0; i < view->n_tables; i++)
		n += get_table_width(&shape->tables[view->tables[i]]);
	return n;
}

static cer_status
features_shape(cer_net_builder *builder, cer_node *node, cer_error *err)
{
	for (size_t i = 0; i < node->view->n_tables; i++)
	{
		const cer_table_shape *table = get_table(builder->net, node, i);
		cer_tensor_spec embedding = {
			.name = table->name,
			.suffix = "embed(",
			.n_rows = table->n_codes,
			.n_columns = table->width,
			.initial = CER_INITIAL_NORMAL,
			.scale = CER_EMBEDDING_DEVIATION,
			.table = node->view->tables[i] + 1,
		};

		if (table->width > 0)
			CER_TRY(cer_net_add_tensor(builder, node, &embedding, err));
	}
	return CER_OK;
}

static double
features_cost(const cer_net *net, const cer_node *node)
{
	(void) net;
	return (double) node->n_out;
}

static void
write_row(const cer_tile *tile, const cer_graph_node *node,
          const cer_source_row *row, float *to)
{
	const cer_view *view = node->node->view;
	size_t tensor = 0;

	for (size_t i = 0; i < view->n_numbers; i++)
		*to++ = cer_source_get_number(tile, row, view->numbers[i]);
	for (size_t i = 0; i < view->n_tables; i++)
	{
		const cer_table_shape *table =
			get_table(tile->graph->net, node->node, i);
		size_t code = cer_source_get_code(tile, row, view->tables[i]);
		size_t width = table->width;

		if (width > 0)
			memcpy(to,
			       cer_source_get_weights(
					   tile->graph,
					   cer_node_get_tensor(tile->graph, node, tensor++), code),
			       width * sizeof(float));
		else
			to[code] = 1.0f;
		to += get_table_width(table);
	}
}

static void
features_forward(const cer_tile *tile, const cer_graph_node *node)
{
	const features_state *state = node->state;
	size_t n = node->out.n;
	cer_source_row row;

	if (tile->graph->batch.is_training)
		cer_source_keep(&state->source, tile);
	memset(cer_get_data(&node->out, tile->first), 0,
	       tile->n_all * n * sizeof(float));
	for (size_t at = tile->first; at < tile->first + tile->n_all; at++)
		if (cer_source_get(tile, at, &row))
			write_row(tile, node, &row, cer_get_data(&node->out, at));
}

static void
features_backward(const cer_tile *tile, const cer_graph_node *node)
{
	(void) tile;
	(void) node;
}

static cer_status
prepare_rows(cer_graph *graph, cer_graph_node *node, features_state *state,
             cer_error *err)
{
	const cer_view *view = node->node->view;
	size_t size = view->n_tables * sizeof(*state->rows);
	size_t column = view->n_numbers;
	size_t tensor = 0;

	state->rows = cer_arena_allocate(graph->arena, size);
	if (state->rows == NULL)
		return cer_fail_memory(err, size);
	for (size_t i = 0; i < view->n_tables; i++)
	{
		const cer_table_shape *table = get_table(graph->net, node->node, i);
		size_t width = table->width;

		if (width > 0)
		{
			state->rows[i] = (cer_source_rows){
				.source = &state->source,
				.table = i,
				.offset = cer_node_get_tensor(graph, node, tensor++)->offset,
				.n = width,
				.column = column,
			};
			CER_TRY(cer_source_add_rows(graph, node, &state->rows[i], err));
		}
		column += get_table_width(table);
	}
	return CER_OK;
}

static cer_status
features_prepare(cer_graph *graph, cer_graph_node *node, cer_error *err)
{
	features_state *state = cer_graph_make_state(graph, node, sizeof(*state));

	if (state == NULL)
		return cer_fail_memory(err, sizeof(*state));
	if (graph->is_scoring)
		return CER_OK;
	CER_TRY(cer_source_prepare(graph, node->node->view, &state->source, err));
	return prepare_rows(graph, node, state, err);
}

const cer_operator cer_op_features = {
	.name = "features",
	.shape = features_shape,
	.cost = features_cost,
	.prepare = features_prepare,
	.forward = features_forward,
	.backward = features_backward,
};
