/*
 * fe_way.c
 *	  Ways between tables: how a JOIN finds the row, an AGGREGATE the rows, that
 *	  belong to a row.
 *
 * A reference is a foreign key, or a row of cerebro.relationship that the
 * current user sees.  It is a way from an alias whose columns hand on those
 * that refer (for an AGGREGATE: those that are referred to).
 */
#include "fe_private.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

typedef struct Reference
{
	Oid child;
	Oid parent;
	int n;
	char **child_columns;
	char **parent_columns;
} Reference;

/* A reference seen from an alias that is there. */
typedef struct Way
{
	const FeTable *from;
	const Reference *reference;
	int n;
	FeEqual *equals;
} Way;

/* ------------------------------------------------------------- references */

/* Columns in the order of the child's names, so that one is found once. */
static const char references_sql[] =
	"SELECT c.conrelid, c.confrelid,"
	" array_agg(a.attname::text ORDER BY a.attname),"
	" array_agg(b.attname::text ORDER BY a.attname)"
	" FROM pg_constraint c, unnest(c.conkey, c.confkey) k (child, parent),"
	" pg_attribute a, pg_attribute b"
	" WHERE c.contype = 'f' AND c.conparentid = 0"
	" AND CASE WHEN $2 THEN c.conrelid ELSE c.confrelid END = $1"
	" AND a.attrelid = c.conrelid AND a.attnum = k.child"
	" AND b.attrelid = c.confrelid AND b.attnum = k.parent"
	" GROUP BY c.oid, c.conrelid, c.confrelid"
	" UNION "
	"SELECT r.child::oid, r.parent::oid,"
	" array_agg(k.child ORDER BY k.child), array_agg(k.parent ORDER BY k.child)"
	" FROM cerebro.relationship r,"
	" unnest(r.child_columns, r.parent_columns) k (child, parent)"
	" WHERE CASE WHEN $2 THEN r.child::oid ELSE r.parent::oid END = $1"
	" AND cerebro.is_owner(r.owner, $3)"
	" GROUP BY r.id ORDER BY 1, 3, 2, 4";

static Reference *
make_reference(HeapTuple row, TupleDesc desc)
{
	Reference *reference = palloc(sizeof(Reference));
	bool is_null;

	reference->child = DatumGetObjectId(SPI_getbinval(row, desc, 1, &is_null));
	reference->parent = DatumGetObjectId(SPI_getbinval(row, desc, 2, &is_null));
	reference->child_columns =
		texts_from_array(SPI_getbinval(row, desc, 3, &is_null), &reference->n);
	reference->parent_columns =
		texts_from_array(SPI_getbinval(row, desc, 4, &is_null), &reference->n);
	return reference;
}

