/*
 * nn/build_ensemble.c
 *	  Many of the same.
 *
 * Members of dense layers go through products side by side (op_members.c), or
 * share them (op_scale.c).  Of other layers each member is built alone, with
 * weights under its number, "2/gru(32)[0]", and what they make is put side by
 * side: vectors of members, as the others make them.  So a member may be an
 * ensemble itself, "2/scale(32)[0]": its vectors are members like all others,
 * each with a loss of its own.
 */
#include "nn/build.h"

#include "base/text.h"

#include <stdio.h>

/* Whether all of it can go through products of members. */
static bool
is_side_by_side(const cer_layer *layer)
{
	switch (layer->kind)
	{
		case CER_LAYER_CHAIN:
		case CER_LAYER_FEATURES:
		case CER_LAYER_DENSE:
		case CER_LAYER_ACTIVATION:
		case CER_LAYER_DROPOUT:
		case CER_LAYER_NORM:
		case CER_LAYER_SCALE:
		case CER_LAYER_SKIP:
			break;
		default:
			return false;
	}
	for (const cer_layer *child = layer->first; child; child = child->next)
		if (!is_side_by_side(child))
			return false;
	return true;
}

static bool
has_weights(const cer_build *b, size_t first_node)
{
	const cer_net *net = b->builder->net;

	for (size_t i = first_node; i < net->n_nodes; i++)
		if (net->nodes[i].n_tensors > 0)
			return true;
	return false;
}

/* "2", or "planes/2" in a tower. */
static void
name_member(const cer_text *outer, size_t member, char *name, size_t size)
{
	if (outer == NULL)
		snprintf(name, size, "%zu", member + 1);
	else
		snprintf(name, size, "%.*s/%zu", CER_SHOW(*outer), member + 1);
}

/* One vector of a row, with weights and features of its own. */
static cer_status
build_member(cer_build *b, const cer_layer *layer, size_t member,
             cer_build_value *value)
{
	const cer_text *outer = b->prefix;
	cer_text outer_inputs = b->builder->prefix;
	bool had_features = b->has_features;
	bool had_lifts = b->has_lifts;
	cer_build_value features = b->features;
	cer_build_value lifts = b->lifts;
	char name[CER_MAX_NAME];
	cer_text prefix;

	name_member(outer, member, name, sizeof(name));
	prefix = cer_text_of(name);
	b->prefix = &prefix;
	b->builder->prefix = prefix;
	b->has_features = false;
	b->has_lifts = false;
	for (const cer_layer *child = layer->first; child; child = child->next)
		CER_TRY(cer_build_any(b, &child, value));
	CER_TRY(cer_build_need_vector(b, layer, value));
	b->prefix = outer;
	b->builder->prefix = outer_inputs;
	b->has_features = had_features;
	b->features = features;
	b->has_lifts = had_lifts;
	b->lifts = lifts;
	return CER_OK;
}

/* Vectors of inner members, which stand one after the other, as one. */
static void
lay_flat(cer_build_value *members, size_t n)
{
	for (size_t i = 0; i < n; i++)
	{
		members[i].n *= cer_build_count_vectors(&members[i]);
		members[i].n_members = 0;
	}
}

static cer_status
build_members(cer_build *b, const cer_layer *layer, cer_build_value *value)
{
	size_t first_node = b->builder->net->n_nodes;
	cer_build_value members[CER_MAX_PARTS];
	size_t n = layer->count;
	size_t n_inner;
	size_t width;

	if (n > CER_MAX_PARTS)
		return cer_fail_at(b->err, CER_TOO_BIG, cer_build_get_place(layer),
		                   "an ensemble of %zu members, of these layers at "
		                   "most %d",
		                   n, CER_MAX_PARTS);
	for (size_t i = 0; i < n; i++)
	{
		members[i] = *value;
		CER_TRY(build_member(b, layer, i, &members[i]));
	}
	if (!has_weights(b, first_node))
		return cer_fail_at(b->err, CER_BAD_VALUE, cer_build_get_place(layer),
		                   "nothing in the ensemble has weights");
	width = members[0].n;
	n_inner = cer_build_count_vectors(&members[0]);
	lay_flat(members, n);
	CER_TRY(cer_build_join(b, layer, members, n));
	*value = members[0];
	value->n = width;
	value->n_members = n * n_inner;
	return CER_OK;
}

static cer_status
build_products(cer_build *b, const cer_layer *layer, cer_build_value *value)
{
	b->n_members = layer->count;
	b->has_factors = layer->sharing == CER_SHARING_ALL;
	b->needs_signs = true;
	for (const cer_layer *child = layer->first; child; child = child->next)
		CER_TRY(cer_build_any(b, &child, value));
	if (value->n_members == 0)
		return cer_fail_at(b->err, CER_BAD_VALUE, cer_build_get_place(layer),
		                   "nothing in the ensemble has weights");
	b->n_members = 0;
	return CER_OK;
}

static bool
are_side_by_side(const cer_layer *layer)
{
	for (const cer_layer *child = layer->first; child; child = child->next)
		if (!is_side_by_side(child))
			return false;
	return true;
}

cer_status
cer_build_ensemble(cer_build *b, const cer_layer **layer,
                   cer_build_value *value)
{
	if (value->n_members > 0 || b->n_members > 0)
		return cer_build_fail_unsupported(b, *layer, " in an ensemble");
	if ((*layer)->count == 0)
		return cer_fail_at(b->err, CER_BAD_VALUE, cer_build_get_place(*layer),
		                   "an ensemble without members");
	if ((*layer)->sharing == CER_SHARING_NONE && !are_side_by_side(*layer))
		return build_members(b, *layer, value);
	return build_products(b, *layer, value);
}
