/*
 * nn/build.c
 *	  A structure, the tree of layers that AS means, becomes operators in order.
 *
 * A value flows along the tree: the node that makes it and its shape.  The
 * features are a value that no node has made yet: a dense layer that takes
 * them becomes "first", which never sees them as one vector.
 *
 * What is element by element after a product is done in one pass: a dense
 * layer takes the activation and the dropout that follow it in its chain into
 * one "activate".
 */
#include "base/error.h"
#include "base/text.h"
#include "nn/operator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_UNITS ((size_t) 1 << 16)
#define MAX_NAME  96

typedef struct build_value
{
	bool is_features;
	size_t node; /* that makes it */
	size_t n;    /* floats a row */
} build_value;

typedef struct build
{
	cer_net_builder *builder;
	cer_error *err;
} build;

/* A layer's operators: value becomes what the layer makes of it.  *layer may
 * move on to a sibling that the layer has taken in. */
typedef cer_status (*build_fn)(build *b, const cer_layer **layer,
                               build_value *value);

static cer_place
get_place(const cer_layer *layer)
{
	return (cer_place){layer->line, layer->column};
}

/* ------------------------------------------------------------ names */

/* "dense(256)[1]": the second dense layer of 256 units.  The nodes that a
 * layer becomes share its name. */
static void
name_layer(const build *b, const char *kind, size_t n, char name[MAX_NAME])
{
	const cer_net *net = b->builder->net;
	size_t size = (size_t) snprintf(name, MAX_NAME, "%s(%zu)[", kind, n);
	size_t ordinal = 0;

	for (size_t i = 0; i < net->n_nodes; i++)
	{
		cer_text other = net->nodes[i].name;

		if (other.size > size && memcmp(other.data, name, size) == 0)
			ordinal = strtoul(other.data + size, NULL, 10) + 1;
	}
	snprintf(name + size, MAX_NAME - size, "%zu]", ordinal);
}

/* ------------------------------------------------------------ nodes */

/* The node's inputs and width of input are the value's, which it becomes. */
static cer_status
add_node(build *b, cer_node *node, build_value *value)
{
	cer_edge edge = {value->node, value->n, 1};

	if (!value->is_features)
	{
		node->inputs = &edge;
		node->n_inputs = 1;
		node->n_in = value->n;
	}
	node->m = 1;
	node->is_in_place =
		node->op == &cer_op_activate || node->op == &cer_op_softmax;
	node->has_bias = node->op == &cer_op_activate;
	CER_TRY(cer_net_add_node(b->builder, node, b->err));
	value->is_features = false;
	value->node = b->builder->net->n_nodes - 1;
	value->n = node->n_out;
	return CER_OK;
}

static cer_status
check_dropout(build *b, const cer_layer *layer)
{
	if (layer->dropout >= 0.0 && layer->dropout < 1.0)
		return CER_OK;
	return cer_fail_at(b->err, CER_BAD_VALUE, get_place(layer),
	                   "dropout must be at least 0 and less than 1, got %g",
	                   layer->dropout);
}

/* The activation and the dropout that come next, in this order. */
static cer_status
take_elementwise(build *b, const cer_layer **layer, cer_node *node)
{
	const cer_layer *next = (*layer)->next;

	if (next != NULL && next->kind == CER_LAYER_ACTIVATION && !next->is_learnt)
	{
		node->activation = next->activation;
		*layer = next;
		next = next->next;
	}
	if (next != NULL && next->kind == CER_LAYER_DROPOUT && !next->is_alpha)
	{
		CER_TRY(check_dropout(b, next));
		node->dropout = next->dropout;
		*layer = next;
	}
	return CER_OK;
}

static cer_status
add_product(build *b, const char *name, size_t n_out, build_value *value)
{
	cer_node node = {
		.op = value->is_features ? &cer_op_first : &cer_op_dense,
		.name = cer_text_of(name),
		.n_out = n_out,
	};

	return add_node(b, &node, value);
}

static cer_status
build_dense(build *b, const cer_layer **layer, build_value *value)
{
	size_t width = (*layer)->width;
	char name[MAX_NAME] = "first";
	cer_node activate = {.op = &cer_op_activate, .n_out = width};

	if (width == 0 || width > MAX_UNITS)
		return cer_fail_at(b->err, CER_BAD_VALUE, get_place(*layer),
		                   "a layer of %zu units, allowed are 1 to %zu", width,
		                   MAX_UNITS);
	if (!value->is_features)
		name_layer(b, "dense", width, name);
	CER_TRY(add_product(b, name, width, value));
	activate.name = cer_text_of(name);
	CER_TRY(take_elementwise(b, layer, &activate));
	return add_node(b, &activate, value);
}

static cer_status
add_output(build *b, build_value *value)
{
	size_t n_classes = b->builder->net->shape->n_classes;
	const char *name = value->is_features ? "first" : "output";
	cer_node activate = {
		.op = &cer_op_activate, .name = cer_text_of(name), .n_out = n_classes};

	CER_TRY(add_product(b, name, n_classes, value));
	return add_node(b, &activate, value);
}

static cer_status
build_output(build *b, const cer_layer **layer, build_value *value)
{
	(void) layer;
	return add_output(b, value);
}

static cer_status
build_layer(build *b, const cer_layer **layer, build_value *value);

static cer_status
build_chain(build *b, const cer_layer **layer, build_value *value)
{
	for (const cer_layer *child = (*layer)->first; child; child = child->next)
		CER_TRY(build_layer(b, &child, value));
	return CER_OK;
}

static const build_fn builders[] = {
	[CER_LAYER_CHAIN] = build_chain,
	[CER_LAYER_DENSE] = build_dense,
	[CER_LAYER_OUTPUT] = build_output,
};

static cer_status
build_layer(build *b, const cer_layer **layer, build_value *value)
{
	size_t kind = (size_t) (*layer)->kind;

	if (kind >= sizeof(builders) / sizeof(builders[0]) ||
	    builders[kind] == NULL)
		return cer_fail_at(
			b->err, CER_BAD_VALUE, get_place(*layer),
			"layer \"%s\" cannot be trained by the native executor yet",
			cer_layer_name((*layer)->kind));
	return builders[kind](b, layer, value);
}

/* Whether the last layer of a tree makes the logits. */
static bool
ends_with_output(const cer_layer *layer)
{
	while (layer != NULL && layer->kind == CER_LAYER_CHAIN)
		layer = layer->last;
	return layer != NULL && layer->kind == CER_LAYER_OUTPUT;
}

cer_status
cer_net_build(cer_net_builder *builder, const cer_layer *structure,
              cer_error *err)
{
	build b = {builder, err};
	build_value value = {.is_features = true};
	cer_node softmax = {.op = &cer_op_softmax,
	                    .name = cer_text_of("softmax"),
	                    .n_out = builder->net->shape->n_classes};

	CER_TRY(build_layer(&b, &structure, &value));
	if (!ends_with_output(structure))
		CER_TRY(add_output(&b, &value));
	return add_node(&b, &softmax, &value);
}
