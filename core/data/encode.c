/*
 * data/encode.c
 *	  Encoders of a plan: the kinds there are, their places in a row, single
 *	  rows.  Fitting is in encode_fit.c, whole parts in encode_apply.c, bytes in
 *	  encode_pack.c.
 */
#include "data/encoder.h"

#include <stdio.h>
#include <string.h>

static const cer_encoder_type types[] = {
	{
		.id = 1,
		.kinds = {CER_ENCODER_AUTO, CER_ENCODER_ROBUST, CER_ENCODER_ROBUST},
		.measure = cer_robust_measure,
		.encode = cer_robust_encode,
		.encode_values = cer_robust_encode_values,
		.write = cer_scale_write,
		.read = cer_scale_read,
	},
	{
		.id = 2,
		.kinds = {CER_ENCODER_STANDARDIZE, CER_ENCODER_STANDARDIZE,
                  CER_ENCODER_STANDARDIZE},
		.measure = cer_standardize_measure,
		.encode = cer_standardize_encode,
		.encode_values = cer_standardize_encode_values,
		.write = cer_scale_write,
		.read = cer_scale_read,
	},
	{
		.id = 5,
		.kinds = {CER_ENCODER_QUANTILE, CER_ENCODER_QUANTILE,
                  CER_ENCODER_QUANTILE},
		.measure = cer_grid_measure,
		.settle = cer_grid_settle,
		.encode = cer_grid_encode,
		.encode_values = cer_grid_encode_values,
		.write = cer_grid_write,
		.read = cer_grid_read,
	},
	{
		.id = 6,
		.kinds = {CER_ENCODER_PLE, CER_ENCODER_PLE, CER_ENCODER_PLE},
		.measure = cer_grid_measure,
		.settle = cer_grid_settle,
		.encode = cer_grid_encode,
		.encode_values = cer_grid_encode_values,
		.write = cer_grid_write,
		.read = cer_grid_read,
	},
	{
		.id = 3,
		.kinds = {CER_ENCODER_AUTO, CER_ENCODER_ONEHOT, CER_ENCODER_EMBED},
		.is_of_codes = true,
		.is_table = true,
		.measure = cer_category_measure,
		.settle = cer_category_settle,
		.encode = cer_category_encode,
		.encode_values = cer_category_encode_values,
		.write = cer_table_write,
		.read = cer_table_read,
	},
	{
		.id = 4,
		.kinds = {CER_ENCODER_ONEHOT, CER_ENCODER_EMBED, CER_ENCODER_EMBED},
		.is_table = true,
		.measure = cer_number_value_measure,
		.settle = cer_number_value_settle,
		.encode = cer_number_value_encode,
		.encode_values = cer_number_value_encode_values,
		.write = cer_table_write,
		.read = cer_table_read,
	},
};

#define N_TYPES (sizeof(types) / sizeof(types[0]))

static bool
has_kind(const cer_encoder_type *type, cer_encoder_kind kind)
{
	for (size_t i = 0; i < sizeof(type->kinds) / sizeof(type->kinds[0]); i++)
		if (type->kinds[i] == kind)
			return true;
	return false;
}

const cer_encoder_type *
cer_encoder_type_find(cer_encoder_kind kind, bool is_of_codes)
{
	for (size_t i = 0; i < N_TYPES; i++)
		if (types[i].is_of_codes == is_of_codes && has_kind(&types[i], kind))
			return &types[i];
	return NULL;
}

const cer_encoder_type *
cer_encoder_type_find_id(uint8_t id)
{
	for (size_t i = 0; i < N_TYPES; i++)
		if (types[i].id == id)
			return &types[i];
	return NULL;
}

const cer_input_shape *
cer_encoders_get_shape(const cer_encoders *encoders)
{
	return &encoders->shape;
}

size_t
cer_encoders_count_inputs(const cer_encoders *encoders)
{
	return encoders->n_inputs;
}

const cer_input *
cer_encoders_get_input(const cer_encoders *encoders, size_t input)
{
	return &encoders->encoders[input].input;
}

uint32_t
cer_encoders_find_code(const cer_encoders *encoders, size_t input,
                       cer_text value)
{
	const cer_encoder *encoder = &encoders->encoders[input];

	if (value.size == SIZE_MAX)
		return CER_CODE_NULL;
	if (!encoder->type->is_of_codes)
		return CER_CODE_UNSEEN;
	return cer_vocabulary_find(encoder->vocabulary, value);
}

