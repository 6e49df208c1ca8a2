/*
 * test_recipe.c
 *	  What PT adds to plain steps: schedules, dropout that fades, the metric of
 *	  the best epoch, clipping for any number of threads.  Steps beside PyTorch: test_golden.c.
 */
#include "train/run.h"

#include "cmocka_all.h"
#include "net_case.h"
#include "tasks_host.h"
#include "train/schedule.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ----------------------------------------------------------- schedules */

static double
share(cer_schedule schedule, double warmup, uint64_t step)
{
	cer_settings settings = {.schedule = schedule, .warmup = warmup};

	return cer_schedule_get_share(&settings, step, 1000);
}

static void
assert_near(double value, double expected)
{
	if (fabs(value - expected) > 1e-9)
		fail_msg("%.12g is not %.12g", value, expected);
}

static void
test_schedule__values(void **state)
{
	(void) state;
	assert_near(share(CER_SCHEDULE_CONSTANT, 0, 999), 1);
	assert_near(share(CER_SCHEDULE_COSINE, 0, 0), 1);
	assert_near(share(CER_SCHEDULE_COSINE, 0, 500), 0.5);
	assert_near(share(CER_SCHEDULE_COSINE, 0, 250), 0.5 + sqrt(0.125));
	assert_near(share(CER_SCHEDULE_ONECYCLE, 0, 0), 0.04);
	assert_near(share(CER_SCHEDULE_ONECYCLE, 0, 150), 0.52);
	assert_near(share(CER_SCHEDULE_ONECYCLE, 0, 300), 1);
	assert_near(share(CER_SCHEDULE_ONECYCLE, 0, 650), 0.500002);
	assert_near(share(CER_SCHEDULE_COSLOG, 0, 0), 0);
	/* log2(1 + 15 t) = 1, 2: a whole wave each */
	assert_near(share(CER_SCHEDULE_COSLOG, 0, 200), 0);
	assert_true(share(CER_SCHEDULE_COSLOG, 0, 28) > 0.99);
	assert_true(share(CER_SCHEDULE_COSLOG, 0, 122) > 0.99);
}

static void
test_schedule__warms_up(void **state)
{
	(void) state;
	assert_near(share(CER_SCHEDULE_CONSTANT, 0.1, 0), 0.01);
	assert_near(share(CER_SCHEDULE_CONSTANT, 0.1, 49), 0.5);
	assert_near(share(CER_SCHEDULE_CONSTANT, 0.1, 99), 1);
	assert_near(share(CER_SCHEDULE_CONSTANT, 0.1, 100), 1);
	/* half of the warm-up's 900 steps, of a rate that has fallen a little */
	assert_near(share(CER_SCHEDULE_COSINE, 0.9, 449),
	            0.5 * share(CER_SCHEDULE_COSINE, 0, 449));
}

static void
test_schedule__stays_a_share(void **state)
{
	(void) state;
	for (int schedule = CER_SCHEDULE_CONSTANT; schedule <= CER_SCHEDULE_COSLOG;
	     schedule++)
		for (uint64_t step = 0; step < 1000; step++)
		{
			double value = share((cer_schedule) schedule, 0.2, step);

			assert_true(value >= 0 && value <= 1);
		}
}

static void
test_schedule__fades(void **state)
{
	cer_settings half = {.fade = 0.5};
	cer_settings all = {.fade = 1};
	cer_settings none = {.fade = 0};

	(void) state;
	assert_near(cer_schedule_get_faded(&half, 0, 1000), 0);
	assert_near(cer_schedule_get_faded(&half, 500, 1000), 0);
	assert_near(cer_schedule_get_faded(&half, 750, 1000), 0.5);
	assert_near(cer_schedule_get_faded(&half, 1000, 1000), 1);
	assert_near(cer_schedule_get_faded(&all, 0, 1000), 0);
	assert_near(cer_schedule_get_faded(&all, 250, 1000), 0.5 - sqrt(0.125));
	for (uint64_t step = 0; step <= 1000; step++)
		assert_near(cer_schedule_get_faded(&none, step, 1000), 0);
}

