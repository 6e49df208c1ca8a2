/*
 * test_split.c
 *	  Random SQL inside a split is found whole, whatever strings, comments and
 *	  brackets it is made of.  SEED=... replays.
 */
#include "cerebro.h"
#include "cmocka_all.h"
#include "random.h"

#include <stdio.h>
#include <string.h>

#define N_SPLITS  30000
#define MAX_PARTS 12

/* Tokens that PostgreSQL reads as one piece each; none may end the SQL. */
static const char *const pieces[] = {
	"a",
	"b.c",
	"\"a,)\"",
	"\"q\"\"(\"",
	"'it''s )'",
	"','",
	"E'\\')'",
	"e'\\\\'",
	"$$),($$",
	"$t$ $$ ) $t$",
	"$1",
	"a$b",
	"1.5",
	"::text",
	"+",
	"/* ) */",
	"/* /* ( */ ' */",
	"-- ) '\n",
	"f(a, b)",
	"arr[1, 2]",
	"(a, (b))",
	"{",
	"ö",
	"'ä)'",
	"E'a'\n '\\')'",
	"U&'\\0061)'",
	"-",
	"*",
};

#define N_PIECES (sizeof(pieces) / sizeof(pieces[0]))

static bool
is_comment(const char *piece)
{
	return strncmp(piece, "/*", 2) == 0 || strncmp(piece, "--", 2) == 0;
}

/* Returns the end; the last piece is no comment, as those are cut off. */
static char *
write_sql(test_random *random, char *at)
{
	size_t n = 1 + random_below(random, MAX_PARTS);

	for (size_t i = 0; i < n; i++)
	{
		const char *piece = pieces[random_below(random, N_PIECES)];

		if (is_comment(piece) && (i == 0 || i == n - 1))
			piece = "x";
		at = stpcpy(at, i > 0 ? " " : "");
		at = stpcpy(at, piece);
	}
	return at;
}

static void
test_split__finds_sql(void **state)
{
	static const char *const shapes[] = {
		"time(%s, 0.5, 0.25, 0.25)", "group( %s )", "column(%s\n)",
		"time(%s -- )\n, 'a)', ',b')", "group(/* ( */%s, .5, .5, 0)"};
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	test_random random;

	(void) state;
	random_init(&random);
	for (int i = 0; i < N_SPLITS; i++)
	{
		char sql[1000];
		char text[1200];
		cer_split split;
		cer_error err = {0};
		size_t size = (size_t) (write_sql(&random, sql) - sql);

		sprintf(text, shapes[random_below(&random, 5)], sql);
		if (cer_split_parse(arena, (cer_text){text, strlen(text)}, &split,
		                    &err) != CER_OK)
			fail_msg("%s: %s", text, err.message);
		if (split.sql.size != size || memcmp(split.sql.data, sql, size) != 0)
			fail_msg("%s: %.*s", text, (int) split.sql.size, split.sql.data);
		cer_arena_clear(arena);
	}
	cer_arena_free(arena);
}

/* Shares come out as shares of random keys, and growing one moves no row of
 * the parts before it. */
static void
test_split_get_part__keeps_shares(void **state)
{
	test_random random;

	(void) state;
	random_init(&random);
	for (int i = 0; i < 50; i++)
	{
		double train = 0.1 + 0.6 * random_unit(&random);
		const double share[] = {train, 0.2, 0.8 - train};
		const double grown[] = {train, 0.1, 0.9 - train};
		size_t counts[CER_N_PARTS] = {0};

		for (int row = 0; row < 20000; row++)
		{
			uint64_t key = random_bits(&random);
			cer_part_of_rows part = cer_split_get_part(share, key);

			counts[part]++;
			if (part == CER_TRAIN)
				assert_int_equal(cer_split_get_part(grown, key), CER_TRAIN);
		}
		for (size_t part = 0; part < CER_N_PARTS; part++)
		{
			double error = (double) counts[part] / 20000 - share[part];

			assert_true(error > -0.025 && error < 0.025);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split__finds_sql),
		cmocka_unit_test(test_split_get_part__keeps_shares),
	};

	return cmocka_run_group_tests_name("split properties", tests, NULL, NULL);
}
