/*
 * nn/op_lift.c
 *	  What encoders leave to be learnt, as one vector of a row: pieces of text
 *	  to vectors that are summed, numbers to waves and bins.
 *
 *	 bag		sum or mean over a row's codes of E[code]; codes that stand for
 *				nothing are not counted
 *	 periodic	relu([cos 2 pi c x, sin 2 pi c x] W + b)   (Gorishniy and others
 *				2022)
 *	 pbld		cos(2 pi c x + p) W + b		(Holzmueller and others 2024; beside it
 *				stands x, as the encoder made it)
 *	 ple		PLE(x) V, x the deviate, V zero at first	(version B of
 *				Gorishniy's package: the part in x is the next layer's)
 *
 * A tile goes through one number after the other: see lift.h.
 */
#include "base/error.h"
#include "nn/lift.h"
#include "nn/source.h"
#include "nn/view.h"

#include <math.h>
#include <string.h>

#define BLOCK_CODES 2048

/* Tensors of a lift, in this order; not all kinds have all. */
enum
{
	LIFT_FREQUENCIES,
	LIFT_PHASES,
	LIFT_WEIGHTS,
	LIFT_BIAS,
	N_LIFT_TENSORS
};

typedef struct lift_state
{
	const cer_lift *lift;
	size_t column; /* of the output */
	size_t n_waves;
	size_t offsets[N_LIFT_TENSORS];
	cer_sums sums[N_LIFT_TENSORS]; /* n is 0: there is none */
	float *waves;                  /* training: (batch_rows, 2 n_inner) */
	float *derived;                /* scoring: see cer_bins, cer_waves */
} lift_state;

typedef struct lifts_state
{
	size_t n;
	lift_state *lifts;
} lifts_state;

size_t
cer_lifts_count(const cer_input_shape *shape, const cer_view *view)
{
	size_t n = 0;

	for (size_t i = 0; i < view->n_lifts; i++)
		n += shape->lifts[view->lifts[i]].n_out;
	return n;
}

/* ------------------------------------------------------------ shape */

static bool
has_waves(const cer_lift *lift)
{
	return lift->kind == CER_LIFT_PERIODIC || lift->kind == CER_LIFT_PBLD;
}

/* Rows of its weights. */
static size_t
count_inner(const cer_lift *lift)
{
	switch (lift->kind)
	{
		case CER_LIFT_BAG:
			return lift->n_rows;
		case CER_LIFT_PERIODIC:
			return 2 * lift->n_inner;
		default:
			return lift->n_inner;
	}
}

/* False: this kind has no such tensor. */
static bool
describe_tensor(const cer_lift *lift, int which, cer_tensor_spec *spec)
{
	*spec = (cer_tensor_spec){.name = lift->name, .n_columns = lift->n_inner};
	switch (which)
	{
		case LIFT_FREQUENCIES:
			spec->suffix = "frequencies(";
			spec->initial = CER_INITIAL_NORMAL;
			spec->scale = lift->deviation;
			spec->rate = lift->kind == CER_LIFT_PBLD ? CER_SMALL_RATE : 0;
			return has_waves(lift);
		case LIFT_PHASES:
			spec->suffix = "phases(";
			spec->initial = CER_INITIAL_UNIFORM;
			spec->scale = M_PI;
			spec->rate = CER_SMALL_RATE;
			return lift->kind == CER_LIFT_PBLD;
		case LIFT_WEIGHTS:
			spec->suffix = lift->kind == CER_LIFT_BAG ? "embed(" : "lift(";
			spec->n_rows = count_inner(lift);
			spec->n_columns = lift->n_out;
			cer_initial_choose(CER_INITIAL_DEFAULT, count_inner(lift), spec);
			if (lift->kind == CER_LIFT_PLE)
				spec->initial = CER_INITIAL_ZERO;
			if (lift->kind != CER_LIFT_BAG)
				return true;
			spec->initial = CER_INITIAL_NORMAL;
			spec->scale = CER_EMBEDDING_DEVIATION;
			return true;
		default:
			spec->suffix = "bias(";
			spec->n_columns = lift->n_out;
			cer_initial_choose(CER_INITIAL_DEFAULT, count_inner(lift), spec);
			return has_waves(lift);
	}
}

