/*
 * fe_lookup.c
 *	  A model's inputs for rows that are to be scored.
 *
 *	 rows -> columns of the task's source that FE reads (row.c) -> tuple store
 *		  -> the model's query, reading the store in the source's place
 *		  -> inputs, by row
 *
 * The query is the one that training read: what is joined is found in the same
 * way, with the rights of who asks.  It is planned once for single rows and
 * once for batches.
 */
#include "fe_private.h"

#include "executor/tuptable.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/queryenvironment.h"
#include "utils/tuplestore.h"

#define ROWS_NAME  "cerebro rows"
#define BATCH_ROWS 1024 /* that a plan for many is made for */
#define FEW_ROWS   8    /* that are looked up one by one */

typedef struct Output
{
	Oid type;
	int16 size;
	bool by_value;
} Output;

struct FeLookup
{
	const Task *task;
	MemoryContext context;       /* of the lookup */
	MemoryContext batch_context; /* of what a batch holds */

	/* rows to the columns that are read */
	RowEvaluator *evaluator;
	int n_columns; /* of the base query that are read */
	int *columns;
	Datum *datums;
	bool *nulls;

	/* the store in the source's place */
	TupleDesc desc;
	Datum *row_values; /* one row of it */
	bool *row_nulls;
	Tuplestorestate *store;
	EphemeralNamedRelationData relation;
	QueryEnvironment *environment;

	/* the query: inputs, then the row's number */
	Query *query;
	uint64 generation;   /* of what it rests on */
	QueryPlan *plans[2]; /* for few rows, for many */
	SettingsImage *settings;
	bool is_scan;    /* batches of one statement, in one snapshot */
	QueryLoop *loop; /* of a scan's full batches, once there was one */

	/* results */
	int n_targets;
	int *targets; /* of the query as it is kept, and the number's */
	Output *outputs;
	int n_rows;
	Datum *values; /* (n_rows, n_targets) */
	bool *is_null;
	bool *is_there; /* (n_rows) */
};

/* ------------------------------------------------------- the rows' place */

/* The leftmost of FROM is the task's query. */
static Node **
find_source(SelectStmt *select)
{
	Node **at = (Node **) &lfirst(list_head(select->fromClause));

	while (IsA(*at, JoinExpr))
		at = &((JoinExpr *) *at)->larg;
	return at;
}

/* The rows' number stands behind the columns of the task's query. */
static void
replace_source(SelectStmt *select)
{
	Node **at = find_source(select);
	RangeSubselect *source = castNode(RangeSubselect, *at);
	RangeVar *rows = makeRangeVar(NULL, ROWS_NAME, -1);

	rows->alias = source->alias;
	rows->alias->colnames = lappend(rows->alias->colnames, makeString(FE_ROW));
	*at = (Node *) rows;
	select->targetList = lappend(
		select->targetList, fe_target(fe_column(FE_SOURCE, FE_ROW), FE_ROW));
}

static void
make_description(FeLookup *lookup, const Query *base)
{
	int n = list_length(base->targetList);

	lookup->desc = CreateTemplateTupleDesc(n + 1);
	for (int i = 0; i < n; i++)
	{
		Node *node =
			(Node *) list_nth_node(TargetEntry, base->targetList, i)->expr;

		TupleDescInitEntry(lookup->desc, i + 1, psprintf("c%d", i + 1),
		                   exprType(node), exprTypmod(node), 0);
		TupleDescInitEntryCollation(lookup->desc, i + 1, exprCollation(node));
	}
	TupleDescInitEntry(lookup->desc, n + 1, FE_ROW, INT4OID, -1, 0);
	lookup->row_values = palloc0((n + 1) * sizeof(Datum));
	lookup->row_nulls = palloc((n + 1) * sizeof(bool));
	memset(lookup->row_nulls, true, n + 1);
}

