/*
 * test_value.c
 *	  What texts are taken for, and which type a column of them gets.
 */
#include "value.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

typedef struct type_case
{
	const char *texts; /* separated by | */
	const char *type;
} type_case;

static const type_case cases[] = {
	{"", "text"},
	/* whole numbers */
	{"1|-5|0", "integer"},
	{"2147483647|-2147483648", "integer"},
	{"2147483648", "bigint"},
	{"-2147483649", "bigint"},
	{"9223372036854775807|-9223372036854775808", "bigint"},
	{"9223372036854775808", "numeric"},
	{"0|1", "integer"},
	/* codes that look like numbers */
	{"007", "text"},
	{"1|01", "text"},
	{"+49", "text"},
	{"1,5", "text"},
	{"1 000", "text"},
	{"1-2", "text"},
	{"-", "text"},
	{"--1", "text"},
	{"0x10", "text"},
	/* fractions */
	{"1.5|-0.25|.5|5.", "double precision"},
	{"1|2.5", "double precision"},
	{"10.357019999999999", "double precision"},
	{"1e5|1E-3|1.5e+10", "double precision"},
	{"inf|-Infinity|1", "double precision"},
	{"0.1234567890123456789", "numeric"},
	{"12345678901234567890|1.5", "numeric"},
	{"1e400", "numeric"},
	{"1e", "text"},
	{"1e5x", "text"},
	{".", "text"},
	/* truth */
	{"true|false", "boolean"},
	{"TRUE|False|t|f", "boolean"},
	{"yes|no", "boolean"},
	{"t|f", "boolean"},
	{"t", "text"},
	{"F|F", "text"},
	{"true|1", "text"},
	{"true|maybe", "text"},
	/* dates and times */
	{"2013-01-31|2012-02-29", "date"},
	{"2013-02-29", "text"},
	{"1900-02-29", "text"},
	{"2000-02-29", "date"},
	{"0000-01-01", "text"},
	{"2013-13-01", "text"},
	{"2013-1-1", "text"},
	{"31.01.2013", "text"},
	{"01/31/2013", "text"},
	{"2013-01-31 10:00|2013-01-31T10:00:59.123456", "timestamp"},
	{"2013-01-31|2013-01-31 10:00:00", "timestamp"},
	{"2013-01-31 10:00:00.1234567", "text"},
	{"2013-01-31 24:00:00", "text"},
	{"2013-01-31 10:60:00", "text"},
	{"2013-01-01T10:00:00Z", "timestamptz"},
	{"2013-01-01 10:00:00+02|2013-01-01 10:00+0530|2013-01-01T10:00:00-05:00",
     "timestamptz"},
	{"2013-01-01T10:00:00Z|2013-01-01", "text"},
	{"2013-01-01T10:00:00Z|2013-01-01T10:00:00", "text"},
	{"2013-01-01T10:00:00+25", "text"},
	{"10:00|23:59:59.5", "time"},
	{"24:00", "text"},
	{"10:00|1", "text"},
	/* others */
	{"123e4567-e89b-12d3-a456-426614174000", "uuid"},
	{"123e4567-e89b-12d3-a456-42661417400", "text"},
	{"123e4567-e89b-12d3-a456-42661417400g", "text"},
	{"abc", "text"},
	{"1|abc", "text"},
	{"2013-01-01|1", "text"},
};

static unsigned
collect_kinds(const char *texts)
{
	unsigned kinds = 0;

	while (*texts != '\0')
	{
		size_t size = strcspn(texts, "|");

		kinds |= value_get_kind(texts, size);
		texts += size + (texts[size] == '|');
	}
	return kinds;
}

static void
test_value_choose_type__cases(void **state)
{
	(void) state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
	{
		const char *type = value_get_type_name(
			value_choose_type(collect_kinds(cases[i].texts)));

		if (strcmp(type, cases[i].type) != 0)
			print_error("texts: %s\n", cases[i].texts);
		assert_string_equal(type, cases[i].type);
	}
}

static void
test_value_find_missing__knows_its_own(void **state)
{
	static const char *const others[] = {"",   "na",  "N", "NAN", "NANA",
	                                     "-1", "\\n", "5", "??",  "none"};

	(void) state;
	for (int i = 0; i < VALUE_N_MISSING; i++)
	{
		const char *text = value_get_missing(i);

		assert_int_equal(value_find_missing(text, strlen(text)), i);
	}
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		assert_int_equal(value_find_missing(others[i], strlen(others[i])), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_value_choose_type__cases),
		cmocka_unit_test(test_value_find_missing__knows_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
