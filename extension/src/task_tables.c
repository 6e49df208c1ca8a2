/*
 * task_tables.c
 *	  What the tables that a query reads tell of what it gives.
 *
 *	 state of a table:	see table_state.c
 *	 of a query:		its tree with views expanded, and enums, where its tables
 *						tell what it gives
 *
 * They do not where it reads more than tables (functions that are not immutable
 * or not PostgreSQL's, foreign tables), not all rows (TABLESAMPLE, LIMIT), or
 * types of somebody's own: then rows have to be read to know what they are.
 * Functions that only depend on settings which every task fixes are as good as
 * immutable here.
 */
#include "tables.h"

#include "access/transam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "nodes/nodeFuncs.h"
#include "tcop/tcopprot.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "content.h"

/* ------------------------------------------------------------- the query */

/* STABLE, as they depend on TimeZone, DateStyle and others of settings.c. */
static const Oid of_settings[] = {
	F_DATE_PART_TEXT_TIMESTAMPTZ,
	F_EXTRACT_TEXT_TIMESTAMPTZ,
	F_DATE_TRUNC_TEXT_TIMESTAMPTZ,
	F_DATE_TRUNC_TEXT_TIMESTAMPTZ_TEXT,
	F_DATE_TIMESTAMPTZ,
	F_TIME_TIMESTAMPTZ,
	F_TIMETZ_TIMESTAMPTZ,
	F_TIMESTAMP_TIMESTAMPTZ,
	F_TIMESTAMPTZ_TIMESTAMP,
	F_TIMESTAMPTZ_DATE,
	F_TIMESTAMPTZ_DATE_TIME,
	F_TIMESTAMPTZ_PL_INTERVAL,
	F_TIMESTAMPTZ_MI_INTERVAL,
	F_INTERVAL_PL_TIMESTAMPTZ,
	F_DATE_LT_TIMESTAMPTZ,
	F_DATE_LE_TIMESTAMPTZ,
	F_DATE_EQ_TIMESTAMPTZ,
	F_DATE_GT_TIMESTAMPTZ,
	F_DATE_GE_TIMESTAMPTZ,
	F_DATE_NE_TIMESTAMPTZ,
	F_TIMESTAMPTZ_LT_DATE,
	F_TIMESTAMPTZ_LE_DATE,
	F_TIMESTAMPTZ_EQ_DATE,
	F_TIMESTAMPTZ_GT_DATE,
	F_TIMESTAMPTZ_GE_DATE,
	F_TIMESTAMPTZ_NE_DATE,
	F_TIMESTAMP_LT_TIMESTAMPTZ,
	F_TIMESTAMP_LE_TIMESTAMPTZ,
	F_TIMESTAMP_EQ_TIMESTAMPTZ,
	F_TIMESTAMP_GT_TIMESTAMPTZ,
	F_TIMESTAMP_GE_TIMESTAMPTZ,
	F_TIMESTAMP_NE_TIMESTAMPTZ,
	F_TIMESTAMPTZ_LT_TIMESTAMP,
	F_TIMESTAMPTZ_LE_TIMESTAMP,
	F_TIMESTAMPTZ_EQ_TIMESTAMP,
	F_TIMESTAMPTZ_GT_TIMESTAMP,
	F_TIMESTAMPTZ_GE_TIMESTAMP,
	F_TIMESTAMPTZ_NE_TIMESTAMP,
	F_TO_CHAR_TIMESTAMPTZ_TEXT,
	F_TO_CHAR_TIMESTAMP_TEXT,
	F_TO_CHAR_INTERVAL_TEXT,
	F_DATE_OUT,
	F_TIMESTAMP_OUT,
	F_TIMESTAMPTZ_OUT,
	F_INTERVAL_OUT,
	F_ENUM_OUT,
};

/* What may give something else another day, or by code of somebody's own. */
static bool
is_foreign_function(Oid function, void *context)
{
	if (function >= FirstNormalObjectId)
		return true;
	if (func_volatile(function) == PROVOLATILE_IMMUTABLE)
		return false;
	for (int i = 0; i < lengthof(of_settings); i++)
		if (function == of_settings[i])
			return false;
	return true;
}

/* CURRENT_USER and the like tell who asks, CURRENT_DATE and the like when. */
static void
note_value_function(TableWalk *walk, SQLValueFunctionOp op)
{
	switch (op)
	{
		case SVFOP_CURRENT_ROLE:
		case SVFOP_CURRENT_USER:
		case SVFOP_USER:
		case SVFOP_SESSION_USER:
			walk->is_of_user = true;
			break;
		default:
			walk->is_telling = false;
	}
}

