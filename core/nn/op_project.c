/*
 * nn/op_project.c
 *	  What encoders leave to be learnt, in tokens: to the token of its number
 *	  each lift adds its own product,
 *
 *	 y[token of i] = x[token of i] + lift_i P_i,	lift_i (n_i), P_i (n_i, n)
 *
 * so that a feature is one token, x w + b + lift P.  Bags of codes have no
 * number: they have tokens of their own, the last ones, which were biases.
 *
 * The first input are the tokens, on which the node works in place, the second
 * the lifts, one after the other.
 */
#include "base/error.h"
#include "nn/operator.h"
#include "nn/view.h"

#include <string.h>

typedef struct project_lift
{
	size_t n;      /* floats of the lift */
	size_t column; /* of a row's lifts */
	size_t token;  /* floats before the token it is added to */
	size_t offset; /* of P */
	cer_gemm forward;
	cer_gemm backward;
	float *weights_t; /* training: (n of a token, n) */
	float *packed;    /* scoring */
} project_lift;

typedef struct project_state
{
	size_t n;
	project_lift *lifts;
} project_state;

/* ------------------------------------------------------------ places */

/* Of the view's numbers; as many as there are: it has none. */
static size_t
find_number(const cer_view *view, const cer_lift *lift)
{
	size_t i = 0;

	if (lift->kind == CER_LIFT_BAG)
		return view->n_numbers;
	while (i < view->n_numbers && view->numbers[i] != lift->number)
		i++;
	return i;
}

size_t
cer_tokens_count_bags(const cer_input_shape *shape, const cer_view *view)
{
	size_t n = 0;

	for (size_t i = 0; i < view->n_lifts; i++)
		n +=
			find_number(view, &shape->lifts[view->lifts[i]]) == view->n_numbers;
	return n;
}

/* ------------------------------------------------------------ shape */

static cer_status
project_shape(cer_net_builder *builder, cer_node *node, cer_error *err)
{
	const cer_input_shape *shape = builder->net->shape;

	for (size_t i = 0; i < node->view->n_lifts; i++)
	{
		const cer_lift *lift = &shape->lifts[node->view->lifts[i]];
		char suffix[CER_MAX_SUFFIX];
		cer_tensor_spec spec = {.name = lift->name,
		                        .suffix = suffix,
		                        .n_rows = lift->n_out,
		                        .n_columns = node->n_out};

		cer_initial_choose(CER_INITIAL_DEFAULT, lift->n_out, &spec);
		cer_net_choose_suffix(builder, "project", lift->name, suffix);
		CER_TRY(cer_net_add_tensor(builder, node, &spec, err));
	}
	return CER_OK;
}

static double
project_cost(const cer_net *net, const cer_node *node)
{
	return 2.0 *
	       (double) (cer_lifts_count(net->shape, node->view) * node->n_out);
}

static void
project_refresh(const cer_graph *graph, const cer_graph_node *node)
{
	const project_state *state = node->state;
	size_t n_out = node->out.n;

	for (size_t i = 0; i < state->n && !graph->is_scoring; i++)
		graph->kernels->transpose(
			state->lifts[i].n, n_out, graph->weights + state->lifts[i].offset,
			n_out, state->lifts[i].weights_t, state->lifts[i].n);
}

/* ------------------------------------------------------------ training */

static void
project_forward(const cer_tile *tile, const cer_graph_node *node)
{
	const project_state *state = node->state;
	const float *x = cer_get_data(&node->ins[1], tile->first);
	float *y = cer_get_data(&node->out, tile->first);

	for (size_t i = 0; i < state->n; i++)
	{
		const project_lift *lift = &state->lifts[i];

		cer_gemm_run(&lift->forward, x + lift->column,
		             tile->graph->weights + lift->offset, y + lift->token);
	}
}

/* What goes back to the tokens stays as it is. */
static void
project_backward(const cer_tile *tile, const cer_graph_node *node)
{
	const project_state *state = node->state;
	const float *dy = cer_get_grad(&node->out, tile->first);
	float *dx = cer_get_grad(&node->ins[1], tile->first);

	for (size_t i = 0; i < state->n; i++)
	{
		const project_lift *lift = &state->lifts[i];

		cer_gemm_run(&lift->backward, dy + lift->token, lift->weights_t,
		             dx + lift->column);
	}
}

static void
project_update(const cer_graph *graph, const cer_graph_node *node,
               const cer_block *block)
{
	const project_state *state = node->state;
	const project_lift *lift = &state->lifts[block->index];
	size_t n_out = node->out.n;
	cer_activations x = {
		.n = node->ins[1].n, .m = 1, .data = node->ins[1].data + lift->column};
	cer_activations dy = {.n = cer_get_width(&node->out),
	                      .m = 1,
	                      .grad = node->out.grad + lift->token};

	cer_graph_run_product(graph, block, lift->offset, &x, &dy);
	graph->kernels->transpose(
		block->end - block->begin, block->n_columns,
		graph->weights + lift->offset + block->begin * n_out + block->column,
		n_out, lift->weights_t + block->column * lift->n + block->begin,
		lift->n);
}

