/*
 * extract_table.c
 *	  Extracts as rows of cerebro.extract and cerebro.extract_chunk.
 *
 * Only functions of the extension see them: what a column holds is for those
 * who may read the tables that it comes from.
 */
#include "extract.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/float.h"

#include "job_sql.h"

/* Not one of those that SQL's own functions take. */
#define LOCK_CLASS 7

static Datum
make_bytes(const void *data, Size size)
{
	SqlArgs args = {0};

	sql_add_bytes(&args, data, size);
	return args.values[0];
}

/* ----------------------------------------------------------------- reading */

static void
get_id(ArchiveScan *scan, const char *column, cer_id *id)
{
	bytea *bytes = DatumGetByteaPP(archive_scan_get(scan, column, NULL));

	if (VARSIZE_ANY_EXHDR(bytes) != CER_ID_SIZE)
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
		                errmsg("an id of cerebro.extract has %d bytes",
		                       (int) VARSIZE_ANY_EXHDR(bytes))));
	memcpy(id->bytes, VARDATA_ANY(bytes), CER_ID_SIZE);
}

static void
get_dimension(ArchiveScan *scan, ExtractEntry *entry)
{
	bool is_null;

	entry->n_dimension =
		DatumGetInt64(archive_scan_get(scan, "n_dimension", NULL));
	(void) archive_scan_get(scan, "dimension", &is_null);
	entry->has_dimension = !is_null;
	if (entry->has_dimension)
		get_id(scan, "dimension", &entry->dimension);
}

static void
get_content(ArchiveScan *scan, cer_content_hash *content)
{
	bytea *bytes = DatumGetByteaPP(archive_scan_get(scan, "content", NULL));

	if (VARSIZE_ANY_EXHDR(bytes) != sizeof(*content))
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
		                errmsg("a content of cerebro.extract has %d bytes",
		                       (int) VARSIZE_ANY_EXHDR(bytes))));
	memcpy(content, VARDATA_ANY(bytes), sizeof(*content));
}

bool
extract_find(const cer_id *id, ExtractEntry *entry)
{
	ArchiveScan *scan =
		archive_scan_by_bytes("extract", make_bytes(id->bytes, CER_ID_SIZE));
	bool is_found = archive_scan_next(scan);

	if (is_found)
	{
		*entry = (ExtractEntry){
			.id = *id,
			.data_version =
				DatumGetInt32(archive_scan_get(scan, "data_version", NULL)),
			.n_rows = DatumGetInt64(archive_scan_get(scan, "n_rows", NULL)),
			.n_train = DatumGetInt64(archive_scan_get(scan, "n_train", NULL)),
			.storage = DatumGetInt32(archive_scan_get(scan, "storage", NULL)),
			.width = DatumGetInt32(archive_scan_get(scan, "width", NULL)),
			.n_table = DatumGetInt64(archive_scan_get(scan, "n_values", NULL)),
			.bytes = DatumGetInt64(archive_scan_get(scan, "bytes", NULL)),
			.seconds = DatumGetFloat8(archive_scan_get(scan, "seconds", NULL)),
		};
		get_id(scan, "rows", &entry->rows);
		get_dimension(scan, entry);
		get_content(scan, &entry->content);
	}
	archive_scan_end(scan);
	return is_found;
}

bool
extract_is_of_dimension(const ExtractEntry *entry)
{
	return entry->has_dimension &&
	       memcmp(&entry->dimension, &entry->id, sizeof(cer_id)) != 0;
}

int64
extract_count_stored(const ExtractEntry *entry)
{
	return extract_is_of_dimension(entry) ? entry->n_dimension : entry->n_rows;
}

/* ----------------------------------------------------------------- writing */

static void
write_chunk(const cer_id *id, int32 number, const void *data, Size size)
{
	SqlArgs args = {0};

	CHECK_FOR_INTERRUPTS();
	sql_add_bytes(&args, id->bytes, CER_ID_SIZE);
	sql_add_int4(&args, number);
	sql_add_bytes(&args, data, size);
	sql_run("INSERT INTO cerebro.extract_chunk (extract, ordinal, bytes)"
	        " VALUES ($1, $2, $3)",
	        &args);
	pfree(DatumGetPointer(args.values[2]));
}

static void
write_rows(const ExtractEntry *entry, int32 first, const void *rows, Size width)
{
	int64 n_rows = extract_count_stored(entry);
	int32 number = first;

	for (int64 done = 0; done < n_rows; done += EXTRACT_CHUNK_ROWS)
	{
		int64 n = Min(n_rows - done, EXTRACT_CHUNK_ROWS);

		write_chunk(&entry->id, number++, (const char *) rows + done * width,
		            n * width);
	}
}

