/*
 * nn/op_recurrent.c
 *	  A state that goes through a row's tokens in order, and is what comes out
 *	  for each of them.  What the gates take of the token itself, x, is a dense
 *	  layer's before this one; h is the state before, U this node's weight.
 *
 *	 gru	r, z = sigmoid(x + h U), q = h U_n + b, n = tanh(x_n + r q),
 *			h' = n + z (h - n)							(Cho and others 2014)
 *	 lstm	i, f, o = sigmoid(x + h U), g = tanh(x_g + h U_g),
 *			c' = f c + i g, h' = o tanh(c')	(Hochreiter, Schmidhuber 1997)
 *
 * Gates stand in PyTorch's order: r, z, n and i, f, g, o.  A token that is not
 * there (a second input says how many are) leaves the state as it is.
 *
 * A tile's rows go through one product a token.  Gates take the place of x,
 * which nobody needs then: a batch of them is more than caches hold.
 */
#include "base/error.h"
#include "nn/operator.h"

#include <string.h>

/* Columns of U whose product has gradients of its own: those of x, but for q of
 * gru. */
typedef struct recurrent_part
{
	size_t column;
	size_t n;
	cer_activations grads;
	cer_gemm backward;
} recurrent_part;

typedef struct recurrent_state
{
	size_t n;        /* of the state */
	size_t n_gates;  /* floats of all gates */
	size_t n_tokens; /* of a row */
	size_t offset;   /* of U (n, n_gates) */
	cer_sums bias;   /* gru: b */
	float *zeros;    /* n_gates */

	/* training, of the batch's tokens */
	float *previous;        /* n: the state before */
	float *cells;           /* n: c of lstm, q of gru */
	float *dq;              /* n: gru */
	cer_activations before; /* previous, for the gradient of U */
	float *weights_t;       /* (n_gates, n) */
	cer_gemm forward;
	size_t n_parts;
	recurrent_part parts[2];

	float *packed; /* scoring */
} recurrent_state;

typedef struct recurrent_cell
{
	size_t n_gates;
	bool has_bias;
} recurrent_cell;

/* ------------------------------------------------------------ shape */

static const recurrent_cell cells[] = {
	[CER_CELL_GRU] = {3, true},
	[CER_CELL_LSTM] = {4, false},
};

size_t
cer_cell_count_gates(cer_cell_kind kind)
{
	return cells[kind].n_gates;
}

static cer_status
recurrent_shape(cer_net_builder *builder, cer_node *node, cer_error *err)
{
	cer_tensor_spec spec = {
		.name = node->name,
		.suffix = "weight",
		.n_rows = node->n_out,
		.n_columns = node->n_in,
		.initial = CER_INITIAL_UNIFORM,
		.scale = cer_initial_bound(node->n_out),
	};

	CER_TRY(cer_net_add_tensor(builder, node, &spec, err));
	if (!cells[node->cell].has_bias)
		return CER_OK;
	spec.suffix = "bias";
	spec.n_rows = 0;
	spec.n_columns = node->n_out;
	return cer_net_add_tensor(builder, node, &spec, err);
}

static double
recurrent_cost(const cer_net *net, const cer_node *node)
{
	(void) net;
	return 2.0 * (double) node->n_in * (double) (node->n_out * node->m);
}

static void
recurrent_refresh(const cer_graph *graph, const cer_graph_node *node)
{
	const recurrent_state *state = node->state;

	graph->kernels->transpose(state->n, state->n_gates,
	                          graph->weights + state->offset, state->n_gates,
	                          state->weights_t, state->n);
}

/* ------------------------------------------------------------ forward */

/* A tile's places: where each kind of floats of row 0, token 0 begins, and how
 * many tokens of them lie from row to row (0: only the latest is kept). */
typedef struct recurrent_places
{
	const float *hu; /* of one token, by row */
	size_t hu_stride;
	float *cells;
	size_t kept_tokens;
} recurrent_places;

