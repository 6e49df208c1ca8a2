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
#include "scan_batch.h"
#include "scan_company.h"
#include "scan_deform.h"
#include "scan_why.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/datum.h"

#define MAX_BYTES  ((Size) 4 << 20) /* of copied values */
#define PIECE_ROWS 256              /* scored between looks for interrupts */
StaticAssertDecl(PIECE_ROWS <= CER_FETCH_ROWS, "rows are fetched at once");
/* A cache line: columns a power of two apart would share a set of the cache. */
#define STRIDE_PAD 8
#define FEW_ROWS   16
#define OUTGROWN   4 /* times the rows that were expected */

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

/* ------------------------------------------------------ models and rights */

/* Whether it has values of its own rows, for itself or for followers, too. */
static bool
computes_rows(const ScanBatch *batch, int call)
{
	return batch->company[call].twin < 0 && batch->company[call].leader < 0;
}

static void
allocate_rows(BatchCall *call, int n_rows, bool has_values)
{
	const cer_model *model = scorer_get_model(call->scorer);
	MemoryContext caller = MemoryContextSwitchTo(call->context);

	call->capacity = n_rows;
	call->stride = n_rows + STRIDE_PAD;
	if (has_values)
	{
		call->values = MemoryContextAllocHuge(
			call->context, (Size) call->stride * cer_model_count_values(model) *
							   sizeof(cer_value));
		call->places = palloc((Size) n_rows * sizeof(int));
	}
	call->proba = palloc((Size) n_rows * call->n_classes * sizeof(float));
	MemoryContextSwitchTo(caller);
}

static cer_together
get_together(const BatchCall *call)
{
	return (cer_together){.model = scorer_get_model(call->scorer),
	                      .proba = call->proba,
	                      .n_followers = call->n_followers,
	                      .followers = call->followers};
}

/* For pieces of the rows. */
static void
reserve_scratch(BatchCall *call)
{
	cer_together together = get_together(call);
	int n = Min(call->capacity, PIECE_ROWS);
	Size size = 64 + (call->n_followers > 0
	                      ? cer_together_get_scratch_size(&together, n)
	                      : cer_model_get_scratch_size(together.model, n));

	if (size <= call->scratch_size)
		return;
	call->scratch =
		(void *) TYPEALIGN(64, MemoryContextAllocHuge(call->context, size));
	call->scratch_size = size;
}

static void
forget_model(BatchCall *call)
{
	call->lookup = NULL;
	call->readers = NIL;
	call->serial = 0;
	call->capacity = 0;
	call->values = NULL;
	call->scratch_size = 0;
	MemoryContextReset(call->context);
	MemoryContextReset(call->model_context);
}

static ScorerWish
make_wish(const ScanBatch *batch, const BatchCall *call)
{
	return (ScorerWish){.n_rows = batch->expected,
	                    .keeps_values = call->why != NULL};
}

static ScorerShared *
get_shared(const ScanBatch *batch, int call)
{
	return (ScorerShared *) (batch->shared +
	                         call * MAXALIGN(scorer_shared_get_size()));
}

static ScorerLookup *
begin_lookup(const ScanBatch *batch, const BatchCall *call)
{
	ScorerWish wish = make_wish(batch, call);
	ScorerShare share = {NULL, NULL};

	if (batch->shared != NULL && batch->area != NULL)
		share = (ScorerShare){get_shared(batch, (int) (call - batch->calls)),
		                      batch->area};
	return scorer_lookup_begin(call->scorer, call->readers, &wish, &share);
}

/* Those of followers that have first layers of their own. */
static List *
list_readers(const ScanBatch *batch, const BatchCall *call)
{
	List *readers = NIL;

	for (int i = 0; i < call->n_followers; i++)
		if (call->followers[i].n_shared == 0)
			readers = lappend(readers, batch->calls[call->following[i]].scorer);
	return readers;
}

/* Readers are held: no other one has the address of one of them. */
static bool
is_started(const ScanBatch *batch, const BatchCall *call, bool has_values)
{
	const List *readers = list_readers(batch, call);

	if (scorer_get_serial(call->scorer) != call->serial ||
	    has_values != (call->values != NULL) ||
	    list_length(readers) != list_length(call->readers))
		return false;
	for (int i = 0; i < list_length(readers); i++)
		if (list_nth(readers, i) != list_nth(call->readers, i))
			return false;
	return true;
}

