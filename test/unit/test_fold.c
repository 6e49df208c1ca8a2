/*
 * test_fold.c
 *	  Nets as they score: which nodes are left, and what they make beside the
 *	  net that was trained.
 */
#include "nn/fold.h"
#include "nn/infer.h"
#include "nn/operator.h"

#include "cmocka_all.h"
#include "net_case.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define N_ROWS 75

typedef struct fold_case
{
	const char *text;
	const char *nodes; /* "+": an activate with gain */
	size_t n_classes;
} fold_case;

static const cer_table_shape tables[] = {
	{{"x", 1}, 5, 0}, {{"q.y", 3}, 7, 4}, {{"r.z", 3}, 300, 8}};

static const fold_case cases[] = {
	/* into the product behind, whose bias takes part; before relu a line */
	{"(chain (dense width=19) (skip (norm norm=batch) (dense width=11) "
     "(activation function=relu) (dropout dropout=0.1) (dense width=19)) "
     "(skip (norm norm=batch) (dense width=11) (activation function=relu) "
     "(dropout dropout=0.1) (dense width=19)) (norm norm=batch) "
     "(activation function=relu) (output))",
     "first activate dense activate dense activate sum dense activate "
     "dense activate sum activate+ dense activate softmax",
     3},
	/* of a first layer: its activate has the gain */
	{"(chain (dense width=33) (norm norm=batch) (activation "
     "function=relu) (dense width=9) (activation function=gelu) (output))",
     "first activate+ dense activate dense activate softmax", 2},
	{"(chain (dense width=33) (norm norm=batch) (output))",
     "first activate+ dense activate softmax", 2},
	/* into the product before, dropout between them or not */
	{"(chain (dense width=8) (activation function=relu) (dense width=70) "
     "(norm norm=batch) (dropout dropout=0.2) (activation function=silu) "
     "(output))",
     "first activate dense activate dense activate softmax", 2},
	{"(chain (dense width=8) (activation function=relu) (dense width=9) "
     "(dropout dropout=0.5) (norm norm=batch) (activation function=tanh) "
     "(output))",
     "first activate dense activate dense activate softmax", 7},
	{"(chain (dense width=8) (activation function=relu) (dense width=9 "
     "no_bias) (norm norm=batch) (activation function=relu) (output))",
     "first activate dense activate dense activate softmax", 2},
	/* one after the other */
	{"(chain (dense width=8) (activation function=relu) (norm norm=batch) "
     "(norm norm=batch) (dense width=5) (norm norm=batch) (output))",
     "first activate dense activate dense activate softmax", 2},
	/* several take it */
	{"(chain (dense width=8) (activation function=relu) (norm norm=batch) "
     "(skip (dense width=8) (activation function=relu)) (dense width=4) "
     "(output))",
     "first activate activate+ dense activate sum dense activate dense "
     "activate softmax",
     2},
	{"(chain (dense width=8) (activation function=relu) (dense width=9) "
     "(norm norm=batch) (skip (dense width=9) (activation function=relu)) "
     "(output))",
     "first activate dense activate dense activate sum dense activate softmax",
     2},
	/* no bias to take part in */
	{"(chain (features) (norm norm=batch) (dense width=12 no_bias) (glu) "
     "(dense width=3) (activation function=relu) (output))",
     "features activate+ dense glu dense activate dense activate softmax", 2},
	{"(chain (features) (norm norm=batch) (dense width=12) (activation "
     "function=relu) (output))",
     "features dense activate dense activate softmax", 2},
	/* members have lines each */
	{"(chain (ensemble count=3 (dense width=9) (norm norm=batch) "
     "(activation function=relu) (dense width=6) (norm norm=batch)) "
     "(output))",
     NULL, 2},
	{"(chain (tokens width=6) (norm norm=batch) (dense width=5) "
     "(activation function=relu) (pool pool=mean) (output))",
     NULL, 2},
	{"(chain (by_table joining=concat (dense width=17) (norm norm=batch) "
     "(activation function=relu)) (norm norm=batch) (dense width=20) "
     "(activation function=relu) (output))",
     NULL, 2},
	/* constants */
	{"(chain (scale) (dense width=12 initial=ntk) (activation "
     "function=selu learnt) (dense width=20 initial=ntk) (activation "
     "function=selu) (output))",
     "features scale dense activate learnt dense activate dense activate "
     "softmax",
     2},
};

