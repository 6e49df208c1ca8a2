/*
 * nn/infer_first.c
 *	  The first layer in scoring.
 *
 *	 z of a group = sum over codes of rows of P + numbers W [+ gathered
 *					embeddings W]
 *	 sum of a table = its group + sums of the tables joined through it
 *	 z = sums of the tables joined to the task's own + the task's own group
 *
 * A group is the features of one table of FE, so that what a dimension's row
 * adds can be computed once and kept: kept or not, the bits are the same.  So
 * can sums of tables for a row of the one that others are joined through, and
 * the first tables' sums for rows of theirs that come together: each is a part
 * of z as it is added up, from left to right.
 * P = E W is folded for each embedding, unless that would take more memory
 * than it saves time; without groups, sums go in the order of training,
 * numbers in their own (op_first.c).  Widths are padded with zeros.
 */
#include "nn/infer_first_private.h"
#include "base/denormals.h"
#include "nn/op_first.h"

#include <string.h>

/* ------------------------------------------------------------ scoring */

/* What a table adds to rows: by row, or one behind the other. */
typedef struct first_term
{
	const float *const *rows;
	const float *data;
} first_term;

/* What groups make, gathered embeddings, the places of inputs that are not zero
 * or inputs rounded, the rows to be summed, terms by group and to be summed. */
typedef struct first_scratch
{
	float *groups;
	float *gathered;
	uint32_t *used;
	const float **sources;
	first_term *by_group;
	first_term *summed;
} first_scratch;

const float *const cer_partials_elsewhere[1];

static size_t
align_up(size_t n)
{
	return (n + 63) & ~(size_t) 63;
}

static size_t
max(size_t a, size_t b)
{
	return a > b ? a : b;
}

size_t
cer_infer_first_get_width(const cer_infer_first *first)
{
	return first->n_out;
}

size_t
cer_infer_first_count_groups(const cer_infer_first *first)
{
	return first->n_groups;
}

cer_text
cer_infer_first_get_alias(const cer_infer_first *first, size_t group)
{
	return first->groups[group].alias;
}

double
cer_infer_first_get_cost(const cer_infer_first *first, size_t group)
{
	const infer_group *g = &first->groups[group];
	double n = (double) g->n_summed;

	for (size_t i = 0; i < g->n_runs; i++)
		n += 2.0 * (double) g->runs[i].n;
	for (size_t i = 0; i < g->n_gathered; i++)
		n += 2.0 * (double) first->tables[g->gathered[i]].width;
	return n * (double) first->n_out;
}

static size_t
get_group_size(const cer_infer_first *first, size_t n_rows)
{
	return first->n_groups < 2
	           ? 0
	           : align_up(n_rows * first->n_out * sizeof(float));
}

static size_t
get_sources_size(const cer_infer_first *first)
{
	return align_up(max(first->n_tables, first->n_groups + 1) *
	                sizeof(float *));
}

static size_t
get_terms_size(const cer_infer_first *first)
{
	return align_up((first->n_groups + 1) * sizeof(first_term));
}

static size_t
get_used_size(const cer_infer_first *first, size_t n_rows)
{
	return align_up(max(first->most_inputs + 16, n_rows * first->most_pairs) *
	                sizeof(uint32_t));
}

size_t
cer_infer_first_get_scratch_size(const cer_infer_first *first, size_t n_rows)
{
	return first->n_groups * get_group_size(first, n_rows) +
	       align_up(n_rows * first->widest * sizeof(float)) +
	       get_used_size(first, n_rows) + get_sources_size(first) +
	       2 * get_terms_size(first);
}

static first_scratch
divide_scratch(const cer_infer_first *first, size_t n_rows, char *memory)
{
	first_scratch parts = {.groups = (float *) memory};

	memory += first->n_groups * get_group_size(first, n_rows);
	parts.gathered = (float *) memory;
	memory += align_up(n_rows * first->widest * sizeof(float));
	parts.used = (uint32_t *) memory;
	memory += get_used_size(first, n_rows);
	parts.sources = (const float **) memory;
	memory += get_sources_size(first);
	parts.by_group = (first_term *) memory;
	parts.summed = (first_term *) (memory + get_terms_size(first));
	return parts;
}

