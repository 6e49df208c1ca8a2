/*
 * test_structure.c
 *	  AS: the trees of layers that structures mean (test/lang/structure.test),
 *	  how structures are defined (test/lang/definition.test), and binding.
 */
#include "arena_state.h"
#include "cases.h"
#include "cmocka_all.h"
#include "base/text.h"
#include "failing_host.h"
#include "lang/mst.h"
#include "lang/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TEXT 16384
#define LITERAL(text)          \
	{                          \
		text, sizeof(text) - 1 \
	}

/* ----------------------------------------------------------- trees as text */

static char *
write_tree(char *at, const cer_layer *layer)
{
	at += sprintf(at, "%s", cer_layer_name(layer->kind));
	if (layer->width > 0)
		at += sprintf(at, " %zu", layer->width);
	if (layer->count > 0)
		at += sprintf(at, " n=%zu", layer->count);
	if (layer->rank > 0)
		at += sprintf(at, " rank=%zu", layer->rank);
	if (layer->dropout > 0)
		at += sprintf(at, " p=%g", layer->dropout);
	if (layer->kind == CER_LAYER_ACTIVATION || layer->kind == CER_LAYER_GLU)
		at += sprintf(at, " %s", cer_activation_name(layer->activation));
	if (layer->kind == CER_LAYER_NORM)
		at += sprintf(at, layer->norm == CER_NORM_LAYER ? " layer" : " batch");
	if (layer->pool != CER_POOL_MEAN)
		at += sprintf(at, " pool=%d", layer->pool);
	if (layer->initial != CER_INITIAL_DEFAULT)
		at += sprintf(at, " initial=%d", layer->initial);
	at += sprintf(at, "%s%s%s%s%s%s", layer->has_no_bias ? " unbiased" : "",
	              layer->is_alpha ? " alpha" : "", layer->has_cls ? " cls" : "",
	              layer->is_learnt ? " learnt" : "",
	              layer->sharing == CER_SHARING_ALL ? " shared" : "",
	              layer->joining == CER_JOINING_SUM ? " summed" : "");
	if (layer->table.size > 0)
		at +=
			sprintf(at, " of %.*s", (int) layer->table.size, layer->table.data);
	if (layer->first == NULL)
		return at;
	at += sprintf(at, " [");
	for (const cer_layer *child = layer->first; child; child = child->next)
	{
		at = write_tree(at, child);
		at += sprintf(at, child->next ? ", " : "]");
	}
	return at;
}

static cer_text
print_tree(cer_arena *arena, const cer_mst *mst)
{
	char *text = cer_arena_allocate(arena, MAX_TEXT);

	if (mst->structure == NULL)
		return cer_text_of("not bound");
	*write_tree(text, mst->structure) = '\0';
	return cer_text_of(text);
}

static cer_status
read_tree(cer_arena *arena, cer_text text, cer_text *result, cer_error *err)
{
	const cer_mst *mst;
	cer_status status = cer_mst_parse(arena, text, &mst, err);

	if (status == CER_OK)
		*result = print_tree(arena, mst);
	return status;
}

static void
test_structure__cases(void **state)
{
	(void) state;
	cases_run("test/lang/structure.test", read_tree);
}

/* ----------------------------------------------------------- definitions */

static const cer_structure others[] = {
	{LITERAL("twin"), LITERAL("(tower layer) = concat(tower, tower)")},
};

static cer_status
define(cer_arena *arena, cer_text text, cer_text *result, cer_error *err)
{
	cer_structure structure = {cer_text_of("tried"), text};

	return cer_structure_define(arena, &structure, others, 1, result, err);
}

static void
test_structure_define__cases(void **state)
{
	(void) state;
	cases_run("test/lang/definition.test", define);
}

static void
assert_no_name(cer_arena *arena, const char *name, const char *message)
{
	cer_structure structure = {cer_text_of(name), cer_text_of("relu")};
	cer_text canonical;
	cer_error err;

	assert_int_equal(
		cer_structure_define(arena, &structure, NULL, 0, &canonical, &err),
		CER_BAD_VALUE);
	assert_string_equal(err.message, message);
	assert_true(err.hint[0] != '\0' || err.detail[0] != '\0');
}

static void
test_structure_define__rejects_names(void **state)
{
	assert_no_name(*state, "mlp", "\"mlp\" is a word of the language");
	assert_no_name(*state, "adam", "\"adam\" is a word of the language");
	assert_no_name(
		*state, "mlp2",
		"\"mlp2\" would be taken for a slip of a word of the language");
	assert_no_name(*state, "as", "\"as\" is a word of the language");
	assert_no_name(*state, "each", "\"each\" is a word of the language");
	assert_no_name(*state, "Tower",
	               "\"Tower\" cannot be the name of a structure");
	assert_no_name(*state, "", "\"\" cannot be the name of a structure");
	assert_no_name(*state, "two words",
	               "\"two words\" cannot be the name of a structure");
}

