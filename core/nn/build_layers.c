/*
 * nn/build_layers.c
 *	  The operators of each layer.
 *
 * What is element by element after a product is done in one pass: a dense
 * layer takes the activation and the dropout that follow it in its chain into
 * one "activate".
 */
#include "nn/build.h"

#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_UNITS ((size_t) 1 << 16)

static cer_status
check_dropout(cer_build *b, const cer_layer *layer)
{
	if (layer->dropout >= 0.0 && layer->dropout < 1.0)
		return CER_OK;
	return cer_fail_at(b->err, CER_BAD_VALUE, cer_build_get_place(layer),
	                   "dropout must be at least 0 and less than 1, got %g",
	                   layer->dropout);
}

cer_status
cer_build_check_width(cer_build *b, const cer_layer *layer, size_t width)
{
	if (width > 0 && width <= MAX_UNITS)
		return CER_OK;
	return cer_fail_at(b->err, CER_BAD_VALUE, cer_build_get_place(layer),
	                   "a layer of %zu units, allowed are 1 to %zu", width,
	                   MAX_UNITS);
}

/* ------------------------------------------------------------ products */

/* y = a x with factors of each member; members come out. */
static cer_status
add_factors(cer_build *b, const char *name, bool is_out, cer_build_value *value)
{
	size_t tokens = value->n_tokens > 0 ? value->n_tokens : 1;
	cer_node node = {
		.op = &cer_op_scale,
		.name = cer_text_of(name),
		.n_out = value->n,
		.m = b->n_members * tokens,
		.count = b->n_members,
		.begin = is_out,
		.is_first = !is_out && b->needs_signs,
	};

	b->needs_signs = false;
	CER_TRY(cer_build_add(b, &node, value));
	value->n_members = b->n_members;
	return CER_OK;
}

/* Each member has a product of its own.  Of the features alone: all of them
 * side by side in one first layer. */
static cer_status
add_own_products(cer_build *b, const cer_build_dense *dense, cer_node *node,
                 size_t n_members, cer_build_value *value)
{
	if (value->is_features && !b->is_shared)
	{
		node->op = &cer_op_first;
		node->n_out = dense->width * n_members;
		CER_TRY(cer_build_add(b, node, value));
		value->n = dense->width;
		value->n_members = n_members;
		return CER_OK;
	}
	CER_TRY(cer_build_get_vectors(b, value));
	node->op = &cer_op_members;
	node->count = n_members;
	node->m = n_members;
	CER_TRY(cer_build_add(b, node, value));
	value->n_members = n_members;
	return CER_OK;
}

static cer_status
add_product(cer_build *b, const cer_build_dense *dense, cer_build_value *value)
{
	size_t n_members = dense->is_output && value->n_members > 0
	                       ? value->n_members
	                       : b->n_members;
	bool has_factors = b->n_members > 0 && b->has_factors && !dense->is_output;
	cer_node node = {.op = &cer_op_dense,
	                 .name = cer_text_of(dense->name),
	                 .n_out = dense->width,
	                 .initial = dense->initial,
	                 .starts_zero = dense->starts_zero,
	                 .is_output = dense->is_output};

	if (n_members > 0 && value->n_tokens > 0)
		return cer_build_fail_unsupported(b, dense->layer,
		                                  " on tokens in an ensemble");
	if (n_members > 0 && !has_factors)
		return add_own_products(b, dense, &node, n_members, value);
	if (!has_factors && value->is_features && !b->is_shared)
		return cer_build_add_first(b, &node, value);
	CER_TRY(cer_build_get_vectors(b, value));
	if (has_factors)
		CER_TRY(add_factors(b, dense->name, false, value));
	CER_TRY(cer_build_add(b, &node, value));
	if (has_factors)
		CER_TRY(add_factors(b, dense->name, true, value));
	return CER_OK;
}

/* Realmlp's parametrisation: weights of deviation 1, smaller outputs. */
static cer_status
add_ntk_factor(cer_build *b, const cer_build_dense *dense, size_t n_in,
               cer_build_value *value)
{
	cer_node node = {.op = &cer_op_factor,
	                 .name = cer_text_of(dense->name),
	                 .n_out = dense->width,
	                 .factor = 1.0 / sqrt((double) n_in)};

	return cer_build_add(b, &node, value);
}

