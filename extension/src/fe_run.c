/*
 * fe_run.c
 *	  One use of a model's query over rows that are to be scored.
 */
#include "fe_lookup.h"

#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#define FEW_ROWS 8 /* that are looked up one by one */

struct FeRun
{
	FeLookup *lookup;
	const FeSplit *split;
	FeWay way;
	bool is_scan;
	FeQuery *query; /* NULL: nothing is asked of one */
	MemoryContext context;
	MemoryContext batch_context; /* of what a batch holds */
	int *slots;                  /* by column read: of the row's slot, */
	const int *by_attribute;     /* as this map says; NULL: by expressions */
	FeHash **hashes;             /* by dimension */
	int n_added;                 /* rows */
	int key_capacity;            /* rows */
	FeHashKey **keys;            /* by dimension: by row */

	/* the store in the source's place */
	Tuplestorestate *store;
	EphemeralNamedRelationData relation;
	QueryEnvironment *environment;
	Datum *row_values; /* one row of it */
	bool *row_nulls;
	QueryLoop *loop; /* of a scan's full batches, once there was one */

	/* results */
	int n_rows;
	Datum *values; /* (n_rows, targets of the query) */
	bool *is_null;
	bool *is_there; /* (n_rows) */
};

static void
make_row(FeRun *run)
{
	int n = run->lookup->desc->natts;

	run->row_values = palloc0(n * sizeof(Datum));
	run->row_nulls = palloc(n * sizeof(bool));
	memset(run->row_nulls, true, n);
	fe_lookup_name_rows(run->lookup, &run->relation);
	run->environment = create_queryEnv();
	register_ENR(run->environment, &run->relation);
}

FeRun *
fe_run_make(FeLookup *lookup, const FeSplit *split, FeWay way, bool is_scan)
{
	FeRun *run = palloc0(sizeof(FeRun));

	run->lookup = lookup;
	run->way = way;
	run->is_scan = is_scan;
	run->context = CurrentMemoryContext;
	run->batch_context = AllocSetContextCreate(
		CurrentMemoryContext, "cerebro lookup", ALLOCSET_DEFAULT_SIZES);
	run->split = split;
	run->query = &lookup->whole;
	if (way == FE_PASS)
	{
		run->query = unconstify(FeQuery *, &split->rest);
		run->hashes = palloc0((split->n_dimensions + 1) * sizeof(FeHash *));
		run->keys = palloc0((split->n_dimensions + 1) * sizeof(FeHashKey *));
	}
	if (run->query->n_targets == 0)
		run->query = NULL;
	run->slots = palloc((lookup->n_columns + 1) * sizeof(int));
	make_row(run);
	return run;
}

static void
end_store(FeRun *run)
{
	tuplestore_end(run->store);
	run->store = NULL;
}

void
fe_run_end(FeRun *run)
{
	if (run->loop != NULL)
	{
		query_loop_close(run->loop);
		run->loop = NULL;
		end_store(run);
	}
	fe_run_clear(run);
}

void
fe_run_clear(FeRun *run)
{
	if (run->loop != NULL)
		tuplestore_clear(run->store);
	else if (run->store != NULL)
		end_store(run);
	if (!run->batch_context->isReset)
		MemoryContextReset(run->batch_context);
	run->n_rows = 0;
	run->n_added = 0;
}

/* -------------------------------------------------------------------- rows */

/* It outlives a batch where an executor looks at it. */
static void
make_store(FeRun *run)
{
	MemoryContext caller = MemoryContextSwitchTo(run->context);

	run->store = tuplestore_begin_heap(false, false, work_mem);
	MemoryContextSwitchTo(caller);
}

/* The row whose columns have been evaluated goes to the store. */
static void
put_row(FeRun *run)
{
	const FeLookup *lookup = run->lookup;
	int number = lookup->desc->natts - 1;

	if (run->query == NULL)
		return;
	if (run->store == NULL)
		make_store(run);
	for (int i = 0; i < lookup->n_columns; i++)
	{
		run->row_values[lookup->columns[i]] = lookup->datums[i];
		run->row_nulls[lookup->columns[i]] = lookup->nulls[i];
	}
	run->row_values[number] = Int32GetDatum(run->n_rows++);
	run->row_nulls[number] = false;
	tuplestore_putvalues(run->store, lookup->desc, run->row_values,
	                     run->row_nulls);
}

