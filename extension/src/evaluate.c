/*
 * evaluate.c
 *	  Opening the test rows: evaluate(model).
 *
 * The only code that reads rows of the test part for a metric.  Each opening
 * leaves a row in cerebro.evaluation, which is there to stay when the model is
 * dropped or the transaction rolled back: a test part that was looked at often
 * tells less.
 */
#include "fe.h"
#include "model_copy.h"
#include "model_rows.h"
#include "opening.h"

#include <math.h>

#include "access/htup_details.h"
#include "commands/extension.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

/* Rows scored at once: their values and activations fit the cache. */
#define BLOCK_ROWS 128

/* What dictionary codes of one input are to the model. */
typedef struct CodeMap
{
	size_t n_values;   /* of one code */
	cer_value *values; /* by code of the read */
	size_t n_codes;
	size_t capacity;
} CodeMap;

/* A sink that scores what it gets. */
typedef struct Evaluation
{
	const cer_model *model;
	ModelRows *tensor_rows; /* of tensors above model_memory, or NULL */
	const cer_model *copy;  /* to be compared with it, or NULL */
	size_t n_inputs;
	size_t n_values;
	size_t n_classes;
	const ReadPlan *plan;
	CodeMap *maps; /* one per input */

	/* one block */
	cer_value *values;
	void *scratch;
	void *copy_scratch;

	/* all rows */
	size_t n_rows;
	size_t capacity;
	float *proba;      /* (n_rows, n_classes) */
	float *copy_proba; /* the same by the copy */
	uint16 *labels;
	uint64 *keys;
} Evaluation;

PG_FUNCTION_INFO_V1(cerebro_evaluate);

/* ------------------------------------------------------------------- sink */

static void
take_values(void *self, size_t input, uint32 first, const cer_text *values,
            size_t n_values)
{
	Evaluation *evaluation = self;
	CodeMap *map = &evaluation->maps[input];
	size_t n_codes = (size_t) first + n_values;

	if (n_codes > map->capacity)
	{
		map->capacity = Max(n_codes, 2 * map->capacity);
		map->values = repalloc_huge(map->values, map->capacity * map->n_values *
		                                             sizeof(cer_value));
	}
	for (size_t i = 0; i < n_values; i++)
		cer_model_encode_text(evaluation->model, input, values[i],
		                      map->values + (first + i) * map->n_values, 1);
	map->n_codes = n_codes;
}

static void
put_values(const Evaluation *evaluation, const cer_chunk *chunk, size_t input,
           size_t row, cer_value *to)
{
	const void *column = chunk->columns[input];
	const CodeMap *map = &evaluation->maps[input];
	uint32 code;

	switch (evaluation->plan->inputs[input].storage)
	{
		case CER_FLOAT32:
			to->number = ((const float *) column)[row];
			return;
		case CER_FLOAT64:
			to->number = ((const double *) column)[row];
			return;
		case CER_CODE32:
			code = ((const uint32 *) column)[row];
			Assert(code < map->n_codes);
			memcpy(to, map->values + code * map->n_values,
			       map->n_values * sizeof(*to));
	}
}

static void
reserve(Evaluation *evaluation, size_t n_rows)
{
	if (n_rows <= evaluation->capacity)
		return;
	evaluation->capacity = Max(n_rows, 2 * evaluation->capacity);
	evaluation->proba = repalloc_huge(
		evaluation->proba,
		evaluation->capacity * evaluation->n_classes * sizeof(float));
	if (evaluation->copy != NULL)
		evaluation->copy_proba = repalloc_huge(
			evaluation->copy_proba,
			evaluation->capacity * evaluation->n_classes * sizeof(float));
	evaluation->labels = repalloc_huge(evaluation->labels,
	                                   evaluation->capacity * sizeof(uint16));
	evaluation->keys =
		repalloc_huge(evaluation->keys, evaluation->capacity * sizeof(uint64));
}