static void
make_environment(FeLookup *lookup)
{
	EphemeralNamedRelationMetadata about = &lookup->relation.md;

	about->name = ROWS_NAME;
	about->reliddesc = InvalidOid;
	about->tupdesc = lookup->desc;
	about->enrtype = ENR_NAMED_TUPLESTORE;
	about->enrtuples = BATCH_ROWS;
	lookup->environment = create_queryEnv();
	register_ENR(lookup->environment, &lookup->relation);
}

static void
report_lookup(void *arg)
{
	const Task *task = arg;

	if (geterrposition() > 0)
		errposition(0);
	errcontext("what FE of a model for task \"%s\" reads", task->name);
}

static Query *
analyze(FeLookup *lookup)
{
	ErrorContextCallback context = {.previous = error_context_stack,
	                                .callback = report_lookup,
	                                .arg = unconstify(Task *, lookup->task)};
	int level = task_enter_deparse();
	RawStmt *statement;
	Query *query;

	error_context_stack = &context;
	statement = linitial_node(
		RawStmt, raw_parser(lookup->task->query, RAW_PARSE_DEFAULT));
	source_check_literals(lookup->task, statement);
	replace_source(castNode(SelectStmt, statement->stmt));
	query = parse_analyze_fixedparams(statement, lookup->task->query, NULL, 0,
	                                  lookup->environment);
	source_check_code(lookup->task, query);
	error_context_stack = context.previous;
	settings_leave(level);
	return query;
}

/* ------------------------------------------------------ what is read of it */

typedef struct Reads
{
	Bitmapset *columns; /* from 1 */
	int level;
} Reads;

static bool
note_reads(Node *node, void *context)
{
	Reads *reads = context;
	Var *var = (Var *) node;

	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		reads->level++;
		(void) query_tree_walker((Query *) node, note_reads, context,
		                         QTW_IGNORE_JOINALIASES);
		reads->level--;
		return false;
	}
	if (!IsA(node, Var))
		return expression_tree_walker(node, note_reads, context);
	if (var->varno == 1 && var->varlevelsup == reads->level)
		reads->columns = bms_add_member(reads->columns, Max(0, var->varattno));
	return false;
}

static void
find_columns(FeLookup *lookup)
{
	Reads reads = {.level = -1};
	int n_base = lookup->desc->natts - 1;

	(void) note_reads((Node *) lookup->query, &reads);
	lookup->columns = palloc(n_base * sizeof(int));
	for (int i = 0; i < n_base; i++)
		if (bms_is_member(i + 1, reads.columns) ||
		    bms_is_member(0, reads.columns))
			lookup->columns[lookup->n_columns++] = i;
	lookup->datums = palloc(n_base * sizeof(Datum));
	lookup->nulls = palloc(n_base * sizeof(bool));
}

/* The inputs that are asked for, then the row's number. */
static void
keep_targets(FeLookup *lookup)
{
	lookup->targets[lookup->n_targets] =
		list_length(lookup->query->targetList) - 1;
	query_keep_targets(lookup->query, lookup->targets, lookup->n_targets + 1);
}

static void
note_outputs(FeLookup *lookup)
{
	lookup->outputs = palloc((lookup->n_targets + 1) * sizeof(Output));
	for (int i = 0; i < lookup->n_targets; i++)
	{
		Output *output = &lookup->outputs[i];

		output->type = exprType(
			(Node *) list_nth_node(TargetEntry, lookup->query->targetList, i)
				->expr);
		get_typlenbyval(output->type, &output->size, &output->by_value);
	}
}

