/*
 * nn/explain.c
 *	  Gradients of a network by its inputs.
 *
 * The graph is that of training, of one tile, whose rows are points of lines.
 * Nodes that take the encoded row, the sources, are those of scoring: they run
 * only for the lines' ends and for rows to be measured.  Between them their
 * outputs are interpolated; backward ends there.  No row of a tile knows of the
 * others, so that a point's bits do not depend on those beside it.
 */
#include "nn/explain.h"
#include "base/arena.h"
#include "base/denormals.h"
#include "base/error.h"
#include "base/size.h"
#include "nn/graph_rows.h"
#include "nn/operator.h"

#include <string.h>

#define BATCH      1 /* choose the smallest tiles, */
#define LEAST_ROWS 2 /* but for both halves of a step */

typedef struct explain_source
{
	const cer_graph_node *node;
	size_t n; /* floats of a row */
	/* by line */
	float *begins;
	float *ways; /* from there to the ends */
	double *sums;
	float *kept; /* by place: gradients */
} explain_source;

struct cer_explain_net
{
	cer_graph graph;
	cer_tile tile;
	size_t n_sources;
	explain_source *sources;
	size_t n_lines;
	size_t n_places;
	size_t n_stored; /* numbers of an encoded row */
	float *ends;     /* by line: those of its end */
	float *numbers;  /* a tile's, with the lengths of arrays at the end */
	size_t *lines;   /* of its rows */
	cer_explain_point *points; /* of the run */
};

#define MAX_KEPT ((size_t) 1 << 20) /* floats */

/* ------------------------------------------------------------ making */

static cer_status
prepare_nodes(cer_graph *graph, cer_error *err)
{
	CER_TRY(cer_graph_connect(graph, err));
	if (cer_graph_make_stores(graph) != CER_OK)
		return cer_fail_memory(err, graph->cache_size);
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
flush_and_prepare(cer_graph *graph, cer_error *err)
{
	unsigned before = cer_denormals_flush();
	cer_status status = prepare_nodes(graph, err);

	cer_denormals_restore(before);
	return status;
}

static cer_status
make_source(cer_graph *graph, const cer_graph_node *node, size_t n_lines,
            explain_source *made, cer_error *err)
{
	size_t n = cer_get_width(&node->out);
	size_t n_all = cer_size_multiply(n_lines, n);
	size_t size = cer_size_multiply(n_all, sizeof(double));

	*made = (explain_source){.node = node,
	                         .n = n,
	                         .begins = cer_graph_allocate_floats(graph, n_all),
	                         .ways = cer_graph_allocate_floats(graph, n_all),
	                         .sums = cer_arena_allocate(graph->arena, size)};
	if (made->begins == NULL || made->ways == NULL || made->sums == NULL)
		return cer_fail_memory(err, size);
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
			CER_TRY(make_source(graph, &graph->nodes[i], made->n_lines,
			                    &made->sources[made->n_sources++], err));
	return CER_OK;
}

static cer_status
make_places(cer_explain_net *made, size_t n_places, cer_error *err)
{
	size_t n = 1;

	for (size_t i = 0; i < made->n_sources; i++)
		n += made->sources[i].n;
	made->n_places = cer_at_most(n_places, MAX_KEPT / n);
	for (size_t i = 0; i < made->n_sources; i++)
	{
		explain_source *source = &made->sources[i];
		size_t n_all = made->n_places * source->n;

		source->kept = cer_graph_allocate_floats(&made->graph, n_all);
		if (source->kept == NULL)
			return cer_fail_memory(err, n_all * sizeof(float));
	}
	return CER_OK;
}

static void
init_graph(cer_arena *arena, const cer_net *net, const float *weights,
           size_t cache_size, cer_graph *graph)
{
	graph->net = net;
	graph->cache_size = cache_size;
	graph->host = cer_arena_get_host(arena);
	graph->kernels = cer_kernels_choose();
	graph->make_gemm = cer_gemm_make_plain;
	graph->arena = arena;
	graph->weights = (float *) (uintptr_t) weights; /* nothing writes them */
	graph->tile_rows = cer_graph_choose_tile_rows(net, BATCH);
	if (graph->tile_rows < LEAST_ROWS)
		graph->tile_rows = LEAST_ROWS;
	graph->batch_rows = graph->tile_rows;
}

static cer_status
make_tile(cer_explain_net *made, cer_error *err)
{
	cer_graph *graph = &made->graph;
	size_t n_rows = graph->tile_rows;

	made->n_stored = cer_shape_count_stored(graph->net->shape);
	made->ends = cer_graph_allocate_floats(
		graph, cer_size_multiply(made->n_lines, made->n_stored));
	made->numbers = cer_graph_allocate_floats(graph, n_rows * made->n_stored);
	made->lines =
		cer_arena_allocate(graph->arena, n_rows * sizeof(*made->lines));
	made->points =
		cer_arena_allocate(graph->arena, n_rows * sizeof(*made->points));
	if (made->ends == NULL || made->numbers == NULL || made->lines == NULL ||
	    made->points == NULL)
		return cer_fail_memory(err, made->n_stored * sizeof(float));
	made->tile =
		(cer_tile){.graph = graph, .n_all = n_rows, .scratch = graph->scratch};
	return CER_OK;
}

cer_status
cer_explain_net_make(cer_arena *arena, const cer_net *net, const float *weights,
                     const cer_explain_room *room, cer_explain_net **made,
                     cer_error *err)
{
	cer_explain_net *explain = cer_arena_allocate(arena, sizeof(*explain));

	if (explain == NULL)
		return cer_fail_memory(err, sizeof(*explain));
	memset(explain, 0, sizeof(*explain));
	explain->n_lines = room->n_lines;
	init_graph(arena, net, weights, room->cache_size, &explain->graph);
	CER_TRY(flush_and_prepare(&explain->graph, err));
	CER_TRY(find_sources(explain, err));
	CER_TRY(make_places(explain, room->n_places, err));
	CER_TRY(make_tile(explain, err));
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

/* ------------------------------------------------------------ rows by code */

size_t
cer_explain_net_find_missing(const cer_explain_net *net, size_t tensor,
                             const cer_encoded *rows, uint32_t *missing)
{
	return cer_graph_find_missing(&net->graph, tensor, rows, missing);
}

void
cer_explain_net_put_row(cer_explain_net *net, size_t tensor, const cer_row *row)
{
	unsigned before = cer_denormals_flush();

	cer_graph_put_row(&net->graph, tensor, row, net->graph.scratch);
	cer_denormals_restore(before);
}

/* ------------------------------------------------------------ lines */

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
			net->numbers[row * net->n_stored + place] =
				net->ends[net->lines[row] * net->n_stored + place];
	}
	return net->numbers;
}

