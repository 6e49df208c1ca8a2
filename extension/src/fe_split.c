/*
 * fe_split.c
 *	  Which inputs of a model come from dimensions, from the source, or need the
 *	  query; and what each way of reading them costs.
 */
#include "fe_lookup.h"

#include "optimizer/optimizer.h"
#include "utils/guc.h"

#include <math.h>

static const struct config_enum_entry join_plans[] = {
	{"auto", FE_JOIN_AUTO, false},
	{"pass", FE_JOIN_PASS, false},
	{"probe", FE_JOIN_PROBE, false},
	{"batch", FE_JOIN_BATCH, false},
	{NULL, 0, false},
};

static int join_plan = FE_JOIN_AUTO;

void
fe_init(void)
{
	DefineCustomEnumVariable(
		"cerebro.plan_join",
		"How tables that a model joins or aggregates are read.",
		"auto: by cost; pass: each table that is joined to the source by "
		"equalities alone is read once, and grouped once where it is "
		"aggregated; probe: by index, row by row; batch: by one query for each "
		"batch of rows. Trainings group with pass, and do not with the others.",
		&join_plan, FE_JOIN_AUTO, join_plans, PGC_USERSET, 0, NULL, NULL, NULL);
}

FeJoinPlan
fe_get_join_plan(void)
{
	return (FeJoinPlan) join_plan;
}

/* Its place among the columns that are read of the task's query. */
static int
find_place(const FeLookup *lookup, int column)
{
	for (int i = 0; i < lookup->n_columns; i++)
		if (lookup->columns[i] == column)
			return i;
	elog(ERROR, "a column that FE joins by is not read");
}

static void
add_dimension(const FeLookup *lookup, FeSplit *split, const FeDimension *about)
{
	FeDimensionPlan *dimension = &split->dimensions[split->n_dimensions];

	dimension->about = about;
	dimension->key_places = palloc(about->n_keys * sizeof(int));
	for (int i = 0; about->through == FE_OF_SOURCE && i < about->n_keys; i++)
		dimension->key_places[i] = find_place(lookup, about->key_columns[i]);
	for (int i = 0; i < about->n_targets; i++)
		split->inputs[about->targets[i]] =
			(FeInput){.dimension = split->n_dimensions, .place = i};
	dimension->rows = query_plan_make(about->rows, lookup->task->query);
	query_plan_note(dimension->rows, lookup->basis);
	if (about->missing != NULL)
		dimension->missing =
			query_plan_make(about->missing, lookup->task->query);
	split->n_dimensions++;
}

static void
find_inputs(const FeLookup *lookup, const Query *query, FeSplit *split)
{
	split->inputs = palloc((lookup->n_targets + 1) * sizeof(FeInput));
	for (int i = 0; i < lookup->n_targets; i++)
	{
		int column;

		split->inputs[i] = (FeInput){.dimension = FE_INPUT_OF_QUERY};
		if (fe_dimension_is_source(query, i, &column))
			split->inputs[i] = (FeInput){.dimension = FE_INPUT_OF_SOURCE,
			                             .place = find_place(lookup, column)};
	}
}

static void
list_rest(const FeLookup *lookup, FeSplit *split)
{
	split->rest.targets = palloc((lookup->n_targets + 1) * sizeof(int));
	for (int i = 0; i < lookup->n_targets; i++)
		if (split->inputs[i].dimension == FE_INPUT_OF_QUERY)
		{
			split->inputs[i].place = split->rest.n_targets;
			split->rest.targets[split->rest.n_targets++] = i;
		}
}

static FeSplit *
make_split(const FeLookup *lookup)
{
	FeSplit *split = palloc0(sizeof(FeSplit));
	RawStmt *statement;
	Query *all = fe_lookup_analyze(lookup, &statement);
	FeDimensionSearch search = {.task = lookup->task,
	                            .select = castNode(SelectStmt, statement->stmt),
	                            .raw_targets = lookup->targets,
	                            .n_targets = lookup->n_targets,
	                            .has_own_rows = lookup->has_own_rows};
	List *found;
	ListCell *cell;

	split->generation = basis_get_generation(lookup->basis);
	search.query = fe_lookup_keep_inputs(lookup, all);
	found = fe_dimension_find(&search);
	find_inputs(lookup, search.query, split);
	split->dimensions =
		palloc0((list_length(found) + 1) * sizeof(FeDimensionPlan));
	foreach (cell, found)
		add_dimension(lookup, split, lfirst(cell));
	list_rest(lookup, split);
	return split;
}

