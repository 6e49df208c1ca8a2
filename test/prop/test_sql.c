/*
 * test_sql.c
 *	  SQL within a triple: however the same tokens are written, the canonical
 *	  text is one, has the same tokens, and reads back.  SEED=... replays.
 */
#include "base/text.h"
#include "cmocka_all.h"
#include "lang/sql_token.h"
#include "random.h"

#include <stdio.h>
#include <string.h>

#define N_EXPRESSIONS 100000
#define N_SOUPS       300000
#define MAX_TOKENS    12
#define MAX_TEXT      1024
#define COUNT(array)  (sizeof(array) / sizeof((array)[0]))

/* --------------------------------------------------------------- writing */

/* As PostgreSQL's own documents spell them; words in lower case. */
static const char *const tokens[] = {
	"a",       "b1",      "select",    "and",     "in",   "e",       "u",
	"between", "\"A b\"", "\"x\"\"\"", "U&\"d\"", "'s'",  "'it''s'", "'-- \"'",
	"E'\\''",  "B'01'",   "X'1f'",     "U&'x'",   "N'x'", "1",       "0.5",
	"1.",      "1e-5",    "0x1e",      "1.5e3",   "$1",   "$",       "+",
	"-",       "*",       "/",         "<",       ">",    "=",       "<>",
	"<=",      "->>",     "@>",        "@-",      "||",   "?&",      "!=-",
	"#-",      "&",       "~*",        "^",       "::",   ":",       ":=",
	"..",      ".",       ",",         "(",       ")",    "[",       "]",
	"{",       "e$f$",    "\xC3\xA4",  "%",       "null", "array",   "zone",
};

typedef struct expression
{
	size_t n;
	const char *tokens[MAX_TOKENS];
} expression;

static void
choose(test_random *random, expression *made)
{
	made->n = 1 + random_below(random, MAX_TOKENS);
	for (size_t i = 0; i < made->n; i++)
		made->tokens[i] = tokens[random_below(random, COUNT(tokens))];
}

static char *
write_gap(test_random *random, char *at)
{
	static const char *const gaps[] = {
		" ", "  ", "\t", " /* ' */ ", "/* a /* b */ */ ", " -- it's )\n", "\n"};

	return stpcpy(at, gaps[random_below(random, COUNT(gaps))]);
}

static char *
write_token(test_random *random, const char *token, char *at)
{
	bool is_word = cer_is_name_start(*token) && strpbrk(token, "'\"") == NULL;

	if (is_word && random_below(random, 2) == 0)
	{
		for (; *token != '\0'; token++)
			*at++ =
				(char) (*token >= 'a' && *token <= 'z' ? *token - 32 : *token);
		*at = '\0';
		return at;
	}
	return stpcpy(at, token);
}

/* Tokens with something between each two of them, but no line between two
 * strings, which would be one. */
static cer_text
write_expression(test_random *random, const expression *made, char *text)
{
	char *at = text;

	for (size_t i = 0; i < made->n; i++)
	{
		if (i > 0 && strchr(made->tokens[i], '\'') != NULL)
			at = stpcpy(at, " ");
		else if (i > 0)
			at = write_gap(random, at);
		at = write_token(random, made->tokens[i], at);
	}
	return (cer_text){text, (size_t) (at - text)};
}

/* --------------------------------------------------------------- comparing */

static cer_text
print(cer_arena *arena, cer_text sql)
{
	cer_text printed;
	cer_error err = {0};

	if (cer_sql_print(arena, sql, &printed, &err) != CER_OK)
		fail_msg("%s in: %.*s", err.message, (int) sql.size, sql.data);
	assert_true(printed.size <= 2 * sql.size);
	return printed;
}

static void
assert_same(cer_text a, cer_text b)
{
	if (!cer_text_equals(a, b))
		fail_msg("\"%.*s\"\nis not\n\"%.*s\"", (int) a.size, a.data,
		         (int) b.size, b.data);
}

static void
assert_tokens(cer_text printed, const expression *made)
{
	cer_lexer lexer = {.at = printed.data, .end = printed.data + printed.size};
	cer_sql_token token;

	for (size_t i = 0; i < made->n; i++)
	{
		assert_int_equal(cer_sql_read(&lexer, &token), CER_OK);
		assert_same(token.text, cer_text_of(made->tokens[i]));
	}
	assert_int_equal(cer_sql_read(&lexer, &token), CER_OK);
	assert_int_equal(token.kind, CER_SQL_END);
}

