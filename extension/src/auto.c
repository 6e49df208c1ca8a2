/*
 * auto.c
 *	  AS auto: what is trained instead, by the task's training rows and the
 *	  budget, and what is kept of it.
 *
 *	 request -> an epoch of some triples: what it takes
 *			 -> the portfolio, with as many epochs as there is time for
 *			 -> the best ones again, with other seeds -> their ensemble
 */
#include "cerebro_pg.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "auto.h"
#include "ensemble.h"
#include "job_sql.h"

#define N_CHOICES     25 /* of an ensemble's members */
#define MAX_MODELS    40
#define MAX_EPOCHS    256
#define SHARE_OF_REST 0.85  /* of what is left: an estimate may be too low */
#define GUESSED_ROWS  1.0e5 /* a second, of a cost of 1: not yet measured */

static const cer_mst *
parse(cer_arena *arena, const char *triple)
{
	const cer_mst *mst;
	cer_error err = {0};

	host_check(cer_mst_parse(arena, host_text(triple), &mst, &err), &err);
	return mst;
}

static char *
print(cer_arena *arena, const cer_mst *mst)
{
	cer_text text;
	cer_error err = {0};

	host_check(cer_mst_print(arena, mst, &text, &err), &err);
	return pnstrdup(text.data, text.size);
}

bool
auto_is(const char *triple)
{
	return cer_mst_is_auto(
		parse(host_make_arena(CurrentMemoryContext), triple));
}

/* Of the newest data version, which each task has from the beginning. */
static size_t
count_training_rows(const Task *task)
{
	ArchiveScope scope;
	SqlArgs args = {0};
	bool is_null = true;
	int64 n = 0;

	archive_enter(&scope);
	sql_add_int4(&args, task->id);
	if (sql_run("SELECT (SELECT pg_catalog.sum(n)::bigint"
	            " FROM pg_catalog.unnest(v.class_rows[1:1]) n)"
	            " FROM cerebro.data_version v"
	            " WHERE v.task OPERATOR(pg_catalog.=) $1"
	            " ORDER BY v.id DESC LIMIT 1",
	            &args) > 0)
		n = DatumGetInt64(sql_get(1, &is_null));
	archive_leave(&scope);
	if (is_null)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		                errmsg("nothing is known of the rows of task \"%s\"",
		                       task->name),
		                errhint("Name a structure instead of auto.")));
	return (size_t) n;
}

static char *
make_triple(cer_arena *arena, const cer_mst *mst, const cer_auto_try *wanted)
{
	const cer_mst *made;
	cer_error err = {0};

	host_check(cer_auto_make(arena, mst, wanted, &made, &err), &err);
	return print(arena, made);
}

const char *
auto_resolve(const Task *task, const char *triple)
{
	cer_arena *arena = host_make_arena(CurrentMemoryContext);
	const cer_mst *mst = parse(arena, triple);
	cer_auto_try wanted = {.choice = cer_auto_get_default()};
	cer_auto_choice choice;

	if (!cer_mst_is_auto(mst))
		return triple;
	if (cer_mst_get_budget(mst) > 0)
		ereport(ERROR,
		        (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		         errmsg("AS auto with a budget is not trained in the "
		                "background, nor together with others"),
		         errhint("Train it alone, with wait => true, or leave the "
		                 "budget out.")));
	cer_auto_get(mst, wanted.choice, count_training_rows(task), &choice);
	wanted.epochs = choice.epochs;
	return make_triple(arena, mst, &wanted);
}

/* A model that was there already keeps its story. */
static void
note_request(int32 model, const char *request)
{
	Oid owner = GetUserId();
	ArchiveScope scope;
	SqlArgs args = {0};

	archive_enter(&scope);
	sql_add_int4(&args, model);
	sql_add_text(&args, request);
	sql_add_role(&args, owner);
	sql_run("UPDATE cerebro.model SET request = $2::cerebro.mst"
	        " WHERE id OPERATOR(pg_catalog.=) $1 AND request IS NULL"
	        " AND owner::pg_catalog.oid OPERATOR(pg_catalog.=)"
	        " $3::pg_catalog.oid",
	        &args);
	archive_leave(&scope);
}

/* ------------------------------------------------------- what was learnt */

