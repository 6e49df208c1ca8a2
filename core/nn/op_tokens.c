/*
 * nn/op_tokens.c
 *	  One vector for each feature (Gorishniy and others 2021): x w + b of a
 *	  number, a row of its table + b of a code; before them a CLS token, if
 *	  asked for.  What is learnt of a number besides, and tokens of bags of
 *	  codes, which are only b here, adds op_project.c.
 */
#include "base/error.h"
#include "nn/source.h"

#include <string.h>

/* Tensors of the node, in this order; those of tables follow. */
enum
{
	TENSOR_BIAS, /* (tokens, n): of CLS all that it is */
	TENSOR_NUMBERS
};

typedef struct tokens_state
{
	cer_source source;
	cer_source_rows *rows;
	cer_sums bias;
	cer_sums numbers;
} tokens_state;

/* The first token of a feature. */
static size_t
count_cls(const cer_node *node)
{
	return node->is_first;
}

static size_t
get_table_tensor(const cer_graph_node *node, size_t table)
{
	return TENSOR_BIAS + 1 + (node->node->view->n_numbers > 0 ? 1U : 0U) +
	       table;
}

static cer_status
tokens_shape(cer_net_builder *builder, cer_node *node, cer_error *err)
{
	const cer_input_shape *shape = builder->net->shape;
	const cer_view *view = node->view;
	char suffix[CER_MAX_SUFFIX];
	cer_tensor_spec spec = {
		.name = node->name,
		.suffix = "bias",
		.n_rows = node->m,
		.n_columns = node->n_out,
		.initial = CER_INITIAL_UNIFORM,
		.scale = cer_initial_bound(node->n_out),
	};

	CER_TRY(cer_net_add_tensor(builder, node, &spec, err));
	spec.suffix = "numbers";
	spec.n_rows = view->n_numbers;
	spec.row_names = view->number_names;
	if (view->n_numbers > 0)
		CER_TRY(cer_net_add_tensor(builder, node, &spec, err));
	spec.suffix = suffix;
	spec.row_names = NULL;
	for (size_t i = 0; i < view->n_tables; i++)
	{
		const cer_table_shape *table = &shape->tables[view->tables[i]];

		cer_net_choose_suffix(builder, "tokens", table->name, suffix);
		spec.name = table->name;
		spec.n_rows = table->n_codes;
		CER_TRY(cer_net_add_tensor(builder, node, &spec, err));
	}
	return CER_OK;
}

static double
tokens_cost(const cer_net *net, const cer_node *node)
{
	(void) net;
	return 2.0 * (double) (node->n_out * node->m);
}

/* y starts as the biases. */
static void
write_row(const cer_tile *tile, const cer_graph_node *node,
          const cer_source_row *row, float *y)
{
	const cer_graph *graph = tile->graph;
	const cer_view *view = node->node->view;
	const float *weights = graph->weights;
	size_t n = node->out.n;

	y += count_cls(node->node) * n;
	for (size_t i = 0; i < view->n_numbers; i++, y += n)
	{
		const float *w =
			weights + cer_node_get_tensor(graph, node, TENSOR_NUMBERS)->offset +
			i * n;
		float x = cer_source_get_number(tile, row, view->numbers[i]);

		for (size_t j = 0; j < n; j++)
			y[j] += x * w[j];
	}
	for (size_t i = 0; i < view->n_tables; i++, y += n)
	{
		size_t code = cer_source_get_code(tile, row, view->tables[i]);
		size_t tensor = get_table_tensor(node, i);

		graph->kernels->backward_linear(
			n,
			weights + cer_node_get_tensor(graph, node, tensor)->offset +
				code * n,
			y);
	}
}

static void
tokens_forward(const cer_tile *tile, const cer_graph_node *node)
{
	const tokens_state *state = node->state;
	const float *bias =
		tile->graph->weights +
		cer_node_get_tensor(tile->graph, node, TENSOR_BIAS)->offset;
	cer_source_row row;

	if (tile->graph->batch.is_training)
		cer_source_keep(&state->source, tile);
	for (size_t at = tile->first; at < tile->first + tile->n_all; at++)
	{
		float *y = cer_get_data(&node->out, at);

		memcpy(y, bias, cer_get_width(&node->out) * sizeof(float));
		if (cer_source_get(tile, at, &row))
			write_row(tile, node, &row, y);
	}
}

static void
tokens_backward(const cer_tile *tile, const cer_graph_node *node)
{
	const tokens_state *state = node->state;
	const cer_graph *graph = tile->graph;
	size_t n = node->out.n;
	size_t n_numbers = node->node->view->n_numbers;
	float *bias = cer_sums_begin(&state->bias, tile);
	float *numbers =
		n_numbers > 0 ? cer_sums_begin(&state->numbers, tile) : NULL;

	for (size_t at = tile->first; at < tile->first + tile->n_rows; at++)
	{
		const float *dy = cer_get_grad(&node->out, at);

		graph->kernels->backward_linear(cer_get_width(&node->out), dy, bias);
		dy += count_cls(node->node) * n;
		for (size_t i = 0; i < n_numbers; i++, dy += n)
		{
			float x = state->source.numbers[i * graph->batch_rows + at];

			for (size_t j = 0; j < n; j++)
				numbers[i * n + j] += x * dy[j];
		}
	}
}

static cer_status
prepare_rows(cer_graph *graph, cer_graph_node *node, tokens_state *state,
             cer_error *err)
{
	const cer_view *view = node->node->view;
	size_t size = view->n_tables * sizeof(*state->rows);
	size_t n = node->out.n;

	state->rows = cer_arena_allocate(graph->arena, size);
	if (state->rows == NULL)
		return cer_fail_memory(err, size);
	for (size_t i = 0; i < view->n_tables; i++)
	{
		size_t tensor = get_table_tensor(node, i);

		state->rows[i] = (cer_source_rows){
			.source = &state->source,
			.table = i,
			.offset = cer_node_get_tensor(graph, node, tensor)->offset,
			.n = n,
			.column = (count_cls(node->node) + view->n_numbers + i) * n,
		};
		CER_TRY(cer_source_add_rows(graph, node, &state->rows[i], err));
	}
	return CER_OK;
}

static cer_status
tokens_prepare(cer_graph *graph, cer_graph_node *node, cer_error *err)
{
	tokens_state *state = cer_graph_make_state(graph, node, sizeof(*state));
	size_t n_numbers = node->node->view->n_numbers;

	if (state == NULL)
		return cer_fail_memory(err, sizeof(*state));
	if (graph->is_scoring)
		return CER_OK;
	CER_TRY(cer_source_prepare(graph, node->node->view, &state->source, err));
	state->bias =
		(cer_sums){cer_node_get_tensor(graph, node, TENSOR_BIAS)->offset,
	               cer_get_width(&node->out), NULL};
	CER_TRY(cer_graph_add_sums(graph, node, &state->bias, err));
	if (n_numbers > 0)
	{
		state->numbers =
			(cer_sums){cer_node_get_tensor(graph, node, TENSOR_NUMBERS)->offset,
		               n_numbers * node->out.n, NULL};
		CER_TRY(cer_graph_add_sums(graph, node, &state->numbers, err));
	}
	return prepare_rows(graph, node, state, err);
}

const cer_operator cer_op_tokens = {
	.name = "tokens",
	.shape = tokens_shape,
	.cost = tokens_cost,
	.prepare = tokens_prepare,
	.forward = tokens_forward,
	.backward = tokens_backward,
};
