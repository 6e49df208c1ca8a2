/*
 * task_version.c
 *	  Data versions: the rows of a task as they were at one time.
 */
#include "cerebro_pg.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(cerebro_refresh);

typedef struct ValidRow
{
	uint64 key;
	uint16 label;
} ValidRow;

static int
compare_rows(const void *left, const void *right)
{
	uint64 a = ((const ValidRow *) left)->key;
	uint64 b = ((const ValidRow *) right)->key;

	return (a > b) - (a < b);
}

/* Classes of the validation rows in the order in which models score them. */
static bytea *
make_valid_labels(const ReadStats *stats)
{
	Size n = stats->n_valid;
	ValidRow *rows = MemoryContextAllocHuge(CurrentMemoryContext,
	                                        Max(1, n) * sizeof(ValidRow));
	bytea *labels;

	if (n > (MaxAllocSize - VARHDRSZ) / sizeof(uint16))
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
		                errmsg("the valid part has too many rows: %zu", n),
		                errhint("Give it a smaller share in the split.")));
	labels = palloc(VARHDRSZ + n * sizeof(uint16));
	SET_VARSIZE(labels, VARHDRSZ + n * sizeof(uint16));
	for (Size i = 0; i < n; i++)
		rows[i] = (ValidRow){stats->valid_keys[i], stats->valid_labels[i]};
	qsort(rows, n, sizeof(ValidRow), compare_rows);
	for (Size i = 0; i < n; i++)
	{
		uint8 *at = (uint8 *) VARDATA(labels) + i * sizeof(uint16);

		at[0] = (uint8) rows[i].label;
		at[1] = (uint8) (rows[i].label >> 8);
	}
	pfree(rows);
	return labels;
}

static Datum
make_class_rows(const Task *task, const ReadStats *stats)
{
	int dims[2] = {CER_N_PARTS, task->n_classes};
	int bounds[2] = {1, 1};
	int n = dims[0] * dims[1];
	Datum *values = palloc(n * sizeof(Datum));

	for (int i = 0; i < n; i++)
		values[i] = Int64GetDatum(stats->class_rows[i]);
	return PointerGetDatum(construct_md_array(values, NULL, 2, dims, bounds,
	                                          INT8OID, 8, FLOAT8PASSBYVAL,
	                                          TYPALIGN_DOUBLE));
}

/* ---------------------------------------------------------------- contents */

static bytea *
pack_content(const cer_content_hash *content)
{
	bytea *packed = palloc(VARHDRSZ + 3 * sizeof(uint64));
	uint64 words[] = {content->low, content->high, content->n_rows};
	uint8 *at = (uint8 *) VARDATA(packed);

	SET_VARSIZE(packed, VARHDRSZ + sizeof(words));
	for (int i = 0; i < lengthof(words); i++)
		for (int k = 0; k < 8; k++)
			*at++ = (uint8) (words[i] >> (8 * k));
	return packed;
}

static bool
unpack_content(const bytea *packed, cer_content_hash *content)
{
	uint64 words[3] = {0};
	const uint8 *at = (const uint8 *) VARDATA_ANY(packed);

	if (VARSIZE_ANY_EXHDR(packed) != sizeof(words))
		return false;
	for (int i = 0; i < lengthof(words); i++)
		for (int k = 0; k < 8; k++)
			words[i] |= (uint64) *at++ << (8 * k);
	*content = (cer_content_hash){words[0], words[1], words[2]};
	return true;
}

bool
task_get_content(int32 data_version, const char *column,
                 cer_content_hash *content)
{
	ArchiveScan *scan = archive_scan_by_id("data_column", data_version);
	bool is_found = false;

	while (!is_found && archive_scan_next(scan))
	{
		Datum name = archive_scan_get(scan, "column_name", NULL);

		if (strcmp(TextDatumGetCString(name), column) == 0)
			is_found = unpack_content(
				DatumGetByteaPP(archive_scan_get(scan, "content", NULL)),
				content);
	}
	archive_scan_end(scan);
	return is_found;
}

/* How what was read stands to what is known of a version's columns. */
typedef struct Agreement
{
	bool contradicts;
	bool is_complete; /* every column that is known was read again */
} Agreement;

