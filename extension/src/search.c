/*
 * search.c
 *	  cerebro.search(): triples of a space, trained together.
 *
 *	 grid	   the points of the space, in their order
 *	 random	   as many as asked for, drawn by a seed
 *	 halving   drawn likewise; all for a few epochs, the better third of them
 *			   for three times as many, which go on from kept states, and so on
 *
 * A triple that fails (a loss that is no number, a column that is not there)
 * costs a warning, not the search: see train_group.c.
 */
#include "cerebro_pg.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "job_sql.h"
#include "train.h"

#define MAX_TRIALS     10000
#define DEFAULT_TRIALS 20
/* As long as trials lack: a small space gives the same triple often. */
#define DRAWS_PER_TRIAL 16
#define HALVING_RATIO   3

PG_FUNCTION_INFO_V1(cerebro_search_models);
PG_FUNCTION_INFO_V1(cerebro_search_trials);

typedef struct Trial
{
	const char *triple; /* as the space has it */
	int n_epochs;       /* that it asks for */
	int32 model;        /* its latest; 0: none */
	double loss;        /* of that, by the task's metric: smaller is better */
} Trial;

typedef struct Search
{
	const Task *task;
	const char *space;
	int n_asked;
	int64 seed;
	TimestampTz deadline; /* 0: none */
	int n_trials;
	Trial *trials;
	bool is_over; /* the time is */
} Search;

/* ---------------------------------------------------------------- triples */

static int
get_epochs(const char *triple)
{
	cer_arena *arena = host_make_arena(CurrentMemoryContext);
	const cer_mst *mst;
	cer_error err;

	host_check(cer_mst_parse(arena, host_text(triple), &mst, &err), &err);
	return (int) cer_mst_get_epochs(mst);
}

/* The same triple once, where it was drawn twice; no more than were asked for. */
static void
add_trial(Search *search, char *triple)
{
	if (search->n_asked > 0 && search->n_trials == search->n_asked)
		return;
	for (int i = 0; i < search->n_trials; i++)
		if (strcmp(search->trials[i].triple, triple) == 0)
			return;
	search->trials[search->n_trials++] = (Trial){
		.triple = triple, .n_epochs = get_epochs(triple), .loss = INFINITY};
}

/* One parameter is the space, the others are numbers. */
static void
read_triples(Search *search, const char *sql, SqlArgs *args)
{
	MemoryContext caller = CurrentMemoryContext;
	ArchiveScope scope;
	char **triples;
	uint64 n;
	bool is_null;

	archive_enter(&scope);
	n = sql_run(sql, args);
	triples = MemoryContextAlloc(caller, sizeof(char *) * Max(1, n));
	for (uint64 i = 0; i < n; i++)
		triples[i] = MemoryContextStrdup(
			caller,
			TextDatumGetCString(SPI_getbinval(
				SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &is_null)));
	archive_leave(&scope);
	search->trials = palloc0(sizeof(Trial) * Max(1, n));
	for (uint64 i = 0; i < n; i++)
		add_trial(search, triples[i]);
}

static void
draw_points(Search *search)
{
	SqlArgs args = {0};

	sql_add_text(&args, search->space);
	sql_add_int4(&args, MAX_TRIALS);
	sql_add_int4(&args, search->n_asked);
	read_triples(search,
	             "SELECT p::pg_catalog.text"
	             " FROM cerebro.points($1::cerebro.mst_space, $2)"
	             " WITH ORDINALITY p (p, n) ORDER BY n LIMIT NULLIF($3, 0)",
	             &args);
}

static void
draw_sample(Search *search)
{
	SqlArgs args = {0};

	sql_add_text(&args, search->space);
	if (search->n_asked == 0)
		search->n_asked = DEFAULT_TRIALS;
	sql_add_int4(&args, search->n_asked * DRAWS_PER_TRIAL);
	sql_add_int8(&args, search->seed);
	read_triples(search,
	             "SELECT p::pg_catalog.text"
	             " FROM cerebro.sample($1::cerebro.mst_space, $2, $3)"
	             " WITH ORDINALITY p (p, n) ORDER BY n",
	             &args);
}

/* ----------------------------------------------------------------- groups */