/* Those who hold an older one go on with it. */
const FeSplit *
fe_lookup_get_split(FeLookup *lookup)
{
	FeSplit *split = lookup->split;
	MemoryContext caller;
	FeScope scope;

	for (int i = 0; split != NULL && i < split->n_dimensions; i++)
		query_plan_lock(split->dimensions[i].rows);
	if (split != NULL &&
	    split->generation == basis_get_generation(lookup->basis))
		return split;
	caller = MemoryContextSwitchTo(lookup->context);
	scope = fe_lookup_enter(lookup);
	lookup->split = make_split(lookup);
	fe_lookup_leave(&scope);
	MemoryContextSwitchTo(caller);
	return lookup->split;
}

int
fe_split_count_dimensions(const FeSplit *split)
{
	return split->n_dimensions;
}

const char *
fe_split_get_alias(const FeSplit *split, int dimension)
{
	return split->dimensions[dimension].about->alias;
}

int
fe_split_get_targets(const FeSplit *split, int dimension, const int **targets)
{
	*targets = split->dimensions[dimension].about->targets;
	return split->dimensions[dimension].about->n_targets;
}

Oid
fe_split_get_relation(const FeSplit *split, int dimension)
{
	return split->dimensions[dimension].about->relation;
}

int
fe_split_get_through(const FeSplit *split, int dimension)
{
	return split->dimensions[dimension].about->through;
}

bool
fe_split_has_outer(const FeSplit *split, int dimension)
{
	return split->dimensions[dimension].about->n_links > 0;
}

const FeInput *
fe_split_get_input(const FeSplit *split, int target)
{
	return &split->inputs[target];
}

/* ------------------------------------------------------------------- costs */

double
fe_split_get_rows(const FeSplit *split, int dimension)
{
	return query_plan_get_cost(split->dimensions[dimension].rows).rows;
}

/*
 * What the planner does not know, in its units, as measured: a row that goes
 * through the query is stored, joined and copied; a row that is looked up by
 * index finds most pages in memory, as the one before it did; a row of a
 * dimension is hashed and coded; a query for many hashes wide rows, and has more
 * to start.
 */
#define ROW_COST       0.1
#define INPUT_COST     0.007 /* of each of its inputs */
#define INDEX_SHARE    0.025
#define DIMENSION_COST 0.04
#define HASH_SHARE     1.3
#define START_COST     25
#define DECISION_COST  150 /* of planning the other ways, too */

double
fe_split_get_cost(const FeSplit *split, int dimension)
{
	QueryCost read = query_plan_get_cost(split->dimensions[dimension].rows);

	return read.total + DIMENSION_COST * read.rows;
}

static FeLine
make_pass_line(const FeSplit *split)
{
	FeLine line = {0, 0};

	for (int i = 0; i < split->n_dimensions; i++)
	{
		int through = split->dimensions[i].about->through;

		line.start += fe_split_get_cost(split, i);
		if (through == FE_OF_SOURCE)
			line.each += cpu_operator_cost;
		else
			line.start += cpu_operator_cost * fe_split_get_rows(split, through);
	}
	if (split->n_dimensions == 0)
		line.start = INFINITY;
	return line;
}

static double
get_row_cost(const FeQuery *query)
{
	return ROW_COST + INPUT_COST * query->n_targets;
}

/* The query for few rows, once for each. */
static FeLine
make_probe_line(FeLookup *lookup)
{
	QueryCost one =
		query_plan_get_cost(fe_lookup_get_plan(lookup, &lookup->whole, FE_FEW));

	return (FeLine){one.total,
	                one.total * INDEX_SHARE + get_row_cost(&lookup->whole)};
}

/* The query for many: what it starts with (hashed tables) stays. */
static FeLine
make_line_for_many(FeLookup *lookup, FeQuery *query, int size)
{
	const QueryPlan *plan = fe_lookup_get_plan(lookup, query, size);
	QueryCost many;

	if (plan == NULL)
		return (FeLine){INFINITY, 0};
	many = query_plan_get_cost(plan);
	return (FeLine){many.startup * HASH_SHARE + START_COST,
	                (many.total - many.startup) / FE_MANY_ROWS +
	                    get_row_cost(query)};
}

