/*
 * fe_lookup.c
 *	  A model's inputs for rows that are to be scored.
 *
 *	 rows -> columns of the task's source that FE reads (row.c) -> tuple store
 *		  -> the model's query, reading the store in the source's place
 *		  -> inputs, by row
 *
 * The query is the one that training read: what is joined is found in the same
 * way, with the rights of who asks, or of who lends them (fe_reader.c).  It is
 * planned once for single rows and once for batches.
 */
#include "fe_lookup.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#define ROWS_NAME "cerebro rows"

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
}

void
fe_lookup_name_rows(const FeLookup *lookup, EphemeralNamedRelation rows)
{
	EphemeralNamedRelationMetadata about = &rows->md;

	about->name = ROWS_NAME;
	about->reliddesc = InvalidOid;
	about->tupdesc = lookup->desc;
	about->enrtype = ENR_NAMED_TUPLESTORE;
	about->enrtuples = FE_MANY_ROWS;
	rows->reldata = NULL;
}

/* By which the query is analysed: the rows are not looked at. */
static QueryEnvironment *
make_environment(const FeLookup *lookup)
{
	QueryEnvironment *environment = create_queryEnv();
	EphemeralNamedRelation rows = palloc0(sizeof(EphemeralNamedRelationData));

	fe_lookup_name_rows(lookup, rows);
	register_ENR(environment, rows);
	return environment;
}

static void
report_lookup(void *arg)
{
	const Task *task = arg;

	if (geterrposition() > 0)
		errposition(0);
	errcontext("what FE of a model for task \"%s\" reads", task->name);
}

static RawStmt *
parse(const FeLookup *lookup)
{
	RawStmt *statement = linitial_node(
		RawStmt, raw_parser(lookup->task->query, RAW_PARSE_DEFAULT));

	source_check_literals(lookup->task, statement);
	replace_source(castNode(SelectStmt, statement->stmt));
	return statement;
}

FeScope
fe_lookup_enter(const FeLookup *lookup)
{
	FeScope scope = {0};

	if (!settings_image_is_current(lookup->settings))
		scope.level = settings_enter(lookup->task);
	scope.reader = fe_reader_enter(lookup->task->reader);
	return scope;
}

void
fe_lookup_leave(const FeScope *scope)
{
	fe_reader_leave(&scope->reader);
	if (scope->level != 0)
		settings_leave(scope->level);
}

void
fe_lookup_do(const FeLookup *lookup, void (*work)(void *), void *self)
{
	FeScope scope = fe_lookup_enter(lookup);

	if (scope.reader.is_lent)
		fe_reader_do(lookup->task, work, self);
	else
		work(self);
	fe_lookup_leave(&scope);
}

/* What analysis writes to, it writes to a copy. */
static Query *
analyze(const FeLookup *lookup, const RawStmt *statement)
{
	Query *query = parse_analyze_fixedparams(
		copyObject(unconstify(RawStmt *, statement)), lookup->task->query, NULL,
		0, make_environment(lookup));

	if (lookup->has_own_rows)
		source_check_joined_code(lookup->task, query);
	else
		source_check_code(lookup->task, query);
	basis_add_query(lookup->basis, query);
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

	(void) note_reads((Node *) lookup->whole.query, &reads);
	lookup->columns = palloc(n_base * sizeof(int));
	for (int i = 0; i < n_base; i++)
		if (bms_is_member(i + 1, reads.columns) ||
		    bms_is_member(0, reads.columns))
			lookup->columns[lookup->n_columns++] = i;
	lookup->datums = palloc(n_base * sizeof(Datum));
	lookup->nulls = palloc(n_base * sizeof(bool));
}

/* Those of the inputs that are asked for, then the row's number. */
static Query *
cut_query(const FeLookup *lookup, const Query *all, const FeQuery *query)
{
	Query *cut = copyObject(unconstify(Query *, all));
	int *targets = palloc((query->n_targets + 1) * sizeof(int));

	for (int i = 0; i < query->n_targets; i++)
		targets[i] = lookup->targets[query->targets[i]];
	targets[query->n_targets] = list_length(all->targetList) - 1;
	query_keep_targets(cut, targets, query->n_targets + 1);
	return cut;
}

static void
fill_query(const FeLookup *lookup, const Query *all, FeQuery *query)
{
	query->query = cut_query(lookup, all, query);
	memset(query->plans, 0, sizeof(query->plans));
	query->generation = basis_get_generation(lookup->basis);
}

static void
note_outputs(FeLookup *lookup)
{
	lookup->outputs = palloc((lookup->n_targets + 1) * sizeof(FeOutput));
	for (int i = 0; i < lookup->n_targets; i++)
	{
		FeOutput *output = &lookup->outputs[i];

		output->type =
			exprType((Node *) list_nth_node(TargetEntry,
		                                    lookup->whole.query->targetList, i)
		                 ->expr);
		get_typlenbyval(output->type, &output->size, &output->by_value);
	}
}

/* Calls make under the settings in which queries are parsed. */
static Query *
analyze_under(const FeLookup *lookup, RawStmt **statement, bool is_grouped)
{
	ErrorContextCallback context = {.previous = error_context_stack,
	                                .callback = report_lookup,
	                                .arg = unconstify(Task *, lookup->task)};
	int level = task_enter_deparse();
	Query *query;

	error_context_stack = &context;
	*statement = parse(lookup);
	query = analyze(lookup, *statement);
	if (is_grouped)
		query = fe_group(castNode(SelectStmt, (*statement)->stmt), query)
		            ? analyze(lookup, *statement)
		            : NULL;
	error_context_stack = context.previous;
	settings_leave(level);
	return query;
}