void
cer_encoders_apply_values(const cer_encoders *encoders, size_t n_rows,
                          const cer_value *values, size_t stride,
                          float *numbers, uint32_t *codes)
{
	cer_value_rows rows = {n_rows, values, stride, NULL};

	cer_encoders_apply_rows(encoders, &rows, numbers, codes);
}

void
cer_encoders_apply_rows(const cer_encoders *encoders,
                        const cer_value_rows *rows, float *numbers,
                        uint32_t *codes)
{
	cer_value_block block = {
		.n_rows = rows->n_rows,
		.numbers = numbers,
		.n_numbers = encoders->shape.n_numbers,
		.codes = codes,
		.n_tables = encoders->shape.n_tables,
	};

	for (size_t i = 0; i < encoders->n_inputs; i++)
	{
		const cer_encoder *encoder = &encoders->encoders[i];

		if (rows->is_read != NULL && !rows->is_read[i])
			continue;
		block.values = rows->values + i * rows->stride;
		encoder->type->encode_values(encoder, &block);
	}
}

/* ---- shape ---- */

/* Of a scaled encoder: what stays 0 is one number. */
static size_t
count_numbers(const cer_encoder *encoder)
{
	return encoder->n_scaled + encoder->has_missing;
}

/* Counts the numbers and tables, giving each encoder the next ones. */
static void
place_encoders(cer_encoders *encoders)
{
	cer_input_shape *shape = &encoders->shape;

	for (size_t i = 0; i < encoders->n_inputs; i++)
	{
		cer_encoder *encoder = &encoders->encoders[i];

		encoder->number = shape->n_numbers;
		encoder->table = shape->n_tables;
		if (encoder->type->is_table)
			shape->n_tables++;
		else
			shape->n_numbers += count_numbers(encoder);
	}
}

static cer_status
name_number(cer_arena *arena, cer_text input, const char *suffix,
            cer_text *name, cer_error *err)
{
	size_t size = input.size + strlen(suffix);
	char *text = cer_arena_allocate(arena, size);

	if (text == NULL)
		return cer_fail_memory(err, size);
	if (input.size > 0)
		memcpy(text, input.data, input.size);
	memcpy(text + input.size, suffix, strlen(suffix));
	*name = (cer_text){text, size};
	return CER_OK;
}

/* Of one encoder: "distance" or, of several, "distance 1", "distance 2". */
static cer_status
name_numbers(cer_arena *arena, const cer_encoder *encoder, cer_text *names,
             cer_error *err)
{
	cer_text input = encoder->input.name;
	char suffix[24];

	names[0] = input;
	for (size_t i = 0; encoder->n_scaled > 1 && i < encoder->n_scaled; i++)
	{
		snprintf(suffix, sizeof(suffix), " %zu", i + 1);
		CER_TRY(name_number(arena, input, suffix, &names[i], err));
	}
	if (!encoder->has_missing)
		return CER_OK;
	return name_number(arena, input, " is missing", &names[encoder->n_scaled],
	                   err);
}

cer_status
cer_encoders_make_shape(cer_arena *arena, cer_encoders *encoders,
                        size_t n_classes, cer_error *err)
{
	cer_input_shape *shape = &encoders->shape;
	cer_text *names;
	cer_table_shape *tables;

	memset(shape, 0, sizeof(*shape));
	shape->n_classes = n_classes;
	place_encoders(encoders);
	names = cer_arena_allocate(arena, shape->n_numbers * sizeof(*names));
	tables = cer_arena_allocate(arena, shape->n_tables * sizeof(*tables));
	if (names == NULL || tables == NULL)
		return cer_fail_memory(err, shape->n_tables * sizeof(*tables));
	shape->number_names = names;
	shape->tables = tables;
	for (size_t i = 0; i < encoders->n_inputs; i++)
	{
		const cer_encoder *encoder = &encoders->encoders[i];
		cer_text name = encoder->input.name;

		if (encoder->type->is_table)
		{
			tables[encoder->table] = (cer_table_shape){
				.name = name,
				.n_codes = encoder->vocabulary->n_values + CER_CODE_FIRST,
				.width = encoder->width};
			continue;
		}
		CER_TRY(name_numbers(arena, encoder, &names[encoder->number], err));
	}
	return CER_OK;
}
