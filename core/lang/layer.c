/*
 * lang/layer.c
 *	  Trees of layers: making them, what their kinds are called.
 */
#include "lang/layer.h"

#include <string.h>

cer_layer *
cer_layer_make(cer_arena *arena, cer_layer_kind kind, int line, int column)
{
	cer_layer *layer = cer_arena_allocate(arena, sizeof(*layer));

	if (layer == NULL)
		return NULL;
	memset(layer, 0, sizeof(*layer));
	layer->kind = kind;
	layer->line = line;
	layer->column = column;
	return layer;
}

void
cer_layer_append(cer_layer *parent, cer_layer *child)
{
	if (parent->last == NULL)
		parent->first = child;
	else
		parent->last->next = child;
	parent->last = child;
}

const char *
cer_layer_name(cer_layer_kind kind)
{
	static const char *const names[] = {
		[CER_LAYER_CHAIN] = "chain",
		[CER_LAYER_CONCAT] = "concat",
		[CER_LAYER_SUM] = "sum",
		[CER_LAYER_SKIP] = "skip",
		[CER_LAYER_ENSEMBLE] = "ensemble",
		[CER_LAYER_BY_TABLE] = "by_table",
		[CER_LAYER_POOL_ROWS] = "pool_rows",
		[CER_LAYER_OF_TABLE] = "of_table",
		[CER_LAYER_FEATURES] = "features",
		[CER_LAYER_TOKENS] = "tokens",
		[CER_LAYER_SERIES] = "series",
		[CER_LAYER_WIDE] = "wide",
		[CER_LAYER_DENSE] = "dense",
		[CER_LAYER_ACTIVATION] = "activation",
		[CER_LAYER_DROPOUT] = "dropout",
		[CER_LAYER_NORM] = "norm",
		[CER_LAYER_SCALE] = "scale",
		[CER_LAYER_CROSS] = "cross",
		[CER_LAYER_FM] = "fm",
		[CER_LAYER_ATTENTION] = "attention",
		[CER_LAYER_GLU] = "glu",
		[CER_LAYER_GATE] = "gate",
		[CER_LAYER_CONV] = "conv1d",
		[CER_LAYER_CONV2D] = "conv2d",
		[CER_LAYER_GRU] = "gru",
		[CER_LAYER_LSTM] = "lstm",
		[CER_LAYER_POSITION] = "position",
		[CER_LAYER_POOL] = "pool",
		[CER_LAYER_FLATTEN] = "flatten",
		[CER_LAYER_NEIGHBOURS] = "neighbours",
		[CER_LAYER_OUTPUT] = "output",
	};

	return names[kind];
}
