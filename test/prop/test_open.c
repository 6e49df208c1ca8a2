/*
 * test_open.c
 *	  Random triples, patterns and spaces, with all that AS can be: what is
 *	  printed reads back the same; a triple's JSON and its description do, too.
 *	  SEED=... replays.
 */
#include "cmocka_all.h"
#include "random_mst.h"

#include <stdio.h>
#include <string.h>

#define N_TEXTS  20000
#define MAX_TEXT 16384

typedef struct writer
{
	test_random *random;
	char text[MAX_TEXT];
	char *at;
	bool is_space;
	int depth;
} writer;

static bool
toss(writer *w, size_t n)
{
	return random_below(w->random, n) == 0;
}

static void
put(writer *w, const char *text)
{
	w->at = stpcpy(w->at, text);
	if (toss(w, 8))
		w->at = stpcpy(w->at, toss(w, 2) ? "  " : " -- a { comment\n");
}

static const char *
pick(writer *w, const char *const *words, size_t n)
{
	return words[random_below(w->random, n)];
}

#define PICK(w, ...)                            \
	pick(w, (const char *const[]){__VA_ARGS__}, \
	     sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

/* ----------------------------------------------------------- many values */

typedef void (*write_fn)(writer *w);

static void
write_condition(writer *w)
{
	if (toss(w, 4))
		put(w, PICK(w, " IF PT.batch = 64", " if PT.patience = 0.5e1",
		            " IF PT.optimizer = sgd", " IF FE.planes = 1"));
}

/* What one value is, or in a space a choice of such. */
static void
write_choice(writer *w, write_fn one)
{
	size_t n = 1 + random_below(w->random, 3);

	if (!w->is_space || w->depth > 2 || toss(w, 2))
	{
		one(w);
		return;
	}
	w->depth++;
	put(w, "{");
	for (size_t i = 0; i < n; i++)
	{
		put(w, i > 0 ? ", " : "");
		one(w);
	}
	put(w, "}");
	w->depth--;
	write_condition(w);
}

static void
write_whole(writer *w)
{
	put(w, PICK(w, "1", "8.0", "0.4e1", "07", "2"));
}

static void
write_count(writer *w)
{
	if (!w->is_space || toss(w, 2))
	{
		write_choice(w, write_whole);
		return;
	}
	put(w, PICK(w, "1..8", "2..16 log", "8..16 step 8", "2 .. 4 LOG step 2"));
	write_condition(w);
}

static void
write_share(writer *w)
{
	put(w, PICK(w, "0.1", "0", "0.25", "5e-1"));
}

static void
write_function(writer *w)
{
	put(w, PICK(w, "relu", "GELU", "tanh", "mish"));
}

static void
write_name(writer *w, const char *name)
{
	put(w, w->is_space && toss(w, 4) ? ", ?" : ", ");
	put(w, name);
	put(w, " = ");
}

/* ----------------------------------------------------------- AS */

static void write_chain(writer *w);

static void
write_units(writer *w)
{
	size_t n = random_below(w->random, 4);

	put(w, "(");
	for (size_t i = 0; i <= n; i++)
	{
		put(w, i > 0 ? ", " : "");
		write_count(w);
		if (toss(w, 3))
		{
			put(w, w->is_space && toss(w, 2) ? " xx " : " x ");
			write_choice(w, write_whole);
		}
	}
	if (toss(w, 3))
	{
		write_name(w, "dropout");
		write_choice(w, write_share);
	}
	put(w, ")");
}

static void
write_call(writer *w)
{
	switch (random_below(w->random, 9))
	{
		case 0:
			put(w, PICK(w, "mlp", "snn", "tabm", "conv"));
			if (toss(w, 2))
				write_units(w);
			return;
		case 1:
			put(w, "dense(");
			write_count(w);
			put(w, PICK(w, ")", ", unbiased)", ", initial = he)", ", lecun)"));
			return;
		case 2:
			put(w, "residual(blocks = ");
			write_count(w);
			write_name(w, "activation");
			write_choice(w, write_function);
			put(w, ")");
			return;
		case 3:
			write_function(w);
			return;
		case 4:
			put(w, PICK(w, "norm(batch)", "cross(3)", "my_own(3, b = relu)",
			            "activation(selu, learnt)", "tokens(8, cls)", "fm"));
			return;
		case 5:
			put(w, PICK(w, "skip(", "repeat(3, "));
			write_chain(w);
			put(w, ")");
			return;
		case 6:
			put(w, PICK(w, "concat(", "sum("));
			write_chain(w);
			put(w, ", ");
			write_chain(w);
			put(w, ")");
			return;
		case 7:
			put(w, "ensemble(");
			write_count(w);
			put(w, ", ");
			write_chain(w);
			put(w, PICK(w, ")", ", shared)", ", independent)"));
			return;
		default:
			put(w, "dropout(");
			write_choice(w, write_share);
			put(w, ")");
			return;
	}
}

static void
write_chain(writer *w)
{
	size_t n = w->depth > 2 ? 0 : random_below(w->random, 3);

	w->depth++;
	for (size_t i = 0; i <= n; i++)
	{
		put(w, i > 0 ? " > " : "");
		put(w, w->is_space && i > 0 && toss(w, 6) ? "?" : "");
		if (w->depth > 4)
			write_function(w);
		else
			write_choice(w, write_call);
	}
	w->depth--;
}

/* ----------------------------------------------------------- FE, PT */

static void
write_item(writer *w)
{
	char item[RANDOM_TEXT_BYTES];

	random_item_write(w->random, item);
	put(w, w->is_space && toss(w, 4) ? "?" : "");
	put(w, item);
}

static void
write_fe(writer *w)
{
	if (!w->is_space)
	{
		put(w, "FE *, dest : onehot + robust, JOIN planes, planes.year");
		return;
	}
	put(w, "FE *, ");
	write_choice(w, write_item);
	put(w, ", ");
	put(w, PICK(w, "z : {onehot, embed({4, 8})}", "?z : embed(2..64 log)",
	            "{z : onehot, EXCEPT (c, b)}"));
}

static void
write_pt(writer *w)
{
	put(w, "PT ");
	if (toss(w, 2))
		put(w, w->is_space ? "{adam, sgd}, " : "adam, ");
	put(w, "batch = ");
	write_count(w);
	write_name(w, "dropout");
	write_choice(w, write_share);
	write_name(w, "activation");
	write_choice(w, write_function);
	write_name(w, "lr");
	put(w, w->is_space ? "1e-4..0.1 log" : "0.02");
}

static cer_text
write_text(writer *w)
{
	w->at = w->text;
	w->depth = 0;
	put(w, "");
	if (toss(w, 2))
		write_fe(w);
	put(w, " ");
	if (!toss(w, 4))
	{
		put(w, "AS ");
		write_chain(w);
	}
	put(w, " ");
	if (toss(w, 2))
		write_pt(w);
	put(w, toss(w, 2) ? " @1" : "");
	return (cer_text){w->text, (size_t) (w->at - w->text)};
}

/* ----------------------------------------------------------- properties */

typedef cer_status (*print_fn)(cer_arena *arena, cer_text text,
                               cer_text *printed, cer_error *err);

static cer_status
print_mst(cer_arena *arena, cer_text text, cer_text *printed, cer_error *err)
{
	const cer_mst *mst;
	cer_status status = cer_mst_parse(arena, text, &mst, err);

	return status == CER_OK ? cer_mst_print(arena, mst, printed, err) : status;
}

static cer_status
print_pattern(cer_arena *arena, cer_text text, cer_text *printed,
              cer_error *err)
{
	const cer_pattern *pattern;
	cer_status status = cer_pattern_parse(arena, text, &pattern, err);

	return status == CER_OK ? cer_pattern_print(arena, pattern, printed, err)
	                        : status;
}

static cer_status
print_space(cer_arena *arena, cer_text text, cer_text *printed, cer_error *err)
{
	const cer_space *space;
	cer_status status = cer_space_parse(arena, text, &space, err);

	return status == CER_OK ? cer_space_print(arena, space, printed, err)
	                        : status;
}

static cer_text
print(print_fn fn, cer_arena *arena, cer_text text)
{
	cer_text printed = {NULL, 0};
	cer_error err;

	if (fn(arena, text, &printed, &err) != CER_OK)
		fail_msg("%s\n%s\nin: %.*s", err.message, err.detail, (int) text.size,
		         text.data);
	return printed;
}

static void
check_texts(print_fn fn, bool is_space)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	test_random random;
	writer w = {.random = &random, .is_space = is_space};

	random_init(&random);
	for (int i = 0; i < N_TEXTS; i++)
	{
		cer_text once = print(fn, arena, write_text(&w));

		assert_string_equal(print(fn, arena, once).data, once.data);
		cer_arena_clear(arena);
	}
	cer_arena_free(arena);
}

