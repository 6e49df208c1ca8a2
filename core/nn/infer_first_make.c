/*
 * nn/infer_first_make.c
 *	  Making the first layer for scoring: folding, packing, grouping.
 *
 * Of a tensor that the flat array leaves out rows are kept as they would be of
 * the whole tensor, so that its bits are the same.
 */
#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include "nn/infer_first_private.h"
#include "nn/op_first.h"

#include <string.h>

#define MAX_FOLDED_FLOATS ((size_t) 1 << 21) /* of one table: 8 MiB */

typedef struct infer_maker
{
	cer_arena *arena;
	const cer_net *net;
	const cer_node *node;
	const float *weights;
	cer_infer_first *infer;
	infer_table *tables;
	size_t cache_size; /* of each table whose tensor is left out */
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

/* For some rows of stride floats, of a tensor that is left out. */
static cer_status
make_store(const infer_maker *maker, const cer_net_tensor *tensor,
           size_t stride, infer_table *table)
{
	table->n_in = (size_t) tensor->dims[1];
	table->store = cer_row_store_make_within(maker->arena, stride,
	                                         table->n_codes, maker->cache_size);
	return table->store != NULL ? CER_OK : CER_NO_MEMORY;
}

static cer_status
take_rows(const infer_maker *maker, const cer_net_tensor *tensor, size_t stride,
          infer_table *table)
{
	return tensor->offset == CER_TENSOR_LEFT_OUT
	           ? make_store(maker, tensor, stride, table)
	           : copy_rows(maker, tensor, stride, &table->rows);
}

static cer_status
pack_slice(const infer_maker *maker, size_t width, const cer_net_tensor *rows,
           const float **packed)
{
	*packed = cer_dense_make_packed(maker->arena, width, (size_t) rows->dims[1],
	                                maker->weights + rows->offset);
	return *packed != NULL ? CER_OK : CER_NO_MEMORY;
}

static cer_status
make_table(const infer_maker *maker, size_t i, infer_table *table)
{
	const cer_net *net = maker->net;
	const cer_node *first = maker->node;
	const cer_net_tensor *rows = cer_first_get_rows(net, first, i);
	const cer_net_tensor *embedding = cer_first_get_embedding(net, first, i);
	size_t n_out = maker->infer->n_out;
	size_t width = embedding != NULL ? (size_t) embedding->dims[1] : 0;

	table->n_codes = net->shape->tables[i].n_codes;
	if (embedding == NULL)
		return take_rows(maker, rows, n_out, table);
	if (table->n_codes > MAX_FOLDED_FLOATS / n_out)
	{
		table->width = width;
		CER_TRY(take_rows(maker, embedding, width, table));
		return pack_slice(maker, width, rows, &table->weights);
	}
	if (embedding->offset != CER_TENSOR_LEFT_OUT)
		return fold_table(maker, embedding, rows, table);
	CER_TRY(make_store(maker, embedding, n_out, table));
	return pack_slice(maker, width, rows, &table->fold_weights);
}

static cer_status
make_tables(infer_maker *maker)
{
	cer_infer_first *infer = maker->infer;
	size_t size = infer->n_tables * sizeof(infer_table);
	infer_table *tables = cer_arena_allocate(maker->arena, size);

	if (tables == NULL)
		return CER_NO_MEMORY;
	memset(tables, 0, size);
	infer->tables = maker->tables = tables;
	for (size_t i = 0; i < infer->n_tables; i++)
	{
		if (make_table(maker, i, &tables[i]) != CER_OK)
			return CER_NO_MEMORY;
		if (tables[i].width > infer->widest)
			infer->widest = tables[i].width;
		if (tables[i].width > infer->most_inputs)
			infer->most_inputs = tables[i].width;
		if (tables[i].n_in > infer->most_inputs)
			infer->most_inputs = tables[i].n_in;
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
	{
		if (maker->infer->tables[view->tables[i]].width == 0)
			places[n++] = view->tables[i];
	}
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

/* ------------------------------------------------------------ joins of joins */

static size_t
find_group(const cer_infer_first *infer, cer_text alias)
{
	size_t group = 0;

	while (group < infer->n_groups &&
	       !cer_text_equals(infer->groups[group].alias, alias))
		group++;
	return group;
}

static const cer_table_link *
find_link(const cer_infer_first_spec *spec, cer_text alias)
{
	for (size_t i = 0; i < spec->n_links; i++)
		if (cer_text_equals(spec->links[i].alias, alias))
			return &spec->links[i];
	return NULL;
}

/* The next table on the way to the task's own that has features. */
static size_t
find_parent(const cer_infer_first_spec *spec, const cer_infer_first *infer,
            cer_text alias)
{
	const cer_table_link *link = find_link(spec, alias);

	for (size_t i = 0; link != NULL && i < spec->n_links; i++)
	{
		size_t group = find_group(infer, link->through);

		if (group < infer->n_groups)
			return group;
		link = find_link(spec, link->through);
	}
	return infer->n_groups;
}

static size_t
count_above(const infer_group *groups, size_t n_groups, size_t group)
{
	size_t n = 0;

	while (n <= n_groups && groups[group].parent < n_groups)
	{
		group = groups[group].parent;
		n++;
	}
	return n;
}

static bool
is_parent(const cer_infer_first *infer, size_t group)
{
	for (size_t i = 0; i < infer->n_groups; i++)
		if (infer->groups[i].parent == group)
			return true;
	return false;
}

/* By how far they are from the task's own, the farthest first. */
static cer_status
list_inner(cer_arena *arena, cer_infer_first *infer)
{
	uint32_t *inner =
		cer_arena_allocate(arena, (infer->n_groups + 1) * sizeof(*inner));

	if (inner == NULL)
		return CER_NO_MEMORY;
	infer->inner = inner;
	for (size_t above = infer->n_groups; above-- > 0;)
		for (size_t i = 0; i < infer->n_groups; i++)
			if (is_parent(infer, i) &&
			    count_above(infer->groups, infer->n_groups, i) == above)
				inner[infer->n_inner++] = (uint32_t) i;
	return CER_OK;
}

static cer_status
link_groups(cer_arena *arena, const cer_infer_first_spec *spec,
            cer_infer_first *infer, infer_group *groups)
{
	infer->own = infer->n_groups;
	for (size_t i = 0; i < infer->n_groups; i++)
	{
		if (groups[i].alias.size == 0)
			infer->own = i;
		groups[i].parent = groups[i].alias.size == 0
		                       ? infer->n_groups
		                       : find_parent(spec, infer, groups[i].alias);
	}
	/* a circle is opened */
	for (size_t i = 0; i < infer->n_groups; i++)
		if (count_above(groups, infer->n_groups, i) > infer->n_groups)
			groups[i].parent = infer->n_groups;
	return list_inner(arena, infer);
}

/* ------------------------------------------------------------ making */

static cer_status
make_groups(const infer_maker *maker, const cer_infer_first_spec *spec)
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
	return link_groups(maker->arena, spec, infer, groups);
}

const cer_infer_first *
cer_infer_first_make(cer_arena *arena, const cer_infer_first_spec *spec)
{
	const cer_net *net = spec->net;
	cer_infer_first *made = cer_arena_allocate(arena, sizeof(*made));
	infer_maker maker = {.arena = arena,
	                     .net = net,
	                     .node = spec->node,
	                     .weights = spec->weights,
	                     .infer = made};
	size_t n_left_out = cer_net_count_left_out(net);

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
	if (n_left_out > 0)
		maker.cache_size = spec->cache_size / n_left_out;
	if (make_tables(&maker) != CER_OK || make_groups(&maker, spec) != CER_OK)
		return NULL;
	return made;
}
