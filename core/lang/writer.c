/*
 * lang/writer.c
 *	  Text that grows in an arena.
 */
#include "lang/writer.h"

#include "base/text.h"
#include "lang/number.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FIRST_CAPACITY ((size_t) 512)

/* Room for size more bytes and a NUL. */
static bool
reserve(cer_writer *w, size_t size)
{
	size_t capacity = w->capacity > 0 ? w->capacity : FIRST_CAPACITY;
	char *data;

	if (w->has_failed)
		return false;
	while (capacity - w->size <= size)
		capacity *= 2;
	if (capacity == w->capacity)
		return true;
	data = cer_arena_allocate(w->arena, capacity);
	if (data == NULL)
	{
		w->has_failed = true;
		return false;
	}
	if (w->size > 0)
		memcpy(data, w->data, w->size);
	w->data = data;
	w->capacity = capacity;
	return true;
}

void
cer_writer_add(cer_writer *w, cer_text text)
{
	if (text.size == 0 || !reserve(w, text.size))
		return;
	memcpy(w->data + w->size, text.data, text.size);
	w->size += text.size;
}

void
cer_writer_put(cer_writer *w, const char *string)
{
	cer_writer_add(w, cer_text_of(string));
}

void
cer_writer_format(cer_writer *w, const char *format, ...)
{
	va_list args;
	int size;

	va_start(args, format);
	size = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (size < 0 || !reserve(w, (size_t) size))
		return;
	va_start(args, format);
	vsnprintf(w->data + w->size, (size_t) size + 1, format, args);
	va_end(args);
	w->size += (size_t) size;
}

void
cer_writer_put_number(cer_writer *w, double number)
{
	char text[CER_NUMBER_BYTES];

	cer_number_print(number, text);
	cer_writer_put(w, text);
}

cer_status
cer_writer_finish(cer_writer *w, cer_text *text, cer_error *err)
{
	if (!reserve(w, 1))
		return cer_fail_memory(err, w->capacity);
	w->data[w->size] = '\0';
	*text = (cer_text){w->data, w->size};
	return CER_OK;
}
