/*
 * test_distance.c
 *	  The distance of triples is a metric, tree by tree what its definition
 *	  says, and what is there to find triples by never misses one.  SEED=...
 *	  replays.
 */
#include "base/text.h"
#include "cmocka_all.h"
#include "lang/distance.h"
#include "lang/mst.h"
#include "lang/pattern.h"
#include "lang/schema.h"
#include "random_mst.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define N_TRIPLES 100000
#define N_TREES   3000
#define TINY      1e-8

static cer_arena *
new_arena(void)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);

	assert_non_null(arena);
	return arena;
}

static double
distance(cer_arena *arena, const cer_mst *a, const cer_mst *b)
{
	double result;

	assert_int_equal(cer_mst_distance(arena, a, b, &result, NULL), CER_OK);
	return result;
}

static const cer_mst *
parse(cer_arena *arena, const char *text)
{
	const cer_mst *mst = NULL;
	cer_error err;

	if (cer_mst_parse(arena, (cer_text){text, strlen(text)}, &mst, &err))
		fail_msg("%s: %s", text, err.message);
	return mst;
}

/* --------------------------------------------------------- by definition */

#define MAX_NODES 12

/* Forests are runs of nodes in post-order; known[i][j][k][l] is the distance of
 * [i, j) of a and [k, l) of b, or negative. */
typedef struct reference
{
	const cer_tree *a;
	const cer_tree *b;
	double known[MAX_NODES + 1][MAX_NODES + 1][MAX_NODES + 1][MAX_NODES + 1];
} reference;

static double
relabel(const cer_tree_node *a, const cer_tree_node *b)
{
	if (a->kind != b->kind)
		return 2;
	if (a->kind == CER_TREE_WORD)
		return a->hash == b->hash ? 0 : 1;
	if (a->hash != b->hash)
		return 2;
	if (a->number == b->number)
		return 0;
	if (a->number == 0 || b->number == 0)
		return 1;
	return fmin(1, fabs(log2(a->number / b->number)) / 4);
}

/* The last nodes go, or come, or become each other with all below. */
static double
refer(reference *r, size_t i, size_t j, size_t k, size_t l)
{
	double *known = &r->known[i][j][k][l];
	size_t a = j - 1;
	size_t b = l - 1;
	double best;

	if (i == j || k == l)
		return (double) (j - i + l - k);
	if (*known >= 0)
		return *known;
	best = fmin(refer(r, i, a, k, l), refer(r, i, j, k, b)) + 1;
	best = fmin(best, refer(r, (size_t) r->a->nodes[a].left, a,
	                        (size_t) r->b->nodes[b].left, b) +
	                      refer(r, i, (size_t) r->a->nodes[a].left, k,
	                            (size_t) r->b->nodes[b].left) +
	                      relabel(&r->a->nodes[a], &r->b->nodes[b]));
	*known = best;
	return best;
}

static void
make_tree(cer_arena *arena, const cer_mst *mst, cer_tree *tree)
{
	const cer_ast *as = cer_ast_find_section(mst->ast, CER_AST_AS);
	cer_tree_node *nodes =
		cer_arena_allocate(arena, cer_tree_measure(as) * sizeof(*nodes));

	assert_non_null(nodes);
	cer_tree_fill(tree, nodes, as);
	assert_int_equal(tree->n, cer_tree_measure(as));
}

static void
test_tree_distance__is_its_definition(void **state)
{
	static reference r;
	cer_arena *arena = new_arena();
	size_t n_compared = 0;
	test_random random;

	(void) state;
	random_init(&random);
	while (n_compared < N_TREES)
	{
		cer_tree a;
		cer_tree b;
		double got;

		cer_arena_clear(arena);
		make_tree(arena, random_mst_make(&random, arena), &a);
		make_tree(arena, random_mst_make(&random, arena), &b);
		if (a.n > MAX_NODES || b.n > MAX_NODES)
			continue;
		r.a = &a;
		r.b = &b;
		for (size_t i = 0; i < sizeof(r.known) / sizeof(double); i++)
			((double *) r.known)[i] = -1;
		assert_int_equal(cer_tree_distance(arena, &a, &b, false, &got, NULL),
		                 CER_OK);
		assert_true(fabs(got - refer(&r, 0, a.n, 0, b.n)) < TINY);
		n_compared++;
	}
	cer_arena_free(arena);
}

/* --------------------------------------------------------- laws */

