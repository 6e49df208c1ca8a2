/*
 * nn/op_neighbours.c
 *	  Answers by near rows (ModernNCA: Ye and others 2025): with vectors z of
 *	  rows, p(y) is the share of class y among other rows, each weighed by
 *	  softmax(-|z - z_i|).  Logits are ln(p + 1e-7).
 *
 *	 candidates		passes z on, lays the batch's out for distances
 *	 neighbours		z to logits
 *
 * In training each row is answered by the other rows of its batch, which the
 * order of rows draws anew for each epoch; all tiles arrive at candidates
 * before any goes on.  Elsewhere by the first training rows, in the order of
 * their keys' hashes, as many as asked for: their vectors and classes are a
 * statistic, made anew before each validation.
 *
 * With c(q, i) what the loss gains by a distance of q from i, over it, the
 * gradient of z(r) is
 *
 *	 z(r) (sum of c(r, .) + sum of c(., r)) - (C(r, .) + C(., r)^T) Z
 */
#include "base/error.h"
#include "nn/operator.h"

#include <math.h>
#include <string.h>

#define LEAST_SHARE 1e-7f

/* Vectors in blocks of CER_DISTANCE_LANES, each (n, lanes), and classes. */
typedef struct neighbour_bank
{
	size_t n_rows;
	float *vectors;
	const uint16_t *classes;
} neighbour_bank;

typedef struct candidates_state
{
	float *blocks;    /* the batch's */
	size_t stride;    /* rows of the batch, up to whole blocks */
	float *distances; /* (batch_rows, stride) */
	float *pulls;     /* (batch_rows, stride): what rows weigh, then c */
	cer_gemm both;
} candidates_state;

typedef struct neighbours_state
{
	const candidates_state *batch; /* training */
	size_t rows_offset;            /* (n_kept, n) */
	size_t classes_offset;         /* (n_kept) */
	size_t n_kept;
	float *vectors;
	uint16_t *classes;
	float *shares; /* training: (batch_rows, classes + 1), see look */
} neighbours_state;

static size_t
count_blocks(size_t n_rows)
{
	return (n_rows + CER_DISTANCE_LANES - 1) / CER_DISTANCE_LANES;
}

static void
put_vector(float *blocks, size_t n, size_t row, const float *x)
{
	float *to = blocks + row / CER_DISTANCE_LANES * CER_DISTANCE_LANES * n +
	            row % CER_DISTANCE_LANES;

	for (size_t i = 0; i < n; i++)
		to[i * CER_DISTANCE_LANES] = x[i];
}

/* ------------------------------------------------------------ candidates */

static cer_status
candidates_shape(cer_net_builder *builder, cer_node *node, cer_error *err)
{
	(void) builder;
	(void) err;
	node->keeps_output = true;
	return CER_OK;
}

static double
candidates_cost(const cer_net *net, const cer_node *node)
{
	(void) net;
	return (double) node->n_out;
}

static cer_status
candidates_prepare(cer_graph *graph, cer_graph_node *node, cer_error *err)
{
	candidates_state *state = cer_graph_make_state(graph, node, sizeof(*state));
	size_t n_rows = graph->batch_rows;
	size_t stride = count_blocks(n_rows) * CER_DISTANCE_LANES;
	size_t n = node->out.n;
	cer_gemm_shape both = {.n_rows = graph->tile_rows,
	                       .n_columns = n,
	                       .n_inner = n_rows,
	                       .a_stride = stride,
	                       .b_stride = n,
	                       .c_stride = n};

	if (state == NULL)
		return cer_fail_memory(err, sizeof(*state));
	if (graph->is_scoring)
		return CER_OK;
	state->stride = stride;
	state->blocks = cer_graph_allocate_floats(graph, stride * n);
	state->distances = cer_graph_allocate_floats(graph, n_rows * stride);
	state->pulls = cer_graph_allocate_floats(graph, n_rows * stride);
	if (state->blocks == NULL || state->distances == NULL ||
	    state->pulls == NULL)
		return cer_fail_memory(err, 2 * n_rows * stride * sizeof(float));
	cer_graph_need_scratch(graph, graph->tile_rows * stride);
	return graph->make_gemm(graph->kernels, &both, &state->both, err);
}

static void
candidates_forward(const cer_tile *tile, const cer_graph_node *node)
{
	const candidates_state *state = node->state;

	for (size_t row = tile->first;
	     tile->graph->batch.is_training && row < tile->first + tile->n_rows;
	     row++)
		put_vector(state->blocks, node->out.n, row,
		           cer_get_data(&node->out, row));
}

static void
candidates_join(const cer_graph *graph, const cer_graph_node *node)
{
	(void) graph;
	(void) node;
}

