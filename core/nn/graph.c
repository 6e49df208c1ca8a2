/*
 * nn/graph.c
 *	  A network in training.
 *
 *	 tiles of rows:		first -> ... -> softmax, loss, softmax -> ... -> first
 *	 barrier
 *	 blocks of weights:	gradient over all rows in order, optimizer's step
 *	 barrier
 *
 * The tiles and the blocks follow from the net and the batch alone, so the
 * numbers do not depend on how many threads there are.  Values that would be
 * denormal are zero while tasks run.
 */
#include "nn/graph.h"
#include "base/denormals.h"
#include "base/error.h"
#include "base/size.h"
#include "nn/dimension_private.h"
#include "nn/mix.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LINE_FLOATS 16
#define SLAB_FLOATS \
	(((size_t) 1 << 20) - 512) /* and heads: 4 MiB less little */

/* ------------------------------------------------------------ making */

/* A new slab, of which the start is taken. */
static float *
start_slab(cer_graph *graph, size_t n)
{
	float *slab = cer_arena_allocate(graph->arena, SLAB_FLOATS * sizeof(float));

	if (slab == NULL)
		return NULL;
	graph->slab = slab + n;
	graph->slab_left = SLAB_FLOATS - n;
	return slab;
}

/* Slabs of nearly 4 MiB: a host that has huge pages gives two of them. */
float *
cer_graph_allocate_floats(cer_graph *graph, size_t n)
{
	size_t whole = n <= SIZE_MAX / sizeof(float) - LINE_FLOATS
	                   ? (n + LINE_FLOATS - 1) / LINE_FLOATS * LINE_FLOATS
	                   : 0;
	float *floats = graph->slab;

	if (whole < n)
		return NULL;
	if (whole > SLAB_FLOATS / 2 || graph->is_scoring)
		floats = cer_arena_allocate(graph->arena, whole * sizeof(float));
	else if (whole > graph->slab_left)
		floats = start_slab(graph, whole);
	else
	{
		graph->slab += whole;
		graph->slab_left -= whole;
	}
	if (floats != NULL)
		memset(floats, 0, n * sizeof(float));
	return floats;
}

void
cer_graph_need_scratch(cer_graph *graph, size_t n_floats)
{
	n_floats = (n_floats + 15) / 16 * 16;
	if (n_floats > graph->scratch_size)
		graph->scratch_size = n_floats;
}

void *
cer_graph_make_state(cer_graph *graph, cer_graph_node *node, size_t size)
{
	node->state = cer_arena_allocate(graph->arena, size);
	if (node->state != NULL)
		memset(node->state, 0, size);
	return node->state;
}

static bool
has_dropout(const cer_net *net)
{
	for (size_t i = 0; i < net->n_nodes; i++)
		if (net->nodes[i].dropout > 0.0)
			return true;
	return false;
}

/* Operators, then the scratch that they asked for. */
static cer_status
prepare_nodes(cer_graph *graph, const cer_graph_config *config, cer_error *err)
{
	size_t n_tiles = graph->batch_rows / graph->tile_rows;

	if (config->mixup > 0.0)
		CER_TRY(cer_mix_prepare(graph, config->mixup, err));
	CER_TRY(cer_dimensions_prepare(graph, config, err));
	CER_TRY(cer_graph_connect(graph, err));
	for (size_t i = 0; i < graph->net->n_nodes; i++)
		CER_TRY(
			graph->nodes[i].node->op->prepare(graph, &graph->nodes[i], err));
	graph->scratch =
		cer_graph_allocate_floats(graph, n_tiles * graph->scratch_size);
	if (graph->scratch == NULL)
		return cer_fail_memory(err, n_tiles * graph->scratch_size);
	return CER_OK;
}

/* Big ones first, so that threads finish together; ties as they were made. */
static int
compare_blocks(const void *a, const void *b)
{
	const cer_block *x = a;
	const cer_block *y = b;

	if (x->cost != y->cost)
		return x->cost > y->cost ? -1 : 1;
	return 0;
}

/* Partners are of one tile. */
static size_t
choose_tile_rows(const cer_net *net, const cer_graph_config *config)
{
	size_t n_rows = cer_graph_choose_tile_rows(net, config->batch);

	return config->mixup > 0.0 && n_rows < 2 ? 2 : n_rows;
}

