/*
 * test_open.c
 *	  Texts of patterns and spaces: test/lang/pattern.test and space.test; what
 *	  is printed reads back the same.
 */
#include "cases.h"
#include "cmocka_all.h"
#include "failing_host.h"

#include <string.h>

static cer_status
print_twice(case_fn print, cer_arena *arena, cer_text text, cer_text *result,
            cer_error *err)
{
	cer_text again;
	cer_status status = print(arena, text, result, err);

	if (status != CER_OK)
		return status;
	assert_int_equal(print(arena, *result, &again, NULL), CER_OK);
	assert_string_equal(again.data, result->data);
	return CER_OK;
}

static cer_status
print_pattern_twice(cer_arena *arena, cer_text text, cer_text *result,
                    cer_error *err)
{
	return print_twice(case_print_pattern, arena, text, result, err);
}

static cer_status
print_space_twice(cer_arena *arena, cer_text text, cer_text *result,
                  cer_error *err)
{
	return print_twice(case_print_space, arena, text, result, err);
}

static void
test_pattern__cases(void **state)
{
	(void) state;
	cases_run("test/lang/pattern.test", print_pattern_twice);
}

static void
test_space__cases(void **state)
{
	(void) state;
	cases_run("test/lang/space.test", print_space_twice);
}

static cer_status
read_both(cer_arena *arena, void *arg)
{
	cer_text text = {arg, strlen(arg)};

	return case_print_space(arena, text, &text, NULL);
}

static void
test_space__survives_failing_memory(void **state)
{
	char text[] =
		"FE ?JOIN planes, dest : {onehot, embed({4, 8})} AS {mlp({64, "
		"128} xx 1..4), tabm} PT {adam, sgd}, lr = 1e-3..0.1 log";

	(void) state;
	assert_true(failing_host_run_arena(read_both, text) >= 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pattern__cases),
		cmocka_unit_test(test_space__cases),
		cmocka_unit_test(test_space__survives_failing_memory),
	};

	return cmocka_run_group_tests_name("open", tests, NULL, NULL);
}