static void
step_row(const cer_tile *tile, const cer_graph_node *node,
         const recurrent_places *places, size_t row, size_t token)
{
	const cer_kernels *kernels = tile->graph->kernels;
	const recurrent_state *state = node->state;
	size_t n = state->n;
	size_t at = (tile->first + row) * state->n_tokens + token;
	size_t kept =
		places->kept_tokens > 0 ? row * places->kept_tokens + token : row;
	float *cell = places->cells + kept * n;
	const float *cell_before = places->kept_tokens > 0 ? cell - n : cell;
	cer_cell_step step = {
		.n = n,
		.zeros = state->zeros,
		.bias = tile->graph->weights + state->bias.offset,
		.hu = places->hu + row * places->hu_stride,
		.h = token > 0 ? node->out.data + (at - 1) * n : state->zeros,
		.c = token > 0 ? cell_before : state->zeros,
		.gates = node->in.data + at * state->n_gates,
		.cell = cell,
		.y = node->out.data + at * n,
	};

	if (token < cer_count_there(node, tile->first + row, state->n_tokens))
	{
		if (node->node->cell == CER_CELL_LSTM)
			kernels->lstm_step(&step);
		else
			kernels->gru_step(&step);
		return;
	}
	memcpy(step.y, step.h, n * sizeof(float));
	memmove(cell, step.c, n * sizeof(float));
}

/* The states before become a matrix of their own. */
static void
keep_previous(const cer_tile *tile, const cer_graph_node *node, size_t token)
{
	const recurrent_state *state = node->state;
	size_t n = state->n;

	for (size_t row = 0; token > 0 && row < tile->n_all; row++)
	{
		size_t at = (tile->first + row) * state->n_tokens + token;

		memcpy(state->previous + at * n, node->out.data + (at - 1) * n,
		       n * sizeof(float));
	}
}

static void
recurrent_forward(const cer_tile *tile, const cer_graph_node *node)
{
	const recurrent_state *state = node->state;
	size_t first = tile->first * state->n_tokens;
	recurrent_places places = {
		.hu = tile->scratch,
		.hu_stride = state->n_gates,
		.cells = state->cells + first * state->n,
		.kept_tokens = state->n_tokens,
	};

	for (size_t token = 0; token < state->n_tokens; token++)
	{
		keep_previous(tile, node, token);
		cer_gemm_run(&state->forward,
		             state->previous + (first + token) * state->n,
		             tile->graph->weights + state->offset, tile->scratch);
		for (size_t row = 0; row < tile->n_all; row++)
			step_row(tile, node, &places, row, token);
	}
}

/* ------------------------------------------------------------ backward */

/* Scratch: dh and dc by row, work. */
static void
back_row(const cer_tile *tile, const cer_graph_node *node, size_t row,
         size_t token)
{
	const cer_kernels *kernels = tile->graph->kernels;
	const recurrent_state *state = node->state;
	size_t n = state->n;
	size_t at = (tile->first + row) * state->n_tokens + token;
	cer_cell_back back = {
		.n = n,
		.zeros = state->zeros,
		.h = state->previous + at * n,
		.c = token > 0 ? state->cells + (at - 1) * n : state->zeros,
		.gates = node->in.data + at * state->n_gates,
		.cell = state->cells + at * n,
		.dx = node->in.grad + at * state->n_gates,
		.dq = state->dq != NULL ? state->dq + at * n : NULL,
		.dh = tile->scratch + row * n,
		.dc = tile->scratch + (tile->n_all + row) * n,
		.dbias = cer_sums_get_part(&state->bias, tile->index),
		.work = tile->scratch + 2 * tile->n_all * n,
	};

	kernels->backward_linear(n, node->out.grad + at * n, back.dh);
	if (token < cer_count_there(node, tile->first + row, state->n_tokens))
	{
		if (node->node->cell == CER_CELL_LSTM)
			kernels->lstm_back(&back);
		else
			kernels->gru_back(&back);
		return;
	}
	memset(back.dx, 0, state->n_gates * sizeof(float));
	if (back.dq != NULL)
		memset(back.dq, 0, n * sizeof(float));
}

