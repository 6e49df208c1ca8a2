/*
 * test_graph.c
 *	  Networks in training: outputs and gradients beside plain formulas in
 *	  double precision, for every operator, activation and kind of table; odd
 *	  sizes; bits that do not depend on threads.
 */
#include "net_case.h"

#include "cmocka_all.h"
#include "tasks_host.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const classes[] = {"plain", "avx2", "avx512"};

/* direct, folded (few codes beside the batch), gathered (many) */
static const cer_table_shape three_tables[] = {
	{{"x", 1}, 5, 0}, {{"y", 1}, 7, 4}, {{"z", 1}, 90, 3}};

static double *
copy_weights(const net_case *c)
{
	double *w = calloc(c->net->n_weights, sizeof(*w));

	for (size_t i = 0; i < c->net->n_weights; i++)
		w[i] = c->graph->weights[i];
	return w;
}

static double
find_slope(const net_case *c, double *w, size_t i, size_t n, uint32_t epoch)
{
	const double h = 1e-5;
	double kept = w[i];
	double above;
	double below;

	w[i] = kept + h;
	above = net_case_loss(c, w, 0, n, epoch);
	w[i] = kept - h;
	below = net_case_loss(c, w, 0, n, epoch);
	w[i] = kept;
	return (above - below) / (2 * h);
}

/* Every third weight of every tensor, the first and the last among them. */
static void
check_tensor(const net_case *c, double *w, const cer_net_tensor *tensor,
             size_t n, uint32_t epoch)
{
	for (size_t i = 0; i < tensor->size;
	     i = i + 3 < tensor->size || i == tensor->size - 1 ? i + 3
	                                                       : tensor->size - 1)
	{
		size_t at = tensor->offset + i;
		double slope = find_slope(c, w, at, n, epoch);

		if (!(fabs(c->graph->grads[at] - slope) <= 2e-6 + 1e-4 * fabs(slope)))
			fail_msg("%s[%zu]: gradient %g, numeric %g", tensor->name.data, i,
			         (double) c->graph->grads[at], slope);
	}
}

static void
check_gradients(const net_case *c, uint32_t epoch)
{
	cer_batch batch = {.rows = &c->rows,
	                   .n_rows = c->rows.n_rows,
	                   .epoch = epoch,
	                   .is_training = true};
	double *w = copy_weights(c);
	double loss = cer_graph_run(c->graph, &batch) / (double) c->rows.n_rows;
	double expected = net_case_loss(c, w, 0, c->rows.n_rows, epoch);

	if (!(fabs(loss - expected) <= 1e-5 * expected))
		fail_msg("loss %g, expected %g", loss, expected);
	cer_graph_update(c->graph);
	for (size_t i = 0; i < c->net->n_tensors; i++)
		check_tensor(c, w, &c->net->tensors[i], c->rows.n_rows, epoch);
	free(w);
}

static void
check_outputs(const net_case *c)
{
	size_t n_classes = c->shape.n_classes;
	float *proba = calloc(c->rows.n_rows * n_classes, sizeof(*proba));
	double *w = copy_weights(c);
	double expected[16];

	cer_graph_predict(c->graph, &c->rows, 0, c->rows.n_rows, proba);
	for (size_t row = 0; row < c->rows.n_rows; row++)
	{
		net_case_predict(c, w, row, 0, expected);
		for (size_t i = 0; i < n_classes; i++)
			if (!(fabs(proba[row * n_classes + i] - expected[i]) <= 1e-6))
				fail_msg("row %zu: %g, expected %g", row,
				         (double) proba[row * n_classes + i], expected[i]);
	}
	free(w);
	free(proba);
}

static void
check_net(const net_case_spec *spec)
{
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
	{
		net_case_spec of_class = *spec;
		net_case c;

		of_class.kernels = classes[i];
		of_class.has_plain_gemm = strcmp(classes[i], "avx2") == 0;
		if (cer_kernels_find(classes[i]) == NULL)
			continue;
		net_case_init(&c, &of_class);
		check_outputs(&c);
		check_gradients(&c, 3);
		net_case_release(&c);
	}
}

