/*
 * nn/infer_first.c
 *	  The first layer in scoring.
 *
 *	 z of a group = sum over codes of rows of P + numbers W [+ gathered
 *					embeddings W]
 *	 z = sum over groups
 *
 * A group is the features of one table of FE, so that what a dimension's row
 * adds can be computed once and kept: kept or not, the bits are the same.
 * P = E W is folded for each embedding, unless that would take more memory
 * than it saves time; without groups, sums go in the order of training
 * (op_first.c).  Widths are padded with zeros.
 */
#include "nn/infer_first.h"
#include "base/arena.h"
#include "base/error.h"
#include "nn/op_first.h"
#include "nn/ramps.h"
#include "nn/view.h"

#include <string.h>

#define MAX_FOLDED_FLOATS ((size_t) 1 << 21) /* of one table: 8 MiB */

typedef struct infer_table
{
	size_t n_codes;
	size_t width;         /* gathered: of the embedding; else 0 */
	const float *rows;    /* P (n_codes, padded units), or E (n_codes, width) */
	const float *weights; /* gathered: packed slice of the first layer */
} infer_table;

/* Numbers side by side. */
typedef struct infer_run
{
	size_t first;
	size_t n;
	const float *weights; /* packed; or */
	const cer_bf16_weights *rounded;
} infer_run;

/* The features of one table of FE. */
typedef struct infer_group
{
	cer_text alias;
	size_t n_summed; /* places of tables that are not gathered */
	const uint32_t *summed;
	size_t n_gathered;
	const uint32_t *gathered;
	size_t n_runs;
	const infer_run *runs;
	const cer_ramps *ramps; /* where rows store ramps: then of the one run */
} infer_group;

struct cer_infer_first
{
	const cer_kernels *kernels;
	const cer_bf16 *bf16; /* NULL: products of floats */
	size_t n_out;         /* padded */
	size_t n_numbers;     /* that a row stores */
	size_t n_tables;
	size_t n_codes; /* of a row */
	const infer_table *tables;
	size_t n_groups;
	const infer_group *groups;
	size_t widest;      /* gathered embedding */
	size_t most_inputs; /* of a product */
	size_t most_pairs;  /* of inputs that are rounded */
};

/* ------------------------------------------------------------ making */

typedef struct infer_maker
{
	cer_arena *arena;
	const cer_net *net;
	const cer_node *node;
	const float *weights;
	cer_infer_first *infer;
} infer_maker;

/* P = E W by the kernels that score, so that its bits are theirs. */
static cer_status
fold_table(const infer_maker *maker, const cer_net_tensor *embedding,
           const cer_net_tensor *rows, infer_table *table)
{
	size_t width = (size_t) embedding->dims[1];
	size_t n_units = (size_t) rows->dims[1];
	size_t stride = cer_dense_pad(n_units);
	float *p = cer_arena_allocate_floats(maker->arena, table->n_codes * stride);
	uint32_t *scratch =
		cer_arena_allocate(maker->arena, width * sizeof(uint32_t));
	cer_dense dense = {.n_rows = table->n_codes,
	                   .n_in = width,
	                   .n_out = stride,
	                   .y = p,
	                   .y_stride = stride,
	                   .x = maker->weights + embedding->offset,
	                   .x_stride = width,
	                   .scratch = scratch};

	if (p == NULL || scratch == NULL)
		return CER_NO_MEMORY;
	dense.w = cer_dense_make_packed(maker->arena, width, n_units,
	                                maker->weights + rows->offset);
	if (dense.w == NULL)
		return CER_NO_MEMORY;
	maker->infer->kernels->dense(&dense);
	table->rows = p;
	return CER_OK;
}

