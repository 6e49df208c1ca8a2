/*
 * nn/view.c
 *	  Parts of an encoded row.
 *
 * A feature belongs to the table whose alias and a dot its name begins with,
 * to the task's own otherwise; so do expressions, whatever they read.
 */
#include "nn/view.h"

#include "base/arena.h"
#include "base/error.h"

#include <string.h>

#define ALL_TABLES SIZE_MAX
#define OWN_TABLE  (SIZE_MAX - 1)

/* Index of its alias, or OWN_TABLE; the longest alias that fits. */
static size_t
find_table(const cer_input_shape *shape, cer_text name)
{
	size_t found = OWN_TABLE;
	size_t size = 0;

	for (size_t i = 0; i < shape->n_aliases; i++)
	{
		cer_text alias = shape->aliases[i];

		if (alias.size >= size && name.size > alias.size &&
		    name.data[alias.size] == '.' &&
		    memcmp(name.data, alias.data, alias.size) == 0)
		{
			found = i;
			size = alias.size;
		}
	}
	return found;
}

cer_text
cer_view_find_alias(const cer_input_shape *shape, cer_text name)
{
	size_t table = find_table(shape, name);

	return table == OWN_TABLE ? (cer_text){NULL, 0} : shape->aliases[table];
}

static bool
is_of(const cer_input_shape *shape, cer_text name, size_t table)
{
	return table == ALL_TABLES || find_table(shape, name) == table;
}

/* "readings[" of "readings[]"; 0: it is no share of an array. */
static size_t
find_array_name(cer_text name)
{
	if (name.size < 3 || memcmp(name.data + name.size - 2, "[]", 2) != 0)
		return 0;
	return name.size - 1;
}

/* Its elements stand before it, one number each. */
static cer_array
make_array(const cer_input_shape *shape, size_t length)
{
	cer_text name = shape->number_names[length];
	size_t size = find_array_name(name);
	size_t first = length;

	while (first > 0 && shape->number_names[first - 1].size > size &&
	       memcmp(shape->number_names[first - 1].data, name.data, size) == 0)
		first--;
	return (cer_array){first, length - first, length};
}

static cer_status
find_arrays(cer_arena *arena, const cer_input_shape *shape, cer_view *view,
            cer_error *err)
{
	size_t size = (view->n_numbers + 1) * sizeof(cer_array);
	cer_array *arrays = cer_arena_allocate(arena, size);

	if (arrays == NULL)
		return cer_fail_memory(err, size);
	for (size_t i = 0; i < view->n_numbers; i++)
	{
		cer_array array;

		if (find_array_name(view->number_names[i]) == 0)
			continue;
		array = make_array(shape, view->numbers[i]);
		if (array.n_elements > 0)
			arrays[view->n_arrays++] = array;
	}
	view->arrays = arrays;
	return CER_OK;
}

static cer_status
fill_view(cer_arena *arena, const cer_input_shape *shape, size_t table,
          cer_view *view, cer_error *err)
{
	size_t n = 2 * shape->n_numbers + shape->n_tables + shape->n_lifts;
	uint32_t *places = cer_arena_allocate(arena, n * sizeof(*places));
	cer_text *names =
		cer_arena_allocate(arena, shape->n_numbers * sizeof(*names));
	uint32_t *tables = places + shape->n_numbers;
	uint32_t *lifts = tables + shape->n_tables;
	uint32_t *inputs = lifts + shape->n_lifts;

	memset(view, 0, sizeof(*view));
	if (places == NULL || names == NULL)
		return cer_fail_memory(err, n * sizeof(*names));
	if (table < shape->n_aliases)
		view->alias = shape->aliases[table];
	for (size_t i = 0; i < shape->n_numbers; i++)
		if (is_of(shape, shape->number_names[i], table))
		{
			view->n_inputs +=
				view->n_numbers == 0 || cer_shape_begins_input(shape, i);
			inputs[view->n_numbers] = (uint32_t) view->n_inputs - 1;
			names[view->n_numbers] = shape->number_names[i];
			places[view->n_numbers++] = (uint32_t) i;
		}
	for (size_t i = 0; i < shape->n_tables; i++)
		if (is_of(shape, shape->tables[i].name, table))
			tables[view->n_tables++] = (uint32_t) i;
	for (size_t i = 0; i < shape->n_lifts; i++)
		if (is_of(shape, shape->lifts[i].name, table))
			lifts[view->n_lifts++] = (uint32_t) i;
	view->lifts = lifts;
	view->numbers = places;
	view->inputs = inputs;
	view->number_names = names;
	view->tables = tables;
	return find_arrays(arena, shape, view, err);
}

cer_status
cer_view_make_all(cer_arena *arena, const cer_input_shape *shape,
                  const cer_view **view, cer_error *err)
{
	cer_view *made = cer_arena_allocate(arena, sizeof(*made));

	if (made == NULL)
		return cer_fail_memory(err, sizeof(*made));
	CER_TRY(fill_view(arena, shape, ALL_TABLES, made, err));
	*view = made;
	return CER_OK;
}

cer_status
cer_view_make_tables(cer_arena *arena, const cer_input_shape *shape,
                     const cer_view **views, size_t *n_views, cer_error *err)
{
	size_t size = (shape->n_aliases + 1) * sizeof(cer_view);
	cer_view *made = cer_arena_allocate(arena, size);
	size_t n = 0;

	if (made == NULL)
		return cer_fail_memory(err, size);
	for (size_t i = 0; i <= shape->n_aliases; i++)
	{
		size_t table = i > 0 ? i - 1 : OWN_TABLE;

		CER_TRY(fill_view(arena, shape, table, &made[n], err));
		if (made[n].n_numbers + made[n].n_tables + made[n].n_lifts > 0)
			n++;
	}
	*views = made;
	*n_views = n;
	return CER_OK;
}
