/*
 * nn/op_dense_zeros.c
 *	  Products that leave out zeros; see the header.
 *
 *	 forward	y = x W			places of a row of x that are not zero
 *	 backward	dx = dy W^T		places of a row of dy
 *	 gradient	dW = x^T dy		places of a column of x: vectors of a group, or of
 *				dW^T = dy^T x	a column of dy, if that has more zeros
 *
 * Weights are packed by chunks, as nn/zeros.c wants them, and dy or x is for a
 * moment.
 */
#include "nn/op_dense_zeros.h"
#include "base/error.h"
#include "base/size.h"
#include "nn/zeros.h"

#include <math.h>
#include <string.h>

#define GRAD_ROWS     256 /* of w, in a block; twice that of a small part, */
#define GRAD_CHUNKS   2   /* or this many chunks */
#define GRAD_BLOCKS   6   /* as costly as the whole network, at least */
#define LINE_FLOATS   16  /* of a line of caches */
#define VECTORS_AHEAD 8   /* whose lines are asked for */

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
	return node->op == &cer_op_unfold ||
	       (keeps_zeros_back(node) && !node->has_bias && !node->is_alpha);
}

/* Columns go in whole vectors of lanes. */
static bool
has_sizes(const cer_graph_node *node)
{
	return node->in.n >= CER_ZEROS_MIN_WIDTH &&
	       node->in.n % CER_DENSE_LANES == 0 &&
	       node->out.n >= CER_ZEROS_MIN_WIDTH &&
	       node->out.n % CER_DENSE_LANES == 0;
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
	return graph->tile_rows * node->in.m >= CER_SPARSE_PLACES;
}

/* ------------------------------------------------------------ products */

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
	                                  cer_zeros_count_blocks(product->n_in) *
	                                  sizeof(uint64_t) / sizeof(float));
	CER_TRY(graph->make_gemm(graph->kernels, &shape, &product->whole, err));
	shape.n_columns = product->n_out % CER_DENSE_CHUNK;
	shape.b_stride = shape.n_columns;
	if (shape.n_columns == 0)
		return CER_OK;
	return graph->make_gemm(graph->kernels, &shape, &product->rest, err);
}

