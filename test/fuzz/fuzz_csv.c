/*
 * fuzz_csv.c
 *	  Any bytes as a CSV file, read at once and byte by byte: both end alike,
 *	  with the same number of values, all of them UTF-8 without NUL inside the
 *	  text; every value has a kind.
 *
 * The first byte chooses the delimiter.
 */
#include "fuzz.h"
#include "csv.h"
#include "value.h"

typedef struct bytes_source
{
	const uint8_t *data;
	size_t size;
	size_t block;
} bytes_source;

static ssize_t
read_bytes(void *arg, char *buffer, size_t size)
{
	bytes_source *source = arg;
	size_t n = source->size < size ? source->size : size;

	n = n < source->block ? n : source->block;
	memcpy(buffer, source->data, n);
	source->data += n;
	source->size -= n;
	return (ssize_t) n;
}

typedef struct summary
{
	csv_status status;
	size_t n_values;
	size_t n_bytes;
	uint64_t line;
	unsigned kinds;
} summary;

static summary
read_all(const uint8_t *data, size_t size, size_t block, char delimiter)
{
	bytes_source source = {.data = data, .size = size, .block = block};
	summary seen = {0};
	csv_reader reader;

	csv_init(&reader, read_bytes, &source);
	if (delimiter == 0)
		delimiter = csv_detect_delimiter(&reader);
	csv_set_delimiter(&reader, delimiter);
	while ((seen.status = csv_read(&reader)) == CSV_RECORD)
		for (size_t i = 0; i < reader.n_fields; i++)
		{
			const csv_field *field = &reader.fields[i];

			if (memchr(field->data, '\0', field->size) != NULL)
				abort();
			seen.n_values++;
			seen.n_bytes += field->size;
			seen.kinds |= value_get_kind(field->data, field->size);
		}
	seen.line = seen.status == CSV_ERROR ? reader.error.line : reader.line;
	if (seen.n_bytes > size)
		abort();
	csv_release(&reader);
	return seen;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char delimiters[] = {',', ';', '\t', '|', 0};
	char delimiter;
	summary whole;
	summary bits;

	if (size == 0)
		return 0;
	delimiter = delimiters[data[0] % sizeof delimiters];
	whole = read_all(data + 1, size - 1, size, delimiter);
	bits = read_all(data + 1, size - 1, 1 + data[0] % 7, delimiter);
	if (whole.status != bits.status || whole.n_values != bits.n_values ||
	    whole.n_bytes != bits.n_bytes || whole.line != bits.line ||
	    whole.kinds != bits.kinds)
		abort();
	return 0;
}
