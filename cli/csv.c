/*
 * csv.c
 *	  The scanner.  A record is scanned in the buffer as often as the buffer's
 *	  end cuts it (once a block); only then are doubled quotes resolved, in
 *	  place.  A NUL behind the last byte stops every run without a bound check.
 */
#include "csv.h"
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES  (1UL << 18)
#define FIRST_FIELDS 64
#define DETECT_BYTES (1UL << 16)
#define DETECT_LINES 50
#define BYTE_MASK    0x8080808080808080ULL

/* How far a scan of one field or record got. */
typedef enum scan_result
{
	SCAN_FIELD,  /* a delimiter follows */
	SCAN_RECORD, /* a line end, or the end of the file, follows */
	SCAN_MORE,   /* the buffer ends first */
	SCAN_ERROR
} scan_result;

/* ------------------------------------------------------------------- start */

void
csv_set_delimiter(csv_reader *reader, char delimiter)
{
	memset(reader->is_special, 0, sizeof reader->is_special);
	reader->is_special['\n'] = true;
	reader->is_special['\r'] = true;
	reader->is_special['"'] = true;
	reader->is_special['\0'] = true;
	reader->is_special[(unsigned char) delimiter] = true;
	reader->delimiter = delimiter;
}

void
csv_init(csv_reader *reader, csv_read_fn read, void *source)
{
	memset(reader, 0, sizeof *reader);
	reader->read = read;
	reader->source = source;
	reader->capacity = BLOCK_BYTES;
	reader->buffer = memory_resize(NULL, reader->capacity + 1, 1);
	reader->buffer[0] = '\0';
	reader->next_line = 1;
	csv_set_delimiter(reader, ',');
}

void
csv_release(csv_reader *reader)
{
	free(reader->buffer);
	free(reader->fields);
	memset(reader, 0, sizeof *reader);
}

/* ----------------------------------------------------------------- reading */

static bool
fail(csv_reader *reader, const csv_field *field, const char *message,
     const char *hint)
{
	reader->error.message = message;
	reader->error.hint = hint;
	reader->error.line = reader->next_line;
	reader->error.column = (size_t) (field - reader->fields) + 1;
	csv_print_value(reader->error.value, sizeof reader->error.value,
	                field->data, field->size);
	return false;
}

static void
make_room(csv_reader *reader)
{
	size_t unread = reader->end - reader->start;

	if (reader->start > 0 && unread <= reader->capacity / 2)
	{
		memmove(reader->buffer, reader->buffer + reader->start, unread);
		reader->start = 0;
		reader->end = unread;
	}
	else if (reader->end == reader->capacity)
	{
		reader->capacity *= 2;
		reader->buffer = memory_resize(reader->buffer, reader->capacity + 1, 1);
	}
}

/* Reads at least one byte more, or notices the end of the file. */
static bool
fill(csv_reader *reader)
{
	ssize_t size;

	if (reader->end - reader->start > CSV_MAX_RECORD_BYTES)
		return fail(reader, reader->fields, "a record of more than 256 MB",
		            "Is a closing quote missing?");
	make_room(reader);
	do
		size = reader->read(reader->source, reader->buffer + reader->end,
		                    reader->capacity - reader->end);
	while (size < 0 && errno == EINTR);
	if (size < 0)
	{
		reader->error.read_errno = errno;
		reader->error.line = reader->next_line;
		reader->error.message = "could not read";
		return false;
	}
	reader->is_at_end = size == 0;
	reader->end += (size_t) size;
	reader->buffer[reader->end] = '\0';
	return true;
}

/* Skips a byte order mark. */
static bool
start_reading(csv_reader *reader)
{
	reader->is_started = true;
	while (reader->end < 3 && !reader->is_at_end)
		if (!fill(reader))
			return false;
	if (reader->end >= 3 && memcmp(reader->buffer, "\xEF\xBB\xBF", 3) == 0)
		reader->start = 3;
	return true;
}

/* ---------------------------------------------------------------- scanning */

/* *at is behind a value: what follows it? */
static scan_result
scan_end(csv_reader *reader, char **at)
{
	const char *end = reader->buffer + reader->end;

	if (*at == end)
		return reader->is_at_end ? SCAN_RECORD : SCAN_MORE;
	if (**at == reader->delimiter)
	{
		(*at)++;
		return SCAN_FIELD;
	}
	if (**at == '\r')
	{
		if (*at + 1 == end && !reader->is_at_end)
			return SCAN_MORE;
		(*at) += (*at)[1] == '\n' ? 2 : 1;
		return SCAN_RECORD;
	}
	if (**at == '\n')
	{
		(*at)++;
		return SCAN_RECORD;
	}
	return SCAN_ERROR;
}

