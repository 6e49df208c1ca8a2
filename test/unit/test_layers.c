/*
 * test_layers.c
 *	  Layers beyond perceptrons: gradients beside central differences of the
 *	  loss, scoring beside training's own predictions, bits that depend neither
 *	  on threads nor on the rows beside one, structures that do not fit.
 *
 * Central differences are of float losses: tolerance 2 % of the gradient and
 * 2e-4, ten times that where a kink may lie between.  The Makefile compiles this
 * file once more with doubles for floats: then it is 0.001 % and 2e-6, for all
 * operators.  test_golden_layers.c compares with PyTorch's.
 */
#include "nn/graph.h"
#include "nn/infer.h"

#include "cmocka_all.h"
#include "layer_structures.h"
#include "layer_text.h"
#include "net_case.h"
#include "tasks_host.h"
#include "train/optimizer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ROWS 600

static const char *const classes[] = {"plain", "avx2", "avx512"};

static const cer_table_shape some_tables[] = {
	{{"x", 1}, 5, 0}, {{"y", 1}, 7, 4}, {{"z", 1}, 90, 3}};
static const cer_table_shape joined_tables[] = {
	{{"x", 1}, 5, 0}, {{"p.y", 3}, 7, 4}, {{"q.z", 3}, 90, 3}};

static bool
is_lifted(const char *structure)
{
	for (size_t i = N_STRUCTURES - N_LIFTED; i < N_STRUCTURES; i++)
		if (structures[i] == structure)
			return true;
	return false;
}

typedef struct layers_case
{
	const char *structure;
	const char *kernels;
	size_t n_rows;
	size_t batch;
	const cer_host *host;
	size_t n_classes;
	bool has_ramps;
	bool is_without_numbers;
	bool is_without_tables;
	double mixup;
} layers_case;

static void
init(net_case *c, const layers_case *what)
{
	bool has_rows = strstr(what->structure, "pool_rows") != NULL;
	bool has_joins = strstr(what->structure, "by_table") != NULL ||
	                 strstr(what->structure, "of_table") != NULL;
	bool has_arrays = has_rows || strstr(what->structure, "series") != NULL;
	size_t n_numbers = has_arrays || what->has_ramps ? 7 : 4;
	net_case_spec spec = {
		.n_numbers = what->is_without_numbers && !has_rows ? 0 : n_numbers,
		.has_ramps = what->has_ramps,
		.n_tables = what->is_without_tables ? 0 : 3,
		.tables = has_joins ? joined_tables : some_tables,
		.has_joins = has_joins,
		.has_arrays = has_arrays,
		.has_lifts = is_lifted(what->structure),
		.n_classes = what->n_classes,
		.text = what->structure,
		.n_rows = what->n_rows,
		.batch = what->batch,
		.kernels = what->kernels,
		.host = what->host,
		.mixup = what->mixup,
		.has_plain_gemm = strcmp(what->kernels, "avx2") == 0};

	net_case_init(c, &spec);
}

static double
get_loss(const net_case *c, uint32_t epoch)
{
	cer_batch batch = {.rows = &c->rows,
	                   .n_rows = c->rows.n_rows,
	                   .epoch = epoch,
	                   .is_training = true};

	cer_graph_refresh(c->graph);
	return cer_graph_run(c->graph, &batch) / (double) c->rows.n_rows;
}

static double
find_slope(const net_case *c, size_t at, float h)
{
	float kept = c->graph->weights[at];
	float up = kept + h;
	float down = kept - h;
	double above;
	double below;

	c->graph->weights[at] = up;
	above = get_loss(c, 3);
	c->graph->weights[at] = down;
	below = get_loss(c, 3);
	c->graph->weights[at] = kept;
	return (above - below) / (double) (up - down);
}

/* Where the slope is not the gradient, a kink may lie between: then nearer. */
static bool
is_slope(const net_case *c, size_t at, double grad, double loose, double *slope)
{
	bool is_double = sizeof(float) == sizeof(double);
	float first = is_double ? 1e-4f : 4e-3f;
	float last = is_double ? 5e-7f : 5e-5f;

	for (float h = first; h > last; h /= 4)
	{
		double bound;

		*slope = find_slope(c, at, h);
		bound = is_double ? 2e-6 + 1e-5 * fabs(*slope)
		                  : loose * (2e-4 + 0.02 * fabs(*slope));
		if (fabs(grad - *slope) <= bound)
			return true;
	}
	return false;
}

