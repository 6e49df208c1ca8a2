/*
 * scorer_lookup.c
 *	  Values of rows whose model reads other tables.
 *
 *	 row's columns -> values of inputs that the source gives
 *				   -> key of each dimension -> its row, coded before: values, or
 *					  what they add to the model's first layer (a partial)
 *				   -> the query, for what is left
 *
 * A dimension is read when the statement's first row is there, in one pass, those
 * behind others first, and kept for the statement.  What is kept is bounded by the memory of a hash
 * (work_mem, hash_mem_multiplier): partials that would not fit are computed
 * with each row, and what then does not fit is left to the query.
 */
#include "scorer_dimension.h"
#include "scorer_share.h"

#include "executor/nodeHash.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include <math.h>

#define PASS_ROWS    256
#define PARTIAL_ROWS 64  /* made at once */
#define MAX_PREFETCH 128 /* floats */

/* ------------------------------------------------------- rows of dimensions */

static Size
get_coded_size(const Dimension *dimension)
{
	return dimension->n_values * sizeof(cer_value);
}

static Size
get_row_size(const ScorerLookup *lookup, const Dimension *dimension)
{
	if (dimension->kept != NULL)
		return sizeof(uint32);
	return dimension->group >= 0 ? lookup->width * sizeof(float)
	                             : get_coded_size(dimension);
}

/* Partials of the rows whose values have come since. */
static void
make_partials(Dimension *dimension)
{
	ScorerLookup *lookup = dimension->lookup;
	const Scorer *scorer = lookup->scorer;
	uint32 n = dimension->n_pending;
	cer_value *values;
	float *partials = dimension->kept != NULL
	                      ? scorer_kept_get_partials(dimension->kept)
	                      : dimension->partials;
	char *scratch;
	void *aligned;
	cer_score_rows rows = {.n_rows = n, .stride = PARTIAL_ROWS};
	cer_fetch fetch = {.rows = &rows, .is_of_group = true};

	if (n == 0)
		return;
	values = palloc(cer_model_count_values(scorer->model) * PARTIAL_ROWS *
	                sizeof(cer_value));
	scratch = palloc(cer_model_get_scratch_size(scorer->model, n) + 64);
	for (uint32 row = 0; row < n; row++)
		for (int i = 0; i < dimension->n_values; i++)
			values[dimension->places[i] * PARTIAL_ROWS + row] =
				dimension->values[row * dimension->n_values + i];
	rows.values = values;
	aligned = (void *) TYPEALIGN(64, scratch);
	fetch.group = dimension->group;
	scorer_fetch(scorer, &fetch, aligned);
	cer_model_make_partials(
		scorer->model, dimension->group, &rows,
		partials + (Size) dimension->pending_at * lookup->width, aligned);
	dimension->n_pending = 0;
	if (dimension->kept != NULL)
		scorer_kept_settle(dimension->kept);
	pfree(values);
	pfree(scratch);
}

static void *
grow_rows(ScorerLookup *lookup, void *rows, Size size)
{
	if (rows == NULL)
		return MemoryContextAllocHuge(lookup->kept, size);
	return repalloc_huge(rows, size);
}

static bool
reserve_row(Dimension *dimension)
{
	ScorerLookup *lookup = dimension->lookup;
	bool keeps_coded = dimension->group >= 0 && lookup->keeps_values;
	Size size;
	Size coded;

	if (dimension->n_rows < dimension->capacity)
		return true;
	dimension->capacity = Max(2 * dimension->capacity, 4 * PARTIAL_ROWS);
	size = (Size) dimension->capacity * get_row_size(lookup, dimension);
	coded = keeps_coded ? dimension->capacity * get_coded_size(dimension) : 0;
	if ((size + coded) / 2 > lookup->max_size)
		return false;
	if (keeps_coded)
		dimension->coded = grow_rows(lookup, dimension->coded, coded);
	if (dimension->kept != NULL)
		dimension->in_kept = grow_rows(lookup, dimension->in_kept, size);
	else if (dimension->group >= 0)
		dimension->partials = grow_rows(lookup, dimension->partials, size);
	else
		dimension->values = grow_rows(lookup, dimension->values, size);
	return true;
}