static int
find_content(const ReadStats *stats, const char *name)
{
	for (int i = 0; i < stats->n_contents; i++)
		if (strcmp(stats->content_names[i], name) == 0)
			return i;
	return -1;
}

static bool
is_same_content(const bytea *packed, const cer_content_hash *read)
{
	cer_content_hash known;

	return unpack_content(packed, &known) && known.low == read->low &&
	       known.high == read->high && known.n_rows == read->n_rows;
}

/* In an archive scope: sees what this very command has stored. */
static Agreement
compare_contents(int32 version, const ReadStats *stats)
{
	Datum values[] = {Int32GetDatum(version)};
	Agreement agreement = {.is_complete = true};

	SPI_execute_with_args(
		"SELECT column_name, content FROM cerebro.data_column "
		"WHERE data_version = $1",
		1, (Oid[]){INT4OID}, values, NULL, false, 0);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple row = SPI_tuptable->vals[i];
		int at =
			find_content(stats, SPI_getvalue(row, SPI_tuptable->tupdesc, 1));
		bool is_null;
		Datum packed = SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &is_null);

		if (at < 0)
			agreement.is_complete = false;
		else if (!is_same_content(DatumGetByteaPP(packed),
		                          &stats->contents[at]))
			agreement.contradicts = true;
	}
	return agreement;
}

static void
store_contents(int32 version, const ReadStats *stats)
{
	for (int i = 0; i < stats->n_contents; i++)
	{
		Datum values[] = {Int32GetDatum(version),
		                  CStringGetTextDatum(stats->content_names[i]),
		                  PointerGetDatum(pack_content(&stats->contents[i]))};

		SPI_execute_with_args("INSERT INTO cerebro.data_column "
		                      "(data_version, column_name, content) "
		                      "VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
		                      3, (Oid[]){INT4OID, TEXTOID, BYTEAOID}, values,
		                      NULL, false, 0);
	}
}

/* ------------------------------------------------------------------ tables */

static int
find_table(const TableStates *states, Oid table)
{
	for (int i = 0; i < states->n; i++)
		if (states->tables[i] == table)
			return i;
	return -1;
}

static bool
is_equal(const bytea *a, const bytea *b)
{
	return VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(b) &&
	       memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a)) == 0;
}

/* How the tables that were read stand to a version's. */
typedef struct TableAgreement
{
	int n_equal;
	int n_differ;
	bool knows_query; /* tables tell what the task's own query gives */
} TableAgreement;

/* In an archive scope. */
static TableAgreement
compare_tables(int32 version, const TableStates *states)
{
	Datum values[] = {Int32GetDatum(version)};
	TableAgreement agreement = {0};

	SPI_execute_with_args("SELECT relation::oid, state FROM cerebro.data_table "
	                      "WHERE data_version = $1",
	                      1, (Oid[]){INT4OID}, values, NULL, false, 0);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple row = SPI_tuptable->vals[i];
		TupleDesc desc = SPI_tuptable->tupdesc;
		bool is_null;
		Oid table = DatumGetObjectId(SPI_getbinval(row, desc, 1, &is_null));
		bytea *state = DatumGetByteaPP(SPI_getbinval(row, desc, 2, &is_null));
		int at = find_table(states, table);

		if (!OidIsValid(table))
			agreement.knows_query = true;
		if (at >= 0 && is_equal(state, states->states[at]))
			agreement.n_equal++;
		else if (at >= 0)
			agreement.n_differ++;
	}
	return agreement;
}

static void
store_tables(int32 version, const TableStates *states)
{
	for (int i = 0; i < states->n; i++)
	{
		Datum values[] = {Int32GetDatum(version),
		                  ObjectIdGetDatum(states->tables[i]),
		                  PointerGetDatum(states->states[i])};

		SPI_execute_with_args("INSERT INTO cerebro.data_table "
		                      "(data_version, relation, state) "
		                      "VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
		                      3, (Oid[]){INT4OID, OIDOID, BYTEAOID}, values,
		                      NULL, false, 0);
	}
}

/* ---------------------------------------------------------------- versions */

typedef struct Version
{
	int32 id;      /* 0: none */
	bool has_rows; /* as many, with the same keys, labels and classes */
} Version;

