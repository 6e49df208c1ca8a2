/*
 * data/dataset_finish.c
 *	  Orders the rows and dictionaries of a dataset.
 *
 * 1. Each dictionary is put in byte order; equal values become one.
 * 2. Rows are ranked by (part, row key): with a radix sort, where they did not
 *	  come so.
 * 3. Array by array, elements move from the groups to their rank; the groups'
 *	  memory goes as they move, so that the peak is the rows once and a column.
 * 4. Rows with equal keys are put in order of their content: dataset_ties.c.
 */
#include "data/dataset_private.h"

#include "base/error.h"
#include "base/size.h"
#include "base/sort.h"
#include "data/vocabulary.h"

#include <math.h>
#include <string.h>

/* What is needed while finishing only; the work arena holds the arrays. */
typedef struct finish_state
{
	cer_dataset *dataset;
	cer_arena *work;
	uint32_t **new_codes; /* by input: code as it came -> code */
	uint32_t *ranks;      /* row as it came -> row */
} finish_state;

/* Moves one array; independent of the others, so they run side by side. */
typedef struct gather_task
{
	const finish_state *state;
	size_t array;
	void *to;
} gather_task;

#define MAX_TASKS 16

static cer_status check_codes(const cer_dataset *dataset, cer_error *err);
static cer_status run_steps(finish_state *state, cer_error *err);

cer_status
cer_dataset_finish(cer_dataset *dataset, cer_error *err)
{
	finish_state state = {.dataset = dataset};
	cer_status status;

	if (dataset->phase != PHASE_GATHERING)
		return cer_fail(err, CER_BAD_CALL,
		                "the dataset is finished already or has failed");
	CER_TRY(check_codes(dataset, err));
	state.work = cer_arena_new(&dataset->host);
	if (state.work == NULL)
		return cer_fail_memory(err, sizeof(state));
	dataset->phase = PHASE_BROKEN;
	status = run_steps(&state, err);
	cer_arena_free(state.work);
	if (status == CER_OK)
		dataset->phase = PHASE_FINISHED;
	return status;
}

/* Codes may come before their values, so this waits for the end. */
static cer_status
check_codes(const cer_dataset *dataset, cer_error *err)
{
	for (size_t i = 0; i < dataset->view.n_inputs; i++)
	{
		const cer_data_column *column = &dataset->columns[i];

		if (dataset->states[i].max_code > column->dictionary.n_values)
			return cer_fail(
				err, CER_BAD_FORMAT,
				"code %u of input \"%.*s\", which has %zu values",
				dataset->states[i].max_code, (int) column->input.name.size,
				column->input.name.data, column->dictionary.n_values);
	}
	return CER_OK;
}

/* ---- 1. dictionaries ---- */

static int
compare_values(const void *values, uint32_t a, uint32_t b)
{
	return cer_value_compare(((const cer_text *) values)[a],
	                         ((const cer_text *) values)[b]);
}

/* Fills new_codes from the sorted codes, and the distinct values in order. */
static size_t
number_values(const cer_text *values, const uint32_t *sorted, size_t n,
              uint32_t *new_codes, cer_text *distinct)
{
	size_t n_distinct = 0;

	new_codes[0] = 0;
	distinct[0] = (cer_text){"", 0};
	for (size_t i = 0; i < n; i++)
	{
		if (i == 0 || compare_values(values, sorted[i - 1], sorted[i]) != 0)
			distinct[++n_distinct] = values[sorted[i]];
		new_codes[sorted[i]] = (uint32_t) n_distinct;
	}
	return n_distinct;
}

static cer_status
order_dictionary(finish_state *state, size_t input, cer_error *err)
{
	cer_dataset *dataset = state->dataset;
	cer_dictionary *dictionary = &dataset->columns[input].dictionary;
	column_state *column = &dataset->states[input];
	size_t n = dictionary->n_values;
	uint32_t *sorted = cer_arena_allocate(state->work, n * sizeof(*sorted));
	uint32_t *scratch = cer_arena_allocate(state->work, n * sizeof(*scratch));
	uint32_t *new_codes =
		cer_arena_allocate(state->work, (n + 1) * sizeof(*new_codes));
	cer_text *distinct =
		cer_arena_allocate(dataset->arena, (n + 1) * sizeof(*distinct));

	if (sorted == NULL || scratch == NULL || new_codes == NULL ||
	    distinct == NULL)
		return cer_fail_memory(err, (n + 1) * sizeof(*distinct));
	for (size_t i = 0; i < n; i++)
		sorted[i] = (uint32_t) i + 1;
	cer_sort_indexes(sorted, scratch, n, compare_values, column->values);
	dictionary->n_values =
		number_values(column->values, sorted, n, new_codes, distinct);
	dictionary->values = distinct;
	state->new_codes[input] = new_codes;
	cer_dataset_release(dataset, column->values,
	                    column->capacity * sizeof(*column->values));
	column->values = NULL;
	column->capacity = 0;
	return CER_OK;
}

