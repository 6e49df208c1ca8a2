/*
 * csv.h
 *	  Records of a CSV file (RFC 4180), read in blocks of any size.
 *
 * Lines end with LF, CRLF or CR; values may be quoted and then hold
 * delimiters, line ends and doubled quotes; the text is UTF-8 without NUL.  A
 * record's fields are borrowed until the next read.
 */
#ifndef CLI_CSV_H
#define CLI_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CSV_MAX_RECORD_BYTES (256UL << 20)

typedef struct csv_field
{
	char *data; /* not ended by NUL */
	size_t size;
	bool is_quoted;
	bool has_doubled_quotes; /* while the record is being read */
} csv_field;

typedef enum csv_status
{
	CSV_RECORD,
	CSV_END,
	CSV_ERROR /* see csv_reader.error */
} csv_status;

typedef struct csv_error
{
	uint64_t line;   /* from 1 */
	size_t column;   /* field, from 1 */
	char value[120]; /* printable beginning of the field's bytes */
	const char *message;
	const char *hint; /* or NULL */
	int read_errno;   /* 0: the text is at fault */
} csv_error;

/* Like read(): bytes, 0 at the end, -1 and errno. */
typedef ssize_t (*csv_read_fn)(void *source, char *buffer, size_t size);

typedef struct csv_reader
{
	csv_read_fn read;
	void *source;
	char delimiter;

	/* the record */
	csv_field *fields;
	size_t n_fields;
	uint64_t line; /* where it starts, from 1 */

	csv_error error;

	/* private */
	char *buffer; /* bytes from start to end are unread; NUL after end */
	size_t start;
	size_t end;
	size_t capacity;
	size_t max_fields;
	uint64_t next_line;
	bool is_started;
	bool is_at_end;
	bool is_special[256]; /* ends a run of an unquoted value's bytes */
} csv_reader;

extern void csv_init(csv_reader *reader, csv_read_fn read, void *source);
extern void csv_release(csv_reader *reader);

/* Before the first record: the delimiter that the beginning agrees with. */
extern char csv_detect_delimiter(csv_reader *reader);
extern void csv_set_delimiter(csv_reader *reader, char delimiter);

extern csv_status csv_read(csv_reader *reader);
/* An empty line; in a table of one column it is a record. */
extern bool csv_is_blank(const csv_reader *reader);

extern bool csv_is_utf8(const char *data, size_t size);
/* Bytes as people can read them: controls and broken UTF-8 as \xNN. */
extern void
csv_print_value(char *out, size_t out_size, const char *data, size_t size);

#endif
