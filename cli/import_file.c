/*
 * import_file.c
 *	  The files of an import: opened, read twice, named, and their faults told.
 */
#include "import.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define ZIPPED_BYTES (1u << 17)

static exit_code
explain_file(const import_table *table, const char *what)
{
	message_error("%s: %s: %m", table->path, what);
	if (errno == ENOSPC)
		message_hint("Standard input is kept in $TMPDIR while it is read: "
		             "make room there or name another folder.");
	return EXIT_FAILED;
}

/* Files that cannot be read twice are copied to one that goes by itself. */
static exit_code
spool(import_table *table)
{
	const char *folder = getenv("TMPDIR");
	char *name =
		keep_printf("%s/cerebro-XXXXXX",
	                folder == NULL || *folder == '\0' ? "/tmp" : folder);
	int copy = mkostemp(name, O_CLOEXEC);
	char block[65536];
	ssize_t size;

	if (copy < 0)
		return explain_file(table, "could not make a temporary file");
	unlink(name);
	while ((size = read(table->fd, block, sizeof block)) > 0)
		if (write(copy, block, (size_t) size) != size)
			return explain_file(table, "could not write a temporary file");
	if (size < 0)
		return explain_file(table, "could not read");
	close(table->fd);
	table->fd = copy;
	return EXIT_OK;
}

static bool
is_zipped(int fd)
{
	unsigned char start[2];

	return pread(fd, start, sizeof start, 0) == sizeof start &&
	       start[0] == 0x1f && start[1] == 0x8b;
}

exit_code
import_open_file(import_job *job, import_table *table)
{
	struct stat info;

	(void) job;
	table->fd = strcmp(table->path, "-") == 0
	                ? dup(STDIN_FILENO)
	                : open(table->path, O_RDONLY | O_CLOEXEC);
	if (table->fd < 0 || fstat(table->fd, &info) != 0)
		return explain_file(table, "could not open");
	if (S_ISDIR(info.st_mode))
	{
		message_error("%s: this is a folder", table->path);
		message_hint("Name its files, for example %s/*.csv.", table->path);
		return EXIT_FAILED;
	}
	if (!S_ISREG(info.st_mode))
	{
		exit_code code = spool(table);

		if (code != EXIT_OK || fstat(table->fd, &info) != 0)
			return code;
	}
	table->n_bytes = (uint64_t) info.st_size;
	table->is_zipped = is_zipped(table->fd);
	return EXIT_OK;
}

void
import_close_file(import_table *table)
{
	if (table->zip != NULL)
		gzclose(table->zip);
	if (table->fd >= 0)
		close(table->fd);
}

/* ----------------------------------------------------------------- reading */

static ssize_t
read_file(void *source, char *buffer, size_t size)
{
	return read(*(int *) source, buffer, size);
}

/* EBADMSG: what was compressed is damaged, or its end is missing. */
static ssize_t
read_zipped(void *source, char *buffer, size_t size)
{
	gzFile zip = source;
	int n = gzread(zip, buffer, size < INT_MAX ? (unsigned) size : INT_MAX);
	int error = Z_OK;

	if (n <= 0)
		gzerror(zip, &error);
	if (error == Z_OK || error == Z_STREAM_END)
		return n;
	if (error != Z_ERRNO)
		errno = EBADMSG;
	return -1;
}

static exit_code
open_zipped(import_table *table)
{
	int copy = fcntl(table->fd, F_DUPFD_CLOEXEC, 0);

	if (table->zip != NULL)
		gzclose(table->zip);
	table->zip = copy < 0 ? NULL : gzdopen(copy, "r");
	if (table->zip != NULL)
	{
		gzbuffer(table->zip, ZIPPED_BYTES);
		return EXIT_OK;
	}
	if (copy >= 0)
		close(copy);
	return explain_file(table, "could not read");
}

exit_code
import_open_reader(import_table *table, csv_reader *reader)
{
	memset(reader, 0, sizeof *reader);
	lseek(table->fd, 0, SEEK_SET);
	if (table->is_zipped && open_zipped(table) != EXIT_OK)
		return EXIT_FAILED;
	if (table->is_zipped)
		csv_init(reader, read_zipped, table->zip);
	else
		csv_init(reader, read_file, &table->fd);
	if (table->delimiter == 0)
		table->delimiter = csv_detect_delimiter(reader);
	csv_set_delimiter(reader, table->delimiter);
	return EXIT_OK;
}