/* A code that the model does not know is unseen. */
static inline const float *
find_row(const infer_table *table, uint32_t code, size_t stride)
{
	uint32_t row = code < table->n_codes ? code : CER_CODE_UNSEEN;

	if (table->store != NULL)
		return cer_row_store_get(table->store, row);
	return table->rows + (size_t) row * stride;
}

static void
sum_tables(const cer_infer_first *infer, const infer_group *group,
           size_t n_rows, const uint32_t *codes, const float **sources,
           float *z)
{
	size_t n = infer->n_out;

	for (size_t row = 0; row < n_rows; row++, codes += infer->n_codes)
	{
		for (size_t i = 0; i < group->n_summed; i++)
		{
			size_t table = group->summed[i];

			sources[i] = find_row(&infer->tables[table], codes[table], n);
		}
		infer->kernels->add_rows(n, group->n_summed, sources, z + row * n);
	}
}

/* z += x w. */
static void
add_product(const cer_infer_first *infer, const infer_run *run,
            const cer_bf16_rows *rows)
{
	cer_dense dense = {.n_rows = rows->n_rows,
	                   .n_in = run->n,
	                   .n_out = infer->n_out,
	                   .accumulate = true,
	                   .x = rows->x,
	                   .x_stride = rows->x_stride,
	                   .w = run->weights,
	                   .y = rows->y,
	                   .y_stride = infer->n_out,
	                   .scratch = rows->scratch};

	if (run->rounded != NULL)
		cer_bf16_weights_multiply(run->rounded, rows);
	else
		infer->kernels->dense(&dense);
}

static cer_bf16_rows
make_rows(const cer_infer_first *infer, size_t n_rows,
          const first_scratch *scratch, float *z)
{
	return (cer_bf16_rows){.n_rows = n_rows,
	                       .accumulate = true,
	                       .y = z,
	                       .y_stride = infer->n_out,
	                       .n_columns = infer->n_out,
	                       .scratch = scratch->used};
}

/* Adds the product of one table's embeddings, put together. */
static void
add_gathered(const cer_infer_first *infer, size_t table_index, size_t n_rows,
             const uint32_t *codes, const first_scratch *scratch, float *z)
{
	const infer_table *table = &infer->tables[table_index];
	infer_run run = {.n = table->width, .weights = table->weights};
	cer_bf16_rows rows = make_rows(infer, n_rows, scratch, z);

	for (size_t row = 0; row < n_rows; row++)
		memcpy(scratch->gathered + row * table->width,
		       find_row(table, codes[row * infer->n_codes + table_index],
		                table->width),
		       table->width * sizeof(float));
	rows.x = scratch->gathered;
	rows.x_stride = table->width;
	add_product(infer, &run, &rows);
}

/* The group's numbers but for its ramps, then these. */
static void
add_ramps(const cer_infer_first *infer, const infer_group *group, size_t n_rows,
          const float *numbers, const first_scratch *scratch, float *z)
{
	cer_bf16_rows rows = make_rows(infer, n_rows, scratch, z);

	cer_ramps_pick(group->ramps, n_rows, numbers, scratch->gathered);
	rows.x = scratch->gathered;
	rows.x_stride = group->runs->n;
	if (group->n_runs > 0)
		add_product(infer, group->runs, &rows);
	cer_ramps_add(group->ramps, infer->kernels, n_rows, numbers, z);
}

static void
add_run(const cer_infer_first *infer, const infer_run *run, size_t n_rows,
        const float *numbers, const first_scratch *scratch, float *z)
{
	cer_bf16_rows rows = make_rows(infer, n_rows, scratch, z);

	rows.x = numbers + run->first;
	rows.x_stride = infer->n_numbers;
	add_product(infer, run, &rows);
}