cer_status
cer_build_add_dense(cer_build *b, const cer_build_dense *dense,
                    cer_build_value *value)
{
	size_t n_in = value->is_features ? cer_build_count_features(b) : value->n;
	cer_node activate = {.op = &cer_op_activate,
	                     .name = cer_text_of(dense->name),
	                     .n_out = dense->width,
	                     .has_bias = dense->has_bias,
	                     .initial = dense->initial,
	                     .starts_zero = dense->starts_zero,
	                     .activation = dense->activation,
	                     .dropout = dense->dropout,
	                     .is_alpha = dense->is_alpha};

	CER_TRY(add_product(b, dense, value));
	b->initial = dense->initial;
	if (dense->initial == CER_INITIAL_NTK)
		CER_TRY(add_ntk_factor(b, dense, n_in, value));
	if (b->n_members > 0 || dense->is_output)
		activate.count = value->n_members;
	if (!dense->has_bias && dense->activation == CER_IDENTITY &&
	    dense->dropout == 0.0)
		return CER_OK;
	return cer_build_add(b, &activate, value);
}

/* The activation and the dropout that come next, in this order. */
cer_status
cer_build_take_elementwise(cer_build *b, const cer_layer **layer,
                           cer_build_dense *dense)
{
	const cer_layer *next = (*layer)->next;

	if (next != NULL && next->kind == CER_LAYER_ACTIVATION && !next->is_learnt)
	{
		dense->activation = next->activation;
		*layer = next;
		next = next->next;
	}
	if (next != NULL && next->kind == CER_LAYER_DROPOUT)
	{
		CER_TRY(check_dropout(b, next));
		dense->dropout = next->dropout;
		dense->is_alpha = next->is_alpha;
		*layer = next;
	}
	return CER_OK;
}

static cer_status
build_dense(cer_build *b, const cer_layer **layer, cer_build_value *value)
{
	char name[CER_MAX_NAME] = "first";
	bool is_first = value->is_features && !b->is_shared &&
	                !(b->n_members > 0 && b->has_factors);
	cer_build_dense dense = {.name = name,
	                         .layer = *layer,
	                         .width = (*layer)->width,
	                         .has_bias = !(*layer)->has_no_bias,
	                         .initial = (*layer)->initial};

	CER_TRY(cer_build_check_width(b, *layer, dense.width));
	CER_TRY(cer_build_check_width(b, *layer,
	                              b->n_members > 0 && is_first
	                                  ? dense.width * b->n_members
	                                  : dense.width));
	if (!is_first)
		cer_build_name(b, "dense", dense.width, name);
	CER_TRY(cer_build_take_elementwise(b, layer, &dense));
	return cer_build_add_dense(b, &dense, value);
}

cer_status
cer_build_add_output(cer_build *b, const cer_layer *layer,
                     cer_build_value *value)
{
	bool is_first = value->is_features && !b->is_shared && b->n_members == 0;
	cer_build_dense dense = {
		.name = is_first ? "first" : "output",
		.layer = layer,
		.width = b->builder->net->shape->n_classes,
		.has_bias = true,
		.is_output = true,
		.initial = b->initial,
		.starts_zero = b->initial == CER_INITIAL_NTK,
	};

	if (value->n_tokens > 0)
	{
		cer_fail_at(b->err, CER_BAD_VALUE, cer_build_get_place(layer),
		            "the output needs one vector, not %zu tokens",
		            value->n_tokens);
		cer_error_set_hint(b->err, "End with pool or flatten.");
		return CER_BAD_VALUE;
	}
	return cer_build_add_dense(b, &dense, value);
}

static cer_status
build_output(cer_build *b, const cer_layer **layer, cer_build_value *value)
{
	return cer_build_add_output(b, *layer, value);
}

/* ------------------------------------------------------------ inputs */

static cer_status
build_features(cer_build *b, const cer_layer **layer, cer_build_value *value)
{
	(void) b;
	(void) layer;
	*value = (cer_build_value){.is_features = true};
	return CER_OK;
}

static cer_status
build_wide(cer_build *b, const cer_layer **layer, cer_build_value *value)
{
	cer_node node = {.op = &cer_op_first,
	                 .name = cer_text_of("wide"),
	                 .n_out = b->builder->net->shape->n_classes,
	                 .is_wide = true};

	if (b->is_tower)
		return cer_build_fail_unsupported(b, *layer, " in by_table");
	*value = (cer_build_value){.is_features = true};
	CER_TRY(cer_build_add_first(b, &node, value));
	node.op = &cer_op_activate;
	node.has_bias = true;
	return cer_build_add(b, &node, value);
}

