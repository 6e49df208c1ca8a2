/*
 * nn/explain.c
 *	  Gradients of a network by its inputs.
 *
 * The graph is that of training, of one tile, whose rows are points of the
 * line.  Nodes that take the encoded row, the sources, are those of scoring:
 * they run only for the line's ends and for rows to be measured.  Between them
 * their outputs are interpolated; backward ends there.
 */
#include "nn/explain.h"
#include "base/arena.h"
#include "base/error.h"
#include "nn/operator.h"

#include <string.h>

#define BATCH 1 /* choose the smallest tiles */

typedef struct explain_source
{
	const cer_graph_node *node;
	size_t n; /* floats of a row */
	float *begin;
	float *way; /* from there to the end */
	double *sum;
} explain_source;

struct cer_explain_net
{
	cer_graph graph;
	cer_tile tile;
	size_t n_sources;
	explain_source *sources;
	size_t n_stored; /* numbers of an encoded row */
	float *end;      /* those of the line's end */
	float *numbers;  /* a tile's, with the lengths of arrays at the end */
};

/* ------------------------------------------------------------ making */

static cer_status
prepare_nodes(cer_graph *graph, cer_error *err)
{
	CER_TRY(cer_graph_connect(graph, err));
	for (size_t i = 0; i < graph->net->n_nodes; i++)
	{
		cer_graph_node *node = &graph->nodes[i];

		graph->is_scoring = cer_node_is_source(node);
		CER_TRY(node->node->op->prepare(graph, node, err));
		if (!graph->is_scoring && node->node->op->refresh != NULL)
			node->node->op->refresh(graph, node);
	}
	graph->is_scoring = false;
	graph->scratch = cer_graph_allocate_floats(graph, graph->scratch_size);
	return graph->scratch != NULL
	           ? CER_OK
	           : cer_fail_memory(err, graph->scratch_size * sizeof(float));
}

static cer_status
make_source(cer_graph *graph, const cer_graph_node *node, explain_source *made,
            cer_error *err)
{
	size_t n = cer_get_width(&node->out);

	*made = (explain_source){.node = node,
	                         .n = n,
	                         .begin = cer_graph_allocate_floats(graph, n),
	                         .way = cer_graph_allocate_floats(graph, n)};
	made->sum = cer_arena_allocate(graph->arena, n * sizeof(double));
	if (made->begin == NULL || made->way == NULL || made->sum == NULL)
		return cer_fail_memory(err, n * sizeof(double));
	return CER_OK;
}

static cer_status
find_sources(cer_explain_net *made, cer_error *err)
{
	cer_graph *graph = &made->graph;
	size_t size = graph->net->n_nodes * sizeof(explain_source);

	made->sources = cer_arena_allocate(graph->arena, size);
	if (made->sources == NULL)
		return cer_fail_memory(err, size);
	for (size_t i = 0; i < graph->net->n_nodes; i++)
		if (cer_node_is_source(&graph->nodes[i]))
			CER_TRY(make_source(graph, &graph->nodes[i],
			                    &made->sources[made->n_sources++], err));
	return CER_OK;
}

static void
init_graph(cer_arena *arena, const cer_net *net, const float *weights,
           cer_graph *graph)
{
	graph->net = net;
	graph->host = cer_arena_get_host(arena);
	graph->kernels = cer_kernels_choose();
	graph->make_gemm = cer_gemm_make_plain;
	graph->arena = arena;
	graph->weights = (float *) (uintptr_t) weights; /* nothing writes them */
	graph->tile_rows = cer_graph_choose_tile_rows(net, BATCH);
	graph->batch_rows = graph->tile_rows;
}

cer_status
cer_explain_net_make(cer_arena *arena, const cer_net *net, const float *weights,
                     cer_explain_net **made, cer_error *err)
{
	cer_explain_net *explain = cer_arena_allocate(arena, sizeof(*explain));

	if (explain == NULL)
		return cer_fail_memory(err, sizeof(*explain));
	memset(explain, 0, sizeof(*explain));
	init_graph(arena, net, weights, &explain->graph);
	CER_TRY(prepare_nodes(&explain->graph, err));
	CER_TRY(find_sources(explain, err));
	explain->n_stored = cer_shape_count_stored(net->shape);
	explain->end =
		cer_graph_allocate_floats(&explain->graph, explain->n_stored);
	explain->numbers = cer_graph_allocate_floats(
		&explain->graph, explain->graph.tile_rows * explain->n_stored);
	if (explain->end == NULL || explain->numbers == NULL)
		return cer_fail_memory(err, explain->n_stored * sizeof(float));
	explain->tile = (cer_tile){.graph = &explain->graph,
	                           .n_all = explain->graph.tile_rows,
	                           .scratch = explain->graph.scratch};
	*made = explain;
	return CER_OK;
}

/* ------------------------------------------------------------ asking */

static const cer_graph_node *
get_last(const cer_explain_net *net)
{
	return &net->graph.nodes[net->graph.net->n_nodes - 1];
}

size_t
cer_explain_net_count_points(const cer_explain_net *net)
{
	return net->graph.tile_rows;
}

size_t
cer_explain_net_count_vectors(const cer_explain_net *net)
{
	return get_last(net)->in.m;
}

/* ------------------------------------------------------------ the line */

static const float *
fix_lengths(const cer_explain_net *net, const cer_view *view,
            const cer_encoded *rows)
{
	const cer_input_shape *shape = net->graph.net->shape;

	memcpy(net->numbers, rows->numbers,
	       rows->n_rows * net->n_stored * sizeof(float));
	for (size_t i = 0; i < view->n_arrays; i++)
	{
		size_t place = view->arrays[i].length;

		if (shape->places != NULL)
			place = shape->places[place].stored;
		for (size_t row = 0; row < rows->n_rows; row++)
			net->numbers[row * net->n_stored + place] = net->end[place];
	}
	return net->numbers;
}