/* What a source makes of rows first .. first + n_rows, at most a tile, that
 * belong to net->lines. */
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

/* Rows 2 i and 2 i + 1 are the ends of line i; the longest tile has some. */
static void
find_ends(cer_explain_net *net, explain_source *source, const cer_encoded *ends)
{
	size_t size = source->n * sizeof(float);
	size_t n;

	for (size_t first = 0; first < ends->n_rows; first += n)
	{
		const float *made;

		n = cer_at_most(ends->n_rows - first, net->graph.tile_rows);
		for (size_t row = 0; row < n; row++)
			net->lines[row] = (first + row) / 2;
		made = run_source(net, source, ends, first, n);
		for (size_t row = 0; row < n; row++, made += source->n)
		{
			float *to = (first + row) % 2 == 0 ? source->begins : source->ways;

			memcpy(to + net->lines[row] * source->n, made, size);
		}
	}
}

void
cer_explain_net_set_lines(cer_explain_net *net, const cer_encoded *ends)
{
	size_t n_lines = ends->n_rows / 2;
	unsigned before = cer_denormals_flush();

	for (size_t line = 0; line < n_lines; line++)
		memcpy(net->ends + line * net->n_stored,
		       ends->numbers + (2 * line + 1) * net->n_stored,
		       net->n_stored * sizeof(float));
	for (size_t i = 0; i < net->n_sources; i++)
	{
		explain_source *source = &net->sources[i];

		find_ends(net, source, ends);
		for (size_t j = 0; j < n_lines * source->n; j++)
			source->ways[j] -= source->begins[j];
		memset(source->sums, 0, n_lines * source->n * sizeof(double));
	}
	cer_denormals_restore(before);
}

