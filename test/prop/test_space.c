/*
 * test_space.c
 *	  Sets of triples: what is in them is what can be listed of them.  SEED=...
 *	  replays.
 */
#include "cmocka_all.h"
#include "random_mst.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_SPACES 1500
#define LIMIT    3000

static cer_arena *
new_arena(void)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);

	assert_non_null(arena);
	return arena;
}

static const cer_space *
parse(cer_arena *arena, const char *text)
{
	const cer_space *space = NULL;
	cer_error err;

	if (cer_space_parse(arena, (cer_text){text, strlen(text)}, &space, &err) !=
	    CER_OK)
		fail_msg("%s: %s", text, err.message);
	return space;
}

static const cer_mst *
parse_mst(cer_arena *arena, const char *text)
{
	const cer_mst *mst = NULL;
	cer_error err;

	if (cer_mst_parse(arena, (cer_text){text, strlen(text)}, &mst, &err) !=
	    CER_OK)
		fail_msg("%s: %s", text, err.message);
	return mst;
}

static const char *
pick(test_random *random, const char *const *words, size_t n)
{
	return words[random_below(random, n)];
}

#define PICK(random, words) \
	pick(random, words, sizeof(words) / sizeof((words)[0]))

/* Finite spaces whose triples often are in others of them. */
static void
random_space_write(test_random *random, char *text)
{
	static const char *const items[] = {
		"FE *",
		"FE a, ?b",
		"FE ?a, ?b",
		"FE ?*",
		"FE {a, b}, ?a : onehot",
		"FE a, {b, dest : {embed(4), onehot}}",
		"FE *, ?JOIN planes",
		"FE *, {JOIN planes, JOIN airports o VIA (origin)}",
		"FE *, ?EXCEPT (x)",
		"FE *, {dest : onehot} IF PT.optimizer = sgd",
		"FE {a, b}, {b, c}",
		"FE dest : {embed, embed(16)}",
		"FE {a, dest} : {embed(4) + onehot, onehot}",
		"FE b, ?JOIN planes p, {a, p.c} IF FE.p",
		"FE ?a, ?b : onehot IF FE.a",
		"FE a, AGGREGATE t (n = count(*)) WINDOW {'1 day', '7 days'}",
		"FE *, ?dest : {onehot, ?embed(4)}",
		"FE dest : embed({4, 8}) + {onehot, hash(16)}",
		"FE dest : ?embed(4) + ?onehot",
		"FE dest : {embed(4), onehot} + {embed(4), hash(16)}",
		"FE *, ?x = (b + 1) : {robust, ple(8..9)} + ?bins(4)",
		"FE a, dest : embed(4) + {onehot, hash(16)} IF PT.optimizer = sgd",
	};
	static const char *const structures[] = {
		"mlp({64, 128})",
		"mlp({64, 128} x 1..3)",
		"mlp(32..64 step 16 xx {1, 2})",
		"{mlp(64), residual(width = {64, 128}), dense(32) > relu}",
		"mlp(64, ?32)",
		"mlp(64, dropout = {0.1, 0.2})",
		"mlp(64, ?dropout = 0.2)",
		"dense({32, 64}) > relu > ?dropout(0.1)",
		"dense(64) > {relu, gelu} > dense(32)",
		"tabm(64, members = {8, 32})",
		"concat(mlp({32, 64}), ?dense(3) > relu)",
		"mlp(64..512 log step 2)",
		"mlp(256, {128, 64})",
		"{mlp(64), mlp(64, 32)} > ?norm(layer)",
		"?mlp(64)",
		"?mlp > ?relu",
		"norm({batch, layer}) > mlp(8..10)",
		"ensemble({2, 3}, mlp(64), {shared, independent})",
		"repeat(1..2, dense(32) > ?relu)",
		"residual({1, 2}, ?64) > ?{relu, gelu}",
		"{dense(32) > relu, relu} > {dense(32), relu > dense(32)}",
		"by_table(mlp(?64), {concat, sum})",
		"dcn({64, 128}, ?rank = 8, crosses = 2..3)",
		"dcn({64, ?128}, rank = {8, ?4})",
		"mlp(32..34 step 0.3, 1..4 log step 1.2)",
		"mlp(64 x 1..3, 32 xx {1, 2})",
		"mlp(64, ?32 xx {1, 2}, {16, ?8} x 1..2)",
		"skip({norm(batch) > dense(32), dense(32)})",
	};
	static const char *const trainings[] = {
		"",
		"PT {adam, adamw, sgd}",
		"PT lr = {0.001, 0.01, 0.1}",
		"PT adamw(lr = {0.001, 0.01}), ?epochs = 5",
		"PT {adam(beta1 = {0.8, 0.9}), sgd}, momentum = {0, 0.9} IF "
		"PT.optimizer = sgd",
		"PT dropout = 0..0.2 step 0.1",
		"PT {sgd, adam}, batch = {256, 1024}",
		"PT activation = {relu, gelu}, ?seed = {0, 7}",
		"PT lr = 0.001..0.1 log step 10",
	};

	*text = '\0';
	if (random_below(random, 3) > 0)
		strcat(strcat(text, PICK(random, items)), " ");
	if (random_below(random, 4) > 0)
		strcat(strcat(strcat(text, "AS "), PICK(random, structures)), " ");
	strcat(text, PICK(random, trainings));
}