static scan_result
scan_plain(csv_reader *reader, csv_field *field, char **at)
{
	const bool *is_special = reader->is_special;
	char *c = *at;
	scan_result result;

	field->data = c;
	while (!is_special[(unsigned char) *c])
		c++;
	field->size = (size_t) (c - field->data);
	*at = c;
	result = scan_end(reader, at);
	if (result == SCAN_ERROR)
		fail(reader, field,
		     *c == '"' ? "a quote inside a value that is not quoted"
		               : "a NUL byte",
		     *c == '"' ? "Quote the whole value and double the quotes in it."
		               : "Is this a text file in UTF-8?");
	return result;
}

static scan_result
scan_unclosed(csv_reader *reader, csv_field *field)
{
	if (!reader->is_at_end)
		return SCAN_MORE;
	field->size = reader->end - (size_t) (field->data - reader->buffer);
	fail(reader, field, "a quoted value that does not end", NULL);
	return SCAN_ERROR;
}

static scan_result
scan_quoted(csv_reader *reader, csv_field *field, char **at)
{
	const char *end = reader->buffer + reader->end;
	char *c = *at + 1;
	scan_result result;

	field->data = c;
	field->is_quoted = true;
	for (;;)
	{
		c = memchr(c, '"', (size_t) (end - c));
		if (c == NULL)
			return scan_unclosed(reader, field);
		if (c + 1 == end && !reader->is_at_end)
			return SCAN_MORE;
		if (c[1] != '"')
			break;
		field->has_doubled_quotes = true;
		c += 2;
	}
	field->size = (size_t) (c - field->data);
	*at = c + 1;
	result = scan_end(reader, at);
	if (result == SCAN_ERROR)
		fail(reader, field, "text behind the closing quote of a value",
		     "Quotes inside a quoted value are doubled.");
	return result;
}

static csv_field *
add_field(csv_reader *reader)
{
	csv_field *field;

	if (reader->n_fields == reader->max_fields)
	{
		reader->max_fields =
			reader->max_fields == 0 ? FIRST_FIELDS : 2 * reader->max_fields;
		reader->fields = memory_resize(reader->fields, reader->max_fields,
		                               sizeof *reader->fields);
	}
	field = &reader->fields[reader->n_fields++];
	memset(field, 0, sizeof *field);
	return field;
}

static scan_result
scan_record(csv_reader *reader, char **at)
{
	scan_result result;

	reader->n_fields = 0;
	do
	{
		csv_field *field = add_field(reader);

		if (**at == '"')
			result = scan_quoted(reader, field, at);
		else
			result = scan_plain(reader, field, at);
	} while (result == SCAN_FIELD);
	return result;
}

/* --------------------------------------------------------------- finishing */

static bool
is_ascii(const char *data, size_t size)
{
	uint64_t word;
	unsigned char rest = 0;

	for (; size >= sizeof word; data += sizeof word, size -= sizeof word)
	{
		memcpy(&word, data, sizeof word);
		if ((word & BYTE_MASK) != 0)
			return false;
	}
	for (; size > 0; data++, size--)
		rest |= (unsigned char) *data;
	return rest < 0x80;
}

/* Bytes of the UTF-8 character at data, 0: broken. */
static size_t
measure_character(const unsigned char *data, size_t size)
{
	unsigned char second = size > 1 ? data[1] : 0;
	size_t n = data[0] < 0x80   ? 1
	           : data[0] < 0xC2 ? 0
	           : data[0] < 0xE0 ? 2
	           : data[0] < 0xF0 ? 3
	           : data[0] < 0xF5 ? 4
	                            : 0;

	if (n == 0 || n > size)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((data[i] & 0xC0) != 0x80)
			return 0;
	/* overlong forms, surrogates, beyond U+10FFFF */
	if ((data[0] == 0xE0 && second < 0xA0) ||
	    (data[0] == 0xED && second > 0x9F) ||
	    (data[0] == 0xF0 && second < 0x90) ||
	    (data[0] == 0xF4 && second > 0x8F))
		return 0;
	return n;
}

bool
csv_is_utf8(const char *data, size_t size)
{
	while (size > 0)
	{
		size_t n = measure_character((const unsigned char *) data, size);

		if (n == 0)
			return false;
		data += n;
		size -= n;
	}
	return true;
}

static void
halve_quotes(csv_field *field)
{
	char *to = field->data;

	for (size_t i = 0; i < field->size; i++)
	{
		*to++ = field->data[i];
		if (field->data[i] == '"')
			i++;
	}
	field->size = (size_t) (to - field->data);
}

static uint64_t
count_line_ends(const csv_field *field)
{
	uint64_t n = 0;

	for (size_t i = 0; i < field->size; i++)
		n += field->data[i] == '\n' ||
		     (field->data[i] == '\r' &&
		      (i + 1 == field->size || field->data[i + 1] != '\n'));
	return n;
}

