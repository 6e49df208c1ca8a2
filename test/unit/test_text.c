/*
 * test_text.c
 *	  Text with a length, UTF-8, and how failures are told.
 */
#include "base/text.h"
#include "base/error.h"
#include "cmocka_all.h"

#include <string.h>

static void
test_text__compares(void **state)
{
	const cer_text abc = {"abcdef", 3};

	(void) state;
	assert_true(cer_text_is(abc, "abc"));
	assert_false(cer_text_is(abc, "abcd"));
	assert_false(cer_text_is(abc, "ab"));
	assert_true(cer_text_equals(abc, cer_text_of("abc")));
	assert_false(cer_text_equals(abc, cer_text_of("abd")));
	assert_false(cer_text_equals(abc, cer_text_of("")));
	assert_true(cer_text_is((cer_text){"", 0}, ""));
	assert_false(cer_text_is((cer_text){"abc\0d", 5}, "abc"));
}

static void
test_text_clip__keeps_characters_whole(void **state)
{
	(void) state;
	assert_int_equal(cer_text_clip(cer_text_of("abc"), 3), 3);
	assert_int_equal(cer_text_clip(cer_text_of("abcd"), 3), 3);
	assert_int_equal(cer_text_clip(cer_text_of("aäb"), 2), 1);
	assert_int_equal(cer_text_clip(cer_text_of("aäb"), 3), 3);
	assert_int_equal(cer_text_clip(cer_text_of("𝛽𝛽"), 7), 4);
}

static const struct
{
	const char *bytes;
	size_t size; /* 0: not valid */
} characters[] = {
	{"a", 1},
	{"\x7F", 1},
	{"\x80", 0},
	{"\xC1\xBF", 0}, /* overlong */
	{"\xC2\x80", 2},
	{"\xDF\xBF", 2},
	{"\xC2", 0},
	{"\xC2 ", 0},
	{"\xE0\x9F\xBF", 0}, /* overlong */
	{"\xE0\xA0\x80", 3},
	{"\xED\x9F\xBF", 3},
	{"\xED\xA0\x80", 0}, /* surrogate */
	{"\xEF\xBF\xBF", 3},
	{"\xE2\x82", 0},
	{"\xF0\x8F\xBF\xBF", 0}, /* overlong */
	{"\xF0\x90\x80\x80", 4},
	{"\xF4\x8F\xBF\xBF", 4},
	{"\xF4\x90\x80\x80", 0}, /* above U+10FFFF */
	{"\xF5\x80\x80\x80", 0},
	{"\xFF", 0},
};

static void
test_utf8_measure__knows_what_is_valid(void **state)
{
	(void) state;
	for (size_t i = 0; i < sizeof(characters) / sizeof(characters[0]); i++)
		assert_int_equal(
			cer_utf8_measure(characters[i].bytes, strlen(characters[i].bytes)),
			characters[i].size);
	assert_int_equal(cer_utf8_measure("", 0), 0);
	assert_int_equal(cer_utf8_measure("", 1), 1); /* a zero byte */
}

static void
test_fail__describes(void **state)
{
	cer_error err;

	(void) state;
	memset(&err, 'x', sizeof(err));
	assert_int_equal(
		cer_fail_at(&err, CER_SYNTAX, (cer_place){2, 7}, "no %s", "good"),
		CER_SYNTAX);
	cer_error_set_detail(&err, "Detail %d.", 1);
	cer_error_set_hint(&err, "Hint.");
	assert_string_equal(err.message, "no good at line 2, column 7");
	assert_string_equal(err.detail, "Detail 1.");
	assert_string_equal(err.hint, "Hint.");
	assert_int_equal(err.line, 2);
	assert_int_equal(err.column, 7);
	assert_int_equal(cer_fail_memory(&err, 12), CER_NO_MEMORY);
	assert_string_equal(err.message, "out of memory for 12 bytes");
	assert_string_equal(err.detail, "");
	assert_int_equal(err.line, 0);
}

static void
test_fail__takes_null_and_long_texts(void **state)
{
	char text[2000];
	cer_error err;

	(void) state;
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(cer_fail(NULL, CER_TOO_BIG, "x"), CER_TOO_BIG);
	assert_int_equal(
		cer_fail_at(NULL, CER_TOO_BIG, (cer_place){1, 1}, "%s", text),
		CER_TOO_BIG);
	cer_error_set_detail(NULL, "x");
	cer_error_set_hint(NULL, "x");
	cer_error_set_position(NULL, 1, 1);
	cer_fail_at(&err, CER_TOO_BIG, (cer_place){1, 65536}, "%s", text);
	cer_error_set_detail(&err, "%s", text);
	cer_error_set_hint(&err, "%s", text);
	assert_non_null(strstr(err.message, "a at line 1, column 65536"));
	assert_int_equal(strlen(err.detail), sizeof(err.detail) - 1);
	assert_int_equal(strlen(err.hint), sizeof(err.hint) - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text__compares),
		cmocka_unit_test(test_text_clip__keeps_characters_whole),
		cmocka_unit_test(test_utf8_measure__knows_what_is_valid),
		cmocka_unit_test(test_fail__describes),
		cmocka_unit_test(test_fail__takes_null_and_long_texts),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
