/*
 * data/dataset_ties.c
 *	  Rows with equal keys in an order that their content alone decides, so that
 *	  a key that is none does not bring arrival back in.
 */
#include "data/dataset_private.h"

#include "base/error.h"
#include "base/sort.h"

#include <string.h>

/* By label and values, as bytes: any order that content alone decides. */
static int
compare_rows(const void *self, uint32_t a, uint32_t b)
{
	const cer_dataset *dataset = self;

	for (size_t array = ARRAY_LABEL; array < dataset->n_arrays; array++)
	{
		size_t element = cer_dataset_get_element_size(dataset, array);
		const char *values = dataset->arrays[array];
		int order = memcmp(values + a * element, values + b * element, element);

		if (order != 0)
			return order;
	}
	return 0;
}

static void
permute_run(const cer_dataset *dataset, const uint32_t *rows, size_t first,
            size_t n, char *scratch)
{
	for (size_t array = ARRAY_LABEL; array < dataset->n_arrays; array++)
	{
		size_t element = cer_dataset_get_element_size(dataset, array);
		char *values = dataset->arrays[array];

		for (size_t i = 0; i < n; i++)
			memcpy(scratch + i * element, values + rows[i] * element, element);
		memcpy(values + first * element, scratch, n * element);
	}
}

/* The end of the run of rows with the part and key of the first. */
static size_t
find_run_end(const cer_data_view *view, size_t first)
{
	size_t end = first + 1;

	while (end < view->n_rows && view->row_keys[end] == view->row_keys[first] &&
	       view->parts[end] == view->parts[first])
		end++;
	return end;
}

static size_t
find_longest_run(const cer_data_view *view)
{
	size_t longest = 0;

	for (size_t first = 0, end; first < view->n_rows; first = end)
	{
		end = find_run_end(view, first);
		if (end - first > longest)
			longest = end - first;
	}
	return longest;
}

cer_status
cer_dataset_order_ties(cer_dataset *dataset, cer_arena *work, cer_error *err)
{
	const cer_data_view *view = &dataset->view;
	size_t longest = find_longest_run(view);
	uint64_t *scratch;
	uint32_t *rows;

	if (longest < 2)
		return CER_OK;
	scratch = cer_arena_allocate(work, longest * sizeof(*scratch));
	rows = cer_arena_allocate(work, longest * sizeof(*rows));
	if (scratch == NULL || rows == NULL)
		return cer_fail_memory(err, longest * sizeof(*scratch));
	for (size_t first = 0, end; first < view->n_rows; first = end)
	{
		end = find_run_end(view, first);
		if (end - first < 2)
			continue;
		for (size_t i = first; i < end; i++)
			rows[i - first] = (uint32_t) i;
		cer_sort_indexes(rows, (uint32_t *) scratch, end - first, compare_rows,
		                 dataset);
		permute_run(dataset, rows, first, end - first, (char *) scratch);
	}
	return CER_OK;
}