uint64_t
import_get_position(const import_table *table)
{
	off_t position = lseek(table->fd, 0, SEEK_CUR);

	return position < 0 ? 0 : (uint64_t) position;
}

exit_code
import_explain_record(const import_table *table, const csv_reader *reader)
{
	const csv_error *error = &reader->error;
	const char *column =
		error->column > 0 && error->column <= table->n_columns
			? keep_printf("column \"%s\"",
	                      table->columns[error->column - 1].name)
			: keep_printf("column %zu", error->column);

	if (error->read_errno == EBADMSG && table->is_zipped)
	{
		message_error("%s: the compressed file is damaged or cut off",
		              table->path);
		message_hint("`gzip -t` tells more.");
		return EXIT_FAILED;
	}
	if (error->read_errno != 0)
	{
		errno = error->read_errno;
		return explain_file(table, "could not read");
	}
	message_error("%s, line %llu, %s: %s", table->path,
	              (unsigned long long) error->line, column, error->message);
	message_detail("The value is: %s", error->value);
	if (error->hint != NULL)
		message_hint("%s", error->hint);
	return EXIT_FAILED;
}

/* ------------------------------------------------------------------- names */

/* Never half a character. */
static size_t
cut_name(const text_buffer *name, size_t max_size)
{
	size_t size = name->size;

	if (size <= max_size)
		return size;
	size = max_size;
	while (size > 0 && (name->data[size] & 0xC0) == 0x80)
		size--;
	return size;
}

/* Lower case; what is neither letter nor digit becomes one underscore. */
static const char *
make_name(const char *text, size_t size)
{
	text_buffer name = {0};
	size_t name_size;
	const char *kept;

	if (size > 0 && isdigit((unsigned char) *text))
		text_print(&name, "_");
	for (size_t i = 0; i < size && name.size <= MAX_NAME_BYTES; i++)
	{
		unsigned char c = (unsigned char) text[i];

		if (isalnum(c) || c >= 0x80 || c == '_')
			text_print(&name, "%c", c < 0x80 ? tolower(c) : c);
		else if (name.size > 0 && name.data[name.size - 1] != '_')
			text_print(&name, "_");
	}
	name_size = cut_name(&name, MAX_NAME_BYTES);
	/* nor an underscore that stood for a sign */
	while (name_size > 1 && name.data[name_size - 1] == '_')
		name_size--;
	kept = keep_printf("%.*s", (int) name_size, name.size > 0 ? name.data : "");
	text_release(&name);
	return kept;
}

/* name_2, name_3 and so on, cut where that would be too long. */
const char *
import_number_name(const char *name, size_t number)
{
	text_buffer whole = {0};
	const char *end = keep_printf("_%zu", number);
	const char *kept;

	text_print(&whole, "%s", name);
	kept = keep_printf("%.*s%s",
	                   (int) cut_name(&whole, MAX_NAME_BYTES - strlen(end)),
	                   whole.data, end);
	text_release(&whole);
	return kept;
}

const char *
import_get_table_name(const char *path)
{
	static const char *const endings[] = {".csv", ".tsv", ".txt", ".tab"};
	const char *slash = strrchr(path, '/');
	const char *base = slash == NULL ? path : slash + 1;
	size_t size = strlen(base);

	if (size > 3 && strcasecmp(base + size - 3, ".gz") == 0)
		size -= 3;
	for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
		if (size > 4 && strncasecmp(base + size - 4, endings[i], 4) == 0)
		{
			size -= 4;
			break;
		}
	return make_name(base, size);
}

const char *
import_get_column_name(const char *text, size_t size, size_t ordinal)
{
	static const char *const taken[] = {"ctid", "xmin",     "xmax",
	                                    "cmin", "tableoid", "cmax"};
	const char *name = make_name(text, size);

	if (*name == '\0')
		return keep_printf("column_%zu", ordinal);
	for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
		if (strcmp(taken[i], name) == 0)
			return keep_printf("%s_", name);
	return name;
}
