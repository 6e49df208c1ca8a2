/*
 * model_rows.c
 *	  Rows of tensors that are too large for a session's memory: fetched by
 *	  their codes from the archive, before they are used.
 *
 *	 codes that a batch lacks, sorted -> chunks of the tensor's bytes
 *									  -> of each the pages that have the rows
 *
 * Models stand as they are in cerebro.content, so that a row's place is its
 * code's; that it is so is checked for each chunk.
 */
#include "model_rows.h"

#include "access/detoast.h"
#include "miscadmin.h"

#include "content.h"

typedef struct RowTensor
{
	Datum content; /* id of its bytes */
	size_t n_floats;
	float *row;
} RowTensor;

struct ModelRows
{
	const cer_model *model; /* or NULL, */
	const cer_explainer *explainer;
	int n_tensors;
	RowTensor *tensors;
};

/* A chunk of a tensor's bytes that is being read. */
typedef struct ChunkReader
{
	Datum content;
	ArchiveScan *scan; /* NULL: none yet */
	int32 chunk;
} ChunkReader;

static void
init_tensor(RowTensor *to, int32 id, const cer_left_out *tensor)
{
	to->content = content_find_tensor(id, tensor->name.data);
	to->n_floats = tensor->n_floats;
	to->row = palloc(to->n_floats * sizeof(float));
}

ModelRows *
model_rows_make(int32 id, const cer_model *model)
{
	int n = (int) cer_model_count_left_out(model);
	ModelRows *made;

	if (n == 0)
		return NULL;
	made = palloc0(sizeof(ModelRows));
	made->model = model;
	made->n_tensors = n;
	made->tensors = palloc(n * sizeof(RowTensor));
	for (int i = 0; i < n; i++)
		init_tensor(&made->tensors[i], id, cer_model_get_left_out(model, i));
	return made;
}

ModelRows *
model_rows_make_explained(int32 id, const cer_explainer *explainer)
{
	int n = (int) cer_explainer_count_left_out(explainer);
	ModelRows *made;

	if (n == 0)
		return NULL;
	made = palloc0(sizeof(ModelRows));
	made->explainer = explainer;
	made->n_tensors = n;
	made->tensors = palloc(n * sizeof(RowTensor));
	for (int i = 0; i < n; i++)
		init_tensor(&made->tensors[i], id,
		            cer_explainer_get_left_out(explainer, i));
	return made;
}

/* ---------------------------------------------------------------- reading */

static void
fail_missing(void)
{
	ereport(ERROR,
	        (errcode(ERRCODE_UNDEFINED_OBJECT),
	         errmsg("weights of the model are not in the archive any more"),
	         errhint("Was it dropped? Scoring with a tensor above "
	                 "cerebro.model_memory reads its rows as they are "
	                 "needed.")));
}

static void
end_chunk(ChunkReader *reader)
{
	if (reader->scan != NULL)
		archive_scan_end(reader->scan);
	reader->scan = NULL;
}

static Datum
get_chunk(ChunkReader *reader, int32 chunk)
{
	Datum packing;

	if (reader->scan != NULL && reader->chunk == chunk)
		return archive_scan_get(reader->scan, "bytes", NULL);
	end_chunk(reader);
	reader->scan = archive_scan_by_piece("content", reader->content, chunk);
	reader->chunk = chunk;
	if (!archive_scan_next(reader->scan))
		fail_missing();
	packing = archive_scan_get(reader->scan, "packing", NULL);
	if (!content_is_whole(packing))
		fail_missing();
	return archive_scan_get(reader->scan, "bytes", NULL);
}

/* Size bytes from offset on, of one chunk or of several. */
static void
read_bytes(ChunkReader *reader, Size offset, Size size, char *to)
{
	while (size > 0)
	{
		Size at = offset % CONTENT_CHUNK;
		Size n = Min(size, CONTENT_CHUNK - at);
		Datum chunk = get_chunk(reader, (int32) (offset / CONTENT_CHUNK));
		bytea *slice = DatumGetByteaPSlice(chunk, (int32) at, (int32) n);

		if (VARSIZE_ANY_EXHDR(slice) != n)
			fail_missing();
		memcpy(to, VARDATA_ANY(slice), n);
		pfree(slice);
		to += n;
		offset += n;
		size -= n;
	}
}

/* --------------------------------------------------------------- fetching */

static int
compare_codes(const void *a, const void *b)
{
	uint32 left = *(const uint32 *) a;
	uint32 right = *(const uint32 *) b;

	return left < right ? -1 : left > right;
}

static void
put_row(const ModelRows *to, int i, uint32 code, void *scratch)
{
	const float *row = to->tensors[i].row;
	cer_error err = {0};

	host_check(to->model != NULL
	               ? cer_model_put_row(to->model, i, code, row, scratch, &err)
	               : cer_explainer_put_row(to->explainer, i, code, row, &err),
	           &err);
}

static void
fetch_tensor(ModelRows *from, int i, size_t n, uint32 *codes, void *scratch)
{
	RowTensor *tensor = &from->tensors[i];
	ChunkReader reader = {.content = tensor->content};
	Size size = tensor->n_floats * sizeof(float);

	qsort(codes, n, sizeof(uint32), compare_codes);
	for (size_t k = 0; k < n; k++)
	{
		CHECK_FOR_INTERRUPTS();
		read_bytes(&reader, codes[k] * size, size, (char *) tensor->row);
		put_row(from, i, codes[k], scratch);
	}
	end_chunk(&reader);
}

void
model_rows_fetch(ModelRows *from, const cer_fetch *fetch, void *scratch)
{
	uint32 codes[CER_FETCH_ROWS];

	Assert(fetch->rows->n_rows <= CER_FETCH_ROWS);
	for (int i = 0; i < from->n_tensors; i++)
	{
		size_t n =
			cer_model_find_missing(from->model, i, fetch, codes, scratch);

		fetch_tensor(from, i, n, codes, scratch);
	}
}

void
model_rows_fetch_explained(ModelRows *from, const cer_score_rows *rows)
{
	cer_arena *arena = host_make_arena(CurrentMemoryContext);
	uint32 codes[CER_FETCH_ROWS];
	cer_error err = {0};

	for (int i = 0; i < from->n_tensors; i++)
	{
		size_t n;

		host_check(cer_explainer_find_missing(arena, from->explainer, i, rows,
		                                      codes, &n, &err),
		           &err);
		fetch_tensor(from, i, n, codes, NULL);
	}
	cer_arena_free(arena);
}
