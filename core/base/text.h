/*
 * base/text.h
 *	  Text with a length: comparing, showing in messages, checking UTF-8.
 */
#ifndef CER_BASE_TEXT_H
#define CER_BASE_TEXT_H

#include "cerebro.h"

/* For printf: "%.*s" with CER_SHOW(text) shows at most the first 60 bytes of
 * a word that a user wrote, so that a message never outgrows its buffer. */
#define CER_SHOW_BYTES 60
#define CER_SHOW(text) cer_text_clip(text, CER_SHOW_BYTES), (text).data

extern cer_text cer_text_of(const char *string);
extern bool cer_text_is(cer_text text, const char *string);
extern bool cer_text_equals(cer_text a, cer_text b);

/* Negative, 0 or positive: byte order, the shorter first. */
extern int cer_text_compare(cer_text a, cer_text b);

/* Into the arena, without a NUL. */
extern cer_status
cer_text_copy(cer_arena *arena, cer_text text, cer_text *copy, cer_error *err);

/* Bytes of whole characters within the first limit bytes. */
extern int cer_text_clip(cer_text text, size_t limit);

/* Length in bytes of the valid UTF-8 character at data, or 0. */
extern size_t cer_utf8_measure(const char *data, size_t size);

#endif
