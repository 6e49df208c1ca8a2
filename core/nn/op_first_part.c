/*
 * nn/op_first_part.c
 *	  Parts of the first layer that work on the rows of a dimension.
 *
 *	 tiles of a part's rows		P = features of the dimension
 *	 barrier
 *	 tiles of rows				z = own features + P of the row, ..., dz
 *	 barrier
 *	 tiles of a part's rows		dP = sum of dz, gradients of its embeddings
 *	 barrier
 *	 blocks of weights			with the rows of the part for rows of the batch
 *
 * A part is the layer's operator again, with another view of the encoded row
 * and a batch of its own.
 */
#include "base/denormals.h"
#include "base/error.h"
#include "nn/dimension_private.h"
#include "nn/op_first_private.h"

#include <string.h>

/* ------------------------------------------------------------ planning */

/* Of all rows of a pass: larger ones are computed batch by batch. */
#define PASS_FLOATS ((size_t) 1 << 24)

static cer_status
add_part(cer_graph *graph, cer_first_part *part, cer_error *err)
{
	if (graph->n_parts == graph->part_capacity)
	{
		size_t capacity = 2 * graph->part_capacity + 4;
		cer_first_part **parts =
			cer_arena_allocate(graph->arena, capacity * sizeof(*parts));

		if (parts == NULL)
			return cer_fail_memory(err, capacity * sizeof(*parts));
		if (graph->n_parts > 0)
			memcpy(parts, graph->parts, graph->n_parts * sizeof(*parts));
		graph->parts = parts;
		graph->part_capacity = capacity;
	}
	graph->parts[graph->n_parts++] = part;
	return CER_OK;
}

static cer_status
allocate_part(cer_graph *graph, cer_first_part *part, cer_error *err)
{
	size_t n = graph->batch_rows * part->own.out.n;
	size_t n_pass = part->dimension->plan->n_pass * part->own.out.n;

	part->own.out.data = cer_graph_allocate_floats(graph, n);
	part->own.out.grad = cer_graph_allocate_floats(graph, n);
	if (part->own.out.data == NULL || part->own.out.grad == NULL)
		return cer_fail_memory(err, n * sizeof(float));
	if (n_pass == 0 || n_pass > PASS_FLOATS || graph->repeats_rows)
		return CER_OK;
	part->all = cer_graph_allocate_floats(graph, n_pass);
	return part->all != NULL ? CER_OK
	                         : cer_fail_memory(err, n_pass * sizeof(float));
}

cer_status
cer_first_make_part(cer_graph *graph, const cer_graph_node *node,
                    size_t dimension, cer_first_part **made, cer_error *err)
{
	cer_first_part *part = cer_arena_allocate(graph->arena, sizeof(*part));

	if (part == NULL)
		return cer_fail_memory(err, sizeof(*part));
	memset(part, 0, sizeof(*part));
	part->node = node;
	part->dimension = &graph->dimensions[dimension];
	part->own.node = node->node;
	part->own.graph = &part->graph;
	part->own.out.n = node->out.n;
	part->own.out.m = 1;
	CER_TRY(allocate_part(graph, part, err));
	*made = part;
	return add_part(graph, part, err);
}

/* ------------------------------------------------------------ tiles */

static const cer_dimension *
find_dimension(const cer_graph *graph, const cer_first_part *part,
               const cer_encoded *rows)
{
	return &rows->dimensions[part->dimension - graph->dimensions];
}

/* The part as its tiles see it: n_rows of the dimension are the batch, those of
 * the order, or from the first one on. */
static void
set_batch(const cer_graph *graph, cer_first_part *part, const uint32_t *order,
          size_t first, size_t n_rows)
{
	const cer_dimension *rows = find_dimension(graph, part, graph->batch.rows);

	part->rows = (cer_encoded){.n_rows = rows->n_rows,
	                           .rest = rows->numbers,
	                           .n_rest = rows->n_numbers,
	                           .codes = rows->codes};
	part->graph = *graph;
	part->graph.batch.rows = &part->rows;
	part->graph.batch.order = order;
	part->graph.batch.first = first;
	part->graph.batch.n_rows = n_rows;
}

typedef struct part_work
{
	const cer_graph *graph;
	bool is_forward;
} part_work;

