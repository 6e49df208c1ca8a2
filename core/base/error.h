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

/* Fills err (NULL is allowed) and returns status, for `return cer_fail(...)`. */
extern cer_status
cer_fail(cer_error *err, cer_status status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
extern cer_status cer_fail_memory(cer_error *err, size_t size);

/* Add to an error just made; no-ops on NULL. */
extern void cer_error_set_detail(cer_error *err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
extern void cer_error_set_hint(cer_error *err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
extern void cer_error_set_position(cer_error *err, int line, int column);

#endif