/* Rows that no tile of the batch had. */
static void
candidates_join_backward(const cer_graph *graph, const cer_graph_node *node)
{
	const candidates_state *state = node->state;
	size_t n_done = cer_graph_count_tiles(graph) * graph->tile_rows;
	size_t n_rows = graph->batch_rows;

	memset(state->pulls + n_done * state->stride, 0,
	       (n_rows - n_done) * state->stride * sizeof(float));
}

/* both (rows of a tile, stride): c of the rows as those that look, and as the
 * others */
static void
add_pulls(const cer_tile *tile, const candidates_state *state, float *both)
{
	const cer_kernels *kernels = tile->graph->kernels;
	size_t n_rows = tile->graph->batch_rows;

	kernels->transpose(n_rows, tile->n_all, state->pulls + tile->first,
	                   state->stride, both, state->stride);
	for (size_t row = 0; row < tile->n_all; row++)
		kernels->backward_linear(
			n_rows, state->pulls + (tile->first + row) * state->stride,
			both + row * state->stride);
}

static void
candidates_backward(const cer_tile *tile, const cer_graph_node *node)
{
	const candidates_state *state = node->state;
	const cer_kernels *kernels = tile->graph->kernels;
	size_t n = node->out.n;
	const float *z = cer_get_data(&node->out, tile->first);
	float *dz = cer_get_grad(&node->out, tile->first);

	if (!tile->graph->batch.is_training)
		return;
	add_pulls(tile, state, tile->scratch);
	cer_gemm_run(&state->both, tile->scratch, node->out.data, dz);
	kernels->multiply_all(tile->n_all * n, -1.0f, dz, dz);
	for (size_t row = 0; row < tile->n_all; row++)
		kernels->add_scaled(n,
		                    kernels->sum(tile->graph->batch_rows,
		                                 tile->scratch + row * state->stride),
		                    z + row * n, dz + row * n);
}

const cer_operator cer_op_candidates = {
	.name = "candidates",
	.shape = candidates_shape,
	.cost = candidates_cost,
	.prepare = candidates_prepare,
	.forward = candidates_forward,
	.backward = candidates_backward,
	.join = candidates_join,
	.join_backward = candidates_join_backward,
};

/* ------------------------------------------------------------ neighbours */

static cer_status
neighbours_shape(cer_net_builder *builder, cer_node *node, cer_error *err)
{
	size_t n_rows = builder->net->shape->n_rows;
	size_t n_kept = node->count;
	cer_tensor_spec rows = {
		.name = node->name,
		.suffix = "rows",
		.n_columns = node->n_in,
		.is_statistic = true,
	};
	cer_tensor_spec classes = {
		.name = node->name,
		.suffix = "classes",
		.is_statistic = true,
	};

	/* without rows at hand, as many as may be */
	if (n_rows > 0 && n_rows < n_kept)
		n_kept = n_rows;
	rows.n_rows = n_kept;
	classes.n_columns = n_kept;
	CER_TRY(cer_net_add_tensor(builder, node, &rows, err));
	return cer_net_add_tensor(builder, node, &classes, err);
}

static double
neighbours_cost(const cer_net *net, const cer_node *node)
{
	return 3.0 *
	       (double) (node->n_in * net->tensors[node->first_tensor].dims[0]);
}

/* What a row sees of a bank. */
typedef struct neighbour_look
{
	neighbour_bank bank;
	size_t excluded; /* the row itself, if it is of the bank */
	size_t stride;   /* from row to row of distances and weights */
	float *distances;
	float *weights; /* exp(nearest - distance); of itself 0 */
	float *shares;  /* by class: p, and what all weigh */
} neighbour_look;

/* Scratch, but in training: shares, distances, weights. */
static neighbour_look
begin_look(const cer_tile *tile, const cer_graph_node *node, size_t row)
{
	const neighbours_state *state = node->state;
	neighbour_look l = {.shares = tile->scratch, .excluded = SIZE_MAX};

	if (tile->graph->batch.is_training)
	{
		const candidates_state *batch = state->batch;

		l.bank = (neighbour_bank){tile->graph->batch.n_rows, batch->blocks,
		                          tile->graph->labels};
		l.excluded = row;
		l.stride = batch->stride;
		l.distances = batch->distances + row * batch->stride;
		l.weights = batch->pulls + row * batch->stride;
		l.shares = state->shares + row * (node->out.n + 1);
		return l;
	}
	l.bank = (neighbour_bank){state->n_kept, state->vectors, state->classes};
	l.stride = count_blocks(l.bank.n_rows) * CER_DISTANCE_LANES;
	l.distances = l.shares + cer_dense_pad(node->out.n + 1);
	l.weights = l.distances + l.stride;
	return l;
}

