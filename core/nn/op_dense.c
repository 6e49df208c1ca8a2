/*
 * nn/op_dense.c
 *	  A dense layer's product, y = x W, of every vector of a row; the bias
 *	  belongs to activate.
 *
 * The transpose of W, which the gradient of x needs, is remade with each step,
 * and so is what products that leave out zeros want (op_dense_zeros.c).
 *
 * A layer with very few outputs, as the last one of most networks, has kernels
 * of its own, and each tile makes its part of the gradient of W while x is in
 * cache; a block adds the parts in order.  Where products are of bf16 numbers,
 * all others are op_dense_bf16.c's.
 */
#include "base/error.h"
#include "nn/bf16_weights.h"
#include "nn/op_dense_bf16.h"
#include "nn/op_dense_first.h"
#include "nn/op_dense_source.h"
#include "nn/op_dense_zeros.h"

#include <string.h>

typedef struct dense_state
{
	size_t offset;    /* of W (n_in, n_out) */
	float *weights_t; /* (n_out, n_in) */
	cer_gemm forward;
	cer_gemm backward;
	float *parts;  /* narrow: (tiles, n_out, n_in) */
	float *packed; /* scoring, not narrow; or */
	const cer_bf16_weights *rounded;
	cer_bf16_dense *bf16; /* wide, in place of all that follows; or NULL */

	/* some outputs of first vectors only: in place of the products above */
	cer_first_outputs first;
	cer_dense_source *source; /* in place of them, too; or NULL */

	/* wide, in place of the above: n_in is 0 where zeros are not left out */
	cer_zeros_product zeros_forward;
	cer_zeros_product zeros_backward;
	cer_zeros_grads zeros;
} dense_state;

static cer_status
dense_shape(cer_net_builder *builder, cer_node *node, cer_error *err)
{
	cer_tensor_spec weight = {
		.name = node->name,
		.suffix = "weight",
		.n_rows = node->n_in,
		.n_columns = node->n_out,
		.n_hidden = 1,
	};

	cer_initial_choose(node->initial, node->n_in, &weight);
	if (node->starts_zero)
		weight.initial = CER_INITIAL_ZERO;
	return cer_net_add_tensor(builder, node, &weight, err);
}

static double
dense_cost(const cer_net *net, const cer_node *node)
{
	(void) net;
	return 2.0 * (double) node->n_in * (double) (node->n_out * node->m);
}

/* W by chunks of columns. */
static void
pack_forward(const dense_state *state, const float *weights,
             const cer_dense_part *part)
{
	size_t n_in = state->zeros_forward.n_in;
	size_t n_out = state->zeros_forward.n_out;
	size_t last = part->column + part->n_columns;
	size_t width;

	for (size_t column = part->column; column < last; column += width)
	{
		float *to = state->zeros_forward.packed + column * n_in;

		width =
			last - column < CER_DENSE_CHUNK ? last - column : CER_DENSE_CHUNK;
		for (size_t row = part->begin; row < part->end; row++)
			memcpy(to + row * width, weights + row * n_out + column,
			       width * sizeof(float));
	}
}

/* The transpose of W by chunks of its columns, W's rows. */
static void
pack_backward(const cer_kernels *kernels, const dense_state *state,
              const float *weights, const cer_dense_part *part)
{
	size_t n_out = state->zeros_backward.n_in;
	size_t width;

	for (size_t row = part->begin; row < part->end; row += width)
	{
		float *to = state->zeros_backward.packed + row * n_out;

		width = part->end - row < CER_DENSE_CHUNK ? part->end - row
		                                          : CER_DENSE_CHUNK;
		kernels->transpose(width, part->n_columns,
		                   weights + row * n_out + part->column, n_out,
		                   to + part->column * width, width);
	}
}

static void
refresh_part(const cer_graph *graph, const cer_graph_node *node,
             const cer_dense_part *part)
{
	const dense_state *state = node->state;
	const float *weights = graph->weights + state->offset;
	size_t n_in = node->in.n;
	size_t n_out = node->out.n;

	if (state->bf16 != NULL)
	{
		cer_bf16_dense_refresh(graph, node, state->bf16, weights, part);
		return;
	}
	if (state->zeros_forward.n_in > 0)
		pack_forward(state, weights, part);
	if (state->zeros_backward.n_in > 0)
		pack_backward(graph->kernels, state, weights, part);
	else
		graph->kernels->transpose(
			part->end - part->begin, part->n_columns,
			weights + part->begin * n_out + part->column, n_out,
			state->weights_t + part->column * n_in + part->begin, n_in);
}

