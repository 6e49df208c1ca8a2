/*
 * nn/build_table.c
 *	  Layers that follow the tables of FE.
 *
 * by_table: a tower of layers for each table, from the features of that table
 * alone, and how the towers come together.  Where a network ends with the sum
 * of towers, each has an output of its own: the tables' parts add up to the
 * logits.
 *
 * of_table: layers over the features of one table alone, beside other layers.
 *
 * pool_rows: a tower over the rows of a child table, whose columns FE brings as
 * arrays by parent, then a pool of what it makes of each row.
 */
#include "nn/build.h"

#include "base/arena.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* What a tower has of its own while it is built. */
typedef struct tower_scope
{
	const cer_view *view;
	const cer_text *prefix;
	bool has_features;
	bool is_shared;
	bool is_tower;
	cer_build_value features;
	bool has_lifts;
	cer_build_value lifts;
} tower_scope;

/* A tower in a member of an ensemble: "2/planes". */
static cer_status
name_tower(const cer_build *b, const cer_view *view, const cer_text **prefix)
{
	cer_arena *arena = b->builder->arena;
	size_t size = b->prefix != NULL ? b->prefix->size + 1 : 0;
	cer_text *made = cer_arena_allocate(arena, sizeof(*made));
	char *name = cer_arena_allocate(arena, size + view->alias.size + 1);

	if (made == NULL || name == NULL)
		return cer_fail_memory(b->err, size);
	if (b->prefix != NULL)
		snprintf(name, size + 1, "%.*s/", CER_SHOW(*b->prefix));
	if (view->alias.size > 0)
		memcpy(name + size, view->alias.data, view->alias.size);
	*made = (cer_text){name, size + view->alias.size};
	*prefix = made;
	return CER_OK;
}

static tower_scope
enter_tower(cer_build *b, const cer_view *view, const cer_text *prefix)
{
	tower_scope outer = {b->view,      b->prefix,   b->has_features,
	                     b->is_shared, b->is_tower, b->features,
	                     b->has_lifts, b->lifts};

	b->view = view;
	b->prefix = prefix;
	b->has_features = false;
	b->has_lifts = false;
	/* "first" knows no views */
	b->is_shared = true;
	b->is_tower = true;
	return outer;
}

static void
leave_tower(cer_build *b, const tower_scope *outer)
{
	b->view = outer->view;
	b->prefix = outer->prefix;
	b->has_features = outer->has_features;
	b->is_shared = outer->is_shared;
	b->is_tower = outer->is_tower;
	b->features = outer->features;
	b->has_lifts = outer->has_lifts;
	b->lifts = outer->lifts;
}

static cer_status
build_tower(cer_build *b, const cer_layer *layer, const cer_view *view,
            cer_build_value *value)
{
	const cer_text *prefix;
	tower_scope outer;
	const cer_layer *tower = layer->first;
	bool needs_output = layer == b->last && layer->joining == CER_JOINING_SUM &&
	                    !cer_build_makes_logits(b, tower);

	CER_TRY(name_tower(b, view, &prefix));
	outer = enter_tower(b, view, prefix);
	*value = (cer_build_value){.is_features = true};
	CER_TRY(cer_build_any(b, &tower, value));
	CER_TRY(cer_build_get_vectors(b, value));
	if (needs_output)
		CER_TRY(cer_build_add_output(b, layer, value));
	leave_tower(b, &outer);
	return CER_OK;
}

/* Side by side; each unit by a factor that all of them choose. */
static cer_status
gate_towers(cer_build *b, const cer_layer *layer, cer_build_value *towers,
            size_t n)
{
	cer_build_value parts[2];
	cer_build_dense dense = {.layer = layer,
	                         .has_bias = true,
	                         .initial = layer->initial,
	                         .activation = CER_SIGMOID};
	char name[CER_MAX_NAME];
	cer_node node = {.op = &cer_op_product};

	CER_TRY(cer_build_join(b, layer, towers, n));
	CER_TRY(cer_build_need_vector(b, layer, &towers[0]));
	parts[0] = parts[1] = towers[0];
	dense.width = towers[0].n;
	cer_build_name(b, "gate", dense.width, name);
	CER_TRY(cer_build_add_named_dense(b, name, ".in", dense, &parts[1]));
	node.name = cer_text_of(name);
	node.n_out = dense.width;
	CER_TRY(cer_build_add_many(b, &node, parts, 2));
	towers[0] = parts[0];
	return CER_OK;
}

static cer_status
join_towers(cer_build *b, const cer_layer *layer, cer_build_value *towers,
            size_t n)
{
	switch (layer->joining)
	{
		case CER_JOINING_SUM:
			return cer_build_add_up(b, layer, towers, n);
		case CER_JOINING_GATE:
			return gate_towers(b, layer, towers, n);
		case CER_JOINING_CONCAT:
			break;
	}
	return cer_build_join(b, layer, towers, n);
}