/* Lifts are added to the tokens of their numbers. */
static cer_status
add_projections(cer_build *b, cer_node *node, cer_build_value *value)
{
	cer_build_value parts[2] = {*value};

	if (b->view->n_lifts == 0)
		return CER_OK;
	node->op = &cer_op_project;
	node->m = value->n_tokens;
	CER_TRY(cer_build_get_lifts(b, &parts[1]));
	CER_TRY(cer_build_add_many(b, node, parts, 2));
	*value = parts[0];
	return CER_OK;
}

cer_status
cer_build_tokens(cer_build *b, const cer_layer **layer, cer_build_value *value)
{
	size_t n_tokens = (*layer)->has_cls + b->view->n_inputs +
	                  b->view->n_tables +
	                  cer_tokens_count_bags(b->builder->net->shape, b->view);
	char name[CER_MAX_NAME];
	cer_node node = {.op = &cer_op_tokens,
	                 .name = cer_text_of("tokens"),
	                 .n_out = (*layer)->width,
	                 .m = n_tokens,
	                 .view = b->view,
	                 .is_first = (*layer)->has_cls};

	CER_TRY(cer_build_check_width(b, *layer, (*layer)->width));
	cer_build_name(b, "tokens", (*layer)->width, name);
	node.name = cer_text_of(name);
	*value = (cer_build_value){.is_features = true};
	CER_TRY(cer_build_add(b, &node, value));
	value->n_tokens = n_tokens;
	return add_projections(b, &node, value);
}

/* ------------------------------------------------------------ one by one */

static cer_status
add_activate(cer_build *b, const char *kind, const cer_build_dense *what,
             cer_build_value *value)
{
	char name[CER_MAX_NAME];
	cer_node node = {.op = &cer_op_activate,
	                 .n_out = value->n,
	                 .activation = what->activation,
	                 .dropout = what->dropout,
	                 .is_alpha = what->is_alpha};

	cer_build_name(b, kind, value->n, name);
	node.name = cer_text_of(name);
	return cer_build_add(b, &node, value);
}

static cer_status
build_learnt(cer_build *b, const cer_layer *layer, cer_build_value *value)
{
	char name[CER_MAX_NAME];
	cer_node node = {.op = &cer_op_learnt,
	                 .n_out = value->n,
	                 .activation = layer->activation,
	                 .count = b->n_members > 0 ? value->n_members : 0};

	cer_build_name(b, "activation", value->n, name);
	node.name = cer_text_of(name);
	return cer_build_add(b, &node, value);
}

static cer_status
build_activation(cer_build *b, const cer_layer **layer, cer_build_value *value)
{
	const cer_layer *next = (*layer)->next;
	cer_build_dense what = {.activation = (*layer)->activation};

	CER_TRY(cer_build_get_vectors(b, value));
	if ((*layer)->is_learnt)
		return build_learnt(b, *layer, value);
	if (next != NULL && next->kind == CER_LAYER_DROPOUT)
	{
		CER_TRY(check_dropout(b, next));
		what.dropout = next->dropout;
		what.is_alpha = next->is_alpha;
		*layer = next;
	}
	return add_activate(b, "activation", &what, value);
}

static cer_status
build_dropout(cer_build *b, const cer_layer **layer, cer_build_value *value)
{
	cer_build_dense what = {.dropout = (*layer)->dropout,
	                        .is_alpha = (*layer)->is_alpha};

	CER_TRY(check_dropout(b, *layer));
	CER_TRY(cer_build_get_vectors(b, value));
	return add_activate(b, "dropout", &what, value);
}

static cer_status
build_norm(cer_build *b, const cer_layer **layer, cer_build_value *value)
{
	bool is_batch = (*layer)->norm == CER_NORM_BATCH;
	char name[CER_MAX_NAME];
	cer_node node = {.op = is_batch ? &cer_op_moments : &cer_op_norm};

	CER_TRY(cer_build_get_vectors(b, value));
	cer_build_name(b, "norm", value->n, name);
	node.name = cer_text_of(name);
	node.n_out = value->n;
	node.count = value->n_members;
	if (is_batch)
	{
		CER_TRY(cer_build_add(b, &node, value));
		node.op = &cer_op_standardize;
	}
	return cer_build_add(b, &node, value);
}

