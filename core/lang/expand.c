/*
 * lang/expand.c
 *	  A structure's body with the arguments of a call put in:
 *
 *	 each(w, widths, dense(w) > relu)	with widths = 8, 4
 *	 dense(8) > relu > dense(4) > relu
 *
 * The body is read anew for each call and changed in place.  A word alone that
 * is a parameter's name is the parameter, whatever else it may be.
 */
#include "lang/resolver.h"

#include "base/text.h"
#include "lang/definition.h"

#include <math.h>
#include <string.h>

/* The variable of an each. */
typedef struct variable
{
	cer_text name;
	size_t value;
	const struct variable *outer;
} variable;

typedef struct expansion
{
	cer_resolver *r;
	const cer_binding *binding;
	cer_place place; /* of the call: all of the body stands there */
	bool keeps_places;
	const variable *variables;
} expansion;

static cer_status substitute(expansion *e, cer_ast **node);

/* ---------------------------------------------------------------- literals */

static void
become_number(cer_ast *node, double number)
{
	node->kind = CER_AST_NUMBER;
	node->name = (cer_text){NULL, 0};
	node->number = number;
}

static double
get_setting(const expansion *e, const cer_arg *arg)
{
	const cer_settings *settings = &e->r->mst->settings;

	return arg->type == CER_ARG_ACTIVATION ? (double) settings->activation
	                                       : settings->dropout;
}

static double
get_value(const expansion *e, size_t i)
{
	const cer_arg *arg = &e->binding->word->args[i];

	if (arg->setting != NULL && e->binding->written[i] == NULL)
		return get_setting(e, arg);
	return e->binding->values[i];
}

static cer_status
copy_tree(expansion *e, const cer_ast *from, cer_ast **copy)
{
	*copy = cer_ast_copy(e->r->arena, from);
	return *copy ? CER_OK : cer_fail_memory(e->r->err, sizeof(**copy));
}

static cer_status
put_argument(expansion *e, size_t i, cer_ast **node)
{
	const cer_arg *arg = &e->binding->word->args[i];
	double value = get_value(e, i);

	switch (arg->type)
	{
		case CER_ARG_ACTIVATION:
			(*node)->name =
				cer_text_of(cer_activation_name((cer_activation) value));
			return CER_OK;
		case CER_ARG_LAYER:
			return copy_tree(e, e->binding->written[i], node);
		default:
			become_number(*node, value);
			return CER_OK;
	}
}

/* ------------------------------------------------------------- arithmetic */

static cer_status
fold(expansion *e, cer_ast *node)
{
	const cer_ast *a = node->first;
	const cer_ast *b = node->last;
	double value;

	if (a->kind != CER_AST_NUMBER || b->kind != CER_AST_NUMBER)
		return cer_fail_at(e->r->err, CER_BAD_VALUE, node->place,
		                   "arithmetic on what is no number in structure "
		                   "\"%s\"",
		                   e->binding->word->name);
	switch (node->name.data[0])
	{
		case '+':
			value = a->number + b->number;
			break;
		case '-':
			value = a->number - b->number;
			break;
		case '*':
			value = a->number * b->number;
			break;
		default:
			/* whole numbers stay whole: widths are divided */
			value = a->number / b->number;
			if (a->number == floor(a->number) && b->number == floor(b->number))
				value = floor(value);
			break;
	}
	if (!isfinite(value))
		return cer_fail_at(e->r->err, CER_BAD_VALUE, node->place,
		                   "division by zero in structure \"%s\"",
		                   e->binding->word->name);
	cer_ast_remove_children(node);
	become_number(node, value);
	return CER_OK;
}

/* ---------------------------------------------------------------- each */

static bool
is_widths(const expansion *e, const cer_ast *node)
{
	const cer_arg *arg;

	if (node->kind != CER_AST_CALL || node->first != NULL)
		return false;
	arg = cer_word_find_arg(e->binding->word, node->name);
	return arg && arg->type == CER_ARG_WIDTHS;
}

static cer_status
fail_each(expansion *e, const cer_ast *node)
{
	return cer_fail_at(e->r->err, CER_SYNTAX, node->place,
	                   "each in structure \"%s\" is not each(name, widths, "
	                   "layers)",
	                   e->binding->word->name);
}

