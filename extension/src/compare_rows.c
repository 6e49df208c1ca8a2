/*
 * compare_rows.c
 *	  Which validation rows two models decide differently, by their keys.
 *
 *	 read 1: keys' hashes in order -> where the kept scores disagree
 *	 read 2: key values of those rows
 *
 * Keys are not kept with a model: the rows are read again, as the caller, and
 * have to be those that both models were validated on.
 */
#include "cerebro_pg.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "scores.h"

PG_FUNCTION_INFO_V1(cerebro_compare_rows);

/* A row on which the models disagree. */
typedef struct Dispute
{
	uint64 key;
	uint16 label;
	uint16 decisions[2];
	double probabilities[2]; /* of the label */
	Datum values;            /* of the key: text[] */
} Dispute;

typedef struct RowSearch
{
	const Task *task;
	cer_content *content;
	int n;
	Dispute *disputes; /* by key, once the second read begins */
	MemoryContext context;
} RowSearch;

/* ------------------------------------------------------------- first read */

static void
hash_chunk(void *self, const cer_chunk *chunk)
{
	cer_content_add(((RowSearch *) self)->content, chunk);
}

static int
compare_keys(const void *a, const void *b)
{
	uint64 x = *(const uint64 *) a;
	uint64 y = *(const uint64 *) b;

	return x < y ? -1 : x > y;
}

static ReadPlan *
plan_read(const Task *task, unsigned parts)
{
	Query *query = task_analyze(task);
	ReadPlan *plan = read_plan_make(task, query, NULL, 0, parts);

	plan->is_own = true;
	return plan;
}

static void
fail_other_rows(const Model *model, const char *detail)
{
	ereport(ERROR,
	        (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
	         errmsg("the validation rows of model %d cannot be told apart",
	                model->id),
	         errdetail("%s", detail),
	         errhint("Train both models again on today's rows, with a key that "
	                 "is unique.")));
}

/* Hashes of keys of validation rows, in the order of the scores. */
static uint64 *
read_keys(RowSearch *search, const Model *model, size_t n_rows)
{
	cer_host host = host_make();
	cer_content_hash known;
	cer_content_hash now;
	ReadStats stats = {0};
	cer_error err = {0};

	host_check(cer_content_new(&host, NULL, 0, &search->content, &err), &err);
	task_read(search->task,
	          plan_read(search->task, 1u << CER_TRAIN | 1u << CER_VALID),
	          &(RowSink){search, hash_chunk, NULL}, &stats);
	now = cer_content_get_rows(search->content);
	cer_content_free(search->content);
	if (!task_get_content(model->data_version, "", &known) ||
	    memcmp(&known, &now, sizeof(now)) != 0 ||
	    stats.n_valid != (int64) n_rows)
		fail_other_rows(model, "They are not those that the task has now, as "
		                       "far as you may read them.");
	qsort(stats.valid_keys, n_rows, sizeof(uint64), compare_keys);
	for (size_t i = 1; i < n_rows; i++)
		if (stats.valid_keys[i] == stats.valid_keys[i - 1])
			fail_other_rows(model, "Several have the same key.");
	return stats.valid_keys;
}

/* ---------------------------------------------------------------- disputes */

static double
get_gap(const Dispute *dispute)
{
	return fabs(dispute->probabilities[0] - dispute->probabilities[1]);
}

/* The widest apart first; of those alike, in the order of keys. */
static int
compare_gaps(const void *a, const void *b)
{
	double x = get_gap(a);
	double y = get_gap(b);

	if (x != y)
		return x > y ? -1 : 1;
	return compare_keys(&((const Dispute *) a)->key,
	                    &((const Dispute *) b)->key);
}

static int
compare_disputes(const void *a, const void *b)
{
	return compare_keys(&((const Dispute *) a)->key,
	                    &((const Dispute *) b)->key);
}

static Dispute
make_dispute(const KeptScores *scores, size_t row, uint16 label)
{
	Dispute dispute = {.label = label};

	for (int i = 0; i < 2; i++)
	{
		dispute.decisions[i] = (uint16) scores_get_decision(&scores[i], row);
		dispute.probabilities[i] =
			(double) scores[i].scores[row * scores[i].n_classes + label] /
			PG_UINT16_MAX;
	}
	return dispute;
}

