/*
 * test_golden.c
 *	  Small nets beside what PyTorch computed with them: probabilities, loss,
 *	  gradients, weights after five steps of each optimizer; losses of epochs
 *	  whose rate a plateau lowers, and of a mean of weights.
 *
 * test/reference/train.py wrote the files in test/golden; names say what.
 * Tolerances: outputs 1e-5, gradients 1e-4 relative with 1e-6 absolute (they
 * are sums of float32), weights after steps 1e-4 with 2e-5.
 */
#include "cmocka_all.h"
#include "golden.h"
#include "net_case.h"
#include "train/run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LAYERS 8
#define N_STEPS    5

typedef struct mlp_golden
{
	golden common;
	mlp_layer layers[MAX_LAYERS];
	size_t n_layers;
	cer_loss loss;
	double mixup;
} mlp_golden;

/* ------------------------------------------------------------------ files */

static cer_activation
find_activation(const char *name)
{
	int i = 0;

	while (strcmp(cer_activation_name((cer_activation) i), name) != 0)
		assert_true(++i < CER_N_ACTIVATIONS);
	return (cer_activation) i;
}

static void
read_head(golden *g, FILE *file)
{
	mlp_golden *net = (mlp_golden *) g;
	char activation[32];
	size_t n_units;

	assert_int_equal(fscanf(file, "net %zu %zu %zu %zu %31s %zu",
	                        &g->shape.n_numbers, &g->shape.n_tables,
	                        &g->shape.n_classes, &net->n_layers, activation,
	                        &g->n_rows),
	                 6);
	golden_read_tables(g, file);
	for (size_t i = 0; i < net->n_layers; i++)
	{
		assert_int_equal(fscanf(file, " units %zu", &n_units), 1);
		net->layers[i] = (mlp_layer){.units = n_units,
		                             .activation = find_activation(activation)};
	}
}

/* ------------------------------------------------------------------ checks */

typedef struct golden_run
{
	cer_arena *arena;
	const golden *g;
	const cer_net *net;
	cer_graph *graph;
	cer_encoded rows;
	cer_batch batch;
} golden_run;

static void
start(golden_run *run, const golden *g, const cer_kernels *kernels)
{
	const mlp_golden *net = (const mlp_golden *) g;
	cer_graph_config config = {&cer_host_plain, kernels, cer_gemm_make_xsmm,
	                           g->n_rows,       1,       net->loss};
	cer_error err;

	config.mixup = net->mixup;
	/* libxsmm stays with the class that it made kernels for first */
	if (kernels != cer_kernels_choose())
		config.make_gemm = cer_gemm_make_plain;
	run->arena = cer_arena_new(&cer_host_plain);
	run->g = g;
	run->rows = (cer_encoded){g->n_rows, golden_find(g, "numbers", "-")->values,
	                          g->codes, g->labels, g->row_keys};
	run->batch = (cer_batch){.rows = &run->rows,
	                         .n_rows = g->n_rows,
	                         .epoch = 1,
	                         .is_training = true};
	if (cer_net_make(run->arena, &g->shape,
	                 make_mlp(run->arena, net->layers, net->n_layers),
	                 &run->net, &err) != CER_OK ||
	    cer_graph_make(run->arena, run->net, &config, &run->graph, &err) !=
	        CER_OK)
		fail_msg("%s", err.message);
	for (size_t i = 0; i < run->net->n_tensors; i++)
	{
		const cer_net_tensor *tensor = &run->net->tensors[i];
		const golden_array *array = golden_find(g, "weight", tensor->name.data);

		assert_int_equal(array->n, tensor->size);
		memcpy(run->graph->weights + tensor->offset, array->values,
		       tensor->size * sizeof(float));
	}
	cer_graph_refresh(run->graph);
}

static void
check_values(const golden_array *expected, const float *values, double relative,
             double absolute)
{
	for (size_t i = 0; i < expected->n; i++)
	{
		double e = expected->values[i];

		if (!(fabs(values[i] - e) <= absolute + relative * fabs(e)))
			fail_msg("%s %s[%zu]: %.9g, PyTorch has %.9g", expected->what,
			         expected->name, i, (double) values[i], e);
	}
}

