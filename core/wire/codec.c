/*
 * wire/codec.c
 *	  Fields of messages to bytes and back.
 */
#include "wire/codec.h"

#include <assert.h>
#include <string.h>

void
cer_codec_fail(cer_codec *c, const char *what)
{
	if (c->status == CER_OK)
		c->status = cer_fail(c->err, CER_BAD_FORMAT, "bad frame: %s", what);
}

static void
write_raw(cer_codec *c, const void *data, size_t size)
{
	size_t have = c->out->size;

	c->status = cer_buffer_reserve(c->out, have + size, c->err);
	if (c->status != CER_OK || size == 0)
		return;
	memcpy(c->out->data + have, data, size);
	c->out->size += size;
	c->position += size;
}

/* Lends size bytes of the payload, or NULL. */
static const uint8_t *
lend_raw(cer_codec *c, size_t size)
{
	const uint8_t *here = c->start + c->position;

	if (size > c->size - c->position)
	{
		cer_codec_fail(c, "it ends too early");
		return NULL;
	}
	c->position += size;
	return here;
}

/* A number of any kind, in the machine's own bytes. */
static void
cer_codec_number(cer_codec *c, void *value, size_t size)
{
	const uint8_t *bytes;

	if (c->status != CER_OK)
		return;
	if (!cer_codec_is_reading(c))
	{
		write_raw(c, value, size);
		return;
	}
	bytes = lend_raw(c, size);
	if (bytes != NULL)
		memcpy(value, bytes, size);
}

void
cer_codec_u8(cer_codec *c, uint8_t *value)
{
	cer_codec_number(c, value, sizeof(*value));
}

void
cer_codec_u32(cer_codec *c, uint32_t *value)
{
	cer_codec_number(c, value, sizeof(*value));
}

void
cer_codec_u64(cer_codec *c, uint64_t *value)
{
	cer_codec_number(c, value, sizeof(*value));
}

void
cer_codec_double(cer_codec *c, double *value)
{
	cer_codec_number(c, value, sizeof(*value));
}

uint32_t
cer_codec_enum(cer_codec *c, uint32_t value, uint32_t limit)
{
	cer_codec_u32(c, &value);
	if (c->status == CER_OK && value >= limit)
		cer_codec_fail(c, "a value out of its range");
	return c->status == CER_OK ? value : 0;
}

void
cer_codec_bool(cer_codec *c, bool *value)
{
	*value = cer_codec_enum(c, *value ? 1 : 0, 2) == 1;
}

void
cer_codec_text(cer_codec *c, cer_text *text)
{
	uint32_t size = (uint32_t) text->size;

	if (!cer_codec_is_reading(c) && text->size > UINT32_MAX)
		cer_codec_fail(c, "a text is too long");
	cer_codec_u32(c, &size);
	if (c->status != CER_OK)
		return;
	if (!cer_codec_is_reading(c))
	{
		write_raw(c, text->data, size);
		return;
	}
	text->data = (const char *) lend_raw(c, size);
	text->size = size;
}

void
cer_codec_chars(cer_codec *c, char *chars, size_t size)
{
	cer_text text = {chars, cer_codec_is_reading(c) ? 0 : strlen(chars)};

	cer_codec_text(c, &text);
	if (c->status != CER_OK || !cer_codec_is_reading(c))
		return;
	if (text.size >= size || memchr(text.data, 0, text.size) != NULL)
	{
		cer_codec_fail(c, "a text does not fit");
		return;
	}
	memcpy(chars, text.data, text.size);
	chars[text.size] = '\0';
}

/* Zeros up to the next multiple of 8. */
static void
cer_codec_align(cer_codec *c)
{
	static const uint8_t zeros[8];
	size_t size = (8 - c->position % 8) % 8;

	if (c->status != CER_OK)
		return;
	if (cer_codec_is_reading(c))
		lend_raw(c, size);
	else
		write_raw(c, zeros, size);
}

void
cer_codec_bytes(cer_codec *c, const void **data, size_t size)
{
	cer_codec_align(c);
	if (c->status != CER_OK)
		return;
	if (cer_codec_is_reading(c))
		*data = lend_raw(c, size);
	else
		write_raw(c, *data, size);
}

/* Storage for n elements that are about to be read. */
static void *
make_elements(cer_codec *c, size_t n, size_t element_size)
{
	void *elements = cer_arena_allocate(c->arena, n * element_size);

	if (elements == NULL)
		c->status = cer_fail_memory(c->err, n * element_size);
	else
		memset(elements, 0, n * element_size);
	return elements;
}

/* What is written may be constant: fields are handed a copy of it. */
static void
write_element(cer_codec *c, const void *element, size_t size,
              cer_codec_element describe)
{
	uint64_t copy[8];

	assert(size <= sizeof(copy));
	memcpy(copy, element, size);
	describe(c, copy);
}

cer_codec_list
cer_codec_array(cer_codec *c, cer_codec_list list, size_t element_size,
                size_t wire_size, cer_codec_element element)
{
	uint32_t n = (uint32_t) list.n;
	char *elements = (char *) (uintptr_t) list.elements;

	if (!cer_codec_is_reading(c) && list.n > UINT32_MAX)
		cer_codec_fail(c, "a list is too long");
	cer_codec_u32(c, &n);
	if (c->status == CER_OK && cer_codec_is_reading(c))
	{
		if (n > (c->size - c->position) / wire_size)
			cer_codec_fail(c, "a list is longer than the frame");
		else
			elements = make_elements(c, n, element_size);
	}
	for (uint32_t i = 0; i < n && c->status == CER_OK; i++)
	{
		char *each = elements + i * element_size;

		if (cer_codec_is_reading(c))
			element(c, each);
		else
			write_element(c, each, element_size, element);
	}
	if (c->status != CER_OK)
		return (cer_codec_list){NULL, 0};
	return (cer_codec_list){elements, n};
}
