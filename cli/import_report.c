/*
 * import_report.c
 *	  The summary: tables with their keys, what was read as missing, how the
 *	  tables refer to each other and why that was taken for a reference.
 */
#include "import_report.h"

#include <stdio.h>
#include <string.h>

static const char *
print_count(uint64_t n)
{
	char digits[32];
	text_buffer text = {0};
	const char *kept;
	size_t size = (size_t) snprintf(digits, sizeof digits, "%llu",
	                                (unsigned long long) n);

	for (size_t i = 0; i < size; i++)
	{
		if (i > 0 && (size - i) % 3 == 0)
			text_print(&text, ",");
		text_print(&text, "%c", digits[i]);
	}
	kept = keep_printf("%s", text.data);
	text_release(&text);
	return kept;
}

/* "1 row", "1,458 rows" */
static const char *
print_plural(uint64_t n, const char *noun)
{
	return keep_printf("%s %s%s", print_count(n), noun, n == 1 ? "" : "s");
}

static const char *
get_missing_text(const import_job *job, int i)
{
	return job->missing.is_given ? job->missing.texts[i] : value_get_missing(i);
}

static void
report_missing(const import_job *job, const import_table *table)
{
	for (int i = 0; i < MAX_MISSING; i++)
	{
		uint64_t n_null = 0;
		size_t n_columns = 0;

		for (size_t c = 0; c < table->n_columns; c++)
		{
			const import_column *column = &table->columns[c];
			bool counts =
				column->n_missing[i] > 0 && (column->null_texts >> i & 1) != 0;

			n_columns += counts;
			n_null += counts ? column->n_missing[i] : 0;
		}
		if (n_columns > 0)
			printf("    %s means missing: %s in %s\n", get_missing_text(job, i),
			       print_plural(n_null, "value"),
			       print_plural(n_columns, "column"));
	}
}

/* A column that a few words among many values made text. */
static void
report_words(const import_table *table)
{
	for (size_t c = 0; c < table->n_columns; c++)
	{
		const import_column *column = &table->columns[c];
		value_type rest =
			value_choose_type(column->kinds & ~(unsigned) VALUE_TEXT);

		if (rest == TYPE_TEXT || column->n_words == 0 ||
		    column->n_words * 50 > column->n_noted)
			continue;
		printf("    %s is text because of %s in line %llu%s, otherwise %s; "
		       "--null TEXT says what means missing\n",
		       column->name, column->first_word,
		       (unsigned long long) column->first_word_line,
		       column->n_words > 1 ? " and others" : "",
		       value_get_type_name(rest));
	}
}

/* Of columns that the file calls alike, all but the first have new names. */
static void
report_names(const import_table *table)
{
	for (size_t c = 0; c < table->n_columns; c++)
		if (table->columns[c].taken_name != NULL)
			printf("    column %zu is %s, as %s is taken\n", c + 1,
			       table->columns[c].name, table->columns[c].taken_name);
}

static void
report_table(const import_job *job, const import_table *table)
{
	printf("  %-12s %12s row%s  %3zu column%s", table->name,
	       print_count(table->n_rows), table->n_rows == 1 ? " " : "s",
	       table->n_columns, table->n_columns == 1 ? " " : "s");
	if (table->is_key_declared)
		printf("  key (%s)",
		       import_list_columns(NULL, table, table->key->columns,
		                           table->key->n_columns));
	putchar('\n');
	report_names(table);
	report_missing(job, table);
	report_words(table);
}

static double
get_percent(const import_reference *reference)
{
	return 100 * (double) reference->n_matched / (double) reference->n_rows;
}

static const char *
explain_choice(const import_reference *reference)
{
	if (reference->name_score == 0)
		return "by values";
	return reference->key->n_columns > 1 ? "same columns"
	                                     : "by name and values";
}

static const char *
print_reference(const import_reference *reference)
{
	return keep_printf(
		"%s (%s) → %s (%s)", reference->child->name,
		import_list_columns(NULL, reference->child, reference->columns,
	                        reference->key->n_columns),
		reference->parent->name,
		import_list_columns(NULL, reference->parent, reference->key->columns,
	                        reference->key->n_columns));
}

