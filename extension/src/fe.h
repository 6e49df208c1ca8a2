/*
 * fe.h
 *	  A triple's FE against the catalog: JOIN, AGGREGATE and expressions become
 *	  one query over the task's source.
 *
 *	 SELECT inputs, then what the task adds (label, keys, split, as_of, known)
 *	 FROM (task's query) source
 *		  LEFT JOIN planes ON ...
 *		  LEFT JOIN LATERAL (SELECT ... newest row ...) weather ON true
 *		  LEFT JOIN LATERAL (SELECT aggregates ...) orders ON true
 *
 * The query has the layout of a task's own, so that whatever reads a task
 * reads it: it is handed on as a copy of the task.  Its text is kept with the
 * model: ways between tables and times that are declared later change nothing.
 * Without JOIN, AGGREGATE and expressions the task's own query will do.
 *
 * Tables are found by the search path that is stored with the task, functions
 * and operators in pg_catalog; all is read with the rights of who asks.
 */
#ifndef CEREBRO_FE_H
#define CEREBRO_FE_H

#include "cerebro_pg.h"

typedef struct Features
{
	/* all that FE could choose from, as the library wants them */
	cer_column *columns;
	int n_columns;

	/* what is read: a task and, by input, positions among its columns */
	const Task *task;
	size_t *inputs;
	size_t n_inputs;
	const char *query; /* to be kept with the model; NULL: the task's own */
} Features;

/*
 * Under the task's settings (the caller enters them).  Raises where the triple
 * asks for what is not there.  Without looking the data are not read: whether
 * a JOIN finds one row at most, and whether it always finds one, stays open.
 */
extern Features *fe_make(const Task *task, const cer_mst *mst, bool is_looking);

/* The task as a model reads it: itself, or a copy with the model's query. */
extern Task *fe_open(Task *task, const Model *model);

/* Raises: a row came twice, as a JOIN has come to find several. */
extern void fe_fail_twice(const Task *task) pg_attribute_noreturn();

/* ---------------------------------------------------------------- scoring */

/* Values of a model's inputs for rows of any type, looked up in batches. */
typedef struct FeLookup FeLookup;

/* targets are positions in the query of task, which fe_open returned. */
extern FeLookup *fe_lookup_make(const Task *task, TupleDesc record,
                                const int *targets, int n_targets);
extern Oid fe_lookup_get_type(const FeLookup *lookup, int target);
/*
 * Rows are added, looked up at once, and read by their place in the batch.
 * What is read stays until fe_lookup_clear.
 */
extern void fe_lookup_clear(FeLookup *lookup);
/*
 * Batches in between are of one statement and see one snapshot; what they share
 * (hashed tables) is made once.  The statement ends what it began.
 */
extern void fe_lookup_begin_scan(FeLookup *lookup);
extern void fe_lookup_end_scan(FeLookup *lookup);
extern void fe_lookup_add(FeLookup *lookup, HeapTupleHeader record);
/* The same for columns that lie in a slot; see row_evaluate_slot. */
extern void fe_lookup_add_slot(FeLookup *lookup, const TupleTableSlot *slot,
                               const int *by_attribute);
/* What reads the columns of a row that is added. */
extern const RowEvaluator *fe_lookup_get_evaluator(const FeLookup *lookup);
extern void fe_lookup_run(FeLookup *lookup);
extern void
fe_lookup_get(const FeLookup *lookup, int row, Datum *values, bool *nulls);

#endif
