/*
 * train/run.c
 *	  One network trained on encoded rows.
 *
 *	 epoch: shuffle, batches (tiles, loss, blocks), validate, keep if best
 *
 * The last batch of an epoch may be smaller.  The best epoch is that of the
 * lowest log-loss on validation rows, or of the best of another metric.
 */
#include "train/run.h"
#include "base/error.h"
#include "base/size.h"
#include "nn/op_first.h"
#include "train/reason.h"
#include "train/schedule.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* ------------------------------------------------------------ making */

static cer_status
check_rows(const cer_run_config *config, cer_error *err)
{
	if (config->train->n_rows == 0)
	{
		cer_status status =
			cer_fail(err, CER_BAD_DATA, "there are no training rows");

		cer_error_set_hint(err, "Check the source and the split of the task.");
		return status;
	}
	if (config->valid->n_rows == 0)
	{
		cer_status status =
			cer_fail(err, CER_BAD_DATA, "there are no validation rows");

		cer_error_set_hint(err,
		                   "Give the split a larger share for validation.");
		return status;
	}
	for (size_t i = 1; i < config->train->n_rows; i++)
		if (config->train->labels[i] != config->train->labels[0])
			return CER_OK;
	return cer_fail(err, CER_BAD_DATA, "all %zu training rows are of one class",
	                config->train->n_rows);
}

static cer_status
allocate_results(cer_arena *arena, cer_run *run, cer_error *err)
{
	size_t weights_size = cer_size_multiply(run->net->n_weights, sizeof(float));
	size_t proba_size =
		cer_size_multiply(run->config.valid->n_rows,
	                      run->config.shape->n_classes * sizeof(float));

	run->best_weights = cer_arena_allocate(arena, weights_size);
	run->best_proba = cer_arena_allocate(arena, proba_size);
	run->proba = cer_arena_allocate(arena, proba_size);
	if (run->best_weights == NULL || run->best_proba == NULL ||
	    run->proba == NULL)
		return cer_fail_memory(err, weights_size + 2 * proba_size);
	return CER_OK;
}

/* By the number of training rows, as TabArena has it for tabm: small sets need
 * many steps. */
static size_t
choose_batch(size_t n_rows)
{
	static const struct
	{
		size_t n_rows; /* below */
		size_t batch;
	} steps[] = {{2800, 32},   {4500, 64},    {6400, 128},
	             {32000, 256}, {108000, 512}, {SIZE_MAX, 1024}};
	size_t i = 0;

	while (n_rows >= steps[i].n_rows)
		i++;
	return steps[i].batch;
}

/* No larger than the training rows: buffers are made for it. */
static size_t
get_batch(const cer_run_config *config)
{
	size_t batch = config->settings->batch;

	if (batch == 0)
		batch = choose_batch(config->train->n_rows);

	return batch < config->train->n_rows ? batch : config->train->n_rows;
}

/* Of all epochs that may come. */
static uint64_t
count_steps(const cer_run_config *config)
{
	size_t batch = get_batch(config);

	return (uint64_t) config->settings->epochs *
	       ((config->train->n_rows + batch - 1) / batch);
}

/* By class, so that their mean over the training rows is 1. */
static cer_status
make_class_weights(cer_arena *arena, const cer_run_config *config,
                   const double **weights, cer_error *err)
{
	const cer_settings *settings = config->settings;
	const cer_encoded *rows = config->train;
	size_t n = config->shape->n_classes;
	double *made;
	double sum = 0.0;

	if (settings->weighting == CER_CLASSES_AS_ROWS)
		return CER_OK;
	if (settings->weighting == CER_CLASSES_LISTED &&
	    settings->n_class_weights != n)
		return cer_fail(err, CER_BAD_VALUE,
		                "class_weights lists %zu weights, but there are %zu "
		                "classes",
		                settings->n_class_weights, n);
	made = cer_arena_allocate(arena, 2 * n * sizeof(*made));
	if (made == NULL)
		return cer_fail_memory(err, 2 * n * sizeof(*made));
	memset(made, 0, 2 * n * sizeof(*made));
	for (size_t i = 0; i < rows->n_rows; i++)
		made[n + rows->labels[i]]++;
	for (size_t i = 0; i < n; i++)
	{
		made[i] = settings->weighting == CER_CLASSES_LISTED
		              ? settings->class_weights[i]
		              : 1.0 / fmax(made[n + i], 1.0);
		sum += made[i] * made[n + i];
	}
	if (sum <= 0.0)
		return cer_fail(err, CER_BAD_VALUE,
		                "class_weights are 0 for all training rows");
	for (size_t i = 0; i < n; i++)
		made[i] *= (double) rows->n_rows / sum;
	*weights = made;
	return CER_OK;
}

