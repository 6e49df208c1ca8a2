/*
 * nn/ramps.c
 *	  The first layer of numbers that are ramps.
 */
#include "nn/ramps.h"

#include "base/arena.h"

#include <string.h>

typedef struct ramps_lists
{
	uint32_t *plain;
	uint32_t *plain_stored;
	cer_ramp *ramps;
	uint32_t *stored;
} ramps_lists;

static cer_number_place
find_place(const cer_input_shape *shape, uint32_t number)
{
	return shape->places != NULL ? shape->places[number]
	                             : (cer_number_place){number, CER_NO_STEP};
}

/* A ramp is met at the first of its numbers. */
static void
fill_lists(const cer_input_shape *shape, const cer_view *view, cer_ramps *made,
           const ramps_lists *lists)
{
	for (size_t i = 0; i < view->n_numbers; i++)
	{
		uint32_t number = view->numbers[i];
		cer_number_place place = find_place(shape, number);

		if (place.step == CER_NO_STEP)
		{
			lists->plain[made->n_plain] = number;
			lists->plain_stored[made->n_plain++] = place.stored;
		}
		for (size_t ramp = 0; place.step == 0 && ramp < shape->n_ramps; ramp++)
			if (shape->ramps[ramp].begin == number)
			{
				lists->ramps[made->n_ramps] = shape->ramps[ramp];
				lists->stored[made->n_ramps++] = place.stored;
			}
	}
}

static bool
make_lists(cer_arena *arena, const cer_input_shape *shape, const cer_view *view,
           cer_ramps *made)
{
	size_t n = 2 * view->n_numbers + shape->n_ramps;
	uint32_t *places = cer_arena_allocate(arena, n * sizeof(*places));
	ramps_lists lists = {.plain = places};

	lists.ramps = cer_arena_allocate(arena, shape->n_ramps * sizeof(cer_ramp));
	if (places == NULL || lists.ramps == NULL)
		return false;
	lists.plain_stored = places + view->n_numbers;
	lists.stored = places + 2 * view->n_numbers;
	fill_lists(shape, view, made, &lists);
	made->plain = lists.plain;
	made->plain_stored = lists.plain_stored;
	made->ramps = lists.ramps;
	made->stored = lists.stored;
	return true;
}

static bool
make_tables(cer_arena *arena, cer_ramps *made)
{
	made->p = cer_arena_allocate(arena, made->n_ramps * sizeof(float *));
	if (made->p == NULL)
		return false;
	for (size_t i = 0; i < made->n_ramps; i++)
	{
		size_t size = (made->ramps[i].n + 2) * made->n * sizeof(float);

		made->p[i] = cer_arena_allocate(arena, size);
		if (made->p[i] == NULL)
			return false;
		memset(made->p[i], 0, size);
	}
	return true;
}

const cer_ramps *
cer_ramps_make(cer_arena *arena, const cer_input_shape *shape,
               const cer_view *view, size_t n)
{
	cer_ramps *made = cer_arena_allocate(arena, sizeof(*made));

	if (made == NULL)
		return NULL;
	*made = (cer_ramps){.n_stored = cer_shape_count_stored(shape), .n = n};
	if (!make_lists(arena, shape, view, made) || !make_tables(arena, made))
		return NULL;
	return made;
}

void
cer_ramps_fill(const cer_ramps *ramps, size_t i, const float *w, size_t n_units)
{
	const cer_ramp *ramp = &ramps->ramps[i];
	float *p = ramps->p[i];

	w += ramp->begin * n_units;
	for (size_t step = 0; step < ramp->n; step++, w += n_units, p += ramps->n)
		for (size_t j = 0; j < n_units; j++)
			p[ramps->n + j] = p[j] + w[j];
	memcpy(p + ramps->n, p, n_units * sizeof(float));
}

void
cer_ramps_pick(const cer_ramps *ramps, size_t n_rows, const float *rows,
               float *to)
{
	for (size_t row = 0; row < n_rows; row++, rows += ramps->n_stored)
		for (size_t i = 0; i < ramps->n_plain; i++)
			*to++ = rows[ramps->plain_stored[i]];
}

void
cer_ramps_add(const cer_ramps *ramps, const cer_kernels *kernels, size_t n_rows,
              const float *rows, float *z)
{
	cer_interpolate interpolate = {.n_rows = n_rows,
	                               .n = ramps->n,
	                               .n_tables = ramps->n_ramps,
	                               .tables = (const float *const *) ramps->p,
	                               .rows = rows,
	                               .stride = ramps->n_stored,
	                               .places = ramps->stored,
	                               .z = z};

	kernels->interpolate(&interpolate);
}
