/*
 * test_plan.c
 *	  FE against the columns of a source.
 */
#include "data/plan.h"

#include "cmocka_all.h"
#include "failing_host.h"

#include <stdio.h>
#include <string.h>

#define TEXT(s)   ((cer_text){s, sizeof(s) - 1})
#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static const cer_column columns[] = {
	{TEXT("id"), CER_TYPE_NUMBER, false, false},
	{TEXT("age"), CER_TYPE_NUMBER, true, false},
	{TEXT("City"), CER_TYPE_CATEGORY, true, false},
	{TEXT("shape"), CER_TYPE_OTHER, true, false},
	{TEXT("hour"), CER_TYPE_NUMBER, true, false},
	{TEXT("late"), CER_TYPE_NUMBER, false, true},
};

typedef struct plan_case
{
	const char *fe;
	const char *plan;    /* inputs with their encoders, or: */
	const char *message; /* of the error */
	const char *hint;
} plan_case;

static const plan_case cases[] = {
	{"FE *", "age City hour", NULL, NULL},
	{"FE *, id", "id age City hour", NULL, NULL},
	{"FE hour, age", "age hour", NULL, NULL},
	{"FE *, EXCEPT (age, \"City\")", "hour", NULL, NULL},
	{"FE EXCEPT (age), *", "City hour", NULL, NULL},
	{"FE *, EXCEPT (id)", "age City hour", NULL, NULL},
	{"FE *, hour : onehot", "age City hour:onehot", NULL, NULL},
	{"FE hour : embed(4)", "hour:embed", NULL, NULL},
	{"FE \"City\" : embed, age : standardize", "age:standardize City:embed",
     NULL, NULL},
	{"FE id : robust", "id:robust", NULL, NULL},
	{"FE agee", NULL, "unknown column \"agee\" at line 1, column 4",
     "Perhaps you meant \"age\"."},
	{"FE *,\n  city", NULL, "unknown column \"city\" at line 2, column 3",
     "Perhaps you meant \"City\"."},
	{"FE *, EXCEPT (zzzzzz)", NULL,
     "unknown column \"zzzzzz\" at line 1, column 7", ""},
	{"FE shape", NULL,
     "column \"shape\" cannot be a feature at line 1, column 4", NULL},
	{"FE *, late", NULL,
     "column \"late\" cannot be a feature at line 1, column 7", NULL},
	{"FE \"City\" : robust", NULL,
     "encoder robust needs numbers, but column \"City\" holds categories at "
     "line 1, column 4",
     "Encoders of categories are onehot, embed, hash, rate and ngram."},
	{"FE *, EXCEPT (age, \"City\", hour)", NULL,
     "FE leaves no column to learn from", NULL},
};

/* As the server lists what JOIN, AGGREGATE and expressions bring. */
static const cer_column joined_columns[] = {
	{TEXT("age"), CER_TYPE_NUMBER, true, false},
	{TEXT("p.id"), CER_TYPE_NUMBER, false, false},
	{TEXT("p.age"), CER_TYPE_NUMBER, true, false},
	{TEXT("p.kind"), CER_TYPE_CATEGORY, true, false},
	{TEXT("p.late"), CER_TYPE_NUMBER, false, true},
	{TEXT("pp.age"), CER_TYPE_NUMBER, true, false},
	{TEXT("o.n"), CER_TYPE_NUMBER, false, false},
	{TEXT("o.shape"), CER_TYPE_OTHER, false, false},
	{TEXT("speed"), CER_TYPE_NUMBER, false, false},
	{TEXT("o.list"), CER_TYPE_OTHER, false, false},
	{TEXT("o.list[1]"), CER_TYPE_NUMBER, false, false},
	{TEXT("o.list[2]"), CER_TYPE_NUMBER, false, false},
	{TEXT("o.list[]"), CER_TYPE_NUMBER, false, false},
	{TEXT("tags"), CER_TYPE_OTHER, false, false},
	{TEXT("tags[1]"), CER_TYPE_CATEGORY, false, false},
	{TEXT("list"), CER_TYPE_ARRAY, false, false},
};