FeLookup *
fe_lookup_make(const Task *task, TupleDesc record, const int *targets,
               int n_targets)
{
	FeLookup *lookup = palloc0(sizeof(FeLookup));
	int level = settings_enter(task);

	lookup->task = task;
	lookup->context = CurrentMemoryContext;
	lookup->batch_context = AllocSetContextCreate(
		CurrentMemoryContext, "cerebro lookup", ALLOCSET_DEFAULT_SIZES);
	make_description(lookup, task_analyze(task->base));
	make_environment(lookup);
	lookup->generation = score_get_generation();
	lookup->n_targets = n_targets;
	lookup->targets = palloc((n_targets + 1) * sizeof(int));
	memcpy(lookup->targets, targets, n_targets * sizeof(int));
	lookup->query = analyze(lookup);
	keep_targets(lookup);
	note_outputs(lookup);
	find_columns(lookup);
	lookup->evaluator = row_evaluator_make(task->base, record, lookup->columns,
	                                       lookup->n_columns);
	lookup->settings = settings_image_make();
	settings_leave(level);
	return lookup;
}

Oid
fe_lookup_get_type(const FeLookup *lookup, int target)
{
	return lookup->outputs[target].type;
}

/* -------------------------------------------------------------------- rows */

static void
end_store(FeLookup *lookup)
{
	tuplestore_end(lookup->store);
	lookup->store = NULL;
}

void
fe_lookup_begin_scan(FeLookup *lookup)
{
	lookup->is_scan = true;
}

void
fe_lookup_end_scan(FeLookup *lookup)
{
	if (lookup->loop != NULL)
	{
		query_loop_close(lookup->loop);
		lookup->loop = NULL;
		end_store(lookup);
	}
	fe_lookup_clear(lookup);
	lookup->is_scan = false;
}

void
fe_lookup_clear(FeLookup *lookup)
{
	if (lookup->loop != NULL)
		tuplestore_clear(lookup->store);
	else if (lookup->store != NULL)
		end_store(lookup);
	MemoryContextReset(lookup->batch_context);
	lookup->n_rows = 0;
}

/* The row whose columns have been evaluated goes to the store. */
/* It outlives a batch where an executor looks at it. */
static void
make_store(FeLookup *lookup)
{
	MemoryContext caller = MemoryContextSwitchTo(lookup->context);

	lookup->store = tuplestore_begin_heap(false, false, work_mem);
	MemoryContextSwitchTo(caller);
}

static void
put_row(FeLookup *lookup)
{
	int number = lookup->desc->natts - 1;

	if (lookup->store == NULL)
		make_store(lookup);
	for (int i = 0; i < lookup->n_columns; i++)
	{
		lookup->row_values[lookup->columns[i]] = lookup->datums[i];
		lookup->row_nulls[lookup->columns[i]] = lookup->nulls[i];
	}
	lookup->row_values[number] = Int32GetDatum(lookup->n_rows++);
	lookup->row_nulls[number] = false;
	tuplestore_putvalues(lookup->store, lookup->desc, lookup->row_values,
	                     lookup->row_nulls);
}

void
fe_lookup_add(FeLookup *lookup, HeapTupleHeader record)
{
	MemoryContext caller = MemoryContextSwitchTo(lookup->batch_context);

	row_evaluate(lookup->evaluator, record, lookup->datums, lookup->nulls);
	put_row(lookup);
	MemoryContextSwitchTo(caller);
}

void
fe_lookup_add_slot(FeLookup *lookup, const TupleTableSlot *slot,
                   const int *by_attribute)
{
	MemoryContext caller = MemoryContextSwitchTo(lookup->batch_context);

	row_evaluate_slot(lookup->evaluator, slot, by_attribute, lookup->datums,
	                  lookup->nulls);
	put_row(lookup);
	MemoryContextSwitchTo(caller);
}

const RowEvaluator *
fe_lookup_get_evaluator(const FeLookup *lookup)
{
	return lookup->evaluator;
}

/* ------------------------------------------------------------------ lookup */

void
fe_fail_twice(const Task *task)
{
	ereport(ERROR,
	        (errcode(ERRCODE_CARDINALITY_VIOLATION),
	         errmsg("a JOIN of a model for task \"%s\" finds several rows for "
	                "one",
	                task->name),
	         errdetail("When the model was trained it found one at most."),
	         errhint("A unique index on the columns that are joined by keeps "
	                 "the others out.")));
}

