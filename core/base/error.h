/*
 * base/error.h
 *	  How functions of the library fail.
 */
#ifndef CER_BASE_ERROR_H
#define CER_BASE_ERROR_H

#include "cerebro.h"

/* Forwards a failure. */
#define CER_TRY(call)                        \
	do                                       \
	{                                        \
		cer_status cer_try_status_ = (call); \
		if (cer_try_status_ != CER_OK)       \
			return cer_try_status_;          \
	} while (0)

extern cer_status cer_fail_memory(cer_error *err, size_t size);

/* Where something stands in a text, both from 1, column in characters. */
typedef struct cer_place
{
	int line;
	int column;
} cer_place;

/* As cer_fail; the message ends with the place: "... at line 1, column 14". */
extern cer_status
cer_fail_at(cer_error *err, cer_status status, cer_place place,
            const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Add to an error just made; no-ops on NULL. */
extern void cer_error_set_detail(cer_error *err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
extern void cer_error_set_hint(cer_error *err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
extern void cer_error_set_position(cer_error *err, int line, int column);

#endif