/* Rows that only fill up the tile stand at the begin of a line. */
static void
place_points(const cer_explain_net *net, const explain_source *source,
             size_t n_points)
{
	float *to = source->node->out.data;

	for (size_t row = 0; row < net->graph.tile_rows; row++)
	{
		cer_explain_point point =
			row < n_points ? net->points[row] : (cer_explain_point){.at = 0.0};
		const float *begin = source->begins + point.line * source->n;
		const float *way = source->ways + point.line * source->n;

		for (size_t i = 0; i < source->n; i++)
			*to++ = (float) ((double) begin[i] + point.at * (double) way[i]);
	}
}

/* ------------------------------------------------------------ running */

const float *
cer_explain_net_run(cer_explain_net *net, size_t n_points,
                    const cer_explain_point *points)
{
	cer_graph *graph = &net->graph;
	unsigned before = cer_denormals_flush();

	memcpy(net->points, points, n_points * sizeof(*points));
	graph->batch = (cer_batch){.n_rows = n_points, .is_explaining = true};
	net->tile.n_rows = n_points;
	for (size_t i = 0; i < net->n_sources; i++)
		place_points(net, &net->sources[i], n_points);
	for (size_t i = 0; i + 1 < graph->net->n_nodes; i++)
		if (!cer_node_is_source(&graph->nodes[i]))
			cer_graph_run_forward(&net->tile, &graph->nodes[i]);
	cer_denormals_restore(before);
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
	unsigned before = cer_denormals_flush();

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
	cer_denormals_restore(before);
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
		const float *way = source->ways + net->points[point].line * source->n;

		for (size_t j = 0; j < source->n; j++)
			slope += (double) grad[j] * (double) way[j];
	}
	return slope;
}

static void
add_gradient(const explain_source *source, size_t line, const float *grad,
             double weight)
{
	double *sum = source->sums + line * source->n;

	for (size_t j = 0; j < source->n; j++)
		sum[j] += weight * (double) grad[j];
}

void
cer_explain_net_add(cer_explain_net *net, size_t point, double weight)
{
	for (size_t i = 0; i < net->n_sources; i++)
		add_gradient(&net->sources[i], net->points[point].line,
		             cer_get_grad(&net->sources[i].node->out, point), weight);
}

size_t
cer_explain_net_count_places(const cer_explain_net *net)
{
	return net->n_places;
}

void
cer_explain_net_keep(cer_explain_net *net, size_t point, size_t place)
{
	for (size_t i = 0; i < net->n_sources; i++)
	{
		const explain_source *source = &net->sources[i];

		memcpy(source->kept + place * source->n,
		       cer_get_grad(&source->node->out, point),
		       source->n * sizeof(float));
	}
}

void
cer_explain_net_add_kept(cer_explain_net *net, size_t line, size_t place,
                         double weight)
{
	for (size_t i = 0; i < net->n_sources; i++)
		add_gradient(&net->sources[i], line,
		             net->sources[i].kept + place * net->sources[i].n, weight);
}

static void
measure_rows(const explain_source *source, size_t n_rows, const size_t *lines,
             const float *made, double *sums)
{
	for (size_t row = 0; row < n_rows; row++)
	{
		const float *begin = source->begins + lines[row] * source->n;
		const double *sum = source->sums + lines[row] * source->n;

		for (size_t j = 0; j < source->n; j++)
			sums[row] += sum[j] * ((double) *made++ - (double) begin[j]);
	}
}

void
cer_explain_net_measure(cer_explain_net *net, const cer_encoded *rows,
                        const size_t *lines, double *sums)
{
	unsigned before = cer_denormals_flush();
	size_t n;

	memset(sums, 0, rows->n_rows * sizeof(double));
	for (size_t row = 0; row < rows->n_rows; row += n)
	{
		n = cer_at_most(rows->n_rows - row, net->graph.tile_rows);
		memcpy(net->lines, lines + row, n * sizeof(*lines));
		for (size_t i = 0; i < net->n_sources; i++)
			measure_rows(&net->sources[i], n, net->lines,
			             run_source(net, &net->sources[i], rows, row, n),
			             sums + row);
	}
	cer_denormals_restore(before);
}