/* False: it is there. */
static bool
write_entry(const ExtractEntry *entry)
{
	SqlArgs args = {0};

	sql_add_bytes(&args, entry->id.bytes, CER_ID_SIZE);
	sql_add_bytes(&args, entry->rows.bytes, CER_ID_SIZE);
	sql_add_bytes(&args, entry->query.bytes, CER_ID_SIZE);
	sql_add_int4(&args, entry->data_version);
	sql_add_text(&args, entry->name);
	sql_add_int8(&args, entry->n_rows);
	sql_add_int8(&args, entry->n_train);
	sql_add_int4(&args, entry->storage);
	sql_add_int4(&args, (int32) entry->width);
	sql_add_int8(&args, entry->n_table);
	sql_add_bytes(&args, &entry->content, sizeof(entry->content));
	sql_add_int8(&args, entry->bytes);
	sql_add_double(&args, entry->seconds);
	if (entry->has_dimension)
		sql_add_bytes(&args, entry->dimension.bytes, CER_ID_SIZE);
	else
		sql_add(&args, BYTEAOID, (Datum) 0, true);
	sql_add_int8(&args, entry->n_dimension);
	return sql_run(
			   "INSERT INTO cerebro.extract (id, rows, query, data_version,"
			   " column_name, n_rows, n_train, storage, width, n_values, content,"
			   " bytes, seconds, dimension, n_dimension, owner)"
			   " SELECT $1, $2, $3, v.id, $5, $6, $7, $8,"
			   " $9, $10, $11, $12, $13, $14, $15, t.owner FROM cerebro.data_version v"
			   " JOIN cerebro.task t ON t.id OPERATOR(pg_catalog.=) v.task"
			   " WHERE v.id OPERATOR(pg_catalog.=) $4"
			   " ON CONFLICT DO NOTHING",
			   &args) > 0;
}

void
extract_write(const ExtractEntry *entry, const ExtractBytes *bytes)
{
	if (!write_entry(entry))
		return;
	if (bytes->table_size > 0)
		write_chunk(&entry->id, EXTRACT_TABLE, bytes->table, bytes->table_size);
	write_rows(entry, 0, bytes->rows, entry->width);
	if (bytes->labels != NULL)
		write_rows(entry, EXTRACT_LABELS, bytes->labels, sizeof(uint16));
}

/* ---------------------------------------------------------------- room */

/* Columns that come, and what they may take the place of. */
typedef struct Room
{
	int64 needed;  /* bytes */
	double worth;  /* what saves less by byte may go */
	Datum parents; /* bytea[]: rows and codes that they need, wherever */
} Room;

static int64
get_total(void)
{
	SqlArgs args = {0};
	bool is_null;

	sql_run("SELECT COALESCE(pg_catalog.sum(bytes), 0)::pg_catalog.int8"
	        " FROM cerebro.extract",
	        &args);
	return DatumGetInt64(sql_get(1, &is_null));
}

static Datum
list_parents(const ExtractEntry *entries, int n)
{
	Datum *ids = palloc(sizeof(Datum) * (2 * n + 1));
	int n_ids = 0;

	for (int i = 0; i < n; i++)
	{
		ids[n_ids++] = make_bytes(entries[i].rows.bytes, CER_ID_SIZE);
		if (entries[i].has_dimension)
			ids[n_ids++] = make_bytes(entries[i].dimension.bytes, CER_ID_SIZE);
	}
	return PointerGetDatum(
		construct_array(ids, n_ids, BYTEAOID, -1, false, TYPALIGN_INT));
}

static Room
plan_room(const ExtractEntry *entries, int n, bool is_forced)
{
	Room room = {.parents = list_parents(entries, n)};
	double seconds = 0;

	for (int i = 0; i < n; i++)
	{
		room.needed += entries[i].bytes;
		seconds += entries[i].seconds;
	}
	room.worth = is_forced ? get_float8_infinity()
	                       : seconds / (double) Max(1, room.needed);
	return room;
}

/* Bytes of what may go: columns that are worth less, and rows and codes that
 * nothing else needs. */
static int64
count_cheaper(const Room *room)
{
	SqlArgs args = {0};
	bool is_null;

	sql_add_double(&args, room->worth);
	sql_add(&args, BYTEAARRAYOID, room->parents, false);
	sql_run("SELECT COALESCE(pg_catalog.sum(e.bytes), 0)::pg_catalog.int8"
	        " FROM cerebro.extract e"
	        " WHERE e.id OPERATOR(pg_catalog.<>) ALL ($2) AND NOT EXISTS"
	        " (SELECT FROM cerebro.extract c"
	        " WHERE c.id OPERATOR(pg_catalog.<>) c.rows"
	        " AND (c.dimension IS NULL"
	        " OR c.dimension OPERATOR(pg_catalog.<>) c.id)"
	        " AND NOT cerebro.extract_worth(c) OPERATOR(pg_catalog.<) $1"
	        " AND e.id OPERATOR(pg_catalog.=) ANY (ARRAY[c.id, c.rows,"
	        " c.dimension]))",
	        &args);
	return DatumGetInt64(sql_get(1, &is_null));
}