/* Parses and binds; prints the tree, or the error's message. */
static cer_status
bind(cer_arena *arena, const char *text, const cer_structure *structures,
     size_t n, const cer_mst **bound, cer_error *err)
{
	const cer_mst *mst;
	cer_status status = cer_mst_parse(arena, cer_text_of(text), &mst, err);

	if (status == CER_OK)
		status = cer_mst_bind(arena, mst, structures, n, bound, err);
	return status;
}

static cer_text
bound_tree(cer_arena *arena, const char *text, const cer_structure *structures,
           size_t n)
{
	const cer_mst *bound;
	cer_error err;

	if (bind(arena, text, structures, n, &bound, &err) != CER_OK)
		fail_msg("%s: %s", text, err.message);
	return print_tree(arena, bound);
}

/* What is shown of a structure makes the same structure. */
static void
test_structure_describe__defines_the_same(void **state)
{
	for (size_t i = 0; i < cer_structure_word_count; i++)
	{
		const char *name = cer_structure_words[i].name;
		cer_structure own = {cer_text_of("my_own_thing"), {0}};
		char text[100];
		cer_text canonical;
		cer_text expected;

		if (cer_structure_words[i].body == NULL)
			continue;
		sprintf(text, "AS %s PT gelu, dropout = 0.25", name);
		expected = bound_tree(*state, text, NULL, 0);
		assert_int_equal(cer_structure_describe(*state, cer_text_of(name),
		                                        &own.definition, NULL),
		                 CER_OK);
		assert_int_equal(
			cer_structure_define(*state, &own, NULL, 0, &canonical, NULL),
			CER_OK);
		assert_string_equal(canonical.data, own.definition.data);
		assert_string_equal(
			bound_tree(*state, "AS my_own_thing PT gelu, dropout = 0.25", &own,
		               1)
				.data,
			expected.data);
	}
}

static void
test_structure_describe__knows_no_others(void **state)
{
	cer_text text;
	cer_error err;

	assert_int_equal(
		cer_structure_describe(*state, cer_text_of("residul"), &text, &err),
		CER_UNKNOWN_NAME);
	assert_string_equal(err.hint, "Perhaps you meant \"residual\".");
}

/* ----------------------------------------------------------- binding */

static const cer_structure own[] = {
	{LITERAL("tower"),
     LITERAL("(width integer = 64 from 1 to 1024, drop number = PT.dropout) = "
             "dense(width) > relu > dropout(drop)")},
	{LITERAL("pair"),
     LITERAL("(left layer, right layer) = concat(left, right > tower(8))")},
	{LITERAL("loop"), LITERAL("loop > relu")},
};

static void
test_mst_bind__puts_structures_in(void **state)
{
	const cer_mst *bound;
	cer_text text;

	assert_string_equal(
		bound_tree(*state, "AS tower(16) > tower PT dropout = 0.5", own, 3)
			.data,
		"chain [dense 16, activation relu, dropout p=0.5, dense 64, "
		"activation relu, dropout p=0.5]");
	assert_string_equal(
		bound_tree(*state, "AS pair(tower(4, drop = 0), cross) > mlp(3)", own,
	               3)
			.data,
		"chain [concat [chain [dense 4, activation relu], chain [cross, dense "
		"8, activation relu, dropout p=0.1]], dense 3, activation relu, "
		"dropout p=0.1]");
	assert_int_equal(bind(*state, "AS skip(tower(8)) PT dropout = 0.5", own, 3,
	                      &bound, NULL),
	                 CER_OK);
	assert_int_equal(cer_mst_print(*state, bound, &text, NULL), CER_OK);
	assert_string_equal(text.data, "FE * AS skip(dense(8) > relu > "
	                               "dropout(0.5)) PT dropout = 0.5 @1");
}

static void
test_mst_bind__returns_what_is_bound(void **state)
{
	const cer_mst *mst;
	const cer_mst *bound;

	assert_int_equal(
		cer_mst_parse(*state, cer_text_of("AS residual"), &mst, NULL), CER_OK);
	assert_int_equal(cer_mst_bind(*state, mst, own, 3, &bound, NULL), CER_OK);
	assert_ptr_equal(mst, bound);
	assert_int_equal(cer_mst_check_bound(mst, NULL), CER_OK);
}

static void
assert_not_bound(cer_arena *arena, const char *text, const char *message,
                 const char *hint)
{
	const cer_mst *bound;
	cer_error err = {0};

	assert_int_not_equal(bind(arena, text, own, 3, &bound, &err), CER_OK);
	assert_string_equal(err.message, message);
	assert_string_equal(err.hint, hint);
}

