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

cer_status
cer_build_check_dropout(cer_build *b, const cer_layer *layer)
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
	                 .n_first = dense->n_first,
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
		CER_TRY(cer_build_check_dropout(b, next));
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

/* ------------------------------------------------------------ one by one */

cer_status
cer_build_add_activate(cer_build *b, const char *kind,
                       const cer_build_dense *what, cer_build_value *value)
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
		CER_TRY(cer_build_check_dropout(b, next));
		what.dropout = next->dropout;
		what.is_alpha = next->is_alpha;
		*layer = next;
	}
	return cer_build_add_activate(b, "activation", &what, value);
}

static cer_status
build_dropout(cer_build *b, const cer_layer **layer, cer_build_value *value)
{
	cer_build_dense what = {.dropout = (*layer)->dropout,
	                        .is_alpha = (*layer)->is_alpha};

	CER_TRY(cer_build_check_dropout(b, *layer));
	CER_TRY(cer_build_get_vectors(b, value));
	return cer_build_add_activate(b, "dropout", &what, value);
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

	CER_TRY(cer_build_check_dropout(b, *layer));
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

	if (b->n_members > 0 || value->n_members > 0)
		return cer_build_fail_unsupported(b, *layer, " in an ensemble");
	if (b->is_tower)
		return cer_build_fail_unsupported(b, *layer, " in by_table");
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
		[CER_LAYER_FM] = cer_build_fm,
		[CER_LAYER_ATTENTION] = cer_build_attention,
		[CER_LAYER_GLU] = build_glu,
		[CER_LAYER_GATE] = cer_build_gate,
		[CER_LAYER_POOL] = cer_build_pool,
		[CER_LAYER_CONV] = cer_build_conv,
		[CER_LAYER_CONV2D] = cer_build_conv,
		[CER_LAYER_GRU] = cer_build_recurrent,
		[CER_LAYER_LSTM] = cer_build_recurrent,
		[CER_LAYER_POSITION] = cer_build_position,
		[CER_LAYER_FLATTEN] = cer_build_flatten,
		[CER_LAYER_NEIGHBOURS] = build_neighbours,
		[CER_LAYER_OUTPUT] = build_output,
	};
	size_t i = (size_t) kind;

	return i < sizeof(layers) / sizeof(layers[0]) ? layers[i] : NULL;
}