static void
dense_refresh(const cer_graph *graph, const cer_graph_node *node)
{
	cer_dense_part all = {.end = node->in.n, .n_columns = node->out.n};

	refresh_part(graph, node, &all);
}

/* ------------------------------------------------------------ narrow */

static void
narrow_forward(const cer_tile *tile, const cer_graph_node *node)
{
	const dense_state *state = node->state;
	cer_narrow narrow = {
		.n_rows = tile->n_all * node->in.m,
		.n_in = node->in.n,
		.n_out = node->out.n,
		.x = cer_get_data(&node->in, tile->first),
		.x_stride = node->in.n,
		.w_t = state->weights_t,
		.y = cer_get_data(&node->out, tile->first),
	};

	tile->graph->kernels->narrow(&narrow);
}

static void
narrow_backward(const cer_tile *tile, const cer_graph_node *node)
{
	const dense_state *state = node->state;
	size_t n_in = node->in.n;
	size_t n_out = node->out.n;
	cer_narrow_grads grads = {
		.n_rows = tile->n_all * node->in.m,
		.n_in = n_in,
		.n_out = n_out,
		.x = cer_get_data(&node->in, tile->first),
		.dy = cer_get_grad(&node->out, tile->first),
		.w_t = state->weights_t,
		.dx = cer_get_grad(&node->in, tile->first),
		.dw_t = state->parts + tile->index * n_in * n_out,
	};

	tile->graph->kernels->narrow_grads(&grads);
}

/* Adds the tiles' parts onto the first one, which then is the gradient. */
static void
narrow_update(const cer_graph *graph, const cer_graph_node *node,
              const cer_block *block)
{
	const dense_state *state = node->state;
	size_t n_in = node->in.n;
	size_t n_out = node->out.n;
	size_t n = n_in * n_out;
	size_t n_tiles = cer_graph_count_tiles(graph);

	(void) block;
	if (n_tiles == 0)
		memset(state->parts, 0, n * sizeof(float));
	for (size_t tile = 1; tile < n_tiles; tile++)
		graph->kernels->backward_linear(n, state->parts + tile * n,
		                                state->parts);
	graph->kernels->transpose(n_out, n_in, state->parts, n_in,
	                          graph->grads + state->offset, n_out);
	cer_graph_step(graph, state->offset, n);
	dense_refresh(graph, node);
}

static cer_status
narrow_prepare(cer_graph *graph, const cer_graph_node *node, dense_state *state,
               cer_error *err)
{
	size_t n_tiles = graph->batch_rows / graph->tile_rows;
	size_t n = n_tiles * node->in.n * node->out.n;
	cer_block *block = cer_graph_add_block(graph, err);

	if (block == NULL)
		return CER_NO_MEMORY;
	state->parts = cer_graph_allocate_floats(graph, n);
	if (state->parts == NULL)
		return cer_fail_memory(err, n * sizeof(float));
	block->run = narrow_update;
	block->node = node;
	block->cost = (double) n;
	return CER_OK;
}

/* ------------------------------------------------------------ wide */

static void
wide_forward(const cer_tile *tile, const cer_graph_node *node)
{
	const dense_state *state = node->state;
	const float *x = cer_get_data(&node->in, tile->first);
	float *y = cer_get_data(&node->out, tile->first);

	if (state->bf16 != NULL)
		cer_bf16_dense_forward(tile, state->bf16, x, y);
	else if (state->source != NULL)
		cer_dense_source_forward(tile, node, state->source);
	else if (state->first.n > 0)
		cer_first_outputs_forward(tile, node, &state->first,
		                          tile->graph->weights + state->offset);
	else if (state->zeros_forward.n_in > 0)
		cer_zeros_run(tile, &state->zeros_forward,
		              tile->graph->batch.is_training && state->zeros.x.n > 0
		                  ? &state->zeros.x
		                  : NULL,
		              x, y);
	else
		cer_gemm_run(&state->forward, x, tile->graph->weights + state->offset,
		             y);
}