size_t
cer_lift_count_weights(const cer_lift *lift)
{
	size_t n = 0;

	for (int which = 0; which < N_LIFT_TENSORS; which++)
	{
		cer_tensor_spec spec;

		if (describe_tensor(lift, which, &spec))
			n += (spec.n_rows > 0 ? spec.n_rows : 1) * spec.n_columns;
	}
	return n;
}

static cer_status
lift_shape(cer_net_builder *builder, cer_node *node, cer_error *err)
{
	const cer_input_shape *shape = builder->net->shape;

	for (size_t i = 0; i < node->view->n_lifts; i++)
		for (int which = 0; which < N_LIFT_TENSORS; which++)
		{
			cer_tensor_spec spec;

			if (describe_tensor(&shape->lifts[node->view->lifts[i]], which,
			                    &spec))
				CER_TRY(cer_net_add_tensor(builder, node, &spec, err));
		}
	return CER_OK;
}

static double
lift_cost(const cer_net *net, const cer_node *node)
{
	double cost = 0;

	for (size_t i = 0; i < node->view->n_lifts; i++)
	{
		const cer_lift *lift = &net->shape->lifts[node->view->lifts[i]];
		size_t n =
			lift->kind == CER_LIFT_BAG ? lift->n_codes : 2 * count_inner(lift);

		cost += (double) (n * lift->n_out);
	}
	return cost;
}

/* ------------------------------------------------------------ forward */

static inline const float *
get_weights(const cer_graph *graph, const lift_state *state, int which)
{
	return graph->weights + state->offsets[which];
}

/* Where what is derived from weights lies: made for each tile in training, as
 * they change. */
static float *
find_derived(const cer_tile *tile, const lift_state *state)
{
	return state->derived != NULL ? state->derived : tile->scratch;
}

static cer_bins
describe_bins(const cer_graph *graph, const lift_state *state, float *beyond)
{
	return (cer_bins){.lift = state->lift,
	                  .w = get_weights(graph, state, LIFT_WEIGHTS),
	                  .beyond = beyond};
}

static cer_waves
describe_waves(const cer_graph *graph, const lift_state *state, float *turned)
{
	const cer_lift *lift = state->lift;

	return (cer_waves){
		.n = lift->n_inner,
		.n_inner = count_inner(lift),
		.n_out = lift->n_out,
		.frequencies = get_weights(graph, state, LIFT_FREQUENCIES),
		.phases = lift->kind == CER_LIFT_PBLD
	                  ? get_weights(graph, state, LIFT_PHASES)
	                  : NULL,
		.w = get_weights(graph, state, LIFT_WEIGHTS),
		.bias = get_weights(graph, state, LIFT_BIAS),
		.turned = turned,
	};
}

static size_t
count_derived(const lift_state *state)
{
	if (state->lift->kind == CER_LIFT_BAG)
		return 0;
	return count_inner(state->lift) * state->lift->n_out;
}

static void
derive(const cer_graph *graph, const lift_state *state, float *derived)
{
	cer_bins bins = describe_bins(graph, state, derived);
	cer_waves waves = describe_waves(graph, state, derived);

	if (has_waves(state->lift))
		cer_waves_begin(&waves);
	else if (state->lift->kind == CER_LIFT_PLE)
		cer_bins_begin(&bins);
}

static void
forward_waves(const cer_tile *tile, const lift_state *state, float x, size_t at,
              float *y)
{
	const cer_lift *lift = state->lift;
	float *derived = find_derived(tile, state);
	cer_waves waves = describe_waves(tile->graph, state, derived);
	float *values = state->waves != NULL ? state->waves + at * state->n_waves
	                                     : tile->scratch;

	cer_waves_forward(&waves, x, values, y);
	if (lift->kind == CER_LIFT_PERIODIC)
		for (size_t i = 0; i < lift->n_out; i++)
			y[i] = y[i] > 0 ? y[i] : 0;
}