static void
start(net_case *c, const fold_case *what)
{
	net_case_spec spec = {.n_numbers = 5,
	                      .n_tables = 3,
	                      .tables = tables,
	                      .has_joins = true,
	                      .n_classes = what->n_classes,
	                      .text = what->text,
	                      .n_rows = N_ROWS,
	                      .batch = N_ROWS,
	                      .kernels = cer_kernels_choose()->name};

	net_case_init(c, &spec);
	net_case_train(c, 6, N_ROWS, 10, 40);
}

static void
describe(const cer_net *net, char *text, size_t size)
{
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < net->n_nodes && n < size; i++)
		n += (size_t) snprintf(text + n, size - n, "%s%s%s", i > 0 ? " " : "",
		                       net->nodes[i].op->name,
		                       net->nodes[i].has_gain ? "+" : "");
}

static void
test_fold__nodes_that_are_left(void **state)
{
	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		cer_folded folded;
		char text[1000];
		net_case c;

		start(&c, &cases[i]);
		assert_int_equal(
			cer_net_fold(c.arena, c.arena, c.net, c.graph->weights, &folded),
			CER_OK);
		describe(folded.net, text, sizeof(text));
		assert_null(strstr(text, "standardize"));
		assert_null(strstr(text, "moments"));
		if (cases[i].nodes != NULL)
			assert_string_equal(text, cases[i].nodes);
		net_case_release(&c);
	}
}

static void
check_scores(const fold_case *what, bool has_bf16_products)
{
	cer_infer_spec spec = {.has_bf16_products = has_bf16_products};
	float tolerance = has_bf16_products ? 3e-2f : 1e-5f;
	float expected[N_ROWS * 8];
	float proba[N_ROWS * 8];
	const cer_infer *infer;
	size_t n_numbers;
	void *scratch;
	net_case c;

	start(&c, what);
	spec.net = c.net;
	spec.weights = c.graph->weights;
	cer_graph_predict(c.graph, &c.rows, 0, N_ROWS, expected);
	assert_int_equal(cer_infer_make(c.arena, &spec, &infer, NULL), CER_OK);
	scratch =
		cer_arena_allocate(c.arena, cer_infer_get_scratch_size(infer, N_ROWS));
	n_numbers = cer_shape_count_stored(&c.shape);
	cer_infer_run(infer, N_ROWS, c.rows.numbers, c.rows.codes, proba, scratch);
	for (size_t i = 0; i < N_ROWS * what->n_classes; i++)
		if (!(fabsf(proba[i] - expected[i]) <= tolerance))
			fail_msg("%s: %zu: %g, training has %g", what->text, i,
			         (double) proba[i], (double) expected[i]);
	for (size_t row = 0; row < N_ROWS; row++)
	{
		float alone[8];

		cer_infer_run(infer, 1, c.rows.numbers + row * n_numbers,
		              c.rows.codes + row * cer_shape_count_codes(&c.shape),
		              alone, scratch);
		assert_memory_equal(alone, proba + row * what->n_classes,
		                    what->n_classes * sizeof(float));
	}
	net_case_release(&c);
}

static void
test_fold__scores_as_in_training(void **state)
{
	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		check_scores(&cases[i], false);
		check_scores(&cases[i], true);
	}
}

/* Without anything to fold both are as they were. */
static void
test_fold__nothing(void **state)
{
	fold_case mlp = {.text = "(chain (dense width=8) (output))",
	                 .n_classes = 2};
	cer_folded folded;
	net_case c;

	(void) state;
	start(&c, &mlp);
	assert_int_equal(
		cer_net_fold(c.arena, c.arena, c.net, c.graph->weights, &folded),
		CER_OK);
	assert_ptr_equal(folded.net, c.net);
	assert_ptr_equal(folded.weights, c.graph->weights);
	net_case_release(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fold__nodes_that_are_left),
		cmocka_unit_test(test_fold__scores_as_in_training),
		cmocka_unit_test(test_fold__nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
