/*
 * scan_batch.c
 *	  The rows of a scan node that are computed together.
 *
 * Of each row are kept: the columns that are passed on, copied, and for each
 * call the model's values of the row.  Memory is bounded by the number of rows
 * and, for wide ones, by MAX_BYTES.  Calls that ask one model about one row,
 * whatever they ask, have it computed once; so has what models have in common
 * (scan_company.c).
 */
#include "scan_batch_private.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/datum.h"

#define MAX_BYTES ((Size) 4 << 20) /* of copied values */

/* ----------------------------------------------------------------- making */

static RowType
get_row_type(const Node *row)
{
	const RowExpr *fields = (const RowExpr *) row;
	RowType type = {exprType(row), -1};
	TupleDesc desc;

	if (type.type != RECORDOID)
		return type;
	desc = ExecTypeFromExprList(fields->args);
	if (fields->colnames != NIL)
		ExecTypeSetColNames(desc, fields->colnames);
	BlessTupleDesc(desc);
	type.typmod = desc->tdtypmod;
	return type;
}

static Node *
get_row(const List *calls, int i)
{
	return lsecond(((ScanCallPlan *) list_nth(calls, i))->call->args);
}

static void
find_like(ScanBatch *batch, const List *calls)
{
	for (int i = 0; i < batch->n_calls; i++)
		while (!equal(get_row(calls, batch->calls[i].like), get_row(calls, i)))
			batch->calls[i].like++;
}

static bool
asks_the_same(const BatchCall *a, const BatchCall *b)
{
	return a->like == b->like && a->call.id == b->call.id &&
	       a->call.is_deployment == b->call.is_deployment;
}

/* The first call that asks the same model about the same row. */
static int
find_first(const ScanBatch *batch, int call)
{
	int first = 0;

	while (!asks_the_same(&batch->calls[first], &batch->calls[call]))
		first++;
	return first;
}

/* Whoever computes what a call asks why keeps a row's values for it, and keeps to
 * itself: calls of other models are computed beside it. */
static void
find_whys(ScanBatch *batch)
{
	for (int i = 0; i < batch->n_calls; i++)
		batch->calls[i].company = batch->calls[i].like;
	for (int i = 0; i < batch->n_calls; i++)
		for (int k = 0; k < batch->n_calls; k++)
			if (batch->calls[i].why == NULL &&
			    batch->calls[k].call.answer == ANSWER_WHY &&
			    asks_the_same(&batch->calls[i], &batch->calls[k]))
			{
				batch->calls[i].why = scan_why_make();
				batch->calls[i].company = batch->n_calls + find_first(batch, i);
			}
}

static void
init_call(BatchCall *call, const ScanCallPlan *plan, int n_calls)
{
	ListCell *cell;
	int i = 0;

	call->call = scan_get_call(plan->call);
	call->row = get_row_type(lsecond(plan->call->args));
	call->record = plan->record;
	call->columns = palloc((list_length(plan->columns) + 1) * sizeof(int));
	foreach (cell, plan->columns)
		call->columns[i++] = lfirst_int(cell) - 1;
	call->following = palloc(n_calls * sizeof(int));
	call->followers = palloc(n_calls * sizeof(cer_follower));
	call->use = scorer_use_make(CurrentMemoryContext);
	call->model_context = AllocSetContextCreate(
		CurrentMemoryContext, "cerebro model of a batch", ALLOCSET_SMALL_SIZES);
	call->context = AllocSetContextCreate(
		CurrentMemoryContext, "cerebro batch of a model", ALLOCSET_SMALL_SIZES);
}

int
scan_batch_find_like(const ScanBatch *batch, int call)
{
	return batch->calls[call].like;
}

void
scan_batch_expect(ScanBatch *batch, double n_rows)
{
	batch->expected = n_rows;
}

