/*
 * data/encode_pack.c
 *	  Encoders to bytes and back.
 *
 *	 version 1: version (1), kind (1), storage (1), name, what the kind writes
 *	 version 2: version (1), storage (1), name, number of encoders (1), for each
 *				kind (1), what the kind writes
 *
 * One encoder is written as version 1, which older programs read.  Bytes that
 * no pack can have written are refused: each count is checked against what is
 * left before it is used.
 */
#include "data/encoder.h"

#include "base/text.h"

#include <string.h>

#define VERSION_OF_ONE     1
#define VERSION_OF_SEVERAL 2

static void
write_input(cer_byte_writer *to, const cer_encoders *encoders, size_t i)
{
	const cer_encoded_input *input = &encoders->inputs[i];
	const cer_encoder *encoder = &encoders->encoders[input->first];

	if (input->n == 1)
	{
		cer_write_number(to, VERSION_OF_ONE, 1);
		cer_write_number(to, encoder->type->id, 1);
		cer_write_number(to, input->input.storage, 1);
		cer_write_text(to, input->input.name);
		encoder->type->write(to, encoder);
		return;
	}
	cer_write_number(to, VERSION_OF_SEVERAL, 1);
	cer_write_number(to, input->input.storage, 1);
	cer_write_text(to, input->input.name);
	cer_write_number(to, input->n, 1);
	for (size_t k = 0; k < input->n; k++)
	{
		cer_write_number(to, encoder[k].type->id, 1);
		encoder[k].type->write(to, &encoder[k]);
	}
}

cer_status
cer_encoders_pack(cer_arena *arena, const cer_encoders *encoders, size_t input,
                  cer_text *bytes, cer_error *err)
{
	cer_byte_writer to = {0};

	write_input(&to, encoders, input);
	if (to.size > UINT32_MAX)
		return cer_fail(err, CER_TOO_BIG,
		                "the values of input \"%.*s\" take %zu bytes",
		                CER_SHOW(encoders->inputs[input].input.name), to.size);
	to.data = cer_arena_allocate(arena, to.size);
	if (to.data == NULL)
		return cer_fail_memory(err, to.size);
	to.size = 0;
	write_input(&to, encoders, input);
	*bytes = (cer_text){to.data, to.size};
	return CER_OK;
}

cer_status
cer_encoder_pack(cer_arena *arena, const cer_encoder *encoder, cer_text *bytes,
                 cer_error *err)
{
	cer_byte_writer to = {0};

	encoder->type->write(&to, encoder);
	to.data = cer_arena_allocate(arena, to.size + 1);
	if (to.data == NULL)
		return cer_fail_memory(err, to.size);
	to.size = 0;
	cer_write_number(&to, encoder->type->id, 1);
	encoder->type->write(&to, encoder);
	*bytes = (cer_text){to.data, to.size};
	return CER_OK;
}

static cer_status
fail_damaged(cer_error *err)
{
	return cer_fail(err, CER_BAD_FORMAT, "an encoder's bytes are damaged");
}

/* Up to where the first encoder begins; *id is its kind in version 1. */
static cer_status
read_head(cer_arena *arena, cer_byte_reader *from, cer_encoded_input *input,
          uint8_t *id, cer_error *err)
{
	uint64_t version = cer_read_number(from, 1);
	uint64_t storage;
	cer_text name;

	if (!from->is_bad && version != VERSION_OF_ONE &&
	    version != VERSION_OF_SEVERAL)
		return cer_fail(err, CER_BAD_VERSION,
		                "an encoder of format %d, known are %d and %d",
		                (int) version, VERSION_OF_ONE, VERSION_OF_SEVERAL);
	if (version == VERSION_OF_ONE)
		*id = (uint8_t) cer_read_number(from, 1);
	storage = cer_read_number(from, 1);
	name = cer_read_text(from);
	input->n = version == VERSION_OF_SEVERAL ? cer_read_number(from, 1) : 1;
	if (from->is_bad || storage > CER_CODE32 || input->n == 0 ||
	    (version == VERSION_OF_SEVERAL && input->n == 1))
		return fail_damaged(err);
	input->input.storage = (cer_storage) storage;
	return cer_text_copy(arena, name, &input->input.name, err);
}

