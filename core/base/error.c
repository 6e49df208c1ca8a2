/*
 * base/error.c
 *	  How functions of the library fail.
 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

cer_status
cer_fail(cer_error *err, cer_status status, const char *format, ...)
{
	va_list args;

	if (err == NULL)
		return status;
	memset(err, 0, sizeof(*err));
	err->status = status;
	va_start(args, format);
	vsnprintf(err->message, sizeof(err->message), format, args);
	va_end(args);
	return status;
}

cer_status
cer_fail_memory(cer_error *err, size_t size)
{
	return cer_fail(err, CER_NO_MEMORY, "out of memory for %zu bytes", size);
}

cer_status
cer_fail_at(cer_error *err, cer_status status, cer_place place,
            const char *format, ...)
{
	char message[sizeof(err->message)];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message) - 48, format, args);
	va_end(args);
	cer_fail(err, status, "%s at line %d, column %d", message, place.line,
	         place.column);
	cer_error_set_position(err, place.line, place.column);
	return status;
}

void
cer_error_set_detail(cer_error *err, const char *format, ...)
{
	va_list args;

	if (err == NULL)
		return;
	va_start(args, format);
	vsnprintf(err->detail, sizeof(err->detail), format, args);
	va_end(args);
}

void
cer_error_set_hint(cer_error *err, const char *format, ...)
{
	va_list args;

	if (err == NULL)
		return;
	va_start(args, format);
	vsnprintf(err->hint, sizeof(err->hint), format, args);
	va_end(args);
}

void
cer_error_set_position(cer_error *err, int line, int column)
{
	if (err == NULL)
		return;
	err->line = line;
	err->column = column;
}
