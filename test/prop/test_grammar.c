/*
 * test_grammar.c
 *	  The grammar of docs/language.md is the parser's: texts made by it are
 *	  taken, and what the parser takes of texts that were changed, it has.
 *	  SEED=... replays.
 */
#include "cases.h"
#include "cmocka_all.h"
#include "ebnf.h"
#include "base/text.h"
#include "lang/ast.h"
#include "lang/change.h"
#include "lang/definition.h"

#include <stdlib.h>
#include <string.h>

#define N_TEXTS 20000

typedef struct language
{
	const char *rule;
	ebnf_mode mode;
	cer_status (*parse)(cer_arena *arena, cer_text text, cer_error *err);
} language;

static cer_status
parse_triple(cer_arena *arena, cer_text text, cer_error *err)
{
	cer_ast *ast;

	return cer_ast_parse(arena, text, &ast, err);
}

static cer_status
parse_space(cer_arena *arena, cer_text text, cer_error *err)
{
	cer_ast *ast;

	return cer_ast_parse_space(arena, text, &ast, err);
}

static cer_status
parse_change(cer_arena *arena, cer_text text, cer_error *err)
{
	const cer_change *change;

	return cer_change_parse(arena, text, &change, err);
}

static cer_status
parse_body(cer_arena *arena, cer_text text, cer_error *err)
{
	cer_ast *ast;

	return cer_definition_parse_body(arena, text, &ast, err);
}

static const language languages[] = {
	{"triple", EBNF_PLAIN, parse_triple},
	{"triple", EBNF_SPACE, parse_space},
	{"change", EBNF_PLAIN, parse_change},
	{"value", EBNF_DEFINITION, parse_body},
};

#define N_LANGUAGES (sizeof(languages) / sizeof(languages[0]))

/* ------------------------------------------------------------------ texts */

static bool
is_section(const char *piece)
{
	return strcmp(piece, "FE") == 0 || strcmp(piece, "AS") == 0 ||
	       strcmp(piece, "PT") == 0;
}

/* Blanks between pieces; a path has none behind its section. */
static void
write_sentence(const ebnf_sentence *s, char *text)
{
	for (size_t i = 0; i < s->n; i++)
	{
		bool is_path =
			i > 0 && is_section(s->pieces[i - 1]) &&
			(s->pieces[i][0] == '[' || strcmp(s->pieces[i], ".") == 0);

		if (i > 0 && !is_path)
			*text++ = ' ';
		text = stpcpy(text, s->pieces[i]);
	}
	*text = '\0';
}

static cer_status
parse(const language *l, const char *text, cer_error *err)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	cer_status status = l->parse(arena, cer_text_of(text), err);

	cer_arena_free(arena);
	return status;
}

/* Takes a piece out, doubles it, or puts another one of the text there. */
static void
change_sentence(test_random *random, ebnf_sentence *s)
{
	size_t at = random_below(random, s->n);
	size_t n_after = s->n - at;

	switch (random_below(random, 3))
	{
		case 0:
			memmove(s->pieces + at, s->pieces + at + 1,
			        (n_after - 1) * sizeof(s->pieces[0]));
			s->n--;
			break;
		case 1:
			if (s->n == EBNF_MAX_PIECES)
				return;
			memmove(s->pieces + at + 1, s->pieces + at,
			        n_after * sizeof(s->pieces[0]));
			s->n++;
			break;
		default:
			s->pieces[at] = s->pieces[random_below(random, s->n)];
	}
}

/* ------------------------------------------------------------------ tests */

/* What is wrong with words, not with the order of pieces, is no matter of it.*/
static void
check_taken(const language *l, const char *text)
{
	cer_error err = {0};

	if (parse(l, text, &err) == CER_SYNTAX &&
	    strncmp(err.message, "unexpected", 10) == 0)
		fail_msg("%s\n%s", text, err.message);
}

static bool
check_had(ebnf *grammar, const language *l, const ebnf_sentence *s)
{
	char text[EBNF_MAX_PIECES * 24];

	write_sentence(s, text);
	if (parse(l, text, NULL) != CER_OK)
		return false;
	if (!ebnf_has(grammar, l->rule, l->mode, s))
		fail_msg("the grammar does not have: %s", text);
	return true;
}

static void
test_grammar__is_the_parsers(void **state)
{
	size_t size;
	char *page = file_read("docs/language.md", &size);
	ebnf *grammar = ebnf_new(page);
	size_t n_made[N_LANGUAGES] = {0};
	size_t n_changed[N_LANGUAGES] = {0};
	test_random random;

	(void) state;
	random_init(&random);
	for (size_t i = 0; i < N_TEXTS; i++)
	{
		const language *l = &languages[i % N_LANGUAGES];
		char text[EBNF_MAX_PIECES * 24];
		ebnf_sentence s;

		if (!ebnf_make(grammar, l->rule, l->mode, &random, &s) || s.n == 0)
			continue;
		write_sentence(&s, text);
		check_taken(l, text);
		assert_true(ebnf_has(grammar, l->rule, l->mode, &s));
		n_made[i % N_LANGUAGES]++;
		change_sentence(&random, &s);
		n_changed[i % N_LANGUAGES] += check_had(grammar, l, &s);
	}
	for (size_t i = 0; i < N_LANGUAGES; i++)
	{
		assert_true(n_made[i] > N_TEXTS / N_LANGUAGES / 4);
		assert_true(n_changed[i] > N_TEXTS / N_LANGUAGES / 40);
	}
	ebnf_free(grammar);
	free(page);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grammar__is_the_parsers),
	};

	return cmocka_run_group_tests_name("grammar", tests, NULL, NULL);
}