static void
check_gradients(const layers_case *what)
{
	bool has_kinks = strstr(what->structure, "pool=max") != NULL ||
	                 strstr(what->structure, "relu") != NULL ||
	                 is_lifted(what->structure);
	double loose = has_kinks ? 10 : 1;
	net_case c;
	float *grads;
	double loss;

	init(&c, what);
	loss = get_loss(&c, 3);
	assert_true(loss > 0 && loss < 20);
	cer_graph_update(c.graph);
	grads = malloc(c.net->n_weights * sizeof(float));
	memcpy(grads, c.graph->grads, c.net->n_weights * sizeof(float));
	for (size_t i = 0; i < c.net->n_tensors; i++)
	{
		const cer_net_tensor *tensor = &c.net->tensors[i];
		size_t step = tensor->size / 5 + 1;

		for (size_t j = 0; !tensor->is_statistic && j < tensor->size; j += step)
		{
			double grad = grads[tensor->offset + j];
			double slope;

			if (!is_slope(&c, tensor->offset + j, grad, loose, &slope))
				fail_msg("%s\n%s[%zu]: gradient %g, numeric %g",
				         what->structure, tensor->name.data, j, grad, slope);
		}
	}
	free(grads);
	net_case_release(&c);
}

static void
test_layers__gradients(void **state)
{
	(void) state;
	for (size_t i = 0; i < N_STRUCTURES; i++)
		for (size_t j = 0; j < 3; j++)
		{
			layers_case what = {.structure = structures[i],
			                    .kernels = classes[j],
			                    .n_rows = 37,
			                    .batch = 40,
			                    .n_classes = 2 + i % 2};

			if (cer_kernels_find(classes[j]) != NULL)
				check_gradients(&what);
		}
}

/* Batches that are large beside the tables of first layers and tokens: dense
 * layers right over them go by their weights. */
static void
test_layers__gradients_over_sources(void **state)
{
	size_t first = N_STRUCTURES - N_LIFTED - N_OVER;

	(void) state;
	for (size_t i = first; i < first + N_OVER; i++)
		for (size_t j = 0; j < 3; j++)
		{
			layers_case what = {.structure = structures[i],
			                    .kernels = classes[j],
			                    .n_rows = 190,
			                    .batch = 200,
			                    .n_classes = 2 + j % 2,
			                    .has_ramps = j == 1};
			net_case c;

			if (cer_kernels_find(classes[j]) == NULL)
				continue;
			init(&c, &what);
			assert_non_null(c.graph->more);
			net_case_release(&c);
			check_gradients(&what);
		}
}

/* A batch of no rows leaves no loss, no gradient, and nothing of the batch
 * before. */
static void
check_empty(const layers_case *what)
{
	cer_batch nothing = {.epoch = 3, .is_training = true};
	net_case c;

	init(&c, what);
	get_loss(&c, 3);
	cer_graph_update(c.graph);
	nothing.rows = &c.rows;
	assert_true(cer_graph_run(c.graph, &nothing) == 0.0);
	cer_graph_update(c.graph);
	for (size_t i = 0; i < c.net->n_tensors; i++)
	{
		const cer_net_tensor *tensor = &c.net->tensors[i];

		for (size_t j = 0; !tensor->is_statistic && j < tensor->size; j++)
			if (c.graph->grads[tensor->offset + j] != 0.0f)
				fail_msg("%s\n%s[%zu]: a gradient of no rows", what->structure,
				         tensor->name.data, j);
	}
	net_case_release(&c);
}

static bool
can_be_mixed(const char *structure)
{
	return strstr(structure, "neighbours") == NULL &&
	       strstr(structure, "pool_rows") == NULL;
}

/* Of mixed rows, the last of which has no partner. */
static void
test_layers__gradients_of_mixes(void **state)
{
	(void) state;
	for (size_t i = 0; i < N_STRUCTURES; i++)
	{
		layers_case what = {.structure = structures[i],
		                    .kernels = cer_kernels_choose()->name,
		                    .n_rows = 37,
		                    .batch = 40,
		                    .n_classes = 2 + i % 2,
		                    .has_ramps = i % 3 == 0,
		                    .mixup = 0.7};

		if (!can_be_mixed(structures[i]))
			continue;
		check_gradients(&what);
		what.n_rows = 189;
		what.batch = 200; /* where dense layers might go by their source */
		check_gradients(&what);
		what.n_rows = what.batch = 1;
		check_gradients(&what);
		check_empty(&what);
	}
}