#define FIRST_KEYS 256

static void
reserve_keys(FeRun *run)
{
	MemoryContext caller = MemoryContextSwitchTo(run->context);

	run->key_capacity = Max(2 * run->key_capacity, FIRST_KEYS);
	for (int i = 0; i < run->split->n_dimensions; i++)
	{
		Size size = run->key_capacity * sizeof(FeHashKey);

		run->keys[i] = run->keys[i] == NULL ? palloc(size)
		                                    : repalloc_huge(run->keys[i], size);
	}
	MemoryContextSwitchTo(caller);
}

static void
add_keys(FeRun *run)
{
	const FeLookup *lookup = run->lookup;

	if (run->n_added == run->key_capacity)
		reserve_keys(run);
	for (int i = 0; i < run->split->n_dimensions; i++)
		fe_hash_make_key(run->hashes[i], lookup->datums, lookup->nulls,
		                 run->split->dimensions[i].key_places,
		                 &run->keys[i][run->n_added]);
	run->n_added++;
}

void
fe_run_add(FeRun *run, HeapTupleHeader record)
{
	FeLookup *lookup = run->lookup;
	MemoryContext caller = MemoryContextSwitchTo(run->batch_context);

	row_evaluate(lookup->evaluator, record, lookup->datums, lookup->nulls);
	put_row(run);
	if (run->way == FE_PASS)
		add_keys(run);
	MemoryContextSwitchTo(caller);
}

static void
map_slot(FeRun *run, const int *by_attribute)
{
	const FeLookup *lookup = run->lookup;

	run->by_attribute = by_attribute;
	for (int i = 0; i < lookup->n_columns; i++)
		run->slots[i] =
			by_attribute[row_evaluator_get_attribute(lookup->evaluator, i) - 1];
}

/* Plain columns are taken from where they lie. */
static void
read_slot(FeRun *run, const TupleTableSlot *slot, const int *by_attribute)
{
	FeLookup *lookup = run->lookup;

	if (run->by_attribute != by_attribute)
		map_slot(run, by_attribute);
	for (int i = 0; i < lookup->n_columns; i++)
	{
		lookup->datums[i] = slot->tts_values[run->slots[i]];
		lookup->nulls[i] = slot->tts_isnull[run->slots[i]];
	}
}

void
fe_run_add_slot(FeRun *run, const TupleTableSlot *slot, const int *by_attribute)
{
	FeLookup *lookup = run->lookup;
	MemoryContext caller = MemoryContextSwitchTo(run->batch_context);

	if (row_evaluator_is_plain(lookup->evaluator))
		read_slot(run, slot, by_attribute);
	else
		row_evaluate_slot(lookup->evaluator, slot, by_attribute, lookup->datums,
		                  lookup->nulls);
	put_row(run);
	if (run->way == FE_PASS)
		add_keys(run);
	MemoryContextSwitchTo(caller);
}

Datum
fe_run_get_column(const FeRun *run, int place, bool *is_null)
{
	*is_null = run->lookup->nulls[place];
	return run->lookup->datums[place];
}

/* ------------------------------------------------------------------ lookup */

static void
take_row(void *self, TupleTableSlot *slot)
{
	FeRun *run = self;
	const FeQuery *query = run->query;
	int n = query->n_targets;
	int row = DatumGetInt32(slot->tts_values[n]);
	MemoryContext caller = MemoryContextSwitchTo(run->batch_context);

	if (run->is_there[row])
		fe_fail_twice(run->lookup->task);
	run->is_there[row] = true;
	for (int i = 0; i < n; i++)
	{
		const FeOutput *output = &run->lookup->outputs[query->targets[i]];

		run->is_null[row * n + i] = slot->tts_isnull[i];
		if (!slot->tts_isnull[i])
			run->values[row * n + i] =
				datumCopy(slot->tts_values[i], output->by_value, output->size);
	}
	MemoryContextSwitchTo(caller);
}

static void
make_room(FeRun *run)
{
	size_t n = (size_t) run->n_rows * Max(1, run->query->n_targets);
	MemoryContext context = run->batch_context;

	run->values = MemoryContextAllocHuge(context, n * sizeof(Datum));
	run->is_null = MemoryContextAllocHuge(context, n);
	run->is_there = MemoryContextAllocZero(context, run->n_rows);
}