static void
wide_backward(const cer_tile *tile, const cer_graph_node *node)
{
	const dense_state *state = node->state;
	const float *dy = cer_get_grad(&node->out, tile->first);
	float *dx = cer_get_grad(&node->in, tile->first);

	if (state->bf16 != NULL)
		cer_bf16_dense_backward(tile, state->bf16, dy, dx);
	else if (state->source != NULL)
		cer_dense_source_backward(tile, node, state->source);
	else if (state->first.n > 0)
		cer_first_outputs_backward(tile, node, &state->first, state->weights_t);
	else if (state->zeros_backward.n_in > 0)
		cer_zeros_run(tile, &state->zeros_backward,
		              state->zeros.dy.n > 0 ? &state->zeros.dy : NULL, dy, dx);
	else
		cer_gemm_run(&state->backward, dy, state->weights_t, dx);
}

static void
refresh_block(const cer_graph *graph, const cer_graph_node *node,
              const cer_block *block)
{
	cer_dense_part part = {block->begin, block->end, block->column,
	                       block->n_columns};

	refresh_part(graph, node, &part);
}

static void
wide_update(const cer_graph *graph, const cer_graph_node *node,
            const cer_block *block)
{
	const dense_state *state = node->state;

	cer_graph_run_product(graph, block, state->offset, &node->in, &node->out);
	refresh_block(graph, node, block);
}

/* Its gradient was made with those of the source. */
static void
source_update(const cer_graph *graph, const cer_graph_node *node,
              const cer_block *block)
{
	const dense_state *state = node->state;

	cer_graph_step_block(graph, block, state->offset);
	refresh_block(graph, node, block);
}

static void
first_update(const cer_graph *graph, const cer_graph_node *node,
             const cer_block *block)
{
	const dense_state *state = node->state;

	cer_first_outputs_run_product(graph, node, block, state->offset);
	refresh_block(graph, node, block);
}

static void
zeros_update(const cer_graph *graph, const cer_graph_node *node,
             const cer_block *block)
{
	const dense_state *state = node->state;

	cer_zeros_make_grad(graph, node, block, &state->zeros,
	                    graph->grads + state->offset);
	cer_graph_step_block(graph, block, state->offset);
	refresh_block(graph, node, block);
}

static void
bf16_update(const cer_graph *graph, const cer_graph_node *node,
            const cer_block *block)
{
	const dense_state *state = node->state;

	cer_bf16_dense_make_grad(graph, state->bf16, block,
	                         graph->grads + state->offset);
	cer_graph_step_block(graph, block, state->offset);
	refresh_block(graph, node, block);
}

static cer_status
prepare_forward(cer_graph *graph, const cer_graph_node *node,
                dense_state *state, cer_error *err)
{
	cer_zeros_product zeros = {.n_rows = graph->tile_rows * node->in.m,
	                           .n_in = node->in.n,
	                           .n_out = node->out.n};
	cer_gemm_shape forward = {.n_rows = zeros.n_rows,
	                          .n_columns = zeros.n_out,
	                          .n_inner = zeros.n_in,
	                          .a_stride = zeros.n_in,
	                          .b_stride = zeros.n_out,
	                          .c_stride = zeros.n_out};

	if (!cer_zeros_go_in(graph, node))
		return graph->make_gemm(graph->kernels, &forward, &state->forward, err);
	state->zeros_forward = zeros;
	return cer_zeros_prepare(graph, &state->zeros_forward, err);
}

/* Room for the weights with inputs and outputs turned. */
static cer_status
allocate_turned(cer_graph *graph, const cer_graph_node *node,
                dense_state *state, cer_error *err)
{
	size_t n = node->in.n * node->out.n;

	state->weights_t = cer_graph_allocate_floats(graph, n);
	return state->weights_t != NULL ? CER_OK
	                                : cer_fail_memory(err, n * sizeof(float));
}