static void
report_reference(const import_reference *reference, int width)
{
	uint64_t n_without = reference->n_rows - reference->n_matched;

	/* the arrow has three bytes and one column */
	printf("  %-*s  ", width + 2, print_reference(reference));
	if (reference->is_declared)
		printf("all rows match: FOREIGN KEY");
	else
		printf("%.1f %% match: %s", get_percent(reference),
		       reference->is_recorded ? "recorded" : "not recorded");
	if (n_without > 0)
		printf(", %s %s none", print_plural(n_without, "row"),
		       n_without == 1 ? "has" : "have");
	printf(" (%s)\n", explain_choice(reference));
}

static void
report_references(const import_job *job)
{
	int width = 0;

	if (job->n_references > 0)
		printf("References\n");
	for (size_t i = 0; i < job->n_references; i++)
	{
		int size = (int) strlen(print_reference(&job->references[i])) - 2;

		width = size > width ? size : width;
	}
	for (size_t i = 0; i < job->n_references; i++)
		report_reference(&job->references[i], width);
}

void
import_report(const import_job *job, double seconds)
{
	uint64_t n_rows = 0;

	printf("Tables\n");
	for (size_t i = 0; i < job->n_tables; i++)
	{
		report_table(job, &job->tables[i]);
		n_rows += job->tables[i].n_rows;
	}
	report_references(job);
	printf("Imported %s in %.1f s\n", print_plural(n_rows, "row"), seconds);
}

/* -------------------------------------------------------------------- JSON */

static void
add_columns_json(text_buffer *json, const import_table *table,
                 const size_t *columns, size_t n)
{
	text_print(json, "[");
	for (size_t i = 0; i < n; i++)
	{
		text_print(json, i == 0 ? "" : ", ");
		text_add_json(json, table->columns[columns[i]].name);
	}
	text_print(json, "]");
}

static void
add_table_json(text_buffer *json, const import_table *table)
{
	text_print(json, "{\"table\": ");
	text_add_json(json, table->name);
	text_print(json, ", \"file\": ");
	text_add_json(json, table->path);
	text_print(json, ", \"rows\": %llu, \"columns\": [",
	           (unsigned long long) table->n_rows);
	for (size_t i = 0; i < table->n_columns; i++)
	{
		text_print(json, "%s{\"name\": ", i == 0 ? "" : ", ");
		text_add_json(json, table->columns[i].name);
		text_print(json, ", \"type\": \"%s\", \"has_null\": %s}",
		           value_get_type_name(table->columns[i].type),
		           table->columns[i].has_null ? "true" : "false");
	}
	text_print(json, "], \"key\": ");
	if (table->is_key_declared)
		add_columns_json(json, table, table->key->columns,
		                 table->key->n_columns);
	else
		text_print(json, "null");
	text_print(json, "}");
}

static void
add_reference_json(text_buffer *json, const import_reference *reference)
{
	text_print(json, "{\"child\": ");
	text_add_json(json, reference->child->name);
	text_print(json, ", \"child_columns\": ");
	add_columns_json(json, reference->child, reference->columns,
	                 reference->key->n_columns);
	text_print(json, ", \"parent\": ");
	text_add_json(json, reference->parent->name);
	text_print(json, ", \"parent_columns\": ");
	add_columns_json(json, reference->parent, reference->key->columns,
	                 reference->key->n_columns);
	text_print(json, ", \"rows\": %llu, \"matched\": %llu, \"kind\": \"%s\"}",
	           (unsigned long long) reference->n_rows,
	           (unsigned long long) reference->n_matched,
	           reference->is_declared   ? "foreign key"
	           : reference->is_recorded ? "relationship"
	                                    : "not recorded");
}

void
import_report_json(const import_job *job, double seconds)
{
	text_buffer json = {0};

	text_print(&json, "{\"tables\": [");
	for (size_t i = 0; i < job->n_tables; i++)
	{
		text_print(&json, i == 0 ? "" : ", ");
		add_table_json(&json, &job->tables[i]);
	}
	text_print(&json, "], \"references\": [");
	for (size_t i = 0; i < job->n_references; i++)
	{
		text_print(&json, i == 0 ? "" : ", ");
		add_reference_json(&json, &job->references[i]);
	}
	text_print(&json, "], \"seconds\": %.3f}", seconds);
	puts(json.data);
	text_release(&json);
}
