/*
 * test_search.c
 *	  Distances, keys and spaces of large triples, and memory that runs out.
 */
#include "cmocka_all.h"
#include "base/text.h"
#include "failing_host.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define N_MANY 300

/* FE of so many columns from the first on, AS of as many layers. */
static void
write_large(char *text, int first, int n, const char *layer)
{
	text += sprintf(text, "FE ");
	for (int i = 0; i < n; i++)
		text += sprintf(text, "%sc%d : embed(%d)", i > 0 ? ", " : "", first + i,
		                1 + i % 16);
	text += sprintf(text, " AS ");
	for (int i = 0; i < n; i++)
		text += sprintf(text, "%s%s", i > 0 ? " > " : "", layer);
}

static const cer_mst *
parse(cer_arena *arena, const char *text)
{
	const cer_mst *mst = NULL;
	cer_error err;

	if (cer_mst_parse(arena, cer_text_of(text), &mst, &err) != CER_OK)
		fail_msg("%s", err.message);
	return mst;
}

static double
distance(cer_arena *arena, const char *a, const char *b)
{
	double result;

	assert_int_equal(cer_mst_distance(arena, parse(arena, a), parse(arena, b),
	                                  &result, NULL),
	                 CER_OK);
	return result;
}

static double
distance_to_pattern(cer_arena *arena, const char *mst, const char *text)
{
	const cer_pattern *pattern;
	double result;

	assert_int_equal(
		cer_pattern_parse(arena, cer_text_of(text), &pattern, NULL), CER_OK);
	assert_int_equal(
		cer_pattern_distance(arena, pattern, parse(arena, mst), &result, NULL),
		CER_OK);
	return result;
}

/* blocks = 2 is left out by the first; so it is nearer than one of three. */
static void
test_pattern_distance__sees_defaults(void **state)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	const char *pattern = "AS residual(blocks = 2, width = 200)";
	double two =
		distance_to_pattern(arena, "AS residual(width = 208)", pattern);
	double three = distance_to_pattern(arena, "AS residual(3, 208)", pattern);

	(void) state;
	assert_true(fabs(two - log2(208.0 / 200) / 4) < 1e-9);
	assert_true(fabs(three - two - log2(1.5) / 4) < 1e-9);
	assert_true(
		distance_to_pattern(arena, "AS residual(width = 200)", pattern) == 0);
	cer_arena_free(arena);
}

static void
test_mst_distance__of_large_triples(void **state)
{
	static char a[65536];
	static char b[65536];
	cer_arena *arena = cer_arena_new(&cer_host_plain);

	(void) state;
	write_large(a, 0, N_MANY, "relu");
	write_large(b, 0, N_MANY, "relu");
	assert_true(distance(arena, a, b) == 0);
	write_large(b, 0, N_MANY - 1, "relu");
	assert_true(distance(arena, a, b) == 1.5 + 1);
	write_large(b, 0, N_MANY, "gelu");
	assert_true(distance(arena, a, b) == N_MANY);
	write_large(b, N_MANY, N_MANY, "relu");
	assert_true(distance(arena, a, b) == 2 * 1.5 * N_MANY);
	cer_arena_free(arena);
}

static void
test_mst_make_keys__of_large_triples(void **state)
{
	static char text[65536];
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	const uint64_t *keys;
	size_t n;

	(void) state;
	write_large(text, 0, N_MANY, "relu");
	assert_int_equal(
		cer_mst_make_keys(arena, parse(arena, text), &keys, &n, NULL), CER_OK);
	assert_true(n > 2 * N_MANY);
	for (size_t i = 1; i < n; i++)
		assert_true(keys[i - 1] < keys[i]);
	cer_arena_free(arena);
}

/* A dimension that is full stays below what it stands for. */
static void
test_mst_summarize__of_large_triples(void **state)
{
	static char a[65536];
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	const char *b = "FE x AS mlp(64)";
	cer_summary_box box;
	cer_probe probe;

	(void) state;
	write_large(a, 0, N_MANY, "dense(65536)");
	cer_mst_summarize(parse(arena, a), &box.least);
	box.most = box.least;
	cer_mst_probe(parse(arena, b), &probe);
	assert_true(cer_probe_bound(&probe, &box) > 64);
	assert_true(cer_probe_bound(&probe, &box) <= distance(arena, a, b));
	cer_arena_free(arena);
}