static void
test_graph__activations(void **state)
{
	(void) state;
	for (int i = 0; i < CER_N_ACTIVATIONS; i++)
	{
		mlp_layer layers[] = {{19, (cer_activation) i, 0},
		                      {8, (cer_activation) i, 0}};
		net_case_spec spec = {.n_numbers = 5,
		                      .n_tables = 3,
		                      .tables = three_tables,
		                      .n_classes = 3,
		                      .layers = layers,
		                      .n_layers = 2,
		                      .n_rows = 37,
		                      .batch = 37};

		check_net(&spec);
	}
}

static void
test_graph__dropout(void **state)
{
	(void) state;
	for (int i = 0; i < CER_N_ACTIVATIONS; i++)
	{
		mlp_layer layers[] = {{150, (cer_activation) i, 0.25}};
		net_case_spec spec = {.n_numbers = 4,
		                      .n_classes = 2,
		                      .layers = layers,
		                      .n_layers = 1,
		                      .n_rows = 16,
		                      .batch = 20};

		check_net(&spec);
	}
}

/* Every mix of inputs, among them those where a table is the first to write. */
static void
test_graph__inputs(void **state)
{
	static const cer_table_shape gathered[] = {{{"x", 1}, 90, 3},
	                                           {{"y", 1}, 80, 8}};
	static const cer_table_shape direct[] = {{{"x", 1}, 4, 0},
	                                         {{"y", 1}, 6, 0}};
	static const cer_table_shape folded[] = {{{"x", 1}, 4, 2},
	                                         {{"y", 1}, 6, 9}};
	const cer_table_shape *mixes[] = {gathered, direct, folded};
	mlp_layer layers[] = {{12, CER_TANH, 0}};

	(void) state;
	for (size_t i = 0; i < 3; i++)
		for (size_t n_numbers = 0; n_numbers < 4; n_numbers += 3)
		{
			net_case_spec spec = {.n_numbers = n_numbers,
			                      .n_tables = 2,
			                      .tables = mixes[i],
			                      .n_classes = 2,
			                      .layers = layers,
			                      .n_layers = 1,
			                      .n_rows = 30,
			                      .batch = 40};

			check_net(&spec);
		}
}

/* No hidden layer, one unit, widths beyond the blocks, one row. */
static void
test_graph__sizes(void **state)
{
	static const size_t units[] = {1, 15, 16, 17, 65, 130};

	(void) state;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
	{
		mlp_layer layers[] = {{units[i], CER_GELU, 0}, {67, CER_RELU, 0}};
		net_case_spec spec = {.n_numbers = 3,
		                      .n_tables = 1,
		                      .tables = three_tables,
		                      .n_classes = 7,
		                      .layers = layers,
		                      .n_layers = i % 3,
		                      .n_rows = 1 + 8 * i,
		                      .batch = 64};

		check_net(&spec);
	}
}

static void
test_graph__empty_batch(void **state)
{
	mlp_layer layers[] = {{8, CER_RELU, 0}};
	net_case_spec spec = {.n_numbers = 3,
	                      .n_classes = 2,
	                      .layers = layers,
	                      .n_layers = 1,
	                      .n_rows = 0,
	                      .batch = 8,
	                      .kernels = "plain"};
	net_case c;
	float untouched = 5;

	(void) state;
	net_case_init(&c, &spec);
	cer_graph_predict(c.graph, &c.rows, 0, 0, &untouched);
	assert_true(untouched == 5);
	net_case_release(&c);
}

/* Rows that store ramps, widths beyond the blocks, with tables and without. */
static void
test_graph__ramps(void **state)
{
	static const size_t units[] = {1, 15, 16, 17, 65, 130};

	(void) state;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
	{
		mlp_layer layers[] = {{units[i], CER_GELU, 0}, {5, CER_TANH, 0}};
		net_case_spec spec = {.n_numbers = 7,
		                      .has_ramps = true,
		                      .n_tables = i % 2 * 3,
		                      .tables = three_tables,
		                      .n_classes = 2 + i % 3,
		                      .layers = layers,
		                      .n_layers = i % 3,
		                      .n_rows = 1 + 17 * i,
		                      .batch = 90};

		check_net(&spec);
	}
}

