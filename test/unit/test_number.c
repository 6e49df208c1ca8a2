/*
 * test_number.c
 *	  Numbers from text and back, in whatever locale.
 */
#include "lang/number.h"
#include "cmocka_all.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

static const struct
{
	double number;
	const char *text;
} spellings[] = {
	{0, "0"},
	{1, "1"},
	{-1, "-1"},
	{1024, "1024"},
	{0.1, "0.1"},
	{0.001, "0.001"},
	{0.0001, "0.0001"},
	{0.00001, "1e-5"},
	{0.000015, "1.5e-5"},
	{123.456, "123.456"},
	{1e15, "1000000000000000"},
	{1e16, "1e16"},
	{9007199254740991, "9007199254740991"},
	{1e22, "1e22"},
	{1e300, "1e300"},
	{1.7976931348623157e308, "1.7976931348623157e308"},
	{5e-324, "5e-324"},
	{2.2250738585072014e-308, "2.2250738585072014e-308"},
	{0.30000000000000004, "0.30000000000000004"},
	{1.0 / 3, "0.3333333333333333"},
};

static void
check_spellings(void)
{
	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++)
	{
		char text[CER_NUMBER_BYTES];
		double number = spellings[i].number;
		size_t size = cer_number_print(number, text);
		double back;

		assert_string_equal(text, spellings[i].text);
		assert_int_equal(size, strlen(text));
		if (number < 0)
			continue;
		assert_true(cer_number_parse((cer_text){text, size}, &back));
		assert_true(back == number);
	}
}

static void
test_number__has_one_spelling(void **state)
{
	(void) state;
	check_spellings();
}

static void
test_number__knows_no_locale(void **state)
{
	(void) state;
	/* whichever of them this machine has; the C locale if none */
	if (setlocale(LC_NUMERIC, "de_DE.UTF-8") == NULL)
		setlocale(LC_NUMERIC, "fr_FR.UTF-8");
	check_spellings();
	setlocale(LC_NUMERIC, "C");
}

static const struct
{
	const char *text;
	double number;
} readings[] = {
	{".5", 0.5},
	{"00.50", 0.5},
	{"1E+3", 1000},
	{"1e-3", 0.001},
	{"0e999999999999999999999", 0},
	{"1e-99999999999999999999", 0},
	{"123456789012345678901234567890", 123456789012345678901234567890.0},
	{"0.1000000000000000055511151231257827021181583404541015625", 0.1},
	{"9007199254740993", 9007199254740992},
	{"0000000000000000000000000000000000000000000000000000000001", 1},
};

static void
test_number_parse__is_exact(void **state)
{
	(void) state;
	for (size_t i = 0; i < sizeof(readings) / sizeof(readings[0]); i++)
	{
		cer_text text = {readings[i].text, strlen(readings[i].text)};
		double number;

		assert_true(cer_number_parse(text, &number));
		assert_true(number == readings[i].number);
		assert_true(number == strtod(readings[i].text, NULL));
	}
}

static void
test_number_parse__refuses_the_infinite(void **state)
{
	const char *texts[] = {"1e309", "1e99999999999999999999", "2e308"};
	double number = 7;

	(void) state;
	for (size_t i = 0; i < 3; i++)
		assert_false(
			cer_number_parse((cer_text){texts[i], strlen(texts[i])}, &number));
	assert_true(number == 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_number__has_one_spelling),
		cmocka_unit_test(test_number__knows_no_locale),
		cmocka_unit_test(test_number_parse__is_exact),
		cmocka_unit_test(test_number_parse__refuses_the_infinite),
	};

	return cmocka_run_group_tests_name("number", tests, NULL, NULL);
}