static void
check_tensors(const golden_run *run, const char *what, const float *flat,
              double absolute)
{
	for (size_t i = 0; i < run->net->n_tensors; i++)
	{
		const cer_net_tensor *tensor = &run->net->tensors[i];

		check_values(golden_find(run->g, what, tensor->name.data),
		             flat + tensor->offset, 1e-4, absolute);
	}
}

static void
check_gradients(const golden *g, const cer_kernels *kernels)
{
	float *proba = calloc(g->n_rows * g->shape.n_classes, sizeof(float));
	golden_run run;
	float loss;

	start(&run, g, kernels);
	cer_graph_predict(run.graph, &run.rows, 0, g->n_rows, proba);
	check_values(golden_find(g, "proba", "-"), proba, 1e-5, 1e-7);
	loss = (float) (cer_graph_run(run.graph, &run.batch) / (double) g->n_rows);
	check_values(golden_find(g, "loss", "-"), &loss, 1e-5, 0);
	cer_graph_update(run.graph);
	check_tensors(&run, "gradient", run.graph->grads, 1e-6);
	cer_arena_free(run.arena);
	free(proba);
}

typedef struct golden_optimizer
{
	const char *name;
	cer_settings settings;
} golden_optimizer;

static const golden_optimizer optimizers[] = {
	{"sgd", {.optimizer = CER_SGD, .lr = 0.1, .momentum = 0.9}},
	{"sgd_decay", {.optimizer = CER_SGD, .lr = 0.1, .decay = 0.05}},
	{"adam",
     {.optimizer = CER_ADAM,
      .lr = 0.01,
      .beta1 = 0.9,
      .beta2 = 0.999,
      .epsilon = 1e-8}},
	{"adam_decay",
     {.optimizer = CER_ADAM,
      .lr = 0.01,
      .beta1 = 0.8,
      .beta2 = 0.99,
      .epsilon = 1e-6,
      .decay = 0.05}},
	{"adamw",
     {.optimizer = CER_ADAMW,
      .lr = 0.01,
      .beta1 = 0.9,
      .beta2 = 0.999,
      .epsilon = 1e-8,
      .decay = 0.1}},
};

static void
check_steps(const golden *g, const cer_kernels *kernels,
            const golden_optimizer *optimizer)
{
	golden_run run;
	cer_optimizer_state *state;
	cer_error err;

	start(&run, g, kernels);
	assert_int_equal(cer_optimizer_make(run.arena, run.graph,
	                                    &optimizer->settings, &state, &err),
	                 CER_OK);
	state->n_total = N_STEPS;
	for (int i = 0; i < N_STEPS; i++)
	{
		cer_graph_run(run.graph, &run.batch);
		cer_optimizer_begin_step(state);
		cer_graph_update(run.graph);
		cer_optimizer_end_step(state);
	}
	check_tensors(&run, optimizer->name, run.graph->weights, 2e-5);
	cer_arena_free(run.arena);
}

#define ADAM .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8

/* Clipping and schedules, with labels smoothed by 0.15. */
static const golden_optimizer recipes[] = {
	{"sgd_clip",
     {.optimizer = CER_SGD, .lr = 0.1, .momentum = 0.9, .clip = 0.05}},
	{"adamw_cosine",
     {.optimizer = CER_ADAMW,
      .lr = 0.01,
      ADAM,
      .decay = 0.1,
      .schedule = CER_SCHEDULE_COSINE}},
	{"adam_onecycle",
     {.optimizer = CER_ADAM,
      .lr = 0.01,
      ADAM,
      .clip = 100,
      .schedule = CER_SCHEDULE_ONECYCLE}},
	{"sgd_coslog",
     {.optimizer = CER_SGD, .lr = 0.1, .schedule = CER_SCHEDULE_COSLOG}},
	{"adamw_warm",
     {.optimizer = CER_ADAMW,
      .lr = 0.01,
      ADAM,
      .decay = 0.1,
      .clip = 0.2,
      .warmup = 0.7,
      .schedule = CER_SCHEDULE_COSINE}},
	{"adamw_fade",
     {.optimizer = CER_ADAMW, .lr = 0.01, ADAM, .decay = 0.5, .fade = 0.8}},
};

