/*
 * wire/codec.h
 *	  One description of a message's fields, used both to write and to read it,
 *	  so that the two cannot differ.
 *
 * A codec that failed stays failed and does nothing more: a message is described
 * as a plain list of fields, and the status looked at once, at its end.
 */
#ifndef CER_WIRE_CODEC_H
#define CER_WIRE_CODEC_H

#include "base/error.h"

typedef struct cer_codec
{
	cer_buffer *out;      /* writing; NULL: reading */
	const uint8_t *start; /* reading: the payload, 8-byte aligned */
	size_t size;
	size_t position; /* from the payload's start, both ways */
	cer_arena *arena;
	cer_status status;
	cer_error *err;
} cer_codec;

static inline bool
cer_codec_is_reading(const cer_codec *c)
{
	return c->out == NULL;
}

/* The first failure stays. */
extern void cer_codec_fail(cer_codec *c, const char *what);

extern void cer_codec_u8(cer_codec *c, uint8_t *value);
extern void cer_codec_u32(cer_codec *c, uint32_t *value);
extern void cer_codec_u64(cer_codec *c, uint64_t *value);
extern void cer_codec_double(cer_codec *c, double *value);
extern void cer_codec_bool(cer_codec *c, bool *value);
/* Values below limit only. */
extern uint32_t cer_codec_enum(cer_codec *c, uint32_t value, uint32_t limit);
extern void cer_codec_text(cer_codec *c, cer_text *text);
/* Text that ends with NUL in a field of size bytes. */
extern void cer_codec_chars(cer_codec *c, char *chars, size_t size);
/* Bytes that start on a multiple of 8 and are lent when read. */
extern void cer_codec_bytes(cer_codec *c, const void **data, size_t size);

typedef void (*cer_codec_element)(cer_codec *c, void *element);

typedef struct cer_codec_list
{
	const void *elements;
	size_t n;
} cer_codec_list;

/*
 * A count, then the elements.  element_size is that of the struct, wire_size the
 * least that one takes in the frame: a count cannot ask for more memory than
 * the frame's own bytes can account for.
 */
extern cer_codec_list
cer_codec_array(cer_codec *c, cer_codec_list list, size_t element_size,
                size_t wire_size, cer_codec_element element);

#endif