static void
recurrent_backward(const cer_tile *tile, const cer_graph_node *node)
{
	const recurrent_state *state = node->state;
	size_t first = tile->first * state->n_tokens;

	memset(tile->scratch, 0, 2 * tile->n_all * state->n * sizeof(float));
	if (state->bias.n > 0)
		cer_sums_begin(&state->bias, tile);
	for (size_t token = state->n_tokens; token-- > 0;)
	{
		for (size_t row = 0; row < tile->n_all; row++)
			back_row(tile, node, row, token);
		for (size_t i = 0; i < state->n_parts; i++)
		{
			const recurrent_part *part = &state->parts[i];

			cer_gemm_run(&part->backward,
			             part->grads.grad + (first + token) * part->grads.n,
			             state->weights_t + part->column * state->n,
			             tile->scratch);
		}
	}
}

static void
recurrent_update(const cer_graph *graph, const cer_graph_node *node,
                 const cer_block *block)
{
	const recurrent_state *state = node->state;
	const recurrent_part *part = &state->parts[block->index];
	size_t offset = state->offset + part->column;
	size_t column = part->column + block->column;
	size_t n_gates = state->n_gates;

	cer_graph_run_product(graph, block, offset, &state->before, &part->grads);
	graph->kernels->transpose(
		block->end - block->begin, block->n_columns,
		graph->weights + offset + block->begin * n_gates + block->column,
		n_gates, state->weights_t + column * state->n + block->begin, state->n);
}

/* ------------------------------------------------------------ scoring */

/* Scratch: what h U gives, cells by row, what dense needs. */
static void
recurrent_score(const cer_tile *tile, const cer_graph_node *node)
{
	const recurrent_state *state = node->state;
	size_t padded = cer_dense_pad(state->n_gates);
	float *hu = tile->scratch;
	recurrent_places places = {
		.hu = hu,
		.hu_stride = padded,
		.cells = hu + tile->n_all * padded,
	};
	cer_dense dense = {
		.n_rows = tile->n_all,
		.n_in = state->n,
		.n_out = padded,
		.x_stride = state->n_tokens * state->n,
		.w = state->packed,
		.y = hu,
		.y_stride = padded,
		.scratch = (uint32_t *) (places.cells + tile->n_all * state->n),
	};

	memset(hu, 0, tile->n_all * padded * sizeof(float));
	for (size_t token = 0; token < state->n_tokens; token++)
	{
		dense.x =
			cer_get_data(&node->out, tile->first) + (token - 1) * state->n;
		if (token > 0)
			tile->graph->kernels->dense(&dense);
		for (size_t row = 0; row < tile->n_all; row++)
			step_row(tile, node, &places, row, token);
	}
}

static cer_status
prepare_scoring(cer_graph *graph, recurrent_state *state, cer_error *err)
{
	size_t padded = cer_dense_pad(state->n_gates);

	state->packed = cer_dense_make_packed(
		graph->arena, state->n, state->n_gates, graph->weights + state->offset);
	if (state->packed == NULL)
		return cer_fail_memory(err, state->n * padded * sizeof(float));
	cer_graph_need_scratch(graph, graph->tile_rows * (padded + state->n) +
	                                  state->n + 16);
	return CER_OK;
}

/* ------------------------------------------------------------ prepare */

static cer_status
prepare_part(cer_graph *graph, const cer_graph_node *node,
             recurrent_state *state, size_t index, cer_error *err)
{
	recurrent_part *part = &state->parts[index];
	cer_gemm_shape backward = {.n_rows = graph->tile_rows,
	                           .n_columns = state->n,
	                           .n_inner = part->n,
	                           .a_stride = part->grads.n * state->n_tokens,
	                           .b_stride = state->n,
	                           .c_stride = state->n,
	                           .accumulate = true};
	cer_product_blocks products = {.run = recurrent_update,
	                               .node = node,
	                               .index = index,
	                               .n_in = state->n,
	                               .n_out = part->n,
	                               .m = state->n_tokens,
	                               .dz_stride = part->grads.n,
	                               .w_stride = state->n_gates};

	CER_TRY(graph->make_gemm(graph->kernels, &backward, &part->backward, err));
	return cer_graph_add_products(graph, &products, err);
}