typedef struct Outcome
{
	int32 model;
	cer_auto_try tried;
	double seconds_an_epoch;
	double loss;     /* of validation rows */
	bool goes_on;    /* the best epoch was one of the last */
	bool ends_early; /* it was in the first half */
} Outcome;

typedef struct Auto
{
	const TrainRequest *asked;
	cer_arena *arena;
	const cer_mst *mst;
	char *request;
	size_t n_rows;
	int n_lanes; /* trainings at a time */
	TimestampTz deadline;
	double seconds_a_cost; /* of an epoch, of a cost of 1, */
	double learnt_cost;    /* as one of this cost took */
	double *seconds;       /* by choice: of an epoch; 0: not known */
	uint32 *n_tried;       /* by choice */
	int n;
	Outcome *outcomes;
} Auto;

/* In the transaction that made it: under a snapshot of now. */
static Outcome
look_at(int32 model, const cer_auto_try *tried)
{
	Outcome outcome = {.model = model, .tried = *tried};
	ArchiveScope scope;
	SqlArgs args = {0};
	bool is_null;
	int32 n_epochs;
	int32 best_epoch;

	sql_add_int4(&args, model);
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	archive_enter(&scope);
	if (sql_run("SELECT seconds, n_epochs, best_epoch, valid_log_loss"
	            " FROM cerebro.model WHERE id OPERATOR(pg_catalog.=) $1",
	            &args) == 0)
		model_report_missing(model);
	n_epochs = DatumGetInt32(sql_get(2, &is_null));
	outcome.seconds_an_epoch =
		DatumGetFloat8(sql_get(1, &is_null)) / Max(n_epochs, 1);
	best_epoch = DatumGetInt32(sql_get(3, &is_null));
	outcome.goes_on = best_epoch * 5 > n_epochs * 3;
	outcome.ends_early = best_epoch * 2 <= n_epochs;
	outcome.loss = DatumGetFloat8(sql_get(4, &is_null));
	archive_leave(&scope);
	PopActiveSnapshot();
	return outcome;
}

/* What takes longest of those that were measured tells best what others take. */
static void
learn(Auto *a, const Outcome *outcome)
{
	size_t i = outcome->tried.choice;
	cer_auto_choice choice;

	cer_auto_get(a->mst, i, a->n_rows, &choice);
	a->seconds[i] = Max(a->seconds[i], outcome->seconds_an_epoch);
	if (choice.cost >= a->learnt_cost)
	{
		a->learnt_cost = choice.cost;
		a->seconds_a_cost = a->seconds[i] / choice.cost;
	}
}

/* -------------------------------------------------------------- planning */

typedef struct Round
{
	int n;
	cer_auto_try *tries;
	double *left; /* by lane: seconds */
} Round;

static double
count_left(const Auto *a)
{
	TimestampTz now = GetCurrentTimestamp();

	return now >= a->deadline ? 0
	                          : (double) (a->deadline - now) / USECS_PER_SEC;
}

static Round
begin_round(const Auto *a, int n_tries, double share)
{
	Round round = {.tries = palloc(sizeof(cer_auto_try) * n_tries),
	               .left = palloc(sizeof(double) * a->n_lanes)};

	for (int i = 0; i < a->n_lanes; i++)
		round.left[i] = count_left(a) * share;
	return round;
}

static double
guess_seconds(const Auto *a, size_t i, const cer_auto_choice *choice)
{
	double a_cost = a->seconds_a_cost > 0 ? a->seconds_a_cost
	                                      : (double) a->n_rows / GUESSED_ROWS;

	return a->seconds[i] > 0 ? a->seconds[i] : choice->cost * a_cost;
}

/* As many epochs as there is time for in the lane that has most. */
static void
add_try(Auto *a, Round *round, size_t i, uint32 epochs)
{
	cer_auto_choice choice;
	double of_one;
	double fit;
	double *left = round->left;

	for (int lane = 1; lane < a->n_lanes; lane++)
		if (round->left[lane] > *left)
			left = &round->left[lane];
	cer_auto_get(a->mst, i, a->n_rows, &choice);
	of_one = Max(guess_seconds(a, i, &choice), 1e-6);
	fit = floor(*left / of_one);
	if (fit < choice.least_epochs)
		return;
	epochs = (uint32) Min(fit, epochs);
	*left -= of_one * epochs;
	round->tries[round->n++] = (cer_auto_try){
		.choice = i, .epochs = epochs, .repeat = a->n_tried[i]++};
}