static void
take_row(void *self, TupleTableSlot *slot)
{
	FeLookup *lookup = self;
	int n = lookup->n_targets;
	int row = DatumGetInt32(slot->tts_values[n]);
	MemoryContext caller = MemoryContextSwitchTo(lookup->batch_context);

	if (lookup->is_there[row])
		fe_fail_twice(lookup->task);
	lookup->is_there[row] = true;
	for (int i = 0; i < n; i++)
	{
		const Output *output = &lookup->outputs[i];

		lookup->is_null[row * n + i] = slot->tts_isnull[i];
		if (!slot->tts_isnull[i])
			lookup->values[row * n + i] =
				datumCopy(slot->tts_values[i], output->by_value, output->size);
	}
	MemoryContextSwitchTo(caller);
}

static void
make_room(FeLookup *lookup)
{
	size_t n = (size_t) lookup->n_rows * Max(1, lookup->n_targets);
	MemoryContext context = lookup->batch_context;

	lookup->values = MemoryContextAllocHuge(context, n * sizeof(Datum));
	lookup->is_null = MemoryContextAllocHuge(context, n);
	lookup->is_there = MemoryContextAllocZero(context, lookup->n_rows);
}

/* After a change of what is read all is made anew. */
static void
check_plans(FeLookup *lookup)
{
	for (int i = 0; i < lengthof(lookup->plans); i++)
		if (lookup->plans[i] != NULL)
			query_plan_lock(lookup->plans[i]);
	if (lookup->generation == score_get_generation())
		return;
	lookup->generation = score_get_generation();
	memset(lookup->plans, 0, sizeof(lookup->plans));
	lookup->query = analyze(lookup);
	keep_targets(lookup);
}

/* Plans differ: for few rows by index, for many by hash. */
static const QueryPlan *
get_plan(FeLookup *lookup)
{
	bool is_few = lookup->n_rows <= FEW_ROWS;
	QueryPlan **plan = &lookup->plans[is_few ? 0 : 1];
	MemoryContext caller = MemoryContextSwitchTo(lookup->context);

	check_plans(lookup);
	if (*plan == NULL)
	{
		rt_fetch(1, lookup->query->rtable)->enrtuples = is_few ? 1 : BATCH_ROWS;
		*plan = query_plan_make(lookup->query, lookup->task->query);
	}
	MemoryContextSwitchTo(caller);
	return *plan;
}

/* The executor of a scan stays: what it has hashed serves the next batch. */
static void
open_loop(FeLookup *lookup)
{
	const QueryPlan *plan = get_plan(lookup);
	MemoryContext caller = MemoryContextSwitchTo(lookup->context);

	lookup->loop = query_loop_open(plan, lookup->environment, take_row, lookup);
	MemoryContextSwitchTo(caller);
}

static void
run(FeLookup *lookup)
{
	lookup->relation.reldata = lookup->store;
	if (lookup->loop == NULL && lookup->is_scan && lookup->n_rows > FEW_ROWS)
		open_loop(lookup);
	if (lookup->loop != NULL)
		query_loop_run(lookup->loop);
	else
		query_plan_run(get_plan(lookup), lookup->environment, take_row, lookup);
}

void
fe_lookup_run(FeLookup *lookup)
{
	int level;

	if (lookup->n_rows == 0)
		return;
	make_room(lookup);
	if (settings_image_is_current(lookup->settings))
	{
		run(lookup);
		return;
	}
	level = settings_enter(lookup->task);
	run(lookup);
	settings_leave(level);
}

void
fe_lookup_get(const FeLookup *lookup, int row, Datum *values, bool *nulls)
{
	int n = lookup->n_targets;

	if (!lookup->is_there[row])
		elog(ERROR, "a row was lost in a lookup");
	memcpy(values, lookup->values + (size_t) row * n, n * sizeof(Datum));
	memcpy(nulls, lookup->is_null + (size_t) row * n, n);
}
