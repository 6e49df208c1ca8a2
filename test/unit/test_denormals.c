/*
 * test_denormals.c
 *	  Values that would be denormal are zero, in training and in scoring alike:
 *	  the engine and a backend, which leave the processor's mode as they found
 *	  it, make the same bits whatever that mode is.
 *
 * Weights are so small that products of one, two or three of them are denormal,
 * those of the output so large that it shows.
 */
#include "nn/explain.h"
#include "nn/infer.h"

#include "base/denormals.h"
#include "cmocka_all.h"
#include "layer_structures.h"
#include "net_case.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define N_ROWS 40
#define FLAGS  0x3fu /* of what happened, not of the mode */

static const double scales[] = {1e-38, 1e-19, 1e-13, 1e-25};

static const cer_table_shape some_tables[] = {
	{{"x", 1}, 5, 0}, {{"y", 1}, 7, 4}, {{"z", 1}, 90, 3}};
static const cer_table_shape joined_tables[] = {
	{{"x", 1}, 5, 0}, {{"p.y", 3}, 7, 4}, {{"q.z", 3}, 90, 3}};

static void
init(net_case *c, const char *structure, size_t n_rows, double scale)
{
	bool has_joins = strstr(structure, "_table") != NULL;
	bool has_arrays = strstr(structure, "pool_rows") != NULL ||
	                  strstr(structure, "series") != NULL;
	net_case_spec spec = {.n_numbers = has_arrays ? 7 : 4,
	                      .n_tables = 3,
	                      .tables = has_joins ? joined_tables : some_tables,
	                      .has_joins = has_joins,
	                      .has_arrays = has_arrays,
	                      .n_classes = 3,
	                      .text = structure,
	                      .n_rows = n_rows,
	                      .batch = n_rows,
	                      .kernels = cer_kernels_choose()->name};

	net_case_init(c, &spec);
	for (size_t i = 0; i < c->net->n_tensors; i++)
	{
		const cer_net_tensor *tensor = &c->net->tensors[i];
		bool is_output = strstr(tensor->name.data, "output.weight") != NULL;

		for (size_t j = 0; !tensor->is_statistic && j < tensor->size; j++)
			c->graph->weights[tensor->offset + j] *=
				(float) (is_output ? 1e37 : scale);
	}
	cer_graph_refresh(c->graph);
}

/* All that a session computes of a row: its scores, what is kept of joined
 * tables and added up, slopes. */
typedef struct answers
{
	float proba[N_ROWS * 3];
	size_t n_partials;
	float *partials;
	float *sum;
	size_t n_slopes;
	double slopes[N_ROWS];
} answers;

static void
sum_partials(const cer_infer *infer, answers *of)
{
	const float *rows[2] = {of->partials, of->partials};

	if (cer_infer_get_first(infer) == NULL || of->n_partials == 0)
		return;
	cer_infer_first_sum(cer_infer_get_first(infer), 2, rows, of->sum);
}

static void
keep_partials(const net_case *c, const cer_infer *infer, answers *of)
{
	size_t width = cer_infer_get_partial_width(infer);
	void *scratch =
		cer_arena_allocate(c->arena, cer_infer_get_scratch_size(infer, N_ROWS));

	of->n_partials = 0;
	of->partials = calloc((cer_infer_count_groups(infer) + 1) * N_ROWS * width,
	                      sizeof(float));
	of->sum = calloc(width, sizeof(float));
	for (size_t i = 0; i < cer_infer_count_groups(infer); i++)
		if (cer_infer_can_keep(infer, i))
		{
			cer_infer_run_group(infer, i, &c->rows,
			                    of->partials + of->n_partials, scratch);
			of->n_partials += N_ROWS * width;
		}
	sum_partials(infer, of);
}

static void
find_slopes(const net_case *c, answers *of)
{
	cer_explain_room room = {.n_lines = 1};
	cer_explain_point point = {0, 0.5};
	cer_encoded ends = c->rows;
	cer_explain_net *net;

	of->n_slopes = 0;
	if (cer_explain_net_make(c->arena, c->net, c->graph->weights, &room, &net,
	                         NULL) != CER_OK)
		return;
	ends.n_rows = 2;
	cer_explain_net_set_lines(net, &ends);
	cer_explain_net_run(net, 1, &point);
	for (size_t i = 0; i < 3 * cer_explain_net_count_vectors(net); i++)
		cer_explain_net_get_grads(net)[i] = (float) i;
	cer_explain_net_go_back(net, 1);
	of->slopes[of->n_slopes++] = cer_explain_net_get_slope(net, 0);
}