/* What a source makes of rows first .. first + n_rows, at most a tile. */
static const float *
run_source(cer_explain_net *net, const explain_source *source,
           const cer_encoded *rows, size_t first, size_t n_rows)
{
	const cer_input_shape *shape = net->graph.net->shape;
	const cer_operator *op = source->node->node->op;
	cer_tile tile = net->tile;
	cer_encoded part = {.n_rows = n_rows,
	                    .numbers = rows->numbers + first * net->n_stored,
	                    .codes =
	                        rows->codes + first * cer_shape_count_codes(shape)};

	if (op == &cer_op_lengths || op == &cer_op_sequence)
		part.numbers = fix_lengths(net, source->node->node->view, &part);
	net->graph.batch = (cer_batch){.rows = &part, .n_rows = n_rows};
	tile.n_rows = tile.n_all = n_rows;
	if (op->score != NULL)
		op->score(&tile, source->node);
	else
		op->forward(&tile, source->node);
	net->graph.batch.rows = NULL;
	return source->node->out.data;
}

void
cer_explain_net_set_line(cer_explain_net *net, const cer_encoded *ends)
{
	memcpy(net->end, ends->numbers + net->n_stored,
	       net->n_stored * sizeof(float));
	for (size_t i = 0; i < net->n_sources; i++)
	{
		explain_source *source = &net->sources[i];
		size_t size = source->n * sizeof(float);

		memcpy(source->way, run_source(net, source, ends, 1, 1), size);
		memcpy(source->begin, run_source(net, source, ends, 0, 1), size);
		for (size_t j = 0; j < source->n; j++)
			source->way[j] -= source->begin[j];
		memset(source->sum, 0, source->n * sizeof(double));
	}
}

/* Rows that only fill up the tile stand at the line's begin. */
static void
place_points(const cer_explain_net *net, const explain_source *source,
             size_t n_points, const double *at)
{
	float *to = source->node->out.data;

	for (size_t row = 0; row < net->graph.tile_rows; row++)
	{
		double a = row < n_points ? at[row] : 0.0;

		for (size_t i = 0; i < source->n; i++)
			*to++ = (float) ((double) source->begin[i] +
			                 a * (double) source->way[i]);
	}
}

/* ------------------------------------------------------------ running */

const float *
cer_explain_net_run(cer_explain_net *net, size_t n_points, const double *at)
{
	cer_graph *graph = &net->graph;

	graph->batch = (cer_batch){.n_rows = n_points, .is_explaining = true};
	net->tile.n_rows = n_points;
	for (size_t i = 0; i < net->n_sources; i++)
		place_points(net, &net->sources[i], n_points, at);
	for (size_t i = 0; i + 1 < graph->net->n_nodes; i++)
		if (!cer_node_is_source(&graph->nodes[i]))
			cer_graph_run_forward(&net->tile, &graph->nodes[i]);
	return get_last(net)->in.data;
}

float *
cer_explain_net_get_grads(cer_explain_net *net)
{
	return get_last(net)->in.grad;
}

void
cer_explain_net_go_back(cer_explain_net *net, size_t n_points)
{
	cer_graph *graph = &net->graph;
	size_t n = cer_get_width(&get_last(net)->in);

	memset(get_last(net)->in.grad + n_points * n, 0,
	       (graph->tile_rows - n_points) * n * sizeof(float));
	for (size_t i = graph->net->n_nodes - 1; i > 0; i--)
	{
		const cer_graph_node *node = &graph->nodes[i - 1];

		if (cer_node_is_source(node))
			cer_graph_add_extras(&net->tile, node);
		else
			cer_graph_run_backward(&net->tile, node);
	}
}

/* ------------------------------------------------------------ gradients */

double
cer_explain_net_get_slope(const cer_explain_net *net, size_t point)
{
	double slope = 0.0;

	for (size_t i = 0; i < net->n_sources; i++)
	{
		const explain_source *source = &net->sources[i];
		const float *grad = cer_get_grad(&source->node->out, point);

		for (size_t j = 0; j < source->n; j++)
			slope += (double) grad[j] * (double) source->way[j];
	}
	return slope;
}

void
cer_explain_net_add(cer_explain_net *net, size_t point, double weight)
{
	for (size_t i = 0; i < net->n_sources; i++)
	{
		const explain_source *source = &net->sources[i];
		const float *grad = cer_get_grad(&source->node->out, point);

		for (size_t j = 0; j < source->n; j++)
			source->sum[j] += weight * (double) grad[j];
	}
}

static void
measure_rows(const explain_source *source, size_t n_rows, const float *made,
             double *sums)
{
	for (size_t row = 0; row < n_rows; row++)
		for (size_t j = 0; j < source->n; j++)
			sums[row] +=
				source->sum[j] * ((double) *made++ - (double) source->begin[j]);
}

void
cer_explain_net_measure(cer_explain_net *net, const cer_encoded *rows,
                        double *sums)
{
	size_t most = net->graph.tile_rows;

	memset(sums, 0, rows->n_rows * sizeof(double));
	for (size_t i = 0; i < net->n_sources; i++)
		for (size_t row = 0; row < rows->n_rows; row += most)
		{
			size_t left = rows->n_rows - row;
			size_t n = left < most ? left : most;

			measure_rows(&net->sources[i], n,
			             run_source(net, &net->sources[i], rows, row, n),
			             sums + row);
		}
}