static const QueryPlan *
get_plan(FeRun *run)
{
	bool is_few = run->way == FE_PROBE || run->n_rows <= FEW_ROWS;

	return fe_lookup_get_plan(run->lookup, run->query,
	                          is_few ? FE_FEW : FE_MANY);
}

/* The executor of a scan stays: what it has hashed serves the next batch. */
static void
open_loop(FeRun *run)
{
	const QueryPlan *plan = get_plan(run);
	MemoryContext caller = MemoryContextSwitchTo(run->context);

	run->loop = query_loop_open(plan, run->environment, take_row, run);
	MemoryContextSwitchTo(caller);
}

static void
run_query(FeRun *run)
{
	run->relation.reldata = run->store;
	if (run->loop == NULL && run->is_scan && run->n_rows > FEW_ROWS)
		open_loop(run);
	if (run->loop != NULL)
		query_loop_run(run->loop);
	else
		query_plan_run(get_plan(run), run->environment, take_row, run);
}

void
fe_run_look_up(FeRun *run)
{
	int level;

	if (run->n_rows == 0)
		return;
	make_room(run);
	if (settings_image_is_current(run->lookup->settings))
	{
		run_query(run);
		return;
	}
	level = settings_enter(run->lookup->task);
	run_query(run);
	settings_leave(level);
}

void
fe_run_get(const FeRun *run, int row, const Datum **values, const bool **nulls)
{
	size_t first = (size_t) row * run->query->n_targets;

	if (!run->is_there[row])
		elog(ERROR, "a row was lost in a lookup");
	*values = run->values + first;
	*nulls = run->is_null + first;
}

/* -------------------------------------------------------------- dimensions */

typedef struct Pass
{
	FeHash *hash;
	int n_keys;
	const FeTaker *taker;
	uint32 n_seen;
	bool is_too_large;
} Pass;

#define ROWS_PER_LOOK 256 /* at the size of what is kept */

static void
take_dimension_row(void *self, TupleTableSlot *slot)
{
	Pass *pass = self;
	uint32 row;

	CHECK_FOR_INTERRUPTS();
	if (pass->is_too_large)
		return;
	row = fe_hash_add(pass->hash, slot->tts_values, slot->tts_isnull);
	if (row != FE_HASH_NONE)
		pass->taker->take(pass->taker->self, row,
		                  slot->tts_values + pass->n_keys,
		                  slot->tts_isnull + pass->n_keys);
	if (++pass->n_seen % ROWS_PER_LOOK == 0)
		pass->is_too_large =
			fe_hash_get_size(pass->hash) > pass->taker->max_size;
}

static void
take_missing_row(void *self, TupleTableSlot *slot)
{
	const FeTaker *taker = self;

	taker->take(taker->self, FE_HASH_NONE, slot->tts_values, slot->tts_isnull);
}

static void
take_nulls(const FeTaker *taker, int n)
{
	Datum *values = palloc0((n + 1) * sizeof(Datum));
	bool *nulls = palloc((n + 1) * sizeof(bool));

	memset(nulls, true, n + 1);
	taker->take(taker->self, FE_HASH_NONE, values, nulls);
	pfree(values);
	pfree(nulls);
}

static void
read_dimension(const FeDimensionPlan *dimension, Pass *pass)
{
	if (dimension->missing != NULL)
		query_plan_run(dimension->missing, NULL, take_missing_row,
		               unconstify(FeTaker *, pass->taker));
	else
		take_nulls(pass->taker, dimension->about->n_targets);
	query_plan_run(dimension->rows, NULL, take_dimension_row, pass);
}

bool
fe_run_pass(FeRun *run, int dimension, const FeTaker *taker)
{
	const FeDimension *about = run->split->dimensions[dimension].about;
	MemoryContext caller = MemoryContextSwitchTo(run->context);
	Pass pass = {.hash = fe_hash_make(about->keys, about->n_keys),
	             .n_keys = about->n_keys,
	             .taker = taker};
	int level = settings_enter(run->lookup->task);

	run->hashes[dimension] = pass.hash;
	MemoryContextSwitchTo(caller);
	read_dimension(&run->split->dimensions[dimension], &pass);
	settings_leave(level);
	return !pass.is_too_large;
}

void
fe_run_find(const FeRun *run, int dimension, uint32 *rows)
{
	if (!fe_hash_find(run->hashes[dimension], run->keys[dimension],
	                  run->n_added, rows))
		fe_fail_twice(run->lookup->task);
}
