/*
 * nn/build_gate.c
 *	  Gated units that choose features, stage by stage (Joseph, Raj 2022).
 */
#include "nn/build.h"

#include "base/text.h"

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

cer_status
cer_build_gate(cer_build *b, const cer_layer **layer, cer_build_value *value)
{
	size_t n_stages = (*layer)->count > 0 ? (*layer)->count : 1;
	cer_build_value h;

	CER_TRY(cer_build_check_dropout(b, *layer));
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
			CER_TRY(cer_build_add_activate(b, "dropout", &what, &h));
	}
	*value = h;
	return CER_OK;
}
