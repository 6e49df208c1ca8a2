/*
 * text.c
 *	  Growing texts and memory that cannot fail: a program of one command ends
 *	  where no memory is left.
 */
#include "cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct kept_text
{
	struct kept_text *next;
	char data[];
} kept_text;

static kept_text *kept_texts;

static void
check_memory(const void *block)
{
	if (block != NULL)
		return;
	message_error("out of memory");
	exit(EXIT_FAILED);
}

void *
memory_new(size_t size)
{
	void *block = calloc(1, size == 0 ? 1 : size);

	check_memory(block);
	return block;
}

void *
memory_resize(void *block, size_t n_items, size_t item_size)
{
	void *resized = reallocarray(block, n_items == 0 ? 1 : n_items, item_size);

	check_memory(resized);
	return resized;
}

void
text_release(text_buffer *text)
{
	free(text->data);
	memset(text, 0, sizeof *text);
}

void
text_reserve(text_buffer *text, size_t more)
{
	size_t capacity = text->capacity == 0 ? 64 : text->capacity;

	if (text->size + more + 1 <= text->capacity)
		return;
	while (capacity < text->size + more + 1)
		capacity *= 2;
	text->data = memory_resize(text->data, capacity, 1);
	text->capacity = capacity;
}

void
text_add(text_buffer *text, const char *data, size_t size)
{
	text_reserve(text, size);
	if (size > 0)
		memcpy(text->data + text->size, data, size);
	text->size += size;
	text->data[text->size] = '\0';
}

__attribute__((nonnull)) static void
add_formatted(text_buffer *text, const char *format, va_list arguments)
{
	va_list again;
	int size;

	va_copy(again, arguments);
	size = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (size < 0)
		return;
	text_reserve(text, (size_t) size);
	vsnprintf(text->data + text->size, (size_t) size + 1, format, arguments);
	text->size += (size_t) size;
}

void
text_print(text_buffer *text, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add_formatted(text, format, arguments);
	va_end(arguments);
}

void
text_add_json(text_buffer *text, const char *value)
{
	if (value == NULL)
	{
		text_print(text, "null");
		return;
	}
	text_add(text, "\"", 1);
	for (const char *c = value; *c != '\0'; c++)
		if (*c == '"' || *c == '\\')
			text_print(text, "\\%c", *c);
		else if ((unsigned char) *c < 0x20 || *c == 0x7f)
			text_print(text, "\\u%04x", (unsigned char) *c);
		else
			text_add(text, c, 1);
	text_add(text, "\"", 1);
}

static void
free_kept_texts(void)
{
	while (kept_texts != NULL)
	{
		kept_text *text = kept_texts;

		kept_texts = text->next;
		free(text);
	}
}

char *
keep_printf(const char *format, ...)
{
	text_buffer text = {0};
	kept_text *kept;
	va_list arguments;

	va_start(arguments, format);
	add_formatted(&text, format, arguments);
	va_end(arguments);
	if (kept_texts == NULL)
		atexit(free_kept_texts);
	kept = memory_new(sizeof *kept + text.size + 1);
	memcpy(kept->data, text.data, text.size + 1);
	kept->next = kept_texts;
	kept_texts = kept;
	text_release(&text);
	return kept->data;
}
