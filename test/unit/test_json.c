/*
 * test_json.c
 *	  Triples as JSON and back (test/lang/json.test), with every default
 *	  (test/lang/describe.test), and help for every word.
 */
#include "arena_state.h"
#include "cases.h"
#include "cases.h"
#include "cmocka_all.h"
#include "base/text.h"
#include "failing_host.h"
#include "lang/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static cer_text
print(cer_arena *arena, const cer_mst *mst)
{
	cer_text text;

	assert_int_equal(cer_mst_print(arena, mst, &text, NULL), CER_OK);
	return text;
}

/* Text to JSON, which must read back as the same. */
static cer_status
to_json(cer_arena *arena, cer_text text, cer_text *result, cer_error *err)
{
	const cer_mst *mst;
	const cer_mst *back;
	cer_error failure;
	cer_status status = cer_mst_parse(arena, text, &mst, err);

	if (status != CER_OK)
		return status;
	status = cer_mst_to_json(arena, mst, result, err);
	if (status != CER_OK)
		return status;
	if (cer_mst_from_json(arena, *result, &back, &failure) != CER_OK)
		fail_msg("%s: %s", result->data, failure.message);
	assert_string_equal(print(arena, back).data, print(arena, mst).data);
	return CER_OK;
}

static cer_status
from_json(cer_arena *arena, cer_text text, cer_text *result, cer_error *err)
{
	const cer_mst *mst;
	cer_status status = cer_mst_from_json(arena, text, &mst, err);

	if (status == CER_OK)
		*result = print(arena, mst);
	return status;
}

static cer_status
describe(cer_arena *arena, cer_text text, cer_text *result, cer_error *err)
{
	const cer_mst *mst;
	const cer_mst *back;
	cer_text again;
	cer_status status = cer_mst_parse(arena, text, &mst, err);

	if (status == CER_OK)
		status = cer_mst_describe(arena, mst, result, err);
	if (status != CER_OK)
		return status;
	assert_int_equal(cer_mst_parse(arena, *result, &back, NULL), CER_OK);
	assert_int_equal(cer_mst_describe(arena, back, &again, NULL), CER_OK);
	assert_string_equal(again.data, result->data);
	return CER_OK;
}

static void
test_mst_to_json__cases(void **state)
{
	(void) state;
	cases_run("test/lang/to_json.test", to_json);
}

static void
test_mst_from_json__cases(void **state)
{
	(void) state;
	cases_run("test/lang/from_json.test", from_json);
}

static void
test_mst_describe__cases(void **state)
{
	(void) state;
	cases_run("test/lang/describe.test", describe);
}

/* ----------------------------------------------------------- help */

/* The lines after "Example:" are triples. */
static void
check_examples(cer_arena *arena, const char *word, const char *help)
{
	const char *line = strstr(help, "Example:\n  ");
	const cer_mst *mst;
	cer_error err;

	assert_non_null(line);
	line += strlen("Example:\n  ");
	if (cer_mst_parse(arena, (cer_text){line, strcspn(line, "\n")}, &mst,
	                  &err) != CER_OK)
		fail_msg("help of %s: %s: %s", word, line, err.message);
}

static void
test_help__knows_every_word(void **state)
{
	for (size_t i = 0; i < cer_schema_count(); i++)
	{
		const cer_word *word = cer_schema_get(i);
		cer_text help;
		cer_error err;

		if (cer_help(*state, cer_text_of(word->name), &help, &err) != CER_OK)
			fail_msg("%s: %s", word->name, err.message);
		assert_non_null(strstr(help.data, word->help));
		check_examples(*state, word->name, strstr(help.data, word->help));
		for (size_t a = 0; a < word->n_args; a++)
			assert_non_null(strstr(help.data, word->args[a].help));
	}
}

