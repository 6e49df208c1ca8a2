/*
 * scan_why.c
 *	  What features add to the predictions of a batch's rows.
 *
 * Rows are explained when the first of them is handed on, some together, so
 * that those that a condition keeps out, or a limit leaves in the batch, cost
 * next to nothing.
 */
#include "scan_why.h"

struct ScanWhy
{
	MemoryContext context; /* of explanations */
	int n;
	int places[CER_EXPLAIN_ROWS];
	cer_explanation explained[CER_EXPLAIN_ROWS];
};

ScanWhy *
scan_why_make(void)
{
	ScanWhy *why = palloc0(sizeof(ScanWhy));

	why->context = AllocSetContextCreate(
		CurrentMemoryContext, "cerebro explanations", ALLOCSET_DEFAULT_SIZES);
	return why;
}

void
scan_why_clear(ScanWhy *why)
{
	why->n = 0;
}

const cer_explanation *
scan_why_find(const ScanWhy *why, int place)
{
	for (int i = 0; i < why->n; i++)
		if (why->places[i] == place)
			return &why->explained[i];
	return NULL;
}

static cer_value *
gather(const ScanWhyRows *rows, int n, const int *places)
{
	size_t n_values = cer_model_count_values(scorer_get_model(rows->scorer));
	cer_value *values = palloc(n_values * CER_EXPLAIN_ROWS * sizeof(cer_value));

	for (size_t i = 0; i < n_values; i++)
		for (int k = 0; k < n; k++)
			values[i * CER_EXPLAIN_ROWS + k] =
				rows->values[i * rows->stride + places[k]];
	for (int k = 0; rows->lookup != NULL && k < n; k++)
		scorer_lookup_fill(rows->lookup, places[k], values + k,
		                   CER_EXPLAIN_ROWS);
	return values;
}

void
scan_why_explain(ScanWhy *why, const ScanWhyRows *rows, int n,
                 const int *places)
{
	MemoryContext caller;
	cer_score_rows some = {.n_rows = n, .stride = CER_EXPLAIN_ROWS};

	Assert(n <= CER_EXPLAIN_ROWS);
	why->n = 0;
	MemoryContextReset(why->context);
	caller = MemoryContextSwitchTo(why->context);
	some.values = gather(rows, n, places);
	scorer_explain_rows(rows->scorer, host_make_arena(why->context), &some,
	                    why->explained);
	memcpy(why->places, places, n * sizeof(int));
	why->n = n;
	MemoryContextSwitchTo(caller);
}
