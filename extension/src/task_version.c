/*
 * task_version.c
 *	  Data versions: the rows of a task as they were at one time.
 */
#include "cerebro_pg.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"

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

/* The newest version, if it has these rows; else -1 and whether any is there. */
static int32
find_newest(const Task *task, const ReadStats *stats, bool *is_first)
{
	Datum values[] = {Int32GetDatum(task->id), Int64GetDatum(stats->n_rows),
	                  Int64GetDatum((int64) stats->row_hash)};
	bool is_null;
	Datum row;

	SPI_execute_with_args(
		"SELECT id, n_rows = $2 AND row_hash = $3 FROM cerebro.data_version "
		"WHERE task = $1 ORDER BY id DESC LIMIT 1",
		3, (Oid[]){INT4OID, INT8OID, INT8OID}, values, NULL, false, 1);
	*is_first = SPI_processed == 0;
	if (*is_first)
		return -1;
	row = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2,
	                    &is_null);
	if (!DatumGetBool(row))
		return -1;
	return DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0],
	                                   SPI_tuptable->tupdesc, 1, &is_null));
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
task_get_data_version(const Task *task, const ReadStats *stats)
{
	ArchiveScope scope;
	bool is_first;
	bool is_new;
	int32 version;

	archive_enter(&scope);
	version = find_newest(task, stats, &is_first);
	is_new = version < 0;
	if (is_new)
		version = insert_version(task, stats);
	archive_leave(&scope);
	if (is_new && !is_first)
		ereport(
			NOTICE,
			(errmsg("the rows of task \"%s\" have changed: they are a new data "
		            "version",
		            task->name),
		     errdetail("It has " INT64_FORMAT " labelled rows. Metrics of "
		               "models of other versions do not compare.",
		               stats->n_rows)));
	return version;
}
