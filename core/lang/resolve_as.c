/*
 * lang/resolve_as.c
 *	  AS in canonical form: words checked, arguments in the schema's order,
 *	  defaults left out, `activation(relu)` written `relu`.
 */
#include "lang/resolver.h"

#include "base/text.h"
#include "lang/change.h"
#include "lang/suggest.h"

#include <math.h>
#include <string.h>

/* ---------------------------------------------------------------- words */

static const cer_word *
find_own(const cer_resolver *r, cer_text name)
{
	for (size_t i = 0; i < r->n_structures; i++)
		if (cer_text_is(name, r->structures[i].name))
			return &r->structures[i];
	return NULL;
}

static const cer_word *
find_word(const cer_resolver *r, cer_text name)
{
	static const cer_word_kind kinds[] = {CER_WORD_STRUCTURE, CER_WORD_LAYER,
	                                      CER_WORD_ACTIVATION};
	const cer_word *word = NULL;

	for (size_t i = 0; i < 3 && word == NULL; i++)
		word = cer_schema_find(kinds[i], name);
	return word ? word : find_own(r, name);
}

cer_status
cer_find_layer_word(cer_resolver *r, const cer_ast *call, const cer_word **word)
{
	*word = find_word(r, call->name);
	if (*word != NULL || !cer_structure_is_misspelt(call->name))
		return CER_OK;
	return cer_call_find_word(call, CER_WORD_STRUCTURE, word, r->err);
}

bool
cer_structure_is_misspelt(cer_text name)
{
	/* in a change it stands for what is left out */
	if (cer_text_is(name, "default"))
		return true;
	for (size_t i = 0; i < cer_schema_count(); i++)
	{
		const cer_word *word = cer_schema_get(i);
		cer_text known = cer_text_of(word->name);

		if (cer_text_equals(known, name))
			return true;
		if (word->kind <= CER_WORD_LAYER && cer_suggest_is_slip(name, known))
			return true;
	}
	return false;
}

/* ---------------------------------------------------------------- layers */

static cer_status
resolve_children(cer_resolver *r, cer_ast *first, size_t n)
{
	for (cer_ast *child = first; n > 0; child = child->next, n--)
		CER_TRY(cer_resolve_layer(r, child));
	return CER_OK;
}

/* The layers among the arguments that were bound. */
static cer_status
resolve_arguments(cer_resolver *r, cer_binding *binding)
{
	for (size_t i = 0; i < binding->word->n_args; i++)
	{
		cer_arg_type type = binding->word->args[i].type;

		if (type == CER_ARG_CHILDREN)
			CER_TRY(resolve_children(r, binding->rest, binding->n_rest));
		else if (type == CER_ARG_LAYER && binding->written[i] != NULL)
			CER_TRY(cer_resolve_layer(r, binding->written[i]));
	}
	return CER_OK;
}

/* A function of units may be written by its name alone: then it is. */
static void
shorten_activation(cer_ast *call, const cer_word *word)
{
	const cer_ast *only = call->first;

	if (word->kind != CER_WORD_LAYER || word->code != CER_LAYER_ACTIVATION ||
	    only == NULL || only->next != NULL || only->kind != CER_AST_CALL)
		return;
	call->name = only->name;
	cer_ast_remove_children(call);
}

static cer_status
fail_times(cer_resolver *r, const cer_ast *times)
{
	cer_fail_at(r->err, CER_BAD_VALUE, times->place,
	            "\"x\" stands outside a list of widths");
	cer_error_set_hint(r->err, "Write repeat(n, layers).");
	return CER_BAD_VALUE;
}

/* How often: whole numbers, whatever stands for them. */
static cer_status
check_count(cer_resolver *r, const cer_ast *count)
{
	if (count->kind == CER_AST_NUMBER &&
	    !(count->number >= 1 && count->number <= CER_MAX_LAYERS &&
	      count->number == floor(count->number)))
	{
		cer_fail_at(r->err, CER_BAD_VALUE, count->place,
		            "bad value %g for number of layers", count->number);
		cer_error_set_detail(r->err,
		                     "number of layers is a whole number from 1 to %d.",
		                     CER_MAX_LAYERS);
		return CER_BAD_VALUE;
	}
	for (const cer_ast *child = count->first; child; child = child->next)
		CER_TRY(check_count(r, child));
	return CER_OK;
}