static const plan_case joined_cases[] = {
	{"FE *, JOIN p, JOIN pp", "age p.age p.kind pp.age", NULL, NULL},
	{"FE age, JOIN p", "age", NULL, NULL},
	{"FE JOIN p, p.kind, p.id : onehot", "p.id:onehot p.kind", NULL, NULL},
	{"FE *, JOIN p, JOIN pp, EXCEPT (p.age, age)", "p.kind pp.age", NULL, NULL},
	{"FE age, AGGREGATE t o VIA (x) (n = count(*))", "age o.n", NULL, NULL},
	{"FE age, AGGREGATE t o VIA (x) (n = count(*)), o.n : onehot",
     "age o.n:onehot", NULL, NULL},
	{"FE age, AGGREGATE t o VIA (x) (shape = max(s))", NULL,
     "column \"o.shape\" cannot be a feature at line 1, column 9", NULL},
	{"FE age, speed = (age / 2) : standardize", "age speed:standardize", NULL,
     NULL},
	{"FE age, AGGREGATE t o VIA (x) (list = array_agg(s)), o.list : sequence(2)",
     "age o.list[1]:sequence o.list[2]:sequence o.list[]:sequence", NULL, NULL},
	{"FE age, AGGREGATE t o VIA (x) (list = array_agg(s)), o.list : sequence(3)",
     NULL,
     "encoder sequence needs arrays of numbers, but column \"list\" holds none "
     "at line 1, column 54",
     NULL},
	{"FE age, tags : sequence(1)", NULL,
     "encoder sequence needs arrays of numbers, but column \"tags\" holds none "
     "at line 1, column 9",
     NULL},
	{"FE age : sequence(1) + standardize", NULL,
     "encoder sequence stands alone at line 1, column 4", NULL},
	{"FE age, list : bag", "age list:bag", NULL, NULL},
	{"FE list", NULL,
     "column \"list\" holds arrays and needs an encoder at line 1, column 4",
     "Encoders of arrays are bag and, of numbers, sequence(n)."},
	{"FE list : embed", NULL,
     "encoder embed cannot take column \"list\", which holds arrays at line 1, "
     "column 4",
     "Encoders of arrays are bag and, of numbers, sequence(n)."},
	{"FE age : bag", NULL,
     "encoder bag needs arrays, but column \"age\" holds none at line 1, "
     "column 4",
     "Arrays of what are texts, categories or whole numbers are meant, as "
     "string_to_array(column, ',') makes them."},
	{"FE JOIN p, p.kinds", NULL,
     "unknown column \"p.kinds\" at line 1, column 12",
     "Perhaps you meant \"kind\"."},
	{"FE JOIN p, p.late", NULL,
     "column \"p.late\" cannot be a feature at line 1, column 12", NULL},
	{"FE JOIN pp, pp.kind", NULL,
     "unknown column \"pp.kind\" at line 1, column 13", ""},
};

static cer_status
make_plan_of(cer_arena *arena, const char *fe, const cer_column *list, size_t n,
             const cer_plan **plan, cer_error *err)
{
	const cer_mst *mst;
	cer_status status =
		cer_mst_parse(arena, (cer_text){fe, strlen(fe)}, &mst, err);

	if (status != CER_OK)
		return status;
	return cer_plan_make(arena, mst, list, n, plan, err);
}

static cer_status
make_plan(cer_arena *arena, const char *fe, const cer_plan **plan,
          cer_error *err)
{
	return make_plan_of(arena, fe, columns, LENGTH(columns), plan, err);
}

static void
print_plan(const cer_plan *plan, char *text, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < plan->n_inputs; i++)
	{
		const cer_plan_input *input = &plan->inputs[i];

		used += (size_t) snprintf(
			text + used, size - used, "%s%.*s%s%s", i > 0 ? " " : "",
			(int) input->name.size, input->name.data,
			input->n_encoders ? ":" : "",
			input->n_encoders ? cer_encoder_name(input->encoders[0].kind) : "");
	}
}

