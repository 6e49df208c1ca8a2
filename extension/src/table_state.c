/*
 * table_state.c
 *	  The state of a table, as a hash.
 *
 * A row version never changes, and one that is gone does not come back: of two
 * snapshots that see as many versions made by each transaction, nothing was
 * written in between.  So the multiset of xmin of the visible row versions tells
 * whether a table is as it was, wherever VACUUM FULL has moved its rows.  Not
 * for versions that the current transaction made: it may go on.
 *
 * To look at every row version takes a tenth of reading them.  So this process
 * remembers what it found together with a print of the table: its file, its
 * pages, the LSN of each.  Whatever is written to a page gives it another LSN,
 * and where all transactions that a page names were over for the snapshot that
 * looked, nothing else changes what later snapshots see of it.
 *
 *	 print as before, all transactions over -> rows as before
 *	 else									-> look at every row version
 */
#include "tables.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "catalog/pg_attribute.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/catcache.h"
#include "utils/hsearch.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

/* Of runs of row versions by one transaction, which are most of a table. */
typedef struct VersionSum
{
	uint64 n_rows;
	uint64 sums[2];
	TransactionId xmin;
	uint64 n_run;
} VersionSum;

typedef struct Print
{
	Oid file;
	BlockNumber n_blocks;
	uint64 lsns[2];
} Print;

typedef struct Memory
{
	Oid relid; /* key */
	Print print;
	TransactionId newest; /* that a page names: it must be over */
	VersionSum sum;
} Memory;

static HTAB *memories = NULL;

static uint64
mix(uint64 x)
{
	x = (x ^ (x >> 30)) * UINT64CONST(0xBF58476D1CE4E5B9);
	x = (x ^ (x >> 27)) * UINT64CONST(0x94D049BB133111EB);
	return x ^ (x >> 31);
}

/* ------------------------------------------------------------ the catalog */

/* Whatever was done to an object left another row version in the catalog. */
void
table_print_catalog(StringInfo text, int cache, Oid key)
{
	CatCList *list = SearchSysCacheList1(cache, ObjectIdGetDatum(key));
	uint64 sum = 0;

	for (int i = 0; i < list->n_members; i++)
		sum += HeapTupleHeaderGetRawXmin(list->members[i]->tuple.t_data) *
		       UINT64CONST(0x9E3779B97F4A7C15);
	appendStringInfo(text, " %d:" UINT64_FORMAT, list->n_members, sum);
	ReleaseCatCacheList(list);
}

/* What a column's values depend on; not its rights, nor statistics. */
static void
print_column(StringInfo text, HeapTuple tuple)
{
	Form_pg_attribute column = (Form_pg_attribute) GETSTRUCT(tuple);
	bool is_null = true;
	Datum missing = SysCacheGetAttr(ATTNUM, tuple,
	                                Anum_pg_attribute_attmissingval, &is_null);

	appendStringInfo(text, " %d %s %u %d %u %d %d", column->attnum,
	                 NameStr(column->attname), column->atttypid,
	                 column->atttypmod, column->attcollation,
	                 column->attisdropped, column->attgenerated);
	if (!is_null)
		appendBinaryStringInfo(text, VARDATA_ANY(DatumGetPointer(missing)),
		                       VARSIZE_ANY_EXHDR(DatumGetPointer(missing)));
}

/* In the order of their numbers: the list is in none. */
static void
print_columns(StringInfo text, Relation table)
{
	for (int i = 0; i < RelationGetNumberOfAttributes(table); i++)
	{
		HeapTuple tuple =
			SearchSysCache2(ATTNUM, ObjectIdGetDatum(RelationGetRelid(table)),
		                    Int16GetDatum(i + 1));

		if (!HeapTupleIsValid(tuple))
			continue;
		print_column(text, tuple);
		ReleaseSysCache(tuple);
	}
}

/* --------------------------------------------------------------- the rows */

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

/* -------------------------------------------------------------- the print */

typedef void (*PageFunction)(void *self, Buffer buffer);

static void
look_at_pages(Relation table, PageFunction look, void *self)
{
	BufferAccessStrategy strategy = GetAccessStrategy(BAS_BULKREAD);
	BlockNumber n = RelationGetNumberOfBlocks(table);

	for (BlockNumber block = 0; block < n; block++)
	{
		Buffer buffer = ReadBufferExtended(table, MAIN_FORKNUM, block,
		                                   RBM_NORMAL, strategy);

		look(self, buffer);
		ReleaseBuffer(buffer);
		if ((block & 0xff) == 0)
			CHECK_FOR_INTERRUPTS();
	}
	FreeAccessStrategy(strategy);
}

static void
add_lsn(void *self, Buffer buffer)
{
	Print *print = self;
	XLogRecPtr lsn = BufferGetLSNAtomic(buffer);

	print->n_blocks++;
	print->lsns[0] = mix(print->lsns[0] + lsn);
	print->lsns[1] = mix((print->lsns[1] ^ lsn) + print->n_blocks);
}

