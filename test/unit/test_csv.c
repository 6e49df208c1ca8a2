/*
 * test_csv.c
 *	  The CSV scanner: a table of texts and the values or the fault in them,
 *	  each read in blocks of every size.
 */
#include "csv.h"

#include "cmocka_all.h"
#include "random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct text_source
{
	const char *data;
	size_t size;
	size_t at;
	size_t block; /* bytes given at once */
} text_source;

static ssize_t
read_text(void *arg, char *buffer, size_t size)
{
	text_source *source = arg;
	size_t n = source->size - source->at;

	n = n < size ? n : size;
	n = n < source->block ? n : source->block;
	memcpy(buffer, source->data + source->at, n);
	source->at += n;
	return (ssize_t) n;
}

/* Values as <value> with quoted ones as "value", records ended by /. */
static void
print_records(csv_reader *reader, char *out, size_t out_size)
{
	size_t at = 0;
	csv_status status;

	out[0] = '\0';
	while ((status = csv_read(reader)) == CSV_RECORD)
	{
		for (size_t i = 0; i < reader->n_fields; i++)
		{
			const csv_field *field = &reader->fields[i];

			at += (size_t) snprintf(out + at, out_size - at,
			                        field->is_quoted ? "\"%.*s\"" : "<%.*s>",
			                        (int) field->size, field->data);
		}
		at += (size_t) snprintf(out + at, out_size - at, "/");
	}
	if (status == CSV_ERROR)
		snprintf(out + at, out_size - at, "! line %llu, column %zu: %s",
		         (unsigned long long) reader->error.line, reader->error.column,
		         reader->error.message);
}

typedef struct csv_case
{
	const char *text;
	const char *records;
} csv_case;

static const csv_case cases[] = {
	{"", ""},
	{"a", "<a>/"},
	{"a,b\n1,2\n", "<a><b>/<1><2>/"},
	{"a,b\r\n1,2\r\n", "<a><b>/<1><2>/"},
	{"a,b\r1,2", "<a><b>/<1><2>/"},
	{",\n", "<><>/"},
	{"\n\n", "<>/<>/"},
	{"\"\"\n", "\"\"/"},
	{"\"a,b\",c\n", "\"a,b\"<c>/"},
	{"\"a\nb\",c\nd,e\n", "\"a\nb\"<c>/<d><e>/"},
	{"\"say \"\"hi\"\"\"\n", "\"say \"hi\"\"/"},
	{"\"\"\"\"", "\"\"\"/"},
	{"\xEF\xBB\xBF"
     "a,b\n",
     "<a><b>/"},
	{"\xEF\xBB\xBF", ""},
	{"gr\xC3\xB6\xC3\x9F"
     "e,\xE2\x82\xAC,\xF0\x9F\x99\x82\n",
     "<gr\xC3\xB6\xC3\x9F"
     "e><\xE2\x82\xAC><\xF0\x9F\x99\x82>/"},
	/* faults */
	{"a,b\"c\n",
     "! line 1, column 2: a quote inside a value that is not quoted"},
	{"a\n\"b\"c\n",
     "<a>/! line 2, column 1: text behind the closing quote of a value"},
	{"a\n\n\"b", "<a>/<>/! line 3, column 1: a quoted value that does not end"},
	{"\"x\ny\"\nb\xFF\n",
     "\"x\ny\"/! line 3, column 1: bytes that are not UTF-8"},
	{"a,\xC0\xAF\n", "! line 1, column 2: bytes that are not UTF-8"},
	{"a,\xED\xA0\x80\n", "! line 1, column 2: bytes that are not UTF-8"},
	{"a,\xF4\x90\x80\x80\n", "! line 1, column 2: bytes that are not UTF-8"},
	{"a,\xE2\x82\n", "! line 1, column 2: bytes that are not UTF-8"},
};

static void
test_csv_read__cases_in_blocks_of_any_size(void **state)
{
	(void) state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		for (size_t block = 1; block < 20; block++)
		{
			text_source source = {.data = cases[i].text,
			                      .size = strlen(cases[i].text),
			                      .block = block};
			csv_reader reader;
			char records[512];

			csv_init(&reader, read_text, &source);
			print_records(&reader, records, sizeof records);
			csv_release(&reader);
			assert_string_equal(records, cases[i].records);
		}
}