/* Whether the row's partial is there; else it gets a place for it. */
static bool
find_kept(Dimension *dimension, uint32 row, const Datum *values,
          const bool *nulls)
{
	int at = dimension->n_targets; /* of ctid; xmin follows */
	RowId id;
	uint32 place;

	memset(&id, 0, sizeof(id));
	if (!nulls[at])
	{
		id.tid = *(ItemPointer) DatumGetPointer(values[at]);
		id.xmin = DatumGetTransactionId(values[at + 1]);
	}
	place = scorer_kept_find(dimension->kept, id);
	dimension->in_kept[row] = place;
	if (place != KEPT_NONE)
		return true;
	place = dimension->in_kept[row] = scorer_kept_add(dimension->kept, id);
	dimension->is_too_large = place == KEPT_NONE;
	return dimension->is_too_large;
}

/* To where the scorer's values of one row are. */
static void
code_row(const Dimension *dimension, const Datum *values, const bool *nulls)
{
	Scorer *scorer = dimension->lookup->scorer;

	for (int i = 0; i < dimension->n_targets; i++)
		input_coder_put(&scorer->coders[dimension->targets[i]], values[i],
		                nulls[i], scorer->values, 1);
}

/* A row of a dimension that is being read. */
typedef struct DimensionRow
{
	uint32 number;
	const Datum *values;
	const bool *nulls;
	const Dimension *coder; /* that codes it, */
	bool is_coded;          /* once */
} DimensionRow;

static void
put_values(Dimension *dimension, uint32 at, DimensionRow *row)
{
	const cer_value *from = row->coder->lookup->scorer->values;
	cer_value *to = dimension->values + (Size) at * dimension->n_values;

	if (!row->is_coded)
		code_row(row->coder, row->values, row->nulls);
	row->is_coded = true;
	for (int i = 0; i < dimension->n_values; i++)
		to[i] = from[dimension->places[i]];
}

/* Rows come in the order of their numbers. */
static void
add_row(Dimension *dimension, DimensionRow *row)
{
	if (!dimension->is_too_large && !reserve_row(dimension))
		dimension->is_too_large = true;
	if (dimension->is_too_large)
		return;
	Assert(row->number == dimension->n_rows);
	dimension->n_rows++;
	if (dimension->group < 0)
	{
		put_values(dimension, row->number, row);
		return;
	}
	if (dimension->kept != NULL &&
	    find_kept(dimension, row->number, row->values, row->nulls))
		return;
	if (dimension->n_pending == 0)
		dimension->pending_at = dimension->kept != NULL
		                            ? dimension->in_kept[row->number]
		                            : row->number;
	put_values(dimension, dimension->n_pending, row);
	if (dimension->coded != NULL)
		memcpy(dimension->coded + (Size) row->number * dimension->n_values,
		       dimension->values +
		           (Size) dimension->n_pending * dimension->n_values,
		       get_coded_size(dimension));
	dimension->n_pending++;
	if (dimension->n_pending == PARTIAL_ROWS)
		make_partials(dimension);
}

static void
take_row(void *self, uint32 number, const Datum *values, const bool *nulls)
{
	Dimension *coder = self;
	ScorerLookup *lookup = coder->lookup;
	DimensionRow row = {number, values, nulls, coder, false};

	for (int i = 0; i < lookup->n_members; i++)
		add_row(&lookup->members[i]->dimensions[coder->index], &row);
}

static void
list_places(Dimension *dimension)
{
	const cer_model *model = dimension->lookup->scorer->model;

	dimension->places = palloc(cer_model_count_values(model) * sizeof(int));
	dimension->n_values = 0;
	for (int i = 0; i < dimension->n_targets; i++)
	{
		size_t first = cer_model_get_value(model, dimension->targets[i]);
		size_t n = cer_model_count_values_of(model, dimension->targets[i]);

		for (size_t k = 0; k < n; k++)
			dimension->places[dimension->n_values++] = (int) (first + k);
	}
}

