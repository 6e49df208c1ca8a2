/*
 * nn/op_norm_batch.c
 *	  Batch normalisation (Ioffe, Szegedy 2015), in two operators.
 *
 *	 moments		passes x on; mean and variance of the batch's columns, from
 *					those of each tile, in the order of tiles
 *	 standardize	y = (x - mean) / sqrt(variance + epsilon) gain + bias
 *
 * All tiles arrive at moments before any goes on to standardize, and the other
 * way round backward.  Scoring and validation use statistics that training
 * keeps: 0.9 of what they were and 0.1 of the batch's; scoring has neither
 * operator (see fold.h).  Members of an ensemble have statistics each.
 */
#include "nn/op_norm_batch.h"
#include "base/error.h"
#include "nn/operator.h"

#include <math.h>
#include <string.h>

#define EPSILON  1e-5
#define MOMENTUM 0.1

typedef struct moments_state
{
	size_t n;       /* columns: floats of a member's vector, by member */
	size_t repeats; /* vectors of a row that a column takes: tokens */
	size_t mean_offset;
	size_t variance_offset;
	float *means;   /* (tiles, n) of tiles */
	float *squares; /* (tiles, n) of distances from them */

	/* of the batch, (n) */
	double *sums; /* and another n: while something is added up */
	float *mean;
	float *inverse; /* 1 / deviation */
	float *factor;  /* y = x factor + line_shift */
	float *line_shift;

	/* backward: dx = dy by_grad + x by_x + shift, (n) */
	float *by_grad;
	float *by_x;
	float *shift;
	/* what else the node before it adds up, in the same pass; or NULL */
	const float *more;
} moments_state;

typedef struct standardize_state
{
	const cer_graph_node *moments;
	cer_sums gain;
	cer_sums bias;
} standardize_state;

/* Vectors one after the other that columns `column` on take. */
typedef struct run
{
	size_t at; /* floats from the start of the data */
	size_t n_rows;
	size_t column;
} run;

/* Of a tile's rows, and how many there are: one, if there are no members. */
static size_t
count_runs(const cer_tile *tile, const cer_activations *a,
           const moments_state *state)
{
	return state->n == a->n ? 1 : tile->n_rows * (state->n / a->n);
}

static run
get_run(const cer_tile *tile, const cer_activations *a,
        const moments_state *state, size_t i)
{
	size_t n_members = state->n / a->n;
	run r = {tile->first * a->m * a->n, state->repeats, i % n_members * a->n};

	if (n_members == 1)
		r.n_rows *= tile->n_rows;
	else
		r.at += i * state->repeats * a->n;
	return r;
}

/* ------------------------------------------------------------ moments */

static cer_status
moments_shape(cer_net_builder *builder, cer_node *node, cer_error *err)
{
	cer_tensor_spec mean = {
		.name = node->name,
		.suffix = "mean",
		.n_rows = node->count,
		.n_columns = node->n_out,
		.is_statistic = true,
	};
	cer_tensor_spec variance = mean;

	node->keeps_output = true;
	variance.suffix = "variance";
	variance.initial = CER_INITIAL_CONSTANT;
	variance.scale = 1.0;
	CER_TRY(cer_net_add_tensor(builder, node, &mean, err));
	return cer_net_add_tensor(builder, node, &variance, err);
}

static double
moments_cost(const cer_net *net, const cer_node *node)
{
	(void) net;
	return 4.0 * (double) (node->n_out * node->m);
}

static void
moments_forward(const cer_tile *tile, const cer_graph_node *node)
{
	const moments_state *state = node->state;
	const cer_kernels *kernels = tile->graph->kernels;
	const cer_activations *x = &node->out;
	float *mean;
	float *squares;

	if (!tile->graph->batch.is_training)
		return;
	mean = state->means + tile->index * state->n;
	squares = state->squares + tile->index * state->n;
	memset(mean, 0, state->n * sizeof(float));
	memset(squares, 0, state->n * sizeof(float));
	for (size_t i = 0; i < count_runs(tile, x, state); i++)
	{
		run r = get_run(tile, x, state, i);

		kernels->sum_rows(r.n_rows, x->n, x->data + r.at, mean + r.column);
	}
	for (size_t i = 0; i < state->n; i++)
		mean[i] /= (float) (tile->n_rows * state->repeats);
	for (size_t i = 0; i < count_runs(tile, x, state); i++)
	{
		run r = get_run(tile, x, state, i);

		kernels->add_squares(&(cer_squares){r.n_rows, x->n, x->data + r.at,
		                                    mean + r.column,
		                                    squares + r.column});
	}
}