/* Checks the bytes, resolves quotes, counts lines. */
static bool
finish_record(csv_reader *reader, const char *end)
{
	bool has_ascii = is_ascii(reader->buffer + reader->start,
	                          (size_t) (end - reader->buffer) - reader->start);
	uint64_t n_lines = 1;

	for (size_t i = 0; i < reader->n_fields; i++)
	{
		csv_field *field = &reader->fields[i];

		if (!has_ascii && !csv_is_utf8(field->data, field->size))
			return fail(reader, field, "bytes that are not UTF-8",
			            "Convert the file, for example with `iconv -f "
			            "WINDOWS-1252 -t UTF-8`.");
		if (!field->is_quoted)
			continue;
		if (memchr(field->data, '\0', field->size) != NULL)
			return fail(reader, field, "a NUL byte",
			            "Is this a text file in UTF-8?");
		n_lines += count_line_ends(field);
		if (field->has_doubled_quotes)
			halve_quotes(field);
	}
	reader->line = reader->next_line;
	reader->next_line += n_lines;
	return true;
}

csv_status
csv_read(csv_reader *reader)
{
	char *at;
	scan_result result;

	if (!reader->is_started && !start_reading(reader))
		return CSV_ERROR;
	if (reader->start == reader->end && !reader->is_at_end && !fill(reader))
		return CSV_ERROR;
	if (reader->start == reader->end && reader->is_at_end)
		return CSV_END;
	for (;;)
	{
		at = reader->buffer + reader->start;
		result = scan_record(reader, &at);
		if (result != SCAN_MORE)
			break;
		if (!fill(reader))
			return CSV_ERROR;
		if (reader->start == reader->end && reader->is_at_end)
			return CSV_END;
	}
	if (result == SCAN_ERROR || !finish_record(reader, at))
		return CSV_ERROR;
	reader->start = (size_t) (at - reader->buffer);
	return CSV_RECORD;
}

bool
csv_is_blank(const csv_reader *reader)
{
	return reader->n_fields == 1 && reader->fields[0].size == 0 &&
	       !reader->fields[0].is_quoted;
}

/* ---------------------------------------------------------------- dialects */

typedef struct delimiter_count
{
	size_t in_first; /* delimiters of the first line */
	size_t in_line;
	size_t n_equal; /* lines with as many */
} delimiter_count;

static const char delimiters[] = {',', ';', '\t', '|'};

#define N_DELIMITERS sizeof delimiters

static void
end_line(delimiter_count *counts, size_t n_lines)
{
	for (size_t i = 0; i < N_DELIMITERS; i++)
	{
		if (n_lines == 0)
			counts[i].in_first = counts[i].in_line;
		counts[i].n_equal += counts[i].in_line == counts[i].in_first;
		counts[i].in_line = 0;
	}
}

static void
count_delimiters(const csv_reader *reader, delimiter_count *counts)
{
	size_t n_lines = 0;
	bool is_quoted = false;

	for (size_t i = reader->start; i < reader->end && n_lines < DETECT_LINES;
	     i++)
	{
		char c = reader->buffer[i];

		if (c == '"')
			is_quoted = !is_quoted;
		else if (!is_quoted && c == '\n')
			end_line(counts, n_lines++);
		else if (!is_quoted)
			for (size_t d = 0; d < N_DELIMITERS; d++)
				counts[d].in_line += c == delimiters[d];
	}
	if (n_lines == 0)
		end_line(counts, 0);
}

char
csv_detect_delimiter(csv_reader *reader)
{
	delimiter_count counts[N_DELIMITERS] = {0};
	size_t best = 0;

	if (!reader->is_started && !start_reading(reader))
		return delimiters[0]; /* csv_read tells why */
	while (reader->end - reader->start < DETECT_BYTES && !reader->is_at_end &&
	       fill(reader))
		;
	count_delimiters(reader, counts);
	/* the one on which most lines agree; then the most frequent one */
	for (size_t i = 1; i < N_DELIMITERS; i++)
		if (counts[i].in_first > 0 &&
		    (counts[best].in_first == 0 ||
		     counts[i].n_equal > counts[best].n_equal ||
		     (counts[i].n_equal == counts[best].n_equal &&
		      counts[i].in_first > counts[best].in_first)))
			best = i;
	return delimiters[best];
}

void
csv_print_value(char *out, size_t out_size, const char *data, size_t size)
{
	size_t at = 0;

	while (size > 0 && at + 8 < out_size)
	{
		size_t n = measure_character((const unsigned char *) data, size);

		if (n == 0 || (unsigned char) *data < 0x20 || *data == 0x7f)
		{
			at += (size_t) snprintf(out + at, out_size - at, "\\x%02X",
			                        (unsigned char) *data);
			n = 1;
		}
		else
		{
			memcpy(out + at, data, n);
			at += n;
		}
		data += n;
		size -= n;
	}
	if (size > 0)
	{
		memcpy(out + at, "…", 3);
		at += 3;
	}
	out[at] = '\0';
}
