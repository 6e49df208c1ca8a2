/*
 * test_run.c
 *	  A network trained on encoded rows: it learns, stops early, keeps the best
 *	  epoch, can be canceled, fails with a reason, and gives the same bits for
 *	  any number of threads.
 */
#include "train/run.h"

#include "cmocka_all.h"
#include "failing_host.h"
#include "net_case.h"
#include "tasks_host.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const cer_text names[] = {{"a", 1}, {"b", 1}, {"c", 1}};
static const cer_table_shape tables[] = {{{"x", 1}, 5, 0}, {{"y", 1}, 40, 3}};
static const cer_input_shape shape = {3, names, 2, tables, 2};
static const mlp_layer layers[] = {{24, CER_RELU, 0.1}};

static const cer_settings usual = {.optimizer = CER_ADAM,
                                   .lr = 0.01,
                                   .beta1 = 0.9,
                                   .beta2 = 0.999,
                                   .epsilon = 1e-8,
                                   .batch = 64,
                                   .epochs = 4,
                                   .seed = 11};

typedef struct run_case
{
	cer_arena *arena;
	cer_settings settings;
	cer_encoded train;
	cer_encoded valid;
	cer_run_config config;
	cer_run *run;
} run_case;

/* Labels that numbers and codes tell, but for a tenth of the rows. */
static cer_encoded
make_rows(cer_arena *arena, size_t n_rows, uint64_t seed)
{
	cer_encoded rows = net_case_make_rows(arena, &shape, n_rows, seed);
	uint16_t *labels =
		cer_arena_allocate(arena, (n_rows + 1) * sizeof(*labels));

	for (size_t i = 0; i < n_rows; i++)
	{
		float z = rows.numbers[3 * i] - rows.numbers[3 * i + 1] +
		          (float) (rows.codes[2 * i] % 3) - 1 +
		          (float) (rows.codes[2 * i + 1] % 2);

		labels[i] = (z > 0.5f) ^ (rows.row_keys[i] % 10 == 0);
	}
	rows.labels = labels;
	return rows;
}

static void
init_case(run_case *c, const cer_settings *settings, const cer_host *host)
{
	memset(c, 0, sizeof(*c));
	c->arena = cer_arena_new(&cer_host_plain);
	c->settings = *settings;
	c->train = make_rows(c->arena, 1000, 1);
	c->valid = make_rows(c->arena, 300, 2);
	c->config = (cer_run_config){
		.host = host,
		.kernels = cer_kernels_choose(),
		.make_gemm = cer_gemm_make_xsmm,
		.shape = &shape,
		.structure = make_mlp(c->arena, layers, 1),
		.settings = &c->settings,
		.train = &c->train,
		.valid = &c->valid,
	};
}

static void
start(run_case *c)
{
	cer_error err;

	if (cer_run_make(c->arena, &c->config, &c->run, &err) != CER_OK)
		fail_msg("%s", err.message);
}

static size_t
run_all(run_case *c, cer_epoch *epochs)
{
	bool is_finished = false;
	size_t n = 0;
	cer_error err;

	while (!is_finished)
		if (cer_run_epoch(c->run, &epochs[n++], &is_finished, &err) != CER_OK)
			fail_msg("%s", err.message);
	return n;
}

static void
test_run__learns(void **state)
{
	static const cer_optimizer optimizers[] = {CER_SGD, CER_ADAM, CER_ADAMW};

	(void) state;
	for (size_t i = 0; i < 3; i++)
	{
		cer_settings settings = usual;
		cer_epoch epochs[30];
		run_case c;

		settings.optimizer = optimizers[i];
		settings.momentum = 0.9;
		settings.epochs = 30;
		settings.lr = i == 0 ? 0.1 : 0.01;
		init_case(&c, &settings, &cer_host_plain);
		start(&c);
		assert_int_equal(run_all(&c, epochs), 30);
		assert_true(epochs[0].train_loss > 0.55);
		assert_true(c.run->best_loss < 0.45);
		assert_int_equal(epochs[29].epoch, 30);
		assert_int_equal(epochs[29].valid.n_rows, 300);
		assert_true(epochs[29].valid.auc > 0.8);
		assert_true(epochs[29].rows_per_second > 0);
		cer_arena_free(c.arena);
	}
}

