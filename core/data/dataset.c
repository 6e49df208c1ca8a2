/*
 * data/dataset.c
 *	  Gathers rows from chunks.
 *
 * Chunks come over a socket: whatever can be wrong in one is checked here or
 * when the dataset is finished (codes, as their values may come after them).
 */
#include "data/dataset_private.h"

#include "base/error.h"
#include "base/size.h"
#include "base/text.h"

#include <string.h>

/* Groups double, so that few rows of many columns stay small. */
#define FIRST_GROUP ((size_t) 1024)
#define LAST_GROUP  ((size_t) 32768)

static cer_status check_inputs(const cer_input *inputs, size_t n_inputs,
                               size_t n_classes, cer_error *err);
static cer_status
copy_inputs(cer_dataset *dataset, const cer_input *inputs, cer_error *err);
static cer_status
check_chunk(const cer_dataset *dataset, const cer_chunk *chunk, cer_error *err);
static row_group *find_space(cer_dataset *dataset);
static void copy_rows(cer_dataset *dataset, row_group *group,
                      const cer_chunk *chunk, size_t first, size_t n);
static cer_status reserve_values(cer_dataset *dataset, size_t input,
                                 size_t n_values, cer_error *err);
static cer_status copy_values(cer_dataset *dataset, cer_text *to,
                              const cer_text *from, size_t n, cer_error *err);
static void release_groups(cer_dataset *dataset);
static void release_arrays(cer_dataset *dataset, size_t from);

cer_status
cer_dataset_new(const cer_host *host, const cer_input *inputs, size_t n_inputs,
                size_t n_classes, cer_dataset **dataset, cer_error *err)
{
	cer_dataset *made;
	cer_status status;

	CER_TRY(check_inputs(inputs, n_inputs, n_classes, err));
	made = host->allocate(host->self, sizeof(*made));
	if (made == NULL)
		return cer_fail_memory(err, sizeof(*made));
	memset(made, 0, sizeof(*made));
	made->host = *host;
	made->size = sizeof(*made);
	made->n_readers = 1;
	made->n_arrays = ARRAY_INPUT + n_inputs;
	made->view.n_inputs = n_inputs;
	made->view.n_classes = n_classes;
	status = copy_inputs(made, inputs, err);
	if (status == CER_OK)
		*dataset = made;
	else
		cer_dataset_free(made);
	return status;
}

void
cer_dataset_free(cer_dataset *dataset)
{
	cer_host host;

	if (dataset == NULL)
		return;
	release_groups(dataset);
	if (dataset->arrays != NULL)
		release_arrays(dataset, 0);
	for (size_t i = 0; dataset->states != NULL && i < dataset->view.n_inputs;
	     i++)
		cer_dataset_release(dataset, dataset->states[i].values,
		                    dataset->states[i].capacity * sizeof(cer_text));
	cer_arena_free(dataset->arena);
	host = dataset->host;
	host.release(host.self, dataset, sizeof(*dataset));
}

cer_status
cer_dataset_append(cer_dataset *dataset, const cer_chunk *chunk, cer_error *err)
{
	size_t done = 0;

	CER_TRY(check_chunk(dataset, chunk, err));
	while (done < chunk->n_rows)
	{
		row_group *group = find_space(dataset);
		size_t n = chunk->n_rows - done;

		if (group == NULL)
		{
			dataset->phase = PHASE_BROKEN;
			return cer_fail_memory(err, LAST_GROUP);
		}
		if (n > group->capacity - group->n_rows)
			n = group->capacity - group->n_rows;
		copy_rows(dataset, group, chunk, done, n);
		done += n;
	}
	return CER_OK;
}

cer_status
cer_dataset_add_values(cer_dataset *dataset, size_t input,
                       const cer_text *values, size_t n_values, cer_error *err)
{
	cer_dictionary *dictionary;

	if (dataset->phase != PHASE_GATHERING)
		return cer_fail(err, CER_BAD_CALL,
		                "values come after the end of the data");
	if (input >= dataset->view.n_inputs ||
	    dataset->columns[input].input.storage != CER_CODE32)
		return cer_fail(err, CER_BAD_FORMAT,
		                "values for input %zu, which has no dictionary", input);
	CER_TRY(reserve_values(dataset, input, n_values, err));
	dictionary = &dataset->columns[input].dictionary;
	CER_TRY(copy_values(
		dataset, dataset->states[input].values + 1 + dictionary->n_values,
		values, n_values, err));
	dictionary->n_values += n_values;
	return CER_OK;
}

