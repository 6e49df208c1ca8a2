/*
 * nn/build_uses.c
 *	  How many layers of a structure take the features as one vector.
 */
#include "nn/build.h"

static size_t
count_uses_of_children(const cer_layer *layer, bool *is_features)
{
	size_t n = 0;

	for (const cer_layer *child = layer->first; child; child = child->next)
		n += cer_build_count_uses(child, is_features);
	return n;
}

static size_t
count_uses_side_by_side(const cer_layer *layer, bool is_features)
{
	size_t n = 0;

	for (const cer_layer *child = layer->first; child; child = child->next)
	{
		bool flows = is_features;

		n += cer_build_count_uses(child, &flows);
		n += flows;
	}
	return n;
}

size_t
cer_build_count_uses(const cer_layer *layer, bool *is_features)
{
	bool flows = *is_features;

	switch (layer->kind)
	{
		case CER_LAYER_CHAIN:
		case CER_LAYER_ENSEMBLE:
			return count_uses_of_children(layer, is_features);
		case CER_LAYER_FEATURES:
			*is_features = true;
			return 0;
		default:
			break;
	}
	*is_features = false;
	if (layer->kind == CER_LAYER_TOKENS || layer->kind == CER_LAYER_WIDE ||
	    layer->kind == CER_LAYER_SERIES || layer->kind == CER_LAYER_POOL_ROWS ||
	    layer->kind == CER_LAYER_BY_TABLE || layer->kind == CER_LAYER_OF_TABLE)
		return 0;
	if (layer->kind == CER_LAYER_CONCAT || layer->kind == CER_LAYER_SUM)
		return count_uses_side_by_side(layer, flows);
	if (layer->kind == CER_LAYER_SKIP)
		return flows + count_uses_of_children(layer, &flows);
	return flows;
}