static cer_status
order_dictionaries(finish_state *state, cer_error *err)
{
	size_t n_inputs = state->dataset->view.n_inputs;
	size_t size = n_inputs * sizeof(*state->new_codes);

	state->new_codes = cer_arena_allocate(state->work, size);
	if (state->new_codes == NULL)
		return cer_fail_memory(err, size);
	for (size_t i = 0; i < n_inputs; i++)
		if (state->dataset->columns[i].input.storage == CER_CODE32)
			CER_TRY(order_dictionary(state, i, err));
	return CER_OK;
}

/* ---- 2. ranks ---- */

static void
list_keys(const cer_dataset *dataset, cer_sort_item *items)
{
	uint32_t row = 0;

	for (const row_group *g = dataset->first; g != NULL; g = g->next)
		for (size_t i = 0; i < g->n_rows; i++, row++)
			items[row] = (cer_sort_item){
				((const uint64_t *) g->arrays[ARRAY_KEY])[i], row};
}

static void
list_parts(const cer_dataset *dataset, uint8_t *parts)
{
	for (const row_group *g = dataset->first; g != NULL; g = g->next)
	{
		memcpy(parts, g->arrays[ARRAY_PART], g->n_rows);
		parts += g->n_rows;
	}
}

/* Rows of each part come in order of their keys, as those that are kept do. */
static bool
is_in_order(const cer_dataset *dataset)
{
	uint64_t last[CER_N_PARTS] = {0};

	for (const row_group *g = dataset->first; g != NULL; g = g->next)
		for (size_t i = 0; i < g->n_rows; i++)
		{
			uint8_t part = ((const uint8_t *) g->arrays[ARRAY_PART])[i];
			uint64_t key = ((const uint64_t *) g->arrays[ARRAY_KEY])[i];

			if (key < last[part])
				return false;
			last[part] = key;
		}
	return true;
}

/* Rows by key, or as they came (NULL), then stably by part. */
static void
set_ranks(cer_dataset *dataset, const cer_sort_item *items,
          const uint8_t *parts, uint32_t *ranks)
{
	size_t next[CER_N_PARTS];

	for (size_t part = 0; part < CER_N_PARTS; part++)
	{
		next[part] = dataset->view.part_start[part];
		dataset->view.part_start[part + 1] =
			next[part] + dataset->n_of_part[part];
	}
	for (size_t i = 0; i < dataset->view.n_rows; i++)
	{
		uint32_t row = items != NULL ? items[i].index : (uint32_t) i;

		ranks[row] = (uint32_t) next[parts[row]]++;
	}
}

static cer_status
sort_rows(finish_state *state, const uint8_t *parts, cer_error *err)
{
	cer_dataset *dataset = state->dataset;
	size_t n_rows = dataset->view.n_rows;
	size_t size = cer_size_multiply(n_rows, 2 * sizeof(cer_sort_item));
	cer_sort_item *items = cer_dataset_allocate(dataset, size);

	if (items == NULL)
		return cer_fail_memory(err, size);
	list_keys(dataset, items);
	cer_sort_items(items, items + n_rows, n_rows);
	set_ranks(dataset, items, parts, state->ranks);
	cer_dataset_release(dataset, items, size);
	return CER_OK;
}

static cer_status
rank_rows(finish_state *state, cer_error *err)
{
	cer_dataset *dataset = state->dataset;
	size_t n_rows = dataset->view.n_rows;
	uint8_t *parts = cer_arena_allocate(state->work, n_rows);

	state->ranks = cer_arena_allocate(
		state->work, cer_size_multiply(n_rows, sizeof(*state->ranks)));
	if (parts == NULL || state->ranks == NULL)
		return cer_fail_memory(err, n_rows * sizeof(*state->ranks));
	list_parts(dataset, parts);
	if (!is_in_order(dataset))
		return sort_rows(state, parts, err);
	set_ranks(dataset, NULL, parts, state->ranks);
	return CER_OK;
}

/* ---- 3. arrays ---- */

/* One NaN and one zero, whatever came. */
#define CANONICAL(x) ((x) == (x) ? (x) + 0 : NAN)

static void
gather_floats(const row_group *g, const uint32_t *ranks, size_t array,
              float *to)
{
	for (; g != NULL; ranks += g->n_rows, g = g->next)
		for (size_t i = 0; i < g->n_rows; i++)
		{
			float x = ((const float *) g->arrays[array])[i];

			to[ranks[i]] = CANONICAL(x);
		}
}

static void
gather_doubles(const row_group *g, const uint32_t *ranks, size_t array,
               double *to)
{
	for (; g != NULL; ranks += g->n_rows, g = g->next)
		for (size_t i = 0; i < g->n_rows; i++)
		{
			double x = ((const double *) g->arrays[array])[i];

			to[ranks[i]] = CANONICAL(x);
		}
}

