/*
 * task_tables.c
 *	  The state of the tables that a query reads, as hashes.
 *
 * A row version never changes, and one that is gone does not come back: of two
 * snapshots that see as many versions made by each transaction, nothing was
 * written in between.  So the multiset of xmin of the visible row versions tells
 * whether a table is as it was, wherever VACUUM FULL has moved its rows.  Not
 * for versions that the current transaction made: it may go on.
 *
 *	 state of a table:	its columns as the catalog has them, how many rows, xmin
 *						of each
 *	 of a query:		its tree with views expanded, and enums, where its tables
 *						tell what it gives
 *
 * They do not where it reads more than tables (functions that are not immutable
 * or not PostgreSQL's, foreign tables), not all rows (row security, TABLESAMPLE,
 * LIMIT), or types of somebody's own: then rows have to be read to know what
 * they are.
 */
#include "cerebro_pg.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_inherits.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "tcop/tcopprot.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "content.h"

typedef struct TableWalk
{
	List *tables; /* of OIDs, without repetition */
	List *enums;
	bool is_telling; /* so far its tables tell what the query gives */
} TableWalk;

/* ------------------------------------------------------------- the query */

static bool
is_foreign_function(Oid function, void *context)
{
	return function >= FirstNormalObjectId;
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
		if (entry->securityQuals != NIL || entry->tablesample != NULL)
			walk->is_telling = false;
		return false;
	}
	if (IsA(node, Query))
	{
		Query *query = (Query *) node;

		if (query->limitCount != NULL || query->limitOffset != NULL ||
		    query->hasRowSecurity || query->hasModifyingCTE)
			walk->is_telling = false;
		return query_tree_walker(query, walk_node, context,
		                         QTW_EXAMINE_RTES_BEFORE);
	}
	if (check_functions_in_node(node, is_foreign_function, NULL))
		walk->is_telling = false;
	if (IsA(node, Var) && !is_known_type(walk, ((Var *) node)->vartype))
		walk->is_telling = false;
	return expression_tree_walker(node, walk_node, context);
}

/* ------------------------------------------------------------ the catalog */

/* Whatever was done to a column left another row version in the catalog. */
static void
add_catalog_rows(StringInfo text, int cache, Oid key)
{
	CatCList *list = SearchSysCacheList1(cache, ObjectIdGetDatum(key));
	uint64 sum = 0;

	for (int i = 0; i < list->n_members; i++)
		sum += HeapTupleHeaderGetRawXmin(list->members[i]->tuple.t_data) *
		       UINT64CONST(0x9E3779B97F4A7C15);
	appendStringInfo(text, " %d:" UINT64_FORMAT, list->n_members, sum);
	ReleaseCatCacheList(list);
}

/* --------------------------------------------------------------- the rows */

/* Of runs of row versions by one transaction, which are most of a table. */
typedef struct VersionSum
{
	uint64 n_rows;
	uint64 sums[2];
	TransactionId xmin;
	uint64 n_run;
} VersionSum;

static uint64
mix(uint64 x)
{
	x = (x ^ (x >> 30)) * UINT64CONST(0xBF58476D1CE4E5B9);
	x = (x ^ (x >> 27)) * UINT64CONST(0x94D049BB133111EB);
	return x ^ (x >> 31);
}

static void
end_run(VersionSum *sum)
{
	sum->n_rows += sum->n_run;
	sum->sums[0] += sum->n_run * mix(sum->xmin);
	sum->sums[1] += sum->n_run * mix(~(uint64) sum->xmin);
	sum->n_run = 0;
}

/* False: some versions are the current transaction's own. */
static bool
sum_versions(Relation table, VersionSum *sum)
{
	bool has_written = TransactionIdIsValid(GetTopTransactionIdIfAny());
	TableScanDesc scan = table_beginscan(table, GetActiveSnapshot(), 0, NULL);
	bool is_telling = true;
	HeapTuple tuple;

	while (is_telling &&
	       (tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		TransactionId xmin = HeapTupleHeaderGetRawXmin(tuple->t_data);

		if (xmin != sum->xmin || sum->n_run == 0)
		{
			end_run(sum);
			sum->xmin = xmin;
			is_telling =
				!has_written || !TransactionIdIsCurrentTransactionId(xmin);
			CHECK_FOR_INTERRUPTS();
		}
		if ((++sum->n_run & 0xffff) == 0)
			CHECK_FOR_INTERRUPTS();
	}
	end_run(sum);
	table_endscan(scan);
	return is_telling;
}

static bytea *
make_hash(const StringInfo text)
{
	bytea *hash = palloc(VARHDRSZ + CER_ID_SIZE);

	SET_VARSIZE(hash, VARHDRSZ + CER_ID_SIZE);
	if (!content_hash(text->data, text->len, (uint8 *) VARDATA(hash)))
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
		                errmsg("could not compute a SHA-256 hash")));
	return hash;
}

/* NULL: it cannot be told. */
static bytea *
get_state(Oid relid)
{
	Relation table = table_open(relid, AccessShareLock);
	bool has_rows = RELKIND_HAS_STORAGE(table->rd_rel->relkind);
	bool is_telling = !has_rows || table->rd_rel->relam == HEAP_TABLE_AM_OID;
	VersionSum sum = {0};
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "%u", relid);
	add_catalog_rows(&text, ATTNUM, relid);
	if (has_rows && is_telling)
		is_telling = sum_versions(table, &sum);
	appendStringInfo(&text,
	                 " " UINT64_FORMAT " " UINT64_FORMAT " " UINT64_FORMAT,
	                 sum.n_rows, sum.sums[0], sum.sums[1]);
	table_close(table, NoLock);
	return is_telling ? make_hash(&text) : NULL;
}

/* ------------------------------------------------------------------- all */

static void
add_state(TableStates *states, Oid table, bytea *state)
{
	states->tables[states->n] = table;
	states->states[states->n++] = state;
}

static bytea *
hash_query(TableWalk *walk, const Query *expanded)
{
	StringInfoData text;
	ListCell *cell;

	initStringInfo(&text);
	foreach (cell, walk->enums)
		add_catalog_rows(&text, ENUMTYPOIDNAME, lfirst_oid(cell));
	appendStringInfoString(&text, nodeToString(expanded));
	return make_hash(&text);
}

static TableStates *
make_states(TableWalk *walk)
{
	TableStates *states = palloc(sizeof(TableStates));
	int n = list_length(walk->tables) + 1;
	ListCell *cell;

	states->n = 0;
	states->tables = palloc(n * sizeof(Oid));
	states->states = palloc(n * sizeof(bytea *));
	foreach (cell, walk->tables)
	{
		bytea *state = get_state(lfirst_oid(cell));

		if (state != NULL)
			add_state(states, lfirst_oid(cell), state);
		else
			walk->is_telling = false;
	}
	return states;
}

TableStates *
task_get_tables(const Query *query, bool is_own)
{
	List *rewritten = pg_rewrite_query(copyObject(unconstify(Query *, query)));
	Query *expanded = linitial_node(Query, rewritten);
	TableWalk walk = {.is_telling = true};
	TableStates *states;

	if (list_length(rewritten) != 1)
		elog(ERROR, "the query was rewritten to %d queries",
		     list_length(rewritten));
	walk_node((Node *) expanded, &walk);
	if (contain_mutable_functions((Node *) expanded))
		walk.is_telling = false;
	states = make_states(&walk);
	if (is_own && walk.is_telling)
		add_state(states, InvalidOid, hash_query(&walk, expanded));
	return states;
}