ScanBatch *
scan_batch_make(const ScanPlan *plan, TupleDesc slot)
{
	ScanBatch *batch = palloc0(sizeof(ScanBatch));
	int i = 0;
	ListCell *cell;

	batch->context = CurrentMemoryContext;
	batch->rows = AllocSetContextCreate(
		CurrentMemoryContext, "cerebro batch of rows", ALLOCSET_DEFAULT_SIZES);
	batch->work = AllocSetContextCreate(CurrentMemoryContext, "cerebro row",
	                                    ALLOCSET_DEFAULT_SIZES);
	batch->is_on_scan = plan->is_on_scan;
	batch->n_calls = list_length(plan->calls);
	batch->calls = palloc0(batch->n_calls * sizeof(BatchCall));
	batch->asked = palloc0(batch->n_calls * sizeof(ScanAsked));
	batch->company = palloc0(batch->n_calls * sizeof(ScanCompany));
	foreach (cell, plan->calls)
		init_call(&batch->calls[i++], lfirst(cell), batch->n_calls);
	find_like(batch, plan->calls);
	find_whys(batch);
	batch->n_passed = list_length(plan->passed);
	batch->passed = palloc0((batch->n_passed + 1) * sizeof(PassedColumn));
	i = 0;
	foreach (cell, plan->passed)
	{
		batch->passed[i].attribute = lfirst_int(cell);
		batch->passed[i].is_by_value = TupleDescAttr(slot, i)->attbyval;
		batch->passed[i].size = TupleDescAttr(slot, i)->attlen;
		i++;
	}
	return batch;
}

void
scan_batch_clear(ScanBatch *batch)
{
	batch->n_seen += batch->n_rows;
	batch->n_rows = 0;
	batch->n_bytes = 0;
	MemoryContextReset(batch->rows);
	for (int i = 0; i < batch->n_calls; i++)
	{
		BatchCall *call = &batch->calls[i];

		call->n_scored = 0;
		if (call->why != NULL)
			scan_why_clear(call->why);
		/* a scorer whose time is over may be gone */
		if (call->lookup != NULL && scorer_use_has(call->use, call->scorer))
			scorer_lookup_clear(call->lookup);
	}
}

void
scan_batch_end(ScanBatch *batch)
{
	scan_batch_clear(batch);
	for (int i = 0; i < batch->n_calls; i++)
	{
		BatchCall *call = &batch->calls[i];

		if (call->lookup != NULL && scorer_use_has(call->use, call->scorer))
			scorer_lookup_end(call->lookup);
		call->lookup = NULL;
	}
}

bool
scan_batch_has_room(const ScanBatch *batch, int n_rows)
{
	return batch->n_rows < n_rows && batch->n_bytes < MAX_BYTES;
}

int
scan_batch_get_limit(const ScanBatch *batch)
{
	int limit = SCAN_BATCH_ROWS;

	for (int i = 0; i < batch->n_calls; i++)
		if (batch->calls[i].lookup != NULL)
			limit = Max(limit, scorer_lookup_get_limit(batch->calls[i].lookup));
	return limit;
}

int
scan_batch_count(const ScanBatch *batch)
{
	return batch->n_rows;
}

/* Arrays are empty when they grow: rows are added to a cleared batch only. */
static void
reserve_rows(ScanBatch *batch, int n_rows)
{
	MemoryContext caller;

	if (n_rows <= batch->capacity)
		return;
	if (batch->values != NULL)
	{
		pfree(batch->values);
		pfree(batch->nulls);
		pfree(batch->are_left_out);
		pfree(batch->tids);
		pfree(batch->tables);
		batch->values = NULL;
		batch->capacity = 0;
	}
	caller = MemoryContextSwitchTo(batch->context);
	batch->nulls = palloc((Size) n_rows * (batch->n_passed + 1));
	batch->are_left_out = palloc(n_rows);
	batch->tids = palloc((Size) n_rows * sizeof(ItemPointerData));
	batch->tables = palloc((Size) n_rows * sizeof(Oid));
	batch->values = MemoryContextAllocHuge(
		batch->context, (Size) n_rows * (batch->n_passed + 1) * sizeof(Datum));
	batch->capacity = n_rows;
	MemoryContextSwitchTo(caller);
}

void
scan_batch_start(ScanBatch *batch, int n_rows, dsa_area *area)
{
	batch->area = area;
	scan_batch_prepare_models(batch, n_rows);
	reserve_rows(batch, n_rows);
}

/* ------------------------------------------------------------ adding rows */