/* For another model than before, or the first one; who follows reads nothing. */
static void
start_model(ScanBatch *batch, BatchCall *call, bool has_values)
{
	Scorer *scorer = call->scorer;
	MemoryContext caller;
	ListCell *cell;

	forget_model(call);
	/* an executor that is open there reads what is the scorer's */
	scorer_hold(scorer, call->model_context);
	caller = MemoryContextSwitchTo(call->model_context);
	call->readers = list_readers(batch, call);
	foreach (cell, call->readers)
		scorer_hold(lfirst(cell), call->model_context);
	if (has_values && call->record == 0)
		call->map = scorer_map_make(scorer, call->columns);
	if (has_values && scorer_has_lookup(scorer))
		call->lookup = begin_lookup(batch, call);
	MemoryContextSwitchTo(caller);
	call->serial = scorer_get_serial(scorer);
}

static void
add_follower(ScanBatch *batch, int i)
{
	const ScanCompany *company = &batch->company[i];
	BatchCall *leader = &batch->calls[company->leader];
	int n = leader->n_followers++;

	leader->following[n] = i;
	leader->followers[n] =
		(cer_follower){.model = scorer_get_model(batch->calls[i].scorer),
	                   .n_shared = company->n_shared};
}

/* The calls' models as things are now, and who computes what of them. */
static void
find_models(ScanBatch *batch)
{
	for (int i = 0; i < batch->n_calls; i++)
	{
		BatchCall *call = &batch->calls[i];

		call->scorer = scorer_use_get(call->use, &call->call, call->row);
		call->n_classes =
			cer_model_count_classes(scorer_get_model(call->scorer));
		call->n_followers = 0;
		batch->asked[i] = (ScanAsked){call->scorer, call->company};
	}
	scan_company_find(batch->n_calls, batch->asked, batch->company);
	for (int i = 0; i < batch->n_calls; i++)
		if (batch->company[i].leader >= 0)
			add_follower(batch, i);
}

/* Room for n_rows of what the call's model computes. */
static void
prepare_call(ScanBatch *batch, int i, int n_rows)
{
	BatchCall *call = &batch->calls[i];
	bool has_values = computes_rows(batch, i);

	if (batch->company[i].twin >= 0)
	{
		forget_model(call);
		return;
	}
	if (!is_started(batch, call, has_values))
		start_model(batch, call, has_values);
	if (n_rows > call->capacity)
	{
		MemoryContextReset(call->context);
		call->scratch_size = 0;
		call->capacity = 0;
		allocate_rows(call, n_rows, has_values);
		if (call->lookup != NULL)
			scorer_lookup_reserve(call->lookup, n_rows);
	}
	if (has_values)
		reserve_scratch(call);
}

static void
count_attributes(ScanBatch *batch)
{
	int n = 0;

	for (int i = 0; i < batch->n_passed; i++)
		n = Max(n, batch->passed[i].attribute);
	for (int i = 0; i < batch->n_calls; i++)
	{
		const BatchCall *call = &batch->calls[i];

		if (computes_rows(batch, i))
			n = Max(n, call->record > 0 ? call->record
			                            : scorer_map_count(call->map));
	}
	batch->n_attributes = n;
}

/*
 * What is looked up one by one, as few rows were expected, is asked again how
 * once many came: the planner erred, or the node is scanned again and again.
 */
static void
reconsider(ScanBatch *batch)
{
	if (batch->n_seen < OUTGROWN * Max(batch->expected, FEW_ROWS))
		return;
	batch->expected = OUTGROWN * batch->n_seen;
	for (int i = 0; i < batch->n_calls; i++)
		if (batch->calls[i].lookup != NULL &&
		    scorer_lookup_is_by_row(batch->calls[i].lookup))
			batch->calls[i].serial = 0;
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
	MemoryContext caller = MemoryContextSwitchTo(batch->work);

	batch->area = area;
	reconsider(batch);
	find_models(batch);
	for (int i = 0; i < batch->n_calls; i++)
		prepare_call(batch, i, n_rows);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(batch->work);
	reserve_rows(batch, n_rows);
	count_attributes(batch);
}

