/*
 * data/encode.c
 *	  Encoders of a plan: their places in a row, single rows.  The kinds there
 *	  are in encode_types.c, fitting is in encode_fit.c, whole parts in
 *	  encode_apply.c, bytes in encode_pack.c.
 */
#include "data/encoder.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

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
	return &encoders->inputs[input].input;
}

size_t
cer_encoders_count_values(const cer_encoders *encoders)
{
	return encoders->n_values;
}

size_t
cer_encoders_get_value(const cer_encoders *encoders, size_t input,
                       size_t *n_values)
{
	*n_values = encoders->inputs[input].n_values;
	return encoders->inputs[input].value;
}

void
cer_encoder_init(cer_encoder *encoder, const cer_encoder_type *type)
{
	memset(encoder, 0, sizeof(*encoder));
	encoder->type = type;
	encoder->n_scaled = type->is_table ? 0 : 1;
	encoder->n_codes = type->is_table ? 1 : 0;
}

cer_status
cer_encoder_fail(const cer_encoder *encoder, cer_error *err)
{
	return cer_fail(err, CER_BAD_FORMAT,
	                "the encoder of input \"%.*s\" is damaged",
	                CER_SHOW(encoder->input.name));
}

/* ---- single rows ---- */

#define FEW_CODES 256 /* of one encoder: most of ngram and bag */

_Static_assert(FEW_CODES >= CER_MAX_GRAMS, "a text's codes must fit");

void
cer_encoders_encode_text(const cer_encoders *encoders, size_t input,
                         cer_text text, cer_value *values, size_t stride)
{
	const cer_encoded_input *from = &encoders->inputs[input];
	uint32_t codes[FEW_CODES];

	for (size_t i = from->first; i < from->first + from->n; i++)
	{
		const cer_encoder *encoder = &encoders->encoders[i];
		size_t n_codes = cer_encoder_count_codes(encoder);

		if (encoder->type->find == NULL)
			continue;
		encoder->type->find(encoder, text, codes);
		for (size_t code = 0; code < n_codes; code++, values += stride)
			values->code = codes[code];
	}
}

/* Values of categories are codes of the tables already. */
static void
copy_codes(const cer_encoder *encoder, const cer_value_block *block)
{
	uint32_t *to = block->codes + encoder->table;

	for (size_t code = 0; code < encoder->n_codes; code++)
		for (size_t row = 0; row < block->n_rows; row++)
			to[row * block->n_tables + code] =
				block->values[code * block->stride + row].code;
}

void
cer_encoders_apply_values(const cer_encoders *encoders, size_t n_rows,
                          const cer_value *values, size_t stride,
                          float *numbers, uint32_t *codes)
{
	cer_value_rows rows = {n_rows, values, stride, NULL};

	cer_encoders_apply_rows(encoders, &rows, numbers, codes);
}

/* By all encoders of the input. */
static void
apply_input(const cer_encoders *encoders, const cer_encoded_input *input,
            const cer_value_rows *rows, cer_value_block *block)
{
	for (size_t i = input->first; i < input->first + input->n; i++)
	{
		const cer_encoder *encoder = &encoders->encoders[i];

		block->values = rows->values + encoder->value * rows->stride;
		if (encoder->type->encode_values == NULL)
			copy_codes(encoder, block);
		else
			encoder->type->encode_values(encoder, block);
	}
}

void
cer_encoders_apply_rows(const cer_encoders *encoders,
                        const cer_value_rows *rows, float *numbers,
                        uint32_t *codes)
{
	cer_value_block block = {
		.n_rows = rows->n_rows,
		.stride = rows->stride,
		.numbers = numbers,
		.n_numbers = cer_shape_count_stored(&encoders->shape),
		.codes = codes,
		.n_tables = cer_shape_count_codes(&encoders->shape),
	};

	for (size_t i = 0; i < encoders->n_inputs; i++)
		if (rows->is_read == NULL || rows->is_read[i])
			apply_input(encoders, &encoders->inputs[i], rows, &block);
}

/* ---- shape ---- */

static size_t
count_numbers(const cer_encoder *encoder)
{
	return encoder->n_scaled + encoder->has_missing;
}

static size_t
count_stored(const cer_encoder *encoder)
{
	size_t n_steps = encoder->n_steps;

	return count_numbers(encoder) - n_steps +
	       (n_steps > 0 ? CER_RAMP_FLOATS : 0);
}

/* That a value is missing is told once. */
static void
drop_missing(const cer_encoders *encoders, const cer_encoded_input *input)
{
	bool has_missing = false;

	for (size_t i = input->first; i < input->first + input->n; i++)
	{
		cer_encoder *encoder = &encoders->encoders[i];

		encoder->is_lone = input->n == 1;
		encoder->has_missing = encoder->has_missing && !has_missing;
		has_missing = has_missing || encoder->has_missing;
	}
}

