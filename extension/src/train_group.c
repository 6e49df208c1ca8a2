/*
 * train_group.c
 *	  Several triples of a task, trained together: cerebro.train(task, mst[]).
 *
 *	 triples -> plans -> those found: done
 *					  -> those that read the same: one engine, rows sent once
 *
 * What a triple reads is the query that its FE makes and the columns of it;
 * whatever encoders, structure and settings it has.  One that fails, before or
 * while it is trained, is recorded as any attempt is, and costs a WARNING; the
 * others go on.  All models are archived as they are done, and commit together.
 */
#include "cerebro_pg.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "auto.h"
#include "fe.h"
#include "job.h"
#include "scores.h"
#include "subxact.h"
#include "train.h"

/* Of one engine: models and states of the server's process stay few. */
#define GROUP_TRIPLES 64

PG_FUNCTION_INFO_V1(cerebro_train_array);

/* One of those that are asked for. */
typedef struct Candidate
{
	Attempt *attempt;
	Training *training; /* NULL: it failed, or there is an equal one */
	int equal;          /* which has the same triple; itself: none before */
	bool is_read;       /* it was part of a group */
	TrainResult *result;
} Candidate;

typedef struct Together
{
	const TrainRequest *requests;
	int n;
	Candidate *candidates;
	TrainLimit limit;
} Together;

/* ---------------------------------------------------------------- failing */

/* Of the attempt, whose own work is undone. */
static void
record_failure(Candidate *candidate, const char *message)
{
	attempt_end(candidate->attempt, JOB_FAILED, message);
	attempt_record(candidate->attempt);
	candidate->result->model = 0;
}

static void
warn(const Candidate *candidate, const char *message, const char *detail,
     const char *hint)
{
	ereport(WARNING,
	        (errmsg("a triple was not trained: %s", message),
	         errdetail("%s%s%s", candidate->attempt->triple,
	                   detail != NULL && detail[0] != '\0' ? "\n" : "",
	                   detail != NULL ? detail : ""),
	         hint != NULL && hint[0] != '\0' ? errhint("%s", hint) : 0));
}

/* --------------------------------------------------------------- planning */

static Attempt *
begin_attempt(const TrainRequest *request)
{
	AttemptRecord record = {.job = job_new_id(),
	                        .model = job_new_model_id(),
	                        .task = request->task->id,
	                        .parent = request->parent,
	                        .is_warm = request->is_warm,
	                        .owner = GetUserId(),
	                        .login = GetSessionUserId()};

	record.queued_at = record.started_at = GetCurrentTimestamp();
	attempt_copy_text(record.task_name, request->task->name,
	                  sizeof(record.task_name));
	return attempt_begin(&record, train_canonical(request->triple));
}

typedef struct Planning
{
	const Together *together;
	Candidate *candidate;
} Planning;

static void
plan(void *self)
{
	const Planning *planning = self;
	Candidate *candidate = planning->candidate;
	int i = candidate - planning->together->candidates;
	Training *training = training_new(candidate->attempt,
	                                  planning->together->requests[i].triple);

	candidate->training = training;
	training->may_find = true;
	training_plan(training);
	training_end_plan(training);
}

/* What failed is undone; a cancel is not for the triple alone. */
static void
plan_failed(Candidate *candidate, ErrorData *error)
{
	if (candidate->training != NULL)
		training_free(candidate->training);
	candidate->training = NULL;
	if (subxact_is_cancel(error))
		ReThrowError(error);
	record_failure(candidate, error->message);
	warn(candidate, error->message, error->detail, error->hint);
}

static void
try_to_plan(const Together *together, Candidate *candidate)
{
	Planning planning = {together, candidate};
	ErrorData *error = subxact_try(plan, &planning);

	if (error != NULL)
		plan_failed(candidate, error);
}

/* An equal triple before it, as it would find that one's model. */
static int
find_equal(const Together *together, int i)
{
	const char *triple = train_canonical(together->requests[i].triple);

	for (int j = 0; j < i; j++)
		if (together->candidates[j].equal == j &&
		    strcmp(together->candidates[j].attempt->triple, triple) == 0)
			return j;
	return i;
}

static void
settle_found(Candidate *candidate)
{
	Training *training = candidate->training;

	if (training == NULL || training->found == 0)
		return;
	training_record_found(training);
	candidate->result->model = training->found;
	candidate->is_read = true;
}

