/*
 * nn/graph_blocks.c
 *	  Blocks of weights: the tasks that make gradients over all rows of a batch,
 *	  in order, and step while they are in cache.
 */
#include "nn/graph.h"
#include "base/denormals.h"
#include "base/error.h"
#include "base/size.h"

#include <string.h>

/* Sides of the blocks of a weight matrix: big ones read the rows of a batch
 * less often, but there should be some for each thread. */
#define PRODUCT_SIDE     64
#define PRODUCT_MAX_SIDE 256
#define PRODUCT_BLOCKS   6 /* as costly as the whole network, at least */
/* Rows at once: so few that what a block reads of them is still in the nearest
 * caches when the next columns want it. */
#define PRODUCT_ROWS 64
/* Pieces of rows are too short for a processor to foresee the next. */
#define STEP_ROWS_AHEAD 4

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

/* Sides that are not given: doubled in turns, as long as blocks are a small part
 * of the network's work. */
static void
choose_sides(const cer_graph *graph, cer_product_blocks *all)
{
	double most = cer_net_get_cost(graph->net) / PRODUCT_BLOCKS;
	size_t in = PRODUCT_SIDE;
	size_t out = PRODUCT_SIDE;

	while (in < PRODUCT_MAX_SIDE && 4.0 * (double) (in * out * all->m) <= most)
	{
		in *= 2;
		if (4.0 * (double) (in * out * all->m) <= most)
			out *= 2;
	}
	all->side_in = all->side_in > 0 ? all->side_in : in;
	all->side_out = all->side_out > 0 ? all->side_out : out;
}

/* Their greatest common divisor: what is left of whole rows is a multiple. */
static size_t
find_step(size_t n_rows)
{
	size_t step = PRODUCT_ROWS;

	while (n_rows % step != 0)
		step /= 2;
	return step;
}

