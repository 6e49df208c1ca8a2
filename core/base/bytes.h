/*
 * base/bytes.h
 *	  Fields of stored bytes, lowest byte first on every machine.
 *
 * A writer without room counts: write once to learn the size, then again into
 * the memory.  A reader that met its end stays ended and gives zeros: fields
 * are read as a plain list, and is_bad looked at once, at its end.
 */
#ifndef CER_BASE_BYTES_H
#define CER_BASE_BYTES_H

#include "cerebro.h"

typedef struct cer_byte_writer
{
	char *data; /* NULL: only counts */
	size_t size;
} cer_byte_writer;

extern void cer_write_number(cer_byte_writer *to, uint64_t value, size_t size);
extern void cer_write_double(cer_byte_writer *to, double value);
/* A 32-bit size, then the bytes. */
extern void cer_write_text(cer_byte_writer *to, cer_text text);

typedef struct cer_byte_reader
{
	const char *data;
	size_t left;
	bool is_bad;
} cer_byte_reader;

extern uint64_t cer_read_number(cer_byte_reader *from, size_t size);
extern double cer_read_double(cer_byte_reader *from);
/* Lent. */
extern cer_text cer_read_text(cer_byte_reader *from);

#endif
