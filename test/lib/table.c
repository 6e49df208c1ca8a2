/*
 * table.c
 *	  Tables under construction, and datasets and profiles of them.
 */
#include "table.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

table *
table_new(size_t n_rows)
{
	table *t = calloc(1, sizeof(*t));

	t->n_rows = n_rows;
	t->n_classes = 2;
	t->random.state = 42;
	for (size_t row = 0; row < n_rows; row++)
	{
		t->labels[row] = (uint16_t) random_below(&t->random, 2);
		t->parts[row] = row % 10 < 7 ? CER_TRAIN : CER_VALID;
		t->row_keys[row] = random_bits(&t->random);
	}
	return t;
}

void
table_free(table *t)
{
	for (size_t i = 0; i < t->n_columns; i++)
		free(t->columns[i]);
	free(t);
}

static void *
add_column(table *t, const char *name, cer_storage storage, size_t n_values)
{
	size_t i = t->n_columns++;

	t->inputs[i] = (cer_input){{name, strlen(name)}, storage};
	t->n_values[i] = n_values;
	return t->columns[i] = calloc(t->n_rows, sizeof(double));
}

double *
add_numbers(table *t, const char *name)
{
	return add_column(t, name, CER_FLOAT64, 0);
}

uint32_t *
add_categories(table *t, const char *name, size_t n_values)
{
	return add_column(t, name, CER_CODE32, n_values);
}

static cer_status
fill_dictionary(cer_dataset *dataset, size_t input, size_t n_values)
{
	for (size_t i = 0; i < n_values; i++)
	{
		char value[32];
		cer_text text = {value, (size_t) sprintf(value, "value %06zu", i)};
		cer_status status =
			cer_dataset_add_values(dataset, input, &text, 1, NULL);

		if (status != CER_OK)
			return status;
	}
	return CER_OK;
}

static cer_status
fill_rows(cer_dataset *dataset, const table *t)
{
	size_t n;

	for (size_t row = 0; row < t->n_rows; row += n)
	{
		const void *columns[MAX_COLUMNS];
		cer_chunk chunk = {.row_keys = t->row_keys + row,
		                   .parts = t->parts + row,
		                   .labels = t->labels + row,
		                   .columns = columns};
		cer_status status;

		n = t->n_rows - row < CER_CHUNK_ROWS ? t->n_rows - row : CER_CHUNK_ROWS;
		chunk.n_rows = n;
		for (size_t i = 0; i < t->n_columns; i++)
			columns[i] = (const char *) t->columns[i] +
			             row * (t->inputs[i].storage == CER_FLOAT64 ? 8 : 4);
		status = cer_dataset_append(dataset, &chunk, NULL);
		if (status != CER_OK)
			return status;
	}
	return CER_OK;
}

cer_status
make_dataset(const cer_host *host, const table *t, cer_dataset **dataset)
{
	cer_status status = cer_dataset_new(host, t->inputs, t->n_columns,
	                                    t->n_classes, dataset, NULL);

	if (status != CER_OK)
		return status;
	for (size_t i = 0; i < t->n_columns && status == CER_OK; i++)
		status = fill_dictionary(*dataset, i, t->n_values[i]);
	if (status == CER_OK)
		status = fill_rows(*dataset, t);
	if (status == CER_OK)
		status = cer_dataset_finish(*dataset, NULL);
	if (status != CER_OK)
		cer_dataset_free(*dataset);
	return status;
}

outcome
profile_table(table *t)
{
	outcome o = {.arena = cer_arena_new(&cer_host_plain)};
	cer_dataset *dataset;

	assert_int_equal(make_dataset(&cer_host_plain, t, &dataset), CER_OK);
	assert_int_equal(
		cer_profile_make(o.arena, &cer_host_plain, dataset, &o.columns, NULL),
		CER_OK);
	assert_int_equal(
		cer_profile_find_key(&cer_host_plain, dataset, o.columns, &o.key, NULL),
		CER_OK);
	cer_dataset_free(dataset);
	table_free(t);
	return o;
}
