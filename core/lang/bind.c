/*
 * lang/bind.c
 *	  The arguments of a call, checked against the word's row in the schema.
 */
#include "lang/bind.h"

#include "base/text.h"
#include "lang/number.h"
#include "lang/suggest.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

_Static_assert(sizeof(size_t) == sizeof(uint64_t),
               "CER_ARG_INTEGER stands for both");

/* An unknown word may be known as something else. */
static void
explain_other_kind(cer_text name, cer_error *err)
{
	for (size_t i = 0; i < cer_schema_count(); i++)
	{
		const cer_word *word = cer_schema_get(i);
		const char *kind = cer_word_kind_name(word->kind);

		if (cer_text_is(name, word->name))
			cer_error_set_detail(err, "\"%s\" is %s %s.", word->name,
			                     strchr("aeo", *kind) ? "an" : "a", kind);
	}
}

/* Names for a sentence, as far as there is room. */
typedef struct names
{
	char text[300];
	size_t size;
} names;

static void
add_name(names *list, const char *name)
{
	if (list->size + strlen(name) + 3 > sizeof(list->text))
		return;
	list->size += (size_t) sprintf(list->text + list->size, "%s%s",
	                               list->size > 0 ? ", " : "", name);
}

static void
explain_words(cer_word_kind kind, cer_error *err)
{
	names list = {.size = 0};

	for (size_t i = 0; i < cer_schema_count(); i++)
		if (cer_schema_get(i)->kind == kind)
			add_name(&list, cer_schema_get(i)->name);
	cer_error_set_detail(err, "Known %ss: %s.", cer_word_kind_name(kind),
	                     list.text);
}

static void
explain_args(const cer_word *word, cer_error *err)
{
	names list = {.size = 0};

	for (size_t i = 0; i < word->n_args; i++)
		if (word->args[i].type != CER_ARG_LAYERS)
			add_name(&list, word->args[i].name);
	if (list.size > 0)
		cer_error_set_detail(err, "%s takes %s.", word->name, list.text);
	else if (word->n_args > 0)
		cer_error_set_detail(err, "%s takes %s.", word->name,
		                     word->args[0].help);
}

cer_status
cer_call_find_word(const cer_ast *call, cer_word_kind kind,
                   const cer_word **word, cer_error *err)
{
	const cer_word *found = cer_schema_find(kind, call->name);
	cer_suggestion suggestion;

	if (found != NULL)
	{
		*word = found;
		return CER_OK;
	}
	cer_fail_at(err, CER_UNKNOWN_NAME, call->place, "unknown %s \"%.*s\"",
	            cer_word_kind_name(kind), CER_SHOW(call->name));
	explain_words(kind, err);
	explain_other_kind(call->name, err);
	cer_suggestion_init(&suggestion, call->name);
	for (size_t i = 0; i < cer_schema_count(); i++)
		if (cer_schema_get(i)->kind == kind)
			cer_suggestion_offer(&suggestion,
			                     cer_text_of(cer_schema_get(i)->name));
	cer_suggestion_hint(&suggestion, err);
	return CER_UNKNOWN_NAME;
}

static void
offer_args(cer_suggestion *suggestion, const cer_word *word)
{
	for (size_t i = 0; i < word->n_args; i++)
		if (word->args[i].type != CER_ARG_LAYERS)
			cer_suggestion_offer(suggestion, cer_text_of(word->args[i].name));
}

/* What an optimizer takes may stand among the settings too. */
static cer_status
fail_unknown_setting(const cer_ast *setting, const cer_word *section,
                     cer_error *err)
{
	cer_suggestion suggestion;

	cer_fail_at(err, CER_UNKNOWN_NAME, setting->place,
	            "unknown setting \"%.*s\"", CER_SHOW(setting->name));
	explain_args(section, err);
	cer_suggestion_init(&suggestion, setting->name);
	offer_args(&suggestion, section);
	for (size_t i = 0; i < cer_schema_count(); i++)
		if (cer_schema_get(i)->kind == CER_WORD_OPTIMIZER)
			offer_args(&suggestion, cer_schema_get(i));
	cer_suggestion_hint(&suggestion, err);
	return CER_UNKNOWN_NAME;
}

cer_status
cer_arg_fail_unknown(const cer_ast *argument, const cer_word *word,
                     cer_error *err)
{
	const cer_word *settings =
		cer_schema_find(CER_WORD_SECTION, cer_text_of("PT"));
	cer_suggestion suggestion;

	if (word->kind == CER_WORD_SECTION)
		return fail_unknown_setting(argument, word, err);
	cer_fail_at(err, CER_UNKNOWN_NAME, argument->place,
	            "%s has no argument \"%.*s\"", word->name,
	            CER_SHOW(argument->name));
	explain_args(word, err);
	if (cer_word_find_arg(settings, argument->name) != NULL)
		cer_error_set_detail(err, "\"%.*s\" is a setting of PT.",
		                     CER_SHOW(argument->name));
	cer_suggestion_init(&suggestion, argument->name);
	offer_args(&suggestion, word);
	cer_suggestion_hint(&suggestion, err);
	return CER_UNKNOWN_NAME;
}