/* -------------------------------------------------------------- training */

/* Where PT says how many epochs, the probe was the whole training. */
static bool
is_known(const Auto *a, int32 model)
{
	for (int i = 0; i < a->n; i++)
		if (a->outcomes[i].model == model)
			return true;
	return false;
}

/* True: the deadline (0: there is none) kept some of them from an epoch. */
static bool
train_round(Auto *a, const Round *round, TimestampTz deadline)
{
	bool is_late = false;

	TrainRequest *requests = palloc(sizeof(TrainRequest) * Max(round->n, 1));
	TrainResult *results = palloc(sizeof(TrainResult) * Max(round->n, 1));

	for (int i = 0; i < round->n; i++)
	{
		requests[i] = *a->asked;
		requests[i].triple = make_triple(a->arena, a->mst, &round->tries[i]);
	}
	train_together(requests, round->n, (TrainLimit){deadline, true}, results);
	for (int i = 0; i < round->n; i++)
	{
		Outcome outcome;

		is_late = is_late || results[i].is_over_time;
		if (results[i].model == 0 || a->n == MAX_MODELS ||
		    is_known(a, results[i].model))
			continue;
		note_request(results[i].model, a->request);
		outcome = look_at(results[i].model, &round->tries[i]);
		learn(a, &outcome);
		a->outcomes[a->n++] = outcome;
	}
	return is_late;
}

static bool
has_said_epochs(const Auto *a)
{
	cer_auto_choice choice;

	cer_auto_get(a->mst, cer_auto_get_default(), a->n_rows, &choice);
	return choice.is_said;
}

/* The dearest of those that are left; false: there is none. */
static bool
find_probe(const Auto *a, bool *is_there, cer_auto_try *probe)
{
	double most = 0;
	size_t found = 0;

	for (size_t i = 0; i < cer_auto_count(); i++)
	{
		cer_auto_choice choice;

		cer_auto_get(a->mst, i, a->n_rows, &choice);
		if (is_there[i] || choice.probe_epochs == 0 || choice.cost <= most)
			continue;
		most = choice.cost;
		found = i;
		*probe = (cer_auto_try){.choice = i, .epochs = choice.probe_epochs};
	}
	is_there[found] = is_there[found] || most > 0;
	return most > 0;
}

/*
 * Few epochs each, however short the time is: they tell what others take.  The
 * dearest begins: one that ran alone at the end would have all threads, and
 * promise too much.  Where PT says how many epochs, these may be many: they end
 * with the time, unless none of them has an epoch by then.
 */
static void
train_probes(Auto *a)
{
	Round round = begin_round(a, cer_auto_count(), 1);
	bool *is_there = palloc0(sizeof(bool) * cer_auto_count());
	TimestampTz deadline = has_said_epochs(a) ? a->deadline : 0;

	while (find_probe(a, is_there, &round.tries[round.n]))
		round.n++;
	for (int64 more = USECS_PER_SEC;
	     train_round(a, &round, deadline) && a->n == 0; more *= 2)
		deadline = GetCurrentTimestamp() + more;
}

/* The next of the portfolio, one for each lane; false: there are no more. */
static bool
train_next(Auto *a, size_t *next, size_t end)
{
	const cer_auto_order *order = cer_auto_get_order(a->n_rows);
	Round round = begin_round(a, a->n_lanes,
	                          *next == 0 ? order->first_share : SHARE_OF_REST);

	for (; *next < end && round.n < a->n_lanes; ++*next)
	{
		size_t i = order->choices[*next];
		cer_auto_choice choice;

		cer_auto_get(a->mst, i, a->n_rows, &choice);
		add_try(a, &round, i, choice.epochs);
	}
	if (round.n > 0)
		(void) train_round(a, &round, a->deadline);
	return round.n > 0;
}

static void
train_others(Auto *a, size_t next, size_t end)
{
	while (train_next(a, &next, end))
		CHECK_FOR_INTERRUPTS();
}

static int
compare_outcomes(const void *a, const void *b)
{
	double left = ((const Outcome *) a)->loss;
	double right = ((const Outcome *) b)->loss;

	return (left > right) - (left < right);
}

