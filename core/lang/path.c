/*
 * lang/path.c
 *	  Looking around in canonical trees.
 */
#include "lang/path.h"

#include "base/text.h"

#include <string.h>

cer_ast *
cer_ast_find_section(const cer_ast *triple, cer_ast_kind section)
{
	for (cer_ast *child = triple->first; child; child = child->next)
		if (child->kind == section)
			return child;
	return NULL;
}

cer_ast *
cer_ast_find_named(const cer_ast *parent, cer_text name)
{
	for (cer_ast *child = parent->first; child; child = child->next)
		if (child->kind == CER_AST_NAMED && cer_text_equals(child->name, name))
			return child;
	return NULL;
}

bool
cer_ast_equals(const cer_ast *a, const cer_ast *b)
{
	const cer_ast *x = a->first;
	const cer_ast *y = b->first;

	if (a->kind != b->kind || a->flag != b->flag || a->number != b->number ||
	    !cer_text_equals(a->name, b->name) ||
	    !cer_text_equals(a->qualifier, b->qualifier))
		return false;
	for (; x != NULL && y != NULL; x = x->next, y = y->next)
		if (!cer_ast_equals(x, y))
			return false;
	return x == y;
}

size_t
cer_ast_count_copies(const cer_ast *ast)
{
	double count;

	if (ast->kind != CER_AST_TIMES || ast->last->kind != CER_AST_NUMBER)
		return 1;
	count = ast->last->number;
	return count >= 1 && count <= CER_MAX_LAYERS ? (size_t) count : 1;
}

const cer_ast *
cer_ast_get_copied(const cer_ast *ast)
{
	bool is_copied =
		ast->kind == CER_AST_TIMES && ast->last->kind == CER_AST_NUMBER &&
		ast->last->number >= 1 && ast->last->number <= CER_MAX_LAYERS;

	return is_copied ? ast->first : ast;
}

cer_ast *
cer_pt_find_optimizer(const cer_ast *pt)
{
	for (cer_ast *child = pt->first; child; child = child->next)
		if (child->kind == CER_AST_CALL)
			return child;
	return NULL;
}

const cer_ast *
cer_pt_get_optimizer(const cer_ast *pt, cer_ast *room)
{
	const cer_ast *call = pt ? cer_pt_find_optimizer(pt) : NULL;

	if (call != NULL)
		return call;
	*room = (cer_ast){.kind = CER_AST_CALL,
	                  .name = cer_text_of(CER_DEFAULT_OPTIMIZER)};
	return room;
}

void
cer_training_init(cer_training *training, const cer_ast *triple)
{
	const cer_ast *pt = cer_ast_find_section(triple, CER_AST_PT);
	const cer_ast *as = cer_ast_find_section(triple, CER_AST_AS);

	training->pt = pt;
	training->head = (cer_text){NULL, 0};
	if (as != NULL && as->first != NULL && as->first->kind == CER_AST_CALL)
		training->head = as->first->name;
	training->call = NULL;
	training->word = NULL;
	training->settings = cer_schema_find(CER_WORD_SECTION, cer_text_of("PT"));
	if (pt != NULL)
		training->call = cer_pt_find_optimizer(pt);
	training->word =
		cer_schema_find(CER_WORD_OPTIMIZER,
	                    training->call ? training->call->name
	                                   : cer_text_of(CER_DEFAULT_OPTIMIZER));
}

const cer_word *
cer_call_get_word(const cer_ast *call)
{
	static const cer_word_kind kinds[] = {CER_WORD_STRUCTURE, CER_WORD_LAYER,
	                                      CER_WORD_ENCODER};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
	{
		const cer_word *word = cer_schema_find(kinds[i], call->name);

		if (word != NULL)
			return word->n_args > 0 ? word : NULL;
	}
	return NULL;
}

bool
cer_arg_is_list(const cer_arg *arg)
{
	return arg->type == CER_ARG_WIDTHS;
}