#define HAS_CLASSES "pg_catalog.array_length(class_rows, 2) = $4"

static Version
find_newest(const Task *task, const ReadStats *stats)
{
	Datum values[] = {Int32GetDatum(task->id), Int64GetDatum(stats->n_rows),
	                  Int64GetDatum((int64) stats->row_hash),
	                  Int32GetDatum(task->n_classes)};
	Version version = {0};
	bool is_null;

	SPI_execute_with_args(
		"SELECT id, n_rows = $2 AND row_hash = $3 AND " HAS_CLASSES
		" FROM cerebro.data_version WHERE task = $1 ORDER BY id DESC LIMIT 1",
		4, (Oid[]){INT4OID, INT8OID, INT8OID, INT4OID}, values, NULL, false, 1);
	if (SPI_processed == 0)
		return version;
	version.id = DatumGetInt32(SPI_getbinval(
		SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null));
	version.has_rows = DatumGetBool(SPI_getbinval(
		SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &is_null));
	return version;
}

static int32
insert_version(const Task *task, const ReadStats *stats)
{
	Datum values[] = {
		Int32GetDatum(task->id),
		Int64GetDatum(stats->n_rows),
		make_class_rows(task, stats),
		Int64GetDatum((int64) stats->row_hash),
		PointerGetDatum(make_valid_labels(stats)),
	};
	bool is_null;

	if (SPI_execute_with_args(
			"INSERT INTO cerebro.data_version "
			"(task, n_rows, class_rows, row_hash, valid_labels) "
			"VALUES ($1, $2, $3, $4, $5) RETURNING id",
			5, (Oid[]){INT4OID, INT8OID, INT8ARRAYOID, INT8OID, BYTEAOID},
			values, NULL, false, 0) != SPI_OK_INSERT_RETURNING)
		elog(ERROR, "could not store the data version");
	return DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0],
	                                   SPI_tuptable->tupdesc, 1, &is_null));
}

int32
task_find_data_version(const Task *task, const TableStates *tables)
{
	ReadStats nothing = {0};
	TableAgreement agreement = {0};
	ArchiveScope scope;
	Version version;

	archive_enter(&scope);
	version = find_newest(task, &nothing);
	if (version.id != 0 && find_table(tables, InvalidOid) >= 0)
		agreement = compare_tables(version.id, tables);
	archive_leave(&scope);
	return agreement.n_equal > 0 && agreement.n_equal == tables->n ? version.id
	                                                               : 0;
}

/*
 * Whether a version, mostly the newest, describes what was read.  Tables that were
 * written to may hold other values in columns that were not read: then it is
 * another version.  States of tables are added to a version when they are those
 * of all that is known of its columns: then they are new.
 */
static bool
agrees(const Version *version, const ReadStats *stats, bool *are_new)
{
	Agreement contents;
	TableAgreement tables;

	if (version->id == 0 || !version->has_rows)
		return false;
	contents = compare_contents(version->id, stats);
	tables = compare_tables(version->id, stats->tables);
	if (contents.contradicts || tables.n_differ > 0)
		return false;
	*are_new = contents.is_complete || tables.knows_query;
	return true;
}

static void
tell_new_version(const Task *task, const Version *before,
                 const ReadStats *stats)
{
	if (before->has_rows)
		ereport(NOTICE,
		        (errmsg("the tables of task \"%s\" were written to: its rows "
		                "are a new data version",
		                task->name),
		         errdetail("Keys and labels are the same. Metrics of models of "
		                   "other versions may not compare.")));
	else
		ereport(
			NOTICE,
			(errmsg("the rows of task \"%s\" have changed: they are a new data "
		            "version",
		            task->name),
		     errdetail("It has " INT64_FORMAT " labelled rows. Metrics of "
		               "models of other versions do not compare.",
		               stats->n_rows)));
}

int32
task_get_data_version(const Task *task, const ReadStats *stats)
{
	ArchiveScope scope;
	Version newest;
	bool is_new;
	bool are_new;
	int32 version;

	archive_enter(&scope);
	newest = find_newest(task, stats);
	is_new = !agrees(&newest, stats, &are_new);
	version = is_new ? insert_version(task, stats) : newest.id;
	if (is_new || are_new)
		store_tables(version, stats->tables);
	store_contents(version, stats);
	archive_leave(&scope);
	if (is_new && newest.id != 0)
		tell_new_version(task, &newest, stats);
	return version;
}