static cer_status
build_scale(cer_build *b, const cer_layer **layer, cer_build_value *value)
{
	char name[CER_MAX_NAME];
	cer_node node = {.op = &cer_op_scale};

	(void) layer;
	CER_TRY(cer_build_get_vectors(b, value));
	cer_build_name(b, "scale", value->n, name);
	if (b->n_members > 0)
		return add_factors(b, name, false, value);
	node.name = cer_text_of(name);
	node.n_out = value->n;
	node.factor = CER_LARGE_RATE;
	return cer_build_add(b, &node, value);
}

static cer_status
build_glu(cer_build *b, const cer_layer **layer, cer_build_value *value)
{
	cer_node node = {.op = &cer_op_glu,
	                 .name = cer_text_of("glu"),
	                 .activation = (*layer)->activation};

	CER_TRY(cer_build_get_vectors(b, value));
	if (value->n % 2 != 0)
		return cer_fail_at(b->err, CER_BAD_VALUE, cer_build_get_place(*layer),
		                   "layer \"glu\" needs an even width, not %zu",
		                   value->n);
	node.n_out = value->n / 2;
	return cer_build_add(b, &node, value);
}

/* ------------------------------------------------------------ cross */

cer_status
cer_build_add_named_dense(cer_build *b, const char *name, const char *part,
                          cer_build_dense dense, cer_build_value *value)
{
	char whole[2 * CER_MAX_NAME];

	snprintf(whole, sizeof(whole), "%s%s", name, part);
	dense.name = whole;
	return cer_build_add_dense(b, &dense, value);
}

static cer_status
build_cross(cer_build *b, const cer_layer **layer, cer_build_value *value)
{
	size_t rank = (*layer)->rank;
	char name[CER_MAX_NAME];
	cer_build_value parts[3];
	cer_node node = {.op = &cer_op_cross};
	cer_build_dense dense = {.layer = *layer,
	                         .has_bias = true,
	                         .initial = (*layer)->initial,
	                         .dropout = (*layer)->dropout};

	CER_TRY(check_dropout(b, *layer));
	CER_TRY(cer_build_need_vector(b, *layer, value));
	if (b->n_members > 0)
		return cer_build_fail_unsupported(b, *layer, " in an ensemble");
	cer_build_name(b, "cross", value->n, name);
	if (value->node != b->last_cross)
		b->cross_start = *value;
	parts[0] = b->cross_start;
	parts[1] = *value;
	parts[2] = *value;
	dense.width = value->n;
	if (rank > 0)
		CER_TRY(cer_build_add_named_dense(
			b, name, ".down",
			(cer_build_dense){
				.layer = *layer, .width = rank, .initial = dense.initial},
			&parts[1]));
	CER_TRY(cer_build_add_named_dense(b, name, rank > 0 ? ".up" : "", dense,
	                                  &parts[1]));
	node.name = cer_text_of(name);
	node.n_out = value->n;
	CER_TRY(cer_build_add_many(b, &node, parts, 3));
	*value = parts[0];
	b->last_cross = value->node;
	return CER_OK;
}

/* ------------------------------------------------------------ tokens */

static cer_status
build_attention(cer_build *b, const cer_layer **layer, cer_build_value *value)
{
	size_t n_heads = (*layer)->count > 0 ? (*layer)->count : 1;
	char name[CER_MAX_NAME];
	cer_node node = {
		.op = &cer_op_attend, .count = n_heads, .dropout = (*layer)->dropout};
	cer_build_dense dense = {
		.layer = *layer, .has_bias = true, .initial = (*layer)->initial};
	size_t n;

	CER_TRY(check_dropout(b, *layer));
	CER_TRY(cer_build_need_tokens(b, *layer, value));
	n = value->n;
	if (n % n_heads != 0)
		return cer_fail_at(
			b->err, CER_BAD_VALUE, cer_build_get_place(*layer),
			"layer \"attention\" of %zu heads does not fit tokens of %zu",
			n_heads, n);
	cer_build_name(b, "attention", n, name);
	dense.width = 3 * n;
	CER_TRY(cer_build_add_named_dense(b, name, ".in", dense, value));
	node.name = cer_text_of(name);
	node.n_out = n;
	CER_TRY(cer_build_add_over(b, &node, value));
	if (b->needs_first)
		CER_TRY(cer_build_take_first(b, value));
	dense.width = n;
	return cer_build_add_named_dense(b, name, ".out", dense, value);
}