/* The scores kept are those of the weights kept, of the best epoch. */
static void
test_run__keeps_the_best_epoch(void **state)
{
	cer_settings settings = usual;
	cer_epoch epochs[60];
	float proba[600];
	cer_metrics metrics;
	run_case c;
	size_t n;

	(void) state;
	settings.lr = 0.05;
	settings.epochs = 60;
	settings.patience = 5;
	init_case(&c, &settings, &cer_host_plain);
	start(&c);
	n = run_all(&c, epochs);
	assert_true(n < 60);
	assert_int_equal(n, c.run->best_epoch + 5);
	for (size_t i = 0; i < n; i++)
	{
		bool is_best = true;

		for (size_t j = 0; j < i; j++)
			is_best &= epochs[i].valid.log_loss < epochs[j].valid.log_loss;
		assert_int_equal(epochs[i].is_best, is_best);
	}
	assert_true(epochs[c.run->best_epoch - 1].is_best);
	memcpy(c.run->graph->weights, c.run->best_weights,
	       c.run->net->n_weights * sizeof(float));
	cer_graph_refresh(c.run->graph);
	for (size_t first = 0; first < 300; first += 64)
		cer_graph_predict(c.run->graph, &c.valid, first,
		                  first + 64 < 300 ? 64 : 300 - first,
		                  proba + 2 * first);
	assert_memory_equal(proba, c.run->best_proba, sizeof(proba));
	assert_int_equal(cer_metrics_compute(&cer_host_plain, 300, 2, proba,
	                                     c.valid.labels, &metrics, NULL),
	                 CER_OK);
	assert_true(metrics.log_loss == c.run->best_loss);
	cer_arena_free(c.arena);
}

static void
test_run__ends_once(void **state)
{
	cer_settings settings = usual;
	cer_epoch epoch;
	bool is_finished;
	cer_error err;
	run_case c;

	(void) state;
	settings.epochs = 1;
	init_case(&c, &settings, &cer_host_plain);
	start(&c);
	assert_int_equal(cer_run_epoch(c.run, &epoch, &is_finished, &err), CER_OK);
	assert_true(is_finished);
	assert_int_equal(atomic_load(&c.run->status.n_done), 1000);
	assert_int_equal(atomic_load(&c.run->status.epoch), 1);
	assert_true(
		fabs(atomic_load(&c.run->status.train_loss) - epoch.train_loss) < 1e-9);
	assert_int_equal(cer_run_epoch(c.run, &epoch, &is_finished, &err),
	                 CER_BAD_CALL);
	assert_string_equal(err.message, "training is finished after epoch 1");
	cer_arena_free(c.arena);
}

/* ------------------------------------------------------------------ bits */

static float *
train_with(size_t n_threads, uint64_t seed, size_t *size)
{
	tasks_host host;
	cer_settings settings = usual;
	cer_epoch epochs[4];
	float *weights;
	run_case c;

	tasks_host_init(&host, n_threads);
	settings.seed = seed;
	settings.batch = 300;
	init_case(&c, &settings, &host.host);
	start(&c);
	run_all(&c, epochs);
	*size = c.run->net->n_weights * sizeof(float);
	weights = malloc(*size);
	memcpy(weights, c.run->best_weights, *size);
	cer_arena_free(c.arena);
	return weights;
}

static void
test_run__bits_of_threads(void **state)
{
	static const size_t counts[] = {2, 3, 7, 16};
	size_t size;
	float *expected = train_with(1, 5, &size);
	float *other = train_with(1, 6, &size);

	(void) state;
	for (size_t i = 0; i < 4; i++)
	{
		float *weights = train_with(counts[i], 5, &size);

		assert_memory_equal(weights, expected, size);
		free(weights);
	}
	assert_memory_not_equal(other, expected, size);
	free(expected);
	free(other);
}

/* ------------------------------------------------------------------ failure */

static void
check_fails(run_case *c, cer_status status, const char *message)
{
	cer_error err = {0};
	cer_run *untouched = NULL;

	assert_int_equal(cer_run_make(c->arena, &c->config, &untouched, &err),
	                 status);
	assert_string_equal(err.message, message);
	assert_null(untouched);
	cer_arena_free(c->arena);
}

static void
test_run__rejects_rows(void **state)
{
	static uint16_t ones[1000];
	run_case c;

	(void) state;
	init_case(&c, &usual, &cer_host_plain);
	c.train.n_rows = 0;
	check_fails(&c, CER_BAD_DATA, "there are no training rows");
	init_case(&c, &usual, &cer_host_plain);
	c.valid.n_rows = 0;
	check_fails(&c, CER_BAD_DATA, "there are no validation rows");
	init_case(&c, &usual, &cer_host_plain);
	c.train.labels = ones;
	check_fails(&c, CER_BAD_DATA, "all 1000 training rows are of one class");
}

