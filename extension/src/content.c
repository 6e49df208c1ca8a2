/*
 * content.c
 *	  Bytes of the archive under their SHA-256, and parts made of them.
 *
 * Bytes are kept in chunks of at most 1 MiB: what two models or states share is
 * there once.  Those of models stand as they are, so that they are read quickly;
 * floats of states are packed, alone or as a change against other bytes, which
 * then stay as long.  The id is always that of the bytes unpacked.
 */
#include "cerebro_pg.h"

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/snapmgr.h"

#include "content.h"
#include "job_sql.h"
#include "packing.h"

PG_FUNCTION_INFO_V1(cerebro_tensor);

StaticAssertDecl(PG_SHA256_DIGEST_LENGTH == CER_ID_SIZE, "ids are SHA-256");

static const char *const kind_names[CER_N_PART_KINDS] = {
	[CER_PART_HEADER] = "header",   [CER_PART_ENCODER] = "encoder",
	[CER_PART_TENSOR] = "tensor",   [CER_PART_VALID_SCORES] = "valid_scores",
	[CER_PART_STATE] = "state",     [CER_PART_MOMENT1] = "moment1",
	[CER_PART_MOMENT2] = "moment2", [CER_PART_BEST] = "best",
	[CER_PART_AVERAGE] = "average", [CER_PART_MEANS] = "means",
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

static const char *const packing_names[] = {[PACKING_WHOLE] = "whole",
                                            [PACKING_PLANES] = "planes",
                                            [PACKING_CHANGE] = "change"};

/* Bytes in the way in which they are kept. */
typedef struct Stored
{
	ContentPacking packing;
	Datum base; /* of a change */
	const char *data;
	Size size;
} Stored;

/* ---------------------------------------------------------------- reading */

static ContentPacking
find_packing(const char *name)
{
	for (int i = 0; i < lengthof(packing_names); i++)
		if (strcmp(packing_names[i], name) == 0)
			return (ContentPacking) i;
	ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
	                errmsg("bytes of the archive are packed as \"%s\"", name)));
}

bool
content_is_whole(Datum packing)
{
	return find_packing(TextDatumGetCString(packing)) == PACKING_WHOLE;
}

static void
read_packing(ArchiveScan *scan, Stored *stored)
{
	bool is_null;
	Datum base;

	stored->packing = find_packing(
		TextDatumGetCString(archive_scan_get(scan, "packing", NULL)));
	base = archive_scan_get(scan, "base", &is_null);
	if (stored->packing == PACKING_CHANGE)
		stored->base =
			is_null ? (Datum) 0 : PointerGetDatum(DatumGetByteaPCopy(base));
}

/* Chunks as they lie in rows: mostly pointers to where their bytes are. */
static Size
measure_chunks(const List *chunks)
{
	Size size = 0;
	ListCell *cell;

	foreach (cell, chunks)
		size += toast_raw_datum_size(PointerGetDatum(lfirst(cell))) - VARHDRSZ;
	return size;
}

/* From the place of the data on; each chunk is copied from its pages once, and
 * once more to where all of them lie in order. */
static void
join_chunks(Stored *stored, const List *chunks, Size head)
{
	ListCell *cell;
	char *at;

	stored->size = measure_chunks(chunks);
	if (head == 0 && list_length(chunks) == 1)
	{
		stored->data =
			VARDATA(DatumGetByteaP(PointerGetDatum(linitial(chunks))));
		return;
	}
	at = MemoryContextAllocHuge(CurrentMemoryContext, head + stored->size + 1);
	at += head;
	stored->data = at;
	foreach (cell, chunks)
	{
		bytea *chunk = DatumGetByteaPP(PointerGetDatum(lfirst(cell)));

		memcpy(at, VARDATA_ANY(chunk), VARSIZE_ANY_EXHDR(chunk));
		at += VARSIZE_ANY_EXHDR(chunk);
		if (chunk != lfirst(cell))
			pfree(chunk);
		CHECK_FOR_INTERRUPTS();
	}
}

