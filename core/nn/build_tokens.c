/*
 * nn/build_tokens.c
 *	  Layers that make tokens, let them attend to each other, and make one
 *	  vector of them.
 */
#include "nn/build.h"

#include "base/text.h"

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

/* Whether the first one can be had alone: not of what is told apart by how many
 * tokens there are, nor for a net that is to have all. */
static bool
has_one_first(const cer_build *b, const cer_build_value *value)
{
	return value->n_tokens > 0 && value->lengths == 0 &&
	       value->n_members == 0 && b->n_members == 0 && !b->builder->is_whole;
}

cer_status
cer_build_attention(cer_build *b, const cer_layer **layer,
                    cer_build_value *value)
{
	size_t n_heads = (*layer)->count > 0 ? (*layer)->count : 1;
	char name[CER_MAX_NAME];
	cer_node node = {
		.op = &cer_op_attend, .count = n_heads, .dropout = (*layer)->dropout};
	cer_build_dense dense = {
		.layer = *layer, .has_bias = true, .initial = (*layer)->initial};
	bool is_last = b->needs_first;
	size_t n;

	CER_TRY(cer_build_check_dropout(b, *layer));
	CER_TRY(cer_build_need_tokens(b, *layer, value));
	n = value->n;
	if (n % n_heads != 0)
		return cer_fail_at(
			b->err, CER_BAD_VALUE, cer_build_get_place(*layer),
			"layer \"attention\" of %zu heads does not fit tokens of %zu",
			n_heads, n);
	cer_build_name(b, "attention", n, name);
	if (is_last && has_one_first(b, value))
		dense.n_first = node.n_first = n;
	dense.width = 3 * n;
	CER_TRY(cer_build_add_named_dense(b, name, ".in", dense, value));
	node.name = cer_text_of(name);
	node.n_out = n;
	CER_TRY(cer_build_add_over(b, &node, value));
	if (is_last)
		CER_TRY(cer_build_take_first(b, value));
	dense.width = n;
	dense.n_first = 0;
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

cer_status
cer_build_take_first(cer_build *b, cer_build_value *value)
{
	char name[CER_MAX_NAME];
	cer_node node = {
		.op = &cer_op_pool, .pool = CER_POOL_FIRST, .n_out = value->n};

	if (!has_one_first(b, value))
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

cer_status
cer_build_fm(cer_build *b, const cer_layer **layer, cer_build_value *value)
{
	cer_node node = {.op = &cer_op_fm, .name = cer_text_of("fm"), .n_out = 1};

	CER_TRY(cer_build_need_tokens(b, *layer, value));
	return add_pool(b, &node, value);
}

/* Tokens stand one after the other already. */
cer_status
cer_build_flatten(cer_build *b, const cer_layer **layer, cer_build_value *value)
{
	CER_TRY(cer_build_need_tokens(b, *layer, value));
	CER_TRY(cer_build_cut(b, value));
	value->n *= value->n_tokens;
	value->n_tokens = 0;
	value->lengths = 0;
	return CER_OK;
}
