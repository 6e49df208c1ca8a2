/*
 * fe_run.c
 *	  One use of a model's query over rows that are to be scored.
 */
#include "fe_lookup.h"
#include "input_coder.h"

#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#define FEW_ROWS 8 /* that are looked up one by one */

/* In place of a row of a dimension. */
#define FE_RUN_SEVERAL PG_UINT32_MAX

/*
 * A column that is read of the rows that were added.  Short texts are kept as
 * words, in the form in which they lie in rows of tables.
 */
typedef struct KeptColumn
{
	bool is_by_value;
	int16 size; /* -1: varlena */
	Datum *values;
	bool *nulls;
	uint64 (*texts)[2];
} KeptColumn;

/* Of a dimension that is joined to another one. */
typedef struct DimensionLinks
{
	uint32 *rows; /* its row, by row of the other one; or FE_RUN_SEVERAL */
	uint32 capacity;
	bool has_several;
} DimensionLinks;

struct FeRun
{
	FeLookup *lookup;
	const FeSplit *split;
	FeWay way;
	bool is_scan;
	bool is_grouped;
	bool is_plain;  /* what is read of rows are columns of theirs */
	FeQuery *query; /* NULL: nothing is asked of one */
	MemoryContext context;
	MemoryContext batch_context; /* of what a batch holds */
	int *slots;                  /* by column read: of the row's slot, */
	const int *by_attribute;     /* as this map says; NULL: by expressions */
	FeHash **hashes;             /* by dimension */
	DimensionLinks *links;       /* by dimension */
	uint32 **found;              /* by dimension that others are joined to: its
	                              * rows, by row of the batch */
	KeptColumn *columns;         /* of FE_PASS, by column read */
	int capacity;                /* rows of them */
	int n_added;                 /* rows */
	Size n_copied;               /* bytes of their long values */

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
	run->is_plain = row_evaluator_is_plain(lookup->evaluator);
	run->context = CurrentMemoryContext;
	run->batch_context = AllocSetContextCreate(
		CurrentMemoryContext, "cerebro lookup", ALLOCSET_DEFAULT_SIZES);
	run->split = split;
	run->query = &lookup->whole;
	if (way == FE_PASS)
	{
		run->query = unconstify(FeQuery *, &split->rest);
		run->hashes = palloc0((split->n_dimensions + 1) * sizeof(FeHash *));
		run->links =
			palloc0((split->n_dimensions + 1) * sizeof(DimensionLinks));
		run->found = palloc0((split->n_dimensions + 1) * sizeof(uint32 *));
		run->columns = palloc0((lookup->n_columns + 1) * sizeof(KeptColumn));
	}
	if (run->query->n_targets == 0)
		run->query = NULL;
	run->slots = palloc((lookup->n_columns + 1) * sizeof(int));
	make_row(run);
	return run;
}

