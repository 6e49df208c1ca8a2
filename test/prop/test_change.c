/*
 * test_change.c
 *	  The algebra of changes over random triples.  SEED=... replays.
 */
#include "cmocka_all.h"
#include "random_mst.h"

#include <stdio.h>
#include <string.h>

#define N_PAIRS 20000
#define N_TYPED 100000

static cer_arena *
new_arena(void)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);

	assert_non_null(arena);
	return arena;
}

static cer_text
change_text(cer_arena *arena, const cer_change *change)
{
	cer_text text;

	assert_int_equal(cer_change_print(arena, change, &text, NULL), CER_OK);
	return text;
}

static const cer_change *
between(cer_arena *arena, const cer_mst *from, const cer_mst *to)
{
	const cer_change *change = NULL;

	assert_int_equal(cer_change_between(arena, from, to, &change, NULL),
	                 CER_OK);
	return change;
}

static const cer_mst *
apply(cer_arena *arena, const cer_mst *mst, const cer_change *change)
{
	const cer_mst *result = NULL;
	cer_error err;

	if (cer_change_apply(arena, mst, change, &result, NULL, &err) != CER_OK)
		fail_msg("%s\n + %s\n%s", mst_text(arena, mst).data,
		         change_text(arena, change).data, err.message);
	return result;
}

static const cer_change *
invert(cer_arena *arena, const cer_change *change)
{
	const cer_change *inverse = NULL;

	assert_int_equal(cer_change_invert(arena, change, &inverse, NULL), CER_OK);
	return inverse;
}

static const cer_change *
compose(cer_arena *arena, const cer_change *a, const cer_change *b)
{
	const cer_change *both = NULL;

	assert_int_equal(cer_change_compose(arena, a, b, &both, NULL), CER_OK);
	return both;
}

static void
assert_same(cer_arena *arena, const cer_mst *got, const cer_mst *wanted,
            const cer_change *change)
{
	if (!mst_equals(arena, got, wanted))
		fail_msg("%s\ngave %s\nnot	%s", change_text(arena, change).data,
		         mst_text(arena, got).data, mst_text(arena, wanted).data);
}

static const cer_change *
reparse(cer_arena *arena, const cer_change *change)
{
	cer_text text = change_text(arena, change);
	const cer_change *again = NULL;
	cer_text twice;
	cer_error err;

	if (cer_change_parse(arena, text, &again, &err) != CER_OK)
		fail_msg("%s: %s", text.data, err.message);
	twice = change_text(arena, again);
	assert_string_equal(text.data, twice.data);
	return again;
}

/* a + (b - a) = b; (a + c) + inverse(c) = a; parse(print(c)) = c */
static void
test_change__laws(void **state)
{
	cer_arena *arena = new_arena();
	size_t n_empty = 0;
	test_random random;

	(void) state;
	random_init(&random);
	for (size_t i = 0; i < N_PAIRS; i++)
	{
		const cer_mst *a = random_mst_make(&random, arena);
		const cer_mst *b = random_mst_make(&random, arena);
		const cer_change *c = between(arena, a, b);
		const cer_change *again = reparse(arena, c);

		assert_true(cer_change_is_closed(c));
		assert_same(arena, apply(arena, a, c), b, c);
		assert_same(arena, apply(arena, a, again), b, again);
		assert_same(arena, apply(arena, b, invert(arena, c)), a,
		            invert(arena, c));
		assert_same(arena, apply(arena, b, reparse(arena, invert(arena, c))), a,
		            c);
		assert_string_equal(
			change_text(arena, invert(arena, invert(arena, c))).data,
			change_text(arena, c).data);
		n_empty += cer_change_count_steps(c) == 0;
		assert_int_equal(cer_change_count_steps(c) == 0,
		                 mst_equals(arena, a, b));
		cer_arena_clear(arena);
	}
	assert_true(n_empty > 0);
	cer_arena_free(arena);
}

