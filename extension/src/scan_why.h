/*
 * scan_why.h
 *	  What features add to the predictions of a batch's rows.
 */
#ifndef CEREBRO_SCAN_WHY_H
#define CEREBRO_SCAN_WHY_H

#include "scorer.h"

/* Of some rows, by place; CER_EXPLAIN_ROWS at most. */
typedef struct ScanWhy ScanWhy;

/* In the current memory context. */
extern ScanWhy *scan_why_make(void);
extern void scan_why_clear(ScanWhy *why);
/* NULL: the row is not among them. */
extern const cer_explanation *scan_why_find(const ScanWhy *why, int place);

/* The scored rows. */
typedef struct ScanWhyRows
{
	Scorer *scorer;
	const cer_value *values; /* side by side */
	int stride;
	const ScorerLookup *lookup; /* has those that values lack; or NULL */
} ScanWhyRows;

/* In place of those that are there; places ascend. */
extern void scan_why_explain(ScanWhy *why, const ScanWhyRows *rows, int n,
                             const int *places);

#endif
