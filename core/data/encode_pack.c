/*
 * data/encode_pack.c
 *	  Encoders to bytes and back.
 *
 *	 version (1), kind (1), storage (1), name, then what the kind writes
 *
 * Bytes that no pack can have written are refused: each count is checked
 * against what is left before it is used.
 */
#include "data/encoder.h"

#include "base/text.h"

#include <string.h>

#define FORMAT_VERSION 1

static void
write_encoder(cer_byte_writer *to, const cer_encoder *encoder)
{
	cer_write_number(to, FORMAT_VERSION, 1);
	cer_write_number(to, encoder->type->id, 1);
	cer_write_number(to, encoder->input.storage, 1);
	cer_write_text(to, encoder->input.name);
	encoder->type->write(to, encoder);
}

cer_status
cer_encoders_pack(cer_arena *arena, const cer_encoders *encoders, size_t input,
                  cer_text *bytes, cer_error *err)
{
	const cer_encoder *encoder = &encoders->encoders[input];
	cer_byte_writer to = {0};

	write_encoder(&to, encoder);
	if (to.size > UINT32_MAX)
		return cer_fail(err, CER_TOO_BIG,
		                "the values of input \"%.*s\" take %zu bytes",
		                CER_SHOW(encoder->input.name), to.size);
	to.data = cer_arena_allocate(arena, to.size);
	if (to.data == NULL)
		return cer_fail_memory(err, to.size);
	to.size = 0;
	write_encoder(&to, encoder);
	*bytes = (cer_text){to.data, to.size};
	return CER_OK;
}

static cer_status
fail_damaged(cer_error *err)
{
	return cer_fail(err, CER_BAD_FORMAT, "an encoder's bytes are damaged");
}

static cer_status
read_encoder(cer_arena *arena, cer_text bytes, cer_encoder *encoder,
             cer_error *err)
{
	cer_byte_reader from = {.data = bytes.data, .left = bytes.size};
	uint64_t version = cer_read_number(&from, 1);
	uint8_t id = (uint8_t) cer_read_number(&from, 1);
	uint64_t storage = cer_read_number(&from, 1);
	cer_text name = cer_read_text(&from);

	memset(encoder, 0, sizeof(*encoder));
	if (!from.is_bad && version != FORMAT_VERSION)
		return cer_fail(err, CER_BAD_VERSION,
		                "an encoder of format %d, known is %d", (int) version,
		                FORMAT_VERSION);
	encoder->type = cer_encoder_type_find_id(id);
	if (from.is_bad || encoder->type == NULL || storage > CER_CODE32 ||
	    (storage == CER_CODE32) != encoder->type->is_of_codes)
		return fail_damaged(err);
	encoder->n_scaled = 1;
	encoder->input.storage = (cer_storage) storage;
	CER_TRY(cer_text_copy(arena, name, &encoder->input.name, err));
	CER_TRY(encoder->type->read(arena, &from, encoder, err));
	return from.is_bad || from.left > 0 ? fail_damaged(err) : CER_OK;
}

cer_status
cer_encoders_unpack(cer_arena *arena, const cer_text *bytes, size_t n_inputs,
                    size_t n_classes, const cer_encoders **encoders,
                    cer_error *err)
{
	cer_encoders *made = cer_arena_allocate(arena, sizeof(*made));

	if (n_inputs == 0 || n_inputs > CER_MAX_INPUTS || n_classes < 2 ||
	    n_classes > CER_MAX_CLASSES)
		return cer_fail(err, CER_BAD_FORMAT, "%zu inputs for %zu classes",
		                n_inputs, n_classes);
	if (made == NULL)
		return cer_fail_memory(err, sizeof(*made));
	made->n_inputs = n_inputs;
	made->encoders =
		cer_arena_allocate(arena, n_inputs * sizeof(*made->encoders));
	if (made->encoders == NULL)
		return cer_fail_memory(err, n_inputs * sizeof(*made->encoders));
	for (size_t i = 0; i < n_inputs; i++)
		CER_TRY(read_encoder(arena, bytes[i], &made->encoders[i], err));
	CER_TRY(cer_encoders_make_shape(arena, made, n_classes, err));
	*encoders = made;
	return CER_OK;
}