static void
test_change_compose__is_associative(void **state)
{
	cer_arena *arena = new_arena();
	test_random random;

	(void) state;
	random_init(&random);
	for (size_t i = 0; i < N_PAIRS / 4; i++)
	{
		const cer_mst *mst[4];
		const cer_change *c[3];
		const cer_change *left;
		const cer_change *right;

		for (size_t k = 0; k < 4; k++)
			mst[k] = random_mst_make(&random, arena);
		for (size_t k = 0; k < 3; k++)
			c[k] = between(arena, mst[k], mst[k + 1]);
		left = compose(arena, compose(arena, c[0], c[1]), c[2]);
		right = compose(arena, c[0], compose(arena, c[1], c[2]));
		assert_string_equal(change_text(arena, left).data,
		                    change_text(arena, right).data);
		assert_same(arena, apply(arena, mst[0], left), mst[3], left);
		assert_same(arena, apply(arena, mst[3], invert(arena, left)), mst[0],
		            left);
		cer_arena_clear(arena);
	}
	cer_arena_free(arena);
}

/* What people type: most of it does not apply; what does is closed by it. */
static void
write_open_step(test_random *random, char *text)
{
	static const char *const paths[] = {
		"AS",           "AS.mlp",          "AS.mlp.units[1]",
		"AS.mlp[2]",    "AS.mlp.units[2]", "AS.dense[1]",
		"AS.dense",     "AS.dropout[1]",   "AS[2]",
		"AS.concat[1]", "PT.lr",           "PT.optimizer",
		"PT.momentum",  "PT.dropout",      "FE.dest",
		"FE.a",         "FE.planes",       "FE.speed",
	};
	static const char *const values[] = {
		"64",    "0.01",     "default", "mlp(64)",         "dense(32) > relu",
		"embed", "sgd",      "onehot",  "adam(lr = 0.02)", "relu",
		"128",   "embed(8)",
	};
	const char *path = paths[random_below(random, 18)];
	const char *value = values[random_below(random, 12)];
	char item[RANDOM_TEXT_BYTES];

	random_item_write(random, item);
	switch (random_below(random, 7))
	{
		case 0:
			sprintf(text, "ADD FE %s", item);
			break;
		case 1:
			sprintf(text, "DROP FE %s", item);
			break;
		case 2:
			sprintf(text, "DROP %s", paths[14 + random_below(random, 4)]);
			break;
		case 3:
			sprintf(text, "INSERT AS %s %s %s", value,
			        random_below(random, 2) ? "AFTER" : "BEFORE", path);
			break;
		case 4:
			sprintf(text, "DELETE %s", path);
			break;
		default:
			sprintf(text, "SET %s = %s", path, value);
			break;
	}
}

static void
test_change_apply__closes(void **state)
{
	cer_arena *arena = new_arena();
	size_t n_applied = 0;
	test_random random;

	(void) state;
	random_init(&random);
	for (size_t i = 0; i < N_PAIRS; i++)
	{
		const cer_mst *a = random_mst_make(&random, arena);
		const cer_change *open = NULL;
		const cer_change *closed = NULL;
		const cer_mst *b = NULL;
		char text[2 * RANDOM_TEXT_BYTES];

		write_open_step(&random, text);
		if (random_below(&random, 2) == 0)
			write_open_step(&random, strcat(text, ", ") + strlen(text));
		cer_arena_clear(arena);
		a = random_mst_make(&random, arena);
		if (cer_change_parse(arena, (cer_text){text, strlen(text)}, &open,
		                     NULL) != CER_OK)
			continue;
		reparse(arena, open);
		if (cer_change_apply(arena, a, open, &b, &closed, NULL) != CER_OK)
			continue;
		n_applied++;
		assert_true(cer_change_is_closed(closed));
		assert_same(arena, apply(arena, a, closed), b, closed);
		assert_same(arena, apply(arena, b, invert(arena, closed)), a, closed);
		if (cer_change_is_closed(open))
			assert_same(arena, apply(arena, b, invert(arena, open)), a, open);
	}
	assert_true(n_applied > N_PAIRS / 50);
	cer_arena_free(arena);
}

/* ------------------------------------------------------- what people type */

/* A path, and values that may stand there: said, meant by default, left out. */
typedef struct typed_path
{
	const char *path;
	const char *values[8];
} typed_path;