/* One by one where weights are fetched for each. */
static void
score_values(const Evaluation *evaluation, size_t n_rows, float *proba)
{
	cer_score_rows row = {
		.n_rows = 1, .values = evaluation->values, .stride = 1};
	cer_fetch fetch = {.rows = &row};

	if (evaluation->tensor_rows == NULL)
	{
		cer_model_score(evaluation->model, n_rows, evaluation->values, proba,
		                evaluation->scratch);
		return;
	}
	for (size_t i = 0; i < n_rows; i++)
	{
		model_rows_fetch(evaluation->tensor_rows, &fetch, evaluation->scratch);
		cer_model_score(evaluation->model, 1, row.values,
		                proba + i * evaluation->n_classes, evaluation->scratch);
		row.values += evaluation->n_values;
	}
}

/* Rows first, first + 1, ... of the chunk, behind those scored before. */
static void
score_block(Evaluation *evaluation, const cer_chunk *chunk, size_t first,
            size_t n_rows)
{
	for (size_t row = 0; row < n_rows; row++)
		for (size_t i = 0; i < evaluation->n_inputs; i++)
			put_values(evaluation, chunk, i, first + row,
			           evaluation->values + row * evaluation->n_values +
			               cer_model_get_value(evaluation->model, i));
	score_values(evaluation, n_rows,
	             evaluation->proba +
	                 evaluation->n_rows * evaluation->n_classes);
	if (evaluation->copy != NULL)
		cer_model_score(evaluation->copy, n_rows, evaluation->values,
		                evaluation->copy_proba +
		                    evaluation->n_rows * evaluation->n_classes,
		                evaluation->copy_scratch);
	memcpy(evaluation->labels + evaluation->n_rows, chunk->labels + first,
	       n_rows * sizeof(uint16));
	evaluation->n_rows += n_rows;
}

static void
take_chunk(void *self, const cer_chunk *chunk)
{
	Evaluation *evaluation = self;

	reserve(evaluation, evaluation->n_rows + chunk->n_rows);
	memcpy(evaluation->keys + evaluation->n_rows, chunk->row_keys,
	       chunk->n_rows * sizeof(uint64));
	for (size_t first = 0; first < chunk->n_rows; first += BLOCK_ROWS)
		score_block(evaluation, chunk, first,
		            Min(BLOCK_ROWS, chunk->n_rows - first));
}

/* --------------------------------------------------------------- evaluate */

static ReadPlan *
make_read_plan(const Task *task, const cer_model *model, cer_part_of_rows part)
{
	int level = settings_enter(task);
	Query *query = task_analyze(task);
	size_t n_inputs = cer_model_count_inputs(model);
	int *targets = score_find_targets(model, task_get_columns(task, query),
	                                  task->n_columns);
	size_t *columns = palloc(Max(n_inputs, 1) * sizeof(size_t));
	ReadPlan *plan;

	for (size_t i = 0; i < n_inputs; i++)
		columns[i] = (size_t) targets[i];
	plan = read_plan_make(task, query, columns, n_inputs, 1U << part);
	for (size_t i = 0; i < n_inputs; i++)
		score_check_storage(cer_model_get_input(model, i),
		                    plan->inputs[i].storage);
	settings_leave(level);
	return plan;
}

/* Code 0 is NULL. */
static void
init_map(Evaluation *evaluation, size_t input)
{
	CodeMap *map = &evaluation->maps[input];

	map->n_values = cer_model_count_values_of(evaluation->model, input);
	map->n_codes = 1;
	map->capacity = 1;
	map->values = palloc0(map->n_values * sizeof(cer_value));
	if (cer_model_get_input(evaluation->model, input)->storage == CER_CODE32)
		cer_model_encode_text(evaluation->model, input,
		                      (cer_text){NULL, SIZE_MAX}, map->values, 1);
}

static void *
make_scratch(const cer_model *model)
{
	char *scratch = palloc(cer_model_get_scratch_size(model, BLOCK_ROWS) + 64);

	return (void *) TYPEALIGN(64, scratch);
}

