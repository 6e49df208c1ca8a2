/*
 * fe_known.c
 *	  Which column of a table of FE tells when a row of it came to be known.
 *
 * It is declared (cerebro.set_time), never guessed.  But a partition has rows
 * of its table, and a view may have rows of a table: what was declared for one
 * holds for the other.  Of a view that reads such a table and does not hand its
 * time on, nobody can tell which rows are of the future.
 */
#include "fe_private.h"

#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

typedef struct Declared
{
	Oid relation;
	char *column;
} Declared;

/* One's own word counts most, then the one that was given first. */
List *
fe_list_times(void)
{
	MemoryContext caller = CurrentMemoryContext;
	Datum values[] = {ObjectIdGetDatum(GetUserId())};
	ArchiveScope scope;
	List *found = NIL;

	archive_enter(&scope);
	SPI_execute_with_args(
		"SELECT relation::oid, column_name FROM cerebro.time_column "
		"WHERE cerebro.is_owner(owner, $1) ORDER BY owner::oid = $1 DESC, id",
		1, (Oid[]){OIDOID}, values, NULL, true, 0);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple row = SPI_tuptable->vals[i];
		MemoryContext spi = MemoryContextSwitchTo(caller);
		Declared *declared = palloc(sizeof(Declared));
		bool is_null;

		declared->relation = DatumGetObjectId(
			SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &is_null));
		declared->column = pstrdup(SPI_getvalue(row, SPI_tuptable->tupdesc, 2));
		found = lappend(found, declared);
		MemoryContextSwitchTo(spi);
	}
	archive_leave(&scope);
	return found;
}

bool
fe_is_part(Oid a, Oid b)
{
	Oid left = get_rel_type_id(a);
	Oid right = get_rel_type_id(b);

	return OidIsValid(left) && OidIsValid(right) &&
	       (typeInheritsFrom(left, right) || typeInheritsFrom(right, left));
}

/* For the relation itself rather than for one that it is part of. */
static const Declared *
find_declared(const List *all, Oid relation)
{
	const Declared *of_part = NULL;
	ListCell *cell;

	foreach (cell, all)
	{
		const Declared *declared = lfirst(cell);

		if (declared->relation == relation)
			return declared;
		if (of_part == NULL && fe_is_part(declared->relation, relation))
			of_part = declared;
	}
	return of_part;
}

char *
fe_time_find(const List *times, Oid relation)
{
	const Declared *declared = find_declared(times, relation);

	return declared == NULL ? NULL : declared->column;
}

/* ------------------------------------------------------------------ views */

typedef struct Reading
{
	const List *declared;
	Oid view;           /* that is looked into: its query names it, too */
	const Declared *of; /* a table that is read */
	Oid relation;       /* the table */
	int n_tables;       /* with a time, each as often as it is read */
	bool is_plain;      /* rows are handed on as they are, each for itself */
} Reading;

static bool read_query(Query *query, Reading *reading);

static void
read_view(Oid view, Reading *reading)
{
	Oid outer = reading->view;
	Query *query = fe_open_view(view);

	CHECK_FOR_INTERRUPTS();
	if (query == NULL)
		return;
	reading->view = view;
	(void) read_query(query, reading);
	reading->view = outer;
}

static void
read_relation(Oid relation, Reading *reading)
{
	const Declared *declared = find_declared(reading->declared, relation);

	if (declared != NULL)
	{
		reading->of = declared;
		reading->relation = relation;
		reading->n_tables++;
	}
	else if (relation != reading->view)
		read_view(relation, reading);
}

static bool
read_node(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return read_query((Query *) node, context);
	if (IsA(node, RangeTblEntry))
	{
		if (((RangeTblEntry *) node)->rtekind == RTE_RELATION)
			read_relation(((RangeTblEntry *) node)->relid, context);
		return false;
	}
	return expression_tree_walker(node, read_node, context);
}

static bool
read_query(Query *query, Reading *reading)
{
	reading->is_plain &=
		!query->hasAggs && !query->hasWindowFuncs && !query->hasSubLinks &&
		query->groupClause == NIL && query->groupingSets == NIL &&
		query->distinctClause == NIL && query->limitCount == NULL &&
		query->limitOffset == NULL && query->cteList == NIL &&
		query->setOperations == NULL;
	return query_tree_walker(query, read_node, reading,
	                         QTW_EXAMINE_RTES_BEFORE);
}

/* The column that is the time of the table that the view reads; -1: none. */
static int
find_handed_on(const FeTable *table, const Reading *reading)
{
	AttrNumber attribute = get_attnum(reading->relation, reading->of->column);

	for (int i = 0; i < table->n_columns; i++)
	{
		ListCell *cell;

		foreach (cell, table->columns[i].plain)
		{
			const FeOrigin *origin = lfirst(cell);

			if (origin->relation == reading->relation &&
			    origin->attribute == attribute)
				return i;
		}
	}
	return -1;
}

static void
fail_of_view(const Fe *fe, const FeTable *table, const Reading *reading)
{
	char *view = get_rel_name(table->relation);

	fe_fail(fe_at(fe, table->item), ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
	        psprintf("when rows of \"%s\" came to be known is not told", view),
	        psprintf("It reads \"%s\", whose rows have a time (\"%s\"); that "
	                 "of its own is not told.",
	                 get_rel_name(reading->relation), reading->of->column),
	        psprintf("JOIN or AGGREGATE \"%s\", or declare a column of the "
	                 "view: SELECT cerebro.set_time(%s, 'column'). UNCUT lets "
	                 "an AGGREGATE see all rows.",
	                 get_rel_name(reading->relation),
	                 quote_literal_cstr(view)));
}

/* Of the task's own relation labels have a time of their own (label_known). */
static bool
needs_time(const Fe *fe, const FeTable *table)
{
	return fe->task->as_of != NULL && !table->item->is_uncut &&
	       table->relation != fe->task->relation;
}

static void
note_time_of_view(const Fe *fe, FeTable *table)
{
	Reading reading = {.declared = fe->times, .is_plain = true};

	if (fe->times == NIL)
		return;
	read_view(table->relation, &reading);
	if (reading.n_tables == 1 && reading.is_plain)
		table->time = find_handed_on(table, &reading);
	if (reading.n_tables > 0 && table->time < 0 && needs_time(fe, table))
		fail_of_view(fe, table, &reading);
}

/* ------------------------------------------------------------- the table's */

void
fe_note_time(const Fe *fe, FeTable *table)
{
	const Declared *declared = find_declared(fe->times, table->relation);

	table->time = -1;
	if (declared == NULL)
	{
		note_time_of_view(fe, table);
		return;
	}
	table->time = fe_table_find_column(table, declared->column);
	/* a child has columns that its parent lacks */
	if (table->time < 0 &&
	    (declared->relation == table->relation || needs_time(fe, table)))
		fe_fail(
			fe_at(fe, table->item), ERRCODE_UNDEFINED_COLUMN,
			psprintf("the time column \"%s\" of \"%s\" is not there%s",
		             declared->column, get_rel_name(table->relation),
		             declared->relation == table->relation ? " any more" : ""),
			declared->relation == table->relation
				? NULL
				: psprintf("It was declared for \"%s\".",
		                   get_rel_name(declared->relation)),
			"Declare another one with cerebro.set_time.");
}