static size_t
max(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* Tables of FE whose rows batches have several times. */
static cer_status
find_dimensions(cer_arena *arena, cer_run *run, cer_graph_config *graph,
                cer_error *err)
{
	const cer_host *host = run->config.host;
	cer_dimension_plan *plans;

	run->train = *run->config.train;
	run->valid = *run->config.valid;
	run->config.train = &run->train;
	run->config.valid = &run->valid;
	CER_TRY(cer_dimensions_plan(arena, run->net, &run->train, graph->batch,
	                            &plans, &graph->n_dimensions, err));
	if (graph->n_dimensions == 0)
		return CER_OK;
	CER_TRY(cer_dimensions_find(arena, host, run->net, plans,
	                            graph->n_dimensions, &run->train, err));
	CER_TRY(cer_dimensions_find(arena, host, run->net, plans,
	                            graph->n_dimensions, &run->valid, err));
	for (size_t i = 0; i < graph->n_dimensions; i++)
	{
		plans[i].n_pass = run->valid.dimensions[i].n_rows;
		plans[i].n_most = max(plans[i].n_pass, run->train.dimensions[i].n_rows);
	}
	graph->dimensions = plans;
	graph->repeats_rows = run->config.repeats_rows;
	return CER_OK;
}

cer_status
cer_run_make(cer_arena *arena, const cer_run_config *config, cer_run **run,
             cer_error *err)
{
	cer_run *made = cer_arena_allocate(arena, sizeof(*made));
	cer_graph_config graph = {.host = config->host,
	                          .kernels = config->kernels,
	                          .make_gemm = config->make_gemm,
	                          .bf16 = config->bf16,
	                          .batch = get_batch(config),
	                          .seed = config->settings->seed,
	                          .loss = {.smoothing = config->settings->smoothing,
	                                   .focal = config->settings->focal},
	                          .mixup = config->settings->mixup};

	if (made == NULL)
		return cer_fail_memory(err, sizeof(*made));
	CER_TRY(check_rows(config, err));
	memset(made, 0, sizeof(*made));
	made->config = *config;
	made->best_loss = INFINITY;
	made->least_loss = INFINITY;
	made->share = 1.0;
	CER_TRY(make_class_weights(arena, config, &graph.loss.class_weights, err));
	CER_TRY(
		cer_net_make(arena, config->shape, config->structure, &made->net, err));
	CER_TRY(cer_net_check_uses(arena, made->net, err));
	CER_TRY(find_dimensions(arena, made, &graph, err));
	if (graph.n_dimensions == 0)
		CER_TRY(cer_first_find_rare(arena, config->shape, config->train,
		                            &graph.rare, &graph.n_rare, err));
	CER_TRY(cer_graph_make(arena, made->net, &graph, &made->graph, err));
	CER_TRY(cer_optimizer_make(arena, made->graph, config->settings,
	                           &made->optimizer, err));
	made->optimizer->n_total = count_steps(config);
	if (config->settings->embed_decay > 0.0)
		CER_TRY(cer_optimizer_add_embed_decay(arena, made->optimizer,
		                                      config->train, err));
	CER_TRY(allocate_results(arena, made, err));
	made->order = (cer_order){.host = config->host,
	                          .kernels = config->kernels,
	                          .n_rows = config->train->n_rows,
	                          .window = config->settings->shuffle,
	                          .row_keys = config->train->row_keys};
	CER_TRY(cer_order_init(arena, &made->order, config->settings->seed, err));
	cer_net_init_weights(made->net, config->settings->seed,
	                     made->graph->weights);
	cer_graph_refresh(made->graph);
	if (config->settings->average > 0.0)
		CER_TRY(cer_average_make(arena, made->graph, config->settings->average,
		                         &made->average, err));
	*run = made;
	return CER_OK;
}

/* ------------------------------------------------------------ training */

static cer_status
check_cancel(const cer_run *run, cer_error *err)
{
	const cer_host *host = run->config.host;

	if (!host->is_canceled(host->self))
		return CER_OK;
	return cer_fail(err, CER_CANCELED, "training was canceled in epoch %u",
	                run->epoch + 1);
}

static cer_status
fail_not_finite(const cer_run *run, const char *what, size_t step,
                cer_error *err)
{
	cer_status status = cer_fail(
		err, CER_NOT_FINITE, "%s is not a finite number at epoch %u, step %zu",
		what, run->epoch + 1, step);

	cer_reason_explain(run, err);
	return status;
}

static cer_status
train_batch(cer_run *run, size_t step, size_t first, double *loss,
            cer_error *err)
{
	const cer_encoded *rows = run->config.train;
	size_t left = rows->n_rows - first;
	size_t batch_rows = get_batch(&run->config);
	cer_batch batch = {.rows = rows,
	                   .order = run->order.rows,
	                   .first = first,
	                   .n_rows = left < batch_rows ? left : batch_rows,
	                   .epoch = run->epoch + 1,
	                   .faded = cer_schedule_get_faded(run->config.settings,
	                                                   run->optimizer->n_steps,
	                                                   run->optimizer->n_total),
	                   .is_training = true};
	double sum = cer_graph_run(run->graph, &batch);

	if (!isfinite(sum))
		return fail_not_finite(run, "the loss", step, err);
	run->last_loss = sum / (double) batch.n_rows;
	run->least_loss = fmin(run->least_loss, run->last_loss);
	cer_optimizer_begin_step(run->optimizer);
	cer_graph_update(run->graph);
	cer_optimizer_end_step(run->optimizer);
	if (run->average != NULL)
		cer_average_update(run->average, run->optimizer->n_steps);
	*loss += sum;
	atomic_store_explicit(&run->status.n_done, first + batch.n_rows,
	                      memory_order_relaxed);
	atomic_store_explicit(&run->status.train_loss,
	                      *loss / (double) (first + batch.n_rows),
	                      memory_order_relaxed);
	return CER_OK;
}

static double
read_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec + 1e-9 * (double) now.tv_nsec;
}