static Evaluation *
make_evaluation(const Task *task, const Model *model, cer_part_of_rows part)
{
	Evaluation *evaluation = palloc0(sizeof(Evaluation));

	evaluation->model = model_borrow(CurrentMemoryContext, model->id);
	evaluation->tensor_rows = model_rows_make(model->id, evaluation->model);
	evaluation->n_inputs = cer_model_count_inputs(evaluation->model);
	evaluation->n_values = cer_model_count_values(evaluation->model);
	evaluation->n_classes = cer_model_count_classes(evaluation->model);
	evaluation->plan = make_read_plan(task, evaluation->model, part);
	evaluation->maps = palloc0(Max(evaluation->n_inputs, 1) * sizeof(CodeMap));
	for (size_t i = 0; i < evaluation->n_inputs; i++)
		init_map(evaluation, i);
	evaluation->values =
		palloc(evaluation->n_values * BLOCK_ROWS * sizeof(cer_value));
	evaluation->scratch = make_scratch(evaluation->model);
	evaluation->capacity = CER_CHUNK_ROWS;
	evaluation->proba =
		palloc(evaluation->capacity * evaluation->n_classes * sizeof(float));
	evaluation->labels = palloc(evaluation->capacity * sizeof(uint16));
	evaluation->keys = palloc(evaluation->capacity * sizeof(uint64));
	return evaluation;
}

static int
compare_keys(const void *left, const void *right)
{
	uint64 a = *(const uint64 *) left;
	uint64 b = *(const uint64 *) right;

	return (a > b) - (a < b);
}

/* What FE joins may have got a second match since the model was trained. */
static void
check_keys(const Task *task, Evaluation *evaluation)
{
	if (task->base == NULL)
		return;
	qsort(evaluation->keys, evaluation->n_rows, sizeof(uint64), compare_keys);
	for (size_t i = 1; i < evaluation->n_rows; i++)
		if (evaluation->keys[i] == evaluation->keys[i - 1])
			fe_fail_twice(task);
}

/* (n_rows, classes of the task): of those that it does not know the model gives
 * none a chance. */