static cer_neighbours
describe_neighbours(const neighbour_look *l, size_t n_classes)
{
	return (cer_neighbours){
		.n = l->bank.n_rows,
		.n_classes = n_classes,
		.classes = l->bank.classes,
		.distances = l->distances,
		.weights = l->weights,
		.by_class = l->shares,
	};
}

/* Of n_rows rows at most CER_DISTANCE_ROWS; l is the first's. */
static void
measure(const cer_tile *tile, const neighbour_look *l, size_t n_rows,
        const cer_activations *z, size_t row)
{
	for (size_t i = 0; i < l->bank.n_rows; i += CER_DISTANCE_LANES)
	{
		cer_distances distances = {
			.n_rows = n_rows,
			.n = z->n,
			.x = cer_get_data(z, row),
			.vectors = l->bank.vectors + i * z->n,
			.to = l->distances + i,
			.stride = l->stride,
		};

		tile->graph->kernels->distances(&distances);
	}
}

/* Shares of what weighs in all; without others there is none. */
static void
weigh_look(const cer_tile *tile, const neighbour_look *l, size_t n_classes)
{
	cer_neighbours of = describe_neighbours(l, n_classes);
	float total = 0.0f;

	tile->graph->kernels->weigh(&of, l->excluded);
	for (size_t i = 0; i < n_classes; i++)
		total += l->shares[i];
	for (size_t i = 0; total > 0.0f && i < n_classes; i++)
		l->shares[i] /= total;
	l->shares[n_classes] = total;
}

static void
answer(const cer_graph_node *node, const neighbour_look *l, size_t row)
{
	float *y = cer_get_data(&node->out, row);

	for (size_t i = 0; i < node->out.n; i++)
		y[i] = logf(l->shares[i] + LEAST_SHARE);
}

/* In training distances of all rows have a place, else of one. */
static void
neighbours_forward(const cer_tile *tile, const cer_graph_node *node)
{
	size_t step = tile->graph->batch.is_training ? CER_DISTANCE_ROWS : 1;
	size_t end = tile->first + tile->n_rows;

	for (size_t row = tile->first; row < end; row += step)
	{
		size_t n_rows = end - row < step ? end - row : step;
		neighbour_look l = begin_look(tile, node, row);

		measure(tile, &l, n_rows, &node->in, row);
		for (size_t i = row; i < row + n_rows; i++)
		{
			l = begin_look(tile, node, i);
			weigh_look(tile, &l, node->out.n);
			answer(node, &l, i);
		}
	}
	memset(cer_get_data(&node->out, end), 0,
	       (tile->n_all - tile->n_rows) * node->out.n * sizeof(float));
}

/* What a look's neighbours weigh becomes c; then shares are of no use. */
static void
weigh_pulls(const cer_tile *tile, const neighbour_look *l, const float *dy,
            size_t n_classes)
{
	cer_neighbours of = describe_neighbours(l, n_classes);
	float *gains = l->shares;
	float total = l->shares[n_classes];
	float mean = 0.0f;

	for (size_t i = 0; i < n_classes; i++)
	{
		float share = l->shares[i];

		gains[i] = dy[i] / (share + LEAST_SHARE);
		mean += gains[i] * share;
	}
	for (size_t i = 0; i < n_classes; i++)
		gains[i] = total > 0.0f ? (mean - gains[i]) / total : 0.0f;
	tile->graph->kernels->pull(&of);
}

/* Row of c, in the place of what the row's neighbours weigh. */
static void
pull_row(const cer_tile *tile, const cer_graph_node *node, size_t row)
{
	neighbour_look l = begin_look(tile, node, row);

	weigh_pulls(tile, &l, cer_get_grad(&node->out, row), node->out.n);
	memset(l.weights + l.bank.n_rows, 0,
	       (tile->graph->batch_rows - l.bank.n_rows) * sizeof(float));
}

/* A row that looks at kept ones: dz = z (sum of c) - C Z. */
static void
pull_alone(const cer_tile *tile, const cer_graph_node *node, size_t row)
{
	const neighbours_state *state = node->state;
	neighbour_look l = begin_look(tile, node, row);
	const float *z = cer_get_data(&node->in, row);
	float *dz = cer_get_grad(&node->in, row);
	size_t n = node->in.n;

	measure(tile, &l, 1, &node->in, row);
	weigh_look(tile, &l, node->out.n);
	weigh_pulls(tile, &l, cer_get_grad(&node->out, row), node->out.n);
	memset(dz, 0, n * sizeof(float));
	for (size_t i = 0; i < l.bank.n_rows; i++)
	{
		const float *other = tile->graph->weights + state->rows_offset + i * n;

		for (size_t j = 0; j < n; j++)
			dz[j] += l.weights[i] * (z[j] - other[j]);
	}
}