static cer_status
add_pool(cer_build *b, cer_node *node, cer_build_value *value)
{
	node->m = value->n_members > 0 ? value->n_members : 1;
	CER_TRY(cer_build_add_over(b, node, value));
	value->n_tokens = 0;
	value->lengths = 0;
	return CER_OK;
}

/* Where all of a row's tokens are there, and it is no ensemble's. */
cer_status
cer_build_take_first(cer_build *b, cer_build_value *value)
{
	char name[CER_MAX_NAME];
	cer_node node = {
		.op = &cer_op_pool, .pool = CER_POOL_FIRST, .n_out = value->n};

	if (value->n_tokens == 0 || value->lengths > 0 || value->n_members > 0 ||
	    b->n_members > 0 || b->builder->is_whole)
		return CER_OK;
	cer_build_name(b, "first_token", value->n, name);
	node.name = cer_text_of(name);
	b->has_first = true;
	return add_pool(b, &node, value);
}

cer_status
cer_build_pool(cer_build *b, const cer_layer **layer, cer_build_value *value)
{
	char name[CER_MAX_NAME];
	cer_node node = {.op = &cer_op_pool, .pool = (*layer)->pool};

	if (b->has_first && value->n_tokens == 0)
	{
		b->has_first = false;
		return CER_OK;
	}
	CER_TRY(cer_build_need_tokens(b, *layer, value));
	cer_build_name(b, "pool", value->n, name);
	node.name = cer_text_of(name);
	node.n_out = value->n;
	return add_pool(b, &node, value);
}

static cer_status
build_fm(cer_build *b, const cer_layer **layer, cer_build_value *value)
{
	cer_node node = {.op = &cer_op_fm, .name = cer_text_of("fm"), .n_out = 1};

	CER_TRY(cer_build_need_tokens(b, *layer, value));
	return add_pool(b, &node, value);
}

/* Tokens stand one after the other already. */
static cer_status
build_flatten(cer_build *b, const cer_layer **layer, cer_build_value *value)
{
	CER_TRY(cer_build_need_tokens(b, *layer, value));
	CER_TRY(cer_build_cut(b, value));
	value->n *= value->n_tokens;
	value->n_tokens = 0;
	value->lengths = 0;
	return CER_OK;
}

/* ------------------------------------------------------------ gate */

/* [a; b] */
static cer_status
add_pair(cer_build *b, const char *name, const cer_build_value *first,
         const cer_build_value *second, cer_build_value *made)
{
	cer_build_value parts[2] = {*first, *second};
	cer_node node = {.op = &cer_op_concat,
	                 .name = cer_text_of(name),
	                 .n_out = first->n + second->n};

	CER_TRY(cer_build_add_many(b, &node, parts, 2));
	*made = parts[0];
	return CER_OK;
}

/* Gates z and r of (m, h), then c of (r h, x). */
static cer_status
add_gates(cer_build *b, const cer_layer *layer, const char *name,
          const cer_build_value *x, const cer_build_value *h,
          cer_build_value parts[3])
{
	size_t n = x->n;
	cer_node mask = {.op = &cer_op_mask, .name = cer_text_of(name), .n_out = n};
	cer_node slice = {
		.op = &cer_op_slice, .name = cer_text_of(name), .n_out = n};
	cer_node product = {
		.op = &cer_op_product, .name = cer_text_of(name), .n_out = n};
	cer_build_dense dense = {.layer = layer,
	                         .width = 2 * n,
	                         .has_bias = true,
	                         .initial = layer->initial,
	                         .activation = CER_SIGMOID};
	cer_build_value gates = *x;
	cer_build_value kept[2];

	CER_TRY(cer_build_add(b, &mask, &gates));
	CER_TRY(add_pair(b, name, &gates, h, &gates));
	CER_TRY(cer_build_add_named_dense(b, name, ".in", dense, &gates));
	parts[0] = gates;
	CER_TRY(cer_build_add(b, &slice, &parts[0]));
	kept[0] = gates;
	kept[1] = *h;
	slice.begin = n;
	slice.m = 0;
	CER_TRY(cer_build_add(b, &slice, &kept[0]));
	CER_TRY(cer_build_add_many(b, &product, kept, 2));
	CER_TRY(add_pair(b, name, &kept[0], x, &parts[2]));
	dense.width = n;
	dense.activation = CER_TANH;
	parts[1] = *h;
	return cer_build_add_named_dense(b, name, ".out", dense, &parts[2]);
}