void
scorer_describe_dimension(ScorerLookup *lookup, int i)
{
	Dimension *dimension = &lookup->dimensions[i];

	memset(dimension, 0, sizeof(*dimension));
	dimension->lookup = lookup;
	dimension->index = i;
	dimension->n_targets =
		fe_split_get_targets(lookup->split, i, &dimension->targets);
	list_places(dimension);
	dimension->group =
		scorer_find_group(lookup->scorer->model, lookup->split, i);
}

static void
init_dimension(ScorerLookup *lookup, int i)
{
	Dimension *dimension = &lookup->dimensions[i];
	double rows = fe_split_get_rows(lookup->split, i);

	scorer_describe_dimension(lookup, i);
	if (rows * lookup->width * sizeof(float) > (double) lookup->max_size)
		dimension->group = -1;
	if (dimension->group < 0)
		return;
	dimension->values = MemoryContextAlloc(
		lookup->kept, PARTIAL_ROWS * dimension->n_values * sizeof(cer_value));
	if (lookup->kept_split != NULL &&
	    OidIsValid(fe_split_get_relation(lookup->kept_split, i)))
		dimension->kept =
			scorer_kept_open(lookup->scorer, lookup->kept_split, i);
}

bool
scorer_pass_dimension(ScorerLookup *lookup, int i)
{
	FeTaker taker = {.self = &lookup->dimensions[i],
	                 .take = take_row,
	                 .max_size = lookup->max_size};

	for (int k = 0; k < lookup->n_members; k++)
		init_dimension(lookup->members[k], i);
	if (!fe_run_pass(lookup->run, i, &taker))
		return false;
	for (int k = 0; k < lookup->n_members; k++)
	{
		Dimension *dimension = &lookup->members[k]->dimensions[i];

		if (dimension->is_too_large)
			return false;
		if (dimension->group >= 0)
			make_partials(dimension);
	}
	return true;
}

static void
list_dimensions(ScorerLookup *lookup)
{
	lookup->n_dimensions = fe_split_count_dimensions(lookup->split);
	lookup->dimensions =
		palloc0((lookup->n_dimensions + 1) * sizeof(Dimension));
}

/* Partials of all dimensions are there. */
static void
add_up(ScorerLookup *lookup)
{
	for (int i = lookup->n_dimensions - 1; i >= 0; i--)
	{
		if (lookup->dimensions[i].group < 0)
			continue;
		scorer_fold(&lookup->dimensions[i]);
		lookup->has_partials = true;
	}
	scorer_combine(lookup);
}

static bool
pass_all(ScorerLookup *lookup)
{
	for (int i = 0; i < lookup->n_members; i++)
	{
		lookup->members[i]->run = lookup->run;
		list_dimensions(lookup->members[i]);
	}
	if (!scorer_share_pass(lookup))
		return false;
	for (int i = 0; i < lookup->n_members; i++)
		add_up(lookup->members[i]);
	return true;
}

/* ---------------------------------------------------------------- beginning */

static void
list_inputs(ScorerLookup *lookup)
{
	int n = (int) lookup->scorer->n_inputs;

	lookup->direct = palloc((n + 1) * sizeof(int));
	lookup->places = palloc((n + 1) * sizeof(int));
	lookup->rest = palloc((n + 1) * sizeof(int));
	lookup->n_direct = 0;
	lookup->n_rest = 0;
	for (int i = 0; i < n; i++)
	{
		const FeInput *input = lookup->way == FE_PASS
		                           ? fe_split_get_input(lookup->split, i)
		                           : NULL;

		if (input == NULL || input->dimension == FE_INPUT_OF_QUERY)
			lookup->rest[lookup->n_rest++] = i;
		else if (input->dimension == FE_INPUT_OF_SOURCE)
		{
			lookup->direct[lookup->n_direct] = i;
			lookup->places[lookup->n_direct++] = input->place;
		}
	}
}

static void
start_run(ScorerLookup *lookup, FeWay way)
{
	lookup->way = way;
	lookup->run =
		fe_run_make(row_evaluator_get_lookup(lookup->scorer->evaluator),
	                lookup->split, way, true);
	if (lookup->is_grouped)
		fe_run_group(lookup->run);
	list_inputs(lookup);
}