static void
pass_column(ScanBatch *batch, const PassedColumn *column, TupleTableSlot *row,
            Size place)
{
	Datum value;
	bool is_null;

	if (column->attribute > 0)
	{
		value = row->tts_values[column->attribute - 1];
		is_null = row->tts_isnull[column->attribute - 1];
	}
	else
		value = slot_getsysattr(row, column->attribute, &is_null);
	if (!is_null && !column->is_by_value)
	{
		value = datumCopy(value, false, column->size);
		batch->n_bytes += datumGetSize(value, false, column->size);
	}
	batch->values[place] = value;
	batch->nulls[place] = is_null;
}

/* Returns the bytes of wide values that are kept for the call. */
static Size
encode_record(const BatchCall *call, int place, Datum record)
{
	HeapTupleHeader row = DatumGetHeapTupleHeader(record);

	if (HeapTupleHeaderGetTypeId(row) != call->row.type)
		elog(ERROR, "a row of type %u came where %u was expected",
		     HeapTupleHeaderGetTypeId(row), call->row.type);
	if (call->lookup != NULL)
		return scorer_lookup_add_record(call->lookup, row);
	scorer_encode_record(call->scorer, row, call->values + place, call->stride);
	return 0;
}

/* The same of a row, whose fields may lie apart. */
static Size
encode_row(BatchCall *call, int row, const TupleTableSlot *slot)
{
	int place = call->n_scored;

	call->places[row] = -1;
	if (call->record > 0 && slot->tts_isnull[call->record - 1])
		return 0;
	call->places[row] = place;
	call->n_scored++;
	if (call->record > 0)
		return encode_record(call, place, slot->tts_values[call->record - 1]);
	if (call->lookup != NULL)
		return scorer_lookup_add_slot(call->lookup, call->map, slot);
	scorer_encode_slot(call->scorer, call->map, slot, call->values + place,
	                   call->stride);
	return 0;
}

/* Partitions have slots of their own: the first row of a batch tells. */
static void
prepare_deformer(ScanBatch *batch, const TupleTableSlot *row)
{
	MemoryContext caller;

	if (scan_deformer_is_for(batch->deformer, row))
		return;
	if (batch->deformer != NULL)
		pfree(batch->deformer);
	caller = MemoryContextSwitchTo(batch->context);
	batch->deformer = scan_deformer_make(row);
	MemoryContextSwitchTo(caller);
}

static inline void
deform(ScanBatch *batch, TupleTableSlot *row)
{
	if (batch->n_rows == 0)
		prepare_deformer(batch, row);
	scan_deform(batch->deformer, row, batch->n_attributes);
}

void
scan_batch_add(ScanBatch *batch, TupleTableSlot *row,
               const TupleTableSlot *scanned)
{
	MemoryContext caller = MemoryContextSwitchTo(batch->rows);

	deform(batch, row);
	for (int i = 0; i < batch->n_passed; i++)
		pass_column(batch, &batch->passed[i], row,
		            (Size) batch->n_rows * batch->n_passed + i);
	MemoryContextSwitchTo(batch->work);
	for (int i = 0; i < batch->n_calls; i++)
		if (scan_batch_computes_rows(batch, i))
			batch->n_bytes += encode_row(&batch->calls[i], batch->n_rows, row);
	MemoryContextSwitchTo(caller);
	if (!batch->work->isReset)
		MemoryContextReset(batch->work);
	if (batch->is_on_scan)
	{
		batch->tids[batch->n_rows] = scanned->tts_tid;
		batch->tables[batch->n_rows] = scanned->tts_tableOid;
	}
	batch->are_left_out[batch->n_rows] = false;
	batch->n_rows++;
}

/* Values of rows that are found in other tables. */
void
scan_batch_look_up(ScanBatch *batch)
{
	MemoryContext caller = MemoryContextSwitchTo(batch->work);

	for (int i = 0; i < batch->n_calls; i++)
	{
		const BatchCall *call = &batch->calls[i];
		ValueRows to = {call->values, call->stride};

		if (call->lookup != NULL && call->n_scored > 0)
			scorer_lookup_run(call->lookup, &to);
	}
	MemoryContextSwitchTo(caller);
}

void
scan_batch_leave_out(ScanBatch *batch, int row)
{
	batch->are_left_out[row] = true;
}

bool
scan_batch_is_left_out(const ScanBatch *batch, int row)
{
	return batch->are_left_out[row];
}
