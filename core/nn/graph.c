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
 * denormal are zero while tasks run: they cost a hundred times as much.
 */
#include "nn/graph.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

/* Sides of the blocks of a weight matrix: big ones read the rows of a batch
 * less often, but there should be some for each thread. */
#define PRODUCT_SIDE     64
#define PRODUCT_BIG_SIDE 128
#define PRODUCT_MIN_BIG  4

/* ------------------------------------------------------------ denormals */

#if defined(__SSE__)
#define FLUSH_TO_ZERO 0x8040u /* results and operands */

static unsigned
flush_denormals(void)
{
	unsigned before = _mm_getcsr();

	_mm_setcsr(before | FLUSH_TO_ZERO);
	return before;
}

static void
restore_denormals(unsigned before)
{
	_mm_setcsr(before);
}
#else
static unsigned
flush_denormals(void)
{
	return 0;
}

static void
restore_denormals(unsigned before)
{
	(void) before;
}
#endif

/* ------------------------------------------------------------ making */

float *
cer_graph_allocate_floats(cer_graph *graph, size_t n)
{
	float *floats = n > SIZE_MAX / sizeof(float)
	                    ? NULL
	                    : cer_arena_allocate(graph->arena, n * sizeof(float));

	if (floats != NULL)
		memset(floats, 0, n * sizeof(float));
	return floats;
}

/* The blocks' array doubles; what it had before stays with the arena. */
cer_block *
cer_graph_add_block(cer_graph *graph, cer_error *err)
{
	cer_block *block;

	if (graph->n_blocks == graph->block_capacity)
	{
		size_t capacity =
			graph->block_capacity > 0 ? 2 * graph->block_capacity : 32;
		cer_block *blocks =
			cer_arena_allocate(graph->arena, capacity * sizeof(cer_block));

		if (blocks == NULL)
		{
			cer_fail_memory(err, capacity * sizeof(cer_block));
			return NULL;
		}
		if (graph->n_blocks > 0)
			memcpy(blocks, graph->blocks, graph->n_blocks * sizeof(cer_block));
		graph->blocks = blocks;
		graph->block_capacity = capacity;
	}
	block = &graph->blocks[graph->n_blocks++];
	memset(block, 0, sizeof(*block));
	return block;
}

static size_t
at_most(size_t n, size_t limit)
{
	return n < limit ? n : limit;
}

static size_t
choose_side(const cer_product_blocks *all)
{
	size_t n_big =
		(all->n_in / PRODUCT_BIG_SIDE) * (all->n_out / PRODUCT_BIG_SIDE);

	return n_big >= PRODUCT_MIN_BIG ? PRODUCT_BIG_SIDE : PRODUCT_SIDE;
}

static cer_status
add_product(cer_graph *graph, const cer_product_blocks *all, size_t row,
            size_t column, cer_error *err)
{
	cer_block *block = cer_graph_add_block(graph, err);
	size_t side = choose_side(all);
	cer_gemm_shape shape = {
		.n_rows = at_most(all->n_in - row, side),
		.n_columns = at_most(all->n_out - column, side),
		.n_inner = graph->tile_rows,
		.a_stride = all->n_in,
		.b_stride = all->n_out,
		.c_stride = all->n_out,
		.is_a_transposed = true,
	};

	if (block == NULL)
		return CER_NO_MEMORY;
	block->run = all->run;
	block->node = all->node;
	block->index = all->index;
	block->begin = row;
	block->end = row + shape.n_rows;
	block->column = column;
	block->n_columns = shape.n_columns;
	block->cost = 2.0 * (double) (shape.n_rows * shape.n_columns) *
	              (double) graph->batch_rows;
	CER_TRY(graph->make_gemm(graph->kernels, &shape, &block->gemm, err));
	shape.accumulate = true;
	return graph->make_gemm(graph->kernels, &shape, &block->gemm_add, err);
}

cer_status
cer_graph_add_products(cer_graph *graph, const cer_product_blocks *blocks,
                       cer_error *err)
{
	size_t side = choose_side(blocks);

	for (size_t row = 0; row < blocks->n_in; row += side)
		for (size_t column = 0; column < blocks->n_out; column += side)
			CER_TRY(add_product(graph, blocks, row, column, err));
	return CER_OK;
}

/* A node that changes the width, or starts, gets rows of its own. */
static cer_status
connect_node(cer_graph *graph, cer_graph_node *node, const cer_activations *in,
             cer_error *err)
{
	size_t n = node->node->n_out;
	bool is_in_place =
		node->node->op != &cer_op_first && node->node->op != &cer_op_dense;

	if (in != NULL)
		node->in = *in;
	if (is_in_place)
	{
		node->out = node->in;
		return CER_OK;
	}
	node->out.n = n;
	node->out.data = cer_graph_allocate_floats(graph, graph->batch_rows * n);
	node->out.grad = cer_graph_allocate_floats(graph, graph->batch_rows * n);
	if (node->out.data == NULL || node->out.grad == NULL)
		return cer_fail_memory(err, graph->batch_rows * n * sizeof(float));
	return CER_OK;
}