/* What does not fit is left to the query. */
static void
start_pass(ScorerLookup *lookup)
{
	start_run(lookup, FE_PASS);
	if (pass_all(lookup))
		return;
	fe_run_end(lookup->run);
	MemoryContextReset(lookup->kept);
	for (int i = 0; i < lookup->n_members; i++)
	{
		lookup->members[i]->n_dimensions = 0;
		lookup->members[i]->has_partials = false;
		lookup->members[i]->combination.n = 0;
	}
	start_run(lookup, FE_BATCH);
}

static FeWay
choose_way(ScorerLookup *lookup, const Scorer *scorer, double n_rows)
{
	FeWay way;

	if (scorer_share_get_way(&lookup->share, scorer, &way, &lookup->is_grouped))
		return way;
	way = scorer_choose_way(scorer, n_rows, &lookup->is_grouped);
	scorer_share_put_way(&lookup->share, scorer, way, lookup->is_grouped);
	return way;
}

/* What it knows of a model, beside how rows are read. */
static ScorerLookup *
make_lookup(Scorer *scorer)
{
	ScorerLookup *lookup = palloc0(sizeof(ScorerLookup));

	lookup->scorer = scorer;
	lookup->context = CurrentMemoryContext;
	lookup->max_size = get_hash_memory_limit();
	lookup->width = cer_model_get_partial_width(scorer->model);
	lookup->n_groups = (int) cer_model_count_groups(scorer->model);
	return lookup;
}

/* Models that read the same have dimensions alike. */
static bool
are_alike(const FeSplit *one, const FeSplit *other)
{
	int n = fe_split_count_dimensions(one);

	if (fe_split_count_dimensions(other) != n)
		return false;
	for (int i = 0; i < n; i++)
		if (fe_split_get_relation(one, i) != fe_split_get_relation(other, i))
			return false;
	return true;
}

/* What is kept of a model goes with its own scorer, and so with its split. */
static void
plan_pass(ScorerLookup *lookup, const ScorerWish *wish)
{
	for (int i = 0; i < lookup->n_members; i++)
	{
		ScorerLookup *member = lookup->members[i];
		const FeSplit *own = fe_lookup_get_split(
			row_evaluator_get_lookup(member->scorer->evaluator));

		if (i == 0)
			lookup->split = own;
		member->split = lookup->split;
		/* a row whose partial is there would not be coded */
		member->kept_split =
			!wish->keeps_values && are_alike(own, lookup->split) ? own : NULL;
		member->kept = lookup->kept;
		scorer_plan_sums(member->scorer, member->split, wish, &member->plan);
	}
}

ScorerLookup *
scorer_lookup_begin(Scorer *scorer, const List *followers,
                    const ScorerWish *wish, const ScorerShare *share)
{
	ScorerLookup *lookup = make_lookup(scorer);
	FeLookup *reads = row_evaluator_get_lookup(scorer->evaluator);
	FeWay way;
	ListCell *cell;

	/* what is shared is of one model */
	if (followers == NIL)
		lookup->share = *share;
	lookup->keeps_values = wish->keeps_values;
	way = choose_way(lookup, scorer, wish->n_rows);
	if (way == FE_PROBE)
		fe_lookup_note_probe(reads, wish->n_rows);
	lookup->kept = AllocSetContextCreate(
		CurrentMemoryContext, "cerebro dimensions", ALLOCSET_DEFAULT_SIZES);
	lookup->members =
		palloc((list_length(followers) + 1) * sizeof(ScorerLookup *));
	lookup->members[lookup->n_members++] = lookup;
	foreach (cell, followers)
		lookup->members[lookup->n_members++] = make_lookup(lfirst(cell));
	if (way != FE_PASS)
	{
		start_run(lookup, way);
		return lookup;
	}
	plan_pass(lookup, wish);
	start_pass(lookup);
	return lookup;
}

ScorerLookup *
scorer_lookup_get_follower(const ScorerLookup *lookup, int i)
{
	return lookup->members[i + 1];
}