static const typed_path typed_paths[] = {
	{"PT.lr", {"auto", "default", "0.001", "1e-3", "0.003", "0.04", "0.1"}},
	{"PT.batch", {"auto", "default", "256", "1024"}},
	{"PT.epochs", {"auto", "default", "20", "60", "5"}},
	{"PT.stop", {"default", "0", "3"}},
	{"PT.patience", {"auto", "default", "5", "0"}},
	{"PT.dropout", {"auto", "default", "0.1", "0", "0.2"}},
	{"PT.activation", {"default", "relu", "gelu", "tanh"}},
	{"PT.seed", {"default", "0", "7"}},
	{"PT.schedule", {"auto", "default", "constant", "cosine"}},
	{"PT.decay", {"auto", "default", "0", "1e-5", "0.01"}},
	{"PT.beta1", {"default", "0.9", "0.8"}},
	{"PT.beta2", {"auto", "default", "0.999", "0.99"}},
	{"PT.focal", {"default", "0", "2"}},
	{"PT.label_smoothing", {"auto", "default", "0", "0.1"}},
	{"PT.mixup", {"default", "0", "0.2"}},
	{"PT.fade", {"default", "0", "0.5"}},
	{"FE.d.name", {"default", "embed", "embed(8)", "onehot"}},
	{"PT.momentum", {"default", "0.9", "0"}},
	{"PT.adamw.lr", {"auto", "default", "0.001", "0.01"}},
	{"PT.optimizer",
     {"default", "adamw", "adamw(lr = 0.001)", "adamw(lr = auto)", "sgd",
      "sgd(momentum = 0.9)", "adam", "adam(beta1 = 0.8)"}},
	{"AS.mlp.units[1]", {"64", "256", "32", "128"}},
	{"AS.mlp.dropout", {"default", "0.1", "0", "0.2"}},
	{"AS.mlp.activation", {"default", "relu", "gelu"}},
	{"AS.residual.width", {"default", "192", "64", "96"}},
	{"AS.residual.blocks", {"default", "2", "3"}},
	{"AS.tabm.members", {"default", "32", "8"}},
	{"AS.dense.width", {"32", "64", "128"}},
	{"AS.dense[1]", {"dense(64)", "dense(32, initial = default)", "dense(32)"}},
	{"AS.dropout.share", {"0.1", "0.3"}},
	{"AS",
     {"mlp(256, 128)", "mlp", "residual", "residual(blocks = 2)", "mlp(64 x 2)",
      "mlp(64, 64)", "tabm(64, 64)", "tabm(64, 64, members = 32)"}},
	{"AS[1]", {"mlp(256, 128)", "relu", "activation(relu)", "dense(64)"}},
	{"FE.dest", {"default", "embed", "embed(8)", "onehot", "embed(4)"}},
	{"FE.a", {"default", "embed", "embed(8)", "robust", "robust + onehot"}},
	{"FE.b", {"default", "embed(width = 8)", "onehot + robust", "onehot"}},
	{"FE.speed", {"default", "robust", "embed"}},
};

static const char *
pick_typed_value(test_random *random, const typed_path *path)
{
	size_t n = 0;

	while (n < 8 && path->values[n] != NULL)
		n++;
	return path->values[random_below(random, n)];
}

static void
write_typed_set(test_random *random, char *text)
{
	const typed_path *path = &typed_paths[random_below(
		random, sizeof(typed_paths) / sizeof(typed_paths[0]))];
	const char *old = pick_typed_value(random, path);

	sprintf(text, "SET %s = %s -> %s", path->path, old,
	        pick_typed_value(random, path));
}

static void
write_typed_step(test_random *random, char *text)
{
	static const char *const layers[] = {
		"relu", "dropout(0.1)", "dense(32)", "dense(64)", "64", "mlp(64)"};
	static const char *const anchors[] = {"AS.mlp",      "AS.mlp.units[1]",
	                                      "AS.dense[1]", "AS.relu",
	                                      "AS[1]",       "AS[2]"};
	char item[RANDOM_TEXT_BYTES];

	switch (random_below(random, 8))
	{
		case 0:
			random_item_write(random, item);
			sprintf(text, "%s FE %s", random_below(random, 2) ? "ADD" : "DROP",
			        item);
			break;
		case 1:
			sprintf(text, "%s FE EXCEPT (%s)",
			        random_below(random, 2) ? "ADD" : "DROP",
			        random_below(random, 2) ? "x" : "a");
			break;
		case 2:
			sprintf(text, "%s AS %s %s %s",
			        random_below(random, 2) ? "INSERT" : "DELETE",
			        layers[random_below(random, 6)],
			        random_below(random, 2) ? "AFTER" : "BEFORE",
			        anchors[random_below(random, 6)]);
			break;
		default:
			write_typed_set(random, text);
			break;
	}
}

