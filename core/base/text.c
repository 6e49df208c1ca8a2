/*
 * base/text.c
 *	  Text with a length: comparing, showing in messages, checking UTF-8.
 */
#include "base/text.h"

#include "base/error.h"

#include <string.h>

cer_text
cer_text_of(const char *string)
{
	return (cer_text){string, strlen(string)};
}

bool
cer_text_is(cer_text text, const char *string)
{
	/* most words differ at once */
	if (text.size == 0 || text.data[0] != string[0])
		return text.size == 0 && string[0] == '\0';
	return strncmp(text.data, string, text.size) == 0 &&
	       strlen(string) == text.size; /* text may have zeros, too */
}

bool
cer_text_equals(cer_text a, cer_text b)
{
	return a.size == b.size &&
	       (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

int
cer_text_compare(cer_text a, cer_text b)
{
	size_t size = a.size < b.size ? a.size : b.size;
	int order = size > 0 ? memcmp(a.data, b.data, size) : 0;

	if (order != 0)
		return order;
	return (a.size > b.size) - (a.size < b.size);
}

cer_status
cer_text_copy(cer_arena *arena, cer_text text, cer_text *copy, cer_error *err)
{
	char *data = cer_arena_allocate(arena, text.size);

	if (data == NULL)
		return cer_fail_memory(err, text.size);
	if (text.size > 0)
		memcpy(data, text.data, text.size);
	*copy = (cer_text){data, text.size};
	return CER_OK;
}

int
cer_text_clip(cer_text text, size_t limit)
{
	if (text.size <= limit)
		return (int) text.size;
	/* step back over continuation bytes, 10xxxxxx */
	while (limit > 0 && ((unsigned char) text.data[limit] & 0xC0) == 0x80)
		limit--;
	return (int) limit;
}

static bool
is_continued(const unsigned char *byte, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if ((byte[i] & 0xC0) != 0x80)
			return false;
	return true;
}

/* Overlong forms, surrogates and what is above U+10FFFF are not valid. */
size_t
cer_utf8_measure(const char *data, size_t size)
{
	const unsigned char *byte = (const unsigned char *) data;

	if (size >= 1 && byte[0] < 0x80)
		return 1;
	if (size >= 2 && byte[0] >= 0xC2 && byte[0] <= 0xDF)
		return is_continued(byte, 2) ? 2 : 0;
	if (size >= 3 && (byte[0] & 0xF0) == 0xE0)
	{
		if ((byte[0] == 0xE0 && byte[1] < 0xA0) ||
		    (byte[0] == 0xED && byte[1] > 0x9F))
			return 0;
		return is_continued(byte, 3) ? 3 : 0;
	}
	if (size >= 4 && byte[0] >= 0xF0 && byte[0] <= 0xF4)
	{
		if ((byte[0] == 0xF0 && byte[1] < 0x90) ||
		    (byte[0] == 0xF4 && byte[1] > 0x8F))
			return 0;
		return is_continued(byte, 4) ? 4 : 0;
	}
	return 0;
}