bool
cer_word_takes_widths(const cer_word *word)
{
	for (size_t i = 0; i < word->n_args; i++)
		if (cer_arg_is_list(&word->args[i]))
			return true;
	return false;
}

bool
cer_call_may_omit(const cer_ast *call, const cer_ast *child)
{
	const cer_word *word;

	if (call->kind != CER_AST_CALL)
		return false;
	if (child->kind == CER_AST_NAMED ||
	    (child->kind == CER_AST_CALL && child->first == NULL))
		return true;
	word = cer_call_get_word(call);
	return child->kind == CER_AST_NUMBER && word != NULL &&
	       !cer_word_takes_widths(word);
}

bool
cer_arg_is_positional(const cer_word *word, const cer_arg *arg)
{
	(void) word;
	return arg->is_positional;
}

bool
cer_arg_make_default(const cer_arg *arg, cer_ast *node)
{
	memset(node, 0, sizeof(*node));
	if (arg->is_required || arg->setting != NULL)
		return false;
	if (cer_arg_is_auto(arg))
	{
		node->kind = CER_AST_CALL;
		node->name = cer_text_of(arg->word);
		return true;
	}
	switch (arg->type)
	{
		case CER_ARG_NUMBER:
		case CER_ARG_INTEGER:
			node->kind = CER_AST_NUMBER;
			node->number = arg->fallback;
			return true;
		case CER_ARG_ACTIVATION:
			node->kind = CER_AST_CALL;
			node->name = cer_text_of(
				cer_activation_name((cer_activation) (int) arg->fallback));
			return true;
		case CER_ARG_CHOICE:
			node->kind = CER_AST_CALL;
			node->name = cer_text_of(arg->choices[(int) arg->fallback]);
			return true;
		default:
			return false;
	}
}

static const cer_ast *
find_value(const cer_ast *written, const cer_word *word, cer_text name,
           cer_ast *room)
{
	const cer_arg *arg = word ? cer_word_find_arg(word, name) : NULL;
	const cer_ast *named = written ? cer_ast_find_named(written, name) : NULL;

	if (named != NULL)
		return named->first;
	return arg != NULL && cer_arg_make_default(arg, room) ? room : NULL;
}

const cer_ast *
cer_training_find(const cer_training *training, cer_text name, cer_ast *room)
{
	const cer_ast *value =
		find_value(training->pt, training->settings, name, room);

	if (value != NULL)
		return value;
	return find_value(training->call, training->word, name, room);
}

void
cer_ast_resolve_auto(cer_text head, const cer_arg *arg, cer_ast *value)
{
	double number;

	if (arg == NULL || arg->word == NULL || value->kind != CER_AST_CALL ||
	    !cer_text_is(value->name, arg->word))
		return;
	number = cer_recipe_get(head, arg->name);
	if (arg->type == CER_ARG_CHOICE)
		value->name = cer_text_of(arg->choices[(size_t) number]);
	else if (number >= arg->least)
		*value = (cer_ast){.kind = CER_AST_NUMBER, .number = number};
}

const cer_ast *
cer_training_find_value(const cer_training *training, cer_text name,
                        cer_ast *room)
{
	const cer_ast *value = cer_training_find(training, name, room);
	const cer_arg *arg = cer_word_find_arg(training->settings, name);

	if (arg == NULL && training->word != NULL)
		arg = cer_word_find_arg(training->word, name);
	if (value == room)
		cer_ast_resolve_auto(training->head, arg, room);
	return value;
}

bool
cer_ast_is_open(const cer_ast *ast)
{
	switch (ast->kind)
	{
		case CER_AST_CHOICE:
		case CER_AST_RANGE:
		case CER_AST_OPTIONAL:
		case CER_AST_CONDITION:
		case CER_AST_FREE_TIMES:
			return true;
		default:
			return false;
	}
}
