/*
 * test_bytes.c
 *	  Stored bytes: lowest first, and never read past their end.
 */
#include "base/bytes.h"

#include "cmocka_all.h"

#include <string.h>

static void
test_bytes__come_back(void **state)
{
	char memory[64];
	cer_byte_writer counts = {0};
	cer_byte_writer to = {.data = memory};
	cer_byte_reader from = {.data = memory};
	cer_text text;

	(void) state;
	for (int round = 0; round < 2; round++)
	{
		cer_byte_writer *writer = round == 0 ? &counts : &to;

		cer_write_number(writer, 0x01020304, 4);
		cer_write_double(writer, -2.5);
		cer_write_text(writer, (cer_text){"ab", 2});
	}
	assert_int_equal(counts.size, 18);
	assert_int_equal(to.size, 18);
	assert_memory_equal(memory, "\4\3\2\1", 4);
	from.left = to.size;
	assert_int_equal(cer_read_number(&from, 4), 0x01020304);
	assert_true(cer_read_double(&from) == -2.5);
	text = cer_read_text(&from);
	assert_int_equal(text.size, 2);
	assert_memory_equal(text.data, "ab", 2);
	assert_false(from.is_bad);
	assert_int_equal(from.left, 0);
}

static void
test_bytes__stay_bad_after_the_end(void **state)
{
	cer_byte_reader from = {.data = "\377\377\377\377x", .left = 5};

	(void) state;
	assert_int_equal(cer_read_text(&from).size, 0);
	assert_true(from.is_bad);
	assert_int_equal(cer_read_number(&from, 1), 0);
	assert_true(cer_read_double(&from) == 0);
	assert_true(from.is_bad);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes__come_back),
		cmocka_unit_test(test_bytes__stay_bad_after_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
