/*
 * nn/unused.c
 *	  Features that no layer of a network takes.
 *
 * Layers that begin with the elements of arrays, or with the rows of a child
 * table, see nothing else of a row.  Where no other layer takes the rest, the
 * triple says less than its FE does: a mistake, and told as one.
 */
#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include "nn/operator.h"

#include <stdio.h>
#include <string.h>

#define MAX_LISTED 3
#define MAX_LIST   160

/* What is taken of an encoded row. */
typedef struct uses
{
	const cer_input_shape *shape;
	bool *numbers;
	bool *tables;
	bool *lifts;
} uses;

/* ------------------------------------------------------------ taking */

static void
take_all(const uses *made)
{
	memset(made->numbers, true, made->shape->n_numbers);
	memset(made->tables, true, made->shape->n_tables);
}

static void
take_arrays(const uses *made, const cer_view *view)
{
	for (size_t i = 0; i < view->n_arrays; i++)
	{
		const cer_array *array = &view->arrays[i];

		memset(made->numbers + array->first, true, array->n_elements);
		made->numbers[array->length] = true;
	}
}

static void
take_lifts(const uses *made, const cer_view *view)
{
	for (size_t i = 0; i < view->n_lifts; i++)
		made->lifts[view->lifts[i]] = true;
}

static void
take_view(const uses *made, const cer_view *view)
{
	for (size_t i = 0; i < view->n_numbers; i++)
		made->numbers[view->numbers[i]] = true;
	for (size_t i = 0; i < view->n_tables; i++)
		made->tables[view->tables[i]] = true;
}

static void
take(const uses *made, const cer_node *node)
{
	if (node->op == &cer_op_first)
		take_all(made);
	else if (node->op == &cer_op_sequence)
		take_arrays(made, node->view);
	else if (node->op == &cer_op_lift)
		take_lifts(made, node->view);
	else if (node->op == &cer_op_features || node->op == &cer_op_tokens)
		take_view(made, node->view);
}

/* ------------------------------------------------------------ telling */

/* Columns that are left, each once. */
typedef struct listing
{
	size_t n;
	char quoted[MAX_LIST]; /* "a", "b" */
	char plain[MAX_LIST];  /* a, b: for EXCEPT */
	cer_text latest;
} listing;

/* "x" of "x is missing", "x as ple 3" and "x[3]". */
static cer_text
find_column(cer_text name)
{
	static const char *const ends[] = {" is missing", " as ", "["};

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
	{
		size_t size = strlen(ends[i]);

		for (size_t at = 1; at + size <= name.size; at++)
			if (memcmp(name.data + at, ends[i], size) == 0)
				return (cer_text){name.data, at};
	}
	return name;
}

/* "x" of "x 3". */
static cer_text
drop_number(cer_text name)
{
	size_t size = name.size;

	while (size > 0 && name.data[size - 1] >= '0' && name.data[size - 1] <= '9')
		size--;
	if (size == name.size || size < 2 || name.data[size - 1] != ' ')
		return name;
	return (cer_text){name.data, size - 1};
}

/* One of several numbers of a column, as its neighbour is, or all of it. */
static cer_text
find_column_of_number(const cer_input_shape *shape, size_t i)
{
	cer_text name = drop_number(shape->number_names[i]);
	bool is_one =
		(i > 0 &&
	     cer_text_equals(drop_number(shape->number_names[i - 1]), name)) ||
		(i + 1 < shape->n_numbers &&
	     cer_text_equals(drop_number(shape->number_names[i + 1]), name));

	return find_column(is_one ? name : shape->number_names[i]);
}

static void
append(char list[MAX_LIST], const char *quote, cer_text name)
{
	size_t size = strlen(list);

	snprintf(list + size, MAX_LIST - size, "%s%s%.*s%s", size > 0 ? ", " : "",
	         quote, CER_SHOW(name), quote);
}

static void
list_column(listing *list, cer_text column)
{
	if (list->n > 0 && cer_text_equals(column, list->latest))
		return;
	list->latest = column;
	if (list->n++ >= MAX_LISTED)
		return;
	append(list->quoted, "\"", column);
	append(list->plain, "", column);
}

static void
list_unused(const uses *made, listing *list)
{
	const cer_input_shape *shape = made->shape;

	for (size_t i = 0; i < shape->n_numbers; i++)
		if (!made->numbers[i])
			list_column(list, find_column_of_number(shape, i));
	for (size_t i = 0; i < shape->n_tables; i++)
		if (!made->tables[i])
			list_column(list, find_column(shape->tables[i].name));
	for (size_t i = 0; i < shape->n_lifts; i++)
		if (!made->lifts[i])
			list_column(list, find_column(shape->lifts[i].name));
}

static cer_status
fail_unused(const listing *list, cer_error *err)
{
	char more[32] = "";

	if (list->n > MAX_LISTED)
		snprintf(more, sizeof(more), " and %zu more", list->n - MAX_LISTED);
	cer_fail(err, CER_BAD_VALUE, "no layer takes %s %s%s",
	         list->n > 1 ? "features" : "feature", list->quoted, more);
	cer_error_set_detail(
		err, "Layers that begin with series or pool_rows see arrays alone.");
	cer_error_set_hint(err,
	                   "Put them beside the arrays, AS concat(features, ...) > "
	                   "mlp(64), or leave them out: FE *, EXCEPT (%s%s).",
	                   list->plain, list->n > MAX_LISTED ? ", ..." : "");
	return CER_BAD_VALUE;
}

cer_status
cer_net_check_uses(cer_arena *arena, const cer_net *net, cer_error *err)
{
	const cer_input_shape *shape = net->shape;
	size_t n = shape->n_numbers + shape->n_tables + shape->n_lifts;
	bool *taken = cer_arena_allocate(arena, n);
	uses made = {.shape = shape, .numbers = taken};
	listing list = {.n = 0};

	if (taken == NULL)
		return cer_fail_memory(err, n);
	memset(taken, 0, n);
	made.tables = taken + shape->n_numbers;
	made.lifts = made.tables + shape->n_tables;
	for (size_t i = 0; i < net->n_nodes; i++)
		take(&made, &net->nodes[i]);
	list_unused(&made, &list);
	return list.n > 0 ? fail_unused(&list, err) : CER_OK;
}
