/*
 * nn/op_dense_zeros.c
 *	  Products that leave out zeros; see the header.
 *
 *	 forward	y = x W			places of a row of x that are not zero
 *	 backward	dx = dy W^T		places of a row of dy
 *	 gradient	dW = x^T dy		places of a column of x: vectors of a group
 *
 * What is multiplied by a place, a row of a chunk of columns, lies in 16 KiB
 * for CER_SPARSE_PLACES of them: in the nearest cache, as each row of a tile
 * comes back to it.  So weights are packed by chunks, and dy is for a moment.
 */
#include "nn/op_dense_zeros.h"
#include "base/error.h"

#include <string.h>

#define MIN_WIDTH 64 /* narrower: finding zeros costs what it saves */
/* A tile with more than this share of places that are not zero is computed with
 * all of them. */
#define MOST_USED_PERCENT 65
#define GRAD_ROWS         256 /* of w, in a block */

static bool
makes_zeros(const cer_node *node)
{
	return (node->op == &cer_op_activate || node->op == &cer_op_glu) &&
	       node->activation == CER_RELU;
}

/* A gradient that is zero comes back as zero: through factors, a bias,
 * dropout. */
static bool
keeps_zeros_back(const cer_node *node)
{
	return node->op == &cer_op_scale || node->op == &cer_op_factor ||
	       (node->op == &cer_op_activate && node->activation == CER_IDENTITY);
}

static bool
keeps_zeros(const cer_node *node)
{
	return keeps_zeros_back(node) && !node->has_bias && !node->is_alpha;
}

/* Columns go in whole vectors of lanes. */
static bool
has_sizes(const cer_graph_node *node)
{
	return node->in.n >= MIN_WIDTH && node->in.n % CER_DENSE_LANES == 0 &&
	       node->out.n >= MIN_WIDTH && node->out.n % CER_DENSE_LANES == 0;
}

bool
cer_zeros_go_in(const cer_graph *graph, const cer_graph_node *node)
{
	const cer_node *from = node->node;

	if (!has_sizes(node))
		return false;
	do
	{
		if (from->n_inputs == 0)
			return false;
		from = graph->nodes[from->inputs[0].node].node;
	} while (keeps_zeros(from));
	return makes_zeros(from);
}

bool
cer_zeros_come_back(const cer_graph *graph, const cer_graph_node *node)
{
	size_t i = (size_t) (node - graph->nodes);
	const cer_node *next;

	if (!has_sizes(node))
		return false;
	do
	{
		if (graph->nodes[i].n_uses != 1 || i + 1 == graph->net->n_nodes)
			return false;
		next = graph->nodes[i + 1].node;
		if (next->n_inputs == 0 || next->inputs[0].node != i)
			return false;
		i++;
	} while (keeps_zeros_back(next));
	return makes_zeros(next);
}

bool
cer_zeros_has_groups(const cer_graph *graph, const cer_graph_node *node)
{
	return graph->tile_rows * node->in.m % CER_SPARSE_PLACES == 0;
}

/* ------------------------------------------------------------ products */

static size_t
count_blocks(size_t n_in)
{
	return (n_in + CER_SPARSE_PLACES - 1) / CER_SPARSE_PLACES;
}

static size_t
at_most(size_t n, size_t limit)
{
	return n < limit ? n : limit;
}

cer_status
cer_zeros_prepare(cer_graph *graph, cer_zeros_product *product, cer_error *err)
{
	size_t n = product->n_in * product->n_out;
	cer_gemm_shape shape = {.n_rows = product->n_rows,
	                        .n_columns = CER_DENSE_CHUNK,
	                        .n_inner = product->n_in,
	                        .a_stride = product->n_in,
	                        .b_stride = CER_DENSE_CHUNK,
	                        .c_stride = product->n_out};

	product->kernels = graph->kernels;
	product->packed = cer_graph_allocate_floats(graph, n);
	if (product->packed == NULL)
		return cer_fail_memory(err, n * sizeof(float));
	cer_graph_need_scratch(graph, product->n_rows *
	                                  count_blocks(product->n_in) *
	                                  sizeof(uint64_t) / sizeof(float));
	CER_TRY(graph->make_gemm(graph->kernels, &shape, &product->whole, err));
	shape.n_columns = product->n_out % CER_DENSE_CHUNK;
	shape.b_stride = shape.n_columns;
	if (shape.n_columns == 0)
		return CER_OK;
	return graph->make_gemm(graph->kernels, &shape, &product->rest, err);
}

