/*
 * test_unused.c
 *	  Features that no layer takes are told, those that some layer takes not.
 */
#include "nn/net.h"

#include "base/text.h"
#include "cmocka_all.h"
#include "layer_text.h"

/* Two arrays of a child table, numbers and codes beside them. */
static const cer_text numbers[] = {{"hour 1", 6}, {"hour 2", 6}, {"gate 7", 6},
                                   {"p.s[1]", 6}, {"p.s[2]", 6}, {"p.s[]", 5},
                                   {"p.n", 3}};
static const cer_text aliases[] = {{"p", 1}};
static const cer_table_shape tables[] = {{{"carrier", 7}, 5, 0}};
static const cer_lift lifts[] = {{.kind = CER_LIFT_PBLD,
                                  .name = {"hour as pbld", 12},
                                  .n_out = 3,
                                  .n_inner = 4}};

static cer_status
check(const cer_input_shape *shape, const char *structure, cer_error *err)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	const cer_net *net;
	cer_status status;

	assert_int_equal(cer_net_make(arena, shape,
	                              layer_text_read(arena, structure), &net, err),
	                 CER_OK);
	status = cer_net_check_uses(arena, net, err);
	cer_arena_free(arena);
	return status;
}

static cer_input_shape
make_shape(void)
{
	return (cer_input_shape){.n_numbers = 7,
	                         .number_names = numbers,
	                         .n_tables = 1,
	                         .tables = tables,
	                         .n_classes = 2,
	                         .n_aliases = 1,
	                         .aliases = aliases,
	                         .n_lifts = 1,
	                         .lifts = lifts};
}

static void
test_unused__taken(void **state)
{
	static const char *const structures[] = {
		"(chain (dense width=3))",
		"(chain (tokens width=4)(pool pool=mean))",
		"(sum (wide)(chain (series width=4)(pool pool=mean)(output)))",
		"(chain (concat (features)(chain (series width=4)(pool pool=mean))))",
		"(chain (concat (dense width=3)(pool_rows table=p (dense width=3))))",
		"(chain (by_table joining=sum (chain (dense width=3))))",
		"(chain (ensemble count=2 (concat (features)(pool_rows table=p (dense "
		"width=3)))))",
	};
	cer_input_shape shape = make_shape();

	(void) state;
	for (size_t i = 0; i < sizeof(structures) / sizeof(structures[0]); i++)
	{
		cer_error err = {0};

		if (check(&shape, structures[i], &err) != CER_OK)
			fail_msg("%s: %s", structures[i], err.message);
	}
}

/* Each column once; the first three by name. */
static void
test_unused__told(void **state)
{
	cer_input_shape shape = make_shape();
	cer_error err = {0};

	(void) state;
	assert_int_equal(
		check(&shape, "(chain (series width=4)(pool pool=mean))", &err),
		CER_BAD_VALUE);
	assert_string_equal(
		err.message,
		"no layer takes features \"hour\", \"gate 7\", \"p.n\" and 2 more");
	assert_string_equal(err.hint,
	                    "Put them beside the arrays, AS concat(features, ...) "
	                    "> mlp(64), or leave them out: FE *, EXCEPT (hour, "
	                    "gate 7, p.n, ...).");
	shape.n_lifts = shape.n_tables = 0;
	shape.n_numbers = 3;
	shape.number_names = numbers + 4;
	assert_int_equal(
		check(&shape, "(chain (pool_rows table=p (dense width=3)))", &err),
		CER_BAD_VALUE);
	assert_string_equal(err.message, "no layer takes feature \"p.n\"");
}

/* Nothing but arrays is left to be taken. */
static void
test_unused__arrays_alone(void **state)
{
	cer_input_shape shape = make_shape();

	(void) state;
	shape.n_lifts = shape.n_tables = 0;
	shape.n_numbers = 3;
	shape.number_names = numbers + 3;
	assert_int_equal(
		check(&shape, "(chain (series width=4)(pool pool=mean))", NULL),
		CER_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unused__taken),
		cmocka_unit_test(test_unused__told),
		cmocka_unit_test(test_unused__arrays_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
