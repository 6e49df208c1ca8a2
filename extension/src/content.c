/*
 * content.c
 *	  Bytes of the archive under their SHA-256, and parts made of them.
 *
 * Bytes are kept in chunks of at most 1 MiB: what two models or states share is
 * there once.
 */
#include "cerebro_pg.h"

#include "catalog/pg_type.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "content.h"
#include "job_sql.h"

#define CONTENT_CHUNK ((Size) 1024 * 1024)

StaticAssertDecl(PG_SHA256_DIGEST_LENGTH == CER_ID_SIZE, "ids are SHA-256");

static const char *const kind_names[CER_N_PART_KINDS] = {
	[CER_PART_HEADER] = "header",   [CER_PART_ENCODER] = "encoder",
	[CER_PART_TENSOR] = "tensor",   [CER_PART_VALID_SCORES] = "valid_scores",
	[CER_PART_STATE] = "state",     [CER_PART_MOMENT1] = "moment1",
	[CER_PART_MOMENT2] = "moment2", [CER_PART_BEST] = "best",
};

bool
content_hash(const void *data, Size size, uint8 *digest)
{
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);
	bool is_done =
		context != NULL && pg_cryptohash_init(context) >= 0 &&
		pg_cryptohash_update(context, data, size) >= 0 &&
		pg_cryptohash_final(context, digest, PG_SHA256_DIGEST_LENGTH) >= 0;

	if (context != NULL)
		pg_cryptohash_free(context);
	return is_done;
}

/* --------------------------------------------------------------- writing */

/*
 * Whether the content is there, and locked so that no drop_model takes it
 * before this transaction's part names it: see model_drop.c.
 */
static bool
lock_content(const uint8 *id)
{
	SqlArgs args = {0};

	sql_add_bytes(&args, id, CER_ID_SIZE);
	return sql_run("SELECT FROM cerebro.content"
	               " WHERE id OPERATOR(pg_catalog.=) $1 LIMIT 1 FOR KEY SHARE",
	               &args) > 0;
}

/* Empty content is one chunk without bytes. */
static void
write_content(const uint8 *id, const char *data, Size size)
{
	Size done = 0;
	int32 chunk = 0;

	do
	{
		Size n = Min(size - done, CONTENT_CHUNK);
		SqlArgs args = {0};

		CHECK_FOR_INTERRUPTS();
		sql_add_bytes(&args, id, CER_ID_SIZE);
		sql_add_int4(&args, chunk++);
		sql_add_bytes(&args, data + done, n);
		sql_run("INSERT INTO cerebro.content (id, chunk, bytes)"
		        " VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
		        &args);
		pfree(DatumGetPointer(args.values[2]));
		done += n;
	} while (done < size);
}

static Datum
make_dims(const TrainedPart *part)
{
	Datum dims[CER_MAX_DIMS];

	for (uint32 i = 0; i < part->n_dims; i++)
		dims[i] = Int64GetDatum(part->dims[i]);
	return PointerGetDatum(construct_array(dims, part->n_dims, INT8OID,
	                                       sizeof(int64), FLOAT8PASSBYVAL,
	                                       TYPALIGN_DOUBLE));
}

PartTable
content_model_parts(int32 model)
{
	return (PartTable){"INSERT INTO cerebro.model_part"
	                   " (model, ordinal, name, kind, dims, content)"
	                   " VALUES ($1, $2, $3, $4, $5, $6)",
	                   INT4OID, Int32GetDatum(model)};
}

PartTable
content_state_parts(const cer_id *state)
{
	SqlArgs args = {0};

	sql_add_bytes(&args, state->bytes, CER_ID_SIZE);
	return (PartTable){"INSERT INTO cerebro.state_part"
	                   " (state, ordinal, name, kind, dims, content)"
	                   " VALUES ($1, $2, $3, $4, $5, $6)"
	                   " ON CONFLICT DO NOTHING",
	                   BYTEAOID, args.values[0]};
}

void
content_write_part(const PartTable *table, int32 ordinal,
                   const TrainedPart *part)
{
	uint8 id[CER_ID_SIZE];
	SqlArgs args = {0};

	if (!content_hash(part->data, part->size, id))
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
		                errmsg("could not compute a SHA-256 hash")));
	while (!lock_content(id))
		write_content(id, part->data, part->size);
	sql_add(&args, table->owner_type, table->owner, false);
	sql_add_int4(&args, ordinal);
	sql_add_text(&args, part->name);
	sql_add_text(&args, kind_names[part->kind]);
	sql_add(&args, INT8ARRAYOID, make_dims(part), false);
	sql_add_bytes(&args, id, sizeof(id));
	sql_run(table->insert, &args);
}

/* --------------------------------------------------------------- reading */

static cer_part_kind
find_kind(const char *name)
{
	for (int i = 0; i < lengthof(kind_names); i++)
		if (strcmp(kind_names[i], name) == 0)
			return (cer_part_kind) i;
	ereport(ERROR,
	        (errcode(ERRCODE_DATA_CORRUPTED),
	         errmsg("a model's part is of the unknown kind \"%s\"", name)));
}

/* The bytes of a content, its chunks joined. */
static void
read_content(Datum id, cer_part *part)
{
	ArchiveScan *scan = archive_scan_by_bytes("content", id);
	StringInfoData bytes;

	initStringInfo(&bytes);
	while (archive_scan_next(scan))
	{
		bytea *chunk = DatumGetByteaPP(archive_scan_get(scan, "bytes", NULL));

		appendBinaryStringInfo(&bytes, VARDATA_ANY(chunk),
		                       VARSIZE_ANY_EXHDR(chunk));
		CHECK_FOR_INTERRUPTS();
	}
	archive_scan_end(scan);
	part->data = bytes.data;
	part->size = bytes.len;
}

static void
read_dims(Datum array, cer_part *part)
{
	Datum *dims;
	int n_dims;

	deconstruct_array(DatumGetArrayTypeP(array), INT8OID, sizeof(int64),
	                  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &dims, NULL, &n_dims);
	if (n_dims > CER_MAX_DIMS)
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
		                errmsg("a model's part has %d dimensions", n_dims)));
	part->n_dims = n_dims;
	for (int i = 0; i < n_dims; i++)
		part->dims[i] = DatumGetInt64(dims[i]);
}

List *
content_read_parts(ArchiveScan *scan, unsigned kinds)
{
	List *parts = NIL;

	while (archive_scan_next(scan))
	{
		cer_part *part = palloc0(sizeof(cer_part));

		part->kind = find_kind(
			TextDatumGetCString(archive_scan_get(scan, "kind", NULL)));
		if ((kinds & (1U << part->kind)) == 0)
			continue;
		part->name = host_text(
			TextDatumGetCString(archive_scan_get(scan, "name", NULL)));
		read_dims(archive_scan_get(scan, "dims", NULL), part);
		read_content(archive_scan_get(scan, "content", NULL), part);
		parts = lappend(parts, part);
	}
	archive_scan_end(scan);
	return parts;
}
