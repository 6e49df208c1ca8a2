/*
 * nn/fetch.c
 *	  Rows of a shuffled batch lie anywhere in memory: those of a thread's next
 *	  tile are on their way while this one is computed.
 *
 * All at once: asked for in parts between the nodes, they wait longer for the
 * translation of their addresses, of which few are under way then.
 */
#include "nn/operator.h"

#define CACHE_LINE 64

/* For the second nearest cache: the nearest is the tile's at hand. */
static inline void
fetch(const void *from, size_t size)
{
	uintptr_t first = (uintptr_t) from / CACHE_LINE * CACHE_LINE;

	for (uintptr_t at = first; at < (uintptr_t) from + size; at += CACHE_LINE)
		__builtin_prefetch((const void *) at, 0, 2);
}

static inline void
fetch_row(const cer_graph *graph, size_t row)
{
	const cer_encoded *rows = graph->batch.rows;
	const cer_input_shape *shape = graph->net->shape;
	const float *numbers = cer_encoded_get_numbers(rows, shape, row);
	size_t n_numbers = cer_shape_count_stored(shape);
	size_t n_codes = cer_shape_count_codes(shape);

	if (graph->n_dimensions > 0)
	{
		numbers = rows->rest + row * rows->n_rest;
		n_numbers = rows->n_rest;
	}
	fetch(numbers, n_numbers * sizeof(float));
	fetch(cer_encoded_get_codes(rows, shape, row), n_codes * sizeof(uint32_t));
	if (graph->needs_keys)
		__builtin_prefetch(rows->row_keys + row, 0, 2);
	__builtin_prefetch(rows->labels + row, 0, 2);
}

/* A thread's next tile is likely the n_threads-th from its last one. */
void
cer_rows_fetch(const cer_tile *tile)
{
	const cer_graph *graph = tile->graph;
	const cer_batch *batch = &graph->batch;
	size_t n = graph->tile_rows;
	size_t first = batch->first + tile->first + graph->host->n_threads * n;
	size_t end = first + n;

	if (batch->order == NULL)
		return;
	end = end < batch->rows->n_rows ? end : batch->rows->n_rows;
	for (size_t at = first; at < end; at++)
		fetch_row(graph, batch->order[at]);
}
