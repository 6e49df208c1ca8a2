/*
 * nn/build.c
 *	  A structure, the tree of layers that AS means, becomes operators in order.
 *
 * A value flows along the tree: the node that makes it and its shape.  The
 * features are a value that no node has made yet: a dense layer that takes
 * them alone becomes "first", which never sees them as one vector.
 *
 * Shapes are known here and only here: a layer that does not fit says so, and
 * where it stands.
 */
#include "nn/build.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NODE_NAME (2 * CER_MAX_NAME + 64)

/* ------------------------------------------------------------ values */

static size_t
at_least_one(size_t n)
{
	return n > 0 ? n : 1;
}

size_t
cer_build_count_vectors(const cer_build_value *value)
{
	return at_least_one(value->n_tokens) * at_least_one(value->n_members);
}

cer_status
cer_build_fail_unsupported(cer_build *b, const cer_layer *layer,
                           const char *where)
{
	return cer_fail_at(
		b->err, CER_BAD_VALUE, cer_build_get_place(layer),
		"layer \"%s\"%s cannot be trained by the native executor yet",
		cer_layer_name(layer->kind), where);
}

size_t
cer_build_count_features(const cer_build *b)
{
	const cer_input_shape *shape = b->builder->net->shape;

	return cer_features_count(shape, b->view) + cer_lifts_count(shape, b->view);
}

/* Whether the view has anything that the encoders have finished. */
static bool
has_encoded(const cer_build *b)
{
	return b->view->n_numbers + b->view->n_tables > 0;
}

cer_status
cer_build_get_lifts(cer_build *b, cer_build_value *value)
{
	cer_node node = {.op = &cer_op_lift,
	                 .name = cer_text_of("lift"),
	                 .view = b->view,
	                 .keeps_output = true,
	                 .n_out = cer_lifts_count(b->builder->net->shape, b->view)};

	if (!b->has_lifts)
	{
		b->lifts = (cer_build_value){.is_features = true};
		CER_TRY(cer_build_add(b, &node, &b->lifts));
		b->has_lifts = true;
	}
	*value = b->lifts;
	return CER_OK;
}

/* Numbers and tables, then what is lifted. */
static cer_status
make_features(cer_build *b)
{
	cer_node node = {.op = &cer_op_features,
	                 .name = cer_text_of("features"),
	                 .view = b->view,
	                 .n_out =
	                     cer_features_count(b->builder->net->shape, b->view)};
	cer_node both = {.op = &cer_op_concat,
	                 .name = cer_text_of("features and lift"),
	                 .n_out = cer_build_count_features(b)};
	cer_build_value parts[2];

	parts[0] = (cer_build_value){.is_features = true};
	if (has_encoded(b))
		CER_TRY(cer_build_add(b, &node, &parts[0]));
	if (b->view->n_lifts > 0)
		CER_TRY(cer_build_get_lifts(b, &parts[1]));
	if (!has_encoded(b))
		parts[0] = parts[1];
	else if (b->view->n_lifts > 0)
		CER_TRY(cer_build_add_many(b, &both, parts, 2));
	b->features = parts[0];
	return CER_OK;
}

cer_status
cer_build_get_vectors(cer_build *b, cer_build_value *value)
{
	if (!value->is_features)
		return CER_OK;
	if (!b->has_features)
	{
		const struct cer_origin *origin = b->origin;

		b->origin = NULL; /* it is whoever's takes it */
		CER_TRY(make_features(b));
		b->origin = origin;
		b->has_features = true;
	}
	*value = b->features;
	return CER_OK;
}

cer_status
cer_build_add_first(cer_build *b, cer_node *node, cer_build_value *value)
{
	cer_build_value parts[2] = {*value};
	cer_node lifted = *node;
	cer_node both = {.op = &cer_op_sum,
	                 .name = cer_text_of("first and lift"),
	                 .n_out = node->n_out};
	char name[CER_MAX_NAME];

	node->op = &cer_op_first;
	if (b->view->n_lifts == 0)
		return cer_build_add(b, node, value);
	snprintf(name, sizeof(name), "%.*s lift", CER_SHOW(node->name));
	lifted.op = &cer_op_dense;
	lifted.name = cer_text_of(name);
	lifted.is_wide = false;
	CER_TRY(cer_build_get_lifts(b, &parts[1]));
	CER_TRY(cer_build_add(b, &lifted, &parts[1]));
	if (has_encoded(b))
	{
		CER_TRY(cer_build_add(b, node, &parts[0]));
		CER_TRY(cer_build_add_many(b, &both, parts, 2));
	}
	else
		parts[0] = parts[1];
	*value = parts[0];
	return CER_OK;
}

