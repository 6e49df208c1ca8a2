/*
 * nn/dimension_batch.c
 *	  The rows of dimensions that a batch has.
 *
 *	 rows of the batch		a b a a c b		(of the dimension)
 *	 that differ			a b c
 *	 of						0 1 0 0 2 1
 *	 members				0 2 3 | 1 5 | 4
 */
#include "base/error.h"
#include "base/size.h"
#include "nn/dimension_private.h"

#include <string.h>

static cer_status
prepare_dimension(const cer_graph *graph, cer_batch_dimension *dimension,
                  cer_error *err)
{
	size_t n = graph->batch_rows;
	size_t slots_size =
		cer_size_multiply(dimension->plan->n_most, sizeof(*dimension->slots));
	uint32_t *lists = cer_arena_allocate(graph->arena, 5 * n * sizeof(*lists));

	dimension->slots = cer_arena_allocate(graph->arena, slots_size);
	if (dimension->slots == NULL || lists == NULL)
		return cer_fail_memory(err, cer_size_add(slots_size, 5 * n * 4));
	memset(dimension->slots, 0, slots_size);
	dimension->distinct = lists;
	dimension->ends = lists + n;
	dimension->members = lists + 2 * n;
	dimension->rows = lists + 3 * n;
	dimension->of = lists + 4 * n;
	return CER_OK;
}

cer_status
cer_dimensions_prepare(cer_graph *graph, const cer_graph_config *config,
                       cer_error *err)
{
	size_t size = config->n_dimensions * sizeof(cer_batch_dimension);

	if (config->n_dimensions == 0 || graph->is_scoring)
		return CER_OK;
	graph->n_dimensions = config->n_dimensions;
	graph->repeats_rows = config->repeats_rows;
	graph->dimensions = cer_arena_allocate(graph->arena, size);
	if (graph->dimensions == NULL)
		return cer_fail_memory(err, size);
	memset(graph->dimensions, 0, size);
	for (size_t i = 0; i < graph->n_dimensions; i++)
	{
		graph->dimensions[i].plan = &config->dimensions[i];
		CER_TRY(prepare_dimension(graph, &graph->dimensions[i], err));
	}
	return CER_OK;
}

/* A shuffled batch has them anywhere. */
static inline void
prefetch_number(const cer_graph *graph, const cer_dimension *rows, size_t at)
{
	size_t ahead = at + CER_ROWS_AHEAD;

	if (ahead < graph->batch.n_rows)
		__builtin_prefetch(rows->of + cer_batch_get_row(&graph->batch, ahead));
}

/* In order of the batch, which decides in which order gradients are summed. */
static void
find_distinct(const cer_graph *graph, const cer_dimension *rows,
              cer_batch_dimension *d)
{
	size_t n = graph->batch.n_rows;

	d->stamp++;
	d->n_distinct = 0;
	for (size_t at = 0; at < n; at++)
	{
		uint32_t number = rows->of[cer_batch_get_row(&graph->batch, at)];
		cer_dimension_slot *slot = &d->slots[number];

		prefetch_number(graph, rows, at);
		if (slot->stamp != d->stamp)
		{
			*slot = (cer_dimension_slot){d->stamp, (uint32_t) d->n_distinct};
			d->ends[d->n_distinct] = 0;
			d->distinct[d->n_distinct++] = number;
		}
		d->of[at] = slot->at;
		d->ends[slot->at]++;
	}
}

static void
list_members(const cer_graph *graph, cer_batch_dimension *d)
{
	uint32_t start = 0;

	for (size_t i = 0; i < d->n_distinct; i++)
	{
		uint32_t count = d->ends[i];

		d->ends[i] = start;
		start += count;
	}
	for (size_t at = 0; at < graph->batch.n_rows; at++)
		d->members[d->ends[d->of[at]]++] = (uint32_t) at;
}

/* Each row of the batch, as if there were no other like it. */
static void
repeat_rows(const cer_graph *graph, const cer_dimension *rows,
            cer_batch_dimension *d)
{
	d->n_rows = graph->batch.n_rows;
	for (size_t at = 0; at < d->n_rows; at++)
	{
		d->rows[at] = rows->of[cer_batch_get_row(&graph->batch, at)];
		d->of[at] = (uint32_t) at;
	}
}

static void
begin_dimension(const cer_graph *graph, const cer_dimension *rows,
                cer_batch_dimension *d)
{
	find_distinct(graph, rows, d);
	if (graph->batch.is_training)
		list_members(graph, d);
	if (graph->repeats_rows)
		repeat_rows(graph, rows, d);
	else
	{
		d->n_rows = d->n_distinct;
		memcpy(d->rows, d->distinct, d->n_rows * sizeof(*d->rows));
	}
}

/* All rows of the dimension are there. */
static void
look_up_pass(const cer_graph *graph, const cer_dimension *rows,
             cer_batch_dimension *d)
{
	for (size_t at = 0; at < graph->batch.n_rows; at++)
		d->of[at] = rows->of[cer_batch_get_row(&graph->batch, at)];
}

void
cer_dimensions_begin_batch(cer_graph *graph)
{
	const cer_encoded *rows = graph->batch.rows;
	size_t n = graph->batch.n_rows;

	for (size_t i = 0; i < graph->n_dimensions; i++)
	{
		cer_batch_dimension *d = &graph->dimensions[i];

		if (graph->pass == rows)
			look_up_pass(graph, &rows->dimensions[i], d);
		else
			begin_dimension(graph, &rows->dimensions[i], d);
		memset(d->of + n, 0, (graph->batch_rows - n) * sizeof(*d->of));
	}
}