/* Bytes as they are kept, chunks joined, behind head free ones; false: there
 * are none. */
static bool
read_stored(Datum id, Size head, Stored *stored)
{
	ArchiveScan *scan = archive_scan_by_bytes("content", id);
	List *chunks = NIL;

	*stored = (Stored){0};
	while (archive_scan_next(scan))
	{
		if (chunks == NIL)
			read_packing(scan, stored);
		chunks = lappend(
			chunks, DatumGetPointer(datumCopy(
						archive_scan_get(scan, "bytes", NULL), false, -1)));
	}
	if (chunks != NIL)
		join_chunks(stored, chunks, head);
	archive_scan_end(scan);
	return chunks != NIL;
}

/* A change is against bytes that may be a change themselves. */
static char *
unpack(const Stored *stored, Size *size)
{
	Packed packed = {unconstify(char *, stored->data), stored->size};
	Packed floats;
	char *base = NULL;
	Size base_size = 0;

	check_stack_depth();
	if (stored->packing == PACKING_CHANGE)
	{
		base = stored->base == (Datum) 0
		           ? NULL
		           : content_read(stored->base, &base_size);
		if (base == NULL)
			ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
			                errmsg("bytes of the archive that others are a "
			                       "change of are missing")));
	}
	floats = packing_unpack(&packed, base, base_size);
	*size = floats.size;
	return floats.data;
}

char *
content_read(Datum id, Size *size)
{
	Stored stored;

	if (!read_stored(id, 0, &stored))
		return NULL;
	if (stored.packing != PACKING_WHOLE)
		return unpack(&stored, size);
	*size = stored.size;
	return unconstify(char *, stored.data);
}

static void
read_content(Datum id, cer_part *part)
{
	part->data = content_read(id, &part->size);
	if (part->data == NULL)
		part->data = "";
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
write_chunks(Datum id, const Stored *stored)
{
	Size done = 0;
	int32 chunk = 0;

	do
	{
		Size n = Min(stored->size - done, CONTENT_CHUNK);
		SqlArgs args = {0};

		CHECK_FOR_INTERRUPTS();
		sql_add(&args, BYTEAOID, id, false);
		sql_add_int4(&args, chunk++);
		sql_add_bytes(&args, stored->data + done, n);
		sql_add_text(&args, packing_names[stored->packing]);
		sql_add(&args, BYTEAOID, stored->base,
		        stored->packing != PACKING_CHANGE);
		sql_run("INSERT INTO cerebro.content (id, chunk, bytes, packing, base)"
		        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
		        &args);
		pfree(DatumGetPointer(args.values[2]));
		done += n;
	} while (done < stored->size);
}

static Datum
make_id(const uint8 *id)
{
	SqlArgs args = {0};

	sql_add_bytes(&args, id, CER_ID_SIZE);
	return args.values[0];
}

/* Few floats are not worth it; what would not be smaller stays whole. */
#define LEAST_PACKED 64

static Stored
store_as(const char *data, Size size, ContentPacking packing)
{
	Stored whole = {PACKING_WHOLE, (Datum) 0, data, size};
	Packed packed;

	if (packing != PACKING_PLANES || size < LEAST_PACKED ||
	    size % sizeof(float) != 0)
		return whole;
	packed = packing_pack(data, size, NULL);
	if (packed.size >= size)
		return whole;
	return (Stored){PACKING_PLANES, (Datum) 0, packed.data, packed.size};
}

static void
write_content(const uint8 *id, const TrainedPart *part, ContentPacking packing)
{
	Stored stored =
		store_as(part->data, part->size,
	             part->kind == CER_PART_STATE ? PACKING_WHOLE : packing);

	write_chunks(make_id(id), &stored);
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
	                   INT4OID, Int32GetDatum(model), PACKING_WHOLE};
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
	                   BYTEAOID, args.values[0], PACKING_PLANES};
}