static double
get_loss_in_batch(const char *structure, size_t batch)
{
	layers_case what = {.structure = structure,
	                    .kernels = cer_kernels_choose()->name,
	                    .n_rows = 37,
	                    .batch = batch,
	                    .n_classes = 3,
	                    .mixup = 0.7};
	net_case c;
	double loss;

	init(&c, &what);
	loss = get_loss(&c, 3);
	net_case_release(&c);
	return loss;
}

/* Also where the room for a batch would let layers go by their source. */
static void
test_layers__mixes_in_any_batch(void **state)
{
	(void) state;
	for (size_t i = 0; i < N_STRUCTURES; i++)
		if (can_be_mixed(structures[i]))
		{
			double small = get_loss_in_batch(structures[i], 40);
			double large = get_loss_in_batch(structures[i], 200);

			if (!(fabs(small - large) < 1e-5))
				fail_msg("%s: loss %g in batches of 40, %g of 200",
				         structures[i], small, large);
		}
}

/* One row; numbers alone; codes alone; several full tiles and one not full. */
static void
test_layers__sizes(void **state)
{
	(void) state;
	for (size_t i = 0; i < N_STRUCTURES; i++)
	{
		layers_case what = {.structure = structures[i],
		                    .kernels = cer_kernels_choose()->name,
		                    .n_rows = 1,
		                    .batch = 1,
		                    .n_classes = 2};

		check_gradients(&what);
		what.n_rows = what.batch = 21;
		what.is_without_numbers = true;
		check_gradients(&what);
		what.is_without_numbers = false;
		what.is_without_tables = true;
		check_gradients(&what);
		what.has_ramps = true;
		check_gradients(&what);
	}
}

static void
test_layers__empty(void **state)
{
	(void) state;
	for (size_t i = 0; i < N_STRUCTURES; i++)
	{
		layers_case what = {.structure = structures[i],
		                    .kernels = cer_kernels_choose()->name,
		                    .n_rows = 37,
		                    .batch = 40,
		                    .n_classes = 2 + i % 2};

		check_empty(&what);
	}
}

/* ------------------------------------------------------------ operators */

#define LIST_OPERATOR(name) &cer_op_##name,

static const cer_operator *const operators[] = {CER_OPERATORS(LIST_OPERATOR)};

#define N_OPERATORS (sizeof(operators) / sizeof(operators[0]))

static void
mark_operators(const char *structure, bool used[N_OPERATORS])
{
	layers_case what = {.structure = structure,
	                    .kernels = "plain",
	                    .n_rows = 1,
	                    .batch = 1,
	                    .n_classes = 2};
	net_case c;

	init(&c, &what);
	for (size_t i = 0; i < c.net->n_nodes; i++)
		for (size_t j = 0; j < N_OPERATORS; j++)
			used[j] |= c.net->nodes[i].op == operators[j];
	net_case_release(&c);
}

/* The structures above, to which all checks are applied, use every operator
 * that there is; each says what it does. */
static void
test_layers__operators(void **state)
{
	bool used[N_OPERATORS] = {false};

	(void) state;
	for (size_t i = 0; i < N_STRUCTURES; i++)
		mark_operators(structures[i], used);
	for (size_t i = 0; i < N_OPERATORS; i++)
	{
		const cer_operator *op = operators[i];

		if (!used[i])
			fail_msg("no structure checks the operator %s", op->name);
		assert_true(op->shape != NULL && op->cost != NULL &&
		            op->prepare != NULL && op->forward != NULL &&
		            op->backward != NULL);
		assert_true((op->join == NULL) == (op->join_backward == NULL));
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(op->name, operators[j]->name);
	}
}

/* ------------------------------------------------------------ scoring */

static void
step_gently(void *self, size_t offset, size_t n)
{
	const cer_graph *graph = self;

	for (size_t i = offset; i < offset + n; i++)
		graph->weights[i] -= 0.05f * graph->grads[i];
}