static void
forward_bins(const cer_tile *tile, const lift_state *state, float x, float *y)
{
	cer_bins bins =
		describe_bins(tile->graph, state, find_derived(tile, state));

	cer_bins_forward(&bins, x, y);
}

/* What each vector of a row is multiplied by. */
static float
get_bag_share(const cer_lift *lift, const uint32_t *codes)
{
	size_t n = 0;

	if (!lift->is_mean)
		return 1.0f;
	for (size_t i = 0; i < lift->n_codes; i++)
		n += codes[i] < lift->n_rows;
	return n > 0 ? 1.0f / (float) n : 0.0f;
}

static void
forward_bag(const cer_graph *graph, const lift_state *state,
            const uint32_t *codes, float *y)
{
	const cer_lift *lift = state->lift;
	const float *w = get_weights(graph, state, LIFT_WEIGHTS);
	float share = get_bag_share(lift, codes + lift->code);
	size_t n = lift->n_out;

	memset(y, 0, n * sizeof(float));
	for (size_t i = 0; i < lift->n_codes; i++)
	{
		size_t code = codes[lift->code + i];

		if (code >= lift->n_rows && lift->is_padded)
			continue;
		if (code >= lift->n_rows)
			code = CER_CODE_UNSEEN;
		graph->kernels->backward_linear(n, w + code * n, y);
	}
	for (size_t i = 0; lift->is_mean && i < n; i++)
		y[i] *= share;
}

static void
forward_row(const cer_tile *tile, const lift_state *state,
            const cer_source_row *row, size_t at, float *y)
{
	const cer_lift *lift = state->lift;

	if (lift->kind == CER_LIFT_BAG)
		forward_bag(tile->graph, state, row->codes, y);
	else if (lift->kind == CER_LIFT_PLE)
		forward_bins(tile, state,
		             cer_source_get_number(tile, row, lift->number), y);
	else
		forward_waves(tile, state,
		              cer_source_get_number(tile, row, lift->number), at, y);
}

static void
forward_lift(const cer_tile *tile, const cer_graph_node *node,
             const lift_state *state)
{
	cer_source_row row;

	if (state->derived == NULL)
		derive(tile->graph, state, tile->scratch);
	for (size_t at = tile->first; at < tile->first + tile->n_all; at++)
	{
		float *y = cer_get_data(&node->out, at) + state->column;

		if (cer_source_get(tile, at, &row))
			forward_row(tile, state, &row, at, y);
		else
			memset(y, 0, state->lift->n_out * sizeof(float));
	}
}

static void
lift_forward(const cer_tile *tile, const cer_graph_node *node)
{
	const lifts_state *state = node->state;

	for (size_t i = 0; i < state->n; i++)
		forward_lift(tile, node, &state->lifts[i]);
}

/* ------------------------------------------------------------ backward */

/* What relu let through; dy is overwritten. */
static void
mask_grad(const cer_lift *lift, const float *y, float *dy)
{
	for (size_t i = 0; i < lift->n_out; i++)
		dy[i] = y[i] > 0 ? dy[i] : 0;
}

/* A tile's part, zeroed; NULL: it has no such tensor. */
static float *
begin_sums(const cer_tile *tile, const lift_state *state, int which)
{
	return state->sums[which].n > 0 ? cer_sums_begin(&state->sums[which], tile)
	                                : NULL;
}

/* x of a row of the tile, and its dy. */
static float
get_number(const cer_tile *tile, const cer_graph_node *node,
           const lift_state *state, size_t at, float **dy)
{
	cer_source_row row;

	cer_source_get(tile, at, &row);
	*dy = cer_get_grad(&node->out, at) + state->column;
	return cer_source_get_number(tile, &row, state->lift->number);
}

