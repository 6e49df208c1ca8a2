/*
 * nn/build_sequence.c
 *	  Layers that see tokens in their order: convolutions, recurrent ones,
 *	  places.
 */
#include "nn/build.h"

#include "base/text.h"

#define MAX_WINDOW ((size_t) 1 << 16) /* floats */

/* ------------------------------------------------------------ conv */

/* A grid of so many rows, if it is one. */
static cer_status
find_grid(cer_build *b, const cer_layer *layer, const cer_build_value *value,
          size_t *columns)
{
	*columns = 0;
	if (layer->kind != CER_LAYER_CONV2D)
		return CER_OK;
	if (layer->rows == 0 || value->n_tokens % layer->rows != 0)
		return cer_fail_at(b->err, CER_BAD_VALUE, cer_build_get_place(layer),
		                   "layer \"conv2d\" cannot lay %zu tokens in %zu rows",
		                   value->n_tokens, layer->rows);
	*columns = value->n_tokens / layer->rows;
	return CER_OK;
}

/* Windows of the tokens. */
static cer_status
add_windows(cer_build *b, const cer_layer *layer, const char *name,
            cer_build_value *value)
{
	size_t kernel = layer->count > 0 ? layer->count : 1;
	size_t n = kernel * value->n;
	cer_node node = {
		.op = &cer_op_unfold, .name = cer_text_of(name), .count = kernel};

	CER_TRY(find_grid(b, layer, value, &node.grid_columns));
	if (layer->kind == CER_LAYER_CONV2D)
		n *= kernel;
	if (n > MAX_WINDOW)
		return cer_fail_at(b->err, CER_TOO_BIG, cer_build_get_place(layer),
		                   "layer \"%s\" looks at %zu numbers at once, at most "
		                   "%zu",
		                   cer_layer_name(layer->kind), n, MAX_WINDOW);
	node.n_out = n;
	return cer_build_add(b, &node, value);
}

cer_status
cer_build_conv(cer_build *b, const cer_layer **layer, cer_build_value *value)
{
	const cer_layer *conv = *layer;
	char name[CER_MAX_NAME];
	cer_build_dense dense = {.name = name,
	                         .layer = conv,
	                         .width = conv->width,
	                         .has_bias = true,
	                         .initial = conv->initial};

	CER_TRY(cer_build_check_width(b, conv, conv->width));
	CER_TRY(cer_build_need_tokens(b, conv, value));
	cer_build_name(b, cer_layer_name(conv->kind), conv->width, name);
	CER_TRY(cer_build_cut(b, value));
	CER_TRY(add_windows(b, conv, name, value));
	CER_TRY(cer_build_take_elementwise(b, layer, &dense));
	return cer_build_add_dense(b, &dense, value);
}

/* ------------------------------------------------------------ recurrent */

cer_status
cer_build_recurrent(cer_build *b, const cer_layer **layer,
                    cer_build_value *value)
{
	size_t width = (*layer)->width;
	cer_cell_kind cell =
		(*layer)->kind == CER_LAYER_LSTM ? CER_CELL_LSTM : CER_CELL_GRU;
	size_t n_gates = cer_cell_count_gates(cell);
	char name[CER_MAX_NAME];
	cer_node node = {.op = &cer_op_recurrent, .cell = cell, .n_out = width};
	cer_build_dense dense = {.layer = *layer,
	                         .width = n_gates * width,
	                         .has_bias = true,
	                         .initial = (*layer)->initial};

	CER_TRY(cer_build_need_tokens(b, *layer, value));
	if (b->n_members > 0 || value->n_members > 0)
		return cer_build_fail_unsupported(b, *layer, " in an ensemble");
	CER_TRY(cer_build_check_width(b, *layer, dense.width));
	cer_build_name(b, cer_layer_name((*layer)->kind), width, name);
	CER_TRY(cer_build_add_named_dense(b, name, ".in", dense, value));
	node.name = cer_text_of(name);
	return cer_build_add_over(b, &node, value);
}

/* ------------------------------------------------------------ places */

cer_status
cer_build_position(cer_build *b, const cer_layer **layer,
                   cer_build_value *value)
{
	char name[CER_MAX_NAME];
	cer_node node = {.op = &cer_op_position};

	CER_TRY(cer_build_need_tokens(b, *layer, value));
	cer_build_name(b, "position", value->n, name);
	node.name = cer_text_of(name);
	node.n_out = value->n;
	return cer_build_add(b, &node, value);
}

/* ------------------------------------------------------------ series */

static size_t
find_longest(const cer_view *view)
{
	size_t most = 0;

	for (size_t i = 0; i < view->n_arrays; i++)
		if (view->arrays[i].n_elements > most)
			most = view->arrays[i].n_elements;
	return most;
}

cer_status
cer_build_elements(cer_build *b, cer_build_value *value)
{
	size_t n_tokens = find_longest(b->view);
	cer_build_value lengths = {.is_features = true};
	cer_node count = {.op = &cer_op_lengths,
	                  .name = cer_text_of("lengths"),
	                  .n_out = 1,
	                  .view = b->view};
	cer_node node = {.op = &cer_op_sequence,
	                 .name = cer_text_of("sequence"),
	                 .n_out = b->view->n_arrays,
	                 .m = n_tokens,
	                 .view = b->view};

	*value = (cer_build_value){.is_features = true};
	CER_TRY(cer_build_add(b, &count, &lengths));
	CER_TRY(cer_build_add(b, &node, value));
	value->n_tokens = n_tokens;
	value->lengths = lengths.node + 1;
	return CER_OK;
}

cer_status
cer_build_series(cer_build *b, const cer_layer **layer, cer_build_value *value)
{
	size_t width = (*layer)->width;
	char name[CER_MAX_NAME];
	cer_build_dense dense = {.name = name,
	                         .layer = *layer,
	                         .width = width,
	                         .has_bias = true,
	                         .initial = (*layer)->initial};

	if (b->view->n_arrays == 0)
		return cer_build_tokens(b, layer, value);
	CER_TRY(cer_build_check_width(b, *layer, width));
	CER_TRY(cer_build_elements(b, value));
	cer_build_name(b, "series", width, name);
	return cer_build_add_dense(b, &dense, value);
}

/* ------------------------------------------------------------ lengths */

cer_status
cer_build_add_over(cer_build *b, cer_node *node, cer_build_value *value)
{
	cer_build_value parts[2];

	if (value->lengths == 0)
		return cer_build_add(b, node, value);
	parts[0] = *value;
	parts[1] = (cer_build_value){.node = value->lengths - 1, .n = 1};
	CER_TRY(cer_build_add_many(b, node, parts, 2));
	*value = parts[0];
	return CER_OK;
}

cer_status
cer_build_cut(cer_build *b, cer_build_value *value)
{
	cer_node node = {
		.op = &cer_op_cut, .name = cer_text_of("cut"), .n_out = value->n};

	return value->lengths == 0 ? CER_OK : cer_build_add_over(b, &node, value);
}