static cer_status
train_epoch(cer_run *run, cer_epoch *report, cer_error *err)
{
	size_t n_rows = run->config.train->n_rows;
	size_t batch = get_batch(&run->config);
	double start = read_clock();
	double loss = 0.0;
	size_t step = 0;

	atomic_store(&run->status.n_done, 0);
	atomic_store(&run->status.epoch, run->epoch + 1);
	run->optimizer->rate =
		run->share *
		cer_settings_get_rate(run->config.settings, run->epoch + 1);
	cer_order_shuffle(&run->order, run->epoch + 1);
	for (size_t first = 0; first < n_rows; first += batch)
	{
		CER_TRY(check_cancel(run, err));
		CER_TRY(train_batch(run, ++step, first, &loss, err));
	}
	report->train_loss = loss / (double) n_rows;
	report->seconds = read_clock() - start;
	report->rows_per_second = (double) n_rows / report->seconds;
	return CER_OK;
}

/* ------------------------------------------------------------ validation */

static cer_status
predict_batches(cer_run *run, float *proba, cer_error *err)
{
	const cer_encoded *rows = run->config.valid;
	size_t n_classes = run->config.shape->n_classes;
	size_t batch = run->graph->batch_rows;

	for (size_t first = 0; first < rows->n_rows; first += batch)
	{
		size_t left = rows->n_rows - first;
		size_t n = left < batch ? left : batch;

		CER_TRY(check_cancel(run, err));
		cer_graph_predict(run->graph, rows, first, n,
		                  proba + first * n_classes);
	}
	return CER_OK;
}