/* ----------------------------------------------------------- dropout */

static void
init_dropout(net_case *c, const char *structure, const char *dropout)
{
	static const cer_table_shape few[] = {{{"x", 1}, 5, 0}};
	static char text[300];
	net_case_spec spec = {.n_numbers = 4,
	                      .n_tables = 1,
	                      .tables = few,
	                      .n_classes = 3,
	                      .text = text,
	                      .n_rows = 90,
	                      .batch = 90,
	                      .kernels = cer_kernels_choose()->name};

	snprintf(text, sizeof(text), structure, dropout);
	net_case_init(c, &spec);
}

/* What is left of a dropout when so much of it is gone. */
static void
assert_leaves(const char *structure, const char *dropout, double faded,
              const char *left)
{
	net_case c;
	net_case less;
	cer_batch batch = {.n_rows = 90, .epoch = 2, .is_training = true};
	double loss;

	init_dropout(&less, structure, left);
	batch.rows = &less.rows;
	loss = cer_graph_run(less.graph, &batch);
	cer_graph_update(less.graph);
	init_dropout(&c, structure, dropout);
	batch.rows = &c.rows;
	batch.faded = faded;
	assert_true(cer_graph_run(c.graph, &batch) == loss);
	cer_graph_update(c.graph);
	assert_memory_equal(c.graph->grads, less.graph->grads,
	                    c.net->n_weights * sizeof(float));
	batch.faded = 0;
	assert_true(cer_graph_run(c.graph, &batch) != loss);
	net_case_release(&c);
	net_case_release(&less);
}

static void
test_fade__leaves_less_dropout(void **state)
{
	static const char *const structures[] = {
		"(chain (dense width=40)(activation function=relu)(dropout "
		"dropout=%s))",
		"(chain (dense width=40)(activation function=gelu)(dropout "
		"dropout=%s))",
		"(chain (dense width=40 initial=lecun)(activation function=selu)"
		"(dropout dropout=%s alpha))",
		"(chain (tokens width=24)(attention count=2 dropout=%s)(pool "
		"pool=mean))",
	};

	(void) state;
	for (size_t i = 0; i < sizeof(structures) / sizeof(structures[0]); i++)
	{
		assert_leaves(structures[i], "0.4", 0.5, "0.2");
		assert_leaves(structures[i], "0.4", 1, "0");
	}
}

/* ----------------------------------------------------------- training */

static const cer_text names[] = {{"a", 1}, {"b", 1}};
static const cer_table_shape tables[] = {{{"x", 1}, 5, 0}, {{"y", 1}, 40, 3}};
static const cer_input_shape shape = {2, names, 2, tables, 2};
static const mlp_layer layers[] = {{24, CER_RELU, 0.1}};

static const cer_settings usual = {.optimizer = CER_ADAMW,
                                   .lr = 0.02,
                                   .beta1 = 0.9,
                                   .beta2 = 0.999,
                                   .epsilon = 1e-8,
                                   .batch = 64,
                                   .epochs = 12,
                                   .seed = 11};

static cer_run *
train(cer_arena *arena, const cer_settings *settings, const cer_host *host,
      cer_epoch *epochs)
{
	static cer_encoded train_rows;
	static cer_encoded valid_rows;
	cer_run_config config = {.host = host,
	                         .kernels = cer_kernels_choose(),
	                         .make_gemm = cer_gemm_make_xsmm,
	                         .shape = &shape,
	                         .settings = settings,
	                         .train = &train_rows,
	                         .valid = &valid_rows};
	bool is_finished = false;
	cer_error err = {0};
	cer_run *run;

	train_rows = net_case_make_rows(arena, &shape, 700, 1);
	valid_rows = net_case_make_rows(arena, &shape, 200, 2);
	config.structure = make_mlp(arena, layers, 1);
	if (cer_run_make(arena, &config, &run, &err) != CER_OK)
		fail_msg("%s", err.message);
	for (size_t n = 0; !is_finished; n++)
		if (cer_run_epoch(run, &epochs[n], &is_finished, &err) != CER_OK)
			fail_msg("%s", err.message);
	return run;
}

