/*
 * lang/resolve_as.c
 *	  AS: the structure and its layers; runs of one width become `w x n`.
 */
#include "lang/resolver.h"

#include "lang/bind.h"

#include <string.h>

#define MIN_RUN 3 /* layers of one width that are written w x n */

static cer_status
add_units(cer_resolver *r, cer_place place, double units, double count)
{
	if (count > CER_MAX_LAYERS - (double) r->n_units)
		return cer_fail_at(r->err, CER_TOO_BIG, place, "more than %d layers",
		                   CER_MAX_LAYERS);
	for (; count > 0; count--)
		r->units[r->n_units++] = (size_t) units;
	return CER_OK;
}

static const cer_arg layer_count = {.name = "number of layers",
                                    .help = "what stands after \"x\"",
                                    .type = CER_ARG_INTEGER,
                                    .least = 1,
                                    .most = CER_MAX_LAYERS};

/* The widths that a structure's arguments list. */
static cer_status
resolve_units(cer_resolver *r, const cer_ast *call, const cer_word *word)
{
	const cer_arg *arg = &word->args[0];

	for (const cer_ast *child = call->first; child; child = child->next)
	{
		const cer_ast *units = child;
		double count = 1;

		if (child->kind == CER_AST_NAMED)
			return cer_arg_fail_unknown(child, word, r->err);
		if (child->kind == CER_AST_TIMES)
		{
			units = child->first;
			CER_TRY(cer_arg_check(&layer_count, child->last, r->err));
			count = child->last->number;
		}
		CER_TRY(cer_arg_check(arg, units, r->err));
		CER_TRY(add_units(r, child->place, units->number, count));
	}
	if (r->n_units > 0)
		return CER_OK;
	r->n_units = arg->n_fallback_units;
	memcpy(r->units, arg->fallback_units, r->n_units * sizeof(*r->units));
	return CER_OK;
}

static cer_status
append_number(cer_resolver *r, cer_ast *parent, size_t value)
{
	cer_ast *number;

	CER_TRY(cer_resolver_make_node(r, CER_AST_NUMBER, parent->place, &number));
	number->number = (double) value;
	cer_ast_append(parent, number);
	return CER_OK;
}

/* Rewrites the list of layers: w x n for runs. */
static cer_status
rewrite_units(cer_resolver *r, cer_ast *call)
{
	size_t run;

	cer_ast_remove_children(call);
	for (size_t i = 0; i < r->n_units; i += run)
	{
		cer_ast *times;

		for (run = 1; i + run < r->n_units; run++)
			if (r->units[i + run] != r->units[i])
				break;
		if (run < MIN_RUN)
		{
			run = 1;
			CER_TRY(append_number(r, call, r->units[i]));
			continue;
		}
		CER_TRY(cer_resolver_make_node(r, CER_AST_TIMES, call->place, &times));
		CER_TRY(append_number(r, times, r->units[i]));
		CER_TRY(append_number(r, times, run));
		cer_ast_append(call, times);
	}
	return CER_OK;
}

cer_status
cer_resolve_as(cer_resolver *r, cer_ast *as)
{
	cer_ast *call = as->first;
	const cer_word *word = NULL;

	if (call == NULL)
	{
		CER_TRY(
			cer_resolver_make_call(r, CER_DEFAULT_STRUCTURE, as->place, &call));
		cer_ast_append(as, call);
	}
	if (call->kind != CER_AST_CALL)
		return cer_fail_at(r->err, CER_BAD_VALUE, call->place,
		                   "a number is no structure");
	CER_TRY(cer_call_find_word(call, CER_WORD_STRUCTURE, &word, r->err));
	r->place = call->place;
	CER_TRY(resolve_units(r, call, word));
	return rewrite_units(r, call);
}

static cer_status
append_layer(cer_resolver *r, cer_layer *parent, const cer_layer *from)
{
	cer_layer *layer =
		cer_layer_make(r->arena, from->kind, parent->line, parent->column);

	if (layer == NULL)
		return cer_fail_memory(r->err, sizeof(*layer));
	layer->width = from->width;
	layer->activation = from->activation;
	layer->dropout = from->dropout;
	cer_layer_append(parent, layer);
	return CER_OK;
}

/* PT gives the layers what AS leaves open. */
cer_status
cer_resolve_layers(cer_resolver *r)
{
	cer_mst *mst = r->mst;
	cer_layer activation = {.kind = CER_LAYER_ACTIVATION,
	                        .activation = mst->settings.activation};
	cer_layer dropout = {.kind = CER_LAYER_DROPOUT,
	                     .dropout = mst->settings.dropout};
	cer_layer *chain = cer_layer_make(r->arena, CER_LAYER_CHAIN, r->place.line,
	                                  r->place.column);

	if (chain == NULL)
		return cer_fail_memory(r->err, sizeof(*chain));
	for (size_t i = 0; i < r->n_units; i++)
	{
		cer_layer dense = {.kind = CER_LAYER_DENSE, .width = r->units[i]};

		CER_TRY(append_layer(r, chain, &dense));
		CER_TRY(append_layer(r, chain, &activation));
		if (dropout.dropout > 0.0)
			CER_TRY(append_layer(r, chain, &dropout));
	}
	mst->structure = chain;
	return CER_OK;
}