/* The values that an input has in a row to be scored. */
static void
place_values(cer_encoders *encoders, cer_encoded_input *input)
{
	size_t n_codes = 0;

	input->value = encoders->n_values;
	for (size_t i = input->first; i < input->first + input->n; i++)
	{
		cer_encoder *encoder = &encoders->encoders[i];

		encoder->value = encoders->n_values + n_codes;
		n_codes += cer_encoder_count_codes(encoder);
	}
	input->n_values = n_codes > 0 ? n_codes : 1;
	encoders->n_values += input->n_values;
}

/* Counts the numbers and tables, giving each encoder the next ones. */
static void
place_encoders(cer_encoders *encoders)
{
	cer_input_shape *shape = &encoders->shape;

	encoders->n_values = 0;
	for (size_t i = 0; i < encoders->n_inputs; i++)
	{
		drop_missing(encoders, &encoders->inputs[i]);
		place_values(encoders, &encoders->inputs[i]);
	}
	for (size_t i = 0; i < encoders->n_encoders; i++)
	{
		cer_encoder *encoder = &encoders->encoders[i];

		encoder->first = shape->n_numbers;
		encoder->number = shape->n_stored;
		encoder->table = shape->n_tables;
		shape->n_numbers += count_numbers(encoder);
		shape->n_stored += count_stored(encoder);
		shape->n_ramps += encoder->n_steps > 0;
		shape->n_tables += encoder->is_bag ? 0 : encoder->n_codes;
		shape->n_lifts += encoder->type->lift != NULL;
	}
	for (size_t i = 0; i < encoders->n_encoders; i++)
	{
		cer_encoder *encoder = &encoders->encoders[i];

		if (!encoder->is_bag)
			continue;
		encoder->table = cer_shape_count_codes(shape);
		shape->n_bag_codes += encoder->n_codes;
	}
}

/* Where rows store the numbers of one encoder; a ramp's are its last ones but
 * for the one that tells of missing values. */
static void
place_numbers(const cer_encoder *encoder, cer_number_place *places)
{
	uint32_t stored = (uint32_t) encoder->number;
	size_t n_alone = encoder->n_scaled - encoder->n_steps;

	places += encoder->first;
	for (size_t i = 0; i < n_alone; i++)
		*places++ = (cer_number_place){stored++, CER_NO_STEP};
	for (size_t i = 0; i < encoder->n_steps; i++)
		*places++ = (cer_number_place){stored, (uint32_t) i};
	if (encoder->n_steps > 0)
		stored += CER_RAMP_FLOATS;
	if (encoder->has_missing)
		*places = (cer_number_place){stored, CER_NO_STEP};
}

/* Nothing to do without ramps: then numbers are stored as they are. */
static cer_status
make_places(cer_arena *arena, cer_encoders *encoders, cer_error *err)
{
	cer_input_shape *shape = &encoders->shape;
	size_t size = shape->n_numbers * sizeof(cer_number_place);
	cer_number_place *places;
	cer_ramp *ramps;

	if (shape->n_ramps == 0)
		return CER_OK;
	places = cer_arena_allocate(arena, size);
	ramps = cer_arena_allocate(arena, shape->n_ramps * sizeof(*ramps));
	if (places == NULL || ramps == NULL)
		return cer_fail_memory(err, size);
	shape->places = places;
	shape->ramps = ramps;
	for (size_t i = 0; i < encoders->n_encoders; i++)
	{
		const cer_encoder *encoder = &encoders->encoders[i];
		uint32_t begin =
			(uint32_t) (encoder->first + encoder->n_scaled - encoder->n_steps);

		place_numbers(encoder, places);
		if (encoder->n_steps > 0)
			*ramps++ = (cer_ramp){begin, (uint32_t) encoder->n_steps,
			                      places[begin].stored};
	}
	return CER_OK;
}

#define MAX_SUFFIX 80

static cer_status
join_name(cer_arena *arena, cer_text input, const char *suffix, cer_text *name,
          cer_error *err)
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

/* Nothing, or " as bins" where the input has other encoders, too. */
static int
print_kind(const cer_encoder *encoder, char *text)
{
	text[0] = '\0';
	if (encoder->is_lone)
		return 0;
	return snprintf(text, MAX_SUFFIX, " as %s",
	                cer_encoder_name(encoder->type->kinds[1]));
}

/* Of one encoder: "distance" or, of several numbers, "distance 1", "distance
 * 2". */