/* Steps that move statistics, too. */
static void
train(const net_case *c)
{
	cer_graph_set_stepper(c->graph, (cer_stepper){step_gently, c->graph});
	for (uint32_t i = 1; i <= 5; i++)
	{
		size_t first = i % 2 == 0 ? c->graph->batch_rows / 2 : 0;
		size_t left = c->rows.n_rows - first;
		cer_batch batch = {
			.rows = &c->rows,
			.first = first,
			.n_rows = left < c->graph->batch_rows ? left : c->graph->batch_rows,
			.epoch = i,
			.is_training = true};

		assert_true(isfinite(cer_graph_run(c->graph, &batch)));
		cer_graph_update(c->graph);
	}
}

static void
check_rows(const net_case *c, const char *structure)
{
	size_t n_rows = c->rows.n_rows;
	size_t n_classes = c->shape.n_classes;
	const cer_infer *infer;
	float *expected = malloc(n_rows * n_classes * sizeof(float));
	float *proba = malloc(n_rows * n_classes * sizeof(float));
	void *scratch;

	cer_graph_predict(c->graph, &c->rows, 0, n_rows, expected);
	assert_int_equal(
		cer_infer_make(
			c->arena,
			&(cer_infer_spec){.net = c->net, .weights = c->graph->weights},
			&infer, NULL),
		CER_OK);
	scratch =
		cer_arena_allocate(c->arena, cer_infer_get_scratch_size(infer, n_rows));
	cer_infer_run(infer, n_rows, c->rows.numbers, c->rows.codes, proba,
	              scratch);
	for (size_t i = 0; i < n_rows * n_classes; i++)
		if (!(fabsf(proba[i] - expected[i]) <= 5e-6f))
			fail_msg("%s\n%zu: %g, training has %g", structure, i,
			         (double) proba[i], (double) expected[i]);
	for (size_t n = 1; n < 70; n = 3 * n + 1)
		for (size_t row = 0; row + n <= n_rows; row += 31)
		{
			float few[70 * 8];
			size_t size = cer_infer_get_scratch_size(infer, n);
			char *exact = malloc(size);

			cer_infer_run(
				infer, n,
				c->rows.numbers + row * cer_shape_count_stored(&c->shape),
				c->rows.codes + row * cer_shape_count_codes(&c->shape), few,
				exact);
			assert_memory_equal(few, proba + row * n_classes,
			                    n * n_classes * sizeof(float));
			free(exact);
		}
	free(expected);
	free(proba);
}

static void
check_scoring(layers_case what)
{
	net_case c;

	init(&c, &what);
	train(&c);
	assert_int_equal(cer_graph_keep(c.graph, &c.rows, NULL), CER_OK);
	check_rows(&c, what.structure);
	net_case_release(&c);
}

static void
test_layers__scoring(void **state)
{
	(void) state;
	for (size_t i = 0; i < N_STRUCTURES; i++)
	{
		layers_case what = {.structure = structures[i],
		                    .kernels = cer_kernels_choose()->name,
		                    .n_rows = 133,
		                    .batch = 100,
		                    .n_classes = 2 + i % 2};

		check_scoring(what);
		what.has_ramps = true;
		check_scoring(what);
	}
}

/* The logits are what the tables' towers make, added up, and nothing else. */
static void
test_layers__parts_of_tables(void **state)
{
	layers_case what = {.structure =
	                        "(chain (by_table joining=sum (chain " DENSE ")))",
	                    .n_rows = 133,
	                    .batch = 133,
	                    .n_classes = 3};

	(void) state;
	for (size_t i = 0; i < 3; i++)
	{
		const cer_graph_node *sum = NULL;
		cer_batch batch = {.n_rows = 133, .epoch = 3, .is_training = true};
		net_case c;

		what.kernels = classes[i];
		if (cer_kernels_find(classes[i]) == NULL)
			continue;
		init(&c, &what);
		batch.rows = &c.rows;
		cer_graph_run(c.graph, &batch);
		for (size_t j = 0; j < c.net->n_nodes; j++)
			if (c.net->nodes[j].op == &cer_op_sum)
				sum = &c.graph->nodes[j];
		assert_non_null(sum);
		assert_int_equal(sum->node->n_inputs, 3);
		for (size_t j = 0; j < 133 * 3; j++)
			assert_true(sum->out.data[j] == sum->ins[0].data[j] +
			                                    sum->ins[1].data[j] +
			                                    sum->ins[2].data[j]);
		net_case_release(&c);
	}
}