size_t
cer_dataset_count_rows(const cer_dataset *dataset, cer_part_of_rows part)
{
	return part < CER_N_PARTS ? dataset->n_of_part[part] : 0;
}

size_t
cer_dataset_get_size(const cer_dataset *dataset)
{
	return dataset->size + cer_arena_get_size(dataset->arena);
}

const cer_data_view *
cer_dataset_get_view(const cer_dataset *dataset)
{
	return dataset->phase == PHASE_FINISHED ? &dataset->view : NULL;
}

const cer_data_column *
cer_data_find(const cer_data_view *view, cer_text name)
{
	for (size_t i = 0; i < view->n_inputs; i++)
		if (cer_text_equals(view->columns[i].input.name, name))
			return &view->columns[i];
	return NULL;
}

bool
cer_data_has_values(const cer_data_column *column)
{
	return column->floats != NULL || column->doubles != NULL ||
	       column->codes != NULL;
}

void
cer_dataset_set_readers(cer_dataset *dataset, size_t n_readers)
{
	dataset->n_readers = n_readers;
}

void
cer_dataset_release_columns(cer_dataset *dataset)
{
	if (dataset->phase != PHASE_FINISHED || dataset->n_readers == 0 ||
	    --dataset->n_readers > 0)
		return;
	release_arrays(dataset, ARRAY_INPUT);
	for (size_t i = 0; i < dataset->view.n_inputs; i++)
	{
		dataset->columns[i].floats = NULL;
		dataset->columns[i].doubles = NULL;
		dataset->columns[i].codes = NULL;
	}
}

cer_status
cer_dataset_check(const cer_dataset *dataset, cer_error *err)
{
	const cer_data_view *view = cer_dataset_get_view(dataset);
	size_t n_train = dataset->n_of_part[CER_TRAIN];
	size_t row = 0;

	if (view == NULL)
		return cer_fail(err, CER_BAD_CALL, "the dataset is not finished");
	if (n_train == 0)
	{
		cer_fail(err, CER_BAD_DATA, "there are no training rows");
		cer_error_set_hint(err, "Check the source query and the split.");
		return CER_BAD_DATA;
	}
	while (row < n_train && view->labels[row] == view->labels[0])
		row++;
	if (row < n_train)
		return CER_OK;
	cer_fail(err, CER_BAD_DATA, "all %zu training rows have the same label",
	         n_train);
	cer_error_set_hint(err, "Check the label expression and the split.");
	return CER_BAD_DATA;
}

/* ---- memory ---- */

void *
cer_dataset_allocate(cer_dataset *dataset, size_t size)
{
	void *block;

	if (size == SIZE_MAX)
		return NULL;
	block = dataset->host.allocate(dataset->host.self, size > 0 ? size : 1);
	if (block != NULL)
		dataset->size += size;
	return block;
}

void
cer_dataset_release(cer_dataset *dataset, void *block, size_t size)
{
	if (block == NULL)
		return;
	dataset->host.release(dataset->host.self, block, size > 0 ? size : 1);
	dataset->size -= size;
}

size_t
cer_dataset_get_element_size(const cer_dataset *dataset, size_t array)
{
	static const size_t of_storage[] = {
		[CER_FLOAT32] = sizeof(float),
		[CER_FLOAT64] = sizeof(double),
		[CER_CODE32] = sizeof(uint32_t),
	};

	switch (array)
	{
		case ARRAY_KEY:
			return sizeof(uint64_t);
		case ARRAY_PART:
			return sizeof(uint8_t);
		case ARRAY_LABEL:
			return sizeof(uint16_t);
		default:
			return of_storage[dataset->columns[array - ARRAY_INPUT]
			                      .input.storage];
	}
}

static void
release_group(cer_dataset *dataset, row_group *group)
{
	for (size_t a = 0; a < dataset->n_arrays; a++)
		cer_dataset_release(dataset, group->arrays[a],
		                    group->capacity *
		                        cer_dataset_get_element_size(dataset, a));
	cer_dataset_release(dataset, group,
	                    sizeof(*group) + dataset->n_arrays * sizeof(void *));
}

static void
release_groups(cer_dataset *dataset)
{
	while (dataset->first != NULL)
	{
		row_group *group = dataset->first;

		dataset->first = group->next;
		release_group(dataset, group);
	}
	dataset->last = NULL;
}