cer_status
cer_build_by_table(cer_build *b, const cer_layer **layer,
                   cer_build_value *value)
{
	cer_net_builder *builder = b->builder;
	cer_build_value towers[CER_MAX_PARTS];
	const cer_view *views;
	size_t n;

	if (b->is_tower)
		return cer_build_fail_unsupported(b, *layer, " in by_table");
	if (!value->is_features)
		return cer_fail_at(b->err, CER_BAD_VALUE, cer_build_get_place(*layer),
		                   "layer \"by_table\" takes features: no layer can "
		                   "stand before it");
	CER_TRY(cer_view_make_tables(builder->arena, builder->net->shape, &views,
	                             &n, b->err));
	if (n > CER_MAX_PARTS)
		return cer_fail_at(b->err, CER_TOO_BIG, cer_build_get_place(*layer),
		                   "layer \"by_table\" has more than %d parts",
		                   CER_MAX_PARTS);
	for (size_t i = 0; i < n; i++)
		CER_TRY(build_tower(b, *layer, &views[i], &towers[i]));
	CER_TRY(join_towers(b, *layer, towers, n));
	*value = towers[0];
	return CER_OK;
}

/* ------------------------------------------------------------ of_table */

#define OWN_FEATURES "source" /* as ON calls the task's own table */

static cer_status
find_features(cer_build *b, const cer_layer *layer, const cer_view **view)
{
	cer_net_builder *builder = b->builder;
	bool is_own = cer_text_equals(layer->table, cer_text_of(OWN_FEATURES));
	cer_text alias = is_own ? (cer_text){0} : layer->table;
	const cer_view *views;
	size_t n;

	CER_TRY(cer_view_make_tables(builder->arena, builder->net->shape, &views,
	                             &n, b->err));
	for (size_t i = 0; i < n; i++)
		if (cer_text_equals(views[i].alias, alias))
		{
			*view = &views[i];
			return CER_OK;
		}
	cer_fail_at(b->err, CER_BAD_VALUE, cer_build_get_place(layer),
	            "layer \"of_table\" finds no features of table \"%.*s\" in FE",
	            CER_SHOW(layer->table));
	cer_error_set_hint(b->err,
	                   "Name a JOIN or AGGREGATE of FE whose columns are "
	                   "features, or source for the task's own features.");
	return CER_BAD_VALUE;
}

cer_status
cer_build_of_table(cer_build *b, const cer_layer **layer,
                   cer_build_value *value)
{
	const cer_layer *tower = *layer;
	const cer_view *view;

	if (b->is_tower)
		return cer_build_fail_unsupported(b, tower, " in a tower");
	if (!value->is_features)
		return cer_fail_at(b->err, CER_BAD_VALUE, cer_build_get_place(tower),
		                   "layer \"of_table\" takes features: no layer can "
		                   "stand before it");
	CER_TRY(find_features(b, tower, &view));
	return build_tower(b, tower, view, value);
}

/* ------------------------------------------------------------ pool_rows */

static cer_status
fail_rows(cer_build *b, const cer_layer *layer)
{
	cer_fail_at(b->err, CER_BAD_VALUE, cer_build_get_place(layer),
	            "layer \"pool_rows\" finds no arrays of table \"%.*s\" in FE",
	            CER_SHOW(layer->table));
	cer_error_set_hint(
		b->err,
		"For example AGGREGATE %.*s (x = array_agg(x)), %.*s.x : sequence(16)",
		CER_SHOW(layer->table), CER_SHOW(layer->table));
	return CER_BAD_VALUE;
}

static cer_status
find_rows(cer_build *b, const cer_layer *layer, const cer_view **view)
{
	cer_net_builder *builder = b->builder;
	const cer_view *views;
	size_t n;

	CER_TRY(cer_view_make_tables(builder->arena, builder->net->shape, &views,
	                             &n, b->err));
	for (size_t i = 0; i < n; i++)
		if (views[i].n_arrays > 0 &&
		    cer_text_equals(views[i].alias, layer->table))
		{
			*view = &views[i];
			return CER_OK;
		}
	return fail_rows(b, layer);
}

cer_status
cer_build_pool_rows(cer_build *b, const cer_layer **layer,
                    cer_build_value *value)
{
	const cer_layer *tower = (*layer)->first;
	const cer_view *view;
	const cer_text *prefix;
	tower_scope outer;

	if (!value->is_features)
		return cer_fail_at(
			b->err, CER_BAD_VALUE, cer_build_get_place(*layer),
			"layer \"pool_rows\" takes rows of a table: no layer "
			"can stand before it");
	CER_TRY(find_rows(b, *layer, &view));
	CER_TRY(name_tower(b, view, &prefix));
	outer = enter_tower(b, view, prefix);
	CER_TRY(cer_build_elements(b, value));
	CER_TRY(cer_build_any(b, &tower, value));
	CER_TRY(cer_build_pool(b, layer, value));
	leave_tower(b, &outer);
	return CER_OK;
}