/* Numbers that are mostly zero, all of them or some, beside ramps or not. */
static void
test_graph__rare_numbers(void **state)
{
	static const size_t units[] = {1, 15, 16, 17, 65, 130};

	(void) state;
	for (size_t i = 0; i < 2 * sizeof(units) / sizeof(units[0]); i++)
	{
		mlp_layer layers[] = {{units[i / 2], CER_GELU, 0}, {5, CER_TANH, 0}};
		net_case_spec spec = {.n_numbers = i % 2 > 0 ? 7 : 1 + i / 2,
		                      .has_rare = true,
		                      .has_ramps = i % 2 > 0,
		                      .n_tables = i % 4 / 2 * 3,
		                      .tables = three_tables,
		                      .n_classes = 2 + i % 3,
		                      .layers = layers,
		                      .n_layers = i % 3,
		                      .n_rows = 1 + 8 * i,
		                      .batch = 90};

		check_net(&spec);
	}
}

/* A net of the same weights over the same rows, each number stored alone. */
static void
spread_ramps(const net_case *folded, net_case *dense)
{
	size_t n = folded->shape.n_numbers;
	size_t n_stored = folded->shape.n_stored;
	float *numbers = cer_arena_allocate(dense->arena, folded->rows.n_rows * n *
	                                                      sizeof(float));

	for (size_t row = 0; row < folded->rows.n_rows; row++)
		for (size_t i = 0; i < n; i++)
			numbers[row * n + i] = cer_shape_get_number(
				&folded->shape, folded->rows.numbers + row * n_stored, i);
	dense->rows = folded->rows;
	dense->rows.numbers = numbers;
	memcpy(dense->graph->weights, folded->graph->weights,
	       dense->net->n_weights * sizeof(float));
	cer_graph_refresh(dense->graph);
}

static void
check_near(const char *what, double a, double b, double largest)
{
	if (!(fabs(a - b) <= 1e-6 * largest))
		fail_msg("%s: %.9g with ramps, %.9g without", what, a, b);
}

static double
find_largest(const net_case *c, const cer_net_tensor *tensor)
{
	double largest = 0;

	for (size_t i = 0; i < tensor->size; i++)
		largest = fmax(largest, fabs(c->graph->grads[tensor->offset + i]));
	return largest;
}

/* Relative to the largest of a tensor's gradients: sums of many rows cancel. */
static void
test_graph__ramps_are_numbers(void **state)
{
	mlp_layer layers[] = {{64, CER_RELU, 0}};
	net_case_spec spec = {.n_numbers = 7,
	                      .has_ramps = true,
	                      .n_classes = 2,
	                      .layers = layers,
	                      .n_layers = 1,
	                      .n_rows = 150,
	                      .batch = 150,
	                      .kernels = cer_kernels_choose()->name};
	net_case folded, dense;
	cer_batch batch = {.n_rows = 150, .epoch = 1, .is_training = true};
	double losses[2];

	(void) state;
	net_case_init(&folded, &spec);
	spec.has_ramps = false;
	net_case_init(&dense, &spec);
	spread_ramps(&folded, &dense);
	batch.rows = &folded.rows;
	losses[0] = cer_graph_run(folded.graph, &batch);
	cer_graph_update(folded.graph);
	batch.rows = &dense.rows;
	losses[1] = cer_graph_run(dense.graph, &batch);
	cer_graph_update(dense.graph);
	check_near("loss", losses[0], losses[1], losses[1]);
	for (size_t i = 0; i < dense.net->n_tensors; i++)
	{
		const cer_net_tensor *tensor = &dense.net->tensors[i];

		for (size_t j = tensor->offset; j < tensor->offset + tensor->size; j++)
			check_near(tensor->name.data, (double) folded.graph->grads[j],
			           (double) dense.graph->grads[j],
			           find_largest(&dense, tensor));
	}
	net_case_release(&folded);
	net_case_release(&dense);
}