static void
release_arrays(cer_dataset *dataset, size_t from)
{
	for (size_t a = from; a < dataset->n_arrays; a++)
	{
		size_t element;

		if (dataset->arrays[a] == NULL)
			continue;
		element = cer_dataset_get_element_size(dataset, a);
		cer_dataset_release(dataset, dataset->arrays[a],
		                    dataset->view.n_rows * element);
		dataset->arrays[a] = NULL;
	}
}

/* ---- a new dataset ---- */

static cer_status
check_inputs(const cer_input *inputs, size_t n_inputs, size_t n_classes,
             cer_error *err)
{
	if (n_inputs == 0 || n_inputs > CER_MAX_INPUTS)
		return cer_fail(err, CER_TOO_BIG, "%zu inputs, must be 1 to %zu",
		                n_inputs, CER_MAX_INPUTS);
	if (n_classes < 2 || n_classes > CER_MAX_CLASSES)
		return cer_fail(err, CER_TOO_BIG, "%zu classes, must be 2 to %zu",
		                n_classes, CER_MAX_CLASSES);
	for (size_t i = 0; i < n_inputs; i++)
		if (inputs[i].storage > CER_CODE32)
			return cer_fail(err, CER_BAD_FORMAT,
			                "unknown storage %d of input %zu",
			                (int) inputs[i].storage, i);
	return CER_OK;
}

static cer_status
copy_inputs(cer_dataset *dataset, const cer_input *inputs, cer_error *err)
{
	size_t n_inputs = dataset->view.n_inputs;
	size_t size = n_inputs * sizeof(*dataset->columns);

	dataset->arena = cer_arena_new(&dataset->host);
	if (dataset->arena == NULL)
		return cer_fail_memory(err, size);
	dataset->columns = cer_arena_allocate(dataset->arena, size);
	dataset->states =
		cer_arena_allocate(dataset->arena, n_inputs * sizeof(*dataset->states));
	dataset->arrays = cer_arena_allocate(
		dataset->arena, dataset->n_arrays * sizeof(*dataset->arrays));
	if (dataset->states != NULL)
		memset(dataset->states, 0, n_inputs * sizeof(*dataset->states));
	if (dataset->arrays != NULL)
		memset(dataset->arrays, 0,
		       dataset->n_arrays * sizeof(*dataset->arrays));
	if (dataset->columns == NULL || dataset->states == NULL ||
	    dataset->arrays == NULL)
		return cer_fail_memory(err, size);
	memset(dataset->columns, 0, size);
	dataset->view.columns = dataset->columns;
	for (size_t i = 0; i < n_inputs; i++)
	{
		CER_TRY(cer_text_copy(dataset->arena, inputs[i].name,
		                      &dataset->columns[i].input.name, err));
		dataset->columns[i].input.storage = inputs[i].storage;
	}
	return CER_OK;
}

/* ---- rows ---- */

static cer_status
check_chunk(const cer_dataset *dataset, const cer_chunk *chunk, cer_error *err)
{
	size_t n_rows = 0;

	if (dataset->phase != PHASE_GATHERING)
		return cer_fail(err, CER_BAD_CALL,
		                "rows come after the end of the data");
	for (size_t part = 0; part < CER_N_PARTS; part++)
		n_rows += dataset->n_of_part[part];
	if (chunk->n_rows > CER_CHUNK_ROWS)
		return cer_fail(err, CER_TOO_BIG, "a chunk of %zu rows, at most %d",
		                chunk->n_rows, CER_CHUNK_ROWS);
	if (n_rows + chunk->n_rows > CER_MAX_ROWS)
		return cer_fail(err, CER_TOO_BIG, "more than %zu rows", CER_MAX_ROWS);
	for (size_t i = 0; i < chunk->n_rows; i++)
	{
		if (chunk->parts[i] >= CER_N_PARTS)
			return cer_fail(err, CER_BAD_FORMAT, "row of unknown part %d",
			                chunk->parts[i]);
		if (chunk->labels[i] >= dataset->view.n_classes)
			return cer_fail(err, CER_BAD_FORMAT,
			                "row of class %d, there are %zu classes",
			                chunk->labels[i], dataset->view.n_classes);
	}
	return CER_OK;
}