/* Means and sums of squares of all tiles, in turn. */
static void
join_tiles(const cer_graph *graph, const moments_state *state)
{
	size_t n_tiles = cer_graph_count_tiles(graph);
	size_t n_before = (n_tiles - 1) * graph->tile_rows;

	graph->kernels->join_moments(&(cer_joined){
		.n = state->n,
		.n_parts = n_tiles,
		.n_rows = (double) (graph->tile_rows * state->repeats),
		.n_last = (double) ((graph->batch.n_rows - n_before) * state->repeats),
		.means = state->means,
		.part_squares = state->squares,
		.mean = state->sums,
		.squares = state->sums + state->n});
}

static void
moments_join(const cer_graph *graph, const cer_graph_node *node)
{
	const moments_state *state = node->state;
	const standardize_state *after = node[1].state;
	const float *gain = graph->weights + after->gain.offset;
	const float *bias = graph->weights + after->bias.offset;
	float *running_mean = graph->weights + state->mean_offset;
	float *running_variance = graph->weights + state->variance_offset;
	double n = (double) (graph->batch.n_rows * state->repeats);

	if (graph->batch.n_rows == 0)
		return;
	join_tiles(graph, state);
	for (size_t i = 0; i < state->n; i++)
	{
		double mean = state->sums[i];
		double variance = state->sums[state->n + i] / n;

		state->mean[i] = (float) mean;
		state->inverse[i] = (float) (1.0 / sqrt(variance + EPSILON));
		state->factor[i] = gain[i] * state->inverse[i];
		state->line_shift[i] = bias[i] - state->mean[i] * state->factor[i];
		variance *= n > 1.0 ? n / (n - 1.0) : 1.0;
		running_mean[i] += (float) (MOMENTUM * (mean - running_mean[i]));
		running_variance[i] +=
			(float) (MOMENTUM * (variance - running_variance[i]));
	}
}

/* What standardize left: the sums of dy and of dy x^ by tile. */
static void
moments_join_backward(const cer_graph *graph, const cer_graph_node *node)
{
	const moments_state *state = node->state;
	const standardize_state *after = node[1].state;
	const float *gain = graph->weights + after->gain.offset;
	double n = (double) (graph->batch.n_rows * state->repeats);
	double *sums = state->sums;
	double *sums_x = sums + state->n;

	memset(sums, 0, 2 * state->n * sizeof(double));
	for (size_t tile = 0; tile < cer_graph_count_tiles(graph); tile++)
	{
		graph->kernels->add_wide(state->n,
		                         cer_sums_get_part(&after->bias, tile), sums);
		graph->kernels->add_wide(state->n,
		                         cer_sums_get_part(&after->gain, tile), sums_x);
	}
	for (size_t i = 0; i < state->n; i++)
	{
		double scale = (double) gain[i] * (double) state->inverse[i];

		state->by_grad[i] = (float) scale;
		state->by_x[i] = (float) (-scale * state->inverse[i] * sums_x[i] / n);
		state->shift[i] = (float) (scale * (state->mean[i] * state->inverse[i] *
		                                        sums_x[i] / n -
		                                    sums[i] / n));
	}
}

/* The gradient of what standardize made becomes that of x; rows that fill up
 * get none. */
