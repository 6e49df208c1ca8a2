/*
 * test_docs.c
 *	  docs/language.md says what the library does: its examples are run, its
 *	  tables hold every word of the schema as it is.
 */
#include "cases.h"
#include "cmocka_all.h"
#include "base/text.h"
#include "lang/number.h"
#include "lang/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH "docs/language.md"

static cer_status
read_split(cer_arena *arena, cer_text text, cer_text *result, cer_error *err)
{
	cer_split split;

	*result = text;
	return cer_split_parse(arena, text, &split, err);
}

static cer_status
read_definition(cer_arena *arena, cer_text text, cer_text *result,
                cer_error *err)
{
	cer_structure structure = {{"tried", 5}, text};

	return cer_structure_define(arena, &structure, NULL, 0, result, err);
}

/* One example and the line after it, which may tell what comes of it. */
static void
run_example(case_fn read, const char *line, const char *next)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	cer_text text = {line, strlen(line)};
	cer_text result;
	cer_error err = {0};
	cer_status status = read(arena, text, &result, &err);

	if (next[0] == '!')
	{
		assert_int_not_equal(status, CER_OK);
		assert_string_equal(err.message, next + 2);
	}
	else if (status != CER_OK)
		fail_msg("%s: %s", line, err.message);
	else if (next[0] == '>')
		assert_string_equal(result.data, next + 2);
	cer_arena_free(arena);
}

static case_fn
find_reader(const char *line)
{
	if (strcmp(line, "```mst") == 0)
		return case_print_mst;
	if (strcmp(line, "```pattern") == 0)
		return case_print_pattern;
	if (strcmp(line, "```space") == 0)
		return case_print_space;
	if (strcmp(line, "```change") == 0)
		return case_print_change;
	if (strcmp(line, "```definition") == 0)
		return read_definition;
	return strcmp(line, "```split") == 0 ? read_split : NULL;
}

static void
test_docs__examples_hold(void **state)
{
	size_t size;
	char *text = file_read(PATH, &size);
	case_fn read = NULL;
	char *line = strtok(text, "\n");
	size_t n_run = 0;

	(void) state;
	while (line != NULL)
	{
		char *next = strtok(NULL, "\n");

		if (strncmp(line, "```", 3) == 0)
			read = find_reader(line);
		else if (read != NULL && line[0] != '>' && line[0] != '!')
		{
			run_example(read, line, next);
			n_run++;
		}
		line = next;
	}
	free(text);
	assert_true(n_run > 25);
}

static void
describe_default(const cer_arg *arg, char text[CER_NUMBER_BYTES])
{
	if (arg->is_required)
		strcpy(text, "");
	else if (arg->setting != NULL)
		sprintf(text, "PT's");
	else if (arg->type == CER_ARG_FLAG)
		strcpy(text, "");
	else if (cer_arg_is_auto(arg))
		strcpy(text, arg->word);
	else if (arg->type == CER_ARG_CHOICE)
		strcpy(text, arg->choices[0]);
	else if (arg->type == CER_ARG_ACTIVATION)
		strcpy(text, cer_activation_name((cer_activation) arg->fallback));
	else
		cer_number_print(arg->fallback, text);
}

static void
check_row(const char *docs, const char *row)
{
	if (strstr(docs, row) == NULL)
		fail_msg(PATH " has no line\n%s", row);
}

static void
check_arg(const char *docs, const cer_word *word, const cer_arg *arg)
{
	char fallback[CER_NUMBER_BYTES];
	char range[160];
	char owner[40] = "";
	char row[500];

	if (arg->type == CER_ARG_WIDTHS || arg->type == CER_ARG_CHILDREN)
		return;
	if (word->kind != CER_WORD_SECTION)
		sprintf(owner, "`%s`: ", word->name);
	cer_arg_describe(arg, range, sizeof(range));
	describe_default(arg, fallback);
	sprintf(row, "\n| %s`%s` | %s | %s | %s |\n", owner, arg->name, range,
	        fallback, arg->help);
	check_row(docs, row);
}

/* What is left to a structure, as the triple has it. */
static void
check_recipe(const char *docs, const char *structure)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	char text[80];
	char row[300];
	char numbers[6][CER_NUMBER_BYTES];
	const cer_mst *mst;
	const cer_settings *s;
	static const char *const schedules[] = {"constant", "cosine", "onecycle",
	                                        "coslog", "plateau"};

	sprintf(text, "AS %s", structure);
	assert_int_equal(cer_mst_parse(arena, cer_text_of(text), &mst, NULL),
	                 CER_OK);
	s = &mst->settings;
	cer_number_print(s->lr, numbers[0]);
	cer_number_print(s->beta2, numbers[1]);
	cer_number_print(s->decay, numbers[2]);
	cer_number_print(s->dropout, numbers[3]);
	cer_number_print(s->smoothing, numbers[4]);
	cer_number_print(s->clip, numbers[5]);
	sprintf(row, "\n| `%s` | %s | %s | %s | %zu | %zu | %s | %s | %s | %s |\n",
	        structure, numbers[0], numbers[1], numbers[2], s->epochs,
	        s->patience, numbers[3], schedules[s->schedule], numbers[4],
	        numbers[5]);
	check_row(docs, row);
	cer_arena_free(arena);
}

static void
test_docs__recipes_hold(void **state)
{
	size_t size;
	char *docs = file_read(PATH, &size);

	(void) state;
	for (size_t i = 0; i < cer_structure_word_count; i++)
		if (strcmp(cer_structure_words[i].name, "auto") != 0)
			check_recipe(docs, cer_structure_words[i].name);
	free(docs);
}

static void
test_docs__tables_hold(void **state)
{
	size_t size;
	char *docs = file_read(PATH, &size);

	(void) state;
	for (size_t i = 0; i < cer_schema_count(); i++)
	{
		const cer_word *word = cer_schema_get(i);
		char row[500];

		sprintf(row, "\n| `%s` | %s |\n", word->name, word->help);
		if (word->kind != CER_WORD_SECTION)
			check_row(docs, row);
		for (size_t a = 0; a < word->n_args; a++)
			check_arg(docs, word, &word->args[a]);
	}
	free(docs);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_docs__examples_hold),
		cmocka_unit_test(test_docs__tables_hold),
		cmocka_unit_test(test_docs__recipes_hold),
	};

	return cmocka_run_group_tests_name("docs", tests, NULL, NULL);
}