/* ------------------------------------------- rows that were not read again */

/* In an archive scope: what a read would have counted. */
static void
read_version(int32 version, ReadStats *stats)
{
	Datum values[] = {Int32GetDatum(version)};
	bool is_null;

	if (SPI_execute_with_args("SELECT n_rows, row_hash FROM "
	                          "cerebro.data_version WHERE id = $1",
	                          1, (Oid[]){INT4OID}, values, NULL, false,
	                          0) != SPI_OK_SELECT ||
	    SPI_processed == 0)
		elog(ERROR, "there is no data version %d", version);
	stats->n_rows = DatumGetInt64(SPI_getbinval(
		SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null));
	stats->row_hash = (uint64) DatumGetInt64(SPI_getbinval(
		SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &is_null));
}

/* In an archive scope: the newest with those rows and states of tables. */
static int32
find_agreeing(const Task *task, const ReadStats *stats, bool *are_new)
{
	Datum values[] = {Int32GetDatum(task->id), Int64GetDatum(stats->n_rows),
	                  Int64GetDatum((int64) stats->row_hash),
	                  Int32GetDatum(task->n_classes)};
	uint64 n;
	SPITupleTable *table;

	SPI_execute_with_args("SELECT id FROM cerebro.data_version WHERE task = $1"
	                      " AND n_rows = $2 AND row_hash = $3 AND " HAS_CLASSES
	                      " ORDER BY id DESC",
	                      4, (Oid[]){INT4OID, INT8OID, INT8OID, INT4OID},
	                      values, NULL, false, 0);
	n = SPI_processed;
	table = SPI_tuptable;
	for (uint64 i = 0; i < n; i++)
	{
		bool is_null;
		Version version = {DatumGetInt32(SPI_getbinval(
							   table->vals[i], table->tupdesc, 1, &is_null)),
		                   true};

		if (agrees(&version, stats, are_new))
			return version.id;
	}
	return 0;
}

static int32
copy_version(int32 version)
{
	Datum values[] = {Int32GetDatum(version)};
	bool is_null;

	if (SPI_execute_with_args(
			"INSERT INTO cerebro.data_version"
			" (task, n_rows, class_rows, row_hash, valid_labels)"
			" SELECT task, n_rows, class_rows, row_hash, valid_labels"
			" FROM cerebro.data_version WHERE id = $1 RETURNING id",
			1, (Oid[]){INT4OID}, values, NULL, false,
			0) != SPI_OK_INSERT_RETURNING ||
	    SPI_processed == 0)
		elog(ERROR, "could not store the data version");
	return DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0],
	                                   SPI_tuptable->tupdesc, 1, &is_null));
}

int32
task_find_kept_version(const Task *task, int32 rows, ReadStats *stats)
{
	ArchiveScope scope;
	bool are_new;
	int32 version;

	archive_enter(&scope);
	read_version(rows, stats);
	version = find_agreeing(task, stats, &are_new);
	archive_leave(&scope);
	return version;
}

int32
task_get_kept_version(const Task *task, int32 rows, ReadStats *stats)
{
	Version before = {rows, true};
	ArchiveScope scope;
	bool are_new;
	int32 version;

	archive_enter(&scope);
	read_version(rows, stats);
	version = find_agreeing(task, stats, &are_new);
	if (version == 0)
	{
		version = copy_version(rows);
		are_new = true;
		tell_new_version(task, &before, stats);
	}
	if (are_new)
		store_tables(version, stats->tables);
	store_contents(version, stats);
	archive_leave(&scope);
	return version;
}

Datum
cerebro_refresh(PG_FUNCTION_ARGS)
{
	Task *task = task_find(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	ReadPlan plan = {.is_own = true};
	ReadStats stats;

	PreventCommandIfReadOnly("cerebro.refresh()");
	task_read(task, &plan, NULL, &stats);
	PG_RETURN_INT32(task_get_data_version(task, &stats));
}