static void
test_mst_distance__is_a_metric(void **state)
{
	cer_arena *arena = new_arena();
	size_t n_equal = 0;
	test_random random;

	(void) state;
	random_init(&random);
	for (size_t i = 0; i < N_TRIPLES; i++)
	{
		const cer_mst *a = random_mst_make(&random, arena);
		const cer_mst *b = random_mst_make(&random, arena);
		const cer_mst *c = random_mst_make(&random, arena);
		double ab = distance(arena, a, b);
		double bc = distance(arena, b, c);
		double ac = distance(arena, a, c);

		if (ac > ab + bc + TINY)
			fail_msg("%s\n%s\n%s\n%g > %g + %g", mst_text(arena, a).data,
			         mst_text(arena, b).data, mst_text(arena, c).data, ac, ab,
			         bc);
		assert_true(ab == distance(arena, b, a));
		assert_true(distance(arena, a, a) == 0);
		assert_int_equal(ab == 0, mst_equals(arena, a, b));
		n_equal += ab == 0;
		cer_arena_clear(arena);
	}
	assert_true(n_equal > 0);
	cer_arena_free(arena);
}

static void
test_mst_distance__knows_what_is_near(void **state)
{
	static const struct
	{
		const char *a;
		const char *b;
		double distance;
	} cases[] = {
		{"AS mlp(256, 128)", "AS mlp(256, 256)", 0.25},
		{"AS mlp(256, 128)", "AS mlp(256)", 1},
		{"AS mlp(64 x 3)", "AS mlp(64, 64)", 1},
		{"AS mlp(64 x 3)", "AS mlp(64 x 64)", 61},
		{"AS mlp(1)", "AS mlp(65536)", 1},
		{"PT lr = 0.001", "PT lr = 0.002", 0.25},
		{"PT lr = auto", "PT adamw", 0},
		{"PT lr = 0.001", "PT adamw", 0.125},
		{"PT lr = 0.002", "PT adamw", 0.375},
		{"PT adam", "PT adamw", 1 + 0.5 + 0.0625},
		{"PT gelu", "", 1},
		{"FE a", "FE a, b", 1},
		{"FE a", "FE a : onehot", 0.5},
		{"FE a", "FE b", 2},
		{"FE a", "FE *", 3},
		{"FE *", "FE *, EXCEPT (a)", 0.5},
		{"FE *", "FE *, JOIN planes", 2},
		{"FE *, JOIN planes", "FE *, JOIN planes VIA (a)", 0.5},
	};
	cer_arena *arena = new_arena();

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		double got =
			distance(arena, parse(arena, cases[i].a), parse(arena, cases[i].b));

		if (fabs(got - cases[i].distance) > TINY)
			fail_msg("%s to %s: %g", cases[i].a, cases[i].b, got);
	}
	cer_arena_free(arena);
}

/* Neighbours among doubles are apart, however little. */
static void
test_mst_distance__tells_last_digits(void **state)
{
	cer_arena *arena = new_arena();

	(void) state;
	assert_true(distance(arena, parse(arena, "PT lr = 0.1"),
	                     parse(arena, "PT lr = 0.10000000000000002")) > 0);
	assert_true(cer_number_distance(1e300, nextafter(1e300, INFINITY)) > 0);
	assert_true(cer_number_distance(5e-324, 1e-323) > 0);
	cer_arena_free(arena);
}

/* --------------------------------------------------------- patterns, index */

/* A pattern of what random triples have: sections of one, perhaps cut. */
static const cer_pattern *
random_pattern_make(test_random *random, cer_arena *arena)
{
	static const char *const patterns[] = {
		"AS mlp",
		"AS mlp(256, 128)",
		"AS mlp(64)",
		"AS dropout",
		"AS dropout(0.1)",
		"AS dense > relu",
		"AS residual",
		"AS residual(width = 100)",
		"AS residual(blocks = 2)",
		"AS residual(3, 128) PT lr = 0.01",
		"AS residual(width = 192)",
		"AS residual(hidden = 128)",
		"AS concat(residual(2, 64), mlp(64))",
		"AS concat(mlp, mlp)",
		"AS mlp(64 x 4)",
		"PT adam",
		"PT sgd(momentum = 0)",
		"PT lr = 0.001",
		"PT gelu",
		"PT dropout = 0.1, batch = 1024",
		"FE a",
		"FE *, JOIN planes",
		"FE dest : embed",
		"FE dest : embed(8)",
		"FE *, EXCEPT (x)",
		"FE JOIN airports, JOIN airports",
		"FE AGGREGATE orders (n = count(*))",
		"FE speed = (distance * 60)",
		"FE a, b AS mlp PT lr = 0.01",
		"FE dest : onehot, a AS residual(2, 100) PT lr = 0.003",
		"FE dest : onehot + embed(8)",
		"FE speed = (distance * 60) : standardize",
		"",
	};
	const cer_pattern *pattern = NULL;
	char text[RANDOM_TEXT_BYTES];

	for (;;)
	{
		size_t i =
			random_below(random, 2 * sizeof(patterns) / sizeof(*patterns));

		if (i < sizeof(patterns) / sizeof(*patterns))
			strcpy(text, patterns[i]);
		else
			random_mst_write(random, text);
		if (cer_pattern_parse(arena, (cer_text){text, strlen(text)}, &pattern,
		                      NULL) == CER_OK)
			return pattern;
	}
}