static void
test_run__rejects_nets(void **state)
{
	static const mlp_layer empty[] = {{0, CER_RELU, 0}};
	static const mlp_layer dropping[] = {{4, CER_RELU, 1.0}};
	static const cer_table_shape huge[] = {{{"id", 2}, 1u << 30, 8}};
	cer_input_shape none = {0, NULL, 0, NULL, 2};
	cer_input_shape one_class = shape;
	cer_input_shape large = {0, NULL, 1, huge, 2};
	run_case c;

	(void) state;
	one_class.n_classes = 1;
	init_case(&c, &usual, &cer_host_plain);
	c.config.structure = make_mlp(c.arena, empty, 1);
	check_fails(
		&c, CER_BAD_VALUE,
		"a layer of 0 units, allowed are 1 to 65536 at line 1, column 1");
	init_case(&c, &usual, &cer_host_plain);
	c.config.structure = make_mlp(c.arena, dropping, 1);
	check_fails(
		&c, CER_BAD_VALUE,
		"dropout must be at least 0 and less than 1, got 1 at line 1, column 1");
	init_case(&c, &usual, &cer_host_plain);
	c.config.shape = &none;
	check_fails(&c, CER_BAD_DATA, "network has no inputs");
	init_case(&c, &usual, &cer_host_plain);
	c.config.shape = &one_class;
	check_fails(&c, CER_BAD_DATA, "network needs at least two classes, got 1");
	init_case(&c, &usual, &cer_host_plain);
	c.config.shape = &large;
	check_fails(&c, CER_TOO_BIG,
	            "network has more than 1073741824 weights at \"id\"");
}

static void
test_run__loss_that_is_not_finite(void **state)
{
	cer_settings settings = usual;
	cer_epoch epoch;
	cer_status status = CER_OK;
	bool is_finished = false;
	cer_error err = {0};
	run_case c;

	(void) state;
	settings.optimizer = CER_SGD;
	settings.lr = 1e30;
	init_case(&c, &settings, &cer_host_plain);
	start(&c);
	status = cer_run_epoch(c.run, &epoch, &is_finished, &err);
	assert_int_equal(status, CER_NOT_FINITE);
	assert_string_equal(err.message,
	                    "the loss is not a finite number at epoch 1, step 2");
	assert_non_null(strstr(err.detail, "numbers can hold, first in layer "));
	assert_string_equal(err.hint,
	                    "Lower the learning rate, for example lr = 1e+29.");
	cer_arena_free(c.arena);
}

/* At whichever batch, of training or of validation. */
static void
test_run__cancel(void **state)
{
	size_t n_canceled = 0;
	bool is_finished = false;

	(void) state;
	while (!is_finished)
	{
		cer_settings settings = usual;
		cer_status status;
		tasks_host host;
		cer_epoch epoch;
		cer_error err;
		run_case c;

		settings.epochs = 1;
		tasks_host_init(&host, 1);
		host.cancel_at = n_canceled;
		init_case(&c, &settings, &host.host);
		start(&c);
		status = cer_run_epoch(c.run, &epoch, &is_finished, &err);
		if (!is_finished)
		{
			assert_int_equal(status, CER_CANCELED);
			assert_string_equal(err.message,
			                    "training was canceled in epoch 1");
			n_canceled++;
		}
		cer_arena_free(c.arena);
	}
	/* 1000 rows and 300 in batches of 64 */
	assert_int_equal(n_canceled, 16 + 5);
}

static cer_status
make_and_free(cer_arena *arena, void *arg)
{
	run_case *c = arg;

	return cer_run_make(arena, &c->config, &c->run, NULL);
}

static void
test_run__without_memory(void **state)
{
	run_case c;

	(void) state;
	init_case(&c, &usual, &cer_host_plain);
	assert_true(failing_host_run_arena(make_and_free, &c) > 5);
	cer_arena_free(c.arena);
}

/* ------------------------------------------------------------------ order */

static void
shuffle(cer_arena *arena, cer_order *order, const cer_encoded *rows,
        uint64_t seed)
{
	*order = (cer_order){.host = &cer_host_plain,
	                     .kernels = cer_kernels_choose(),
	                     .n_rows = rows->n_rows,
	                     .row_keys = rows->row_keys};
	assert_int_equal(cer_order_init(arena, order, seed, NULL), CER_OK);
	cer_order_shuffle(order, 3);
}

/* Taking every third row away leaves the others in their order. */
static void
test_order__of_fewer_rows(void **state)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	cer_encoded all = net_case_make_rows(arena, &shape, 40000, 3);
	cer_encoded some = net_case_make_rows(arena, &shape, 40000, 3);
	uint64_t *keys = cer_arena_allocate(arena, 40000 * sizeof(*keys));
	size_t at = 0;
	cer_order order;
	cer_order fewer;

	(void) state;
	some.n_rows = 0;
	for (size_t i = 0; i < 40000; i++)
		if (i % 3 != 0)
			keys[some.n_rows++] = all.row_keys[i];
	some.row_keys = keys;
	shuffle(arena, &order, &all, 1);
	shuffle(arena, &fewer, &some, 1);
	for (size_t i = 0; i < 40000; i++)
		if (order.rows[i] % 3 != 0)
			assert_int_equal(all.row_keys[order.rows[i]],
			                 keys[fewer.rows[at++]]);
	assert_int_equal(at, some.n_rows);
	cer_arena_free(arena);
}