static cer_status
copy_rows(const infer_maker *maker, const cer_net_tensor *tensor, size_t stride,
          const float **copy)
{
	size_t n_rows = (size_t) tensor->dims[0];
	size_t n = (size_t) tensor->dims[1];
	float *made = cer_arena_allocate_floats(maker->arena, n_rows * stride);

	if (made == NULL)
		return CER_NO_MEMORY;
	for (size_t row = 0; row < n_rows; row++)
		memcpy(made + row * stride, maker->weights + tensor->offset + row * n,
		       n * sizeof(float));
	*copy = made;
	return CER_OK;
}

static cer_status
make_table(const infer_maker *maker, size_t i, infer_table *table)
{
	const cer_net *net = maker->net;
	const cer_node *first = maker->node;
	const cer_net_tensor *rows = cer_first_get_rows(net, first, i);
	const cer_net_tensor *embedding = cer_first_get_embedding(net, first, i);
	size_t n_units = (size_t) rows->dims[1];
	size_t width = embedding != NULL ? (size_t) embedding->dims[1] : 0;

	table->n_codes = net->shape->tables[i].n_codes;
	if (embedding == NULL)
		return copy_rows(maker, rows, cer_dense_pad(n_units), &table->rows);
	if (table->n_codes <= MAX_FOLDED_FLOATS / cer_dense_pad(n_units))
		return fold_table(maker, embedding, rows, table);
	table->width = width;
	if (copy_rows(maker, embedding, width, &table->rows) != CER_OK)
		return CER_NO_MEMORY;
	table->weights = cer_dense_make_packed(maker->arena, width, n_units,
	                                       maker->weights + rows->offset);
	return table->weights != NULL ? CER_OK : CER_NO_MEMORY;
}

static cer_status
make_tables(const infer_maker *maker)
{
	cer_infer_first *infer = maker->infer;
	size_t size = infer->n_tables * sizeof(infer_table);
	infer_table *tables = cer_arena_allocate(maker->arena, size);

	if (tables == NULL)
		return CER_NO_MEMORY;
	memset(tables, 0, size);
	infer->tables = tables;
	for (size_t i = 0; i < infer->n_tables; i++)
	{
		if (make_table(maker, i, &tables[i]) != CER_OK)
			return CER_NO_MEMORY;
		if (tables[i].width > infer->widest)
			infer->widest = tables[i].width;
		if (tables[i].width > infer->most_inputs)
			infer->most_inputs = tables[i].width;
	}
	return CER_OK;
}

/* Tables of the group, those that are summed before those that are gathered. */
static cer_status
list_tables(const infer_maker *maker, const cer_view *view, infer_group *group)
{
	uint32_t *places = cer_arena_allocate(maker->arena, (view->n_tables + 1) *
	                                                        sizeof(*places));
	size_t n = 0;

	if (places == NULL)
		return CER_NO_MEMORY;
	for (size_t i = 0; i < view->n_tables; i++)
		if (maker->infer->tables[view->tables[i]].width == 0)
			places[n++] = view->tables[i];
	group->n_summed = n;
	group->summed = places;
	group->gathered = places + n;
	for (size_t i = 0; i < view->n_tables; i++)
		if (maker->infer->tables[view->tables[i]].width > 0)
			places[n++] = view->tables[i];
	group->n_gathered = n - group->n_summed;
	return CER_OK;
}

/* w (n of the run, units). */
static cer_status
pack_run(const infer_maker *maker, const float *w, infer_run *run)
{
	cer_infer_first *infer = maker->infer;
	size_t n_units = maker->node->n_out;
	size_t n_pairs = cer_bf16_count_pairs(run->n);

	if (infer->bf16 == NULL)
	{
		run->weights = cer_dense_make_packed(maker->arena, run->n, n_units, w);
		return run->weights != NULL ? CER_OK : CER_NO_MEMORY;
	}
	run->rounded =
		cer_bf16_weights_make(maker->arena, infer->bf16, run->n, n_units, w);
	if (n_pairs > infer->most_pairs)
		infer->most_pairs = n_pairs;
	return run->rounded != NULL ? CER_OK : CER_NO_MEMORY;
}