static void
moments_backward(const cer_tile *tile, const cer_graph_node *node)
{
	const moments_state *state = node->state;
	const cer_activations *x = &node->out;
	const float *dy = node[1].out.grad;
	size_t width = cer_get_width(x);
	size_t last = (tile->first + tile->n_rows) * width;

	/* standardize did all where statistics are fixed */
	if (!tile->graph->batch.is_training)
		return;
	for (size_t i = 0; i < count_runs(tile, x, state); i++)
	{
		run r = get_run(tile, x, state, i);

		tile->graph->kernels->standard_back(&(cer_standard_back){
			.n_rows = r.n_rows,
			.n = x->n,
			.x = x->data + r.at,
			.dy = dy + r.at,
			.by_dy = state->by_grad + r.column,
			.by_x = state->by_x + r.column,
			.shift = state->shift + r.column,
			.more = state->more != NULL ? state->more + r.at : NULL,
			.dx = node->in.grad + r.at});
	}
	if (state->more != NULL)
		memcpy(node->in.grad + last, state->more + last,
		       (tile->n_all - tile->n_rows) * width * sizeof(float));
	else
		memset(node->in.grad + last, 0,
		       (tile->n_all - tile->n_rows) * width * sizeof(float));
}

/* Where the node before it has another gradient to add, that is added to this
 * one: it is there by then, as it comes from further on. */
static void
take_extras(const cer_graph *graph, const cer_graph_node *node,
            moments_state *state)
{
	cer_graph_node *from = &graph->nodes[node->node->inputs[0].node];

	if (!graph->trains || from->n_extras != 1 ||
	    from->out.grad != node->in.grad)
		return;
	state->more = from->extras[0];
	from->n_extras = 0;
}

static cer_status
moments_prepare(cer_graph *graph, cer_graph_node *node, cer_error *err)
{
	moments_state *state = cer_graph_make_state(graph, node, sizeof(*state));
	size_t members = node->node->count > 0 ? node->node->count : 1;
	size_t n_tiles = graph->batch_rows / graph->tile_rows;
	size_t n = members * node->out.n;
	float *floats;

	if (state == NULL)
		return cer_fail_memory(err, sizeof(*state));
	state->n = n;
	state->repeats = node->out.m / members;
	state->mean_offset = cer_node_get_tensor(graph, node, 0)->offset;
	state->variance_offset = cer_node_get_tensor(graph, node, 1)->offset;
	take_extras(graph, node, state);
	floats = cer_graph_allocate_floats(graph, (2 * n_tiles + 7) * n);
	state->sums = cer_arena_allocate(graph->arena, 2 * n * sizeof(double));
	if (floats == NULL || state->sums == NULL)
		return cer_fail_memory(err, (2 * n_tiles + 7) * n * sizeof(float));
	state->mean = floats;
	state->inverse = floats + n;
	state->by_grad = floats + 2 * n;
	state->by_x = floats + 3 * n;
	state->shift = floats + 4 * n;
	state->factor = floats + 5 * n;
	state->line_shift = floats + 6 * n;
	state->means = floats + 7 * n;
	state->squares = state->means + n_tiles * n;
	return CER_OK;
}

const cer_operator cer_op_moments = {
	.name = "moments",
	.shape = moments_shape,
	.cost = moments_cost,
	.prepare = moments_prepare,
	.forward = moments_forward,
	.backward = moments_backward,
	.join = moments_join,
	.join_backward = moments_join_backward,
	.leaves_data = true,
};

/* ------------------------------------------------------------ standardize */

static cer_status
standardize_shape(cer_net_builder *builder, cer_node *node, cer_error *err)
{
	return cer_net_add_gain(builder, node, node->count, err);
}

void
cer_standard_find_line(const cer_standard_line *line)
{
	for (size_t i = 0; i < line->n; i++)
	{
		double inverse = 1.0 / sqrt((double) line->variance[i] + EPSILON);
		float factor = line->gain[i] * (float) inverse;

		line->shift[i] = line->bias[i] - line->mean[i] * factor;
		line->factor[i] = factor;
	}
}

/* y = x factor + shift, both (n), by the statistics that are kept. */
static void
find_line(const cer_graph *graph, const standardize_state *state, float *factor,
          float *shift)
{
	const moments_state *moments = state->moments->state;

	cer_standard_find_line(&(cer_standard_line){
		.n = moments->n,
		.mean = graph->weights + moments->mean_offset,
		.variance = graph->weights + moments->variance_offset,
		.gain = graph->weights + state->gain.offset,
		.bias = graph->weights + state->bias.offset,
		.factor = factor,
		.shift = shift});
}