static void
answer(const net_case *c, answers *of)
{
	cer_infer_spec spec = {.net = c->net, .weights = c->graph->weights};
	const cer_infer *infer;

	assert_int_equal(cer_infer_make(c->arena, &spec, &infer, NULL), CER_OK);
	cer_infer_run(infer, N_ROWS, c->rows.numbers, c->rows.codes, of->proba,
	              cer_arena_allocate(
					  c->arena, cer_infer_get_scratch_size(infer, N_ROWS)));
	keep_partials(c, infer, of);
	find_slopes(c, of);
}

static void
release(answers *of)
{
	free(of->partials);
	free(of->sum);
}

static void
check(const char *structure, double scale)
{
	net_case c;
	answers here;
	answers there;
	float expected[N_ROWS * 3];
	unsigned before;

	init(&c, structure, N_ROWS, scale);
	cer_graph_predict(c.graph, &c.rows, 0, N_ROWS, expected);
	answer(&c, &here);
	before = cer_denormals_flush();
	answer(&c, &there);
	cer_denormals_restore(before);
	if (memcmp(here.proba, there.proba, sizeof(here.proba)) != 0)
		fail_msg("%g %s: scores depend on the mode", scale, structure);
	if (memcmp(here.partials, there.partials,
	           here.n_partials * sizeof(float)) != 0 ||
	    memcmp(here.sum, there.sum, sizeof(float)) != 0)
		fail_msg("%g %s: partials depend on the mode", scale, structure);
	if (memcmp(here.slopes, there.slopes, here.n_slopes * sizeof(double)) != 0)
		fail_msg("%g %s: slopes depend on the mode", scale, structure);
	for (size_t i = 0; i < N_ROWS * 3; i++)
		if (!(fabsf(here.proba[i] - expected[i]) <= 5e-6f) &&
		    isfinite(expected[i]))
			fail_msg("%g %s: %g, training has %g", scale, structure,
			         here.proba[i], expected[i]);
	release(&here);
	release(&there);
	net_case_release(&c);
}

static unsigned
get_mode(void)
{
	unsigned mode = cer_denormals_flush();

	cer_denormals_restore(mode);
	return mode & ~FLAGS;
}

static void
test_denormals__of_all_structures(void **state)
{
	unsigned before = get_mode();

	(void) state;
	assert_int_equal(before & CER_FLUSH_TO_ZERO, 0);
	for (size_t i = 0; i < N_STRUCTURES; i++)
		for (size_t j = 0; j < sizeof(scales) / sizeof(scales[0]); j++)
			check(structures[i], scales[j]);
	assert_int_equal(get_mode(), before);
}

/* Gradients and statistics of a batch: of one in which dense layers go by what
 * they take. */
static float *
train(const char *structure, double scale, size_t *n)
{
	net_case c;
	cer_batch batch = {.n_rows = 190, .epoch = 3, .is_training = true};
	float *made;

	init(&c, structure, batch.n_rows, scale);
	batch.rows = &c.rows;
	cer_graph_run(c.graph, &batch);
	cer_graph_update(c.graph);
	*n = c.net->n_weights;
	made = malloc(2 * *n * sizeof(float));
	memcpy(made, c.graph->weights, *n * sizeof(float));
	memcpy(made + *n, c.graph->grads, *n * sizeof(float));
	net_case_release(&c);
	return made;
}

static void
test_denormals__of_training(void **state)
{
	(void) state;
	for (size_t i = 0; i < N_STRUCTURES; i++)
		for (size_t j = 0; j < sizeof(scales) / sizeof(scales[0]); j++)
		{
			size_t n;
			float *here = train(structures[i], scales[j], &n);
			unsigned before = cer_denormals_flush();
			float *there = train(structures[i], scales[j], &n);

			cer_denormals_restore(before);
			if (memcmp(here + n, there + n, n * sizeof(float)) != 0)
				fail_msg("%g %s: gradients depend on the mode", scales[j],
				         structures[i]);
			free(here);
			free(there);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_denormals__of_all_structures),
		cmocka_unit_test(test_denormals__of_training),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