static cer_status
prepare_backward(cer_graph *graph, const cer_graph_node *node,
                 dense_state *state, cer_error *err)
{
	cer_zeros_product zeros = {.n_rows = graph->tile_rows * node->in.m,
	                           .n_in = node->out.n,
	                           .n_out = node->in.n};
	cer_gemm_shape backward = {.n_rows = zeros.n_rows,
	                           .n_columns = zeros.n_out,
	                           .n_inner = zeros.n_in,
	                           .a_stride = zeros.n_in,
	                           .b_stride = zeros.n_out,
	                           .c_stride = zeros.n_out};

	if (cer_zeros_come_back(graph, node))
	{
		state->zeros_backward = zeros;
		return cer_zeros_prepare(graph, &state->zeros_backward, err);
	}
	CER_TRY(allocate_turned(graph, node, state, err));
	return graph->make_gemm(graph->kernels, &backward, &state->backward, err);
}

/* Of the node's weights, by plain products. */
static cer_product_blocks
describe_products(const cer_graph_node *node)
{
	return (cer_product_blocks){.run = wide_update,
	                            .node = node,
	                            .n_in = node->in.n,
	                            .n_out = node->out.n,
	                            .m = node->in.m};
}

static cer_status
prepare_grads(cer_graph *graph, const cer_graph_node *node, dense_state *state,
              cer_error *err)
{
	cer_product_blocks products = describe_products(node);
	bool go_in = state->zeros_forward.n_in > 0;
	bool come_back = state->zeros_backward.n_in > 0;

	if ((!go_in && !come_back) || !cer_zeros_has_groups(graph, node))
		return cer_graph_add_products(graph, &products, err);
	if (go_in)
		CER_TRY(cer_zeros_prepare_marks(graph, node, node->in.n,
		                                &state->zeros.x, err));
	if (come_back)
		CER_TRY(cer_zeros_prepare_marks(graph, node, node->out.n,
		                                &state->zeros.dy, err));
	products.run = zeros_update;
	return cer_zeros_add_products(graph, &products, err);
}

static cer_status
first_prepare(cer_graph *graph, const cer_graph_node *node, dense_state *state,
              cer_error *err)
{
	cer_product_blocks products = describe_products(node);

	CER_TRY(allocate_turned(graph, node, state, err));
	CER_TRY(cer_first_outputs_prepare(graph, node, &state->first, err));
	return cer_first_outputs_add_products(graph, &products, first_update, err);
}

static cer_status
source_prepare(cer_graph *graph, const cer_graph_node *node, dense_state *state,
               cer_error *err)
{
	cer_product_blocks products = describe_products(node);

	products.run = source_update;
	CER_TRY(allocate_turned(graph, node, state, err));
	CER_TRY(cer_dense_source_prepare(graph, node, state->weights_t,
	                                 &state->source, err));
	return cer_graph_add_products(graph, &products, err);
}

static cer_status
wide_prepare(cer_graph *graph, const cer_graph_node *node, dense_state *state,
             cer_error *err)
{
	if (graph->bf16 != NULL)
		return cer_bf16_dense_prepare(graph, node, bf16_update, &state->bf16,
		                              err);
	if (node->node->n_first > 0)
		return first_prepare(graph, node, state, err);
	if (cer_dense_has_source(graph, node))
		return source_prepare(graph, node, state, err);
	CER_TRY(prepare_forward(graph, node, state, err));
	CER_TRY(prepare_backward(graph, node, state, err));
	return prepare_grads(graph, node, state, err);
}

/* ------------------------------------------------------------ scoring */

static cer_status
prepare_rounded(cer_graph *graph, const cer_graph_node *node,
                dense_state *state, cer_error *err)
{
	size_t n_in = node->in.n;
	size_t n_out = node->out.n;

	state->rounded = cer_bf16_weights_make(
		graph->arena, graph->bf16, n_in, n_out, graph->weights + state->offset);
	if (state->rounded == NULL)
		return cer_fail_memory(err, n_in * n_out * sizeof(float));
	cer_graph_need_scratch(graph, graph->tile_rows * node->in.m *
	                                  cer_bf16_count_pairs(n_in));
	return CER_OK;
}

static void
score_rounded(const cer_tile *tile, const cer_graph_node *node)
{
	const dense_state *state = node->state;
	cer_bf16_rows rows = {.n_rows = tile->n_all * node->in.m,
	                      .x = cer_get_data(&node->in, tile->first),
	                      .x_stride = node->in.n,
	                      .y = cer_get_data(&node->out, tile->first),
	                      .y_stride = node->out.n,
	                      .n_columns = node->out.n,
	                      .scratch = (uint32_t *) (void *) tile->scratch};

	cer_bf16_weights_multiply(state->rounded, &rows);
}