static bool
is_subset(const uint64_t *a, size_t n_a, const uint64_t *b, size_t n_b)
{
	size_t j = 0;

	for (size_t i = 0; i < n_a; i++)
	{
		assert_true(i == 0 || a[i - 1] < a[i]);
		while (j < n_b && b[j] < a[i])
			j++;
		if (j == n_b || b[j] != a[i])
			return false;
	}
	return true;
}

/* Where the summary holds the structure, the distance is known but for FE and
 * PT, and is to the last bit what it is without the summary. */
static bool
check_shape(cer_arena *arena, const cer_pattern *pattern,
            const cer_probe *probe, const cer_summary_box *box, double away)
{
	const uint16_t *shape = cer_summary_box_get_shape(box);
	double rest = cer_probe_bound_rest(probe, box);
	double of_shape;

	if (shape == NULL || !probe->has_structure)
		return false;
	assert_int_equal(
		cer_pattern_measure_shape(arena, pattern, shape, &of_shape, NULL),
		CER_OK);
	assert_true(of_shape >= 0);
	assert_true(rest + of_shape <= away + TINY);
	assert_true(rest + of_shape + TINY >= cer_probe_bound(probe, box));
	if (cer_ast_find_section(pattern->ast, CER_AST_FE) == NULL &&
	    cer_ast_find_section(pattern->ast, CER_AST_PT) == NULL)
		assert_true(of_shape == away);
	return true;
}

static void
test_pattern__index_misses_nothing(void **state)
{
	cer_arena *arena = new_arena();
	size_t n_contained = 0;
	size_t n_kept = 0;
	size_t n_left = 0; /* by bits */
	size_t n_shaped = 0;
	cer_summary_box all;
	test_random random;

	(void) state;
	random_init(&random);
	for (size_t i = 0; i < N_TRIPLES; i++)
	{
		const cer_mst *mst = random_mst_make(&random, arena);
		const cer_pattern *pattern = random_pattern_make(&random, arena);
		bool contains = cer_pattern_contains(pattern, mst);
		const uint64_t *keys[2];
		size_t n_keys[2];
		cer_summary_box box;
		cer_probe probe;
		double away;
		double bound;

		assert_int_equal(
			cer_mst_make_keys(arena, mst, &keys[0], &n_keys[0], NULL), CER_OK);
		assert_int_equal(
			cer_pattern_make_keys(arena, pattern, &keys[1], &n_keys[1], NULL),
			CER_OK);
		assert_int_equal(cer_pattern_distance(arena, pattern, mst, &away, NULL),
		                 CER_OK);
		cer_mst_summarize(mst, &box.least);
		box.most = box.least;
		cer_pattern_probe(pattern, &probe);
		bound = cer_probe_bound(&probe, &box);
		n_shaped += check_shape(arena, pattern, &probe, &box, away);
		n_contained += contains;
		n_kept += is_subset(keys[1], n_keys[1], keys[0], n_keys[0]);
		if (contains && !is_subset(keys[1], n_keys[1], keys[0], n_keys[0]))
			fail_msg("%s lacks a key", mst_text(arena, mst).data);
		if (contains && !cer_probe_may_contain(&probe, &box))
			fail_msg("%s lacks a bit", mst_text(arena, mst).data);
		n_left += cer_probe_may_contain(&probe, &box);
		if (i % 4 == 0)
			all = box;
		cer_summary_box_extend(&all, &box);
		assert_true(cer_probe_bound(&probe, &all) <= bound);
		assert_true(!contains || cer_probe_may_contain(&probe, &all));
		if (contains != (away == 0) || bound > away + TINY ||
		    (bound == rint(2 * bound) / 2 && bound > away))
		{
			cer_text text;

			cer_pattern_print(arena, pattern, &text, NULL);
			fail_msg("%s\n%s\ncontains %d distance %g bound %g",
			         mst_text(arena, mst).data, text.data, contains, away,
			         bound);
		}
		cer_arena_clear(arena);
	}
	printf("# %zu contained, %zu left by keys, %zu by bits\n", n_contained,
	       n_kept, n_left);
	assert_true(n_contained > N_TRIPLES / 100);
	assert_true(n_shaped > N_TRIPLES / 100);
	assert_true(n_kept < N_TRIPLES / 2);
	cer_arena_free(arena);
}

