/*
 * deploy_quantile.c
 *	  How a model's scores are spread: quantiles of its validation rows, kept
 *	  with a deployment for the planner.
 */
#include "deployment.h"

#include "catalog/pg_type.h"
#include "utils/array.h"

#define N_QUANTILES 101

static int
compare_scores(const void *a, const void *b)
{
	return (int) *(const uint16 *) a - (int) *(const uint16 *) b;
}

/* Of class 1, sorted; part is (rows, 2). */
static uint16 *
sort_scores(const cer_part *part, size_t n_rows)
{
	const uint16 *scores = part->data;
	uint16 *sorted = palloc(n_rows * sizeof(uint16));

	for (size_t i = 0; i < n_rows; i++)
		sorted[i] = scores[2 * i + 1];
	qsort(sorted, n_rows, sizeof(uint16), compare_scores);
	return sorted;
}

Datum
deploy_make_quantiles(int32 model)
{
	List *parts = model_read_parts(model, 1U << CER_PART_VALID_SCORES);
	const cer_part *part = parts != NIL ? linitial(parts) : NULL;
	Datum quantiles[N_QUANTILES];
	uint16 *sorted;
	size_t n_rows;

	if (part == NULL || part->n_dims != 2 || part->dims[1] != 2)
		return (Datum) 0;
	n_rows = part->size / (2 * sizeof(uint16));
	if (n_rows == 0)
		return (Datum) 0;
	sorted = sort_scores(part, n_rows);
	for (int i = 0; i < N_QUANTILES; i++)
		quantiles[i] = Float4GetDatum(
			(float4) sorted[(n_rows - 1) * i / (N_QUANTILES - 1)] / 65535.0F);
	return PointerGetDatum(construct_array(quantiles, N_QUANTILES, FLOAT4OID,
	                                       sizeof(float4), true, TYPALIGN_INT));
}

/* Between two quantiles shares are taken as even. */
static double
find_share(const float4 *quantiles, int n, double value)
{
	int low = 0;
	int high = n - 1;

	if (value < quantiles[0])
		return 0;
	if (value >= quantiles[high])
		return 1;
	while (high - low > 1)
	{
		int middle = (low + high) / 2;

		if (value >= quantiles[middle])
			low = middle;
		else
			high = middle;
	}
	return (low + (value - quantiles[low]) /
	                  ((double) quantiles[high] - quantiles[low])) /
	       (n - 1);
}

double
deploy_find_share(int32 deployment, double value)
{
	ArchiveScan *scan = archive_scan_by_id("deployment", deployment);
	double share = -1;

	if (archive_scan_next(scan))
	{
		bool is_null;
		Datum stored = archive_scan_get(scan, "quantiles", &is_null);
		ArrayType *array = is_null ? NULL : DatumGetArrayTypeP(stored);
		int n = array == NULL
		            ? 0
		            : ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));

		if (n > 1 && !ARR_HASNULL(array))
			share = find_share((float4 *) ARR_DATA_PTR(array), n, value);
	}
	archive_scan_end(scan);
	return share;
}
