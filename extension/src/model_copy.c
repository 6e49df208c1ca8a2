/*
 * model_copy.c
 *	  Copies of models' weights in fewer bytes: making, measuring, reading.
 *
 *	 cerebro.model_copy	 model 17, int8: what it loses
 *	 cerebro.copy_part	 its matrices, by the ordinal of cerebro.model_part
 *
 * A copy is a function of the model and the layout alone, so that deployments
 * of one model share it.  It is stored and read in its few bytes; in memory it
 * is floats again, with which rows are scored as with the weights themselves.
 */
#include "model_copy.h"

#include "access/xact.h"
#include "utils/builtins.h"

#include "content.h"
#include "deployment.h"
#include "fe.h"
#include "job_sql.h"

cer_weight_layout
copy_find_layout(const char *name)
{
	cer_weight_layout layout;

	if (cer_weight_layout_find(host_text(name), &layout))
		return layout;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	                errmsg("there is no layout \"%s\" of weights", name),
	                errhint("Layouts are fp32, bf16 and int8.")));
}

/* ---------------------------------------------------------------- reading */

static bool
is_of_layout(ArchiveScan *scan, cer_weight_layout layout)
{
	char *name = TextDatumGetCString(archive_scan_get(scan, "layout", NULL));

	return strcmp(name, cer_weight_layout_name(layout)) == 0;
}

static bool
has_copy(int32 model, cer_weight_layout layout)
{
	ArchiveScan *scan = archive_scan_by_id("model_copy", model);
	bool found = false;

	while (!found && archive_scan_next(scan))
		found = is_of_layout(scan, layout);
	archive_scan_end(scan);
	return found;
}

static size_t
count_weights(const cer_part *part)
{
	size_t n = 1;

	for (uint32 i = 0; i < part->n_dims; i++)
		if (part->dims[i] == 0 || n > MaxAllocHugeSize / 4 / part->dims[i])
			return 0; /* of no tensor: its bytes are too few */
		else
			n *= part->dims[i];
	return n;
}

/* Rows of copy_part, beside those of model_part: both rise by ordinal. */
typedef struct CopyReader
{
	ArchiveScan *scan;
	cer_weight_layout layout;
	bool has_row;
} CopyReader;

static void
read_next(CopyReader *reader)
{
	do
		reader->has_row = archive_scan_next(reader->scan);
	while (reader->has_row && !is_of_layout(reader->scan, reader->layout));
}

static void
widen(cer_weight_layout layout, Datum bytes, cer_part *part)
{
	bytea *copy = DatumGetByteaPP(bytes);
	cer_text text = {VARDATA_ANY(copy), VARSIZE_ANY_EXHDR(copy)};
	size_t n = count_weights(part);
	float *weights =
		MemoryContextAllocHuge(CurrentMemoryContext, n * sizeof(float) + 1);
	cer_error err = {0};

	host_check(cer_copy_read(layout, text, n, weights, &err), &err);
	part->data = weights;
	part->size = n * sizeof(float);
	if ((void *) copy != DatumGetPointer(bytes))
		pfree(copy);
}

static bool
take_copy(void *self, int32 ordinal, cer_part *part)
{
	CopyReader *reader = self;

	if (!reader->has_row || DatumGetInt32(archive_scan_get(
								reader->scan, "ordinal", NULL)) != ordinal)
		return false;
	widen(reader->layout, archive_scan_get(reader->scan, "bytes", NULL), part);
	read_next(reader);
	return true;
}

List *
copy_read_parts(int32 model, unsigned kinds, cer_weight_layout layout)
{
	CopyReader reader = {.layout = layout};
	List *parts;

	if (layout == CER_LAYOUT_FP32)
		return model_read_parts(model, kinds);
	if (!has_copy(model, layout))
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
		                errmsg("model %d has no copy as %s", model,
		                       cer_weight_layout_name(layout)),
		                errhint("Deploy it again.")));
	reader.scan = archive_scan_by_id("copy_part", model);
	read_next(&reader);
	parts = content_read_parts_by(archive_scan_by_id("model_part", model),
	                              kinds, take_copy, &reader);
	archive_scan_end(reader.scan);
	return parts;
}

/* ----------------------------------------------------------------- making */

typedef struct CopyMaker
{
	const Model *model;
	int n_parts;
	int32 *ordinals;
	cer_part *parts; /* matrices as the copy has them */
	bytea **bytes;   /* by part; NULL: it is as it was */
	int64 n_bytes;
	int64 n_full;
} CopyMaker;

static bool
note_ordinal(void *self, int32 ordinal, cer_part *part)
{
	List **ordinals = self;

	*ordinals = lappend_int(*ordinals, ordinal);
	return false;
}