static cer_status
prepare_training(cer_graph *graph, const cer_graph_node *node,
                 project_lift *lift, size_t index, cer_error *err)
{
	size_t n_out = node->out.n;
	cer_gemm_shape forward = {.n_rows = graph->tile_rows,
	                          .n_columns = n_out,
	                          .n_inner = lift->n,
	                          .a_stride = node->ins[1].n,
	                          .b_stride = n_out,
	                          .c_stride = cer_get_width(&node->out),
	                          .accumulate = true};
	cer_gemm_shape backward = {.n_rows = graph->tile_rows,
	                           .n_columns = lift->n,
	                           .n_inner = n_out,
	                           .a_stride = cer_get_width(&node->out),
	                           .b_stride = lift->n,
	                           .c_stride = node->ins[1].n};
	cer_product_blocks products = {.run = project_update,
	                               .node = node,
	                               .index = index,
	                               .n_in = lift->n,
	                               .n_out = n_out,
	                               .m = 1,
	                               .x_stride = node->ins[1].n,
	                               .dz_stride = cer_get_width(&node->out)};

	lift->weights_t = cer_graph_allocate_floats(graph, lift->n * n_out);
	if (lift->weights_t == NULL)
		return cer_fail_memory(err, lift->n * n_out * sizeof(float));
	CER_TRY(graph->make_gemm(graph->kernels, &forward, &lift->forward, err));
	CER_TRY(graph->make_gemm(graph->kernels, &backward, &lift->backward, err));
	return cer_graph_add_products(graph, &products, err);
}

/* ------------------------------------------------------------ scoring */

/* Scratch: what dense needs, then a padded vector of each row. */
static void
project_score(const cer_tile *tile, const cer_graph_node *node)
{
	const project_state *state = node->state;
	size_t n_out = node->out.n;
	size_t padded = cer_dense_pad(n_out);
	float *room = tile->scratch + (node->ins[1].n + 15) / 16 * 16;

	for (size_t i = 0; i < state->n; i++)
	{
		const project_lift *lift = &state->lifts[i];
		cer_dense dense = {.n_rows = tile->n_all,
		                   .n_in = lift->n,
		                   .n_out = padded,
		                   .x = cer_get_data(&node->ins[1], tile->first) +
		                        lift->column,
		                   .x_stride = node->ins[1].n,
		                   .w = lift->packed,
		                   .y = room,
		                   .y_stride = padded,
		                   .scratch = (uint32_t *) tile->scratch};

		tile->graph->kernels->dense(&dense);
		for (size_t row = 0; row < tile->n_all; row++)
			tile->graph->kernels->backward_linear(
				n_out, room + row * padded,
				cer_get_data(&node->out, tile->first + row) + lift->token);
	}
}

static cer_status
prepare_scoring(cer_graph *graph, const cer_graph_node *node,
                project_lift *lift, cer_error *err)
{
	size_t n_out = node->out.n;

	lift->packed = cer_dense_make_packed(graph->arena, lift->n, n_out,
	                                     graph->weights + lift->offset);
	if (lift->packed == NULL)
		return cer_fail_memory(err, cer_dense_packed_size(lift->n, n_out));
	cer_graph_need_scratch(graph, node->ins[1].n + 16 +
	                                  graph->tile_rows * cer_dense_pad(n_out));
	return CER_OK;
}

/* ------------------------------------------------------------ both */

/* After CLS come inputs of numbers, tables, bags. */
static size_t
count_before_bags(const cer_node *node)
{
	return node->is_first + node->view->n_inputs + node->view->n_tables;
}

static cer_status
prepare_lift(cer_graph *graph, const cer_graph_node *node, size_t index,
             size_t *n_bags, cer_error *err)
{
	const project_state *state = node->state;
	const cer_view *view = node->node->view;
	project_lift *lift = &state->lifts[index];
	const cer_lift *what = &graph->net->shape->lifts[view->lifts[index]];
	size_t number = find_number(view, what);
	size_t token = number < view->n_numbers
	                   ? node->node->is_first + view->inputs[number]
	                   : count_before_bags(node->node) + (*n_bags)++;

	if (index > 0)
		lift->column = lift[-1].column + lift[-1].n;
	lift->n = what->n_out;
	lift->token = token * node->out.n;
	lift->offset = cer_node_get_tensor(graph, node, index)->offset;
	if (graph->is_scoring)
		return prepare_scoring(graph, node, lift, err);
	return prepare_training(graph, node, lift, index, err);
}

static cer_status
project_prepare(cer_graph *graph, cer_graph_node *node, cer_error *err)
{
	project_state *state = cer_graph_make_state(graph, node, sizeof(*state));
	size_t n = node->node->view->n_lifts;
	size_t size = n * sizeof(project_lift);
	size_t n_bags = 0;

	if (state == NULL)
		return cer_fail_memory(err, sizeof(*state));
	state->n = n;
	state->lifts = cer_arena_allocate(graph->arena, size);
	if (state->lifts == NULL)
		return cer_fail_memory(err, size);
	memset(state->lifts, 0, size);
	for (size_t i = 0; i < n; i++)
		CER_TRY(prepare_lift(graph, node, i, &n_bags, err));
	return CER_OK;
}

const cer_operator cer_op_project = {
	.name = "project",
	.shape = project_shape,
	.cost = project_cost,
	.prepare = project_prepare,
	.refresh = project_refresh,
	.forward = project_forward,
	.backward = project_backward,
	.score = project_score,
	.keeps_grad = true,
};
