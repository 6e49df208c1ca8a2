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
 * Waves are sums of powers, the same at any width of vectors.
 */
#include "base/error.h"
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

/* ------------------------------------------------------------ waves */

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif

/* Added and taken away it rounds what is much smaller. */
#define ROUNDING 12582912.0f

/* sin(2 pi t), within 1e-6; t is below 2^21. */
static inline float
get_wave(float t)
{
	float whole = (t + ROUNDING) - ROUNDING;
	float part = t - whole; /* -1/2 .. 1/2 */
	float folded = fabsf(part) > 0.25f ? copysignf(0.5f, part) - part : part;
	float x = folded * (float) (2 * M_PI);
	float s = x * x;

	return x * (1.0f + s * (-1.0f / 6 +
	                        s * (1.0f / 120 +
	                             s * (-1.0f / 5040 +
	                                  s * (1.0f / 362880 - s / 39916800)))));
}

/* Cosines, then sines, of n waves at x. */
WIDE static void
fill_waves(size_t n, float x, const float *frequencies, const float *phases,
           float *waves)
{
	for (size_t i = 0; i < n; i++)
	{
		float turns = frequencies[i] * x;

		if (phases != NULL)
			turns += phases[i] * (float) (0.5 / M_PI);
		waves[i] = get_wave(turns + 0.25f);
		waves[n + i] = get_wave(turns);
	}
}

/* y += x w, w (n_in, n_out) */
WIDE static void
multiply(size_t n_in, size_t n_out, const float *x, const float *w, float *y)
{
	for (size_t i = 0; i < n_in; i++)
		for (size_t j = 0; j < n_out; j++)
			y[j] += x[i] * w[i * n_out + j];
}

/* ------------------------------------------------------------ forward */

static inline const float *
get_weights(const cer_graph *graph, const lift_state *state, int which)
{
	return graph->weights + state->offsets[which];
}

static void
forward_waves(const cer_graph *graph, const lift_state *state, float x,
              float *waves, float *y)
{
	const cer_lift *lift = state->lift;
	bool is_periodic = lift->kind == CER_LIFT_PERIODIC;

	fill_waves(lift->n_inner, x, get_weights(graph, state, LIFT_FREQUENCIES),
	           is_periodic ? NULL : get_weights(graph, state, LIFT_PHASES),
	           waves);
	memcpy(y, get_weights(graph, state, LIFT_BIAS),
	       lift->n_out * sizeof(float));
	multiply(count_inner(lift), lift->n_out, waves,
	         get_weights(graph, state, LIFT_WEIGHTS), y);
	for (size_t i = 0; is_periodic && i < lift->n_out; i++)
		y[i] = y[i] > 0 ? y[i] : 0;
}

/* How far x is through bin t: 0 to 1. */
static inline float
get_share(const cer_lift *lift, size_t t, float x)
{
	float low = lift->edges[t];
	float share = (x - low) / (lift->edges[t + 1] - low);

	share = share > 0 ? share : 0;
	return share < 1 ? share : 1;
}

static void
forward_bins(const cer_graph *graph, const lift_state *state, float x, float *y)
{
	const cer_lift *lift = state->lift;
	const float *w = get_weights(graph, state, LIFT_WEIGHTS);
	size_t n = lift->n_out;

	memset(y, 0, n * sizeof(float));
	for (size_t t = 0; t < lift->n_inner && x > lift->edges[t]; t++)
	{
		float share = get_share(lift, t, x);

		multiply(1, n, &share, w + t * n, y);
	}
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
	const cer_graph *graph = tile->graph;
	const cer_lift *lift = state->lift;
	float *waves = state->waves != NULL ? state->waves + at * state->n_waves
	                                    : tile->scratch;

	y += state->column;
	switch (lift->kind)
	{
		case CER_LIFT_BAG:
			forward_bag(graph, state, row->codes, y);
			break;
		case CER_LIFT_PERIODIC:
		case CER_LIFT_PBLD:
			forward_waves(graph, state,
			              cer_source_get_number(tile, row, lift->number), waves,
			              y);
			break;
		case CER_LIFT_PLE:
			forward_bins(graph, state,
			             cer_source_get_number(tile, row, lift->number), y);
			break;
	}
}

static void
lift_forward(const cer_tile *tile, const cer_graph_node *node)
{
	const lifts_state *state = node->state;
	cer_source_row row;

	for (size_t at = tile->first; at < tile->first + tile->n_all; at++)
	{
		float *y = cer_get_data(&node->out, at);

		if (!cer_source_get(tile, at, &row))
		{
			memset(y, 0, node->out.n * sizeof(float));
			continue;
		}
		for (size_t i = 0; i < state->n; i++)
			forward_row(tile, &state->lifts[i], &row, at, y);
	}
}

/* ------------------------------------------------------------ backward */