static void
test_help__knows_keywords_and_settings(void **state)
{
	static const char *const words[] = {
		"FE",    "as",      "PT",       "JOIN",   "aggregate",  "EXCEPT",
		"*",     "VIA",     "USING",    "ON",     "LAST",       "WHERE",
		"UNCUT", "window",  "x",        ">",      "batch",      "seed",
		"lr",    "dropout", "momentum", "epochs", "activation",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
	{
		cer_text help;
		cer_error err;

		if (cer_help(*state, cer_text_of(words[i]), &help, &err) != CER_OK)
			fail_msg("%s: %s", words[i], err.message);
		check_examples(*state, words[i], help.data);
	}
}

/* Their examples are spaces and changes, not triples. */
static void
test_help__knows_words_of_spaces_and_changes(void **state)
{
	static const char *const words[] = {
		"xx",  "..",   "{",  "?",      "log",    "step",  "if",     "add",
		"set", "drop", "->", "insert", "delete", "after", "before",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
	{
		const cer_change *change;
		const cer_space *space;
		cer_text example;
		cer_text help;
		cer_error err;

		if (cer_help(*state, cer_text_of(words[i]), &help, &err) != CER_OK)
			fail_msg("%s: %s", words[i], err.message);
		example = cer_text_of(strstr(help.data, "Example:\n  ") + 11);
		example.size = strcspn(example.data, "\n");
		if (cer_space_parse(*state, example, &space, &err) != CER_OK &&
		    cer_change_parse(*state, example, &change, &err) != CER_OK)
			fail_msg("help of %s: %s", words[i], example.data);
	}
}

static void
check_known(cer_arena *arena, cer_text word)
{
	cer_text help;
	cer_error err;

	if (cer_help(arena, word, &help, &err) != CER_OK)
		fail_msg("%.*s: %s", (int) word.size, word.data, err.message);
	if (strstr(help.data, "Example:") == NULL)
		fail_msg("%.*s has no example", (int) word.size, word.data);
}

static void
test_help__knows_arguments_and_values(void **state)
{
	for (size_t i = 0; i < cer_schema_count(); i++)
	{
		const cer_word *word = cer_schema_get(i);

		for (size_t a = 0; a < word->n_args; a++)
		{
			const cer_arg *arg = &word->args[a];

			check_known(*state, cer_text_of(arg->name));
			if (arg->word != NULL)
				check_known(*state, cer_text_of(arg->word));
			if (arg->list != NULL)
				check_known(*state, cer_text_of(arg->list));
			for (size_t c = 0; arg->choices && arg->choices[c]; c++)
				check_known(*state, cer_text_of(arg->choices[c]));
		}
	}
}

/* Whatever stands in quotes in the grammar of docs/language.md, before it comes
 * to the letters of names and numbers. */
static void
test_help__knows_the_grammar(void **state)
{
	size_t size;
	char *text = file_read("docs/language.md", &size);
	char *at = strstr(text, "```ebnf");
	char *end = strstr(at, "\nname ");
	size_t n = 0;

	while (at < end && (at = strpbrk(at + 1, "'\"")) != NULL && at < end)
	{
		char *close = strchr(at + 1, *at);

		check_known(*state, (cer_text){at + 1, (size_t) (close - at - 1)});
		at = close;
		n++;
	}
	assert_true(n > 60);
	free(text);
}

/* The kinds themselves: encoder, structure, optimizer. */
static void
test_help__knows_kinds_of_words(void **state)
{
	static const char *const others[] = {"item", "setting", "definition",
	                                     "split"};

	for (int kind = CER_WORD_STRUCTURE; kind < CER_WORD_SECTION; kind++)
		check_known(*state,
		            cer_text_of(cer_word_kind_name((cer_word_kind) kind)));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		check_known(*state, cer_text_of(others[i]));
}

static void
test_help__knows_several_words(void **state)
{
	cer_text help;

	check_known(*state, cer_text_of("missing"));
	check_known(*state, cer_text_of("JOIN LAST"));
	check_known(*state, cer_text_of("PT.lr"));
	check_known(*state, cer_text_of("AS.mlp.units"));
	assert_int_equal(cer_help(*state, cer_text_of("JOIN LAAAST"), &help, NULL),
	                 CER_UNKNOWN_NAME);
}

static void
test_help__lists_all(void **state)
{
	cer_text help;

	assert_int_equal(cer_help(*state, cer_text_of(""), &help, NULL), CER_OK);
	for (size_t i = 0; i < cer_schema_count(); i++)
		assert_non_null(strstr(help.data, cer_schema_get(i)->name));
}

static void
test_help__suggests(void **state)
{
	cer_text help;
	cer_error err;

	assert_int_equal(cer_help(*state, cer_text_of("embeed"), &help, &err),
	                 CER_UNKNOWN_NAME);
	assert_string_equal(err.message, "no word \"embeed\" in the language");
	assert_string_equal(err.hint, "Perhaps you meant \"embed\".");
}

/* ----------------------------------------------------------- memory */

static cer_status
run_all(cer_arena *arena, void *arg)
{
	cer_text text = {arg, strlen(arg)};
	const cer_mst *mst;
	cer_status status = cer_mst_from_json(arena, text, &mst, NULL);
	if (status == CER_OK)
		status = cer_mst_to_json(arena, mst, &text, NULL);
	if (status == CER_OK)
		status = cer_mst_describe(arena, mst, &text, NULL);
	if (status == CER_OK)
		status = cer_help(arena, (cer_text){NULL, 0}, &text, NULL);
	return status;
}

static void
test_json__survives_failing_memory(void **state)
{
	char text[] = "{\"as\": {\"mlp\": {\"units\": [3, 4]}}, \"fe\": [\"*\"]}";

	(void) state;
	assert_true(failing_host_run_arena(run_all, text) >= 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mst_to_json__cases),
		cmocka_unit_test(test_mst_from_json__cases),
		cmocka_unit_test(test_mst_describe__cases),
		cmocka_unit_test(test_help__knows_every_word),
		cmocka_unit_test(test_help__knows_keywords_and_settings),
		cmocka_unit_test(test_help__knows_words_of_spaces_and_changes),
		cmocka_unit_test(test_help__knows_arguments_and_values),
		cmocka_unit_test(test_help__knows_the_grammar),
		cmocka_unit_test(test_help__knows_kinds_of_words),
		cmocka_unit_test(test_help__knows_several_words),
		cmocka_unit_test(test_help__lists_all),
		cmocka_unit_test(test_help__suggests),
		cmocka_unit_test(test_json__survives_failing_memory),
	};

	return cmocka_run_group_tests_name("json", tests, arena_state_make,
	                                   arena_state_free);
}