/* A permutation, another one each epoch, that moves rows far. */
static void
test_order__is_a_permutation(void **state)
{
	enum
	{
		N = 10000
	};
	static bool seen[N];
	static uint32_t before[N];
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	cer_encoded rows = net_case_make_rows(arena, &shape, N, 3);
	size_t n_same = 0;
	double distance = 0;
	cer_order order;

	(void) state;
	shuffle(arena, &order, &rows, 1);
	for (size_t i = 0; i < N; i++)
	{
		assert_false(seen[order.rows[i]]);
		seen[order.rows[i]] = true;
		distance += fabs((double) order.rows[i] - (double) i) / N;
	}
	assert_true(fabs(distance / N - 1.0 / 3) < 0.02);
	memcpy(before, order.rows, sizeof(before));
	cer_order_shuffle(&order, 4);
	for (size_t i = 0; i < N; i++)
		n_same += before[i] == order.rows[i];
	assert_true(n_same < 20);
	cer_arena_free(arena);
}

/* Windows in random order, their rows too; one that has all rows is none. */
static void
test_order__by_windows(void **state)
{
	enum
	{
		N = 10500,
		WINDOW = 1000
	};
	static bool seen[N];
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	cer_encoded rows = net_case_make_rows(arena, &shape, N, 3);
	size_t n_moved = 0;
	size_t n_changes = 0;
	cer_order whole;
	cer_order wide;
	cer_order order;

	(void) state;
	shuffle(arena, &whole, &rows, 1);
	wide = whole;
	wide.window = N;
	assert_int_equal(cer_order_init(arena, &wide, 1, NULL), CER_OK);
	cer_order_shuffle(&wide, 3);
	assert_memory_equal(wide.rows, whole.rows, N * sizeof(uint32_t));
	order = whole;
	order.window = WINDOW;
	assert_int_equal(cer_order_init(arena, &order, 1, NULL), CER_OK);
	cer_order_shuffle(&order, 3);
	for (size_t i = 0; i < N; i++)
	{
		assert_false(seen[order.rows[i]]);
		seen[order.rows[i]] = true;
		n_moved += order.rows[i] % WINDOW != i % WINDOW;
		n_changes +=
			i > 0 && order.rows[i] / WINDOW != order.rows[i - 1] / WINDOW;
	}
	assert_int_equal(n_changes, (N - 1) / WINDOW); /* each at once */
	assert_true(n_moved > N * 9 / 10);
	assert_true(order.rows[0] / WINDOW != 0 ||
	            order.rows[WINDOW] / WINDOW != 1); /* windows, too */
	cer_arena_free(arena);
}

/* As a task beside others or on all threads: the same order. */
static void
test_order__ahead(void **state)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	cer_encoded rows = net_case_make_rows(arena, &shape, 40000, 3);
	cer_order order;
	cer_order ahead;

	(void) state;
	shuffle(arena, &order, &rows, 1);
	shuffle(arena, &ahead, &rows, 1);
	cer_order_shuffle_ahead(&ahead, 4);
	assert_memory_not_equal(ahead.rows, order.rows, 40000 * sizeof(uint32_t));
	cer_order_shuffle(&order, 4);
	assert_memory_equal(ahead.rows, order.rows, 40000 * sizeof(uint32_t));
	ahead.rows[0] = UINT32_MAX;
	cer_order_shuffle(&ahead, 4);
	assert_int_equal(ahead.rows[0], UINT32_MAX); /* it was made */
	cer_order_shuffle(&ahead, 5);
	assert_int_not_equal(ahead.rows[0], UINT32_MAX);
	cer_arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_run__learns),
		cmocka_unit_test(test_run__keeps_the_best_epoch),
		cmocka_unit_test(test_run__ends_once),
		cmocka_unit_test(test_run__bits_of_threads),
		cmocka_unit_test(test_run__rejects_rows),
		cmocka_unit_test(test_run__rejects_nets),
		cmocka_unit_test(test_run__loss_that_is_not_finite),
		cmocka_unit_test(test_run__cancel),
		cmocka_unit_test(test_run__without_memory),
		cmocka_unit_test(test_order__of_fewer_rows),
		cmocka_unit_test(test_order__is_a_permutation),
		cmocka_unit_test(test_order__by_windows),
		cmocka_unit_test(test_order__ahead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