static cer_status
make_runs(const infer_maker *maker, const cer_view *view, infer_group *group)
{
	const cer_net_tensor *numbers =
		cer_first_get_numbers(maker->net, maker->node);
	infer_run *runs =
		cer_arena_allocate(maker->arena, (view->n_numbers + 1) * sizeof(*runs));
	size_t n = 0;

	if (runs == NULL)
		return CER_NO_MEMORY;
	for (size_t i = 0; i < view->n_numbers; i++)
		if (n > 0 && runs[n - 1].first + runs[n - 1].n == view->numbers[i])
			runs[n - 1].n++;
		else
			runs[n++] = (infer_run){.first = view->numbers[i], .n = 1};
	for (size_t i = 0; i < n; i++)
		CER_TRY(pack_run(maker,
		                 maker->weights + numbers->offset +
		                     runs[i].first * maker->node->n_out,
		                 &runs[i]));
	group->n_runs = n;
	group->runs = runs;
	return CER_OK;
}

/* Ramps of the group; its other numbers are one run, put together in scoring. */
static cer_status
make_ramps(const infer_maker *maker, const cer_view *view, infer_group *group)
{
	const float *w =
		maker->weights + cer_first_get_numbers(maker->net, maker->node)->offset;
	cer_infer_first *infer = maker->infer;
	size_t n = maker->node->n_out;
	const cer_ramps *ramps =
		cer_ramps_make(maker->arena, maker->net->shape, view, infer->n_out);
	infer_run *run = cer_arena_allocate(maker->arena, sizeof(*run));
	float *plain;

	if (ramps == NULL || run == NULL)
		return CER_NO_MEMORY;
	plain = cer_arena_allocate_floats(maker->arena, ramps->n_plain * n);
	if (plain == NULL)
		return CER_NO_MEMORY;
	for (size_t i = 0; i < ramps->n_plain; i++)
		memcpy(plain + i * n, w + ramps->plain[i] * n, n * sizeof(float));
	for (size_t i = 0; i < ramps->n_ramps; i++)
		cer_ramps_fill(ramps, i, w, n);
	*run = (infer_run){.n = ramps->n_plain};
	CER_TRY(pack_run(maker, plain, run));
	if (run->n > infer->widest)
		infer->widest = run->n;
	group->n_runs = run->n > 0 ? 1 : 0;
	group->runs = run;
	group->ramps = ramps;
	return CER_OK;
}

static cer_status
make_groups(const infer_maker *maker)
{
	cer_infer_first *infer = maker->infer;
	const cer_view *views;
	infer_group *groups;

	CER_TRY(cer_view_make_tables(maker->arena, maker->net->shape, &views,
	                             &infer->n_groups, NULL));
	groups =
		cer_arena_allocate(maker->arena, infer->n_groups * sizeof(*groups));
	if (groups == NULL)
		return CER_NO_MEMORY;
	for (size_t i = 0; i < infer->n_groups; i++)
	{
		groups[i] = (infer_group){.alias = views[i].alias};
		CER_TRY(list_tables(maker, &views[i], &groups[i]));
		CER_TRY(maker->net->shape->n_ramps > 0
		            ? make_ramps(maker, &views[i], &groups[i])
		            : make_runs(maker, &views[i], &groups[i]));
	}
	infer->groups = groups;
	return CER_OK;
}

const cer_infer_first *
cer_infer_first_make(cer_arena *arena, const cer_infer_first_spec *spec)
{
	const cer_net *net = spec->net;
	cer_infer_first *made = cer_arena_allocate(arena, sizeof(*made));
	infer_maker maker = {arena, net, spec->node, spec->weights, made};

	if (made == NULL)
		return NULL;
	memset(made, 0, sizeof(*made));
	made->kernels = spec->kernels;
	made->bf16 = spec->bf16;
	made->n_out = cer_dense_pad(spec->node->n_out);
	made->n_numbers = cer_shape_count_stored(net->shape);
	made->most_inputs = net->shape->n_numbers;
	made->n_tables = net->shape->n_tables;
	made->n_codes = cer_shape_count_codes(net->shape);
	if (make_tables(&maker) != CER_OK || make_groups(&maker) != CER_OK)
		return NULL;
	return made;
}