static cer_status
prepare_scoring(cer_graph *graph, const cer_graph_node *node,
                dense_state *state, cer_error *err)
{
	size_t n_in = node->in.n;
	size_t n_out = node->out.n;
	size_t size = cer_dense_packed_size(n_in, n_out);

	if (graph->bf16 != NULL)
		return prepare_rounded(graph, node, state, err);
	state->packed = cer_graph_allocate_floats(graph, size);
	if (state->packed == NULL)
		return cer_fail_memory(err, size * sizeof(float));
	cer_dense_pack(n_in, n_out, graph->weights + state->offset, state->packed);
	cer_graph_need_scratch(
		graph,
		n_in + 16 + graph->tile_rows * node->in.m * cer_dense_pad(n_out));
	return CER_OK;
}

/* Whole vectors of lanes are written, where needed into scratch. */
static void
dense_score(const cer_tile *tile, const cer_graph_node *node)
{
	const dense_state *state = node->state;
	size_t n_out = node->out.n;
	size_t padded = cer_dense_pad(n_out);
	float *y = cer_get_data(&node->out, tile->first);
	float *room = tile->scratch + (node->in.n + 15) / 16 * 16;
	cer_dense dense = {.n_rows = tile->n_all * node->in.m,
	                   .n_in = node->in.n,
	                   .n_out = padded,
	                   .x = cer_get_data(&node->in, tile->first),
	                   .x_stride = node->in.n,
	                   .w = state->packed,
	                   .y = padded == n_out ? y : room,
	                   .y_stride = padded,
	                   .scratch = (uint32_t *) tile->scratch};

	if (state->rounded != NULL)
	{
		score_rounded(tile, node);
		return;
	}
	if (state->packed == NULL)
	{
		narrow_forward(tile, node);
		return;
	}
	tile->graph->kernels->dense(&dense);
	for (size_t i = 0; padded != n_out && i < dense.n_rows; i++)
		memcpy(y + i * n_out, room + i * padded, n_out * sizeof(float));
}

/* ------------------------------------------------------------ both */

static cer_status
dense_prepare(cer_graph *graph, cer_graph_node *node, cer_error *err)
{
	dense_state *state = cer_graph_make_state(graph, node, sizeof(*state));
	size_t n = node->in.n * node->out.n;
	bool is_narrow = node->out.n <= CER_NARROW_OUTPUTS;

	if (state == NULL)
		return cer_fail_memory(err, sizeof(*state));
	state->offset = cer_node_get_tensor(graph, node, 0)->offset;
	if (graph->is_scoring && !is_narrow)
		return prepare_scoring(graph, node, state, err);
	if (!is_narrow)
		return wide_prepare(graph, node, state, err);
	state->weights_t = cer_graph_allocate_floats(graph, n);
	if (state->weights_t == NULL)
		return cer_fail_memory(err, n * sizeof(float));
	if (!graph->is_scoring)
		return narrow_prepare(graph, node, state, err);
	dense_refresh(graph, node);
	return CER_OK;
}

static void
dense_begin(const cer_graph *graph, const cer_graph_node *node)
{
	const dense_state *state = node->state;

	if (state->source != NULL)
		cer_dense_source_begin(graph, node, state->source);
}

static void
dense_end(const cer_graph *graph, const cer_graph_node *node)
{
	const dense_state *state = node->state;

	if (state->source != NULL)
		cer_dense_source_end(graph, node, state->source);
}

static void
dense_forward(const cer_tile *tile, const cer_graph_node *node)
{
	if (node->out.n <= CER_NARROW_OUTPUTS)
		narrow_forward(tile, node);
	else
		wide_forward(tile, node);
}

static void
dense_backward(const cer_tile *tile, const cer_graph_node *node)
{
	if (node->out.n <= CER_NARROW_OUTPUTS)
		narrow_backward(tile, node);
	else
		wide_backward(tile, node);
}

const cer_operator cer_op_dense = {
	.name = "dense",
	.shape = dense_shape,
	.cost = dense_cost,
	.prepare = dense_prepare,
	.refresh = dense_refresh,
	.forward = dense_forward,
	.backward = dense_backward,
	.score = dense_score,
	.begin = dense_begin,
	.end = dense_end,
};