FeWay
scorer_lookup_get_way(const ScorerLookup *lookup, bool *is_grouped)
{
	*is_grouped = lookup->is_grouped;
	return lookup->way;
}

bool
scorer_lookup_is_shared(const ScorerLookup *lookup)
{
	return lookup->share.shared != NULL && lookup->way == FE_PASS;
}

bool
scorer_lookup_is_by_row(const ScorerLookup *lookup)
{
	return lookup->way == FE_PROBE;
}

void
scorer_lookup_end(ScorerLookup *lookup)
{
	fe_run_end(lookup->run);
}

int
scorer_lookup_get_limit(const ScorerLookup *lookup)
{
	return lookup->n_rest > 0 ? SCORER_QUERY_ROWS : PASS_ROWS;
}

static void
reserve_partials(ScorerLookup *lookup, int n_rows)
{
	lookup->rows = palloc0((lookup->n_groups + 1) * sizeof(float **));
	lookup->groups = palloc0((lookup->n_groups + 1) * sizeof(float **));
	for (int i = 0; i < lookup->n_dimensions; i++)
	{
		Dimension *dimension = &lookup->dimensions[i];

		if (dimension->group >= 0)
			lookup->rows[dimension->group] =
				palloc((Size) n_rows * sizeof(float *));
		if (dimension->coded != NULL)
			dimension->found = palloc((Size) n_rows * sizeof(uint32));
	}
	scorer_reserve_combination(lookup, n_rows);
}

void
scorer_lookup_reserve(ScorerLookup *lookup, int n_rows)
{
	MemoryContext caller;

	fe_run_reserve(lookup->run, n_rows);
	if (lookup->n_dimensions == 0 || n_rows <= lookup->capacity)
		return;
	caller = MemoryContextSwitchTo(lookup->context);
	lookup->capacity = n_rows;
	lookup->found = palloc((Size) n_rows * sizeof(uint32));
	for (int i = 0; i < lookup->n_members; i++)
		reserve_partials(lookup->members[i], n_rows);
	MemoryContextSwitchTo(caller);
}

void
scorer_lookup_clear(ScorerLookup *lookup)
{
	fe_run_clear(lookup->run);
	lookup->n_rows = 0;
}

/* --------------------------------------------------------------------- rows */

Size
scorer_lookup_add_record(ScorerLookup *lookup, HeapTupleHeader record)
{
	lookup->n_rows++;
	return fe_run_add(lookup->run, record);
}

Size
scorer_lookup_add_slot(ScorerLookup *lookup, const ScorerMap *map,
                       const TupleTableSlot *slot)
{
	lookup->n_rows++;
	return fe_run_add_slot(lookup->run, slot, map->by_attribute);
}

/* What the source gives, of all rows; the current memory context is reset. */
static void
take_direct(ScorerLookup *lookup, const ValueRows *to)
{
	for (int i = 0; i < lookup->n_direct; i++)
	{
		ValueColumn column = fe_run_get_column(lookup->run, lookup->places[i]);

		input_coder_put_column(&lookup->scorer->coders[lookup->direct[i]],
		                       &column, lookup->n_rows, to->values, to->stride);
		MemoryContextReset(CurrentMemoryContext);
	}
}

/* Values that the query found; the current memory context is reset. */
static void
take_rest(ScorerLookup *lookup, const ValueRows *to, int row)
{
	Scorer *scorer = lookup->scorer;
	const Datum *values;
	const bool *nulls;

	fe_run_get(lookup->run, row, &values, &nulls);
	for (int i = 0; i < lookup->n_rest; i++)
	{
		int input = lookup->rest[i];

		input_coder_put(&scorer->coders[input], values[i], nulls[i],
		                to->values + row, to->stride);
	}
	MemoryContextReset(CurrentMemoryContext);
}

/* A partial is read soon. */
static inline void
prefetch(const float *partial, size_t width)
{
	for (size_t i = 0; i < width; i += 16)
		__builtin_prefetch(partial + i, 0, 2);
}

