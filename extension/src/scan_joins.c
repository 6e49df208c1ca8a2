/*
 * scan_joins.c
 *	  A node's child that is hash joins: its rows, without the joins.
 *
 *	 Custom Scan (CerebroScore)			rows of t, and of a and b those
 *	   -> Hash Left Join				that their keys find
 *			-> Hash Left Join		->
 *				 -> Seq Scan on t
 *				 -> Hash -> Seq Scan on a
 *			-> Hash -> Seq Scan on b
 *
 * Joins that find one row at most, by columns whose values are equal when their
 * bytes are, need no expressions: the node asks PostgreSQL's scans for the
 * tables' rows, keeps of them what is read above, and then asks for the rows of
 * the outermost one.  What lies between makes no rows any more.  Tables that
 * are too large for hash_mem are left to PostgreSQL's joins, as are rows that
 * EvalPlanQual looks at again.
 */
#include "scan_joins.h"

#include "fe.h"
#include "fe_dimension.h"
#include "scan_deform.h"

#include "executor/executor.h"
#include "executor/nodeHash.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#define OUTERMOST     (-1) /* in place of a join */
#define CONSTANT      (-2)
#define ROWS_PER_LOOK 256 /* at the size of what is kept */

/* Where a column comes from. */
typedef struct JoinColumn
{
	int join; /* or OUTERMOST, CONSTANT */
	int place; /* attribute of the row, or among what is kept, or the constants; from 0 */
} JoinColumn;

/* A column of a table's rows that is read above. */
typedef struct KeptColumn
{
	int attribute; /* from 0 */
	bool is_by_value;
	int16 size;
} KeptColumn;

typedef struct TableJoin
{
	HashJoinState *state;
	PlanState *rows; /* the table's */
	bool keeps_all;  /* rows without a match, too */

	int n_keys;
	FeHashColumn *types;
	JoinColumn *keys; /* of what is joined so far, */
	int *own_keys;    /* and of the table: attributes from 0 */
	Datum *values;    /* of one key */
	bool *nulls;

	int n_kept;
	KeptColumn *kept;
	FeHash *hash;
	uint32 n_rows; /* the first is all NULL: no match */
	uint32 capacity;
	Datum *row_values; /* (n_rows, n_kept) */
	bool *row_nulls;
	const Datum *found_values; /* of the row that was found */
	const bool *found_nulls;
} TableJoin;

struct ScanJoins
{
	MemoryContext context; /* of tables' rows */
	PlanState *child;
	PlanState *outermost;
	int n_joins;
	TableJoin *joins; /* from the outermost rows up */
	int n_columns;
	JoinColumn *columns;
	int n_constants;
	Datum *constants;
	bool *constant_nulls;
	int n_read; /* attributes of an outermost row */
	ScanDeformer *deformer;
	TupleTableSlot *slot;
	bool is_ready;
	bool has_given_up; /* PostgreSQL's joins do it */
};

/* ----------------------------------------------- joins that can be taken */

