/*
 * train_plan.c
 *	  What a training will do and cost, before it begins: explain_train.
 *
 * Figures come from trainings before: seconds a value of columns that were read
 * or kept, seconds an epoch and bytes of the model of this task whose triple is
 * nearest.  What came of a plan is kept with its model, for explain_model and
 * for the plans that follow.
 */
#include "cerebro_pg.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "ensemble.h"
#include "extract.h"
#include "job_sql.h"
#include "train.h"

PG_FUNCTION_INFO_V1(cerebro_plan_train);
PG_FUNCTION_INFO_V1(cerebro_plan_change);

/* Seconds a value where nothing was measured yet. */
#define SECONDS_READ 40e-9
#define SECONDS_KEPT 7e-9

static double
get_double(int column, double otherwise)
{
	bool is_null;
	Datum value = sql_get(column, &is_null);

	return is_null ? otherwise : DatumGetFloat8(value);
}

/* ----------------------------------------------------------------- reading */

static void
list_columns(Training *training, const ReadPlan *plan)
{
	TrainPlan *expected = &training->expected;

	expected->columns = palloc((plan->n_inputs + 1) * sizeof(Datum));
	expected->kept = palloc((plan->n_inputs + 1) * sizeof(Datum));
	for (int i = 0; i < plan->n_inputs; i++)
	{
		Datum name = PointerGetDatum(cstring_to_text_with_len(
			plan->inputs[i].name.data, plan->inputs[i].name.size));

		expected->columns[expected->n_columns++] = name;
		if (training->extract != NULL && extract_has(training->extract, i))
			expected->kept[expected->n_kept++] = name;
	}
}

/* In an archive scope: rows of the newest version, as more is not known. */
static int64
count_rows(const Training *training)
{
	SqlArgs args = {0};
	bool is_null;

	if (training->extract != NULL && extract_count_rows(training->extract) >= 0)
		return extract_count_rows(training->extract);
	sql_add_int4(&args, training->task->id);
	if (sql_run("SELECT (SELECT pg_catalog.sum(r) FROM"
	            " pg_catalog.unnest(v.class_rows[1:2][:]) r)::pg_catalog.int8"
	            " FROM cerebro.data_version v"
	            " WHERE v.task OPERATOR(pg_catalog.=) $1"
	            " ORDER BY v.id DESC LIMIT 1",
	            &args) == 0)
		return -1;
	return DatumGetInt64(sql_get(1, &is_null));
}

/* In an archive scope. */
static void
estimate_read(Training *training)
{
	TrainPlan *expected = &training->expected;
	double n_values = (double) Max(0, expected->n_rows);
	int n_read = expected->n_columns - expected->n_kept;
	SqlArgs args = {0};

	sql_add_int4(&args, training->task->id);
	sql_run("SELECT pg_catalog.avg(s) FILTER (WHERE n_kept"
	        " OPERATOR(pg_catalog.=) 0), pg_catalog.avg(s) FILTER (WHERE n_kept"
	        " OPERATOR(pg_catalog.=) n_columns) FROM (SELECT p.n_kept,"
	        " p.n_columns, p.actual_read_seconds OPERATOR(pg_catalog./)"
	        " GREATEST(p.n_rows OPERATOR(pg_catalog.*) p.n_columns,"
	        " 1)::pg_catalog.float8 AS s FROM cerebro.model_plan p"
	        " JOIN cerebro.model m ON m.id OPERATOR(pg_catalog.=) p.model"
	        " WHERE m.task OPERATOR(pg_catalog.=) $1"
	        " ORDER BY p.model DESC LIMIT 20) x",
	        &args);
	/* a scan costs something for each row, however few columns it has */
	expected->read_seconds =
		n_values * expected->n_kept * get_double(2, SECONDS_KEPT);
	if (n_read > 0)
		expected->read_seconds += n_values * get_double(1, SECONDS_READ) *
		                          (n_read + expected->n_columns) / 2;
}

/* ---------------------------------------------------------------- training */

/* In an archive scope: of the nearest triple among the last of this task that
 * the role may read. */
