/*
 * test_state.c
 *	  A training that stops and goes on elsewhere ends with the bits of one that
 *	  never stopped; what is no state of it is refused.
 */
#include "cerebro.h"

#include "cmocka_all.h"
#include "failing_host.h"
#include "rows.h"
#include "store/state.h"
#include "tasks_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FE     "FE *, hour : onehot, city : embed(3) AS mlp(16, 8) PT batch = 64, "
#define EPOCHS 7

/* One training with all that it needs. */
typedef struct training
{
	cer_arena *arena;
	cer_dataset *dataset;
	cer_trainer *trainer;
} training;

static test_rows *rows;

static int
set_up(void **state)
{
	test_random random;

	(void) state;
	random_init(&random);
	rows = rows_make(&random, 600, false);
	return 0;
}

static int
tear_down(void **state)
{
	(void) state;
	rows_free(rows);
	return 0;
}

static void
assert_ok(cer_status status, const cer_error *err)
{
	if (status != CER_OK)
		fail_msg("%s", err->message);
}

static void
training_init(training *t, const cer_host *host, const char *mst)
{
	static const arrival in_order = {0};
	cer_column columns[ROWS_N_INPUTS];
	const cer_mst *parsed;
	const cer_plan *plan;
	cer_error err;

	t->arena = cer_arena_new(&cer_host_plain);
	rows_get_columns(rows, columns);
	assert_ok(rows_load(rows, host, &in_order, &t->dataset, &err), &err);
	assert_ok(
		cer_mst_parse(t->arena, (cer_text){mst, strlen(mst)}, &parsed, &err),
		&err);
	assert_ok(
		cer_plan_make(t->arena, parsed, columns, ROWS_N_INPUTS, &plan, &err),
		&err);
	assert_ok(
		cer_trainer_new(host, parsed, plan, t->dataset, &t->trainer, &err),
		&err);
}

static void
training_release(training *t)
{
	cer_trainer_free(t->trainer);
	cer_dataset_free(t->dataset);
	cer_arena_free(t->arena);
}

static void
run_epochs(training *t, size_t n, cer_epoch *epochs)
{
	bool is_finished = false;
	cer_error err;

	for (size_t i = 0; i < n && !cer_trainer_is_finished(t->trainer); i++)
		assert_ok(
			cer_trainer_run_epoch(t->trainer, &epochs[i], &is_finished, &err),
			&err);
}

static void
assert_same_parts(const cer_part *a, size_t n_a, const cer_part *b, size_t n_b)
{
	assert_int_equal(n_a, n_b);
	for (size_t i = 0; i < n_a; i++)
	{
		assert_int_equal(a[i].kind, b[i].kind);
		assert_int_equal(a[i].size, b[i].size);
		assert_memory_equal(a[i].data, b[i].data, a[i].size);
	}
}

static void
get_state(training *t, const cer_part **parts, size_t *n_parts)
{
	cer_error err;

	assert_ok(cer_trainer_get_state(t->arena, t->trainer, parts, n_parts, &err),
	          &err);
}

/* States and models of both; metrics of what was trained by both. */
static void
assert_same(training *a, training *b)
{
	const cer_part *parts[2];
	size_t n[2];
	cer_error err;

	get_state(a, &parts[0], &n[0]);
	get_state(b, &parts[1], &n[1]);
	assert_same_parts(parts[0], n[0], parts[1], n[1]);
	assert_ok(
		cer_trainer_make_parts(a->arena, a->trainer, &parts[0], &n[0], &err),
		&err);
	assert_ok(
		cer_trainer_make_parts(b->arena, b->trainer, &parts[1], &n[1], &err),
		&err);
	/* the header has another triple where fewer epochs were asked for */
	assert_same_parts(parts[0] + 1, n[0] - 1, parts[1] + 1, n[1] - 1);
}

