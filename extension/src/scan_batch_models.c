/*
 * scan_batch_models.c
 *	  The models of a batch's calls: which they are now, which of them compute
 *	  for others, room for what they compute, and how they read joined tables.
 */
#include "scan_batch_private.h"

#include "miscadmin.h"

/* A cache line: columns a power of two apart would share a set of the cache. */
#define STRIDE_PAD 8
#define FEW_ROWS   16
#define OUTGROWN   4 /* times the rows that were expected */

/* ------------------------------------------------------ models and rights */

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

/* For pieces of the rows. */
static void
reserve_scratch(BatchCall *call)
{
	cer_together together = scan_batch_get_together(call);
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
	bool has_values = scan_batch_computes_rows(batch, i);

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

		if (scan_batch_computes_rows(batch, i))
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

void
scan_batch_prepare_models(ScanBatch *batch, int n_rows)
{
	MemoryContext caller = MemoryContextSwitchTo(batch->work);

	reconsider(batch);
	find_models(batch);
	for (int i = 0; i < batch->n_calls; i++)
		prepare_call(batch, i, n_rows);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(batch->work);
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

/* ---------------------------------------------------------------- describing */

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