cer_status
cer_graph_make(cer_arena *arena, const cer_net *net,
               const cer_graph_config *config, cer_graph **graph,
               cer_error *err)
{
	cer_graph *made = cer_arena_allocate(arena, sizeof(*made));
	size_t tile_rows = choose_tile_rows(net, config);
	size_t n_tiles = (config->batch + tile_rows - 1) / tile_rows;

	if (made == NULL)
		return cer_fail_memory(err, sizeof(*made));
	memset(made, 0, sizeof(*made));
	made->net = net;
	made->host = config->host;
	made->kernels = config->kernels;
	made->make_gemm = config->make_gemm;
	made->bf16 = config->bf16;
	made->arena = arena;
	made->seed = config->seed;
	made->loss = config->loss;
	made->n_rare = config->n_rare;
	made->rare = config->rare;
	made->trains = true;
	made->needs_keys = has_dropout(net) || config->mixup > 0.0;
	made->tile_rows = tile_rows;
	made->batch_rows = n_tiles * tile_rows;
	made->weights = cer_graph_allocate_floats(made, net->n_weights);
	made->grads = cer_graph_allocate_floats(made, net->n_weights);
	made->losses = cer_arena_allocate(arena, n_tiles * sizeof(double));
	made->row_keys =
		cer_arena_allocate(arena, made->batch_rows * sizeof(uint64_t));
	made->labels =
		cer_arena_allocate(arena, made->batch_rows * sizeof(uint16_t));
	if (made->weights == NULL || made->grads == NULL || made->losses == NULL ||
	    made->row_keys == NULL || made->labels == NULL)
		return cer_fail_memory(err, net->n_weights * sizeof(float));
	CER_TRY(prepare_nodes(made, config, err));
	qsort(made->blocks, made->n_blocks, sizeof(cer_block), compare_blocks);
	*graph = made;
	return CER_OK;
}

float *
cer_graph_get_weights(cer_graph *graph)
{
	return graph->weights;
}

const float *
cer_graph_get_grads(const cer_graph *graph)
{
	return graph->grads;
}

const struct cer_node *
cer_graph_find_not_finite(const cer_graph *graph)
{
	for (size_t i = 0; i < graph->net->n_nodes; i++)
	{
		const cer_graph_node *node = &graph->nodes[i];
		size_t n = graph->batch.n_rows * cer_get_width(&node->out);

		for (size_t j = 0; j < n; j++)
			if (!isfinite(node->out.data[j]))
				return node->node;
	}
	return NULL;
}

void
cer_graph_set_stepper(cer_graph *graph, cer_stepper stepper)
{
	graph->stepper = stepper;
}

void
cer_graph_refresh(cer_graph *graph)
{
	unsigned before = cer_denormals_flush();

	for (size_t i = 0; i < graph->net->n_nodes; i++)
	{
		const cer_graph_node *node = &graph->nodes[i];

		if (node->node->op->refresh != NULL)
			node->node->op->refresh(graph, node);
	}
	cer_denormals_restore(before);
}

/* ------------------------------------------------------------ tiles */

static void
load_rows(const cer_tile *tile)
{
	const cer_graph *graph = tile->graph;
	const cer_encoded *rows = graph->batch.rows;
	size_t last = tile->first + tile->n_rows;

	for (size_t at = tile->first; at < last; at++)
	{
		size_t row = cer_batch_get_row(&graph->batch, at);

		if (graph->needs_keys)
			graph->row_keys[at] = rows->row_keys[row];
		graph->labels[at] = rows->labels[row];
	}
	if (graph->mix.shares != NULL)
		cer_mix_begin(tile);
}

/* A range of nodes over tiles: forward, backward, or one after the other. */
typedef struct tile_work
{
	const cer_graph *graph;
	size_t begin;
	size_t end;
	bool is_forward;
	bool is_backward;
} tile_work;

void
cer_graph_run_forward(const cer_tile *tile, const cer_graph_node *node)
{
	size_t size = cer_get_width(&node->out) * sizeof(float);

	if (node->is_copied)
		memcpy(cer_get_data(&node->out, tile->first),
		       cer_get_data(&node->in, tile->first), tile->n_all * size);
	node->node->op->forward(tile, node);
	if (node->is_mixed && tile->graph->batch.is_training)
		cer_mix_forward(tile, node);
}

void
cer_graph_add_extras(const cer_tile *tile, const cer_graph_node *node)
{
	size_t n = cer_get_width(&node->out) * tile->n_all;
	float *grad = cer_get_grad(&node->out, tile->first);

	for (size_t i = 0; i < node->n_extras; i++)
		tile->graph->kernels->backward_linear(
			n, node->extras[i] + tile->first * cer_get_width(&node->out), grad);
}

void
cer_graph_pass_grad(const cer_tile *tile, const cer_graph_node *node,
                    size_t input)
{
	float *to = cer_get_grad(&node->ins[input], tile->first);
	const float *from = cer_get_grad(&node->out, tile->first);

	if (to != from)
		memcpy(to, from,
		       tile->n_all * cer_get_width(&node->out) * sizeof(float));
}

void
cer_graph_run_backward(const cer_tile *tile, const cer_graph_node *node)
{
	size_t n = cer_get_width(&node->out) * tile->n_all;

	cer_graph_add_extras(tile, node);
	if (node->is_mixed && tile->graph->batch.is_training)
		cer_mix_backward(tile, node);
	node->node->op->backward(tile, node);
	if (node->is_copied)
		memcpy(cer_get_grad(&node->in, tile->first),
		       cer_get_grad(&node->out, tile->first), n * sizeof(float));
}