static void
read_loss(const Search *search, Trial *trial)
{
	ArchiveScope scope;
	SqlArgs args = {0};
	cer_metrics metrics = {0};
	bool is_null;

	archive_enter(&scope);
	sql_add_int4(&args, trial->model);
	if (sql_run("SELECT valid_log_loss, COALESCE(valid_auc, 0),"
	            " valid_accuracy FROM cerebro.model"
	            " WHERE id OPERATOR(pg_catalog.=) $1",
	            &args) > 0)
	{
		metrics.log_loss = DatumGetFloat8(sql_get(1, &is_null));
		metrics.auc = DatumGetFloat8(sql_get(2, &is_null));
		metrics.accuracy = DatumGetFloat8(sql_get(3, &is_null));
	}
	archive_leave(&scope);
	trial->loss = train_get_metric(search->task, &metrics);
	if (strcmp(search->task->metric, "log_loss") != 0)
		trial->loss = -trial->loss;
}

static bool
is_late(Search *search)
{
	search->is_over =
		search->is_over ||
		(search->deadline != 0 && GetCurrentTimestamp() >= search->deadline);
	return search->is_over;
}

/* For so many epochs; 0: as many as the triple says. */
static const char *
shorten(const Trial *trial, int n_epochs)
{
	cer_arena *arena = host_make_arena(CurrentMemoryContext);
	const cer_change *change;
	const cer_mst *mst;
	cer_text text;
	cer_error err;
	char *edit = psprintf("SET PT.epochs = %d", n_epochs);

	if (n_epochs == 0 || n_epochs >= trial->n_epochs)
		return trial->triple;
	host_check(cer_mst_parse(arena, host_text(trial->triple), &mst, &err),
	           &err);
	host_check(cer_change_parse(arena, host_text(edit), &change, &err), &err);
	host_check(cer_change_apply(arena, mst, change, &mst, NULL, &err), &err);
	host_check(cer_mst_print(arena, mst, &text, &err), &err);
	return pnstrdup(text.data, text.size);
}

/* Trains the first n trials of the search, together; what fails has told. */
static void
train_group(Search *search, int n, int n_epochs)
{
	TrainRequest *requests = palloc0(sizeof(TrainRequest) * Max(1, n));
	TrainResult *results = palloc0(sizeof(TrainResult) * Max(1, n));

	if (is_late(search))
		return;
	for (int i = 0; i < n; i++)
	{
		requests[i].task = search->task;
		requests[i].triple = shorten(&search->trials[i], n_epochs);
	}
	train_together(requests, n, (TrainLimit){search->deadline, false}, results);
	for (int i = 0; i < n; i++)
	{
		Trial *trial = &search->trials[i];

		if (results[i].is_over_time)
			continue;
		if (results[i].model == 0)
		{
			trial->loss = INFINITY;
			continue;
		}
		trial->model = results[i].model;
		read_loss(search, trial);
	}
}

static int
compare_trials(const void *a, const void *b)
{
	const Trial *x = a;
	const Trial *y = b;

	if (x->loss != y->loss)
		return x->loss < y->loss ? -1 : 1;
	return x->model < y->model ? -1 : x->model > y->model;
}

static void
rank_trials(Search *search, int n)
{
	qsort(search->trials, n, sizeof(Trial), compare_trials);
}

/* ------------------------------------------------------------- algorithms */

static void
run_grid(Search *search)
{
	draw_points(search);
	train_group(search, search->n_trials, 0);
}

static void
run_random(Search *search)
{
	draw_sample(search);
	train_group(search, search->n_trials, 0);
}

/* Rungs until one is left for the last: the epochs of that are the triple's. */
static void
run_halving(Search *search)
{
	int n_epochs = 1;
	int share = 1;
	int n;

	draw_sample(search);
	n = search->n_trials;
	for (int i = 0; i < n; i++)
		n_epochs = Max(n_epochs, search->trials[i].n_epochs);
	for (int left = n; left > 1;
	     left = (left + HALVING_RATIO - 1) / HALVING_RATIO)
		share *= HALVING_RATIO;
	for (; n > 1 && !is_late(search); share /= HALVING_RATIO)
	{
		train_group(search, n, Max(1, n_epochs / share));
		rank_trials(search, n);
		n = (n + HALVING_RATIO - 1) / HALVING_RATIO;
	}
	train_group(search, n, 0);
}

typedef struct Algorithm
{
	const char *name;
	void (*draw)(Search *search);
	void (*run)(Search *search);
} Algorithm;

