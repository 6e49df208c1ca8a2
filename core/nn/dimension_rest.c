/*
 * nn/dimension_rest.c
 *	  What rows have beyond the tables that stay apart, side by side, and what
 *	  rows of these have.
 *
 *	 numbers	own own d1 d1 ... d1 own d2 d2 ... d2	(n_rows, n_stored)
 *	 rest		own own own								(n_rows, n_rest)
 *
 * A batch takes the rest of all of its rows, but the tables' part of few: in
 * memory of its own the rest of a row is a line of the cache, not one of each
 * page, and all that differs of a table often fits into a cache.
 */
#include "nn/dimension.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/size.h"

#include <string.h>

cer_status
cer_dimensions_view_rest(cer_arena *arena, const cer_input_shape *shape,
                         const cer_dimension_list *list, const cer_view **view,
                         cer_error *err)
{
	size_t n = shape->n_numbers + shape->n_tables;
	cer_view *made = cer_arena_allocate(arena, sizeof(*made));
	uint32_t *places = cer_arena_allocate(arena, n * sizeof(*places));
	bool *is_taken = cer_arena_allocate(arena, n);

	if (made == NULL || places == NULL || is_taken == NULL)
		return cer_fail_memory(err, n * sizeof(*places));
	memset(is_taken, 0, n);
	for (size_t d = 0; d < list->n; d++)
	{
		const cer_view *other = list->plans[d].view;

		for (size_t i = 0; i < other->n_numbers; i++)
			is_taken[other->numbers[i]] = true;
		for (size_t i = 0; i < other->n_tables; i++)
			is_taken[shape->n_numbers + other->tables[i]] = true;
	}
	*made = (cer_view){.numbers = places, .tables = places + shape->n_numbers};
	for (size_t i = 0; i < shape->n_numbers; i++)
		if (!is_taken[i])
			places[made->n_numbers++] = (uint32_t) i;
	for (size_t i = 0; i < shape->n_tables; i++)
		if (!is_taken[shape->n_numbers + i])
			places[shape->n_numbers + made->n_tables++] = (uint32_t) i;
	*view = made;
	return CER_OK;
}

/* ------------------------------------------------------------ spans */

size_t
cer_spans_count(const cer_spans *spans)
{
	size_t n = 0;

	for (size_t i = 0; i < spans->n; i++)
		n += spans->all[i].n;
	return n;
}

uint32_t
cer_spans_find(const cer_spans *spans, uint32_t stored)
{
	uint32_t at = 0;
	size_t i = 0;

	while (stored - spans->all[i].first >= spans->all[i].n)
		at += spans->all[i++].n;
	return at + stored - spans->all[i].first;
}

/* ------------------------------------------------------------ rows */

#define COPIED_ROWS ((size_t) 4096)

typedef struct copied_rows
{
	const cer_encoded *rows;
	const uint32_t *list; /* NULL: the first ones */
	size_t n_rows;
	cer_spans spans;
	size_t n_stored; /* from row to row */
	size_t n_numbers;
	float *to;
} copied_rows;

static void
copy_some(void *arg, size_t task)
{
	const copied_rows *c = arg;
	size_t first = task * COPIED_ROWS;
	size_t left = c->n_rows - first;
	size_t last = first + (left < COPIED_ROWS ? left : COPIED_ROWS);
	float *to = c->to + first * c->n_numbers;

	for (size_t i = first; i < last; i++)
	{
		size_t row = c->list != NULL ? c->list[i] : i;
		const float *from = c->rows->numbers + row * c->n_stored;

		for (size_t k = 0; k < c->spans.n; to += c->spans.all[k++].n)
			memcpy(to, from + c->spans.all[k].first,
			       c->spans.all[k].n * sizeof(float));
	}
}

cer_status
cer_view_copy_numbers(cer_arena *arena, const cer_input_shape *shape,
                      const cer_view *view, const cer_encoded *rows,
                      const uint32_t *list, size_t n, const float **numbers,
                      size_t *n_numbers, cer_error *err)
{
	const cer_host *host = cer_arena_get_host(arena);
	copied_rows c = {.rows = rows,
	                 .list = list,
	                 .n_rows = n,
	                 .n_stored = cer_encoded_step_numbers(rows, shape)};
	size_t size;

	CER_TRY(cer_spans_make(arena, shape, view, &c.spans, err));
	c.n_numbers = cer_spans_count(&c.spans);
	size = cer_size_multiply(n, c.n_numbers * sizeof(float));
	c.to = cer_arena_allocate(arena, size);
	if (c.to == NULL)
		return cer_fail_memory(err, size);
	host->run_tasks(host->self, copy_some, &c,
	                (n + COPIED_ROWS - 1) / COPIED_ROWS);
	*numbers = c.to;
	*n_numbers = c.n_numbers;
	return CER_OK;
}

cer_status
cer_dimensions_keep_rest(cer_arena *arena, const cer_input_shape *shape,
                         const cer_dimension_list *list, cer_encoded *rows,
                         cer_error *err)
{
	const cer_view *view;

	CER_TRY(cer_dimensions_view_rest(arena, shape, list, &view, err));
	return cer_view_copy_numbers(arena, shape, view, rows, NULL, rows->n_rows,
	                             &rows->rest, &rows->n_rest, err);
}