cer_status
cer_build_need_tokens(cer_build *b, const cer_layer *layer,
                      cer_build_value *value)
{
	CER_TRY(cer_build_get_vectors(b, value));
	if (value->n_tokens > 0)
		return CER_OK;
	cer_fail_at(b->err, CER_BAD_VALUE, cer_build_get_place(layer),
	            "layer \"%s\" needs tokens, not a vector of %zu numbers",
	            cer_layer_name(layer->kind), value->n);
	cer_error_set_hint(b->err,
	                   "Begin with tokens(width), one vector a feature.");
	return CER_BAD_VALUE;
}

cer_status
cer_build_need_vector(cer_build *b, const cer_layer *layer,
                      cer_build_value *value)
{
	CER_TRY(cer_build_get_vectors(b, value));
	if (value->n_tokens == 0)
		return CER_OK;
	cer_fail_at(b->err, CER_BAD_VALUE, cer_build_get_place(layer),
	            "layer \"%s\" needs one vector, not %zu tokens",
	            cer_layer_name(layer->kind), value->n_tokens);
	cer_error_set_hint(b->err, "Put pool or flatten before it.");
	return CER_BAD_VALUE;
}

/* ------------------------------------------------------------ names */

/* "planes/dense(64)[0]" is of the tower of planes. */
static bool
has_prefix(const cer_build *b, cer_text name)
{
	const cer_text *prefix = b->prefix;

	if (prefix == NULL)
		return true;
	return name.size > prefix->size &&
	       memcmp(name.data, prefix->data, prefix->size) == 0 &&
	       name.data[prefix->size] == '/';
}

static void
put_prefix(const cer_build *b, char to[MAX_NODE_NAME], cer_node *node)
{
	int size;

	if (b->prefix == NULL)
		return;
	size = snprintf(to, MAX_NODE_NAME, "%.*s/%.*s", CER_SHOW(*b->prefix),
	                CER_SHOW(node->name));
	node->name = (cer_text){
		to, (size_t) size < MAX_NODE_NAME ? (size_t) size : MAX_NODE_NAME - 1};
}

void
cer_build_name(const cer_build *b, const char *kind, size_t n,
               char name[CER_MAX_NAME])
{
	const cer_net *net = b->builder->net;
	size_t size = (size_t) snprintf(name, CER_MAX_NAME, "%s(%zu)[", kind, n);
	size_t skipped = b->prefix != NULL ? b->prefix->size + 1 : 0;
	size_t ordinal = 0;

	for (size_t i = 0; i < net->n_nodes; i++)
	{
		cer_text other = net->nodes[i].name;

		if (has_prefix(b, other) && other.size > skipped + size &&
		    memcmp(other.data + skipped, name, size) == 0)
			ordinal = strtoul(other.data + skipped + size, NULL, 10) + 1;
	}
	snprintf(name + size, CER_MAX_NAME - size, "%zu]", ordinal);
}

/* ------------------------------------------------------------ nodes */

static bool
works_in_place(const cer_operator *op)
{
	return op == &cer_op_activate || op == &cer_op_factor ||
	       op == &cer_op_moments || op == &cer_op_candidates ||
	       op == &cer_op_project;
}

cer_status
cer_build_add_many(cer_build *b, cer_node *node, cer_build_value *values,
                   size_t n)
{
	cer_edge edges[CER_MAX_PARTS];
	char name[MAX_NODE_NAME];
	cer_node named;

	for (size_t i = 0; i < n; i++)
		edges[i] = (cer_edge){values[i].node, values[i].n,
		                      cer_build_count_vectors(&values[i])};
	node->inputs = edges;
	node->n_inputs = n;
	node->n_in = n > 0 ? values[0].n : 0;
	if (node->m == 0)
		node->m = n > 0 ? edges[0].m : 1;
	node->n_members = values[0].n_members;
	node->n_tokens = values[0].n_tokens;
	node->is_in_place = works_in_place(node->op) ||
	                    (node->op == &cer_op_softmax && edges[0].m == 1);
	named = *node;
	put_prefix(b, name, &named);
	named.origin = b->origin;
	CER_TRY(cer_net_add_node(b->builder, &named, b->err));
	values[0].is_features = false;
	values[0].node = b->builder->net->n_nodes - 1;
	values[0].n = node->n_out;
	return CER_OK;
}

