/*
 * lang/bind.c
 *	  The arguments of a call, checked against the word's row in the schema.
 */
#include "lang/bind.h"

#include "base/text.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

/* name = value, which in a space may be optional, on a condition, too */
static cer_ast *
find_named(cer_ast *child, cer_form form)
{
	while (form == CER_FORM_SPACE && (child->kind == CER_AST_OPTIONAL ||
	                                  child->kind == CER_AST_CONDITION))
		child = child->first;
	return child->kind == CER_AST_NAMED ? child : NULL;
}

static const cer_arg *
find_flag(const cer_word *word, const cer_ast *child)
{
	const cer_arg *arg = NULL;

	if (child->kind == CER_AST_CALL && child->first == NULL)
		arg = cer_word_find_arg(word, child->name);
	return arg && arg->type == CER_ARG_FLAG ? arg : NULL;
}

static cer_status
fail_position(const cer_ast *child, const cer_word *word, cer_error *err)
{
	size_t n = 0;

	for (size_t i = 0; i < word->n_args; i++)
		n += word->args[i].type != CER_ARG_FLAG;
	if (n == 0)
		return cer_fail_at(err, CER_BAD_VALUE, child->place,
		                   "%s takes no arguments", word->name);
	cer_fail_at(err, CER_BAD_VALUE, child->place,
	            "%s takes at most %zu argument%s", word->name, n,
	            n == 1 ? "" : "s");
	cer_word_explain_args(word, err);
	return CER_BAD_VALUE;
}

static cer_status
bind_value(cer_binding *binding, const cer_arg *arg, cer_ast *child,
           cer_ast *value, cer_error *err)
{
	size_t i = (size_t) (arg - binding->word->args);

	if (binding->written[i] != NULL)
		return cer_fail_at(err, CER_BAD_VALUE, child->place,
		                   "%s is given twice", arg->name);
	binding->written[i] = value;
	if (binding->form != CER_FORM_SPACE || !cer_ast_is_many(value))
		return cer_arg_read(arg, value, &binding->values[i], err);
	binding->values[i] = NAN;
	return cer_arg_check_many(arg, value, err);
}

static cer_status
bind_named(cer_binding *binding, cer_ast *child, cer_ast *named, cer_error *err)
{
	const cer_arg *arg = cer_word_find_arg(binding->word, named->name);

	if (arg == NULL || arg->type == CER_ARG_WIDTHS ||
	    arg->type == CER_ARG_FLAG || arg->type == CER_ARG_CHILDREN)
		return cer_arg_fail_unknown(named, binding->word, err);
	CER_TRY(bind_value(binding, arg, child, named->first, err));
	if (child == named)
		return CER_OK;
	binding->optional[arg - binding->word->args] = child;
	binding->values[arg - binding->word->args] = NAN;
	return CER_OK;
}

static cer_status
bind_rest(cer_binding *binding, const cer_arg *arg, cer_ast *child,
          cer_error *err)
{
	double unused;

	if (binding->n_rest++ == 0)
		binding->rest = child;
	if (arg->type == CER_ARG_WIDTHS)
		return CER_OK;
	if (binding->form == CER_FORM_SPACE && cer_ast_is_many(child))
		return CER_OK;
	return cer_arg_read(arg, child, &unused, err);
}

static cer_status
bind_positional(cer_binding *binding, cer_ast *child, size_t *position,
                cer_error *err)
{
	const cer_word *word = binding->word;
	const cer_arg *arg = find_flag(word, child);

	if (arg != NULL)
		return bind_value(binding, arg, child, child, err);
	while (*position < word->n_args &&
	       word->args[*position].type == CER_ARG_FLAG)
		(*position)++;
	if (*position >= word->n_args)
		return fail_position(child, word, err);
	arg = &word->args[*position];
	if (cer_arg_takes_rest(arg))
		return bind_rest(binding, arg, child, err);
	(*position)++;
	return bind_value(binding, arg, child, child, err);
}

static cer_status
bind_children(cer_binding *binding, const cer_ast *call, cer_error *err)
{
	size_t position = 0;
	bool has_named = false;

	for (cer_ast *child = call->first; child; child = child->next)
	{
		cer_ast *named = find_named(child, binding->form);

		if (named != NULL)
		{
			has_named = true;
			CER_TRY(bind_named(binding, child, named, err));
			continue;
		}
		if (has_named && find_flag(binding->word, child) == NULL)
			return cer_fail_at(err, CER_SYNTAX, child->place,
			                   "argument without a name after one with a name");
		CER_TRY(bind_positional(binding, child, &position, err));
	}
	return CER_OK;
}

static cer_status
fail_missing(const cer_ast *call, const cer_word *word, const cer_arg *arg,
             cer_error *err)
{
	cer_fail_at(err, CER_BAD_VALUE, call->place, "%s without %s", word->name,
	            arg->name);
	cer_arg_explain(arg, err);
	return CER_BAD_VALUE;
}

static cer_status
check_required(const cer_ast *call, cer_binding *binding, cer_error *err)
{
	const cer_word *word = binding->word;

	if (binding->form == CER_FORM_PATTERN)
		return CER_OK;
	for (size_t i = 0; i < word->n_args; i++)
	{
		const cer_arg *arg = &word->args[i];

		if (!arg->is_required)
			continue;
		if (arg->type == CER_ARG_CHILDREN && binding->n_rest < 2)
			return cer_fail_at(err, CER_BAD_VALUE, call->place,
			                   "%s takes two layers or more", word->name);
		if (arg->type != CER_ARG_CHILDREN && binding->written[i] == NULL)
			return fail_missing(call, word, arg, err);
	}
	return CER_OK;
}

cer_status
cer_call_bind(const cer_ast *call, const cer_word *word, cer_form form,
              cer_binding *binding, cer_error *err)
{
	memset(binding, 0, offsetof(cer_binding, widths));
	binding->word = word;
	binding->form = form;
	for (size_t i = 0; i < word->n_args; i++)
		binding->values[i] = word->args[i].fallback;
	CER_TRY(bind_children(binding, call, err));
	CER_TRY(check_required(call, binding, err));
	if (word->n_args > 0 && word->args[0].type == CER_ARG_WIDTHS)
		return cer_binding_read_widths(binding, &word->args[0], err);
	return CER_OK;
}