/* A number, or what stands for some. */
static bool
is_numeric(const cer_ast *value)
{
	if (value->kind == CER_AST_CHOICE)
	{
		for (const cer_ast *one = value->first; one; one = one->next)
			if (!is_numeric(one))
				return false;
		return true;
	}
	return value->kind == CER_AST_NUMBER || value->kind == CER_AST_RANGE;
}

/* w x n, where there may be such a thing. */
static cer_status
check_times(cer_resolver *r, const cer_ast *value)
{
	while (value->kind == CER_AST_OPTIONAL || value->kind == CER_AST_CONDITION)
		value = value->first;
	if (value->kind == CER_AST_CHOICE)
		for (const cer_ast *one = value->first; one; one = one->next)
			CER_TRY(check_times(r, one));
	if (value->kind != CER_AST_TIMES && value->kind != CER_AST_FREE_TIMES)
		return CER_OK;
	if (!is_numeric(value->first) || !is_numeric(value->last))
		return fail_times(r, value);
	return check_count(r, value->last);
}

/* What its arguments are is not known; those that are surely layers are made
 * canonical. */
static cer_status
resolve_unknown(cer_resolver *r, cer_ast *call)
{
	if (r->unknown == NULL)
		r->unknown = call;
	for (const cer_ast *child = call->first; child; child = child->next)
		CER_TRY(check_times(r, child));
	CER_TRY(cer_ast_rewrite_runs(r->arena, call, r->err));
	for (cer_ast *child = call->first; child; child = child->next)
	{
		cer_ast *value = child->kind == CER_AST_NAMED ? child->first : child;

		if (value->kind == CER_AST_CHAIN ||
		    (value->kind == CER_AST_CALL && value->first != NULL))
			CER_TRY(cer_resolve_layer(r, value));
	}
	return CER_OK;
}

static cer_status
resolve_call(cer_resolver *r, cer_ast *call)
{
	const cer_word *word = NULL;
	cer_binding binding;

	CER_TRY(cer_find_layer_word(r, call, &word));
	if (word == NULL)
		return resolve_unknown(r, call);
	CER_TRY(cer_call_bind(call, word, r->form, &binding, r->err));
	CER_TRY(resolve_arguments(r, &binding));
	CER_TRY(cer_binding_rewrite(r->arena, &binding, call, r->err));
	shorten_activation(call, word);
	return CER_OK;
}

cer_status
cer_resolve_layer(cer_resolver *r, cer_ast *layer)
{
	switch (layer->kind)
	{
		case CER_AST_CALL:
			return resolve_call(r, layer);
		case CER_AST_CHAIN:
			return resolve_children(r, layer->first, cer_ast_count(layer));
		case CER_AST_CHOICE:
			return resolve_children(r, layer->first, cer_ast_count(layer));
		case CER_AST_OPTIONAL:
		case CER_AST_CONDITION:
			return cer_resolve_layer(r, layer->first);
		case CER_AST_TIMES:
		case CER_AST_FREE_TIMES:
			if (layer->first->kind == CER_AST_NUMBER)
				break;
			return fail_times(r, layer);
		default:
			break;
	}
	return cer_fail_at(r->err, CER_BAD_VALUE, layer->place,
	                   "a number is no structure");
}

cer_status
cer_resolve_as(cer_resolver *r, cer_ast *as)
{
	cer_ast *call;

	if (as->first == NULL)
	{
		CER_TRY(
			cer_resolver_make_call(r, CER_DEFAULT_STRUCTURE, as->place, &call));
		cer_ast_append(as, call);
	}
	if (as->first->kind == CER_AST_CALL)
		r->head = as->first->name;
	return cer_resolve_layer(r, as->first);
}
