/*
 * nn/dimension_rest.c
 *	  What rows have beyond the tables that stay apart, side by side.
 *
 *	 numbers	own own d1 d1 ... d1 own d2 d2 ... d2	(n_rows, n_stored)
 *	 rest		own own own								(n_rows, n_rest)
 *
 * A batch takes the rest of all of its rows, but the tables' part of few: in
 * memory of its own the rest of a row is a line of the cache, not one of each
 * page.
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

typedef struct rest_rows
{
	const cer_encoded *rows;
	cer_spans spans;
	size_t n_stored;
	size_t n_rest;
	float *to;
} rest_rows;

static void
copy_some(void *arg, size_t task)
{
	const rest_rows *r = arg;
	size_t first = task * COPIED_ROWS;
	size_t left = r->rows->n_rows - first;
	size_t last = first + (left < COPIED_ROWS ? left : COPIED_ROWS);
	float *to = r->to + first * r->n_rest;

	for (size_t row = first; row < last; row++)
		for (size_t i = 0; i < r->spans.n; to += r->spans.all[i++].n)
			memcpy(to,
			       r->rows->numbers + row * r->n_stored + r->spans.all[i].first,
			       r->spans.all[i].n * sizeof(float));
}

cer_status
cer_dimensions_keep_rest(cer_arena *arena, const cer_input_shape *shape,
                         const cer_dimension_list *list, cer_encoded *rows,
                         cer_error *err)
{
	const cer_host *host = cer_arena_get_host(arena);
	rest_rows r = {.rows = rows, .n_stored = cer_shape_count_stored(shape)};
	const cer_view *view;
	size_t size;

	CER_TRY(cer_dimensions_view_rest(arena, shape, list, &view, err));
	CER_TRY(cer_spans_make(arena, shape, view, &r.spans, err));
	r.n_rest = cer_spans_count(&r.spans);
	size = cer_size_multiply(rows->n_rows, r.n_rest * sizeof(float));
	r.to = cer_arena_allocate(arena, size);
	if (r.to == NULL)
		return cer_fail_memory(err, size);
	host->run_tasks(host->self, copy_some, &r,
	                (rows->n_rows + COPIED_ROWS - 1) / COPIED_ROWS);
	rows->n_rest = r.n_rest;
	rows->rest = r.to;
	return CER_OK;
}