Query *
fe_lookup_analyze(const FeLookup *lookup, RawStmt **statement)
{
	return analyze_under(lookup, statement, false);
}

static Query *
get_groups(FeLookup *lookup)
{
	RawStmt *statement;

	if (lookup->groups_generation != basis_get_generation(lookup->basis))
	{
		lookup->groups = analyze_under(lookup, &statement, true);
		lookup->groups_generation = basis_get_generation(lookup->basis);
	}
	return lookup->groups;
}

/* The query with the inputs as its targets, in their order. */
Query *
fe_lookup_keep_inputs(const FeLookup *lookup, const Query *all)
{
	Query *query = copyObject(unconstify(Query *, all));

	query_keep_targets(query, lookup->targets, lookup->n_targets);
	return query;
}

static void
make_whole(FeLookup *lookup)
{
	RawStmt *statement;

	lookup->whole.n_targets = lookup->n_targets;
	lookup->whole.targets = palloc((lookup->n_targets + 1) * sizeof(int));
	for (int i = 0; i < lookup->n_targets; i++)
		lookup->whole.targets[i] = i;
	fill_query(lookup, fe_lookup_analyze(lookup, &statement), &lookup->whole);
}

FeLookup *
fe_lookup_make(const Task *task, TupleDesc record, const int *targets,
               int n_targets)
{
	FeLookup *lookup = palloc0(sizeof(FeLookup));
	int level = settings_enter(task);
	FeReader reader;

	lookup->task = task;
	lookup->context = CurrentMemoryContext;
	lookup->has_own_rows = record->tdtypeid == get_rel_type_id(task->relation);
	lookup->basis = basis_make();
	make_description(lookup, task_analyze(task->base));
	lookup->n_targets = n_targets;
	lookup->targets = palloc((n_targets + 1) * sizeof(int));
	memcpy(lookup->targets, targets, n_targets * sizeof(int));
	reader = fe_reader_enter(task->reader);
	make_whole(lookup);
	lookup->is_lasting = !source_runs_foreign_code(lookup->whole.query);
	fe_reader_leave(&reader);
	note_outputs(lookup);
	find_columns(lookup);
	lookup->evaluator = row_evaluator_make(task->base, record, lookup->columns,
	                                       lookup->n_columns);
	basis_add_basis(lookup->basis, row_evaluator_get_basis(lookup->evaluator));
	lookup->settings = settings_image_make();
	lookup->is_lasting &= row_evaluator_is_plain(lookup->evaluator);
	settings_leave(level);
	return lookup;
}

Basis *
fe_lookup_get_basis(const FeLookup *lookup)
{
	return lookup->basis;
}

bool
fe_lookup_is_lasting(const FeLookup *lookup)
{
	return lookup->is_lasting;
}

Oid
fe_lookup_get_type(const FeLookup *lookup, int target)
{
	return lookup->outputs[target].type;
}

const RowEvaluator *
fe_lookup_get_evaluator(const FeLookup *lookup)
{
	return lookup->evaluator;
}

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

/* ------------------------------------------------------------------- plans */

/* After a change of what is read all is made anew. */
static void
check_query(const FeLookup *lookup, FeQuery *query)
{
	RawStmt *statement;

	for (int i = 0; i < lengthof(query->plans); i++)
		if (query->plans[i] != NULL)
			query_plan_lock(query->plans[i]);
	if (query->generation != basis_get_generation(lookup->basis))
		fill_query(lookup, fe_lookup_analyze(lookup, &statement), query);
}

bool
fe_lookup_has_groups(FeLookup *lookup)
{
	MemoryContext caller = MemoryContextSwitchTo(lookup->context);
	FeScope scope = fe_lookup_enter(lookup);
	bool has_groups = get_groups(lookup) != NULL;

	fe_lookup_leave(&scope);
	MemoryContextSwitchTo(caller);
	return has_groups;
}

/* As the transaction that analysed the query locked what it reads. */
static void
lock_query(const FeLookup *lookup, FeQuery *query)
{
	RawStmt *statement;

	AcquireRewriteLocks(query->query, true, false);
	if (query->generation != basis_get_generation(lookup->basis))
		fill_query(lookup, fe_lookup_analyze(lookup, &statement), query);
}

static QueryPlan *
make_plan(FeLookup *lookup, FeQuery *query, int size)
{
	const Query *groups;
	Query *cut;
	QueryPlan *plan;

	lock_query(lookup, query);
	groups = size == FE_GROUPED ? get_groups(lookup) : NULL;
	cut = query->query;
	if (size == FE_GROUPED && groups == NULL)
		return NULL;
	if (groups != NULL)
		cut = cut_query(lookup, groups, query);
	rt_fetch(1, cut->rtable)->enrtuples = size == FE_FEW ? 1 : FE_MANY_ROWS;
	plan = query_plan_make(cut, lookup->task->query);
	query_plan_note(plan, lookup->basis);
	return plan;
}

/* Plans differ: for few rows by index, for many by hash. */
const QueryPlan *
fe_lookup_get_plan(FeLookup *lookup, FeQuery *query, int size)
{
	MemoryContext caller = MemoryContextSwitchTo(lookup->context);

	check_query(lookup, query);
	if (query->plans[size] == NULL)
		query->plans[size] = make_plan(lookup, query, size);
	MemoryContextSwitchTo(caller);
	return query->plans[size];
}