static void
test_shape_hash__tells_words_apart(void **state)
{
	(void) state;
	for (size_t i = 0; i < cer_schema_count(); i++)
		for (size_t k = 0; k < i; k++)
		{
			const cer_word *a = cer_schema_get(i);
			const cer_word *b = cer_schema_get(k);

			if (!cer_word_has_shape(a) || !cer_word_has_shape(b) ||
			    strcmp(a->name, b->name) == 0)
				continue;
			if (cer_shape_hash(cer_text_of(a->name)) ==
			    cer_shape_hash(cer_text_of(b->name)))
				fail_msg("%s and %s have one hash", a->name, b->name);
		}
}

/* A box around several is no farther than any of them. */
static void
test_probe_bound__is_below_the_distance(void **state)
{
	cer_arena *arena = new_arena();
	double bounds = 0;
	double distances = 0;
	test_random random;

	(void) state;
	random_init(&random);
	for (size_t i = 0; i < N_TRIPLES / 4; i++)
	{
		const cer_mst *query = random_mst_make(&random, arena);
		double least = INFINITY;
		cer_summary_box all;
		cer_probe probe;

		cer_mst_probe(query, &probe);
		for (size_t k = 0; k < 4; k++)
		{
			const cer_mst *mst = random_mst_make(&random, arena);
			double away = distance(arena, query, mst);
			cer_summary_box box;

			cer_mst_summarize(mst, &box.least);
			box.most = box.least;
			if (cer_probe_bound(&probe, &box) > away + TINY)
				fail_msg("%s\n%s\n%g > %g", mst_text(arena, query).data,
				         mst_text(arena, mst).data,
				         cer_probe_bound(&probe, &box), away);
			bounds += cer_probe_bound(&probe, &box);
			distances += away;
			if (k == 0)
				all = box;
			cer_summary_box_extend(&all, &box);
			least = fmin(least, away);
		}
		assert_true(cer_probe_bound(&probe, &all) <= least + TINY);
		cer_arena_clear(arena);
	}
	printf("# bounds are %.3f of distances\n", bounds / distances);
	assert_true(bounds > distances / 2);
	cer_arena_free(arena);
}

/* An order, or an index would be built wrong. */
static void
test_summary_compare__is_an_order(void **state)
{
	cer_arena *arena = new_arena();
	test_random random;
	cer_summary at[3];

	(void) state;
	random_init(&random);
	for (size_t i = 0; i < N_TRIPLES / 4; i++)
	{
		cer_mst_summarize(random_mst_make(&random, arena), &at[i % 3]);
		cer_arena_clear(arena);
		if (i < 2)
			continue;
		for (size_t k = 0; k < 3; k++)
		{
			const cer_summary *a = &at[k];
			const cer_summary *b = &at[(k + 1) % 3];
			const cer_summary *c = &at[(k + 2) % 3];
			int order = cer_summary_compare(a, b);

			assert_int_equal(order, -cer_summary_compare(b, a));
			assert_int_equal(order == 0,
			                 memcmp(a->at, b->at, sizeof(a->at)) == 0);
			if (order < 0 && cer_summary_compare(b, c) < 0)
				assert_true(cer_summary_compare(a, c) < 0);
		}
	}
	cer_arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree_distance__is_its_definition),
		cmocka_unit_test(test_mst_distance__is_a_metric),
		cmocka_unit_test(test_mst_distance__knows_what_is_near),
		cmocka_unit_test(test_mst_distance__tells_last_digits),
		cmocka_unit_test(test_pattern__index_misses_nothing),
		cmocka_unit_test(test_shape_hash__tells_words_apart),
		cmocka_unit_test(test_probe_bound__is_below_the_distance),
		cmocka_unit_test(test_summary_compare__is_an_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