static void
run_group(const cer_infer_first *infer, const infer_group *group, size_t n_rows,
          const cer_encoded *rows, const first_scratch *scratch, float *z)
{
	if (group->n_summed > 0)
		sum_tables(infer, group, n_rows, rows->codes, scratch->sources, z);
	else
		memset(z, 0, n_rows * infer->n_out * sizeof(float));
	if (group->ramps != NULL)
		add_ramps(infer, group, n_rows, rows->numbers, scratch, z);
	for (size_t i = 0; group->ramps == NULL && i < group->n_runs; i++)
		add_run(infer, &group->runs[i], n_rows, rows->numbers, scratch, z);
	for (size_t i = 0; i < group->n_gathered; i++)
		add_gathered(infer, group->gathered[i], n_rows, rows->codes, scratch,
		             z);
}

bool
cer_infer_first_can_finish(const cer_infer_first *infer)
{
	const infer_group *group = &infer->groups[0];

	return infer->n_groups == 1 && group->ramps == NULL &&
	       group->n_gathered == 0 && group->n_runs == 1 &&
	       group->runs[0].rounded != NULL;
}

void
cer_infer_first_run_pairs(const cer_infer_first *infer, const cer_encoded *rows,
                          const cer_first_pairs *to, void *scratch)
{
	const infer_group *group = &infer->groups[0];
	first_scratch parts = divide_scratch(infer, rows->n_rows, scratch);
	cer_bf16_rows product = make_rows(infer, rows->n_rows, &parts, to->z);

	product.accumulate = group->n_summed > 0;
	product.x = rows->numbers + group->runs[0].first;
	product.x_stride = infer->n_numbers;
	product.bias = to->bias;
	product.y_pairs = to->pairs;
	if (product.accumulate)
		sum_tables(infer, group, rows->n_rows, rows->codes, parts.sources,
		           to->z);
	cer_bf16_weights_multiply(group->runs[0].rounded, &product);
}

void
cer_infer_first_run_group(const cer_infer_first *infer, size_t group,
                          size_t n_rows, const cer_encoded *rows, float *z,
                          void *scratch)
{
	first_scratch parts = divide_scratch(infer, n_rows, scratch);

	run_group(infer, &infer->groups[group], n_rows, rows, &parts, z);
}

static const float *const *
get_partials(const cer_partials *partials, size_t group)
{
	if (partials == NULL || partials->groups[group] == NULL)
		return NULL;
	return partials->groups[group] + partials->first;
}

static bool
is_elsewhere(const cer_partials *partials, size_t group)
{
	return partials != NULL &&
	       partials->groups[group] == cer_partials_elsewhere;
}

/* to, or what is summed itself where it is one term: of n_rows rows. */
static first_term
sum_terms(const cer_infer_first *infer, size_t n_terms, size_t n_rows,
          const first_scratch *scratch, float *to)
{
	size_t n = infer->n_out;

	if (n_terms == 1)
		return scratch->summed[0];
	for (size_t row = 0; row < n_rows; row++)
	{
		for (size_t i = 0; i < n_terms; i++)
		{
			const first_term *term = &scratch->summed[i];

			scratch->sources[i] =
				term->rows != NULL ? term->rows[row] : term->data + row * n;
		}
		infer->kernels->add_rows(n, n_terms, scratch->sources, to + row * n);
	}
	return (first_term){.data = to};
}

/* Behind n_terms; returns how many there are then. */
static size_t
add_children(const cer_infer_first *infer, size_t parent,
             const cer_partials *partials, const first_scratch *scratch,
             size_t n_terms)
{
	for (size_t i = 0; i < infer->n_groups; i++)
		if (i != infer->own && infer->groups[i].parent == parent &&
		    !is_elsewhere(partials, i))
			scratch->summed[n_terms++] = scratch->by_group[i];
	return n_terms;
}

static float *
get_group_data(const cer_infer_first *infer, size_t group, size_t n_rows,
               const first_scratch *scratch)
{
	return scratch->groups +
	       group * get_group_size(infer, n_rows) / sizeof(float);
}

/* Of each group, as far as nothing is kept of it; the task's own lies in z. */
static void
make_terms(const cer_infer_first *infer, const cer_encoded *rows,
           const cer_partials *partials, const first_scratch *scratch, float *z)
{
	for (size_t i = 0; i < infer->n_groups; i++)
	{
		float *data = i == infer->own
		                  ? z
		                  : get_group_data(infer, i, rows->n_rows, scratch);

		scratch->by_group[i] =
			(first_term){.rows = get_partials(partials, i), .data = data};
		if (scratch->by_group[i].rows == NULL)
			run_group(infer, &infer->groups[i], rows->n_rows, rows, scratch,
			          data);
	}
}