static cer_status
build_gate(cer_build *b, const cer_layer **layer, cer_build_value *value)
{
	size_t n_stages = (*layer)->count > 0 ? (*layer)->count : 1;
	cer_build_value h;

	CER_TRY(check_dropout(b, *layer));
	CER_TRY(cer_build_need_vector(b, *layer, value));
	if (b->n_members > 0)
		return cer_build_fail_unsupported(b, *layer, " in an ensemble");
	h = *value;
	for (size_t i = 0; i < n_stages; i++)
	{
		char name[CER_MAX_NAME];
		cer_build_value parts[3];
		cer_node blend = {.op = &cer_op_blend, .n_out = value->n};
		cer_build_dense what = {.dropout = (*layer)->dropout};

		cer_build_name(b, "gate", value->n, name);
		CER_TRY(add_gates(b, *layer, name, value, &h, parts));
		blend.name = cer_text_of(name);
		CER_TRY(cer_build_add_many(b, &blend, parts, 3));
		h = parts[0];
		if (what.dropout > 0.0)
			CER_TRY(add_activate(b, "dropout", &what, &h));
	}
	*value = h;
	return CER_OK;
}

/* ------------------------------------------------------------ neighbours */

static cer_status
build_neighbours(cer_build *b, const cer_layer **layer, cer_build_value *value)
{
	cer_node candidates = {.op = &cer_op_candidates,
	                       .name = cer_text_of("candidates")};
	cer_node neighbours = {.op = &cer_op_neighbours,
	                       .name = cer_text_of("neighbours"),
	                       .n_out = b->builder->net->shape->n_classes,
	                       .count = (*layer)->count > 0 ? (*layer)->count
	                                                    : CER_CANDIDATES};

	if (b->n_members > 0 || value->n_members > 0 || b->prefix != NULL)
		return cer_build_fail_unsupported(b, *layer, " in an ensemble");
	if (*layer != b->last)
		return cer_fail_at(b->err, CER_BAD_VALUE, cer_build_get_place(*layer),
		                   "layer \"neighbours\" can only end a network");
	CER_TRY(cer_build_need_vector(b, *layer, value));
	candidates.n_out = value->n;
	CER_TRY(cer_build_add(b, &candidates, value));
	return cer_build_add(b, &neighbours, value);
}

/* ------------------------------------------------------------ all */

cer_build_fn
cer_build_find(cer_layer_kind kind)
{
	static const cer_build_fn layers[] = {
		[CER_LAYER_FEATURES] = build_features,
		[CER_LAYER_TOKENS] = cer_build_tokens,
		[CER_LAYER_SERIES] = cer_build_series,
		[CER_LAYER_WIDE] = build_wide,
		[CER_LAYER_DENSE] = build_dense,
		[CER_LAYER_ACTIVATION] = build_activation,
		[CER_LAYER_DROPOUT] = build_dropout,
		[CER_LAYER_NORM] = build_norm,
		[CER_LAYER_SCALE] = build_scale,
		[CER_LAYER_CROSS] = build_cross,
		[CER_LAYER_FM] = build_fm,
		[CER_LAYER_ATTENTION] = build_attention,
		[CER_LAYER_GLU] = build_glu,
		[CER_LAYER_GATE] = build_gate,
		[CER_LAYER_POOL] = cer_build_pool,
		[CER_LAYER_CONV] = cer_build_conv,
		[CER_LAYER_CONV2D] = cer_build_conv,
		[CER_LAYER_GRU] = cer_build_recurrent,
		[CER_LAYER_LSTM] = cer_build_recurrent,
		[CER_LAYER_POSITION] = cer_build_position,
		[CER_LAYER_FLATTEN] = build_flatten,
		[CER_LAYER_NEIGHBOURS] = build_neighbours,
		[CER_LAYER_OUTPUT] = build_output,
	};
	size_t i = (size_t) kind;

	return i < sizeof(layers) / sizeof(layers[0]) ? layers[i] : NULL;
}