static void
find_disputes(RowSearch *search, const KeptScores *scores, const uint64 *keys,
              const uint16 *labels)
{
	search->disputes =
		palloc_extended(Max(1, scores[0].n_rows) * sizeof(Dispute),
	                    MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (size_t row = 0; row < scores[0].n_rows; row++)
	{
		Dispute dispute = make_dispute(scores, row, labels[row]);

		dispute.key = keys[row];
		if (dispute.decisions[0] != dispute.decisions[1])
			search->disputes[search->n++] = dispute;
	}
}

/* ------------------------------------------------------------ second read */

static Datum
make_texts(RowSearch *search, const Oid *types, const Datum *values)
{
	int n = search->task->n_key;
	MemoryContext caller = MemoryContextSwitchTo(search->context);
	Datum *texts = palloc(n * sizeof(Datum));
	Datum array;

	for (int i = 0; i < n; i++)
	{
		Oid function;
		bool is_varlena;

		getTypeOutputInfo(types[i], &function, &is_varlena);
		texts[i] =
			CStringGetTextDatum(OidOutputFunctionCall(function, values[i]));
	}
	array = PointerGetDatum(
		construct_array(texts, n, TEXTOID, -1, false, TYPALIGN_INT));
	MemoryContextSwitchTo(caller);
	return array;
}

static void
watch_row(void *self, uint64 row_key, const Oid *types, const Datum *values)
{
	RowSearch *search = self;
	Dispute wanted = {.key = row_key};
	Dispute *found = bsearch(&wanted, search->disputes, search->n,
	                         sizeof(Dispute), compare_disputes);

	if (found != NULL)
		found->values = make_texts(search, types, values);
}

static void
skip_chunk(void *self, const cer_chunk *chunk)
{
}

static void
read_values(RowSearch *search)
{
	ReadPlan *plan = plan_read(search->task, 0);
	ReadStats stats = {0};

	qsort(search->disputes, search->n, sizeof(Dispute), compare_disputes);
	search->context = CurrentMemoryContext;
	plan->watch = watch_row;
	plan->watcher = search;
	task_read(search->task, plan, &(RowSink){search, skip_chunk, NULL}, &stats);
	qsort(search->disputes, search->n, sizeof(Dispute), compare_gaps);
}

/* --------------------------------------------------------------- function */

static void
put_dispute(const ReturnSetInfo *result, const RowSearch *search,
            const Dispute *dispute)
{
	char **classes = search->task->classes;
	Datum values[] = {
		dispute->values,
		CStringGetTextDatum(classes[dispute->label]),
		CStringGetTextDatum(classes[dispute->decisions[0]]),
		CStringGetTextDatum(classes[dispute->decisions[1]]),
		Float8GetDatum(dispute->probabilities[0]),
		Float8GetDatum(dispute->probabilities[1]),
	};
	bool nulls[lengthof(values)] = {dispute->values == 0};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static void
open_models(FunctionCallInfo fcinfo, Model *models, KeptScores *scores)
{
	for (int i = 0; i < 2; i++)
		model_open_to(PG_GETARG_INT32(i), RIGHT_READ, &models[i]);
	scores_check_comparable(&models[0], &models[1]);
	for (int i = 0; i < 2; i++)
		scores[i] = scores_read(&models[i]);
}

Datum
cerebro_compare_rows(PG_FUNCTION_ARGS)
{
	int32 at_most = PG_GETARG_INT32(2);
	RowSearch search = {0};
	KeptScores scores[2];
	Model models[2];
	const uint16 *labels;

	if (at_most < 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("at_most must be at least 1")));
	open_models(fcinfo, models, scores);
	labels = scores_read_labels(&models[0], scores[0].n_rows);
	scores_check_shapes(&models[0], &scores[0], &scores[1], labels);
	search.task = task_find_by_id(models[0].task, true);
	find_disputes(&search, scores,
	              read_keys(&search, &models[0], scores[0].n_rows), labels);
	qsort(search.disputes, search.n, sizeof(Dispute), compare_gaps);
	search.n = Min(search.n, at_most);
	if (search.n > 0)
		read_values(&search);
	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < search.n; i++)
		put_dispute((ReturnSetInfo *) fcinfo->resultinfo, &search,
		            &search.disputes[i]);
	PG_RETURN_NULL();
}
