/*
 * compare.c
 *	  Two models over the same validation rows: differences of metrics with
 *	  intervals of a paired bootstrap; see core/train/bootstrap.c.
 */
#include "cerebro_pg.h"

#include <math.h>

#include "access/htup_details.h"
#include "funcapi.h"

#include "scores.h"

#define N_COLUMNS 11

PG_FUNCTION_INFO_V1(cerebro_compare_pair);

static int
add_interval(const cer_interval *interval, Datum *values, bool *nulls)
{
	const double numbers[] = {interval->value, interval->low, interval->high};

	for (int i = 0; i < lengthof(numbers); i++)
	{
		values[i] = Float8GetDatum(numbers[i]);
		nulls[i] = isnan(numbers[i]);
	}
	return lengthof(numbers);
}

static Datum
make_row(FunctionCallInfo fcinfo, const cer_comparison *comparison,
         size_t n_rows)
{
	TupleDesc desc;
	Datum values[N_COLUMNS];
	bool nulls[N_COLUMNS] = {false};
	int n = 0;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	n += add_interval(&comparison->log_loss, values + n, nulls + n);
	n += add_interval(&comparison->auc, values + n, nulls + n);
	n += add_interval(&comparison->accuracy, values + n, nulls + n);
	values[n++] = Int64GetDatum((int64) comparison->n_disagree);
	values[n++] =
		Float8GetDatum((double) comparison->n_disagree / (double) n_rows);
	return HeapTupleGetDatum(
		heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

Datum
cerebro_compare_pair(PG_FUNCTION_ARGS)
{
	cer_host host = host_make();
	cer_comparison_input in = {.seed = (uint64) PG_GETARG_INT64(3)};
	cer_comparison comparison;
	cer_error err = {0};
	KeptScores scores[2];
	Model models[2];
	int32 n_resamples = PG_GETARG_INT32(2);

	for (int i = 0; i < 2; i++)
		model_open_to(PG_GETARG_INT32(i), RIGHT_READ, &models[i]);
	scores_check_comparable(&models[0], &models[1]);
	for (int i = 0; i < 2; i++)
	{
		scores[i] = scores_read(&models[i]);
		in.scores[i] = scores[i].scores;
	}
	in.n_rows = scores[0].n_rows;
	in.n_classes = scores[0].n_classes;
	in.n_resamples = n_resamples < 0 ? 0 : (size_t) n_resamples;
	in.labels = scores_read_labels(&models[0], in.n_rows);
	scores_check_shapes(&models[0], &scores[0], &scores[1], in.labels);
	host_check(cer_compare(&host, &in, &comparison, &err), &err);
	return make_row(fcinfo, &comparison, in.n_rows);
}