static void
plan_all(Together *together)
{
	for (int i = 0; i < together->n; i++)
	{
		Candidate *candidate = &together->candidates[i];

		CHECK_FOR_INTERRUPTS();
		candidate->equal = find_equal(together, i);
		if (candidate->equal != i)
			continue;
		candidate->attempt = begin_attempt(&together->requests[i]);
		try_to_plan(together, candidate);
		settle_found(candidate);
	}
}

/* --------------------------------------------------------------- grouping */

static bool
is_same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* The same query, the same of its columns. */
static bool
reads_the_same(const Training *a, const Training *b)
{
	return is_same_text(a->query, b->query) &&
	       a->read->n_inputs == b->read->n_inputs &&
	       memcmp(a->read->columns, b->read->columns,
	              a->read->n_inputs * sizeof(int)) == 0;
}

static bool
may_share(const Training *a, const Training *b)
{
	return train_plans_groups() && reads_the_same(a, b);
}

/* The next group, in the order of the triples; NULL: none is left. */
static TrainGroup *
make_group(Together *together)
{
	TrainGroup *group = palloc0(sizeof(TrainGroup));

	group->members = palloc(sizeof(Training *) * GROUP_TRIPLES);
	group->is_together = true;
	for (int i = 0; i < together->n && group->n < GROUP_TRIPLES; i++)
	{
		Candidate *candidate = &together->candidates[i];
		Training *training = candidate->training;

		if (training == NULL || candidate->is_read ||
		    (group->n > 0 && !may_share(training, group->members[0])))
			continue;
		candidate->is_read = true;
		training->group = group;
		training->triple = group->n;
		group->members[group->n++] = training;
	}
	return group->n > 0 ? group : NULL;
}

/* --------------------------------------------------------------- training */

static Candidate *
find_candidate(Together *together, const Training *training)
{
	for (int i = 0; i < together->n; i++)
		if (together->candidates[i].training == training)
			return &together->candidates[i];
	elog(ERROR, "a training of no candidate");
}

static void
tell_model(const Training *training)
{
	const AttemptRecord *record = &training->attempt->record;

	ereport(NOTICE,
	        (errmsg("model %d: epoch %u of %u is the best  %s", record->model,
	                training->best.epoch, training->done.n_epochs,
	                scores_print_metrics(&training->best.valid)),
	         errdetail("%s", training->attempt->triple)));
}

/* What has come to its end since the last look. */
static void
settle(Together *together, Training *training)
{
	Candidate *candidate = find_candidate(together, training);
	const cer_error *failure = training->failure;

	if (training->attempt->record.status != JOB_RUNNING)
		return;
	if (training->found != 0)
	{
		training_record_found(training);
		candidate->result->model = training->found;
	}
	else if (failure != NULL)
	{
		record_failure(candidate, failure->message);
		warn(candidate, failure->message, failure->detail, failure->hint);
	}
	else if (training->is_done)
	{
		training_archive(training);
		candidate->result->model = training->attempt->record.model;
		tell_model(training);
	}
}

static bool
is_late(const Together *together)
{
	return together->limit.deadline != 0 &&
	       GetCurrentTimestamp() >= together->limit.deadline;
}

static void
tell_late(const Together *together, const TrainGroup *group)
{
	cer_message message = {
		.type = together->limit.ends_running ? CER_FRAME_CUT : CER_FRAME_STOP};

	engine_send(group->members[0]->engine, &message);
}

static void
wait_for_all(Together *together, TrainGroup *group)
{
	bool is_told = false;

	for (;;)
	{
		bool is_over = group->is_over;

		for (int i = 0; i < group->n; i++)
			settle(together, group->members[i]);
		if (is_over)
			break;
		if (!is_told && is_late(together))
		{
			tell_late(together, group);
			is_told = true;
		}
		engine_wait(group->members[0]->engine);
	}
}

/* Those that the deadline kept from beginning, or from their first epoch. */
static void
give_up(Together *together, const TrainGroup *group)
{
	for (int i = 0; i < group->n; i++)
	{
		Attempt *attempt = group->members[i]->attempt;
		Candidate *candidate;

		if (attempt->record.status != JOB_RUNNING)
			continue;
		candidate = find_candidate(together, group->members[i]);
		candidate->result->is_over_time = true;
		attempt_end(attempt, JOB_CANCELLED,
		            group->members[i]->began_at == 0
		                ? "the time was over before it began"
		                : "the time was over before its first epoch ended");
		attempt_record(attempt);
	}
}

