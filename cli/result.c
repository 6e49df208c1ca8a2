/*
 * result.c
 *	  Columns are as wide as their widest value, counted in characters.
 */
#include "result.h"
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GAP "  "

/* Characters of UTF-8; wide ones are not told apart. */
static size_t
count_characters(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += (*text & 0xC0) != 0x80;
	return n;
}

static bool
is_number(const PGresult *result, int column)
{
	static const Oid numbers[] = {20, 21, 23, 700, 701, 1700};

	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		if (PQftype(result, column) == numbers[i])
			return true;
	return false;
}

static size_t
measure_column(const PGresult *result, int column)
{
	size_t width = count_characters(PQfname(result, column));

	for (int row = 0; row < PQntuples(result); row++)
	{
		size_t n = count_characters(PQgetvalue(result, row, column));

		width = n > width ? n : width;
	}
	return width;
}

static void
print_cell(const char *text, size_t width, bool is_right)
{
	size_t size = count_characters(text);
	int n_blanks = width > size ? (int) (width - size) : 0;

	if (is_right)
		printf("%*s%s", n_blanks, "", text);
	else
		printf("%s%*s", text, n_blanks, "");
}

static void
print_row(const PGresult *result, int row, const size_t *widths)
{
	for (int column = 0; column < PQnfields(result); column++)
	{
		bool is_right = is_number(result, column);
		bool is_last = column + 1 == PQnfields(result);

		fputs(column == 0 ? "" : GAP, stdout);
		/* nothing follows the last one that would be out of line */
		print_cell(row < 0 ? PQfname(result, column)
		                   : PQgetvalue(result, row, column),
		           is_last && !is_right ? 0 : widths[column], is_right);
	}
}

void
result_print(const PGresult *result, const char *indent)
{
	int n_columns = PQnfields(result);
	size_t *widths = memory_new((size_t) n_columns * sizeof *widths);
	const char *bold = message_get_style(STDOUT_FILENO, STYLE_BOLD);
	const char *plain = message_get_style(STDOUT_FILENO, STYLE_PLAIN);

	for (int column = 0; column < n_columns; column++)
		widths[column] = measure_column(result, column);
	for (int row = -1; row < PQntuples(result); row++)
	{
		printf("%s%s", indent, row < 0 ? bold : "");
		print_row(result, row, widths);
		puts(row < 0 ? plain : "");
	}
	free(widths);
}