/* (a + c) + inverse(c) = a for each closed c that applies to a, whether its
 * values are said by a, or are defaults that a leaves out. */
static void
test_change__typed_inverts(void **state)
{
	cer_arena *arena = new_arena();
	size_t n_applied = 0;
	test_random random;

	(void) state;
	random_init(&random);
	for (size_t i = 0; i < N_TYPED; i++)
	{
		const cer_mst *a = random_mst_make(&random, arena);
		const cer_change *c = NULL;
		const cer_mst *b = NULL;
		size_t n_steps = 1 + random_below(&random, 3);
		char text[4 * RANDOM_TEXT_BYTES];
		char *end = text;

		for (size_t k = 0; k < n_steps; k++)
		{
			end += sprintf(end, "%s", k > 0 ? ", " : "");
			write_typed_step(&random, end);
			end += strlen(end);
		}
		if (cer_change_parse(arena, (cer_text){text, strlen(text)}, &c, NULL) ==
		        CER_OK &&
		    cer_change_is_closed(c) &&
		    cer_change_apply(arena, a, c, &b, NULL, NULL) == CER_OK)
		{
			n_applied++;
			assert_same(arena, apply(arena, b, invert(arena, c)), a, c);
		}
		cer_arena_clear(arena);
	}
	printf("# %zu of %d applied\n", n_applied, N_TYPED);
	assert_true(n_applied > N_TYPED / 50);
	cer_arena_free(arena);
}

/* A neighbour of a triple, and how it came of it; NULL: not this time. */
static const cer_mst *
random_step_apply(test_random *random, cer_arena *arena, const cer_mst *mst,
                  const cer_change **closed)
{
	const cer_change *open = NULL;
	const cer_mst *result = NULL;
	char text[2 * RANDOM_TEXT_BYTES];

	for (size_t i = 0; i < 100; i++)
	{
		write_open_step(random, text);
		if (random_below(random, 3) == 0)
			sprintf(text, "SET PT.lr = %zu", 1 + random_below(random, 3));
		if (cer_change_parse(arena, (cer_text){text, strlen(text)}, &open,
		                     NULL) == CER_OK &&
		    cer_change_apply(arena, mst, open, &result, closed, NULL) ==
		        CER_OK &&
		    !mst_equals(arena, result, mst))
			return result;
	}
	return NULL;
}

static const cer_mst *
merge(cer_arena *arena, const cer_mst *base, const cer_mst *a, const cer_mst *b)
{
	const cer_mst *merged = NULL;
	cer_error err;

	if (cer_mst_merge(arena, base, a, b, &merged, &err) != CER_OK)
	{
		assert_true(err.status == CER_BAD_VALUE ||
		            err.status == CER_UNKNOWN_NAME);
		return NULL;
	}
	return merged;
}

static void
check_commuting(cer_arena *arena, const cer_mst *x, const cer_change *c,
                const cer_change *d, const cer_mst *merged)
{
	const cer_mst *cd = NULL;
	const cer_mst *dc = NULL;

	if (cer_change_apply(arena, x, compose(arena, c, d), &cd, NULL, NULL) !=
	        CER_OK ||
	    cer_change_apply(arena, x, compose(arena, d, c), &dc, NULL, NULL) !=
	        CER_OK)
		return;
	if (!mst_equals(arena, cd, dc))
		fail_msg("%s\nand %s\nfrom %s", change_text(arena, c).data,
		         change_text(arena, d).data, mst_text(arena, x).data);
	assert_non_null(merged);
	if (!mst_equals(arena, cd, merged))
		fail_msg("%s\nand %s\nfrom %s\nmerge to %s", change_text(arena, c).data,
		         change_text(arena, d).data, mst_text(arena, x).data,
		         mst_text(arena, merged).data);
}