static cer_status
add_each(expansion *e, const cer_ast *body, const variable *v, cer_ast *chain)
{
	const variable *outer = e->variables;
	cer_ast *copy;

	CER_TRY(copy_tree(e, body, &copy));
	e->variables = v;
	CER_TRY(substitute(e, &copy));
	e->variables = outer;
	if (copy->kind == CER_AST_CHAIN)
		cer_ast_move_children(chain, copy);
	else
		cer_ast_append(chain, copy);
	return CER_OK;
}

/* each(name, widths, layers) */
static cer_status
expand_each(expansion *e, cer_ast **node)
{
	const cer_ast *name = (*node)->first;
	const cer_ast *list = name ? name->next : NULL;
	const cer_ast *body = list ? list->next : NULL;
	cer_ast *chain;

	if (body == NULL || body->next != NULL || name->kind != CER_AST_CALL ||
	    !is_widths(e, list))
		return fail_each(e, *node);
	CER_TRY(cer_resolver_make_node(e->r, CER_AST_CHAIN, e->place, &chain));
	for (size_t i = 0; i < e->binding->n_widths; i++)
	{
		variable v = {name->name, e->binding->widths[i], e->variables};

		CER_TRY(add_each(e, body, &v, chain));
	}
	*node = chain;
	return CER_OK;
}

/* ---------------------------------------------------------------- nodes */

/* Where a list of widths is among arguments, its numbers are. */
static cer_status
put_widths(expansion *e, cer_ast *parent)
{
	for (size_t i = 0; i < e->binding->n_widths; i++)
	{
		cer_ast *number;

		CER_TRY(
			cer_resolver_make_node(e->r, CER_AST_NUMBER, e->place, &number));
		number->number = (double) e->binding->widths[i];
		cer_ast_append(parent, number);
	}
	return CER_OK;
}

static cer_status
substitute_children(expansion *e, cer_ast *parent)
{
	cer_ast *child = parent->first;
	cer_ast *next;

	cer_ast_remove_children(parent);
	for (; child; child = next)
	{
		next = child->next;
		if (parent->kind == CER_AST_CALL && is_widths(e, child))
		{
			CER_TRY(put_widths(e, parent));
			continue;
		}
		CER_TRY(substitute(e, &child));
		if (parent->kind == CER_AST_CHAIN && child->kind == CER_AST_CHAIN)
			cer_ast_move_children(parent, child);
		else
			cer_ast_append(parent, child);
	}
	return CER_OK;
}

/* A word alone: a variable, a parameter, or a layer without arguments. */
static cer_status
substitute_word(expansion *e, cer_ast **node)
{
	const cer_arg *arg;

	for (const variable *v = e->variables; v; v = v->outer)
		if (cer_text_equals(v->name, (*node)->name))
		{
			become_number(*node, (double) v->value);
			return CER_OK;
		}
	arg = cer_word_find_arg(e->binding->word, (*node)->name);
	if (arg == NULL)
		return CER_OK;
	return put_argument(e, (size_t) (arg - e->binding->word->args), node);
}

static cer_status
substitute(expansion *e, cer_ast **node)
{
	cer_ast *ast = *node;

	if (!e->keeps_places)
		ast->place = e->place;
	if (ast->kind == CER_AST_CALL && ast->first == NULL)
		return substitute_word(e, node);
	if (ast->kind == CER_AST_CALL && cer_text_is(ast->name, "each"))
		return expand_each(e, node);
	CER_TRY(substitute_children(e, ast));
	return ast->kind == CER_AST_ARITHMETIC ? fold(e, ast) : CER_OK;
}

cer_status
cer_expand_call(cer_resolver *r, const cer_ast *call, const cer_word *word,
                cer_ast **body)
{
	cer_binding binding;
	expansion e = {.r = r, .binding = &binding, .place = call->place};

	CER_TRY(cer_call_bind(call, word, CER_FORM_TRIPLE, &binding, r->err));
	e.keeps_places = word == r->tried;
	if (e.keeps_places)
		CER_TRY(copy_tree(&e, r->tried_body, body));
	else
		CER_TRY(cer_definition_parse_body(r->arena, cer_text_of(word->body),
		                                  body, r->err));
	return substitute(&e, body);
}
