/*
 * rows.c
 *	  Rows for tests, and the many ways in which they can arrive.
 */
#include "rows.h"

#include "base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(s)    ((cer_text){s, sizeof(s) - 1})
#define MAX_VALUES 64

static const cer_input inputs[ROWS_N_INPUTS] = {
	{TEXT("wide"), CER_FLOAT64},  {TEXT("hour"), CER_FLOAT64},
	{TEXT("small"), CER_FLOAT32}, {TEXT("same"), CER_FLOAT64},
	{TEXT("color"), CER_CODE32},  {TEXT("city"), CER_CODE32},
	{TEXT("tags"), CER_CODE32},
};

static const cer_text colors[] = {TEXT("red"), TEXT("green"), TEXT("blue"),
                                  TEXT("")};

static const cer_text arrays[] = {TEXT("{}"),
                                  TEXT("{a}"),
                                  TEXT("{b,a}"),
                                  TEXT("{a,b,c,d}"),
                                  TEXT("{c,c,NULL}"),
                                  TEXT("{\"x y\",b}"),
                                  TEXT("{{a,b},{c,\"q\\\"\"}}"),
                                  TEXT("{NULL}")};

/* "city0" ... */
static const char *const cities = "city0\0\0\0city1\0\0\0city2\0\0\0city3\0\0\0"
								  "city4\0\0\0city5\0\0\0city6\0\0\0city7\0\0\0"
								  "city8\0\0\0city9\0\0\0city10\0\0city11\0\0"
								  "city12\0\0city13\0\0city14\0\0city15\0\0";

static double
make_wide(test_random *random)
{
	switch (random_below(random, 20))
	{
		case 0:
			return NAN;
		case 1:
			return INFINITY;
		case 2:
			return -INFINITY;
		case 3:
			return -0.0;
		default:
			return (random_unit(random) - 0.5) * 1e6;
	}
}

static void
make_values(test_random *random, test_value *values)
{
	size_t city = random_below(random, 16) * random_below(random, 16) / 15;

	memset(values, 0, ROWS_N_INPUTS * sizeof(*values));
	values[0].number = make_wide(random);
	values[1].number = (double) random_below(random, 24);
	values[2].number =
		random_below(random, 10) ? (float) random_unit(random) : NAN;
	values[3].number = 0.1;
	if (random_below(random, 8) > 0)
		values[4].text = colors[random_below(random, 4)];
	if (random_below(random, 8) > 0)
		values[6].text = arrays[random_below(random, 8)];
	values[5].text = (cer_text){cities + 8 * city, strlen(cities + 8 * city)};
}

test_rows *
rows_make(test_random *random, size_t n_rows, bool has_ties)
{
	test_rows *rows = calloc(1, sizeof(*rows));
	uint64_t *keys = calloc(n_rows + 1, sizeof(*keys));
	uint8_t *parts = calloc(n_rows + 1, sizeof(*parts));
	uint16_t *labels = calloc(n_rows + 1, sizeof(*labels));
	test_value *values = calloc(n_rows * ROWS_N_INPUTS + 1, sizeof(*values));

	for (size_t row = 0; row < n_rows; row++)
	{
		keys[row] = has_ties ? random_below(random, 1 + n_rows / 3)
		                     : random_bits(random);
		parts[row] = (uint8_t) (row < 2 ? 0 : random_below(random, 3));
		labels[row] = (uint16_t) (row < 2 ? row : random_below(random, 2));
		make_values(random, values + row * ROWS_N_INPUTS);
	}
	*rows = (test_rows){n_rows, ROWS_N_INPUTS, 2,      inputs, keys,
	                    parts,  labels,        values, NULL};
	return rows;
}

void
rows_free(test_rows *rows)
{
	free((void *) (uintptr_t) rows->row_keys);
	free((void *) (uintptr_t) rows->parts);
	free((void *) (uintptr_t) rows->labels);
	free((void *) (uintptr_t) rows->values);
	free(rows);
}

static cer_column_type
get_type(const test_rows *rows, size_t input)
{
	if (rows->inputs[input].storage != CER_CODE32)
		return CER_TYPE_NUMBER;
	return memcmp(rows->inputs[input].name.data, "tags", 4) == 0
	           ? CER_TYPE_ARRAY
	           : CER_TYPE_CATEGORY;
}

void
rows_get_columns(const test_rows *rows, cer_column *columns)
{
	for (size_t i = 0; i < rows->n_inputs; i++)
		columns[i] = (cer_column){
			.name = rows->inputs[i].name,
			.type = get_type(rows, i),
			.is_in_star = true,
			.unit = rows->units != NULL ? rows->units[i] : CER_UNIT_NONE,
		};
}

/* ---- loading ---- */

