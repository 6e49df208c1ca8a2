/*
 * nn/bf16_weights.c
 *	  Products of a layer in scoring, of bf16 numbers.
 */
#include "nn/bf16_weights.h"
#include "base/arena.h"
#include "base/size.h"

const cer_bf16_weights *
cer_bf16_weights_make(cer_arena *arena, const cer_bf16 *bf16, size_t n_in,
                      size_t n_out, const float *w)
{
	cer_bf16_weights *made = cer_arena_allocate(arena, sizeof(*made));
	cer_bf16_pack pack = {.n_rows = n_in,
	                      .n_columns = n_out,
	                      .from = w,
	                      .stride = n_out,
	                      .n_pairs = cer_bf16_count_pairs(n_in)};

	pack.to = (uint32_t *) (void *) cer_arena_allocate_floats(
		arena, pack.n_pairs * cer_dense_pad(n_out));
	if (made == NULL || pack.to == NULL)
		return NULL;
	bf16->pack(&pack);
	*made = (cer_bf16_weights){bf16, n_in, n_out, pack.to};
	return made;
}

void
cer_bf16_weights_multiply(const cer_bf16_weights *weights,
                          const cer_bf16_rows *rows)
{
	size_t n_pairs = cer_bf16_count_pairs(weights->n_in);
	cer_bf16_product product = {.n_rows = rows->n_rows,
	                            .n_pairs = n_pairs,
	                            .accumulate = rows->accumulate,
	                            .x = rows->x_pairs,
	                            .x_row = rows->x_pairs_row,
	                            .x_pair = 1,
	                            .y_stride = rows->y_stride,
	                            .pairs_row = rows->n_columns / 2};

	if (rows->x_pairs == NULL)
	{
		weights->bf16->round(rows->n_rows, weights->n_in, rows->x,
		                     rows->x_stride, rows->scratch);
		product.x = rows->scratch;
		product.x_row = n_pairs;
	}
	else if (weights->n_out > CER_DENSE_CHUNK &&
	         weights->bf16->find_used(&product, rows->scratch))
		product.used = rows->scratch;
	for (size_t column = 0; column < weights->n_out; column += CER_DENSE_CHUNK)
	{
		product.n_columns =
			cer_at_most(rows->n_columns - column, CER_DENSE_CHUNK);
		product.w = weights->packed + column * n_pairs;
		product.y = rows->y + column;
		if (rows->bias != NULL)
			product.bias = rows->bias + column;
		if (rows->y_pairs != NULL)
			product.pairs = rows->y_pairs + column / 2;
		weights->bf16->multiply(&product);
	}
}
