/*
 * base/bytes.c
 *	  Fields of stored bytes, lowest byte first on every machine.
 */
#include "base/bytes.h"

#include <string.h>

static void
write_raw(cer_byte_writer *to, const void *data, size_t size)
{
	if (to->data != NULL && size > 0)
		memcpy(to->data + to->size, data, size);
	to->size += size;
}

void
cer_write_number(cer_byte_writer *to, uint64_t value, size_t size)
{
	unsigned char bytes[sizeof(value)];

	for (size_t i = 0; i < size; i++)
		bytes[i] = (unsigned char) (value >> (8 * i));
	write_raw(to, bytes, size);
}

void
cer_write_double(cer_byte_writer *to, double value)
{
	uint64_t word;

	memcpy(&word, &value, sizeof(word));
	cer_write_number(to, word, sizeof(word));
}

void
cer_write_text(cer_byte_writer *to, cer_text text)
{
	cer_write_number(to, text.size, sizeof(uint32_t));
	write_raw(to, text.data, text.size);
}

/* Lends size bytes, or NULL. */
static const char *
lend_raw(cer_byte_reader *from, size_t size)
{
	const char *here = from->data;

	if (from->is_bad || size > from->left)
	{
		from->is_bad = true;
		return NULL;
	}
	from->data += size;
	from->left -= size;
	return here;
}

uint64_t
cer_read_number(cer_byte_reader *from, size_t size)
{
	const unsigned char *bytes = (const unsigned char *) lend_raw(from, size);
	uint64_t value = 0;

	if (bytes == NULL)
		return 0;
	for (size_t i = 0; i < size; i++)
		value |= (uint64_t) bytes[i] << (8 * i);
	return value;
}

double
cer_read_double(cer_byte_reader *from)
{
	uint64_t word = cer_read_number(from, sizeof(word));
	double value;

	memcpy(&value, &word, sizeof(value));
	return value;
}

cer_text
cer_read_text(cer_byte_reader *from)
{
	size_t size = (size_t) cer_read_number(from, sizeof(uint32_t));
	const char *data = lend_raw(from, size);

	return data != NULL ? (cer_text){data, size} : (cer_text){"", 0};
}