typedef struct loader
{
	const test_rows *rows;
	const arrival *how;
	cer_dataset *dataset;
	size_t *order;
	size_t n_values[ROWS_N_INPUTS];
	cer_text values[ROWS_N_INPUTS][MAX_VALUES]; /* by code - 1 */
} loader;

static size_t
choose(const loader *load, bool is_on, size_t n, size_t otherwise)
{
	return is_on ? random_below(load->how->random, n) : otherwise;
}

static void
order_rows(loader *load)
{
	size_t n = load->rows->n_rows;

	for (size_t i = 0; i < n; i++)
	{
		size_t j = choose(load, load->how->is_shuffled, i + 1, i);

		load->order[i] = load->order[j];
		load->order[j] = i;
	}
}

/* Codes in order of arrival. */
static uint32_t
find_code(loader *load, size_t input, cer_text value)
{
	cer_text *values = load->values[input];
	size_t i = 0;

	if (value.data == NULL)
		return 0;
	while (i < load->n_values[input] &&
	       (values[i].size != value.size ||
	        memcmp(values[i].data, value.data, value.size) != 0))
		i++;
	if (i == load->n_values[input])
		values[load->n_values[input]++] = value;
	return (uint32_t) i + 1;
}

typedef union cell
{
	double number;
	float small;
	uint32_t code;
} cell;

static void
fill_cell(loader *load, size_t row, size_t input, void *column, size_t at)
{
	test_value value = load->rows->values[row * load->rows->n_inputs + input];

	switch (load->rows->inputs[input].storage)
	{
		case CER_FLOAT64:
			((double *) column)[at] = value.number;
			break;
		case CER_FLOAT32:
			((float *) column)[at] = (float) value.number;
			break;
		case CER_CODE32:
			((uint32_t *) column)[at] = find_code(load, input, value.text);
	}
}

static cer_status
send_chunk(loader *load, size_t first, size_t n, cer_error *err)
{
	uint64_t *keys = calloc(n, sizeof(*keys));
	uint8_t *parts = calloc(n, sizeof(*parts));
	uint16_t *labels = calloc(n, sizeof(*labels));
	void *columns[ROWS_N_INPUTS];
	cer_chunk chunk = {n, keys, parts, labels, (const void *const *) columns};
	cer_status status;

	for (size_t i = 0; i < load->rows->n_inputs; i++)
		columns[i] = calloc(n, sizeof(cell));
	for (size_t i = 0; i < n; i++)
	{
		size_t row = load->order[first + i];

		keys[i] = load->rows->row_keys[row];
		parts[i] = load->rows->parts[row];
		labels[i] = load->rows->labels[row];
		for (size_t input = 0; input < load->rows->n_inputs; input++)
			fill_cell(load, row, input, columns[input], i);
	}
	status = cer_dataset_append(load->dataset, &chunk, err);
	for (size_t i = 0; i < load->rows->n_inputs; i++)
		free(columns[i]);
	free(keys);
	free(parts);
	free(labels);
	return status;
}

static cer_status
send_rows(loader *load, cer_error *err)
{
	size_t n_rows = load->rows->n_rows;

	for (size_t first = 0, n; first < n_rows; first += n)
	{
		n = 1 + choose(load, load->how->is_in_pieces, 700, CER_CHUNK_ROWS - 1);
		if (n > n_rows - first)
			n = n_rows - first;
		CER_TRY(send_chunk(load, first, n, err));
	}
	return CER_OK;
}

/* In one go or value by value. */
static cer_status
send_values(loader *load, cer_error *err)
{
	for (size_t input = 0; input < load->rows->n_inputs; input++)
	{
		size_t n_values = load->n_values[input];

		for (size_t first = 0, n; first < n_values; first += n)
		{
			n = load->how->is_in_pieces ? 1 : n_values;
			CER_TRY(cer_dataset_add_values(
				load->dataset, input, load->values[input] + first, n, err));
		}
	}
	return CER_OK;
}

static cer_status
send_all(loader *load, cer_error *err)
{
	CER_TRY(send_rows(load, err));
	CER_TRY(send_values(load, err));
	return cer_dataset_finish(load->dataset, err);
}

cer_status
rows_load(const test_rows *rows, const cer_host *host, const arrival *how,
          cer_dataset **dataset, cer_error *err)
{
	loader *load = calloc(1, sizeof(*load));
	cer_status status;

	load->rows = rows;
	load->how = how;
	load->order = calloc(rows->n_rows + 1, sizeof(*load->order));
	order_rows(load);
	status = cer_dataset_new(host, rows->inputs, rows->n_inputs,
	                         rows->n_classes, &load->dataset, err);
	if (status == CER_OK)
		status = send_all(load, err);
	if (status == CER_OK)
		*dataset = load->dataset;
	else
		cer_dataset_free(load->dataset);
	free(load->order);
	free(load);
	return status;
}
