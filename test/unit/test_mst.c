/*
 * test_mst.c
 *	  Triples: the cases of test/lang/mst.test, what they resolve to, limits,
 *	  and memory that runs out.
 */
#include "arena_state.h"
#include "cases.h"
#include "cmocka_all.h"
#include "base/text.h"
#include "failing_host.h"
#include "lang/mst.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
test_mst__cases(void **state)
{
	(void) state;
	cases_run("test/lang/mst.test", case_print_mst);
}

static const cer_mst *
parse(cer_arena *arena, const char *text)
{
	const cer_mst *mst = NULL;
	cer_error err = {0};

	if (cer_mst_parse(arena, cer_text_of(text), &mst, &err) != CER_OK)
		fail_msg("%s: %s", text, err.message);
	return mst;
}

/* Dense layers, each with PT's activation and dropout, if there is any. */
static void
assert_mlp(const cer_mst *mst, size_t n, const size_t *units)
{
	const cer_layer *layer = mst->structure->first;

	assert_int_equal(mst->structure->kind, CER_LAYER_CHAIN);
	for (size_t i = 0; i < n; i++)
	{
		assert_int_equal(layer->kind, CER_LAYER_DENSE);
		assert_int_equal(layer->width, units[i]);
		layer = layer->next;
		assert_int_equal(layer->kind, CER_LAYER_ACTIVATION);
		assert_int_equal(layer->activation, mst->settings.activation);
		layer = layer->next;
		if (mst->settings.dropout == 0.0)
			continue;
		assert_int_equal(layer->kind, CER_LAYER_DROPOUT);
		assert_true(layer->dropout == mst->settings.dropout);
		layer = layer->next;
	}
	assert_null(layer);
}

static void
test_mst_parse__puts_defaults_in(void **state)
{
	const cer_mst *mst = parse(*state, "");

	assert_int_equal(mst->n_items, 1);
	assert_int_equal(mst->items[0].kind, CER_FE_STAR);
	assert_mlp(mst, 2, (size_t[]){256, 128});
	assert_int_equal(mst->settings.optimizer, CER_ADAMW);
	assert_true(mst->settings.lr == 0.001);
	assert_true(mst->settings.beta1 == 0.9);
	assert_true(mst->settings.beta2 == 0.999);
	assert_int_equal(mst->settings.batch, 0);
	assert_int_equal(cer_mst_get_seed(mst), 0);
	assert_int_equal(cer_mst_get_epochs(mst), mst->settings.epochs);
}

static void
test_mst_parse__resolves_settings(void **state)
{
	const cer_mst *mst =
		parse(*state, "AS mlp(32 x 2, 8) PT sgd(0.5, momentum = 0.25), "
	                  "decay = 0.125, tanh, dropout = 0.75, epochs = 3, "
	                  "patience = 2, batch = 16, seed = 9007199254740991");
	const cer_settings *s = &mst->settings;

	assert_mlp(mst, 3, (size_t[]){32, 32, 8});
	assert_int_equal(s->activation, CER_TANH);
	assert_true(s->dropout == 0.75);
	assert_int_equal(s->optimizer, CER_SGD);
	assert_true(s->lr == 0.5 && s->momentum == 0.25 && s->decay == 0.125);
	assert_int_equal(s->epochs, 3);
	assert_int_equal(s->patience, 2);
	assert_int_equal(s->batch, 16);
	assert_true(cer_mst_get_seed(mst) == 9007199254740991u);
}

static void
test_mst_parse__resolves_items(void **state)
{
	const cer_mst *mst =
		parse(*state, "FE \"B\" : embed(3),\n c, *, EXCEPT (\"E\", d)");

	assert_int_equal(mst->n_items, 4);
	assert_int_equal(mst->items[0].kind, CER_FE_STAR);
	assert_int_equal(mst->items[0].n_names, 0);
	assert_int_equal(mst->items[1].kind, CER_FE_EXCEPT);
	assert_int_equal(mst->items[1].n_names, 2);
	assert_memory_equal(mst->items[1].names[0].data, "E", 1);
	assert_int_equal(mst->items[2].kind, CER_FE_COLUMN);
	assert_memory_equal(mst->items[2].names[0].data, "B", 1);
	assert_int_equal(mst->items[2].n_encoders, 1);
	assert_int_equal(mst->items[2].encoders[0].kind, CER_ENCODER_EMBED);
	assert_int_equal(mst->items[2].encoders[0].width, 3);
	assert_int_equal(mst->items[3].n_encoders, 0);
	assert_int_equal(mst->items[3].line, 2);
	assert_int_equal(mst->items[3].column, 2);
}

static void
assert_text(cer_text text, const char *expected)
{
	assert_int_equal(text.size, strlen(expected));
	assert_memory_equal(text.data, expected, text.size);
}