/* Those that refer to the relation, or from it. */
static List *
find_references(Oid relation, bool is_child)
{
	MemoryContext caller = CurrentMemoryContext;
	Datum values[] = {ObjectIdGetDatum(relation), BoolGetDatum(is_child),
	                  ObjectIdGetDatum(GetUserId())};
	ArchiveScope scope;
	List *found = NIL;

	archive_enter(&scope);
	if (SPI_execute_with_args(references_sql, 3,
	                          (Oid[]){OIDOID, BOOLOID, OIDOID}, values, NULL,
	                          true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the references between tables");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		MemoryContext spi = MemoryContextSwitchTo(caller);

		found = lappend(found, make_reference(SPI_tuptable->vals[i],
		                                      SPI_tuptable->tupdesc));
		MemoryContextSwitchTo(spi);
	}
	archive_leave(&scope);
	return found;
}

/* ------------------------------------------------------------------- ways */

/* The alias's column that hands on one of the relation's, of one row (path). */
static int
find_plain(const FeTable *table, Oid relation, const char *name,
           const FeOrigin *same)
{
	AttrNumber attribute = get_attnum(relation, name);
	ListCell *cell;

	for (int i = 0; attribute > 0 && i < table->n_columns; i++)
		foreach (cell, table->columns[i].plain)
		{
			const FeOrigin *origin = lfirst(cell);

			if (origin->relation == relation &&
			    origin->attribute == attribute &&
			    (same == NULL || same->path == origin->path))
				return i;
		}
	return -1;
}

static Way *
make_way(const FeTable *from, const Reference *reference, const FeTable *to,
         const FeOrigin *row)
{
	bool is_aggregate = to->item->kind == CER_FE_AGGREGATE;
	Oid relation = is_aggregate ? reference->parent : reference->child;
	char **near =
		is_aggregate ? reference->parent_columns : reference->child_columns;
	char **far =
		is_aggregate ? reference->child_columns : reference->parent_columns;
	Way *way = palloc0(sizeof(Way));

	way->from = from;
	way->reference = reference;
	way->n = reference->n;
	way->equals = palloc(way->n * sizeof(FeEqual));
	for (int i = 0; i < way->n; i++)
	{
		way->equals[i] =
			(FeEqual){from, find_plain(from, relation, near[i], row),
		              fe_table_find_column(to, far[i])};
		if (way->equals[i].left_column < 0 || way->equals[i].column < 0)
			return NULL;
	}
	return way;
}

/* An alias may hold a relation's row more than once: a way from each. */
static void
add_ways(const FeTable *from, const Reference *reference, const FeTable *to,
         List **ways)
{
	bool is_aggregate = to->item->kind == CER_FE_AGGREGATE;
	Oid relation = is_aggregate ? reference->parent : reference->child;
	AttrNumber first =
		get_attnum(relation, is_aggregate ? reference->parent_columns[0]
	                                      : reference->child_columns[0]);
	ListCell *cell;

	for (int i = 0; i < from->n_columns; i++)
		foreach (cell, from->columns[i].plain)
		{
			const FeOrigin *origin = lfirst(cell);
			Way *way =
				origin->relation == relation && origin->attribute == first
					? make_way(from, reference, to, origin)
					: NULL;

			if (way != NULL && way->equals[0].left_column == i)
				*ways = lappend(*ways, way);
		}
}

static List *
find_ways(const Fe *fe, const FeTable *to)
{
	bool is_aggregate = to->item->kind == CER_FE_AGGREGATE;
	List *references = find_references(to->relation, is_aggregate);
	List *ways = NIL;
	ListCell *from;
	ListCell *cell;

	foreach (from, fe->tables)
	{
		const FeTable *table = lfirst(from);

		if (table->item != NULL && table->item->kind != CER_FE_JOIN)
			continue;
		foreach (cell, references)
			add_ways(table, lfirst(cell), to, &ways);
	}
	return ways;
}

/* ----------------------------------------------------------------- choice */

/* The columns that VIA names: those that refer. */
static const char *
get_via_column(const Way *way, const FeTable *to, int i)
{
	return to->item->kind == CER_FE_AGGREGATE
	           ? to->columns[way->equals[i].column].name
	           : way->from->columns[way->equals[i].left_column].name;
}

static bool
is_via(const Way *way, const FeTable *to)
{
	const cer_fe_item *item = to->item;

	if (item->n_link_columns != way->n)
		return false;
	if (item->link_qualifier.size > 0 &&
	    strcmp(way->from->alias, fe_text(item->link_qualifier)) != 0)
		return false;
	for (int i = 0; i < way->n; i++)
	{
		bool is_there = false;

		for (size_t k = 0; k < item->n_link_columns; k++)
			is_there |= strcmp(fe_text(item->link_columns[k]),
			                   get_via_column(way, to, i)) == 0;
		if (!is_there)
			return false;
	}
	return true;
}

static List *
keep_via(List *ways, const FeTable *to)
{
	List *kept = NIL;
	ListCell *cell;

	foreach (cell, ways)
		if (is_via(lfirst(cell), to))
			kept = lappend(kept, lfirst(cell));
	return kept;
}

/* VIA (origin), VIA (o.country) */
static char *
print_ways(List *ways, const FeTable *to)
{
	StringInfoData text;
	ListCell *cell;

	initStringInfo(&text);
	foreach (cell, ways)
	{
		const Way *way = lfirst(cell);

		appendStringInfo(&text, "%sVIA (", text.len > 0 ? ", " : "");
		for (int i = 0; i < way->n; i++)
			appendStringInfo(
				&text, "%s%s%s%s", i > 0 ? ", " : "",
				way->from->item == NULL || to->item->kind == CER_FE_AGGREGATE
					? ""
					: quote_identifier(way->from->alias),
				way->from->item == NULL || to->item->kind == CER_FE_AGGREGATE
					? ""
					: ".",
				quote_identifier(get_via_column(way, to, i)));
		appendStringInfoString(&text, ")");
	}
	return text.data;
}

static void
fail_without_way(const Fe *fe, const FeTable *to, List *all)
{
	const char *table = get_rel_name(to->relation);
	bool has_via = to->item->link == CER_LINK_VIA;

	fe_fail(
		fe_at(fe, to->item), ERRCODE_UNDEFINED_OBJECT,
		has_via
			? psprintf("the columns of VIA do not refer to \"%s\"", table)
			: psprintf("no way leads from the task's source to \"%s\"", table),
		all != NIL ? psprintf("Known ways: %s.", print_ways(all, to))
				   : "A way is a foreign key, or a row of "
					 "cerebro.relationships, between columns of both; you see "
					 "those of roles that you are a member of.",
		"Record one of your own with cerebro.add_relationship, or say how with "
		"USING (columns) or ON (condition).");
}

static void
fail_with_many(const Fe *fe, const FeTable *to, List *ways)
{
	const char *table = get_rel_name(to->relation);

	fe_fail(fe_at(fe, to->item), ERRCODE_AMBIGUOUS_COLUMN,
	        psprintf("several ways lead to \"%s\"", table),
	        psprintf("They are: %s.", print_ways(ways, to)),
	        psprintf("Say which, and give each an alias of its own: JOIN %s a "
	                 "%s.",
	                 quote_identifier(table),
	                 print_ways(list_make1(linitial(ways)), to)));
}

/* ------------------------------------------------------------------ links */

static bool
link_by_way(const Fe *fe, FeTable *table, List *all)
{
	List *ways = table->item->link == CER_LINK_VIA ? keep_via(all, table) : all;
	Way *way;

	if (ways == NIL)
		return false;
	if (list_length(ways) > 1)
		fail_with_many(fe, table, ways);
	way = linitial(ways);
	table->n_equals = way->n;
	table->equals = way->equals;
	return true;
}

/* The alias that has a column of USING: the source before any other. */
static const FeTable *
find_holder(const Fe *fe, const FeTable *table, const char *name)
{
	const FeTable *holder = NULL;
	ListCell *cell;

	foreach (cell, fe->tables)
	{
		const FeTable *other = lfirst(cell);

		if (table->item->link_qualifier.size > 0 &&
		    strcmp(other->alias, fe_text(table->item->link_qualifier)) != 0)
			continue;
		if ((other->item != NULL && other->item->kind != CER_FE_JOIN) ||
		    fe_table_find_column(other, name) < 0)
			continue;
		if (other->item == NULL)
			return other;
		if (holder != NULL)
			fe_fail(fe_at(fe, table->item), ERRCODE_AMBIGUOUS_COLUMN,
			        psprintf("column \"%s\" is in several tables of FE", name),
			        NULL, "Say which with ON (condition).");
		holder = other;
	}
	return holder;
}

static bool
link_by_names(const Fe *fe, FeTable *table)
{
	const cer_fe_item *item = table->item;

	table->n_equals = (int) item->n_link_columns;
	table->equals = palloc(table->n_equals * sizeof(FeEqual));
	for (int i = 0; i < table->n_equals; i++)
	{
		char *name = fe_text(item->link_columns[i]);
		int column = fe_table_find_column(table, name);
		const FeTable *left = find_holder(fe, table, name);

		if (column < 0)
			fe_fail(fe_at(fe, item), ERRCODE_UNDEFINED_COLUMN,
			        psprintf("table \"%s\" has no column \"%s\"",
			                 get_rel_name(table->relation), name),
			        NULL, NULL);
		if (left == NULL)
			return false;
		table->equals[i] =
			(FeEqual){left, fe_table_find_column(left, name), column};
	}
	return true;
}

/* Children that no reference leads to are found by columns of one name. */
static bool
link_aggregate(const Fe *fe, FeTable *table, List *all)
{
	if (link_by_way(fe, table, all))
		return true;
	return table->item->link == CER_LINK_VIA && link_by_names(fe, table);
}

static void
fail_to_link(const Fe *fe, const FeTable *table, List *all)
{
	if (table->item->link == CER_LINK_ON)
		fe_fail(fe_at(fe, table->item), ERRCODE_UNDEFINED_TABLE,
		        psprintf("the condition of \"%s\" names tables that are not "
		                 "joined before it",
		                 table->alias),
		        NULL, NULL);
	if (table->item->link == CER_LINK_USING)
		fe_fail(fe_at(fe, table->item), ERRCODE_UNDEFINED_COLUMN,
		        psprintf("the columns of USING are not all in the source"),
		        NULL,
		        "USING names columns that both sides have; ON (condition) "
		        "joins others.");
	if (table->item->kind == CER_FE_AGGREGATE)
		fe_fail(fe_at(fe, table->item), ERRCODE_UNDEFINED_OBJECT,
		        psprintf("no way leads from the task's source to rows of "
		                 "\"%s\"",
		                 get_rel_name(table->relation)),
		        all != NIL
		            ? psprintf("Known ways: %s.", print_ways(all, table))
		            : "The columns of VIA refer to the source's rows, or "
		              "have the names of columns of the source.",
		        "Record a reference of your own with cerebro.add_relationship, "
		        "or say how with ON (condition).");
	fail_without_way(fe, table, all);
}

/* is_last: whatever is not there now will not come. */
bool
fe_link(const Fe *fe, FeTable *table, bool is_last)
{
	List *all = NIL;
	bool is_linked;

	switch (table->item->link)
	{
		case CER_LINK_ON:
			is_linked = fe_has_aliases(fe, table, table->item->link_sql);
			break;
		case CER_LINK_USING:
			is_linked = link_by_names(fe, table);
			break;
		default:
			all = find_ways(fe, table);
			is_linked = table->item->kind == CER_FE_AGGREGATE
			                ? link_aggregate(fe, table, all)
			                : link_by_way(fe, table, all);
	}
	if (!is_linked && is_last)
		fail_to_link(fe, table, all);
	return is_linked;
}

/* ------------------------------------------------------------------- times */

static void
warn_of_time(Oid child, Oid parent, const char *time)
{
	ereport(WARNING,
	        (errmsg("JOIN of \"%s\" sees rows of the very time of the "
	                "prediction",
	                get_rel_name(parent)),
	         errdetail("The reference of \"%s\" to it has its time column "
	                   "\"%s\".",
	                   get_rel_name(child), time),
	         errhint("Where such rows are written later, use JOIN LAST, which "
	                 "sees earlier ones only.")));
}

/* Of the relation's columns those that a query hands on, unchanged. */
static bool
has_columns(const List *origins, Oid relation, char *const *names, int n)
{
	for (int i = 0; i < n; i++)
	{
		AttrNumber attribute = get_attnum(relation, names[i]);
		bool is_there = false;
		ListCell *cell;

		foreach (cell, origins)
		{
			const FeOrigin *origin = lfirst(cell);

			is_there |=
				origin->relation == relation && origin->attribute == attribute;
		}
		if (!is_there)
			return false;
	}
	return true;
}

static void
warn_of_times_from(Oid relation, const List *origins, const List *times)
{
	ListCell *cell;

	foreach (cell, find_references(relation, true))
	{
		const Reference *reference = lfirst(cell);
		const char *time = fe_time_find(times, reference->parent);

		if (time != NULL &&
		    name_find(time, reference->parent_columns, reference->n) >= 0 &&
		    has_columns(origins, relation, reference->child_columns,
		                reference->n))
			warn_of_time(relation, reference->parent, time);
	}
}

/* Views, too, hand on columns that refer. */
void
fe_warn_of_times(const Query *query)
{
	List *origins = NIL;
	List *relations = NIL;
	List *times = fe_list_times();
	ListCell *cell;

	foreach (cell, query->targetList)
		origins = list_concat(
			origins,
			fe_trace(query, (Node *) lfirst_node(TargetEntry, cell)->expr));
	foreach (cell, origins)
		relations = list_append_unique_oid(
			relations, ((const FeOrigin *) lfirst(cell))->relation);
	foreach (cell, relations)
		warn_of_times_from(lfirst_oid(cell), origins, times);
}