static void
take_partials(ScorerLookup *lookup, const Dimension *dimension)
{
	const float **rows = lookup->rows[dimension->group];
	const float *partials =
		dimension->sums != NULL ? dimension->sums : dimension->partials;
	const uint32 *in_kept = NULL;

	if (dimension->sums == NULL && dimension->kept != NULL)
	{
		partials = scorer_kept_get_partials(dimension->kept);
		in_kept = dimension->in_kept;
	}
	for (int row = 0; row < lookup->n_rows; row++)
	{
		uint32 at =
			in_kept != NULL ? in_kept[lookup->found[row]] : lookup->found[row];

		rows[row] = partials + (Size) at * lookup->width;
		prefetch(rows[row], Min(lookup->width, MAX_PREFETCH));
	}
}

static void
take_values(ScorerLookup *lookup, const Dimension *dimension,
            const ValueRows *to)
{
	int n = dimension->n_values;

	for (int row = 0; row < lookup->n_rows; row++)
	{
		const cer_value *values =
			dimension->values + (Size) lookup->found[row] * n;

		for (int i = 0; i < n; i++)
			to->values[dimension->places[i] * to->stride + row] = values[i];
	}
}

/* Rows of one whose sums are elsewhere are looked for as others are found
 * through them. */
static bool
is_looked_for(const ScorerLookup *lookup, int i)
{
	bool is_needed = fe_split_has_outer(lookup->split, i);

	for (int k = 0; k < lookup->n_members; k++)
		is_needed |= !lookup->members[k]->dimensions[i].is_elsewhere;
	return is_needed;
}

/* Of the rows that were found. */
static void
take_found(ScorerLookup *lookup, int i, const ValueRows *to)
{
	Dimension *dimension = &lookup->dimensions[i];

	if (dimension->is_elsewhere)
		return;
	if (dimension->stride > 0)
		scorer_take_combined(lookup, dimension);
	else if (dimension->group >= 0)
		take_partials(lookup, dimension);
	else
		take_values(lookup, dimension, to);
}

static void
find_in_dimension(ScorerLookup *lookup, int i, const ValueRows *to)
{
	if (!is_looked_for(lookup, i))
		return;
	fe_run_find(lookup->run, i, lookup->found);
	if (lookup->dimensions[i].coded != NULL)
		memcpy(lookup->dimensions[i].found, lookup->found,
		       lookup->n_rows * sizeof(uint32));
	for (int k = 0; k < lookup->n_members; k++)
	{
		ScorerLookup *member = lookup->members[k];

		member->found = lookup->found;
		member->n_rows = lookup->n_rows;
		take_found(member, i, to);
	}
}

void
scorer_lookup_run(ScorerLookup *lookup, const ValueRows *to)
{
	take_direct(lookup, to);
	for (int i = 0; i < lookup->n_dimensions; i++)
		find_in_dimension(lookup, i, to);
	if (lookup->n_rest == 0)
		return;
	fe_run_look_up(lookup->run);
	for (int row = 0; row < lookup->n_rows; row++)
		take_rest(lookup, to, row);
}

void
scorer_lookup_fill(const ScorerLookup *lookup, int row, cer_value *values,
                   size_t stride)
{
	for (int i = 0; i < lookup->n_dimensions; i++)
	{
		const Dimension *dimension = &lookup->dimensions[i];
		const cer_value *from;

		if (dimension->coded == NULL)
			continue;
		from = dimension->coded +
		       (Size) dimension->found[row] * dimension->n_values;
		for (int k = 0; k < dimension->n_values; k++)
			values[dimension->places[k] * stride] = from[k];
	}
}

const float *const *const *
scorer_lookup_get_partials(ScorerLookup *lookup, int first)
{
	if (!lookup->has_partials)
		return NULL;
	for (int i = 0; i < lookup->n_groups; i++)
		lookup->groups[i] =
			lookup->rows[i] == NULL ? NULL : lookup->rows[i] + first;
	for (int i = 0; i < lookup->n_dimensions; i++)
	{
		const Dimension *dimension = &lookup->dimensions[i];

		if (dimension->is_elsewhere ||
		    (dimension->stride > 0 &&
		     dimension != lookup->combination.dimensions[0]))
			lookup->groups[dimension->group] = cer_partials_elsewhere;
	}
	return lookup->groups;
}
