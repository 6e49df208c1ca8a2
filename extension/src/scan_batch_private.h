/*
 * scan_batch_private.h
 *	  What the files of a scan node's batch know of it: its calls, their models
 *	  and its rows.
 */
#ifndef CEREBRO_SCAN_BATCH_PRIVATE_H
#define CEREBRO_SCAN_BATCH_PRIVATE_H

#include "scan_batch.h"
#include "scan_company.h"
#include "scan_deform.h"
#include "scan_why.h"

#define PIECE_ROWS 256 /* scored between looks for interrupts */

typedef struct BatchCall
{
	ScoreCall call;
	RowType row;
	int record;   /* attribute of the child that is the row; 0: */
	int *columns; /* by attribute of the row: of the child, from 0, or -1 */
	ScorerUse *use;
	int like;     /* the first call of the same row: maybe this one */
	ScanWhy *why; /* of its own, or of calls that it computes; or NULL */
	int company;  /* calls of the same number are of the same row */

	/* for the model that the call means now */
	Scorer *scorer;
	uint64 serial; /* of the scorer; 0: nothing of what follows is there */
	MemoryContext model_context; /* of what follows */
	ScorerMap *map;
	ScorerLookup *lookup; /* of a model that reads other tables; else NULL */
	List *readers;        /* scorers of followers that keep what is their own */
	size_t n_classes;
	MemoryContext context; /* of what follows */
	int capacity;          /* rows */
	int stride;
	cer_value *values; /* side by side: (n_values, stride) */
	float *proba;
	int n_scored;
	int *places; /* by row: among the scored ones, or -1: the row is NULL */
	Size scratch_size;
	void *scratch;

	/* those that follow it: which calls, and what is asked of their models */
	int n_followers;
	int *following;
	cer_follower *followers;
} BatchCall;

typedef struct PassedColumn
{
	int attribute; /* of the child's slot, from 1; below 0: system column */
	bool is_by_value;
	int16 size;
} PassedColumn;

struct ScanBatch
{
	MemoryContext context;
	MemoryContext rows; /* values of the rows */
	MemoryContext work; /* while one is added */
	int n_calls;
	BatchCall *calls;
	ScanAsked *asked; /* by call */
	ScanCompany *company;
	int n_passed;
	PassedColumn *passed;
	int n_attributes;       /* of the child's slot that are read */
	ScanDeformer *deformer; /* of the last row; NULL until there was one */
	bool is_on_scan;
	double expected; /* rows of the statement */
	double n_seen;   /* that came before this batch, in all scans */
	char *shared;   /* by call, with the statement's other processes; or NULL */
	dsa_area *area; /* of the statement, or NULL */

	int n_rows;
	int capacity;
	Size n_bytes;
	Datum *values; /* (n_rows, n_passed) */
	bool *nulls;
	bool *are_left_out;    /* by row */
	ItemPointerData *tids; /* where rows lie, and of which table */
	Oid *tables;
};

/* Whether it has values of its own rows, for itself or for followers, too. */
static inline bool
scan_batch_computes_rows(const ScanBatch *batch, int call)
{
	return batch->company[call].twin < 0 && batch->company[call].leader < 0;
}

static inline cer_together
scan_batch_get_together(const BatchCall *call)
{
	return (cer_together){.model = scorer_get_model(call->scorer),
	                      .proba = call->proba,
	                      .n_followers = call->n_followers,
	                      .followers = call->followers};
}

/* The calls' models as things are now, with room for n_rows; scan_batch_models.c */
extern void scan_batch_prepare_models(ScanBatch *batch, int n_rows);

#endif