static void
check_going_on(const char *pt, size_t stop, size_t n_threads)
{
	char mst[256];
	cer_epoch straight_epochs[EPOCHS] = {0};
	cer_epoch epochs[EPOCHS] = {0};
	training straight;
	training first;
	training second;
	tasks_host host;
	const cer_part *parts;
	size_t n_parts;
	cer_error err;

	tasks_host_init(&host, n_threads);
	snprintf(mst, sizeof(mst), FE "epochs = %d, %s", EPOCHS, pt);
	training_init(&straight, &cer_host_plain, mst);
	run_epochs(&straight, EPOCHS, straight_epochs);
	snprintf(mst, sizeof(mst), FE "epochs = %zu, %s", stop, pt);
	training_init(&first, &cer_host_plain, mst);
	run_epochs(&first, stop, epochs);
	assert_true(cer_trainer_is_finished(first.trainer));
	get_state(&first, &parts, &n_parts);
	snprintf(mst, sizeof(mst), FE "epochs = %d, %s", EPOCHS, pt);
	training_init(&second, &host.host, mst);
	assert_ok(cer_trainer_set_state(second.trainer, parts, n_parts, &err),
	          &err);
	run_epochs(&second, EPOCHS - stop, epochs + stop);
	assert_true(cer_trainer_is_finished(second.trainer));
	for (size_t i = 0; i < EPOCHS; i++)
	{
		assert_int_equal(epochs[i].epoch, straight_epochs[i].epoch);
		assert_int_equal(epochs[i].is_best, straight_epochs[i].is_best);
		assert_true(epochs[i].train_loss == straight_epochs[i].train_loss);
		assert_true(epochs[i].valid.log_loss ==
		            straight_epochs[i].valid.log_loss);
	}
	assert_same(&straight, &second);
	training_release(&straight);
	training_release(&first);
	training_release(&second);
}

static void
test_state__goes_on_with_the_same_bits(void **state)
{
	static const char *const pts[] = {
		"patience = 0, adamw(lr = 0.01), dropout = 0.1",
		"patience = 0, adam(lr = 0.3)", /* the best epoch comes early */
		"patience = 0, sgd(lr = 0.1, momentum = 0.9)",
		"patience = 0, nadam(lr = 0.3), schedule = plateau",
		"patience = 0, nadam(lr = 0.05), average = 0.9",
		"patience = 0, lr = pieces(0.01, 2, 0.3), average = 0.99",
		"patience = 0, adamw(lr = 0.05), mixup = 0.4",
		"patience = 0, muon(lr = 0.01), clip = 0.5, dropout = 0.1"};

	(void) state;
	for (size_t i = 0; i < sizeof(pts) / sizeof(pts[0]); i++)
		for (size_t stop = 1; stop < EPOCHS; stop += 2)
			check_going_on(pts[i], stop, 1 + i);
}

/* A best epoch that is not the last one has its weights in the state. */
static void
test_state__keeps_the_best_epoch(void **state)
{
	training t;
	const cer_part *parts;
	cer_epoch epochs[EPOCHS];
	size_t n_parts;
	size_t n_best = 0;

	(void) state;
	training_init(&t, &cer_host_plain,
	              FE "epochs = 7, patience = 0, adam(lr = 0.3)");
	run_epochs(&t, EPOCHS, epochs);
	get_state(&t, &parts, &n_parts);
	for (size_t i = 0; i < n_parts; i++)
		n_best += parts[i].kind == CER_PART_BEST;
	assert_int_equal(n_best > 0, !epochs[EPOCHS - 1].is_best);
	training_release(&t);
}

/* In the middle of the epoch that follows, where polls are that many. */
static void
check_stop(const char *pt, size_t last, size_t n_polls)
{
	char mst[256];
	cer_epoch epochs[EPOCHS] = {0};
	training cut;
	training asked;
	tasks_host host;
	const cer_part *parts[2];
	size_t n[2];
	bool is_finished;
	cer_train_status now;
	cer_error err;

	tasks_host_init(&host, 2);
	snprintf(mst, sizeof(mst), FE "epochs = %d, %s", EPOCHS, pt);
	training_init(&cut, &host.host, mst);
	run_epochs(&cut, last, epochs);
	host.cancel_at = host.n_asked + n_polls;
	assert_int_equal(
		cer_trainer_run_epoch(cut.trainer, &epochs[last], &is_finished, &err),
		CER_CANCELED);
	assert_ok(cer_trainer_stop(cut.trainer, &err), &err);
	assert_true(cer_trainer_is_finished(cut.trainer));
	cer_trainer_get_status(cut.trainer, &now);
	assert_int_equal(now.epoch, last);
	assert_int_equal(now.n_epochs, last);
	snprintf(mst, sizeof(mst), FE "epochs = %d, stop = %zu, %s", EPOCHS, last,
	         pt);
	training_init(&asked, &cer_host_plain, mst);
	run_epochs(&asked, EPOCHS, epochs);
	cer_trainer_get_status(asked.trainer, &now);
	assert_int_equal(now.epoch, last);
	assert_ok(
		cer_trainer_make_parts(cut.arena, cut.trainer, &parts[0], &n[0], &err),
		&err);
	assert_ok(cer_trainer_make_parts(asked.arena, asked.trainer, &parts[1],
	                                 &n[1], &err),
	          &err);
	assert_same_parts(parts[0], n[0], parts[1], n[1]);
	training_release(&cut);
	training_release(&asked);
}