/* What would be denormal is zero: on some processors it costs a hundredfold. */
static void
test_graph__denormals_are_zero(void **state)
{
	mlp_layer layers[] = {{40, CER_IDENTITY, 0}, {24, CER_IDENTITY, 0}};

	(void) state;
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
	{
		net_case_spec spec = {.n_numbers = 6,
		                      .n_classes = 2,
		                      .layers = layers,
		                      .n_layers = 2,
		                      .n_rows = 150,
		                      .batch = 150,
		                      .kernels = classes[i],
		                      .has_plain_gemm = true};
		cer_batch batch = {.n_rows = 150, .epoch = 1, .is_training = true};
		net_case c;

		if (cer_kernels_find(classes[i]) == NULL)
			continue;
		net_case_init(&c, &spec);
		for (size_t j = 0; j < c.net->n_weights; j++)
			c.graph->weights[j] *= 1e-22f;
		cer_graph_refresh(c.graph);
		batch.rows = &c.rows;
		cer_graph_run(c.graph, &batch);
		for (size_t j = 0; j < c.net->n_nodes; j++)
		{
			const cer_activations *out = &c.graph->nodes[j].out;

			for (size_t k = 0; k < 150 * cer_get_width(out); k++)
				assert_true(fpclassify(out->data[k]) != FP_SUBNORMAL);
		}
		cer_graph_update(c.graph);
		for (size_t j = 0; j < c.net->n_weights; j++)
			assert_true(fpclassify(c.graph->grads[j]) != FP_SUBNORMAL);
		net_case_release(&c);
	}
}

/* A batch in several pieces, tiles that are not full: the same bits. */
static void
test_graph__split_of_prediction(void **state)
{
	mlp_layer layers[] = {{40, CER_RELU, 0.5}, {24, CER_SILU, 0.5}};
	net_case_spec spec = {.n_numbers = 6,
	                      .n_tables = 3,
	                      .tables = three_tables,
	                      .n_classes = 2,
	                      .layers = layers,
	                      .n_layers = 2,
	                      .n_rows = 150,
	                      .batch = 40,
	                      .kernels = cer_kernels_choose()->name};
	float whole[300];
	float parts[300];
	net_case c;

	(void) state;
	net_case_init(&c, &spec);
	cer_graph_predict(c.graph, &c.rows, 0, 150, whole);
	for (size_t first = 0; first < 150; first += 7)
		cer_graph_predict(c.graph, &c.rows, first,
		                  first + 7 < 150 ? 7 : 150 - first, parts + 2 * first);
	assert_memory_equal(whole, parts, sizeof(whole));
	net_case_release(&c);
}

/* Weights after some steps by n_threads, freed by the caller. */
static float *
train_with(size_t n_threads, bool has_ramps, bool has_rare, size_t *size)
{
	mlp_layer layers[] = {{70, CER_RELU, 0.1}, {66, CER_GELU, 0}};
	tasks_host host;
	net_case_spec spec = {.n_numbers = 7,
	                      .has_ramps = has_ramps,
	                      .has_rare = has_rare,
	                      .n_tables = 3,
	                      .tables = three_tables,
	                      .n_classes = 3,
	                      .layers = layers,
	                      .n_layers = 2,
	                      .n_rows = 190,
	                      .batch = 150,
	                      .kernels = cer_kernels_choose()->name,
	                      .host = &host.host};
	net_case c;
	float *weights;

	tasks_host_init(&host, n_threads);
	net_case_init(&c, &spec);
	net_case_train(&c, 6, 150, 150, 40);
	assert_true(host.n_calls > 0);
	weights = net_case_copy_weights(&c, size);
	net_case_release(&c);
	return weights;
}

static void
check_bits_of_threads(bool has_ramps, bool has_rare)
{
	static const size_t counts[] = {2, 3, 7, 16};
	size_t size;
	float *expected = train_with(1, has_ramps, has_rare, &size);

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
	{
		float *weights = train_with(counts[i], has_ramps, has_rare, &size);

		assert_memory_equal(weights, expected, size);
		free(weights);
	}
	free(expected);
}

static void
test_graph__bits_of_threads(void **state)
{
	(void) state;
	check_bits_of_threads(false, false);
	check_bits_of_threads(false, true);
	check_bits_of_threads(true, false);
	check_bits_of_threads(true, true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_graph__activations),
		cmocka_unit_test(test_graph__dropout),
		cmocka_unit_test(test_graph__inputs),
		cmocka_unit_test(test_graph__sizes),
		cmocka_unit_test(test_graph__ramps),
		cmocka_unit_test(test_graph__rare_numbers),
		cmocka_unit_test(test_graph__ramps_are_numbers),
		cmocka_unit_test(test_graph__empty_batch),
		cmocka_unit_test(test_graph__denormals_are_zero),
		cmocka_unit_test(test_graph__split_of_prediction),
		cmocka_unit_test(test_graph__bits_of_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
