/*
 * test_recycle.c
 *	  Blocks do not overlap, hold what was written, and are made of pages that
 *	  were used before.
 */
#include "../../engine/recycle.c"

#include "cmocka_all.h"
#include "random.h"

#include <string.h>

#define N_BLOCKS 40
#define MAX_SIZE ((size_t) 3 << 20)

typedef struct block
{
	unsigned char *at;
	size_t size;
	unsigned char mark;
} block;

static void
check_block(const block *b)
{
	for (size_t i = 0; i < b->size; i += 997)
		assert_int_equal(b->at[i], b->mark);
	assert_int_equal(b->at[b->size - 1], b->mark);
}

static void
replace_block(recycle *r, block *b, size_t size, unsigned char mark)
{
	if (b->at != NULL)
	{
		check_block(b);
		recycle_release(r, b->at, b->size);
	}
	*b = (block){recycle_allocate(r, size), size, mark};
	assert_non_null(b->at);
	memset(b->at, mark, size);
}

static void
test_recycle__blocks_keep_what_they_hold(void **state)
{
	static recycle r;
	block blocks[N_BLOCKS] = {0};
	test_random random;

	(void) state;
	random_init(&random);
	recycle_init(&r);
	for (size_t i = 0; i < 2000; i++)
		replace_block(&r, &blocks[random_below(&random, N_BLOCKS)],
		              RECYCLE_LEAST + random_below(&random, MAX_SIZE),
		              (unsigned char) i);
	for (size_t i = 0; i < N_BLOCKS; i++)
		if (blocks[i].at != NULL)
		{
			check_block(&blocks[i]);
			recycle_release(&r, blocks[i].at, blocks[i].size);
		}
	assert_true(r.kept <= RECYCLE_MAX_KEPT);
}

/* As a column's blocks become the next column. */
static void
test_recycle__small_blocks_become_a_large_one(void **state)
{
	static recycle r;
	size_t piece = (size_t) 256 << 10;
	block small[9] = {0};
	unsigned char *large;

	(void) state;
	recycle_init(&r);
	for (size_t i = 0; i < 9; i++)
		replace_block(&r, &small[i], piece, (unsigned char) (i + 1));
	for (size_t i = 0; i < 9; i++)
		recycle_release(&r, small[i].at, piece);
	assert_int_equal(r.kept, 9 * piece);
	large = recycle_allocate(&r, 9 * piece);
	assert_non_null(large);
	assert_int_equal(r.kept, 0);
	for (size_t i = 0; i < 9 * piece; i++)
		assert_in_range(large[i], 1, 9); /* the pages of old */
	recycle_release(&r, large, 9 * piece);
}

static void
test_recycle__keeps_little(void **state)
{
	static recycle r;
	block blocks[8] = {0};

	(void) state;
	recycle_init(&r);
	for (size_t i = 0; i < 8; i++)
		replace_block(&r, &blocks[i], RECYCLE_MAX_KEPT / 4, (unsigned char) i);
	for (size_t i = 0; i < 8; i++)
		recycle_release(&r, blocks[i].at, blocks[i].size);
	assert_int_equal(r.kept, RECYCLE_MAX_KEPT);
	assert_null(recycle_allocate(&r, SIZE_MAX - 5));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recycle__blocks_keep_what_they_hold),
		cmocka_unit_test(test_recycle__small_blocks_become_a_large_one),
		cmocka_unit_test(test_recycle__keeps_little),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