static void
delete_chunks(Datum id)
{
	SqlArgs args = {0};

	sql_add(&args, BYTEAOID, id, false);
	sql_run("DELETE FROM cerebro.content WHERE id OPERATOR(pg_catalog.=) $1",
	        &args);
}

/* Whoever packs or drops it at this moment is waited for. */
static void
lock_chunks(Datum id)
{
	SqlArgs args = {0};

	sql_add(&args, BYTEAOID, id, false);
	sql_run("SELECT FROM cerebro.content"
	        " WHERE id OPERATOR(pg_catalog.=) $1 FOR UPDATE",
	        &args);
}

/* Whether the bytes of one content are needed to read another's. */
static bool
is_base_of(Datum id, Datum other)
{
	bytea *wanted = DatumGetByteaPP(id);
	bool is_null = false;

	while (!is_null)
	{
		bytea *here = DatumGetByteaPP(other);
		SqlArgs args = {0};

		if (VARSIZE_ANY_EXHDR(here) == VARSIZE_ANY_EXHDR(wanted) &&
		    memcmp(VARDATA_ANY(here), VARDATA_ANY(wanted),
		           VARSIZE_ANY_EXHDR(wanted)) == 0)
			return true;
		sql_add(&args, BYTEAOID, other, false);
		if (sql_run("SELECT base FROM cerebro.content"
		            " WHERE id OPERATOR(pg_catalog.=) $1 LIMIT 1",
		            &args) == 0)
			return false;
		other = sql_get(1, &is_null);
	}
	return false;
}

static Stored
make_change(const char *data, Size size, Datum base)
{
	Size base_size = 0;
	char *before = content_read(base, &base_size);
	Packed packed;

	if (before == NULL || base_size != size || size % sizeof(float) != 0)
		return store_as(data, size, PACKING_PLANES);
	packed = packing_pack(data, size, before);
	return (Stored){PACKING_CHANGE, base, packed.data, packed.size};
}

static Stored
make_stored(const char *data, Size size, ContentPacking packing, Datum base)
{
	if (packing == PACKING_CHANGE)
		return make_change(data, size, base);
	return store_as(data, size, packing);
}

int64
content_repack(Datum id, ContentPacking packing, Datum base)
{
	Stored stored;
	Size size;
	char *data;

	lock_chunks(id);
	if (packing == PACKING_CHANGE && is_base_of(id, base))
		packing = PACKING_PLANES;
	PushActiveSnapshot(GetTransactionSnapshot());
	data = content_read(id, &size);
	if (data != NULL)
		stored = make_stored(data, size, packing, base);
	PopActiveSnapshot();
	if (data == NULL)
		return 0;
	delete_chunks(id);
	write_chunks(id, &stored);
	return (int64) stored.size;
}

#define SAMPLE_BYTES ((Size) 256 * 1024)

int64
content_estimate(Datum id, ContentPacking packing, Datum base)
{
	Size size = 0;
	Size base_size = 0;
	char *data = content_read(id, &size);
	char *before =
		packing == PACKING_CHANGE ? content_read(base, &base_size) : NULL;
	Size n = Min(size, SAMPLE_BYTES);
	Packed packed;

	if (data == NULL || size < LEAST_PACKED || size % sizeof(float) != 0)
		return (int64) size;
	packed = packing_pack(data, n, base_size == size ? before : NULL);
	return (int64) ((double) packed.size * size / n);
}

/* A model's bytes stand as they are. */
static void
make_whole(const uint8 *id)
{
	SqlArgs args = {0};

	sql_add_bytes(&args, id, CER_ID_SIZE);
	if (sql_run("SELECT FROM cerebro.content"
	            " WHERE id OPERATOR(pg_catalog.=) $1"
	            " AND packing OPERATOR(pg_catalog.<>) 'whole' LIMIT 1",
	            &args) > 0)
		(void) content_repack(args.values[0], PACKING_WHOLE, (Datum) 0);
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
		write_content(id, part, table->packing);
	if (table->packing == PACKING_WHOLE)
		make_whole(id);
	sql_add(&args, table->owner_type, table->owner, false);
	sql_add_int4(&args, ordinal);
	sql_add_text(&args, part->name);
	sql_add_text(&args, kind_names[part->kind]);
	sql_add(&args, INT8ARRAYOID, make_dims(part), false);
	sql_add_bytes(&args, id, sizeof(id));
	sql_run(table->insert, &args);
}

