/*
 * survey.c
 *	  The first reading of a file: what its columns hold.
 *
 * A value that a column showed lately is not looked at again, so most values
 * cost one hash.  Hashes of 64 bits stand for values: should two collide, a
 * wrong type or key is noticed by the server, which has the last word.
 */
#include "import.h"

#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define SAMPLED_ROWS     16384
#define SAMPLED_CELLS    (4UL << 20)
#define MAX_UNIQUE_ITEMS (32UL << 20) /* hashes of one column, 512 MB */
#define MAX_COLUMNS      1600         /* of a table in PostgreSQL */
#define SHOW_ROWS        4096

/* ------------------------------------------------------------------ header */

static const char *
make_different(const import_table *table, size_t n_before, const char *name)
{
	const char *different = name;

	for (size_t i = 0, n = 2; i < n_before; i++)
		if (strcmp(table->columns[i].name, different) == 0)
		{
			different = import_number_name(name, n++);
			i = (size_t) -1;
		}
	return different;
}

static void
name_columns(import_table *table, const csv_reader *reader)
{
	table->n_columns = reader->n_fields;
	table->columns = memory_new(table->n_columns * sizeof *table->columns);
	for (size_t i = 0; i < table->n_columns; i++)
	{
		const csv_field *field = &reader->fields[i];
		const char *name = import_get_column_name(
			field->data, table->has_header ? field->size : 0, i + 1);

		table->columns[i].name = make_different(table, i, name);
		if (strcmp(name, table->columns[i].name) != 0)
			table->columns[i].taken_name = name;
		table->columns[i].is_unique = true;
		table->columns[i].is_two_letters = true;
	}
}

/* A line of values is a row, not a line of names.  Where all are words, as t
   or no, they are names. */
static bool
looks_like_row(const csv_reader *reader)
{
	const unsigned words =
		VALUE_WORD_BOOL | VALUE_LETTER_TRUE | VALUE_LETTER_FALSE;
	unsigned kinds = 0;

	for (size_t i = 0; i < reader->n_fields; i++)
		if (reader->fields[i].size > 0)
			kinds |=
				value_get_kind(reader->fields[i].data, reader->fields[i].size);
	return (kinds & VALUE_TEXT) == 0 && (kinds & ~words) != 0;
}

static exit_code
read_header(import_table *table, csv_reader *reader)
{
	csv_status status = csv_read(reader);

	if (status == CSV_ERROR)
		return import_explain_record(table, reader);
	if (status == CSV_END || csv_is_blank(reader))
	{
		message_error("%s: %s", table->path,
		              status == CSV_END ? "the file is empty"
		                                : "the first line is empty");
		message_hint("The first line names the columns.");
		return EXIT_FAILED;
	}
	if (reader->n_fields > MAX_COLUMNS)
	{
		message_error("%s: %zu columns, a table has at most %d", table->path,
		              reader->n_fields, MAX_COLUMNS);
		return EXIT_FAILED;
	}
	if (table->has_header && looks_like_row(reader))
	{
		message_error("%s, line 1: these are values, not names of columns",
		              table->path);
		message_hint("Put a line of names first, or say --no-header.");
		return EXIT_FAILED;
	}
	name_columns(table, reader);
	return EXIT_OK;
}

/* ------------------------------------------------------------------ values */

int
import_find_missing(const missing_texts *missing, const csv_field *field)
{
	if (!missing->is_given)
		return value_find_missing(field->data, field->size);
	for (size_t i = 0; i < missing->n_texts; i++)
		if (strlen(missing->texts[i]) == field->size &&
		    memcmp(missing->texts[i], field->data, field->size) == 0)
			return (int) i;
	return -1;
}

static bool
is_two_capitals(const csv_field *field)
{
	return field->size == 2 && field->data[0] >= 'A' && field->data[0] <= 'Z' &&
	       field->data[1] >= 'A' && field->data[1] <= 'Z';
}

static void
add_hash(import_column *column, uint64_t hash)
{
	distinct_add(&column->sample, hash);
	if (!column->is_unique)
		return;
	column->is_unique = column->values.n_items < MAX_UNIQUE_ITEMS &&
	                    hash_set_add(&column->values, hash);
	if (!column->is_unique)
		hash_set_release(&column->values);
}

/* Not unique any more: the value was there before. */
static void
note_repetition(import_column *column)
{
	if (!column->is_unique)
		return;
	column->is_unique = false;
	hash_set_release(&column->values);
}

static void
note_kind(import_column *column, const csv_field *field, uint64_t line)
{
	value_kind kind = value_get_kind(field->data, field->size);

	column->kinds |= kind;
	column->n_noted++;
	if (kind != VALUE_TEXT || column->n_words++ > 0)
		return;
	column->first_word_line = line;
	csv_print_value(column->first_word, sizeof column->first_word, field->data,
	                field->size);
}

static void
note_value(const missing_texts *missing, import_column *column,
           const csv_field *field, uint64_t hash, uint64_t line)
{
	int text = import_find_missing(missing, field);

	if (text >= 0 && !field->is_quoted)
		column->n_missing[text]++;
	if (text >= 0)
	{
		column->n_quoted_missing += field->is_quoted;
		return;
	}
	note_kind(column, field, line);
	column->is_two_letters &= is_two_capitals(field);
	if (field->size > column->max_size)
		column->max_size = field->size;
	add_hash(column, hash);
	column->seen[(hash >> 32) % SEEN_SLOTS] = hash;
}