/*
 * The cheapest go first: seconds that the column saves, as often as it was
 * used and once more, for each byte of it.  Rows go with their last column, and
 * so do codes of a dimension.
 * What others use or drop at this moment is not waited for.
 */
static int64
drop_cheapest(const Room *room)
{
	SqlArgs args = {0};
	bool is_null;

	sql_add_double(&args, room->worth);
	if (sql_run("DELETE FROM cerebro.extract WHERE id OPERATOR(pg_catalog.=)"
	            " (SELECT e.id FROM cerebro.extract e"
	            " WHERE e.id OPERATOR(pg_catalog.<>) e.rows"
	            " AND (e.dimension IS NULL"
	            " OR e.dimension OPERATOR(pg_catalog.<>) e.id)"
	            " AND cerebro.extract_worth(e) OPERATOR(pg_catalog.<) $1"
	            " ORDER BY cerebro.extract_worth(e), e.used_at LIMIT 1"
	            " FOR UPDATE SKIP LOCKED) RETURNING bytes",
	            &args) == 0)
		return 0;
	return DatumGetInt64(sql_get(1, &is_null));
}

static int64
drop_lonely_rows(const Room *room)
{
	SqlArgs args = {0};
	bool is_null;
	int64 bytes = 0;
	uint64 n;

	sql_add(&args, BYTEAARRAYOID, room->parents, false);
	n = sql_run(
		"DELETE FROM cerebro.extract WHERE id OPERATOR(pg_catalog.=) ANY"
		" (ARRAY(SELECT r.id FROM cerebro.extract r"
		" WHERE r.id OPERATOR(pg_catalog.<>) ALL ($1)"
		" AND (r.id OPERATOR(pg_catalog.=) r.rows AND NOT EXISTS"
		" (SELECT FROM cerebro.extract c WHERE c.rows OPERATOR(pg_catalog.=)"
		" r.id AND c.id OPERATOR(pg_catalog.<>) r.id)"
		" OR r.id OPERATOR(pg_catalog.=) r.dimension AND NOT EXISTS"
		" (SELECT FROM cerebro.extract c WHERE c.dimension"
		" OPERATOR(pg_catalog.=) r.id AND c.id OPERATOR(pg_catalog.<>) r.id))"
		" FOR UPDATE SKIP LOCKED)) RETURNING bytes",
		&args);
	for (uint64 i = 0; i < n; i++)
		bytes += DatumGetInt64(SPI_getbinval(
			SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &is_null));
	return bytes;
}

bool
extract_make_room(const ExtractEntry *entries, int n, Size limit,
                  bool is_forced)
{
	Room room = plan_room(entries, n, is_forced);
	int64 total = get_total();

	if (total + room.needed > (int64) limit &&
	    total + room.needed - count_cheaper(&room) > (int64) limit)
		return false;
	while (total + room.needed > (int64) limit)
	{
		int64 dropped = drop_cheapest(&room);

		if (dropped == 0)
			dropped = drop_lonely_rows(&room);
		if (dropped == 0)
			return false;
		total -= dropped;
	}
	return true;
}

/* One who uses it at the same time counts for both. */
void
extract_note_use(const cer_id *id)
{
	SqlArgs args = {0};

	sql_add_bytes(&args, id->bytes, CER_ID_SIZE);
	sql_run("UPDATE cerebro.extract SET n_used = n_used OPERATOR(pg_catalog.+)"
	        " 1, used_at = pg_catalog.clock_timestamp()"
	        " WHERE id OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT e.id"
	        " FROM cerebro.extract e WHERE e.id OPERATOR(pg_catalog.=) $1"
	        " FOR NO KEY UPDATE SKIP LOCKED))",
	        &args);
}

void
extract_drop_old(int32 task, const cer_id *query, const cer_id *rows)
{
	SqlArgs args = {0};

	sql_add_int4(&args, task);
	sql_add_bytes(&args, query->bytes, CER_ID_SIZE);
	sql_add_bytes(&args, rows->bytes, CER_ID_SIZE);
	sql_run("DELETE FROM cerebro.extract WHERE id OPERATOR(pg_catalog.=) ANY"
	        " (ARRAY(SELECT e.id FROM cerebro.extract e"
	        " JOIN cerebro.data_version v"
	        " ON v.id OPERATOR(pg_catalog.=) e.data_version"
	        " WHERE v.task OPERATOR(pg_catalog.=) $1"
	        " AND e.query OPERATOR(pg_catalog.=) $2"
	        " AND e.rows OPERATOR(pg_catalog.<>) $3"
	        " FOR UPDATE OF e SKIP LOCKED))",
	        &args);
}

bool
extract_lock(const cer_id *id)
{
	LOCKTAG tag;
	uint32 words[2];

	memcpy(words, id->bytes, sizeof(words));
	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, words[0], words[1], LOCK_CLASS);
	return LockAcquire(&tag, ExclusiveLock, false, true) !=
	       LOCKACQUIRE_NOT_AVAIL;
}