cer_status
cer_build_add(cer_build *b, cer_node *node, cer_build_value *value)
{
	return cer_build_add_many(b, node, value, value->is_features ? 0 : 1);
}

/* ------------------------------------------------------------ combinators */

static bool
is_token_wise(const cer_layer *layer)
{
	switch (layer->kind)
	{
		case CER_LAYER_DENSE:
		case CER_LAYER_ACTIVATION:
		case CER_LAYER_DROPOUT:
		case CER_LAYER_GLU:
			return true;
		case CER_LAYER_NORM:
			return layer->norm == CER_NORM_LAYER;
		case CER_LAYER_CHAIN:
		case CER_LAYER_SKIP:
			break;
		default:
			return false;
	}
	for (const cer_layer *child = layer->first; child; child = child->next)
		if (!is_token_wise(child))
			return false;
	return true;
}

/* Whether pool(first) comes, and until then each token is for itself; at the
 * end of a chain the one around it knows. */
static bool
comes_first(const cer_layer *layer, bool is_after)
{
	for (; layer != NULL && is_token_wise(layer); layer = layer->next)
		;
	if (layer == NULL)
		return is_after;
	return layer->kind == CER_LAYER_POOL && layer->pool == CER_POOL_FIRST;
}

/* Whether nothing of the layer takes what stands before it; layers of tables
 * say so themselves. */
static bool
begins_anew(const cer_layer *layer)
{
	switch (layer->kind)
	{
		case CER_LAYER_FEATURES:
		case CER_LAYER_TOKENS:
		case CER_LAYER_SERIES:
		case CER_LAYER_WIDE:
			return true;
		case CER_LAYER_CHAIN:
		case CER_LAYER_ENSEMBLE:
			return layer->first != NULL && begins_anew(layer->first);
		case CER_LAYER_CONCAT:
		case CER_LAYER_SUM:
			break;
		default:
			return false;
	}
	for (const cer_layer *child = layer->first; child; child = child->next)
		if (!begins_anew(child))
			return false;
	return true;
}

static cer_status
fail_lost(cer_build *b, const cer_layer *layer)
{
	cer_fail_at(b->err, CER_BAD_VALUE, cer_build_get_place(layer),
	            "layer \"%s\" takes features: no layer can stand before it",
	            cer_layer_name(layer->kind));
	cer_error_set_hint(b->err, "concat and sum put layers side by side.");
	return CER_BAD_VALUE;
}

/* The first token is taken as early as may be: layers that follow then go over
 * one instead of all, with the same bits. */
static cer_status
build_chain(cer_build *b, const cer_layer **layer, cer_build_value *value)
{
	bool is_after = b->needs_first;

	for (const cer_layer *child = (*layer)->first; child; child = child->next)
	{
		if (!value->is_features && begins_anew(child))
			return fail_lost(b, child);
		b->needs_first = comes_first(child->next, is_after);
		if (b->needs_first && is_token_wise(child))
			CER_TRY(cer_build_take_first(b, value));
		CER_TRY(cer_build_any(b, &child, value));
	}
	b->needs_first = is_after;
	return CER_OK;
}

static void
describe_shape(const cer_build_value *value, char text[64])
{
	if (value->n_tokens > 0)
		snprintf(text, 64, "%zu tokens of %zu", value->n_tokens, value->n);
	else
		snprintf(text, 64, "%zu", value->n);
}

