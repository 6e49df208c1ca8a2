/*
 * scan_company.h
 *	  Which of a node's calls compute the same, or begin with the same.
 */
#ifndef CEREBRO_SCAN_COMPANY_H
#define CEREBRO_SCAN_COMPANY_H

#include "scorer.h"

/* What a call asks. */
typedef struct ScanAsked
{
	Scorer *scorer;
	int like; /* the first call of the same row */
} ScanAsked;

/* Of a call those before it; -1: none. */
typedef struct ScanCompany
{
	int twin;        /* asks the same */
	int leader;      /* has the values of its rows, and computes */
	size_t n_shared; /* so many of its first layers */
} ScanCompany;

/* By call. */
extern void
scan_company_find(int n_calls, const ScanAsked *asked, ScanCompany *company);
/* What calls have in common, for EXPLAIN: List of char *. */
extern List *scan_company_describe(int n_calls, const ScanAsked *asked,
                                   const ScanCompany *company);

#endif
