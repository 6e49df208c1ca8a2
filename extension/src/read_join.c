/*
 * read_join.c
 *	  Rows of a joined table, read once by each process and found by key.
 */
#include "read_join.h"

#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#define FIRST_ROWS 256

/* ---------------------------------------------------------------- the table */

static void
reserve(RowJoin *join)
{
	Size n = Max(FIRST_ROWS, 2 * join->max_rows);
	Size n_values = n * Max(1, join->n_columns);

	if (join->n_rows < join->max_rows)
		return;
	if (join->values == NULL)
	{
		join->values =
			MemoryContextAllocHuge(join->context, n_values * sizeof(Datum));
		join->nulls = MemoryContextAllocHuge(join->context, n_values);
	}
	else
	{
		join->values = repalloc_huge(join->values, n_values * sizeof(Datum));
		join->nulls = repalloc_huge(join->nulls, n_values);
	}
	join->max_rows = n;
}

/* slot NULL: the row 0. */
static void
store_row(RowJoin *join, const TupleTableSlot *slot)
{
	Datum *values;
	bool *nulls;

	reserve(join);
	values = join->values + (Size) join->n_rows * join->n_columns;
	nulls = join->nulls + (Size) join->n_rows * join->n_columns;
	for (int i = 0; i < join->n_columns; i++)
	{
		int attribute = join->attributes[i];
		Form_pg_attribute type;

		nulls[i] = slot == NULL || slot->tts_isnull[attribute];
		values[i] = (Datum) 0;
		if (nulls[i])
			continue;
		type = TupleDescAttr(slot->tts_tupleDescriptor, attribute);
		values[i] = datumCopy(slot->tts_values[attribute], type->attbyval,
		                      type->attlen);
	}
	join->n_rows++;
}

/* False: a NULL in it, which finds and is found by nothing. */
static bool
get_key(RowJoin *join, const TupleTableSlot *slot)
{
	ListCell *cell;
	int n = 0;

	foreach (cell, join->about->attributes)
	{
		int attribute = lfirst_int(cell) - 1;

		if (slot->tts_isnull[attribute])
			return false;
		join->key[n++] = slot->tts_values[attribute];
	}
	return true;
}

static Lookup *
make_lookup(const RowJoin *join)
{
	const StarJoin *about = join->about;
	LookupKey *keys = palloc(join->n_keys * sizeof(LookupKey));

	for (int i = 0; i < join->n_keys; i++)
		keys[i] = (LookupKey){.operator= list_nth_oid(about->operators, i),
		                      .collation = list_nth_oid(about->collations, i),
		                      .sought_type = exprType(list_nth(about->keys, i)),
		                      .row_type = list_nth_oid(about->types, i)};
	return lookup_make(keys, join->n_keys);
}

static void
read_table(RowJoin *join, ExprContext *context)
{
	MemoryContext caller = MemoryContextSwitchTo(join->context);
	TupleTableSlot *slot;

	join->lookup = make_lookup(join);
	store_row(join, NULL);
	for (;;)
	{
		slot = ExecProcNode(join->inner);
		if (TupIsNull(slot))
			break;
		slot_getallattrs(slot);
		if (!get_key(join, slot))
			continue;
		MemoryContextSwitchTo(context->ecxt_per_tuple_memory);
		(void) lookup_add(join->lookup, join->key);
		MemoryContextSwitchTo(join->context);
		store_row(join, slot);
	}
	MemoryContextSwitchTo(caller);
}

/* ----------------------------------------------------------------- finding */

static bool
is_sought(RowJoin *join, ExprContext *context)
{
	const TupleTableSlot *columns = context->ecxt_scantuple;

	for (int i = 0; i < join->n_keys; i++)
	{
		int column = join->key_columns[i];
		bool is_null;

		if (column >= 0)
		{
			is_null = columns->tts_isnull[column];
			join->key[i] = columns->tts_values[column];
		}
		else
			join->key[i] = ExecEvalExpr(join->key_exprs[i], context, &is_null);
		if (is_null)
			return false;
	}
	return true;
}

bool
row_join_find(RowJoin *join, ExprContext *context)
{
	MemoryContext caller;

	if (join->lookup == NULL)
		read_table(join, context);
	caller = MemoryContextSwitchTo(context->ecxt_per_tuple_memory);
	join->row =
		is_sought(join, context) ? lookup_find(join->lookup, join->key) : 0;
	MemoryContextSwitchTo(caller);
	return join->row != 0 || join->about->type == JOIN_LEFT;
}

const Datum *
row_join_get_values(const RowJoin *join)
{
	return join->values + (Size) join->row * join->n_columns;
}

const bool *
row_join_get_nulls(const RowJoin *join)
{
	return join->nulls + (Size) join->row * join->n_columns;
}

/* ------------------------------------------------------------------- make */

static void
init_keys(RowJoin *join, PlanState *parent)
{
	int n = list_length(join->about->keys);

	join->n_keys = n;
	join->key = palloc(n * sizeof(Datum));
	join->key_columns = palloc(n * sizeof(int));
	join->key_exprs = palloc0(n * sizeof(ExprState *));
	for (int i = 0; i < n; i++)
	{
		Expr *expr = list_nth(join->about->keys, i);

		join->key_columns[i] =
			IsA(expr, Var) ? ((const Var *) expr)->varattno - 1 : -1;
		if (join->key_columns[i] < 0)
			join->key_exprs[i] = ExecInitExpr(expr, parent);
	}
}

static void
init_columns(RowJoin *join, const Star *star, int number)
{
	int n = list_length(star->columns);

	join->columns = palloc((n + 1) * sizeof(int));
	join->attributes = palloc((n + 1) * sizeof(int));
	for (int i = 0; i < n; i++)
	{
		if (list_nth_int(star->places, i) != number)
			continue;
		join->columns[join->n_columns] = i;
		join->attributes[join->n_columns++] =
			list_nth_int(star->attributes, i) - 1;
	}
}

RowJoin *
row_join_make(const Star *star, int number, PlanState *inner, PlanState *parent)
{
	RowJoin *join = palloc0(sizeof(RowJoin));

	join->about = list_nth(star->joins, number);
	join->inner = inner;
	join->context = AllocSetContextCreate(
		CurrentMemoryContext, "cerebro joined table", ALLOCSET_DEFAULT_SIZES);
	init_keys(join, parent);
	init_columns(join, star, number);
	return join;
}
