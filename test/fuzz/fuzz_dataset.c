/*
 * fuzz_dataset.c
 *	  Rows and values in any order, right or wrong: they are refused, or become
 *	  encoded rows in which every number is finite and every code has a row.
 *
 * The input is: number of inputs (1), storage of each (1), then
 *	 0, rows (1), for each row: key (1), part (1), label (1), values
 *	 1, input (1), size (1), bytes: a value of its dictionary
 * A value is 8, 4 or 1 bytes by its storage.
 */
#include "fuzz.h"
#include "base/bytes.h"
#include "data/dataset.h"
#include "data/encode.h"

#include <math.h>

#define MAX_INPUTS 4
#define MAX_ROWS   255

typedef struct chunk_memory
{
	uint64_t keys[MAX_ROWS];
	uint8_t parts[MAX_ROWS];
	uint16_t labels[MAX_ROWS];
	double values[MAX_INPUTS][MAX_ROWS]; /* or floats, or codes */
	const void *columns[MAX_INPUTS];
} chunk_memory;

static const char *const fes[] = {"FE *", "FE *, a : onehot, b : embed(2)",
                                  "FE *, a : standardize, b : standardize",
                                  "FE a : bag(4), b : bag(2, sum, 3)"};

static void
read_value(cer_byte_reader *from, cer_storage storage, void *column, size_t row)
{
	uint64_t word;
	uint32_t half;

	switch (storage)
	{
		case CER_FLOAT64:
			word = cer_read_number(from, 8);
			memcpy((char *) column + 8 * row, &word, 8);
			break;
		case CER_FLOAT32:
			half = (uint32_t) cer_read_number(from, 4);
			memcpy((char *) column + 4 * row, &half, 4);
			break;
		case CER_CODE32:
			((uint32_t *) column)[row] = (uint32_t) cer_read_number(from, 1);
	}
}

static void
append(cer_byte_reader *from, cer_dataset *dataset, const cer_input *inputs,
       size_t n_inputs)
{
	static chunk_memory memory;
	cer_chunk chunk = {.n_rows = (size_t) cer_read_number(from, 1),
	                   .row_keys = memory.keys,
	                   .parts = memory.parts,
	                   .labels = memory.labels,
	                   .columns = memory.columns};

	for (size_t i = 0; i < n_inputs; i++)
		memory.columns[i] = memory.values[i];
	for (size_t row = 0; row < chunk.n_rows; row++)
	{
		memory.keys[row] = cer_read_number(from, 1);
		memory.parts[row] = (uint8_t) cer_read_number(from, 1);
		memory.labels[row] = (uint16_t) cer_read_number(from, 1);
		for (size_t i = 0; i < n_inputs; i++)
			read_value(from, inputs[i].storage, memory.values[i], row);
	}
	cer_dataset_append(dataset, &chunk, NULL);
}

static void
add_value(cer_byte_reader *from, cer_dataset *dataset)
{
	size_t input = (size_t) cer_read_number(from, 1);
	size_t size = (size_t) cer_read_number(from, 1);
	cer_text value = {from->data, size < from->left ? size : from->left};

	from->data += value.size;
	from->left -= value.size;
	cer_dataset_add_values(dataset, input, &value, 1, NULL);
}

static void
check_codes(const cer_input_shape *shape, const uint32_t *codes)
{
	for (size_t i = 0; i < shape->n_tables; i++)
		check(codes[i] < shape->tables[i].n_codes);
	for (size_t i = 0; i < shape->n_lifts; i++)
		for (size_t k = 0; k < shape->lifts[i].n_codes; k++)
			check(codes[shape->lifts[i].code + k] <= shape->lifts[i].n_rows);
}

static void
check_encoded(const cer_encoders *encoders, const cer_encoded *encoded)
{
	const cer_input_shape *shape = cer_encoders_get_shape(encoders);

	for (size_t row = 0; row < encoded->n_rows; row++)
	{
		const float *numbers = cer_encoded_get_numbers(encoded, shape, row);

		for (size_t i = 0; i < cer_shape_count_stored(shape); i++)
			check(fabsf(numbers[i]) <= 10);
		check_codes(shape, cer_encoded_get_codes(encoded, shape, row));
	}
	for (size_t row = 1; row < encoded->n_rows; row++)
		check(encoded->row_keys[row - 1] <= encoded->row_keys[row]);
}

static void
encode(cer_dataset *dataset, const cer_input *inputs, size_t n_inputs,
       const char *fe)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	cer_column columns[MAX_INPUTS] = {0};
	const cer_mst *mst;
	const cer_plan *plan;
	const cer_encoders *encoders;
	cer_encoded encoded;
	cer_column_type category =
		strstr(fe, "bag") != NULL ? CER_TYPE_ARRAY : CER_TYPE_CATEGORY;

	for (size_t i = 0; i < n_inputs; i++)
		columns[i] = (cer_column){.name = inputs[i].name,
		                          .type = inputs[i].storage == CER_CODE32
		                                      ? category
		                                      : CER_TYPE_NUMBER,
		                          .is_in_star = true};
	check(cer_mst_parse(arena, (cer_text){fe, strlen(fe)}, &mst, NULL) ==
	      CER_OK);
	if (cer_plan_make(arena, mst, columns, n_inputs, &plan, NULL) == CER_OK &&
	    cer_encoders_fit(arena, &cer_host_plain, plan, dataset, &encoders,
	                     NULL) == CER_OK)
		for (int part = 0; part < CER_N_PARTS; part++)
		{
			check(cer_encoders_apply(arena, &cer_host_plain, encoders, dataset,
			                         (cer_part_of_rows) part, false, &encoded,
			                         NULL) == CER_OK);
			check_encoded(encoders, &encoded);
		}
	cer_arena_free(arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[MAX_INPUTS] = {"a", "b", "c", "d"};
	cer_byte_reader from = {.data = (const char *) data, .left = size};
	size_t n_inputs = (size_t) cer_read_number(&from, 1) % (MAX_INPUTS + 1);
	cer_input inputs[MAX_INPUTS];
	cer_dataset *dataset;

	for (size_t i = 0; i < n_inputs; i++)
		inputs[i] = (cer_input){{names[i], 1},
		                        (cer_storage) (cer_read_number(&from, 1) % 3)};
	if (cer_dataset_new(&cer_host_plain, inputs, n_inputs, 3, &dataset, NULL) !=
	    CER_OK)
		return 0;
	while (!from.is_bad && from.left > 0)
		if (cer_read_number(&from, 1) % 2 == 0)
			append(&from, dataset, inputs, n_inputs);
		else
			add_value(&from, dataset);
	if (cer_dataset_finish(dataset, NULL) == CER_OK)
		for (size_t i = 0; i < sizeof(fes) / sizeof(fes[0]); i++)
			encode(dataset, inputs, n_inputs, fes[i]);
	cer_dataset_free(dataset);
	return 0;
}