static cer_status
name_numbers(cer_arena *arena, const cer_encoder *encoder, cer_text *names,
             cer_error *err)
{
	cer_text input = encoder->input.name;
	char suffix[MAX_SUFFIX];
	int n = print_kind(encoder, suffix);

	for (size_t i = 0; i < encoder->n_scaled; i++)
	{
		if (i > 0)
			snprintf(suffix + n, sizeof(suffix) - (size_t) n, " %zu", i + 1);
		else if (encoder->n_scaled > 1)
			snprintf(suffix + n, sizeof(suffix) - (size_t) n, " 1");
		CER_TRY(join_name(arena, input, suffix, &names[i], err));
	}
	if (!encoder->has_missing)
		return CER_OK;
	return join_name(arena, input, " is missing", &names[encoder->n_scaled],
	                 err);
}

static cer_status
describe_table(cer_arena *arena, const cer_encoder *encoder, size_t i,
               cer_table_shape *table, cer_error *err)
{
	const char *suffix = "";
	char text[MAX_SUFFIX];
	int n = print_kind(encoder, text);

	*table = (cer_table_shape){.width = encoder->width};
	if (encoder->type->describe != NULL)
		encoder->type->describe(encoder, i, table, &suffix);
	else
		table->n_codes = encoder->vocabulary->n_values + CER_CODE_FIRST;
	snprintf(text + n, sizeof(text) - (size_t) n, "%s%s", *suffix ? " " : "",
	         suffix);
	return join_name(arena, encoder->input.name, text, &table->name, err);
}

static cer_status
make_lifts(cer_arena *arena, cer_encoders *encoders, cer_error *err)
{
	size_t size = encoders->shape.n_lifts * sizeof(cer_lift);
	cer_lift *next = cer_arena_allocate(arena, size);
	char suffix[MAX_SUFFIX];

	if (next == NULL)
		return cer_fail_memory(err, size);
	encoders->shape.lifts = next;
	for (size_t i = 0; i < encoders->n_encoders; i++)
	{
		const cer_encoder *encoder = &encoders->encoders[i];

		if (encoder->type->lift == NULL)
			continue;
		*next = (cer_lift){.number = encoder->first,
		                   .n_out = encoder->n_learnt,
		                   .n_inner = encoder->n_inner,
		                   .deviation = encoder->deviation};
		CER_TRY(encoder->type->lift(arena, encoder, next, err));
		print_kind(encoder, suffix);
		CER_TRY(
			join_name(arena, encoder->input.name, suffix, &next->name, err));
		next++;
	}
	return CER_OK;
}

/* Of inputs that are side by side the numbers are, too. */
static cer_status
list_number_inputs(cer_arena *arena, cer_encoders *encoders, cer_error *err)
{
	size_t size = encoders->shape.n_numbers * sizeof(uint32_t);
	uint32_t *inputs = cer_arena_allocate(arena, size);

	if (inputs == NULL)
		return cer_fail_memory(err, size);
	for (size_t i = 0; i < encoders->n_inputs; i++)
	{
		const cer_encoded_input *input = &encoders->inputs[i];

		for (size_t j = input->first; j < input->first + input->n; j++)
			for (size_t k = 0; k < count_numbers(&encoders->encoders[j]); k++)
				inputs[encoders->encoders[j].first + k] = (uint32_t) i;
	}
	encoders->shape.number_inputs = inputs;
	return CER_OK;
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
	for (size_t i = 0; i < encoders->n_inputs; i++)
		if (encoders->inputs[i].n_values > CER_MAX_INPUT_VALUES)
			return cer_fail(
				err, CER_TOO_BIG, "input \"%.*s\" makes more than %d codes",
				CER_SHOW(encoders->inputs[i].input.name), CER_MAX_INPUT_VALUES);
	names = cer_arena_allocate(arena, shape->n_numbers * sizeof(*names));
	tables = cer_arena_allocate(arena, shape->n_tables * sizeof(*tables));
	if (names == NULL || tables == NULL)
		return cer_fail_memory(err, shape->n_tables * sizeof(*tables));
	shape->number_names = names;
	shape->tables = tables;
	CER_TRY(list_number_inputs(arena, encoders, err));
	CER_TRY(make_places(arena, encoders, err));
	CER_TRY(make_lifts(arena, encoders, err));
	for (size_t i = 0; i < encoders->n_encoders; i++)
	{
		const cer_encoder *encoder = &encoders->encoders[i];
		size_t n_tables = encoder->is_bag ? 0 : encoder->n_codes;

		CER_TRY(name_numbers(arena, encoder, &names[encoder->first], err));
		for (size_t code = 0; code < n_tables; code++)
			CER_TRY(describe_table(arena, encoder, code,
			                       &tables[encoder->table + code], err));
	}
	return CER_OK;
}