/* Widths and tokens as asked; members agree anyhow. */
static cer_status
check_alike(cer_build *b, const cer_layer *layer, const cer_build_value *first,
            const cer_build_value *other, bool is_width_free)
{
	char one[64];
	char two[64];
	bool is_alike = first->n_members == other->n_members &&
	                first->lengths == other->lengths;

	if (!is_width_free || first->n_tokens > 0 || other->n_tokens > 0)
		is_alike = is_alike && first->n == other->n;
	if (!is_width_free)
		is_alike = is_alike && first->n_tokens == other->n_tokens;
	is_alike = is_alike && (first->n_tokens > 0) == (other->n_tokens > 0);
	if (is_alike)
		return CER_OK;
	describe_shape(first, one);
	describe_shape(other, two);
	return cer_fail_at(b->err, CER_BAD_VALUE, cer_build_get_place(layer),
	                   "layer \"%s\" cannot put together %s and %s%s",
	                   cer_layer_name(layer->kind), one, two,
	                   first->n_members != other->n_members
	                       ? ", one of them of an ensemble"
	                       : "");
}

/* Each child takes the value. */
static cer_status
build_children(cer_build *b, const cer_layer *layer,
               const cer_build_value *value, cer_build_value *made, size_t *n)
{
	*n = 0;
	for (const cer_layer *child = layer->first; child; child = child->next)
	{
		cer_layer alone = *child;
		const cer_layer *at = &alone;

		alone.next = NULL; /* nothing of a sibling's is taken in */
		if (*n == CER_MAX_PARTS)
			return cer_fail_at(b->err, CER_TOO_BIG, cer_build_get_place(layer),
			                   "layer \"%s\" has more than %d parts",
			                   cer_layer_name(layer->kind), CER_MAX_PARTS);
		made[*n] = *value;
		CER_TRY(cer_build_any(b, &at, &made[*n]));
		CER_TRY(cer_build_get_vectors(b, &made[*n]));
		(*n)++;
	}
	return CER_OK;
}

cer_status
cer_build_add_up(cer_build *b, const cer_layer *layer, cer_build_value *parts,
                 size_t n)
{
	cer_node node = {
		.op = &cer_op_sum, .name = cer_text_of("sum"), .n_out = parts[0].n};

	for (size_t i = 1; i < n; i++)
		CER_TRY(check_alike(b, layer, &parts[0], &parts[i], false));
	return cer_build_add_many(b, &node, parts, n);
}

static cer_status
build_sum(cer_build *b, const cer_layer **layer, cer_build_value *value)
{
	cer_build_value parts[CER_MAX_PARTS];
	size_t n;

	CER_TRY(build_children(b, *layer, value, parts, &n));
	if (n == 0)
		return CER_OK;
	CER_TRY(cer_build_add_up(b, *layer, parts, n));
	*value = parts[0];
	return CER_OK;
}

/* Tokens are joined as one list: their floats, which stand one after the
 * other. */
cer_status
cer_build_join(cer_build *b, const cer_layer *layer, cer_build_value *parts,
               size_t n)
{
	cer_build_value first = parts[0];
	cer_node node = {.op = &cer_op_concat, .name = cer_text_of("concat")};
	size_t n_tokens = 0;

	for (size_t i = 0; i < n; i++)
	{
		CER_TRY(check_alike(b, layer, &first, &parts[i], true));
		if (parts[i].lengths != 0)
			return cer_fail_at(b->err, CER_BAD_VALUE,
			                   cer_build_get_place(layer),
			                   "layer \"%s\" cannot put together elements of "
			                   "arrays",
			                   cer_layer_name(layer->kind));
		n_tokens += parts[i].n_tokens;
		parts[i].n *= at_least_one(parts[i].n_tokens);
		parts[i].n_tokens = 0;
		node.n_out += parts[i].n;
	}
	CER_TRY(cer_build_add_many(b, &node, parts, n));
	parts[0].n_tokens = n_tokens;
	parts[0].n = n_tokens > 0 ? first.n : node.n_out;
	return CER_OK;
}

static cer_status
build_concat(cer_build *b, const cer_layer **layer, cer_build_value *value)
{
	cer_build_value parts[CER_MAX_PARTS];
	size_t n;

	CER_TRY(build_children(b, *layer, value, parts, &n));
	if (n == 0)
		return CER_OK;
	CER_TRY(cer_build_join(b, *layer, parts, n));
	*value = parts[0];
	return CER_OK;
}