/* Values that are stored as they are: what they mean is PostgreSQL's own. */
static bool
is_known_type(TableWalk *walk, Oid type)
{
	if (OidIsValid(get_element_type(type)))
		type = get_element_type(type);
	type = getBaseType(type);
	if (type < FirstNormalObjectId)
		return true;
	if (get_typtype(type) != TYPTYPE_ENUM)
		return false;
	walk->enums = list_append_unique_oid(walk->enums, type);
	return true;
}

static void
add_relation(TableWalk *walk, const RangeTblEntry *entry)
{
	List *children;
	ListCell *cell;

	if (entry->relkind != RELKIND_RELATION &&
	    entry->relkind != RELKIND_PARTITIONED_TABLE &&
	    entry->relkind != RELKIND_MATVIEW)
	{
		/* a view's own entry stays beside its query for the rights */
		if (entry->relkind != RELKIND_VIEW)
			walk->is_telling = false;
		return;
	}
	if (!entry->inh)
	{
		walk->tables = list_append_unique_oid(walk->tables, entry->relid);
		return;
	}
	children = find_all_inheritors(entry->relid, AccessShareLock, NULL);
	foreach (cell, children)
		walk->tables = list_append_unique_oid(walk->tables, lfirst_oid(cell));
}

static bool
walk_node(Node *node, void *context)
{
	TableWalk *walk = context;

	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *entry = (RangeTblEntry *) node;

		if (entry->rtekind == RTE_RELATION)
			add_relation(walk, entry);
		walk->has_policies |= entry->securityQuals != NIL;
		if (entry->tablesample != NULL)
			walk->is_telling = false;
		return false;
	}
	if (IsA(node, Query))
	{
		Query *query = (Query *) node;

		if (query->limitCount != NULL || query->limitOffset != NULL ||
		    query->hasModifyingCTE)
			walk->is_telling = false;
		walk->has_policies |= query->hasRowSecurity;
		return query_tree_walker(query, walk_node, context,
		                         QTW_EXAMINE_RTES_BEFORE);
	}
	if (IsA(node, SQLValueFunction))
		note_value_function(walk, ((SQLValueFunction *) node)->op);
	if (IsA(node, NextValueExpr) ||
	    check_functions_in_node(node, is_foreign_function, NULL))
		walk->is_telling = false;
	if (IsA(node, Var) && !is_known_type(walk, ((Var *) node)->vartype))
		walk->is_telling = false;
	return expression_tree_walker(node, walk_node, context);
}

void
tables_walk(TableWalk *walk, Node *node)
{
	(void) walk_node(node, walk);
}

/* ------------------------------------------------------------------- all */

static void
add_state(TableStates *states, Oid table, bytea *state)
{
	states->tables[states->n] = table;
	states->states[states->n++] = state;
}

bytea *
tables_hash(const StringInfo text)
{
	bytea *hash = palloc(VARHDRSZ + CER_ID_SIZE);

	SET_VARSIZE(hash, VARHDRSZ + CER_ID_SIZE);
	if (!content_hash(text->data, text->len, (uint8 *) VARDATA(hash)))
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
		                errmsg("could not compute a SHA-256 hash")));
	return hash;
}

void
tables_print_types(StringInfo text, const TableWalk *walk)
{
	ListCell *cell;

	foreach (cell, walk->enums)
		table_print_catalog(text, ENUMTYPOIDNAME, lfirst_oid(cell));
}

static bytea *
hash_query(const TableWalk *walk, const Query *expanded)
{
	StringInfoData text;

	initStringInfo(&text);
	tables_print_types(&text, walk);
	appendStringInfoString(&text, nodeToString(expanded));
	return tables_hash(&text);
}

TableStates *
tables_get_states(TableWalk *walk)
{
	TableStates *states = palloc(sizeof(TableStates));
	int n = list_length(walk->tables) + 1; /* and the query */
	ListCell *cell;

	states->n = 0;
	states->tables = palloc(n * sizeof(Oid));
	states->states = palloc(n * sizeof(bytea *));
	foreach (cell, walk->tables)
	{
		bytea *state = table_get_state(lfirst_oid(cell));

		if (state != NULL)
			add_state(states, lfirst_oid(cell), state);
		else
			walk->is_telling = false;
	}
	return states;
}

Query *
tables_expand(const Query *query)
{
	List *rewritten = pg_rewrite_query(copyObject(unconstify(Query *, query)));

	if (list_length(rewritten) != 1)
		elog(ERROR, "the query was rewritten to %d queries",
		     list_length(rewritten));
	return linitial_node(Query, rewritten);
}

TableStates *
task_get_tables(const Query *query, bool is_own)
{
	Query *expanded = tables_expand(query);
	TableWalk walk = {.is_telling = true};
	TableStates *states;

	tables_walk(&walk, (Node *) expanded);
	states = tables_get_states(&walk);
	if (is_own && walk.is_telling && !walk.has_policies && !walk.is_of_user)
		add_state(states, InvalidOid, hash_query(&walk, expanded));
	return states;
}