static const float *
widen(const Task *task, const Evaluation *evaluation, const float *proba)
{
	size_t n = (size_t) task->n_classes;
	size_t n_known = evaluation->n_classes;
	float *wide;

	if (n == n_known)
		return proba;
	wide = MemoryContextAllocExtended(CurrentMemoryContext,
	                                  evaluation->n_rows * n * sizeof(float),
	                                  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (size_t row = 0; row < evaluation->n_rows; row++)
		memcpy(wide + row * n, proba + row * n_known, n_known * sizeof(float));
	return wide;
}

static void
measure(const Task *task, const Evaluation *evaluation, const float *proba,
        cer_metrics *metrics)
{
	cer_host host = host_make();
	cer_error err = {0};

	host_check(cer_metrics_compute(&host, evaluation->n_rows,
	                               (size_t) task->n_classes,
	                               widen(task, evaluation, proba),
	                               evaluation->labels, metrics, &err),
	           &err);
}

static void
tell_unknown(const Task *task, const Evaluation *evaluation)
{
	size_t n = 0;

	for (size_t row = 0; row < evaluation->n_rows; row++)
		n += evaluation->labels[row] >= evaluation->n_classes;
	if (n > 0)
		ereport(
			NOTICE,
			(errmsg("%zu test rows are of classes of task \"%s\" that the "
		            "model does not know",
		            n, task->name),
		     errdetail("It is older than these classes, and wrong there.")));
}

static void
compute_metrics(const Task *task, const Evaluation *evaluation,
                cer_metrics *metrics)
{
	if (evaluation->n_rows == 0)
		ereport(ERROR, (errcode(ERRCODE_NO_DATA_FOUND),
		                errmsg("task \"%s\" has no test rows", task->name),
		                errhint("Give the test part a share in the task's "
		                        "split.")));
	tell_unknown(task, evaluation);
	measure(task, evaluation, evaluation->proba, metrics);
}

/* As people read it; the archive keeps all digits. */
static Datum
round_metric(double metric)
{
	return Float8GetDatum(rint(metric * 1e5) / 1e5);
}

static Datum
make_result(FunctionCallInfo fcinfo, const cer_metrics *metrics, int64 openings)
{
	TupleDesc desc;
	bool nulls[5] = {false, false, isnan(metrics->auc), false, false};
	Datum values[] = {Int64GetDatum((int64) metrics->n_rows),
	                  round_metric(metrics->log_loss),
	                  round_metric(metrics->auc),
	                  round_metric(metrics->accuracy), Int64GetDatum(openings)};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return HeapTupleGetDatum(
		heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/* ------------------------------------------------------- a copy beside it */

static int
find_likeliest(const float *proba, size_t n)
{
	int best = 0;

	for (size_t i = 1; i < n; i++)
		if (proba[i] > proba[best])
			best = (int) i;
	return best;
}

static double
get_log_loss(const Task *task, const Evaluation *evaluation, const float *proba)
{
	cer_metrics metrics;

	measure(task, evaluation, proba, &metrics);
	return metrics.log_loss;
}

void
evaluate_copy(const Task *task, const Model *model, const cer_model *copy,
              CopyLoss *loss)
{
	Evaluation *evaluation = make_evaluation(task, model, CER_VALID);
	size_t n_classes = evaluation->n_classes;
	size_t n_differ = 0;
	ReadStats stats = {0};

	evaluation->copy = copy;
	evaluation->copy_scratch = make_scratch(copy);
	evaluation->copy_proba =
		palloc(evaluation->capacity * n_classes * sizeof(float));
	task_read(task, evaluation->plan,
	          &(RowSink){evaluation, take_chunk, take_values}, &stats);
	*loss = (CopyLoss){.n_rows = (int64) evaluation->n_rows};
	if (loss->n_rows == 0)
		return;
	for (size_t i = 0; i < evaluation->n_rows * n_classes; i += n_classes)
		n_differ += find_likeliest(evaluation->proba + i, n_classes) !=
		            find_likeliest(evaluation->copy_proba + i, n_classes);
	loss->full_loss = get_log_loss(task, evaluation, evaluation->proba);
	loss->loss = get_log_loss(task, evaluation, evaluation->copy_proba);
	loss->differ = (double) n_differ / (double) evaluation->n_rows;
}

Datum
cerebro_evaluate(PG_FUNCTION_ARGS)
{
	Evaluation *evaluation;
	ReadStats stats = {0};
	cer_metrics metrics;
	Opening opening;
	Model model;
	Task *task;
	int64 openings;

	PreventCommandIfReadOnly("cerebro.evaluate()");
	model_open_to(PG_GETARG_INT32(0), RIGHT_READ, &model);
	task = fe_open(task_find_by_id(model.task, true), &model);
	evaluation = make_evaluation(task, &model, CER_TEST);
	task_read(task, evaluation->plan,
	          &(RowSink){evaluation, take_chunk, take_values}, &stats);
	check_keys(task, evaluation);
	compute_metrics(task, evaluation, &metrics);
	opening = (Opening){.extension = get_extension_oid("cerebro", false),
	                    .task = task->id,
	                    .model = model.id,
	                    .data_version = task_get_data_version(task, &stats),
	                    .owner = GetUserId(),
	                    .opened_at = GetCurrentTimestamp(),
	                    .metrics = metrics};
	openings = opening_record(&opening);
	if (openings > 1)
		ereport(
			NOTICE,
			(errmsg(
				 "the test rows of task \"%s\" have been opened " INT64_FORMAT
				 " times",
				 task->name, openings),
		     errdetail("The more often models are chosen by them, the less "
		               "they tell about rows to come.")));
	PG_RETURN_DATUM(make_result(fcinfo, &metrics, openings));
}