static void
test_mst__parse_of_print_is_the_same(void **state)
{
	(void) state;
	check_texts(print_mst, false);
}

static void
test_pattern__parse_of_print_is_the_same(void **state)
{
	(void) state;
	check_texts(print_pattern, false);
}

static void
test_space__parse_of_print_is_the_same(void **state)
{
	(void) state;
	check_texts(print_space, true);
}

/* All that a triple can be turned into reads back as the same triple. */
static void
test_mst__every_form_is_the_same(void **state)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	test_random random;
	writer w = {.random = &random};

	(void) state;
	random_init(&random);
	for (int i = 0; i < N_TEXTS / 2; i++)
	{
		cer_text once = print(print_mst, arena, write_text(&w));
		const cer_mst *mst;
		const cer_mst *back;
		cer_text form;
		cer_text again;
		cer_error err;

		assert_int_equal(cer_mst_parse(arena, once, &mst, NULL), CER_OK);
		assert_int_equal(cer_mst_describe(arena, mst, &form, NULL), CER_OK);
		assert_int_equal(cer_mst_parse(arena, form, &back, NULL), CER_OK);
		assert_int_equal(cer_mst_describe(arena, back, &again, NULL), CER_OK);
		assert_string_equal(again.data, form.data);
		assert_int_equal(cer_mst_to_json(arena, mst, &form, NULL), CER_OK);
		if (cer_mst_from_json(arena, form, &back, &err) != CER_OK)
			fail_msg("%s: %s", err.message, form.data);
		assert_int_equal(cer_mst_print(arena, back, &form, NULL), CER_OK);
		assert_string_equal(form.data, once.data);
		cer_arena_clear(arena);
	}
	cer_arena_free(arena);
}

/* A triple is a space of one. */
static void
test_space__of_one_triple_prints_alike(void **state)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	test_random random;

	(void) state;
	random_init(&random);
	for (int i = 0; i < N_TEXTS / 2; i++)
	{
		const cer_mst *mst = random_mst_make(&random, arena);
		cer_text text = mst_text(arena, mst);

		assert_string_equal(print(print_space, arena, text).data, text.data);
		cer_arena_clear(arena);
	}
	cer_arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mst__parse_of_print_is_the_same),
		cmocka_unit_test(test_pattern__parse_of_print_is_the_same),
		cmocka_unit_test(test_space__parse_of_print_is_the_same),
		cmocka_unit_test(test_mst__every_form_is_the_same),
		cmocka_unit_test(test_space__of_one_triple_prints_alike),
	};

	return cmocka_run_group_tests_name("open properties", tests, NULL, NULL);
}
