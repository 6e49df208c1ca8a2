/*
 * store/outline.c
 *	  The outline of a model, from the parts that say what it is.
 */
#include "store/parts.h"

#include "base/error.h"
#include "base/text.h"
#include "nn/outline.h"

static const cer_part *
find_part(const cer_part *parts, size_t n_parts, cer_part_kind kind,
          cer_text name)
{
	for (size_t i = 0; i < n_parts; i++)
		if (parts[i].kind == kind && cer_text_equals(parts[i].name, name))
			return &parts[i];
	return NULL;
}

static cer_status
read_encoders(cer_arena *arena, const cer_part *parts, size_t n_parts,
              const cer_model_header *header, const cer_encoders **encoders,
              cer_error *err)
{
	size_t size = header->n_inputs * sizeof(cer_text);
	cer_text *bytes = cer_arena_allocate(arena, size);

	if (bytes == NULL)
		return cer_fail_memory(err, size);
	for (size_t i = 0; i < header->n_inputs; i++)
	{
		const cer_part *part =
			find_part(parts, n_parts, CER_PART_ENCODER, header->inputs[i].name);

		if (part == NULL)
			return cer_fail(err, CER_BAD_FORMAT,
			                "the model lacks its encoder \"%.*s\"",
			                CER_SHOW(header->inputs[i].name));
		bytes[i] = (cer_text){part->data, part->size};
	}
	return cer_encoders_unpack(arena, bytes, header->n_inputs,
	                           header->n_classes, encoders, err);
}

cer_status
cer_outline_make_of_parts(cer_arena *arena, const cer_part *parts,
                          size_t n_parts, const cer_outline **outline,
                          cer_error *err)
{
	const cer_part *header_part = find_part(parts, n_parts, CER_PART_HEADER,
	                                        cer_text_of(CER_HEADER_NAME));
	const cer_encoders *encoders;
	cer_model_header header;
	const cer_mst *mst;

	if (header_part == NULL)
		return cer_fail(err, CER_BAD_FORMAT, "the model lacks its header");
	CER_TRY(cer_model_header_unpack(
		arena, (cer_text){header_part->data, header_part->size}, &header, err));
	CER_TRY(cer_mst_parse(arena, header.triple, &mst, err));
	CER_TRY(read_encoders(arena, parts, n_parts, &header, &encoders, err));
	return cer_outline_make_of_encoders(arena, mst, encoders, outline, err);
}