static void
test_mst_parse__resolves_joins(void **state)
{
	const cer_mst *mst =
		parse(*state, "FE EXCEPT (p.a, w.b, w.c), JOIN LAST air.weather w ON "
	                  "(w.at < f.at), JOIN p VIA (w.x, w.y)");
	const cer_fe_item *items = mst->items;

	assert_int_equal(mst->n_items, 4);
	assert_text(items[0].qualifier, "p");
	assert_int_equal(items[0].n_names, 1);
	assert_text(items[1].qualifier, "w");
	assert_int_equal(items[1].n_names, 2);
	assert_text(items[1].names[1], "c");
	assert_text(items[2].alias, "p");
	assert_int_equal(items[2].link, CER_LINK_VIA);
	assert_text(items[2].link_qualifier, "w");
	assert_int_equal(items[2].n_link_columns, 2);
	assert_text(items[2].link_columns[1], "y");
	assert_false(items[2].is_last);
	assert_int_equal(items[3].kind, CER_FE_JOIN);
	assert_text(items[3].qualifier, "air");
	assert_text(items[3].names[0], "weather");
	assert_text(items[3].alias, "w");
	assert_text(items[3].link_sql, "w.at < f.at");
	assert_true(items[3].is_last);
}

static void
test_mst_parse__resolves_aggregates(void **state)
{
	const cer_mst *mst =
		parse(*state, "FE *, AGGREGATE b (n = count(*), a = max(x)) WHERE (y) "
	                  "WINDOW '3 days' UNCUT, s = (1 + 2) : onehot + embed(2)");
	const cer_fe_item *b = &mst->items[1];
	const cer_fe_item *s = &mst->items[2];

	assert_int_equal(b->kind, CER_FE_AGGREGATE);
	assert_int_equal(b->link, CER_LINK_NONE);
	assert_int_equal(b->n_values, 2);
	assert_text(b->values[0].name, "a");
	assert_text(b->values[1].sql, "count(*)");
	assert_text(b->sql, "y");
	assert_text(b->window, "3 days");
	assert_true(b->is_uncut);
	assert_int_equal(s->kind, CER_FE_DERIVED);
	assert_text(s->sql, "1 + 2");
	assert_int_equal(s->n_encoders, 2);
	assert_int_equal(s->encoders[0].kind, CER_ENCODER_EMBED);
	assert_int_equal(s->encoders[1].kind, CER_ENCODER_ONEHOT);
}

static void
test_mst_parse__keeps_nothing_of_text(void **state)
{
	char text[] = "FE alpha, \"Beta\" AS mlp(7)";
	const cer_mst *mst = parse(*state, text);
	cer_text printed;

	memset(text, '?', sizeof(text));
	assert_int_equal(cer_mst_print(*state, mst, &printed, NULL), CER_OK);
	assert_string_equal(printed.data, "FE \"Beta\", alpha AS mlp(7) @1");
	assert_int_equal(printed.size, strlen(printed.data));
}

static void
test_mst_parse__leaves_outputs_untouched(void **state)
{
	const cer_mst *mst = (const cer_mst *) state;

	assert_int_equal(
		cer_mst_parse(*state, cer_text_of("FE a : nope"), &mst, NULL),
		CER_UNKNOWN_NAME);
	assert_ptr_equal(mst, state);
}

/* prefix, then n times piece, then suffix */
static char *
repeat(const char *prefix, const char *piece, size_t n, const char *suffix)
{
	size_t size = strlen(piece);
	char *text = malloc(strlen(prefix) + n * size + strlen(suffix) + 1);
	char *at = stpcpy(text, prefix);

	for (; n > 0; n--)
		at = stpcpy(at, piece);
	strcpy(at, suffix);
	return text;
}

static void
assert_fails(cer_arena *arena, char *text, cer_status status,
             const char *message)
{
	const cer_mst *mst;
	cer_error err = {0};

	assert_int_equal(cer_mst_parse(arena, cer_text_of(text), &mst, &err),
	                 status);
	assert_string_equal(err.message, message);
	free(text);
}

static void
test_mst_parse__has_limits(void **state)
{
	assert_fails(*state, repeat("", " ", 65537, ""), CER_TOO_BIG,
	             "text of 65537 bytes is longer than 65536 bytes");
	assert_fails(*state, repeat("AS mlp(", "a(", 40, ""), CER_TOO_BIG,
	             "more than 32 nested parentheses at line 1, column 71");
	assert_fails(*state, repeat("AS mlp(1", ",1", 64, ")"), CER_TOO_BIG,
	             "more than 64 layers at line 1, column 136");
	assert_fails(*state, repeat("AS mlp(1", ",1", 5000, ")"), CER_TOO_BIG,
	             "more than 4096 items in a list at line 1, column 8200");
	assert_fails(*state, repeat("FE ", "ä", 200, " :"), CER_SYNTAX,
	             "unexpected end at line 1, column 206");
}