static void
check_golden(const char *name)
{
	static const char *const classes[] = {"plain", "avx2", "avx512"};
	golden *g = golden_read(sizeof(mlp_golden), "train", name, read_head);

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
	{
		const cer_kernels *kernels = cer_kernels_find(classes[i]);

		if (kernels == NULL)
			continue;
		check_gradients(g, kernels);
		for (size_t j = 0; j < sizeof(optimizers) / sizeof(optimizers[0]); j++)
			check_steps(g, kernels, &optimizers[j]);
	}
	golden_free(g);
}

static void
test_golden__activations(void **state)
{
	(void) state;
	for (int i = 0; i < CER_N_ACTIVATIONS; i++)
		check_golden(cer_activation_name((cer_activation) i));
}

static void
test_golden__linear(void **state)
{
	(void) state;
	check_golden("linear");
}

static void
test_golden__one_row(void **state)
{
	(void) state;
	check_golden("one_row");
}

static void
test_golden__recipes(void **state)
{
	golden *g = golden_read(sizeof(mlp_golden), "train", "recipe", read_head);

	(void) state;
	((mlp_golden *) g)->loss.smoothing = 0.15;
	check_gradients(g, cer_kernels_choose());
	for (size_t i = 0; i < sizeof(recipes) / sizeof(recipes[0]); i++)
		check_steps(g, cer_kernels_choose(), &recipes[i]);
	golden_free(g);
}

static const golden_optimizer nadams[] = {
	{"nadam",
     {.optimizer = CER_NADAM, .lr = 0.01, ADAM, .momentum_decay = 0.004}},
	{"nadam_decay",
     {.optimizer = CER_NADAM,
      .lr = 0.02,
      .beta1 = 0.8,
      .beta2 = 0.99,
      .epsilon = 1e-6,
      .decay = 0.05,
      .momentum_decay = 0.05}},
};

static const golden_optimizer muons[] = {
	{"muon", {.optimizer = CER_MUON, .lr = 0.01, ADAM, .momentum = 0.95}},
	{"muon_decay",
     {.optimizer = CER_MUON,
      .lr = 0.02,
      .beta1 = 0.8,
      .beta2 = 0.99,
      .epsilon = 1e-6,
      .decay = 0.05,
      .momentum = 0.8}},
	{"muon_clip",
     {.optimizer = CER_MUON, .lr = 0.01, ADAM, .momentum = 0.95, .clip = 0.05}},
};

/* Matrices of the net are (9, 5), (5, 12) and (12, 7). */
static void
test_golden__muon(void **state)
{
	static const char *const classes[] = {"plain", "avx2", "avx512"};
	golden *g = golden_read(sizeof(mlp_golden), "train", "muon", read_head);

	(void) state;
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		for (size_t j = 0; j < sizeof(muons) / sizeof(muons[0]); j++)
			if (cer_kernels_find(classes[i]) != NULL)
				check_steps(g, cer_kernels_find(classes[i]), &muons[j]);
	golden_free(g);
}

static void
check_loss(const char *name, const cer_loss *loss)
{
	golden *g = golden_read(sizeof(mlp_golden), "train", name, read_head);

	((mlp_golden *) g)->loss = *loss;
	check_gradients(g, cer_kernels_choose());
	for (size_t i = 0; i < sizeof(nadams) / sizeof(nadams[0]); i++)
		check_steps(g, cer_kernels_choose(), &nadams[i]);
	golden_free(g);
}

static void
test_golden__losses(void **state)
{
	static const double weights[] = {0.25, 1.0, 3.0};
	cer_loss focal = {.focal = 2.0};
	cer_loss weighted = {.class_weights = weights};

	(void) state;
	check_loss("focal", &focal);
	check_loss("weighted", &weighted);
}

/* Rows have keys 1, 2, ..., by which both sides draw the shares of seed 1. */
static void
check_mixup(const char *name, const cer_loss *loss)
{
	static const char *const classes[] = {"plain", "avx2", "avx512"};
	golden *g = golden_read(sizeof(mlp_golden), "train", name, read_head);

	((mlp_golden *) g)->loss = *loss;
	((mlp_golden *) g)->mixup = 0.4;
	for (size_t i = 0; i < g->n_rows; i++)
		g->row_keys[i] = i + 1;
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
	{
		const cer_kernels *kernels = cer_kernels_find(classes[i]);

		if (kernels == NULL)
			continue;
		check_gradients(g, kernels);
		for (size_t j = 0; j < sizeof(nadams) / sizeof(nadams[0]); j++)
			check_steps(g, kernels, &nadams[j]);
	}
	golden_free(g);
}