/* used (blocks of places, rows) of a tile; returns how many places are. */
static size_t
find_used(const cer_zeros_product *product, const float *x, uint64_t *used)
{
	size_t n_used = 0;

	for (size_t first = 0; first < product->n_in; first += CER_SPARSE_PLACES)
	{
		n_used += product->kernels->find_used(
			product->n_rows, at_most(product->n_in - first, CER_SPARSE_PLACES),
			x + first, product->n_in, used);
		used += product->n_rows;
	}
	return n_used;
}

static bool
has_zeros(size_t n_used, size_t n_places)
{
	return n_used * 100 <= n_places * MOST_USED_PERCENT;
}

static void
run_all(const cer_zeros_product *product, const float *x, float *y)
{
	for (size_t first = 0; first < product->n_out; first += CER_DENSE_CHUNK)
		cer_gemm_run(first + CER_DENSE_CHUNK <= product->n_out ? &product->whole
		                                                       : &product->rest,
		             x, product->packed + first * product->n_in, y + first);
}

static void
run_used(const cer_zeros_product *product, const uint64_t *used, const float *x,
         float *y)
{
	cer_sparse sparse = {.n_rows = product->n_rows,
	                     .a_row = product->n_in,
	                     .a_place = 1,
	                     .c_stride = product->n_out};

	for (size_t column = 0; column < product->n_out; column += sparse.n_columns)
	{
		sparse.n_columns = at_most(product->n_out - column, CER_DENSE_CHUNK);
		sparse.c = y + column;
		for (size_t first = 0; first < product->n_in;
		     first += CER_SPARSE_PLACES)
		{
			sparse.accumulate = first > 0;
			sparse.used = used + first / CER_SPARSE_PLACES * product->n_rows;
			sparse.a = x + first;
			sparse.b = product->packed + column * product->n_in +
			           first * sparse.n_columns;
			product->kernels->sparse(&sparse);
		}
	}
}

/* ------------------------------------------------------------ gradients */

/* bits[i] bit j becomes bits[j] bit i: halves change places, then quarters. */
static void
transpose_bits(uint64_t bits[CER_SPARSE_PLACES])
{
	uint64_t mask = 0x00000000ffffffff;

	for (size_t half = 32; half > 0; half /= 2, mask ^= mask << half)
		for (size_t i = 0; i < CER_SPARSE_PLACES; i = (i + half + 1) & ~half)
		{
			uint64_t swap = ((bits[i] >> half) ^ bits[i + half]) & mask;

			bits[i] ^= swap << half;
			bits[i + half] ^= swap;
		}
}

static void
keep_used(const cer_tile *tile, const cer_zeros_product *product,
          const cer_zeros_grads *grads, const uint64_t *used, size_t n_used)
{
	size_t n_groups = product->n_rows / CER_SPARSE_PLACES;
	uint64_t bits[CER_SPARSE_PLACES];

	for (size_t i = 0; i < n_groups; i++)
	{
		size_t group = tile->index * n_groups + i;
		uint64_t *to = grads->used + group * product->n_in;

		grads->n_used[group] = (uint32_t) (n_used / n_groups);
		for (size_t first = 0; first < product->n_in;
		     first += CER_SPARSE_PLACES)
		{
			memcpy(bits,
			       used + first / CER_SPARSE_PLACES * product->n_rows +
			           i * CER_SPARSE_PLACES,
			       sizeof(bits));
			transpose_bits(bits);
			memcpy(to + first, bits,
			       at_most(product->n_in - first, CER_SPARSE_PLACES) *
			           sizeof(uint64_t));
		}
	}
}

void
cer_zeros_run(const cer_tile *tile, const cer_zeros_product *product,
              const cer_zeros_grads *grads, const float *x, float *y)
{
	uint64_t *used = (uint64_t *) (void *) tile->scratch;
	size_t n_used = find_used(product, x, used);

	if (grads != NULL)
		keep_used(tile, product, grads, used, n_used);
	if (has_zeros(n_used, product->n_rows * product->n_in))
		run_used(product, used, x, y);
	else
		run_all(product, x, y);
}

