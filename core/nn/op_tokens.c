/*
 * nn/op_tokens.c
 *	  One vector for each feature (Gorishniy and others 2021): b and the sum of
 *	  x w over the numbers that it is encoded by, a row of its table + b of a
 *	  code; before them a CLS token, if
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
		spec.table = view->tables[i] + 1;
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

static inline float *
get_token(const cer_graph_node *node, size_t number, float *y)
{
	return y + (count_cls(node->node) + node->node->view->inputs[number]) *
	               node->out.n;
}

/* Many are 0, of bins above all. */
static inline void
add_scaled(const cer_kernels *kernels, size_t n, float x, const float *w,
           float *y)
{
	if (x != 0.0f)
		kernels->add_scaled(n, x, w, y);
}

static const float *
get_numbers(const cer_graph *graph, const cer_graph_node *node)
{
	return graph->weights +
	       cer_node_get_tensor(graph, node, TENSOR_NUMBERS)->offset;
}

/* Number by number, as the source has them. */
static void
add_numbers(const cer_tile *tile, const cer_graph_node *node)
{
	const tokens_state *state = node->state;
	size_t n = node->out.n;

	for (size_t i = 0; i < node->node->view->n_numbers; i++)
	{
		const float *w = get_numbers(tile->graph, node) + i * n;
		const float *x = state->source.numbers + i * tile->graph->batch_rows;

		for (size_t at = tile->first; at < tile->first + tile->n_rows; at++)
			add_scaled(tile->graph->kernels, n, x[at], w,
			           get_token(node, i, cer_get_data(&node->out, at)));
	}
}

/* The same of one row, in scoring. */
static void
add_numbers_of_row(const cer_tile *tile, const cer_graph_node *node,
                   const cer_source_row *row, float *y)
{
	const cer_view *view = node->node->view;
	size_t n = node->out.n;

	for (size_t i = 0; i < view->n_numbers; i++)
		add_scaled(tile->graph->kernels, n,
		           cer_source_get_number(tile, row, view->numbers[i]),
		           get_numbers(tile->graph, node) + i * n,
		           get_token(node, i, y));
}

static void
add_codes(const cer_tile *tile, const cer_graph_node *node,
          const cer_source_row *row, float *y)
{
	const cer_graph *graph = tile->graph;
	const cer_view *view = node->node->view;
	size_t n = node->out.n;

	y += (count_cls(node->node) + view->n_inputs) * n;
	for (size_t i = 0; i < view->n_tables; i++, y += n)
	{
		size_t code = cer_source_get_code(tile, row, view->tables[i]);
		size_t tensor = get_table_tensor(node, i);

		graph->kernels->backward_linear(
			n,
			cer_source_get_weights(
				graph, cer_node_get_tensor(graph, node, tensor), code),
			y);
	}
}

/* y starts as the biases. */
static void
tokens_forward(const cer_tile *tile, const cer_graph_node *node)
{
	const tokens_state *state = node->state;
	bool is_training = tile->graph->batch.is_training;
	const float *bias =
		tile->graph->weights +
		cer_node_get_tensor(tile->graph, node, TENSOR_BIAS)->offset;
	cer_source_row row;

	if (is_training)
		cer_source_keep(&state->source, tile);
	for (size_t at = tile->first; at < tile->first + tile->n_all; at++)
	{
		float *y = cer_get_data(&node->out, at);

		memcpy(y, bias, cer_get_width(&node->out) * sizeof(float));
		if (!cer_source_get(tile, at, &row))
			continue;
		if (!is_training)
			add_numbers_of_row(tile, node, &row, y);
		add_codes(tile, node, &row, y);
	}
	if (is_training)
		add_numbers(tile, node);
}

static void
add_number_grads(const cer_tile *tile, const cer_graph_node *node)
{
	const tokens_state *state = node->state;
	size_t n = node->out.n;
	float *grads = cer_sums_begin(&state->numbers, tile);

	for (size_t i = 0; i < node->node->view->n_numbers; i++)
	{
		const float *x = state->source.numbers + i * tile->graph->batch_rows;

		for (size_t at = tile->first; at < tile->first + tile->n_rows; at++)
			add_scaled(tile->graph->kernels, n, x[at],
			           get_token(node, i, cer_get_grad(&node->out, at)),
			           grads + i * n);
	}
}

static void
tokens_backward(const cer_tile *tile, const cer_graph_node *node)
{
	const tokens_state *state = node->state;
	float *bias = cer_sums_begin(&state->bias, tile);

	for (size_t at = tile->first; at < tile->first + tile->n_rows; at++)
		tile->graph->kernels->backward_linear(
			cer_get_width(&node->out), cer_get_grad(&node->out, at), bias);
	if (node->node->view->n_numbers > 0)
		add_number_grads(tile, node);
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
			.column = (count_cls(node->node) + view->n_inputs + i) * n,
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