static void
backward_bins(const cer_tile *tile, const cer_graph_node *node,
              const lift_state *state)
{
	cer_bins bins = describe_bins(tile->graph, state, tile->scratch);
	float *grad = begin_sums(tile, state, LIFT_WEIGHTS);
	float *dy;

	memset(bins.beyond, 0, count_derived(state) * sizeof(float));
	for (size_t at = tile->first; at < tile->first + tile->n_rows; at++)
	{
		float x = get_number(tile, node, state, at, &dy);

		cer_bins_backward(&bins, x, dy, grad);
	}
	cer_bins_end(&bins, grad);
}

/* Scratch: weights turned, their gradients, angles. */
static void
backward_waves(const cer_tile *tile, const cer_graph_node *node,
               const lift_state *state)
{
	size_t n = count_derived(state);
	cer_waves waves = describe_waves(tile->graph, state, tile->scratch);
	cer_wave_grads grads = {
		.frequencies = begin_sums(tile, state, LIFT_FREQUENCIES),
		.phases = begin_sums(tile, state, LIFT_PHASES),
		.bias = begin_sums(tile, state, LIFT_BIAS),
		.turned = tile->scratch + n,
		.angles = tile->scratch + 2 * n,
	};
	float *dy;

	cer_waves_begin(&waves);
	memset(grads.turned, 0, n * sizeof(float));
	for (size_t at = tile->first; at < tile->first + tile->n_rows; at++)
	{
		float x = get_number(tile, node, state, at, &dy);

		if (state->lift->kind == CER_LIFT_PERIODIC)
			mask_grad(state->lift, cer_get_data(&node->out, at) + state->column,
			          dy);
		cer_waves_backward(&waves, x, state->waves + at * state->n_waves, dy,
		                   &grads);
	}
	tile->graph->kernels->transpose(
		waves.n_out, waves.n_inner, grads.turned, waves.n_inner,
		begin_sums(tile, state, LIFT_WEIGHTS), waves.n_out);
}

/* Vectors of bags follow when the batch is done. */
static void
lift_backward(const cer_tile *tile, const cer_graph_node *node)
{
	const lifts_state *state = node->state;

	for (size_t i = 0; i < state->n; i++)
	{
		const lift_state *lift = &state->lifts[i];

		if (lift->lift->kind == CER_LIFT_PLE)
			backward_bins(tile, node, lift);
		else if (has_waves(lift->lift))
			backward_waves(tile, node, lift);
	}
}

/* Codes begin .. end of a bag, those that do not occur, too. */
static void
update_bag(const cer_graph *graph, const cer_graph_node *node,
           const cer_block *block)
{
	const lifts_state *all = node->state;
	const lift_state *state = &all->lifts[block->index];
	const cer_lift *lift = state->lift;
	const cer_encoded *rows = graph->batch.rows;
	size_t n = lift->n_out;
	size_t n_codes = block->end - block->begin;
	size_t offset = state->offsets[LIFT_WEIGHTS] + block->begin * n;
	float *grad = graph->grads + offset;

	memset(grad, 0, n_codes * n * sizeof(float));
	for (size_t at = 0; at < graph->batch.n_rows; at++)
	{
		size_t row = cer_batch_get_row(&graph->batch, at);
		const uint32_t *codes =
			cer_encoded_get_codes(rows, graph->net->shape, row) + lift->code;
		const float *dy = cer_get_grad(&node->out, at) + state->column;
		float share = get_bag_share(lift, codes);

		for (size_t i = 0; i < lift->n_codes; i++)
			if ((size_t) codes[i] - block->begin < n_codes)
				graph->kernels->add_scaled(
					n, share, dy, grad + (codes[i] - block->begin) * n);
	}
	cer_graph_step(graph, offset, n_codes * n);
}

/* ------------------------------------------------------------ preparing */