static void
gather_codes(const row_group *g, const uint32_t *ranks, size_t array,
             const uint32_t *new_codes, uint32_t *to)
{
	for (; g != NULL; ranks += g->n_rows, g = g->next)
		for (size_t i = 0; i < g->n_rows; i++)
			to[ranks[i]] = new_codes[((const uint32_t *) g->arrays[array])[i]];
}

static void
gather_plain(const row_group *g, const uint32_t *ranks, size_t array, void *to)
{
	for (; g != NULL; ranks += g->n_rows, g = g->next)
		for (size_t i = 0; i < g->n_rows; i++)
			switch (array)
			{
				case ARRAY_KEY:
					((uint64_t *) to)[ranks[i]] =
						((const uint64_t *) g->arrays[array])[i];
					break;
				case ARRAY_PART:
					((uint8_t *) to)[ranks[i]] =
						((const uint8_t *) g->arrays[array])[i];
					break;
				default:
					((uint16_t *) to)[ranks[i]] =
						((const uint16_t *) g->arrays[array])[i];
			}
}

static void
run_gather_task(void *arg, size_t number)
{
	const gather_task *task = (const gather_task *) arg + number;
	const finish_state *state = task->state;
	const row_group *first = state->dataset->first;
	size_t input;

	if (task->array < ARRAY_INPUT)
	{
		gather_plain(first, state->ranks, task->array, task->to);
		return;
	}
	input = task->array - ARRAY_INPUT;
	switch (state->dataset->columns[input].input.storage)
	{
		case CER_FLOAT32:
			gather_floats(first, state->ranks, task->array, task->to);
			break;
		case CER_FLOAT64:
			gather_doubles(first, state->ranks, task->array, task->to);
			break;
		case CER_CODE32:
			gather_codes(first, state->ranks, task->array,
			             state->new_codes[input], task->to);
	}
}

static void
release_from_groups(cer_dataset *dataset, size_t array)
{
	size_t element = cer_dataset_get_element_size(dataset, array);

	for (row_group *g = dataset->first; g != NULL; g = g->next)
	{
		cer_dataset_release(dataset, g->arrays[array], g->capacity * element);
		g->arrays[array] = NULL;
	}
}

/* As many arrays as threads are there, side by side. */
static cer_status
gather_some(finish_state *state, size_t first, size_t n, cer_error *err)
{
	cer_dataset *dataset = state->dataset;
	gather_task tasks[MAX_TASKS];

	if (dataset->host.is_canceled(dataset->host.self))
		return cer_fail(err, CER_CANCELED, "canceled while ordering rows");
	for (size_t i = 0; i < n; i++)
	{
		size_t size =
			cer_size_multiply(dataset->view.n_rows,
		                      cer_dataset_get_element_size(dataset, first + i));

		dataset->arrays[first + i] = cer_dataset_allocate(dataset, size);
		if (dataset->arrays[first + i] == NULL)
			return cer_fail_memory(err, size);
		tasks[i] = (gather_task){state, first + i, dataset->arrays[first + i]};
	}
	dataset->host.run_tasks(dataset->host.self, run_gather_task, tasks, n);
	for (size_t i = 0; i < n; i++)
		release_from_groups(dataset, first + i);
	return CER_OK;
}

static cer_status
gather_arrays(finish_state *state, cer_error *err)
{
	cer_dataset *dataset = state->dataset;
	size_t step = dataset->host.n_threads;

	if (step < 1)
		step = 1;
	if (step > MAX_TASKS)
		step = MAX_TASKS;
	for (size_t first = 0; first < dataset->n_arrays; first += step)
	{
		size_t left = dataset->n_arrays - first;

		CER_TRY(gather_some(state, first, left < step ? left : step, err));
	}
	return CER_OK;
}

static void
set_view(cer_dataset *dataset)
{
	cer_data_view *view = &dataset->view;

	view->row_keys = dataset->arrays[ARRAY_KEY];
	view->parts = dataset->arrays[ARRAY_PART];
	view->labels = dataset->arrays[ARRAY_LABEL];
	for (size_t i = 0; i < view->n_inputs; i++)
	{
		cer_data_column *column = &dataset->columns[i];
		void *values = dataset->arrays[ARRAY_INPUT + i];

		switch (column->input.storage)
		{
			case CER_FLOAT32:
				column->floats = values;
				break;
			case CER_FLOAT64:
				column->doubles = values;
				break;
			case CER_CODE32:
				column->codes = values;
		}
	}
}

/* ---- all ---- */

static cer_status
run_steps(finish_state *state, cer_error *err)
{
	cer_dataset *dataset = state->dataset;

	for (size_t part = 0; part < CER_N_PARTS; part++)
		dataset->view.n_rows += dataset->n_of_part[part];
	CER_TRY(order_dictionaries(state, err));
	CER_TRY(rank_rows(state, err));
	CER_TRY(gather_arrays(state, err));
	set_view(dataset);
	return cer_dataset_order_ties(dataset, state->work, err);
}
