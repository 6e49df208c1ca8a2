/*
 * nn/op_dense_bf16.c
 *	  A dense layer's products of bf16 numbers; see the header.
 *
 *	 forward	y = x W			pairs of inputs
 *	 backward	dx = dy W^T		pairs of outputs
 *	 gradient	dW = x^T dy		pairs of a batch's vectors
 *
 * Both forms of the weights are made anew with each step, from the floats that
 * the optimizer moves.  A tile leaves x and dy packed, by pairs of vectors, for
 * the gradient: half of what it would read as floats.
 */
#include "nn/op_dense_bf16.h"
#include "base/error.h"
#include "base/size.h"

#define GRAD_ROWS  128 /* of W, in a block */
#define GRAD_PAIRS 512 /* of vectors, at once: a chunk of them in cache */

struct cer_bf16_dense
{
	const cer_bf16 *bf16;
	size_t n_in;
	size_t n_out;
	size_t n_rows;      /* vectors of a tile */
	size_t tile_pairs;  /* of them */
	size_t n_pairs;     /* of all tiles */
	uint32_t *forward;  /* W by chunks of columns */
	uint32_t *backward; /* W^T by chunks of its columns, W's rows */
	uint32_t *x;        /* of the batch, by chunks of inputs */
	uint32_t *dy;
};

static uint32_t *
allocate_words(cer_graph *graph, size_t n_pairs, size_t n_columns)
{
	return (uint32_t *) (void *) cer_graph_allocate_floats(
		graph, n_pairs * cer_dense_pad(n_columns));
}

static cer_status
allocate_pairs(cer_graph *graph, cer_bf16_dense *d, cer_error *err)
{
	size_t n_in = cer_bf16_count_pairs(d->n_in);
	size_t n_out = cer_bf16_count_pairs(d->n_out);

	d->forward = allocate_words(graph, n_in, d->n_out);
	d->backward = allocate_words(graph, n_out, d->n_in);
	d->x = allocate_words(graph, d->n_pairs, d->n_in);
	d->dy = allocate_words(graph, d->n_pairs, d->n_out);
	if (d->forward == NULL || d->backward == NULL || d->x == NULL ||
	    d->dy == NULL)
		return cer_fail_memory(err, d->n_pairs * (d->n_in + d->n_out) *
		                                sizeof(uint32_t));
	cer_graph_need_scratch(graph, d->n_rows * (n_in > n_out ? n_in : n_out));
	return CER_OK;
}

static cer_status
add_block(cer_graph *graph, const cer_bf16_dense *d, const cer_block *like,
          cer_error *err)
{
	cer_block *block = cer_graph_add_block(graph, err);

	if (block == NULL)
		return CER_NO_MEMORY;
	*block = *like;
	block->end = cer_at_most(like->begin + GRAD_ROWS, d->n_in);
	block->n_columns = cer_at_most(d->n_out - like->column, CER_DENSE_CHUNK);
	block->stride = d->n_out;
	block->cost = (double) ((block->end - block->begin) * block->n_columns) *
	              2.0 * (double) d->n_pairs;
	return CER_OK;
}

cer_status
cer_bf16_dense_prepare(cer_graph *graph, const cer_graph_node *node,
                       cer_block_fn run, cer_bf16_dense **dense, cer_error *err)
{
	cer_bf16_dense *d = cer_arena_allocate(graph->arena, sizeof(*d));
	size_t n_tiles = graph->batch_rows / graph->tile_rows;
	cer_block like = {.run = run, .node = node};

	if (d == NULL)
		return cer_fail_memory(err, sizeof(*d));
	*d = (cer_bf16_dense){.bf16 = graph->bf16,
	                      .n_in = node->in.n,
	                      .n_out = node->out.n,
	                      .n_rows = graph->tile_rows * node->in.m};
	d->tile_pairs = cer_bf16_count_pairs(d->n_rows);
	d->n_pairs = n_tiles * d->tile_pairs;
	CER_TRY(allocate_pairs(graph, d, err));
	for (like.begin = 0; like.begin < d->n_in; like.begin += GRAD_ROWS)
		for (like.column = 0; like.column < d->n_out;
		     like.column += CER_DENSE_CHUNK)
			CER_TRY(add_block(graph, d, &like, err));
	*dense = d;
	return CER_OK;
}

/* ------------------------------------------------------------ weights */

static void
pack_transpose(const cer_kernels *kernels, const cer_bf16_dense *d,
               const float *weights, const cer_dense_part *part)
{
	uint32_t rounded[CER_DENSE_CHUNK * CER_DENSE_CHUNK / 2];
	size_t n_columns = cer_at_most(part->n_columns, CER_DENSE_CHUNK);
	size_t n_pairs = cer_bf16_count_pairs(n_columns);
	size_t width;

	for (size_t row = part->begin; row < part->end; row += width)
	{
		uint32_t *to = d->backward + row * cer_bf16_count_pairs(d->n_out);

		width = cer_at_most(part->end - row, CER_DENSE_CHUNK);
		d->bf16->round(width, n_columns,
		               weights + row * d->n_out + part->column, d->n_out,
		               rounded);
		kernels->transpose(
			width, n_pairs, (const float *) (const void *) rounded, n_pairs,
			(float *) (void *) (to + part->column / 2 * cer_dense_pad(width)),
			cer_dense_pad(width));
	}
}