/* Of gru the gates r and z, then q, which r comes between; of lstm all. */
static cer_status
make_products(cer_graph *graph, const cer_graph_node *node,
              recurrent_state *state, cer_error *err)
{
	size_t n = state->n;
	size_t m = state->n_tokens;
	size_t n_alike = state->dq != NULL ? 2 * n : state->n_gates;
	cer_gemm_shape forward = {.n_rows = graph->tile_rows,
	                          .n_columns = state->n_gates,
	                          .n_inner = n,
	                          .a_stride = n * m,
	                          .b_stride = state->n_gates,
	                          .c_stride = state->n_gates};

	state->parts[state->n_parts++] = (recurrent_part){
		.n = n_alike,
		.grads = {.n = state->n_gates, .m = m, .grad = node->in.grad}};
	if (state->dq != NULL)
		state->parts[state->n_parts++] =
			(recurrent_part){.column = n_alike,
		                     .n = n,
		                     .grads = {.n = n, .m = m, .grad = state->dq}};
	CER_TRY(graph->make_gemm(graph->kernels, &forward, &state->forward, err));
	for (size_t i = 0; i < state->n_parts; i++)
		CER_TRY(prepare_part(graph, node, state, i, err));
	return CER_OK;
}

static cer_status
prepare_training(cer_graph *graph, const cer_graph_node *node,
                 recurrent_state *state, cer_error *err)
{
	size_t n = graph->batch_rows * state->n_tokens * state->n;
	bool has_q = node->node->cell == CER_CELL_GRU;

	state->previous = cer_graph_allocate_floats(graph, n);
	state->cells = cer_graph_allocate_floats(graph, n);
	state->dq = has_q ? cer_graph_allocate_floats(graph, n) : NULL;
	state->weights_t =
		cer_graph_allocate_floats(graph, state->n * state->n_gates);
	if (state->previous == NULL || state->cells == NULL ||
	    state->weights_t == NULL || (has_q && state->dq == NULL))
		return cer_fail_memory(err, 3 * n * sizeof(float));
	state->before = (cer_activations){
		.n = state->n, .m = state->n_tokens, .data = state->previous};
	cer_graph_need_scratch(graph, graph->tile_rows * state->n_gates +
	                                  2 * graph->tile_rows * state->n +
	                                  state->n);
	if (state->bias.n > 0)
		CER_TRY(cer_graph_add_sums(graph, node, &state->bias, err));
	return make_products(graph, node, state, err);
}

static cer_status
recurrent_prepare(cer_graph *graph, cer_graph_node *node, cer_error *err)
{
	recurrent_state *state = cer_graph_make_state(graph, node, sizeof(*state));

	if (state == NULL)
		return cer_fail_memory(err, sizeof(*state));
	state->n = node->out.n;
	state->n_gates = node->in.n;
	state->n_tokens = node->node->n_tokens;
	state->offset = cer_node_get_tensor(graph, node, 0)->offset;
	if (cells[node->node->cell].has_bias)
		state->bias = (cer_sums){cer_node_get_tensor(graph, node, 1)->offset,
		                         state->n, NULL};
	state->zeros = cer_graph_allocate_floats(graph, state->n_gates);
	if (state->zeros == NULL)
		return cer_fail_memory(err, state->n_gates * sizeof(float));
	if (graph->is_scoring)
		return prepare_scoring(graph, state, err);
	return prepare_training(graph, node, state, err);
}

const cer_operator cer_op_recurrent = {
	.name = "recurrent",
	.shape = recurrent_shape,
	.cost = recurrent_cost,
	.prepare = recurrent_prepare,
	.refresh = recurrent_refresh,
	.forward = recurrent_forward,
	.backward = recurrent_backward,
	.score = recurrent_score,
};