static row_group *
add_group(cer_dataset *dataset, size_t capacity)
{
	size_t size = sizeof(row_group) + dataset->n_arrays * sizeof(void *);
	row_group *group = cer_dataset_allocate(dataset, size);

	if (group == NULL)
		return NULL;
	memset(group, 0, size);
	group->capacity = capacity;
	for (size_t a = 0; a < dataset->n_arrays; a++)
	{
		group->arrays[a] = cer_dataset_allocate(
			dataset, capacity * cer_dataset_get_element_size(dataset, a));
		if (group->arrays[a] == NULL)
		{
			release_group(dataset, group);
			return NULL;
		}
	}
	if (dataset->last != NULL)
		dataset->last->next = group;
	else
		dataset->first = group;
	dataset->last = group;
	return group;
}

/* The group that takes the next row, or NULL without memory. */
static row_group *
find_space(cer_dataset *dataset)
{
	row_group *last = dataset->last;
	size_t capacity = FIRST_GROUP;

	if (last != NULL && last->n_rows < last->capacity)
		return last;
	if (last != NULL)
		capacity =
			last->capacity < LAST_GROUP ? last->capacity * 2 : LAST_GROUP;
	return add_group(dataset, capacity);
}

static uint32_t
find_max_code(uint32_t max, const uint32_t *codes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		max = codes[i] > max ? codes[i] : max;
	return max;
}

static void
copy_rows(cer_dataset *dataset, row_group *group, const cer_chunk *chunk,
          size_t first, size_t n)
{
	for (size_t a = 0; a < dataset->n_arrays; a++)
	{
		size_t element = cer_dataset_get_element_size(dataset, a);
		const void *from = a == ARRAY_KEY     ? (const void *) chunk->row_keys
		                   : a == ARRAY_PART  ? (const void *) chunk->parts
		                   : a == ARRAY_LABEL ? (const void *) chunk->labels
		                                      : chunk->columns[a - ARRAY_INPUT];

		memcpy((char *) group->arrays[a] + group->n_rows * element,
		       (const char *) from + first * element, n * element);
	}
	for (size_t i = 0; i < dataset->view.n_inputs; i++)
		if (dataset->columns[i].input.storage == CER_CODE32)
			dataset->states[i].max_code = find_max_code(
				dataset->states[i].max_code,
				(const uint32_t *) group->arrays[ARRAY_INPUT + i] +
					group->n_rows,
				n);
	for (size_t i = first; i < first + n; i++)
		dataset->n_of_part[chunk->parts[i]]++;
	group->n_rows += n;
}

/* ---- dictionaries ---- */

static cer_status
reserve_values(cer_dataset *dataset, size_t input, size_t n_values,
               cer_error *err)
{
	column_state *state = &dataset->states[input];
	size_t used = dataset->columns[input].dictionary.n_values + 1;
	size_t capacity = state->capacity > 0 ? state->capacity : 64;
	cer_text *values;

	if (n_values > CER_MAX_VALUES - used)
		return cer_fail(err, CER_TOO_BIG, "more than %zu values of one input",
		                CER_MAX_VALUES);
	if (used + n_values <= state->capacity)
		return CER_OK;
	while (capacity < used + n_values)
		capacity *= 2;
	values = cer_dataset_allocate(dataset,
	                              cer_size_multiply(capacity, sizeof(*values)));
	if (values == NULL)
		return cer_fail_memory(err, capacity * sizeof(*values));
	if (state->values != NULL)
		memcpy(values, state->values, used * sizeof(*values));
	else
		values[0] = (cer_text){"", 0};
	cer_dataset_release(dataset, state->values,
	                    state->capacity * sizeof(*values));
	state->values = values;
	state->capacity = capacity;
	return CER_OK;
}

/* All bytes in one piece: an arena's allocations are aligned generously. */
static cer_status
copy_values(cer_dataset *dataset, cer_text *to, const cer_text *from, size_t n,
            cer_error *err)
{
	size_t size = 0;
	char *bytes;

	for (size_t i = 0; i < n; i++)
		size = cer_size_add(size, from[i].size);
	bytes = cer_arena_allocate(dataset->arena, size);
	if (bytes == NULL)
		return cer_fail_memory(err, size);
	for (size_t i = 0; i < n; i++)
	{
		if (from[i].size > 0)
			memcpy(bytes, from[i].data, from[i].size);
		to[i] = (cer_text){bytes, from[i].size};
		bytes += from[i].size;
	}
	return CER_OK;
}