static double
get_score(const cer_epoch *epoch, cer_metric metric)
{
	if (metric == CER_METRIC_AUC)
		return epoch->valid.auc;
	return metric == CER_METRIC_ACCURACY ? epoch->valid.accuracy
	                                     : -epoch->valid.log_loss;
}

static void
test_run__keeps_the_best_by_its_metric(void **state)
{
	(void) state;
	for (int metric = CER_METRIC_LOG_LOSS; metric <= CER_METRIC_ACCURACY;
	     metric++)
	{
		cer_arena *arena = cer_arena_new(&cer_host_plain);
		cer_settings settings = usual;
		cer_epoch epochs[12];
		size_t best = 0;
		cer_run *run;

		settings.metric = (cer_metric) metric;
		run = train(arena, &settings, &cer_host_plain, epochs);
		for (size_t i = 1; i < 12; i++)
			if (get_score(&epochs[i], (cer_metric) metric) >
			    get_score(&epochs[best], (cer_metric) metric))
				best = i;
		assert_int_equal(run->best_epoch, best + 1);
		cer_arena_free(arena);
	}
}

/* The rate of epochs is what their piece, and plateaus before them, make it. */
static void
test_run__has_the_rate_of_its_epoch(void **state)
{
	static const cer_piece pieces[] = {{0.02, 3}, {0.005, 7}, {0.001, 0}};
	cer_settings settings = usual;
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	cer_epoch epochs[12];
	cer_run *run;

	(void) state;
	settings.pieces = pieces;
	settings.n_pieces = 3;
	assert_near(cer_settings_get_rate(&settings, 1), 0.02);
	assert_near(cer_settings_get_rate(&settings, 3), 0.02);
	assert_near(cer_settings_get_rate(&settings, 4), 0.005);
	assert_near(cer_settings_get_rate(&settings, 7), 0.005);
	assert_near(cer_settings_get_rate(&settings, 8), 0.001);
	run = train(arena, &settings, &cer_host_plain, epochs);
	assert_near(run->optimizer->rate, 0.001);
	cer_arena_free(arena);
}

static void
test_run__lowers_the_rate_on_a_plateau(void **state)
{
	cer_settings settings = usual;
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	cer_epoch epochs[12];
	cer_run *run;
	uint32_t best = 0;
	uint32_t last = 0;
	double expected = 1.0;

	(void) state;
	settings.schedule = CER_SCHEDULE_PLATEAU;
	settings.lr = 0.3; /* the best epoch comes early */
	run = train(arena, &settings, &cer_host_plain, epochs);
	for (uint32_t i = 0; i < 12; i++)
	{
		best = epochs[i].is_best ? i + 1 : best;
		if (i + 1 - (best > last ? best : last) < 3)
			continue;
		expected *= 0.3;
		last = i + 1;
	}
	assert_true(expected < 1.0);
	assert_near(run->share, expected);
	assert_int_equal(run->last_lower, last);
	cer_arena_free(arena);
}

