/*
 * leaderboard.c
 *	  Comparing models row by row: compare_loss(a, b).
 *
 * Two models of one data version were scored on the same validation rows, and
 * their probabilities are kept in the same order.  The mean difference of
 * their losses with its standard error tells apart what two independent means
 * would not: most of the variance is in the rows, which are common.
 *
 *		d_i = loss_a(i) - loss_b(i),  mean(d),  sd(d) / sqrt(n)
 *
 * Probabilities are kept in 1/65535; what is rounded to 0 counts as half a
 * step.
 */
#include "cerebro_pg.h"

#include <math.h>

#include "access/htup_details.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "scores.h"

#define SCORE_STEPS 65535

PG_FUNCTION_INFO_V1(cerebro_find_task);
PG_FUNCTION_INFO_V1(cerebro_compare_loss);
PG_FUNCTION_INFO_V1(cerebro_models_differ);

char *
scores_print_metrics(const cer_metrics *metrics)
{
	if (isnan(metrics->auc))
		return psprintf("valid %.4f", metrics->log_loss);
	return psprintf("valid %.4f  AUC %.4f", metrics->log_loss, metrics->auc);
}

KeptScores
scores_read(const Model *model)
{
	List *parts = model_read_parts(model->id, 1U << CER_PART_VALID_SCORES);
	cer_part *part = parts == NIL ? NULL : linitial(parts);

	if (part == NULL || part->n_dims != 2 ||
	    part->size != part->dims[0] * part->dims[1] * sizeof(uint16))
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
		                errmsg("model %d has no scores of validation rows",
		                       model->id)));
	return (KeptScores){part->data, part->dims[0], part->dims[1]};
}

const uint16 *
scores_read_labels(const Model *model, size_t n_rows)
{
	ArchiveScan *scan = archive_scan_by_id("data_version", model->data_version);
	bool is_null = true;
	bytea *labels = NULL;

	if (archive_scan_next(scan))
	{
		Datum value = archive_scan_get(scan, "valid_labels", &is_null);

		if (!is_null)
			labels = DatumGetByteaPCopy(value);
	}
	archive_scan_end(scan);
	if (labels == NULL || VARSIZE(labels) - VARHDRSZ != n_rows * sizeof(uint16))
		ereport(ERROR,
		        (errcode(ERRCODE_DATA_CORRUPTED),
		         errmsg("data version %d does not have the labels of %zu "
		                "validation rows",
		                model->data_version, n_rows)));
	return (const uint16 *) VARDATA(labels); /* aligned: behind 4 bytes */
}

static double
get_loss(const KeptScores *scores, size_t row, uint16 label)
{
	uint16 score = scores->scores[row * scores->n_classes + label];

	return -log(score == 0 ? 0.5 / SCORE_STEPS : (double) score / SCORE_STEPS);
}

static ScoresDifference
compare(const KeptScores *a, const KeptScores *b, const uint16 *labels)
{
	double n = (double) a->n_rows;
	double mean = 0;
	double squares = 0; /* of deviations, by Welford's recurrence */

	for (size_t row = 0; row < a->n_rows; row++)
	{
		double difference =
			get_loss(a, row, labels[row]) - get_loss(b, row, labels[row]);
		double delta = difference - mean;

		mean += delta / ((double) row + 1);
		squares += delta * (difference - mean);
	}
	return (ScoresDifference){mean,
	                          n > 1 ? sqrt(squares / (n - 1) / n) : INFINITY};
}

void
scores_check_comparable(const Model *a, const Model *b)
{
	if (a->data_version == b->data_version)
		return;
	ereport(
		ERROR,
		(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	     errmsg("models %d and %d cannot be compared row by row", a->id, b->id),
	     errdetail("They were trained on data versions %d and %d, whose "
	               "validation rows differ.",
	               a->data_version, b->data_version),
	     errhint("Train one of them again on today's rows.")));
}

void
scores_check_shapes(const Model *model, const KeptScores *a,
                    const KeptScores *b, const uint16 *labels)
{
	if (a->n_rows != b->n_rows || a->n_classes != b->n_classes)
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
		                errmsg("scores of data version %d differ in shape",
		                       model->data_version)));
	for (size_t row = 0; row < a->n_rows; row++)
		if (labels[row] >= a->n_classes)
			ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
			                errmsg("data version %d has a label of class %d",
			                       model->data_version, labels[row])));
}

ScoresDifference
scores_compare(int32 a, int32 b)
{
	Model models[2];
	KeptScores scores[2];
	const uint16 *labels;

	model_open_to(a, RIGHT_READ, &models[0]);
	model_open_to(b, RIGHT_READ, &models[1]);
	scores_check_comparable(&models[0], &models[1]);
	for (int i = 0; i < 2; i++)
		scores[i] = scores_read(&models[i]);
	labels = scores_read_labels(&models[0], scores[0].n_rows);
	scores_check_shapes(&models[0], &scores[0], &scores[1], labels);
	return compare(&scores[0], &scores[1], labels);
}

Datum
cerebro_compare_loss(PG_FUNCTION_ARGS)
{
	ScoresDifference result =
		scores_compare(PG_GETARG_INT32(0), PG_GETARG_INT32(1));
	TupleDesc desc;
	Datum values[2];
	bool nulls[2] = {false, false};

	values[0] = Float8GetDatum(result.mean);
	values[1] = Float8GetDatum(result.standard_error);
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	PG_RETURN_DATUM(HeapTupleGetDatum(
		heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* The task that a name means to the current user, for SQL functions of ours. */
Datum
cerebro_find_task(PG_FUNCTION_ARGS)
{
	Task *task = task_find(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	bool nulls[2] = {false, false};
	Datum values[2];
	TupleDesc desc;

	values[0] = Int32GetDatum(task->id);
	values[1] = CStringGetTextDatum(task->metric);
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	PG_RETURN_DATUM(HeapTupleGetDatum(
		heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

size_t
scores_get_decision(const KeptScores *scores, size_t row)
{
	const uint16 *of_row = scores->scores + row * scores->n_classes;
	size_t best = 0;

	for (size_t i = 1; i < scores->n_classes; i++)
		if (of_row[i] > of_row[best])
			best = i;
	return best;
}

/* NULL where the validation rows are others. */
Datum
cerebro_models_differ(PG_FUNCTION_ARGS)
{
	Model models[2];
	KeptScores scores[2];
	uint64 n_differ = 0;

	for (int i = 0; i < 2; i++)
		model_open_to(PG_GETARG_INT32(i), RIGHT_READ, &models[i]);
	if (models[0].data_version != models[1].data_version)
		PG_RETURN_NULL();
	for (int i = 0; i < 2; i++)
		scores[i] = scores_read(&models[i]);
	if (scores[0].n_rows != scores[1].n_rows ||
	    scores[0].n_classes != scores[1].n_classes || scores[0].n_rows == 0)
		PG_RETURN_NULL();
	for (size_t row = 0; row < scores[0].n_rows; row++)
		n_differ += scores_get_decision(&scores[0], row) !=
		            scores_get_decision(&scores[1], row);
	PG_RETURN_FLOAT8((double) n_differ / (double) scores[0].n_rows);
}
