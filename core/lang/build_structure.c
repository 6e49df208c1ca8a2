/*
 * lang/build_structure.c
 *	  AS, canonical, to the tree of layers that it means: structures are
 *	  replaced by what they are made of, every argument has its value.
 */
#include "lang/resolver.h"

#include "base/text.h"

#include <string.h>

static cer_status
build_layer(cer_resolver *r, const cer_ast *ast, cer_layer *parent);

static cer_status
make_layer(cer_resolver *r, cer_layer_kind kind, cer_place place,
           cer_layer **layer)
{
	if (++r->n_layers > CER_MAX_TREE)
		return cer_fail_at(r->err, CER_TOO_BIG, place,
		                   "structure of more than %d layers", CER_MAX_TREE);
	*layer = cer_layer_make(r->arena, kind, place.line, place.column);
	if (*layer == NULL)
		return cer_fail_memory(r->err, sizeof(**layer));
	(*layer)->origin = r->origin;
	return CER_OK;
}

static cer_status
add_activation(cer_resolver *r, const cer_ast *call, const cer_word *word,
               cer_layer *parent)
{
	cer_layer *layer;

	CER_TRY(make_layer(r, CER_LAYER_ACTIVATION, call->place, &layer));
	layer->activation = (cer_activation) word->code;
	cer_layer_append(parent, layer);
	return CER_OK;
}

static cer_status
build_chain(cer_resolver *r, const cer_ast *chain, cer_layer *parent)
{
	for (const cer_ast *child = chain->first; child; child = child->next)
		CER_TRY(build_layer(r, child, parent));
	return CER_OK;
}

/* A combinator's child is one layer; several become a chain. */
static cer_status
build_child(cer_resolver *r, const cer_ast *ast, cer_layer *parent)
{
	cer_layer *chain;

	CER_TRY(make_layer(r, CER_LAYER_CHAIN, ast->place, &chain));
	CER_TRY(build_layer(r, ast, chain));
	if (chain->first == NULL || chain->first != chain->last)
		cer_layer_append(parent, chain);
	else
		cer_layer_append(parent, chain->first);
	return CER_OK;
}

static bool
is_repeat(const cer_word *word)
{
	return word->code == CER_LAYER_CHAIN;
}

static cer_status
build_repeat(cer_resolver *r, const cer_binding *binding, cer_layer *parent)
{
	for (double n = binding->values[0]; n > 0; n--)
		CER_TRY(build_layer(r, binding->written[1], parent));
	return CER_OK;
}

/* The layers among a layer's arguments become its children. */
static cer_status
build_children(cer_resolver *r, const cer_binding *binding, cer_layer *layer)
{
	const cer_ast *child = binding->rest;

	for (size_t i = 0; i < binding->n_rest; i++, child = child->next)
		CER_TRY(build_child(r, child, layer));
	for (size_t i = 0; i < binding->word->n_args; i++)
		if (binding->word->args[i].type == CER_ARG_LAYER)
			CER_TRY(build_child(r, binding->written[i], layer));
	return CER_OK;
}

static cer_status
build_word(cer_resolver *r, const cer_ast *call, const cer_word *word,
           cer_layer *parent)
{
	cer_binding binding;
	cer_layer *layer;

	CER_TRY(cer_call_bind(call, word, CER_FORM_TRIPLE, &binding, r->err));
	if (is_repeat(word))
		return build_repeat(r, &binding, parent);
	CER_TRY(make_layer(r, (cer_layer_kind) word->code, call->place, &layer));
	cer_binding_store(&binding, layer);
	if (layer->kind == CER_LAYER_DROPOUT && layer->dropout == 0)
		return CER_OK;
	CER_TRY(build_children(r, &binding, layer));
	cer_layer_append(parent, layer);
	return CER_OK;
}

static cer_status
build_expansion(cer_resolver *r, const cer_ast *call, const cer_word *word,
                cer_layer *parent)
{
	cer_ast *body;

	if (word->body == NULL)
		return cer_fail_at(r->err, CER_BAD_VALUE, call->place,
		                   "%s is all of AS, or nothing of it", word->name);
	if (r->depth == CER_MAX_STRUCTURES)
	{
		cer_fail_at(r->err, CER_TOO_BIG, call->place,
		            "structure \"%.*s\" is within %d others",
		            CER_SHOW(call->name), CER_MAX_STRUCTURES);
		cer_error_set_detail(r->err, "That is as deep as may be: perhaps it is "
		                             "made with itself.");
		return CER_TOO_BIG;
	}
	CER_TRY(cer_expand_call(r, call, word, &body));
	r->depth++;
	CER_TRY(build_layer(r, body, parent));
	r->depth--;
	return CER_OK;
}

static cer_status
build_call(cer_resolver *r, const cer_ast *call, const cer_word *word,
           cer_layer *parent)
{
	switch (word->kind)
	{
		case CER_WORD_ACTIVATION:
			return add_activation(r, call, word, parent);
		case CER_WORD_LAYER:
			return build_word(r, call, word, parent);
		default:
			return build_expansion(r, call, word, parent);
	}
}

static cer_status
build_layer(cer_resolver *r, const cer_ast *ast, cer_layer *parent)
{
	const cer_word *word = NULL;

	if (ast->kind == CER_AST_CHAIN)
		return build_chain(r, ast, parent);
	if (ast->kind != CER_AST_CALL)
		return cer_fail_at(r->err, CER_BAD_VALUE, ast->place,
		                   "a number is no structure");
	CER_TRY(cer_find_layer_word(r, ast, &word));
	if (word == NULL)
		return cer_call_find_word(ast, CER_WORD_STRUCTURE, &word, r->err);
	CER_TRY(cer_origin_enter(r, ast->name));
	CER_TRY(build_call(r, ast, word, parent));
	cer_origin_leave(r);
	return CER_OK;
}

/* AS auto: a structure is chosen later. */
static bool
is_auto(cer_resolver *r, const cer_ast *call)
{
	if (call->kind != CER_AST_CALL || !cer_text_is(call->name, "auto"))
		return false;
	r->mst->is_auto = true;
	r->mst->budget = call->first ? call->first->number : 0;
	return true;
}

cer_status
cer_build_structure(cer_resolver *r, const cer_ast *as)
{
	cer_layer *chain;

	if (r->unknown != NULL || is_auto(r, as->first))
		return CER_OK;
	CER_TRY(make_layer(r, CER_LAYER_CHAIN, as->first->place, &chain));
	CER_TRY(build_layer(r, as->first, chain));
	r->mst->structure = chain;
	return CER_OK;
}