/* The mean is what a step-by-step sum makes it, and what is validated. */
static void
test_average__is_the_mean_of_the_weights(void **state)
{
	cer_settings settings = usual;
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	cer_epoch epochs[12];
	cer_run *run;
	cer_average *average;
	cer_error err;
	float mean;

	(void) state;
	settings.average = 0.9;
	settings.epochs = 2;
	run = train(arena, &settings, &cer_host_plain, epochs);
	assert_memory_not_equal(run->average->weights, run->graph->weights,
	                        run->net->n_weights * sizeof(float));
	if (run->best_epoch == 2)
		assert_memory_equal(run->best_weights, run->average->weights,
		                    run->net->n_weights * sizeof(float));
	assert_int_equal(cer_average_make(arena, run->graph, 0.5, &average, &err),
	                 CER_OK);
	mean = run->graph->weights[0];
	for (uint64_t step = 1; step < 20; step++)
	{
		double share = (1.0 + (double) step) / (10.0 + (double) step);

		run->graph->weights[0] += 1.0f;
		cer_average_update(average, step);
		mean += (float) (1.0 - (share < 0.5 ? share : 0.5)) *
		        (run->graph->weights[0] - mean);
		assert_true(average->weights[0] == mean);
	}
	cer_average_swap(average);
	assert_true(run->graph->weights[0] == mean);
	cer_arena_free(arena);
}

/* Balanced classes count alike; the mean over rows stays 1. */
static void
test_run__weighs_classes(void **state)
{
	static const double weights[] = {1, 3};
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	cer_settings settings = usual;
	cer_epoch epochs[12];
	const double *found;
	double rows[2] = {0, 0};
	cer_run *run;

	(void) state;
	settings.weighting = CER_CLASSES_BALANCED;
	run = train(arena, &settings, &cer_host_plain, epochs);
	found = run->graph->loss.class_weights;
	for (size_t i = 0; i < run->config.train->n_rows; i++)
		rows[run->config.train->labels[i]]++;
	assert_near(found[0] * rows[0], found[1] * rows[1]);
	assert_near(found[0] * rows[0] + found[1] * rows[1], rows[0] + rows[1]);
	settings.weighting = CER_CLASSES_LISTED;
	settings.class_weights = weights;
	settings.n_class_weights = 2;
	run = train(arena, &settings, &cer_host_plain, epochs);
	found = run->graph->loss.class_weights;
	assert_near(found[1], 3 * found[0]);
	assert_near(found[0] * rows[0] + found[1] * rows[1], rows[0] + rows[1]);
	cer_arena_free(arena);
}

/* With a schedule, clipping and smoothing the bits are the same, too. */
static void
test_run__recipes_have_bits_of_threads(void **state)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	cer_settings settings = usual;
	cer_epoch epochs[12];
	tasks_host tasks;
	cer_run *one;
	cer_run *many;

	(void) state;
	settings.clip = 0.1;
	settings.smoothing = 0.1;
	settings.schedule = CER_SCHEDULE_ONECYCLE;
	settings.mixup = 0.3;
	settings.fade = 0.6;
	settings.average = 0.99;
	settings.optimizer = CER_NADAM;
	settings.momentum_decay = 0.004;
	settings.weighting = CER_CLASSES_BALANCED;
	one = train(arena, &settings, &cer_host_plain, epochs);
	tasks_host_init(&tasks, 3);
	many = train(arena, &settings, &tasks.host, epochs);
	assert_memory_equal(one->best_weights, many->best_weights,
	                    one->net->n_weights * sizeof(float));
	cer_arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_schedule__values),
		cmocka_unit_test(test_schedule__warms_up),
		cmocka_unit_test(test_schedule__stays_a_share),
		cmocka_unit_test(test_schedule__fades),
		cmocka_unit_test(test_fade__leaves_less_dropout),
		cmocka_unit_test(test_run__keeps_the_best_by_its_metric),
		cmocka_unit_test(test_run__has_the_rate_of_its_epoch),
		cmocka_unit_test(test_run__lowers_the_rate_on_a_plateau),
		cmocka_unit_test(test_average__is_the_mean_of_the_weights),
		cmocka_unit_test(test_run__weighs_classes),
		cmocka_unit_test(test_run__recipes_have_bits_of_threads),
	};

	return cmocka_run_group_tests_name("recipe", tests, NULL, NULL);
}