static void
test_mst_bind__names_what_is_wrong(void **state)
{
	assert_not_bound(*state, "AS dense(3) > towr(3)",
	                 "unknown structure \"towr\" at line 1, column 15",
	                 "Perhaps you meant \"tower\".");
	assert_not_bound(*state, "AS tower(0)",
	                 "bad value 0 for width at line 1, column 10", "");
	assert_not_bound(*state, "AS tower(depth = 3)",
	                 "tower has no argument \"depth\" at line 1, column 10",
	                 "");
	assert_not_bound(*state, "AS pair(relu)",
	                 "pair without right at line 1, column 4", "");
	assert_not_bound(
		*state, "AS loop",
		"structure \"loop\" is within 16 others at line 1, column 4", "");
}

/* Those that are within others, too. */
static void
test_mst_find_structures__marks_what_is_put_in(void **state)
{
	static const cer_structure nested[] = {
		{{"outer_one", 9}, {"dense(3) > inner_one", 20}},
		{{"inner_one", 9}, {"dense(2)", 8}},
		{{"idle_one", 8}, {"dense(1)", 8}},
	};
	bool is_used[3] = {false, false, true};
	const cer_mst *mst;

	assert_int_equal(
		cer_mst_parse(*state, cer_text_of("AS outer_one > tanh"), &mst, NULL),
		CER_OK);
	assert_int_equal(
		cer_mst_find_structures(*state, mst, nested, 3, is_used, NULL), CER_OK);
	assert_true(is_used[0]);
	assert_true(is_used[1]);
	assert_false(is_used[2]);
	assert_int_equal(cer_mst_parse(*state, cer_text_of("AS mlp"), &mst, NULL),
	                 CER_OK);
	assert_int_equal(
		cer_mst_find_structures(*state, mst, nested, 3, is_used, NULL), CER_OK);
	assert_false(is_used[0]);
}

/* Defined once more under another name, each is the same. */
static void
test_structure_list__reads_back(void **state)
{
	const cer_structure *list;
	size_t n;

	assert_int_equal(cer_structure_list(*state, &list, &n, NULL), CER_OK);
	assert_true(n > 10);
	for (size_t i = 0; i < n; i++)
	{
		cer_structure other = {cer_text_of("quite_another"),
		                       list[i].definition};
		cer_text canonical;

		assert_int_equal(
			cer_structure_define(*state, &other, NULL, 0, &canonical, NULL),
			CER_OK);
		assert_int_equal(canonical.size, list[i].definition.size);
		assert_memory_equal(canonical.data, list[i].definition.data,
		                    canonical.size);
	}
}

static void
test_mst__keeps_unknown_structures(void **state)
{
	const cer_mst *mst;
	cer_text text;
	cer_error err;

	assert_int_equal(
		cer_mst_parse(*state, cer_text_of("AS my_tower(3, b = relu) > mlp(4)"),
	                  &mst, NULL),
		CER_OK);
	assert_int_equal(cer_mst_print(*state, mst, &text, NULL), CER_OK);
	assert_string_equal(text.data, "FE * AS my_tower(3, b = relu) > mlp(4) @1");
	assert_null(mst->structure);
	assert_int_equal(cer_mst_check_bound(mst, &err), CER_UNKNOWN_NAME);
	assert_string_equal(err.message,
	                    "unknown structure \"my_tower\" at line 1, column 4");
}

/* ----------------------------------------------------------- memory */

static cer_status
run_all(cer_arena *arena, void *arg)
{
	const cer_mst *bound;
	cer_text canonical;
	cer_error err;
	cer_status status;

	(void) arg;
	status = cer_structure_define(arena, &own[1], own, 1, &canonical, &err);
	if (status == CER_OK)
		status = bind(arena, "AS pair(ft_transformer, tower) > mlp(9 x 60)",
		              own, 3, &bound, &err);
	return status;
}

static void
test_structure__survives_failing_memory(void **state)
{
	(void) state;
	assert_true(failing_host_run_arena(run_all, NULL) >= 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_structure__cases),
		cmocka_unit_test(test_structure_define__cases),
		cmocka_unit_test(test_structure_define__rejects_names),
		cmocka_unit_test(test_structure_describe__defines_the_same),
		cmocka_unit_test(test_structure_describe__knows_no_others),
		cmocka_unit_test(test_mst_bind__puts_structures_in),
		cmocka_unit_test(test_mst_bind__returns_what_is_bound),
		cmocka_unit_test(test_mst_bind__names_what_is_wrong),
		cmocka_unit_test(test_mst_find_structures__marks_what_is_put_in),
		cmocka_unit_test(test_structure_list__reads_back),
		cmocka_unit_test(test_mst__keeps_unknown_structures),
		cmocka_unit_test(test_structure__survives_failing_memory),
	};

	return cmocka_run_group_tests_name("structure", tests, arena_state_make,
	                                   arena_state_free);
}
