/*
 * fail.c
 *	  How the engine's own functions fail.
 */
#include "fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

cer_status
fail(cer_error *err, cer_status status, const char *format, ...)
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