/* ---------------------------------------------------- several processes */

Size
scan_batch_get_shared_size(const ScanBatch *batch)
{
	return batch->n_calls * MAXALIGN(scorer_shared_get_size());
}

void
scan_batch_share(ScanBatch *batch, void *shared, bool is_new)
{
	batch->shared = shared;
	for (int i = 0; is_new && i < batch->n_calls; i++)
		scorer_shared_init(get_shared(batch, i));
}

void
scan_batch_unshare(ScanBatch *batch)
{
	batch->shared = NULL;
	for (int i = 0; i < batch->n_calls; i++)
	{
		BatchCall *call = &batch->calls[i];

		if (call->lookup == NULL || !scorer_use_has(call->use, call->scorer) ||
		    !scorer_lookup_is_shared(call->lookup))
			continue;
		scorer_lookup_end(call->lookup);
		call->serial = 0;
	}
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
		if (computes_rows(batch, i))
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

/* ---------------------------------------------------------------- scoring */

/* What followers take of some rows, and where their answers go. */
static void
prepare_followers(const ScanBatch *batch, const BatchCall *call,
                  const cer_score_rows *rows, int first)
{
	int n_readers = 0;

	for (int i = 0; i < call->n_followers; i++)
	{
		const BatchCall *follower = &batch->calls[call->following[i]];
		cer_follower *asked = &call->followers[i];
		cer_score_rows own = *rows;

		asked->proba = follower->proba + first * follower->n_classes;
		if (asked->n_shared > 0)
			continue;
		if (call->lookup != NULL)
			asked->partials = own.partials = scorer_lookup_get_partials(
				scorer_lookup_get_follower(call->lookup, n_readers++), first);
		scorer_fetch(follower->scorer, &(cer_fetch){.rows = &own},
		             call->scratch);
	}
}

/* Rows of a batch that are scored together. */
static void
score_piece(const ScanBatch *batch, const BatchCall *call, int first, int n)
{
	cer_score_rows rows = {
		.n_rows = n, .values = call->values + first, .stride = call->stride};
	cer_together together = get_together(call);

	if (call->lookup != NULL)
		rows.partials = scorer_lookup_get_partials(call->lookup, first);
	scorer_fetch(call->scorer, &(cer_fetch){.rows = &rows}, call->scratch);
	prepare_followers(batch, call, &rows, first);
	together.proba += first * call->n_classes;
	if (call->n_followers > 0)
		cer_together_score(&together, &rows, call->scratch);
	else
		cer_model_score_partials(together.model, &rows, together.proba,
		                         call->scratch);
}

static void
score_call(const ScanBatch *batch, const BatchCall *call)
{
	int n;

	for (int done = 0; done < call->n_scored; done += n)
	{
		n = Min(call->n_scored - done, PIECE_ROWS);
		score_piece(batch, call, done, n);
		CHECK_FOR_INTERRUPTS();
	}
}

void
scan_batch_score(ScanBatch *batch)
{
	for (int i = 0; i < batch->n_calls; i++)
		score_call(batch, &batch->calls[i]);
}

/* -------------------------------------------------------------- explaining */

/* Who computes what the call asks, which asks why: nobody whom it follows. */
static const BatchCall *
get_computed(const ScanBatch *batch, int call)
{
	int twin = batch->company[call].twin;

	return &batch->calls[twin >= 0 ? twin : call];
}

static bool
must_explain(const ScanBatch *batch, int call, int row)
{
	const BatchCall *computed;

	if (batch->calls[call].call.answer != ANSWER_WHY)
		return false;
	computed = get_computed(batch, call);
	return computed->places[row] >= 0 &&
	       scan_why_find(computed->why, computed->places[row]) == NULL;
}

bool
scan_batch_must_explain(const ScanBatch *batch, int row)
{
	for (int i = 0; i < batch->n_calls; i++)
		if (must_explain(batch, i, row))
			return true;
	return false;
}

/* The row and next ones. */
static void
explain_rows(const ScanBatch *batch, const BatchCall *call, int row)
{
	ScanWhyRows rows = {.scorer = call->scorer,
	                    .values = call->values,
	                    .stride = call->stride,
	                    .lookup = call->lookup};
	int places[CER_EXPLAIN_ROWS];
	int n = 0;

	for (; row < batch->n_rows && n < CER_EXPLAIN_ROWS; row++)
		if (!batch->are_left_out[row] && call->places[row] >= 0)
			places[n++] = call->places[row];
	scan_why_explain(call->why, &rows, n, places);
}

void
scan_batch_explain(ScanBatch *batch, int row)
{
	for (int i = 0; i < batch->n_calls; i++)
		if (must_explain(batch, i, row))
			explain_rows(batch, get_computed(batch, i), row);
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

/* ----------------------------------------------------------------- answers */

static void
get_why(const ScanBatch *batch, int call, int place, Datum *value,
        bool *is_null)
{
	const BatchCall *computed = get_computed(batch, call);
	const cer_explanation *explanation = scan_why_find(computed->why, place);

	*is_null = explanation == NULL;
	if (explanation != NULL)
		*value =
			scorer_print_why(computed->scorer, explanation,
		                     computed->proba + place * computed->n_classes);
}

static void
get_answer(const ScanBatch *batch, int call, int row, Datum *value,
           bool *is_null)
{
	int twin = batch->company[call].twin;
	int computed = twin >= 0 ? twin : call;
	int leader = batch->company[computed].leader;
	int place = batch->calls[leader >= 0 ? leader : computed].places[row];
	const BatchCall *asked = &batch->calls[call];
	const float *proba;

	*value = 0;
	*is_null = place < 0;
	if (place < 0)
		return;
	proba = batch->calls[computed].proba + place * asked->n_classes;
	if (asked->call.answer == ANSWER_WHY)
		get_why(batch, call, place, value, is_null);
	else if (asked->call.answer == ANSWER_PROBABILITY)
		*value = Float4GetDatum(proba[1]);
	else
		*value = scorer_make_answer(asked->scorer, asked->call.answer, proba);
}

void
scan_batch_get(const ScanBatch *batch, int row, TupleTableSlot *slot)
{
	Size first = (Size) row * batch->n_passed;

	ExecClearTuple(slot);
	for (int i = 0; i < batch->n_passed; i++)
	{
		slot->tts_values[i] = batch->values[first + i];
		slot->tts_isnull[i] = batch->nulls[first + i];
	}
	for (int i = 0; i < batch->n_calls; i++)
		get_answer(batch, i, row, &slot->tts_values[batch->n_passed + i],
		           &slot->tts_isnull[batch->n_passed + i]);
	ExecStoreVirtualTuple(slot);
	if (batch->is_on_scan)
	{
		slot->tts_tid = batch->tids[row];
		slot->tts_tableOid = batch->tables[row];
	}
}

/* Of the calls, as they would begin now. */
typedef struct Description
{
	ScanAsked *asked;
	ScanCompany *company;
} Description;

static Description
open_models(ScanBatch *batch)
{
	int n = batch->n_calls;
	Description made = {palloc(n * sizeof(ScanAsked)),
	                    palloc(n * sizeof(ScanCompany))};

	for (int i = 0; i < n; i++)
	{
		BatchCall *call = &batch->calls[i];

		made.asked[i] = (ScanAsked){
			scorer_use_get(call->use, &call->call, call->row), call->company};
	}
	scan_company_find(n, made.asked, made.company);
	return made;
}

List *
scan_batch_describe(ScanBatch *batch, int *limit)
{
	Description now = open_models(batch);
	List *texts = NIL;

	for (int i = 0; i < batch->n_calls; i++)
	{
		const BatchCall *call = &batch->calls[i];
		Scorer *scorer = now.asked[i].scorer;

		ScorerWish wish = make_wish(batch, call);

		if (scorer_has_lookup(scorer) && now.company[i].twin < 0 &&
		    now.company[i].leader < 0)
			texts = list_concat(
				texts, scorer_lookup_describe(
						   scorer, call->scorer == scorer ? call->lookup : NULL,
						   &wish, limit));
	}
	return texts;
}

List *
scan_batch_describe_shared(ScanBatch *batch)
{
	Description now = open_models(batch);

	return scan_company_describe(batch->n_calls, now.asked, now.company);
}