static void
make_batch_line(FeLookup *lookup, FeQuery *query, FeLine *lines)
{
	lines[FE_MANY] = make_line_for_many(lookup, query, FE_MANY);
	lines[FE_GROUPED] = make_line_for_many(lookup, query, FE_GROUPED);
}

static double
get_cost(FeLine line, double n_rows)
{
	return line.start + n_rows * line.each;
}

static void
add_batch(const FeLine *lines, double n_rows, FeCosts *costs, FeWay way)
{
	double each = get_cost(lines[FE_MANY], n_rows);
	double grouped = get_cost(lines[FE_GROUPED], n_rows);

	costs->are_grouped[way] = grouped < each;
	costs->ways[way] += Min(each, grouped);
}

/* Whether a pass over dimensions leaves something to the query. */
static bool
has_rest(const FeSplit *split)
{
	return split->n_dimensions > 0 && split->rest.n_targets > 0;
}

/* Those of another generation are forgotten. */
static FeLines *
get_lines(FeLookup *lookup)
{
	FeLines *lines = &lookup->lines;

	if (lines->generation == basis_get_generation(lookup->basis))
		return lines;
	*lines = (FeLines){.generation = basis_get_generation(lookup->basis)};
	lines->probe = make_probe_line(lookup);
	return lines;
}

static void
estimate_pass(FeLookup *lookup, double n_rows, FeCosts *costs)
{
	FeLines *lines = &lookup->lines;

	if (!lines->has_pass)
		lines->pass = make_pass_line(fe_lookup_get_split(lookup));
	lines->has_pass = true;
	costs->ways[FE_PASS] = get_cost(lines->pass, n_rows);
}

static void
make_batch_lines(FeLookup *lookup, FeLines *lines)
{
	make_batch_line(lookup, &lookup->whole, lines->whole);
	if (has_rest(lookup->split))
		make_batch_line(lookup, &lookup->split->rest, lines->rest);
	lines->has_batch = true;
}

static void
estimate_batch(FeLookup *lookup, double n_rows, FeCosts *costs)
{
	FeLines *lines = &lookup->lines;

	if (!lines->has_batch)
		make_batch_lines(lookup, lines);
	add_batch(lines->whole, n_rows, costs, FE_BATCH);
	if (has_rest(lookup->split))
		add_batch(lines->rest, n_rows, costs, FE_PASS);
}

/*
 * Of few rows the ways differ by less than it costs to compare them, until as
 * much has been spent on them: no series of statements takes twice as long as
 * it would have, had this been known.
 */
static bool
is_worth_comparing(const FeLines *lines, double cost)
{
	return lines->has_pass || lines->spent + cost > DECISION_COST;
}

void
fe_lookup_note_probe(FeLookup *lookup, double n_rows)
{
	FeLines *lines = &lookup->lines;

	if (lines->generation == basis_get_generation(lookup->basis))
		lines->spent += get_cost(lines->probe, n_rows);
}

/* A query for many reads dimensions by hash as a pass does, or by index as a
 * probe: between the two it need not be planned to be known. */
static void
estimate_others(FeLookup *lookup, double n_rows, FeCosts *costs)
{
	estimate_pass(lookup, n_rows, costs);
	if (lookup->split->rest.n_targets == 0 &&
	    2 * costs->ways[FE_PASS] < costs->ways[FE_PROBE])
		costs->ways[FE_BATCH] = INFINITY;
	else
		estimate_batch(lookup, n_rows, costs);
}

bool
fe_lookup_estimate(FeLookup *lookup, double n_rows, FeCosts *costs)
{
	FeScope scope = fe_lookup_enter(lookup);
	FeLines *lines = get_lines(lookup);
	bool is_compared;

	memset(costs, 0, sizeof(*costs));
	costs->ways[FE_PROBE] = get_cost(lines->probe, n_rows);
	is_compared = is_worth_comparing(lines, costs->ways[FE_PROBE]);
	if (is_compared)
		estimate_others(lookup, n_rows, costs);
	fe_lookup_leave(&scope);
	return is_compared;
}