/* ------------------------------------------------------------ threads */

static float *
train_with(const char *structure, double mixup, size_t n_threads, size_t *size)
{
	tasks_host host;
	layers_case what = {.structure = structure,
	                    .kernels = cer_kernels_choose()->name,
	                    .n_rows = MAX_ROWS,
	                    .batch = 500,
	                    .host = &host.host,
	                    .n_classes = 3,
	                    .mixup = mixup};
	net_case c;
	float *weights;

	tasks_host_init(&host, n_threads);
	init(&c, &what);
	train(&c);
	assert_int_equal(cer_graph_keep(c.graph, &c.rows, NULL), CER_OK);
	*size = c.net->n_weights * sizeof(float);
	weights = malloc(*size);
	memcpy(weights, c.graph->weights, *size);
	net_case_release(&c);
	return weights;
}

static void
check_threads(const char *structure, double mixup)
{
	size_t size;
	float *expected = train_with(structure, mixup, 1, &size);

	for (size_t n_threads = 2; n_threads <= 7; n_threads += 5)
	{
		float *weights = train_with(structure, mixup, n_threads, &size);

		if (memcmp(weights, expected, size) != 0)
			fail_msg("%s: other bits", structure);
		free(weights);
	}
	free(expected);
}

static void
test_layers__bits_of_threads(void **state)
{
	(void) state;
	for (size_t i = 0; i < N_STRUCTURES; i++)
	{
		check_threads(structures[i], 0.0);
		if (can_be_mixed(structures[i]))
			check_threads(structures[i], 0.2);
	}
}

/* ------------------------------------------------------------ rates */

static float
get_expected_rate(const char *name)
{
	if (strcmp(name, "scale(16)[0].scale") == 0)
		return 6.0f;
	if (strstr(name, ".bias") != NULL || strstr(name, ".share") != NULL)
		return 0.1f;
	return 1.0f;
}

/* Plain steps move tensors of realmlp by their rates. */
static void
test_layers__rates(void **state)
{
	layers_case what = {.structure =
	                        "(chain (scale)(dense width=12 initial=ntk)"
	                        "(activation function=selu learnt)(output "
	                        "initial=ntk))",
	                    .kernels = cer_kernels_choose()->name,
	                    .n_rows = 50,
	                    .batch = 50,
	                    .n_classes = 2};
	cer_settings settings = {.optimizer = CER_SGD, .lr = 0.5};
	cer_optimizer_state *optimizer;
	net_case c;
	float *before;
	size_t n_moved = 0;

	(void) state;
	init(&c, &what);
	before = malloc(c.net->n_weights * sizeof(float));
	memcpy(before, c.graph->weights, c.net->n_weights * sizeof(float));
	assert_int_equal(
		cer_optimizer_make(c.arena, c.graph, &settings, &optimizer, NULL),
		CER_OK);
	get_loss(&c, 1);
	cer_optimizer_begin_step(optimizer);
	cer_graph_update(c.graph);
	for (size_t i = 0; i < c.net->n_tensors; i++)
	{
		const cer_net_tensor *tensor = &c.net->tensors[i];
		float rate = 0.5f * get_expected_rate(tensor->name.data);

		for (size_t at = tensor->offset; at < tensor->offset + tensor->size;
		     at++)
		{
			float moved = c.graph->weights[at] - before[at];

			assert_true(fabsf(moved + rate * c.graph->grads[at]) < 1e-6f);
			n_moved += moved != 0.0f;
		}
	}
	assert_true(n_moved > 100);
	free(before);
	net_case_release(&c);
}

/* ------------------------------------------------------------ embed_decay */

#define MAX_DECAYED 10000

/* Weights before and after one plain step of size 1. */
static float *
step_with(const layers_case *what, double embed_decay, net_case *c,
          float *before)
{
	cer_settings settings = {
		.optimizer = CER_SGD, .lr = 1.0, .embed_decay = embed_decay};
	cer_optimizer_state *optimizer;

	init(c, what);
	assert_true(c->net->n_weights <= MAX_DECAYED);
	assert_int_equal(
		cer_optimizer_make(c->arena, c->graph, &settings, &optimizer, NULL),
		CER_OK);
	if (embed_decay > 0.0)
		assert_int_equal(
			cer_optimizer_add_embed_decay(c->arena, optimizer, &c->rows, NULL),
			CER_OK);
	memcpy(before, c->graph->weights, c->net->n_weights * sizeof(float));
	get_loss(c, 1);
	cer_optimizer_begin_step(optimizer);
	cer_graph_update(c->graph);
	return c->graph->weights;
}