/* Of those that others are joined through, the outer ones first. */
static void
sum_inner(const cer_infer_first *infer, size_t n_rows,
          const cer_partials *partials, const first_scratch *scratch)
{
	for (size_t i = 0; i < infer->n_inner; i++)
	{
		size_t group = infer->inner[i];
		size_t n_terms;

		if (is_elsewhere(partials, group))
			continue;
		scratch->summed[0] = scratch->by_group[group];
		n_terms = add_children(infer, group, partials, scratch, 1);
		scratch->by_group[group] =
			sum_terms(infer, n_terms, n_rows, scratch,
		              get_group_data(infer, group, n_rows, scratch));
	}
}

static void
copy_term(const cer_infer_first *infer, const first_term *term, size_t n_rows,
          float *z)
{
	size_t n = infer->n_out;

	for (size_t row = 0; row < n_rows; row++)
		memcpy(z + row * n,
		       term->rows != NULL ? term->rows[row] : term->data + row * n,
		       n * sizeof(float));
}

void
cer_infer_first_run(const cer_infer_first *infer, size_t n_rows,
                    const cer_encoded *rows, const cer_partials *partials,
                    float *z, void *scratch)
{
	first_scratch parts = divide_scratch(infer, n_rows, scratch);
	cer_encoded these = *rows;
	size_t n_terms;
	first_term sum;

	these.n_rows = n_rows;
	if (infer->n_groups == 1 && get_partials(partials, 0) == NULL)
	{
		run_group(infer, &infer->groups[0], n_rows, rows, &parts, z);
		return;
	}
	make_terms(infer, &these, partials, &parts, z);
	sum_inner(infer, n_rows, partials, &parts);
	n_terms = add_children(infer, infer->n_groups, partials, &parts, 0);
	if (infer->own < infer->n_groups)
		parts.summed[n_terms++] = parts.by_group[infer->own];
	sum = sum_terms(infer, n_terms, n_rows, &parts, z);
	if (sum.data != z)
		copy_term(infer, &sum, n_rows, z);
}

size_t
cer_infer_first_get_parent(const cer_infer_first *infer, size_t group)
{
	return infer->groups[group].parent;
}

void
cer_infer_first_sum(const cer_infer_first *infer, size_t n,
                    const float *const *partials, float *sum)
{
	unsigned before = cer_denormals_flush();

	infer->kernels->add_rows(infer->n_out, n, partials, sum);
	cer_denormals_restore(before);
}

/* ------------------------------------------------------------ rows by code */

size_t
cer_infer_first_find_missing(const cer_infer_first *first, size_t table,
                             const cer_encoded *rows, uint32_t *missing)
{
	const infer_table *of = &first->tables[table];
	uint32_t codes[CER_FETCH_ROWS];

	for (size_t row = 0; row < rows->n_rows; row++)
	{
		uint32_t code = rows->codes[row * first->n_codes + table];

		codes[row] = code < of->n_codes ? code : CER_CODE_UNSEEN;
	}
	return cer_row_store_begin(of->store, rows->n_rows, codes, missing);
}

void
cer_infer_first_put_row(const cer_infer_first *first, size_t table,
                        const cer_row *row, void *scratch)
{
	const infer_table *of = &first->tables[table];
	float *to = cer_row_store_put(of->store, row->code);
	cer_dense dense = {.n_rows = 1,
	                   .n_in = of->n_in,
	                   .n_out = first->n_out,
	                   .x = row->weights,
	                   .x_stride = of->n_in,
	                   .w = of->fold_weights,
	                   .y = to,
	                   .y_stride = first->n_out,
	                   .scratch = scratch};

	if (of->fold_weights != NULL)
		first->kernels->dense(&dense);
	else
		memcpy(to, row->weights, of->n_in * sizeof(float));
}