static cer_status
predict_valid(cer_run *run, float *proba, cer_error *err)
{
	cer_status status;

	cer_graph_begin_pass(run->graph, run->config.valid);
	status = predict_batches(run, proba, err);
	cer_graph_end_pass(run->graph);
	return status;
}

/* The metrics of an epoch, and beside them the order of the next. */
typedef struct after_epoch
{
	cer_run *run;
	cer_epoch *report;
	cer_status status;
	cer_error *err;
} after_epoch;

static void
run_after_epoch(void *arg, size_t task)
{
	after_epoch *after = arg;
	cer_run *run = after->run;
	const cer_encoded *rows = run->config.valid;

	if (task == 0)
		after->status = cer_metrics_compute(
			run->config.host, rows->n_rows, run->config.shape->n_classes,
			run->proba, rows->labels, &after->report->valid, after->err);
	else
		cer_order_shuffle_ahead(&run->order, run->epoch + 2);
}

static cer_status
validate(cer_run *run, cer_epoch *report, cer_error *err)
{
	const cer_encoded *rows = run->config.valid;
	const cer_host *host = run->config.host;
	after_epoch after = {.run = run, .report = report, .err = err};
	bool has_next =
		run->epoch + 1 < cer_settings_get_last(run->config.settings);

	CER_TRY(cer_graph_keep(run->graph, run->config.train, err));
	CER_TRY(predict_valid(run, run->proba, err));
	for (size_t i = 0; i < rows->n_rows * run->config.shape->n_classes; i++)
		if (!isfinite(run->proba[i]))
			return fail_not_finite(run, "a validation score",
			                       run->optimizer->n_steps, err);
	host->run_tasks(host->self, run_after_epoch, &after, has_next ? 2 : 1);
	return after.status;
}

/* An AUC is no number where no class has rows of both sides. */
double
cer_run_get_loss(const cer_settings *settings, const cer_metrics *valid)
{
	double loss = valid->log_loss;

	if (settings->metric == CER_METRIC_AUC)
		loss = 1.0 - valid->auc;
	else if (settings->metric == CER_METRIC_ACCURACY)
		loss = 1.0 - valid->accuracy;
	return isnan(loss) ? INFINITY : loss;
}

static void
keep_best(cer_run *run, cer_epoch *report)
{
	double loss = cer_run_get_loss(run->config.settings, &report->valid);

	report->is_best = loss < run->best_loss || run->best_epoch == 0;
	if (!report->is_best)
		return;
	run->best_loss = loss;
	run->best_epoch = report->epoch;
	memcpy(run->best_weights, run->graph->weights,
	       run->net->n_weights * sizeof(float));
	memcpy(run->best_proba, run->proba,
	       run->config.valid->n_rows * run->config.shape->n_classes *
	           sizeof(float));
}

#define PLATEAU_EPOCHS 3
#define PLATEAU_FACTOR 0.3

/* A plateau: so many epochs without a better one lower the rate. */
static void
lower_rate(cer_run *run)
{
	uint32_t since =
		run->last_lower > run->best_epoch ? run->last_lower : run->best_epoch;

	if (run->config.settings->schedule != CER_SCHEDULE_PLATEAU ||
	    run->epoch - since < PLATEAU_EPOCHS)
		return;
	run->share *= PLATEAU_FACTOR;
	run->last_lower = run->epoch;
}

/* What becomes the model is validated: the mean of weights, if there is one. */
static cer_status
judge_epoch(cer_run *run, cer_epoch *report, cer_error *err)
{
	cer_status status;

	if (run->average != NULL)
		cer_average_swap(run->average);
	status = validate(run, report, err);
	if (status == CER_OK)
		keep_best(run, report);
	if (run->average != NULL)
		cer_average_swap(run->average);
	return status;
}