static void
run_group(Together *together, TrainGroup *group)
{
	if (!is_late(together))
	{
		train_read_group(group);
		wait_for_all(together, group);
		engine_stop(group->members[0]->engine);
		for (int i = 0; i < group->n; i++)
			group->members[i]->engine = NULL;
	}
	give_up(together, group);
}

/* -------------------------------------------------------------- all of it */

/* The engine is shared: it stops once. */
static void
free_all(Together *together)
{
	Engine *engine = NULL;

	for (int i = 0; i < together->n; i++)
	{
		Training *training = together->candidates[i].training;

		if (training == NULL)
			continue;
		if (training->engine != NULL)
			engine = training->engine;
		training->engine = NULL;
		training_free(training);
	}
	if (engine != NULL)
		engine_stop(engine);
}

/* With the error that is being handled. */
static void
end_by_error(Together *together)
{
	for (int i = 0; i < together->n; i++)
	{
		Attempt *attempt = together->candidates[i].attempt;

		if (attempt != NULL && attempt->record.status == JOB_RUNNING)
			attempt_end_by_error(attempt);
	}
}

static void
copy_equals(Together *together)
{
	for (int i = 0; i < together->n; i++)
		*together->candidates[i].result =
			*together->candidates[together->candidates[i].equal].result;
}

void
train_together(const TrainRequest *requests, int n, TrainLimit limit,
               TrainResult *results)
{
	Together together = {.requests = requests, .n = n, .limit = limit};
	TrainGroup *group;

	together.candidates = palloc0(sizeof(Candidate) * Max(1, n));
	memset(results, 0, sizeof(TrainResult) * n);
	for (int i = 0; i < n; i++)
		together.candidates[i].result = &results[i];
	PG_TRY();
	{
		plan_all(&together);
		while ((group = make_group(&together)) != NULL)
			run_group(&together, group);
	}
	PG_CATCH();
	{
		end_by_error(&together);
		free_all(&together);
		PG_RE_THROW();
	}
	PG_END_TRY();
	free_all(&together);
	copy_equals(&together);
}

/* --------------------------------------------------------------- function */

static char **
read_triples(ArrayType *array, int *n)
{
	Datum *values;
	bool *nulls;
	char **triples;

	deconstruct_array(array, ARR_ELEMTYPE(array), -1, false, TYPALIGN_INT,
	                  &values, &nulls, n);
	triples = palloc(sizeof(char *) * Max(1, *n));
	for (int i = 0; i < *n; i++)
	{
		if (nulls[i])
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			                errmsg("a triple must not be NULL"),
			                errdetail("It is number %d of %d.", i + 1, *n)));
		triples[i] = TextDatumGetCString(values[i]);
	}
	return triples;
}

static Datum
make_models(const TrainResult *results, int n)
{
	Datum *models = palloc(sizeof(Datum) * Max(1, n));
	bool *nulls = palloc(sizeof(bool) * Max(1, n));
	int lower = 1;

	for (int i = 0; i < n; i++)
	{
		models[i] = Int32GetDatum(results[i].model);
		nulls[i] = results[i].model == 0;
	}
	if (n == 0)
		return PointerGetDatum(construct_empty_array(INT4OID));
	return PointerGetDatum(construct_md_array(models, nulls, 1, &n, &lower,
	                                          INT4OID, sizeof(int32), true,
	                                          TYPALIGN_INT));
}

static Datum
train_array(const Task *task, ArrayType *array, bool wait)
{
	int n;
	char **triples = read_triples(array, &n);
	TrainRequest *requests = palloc0(sizeof(TrainRequest) * Max(1, n));
	TrainResult *results = palloc0(sizeof(TrainResult) * Max(1, n));

	for (int i = 0; i < n; i++)
	{
		requests[i].task = task;
		requests[i].triple = auto_resolve(task, triples[i]);
	}
	if (wait)
		train_together(requests, n, (TrainLimit){0, false}, results);
	else
		for (int i = 0; i < n; i++)
			results[i].model = train_request(&requests[i], false);
	return make_models(results, n);
}

Datum
cerebro_train_array(PG_FUNCTION_ARGS)
{
	static const char *const arguments[] = {"task", "mst", "wait"};

	train_check_given(fcinfo, "cerebro.train()", arguments, 2);
	train_check_may_write("cerebro.train()");
	PG_RETURN_DATUM(
		train_array(task_find(text_to_cstring(PG_GETARG_TEXT_PP(0))),
	                PG_GETARG_ARRAYTYPE_P(1), PG_GETARG_BOOL(2)));
}