/* Cut off, it is what the triple makes that ends there, header included. */
static void
test_trainer_stop__is_the_triple_that_ends_there(void **state)
{
	static const char *const pts[] = {
		"patience = 0, lr = 0.01, schedule = cosine, dropout = 0.1",
		"patience = 0, adam(lr = 0.3)", /* the best epoch comes early */
		"patience = 3, nadam(lr = 0.05), average = 0.9"};

	(void) state;
	for (size_t i = 0; i < sizeof(pts) / sizeof(pts[0]); i++)
		for (size_t last = 1; last < 4; last++)
			check_stop(pts[i], last, last);
}

static void
test_trainer_stop__needs_an_epoch(void **state)
{
	training t;
	cer_error err;

	(void) state;
	training_init(&t, &cer_host_plain, FE "epochs = 2");
	assert_int_equal(cer_trainer_stop(t.trainer, &err), CER_BAD_CALL);
	assert_string_equal(err.message, "no epoch is done yet");
	training_release(&t);
}

/* Changes one thing about good parts and expects a refusal. */
static void
expect_refusal(const char *mst, const cer_part *parts, size_t n_parts,
               const char *message)
{
	training t;
	cer_error err;

	training_init(&t, &cer_host_plain, mst);
	assert_int_not_equal(cer_trainer_set_state(t.trainer, parts, n_parts, &err),
	                     CER_OK);
	if (strstr(err.message, message) == NULL)
		fail_msg("\"%s\" is not \"%s\"", err.message, message);
	training_release(&t);
}

static void
test_state_unpack__refuses_what_does_not_fit(void **state)
{
	static const char mst[] = FE "epochs = 2, adamw(lr = 0.01)";
	training t;
	const cer_part *parts;
	cer_part *changed;
	cer_epoch epochs[2];
	size_t n;
	cer_error err;

	(void) state;
	training_init(&t, &cer_host_plain, mst);
	assert_int_equal(
		cer_trainer_get_state(t.arena, t.trainer, &parts, &n, &err),
		CER_BAD_CALL);
	run_epochs(&t, 2, epochs);
	get_state(&t, &parts, &n);
	assert_int_equal(cer_trainer_set_state(t.trainer, parts, n, &err),
	                 CER_BAD_CALL);
	expect_refusal(mst, parts, 0, "damaged");
	expect_refusal(mst, parts, n - 1, "");
	expect_refusal("FE *, hour : onehot, city : embed(3) AS mlp(16, 9)", parts,
	               n, "does not fit tensor");
	expect_refusal("FE *, hour : onehot AS mlp(16, 8)", parts, n,
	               "does not fit tensor");

	expect_refusal(FE "epochs = 2, sgd(lr = 0.1)", parts, n, "damaged");

	changed = malloc(n * sizeof(*changed));
	memcpy(changed, parts, n * sizeof(*changed));
	changed[0].size--;
	expect_refusal(mst, changed, n, "damaged");
	changed[0] = parts[0];
	changed[0].data = "\377 wrong version of the state";
	expect_refusal(mst, changed, n, "unknown version");
	changed[0] = parts[0];
	changed[n - 1].size -= sizeof(float);
	expect_refusal(mst, changed, n, "does not fit");
	changed[n - 1] = parts[n - 1];
	changed[1].data = malloc(parts[1].size);
	memset((void *) (uintptr_t) changed[1].data, 0xff, parts[1].size);
	expect_refusal(mst, changed, n, "damaged");
	free((void *) (uintptr_t) changed[1].data);
	free(changed);
	training_release(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_state__goes_on_with_the_same_bits),
		cmocka_unit_test(test_state__keeps_the_best_epoch),
		cmocka_unit_test(test_trainer_stop__is_the_triple_that_ends_there),
		cmocka_unit_test(test_trainer_stop__needs_an_epoch),
		cmocka_unit_test(test_state_unpack__refuses_what_does_not_fit),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