bool
cer_run_is_finished(const cer_run *run)
{
	const cer_settings *settings = run->config.settings;

	if (run->epoch >= cer_settings_get_last(settings))
		return true;
	return settings->patience > 0 &&
	       run->epoch - run->best_epoch >= settings->patience;
}

cer_status
cer_run_epoch(cer_run *run, cer_epoch *report, bool *is_finished,
              cer_error *err)
{
	cer_epoch made = {.epoch = run->epoch + 1};

	if (cer_run_is_finished(run))
		return cer_fail(err, CER_BAD_CALL,
		                "training is finished after epoch %u", run->epoch);
	CER_TRY(train_epoch(run, &made, err));
	CER_TRY(judge_epoch(run, &made, err));
	run->epoch++;
	lower_rate(run);
	*report = made;
	*is_finished = cer_run_is_finished(run);
	return CER_OK;
}

/* ------------------------------------------------------------ states */

void
cer_run_get_state(const cer_run *run, cer_run_state *state)
{
	*state = (cer_run_state){
		.epoch = run->epoch,
		.best_epoch = run->best_epoch,
		.best_loss = run->best_loss,
		.n_steps = run->optimizer->n_steps,
		.share = run->share,
		.last_lower = run->last_lower,
		.n_before = run->optimizer->n_before,
		.weights = run->graph->weights,
		.m = run->optimizer->m,
		.v = run->optimizer->v,
		.best = run->best_weights,
		.average = run->average ? run->average->weights : NULL,
	};
}

static void
set_weights(cer_run *run, const float *weights)
{
	memcpy(run->graph->weights, weights, run->net->n_weights * sizeof(float));
	cer_graph_refresh(run->graph);
}

/* The best epoch's scores are not part of a state: its weights make them. */
cer_status
cer_run_set_state(cer_run *run, const cer_run_state *state, cer_error *err)
{
	size_t size = run->net->n_weights * sizeof(float);

	if (run->epoch > 0 || state->epoch == 0 || state->best_epoch == 0 ||
	    state->best_epoch > state->epoch)
		return cer_fail(err, CER_BAD_CALL,
		                "a state of epoch %u cannot follow epoch %u",
		                state->epoch, run->epoch);
	if ((state->v == NULL) != (run->optimizer->v == NULL) ||
	    (state->average == NULL) != (run->average == NULL))
		return cer_fail(err, CER_BAD_FORMAT,
		                "the state is of another optimizer");
	set_weights(run, state->best);
	CER_TRY(predict_valid(run, run->best_proba, err));
	memcpy(run->best_weights, state->best, size);
	set_weights(run, state->weights);
	memcpy(run->optimizer->m, state->m, size);
	if (state->v != NULL)
		memcpy(run->optimizer->v, state->v, size);
	if (state->average != NULL)
		memcpy(run->average->weights, state->average, size);
	run->optimizer->n_steps = state->n_steps;
	run->share = state->share;
	run->last_lower = state->last_lower;
	run->optimizer->n_before = state->n_before;
	run->best_epoch = state->best_epoch;
	run->best_loss = state->best_loss;
	run->epoch = state->epoch;
	atomic_store(&run->status.epoch, run->epoch);
	return CER_OK;
}

cer_status
cer_run_begin_with(cer_run *run, const cer_run_state *state, cer_metrics *valid,
                   cer_error *err)
{
	size_t size = run->net->n_weights * sizeof(float);
	cer_epoch report = {0};

	if (run->epoch > 0)
		return cer_fail(err, CER_BAD_CALL, "training has begun already");
	set_weights(run, state->weights);
	if (run->average != NULL)
		memcpy(run->average->weights, state->weights, size);
	CER_TRY(validate(run, &report, err));
	*valid = report.valid;
	if (state->m == NULL)
		return CER_OK;
	memcpy(run->optimizer->m, state->m, size);
	if (run->optimizer->v != NULL && state->v != NULL)
		memcpy(run->optimizer->v, state->v, size);
	run->optimizer->n_before = state->n_before;
	return CER_OK;
}