static void
backward_alone(const cer_tile *tile, const cer_graph_node *node)
{
	size_t end = tile->first + tile->n_rows;

	for (size_t row = tile->first; row < end; row++)
		pull_alone(tile, node, row);
	memset(cer_get_grad(&node->in, end), 0,
	       (tile->n_all - tile->n_rows) * node->in.n * sizeof(float));
}

static void
neighbours_backward(const cer_tile *tile, const cer_graph_node *node)
{
	const candidates_state *batch =
		((const neighbours_state *) node->state)->batch;

	if (!tile->graph->batch.is_training)
	{
		backward_alone(tile, node);
		return;
	}
	for (size_t row = tile->first; row < tile->first + tile->n_rows; row++)
		pull_row(tile, node, row);
	memset(batch->pulls + (tile->first + tile->n_rows) * batch->stride, 0,
	       (tile->n_all - tile->n_rows) * batch->stride * sizeof(float));
}

/* Classes are small whole numbers, kept as floats; foreign ones may be none. */
static uint16_t
read_class(float value, size_t n_classes)
{
	float last = (float) (n_classes - 1);

	if (!(value > 0.0f))
		return 0;
	return (uint16_t) (value < last ? value + 0.5f : last);
}

static void
neighbours_refresh(const cer_graph *graph, const cer_graph_node *node)
{
	const neighbours_state *state = node->state;
	size_t n = node->in.n;

	for (size_t row = 0; row < state->n_kept; row++)
	{
		put_vector(state->vectors, n, row,
		           graph->weights + state->rows_offset + row * n);
		state->classes[row] = read_class(
			graph->weights[state->classes_offset + row], node->out.n);
	}
}

/* A run of the nodes before has made z of rows first .. first + n_rows. */
static bool
neighbours_keep(const cer_graph *graph, const cer_graph_node *node)
{
	const neighbours_state *state = node->state;
	const cer_batch *batch = &graph->batch;
	size_t n = node->in.n;

	for (size_t i = 0; i < batch->n_rows; i++)
	{
		size_t row = batch->first + i;

		if (row >= state->n_kept)
			return false;
		memcpy(graph->weights + state->rows_offset + row * n,
		       cer_get_data(&node->in, i), n * sizeof(float));
		graph->weights[state->classes_offset + row] =
			(float) batch->rows->labels[row];
	}
	return true;
}

static cer_status
prepare_training(cer_graph *graph, const cer_graph_node *node, cer_error *err)
{
	neighbours_state *state = node->state;
	size_t n_floats = graph->batch_rows * (node->out.n + 1);

	state->batch = graph->nodes[node->node->inputs[0].node].state;
	state->shares = cer_graph_allocate_floats(graph, n_floats);
	return state->shares != NULL
	           ? CER_OK
	           : cer_fail_memory(err, n_floats * sizeof(float));
}

static cer_status
neighbours_prepare(cer_graph *graph, cer_graph_node *node, cer_error *err)
{
	neighbours_state *state = cer_graph_make_state(graph, node, sizeof(*state));
	const cer_net_tensor *rows = cer_node_get_tensor(graph, node, 0);
	size_t n_most;
	size_t n_floats;

	if (state == NULL)
		return cer_fail_memory(err, sizeof(*state));
	state->rows_offset = rows->offset;
	state->classes_offset = cer_node_get_tensor(graph, node, 1)->offset;
	state->n_kept = (size_t) rows->dims[0];
	n_most = state->n_kept;
	n_floats = count_blocks(n_most) * CER_DISTANCE_LANES * node->in.n;
	state->vectors = cer_graph_allocate_floats(graph, n_floats);
	state->classes =
		cer_arena_allocate(graph->arena, n_most * sizeof(*state->classes));
	if (state->vectors == NULL || state->classes == NULL)
		return cer_fail_memory(err, n_floats * sizeof(float));
	neighbours_refresh(graph, node);
	cer_graph_need_scratch(graph,
	                       2 * count_blocks(n_most) * CER_DISTANCE_LANES +
	                           cer_dense_pad(node->out.n + 1));
	return graph->is_scoring ? CER_OK : prepare_training(graph, node, err);
}

const cer_operator cer_op_neighbours = {
	.name = "neighbours",
	.shape = neighbours_shape,
	.cost = neighbours_cost,
	.prepare = neighbours_prepare,
	.refresh = neighbours_refresh,
	.forward = neighbours_forward,
	.backward = neighbours_backward,
	.keep = neighbours_keep,
};
