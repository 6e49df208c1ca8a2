/*
 * auto.c
 *	  AS auto: what is trained instead, by the task's training rows and the
 *	  budget, and what is kept of it.
 *
 *	 request -> triples of the library's portfolio -> models -> their ensemble
 */
#include "cerebro_pg.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "auto.h"
#include "ensemble.h"
#include "job_sql.h"

#define N_CHOICES 25 /* of an ensemble's members */

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

static const cer_auto_try *
list_tries(cer_arena *arena, const Task *task, const cer_mst *mst, size_t *n)
{
	const cer_auto_try *tries;
	cer_error err = {0};

	host_check(
		cer_auto_make(arena, mst, count_training_rows(task), &tries, n, &err),
		&err);
	return tries;
}

const char *
auto_resolve(const Task *task, const char *triple)
{
	cer_arena *arena = host_make_arena(CurrentMemoryContext);
	const cer_mst *mst = parse(arena, triple);
	const cer_auto_try *tries;
	size_t n_tries;

	if (!cer_mst_is_auto(mst))
		return triple;
	if (cer_mst_get_budget(mst) > 0)
		ereport(ERROR,
		        (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		         errmsg("AS auto with a budget is not trained in the "
		                "background, nor together with others"),
		         errhint("Train it alone, with wait => true, or leave the "
		                 "budget out.")));
	tries = list_tries(arena, task, mst, &n_tries);
	return print(arena, tries[0].mst);
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

static double
count_seconds(TimestampTz since)
{
	return (double) (GetCurrentTimestamp() - since) / USECS_PER_SEC;
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

int32
auto_train(const TrainRequest *asked)
{
	cer_arena *arena = host_make_arena(CurrentMemoryContext);
	const cer_mst *mst = parse(arena, asked->triple);
	char *request = print(arena, mst);
	double budget = cer_mst_get_budget(mst);
	TimestampTz start = GetCurrentTimestamp();
	double seconds_of_one = 0; /* of a cost of 1 */
	size_t n_tries;
	const cer_auto_try *tries = list_tries(arena, asked->task, mst, &n_tries);
	Datum *models = palloc(sizeof(Datum) * n_tries);
	int n_models = 0;

	for (size_t i = 0; i < n_tries; i++)
	{
		TimestampTz begin = GetCurrentTimestamp();
		TrainRequest one = *asked;
		int32 model;

		if (count_seconds(start) + tries[i].cost * seconds_of_one > budget &&
		    n_models > 0)
			continue;
		one.triple = print(arena, tries[i].mst);
		model = train_request(&one, true);
		note_request(model, request);
		models[n_models++] = Int32GetDatum(model);
		if (i == 0)
			seconds_of_one = count_seconds(begin) / tries[i].cost;
	}
	return n_models == 1 ? DatumGetInt32(models[0])
	                     : put_together(models, n_models, request);
}