static bool
is_among(cer_arena *arena, const cer_mst *mst, const cer_mst *const *points,
         size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (mst_equals(arena, mst, points[i]))
			return true;
	return false;
}

static void
assert_contains(cer_arena *arena, const cer_space *space, const cer_mst *mst,
                bool wanted)
{
	cer_text text;

	if (cer_space_contains(space, mst) == wanted)
		return;
	cer_space_print(arena, space, &text, NULL);
	fail_msg("%s\n%s\n%s", text.data, mst_text(arena, mst).data,
	         wanted ? "is in it" : "is not in it");
}

static void
assert_has_keys(cer_arena *arena, const cer_space *space, const cer_mst *mst)
{
	const uint64_t *of_space;
	const uint64_t *of_mst;
	size_t n_space;
	size_t n_mst;
	size_t j = 0;

	assert_int_equal(
		cer_space_make_keys(arena, space, &of_space, &n_space, NULL), CER_OK);
	assert_int_equal(cer_mst_make_keys(arena, mst, &of_mst, &n_mst, NULL),
	                 CER_OK);
	for (size_t i = 0; i < n_space; i++)
	{
		while (j < n_mst && of_mst[j] < of_space[i])
			j++;
		if (j == n_mst || of_mst[j] != of_space[i])
		{
			cer_text text;

			cer_space_print(arena, space, &text, NULL);
			fail_msg("%s\n%s lacks a key", text.data,
			         mst_text(arena, mst).data);
		}
	}
}

static void
check_samples(cer_arena *arena, const cer_space *space,
              const cer_mst *const *points, size_t n, test_random *random)
{
	for (uint64_t draw = 0; draw < 5; draw++)
	{
		uint64_t seed = random_below(random, 1000);
		const cer_mst *mst = NULL;
		const cer_mst *again = NULL;

		assert_int_equal(cer_space_sample(arena, space, seed, draw, &mst, NULL),
		                 CER_OK);
		assert_int_equal(
			cer_space_sample(arena, space, seed, draw, &again, NULL), CER_OK);
		assert_true(mst_equals(arena, mst, again));
		assert_true(is_among(arena, mst, points, n));
	}
}

/* Triples of other spaces are in this one just when they are listed. */
static void
check_foreign(cer_arena *arena, const cer_space *space,
              const cer_mst *const *points, size_t n, test_random *random)
{
	for (size_t i = 0; i < 10; i++)
	{
		char text[RANDOM_TEXT_BYTES];
		const cer_mst *mst = NULL;

		random_space_write(random, text);
		assert_int_equal(cer_space_sample(arena, parse(arena, text), 1,
		                                  random_below(random, 100), &mst,
		                                  NULL),
		                 CER_OK);
		assert_contains(arena, space, mst, is_among(arena, mst, points, n));
	}
}

static void
test_space__is_its_points(void **state)
{
	cer_arena *arena = new_arena();
	test_random random;

	(void) state;
	random_init(&random);
	for (size_t i = 0; i < N_SPACES; i++)
	{
		char text[RANDOM_TEXT_BYTES];
		const cer_mst *const *points = NULL;
		const cer_space *space;
		size_t n = 0;
		double n_ways = 0;
		cer_error err;

		random_space_write(&random, text);
		space = parse(arena, text);
		if (cer_space_make_points(arena, space, LIMIT, &points, &n, &err) !=
		    CER_OK)
			fail_msg("%s: %s", text, err.message);
		assert_int_equal(cer_space_count_points(arena, space, &n_ways, NULL),
		                 CER_OK);
		if (n_ways < (double) n)
			fail_msg("%s: %g ways, %zu points", text, n_ways, n);
		for (size_t k = 0; k < n; k += 1 + n / 20)
		{
			assert_contains(arena, space, points[k], true);
			assert_has_keys(arena, space, points[k]);
		}
		check_samples(arena, space, points, n, &random);
		check_foreign(arena, space, points, n, &random);
		cer_arena_clear(arena);
	}
	cer_arena_free(arena);
}