/* What is longer, deeper, has longer lists than a text may is no value. */
static void
test_mst_print__refuses_what_cannot_be_read_again(void **state)
{
	enum
	{
		N = 20000,
		DEPTH = 20
	};
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	char *text = malloc(N * 8);
	const cer_change *change;
	const cer_mst *mst;
	cer_text printed;
	cer_error err;
	size_t size = (size_t) sprintf(text, "FE x = (");

	(void) state;
	for (size_t i = 0; i < N; i++)
		size += (size_t) sprintf(text + size, "%s.5", i > 0 ? "+" : "");
	sprintf(text + size, ")");
	mst = parse(arena, text);
	assert_int_equal(cer_mst_print(arena, mst, &printed, &err), CER_TOO_BIG);
	assert_string_equal(err.message,
	                    "text of 120026 bytes is longer than 65536 bytes");
	size = (size_t) sprintf(text, "AS ");
	for (size_t i = 0; i < DEPTH; i++)
		size += (size_t) sprintf(text + size, "skip(relu > ");
	size += (size_t) sprintf(text + size, "dense(8)");
	for (size_t i = 0; i < DEPTH; i++)
		size += (size_t) sprintf(text + size, ")");
	mst = parse(arena, text);
	memmove(text + 7, text, size);
	memcpy(text, "INSERT ", 7);
	size += 7;
	size += (size_t) sprintf(text + size, " AFTER AS");
	for (size_t i = 0; i < DEPTH; i++)
		size += (size_t) sprintf(text + size, ".skip");
	sprintf(text + size, ".dense");
	assert_int_equal(cer_change_parse(arena, cer_text_of(text), &change, &err),
	                 CER_OK);
	assert_int_equal(cer_change_apply(arena, mst, change, &mst, NULL, &err),
	                 CER_OK);
	assert_int_equal(cer_mst_print(arena, mst, &printed, &err), CER_TOO_BIG);
	assert_string_equal(err.message, "more than 32 nested parentheses");
	size = (size_t) sprintf(text, "FE c");
	for (size_t i = 1; i < 4096; i++)
		size += (size_t) sprintf(text + size, ", c%zu", i);
	mst = parse(arena, text);
	assert_int_equal(cer_mst_print(arena, mst, &printed, &err), CER_OK);
	assert_int_equal(
		cer_change_parse(arena, cer_text_of("ADD FE y"), &change, &err),
		CER_OK);
	assert_int_equal(cer_change_apply(arena, mst, change, &mst, NULL, &err),
	                 CER_OK);
	assert_int_equal(cer_mst_print(arena, mst, &printed, &err), CER_TOO_BIG);
	assert_string_equal(err.message, "more than 4096 items in a list");
	free(text);
	cer_arena_free(arena);
}

static void
test_mst_parse__clips_long_words(void **state)
{
	char *text = repeat("FE a : ", "ä", 100, "");
	cer_error err = {0};
	const cer_mst *mst;
	char *message =
		repeat("unknown encoder \"", "ä", 30, "\" at line 1, column 8");

	assert_int_equal(cer_mst_parse(*state, cer_text_of(text), &mst, &err),
	                 CER_UNKNOWN_NAME);
	assert_string_equal(err.message, message);
	assert_int_equal(err.line, 1);
	assert_int_equal(err.column, 8);
	free(message);
	free(text);
}

static void
test_mst_parse__takes_many_columns(void **state)
{
	char text[32 * 1024] = "FE c0";
	char *at = text + strlen(text);

	for (int i = 1; i < 1600; i++)
		at += sprintf(at, ", c%d : embed(%d)", i, i % 9 + 1);
	assert_int_equal(parse(*state, text)->n_items, 1600);
}

static cer_status
parse_and_print(cer_arena *arena, void *arg)
{
	const cer_mst *mst;
	cer_text printed;
	cer_error err;
	cer_status status = cer_mst_parse(arena, cer_text_of(arg), &mst, &err);
	if (status == CER_OK)
		status = cer_mst_print(arena, mst, &printed, &err);
	return status;
}

static void
test_mst__survives_failing_memory(void **state)
{
	char *text = repeat("FE *, EXCEPT (a, b), c : embed(3) AS mlp(7 x 9) "
	                    "PT adam(0.1), seed = 3 --",
	                    "x", 20000, "");

	(void) state;
	assert_true(failing_host_run_arena(parse_and_print, text) >= 3);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mst__cases),
		cmocka_unit_test(test_mst_parse__puts_defaults_in),
		cmocka_unit_test(test_mst_parse__resolves_settings),
		cmocka_unit_test(test_mst_parse__resolves_items),
		cmocka_unit_test(test_mst_parse__resolves_joins),
		cmocka_unit_test(test_mst_parse__resolves_aggregates),
		cmocka_unit_test(test_mst_parse__keeps_nothing_of_text),
		cmocka_unit_test(test_mst_parse__leaves_outputs_untouched),
		cmocka_unit_test(test_mst_parse__has_limits),
		cmocka_unit_test(test_mst_print__refuses_what_cannot_be_read_again),
		cmocka_unit_test(test_mst_parse__clips_long_words),
		cmocka_unit_test(test_mst_parse__takes_many_columns),
		cmocka_unit_test(test_mst__survives_failing_memory),
	};

	return cmocka_run_group_tests_name("mst", tests, arena_state_make,
	                                   arena_state_free);
}
