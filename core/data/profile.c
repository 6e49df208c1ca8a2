/*
 * data/profile.c
 *	  What the columns of a dataset look like, and what is suspicious.
 *
 * Cardinality, missing values and dependencies are those of all rows given;
 * whatever reads a label reads the training rows' only.  association is
 * explained in profile_association.c, dependencies in profile_depend.c.  The
 * cost is linear in the rows (radix sorts), but for dependencies, which are
 * sought in a sample of at most 65,536 rows, and keeps one column's codes at a
 * time.
 */
#include "data/profile_private.h"

#include "base/error.h"
#include "base/size.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* A column alone that tells so much of the label was likely made from it: of
 * two equal classes, it would be right for 97 % of the rows. */
#define LEAK_ASSOCIATION 0.8
#define MOSTLY_MISSING   0.5

typedef struct profiler
{
	const cer_host *host;
	const cer_data_view *view;
	cer_arena *arena;   /* lives as long as the profiler */
	cer_arena *scratch; /* cleared for each column */
	cer_profile_label label;
	cer_profile_sample sample;
	cer_profile_column *columns;
	double *null_associations; /* of being missing with the label */
	cer_error *err;
} profiler;

cer_status
cer_profile_allocate(cer_arena *arena, size_t n, size_t size, void *result,
                     cer_error *err)
{
	size_t bytes = cer_size_multiply(n, size);
	void *block = cer_arena_allocate(arena, bytes);

	if (block == NULL)
		return cer_fail_memory(err, bytes);
	memset(block, 0, bytes);
	memcpy(result, &block, sizeof(block)); /* whatever type it points to */
	return CER_OK;
}

static void
count(cer_profile_column *column, const cer_profile_codes *codes)
{
	size_t n_missing = codes->counts[0];

	column->n_distinct = codes->n_values;
	column->missing =
		codes->n_rows > 0 ? (double) n_missing / (double) codes->n_rows : 0;
	column->is_unique = codes->n_values == codes->n_rows && codes->n_rows > 0;
	column->is_constant =
		codes->n_values + (n_missing > 0) <= 1 && !column->is_unique;
	column->determined_by = -1;
}

/* A number's values are binned, a category's are taken as they are. */
static cer_status
associate(profiler *p, size_t input, const cer_profile_codes *codes)
{
	const cer_profile_codes *values = codes;
	cer_profile_codes bins;

	if (p->view->columns[input].input.storage != CER_CODE32)
	{
		CER_TRY(
			cer_profile_bin(p->scratch, codes, p->label.n_rows, &bins, p->err));
		values = &bins;
	}
	return cer_profile_associate(p->scratch, &p->label, values,
	                             &p->columns[input].association, p->err);
}

static cer_status
associate_missing(profiler *p, size_t input, const cer_profile_codes *codes)
{
	cer_profile_codes present = {.n_rows = codes->n_rows, .n_values = 1};
	uint32_t *is_present = NULL;

	if (codes->counts[0] == 0)
		return CER_OK;
	CER_TRY(cer_profile_allocate(p->scratch, codes->n_rows, sizeof(*is_present),
	                             &is_present, p->err));
	for (size_t row = 0; row < codes->n_rows; row++)
		is_present[row] = codes->codes[row] != 0;
	present.codes = is_present;
	return cer_profile_associate(p->scratch, &p->label, &present,
	                             &p->null_associations[input], p->err);
}

static cer_status
profile_column(profiler *p, size_t input)
{
	cer_profile_column *column = &p->columns[input];
	cer_profile_codes codes;

	if (p->host->is_canceled(p->host->self))
		return cer_fail(p->err, CER_CANCELED, "canceled");
	cer_arena_clear(p->scratch);
	CER_TRY(
		cer_profile_code_column(p->scratch, p->view, input, &codes, p->err));
	count(column, &codes);
	CER_TRY(associate(p, input, &codes));
	CER_TRY(associate_missing(p, input, &codes));
	column->is_leak_suspect = column->association >= LEAK_ASSOCIATION ||
	                          p->null_associations[input] >= LEAK_ASSOCIATION;
	return cer_profile_sample_add(p->scratch, &p->sample, input, &codes,
	                              p->err);
}