static void
test_space_count_points__counts(void **state)
{
	static const struct
	{
		const char *text;
		double n;
	} cases[] = {
		{"", 1},
		{"PT lr = {0.1, 0.01}", 2},
		{"PT lr = {0.1, 0.1}", 1},
		{"PT lr = 1e-4..1e-2 log", INFINITY},
		{"PT lr = 0.0001..0.01 log step 10", 3},
		{"PT dropout = 0..0.5 step 0.1", 6},
		{"AS mlp(64..512)", 449},
		{"AS mlp(64..512 step 64)", 8},
		{"AS mlp(64..512 step 64 x 1..4)", 32},
		{"AS mlp({32, 64} xx 1..3)", 2 + 4 + 8},
		{"AS {mlp({32, 64}), residual(blocks = 1..3)}", 5},
		{"FE *, ?JOIN planes, {a, b}", 4},
		{"PT {adam, sgd}, momentum = {0, 0.5, 0.9} IF PT.optimizer = sgd", 4},
		{"AS {mlp({32, 64}), snn} PT batch = {64, 128} IF AS = snn", 4},
		{"AS mlp(64..512) PT ?seed = 0..99", 449.0 * 101},
		{"FE a, ?JOIN planes, {b, c} IF FE.planes", 3},
		{"FE {a, b} : {embed(4) + onehot, onehot}", 4},
		{"FE *, AGGREGATE t (n = count(*)) WINDOW {'1 day', '7 days'}", 2},
		{"AS {mlp(64), snn} PT batch = {64, 128} IF AS.snn", 3},
	};
	cer_arena *arena = new_arena();

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		double n = 0;

		assert_int_equal(cer_space_count_points(
							 arena, parse(arena, cases[i].text), &n, NULL),
		                 CER_OK);
		if (n != cases[i].n)
			fail_msg("%s: %.17g", cases[i].text, n);
	}
	cer_arena_free(arena);
}

static void
test_space_contains__tells(void **state)
{
	static const struct
	{
		const char *space;
		const char *mst;
		bool contains;
	} cases[] = {
		{"PT lr = 1e-4..1e-2 log", "PT lr = 0.00123", true},
		{"PT lr = 1e-4..1e-2 log", "PT lr = 0.1", false},
		{"PT lr = 1e-4..1e-2 log", "", false},
		{"PT lr = 1e-4..1e-2 log", "PT sgd(lr = 0.001)", false},
		{"PT {adamw, sgd}, lr = 1e-4..1e-2 log", "PT sgd(lr = 0.001)", true},
		{"AS mlp(64..512 x 1..4)", "AS mlp(100 x 4)", true},
		{"AS mlp(64..512 x 1..4)", "AS mlp(100 x 5)", false},
		{"AS mlp(64..512 x 1..4)", "AS mlp(100, 101)", false},
		{"AS mlp(64..512 xx 1..4)", "AS mlp(100, 101)", true},
		{"AS mlp(64..512 x 1..2, 32)", "AS mlp(64, 64, 32)", true},
		{"AS mlp(64..512 step 64)", "AS mlp(65)", false},
		{"AS mlp(?64, ?64, ?64)", "AS mlp(64, 64)", true},
		{"AS mlp(64)", "AS mlp(64) PT epochs = 3", false},
		{"FE a : embed", "FE a : embed(4)", false},
		{"FE a : {embed(8), embed(16)}", "FE a : embed(4)", false},
		{"FE a : {embed(8), embed(16)}", "FE a : embed", true},
		{"FE a : {embed(4), onehot}", "FE a : embed", false},
		{"FE a : ple", "FE a : ple(32, 8)", false},
		{"AS residual", "AS residual(3)", false},
		{"AS mlp(64, ?32 xx {1, 3})", "AS mlp(64)", true},
		{"AS mlp(64, ?32 xx {1, 3})", "AS mlp(64, 32, 32)", true},
		{"AS mlp(64, ?32 xx {1, 3})", "AS mlp(64, 32 x 4)", false},
		{"AS mlp(64, ?32 x 3)", "AS mlp(64)", true},
		{"AS mlp(64, ?32 x 3)", "AS mlp(64, 32, 32)", false},
		{"AS mlp(32..64 step 0.3)", "AS mlp(64)", true},
		{"AS mlp(1..64 log step 1.1)", "AS mlp(5)", true},
		{"AS mlp(1..64 log step 1.1)", "AS mlp(63)", false},
		{"AS dcn({64, ?128})", "AS dcn", true},
		{"AS dcn({64, ?128})", "AS dcn(128)", true},
		{"AS dcn({64, 128})", "AS dcn", false},
		{"AS mlp(64)", "FE *, a AS mlp(64)", false},
		{"AS {mlp(64), snn(64)} > ?dropout(0.2)", "AS snn(64)", true},
		{"AS {mlp(64), snn(64)} > ?dropout(0.2)", "AS snn(64) > dropout(0.2)",
	     true},
		{"AS {mlp(64), snn(64)} > ?dropout(0.2)", "AS snn(64) > dropout(0.3)",
	     false},
	};
	cer_arena *arena = new_arena();

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_contains(arena, parse(arena, cases[i].space),
		                parse_mst(arena, cases[i].mst), cases[i].contains);
	cer_arena_free(arena);
}