static void
run_tile(void *arg, size_t index)
{
	const tile_work *work = arg;
	const cer_graph *graph = work->graph;
	size_t first = index * graph->tile_rows;
	cer_tile tile = {
		.graph = graph,
		.index = index,
		.first = first,
		.n_rows = cer_at_most(graph->batch.n_rows - first, graph->tile_rows),
		.n_all = graph->tile_rows,
		.scratch = graph->scratch + index * graph->scratch_size,
		.loss = &graph->losses[index],
	};
	unsigned before = cer_denormals_flush();

	if (graph->batch.is_training && work->is_forward && work->begin == 0)
		load_rows(&tile);
	for (size_t i = work->begin; work->is_forward && i < work->end; i++)
	{
		cer_graph_run_forward(&tile, &graph->nodes[i]);
		if (i == 0)
			cer_rows_fetch(&tile);
	}
	for (size_t i = work->end; work->is_backward && i > work->begin; i--)
		cer_graph_run_backward(&tile, &graph->nodes[i - 1]);
	cer_denormals_restore(before);
}

size_t
cer_graph_count_tiles(const cer_graph *graph)
{
	return (graph->batch.n_rows + graph->tile_rows - 1) / graph->tile_rows;
}

static void
run_tiles(cer_graph *graph, tile_work work)
{
	work.graph = graph;
	graph->host->run_tasks(graph->host->self, run_tile, &work,
	                       cer_graph_count_tiles(graph));
}

/* Segments forward, the last of them backward at once, the others back. */
static void
run_segments(cer_graph *graph)
{
	size_t last = graph->n_segments - 1;
	size_t begin = 0;

	for (size_t i = 0; i <= last; i++)
	{
		size_t end = graph->segment_ends[i];
		const cer_graph_node *node = &graph->nodes[end - 1];

		run_tiles(graph, (tile_work){.begin = begin,
		                             .end = end,
		                             .is_forward = true,
		                             .is_backward = i == last});
		if (i < last)
			node->node->op->join(graph, node);
		begin = end;
	}
	for (size_t i = last; i > 0; i--)
	{
		size_t end = graph->segment_ends[i - 1];
		const cer_graph_node *node = &graph->nodes[end - 1];

		node->node->op->join_backward(graph, node);
		run_tiles(graph,
		          (tile_work){.begin = i > 1 ? graph->segment_ends[i - 2] : 0,
		                      .end = end,
		                      .is_backward = true});
	}
}

static void
begin_batch(cer_graph *graph, const cer_batch *batch)
{
	graph->batch = *batch;
	cer_dimensions_begin_batch(graph);
	cer_parts_run_forward(graph);
	for (size_t i = 0; i < graph->net->n_nodes; i++)
		if (graph->nodes[i].node->op->begin != NULL)
			graph->nodes[i].node->op->begin(graph, &graph->nodes[i]);
}

static void
end_batch(cer_graph *graph)
{
	cer_parts_run_backward(graph);
	for (size_t i = 0; i < graph->net->n_nodes; i++)
		if (graph->nodes[i].node->op->end != NULL)
			graph->nodes[i].node->op->end(graph, &graph->nodes[i]);
}

double
cer_graph_run(cer_graph *graph, const cer_batch *batch)
{
	unsigned before = cer_denormals_flush();
	double loss = 0.0;

	begin_batch(graph, batch);
	run_segments(graph);
	end_batch(graph);
	cer_denormals_restore(before);
	for (size_t i = 0; i < cer_graph_count_tiles(graph); i++)
		loss += graph->losses[i];
	return loss;
}

void
cer_graph_predict(cer_graph *graph, const cer_encoded *rows, size_t first,
                  size_t n_rows, float *proba)
{
	size_t n_classes = graph->net->shape->n_classes;
	const float *out = graph->nodes[graph->net->n_nodes - 1].out.data;
	cer_batch batch = {.rows = rows};

	for (size_t done = 0; done < n_rows; done += batch.n_rows)
	{
		batch.first = first + done;
		batch.n_rows = cer_at_most(n_rows - done, graph->batch_rows);
		begin_batch(graph, &batch);
		run_tiles(graph,
		          (tile_work){.end = graph->net->n_nodes, .is_forward = true});
		memcpy(proba + done * n_classes, out,
		       batch.n_rows * n_classes * sizeof(float));
	}
}

static cer_status
keep_rows(cer_graph *graph, size_t index, const cer_encoded *rows,
          cer_error *err)
{
	const cer_graph_node *node = &graph->nodes[index];
	cer_batch batch = {.rows = rows};
	bool is_done = false;

	for (; !is_done && batch.first < rows->n_rows; batch.first += batch.n_rows)
	{
		if (graph->host->is_canceled(graph->host->self))
			return cer_fail(err, CER_CANCELED, "canceled between two epochs");
		batch.n_rows =
			cer_at_most(rows->n_rows - batch.first, graph->batch_rows);
		begin_batch(graph, &batch);
		run_tiles(graph, (tile_work){.end = index, .is_forward = true});
		is_done = !node->node->op->keep(graph, node);
	}
	node->node->op->refresh(graph, node);
	return CER_OK;
}

cer_status
cer_graph_keep(cer_graph *graph, const cer_encoded *rows, cer_error *err)
{
	for (size_t i = 0; i < graph->net->n_nodes; i++)
		if (graph->nodes[i].node->op->keep != NULL)
			CER_TRY(keep_rows(graph, i, rows, err));
	return CER_OK;
}