/* For longer, where the last epochs were the best.  Where they made it worse,
 * with about half of them it is as good (the rate falls sooner), and there is
 * time for another one. */
static uint32
choose_epochs(const Outcome *outcome)
{
	uint32 epochs = outcome->tried.epochs;

	if (outcome->ends_early)
		return (epochs * 3 + 4) / 5;
	return Min(outcome->goes_on ? epochs * 2 : epochs, MAX_EPOCHS);
}

/*
 * What did best again, with another seed.  False: there is no time for it, or it
 * may not be repeated.
 */
static bool
train_best_again(Auto *a)
{
	Round round = begin_round(a, MAX_MODELS, SHARE_OF_REST);
	bool *is_there = palloc0(sizeof(bool) * cer_auto_count());
	int most = Max(a->n_lanes, 2);
	int n_before = a->n;

	qsort(a->outcomes, a->n, sizeof(Outcome), compare_outcomes);
	for (int i = 0; i < a->n && round.n < most; i++)
	{
		const Outcome *outcome = &a->outcomes[i];
		uint32 epochs = choose_epochs(outcome);
		cer_auto_choice choice;

		cer_auto_get(a->mst, outcome->tried.choice, a->n_rows, &choice);
		if (is_there[outcome->tried.choice] || !choice.may_repeat)
			continue;
		is_there[outcome->tried.choice] = true;
		add_try(a, &round, outcome->tried.choice,
		        Max(epochs, choice.least_epochs));
	}
	if (round.n > 0)
		(void) train_round(a, &round, a->deadline);
	return a->n > n_before;
}

static void
train_portfolio(Auto *a)
{
	size_t n_first = cer_auto_get_order(a->n_rows)->n_first;

	train_others(a, 0, n_first);
	if (n_first < cer_auto_count())
		(void) train_best_again(a);
	train_others(a, n_first, cer_auto_count());
	while (a->n < MAX_MODELS && train_best_again(a))
		CHECK_FOR_INTERRUPTS();
}

/* Under a snapshot of now: this very command made the models. */
static int32
put_together(Datum *models, int n_models, const char *request)
{
	ArrayType *ids = construct_array(models, n_models, INT4OID, sizeof(int32),
	                                 true, TYPALIGN_INT);
	int32 model;

	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	model = ensemble_make(ids, N_CHOICES, request);
	PopActiveSnapshot();
	return model;
}

static int32
end(const Auto *a)
{
	Datum *models = palloc(sizeof(Datum) * Max(a->n, 1));

	if (a->n == 0)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		                errmsg("none of the triples that AS auto tried was "
		                       "trained"),
		                errdetail("Warnings tell why.")));
	for (int i = 0; i < a->n; i++)
		models[i] = Int32GetDatum(a->outcomes[i].model);
	return a->n == 1 ? a->outcomes[0].model
	                 : put_together(models, a->n, a->request);
}

static int32
train_one(const TrainRequest *asked)
{
	TrainRequest one = *asked;
	char *request = train_canonical(asked->triple);
	int32 model;

	one.triple = auto_resolve(asked->task, asked->triple);
	model = train_request(&one, true);
	note_request(model, request);
	return model;
}

int32
auto_train(const TrainRequest *asked)
{
	cer_arena *arena = host_make_arena(CurrentMemoryContext);
	Auto a = {.asked = asked, .arena = arena, .n_lanes = train_count_threads()};
	double budget;

	a.mst = parse(arena, asked->triple);
	budget = cer_mst_get_budget(a.mst);
	if (budget <= 0)
		return train_one(asked);
	a.request = print(arena, a.mst);
	a.n_rows = count_training_rows(asked->task);
	a.deadline = GetCurrentTimestamp() + (int64) (budget * USECS_PER_SEC);
	a.mst = auto_add_crosses(asked->task, arena, a.mst, a.n_rows);
	a.seconds = palloc0(sizeof(double) * cer_auto_count());
	a.n_tried = palloc0(sizeof(uint32) * cer_auto_count());
	a.outcomes = palloc(sizeof(Outcome) * MAX_MODELS);
	train_probes(&a);
	if (a.n > 0)
		train_portfolio(&a);
	return end(&a);
}