static void
estimate_epochs(Training *training, Oid role)
{
	TrainPlan *expected = &training->expected;
	SqlArgs args = {0};
	bool is_null;

	sql_add_int4(&args, training->task->id);
	sql_add_text(&args, training->attempt->triple);
	sql_add(&args, OIDOID, ObjectIdGetDatum(role), false);
	if (sql_run("SELECT m.id, (SELECT pg_catalog.avg(e.seconds)"
	            " FROM cerebro.epoch e WHERE e.model OPERATOR(pg_catalog.=)"
	            " m.id), p.actual_bytes FROM (SELECT * FROM cerebro.model"
	            " WHERE task OPERATOR(pg_catalog.=) $1"
	            " AND cerebro.is_owner(owner, $3) ORDER BY id DESC LIMIT 100) m"
	            " JOIN cerebro.model_plan p ON p.model OPERATOR(pg_catalog.=)"
	            " m.id ORDER BY m.mst OPERATOR(cerebro.<->) $2::cerebro.mst,"
	            " m.id DESC LIMIT 1",
	            &args) == 0)
		return;
	expected->like = DatumGetInt32(sql_get(1, &is_null));
	expected->train_seconds =
		get_double(2, 0) * (expected->n_epochs - expected->n_found);
	expected->bytes = DatumGetInt64(sql_get(3, &is_null));
}

void
training_estimate(Training *training, const ReadPlan *plan)
{
	TrainPlan *expected = &training->expected;
	Oid role = GetUserId();
	ArchiveScope scope;

	list_columns(training, plan);
	expected->model = training->found;
	expected->n_epochs = (int32) cer_mst_get_epochs(training->mst);
	expected->is_known = training->story != NULL;
	if (expected->is_known && training->found == 0)
		expected->n_found = list_length(training_find_epochs(training));
	expected->start = training_expect_start(training);
	archive_enter(&scope);
	expected->n_rows = count_rows(training);
	if (training->found == 0)
	{
		estimate_read(training);
		estimate_epochs(training, role);
	}
	archive_leave(&scope);
}

/* ----------------------------------------------------------------- keeping */

static Datum
make_texts(const Datum *texts, int n)
{
	return PointerGetDatum(construct_array(unconstify(Datum *, texts), n,
	                                       TEXTOID, -1, false, TYPALIGN_INT));
}

static int64
count_bytes(const Training *training)
{
	int64 bytes = 0;
	ListCell *cell;

	for (uint32 i = 0; i < training->n_parts; i++)
		bytes += (int64) training->parts[i].size;
	foreach (cell, training->states)
	{
		const TrainedState *state = lfirst(cell);

		for (uint32 i = 0; i < state->n_parts; i++)
			bytes += (int64) state->parts[i].size;
	}
	return bytes;
}

static double
sum_epochs(const Training *training)
{
	double seconds = 0;
	ListCell *cell;

	foreach (cell, training->epochs)
	{
		const cer_epoch *epoch = lfirst(cell);

		if (epoch->epoch > training->n_found)
			seconds += epoch->seconds;
	}
	return seconds;
}

void
training_write_plan(const Training *training)
{
	const TrainPlan *expected = &training->expected;
	SqlArgs args = {0};

	sql_add_int4(&args, training->attempt->record.model);
	sql_add_int8(&args, training->n_sent);
	sql_add_int4(&args, expected->n_columns);
	sql_add_int4(&args, expected->n_kept);
	sql_add(&args, TEXTARRAYOID,
	        make_texts(expected->columns, expected->n_columns), false);
	sql_add(&args, TEXTARRAYOID, make_texts(expected->kept, expected->n_kept),
	        false);
	sql_add_int4(&args, expected->n_epochs);
	sql_add(&args, INT4OID, Int32GetDatum(expected->n_found),
	        !expected->is_known);
	sql_add(&args, INT4OID, Int32GetDatum(expected->like), expected->like == 0);
	sql_add_double(&args, expected->read_seconds);
	sql_add_double(&args, expected->like == 0 ? NAN : expected->train_seconds);
	sql_add(&args, INT8OID, Int64GetDatum(expected->bytes),
	        expected->like == 0);
	sql_add_double(&args, training->stats.seconds);
	sql_add_int4(&args, list_length(training->epochs));
	sql_add_int4(&args, (int32) training->n_found);
	sql_add_double(&args, sum_epochs(training));
	sql_add_double(&args, training->done.seconds);
	sql_add_int8(&args, count_bytes(training));
	sql_add_text(&args, expected->start);
	sql_add_text(&args, training_describe_start(training));
	sql_run("INSERT INTO cerebro.model_plan (model, n_rows, n_columns, n_kept,"
	        " columns, kept, n_epochs, n_found, costs_of, read_seconds,"
	        " train_seconds, bytes, actual_read_seconds, actual_epochs,"
	        " actual_found, actual_train_seconds, actual_seconds, actual_bytes,"
	        " start, actual_start)"
	        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,"
	        " $14, $15, $16, $17, $18, $19, $20)",
	        &args);
}