static Node *
strip_relabel(Node *node)
{
	while (IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	return node;
}

static bool
are_columns(const List *targets)
{
	ListCell *cell;

	foreach (cell, targets)
	{
		Node *node =
			strip_relabel((Node *) lfirst_node(TargetEntry, cell)->expr);

		if (!IsA(node, Var) && !IsA(node, Const))
			return false;
	}
	return true;
}

static bool
is_key(const OpExpr *equal)
{
	if (!IsA(equal, OpExpr) || list_length(equal->args) != 2)
		return false;
	return IsA(strip_relabel(linitial(equal->args)), Var) &&
	       IsA(strip_relabel(lsecond(equal->args)), Var) &&
	       exprType(linitial(equal->args)) == exprType(lsecond(equal->args)) &&
	       fe_is_equal_by_bytes(equal, exprType(linitial(equal->args)));
}

static bool
are_keys(const List *clauses)
{
	ListCell *cell;

	foreach (cell, clauses)
		if (!is_key(lfirst(cell)))
			return false;
	return clauses != NIL;
}

/* By the planner's guess. */
static bool
may_fit(const Plan *table)
{
	double size = table->plan_rows *
	              (sizeof(Datum) * (list_length(table->targetlist) + 8) +
	               (double) table->plan_width);

	return size < (double) get_hash_memory_limit();
}

static bool
is_taken(const PlanState *state)
{
	const HashJoin *join = (const HashJoin *) state->plan;
	const Plan *table;

	if (!IsA(state, HashJoinState))
		return false;
	table = outerPlan(innerPlan(join));
	return (join->join.jointype == JOIN_LEFT ||
	        join->join.jointype == JOIN_INNER) &&
	       join->join.inner_unique && join->join.joinqual == NIL &&
	       join->join.plan.qual == NIL && !join->join.plan.parallel_aware &&
	       bms_is_empty(table->allParam) && may_fit(table) &&
	       are_columns(join->join.plan.targetlist) &&
	       are_keys(join->hashclauses);
}

/* ------------------------------------------------------ where columns are */

static int
keep_column(TableJoin *join, int attribute)
{
	TupleDesc desc = ExecGetResultType(join->rows);
	Form_pg_attribute about = TupleDescAttr(desc, attribute);

	for (int i = 0; i < join->n_kept; i++)
		if (join->kept[i].attribute == attribute)
			return i;
	join->kept[join->n_kept] =
		(KeptColumn){attribute, about->attbyval, about->attlen};
	return join->n_kept++;
}

static JoinColumn
keep_constant(ScanJoins *joins, const Const *constant)
{
	int n = joins->n_constants++;

	joins->constants =
		joins->constants == NULL
			? palloc(sizeof(Datum))
			: repalloc(joins->constants, (n + 1) * sizeof(Datum));
	joins->constant_nulls = joins->constant_nulls == NULL
	                            ? palloc(sizeof(bool))
	                            : repalloc(joins->constant_nulls, n + 1);
	joins->constants[n] = constant->constvalue;
	joins->constant_nulls[n] = constant->constisnull;
	return (JoinColumn){CONSTANT, n};
}

/* A column of what the join yields; OUTERMOST: of the outermost rows. */
static JoinColumn
find_column(ScanJoins *joins, int i, int attribute)
{
	while (i != OUTERMOST)
	{
		TableJoin *join = &joins->joins[i];
		TargetEntry *entry = list_nth_node(
			TargetEntry, join->state->js.ps.plan->targetlist, attribute - 1);
		const Var *var = (const Var *) strip_relabel((Node *) entry->expr);

		if (IsA(var, Const))
			return keep_constant(joins, (const Const *) var);
		attribute = var->varattno;
		if (var->varno == INNER_VAR)
			return (JoinColumn){i, keep_column(join, attribute - 1)};
		i--;
	}
	joins->n_read = Max(joins->n_read, attribute);
	return (JoinColumn){OUTERMOST, attribute - 1};
}

static int
get_attribute(Node *node)
{
	return ((const Var *) strip_relabel(node))->varattno;
}

static void
find_keys(ScanJoins *joins, int i)
{
	TableJoin *join = &joins->joins[i];
	const HashJoin *plan = (const HashJoin *) join->state->js.ps.plan;
	const Hash *hash = (const Hash *) innerPlan(plan);
	TupleDesc desc = ExecGetResultType(join->rows);
	int n = join->n_keys = list_length(plan->hashkeys);

	join->types = palloc(n * sizeof(FeHashColumn));
	join->keys = palloc(n * sizeof(JoinColumn));
	join->own_keys = palloc(n * sizeof(int));
	join->values = palloc(n * sizeof(Datum));
	join->nulls = palloc(n * sizeof(bool));
	for (int k = 0; k < n; k++)
	{
		int own = get_attribute(list_nth(hash->hashkeys, k)) - 1;
		Form_pg_attribute about = TupleDescAttr(desc, own);

		join->own_keys[k] = own;
		join->types[k] = (FeHashColumn){about->attbyval, about->attlen};
		join->keys[k] = find_column(joins, i - 1,
		                            get_attribute(list_nth(plan->hashkeys, k)));
	}
}

static void
init_join(TableJoin *join, HashJoinState *state)
{
	const HashJoin *plan = (const HashJoin *) state->js.ps.plan;

	join->state = state;
	join->keeps_all = plan->join.jointype == JOIN_LEFT;
	join->rows = outerPlanState(innerPlanState(state));
	join->kept =
		palloc((ExecGetResultType(join->rows)->natts + 1) * sizeof(KeptColumn));
}

static int
count_joins(PlanState *child)
{
	int n = 0;

	for (; is_taken(child); child = outerPlanState(child))
		n++;
	return n;
}

ScanJoins *
scan_joins_make(PlanState *child)
{
	FeJoinPlan plan = fe_get_join_plan();
	int n = count_joins(child);
	ScanJoins *joins;

	if (n == 0 || child->state->es_epq_active != NULL ||
	    (plan != FE_JOIN_AUTO && plan != FE_JOIN_PASS))
		return NULL;
	joins = palloc0(sizeof(ScanJoins));
	joins->child = joins->outermost = child;
	joins->n_joins = n;
	joins->joins = palloc0(n * sizeof(TableJoin));
	for (int i = n - 1; i >= 0; i--)
	{
		init_join(&joins->joins[i], (HashJoinState *) joins->outermost);
		joins->outermost = outerPlanState(joins->outermost);
	}
	joins->n_columns = ExecGetResultType(child)->natts;
	joins->columns = palloc((joins->n_columns + 1) * sizeof(JoinColumn));
	for (int i = 0; i < joins->n_columns; i++)
		joins->columns[i] = find_column(joins, n - 1, i + 1);
	for (int i = 0; i < n; i++)
		find_keys(joins, i);
	joins->slot = ExecInitExtraTupleSlot(child->state, ExecGetResultType(child),
	                                     &TTSOpsVirtual);
	joins->context = AllocSetContextCreate(
		CurrentMemoryContext, "cerebro joined tables", ALLOCSET_DEFAULT_SIZES);
	return joins;
}

/* ----------------------------------------------------------- tables' rows */

static void
reserve_row(TableJoin *join)
{
	Size n;

	if (join->n_rows < join->capacity)
		return;
	join->capacity *= 2;
	n = (Size) join->capacity * (join->n_kept + 1);
	join->row_values = repalloc_huge(join->row_values, n * sizeof(Datum));
	join->row_nulls = repalloc_huge(join->row_nulls, n);
}

static void
keep_row(TableJoin *join, const TupleTableSlot *slot)
{
	Size first = (Size) join->n_rows * join->n_kept;

	for (int i = 0; i < join->n_kept; i++)
	{
		const KeptColumn *column = &join->kept[i];
		Datum value = slot->tts_values[column->attribute];
		bool is_null = slot->tts_isnull[column->attribute];

		if (!is_null)
			value = datumCopy(value, column->is_by_value, column->size);
		join->row_values[first + i] = value;
		join->row_nulls[first + i] = is_null;
	}
	join->n_rows++;
}

/* Rows that no key finds are none that a join would find. */
static void
take_row(TableJoin *join, TupleTableSlot *slot)
{
	slot_getallattrs(slot);
	for (int i = 0; i < join->n_keys; i++)
	{
		join->values[i] = slot->tts_values[join->own_keys[i]];
		join->nulls[i] = slot->tts_isnull[join->own_keys[i]];
	}
	if (fe_hash_add(join->hash, join->values, join->nulls) == FE_HASH_NONE)
		return;
	reserve_row(join);
	keep_row(join, slot);
}

static void
start_table(TableJoin *join)
{
	join->hash = fe_hash_make(join->types, join->n_keys);
	join->capacity = ROWS_PER_LOOK;
	join->row_values =
		palloc(join->capacity * (join->n_kept + 1) * sizeof(Datum));
	join->row_nulls = palloc(join->capacity * (join->n_kept + 1));
	memset(join->row_nulls, true, join->n_kept);
	memset(join->row_values, 0, join->n_kept * sizeof(Datum));
	join->n_rows = 1;
}

/* false: there is no room for its rows. */
static bool
read_table(const ScanJoins *joins, TableJoin *join)
{
	MemoryContext caller = MemoryContextSwitchTo(joins->context);

	start_table(join);
	MemoryContextSwitchTo(caller);
	for (;;)
	{
		TupleTableSlot *slot = ExecProcNode(join->rows);

		if (TupIsNull(slot))
			return true;
		MemoryContextSwitchTo(joins->context);
		take_row(join, slot);
		MemoryContextSwitchTo(caller);
		if (join->n_rows % ROWS_PER_LOOK == 0 &&
		    MemoryContextMemAllocated(joins->context, true) >
		        get_hash_memory_limit())
			return false;
	}
}

/* PostgreSQL's joins read the tables from their beginnings. */
static void
give_up(ScanJoins *joins)
{
	joins->has_given_up = true;
	for (int i = 0; i < joins->n_joins && joins->joins[i].hash != NULL; i++)
		ExecReScan(joins->joins[i].rows);
	MemoryContextReset(joins->context);
}

static void
read_tables(ScanJoins *joins)
{
	bool fit = true;

	joins->is_ready = true;
	for (int i = 0; fit && i < joins->n_joins; i++)
		fit = read_table(joins, &joins->joins[i]);
	if (!fit)
		give_up(joins);
}

/* --------------------------------------------------------------- looking up */

static void
read_outermost(ScanJoins *joins, TupleTableSlot *row)
{
	if (joins->deformer == NULL)
		joins->deformer = scan_deformer_make(row);
	scan_deform(joins->deformer, row, joins->n_read);
}

static inline Datum
get_value(const ScanJoins *joins, const TupleTableSlot *row,
          const JoinColumn *column, bool *is_null)
{
	const Datum *values = row->tts_values;
	const bool *nulls = row->tts_isnull;

	if (column->join >= 0)
	{
		values = joins->joins[column->join].found_values;
		nulls = joins->joins[column->join].found_nulls;
	}
	else if (column->join == CONSTANT)
	{
		values = joins->constants;
		nulls = joins->constant_nulls;
	}
	*is_null = nulls[column->place];
	return values[column->place];
}

/* Whether the join yields a row. */
static bool
look_up(const ScanJoins *joins, const TupleTableSlot *row, TableJoin *join)
{
	uint32 found;

	for (int i = 0; i < join->n_keys; i++)
		join->values[i] =
			get_value(joins, row, &join->keys[i], &join->nulls[i]);
	found = fe_hash_find_row(join->hash, join->values, join->nulls);
	join->found_values = join->row_values + (Size) found * join->n_kept;
	join->found_nulls = join->row_nulls + (Size) found * join->n_kept;
	return found != FE_HASH_NONE || join->keeps_all;
}

static bool
look_up_all(ScanJoins *joins, const TupleTableSlot *row)
{
	for (int i = 0; i < joins->n_joins; i++)
		if (!look_up(joins, row, &joins->joins[i]))
			return false;
	return true;
}

TupleTableSlot *
scan_joins_next(ScanJoins *joins)
{
	TupleTableSlot *slot = joins->slot;
	TupleTableSlot *row;

	if (!joins->is_ready)
		read_tables(joins);
	if (joins->has_given_up)
		return ExecProcNode(joins->child);
	ExecClearTuple(slot);
	do
	{
		CHECK_FOR_INTERRUPTS();
		row = ExecProcNode(joins->outermost);
		if (TupIsNull(row))
			return slot;
		read_outermost(joins, row);
	} while (!look_up_all(joins, row));
	for (int i = 0; i < joins->n_columns; i++)
		slot->tts_values[i] =
			get_value(joins, row, &joins->columns[i], &slot->tts_isnull[i]);
	return ExecStoreVirtualTuple(slot);
}

/* Idle joins hand on that something changed only when they are told to. */
void
scan_joins_rescan(ScanJoins *joins)
{
	PlanState *state = joins->child;

	ExecReScan(state);
	for (state = outerPlanState(state); state != joins->outermost;
	     state = outerPlanState(state))
		if (state->chgParam != NULL)
			ExecReScan(state);
}

/* ------------------------------------------------------------------ explain */

static const char *
get_name(const Plan *table, const ExplainState *es)
{
	if (IsA(table, SeqScan) || IsA(table, IndexScan) ||
	    IsA(table, IndexOnlyScan) || IsA(table, BitmapHeapScan))
		return list_nth(es->rtable_names,
		                (int) ((const Scan *) table)->scanrelid - 1);
	return "rows";
}

List *
scan_joins_describe(const ScanJoins *joins, const ExplainState *es)
{
	List *texts = NIL;

	if (joins->has_given_up)
		return NIL;
	for (int i = 0; i < joins->n_joins; i++)
		texts =
			lappend(texts, psprintf("%s: looked up here",
		                            get_name(joins->joins[i].rows->plan, es)));
	return texts;
}
