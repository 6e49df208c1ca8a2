/*
 * lang/writer.h
 *	  Text that grows in an arena.  After a failure all writing is ignored:
 *	  callers look once, at the end.
 */
#ifndef CER_LANG_WRITER_H
#define CER_LANG_WRITER_H

#include "base/error.h"

typedef struct cer_writer
{
	cer_arena *arena;
	char *data;
	size_t size;
	size_t capacity;
	bool has_failed;
} cer_writer;

extern void cer_writer_add(cer_writer *writer, cer_text text);
extern void cer_writer_put(cer_writer *writer, const char *string);
extern void cer_writer_format(cer_writer *writer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
extern void cer_writer_put_number(cer_writer *writer, double number);

/* Ended by NUL, which is not counted. */
extern cer_status
cer_writer_finish(cer_writer *writer, cer_text *text, cer_error *err);

#endif