static cer_status
build_skip(cer_build *b, const cer_layer **layer, cer_build_value *value)
{
	cer_build_value parts[2];
	cer_node node = {.op = &cer_op_sum, .name = cer_text_of("skip")};

	CER_TRY(cer_build_get_vectors(b, value));
	parts[0] = *value;
	parts[1] = *value;
	CER_TRY(build_chain(b, layer, &parts[1]));
	if (b->has_first && parts[1].n_tokens == 0 && parts[0].n_tokens > 0)
		CER_TRY(cer_build_take_first(b, &parts[0]));
	CER_TRY(check_alike(b, *layer, &parts[0], &parts[1], false));
	node.n_out = parts[0].n;
	CER_TRY(cer_build_add_many(b, &node, parts, 2));
	*value = parts[0];
	return CER_OK;
}

cer_status
cer_build_any(cer_build *b, const cer_layer **layer, cer_build_value *value)
{
	static const cer_build_fn combinators[] = {
		[CER_LAYER_CHAIN] = build_chain,
		[CER_LAYER_CONCAT] = build_concat,
		[CER_LAYER_SUM] = build_sum,
		[CER_LAYER_SKIP] = build_skip,
		[CER_LAYER_ENSEMBLE] = cer_build_ensemble,
		[CER_LAYER_BY_TABLE] = cer_build_by_table,
		[CER_LAYER_POOL_ROWS] = cer_build_pool_rows,
		[CER_LAYER_OF_TABLE] = cer_build_of_table,
	};
	size_t kind = (size_t) (*layer)->kind;
	const struct cer_origin *around = b->origin;
	cer_build_fn build = cer_build_find((*layer)->kind);

	if (kind < sizeof(combinators) / sizeof(combinators[0]))
		build = combinators[kind];
	if (build != NULL && build != build_chain && build != build_skip &&
	    kind < sizeof(combinators) / sizeof(combinators[0]))
		b->needs_first = false; /* of its parts, side by side */
	if (build == NULL)
		return cer_build_fail_unsupported(b, *layer, "");
	b->origin = (*layer)->origin;
	CER_TRY(build(b, layer, value));
	b->origin = around;
	return CER_OK;
}

/* ------------------------------------------------------------ all of it */

bool
cer_build_makes_logits(const cer_build *b, const cer_layer *layer)
{
	if (layer == NULL)
		return false;
	if (layer->kind == CER_LAYER_BY_TABLE)
		return layer->joining == CER_JOINING_SUM &&
		       (layer == b->last || cer_build_makes_logits(b, layer->first));
	if (layer->kind == CER_LAYER_OUTPUT || layer->kind == CER_LAYER_WIDE ||
	    layer->kind == CER_LAYER_NEIGHBOURS)
		return true;
	if (layer->kind == CER_LAYER_CHAIN || layer->kind == CER_LAYER_ENSEMBLE)
		return cer_build_makes_logits(b, layer->last);
	if (layer->kind != CER_LAYER_SUM || layer->first == NULL)
		return false;
	for (const cer_layer *child = layer->first; child; child = child->next)
		if (!cer_build_makes_logits(b, child))
			return false;
	return true;
}

/* What a chain ends with. */
static const cer_layer *
find_last(const cer_layer *layer)
{
	while (layer != NULL && (layer->kind == CER_LAYER_CHAIN ||
	                         layer->kind == CER_LAYER_ENSEMBLE))
		layer = layer->last;
	return layer;
}

cer_status
cer_net_build(cer_net_builder *builder, const cer_layer *structure,
              cer_error *err)
{
	cer_build b = {.builder = builder, .err = err, .last_cross = SIZE_MAX};
	cer_build_value value = {.is_features = true};
	cer_node softmax = {.op = &cer_op_softmax,
	                    .name = cer_text_of("softmax"),
	                    .n_out = builder->net->shape->n_classes,
	                    .m = 1};
	bool is_features = true;

	b.last = find_last(structure);
	CER_TRY(
		cer_view_make_all(builder->arena, builder->net->shape, &b.view, err));
	b.is_shared = cer_build_count_uses(structure, &is_features) > 1;
	CER_TRY(cer_build_any(&b, &structure, &value));
	if (!cer_build_makes_logits(&b, structure))
		CER_TRY(cer_build_add_output(&b, structure, &value));
	return cer_build_add(&b, &softmax, &value);
}
