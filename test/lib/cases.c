/*
 * cases.c
 *	  Tests as data.
 */
#include "cases.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *
file_read(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	char *data;
	long end;

	if (file == NULL)
		fail_msg("cannot open %s (run from the top of the project)", path);
	fseek(file, 0, SEEK_END);
	end = ftell(file);
	rewind(file);
	data = malloc((size_t) end + 1);
	*size = fread(data, 1, (size_t) end, file);
	data[*size] = '\0';
	fclose(file);
	return data;
}

static char
unescape_one(const char **at)
{
	unsigned byte;

	switch (*(*at)++)
	{
		case 'n':
			return '\n';
		case 't':
			return '\t';
		case 'x':
			sscanf(*at, "%2x", &byte);
			*at += 2;
			return (char) byte;
		default:
			return (*at)[-1];
	}
}

/* In place. */
static cer_text
unescape(char *line)
{
	const char *from = line;
	char *to = line;

	while (*from != '\0')
	{
		char c = *from++;

		*to++ = c == '\\' ? unescape_one(&from) : c;
	}
	*to = '\0';
	return (cer_text){line, (size_t) (to - line)};
}

static bool
is_different(const char *what, const char *expected, const char *actual)
{
	if (expected == NULL || strcmp(expected, actual) == 0)
		return false;
	print_error("  %s\n    expected: %s\n    got:      %s\n", what, expected,
	            actual);
	return true;
}

static bool
has_failed(const test_case *c, case_fn fn)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	cer_text result = {"", 0};
	cer_error err = {0};
	cer_status status = fn(arena, c->text, &result, &err);
	bool failed = (status == CER_OK) != (c->result != NULL) ||
	              status != err.status || (c->result && c->message);

	if (failed)
		print_error("  status %d, message: %s\n", status, err.message);
	else if (status == CER_OK)
		failed = is_different("result", c->result, result.data);
	else
	{
		failed |= is_different("message", c->message, err.message);
		failed |= is_different("detail", c->detail, err.detail);
		failed |= is_different("hint", c->hint, err.hint);
	}
	cer_arena_free(arena);
	return failed;
}

static int
run_case(const char *path, const test_case *c, case_fn fn)
{
	if (c->line == 0)
		return 0;
	if (!has_failed(c, fn))
		return 0;
	print_error("%s:%d: %.*s\n", path, c->line, (int) c->text.size,
	            c->text.data);
	return 1;
}

static void
read_line(test_case *c, char *line)
{
	char *rest = line + (line[0] != '\0' && line[1] == ' ' ? 2 : 1);

	switch (line[0])
	{
		case '>':
			c->result = unescape(rest).data;
			break;
		case '!':
			c->message = unescape(rest).data;
			break;
		case '-':
			c->detail = unescape(rest).data;
			break;
		case '?':
			c->hint = unescape(rest).data;
			break;
	}
}

void
cases_run(const char *path, case_fn fn)
{
	size_t size;
	char *data = file_read(path, &size);
	char *next = data;
	test_case c = {0};
	int n_failed = 0;

	for (int number = 1; next != NULL; number++)
	{
		char *line = next;

		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		if (line[0] == '=')
		{
			n_failed += run_case(path, &c, fn);
			c = (test_case){.line = number,
			                .text = unescape(line + (line[1] == ' ' ? 2 : 1))};
		}
		else
			read_line(&c, line);
	}
	n_failed += run_case(path, &c, fn);
	free(data);
	if (n_failed > 0)
		fail_msg("%d cases of %s failed", n_failed, path);
}

cer_status
case_print_mst(cer_arena *arena, cer_text text, cer_text *result,
               cer_error *err)
{
	const cer_mst *mst;
	cer_status status = cer_mst_parse(arena, text, &mst, err);

	return status == CER_OK ? cer_mst_print(arena, mst, result, err) : status;
}

cer_status
case_print_pattern(cer_arena *arena, cer_text text, cer_text *result,
                   cer_error *err)
{
	const cer_pattern *pattern;
	cer_status status = cer_pattern_parse(arena, text, &pattern, err);

	return status == CER_OK ? cer_pattern_print(arena, pattern, result, err)
	                        : status;
}

cer_status
case_print_change(cer_arena *arena, cer_text text, cer_text *result,
                  cer_error *err)
{
	const cer_change *change;
	cer_status status = cer_change_parse(arena, text, &change, err);

	return status == CER_OK ? cer_change_print(arena, change, result, err)
	                        : status;
}

cer_status
case_print_space(cer_arena *arena, cer_text text, cer_text *result,
                 cer_error *err)
{
	const cer_space *space;
	cer_status status = cer_space_parse(arena, text, &space, err);

	return status == CER_OK ? cer_space_print(arena, space, result, err)
	                        : status;
}
