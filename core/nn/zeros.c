/*
 * nn/zeros.c
 *	  Products of rows behind a relu; see the header.
 *
 * What is multiplied by a place, a row of a chunk of columns, lies in 16 KiB
 * for CER_SPARSE_PLACES of them: in the nearest cache, as each row comes back
 * to it.
 */
#include "nn/zeros.h"
#include "base/size.h"

size_t
cer_zeros_count_blocks(size_t n_in)
{
	return (n_in + CER_SPARSE_PLACES - 1) / CER_SPARSE_PLACES;
}

size_t
cer_zeros_find(const cer_kernels *kernels, const cer_dense *dense,
               uint64_t *used)
{
	size_t n_used = 0;

	for (size_t first = 0; first < dense->n_in; first += CER_SPARSE_PLACES)
	{
		n_used += kernels->find_used(
			dense->n_rows, cer_at_most(dense->n_in - first, CER_SPARSE_PLACES),
			dense->x + first, dense->x_stride, used);
		used += dense->n_rows;
	}
	return n_used;
}

bool
cer_zeros_are_worth(size_t n_used, size_t n_places)
{
	return n_used * 100 <= n_places * CER_ZEROS_MOST_PERCENT;
}

void
cer_zeros_multiply(const cer_kernels *kernels, const cer_dense *dense,
                   const uint64_t *used)
{
	cer_sparse sparse = {.n_rows = dense->n_rows,
	                     .a_row = dense->x_stride,
	                     .a_place = 1,
	                     .c_stride = dense->y_stride};

	for (size_t column = 0; column < dense->n_out; column += sparse.n_columns)
	{
		sparse.n_columns = cer_at_most(dense->n_out - column, CER_DENSE_CHUNK);
		sparse.c = dense->y + column;
		for (size_t first = 0; first < dense->n_in; first += CER_SPARSE_PLACES)
		{
			sparse.accumulate = first > 0;
			sparse.used = used + first / CER_SPARSE_PLACES * dense->n_rows;
			sparse.a = dense->x + first;
			sparse.b =
				dense->w + column * dense->n_in + first * sparse.n_columns;
			kernels->sparse(&sparse);
		}
	}
}