static cer_status
add_bag_blocks(cer_graph *graph, const cer_graph_node *node,
               const lift_state *state, size_t index, cer_error *err)
{
	const cer_lift *lift = state->lift;

	for (size_t code = 0; code < lift->n_rows; code += BLOCK_CODES)
	{
		cer_block *block = cer_graph_add_block(graph, err);

		if (block == NULL)
			return CER_NO_MEMORY;
		block->run = update_bag;
		block->node = node;
		block->index = index;
		block->begin = code;
		block->end = code + BLOCK_CODES < lift->n_rows ? code + BLOCK_CODES
		                                               : lift->n_rows;
		block->cost =
			4.0 *
			(double) ((graph->batch_rows * lift->n_codes + block->end - code) *
		              lift->n_out);
	}
	return CER_OK;
}

static cer_status
prepare_training(cer_graph *graph, cer_graph_node *node, lift_state *state,
                 size_t index, cer_error *err)
{
	if (state->lift->kind == CER_LIFT_BAG)
		return add_bag_blocks(graph, node, state, index, err);
	for (int which = 0; which < N_LIFT_TENSORS; which++)
		if (state->sums[which].n > 0)
			CER_TRY(cer_graph_add_sums(graph, node, &state->sums[which], err));
	cer_graph_need_scratch(graph,
	                       2 * count_derived(state) + state->lift->n_inner);
	state->waves =
		cer_graph_allocate_floats(graph, graph->batch_rows * state->n_waves);
	if (state->waves == NULL)
		return cer_fail_memory(err, graph->batch_rows * state->n_waves);
	return CER_OK;
}

static cer_status
prepare_scoring(cer_graph *graph, lift_state *state, cer_error *err)
{
	size_t n = count_derived(state);

	cer_graph_need_scratch(graph, state->n_waves);
	if (n == 0)
		return CER_OK;
	state->derived = cer_graph_allocate_floats(graph, n);
	if (state->derived == NULL)
		return cer_fail_memory(err, n * sizeof(float));
	derive(graph, state, state->derived);
	return CER_OK;
}

static cer_status
prepare_lift(cer_graph *graph, cer_graph_node *node, size_t index,
             size_t *tensor, cer_error *err)
{
	lifts_state *all = node->state;
	lift_state *state = &all->lifts[index];
	cer_tensor_spec spec;

	for (int which = 0; which < N_LIFT_TENSORS; which++)
	{
		const cer_net_tensor *found;

		if (!describe_tensor(state->lift, which, &spec))
			continue;
		found = cer_node_get_tensor(graph, node, (*tensor)++);
		state->offsets[which] = found->offset;
		state->sums[which] = (cer_sums){found->offset, found->size, NULL};
	}
	state->n_waves = has_waves(state->lift) ? 2 * state->lift->n_inner : 0;
	return graph->is_scoring ? prepare_scoring(graph, state, err)
	                         : prepare_training(graph, node, state, index, err);
}

static cer_status
lift_prepare(cer_graph *graph, cer_graph_node *node, cer_error *err)
{
	const cer_view *view = node->node->view;
	lifts_state *state = cer_graph_make_state(graph, node, sizeof(*state));
	size_t size = view->n_lifts * sizeof(*state->lifts);
	size_t tensor = 0;
	size_t column = 0;

	if (state == NULL)
		return cer_fail_memory(err, sizeof(*state));
	state->n = view->n_lifts;
	state->lifts = cer_arena_allocate(graph->arena, size);
	if (state->lifts == NULL)
		return cer_fail_memory(err, size);
	memset(state->lifts, 0, size);
	for (size_t i = 0; i < state->n; i++)
	{
		state->lifts[i].lift = &graph->net->shape->lifts[view->lifts[i]];
		state->lifts[i].column = column;
		column += state->lifts[i].lift->n_out;
		CER_TRY(prepare_lift(graph, node, i, &tensor, err));
	}
	return CER_OK;
}

const cer_operator cer_op_lift = {
	.name = "lift",
	.shape = lift_shape,
	.cost = lift_cost,
	.prepare = lift_prepare,
	.forward = lift_forward,
	.backward = lift_backward,
};