static void
check_case(const plan_case *c, const cer_column *list, size_t n)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	const cer_plan *plan = NULL;
	cer_error err = {0};
	char text[200];
	cer_status status = make_plan_of(arena, c->fe, list, n, &plan, &err);

	if (c->plan != NULL)
	{
		if (status != CER_OK)
			print_error("%s: %s\n", c->fe, err.message);
		assert_int_equal(status, CER_OK);
		print_plan(plan, text, sizeof(text));
		assert_string_equal(text, c->plan);
	}
	else
	{
		assert_string_equal(err.message, c->message);
		assert_null(plan);
		if (c->hint != NULL)
			assert_string_equal(err.hint, c->hint);
	}
	cer_arena_free(arena);
}

static void
test_plan_make__follows_the_items(void **state)
{
	(void) state;
	for (size_t i = 0; i < LENGTH(cases); i++)
		check_case(&cases[i], columns, LENGTH(columns));
}

static void
test_plan_make__chooses_among_tables(void **state)
{
	(void) state;
	for (size_t i = 0; i < LENGTH(joined_cases); i++)
		check_case(&joined_cases[i], joined_columns, LENGTH(joined_columns));
}

static void
test_plan__knows_its_columns(void **state)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	const cer_plan *plan = NULL;

	(void) state;
	assert_int_equal(make_plan(arena, "FE hour, id", &plan, NULL), CER_OK);
	assert_int_equal(cer_plan_count_inputs(plan), 2);
	assert_int_equal(cer_plan_get_column(plan, 0), 0);
	assert_int_equal(cer_plan_get_column(plan, 1), 4);
	cer_arena_free(arena);
}

static bool
is_same(const char *a, const char *b)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	const cer_plan *x = NULL;
	const cer_plan *y = NULL;
	size_t n = LENGTH(joined_columns);
	cer_error err = {0};
	bool same;

	if (make_plan_of(arena, a, joined_columns, n, &x, &err) ||
	    make_plan_of(arena, b, joined_columns, n, &y, &err))
		fail_msg("%s or %s: %s", a, b, err.message);
	same = cer_plan_is_same(x, y);
	cer_arena_free(arena);
	return same;
}

static void
test_plan_is_same__where_all_of_encoders_is(void **state)
{
	static const char *const others[][2] = {
		{"FE age", "FE age, JOIN p, p.age"},
		{"FE age", "FE age : robust"},
		{"FE age : ple(8)", "FE age : ple(9)"},
		{"FE age : ple(8, d = 2)", "FE age : ple(8, d = 3)"},
		{"FE age : periodic(4, 2)", "FE age : periodic(4, 3)"},
		{"FE age : periodic(4, 2, sigma = 1)", "FE age : periodic(4, 2)"},
		{"FE JOIN p, p.kind : ngram(2)", "FE JOIN p, p.kind : ngram(3)"},
		{"FE list : bag(8)", "FE list : bag(9)"},
		{"FE list : bag(8)", "FE list : bag(8, most = 3)"},
		{"FE list : bag(8)", "FE list : bag(8, sum)"},
	};

	(void) state;
	for (size_t i = 0; i < LENGTH(others); i++)
	{
		assert_true(is_same(others[i][0], others[i][0]));
		assert_true(is_same(others[i][1], others[i][1]));
		if (is_same(others[i][0], others[i][1]))
			fail_msg("%s and %s are alike", others[i][0], others[i][1]);
	}
}

static cer_status
make_and_free(cer_arena *arena, void *arg)
{
	const cer_plan *plan;

	(void) arg;
	return make_plan(arena, "FE *, hour : onehot", &plan, NULL);
}

static void
test_plan__survives_each_failed_allocation(void **state)
{
	(void) state;
	assert_true(failing_host_run_arena(make_and_free, NULL) > 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plan_make__follows_the_items),
		cmocka_unit_test(test_plan_make__chooses_among_tables),
		cmocka_unit_test(test_plan__knows_its_columns),
		cmocka_unit_test(test_plan_is_same__where_all_of_encoders_is),
		cmocka_unit_test(test_plan__survives_each_failed_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