static void
test_space_contains__of_large_spaces(void **state)
{
	static char triple[65536];
	static char text[65536];
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	const cer_space *space = NULL;
	char *at = text;

	(void) state;
	write_large(triple, 0, 200, "relu");
	at += sprintf(at, "FE ");
	for (int i = 0; i < 250; i++)
		at += sprintf(at, "%s?c%d : embed({%d, 99})", i > 0 ? ", " : "", i,
		              1 + i % 16);
	at += sprintf(at, " AS ");
	for (int i = 0; i < 250; i++)
		at += sprintf(at, "%s?relu", i > 0 ? " > " : "");
	assert_int_equal(cer_space_parse(arena, cer_text_of(text), &space, NULL),
	                 CER_OK);
	assert_true(cer_space_contains(space, parse(arena, triple)));
	write_large(triple, 1, 200, "relu");
	assert_false(cer_space_contains(space, parse(arena, triple)));
	cer_arena_free(arena);
}

/* --------------------------------------------------------------- memory */

static cer_status
search(cer_arena *arena)
{
	const cer_mst *const *points;
	const uint64_t *keys;
	const cer_pattern *pattern;
	const cer_space *space;
	const cer_mst *mst;
	static char large[65536];
	cer_status status;
	double number;
	size_t n;

	write_large(large, 0, 80, "dense(8)");
	if ((status = cer_space_parse(
			 arena,
			 cer_text_of(
				 "AS mlp({32, 64} x 1..2) PT {adam, sgd}, batch = {7, 8} "
				 "IF PT.optimizer = sgd"),
			 &space, NULL)) != CER_OK ||
	    (status = cer_space_make_points(arena, space, 100, &points, &n,
	                                    NULL)) != CER_OK ||
	    (status = cer_space_sample(arena, space, 1, 1, &mst, NULL)) != CER_OK ||
	    (status = cer_mst_parse(arena, cer_text_of(large), &mst, NULL)) !=
	        CER_OK ||
	    (status = cer_mst_distance(arena, mst, points[0], &number, NULL)) !=
	        CER_OK ||
	    (status = cer_pattern_parse(arena, cer_text_of(large), &pattern,
	                                NULL)) != CER_OK ||
	    (status = cer_pattern_distance(arena, pattern, points[0], &number,
	                                   NULL)) != CER_OK ||
	    (status = cer_pattern_make_keys(arena, pattern, &keys, &n, NULL)) !=
	        CER_OK)
		return status;
	return cer_space_make_keys(arena, space, &keys, &n, NULL);
}

static cer_status
run_out(cer_arena *arena, void *arg)
{
	(void) arg;
	return search(arena);
}

static void
test_search__fails_without_memory(void **state)
{
	(void) state;
	assert_true(failing_host_run_arena(run_out, NULL) >= 8);
}

/* --------------------------------------------------------------- errors */

static bool
is_canceled(void *self)
{
	(void) self;
	return true;
}

static void
test_search__can_be_canceled(void **state)
{
	static char large[65536];
	cer_host host = cer_host_plain;
	const cer_mst *const *points;
	const cer_space *space = NULL;
	cer_arena *arena;
	double number;
	size_t n;

	(void) state;
	host.is_canceled = is_canceled;
	arena = cer_arena_new(&host);
	write_large(large, 0, N_MANY, "relu");
	assert_int_equal(cer_mst_distance(arena, parse(arena, large),
	                                  parse(arena, "FE a"), &number, NULL),
	                 CER_CANCELED);
	assert_int_equal(
		cer_space_parse(arena, cer_text_of("AS mlp(1..9)"), &space, NULL),
		CER_OK);
	assert_int_equal(
		cer_space_make_points(arena, space, 100, &points, &n, NULL),
		CER_CANCELED);
	cer_arena_free(arena);
}

static void
test_space__without_triples(void **state)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	const cer_mst *const *points = NULL;
	const cer_space *space = NULL;
	const cer_mst *mst = NULL;
	cer_error err;
	size_t n = 7;

	(void) state;
	/* no choice makes a triple: a column is given twice */
	assert_int_equal(
		cer_space_parse(arena, cer_text_of("FE {a, a}, {a, a}"), &space, &err),
		CER_OK);
	assert_int_equal(cer_space_sample(arena, space, 1, 1, &mst, &err),
	                 CER_BAD_VALUE);
	assert_string_equal(err.message, "no draw from the space makes a triple");
	assert_int_equal(
		cer_space_make_points(arena, space, 100, &points, &n, &err), CER_OK);
	assert_int_equal(n, 0);
	cer_arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mst_distance__of_large_triples),
		cmocka_unit_test(test_pattern_distance__sees_defaults),
		cmocka_unit_test(test_mst_make_keys__of_large_triples),
		cmocka_unit_test(test_mst_summarize__of_large_triples),
		cmocka_unit_test(test_space_contains__of_large_spaces),
		cmocka_unit_test(test_search__fails_without_memory),
		cmocka_unit_test(test_search__can_be_canceled),
		cmocka_unit_test(test_space__without_triples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