static cer_status
add_product(cer_graph *graph, const cer_product_blocks *all, size_t row,
            size_t column, cer_error *err)
{
	cer_block *block = cer_graph_add_block(graph, err);
	cer_gemm_shape shape = {
		.n_rows = cer_at_most(all->n_in - row, all->side_in),
		.n_columns = cer_at_most(all->n_out - column, all->side_out),
		.n_inner = find_step(graph->tile_rows * all->m),
		.a_stride = all->x_stride > 0 ? all->x_stride : all->n_in,
		.b_stride = all->dz_stride > 0 ? all->dz_stride : all->n_out,
		.c_stride = all->w_stride > 0 ? all->w_stride : all->n_out,
		.is_a_transposed = true,
		.accumulate = true,
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
	block->stride = shape.c_stride;
	block->cost = 2.0 * (double) (shape.n_rows * shape.n_columns) *
	              (double) (graph->batch_rows * all->m);
	CER_TRY(graph->make_gemm(graph->kernels, &shape, &block->gemm_step, err));
	shape.n_inner = PRODUCT_ROWS;
	return graph->make_gemm(graph->kernels, &shape, &block->gemm, err);
}

cer_status
cer_graph_add_products(cer_graph *graph, const cer_product_blocks *blocks,
                       cer_error *err)
{
	cer_product_blocks all = *blocks;

	choose_sides(graph, &all);
	for (size_t row = 0; row < all.n_in; row += all.side_in)
		for (size_t column = all.column; column < all.n_out;
		     column += all.side_out)
			CER_TRY(add_product(graph, &all, row, column, err));
	return CER_OK;
}

/* ------------------------------------------------------------ sums */

static void
run_sums(const cer_graph *graph, const cer_graph_node *node,
         const cer_block *block)
{
	const cer_sums *sums = block->sums;
	size_t n_tiles = cer_graph_count_tiles(graph);
	float *grad = graph->grads + sums->offset;

	(void) node;
	memset(grad, 0, sums->n * sizeof(float));
	for (size_t tile = 0; tile < n_tiles; tile++)
		graph->kernels->backward_linear(sums->n, cer_sums_get_part(sums, tile),
		                                grad);
	cer_graph_step(graph, sums->offset, sums->n);
}

cer_status
cer_sums_allocate(cer_graph *graph, cer_sums *sums, cer_error *err)
{
	size_t n_tiles = graph->batch_rows / graph->tile_rows;
	size_t n = n_tiles * cer_sums_get_size(sums);

	sums->parts = cer_graph_allocate_floats(graph, n);
	return sums->parts != NULL ? CER_OK
	                           : cer_fail_memory(err, n * sizeof(float));
}

cer_status
cer_graph_add_sums(cer_graph *graph, const cer_graph_node *node, cer_sums *sums,
                   cer_error *err)
{
	cer_block *block = cer_graph_add_block(graph, err);

	if (block == NULL)
		return CER_NO_MEMORY;
	CER_TRY(cer_sums_allocate(graph, sums, err));
	block->run = run_sums;
	block->node = node;
	block->sums = sums;
	block->cost = (double) (graph->batch_rows / graph->tile_rows * sums->n);
	return CER_OK;
}

float *
cer_sums_begin(const cer_sums *sums, const cer_tile *tile)
{
	float *part = cer_sums_get_part(sums, tile->index);

	memset(part, 0, sums->n * sizeof(float));
	return part;
}

/* ------------------------------------------------------------ running */

static void
run_block(void *arg, size_t index)
{
	const cer_graph *graph = arg;
	const cer_block *block = &graph->blocks[index];
	unsigned before = cer_denormals_flush();

	block->run(block->node->graph != NULL ? block->node->graph : graph,
	           block->node, block);
	cer_denormals_restore(before);
}

void
cer_graph_update(cer_graph *graph)
{
	graph->host->run_tasks(graph->host->self, run_block, graph,
	                       graph->n_blocks);
}

cer_status
cer_graph_add_more(cer_graph *graph, size_t offset, size_t n,
                   const float *grads, cer_error *err)
{
	cer_more *more = cer_arena_allocate(graph->arena, sizeof(*more));

	if (more == NULL)
		return cer_fail_memory(err, sizeof(*more));
	*more = (cer_more){offset, n, grads, graph->more};
	graph->more = more;
	return CER_OK;
}

void
cer_graph_step(const cer_graph *graph, size_t offset, size_t n)
{
	for (const cer_more *more = graph->more; more != NULL; more = more->next)
		if (offset - more->offset < more->n)
			graph->kernels->backward_linear(
				n, more->grads + (offset - more->offset),
				graph->grads + offset);
	if (graph->stepper.run != NULL)
		graph->stepper.run(graph->stepper.self, offset, n);
}

void
cer_graph_make_product(const cer_graph *graph, const cer_block *block,
                       float *to, const cer_activations *x,
                       const cer_activations *dz)
{
	size_t n_rows = cer_graph_count_tiles(graph) * graph->tile_rows * x->m;
	float *grad = to + block->begin * block->stride + block->column;
	const cer_gemm *gemm;

	for (size_t row = 0; row < block->end - block->begin; row++)
		memset(grad + row * block->stride, 0, block->n_columns * sizeof(float));
	for (size_t row = 0; row < n_rows; row += gemm->shape.n_inner)
	{
		gemm = row + block->gemm.shape.n_inner <= n_rows ? &block->gemm
		                                                 : &block->gemm_step;
		cer_gemm_run(gemm, x->data + row * x->n + block->begin,
		             dz->grad + row * dz->n + block->column, grad);
	}
}

void
cer_graph_run_product(const cer_graph *graph, const cer_block *block,
                      size_t offset, const cer_activations *x,
                      const cer_activations *dz)
{
	cer_graph_make_product(graph, block, graph->grads + offset, x, dz);
	cer_graph_step_block(graph, block, offset);
}

void
cer_graph_step_block(const cer_graph *graph, const cer_block *block,
                     size_t offset)
{
	size_t at = offset + block->begin * block->stride + block->column;

	for (size_t row = block->begin; row < block->end;
	     row++, at += block->stride)
	{
		if (graph->stepper.fetch != NULL && row + STEP_ROWS_AHEAD < block->end)
			graph->stepper.fetch(graph->stepper.self,
			                     at + STEP_ROWS_AHEAD * block->stride,
			                     block->n_columns);
		cer_graph_step(graph, at, block->n_columns);
	}
}