static Print
make_print(Relation table)
{
	Print print = {.file = table->rd_rel->relfilenode};

	look_at_pages(table, add_lsn, &print);
	return print;
}

static bool
is_same_print(const Print *a, const Print *b)
{
	return a->file == b->file && a->n_blocks == b->n_blocks &&
	       a->lsns[0] == b->lsns[0] && a->lsns[1] == b->lsns[1];
}

/* ------------------------------------------------- transactions on a page */

typedef struct Naming
{
	TransactionId newest; /* over, in front of horizon */
	TransactionId horizon;
	bool is_over; /* all so far */
} Naming;

static void
note(Naming *naming, TransactionId xid)
{
	if (!TransactionIdIsNormal(xid))
		return;
	if (!TransactionIdPrecedes(xid, naming->horizon))
		naming->is_over = false;
	else if (!TransactionIdIsNormal(naming->newest) ||
	         TransactionIdPrecedes(naming->newest, xid))
		naming->newest = xid;
}

static void
note_tuple(Naming *naming, const HeapTupleHeaderData *tuple)
{
	if (!HeapTupleHeaderXminFrozen(tuple))
		note(naming, HeapTupleHeaderGetRawXmin(tuple));
	if (tuple->t_infomask & HEAP_XMAX_INVALID)
		return;
	if (tuple->t_infomask & HEAP_XMAX_IS_MULTI)
		naming->is_over = false; /* of several: they are not looked up */
	else
		note(naming, HeapTupleHeaderGetRawXmax(tuple));
}

static void
note_page(void *self, Buffer buffer)
{
	Naming *naming = self;
	Page page = BufferGetPage(buffer);
	OffsetNumber n;

	if (!naming->is_over)
		return;
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	n = PageIsNew(page) ? 0 : PageGetMaxOffsetNumber(page);
	for (OffsetNumber i = FirstOffsetNumber; i <= n; i++)
	{
		ItemId item = PageGetItemId(page, i);

		if (ItemIdIsNormal(item))
			note_tuple(naming, (HeapTupleHeader) PageGetItem(page, item));
	}
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
}

/* -------------------------------------------------------------- remembering */

static Memory *
find_memory(Oid relid, bool is_made)
{
	if (memories == NULL)
	{
		HASHCTL control = {.keysize = sizeof(Oid),
		                   .entrysize = sizeof(Memory),
		                   .hcxt = TopMemoryContext};

		memories = hash_create("cerebro tables", 32, &control,
		                       HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	return hash_search(memories, &relid, is_made ? HASH_ENTER : HASH_FIND,
	                   NULL);
}

/* Pages of other tables are written without an LSN. */
static bool
has_lsns(Relation table)
{
	return table->rd_rel->relpersistence == RELPERSISTENCE_PERMANENT;
}

static bool
recall(Relation table, const Print *print, VersionSum *sum)
{
	Memory *memory = find_memory(RelationGetRelid(table), false);

	if (memory == NULL || !is_same_print(&memory->print, print) ||
	    (TransactionIdIsNormal(memory->newest) &&
	     !TransactionIdPrecedes(memory->newest, GetActiveSnapshot()->xmin)))
		return false;
	*sum = memory->sum;
	return true;
}

/* Nothing was written while the rows were looked at: print is of before. */
static void
remember(Relation table, const Print *print, const VersionSum *sum)
{
	Naming naming = {.horizon = GetActiveSnapshot()->xmin, .is_over = true};
	Print after;
	Memory *memory;

	look_at_pages(table, note_page, &naming);
	if (!naming.is_over)
		return;
	after = make_print(table);
	if (!is_same_print(print, &after))
		return;
	memory = find_memory(RelationGetRelid(table), true);
	memory->print = *print;
	memory->newest = naming.newest;
	memory->sum = *sum;
}

static bool
get_versions(Relation table, VersionSum *sum)
{
	Print print;

	if (!has_lsns(table))
		return sum_versions(table, sum);
	print = make_print(table);
	if (recall(table, &print, sum))
		return true;
	if (!sum_versions(table, sum))
		return false;
	remember(table, &print, sum);
	return true;
}

/* NULL: it cannot be told. */
bytea *
table_get_state(Oid relid)
{
	Relation table = table_open(relid, AccessShareLock);
	bool has_rows = RELKIND_HAS_STORAGE(table->rd_rel->relkind);
	bool is_telling = !has_rows || table->rd_rel->relam == HEAP_TABLE_AM_OID;
	VersionSum sum = {0};
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "%u", relid);
	print_columns(&text, table);
	if (has_rows && is_telling)
		is_telling = get_versions(table, &sum);
	appendStringInfo(&text,
	                 " " UINT64_FORMAT " " UINT64_FORMAT " " UINT64_FORMAT,
	                 sum.n_rows, sum.sums[0], sum.sums[1]);
	table_close(table, NoLock);
	return is_telling ? tables_hash(&text) : NULL;
}