/* ---------------------------------------------------------------- function */

/* The row of cerebro.model_plan that the training would have, as far as that is
 * known; model: the one that is there. */
static Datum
make_row(FunctionCallInfo fcinfo, const TrainPlan *plan)
{
	TupleDesc desc;
	Datum values[20] = {0};
	bool nulls[lengthof(values)];

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE ||
	    desc->natts != lengthof(values))
		elog(ERROR, "cerebro.plan_train() does not return a plan");
	memset(nulls, true, sizeof(nulls));
	memset(nulls, false, 12 * sizeof(bool));
	values[0] = Int32GetDatum(plan->model);
	values[1] = Int64GetDatum(plan->n_rows);
	values[2] = Int32GetDatum(plan->n_columns);
	values[3] = Int32GetDatum(plan->n_kept);
	values[4] = make_texts(plan->columns, plan->n_columns);
	values[5] = make_texts(plan->kept, plan->n_kept);
	values[6] = Int32GetDatum(plan->n_epochs);
	values[7] = Int32GetDatum(plan->n_found);
	values[8] = Int32GetDatum(plan->like);
	values[9] = Float8GetDatum(plan->read_seconds);
	values[10] = Float8GetDatum(plan->train_seconds);
	values[11] = Int64GetDatum(plan->bytes);
	if (plan->start != NULL)
		values[18] = CStringGetTextDatum(plan->start);
	nulls[18] = plan->start == NULL;
	nulls[0] = plan->model == 0;
	nulls[1] = plan->n_rows < 0;
	nulls[7] = !plan->is_known;
	nulls[8] = nulls[10] = nulls[11] = plan->like == 0;
	return HeapTupleGetDatum(
		heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

static Datum
plan_attempt(FunctionCallInfo fcinfo, Attempt *attempt, const char *triple)
{
	Training *training;
	volatile Datum row = 0;

	attempt->triple = train_canonical(triple);
	training = training_new(attempt, triple);
	training->is_explained = true;
	training->may_find = true;
	PG_TRY();
	{
		(void) training_read(training);
		row = make_row(fcinfo, &training->expected);
	}
	PG_FINALLY();
	{
		training_free(training);
	}
	PG_END_TRY();
	return row;
}

Datum
cerebro_plan_train(PG_FUNCTION_ARGS)
{
	static const char *const arguments[] = {"task", "mst"};
	Attempt attempt = {0};

	train_check_given(fcinfo, "cerebro.plan_train()", arguments, 2);
	attempt.record.task = task_find(text_to_cstring(PG_GETARG_TEXT_PP(0)))->id;
	PG_RETURN_DATUM(
		plan_attempt(fcinfo, &attempt, text_to_cstring(PG_GETARG_TEXT_PP(1))));
}

Datum
cerebro_plan_change(PG_FUNCTION_ARGS)
{
	static const char *const arguments[] = {"model", "change", "warm"};
	Attempt attempt = {0};
	Model model;

	train_check_given(fcinfo, "cerebro.plan_change()", arguments, 2);
	attempt.record.is_warm = train_plans_warm() && PG_GETARG_BOOL(2);
	model_open_to(PG_GETARG_INT32(0), RIGHT_READ, &model);
	ensemble_check_none(&model);
	attempt.record.task = model.task;
	attempt.record.parent = model.id;
	PG_RETURN_DATUM(
		plan_attempt(fcinfo, &attempt, train_apply_change(&model, fcinfo)));
}