static cer_status
prepare_nodes(cer_graph *graph, cer_error *err)
{
	const cer_net *net = graph->net;
	size_t size = net->n_nodes * sizeof(cer_graph_node);

	graph->nodes = cer_arena_allocate(graph->arena, size);
	if (graph->nodes == NULL)
		return cer_fail_memory(err, size);
	memset(graph->nodes, 0, size);
	for (size_t i = 0; i < net->n_nodes; i++)
	{
		cer_graph_node *node = &graph->nodes[i];

		node->node = &net->nodes[i];
		CER_TRY(connect_node(graph, node,
		                     i > 0 ? &graph->nodes[i - 1].out : NULL, err));
		CER_TRY(node->node->op->prepare(graph, node, err));
	}
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

static size_t
choose_tile_rows(size_t batch)
{
	if (batch >= 512)
		return CER_TILE_ROWS;
	return batch >= 128 ? 32 : 16;
}

cer_status
cer_graph_make(cer_arena *arena, const cer_net *net,
               const cer_graph_config *config, cer_graph **graph,
               cer_error *err)
{
	cer_graph *made = cer_arena_allocate(arena, sizeof(*made));
	size_t tile_rows = choose_tile_rows(config->batch);
	size_t n_tiles = (config->batch + tile_rows - 1) / tile_rows;

	if (made == NULL)
		return cer_fail_memory(err, sizeof(*made));
	memset(made, 0, sizeof(*made));
	made->net = net;
	made->host = config->host;
	made->kernels = config->kernels;
	made->make_gemm = config->make_gemm;
	made->arena = arena;
	made->seed = config->seed;
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
	CER_TRY(prepare_nodes(made, err));
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

void
cer_graph_set_stepper(cer_graph *graph, cer_stepper stepper)
{
	graph->stepper = stepper;
}

void
cer_graph_refresh(cer_graph *graph)
{
	unsigned before = flush_denormals();

	for (size_t i = 0; i < graph->net->n_nodes; i++)
	{
		const cer_graph_node *node = &graph->nodes[i];

		if (node->node->op->refresh != NULL)
			node->node->op->refresh(graph, node);
	}
	restore_denormals(before);
}

/* ------------------------------------------------------------ tiles */

static void
load_rows(const cer_tile *tile)
{
	const cer_graph *graph = tile->graph;
	const cer_encoded *rows = graph->batch.rows;

	for (size_t at = tile->first; at < tile->first + tile->n_rows; at++)
	{
		size_t row = cer_batch_get_row(&graph->batch, at);

		graph->row_keys[at] = rows->row_keys[row];
		graph->labels[at] = rows->labels[row];
	}
}

static void
run_tile(void *arg, size_t index)
{
	const cer_graph *graph = arg;
	size_t n_nodes = graph->net->n_nodes;
	size_t first = index * graph->tile_rows;
	cer_tile tile = {
		.graph = graph,
		.index = index,
		.first = first,
		.n_rows = at_most(graph->batch.n_rows - first, graph->tile_rows),
		.loss = &graph->losses[index],
	};
	unsigned before = flush_denormals();

	if (graph->batch.is_training)
		load_rows(&tile);
	for (size_t i = 0; i < n_nodes; i++)
		graph->nodes[i].node->op->forward(&tile, &graph->nodes[i]);
	for (size_t i = n_nodes; graph->batch.is_training && i > 0; i--)
		graph->nodes[i - 1].node->op->backward(&tile, &graph->nodes[i - 1]);
	restore_denormals(before);
}

static size_t
count_tiles(const cer_graph *graph)
{
	return (graph->batch.n_rows + graph->tile_rows - 1) / graph->tile_rows;
}

double
cer_graph_run(cer_graph *graph, const cer_batch *batch)
{
	double loss = 0.0;

	graph->batch = *batch;
	graph->host->run_tasks(graph->host->self, run_tile, graph,
	                       count_tiles(graph));
	for (size_t i = 0; i < count_tiles(graph); i++)
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
		batch.n_rows = at_most(n_rows - done, graph->batch_rows);
		graph->batch = batch;
		graph->host->run_tasks(graph->host->self, run_tile, graph,
		                       count_tiles(graph));
		memcpy(proba + done * n_classes, out,
		       batch.n_rows * n_classes * sizeof(float));
	}
}

/* ------------------------------------------------------------ blocks */

static void
run_block(void *arg, size_t index)
{
	const cer_graph *graph = arg;
	const cer_block *block = &graph->blocks[index];
	unsigned before = flush_denormals();

	block->run(graph, block->node, block);
	restore_denormals(before);
}

void
cer_graph_update(cer_graph *graph)
{
	graph->host->run_tasks(graph->host->self, run_block, graph,
	                       graph->n_blocks);
}

void
cer_graph_step(const cer_graph *graph, size_t offset, size_t n)
{
	if (graph->stepper.run != NULL)
		graph->stepper.run(graph->stepper.self, offset, n);
}

void
cer_graph_run_product(const cer_graph *graph, const cer_block *block,
                      size_t offset, const cer_activations *x,
                      const cer_activations *dz)
{
	size_t n_tiles = count_tiles(graph);
	size_t at = offset + block->begin * dz->n + block->column;
	float *grad = graph->grads + at;

	for (size_t tile = 0; tile < n_tiles; tile++)
	{
		size_t row = tile * graph->tile_rows;

		cer_gemm_run(tile == 0 ? &block->gemm : &block->gemm_add,
		             x->data + row * x->n + block->begin,
		             dz->grad + row * dz->n + block->column, grad);
	}
	for (size_t row = block->begin; row < block->end; row++, at += dz->n)
		cer_graph_step(graph, at, block->n_columns);
}