/* ----------------------------------------------------------------- parts */

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

static const uint8 *
copy_id(Datum id)
{
	bytea *bytes = DatumGetByteaPCopy(id);

	if (VARSIZE_ANY_EXHDR(bytes) != CER_ID_SIZE)
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
		                errmsg("a content of the archive has no SHA-256")));
	return (const uint8 *) VARDATA_ANY(bytes);
}

List *
content_read_parts_by(ArchiveScan *scan, unsigned kinds, PartTaker take,
                      void *self)
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
		part->id = copy_id(archive_scan_get(scan, "content", NULL));
		if (take == NULL ||
		    !take(self, DatumGetInt32(archive_scan_get(scan, "ordinal", NULL)),
		          part))
			read_content(archive_scan_get(scan, "content", NULL), part);
		parts = lappend(parts, part);
	}
	archive_scan_end(scan);
	return parts;
}

List *
content_read_parts(ArchiveScan *scan, unsigned kinds)
{
	return content_read_parts_by(scan, kinds, NULL, NULL);
}

/* ----------------------------------------------------------- one part alone */

Datum
content_find_tensor(int32 model, const char *name)
{
	ArchiveScan *scan = archive_scan_by_id("model_part", model);
	Datum content = (Datum) 0;

	while (content == (Datum) 0 && archive_scan_next(scan))
	{
		Datum kind = archive_scan_get(scan, "kind", NULL);
		Datum here = archive_scan_get(scan, "name", NULL);

		if (strcmp(TextDatumGetCString(kind), kind_names[CER_PART_TENSOR]) ==
		        0 &&
		    strcmp(TextDatumGetCString(here), name) == 0)
			content = PointerGetDatum(
				DatumGetByteaPCopy(archive_scan_get(scan, "content", NULL)));
	}
	archive_scan_end(scan);
	if (content == (Datum) 0)
		ereport(ERROR,
		        (errcode(ERRCODE_UNDEFINED_OBJECT),
		         errmsg("model %d has no tensor \"%s\"", model, name),
		         errhint("The table cerebro.model_part lists its parts of kind "
		                 "'tensor'.")));
	return content;
}

static void
fail_array(void)
{
	ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
	                errmsg("the tensor does not fit an array")));
}

/* Floats behind room for an array's head. */
static char *
read_floats(Datum id, Size head, Size *size)
{
	Stored stored;
	char *data;
	char *array;

	if (!read_stored(id, head, &stored))
		fail_array();
	*size = stored.size;
	if (stored.packing == PACKING_WHOLE)
		return unconstify(char *, stored.data) - head;
	data = unpack(&stored, size);
	array = MemoryContextAllocHuge(CurrentMemoryContext, head + *size);
	memcpy(array + head, data, *size);
	return array;
}

/* Reads one layer's weights without the rest of the model. */
Datum
cerebro_tensor(PG_FUNCTION_ARGS)
{
	Size head = ARR_OVERHEAD_NONULLS(1);
	ArrayType *array;
	Model model;
	Size size;

	model_open_to(PG_GETARG_INT32(0), RIGHT_READ, &model);
	array = (ArrayType *) read_floats(
		content_find_tensor(model.id, text_to_cstring(PG_GETARG_TEXT_PP(1))),
		head, &size);
	if (size > MaxAllocSize - head)
		fail_array();
	memset(array, 0, head);
	SET_VARSIZE(array, head + size);
	array->ndim = 1;
	array->elemtype = FLOAT4OID;
	ARR_DIMS(array)[0] = (int) (size / sizeof(float4));
	ARR_LBOUND(array)[0] = 1;
	PG_RETURN_ARRAYTYPE_P(array);
}