void
cer_bf16_dense_refresh(const cer_graph *graph, const cer_graph_node *node,
                       const cer_bf16_dense *d, const float *weights,
                       const cer_dense_part *part)
{
	cer_bf16_pack pack = {.n_rows = part->end - part->begin,
	                      .n_columns = part->n_columns,
	                      .from =
	                          weights + part->begin * d->n_out + part->column,
	                      .stride = d->n_out,
	                      .first = part->begin / 2,
	                      .n_pairs = cer_bf16_count_pairs(d->n_in)};
	cer_dense_part chunk = *part;

	(void) node;
	pack.to = d->forward + part->column * pack.n_pairs;
	d->bf16->pack(&pack);
	for (; chunk.n_columns > 0; chunk.column += CER_DENSE_CHUNK)
	{
		pack_transpose(graph->kernels, d, weights, &chunk);
		chunk.n_columns -= cer_at_most(chunk.n_columns, CER_DENSE_CHUNK);
	}
}

/* ------------------------------------------------------------ tiles */

/* y (n_rows, n_out) = x (n_rows, n_in) w, all chunks of w. */
static void
multiply(const cer_tile *tile, const cer_bf16_dense *d,
         const cer_bf16_product *of, size_t n_out)
{
	cer_bf16_product product = *of;

	product.n_rows = d->n_rows;
	product.x = (const uint32_t *) (const void *) tile->scratch;
	product.x_row = of->n_pairs;
	product.x_pair = 1;
	product.y_stride = n_out;
	for (size_t column = 0; column < n_out; column += CER_DENSE_CHUNK)
	{
		product.n_columns = cer_at_most(n_out - column, CER_DENSE_CHUNK);
		product.w = of->w + column * of->n_pairs;
		product.y = of->y + column;
		d->bf16->multiply(&product);
	}
}

/* For the gradient: (vectors, n) as pairs of vectors. */
static void
keep(const cer_tile *tile, const cer_bf16_dense *d, const float *from, size_t n,
     uint32_t *to)
{
	d->bf16->pack(&(cer_bf16_pack){.n_rows = d->n_rows,
	                               .n_columns = n,
	                               .from = from,
	                               .stride = n,
	                               .to = to,
	                               .first = tile->index * d->tile_pairs,
	                               .n_pairs = d->n_pairs});
}

void
cer_bf16_dense_forward(const cer_tile *tile, const cer_bf16_dense *d,
                       const float *x, float *y)
{
	cer_bf16_product product = {
		.n_pairs = cer_bf16_count_pairs(d->n_in), .w = d->forward, .y = y};

	d->bf16->round(d->n_rows, d->n_in, x, d->n_in,
	               (uint32_t *) (void *) tile->scratch);
	if (tile->graph->batch.is_training)
		keep(tile, d, x, d->n_in, d->x);
	multiply(tile, d, &product, d->n_out);
}

void
cer_bf16_dense_backward(const cer_tile *tile, const cer_bf16_dense *d,
                        const float *dy, float *dx)
{
	cer_bf16_product product = {
		.n_pairs = cer_bf16_count_pairs(d->n_out), .w = d->backward, .y = dx};

	d->bf16->round(d->n_rows, d->n_out, dy, d->n_out,
	               (uint32_t *) (void *) tile->scratch);
	keep(tile, d, dy, d->n_out, d->dy);
	multiply(tile, d, &product, d->n_in);
}

/* ------------------------------------------------------------ gradients */

/* Rows from one chunk of x: row .. row + CER_DENSE_CHUNK of W. */
static void
make_rows(const cer_bf16_dense *d, const cer_block *block, size_t row,
          size_t n_pairs, float *to)
{
	size_t width = cer_dense_pad(cer_at_most(d->n_in - row, CER_DENSE_CHUNK));
	size_t dy_width = cer_dense_pad(block->n_columns);
	cer_bf16_product product = {
		.n_rows = cer_at_most(block->end - row, CER_DENSE_CHUNK),
		.n_columns = block->n_columns,
		.x_row = 1,
		.x_pair = width,
		.y = to + row * d->n_out + block->column,
		.y_stride = d->n_out};

	for (size_t pair = 0; pair < n_pairs; pair += GRAD_PAIRS)
	{
		product.accumulate = pair > 0;
		product.n_pairs = cer_at_most(n_pairs - pair, GRAD_PAIRS);
		product.x = d->x + row * d->n_pairs + pair * width;
		product.w = d->dy + block->column * d->n_pairs + pair * dy_width;
		d->bf16->multiply(&product);
	}
}

void
cer_bf16_dense_make_grad(const cer_graph *graph, const cer_bf16_dense *d,
                         const cer_block *block, float *to)
{
	size_t n_pairs = cer_graph_count_tiles(graph) * d->tile_pairs;

	for (size_t row = block->begin; row < block->end; row += CER_DENSE_CHUNK)
		make_rows(d, block, row, n_pairs, to);
}