static void
test_golden__mixup(void **state)
{
	static const double weights[] = {0.25, 1.0, 3.0};
	cer_loss smoothed = {.smoothing = 0.15};
	cer_loss focal = {.focal = 2.0, .class_weights = weights};

	(void) state;
	check_mixup("mixup", &smoothed);
	check_mixup("mixup_focal", &focal);
}

/* ------------------------------------------------------------ epochs */

/* Rows that are validated. */
static cer_encoded
make_valid(cer_arena *arena, const golden *g)
{
	const golden_array *codes = golden_find(g, "valid_codes", "-");
	const golden_array *labels = golden_find(g, "valid_labels", "-");
	uint32_t *own_codes =
		cer_arena_allocate(arena, codes->n * sizeof(*own_codes));
	uint16_t *own_labels =
		cer_arena_allocate(arena, labels->n * sizeof(*own_labels));

	for (size_t i = 0; i < codes->n; i++)
		own_codes[i] = (uint32_t) codes->values[i];
	for (size_t i = 0; i < labels->n; i++)
		own_labels[i] = (uint16_t) labels->values[i];
	return (cer_encoded){labels->n,
	                     golden_find(g, "valid_numbers", "-")->values,
	                     own_codes, own_labels, g->row_keys};
}

/* Epochs of one batch; what is to be seen after each, and at the end. */
static void
check_epochs(const golden *g, const char *what, double average)
{
	golden_run begin;
	const golden_array *losses = golden_find(g, "losses", what);
	cer_settings settings = {.optimizer = CER_SGD,
	                         .lr = 0.5,
	                         .momentum = 0.9,
	                         .schedule = CER_SCHEDULE_PLATEAU,
	                         .average = average,
	                         .batch = g->n_rows,
	                         .epochs = losses->n};
	cer_run_config config = {.host = &cer_host_plain,
	                         .kernels = cer_kernels_choose(),
	                         .make_gemm = cer_gemm_make_xsmm,
	                         .shape = &g->shape,
	                         .settings = &settings};
	cer_run_state state = {0};
	cer_encoded valid;
	cer_metrics metrics;
	cer_run *run;
	float rate;

	start(&begin, g, cer_kernels_choose());
	valid = make_valid(begin.arena, g);
	config.structure = begin.net->structure;
	config.train = &begin.rows;
	config.valid = &valid;
	assert_int_equal(cer_run_make(begin.arena, &config, &run, NULL), CER_OK);
	state.weights = begin.graph->weights;
	assert_int_equal(cer_run_begin_with(run, &state, &metrics, NULL), CER_OK);
	for (size_t i = 0; i < losses->n; i++)
	{
		bool is_finished;
		cer_epoch epoch;

		assert_int_equal(cer_run_epoch(run, &epoch, &is_finished, NULL),
		                 CER_OK);
		if (!(fabs(epoch.valid.log_loss - losses->values[i]) <= 1e-4))
			fail_msg("%s: loss %g after epoch %zu, PyTorch has %g", what,
			         epoch.valid.log_loss, i + 1, (double) losses->values[i]);
	}
	cer_run_get_state(run, &state);
	rate = (float) (settings.lr * state.share);
	check_values(golden_find(g, "rate", what), &rate, 1e-6, 0);
	check_tensors(&begin, what, average > 0.0 ? state.average : state.weights,
	              1e-4);
	cer_arena_free(begin.arena);
}

static void
test_golden__epochs(void **state)
{
	golden *g = golden_read(sizeof(mlp_golden), "train", "epochs", read_head);

	(void) state;
	check_epochs(g, "plateau", 0.0);
	check_epochs(g, "average", 0.8);
	golden_free(g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden__activations),
		cmocka_unit_test(test_golden__linear),
		cmocka_unit_test(test_golden__muon),
		cmocka_unit_test(test_golden__one_row),
		cmocka_unit_test(test_golden__recipes),
		cmocka_unit_test(test_golden__losses),
		cmocka_unit_test(test_golden__mixup),
		cmocka_unit_test(test_golden__epochs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