static void
test_sql_print__is_one_spelling_of_the_same_tokens(void **state)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	test_random random;

	(void) state;
	random_init(&random);
	for (int i = 0; i < N_EXPRESSIONS; i++)
	{
		char first[MAX_TEXT];
		char second[MAX_TEXT];
		expression made;
		cer_text printed;

		choose(&random, &made);
		printed = print(arena, write_expression(&random, &made, first));
		assert_same(printed,
		            print(arena, write_expression(&random, &made, second)));
		assert_same(printed, print(arena, printed));
		assert_tokens(printed, &made);
		cer_arena_clear(arena);
	}
	cer_arena_free(arena);
}

/* Whatever stands next to each other. */
static void
test_sql_print__of_print_is_the_same(void **state)
{
	static const char bytes[] =
		"aeEuUxX&'\"\"$$1.05-+*/<>=!@#|?:,()[] \n\\_{%\t";
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	test_random random;
	int n_read = 0;

	(void) state;
	random_init(&random);
	for (int i = 0; i < N_SOUPS; i++)
	{
		char text[24];
		cer_text soup = {text, 1 + random_below(&random, sizeof(text))};
		cer_text printed;

		for (size_t k = 0; k < soup.size; k++)
			text[k] = bytes[random_below(&random, sizeof(bytes) - 1)];
		if (cer_sql_print(arena, soup, &printed, NULL) == CER_OK)
		{
			n_read++;
			assert_true(printed.size <= 2 * soup.size);
			assert_same(print(arena, printed), printed);
		}
		cer_arena_clear(arena);
	}
	assert_true(n_read > N_SOUPS / 10);
	cer_arena_free(arena);
}

/* --------------------------------------------------------------- spellings */

static void
test_sql_print__spells(void **state)
{
	static const char *const cases[][2] = {
		{"( B+1 )*2", "(b + 1) * 2"},
		{"a<-1", "a < -1"},
		{"- - 1", "- -1"},
		{"a--1\n-b", "a - b"},
		{"a/**/-/* /* */ */b", "a - b"},
		{"a @-1", "a @- 1"},
		{"x@-+1", "x @-+ 1"},
		{"a*-b", "a * -b"},
		{"a*@b", "a *@ b"},
		{"not(a)And(b)", "not (a) and (b)"},
		{"Upper ( X ) ||'A'", "upper(x) || 'A'"},
		{"x :: numeric ( 10 ,2 )", "x::numeric(10, 2)"},
		{"t . a . \"B\"", "t.a.\"B\""},
		{"A [ 1 ] [2:3]", "a[1][2 : 3]"},
		{"ARRAY[1,-2]", "array[1, -2]"},
		{"count( * )", "count(*)"},
		{"(select*from t)", "(select * from t)"},
		{"a != b", "a <> b"},
		{".5+1E3", "0.5 + 1e3"},
		{"e'abc'", "'abc'"},
		{"e'a\\'b'", "E'a\\'b'"},
		{"b'01'", "B'01'"},
		{"u&'\\0041' uescape '!'", "U&'\\0041' uescape '!'"},
		{"'a'\n  'b'", "'ab'"},
		{"'a' -- c\n 'b'", "'ab'"},
		{"'a' 'b'", "'a' 'b'"},
		{"E'\\1'\n\n'2'", "E'\\1'\n'2'"},
		{"$$it's$$", "'it''s'"},
		{"$t$a$$b$t$", "'a$$b'"},
		{"$1.x", "$1.x"},
		{"operator( pg_catalog .+)", "operator(pg_catalog.+)"},
		{"case WHEN a THEN -1 else(b)END", "case when a then -1 else (b) end"},
		{"a IN(1,2)", "a in (1, 2)"},
		{"t.in (1)", "t.in(1)"},
		{"sum(x)Filter(where y)", "sum(x) filter (where y)"},
		{"a -- to the end\r+ b", "a + b"},
		{"\xC3\x84z", "\xC3\x84z"},
	};
	cer_arena *arena = cer_arena_new(&cer_host_plain);

	(void) state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_same(print(arena, cer_text_of(cases[i][0])),
		            cer_text_of(cases[i][1]));
	cer_arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sql_print__is_one_spelling_of_the_same_tokens),
		cmocka_unit_test(test_sql_print__of_print_is_the_same),
		cmocka_unit_test(test_sql_print__spells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