/* The part and the tile of it that a task is for. */
static cer_first_part *
find_part(const cer_graph *graph, size_t *task)
{
	cer_first_part **part = graph->parts;

	while (*task >= cer_graph_count_tiles(&(*part)->graph))
	{
		*task -= cer_graph_count_tiles(&(*part)->graph);
		part++;
	}
	return *part;
}

/* Gradients of the rows that have it, in order of the batch. */
static void
sum_gradients(const cer_tile *tile, cer_first_part *part)
{
	const cer_batch_dimension *d = part->dimension;
	size_t n = part->own.out.n;
	float *to = part->own.out.grad + tile->first * n;

	memset(to, 0, tile->n_all * n * sizeof(float));
	for (size_t i = tile->first; i < tile->first + tile->n_rows; i++, to += n)
		for (uint32_t m = i > 0 ? d->ends[i - 1] : 0; m < d->ends[i]; m++)
			tile->graph->kernels->backward_linear(
				n, part->node->out.grad + d->members[m] * n, to);
}

static void
run_part_tile(void *arg, size_t task)
{
	const part_work *work = arg;
	cer_first_part *part = find_part(work->graph, &task);
	const cer_graph *graph = &part->graph;
	size_t first = task * graph->tile_rows;
	size_t left = graph->batch.n_rows - first;
	cer_tile tile = {
		.graph = graph,
		.index = task,
		.first = first,
		.n_rows = left < graph->tile_rows ? left : graph->tile_rows,
		.n_all = graph->tile_rows,
	};
	unsigned before = cer_denormals_flush();

	if (work->is_forward)
		part->own.node->op->forward(&tile, &part->own);
	else
	{
		if (graph->repeats_rows)
			cer_first_load_again(&tile, part->own.state);
		sum_gradients(&tile, part);
		part->own.node->op->backward(&tile, &part->own);
	}
	cer_denormals_restore(before);
}

static void
run_parts(cer_graph *graph, bool is_forward)
{
	part_work work = {graph, is_forward};
	size_t n_tasks = 0;

	for (size_t i = 0; i < graph->n_parts; i++)
		n_tasks += cer_graph_count_tiles(&graph->parts[i]->graph);
	graph->host->run_tasks(graph->host->self, run_part_tile, &work, n_tasks);
}

void
cer_parts_run_forward(cer_graph *graph)
{
	if (graph->n_parts == 0 || graph->pass == graph->batch.rows)
		return;
	for (size_t i = 0; i < graph->n_parts; i++)
	{
		cer_first_part *part = graph->parts[i];

		set_batch(graph, part, part->dimension->rows, 0,
		          part->dimension->n_rows);
		*part->p = part->own.out.data;
	}
	run_parts(graph, true);
}

void
cer_parts_run_backward(cer_graph *graph)
{
	if (graph->n_parts == 0)
		return;
	for (size_t i = 0; i < graph->n_parts; i++)
		set_batch(graph, graph->parts[i], graph->parts[i]->dimension->distinct,
		          0, graph->parts[i]->dimension->n_distinct);
	run_parts(graph, false);
}

/* ------------------------------------------------------------ a pass */

static void
compute_all(cer_graph *graph, cer_first_part *part, const cer_dimension *rows)
{
	cer_graph alone = *graph;
	size_t n = part->own.out.n;

	alone.n_parts = 1;
	alone.parts = &part;
	for (size_t first = 0; first < rows->n_rows; first += graph->batch_rows)
	{
		size_t left = rows->n_rows - first;
		size_t n_rows = left < graph->batch_rows ? left : graph->batch_rows;

		set_batch(graph, part, NULL, first, n_rows);
		run_parts(&alone, true);
		memcpy(part->all + first * n, part->own.out.data,
		       n_rows * n * sizeof(float));
	}
	*part->p = part->all;
}

void
cer_graph_begin_pass(cer_graph *graph, const cer_encoded *rows)
{
	for (size_t i = 0; i < graph->n_parts; i++)
		if (graph->parts[i]->all == NULL)
			return;
	graph->batch = (cer_batch){.rows = rows};
	for (size_t i = 0; i < graph->n_parts; i++)
	{
		cer_first_part *part = graph->parts[i];

		compute_all(graph, part, find_dimension(graph, part, rows));
	}
	graph->pass = graph->n_parts > 0 ? rows : NULL;
}

void
cer_graph_end_pass(cer_graph *graph)
{
	graph->pass = NULL;
}
