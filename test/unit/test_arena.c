/*
 * test_arena.c
 *	  Arenas: alignment, growth, and everything given back.
 */
#include "cmocka_all.h"
#include "failing_host.h"

#include <string.h>

static void
test_arena__aligns_and_keeps_apart(void **state)
{
	failing_host host;
	cer_arena *arena;
	unsigned char *blocks[500];

	(void) state;
	failing_host_init(&host, SIZE_MAX);
	arena = cer_arena_new(&host.host);
	for (size_t i = 0; i < 500; i++)
	{
		size_t size = i * i % 7000;

		blocks[i] = cer_arena_allocate(arena, size);
		assert_non_null(blocks[i]);
		assert_int_equal((uintptr_t) blocks[i] % 64, 0);
		memset(blocks[i], (int) (i % 251), size);
	}
	for (size_t i = 0; i < 500; i++)
		for (size_t j = 0; j < i * i % 7000; j++)
			assert_int_equal(blocks[i][j], i % 251);
	cer_arena_free(arena);
	assert_int_equal(host.n_live, 0);
	assert_int_equal(host.live_bytes, 0);
}

static void
test_arena__counts_what_it_holds(void **state)
{
	failing_host host;
	cer_arena *arena;

	(void) state;
	failing_host_init(&host, SIZE_MAX);
	arena = cer_arena_new(&host.host);
	assert_int_equal(cer_arena_get_size(arena), 0);
	assert_non_null(cer_arena_allocate(arena, 10000000));
	assert_non_null(cer_arena_allocate(arena, 10));
	assert_true(cer_arena_get_size(arena) >= 10000000);
	assert_true(cer_arena_get_size(arena) < 10100000);
	cer_arena_clear(arena);
	assert_int_equal(cer_arena_get_size(arena), 0);
	assert_int_equal(host.n_live, 1); /* the arena itself */
	assert_non_null(cer_arena_allocate(arena, 10));
	cer_arena_free(arena);
	assert_int_equal(host.n_live, 0);
}

static void
test_arena__large_blocks_leave_the_small_one_in_use(void **state)
{
	failing_host host;
	cer_arena *arena;
	size_t n;

	(void) state;
	failing_host_init(&host, SIZE_MAX);
	arena = cer_arena_new(&host.host);
	cer_arena_allocate(arena, 100);
	n = host.n_allocations;
	cer_arena_allocate(arena, 1000000);
	cer_arena_allocate(arena, 100);
	assert_int_equal(host.n_allocations, n + 1);
	cer_arena_free(arena);
}

/* Sanitizers do not let malloc refuse. */
static void *
allocate_little(void *self, size_t size)
{
	return size < 1000000 ? cer_host_plain.allocate(self, size) : NULL;
}

static void
test_arena__refuses_what_cannot_be(void **state)
{
	cer_host host = cer_host_plain;
	cer_arena *arena;

	(void) state;
	host.allocate = allocate_little;
	arena = cer_arena_new(&host);
	assert_null(cer_arena_allocate(arena, SIZE_MAX));
	assert_null(cer_arena_allocate(arena, SIZE_MAX / 2));
	assert_null(cer_arena_allocate(arena, SIZE_MAX / 2 - 64));
	assert_non_null(cer_arena_allocate(arena, 1));
	cer_arena_free(arena);
	cer_arena_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arena__aligns_and_keeps_apart),
		cmocka_unit_test(test_arena__counts_what_it_holds),
		cmocka_unit_test(test_arena__large_blocks_leave_the_small_one_in_use),
		cmocka_unit_test(test_arena__refuses_what_cannot_be),
	};

	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