static cer_status
read_encoder(cer_arena *arena, cer_byte_reader *from, uint8_t id,
             const cer_encoded_input *input, cer_encoder *encoder,
             cer_error *err)
{
	const cer_encoder_type *type = cer_encoder_type_find_id(id);

	if (type == NULL ||
	    (input->input.storage == CER_CODE32) != type->is_of_codes)
		return fail_damaged(err);
	cer_encoder_init(encoder, type);
	encoder->input = input->input;
	encoder->spec.kind = type->kinds[1];
	CER_TRY(type->read(arena, from, encoder, err));
	return from->is_bad ? fail_damaged(err) : CER_OK;
}

/* Appends the encoders of one input, for which there is room. */
static cer_status
read_input(cer_arena *arena, cer_text bytes, cer_encoders *encoders, size_t i,
           cer_error *err)
{
	cer_byte_reader from = {.data = bytes.data, .left = bytes.size};
	cer_encoded_input *input = &encoders->inputs[i];
	uint8_t first_id = 0;
	size_t n_missing = 0; /* is told once, see encode.c */

	CER_TRY(read_head(arena, &from, input, &first_id, err));
	input->first = encoders->n_encoders;
	for (size_t k = 0; k < input->n; k++)
	{
		uint8_t id =
			input->n == 1 ? first_id : (uint8_t) cer_read_number(&from, 1);
		cer_encoder *encoder = &encoders->encoders[encoders->n_encoders++];

		CER_TRY(read_encoder(arena, &from, id, input, encoder, err));
		n_missing += encoder->has_missing;
	}
	return from.left > 0 || n_missing > 1 ? fail_damaged(err) : CER_OK;
}

/* How many encoders the inputs have, as far as bytes can be believed. */
static cer_status
count_encoders(cer_arena *arena, const cer_text *bytes, size_t n_inputs,
               size_t *n, cer_error *err)
{
	*n = 0;
	for (size_t i = 0; i < n_inputs; i++)
	{
		cer_byte_reader from = {.data = bytes[i].data, .left = bytes[i].size};
		cer_encoded_input input = {0};
		uint8_t id;

		CER_TRY(read_head(arena, &from, &input, &id, err));
		*n += input.n;
	}
	return CER_OK;
}

static cer_status
allocate_encoders(cer_arena *arena, size_t n_inputs, size_t n_encoders,
                  cer_encoders **encoders, cer_error *err)
{
	cer_encoders *made = cer_arena_allocate(arena, sizeof(*made));
	size_t size = n_inputs * sizeof(*made->inputs);
	size_t encoders_size = n_encoders * sizeof(*made->encoders);

	if (made == NULL)
		return cer_fail_memory(err, sizeof(*made));
	memset(made, 0, sizeof(*made));
	made->n_inputs = n_inputs;
	made->inputs = cer_arena_allocate(arena, size);
	made->encoders = cer_arena_allocate(arena, encoders_size);
	if (made->inputs == NULL || made->encoders == NULL)
		return cer_fail_memory(err, size + encoders_size);
	memset(made->inputs, 0, size);
	*encoders = made;
	return CER_OK;
}

cer_status
cer_encoders_unpack(cer_arena *arena, const cer_text *bytes, size_t n_inputs,
                    size_t n_classes, const cer_encoders **encoders,
                    cer_error *err)
{
	cer_encoders *made = NULL;
	size_t n_encoders;

	if (n_inputs == 0 || n_inputs > CER_MAX_INPUTS || n_classes < 2 ||
	    n_classes > CER_MAX_CLASSES)
		return cer_fail(err, CER_BAD_FORMAT, "%zu inputs for %zu classes",
		                n_inputs, n_classes);
	CER_TRY(count_encoders(arena, bytes, n_inputs, &n_encoders, err));
	CER_TRY(allocate_encoders(arena, n_inputs, n_encoders, &made, err));
	for (size_t i = 0; i < n_inputs; i++)
		CER_TRY(read_input(arena, bytes[i], made, i, err));
	CER_TRY(cer_encoders_make_shape(arena, made, n_classes, err));
	*encoders = made;
	return CER_OK;
}
