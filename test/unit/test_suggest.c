/*
 * test_suggest.c
 *	  The known word nearest to an unknown one.
 */
#include "lang/suggest.h"
#include "base/text.h"
#include "cmocka_all.h"

#include <string.h>

static const char *const words[] = {"age", "activation", "dropout", "epochs",
                                    "lr"};

static const struct
{
	const char *word;
	const char *meant; /* NULL: none */
} cases[] = {
	{"agee", "age"},
	{"aeg", "age"},
	{"AGE", "age"},
	{"ag", "age"},
	{"bge", "age"},
	{"activtion", "activation"},
	{"actviatoin", "activation"},
	{"drop_out", "dropout"},
	{"epoch", "epochs"},
	{"rl", "lr"},
	{"l", NULL},
	{"x", NULL},
	{"xy", NULL},
	{"wholly_else", NULL},
	{"", NULL},
	{"dropouts_of_the_year", NULL},
};

static void
test_suggestion__finds_slips_only(void **state)
{
	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		cer_suggestion s;
		cer_error err = {0};
		char hint[100] = "";

		cer_suggestion_init(&s, cer_text_of(cases[i].word));
		for (size_t j = 0; j < sizeof(words) / sizeof(words[0]); j++)
			cer_suggestion_offer(&s, cer_text_of(words[j]));
		cer_suggestion_hint(&s, &err);
		if (cases[i].meant != NULL)
			strcat(strcat(strcpy(hint, "Perhaps you meant \""), cases[i].meant),
			       "\".");
		if (strcmp(err.hint, hint) != 0)
			fail_msg("%s: %s", cases[i].word, err.hint);
	}
}

static void
test_suggestion__takes_long_words(void **state)
{
	char word[500];
	cer_suggestion s;
	cer_error err = {0};

	(void) state;
	memset(word, 'a', sizeof(word));
	for (size_t size = 60; size < 70; size++)
	{
		cer_suggestion_init(&s, (cer_text){word, size});
		cer_suggestion_offer(&s, (cer_text){word, 64});
		cer_suggestion_offer(&s, (cer_text){word, 500});
		cer_suggestion_hint(&s, &err);
		assert_true(strlen(err.hint) < sizeof(err.hint));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_suggestion__finds_slips_only),
		cmocka_unit_test(test_suggestion__takes_long_words),
	};

	return cmocka_run_group_tests_name("suggest", tests, NULL, NULL);
}