/* ----------------------------------------------------------------- notes */

typedef struct note
{
	char *text;
	size_t size;
} note;

/* Adds a remark, after "; " where there is one already; clips. */
static void
add_remark(note *n, const char *remark)
{
	size_t left = CER_PROFILE_NOTE - n->size;
	int size = snprintf(n->text + n->size, left, "%s%s",
	                    n->size > 0 ? "; " : "", remark);

	if (size < 0 || (size_t) size >= left)
		n->text[n->size] = '\0';
	else
		n->size += (size_t) size;
}

static void
note_leak(note *n, const cer_profile_column *column, double null_association)
{
	if (column->association < LEAK_ASSOCIATION &&
	    null_association < LEAK_ASSOCIATION)
		return;
	add_remark(n, null_association >= LEAK_ASSOCIATION
	                  ? "whether it is missing nearly tells the label: "
	                    "known when predicting?"
	                  : "nearly tells the label: known when predicting?");
}

static void
note_dependency(note *n, const profiler *p, const cer_profile_column *column)
{
	char remark[CER_PROFILE_NOTE];
	cer_text by;

	if (column->determined_by < 0)
		return;
	by = p->view->columns[column->determined_by].input.name;
	if (column->determined_share == 1)
		snprintf(remark, sizeof(remark), "determined by %.*s", CER_SHOW(by));
	else
		snprintf(remark, sizeof(remark),
		         "determined by %.*s in %.4g %% of rows", CER_SHOW(by),
		         100 * column->determined_share);
	add_remark(n, remark);
}

static void
write_note(const profiler *p, size_t input)
{
	cer_profile_column *column = &p->columns[input];
	note n = {.text = column->note};

	if (column->is_constant)
		add_remark(&n, column->n_distinct == 0 ? "always missing"
		                                       : "always the same value");
	if (column->is_unique)
		add_remark(&n, "identifies a row");
	note_leak(&n, column, p->null_associations[input]);
	note_dependency(&n, p, column);
	if (column->missing > MOSTLY_MISSING && !column->is_constant)
		add_remark(&n, "mostly missing");
}

/* ---------------------------------------------------------------- public */

static cer_status
run(profiler *p)
{
	size_t n = p->view->n_inputs;

	CER_TRY(cer_profile_label_make(p->arena, p->view, &p->label, p->err));
	CER_TRY(cer_profile_sample_make(p->arena, p->view, &p->sample, p->err));
	CER_TRY(cer_profile_allocate(p->arena, n, sizeof(*p->null_associations),
	                             &p->null_associations, p->err));
	for (size_t input = 0; input < n; input++)
		CER_TRY(profile_column(p, input));
	CER_TRY(cer_profile_find_dependencies(p->host, p->view, &p->sample,
	                                      p->columns, p->err));
	for (size_t input = 0; input < n; input++)
		write_note(p, input);
	return CER_OK;
}

cer_status
cer_profile_make(cer_arena *arena, const cer_host *host,
                 const cer_dataset *dataset, const cer_profile_column **columns,
                 cer_error *err)
{
	profiler p = {
		.host = host, .view = cer_dataset_get_view(dataset), .err = err};
	cer_status status;

	if (p.view == NULL)
		return cer_fail(err, CER_BAD_CALL, "the dataset is not finished");
	CER_TRY(cer_profile_allocate(arena, p.view->n_inputs, sizeof(*p.columns),
	                             &p.columns, err));
	p.arena = cer_arena_new(host);
	p.scratch = p.arena ? cer_arena_new(host) : NULL;
	if (p.scratch != NULL)
		status = run(&p);
	else
		status = cer_fail_memory(err, 1);
	cer_arena_free(p.scratch);
	cer_arena_free(p.arena);
	if (status == CER_OK)
		*columns = p.columns;
	return status;
}