static void
run_all(const cer_zeros_product *product, const float *x, float *y)
{
	for (size_t first = 0; first < product->n_out; first += CER_DENSE_CHUNK)
		cer_gemm_run(first + CER_DENSE_CHUNK <= product->n_out ? &product->whole
		                                                       : &product->rest,
		             x, product->packed + first * product->n_in, y + first);
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

static size_t
count_groups(size_t n_vectors)
{
	return (n_vectors + CER_SPARSE_PLACES - 1) / CER_SPARSE_PLACES;
}

static void
keep_group(const cer_zeros_product *product, const uint64_t *used, size_t first,
           uint64_t *to)
{
	size_t n = cer_at_most(product->n_rows - first, CER_SPARSE_PLACES);
	uint64_t bits[CER_SPARSE_PLACES] = {0};

	for (size_t column = 0; column < product->n_in; column += CER_SPARSE_PLACES)
	{
		memcpy(bits, used + first, n * sizeof(uint64_t));
		transpose_bits(bits);
		memcpy(to + column, bits,
		       cer_at_most(product->n_in - column, CER_SPARSE_PLACES) *
		           sizeof(uint64_t));
		memset(bits, 0, sizeof(bits));
		used += product->n_rows;
	}
}

static void
keep_used(const cer_tile *tile, const cer_zeros_product *product,
          const cer_zeros_marks *marks, const uint64_t *used)
{
	size_t n_groups = count_groups(product->n_rows);
	uint64_t *to = marks->used + tile->index * n_groups * marks->n;

	for (size_t i = 0; i < n_groups; i++)
		keep_group(product, used, i * CER_SPARSE_PLACES, to + i * marks->n);
}

void
cer_zeros_run(const cer_tile *tile, const cer_zeros_product *product,
              const cer_zeros_marks *marks, const float *x, float *y)
{
	uint64_t *used = (uint64_t *) (void *) tile->scratch;
	cer_dense dense = {.n_rows = product->n_rows,
	                   .n_in = product->n_in,
	                   .n_out = product->n_out,
	                   .x = x,
	                   .x_stride = product->n_in,
	                   .w = product->packed,
	                   .y = y,
	                   .y_stride = product->n_out};
	size_t n_used = cer_zeros_find(product->kernels, &dense, used);

	if (marks != NULL)
	{
		marks->n_used[tile->index] = (uint32_t) n_used;
		keep_used(tile, product, marks, used);
	}
	if (cer_zeros_are_worth(n_used, product->n_rows * product->n_in))
		cer_zeros_multiply(product->kernels, &dense, used);
	else
		run_all(product, x, y);
}

cer_status
cer_zeros_prepare_marks(cer_graph *graph, const cer_graph_node *node, size_t n,
                        cer_zeros_marks *marks, cer_error *err)
{
	size_t n_tiles = graph->batch_rows / graph->tile_rows;
	size_t n_groups = n_tiles * count_groups(graph->tile_rows * node->in.m);
	size_t size = n_groups * n * sizeof(uint64_t);

	marks->n = n;
	marks->used = cer_arena_allocate(graph->arena, size);
	marks->n_used =
		cer_arena_allocate(graph->arena, n_tiles * sizeof(uint32_t));
	return marks->used != NULL && marks->n_used != NULL
	           ? CER_OK
	           : cer_fail_memory(err, size);
}

/* What is packed for a block serves all of it: the larger, the better, as long
 * as blocks are a small part of the network's work. */
cer_status
cer_zeros_add_products(cer_graph *graph, cer_product_blocks *all,
                       cer_error *err)
{
	double most =
		cer_net_get_cost(graph->net) / GRAD_BLOCKS / 4.0 / (double) all->m;
	size_t in = cer_at_most(all->n_in, 2 * GRAD_ROWS);
	size_t out = cer_at_most(all->n_out, GRAD_CHUNKS * CER_DENSE_CHUNK);

	all->side_in = GRAD_ROWS;
	all->side_out = CER_DENSE_CHUNK;
	if ((double) (in * CER_DENSE_CHUNK) <= most)
		all->side_in = in;
	if ((double) (cer_at_most(all->n_in, all->side_in) * out) <= most)
		all->side_out = out;
	return cer_graph_add_products(graph, all, err);
}

/* Vectors of a batch that are multiplied together. */
typedef struct group
{
	size_t index;
	size_t first; /* vector */
	size_t n;
} group;

/* False: there are no more.  The first one: {0}. */
static bool
find_next(const cer_graph *graph, const cer_graph_node *node, group *at)
{
	size_t n_vectors = graph->tile_rows * node->in.m;
	size_t n_groups = count_groups(n_vectors);
	size_t tile, first;

	if (at->n > 0)
		at->index++;
	tile = at->index / n_groups;
	first = at->index % n_groups * CER_SPARSE_PLACES;
	at->first = tile * n_vectors + first;
	at->n = cer_at_most(n_vectors - first, CER_SPARSE_PLACES);
	return tile < cer_graph_count_tiles(graph);
}

/* Columns of the vectors of a group, one vector after the other. */
static void
pack_group(const group *at, const float *from, size_t stride, size_t n,
           float *packed)
{
	from += at->first * stride;
	for (size_t i = 0; i < at->n; i++, from += stride)
	{
		for (size_t j = 0; j < n; j += LINE_FLOATS)
			__builtin_prefetch(from + VECTORS_AHEAD * stride + j);
		memcpy(packed + i * n, from, n * sizeof(float));
	}
}

/* Zeros of x are left out: a chunk of columns, or less, from `column` on. */
static void
add_rows(const cer_graph *graph, const cer_graph_node *node,
         const cer_block *block, const cer_zeros_marks *x, size_t column,
         float *to)
{
	_Alignas(64) float packed[CER_SPARSE_PLACES * CER_DENSE_CHUNK];
	cer_sparse sparse = {
		.n_rows = block->end - block->begin,
		.n_columns = cer_at_most(block->column + block->n_columns - column,
	                             CER_DENSE_CHUNK),
		.a_row = 1,
		.a_place = node->in.n,
		.b = packed,
		.c = to,
		.c_stride = block->stride,
	};

	for (group at = {0}; find_next(graph, node, &at); sparse.accumulate = true)
	{
		pack_group(&at, node->out.grad + column, node->out.n, sparse.n_columns,
		           packed);
		sparse.used = x->used + at.index * node->in.n + block->begin;
		sparse.a = node->in.data + at.first * node->in.n + block->begin;
		graph->kernels->sparse(&sparse);
	}
}

/* Zeros of dy are left out: the gradients of n rows of w, turned. */
static void
add_turned(const cer_graph *graph, const cer_graph_node *node,
           const cer_block *block, const cer_zeros_marks *dy, size_t row,
           float *to)
{
	_Alignas(64) float packed[CER_SPARSE_PLACES * CER_DENSE_CHUNK];
	_Alignas(64) float turned[GRAD_CHUNKS * CER_DENSE_CHUNK * CER_DENSE_CHUNK];
	cer_sparse sparse = {
		.n_rows = block->n_columns,
		.n_columns = cer_at_most(block->end - row, CER_DENSE_CHUNK),
		.a_row = 1,
		.a_place = node->out.n,
		.b = packed,
		.c = turned,
		.c_stride = CER_DENSE_CHUNK,
	};

	for (group at = {0}; find_next(graph, node, &at); sparse.accumulate = true)
	{
		pack_group(&at, node->in.data + row, node->in.n, sparse.n_columns,
		           packed);
		sparse.used = dy->used + at.index * node->out.n + block->column;
		sparse.a = node->out.grad + at.first * node->out.n + block->column;
		graph->kernels->sparse(&sparse);
	}
	graph->kernels->transpose(sparse.n_rows, sparse.n_columns, turned,
	                          CER_DENSE_CHUNK, to, block->stride);
}

/* Share of the places that are not zero, 1 if nobody marks. */
static double
get_used_share(const cer_graph *graph, const cer_graph_node *node,
               const cer_zeros_marks *marks)
{
	size_t n_tiles = cer_graph_count_tiles(graph);
	double n_used = 0;

	if (marks->n == 0 || n_tiles == 0)
		return 1.0;
	for (size_t tile = 0; tile < n_tiles; tile++)
		n_used += marks->n_used[tile];
	return n_used /
	       (double) (n_tiles * graph->tile_rows * node->in.m * marks->n);
}

void
cer_zeros_make_grad(const cer_graph *graph, const cer_graph_node *node,
                    const cer_block *block, const cer_zeros_grads *grads,
                    float *to)
{
	double of_x = get_used_share(graph, node, &grads->x);
	double of_dy = get_used_share(graph, node, &grads->dy);
	float *grad = to + block->begin * block->stride + block->column;

	if (fmin(of_x, of_dy) * 100 > CER_ZEROS_MOST_PERCENT)
		cer_graph_make_product(graph, block, to, &node->in, &node->out);
	else if (of_x <= of_dy)
		for (size_t i = 0; i < block->n_columns; i += CER_DENSE_CHUNK)
			add_rows(graph, node, block, &grads->x, block->column + i,
			         grad + i);
	else
		for (size_t row = block->begin; row < block->end;
		     row += CER_DENSE_CHUNK)
			add_turned(graph, node, block, &grads->dy, row,
			           grad + (row - block->begin) * block->stride);
}