static uint64_t
survey_field(const missing_texts *missing, import_column *column,
             const csv_field *field, uint64_t line)
{
	uint64_t hash;

	if (field->size == 0)
	{
		column->n_empty += !field->is_quoted;
		column->n_quoted_empty += field->is_quoted;
		return 0;
	}
	hash = XXH3_64bits(field->data, field->size);
	if (column->seen[(hash >> 32) % SEEN_SLOTS] == hash)
		note_repetition(column);
	else
		note_value(missing, column, field, hash, line);
	return hash;
}

/* A record of more or fewer values than there are columns. */
static exit_code
explain_width(const import_table *table, const csv_reader *reader)
{
	char value[80];
	const csv_field *last = &reader->fields[reader->n_fields - 1];

	csv_print_value(value, sizeof value, last->data, last->size);
	message_error("%s, line %llu: %zu value%s for %zu column%s", table->path,
	              (unsigned long long) reader->line, reader->n_fields,
	              reader->n_fields == 1 ? "" : "s", table->n_columns,
	              table->n_columns == 1 ? "" : "s");
	message_detail("The last value, in column %zu, is: %s", reader->n_fields,
	               value);
	if (reader->n_fields > table->n_columns)
		message_hint("A value with a \"%c\" in it must be quoted.",
		             table->delimiter);
	else
		message_hint("Is the line cut off? What is missing at its end is "
		             "still set off by \"%c\".",
		             table->delimiter);
	return EXIT_FAILED;
}

static exit_code
survey_record(import_job *job, import_table *table, const csv_reader *reader)
{
	uint64_t *cells = NULL;

	if (reader->n_fields != table->n_columns)
		return explain_width(table, reader);
	if (table->n_rows < SAMPLED_ROWS &&
	    (table->n_rows + 1) * table->n_columns <= SAMPLED_CELLS)
		cells = table->cells + table->n_sampled++ * table->n_columns;
	for (size_t i = 0; i < table->n_columns; i++)
	{
		uint64_t hash = survey_field(&job->missing, &table->columns[i],
		                             &reader->fields[i], reader->line);

		if (cells != NULL)
			cells[i] = hash;
	}
	table->n_rows++;
	return EXIT_OK;
}

static exit_code
survey_records(import_job *job, import_table *table, csv_reader *reader,
               uint64_t n_bytes_before)
{
	csv_status status = table->has_header ? csv_read(reader) : CSV_RECORD;
	exit_code code = EXIT_OK;

	for (; status == CSV_RECORD && code == EXIT_OK; status = csv_read(reader))
	{
		if (csv_is_blank(reader) && table->n_columns > 1)
			continue;
		code = survey_record(job, table, reader);
		if (code != EXIT_OK || table->n_rows % SHOW_ROWS != 0)
			continue;
		if (connect_is_canceled())
			return EXIT_CANCELED;
		progress_show(&job->progress, table->name,
		              n_bytes_before + import_get_position(table), "reading");
	}
	return code == EXIT_OK && status == CSV_ERROR
	           ? import_explain_record(table, reader)
	           : code;
}

exit_code
import_survey(import_job *job, import_table *table)
{
	csv_reader reader;
	uint64_t n_bytes_before = 0;
	size_t n_cells;
	exit_code code;

	for (const import_table *t = job->tables; t != table; t++)
		n_bytes_before += t->n_bytes;
	code = import_open_reader(table, &reader);
	if (code == EXIT_OK)
		code = read_header(table, &reader);
	if (code == EXIT_OK)
	{
		n_cells = SAMPLED_ROWS * table->n_columns;
		table->cells = memory_resize(
			NULL, n_cells < SAMPLED_CELLS ? n_cells : SAMPLED_CELLS,
			sizeof *table->cells);
		code = survey_records(job, table, &reader, n_bytes_before);
	}
	csv_release(&reader);
	return code;
}

/* ------------------------------------------------------------------- types */

/* Bit per missing text that a column of a narrower type shows to mean NULL. */
static uint32_t
find_proved_texts(const import_job *job)
{
	uint32_t proved = 0;

	for (size_t t = 0; t < job->n_tables; t++)
		for (size_t c = 0; c < job->tables[t].n_columns; c++)
		{
			const import_column *column = &job->tables[t].columns[c];

			if (value_choose_type(column->kinds) == TYPE_TEXT)
				continue;
			for (int i = 0; i < MAX_MISSING; i++)
				if (column->n_missing[i] > 0)
					proved |= 1u << i;
		}
	return proved;
}

static void
choose_type(import_column *column, uint32_t proved, bool is_given)
{
	column->type = value_choose_type(column->kinds);
	column->null_texts = UINT32_MAX;
	if (column->type == TYPE_TEXT && column->kinds != 0 && !is_given)
		column->null_texts = column->is_two_letters ? 0 : proved;
	column->has_null = column->n_empty > 0 ||
	                   (column->type != TYPE_TEXT &&
	                    column->n_quoted_empty + column->n_quoted_missing > 0);
	for (int i = 0; i < MAX_MISSING; i++)
		if (column->n_missing[i] > 0 && (column->null_texts >> i & 1) != 0)
			column->has_null = true;
}

void
import_choose_types(import_job *job)
{
	uint32_t proved = find_proved_texts(job);

	for (size_t t = 0; t < job->n_tables; t++)
		for (size_t c = 0; c < job->tables[t].n_columns; c++)
			choose_type(&job->tables[t].columns[c], proved,
			            job->missing.is_given);
}

bool
import_is_null(const missing_texts *missing, const import_column *column,
               const csv_field *field)
{
	int text;

	if (!column->has_null)
		return false;
	if (field->is_quoted && column->type == TYPE_TEXT)
		return false;
	if (field->size == 0)
		return true;
	text = import_find_missing(missing, field);
	return text >= 0 && (column->null_texts >> text & 1) != 0;
}
