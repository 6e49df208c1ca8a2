/*
 * encoded.c
 *	  Rows from test rows to encoded ones.
 */
#include "encoded.h"

#include <string.h>

static cer_status
encode(encoded_rows *f, const test_rows *rows, const cer_host *host,
       const char *fe, cer_error *err)
{
	cer_column columns[ROWS_N_INPUTS];
	const cer_mst *mst;
	const cer_plan *plan;
	cer_status status;

	rows_get_columns(rows, columns);
	status = cer_mst_parse(f->arena, (cer_text){fe, strlen(fe)}, &mst, err);
	if (status == CER_OK)
		status =
			cer_plan_make(f->arena, mst, columns, rows->n_inputs, &plan, err);
	if (status == CER_OK)
		status = cer_encoders_fit(f->arena, host, plan, f->dataset,
		                          &f->encoders, err);
	if (status == CER_OK)
		status = cer_encoders_apply(f->arena, host, f->encoders, f->dataset,
		                            CER_VALID, false, &f->valid, err);
	if (status == CER_OK)
		status = cer_encoders_apply(f->arena, host, f->encoders, f->dataset,
		                            CER_TRAIN, true, &f->train, err);
	return status;
}

cer_status
encoded_init(encoded_rows *f, const test_rows *rows, const cer_host *host,
             const arrival *how, const char *fe, cer_error *err)
{
	cer_status status = CER_NO_MEMORY;

	memset(f, 0, sizeof(*f));
	f->arena = cer_arena_new(host);
	if (f->arena != NULL)
		status = rows_load(rows, host, how, &f->dataset, err);
	if (status == CER_OK)
		status = encode(f, rows, host, fe, err);
	return status;
}

void
encoded_release(encoded_rows *f)
{
	cer_dataset_free(f->dataset);
	cer_arena_free(f->arena);
}