static cer_status
fail_value(const cer_arg *arg, const cer_ast *value, cer_error *err)
{
	char number[CER_NUMBER_BYTES] = "";
	char range[80];

	if (value->kind == CER_AST_NUMBER)
		cer_number_print(value->number, number);
	else if (value->kind == CER_AST_TIMES)
		strcpy(number, "... x ...");
	else if (value->kind == CER_AST_CHAIN)
		strcpy(number, "... > ...");
	cer_fail_at(err, CER_BAD_VALUE, value->place, "bad value %s%.*s for %s",
	            number, CER_SHOW(value->name), arg->name);
	cer_arg_describe(arg, range, sizeof(range));
	cer_error_set_detail(err, "%s is %s: %s.", arg->name, range, arg->help);
	return CER_BAD_VALUE;
}

cer_status
cer_arg_check(const cer_arg *arg, const cer_ast *value, cer_error *err)
{
	double number = value->number;

	if (value->kind != CER_AST_NUMBER || number < arg->least ||
	    number > arg->most || (arg->is_above_least && number == arg->least) ||
	    (arg->is_below_most && number == arg->most) ||
	    (arg->type != CER_ARG_NUMBER && number != floor(number)))
		return fail_value(arg, value, err);
	return CER_OK;
}

static cer_status
read_value(const cer_arg *arg, const cer_ast *value, double *result,
           cer_error *err)
{
	const cer_word *word = NULL;

	if (arg->type == CER_ARG_ACTIVATION)
	{
		if (value->kind != CER_AST_CALL)
			return fail_value(arg, value, err);
		CER_TRY(cer_call_find_word(value, CER_WORD_ACTIVATION, &word, err));
		if (value->first != NULL)
			return cer_fail_at(err, CER_BAD_VALUE, value->first->place,
			                   "%s takes no arguments", word->name);
		*result = word->code;
		return CER_OK;
	}
	CER_TRY(cer_arg_check(arg, value, err));
	*result = value->number;
	return CER_OK;
}

/* Which argument a child of the call is, and its value. */
static cer_status
find_arg(const cer_ast *child, const cer_word *word, size_t position,
         const cer_arg **arg, cer_error *err)
{
	if (child->kind == CER_AST_NAMED)
	{
		*arg = cer_word_find_arg(word, child->name);
		return *arg ? CER_OK : cer_arg_fail_unknown(child, word, err);
	}
	if (position >= word->n_args)
	{
		if (word->n_args == 0)
			return cer_fail_at(err, CER_BAD_VALUE, child->place,
			                   "%s takes no arguments", word->name);
		return cer_fail_at(err, CER_BAD_VALUE, child->place,
		                   "%s takes at most %zu argument%s", word->name,
		                   word->n_args, word->n_args == 1 ? "" : "s");
	}
	*arg = &word->args[position];
	return CER_OK;
}

static cer_status
bind_child(cer_ast *child, size_t position, cer_binding *binding,
           cer_error *err)
{
	const cer_word *word = binding->word;
	const cer_arg *arg;
	cer_ast *value;
	size_t i;

	CER_TRY(find_arg(child, word, position, &arg, err));
	value = child->kind == CER_AST_NAMED ? child->first : child;
	i = (size_t) (arg - word->args);
	if (binding->written[i] != NULL)
		return cer_fail_at(err, CER_BAD_VALUE, child->place,
		                   "%s is given twice", arg->name);
	CER_TRY(read_value(arg, value, &binding->values[i], err));
	binding->written[i] = value;
	return CER_OK;
}

cer_status
cer_call_bind(const cer_ast *call, const cer_word *word, cer_binding *binding,
              cer_error *err)
{
	size_t position = 0;
	bool has_named = false;

	memset(binding, 0, sizeof(*binding));
	binding->word = word;
	for (size_t i = 0; i < word->n_args; i++)
		binding->values[i] = word->args[i].fallback;
	for (cer_ast *child = call->first; child; child = child->next)
	{
		if (child->kind == CER_AST_NAMED)
			has_named = true;
		else if (has_named)
			return cer_fail_at(err, CER_SYNTAX, child->place,
			                   "argument without a name after one with a name");
		CER_TRY(bind_child(child, position++, binding, err));
	}
	return CER_OK;
}

void
cer_binding_store(const cer_binding *binding, void *target)
{
	for (size_t i = 0; i < binding->word->n_args; i++)
	{
		const cer_arg *arg = &binding->word->args[i];
		char *place = (char *) target + arg->offset;

		switch (arg->type)
		{
			case CER_ARG_NUMBER:
				*(double *) (void *) place = binding->values[i];
				break;
			case CER_ARG_INTEGER:
				*(uint64_t *) (void *) place = (uint64_t) binding->values[i];
				break;
			case CER_ARG_ACTIVATION:
				*(cer_activation *) (void *) place =
					(cer_activation) binding->values[i];
				break;
			case CER_ARG_LAYERS:
				break;
		}
	}
}

cer_status
cer_binding_rewrite(cer_arena *arena, const cer_binding *binding, cer_ast *call,
                    cer_error *err)
{
	const cer_word *word = binding->word;

	cer_ast_remove_children(call);
	for (size_t i = 0; i < word->n_args; i++)
	{
		cer_ast *value = binding->written[i];
		cer_ast *named;

		if (value == NULL || binding->values[i] == word->args[i].fallback)
			continue;
		if (word->is_positional)
		{
			cer_ast_append(call, value);
			continue;
		}
		named = cer_ast_make(arena, CER_AST_NAMED, value->place);
		if (named == NULL)
			return cer_fail_memory(err, sizeof(*named));
		named->name = cer_text_of(word->args[i].name);
		cer_ast_append(named, value);
		cer_ast_append(call, named);
	}
	return CER_OK;
}
