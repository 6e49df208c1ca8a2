/*
 * test_split.c
 *	  Splits of rows: the cases of test/lang/split.test, shares as thresholds,
 *	  memory that runs out.
 */
#include "cases.h"
#include "cmocka_all.h"
#include "failing_host.h"

#include <stdio.h>
#include <string.h>

/* kind [sql] shares or cuts */
static cer_status
describe_split(cer_arena *arena, cer_text text, cer_text *result,
               cer_error *err)
{
	static const char *const kinds[] = {"random", "time", "group", "column"};
	cer_split split;
	cer_status status = cer_split_parse(arena, text, &split, err);
	char *out = cer_arena_allocate(arena, 4096);
	char *at = out;

	if (status != CER_OK)
		return status;
	at += sprintf(at, "%s", kinds[split.kind]);
	if (split.sql.size > 0)
		at += sprintf(at, " [%.*s]", (int) split.sql.size, split.sql.data);
	if (split.has_cuts)
		at += sprintf(at, " '%.*s' '%.*s'", (int) split.cuts[0].size,
		              split.cuts[0].data, (int) split.cuts[1].size,
		              split.cuts[1].data);
	else if (split.kind != CER_SPLIT_COLUMN)
		at += sprintf(at, " %g %g %g", split.share[0], split.share[1],
		              split.share[2]);
	*result = (cer_text){out, (size_t) (at - out)};
	return CER_OK;
}

static void
test_split_parse__cases(void **state)
{
	(void) state;
	cases_run("test/lang/split.test", describe_split);
}

static void
test_split_get_part__cuts_at_shares(void **state)
{
	const double halves[] = {0.5, 0.25, 0.25};
	const double no_test[] = {0.9, 0.1, 0};
	const double only_train[] = {1, 0, 0};

	(void) state;
	assert_int_equal(cer_split_get_part(halves, 0), CER_TRAIN);
	assert_int_equal(cer_split_get_part(halves, UINT64_MAX / 2), CER_TRAIN);
	assert_int_equal(cer_split_get_part(halves, (uint64_t) 1 << 63), CER_VALID);
	assert_int_equal(cer_split_get_part(halves, 0xBFFFFFFFFFFFFFFF), CER_VALID);
	assert_int_equal(cer_split_get_part(halves, 0xC000000000000000), CER_TEST);
	assert_int_equal(cer_split_get_part(halves, UINT64_MAX), CER_TEST);
	assert_int_equal(cer_split_get_part(no_test, UINT64_MAX), CER_VALID);
	assert_int_equal(cer_split_get_part(only_train, UINT64_MAX), CER_TRAIN);
}

static cer_status
parse_split(cer_arena *arena, void *arg)
{
	cer_split split;
	cer_error err;

	return cer_split_parse(arena, (cer_text){arg, strlen(arg)}, &split, &err);
}

static void
test_split_parse__survives_failing_memory(void **state)
{
	char text[20000] = "time(f(";

	(void) state;
	memset(text + strlen(text), 'x', 15000);
	strcat(text, "), '2013-01-01', '2014-01-01')");
	assert_true(failing_host_run_arena(parse_split, text) > 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split_parse__cases),
		cmocka_unit_test(test_split_get_part__cuts_at_shares),
		cmocka_unit_test(test_split_parse__survives_failing_memory),
	};

	return cmocka_run_group_tests_name("split", tests, NULL, NULL);
}