/* However many items there are: each may be left out. */
static void
test_space_contains__what_has_many_items(void **state)
{
	enum
	{
		N = 3000
	};
	cer_arena *arena = new_arena();
	char *text = malloc(N * 16);
	const cer_space *space;
	const cer_mst *mst = NULL;
	size_t size = 0;

	(void) state;
	size += (size_t) sprintf(text, "FE {x0, x1}");
	for (size_t i = 1; i < N; i++)
		size += (size_t) sprintf(text + size, ", {x%zu, x%zu}", i, i + 1);
	size += (size_t) sprintf(text + size, ", ?y : {onehot, embed}");
	space = parse(arena, text);
	/* each of {x0, x1} and {x1, x2} and so on is another */
	size = (size_t) sprintf(text, "FE y : onehot");
	for (size_t i = 0; i < N; i++)
		size += (size_t) sprintf(text + size, ", x%zu", i + (i >= N / 2));
	assert_contains(arena, space, parse_mst(arena, text), true);
	sprintf(text + size, ", x%zu", (size_t) N / 2);
	assert_contains(arena, space, parse_mst(arena, text), false);
	/* sampled, what may be left out comes and goes */
	size = (size_t) sprintf(text, "FE *");
	for (size_t i = 0; i < N; i++)
		size += (size_t) sprintf(text + size, ", ?x%zu", i);
	space = parse(arena, text);
	assert_int_equal(cer_space_sample(arena, space, 1, 1, &mst, NULL), CER_OK);
	assert_contains(arena, space, mst, true);
	free(text);
	cer_arena_free(arena);
}

static void
test_space_sample__stays_in_continuous_ranges(void **state)
{
	cer_arena *arena = new_arena();
	const cer_space *space = parse(
		arena, "AS mlp(64..512 log xx 1..4) PT {adamw(decay = 0..0.1), sgd}, "
			   "lr = 1e-4..1e-1 log, dropout = 0..0.5");
	double n;
	const cer_mst *const *points;
	cer_error err;

	(void) state;
	for (uint64_t draw = 0; draw < 2000; draw++)
	{
		const cer_mst *mst = NULL;

		assert_int_equal(cer_space_sample(arena, space, 3, draw, &mst, NULL),
		                 CER_OK);
		assert_contains(arena, space, mst, true);
	}
	assert_int_equal(cer_space_count_points(arena, space, &n, NULL), CER_OK);
	assert_true(isinf(n));
	assert_int_equal(
		cer_space_make_points(arena, space, LIMIT, &points, &(size_t){0}, &err),
		CER_BAD_VALUE);
	assert_string_equal(err.message, "space has infinitely many triples");
	space = parse(arena, "AS mlp(1..65536)");
	assert_int_equal(
		cer_space_make_points(arena, space, LIMIT, &points, &(size_t){0}, &err),
		CER_TOO_BIG);
	assert_string_equal(err.message, "space has more than 3000 triples");
	cer_arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_space__is_its_points),
		cmocka_unit_test(test_space_count_points__counts),
		cmocka_unit_test(test_space_contains__tells),
		cmocka_unit_test(test_space_contains__what_has_many_items),
		cmocka_unit_test(test_space_sample__stays_in_continuous_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