static void
test_csv_read__rejects_nul(void **state)
{
	static const char *const texts[] = {"a,b\0c\n", "a,\"b\0\"\n"};
	static const size_t sizes[] = {6, 7};

	(void) state;
	for (size_t i = 0; i < 2; i++)
	{
		text_source source = {.data = texts[i], .size = sizes[i], .block = 100};
		csv_reader reader;

		csv_init(&reader, read_text, &source);
		assert_int_equal(csv_read(&reader), CSV_ERROR);
		assert_string_equal(reader.error.message, "a NUL byte");
		assert_int_equal(reader.error.column, 2);
		csv_release(&reader);
	}
}

typedef struct delimiter_case
{
	const char *text;
	char delimiter;
} delimiter_case;

static void
test_csv_detect_delimiter(void **state)
{
	static const delimiter_case texts[] = {
		{"", ','},
		{"a\n1\n", ','},
		{"a,b\n1,2\n", ','},
		{"a;b\n1,5;2,5\n3,5;4\n", ';'},
		{"a\tb\n1\t2\n", '\t'},
		{"a|b|c\n1|2|3\n", '|'},
		{"name,note\n\"x;y;z\",\"1;2\"\n\"x\",\"2\"\n", ','},
		{"a,b;c,d\n1,2;3,4\n", ','},
	};

	(void) state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
	{
		text_source source = {
			.data = texts[i].text, .size = strlen(texts[i].text), .block = 3};
		csv_reader reader;

		csv_init(&reader, read_text, &source);
		assert_int_equal(csv_detect_delimiter(&reader), texts[i].delimiter);
		csv_release(&reader);
	}
}

/* ---------------------------------------------------------------- property */

#define MAX_VALUES 40
#define MAX_BYTES  4000

static size_t
make_value(test_random *random, char *out)
{
	static const char alphabet[] = "ab,\"\n\r;0 ";
	size_t size = random_below(random, 6);

	for (size_t i = 0; i < size; i++)
		out[i] = alphabet[random_below(random, sizeof alphabet - 1)];
	out[size] = '\0';
	return size;
}

static size_t
write_value(char *out, const char *value)
{
	size_t at = 0;

	out[at++] = '"';
	for (; *value != '\0'; value++)
	{
		if (*value == '"')
			out[at++] = '"';
		out[at++] = *value;
	}
	out[at++] = '"';
	return at;
}

static void
test_csv_read__what_was_written(void **state)
{
	test_random random;

	(void) state;
	random_init(&random);
	for (int round = 0; round < 2000; round++)
	{
		char values[MAX_VALUES][8];
		char text[MAX_BYTES];
		size_t n_columns = 1 + random_below(&random, 5);
		size_t n_values = n_columns * (1 + random_below(&random, 8));
		text_source source = {.data = text,
		                      .block = 1 + random_below(&random, 50)};
		csv_reader reader;

		for (size_t i = 0; i < n_values; i++)
		{
			make_value(&random, values[i]);
			source.size += write_value(text + source.size, values[i]);
			text[source.size++] = (i + 1) % n_columns == 0 ? '\n' : ',';
		}
		csv_init(&reader, read_text, &source);
		for (size_t i = 0; i < n_values; i++)
		{
			const csv_field *field;

			if (i % n_columns == 0)
			{
				assert_int_equal(csv_read(&reader), CSV_RECORD);
				assert_int_equal(reader.n_fields, n_columns);
			}
			field = &reader.fields[i % n_columns];
			assert_int_equal(field->size, strlen(values[i]));
			assert_memory_equal(field->data, values[i], field->size);
		}
		assert_int_equal(csv_read(&reader), CSV_END);
		csv_release(&reader);
	}
}

static void
test_csv_print_value__shows_what_is_there(void **state)
{
	char out[24];

	(void) state;
	csv_print_value(out, sizeof out, "a\x01\xFF\xC3\xB6", 5);
	assert_string_equal(out, "a\\x01\\xFF\xC3\xB6");
	csv_print_value(out, sizeof out, "0123456789012345678901234", 25);
	assert_string_equal(out, "0123456789012345\xE2\x80\xA6");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_csv_read__cases_in_blocks_of_any_size),
		cmocka_unit_test(test_csv_read__rejects_nul),
		cmocka_unit_test(test_csv_detect_delimiter),
		cmocka_unit_test(test_csv_read__what_was_written),
		cmocka_unit_test(test_csv_print_value__shows_what_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