static const Algorithm algorithms[] = {{"grid", draw_points, run_grid},
                                       {"random", draw_sample, run_random},
                                       {"halving", draw_sample, run_halving}};

static const Algorithm *
find_algorithm(const char *name)
{
	for (int i = 0; i < lengthof(algorithms); i++)
		if (strcmp(algorithms[i].name, name) == 0)
			return &algorithms[i];
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	                errmsg("unknown algorithm \"%s\"", name),
	                errhint("There are grid, random and halving.")));
}

/* --------------------------------------------------------------- function */

#define MAX_YEARS 1000

static double
count_years(const Interval *interval)
{
	return interval->month / 12.0 + interval->day / 365.0 +
	       (double) interval->time / USECS_PER_DAY / 365.0;
}

static TimestampTz
find_deadline(FunctionCallInfo fcinfo, int arg)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz deadline;

	if (PG_ARGISNULL(arg))
		return 0;
	if (count_years(PG_GETARG_INTERVAL_P(arg)) > MAX_YEARS)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("the budget of a search must be at most %d "
		                       "years",
		                       MAX_YEARS),
		                errhint("Leave it out to train all trials.")));
	deadline = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
	                                                   TimestampTzGetDatum(now),
	                                                   PG_GETARG_DATUM(arg)));
	if (deadline <= now)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("the budget of a search must be more than no "
		                       "time"),
		                errhint("Leave it out to train all trials.")));
	return deadline;
}

/* 0: none is given. */
static int
get_trials(FunctionCallInfo fcinfo, int arg)
{
	int n_asked = PG_ARGISNULL(arg) ? 0 : PG_GETARG_INT32(arg);

	if (!PG_ARGISNULL(arg) && (n_asked < 1 || n_asked > MAX_TRIALS))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("trials must be from 1 to %d", MAX_TRIALS)));
	return n_asked;
}

/* Of trials and budget leaving out is a choice. */
static void
check_given(FunctionCallInfo fcinfo, const char *const *arguments)
{
	for (int i = 0; i < PG_NARGS(); i++)
		if (arguments[i] != NULL && PG_ARGISNULL(i))
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			                errmsg("argument \"%s\" of a search is NULL",
			                       arguments[i])));
}

static Datum
make_models(Search *search)
{
	Datum *models = palloc(sizeof(Datum) * Max(1, search->n_trials));
	int n = 0;

	for (int i = 0; i < search->n_trials; i++)
		if (search->trials[i].model != 0)
			models[n++] = Int32GetDatum(search->trials[i].model);
	return PointerGetDatum(
		construct_array(models, n, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

Datum
cerebro_search_models(PG_FUNCTION_ARGS)
{
	static const char *const arguments[] = {"task", "space", "algorithm",
	                                        NULL,   NULL,    "seed"};
	Search search = {0};

	check_given(fcinfo, arguments);
	train_check_may_write("cerebro.search()");
	search.task = task_find(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	search.space = TextDatumGetCString(PG_GETARG_DATUM(1));
	search.n_asked = get_trials(fcinfo, 3);
	search.deadline = find_deadline(fcinfo, 4);
	search.seed = PG_GETARG_INT64(5);
	find_algorithm(text_to_cstring(PG_GETARG_TEXT_PP(2)))->run(&search);
	PG_RETURN_DATUM(make_models(&search));
}

/* What a search would train, without training it. */
Datum
cerebro_search_trials(PG_FUNCTION_ARGS)
{
	static const char *const arguments[] = {"space", "algorithm", NULL, "seed"};
	Search search = {0};
	Datum *triples;

	check_given(fcinfo, arguments);
	search.space = TextDatumGetCString(PG_GETARG_DATUM(0));
	search.n_asked = get_trials(fcinfo, 2);
	search.seed = PG_GETARG_INT64(3);
	find_algorithm(text_to_cstring(PG_GETARG_TEXT_PP(1)))->draw(&search);
	triples = palloc(sizeof(Datum) * Max(1, search.n_trials));
	for (int i = 0; i < search.n_trials; i++)
		triples[i] = CStringGetTextDatum(search.trials[i].triple);
	PG_RETURN_ARRAYTYPE_P(construct_array(triples, search.n_trials, TEXTOID, -1,
	                                      false, TYPALIGN_INT));
}