static cer_status
add_block(cer_graph *graph, const cer_product_blocks *all, size_t row,
          size_t column, cer_error *err)
{
	cer_block *block = cer_graph_add_block(graph, err);
	cer_gemm_shape shape = {
		.n_rows = at_most(all->n_in - row, GRAD_ROWS),
		.n_columns = at_most(all->n_out - column, CER_DENSE_CHUNK),
		.n_inner = CER_SPARSE_PLACES,
		.a_stride = all->n_in,
		.b_stride = all->n_out,
		.c_stride = all->n_out,
		.is_a_transposed = true,
		.accumulate = true,
	};

	if (block == NULL)
		return CER_NO_MEMORY;
	block->run = all->run;
	block->node = all->node;
	block->begin = row;
	block->end = row + shape.n_rows;
	block->column = column;
	block->n_columns = shape.n_columns;
	block->stride = all->n_out;
	block->cost = (double) (shape.n_rows * shape.n_columns) *
	              (double) (graph->batch_rows * all->m);
	return graph->make_gemm(graph->kernels, &shape, &block->gemm, err);
}

cer_status
cer_zeros_prepare_grads(cer_graph *graph, const cer_product_blocks *all,
                        cer_zeros_grads *grads, cer_error *err)
{
	size_t n_groups = graph->batch_rows * all->m / CER_SPARSE_PLACES;
	size_t size = n_groups * (all->n_in * sizeof(uint64_t) + sizeof(uint32_t));

	grads->used = cer_arena_allocate(graph->arena,
	                                 n_groups * all->n_in * sizeof(uint64_t));
	grads->n_used =
		cer_arena_allocate(graph->arena, n_groups * sizeof(uint32_t));
	if (grads->used == NULL || grads->n_used == NULL)
		return cer_fail_memory(err, size);
	for (size_t row = 0; row < all->n_in; row += GRAD_ROWS)
		for (size_t column = 0; column < all->n_out; column += CER_DENSE_CHUNK)
			CER_TRY(add_block(graph, all, row, column, err));
	return CER_OK;
}

/* What the vectors of a group add to a block of w's gradient. */
static void
add_group(const cer_graph *graph, const cer_graph_node *node,
          const cer_block *block, const uint64_t *used, size_t group, float *to)
{
	_Alignas(64) float packed[CER_SPARSE_PLACES * CER_DENSE_CHUNK];
	const float *dy = node->out.grad + group * CER_SPARSE_PLACES * node->out.n +
	                  block->column;
	cer_sparse sparse = {
		.n_rows = block->end - block->begin,
		.n_columns = block->n_columns,
		.accumulate = true,
		.used = used + group * node->in.n + block->begin,
		.a = node->in.data + group * CER_SPARSE_PLACES * node->in.n +
	         block->begin,
		.a_row = 1,
		.a_place = node->in.n,
		.b = packed,
		.c = to,
		.c_stride = block->stride,
	};

	for (size_t i = 0; i < CER_SPARSE_PLACES; i++)
		memcpy(packed + i * block->n_columns, dy + i * node->out.n,
		       block->n_columns * sizeof(float));
	graph->kernels->sparse(&sparse);
}

void
cer_zeros_make_grad(const cer_graph *graph, const cer_graph_node *node,
                    const cer_block *block, const cer_zeros_grads *grads,
                    float *to)
{
	size_t n_groups = cer_graph_count_tiles(graph) * graph->tile_rows *
	                  node->in.m / CER_SPARSE_PLACES;

	to += block->begin * block->stride + block->column;
	for (size_t row = 0; row < block->end - block->begin; row++)
		memset(to + row * block->stride, 0, block->n_columns * sizeof(float));
	for (size_t group = 0; group < n_groups; group++)
		if (has_zeros(grads->n_used[group], CER_SPARSE_PLACES * node->in.n))
			add_group(graph, node, block, grads->used, group, to);
		else
			cer_gemm_run(
				&block->gemm,
				node->in.data + group * CER_SPARSE_PLACES * node->in.n +
					block->begin,
				node->out.grad + group * CER_SPARSE_PLACES * node->out.n +
					block->column,
				to);
}