/* ------------------------------------------------------------ scoring */

/* What a group makes, gathered embeddings, the places of inputs that are not
 * zero or inputs rounded, the rows to be summed. */
typedef struct first_scratch
{
	float *group;
	float *gathered;
	uint32_t *used;
	const float **sources;
} first_scratch;

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
get_used_size(const cer_infer_first *first, size_t n_rows)
{
	return align_up(max(first->most_inputs + 16, n_rows * first->most_pairs) *
	                sizeof(uint32_t));
}

size_t
cer_infer_first_get_scratch_size(const cer_infer_first *first, size_t n_rows)
{
	return get_group_size(first, n_rows) +
	       align_up(n_rows * first->widest * sizeof(float)) +
	       get_used_size(first, n_rows) +
	       align_up(max(first->n_tables, first->n_groups + 1) *
	                sizeof(float *));
}

static first_scratch
divide_scratch(const cer_infer_first *first, size_t n_rows, char *memory)
{
	first_scratch parts = {.group = (float *) memory};

	memory += get_group_size(first, n_rows);
	parts.gathered = (float *) memory;
	memory += align_up(n_rows * first->widest * sizeof(float));
	parts.used = (uint32_t *) memory;
	parts.sources = (const float **) (memory + get_used_size(first, n_rows));
	return parts;
}

/* A code that the model does not know is unseen. */
static inline const float *
find_row(const infer_table *table, uint32_t code, size_t stride)
{
	size_t row = code < table->n_codes ? code : CER_CODE_UNSEEN;

	return table->rows + row * stride;
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

/* Adds groups from..to, whose sums are there, in order. */
static void
add_partials(const cer_infer_first *infer, size_t from, size_t to,
             size_t n_rows, const cer_partials *partials,
             const first_scratch *scratch, float *z)
{
	size_t n = infer->n_out;

	if (from == to)
		return;
	for (size_t row = 0; row < n_rows; row++, z += n)
	{
		size_t n_sources = 0;

		if (from > 0)
			scratch->sources[n_sources++] = z;
		for (size_t group = from; group < to; group++)
			scratch->sources[n_sources++] = get_partials(partials, group)[row];
		infer->kernels->add_rows(n, n_sources, scratch->sources, z);
	}
}

/* Adds what is computed here. */
static void
add_group(const cer_infer_first *infer, size_t group, size_t n_rows,
          const cer_encoded *rows, const first_scratch *scratch, float *z)
{
	size_t n = infer->n_out;

	if (group == 0)
	{
		run_group(infer, &infer->groups[0], n_rows, rows, scratch, z);
		return;
	}
	run_group(infer, &infer->groups[group], n_rows, rows, scratch,
	          scratch->group);
	for (size_t row = 0; row < n_rows; row++)
	{
		scratch->sources[0] = z + row * n;
		scratch->sources[1] = scratch->group + row * n;
		infer->kernels->add_rows(n, 2, scratch->sources, z + row * n);
	}
}

void
cer_infer_first_run(const cer_infer_first *infer, size_t n_rows,
                    const cer_encoded *rows, const cer_partials *partials,
                    float *z, void *scratch)
{
	first_scratch parts = divide_scratch(infer, n_rows, scratch);
	size_t done = 0; /* groups that are in z */

	for (size_t group = 0; group < infer->n_groups; group++)
	{
		if (get_partials(partials, group) != NULL)
			continue;
		add_partials(infer, done, group, n_rows, partials, &parts, z);
		add_group(infer, group, n_rows, rows, &parts, z);
		done = group + 1;
	}
	add_partials(infer, done, infer->n_groups, n_rows, partials, &parts, z);
}
