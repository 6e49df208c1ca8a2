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

typedef struct codec
{
	cer_buffer *out;      /* writing; NULL: reading */
	const uint8_t *start; /* reading: the payload, 8-byte aligned */
	size_t size;
	size_t position; /* from the payload's start, both ways */
	cer_arena *arena;
	cer_status status;
	cer_error *err;
} codec;

static inline bool
codec_is_reading(const codec *c)
{
	return c->out == NULL;
}

/* The first failure stays. */
extern void codec_fail(codec *c, const char *what);

extern void codec_u8(codec *c, uint8_t *value);
extern void codec_u32(codec *c, uint32_t *value);
extern void codec_u64(codec *c, uint64_t *value);
extern void codec_double(codec *c, double *value);
extern void codec_bool(codec *c, bool *value);
/* Values below limit only. */
extern uint32_t codec_enum(codec *c, uint32_t value, uint32_t limit);
extern void codec_text(codec *c, cer_text *text);
/* Text that ends with NUL in a field of size bytes. */
extern void codec_chars(codec *c, char *chars, size_t size);
/* Bytes that start on a multiple of 8 and are lent when read. */
extern void codec_bytes(codec *c, const void **data, size_t size);

typedef void (*codec_element)(codec *c, void *element);

typedef struct codec_list
{
	const void *elements;
	size_t n;
} codec_list;

/*
 * A count, then the elements.  element_size is that of the struct, wire_size the
 * least that one takes in the frame: a count cannot ask for more memory than
 * the frame's own bytes can account for.
 */
extern codec_list codec_array(codec *c, codec_list list, size_t element_size,
                              size_t wire_size, codec_element element);

#endif