static void
test_mst_merge__laws(void **state)
{
	cer_arena *arena = new_arena();
	size_t n_commuting = 0;
	size_t n_merged = 0;
	test_random random;

	(void) state;
	random_init(&random);
	for (size_t i = 0; i < N_PAIRS / 4; i++)
	{
		const cer_mst *x = random_mst_make(&random, arena);
		const cer_change *c = NULL;
		const cer_change *d = NULL;
		const cer_mst *a = random_step_apply(&random, arena, x, &c);
		const cer_mst *b = random_step_apply(&random, arena, x, &d);
		const cer_mst *ab;
		const cer_mst *ba;

		if (a == NULL || b == NULL)
			continue;
		ab = merge(arena, x, a, b);
		ba = merge(arena, x, b, a);
		assert_int_equal(ab == NULL, ba == NULL);
		if (ab != NULL)
			assert_same(arena, ba, ab, c);
		n_merged += ab != NULL;
		assert_same(arena, merge(arena, x, a, x), a, c);
		assert_same(arena, merge(arena, x, x, b), b, d);
		assert_same(arena, merge(arena, x, a, a), a, c);
		assert_int_equal(cer_change_commutes(c, d), cer_change_commutes(d, c));
		if (cer_change_commutes(c, d))
		{
			n_commuting++;
			check_commuting(arena, x, c, d, ab);
		}
		cer_arena_clear(arena);
	}
	printf("# %zu merged, %zu commuting\n", n_merged, n_commuting);
	assert_true(n_commuting > N_PAIRS / 40);
	assert_true(n_merged > n_commuting);
	cer_arena_free(arena);
}

static const cer_change *
parse_change(cer_arena *arena, const char *text)
{
	const cer_change *change = NULL;
	cer_error err;

	if (cer_change_parse(arena, (cer_text){text, strlen(text)}, &change,
	                     &err) != CER_OK)
		fail_msg("%s: %s", text, err.message);
	return change;
}

static void
test_change_commutes__tells(void **state)
{
	static const struct
	{
		const char *a;
		const char *b;
		bool commutes;
	} cases[] = {
		{"", "SET PT.lr = 1", true},
		{"SET PT.lr = 1", "SET PT.lr = 2", false},
		{"SET PT.lr = 1", "SET PT.adam.lr = 2", false},
		{"SET PT.lr = 1", "SET PT.batch = 2", true},
		{"SET PT.lr = 1", "SET PT.optimizer = sgd", false},
		{"SET PT.batch = 1", "SET PT.optimizer = sgd", true},
		{"SET PT.lr = 1", "ADD FE a", true},
		{"ADD FE a", "ADD FE b", true},
		{"ADD FE a", "DROP FE a : onehot", false},
		{"ADD FE a", "DROP FE.a", false},
		{"ADD FE a", "ADD FE EXCEPT (a)", false},
		{"ADD FE *", "ADD FE EXCEPT (a)", false},
		{"ADD FE JOIN t", "ADD FE t.a", false},
		{"ADD FE JOIN t", "ADD FE JOIN s", true},
		{"ADD FE JOIN t", "ADD FE JOIN s t", false},
		{"ADD FE JOIN t", "ADD FE JOIN s VIA (t.a)", false},
		{"SET AS.mlp.units[1] = 1", "SET AS.mlp.units[2] = 1", true},
		{"SET AS.mlp.units[1] = 1", "SET AS.mlp[1].units[1] = 2", false},
		{"SET AS.mlp.units[1] = 1", "INSERT AS 3 AFTER AS.mlp.units[1]", false},
		{"SET AS.mlp.units[1] = 1", "SET AS.mlp.dropout = 0.5", true},
		{"SET AS.mlp.units[1] = 1", "SET AS = mlp(3)", false},
		{"SET AS.dense[1].width = 1", "SET AS.dense[2].width = 1", true},
		{"SET AS.dense[1].width = 1", "DELETE AS.relu[1]", false},
		{"SET AS.dense[1] = dense(1) -> dense(2)", "SET AS.dense[2].width = 1",
	     true},
		{"SET AS.dense[1] = dense(1) -> relu", "SET AS.dense[2].width = 1",
	     false},
	};
	cer_arena *arena = new_arena();

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		const cer_change *a = parse_change(arena, cases[i].a);
		const cer_change *b = parse_change(arena, cases[i].b);

		if (cer_change_commutes(a, b) != cases[i].commutes ||
		    cer_change_commutes(b, a) != cases[i].commutes)
			fail_msg("%s and %s", cases[i].a, cases[i].b);
	}
	cer_arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_change__laws),
		cmocka_unit_test(test_change_compose__is_associative),
		cmocka_unit_test(test_change_apply__closes),
		cmocka_unit_test(test_change__typed_inverts),
		cmocka_unit_test(test_mst_merge__laws),
		cmocka_unit_test(test_change_commutes__tells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