static double
count_share(const net_case *c, size_t table, size_t code)
{
	size_t stride = cer_shape_count_codes(&c->shape);
	double n = 0;

	for (size_t row = 0; row < c->rows.n_rows; row++)
		n += c->rows.codes[row * stride + table] == code;
	return n / (double) c->rows.n_rows;
}

/* Rows of tables move towards 0 by how many rows have them, nothing else. */
static void
check_embed_decay(const char *structure)
{
	layers_case what = {.structure = structure,
	                    .kernels = cer_kernels_choose()->name,
	                    .n_rows = 50,
	                    .batch = 50,
	                    .n_classes = 2};
	net_case with;
	net_case without;
	float first[MAX_DECAYED];
	const float *decayed = step_with(&what, 0.5, &with, first);
	const float *plain = step_with(&what, 0.0, &without, first);
	size_t n_moved = 0;

	for (size_t i = 0; i < with.net->n_tensors; i++)
	{
		const cer_net_tensor *tensor = &with.net->tensors[i];
		bool decays = tensor->table > 0 && tensor->dims[0] >= 10;
		size_t width = tensor->size / (size_t) tensor->dims[0];

		for (size_t at = 0; at < tensor->size; at++)
		{
			double w = (double) first[tensor->offset + at];
			double share =
				decays ? count_share(&with, tensor->table - 1, at / width) : 0;
			double moved = (double) plain[tensor->offset + at] -
			               (double) decayed[tensor->offset + at];

			assert_true(fabs(moved - 0.5 * share * w) < 1e-5);
			n_moved += moved != 0.0;
		}
	}
	assert_true(n_moved > 10);
	net_case_release(&with);
	net_case_release(&without);
}

static void
test_layers__embed_decay(void **state)
{
	(void) state;
	check_embed_decay("(chain " DENSE "(output))");
	check_embed_decay("(chain " TOKENS "(fm)(output))");
}

/* ------------------------------------------------------------ what fails */

typedef struct failing
{
	const char *structure;
	const char *message;
} failing;

