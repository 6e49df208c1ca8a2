/*
 * scan_batch.h
 *	  The rows of a scan node that are computed together.
 */
#ifndef CEREBRO_SCAN_BATCH_H
#define CEREBRO_SCAN_BATCH_H

#include "scan.h"

/* Rows of a batch at most: as many as stay in a near cache; more where each
 * batch looks rows up in other tables by a query. */
#define SCAN_BATCH_ROWS 256

typedef struct ScanBatch ScanBatch;

/* In the current memory context.  slot is the node's: passed columns, calls. */
extern ScanBatch *scan_batch_make(const ScanPlan *plan, TupleDesc slot);
/* The first of the node's calls whose row is the call's. */
extern int scan_batch_find_like(const ScanBatch *batch, int call);
/* Of all batches together; before the first one is started. */
extern void scan_batch_expect(ScanBatch *batch, double n_rows);
extern void scan_batch_clear(ScanBatch *batch);
extern void scan_batch_end(ScanBatch *batch);
/* What the processes of a statement share lies in its shared memory, which one
 * of them initializes (is_new). */
extern Size scan_batch_get_shared_size(const ScanBatch *batch);
extern void scan_batch_share(ScanBatch *batch, void *shared, bool is_new);
/* That memory goes: what rests on it is made anew for coming rows. */
extern void scan_batch_unshare(ScanBatch *batch);
/* Before the first row is added: looks up models and rights, makes room.  area:
 * of the statement's processes, or NULL. */
extern void scan_batch_start(ScanBatch *batch, int n_rows, dsa_area *area);
/* Whether another row may be added; n_rows as when it was started. */
extern bool scan_batch_has_room(const ScanBatch *batch, int n_rows);
/* scanned: the child's own slot, that knows where the row lies. */
extern void scan_batch_add(ScanBatch *batch, TupleTableSlot *row,
                           const TupleTableSlot *scanned);
/* All rows are there: what models read of other tables is looked up. */
extern void scan_batch_look_up(ScanBatch *batch);
extern void scan_batch_score(ScanBatch *batch);
/* Whether something is computed of the row when it is handed on; before it is,
 * and for some of the next ones. */
extern bool scan_batch_must_explain(const ScanBatch *batch, int row);
extern void scan_batch_explain(ScanBatch *batch, int row);
/* The row is not handed on. */
extern void scan_batch_leave_out(ScanBatch *batch, int row);
extern bool scan_batch_is_left_out(const ScanBatch *batch, int row);
/* How many rows the models take at once, as far as is known. */
extern int scan_batch_get_limit(const ScanBatch *batch);
extern int scan_batch_count(const ScanBatch *batch);
/* How models' joins are read, for EXPLAIN: List of char *; limit is raised to
 * the rows that are then looked up at once. */
extern List *scan_batch_describe(ScanBatch *batch, int *limit);
/* What models have in common, for EXPLAIN: List of char *. */
extern List *scan_batch_describe_shared(ScanBatch *batch);
/* Stores a row in the node's slot, without what it was not explained for; what
 * answers need is in the current memory context. */
extern void
scan_batch_get(const ScanBatch *batch, int row, TupleTableSlot *slot);

#endif