void
fe_run_group(FeRun *run)
{
	run->is_grouped = true;
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
	run->n_copied = 0;
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

static void
reserve_column(FeRun *run, int i)
{
	KeptColumn *column = &run->columns[i];
	Form_pg_attribute about =
		TupleDescAttr(run->lookup->desc, run->lookup->columns[i]);
	Size n = run->capacity;

	if (column->values != NULL)
	{
		pfree(column->values);
		pfree(column->nulls);
		pfree(column->texts);
	}
	column->is_by_value = about->attbyval;
	column->size = about->attlen;
	column->values = palloc(n * sizeof(Datum));
	column->nulls = palloc(n * sizeof(bool));
	column->texts = palloc(column->size == -1 ? n * 2 * sizeof(uint64) : 1);
}

static void
reserve_found(FeRun *run, int dimension)
{
	if (run->found[dimension] != NULL)
		pfree(run->found[dimension]);
	run->found[dimension] = palloc((Size) run->capacity * sizeof(uint32));
}

/* Without rows: what columns keep of them lies where it lies. */
void
fe_run_reserve(FeRun *run, int n_rows)
{
	MemoryContext caller;

	if (run->way != FE_PASS || n_rows <= run->capacity)
		return;
	caller = MemoryContextSwitchTo(run->context);
	run->capacity = n_rows;
	for (int i = 0; i < run->lookup->n_columns; i++)
		reserve_column(run, i);
	for (int i = 0; i < run->split->n_dimensions; i++)
		if (run->split->dimensions[i].about->n_links > 0)
			reserve_found(run, i);
	MemoryContextSwitchTo(caller);
}

/* What is no short text: a copy. */
static Datum
copy_value(FeRun *run, const KeptColumn *column, Datum value)
{
	run->n_copied += datumGetSize(value, false, column->size);
	return datumCopy(value, false, column->size);
}

static inline Datum
keep_value(FeRun *run, const KeptColumn *column, Datum value)
{
	const char *text = DatumGetPointer(value);

	if (column->is_by_value)
		return value;
	if (column->size != -1 || !input_coder_is_short(text))
		return copy_value(run, column, value);
	input_coder_load(text, column->texts[run->n_added]);
	return PointerGetDatum(column->texts[run->n_added]);
}

static inline void
keep_column(FeRun *run, int i, Datum value, bool is_null)
{
	const KeptColumn *column = &run->columns[i];

	column->nulls[run->n_added] = is_null;
	column->values[run->n_added] = is_null ? 0 : keep_value(run, column, value);
}

/* The row whose columns have been evaluated. */
static void
keep_row(FeRun *run)
{
	const FeLookup *lookup = run->lookup;

	if (run->way != FE_PASS)
		return;
	for (int i = 0; i < lookup->n_columns; i++)
		keep_column(run, i, lookup->datums[i], lookup->nulls[i]);
	run->n_added++;
}

Size
fe_run_add(FeRun *run, HeapTupleHeader record)
{
	FeLookup *lookup = run->lookup;
	Size n_copied = run->n_copied;
	MemoryContext caller = MemoryContextSwitchTo(run->batch_context);

	row_evaluate(lookup->evaluator, record, lookup->datums, lookup->nulls);
	put_row(run);
	keep_row(run);
	MemoryContextSwitchTo(caller);
	return run->n_copied - n_copied;
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
read_slot(FeRun *run, const TupleTableSlot *slot)
{
	FeLookup *lookup = run->lookup;

	for (int i = 0; i < lookup->n_columns; i++)
	{
		lookup->datums[i] = slot->tts_values[run->slots[i]];
		lookup->nulls[i] = slot->tts_isnull[run->slots[i]];
	}
}

/* Where no query asks for them, at once to where they are kept. */
static void
keep_slot(FeRun *run, const TupleTableSlot *slot)
{
	const Datum *values = slot->tts_values;
	const bool *nulls = slot->tts_isnull;
	int n = run->lookup->n_columns;

	for (int i = 0; i < n; i++)
		keep_column(run, i, values[run->slots[i]], nulls[run->slots[i]]);
	run->n_added++;
}

Size
fe_run_add_slot(FeRun *run, const TupleTableSlot *slot, const int *by_attribute)
{
	FeLookup *lookup = run->lookup;
	bool is_plain = run->is_plain;
	Size n_copied = run->n_copied;
	MemoryContext caller = MemoryContextSwitchTo(run->batch_context);

	if (is_plain && run->by_attribute != by_attribute)
		map_slot(run, by_attribute);
	if (is_plain && run->query == NULL)
		keep_slot(run, slot);
	else
	{
		if (is_plain)
			read_slot(run, slot);
		else
			row_evaluate_slot(lookup->evaluator, slot, by_attribute,
			                  lookup->datums, lookup->nulls);
		put_row(run);
		keep_row(run);
	}
	MemoryContextSwitchTo(caller);
	return run->n_copied - n_copied;
}

ValueColumn
fe_run_get_column(const FeRun *run, int place)
{
	const KeptColumn *column = &run->columns[place];

	return (ValueColumn){column->values, column->nulls,
	                     column->size == -1 ? column->texts : NULL};
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
	const QueryPlan *plan = NULL;

	if (run->is_grouped && !is_few)
		plan = fe_lookup_get_plan(run->lookup, run->query, FE_GROUPED);
	return plan != NULL ? plan
	                    : fe_lookup_get_plan(run->lookup, run->query,
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
run_query(void *self)
{
	FeRun *run = self;

	run->relation.reldata = run->store;
	if (run->loop == NULL && run->is_scan && run->n_rows > FEW_ROWS)
		open_loop(run);
	if (run->loop != NULL)
	{
		query_loop_run(run->loop);
		return;
	}
	query_plan_run(get_plan(run), run->environment, take_row, run);
	/* what it holds is this transaction's, the run may not be */
	end_store(run);
}

void
fe_run_look_up(FeRun *run)
{
	if (run->n_rows == 0)
		return;
	make_room(run);
	fe_lookup_do(run->lookup, run_query, run);
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
	FeRun *run;
	int index;
	const FeDimensionPlan *dimension;
	FeHash *hash;
	int n_keys;
	const FeTaker *taker;
	uint32 n_seen;
	Size links_size; /* bytes */
	bool is_too_large;
} Pass;

#define N_IDS         2   /* ctid and xmin */
#define ROWS_PER_LOOK 256 /* at the size of what is kept */
#define FIRST_LINKS   256

static void
put_link(Pass *pass, DimensionLinks *links, uint32 row, uint32 linked)
{
	if (row >= links->capacity)
	{
		Size n = Max(2 * (Size) links->capacity, FIRST_LINKS);

		links->rows =
			links->rows == NULL
				? MemoryContextAllocHuge(pass->run->context, n * sizeof(uint32))
				: repalloc_huge(links->rows, n * sizeof(uint32));
		pass->links_size += (n - links->capacity) * sizeof(uint32);
		links->capacity = (uint32) n;
	}
	links->rows[row] = linked;
	links->has_several |= linked == FE_RUN_SEVERAL;
}

/* Rows of dimensions that are joined to this one; of no row: none. */
static void
link_row(Pass *pass, uint32 row, const Datum *values, const bool *nulls)
{
	const FeSplit *split = pass->run->split;

	for (int i = pass->index + 1; i < split->n_dimensions; i++)
	{
		const FeDimension *other = split->dimensions[i].about;
		uint32 linked = FE_HASH_NONE;

		if (other->through != pass->index)
			continue;
		if (values != NULL)
		{
			linked = fe_hash_find_row(pass->run->hashes[i], values, nulls);
			if (fe_hash_is_several(pass->run->hashes[i], linked))
				linked = FE_RUN_SEVERAL;
			values += other->n_keys;
			nulls += other->n_keys;
		}
		put_link(pass, &pass->run->links[i], row, linked);
	}
}

static void
take_dimension_row(void *self, TupleTableSlot *slot)
{
	Pass *pass = self;
	const FeDimension *about = pass->dimension->about;
	int n = about->n_keys + about->n_targets +
	        (OidIsValid(about->relation) ? N_IDS : 0); /* before links */
	uint32 row;

	CHECK_FOR_INTERRUPTS();
	if (pass->is_too_large)
		return;
	row = fe_hash_add(pass->hash, slot->tts_values, slot->tts_isnull);
	if (row != FE_HASH_NONE)
	{
		pass->taker->take(pass->taker->self, row,
		                  slot->tts_values + pass->n_keys,
		                  slot->tts_isnull + pass->n_keys);
		link_row(pass, row, slot->tts_values + n, slot->tts_isnull + n);
	}
	if (++pass->n_seen % ROWS_PER_LOOK == 0)
		pass->is_too_large = fe_hash_get_size(pass->hash) + pass->links_size >
		                     pass->taker->max_size;
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
	Datum *values = palloc0((n + N_IDS) * sizeof(Datum));
	bool *nulls = palloc((n + N_IDS) * sizeof(bool));

	memset(nulls, true, n + N_IDS);
	taker->take(taker->self, FE_HASH_NONE, values, nulls);
	pfree(values);
	pfree(nulls);
}

static void
read_dimension(void *self)
{
	Pass *pass = self;
	const FeDimensionPlan *dimension = pass->dimension;

	if (dimension->missing != NULL)
		query_plan_run(dimension->missing, NULL, take_missing_row,
		               unconstify(FeTaker *, pass->taker));
	else
		take_nulls(pass->taker, dimension->about->n_targets);
	link_row(pass, FE_HASH_NONE, NULL, NULL);
	query_plan_run(dimension->rows, NULL, take_dimension_row, pass);
}

bool
fe_run_pass(FeRun *run, int dimension, const FeTaker *taker)
{
	const FeDimension *about = run->split->dimensions[dimension].about;
	MemoryContext caller = MemoryContextSwitchTo(run->context);
	Pass pass = {.run = run,
	             .index = dimension,
	             .dimension = &run->split->dimensions[dimension],
	             .hash = fe_hash_make(about->keys, about->n_keys),
	             .n_keys = about->n_keys,
	             .taker = taker};

	run->hashes[dimension] = pass.hash;
	MemoryContextSwitchTo(caller);
	fe_lookup_do(run->lookup, read_dimension, &pass);
	return !pass.is_too_large;
}

static void
follow_links(const FeRun *run, int dimension, uint32 *rows)
{
	const DimensionLinks *links = &run->links[dimension];
	const uint32 *through =
		run->found[run->split->dimensions[dimension].about->through];

	for (int i = 0; i < run->n_added; i++)
	{
		rows[i] = links->rows[through[i]];
		if (unlikely(rows[i] == FE_RUN_SEVERAL))
			fe_fail_twice(run->lookup->task);
	}
}

static void
find_keys(const FeRun *run, int dimension, uint32 *rows)
{
	const FeDimensionPlan *plan = &run->split->dimensions[dimension];
	ValueColumn *columns = palloc(plan->about->n_keys * sizeof(ValueColumn));

	for (int i = 0; i < plan->about->n_keys; i++)
		columns[i] = fe_run_get_column(run, plan->key_places[i]);
	if (!fe_hash_find(run->hashes[dimension], columns, run->n_added, rows))
		fe_fail_twice(run->lookup->task);
	pfree(columns);
}

void
fe_run_find(const FeRun *run, int dimension, uint32 *rows)
{
	const FeDimension *about = run->split->dimensions[dimension].about;

	if (about->through == FE_OF_SOURCE)
		find_keys(run, dimension, rows);
	else
		follow_links(run, dimension, rows);
	if (about->n_links > 0)
		memcpy(run->found[dimension], rows, run->n_added * sizeof(uint32));
}

const uint32 *
fe_run_get_links(const FeRun *run, int dimension)
{
	return run->links[dimension].has_several ? NULL
	                                         : run->links[dimension].rows;
}

/* ----------------------------------------------------------------- sharing */

/* Rows of a dimension behind the one that was read, by its rows. */
typedef struct SharedLinks
{
	bool has_several;
	uint32 rows[FLEXIBLE_ARRAY_MEMBER];
} SharedLinks;

static Size
get_links_size(const FeRun *run, int dimension)
{
	return MAXALIGN(offsetof(SharedLinks, rows) +
	                (Size) fe_hash_count(run->hashes[dimension]) *
	                    sizeof(uint32));
}

static bool
is_through(const FeRun *run, int other, int dimension)
{
	return run->split->dimensions[other].about->through == dimension;
}

Size
fe_run_get_shared_size(const FeRun *run, int dimension)
{
	Size size = MAXALIGN(fe_hash_get_shared_size(run->hashes[dimension]));

	for (int i = dimension + 1; size > 0 && i < run->split->n_dimensions; i++)
		if (is_through(run, i, dimension))
			size += get_links_size(run, dimension);
	return size;
}

void
fe_run_share(const FeRun *run, int dimension, char *to)
{
	const FeHash *hash = run->hashes[dimension];

	fe_hash_share(hash, to);
	to += MAXALIGN(fe_hash_get_shared_size(hash));
	for (int i = dimension + 1; i < run->split->n_dimensions; i++)
	{
		SharedLinks *links = (SharedLinks *) to;

		if (!is_through(run, i, dimension))
			continue;
		links->has_several = run->links[i].has_several;
		memcpy(links->rows, run->links[i].rows,
		       (Size) fe_hash_count(hash) * sizeof(uint32));
		to += get_links_size(run, dimension);
	}
}

void
fe_run_attach(FeRun *run, int dimension, char *from)
{
	const FeDimension *about = run->split->dimensions[dimension].about;
	MemoryContext caller = MemoryContextSwitchTo(run->context);
	FeHash *hash = fe_hash_attach(about->keys, about->n_keys, from);

	run->hashes[dimension] = hash;
	from += MAXALIGN(fe_hash_get_shared_size(hash));
	for (int i = dimension + 1; i < run->split->n_dimensions; i++)
	{
		SharedLinks *links = (SharedLinks *) from;

		if (!is_through(run, i, dimension))
			continue;
		run->links[i] = (DimensionLinks){.rows = links->rows,
		                                 .has_several = links->has_several};
		from += get_links_size(run, dimension);
	}
	MemoryContextSwitchTo(caller);
}