static void
standardize_forward(const cer_tile *tile, const cer_graph_node *node)
{
	const standardize_state *state = node->state;
	const moments_state *moments = state->moments->state;
	size_t n = node->out.n;
	bool is_training = tile->graph->batch.is_training;
	float *factor = is_training ? moments->factor : tile->scratch;
	float *shift = is_training ? moments->line_shift : factor + moments->n;

	if (!is_training)
		find_line(tile->graph, state, factor, shift);
	for (size_t row = tile->first; row < tile->first + tile->n_all; row++)
		for (size_t v = 0; v < node->out.m; v++)
		{
			size_t column = v / moments->repeats * n;

			tile->graph->kernels->affine(n, factor + column, shift + column,
			                             cer_get_data(&node->in, row) + v * n,
			                             cer_get_data(&node->out, row) + v * n);
		}
}

/* dx = dy factor, as x moves no statistic. */
static void
backward_fixed(const cer_tile *tile, const cer_graph_node *node)
{
	const standardize_state *state = node->state;
	const moments_state *moments = state->moments->state;
	float *factor = tile->scratch;
	size_t n = node->out.n;

	find_line(tile->graph, state, factor, factor + moments->n);
	for (size_t row = tile->first; row < tile->first + tile->n_all; row++)
		for (size_t v = 0; v < node->out.m; v++)
			tile->graph->kernels->multiply(
				n, cer_get_grad(&node->out, row) + v * n,
				factor + v / moments->repeats * n,
				cer_get_grad(&node->in, row) + v * n);
}

/* Sums alone: moments makes dx of dy. */
static void
standardize_backward(const cer_tile *tile, const cer_graph_node *node)
{
	const standardize_state *state = node->state;
	const moments_state *moments = state->moments->state;
	float *factor = moments->inverse;
	float *shift = tile->scratch;
	float *sum_x = cer_sums_begin(&state->gain, tile);
	float *sum = cer_sums_begin(&state->bias, tile);

	if (!tile->graph->batch.is_training)
	{
		backward_fixed(tile, node);
		return;
	}
	for (size_t i = 0; i < moments->n; i++)
		shift[i] = -moments->mean[i] * factor[i];
	for (size_t i = 0; i < count_runs(tile, &node->out, moments); i++)
	{
		run r = get_run(tile, &node->out, moments, i);

		tile->graph->kernels->standard_sums(
			&(cer_standard_sums){.n_rows = r.n_rows,
		                         .n = node->out.n,
		                         .x = node->in.data + r.at,
		                         .dy = node->out.grad + r.at,
		                         .factor = factor + r.column,
		                         .shift = shift + r.column,
		                         .sum = sum + r.column,
		                         .sum_x = sum_x + r.column});
	}
}

static cer_status
standardize_prepare(cer_graph *graph, cer_graph_node *node, cer_error *err)
{
	standardize_state *state =
		cer_graph_make_state(graph, node, sizeof(*state));
	const moments_state *moments;

	if (state == NULL)
		return cer_fail_memory(err, sizeof(*state));
	state->moments = &graph->nodes[node->node->inputs[0].node];
	moments = state->moments->state;
	state->gain = (cer_sums){cer_node_get_tensor(graph, node, 0)->offset,
	                         moments->n, NULL};
	state->bias = (cer_sums){cer_node_get_tensor(graph, node, 1)->offset,
	                         moments->n, NULL};
	cer_graph_need_scratch(graph, 2 * moments->n);
	CER_TRY(cer_graph_add_sums(graph, node, &state->gain, err));
	return cer_graph_add_sums(graph, node, &state->bias, err);
}

const cer_operator cer_op_standardize = {
	.name = "standardize",
	.shape = standardize_shape,
	.cost = moments_cost,
	.prepare = standardize_prepare,
	.forward = standardize_forward,
	.backward = standardize_backward,
};