/* Gradients of one row that tiles sum up, by tensor. */
typedef struct lift_grads
{
	float *of[N_LIFT_TENSORS];
} lift_grads;

static inline float
multiply_sum(size_t n, const float *a, const float *b)
{
	float sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

static void
backward_waves(const cer_graph *graph, const lift_state *state, float x,
               const float *waves, const float *dy, lift_grads *grads)
{
	const cer_lift *lift = state->lift;
	size_t n = lift->n_out;
	size_t n_inner = lift->n_inner;
	bool is_periodic = lift->kind == CER_LIFT_PERIODIC;
	const float *w = get_weights(graph, state, LIFT_WEIGHTS);

	for (size_t i = 0; i < n; i++)
		grads->of[LIFT_BIAS][i] += dy[i];
	for (size_t i = 0; i < count_inner(lift); i++)
		multiply(1, n, &waves[i], dy, grads->of[LIFT_WEIGHTS] + i * n);
	for (size_t i = 0; i < n_inner; i++)
	{
		/* of the angle */
		float d = -waves[n_inner + i] * multiply_sum(n, dy, w + i * n);

		if (is_periodic)
			d += waves[i] * multiply_sum(n, dy, w + (n_inner + i) * n);
		else
			grads->of[LIFT_PHASES][i] += d;
		grads->of[LIFT_FREQUENCIES][i] += d * x * (float) (2 * M_PI);
	}
}

static void
backward_bins(const lift_state *state, float x, const float *dy,
              lift_grads *grads)
{
	const cer_lift *lift = state->lift;
	size_t n = lift->n_out;

	for (size_t t = 0; t < lift->n_inner && x > lift->edges[t]; t++)
	{
		float share = get_share(lift, t, x);

		multiply(1, n, &share, dy, grads->of[LIFT_WEIGHTS] + t * n);
	}
}

/* What relu let through; dy is overwritten. */
static void
mask_grad(const cer_lift *lift, const float *y, float *dy)
{
	for (size_t i = 0; i < lift->n_out; i++)
		dy[i] = y[i] > 0 ? dy[i] : 0;
}

static void
backward_row(const cer_tile *tile, const cer_graph_node *node,
             const lift_state *state, size_t at, lift_grads *grads)
{
	const cer_lift *lift = state->lift;
	float *dy = cer_get_grad(&node->out, at) + state->column;
	const float *y = cer_get_data(&node->out, at) + state->column;
	cer_source_row row;
	float x;

	if (!cer_source_get(tile, at, &row))
		return;
	x = cer_source_get_number(tile, &row, lift->number);
	if (lift->kind == CER_LIFT_PLE)
	{
		backward_bins(state, x, dy, grads);
		return;
	}
	if (lift->kind == CER_LIFT_PERIODIC)
		mask_grad(lift, y, dy);
	backward_waves(tile->graph, state, x, state->waves + at * state->n_waves,
	               dy, grads);
}

/* Vectors of bags follow when the batch is done. */
static void
lift_backward(const cer_tile *tile, const cer_graph_node *node)
{
	const lifts_state *state = node->state;

	for (size_t i = 0; i < state->n; i++)
	{
		const lift_state *lift = &state->lifts[i];
		lift_grads grads;

		if (lift->lift->kind == CER_LIFT_BAG)
			continue;
		for (int which = 0; which < N_LIFT_TENSORS; which++)
			grads.of[which] = lift->sums[which].n > 0
			                      ? cer_sums_begin(&lift->sums[which], tile)
			                      : NULL;
		for (size_t at = tile->first; at < tile->first + tile->n_rows; at++)
			backward_row(tile, node, lift, at, &grads);
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
	size_t n_row_codes = cer_shape_count_codes(graph->net->shape);
	size_t n = lift->n_out;
	size_t n_codes = block->end - block->begin;
	size_t offset = state->offsets[LIFT_WEIGHTS] + block->begin * n;
	float *grad = graph->grads + offset;

	memset(grad, 0, n_codes * n * sizeof(float));
	for (size_t at = 0; at < graph->batch.n_rows; at++)
	{
		size_t row = cer_batch_get_row(&graph->batch, at);
		const uint32_t *codes = rows->codes + row * n_row_codes + lift->code;
		const float *dy = cer_get_grad(&node->out, at) + state->column;
		float share = get_bag_share(lift, codes);

		for (size_t i = 0; i < lift->n_codes; i++)
			if ((size_t) codes[i] - block->begin < n_codes)
				multiply(1, n, &share, dy,
				         grad + (codes[i] - block->begin) * n);
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
	state->waves =
		cer_graph_allocate_floats(graph, graph->batch_rows * state->n_waves);
	if (state->waves == NULL)
		return cer_fail_memory(err, graph->batch_rows * state->n_waves);
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
	if (!graph->is_scoring)
		return prepare_training(graph, node, state, index, err);
	cer_graph_need_scratch(graph, state->n_waves);
	return CER_OK;
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