static void
make_part(CopyMaker *maker, int i)
{
	cer_part *part = &maker->parts[i];
	cer_weight_layout layout = maker->model->layout;
	size_t n = part->size / sizeof(float);
	Size size = cer_copy_get_size(layout, n);

	if (part->kind == CER_PART_TENSOR)
		maker->n_full += part->size;
	if (!cer_part_has_copy(part))
	{
		maker->n_bytes += part->kind == CER_PART_TENSOR ? part->size : 0;
		return;
	}
	if (size > MaxAllocSize - VARHDRSZ)
		ereport(ERROR,
		        (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
		         errmsg("tensor \"%.*s\" is too large for a copy",
		                (int) part->name.size, part->name.data),
		         errhint("Deploy the model with its weights as they are.")));
	maker->n_bytes += size;
	maker->bytes[i] = palloc(size + VARHDRSZ);
	SET_VARSIZE(maker->bytes[i], size + VARHDRSZ);
	cer_copy_make(layout, part->data, n, VARDATA(maker->bytes[i]));
	widen(layout, PointerGetDatum(maker->bytes[i]), part);
}

static void
read_model(CopyMaker *maker)
{
	List *ordinals = NIL;
	List *parts = content_read_parts_by(
		archive_scan_by_id("model_part", maker->model->id),
		~(1U << CER_PART_VALID_SCORES), note_ordinal, &ordinals);

	maker->n_parts = list_length(parts);
	maker->ordinals = palloc(Max(maker->n_parts, 1) * sizeof(int32));
	maker->parts = palloc(Max(maker->n_parts, 1) * sizeof(cer_part));
	maker->bytes = palloc0(Max(maker->n_parts, 1) * sizeof(bytea *));
	for (int i = 0; i < maker->n_parts; i++)
	{
		maker->ordinals[i] = list_nth_int(ordinals, i);
		maker->parts[i] = *(cer_part *) list_nth(parts, i);
		make_part(maker, i);
	}
}

static void
write_copy(const CopyMaker *maker, const CopyLoss *loss)
{
	const char *layout = cer_weight_layout_name(maker->model->layout);
	bool is_known = loss->n_rows > 0;
	ArchiveScope scope;
	SqlArgs args = {0};

	archive_enter(&scope);
	sql_add_int4(&args, maker->model->id);
	sql_add_text(&args, layout);
	sql_add_int8(&args, loss->n_rows);
	sql_add(&args, FLOAT8OID, Float8GetDatum(loss->full_loss), !is_known);
	sql_add(&args, FLOAT8OID, Float8GetDatum(loss->loss), !is_known);
	sql_add(&args, FLOAT8OID, Float8GetDatum(loss->differ), !is_known);
	sql_add_int8(&args, maker->n_bytes);
	sql_add_int8(&args, maker->n_full);
	sql_run("INSERT INTO cerebro.model_copy (model, layout, n_rows, full_loss, "
	        "loss, differ, bytes, full_bytes) "
	        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
	        &args);
	for (int i = 0; i < maker->n_parts; i++)
	{
		SqlArgs part = {0};

		if (maker->bytes[i] == NULL)
			continue;
		sql_add_int4(&part, maker->model->id);
		sql_add_text(&part, layout);
		sql_add_int4(&part, maker->ordinals[i]);
		sql_add(&part, BYTEAOID, PointerGetDatum(maker->bytes[i]), false);
		sql_run("INSERT INTO cerebro.copy_part (model, layout, ordinal, bytes) "
		        "VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
		        &part);
	}
	archive_leave(&scope);
}

void
copy_make(const Model *model, Task *task)
{
	MemoryContext work;
	MemoryContext caller;
	CopyMaker maker = {.model = model};
	cer_model_copy parts;
	const cer_model *copy;
	cer_table_link *links;
	int n_links;
	cer_error err = {0};
	CopyLoss loss;

	if (model->layout == CER_LAYOUT_FP32 || has_copy(model->id, model->layout))
		return;
	work = AllocSetContextCreate(CurrentMemoryContext, "cerebro copy",
	                             ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(work);
	read_model(&maker);
	links = fe_list_links(model->query, &n_links);
	parts = (cer_model_copy){.layout = model->layout,
	                         .parts = maker.parts,
	                         .n_parts = maker.n_parts,
	                         .n_links = n_links,
	                         .links = links};
	host_check(cer_model_make_copy(host_make_arena(work), &parts, &copy, &err),
	           &err);
	evaluate_copy(fe_open(task, model), model, copy, &loss);
	write_copy(&maker, &loss);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
	CommandCounterIncrement();
}

void
copy_drop_unused(void)
{
	(void) deploy_write("DELETE FROM cerebro.model_copy c WHERE NOT EXISTS "
	                    "(SELECT FROM cerebro.deployment d "
	                    "WHERE d.model OPERATOR(pg_catalog.=) c.model "
	                    "AND d.layout OPERATOR(pg_catalog.=) c.layout)",
	                    0, NULL, NULL, NULL);
}
