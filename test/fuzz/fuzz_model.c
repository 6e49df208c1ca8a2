/*
 * fuzz_model.c
 *	  Any parts either make a model that scores, or are refused; an encoder's
 *	  bytes that are taken are written back the same.
 *
 * The input is a list of parts:
 *	 kind (1), number of dims (1), dims (2 each), name size (1), name,
 *	 data size (2), data
 */
#include "fuzz.h"
#include "base/bytes.h"
#include "data/encode.h"

#include <math.h>

#define MAX_PARTS 64
#define N_ROWS    3

static cer_text
read_bytes(cer_byte_reader *from, size_t size)
{
	cer_text bytes = {from->data, size};

	if (size > from->left)
	{
		from->is_bad = true;
		return (cer_text){"", 0};
	}
	from->data += size;
	from->left -= size;
	return bytes;
}

static cer_part
read_part(cer_byte_reader *from)
{
	cer_part part = {.kind = (cer_part_kind) (cer_read_number(from, 1) % 4)};
	cer_text bytes;

	part.n_dims = (uint32_t) cer_read_number(from, 1) % (CER_MAX_DIMS + 1);
	for (uint32_t i = 0; i < part.n_dims; i++)
		part.dims[i] = cer_read_number(from, 2);
	part.name = read_bytes(from, (size_t) cer_read_number(from, 1));
	bytes = read_bytes(from, (size_t) cer_read_number(from, 2));
	part.data = bytes.data;
	part.size = bytes.size;
	return part;
}

static void
make_value(const cer_model *model, size_t input, size_t i, cer_value *values)
{
	static const double numbers[] = {0, NAN, INFINITY, -1e308, 12};
	static const cer_text texts[] = {
		{"a", 1}, {NULL, SIZE_MAX}, {"", 0}, {"city1", 5}, {"red", 3}};

	values += cer_model_get_value(model, input);
	if (cer_model_get_input(model, input)->storage == CER_CODE32)
		cer_model_encode_text(model, input, texts[i % 5], values, 1);
	else
		values->number = numbers[i % 5];
}

static void
score(const cer_model *model)
{
	size_t n_inputs = cer_model_count_inputs(model);
	size_t n_classes = cer_model_count_classes(model);
	size_t scratch_size = cer_model_get_scratch_size(model, N_ROWS);
	size_t n_values = cer_model_count_values(model);
	cer_value *values = calloc(N_ROWS * n_values, sizeof(*values));
	float *proba = calloc(N_ROWS * n_classes, sizeof(*proba));
	void *scratch = aligned_alloc(64, (scratch_size + 63) / 64 * 64 + 64);

	for (size_t i = 0; i < N_ROWS * n_inputs; i++)
		make_value(model, i % n_inputs, i, values + i / n_inputs * n_values);
	cer_model_score(model, N_ROWS, values, proba, scratch);
	free(values);
	free(proba);
	free(scratch);
}

static void
check_encoder(cer_arena *arena, const cer_part *part)
{
	cer_text bytes = {part->data, part->size};
	const cer_encoders *encoders;
	cer_text again;

	if (part->kind != CER_PART_ENCODER ||
	    cer_encoders_unpack(arena, &bytes, 1, 2, &encoders, NULL) != CER_OK)
		return;
	check(cer_encoders_pack(arena, encoders, 0, &again, NULL) == CER_OK);
	check(again.size == bytes.size &&
	      memcmp(again.data, bytes.data, bytes.size) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cer_byte_reader from = {.data = (const char *) data, .left = size};
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	const cer_model *model;
	cer_part parts[MAX_PARTS];
	size_t n = 0;

	while (n < MAX_PARTS && from.left > 0 && !from.is_bad)
	{
		parts[n] = read_part(&from);
		check_encoder(arena, &parts[n++]);
	}
	if (cer_model_make(arena, parts, n, &model, NULL) == CER_OK)
		score(model);
	cer_arena_free(arena);
	return 0;
}
