/*
 * store/header.c
 *	  The header of a model: bytes and back.
 */
#include "store/parts.h"

#include "base/bytes.h"
#include "base/error.h"
#include "data/dataset.h"

#include <math.h>

#define FORMAT_VERSION 2 /* 1 had no temperature */
/* The least that an input takes: its storage and its name's size. */
#define INPUT_SIZE 5

static void
write_header(cer_byte_writer *to, const cer_model_header *header)
{
	cer_write_number(to, FORMAT_VERSION, 1);
	cer_write_text(to, header->library_version);
	cer_write_number(to, header->language_version, sizeof(uint32_t));
	cer_write_text(to, header->triple);
	cer_write_text(to, header->kernel_class);
	cer_write_number(to, header->n_classes, sizeof(uint32_t));
	cer_write_double(to, header->temperature);
	cer_write_number(to, header->n_inputs, sizeof(uint32_t));
	for (size_t i = 0; i < header->n_inputs; i++)
	{
		cer_write_number(to, header->inputs[i].storage, 1);
		cer_write_text(to, header->inputs[i].name);
	}
}

cer_status
cer_model_header_pack(cer_arena *arena, const cer_model_header *header,
                      cer_text *bytes, cer_error *err)
{
	cer_byte_writer to = {0};

	write_header(&to, header);
	to.data = cer_arena_allocate(arena, to.size);
	if (to.data == NULL)
		return cer_fail_memory(err, to.size);
	to.size = 0;
	write_header(&to, header);
	*bytes = (cer_text){to.data, to.size};
	return CER_OK;
}

static cer_status
fail_damaged(cer_error *err)
{
	return cer_fail(err, CER_BAD_FORMAT, "the model's header is damaged");
}

static cer_status
check_versions(const cer_byte_reader *from, uint64_t version,
               const cer_model_header *header, cer_error *err)
{
	if (from->is_bad)
		return fail_damaged(err);
	if (version >= 1 && version <= FORMAT_VERSION &&
	    header->language_version <= CER_LANGUAGE_VERSION)
		return CER_OK;
	cer_fail(err, CER_BAD_VERSION,
	         "the model has format %d and language version %u", (int) version,
	         header->language_version);
	cer_error_set_detail(err, "Known here are %d and %d.", FORMAT_VERSION,
	                     CER_LANGUAGE_VERSION);
	cer_error_set_hint(err, "Update cerebro.");
	return CER_BAD_VERSION;
}

static cer_status
read_inputs(cer_arena *arena, cer_byte_reader *from, cer_model_header *header,
            cer_error *err)
{
	cer_input *inputs;

	if (header->n_inputs == 0 || header->n_inputs > CER_MAX_INPUTS ||
	    header->n_inputs > from->left / INPUT_SIZE || header->n_classes < 2 ||
	    header->n_classes > CER_MAX_CLASSES ||
	    !(header->temperature > 0.0 && isfinite(header->temperature)))
		return fail_damaged(err);
	inputs = cer_arena_allocate(arena, header->n_inputs * sizeof(*inputs));
	if (inputs == NULL)
		return cer_fail_memory(err, header->n_inputs * sizeof(*inputs));
	for (size_t i = 0; i < header->n_inputs; i++)
	{
		uint64_t storage = cer_read_number(from, 1);

		if (storage > CER_CODE32)
			return fail_damaged(err);
		inputs[i].storage = (cer_storage) storage;
		inputs[i].name = cer_read_text(from);
	}
	header->inputs = inputs;
	return from->is_bad || from->left > 0 ? fail_damaged(err) : CER_OK;
}

cer_status
cer_model_header_unpack(cer_arena *arena, cer_text bytes,
                        cer_model_header *header, cer_error *err)
{
	cer_byte_reader from = {.data = bytes.data, .left = bytes.size};
	uint64_t version = cer_read_number(&from, 1);
	cer_model_header read = {.library_version = cer_read_text(&from)};

	read.language_version = (uint32_t) cer_read_number(&from, sizeof(uint32_t));
	CER_TRY(check_versions(&from, version, &read, err));
	read.triple = cer_read_text(&from);
	read.kernel_class = cer_read_text(&from);
	read.n_classes = (size_t) cer_read_number(&from, sizeof(uint32_t));
	read.temperature = version > 1 ? cer_read_double(&from) : 1.0;
	read.n_inputs = (size_t) cer_read_number(&from, sizeof(uint32_t));
	CER_TRY(read_inputs(arena, &from, &read, err));
	*header = read;
	return CER_OK;
}
