/*
 * test_change.c
 *	  The algebra of changes over random triples.  SEED=... replays.
 */
#include "cmocka_all.h"
#include "random_mst.h"

#include <stdio.h>
#include <string.h>

#define N_PAIRS 20000

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_change__laws),
		cmocka_unit_test(test_change_compose__is_associative),
		cmocka_unit_test(test_change_apply__closes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