static const failing failures[] = {
	{"(chain (neighbours)(dense width=3))",
     "layer \"neighbours\" can only end a network at line 1, column 8"},
	{"(chain (ensemble count=2 shared (dense width=3)(neighbours)))",
     "layer \"neighbours\" in an ensemble cannot be trained by the native "
     "executor yet at line 1, column 48"},
	{"(chain (by_table joining=sum (chain (neighbours))))",
     "layer \"neighbours\" in by_table cannot be trained by the native "
     "executor yet at line 1, column 37"},
	{"(chain (dense width=4)(attention count=2))",
     "layer \"attention\" needs tokens, not a vector of 4 numbers at line 1, "
     "column 23"},
	{"(chain (tokens width=4)(cross))",
     "layer \"cross\" needs one vector, not 7 tokens at line 1, column 24"},
	{"(chain (tokens width=4))",
     "the output needs one vector, not 7 tokens at line 1, column 1"},
	{"(chain (tokens width=4)(conv2d width=3 count=3 rows=3))",
     "layer \"conv2d\" cannot lay 7 tokens in 3 rows at line 1, column 24"},
	{"(chain (dense width=4)(lstm width=3))",
     "layer \"lstm\" needs tokens, not a vector of 4 numbers at line 1, "
     "column 23"},
	{"(chain (tokens width=5000)(conv1d width=3 count=20))",
     "layer \"conv1d\" looks at 100000 numbers at once, at most 65536 at line "
     "1, column 27"},
	{"(chain (ensemble count=2 shared (tokens width=4)(gru width=3)))",
     "layer \"gru\" in an ensemble cannot be trained by the native executor "
     "yet at line 1, column 49"},
	{"(chain (dense width=4)(by_table (dense width=3)))",
     "layer \"by_table\" takes features: no layer can stand before it at line "
     "1, column 23"},
	{"(chain (dense width=4)(of_table table=q (dense width=3)))",
     "layer \"of_table\" takes features: no layer can stand before it at line "
     "1, column 23"},
	{"(chain (of_table table=q (dense width=3)))",
     "layer \"of_table\" finds no features of table \"q\" in FE at line 1, "
     "column 8"},
	{"(chain (by_table (chain (wide))))",
     "layer \"wide\" in by_table cannot be trained by the native executor yet "
     "at line 1, column 25"},
	{"(chain (pool_rows table=q (dense width=3)))",
     "layer \"pool_rows\" finds no arrays of table \"q\" in FE at line 1, "
     "column 8"},
	{"(chain (dense width=4)(pool_rows table=p (dense width=3)))",
     "layer \"pool_rows\" takes rows of a table: no layer can stand before it "
     "at line 1, column 23"},
	{"(chain (dense width=4)(features))",
     "layer \"features\" takes features: no layer can stand before it at line "
     "1, column 23"},
	{"(chain (dense width=4)(concat (wide)(chain (tokens width=4)(fm))))",
     "layer \"concat\" takes features: no layer can stand before it at line 1, "
     "column 23"},
	{"(chain (tokens width=9)(attention count=2))",
     "layer \"attention\" of 2 heads does not fit tokens of 9 at line 1, "
     "column 24"},
	{"(chain (dense width=4)(skip (dense width=5)))",
     "layer \"skip\" cannot put together 4 and 5 at line 1, column 23"},
	{"(chain (sum (dense width=4)(tokens width=4)))",
     "layer \"sum\" cannot put together 4 and 7 tokens of 4 at line 1, column "
     "8"},
	{"(chain (dense width=5)(glu))",
     "layer \"glu\" needs an even width, not 5 at line 1, column 23"},
	{"(chain (ensemble count=2 shared (ensemble count=2 (dense width=3))))",
     "layer \"ensemble\" in an ensemble cannot be trained by the native "
     "executor yet at line 1, column 33"},
	{"(chain (ensemble count=2 (dense width=3))(ensemble count=2 (dense "
     "width=3)))",
     "layer \"ensemble\" in an ensemble cannot be trained by the native "
     "executor yet at line 1, column 42"},
	{"(chain (ensemble (dense width=3)))",
     "an ensemble without members at line 1, column 8"},
	{"(chain (ensemble count=2 (activation function=relu)))",
     "nothing in the ensemble has weights at line 1, column 8"},
	{"(chain (dense width=0))",
     "a layer of 0 units, allowed are 1 to 65536 at line 1, column 8"},
	{"(chain (dropout dropout=1))",
     "dropout must be at least 0 and less than 1, got 1 at line 1, column 8"},
	{"(chain (ensemble count=2 shared (gate)))",
     "layer \"gate\" in an ensemble cannot be trained by the native executor "
     "yet at line 1, column 33"},
	{"(chain (ensemble count=2 shared (tokens width=4)(dense width=3)))",
     "layer \"dense\" on tokens in an ensemble cannot be trained by the native "
     "executor yet at line 1, column 49"},
};

static void
test_layers__do_not_fit(void **state)
{
	static const cer_text names[] = {{"a", 1}, {"b", 1}, {"c", 1}, {"d", 1}};
	cer_input_shape shape = {.n_numbers = 4,
	                         .number_names = names,
	                         .n_tables = 3,
	                         .tables = some_tables,
	                         .n_classes = 2};

	(void) state;
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++)
	{
		cer_arena *arena = cer_arena_new(&cer_host_plain);
		const cer_net *net;
		cer_error err;

		assert_int_not_equal(
			cer_net_make(arena, &shape,
		                 layer_text_read(arena, failures[i].structure), &net,
		                 &err),
			CER_OK);
		assert_string_equal(err.message, failures[i].message);
		cer_arena_free(arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layers__gradients),
		cmocka_unit_test(test_layers__gradients_over_sources),
		cmocka_unit_test(test_layers__gradients_of_mixes),
		cmocka_unit_test(test_layers__mixes_in_any_batch),
		cmocka_unit_test(test_layers__sizes),
		cmocka_unit_test(test_layers__empty),
		cmocka_unit_test(test_layers__operators),
		cmocka_unit_test(test_layers__scoring),
		cmocka_unit_test(test_layers__parts_of_tables),
		cmocka_unit_test(test_layers__bits_of_threads),
		cmocka_unit_test(test_layers__rates),
		cmocka_unit_test(test_layers__embed_decay),
		cmocka_unit_test(test_layers__do_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
