/*
 * train/metrics.c
 *	  Log loss, area under the ROC curve, accuracy.
 *
 * AUC is the share of (positive, negative) pairs that the scores put in order,
 * a tie counting half (Mann and Whitney 1947).  Pairs are counted in whole
 * numbers, so the result is exact and does not depend on the order of rows.
 */
#include "base/error.h"
#include "base/size.h"
#include "base/sort.h"

#include <math.h>
#include <string.h>

#define LEAST_PROBABILITY 1e-7

typedef struct scores
{
	size_t n_rows;
	size_t n_classes;
	const float *proba; /* (n_rows, n_classes) */
	const uint16_t *labels;
	uint64_t *keys; /* room for n_rows, to sort */
	uint64_t *scratch;
} scores;

static cer_status check_scores(const scores *of, cer_error *err);
static double find_log_loss(const scores *of);
static double find_auc(const scores *of);
static double find_accuracy(const scores *of);

cer_status
cer_metrics_compute(const cer_host *host, size_t n_rows, size_t n_classes,
                    const float *proba, const uint16_t *labels,
                    cer_metrics *metrics, cer_error *err)
{
	scores of = {n_rows, n_classes, proba, labels, NULL, NULL};
	size_t size = cer_size_multiply(n_rows, 2 * sizeof(*of.keys));

	CER_TRY(check_scores(&of, err));
	of.keys = size < SIZE_MAX ? host->allocate(host->self, size) : NULL;
	if (of.keys == NULL)
		return cer_fail_memory(err, size);
	of.scratch = of.keys + n_rows;
	*metrics = (cer_metrics){
		.n_rows = n_rows,
		.log_loss = find_log_loss(&of),
		.auc = find_auc(&of),
		.accuracy = find_accuracy(&of),
	};
	host->release(host->self, of.keys, size);
	return CER_OK;
}

static cer_status
check_scores(const scores *of, cer_error *err)
{
	size_t n = cer_size_multiply(of->n_rows, of->n_classes);

	if (of->n_rows == 0 || of->n_classes < 2)
		return cer_fail(err, CER_BAD_DATA,
		                "%zu rows of %zu classes cannot be measured",
		                of->n_rows, of->n_classes);
	for (size_t row = 0; row < of->n_rows; row++)
		if (of->labels[row] >= of->n_classes)
			return cer_fail(err, CER_BAD_DATA,
			                "row of class %d, there are %zu classes",
			                of->labels[row], of->n_classes);
	for (size_t i = 0; i < n; i++)
		/* a sum of rounded parts may be a little above 1 */
		if (!(of->proba[i] >= 0 && of->proba[i] < 1.001f))
			return cer_fail(err, CER_NOT_FINITE,
			                "row %zu has a probability of %g",
			                i / of->n_classes, (double) of->proba[i]);
	return CER_OK;
}

static double
find_log_loss(const scores *of)
{
	double sum = 0;

	for (size_t row = 0; row < of->n_rows; row++)
	{
		double p = of->proba[row * of->n_classes + of->labels[row]];

		sum -= log(p > LEAST_PROBABILITY ? p : LEAST_PROBABILITY);
	}
	return sum / (double) of->n_rows;
}

/* ---- area under the curve ---- */

/* The score's bits, which order numbers that are not negative, above whether
 * the row has the label. */
static void
list_keys(const scores *of, size_t label)
{
	for (size_t row = 0; row < of->n_rows; row++)
	{
		/* one zero */
		float p = of->proba[row * of->n_classes + label] + 0.0f;
		uint32_t bits;

		memcpy(&bits, &p, sizeof(bits));
		of->keys[row] = (uint64_t) bits << 32 | (of->labels[row] == label);
	}
}

/* One label against the rest; NaN unless rows of both are there. */
static double
find_label_auc(const scores *of, size_t label)
{
	uint64_t n_positive = 0;
	uint64_t n_negative = 0;
	uint64_t half_pairs = 0;

	list_keys(of, label);
	cer_sort_keys(of->keys, of->scratch, of->n_rows);
	for (size_t first = 0, end; first < of->n_rows; first = end)
	{
		uint64_t score = of->keys[first] >> 32;
		uint64_t positive = 0;

		for (end = first; end < of->n_rows && of->keys[end] >> 32 == score;
		     end++)
			positive += of->keys[end] & 1;
		half_pairs += positive * (2 * n_negative + (end - first - positive));
		n_positive += positive;
		n_negative += end - first - positive;
	}
	if (n_positive == 0 || n_negative == 0)
		return NAN;
	return (double) half_pairs /
	       (2 * (double) n_positive * (double) n_negative);
}

static double
find_auc(const scores *of)
{
	double sum = 0;
	size_t n = 0;

	if (of->n_classes == 2)
		return find_label_auc(of, 1);
	for (size_t label = 0; label < of->n_classes; label++)
	{
		double auc = find_label_auc(of, label);

		if (isnan(auc))
			continue;
		sum += auc;
		n++;
	}
	return n > 0 ? sum / (double) n : NAN;
}

/* ---- accuracy ---- */

static size_t
find_likeliest(const float *proba, size_t n_classes)
{
	size_t best = 0;

	for (size_t label = 1; label < n_classes; label++)
		if (proba[label] > proba[best])
			best = label;
	return best;
}

static double
find_accuracy(const scores *of)
{
	size_t n_right = 0;

	for (size_t row = 0; row < of->n_rows; row++)
		n_right += find_likeliest(of->proba + row * of->n_classes,
		                          of->n_classes) == of->labels[row];
	return (double) n_right / (double) of->n_rows;
}
